# The transpose of a selection: each window's gradient goes to the element that it selected. A tile
# is a box of the input's gradient and adds up what falls into it, window after window in row-major
# order: no two threads write the same element, and the order of additions is fixed.

ctypedef fused Offset:
    int32_t
    float
    double

cdef enum:
    TABLE = 1024        # windows with up to this many elements have their places in a table
    PIECE = 1024        # elements of a row that taps are added to
    CLEARED = 2016      # bytes of planes: C libraries clear more in a way that begins slowly
    CHANNELS = 8        # of a window that is worth a loop of its own
    NARROW = 48         # elements of rows that are no row together, and too short to be one each

cdef Py_ssize_t NOWHERE = -(<Py_ssize_t> 1 << 62)


cdef void widen_offsets(const Plan* g, Offset* o, const char* raw, Py_ssize_t n) noexcept nogil:
    if g.q_type == UINT8:
        widen(o, <uint8_t*> raw, n)
    elif g.q_type == UINT16:
        widen(o, <uint16_t*> raw, n)
    else:
        widen(o, <int32_t*> raw, n)


cdef void offsets_row(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, Offset* o,
                      char* s) noexcept nogil:
    """The offsets of the windows of one source row; -1: no element."""
    cdef Py_ssize_t i, n = (t.w_hi - t.w_lo) * t.nc
    cdef char* raw = s + g.raw_at
    cdef Offset none = <Offset> g.no_offset
    gather(raw, t.q + d * g.qs[0] + h * g.qs[1] + t.w_lo * g.qs[2] + t.c0 * g.qs[3],
           t.w_hi - t.w_lo, t.nc, g.qs[2], g.qs[3], g.q_size, False)
    widen_offsets(g, o, raw, n)
    if g.no_offset >= 0:
        for i in range(n):
            o[i] = <Offset> -1 if o[i] == none else o[i]


cdef inline Py_ssize_t mapped(const Axis* a, Py_ssize_t at) noexcept nogil:
    return at if a.source == NULL else a.source[at]


cdef struct Places:
    # Where in the rows of a tile the taps of a window stand, seen from its first one.
    Py_ssize_t pitch                # from row to row
    Py_ssize_t nc                   # from element to element
    Py_ssize_t apart                # from plane to plane: too far to be mistaken for another row
    Py_ssize_t elements             # of a window
    Py_ssize_t* table               # place of each tap, and of none at -1; NULL: too many taps
    # Place of the first tap of each window of a row, or, of small planes, of each of a plane.
    Py_ssize_t* first


