# A tile: rows of the source -> rows of the result. One value at a time this is
#
#     y[d, h, w] = op over all taps (i, j, k) of x[d_i, h_j, w_k]
#
# and because an operation is associative it is three folds in one dimension each: planes of a
# window together, then its rows, then along the row. Forward windows make rows shorter, so the
# fold along the row comes last; transposed windows make them longer, so there it comes before the
# fold of the rows.


cdef T* row_at(char* s, Py_ssize_t at, Py_ssize_t index, Py_ssize_t pitch, T tag) noexcept nogil:
    return <T*> (s + at) + index * pitch


cdef inline const char* place(const Plan* g, const Tile* t, Py_ssize_t d,
                              Py_ssize_t h) noexcept nogil:
    """The first element of a source row, where it lies in memory."""
    return t.x + d * g.xs[0] + h * g.xs[1] + t.w_lo * g.xs[2] + t.c0 * g.xs[3]


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
    if in_place and g.axis[0].identity:
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        safe[0] = t.safe
        return <const T*> place(g, t, t.d, 0)
    pitch[0] = g.line
    safe[0] = True
    taps(&g.axis[0], t.d, entries, &r)
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
                more1(box, levels, UP(n, sizeof(T)), op)
    return row_at(s, g.box_at, 0, g.line, tag)


cdef void fill_borders(const Plan* g, const Tile* t, T* line, Op op, T tag) noexcept nogil:
    """The padding of a line, whose own elements stand at `left`."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t j, c, right = t.left + t.w_hi - t.w_lo
    if a.source == NULL or a.transposed:
        fill(line, t.left * t.nc, identity(op, tag))
        fill(line + right * t.nc, (t.width - right) * t.nc, identity(op, tag))
        return
    for j in range(t.left):
        for c in range(t.nc):
            line[j * t.nc + c] = line[(t.left + a.source[j]) * t.nc + c]
    for j in range(right, least(t.width, a.reach)):
        for c in range(t.nc):
            line[j * t.nc + c] = line[(t.left + a.source[j]) * t.nc + c]
    if t.width > a.reach:
        fill(line + a.reach * t.nc, (t.width - a.reach) * t.nc, identity(op, tag))


cdef void fold_along(const Plan* g, const Tile* t, T* z, const T* line, bint safe, char* s,
                     Op op) noexcept nogil:
    """The windows w0 to w1 of one line -> z."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t o, m = t.w1 - t.w0, nc = t.nc
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* phases = <T*> (s + g.phases_at)
    cdef Run r
    r.first, r.step, r.count, r.pitch, r.period, r.unit = 0, a.dilation, a.kernel, nc, 0, nc
    r.entries = NULL
    if a.identity:
        memcpy(z, line, m * nc * sizeof(T))
    elif a.start != NULL:
        r.step = 1
        for o in range(m):
            r.first = a.start[t.w0 + o] - t.w_lo
            r.count = a.count[t.w0 + o]
            if nc == 1:
                z[o] = fold_span(line + r.first, r.count, op)
            else:
                fold_run(z + o * nc, line, &r, nc, safe, levels, g.line, op)
    elif a.stride == 1:
        fold_run(z, line, &r, m * nc, safe, levels, g.line, op)
    elif nc * <Py_ssize_t> sizeof(T) >= BLOCK:
        for o in range(m):
            r.first = o * a.stride
            fold_run(z + o * nc, line, &r, nc, safe, levels, g.line, op)
    elif a.stride > PHASES:
        for o in range(m):
            r.first = o * a.stride
            if nc == 1 and a.dilation == 1:
                z[o] = fold_span(line + r.first, a.kernel, op)
            else:
                fold_each(z + o * nc, line, &r, nc, op)
    else:
        # nc < BLOCK: element c of window o is at entry (o * nc + c) of its tap's phase.
        split(phases, g.line, line, (m - 1) * a.stride + (a.kernel - 1) * a.dilation + 1,
              a.stride, nc)
        r.period, r.pitch = a.stride, g.line
        fold_run(z, phases, &r, m * nc, True, levels, g.line, op)


