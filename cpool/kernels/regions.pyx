# Boxes of planes, each cut into bins: means and maxima of the elements or samples in a bin.
#
# (a) Along each axis a bin reads a few elements (taps), which bins.pyx has listed with their
#     weights. A mean over a bin is two sums, then: the rows that it reads are added up to
#     a line as long as the box is wide, and a bin adds up a few places of that line.
# (b) 16 channels (LANES) go side by side, whichever way the array lies, so that what is done for a
#     tap is done to a vector: a line is [width][LANES], a row of bins [bins][LANES]. Rows whose
#     columns are contiguous are added up channel by channel, in vectors along the row, and then put
#     side by side (`lace`).
# (c) A maximum takes its samples row by row in the same way, as lines between two rows.
# (d) Gradients are owned by planes: an item is the 16 channels of an image, which go through all
#     boxes of the image in their order. So no two threads add to one element, and all numbers of
#     threads add in one order.
# (e) Lanes beyond the last channel hold something that nobody stores.

from cpython.pycapsule cimport PyCapsule_New
from libc.string cimport memcpy, memset

from cpool.kernels.plan cimport *

include "types.pxi"

ctypedef fused T:
    float
    double
    int64_t
    uint64_t

ctypedef fused Op:
    AddOp
    MaxOp

include "ops.pxi"

cdef enum:
    LANES = 16


cdef struct Part:
    # What of a box one item reads: all of its rows, its columns, some channels.
    Py_ssize_t box, image
    Py_ssize_t channel, lanes
    Py_ssize_t left, width          # columns


cdef Part part_of(const Regions* r, Py_ssize_t box, Py_ssize_t block,
                  Py_ssize_t unit) noexcept nogil:
    """unit: columns of a vector. Of whole ones, if the plane has them, loops have no remainder."""
    cdef Part part
    cdef Py_ssize_t n = r.columns.n, whole
    part.box, part.image = box, r.image[box]
    part.channel = block * LANES
    part.lanes = min(<Py_ssize_t> LANES, r.channels - part.channel)
    part.left = r.columns.lo[box]
    part.width = r.columns.hi[box] - part.left
    whole = (part.width + unit - 1) // unit * unit
    if whole <= n:
        part.left, part.width = min(part.left, n - whole), whole
    return part


# --- taps folded ----------------------------------------------------------------------------------
#
# n elements of each tap, weighted and added up, or their maximum; for some channels, whose results
# are yp apart and whose elements xp. The order is that of the taps, whatever goes in one loop.

cdef inline T start(T x, T weight, Op op) noexcept nogil:
    return <T> (weight * x) if Op is AddOp else x


cdef inline T more(T y, T x, T weight, Op op) noexcept nogil:
    return pick(y, start(x, weight, op), op)


cdef void fold1(T* restrict y, Py_ssize_t yp, const T* restrict a, T t, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t channels, Op op) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(channels):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = start(a[i], t, op)
        y += yp
        a += xp


cdef void fold2(T* restrict y, Py_ssize_t yp, const T* restrict a, T t, const T* restrict b, T u,
                Py_ssize_t xp, Py_ssize_t n, Py_ssize_t channels, Op op) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(channels):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = more(start(a[i], t, op), b[i], u, op)
        y += yp
        a += xp
        b += xp


cdef void fold3(T* restrict y, Py_ssize_t yp, const T* restrict a, T t, const T* restrict b, T u,
                const T* restrict c, T v, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t channels,
                Op op) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(channels):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = more(more(start(a[i], t, op), b[i], u, op), c[i], v, op)
        y += yp
        a += xp
        b += xp
        c += xp


cdef void fold4(T* restrict y, Py_ssize_t yp, const T* restrict a, T t, const T* restrict b, T u,
                const T* restrict c, T v, const T* restrict d, T w, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t channels, Op op) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(channels):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = more(more(more(start(a[i], t, op), b[i], u, op), c[i], v, op), d[i], w, op)
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp


