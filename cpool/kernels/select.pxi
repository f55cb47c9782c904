# Extrema with positions. The state of an element is its value and its offset inside the window
# (tap numbers of D, H, W as digits; -1: does not exist). Folding along the row first, then rows,
# then planes, always with a strict comparison, lets the first of equals in row-major order win.


cdef inline bint beats(T a, T b, Op op) noexcept nogil:
    """b takes the place of a: it is better, or the first NaN."""
    if Op is MaxOp:
        return (b > a) | ((b != b) & (a == a))
    else:
        return (b < a) | ((b != b) & (a == a))


cdef void take(T* restrict v, int32_t* restrict o, const T* restrict x, int32_t tap,
               Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    cdef T a, b
    cdef int32_t old
    cdef bint wins
    for i in range(DOWN(n, 1)):
        a = v[i]
        b = x[i]
        old = o[i]
        wins = beats(a, b, op)
        v[i] = b if wins else a
        o[i] = tap if wins else old


cdef void take_existing(T* restrict v, int32_t* restrict o, const T* restrict x,
                        const int32_t* restrict exists, int32_t tap, Py_ssize_t n,
                        Op op) noexcept nogil:
    """`exists` is 0, or -1 where x is only a stand-in: -1 | tap is -1."""
    cdef Py_ssize_t i
    cdef T a, b
    cdef int32_t old, new
    cdef bint wins
    for i in range(DOWN(n, 1)):
        a = v[i]
        b = x[i]
        old = o[i]
        new = exists[i] | tap
        wins = beats(a, b, op) | (old < 0)
        v[i] = b if wins else a
        o[i] = new if wins else old


cdef void merge(T* restrict v, int32_t* restrict o, const T* restrict x,
                const int32_t* restrict offsets, int32_t base, Py_ssize_t n, Op op) noexcept nogil:
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


cdef void select_each(const Axis* a, const Tile* t, T* v, int32_t* o, const T* line,
                      const int32_t* exists, Op op) noexcept nogil:
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
            offset = 0 if exists == NULL else exists[at]
            for i in range(1, count):
                at += step * t.nc
                if beats(best, line[at], op) or offset < 0:
                    best = line[at]
                    offset = <int32_t> i if exists == NULL else exists[at] | <int32_t> i
            v[w * t.nc + c] = best
            o[w * t.nc + c] = offset


cdef void select_along(const Plan* g, const Tile* t, T* v, int32_t* o, const T* line,
                       const int32_t* exists, char* s, Op op) noexcept nogil:
    """The windows of one line -> values and offsets. exists: NULL where every element does."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, j, at, n = (t.w1 - t.w0) * t.nc, up = UP(n, 1)
    cdef T* phases = <T*> (s + g.phases_at)
    cdef int32_t* exist_phases = <int32_t*> (phases + a.stride * g.line)
    cdef Py_ssize_t groups = (t.w1 - t.w0 - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    if a.start != NULL or a.stride > PHASES:
        select_each(a, t, v, o, line, exists, op)
        return
    if a.stride > 1:
        split(phases, g.line, line, groups, a.stride, t.nc)
        line = phases
        if exists != NULL:
            split(exist_phases, g.line, exists, groups, a.stride, t.nc)
            exists = exist_phases
    memcpy(v, line, up * sizeof(T))
    if exists == NULL:
        fill(o, up, <int32_t> 0)
    else:
        memcpy(o, exists, up * sizeof(int32_t))
    for j in range(1, a.kernel):
        i = j * a.dilation
        at = (i % a.stride) * g.line + (i // a.stride) * t.nc
        if exists == NULL:
            take(v, o, line + at, <int32_t> j, up, op)
        else:
            take_existing(v, o, line + at, exists + at, <int32_t> j, up, op)


cdef const T* load_line(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h,
                        const int32_t** exists, char* s, Op op, T tag) noexcept nogil:
    """A source row as a padded line; exists[0] is set to its marks, or to NULL."""
    cdef Py_ssize_t i, n = (t.w_hi - t.w_lo) * t.nc, width = t.width * t.nc
    cdef T* line = <T*> (s + g.result_at)
    cdef int32_t* marks = <int32_t*> (s + g.levels_at)
    cdef uint8_t* flags = <uint8_t*> (s + g.flags_at)
    cdef bint masked = g.mask != NULL or g.omit_nan
    cdef bint padded = t.width != t.w_hi - t.w_lo
    exists[0] = NULL
    if g.in_place and not padded and t.safe:
        return <const T*> place(g, t, d, h)
    if g.in_place:
        memcpy(line + t.left * t.nc, place(g, t, d, h), n * sizeof(T))
    else:
        load(g, t, d, h, line + t.left * t.nc, VALUES, s, op)
    fill_borders(g, t, line, 1, op, tag)
    if not masked and (not padded or (g.axis[2].source != NULL and t.width <= g.axis[2].reach)):
        return line
    fill(marks + t.left * t.nc, n, <int32_t> 0)
    if masked:
        load_flags(g, t, d, h, flags, EXISTING, s)
        for i in range(n):
            marks[t.left * t.nc + i] = <int32_t> flags[i] - 1
    mark_borders(g, t, marks)
    exists[0] = marks
    return line


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


cdef void select_tile(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    cdef Py_ssize_t* d_entries = <Py_ssize_t*> (s + g.entries_at)
    cdef Py_ssize_t* h_entries = d_entries + g.axis[0].kernel
    cdef Py_ssize_t i, j, d, h, row, base, n = UP((t.w1 - t.w0) * t.nc, 1)
    cdef T* v
    cdef int32_t* o
    cdef const T* line
    cdef const int32_t* exists
    cdef Run rd, rh
    taps(&g.axis[0], t.d, d_entries, &rd)
    for i in range(rd.count):
        d = d_entries[i] if rd.entries != NULL else rd.first + i * rd.step
        for h in range(t.h_lo, t.h_hi):
            line = load_line(g, t, d, row_of(&g.axis[1], h), &exists, s, op, tag)
            select_along(g, t, row_at(s, g.box_at, h - t.h_lo, g.row, tag),
                         row_at(s, g.rows_at, h - t.h_lo, g.row, <int32_t> 0), line, exists, s, op)
        for h in range(t.h0, t.h1):
            v = row_at(s, g.lines_at, h - t.h0, g.row, tag)
            o = row_at(s, g.counts_at, h - t.h0, g.row, <int32_t> 0)
            taps_in_extent(&g.axis[1], h, t.h_lo, h_entries, &rh)
            for j in range(rh.count):
                row = rh.first + j * rh.step
                base = ((rd.tap + i) * g.axis[1].kernel + rh.tap + j) * g.axis[2].kernel
                if i == 0 and j == 0:
                    memcpy(v, row_at(s, g.box_at, row, g.row, tag), n * sizeof(T))
                    fill(o, n, <int32_t> -1)
                merge(v, o, row_at(s, g.box_at, row, g.row, tag),
                      row_at(s, g.rows_at, row, g.row, <int32_t> 0), <int32_t> base, n, op)
    for h in range(t.h0, t.h1):
        store_selected(g, t, h, row_at(s, g.lines_at, h - t.h0, g.row, tag),
                       row_at(s, g.counts_at, h - t.h0, g.row, <int32_t> 0), s, op)


cdef inline Py_ssize_t element(const Axis* a, Py_ssize_t window, Py_ssize_t tap) noexcept nogil:
    """The source element that a tap of a (forward) window reads."""
    cdef Py_ssize_t at
    if a.start != NULL:
        return a.start[window] + tap
    at = window * a.stride + tap * a.dilation
    return at - a.before if a.source == NULL else a.source[at]


cdef int64_t position(const Plan* g, Py_ssize_t d, Py_ssize_t h, Py_ssize_t w,
                      int32_t offset) noexcept nogil:
    """Offset inside a window -> flat position in the unpadded input."""
    cdef const Axis* a = &g.axis[0]
    cdef int32_t kw = <int32_t> a[2].kernel, kh = <int32_t> a[1].kernel
    if offset < 0:
        return -1
    return ((element(&a[0], d, offset // kw // kh) * g.plane_shape[1] +
             element(&a[1], h, offset // kw % kh)) * g.plane_shape[2] +
            element(&a[2], w, offset % kw))


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


cdef void store_selected(const Plan* g, const Tile* t, Py_ssize_t h, T* v, int32_t* o, char* s,
                         Op op) noexcept nogil:
    cdef Py_ssize_t w, c, i = 0, n = (t.w1 - t.w0) * t.nc
    cdef char* raw = s + g.raw_at
    cdef int64_t* positions = <int64_t*> raw
    if g.q != NULL:
        narrow(raw, o, g.q_type, n)
        scatter_row(g, t, h, t.q, raw, g.qs, g.q_size)
    if g.q2 != NULL:
        for w in range(t.w0, t.w1):
            for c in range(t.nc):
                positions[i] = position(g, t.d, h, w, o[i])
                i += 1
        scatter_row(g, t, h, t.q2, raw, g.q2s, sizeof(int64_t))
    if g.mask != NULL or g.omit_nan:
        for i in range(n):
            o[i] = o[i] >= 0        # as counts: whether anything exists
        store(g, t, h, v, o, s, op)
    else:
        store(g, t, h, v, NULL, s, op)


cdef void select_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op,
                       T tag) noexcept nogil:
    cdef Py_ssize_t item
    cdef Tile t
    for item in range(lo, hi):
        locate(g, item, &t, s)
        if g.raise_nan:
            count_tile(g, &t, s)
        select_tile(g, &t, s, op, tag)