cdef inline bint rows_in_place(const Plan* g, What what) noexcept nogil:
    return g.in_place and what == VALUES and g.axis[0].identity


cdef inline void rows_of(const Plan* g, const Tile* t, Py_ssize_t h, bint in_place,
                         Py_ssize_t pitch, Py_ssize_t* entries, Run* r) noexcept nogil:
    """The rows that row h of the result is folded from, as fold_planes has them."""
    if in_place:
        taps(&g.axis[1], h, entries, r)
    else:
        taps_in_extent(&g.axis[1], h, t.h_lo, entries, r)
    r.pitch = pitch


cdef void fold_windows(const Plan* g, const Tile* t, What what, char* s, Op op,
                       T tag) noexcept nogil:
    """Forward: rows, then along the row. All rows of a tile go through the first step before the
    second begins: re-reading a row that was just written stalls."""
    cdef Py_ssize_t h, pitch, n = (t.w_hi - t.w_lo) * t.nc
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* z = <T*> (s + g.result_at)
    cdef T* line
    cdef const T* x
    cdef const T* row
    cdef bint safe, direct, padded = t.width != t.w_hi - t.w_lo
    cdef bint in_place = rows_in_place(g, what)
    cdef Run r
    x = fold_planes(g, t, what, &pitch, &safe, s, op, tag)
    if not padded and safe and is_quads(g, t):
        for h in range(t.h0, t.h1):
            row = x + (2 * h - (0 if in_place else t.h_lo)) * pitch
            quads(z, row, row + pitch, UP(t.w1 - t.w0, sizeof(T)), op)
            emit(g, t, h, z, what, s, op)
        return
    # Rows that are a window's only ones and need no padding are folded along where they are.
    direct = (not padded and (safe or g.axis[2].start != NULL) and g.axis[1].kernel == 1
              and g.axis[1].start == NULL)
    for h in range(t.h0, t.h0 if direct else t.h1):
        line = row_at(s, g.lines_at, h - t.h0, g.line, tag)
        rows_of(g, t, h, in_place, pitch, entries, &r)
        fold_run(line + t.left * t.nc, x, &r, n, safe, levels, g.line, op)
        if padded:
            fill_borders(g, t, line, op, tag)
    for h in range(t.h0, t.h1):
        if direct:
            rows_of(g, t, h, in_place, pitch, entries, &r)
            fold_along(g, t, z, x + address(&r, 0), safe, s, op)
        else:
            fold_along(g, t, z, row_at(s, g.lines_at, h - t.h0, g.line, tag), True, s, op)
        emit(g, t, h, z, what, s, op)


cdef inline bint is_quads(const Plan* g, const Tile* t) noexcept nogil:
    return (t.nc == 1 and is_pairs(&g.axis[1]) and is_pairs(&g.axis[2]))


cdef inline bint is_pairs(const Axis* a) noexcept nogil:
    return (a.kernel == 2 and a.stride == 2 and a.dilation == 1 and a.before == 0
            and a.source == NULL and a.start == NULL and 2 * a.m <= a.n)


# --- transposed -----------------------------------------------------------------------------------

