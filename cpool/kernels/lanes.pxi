# Windows side by side. Where a window is no fold of two elements at a time, its elements are
# brought together: row `tap` of a block of scratch has that tap of many windows, a lane for each, so
# that what is done to a window is done to all lanes at once. The transpose adds rows of slopes to
# the elements that they came from.
#
# Windows are numbered plane by plane, in a plane by blocks of channels, then in the order of memory.
# A number is the same for any number of threads, and lanes know nothing of each other.

cdef struct Stretch:
    # Windows with neighbouring numbers: of one row, or of neighbouring channels at one place.
    Py_ssize_t n
    Py_ssize_t o[3]             # place of the first one along D, H, W
    const char* x               # the plane (and channel) that they read
    const char* mask
    char* gx
    char* y                     # their values
    const char* q               # what belongs to each


cdef struct Line:
    # Elements along W: `first`, `first + step`, ..., of which lo to hi exist; or entries, -1: none.
    Py_ssize_t lo, hi, first, step
    const Py_ssize_t* entries


# --- numbers --------------------------------------------------------------------------------------

cdef inline Py_ssize_t windows_of_block(const Plan* g) noexcept nogil:
    """Numbers of a plane's windows in one block of channels."""
    return g.axis[0].m * g.axis[1].m * g.axis[2].m * g.channels


cdef void move_to_plane(const Plan* g, Py_ssize_t plane, Stretch* r) noexcept nogil:
    cdef Py_ssize_t index
    cdef int i
    r.x, r.mask, r.gx, r.y, r.q = g.x, g.mask, g.gx, g.y, g.q
    for i in range(g.outer_ndim - 1, -1, -1):
        index = plane % g.outer[i]
        plane //= g.outer[i]
        r.x += index * g.x_outer[i]
        r.mask += index * g.m_outer[i]
        r.gx += index * g.g_outer[i]
        r.y += index * g.y_outer[i]
        r.q += index * g.q_outer[i]


