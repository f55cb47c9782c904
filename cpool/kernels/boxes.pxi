# Tiles: boxes of the result, and what they read.

cdef void line_of_windows(const Axis* a, Tile* t, Py_ssize_t* entries) noexcept nogil:
    """Which part of a row the windows w0 to w1 read, and where it stands in a padded line."""
    cdef Py_ssize_t j0, j1
    if a.start != NULL:
        extent(a, t.w0, t.w1, entries, &t.w_lo, &t.w_hi)
        t.left = 0
        t.width = t.w_hi - t.w_lo
        return
    j0 = t.w0 * a.stride
    j1 = (t.w1 - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    if a.source != NULL:
        # Tiles are as wide as the plane: any element may be read.
        t.w_lo, t.w_hi, t.left = 0, a.n, a.before
        t.width = most(j1, a.before + a.n)
        return
    t.w_lo = most(0, j0 - a.before)
    t.w_hi = least(a.n, j1 - a.before)
    t.left = t.w_lo + a.before - j0
    t.width = j1 - j0


cdef void line_of_transposed(const Axis* a, Tile* t) noexcept nogil:
    """Which windows cover the elements w0 to w1; positions before the first and after the last
    window stand for windows that do not exist."""
    cdef Py_ssize_t q0, q1, back, first, stop, w
    if a.start != NULL or a.identity:
        first, stop = a.n, 0
        for w in range(t.w0, t.w1):
            if a.identity:
                first, stop = t.w0, t.w1
                break
            if a.count[w] > 0:
                first = least(first, a.start[w])
                stop = most(stop, a.start[w] + a.count[w])
        t.w_lo, t.w_hi, t.left = least(first, stop), stop, 0
        t.width = t.w_hi - t.w_lo
        return
    q0, q1 = phases_of(a, t.w0, t.w1)
    back = ((a.kernel - 1) * a.dilation) // a.stride
    t.w_lo = least(most(0, q0 - back), a.n)
    t.w_hi = most(t.w_lo, least(a.n, q1))
    t.left = t.w_lo - (q0 - back)
    t.width = q1 - q0 + back


cdef inline (Py_ssize_t, Py_ssize_t) phases_of(const Axis* a, Py_ssize_t w0,
                                               Py_ssize_t w1) noexcept nogil:
    """Position = phase + stride * q: the range of q for elements w0 to w1."""
    if a.source != NULL:
        return 0, (a.reach + a.stride - 1) // a.stride
    return (w0 + a.before) // a.stride, (w1 - 1 + a.before) // a.stride + 1


cdef inline const char* place(const Plan* g, const Tile* t, Py_ssize_t d,
                              Py_ssize_t h) noexcept nogil:
    """The first element of a source row, where it lies in memory."""
    return t.x + d * g.xs[0] + h * g.xs[1] + t.w_lo * g.xs[2] + t.c0 * g.xs[3]


cdef extern from *:
    """
    /* Without the empty statement gcc takes a function that does nothing else for one without
       effect, and leaves its calls out. */
    #define CPOOL_PREFETCH(at) do { __builtin_prefetch(at); __asm__ volatile(""); } while (0)
    """
    void prefetch "CPOOL_PREFETCH"(const void* address) noexcept nogil


cdef extern from *:
    """
    static void cpool_touch(const char *x, Py_ssize_t bytes) {
        Py_ssize_t i;
        for (i = 0; i < bytes; i += 64) (void)*(const volatile char *)(x + i);
    }
    """
    void touch "cpool_touch"(const char* x, Py_ssize_t bytes) noexcept nogil


cdef void ask_for(const char* x, Py_ssize_t bytes) noexcept nogil:
    cdef Py_ssize_t at = 0
    while at < bytes:
        prefetch(x + at)
        at += 64


cdef inline void touch_rows(const char* x, Py_ssize_t pitch, Py_ssize_t bytes,
                            Py_ssize_t rows) noexcept nogil:
    """Reads a byte of each line of the cache, row by row: what then is read from several rows in
    turn is there. Processors fetch ahead of one stream of memory that goes forward, not of such
    a pattern, and what is prefetched by hand does not count as a stream. Or has lines that are to
    be read later brought while these are folded (see asks_ahead)."""
    cdef Py_ssize_t i
    if bytes <= pitch < bytes + 64:
        bytes, rows = bytes + (rows - 1) * pitch, 1
        if asks_ahead():
            ask_for(x + AHEAD, bytes)
            return
    for i in range(rows):
        touch(x + i * pitch, bytes)


cdef inline Py_ssize_t touched_together(const Plan* g, Py_ssize_t bytes) noexcept nogil:
    """So many windows, each of which begins `bytes` behind the one before, are touched and then
    folded; all at once where their source is not streamed."""
    return most(1, TOUCHED // most(1, bytes)) if g.streamed and not g.stacked else LARGEST


cdef inline Py_ssize_t touch_windows(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t rows,
                                     Py_ssize_t fresh) noexcept nogil:
    """What the rows h to h + rows of windows are folded from, but for rows before `fresh`: a stream
    must not go back. Gives the first row that is still untouched."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t first = most(fresh, h * a.stride - a.before)
    cdef Py_ssize_t stop = least(
        a.n, (h + rows - 1) * a.stride - a.before + (a.kernel - 1) * a.dilation + 1)
    if first < stop:
        touch_rows(place(g, t, t.d, first), g.xs[1], (t.w_hi - t.w_lo) * t.nc * g.x_size,
                   stop - first)
    return most(fresh, stop)


cdef void touch_planes(const Plan* g, const Tile* t) noexcept nogil:
    """The rows of a tile in those planes of its windows that the windows before do not have."""
    cdef const Axis* a = &g.axis[0]
    cdef Py_ssize_t d, first = t.d * a.stride - a.before
    cdef Py_ssize_t stop = least(a.n, first + (a.kernel - 1) * a.dilation + 1)
    if t.d > 0:
        first = most(first, first - a.stride + (a.kernel - 1) * a.dilation + 1)
    for d in range(most(0, first), stop):
        touch_rows(place(g, t, d, t.h_lo), g.xs[1], (t.w_hi - t.w_lo) * t.nc * g.x_size,
                   t.h_hi - t.h_lo)


cdef inline Py_ssize_t ahead(const Plan* g, const Tile* t) noexcept nogil:
    """Bytes of the next planes' source; 0 where they are not worth fetching."""
    return least((t.d1 - t.d) * g.xs[0], FETCHED) if g.streamed else 0


cdef void fetch(const Plan* g, const Tile* t, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    """Has the memory bring a part of the next tile's source while a part of this one is worked on:
    few lines can be on their way at once, and by themselves processors stop at the end of each
    page."""
    cdef Py_ssize_t size = ahead(g, t)
    cdef Py_ssize_t at = (size * part // parts) & ~(<Py_ssize_t> 63)
    ask_for(place(g, t, t.d1, 0) + at, size * (part + 1) // parts - at)


cdef void locate(const Plan* g, Py_ssize_t item, Tile* t, char* s) noexcept nogil:
    """Item number -> plane, and box of the result."""
    cdef const Axis* a = &g.axis[0]
    cdef Py_ssize_t plane, index, i, h, w, c, reading, deep
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    c = w = h = plane = t.d = 0
    if item > 0:        # divisions take longer than the folds of a tiny call
        c = item % g.tiles[2]
        item = item // g.tiles[2]
        w = item % g.tiles[1]
        item = item // g.tiles[1]
        h = item % g.tiles[0]
        item = item // g.tiles[0]
        deep = (a[0].m + g.depth - 1) // g.depth
        t.d = item % deep * g.depth
        plane = item // deep
    t.d1 = least(t.d + g.depth, a[0].m)
    t.x, t.y, t.q, t.q2, t.mask = g.x, g.y, g.q, g.q2, g.mask
    for i in range(g.outer_ndim - 1, -1, -1):
        index = plane % g.outer[i]
        plane = plane // g.outer[i]
        t.x += index * g.x_outer[i]
        t.y += index * g.y_outer[i]
        if t.q != NULL:
            t.q += index * g.q_outer[i]
        if t.q2 != NULL:
            t.q2 += index * g.q2_outer[i]
        if t.mask != NULL:
            t.mask += index * g.m_outer[i]
    t.h0 = h * g.tile[0]
    t.h1 = least(t.h0 + g.tile[0], a[1].m)
    t.w0 = w * g.tile[1]
    t.w1 = least(t.w0 + g.tile[1], a[2].m)
    t.c0 = c * g.tile[2]
    t.nc = least(g.tile[2], g.inner - t.c0)
    extent(&a[1], t.h0, t.h1, entries, &t.h_lo, &t.h_hi)
    if a[2].transposed:
        line_of_transposed(&a[2], t)
    else:
        line_of_windows(&a[2], t, entries)
    t.safe = True
    t.beyond = 0
    t.counted = False
    t.doubtful = NULL
    if g.in_place or g.widened or g.halved:
        # The farthest byte of this tile's rows, whatever the signs of the strides.
        reading = (t.w_hi * g.inner + t.nc) * g.x_size + g.margin
        extent(&a[0], t.d, t.d1, entries, &i, &deep)
        reading += most(0, ((deep if a[0].source == NULL else a[0].n) - 1) * g.xs[0])
        reading += most(0, ((t.h_hi if a[1].source == NULL else a[1].n) - 1) * g.xs[1])
        t.beyond = most(0, reading - (g.x_end - t.x))
        t.safe = t.beyond == 0


cdef T* row_at(char* s, Py_ssize_t at, Py_ssize_t index, Py_ssize_t pitch, T tag) noexcept nogil:
    return <T*> (s + at) + index * pitch


cdef inline char* target(const Plan* g, const Tile* t) noexcept nogil:
    return t.y + t.d * g.ys[0] + t.h0 * g.ys[1] + t.w0 * g.ys[2] + t.c0 * g.ys[3]


cdef void full_windows(const Axis* a, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t* first,
                       Py_ssize_t* stop) noexcept nogil:
    """Those of the windows lo to hi that are the same but for their place: all taps inside."""
    first[0] = stop[0] = lo
    if a.start != NULL or a.transposed:
        return
    first[0] = least(hi, most(lo, (a.before + a.stride - 1) // a.stride))
    if a.n + a.before >= (a.kernel - 1) * a.dilation + 1:
        stop[0] = (a.n + a.before - (a.kernel - 1) * a.dilation - 1) // a.stride + 1
    stop[0] = most(first[0], least(hi, stop[0]))


cdef bint take_safe_part(const Plan* g, Tile* t, Tile* part) noexcept nogil:
    """The last tiles of an array may not be read in whole blocks, but all but their last rows may:
    these become a part of their own, if there are any."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t last, h
    if g.xs[1] <= 0 or a.start != NULL or a.source != NULL or a.transposed:
        return False
    last = t.h_hi - (t.beyond + g.xs[1] - 1) // g.xs[1]     # rows before it are safe
    h = floor_div(last - (a.kernel - 1) * a.dilation - 1 + a.before, a.stride) + 1
    if h <= t.h0 or h >= t.h1:
        return False
    part[0] = t[0]
    part.safe = True
    part.h1 = t.h0 = h
    extent(a, part.h0, part.h1, NULL, &part.h_lo, &part.h_hi)
    extent(a, t.h0, t.h1, NULL, &t.h_lo, &t.h_hi)
    return True


cdef bint bring_rest(const Plan* g, Tile* t, char* s) noexcept nogil:
    """The rows of a tile that are few bytes, to where whole blocks behind them may be read: to fold
    them without takes longer."""
    cdef const Axis* a = &g.axis[0]
    cdef Py_ssize_t first, stop, at, size
    cdef char* rest = s + g.rest_at
    if a.source != NULL or g.axis[1].source != NULL or g.xs[0] < 0 or g.xs[1] < 0:
        return False
    extent(a, t.d, t.d1, <Py_ssize_t*> (s + g.entries_at), &first, &stop)
    size = ((stop - first - 1) * g.xs[0] + (t.h_hi - t.h_lo - 1) * g.xs[1]
            + ((t.w_hi - t.w_lo - 1) * g.inner + t.nc) * g.x_size)
    if stop <= first or t.h_hi <= t.h_lo or t.w_hi <= t.w_lo or size > REST:
        return False
    at = place(g, t, first, t.h_lo) - t.x
    memcpy(rest, t.x + at, size)
    t.x = rest - at
    t.safe = True
    return True


cdef inline bint are_quads(const Plan* g, const Tile* t) noexcept nogil:
    """2x2 windows with stride 2, whole channels."""
    return (t.nc == g.inner and not g.stacked and is_pairs(&g.axis[1]) and is_pairs(&g.axis[2]))
