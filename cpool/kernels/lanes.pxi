# Windows side by side. Where a window is no fold of two elements at a time, its elements are
# brought together: row `tap` of a block of scratch has that tap of many windows, a lane for each,
# so that what is done to a window is done to all lanes at once. The transpose adds rows of slopes
# to the elements that they came from.
#
# A window over all of W may be taken in `parts`: each is a window of its own, of elements `parts`
# apart, until what they give is joined.
#
# Windows are numbered plane by plane, in a plane by blocks of channels, then in the order of
# memory. A number is the same for any number of threads, and lanes know nothing of each other.

cdef struct Stretch:
    # Windows with neighbouring numbers: of one row, or of neighbouring channels at one place.
    Py_ssize_t n
    Py_ssize_t o[3]             # place of the first one along D, H, W
    const char* x               # the plane (and channel) that they read
    const char* mask
    char* gx
    char* y                     # their values
    const char* q               # what belongs to each
    const char* x_row           # the row of taps that is looked at, if there is one
    char* gx_row
    bint has_row


cdef struct Line:
    # Elements along W: `first`, `first + step`, ... from lo to hi. Outside of lo and hi there are
    # none, or those of `entries`, -1: none.
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


cdef Py_ssize_t stretch_at(const Plan* g, Py_ssize_t at, Py_ssize_t stop,
                           Stretch* r) noexcept nogil:
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


cdef Py_ssize_t list_stretches(const Plan* g, Py_ssize_t at, Py_ssize_t stop,
                               Stretch* list) noexcept nogil:
    """The stretches that windows `at` to `stop` consist of; gives their number."""
    cdef Py_ssize_t count = 0
    while at < stop:
        at = stretch_at(g, at, stop, &list[count])
        count += list[count].n > 0
    return count


cdef Py_ssize_t count_elements(const Plan* g, const Stretch* list, Py_ssize_t stretches,
                               int32_t* counts) noexcept nogil:
    """How many elements each window has, what is masked among them; gives the number of lanes."""
    cdef const Stretch* r
    cdef const Axis* a = &g.axis[0]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t j, k, lanes = 0
    cdef double plane
    for k in range(stretches):
        r = &list[k]
        plane = ((a[0].size[r.o[0]] if a[0].size != NULL else a[0].size0) *
                 (a[1].size[r.o[1]] if a[1].size != NULL else a[1].size0))
        if g.parts > 1:
            for j in range(r.n):
                counts[lanes + j] = <int32_t> (plane * ceil_div(w.n - j, g.parts))
        elif w.size == NULL:
            fill(counts + lanes, r.n, <int32_t> (plane * w.size0))
        for j in range(r.n if w.size != NULL else 0):
            counts[lanes + j] = <int32_t> (plane * w.size[r.o[2] + (j if g.inner == 1 else 0)])
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
    cdef Py_ssize_t j = 0
    l.entries = NULL
    l.lo, l.hi, l.first, l.step = 0, n, 0, 1
    if a.start != NULL and along_taps:
        l.first = a.start[o] + tap
        l.hi = most(0, least(n, a.count[o] - tap))
        return
    if a.start != NULL:
        l.hi = 0
    else:
        l.first = o * a.stride + tap * a.dilation - a.before
        l.step = a.dilation if along_taps else a.stride
        if l.first >= 0 and l.first + (n - 1) * l.step < a.n:
            return
        l.lo = least(n, most(0, ceil_div(-l.first, l.step)))
        l.hi = most(l.lo, least(n, floor_div(a.n - 1 - l.first, l.step) + 1))
    if a.source != NULL or a.start != NULL:
        l.entries = entries
        while j < n:
            if l.lo <= j < l.hi:
                j = l.hi
                continue
            entries[j] = element(a, o, tap + j) if along_taps else element(a, o + j, tap)
            j += 1


