# Modes of 2 x 2 and 2 x 2 x 2 integers, two apart (labels of images and volumes, one octave
# down): all pairs of a window are compared, for many windows at once, where they lie. A count is
# the number of elements equal to one, below zero, because a comparison gives -1. The upper bit of
# unsigned integers is turned round.

cdef enum:
    BESIDE_ROWS = 16    # that are written together where they do not lie along memory

ctypedef fused M:
    int8_t
    int16_t
    int32_t
    int64_t


cdef inline M equal(M a, M b) noexcept nogil:
    return <M> -1 if a == b else <M> 0


cdef inline M wins(M count, M best_count, M value, M best, M ties) noexcept nogil:
    """Whether a value is more frequent than the best one so far; or as frequent and less (ties: -1;
    0: the first one stays)."""
    cdef M none = 0, all = -1, more, tie
    tie = ties if value < best else none
    tie = tie if count == best_count else none
    more = all if count < best_count else none
    return more | tie


cdef inline M counted(M count, M value, M ignored, M keep) noexcept nogil:
    """0 for what is ignored; keep: -1 if nothing is."""
    return count & (keep if value == ignored else <M> -1)


cdef void modes_of_fours(M* restrict y, const M* restrict x0, const M* restrict x1, M flip,
                         M ignored, M keep, M ties, Py_ssize_t n) noexcept nogil:
    """Of two neighbours in each of the rows."""
    cdef Py_ssize_t i
    cdef M v0, v1, v2, v3, best
    cdef M c0, c1, c2, c3, best_count, same, better
    for i in range(n):
        v0, v1 = x0[2 * i] ^ flip, x0[2 * i + 1] ^ flip
        v2, v3 = x1[2 * i] ^ flip, x1[2 * i + 1] ^ flip
        same = equal(v0, v1)
        c0, c1 = same - 1, same - 1
        same = equal(v0, v2)
        c0, c2 = c0 + same, same - 1
        same = equal(v0, v3)
        c0, c3 = c0 + same, same - 1
        same = equal(v1, v2)
        c1, c2 = c1 + same, c2 + same
        same = equal(v1, v3)
        c1, c3 = c1 + same, c3 + same
        same = equal(v2, v3)
        c2, c3 = c2 + same, c3 + same
        c0 = counted(c0, v0, ignored, keep)
        c1 = counted(c1, v1, ignored, keep)
        c2 = counted(c2, v2, ignored, keep)
        c3 = counted(c3, v3, ignored, keep)
        best, best_count = v0, c0
        better = wins(c1, best_count, v1, best, ties)
        best = v1 if better != 0 else best
        best_count = c1 if c1 < best_count else best_count
        better = wins(c2, best_count, v2, best, ties)
        best = v2 if better != 0 else best
        best_count = c2 if c2 < best_count else best_count
        better = wins(c3, best_count, v3, best, ties)
        best = v3 if better != 0 else best
        y[i] = best ^ flip