cdef void more1(T* restrict y, Py_ssize_t yp, const T* restrict a, T t, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t channels, Op op) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(channels):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = more(y[i], a[i], t, op)
        y += yp
        a += xp


cdef void more2(T* restrict y, Py_ssize_t yp, const T* restrict a, T t, const T* restrict b, T u,
                Py_ssize_t xp, Py_ssize_t n, Py_ssize_t channels, Op op) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(channels):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = more(more(y[i], a[i], t, op), b[i], u, op)
        y += yp
        a += xp
        b += xp


cdef void fold_taps(T* y, Py_ssize_t yp, const T* x, Py_ssize_t step, Py_ssize_t xp,
                    const Tap* tap, Py_ssize_t taps, Py_ssize_t n, Py_ssize_t channels,
                    Op op) noexcept nogil:
    """step: from a tap to the next. There is at least one."""
    cdef const T* a = x + tap[0].at * step
    cdef const T* b = x + tap[min(taps - 1, 1)].at * step
    cdef const T* c = x + tap[min(taps - 1, 2)].at * step
    cdef const T* d = x + tap[min(taps - 1, 3)].at * step
    cdef T t = <T> tap[0].weight, u = <T> tap[min(taps - 1, 1)].weight
    cdef T v = <T> tap[min(taps - 1, 2)].weight, w = <T> tap[min(taps - 1, 3)].weight
    cdef Py_ssize_t i = min(taps, 4)
    if taps == 1:
        fold1(y, yp, a, t, xp, n, channels, op)
    elif taps == 2:
        fold2(y, yp, a, t, b, u, xp, n, channels, op)
    elif taps == 3:
        fold3(y, yp, a, t, b, u, c, v, xp, n, channels, op)
    else:
        fold4(y, yp, a, t, b, u, c, v, d, w, xp, n, channels, op)
    while i + 1 < taps:
        more2(y, yp, x + tap[i].at * step, <T> tap[i].weight, x + tap[i + 1].at * step,
              <T> tap[i + 1].weight, xp, n, channels, op)
        i += 2
    if i < taps:
        more1(y, yp, x + tap[i].at * step, <T> tap[i].weight, xp, n, channels, op)


cdef void fold_one_by_one(T* y, Py_ssize_t yp, Py_ssize_t yn, const T* x, Py_ssize_t step,
                          Py_ssize_t xp, Py_ssize_t xn, const Tap* tap, Py_ssize_t taps,
                          Py_ssize_t n, Py_ssize_t channels, Op op) noexcept nogil:
    """The same for elements of y that are yn apart, of x xn, and for n that is no whole block."""
    cdef Py_ssize_t i, j, k
    cdef const T* a
    cdef T value
    for j in range(channels):
        for i in range(n):
            a = x + j * xp + i * xn
            value = start(a[tap[0].at * step], <T> tap[0].weight, op)
            for k in range(1, taps):
                value = more(value, a[tap[k].at * step], <T> tap[k].weight, op)
            y[j * yp + i * yn] = value


# --- lines ----------------------------------------------------------------------------------------