cdef const T* spread_along(const Plan* g, const Tile* t, T* wide, const T* line, char* s, Op op,
                           T tag) noexcept nogil:
    """One line of windows' values -> what elements w0 to w1 get from them; its address in wide."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t w, c, q0, q1, r0, j, nc = t.nc
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* phases = <T*> (s + g.phases_at)
    cdef Run r
    if a.identity:
        return line
    if a.start != NULL or a.stride > PHASES or nc * <Py_ssize_t> sizeof(T) >= BLOCK:
        for w in range(t.w0, t.w1):
            taps_in_extent(a, w, t.w_lo - t.left, entries, &r)
            r.pitch = nc
            if nc * <Py_ssize_t> sizeof(T) >= BLOCK:
                fold_run(wide + (w - t.w0) * nc, line, &r, nc, True, levels, g.line, op)
            else:
                fold_each(wide + (w - t.w0) * nc, line, &r, nc, op)
        return wide
    q0, q1 = phases_of(a, t.w0, t.w1)
    for j in range(a.stride):
        run_of_phase(a, j, &r)
        r.pitch = nc
        fold_run(wide if a.stride == 1 else phases + j * g.line, line, &r, (q1 - q0) * nc, True,
                 levels, g.line, op)
    if a.stride > 1:
        unsplit(wide, phases, g.line, q1 - q0, a.stride, nc)
    if a.source == NULL:
        return wide + (t.w0 + a.before - q0 * a.stride) * nc
    for j in range(a.reach):
        if j < a.before or j >= a.before + a.m:
            for c in range(nc):
                r0 = (a.before + a.source[j]) * nc + c
                wide[r0] = pick(wide[r0], wide[j * nc + c], op)
    return wide + a.before * nc


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
    """Transposed: along the row, then rows."""
    cdef Py_ssize_t h, pitch, wide_pitch, n = (t.w_hi - t.w_lo) * t.nc
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef T* z = <T*> (s + g.result_at)
    cdef T* line = <T*> (s + g.lines_at)
    cdef const T* x
    cdef const T* spread
    cdef const T* rows = NULL
    cdef bint safe, in_place = rows_in_place(g, what)
    cdef Run r
    x = fold_planes(g, t, what, &pitch, &safe, s, op, tag)
    for h in range(t.h_lo, t.h_hi):
        if g.axis[2].identity:
            line = row_at(s, g.rows_at, h - t.h_lo, g.row, tag)
        memcpy(line + t.left * t.nc, x + (h - (0 if in_place else t.h_lo)) * pitch, n * sizeof(T))
        fill_borders(g, t, line, op, tag)
        spread = spread_along(g, t, row_at(s, g.rows_at, h - t.h_lo, g.row, tag), line, s, op, tag)
        if h == t.h_lo:
            rows = spread
    for h in range(t.h0, t.h1):
        taps_in_extent(&g.axis[1], h, t.h_lo, entries, &r)
        r.pitch = g.row
        fold_run(z, rows, &r, (t.w1 - t.w0) * t.nc, True, levels, g.line, op)
        emit(g, t, h, z, what, s, op)


# --- one tile after the other -----------------------------------------------------------------

cdef void emit(const Plan* g, const Tile* t, Py_ssize_t h, T* z, What what, char* s,
               Op op) noexcept nogil:
    """A finished row: values go to the result, counts are kept for the values that follow."""
    cdef Py_ssize_t i, n = (t.w1 - t.w0) * t.nc
    cdef int32_t* counts = <int32_t*> (s + g.counts_at) + (h - t.h0) * g.row
    if what == VALUES:
        store(g, t, h, z, counts if g.mask != NULL or g.omit_nan else NULL, s, op)
    elif what == EXISTING:
        memcpy(counts, z, n * sizeof(int32_t))
    else:
        for i in range(n):
            if z[i] > 0:
                fail(g, NAN_READ)


cdef void fold_tile(const Plan* g, const Tile* t, What what, char* s, Op op, T tag) noexcept nogil:
    if g.transposed:
        spread_windows(g, t, what, s, op, tag)
    else:
        fold_windows(g, t, what, s, op, tag)


cdef void count_tile(const Plan* g, const Tile* t, char* s) noexcept nogil:
    """Elements of each window that exist, and NaNs that must not be there."""
    cdef AddOp add
    add.tag = 0
    if g.raise_nan:
        fold_tile(g, t, NANS, s, add, <int32_t> 0)
    if g.mask != NULL or g.omit_nan:
        fold_tile(g, t, EXISTING, s, add, <int32_t> 0)


cdef void fold_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op,
                     T tag) noexcept nogil:
    cdef Py_ssize_t item
    cdef Tile t
    for item in range(lo, hi):
        locate(g, item, &t, s)
        count_tile(g, &t, s)
        fold_tile(g, &t, VALUES, s, op, tag)
