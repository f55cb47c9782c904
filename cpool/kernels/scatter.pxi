# The transpose of a selection: each window's gradient goes to the element that it selected. A tile
# is a box of the input's gradient and adds up what falls into it, window after window in row-major
# order: no two threads write the same element, and the order of additions is fixed.

cdef enum:
    TABLE = 1024        # windows with up to this many elements have their offsets in a table


cdef void offsets_row(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, int32_t* o,
                      char* s) noexcept nogil:
    """The offsets of the windows of one source row; -1: no element."""
    cdef Py_ssize_t i, n = (t.w_hi - t.w_lo) * t.nc
    cdef char* raw = s + g.raw_at
    gather(raw, t.q + d * g.qs[0] + h * g.qs[1] + t.w_lo * g.qs[2] + t.c0 * g.qs[3],
           t.w_hi - t.w_lo, t.nc, g.qs[2], g.qs[3], g.q_size, False)
    if g.q_type == UINT8:
        widen(o, <uint8_t*> raw, n)
    elif g.q_type == UINT16:
        widen(o, <uint16_t*> raw, n)
    else:
        memcpy(o, raw, n * sizeof(int32_t))
    if g.no_offset >= 0:
        for i in range(n):
            o[i] = -1 if o[i] == <int32_t> g.no_offset else o[i]


cdef inline Py_ssize_t origin(const Axis* a, Py_ssize_t window) noexcept nogil:
    """Where a window's first tap is: on the padded axis if that is mapped, else on the source."""
    if a.origin != NULL:
        return a.origin[window]
    return window * a.stride - (0 if a.source != NULL else a.before)


cdef inline Py_ssize_t mapped(const Axis* a, Py_ssize_t at) noexcept nogil:
    return at if a.source == NULL else a.source[at]


cdef void fill_table(const Plan* g, Py_ssize_t* table, Py_ssize_t count) noexcept nogil:
    """For each offset how far along D, H, W its tap is from the window's first."""
    cdef Py_ssize_t i, kh = g.axis[1].kernel, kw = g.axis[2].kernel
    for i in range(count):
        table[3 * i] = (i // kw // kh) * g.axis[0].dilation
        table[3 * i + 1] = (i // kw % kh) * g.axis[1].dilation
        table[3 * i + 2] = (i % kw) * g.axis[2].dilation


cdef void scatter_windows(const Plan* g, const Tile* t, Py_ssize_t od, Py_ssize_t oh, T* acc,
                          const T* gy, const int32_t* o, const Py_ssize_t* table) noexcept nogil:
    """One source row of gradients into the tile's rows."""
    cdef Py_ssize_t w, c, d, h, at, i = 0
    cdef Py_ssize_t d0 = origin(&g.axis[0], od), h0 = origin(&g.axis[1], oh), w0
    cdef Py_ssize_t kh = g.axis[1].kernel, kw = g.axis[2].kernel
    cdef const Py_ssize_t* entry
    cdef Py_ssize_t here[3]
    for w in range(t.w_lo, t.w_hi):
        w0 = origin(&g.axis[2], w)
        for c in range(t.nc):
            if o[i] < 0:
                i += 1
                continue
            if table != NULL:
                entry = table + 3 * o[i]
            else:
                here[0] = (o[i] // kw // kh) * g.axis[0].dilation
                here[1] = (o[i] // kw % kh) * g.axis[1].dilation
                here[2] = (o[i] % kw) * g.axis[2].dilation
                entry = here
            d = mapped(&g.axis[0], d0 + entry[0])
            h = mapped(&g.axis[1], h0 + entry[1])
            if d == t.d and t.h0 <= h < t.h1:
                at = mapped(&g.axis[2], w0 + entry[2]) * t.nc + c
                acc[(h - t.h0) * g.row + at] += gy[i]
            i += 1


cdef void scatter_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                        T tag) noexcept nogil:
    cdef Py_ssize_t item, h, i, d, d_lo, d_hi
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef Py_ssize_t elements = g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    cdef Py_ssize_t* table = <Py_ssize_t*> (s + g.phases_at) if elements <= TABLE else NULL
    cdef int32_t* o = <int32_t*> (s + g.levels_at)
    cdef T* acc = <T*> (s + g.rows_at)
    cdef T* gy = <T*> (s + g.lines_at)
    cdef Tile t
    cdef AddOp add
    add.tag = 0
    if table != NULL:
        fill_table(g, table, elements)
    for item in range(lo, hi):
        locate(g, item, &t, s)
        fill(acc, (t.h1 - t.h0) * g.row, <T> 0)
        extent(&g.axis[0], t.d, t.d + 1, entries, &d_lo, &d_hi)
        for d in range(d_lo, d_hi):
            for h in range(t.h_lo, t.h_hi):
                load_plain(g, &t, d, h, gy, s)
                offsets_row(g, &t, d, h, o, s)
                scatter_windows(g, &t, d, h, acc, gy, o, table)
        for h in range(t.h0, t.h1):
            store(g, &t, h, acc + (h - t.h0) * g.row, NULL, s, add)


# --- unpooling: contiguous planes of values x, positions q, and result y ------------------------

cdef void unpool_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    """y[q[i]] = x[i], the last of equals; everything else in y is zero already."""
    cdef Py_ssize_t plane, i, n = g.axis[2].n, m = g.axis[2].m
    cdef const int64_t* q
    for plane in range(lo, hi):
        q = <const int64_t*> g.q2 + plane * n
        for i in range(n):
            if q[i] == -1:
                continue
            if not 0 <= q[i] < m:
                fail(g, BAD_INDEX)
                return
            memcpy(g.y + (plane * m + q[i]) * g.x_size, g.x + (plane * n + i) * g.x_size, g.x_size)


cdef void unpool_transposed_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi,
                                  char* s) noexcept nogil:
    """y[i] = x[q[i]] for the last i of each position, else 0; y is zero already."""
    cdef Py_ssize_t plane, i, n = g.axis[2].n, m = g.axis[2].m
    cdef const int64_t* q
    cdef int64_t* owner = <int64_t*> s
    for plane in range(lo, hi):
        q = <const int64_t*> g.q2 + plane * m
        for i in range(m):
            if not -1 <= q[i] < n:
                fail(g, BAD_INDEX)
                return
            if q[i] >= 0:
                owner[q[i]] = i
        for i in range(m):
            if q[i] >= 0 and owner[q[i]] == i:
                memcpy(g.y + (plane * m + i) * g.x_size, g.x + (plane * n + q[i]) * g.x_size,
                       g.x_size)