cdef inline void tap_of(const Plan* g, int32_t offset, Py_ssize_t* d, Py_ssize_t* h,
                        Py_ssize_t* w) noexcept nogil:
    """How far along D, H, W the tap of an offset is from the window's first."""
    cdef uint32_t kh = <uint32_t> g.axis[1].kernel, kw = <uint32_t> g.axis[2].kernel
    cdef uint32_t row = <uint32_t> offset // kw
    d[0] = (row // kh) * g.axis[0].dilation
    h[0] = (row % kh) * g.axis[1].dilation
    w[0] = (<uint32_t> offset % kw) * g.axis[2].dilation


cdef inline Py_ssize_t place_of(const Plan* g, const Places* p, int32_t offset) noexcept nogil:
    cdef Py_ssize_t d, h, w
    if offset < 0:
        return NOWHERE
    tap_of(g, offset, &d, &h, &w)
    return d * p.apart + h * p.pitch + w * p.nc


cdef void set_places(const Plan* g, Places* p, Py_ssize_t pitch, Py_ssize_t nc) noexcept nogil:
    cdef int32_t i
    cdef Py_ssize_t h, w, c, at = 0
    if p.pitch == pitch and p.nc == nc:
        return
    p.pitch, p.nc = pitch, nc
    p.apart = 4 * (g.axis[1].reach + g.axis[1].m + 1) * pitch
    for h in range(g.axis[1].n if g.depth > 1 and p.table != NULL else 1):
        for w in range(g.axis[2].n):
            for c in range(nc):
                p.first[at] = origin(&g.axis[2], w) * nc + c
                if g.depth > 1 and p.table != NULL:
                    p.first[at] += origin(&g.axis[1], h) * pitch
                at += 1
    if p.table != NULL:
        for i in range(-1, <int32_t> p.elements):
            p.table[i] = place_of(g, p, i)


cdef void scatter_windows(T* acc, Py_ssize_t limit, Py_ssize_t row, const T* gy,
                          const int32_t* o, Py_ssize_t n, const Py_ssize_t* first,
                          const Places* p) noexcept nogil:
    """One source row of gradients into the tile's rows, `row` the place of its windows' first row.
    What falls outside of the rows is another tile's."""
    cdef Py_ssize_t i, at
    cdef const Py_ssize_t* table = p.table
    for i in range(n):
        at = row + first[i] + table[o[i]]
        if <size_t> at < <size_t> limit:
            acc[at] += gy[i]


cdef void scatter_inside(T* acc, const T* restrict gy, const int32_t* restrict o, Py_ssize_t n,
                         const Py_ssize_t* restrict first,
                         const Py_ssize_t* restrict table) noexcept nogil:
    """The same where nothing falls outside."""
    cdef Py_ssize_t i
    for i in range(n):
        acc[first[i] + table[o[i]]] += gy[i]


cdef void scatter_channels(T* acc, const T* restrict gy, const int32_t* restrict o, Py_ssize_t nc,
                           const Py_ssize_t* restrict table) noexcept nogil:
    """... and of one window of channels."""
    cdef Py_ssize_t c
    for c in range(nc):
        acc[c + table[o[c]]] += gy[c]


cdef void scatter_large_windows(const Plan* g, T* acc, Py_ssize_t limit, Py_ssize_t row,
                                const T* gy, const int32_t* o, Py_ssize_t n,
                                const Places* p) noexcept nogil:
    """The same without a table."""
    cdef Py_ssize_t i, at
    for i in range(n):
        at = row + p.first[i] + place_of(g, p, o[i])
        if <size_t> at < <size_t> limit:
            acc[at] += gy[i]


cdef void scatter_mapped(const Plan* g, const Tile* t, Py_ssize_t od, Py_ssize_t oh, T* acc,
                         const T* gy, const int32_t* o, Py_ssize_t pitch) noexcept nogil:
    """The same where padding repeats elements."""
    cdef Py_ssize_t w, c, d, h, at, dd, dh, dw, i = 0
    for w in range(t.w_lo, t.w_hi):
        for c in range(t.nc):
            if o[i] >= 0:
                tap_of(g, o[i], &dd, &dh, &dw)
                d = mapped(&g.axis[0], origin(&g.axis[0], od) + dd)
                h = mapped(&g.axis[1], origin(&g.axis[1], oh) + dh)
                at = mapped(&g.axis[2], origin(&g.axis[2], w) + dw)
                if d == t.d and t.h0 <= h < t.h1:
                    acc[(h - t.h0) * pitch + at * t.nc + c] += gy[i]
            i += 1


cdef inline bint all_exist(const Plan* g) noexcept nogil:
    """Whether each window selected an element."""
    return g.no_offset < 0 and g.q_size < 4


cdef void scatter_planes(const Plan* g, Py_ssize_t planes, T* acc, const T* gy, Py_ssize_t pitch,
                         const int32_t* o, const Places* p) noexcept nogil:
    """Small planes, each all at once if its rows of gradients are one; cleared before."""
    cdef Py_ssize_t d, h, rows = g.axis[1].n, n = g.axis[2].n, size = g.axis[1].m * p.pitch
    cdef bint inside = all_exist(g)
    if pitch == n:
        rows, n = 1, rows * n
        pitch = n
    for d in range(planes):
        for h in range(rows):
            if inside:
                scatter_inside(acc, gy, o, n, p.first + h * n, p.table)
            else:
                scatter_windows(acc, size, 0, gy, o, n, p.first + h * n, p)
            gy += pitch
            o += n
        acc += size


cdef void scatter_cleared(const Plan* g, Py_ssize_t planes, T* acc, const T* gy, Py_ssize_t pitch,
                          const int32_t* o, const Places* p) noexcept nogil:
    """Planes are cleared just before they are added to, some at a time."""
    cdef Py_ssize_t size = g.axis[1].m * p.pitch, part
    cdef Py_ssize_t some = most(1, CLEARED // (size * <Py_ssize_t> sizeof(T)))
    while planes > 0:
        part = least(some, planes)
        fill(acc, part * size, <T> 0)
        scatter_planes(g, part, acc, gy, pitch, o, p)
        acc += part * size
        gy += part * g.axis[1].n * pitch
        o += part * g.axis[1].n * g.axis[2].n
        planes -= part


cdef inline bint is_inside(const Plan* g, const Tile* t, Py_ssize_t h,
                           const Places* p) noexcept nogil:
    """Whether all that the windows of a row selected is in the rows of a tile."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t first = origin(a, h), last = first + (a.kernel - 1) * a.dilation
    return (p.table != NULL and all_exist(g) and g.axis[0].identity and g.depth == 1
            and (t.h0 == 0 or first >= t.h0) and (t.h1 == a.m or last < t.h1))


cdef void scatter_rows(const Plan* g, const Tile* t, const Tile* source, T* acc, Py_ssize_t limit,
                       Places* p, char* s) noexcept nogil:
    """The gradients of a source plane, or of those of a tile of small ones as the rows of one."""
    cdef Py_ssize_t h, w, xp, n = g.axis[1].n, lo = t.h_lo, hi = t.h_hi, row
    cdef Py_ssize_t op = g.axis[2].n * t.nc, away = origin(&g.axis[0], source.d) - t.d
    cdef const int32_t* o
    cdef const T* x
    cdef T tag = 0
    if g.depth > 1:
        lo, hi, away = 0, (t.d1 - t.d) * n, 0
    o = gather_offsets(g, source, lo, hi, 0, 0, s, <int32_t> 0)
    x = gather_gradients(g, source, lo, hi, 0, &xp, s, tag)
    if g.depth > 1 and p.table != NULL:
        scatter_cleared(g, t.d1 - t.d, acc, x, xp, o, p)
        return
    for h in range(lo, hi):
        if g.axis[0].source == NULL and g.axis[1].source == NULL and g.axis[2].source == NULL:
            row = origin(&g.axis[1], h % n) + h // n * g.axis[1].m - t.h0
            row = row * p.pitch + away * p.apart
            if t.nc >= CHANNELS and is_inside(g, t, h, p):
                for w in range(g.axis[2].n):
                    scatter_channels(acc + row + p.first[w * t.nc], x + w * t.nc, o + w * t.nc,
                                     t.nc, p.table)
            elif p.table != NULL:
                scatter_windows(acc, limit, row, x, o, op, p.first, p)
            else:
                scatter_large_windows(g, acc, limit, row, x, o, op, p)
        else:
            scatter_mapped(g, t, source.d, h, acc, x, o, p.pitch)
        x += xp
        o += op


cdef void scatter_tile(const Plan* g, const Tile* t, Places* p, char* s, T tag) noexcept nogil:
    """Any windows: one after the other, each to its place, in the result itself if all of the
    tile's rows can be there."""
    cdef Py_ssize_t rows = (t.d1 - t.d) * (t.h1 - t.h0), n = (t.w1 - t.w0) * t.nc, d, d_lo, d_hi
    cdef T* acc = <T*> (s + g.rows_at)
    cdef bint straight = gathered_straight(g, t, 0, sizeof(T)) == t.h1 - t.h0 and (
        t.d1 - t.d == 1 or g.ys[0] == g.axis[1].m * g.ys[1])
    cdef Tile part = t[0]
    if straight:
        acc = <T*> target(g, t)
    if g.depth == 1 or p.table == NULL:
        fill(acc, rows * n, <T> 0)
    set_places(g, p, n, t.nc)
    extent(&g.axis[0], t.d, t.d + 1, <Py_ssize_t*> (s + g.entries_at), &d_lo, &d_hi)
    for d in range(d_lo, d_hi):
        part.d = d
        part.d1 = t.d1 if g.depth > 1 else d + 1
        scatter_rows(g, t, &part, acc, rows * n, p, s)
    if straight:
        return
    for d in range(t.d, t.d1):
        part.d = d
        store_rows(g, &part, t.h0, acc + (d - t.d) * (t.h1 - t.h0) * n, n, s)


# --- small regular windows ------------------------------------------------------------------------
# For each tap, what it selected is added to the elements that it reads; taps that read positions
# of the same phase (modulo the strides) add to the same rows. Offsets are in the type of the
# gradients, so that both fill vectors alike.

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
    cdef const T* x
    cdef const T* offsets
    for kh in range(a.kernel):
        for kw in range(b.kernel):
            phase = (kh * a.dilation % a.stride) * b.stride + kw * b.dilation % b.stride
            up = back_h - kh * a.dilation // a.stride
            left = back_w - kw * b.dilation // b.stride
            tap = <T> ((kd * a.kernel + kh) * b.kernel + kw)
            y = parts + phase * height * g.line
            x, offsets = gy + up * g.line + left * t.nc, o + up * g.line + left * t.nc
            if begun[phase]:
                choose_more(y, g.line, &x, g.line, &offsets, g.line, &tap, UP(n, sizeof(T)), height)
            else:
                choose1(y, g.line, &x, g.line, &offsets, g.line, &tap, UP(n, sizeof(T)), height)
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


# --- small regular windows, from row to row -----------------------------------------------------
# Where the windows of a row span it (elements <= windows * stride), gradients and offsets need no
# padding: a tap that falls behind the end of a row, or of a plane, is read as one of the next row's
# windows, but for that window it lies in the padding, which nothing selects. Elsewhere, offsets
# have a gap behind each row, as if there were more windows that select nothing.

cdef enum Gather:
    BY_TAPS     # any, phase after phase
    BY_PAIRS    # 2x2/2, 2x2x2/2, and 3x3/2: two rows from a row of windows
    BY_ROWS     # rows of channels, or stride 1: straight to the result


cdef Gather gather_form(const Plan* g, const Tile* t, size_t size) noexcept nogil:
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    if t.w1 - t.w0 < b.m or t.nc < g.inner:
        return BY_TAPS
    if t.nc == 1 and are_pairs(a, b) and (g.axis[0].identity or are_pairs_of_planes(g)):
        return BY_PAIRS
    if not g.axis[0].identity:
        return BY_TAPS
    if t.nc == 1 and b.m > b.n * b.stride and b.m < NARROW:
        return BY_TAPS
    if b.stride == 1 or t.nc == UP(t.nc, size):
        return BY_ROWS
    return BY_TAPS


cdef inline bint are_pairs_of_planes(const Plan* g) noexcept nogil:
    """Whether 2x2x2/2 windows cover all planes: two planes of elements from a plane of windows."""
    cdef const Axis* a = &g.axis[0]
    return is_halving(a, 2, 0) and a.m <= 2 * a.n and g.axis[1].kernel == 2


cdef void choose_pairs(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                       const T* restrict offsets, Py_ssize_t op, const T* taps, Py_ssize_t n,
                       Py_ssize_t rows) noexcept nogil:
    """2x2/2: two rows of y from each row of x. A row may be written over the next one's begin."""
    cdef Py_ssize_t i, j
    cdef T t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3], v, o
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v, o = x[i], offsets[i]
            y[2 * i] = v if o == t0 else 0
            y[2 * i + 1] = v if o == t1 else 0
        y += yp
        for i in range(DOWN(n, sizeof(T))):
            v, o = x[i], offsets[i]
            y[2 * i] = v if o == t2 else 0
            y[2 * i + 1] = v if o == t3 else 0
        y += yp
        x += xp
        offsets += op


cdef void choose_threes(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                        const T* restrict offsets, Py_ssize_t op, const T* taps, Py_ssize_t n,
                        Py_ssize_t rows) noexcept nogil:
    """3x3/2 with padding 1: two rows of y from each row of x and the row after it."""
    cdef Py_ssize_t i, j
    cdef T t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3], t4 = taps[4], t5 = taps[5]
    cdef T t6 = taps[6], t7 = taps[7], t8 = taps[8], v, w, p, q, a, b, c, d, e, f
    cdef const T* x1 = x + xp
    cdef const T* offsets1 = offsets + op
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v, w, a, b = x[i], x[i + 1], offsets[i], offsets[i + 1]
            y[2 * i] = v if a == t4 else 0
            w = w if b == t3 else 0
            v = v if a == t5 else 0
            y[2 * i + 1] = w + v
        y += yp
        for i in range(DOWN(n, sizeof(T))):
            v, w, a, b = x[i], x[i + 1], offsets[i], offsets[i + 1]
            p, q, c, d = x1[i], x1[i + 1], offsets1[i], offsets1[i + 1]
            e = p if c == t1 else 0
            f = v if a == t7 else 0
            y[2 * i] = e + f
            q = q if d == t0 else 0
            p = p if c == t2 else 0
            w = w if b == t6 else 0
            v = v if a == t8 else 0
            y[2 * i + 1] = ((q + p) + w) + v
        y += yp
        x += xp
        x1 += xp
        offsets += op
        offsets1 += op


