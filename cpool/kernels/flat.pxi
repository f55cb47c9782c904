# Small planes: rows shorter than some vectors, calls that cost more than what they do. A tile is
# several whole planes, and each loop runs over all of them: row h of the result is folded for every
# plane before row h + 1, as the rows of one block; full windows of stride 1 are one long row.
#
# Folded rows stand so close that window o of row h begins at element (h * m + o) * stride of its
# plane: then the windows of a whole plane are folded along as one row. Taps that would read a
# neighbouring row are masked. Where the last windows of a row read farther than that, rows are as
# much longer, and windows that begin there are folded too, to be left out afterwards.
#
# Irregular windows of a row have one of two lengths: each length is folded at every element, as if
# a window began there; or windows are folded as spans.pxi does it.
#
# A table says which of the values that were folded are the plane's (`flat_places`).

cdef struct Flat:
    # How the planes of a call are folded.
    bint at_once                    # windows of three: rows and taps in one go
    Py_ssize_t count                # taps along a row that exist at all, in an order in which those
    Py_ssize_t plain                # that exist in every window come first: so many
    Py_ssize_t order[16]
    const Spans* spans              # of irregular windows; NULL: as if one began everywhere


cdef const T* flat_source(const Plan* g, const Tile* t, Py_ssize_t* pitch, Py_ssize_t* plane,
                          char* s, Op op, T tag) noexcept nogil:
    """The planes of a tile: where they lie if they can be folded there, or loaded."""
    cdef Py_ssize_t d, h, rows = g.axis[1].n, n = g.axis[2].n
    cdef Py_ssize_t size = rows * n
    cdef T* box = <T*> (s + g.box_at)
    if g.in_place and t.safe:
        pitch[0] = g.xs[1] // <Py_ssize_t> sizeof(T)
        plane[0] = g.xs[0] // <Py_ssize_t> sizeof(T)
        return <const T*> place(g, t, t.d, 0)
    pitch[0], plane[0] = n, size
    if g.mask != NULL or g.omit_nan:
        flat_some(g, t, box, VALUES, s, op)
        return box
    if (not g.x_swapped and is_contiguous(g.xs, n, 1, g.x_size)
            and (rows == 1 or g.xs[1] == n * g.x_size)
            and (t.d1 - t.d == 1 or g.xs[0] == size * g.x_size)
            and <size_t> place(g, t, t.d, 0) % g.x_size == 0):
        take_up(g, box, place(g, t, t.d, 0), (t.d1 - t.d) * size, op)
    elif rows == 1 or g.xs[1] == n * g.xs[2]:
        if g.xs[0] == size * g.xs[2]:
            take_up_apart(g, box, place(g, t, t.d, 0), g.xs[2], (t.d1 - t.d) * size, op)
        else:
            for d in range(t.d, t.d1):
                take_up_apart(g, box + (d - t.d) * size, place(g, t, d, 0), g.xs[2], size, op)
    else:
        for d in range(t.d, t.d1):
            for h in range(rows):
                take_up_apart(g, box + (d - t.d) * size + h * n, place(g, t, d, h), g.xs[2], n, op)
    if T is float or T is double:
        if g.transposed and g.mean:
            flat_quotients(g, box, t.d1 - t.d, <double*> (s + g.divisors_at))
    return box


