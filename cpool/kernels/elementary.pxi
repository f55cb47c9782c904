# exp, log and pow of rows.

cdef extern from "<math.h>" nogil:
    double exp(double v)
    double log(double v)
    double pow(double v, double p)


cdef void exps(T* restrict y, const T* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = <T> exp(x[i])


cdef void logs(T* restrict y, const T* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = <T> log(x[i])


cdef void powers(T* restrict y, const T* restrict x, double p, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = <T> pow(x[i], p)