cdef void choose_threes_before(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                               const T* restrict offsets, Py_ssize_t op, const T* taps,
                               Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    """3x3/2 without padding before: two rows of y from each row of x after the first, and the row
    before that."""
    cdef Py_ssize_t i, j
    cdef T t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3], t4 = taps[4], t5 = taps[5]
    cdef T t6 = taps[6], t7 = taps[7], t8 = taps[8], v, w, p, q, a, b, c, d, e, f
    cdef const T* x1 = x + xp
    cdef const T* offsets1 = offsets + op
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v, w, a, b = x[i - 1], x[i], offsets[i - 1], offsets[i]
            p, q, c, d = x1[i - 1], x1[i], offsets1[i - 1], offsets1[i]
            e = q if d == t1 else 0
            f = w if b == t7 else 0
            y[2 * i + 1] = e + f
            q = q if d == t0 else 0
            p = p if c == t2 else 0
            w = w if b == t6 else 0
            v = v if a == t8 else 0
            y[2 * i] = ((q + p) + w) + v
        y += yp
        for i in range(DOWN(n, sizeof(T))):
            p, q, c, d = x1[i - 1], x1[i], offsets1[i - 1], offsets1[i]
            y[2 * i + 1] = q if d == t4 else 0
            q = q if d == t3 else 0
            p = p if c == t5 else 0
            y[2 * i] = q + p
        y += yp
        x += xp
        x1 += xp
        offsets += op
        offsets1 += op


