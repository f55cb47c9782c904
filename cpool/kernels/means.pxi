# Means that are no sums: norms, power means and exponentially weighted means of windows side by side
# (see lanes.pxi), their slopes, and their slopes in the parameter.
#
# All are sums of f(w / m) or f(w - m), where m is the window's extreme element, of which f is 1: so
# nothing overflows that need not. Windows of many taps are taken in parts; when a part has a new
# extreme, the sums so far are scaled. Formulas: docs/maths.rst.

cdef enum Row:
    # Rows of scratch, a lane for each window.
    EXTREME         # m
    BEFORE          # m of the parts before
    TOTAL           # the sum
    MOMENT          # a second sum, of weights times distances from m
    SECOND          # a third, of weights times their squares
    PART            # the sum of a part, so that long sums are sums of sums
    VALUE           # the result
    COUNT           # elements of each window
    GRADIENT        # gy
    WORK
    MORE
    ROWS


cdef inline T* scratch(const Plan* g, char* s, Row row, T tag) noexcept nogil:
    return <T*> (s + g.rows_at) + <Py_ssize_t> row * g.pitch


cdef void as_numbers(const Plan* g, T* y, const char* raw, Py_ssize_t n) noexcept nogil:
    """Elements as they are folded; those below the least become it."""
    cdef int kind = g.x_type
    if T is double:
        if kind == INT8:
            widen(y, <const int8_t*> raw, n)
        elif kind == BOOL or kind == UINT8:
            widen(y, <const uint8_t*> raw, n)
        elif kind == INT16:
            widen(y, <const int16_t*> raw, n)
        elif kind == UINT16:
            widen(y, <const uint16_t*> raw, n)
        elif kind == INT32:
            widen(y, <const int32_t*> raw, n)
        elif kind == UINT32:
            widen(y, <const uint32_t*> raw, n)
        elif kind == INT64:
            widen(y, <const int64_t*> raw, n)
        elif kind == UINT64:
            widen(y, <const uint64_t*> raw, n)
        else:
            convert(g, y, raw, n)
    else:
        convert(g, y, raw, n)
    if g.clamped:
        clamp(y, <T> g.low, n)


