# The transpose of a selection: each window's gradient goes to the element that it selected. A tile
# is a box of the input's gradient and adds up what falls into it, window after window in row-major
# order: no two threads write the same element, and the order of additions is fixed.

ctypedef fused Offset:
    int32_t
    float
    double

cdef enum:
    TABLE = 1024        # windows with up to this many elements have their offsets in a table


cdef void offsets_row(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, Offset* o,
                      char* s) noexcept nogil:
    """The offsets of the windows of one source row; -1: no element."""
    cdef Py_ssize_t i, n = (t.w_hi - t.w_lo) * t.nc
    cdef char* raw = s + g.raw_at
    cdef Offset none = <Offset> g.no_offset
    gather(raw, t.q + d * g.qs[0] + h * g.qs[1] + t.w_lo * g.qs[2] + t.c0 * g.qs[3],
           t.w_hi - t.w_lo, t.nc, g.qs[2], g.qs[3], g.q_size, False)
    if g.q_type == UINT8:
        widen(o, <uint8_t*> raw, n)
    elif g.q_type == UINT16:
        widen(o, <uint16_t*> raw, n)
    else:
        widen(o, <int32_t*> raw, n)
    if g.no_offset >= 0:
        for i in range(n):
            o[i] = <Offset> -1 if o[i] == none else o[i]


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
    cdef bint plain = (g.axis[0].source == NULL and g.axis[1].source == NULL
                       and g.axis[2].source == NULL)
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
            if plain:
                h = h0 + entry[1]
                if d0 + entry[0] == t.d and t.h0 <= h < t.h1:
                    acc[(h - t.h0) * g.row + (w0 + entry[2]) * t.nc + c] += gy[i]
                i += 1
                continue
            d = mapped(&g.axis[0], d0 + entry[0])
            h = mapped(&g.axis[1], h0 + entry[1])
            if d == t.d and t.h0 <= h < t.h1:
                at = mapped(&g.axis[2], w0 + entry[2]) * t.nc + c
                acc[(h - t.h0) * g.row + at] += gy[i]
            i += 1


cdef void scatter_tile(const Plan* g, const Tile* t, const Py_ssize_t* table, char* s,
                       T tag) noexcept nogil:
    """Any windows: one after the other, each to its place."""
    cdef Py_ssize_t h, d, d_lo, d_hi
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef int32_t* o = <int32_t*> (s + g.levels_at)
    cdef T* acc = <T*> (s + g.rows_at)
    cdef T* gy = <T*> (s + g.lines_at)
    cdef AddOp add
    add.tag = 0
    fill(acc, (t.h1 - t.h0) * g.row, <T> 0)
    extent(&g.axis[0], t.d, t.d + 1, entries, &d_lo, &d_hi)
    for d in range(d_lo, d_hi):
        for h in range(t.h_lo, t.h_hi):
            load_plain(g, t, d, h, gy, s)
            offsets_row(g, t, d, h, o, s)
            scatter_windows(g, t, d, h, acc, gy, o, table)
    for h in range(t.h0, t.h1):
        store(g, t, h, acc + (h - t.h0) * g.row, NULL, s, add)


# --- small regular windows ------------------------------------------------------------------------
# For each tap, what it selected is added to the elements that it reads; taps that read positions
# of the same phase (modulo the strides) add to the same rows. Offsets are in the type of the
# gradients, so that both fill vectors alike.

