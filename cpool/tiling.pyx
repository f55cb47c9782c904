"""Tiles: how a call is cut into pieces of work, and the scratch memory that one of them needs.

A tile is a box of the result. It is as large as keeps what it works on in the fast caches, and
stands at an absolute place: never where a thread's share begins, so that the number of threads
changes nothing.
"""

from cpool.dtypes cimport SIZE
from cpool.kernels.plan cimport *

include "kernels/windows.pxi"

cdef Py_ssize_t LARGE = (<Py_ssize_t> 1 << 62)

cdef enum:
    ROW = 16384         # bytes of a row that a tile works on
    STRIP = 8192        # bytes of the rows of a tile that are folded where they are
    BOX = 49152         # bytes of rows that are loaded or folded before
    SLACK = 128         # bytes behind each row of scratch


cdef Py_ssize_t reading(const Axis* a, Py_ssize_t windows) noexcept:
    """The most source elements that so many neighbouring elements of the result read."""
    cdef Py_ssize_t o, first, stop, longest = 0
    if a.start == NULL and not a.transposed:
        return (windows - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    if a.start == NULL and a.source == NULL:
        return least(a.n, (windows - 1 + (a.kernel - 1) * a.dilation) // a.stride + 2)
    if a.start == NULL:
        return a.n
    o = 0
    while o < a.m:
        first = a.start[o]
        stop = a.start[least(o + windows, a.m) - 1] + a.count[least(o + windows, a.m) - 1]
        longest = most(longest, stop - first)
        o += windows
    return most(longest, 1)


cdef Py_ssize_t most_taps(const Axis* a, Py_ssize_t i) noexcept:
    """The longest run of one element of the result."""
    cdef Py_ssize_t images = 1, j
    if a.transposed and a.start != NULL:
        for j in range(a.m):
            images = most(images, a.count[j])
        return images
    if a.transposed and a.image0 != NULL:
        for j in range(a.m):
            images = most(images, a.image0[j + 1] - a.image0[j])
    return a.kernel * images


cdef int tile(Plan* g, int block, bint selecting, bint scattering) except -1:
    """Sizes of tiles, and where each thread's scratch rows are."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t size = most(SIZE[g.t_type], 4), groups, line, budget, rows, taps, levels, at, i
    cdef Py_ssize_t wide, least_groups = reading(w, 1)
    cdef bint boxed
    cdef double estimate
    if <double> least_groups * size > <double> LARGE / 1024 or (
            <double> reading(h, 1) * least_groups * size > <double> LARGE / 1024):
        raise MemoryError("the windows are too large for this machine's memory")
    # Inner: all of it, unless even one window of it is too long a row.
    g.tile[2] = g.inner
    if <double> g.inner * least_groups * size > 4 * ROW:
        g.tile[2] = least(g.inner, most(64, 4 * ROW // (size * least_groups) // 64 * 64))
    if g.tile[2] < g.inner and w.n > 1:
        g.in_place = False          # a row of some channels is not in one piece
    # NaNs are counted in rows of their own, whatever is done to the values.
    boxed = not (g.in_place and g.axis[0].identity) or selecting or g.raise_nan
    # Along W: rows of about ROW bytes.
    g.tile[1] = w.m
    wide = w.m if g.transposed else reading(w, w.m)
    if <double> wide * g.tile[2] * size > 2 * ROW and w.source == NULL and not (
            scattering and not g.gathered):
        groups = ROW // (g.tile[2] * size)
        if g.transposed or w.start != NULL:
            g.tile[1] = most(1, groups if g.transposed else 1)
        else:
            g.tile[1] = most(1, (groups - least_groups) // w.stride + 1)
        if g.tile[1] > 64:
            g.tile[1] = g.tile[1] // 64 * 64
        g.tile[1] = least(g.tile[1], w.m)
    groups = reading(w, g.tile[1])
    if w.source != NULL:
        groups = most(groups, w.before + w.n if not w.transposed else w.n + w.reach)
    if w.transposed and w.start == NULL:
        # A line has room for windows before the first and after the last one.
        groups = most(groups, g.tile[1] // w.stride + 2) + (w.kernel - 1) * w.dilation // w.stride
    line = groups * g.tile[2]
    # Along H: strips, taller where rows at their border are prepared twice.
    budget = BOX if boxed or g.transposed else STRIP
    rows = most(1, budget // most(1, (w.m if g.transposed else line) * size))
    if g.transposed:
        g.tile[0] = most(rows, h.kernel)
    else:
        taps = reading(h, 1)
        g.tile[0] = most(1, (rows - taps) // h.stride + 1) if boxed else rows
        if boxed and h.start == NULL:
            g.tile[0] = most(g.tile[0], least(taps // h.stride, 4 * BOX // most(1, line * size)))
    if h.start != NULL:
        g.tile[0] = 1
    g.tile[0] = most(1, least(g.tile[0], h.m))
    g.items = g.planes * g.axis[0].m
    for i in range(3):
        g.tiles[i] = ((g.inner if i == 2 else g.axis[i + 1].m) + g.tile[i] - 1) // g.tile[i]
        g.items *= g.tiles[i]
    # Folds read whole blocks, taking rows apart reads two; selections as many elements as the
    # narrowest type has in a block.
    g.margin = 2 * block + (block * g.x_size if selecting else 0)
    # Scratch. Pitches in elements; a row of 64-byte blocks with slack behind it.
    wide = g.tile[1]
    if w.transposed and w.start == NULL and w.stride <= PHASES:
        wide = (wide // w.stride + 2) * w.stride
        if w.source != NULL:
            wide = (w.reach // w.stride + 2) * w.stride
    g.line = (line + SLACK + 63) // 64 * 64
    g.row = (wide * g.tile[2] + SLACK + 63) // 64 * 64
    if w.transposed:
        g.line = most(g.line, g.row)
    rows = least(reading(h, g.tile[0]), h.n if h.source == NULL else LARGE)
    taps = most(most_taps(&g.axis[0], 0), most(most_taps(h, 1), most_taps(w, 2)))
    levels = 2
    at = taps
    while at > LEAF:
        at = (at + 1) // 2
        levels += 1
    if g.gathered:
        rows = (g.tile[0] // h.stride + 2) + (h.kernel - 1) * h.dilation // h.stride
    estimate = (<double> (rows + g.tile[0] + levels + 12) * most(g.line, g.row)) * (size + 4)
    if estimate > 2.0 ** 46 or taps > (<Py_ssize_t> 1 << 40):
        raise MemoryError("the windows are too large for this machine's memory")
    at = 0
    g.box_at = place(&at, ((2 * rows if g.gathered else rows) if boxed else 0)
                     * most(g.line, g.row) * size)
    g.lines_at = place(&at, (rows if g.transposed else g.tile[0]) * most(g.line, g.row) * size)
    g.rows_at = place(&at, (rows * h.stride * w.stride if g.gathered else
                            most(rows, g.tile[0]) if g.transposed or selecting else 0)
                      * most(g.row, g.line) * size)
    g.phases_at = place(&at, most(least(w.stride, PHASES) * g.line * (size + 4), 3 * 1024 * 8))
    g.levels_at = place(&at, levels * g.line * size)
    g.result_at = place(&at, (1 if g.transposed or (selecting and not g.raise_nan) else g.tile[0])
                        * most(g.line, g.row) * size)
    g.counts_at = place(&at, g.tile[0] * g.row * 4)
    g.raw_at = place(&at, most(g.line, g.row) * 8)
    g.flags_at = place(&at, g.line * 9)
    g.wide_at = place(&at, g.row * 24)
    g.entries_at = place(&at, (g.axis[0].kernel + taps + 1) * 8)
    g.scratch = at
    return 0


cdef inline Py_ssize_t place(Py_ssize_t* at, Py_ssize_t size) noexcept:
    cdef Py_ssize_t here = at[0]
    at[0] += (size + SLACK + 63) // 64 * 64
    return here