cdef extern from *:
    """
    #if defined(__clang__) || __GNUC__ >= 12
    #define CPOOL_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
    #else
    #define CPOOL_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (__typeof__(a)){__VA_ARGS__})
    #endif
    typedef int32_t cpool_four __attribute__((vector_size(16), may_alias, aligned(4)));
    typedef int64_t cpool_two __attribute__((vector_size(16), may_alias, aligned(8)));

    /* Columns of y are rows of x: 4 x 4 of 4 bytes, or 2 x 2 of 8; pitches in elements. */
    CPOOL_INLINE void cpool_turn_four(char *y, Py_ssize_t yp, const char *x, Py_ssize_t xp) {
        cpool_four a = *(const cpool_four *)x, b = *(const cpool_four *)(x + 4 * xp);
        cpool_four c = *(const cpool_four *)(x + 8 * xp), d = *(const cpool_four *)(x + 12 * xp);
        cpool_four ac = CPOOL_SHUFFLE(a, c, 0, 4, 1, 5), bd = CPOOL_SHUFFLE(b, d, 0, 4, 1, 5);
        cpool_four ca = CPOOL_SHUFFLE(a, c, 2, 6, 3, 7), db = CPOOL_SHUFFLE(b, d, 2, 6, 3, 7);
        *(cpool_four *)y = CPOOL_SHUFFLE(ac, bd, 0, 4, 1, 5);
        *(cpool_four *)(y + 4 * yp) = CPOOL_SHUFFLE(ac, bd, 2, 6, 3, 7);
        *(cpool_four *)(y + 8 * yp) = CPOOL_SHUFFLE(ca, db, 0, 4, 1, 5);
        *(cpool_four *)(y + 12 * yp) = CPOOL_SHUFFLE(ca, db, 2, 6, 3, 7);
    }
    CPOOL_INLINE void cpool_turn_two(char *y, Py_ssize_t yp, const char *x, Py_ssize_t xp) {
        cpool_two a = *(const cpool_two *)x, b = *(const cpool_two *)(x + 8 * xp);
        *(cpool_two *)y = CPOOL_SHUFFLE(a, b, 0, 2);
        *(cpool_two *)(y + 8 * yp) = CPOOL_SHUFFLE(a, b, 1, 3);
    }
    #define CPOOL_TURN(side, turn, number) do { \
        const number *from = (const number *)x; \
        number *to = (number *)y; \
        for (i = 0; i < n; i += side) \
            for (j = 0; j < m; j += side) \
                turn((char *)(to + i * yp + j), yp, (const char *)(from + j * xp + i), xp); \
    } while (0)
    CPOOL_INLINE void cpool_turn(char *y, Py_ssize_t yp, const char *x, Py_ssize_t xp,
                                 Py_ssize_t n, Py_ssize_t m, size_t size) {
        Py_ssize_t i, j;
        if (size == 4) CPOOL_TURN(4, cpool_turn_four, int32_t);
        else CPOOL_TURN(2, cpool_turn_two, int64_t);
    }
    """
    void turn "cpool_turn"(char* y, Py_ssize_t yp, const char* x, Py_ssize_t xp, Py_ssize_t n,
                           Py_ssize_t m, size_t size) noexcept nogil


cdef void lace(Any* line, const Any* rows, Py_ssize_t pitch, Py_ssize_t n) noexcept nogil:
    """The rows of LANES channels side by side. n is rounded up: there is slack for that."""
    turn(<char*> line, LANES, <const char*> rows, pitch, n, LANES, sizeof(Any))


cdef void unlace(Any* rows, const Any* line, Py_ssize_t pitch, Py_ssize_t n) noexcept nogil:
    turn(<char*> rows, pitch, <const char*> line, LANES, LANES, n, sizeof(Any))


cdef void take_line(T* line, T* rows, const Plan* g, const Part* part, const Tap* tap,
                    Py_ssize_t taps, Op op) noexcept nogil:
    """Some rows of a part, folded to one, its channels side by side. rows: scratch."""
    cdef Py_ssize_t whole = DOWN(part.width, sizeof(T))
    cdef Py_ssize_t down = g.xs[1] // <Py_ssize_t> sizeof(T)
    cdef Py_ssize_t across = g.xs[2] // <Py_ssize_t> sizeof(T)
    cdef Py_ssize_t channel = g.xs[3] // <Py_ssize_t> sizeof(T)
    cdef const T* x = (<const T*> (g.x + part.image * g.xs[0]) + part.left * across
                       + part.channel * channel)
    if across == 1:
        fold_taps(rows, g.row, x, down, channel, tap, taps, whole, part.lanes, op)
        fold_one_by_one(rows + whole, g.row, 1, x + whole, down, channel, 1, tap, taps,
                        part.width - whole, part.lanes, op)
        lace(line, rows, g.row, part.width)
    elif channel == 1 and part.lanes == LANES:
        fold_taps(line, LANES, x, down, across, tap, taps, LANES, part.width, op)
    else:
        fold_one_by_one(line, 1, LANES, x, down, channel, across, tap, taps, part.width,
                        part.lanes, op)


