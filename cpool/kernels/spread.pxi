# Small planes, transposed, of irregular windows, or of windows that have tables as these have: rows
# of the windows' values are made as long as rows of elements, and then rows of elements from these.
# There are fewer of the first, and the second are sums of whole vectors.

cdef bint is_spread(const Plan* g) noexcept nogil:
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t fewest, longest
    if not g.transposed or a.start == NULL or b.start == NULL or a.m < a.n or b.m < b.n:
        return False
    run_lengths(a, &fewest, &longest)
    return fewest > 0 and longest <= LEAF


cdef void spread_places(const Plan* g, int32_t* places) noexcept nogil:
    """Where what an element of a longer row gets is among the values (see flat_places)."""
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t h, o, i = 0, fewest, longest
    run_lengths(b, &fewest, &longest)
    for h in range(g.axis[1].n):
        for o in range(b.m):
            places[i] = <int32_t> (h * b.n + b.start[o] + (0 if b.count[o] == fewest else g.line))
            i += 1
    while i % BLOCK != 0:
        places[i] = 0
        i += 1


cdef const T* spread_widths(const Plan* g, const Tile* t, Py_ssize_t* plane, const Spans* spans,
                            char* s, Op op, T tag) noexcept nogil:
    """Rows of the planes of a tile, made as long as elements are."""
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t d, h, pitch, xp, fewest, longest, i, rows = g.axis[1].n, planes = t.d1 - t.d
    cdef Py_ssize_t n = UP(rows * b.n, sizeof(T)), m = UP(rows * b.m, sizeof(T))
    cdef T* box = <T*> (s + g.box_at)
    cdef T* z = <T*> (s + g.phases_at)
    cdef T* y = <T*> (s + g.lines_at)
    cdef const T* x = flat_source(g, t, &pitch, &xp, s, op, tag)
    cdef const T* taps[32]
    if spans != NULL:
        for d in range(planes):
            span_widths(y + d * m, b.m, x + d * xp, pitch, spans, rows, op)
        plane[0] = m
        return y
    if x != box:
        # What is read behind a plane must be memory.
        for d in range(planes):
            for h in range(rows):
                memcpy(box + (d * rows + h) * b.n, x + d * xp + h * pitch, b.n * sizeof(T))
        x, xp = box, rows * b.n
    run_lengths(b, &fewest, &longest)
    for i in range(longest):
        taps[i] = x + i
    fold_leaf(z, xp, taps, fewest, xp, n, planes, op)
    if longest > fewest:
        fold2(z + g.line, xp, z, taps[fewest], xp, n, planes, op)
    pick_out(y, m, z, xp, <const int32_t*> (s + g.places_at), m, planes)
    plane[0] = m
    return y


cdef void spread_heights(const Plan* g, T* y, Py_ssize_t yp, T* last, bint straight, const T* x,
                         Py_ssize_t xp, Py_ssize_t planes, char* s, Op op) noexcept nogil:
    """Rows of elements from those of the windows. What is written behind a row is the next one's;
    if they go straight to the result, a plane's last one goes through scratch."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef Py_ssize_t d, h, n = g.axis[2].m, wide = UP(n, sizeof(T))
    cdef Run r
    for h in range(a.m):
        taps(a, h, entries, &r)
        r.pitch = n
        if straight and h == a.m - 1:
            fold_rows(last, wide, x, xp, &r, n, planes, True, levels, yp, op)
        else:
            fold_rows(y + h * n, yp, x, xp, &r, n, planes, True, levels, yp, op)
    for d in range(planes if straight else 0):
        memcpy(y + d * yp + (a.m - 1) * n, last + d * wide, n * sizeof(T))


cdef void spread_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op,
                       T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t item, d, xp, yp, planes, n = g.axis[2].m, size = sizeof(T)
    cdef T* z = <T*> (s + g.result_at)
    cdef const Spans* spans = spans_of(g, n, s, op, tag)
    cdef bint straight
    cdef const T* x
    cdef T* y
    cdef Tile t
    if spans == NULL:
        spread_places(g, <int32_t*> (s + g.places_at))
    for item in range(lo, hi):
        locate(g, item, &t, s)
        x = spread_widths(g, &t, &xp, spans, s, op, tag)
        planes = t.d1 - t.d
        y, yp = z, UP(a.m * n, size) + BLOCK // size
        straight = (g.y_plain and is_contiguous(g.ys, n, 1, size) and g.ys[1] == n * size
                    and g.ys[0] % size == 0 and UP(n, size) <= 2 * n
                    and <size_t> t.y % size == 0)
        if straight:
            y, yp = <T*> (t.y + t.d * g.ys[0]), g.ys[0] // size
        if spans != NULL:
            span_heights(y, yp, x, xp, n, spans, n, planes, op)
        else:
            spread_heights(g, y, yp, z, straight, x, xp, planes, s, op)
        for d in range(0 if straight else planes):
            flat_store(g, &t, t.d + d, z + d * yp, NULL, NULL, s, op)
