cimport numpy as cnp

from cpool.calls cimport Call
from cpool.kernels.plan cimport Plan


cdef Py_ssize_t place(Py_ssize_t* at, Py_ssize_t size) noexcept
cdef tuple shape_of(Call call)
cdef double work_of(const Plan* g, cnp.ndarray y) noexcept
