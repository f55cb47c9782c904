# A tile: rows of the source -> rows of the result. One value at a time this is
#
#     y[d, h, w] = op over all taps (i, j, k) of x[d_i, h_j, w_k]
#
# and because an operation is associative it is three folds in one dimension each: planes of a
# window together, then its rows, then along the row. Forward windows make rows shorter, so the
# fold along the row comes last; transposed windows make them longer, so there it comes before the
# fold of the rows. Each step is done to all rows of a tile before the next step begins: calls are
# few, and no row is read again just after it was written, which would stall.


cdef inline bint rows_in_place(const Plan* g, What what) noexcept nogil:
    return g.in_place and what == VALUES and (g.axis[0].identity or g.stacked)


# --- planes of a window ---------------------------------------------------------------------------

cdef const T* fold_planes(const Plan* g, const Tile* t, What what, Py_ssize_t* pitch, bint* safe,
                          char* s, Op op, T tag) noexcept nogil:
    """The source rows of a tile, the planes of the windows folded: their address and the number of
    elements between them. Where nothing is to be done to them they stay in place, all of them;
    otherwise they are the tile's own, h_lo to h_hi."""
    cdef Py_ssize_t h, i, d, row, n = (t.w_hi - t.w_lo) * t.nc
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* box
    cdef Run r
    cdef bint in_place = g.in_place and what == VALUES
    if rows_in_place(g, what):
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        safe[0] = t.safe
        return <const T*> place(g, t, 0 if g.stacked else t.d, 0)
    pitch[0] = g.line
    safe[0] = True
    taps(&g.axis[0], t.d, entries, &r)
    if r.count == 1 and loads_at_once(g, t, n, what):
        pitch[0] = n
        box = <T*> (s + g.box_at)
        load_at_once(g, t, r.entries[0] if r.entries != NULL else r.first, box, n, what, s, op)
        return box
    r.pitch = g.xs[0] // <Py_ssize_t> sizeof(T)
    for h in range(t.h_lo, t.h_hi):
        row = row_of(&g.axis[1], h)
        box = row_at(s, g.box_at, h - t.h_lo, g.line, tag)
        if in_place:
            fold_run(box, <const T*> place(g, t, 0, row), &r, n, t.safe, levels, g.line, op)
            continue
        if r.count <= 0:
            fill(box, n, identity(op, tag))
        for i in range(r.count):
            d = r.entries[i] if r.entries != NULL else r.first + i * r.step
            if i == 0:
                load(g, t, d, row, box, what, s, op)
            else:
                load(g, t, d, row, levels, what, s, op)
                more1(box, 0, levels, 0, UP(n, sizeof(T)), 1, op)
    return row_at(s, g.box_at, 0, g.line, tag)


cdef inline bint loads_at_once(const Plan* g, const Tile* t, Py_ssize_t n,
                               What what) noexcept nogil:
    """Whether the rows of a tile are one after the other, and need nothing but conversion and what
    is done to each element; or those of a mask."""
    if g.axis[1].source != NULL or what == NANS:
        return False
    if what == EXISTING:
        return (not g.omit_nan and g.ms[1] == n
                and is_contiguous(g.ms, t.w_hi - t.w_lo, t.nc, 1))
    return (not g.in_place and not g.x_swapped
            and not (g.transposed and g.mean and not divisor_is_constant(g))
            and (g.xs[1] == n * g.x_size or t.h_hi - t.h_lo == 1)
            and is_contiguous(g.xs, t.w_hi - t.w_lo, t.nc, g.x_size)
            and <size_t> place(g, t, 0, 0) % g.x_size == 0)


cdef void load_at_once(const Plan* g, const Tile* t, Py_ssize_t d, T* box, Py_ssize_t n, What what,
                       char* s, Op op) noexcept nogil:
    cdef Py_ssize_t rows = t.h_hi - t.h_lo
    if what == EXISTING:
        ones(box, mask_row(g, t, d, t.h_lo, s), rows * n)
        return
    if g.mask != NULL or g.omit_nan:
        take_what_exists(g, t, d, t.h_lo, box, place(g, t, d, t.h_lo), rows, s, op)
    else:
        take_up(g, box, place(g, t, d, t.h_lo), rows * n, op)
    if T is float or T is double:
        if g.transposed and g.mean:
            scale(box, <T> constant_divisor(g), rows * n)


# --- rows of a window -----------------------------------------------------------------------------

cdef inline void rows_of(const Plan* g, const Tile* t, Py_ssize_t h, bint in_place,
                         Py_ssize_t pitch, Py_ssize_t* entries, Run* r) noexcept nogil:
    """The rows that row h of the result is folded from, as fold_planes has them."""
    if in_place:
        taps(&g.axis[1], h, entries, r)
    else:
        taps_in_extent(&g.axis[1], h, t.h_lo, entries, r)
    r.pitch = pitch


