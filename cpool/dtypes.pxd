cimport numpy as cnp

from cpool.kernels.plan cimport *

cdef extern from *:
    """
    /* Bytes of an element, by TypeCode. */
    static const int cpool_sizes[] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, 16};
    """
    const int* SIZE "cpool_sizes"


cdef inline bint floating(int code) noexcept nogil:
    return code == FLOAT or code == DOUBLE or code == HALF or code == BFLOAT


cdef inline bint unsigned(int code) noexcept nogil:
    return code == UINT8 or code == UINT16 or code == UINT32 or code == UINT64 or code == BOOL


cdef int type_code(cnp.dtype dtype, str name) except -1
cdef int type_number(int code) noexcept
cdef cnp.dtype native_dtype(int code)
cdef cnp.ndarray empty_like(cnp.ndarray x, cnp.npy_intp* shape, int code)
