# Order statistics: medians, quantiles, ranks, trimmed means and modes, forward and backward.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

# Keys, and what gradients are added up in.
ctypedef fused T:
    uint8_t
    int16_t
    int32_t
    int64_t
    float
    double

ctypedef fused K:
    uint8_t
    int16_t
    int32_t
    int64_t

ctypedef fused R:
    float
    double

ctypedef fused Op:
    MaxOp
    MinOp

cdef extern from "<math.h>" nogil:
    double floor(double v)
    double ceil(double v)
    double rint(double v)

include "common.pxi"
include "lanes.pxi"
include "keys.pxi"
include "order.pxi"
include "squares.pxi"
include "nines.pxi"
include "sweeps.pxi"
include "modes.pxi"


cdef void order_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.small_mode:
        small_modes(g, lo, hi, s)
    elif g.x_size == 1:
        order_items(g, lo, hi, s, <uint8_t> 0)
    elif g.x_size == 2:
        order_items(g, lo, hi, s, <int16_t> 0)
    elif g.x_size == 4:
        order_items(g, lo, hi, s, <int32_t> 0)
    else:
        order_items(g, lo, hi, s, <int64_t> 0)


cdef void provide(Kernels* table) noexcept:
    table.order = order_any


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