cdef void fold_heights(const Plan* g, const Tile* t, T* lines, const T* x, Py_ssize_t pitch,
                       bint in_place, bint safe, char* s, Op op) noexcept nogil:
    """The rows of each window folded, into lines of pitch g.line: full windows in one go."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef Py_ssize_t h, rows, first, stop, n = (t.w_hi - t.w_lo) * t.nc
    cdef Py_ssize_t fresh = t.h_lo, together = touched_together(g, a.stride * g.xs[1])
    cdef bint stacked = in_place and g.stacked
    cdef T* y
    cdef Run r, planes
    if stacked:
        taps(&g.axis[0], t.d, entries, &planes)
        planes.pitch = g.xs[0] // <Py_ssize_t> sizeof(T)
        if g.streamed:
            touch_planes(g, t)
    full_windows(a, t.h0, t.h1, &first, &stop)
    h = t.h0
    while h < t.h1:
        rows_of(g, t, h, in_place, pitch, entries, &r)
        rows = least(stop - h, together) if first <= h < stop else 1
        y = lines + (h - t.h0) * g.line
        if in_place and g.streamed and not stacked:
            fresh = touch_windows(g, t, h, rows, fresh)
        if stacked:
            fold_box(y, g.line, x, a.stride * pitch, &planes, &r, n, rows, safe, op)
        else:
            fold_rows(y, g.line, x, a.stride * pitch, &r, n, rows, safe, levels, g.line, op)
        h += rows


# --- along the row --------------------------------------------------------------------------------

cdef inline bint is_grouped(const Axis* a, Py_ssize_t nc, Py_ssize_t size) noexcept nogil:
    """Windows of two or three groups of channels, two apart."""
    return (a.start == NULL and a.stride == 2 and a.dilation == 1
            and (a.kernel == 2 or a.kernel == 3) and are_groups(nc, size))


cdef inline bint is_in_pieces(const Axis* a, Py_ssize_t nc, Py_ssize_t size) noexcept nogil:
    """Windows of two or three pixels, not one apart, of which a block holds one but not two: 0.7 to
    0.9 of the time of folding one at every place."""
    return (a.start == NULL and a.stride > 1 and (a.kernel == 2 or a.kernel == 3)
            and BLOCK < 2 * nc * size < 2 * BLOCK)


cdef void fold_along(const Plan* g, const Tile* t, T* z, Py_ssize_t zp, const T* line,
                     Py_ssize_t lp, Py_ssize_t rows, bint safe, char* s, Op op) noexcept nogil:
    """The windows w0 to w1 of a block of lines (lp apart) -> rows of z (zp apart)."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, m = t.w1 - t.w0, nc = t.nc
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* phases = <T*> (s + g.phases_at)
    cdef Run r
    r.first, r.step, r.count, r.pitch, r.period, r.unit = 0, a.dilation, a.kernel, nc, 0, nc
    r.entries = NULL
    if safe and is_sliding(a) and (a.stride == 1 or nc * <Py_ssize_t> sizeof(T) < BLOCK):
        slide_along(g, z, zp, line, lp, m, rows, nc, s, op)
        return
    if a.identity or (a.stride == 1 and a.start == NULL):
        fold_rows(z, zp, line, lp, &r, m * nc, rows, safe, levels, g.row, op)
        return
    if safe and is_grouped(a, nc, sizeof(T)):
        if a.kernel == 2:
            pairs(z, zp, line, lp, UP(m * nc, sizeof(T)), rows, nc, op)
        else:
            threes(z, zp, line, lp, UP(m * nc, sizeof(T)), rows, nc, op)
        return
    if safe and is_in_pieces(a, nc, sizeof(T)):
        fold_pieces(z, zp, line, lp, a.stride * nc, a.dilation * nc, a.kernel, m, nc, rows, op)
        return
    if a.start != NULL and m == 1 and nc == 1:
        fold_spans(z, zp, line + a.start[t.w0] - t.w_lo, lp, a.count[t.w0], rows, safe, phases, op)
        return
    for i in range(rows):
        if a.start != NULL:
            fold_irregular(a, t, z, line, safe, levels, g.row, op)
        elif nc * <Py_ssize_t> sizeof(T) >= BLOCK:
            # One window after the other: each is a row of channels.
            fold_rows(z, nc, line, a.stride * nc, &r, nc, m, safe, levels, g.row, op)
        elif a.stride > PHASES:
            fold_apart(a, z, line, m, nc, op)
        elif nc == 1 and a.stride == 2:
            # Element o of a window's tap is at entry o of the tap's phase.
            split(phases, g.line, line, (m - 1) * 2 + (a.kernel - 1) * a.dilation + 1, 2, 1)
            r.period, r.pitch = 2, g.line
            fold_run(z, phases, &r, m, True, levels, g.row, op)
            r.period, r.pitch = 0, 1
        else:
            # A window at every place, then those that are wanted: whole vectors do the most of it.
            fold_run(phases, line, &r, ((m - 1) * a.stride + 1) * nc, safe, levels,
                     most(g.line, g.row), op)
            thin_out(z, phases, m, a.stride * nc, nc)
        z += zp
        line += lp


