# Windows of one axis as the kernels read them: which elements, as a run of rows.

# Rows that one leaf of a fold combines; longer runs are halved (pairwise summation: Higham 1993).

cdef enum:
    LEAF = 32
    MANY = 9        # up to so many are combined in registers
    LANES = 16      # partial results of a fold along a row: fixed, so that bits are the same
    PHASES = 8      # strides up to this take a row apart into phases
    SLIDING = 6     # windows one step apart, with more taps than this, are folded by `slide`
    RUNS = 1024     # windows side by side, of so many elements at most, are spread as runs
    PIECES = 1024   # elements that are finished at once
    TOUCHED = 4096  # bytes that are touched and then folded (see touch_rows)
    FETCHED = 16384     # bytes that are fetched before they are asked for, at most
    PORTION = 1024  # ... so many at a time
    AHEAD = 8192    # bytes from what is read to what is asked for, where that is better
    LARGEST = 2147483647
    SLIDES = 2048   # elements that are slid along at once

cdef extern from "processor.h":
    bint asks_ahead "cpool_asks_ahead"() noexcept nogil


cdef struct Run:
    # Where the rows of a fold begin: element `address(i)`, i = 0 .. count - 1.
    Py_ssize_t first, step, count
    Py_ssize_t pitch                # elements from one row index to the next
    Py_ssize_t period               # > 0: rows lie in `period` phases (see split)
    Py_ssize_t unit                 # then: elements from one entry of a phase to the next
    const Py_ssize_t* entries       # row indices one by one, or NULL
    Py_ssize_t tap                  # which tap of the window the first one is


