# The data types that are folded, and what is done to two of them.
#
# An operation is an empty struct passed by value: which one it is, is known when the code is
# compiled, so one fold serves all. To add one: a tag here, `pick`, `identity`, and its lines in
# kernels.pxi.

from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from *:
    """
    #include <stdint.h>
    #include <math.h>
    #if defined(__SIZEOF_INT128__)
    typedef __int128 cpool_huge;
    #else
    typedef int64_t cpool_huge;
    #endif
    #define CPOOL_INLINE static inline __attribute__((always_inline))
    #define CPOOL_NOINLINE __attribute__((noinline))
    /* Rows are folded in whole blocks, so that no compiler writes a remainder loop: BLOCK bytes
       is the longest vector that the flags allow. */
    #ifndef BLOCK
    #define BLOCK 32
    #endif
    #define CPOOL_DOWN(n, size) ((n) & -(Py_ssize_t)(BLOCK / (size)))
    #define CPOOL_UP(n, size) CPOOL_DOWN((n) + (Py_ssize_t)(BLOCK / (size)) - 1, size)
    """
    ctypedef long long huge "cpool_huge"
    Py_ssize_t DOWN "CPOOL_DOWN"(Py_ssize_t n, size_t size) noexcept nogil
    Py_ssize_t UP "CPOOL_UP"(Py_ssize_t n, size_t size) noexcept nogil
    const int BLOCK
    const float F_INF "INFINITY"
    const int8_t INT8_MIN, INT8_MAX
    const int16_t INT16_MIN, INT16_MAX
    const int32_t INT32_MIN, INT32_MAX
    const int64_t INT64_MIN, INT64_MAX
    const uint8_t UINT8_MAX
    const uint16_t UINT16_MAX
    const uint32_t UINT32_MAX
    const uint64_t UINT64_MAX

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
    huge

cdef struct MaxOp:
    char tag

cdef struct MinOp:
    char tag

cdef struct AddOp:
    char tag

ctypedef fused Op:
    MaxOp
    MinOp
    AddOp


cdef inline T pick(T a, T v, Op op) noexcept nogil:
    """a and v combined. In two steps: a NaN in v must win, and this form is vectorised."""
    cdef T m
    if Op is AddOp:
        return <T> (a + v)
    elif Op is MaxOp:
        m = v if v > a else a
        return v if v != v else m
    else:
        m = v if v < a else a
        return v if v != v else m


cdef inline T identity(Op op, T tag) noexcept nogil:
    """What changes nothing when combined with anything."""
    if Op is AddOp or T is huge:
        return <T> 0
    elif T is float or T is double:
        return -F_INF if Op is MaxOp else F_INF
    elif T is int8_t:
        return INT8_MIN if Op is MaxOp else INT8_MAX
    elif T is int16_t:
        return INT16_MIN if Op is MaxOp else INT16_MAX
    elif T is int32_t:
        return INT32_MIN if Op is MaxOp else INT32_MAX
    elif T is int64_t:
        return INT64_MIN if Op is MaxOp else INT64_MAX
    elif T is uint8_t:
        return 0 if Op is MaxOp else UINT8_MAX
    elif T is uint16_t:
        return 0 if Op is MaxOp else UINT16_MAX
    elif T is uint32_t:
        return 0 if Op is MaxOp else UINT32_MAX
    else:
        return 0 if Op is MaxOp else UINT64_MAX