cdef void clamp(T* restrict y, T low, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = low if y[i] < low else y[i]


cdef inline bint takes_least(const Plan* g) noexcept nogil:
    """Whether the element that counts most is the least one."""
    return g.kind == HARMONIC or g.p < 0


cdef inline T nothing(const Plan* g, bint looking_again, T tag) noexcept nogil:
    """What changes no sum: f of it is 0. Deviations from a mean are 0 for the mean alone: sums of
    them leave NaNs out, because where there are others the mean is NaN."""
    cdef MaxOp greatest
    cdef MinOp smallest
    greatest.tag = smallest.tag = 0
    if g.task == LEARNING_OF and looking_again and (g.kind == GEOMETRIC or g.kind == PLAIN):
        return <T> D_NAN
    if g.kind == GEOMETRIC:
        return 1
    if g.kind == PLAIN or (g.kind == NORM and g.p > 0):
        return 0
    return identity(smallest, tag) if takes_least(g) else identity(greatest, tag)


# --- rows -----------------------------------------------------------------------------------------

cdef void extremes(T* restrict m, const T* restrict w, Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        m[i] = pick(m[i], w[i], op)


cdef void extremes_of_size(T* restrict m, const T* restrict w, Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        m[i] = pick(m[i], size_of(w[i]), op)


cdef inline T size_of(T v) noexcept nogil:
    return fabsf(v) if T is float else fabs(v)


cdef void ratios(T* restrict y, const T* restrict w, const T* restrict m,
                 Py_ssize_t n) noexcept nogil:
    """|w| / m, 1 where they are equal, even if both are 0 or infinite."""
    cdef Py_ssize_t i
    cdef T v, q
    for i in range(UP(n, sizeof(T))):
        v = size_of(w[i])
        q = v / m[i]
        y[i] = <T> 1 if v == m[i] else q


cdef void inverse_ratios(T* restrict y, const T* restrict w, const T* restrict m,
                         Py_ssize_t n) noexcept nogil:
    """m / w with the sign of w."""
    cdef Py_ssize_t i
    cdef T v, q, one
    for i in range(UP(n, sizeof(T))):
        v = w[i]
        q = m[i] / v
        one = <T> -1 if v < 0 else <T> 1
        y[i] = one if size_of(v) == m[i] else q


cdef void differences(T* restrict y, const T* restrict w, const T* restrict m, T by,
                      Py_ssize_t n) noexcept nogil:
    """by (w - m), 0 where they are equal, even if both are infinite."""
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = by * (w[i] - m[i])
        y[i] = <T> 0 if w[i] == m[i] else d


cdef void add_row(T* restrict y, const T* restrict a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] + a[i]


cdef void multiply(T* restrict y, const T* restrict a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] * a[i]


cdef void add_weighted(T* restrict y, const T* restrict e, const T* restrict w,
                       const T* restrict m, Py_ssize_t n) noexcept nogil:
    """e (w - m), nothing where e is 0 or w is m."""
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = e[i] * (w[i] - m[i])
        y[i] = y[i] if e[i] == 0 or w[i] == m[i] else y[i] + d


cdef void add_product(T* restrict y, const T* restrict e, const T* restrict v,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = e[i] * v[i]
        y[i] = y[i] if e[i] == 0 else y[i] + d


cdef void move_moment(T* restrict y, const T* restrict total, const T* restrict m,
                      const T* restrict before, Py_ssize_t n) noexcept nogil:
    """A moment about `before`, about m."""
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = total[i] * (before[i] - m[i])
        y[i] = y[i] if total[i] == 0 or before[i] == m[i] else y[i] + d


cdef void move_second(T* restrict y, const T* restrict moment, const T* restrict total,
                      const T* restrict m, const T* restrict before, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = before[i] - m[i]
        d = d * (2 * moment[i] + d * total[i])
        y[i] = y[i] if total[i] == 0 or before[i] == m[i] else y[i] + d


cdef void add_moments(T* restrict y, T* restrict second, const T* restrict e,
                      const T* restrict w, const T* restrict m, Py_ssize_t n) noexcept nogil:
    """e (w - m) and e (w - m)**2."""
    cdef Py_ssize_t i
    cdef T d, z
    for i in range(UP(n, sizeof(T))):
        z = w[i] - m[i]
        d = <T> 0 if e[i] == 0 or w[i] == m[i] else z
        z = e[i] * d
        y[i] = y[i] + z
        second[i] = second[i] + z * d


cdef void fill_row(T* restrict y, Py_ssize_t n, T value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = value


# --- values ---------------------------------------------------------------------------------------

cdef void begin(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    cdef T none = nothing(g, False, tag)
    fill_row(scratch(g, s, EXTREME, tag), n, none)
    fill_row(scratch(g, s, TOTAL, tag), n, <T> 0)
    fill_row(scratch(g, s, MOMENT, tag), n, <T> 0)
    fill_row(scratch(g, s, SECOND, tag), n, <T> 0)


cdef void find_extremes(const Plan* g, const T* w, Py_ssize_t taps, Py_ssize_t n, char* s,
                        Op op) noexcept nogil:
    cdef Py_ssize_t t
    cdef T* m = scratch(g, s, EXTREME, <T> 0)
    memcpy(scratch(g, s, BEFORE, <T> 0), m, UP(n, sizeof(T)) * sizeof(T))
    for t in range(taps):
        if g.kind == NORM or g.kind == HARMONIC:
            extremes_of_size(m, w + t * g.pitch, n, op)
        else:
            extremes(m, w + t * g.pitch, n, op)


cdef void weigh(const Plan* g, T* f, const T* w, const T* m, Py_ssize_t n, char* s) noexcept nogil:
    """f of a row: 1 for the extreme element."""
    cdef T* more = scratch(g, s, MORE, <T> 0)
    if g.kind == NORM:
        ratios(more, w, m, n)
        powers(f, more, g.p, n)
    elif g.kind == HARMONIC:
        inverse_ratios(f, w, m, n)
    else:
        differences(more, w, m, <T> g.p, n)
        exps(f, more, n)


cdef void absorb(const Plan* g, const T* w, const T* v, Py_ssize_t taps, Py_ssize_t n, char* s,
                 T tag) noexcept nogil:
    """A part of the windows' taps; v are the elements where w are their logits."""
    cdef MaxOp greatest
    cdef MinOp smallest
    cdef Py_ssize_t t
    cdef T* m = scratch(g, s, EXTREME, tag)
    cdef T* before = scratch(g, s, BEFORE, tag)
    cdef T* total = scratch(g, s, TOTAL, tag)
    cdef T* moment = scratch(g, s, MOMENT, tag)
    cdef T* part = scratch(g, s, PART, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    greatest.tag = smallest.tag = 0
    fill_row(part, n, <T> 0)
    if g.kind == GEOMETRIC or g.kind == PLAIN:
        for t in range(taps):
            if g.kind == PLAIN:
                add_row(part, w + t * g.pitch, n)
            else:
                logs(work, w + t * g.pitch, n)
                add_row(part, work, n)
        add_row(total, part, n)
        return
    if takes_least(g):
        find_extremes(g, w, taps, n, s, smallest)
    else:
        find_extremes(g, w, taps, n, s, greatest)
    if g.kind == NORM and isinf(g.p):
        return
    rescale(g, n, s, tag)
    for t in range(taps):
        weigh(g, work, w + t * g.pitch, m, n, s)
        add_row(part, work, n)
        if g.kind == SOFT:
            add_weighted(moment, work, w + t * g.pitch, m, n)
        elif g.kind == LOGARITHM:
            add_moments(moment, scratch(g, s, SECOND, tag), work, w + t * g.pitch, m, n)
        elif g.kind == LOGITS:
            add_product(moment, work, v + t * g.pitch, n)
    add_row(total, part, n)


cdef void rescale(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """Sums relative to the extreme before become relative to the present one."""
    cdef T* m = scratch(g, s, EXTREME, tag)
    cdef T* before = scratch(g, s, BEFORE, tag)
    cdef T* total = scratch(g, s, TOTAL, tag)
    cdef T* moment = scratch(g, s, MOMENT, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    if g.kind == LOGARITHM:
        move_second(scratch(g, s, SECOND, tag), moment, total, m, before, n)
    if g.kind == SOFT or g.kind == LOGARITHM:
        move_moment(moment, total, m, before, n)
    weigh(g, work, before, m, n, s)
    multiply(total, work, n)
    multiply(moment, work, n)
    multiply(scratch(g, s, SECOND, tag), work, n)


cdef void finish_values(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """The windows' values."""
    cdef Py_ssize_t i
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    cdef const T* m = scratch(g, s, EXTREME, tag)
    cdef const T* total = scratch(g, s, TOTAL, tag)
    cdef const T* moment = scratch(g, s, MOMENT, tag)
    cdef const T* count = scratch(g, s, COUNT, tag)
    if g.kind == SOFT:
        finish_soft(y, m, total, moment, n)
    elif g.kind == LOGITS:
        finish_mean(y, moment, total, True, n)
    elif g.kind == HARMONIC:
        finish_harmonic(y, m, total, count, n)
    elif g.kind == NORM and isinf(g.p):
        memcpy(y, m, n * sizeof(T))
    else:
        finish_mean(work, total, count, g.mean or g.kind != NORM, n)
        if g.kind == GEOMETRIC:
            exps(y, work, n)
        elif g.kind == NORM:
            powers(y, work, 1 / g.p, n)
            multiply(y, m, n)
        elif g.kind == PLAIN:
            memcpy(y, work, n * sizeof(T))
        else:
            logs(y, work, n)
            variances(scratch(g, s, SECOND, tag), total, moment, n)
            finish_logarithm(y, m, work, moment, scratch(g, s, SECOND, tag), total, <T> g.p, n)


cdef void finish_mean(T* restrict y, const T* restrict total, const T* restrict count, bint mean,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = total[i] / (count[i] if mean else <T> 1)


cdef void variances(T* restrict second, const T* restrict total, const T* restrict moment,
                    Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T mean
    for i in range(UP(n, sizeof(T))):
        mean = moment[i] / total[i]
        second[i] = second[i] / total[i] - mean * mean


cdef inline bint all_are_one(T mean) noexcept nogil:
    """Whether a mean of exponentials says nothing of them any more."""
    return mean > <T> 0.99999


cdef void finish_logarithm(T* restrict y, const T* restrict m, const T* restrict mean,
                           const T* restrict moment, const T* restrict variance,
                           const T* restrict total, T r, Py_ssize_t n) noexcept nogil:
    """log(mean) / r; for small r the weighted mean less half of r times the variance, the series
    about r."""
    cdef Py_ssize_t i
    cdef T near, far
    for i in range(UP(n, sizeof(T))):
        near = moment[i] / total[i] - variance[i] * r / 2
        far = y[i] / r
        y[i] = m[i] + (near if all_are_one(mean[i]) else far)


cdef void finish_soft(T* restrict y, const T* restrict m, const T* restrict total,
                      const T* restrict moment, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = m[i] + moment[i] / total[i]


cdef void finish_harmonic(T* restrict y, const T* restrict m, const T* restrict total,
                          const T* restrict count, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = m[i] * (count[i] / total[i])


# --- slopes ---------------------------------------------------------------------------------------

cdef void slopes(const Plan* g, T* w, const T* v, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """What a row of elements (of logits) changes in the windows' values, in its place."""
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    cdef T* more = scratch(g, s, MORE, tag)
    cdef const T* m = scratch(g, s, EXTREME, tag)
    cdef const T* total = scratch(g, s, TOTAL, tag)
    cdef const T* count = scratch(g, s, COUNT, tag)
    if g.kind == NORM and isinf(g.p):
        slope_of_extreme(w, y, scratch(g, s, MORE, tag), n)
    elif g.kind == NORM:
        ratios(more, w, y, n)
        powers(work, more, g.p - 1, n)
        slope_of_norm(w, work, y, count, g.mean, <T> g.low, g.clamped, n)
    elif g.kind == HARMONIC or g.kind == GEOMETRIC:
        slope_of_inverse(w, y, count, g.kind == HARMONIC, n)
    elif g.kind == PLAIN:
        fill_row(w, n, <T> 1)
        divide_row(w, count, n)
    elif g.kind == LOGARITHM:
        differences(work, w, y, <T> g.p, n)
        exps(w, work, n)
        divide_row(w, count, n)
    elif g.kind == LOGITS:
        differences(work, w, m, <T> g.p, n)
        exps(w, work, n)
        divide_row(w, total, n)
        if g.by_logits:
            subtract(work, v, y, n)
            multiply(w, work, n)
    else:
        differences(more, w, m, <T> g.p, n)
        exps(work, more, n)
        slope_of_soft(w, work, total, y, <T> g.p, n)


cdef void slope_of_extreme(T* restrict w, const T* restrict y, T* restrict taken,
                           Py_ssize_t n) noexcept nogil:
    """The first of the greatest sizes."""
    cdef Py_ssize_t i
    cdef T one, found
    for i in range(UP(n, sizeof(T))):
        found = <T> 1 if size_of(w[i]) == y[i] else <T> 0
        found = found * (1 - taken[i])
        one = <T> 1 if w[i] > 0 else (<T> -1 if w[i] < 0 else <T> 0)
        taken[i] = taken[i] + found
        w[i] = found * one


cdef void slope_of_norm(T* restrict w, const T* restrict power, const T* restrict y,
                        const T* restrict count, bint mean, T low, bint clamped,
                        Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T z, one
    for i in range(UP(n, sizeof(T))):
        z = power[i] / (count[i] if mean else <T> 1)
        one = <T> 1 if w[i] > 0 else (<T> -1 if w[i] < 0 else <T> 0)
        z = z * one if one != 0 and y[i] > 0 else (y[i] if y[i] != y[i] else <T> 0)
        w[i] = <T> 0 if clamped and not w[i] > low else z


cdef void slope_of_inverse(T* restrict w, const T* restrict y, const T* restrict count,
                           bint harmonic, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T q, z
    for i in range(UP(n, sizeof(T))):
        q = y[i] / w[i]
        z = (q * q if harmonic else q) / count[i]
        w[i] = <T> 0 if w[i] == 0 else z


cdef void divide_row(T* restrict y, const T* restrict by, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] / by[i]


cdef void subtract(T* restrict y, const T* restrict a, const T* restrict b,
                   Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = a[i] - b[i]


cdef void slope_of_soft(T* restrict w, const T* restrict e, const T* restrict total,
                        const T* restrict y, T beta, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T z, d
    for i in range(UP(n, sizeof(T))):
        d = <T> 0 if w[i] == y[i] else w[i] - y[i]
        z = e[i] / total[i] * (1 + beta * d)
        w[i] = <T> 0 if e[i] == 0 else z


# --- slopes in the parameter ----------------------------------------------------------------------

cdef void learn(const Plan* g, const T* w, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """What a row of elements adds to the slope of the windows' values in p."""
    cdef T* work = scratch(g, s, WORK, tag)
    cdef T* more = scratch(g, s, MORE, tag)
    cdef T* part = scratch(g, s, PART, tag)
    cdef T* ratio = scratch(g, s, GRADIENT, tag)
    cdef const T* y = scratch(g, s, VALUE, tag)
    cdef const T* m = scratch(g, s, EXTREME, tag)
    if g.kind == NORM:
        ratios(ratio, w, y, n)
        logs(more, ratio, n)
        powers(work, ratio, g.p, n)
        learn_power(part, work, more, n)
    elif g.kind == GEOMETRIC:
        ratios(ratio, w, y, n)
        logs(more, ratio, n)
        learn_square(part, more, n)
    elif g.kind == PLAIN:
        subtract(more, w, y, n)
        learn_square(part, more, n)
    else:
        differences(more, w, m, <T> g.p, n)
        exps(work, more, n)
        learn_soft(part, work, w, y, g.kind == SOFT, n)


cdef void learn_power(T* restrict y, const T* restrict a, const T* restrict b,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] if a[i] == 0 else y[i] + a[i] * b[i]


cdef void learn_square(T* restrict y, const T* restrict a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] + a[i] * a[i] if a[i] == a[i] else y[i]


cdef void learn_soft(T* restrict part, const T* restrict e, const T* restrict w,
                     const T* restrict y, bint squared, Py_ssize_t n) noexcept nogil:
    """Sums of e (w - y), or of its variance."""
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = w[i] - y[i]
        d = d * d if squared else d
        part[i] = part[i] if e[i] == 0 else part[i] + e[i] * d


cdef void finish_learning(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    cdef Py_ssize_t i
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef const T* part = scratch(g, s, PART, tag)
    cdef const T* total = scratch(g, s, TOTAL, tag)
    cdef const T* count = scratch(g, s, COUNT, tag)
    cdef const T* variance = scratch(g, s, SECOND, tag)
    cdef T p = <T> g.p
    cdef bint near
    for i in range(n):
        if g.kind == NORM:
            y[i] = y[i] * (part[i] / count[i]) / p
        elif g.kind == GEOMETRIC:
            y[i] = y[i] * (part[i] / count[i]) / 2
        elif g.kind == PLAIN:
            y[i] = part[i] / count[i] * p if y[i] == y[i] else y[i]
        elif g.kind == LOGARITHM:
            near = all_are_one(total[i] / count[i])
            y[i] = variance[i] / 2 if near else part[i] / total[i] / p
        else:
            y[i] = part[i] / total[i]


# --- items ----------------------------------------------------------------------------------------

cdef void mean_lanes(const Plan* g, Py_ssize_t at, Py_ssize_t stop, char* s, T tag) noexcept nogil:
    """Windows `at` to `stop`: their values, slopes, or slopes in p."""
    cdef int32_t* counts = <int32_t*> (s + g.counts_at)
    cdef T* block = <T*> (s + g.box_at)
    cdef T* count = scratch(g, s, COUNT, tag)
    cdef Py_ssize_t t0, t1, i, n = counts_of(g, at, stop, counts)
    if n == 0:
        return
    begin(g, n, s, tag)
    t0 = 0
    while t0 < g.taps:
        t1 = least(t0 + g.together, g.taps)
        bring_inputs(g, at, stop, t0, t1, False, block, counts, s)
        absorb(g, block, block + g.together * g.pitch, t1 - t0, n, s, tag)
        t0 = t1
    for i in range(n):
        count[i] = <T> counts[i]
    finish_values(g, n, s, tag)
    if g.task != VALUES_OF:
        look_again(g, at, stop, n, s, tag)
    if g.task != SLOPES_OF:
        put_results(g, at, stop, n, s, tag)


cdef void bring_inputs(const Plan* g, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t t0, Py_ssize_t t1,
                       bint looking_again, T* block, int32_t* counts, char* s) noexcept nogil:
    """A part of the windows' taps; behind them, where these are logits, the elements."""
    cdef T none = nothing(g, looking_again, <T> 0)
    if g.kind != LOGITS:
        bring(g, at, stop, t0, t1, 0, block, none, counts, s)
        return
    bring(g, at, stop, t0, t1, g.logits, block, none, counts, s)
    bring(g, at, stop, t0, t1, 0, block + g.together * g.pitch, <T> 0, NULL, s)


cdef void look_again(const Plan* g, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t n, char* s,
                     T tag) noexcept nogil:
    """The windows once more, now that their values are known."""
    cdef int32_t* counts = <int32_t*> (s + g.counts_at)
    cdef T* block = <T*> (s + g.box_at)
    cdef const T* elements = block + g.together * g.pitch
    cdef Py_ssize_t t0 = 0, t1, t
    fill_row(scratch(g, s, PART, tag), n, <T> 0)
    fill_row(scratch(g, s, MORE, tag), n, <T> 0)
    if g.task == SLOPES_OF:
        get_values(g, at, stop, scratch(g, s, GRADIENT, tag))
    while t0 < g.taps:
        t1 = least(t0 + g.together, g.taps)
        if g.together < g.taps or g.task == LEARNING_OF:
            bring_inputs(g, at, stop, t0, t1, True, block, counts, s)
        for t in range(t1 - t0):
            if g.task == SLOPES_OF:
                slopes(g, block + t * g.pitch, elements + t * g.pitch, n, s, tag)
                multiply(block + t * g.pitch, scratch(g, s, GRADIENT, tag), n)
            else:
                learn(g, block + t * g.pitch, n, s, tag)
        if g.task == SLOPES_OF:
            add_back(g, at, stop, t0, t1, block, s)
        t0 = t1
    if g.task == LEARNING_OF:
        finish_learning(g, n, s, tag)


cdef void put_results(const Plan* g, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t n, char* s,
                      T tag) noexcept nogil:
    cdef const int32_t* counts = <const int32_t*> (s + g.counts_at)
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T none = <T> D_NAN if g.task == VALUES_OF and not g.zero_if_empty else <T> 0
    cdef char* result = s + g.result_at
    cdef Py_ssize_t i
    cdef bint empty = False
    for i in range(n):
        empty |= counts[i] == 0
        y[i] = y[i] if counts[i] > 0 else none
    if empty and not g.zero_if_empty and not is_floating(g.y_type):
        fail(g, EMPTY_WINDOW)
        return
    from_float(g, result, y, n, <double*> (s + g.wide_at))
    put_values(g, at, stop, result)


cdef void mean_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, T tag) noexcept nogil:
    """Items are blocks of windows; where slopes are added up, planes, which no two threads share.
    """
    cdef Py_ssize_t item, at, stop, size = g.lanes
    cdef Py_ssize_t last = g.planes * ceil_div(g.inner, g.channels) * windows_of_block(g)
    if g.task == SLOPES_OF:
        size = windows_of_block(g)
    for item in range(lo, hi):
        at = item * size
        stop = least(at + size, last)
        while at < stop:
            mean_lanes(g, at, least(at + g.lanes, stop), s, tag)
            at += g.lanes
