# Extrema with positions.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

# Narrower types are loaded as 32 bits, as wide as the offsets.
ctypedef fused T:
    int32_t
    uint32_t
    int64_t
    uint64_t
    float
    double

ctypedef fused Op:
    MaxOp
    MinOp

include "common.pxi"
include "twos.pxi"
include "picks.pxi"
include "select.pxi"


cdef void select_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op) noexcept nogil:
    if g.t_type == FLOAT:
        select_items(g, lo, hi, s, op, <float> 0)
    elif g.t_type == DOUBLE:
        select_items(g, lo, hi, s, op, <double> 0)
    elif g.t_type == INT32:
        select_items(g, lo, hi, s, op, <int32_t> 0)
    elif g.t_type == UINT32:
        select_items(g, lo, hi, s, op, <uint32_t> 0)
    elif g.t_type == INT64:
        select_items(g, lo, hi, s, op, <int64_t> 0)
    else:
        select_items(g, lo, hi, s, op, <uint64_t> 0)


cdef void select_max(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MaxOp op
    op.tag = 0
    select_any(g, lo, hi, s, op)


cdef void select_min(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MinOp op
    op.tag = 0
    select_any(g, lo, hi, s, op)


cdef void provide(Kernels* table) noexcept:
    table.select[<int> MAX] = select_max
    table.select[<int> MIN] = select_min


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
