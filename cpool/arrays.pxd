cimport numpy as cnp

from cpool.calls cimport Call
from cpool.kernels.plan cimport Plan, kernel_t
from cpool.views cimport Pooled
from cpool.windows cimport Tables, Windows


cdef class Options:
    cdef readonly object axes, channels_last, nan_policy, where, dtype, out
    cdef readonly int rank      # 1 to 3 for functions whose name says it, else GLOBAL or 0


cdef void clear(Plan* g) noexcept
cdef int windows_on(Pooled* pooled, Windows windows, tuple axes, tuple order, object shape,
                    Tables tables) except -1
cdef int windows_of(Pooled* pooled, Windows windows, cnp.ndarray x, Options options,
                    Tables tables) except -1
cdef int mean_of(Plan* g, Pooled* pooled, bint count_include_pad, object divisor,
                 Tables tables) except -1
cdef int explain(int failures, int y_type) except -1
cdef int run(Plan* g, kernel_t kernel, double work) except -1
cdef cnp.ndarray output(object given, Call call, tuple inputs, str what=*)
cdef cnp.ndarray cleared(object out, cnp.ndarray x, object dtype)
cdef object settled(cnp.ndarray gx, object dtype, object out)
cdef void types(Plan* g, cnp.ndarray x, int x_code, int t_code, int y_code) noexcept
cdef double result_shape(const Pooled* pooled, cnp.ndarray x, cnp.npy_intp* shape) noexcept
cdef int nan_policy_of(Plan* g, object policy, int x_code) except -1
cdef bint readable(Plan* g, cnp.ndarray x) except -1
