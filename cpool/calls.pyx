"""What is remembered from call to call: plans, and objects made of arguments.

A call on a small array takes no longer than Python needs to tell what it is, so what was found out
once about the arguments is kept for the next call that has the same. "The same" are objects at the
same addresses, which are kept alive and cannot change; that is fast to see, and 2 is not 2.0.
Memories have a fixed number of places, and what comes to a place replaces what was there. They are
touched with the GIL held only, and nothing that changes is shared: who uses a plan takes it out.
"""

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from cpool.windows cimport Windows

import numpy as np

cdef extern from "Python.h":
    PyObject* item "PyTuple_GET_ITEM"(tuple, Py_ssize_t) noexcept

cdef enum:
    BITS = 6
    PLACES = 64             # 1 << BITS
    ENTRIES = 1024          # of a plan's tables, at most


cdef bint is_constant(object value):
    """Whether what a value says cannot change."""
    if type(value) is tuple:
        for item in <tuple> value:
            if not is_constant(item):
                return False
        return True
    return (value is None or type(value) is int or type(value) is bool or type(value) is str
            or isinstance(value, (Windows, type, np.dtype)))


# --- objects made of arguments --------------------------------------------------------------------

@cython.final
cdef class Recent:
    """A function whose immutable results are kept, for arguments that are constants."""
    cdef object function
    cdef list given, made

    def __init__(self, function):
        self.function = function
        self.given = [None] * PLACES
        self.made = [None] * PLACES

    def __call__(self, *args):
        cdef Py_ssize_t i, place
        cdef uint64_t hashed = 0
        cdef tuple kept
        for i in range(len(args)):
            hashed = (hashed ^ <uint64_t> item(args, i)) * (
                <uint64_t> 0x9E3779B97F4A7C15)
        place = <Py_ssize_t> (hashed >> (64 - BITS))
        kept = <tuple> self.given[place]
        if kept is not None and are_same(kept, args):
            return self.made[place]
        result = self.function(*args)
        if is_constant(args):
            self.given[place], self.made[place] = args, result
        return result


cdef bint are_same(tuple a, tuple b):
    cdef Py_ssize_t i
    if len(a) != len(b):
        return False
    for i in range(len(a)):
        if item(a, i) != item(b, i):
            return False
    return True


# --- plans ----------------------------------------------------------------------------------------

cdef PyObject* calls[PLACES]


@cython.final
@cython.no_gc
cdef class Call:
    """A plan, with what it was made for. It is of who took it, until it is put back."""


cdef Call take(const Key* key, bint* known):
    """The plan of such a call, or (known: False) the memory for one."""
    cdef Py_ssize_t place = <Py_ssize_t> (key.hash >> (64 - BITS))
    cdef PyObject* found = calls[place]
    cdef Call call
    known[0] = False
    if found == NULL:
        return Call.__new__(Call)
    calls[place] = NULL
    call = <Call> found
    Py_DECREF(call)
    known[0] = (key.count > 0 and call.key.count == key.count and memcmp(
        call.key.words, key.words, key.count * sizeof(Py_ssize_t)) == 0)
    return call


cdef int put_back(Call call) except -1:
    """For the next one; what another thread has put there meanwhile goes."""
    cdef Py_ssize_t place = <Py_ssize_t> (call.key.hash >> (64 - BITS))
    cdef PyObject* found = calls[place]
    Py_INCREF(call)
    calls[place] = <PyObject*> call
    if found != NULL:
        Py_DECREF(<object> found)
    return 0


cdef int keep(Call call, const Key* key, tuple held) except -1:
    """A new plan, or if it may not be kept its memory alone."""
    call.key = key[0]
    call.held = held
    if key.count == 0 or call.tables.entries > ENTRIES or not is_constant(held):
        call.key.count = 0
        call.tables = call.held = None
    return put_back(call)
