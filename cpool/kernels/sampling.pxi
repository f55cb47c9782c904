# An element of each window, drawn with probabilities in proportion to max(w, 0); windows side by
# side (see lanes.pxi).
#
# A window's taps are gone through three times: for its greatest element, which says of what kind it
# is; for the sum of the chances of its elements; and for the element at which the sum of those
# before it reaches the random number's share of the whole sum. All of that in double, in the order
# of the taps, so that an element is the same one whatever lies in the lanes beside it.
#
# (1) Without an element above 0, all that exist have the same chance: 1.
# (2) Infinite elements have chance 1, and others beside them none.
# (3) Where there is a NaN, only NaNs have a chance, and the first one is taken: the result says so.
# (4) Elements beyond 2**960 are divided by 2**64, so that no sum of them overflows.
# Negative elements are raised to -1 when they are read; what does not exist is -infinity.

cdef enum Draw:
    # Rows of scratch, a lane for each window.
    GREATEST
    FLOOR           # elements from here on have chance 1; NaN: NaNs do
    FACTOR          # chances are so many times the elements; 0: they are 1 or 0
    WHOLE           # the sum of all chances
    SO_FAR          # that of the taps before
    TARGET          # the share of it
    TAP             # the tap that is drawn


cdef enum Pass:
    FIND, ADD_UP, CHOOSE


cdef inline double* lane_row(const Plan* g, char* s, Draw row) noexcept nogil:
    return <double*> (s + g.rows_at) + <Py_ssize_t> row * g.pitch


cdef void begin_draws(double* restrict floor, double* restrict factor,
                      const double* restrict greatest, Py_ssize_t n) noexcept nogil:
    """What kinds of windows these are."""
    cdef Py_ssize_t i
    cdef double v, f, m
    for i in range(UP(n, sizeof(double))):
        m = greatest[i]
        v = m if m > 0 else <double> -1
        f = <double> 1 if m > 0 else <double> 0
        f = <double> 5.421010862427522e-20 if m >= 9.7453140114e+288 else f
        floor[i] = v if m == m else m
        factor[i] = f if m < <double> F_INF else <double> 0


cdef inline double chance(double w, double floor, double factor) noexcept nogil:
    cdef double some = w if w > 0 else <double> 0
    cdef double one = <double> 1 if w >= floor else <double> 0
    cdef double nan = <double> 1 if w != w else <double> 0
    some = some * factor
    one = one if floor == floor else nan
    return some if factor > 0 else one


cdef void add_chances(double* restrict whole, const double* restrict w,
                      const double* restrict floor, const double* restrict factor,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(double))):
        whole[i] = whole[i] + chance(w[i], floor[i], factor[i])


cdef void choose(double* restrict taps, double* restrict so_far, const double* restrict w,
                 const double* restrict floor, const double* restrict factor,
                 const double* restrict target, double tap, Py_ssize_t n) noexcept nogil:
    """The last element with a chance before which the sum is not beyond the target."""
    cdef Py_ssize_t i
    cdef double c, t
    for i in range(UP(n, sizeof(double))):
        c = chance(w[i], floor[i], factor[i])
        t = tap if c > 0 else taps[i]
        taps[i] = t if so_far[i] <= target[i] else taps[i]
        so_far[i] = so_far[i] + c


cdef void share(double* restrict target, const double* restrict whole,
                const double* restrict floor, Py_ssize_t n) noexcept nogil:
    """Random numbers become sums of chances; 0 where the first one is taken."""
    cdef Py_ssize_t i
    cdef double t
    for i in range(UP(n, sizeof(double))):
        t = target[i] * whole[i]
        target[i] = t if floor[i] == floor[i] else <double> 0


