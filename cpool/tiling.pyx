"""Tiles: how a call is cut into pieces of work, and the scratch memory that one of them needs.

A tile is a box of the result. It is as large as keeps what it works on in the fast caches, and
stands at an absolute place: never where a thread's share begins, so that the number of threads
changes nothing.
"""

from libc.stdint cimport INT32_MAX

from cpool.dtypes cimport SIZE
from cpool.kernels.plan cimport *

include "kernels/windows.pxi"

cdef Py_ssize_t LARGE = (<Py_ssize_t> 1 << 62)
cdef Py_ssize_t LARGEST_WINDOW = (<Py_ssize_t> 1 << 40)     # bytes: more is no array, but repeated

cdef enum:
    ROW = 16384         # bytes of a row that a tile works on
    STRIP = 12288       # bytes of the rows of a tile that are folded where they are
    LINES = 12288       # bytes of the lines that narrow elements are folded to
    STREAM = 4096       # ... or of either where rows come from memory, which need that cache too
    SPANS = 393216      # bytes of rows that are folded to a value each where they are
    VALUES = 262144     # ... and of the scratch that these values have,
    SPACED = 64         # of which each has so many elements
    BOX = 49152         # bytes of rows that are loaded or folded before
    LIFTED = 311296     # ... or made into something else, which takes longer
    SHARE = 393216      # ... of a window, at most,
    FEW = 1024          # where parts of rows are no shorter
    FLAT = 12800        # bytes of a plane up to which whole planes are a tile
    THREES = 65536      # ... or, where rows go straight to the result
    PLANES = 8192       # bytes of the planes of such a tile
    NEAR = 8192         # bytes of a row of windows of 3x3 that go straight to the result
    FAR = 2048          # bytes between rows of weighted windows that are touched before
    SLACK = 128         # elements behind each row of scratch
    SCRATCH = 786432    # bytes that the rows of a tile may take there
    TALL = 6            # windows one row apart with more rows than this: see fold_tall
    BLOCKS = 262144     # bytes of the rows that such a window has
    TAPS = 8            # of a row of flat planes, at most
    NARROW = 12         # windows of a row that is worth being made longer
    LENGTH = 16         # of its windows where these are irregular
    SELECTED = 12288    # bytes of values and offsets of a tile
    SAME = 16384        # elements of a tile that get the values of a few windows
    CHUNK = 65536       # bytes of a piece of a row that is too long to be loaded whole
    CHANNELS = 256      # of a plane that is unpooled
    STREAMED = 8388608  # bytes of an array that is larger than a share of the caches,
    FARTHER = 2097152   # ... or than the cache behind which others are far (see asks_ahead)
    OWNERS = 1048576    # elements whose owners the transpose of that knows, or those of one channel
    STRETCH = 1024      # positions that are looked at at once (see kernels/unpool.pxi)
    SHORT = 32          # bytes of a row of channels that is worth that
    WIDE = 2048         # bytes of channels of a window that is worth a call
    RING = 7168         # bytes of a row from which columns that windows share come from a ring
    NAMED = 16          # taps of a window that are told apart there, at most


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


