# Weighted sums over windows: blurring, and convolutions of each channel for itself.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

ctypedef fused T:
    float
    double

ctypedef fused Op:
    AddOp

include "common.pxi"
include "weighted.pxi"


cdef void weigh_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.task == LEARNING_OF:
        if g.t_type == DOUBLE:
            learn_items(g, lo, hi, s, <double> 0)
        else:
            learn_items(g, lo, hi, s, <float> 0)
    elif g.t_type == DOUBLE:
        weigh_items(g, lo, hi, s, <double> 0)
    else:
        weigh_items(g, lo, hi, s, <float> 0)


cdef void provide(Kernels* table) noexcept:
    table.weigh = weigh_any


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
