# Weighted sums: y[d, h, w] = sum over all taps (i, j, k) of weight[i, j, k] * x[d_i, h_j, w_k].
#
# Weights that are products of one for each axis are those of the plan's axes: planes of a window
# are added up, then its rows, to one line for each row of the result, then along the line. Others
# (`dense`) differ from channel to channel. There the lines are all rows that a tile reads, and a
# row of the result is one sum over the taps in several lines. Either way that last sum is the same:
# taps are places in lines, from one row of the result to the next all of them move on alike.
#
# Lines are padded; for strides they are taken apart into phases first, so that taps are rows of
# neighbouring elements. Windows of channels need neither: they are read where they lie, each with
# the taps that it has. Planes with weights of their own are brought side by side, to be channels;
# a few that are one tile each, as phases at once. Transposed windows have their phases in the
# result instead: each is a sum over the taps that reach it, and then they are put together.
#
# Any number of taps is added up in registers, in the order of the window, by `weigh`, or, where the
# weights lie beside each other as the channels do, by `weigh_channels` and `weigh_nine`.

# Blocks of elements, in small arrays that the compiler keeps in registers: gcc makes scalars of
# vectors wider than those of the processor.

cdef extern from *:
    """
    #if defined(__AVX__)
    #define CPOOL_WIDTH 32
    #define CPOOL_EACH(part) { enum { i = 0 }; part; }
    #else
    #define CPOOL_WIDTH 16
    #define CPOOL_EACH(part) { enum { i = 0 }; part; } { enum { i = 1 }; part; }
    #endif
    typedef float cpool_floats __attribute__((vector_size(CPOOL_WIDTH), aligned(4), may_alias));
    typedef double cpool_doubles __attribute__((vector_size(CPOOL_WIDTH), aligned(8), may_alias));
    #define CPOOL_FLOATS(x) ((cpool_floats *)(x))[i]
    #define CPOOL_DOUBLES(x) ((cpool_doubles *)(x))[i]

    CPOOL_INLINE void cpool_clear_block(void *a) {
        CPOOL_EACH(CPOOL_FLOATS(a) = (cpool_floats){0})
    }
    CPOOL_INLINE void cpool_add_multiple(void *a, double w, const void *x, size_t size) {
        if (size == 4) { CPOOL_EACH(CPOOL_FLOATS(a) += (float)w * CPOOL_FLOATS(x)) }
        else { CPOOL_EACH(CPOOL_DOUBLES(a) += w * CPOOL_DOUBLES(x)) }
    }
    CPOOL_INLINE void cpool_add_products(void *a, const void *w, const void *x, size_t size) {
        if (size == 4) { CPOOL_EACH(CPOOL_FLOATS(a) += CPOOL_FLOATS(w) * CPOOL_FLOATS(x)) }
        else { CPOOL_EACH(CPOOL_DOUBLES(a) += CPOOL_DOUBLES(w) * CPOOL_DOUBLES(x)) }
    }
    CPOOL_INLINE void cpool_put_sum(void *y, const void *a, double b, size_t size) {
        if (size == 4) { CPOOL_EACH(CPOOL_FLOATS(y) = CPOOL_FLOATS(a) + (float)b) }
        else { CPOOL_EACH(CPOOL_DOUBLES(y) = CPOOL_DOUBLES(a) + b) }
    }
    CPOOL_INLINE void cpool_put_sums(void *y, const void *a, const void *b, size_t size) {
        if (size == 4) { CPOOL_EACH(CPOOL_FLOATS(y) = CPOOL_FLOATS(a) + CPOOL_FLOATS(b)) }
        else { CPOOL_EACH(CPOOL_DOUBLES(y) = CPOOL_DOUBLES(a) + CPOOL_DOUBLES(b)) }
    }
    """
    const int WIDTH "CPOOL_WIDTH"       # bytes of a vector
    void clear_block "cpool_clear_block"(void* a) noexcept nogil
    void add_multiple "cpool_add_multiple"(void* a, double w, const void* x,
                                           size_t size) noexcept nogil
    void add_products "cpool_add_products"(void* a, const void* w, const void* x,
                                           size_t size) noexcept nogil
    void put_sum "cpool_put_sum"(void* y, const void* a, double b, size_t size) noexcept nogil
    void put_sums "cpool_put_sums"(void* y, const void* a, const void* b,
                                   size_t size) noexcept nogil


# --- rows -----------------------------------------------------------------------------------------