cdef void choose(T* restrict y, Py_ssize_t yp, const T* restrict x, const T* restrict offsets,
                 Py_ssize_t xp, T tap, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = x[i]
            y[i] = v if offsets[i] == tap else 0
        y += yp
        x += xp
        offsets += xp


cdef void add_chosen(T* restrict y, Py_ssize_t yp, const T* restrict x, const T* restrict offsets,
                     Py_ssize_t xp, T tap, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = x[i]
            v = v if offsets[i] == tap else 0
            y[i] = y[i] + v
        y += yp
        x += xp
        offsets += xp


cdef void load_gradients(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t lo,
                         Py_ssize_t rows, T* gy, T* o, char* s) noexcept nogil:
    """Rows lo to lo + rows of gradients and offsets as padded lines; rows that do not exist, and
    the padding, select nothing."""
    cdef Py_ssize_t i, h, before = t.left * t.nc, n = t.width * t.nc
    for i in range(rows):
        h = lo + i
        fill(gy, n, <T> 0)
        fill(o, n, <T> -1)
        if 0 <= h < g.axis[1].n:
            load_plain(g, t, d, h, gy + before, s)
            offsets_row(g, t, d, h, o + before, s)
        gy += g.line
        o += g.line


cdef void gather_plane(const Plan* g, const Tile* t, Py_ssize_t kd, const T* gy, const T* o,
                       T* parts, char* begun, Py_ssize_t height, Py_ssize_t n) noexcept nogil:
    """What the windows of one source plane selected, for each phase of H and W."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t kh, kw, phase, up, left
    cdef Py_ssize_t back_h = (a.kernel - 1) * a.dilation // a.stride
    cdef Py_ssize_t back_w = (b.kernel - 1) * b.dilation // b.stride
    cdef T tap
    cdef T* y
    for kh in range(a.kernel):
        for kw in range(b.kernel):
            phase = (kh * a.dilation % a.stride) * b.stride + kw * b.dilation % b.stride
            up = back_h - kh * a.dilation // a.stride
            left = back_w - kw * b.dilation // b.stride
            tap = <T> ((kd * a.kernel + kh) * b.kernel + kw)
            y = parts + phase * height * g.line
            if begun[phase]:
                add_chosen(y, g.line, gy + up * g.line + left * t.nc, o + up * g.line + left * t.nc,
                           g.line, tap, UP(n, sizeof(T)), height)
            else:
                choose(y, g.line, gy + up * g.line + left * t.nc, o + up * g.line + left * t.nc,
                       g.line, tap, UP(n, sizeof(T)), height)
            begun[phase] = 1


cdef void gather_tile(const Plan* g, const Tile* t, char* s, T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t hq0, hq1, wq0, wq1, height, rows, i, j, h, n, shift
    cdef Py_ssize_t back = (a.kernel - 1) * a.dilation // a.stride
    cdef T* gy = <T*> (s + g.box_at)
    cdef T* parts = <T*> (s + g.rows_at)
    cdef T* wide = <T*> (s + g.result_at)
    cdef T* o
    cdef const T* phases[8]
    cdef char begun[64]
    cdef Run r
    cdef AddOp add
    add.tag = 0
    hq0, hq1 = phases_of(a, t.h0, t.h1)
    wq0, wq1 = phases_of(b, t.w0, t.w1)
    height = hq1 - hq0
    rows = height + back
    n = (wq1 - wq0) * t.nc
    o = gy + rows * g.line
    shift = (t.w0 + b.before - wq0 * b.stride) * t.nc
    for i in range(a.stride * b.stride):
        begun[i] = 0
    taps(&g.axis[0], t.d, NULL, &r)
    for i in range(r.count):
        j = r.first + i * r.step
        load_gradients(g, t, j, hq0 - back, rows, gy, o, s)
        gather_plane(g, t, (t.d + g.axis[0].before - j * g.axis[0].stride) // g.axis[0].dilation,
                     gy, o, parts, begun, height, n)
    for i in range(a.stride * b.stride):
        if not begun[i]:
            fill(parts + i * height * g.line, height * g.line, <T> 0)
    for h in range(t.h0, t.h1):
        i = (h + a.before) % a.stride
        for j in range(b.stride):
            phases[j] = parts + ((i * b.stride + j) * height +
                                 (h + a.before) // a.stride - hq0) * g.line
        if b.stride == 1:
            wide = <T*> phases[0]
        else:
            unsplit(wide, 0, phases, 0, wq1 - wq0, b.stride, t.nc, 1)
        store(g, t, h, wide + shift, NULL, s, add)


cdef void scatter_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                        T tag) noexcept nogil:
    cdef Py_ssize_t item, elements = g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    cdef Py_ssize_t* table = <Py_ssize_t*> (s + g.phases_at) if elements <= TABLE else NULL
    cdef Tile t
    if table != NULL:
        fill_table(g, table, elements)
    for item in range(lo, hi):
        locate(g, item, &t, s)
        if g.gathered:
            gather_tile(g, &t, s, tag)
        else:
            scatter_tile(g, &t, table, s, tag)


# --- unpooling: contiguous planes of values x, positions q, and result y ------------------------
# Values are moved, never computed with: what counts is their size, which each loop knows.

ctypedef fused Word:
    uint8_t
    uint16_t
    uint32_t
    uint64_t


cdef void unpool_planes(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                        Word tag) noexcept nogil:
    """y[q[i]] = x[i], the last of equals; everything else in y is 0."""
    cdef Py_ssize_t plane, i, n = g.axis[2].n
    cdef uint64_t m = g.axis[2].m
    cdef const int64_t* q
    cdef const char* x
    cdef char* y
    for plane in range(lo, hi):
        q = <const int64_t*> g.q2 + plane * n
        x = g.x + plane * n * sizeof(Word)
        y = g.y + plane * m * sizeof(Word)
        memset(y, 0, m * sizeof(Word))
        for i in range(n):
            if <uint64_t> q[i] < m:
                memcpy(y + q[i] * sizeof(Word), x + i * sizeof(Word), sizeof(Word))
            elif q[i] != -1:
                fail(g, BAD_INDEX)
                return


cdef void unpool_planes_transposed(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                                   Word tag) noexcept nogil:
    """y[i] = x[q[i]] for the last i of each position, else 0."""
    cdef Py_ssize_t plane, i, m = g.axis[2].m
    cdef uint64_t n = g.axis[2].n
    cdef const int64_t* q
    cdef const char* x
    cdef char* y
    cdef int64_t* owner = <int64_t*> s
    cdef Word value
    for plane in range(lo, hi):
        q = <const int64_t*> g.q2 + plane * m
        x = g.x + plane * n * sizeof(Word)
        y = g.y + plane * m * sizeof(Word)
        for i in range(m):
            if <uint64_t> q[i] < n:
                owner[q[i]] = i
            elif q[i] != -1:
                fail(g, BAD_INDEX)
                return
        for i in range(m):
            value = 0
            if q[i] >= 0 and owner[q[i]] == i:
                memcpy(&value, x + q[i] * sizeof(Word), sizeof(Word))
            memcpy(y + i * sizeof(Word), &value, sizeof(Word))


cdef void unpool_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.x_size == 1:
        unpool_planes(g, lo, hi, s, <uint8_t> 0)
    elif g.x_size == 2:
        unpool_planes(g, lo, hi, s, <uint16_t> 0)
    elif g.x_size == 4:
        unpool_planes(g, lo, hi, s, <uint32_t> 0)
    else:
        unpool_planes(g, lo, hi, s, <uint64_t> 0)


cdef void unpool_transposed_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi,
                                  char* s) noexcept nogil:
    if g.x_size == 1:
        unpool_planes_transposed(g, lo, hi, s, <uint8_t> 0)
    elif g.x_size == 2:
        unpool_planes_transposed(g, lo, hi, s, <uint16_t> 0)
    elif g.x_size == 4:
        unpool_planes_transposed(g, lo, hi, s, <uint32_t> 0)
    else:
        unpool_planes_transposed(g, lo, hi, s, <uint64_t> 0)
