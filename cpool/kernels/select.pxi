# Extrema with positions. The state of an element is its value and its offset inside the window: the
# sum of what its taps along D, H and W count for (`g.digit`). These are digits of tap numbers, or,
# where only positions are asked for, distances in the plane, so that a position is an addition.
# Folding along the row first, then rows, then planes, always with a strict comparison, lets the
# first of equals in row-major order win.
#
# What is padded never wins. Where it comes after the elements that exist no strict comparison takes
# it; where it comes before them, an offset that is in the padding says that nothing was better than
# the identity, and becomes that of the first element that exists (`leave_padding`).
#
# A NaN wins as a value, but its offset is not followed: that would double the work. Windows whose
# value is a NaN are looked through afterwards (`find_nans`). With masks, or NaNs that do not exist,
# all of this is done step by step (`select_masked`).

cdef extern from *:
    """
    /* Values and offsets go side by side: as many as the narrower of the two has in a block. */
    #define CPOOL_BESIDE(size) ((size) < 4 ? (size) : 4)
    """
    size_t BESIDE "CPOOL_BESIDE"(size_t size) noexcept nogil

cdef enum Form:
    # How a tile is done.
    MASKED      # anything: one row and one tap after the other
    MERGED      # windows of each row, then rows of windows, then planes
    ALONG       # windows of one row
    QUADS       # 2x2/2, from two rows at once
    CHANNELS    # rows of channels, all taps of a window at once


cdef Form form_of(const Plan* g, const Tile* t, size_t size) noexcept nogil:
    if g.mask != NULL or g.omit_nan:
        return MASKED
    if g.fused and (g.axis[0].identity or (g.in_place and channels_in_place(t, size))):
        return CHANNELS
    if g.axis[0].identity and t.nc == 1 and are_quads(g, t):
        return QUADS
    if g.axis[0].identity and g.axis[1].identity:
        return ALONG
    return MERGED


cdef inline bint channels_in_place(const Tile* t, size_t size) noexcept nogil:
    return t.safe or t.nc == UP(t.nc, BESIDE(size))


# --- loops ----------------------------------------------------------------------------------------
# As in rows.pxi: `rows` rows, xp elements apart in the source and yp in what is written. Rows that
# are written may be closer than whole blocks: each is finished before the next one begins. Taps and
# their offsets come in tables, which are filled up with the first tap: it does not win twice.

cdef inline int32_t offset_of(T a, T b, int32_t of_a, int32_t of_b, Op op) noexcept nogil:
    """The offset of pick(a, b)."""
    if Op is MaxOp:
        return of_b if b > a else of_a
    else:
        return of_b if b < a else of_a


