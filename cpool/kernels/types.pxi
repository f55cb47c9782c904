# What every unit of kernels stands on: types, blocks, and the operations' tags.
#
# A unit says which types T it folds and which operations Op it does, and includes the texts that it
# needs: what is written once for any T and Op is compiled for these.

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
    #define CPOOL_PER_BLOCK(size) ((Py_ssize_t)(BLOCK / (size)))
    #define CPOOL_UP(n, size) CPOOL_DOWN((n) + (Py_ssize_t)(BLOCK / (size)) - 1, size)
    """
    ctypedef long long huge "cpool_huge"
    Py_ssize_t DOWN "CPOOL_DOWN"(Py_ssize_t n, size_t size) noexcept nogil
    Py_ssize_t UP "CPOOL_UP"(Py_ssize_t n, size_t size) noexcept nogil
    Py_ssize_t PER_BLOCK "CPOOL_PER_BLOCK"(size_t size) noexcept nogil
    const int BLOCK
    const float F_INF "INFINITY"
    const float F_NAN "NAN"
    bint isunordered(double a, double b) nogil
    const int8_t INT8_MIN, INT8_MAX
    const int16_t INT16_MIN, INT16_MAX
    const int32_t INT32_MIN, INT32_MAX
    const int64_t INT64_MIN, INT64_MAX
    const uint8_t UINT8_MAX
    const uint16_t UINT16_MAX
    const uint32_t UINT32_MAX
    const uint64_t UINT64_MAX

# Any type of memory or of a fold.
ctypedef fused Any:
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

# An operation is a struct passed by value: which one it is, is known when the code is compiled, so
# one fold serves all.
cdef struct MaxOp:
    char tag

cdef struct MinOp:
    char tag

cdef struct AddOp:
    char tag

cdef struct ProductOp:
    char tag

# Sums that become means (see `last` in ops.pxi). Exact reciprocals would be no faster: what divides
# has nothing else to do.
cdef struct DivideOp:
    double by

# How elements of memory become those that are folded, a block at a time (pixels.pxi): as they are,
# as they are and known to be no NaNs, widened to floats, or as integers in the same order.
cdef struct Plain:
    char tag

cdef struct Ordered:
    char tag

cdef struct WideHalf:
    char tag

cdef struct WideBfloat:
    char tag

cdef struct Keyed:
    int16_t infinity
    int16_t nan