cdef inline Py_ssize_t entry(const Line* l, Py_ssize_t j) noexcept nogil:
    """The element at place j of a line, or -1."""
    if l.lo <= j < l.hi:
        return l.first + j * l.step
    return -1 if l.entries == NULL else l.entries[j]


# --- reading --------------------------------------------------------------------------------------

cdef inline void take(const Plan* g, char* raw, const char* x, Py_ssize_t n,
                      Py_ssize_t step) noexcept nogil:
    """Elements of the input, `step` bytes apart, one after the other."""
    if not g.x_swapped and step > g.x_size:
        move_groups(raw, x, n, step, g.x_size)
    else:
        gather(raw, x, n, 1, step, 0, g.x_size, g.x_swapped)


cdef void elements(const Plan* g, T* y, const char* x, Py_ssize_t n, Py_ssize_t step,
                   char* s) noexcept nogil:
    """The same, as numbers that reductions take."""
    cdef char* raw = s + g.raw_at
    if n <= 0:
        return
    if g.x_swapped or (step != g.x_size and n > 1) or <size_t> x % g.x_size != 0:
        take(g, raw, x, n, step)
        x = raw
    as_numbers(g, y, x, n)


cdef void read_line(const Plan* g, const char* x, const Line* l, Py_ssize_t n, Py_ssize_t xs, T* y,
                    T none, char* s) noexcept nogil:
    elements(g, y + l.lo, x + (l.first + l.lo * l.step) * xs, l.hi - l.lo, l.step * xs, s)
    if l.entries == NULL:
        fill(y, l.lo, none)
        fill(y + l.hi, n - l.hi, none)
    else:
        read_entries(g, x, l, 0, l.lo, xs, y, none, s)
        read_entries(g, x, l, l.hi, n, xs, y, none, s)


cdef void read_entries(const Plan* g, const char* x, const Line* l, Py_ssize_t lo, Py_ssize_t hi,
                       Py_ssize_t xs, T* y, T none, char* s) noexcept nogil:
    """Places lo to hi of a line, one by one."""
    cdef Py_ssize_t j
    cdef char* raw = s + g.raw_at
    for j in range(lo, hi):
        gather(raw + (j - lo) * g.x_size, x + most(0, l.entries[j]) * xs, 1, 1, 0, 0, g.x_size,
               g.x_swapped)
    if hi > lo:
        as_numbers(g, y + lo, raw, hi - lo)
    for j in range(lo, hi):
        y[j] = none if l.entries[j] < 0 else y[j]


cdef void read_flags(const char* mask, const Line* l, Py_ssize_t n, Py_ssize_t ms,
                     uint8_t* flags) noexcept nogil:
    """0 for elements that are masked."""
    cdef Py_ssize_t j, at
    fill(flags, n, <uint8_t> 1)
    for j in range(0 if l.entries != NULL else l.lo, n if l.entries != NULL else l.hi):
        at = entry(l, j)
        if at >= 0:
            flags[j] = mask[at * ms]


cdef inline bint is_nan(T v) noexcept nogil:
    """Where floats are keys (see order.pxi), NaNs are the greatest one."""
    cdef MinOp smallest
    if T is float or T is double:
        return v != v
    smallest.tag = 0
    return v == identity(smallest, v)