cdef void modes_of_eights(M* restrict y, const M* restrict x0, const M* restrict x1,
                          const M* restrict x2, const M* restrict x3, M flip, M ignored, M keep,
                          M ties, Py_ssize_t n) noexcept nogil:
    """Of two neighbours in each of the rows."""
    cdef Py_ssize_t i
    cdef M v0, v1, v2, v3, v4, v5, v6, v7, best
    cdef M c0, c1, c2, c3, c4, c5, c6, c7, best_count, same, better
    for i in range(n):
        v0, v1 = x0[2 * i] ^ flip, x0[2 * i + 1] ^ flip
        v2, v3 = x1[2 * i] ^ flip, x1[2 * i + 1] ^ flip
        v4, v5 = x2[2 * i] ^ flip, x2[2 * i + 1] ^ flip
        v6, v7 = x3[2 * i] ^ flip, x3[2 * i + 1] ^ flip
        same = equal(v0, v1)
        c0, c1 = same - 1, same - 1
        same = equal(v0, v2)
        c0, c2 = c0 + same, same - 1
        same = equal(v0, v3)
        c0, c3 = c0 + same, same - 1
        same = equal(v0, v4)
        c0, c4 = c0 + same, same - 1
        same = equal(v0, v5)
        c0, c5 = c0 + same, same - 1
        same = equal(v0, v6)
        c0, c6 = c0 + same, same - 1
        same = equal(v0, v7)
        c0, c7 = c0 + same, same - 1
        same = equal(v1, v2)
        c1, c2 = c1 + same, c2 + same
        same = equal(v1, v3)
        c1, c3 = c1 + same, c3 + same
        same = equal(v1, v4)
        c1, c4 = c1 + same, c4 + same
        same = equal(v1, v5)
        c1, c5 = c1 + same, c5 + same
        same = equal(v1, v6)
        c1, c6 = c1 + same, c6 + same
        same = equal(v1, v7)
        c1, c7 = c1 + same, c7 + same
        same = equal(v2, v3)
        c2, c3 = c2 + same, c3 + same
        same = equal(v2, v4)
        c2, c4 = c2 + same, c4 + same
        same = equal(v2, v5)
        c2, c5 = c2 + same, c5 + same
        same = equal(v2, v6)
        c2, c6 = c2 + same, c6 + same
        same = equal(v2, v7)
        c2, c7 = c2 + same, c7 + same
        same = equal(v3, v4)
        c3, c4 = c3 + same, c4 + same
        same = equal(v3, v5)
        c3, c5 = c3 + same, c5 + same
        same = equal(v3, v6)
        c3, c6 = c3 + same, c6 + same
        same = equal(v3, v7)
        c3, c7 = c3 + same, c7 + same
        same = equal(v4, v5)
        c4, c5 = c4 + same, c5 + same
        same = equal(v4, v6)
        c4, c6 = c4 + same, c6 + same
        same = equal(v4, v7)
        c4, c7 = c4 + same, c7 + same
        same = equal(v5, v6)
        c5, c6 = c5 + same, c6 + same
        same = equal(v5, v7)
        c5, c7 = c5 + same, c7 + same
        same = equal(v6, v7)
        c6, c7 = c6 + same, c7 + same
        c0 = counted(c0, v0, ignored, keep)
        c1 = counted(c1, v1, ignored, keep)
        c2 = counted(c2, v2, ignored, keep)
        c3 = counted(c3, v3, ignored, keep)
        c4 = counted(c4, v4, ignored, keep)
        c5 = counted(c5, v5, ignored, keep)
        c6 = counted(c6, v6, ignored, keep)
        c7 = counted(c7, v7, ignored, keep)
        best, best_count = v0, c0
        better = wins(c1, best_count, v1, best, ties)
        best = v1 if better != 0 else best
        best_count = c1 if c1 < best_count else best_count
        better = wins(c2, best_count, v2, best, ties)
        best = v2 if better != 0 else best
        best_count = c2 if c2 < best_count else best_count
        better = wins(c3, best_count, v3, best, ties)
        best = v3 if better != 0 else best
        best_count = c3 if c3 < best_count else best_count
        better = wins(c4, best_count, v4, best, ties)
        best = v4 if better != 0 else best
        best_count = c4 if c4 < best_count else best_count
        better = wins(c5, best_count, v5, best, ties)
        best = v5 if better != 0 else best
        best_count = c5 if c5 < best_count else best_count
        better = wins(c6, best_count, v6, best, ties)
        best = v6 if better != 0 else best
        best_count = c6 if c6 < best_count else best_count
        better = wins(c7, best_count, v7, best, ties)
        best = v7 if better != 0 else best
        y[i] = best ^ flip


