# Medians of 3 x 3 and 5 x 5 elements, one apart: a median of sorted columns.
#
# Rows are read where they are, or become keys once. The columns of k rows are sorted, for all
# windows that share them (Huang, Yang and Tang 1979 share columns of counts); what is left is the
# median of k sorted columns, side by side in k rows. Of 3 of them it is the median of the
# greatest of the least, the median of the medians and the least of the greatest (Devillard 1998);
# of 5 it takes 56 exchanges, of which 24 need one of their two results only. A column of padding
# is the sorted column that it repeats.
#
# Windows that padding cuts, and pieces of the result with a NaN, are left to order.pxi.

# What is sorted: elements, floats too, or keys (of int8, uint32, uint64 and 16-bit floats).
ctypedef fused Q:
    uint8_t
    uint16_t
    int16_t
    int32_t
    int64_t
    float
    double

cdef inline Q lesser(Q a, Q b) noexcept nogil:
    return a if a < b else b


cdef inline Q greater(Q a, Q b) noexcept nogil:
    return b if a < b else a


cdef inline Q middle(Q a, Q b, Q c) noexcept nogil:
    return greater(lesser(a, b), lesser(greater(a, b), c))


# NaNs that are no keys are found where a row is sorted for the first time, as the last one of its
# columns: reading it once more took a tenth of the time. What is behind it is looked at, too.

cdef bint sort_columns3(Q* restrict y0, Q* restrict y1, Q* restrict y2, const Q* restrict x0,
                        const Q* restrict x1, const Q* restrict x2, Py_ssize_t n) noexcept nogil:
    """Whether the last row has a NaN that is no key."""
    cdef Py_ssize_t i
    cdef int32_t nan4 = 0
    cdef int64_t nan8 = 0
    cdef Q a, b, c
    for i in range(UP(n, sizeof(Q))):
        a, b, c = x0[i], x1[i], x2[i]
        if Q is float:
            nan4 |= -<int32_t> (c != c)
        elif Q is double:
            nan8 |= -<int64_t> (c != c)
        a, b = lesser(a, b), greater(a, b)
        b, c = lesser(b, c), greater(b, c)
        y0[i], y1[i], y2[i] = lesser(a, b), greater(a, b), c
    return nan4 != 0 or nan8 != 0


cdef void median_of_columns3(Q* restrict y, const Q* restrict r0, const Q* restrict r1,
                             const Q* restrict r2, Py_ssize_t d, Py_ssize_t n) noexcept nogil:
    """Columns are d elements apart."""
    cdef Py_ssize_t i
    cdef Q a, b, c, zero = 0        # -0.0 becomes 0.0, as in keys
    for i in range(UP(n, sizeof(Q))):
        a = greater(greater(r0[i], r0[i + d]), r0[i + 2 * d])
        b = middle(r1[i], r1[i + d], r1[i + 2 * d])
        c = lesser(lesser(r2[i], r2[i + d]), r2[i + 2 * d])
        y[i] = middle(a, b, c) + zero


