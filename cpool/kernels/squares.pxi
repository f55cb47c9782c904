cdef void square_item(const Plan* g, Py_ssize_t item, char* s, K tag) noexcept nogil:
    pass