cdef void flat_some(const Plan* g, const Tile* t, T* box, What what, char* s, Op op) noexcept nogil:
    """The planes of a tile without what does not exist; or, for EXISTING, numbers of which `op`
    makes 1 where something exists (of sums: how much), and anything else where nothing does."""
    cdef Py_ssize_t d, h, i, rows = g.axis[1].n, n = g.axis[2].n, planes = t.d1 - t.d
    cdef Py_ssize_t size = rows * n
    cdef const char* x = t.x + t.d * g.xs[0]
    cdef const uint8_t* mask = <const uint8_t*> t.mask + t.d * g.ms[0] if g.mask != NULL else NULL
    cdef Tile part = t[0]
    # Whether the planes, and their masks, are one behind the other.
    cdef bint flags = mask == NULL or (
        is_contiguous(g.ms, n, 1, 1) and (rows == 1 or g.ms[1] == n)
        and (planes == 1 or g.ms[0] == size))
    cdef bint beside = (
        flags and not g.x_swapped and is_contiguous(g.xs, n, 1, g.x_size)
        and (rows == 1 or g.xs[1] == n * g.x_size)
        and (planes == 1 or g.xs[0] == size * g.x_size) and <size_t> x % g.x_size == 0)
    if what == EXISTING and flags and mask != NULL and not g.omit_nan:
        ones(box, mask, planes * size)
    elif what == EXISTING and beside:
        convert(g, box, x, planes * size)
        ones_of_numbers(box, mask, planes * size)
    elif beside:
        take_some(g, box, x, mask, identity(op, <T> 0), planes * size)
    else:
        part.w_lo, part.w_hi = 0, n
        for d in range(planes):
            for h in range(rows):
                load(g, &part, t.d + d, h, box + (d * rows + h) * n, what, s, op)
    if Op is MinOp and (T is not huge):
        for i in range(planes * size if what == EXISTING else 0):
            box[i] = 2 - box[i]


cdef void ones_of_numbers(T* restrict y, const uint8_t* restrict mask,
                          Py_ssize_t n) noexcept nogil:
    """1 where y is no NaN and the mask (NULL: all) not 0, else 0."""
    cdef Py_ssize_t i
    cdef T one
    if mask == NULL:
        for i in range(n):
            y[i] = <T> (y[i] == y[i])
    else:
        for i in range(n):
            one = <T> (y[i] == y[i])
            y[i] = one if mask[i] != 0 else <T> 0


cdef bint flat_has(const T* z, Py_ssize_t zp, T none, Py_ssize_t n,
                   Py_ssize_t planes) noexcept nogil:
    """Whether an extremum may be one of nothing."""
    cdef Py_ssize_t d
    for d in range(planes):
        if row_has(z + d * zp, none, n):
            return True
    return False


