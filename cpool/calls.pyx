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
from libc.string cimport memcmp, memcpy

from cpool.windows cimport Windows

import numpy as np


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
    """Remembers what a function without effects makes of its last arguments, one to six of them."""
    cdef object function
    cdef int count
    cdef PyObject* given[PLACES][6]     # arguments that `held` keeps alive
    cdef list held, made

    def __init__(self, function, int count):
        self.function, self.count = function, count
        self.held, self.made = [None] * PLACES, [None] * PLACES

    # By position and of fixed number, so that no tuple is made.
    def call(self, a, b=None, c=None, d=None, e=None, f=None):
        """function(a, b, ...), or the same object as the last time."""
        cdef PyObject* words[6]
        cdef PyObject** given
        cdef Py_ssize_t place
        words[0], words[1], words[2] = <PyObject*> a, <PyObject*> b, <PyObject*> c
        words[3], words[4], words[5] = <PyObject*> d, <PyObject*> e, <PyObject*> f
        place = <Py_ssize_t> ((
            <uint64_t> words[0] + 3 * <uint64_t> words[1] + 5 * <uint64_t> words[2]
            + 7 * <uint64_t> words[3] + 9 * <uint64_t> words[4] + 11 * <uint64_t> words[5]
        ) * SCATTER >> (64 - BITS))
        given = self.given[place]
        if (given[0] == words[0] and given[1] == words[1] and given[2] == words[2]
                and given[3] == words[3] and given[4] == words[4] and given[5] == words[5]):
            return self.made[place]
        arguments = (a, b, c, d, e, f)[:self.count]
        made = self.function(*arguments)
        if is_constant(arguments):
            memcpy(given, words, sizeof(words))
            self.held[place], self.made[place] = arguments, made
        return made


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