cdef inline Py_ssize_t address(const Run* r, Py_ssize_t i) noexcept nogil:
    cdef Py_ssize_t at
    if r.entries != NULL:
        return r.entries[i] * r.pitch
    at = r.first + i * r.step
    if r.period > 0:
        return (at % r.period) * r.pitch + (at // r.period) * r.unit
    return at * r.pitch


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return -((-a) // b) if a < 0 else (a + b - 1) // b


cdef inline Py_ssize_t floor_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return -((-a + b - 1) // b) if a < 0 else a // b


cdef inline Py_ssize_t least(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a if a < b else b


cdef inline Py_ssize_t most(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a if a > b else b


cdef inline Py_ssize_t common_divisor(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    while b != 0:
        a, b = b, a % b
    return a


cdef Py_ssize_t first_tap(const Axis* a, Py_ssize_t phase) noexcept nogil:
    """The least tap that reads positions congruent to `phase` modulo the stride; -1: none."""
    cdef Py_ssize_t tap = 0
    if a.dilation == 1:
        return phase if phase < a.kernel else -1
    while tap < a.kernel and tap < a.stride:
        if (tap * a.dilation) % a.stride == phase:
            return tap
        tap += 1
    return -1


cdef void covering(const Axis* a, Py_ssize_t position, Run* r) noexcept nogil:
    """The windows that read a padded position, in ascending order: tap = (position - window *
    stride) / dilation must be one of the kernel's."""
    cdef Py_ssize_t tap, between, step, last, skip, most_taps
    r.count = 0
    tap = first_tap(a, position % a.stride)
    if tap < 0:
        return
    between = a.stride // common_divisor(a.stride, a.dilation)      # taps of the same phase
    step = between * a.dilation // a.stride                         # windows between them
    last = floor_div(position - tap * a.dilation, a.stride)
    if last < 0:
        return
    most_taps = least((a.kernel - 1 - tap) // between, last // step)
    skip = ceil_div(last - (a.n - 1), step) if last > a.n - 1 else 0
    r.first = last - most_taps * step
    r.step = step
    r.count = most_taps - skip + 1


cdef void taps(const Axis* a, Py_ssize_t o, Py_ssize_t* entries, Run* r) noexcept nogil:
    """What element o of the result is folded from: indices along the axis of the source."""
    cdef Py_ssize_t at, i, j, tap, first, last
    cdef Run some
    r.period = 0
    r.entries = NULL
    r.tap = 0
    if a.start != NULL:
        r.first = a.start[o]
        r.step = 1
        r.count = a.count[o]
    elif a.transposed:
        if a.source == NULL:
            covering(a, o + a.before, r)
            return
        r.count = 0
        r.entries = entries
        for i in range(a.image0[o], a.image0[o + 1]):
            covering(a, a.images[i], &some)
            for j in range(some.count):
                entries[r.count] = some.first + j * some.step
                r.count += 1
    elif a.source == NULL:
        at = o * a.stride - a.before
        first = 0 if at >= 0 else (-at + a.dilation - 1) // a.dilation
        last = a.kernel - 1
        if at + last * a.dilation >= a.n:
            last = floor_div(a.n - 1 - at, a.dilation)
        r.first = at + first * a.dilation
        r.step = a.dilation
        r.count = last - first + 1
        r.tap = first
    else:
        r.count = 0
        r.entries = entries
        for tap in range(a.kernel):
            at = o * a.stride + tap * a.dilation
            if at < a.reach:
                entries[r.count] = a.source[at]
                r.count += 1


cdef inline Py_ssize_t flat_windows(const Axis* a) noexcept nogil:
    """Windows that a folded row of a small plane has room for (see flat.pxi): all that exist, and
    as many more as keep what they read apart from the next row."""
    cdef Py_ssize_t last = (a.m - 1) * a.stride - a.before + (a.kernel - 1) * a.dilation
    if a.start != NULL:
        return a.m
    return most(a.m, least(last, a.n - 1) // a.stride + 1)


cdef inline Py_ssize_t flat_line(const Axis* a) noexcept nogil:
    """Elements from one folded row of a small plane to the next."""
    return a.n if a.start != NULL else a.stride * flat_windows(a)


cdef inline bint are_threes(const Axis* a, Py_ssize_t stride) noexcept nogil:
    """Windows of three, so far apart, whose middle one exists everywhere."""
    return (a.start == NULL and a.source == NULL and not a.transposed and a.stride == stride
            and a.kernel == 3 and a.dilation == 1 and a.before <= 1
            and (a.m - 1) * stride + 1 - a.before < a.n)


cdef inline bint is_narrow(const Axis* w, size_t size) noexcept nogil:
    """Whether one vector holds what two such windows or more need of a row: their middles and what
    is right of these, or all of it where there is no padding."""
    if w.kernel == 3 and w.before == 0:
        return w.m > 1 and (2 * w.m + 1) * size <= 32 and 2 * w.m < w.n
    return w.m > 1 and 2 * w.m * size <= 32


cdef inline bint are_halved(const Axis* h, const Axis* w, size_t size) noexcept nogil:
    """Whether kernels/halvings.pxi folds them: windows of 2x2 or 3x3; rows of the result are longer
    than half a vector, or narrow."""
    return ((is_narrow(w, size) or w.m * size > 16)
            and ((are_threes(h, 2) and are_threes(w, 2)) or (is_pairs(h) and is_pairs(w))))


cdef inline bint are_straight(const Axis* h, const Axis* w, size_t size) noexcept nogil:
    """Whether rows go straight to the result: there, or, long ones, as kernels/neighbours.pxi does
    it."""
    return are_halved(h, w, size) or (are_threes(h, 1) and are_threes(w, 1)
                                      and w.m * size >= 192)


cdef void run_lengths(const Axis* a, Py_ssize_t* fewest, Py_ssize_t* longest) noexcept nogil:
    """Elements that irregular windows are folded from: the least and the greatest number."""
    cdef Py_ssize_t o
    fewest[0] = longest[0] = a.count[0]
    for o in range(1, a.m):
        fewest[0] = least(fewest[0], a.count[o])
        longest[0] = most(longest[0], a.count[o])


cdef inline bint is_runs(const Axis* a) noexcept nogil:
    """Transposed windows side by side, not too long: elements get runs of one value."""
    return (a.start == NULL and a.source == NULL and a.kernel == a.stride and a.dilation == 1
            and a.stride <= RUNS)


cdef inline bint is_sliding(const Axis* a) noexcept nogil:
    """Windows of many taps, not far apart: it is less work to fold one at each place."""
    return (a.start == NULL and not a.transposed and a.stride <= PHASES and a.kernel > SLIDING
            and (a.stride == 1 or a.kernel > 16 * a.stride))


cdef inline int slides(Py_ssize_t kernel) noexcept nogil:
    """Scratch rows of a fold that slides along (see `slide`)."""
    cdef int levels = 0
    while <Py_ssize_t> 4 << 2 * levels < kernel:
        levels += 1
    return levels


cdef inline Py_ssize_t row_of(const Axis* a, Py_ssize_t at) noexcept nogil:
    """The source element at a place in an extent."""
    return a.source[at] if a.source != NULL and not a.transposed else at


cdef void taps_in_extent(const Axis* a, Py_ssize_t o, Py_ssize_t first, Py_ssize_t* entries,
                         Run* r) noexcept nogil:
    """As `taps`, counted from the first place of an extent."""
    cdef Py_ssize_t i
    if a.source != NULL and not a.transposed:
        r.period, r.entries, r.tap = 0, NULL, 0
        r.first = o * a.stride - first
        r.step = a.dilation
        r.count = least(a.kernel, (a.reach - 1 - o * a.stride) // a.dilation + 1)
        return
    taps(a, o, entries, r)
    r.first -= first
    if r.entries != NULL:
        for i in range(r.count):
            entries[i] -= first


cdef void extent(const Axis* a, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t* entries,
                 Py_ssize_t* first, Py_ssize_t* stop) noexcept nogil:
    """The source elements that elements lo to hi of the result need: first to stop. Where padding
    is mapped these are positions on the padded axis."""
    cdef Run r
    cdef Py_ssize_t o, i
    if a.identity:
        first[0], stop[0] = lo, hi
        return
    if a.source != NULL and not a.transposed:
        first[0] = lo * a.stride
        stop[0] = least(a.reach, (hi - 1) * a.stride + (a.kernel - 1) * a.dilation + 1)
        return
    if a.start == NULL and not a.transposed:
        first[0] = most(0, lo * a.stride - a.before)
        stop[0] = least(a.n, (hi - 1) * a.stride - a.before + (a.kernel - 1) * a.dilation + 1)
        return
    if a.start == NULL and a.source == NULL:
        # Windows between these that cover none of the elements do no harm.
        first[0] = most(0, ceil_div(lo + a.before - (a.kernel - 1) * a.dilation, a.stride))
        stop[0] = most(first[0], least(a.n, (hi - 1 + a.before) // a.stride + 1))
        return
    first[0] = a.n
    stop[0] = 0
    for o in range(lo, hi):
        taps(a, o, entries, &r)
        if r.count > 0 and r.entries == NULL:
            first[0] = least(first[0], r.first)
            stop[0] = most(stop[0], r.first + (r.count - 1) * r.step + 1)
        else:
            for i in range(r.count):
                first[0] = least(first[0], r.entries[i])
                stop[0] = most(stop[0], r.entries[i] + 1)
    if stop[0] < first[0]:
        first[0] = stop[0] = 0


cdef inline bint is_pairs(const Axis* a) noexcept nogil:
    return (a.kernel == 2 and a.stride == 2 and a.dilation == 1 and a.before == 0
            and a.source == NULL and a.start == NULL and 2 * a.m <= a.n)


cdef inline Py_ssize_t origin(const Axis* a, Py_ssize_t window) noexcept nogil:
    """Where a window's first tap is: on the padded axis if that is mapped, else on the source."""
    if a.origin != NULL:
        return a.origin[window]
    return window * a.stride - (0 if a.source != NULL else a.before)


cdef inline bint is_halving(const Axis* a, Py_ssize_t kernel, Py_ssize_t before) noexcept nogil:
    return (a.stride == 2 and a.dilation == 1 and a.kernel == kernel and a.before == before
            and a.source == NULL and a.start == NULL)


cdef inline bint are_pairs(const Axis* h, const Axis* w) noexcept nogil:
    """Transposed windows of 2x2/2, or of 3x3/2 with padding 1 that span their rows, or none."""
    return (is_halving(h, 2, 0) and is_halving(w, 2, 0)) or (
        is_halving(h, 3, 1) and is_halving(w, 3, 1) and w.m <= 2 * w.n) or (
        is_halving(h, 3, 0) and is_halving(w, 3, 0) and w.m <= 2 * w.n + 2)