cdef void slide_along(const Plan* g, T* z, Py_ssize_t zp, const T* line, Py_ssize_t lp,
                      Py_ssize_t m, Py_ssize_t rows, Py_ssize_t nc, char* s, Op op) noexcept nogil:
    """Short rows together, as many as SLIDES elements hold; with strides a window at every place,
    of which those that are wanted are kept."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, n = ((m - 1) * a.stride + 1) * nc, size = most(SLIDES, g.line)
    cdef Py_ssize_t some = size // g.line if lp == g.line and a.stride == 1 else 1
    cdef T* phases = <T*> (s + g.phases_at)
    i = 0
    while i < rows:
        slide(z + i * zp if a.stride == 1 else phases, zp, line + i * lp, a.kernel,
              a.dilation * nc, n, least(some, rows - i), <T*> (s + g.slides_at), size, g.line, op)
        if a.stride > 1:
            thin_out(z + i * zp, phases, m, a.stride * nc, nc)
        i += some


cdef void fold_irregular(const Axis* a, const Tile* t, T* z, const T* line, bint safe, T* levels,
                         Py_ssize_t pitch, Op op) noexcept nogil:
    cdef Py_ssize_t o, nc = t.nc
    cdef Run r
    r.step, r.pitch, r.period, r.entries = 1, nc, 0, NULL
    for o in range(t.w1 - t.w0):
        r.first = a.start[t.w0 + o] - t.w_lo
        r.count = a.count[t.w0 + o]
        if nc == 1:
            z[o] = fold_span(line + r.first, r.count, op)
        else:
            fold_run(z + o * nc, line, &r, nc, safe, levels, pitch, op)


cdef void fold_apart(const Axis* a, T* z, const T* line, Py_ssize_t m, Py_ssize_t nc,
                     Op op) noexcept nogil:
    """Windows far from each other, few channels."""
    cdef Py_ssize_t o
    cdef Run r
    r.first, r.step, r.count, r.pitch, r.period = 0, a.dilation, a.kernel, nc, 0
    r.entries = NULL
    for o in range(m):
        if nc == 1 and a.dilation == 1:
            z[o] = fold_span(line + o * a.stride, a.kernel, op)
        else:
            fold_each(z + o * nc, line + o * a.stride * nc, &r, nc, op)


# --- windows too long to be loaded at once --------------------------------------------------------

cdef void fold_long(const Plan* g, const Tile* t, T* line, What what, char* s, Op op,
                    T tag) noexcept nogil:
    """A window of many rows that must be loaded: LEAF rows at a time. Partial results meet in
    pairs, as the digits of a binary counter do, so that sums stay pairwise."""
    cdef Py_ssize_t first = g.axis[1].start[t.h0], left = g.axis[1].count[t.h0]
    cdef Py_ssize_t pitch, count = 0, made = 0, pairs_made, n = (t.w_hi - t.w_lo) * t.nc
    cdef const T* x
    cdef bint safe
    cdef Tile part = t[0]
    cdef Run r
    r.first, r.step, r.period, r.entries = 0, 1, 0, NULL
    while left > 0:
        r.count = least(left, LEAF)
        part.h_lo, part.h_hi = first, first + r.count
        x = fold_planes(g, &part, what, &pitch, &safe, s, op, tag)
        r.pitch = pitch
        fold_run(row_at(s, g.rows_at, count, g.line, tag), x, &r, n, True, NULL, 0, op)
        first += r.count
        left -= r.count
        count += 1
        made += 1
        pairs_made = made
        while count > 1 and (pairs_made % 2 == 0 or left == 0):
            more1(row_at(s, g.rows_at, count - 2, g.line, tag), 0,
                  row_at(s, g.rows_at, count - 1, g.line, tag), 0, UP(n, sizeof(T)), 1, op)
            count -= 1
            pairs_made = pairs_made // 2
    memcpy(line, row_at(s, g.rows_at, 0, g.line, tag), n * sizeof(T))


cdef void fold_chunks(const Plan* g, const Tile* t, T* z, What what, char* s, Op op,
                      T tag) noexcept nogil:
    """One window over a whole row that must be loaded: a chunk at a time, then the chunks'
    values."""
    cdef T* values = <T*> (s + g.lines_at)
    cdef T* piece = <T*> (s + g.box_at)
    cdef Py_ssize_t h, count
    cdef Tile part = t[0]
    for h in range(t.h0, t.h1):
        count = 0
        part.w_hi = t.w_lo
        while part.w_hi < t.w_hi:
            part.w_lo = part.w_hi
            part.w_hi = least(t.w_hi, part.w_lo + g.chunk)
            load(g, &part, t.d, h, piece, what, s, op)
            values[count] = fold_span(piece, part.w_hi - part.w_lo, op)
            count += 1
        z[0] = fold_span(values, count, op)
        emit(g, t, h, z, what, s, op)


# --- forward --------------------------------------------------------------------------------------

cdef void fold_windows(const Plan* g, const Tile* t, What what, char* s, Op op,
                       T tag) noexcept nogil:
    """Rows, then along the row."""
    cdef Py_ssize_t h, n, pitch, zp = g.row, lp = g.line, rows = t.h1 - t.h0, straight = 0
    cdef T* z = <T*> (s + g.result_at)
    cdef T* lines = <T*> (s + g.lines_at)
    cdef const T* x
    cdef T* y
    cdef bint safe, padded = t.width != t.w_hi - t.w_lo
    cdef bint in_place = rows_in_place(g, what)
    if g.chunk > 0 and not in_place and g.axis[0].identity and g.axis[1].identity:
        fold_chunks(g, t, z, what, s, op, tag)
        return
    if Op is MaxOp or Op is MinOp or Op is AddOp and (T is float or T is double):
        if what == VALUES and g.pixelwise:
            pixels(g, t, s, tag, op)
            return
    if Op is not ProductOp:
        if are_straight_threes(g, t, what, sizeof(T)):
            tile_threes(g, t, s, op, tag)
            return
    if T is int16_t or Op is AddOp and (T is int32_t or T is float):
        if what == VALUES and g.halved and t.safe and <size_t> target(g, t) % g.y_size == 0:
            halve(g, t, s, op)
            return
    if Op is AddOp and (T is int16_t or T is int32_t or T is float):
        if what == VALUES and g.widened:
            widen_heights(g, t, lines + t.left * t.nc, s)
            fill_borders(g, t, lines, rows, op, tag)
            finish_lines(g, t, lines, g.line, True, what, s, op, tag)
            return
    if g.axis[1].start != NULL and not in_place:
        fold_long(g, t, lines + t.left * t.nc, what, s, op, tag)
        fill_borders(g, t, lines, 1, op, tag)
        fold_along(g, t, z, zp, lines, lp, 1, True, s, op)
        emit(g, t, t.h0, z, what, s, op)
        return
    x = fold_planes(g, t, what, &pitch, &safe, s, op, tag)
    if what == VALUES:
        straight = rows_straight(g, t, sizeof(T))
    y = <T*> target(g, t)
    if not padded and safe and are_quads(g, t) and are_groups(t.nc, sizeof(T)):
        n = (t.w1 - t.w0) * t.nc
        x += (2 * t.h0 - (0 if in_place else t.h_lo)) * pitch
        if (what == VALUES and 2 * n * <Py_ssize_t> sizeof(T) <= BLOCK
                and is_straight(g, t, sizeof(T))):
            narrow_quads(y, n, x, pitch, rows, lines, z, t.nc, op)
            finish_straight(g, t, y, rows * n, op)
            return
        if straight > 0:
            fold_straight(g, t, y, x, pitch, straight, True, safe, s, op)
        if is_finished_at_once(g, t, what):
            fold_at_once(g, t, x, pitch, True, safe, s, op)
            return
        quads(z + straight * zp, zp, x + 2 * straight * pitch, x + (2 * straight + 1) * pitch,
              2 * pitch, UP(n, sizeof(T)), rows - straight, t.nc, op)
        for h in range(straight, rows):
            emit(g, t, t.h0 + h, z + h * zp, what, s, op)
        return
    if (not padded and (safe or g.axis[2].start != NULL) and g.axis[1].identity
            and not (in_place and g.stacked)):
        # Each row is a window's only one and needs no padding: it is folded along where it is.
        lp = pitch
        x += (t.h0 if in_place else t.h0 - t.h_lo) * pitch
    else:
        fold_heights(g, t, lines + t.left * t.nc, x, pitch, in_place, safe, s, op)
        fill_borders(g, t, lines, rows, op, tag)
        x = lines
        safe = True
    finish_lines(g, t, x, lp, safe, what, s, op, tag)


cdef void fold_straight(const Plan* g, const Tile* t, T* y, const T* x, Py_ssize_t xp,
                        Py_ssize_t rows, bint quads, bint safe, char* s, Op op) noexcept nogil:
    """The last fold of the windows of some rows, straight to the result, and what is done to them
    there. quads: it is the only one, of 2x2 windows."""
    cdef Py_ssize_t n = rows * (t.w1 - t.w0) * t.nc
    cdef DivideOp divide
    cdef bint scaled = g.y_scaled and is_last_fold(g, t, sizeof(T), safe)
    if Op is AddOp and (T is float or T is double):
        if scaled:
            divide.by = constant_divisor(g)
            last_fold(g, t, y, x, xp, rows, quads, safe, s, divide)
            doubt(g, t, y, n, op)
            return
    last_fold(g, t, y, x, xp, rows, quads, safe, s, op)
    doubt(g, t, y, n, op)
    scale_straight(g, y, n)


cdef void fold_at_once(const Plan* g, const Tile* t, const T* x, Py_ssize_t xp, bint quads,
                       bint safe, char* s, Op op) noexcept nogil:
    """The same for rows that are finished together: those of which means are divided alike are
    divided by the fold."""
    cdef T* z = <T*> (s + g.result_at)
    cdef Py_ssize_t rows = t.h1 - t.h0
    cdef DivideOp divide
    if Op is AddOp and (T is float or T is double):
        if g.mean and not t.counted and not g.lifted and is_last_fold(g, t, sizeof(T), safe):
            divide.by = constant_divisor(g)
            last_fold(g, t, z, x, xp, rows, quads, safe, s, divide)
            finish_at_once(g, t, z, s, divide)
            return
    last_fold(g, t, z, x, xp, rows, quads, safe, s, op)
    finish_at_once(g, t, z, s, op)


cdef void last_fold(const Plan* g, const Tile* t, T* y, const T* x, Py_ssize_t xp, Py_ssize_t rows,
                    bint is_quads, bint safe, char* s, Op op) noexcept nogil:
    cdef Py_ssize_t some, n = (t.w1 - t.w0) * t.nc, pitch = xp * <Py_ssize_t> sizeof(T)
    if is_quads:
        some = touched_together(g, 2 * pitch)
        while rows > 0:
            some = least(some, rows)
            if g.streamed:
                touch_rows(<const char*> x, pitch, 2 * n * <Py_ssize_t> sizeof(T), 2 * some)
            quads(y, n, x, x + xp, 2 * xp, UP(n, sizeof(T)), some, t.nc, op)
            y += some * n
            x += 2 * some * xp
            rows -= some
    else:
        fold_along(g, t, y, n, x, xp, rows, safe, s, op)


cdef inline bint is_last_fold(const Plan* g, const Tile* t, Py_ssize_t size,
                              bint safe) noexcept nogil:
    """Whether the last fold of windows along rows is in one piece, so that it can make means of
    sums."""
    cdef const Axis* a = &g.axis[2]
    if a.start != NULL or a.identity or a.kernel < 2:
        return False
    if a.stride == 1 and a.kernel > SLIDING:
        return safe
    if a.kernel > MANY:
        return False
    return (is_grouped(a, t.nc, size) or a.stride == 1 or t.nc * g.y_size >= BLOCK
            or (safe and is_in_pieces(a, t.nc, size)))


cdef void finish_lines(const Plan* g, const Tile* t, const T* x, Py_ssize_t lp, bint safe,
                       What what, char* s, Op op, T tag) noexcept nogil:
    """Lines, lp apart, whose rows are folded -> the result."""
    cdef Py_ssize_t h, rows = t.h1 - t.h0, zp = g.row, straight = 0
    cdef T* z = <T*> (s + g.result_at)
    cdef T* y = <T*> target(g, t)
    if what == VALUES:
        straight = rows_straight(g, t, sizeof(T))
    if is_column(g, t, what):
        fold_along(g, t, z, 1, x, lp, rows, safe, s, op)
        doubt(g, t, z, rows, op)
        store_column(g, z, rows, target(g, t), s, op)
        return
    if is_finished_at_once(g, t, what):
        fold_at_once(g, t, x, lp, False, safe, s, op)
        return
    if straight > 0:
        fold_straight(g, t, y, x, lp, straight, False, safe, s, op)
    fold_along(g, t, z + straight * zp, zp, x + straight * lp, lp, rows - straight, safe, s, op)
    for h in range(straight, rows):
        emit(g, t, t.h0 + h, z + h * zp, what, s, op)


cdef inline bint is_finished_at_once(const Plan* g, const Tile* t, What what) noexcept nogil:
    """Whether the rows of a tile are one after the other in the result, and finished alike, but
    not what is folded."""
    return (what == VALUES and not g.y_plain and not g.y_scaled and t.h1 - t.h0 > 1
            and (not g.mean or divisor_is_constant(g))
            and (not t.counted or existing_is_constant(g))
            and t.w1 - t.w0 == g.axis[2].m and t.nc == g.inner
            and g.ys[1] == t.w1 * t.nc * g.y_size and is_contiguous(g.ys, t.w1, t.nc, g.y_size)
            and <size_t> target(g, t) % g.y_size == 0)


cdef void finish_at_once(const Plan* g, const Tile* t, T* z, char* s, Op op) noexcept nogil:
    """Such rows, PIECES elements at a time, for which there is room on the way."""
    cdef Py_ssize_t part, left = (t.h1 - t.h0) * t.w1 * t.nc
    cdef char* y = target(g, t)
    cdef const int32_t* counts = <const int32_t*> (s + g.counts_at) if t.counted else NULL
    cdef double* by = NULL
    doubt(g, t, z, left, op)
    while left > 0:
        part = least(left, PIECES)
        if t.counted:
            if g.mean and g.divisor == 0:
                by = <double*> (s + g.wide_at) + 2 * PIECES
                add_counts(by, counts, constant_padding(g), part)
            finish(g, y, z, part, by, counts, s + g.wide_at, op)
            counts += part
        else:
            finish(g, y, z, part, NULL, NULL, s + g.wide_at, op)
        y += part * g.y_size
        z += part
        left -= part


cdef void fold_tall(const Plan* g, const Tile* t, What what, char* s, Op op, T tag) noexcept nogil:
    """Windows of many rows, one row apart: each is the end of one block of as many rows and the
    beginning of the next. So three operations do for a row, however many a window has, and no
    running sum goes on from window to window (van Herk 1992; Gil and Werman 1993)."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t h, i, first, pitch, row, length = 0, k = a.kernel, n = UP(
        (t.w_hi - t.w_lo) * t.nc, sizeof(T))
    cdef T* prefix = row_at(s, g.rows_at, k, g.line, tag)
    cdef T* lines = <T*> (s + g.lines_at)
    cdef T* y
    cdef const T* suffix
    cdef const T* x
    cdef bint safe, more
    cdef Tile part = t[0]
    x = fold_planes(g, t, what, &pitch, &safe, s, op, tag)
    x -= 0 if rows_in_place(g, what) else t.h_lo * pitch
    for h in range(t.h0, t.h1):
        i = h % k
        if i == 0 or h == t.h0:
            first = most(0, a.before - (h - i))
            suffixes(g, t, x, pitch, safe, h - i - a.before, most(i, first), s, tag, op)
            length = 0
            for row in range(h - i - a.before + k, least(a.n, h - a.before + k - 1)):
                extend(prefix, row_in_reach(g, t, x, row, pitch, safe, s, tag), n, length, op)
                length += 1
        suffix = row_at(s, g.rows_at, most(i, first), g.line, tag)
        y = lines + (h - part.h0) * g.line + t.left * t.nc
        row = h - a.before + k - 1
        more = i > 0 and row < a.n      # the prefix gets one more row
        if more and length == 0:
            copy_rows(prefix, 0, row_in_reach(g, t, x, row, pitch, safe, s, tag), 0, n, 1)
        if more and length > 0:
            sweep(y, prefix, row_in_reach(g, t, x, row, pitch, safe, s, tag), suffix, n, op)
        elif more or length > 0:
            fold2(y, 0, suffix, prefix, 0, n, 1, op)
        else:
            copy_rows(y, 0, suffix, 0, n, 1)
        length += more
        if h + 1 == t.h1 or h + 1 == part.h0 + g.strip:
            part.h1 = h + 1
            fill_borders(g, &part, lines, part.h1 - part.h0, op, tag)
            finish_lines(g, &part, lines, g.line, True, what, s, op, tag)
            part.h0 = h + 1