cdef void flag_nans(uint8_t* restrict flags, const T* restrict y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        flags[j] = 0 if is_nan(y[j]) else flags[j]


cdef void flag_nans_of(const Line* l, uint8_t* flags, const T* y, Py_ssize_t n) noexcept nogil:
    """0 for NaNs; what reads nothing may look like one."""
    cdef Py_ssize_t j
    flag_nans(flags + l.lo, y + l.lo, l.hi - l.lo)
    if l.entries != NULL:
        for j in range(n):
            if (j < l.lo or j >= l.hi) and l.entries[j] >= 0 and is_nan(y[j]):
                flags[j] = 0


cdef bint any_nan(const T* restrict y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef int nans = 0
    for j in range(n):
        nans |= is_nan(y[j])
    return nans


cdef bint reads_nan(const Line* l, const T* y, const uint8_t* flags, Py_ssize_t n) noexcept nogil:
    """Whether there is a NaN that is not masked (flags: NULL if none is)."""
    cdef Py_ssize_t j
    if not any_nan(y, n):
        return False
    for j in range(n):
        if is_nan(y[j]) and entry(l, j) >= 0 and (flags == NULL or flags[j] != 0):
            return True
    return False


cdef inline bint hides(const Plan* g) noexcept nogil:
    """Whether elements that are there may not exist."""
    return g.mask != NULL or g.omit_nan


cdef Py_ssize_t hide(const Plan* g, const char* mask, const Line* l, Py_ssize_t n, Py_ssize_t ms,
                     T* y, T none, uint8_t* flags) noexcept nogil:
    """Masked elements of a line become `none`, and their flags 0; gives their number."""
    cdef Py_ssize_t j, missing = 0
    if g.mask != NULL:
        read_flags(mask, l, n, ms, flags)
    else:
        fill(flags, n, <uint8_t> 1)
    if g.omit_nan:
        flag_nans_of(l, flags, y, n)
    for j in range(n):
        missing += flags[j] == 0
        y[j] = y[j] if flags[j] != 0 else none
    return missing


cdef inline bint by_windows(const Plan* g, const Stretch* r) noexcept nogil:
    """Whether rows of a window are longer than the stretch: then it is read window by window."""
    return r.n < g.axis[2].kernel


cdef struct Place:
    # A row of a stretch's taps: the elements of the input, of the mask and of the gradient.
    const char* x
    const char* mask
    char* gx


cdef inline bint row_place(const Plan* g, const Stretch* r, Py_ssize_t row,
                           Place* p) noexcept nogil:
    """Whether there is a row of taps, and where."""
    cdef Py_ssize_t d = 0, h = row
    if g.axis[0].kernel > 1:
        d, h = row // g.axis[1].kernel, row % g.axis[1].kernel
    d, h = element(&g.axis[0], r.o[0], d), element(&g.axis[1], r.o[1], h)
    p.x = r.x + d * g.xs[0] + h * g.xs[1]
    p.mask = r.mask + d * g.ms[0] + h * g.ms[1]
    p.gx = r.gx + d * g.gs[0] + h * g.gs[1]
    return d >= 0 and h >= 0


cdef bint tap_line(const Plan* g, const Stretch* r, Place* p, Py_ssize_t lane, Py_ssize_t tap,
                   Py_ssize_t n, bint along_taps, Line* l, char* s) noexcept nogil:
    """One tap of n windows, or n taps of one window; False if it is one of n channels, whose place
    p becomes."""
    cdef Py_ssize_t w
    if g.inner == 1 or along_taps:
        if g.inner > 1:
            p.x += lane * g.xs[3]
            p.mask += lane * g.ms[3]
            p.gx += lane * g.gs[3]
            lane = 0
        line_of(&g.axis[2], r.o[2] + lane, tap, n, along_taps,
                <Py_ssize_t*> (s + g.entries_at), l)
        return True
    w = element(&g.axis[2], r.o[2], tap)
    p.x += w * g.xs[2]
    p.mask += w * g.ms[2]
    p.gx += w * g.gs[2]
    l.entries = NULL
    l.first, l.step, l.lo = 0, 1, 0
    l.hi = n if w >= 0 else 0
    return False


cdef Py_ssize_t read(const Plan* g, const Stretch* r, Place p, Py_ssize_t lane, Py_ssize_t tap,
                     Py_ssize_t n, bint along_taps, T* y, T none, uint8_t* flags,
                     char* s) noexcept nogil:
    """Elements of a row of taps; gives the number of masked ones, which have flags 0."""
    cdef Line l
    cdef bint along_w = tap_line(g, r, &p, lane, tap, n, along_taps, &l, s)
    cdef Py_ssize_t missing = 0
    if l.hi <= l.lo and l.entries == NULL:
        fill(y, n, none)
        fill(flags, n, <uint8_t> 1)
        return 0
    if along_w:
        read_line(g, p.x, &l, n, g.xs[2], y, none, s)
    else:
        elements(g, y, p.x, n, g.xs[3], s)
    if hides(g):
        missing = hide(g, p.mask, &l, n, g.ms[2] if along_w else g.ms[3], y, none, flags)
    if g.raise_nan and reads_nan(&l, y, flags if hides(g) else NULL, n):
        fail(g, NAN_READ)
    return missing


cdef void bring_row(const Plan* g, const Stretch* r, Py_ssize_t row, Py_ssize_t tap,
                    Py_ssize_t taps, T* y, T none, int32_t* counts, char* s) noexcept nogil:
    """Some taps of one row of a stretch's windows."""
    cdef Place p
    cdef Py_ssize_t i, j, missing
    cdef uint8_t* flags = <uint8_t*> (s + g.flags_at)
    cdef T* line = <T*> (s + g.lines_at)
    if not row_place(g, r, row, &p):
        for i in range(taps):
            fill(y + i * g.pitch, r.n, none)
    elif by_windows(g, r):
        for j in range(r.n):
            missing = read(g, r, p, j, tap, taps, True, line, none, flags, s)
            counts[j] -= <int32_t> missing
            for i in range(taps):
                y[i * g.pitch + j] = line[i]
    else:
        for i in range(taps):
            missing = read(g, r, p, 0, tap + i, r.n, False, y + i * g.pitch, none, flags, s)
            for j in range(r.n if missing > 0 else 0):
                counts[j] -= flags[j] == 0


cdef inline bint evenly_spaced(const Plan* g) noexcept nogil:
    """Whether a tap of neighbouring windows is at even distances, and all that is there counts:
    then each tap of all lanes is brought at once."""
    return (g.axis[2].start == NULL and g.axis[2].source == NULL and not hides(g) and
            not g.raise_nan and
            (g.inner > 1 or g.parts > 1 or g.axis[2].m >= g.axis[2].kernel))


cdef inline Py_ssize_t step_of(const Plan* g, const Py_ssize_t* strides) noexcept nogil:
    """Bytes from a tap of one lane to that of the next."""
    return strides[3] if g.inner > 1 else g.axis[2].stride * strides[2]


cdef void move_to_row(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t row,
                      Py_ssize_t beside) noexcept nogil:
    """Where a row of taps is, in each stretch."""
    cdef Stretch* r
    cdef Py_ssize_t k, d, h
    for k in range(stretches):
        r = &list[k]
        d = element(&g.axis[0], r.o[0], row // g.axis[1].kernel)
        h = element(&g.axis[1], r.o[1], row % g.axis[1].kernel)
        r.has_row = d >= 0 and h >= 0
        r.x_row = r.x + beside + d * g.xs[0] + h * g.xs[1]
        r.gx_row = r.gx + d * g.gs[0] + h * g.gs[1]


cdef inline Py_ssize_t span_of(const Plan* g, const Stretch* r, Py_ssize_t tap, Py_ssize_t* lo,
                               Py_ssize_t* hi) noexcept nogil:
    """Lanes lo to hi of a stretch have a tap; gives the element along W that it is in lane lo."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t w = r.o[2] * a.stride + tap * a.dilation - a.before
    lo[0], hi[0] = 0, r.n if r.has_row else 0
    if g.inner > 1:
        if not 0 <= w < a.n:
            hi[0] = 0
    elif w < 0 or w + (r.n - 1) * a.stride >= a.n:
        lo[0] = least(hi[0], most(0, ceil_div(-w, a.stride)))
        hi[0] = most(lo[0], least(hi[0], floor_div(a.n - 1 - w, a.stride) + 1))
    return w + lo[0] * a.stride


cdef void bring_tap(const Plan* g, const Stretch* list, Py_ssize_t stretches, Py_ssize_t tap,
                    T* y, T none, char* s) noexcept nogil:
    """One tap of a row, of all lanes, evenly spaced."""
    cdef Py_ssize_t k, w, lo, hi, lane = 0, lacking = 0, step = step_of(g, g.xs)
    cdef char* raw = s + g.raw_at
    for k in range(stretches):
        w = span_of(g, &list[k], tap, &lo, &hi)
        lacking += list[k].n - (hi - lo)
        if hi > lo:
            take(g, raw + (lane + lo) * g.x_size, list[k].x_row + w * g.xs[2], hi - lo, step)
        lane += list[k].n
    as_numbers(g, y, raw, lane)
    for k in range(stretches if lacking > 0 else 0):
        span_of(g, &list[k], tap, &lo, &hi)
        fill(y, lo, none)
        fill(y + hi, list[k].n - hi, none)
        y += list[k].n


cdef void bring(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t t0,
                Py_ssize_t t1, Py_ssize_t beside, T* block, T none, int32_t* counts,
                char* s) noexcept nogil:
    """Taps t0 to t1 of some windows; counts lose what is masked. beside: bytes from x to another
    array that lies as x does."""
    cdef Py_ssize_t t, kernel = g.axis[2].kernel
    if not evenly_spaced(g):
        bring_stretches(g, list, stretches, t0, t1, beside, block, none, counts, s)
        return
    for t in range(t0, t1):
        if t == t0 or t % kernel == 0:
            move_to_row(g, list, stretches, t // kernel, beside)
        bring_tap(g, list, stretches, t % kernel, block + (t - t0) * g.pitch, none, s)


cdef void bring_stretches(const Plan* g, const Stretch* list, Py_ssize_t stretches, Py_ssize_t t0,
                          Py_ssize_t t1, Py_ssize_t beside, T* block, T none, int32_t* counts,
                          char* s) noexcept nogil:
    """The same for any windows, one stretch after the other."""
    cdef Stretch r
    cdef Py_ssize_t k, lane = 0, t, taps, kernel = g.axis[2].kernel
    for k in range(stretches):
        r = list[k]
        r.x += beside
        t = t0
        while t < t1:
            taps = least(kernel - t % kernel, t1 - t)
            bring_row(g, &r, t // kernel, t % kernel, taps, block + (t - t0) * g.pitch + lane,
                      none, counts + lane, s)
            t += taps
        lane += r.n


# --- the transpose --------------------------------------------------------------------------------

cdef void add_line(char* gx, const Line* l, Py_ssize_t n, Py_ssize_t gs, const T* z, Py_ssize_t zs,
                   const uint8_t* flags) noexcept nogil:
    """Slopes to the elements of a line, of which none comes twice but in `entries`."""
    cdef Py_ssize_t j, at
    cdef T* to
    for j in range(0 if l.entries != NULL else l.lo, n if l.entries != NULL else l.hi):
        at = entry(l, j)
        if at < 0 or (flags != NULL and flags[j] == 0):
            continue
        to = <T*> (gx + at * gs)
        to[0] += z[j * zs]


cdef void add_channels(T* restrict gx, const T* restrict z, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        gx[j] += z[j]


cdef void back_line(const Plan* g, const Stretch* r, Place p, Py_ssize_t lane, Py_ssize_t tap,
                    Py_ssize_t n, bint along_taps, const T* z, char* s) noexcept nogil:
    """Slopes of a line to what `read` reads."""
    cdef Line l
    cdef bint along_w
    cdef uint8_t* flags = NULL
    if hides(g):
        flags = <uint8_t*> (s + g.flags_at)
        read(g, r, p, lane, tap, n, along_taps, <T*> (s + g.lines_at), <T> 0, flags, s)
    along_w = tap_line(g, r, &p, lane, tap, n, along_taps, &l, s)
    if l.hi <= l.lo and l.entries == NULL:
        return
    if not along_w and flags == NULL and g.gs[3] == sizeof(T):
        add_channels(<T*> p.gx, z, n)
    else:
        add_line(p.gx, &l, n, g.gs[2] if along_w else g.gs[3], z, g.pitch if along_taps else 1,
                 flags)


cdef void add_apart(T* restrict gx, const T* restrict z, Py_ssize_t n,
                    Py_ssize_t step) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        gx[j * step] += z[j]


cdef void add_tap(const Plan* g, const Stretch* list, Py_ssize_t stretches, Py_ssize_t tap,
                  const T* z) noexcept nogil:
    """Slopes of one tap of a row, of all lanes, evenly spaced."""
    cdef Py_ssize_t k, w, lo, hi, step = step_of(g, g.gs) // <Py_ssize_t> sizeof(T)
    cdef T* to
    for k in range(stretches):
        w = span_of(g, &list[k], tap, &lo, &hi)
        to = <T*> (list[k].gx_row + w * g.gs[2])
        if hi > lo and step == 1:
            add_channels(to, z + lo, hi - lo)
        elif hi > lo:
            add_apart(to, z + lo, hi - lo, step)
        z += list[k].n


cdef void add_back(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t t0,
                   Py_ssize_t t1, const T* block, char* s) noexcept nogil:
    """Rows of slopes to the elements that they belong to, tap after tap."""
    cdef Py_ssize_t t, kernel = g.axis[2].kernel
    if not evenly_spaced(g):
        add_stretches(g, list, stretches, t0, t1, block, s)
        return
    for t in range(t0, t1):
        if t == t0 or t % kernel == 0:
            move_to_row(g, list, stretches, t // kernel, 0)
        add_tap(g, list, stretches, t % kernel, block + (t - t0) * g.pitch)


cdef void add_stretches(const Plan* g, const Stretch* list, Py_ssize_t stretches, Py_ssize_t t0,
                        Py_ssize_t t1, const T* block, char* s) noexcept nogil:
    """The same for any windows, one stretch after the other."""
    cdef const Stretch* r
    cdef Place p
    cdef const T* z
    cdef Py_ssize_t k, i, j, lane = 0, t, taps, kernel = g.axis[2].kernel
    for k in range(stretches):
        r = &list[k]
        t = t0
        while t < t1:
            taps = least(kernel - t % kernel, t1 - t)
            z = block + (t - t0) * g.pitch + lane
            if row_place(g, r, t // kernel, &p):
                for j in range(r.n if by_windows(g, r) else 0):
                    back_line(g, r, p, j, t % kernel, taps, True, z + j, s)
                for i in range(0 if by_windows(g, r) else taps):
                    back_line(g, r, p, 0, t % kernel + i, r.n, False, z + i * g.pitch, s)
            t += taps
        lane += r.n


# --- the result -----------------------------------------------------------------------------------

cdef void put_values(const Plan* g, const Stretch* list, Py_ssize_t stretches,
                     const char* values) noexcept nogil:
    """Contiguous values of the result's type to their places."""
    cdef Py_ssize_t k, n, step = g.ys[2] if g.inner == 1 else g.ys[3]
    for k in range(stretches):
        n = list[k].n // g.parts
        if step == g.y_size:
            memcpy(list[k].y, values, n * g.y_size)
        else:
            scatter_plain(list[k].y, values, n, step, g.y_size)
        values += n * g.y_size


cdef void get_values(const Plan* g, const Stretch* list, Py_ssize_t stretches, T* values,
                     bint at_y) noexcept nogil:
    """What belongs to each window, at y or at q: an array of type T, of the result's shape."""
    cdef int along = 2 if g.inner == 1 else 3
    cdef Py_ssize_t k, j, n, step = g.ys[along] if at_y else g.qs[along]
    cdef const char* at
    for k in range(stretches):
        n = list[k].n // g.parts
        at = <const char*> list[k].y if at_y else list[k].q
        for j in range(n):
            memcpy(values + j, at + j * step, sizeof(T))
        values += n
