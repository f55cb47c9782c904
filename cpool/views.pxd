cimport numpy as cnp

from cpool.kernels.plan cimport Axis, Plan


cdef struct Pooled:
    # The pooled axes of an array, ascending, and their windows.
    int count
    int axes[3]
    Axis windows[3]


cdef int view(Plan* g, Pooled* pooled, cnp.ndarray x, cnp.ndarray y, object q, object q2,
              object mask, bint keep_order, object gradient=*) except -1


cdef bint are_drawn(const Pooled* pooled) noexcept
cdef void bring_together(Plan* g) noexcept
cdef void swap_slots(Plan* g, int i, int j) noexcept