cdef void choose1(T* restrict y, Py_ssize_t yp, const T** xs, Py_ssize_t xp, const T** offsets,
                  Py_ssize_t op, const T* taps, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* x = xs[0]
    cdef const T* o = offsets[0]
    cdef T tap = taps[0], v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = x[i]
            y[i] = v if o[i] == tap else 0
        y += yp
        x += xp
        o += op


cdef void choose2(T* restrict y, Py_ssize_t yp, const T** xs, Py_ssize_t xp, const T** offsets,
                  Py_ssize_t op, const T* taps, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* x = xs[0]
    cdef const T* x1 = xs[1]
    cdef const T* o = offsets[0]
    cdef const T* o1 = offsets[1]
    cdef T tap = taps[0], tap1 = taps[1], v, w
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v, w = x[i], x1[i]
            v = v if o[i] == tap else 0
            w = w if o1[i] == tap1 else 0
            y[i] = v + w
        y += yp
        x += xp
        x1 += xp
        o += op
        o1 += op


cdef void choose3(T* restrict y, Py_ssize_t yp, const T** xs, Py_ssize_t xp, const T** offsets,
                  Py_ssize_t op, const T* taps, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* x = xs[0]
    cdef const T* x1 = xs[1]
    cdef const T* x2 = xs[2]
    cdef const T* o = offsets[0]
    cdef const T* o1 = offsets[1]
    cdef const T* o2 = offsets[2]
    cdef T tap = taps[0], tap1 = taps[1], tap2 = taps[2], u, v, w
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            u, v, w = x[i], x1[i], x2[i]
            u = u if o[i] == tap else 0
            v = v if o1[i] == tap1 else 0
            w = w if o2[i] == tap2 else 0
            y[i] = (u + v) + w
        y += yp
        x += xp
        x1 += xp
        x2 += xp
        o += op
        o1 += op
        o2 += op


cdef void choose4(T* restrict y, Py_ssize_t yp, const T** xs, Py_ssize_t xp, const T** offsets,
                  Py_ssize_t op, const T* taps, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* x = xs[0]
    cdef const T* x1 = xs[1]
    cdef const T* x2 = xs[2]
    cdef const T* x3 = xs[3]
    cdef const T* o = offsets[0]
    cdef const T* o1 = offsets[1]
    cdef const T* o2 = offsets[2]
    cdef const T* o3 = offsets[3]
    cdef T tap = taps[0], tap1 = taps[1], tap2 = taps[2], tap3 = taps[3], u, v, w, z
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            u, v, w, z = x[i], x1[i], x2[i], x3[i]
            u = u if o[i] == tap else 0
            v = v if o1[i] == tap1 else 0
            w = w if o2[i] == tap2 else 0
            z = z if o3[i] == tap3 else 0
            y[i] = ((u + v) + w) + z
        y += yp
        x += xp
        x1 += xp
        x2 += xp
        x3 += xp
        o += op
        o1 += op
        o2 += op
        o3 += op


cdef void choose_more(T* restrict y, Py_ssize_t yp, const T** xs, Py_ssize_t xp,
                      const T** offsets, Py_ssize_t op, const T* taps, Py_ssize_t n,
                      Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* x = xs[0]
    cdef const T* o = offsets[0]
    cdef T tap = taps[0], v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = x[i]
            v = v if o[i] == tap else 0
            y[i] = y[i] + v
        y += yp
        x += xp
        o += op


cdef void choose_more3(T* restrict y, Py_ssize_t yp, const T** xs, Py_ssize_t xp,
                       const T** offsets, Py_ssize_t op, const T* taps, Py_ssize_t n,
                       Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const T* x = xs[0]
    cdef const T* x1 = xs[1]
    cdef const T* x2 = xs[2]
    cdef const T* o = offsets[0]
    cdef const T* o1 = offsets[1]
    cdef const T* o2 = offsets[2]
    cdef T tap = taps[0], tap1 = taps[1], tap2 = taps[2], u, v, w
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            u, v, w = x[i], x1[i], x2[i]
            u = u if o[i] == tap else 0
            v = v if o1[i] == tap1 else 0
            w = w if o2[i] == tap2 else 0
            y[i] = ((y[i] + u) + v) + w
        y += yp
        x += xp
        x1 += xp
        x2 += xp
        o += op
        o1 += op
        o2 += op


cdef void choose_taps(T* y, Py_ssize_t yp, const T** xs, Py_ssize_t xp, const T** offsets,
                      Py_ssize_t op, const T* taps, Py_ssize_t count, Py_ssize_t n,
                      Py_ssize_t rows) noexcept nogil:
    """What so many taps selected, added up in their order; whole blocks."""
    cdef Py_ssize_t i, j
    if count == 0:
        for j in range(rows):
            fill(y + j * yp, n, <T> 0)
    elif count == 1:
        choose1(y, yp, xs, xp, offsets, op, taps, n, rows)
    elif count == 2:
        choose2(y, yp, xs, xp, offsets, op, taps, n, rows)
    elif count == 4:
        choose4(y, yp, xs, xp, offsets, op, taps, n, rows)
    else:
        choose3(y, yp, xs, xp, offsets, op, taps, n, rows)
    i = 4 if count == 4 else 3
    while i < count:
        if count - i >= 3:
            choose_more3(y, yp, xs + i, xp, offsets + i, op, taps + i, n, rows)
            i += 3
        else:
            choose_more(y, yp, xs + i, xp, offsets + i, op, taps + i, n, rows)
            i += 1


cdef void choose_in_pieces(T* y, const T** xs, const T** offsets, const T* taps, Py_ssize_t count,
                           Py_ssize_t n) noexcept nogil:
    """A long row: what is added to stays in the fastest cache."""
    cdef Py_ssize_t i, piece, at = 0
    n = UP(n, sizeof(T))
    while at < n:
        piece = least(n - at, PIECE)
        choose_taps(y + at, 0, xs, 0, offsets, 0, taps, count, piece, 1)
        for i in range(count):
            xs[i] += piece
            offsets[i] += piece
        at += piece


cdef const Offset* gather_offsets(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi,
                                  Py_ssize_t reach, Py_ssize_t gap, char* s,
                                  Offset tag) noexcept nogil:
    """Offsets of rows lo to hi of windows, one after the other with a gap behind each, and `reach`
    before and after them; those that do not exist select nothing. The rows of a tile's planes are
    those of one."""
    cdef Py_ssize_t h, n = g.axis[2].n * t.nc, pitch = n + gap, first = most(lo, 0)
    cdef Py_ssize_t stop = least(hi, (t.d1 - t.d) * g.axis[1].n)
    cdef Offset* o = <Offset*> (s + g.box_at) + (reach + 15) // 16 * 16
    cdef const char* raw = t.q + t.d * g.qs[0] + first * g.qs[1]
    fill(o - reach, reach + (first - lo) * pitch, <Offset> -1)
    fill(o + (stop - lo) * pitch, (hi - stop) * pitch + reach, <Offset> -1)
    if (is_contiguous(g.qs, g.axis[2].n, t.nc, g.q_size) and g.qs[1] == n * g.q_size
            and g.no_offset < 0 and <size_t> raw % g.q_size == 0 and stop > first):
        # All at once, at the end, from where rows go to their places.
        widen_offsets(g, o + (first - lo) * pitch + (stop - first) * gap, raw, (stop - first) * n)
        for h in range(first, stop if gap > 0 else first):
            memmove(o + (h - lo) * pitch,
                    o + (first - lo) * pitch + (stop - first) * gap + (h - first) * n,
                    n * sizeof(Offset))
            fill(o + (h - lo) * pitch + n, gap, <Offset> -1)
        return o
    for h in range(first, stop):
        offsets_row(g, t, t.d, h, o + (h - lo) * pitch, s)
        fill(o + (h - lo) * pitch + n, gap, <Offset> -1)
    return o


cdef const T* gather_gradients(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi,
                               Py_ssize_t reach, Py_ssize_t* pitch, char* s,
                               T tag) noexcept nogil:
    """Gradients of rows lo to hi of windows, where they lie if what is `reach` before and after
    them (and blocks behind) may be read."""
    cdef Py_ssize_t h, n = g.axis[2].n * t.nc, size = sizeof(T)
    cdef T* box = <T*> (s + g.lines_at) + (reach + 15) // 16 * 16
    cdef const char* x = t.x + t.d * g.xs[0] + lo * g.xs[1]
    if (g.in_place and g.xs[1] >= n * size and x - reach * size >= g.x
            and x + (hi - lo) * g.xs[1] + reach * size + g.margin <= g.x_end):
        pitch[0] = g.xs[1] // size
        return <const T*> x
    pitch[0] = n
    for h in range(most(lo, 0), least(hi, (t.d1 - t.d) * g.axis[1].n)):
        load_plain(g, t, t.d, h, box + (h - lo) * n, s)
    return box


cdef inline bint are_threes_before(const Plan* g) noexcept nogil:
    """Whether windows of three begin with the first element, not before it."""
    return g.axis[2].kernel == 3 and g.axis[2].before == 0


cdef inline Py_ssize_t pairs_along(const Plan* g, const Axis* a) noexcept nogil:
    return ceil_div(a.m, 2) if are_threes_before(g) else a.n


cdef inline Py_ssize_t gap_between(const Plan* g) noexcept nogil:
    """Offsets between rows of windows: where the last window of a row is a whole one, the first of
    the next one must not be taken for its neighbour."""
    return are_threes_before(g) and g.axis[2].m > 2 * g.axis[2].n


cdef void choose_block(const Plan* g, T* y, const T* x, Py_ssize_t xp, const T* o, Py_ssize_t rows,
                       Py_ssize_t first) noexcept nogil:
    """Twice as many rows of elements, of which no window covers the last if they are odd; their
    taps begin with number `first`."""
    cdef Py_ssize_t i, j, width = g.axis[2].m, op = g.axis[2].n + gap_between(g)
    cdef Py_ssize_t n = UP(pairs_along(g, &g.axis[2]), sizeof(T))
    cdef T taps[9]
    for i in range(9):
        taps[i] = <T> (first + i)
    if are_threes_before(g):
        choose_threes_before(y, width, x, xp, o, op, taps, n, rows)
    elif g.axis[2].kernel == 3:
        choose_threes(y, width, x, xp, o, op, taps, n, rows)
    else:
        choose_pairs(y, width, x, xp, o, op, taps, n, rows)
        for i in range(2 * g.axis[2].n, width):
            for j in range(2 * rows):
                y[j * width + i] = 0


cdef void gather_pairs(const Plan* g, const Tile* t, char* s, T tag) noexcept nogil:
    """t.h0 is even."""
    cdef Py_ssize_t rows = (t.h1 + 1) // 2 - t.h0 // 2, lo = t.h0 // 2 - are_threes_before(g)
    cdef Py_ssize_t xp, straight, op = g.axis[2].n + gap_between(g), first = 0
    cdef Py_ssize_t beyond = 2 * UP(pairs_along(g, &g.axis[2]), sizeof(T)) - g.axis[2].m
    cdef const T* o
    cdef const T* x
    cdef T* y = <T*> target(g, t)
    cdef T* z = <T*> (s + g.rows_at)
    cdef Tile source = t[0]
    if g.depth > 1:
        gather_planes(g, t, s, tag)
        return
    if not g.axis[0].identity:
        source.d, first = t.d // 2, t.d % 2 * 4
        source.d1 = source.d + 1
    o = gather_offsets(g, &source, lo, lo + rows + 1, 1, gap_between(g), s, tag)
    x = gather_gradients(g, &source, lo, lo + rows + 1, 1, &xp, s, tag)
    straight = gathered_straight(g, t, beyond, sizeof(T)) // 2
    choose_block(g, y, x, xp, o, straight, first)
    choose_block(g, z, x + straight * xp, xp, o + straight * op, rows - straight, first)
    store_rows(g, t, t.h0 + 2 * straight, z, g.axis[2].m, s)


cdef void gather_planes(const Plan* g, const Tile* t, char* s, T tag) noexcept nogil:
    """The same for small planes, several to a tile."""
    cdef Py_ssize_t n = g.axis[1].n, rows = pairs_along(g, &g.axis[1]), height = g.axis[1].m
    cdef Py_ssize_t planes = t.d1 - t.d, size = height * g.axis[2].m, straight = 0, p, xp
    cdef Py_ssize_t op = g.axis[2].n + gap_between(g), lo = -are_threes_before(g)
    cdef Py_ssize_t beyond = ((2 * rows - height - 1) * g.axis[2].m
                              + 2 * UP(pairs_along(g, &g.axis[2]), sizeof(T)))
    cdef const T* o = gather_offsets(g, t, lo, lo + planes * n + 1, 1, gap_between(g), s, tag)
    cdef const T* x = gather_gradients(g, t, lo, lo + planes * n + 1, 1, &xp, s, tag)
    cdef T* y
    cdef Tile part = t[0]
    if gathered_straight(g, t, 0, sizeof(T)) > 0 and g.ys[0] == height * g.ys[1]:
        straight = most(0, planes - (most(0, beyond) + size - 1) // size)
    for p in range(planes):
        part.d = t.d + p
        y = <T*> target(g, &part) if p < straight else <T*> (s + g.rows_at)
        choose_block(g, y, x + p * n * xp, xp, o + p * n * op, rows, 0)
        if 2 * rows < height:
            fill(y + 2 * rows * g.axis[2].m, size - 2 * rows * g.axis[2].m, <T> 0)
        if p >= straight:
            store_rows(g, &part, 0, y, g.axis[2].m, s)


cdef void gather_rows(const Plan* g, const Tile* t, char* s, T tag) noexcept nogil:
    """Straight to rows of elements, or to scratch for those that would be written beyond."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t back = (a.kernel - 1) * a.dilation, nc = t.nc, width = b.m * nc, xp, h, straight
    cdef Py_ssize_t lo = floor_div(t.h0 + a.before - back, a.stride)
    cdef Py_ssize_t hi = (t.h1 - 1 + a.before) // a.stride + 1
    cdef Py_ssize_t gap = most(0, ceil_div(b.m, b.stride) - b.n) * nc, op = b.n * nc + gap
    # More than the gap, which is less than a window with its stride.
    cdef Py_ssize_t reach = ((b.kernel - 1) * b.dilation // b.stride + 1) * nc
    cdef Py_ssize_t beyond = UP(width, sizeof(T)) - width
    cdef const T* o = gather_offsets(g, t, lo, hi, reach, gap, s, tag)
    cdef const T* x = gather_gradients(g, t, lo, hi, reach, &xp, s, tag)
    cdef T* y = <T*> target(g, t)
    cdef T* z = <T*> (s + g.rows_at)
    straight = gathered_straight(g, t, beyond, sizeof(T))
    if a.stride == 1 and b.stride == 1 and xp == op and op == width:
        # All rows are one: what is written beyond the last one is not a block.
        beyond = UP(1, sizeof(T)) - 1 if beyond > 0 else 0
        straight = gathered_straight(g, t, beyond, sizeof(T))
        gather_row(g, t, t.h0, straight, y, x, xp, o, op, lo)
        gather_row(g, t, t.h0 + straight, t.h1 - t.h0 - straight, z, x, xp, o, op, lo)
    else:
        for h in range(t.h0, t.h1):
            if h < t.h0 + straight:
                gather_row(g, t, h, 1, y + (h - t.h0) * width, x, xp, o, op, lo)
            else:
                gather_row(g, t, h, 1, z + (h - t.h0 - straight) * width, x, xp, o, op, lo)
    store_rows(g, t, t.h0 + straight, z, width, s)


cdef void gather_row(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t rows, T* y,
                     const T* x, Py_ssize_t xp, const T* o, Py_ssize_t op,
                     Py_ssize_t lo) noexcept nogil:
    """Row h of the elements, and those after it if they are all one with it; of several phases some
    windows at a time, so that what is written is near each other."""
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t phase, q = b.before // b.stride, stop = (b.m - 1 + b.before) // b.stride + 1
    cdef Py_ssize_t piece = stop - q
    if rows <= 0:
        return
    if b.stride > 1:
        piece = most(1, PIECE // t.nc)
    while q < stop:
        for phase in range(b.stride):
            gather_phase(g, t, h, rows, y, x, xp, o, op, lo, phase, q, least(q + piece, stop))
        q += piece


cdef void gather_phase(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t rows, T* y,
                       const T* x, Py_ssize_t xp, const T* o, Py_ssize_t op, Py_ssize_t lo,
                       Py_ssize_t phase, Py_ssize_t first, Py_ssize_t stop) noexcept nogil:
    """The elements at positions phase + stride * q of a row, q from first to stop."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t kh, kw, row, at, count = 0, nc = t.nc
    cdef const T* xs[36]
    cdef const T* offsets[36]
    cdef T tap_numbers[36]
    first = most(first, ceil_div(b.before - phase, b.stride))
    stop = least(stop, floor_div(b.m - 1 + b.before - phase, b.stride) + 1)
    if stop <= first:
        return
    for kh in range(a.kernel):
        if (h + a.before - kh * a.dilation) % a.stride != 0:
            continue
        row = floor_div(h + a.before - kh * a.dilation, a.stride) - lo
        for kw in range(b.kernel):
            if (kw * b.dilation) % b.stride != phase:
                continue
            at = (first - kw * b.dilation // b.stride) * nc
            xs[count], offsets[count] = x + row * xp + at, o + row * op + at
            tap_numbers[count] = <T> (kh * b.kernel + kw)
            count += 1
    y += (first * b.stride + phase - b.before) * nc
    if b.stride == 1:
        choose_in_pieces(y, xs, offsets, tap_numbers, count, rows * b.m * nc)
    else:
        choose_taps(y, b.stride * nc, xs, nc, offsets, nc, tap_numbers, count, nc, stop - first)


cdef inline Py_ssize_t gathered_straight(const Plan* g, const Tile* t, Py_ssize_t beyond,
                                         Py_ssize_t size) noexcept nogil:
    """How many rows of a tile may be written straight to the result, if up to `beyond` elements are
    written behind each."""
    cdef Py_ssize_t n = (t.w1 - t.w0) * t.nc
    if (not g.y_plain or <size_t> target(g, t) % size != 0
            or not is_contiguous(g.ys, t.w1 - t.w0, t.nc, size) or g.ys[1] != n * size):
        return 0
    return most(0, t.h1 - t.h0 - (most(0, beyond) + n - 1) // n)


cdef void store_rows(const Plan* g, const Tile* t, Py_ssize_t h, T* z, Py_ssize_t pitch,
                     char* s) noexcept nogil:
    """Rows h and after it of a tile."""
    cdef AddOp add
    add.tag = 0
    while h < t.h1:
        store(g, t, h, z, NULL, s, add)
        z += pitch
        h += 1


cdef void scatter_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                        T tag) noexcept nogil:
    cdef Py_ssize_t item
    cdef Tile t
    cdef Gather form
    cdef Places p
    p.pitch = p.nc = -1
    p.elements = g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    p.table = <Py_ssize_t*> (s + g.phases_at) + 1 if p.elements <= TABLE else NULL
    p.first = <Py_ssize_t*> (s + g.places_at)
    for item in range(lo, hi):
        locate(g, item, &t, s)
        if g.gathered:
            form = gather_form(g, &t, sizeof(T))
            if form == BY_PAIRS:
                gather_pairs(g, &t, s, tag)
            elif form == BY_ROWS:
                gather_rows(g, &t, s, tag)
            else:
                gather_tile(g, &t, s, tag)
        else:
            scatter_tile(g, &t, &p, s, tag)