cdef void add_line(T* restrict line, const T* restrict y, T weight) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(LANES):
        line[c] = line[c] + weight * y[c]


cdef void choose(T* restrict best, const T* restrict v, MaxOp op) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(LANES):
        best[c] = pick(best[c], v[c], op)


cdef void choose_numbered(T* restrict best, int32_t* restrict chosen, const T* restrict v,
                          int32_t number) noexcept nogil:
    """v and its number where it is more; the first NaN."""
    cdef Py_ssize_t c
    cdef bint more
    for c in range(LANES):
        more = (v[c] > best[c]) | ((v[c] != v[c]) & (best[c] == best[c]))
        best[c] = v[c] if more else best[c]
        chosen[c] = number if more else chosen[c]


cdef void between(T* restrict v, const T* restrict line, T weight) noexcept nogil:
    """What lies between a place of a line and the next one."""
    cdef Py_ssize_t c
    for c in range(LANES):
        v[c] = (1 - weight) * line[c] + weight * line[LANES + c]


# --- bins -----------------------------------------------------------------------------------------

cdef void store_bins(char* y, const Any* bins, Any* rows, Py_ssize_t pitch, Py_ssize_t count,
                     Py_ssize_t across, Py_ssize_t lane, Py_ssize_t lanes) noexcept nogil:
    """count: of bins that follow each other, across and lane bytes apart. rows: scratch."""
    cdef Py_ssize_t q, c
    if across == sizeof(Any):
        unlace(rows, bins, pitch, count)
        for c in range(lanes):
            memcpy(y + c * lane, rows + c * pitch, count * sizeof(Any))
    else:
        for q in range(count):
            memcpy(y + q * across, bins + q * LANES, lanes * sizeof(Any))


cdef void load_bins(Any* bins, Any* rows, Py_ssize_t pitch, const char* y, Py_ssize_t count,
                    Py_ssize_t across, Py_ssize_t lane, Py_ssize_t lanes) noexcept nogil:
    cdef Py_ssize_t q, c
    if across == sizeof(Any):
        for c in range(lanes):
            memcpy(rows + c * pitch, y + c * lane, count * sizeof(Any))
        lace(bins, rows, pitch, count)
    else:
        for q in range(count):
            memcpy(bins + q * LANES, y + q * across, lanes * sizeof(Any))


# --- folded bins: means, and maxima of elements ---------------------------------------------------