cdef bint sort_columns5(Q* restrict y0, Q* restrict y1, Q* restrict y2, Q* restrict y3,
                        Q* restrict y4, const Q* restrict x0, const Q* restrict x1,
                        const Q* restrict x2, const Q* restrict x3, const Q* restrict x4,
                        Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t nan4 = 0
    cdef int64_t nan8 = 0
    cdef Q a, b, c, d, e
    for i in range(UP(n, sizeof(Q))):
        a, b, c, d, e = x0[i], x1[i], x2[i], x3[i], x4[i]
        if Q is float:
            nan4 |= -<int32_t> (e != e)
        elif Q is double:
            nan8 |= -<int64_t> (e != e)
        a, d = lesser(a, d), greater(a, d)
        b, e = lesser(b, e), greater(b, e)
        a, c = lesser(a, c), greater(a, c)
        b, d = lesser(b, d), greater(b, d)
        a, b = lesser(a, b), greater(a, b)
        c, e = lesser(c, e), greater(c, e)
        b, c = lesser(b, c), greater(b, c)
        d, e = lesser(d, e), greater(d, e)
        y0[i], y1[i], y2[i], y3[i], y4[i] = a, b, lesser(c, d), greater(c, d), e
    return nan4 != 0 or nan8 != 0


cdef void median_of_columns5(Q* restrict y, const Q* restrict r0, const Q* restrict r1,
                             const Q* restrict r2, const Q* restrict r3, const Q* restrict r4,
                             Py_ssize_t d, Py_ssize_t n) noexcept nogil:
    """Rows are put in order too, as far as it matters: an element that 13 others are above, or
    below, is not looked at. tests/test_order.py tries all that matters: columns of zeros and ones.
    """
    cdef Py_ssize_t i
    cdef Q v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12
    cdef Q v13, v14, v15, v16, v17, v18, v19, v20, v21, v22, v23, v24, zero = 0
    for i in range(UP(n, sizeof(Q))):
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
        y[i] = v8 + zero


# --- rows -----------------------------------------------------------------------------------------

cdef inline bint is_native(const Plan* g, Q tag) noexcept nogil:
    """Whether elements are what is sorted."""
    if Q is float or Q is double or Q is uint16_t:
        return True
    elif Q is uint8_t:
        return g.x_type != INT8
    elif Q is int16_t:
        return g.x_type == INT16
    elif Q is int32_t:
        return g.x_type == INT32
    else:
        return g.x_type == INT64


cdef void to_sortable(const Plan* g, Q* y, const char* x, Py_ssize_t nw, char* s) noexcept nogil:
    """nw places of a row, with all their channels."""
    cdef char* raw = s + g.raw_at
    if g.x_swapped or not is_contiguous(g.xs, nw, g.inner, g.x_size) or <size_t> x % g.x_size != 0:
        gather(raw, x, nw, g.inner, g.xs[2], g.xs[3], g.x_size, g.x_swapped)
        x = raw
    if Q is float or Q is double or Q is uint16_t:
        memcpy(y, x, nw * g.inner * sizeof(Q))
    else:
        to_keys(g, y, x, nw * g.inner)


cdef inline bint is_nan_row(const Plan* g, const Q* y, Py_ssize_t n) noexcept nogil:
    if Q is uint8_t or Q is uint16_t:
        return False
    else:
        return is_floating(g.x_type) and any_nan(y, n)


cdef bint sort_columns(const Plan* g, const Q** rows, Py_ssize_t at, Q* columns,
                       Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t p = g.line
    columns += at
    if g.square == 3:
        return sort_columns3(columns, columns + p, columns + 2 * p, rows[0], rows[1], rows[2], n)
    return sort_columns5(columns, columns + p, columns + 2 * p, columns + 3 * p, columns + 4 * p,
                         rows[0], rows[1], rows[2], rows[3], rows[4], n)


cdef void median_of_columns(const Plan* g, Q* y, const Q* columns, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t d = g.inner, p = g.line
    if g.square == 3:
        median_of_columns3(y, columns, columns + p, columns + 2 * p, d, n)
    else:
        median_of_columns5(y, columns, columns + p, columns + 2 * p, columns + 3 * p,
                           columns + 4 * p, d, n)


cdef void to_result(const Plan* g, char* y, const Q* x, Py_ssize_t n, char* s) noexcept nogil:
    cdef double* wide = <double*> (s + g.wide_at)
    cdef Py_ssize_t i
    if Q is float or Q is double or Q is uint16_t:
        if g.y_type == g.x_type:
            memcpy(y, x, n * sizeof(Q))
            return
        for i in range(n):
            wide[i] = x[i]
        from_double(g, y, wide, n)
    else:
        elements_to_result(g, y, x, NULL, n, s)


cdef void put_medians(const Plan* g, char* y, const Q* columns, Py_ssize_t nw,
                      char* s) noexcept nogil:
    """The medians of nw places of a row, with all their channels."""
    cdef char* result = s + g.result_at
    cdef Q* spare = <Q*> (s + g.spare_at)
    cdef Py_ssize_t w, n = nw * g.inner, whole = 0
    if is_contiguous(g.ys, nw, g.inner, g.y_size) and <size_t> y % g.y_size == 0:
        if g.y_type == g.x_type and is_native(g, <Q> 0):
            whole = DOWN(n, sizeof(Q))
            median_of_columns(g, <Q*> y, columns, whole)
        if whole < n:
            median_of_columns(g, spare, columns + whole, n - whole)
            to_result(g, y + whole * g.y_size, spare, n - whole, s)
        return
    median_of_columns(g, spare, columns, n)
    to_result(g, result, spare, n, s)
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
        p.hb = most(p.ha, least(p.h1, a.before + a.n - a.kernel + 1))
    if b.source == NULL:
        p.wa = least(p.w1, most(p.w0, b.before))
        p.wb = most(p.wa, least(p.w1, b.before + b.n - b.kernel + 1))


cdef void square_item(const Plan* g, Py_ssize_t item, char* s, Q tag) noexcept nogil:
    """A piece of the result, row by row. Places that are read are those of the padded input."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Piece p
    cdef Stretch r
    cdef Q* keys = <Q*> (s + g.keys_at)
    cdef Q* columns = <Q*> (s + g.columns_at)
    cdef const Q* rows[5]
    cdef const char* x
    cdef Py_ssize_t h, j, k = g.square, lo, hi, n, slot = 0
    cdef bint nan = False, in_place = is_native(g, tag) and not g.x_swapped, far
    piece_at(g, item, &p)
    move_to_plane(g, p.plane, &r)
    lo = most(p.wa, b.before)
    hi = most(lo, least(p.wb + k - 1, b.before + b.n))
    n = (hi - lo) * g.inner
    if are_straight_nines(g, &p, &r, lo, hi, tag):
        if straight_nines(g, &p, &r, lo, hi, tag):
            p.hb = p.ha
        square_edges(g, &p, s)
        return
    columns += -(lo - p.wa) * g.inner & 63      # stores that cross no line of the cache
    in_place = in_place and is_contiguous(g.xs, hi - lo, g.inner, g.x_size)
    far = are_far(b, p.wa, lo, lo, hi) or are_far(b, hi, p.wb + k - 1, lo, hi)
    for h in range(p.ha, p.hb + k - 1 if p.hb > p.ha and p.wb > p.wa else p.ha):
        x = r.x + (lo - b.before) * g.xs[2]
        x += (a.source[h] if a.source != NULL else h - a.before) * g.xs[1]
        for j in range(k - 1):
            rows[j] = rows[j + 1]
        if in_place and <size_t> x % g.x_size == 0 and (
                x + UP(n, sizeof(Q)) * sizeof(Q) <= g.x_end):
            rows[k - 1] = <const Q*> x
        else:
            rows[k - 1] = keys + slot * g.line
            to_sortable(g, keys + slot * g.line, x, hi - lo, s)
            memset(keys + slot * g.line + n, 0, BLOCK)      # no NaN behind it
            slot = slot + 1 if slot + 1 < k else 0
        if h < p.ha + k - 1 or not (Q is float or Q is double):
            nan |= is_nan_row(g, rows[k - 1], n)
        if h < p.ha + k - 1:
            continue
        if far:
            nan |= far_columns(g, &p, r.x, h - k + 1, p.wa, lo, lo, hi, columns, s)
        nan |= sort_columns(g, rows, (lo - p.wa) * g.inner, columns, n)
        if far:
            nan |= far_columns(g, &p, r.x, h - k + 1, hi, p.wb + k - 1, lo, hi, columns, s)
        if b.source != NULL:
            copy_columns(g, &p, p.wa, lo, lo, hi, columns)
            copy_columns(g, &p, hi, p.wb + k - 1, lo, hi, columns)
        if nan:
            p.hb = p.ha
            break
        put_medians(g, r.y + (h - k + 1) * g.ys[1] + p.wa * g.ys[2], columns, p.wb - p.wa, s)
    square_edges(g, &p, s)


cdef void copy_columns(const Plan* g, const Piece* p, Py_ssize_t w0, Py_ssize_t w1, Py_ssize_t lo,
                       Py_ssize_t hi, Q* columns) noexcept nogil:
    """Places w0 to w1 of padding that repeat places lo to hi."""
    cdef Py_ssize_t w, at, j, nc = g.inner
    for w in range(w0, w1):
        at = g.axis[2].source[w] + g.axis[2].before
        if at < lo or at >= hi:
            continue
        for j in range(g.square):
            if nc == 1:
                columns[j * g.line + w - p.wa] = columns[j * g.line + at - p.wa]
            else:
                memcpy(columns + j * g.line + (w - p.wa) * nc,
                       columns + j * g.line + (at - p.wa) * nc, nc * sizeof(Q))


cdef inline bint are_far(const Axis* b, Py_ssize_t w0, Py_ssize_t w1, Py_ssize_t lo,
                         Py_ssize_t hi) noexcept nogil:
    """Whether places w0 to w1 of padding repeat others than lo to hi."""
    cdef Py_ssize_t w, at
    for w in range(w0, w1 if b.source != NULL else w0):
        at = b.source[w] + b.before
        if at < lo or at >= hi:
            return True
    return False


cdef bint far_columns(const Plan* g, const Piece* p, const char* x, Py_ssize_t h, Py_ssize_t w0,
                      Py_ssize_t w1, Py_ssize_t lo, Py_ssize_t hi, Q* columns,
                      char* s) noexcept nogil:
    """Places w0 to w1 of padding that repeat others; whether there is a NaN. What is sorted writes
    whole blocks, so they come one after the other, from left to right."""
    cdef const Axis* a = &g.axis[1]
    cdef const Q* rows[5]
    cdef Q* keys = <Q*> (s + g.box_at)
    cdef Py_ssize_t w, at, j, row
    cdef bint nan = False
    for w in range(w0, w1):
        at = g.axis[2].source[w]
        if lo <= at + g.axis[2].before < hi:
            continue
        for j in range(g.square):
            row = a.source[h + j] if a.source != NULL else h + j - a.before
            to_sortable(g, keys + j * g.line, x + row * g.xs[1] + at * g.xs[2], 1, s)
            rows[j] = keys + j * g.line
            nan |= is_nan_row(g, rows[j], g.inner)
        sort_columns(g, rows, (w - p.wa) * g.inner, columns, g.inner)
    return nan


cdef void square_edges(const Plan* g, const Piece* p, char* s) noexcept nogil:
    """The windows of a piece that are left."""
    cdef Stretch* list = <Stretch*> (s + g.stretches_at)
    cdef Py_ssize_t h, count = 0, lanes = 0
    if p.ha == p.h0 and p.hb == p.h1 and p.wa == p.w0 and p.wb == p.w1:
        return
    for h in range(p.h0, p.h1):
        if h < p.ha or h >= p.hb or p.wa == p.wb:
            list_windows(g, p, h, p.w0, p.w1, list, &count, &lanes, s)
        else:
            list_windows(g, p, h, p.w0, p.wa, list, &count, &lanes, s)
            list_windows(g, p, h, p.wb, p.w1, list, &count, &lanes, s)
    if count > 0:
        order_listed(g, list, count, s)


cdef void list_windows(const Plan* g, const Piece* p, Py_ssize_t h, Py_ssize_t w0, Py_ssize_t w1,
                       Stretch* list, Py_ssize_t* count, Py_ssize_t* lanes, char* s) noexcept nogil:
    """Windows w0 to w1 of row h join those that are listed; a full list is dealt with."""
    cdef Py_ssize_t blocks = ceil_div(g.inner, g.channels), block, at, stop, to
    for block in range(blocks):
        at = (p.plane * blocks + block) * windows_of_block(g) + (
            h * g.axis[2].m + w0) * g.channels
        stop = at + (w1 - w0) * g.channels
        while at < stop:
            if lanes[0] == g.lanes:
                order_listed(g, list, count[0], s)
                count[0] = lanes[0] = 0
            to = least(at + g.lanes - lanes[0], stop)
            at = stretch_at(g, at, to, &list[count[0]])
            lanes[0] += list[count[0]].n
            count[0] += list[count[0]].n > 0


cdef void order_listed(const Plan* g, Stretch* list, Py_ssize_t count, char* s) noexcept nogil:
    if g.x_size == 1:
        order_windows(g, list, count, s, <uint8_t> 0)
    elif g.x_size == 2:
        order_windows(g, list, count, s, <int16_t> 0)
    elif g.x_size == 4:
        order_windows(g, list, count, s, <int32_t> 0)
    else:
        order_windows(g, list, count, s, <int64_t> 0)


cdef void square_any(const Plan* g, Py_ssize_t item, char* s) noexcept nogil:
    if g.x_size == 1:
        square_item(g, item, s, <uint8_t> 0)
    elif g.x_type == UINT16:
        square_item(g, item, s, <uint16_t> 0)
    elif g.x_size == 2:
        square_item(g, item, s, <int16_t> 0)
    elif g.x_type == FLOAT:
        square_item(g, item, s, <float> 0)
    elif g.x_size == 4:
        square_item(g, item, s, <int32_t> 0)
    elif g.x_type == DOUBLE:
        square_item(g, item, s, <double> 0)
    else:
        square_item(g, item, s, <int64_t> 0)
