"""The driver: the instruction set in use, and the only parallel region of the library."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport prange
from libc.stdlib cimport free, malloc

from cpool.kernels.plan cimport Kernels, Plan, kernel_t

import cpool.kernels
from cpool import threads

cdef extern from *:
    """
    #ifdef _OPENMP
    #define CPOOL_OPENMP 1
    #else
    #define CPOOL_OPENMP 0
    #endif
    """
    const int CPOOL_OPENMP

OPENMP = bool(CPOOL_OPENMP)

cdef double SMALL = 65536       # elements moved by a call that is not worth a second thread
cdef double QUICK = 4096        # ... nor letting other Python threads run meanwhile

cdef Kernels* kernels = NULL
ISA = None


def use_instruction_set(name):
    """Run the kernels of one instruction set from now on; for tests and measurements."""
    global kernels, ISA
    capsule = cpool.kernels.load(name)
    kernels = <Kernels*> PyCapsule_GetPointer(capsule, "cpool.kernels")
    ISA = name


use_instruction_set(cpool.kernels.NAME)


cdef int run(kernel_t kernel, Plan* g, double work) except -1:
    """All items of a plan. What went wrong in kernels is in g.failures."""
    cdef int count = 1, memory = 0
    if g.items == 0:
        return 0
    if work > SMALL and g.items > 1:
        count = threads.current()
    if count <= 1 and work <= QUICK:
        memory = run_items(kernel, g, 0, g.items)
    elif count <= 1:
        with nogil:
            memory = run_items(kernel, g, 0, g.items)
    else:
        memory = run_parallel(kernel, g, count)
    if memory != 0:
        raise MemoryError(f"no memory for {g.scratch} bytes of scratch for each thread")
    return 0


cdef int run_items(kernel_t kernel, const Plan* g, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    cdef char* memory = <char*> malloc(g.scratch + 64)
    if memory == NULL:
        return 1
    kernel(g, lo, hi, memory + (64 - <size_t> memory % 64))
    free(memory)
    return 0


cdef int run_parallel(kernel_t kernel, const Plan* g, int count) except -1:
    """Items in blocks over threads. Tiles stand at absolute places and own what they write, so
    the result does not depend on who does which block."""
    cdef Py_ssize_t block, blocks = min(g.items, <Py_ssize_t> count * 8)
    cdef int memory = 0
    for block in prange(blocks, nogil=True, schedule="dynamic", num_threads=count):
        memory += run_items(kernel, g, g.items * block // blocks, g.items * (block + 1) // blocks)
    return memory
