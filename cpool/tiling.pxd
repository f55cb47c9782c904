from cpool.kernels.plan cimport Plan


cdef int tile(Plan* g, int block, bint selecting, bint scattering) except -1