cdef bint row_has(const T* restrict z, T none, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t found = 0
    cdef int64_t found_wide = 0
    for i in range(n):
        if T is double or T is int64_t or T is uint64_t or T is huge:
            found_wide |= z[i] == none
        else:
            found |= z[i] == none
    return found or found_wide


cdef void flat_counts(const Plan* g, int32_t* counts, double* by, const double* padding,
                      const T* existing, Py_ssize_t n, Op op) noexcept nogil:
    """What exists of each window of a plane, which `op` made of EXISTING, and what a mean is
    divided by."""
    cdef Py_ssize_t i
    for i in range(n):
        counts[i] = <int32_t> existing[i] if Op is AddOp else existing[i] == 1
    if g.divisor != 0:
        fill(by, n, g.divisor)
    elif g.mean:
        add_counts_to(by, padding, counts, n)


cdef void add_counts_to(double* restrict by, const double* restrict padding,
                        const int32_t* restrict counts, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        by[i] = padding[i] + counts[i]


cdef void flat_padding(const Plan* g, const Tile* t, double* padding, int32_t* counts,
                       Py_ssize_t n) noexcept nogil:
    """How much of the padding of each window of a plane counts."""
    cdef Py_ssize_t h
    fill(counts, n, <int32_t> 0)
    for h in range(g.axis[1].m):
        divisors(g, t, 0, h, padding + h * g.axis[2].m, counts)


cdef void flat_quotients(const Plan* g, T* box, Py_ssize_t planes, double* by) noexcept nogil:
    """Gradients of means, each divided by what its mean was divided by."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t i, h, w, size = a.n * b.n
    if divisor_is_constant(g):
        scale(box, <T> constant_divisor(g), planes * size)
        return
    for h in range(a.n):
        for w in range(b.n):
            by[h * b.n + w] = ((a.size[h] if a.size != NULL else a.size0)
                               * (b.size[w] if b.size != NULL else b.size0))
    for i in range(planes):
        divide(box + i * size, by, size)


cdef void flat_heights(const Plan* g, T* y, Py_ssize_t yp, Py_ssize_t line, const T* x,
                       Py_ssize_t xp, Py_ssize_t pitch, Py_ssize_t planes, const Spans* spans,
                       char* s, Op op) noexcept nogil:
    """The rows of each window folded: rows of y are `line` apart, planes yp. Rows are written in
    whole blocks, each over the slack of the one before. Full windows in as few loops as possible:
    all as one row, or plane by plane, or row by row."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef T* levels = <T*> (s + g.levels_at)
    cdef Py_ssize_t h, d, rows, first, stop, n = g.axis[2].n
    cdef Run r
    if spans != NULL:
        span_heights(y, yp, x, xp, pitch, spans, n, planes, op)
        return
    full_windows(a, 0, a.m, &first, &stop)
    h = 0
    while h < a.m:
        taps(a, h, entries, &r)
        r.pitch = pitch
        rows = stop - h if h == first and h < stop else 1
        if rows > 1 and a.stride == 1 and pitch == n and line == n:
            fold_rows(y + h * line, yp, x, xp, &r, n * rows, planes, True, levels, yp, op)
        elif rows > planes:
            for d in range(planes):
                fold_rows(y + d * yp + h * line, line, x + d * xp, a.stride * pitch, &r, n, rows,
                          True, levels, yp, op)
        else:
            rows = 1
            fold_rows(y + h * line, yp, x, xp, &r, n, planes, True, levels, yp, op)
        h += rows


cdef Py_ssize_t flat_masks(const Plan* g, T* masks, Py_ssize_t pitch, Py_ssize_t* order,
                           Py_ssize_t* plain) noexcept nogil:
    """The taps along a row in the order in which they are folded, those first that exist in every
    window (so many: plain), and a mask of a plane's windows for each of the others; the number of
    taps that exist at all."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t tap, i, first, end, count = 0
    cdef bint everywhere
    if are_threes(a, 2):
        for tap in range(3):
            flat_mask(g, masks + tap * pitch, tap)
            i = 0
            while i < pitch:
                put_back(masks + tap * pitch + i, masks + tap * pitch + i, sizeof(T))
                i += PER_BLOCK(sizeof(T))
        plain[0] = 1
        return 3
    for i in range(2):
        for tap in range(a.kernel):
            first = tap * a.dilation - a.before
            end = first + (a.m - 1) * a.stride
            everywhere = first >= 0 and end < a.n
            if everywhere != (i == 0) or first >= a.n or end < 0:
                continue
            flat_mask(g, masks + count * pitch, tap)
            order[count] = tap
            count += 1
        if i == 0:
            plain[0] = count
    if plain[0] == 2 and count == 3:
        plain[0] = 1                # one pass instead of two
    return count


cdef void flat_mask(const Plan* g, T* mask, Py_ssize_t tap) noexcept nogil:
    """In which windows of a plane a tap exists."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t o, at, first = tap * a.dilation - a.before, wide = flat_windows(a)
    for o in range(g.axis[1].m * wide):
        at = o % wide * a.stride + first
        mask[o] = <T> (0 <= at < a.n)


cdef void flat_widths(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                      Py_ssize_t pitch, Py_ssize_t planes, const Flat* f, char* s,
                      Op op) noexcept nogil:
    """The windows along rows, a plane's as one row. x: where the first window begins; if all is
    done at once, rows are not folded yet, but `pitch` apart."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t d, zp = xp
    cdef T* z = <T*> (s + g.phases_at)
    if Op is not ProductOp:
        if f.at_once and a.stride == 1:
            flat_neighbours(g, y, yp, x, xp, pitch, planes, <const T*> (s + g.masks_at), op)
            return
        if f.at_once:
            flat_halvings(g, y, yp, x, xp, pitch, planes, <const T*> (s + g.masks_at), op)
            return
    if a.start == NULL and flat_windows(a) == a.m:
        flat_regular(g, y, yp, x, xp, planes, f, s, op)
        return
    if f.spans != NULL:
        for d in range(planes):
            span_widths(y + d * yp, a.m, x + d * xp, a.n, f.spans, g.axis[1].m, op)
        return
    if a.start != NULL:
        flat_spans(g, z, x, xp, planes, op)
    else:
        z, zp = z + a.stride * g.line, xp // a.stride
        flat_regular(g, z, zp, x, xp, planes, f, s, op)
    pick_out(y, yp, z, zp, <const int32_t*> (s + g.places_at),
             UP(g.axis[1].m * a.m, sizeof(T)), planes)


cdef void flat_regular(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                       Py_ssize_t planes, const Flat* f, char* s, Op op) noexcept nogil:
    """Regular windows, and those that only keep rows apart."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, at, n = UP(g.axis[1].m * flat_windows(a), sizeof(T))
    cdef T* phases = <T*> (s + g.phases_at)
    cdef const T* masks = <const T*> (s + g.masks_at)
    cdef const T* taps[16]
    cdef const T* tap_masks[16]
    if a.stride == 2 and a.kernel == 2 and a.dilation == 1 and f.plain == 2:
        pairs(y, yp, x, xp, n, planes, 1, op)
        return
    if are_threes(a, 2):
        masked_threes(y, yp, x, xp, masks, masks + 2 * n, identity(op, <T> 0), n, planes, op)
        return
    if a.stride > 1:
        split(phases, g.line, x, planes * xp, a.stride, 1)
    for i in range(f.count):
        at = f.order[i] * a.dilation
        taps[i] = x + at
        if a.stride > 1:
            taps[i] = phases + at % a.stride * g.line + at // a.stride
        tap_masks[i] = masks + i * n
    fold_masked(y, yp, taps, tap_masks, f.count, f.plain, xp // a.stride, n, planes, op)


cdef void flat_places(const Plan* g, int32_t* places) noexcept nogil:
    """Where the value of each window of a plane is among those that were folded."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t h, o, i = a.m, fewest, longest
    cdef int32_t row = <int32_t> (flat_windows(a) if a.start == NULL else a.n), first = 0
    if a.start != NULL:
        run_lengths(a, &fewest, &longest)
    for o in range(a.m):
        places[o] = <int32_t> o
        if a.start != NULL:
            places[o] = <int32_t> (a.start[o] + (0 if a.count[o] == fewest else g.line))
    for h in range(1, g.axis[1].m):
        first += row
        for o in range(a.m):
            places[i + o] = places[o] + first
        i += a.m
    while i < UP(g.axis[1].m * a.m, 1):
        places[i] = 0
        i += 1


cdef void flat_spans(const Plan* g, T* y, const T* x, Py_ssize_t xp, Py_ssize_t planes,
                     Op op) noexcept nogil:
    """Irregular windows along rows: those of either length at each element of a plane."""
    cdef Py_ssize_t i, fewest, longest, n = UP(g.axis[1].m * g.axis[2].n, sizeof(T))
    cdef const T* taps[32]
    run_lengths(&g.axis[2], &fewest, &longest)
    for i in range(longest):
        taps[i] = x + i
    fold_leaf(y, xp, taps, fewest, xp, n, planes, op)
    if longest > fewest:
        fold2(y + g.line, xp, y, taps[fewest], xp, n, planes, op)


cdef void flat_store(const Plan* g, const Tile* t, Py_ssize_t d, T* z, const double* by,
                     const int32_t* counts, char* s, Op op) noexcept nogil:
    """One plane of folded values -> the result."""
    cdef Py_ssize_t h, rows = g.axis[1].m, n = g.axis[2].m
    cdef char* y = t.y + d * g.ys[0]
    cdef char* raw = s + g.raw_at
    if (is_contiguous(g.ys, n, 1, g.y_size) and (rows == 1 or g.ys[1] == n * g.y_size)
            and <size_t> y % g.y_size == 0):
        finish(g, y, z, rows * n, by, counts, s + g.wide_at, op)
        return
    finish(g, raw, z, rows * n, by, counts, s + g.wide_at, op)
    for h in range(rows):
        scatter_plain(y + h * g.ys[1], raw + h * n * g.y_size, n, g.ys[2], g.y_size)


cdef inline Py_ssize_t planes_straight(const Plan* g, const Tile* t, const Flat* f,
                                       Py_ssize_t size) noexcept nogil:
    """How many planes of a tile may be written straight to the result, in one pass of whole blocks:
    all but those of which the last blocks would reach behind the tile, if there are such."""
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t n = w.m, bytes = g.axis[1].m * n * size
    if (not (g.y_plain or g.y_scaled) or g.ys[0] != bytes
            or not (is_one_pass(f.count, f.plain) or flat_windows(w) > n)
            or not is_contiguous(g.ys, n, 1, size) or (g.axis[1].m > 1 and g.ys[1] != n * size)
            or <size_t> t.y % size != 0):
        return 0
    if f.at_once and w.stride == 1:
        return t.d1 - t.d
    return most(0, t.d1 - t.d - 1 - BLOCK // bytes)


cdef void flat_straight(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                        Py_ssize_t pitch, Py_ssize_t planes, const Flat* f, char* s,
                        Op op) noexcept nogil:
    """As flat_widths, to the result."""
    cdef DivideOp divide
    cdef bint scaled = (g.y_scaled and g.axis[2].start == NULL and f.count > 1
                        and is_one_pass(f.count, f.plain))
    if Op is AddOp and (T is float or T is double):
        if scaled:
            divide.by = constant_divisor(g)
            flat_widths(g, y, yp, x, xp, pitch, planes, f, s, divide)
            return
    flat_widths(g, y, yp, x, xp, pitch, planes, f, s, op)
    scale_straight(g, y, planes * yp)


cdef void flat_divisors(const Plan* g, const Tile* t, double* by) noexcept nogil:
    """What each window of a plane is divided by; all planes are alike."""
    cdef Py_ssize_t h
    for h in range(g.axis[1].m):
        divisors(g, t, 0, h, by + h * g.axis[2].m, NULL)


cdef void flat_way(const Plan* g, Flat* f, char* s, Op op, T tag) noexcept nogil:
    """How planes are folded, with the tables that it takes."""
    cdef const Axis* a = &g.axis[2]
    f.count = f.plain = 1
    f.spans = spans_of(g, a.n, s, op, tag) if a.start != NULL else <const Spans*> NULL
    f.at_once = Op is not ProductOp and are_straight(&g.axis[1], a, sizeof(T))
    if f.at_once:
        if Op is not ProductOp:
            masks_of_threes(a, <T*> (s + g.masks_at), op)
        f.count = 3
        return
    if f.spans == NULL and (a.start != NULL or flat_windows(a) > a.m):
        flat_places(g, <int32_t*> (s + g.places_at))
    if a.start == NULL:
        f.count = flat_masks(g, <T*> (s + g.masks_at), UP(g.axis[1].m * flat_windows(a), sizeof(T)),
                             f.order, &f.plain)


cdef void flat_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, Op op,
                     T tag) noexcept nogil:
    cdef Py_ssize_t item, pitch, xp, n = g.axis[1].m * g.axis[2].m
    cdef double* by = NULL
    cdef const T* x
    cdef Tile t
    cdef Flat f
    # Sums of nothing are 0.
    cdef bint counting = (g.mask != NULL or g.omit_nan) and (g.mean or Op is not AddOp)
    if Op is AddOp and (T is float or T is double):
        if is_spread(g):
            spread_items(g, lo, hi, s, op, tag)
            return
    flat_way(g, &f, s, op, tag)
    for item in range(lo, hi):
        if is_given_up(g):
            return
        locate(g, item, &t, s)
        if by == NULL and counting:
            by = <double*> (s + g.divisors_at)
            flat_padding(g, &t, by + n, <int32_t*> (s + g.counts_at), n)
        elif by == NULL and g.mean and not g.transposed and not divisor_is_constant(g):
            by = <double*> (s + g.divisors_at)
            flat_divisors(g, &t, by)
        x = flat_source(g, &t, &pitch, &xp, s, op, tag)
        if counting:
            flat_counted(g, &t, x, xp, pitch, by, &f, s, op)
        else:
            flat_tile(g, &t, x, xp, pitch, by, &f, s, op)


cdef void flat_tile(const Plan* g, const Tile* t, const T* x, Py_ssize_t xp, Py_ssize_t pitch,
                    const double* by, const Flat* f, char* s, Op op) noexcept nogil:
    """The planes of a tile, straight to the result as far as it goes."""
    cdef Py_ssize_t d, i, begin, end, planes = t.d1 - t.d, straight, parts
    cdef Py_ssize_t n = g.axis[1].m * g.axis[2].m, zp = UP(n, sizeof(T))
    cdef T* y = <T*> (t.y + t.d * g.ys[0])
    cdef T* z = <T*> (s + g.result_at)
    x = flat_lines(g, x, &xp, pitch, planes, f, s, op)
    straight = planes_straight(g, t, f, sizeof(T))
    parts = least(most(1, ahead(g, t) // PORTION), straight)
    for i in range(parts):
        begin, end = straight * i // parts, straight * (i + 1) // parts
        fetch(g, t, i, parts)
        flat_straight(g, y + begin * n, n, x + begin * xp, xp, pitch, end - begin, f, s, op)
    if straight < planes:
        flat_widths(g, z, zp, x + straight * xp, xp, pitch, planes - straight, f, s, op)
    for d in range(straight, planes):
        flat_store(g, t, t.d + d, z + (d - straight) * zp, by, NULL, s, op)


cdef void flat_counted(const Plan* g, const Tile* t, const T* x, Py_ssize_t xp, Py_ssize_t pitch,
                       double* by, const Flat* f, char* s, Op op) noexcept nogil:
    """The same where some elements do not exist: behind `by`, what of the padding counts."""
    cdef Py_ssize_t d, planes = t.d1 - t.d, sp = xp
    cdef Py_ssize_t n = g.axis[1].m * g.axis[2].m, zp = UP(n, sizeof(T))
    cdef int32_t* counts = <int32_t*> (s + g.counts_at)
    cdef T* z = <T*> (s + g.result_at)
    cdef T* existing = <T*> (s + g.starts_at)
    cdef bint count = Op is AddOp
    x = flat_lines(g, x, &xp, pitch, planes, f, s, op)
    flat_widths(g, z, zp, x, xp, pitch, planes, f, s, op)
    if count or flat_has(z, zp, identity(op, <T> 0), n, planes):
        flat_some(g, t, <T*> (s + g.box_at), EXISTING, s, op)
        x = flat_lines(g, <const T*> (s + g.box_at), &sp, pitch, planes, f, s, op)
        flat_widths(g, existing, zp, x, sp, pitch, planes, f, s, op)
        count = True
    for d in range(planes):
        if count:
            flat_counts(g, counts, by, by + n, existing + d * zp, n, op)
        flat_store(g, t, t.d + d, z + d * zp, by if count and g.mean else NULL,
                   counts if count else NULL, s, op)


cdef const T* flat_lines(const Plan* g, const T* x, Py_ssize_t* xp, Py_ssize_t pitch,
                         Py_ssize_t planes, const Flat* f, char* s, Op op) noexcept nogil:
    """Where the first window of the first row of the first plane begins, rows folded (but for what
    is folded at once), and how far planes are apart."""
    cdef const Axis* a = &g.axis[2]
    cdef T* lines = <T*> (s + g.lines_at) + (a.before + 63) // 64 * 64
    if f.at_once:
        return x
    flat_heights(g, lines, g.row, flat_line(a), x, xp[0], pitch, planes, f.spans, s, op)
    xp[0] = g.row
    return lines - a.before