cdef void select3(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T** taps,
                  const int32_t* offsets, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                  Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* xa = taps[0]
    cdef const T* xb = taps[1]
    cdef const T* xc = taps[2]
    cdef int32_t oa = offsets[0], ob = offsets[1], oc = offsets[2], of
    cdef T a, b, c
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, c = xa[i], xb[i], xc[i]
            of = offset_of(a, b, oa, ob, op)
            a = pick(a, b, op)
            of = offset_of(a, c, of, oc, op)
            v[i] = pick(a, c, op)
            o[i] = of
        v += yp
        o += yp
        xa += xp
        xb += xp
        xc += xp


cdef void select4(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T** taps,
                  const int32_t* offsets, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                  Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* xa = taps[0]
    cdef const T* xb = taps[1]
    cdef const T* xc = taps[2]
    cdef const T* xd = taps[3]
    cdef int32_t oa = offsets[0], ob = offsets[1], oc = offsets[2], od = offsets[3], of, of_c
    cdef T a, b, c, d
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, c, d = xa[i], xb[i], xc[i], xd[i]
            of = offset_of(a, b, oa, ob, op)
            a = pick(a, b, op)
            of_c = offset_of(c, d, oc, od, op)
            c = pick(c, d, op)
            of = offset_of(a, c, of, of_c, op)
            v[i] = pick(a, c, op)
            o[i] = of
        v += yp
        o += yp
        xa += xp
        xb += xp
        xc += xp
        xd += xp


cdef void select9(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T** taps,
                  const int32_t* offsets, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                  Op op) noexcept nogil:
    cdef Py_ssize_t i, j, at = 0
    cdef const T* xa = taps[0]
    cdef const T* xb = taps[1]
    cdef const T* xc = taps[2]
    cdef const T* xd = taps[3]
    cdef const T* xe = taps[4]
    cdef const T* xf = taps[5]
    cdef const T* xg = taps[6]
    cdef const T* xh = taps[7]
    cdef const T* xi = taps[8]
    cdef int32_t oa = offsets[0], ob = offsets[1], oc = offsets[2]
    cdef int32_t od = offsets[3], oe = offsets[4], of = offsets[5]
    cdef int32_t og = offsets[6], oh = offsets[7], oi = offsets[8], first, second, third
    cdef T a, b, c, x
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, x = xa[at + i], xb[at + i]
            first = offset_of(a, x, oa, ob, op)
            a, x = pick(a, x, op), xc[at + i]
            first = offset_of(a, x, first, oc, op)
            a = pick(a, x, op)
            b, x = xd[at + i], xe[at + i]
            second = offset_of(b, x, od, oe, op)
            b, x = pick(b, x, op), xf[at + i]
            second = offset_of(b, x, second, of, op)
            b = pick(b, x, op)
            c, x = xg[at + i], xh[at + i]
            third = offset_of(c, x, og, oh, op)
            c, x = pick(c, x, op), xi[at + i]
            third = offset_of(c, x, third, oi, op)
            c = pick(c, x, op)
            first = offset_of(a, b, first, second, op)
            a = pick(a, b, op)
            first = offset_of(a, c, first, third, op)
            v[i] = pick(a, c, op)
            o[i] = first
        v += yp
        o += yp
        at += xp


cdef void select_more(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T* restrict x,
                      int32_t offset, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                      Op op) noexcept nogil:
    """One more tap. What is in v and o must be at least whole blocks apart."""
    cdef Py_ssize_t i, j
    cdef T a, b
    cdef int32_t of
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, of = v[i], x[i], o[i]
            o[i] = offset_of(a, b, of, offset, op)
            v[i] = pick(a, b, op)
        v += yp
        o += yp
        x += xp


cdef void select_pairs(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T* restrict x,
                       int32_t step, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                       Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T a, b
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b = x[2 * i], x[2 * i + 1]
            o[i] = offset_of(a, b, <int32_t> 0, step, op)
            v[i] = pick(a, b, op)
        v += yp
        o += yp
        x += xp


cdef void select_threes(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T* restrict x,
                        int32_t step, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                        Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T a, b, c
    cdef int32_t of, twice = 2 * step
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, c = x[2 * i], x[2 * i + 1], x[2 * i + 2]
            of = offset_of(a, b, <int32_t> 0, step, op)
            a = pick(a, b, op)
            o[i] = offset_of(a, c, of, twice, op)
            v[i] = pick(a, c, op)
        v += yp
        o += yp
        x += xp


cdef void select_quads(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T* restrict xa,
                       const T* restrict xb, int32_t step, int32_t down, Py_ssize_t xp,
                       Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T a, b, c, d
    cdef int32_t of, of_c, both = down + step
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, c, d = xa[2 * i], xa[2 * i + 1], xb[2 * i], xb[2 * i + 1]
            of = offset_of(a, b, <int32_t> 0, step, op)
            a = pick(a, b, op)
            of_c = offset_of(c, d, down, both, op)
            c = pick(c, d, op)
            o[i] = offset_of(a, c, of, of_c, op)
            v[i] = pick(a, c, op)
        v += yp
        o += yp
        xa += xp
        xb += xp


cdef void merge3(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T** taps,
                 const int32_t** offsets, const int32_t* bases, Py_ssize_t xp, Py_ssize_t n,
                 Py_ssize_t rows, Op op) noexcept nogil:
    """Three rows of windows, the offsets of each of which begin at its base."""
    cdef Py_ssize_t i, j
    cdef const T* xa = taps[0]
    cdef const T* xb = taps[1]
    cdef const T* xc = taps[2]
    cdef const int32_t* oa = offsets[0]
    cdef const int32_t* ob = offsets[1]
    cdef const int32_t* oc = offsets[2]
    cdef int32_t base_a = bases[0], base_b = bases[1], base_c = bases[2], of, of_b, of_c
    cdef T a, b, c
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, c = xa[i], xb[i], xc[i]
            of, of_b, of_c = oa[i] + base_a, ob[i] + base_b, oc[i] + base_c
            of = offset_of(a, b, of, of_b, op)
            a = pick(a, b, op)
            o[i] = offset_of(a, c, of, of_c, op)
            v[i] = pick(a, c, op)
        v += yp
        o += yp
        xa += xp
        xb += xp
        xc += xp
        oa += xp
        ob += xp
        oc += xp


cdef void merge_more(T* restrict v, int32_t* restrict o, Py_ssize_t yp, const T* restrict x,
                     const int32_t* restrict offsets, int32_t base, Py_ssize_t xp, Py_ssize_t n,
                     Py_ssize_t rows, Op op) noexcept nogil:
    """One more row of windows. What is in v and o must be at least whole blocks apart."""
    cdef Py_ssize_t i, j
    cdef T a, b
    cdef int32_t of, of_b
    for j in range(rows):
        for i in range(DOWN(n, BESIDE(sizeof(T)))):
            a, b, of, of_b = v[i], x[i], o[i], offsets[i] + base
            o[i] = offset_of(a, b, of, of_b, op)
            v[i] = pick(a, b, op)
        v += yp
        o += yp
        x += xp
        offsets += xp


# --- along the row --------------------------------------------------------------------------------

cdef void select_taps(T* v, int32_t* o, Py_ssize_t yp, const T** taps, int32_t* offsets,
                      Py_ssize_t count, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                      Op op) noexcept nogil:
    """Up to 9 taps at once; the tables have room for as many."""
    cdef Py_ssize_t i
    for i in range(count, 9):
        taps[i], offsets[i] = taps[0], offsets[0]
    n = UP(n, BESIDE(sizeof(T)))
    if count <= 3:
        select3(v, o, yp, taps, offsets, xp, n, rows, op)
    elif count == 4:
        select4(v, o, yp, taps, offsets, xp, n, rows, op)
    else:
        select9(v, o, yp, taps, offsets, xp, n, rows, op)


cdef void select_run(T* v, int32_t* o, Py_ssize_t yp, const T* x, const Run* r, int32_t step,
                     Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    """Any number of taps. With more than 9, rows of v must be at least whole blocks apart."""
    cdef Py_ssize_t i
    cdef const T* taps[9]
    cdef int32_t offsets[9]
    for i in range(least(r.count, 9)):
        taps[i] = x + address(r, i)
        offsets[i] = <int32_t> (r.tap + i) * step
    select_taps(v, o, yp, taps, offsets, least(r.count, 9), xp, n, rows, op)
    for i in range(9, r.count):
        select_more(v, o, yp, x + address(r, i), <int32_t> (r.tap + i) * step, xp,
                    UP(n, BESIDE(sizeof(T))), rows, op)


cdef void select_each(const Axis* a, const Tile* t, T* v, int32_t* o, const T* line,
                      Py_ssize_t m, int32_t step, Op op) noexcept nogil:
    """Irregular windows and large strides, one element after the other."""
    cdef Py_ssize_t w, c, i, at, first, between, count
    cdef T best
    cdef int32_t offset
    for w in range(m):
        if a.start != NULL:
            first, between, count = a.start[t.w0 + w] - t.w_lo, 1, a.count[t.w0 + w]
        else:
            first, between, count = w * a.stride, a.dilation, a.kernel
        for c in range(t.nc):
            at = first * t.nc + c
            best = line[at]
            offset = 0
            for i in range(1, count):
                at += between * t.nc
                offset = offset_of(best, line[at], offset, <int32_t> i * step, op)
                best = pick(best, line[at], op)
            v[w * t.nc + c] = best
            o[w * t.nc + c] = offset


cdef bint select_dense(const Axis* a, const Tile* t, T* v, int32_t* o, Py_ssize_t yp,
                       const T* line, Py_ssize_t lp, Py_ssize_t rows, int32_t step, char* scratch,
                       Op op) noexcept nogil:
    """Irregular windows of one or two lengths, few elements each: both are selected as if a window
    began at each element, and then those that do are picked out. False where that takes longer, or
    there is no room: 24 KiB of scratch and slack."""
    cdef int32_t places[512]
    cdef Py_ssize_t w, i, some, fewest, longest, m = t.w1 - t.w0, n = t.w_hi - t.w_lo
    cdef Py_ssize_t pitch = UP(n, BESIDE(sizeof(T))), room = 24576 // (sizeof(T) + 4)
    cdef T* values = <T*> scratch
    cdef int32_t* offsets
    cdef Run r
    run_lengths(a, &fewest, &longest)
    if (fewest < 1 or longest > 9 or longest > fewest + 1 or m > 512 or n > 8 * m
            or 2 * pitch > room):
        return False
    pitch *= 1 + (longest > fewest)
    offsets = <int32_t*> (scratch + room * sizeof(T))
    for w in range(m):
        places[w] = <int32_t> (a.start[t.w0 + w] - t.w_lo)
        if a.count[t.w0 + w] > fewest:
            places[w] += <int32_t> (pitch // 2)
    r.first, r.step, r.pitch, r.period, r.entries, r.tap = 0, 1, 1, 0, NULL, 0
    while rows > 0:
        some = least(rows, room // pitch)
        for i in range(1 + (longest > fewest)):
            r.count = fewest + i
            select_run(values + i * (pitch // 2), offsets + i * (pitch // 2), pitch, line, &r,
                       step, lp, n - r.count + 1, some, op)
        pick_out(v, yp, values, pitch, places, m, some)
        pick_out(o, yp, offsets, pitch, places, m, some)
        v += some * yp
        o += some * yp
        line += some * lp
        rows -= some
    return True


cdef void select_irregular(const Plan* g, const Tile* t, T* v, int32_t* o, const T* line,
                           Op op) noexcept nogil:
    """Irregular windows of rows of channels."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t w
    cdef Run r
    r.step, r.pitch, r.period, r.entries, r.tap = 1, t.nc, 0, NULL, 0
    for w in range(t.w0, t.w1):
        r.first, r.count = a.start[w] - t.w_lo, a.count[w]
        select_run(v, o, 0, line, &r, <int32_t> g.digit[2], 0, t.nc, 1, op)
        v += t.nc
        o += t.nc


cdef inline bint has_few_borders(const Plan* g, const Tile* t) noexcept nogil:
    """Whether all but a few windows of a row are inside it: rows need no padding then."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t first, stop
    full_windows(a, t.w0, t.w1, &first, &stop)
    return a.source == NULL and (8 * (t.w1 - t.w0 - stop + first) <= t.w1 - t.w0 or are_twos(g))


cdef void select_along(const Plan* g, const Tile* t, T* v, int32_t* o, Py_ssize_t yp,
                       const T* line, Py_ssize_t lp, Py_ssize_t rows, char* s,
                       Op op) noexcept nogil:
    """The windows w0 to w1 of a block of lines (lp apart) -> rows of values and offsets."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t first, stop, begin
    if not has_few_borders(g, t):
        select_full(g, t, v, o, yp, line, lp, t.w1 - t.w0, rows, s, op)
        leave_padding(g, t, o, yp, rows)
        return
    full_windows(a, t.w0, t.w1, &first, &stop)
    begin = (first - t.w0) * t.nc
    select_full(g, t, v + begin, o + begin, yp,
                line + (first * a.stride - a.before - t.w_lo) * t.nc, lp, stop - first, rows, s,
                op)
    select_borders(g, t, t.w0, first, v, o, yp, line, lp, rows, op)
    select_borders(g, t, stop, t.w1, v, o, yp, line, lp, rows, op)


cdef void select_borders(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi, T* v,
                         int32_t* o, Py_ssize_t yp, const T* line, Py_ssize_t lp,
                         Py_ssize_t rows, Op op) noexcept nogil:
    """The windows lo to hi, of which some taps are in the padding."""
    cdef Py_ssize_t w, c, i, j, at
    cdef int32_t step = <int32_t> g.digit[2], offset
    cdef T best
    cdef Run r
    for w in range(lo, hi):
        taps(&g.axis[2], w, NULL, &r)
        r.first -= t.w_lo
        r.pitch = t.nc
        at = (w - t.w0) * t.nc
        if t.nc == UP(t.nc, BESIDE(sizeof(T))):
            select_run(v + at, o + at, yp, line, &r, step, lp, t.nc, rows, op)
            continue
        for j in range(rows):
            for c in range(t.nc):
                best = line[j * lp + address(&r, 0) + c]
                offset = <int32_t> r.tap * step
                for i in range(1, r.count):
                    offset = offset_of(best, line[j * lp + address(&r, i) + c], offset,
                                       <int32_t> (r.tap + i) * step, op)
                    best = pick(best, line[j * lp + address(&r, i) + c], op)
                v[j * yp + at + c] = best
                o[j * yp + at + c] = offset


cdef void select_full(const Plan* g, const Tile* t, T* v, int32_t* o, Py_ssize_t yp,
                      const T* line, Py_ssize_t lp, Py_ssize_t m, Py_ssize_t rows, char* s,
                      Op op) noexcept nogil:
    """m windows of each line, the first of which begins with it, none of which is clipped."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, nc = t.nc, groups = (m - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    cdef bint wide = nc * <Py_ssize_t> sizeof(T) >= BLOCK
    cdef bint close = a.stride == 2 and a.dilation == 1 and nc == 1 and a.start == NULL
    cdef int32_t step = <int32_t> g.digit[2]
    cdef T* phases = <T*> (s + g.phases_at)
    cdef Run r
    r.first, r.step, r.count, r.pitch, r.period, r.unit = 0, a.dilation, a.kernel, nc, 0, nc
    r.entries, r.tap = NULL, 0
    if (a.start == NULL and a.stride * yp == lp and rows > 1
            and (a.stride == 1 or (close and 2 <= a.kernel <= 3))):
        # Rows as far from each other as their windows: one long row.
        m += (rows - 1) * yp // nc
        rows = 1
    if a.start == NULL and a.stride == 1:
        select_run(v, o, yp, line, &r, step, lp, m * nc, rows, op)
    elif close and a.kernel == 2:
        select_pairs(v, o, yp, line, step, lp, UP(m, BESIDE(sizeof(T))), rows, op)
    elif close and a.kernel == 3:
        select_threes(v, o, yp, line, step, lp, UP(m, BESIDE(sizeof(T))), rows, op)
    elif not (a.start != NULL and nc == 1
              and select_dense(a, t, v, o, yp, line, lp, rows, step, s + g.phases_at, op)):
        for i in range(rows):
            if a.start != NULL and wide:
                select_irregular(g, t, v, o, line, op)
            elif a.start != NULL or a.stride > PHASES:
                select_each(a, t, v, o, line, m, step, op)
            elif wide and (a.kernel <= 9 or nc == UP(nc, BESIDE(sizeof(T)))):
                select_run(v, o, nc, line, &r, step, a.stride * nc, nc, m, op)
            else:
                split(phases, g.line, line, groups, a.stride, nc)
                r.period, r.pitch = a.stride, g.line
                select_run(v, o, 0, phases, &r, step, 0, m * nc, 1, op)
                r.period, r.pitch = 0, nc
            v += yp
            o += yp
            line += lp


cdef void leave_padding(const Plan* g, const Tile* t, int32_t* o, Py_ssize_t yp,
                        Py_ssize_t rows) noexcept nogil:
    """The first windows begin in the padding: their offsets are at least that of the first tap
    that exists."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, j, w
    cdef int32_t first
    if a.source != NULL or a.start != NULL:
        return
    for w in range(t.w0, least(t.w1, ceil_div(a.before, a.stride))):
        first = <int32_t> (ceil_div(a.before - w * a.stride, a.dilation) * g.digit[2])
        for j in range(rows):
            for i in range((w - t.w0) * t.nc, (w - t.w0 + 1) * t.nc):
                o[j * yp + i] = o[j * yp + i] if o[j * yp + i] > first else first


cdef const T* lines_of(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t* pitch, char* s,
                       Op op, T tag) noexcept nogil:
    """The rows h_lo to h_hi of a plane, padded where `select_along` wants it; in place if there is
    nothing to do."""
    cdef bint padded = t.width != t.w_hi - t.w_lo and not has_few_borders(g, t)
    if g.in_place and t.safe and not padded and g.axis[1].source == NULL:
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        return <const T*> place(g, t, d, t.h_lo)
    pitch[0] = line_pitch(g, t)
    copy_lines(g, t, d, <T*> (s + g.result_at), pitch[0], padded, s, op)
    return <T*> (s + g.result_at)


cdef inline Py_ssize_t line_pitch(const Plan* g, const Tile* t) noexcept nogil:
    """Between lines in scratch: close, and such that rows of windows may be one (box_pitch)."""
    if g.axis[2].stride == 2 and t.nc == 1:
        return t.width + t.width % 2
    return t.width * t.nc


cdef void copy_lines(const Plan* g, const Tile* t, Py_ssize_t d, T* lines, Py_ssize_t pitch,
                     bint padded, char* s, Op op) noexcept nogil:
    """Each is written in whole blocks, over the next one's begin."""
    cdef Py_ssize_t h, n = (t.w_hi - t.w_lo) * t.nc, left = t.left * t.nc if padded else 0
    cdef T* line = lines + left
    if g.in_place and t.safe and g.axis[1].source == NULL:
        copy_rows(line, pitch, <const T*> place(g, t, d, t.h_lo),
                  g.xs[1] // <Py_ssize_t> sizeof(T), UP(n, sizeof(T)), t.h_hi - t.h_lo)
    else:
        for h in range(t.h_lo, t.h_hi):
            if g.in_place:
                memcpy(line, place(g, t, d, row_of(&g.axis[1], h)), n * sizeof(T))
            else:
                load(g, t, d, row_of(&g.axis[1], h), line, VALUES, s, op)
            line += pitch
    if not padded:
        return
    if g.axis[2].source == NULL:
        pad_lines(lines, pitch, left, left + n, t.width * t.nc, t.h_hi - t.h_lo,
                  identity(op, lines[0]))
        return
    for h in range(t.h_hi - t.h_lo):
        fill_borders(g, t, lines + h * pitch, 1, op, lines[0])


cdef void pad_lines(T* lines, Py_ssize_t pitch, Py_ssize_t left, Py_ssize_t right, Py_ssize_t n,
                    Py_ssize_t rows, T none) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(left):
            lines[i] = none
        for i in range(right, n):
            lines[i] = none
        lines += pitch


# --- rows of windows ------------------------------------------------------------------------------

cdef void merge_run(T* v, int32_t* o, Py_ssize_t yp, const T* x, const int32_t* offsets,
                    const Run* r, Py_ssize_t base, Py_ssize_t step, Py_ssize_t xp, Py_ssize_t n,
                    Py_ssize_t rows, bint begun, Op op) noexcept nogil:
    """The rows of a run merged, or merged into what was begun."""
    cdef const T* taps[3]
    cdef const int32_t* places[3]
    cdef int32_t bases[3]
    cdef Py_ssize_t i, j = 0
    if not begun:
        for i in range(3):
            j = least(i, r.count - 1)
            taps[i], places[i] = x + address(r, j), offsets + address(r, j)
            bases[i] = <int32_t> (base + j * step)
        merge3(v, o, yp, taps, places, bases, xp, n, rows, op)
        j = 3
    for i in range(j, r.count):
        merge_more(v, o, yp, x + address(r, i), offsets + address(r, i),
                   <int32_t> (base + i * step), xp, n, rows, op)


cdef void merge_windows(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi, T* v,
                        int32_t* o, Py_ssize_t yp, const T* x, const int32_t* offsets,
                        Py_ssize_t pitch, Py_ssize_t base, bint begun, char* s,
                        Op op) noexcept nogil:
    """Rows lo to hi of the result from the rows of windows of one plane."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef Py_ssize_t h, first, stop, rows, n = UP((t.w1 - t.w0) * t.nc, BESIDE(sizeof(T)))
    cdef Run r
    full_windows(a, lo, hi, &first, &stop)
    h = lo
    while h < hi:
        rows = stop - h if h == first and h < stop else 1
        taps_in_extent(a, h, t.h_lo, entries, &r)
        r.pitch = pitch
        merge_run(v, o, yp, x, offsets, &r, base + r.tap * g.digit[1], g.digit[1],
                  a.stride * pitch, n, rows, begun, op)
        v += rows * yp
        o += rows * yp
        h += rows


# --- windows of rows of channels ------------------------------------------------------------------

cdef const T* channel_rows(const Plan* g, const Tile* t, Py_ssize_t* pitch, char* s, Op op,
                           T tag) noexcept nogil:
    """The rows of the source, the first of plane 0 if they are in place, otherwise h_lo."""
    cdef Py_ssize_t h, n = (t.w_hi - t.w_lo) * t.nc
    cdef T* box = <T*> (s + g.box_at)
    if g.in_place and channels_in_place(t, sizeof(T)):
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        return <const T*> place(g, t, 0, 0)
    pitch[0] = n
    for h in range(t.h_lo, t.h_hi):
        if g.in_place:
            memcpy(box, place(g, t, t.d, h), n * sizeof(T))
        else:
            load(g, t, t.d, h, box, VALUES, s, op)
        box += n
    return <T*> (s + g.box_at)


cdef void select_windows(const Plan* g, const Tile* t, const Run* rd, const Run* rh,
                         Py_ssize_t w, Py_ssize_t count, T* v, int32_t* o, const T* x,
                         Py_ssize_t pitch, Op op) noexcept nogil:
    """`count` windows that differ in nothing but their place."""
    cdef const Axis* a = &g.axis[2]
    cdef const T* found[9]
    cdef int32_t offsets[9]
    cdef Py_ssize_t i, j, k, at, offset, nc = t.nc, taken = 0
    cdef Run rw
    taps(a, w, NULL, &rw)
    for i in range(rd.count):
        for j in range(rh.count):
            at = (address(rd, i) + address(rh, j) + (rw.first - t.w_lo) * nc)
            offset = ((rd.tap + i) * g.digit[0] + (rh.tap + j) * g.digit[1] + rw.tap * g.digit[2])
            for k in range(rw.count):
                found[taken] = x + at + k * rw.step * nc
                offsets[taken] = <int32_t> (offset + k * g.digit[2])
                taken += 1
    if a.stride == 1:
        select_taps(v, o, 0, found, offsets, taken, 0, count * nc, 1, op)
    else:
        select_taps(v, o, nc, found, offsets, taken, a.stride * nc, nc, count, op)


cdef void select_channels(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi, T* v,
                          int32_t* o, Py_ssize_t yp, const T* x, Py_ssize_t pitch,
                          Op op) noexcept nogil:
    """Rows lo to hi of the result."""
    cdef Py_ssize_t h, w, first, stop, count
    cdef bint in_place = g.in_place and channels_in_place(t, sizeof(T))
    cdef Run rd, rh
    taps(&g.axis[0], t.d, NULL, &rd)
    rd.pitch = g.xs[0] // <Py_ssize_t> sizeof(T) if in_place else 0
    full_windows(&g.axis[2], t.w0, t.w1, &first, &stop)
    for h in range(lo, hi):
        taps_in_extent(&g.axis[1], h, 0 if in_place else t.h_lo, NULL, &rh)
        rh.pitch = pitch
        w = t.w0
        while w < t.w1:
            count = stop - w if w == first and w < stop else 1
            select_windows(g, t, &rd, &rh, w, count, v + (w - t.w0) * t.nc,
                           o + (w - t.w0) * t.nc, x, pitch, op)
            w += count
        v += yp
        o += yp


cdef bint pick_channels(const Plan* g, const Tile* t, const T* x, Py_ssize_t pitch,
                        Op op) noexcept nogil:
    """All rows to the results. False: there are NaNs."""
    cdef Py_ssize_t h, w, first, stop, count
    cdef bint in_place = g.in_place and channels_in_place(t, sizeof(T)), nans = False
    cdef Run rd, rh
    taps(&g.axis[0], t.d, NULL, &rd)
    rd.pitch = g.xs[0] // <Py_ssize_t> sizeof(T) if in_place else 0
    full_windows(&g.axis[2], t.w0, t.w1, &first, &stop)
    for h in range(t.h0, t.h1):
        taps_in_extent(&g.axis[1], h, 0 if in_place else t.h_lo, NULL, &rh)
        rh.pitch = pitch
        w = t.w0
        while w < t.w1:
            count = stop - w if w == first and w < stop else 1
            nans |= pick_alike(g, t, &rd, &rh, h, w, count, x, op)
            w += count
    return not nans


# --- NaNs -----------------------------------------------------------------------------------------

cdef bint any_nan(const T* v, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t found = 0
    for i in range(n):
        found |= v[i] != v[i]
    return found != 0


cdef inline bint is_nan(const Plan* g, const char* x, T tag) noexcept nogil:
    cdef char raw[8]
    cdef T value[1]
    if g.in_place:
        return (<const T*> x)[0] != (<const T*> x)[0]
    gather(raw, x, 1, 1, 0, 0, g.x_size, g.x_swapped)
    convert(g, value, raw, 1)
    return value[0] != value[0]


cdef int32_t first_nan(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t w, Py_ssize_t c,
                       T tag) noexcept nogil:
    """The offset of the first NaN of a window."""
    cdef Py_ssize_t i, j, k, d_at, h_at, w_at
    cdef const char* x = t.x + (t.c0 + c) * g.xs[3]
    for i in range(taps_of(&g.axis[0], t.d)):
        d_at = element(&g.axis[0], t.d, i)
        for j in range(taps_of(&g.axis[1], h)):
            h_at = element(&g.axis[1], h, j)
            for k in range(taps_of(&g.axis[2], w)):
                w_at = element(&g.axis[2], w, k)
                if not (0 <= d_at < g.axis[0].n and 0 <= h_at < g.axis[1].n
                        and 0 <= w_at < g.axis[2].n):
                    continue
                if is_nan(g, x + d_at * g.xs[0] + h_at * g.xs[1] + w_at * g.xs[2], tag):
                    return <int32_t> (i * g.digit[0] + j * g.digit[1] + k * g.digit[2])
    return 0


cdef inline Py_ssize_t taps_of(const Axis* a, Py_ssize_t window) noexcept nogil:
    return a.count[window] if a.start != NULL else a.kernel


cdef inline Py_ssize_t element(const Axis* a, Py_ssize_t window, Py_ssize_t tap) noexcept nogil:
    """The source element that a tap of a (forward) window reads; outside: none."""
    cdef Py_ssize_t at
    if a.start != NULL:
        return a.start[window] + tap
    at = window * a.stride + tap * a.dilation
    if a.source == NULL:
        return at - a.before
    return a.source[at] if at < a.reach else -1


cdef void find_nans(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi, const T* v,
                    int32_t* o, Py_ssize_t yp) noexcept nogil:
    """The offsets of NaNs in rows lo to hi of the result."""
    cdef Py_ssize_t h, w, c, i, n = (t.w1 - t.w0) * t.nc
    if T is float or T is double:
        if hi <= lo or not any_nan(v, (hi - lo - 1) * yp + n):
            return
        for h in range(lo, hi):
            i = 0
            for w in range(t.w0, t.w1):
                for c in range(t.nc):
                    if v[i] != v[i]:
                        o[i] = first_nan(g, t, h, w, c, v[0])
                    i += 1
            v += yp
            o += yp


# --- a tile ---------------------------------------------------------------------------------------

cdef inline Py_ssize_t box_pitch(const Plan* g, const Tile* t, Py_ssize_t lp,
                                 size_t size) noexcept nogil:
    """Between rows of windows: such that all rows are one, if they may be (see select_full)."""
    cdef Py_ssize_t n = (t.w1 - t.w0) * t.nc, stride = g.axis[2].stride
    if ((stride == 1 or (stride == 2 and t.nc == 1)) and lp % stride == 0
            and n <= lp // stride <= g.line):
        return lp // stride
    return UP(n, BESIDE(size))


cdef void select_merged(const Plan* g, const Tile* t, Py_ssize_t straight, T* v, T* z, int32_t* o,
                        Py_ssize_t yp, char* s, Op op, T tag) noexcept nogil:
    """Windows of each row, merged. v: where the first `straight` rows go; z: the others."""
    cdef Py_ssize_t i, d, pitch, lp, base, middle = t.h0 + straight
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at) + g.axis[1].kernel
    cdef T* box = <T*> (s + g.box_at)
    cdef int32_t* offsets = <int32_t*> (s + g.rows_at)
    cdef const T* x
    cdef Run r
    taps(&g.axis[0], t.d, entries, &r)
    for i in range(r.count):
        d = r.entries[i] if r.entries != NULL else r.first + i * r.step
        x = lines_of(g, t, d, &lp, s, op, tag)
        if (are_scratched_twos(g, t)
                and select_scratched(g, t, t.h0, middle, 1, v, o, yp, x, lp, op)
                and select_scratched(g, t, middle, t.h1, 1, z, o + straight * yp, yp, x, lp, op)):
            return
        pitch = box_pitch(g, t, lp, sizeof(T))
        select_along(g, t, box, offsets, pitch, x, lp, t.h_hi - t.h_lo, s, op)
        base = (r.tap + i) * g.digit[0]
        merge_windows(g, t, t.h0, middle, v, o, yp, box, offsets, pitch, base, i > 0, s, op)
        merge_windows(g, t, middle, t.h1, z, o + straight * yp, yp, box, offsets, pitch, base,
                      i > 0, s, op)


cdef void select_at_once(const Plan* g, const Tile* t, Form form, Py_ssize_t lo, Py_ssize_t hi,
                         T* v, int32_t* o, Py_ssize_t yp, const T* x, Py_ssize_t pitch, char* s,
                         Op op) noexcept nogil:
    """Rows lo to hi of the result from the rows of the source."""
    if form == CHANNELS:
        select_channels(g, t, lo, hi, v, o, yp, x, pitch, op)
    elif form == QUADS:
        if (are_scratched_twos(g, t)
                and select_scratched(g, t, lo, hi, 1, v, o, yp, x, pitch, op)):
            return
        x += (2 * lo - t.h_lo) * pitch
        select_quads(v, o, yp, x, x + pitch, <int32_t> g.digit[2], <int32_t> g.digit[1],
                     2 * pitch, UP(t.w1 - t.w0, BESIDE(sizeof(T))), hi - lo, op)
    else:
        select_along(g, t, v, o, yp, x + (lo - t.h_lo) * pitch, pitch, hi - lo, s, op)


cdef void select_planes(const Plan* g, const Tile* t, Form form, char* s, Op op,
                        T tag) noexcept nogil:
    """Small planes, several to a tile: their rows are those of one."""
    cdef Py_ssize_t p, lp, pitch, rows = t.h_hi - t.h_lo, planes = t.d1 - t.d
    cdef Py_ssize_t width = t.w1 - t.w0, n = (t.h1 - t.h0) * width
    cdef T* box = <T*> (s + g.box_at)
    cdef int32_t* offsets = <int32_t*> (s + g.rows_at)
    cdef T* z = <T*> (s + g.lines_at)
    cdef int32_t* o = <int32_t*> (s + g.counts_at)
    cdef const T* x = lines_of_planes(g, t, &lp, s, op, tag)
    cdef bint nans = T is float or T is double
    if (are_scratched_twos(g, t)
            and select_scratched(g, t, t.h0, t.h1, planes, z, o, width, x, lp, op)):
        nans = False
    elif form == QUADS:
        for p in range(planes):
            select_at_once(g, t, form, t.h0, t.h1, z + p * n, o + p * n, width,
                           x + p * rows * lp, lp, s, op)
    else:
        pitch = box_pitch(g, t, lp, sizeof(T))
        select_along(g, t, box, offsets, pitch, x, lp, planes * rows, s, op)
        for p in range(planes):
            merge_windows(g, t, t.h0, t.h1, z + p * n, o + p * n, width, box + p * rows * pitch,
                          offsets + p * rows * pitch, pitch, 0, False, s, op)
    store_planes(g, t, z, o, nans and any_nan(z, planes * n), s, op)


cdef bint select_straight(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    """Twos of rows or planes, to the results. False: there are NaNs."""
    cdef const T* x
    cdef char* o
    cdef Twos two
    cdef Py_ssize_t size = sizeof(T)
    if g.depth == 1 or (g.in_place and t.safe):
        x = lines_of(g, t, t.d, &two.xp, s, op, tag)
        two.xd = g.xs[0] // size
    else:
        x = lines_of_planes(g, t, &two.xp, s, op, tag)
        two.xd = (t.h_hi - t.h_lo) * two.xp
    two.planes = t.d1 - t.d
    two.yp, two.yd = g.ys[1] // size, g.ys[0] // size
    if g.q2 != NULL:
        o, two.qp, two.qd, two.size = positions_at(g, t), g.q2s[1], g.q2s[0], 8
    else:
        o, two.qp, two.qd, two.size = offsets_at(g, t), g.qs[1], g.qs[0], 1
    return select_at_twos(g, t, t.h0, t.h1, <T*> target(g, t), o, x, &two, op)


cdef const T* lines_of_planes(const Plan* g, const Tile* t, Py_ssize_t* pitch, char* s, Op op,
                              T tag) noexcept nogil:
    cdef Py_ssize_t d, rows = t.h_hi - t.h_lo
    cdef bint padded = t.width != t.w_hi - t.w_lo and not has_few_borders(g, t)
    cdef T* lines = <T*> (s + g.result_at)
    if g.in_place and t.safe and not padded and g.xs[0] == rows * g.xs[1]:
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        return <const T*> place(g, t, t.d, t.h_lo)
    pitch[0] = line_pitch(g, t)
    for d in range(t.d, t.d1):
        copy_lines(g, t, d, lines, pitch[0], padded, s, op)
        lines += rows * pitch[0]
    return <T*> (s + g.result_at)


cdef void store_planes(const Plan* g, const Tile* t, T* z, int32_t* o, bint nans, char* s,
                       Op op) noexcept nogil:
    cdef Py_ssize_t d, h, width = t.w1 - t.w0, n = (t.h1 - t.h0) * width, planes = t.d1 - t.d
    cdef bint flat = g.q2 == NULL or (g.distances and are_whole(g, t, g.q2s, sizeof(int64_t)))
    cdef Tile part = t[0]
    for d in range(planes if nans else 0):
        part.d = t.d + d
        find_nans(g, &part, t.h0, t.h1, z + d * n, o + d * n, width)
    flat = flat and (g.q == NULL or are_whole(g, t, g.qs, g.q_size))
    if flat and g.q != NULL:
        narrow(t.q + t.d * g.qs[0], o, g.q_type, planes * n)
    if flat and g.q2 != NULL:
        positions_of_planes(g, t, o, s)
    for d in range(0 if flat else planes):
        part.d = t.d + d
        store_offsets(g, &part, o + d * n, width, s)
    if g.y_plain and are_whole(g, t, g.ys, g.y_size):
        memcpy(t.y + t.d * g.ys[0], z, planes * n * g.y_size)
        return
    for d in range(t.d, t.d1):
        part.d = d
        for h in range(t.h0, t.h1):
            store(g, &part, h, z, NULL, s, op)
            z += width


cdef inline bint are_whole(const Plan* g, const Tile* t, const Py_ssize_t* strides,
                           int size) noexcept nogil:
    """Whether the planes of a tile are one after the other in the result."""
    return (in_one_piece(g, t, strides, size, t.w1 - t.w0)
            and strides[0] == (t.h1 - t.h0) * (t.w1 - t.w0) * size)


cdef void positions_of_planes(const Plan* g, const Tile* t, const int32_t* o,
                              char* s) noexcept nogil:
    """Where a window begins is the same in all planes."""
    cdef Py_ssize_t h, w, d, n = (t.h1 - t.h0) * (t.w1 - t.w0)
    cdef int32_t* starts = <int32_t*> (s + g.starts_at)
    cdef int64_t* y = <int64_t*> (t.q2 + t.d * g.q2s[0])
    for h in range(t.h0, t.h1):
        for w in range(t.w0, t.w1):
            starts[0] = <int32_t> (origin(&g.axis[1], h) * g.plane_shape[2]
                                   + origin(&g.axis[2], w))
            starts += 1
    for d in range(t.d, t.d1):
        add_starts(y, o, starts - n, n)
        y += n
        o += n


cdef void select_tile(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    cdef Form form = form_of(g, t, sizeof(T))
    cdef Py_ssize_t pitch, straight = 0, yp = g.row
    cdef T* v = <T*> target(g, t)
    cdef T* z = <T*> (s + g.lines_at)
    cdef int32_t* o = <int32_t*> (s + g.counts_at)
    cdef const T* x
    if form == MASKED:
        select_masked(g, t, s, op, tag)
        return
    if are_straight_twos(g, t) and select_straight(g, t, s, op, tag):
        return
    if g.depth > 1:
        select_planes(g, t, form, s, op, tag)
        return
    if written_once(g, form):
        yp = (t.w1 - t.w0) * t.nc
        straight = selected_straight(g, t, form, sizeof(T))
    if form == MERGED:
        select_merged(g, t, straight, v, z, o, yp, s, op, tag)
    else:
        if form == CHANNELS:
            x = channel_rows(g, t, &pitch, s, op, tag)
            if are_picked(g, t) and pick_channels(g, t, x, pitch, op):
                return
        else:
            x = lines_of(g, t, t.d, &pitch, s, op, tag)
        select_at_once(g, t, form, t.h0, t.h0 + straight, v, o, yp, x, pitch, s, op)
        select_at_once(g, t, form, t.h0 + straight, t.h1, z, o + straight * yp, yp, x, pitch, s,
                       op)
    find_nans(g, t, t.h0, t.h0 + straight, v, o, yp)
    find_nans(g, t, t.h0 + straight, t.h1, z, o + straight * yp, yp)
    store_offsets(g, t, o, yp, s)
    for h in range(t.h0 + straight, t.h1):
        store(g, t, h, z, NULL, s, op)
        z += yp


cdef inline Py_ssize_t selected_straight(const Plan* g, const Tile* t, Form form,
                                         Py_ssize_t size) noexcept nogil:
    """How many rows of values may be written straight to the result: all but those from which the
    last block would reach behind the tile."""
    cdef Py_ssize_t n = (t.w1 - t.w0) * t.nc
    if (not g.y_plain or <size_t> target(g, t) % size != 0
            or not in_one_piece(g, t, g.ys, <int> size, n)):
        return 0
    if form == CHANNELS and t.nc == UP(t.nc, BESIDE(size)):
        return t.h1 - t.h0
    return most(0, t.h1 - t.h0 - 1 - most(BLOCK, UP(1, BESIDE(size)) * size) // (n * size))


cdef inline bint written_once(const Plan* g, Form form) noexcept nogil:
    """Whether rows of results may be closer than whole blocks: none is read and written again."""
    if form == MERGED:
        return g.axis[0].identity and g.axis[1].kernel <= 3
    return form != ALONG or g.axis[2].kernel <= 9


# --- store ----------------------------------------------------------------------------------------

cdef void narrow(char* raw, const int32_t* o, int kind, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if kind == UINT8:
        for i in range(n):
            (<uint8_t*> raw)[i] = <uint8_t> o[i]
    elif kind == UINT16:
        for i in range(n):
            (<uint16_t*> raw)[i] = <uint16_t> o[i]
    else:
        memcpy(raw, o, n * sizeof(int32_t))


cdef void add_offsets(int64_t* restrict y, const int32_t* restrict o, int64_t first, int64_t step,
                      Py_ssize_t n) noexcept nogil:
    """Positions: where each window begins, and how far from there its offset is."""
    cdef Py_ssize_t i
    cdef int64_t at
    for i in range(n):
        at = o[i]
        y[i] = at + (first + i * step) if at >= 0 else -1


cdef inline bint are_short(const Plan* g) noexcept nogil:
    """Whether all offsets are positions when 32 bits are added to them."""
    return (g.mask == NULL and not g.omit_nan
            and <double> g.plane_shape[0] * <double> g.plane_shape[1]
            * <double> g.plane_shape[2] < 2147483647.0)


cdef void add_twos(int64_t* restrict y, const int32_t* restrict o, int32_t first,
                   Py_ssize_t n) noexcept nogil:
    """The same for windows two apart that have offsets, added as 32 bits: half the vectors."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = o[i] + first + 2 * <int32_t> i


cdef void add_places(int64_t* restrict y, const int32_t* restrict o, int64_t first,
                     const Py_ssize_t* restrict places, Py_ssize_t n) noexcept nogil:
    """The same for irregular windows."""
    cdef Py_ssize_t i
    cdef int64_t at
    for i in range(n):
        at = o[i]
        y[i] = at + (first + places[i]) if at >= 0 else -1


cdef void add_starts(int64_t* restrict y, const int32_t* restrict o,
                     const int32_t* restrict starts, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = o[i] + starts[i]


cdef void positions_row(const Plan* g, const Tile* t, Py_ssize_t h, int64_t* y, const int32_t* o,
                        char* s) noexcept nogil:
    cdef const Axis* a = &g.axis[0]
    cdef Py_ssize_t w, c, first, d = 0 if g.depth > 1 else t.d     # D may number planes
    if not g.distances:
        for w in range(t.w0, t.w1):
            for c in range(t.nc):
                y[0] = position(g, d, h, w, o[0])
                y += 1
                o += 1
        return
    first = (origin(&a[0], d) * g.plane_shape[1] + origin(&a[1], h)) * g.plane_shape[2]
    if t.nc == 1 and a[2].start == NULL and a[2].stride == 2 and are_short(g):
        add_twos(y, o, <int32_t> (first + origin(&a[2], t.w0)), t.w1 - t.w0)
        return
    if t.nc == 1 and a[2].start == NULL:
        add_offsets(y, o, first + origin(&a[2], t.w0), a[2].stride, t.w1 - t.w0)
        return
    if t.nc == 1:
        add_places(y, o, first, a[2].origin + t.w0, t.w1 - t.w0)
        return
    for w in range(t.w0, t.w1):
        add_offsets(y, o, first + origin(&a[2], w), 0, t.nc)
        y += t.nc
        o += t.nc


cdef int64_t position(const Plan* g, Py_ssize_t d, Py_ssize_t h, Py_ssize_t w,
                      int32_t offset) noexcept nogil:
    """Tap number inside a window -> flat position in the unpadded input."""
    cdef const Axis* a = &g.axis[0]
    cdef int32_t kw = <int32_t> a[2].kernel, kh = <int32_t> a[1].kernel
    if offset < 0:
        return -1
    return ((element(&a[0], d, offset // kw // kh) * g.plane_shape[1] +
             element(&a[1], h, offset // kw % kh)) * g.plane_shape[2] +
            element(&a[2], w, offset % kw))


cdef inline bint in_one_piece(const Plan* g, const Tile* t, const Py_ssize_t* strides, int size,
                              Py_ssize_t pitch) noexcept nogil:
    """Whether the rows of a tile are one after the other in the result as they are in scratch."""
    cdef Py_ssize_t n = (t.w1 - t.w0) * t.nc
    return (pitch == n and is_contiguous(strides, t.w1 - t.w0, t.nc, size)
            and (strides[1] == n * size or t.h1 - t.h0 == 1))


cdef inline char* offsets_at(const Plan* g, const Tile* t) noexcept nogil:
    return t.q + t.d * g.qs[0] + t.h0 * g.qs[1] + t.w0 * g.qs[2] + t.c0 * g.qs[3]


cdef inline char* positions_at(const Plan* g, const Tile* t) noexcept nogil:
    return t.q2 + t.d * g.q2s[0] + t.h0 * g.q2s[1] + t.w0 * g.q2s[2] + t.c0 * g.q2s[3]


cdef void store_offsets(const Plan* g, const Tile* t, const int32_t* o, Py_ssize_t pitch,
                        char* s) noexcept nogil:
    """Offsets and positions of a tile to the result."""
    cdef Py_ssize_t h, n = (t.w1 - t.w0) * t.nc
    cdef char* raw = s + g.raw_at
    cdef char* y
    if g.q != NULL and in_one_piece(g, t, g.qs, g.q_size, pitch):
        narrow(offsets_at(g, t), o, g.q_type, (t.h1 - t.h0) * n)
    elif g.q != NULL:
        for h in range(t.h0, t.h1):
            narrow(raw, o + (h - t.h0) * pitch, g.q_type, n)
            scatter_row(g, t, h, t.q, raw, g.qs, g.q_size)
    if g.q2 == NULL:
        return
    for h in range(t.h0, t.h1):
        y = positions_at(g, t) + (h - t.h0) * g.q2s[1]
        if is_contiguous(g.q2s, t.w1 - t.w0, t.nc, sizeof(int64_t)):
            positions_row(g, t, h, <int64_t*> y, o, s)
        else:
            positions_row(g, t, h, <int64_t*> raw, o, s)
            scatter_row(g, t, h, t.q2, raw, g.q2s, sizeof(int64_t))
        o += pitch


# --- masks, and NaNs that do not exist ------------------------------------------------------------
# An offset of -1: does not exist.

cdef inline bint beats(T a, T b, Op op) noexcept nogil:
    """b takes the place of a: it is better, or the first NaN."""
    if Op is MaxOp:
        return (b > a) | ((b != b) & (a == a))
    else:
        return (b < a) | ((b != b) & (a == a))


cdef void take_existing(T* restrict v, int32_t* restrict o, const T* restrict x,
                        const int32_t* restrict exists, int32_t offset, Py_ssize_t n,
                        Op op) noexcept nogil:
    """`exists` is 0, or -1 where x is only a stand-in: -1 | offset is -1."""
    cdef Py_ssize_t i
    cdef T a, b
    cdef int32_t old, new
    cdef bint wins
    for i in range(DOWN(n, 1)):
        a = v[i]
        b = x[i]
        old = o[i]
        new = exists[i] | offset
        wins = beats(a, b, op) | (old < 0)
        v[i] = b if wins else a
        o[i] = new if wins else old


cdef void merge_existing(T* restrict v, int32_t* restrict o, const T* restrict x,
                         const int32_t* restrict offsets, int32_t base, Py_ssize_t n,
                         Op op) noexcept nogil:
    """A row further down the window: its offsets begin at `base`."""
    cdef Py_ssize_t i
    cdef T a, b
    cdef int32_t old, new
    cdef bint wins
    for i in range(DOWN(n, 1)):
        a = v[i]
        b = x[i]
        old = o[i]
        new = offsets[i]
        new = new + base if new >= 0 else new
        wins = beats(a, b, op) | (old < 0)
        v[i] = b if wins else a
        o[i] = new if wins else old


cdef void existing_each(const Axis* a, const Tile* t, T* v, int32_t* o, const T* line,
                        const int32_t* exists, int32_t digit, Op op) noexcept nogil:
    """Irregular windows and large strides, one element after the other."""
    cdef Py_ssize_t w, c, i, at, first, step, count
    cdef T best
    cdef int32_t offset
    for w in range(t.w1 - t.w0):
        if a.start != NULL:
            first, step, count = a.start[t.w0 + w] - t.w_lo, 1, a.count[t.w0 + w]
        else:
            first, step, count = w * a.stride, a.dilation, a.kernel
        for c in range(t.nc):
            at = first * t.nc + c
            best = line[at]
            offset = exists[at]
            for i in range(1, count):
                at += step * t.nc
                if beats(best, line[at], op) or offset < 0:
                    best = line[at]
                    offset = exists[at] | (<int32_t> i * digit)
            v[w * t.nc + c] = best
            o[w * t.nc + c] = offset


cdef void existing_along(const Plan* g, const Tile* t, T* v, int32_t* o, const T* line,
                         const int32_t* exists, char* s, Op op) noexcept nogil:
    """The windows of one line -> values and offsets."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, j, at, n = (t.w1 - t.w0) * t.nc, up = UP(n, 1)
    cdef T* phases = <T*> (s + g.phases_at)
    cdef int32_t* exist_phases = <int32_t*> (phases + a.stride * g.line)
    cdef Py_ssize_t groups = (t.w1 - t.w0 - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    if a.start != NULL or a.stride > PHASES:
        existing_each(a, t, v, o, line, exists, <int32_t> g.digit[2], op)
        return
    if a.stride > 1:
        split(phases, g.line, line, groups, a.stride, t.nc)
        split(exist_phases, g.line, exists, groups, a.stride, t.nc)
        line, exists = phases, exist_phases
    memcpy(v, line, up * sizeof(T))
    memcpy(o, exists, up * sizeof(int32_t))
    for j in range(1, a.kernel):
        i = j * a.dilation
        at = (i % a.stride) * g.line + (i // a.stride) * t.nc
        take_existing(v, o, line + at, exists + at, <int32_t> (j * g.digit[2]), up, op)


cdef void load_existing(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, T* line,
                        int32_t* marks, char* s, Op op) noexcept nogil:
    """A source row as a padded line, and which of its elements exist."""
    cdef Py_ssize_t i, n = (t.w_hi - t.w_lo) * t.nc
    cdef uint8_t* flags = <uint8_t*> (s + g.flags_at)
    load(g, t, d, h, line + t.left * t.nc, VALUES, s, op)
    fill_borders(g, t, line, 1, op, line[0])
    load_flags(g, t, d, h, flags, EXISTING, s)
    for i in range(n):
        marks[t.left * t.nc + i] = <int32_t> flags[i] - 1
    mark_borders(g, t, marks)


cdef void mark_borders(const Plan* g, const Tile* t, int32_t* marks) noexcept nogil:
    """Constant padding does not exist; other padding does where what it repeats exists."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t j, c, right = t.left + t.w_hi - t.w_lo
    for j in range(t.width):
        if t.left <= j < right:
            continue
        for c in range(t.nc):
            if a.source == NULL or j >= a.reach:
                marks[j * t.nc + c] = -1
            else:
                marks[j * t.nc + c] = marks[(t.left + a.source[j]) * t.nc + c]


cdef void select_masked(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    cdef Py_ssize_t* d_entries = <Py_ssize_t*> (s + g.entries_at)
    cdef Py_ssize_t* h_entries = d_entries + g.axis[0].kernel
    cdef Py_ssize_t i, j, d, h, row, base, n = UP((t.w1 - t.w0) * t.nc, 1)
    cdef T* line = <T*> (s + g.result_at)
    cdef int32_t* exists = <int32_t*> (s + g.levels_at)
    cdef T* v
    cdef int32_t* o
    cdef Run rd, rh
    taps(&g.axis[0], t.d, d_entries, &rd)
    for i in range(rd.count):
        d = d_entries[i] if rd.entries != NULL else rd.first + i * rd.step
        for h in range(t.h_lo, t.h_hi):
            load_existing(g, t, d, row_of(&g.axis[1], h), line, exists, s, op)
            existing_along(g, t, row_at(s, g.box_at, h - t.h_lo, g.row, tag),
                           row_at(s, g.rows_at, h - t.h_lo, g.row, <int32_t> 0), line, exists, s,
                           op)
        for h in range(t.h0, t.h1):
            v = row_at(s, g.lines_at, h - t.h0, g.row, tag)
            o = row_at(s, g.counts_at, h - t.h0, g.row, <int32_t> 0)
            taps_in_extent(&g.axis[1], h, t.h_lo, h_entries, &rh)
            for j in range(rh.count):
                row = rh.first + j * rh.step
                base = (rd.tap + i) * g.digit[0] + (rh.tap + j) * g.digit[1]
                if i == 0 and j == 0:
                    memcpy(v, row_at(s, g.box_at, row, g.row, tag), n * sizeof(T))
                    fill(o, n, <int32_t> -1)
                merge_existing(v, o, row_at(s, g.box_at, row, g.row, tag),
                               row_at(s, g.rows_at, row, g.row, <int32_t> 0), <int32_t> base, n,
                               op)
    store_existing(g, t, s, op, tag)


cdef void store_existing(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    cdef Py_ssize_t h, i
    cdef int32_t* o = <int32_t*> (s + g.counts_at)
    store_offsets(g, t, o, g.row, s)
    for h in range(t.h0, t.h1):
        for i in range((t.w1 - t.w0) * t.nc):
            o[i] = o[i] >= 0        # as counts: whether anything exists
        store(g, t, h, row_at(s, g.lines_at, h - t.h0, g.row, tag), o, s, op)
        o += g.row


cdef void select_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op,
                       T tag) noexcept nogil:
    cdef Py_ssize_t item
    cdef Tile t
    for item in range(lo, hi):
        locate(g, item, &t, s)
        if g.raise_nan:
            g.count(g, &t, NANS, s)
        select_tile(g, &t, s, op, tag)
