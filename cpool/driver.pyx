"""The driver: the instruction set in use, and the only parallel region of the library."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport parallel, prange, threadid
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from cpool.kernels.plan cimport Kernels, Moved, Plan, kernel_t, provide_t
from cpool.windows cimport make_windows, room_for_windows

import cpool.kernels
from cpool import threads

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define CPOOL_OPENMP 1
    #define cpool_seconds() omp_get_wtime()
    #else
    #define CPOOL_OPENMP 0
    #define cpool_seconds() 0.0
    #endif

    #define CPOOL_SLOTS 16
    static char *cpool_kept[CPOOL_SLOTS];
    static inline char *cpool_swap(int slot, char *block) {
        return __atomic_exchange_n(&cpool_kept[slot], block, __ATOMIC_ACQ_REL);
    }
    """
    const int CPOOL_OPENMP
    const int SLOTS "CPOOL_SLOTS"      # blocks of scratch that are kept
    double seconds "cpool_seconds"() noexcept nogil
    char* swap "cpool_swap"(int slot, char* block) noexcept nogil

OPENMP = bool(CPOOL_OPENMP)
if not OPENMP:
    threads.use_one()

cdef double SMALL = 65536       # elements moved by a call that is not worth a second thread
cdef double QUICK = 4096        # ... nor letting other Python threads run meanwhile
cdef double PATIENCE = 0.001    # seconds that a call may wait for its other threads
cdef double REST = 20           # times what a call waited in vain, for which calls use one thread
cdef double alone_until = 0

cdef enum:
    KEPT = 1048576      # bytes of the largest block of scratch that is kept

cdef Kernels kernels
cdef Py_ssize_t largest = 0     # bytes of scratch of a thread, of the calls since it was asked for
ISA = None


def use_instruction_set(name):
    """Run the kernels of one instruction set from now on; for tests and measurements."""
    global ISA
    kernels.avx512 = name.startswith("avx512")
    for provider in cpool.kernels.load(name):
        (<provide_t> PyCapsule_GetPointer(provider, "cpool.kernels"))(&kernels)
    ISA = name


def take_largest_scratch():
    """Bytes of scratch that each thread of a call had, at most, since the last time; for tests."""
    global largest
    size, largest = largest, 0
    return size


use_instruction_set(cpool.kernels.NAME)