cdef void weigh(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                const Py_ssize_t* restrict at, const T* restrict weights, Py_ssize_t count, T more,
                Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    """Each row of y = sum of weights[t] * x[at[t] ...] + more; n is a whole number of blocks. What
    is behind a row may be the next one, which is finished later."""
    cdef T a[8]
    cdef T b[8]
    cdef T c[8]
    cdef T d[8]
    cdef const T* p
    cdef Py_ssize_t i, j, t, size = PER_BLOCK(sizeof(T))
    for j in range(rows // 2 if n == 2 * size else 0):
        clear_block(a)
        clear_block(b)
        clear_block(c)
        clear_block(d)
        for t in range(count):
            p = x + at[t]
            add_multiple(a, weights[t], p, sizeof(T))
            add_multiple(b, weights[t], p + size, sizeof(T))
            add_multiple(c, weights[t], p + xp, sizeof(T))
            add_multiple(d, weights[t], p + xp + size, sizeof(T))
        put_sum(y, a, more, sizeof(T))
        put_sum(y + size, b, more, sizeof(T))
        put_sum(y + yp, c, more, sizeof(T))
        put_sum(y + yp + size, d, more, sizeof(T))
        x += 2 * xp
        y += 2 * yp
        rows -= 2
    for j in range(rows):
        i = 0
        while i + 4 * size <= n:
            clear_block(a)
            clear_block(b)
            clear_block(c)
            clear_block(d)
            for t in range(count):
                p = x + at[t] + i
                add_multiple(a, weights[t], p, sizeof(T))
                add_multiple(b, weights[t], p + size, sizeof(T))
                add_multiple(c, weights[t], p + 2 * size, sizeof(T))
                add_multiple(d, weights[t], p + 3 * size, sizeof(T))
            put_sum(y + i, a, more, sizeof(T))
            put_sum(y + i + size, b, more, sizeof(T))
            put_sum(y + i + 2 * size, c, more, sizeof(T))
            put_sum(y + i + 3 * size, d, more, sizeof(T))
            i += 4 * size
        while i + 2 * size <= n:
            clear_block(a)
            clear_block(b)
            for t in range(count):
                p = x + at[t] + i
                add_multiple(a, weights[t], p, sizeof(T))
                add_multiple(b, weights[t], p + size, sizeof(T))
            put_sum(y + i, a, more, sizeof(T))
            put_sum(y + i + size, b, more, sizeof(T))
            i += 2 * size
        while i < n:
            clear_block(a)
            for t in range(count):
                add_multiple(a, weights[t], x + at[t] + i, sizeof(T))
            put_sum(y + i, a, more, sizeof(T))
            i += size
        x += xp
        y += yp


cdef void weigh_each(T* y, const T* x, const Py_ssize_t* at, const T* weights, Py_ssize_t count,
                     T more, Py_ssize_t n) noexcept nogil:
    """The same for a few elements, of which not one more may be read."""
    cdef Py_ssize_t i, t
    cdef T value
    for i in range(n):
        value = 0
        for t in range(count):
            value = value + weights[t] * x[at[t] + i]
        y[i] = value + more


cdef void weigh_rows(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, const Py_ssize_t* at,
                     const T* weights, Py_ssize_t count, T more, Py_ssize_t n, Py_ssize_t rows,
                     bint safe) noexcept nogil:
    """Rows of any length."""
    cdef Py_ssize_t j, whole = DOWN(n, sizeof(T))
    if safe:
        weigh(y, yp, x, xp, at, weights, count, more, UP(n, sizeof(T)), rows)
        return
    for j in range(rows):
        weigh(y, 0, x, 0, at, weights, count, more, whole, 1)
        weigh_each(y + whole, x + whole, at, weights, count, more, n - whole)
        x += xp
        y += yp


cdef inline void sum_lines(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                           const Py_ssize_t* restrict at, const T* restrict weights,
                           const Py_ssize_t* restrict which, Py_ssize_t count,
                           const T* restrict more) noexcept nogil:
    """Two vectors of channels, which are whole lines of the caches, of four windows."""
    cdef T a[16]
    cdef T b[16]
    cdef T c[16]
    cdef T d[16]
    cdef const T* p
    cdef const T* v
    cdef Py_ssize_t t, lanes = PER_BLOCK(sizeof(T))
    clear_block(a)
    clear_block(b)
    clear_block(c)
    clear_block(d)
    clear_block(a + lanes)
    clear_block(b + lanes)
    clear_block(c + lanes)
    clear_block(d + lanes)
    for t in range(count):
        v = weights + which[t]
        p = x + at[t]
        add_products(a, v, p, sizeof(T))
        add_products(b, v, p + xp, sizeof(T))
        add_products(c, v, p + 2 * xp, sizeof(T))
        add_products(d, v, p + 3 * xp, sizeof(T))
        v += lanes
        p += lanes
        add_products(a + lanes, v, p, sizeof(T))
        add_products(b + lanes, v, p + xp, sizeof(T))
        add_products(c + lanes, v, p + 2 * xp, sizeof(T))
        add_products(d + lanes, v, p + 3 * xp, sizeof(T))
    put_sums(y, a, more, sizeof(T))
    put_sums(y + yp, b, more, sizeof(T))
    put_sums(y + 2 * yp, c, more, sizeof(T))
    put_sums(y + 3 * yp, d, more, sizeof(T))
    put_sums(y + lanes, a + lanes, more + lanes, sizeof(T))
    put_sums(y + yp + lanes, b + lanes, more + lanes, sizeof(T))
    put_sums(y + 2 * yp + lanes, c + lanes, more + lanes, sizeof(T))
    put_sums(y + 3 * yp + lanes, d + lanes, more + lanes, sizeof(T))


cdef void weigh_channels(T* restrict y, const T* restrict x, Py_ssize_t xp,
                         const Py_ssize_t* restrict at, const T* restrict weights,
                         const Py_ssize_t* restrict which, Py_ssize_t count,
                         const T* restrict more, Py_ssize_t n,
                         Py_ssize_t windows) noexcept nogil:
    """Windows of rows of n channels, one behind the other in y and xp apart in x; weights[which[t]]
    is the first channel's weight. Four windows at a time, the last ones, unless it is
    one, with some before them; so are the last channels: nothing is written behind a window."""
    cdef T a[8]
    cdef T b[8]
    cdef T c[8]
    cdef T d[8]
    cdef const T* p
    cdef const T* v
    cdef Py_ssize_t i, j, t, lanes = PER_BLOCK(sizeof(T))
    cdef bint again = False
    while windows >= 4 or (windows > 1 and again):
        if windows < 4:
            x -= (4 - windows) * xp
            y -= (4 - windows) * n
            windows = 4
        again = True
        i = 0
        while i + 2 * lanes <= n and WIDTH == BLOCK:
            sum_lines(y + i, n, x + i, xp, at, weights + i, which, count, more + i)
            i += 2 * lanes
        while i < n:
            i = least(i, n - lanes)
            clear_block(a)
            clear_block(b)
            clear_block(c)
            clear_block(d)
            for t in range(count):
                v = weights + which[t] + i
                p = x + at[t] + i
                add_products(a, v, p, sizeof(T))
                add_products(b, v, p + xp, sizeof(T))
                add_products(c, v, p + 2 * xp, sizeof(T))
                add_products(d, v, p + 3 * xp, sizeof(T))
            put_sums(y + i, a, more + i, sizeof(T))
            put_sums(y + n + i, b, more + i, sizeof(T))
            put_sums(y + 2 * n + i, c, more + i, sizeof(T))
            put_sums(y + 3 * n + i, d, more + i, sizeof(T))
            i += lanes
        x += 4 * xp
        y += 4 * n
        windows -= 4
    for j in range(windows):
        i = 0
        while i < n:
            i = least(i, n - lanes)
            clear_block(a)
            for t in range(count):
                add_products(a, weights + which[t] + i, x + at[t] + i, sizeof(T))
            put_sums(y + i, a, more + i, sizeof(T))
            i += lanes
        x += xp
        y += n


cdef void weigh_few_channels(T* y, const T* x, Py_ssize_t xp, const Py_ssize_t* at,
                             const T* weights, const Py_ssize_t* which, Py_ssize_t count,
                             const T* more, Py_ssize_t n, Py_ssize_t windows) noexcept nogil:
    """The same for less than a vector of them."""
    cdef Py_ssize_t c, j, t
    cdef T value
    for j in range(windows):
        for c in range(n):
            value = 0
            for t in range(count):
                value = value + weights[which[t] + c] * x[at[t] + c]
            y[c] = value + more[c]
        x += xp
        y += n


# --- what windows read ----------------------------------------------------------------------------

cdef struct List:
    # Room for the taps of a sum: where they are, and which of the window's they are.
    Py_ssize_t* at
    Py_ssize_t* tap
    Py_ssize_t count


cdef inline void put_tap(List* list, Py_ssize_t at, Py_ssize_t tap) noexcept nogil:
    list.at[list.count] = at
    list.tap[list.count] = tap
    list.count += 1


cdef void list_covering(const Axis* a, Py_ssize_t position, Py_ssize_t lo,
                        List* list) noexcept nogil:
    """The windows that read a padded position."""
    cdef Py_ssize_t tap, window, at
    for tap in range(a.kernel):
        at = position - tap * a.dilation
        if at < 0:
            return
        window = at // a.stride if a.stride > 1 else at
        if window * a.stride == at and window < a.n:
            put_tap(list, window - lo, tap)


cdef void list_taps(const Axis* a, Py_ssize_t o, Py_ssize_t lo, bint direct,
                    List* list) noexcept nogil:
    """What element o of the result is added up from: elements of the source (direct), or places of
    an extent that begins at `lo`."""
    cdef Py_ssize_t i, at, tap
    list.count = 0
    if direct:
        lo = 0
    if a.identity:
        put_tap(list, o - lo, 0)
        return
    if a.transposed and a.source == NULL:
        list_covering(a, o + a.before, lo, list)
        return
    if a.transposed:
        for i in range(a.image0[o], a.image0[o + 1]):
            list_covering(a, a.images[i], lo, list)
        return
    for tap in range(a.kernel):
        at = o * a.stride + tap * a.dilation
        if a.source != NULL:
            if at < a.reach:
                put_tap(list, a.source[at] if direct else at - lo, tap)
        elif a.before <= at < a.before + a.n:
            put_tap(list, at - a.before - lo, tap)


cdef void use_weights(const Axis* a, List* list, Py_ssize_t pitch, T* weights) noexcept nogil:
    """Taps of an axis become distances in memory, and get the axis' weights."""
    cdef Py_ssize_t i
    for i in range(list.count):
        weights[i] = 1 if a.weight == NULL else <T> a.weight[list.tap[i]]
        list.at[i] = list.at[i] * pitch


cdef inline List list_at(const Plan* g, int number, char* s) noexcept nogil:
    """Room for one of three lists."""
    cdef List list
    list.at = <Py_ssize_t*> (s + g.taps_at) + 2 * number * g.taps
    list.tap = list.at + g.taps
    list.count = 0
    return list


cdef inline T* weights_at(const Plan* g, int number, char* s, T tag) noexcept nogil:
    return <T*> (s + g.weights_at) + number * g.taps


# --- source rows ----------------------------------------------------------------------------------

cdef void load_numbers(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, T* y,
                       char* s) noexcept nogil:
    """Source row (d, h) of a tile, as numbers that are added up."""
    cdef Py_ssize_t nw = t.w_hi - t.w_lo, n = nw * t.nc
    cdef const char* raw = place(g, t, d, h)
    if is_floating(g.x_type):
        load_plain(g, t, d, h, y, s)
        return
    if g.x_swapped or not is_contiguous(g.xs, nw, t.nc, g.x_size) or <size_t> raw % g.x_size != 0:
        gather(s + g.raw_at, raw, nw, t.nc, g.xs[2], g.xs[3], g.x_size, g.x_swapped)
        raw = s + g.raw_at
    if g.x_type == BOOL or g.x_type == UINT8:
        widen(y, <const uint8_t*> raw, n)
    elif T is double:
        if g.x_type == INT8:
            widen(y, <const int8_t*> raw, n)
        elif g.x_type == INT16:
            widen(y, <const int16_t*> raw, n)
        elif g.x_type == UINT16:
            widen(y, <const uint16_t*> raw, n)
        elif g.x_type == INT32:
            widen(y, <const int32_t*> raw, n)
        elif g.x_type == UINT32:
            widen(y, <const uint32_t*> raw, n)
        elif g.x_type == INT64:
            widen(y, <const int64_t*> raw, n)
        else:
            widen(y, <const uint64_t*> raw, n)


cdef const T* weigh_planes(const Plan* g, const Tile* t, Py_ssize_t* pitch, bint* direct,
                           bint* safe, char* s, T tag) noexcept nogil:
    """The source rows of a tile, the planes of the windows added up: all that there are, where they
    lie (direct), or the tile's own."""
    cdef Py_ssize_t h, i, row, n = (t.w_hi - t.w_lo) * t.nc
    cdef List list = list_at(g, 0, s)
    cdef T* weights = weights_at(g, 0, s, tag)
    cdef T* y
    direct[0] = g.in_place and g.axis[0].identity
    safe[0] = t.safe or not direct[0]
    if direct[0]:
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        return <const T*> place(g, t, t.d, 0)
    pitch[0] = g.line
    for h in range(t.h_lo, t.h_hi):
        row = row_of(&g.axis[1], h)
        y = row_at(s, g.box_at, h - t.h_lo, g.line, tag)
        if g.axis[0].identity:
            load_numbers(g, t, t.d, row, y, s)
            continue
        list_taps(&g.axis[0], t.d, 0, True, &list)
        for i in range(0 if g.in_place else list.count):
            load_numbers(g, t, list.at[i], row, row_at(s, g.rows_at, i, g.line, tag), s)
            list.at[i] = i
        if g.in_place:
            use_weights(&g.axis[0], &list, g.xs[0] // <Py_ssize_t> sizeof(T), weights)
            weigh_rows(y, 0, <const T*> place(g, t, 0, row), 0, list.at, weights, list.count,
                       <T> 0, n, 1, t.safe)
        else:
            use_weights(&g.axis[0], &list, g.line, weights)
            weigh_rows(y, 0, row_at(s, g.rows_at, 0, g.line, tag), 0, list.at, weights,
                       list.count, <T> 0, n, 1, True)
    return row_at(s, g.box_at, 0, g.line, tag)


cdef void weigh_heights(const Plan* g, const Tile* t, char* s, T tag) noexcept nogil:
    """A line for each row of the result: the rows of its window added up."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t h, rows, first, stop, pitch, n = (t.w_hi - t.w_lo) * t.nc
    cdef Py_ssize_t fresh = 0
    cdef bint direct, safe
    cdef T* line = row_at(s, g.lines_at, 0, g.line, tag)
    cdef List list = list_at(g, 0, s)
    cdef T* weights = weights_at(g, 0, s, tag)
    cdef const T* x = weigh_planes(g, t, &pitch, &direct, &safe, s, tag)
    if t.h0 > 0:
        # The tile before has read what its last window shares with these.
        fresh = most(0, (t.h0 - 1) * a.stride - a.before + (a.kernel - 1) * a.dilation + 1)
    full_windows(a, t.h0, t.h1, &first, &stop)
    h = t.h0
    while h < t.h1:
        rows = stop - h if h == first and h < stop else 1
        if direct and g.streamed:
            rows = 1
            fresh = touch_windows(g, t, h, rows, fresh)
        list_taps(a, h, t.h_lo, direct, &list)
        use_weights(a, &list, pitch, weights)
        weigh_rows(line + (h - t.h0) * g.line + t.left * t.nc, g.line, x, a.stride * pitch,
                   list.at, weights, list.count, <T> 0, n, rows, safe)
        h += rows


cdef void list_planes(const Plan* g, const Tile* t, List* planes) noexcept nogil:
    """The planes that a dense sum reads; -1 for one of the padding."""
    cdef const Axis* a = &g.axis[0]
    cdef Py_ssize_t tap, at
    if a.transposed:
        list_taps(a, t.d, 0, True, planes)
        return
    for tap in range(a.kernel):
        at = t.d * a.stride + tap * a.dilation - a.before
        put_tap(planes, at if 0 <= at < a.n else -1, tap)


cdef inline Py_ssize_t back_of(const Axis* a) noexcept nogil:
    """How many windows before the first one of a phase may reach its first element."""
    return (a.kernel - 1) * a.dilation // a.stride


cdef Py_ssize_t lines_of_tile(const Axis* a, const Tile* t, Py_ssize_t* first) noexcept nogil:
    """The lines that a dense sum reads of each plane, and the source row of the first one: those
    outside of the plane are zeros, so that all windows are alike."""
    cdef Py_ssize_t q0, q1
    if a.transposed:
        q0, q1 = phases_of(a, t.h0, t.h1)
        first[0] = q0 - back_of(a)
        return q1 - first[0]
    first[0] = t.h0 * a.stride - a.before
    return (t.h1 - t.h0 - 1) * a.stride + (a.kernel - 1) * a.dilation + 1


cdef void list_lines(const Plan* g, const Tile* t, Py_ssize_t phase, const List* planes,
                     List* lines) noexcept nogil:
    """The lines that reach the first row of a phase of a transposed dense sum, and the first tap
    along each."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t i, j, first, rows = lines_of_tile(a, t, &first)
    lines.count = 0
    for i in range(planes.count):
        for j in range(a.kernel):
            if j * a.dilation % a.stride == phase:
                put_tap(lines, (i * rows + back_of(a) - j * a.dilation // a.stride) * g.line,
                        (planes.tap[i] * a.kernel + j) * g.axis[2].kernel)


cdef void load_lines(const Plan* g, const Tile* t, const List* planes, char* s,
                     T tag) noexcept nogil:
    """All rows that a tile reads, of all planes that it does; zeros where there are none."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t i, j, row, first, rows = lines_of_tile(a, t, &first)
    cdef Py_ssize_t size = (t.w_hi - t.w_lo) * t.nc * sizeof(T)
    cdef T* line = row_at(s, g.lines_at, 0, g.line, tag)
    for i in range(planes.count):
        for j in range(rows):
            row = first + j
            if planes.at[i] < 0 or row < 0 or row >= a.n:
                fill(line, t.width * t.nc, <T> 0)
            elif g.in_place:
                memcpy(line + t.left * t.nc, place(g, t, planes.at[i], row), size)
            else:
                load_numbers(g, t, planes.at[i], row, line + t.left * t.nc, s)
            line += g.line


# --- along the row --------------------------------------------------------------------------------

cdef inline bint in_phases(const Plan* g, Py_ssize_t nc, size_t size) noexcept nogil:
    """Whether lines are taken apart: the channels of a window are not a row themselves."""
    return not g.axis[2].transposed and g.axis[2].stride > 1 and nc * size < BLOCK


cdef inline bint shares_phases(const Axis* a) noexcept nogil:
    """Whether phases are those of the stride; where it is long, there is one for each tap."""
    return a.stride <= a.kernel


cdef inline void clear_behind(T* line, Py_ssize_t n, Py_ssize_t lines,
                              Py_ssize_t pitch) noexcept nogil:
    """What is behind n elements of a line is weighed with them, and thrown away. Of subnormal
    numbers, which any bytes may be, that would take ten times as long."""
    cdef Py_ssize_t i
    for i in range(lines if n + 2 * PER_BLOCK(sizeof(T)) <= pitch else 0):
        memset(line + i * pitch + n, 0, 2 * BLOCK)


cdef void split_lines(const Plan* g, const Tile* t, Py_ssize_t lines, char* s,
                      T tag) noexcept nogil:
    """Lines are taken apart into phases."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, phase, first, n
    cdef const T* line = row_at(s, g.lines_at, 0, g.line, tag)
    cdef T* y = row_at(s, g.phases_at, 0, g.phase, tag)
    for i in range(lines):
        if a.stride == 2 and t.nc == 1 and a.kernel > 1:
            n = UP((t.width + 1) // 2, sizeof(T))
            split2(y, y + g.phase, line, n)
            clear_behind(y, n, 2, g.phase)
        else:
            for phase in range(g.phases):
                first = phase if shares_phases(a) else phase * a.dilation
                n = (t.width - first + a.stride - 1) // a.stride
                thin_out(y + phase * g.phase, line + first * t.nc, n, a.stride * t.nc, t.nc)
                clear_behind(y + phase * g.phase, n * t.nc, 1, g.phase)
        line += g.line
        y += g.phases * g.phase


cdef Py_ssize_t tap_in_line(const Plan* g, const Tile* t, Py_ssize_t tap,
                            size_t size) noexcept nogil:
    """Where in a line a tap of its first window is, or, transposed, of the first element that it
    reaches."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t reach = tap * a.dilation
    if a.transposed:
        return (back_of(a) - reach // a.stride) * t.nc
    if in_phases(g, t.nc, size):
        if not shares_phases(a):
            return tap * g.phase
        return reach % a.stride * g.phase + reach // a.stride * t.nc
    return reach * t.nc


cdef void sum_along(const Plan* g, const Tile* t, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                    Py_ssize_t rows, const List* list, const T* weights,
                    const T* dense) noexcept nogil:
    """Rows of the result, in any order of memory that lines have; dense: NULL, or the channels'
    weights, in which list.tap says where each tap's are."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t h, m = t.w1 - t.w0
    cdef const T* more = NULL
    if dense != NULL:
        more = dense + g.window * (g.tap_step // <Py_ssize_t> sizeof(T))
    if a.stride == 1 and (dense == NULL or g.inner == 1) or in_phases(g, t.nc, sizeof(T)):
        weigh(y, yp, x, xp, list.at, weights, list.count, more[0] if dense != NULL else <T> 0,
              UP(m * t.nc, sizeof(T)), rows)
        return
    for h in range(rows):
        if dense == NULL:
            weigh(y, t.nc, x, a.stride * t.nc, list.at, weights, list.count, <T> 0,
                  UP(t.nc, sizeof(T)), m)
        else:
            sum_channels(g, t, y, x, a.stride * t.nc, m, list, dense)
        x += xp
        y += yp


cdef void sum_channels(const Plan* g, const Tile* t, T* y, const T* x, Py_ssize_t xp,
                       Py_ssize_t windows, const List* list, const T* dense) noexcept nogil:
    cdef const T* more = dense + g.window * (g.tap_step // <Py_ssize_t> sizeof(T))
    if t.nc * <Py_ssize_t> sizeof(T) < BLOCK:
        weigh_few_channels(y, x, xp, list.at, dense, list.tap, list.count, more, t.nc, windows)
    else:
        weigh_channels(y, x, xp, list.at, dense, list.tap, list.count, more, t.nc, windows)


cdef Py_ssize_t rows_into_result(const Plan* g, const Tile* t, Py_ssize_t size) noexcept nogil:
    """How many rows of a tile can be written where the result is: what is behind each, which may
    be written over, must be a later row of the same tile."""
    cdef Py_ssize_t n = t.w1 * t.nc, rows = t.h1 - t.h0
    cdef bint in_one_go = g.axis[2].stride == 1 or in_phases(g, t.nc, size)     # see sum_along
    if (not g.y_plain or t.w0 > 0 or t.w1 < g.axis[2].m or t.nc < g.inner
            or g.ys[1] != n * size or not is_contiguous(g.ys, t.w1, t.nc, size)
            or <size_t> target(g, t) % size != 0):
        return 0
    if t.nc == UP(t.nc, size) or (in_one_go and n == UP(n, size)):
        return rows
    return most(0, rows - 1 - BLOCK // (n * size))


cdef void finish_rows(const Plan* g, const Tile* t, const T* x, Py_ssize_t xp, const List* list,
                      const T* weights, const T* dense, char* s) noexcept nogil:
    """Sums along lines, xp apart from one row of the result to the next, to the result."""
    cdef Py_ssize_t h, rows = t.h1 - t.h0, straight = rows_into_result(g, t, sizeof(T))
    cdef T* z = <T*> (s + g.result_at)
    cdef AddOp op
    op.tag = 0
    if straight > 0:
        sum_along(g, t, <T*> target(g, t), t.w1 * t.nc, x, xp, straight, list, weights, dense)
    sum_along(g, t, z, g.row, x + straight * xp, xp, rows - straight, list, weights, dense)
    for h in range(straight, rows):
        store(g, t, t.h0 + h, z + (h - straight) * g.row, NULL, s, op)


cdef void merge_phase(T* wide, const T* x, Py_ssize_t groups, Py_ssize_t phase, Py_ssize_t stride,
                      Py_ssize_t nc) noexcept nogil:
    """Every stride-th group of a row."""
    cdef Py_ssize_t i
    for i in range(groups):
        memcpy(wide + (i * stride + phase) * nc, x + i * nc, nc * sizeof(T))


cdef void give_back(const Axis* a, T* wide, Py_ssize_t nc) noexcept nogil:
    """What padding got goes to the elements that it repeats."""
    cdef Py_ssize_t j, c, to
    for j in range(a.reach):
        if a.before <= j < a.before + a.m:
            continue
        to = (a.before + a.source[j]) * nc
        for c in range(nc):
            wide[to + c] = wide[to + c] + wide[j * nc + c]


cdef void list_reaching(const Plan* g, const Tile* t, const List* lines, Py_ssize_t phase,
                        const T* dense, List* list, T* weights) noexcept nogil:
    """The taps along W that reach one phase of a transposed sum, in each of some lines."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, tap, which
    list.count = 0
    for i in range(lines.count):
        for tap in range(a.kernel):
            if a.stride > 1 and tap * a.dilation % a.stride != phase:
                continue
            which = (lines.tap[i] + tap) * (g.tap_step // <Py_ssize_t> sizeof(T))
            if dense != NULL:
                weights[list.count] = dense[which]
            else:
                weights[list.count] = 1 if a.weight == NULL else <T> a.weight[tap]
            put_tap(list, lines.at[i] + tap_in_line(g, t, tap, sizeof(T)), which)


cdef void spread_phase(const Plan* g, const Tile* t, T* y, Py_ssize_t yp, const T* x,
                       Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows, const List* list,
                       const T* weights, const T* dense) noexcept nogil:
    """Rows of n elements of one phase."""
    cdef Py_ssize_t i, step = g.tap_step // <Py_ssize_t> sizeof(T)
    if dense == NULL or g.inner == 1:
        weigh(y, yp, x, xp, list.at, weights, list.count,
              <T> 0 if dense == NULL else dense[g.window * step], UP(n * t.nc, sizeof(T)), rows)
        return
    for i in range(rows):
        sum_channels(g, t, y + i * yp, x + i * xp, t.nc, n, list, dense)


cdef void spread_rows(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t step, Py_ssize_t rows,
                      const T* x, Py_ssize_t xp, const List* lines, const T* dense,
                      char* s) noexcept nogil:
    """Rows h, h + step, ... of a transposed sum, from lines that have what there is along D and H,
    xp apart from one row to the next."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, phase, q0, q1
    cdef List list = list_at(g, 2, s)
    cdef T* weights = weights_at(g, 2, s, <T> 0)
    cdef T* wide = <T*> (s + g.result_at)
    cdef T* part = <T*> (s + g.phases_at)
    cdef AddOp op
    op.tag = 0
    q0, q1 = phases_of(a, t.w0, t.w1)
    if a.stride == 1:
        list_reaching(g, t, lines, 0, dense, &list, weights)
        if step == 1 and a.source == NULL:
            finish_rows(g, t, x, xp, &list, weights, dense, s)
            return
        spread_phase(g, t, wide, g.row, x, xp, q1 - q0, rows, &list, weights, dense)
    for phase in range(a.stride if a.stride > 1 else 0):
        part = <T*> (s + g.phases_at) + phase % 2 * rows * g.phase
        list_reaching(g, t, lines, phase, dense, &list, weights)
        spread_phase(g, t, part, g.phase, x, xp, q1 - q0, rows, &list, weights, dense)
        for i in range(rows if a.stride > 2 or t.nc > 1 else 0):
            merge_phase(wide + i * g.row, part + i * g.phase, q1 - q0, phase, a.stride, t.nc)
    if a.stride == 2 and t.nc == 1:
        zip2(wide, g.row, part - rows * g.phase, part, g.phase, UP(q1 - q0, sizeof(T)), rows)
    for i in range(rows):
        if a.source != NULL:
            give_back(a, wide, t.nc)
        store(g, t, h + i * step, wide + (t.w0 + a.before - q0 * a.stride) * t.nc, NULL, s, op)
        wide += g.row


# --- dense sums without lines ---------------------------------------------------------------------

cdef inline bint lies_in_rows(const Plan* g, const Tile* t, Py_ssize_t size) noexcept nogil:
    """Whether windows of channels are read where they are: a window has the taps that there are."""
    return (g.in_place and g.inner > 1 and not g.axis[2].transposed
            and t.nc * size >= BLOCK)


cdef void list_existing(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t w,
                        List* list) noexcept nogil:
    """The taps of a window that are elements, from the plane's first one on."""
    cdef const Axis* a = &g.axis[0]
    cdef Py_ssize_t i, j, k, d, row, at, size = g.x_size
    list.count = 0
    for i in range(a[0].kernel):
        d = t.d * a[0].stride + i * a[0].dilation - a[0].before
        for j in range(a[1].kernel if 0 <= d < a[0].n else 0):
            row = h * a[1].stride + j * a[1].dilation - a[1].before
            for k in range(a[2].kernel if 0 <= row < a[1].n else 0):
                at = w * a[2].stride + k * a[2].dilation - a[2].before
                if 0 <= at < a[2].n:
                    put_tap(list, (d * g.xs[0] + row * g.xs[1] + at * g.xs[2]) // size,
                            ((i * a[1].kernel + j) * a[2].kernel + k) * (g.tap_step // size))


cdef void weigh_in_rows(const Plan* g, const Tile* t, const T* dense, char* s) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t h, w, n, step = a.stride * (g.xs[2] // <Py_ssize_t> sizeof(T))
    cdef Py_ssize_t straight = rows_into_result(g, t, sizeof(T)), first, stop, fresh = 0
    cdef List list = list_at(g, 0, s)
    cdef const T* x = <const T*> (place(g, t, 0, 0) - t.w_lo * g.xs[2])
    cdef T* z
    cdef AddOp op
    op.tag = 0
    full_windows(a, t.w0, t.w1, &first, &stop)
    for h in range(t.h0, t.h1):
        if g.streamed:
            fresh = touch_windows(g, t, h, 1, fresh)
        z = <T*> (s + g.result_at)
        if h - t.h0 < straight:
            z = <T*> target(g, t) + (h - t.h0) * t.w1 * t.nc
        w = t.w0
        while w < t.w1:
            n = stop - w if w == first and first < stop else 1
            list_existing(g, t, h, w, &list)
            sum_channels(g, t, z + (w - t.w0) * t.nc, x, step, n, &list, dense)
            w += n
        if h - t.h0 >= straight:
            store(g, t, h, z, NULL, s, op)


cdef inline bint in_whole_planes(const Plan* g) noexcept nogil:
    """Whether each tile is a plane, of rows that are read where they are and are taken apart to two
    phases at most: what is padding in one of them is padding in all."""
    return (g.dense and g.in_place and g.inner == 1 and g.axis[0].identity
            and not g.axis[2].transposed and g.axis[2].stride <= 2 and g.tiles[0] == 1
            and g.tiles[1] == 1)


cdef inline Py_ssize_t half_line(const Plan* g, const Tile* t, Py_ssize_t size) noexcept nogil:
    """Elements from phase to phase: room for what is written behind a row."""
    cdef Py_ssize_t stride = g.axis[2].stride
    return UP(t.width // stride + 1 + 2 * UP(1, size), size)


cdef void bring_plane(const Plan* g, const Tile* t, T* lines, Py_ssize_t phase) noexcept nogil:
    """Rows of a plane between zeros, taken apart; zeros are there before, but for those behind a
    row."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t last, first, stop = lines_of_tile(&g.axis[1], t, &first)
    cdef Py_ssize_t n = t.w_hi - t.w_lo, half = UP((n + 1) // 2, sizeof(T))
    cdef Py_ssize_t row = most(first, 0), line = a.stride * phase
    # Where elements 0 and 1 of a row go to.
    cdef T* even_ones = lines + (row - first) * line + t.left // a.stride
    cdef T* odd_ones = even_ones + phase
    if a.stride == 2 and t.left % 2 == 1:
        even_ones, odd_ones = odd_ones, even_ones + 1
    stop = least(stop + first, g.axis[1].n)
    while row < stop:
        if a.stride == 1:
            memcpy(even_ones, place(g, t, t.d, row), n * sizeof(T))
        else:
            split2(even_ones, odd_ones, <const T*> place(g, t, t.d, row), half)
        last = n
        while last < t.width - t.left and a.stride == 2:
            (odd_ones if last % 2 == 1 else even_ones)[last // 2] = 0
            last += 1
        even_ones += line
        odd_ones += line
        row += 1


cdef void weigh_plane(const Plan* g, const Tile* t, const T* w, char* s) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef const Axis* b = &g.axis[1]
    cdef Py_ssize_t phase = half_line(g, t, sizeof(T)), line = a.stride * phase
    cdef Py_ssize_t j, k, reach, tap = 0, step = g.tap_step // <Py_ssize_t> sizeof(T)
    cdef T* lines = <T*> (s + g.lines_at)
    cdef T* weights = weights_at(g, 0, s, <T> 0)
    cdef List list = list_at(g, 2, s)
    bring_plane(g, t, lines, phase)
    for j in range(b.kernel):
        for k in range(a.kernel):
            reach = k * a.dilation
            weights[tap] = w[tap * step]
            put_tap(&list, j * b.dilation * line + reach % a.stride * phase + reach // a.stride,
                    tap * step)
            tap += 1
    finish_rows(g, t, lines, b.stride * line, &list, weights, w, s)


# --- planes side by side --------------------------------------------------------------------------
# Rows of planes, each of which has its own weights, are too short to be vectors, and strides leave
# gaps in them. So as many planes as a block has lanes are brought side by side, as channels are.

cdef extern from *:
    """
    /* The columns of a square of as many rows as a block has elements, from x to y. */
    #if defined(__AVX2__)
    #define CPOOL_HALVES(x, xp, half, i) _mm256_insertf128_ps( \
        _mm256_castps128_ps256(_mm_loadu_ps((x) + (i) * (xp))), \
        _mm_loadu_ps((x) + ((i) + half) * (xp)), 1)
    CPOOL_INLINE void cpool_turn_half(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp) {
        __m256 a = CPOOL_HALVES(x, xp, 4, 0), b = CPOOL_HALVES(x, xp, 4, 1);
        __m256 c = CPOOL_HALVES(x, xp, 4, 2), d = CPOOL_HALVES(x, xp, 4, 3);
        __m256 p = _mm256_unpacklo_ps(a, b), q = _mm256_unpacklo_ps(c, d);
        __m256 r = _mm256_unpackhi_ps(a, b), t = _mm256_unpackhi_ps(c, d);
        _mm256_storeu_ps(y, _mm256_shuffle_ps(p, q, 0x44));
        _mm256_storeu_ps(y + yp, _mm256_shuffle_ps(p, q, 0xee));
        _mm256_storeu_ps(y + 2 * yp, _mm256_shuffle_ps(r, t, 0x44));
        _mm256_storeu_ps(y + 3 * yp, _mm256_shuffle_ps(r, t, 0xee));
    }
    CPOOL_INLINE void cpool_turn_floats(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp) {
        cpool_turn_half(y, yp, x, xp);
        cpool_turn_half(y + 4 * yp, yp, x + 4, xp);
    }
    CPOOL_INLINE void cpool_turn_pair(double *y, Py_ssize_t yp, const double *x, Py_ssize_t xp) {
        const float *v = (const float *)x;
        __m256d a = _mm256_castps_pd(CPOOL_HALVES(v, 2 * xp, 2, 0));
        __m256d b = _mm256_castps_pd(CPOOL_HALVES(v, 2 * xp, 2, 1));
        _mm256_storeu_pd(y, _mm256_unpacklo_pd(a, b));
        _mm256_storeu_pd(y + yp, _mm256_unpackhi_pd(a, b));
    }
    CPOOL_INLINE void cpool_turn_doubles(double *y, Py_ssize_t yp, const double *x,
                                         Py_ssize_t xp) {
        cpool_turn_pair(y, yp, x, xp);
        cpool_turn_pair(y + 2 * yp, yp, x + 2, xp);
    }
    #elif defined(__SSE2__)
    #include <emmintrin.h>
    CPOOL_INLINE void cpool_turn_quarter(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp) {
        __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + xp);
        __m128 c = _mm_loadu_ps(x + 2 * xp), d = _mm_loadu_ps(x + 3 * xp);
        _MM_TRANSPOSE4_PS(a, b, c, d);
        _mm_storeu_ps(y, a);
        _mm_storeu_ps(y + yp, b);
        _mm_storeu_ps(y + 2 * yp, c);
        _mm_storeu_ps(y + 3 * yp, d);
    }
    CPOOL_INLINE void cpool_turn_floats(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp) {
        cpool_turn_quarter(y, yp, x, xp);
        cpool_turn_quarter(y + 4, yp, x + 4 * xp, xp);
        cpool_turn_quarter(y + 4 * yp, yp, x + 4, xp);
        cpool_turn_quarter(y + 4 * yp + 4, yp, x + 4 * xp + 4, xp);
    }
    CPOOL_INLINE void cpool_turn_two(double *y, Py_ssize_t yp, const double *x, Py_ssize_t xp) {
        __m128d a = _mm_loadu_pd(x), b = _mm_loadu_pd(x + xp);
        _mm_storeu_pd(y, _mm_unpacklo_pd(a, b));
        _mm_storeu_pd(y + yp, _mm_unpackhi_pd(a, b));
    }
    CPOOL_INLINE void cpool_turn_doubles(double *y, Py_ssize_t yp, const double *x,
                                         Py_ssize_t xp) {
        cpool_turn_two(y, yp, x, xp);
        cpool_turn_two(y + 2, yp, x + 2 * xp, xp);
        cpool_turn_two(y + 2 * yp, yp, x + 2, xp);
        cpool_turn_two(y + 2 * yp + 2, yp, x + 2 * xp + 2, xp);
    }
    #else
    #define CPOOL_TURN_BLOCK(name, number) \
        CPOOL_INLINE void name(number *y, Py_ssize_t yp, const number *x, Py_ssize_t xp) { \
            for (size_t i = 0; i < BLOCK / sizeof(number); i++) \
                for (size_t j = 0; j < BLOCK / sizeof(number); j++) y[j * yp + i] = x[i * xp + j]; \
        }
    CPOOL_TURN_BLOCK(cpool_turn_floats, float)
    CPOOL_TURN_BLOCK(cpool_turn_doubles, double)
    #endif
    CPOOL_INLINE void cpool_turn_block(void *y, Py_ssize_t yp, const void *x, Py_ssize_t xp,
                                       size_t size) {
        if (size == 4) cpool_turn_floats(y, yp, x, xp);
        else cpool_turn_doubles(y, yp, x, xp);
    }
    """
    void turn_block "cpool_turn_block"(void* y, Py_ssize_t yp, const void* x, Py_ssize_t xp,
                                       size_t size) noexcept nogil


cdef void turn_rows(T* restrict y, const T* restrict x, Py_ssize_t xp, Py_ssize_t n) noexcept nogil:
    """Rows of n elements, as many as a block has lanes, become n groups."""
    cdef Py_ssize_t i = 0, j, lanes = PER_BLOCK(sizeof(T))
    while i < n and n >= lanes:
        i = least(i, n - lanes)
        turn_block(y + i * lanes, lanes, x + i, xp, sizeof(T))
        i += lanes
    while i < n:
        for j in range(lanes):
            y[i * lanes + j] = x[j * xp + i]
        i += 1


cdef void bring_groups(T* y, const char* x, Py_ssize_t plane, Py_ssize_t step,
                       Py_ssize_t n) noexcept nogil:
    """n groups of elements that are `plane` and `step` bytes apart, either of which is none."""
    cdef Py_ssize_t i, size = sizeof(T), lanes = PER_BLOCK(sizeof(T))
    if step == size or n == 1:
        turn_rows(y, <const T*> x, plane // size, n)
        return
    for i in range(n):
        copy_vector(y + i * lanes, x + i * step)


cdef void turn_groups(T* restrict y, Py_ssize_t yp, const T* restrict x,
                      Py_ssize_t n) noexcept nogil:
    """The way back."""
    cdef Py_ssize_t i = 0, j, lanes = PER_BLOCK(sizeof(T))
    while i < n and n >= lanes:
        i = least(i, n - lanes)
        turn_block(y + i, yp, x + i * lanes, lanes, sizeof(T))
        i += lanes
    while i < n:
        for j in range(lanes):
            y[j * yp + i] = x[i * lanes + j]
        i += 1


cdef inline void add_three(T* a, const T* weights, const T* x) noexcept nogil:
    add_products(a, weights, x, sizeof(T))
    add_products(a, weights + PER_BLOCK(sizeof(T)), x + PER_BLOCK(sizeof(T)), sizeof(T))
    add_products(a, weights + 2 * PER_BLOCK(sizeof(T)), x + 2 * PER_BLOCK(sizeof(T)), sizeof(T))


cdef inline void sum_nine(T* y, const T* weights, const T* more, const T* x,
                          Py_ssize_t row) noexcept nogil:
    cdef T a[8]
    clear_block(a)
    add_three(a, weights, x)
    add_three(a, weights + 3 * PER_BLOCK(sizeof(T)), x + row)
    add_three(a, weights + 6 * PER_BLOCK(sizeof(T)), x + 2 * row)
    put_sums(y, a, more, sizeof(T))


cdef void weigh_nine(T* restrict y, const T* restrict x, Py_ssize_t down, Py_ssize_t xp,
                     Py_ssize_t row, const T* restrict weights, Py_ssize_t windows,
                     Py_ssize_t rows) noexcept nogil:
    """Windows of 3 x 3 neighbouring groups, their weights in registers; xp apart, and `down` from
    one row of them to the next."""
    cdef T w[80]
    cdef const T* p
    cdef Py_ssize_t i, j, k, lanes = PER_BLOCK(sizeof(T))
    for k in range(10):
        copy_vector(w + k * lanes, weights + k * lanes)
    for j in range(rows):
        p = x
        for i in range(windows):
            sum_nine(y, w, w + 9 * lanes, p, row)
            p += xp
            y += lanes
        x += down


cdef void bring_abreast(const Plan* g, const Tile* t, T* lines, char* s) noexcept nogil:
    """The padded rows that a tile reads of some planes, those of all planes together."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t i, row, first, lanes = PER_BLOCK(sizeof(T)), line = t.width * lanes
    cdef Py_ssize_t stop = lines_of_tile(a, t, &first) + first, n = t.w_hi - t.w_lo
    cdef Py_ssize_t left = t.left * lanes, right = left + n * lanes
    cdef T* rows = row_at(s, g.rows_at, 0, g.line, <T> 0)
    for row in range(first, stop):
        if row < 0 or row >= a.n:
            fill(lines, line, <T> 0)
            lines += line
            continue
        fill(lines, left, <T> 0)
        fill(lines + right, line - right, <T> 0)
        if g.in_place and t.d1 - t.d == lanes:
            bring_groups(lines + left, place(g, t, t.d, row), g.xs[0], g.xs[2], n)
        else:
            for i in range(t.d1 - t.d):
                load_numbers(g, t, t.d + i, row, rows + i * g.line, s)
            turn_rows(lines + left, rows, g.line, n)
        lines += line


cdef void put_abreast(const Plan* g, const Tile* t, const T* z, char* s) noexcept nogil:
    """Sums of some planes to the result."""
    cdef Py_ssize_t i, h, n = t.w1 - t.w0, lanes = PER_BLOCK(sizeof(T)), size = sizeof(T)
    cdef bint whole = t.d1 - t.d == lanes and g.y_plain and <size_t> target(g, t) % size == 0
    cdef T* rows = row_at(s, g.rows_at, 0, g.line, <T> 0)
    cdef Tile part
    cdef AddOp op
    op.tag = 0
    if whole and g.ys[0] % size == 0 and g.ys[1] == n * size and is_contiguous(g.ys, n, 1, size):
        turn_groups(<T*> target(g, t), g.ys[0] // size, z, (t.h1 - t.h0) * n)
        return
    part = t[0]
    for h in range(t.h0, t.h1):
        turn_groups(rows, g.line, z, n)
        for i in range(t.d1 - t.d):
            part.d = t.d + i
            store(g, &part, h, rows + i * g.line, NULL, s, op)
        z += n * lanes


cdef void weigh_abreast(const Plan* g, const Tile* t, const char* dense, char* s,
                        T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef const Axis* b = &g.axis[1]
    cdef Py_ssize_t h, j, k, lanes = PER_BLOCK(sizeof(T)), line = t.width * lanes, m = t.w1 - t.w0
    cdef T* x = <T*> (s + g.lines_at)
    cdef T* z = <T*> (s + g.result_at)
    cdef T* weights = weights_at(g, 0, s, tag)
    cdef List list = list_at(g, 0, s)
    for k in range(g.window + 1):
        memcpy(weights + k * lanes, dense + k * g.tap_step, (t.d1 - t.d) * sizeof(T))
    for j in range(b.kernel):
        for k in range(a.kernel):
            put_tap(&list, j * b.dilation * line + k * a.dilation * lanes, list.count * lanes)
    bring_abreast(g, t, x, s)
    if a.kernel == 3 and b.kernel == 3 and a.dilation == 1:
        weigh_nine(z, x, b.stride * line, a.stride * lanes, b.dilation * line, weights, m,
                   t.h1 - t.h0)
    else:
        for h in range(t.h1 - t.h0):
            weigh_channels(z + h * m * lanes, x + h * b.stride * line, a.stride * lanes, list.at,
                           weights, list.tap, list.count, weights + g.window * lanes, lanes, m)
    put_abreast(g, t, z, s)


# --- the gradient in weights ----------------------------------------------------------------------
# Each channel's is a sum over all planes of it: of windows' gradients times what a tap reads.

cdef void learn_nine(double* sums, const T* restrict gy, const T* restrict x, Py_ssize_t xp,
                     const Py_ssize_t* at, Py_ssize_t windows) noexcept nogil:
    """Nine taps of a row of windows, whose sums stay in registers."""
    cdef T a[72]
    cdef Py_ssize_t i, k, lanes = PER_BLOCK(sizeof(T))
    for k in range(9):
        clear_block(a + k * lanes)
    for i in range(windows):
        add_products(a, gy, x + at[0], sizeof(T))
        add_products(a + lanes, gy, x + at[1], sizeof(T))
        add_products(a + 2 * lanes, gy, x + at[2], sizeof(T))
        add_products(a + 3 * lanes, gy, x + at[3], sizeof(T))
        add_products(a + 4 * lanes, gy, x + at[4], sizeof(T))
        add_products(a + 5 * lanes, gy, x + at[5], sizeof(T))
        add_products(a + 6 * lanes, gy, x + at[6], sizeof(T))
        add_products(a + 7 * lanes, gy, x + at[7], sizeof(T))
        add_products(a + 8 * lanes, gy, x + at[8], sizeof(T))
        gy += lanes
        x += xp
    for k in range(9 * lanes):
        sums[k] += a[k]


cdef void learn_one(double* sums, const T* restrict gy, const T* restrict x, Py_ssize_t xp,
                    Py_ssize_t windows) noexcept nogil:
    cdef T a[8]
    cdef Py_ssize_t i, k, lanes = PER_BLOCK(sizeof(T))
    clear_block(a)
    for i in range(windows):
        add_products(a, gy + i * lanes, x + i * xp, sizeof(T))
    for k in range(lanes):
        sums[k] += a[k]


cdef void learn_tile(const Plan* g, const Tile* t, double* sums, char* s, T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef const Axis* b = &g.axis[1]
    cdef Py_ssize_t h, i, j, k, lanes = PER_BLOCK(sizeof(T)), line = t.width * lanes
    cdef Py_ssize_t m = t.w1 - t.w0, xp = a.stride * lanes
    cdef T* x = <T*> (s + g.lines_at)
    cdef T* gy = <T*> (s + g.result_at)
    cdef const char* from_gy = target(g, t)
    cdef List list = list_at(g, 0, s)
    for j in range(b.kernel):
        for k in range(a.kernel):
            put_tap(&list, j * b.dilation * line + k * a.dilation * lanes, 0)
    bring_abreast(g, t, x, s)
    for h in range(t.h1 - t.h0):
        if t.d1 - t.d == lanes and (g.ys[2] == g.y_size or g.ys[0] == g.y_size or m == 1):
            bring_groups(gy, from_gy, g.ys[0], g.ys[2], m)
        else:
            for i in range(m):
                for j in range(t.d1 - t.d):
                    gy[i * lanes + j] = (<const T*> (from_gy + i * g.ys[2] + j * g.ys[0]))[0]
        k = 0
        while k + 9 <= list.count:
            learn_nine(sums + k * lanes, gy, x, xp, list.at + k, m)
            k += 9
        while k < list.count:
            learn_one(sums + k * lanes, gy, x + list.at[k], xp, m)
            k += 1
        x += b.stride * line
        from_gy += g.ys[1]


cdef void learn_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag) noexcept nogil:
    """An item is all planes of some channels, `together` blocks of them, added up in one order
    whoever does it."""
    cdef Py_ssize_t plane, group, h, k, i, lanes = PER_BLOCK(sizeof(T)), some = g.window * lanes
    cdef Py_ssize_t groups = (g.axis[0].m + g.depth - 1) // g.depth
    cdef double* sums
    cdef double* to
    cdef Tile t
    lo *= g.together
    hi = least(hi * g.together, groups)
    while lo < hi:
        sums = <double*> (s + g.weights_at)
        fill(sums, g.together * some, <double> 0)
        for plane in range(g.planes):
            for h in range(g.tiles[0]):
                for group in range(lo, least(lo + g.together, hi)):
                    locate(g, (plane * groups + group) * g.tiles[0] + h, &t, s)
                    keep_inside(g, &t)
                    learn_tile(g, &t, sums + (group - lo) * some, s, tag)
        for group in range(lo, least(lo + g.together, hi)):
            for k in range(g.window):
                to = <double*> (g.gx + k * g.tap_step) + group * lanes
                for i in range(least(lanes, g.axis[0].m - group * lanes)):
                    to[i] = sums[k * lanes + i]
            sums += some
        lo += g.together


# --- a tile ---------------------------------------------------------------------------------------

cdef inline void keep_inside(const Plan* g, Tile* t) noexcept nogil:
    """Windows of convolutions may lie wholly in the padding."""
    t.w_lo = least(t.w_lo, g.axis[2].n)
    t.w_hi = most(t.w_hi, t.w_lo)
    t.left = least(t.left, t.width)


cdef void weigh_separable(const Plan* g, const Tile* t, char* s, T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t tap, lp = g.line, rows = t.h1 - t.h0
    cdef const T* x = row_at(s, g.lines_at, 0, g.line, tag)
    cdef List list = list_at(g, 1, s)
    cdef T* weights = weights_at(g, 1, s, tag)
    cdef AddOp op
    op.tag = 0
    weigh_heights(g, t, s, tag)
    fill_borders(g, t, <T*> x, rows, op, tag)
    clear_behind(<T*> x, t.width * t.nc, rows, g.line)
    if a.transposed:
        put_tap(&list, 0, 0)
        spread_rows(g, t, t.h0, 1, rows, x, lp, &list, <const T*> NULL, s)
        return
    for tap in range(a.kernel):
        put_tap(&list, tap_in_line(g, t, tap, sizeof(T)), tap)
    use_weights(a, &list, 1, weights)
    if in_phases(g, t.nc, sizeof(T)):
        split_lines(g, t, rows, s, tag)
        x, lp = row_at(s, g.phases_at, 0, g.phase, tag), g.phases * g.phase
    finish_rows(g, t, x, lp, &list, weights, <const T*> NULL, s)


cdef void weigh_dense(const Plan* g, const Tile* t, const char* dense, char* s,
                      T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef const Axis* b = &g.axis[1]
    cdef Py_ssize_t i, j, tap, h, lp = g.line, first, rows = lines_of_tile(b, t, &first)
    cdef Py_ssize_t step = g.tap_step // <Py_ssize_t> sizeof(T)
    cdef const T* x = row_at(s, g.lines_at, 0, g.line, tag)
    cdef const T* w = <const T*> dense
    cdef List planes = list_at(g, 0, s), lines = list_at(g, 1, s), list = list_at(g, 2, s)
    cdef T* weights = weights_at(g, 0, s, tag)
    cdef AddOp op
    op.tag = 0
    list_planes(g, t, &planes)
    load_lines(g, t, &planes, s, tag)
    fill_borders(g, t, <T*> x, planes.count * rows, op, tag)
    clear_behind(<T*> x, t.width * t.nc, planes.count * rows, g.line)
    if a.transposed:
        for i in range(b.stride):
            h = t.h0 + (i - (t.h0 + b.before) % b.stride + b.stride) % b.stride
            if h < t.h1:
                list_lines(g, t, i, &planes, &lines)
                j = (h + b.before) // b.stride - (t.h0 + b.before) // b.stride
                spread_rows(g, t, h, b.stride, (t.h1 - 1 - h) // b.stride + 1, x + j * lp, lp,
                            &lines, w, s)
        return
    if in_phases(g, t.nc, sizeof(T)):
        split_lines(g, t, planes.count * rows, s, tag)
        x, lp = row_at(s, g.phases_at, 0, g.phase, tag), g.phases * g.phase
    for i in range(planes.count):
        for j in range(b.kernel):
            for tap in range(a.kernel):
                h = (planes.tap[i] * b.kernel + j) * a.kernel + tap
                weights[list.count] = w[h * step]
                put_tap(&list, (i * rows + j * b.dilation) * lp + tap_in_line(g, t, tap, sizeof(T)),
                        h * step)
    finish_rows(g, t, x, b.stride * lp, &list, weights, w, s)


cdef const char* dense_weights(const Plan* g, const Tile* t, Py_ssize_t item,
                               T tag) noexcept nogil:
    """The first weight of a tile's plane and channels."""
    cdef const char* weights = g.gx
    cdef Py_ssize_t deep = (g.axis[0].m + g.depth - 1) // g.depth
    cdef Py_ssize_t plane = item // (g.tiles[0] * g.tiles[1] * g.tiles[2] * deep)
    cdef int i
    for i in range(g.outer_ndim - 1, -1, -1):
        weights += plane % g.outer[i] * g.g_outer[i]
        plane = plane // g.outer[i]
    return weights + (t.d * sizeof(T) if g.depth > 1 else t.c0 * g.gs[3])


cdef void weigh_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag) noexcept nogil:
    cdef Py_ssize_t item, first
    cdef bint whole = in_whole_planes(g), cleared = False
    cdef Tile t
    for item in range(lo, hi):
        locate(g, item, &t, s)
        keep_inside(g, &t)
        if g.depth > 1:
            weigh_abreast(g, &t, dense_weights(g, &t, item, tag), s, tag)
        elif g.dense and lies_in_rows(g, &t, sizeof(T)):
            weigh_in_rows(g, &t, <const T*> dense_weights(g, &t, item, tag), s)
        elif whole and t.safe:
            if not cleared:
                fill(<T*> (s + g.lines_at), lines_of_tile(&g.axis[1], &t, &first)
                     * g.axis[2].stride * half_line(g, &t, sizeof(T)), <T> 0)
                cleared = True
            weigh_plane(g, &t, <const T*> dense_weights(g, &t, item, tag), s)
        elif g.dense:
            cleared = False
            weigh_dense(g, &t, dense_weights(g, &t, item, tag), s, tag)
        else:
            weigh_separable(g, &t, s, tag)