cdef inline void extend(T* prefix, const T* x, Py_ssize_t n, Py_ssize_t length,
                        Op op) noexcept nogil:
    """A prefix of `length` rows gets one more."""
    if length == 0:
        copy_rows(prefix, 0, x, 0, n, 1)
    else:
        more1(prefix, 0, x, 0, n, 1, op)


cdef inline const T* row_in_reach(const Plan* g, const Tile* t, const T* x, Py_ssize_t row,
                                  Py_ssize_t pitch, bint safe, char* s, T tag) noexcept nogil:
    """A source row, or a copy of it where no whole blocks may be read."""
    cdef T* copy = row_at(s, g.rows_at, g.axis[1].kernel + 1, g.line, tag)
    if safe:
        return x + row * pitch
    memcpy(copy, x + row * pitch, (t.w_hi - t.w_lo) * t.nc * sizeof(T))
    return copy


cdef void suffixes(const Plan* g, const Tile* t, const T* x, Py_ssize_t pitch, bint safe,
                   Py_ssize_t begin, Py_ssize_t first, char* s, T tag, Op op) noexcept nogil:
    """For the rows `first` to the last of a block that begins at source row `begin`: that row and
    all behind it, folded."""
    cdef Py_ssize_t i, last = least(g.axis[1].kernel, g.axis[1].n - begin) - 1
    cdef Py_ssize_t n = UP((t.w_hi - t.w_lo) * t.nc, sizeof(T))
    copy_rows(row_at(s, g.rows_at, last, g.line, tag), 0,
              row_in_reach(g, t, x, begin + last, pitch, safe, s, tag), 0, n, 1)
    for i in range(last - 1, first - 1, -1):
        fold2(row_at(s, g.rows_at, i, g.line, tag), 0,
              row_in_reach(g, t, x, begin + i, pitch, safe, s, tag),
              row_at(s, g.rows_at, i + 1, g.line, tag), 0, n, 1, op)