cdef void small_mode_row(const Plan* g, const Stretch* r, Py_ssize_t d, Py_ssize_t h, M* y,
                         Py_ssize_t n) noexcept nogil:
    """n modes of row h of plane d."""
    cdef const Axis* a = &g.axis[0]
    cdef const char* x = r.x + d * a.kernel * g.xs[0] + h * g.axis[1].kernel * g.xs[1]
    cdef const M* x0 = <const M*> x
    cdef const M* x1 = <const M*> (x + g.xs[1])
    cdef const M* x2 = <const M*> (x + g.xs[0])
    cdef const M* x3 = <const M*> (x + g.xs[0] + g.xs[1])
    cdef M flip = 0, ignored, keep = 0 if g.ignoring else -1, ties = 0 if g.first_wins else -1
    if is_unsigned(g.x_type):
        flip = <M> (<uint64_t> 1 << (8 * sizeof(M) - 1))
    memcpy(&ignored, &g.ignored, sizeof(M))
    ignored ^= flip
    if a.kernel == 1:
        modes_of_fours(y, x0, x1, flip, ignored, keep, ties, n)
    else:
        modes_of_eights(y, x0, x1, x2, x3, flip, ignored, keep, ties, n)


cdef void put_rows(const Plan* g, char* y, const M* x, Py_ssize_t rows,
                   Py_ssize_t n) noexcept nogil:
    """Rows of neighbouring planes to where they may lie closer than elements of a row do."""
    cdef Py_ssize_t i, j
    for i in range(n):
        for j in range(rows):
            memcpy(y + i * g.ys[2] + j * g.ys[0], x + j * g.line + i, sizeof(M))


cdef void small_mode_rows(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                          M tag) noexcept nogil:
    """Rows lo to hi of the result. Where these do not lie along memory, those of all planes of D
    come one after the other, so that some are written together."""
    cdef Stretch r
    cdef Py_ssize_t md = g.axis[0].m, mh = g.axis[1].m, mw = g.axis[2].m
    cdef Py_ssize_t item = lo, plane, d, h, at, i, rows, n = least(mw, g.axis[2].n // 2)
    cdef bint direct = g.ys[2] == sizeof(M)
    cdef M* y = <M*> (s + g.columns_at)
    while item < hi:
        d, h, plane = item // mh % md, item % mh, item // md // mh
        if not direct:
            d, h = item % md, item // md % mh
        at = ((plane * md + d) * mh + h) * mw
        if (d + 1) * g.axis[0].kernel > g.axis[0].n or (h + 1) * g.axis[1].kernel > g.axis[1].n:
            small_mode_rest(g, at, at + mw, s)
            item += 1
            continue
        move_to_plane(g, plane, &r)
        r.y += d * g.ys[0] + h * g.ys[1]
        rows = least(hi - item, g.axis[0].n // g.axis[0].kernel - d)
        rows = least(rows, 1 if direct else BESIDE_ROWS)
        for i in range(rows):
            small_mode_row(g, &r, d + i, h, <M*> r.y if direct else y + i * g.line, n)
            if n < mw:
                small_mode_rest(g, at + i * mh * mw + n, at + i * mh * mw + mw, s)
        if not direct:
            put_rows(g, r.y, y, rows, n)
        item += rows


cdef void small_mode_rest(const Plan* g, Py_ssize_t at, Py_ssize_t stop, char* s) noexcept nogil:
    """Windows that are not whole."""
    if g.x_size == 1:
        order_numbers(g, at, stop, s, <uint8_t> 0)
    elif g.x_size == 2:
        order_numbers(g, at, stop, s, <int16_t> 0)
    elif g.x_size == 4:
        order_numbers(g, at, stop, s, <int32_t> 0)
    else:
        order_numbers(g, at, stop, s, <int64_t> 0)


cdef void small_modes(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    """Items are `band` rows of the result."""
    cdef Py_ssize_t rows = g.planes * g.axis[0].m * g.axis[1].m
    lo, hi = lo * g.band, least(hi * g.band, rows)
    if g.x_size == 1:
        small_mode_rows(g, lo, hi, s, <int8_t> 0)
    elif g.x_size == 2:
        small_mode_rows(g, lo, hi, s, <int16_t> 0)
    elif g.x_size == 4:
        small_mode_rows(g, lo, hi, s, <int32_t> 0)
    else:
        small_mode_rows(g, lo, hi, s, <int64_t> 0)