cdef void fold_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag,
                     Op op) noexcept nogil:
    cdef const Regions* r = g.regions
    cdef T* line = <T*> (s + g.lines_at)
    cdef T* rows = <T*> (s + g.rows_at)
    cdef T* bins = <T*> (s + g.box_at)
    cdef T* bin
    cdef const Py_ssize_t* down
    cdef const Py_ssize_t* across
    cdef Py_ssize_t item, p, q, p0, count = r.columns.count
    cdef Part part
    memset(s, 0, g.scratch)
    for item in range(lo, hi):
        part = part_of(r, r.order[item % r.boxes], item // r.boxes, BLOCK // sizeof(T))
        down = r.rows.cut + part.box * r.rows.count
        across = r.columns.cut + part.box * count
        p0 = 0
        for p in range(r.rows.count):
            if down[p] < down[p + 1] and part.width > 0:
                take_line(line, rows, g, &part, r.rows.tap + down[p], down[p + 1] - down[p], op)
            for q in range(count):
                bin = bins + ((p - p0) * count + q) * LANES
                if down[p] < down[p + 1] and across[q] < across[q + 1]:
                    fold_taps(bin, 0, line - part.left * LANES, LANES, 0,
                              r.columns.tap + across[q], across[q + 1] - across[q], LANES, 1, op)
                else:
                    memset(bin, 0, LANES * sizeof(T))
            if p + 1 - p0 == g.strip or p + 1 == r.rows.count:
                store_bins(g.y + part.box * g.ys[0] + p0 * g.ys[1] + part.channel * g.ys[3], bins,
                           rows, g.row, (p + 1 - p0) * count, g.ys[2], g.ys[3], part.lanes)
                p0 = p + 1


cdef void add_rows(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp, T weight,
                   Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, _j
    for _j in range(rows):
        for i in range(n):
            y[i] = y[i] + weight * x[i]
        y += yp
        x += xp


cdef void give_line(const T* line, T* rows, const Plan* g, const Part* part, const Tap* tap,
                    Py_ssize_t taps) noexcept nogil:
    """The transpose of take_line. A gradient is new: contiguous, with its columns or its channels
    innermost."""
    cdef Py_ssize_t j, down = g.ys[1] // <Py_ssize_t> sizeof(T)
    cdef Py_ssize_t across = g.ys[2] // <Py_ssize_t> sizeof(T)
    cdef Py_ssize_t channel = g.ys[3] // <Py_ssize_t> sizeof(T)
    cdef T* y = (<T*> (g.y + part.image * g.ys[0]) + part.left * across + part.channel * channel)
    if across == 1:
        unlace(rows, line, g.row, part.width)
    for j in range(taps):
        if across == 1:
            add_rows(y + tap[j].at * down, channel, rows, g.row, <T> tap[j].weight, part.width,
                     part.lanes)
        else:
            add_rows(y + tap[j].at * down, across, line, LANES, <T> tap[j].weight, part.lanes,
                     part.width)


cdef void spread_box(const Plan* g, Part part, T* line, T* rows, T* bins) noexcept nogil:
    cdef const Regions* r = g.regions
    cdef const Py_ssize_t* down = r.rows.cut + part.box * r.rows.count
    cdef const Py_ssize_t* across = r.columns.cut + part.box * r.columns.count
    cdef Py_ssize_t p, q, i, n, count = r.columns.count
    for p in range(r.rows.count):
        if p % g.strip == 0:
            n = min(g.strip, r.rows.count - p) * count
            load_bins(bins, rows, g.row,
                      g.x + part.box * g.xs[0] + p * g.xs[1] + part.channel * g.xs[3], n,
                      g.xs[2], g.xs[3], part.lanes)
        if down[p] == down[p + 1]:
            continue
        memset(line, 0, part.width * LANES * sizeof(T))
        for q in range(count):
            for i in range(across[q], across[q + 1]):
                add_line(line + (r.columns.tap[i].at - part.left) * LANES,
                         bins + (p % g.strip * count + q) * LANES, <T> r.columns.tap[i].weight)
        give_line(line, rows, g, &part, r.rows.tap + down[p], down[p + 1] - down[p])


cdef void spread_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                       T tag) noexcept nogil:
    """The transpose of the mean: x is the gradient of the bins, y that of the planes."""
    cdef const Regions* r = g.regions
    cdef Py_ssize_t item, j
    cdef Part part
    memset(s, 0, g.scratch)
    for item in range(lo, hi):
        for j in range(r.begin[item % r.images], r.begin[item % r.images + 1]):
            part = part_of(r, r.order[j], item // r.images, BLOCK // sizeof(T))
            if part.width > 0:
                spread_box(g, part, <T*> (s + g.lines_at), <T*> (s + g.rows_at),
                           <T*> (s + g.box_at))


# --- maxima of samples ----------------------------------------------------------------------------

cdef void sample_line(T* line, T* rows, const Plan* g, const Part* part,
                      Tap sample) noexcept nogil:
    """A line between two rows."""
    cdef Tap[2] pair
    cdef MaxOp same
    cdef AddOp sum
    same.tag = sum.tag = 0
    pair[0] = pair[1] = sample
    if sample.weight == 0:
        take_line(line, rows, g, part, pair, 1, same)
    elif T is float or T is double:
        pair[0].weight = 1 - sample.weight
        pair[1].at += 1
        take_line(line, rows, g, part, pair, 2, sum)


cdef void choose_samples(T* best, int32_t* chosen, const T* line, const Tap* tap, Py_ssize_t taps,
                         Py_ssize_t number, bint whole) noexcept nogil:
    """The samples of a line that lie in a bin; chosen: their numbers are wanted, or NULL. Samples
    of a bin are numbered row by row; those that are elements (whole), as in the plane."""
    cdef Py_ssize_t j
    cdef T[LANES] v
    cdef const T* place
    cdef MaxOp op
    op.tag = 0
    for j in range(taps):
        place = line + tap[j].at * LANES
        if T is float or T is double:
            if tap[j].weight != 0:
                between(v, place, <T> tap[j].weight)
                place = v
        if chosen != NULL:
            choose_numbered(best, chosen, place,
                            <int32_t> (number + (tap[j].at if whole else j)))
        else:
            choose(best, place, op)


cdef void count_outside(T* best, int32_t* chosen, bint empty) noexcept nogil:
    """Samples outside are zeros, and so is a bin without any samples."""
    cdef Py_ssize_t c
    for c in range(LANES):
        if empty or best[c] < 0:
            best[c] = 0
            if chosen != NULL:
                chosen[c] = -1


cdef void sample_bins(T* bins, int32_t* chosen, T* line, T* rows, const Plan* g, const Part* part,
                      Py_ssize_t p) noexcept nogil:
    """Row p of a box's bins."""
    cdef const Regions* r = g.regions
    cdef const Py_ssize_t* down = r.rows.cut + part.box * r.rows.count + p
    cdef const Py_ssize_t* across = r.columns.cut + part.box * r.columns.count
    cdef const char* outside = r.columns.outside + part.box * r.columns.count
    cdef Py_ssize_t i, q, taps
    cdef bint above = r.rows.outside[part.box * r.rows.count + p], empty
    cdef MaxOp op
    op.tag = 0
    for i in range(r.columns.count * LANES):
        bins[i] = identity(op, <T> 0)
    if chosen != NULL:
        memset(chosen, 0, r.columns.count * LANES * sizeof(int32_t))
    for i in range(down[0], down[1] if part.width > 0 else down[0]):
        sample_line(line, rows, g, part, r.rows.tap[i])
        for q in range(r.columns.count):
            taps = across[q + 1] - across[q]
            choose_samples(bins + q * LANES, chosen + q * LANES if chosen != NULL else NULL,
                           line - part.left * LANES, r.columns.tap + across[q], taps,
                           r.rows.tap[i].at * r.columns.n if r.whole else (i - down[0]) * taps,
                           r.whole)
    for q in range(r.columns.count):
        empty = down[0] == down[1] or across[q] == across[q + 1]
        if empty or above or outside[q]:
            count_outside(bins + q * LANES, chosen + q * LANES if chosen != NULL else NULL, empty)


cdef void sample_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                       T tag) noexcept nogil:
    cdef const Regions* r = g.regions
    cdef T* rows = <T*> (s + g.rows_at)
    cdef T* bins = <T*> (s + g.box_at)
    cdef int32_t* chosen = <int32_t*> (s + g.places_at) if g.q != NULL else NULL
    cdef Py_ssize_t item, p, count = r.columns.count
    cdef Part part
    memset(s, 0, g.scratch)
    for item in range(lo, hi):
        part = part_of(r, r.order[item % r.boxes], item // r.boxes, BLOCK // sizeof(T))
        for p in range(r.rows.count):
            sample_bins(bins, chosen, <T*> (s + g.lines_at), rows, g, &part, p)
            store_bins(g.y + part.box * g.ys[0] + p * g.ys[1] + part.channel * g.ys[3], bins, rows,
                       g.row, count, g.ys[2], g.ys[3], part.lanes)
            if chosen != NULL:
                store_bins(g.q + part.box * g.qs[0] + p * g.qs[1] + part.channel * g.qs[3], chosen,
                           <int32_t*> rows, g.row, count, g.qs[2], g.qs[3], part.lanes)


cdef inline void add_at(char* y, T value) noexcept nogil:
    (<T*> y)[0] = (<T*> y)[0] + value


cdef void add_between(char* y, Tap across, Py_ssize_t stride, T value) noexcept nogil:
    """The transpose of a sample along a row."""
    y += across.at * stride
    if across.weight == 0:
        add_at(y, value)
    else:
        add_at(y, <T> (value * (1 - <T> across.weight)))
        add_at(y + stride, <T> (value * <T> across.weight))


cdef void add_sample(char* y, Tap down, Tap across, const Py_ssize_t* stride,
                     T value) noexcept nogil:
    y += down.at * stride[1]
    if down.weight == 0:
        add_between(y, across, stride[2], value)
    else:
        add_between(y, across, stride[2], <T> (value * (1 - <T> down.weight)))
        add_between(y + stride[1], across, stride[2], <T> (value * <T> down.weight))


cdef void scatter_box(const Plan* g, const Part* part, T tag) noexcept nogil:
    cdef const Regions* r = g.regions
    cdef const Py_ssize_t* down = r.rows.cut + part.box * r.rows.count
    cdef const Py_ssize_t* across = r.columns.cut + part.box * r.columns.count
    cdef const char* x
    cdef const char* chosen
    cdef char* y
    cdef Py_ssize_t p, q, c
    cdef int32_t number, taps
    cdef T value
    for c in range(part.channel, part.channel + part.lanes):
        x = g.x + part.box * g.xs[0] + c * g.xs[3]
        chosen = g.q + part.box * g.qs[0] + c * g.qs[3]
        y = g.y + part.image * g.ys[0] + c * g.ys[3]
        for p in range(r.rows.count):
            for q in range(r.columns.count):
                number = (<const int32_t*> (chosen + p * g.qs[1] + q * g.qs[2]))[0]
                value = (<const T*> (x + p * g.xs[1] + q * g.xs[2]))[0]
                if number < 0:
                    continue
                if r.whole:     # rows of a gradient follow each other
                    add_at(y + number * g.ys[2], value)
                else:
                    taps = <int32_t> (across[q + 1] - across[q])
                    add_sample(y, r.rows.tap[down[p] + number // taps],
                               r.columns.tap[across[q] + number % taps], g.ys, value)


cdef void scatter_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                        T tag) noexcept nogil:
    """The transpose of the maximum: each bin's gradient goes to the sample that was chosen."""
    cdef const Regions* r = g.regions
    cdef Py_ssize_t item, j
    cdef Part part
    for item in range(lo, hi):
        for j in range(r.begin[item % r.images], r.begin[item % r.images + 1]):
            part = part_of(r, r.order[j], item // r.images, 1)
            scatter_box(g, &part, tag)


# --- types ----------------------------------------------------------------------------------------

cdef void mean_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    cdef AddOp op
    op.tag = 0
    if g.t_type == DOUBLE:
        fold_items(g, lo, hi, s, <double> 0, op)
    else:
        fold_items(g, lo, hi, s, <float> 0, op)


cdef void spread_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        spread_items(g, lo, hi, s, <double> 0)
    else:
        spread_items(g, lo, hi, s, <float> 0)


cdef void max_of(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag) noexcept nogil:
    cdef MaxOp op
    op.tag = 0
    if g.regions.whole and g.q == NULL:
        fold_items(g, lo, hi, s, tag, op)
    else:
        sample_items(g, lo, hi, s, tag)


cdef void max_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        max_of(g, lo, hi, s, <double> 0)
    elif g.t_type == FLOAT:
        max_of(g, lo, hi, s, <float> 0)
    elif g.t_type == INT64:
        max_of(g, lo, hi, s, <int64_t> 0)
    else:
        max_of(g, lo, hi, s, <uint64_t> 0)


cdef void scatter_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        scatter_items(g, lo, hi, s, <double> 0)
    else:
        scatter_items(g, lo, hi, s, <float> 0)


cdef void provide(Kernels* table) noexcept:
    table.regions_mean = mean_any
    table.regions_max = max_any
    table.regions_spread = spread_any
    table.regions_scatter = scatter_any


provider = PyCapsule_New(<void*> provide, "cpool.kernels", NULL)