cdef inline bint is_column(const Plan* g, const Tile* t, What what) noexcept nogil:
    """One window for each row, and nothing that differs from row to row: a tile's values are
    finished together."""
    return (what == VALUES and g.axis[2].m == 1 and g.axis[2].start != NULL and t.nc == 1
            and not t.counted and (not g.mean or divisor_is_constant(g)))


cdef inline bint is_straight(const Plan* g, const Tile* t, Py_ssize_t size) noexcept nogil:
    """Whether the rows of a tile are one after the other in the result, as they are folded."""
    cdef Py_ssize_t m = t.w1 - t.w0
    return ((g.y_plain or g.y_scaled) and not t.counted and t.nc == g.inner
            and (t.h1 - t.h0 == 1 or (m == g.axis[2].m and g.ys[1] == m * t.nc * size))
            and is_contiguous(g.ys, m, t.nc, size) and <size_t> target(g, t) % size == 0)


cdef inline Py_ssize_t rows_straight(const Plan* g, const Tile* t, Py_ssize_t size) noexcept nogil:
    """How many rows of a tile may be written straight to the result. Whole blocks are written, so
    where rows do not end with one, what is behind each must be a later row of the same tile."""
    cdef Py_ssize_t n = (t.w1 - t.w0) * t.nc, bytes = n * size
    if not is_straight(g, t, size):
        return 0
    if t.nc == UP(t.nc, size) or is_in_pieces(&g.axis[2], t.nc, size) or (n == UP(n, size) and (
            is_grouped(&g.axis[2], t.nc, size) or (t.nc == 1 and g.axis[2].stride <= 2))):
        return t.h1 - t.h0
    return most(0, t.h1 - t.h0 - 1 - BLOCK // bytes)


# --- transposed -----------------------------------------------------------------------------------

cdef const T* spread_along(const Plan* g, const Tile* t, T* wide, const T* line, Py_ssize_t lp,
                           Py_ssize_t rows, char* s, Op op, T tag) noexcept nogil:
    """A block of lines of windows' values -> what elements w0 to w1 get from them, in rows g.row
    apart; the address of the first."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, j, q0, q1, nc = t.nc
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* phases = <T*> (s + g.phases_at)
    cdef const T* parts[8]
    cdef Run r
    if a.identity:
        copy_rows(wide, g.row, line, lp, UP((t.w1 - t.w0) * nc, sizeof(T)), rows)
        return wide
    if a.start != NULL and nc == 1:
        for i in range(rows):
            spread_irregular(a, t, wide + i * g.row, line + i * lp, op)
        return wide
    if a.stride > PHASES and nc == 1 and is_runs(a):
        q0, q1 = phases_of(a, t.w0, t.w1)
        for i in range(rows):
            for j in range(q1 - q0):
                fill(wide + i * g.row + j * a.stride, a.stride, line[i * lp + j])
        return wide + t.w0 + a.before - q0 * a.stride
    if a.start != NULL or a.stride > PHASES:
        for i in range(rows):
            spread_each(g, t, wide + i * g.row, line + i * lp, s, op)
        return wide
    q0, q1 = phases_of(a, t.w0, t.w1)
    if a.stride == 1:
        run_of_phase(a, 0, &r)
        r.pitch = nc
        fold_rows(wide, g.row, line, lp, &r, (q1 - q0) * nc, rows, True, levels, g.line, op)
    for i in range(rows if a.stride > 1 else 0):
        for j in range(a.stride):
            run_of_phase(a, j, &r)
            r.pitch = nc
            parts[j] = phases + j * g.line
            if r.count == 1:
                parts[j] = line + i * lp + address(&r, 0)
            else:
                fold_run(phases + j * g.line, line + i * lp, &r, (q1 - q0) * nc, True, levels,
                         g.line, op)
        unsplit(wide + i * g.row, 0, parts, 0, q1 - q0, a.stride, nc, 1)
    if a.source == NULL:
        return wide + (t.w0 + a.before - q0 * a.stride) * nc
    for i in range(rows):
        fold_back(a, wide + i * g.row, nc, op)
    return wide + a.before * nc


cdef void spread_irregular(const Axis* a, const Tile* t, T* wide, const T* line,
                           Op op) noexcept nogil:
    """Irregular windows without channels, of which few cover an element."""
    cdef Py_ssize_t w, i
    cdef const T* x
    cdef T value
    for w in range(t.w0, t.w1):
        x = line + a.start[w] - (t.w_lo - t.left)
        value = identity(op, <T> 0) if a.count[w] <= 0 else x[0]
        for i in range(1, a.count[w]):
            value = pick(value, x[i], op)
        wide[w - t.w0] = value


cdef void spread_each(const Plan* g, const Tile* t, T* wide, const T* line, char* s,
                      Op op) noexcept nogil:
    """Irregular windows of channels and large strides, one element after the other."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef Py_ssize_t w, nc = t.nc
    cdef Run r
    for w in range(t.w0, t.w1):
        taps_in_extent(a, w, t.w_lo - t.left, entries, &r)
        r.pitch = nc
        if nc * <Py_ssize_t> sizeof(T) >= BLOCK:
            fold_run(wide + (w - t.w0) * nc, line, &r, nc, True, levels, g.line, op)
        else:
            fold_each(wide + (w - t.w0) * nc, line, &r, nc, op)


cdef void fold_back(const Axis* a, T* wide, Py_ssize_t nc, Op op) noexcept nogil:
    """What padding got goes to the elements that it repeats."""
    cdef Py_ssize_t j, c, to
    for j in range(a.reach):
        if a.before <= j < a.before + a.m:
            continue
        for c in range(nc):
            to = (a.before + a.source[j]) * nc + c
            wide[to] = pick(wide[to], wide[j * nc + c], op)


cdef void run_of_phase(const Axis* a, Py_ssize_t phase, Run* r) noexcept nogil:
    """The windows whose taps fall on positions phase + stride * q, as offsets in a line that
    begins at the first window that could cover the first q."""
    cdef Py_ssize_t tap = first_tap(a, phase)
    cdef Py_ssize_t between = a.stride // common_divisor(a.stride, a.dilation)
    cdef Py_ssize_t back = ((a.kernel - 1) * a.dilation) // a.stride
    r.period, r.entries, r.count, r.first, r.step = 0, NULL, 0, 0, 1
    if tap < 0:
        return
    r.count = (a.kernel - 1 - tap) // between + 1
    r.step = between * a.dilation // a.stride
    r.first = back - (tap * a.dilation) // a.stride - (r.count - 1) * r.step


cdef void spread_windows(const Plan* g, const Tile* t, What what, char* s, Op op,
                         T tag) noexcept nogil:
    """Along the row, then rows."""
    cdef Py_ssize_t h, pitch, straight, lp = g.line, rows = t.h_hi - t.h_lo
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* z = <T*> (s + g.result_at)
    cdef T* lines = <T*> (s + g.lines_at)
    cdef const T* x
    cdef bint safe, in_place = rows_in_place(g, what)
    cdef Tile part = t[0]
    cdef Run r
    x = fold_planes(g, t, what, &pitch, &safe, s, op, tag)
    x += (t.h_lo if in_place else 0) * pitch
    straight = pairs_straight(g, t, sizeof(T))
    if straight > 0 and safe and what == VALUES:
        spread_pairs(<T*> target(g, t), t.w1, x, pitch, UP(g.axis[2].n, sizeof(T)), straight)
        if 2 * straight == t.h1 - t.h0:
            return
        part.h0 += 2 * straight
        part.h_lo += straight
        x += straight * pitch
        rows -= straight
        t = &part
    if what == VALUES and are_pixels(g, t, sizeof(T)):
        spread_pixels(g, t, <T*> target(g, t), x, pitch)
        return
    if safe and t.width == t.w_hi - t.w_lo:
        lp = pitch
    else:
        for h in range(rows):
            memcpy(lines + h * lp + t.left * t.nc, x + h * pitch,
                   (t.w_hi - t.w_lo) * t.nc * sizeof(T))
        fill_borders(g, t, lines, rows, op, tag)
        x = lines
    x = spread_along(g, t, row_at(s, g.rows_at, 0, g.row, tag), x, lp, rows, s, op, tag)
    for h in range(t.h0, t.h1):
        taps_in_extent(&g.axis[1], h, t.h_lo, entries, &r)
        r.pitch = g.row
        if r.count == 1 and g.y_plain:
            emit(g, t, h, <T*> x + address(&r, 0), what, s, op)
            continue
        fold_run(z, x, &r, (t.w1 - t.w0) * t.nc, True, levels, g.line, op)
        emit(g, t, h, z, what, s, op)


cdef inline Py_ssize_t pairs_straight(const Plan* g, const Tile* t, Py_ssize_t size) noexcept nogil:
    """How many rows of windows of 2x2/2 may be written straight to two rows of the result each:
    whole blocks are written, so what is behind must be later rows of the same tile."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t n = t.w1 * size
    if (not g.y_plain or t.nc != 1 or t.h0 % 2 != 0 or g.ys[1] != n or g.ys[2] != size
            or t.w1 - t.w0 != b.m or b.m != 2 * b.n or not is_halving(a, 2, 0)
            or not is_halving(b, 2, 0) or <size_t> target(g, t) % size != 0):
        return 0
    n = (2 * UP(b.n, size) - b.m + b.m - 1) // b.m          # rows beyond
    return most(0, least((t.h1 - t.h0 - n) // 2, a.n - t.h0 // 2))


cdef inline bint are_pixels(const Plan* g, const Tile* t, size_t size) noexcept nogil:
    """Whether each pixel of channels gets what one window got, and goes straight to the result."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    return (is_straight(g, t, size) and g.y_plain and t.nc == UP(t.nc, size)
            and is_runs(a) and is_runs(b) and a.before == 0 and b.before == 0
            and t.w1 - t.w0 == b.m == b.n * b.stride and t.h0 == t.h_lo * a.stride
            and t.h1 == t.h_hi * a.stride)