cdef Py_ssize_t stretch_at(const Plan* g, Py_ssize_t at, Py_ssize_t stop, Stretch* r) noexcept nogil:
    """The windows from number `at` on, before `stop`; gives the number behind them. The last block
    of channels may have numbers that no window has."""
    cdef Py_ssize_t size = windows_of_block(g), blocks = ceil_div(g.inner, g.channels)
    cdef Py_ssize_t block = at // size, rest = at % size, c = rest % g.channels
    cdef Py_ssize_t first = (block % blocks) * g.channels, place = rest // g.channels
    cdef int i
    move_to_plane(g, block // blocks, r)
    for i in range(2, -1, -1):
        r.o[i] = place % g.axis[i].m
        place //= g.axis[i].m
    r.x += (first + c) * g.xs[3]
    r.mask += (first + c) * g.ms[3]
    r.gx += (first + c) * g.gs[3]
    r.y += (first + c) * g.ys[3]
    r.q += (first + c) * g.qs[3]
    for i in range(3):
        r.y += r.o[i] * g.ys[i]
        r.q += r.o[i] * g.qs[i]
    if g.inner > 1:
        r.n = most(0, least(least(g.channels, g.inner - first) - c, stop - at))
        return least(at - c + g.channels, stop)
    r.n = least(g.axis[2].m - r.o[2], stop - at)
    return at + r.n


cdef Py_ssize_t counts_of(const Plan* g, Py_ssize_t at, Py_ssize_t stop, int32_t* counts) noexcept nogil:
    """How many elements each window has, what is masked among them; gives the number of lanes."""
    cdef Stretch r
    cdef const Axis* a = &g.axis[0]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t j, lanes = 0
    cdef double plane
    while at < stop:
        at = stretch_at(g, at, stop, &r)
        plane = ((a[0].size[r.o[0]] if a[0].size != NULL else a[0].size0) *
                 (a[1].size[r.o[1]] if a[1].size != NULL else a[1].size0))
        for j in range(r.n):
            counts[lanes + j] = <int32_t> (plane * (
                w.size0 if w.size == NULL else w.size[r.o[2] + (j if g.inner == 1 else 0)]))
        lanes += r.n
    return lanes


# --- where the elements are -----------------------------------------------------------------------

cdef inline Py_ssize_t element(const Axis* a, Py_ssize_t o, Py_ssize_t tap) noexcept nogil:
    """The element that a tap of window o reads, or -1."""
    cdef Py_ssize_t at
    if a.start != NULL:
        return a.start[o] + tap if tap < a.count[o] else -1
    at = o * a.stride + tap * a.dilation
    if a.source != NULL:
        return a.source[at] if at < a.reach else -1
    at -= a.before
    return at if 0 <= at < a.n else -1


cdef void line_of(const Axis* a, Py_ssize_t o, Py_ssize_t tap, Py_ssize_t n, bint along_taps,
                  Py_ssize_t* entries, Line* l) noexcept nogil:
    """What one tap of n windows reads, or n taps of one window."""
    cdef Py_ssize_t j
    l.entries = NULL
    if a.source != NULL or (a.start != NULL and not along_taps):
        for j in range(n):
            entries[j] = element(a, o, tap + j) if along_taps else element(a, o + j, tap)
        l.entries = entries
        l.lo, l.hi = 0, n
    elif a.start != NULL:
        l.first, l.step, l.lo = a.start[o] + tap, 1, 0
        l.hi = most(0, least(n, a.count[o] - tap))
    else:
        l.first = o * a.stride + tap * a.dilation - a.before
        l.step = a.dilation if along_taps else a.stride
        l.lo = least(n, most(0, ceil_div(-l.first, l.step)))
        l.hi = most(l.lo, least(n, floor_div(a.n - 1 - l.first, l.step) + 1))


# --- reading --------------------------------------------------------------------------------------

cdef void elements(const Plan* g, T* y, const char* x, Py_ssize_t n, Py_ssize_t step,
                   char* s) noexcept nogil:
    """Elements of the input, `step` bytes apart, as numbers that reductions take."""
    cdef char* raw = s + g.raw_at
    if n <= 0:
        return
    if g.x_swapped or (step != g.x_size and n > 1) or <size_t> x % g.x_size != 0:
        gather(raw, x, n, 1, step, 0, g.x_size, g.x_swapped)
        x = raw
    as_numbers(g, y, x, n)


cdef void read_line(const Plan* g, const char* x, const Line* l, Py_ssize_t n, Py_ssize_t xs, T* y,
                    T none, char* s) noexcept nogil:
    cdef Py_ssize_t j
    cdef char* raw = s + g.raw_at
    if l.entries == NULL:
        fill(y, l.lo, none)
        elements(g, y + l.lo, x + (l.first + l.lo * l.step) * xs, l.hi - l.lo, l.step * xs, s)
        fill(y + l.hi, n - l.hi, none)
        return
    for j in range(n):
        gather(raw + j * g.x_size, x + most(0, l.entries[j]) * xs, 1, 1, 0, 0, g.x_size,
               g.x_swapped)
    as_numbers(g, y, raw, n)
    for j in range(n):
        if l.entries[j] < 0:
            y[j] = none


cdef void read_flags(const char* mask, const Line* l, Py_ssize_t n, Py_ssize_t ms,
                     uint8_t* flags) noexcept nogil:
    """0 for elements that are masked."""
    cdef Py_ssize_t j
    fill(flags, n, <uint8_t> 1)
    for j in range(l.lo, l.hi):
        if l.entries == NULL:
            flags[j] = mask[(l.first + j * l.step) * ms]
        elif l.entries[j] >= 0:
            flags[j] = mask[l.entries[j] * ms]


cdef void withhold(T* restrict y, Py_ssize_t* missing, const uint8_t* restrict flags,
                   Py_ssize_t n, T none) noexcept nogil:
    """Masked elements become `none`."""
    cdef Py_ssize_t j, m = 0
    for j in range(n):
        m += flags[j] == 0
        y[j] = y[j] if flags[j] != 0 else none
    missing[0] = m


cdef void flag_nans(uint8_t* restrict flags, const T* restrict y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        flags[j] = flags[j] if y[j] == y[j] else 0


cdef bint any_nan(const T* restrict y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef int nans = 0
    for j in range(n):
        nans |= y[j] != y[j]
    return nans


cdef Py_ssize_t read(const Plan* g, const Stretch* r, Py_ssize_t row, Py_ssize_t lane,
                     Py_ssize_t tap, Py_ssize_t n, bint along_taps, T* y, T none, uint8_t* flags,
                     char* s) noexcept nogil:
    """One tap of n windows of a stretch, or n taps of its window `lane`, of row `row` of the taps;
    flags get 0 where an element is masked, of which the number is given."""
    cdef Line l
    cdef Py_ssize_t missing = 0, j
    cdef Py_ssize_t d = element(&g.axis[0], r.o[0], row // g.axis[1].kernel)
    cdef Py_ssize_t h = element(&g.axis[1], r.o[1], row % g.axis[1].kernel)
    cdef const char* x = r.x + d * g.xs[0] + h * g.xs[1]
    cdef const char* mask = r.mask + d * g.ms[0] + h * g.ms[1]
    place_line(g, r, row, lane, tap, n, along_taps, &l, s)
    if l.hi <= l.lo:
        fill(y, n, none)
        fill(flags, n, <uint8_t> 1)
        return 0
    if g.inner > 1 and not along_taps:
        elements(g, y, x + l.first * g.xs[2], n, g.xs[3], s)
        l.first, l.step = 0, 1
        mask += element(&g.axis[2], r.o[2], tap) * g.ms[2]
    else:
        x += lane * g.xs[3] if g.inner > 1 else 0
        mask += lane * g.ms[3] if g.inner > 1 else 0
        read_line(g, x, &l, n, g.xs[2], y, none, s)
    if g.mask != NULL:
        read_flags(mask, &l, n, g.ms[3] if g.inner > 1 and not along_taps else g.ms[2], flags)
        withhold(y, &missing, flags, n, none)
    if g.raise_nan and any_nan(y, n):
        fail(g, NAN_READ)
    if g.omit_nan:
        if g.mask == NULL:
            fill(flags, n, <uint8_t> 1)
        flag_nans(flags, y, n)
        withhold(y, &missing, flags, n, none)
    return missing


cdef void place_line(const Plan* g, const Stretch* r, Py_ssize_t row, Py_ssize_t lane,
                     Py_ssize_t tap, Py_ssize_t n, bint along_taps, Line* l,
                     char* s) noexcept nogil:
    """Where along W the elements of `read` are; none of them, if their row is not there."""
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    l.entries = NULL
    l.lo = l.hi = l.first = 0
    l.step = 1
    if (element(&g.axis[0], r.o[0], row // g.axis[1].kernel) < 0
            or element(&g.axis[1], r.o[1], row % g.axis[1].kernel) < 0):
        return
    if g.inner > 1 and not along_taps:
        l.first = element(&g.axis[2], r.o[2], tap)
        l.hi = n if l.first >= 0 else 0
        return
    line_of(&g.axis[2], r.o[2] + (0 if g.inner > 1 else lane), tap, n, along_taps, entries, l)


cdef inline bint by_windows(const Plan* g, const Stretch* r) noexcept nogil:
    """Whether rows of a window are longer than the stretch: then it is read window by window."""
    return r.n < g.axis[2].kernel


cdef void bring(const Plan* g, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t t0, Py_ssize_t t1,
                Py_ssize_t beside, T* block, T none, int32_t* counts, char* s) noexcept nogil:
    """Taps t0 to t1 of the windows `at` to `stop`; counts, if there are any, lose what is masked.
    beside: bytes from x to another array that lies as x does."""
    cdef Stretch r
    cdef Py_ssize_t lane = 0, kernel = g.axis[2].kernel, t, j, i, n, missing
    cdef uint8_t* flags = <uint8_t*> (s + g.flags_at)
    cdef bint masked = g.mask != NULL or g.omit_nan
    cdef T* line = <T*> (s + g.lines_at)
    while at < stop:
        at = stretch_at(g, at, stop, &r)
        r.x += beside
        t = t0
        while t < t1:
            if by_windows(g, &r):
                n = least(kernel - t % kernel, t1 - t)
                for j in range(r.n):
                    missing = read(g, &r, t // kernel, j, t % kernel, n, True, line, none, flags, s)
                    if counts != NULL:
                        counts[lane + j] -= <int32_t> missing
                    for i in range(n):
                        block[(t - t0 + i) * g.pitch + lane + j] = line[i]
                t += n
                continue
            missing = read(g, &r, t // kernel, 0, t % kernel, r.n, False,
                           block + (t - t0) * g.pitch + lane, none, flags, s)
            for j in range(r.n if missing > 0 and counts != NULL else 0):
                counts[lane + j] -= flags[j] == 0
            t += 1
        lane += r.n


# --- the transpose --------------------------------------------------------------------------------

cdef void add_line(char* gx, const Line* l, Py_ssize_t n, Py_ssize_t gs, const T* z, Py_ssize_t zs,
                   const uint8_t* flags) noexcept nogil:
    """Slopes to the elements of a line, of which none comes twice but in `entries`."""
    cdef Py_ssize_t j, at
    cdef T* to
    for j in range(l.lo, l.hi):
        at = l.first + j * l.step if l.entries == NULL else l.entries[j]
        if at < 0 or (flags != NULL and flags[j] == 0):
            continue
        to = <T*> (gx + at * gs)
        to[0] += z[j * zs]


cdef void add_channels(T* restrict gx, const T* restrict z, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        gx[j] += z[j]


cdef void add_back(const Plan* g, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t t0, Py_ssize_t t1,
                   const T* block, char* s) noexcept nogil:
    """Rows of slopes to the elements that they belong to, tap after tap."""
    cdef Stretch r
    cdef Line l
    cdef Py_ssize_t lane = 0, kernel = g.axis[2].kernel, t, j, i, n, d, h
    cdef bint masked = g.mask != NULL or g.omit_nan, along
    cdef uint8_t* flags = NULL
    cdef T* line = <T*> (s + g.lines_at)
    cdef char* gx
    if masked:
        flags = <uint8_t*> (s + g.flags_at)
    while at < stop:
        at = stretch_at(g, at, stop, &r)
        along = by_windows(g, &r)
        t = t0
        while t < t1:
            n = least(kernel - t % kernel, t1 - t) if along else r.n
            d = element(&g.axis[0], r.o[0], t // kernel // g.axis[1].kernel)
            h = element(&g.axis[1], r.o[1], t // kernel % g.axis[1].kernel)
            for j in range(r.n if along else 1):
                if masked:
                    read(g, &r, t // kernel, j, t % kernel, n, along, line, <T> 0, flags, s)
                place_line(g, &r, t // kernel, j, t % kernel, n, along, &l, s)
                if l.hi <= l.lo:
                    continue
                gx = r.gx + d * g.gs[0] + h * g.gs[1]
                if g.inner == 1 or along:
                    add_line(gx + (j * g.gs[3] if g.inner > 1 else 0), &l, n, g.gs[2],
                             block + (t - t0) * g.pitch + lane + j, g.pitch if along else 1, flags)
                elif flags == NULL and g.gs[3] == sizeof(T):
                    add_channels(<T*> (gx + l.first * g.gs[2]),
                                 block + (t - t0) * g.pitch + lane, n)
                else:
                    gx += l.first * g.gs[2]
                    l.first, l.step, l.entries = 0, 1, NULL
                    add_line(gx, &l, n, g.gs[3], block + (t - t0) * g.pitch + lane, 1, flags)
            t += n if along else 1
        lane += r.n


# --- the result -----------------------------------------------------------------------------------

cdef void put_values(const Plan* g, Py_ssize_t at, Py_ssize_t stop, const char* values) noexcept nogil:
    """Contiguous values of the result's type to their places."""
    cdef Stretch r
    while at < stop:
        at = stretch_at(g, at, stop, &r)
        scatter_plain(r.y, values, r.n, g.ys[2] if g.inner == 1 else g.ys[3], g.y_size)
        values += r.n * g.y_size


cdef void get_values(const Plan* g, Py_ssize_t at, Py_ssize_t stop, T* values) noexcept nogil:
    """What belongs to each window: an array of type T, of the result's shape."""
    cdef Stretch r
    cdef Py_ssize_t j, step
    while at < stop:
        at = stretch_at(g, at, stop, &r)
        step = g.qs[2] if g.inner == 1 else g.qs[3]
        for j in range(r.n):
            memcpy(values + j, r.q + j * step, sizeof(T))
        values += r.n