cdef void go_through(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t n,
                     Pass turn, char* s) noexcept nogil:
    """All taps of some windows, once."""
    cdef MaxOp op
    cdef double* block = <double*> (s + g.box_at)
    cdef double* w
    cdef const double* floor = lane_row(g, s, FLOOR)
    cdef const double* factor = lane_row(g, s, FACTOR)
    cdef Py_ssize_t t0 = 0, t1, t
    op.tag = 0
    while t0 < g.taps:
        t1 = least(t0 + g.together, g.taps)
        if turn == FIND or g.together < g.taps:
            bring(g, list, stretches, t0, t1, 0, block, <double> -F_INF,
                  <int32_t*> (s + g.places_at), s)
        for t in range(t0, t1):
            w = block + (t - t0) * g.pitch
            if turn == FIND:
                extremes(lane_row(g, s, GREATEST), w, n, op)
            elif turn == ADD_UP:
                add_chances(lane_row(g, s, WHOLE), w, floor, factor, n)
            else:
                choose(lane_row(g, s, TAP), lane_row(g, s, SO_FAR), w, floor, factor,
                       lane_row(g, s, TARGET), <double> t, n)
        t0 = t1


cdef void take_drawn(const Plan* g, Stretch* list, Py_ssize_t stretches, const double* taps,
                     char* values) noexcept nogil:
    """The elements themselves, as they are in memory but for the order of their bytes."""
    cdef const Stretch* r
    cdef Place p
    cdef Py_ssize_t k, j, tap, w, kernel = g.axis[2].kernel
    for k in range(stretches):
        r = &list[k]
        for j in range(r.n):
            tap = <Py_ssize_t> taps[j]
            if tap >= 0:
                row_place(g, r, tap // kernel, &p)
                w = element(&g.axis[2], r.o[2] + (j if g.inner == 1 else 0), tap % kernel)
                p.x += w * g.xs[2] + (j * g.xs[3] if g.inner > 1 else 0)
                gather(values, p.x, 1, 1, 0, 0, g.x_size, g.x_swapped)
            else:
                memset(values, 0, g.x_size)
            values += g.x_size
        taps += r.n


cdef void put_taps(const Plan* g, Stretch* list, Py_ssize_t stretches,
                   const double* taps) noexcept nogil:
    """To where the random numbers were."""
    cdef Py_ssize_t k, j, step = g.qs[2] if g.inner == 1 else g.qs[3]
    for k in range(stretches):
        for j in range(list[k].n):
            (<double*> (list[k].q + j * step))[0] = taps[j]
        taps += list[k].n


cdef void draw_lanes(const Plan* g, Py_ssize_t at, Py_ssize_t stop, char* s) noexcept nogil:
    """Windows `at` to `stop`."""
    cdef Stretch* list = <Stretch*> (s + g.stretches_at)
    cdef Py_ssize_t stretches = list_stretches(g, at, stop, list)
    cdef Py_ssize_t n = count_elements(g, list, stretches, <int32_t*> (s + g.counts_at))
    if n == 0:
        return
    fill_row(lane_row(g, s, GREATEST), n, <double> -F_INF)
    fill_row(lane_row(g, s, WHOLE), n, <double> 0)
    fill_row(lane_row(g, s, SO_FAR), n, <double> 0)
    fill_row(lane_row(g, s, TAP), n, <double> -1)
    go_through(g, list, stretches, n, FIND, s)
    begin_draws(lane_row(g, s, FLOOR), lane_row(g, s, FACTOR), lane_row(g, s, GREATEST), n)
    go_through(g, list, stretches, n, ADD_UP, s)
    get_values(g, list, stretches, lane_row(g, s, TARGET), False)
    share(lane_row(g, s, TARGET), lane_row(g, s, WHOLE), lane_row(g, s, FLOOR), n)
    go_through(g, list, stretches, n, CHOOSE, s)
    take_drawn(g, list, stretches, lane_row(g, s, TAP), s + g.result_at)
    put_values(g, list, stretches, s + g.result_at)
    put_taps(g, list, stretches, lane_row(g, s, TAP))


cdef void draw_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    """Items are blocks of windows."""
    cdef Py_ssize_t last = g.planes * ceil_div(g.inner, g.channels) * windows_of_block(g), item
    for item in range(lo, hi):
        draw_lanes(g, item * g.lanes, least((item + 1) * g.lanes, last), s)