cdef void spread_pixels(const Plan* g, const Tile* t, T* y, const T* x,
                        Py_ssize_t pitch) noexcept nogil:
    """Each is written where it is needed: rows that are made once and copied take half as long
    again."""
    cdef Py_ssize_t h, i, w, j, nc = t.nc
    for h in range(t.h_hi - t.h_lo):
        for i in range(g.axis[1].stride):
            for w in range(g.axis[2].n):
                for j in range(g.axis[2].stride):
                    memcpy(y, x + w * nc, nc * sizeof(T))
                    y += nc
        x += pitch


cdef void spread_constant(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    """One window over all of each plane: its value for every element."""
    cdef Py_ssize_t h, rows = t.h1 - t.h0, n = rows * t.nc
    cdef T* z = <T*> (s + g.box_at)
    cdef char* raw = s + g.raw_at
    gather(raw, place(g, t, t.d, t.h0), rows, t.nc, g.xs[1], g.xs[3], g.x_size, g.x_swapped)
    convert(g, z, raw, n)
    if T is float or T is double:
        if g.mean:
            scale(z, <T> constant_divisor(g), n)
    finish(g, raw, z, n, NULL, NULL, s + g.wide_at, op)
    for h in range(rows):
        repeat_group(target(g, t) + h * g.ys[1], raw + h * t.nc * g.y_size, t.nc, t.w1 - t.w0,
                     g.ys[2], g.y_size)


cdef void repeat_group(char* y, const char* group, Py_ssize_t nc, Py_ssize_t times,
                       Py_ssize_t stride, int size) noexcept nogil:
    """nc elements of a finished row to `times` places; single ones are not apart."""
    cdef Py_ssize_t i
    if nc == 1 and stride == size and size == 4:
        fill(<uint32_t*> y, times, (<const uint32_t*> group)[0])
    elif nc == 1 and stride == size and size == 8:
        fill(<uint64_t*> y, times, (<const uint64_t*> group)[0])
    elif nc == 1 and stride == size and size == 2:
        fill(<uint16_t*> y, times, (<const uint16_t*> group)[0])
    else:
        for i in range(times):
            memcpy(y + i * stride, group, nc * size)


# --- one tile after the other -----------------------------------------------------------------

cdef void emit(const Plan* g, const Tile* t, Py_ssize_t h, T* z, What what, char* s,
               Op op) noexcept nogil:
    """A finished row: values go to the result, counts are kept for the values that follow."""
    cdef Py_ssize_t i, n = (t.w1 - t.w0) * t.nc
    cdef int32_t* counts = <int32_t*> (s + g.counts_at) + (h - t.h0) * n
    if what == VALUES:
        doubt(g, t, z, n, op)
        store(g, t, h, z, counts if t.counted else NULL, s, op)
    elif what == EXISTING:
        memcpy(counts, z, n * sizeof(int32_t))
    else:
        for i in range(n):
            if z[i] > 0:
                fail(g, NAN_READ)


cdef void fold_tile(const Plan* g, const Tile* t, What what, char* s, Op op, T tag) noexcept nogil:
    if g.transposed:
        spread_windows(g, t, what, s, op, tag)
    elif g.tall:
        fold_tall(g, t, what, s, op, tag)
    else:
        fold_windows(g, t, what, s, op, tag)


cdef inline void doubt(const Plan* g, const Tile* t, const T* z, Py_ssize_t n,
                       Op op) noexcept nogil:
    """Looks for values that are what no elements give, or NaNs that must not be there."""
    cdef Py_ssize_t i
    cdef int found = 0
    cdef T none = identity(op, <T> 0)
    if t.doubtful == NULL:
        return
    if T is float or T is double:
        if g.raise_nan:
            for i in range(n):
                found |= z[i] != z[i]
    if Op is not AddOp:
        for i in range(n):
            found |= z[i] == none
    if found:
        t.doubtful[0] = True


cdef inline void finish_straight(const Plan* g, const Tile* t, T* y, Py_ssize_t n,
                                 Op op) noexcept nogil:
    """Values that were written to the result."""
    doubt(g, t, y, n, op)
    scale_straight(g, y, n)


cdef void fold_one(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    """Counting takes as long as folding. Sums need no counts, and extrema of floats only where
    something is infinite: it may be that nothing exists. A NaN that was read leaves one, too. So
    the tile is folded first, and looked at again only if there is a doubt."""
    cdef bint doubtful = False, some = g.mask != NULL or g.omit_nan
    cdef Tile part = t[0]
    if Op is AddOp:
        part.counted = some and g.mean
        part.doubtful = &doubtful if g.raise_nan else NULL
    elif T is float or T is double:
        part.doubtful = &doubtful if some or g.raise_nan else NULL
    else:
        part.counted = some
    if part.counted:
        g.count(g, t, EXISTING, s)
    fold_tile(g, &part, VALUES, s, op, tag)
    if not doubtful:
        return
    if g.raise_nan:
        g.count(g, t, NANS, s)
    if Op is not AddOp and some:
        part.counted, part.doubtful = True, NULL
        g.count(g, t, EXISTING, s)
        fold_tile(g, &part, VALUES, s, op, tag)


cdef void fold_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op,
                     T tag) noexcept nogil:
    cdef Py_ssize_t item
    cdef Tile t, part
    if g.flat:
        flat_items(g, lo, hi, s, op, tag)
        return
    for item in range(lo, hi):
        if is_given_up(g):
            return
        locate(g, item, &t, s)
        if g.constant:
            spread_constant(g, &t, s, op, tag)
            continue
        if not t.safe and not bring_rest(g, &t, s) and take_safe_part(g, &t, &part):
            fold_one(g, &part, s, op, tag)
            bring_rest(g, &t, s)
        fold_one(g, &t, s, op, tag)
