# Maxima and minima.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

ctypedef fused T:
    int8_t
    uint8_t
    int16_t
    uint16_t
    int32_t
    uint32_t
    int64_t
    uint64_t
    float
    double

ctypedef fused Op:
    MaxOp
    MinOp

ctypedef fused Form:
    Plain
    Ordered
    Keyed

include "common.pxi"
include "rows.pxi"
include "reduce.pxi"
include "pixels.pxi"
include "spans.pxi"
include "halvings.pxi"
include "neighbours.pxi"
include "threes.pxi"
include "flat.pxi"
include "tiles.pxi"


cdef void fold_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op) noexcept nogil:
    if g.t_type == FLOAT:
        fold_items(g, lo, hi, s, op, <float> 0)
    elif g.t_type == DOUBLE:
        fold_items(g, lo, hi, s, op, <double> 0)
    elif g.t_type == INT8:
        fold_items(g, lo, hi, s, op, <int8_t> 0)
    elif g.t_type == UINT8:
        fold_items(g, lo, hi, s, op, <uint8_t> 0)
    elif g.t_type == INT16:
        fold_items(g, lo, hi, s, op, <int16_t> 0)
    elif g.t_type == UINT16:
        fold_items(g, lo, hi, s, op, <uint16_t> 0)
    elif g.t_type == INT32:
        fold_items(g, lo, hi, s, op, <int32_t> 0)
    elif g.t_type == UINT32:
        fold_items(g, lo, hi, s, op, <uint32_t> 0)
    elif g.t_type == INT64:
        fold_items(g, lo, hi, s, op, <int64_t> 0)
    else:
        fold_items(g, lo, hi, s, op, <uint64_t> 0)


cdef void fold_max(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MaxOp op
    op.tag = 0
    fold_any(g, lo, hi, s, op)


cdef void fold_min(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MinOp op
    op.tag = 0
    fold_any(g, lo, hi, s, op)


cdef void provide(Kernels* table) noexcept:
    table.fold[<int> MAX] = fold_max
    table.fold[<int> MIN] = fold_min
    table.block = BLOCK


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
