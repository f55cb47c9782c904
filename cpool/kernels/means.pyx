# Norms, power means and exponentially weighted means, forward and backward; elements drawn.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

ctypedef fused T:
    float
    double

ctypedef fused Op:
    MaxOp
    MinOp

cdef extern from "<math.h>" nogil:
    bint isinf(double v)
    float sqrtf(float v)
    double sqrt(double v)
    double fmax(double a, double b)
    double ldexp(double v, int exponent)
    int ilogb(double v)

include "common.pxi"
include "lanes.pxi"
include "means.pxi"
include "sampling.pxi"


cdef void mean_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.kind == DRAWN:
        draw_items(g, lo, hi, s)
    elif g.kind == GATED and g.t_type == DOUBLE:
        gate_items(g, lo, hi, <double> 0)
    elif g.kind == GATED:
        gate_items(g, lo, hi, <float> 0)
    elif g.t_type == DOUBLE:
        mean_items(g, lo, hi, s, <double> 0)
    else:
        mean_items(g, lo, hi, s, <float> 0)


cdef void provide(Kernels* table) noexcept:
    use_avx512(table.avx512)
    table.means = mean_any


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