cdef int run(kernel_t kernel, Plan* g, double work) except -1:
    """All items of a plan. What went wrong in kernels is in g.failures."""
    cdef Plan all_planes
    cdef int i
    if g.apart == 0:
        return run_alike(kernel, g, work)
    all_planes = g[0]
    all_planes.one, all_planes.kernel = g, kernel
    all_planes.items = g.items * g.apart
    all_planes.tables_at = (g.scratch + 63) // 64 * 64
    all_planes.scratch = all_planes.tables_at
    for i in range(3):
        if g.axis[i].drawn != NULL:
            all_planes.scratch += 8 * room_for_windows(&g.axis[i])
    if g.group == 0:
        return run_alike(plane_by_plane, &all_planes, work)
    all_planes.items = number_groups(g, g.outer[g.apart_ndim - 1]) * (
        g.apart // g.outer[g.apart_ndim - 1])
    place_copies(&all_planes, &all_planes.moved_x)
    place_copies(&all_planes, &all_planes.moved_mask)
    place_copies(&all_planes, &all_planes.moved_y)
    place_copies(&all_planes, &all_planes.moved_q)
    place_copies(&all_planes, &all_planes.moved_q2)
    return run_alike(group_by_group, &all_planes, work)


cdef inline Py_ssize_t number_groups(const Plan* g, Py_ssize_t planes) noexcept nogil:
    return (planes + g.group - 1) // g.group


cdef void place_copies(Plan* g, Moved* a) noexcept:
    a.at = (g.scratch + 63) // 64 * 64
    if a.size > 0:
        g.scratch = a.at + g.group * a.pitch + g.margin


cdef void plane_by_plane(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    """A kernel: that of one plane, for the items of each plane that are among these."""
    cdef Py_ssize_t plane, first, stop, each = g.one.items
    cdef Plan one = g.one[0]
    while lo < hi:
        plane = lo // each
        first = lo - plane * each
        stop = min(each, first + hi - lo)
        move_to_plane(&one, g.one, plane)
        take_windows(&one, plane, <Py_ssize_t*> (s + g.tables_at))
        g.kernel(&one, first, stop, s)
        lo += stop - first


cdef void group_by_group(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    """The same where planes lie side by side; items are groups of them."""
    cdef int last = g.apart_ndim - 1
    cdef Py_ssize_t side = g.outer[last], groups = number_groups(g, side), item, plane, i, count
    cdef Plan one = g.one[0], there
    one.x_end = s + g.moved_x.at + g.group * g.moved_x.pitch + g.margin
    for item in range(lo, hi):
        plane = item // groups * side + item % groups * g.group
        count = min(g.group, side - item % groups * g.group)
        there = g.one[0]
        move_to_plane(&there, g.one, plane)
        copy_planes(&g.moved_x, s, <char*> there.x, g.x_outer[last], count, False)
        if there.mask != NULL:
            copy_planes(&g.moved_mask, s, <char*> there.mask, g.m_outer[last], count, False)
        if there.q != NULL and g.transposed:
            copy_planes(&g.moved_q, s, there.q, g.q_outer[last], count, False)
        for i in range(count):
            one.x = s + g.moved_x.at + i * g.moved_x.pitch
            one.y = s + g.moved_y.at + i * g.moved_y.pitch
            if there.mask != NULL:
                one.mask = s + g.moved_mask.at + i * g.moved_mask.pitch
            if there.q != NULL:
                one.q = s + g.moved_q.at + i * g.moved_q.pitch
            if there.q2 != NULL:
                one.q2 = s + g.moved_q2.at + i * g.moved_q2.pitch
            take_windows(&one, plane + i, <Py_ssize_t*> (s + g.tables_at))
            g.kernel(&one, 0, one.items, s)
        copy_planes(&g.moved_y, s, there.y, g.y_outer[last], count, True)
        if there.q != NULL and not g.transposed:
            copy_planes(&g.moved_q, s, there.q, g.q_outer[last], count, True)
        if there.q2 != NULL:
            copy_planes(&g.moved_q2, s, there.q2, g.q2_outer[last], count, True)


ctypedef fused Bytes:
    uint8_t
    uint16_t
    uint32_t
    uint64_t


cdef void copy_planes(const Moved* a, char* s, char* there, Py_ssize_t step, Py_ssize_t count,
                      bint back) noexcept nogil:
    """The elements of some planes, `step` bytes from plane to plane, to scratch, or back."""
    cdef char* copy = s + a.at
    cdef char* line
    cdef Py_ssize_t d, h
    for d in range(a.n[0]):
        for h in range(a.n[1]):
            line = there + d * a.strides[0] + h * a.strides[1]
            if a.size == 1:
                copy_rows(copy, a.pitch, line, step, a.strides[2], a.n[2], count, back,
                          <uint8_t> 0)
            elif a.size == 2:
                copy_rows(copy, a.pitch, line, step, a.strides[2], a.n[2], count, back,
                          <uint16_t> 0)
            elif a.size == 4:
                copy_rows(copy, a.pitch, line, step, a.strides[2], a.n[2], count, back,
                          <uint32_t> 0)
            else:
                copy_rows(copy, a.pitch, line, step, a.strides[2], a.n[2], count, back,
                          <uint64_t> 0)
            copy += a.n[2] * a.size


cdef void copy_rows(char* copy, Py_ssize_t pitch, char* there, Py_ssize_t step, Py_ssize_t stride,
                    Py_ssize_t n, Py_ssize_t count, bint back, Bytes tag) noexcept nogil:
    """A row of each plane. memcpy, because elements may lie anywhere."""
    cdef Py_ssize_t i, w
    for i in range(count):
        for w in range(n if back else 0):
            memcpy(there + i * step + w * stride, copy + i * pitch + w * sizeof(Bytes),
                   sizeof(Bytes))
        for w in range(0 if back else n):
            memcpy(copy + i * pitch + w * sizeof(Bytes), there + i * step + w * stride,
                   sizeof(Bytes))


cdef void take_windows(Plan* g, Py_ssize_t plane, Py_ssize_t* memory) noexcept nogil:
    cdef int i
    for i in range(3):
        if g.axis[i].drawn != NULL:
            memory = make_windows(&g.axis[i], plane, memory)


cdef void move_to_plane(Plan* g, const Plan* first, Py_ssize_t plane) noexcept nogil:
    """The arrays of a plane."""
    cdef Py_ssize_t index, rest = plane
    cdef int i
    g.x, g.y, g.q, g.q2, g.mask, g.gx = first.x, first.y, first.q, first.q2, first.mask, first.gx
    for i in range(g.apart_ndim - 1, -1, -1):
        index = rest % g.outer[i]
        rest = rest // g.outer[i]
        g.x += index * g.x_outer[i]
        g.y += index * g.y_outer[i]
        if g.q != NULL:
            g.q += index * g.q_outer[i]
        if g.q2 != NULL:
            g.q2 += index * g.q2_outer[i]
        if g.mask != NULL:
            g.mask += index * g.m_outer[i]
        if g.gx != NULL:
            g.gx += index * g.g_outer[i]


cdef int run_alike(kernel_t kernel, Plan* g, double work) except -1:
    global largest
    cdef int count = 1, memory = 0
    if g.items == 0:
        return 0
    largest = max(largest, g.scratch)
    if work > SMALL and g.items > 1:
        count = threads.current()
        if count > 1 and seconds() < alone_until:
            count = 1
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
    cdef char* memory = take_scratch(g.scratch, 0)
    if memory == NULL:
        return 1
    kernel(g, lo, hi, aligned(memory))
    keep_scratch(memory, 0)
    return 0


# Scratch is kept from call to call, a block for each thread of a team: memory that malloc gets anew
# from the operating system takes longer to be touched than a small call takes. A block begins with
# its size; whoever takes one leaves none for others.

cdef char* take_scratch(Py_ssize_t size, int thread) noexcept nogil:
    cdef char* block = swap(thread % SLOTS, NULL)
    if block != NULL and (<Py_ssize_t*> block)[0] >= size:
        return block
    free(block)
    block = <char*> malloc(sizeof(Py_ssize_t) + 64 + size)
    if block != NULL:
        (<Py_ssize_t*> block)[0] = size
    return block


cdef void keep_scratch(char* block, int thread) noexcept nogil:
    if block != NULL and (<Py_ssize_t*> block)[0] <= KEPT:
        block = swap(thread % SLOTS, block)
    free(block)


cdef inline char* aligned(char* block) noexcept nogil:
    block += sizeof(Py_ssize_t)
    return block + (64 - <size_t> block % 64)


# Where another process has the processor of a thread, OpenMP lets all others wait for that thread,
# even if there is nothing left for it to do, and waiting is spinning: GCC's libgomp spins for about
# 10 ms (300000 times, gomp_spin_count_var in its env.c), in which the scheduler has no reason to
# move the late thread to the processor that spins. How long is read from the environment when
# libgomp is loaded, and not to be had otherwise. Nor is spinning to be had without: a thread that
# sleeps takes as long to wake as a cache full of elements to be pooled. So a call that waited more
# than it worked is taken as a sign that processors are busy, and for a multiple of what it waited,
# calls use one thread. That bounds what is lost by trying again to 1 / REST of the time.
cdef int run_parallel(kernel_t kernel, const Plan* g, int count) except -1:
    """Items in blocks over threads. Tiles stand at absolute places and own what they write, so
    the result does not depend on who does which block."""
    global alone_until
    cdef Py_ssize_t block, blocks = min(g.items, <Py_ssize_t> count * 8)
    cdef int failed = 0
    cdef double begin, end, waited
    cdef char* memory
    with nogil:
        begin = end = seconds()
        with parallel(num_threads=count):
            memory = take_scratch(g.scratch, threadid())
            for block in prange(blocks, schedule="dynamic"):
                run_block(kernel, g, block, blocks, memory, threadid(), &end, &failed)
            keep_scratch(memory, threadid())
        waited = seconds() - end
    if waited > PATIENCE and waited > end - begin:
        alone_until = seconds() + REST * waited
    return failed


cdef void run_block(kernel_t kernel, const Plan* g, Py_ssize_t block, Py_ssize_t blocks,
                    char* memory, int thread, double* end, int* failed) noexcept nogil:
    """A block of items; `end` becomes the time when the calling thread did its last one."""
    if memory == NULL:
        failed[0] = 1
        return
    kernel(g, g.items * block // blocks, g.items * (block + 1) // blocks, aligned(memory))
    if thread == 0:
        end[0] = seconds()