cdef Py_ssize_t most_taps(const Axis* a) noexcept:
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
    cdef Py_ssize_t size = most(SIZE[g.t_type], 4), line, row
    cdef bint boxed
    g.depth = 1
    if <double> reading(h, 1) * reading(w, 1) * size > <double> LARGEST_WINDOW:
        raise MemoryError("the windows are too large for this machine's memory")
    # Folds read whole blocks, taking rows apart reads two; selections as many elements as the
    # narrowest type has in a block, folds along short rows sixteen.
    g.margin = 4 * block + (block * g.x_size if selecting else 0)
    if g.constant:
        return tile_constant(g, size)
    g.flat = is_flat(g, selecting or scattering)
    g.streamed = is_streamed(g)
    if g.flat:
        g.widened = g.halved = False
        return tile_planes(g, size, block)
    g.tall = is_tall(g, selecting)
    g.stacked = is_stacked(g) and not g.tall
    tile_inner(g, size)
    g.widened = g.widened and is_widened(g)
    g.halved = g.halved and (g.widened or g.keyed) and is_halved(g)
    g.pixelwise = g.pixelwise and is_pixelwise(g)
    g.fused = selecting and is_fused(g, block)
    g.threes = not selecting and not scattering and has_straight_threes(g)
    # NaNs are counted in rows of their own, whatever is done to the values.
    boxed = (not (g.pixelwise or g.widened or g.in_place and (g.axis[0].identity or g.stacked))
             or selecting or scattering or g.raise_nan)
    tile_along(g, size, boxed, scattering)
    line = line_length(g, boxed and not selecting)
    tile_rows(g, size, line, boxed)
    if selecting:
        tile_selected(g, size, line)
    elif g.transposed and h.start == NULL and h.stride <= PHASES and not g.gathered:
        g.tile[0] = least(h.m, ceil_div(g.tile[0], h.stride) * h.stride)    # whole windows
    elif g.gathered:
        # Gradients and offsets of a row's windows, and phases of what they add up to.
        row = padded(g.tile[1] * g.tile[2]) * (2 * size + 8)
        g.tile[0] = least(g.tile[0], SCRATCH // (2 * row))
        g.tile[0] = least(h.m, ceil_div(most(g.tile[0], 2 * h.kernel), h.stride) * h.stride)
    g.depth = planes_together(g, size, selecting, scattering)
    if g.depth > 1:
        take_planes(g)
    number_tiles(g)
    if not (boxed or g.transposed or needs_lines(g)):
        line = g.tile[2]        # rows are folded where they lie
    place_scratch(g, size, line, boxed, selecting, scattering)
    return 0


cdef bint is_streamed(const Plan* g) noexcept:
    """Whether rows that come from memory are folded where they lie, two or more to one. Not long
    rows, as those of channels are: these take turns seldom, and fill the fastest cache. Of several
    planes that take turns no lines are asked for by name."""
    cdef Py_ssize_t row = g.axis[2].n * g.x_size
    return (not (asks_ahead() and is_stacked(g))
            and (g.in_place and is_regular(&g.axis[0]) or g.widened and g.axis[0].identity
                 or g.keyed and g.halved and is_halved(g))
            and g.inner == 1 and is_regular(&g.axis[1]) and g.xs[1] > 0
            and (g.axis[1].stride > 1 or g.flat and asks_ahead())
            and <double> g.axis[1].stride * row <= ROW
            and (not g.flat or g.xs[1] == row and g.xs[2] == g.x_size)
            and bytes_read(g) > (FARTHER if asks_ahead() else STREAMED))


cdef double bytes_read(const Plan* g) noexcept:
    return (<double> g.planes * g.axis[0].n * g.axis[1].n * g.axis[2].n * g.inner * g.x_size)


cdef void number_tiles(Plan* g) noexcept:
    cdef int i
    g.items = g.planes * ((g.axis[0].m + g.depth - 1) // g.depth)
    for i in range(3):
        g.tiles[i] = ((g.inner if i == 2 else g.axis[i + 1].m) + g.tile[i] - 1) // g.tile[i]
        g.items *= g.tiles[i]


# --- small planes ---------------------------------------------------------------------------------

cdef bint is_regular(const Axis* a) noexcept:
    return a.start == NULL and a.source == NULL and not a.transposed


cdef bint is_flat(const Plan* g, bint selecting) noexcept:
    """Whether whole planes are folded as kernels/flat.pxi does it: they are small, and their rows
    can be."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    return (not selecting and not g.raise_nan and not w.identity and not h.identity
            and (has_small_planes(g) or has_planes_of_threes(g))
            and (h.start != NULL or is_regular(h)) and has_flat_rows(g, w)
            and not (g.outer_ndim == 0 and not g.transposed and is_pairs(h) and is_pairs(w)))


cdef bint has_small_planes(const Plan* g) noexcept:
    """Two axes at most and no channels, so small that several planes can be a tile."""
    cdef Py_ssize_t size = most(SIZE[g.t_type], 4)
    return (g.inner == 1 and g.axis[0].identity and g.axis[0].n == 1
            and g.axis[1].n * g.axis[2].n * size <= FLAT
            and g.axis[1].m * g.axis[2].m * size <= 2 * FLAT)


cdef bint has_planes_of_threes(const Plan* g) noexcept:
    """Larger planes, of which kernels/halvings.pxi works on three rows only: 0.7 to 0.9 of the time
    where a cache holds the array."""
    return (g.inner == 1 and g.axis[0].identity and g.axis[0].n == 1 and g.in_place
            and is_regular(&g.axis[1]) and is_regular(&g.axis[2]) and g.axis[1].kernel == 3
            and are_halved(&g.axis[1], &g.axis[2], SIZE[g.t_type])
            and g.axis[1].n * g.axis[2].n * most(SIZE[g.t_type], 4) <= THREES
            and bytes_read(g) <= STREAMED)


cdef bint has_flat_rows(const Plan* g, const Axis* w) noexcept:
    """Irregular windows have two lengths at most, none of them great, and begin where rows do.
    Regular ones have room in their rows, or are narrow, or have to be loaded: making room costs
    more than other ways."""
    cdef Py_ssize_t fewest, longest
    if w.start != NULL:
        run_lengths(w, &fewest, &longest)
        if w.drawn != NULL:
            fewest, longest = w.drawn.fewest, w.drawn.longest
        return w.start[0] == 0 and 0 < fewest and longest <= least(fewest + 1, LENGTH)
    return (is_regular(w) and w.stride <= PHASES and w.kernel <= TAPS and w.dilation <= 64
            and (flat_windows(w) == w.m or w.m <= NARROW or not g.in_place
                 or are_straight(&g.axis[1], w, SIZE[g.t_type])))


cdef void take_planes(Plan* g) noexcept:
    """The last outer axis becomes D."""
    cdef Axis* d = &g.axis[0]
    cdef int last = g.outer_ndim - 1
    d.n = d.m = d.reach = g.outer[last]
    g.xs[0], g.ys[0], g.qs[0] = g.x_outer[last], g.y_outer[last], g.q_outer[last]
    g.q2s[0], g.ms[0] = g.q2_outer[last], g.m_outer[last]
    g.planes = g.planes // d.n if d.n > 0 else 0
    g.outer_ndim = last


cdef Py_ssize_t planes_together(const Plan* g, Py_ssize_t size, bint selecting,
                                bint scattering) noexcept:
    """How many small planes are a tile of a selection, or of a transposed one."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef int last = g.outer_ndim - 1
    if (last < 0 or g.inner > 1 or not (g.axis[0].identity and g.axis[0].n == 1)
            or g.tile[0] < h.m or g.tile[1] < w.m):
        return 1
    if selecting and (g.mask != NULL or g.omit_nan or g.raise_nan or h.identity
                      or h.kernel > 3 or not is_regular(h) or w.kernel > 9
                      or not is_regular(w)):
        return 1
    # The transposed one takes the rows of planes for those of one plane.
    if not selecting and not (scattering and g.x_outer[last] == h.n * g.xs[1]
                              and g.q_outer[last] == h.n * g.qs[1]):
        return 1
    if g.gathered and not (are_pairs(h, w) and (h.m <= 2 * h.n or h.kernel == 2)):
        return 1
    if scattering and not g.gathered and (h.source != NULL or w.source != NULL):
        return 1
    return most(1, least(g.outer[last], (8 if scattering and not g.gathered else 1) * PLANES
                         // (most(h.n * w.n, h.m * w.m) * size)))


cdef int tile_planes(Plan* g, Py_ssize_t size, Py_ssize_t block) except -1:
    """Small planes: their last outer axis becomes D, and a tile is some of it."""
    cdef Axis* d = &g.axis[0]
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t n = h.m * w.m, line = flat_line(w), whole = block // SIZE[g.t_type], at = 0
    cdef bint thinned = w.start != NULL or flat_windows(w) > w.m
    cdef bint some = g.mask != NULL or g.omit_nan
    if g.outer_ndim > 0:
        take_planes(g)
    # More where windows are irregular, for which beginning a tile takes longer.
    g.depth = (4 if w.start != NULL and most(w.n, w.m) >= 8 else 2) * PLANES
    g.depth = most(1, least(g.depth // (most(h.n * w.n, h.m * w.m) * size), d.n))
    g.tile[0], g.tile[1], g.tile[2] = h.m, w.m, 1
    number_tiles(g)
    # Of folded rows: elements from plane to plane, and from phase to phase.
    whole *= w.stride
    g.row = line * h.m + most(0, w.n - line) + (most_taps(w) - 1) * w.dilation + 2 * whole
    g.row = g.row // whole * whole
    g.line = (g.depth * g.row // w.stride + SLACK + 63) // 64 * 64
    g.box_at = place(&at, g.depth * h.n * w.n * size)
    g.lines_at = place(&at, (w.before + SLACK + g.depth * most(g.row, h.n * w.m + 64)) * size)
    g.phases_at = place(&at, (2 if w.start != NULL else w.stride + thinned) * g.line * size)
    g.masks_at = place(&at, 64 * (w.m + h.m + 2) if w.start != NULL else
                       w.kernel * size * (h.m * flat_windows(w) + 64))
    g.places_at = place(&at, 4 * (n + 64) if thinned else 0)
    g.result_at = place(&at, g.depth * (n + 64) * size)
    g.levels_at = place(&at, halvings(most_taps(h)) * g.row * size)
    g.divisors_at = place(&at, most(n, h.n * w.n) * (16 if some else 8))
    g.raw_at = place(&at, most(n, w.n) * 8)
    g.wide_at = place(&at, n * 16)
    if some:
        g.starts_at = place(&at, g.depth * (n + 64) * size)
        g.counts_at = place(&at, n * 4)
        g.flags_at = place(&at, g.line * 9)
    g.entries_at = place(&at, entries_size(g))
    g.scratch = at
    return 0


cdef int tile_constant(Plan* g, Py_ssize_t size) except -1:
    """One value for all of a plane: a tile is some rows of H (see rows_from_planes)."""
    cdef Py_ssize_t n, at = 0
    g.tile[2] = least(g.inner, SAME // 8)
    g.tile[1] = least(g.axis[2].m, SAME // g.tile[2])
    g.tile[0] = least(g.axis[1].m, most(1, SAME // (g.tile[1] * g.tile[2])))
    number_tiles(g)
    n = g.tile[0] * g.tile[2]
    g.box_at = place(&at, n * size)
    g.raw_at = place(&at, n * 8)
    g.wide_at = place(&at, n * 16)
    g.entries_at = place(&at, entries_size(g))
    g.scratch = at
    return 0


cdef void tile_unpooling(Plan* g, Py_ssize_t planes, bint transposed) noexcept:
    """Some channels of a plane. Where positions are not in their windows, the transpose knows the
    owner of each element (4 bytes), of g.channels of them at a time."""
    cdef Py_ssize_t at = 0, room = STRETCH + SLACK
    cdef Py_ssize_t elements = g.axis[0].m * g.axis[1].m * g.axis[2].m
    g.tile[2] = most(1, least(CHANNELS, g.inner))
    g.disjoint = (g.disjoint and elements < INT32_MAX
                  and (g.inner == 1 or g.inner * g.x_size >= SHORT)
                  and g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel <= NAMED)
    g.channels = most(1, least(g.tile[2], OWNERS // elements))
    if transposed and not g.disjoint:
        g.tile[2] = g.channels
    g.tiles[2] = (g.inner + g.tile[2] - 1) // g.tile[2]
    g.items = planes * g.tiles[2]
    g.lines_at = place(&at, 4 * room)
    g.places_at = place(&at, 4 * room)
    g.flags_at = place(&at, g.x_size * room)
    g.rows_at = place(&at, g.x_size * room)
    g.result_at = place(&at, 2 * g.x_size * room * (g.axis[1].kernel if g.disjoint else 0))
    g.entries_at = place(&at, 4 * elements * g.channels if transposed else 0)
    g.scratch = at


# --- rows of larger ones --------------------------------------------------------------------------

cdef bint is_tall(const Plan* g, bint selecting) noexcept:
    cdef const Axis* h = &g.axis[1]
    return (not selecting and is_regular(h) and h.stride == 1 and h.dilation == 1
            and h.kernel > TALL and h.m > 1 and g.mask == NULL and not g.omit_nan
            and not g.raise_nan)


cdef bint is_stacked(const Plan* g) noexcept:
    """Whether planes of a window are folded together with its rows: all are where they lie."""
    return (g.in_place and not g.transposed and not g.axis[0].identity
            and g.axis[0].source == NULL and g.axis[1].source == NULL
            and g.axis[0].kernel * g.axis[1].kernel <= LEAF)


cdef void tile_inner(Plan* g, Py_ssize_t size) noexcept:
    """Inner: all of it, unless even one window of it is too long a row."""
    cdef Py_ssize_t window = reading(&g.axis[2], 1)
    g.tile[2] = g.inner
    if <double> g.inner * window * size > 4 * ROW:
        g.tile[2] = least(g.inner, most(64, 4 * ROW // (size * window) // 64 * 64))
    if g.tile[2] < g.inner and g.axis[2].n > 1:
        # A row of some channels is not in one piece.
        g.in_place = g.widened = g.halved = False


cdef bint is_widened(const Plan* g) noexcept:
    """Whether few rows are folded to one, for which no padding is mapped. A row that is one window
    is too long for that if it is so long that it is folded in pieces."""
    return (is_regular(&g.axis[0]) and is_regular(&g.axis[1])
            and g.axis[0].kernel * g.axis[1].kernel <= WIDENED
            and not (g.axis[1].identity and reading(&g.axis[2], 1) * SIZE[g.t_type] > 4 * CHUNK))


cdef bint is_pixelwise(const Plan* g) noexcept:
    """Whether kernels/pixels.pxi takes these windows: of few taps, of which at least one exists, in
    rows of a block at least."""
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t size = SIZE[g.t_type], block = 32 // size
    cdef bint whole = g.inner % block == 0
    if not (g.inner >= block and (whole or g.tile[2] == g.inner)
            and g.axis[0].identity and not g.lifted and not g.transposed
            and is_regular(&g.axis[1]) and is_regular(w)
            and g.axis[1].dilation == 1 and w.dilation == 1
            and g.axis[1].kernel <= 3 and w.kernel <= 3
            and g.ys[3] == g.y_size and g.ys[1] % g.y_size == 0 and g.ys[2] % g.y_size == 0):
        return False
    if g.x_type == g.t_type and (g.axis[1].kernel == 1 or w.m == 1):
        # Other folds need no second pass either, and a window of a row costs a call here. From
        # memory rows of channels come faster one after the other.
        return (g.axis[1].stride * w.stride > 1 and bytes_read(g) > STREAMED
                or w.m == 1 and g.inner * size >= WIDE)
    if w.kernel < 3 or w.stride > 2:
        return True
    # Columns that windows share come from a ring. What was just written to it is waited for where
    # there are few blocks; short rows are then folded faster by all at once.
    return ((whole or g.inner > 4 * block)
            and (w.stride == 2 or w.n * g.inner * size >= RING))


cdef bint is_halved(const Plan* g) noexcept:
    """2x2 windows with stride 2 in the type of the elements: means, or extrema of 16-bit floats."""
    cdef bint means = (g.mean and divisor_is_constant(g) and (g.divisor == 4 or g.divisor == 0)
                       and g.x_type != BOOL)
    return (g.x_type == g.y_type and (g.keyed or means)
            and (g.inner == 1 or g.inner == g.tile[2] <= 4 and g.t_type != FLOAT and not g.keyed)
            and g.axis[0].identity and is_pairs(&g.axis[1]) and is_pairs(&g.axis[2])
            and (g.axis[2].m == 1 or g.ys[2] == g.inner * g.y_size)
            and (g.inner == 1 or g.ys[3] == g.y_size) and g.ys[1] % g.y_size == 0)


cdef bint has_straight_threes(const Plan* g) noexcept:
    """Whether kernels/threes.pxi takes the windows of larger planes, which are where they lie and
    need no more than division. Two apart, rows of less than four vectors take longer so."""
    return (g.in_place and g.axis[0].identity and g.inner == 1 and (g.y_plain or g.y_scaled)
            and not g.raise_nan and g.mask == NULL and not g.omit_nan
            and (are_threes(&g.axis[1], 1) and are_threes(&g.axis[2], 1)
                 or are_threes(&g.axis[1], 2) and are_threes(&g.axis[2], 2)
                 and g.axis[2].m * g.x_size >= 128)
            and g.xs[1] % g.x_size == 0 and g.ys[1] % g.y_size == 0 and g.ys[2] == g.y_size)


cdef void tile_along(Plan* g, Py_ssize_t size, bint boxed, bint scattering) noexcept:
    """Along W: rows of about ROW bytes; less where very many of them are loaded for a window."""
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t groups, wide = w.m if g.transposed else reading(w, w.m)
    g.tile[1] = w.m
    cdef Py_ssize_t room = ROW
    if g.halved or g.pixelwise:
        room = 4 * ROW
    elif g.threes:
        room = NEAR if w.stride == 1 else 2 * ROW
        size = SIZE[g.t_type]
    elif g.widened:
        # What is read, folded and stored is in the first-level cache.
        room = 2 * ROW // SIZE[g.t_type]
    elif g.tall:
        # A window's rows stay in the second-level cache.
        room = least(ROW, most(BLOCKS // (2 * g.axis[1].kernel),
                               2 * reading(w, 1) * g.tile[2] * size))
    elif is_sliding(w):
        # All rows of `slide` are in the first-level cache; as many windows as one has elements at
        # least, or most of a row would be slid along in vain.
        room = most(ROW // 2 if slides(w.kernel) < 2 else ROW // 4,
                    2 * reading(w, 1) * g.tile[2] * size)
    elif boxed and not g.transposed:
        groups = reading(&g.axis[1], 1)
        if g.axis[1].start != NULL:
            groups = least(groups, LEAF)        # see fold_long
        room = most(least(room, SHARE // groups), FEW)
    if (<double> wide * g.tile[2] * size <= 2 * room or w.source != NULL
            or (scattering and not g.gathered)):
        return
    groups = room // (g.tile[2] * size)
    if g.transposed:
        g.tile[1] = most(1, groups)
    elif w.start != NULL:
        g.tile[1] = 1
    else:
        g.tile[1] = most(1, (groups - reading(w, 1)) // w.stride + 1)
    if g.tile[1] > 64:
        g.tile[1] = g.tile[1] // 64 * 64
    g.tile[1] = least(g.tile[1], w.m)


cdef bint is_fused(const Plan* g, int block) noexcept:
    """Selections of so few taps in rows of channels that all of them are compared at once."""
    cdef int i
    cdef double elements = 1
    for i in range(3):
        elements *= <double> g.axis[i].kernel
        if g.axis[i].start != NULL or g.axis[i].source != NULL:
            return False
    return elements <= 9 and g.tile[2] * SIZE[g.t_type] >= block


cdef Py_ssize_t line_length(Plan* g, bint boxed) noexcept:
    """Elements of a padded row of the source, as a tile reads it."""
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t groups = reading(w, g.tile[1]), size = most(SIZE[g.t_type], 4)
    g.chunk = 0
    if (boxed and g.tile[1] == 1 and groups * size > 4 * CHUNK and g.tile[2] == 1
            and w.source == NULL and (w.start != NULL or w.dilation == 1)
            and g.axis[0].identity and g.axis[1].identity and not g.transposed):
        # A window over a long row that must be loaded first: in pieces.
        g.chunk = CHUNK // size
        return most(g.chunk, groups // g.chunk + 1)
    if w.source != NULL:
        groups = most(groups, w.before + w.n if not w.transposed else w.n + w.reach)
    if w.transposed and w.start == NULL:
        # A line has room for windows before the first and after the last one.
        groups = most(groups, g.tile[1] // w.stride + 2) + (w.kernel - 1) * w.dilation // w.stride
    return groups * g.tile[2]


cdef inline bint become_values(const Plan* g, bint boxed) noexcept:
    """Whether each row becomes a value, folded where it is."""
    return (not boxed and not g.transposed and not g.pixelwise and not needs_lines(g)
            and g.axis[2].m == 1 and g.inner == 1)


cdef void tile_rows(Plan* g, Py_ssize_t size, Py_ssize_t line, bint boxed) noexcept:
    """Along H: strips, taller where rows at their border are prepared twice."""
    cdef const Axis* h = &g.axis[1]
    cdef bint halving = g.inner == 1 and is_pairs(h) and is_pairs(&g.axis[2])
    cdef bint streamed = (not g.transposed and not g.raise_nan and reading(h, 1) <= h.stride
                          and line * size * h.stride <= STREAM and bytes_read(g) > STREAMED)
    cdef bint spans = become_values(g, boxed)
    cdef Py_ssize_t strip = STREAM if g.streamed and not g.stacked else STRIP
    cdef Py_ssize_t budget = (4 * BOX if g.halved or g.pixelwise or g.threes else
                              2 * STRIP if halving and not boxed else
                              STREAM if boxed and streamed else
                              SPANS if spans else
                              BOX if boxed or g.transposed or not needs_lines(g) else strip)
    cdef Py_ssize_t taps = reading(h, 1)
    cdef Py_ssize_t row = (g.axis[2].m if g.transposed else line) * (
        size if boxed or g.transposed else SIZE[g.t_type])
    if g.threes:
        row = (line + SLACK) * size     # of scratch, which other tiles of the call may need
    cdef Py_ssize_t rows = most(1, budget // most(1, row))
    if g.transposed:
        if h.kernel > h.stride:
            # Rows of channels; where windows do not overlap, fewer of them take 1.2 of the time.
            rows = least(rows, SCRATCH // (2 * size * padded(g.tile[1] * g.tile[2])))
        g.tile[0] = most(rows, h.kernel)
    elif g.tall:
        # Whole blocks of rows: nothing is done twice.
        g.tile[0] = h.kernel * most(1, 64 // h.kernel)
        g.strip = most(2, least(BOX // (3 * line), SCRATCH // (3 * padded(line))) // size)
    elif g.widened and not g.halved and not g.pixelwise:
        g.tile[0] = (STREAM if g.streamed else LINES) // most(1, line * SIZE[g.t_type])
    elif h.start != NULL and boxed:
        g.tile[0] = 1
    elif boxed:
        g.tile[0] = most(most(1, (rows - taps) // h.stride + 1),
                         least(taps // h.stride, 4 * BOX // most(1, line * size)))
        if g.lifted and taps > h.stride:
            # To prepare a row twice costs more than what the fastest cache saves.
            g.tile[0] = most(g.tile[0], least(4 * taps // h.stride,
                             (LIFTED // most(1, line * size) - taps) // h.stride + 1))
    elif is_sliding(&g.axis[2]) and g.tile[1] < g.axis[2].m:
        g.tile[0] = 1       # which may be folded straight to the result (see is_straight)
    else:
        g.tile[0] = least(rows, VALUES // (SPACED * size)) if spans else rows
    if not (g.transposed or g.tall or spans):
        # Short rows are mostly slack: no more than there is scratch for.
        row = padded(line) * size
        g.tile[0] = least(g.tile[0], SCRATCH // (row * (h.stride if boxed else 1)
                                                 + 2 * row + 4 * padded(0)))
    g.tile[0] = most(1, least(g.tile[0], h.m))


cdef void tile_selected(Plan* g, Py_ssize_t size, Py_ssize_t line) noexcept:
    """Along H: as many rows as the fastest cache has room for, with their offsets; or twice that,
    where rows at the border of a tile are selected from twice."""
    cdef const Axis* h = &g.axis[1]
    cdef Py_ssize_t taps = reading(h, 1), row = g.tile[1] * g.tile[2] * (size + 4)
    cdef Py_ssize_t step = h.stride if h.start == NULL else most(1, h.n // h.m)
    if not g.in_place:
        row += line * size
    if g.fused:
        g.tile[0] = SELECTED // row
    else:
        g.tile[0] = most((2 * SELECTED // row - taps) // step + 1,
                         least(taps // step, 8 * SELECTED // row))
    g.tile[0] = most(1, least(g.tile[0], h.m))


cdef int halvings(Py_ssize_t taps) noexcept:
    """Scratch rows that a fold of so many taps needs (see fold_part)."""
    cdef int levels = 2
    while taps > LEAF:
        taps = (taps + 1) // 2
        levels += 1
    return levels


cdef int place_scratch(Plan* g, Py_ssize_t size, Py_ssize_t line, bint boxed, bint selecting,
                       bint scattering) except -1:
    """Pitches in elements: rows of 64-byte blocks with slack behind them; offsets in bytes."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t wide = g.tile[1], rows, high, parts, taps_h, taps_w, pitch
    cdef Py_ssize_t spare = 0, at = 0, unit = 64, slack = SLACK
    cdef int levels
    if w.transposed and w.start == NULL and (w.stride <= PHASES or is_runs(w)):
        wide = ((w.reach if w.source != NULL else wide) // w.stride + 2) * w.stride
    if not (selecting or scattering or g.transposed):
        # Close together: lines that a power of two is between are in each other's way.
        unit = 64 // SIZE[g.t_type]
        slack = most(32, 128 // SIZE[g.t_type])
    g.line = (line + slack + unit - 1) // unit * unit
    g.row = (wide * g.tile[2] + SLACK + 63) // 64 * 64
    if become_values(g, boxed) and not selecting and not scattering:
        g.row = SPACED
    if w.transposed:
        g.line = most(g.line, g.row)
    pitch = most(g.line, g.row)
    rows = least(reading(h, g.tile[0]), h.n if h.source == NULL else LARGE)
    high = g.depth * g.tile[0]
    taps_h = most(most_taps(&g.axis[0]), most_taps(h))
    taps_w = most_taps(w)
    levels = halvings(most(taps_h, taps_w if g.transposed else 1))
    parts = 0
    if g.gathered:
        rows = g.depth * (g.tile[0] // h.stride + 2)
        rows += (h.kernel - 1) * h.dilation // h.stride
        parts = rows * h.stride * w.stride
        spare = 2 * ((w.kernel - 1) * w.dilation // w.stride + 2) * g.tile[2] + 64
    elif g.transposed or selecting:
        rows *= g.depth
        parts = most(rows, high)
    elif g.tall:
        parts = h.kernel + 2
    elif boxed and h.start != NULL:
        rows = least(rows, LEAF)    # loaded as they are needed (see fold_long)
        parts = halvings(taps_h)
    if (<double> (rows + parts + high + levels + 12) * pitch * (size + 4) > 2.0 ** 46
            or most(taps_h, taps_w) > (<Py_ssize_t> 1 << 40)):
        raise MemoryError("the windows are too large for this machine's memory")
    g.box_at = place(&at, ((2 * rows if g.gathered else rows) * pitch + spare if boxed else 0)
                     * size)
    g.lines_at = place(&at, ((rows if g.transposed else g.strip if g.tall else
                              high if selecting or needs_lines(g) else 1) * pitch + spare)
                       * size)
    g.rows_at = place(&at, parts * pitch * size)
    g.phases_at = place(&at, most((least(w.stride, PHASES) if w.stride > 1 else 0)
                                  * g.line * (size + 4), 3 * 1024 * 8))
    # Along a row of windows a few apart, one is folded at every place.
    g.levels_at = place(&at, most(levels * g.line, halvings(taps_w) * (
        g.row if not g.transposed and not 1 < w.stride <= PHASES else pitch)) * size)
    g.result_at = place(&at, (1 if g.transposed else most(rows, high) if selecting else
                              g.strip if g.tall else g.tile[0])
                        * (pitch if g.transposed or selecting else g.row) * size)
    g.counts_at = place(&at, 0 if g.tall else high * g.row * 4)
    g.starts_at = place(&at, g.tile[0] * g.row * 4 if g.depth > 1 else 0)
    g.places_at = place(&at, w.n * g.tile[2] * (g.axis[1].n if g.depth > 1 else 1) * 8
                        if scattering and not g.gathered else 0)
    g.slides_at = place(&at, slides(w.kernel) * most(SLIDES, g.line) * size if is_sliding(w)
                        else 0)
    g.raw_at = place(&at, most(pitch, g.tile[0]) * 8)
    g.flags_at = place(&at, g.line * 9)
    g.wide_at = place(&at, most(most(g.row, g.tile[0]) * 24, PIECES * 24))
    g.entries_at = place(&at, entries_size(g))
    g.rest_at = place(&at, REST + g.margin if g.in_place or g.widened or g.halved else 0)
    g.scratch = at
    return 0


cdef bint needs_lines(const Plan* g) noexcept:
    """Whether a sum or an extremum folds rows into lines before it folds along them. Windows of
    one row that need no padding, because they are irregular, are not."""
    return not g.pixelwise and (g.stacked or g.widened
                                or not (g.axis[1].identity and g.axis[2].start != NULL))


cdef Py_ssize_t entries_size(const Plan* g) noexcept:
    """Bytes for the taps of an element where padding is mapped: they are listed one by one."""
    cdef Py_ssize_t i, most_listed = 1
    for i in range(3):
        if g.axis[i].source != NULL:
            most_listed = most(most_listed, most_taps(&g.axis[i]))
    return 8 * (2 * most_listed + 1)


cdef inline Py_ssize_t place(Py_ssize_t* at, Py_ssize_t size) noexcept:
    cdef Py_ssize_t here = at[0]
    at[0] += (size + SLACK + 63) // 64 * 64
    return here


# --- weighted sums --------------------------------------------------------------------------------

cdef int tile_weighted(Plan* g, int block) except -1:
    """Sizes of tiles, and scratch, of kernels/weighted.pxi. A tile is as high as the fast caches
    have room for its lines."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t size = SIZE[g.t_type], line, planes, lines, high, at = 0
    cdef bint boxed
    if <double> reading(h, 1) * reading(w, 1) * size > <double> LARGE / 1024:
        raise MemoryError("the windows are too large for this machine's memory")
    g.depth = 1
    g.margin = 4 * block
    # Blocks of float64 are half as many planes: rows of enough of them are faster by themselves.
    if is_abreast(g, block, size) and (size < 8 or w.stride > 1 or (w.m < 16 and g.window <= 9)):
        return tile_abreast(g, block, size)
    # Long rows that come from memory: see touch_rows (kernels/boxes.pxi).
    g.streamed = (g.in_place and (g.inner > 1 or not g.dense) and g.axis[0].identity
                  and not g.transposed and h.stride > 1 and g.xs[1] >= FAR
                  and <double> g.planes * g.axis[0].n * h.n * g.xs[1] > STREAMED)
    tile_inner(g, size)
    tile_along(g, size, False, False)
    boxed = not (g.dense or g.in_place and g.axis[0].identity)
    line = line_length(g, False)
    planes = most_taps(&g.axis[0]) if g.dense else 1
    g.tile[0] = most(1, least(h.m, rows_weighted(g, line * planes * size, boxed)))
    number_tiles(g)
    place_lengths(g, line)
    high = reading(h, g.tile[0])
    if g.dense and h.transposed:
        high = (g.tile[0] + (h.kernel - 1) * h.dilation) // h.stride + 3
    lines = planes * high if g.dense else g.tile[0]
    g.taps = most(most_taps(&g.axis[0]), most(most_taps(h), most_taps(w)))
    if g.dense:
        g.taps = most(g.taps, g.window)
    if <double> (lines + high + planes + 4) * (g.line + g.row) * 8 > 2.0 ** 46:
        raise MemoryError("the windows are too large for this machine's memory")
    g.box_at = place(&at, high * g.line * size if boxed else 0)
    g.rows_at = place(&at, most_taps(&g.axis[0]) * g.line * size if boxed else 0)
    g.lines_at = place(&at, lines * g.line * size)
    g.phases_at = place(&at, (2 * g.tile[0] if w.transposed else lines * g.phases) * g.phase * size)
    g.result_at = place(&at, g.tile[0] * g.row * size)
    g.raw_at = place(&at, most(g.line, g.row) * 8)
    g.wide_at = place(&at, g.row * 24)
    g.taps_at = place(&at, 6 * g.taps * 8)
    g.weights_at = place(&at, 3 * g.taps * 8)
    g.entries_at = place(&at, entries_size(g))
    g.scratch = at
    return 0


cdef bint is_abreast(const Plan* g, int block, Py_ssize_t size) noexcept:
    """Whether planes, each with weights of its own, are weighed side by side, a block of them at a
    time: the lines of a window are in the caches then."""
    cdef const Axis* w = &g.axis[2]
    cdef int last = g.outer_ndim - 1
    return (g.dense and not g.transposed and g.inner == 1 and last >= 0
            and g.axis[0].identity and g.axis[0].n == 1
            and g.outer[last] * size >= block and g.g_outer[last] == size
            and <double> reading(&g.axis[1], 1) * reading(w, w.m) * block <= 2 * BOX)


cdef int tile_slopes(Plan* g, int block) except -1:
    """The same for gradients in weights; 0 where planes are not taken side by side."""
    g.depth = 1
    if not is_abreast(g, block, SIZE[g.t_type]):
        return 0
    tile_abreast(g, block, SIZE[g.t_type])
    return 1


cdef int tile_abreast(Plan* g, int block, Py_ssize_t size) except -1:
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t width = reading(w, w.m), at = 0
    take_planes(g)
    g.depth = block // size
    g.tile[0] = (2 * BOX // (width * block) - reading(h, 1)) // h.stride + 1
    g.tile[0], g.tile[1], g.tile[2] = least(h.m, g.tile[0]), w.m, 1
    number_tiles(g)
    # Channels that lie side by side share lines of the caches.
    g.together = 2 if g.task == LEARNING_OF and g.xs[0] == size else 1
    if g.task == LEARNING_OF:
        g.items = ceil_div(g.axis[0].m, g.depth * g.together)
    g.taps = g.window
    g.line = g.row = padded(most(width, w.m))
    g.lines_at = place(&at, (reading(h, g.tile[0]) + 1) * width * block)
    g.rows_at = place(&at, g.depth * g.line * size)
    g.result_at = place(&at, (g.tile[0] * w.m + 4) * block)
    g.raw_at = place(&at, g.line * 8)
    g.wide_at = place(&at, g.line * 24)
    g.taps_at = place(&at, 6 * g.taps * 8)
    # Of weights, or of the sums in float64 that their gradients are.
    g.weights_at = place(&at, 2 * g.together * (g.window + 1) * block)
    g.entries_at = place(&at, entries_size(g))
    g.scratch = at
    return 0


cdef Py_ssize_t rows_weighted(const Plan* g, Py_ssize_t bytes, bint boxed) noexcept:
    """Rows of the result for which as many lines of so many bytes are made as a box has room for;
    at least so many that few are made twice."""
    cdef const Axis* h = &g.axis[1]
    cdef Py_ssize_t lines = BOX // most(1, bytes), taps = reading(h, 1)
    if h.transposed:
        lines = BOX // most(1, bytes + 2 * g.tile[1] * g.tile[2] * SIZE[g.t_type])
        return ceil_div(most(lines, h.kernel), h.stride) * h.stride
    if g.dense or boxed:
        return most((lines - taps) // h.stride + 1, least(taps // h.stride, 4 * lines))
    return lines // 2


cdef void place_lengths(Plan* g, Py_ssize_t line) noexcept:
    """Elements from line to line, from phase to phase, and from one row of the result to the next.
    """
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t windows = g.tile[1]
    g.phases = 1
    g.phase = 0
    if w.transposed:
        windows = ((w.reach if w.source != NULL else windows) // w.stride + 2) * w.stride
        g.phase = padded((windows // w.stride) * g.tile[2])
    elif w.stride > 1:
        g.phases = least(w.stride, w.kernel)
        g.phase = padded((line // g.tile[2] // w.stride + 1) * g.tile[2])
    g.line = padded(line)
    g.row = padded(windows * g.tile[2])


cdef inline Py_ssize_t padded(Py_ssize_t elements) noexcept:
    """Elements and slack, in whole blocks of 64 bytes."""
    return (elements + SLACK + 63) // 64 * 64
