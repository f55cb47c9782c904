# Products, of which geometric means are made.

from cpython.pycapsule cimport PyCapsule_New

from cpool.kernels.plan cimport *

include "types.pxi"

ctypedef fused T:
    float
    double

ctypedef fused Op:
    ProductOp

include "common.pxi"
include "rows.pxi"
include "reduce.pxi"
include "spans.pxi"
include "flat.pxi"
include "tiles.pxi"


cdef void fold_product(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef ProductOp op
    op.tag = 0
    fold_items(g, lo, hi, s, op, <double> 0)


cdef void provide(Kernels* table) noexcept:
    use_avx512(table.avx512)
    table.fold[<int> PRODUCT] = fold_product


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
