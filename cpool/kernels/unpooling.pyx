# Values to positions: the transpose of selections, and unpooling.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

ctypedef fused T:
    float
    double

ctypedef fused Op:
    AddOp

include "common.pxi"
include "scatter.pxi"
include "unpool.pxi"


cdef void scatter_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        scatter_items(g, lo, hi, s, <double> 0)
    else:
        scatter_items(g, lo, hi, s, <float> 0)


cdef void provide(Kernels* table) noexcept:
    table.scatter = scatter_any
    table.unpool = unpool_items
    table.unpool_transposed = unpool_transposed_items


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
