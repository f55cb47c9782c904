# The kernels of one instruction set. This text is compiled once for each of them: baseline.pyx,
# avx2.pyx and avx512.pyx include it and differ in the compiler's flags alone (setup.py).
#
# A kernel takes items lo to hi (tiles of planes) and scratch memory. It knows no threads, no
# Python and no allocation. From the bottom up:
#
#   ops        the types and what is done to two elements
#   halves     16-bit floats
#   windows    which elements a window reads
#   rows       rows folded into rows: the loops that touch every element
#   boxes      tiles: which part of the result, and what it reads
#   load       a row of any array -> a contiguous row of the type that is folded
#   store      a row of folded values -> a row of the result
#   tiles      sums and extrema, forward and transposed
#   select     extrema with positions
#   scatter    their transpose; unpooling

from cpython.pycapsule cimport PyCapsule_New
from cpool.kernels.plan cimport *

include "ops.pxi"
include "halves.pxi"
include "windows.pxi"
include "rows.pxi"
include "boxes.pxi"
include "load.pxi"
include "store.pxi"
include "flat.pxi"
include "tiles.pxi"
include "select.pxi"
include "scatter.pxi"


cdef void fold_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op) noexcept nogil:
    if g.t_type == FLOAT:
        fold_items(g, lo, hi, s, op, <float> 0)
    elif g.t_type == DOUBLE:
        fold_items(g, lo, hi, s, op, <double> 0)
    elif g.t_type == INT32:
        fold_items(g, lo, hi, s, op, <int32_t> 0)
    elif g.t_type == UINT64:
        fold_items(g, lo, hi, s, op, <uint64_t> 0)
    elif g.t_type == INT16:
        fold_items(g, lo, hi, s, op, <int16_t> 0)
    elif Op is AddOp:
        fold_items(g, lo, hi, s, op, <huge> 0)
    elif g.t_type == INT8:
        fold_items(g, lo, hi, s, op, <int8_t> 0)
    elif g.t_type == UINT8:
        fold_items(g, lo, hi, s, op, <uint8_t> 0)
    elif g.t_type == UINT16:
        fold_items(g, lo, hi, s, op, <uint16_t> 0)
    elif g.t_type == UINT32:
        fold_items(g, lo, hi, s, op, <uint32_t> 0)
    else:
        fold_items(g, lo, hi, s, op, <int64_t> 0)


cdef void select_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Best op) noexcept nogil:
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


cdef void fold_max(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MaxOp op
    op.tag = 0
    fold_any(g, lo, hi, s, op)


cdef void fold_min(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MinOp op
    op.tag = 0
    fold_any(g, lo, hi, s, op)


cdef void fold_add(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef AddOp op
    op.tag = 0
    fold_any(g, lo, hi, s, op)


cdef void select_max(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MaxOp op
    op.tag = 0
    select_any(g, lo, hi, s, op)


cdef void select_min(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef MinOp op
    op.tag = 0
    select_any(g, lo, hi, s, op)


cdef void scatter_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        scatter_items(g, lo, hi, s, <double> 0)
    else:
        scatter_items(g, lo, hi, s, <float> 0)


cdef Kernels table
table.fold[<int> MAX] = fold_max
table.fold[<int> MIN] = fold_min
table.fold[<int> ADD] = fold_add
table.select[<int> MAX] = select_max
table.select[<int> MIN] = select_min
table.scatter = scatter_any
table.unpool = unpool_items
table.unpool_transposed = unpool_transposed_items
table.block = BLOCK

kernels = PyCapsule_New(&table, "cpool.kernels", NULL)
