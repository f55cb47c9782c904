"""Data types: NumPy's, and the codes that the kernels know them by."""

cimport numpy as cnp

from cpool.kernels.plan cimport *

import numpy as np

cnp.import_array()

cdef int BFLOAT_NUM = -1        # NumPy's number for ml_dtypes.bfloat16, once it was seen

cdef int[14] NUMPY_TYPE
for _i, _type in enumerate((
        cnp.NPY_BOOL, cnp.NPY_INT8, cnp.NPY_UINT8, cnp.NPY_INT16, cnp.NPY_UINT16, cnp.NPY_INT32,
        cnp.NPY_UINT32, cnp.NPY_INT64, cnp.NPY_UINT64, cnp.NPY_FLOAT16, -1, cnp.NPY_FLOAT,
        cnp.NPY_DOUBLE, -1)):
    NUMPY_TYPE[_i] = _type


cdef int type_code(cnp.dtype dtype, str name) except -1:
    """The code of a data type; anything that cannot be pooled is a TypeError."""
    global BFLOAT_NUM
    cdef int num = dtype.type_num
    if num == cnp.NPY_FLOAT:
        return FLOAT
    elif num == cnp.NPY_DOUBLE:
        return DOUBLE
    elif num == cnp.NPY_FLOAT16:
        return HALF
    elif num == cnp.NPY_BOOL:
        return BOOL
    elif num == BFLOAT_NUM:
        return BFLOAT
    elif dtype.kind == b"i"[0]:
        return INT8 if dtype.itemsize == 1 else INT16 if dtype.itemsize == 2 else (
            INT32 if dtype.itemsize == 4 else INT64)
    elif dtype.kind == b"u"[0]:
        return UINT8 if dtype.itemsize == 1 else UINT16 if dtype.itemsize == 2 else (
            UINT32 if dtype.itemsize == 4 else UINT64)
    elif dtype.name == "bfloat16":
        BFLOAT_NUM = num
        return BFLOAT
    raise TypeError(
        f"{name} must be of a real type (bool, int8 to uint64, float16, bfloat16, float32, "
        f"float64), got {dtype}")


NATIVE = {
    BOOL: np.dtype(bool), INT8: np.dtype("i1"), UINT8: np.dtype("u1"), INT16: np.dtype("i2"),
    UINT16: np.dtype("u2"), INT32: np.dtype("i4"), UINT32: np.dtype("u4"), INT64: np.dtype("i8"),
    UINT64: np.dtype("u8"), HALF: np.dtype("f2"), FLOAT: np.dtype("f4"), DOUBLE: np.dtype("f8"),
}


cdef int type_number(int code) noexcept:
    """NumPy's number for a type."""
    return BFLOAT_NUM if code == BFLOAT else NUMPY_TYPE[code]


cdef cnp.dtype native_dtype(int code):
    if code == BFLOAT:
        import ml_dtypes
        return np.dtype(ml_dtypes.bfloat16)
    return NATIVE[code]


cdef cnp.ndarray empty_like(cnp.ndarray x, cnp.npy_intp* shape, int code):
    """An array with x's axes, which lie in memory in the order that x's do, as NumPy has it."""
    cdef int i, ndim = cnp.PyArray_NDIM(x)
    if code == BFLOAT or not cnp.PyArray_IS_C_CONTIGUOUS(x):
        return np.empty_like(x, native_dtype(code), "K", False,
                             tuple([shape[i] for i in range(ndim)]))
    return cnp.PyArray_SimpleNew(ndim, shape, NUMPY_TYPE[code])
