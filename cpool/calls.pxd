cimport numpy as cnp
from libc.stdint cimport uint64_t

from cpool.kernels.plan cimport Plan, kernel_t
from cpool.windows cimport Tables


cdef enum:
    AXES = 8            # of arrays for which plans are kept, at most


cdef extern from *:
    """
    /* 2**64 over the golden ratio: the upper bits of a product depend on all of a number. */
    #define CPOOL_SCATTER UINT64_C(0x9E3779B97F4A7C15)
    """
    const uint64_t SCATTER "CPOOL_SCATTER"


cdef struct Key:
    # What a plan depends on: the addresses of objects, and numbers.
    Py_ssize_t words[40]
    int count           # of words; 0: neither find nor keep a plan
    uint64_t hash


cdef class Call:
    cdef Plan plan
    cdef kernel_t kernel
    cdef double work                # elements moved
    cdef Py_ssize_t reach           # bytes of x, from its first element on
    cdef int ndim, y_code           # of the result
    cdef cnp.npy_intp shape[64]
    cdef Tables tables
    cdef Key key
    cdef tuple held                 # the objects whose addresses are in the key


cdef Call take(const Key* key, bint* known)
cdef int keep(Call call, const Key* key, tuple held) except -1
cdef int put_back(Call call) except -1


cdef inline void put(Key* key, Py_ssize_t word) noexcept:
    key.words[key.count] = word
    key.count += 1


cdef inline void put_hashed(Key* key, Py_ssize_t word) noexcept:
    """For words in which the calls of a program differ."""
    key.hash = (key.hash ^ <uint64_t> word) * SCATTER
    put(key, word)
