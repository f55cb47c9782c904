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
from libc.string cimport memset

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


# --- rows -----------------------------------------------------------------------------------------

cdef void first_row(T* restrict y, const T* restrict x, T weight, Py_ssize_t n,
                    Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = weight * x[i] if Op is AddOp else x[i]


cdef void next_row(T* restrict y, const T* restrict x, T weight, Py_ssize_t n,
                   Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = pick(y[i], <T> (weight * x[i]) if Op is AddOp else x[i], op)


cdef void first_rows(T* restrict y, const T* restrict a, const T* restrict b, T u, T v,
                     Py_ssize_t n, Op op) noexcept nogil:
    """Two of them; the order of additions is that of one by one."""
    cdef Py_ssize_t i
    for i in range(n):
        if Op is AddOp:
            y[i] = u * a[i] + v * b[i]
        else:
            y[i] = pick(a[i], b[i], op)


cdef void next_rows(T* restrict y, const T* restrict a, const T* restrict b, T u, T v,
                    Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if Op is AddOp:
            y[i] = (y[i] + u * a[i]) + v * b[i]
        else:
            y[i] = pick(pick(y[i], a[i], op), b[i], op)


cdef inline const T* row_at(const char* x, Tap tap, Py_ssize_t stride, T tag) noexcept nogil:
    return <const T*> (x + tap.at * stride)


cdef void fold_rows(T* y, const char* x, Py_ssize_t stride, const Tap* tap, Py_ssize_t taps,
                    Py_ssize_t n, T tag, Op op) noexcept nogil:
    """Rows of contiguous elements, weighted and added up, or their maximum."""
    cdef Py_ssize_t i = 2 - (taps & 1)
    if i == 2:
        first_rows(y, row_at(x, tap[0], stride, tag), row_at(x, tap[1], stride, tag),
                   <T> tap[0].weight, <T> tap[1].weight, n, op)
    else:
        first_row(y, row_at(x, tap[0], stride, tag), <T> tap[0].weight, n, op)
    while i < taps:
        next_rows(y, row_at(x, tap[i], stride, tag), row_at(x, tap[i + 1], stride, tag),
                  <T> tap[i].weight, <T> tap[i + 1].weight, n, op)
        i += 2


cdef void lace(T* restrict line, const T* restrict rows, Py_ssize_t pitch,
               Py_ssize_t n) noexcept nogil:
    """The rows of LANES channels side by side."""
    cdef Py_ssize_t i, c
    for i in range(n):
        for c in range(LANES):
            line[i * LANES + c] = rows[c * pitch + i]


cdef void unlace(T* restrict rows, const T* restrict line, Py_ssize_t pitch,
                 Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, c
    for c in range(LANES):
        for i in range(n):
            rows[c * pitch + i] = line[i * LANES + c]


cdef void fold_channels(T* restrict line, const char* x, const Py_ssize_t* stride, const Tap* tap,
                        Py_ssize_t taps, Py_ssize_t n, T tag, Op op) noexcept nogil:
    """The same where channels are contiguous, and LANES of them are there."""
    cdef Py_ssize_t i, j
    cdef const T* a
    cdef T weight
    for i in range(n):
        for j in range(taps):
            a = <const T*> (x + tap[j].at * stride[1] + i * stride[2])
            weight = <T> tap[j].weight
            if j == 0:
                first_row(line, a, weight, LANES, op)
            else:
                next_row(line, a, weight, LANES, op)
        line += LANES


cdef void fold_strided(T* line, const char* x, const Py_ssize_t* stride, const Tap* tap,
                       Py_ssize_t taps, Py_ssize_t n, Py_ssize_t lanes, T tag,
                       Op op) noexcept nogil:
    """The same for any strides."""
    cdef Py_ssize_t i, j, c
    cdef const char* a
    for i in range(n):
        for j in range(taps):
            a = x + tap[j].at * stride[1] + i * stride[2]
            for c in range(lanes):
                if j == 0:
                    first_row(line + c, <const T*> (a + c * stride[3]), <T> tap[j].weight, 1, op)
                else:
                    next_row(line + c, <const T*> (a + c * stride[3]), <T> tap[j].weight, 1, op)
        line += LANES


cdef void take_line(T* line, T* rows, const Plan* g, const Part* part, const Tap* tap,
                    Py_ssize_t taps, T tag, Op op) noexcept nogil:
    """Some rows of a part, folded to one, its channels side by side. rows: scratch."""
    cdef const Py_ssize_t* stride = g.xs
    cdef const char* x = (g.x + part.image * stride[0] + part.left * stride[2]
                          + part.channel * stride[3])
    cdef Py_ssize_t c
    if stride[2] == sizeof(T):
        for c in range(part.lanes):
            fold_rows(rows + c * g.row, x + c * stride[3], stride[1], tap, taps, part.width, tag,
                      op)
        lace(line, rows, g.row, part.width)
    elif stride[3] == sizeof(T) and part.lanes == LANES:
        fold_channels(line, x, stride, tap, taps, part.width, tag, op)
    else:
        fold_strided(line, x, stride, tap, taps, part.width, part.lanes, tag, op)


# --- places of a line -----------------------------------------------------------------------------

cdef void add_places(T* restrict y, const T* restrict line, const Tap* tap,
                     Py_ssize_t taps) noexcept nogil:
    cdef Py_ssize_t i, c
    cdef const T* place
    cdef T weight
    for c in range(LANES):
        y[c] = 0
    for i in range(taps):
        place = line + tap[i].at * LANES
        weight = <T> tap[i].weight
        for c in range(LANES):
            y[c] = y[c] + weight * place[c]


cdef void add_to_places(T* restrict line, const T* restrict y, const Tap* tap,
                        Py_ssize_t taps) noexcept nogil:
    """The transpose."""
    cdef Py_ssize_t i, c
    cdef T* place
    cdef T weight
    for i in range(taps):
        place = line + tap[i].at * LANES
        weight = <T> tap[i].weight
        for c in range(LANES):
            place[c] = place[c] + weight * y[c]


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


# --- a row of bins --------------------------------------------------------------------------------

cdef void store_bins(char* y, const Any* bins, Py_ssize_t count, Py_ssize_t across, Py_ssize_t lane,
                     Py_ssize_t lanes) noexcept nogil:
    """across, lane: strides of the result in bytes."""
    cdef Py_ssize_t q, c
    for c in range(lanes):
        for q in range(count):
            (<Any*> (y + c * lane + q * across))[0] = bins[q * LANES + c]


cdef void load_bins(Any* bins, const char* y, Py_ssize_t count, Py_ssize_t across, Py_ssize_t lane,
                    Py_ssize_t lanes) noexcept nogil:
    cdef Py_ssize_t q, c
    for c in range(lanes):
        for q in range(count):
            bins[q * LANES + c] = (<const Any*> (y + c * lane + q * across))[0]


# --- means ----------------------------------------------------------------------------------------

cdef void mean_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag) noexcept nogil:
    cdef const Regions* r = g.regions
    cdef T* line = <T*> (s + g.lines_at)
    cdef T* rows = <T*> (s + g.rows_at)
    cdef T* bins = <T*> (s + g.box_at)
    cdef const Py_ssize_t* down
    cdef const Py_ssize_t* across
    cdef Py_ssize_t item, p, q
    cdef Part part
    cdef AddOp op
    cdef char* y
    op.tag = 0
    memset(s, 0, g.scratch)
    for item in range(lo, hi):
        part = part_of(r, r.order[item % r.boxes], item // r.boxes, BLOCK // sizeof(T))
        down = r.rows.cut + part.box * r.rows.count
        across = r.columns.cut + part.box * r.columns.count
        y = g.y + part.box * g.ys[0] + part.channel * g.ys[3]
        for p in range(r.rows.count):
            if down[p] == down[p + 1] or part.width == 0:
                memset(bins, 0, r.columns.count * LANES * sizeof(T))
            else:
                take_line(line, rows, g, &part, r.rows.tap + down[p], down[p + 1] - down[p], tag,
                          op)
                for q in range(r.columns.count):
                    add_places(bins + q * LANES, line - part.left * LANES,
                               r.columns.tap + across[q], across[q + 1] - across[q])
            store_bins(y + p * g.ys[1], bins, r.columns.count, g.ys[2], g.ys[3], part.lanes)


cdef void add_row(T* restrict y, const T* restrict x, T weight, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = y[i] + weight * x[i]


cdef void give_line(const T* line, T* rows, const Plan* g, const Part* part, const Tap* tap,
                    Py_ssize_t taps, T tag) noexcept nogil:
    """The transpose of take_line. A gradient is new: contiguous, with its columns or its channels
    innermost."""
    cdef const Py_ssize_t* stride = g.ys
    cdef char* y = (g.y + part.image * stride[0] + part.left * stride[2]
                    + part.channel * stride[3])
    cdef char* row
    cdef Py_ssize_t j, i, c
    if stride[2] == sizeof(T):
        unlace(rows, line, g.row, part.width)
    for j in range(taps):
        row = y + tap[j].at * stride[1]
        if stride[2] == sizeof(T):
            for c in range(part.lanes):
                add_row(<T*> (row + c * stride[3]), rows + c * g.row, <T> tap[j].weight,
                        part.width)
        else:
            for i in range(part.width):
                add_row(<T*> (row + i * stride[2]), line + i * LANES, <T> tap[j].weight,
                        part.lanes)


cdef void spread_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s,
                       T tag) noexcept nogil:
    """The transpose of the mean: x is the gradient of the bins, y that of the planes."""
    cdef const Regions* r = g.regions
    cdef T* line = <T*> (s + g.lines_at)
    cdef T* rows = <T*> (s + g.rows_at)
    cdef T* bins = <T*> (s + g.box_at)
    cdef const Py_ssize_t* down
    cdef const Py_ssize_t* across
    cdef const char* x
    cdef Py_ssize_t item, j, p, q
    cdef Part part
    memset(s, 0, g.scratch)
    for item in range(lo, hi):
        for j in range(r.begin[item % r.images], r.begin[item % r.images + 1]):
            part = part_of(r, r.order[j], item // r.images, BLOCK // sizeof(T))
            down = r.rows.cut + part.box * r.rows.count
            across = r.columns.cut + part.box * r.columns.count
            x = g.x + part.box * g.xs[0] + part.channel * g.xs[3]
            for p in range(r.rows.count if part.width > 0 else 0):
                if down[p] == down[p + 1]:
                    continue
                load_bins(bins, x + p * g.xs[1], r.columns.count, g.xs[2], g.xs[3], part.lanes)
                memset(line, 0, part.width * LANES * sizeof(T))
                for q in range(r.columns.count):
                    add_to_places(line - part.left * LANES, bins + q * LANES,
                                  r.columns.tap + across[q], across[q + 1] - across[q])
                give_line(line, rows, g, &part, r.rows.tap + down[p], down[p + 1] - down[p], tag)


# --- maxima ---------------------------------------------------------------------------------------

cdef void sample_line(T* line, T* rows, const Plan* g, const Part* part, Tap sample,
                      T tag) noexcept nogil:
    """A line between two rows."""
    cdef Tap pair[2]
    cdef MaxOp same
    cdef AddOp sum
    same.tag = sum.tag = 0
    pair[0] = pair[1] = sample
    if sample.weight == 0:
        take_line(line, rows, g, part, pair, 1, tag, same)
    elif T is float or T is double:
        pair[0].weight = 1 - sample.weight
        pair[1].at += 1
        take_line(line, rows, g, part, pair, 2, tag, sum)


cdef void choose_samples(T* best, int32_t* chosen, const T* line, const Tap* tap, Py_ssize_t taps,
                         int32_t number, bint numbered) noexcept nogil:
    """The samples of a line that lie in a bin."""
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
        if numbered:
            choose_numbered(best, chosen, place, number + <int32_t> j)
        else:
            choose(best, place, op)


cdef void count_outside(T* best, int32_t* chosen, bint empty, bint numbered) noexcept nogil:
    """Samples outside are zeros, and so is a bin without any samples."""
    cdef Py_ssize_t c
    for c in range(LANES):
        if empty or best[c] < 0:
            best[c] = 0
            if numbered:
                chosen[c] = -1


cdef void max_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag) noexcept nogil:
    cdef const Regions* r = g.regions
    cdef T* line = <T*> (s + g.lines_at)
    cdef T* rows = <T*> (s + g.rows_at)
    cdef T* bins = <T*> (s + g.box_at)
    cdef int32_t* chosen = <int32_t*> (s + g.places_at)
    cdef const Py_ssize_t* down
    cdef const Py_ssize_t* across
    cdef Py_ssize_t item, i, p, q, taps, count = r.columns.count
    cdef bint numbered = g.q != NULL, empty, zeros
    cdef Part part
    cdef MaxOp op
    op.tag = 0
    memset(s, 0, g.scratch)
    for item in range(lo, hi):
        part = part_of(r, r.order[item % r.boxes], item // r.boxes, BLOCK // sizeof(T))
        down = r.rows.cut + part.box * r.rows.count
        across = r.columns.cut + part.box * count
        for p in range(r.rows.count):
            for i in range(count * LANES):
                bins[i] = identity(op, tag)
            if numbered:
                memset(chosen, 0, count * LANES * sizeof(int32_t))
            empty = part.width == 0
            i = down[p]
            while i < down[p + 1] and not empty:
                if r.whole and not numbered:
                    take_line(line, rows, g, &part, r.rows.tap + i, down[p + 1] - i, tag, op)
                else:
                    sample_line(line, rows, g, &part, r.rows.tap[i], tag)
                for q in range(count):
                    taps = across[q + 1] - across[q]
                    choose_samples(bins + q * LANES, chosen + q * LANES, line - part.left * LANES,
                                   r.columns.tap + across[q], taps,
                                   <int32_t> ((i - down[p]) * taps), numbered)
                i = down[p + 1] if r.whole and not numbered else i + 1
            for q in range(count):
                empty = down[p] == down[p + 1] or across[q] == across[q + 1]
                zeros = (r.rows.outside[part.box * r.rows.count + p]
                         or r.columns.outside[part.box * count + q])
                if empty or zeros:
                    count_outside(bins + q * LANES, chosen + q * LANES, empty, numbered)
            store_bins(g.y + part.box * g.ys[0] + p * g.ys[1] + part.channel * g.ys[3], bins, count,
                       g.ys[2], g.ys[3], part.lanes)
            if numbered:
                store_bins(g.q + part.box * g.qs[0] + p * g.qs[1] + part.channel * g.qs[3], chosen,
                           count, g.qs[2], g.qs[3], part.lanes)


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
    cdef Py_ssize_t p, q, c, taps, number
    for c in range(part.channel, part.channel + part.lanes):
        x = g.x + part.box * g.xs[0] + c * g.xs[3]
        chosen = g.q + part.box * g.qs[0] + c * g.qs[3]
        y = g.y + part.image * g.ys[0] + c * g.ys[3]
        for p in range(r.rows.count):
            for q in range(r.columns.count):
                number = (<const int32_t*> (chosen + p * g.qs[1] + q * g.qs[2]))[0]
                taps = across[q + 1] - across[q]
                if number >= 0:
                    add_sample(y, r.rows.tap[down[p] + number // taps],
                               r.columns.tap[across[q] + number % taps], g.ys,
                               (<const T*> (x + p * g.xs[1] + q * g.xs[2]))[0])


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
    if g.t_type == DOUBLE:
        mean_items(g, lo, hi, s, <double> 0)
    else:
        mean_items(g, lo, hi, s, <float> 0)


cdef void spread_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        spread_items(g, lo, hi, s, <double> 0)
    else:
        spread_items(g, lo, hi, s, <float> 0)


cdef void max_any(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    if g.t_type == DOUBLE:
        max_items(g, lo, hi, s, <double> 0)
    elif g.t_type == FLOAT:
        max_items(g, lo, hi, s, <float> 0)
    elif g.t_type == INT64:
        max_items(g, lo, hi, s, <int64_t> 0)
    else:
        max_items(g, lo, hi, s, <uint64_t> 0)


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
