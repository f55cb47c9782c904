# Medians of 3 x 3 and 5 x 5 elements, one apart: a median of sorted columns.
#
# Rows become keys once. The columns of k rows are sorted, from top to bottom and for all windows
# that share them (Huang, Yang and Tang 1979 share columns of counts); what is left is the median of
# k sorted columns, side by side in k rows. Of 3 of them it is the median of the greatest of the
# least, the median of the medians and the least of the greatest (Devillard 1998); of 5 it takes 56
# exchanges, of which 24 need one of their two results only.
#
# Windows that padding cuts, and pieces of the result with a NaN, are left to order.pxi.

cdef inline K lesser(K a, K b) noexcept nogil:
    return a if a < b else b


cdef inline K greater(K a, K b) noexcept nogil:
    return b if a < b else a


cdef inline K middle(K a, K b, K c) noexcept nogil:
    return greater(lesser(a, b), lesser(greater(a, b), c))


cdef void sort_columns3(K* restrict y0, K* restrict y1, K* restrict y2, const K* restrict x0,
                        const K* restrict x1, const K* restrict x2, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef K a, b, c
    for i in range(UP(n, sizeof(K))):
        a, b, c = x0[i], x1[i], x2[i]
        a, b = lesser(a, b), greater(a, b)
        b, c = lesser(b, c), greater(b, c)
        y0[i], y1[i], y2[i] = lesser(a, b), greater(a, b), c


cdef void median_of_columns3(K* restrict y, const K* restrict r0, const K* restrict r1,
                             const K* restrict r2, Py_ssize_t d, Py_ssize_t n) noexcept nogil:
    """Columns are d elements apart."""
    cdef Py_ssize_t i
    cdef K a, b, c
    for i in range(UP(n, sizeof(K))):
        a = greater(greater(r0[i], r0[i + d]), r0[i + 2 * d])
        b = middle(r1[i], r1[i + d], r1[i + 2 * d])
        c = lesser(lesser(r2[i], r2[i + d]), r2[i + 2 * d])
        y[i] = middle(a, b, c)


cdef void sort_columns5(K* restrict y0, K* restrict y1, K* restrict y2, K* restrict y3,
                        K* restrict y4, const K* restrict x0, const K* restrict x1,
                        const K* restrict x2, const K* restrict x3, const K* restrict x4,
                        Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef K a, b, c, d, e
    for i in range(UP(n, sizeof(K))):
        a, b, c, d, e = x0[i], x1[i], x2[i], x3[i], x4[i]
        a, d = lesser(a, d), greater(a, d)
        b, e = lesser(b, e), greater(b, e)
        a, c = lesser(a, c), greater(a, c)
        b, d = lesser(b, d), greater(b, d)
        a, b = lesser(a, b), greater(a, b)
        c, e = lesser(c, e), greater(c, e)
        b, c = lesser(b, c), greater(b, c)
        d, e = lesser(d, e), greater(d, e)
        y0[i], y1[i], y2[i], y3[i], y4[i] = a, b, lesser(c, d), greater(c, d), e


cdef void median_of_columns5(K* restrict y, const K* restrict r0, const K* restrict r1,
                             const K* restrict r2, const K* restrict r3, const K* restrict r4,
                             Py_ssize_t d, Py_ssize_t n) noexcept nogil:
    """Rows are put in order too, as far as it matters: an element that 13 others are above, or
    below, is not looked at. tests/test_order.py tries all that matters: columns of zeros and ones.
    """
    cdef Py_ssize_t i
    cdef K v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12
    cdef K v13, v14, v15, v16, v17, v18, v19, v20, v21, v22, v23, v24
    for i in range(UP(n, sizeof(K))):
        v0, v1, v2, v3, v4 = r0[i], r0[i + d], r0[i + 2 * d], r0[i + 3 * d], r0[i + 4 * d]
        v5, v6, v7, v8, v9 = r1[i], r1[i + d], r1[i + 2 * d], r1[i + 3 * d], r1[i + 4 * d]
        v10, v11, v12, v13, v14 = r2[i], r2[i + d], r2[i + 2 * d], r2[i + 3 * d], r2[i + 4 * d]
        v15, v16, v17, v18, v19 = r3[i], r3[i + d], r3[i + 2 * d], r3[i + 3 * d], r3[i + 4 * d]
        v20, v21, v22, v23, v24 = r4[i], r4[i + d], r4[i + 2 * d], r4[i + 3 * d], r4[i + 4 * d]
        v1, v4 = lesser(v1, v4), greater(v1, v4)
        v0, v2 = lesser(v0, v2), greater(v0, v2)
        v1 = greater(v0, v1)
        v2, v4 = lesser(v2, v4), greater(v2, v4)
        v2 = greater(v1, v2)
        v3, v4 = lesser(v3, v4), greater(v3, v4)
        v3 = greater(v2, v3)
        v5, v8 = lesser(v5, v8), greater(v5, v8)
        v6, v9 = lesser(v6, v9), greater(v6, v9)
        v6, v8 = lesser(v6, v8), greater(v6, v8)
        v6 = greater(v5, v6)
        v7, v9 = lesser(v7, v9), greater(v7, v9)
        v7 = greater(v6, v7)
        v8, v9 = lesser(v8, v9), greater(v8, v9)
        v10, v13 = lesser(v10, v13), greater(v10, v13)
        v11, v14 = lesser(v11, v14), greater(v11, v14)
        v10, v12 = lesser(v10, v12), greater(v10, v12)
        v11 = greater(v10, v11)
        v12, v14 = lesser(v12, v14), greater(v12, v14)
        v13 = lesser(v13, v14)
        v12, v13 = lesser(v12, v13), greater(v12, v13)
        v15, v18 = lesser(v15, v18), greater(v15, v18)
        v16, v19 = lesser(v16, v19), greater(v16, v19)
        v15, v17 = lesser(v15, v17), greater(v15, v17)
        v16, v18 = lesser(v16, v18), greater(v16, v18)
        v15, v16 = lesser(v15, v16), greater(v15, v16)
        v17 = lesser(v17, v19)
        v16, v17 = lesser(v16, v17), greater(v16, v17)
        v17 = lesser(v17, v18)
        v20, v23 = lesser(v20, v23), greater(v20, v23)
        v21, v24 = lesser(v21, v24), greater(v21, v24)
        v21 = lesser(v21, v23)
        v20, v21 = lesser(v20, v21), greater(v20, v21)
        v22 = lesser(v22, v24)
        v21 = lesser(v21, v22)
        v16 = greater(v3, v16)
        v11, v4 = lesser(v11, v4), greater(v11, v4)
        v7, v8 = lesser(v7, v8), greater(v7, v8)
        v20, v21 = lesser(v20, v21), greater(v20, v21)
        v16, v20 = lesser(v16, v20), greater(v16, v20)
        v4, v9 = lesser(v4, v9), greater(v4, v9)
        v15 = greater(v11, v15)
        v16, v8 = lesser(v16, v8), greater(v16, v8)
        v4, v12 = lesser(v4, v12), greater(v4, v12)
        v20 = lesser(v20, v17)
        v9 = lesser(v9, v13)
        v20 = greater(v7, v20)
        v15, v9 = lesser(v15, v9), greater(v15, v9)
        v8 = lesser(v8, v21)
        v4 = greater(v15, v4)
        v8, v20 = lesser(v8, v20), greater(v8, v20)
        v12 = lesser(v12, v9)
        v4 = greater(v16, v4)
        v8 = lesser(v8, v12)
        v4 = lesser(v4, v20)
        v8 = greater(v4, v8)
        y[i] = v8


# --- rows -----------------------------------------------------------------------------------------

cdef void keys_of_group(const Plan* g, K* y, const char* x, Py_ssize_t nw, char* s) noexcept nogil:
    """nw places of a row, with all their channels."""
    cdef char* raw = s + g.raw_at
    if g.x_swapped or not is_contiguous(g.xs, nw, g.inner, g.x_size) or <size_t> x % g.x_size != 0:
        gather(raw, x, nw, g.inner, g.xs[2], g.xs[3], g.x_size, g.x_swapped)
        x = raw
    to_keys(g, y, x, nw * g.inner)


cdef bint keys_of_row(const Plan* g, const char* x, Py_ssize_t h, Py_ssize_t w0, Py_ssize_t w1,
                      K* y, char* s) noexcept nogil:
    """Places w0 to w1 of row h of the padded input; whether there is a NaN. Constant padding is
    left out."""
    cdef const Axis* a = &g.axis[2]
    cdef const Axis* b = &g.axis[1]
    cdef Py_ssize_t lo = most(w0, a.before), hi = most(lo, least(w1, a.before + a.n)), p, at
    h = b.source[h] if b.source != NULL else h - b.before
    if h < 0 or h >= b.n:
        return False
    x += h * g.xs[1]
    keys_of_group(g, y + (lo - w0) * g.inner, x + (lo - a.before) * g.xs[2], hi - lo, s)
    if a.source != NULL:
        p = w0
        while p < w1:
            if p == lo and hi > lo:
                p = hi
                continue
            at = a.source[p] + a.before
            if lo <= at < hi:
                memcpy(y + (p - w0) * g.inner, y + (at - w0) * g.inner, g.inner * sizeof(K))
            else:
                keys_of_group(g, y + (p - w0) * g.inner, x + a.source[p] * g.xs[2], 1, s)
            p += 1
        return is_floating(g.x_type) and any_nan(y, (w1 - w0) * g.inner)
    return is_floating(g.x_type) and any_nan(y + (lo - w0) * g.inner, (hi - lo) * g.inner)


cdef void medians_of_row(const Plan* g, K** rows, K* columns, K* y, Py_ssize_t n) noexcept nogil:
    """n medians; rows have as many elements more as the other columns."""
    cdef Py_ssize_t d = g.inner, p = g.line, wide = n + (g.square - 1) * d
    if g.square == 3:
        sort_columns3(columns, columns + p, columns + 2 * p, rows[0], rows[1], rows[2], wide)
        median_of_columns3(y, columns, columns + p, columns + 2 * p, d, n)
        return
    sort_columns5(columns, columns + p, columns + 2 * p, columns + 3 * p, columns + 4 * p, rows[0],
                  rows[1], rows[2], rows[3], rows[4], wide)
    median_of_columns5(y, columns, columns + p, columns + 2 * p, columns + 3 * p, columns + 4 * p,
                       d, n)


cdef void put_medians(const Plan* g, char* y, const K* x, Py_ssize_t nw, char* s) noexcept nogil:
    """Medians of nw places of a row, with all their channels, to the result."""
    cdef char* result = s + g.result_at
    cdef Py_ssize_t w
    if is_contiguous(g.ys, nw, g.inner, g.y_size) and <size_t> y % g.y_size == 0:
        elements_to_result(g, y, x, NULL, nw * g.inner, s)
        return
    elements_to_result(g, result, x, NULL, nw * g.inner, s)
    if g.inner == 1:
        scatter_plain(y, result, nw, g.ys[2], g.y_size)
        return
    for w in range(nw):
        scatter_plain(y + w * g.ys[2], result + w * g.inner * g.y_size, g.inner, g.ys[3], g.y_size)


# --- items ----------------------------------------------------------------------------------------

cdef struct Piece:
    # A part of the result: rows and windows along them, and those that padding does not cut.
    Py_ssize_t plane, h0, h1, w0, w1, ha, hb, wa, wb


cdef void piece_at(const Plan* g, Py_ssize_t item, Piece* p) noexcept nogil:
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t along = ceil_div(b.m, g.piece), down = ceil_div(a.m, g.band)
    p.w0 = (item % along) * g.piece
    p.h0 = (item // along % down) * g.band
    p.plane = item // along // down
    p.w1, p.h1 = least(p.w0 + g.piece, b.m), least(p.h0 + g.band, a.m)
    p.ha, p.hb, p.wa, p.wb = p.h0, p.h1, p.w0, p.w1
    if a.source == NULL:
        p.ha = least(p.h1, most(p.h0, a.before))
        p.hb = most(p.ha, least(p.h1, a.before + a.n - g.square + 1))
    if b.source == NULL:
        p.wa = least(p.w1, most(p.w0, b.before))
        p.wb = most(p.wa, least(p.w1, b.before + b.n - g.square + 1))


cdef void square_item(const Plan* g, Py_ssize_t item, char* s, K tag) noexcept nogil:
    """A piece of the result, row by row: of the input's rows, as many as a window has are kept."""
    cdef Piece p
    cdef Stretch r
    cdef K* keys = <K*> (s + g.keys_at)
    cdef K* columns = <K*> (s + g.columns_at)
    cdef K* y = <K*> (s + g.spare_at)
    cdef K* rows[5]
    cdef Py_ssize_t h, j, k = g.square
    cdef bint nan = False
    piece_at(g, item, &p)
    move_to_plane(g, p.plane, &r)
    for h in range(p.ha, p.hb + k - 1 if p.hb > p.ha and p.wb > p.wa else p.ha):
        nan |= keys_of_row(g, r.x, h, p.wa, p.wb + k - 1, keys + (h % k) * g.line, s)
        if h < p.ha + k - 1 or nan:
            continue
        for j in range(k):
            rows[j] = keys + ((h + 1 + j) % k) * g.line
        medians_of_row(g, rows, columns, y, (p.wb - p.wa) * g.inner)
        put_medians(g, r.y + (h - k + 1) * g.ys[1] + p.wa * g.ys[2], y, p.wb - p.wa, s)
    if nan:
        p.hb = p.ha
    square_edges(g, &p, s, tag)


cdef void square_edges(const Plan* g, const Piece* p, char* s, K tag) noexcept nogil:
    """The windows of a piece that are left."""
    cdef Stretch* list = <Stretch*> (s + g.stretches_at)
    cdef Py_ssize_t h, count = 0, lanes = 0
    for h in range(p.h0, p.h1):
        if h < p.ha or h >= p.hb or p.wa == p.wb:
            list_windows(g, p, h, p.w0, p.w1, list, &count, &lanes, s, tag)
        else:
            list_windows(g, p, h, p.w0, p.wa, list, &count, &lanes, s, tag)
            list_windows(g, p, h, p.wb, p.w1, list, &count, &lanes, s, tag)
    if count > 0:
        order_windows(g, list, count, s, tag)


cdef void list_windows(const Plan* g, const Piece* p, Py_ssize_t h, Py_ssize_t w0, Py_ssize_t w1,
                       Stretch* list, Py_ssize_t* count, Py_ssize_t* lanes, char* s,
                       K tag) noexcept nogil:
    """Windows w0 to w1 of row h join those that are listed; a full list is dealt with."""
    cdef Py_ssize_t blocks = ceil_div(g.inner, g.channels), block, at, stop, to
    for block in range(blocks):
        at = (p.plane * blocks + block) * windows_of_block(g) + (
            h * g.axis[2].m + w0) * g.channels
        stop = at + (w1 - w0) * g.channels
        while at < stop:
            if lanes[0] == g.lanes:
                order_windows(g, list, count[0], s, tag)
                count[0] = lanes[0] = 0
            to = least(at + g.lanes - lanes[0], stop)
            at = stretch_at(g, at, to, &list[count[0]])
            lanes[0] += list[count[0]].n
            count[0] += list[count[0]].n > 0
