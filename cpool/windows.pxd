from cpool.kernels.plan cimport Axis, Drawn


cdef class Tables:
    cdef void** blocks
    cdef int count
    cdef Py_ssize_t entries
    cdef void* take(self, Py_ssize_t entries) except NULL


cdef class Windows:
    cdef int entries
    cdef str named
    cdef int check_axes(self, int axes) except -1
    cdef int fill(self, Axis* a, int i, Py_ssize_t n, Tables tables) except -1
    cdef Py_ssize_t length(self, int i, Py_ssize_t n, Tables tables) except -1


cdef bint boolean(object value, str name) except -1
cdef int fill_sizes(Axis* a, bint count_include_pad, Tables tables) except -1
cdef int list_long(Axis* a, Tables tables) except -1
cdef int list_windows(Axis* a, Tables tables) except -1
cdef int tabulate(Axis* a, Axis* b, Tables tables) except -1
cdef Py_ssize_t room_for_windows(const Axis* a) noexcept nogil
cdef Py_ssize_t* make_windows(Axis* a, Py_ssize_t plane, Py_ssize_t* memory) noexcept nogil
cdef int transpose(Axis* a, Tables tables) except -1
