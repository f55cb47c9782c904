from cpool.kernels.plan cimport Plan


cdef bint has_small_planes(const Plan* g) noexcept
cdef int tile(Plan* g, int block, bint selecting, bint scattering) except -1
cdef int tile_slopes(Plan* g, int block) except -1
cdef int tile_weighted(Plan* g, int block) except -1
cdef void tile_unpooling(Plan* g, Py_ssize_t planes, bint transposed) noexcept
