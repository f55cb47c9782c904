# Ranks of bytes in large windows, one apart: histograms of columns (Perreault and Hebert 2007).
#
# Each column of as many rows as a window has is counted; from one row of the result to the next, an
# element leaves each column and one comes. A window's counts are those of its columns: of 16 ranges
# of 16 keys each they go along with the window, of single keys only in the range where the wanted
# rank is, when it is there. All counts are of everything up to a key or a range, so that a rank is
# found by comparing 16 numbers with it at once.

cdef enum:
    RANGES = 16         # of so many keys

ctypedef fused Count:
    uint8_t
    int16_t

cdef struct Sweep:
    uint8_t* fine               # counts of each column: of keys in their range,
    int16_t* coarse             # and of ranges
    uint8_t* keys               # a row of the padded input
    uint8_t* y                  # a row of the result
    uint8_t[256] fine_steps     # what a key counts for: 1 from it on; by the key's lower digit,
    int16_t[256] coarse_steps   # and by its upper one
    Py_ssize_t columns, rows, along, rank   # along: columns of a window


cdef inline void add_steps(Count* restrict y, const Count* restrict a) noexcept nogil:
    cdef int i
    for i in range(RANGES):
        y[i] = y[i] + a[i]


cdef inline void take_steps(Count* restrict y, const Count* restrict a) noexcept nogil:
    cdef int i
    for i in range(RANGES):
        y[i] = y[i] - a[i]


cdef inline void add_column(int16_t* restrict y, const Count* restrict a) noexcept nogil:
    cdef int i
    for i in range(RANGES):
        y[i] = y[i] + a[i]


cdef inline void change_column(int16_t* restrict y, const Count* restrict a,
                               const Count* restrict b) noexcept nogil:
    """a comes, b goes."""
    cdef int i
    for i in range(RANGES):
        y[i] = y[i] + a[i] - b[i]


cdef inline int16_t place_of_rank(const int16_t* restrict counts, int16_t rank) noexcept nogil:
    """The first of 16 places up to which more are counted than `rank`."""
    cdef int i
    cdef int16_t place = 0
    for i in range(RANGES):
        place += counts[i] <= rank
    return place


cdef void read_row(const Plan* g, const Piece* p, const char* x, Py_ssize_t h, const Sweep* c,
                   char* s) noexcept nogil:
    """Keys of row h of the padded input."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t lo = most(p.wa, b.before), w
    cdef Py_ssize_t hi = most(lo, least(p.wa + c.columns, b.before + b.n))
    x += (a.source[h] if a.source != NULL else h - a.before) * g.xs[1]
    to_sortable(g, c.keys + lo - p.wa, x + (lo - b.before) * g.xs[2], hi - lo, s)
    for w in range(p.wa, p.wa + c.columns):
        if w < lo or w >= hi:
            to_sortable(g, c.keys + w - p.wa, x + b.source[w] * g.xs[2], 1, s)


cdef void count_row(const Sweep* c) noexcept nogil:
    """A row joins the columns."""
    cdef Py_ssize_t w, low, high
    for w in range(c.columns):
        low, high = c.keys[w] & 15, c.keys[w] >> 4
        add_steps(c.fine + (w * RANGES + high) * 16, c.fine_steps + low * 16)
        add_steps(c.coarse + w * RANGES, c.coarse_steps + high * 16)


cdef void discount_row(const Sweep* c) noexcept nogil:
    """A row leaves them."""
    cdef Py_ssize_t w, low, high
    for w in range(c.columns):
        low, high = c.keys[w] & 15, c.keys[w] >> 4
        take_steps(c.fine + (w * RANGES + high) * 16, c.fine_steps + low * 16)
        take_steps(c.coarse + w * RANGES, c.coarse_steps + high * 16)


cdef void sweep_row(const Sweep* c, Py_ssize_t n) noexcept nogil:
    """n results of a row."""
    cdef int16_t[16] ranges
    cdef int16_t[256] keys
    cdef Py_ssize_t[16] counted         # the window that a range's keys were counted for
    cdef Py_ssize_t w, v, at
    cdef int16_t rank
    cdef int16_t* part
    cdef const uint8_t* fine
    memset(ranges, 0, sizeof(ranges))
    for w in range(c.along):
        add_column(ranges, c.coarse + w * RANGES)
    for at in range(RANGES):
        counted[at] = -c.along
    for w in range(n):
        if w > 0:
            change_column(ranges, c.coarse + (w + c.along - 1) * RANGES,
                          c.coarse + (w - 1) * RANGES)
        at = place_of_rank(ranges, <int16_t> c.rank)
        rank = <int16_t> (c.rank - (ranges[at - 1] if at > 0 else 0))
        part = keys + at * 16
        fine = c.fine + at * 16
        if w - counted[at] >= c.along:
            memset(part, 0, 16 * sizeof(int16_t))
            for v in range(w, w + c.along):
                add_column(part, fine + v * 256)
        else:
            for v in range(counted[at], w):
                change_column(part, fine + (v + c.along) * 256, fine + v * 256)
        counted[at] = w
        c.y[w] = <uint8_t> (16 * at + place_of_rank(part, rank))


cdef void put_keys(const Plan* g, char* y, const uint8_t* x, Py_ssize_t n, char* s) noexcept nogil:
    cdef char* result = s + g.result_at
    if g.ys[2] == g.y_size and <size_t> y % g.y_size == 0:
        elements_to_result(g, y, x, NULL, n, s)
    else:
        elements_to_result(g, result, x, NULL, n, s)
        scatter_plain(y, result, n, g.ys[2], g.y_size)


cdef void begin_sweep(const Plan* g, const Piece* p, Sweep* c, char* s) noexcept nogil:
    cdef Picks picks
    cdef Py_ssize_t i, j
    picks_of(g, g.taps, &picks)
    c.rows, c.along, c.rank = g.axis[1].kernel, g.axis[2].kernel, picks.first
    c.columns = p.wb - p.wa + c.along - 1
    c.fine = <uint8_t*> (s + g.columns_at)
    c.coarse = <int16_t*> (c.fine + (g.piece + c.along) * 256)
    c.keys = <uint8_t*> (s + g.keys_at)
    c.y = <uint8_t*> (s + g.spare_at)
    memset(c.fine, 0, (g.piece + c.along) * (256 + 2 * RANGES))
    for i in range(16):
        for j in range(16):
            c.fine_steps[i * 16 + j] = j >= i
            c.coarse_steps[i * 16 + j] = j >= i


cdef void sweep_item(const Plan* g, Py_ssize_t item, char* s) noexcept nogil:
    """A piece of the result, row by row."""
    cdef Piece p
    cdef Stretch r
    cdef Sweep c
    cdef Py_ssize_t h, j
    piece_at(g, item, &p)
    move_to_plane(g, p.plane, &r)
    begin_sweep(g, &p, &c, s)
    for h in range(p.ha, p.hb if p.wb > p.wa else p.ha):
        for j in range(0 if h == p.ha else c.rows - 1, c.rows):
            read_row(g, &p, r.x, h + j, &c, s)
            count_row(&c)
        sweep_row(&c, p.wb - p.wa)
        put_keys(g, r.y + h * g.ys[1] + p.wa * g.ys[2], c.y, p.wb - p.wa, s)
        read_row(g, &p, r.x, h, &c, s)
        discount_row(&c)
    square_edges(g, &p, s)
