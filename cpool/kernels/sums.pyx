# Sums, of which means are made; how many elements of windows exist.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

# Accumulators: of small integers, of integers modulo 2**64, and of means of large ones.
ctypedef fused T:
    int16_t
    int32_t
    uint64_t
    huge
    float
    double

ctypedef fused Op:
    AddOp
    DivideOp

ctypedef fused Form:
    Plain
    WideHalf
    WideBfloat

include "common.pxi"
include "rows.pxi"
include "reduce.pxi"
include "narrow.pxi"
include "pixels.pxi"
include "spans.pxi"
include "halvings.pxi"
include "neighbours.pxi"
include "threes.pxi"
include "flat.pxi"
include "spread.pxi"
include "tiles.pxi"


cdef void fold_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op) noexcept nogil:
    if g.t_type == FLOAT:
        fold_items(g, lo, hi, s, op, <float> 0)
    elif g.t_type == DOUBLE:
        fold_items(g, lo, hi, s, op, <double> 0)
    elif g.t_type == INT16:
        fold_items(g, lo, hi, s, op, <int16_t> 0)
    elif g.t_type == INT32:
        fold_items(g, lo, hi, s, op, <int32_t> 0)
    elif g.t_type == UINT64:
        fold_items(g, lo, hi, s, op, <uint64_t> 0)
    else:
        fold_items(g, lo, hi, s, op, <huge> 0)


cdef void fold_add(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef AddOp op
    op.tag = 0
    fold_any(g, lo, hi, s, op)


cdef void count_tile(const Plan* g, const Tile* t, int what, char* s) noexcept nogil:
    """Elements of each window that exist, or NaNs that must not be there."""
    cdef AddOp add
    add.tag = 0
    fold_tile(g, t, <What> what, s, add, <int32_t> 0)


cdef void lift_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.task != VALUES_OF and g.t_type == DOUBLE:
        make_slopes(g, lo, hi, <double> 0)
    elif g.task != VALUES_OF:
        make_slopes(g, lo, hi, <float> 0)
    elif g.kind == NORM:
        add_items(g, lo, hi)
    elif g.t_type == DOUBLE:
        make_weights(g, lo, hi, <double> 0)
    else:
        make_weights(g, lo, hi, <float> 0)


cdef void provide(Kernels* table) noexcept:
    use_avx512(table.avx512)
    table.fold[<int> ADD] = fold_add
    table.count = count_tile
    table.lift = lift_any


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
