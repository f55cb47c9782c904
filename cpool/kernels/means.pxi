# Means that are no sums: norms, power means and exponentially weighted means of windows side by
# side (see lanes.pxi), their slopes, and their slopes in the parameter.
#
# All are sums of f(w / m) or f(w - m), where m is the window's extreme element, of which f is 1: so
# nothing overflows that need not. Windows of many taps are taken in parts; when a part has a new
# extreme, the sums so far are scaled. Where all f may be near 1, sums are of f - 1, so that a
# logarithm of their mean keeps its digits. Formulas: docs/maths/norms.rst.

cdef enum Row:
    # Rows of scratch, a lane for each window.
    EXTREME         # m
    BEFORE          # m of the parts before
    TOTAL           # the sum
    MOMENT          # a second sum, of weights times distances from m, or their squares
    NONES           # taps that may have read nothing
    PART            # the sum of a part, so that long sums are sums of sums
    VALUE           # the result
    COUNT           # elements of each window
    GRADIENT        # gy
    WORK
    MORE
    MIDDLE          # what a window's elements are compared with (DETAIL), and their least weight
    LEAST
    ROWS


cdef inline T* scratch(const Plan* g, char* s, Row row, T tag) noexcept nogil:
    return <T*> (s + g.rows_at) + <Py_ssize_t> row * g.pitch


cdef void as_numbers(const Plan* g, T* y, const char* raw, Py_ssize_t n) noexcept nogil:
    """Elements as they are folded; those below the least become it."""
    convert(g, y, raw, n)
    if g.clamped:
        clamp(y, <T> g.low, n)


cdef inline bint takes_least(const Plan* g) noexcept nogil:
    """Whether the element that counts most is the least one."""
    return g.kind == HARMONIC or g.p < 0


cdef inline bint is_near_one(const Plan* g) noexcept nogil:
    """Whether sums are of f - 1."""
    return g.kind == LOGARITHM or g.kind == SMALL_POWER


cdef inline T nothing(const Plan* g, bint looking_again, T tag) noexcept nogil:
    """What changes no sum: f of it is 0. Deviations from a mean are 0 for the mean alone: sums of
    them leave NaNs out, because where there are others the mean is NaN."""
    cdef MaxOp greatest
    cdef MinOp smallest
    greatest.tag = smallest.tag = 0
    if g.task == LEARNING_OF and looking_again and g.kind != SOFT and g.kind != DETAIL:
        return <T> D_NAN
    if g.kind == GEOMETRIC:
        return 1
    if g.kind == DETAIL:
        return <T> F_INF
    if g.kind == PLAIN or ((g.kind == NORM or g.kind == SMALL_POWER) and g.p > 0):
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


cdef void shrink(T* restrict y, const T* restrict a, Py_ssize_t n) noexcept nogil:
    """y * a, nothing where a is 0."""
    cdef Py_ssize_t i
    cdef T v
    for i in range(UP(n, sizeof(T))):
        v = y[i] * a[i]
        y[i] = <T> 0 if a[i] == 0 else v


cdef inline T exp_of(T x) noexcept nogil:
    return exp_float(x) if T is float else exp_double(x)


cdef void add_exponentials(T* restrict total, T* restrict moment, const T* restrict w,
                           const T* restrict m, T by, Py_ssize_t n) noexcept nogil:
    """Weights e = exp(by (w - m)), and e (w - m): nothing where e is 0, or w is m."""
    cdef Py_ssize_t i
    cdef T d, e, z
    for i in range(UP(n, sizeof(T))):
        d = w[i] - m[i]
        d = <T> 0 if w[i] == m[i] else d
        e = exp_of(by * d)
        z = e * d
        z = <T> 0 if e == 0 else z
        total[i] = total[i] + e
        moment[i] = moment[i] + z


cdef void add_product(T* restrict y, const T* restrict e, const T* restrict v,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = e[i] * v[i]
        d = <T> 0 if e[i] == 0 else d
        y[i] = y[i] + d


cdef void move_moment(T* restrict y, const T* restrict total, const T* restrict m,
                      const T* restrict before, Py_ssize_t n) noexcept nogil:
    """A moment about `before`, about m."""
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = before[i] - m[i]
        d = d if d - d == 0 else <T> 0      # infinite: nothing of what was summed up will be left
        y[i] = y[i] + total[i] * d


cdef inline double unit_of(const Plan* g, T tag) noexcept nogil:
    """A power of two, by which exponentials less 1 are divided: of small factors they would
    underflow, where a result does not. Of 2**31 elements their sum does not overflow."""
    cdef double size = fabs(g.p), smallest = 2.0 ** -90 if T is float else 2.0 ** -990
    if size >= 2.0 ** -20:
        return 1
    return fmax(ldexp(1, ilogb(size)), smallest)


cdef inline T less_one_of(T x, T e, T d, T part, T inverse) noexcept nogil:
    """(e - 1) / unit with e = exp(x), for x = part * unit * d <= 0: near 0 by Taylor's series."""
    cdef T near, far = (e - 1) * inverse
    if T is float:
        near = <T> (1 / 5040.0)
    else:
        near = <T> (1 / 87178291200.0)
        near = <T> (1 / 6227020800.0) + x * near
        near = <T> (1 / 479001600.0) + x * near
        near = <T> (1 / 39916800.0) + x * near
        near = <T> (1 / 3628800.0) + x * near
        near = <T> (1 / 362880.0) + x * near
        near = <T> (1 / 40320.0) + x * near
        near = <T> (1 / 5040.0) + x * near
    near = <T> (1 / 720.0) + x * near
    near = <T> (1 / 120.0) + x * near
    near = <T> (1 / 24.0) + x * near
    near = <T> (1 / 6.0) + x * near
    near = <T> 0.5 + x * near
    near = 1 + x * near
    near = (part * d) * near
    return near if x > <T> -0.25 else far


cdef void less_one(T* restrict y, T* restrict e, const T* restrict d, T by, T unit,
                   Py_ssize_t n) noexcept nogil:
    """Exponentials of by d, and these less 1, over unit."""
    cdef Py_ssize_t i
    cdef T x, part = by / unit, inverse = 1 / unit
    for i in range(UP(n, sizeof(T))):
        x = by * d[i]
        e[i] = exp_of(x)
        y[i] = less_one_of(x, e[i], d[i], part, inverse)


cdef void root_ratios(T* restrict y, const T* restrict w, const T* restrict m,
                      Py_ssize_t n) noexcept nogil:
    """The root of w / m, which neither overflows nor underflows, 1 where they are equal."""
    cdef Py_ssize_t i
    cdef T q
    for i in range(UP(n, sizeof(T))):
        q = sqrtf(w[i]) / sqrtf(m[i]) if T is float else sqrt(w[i]) / sqrt(m[i])
        y[i] = <T> 1 if w[i] == m[i] else q


cdef void twice(T* restrict y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] + y[i]


cdef void distances(const Plan* g, T* d, const T* w, const T* m, Py_ssize_t n,
                    char* s) noexcept nogil:
    """w - m or, for means of powers, log(w / m); 0 where they are equal, even if both are infinite.
    Only to small powers it makes a difference how small a quotient is."""
    cdef T* quotient = scratch(g, s, MORE, <T> 0)
    if g.kind == LOGARITHM or g.kind == PLAIN:
        differences(d, w, m, <T> 1, n)
    elif g.kind == SMALL_POWER:
        root_ratios(quotient, w, m, n)
        logs(d, quotient, n)
        twice(d, n)
    else:
        ratios(quotient, w, m, n)
        logs(d, quotient, n)


cdef void add_less_one(T* restrict y, T* restrict total, T* restrict nones,
                       const T* restrict less, const T* restrict e, const T* restrict w, T none,
                       Py_ssize_t n) noexcept nogil:
    """Sums of what is there, and the number of what may not be."""
    cdef Py_ssize_t i
    cdef T u, v, one
    for i in range(UP(n, sizeof(T))):
        u, v = less[i], e[i]
        u = <T> 0 if w[i] == none else u
        v = <T> 0 if w[i] == none else v
        one = <T> 1 if w[i] == none else <T> 0
        y[i] = y[i] + u
        total[i] = total[i] + v
        nones[i] = nones[i] + one


cdef void move_less_one(T* restrict y, const T* restrict f, const T* restrict nones, T done,
                        T unit, Py_ssize_t n) noexcept nogil:
    """Sums of (e - 1) / unit become those of (e * (1 + unit f) - 1) / unit."""
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = y[i] + f[i] * (unit * y[i] + (done - nones[i]))


cdef void fill_row(T* restrict y, Py_ssize_t n, T value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = value


# --- values ---------------------------------------------------------------------------------------

cdef void begin(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    cdef T none = nothing(g, False, tag)
    if g.kind == DETAIL:
        none = 1 if g.alpha > 0 else 0      # so that neither weight overflows
    fill_row(scratch(g, s, EXTREME, tag), n, none)
    fill_row(scratch(g, s, TOTAL, tag), n, <T> 0)
    fill_row(scratch(g, s, MOMENT, tag), n, <T> 0)
    fill_row(scratch(g, s, NONES, tag), n, <T> 0)


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
    if g.kind == NORM or g.kind == DETAIL:
        ratios(more, w, m, n)
        powers(f, more, g.p, n)
    elif g.kind == HARMONIC:
        inverse_ratios(f, w, m, n)
    else:
        differences(more, w, m, <T> g.p, n)
        exps(f, more, n)


cdef void absorb(const Plan* g, const T* w, const T* v, Py_ssize_t done, Py_ssize_t taps,
                 Py_ssize_t n, char* s, T tag) noexcept nogil:
    """A part of the windows' taps, `done` after others; v are the elements where w are logits."""
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
    if g.kind == DETAIL:
        absorb_details(g, w, done, taps, n, s, tag)
        return
    if takes_least(g):
        find_extremes(g, w, taps, n, s, smallest)
    else:
        find_extremes(g, w, taps, n, s, greatest)
    if g.kind == NORM and isinf(g.p):
        return
    if is_near_one(g):
        absorb_less_one(g, w, done, taps, n, s, tag)
        return
    if done > 0:
        rescale(g, n, s, tag)
    for t in range(taps):
        if g.kind == SOFT:
            add_exponentials(part, moment, w + t * g.pitch, m, <T> g.p, n)
            continue
        weigh(g, work, w + t * g.pitch, m, n, s)
        add_row(part, work, n)
        if g.kind == LOGITS:
            add_product(moment, work, v + t * g.pitch, n)
    add_row(total, part, n)


cdef void absorb_less_one(const Plan* g, const T* w, Py_ssize_t done, Py_ssize_t taps,
                          Py_ssize_t n, char* s, T tag) noexcept nogil:
    """Sums of f - 1, so that they stay exact where all are near 1, and of f, which do where most
    are near 0. What is infinite may be an element or none: it is counted."""
    cdef Py_ssize_t t
    cdef T none = nothing(g, False, tag)
    cdef T* m = scratch(g, s, EXTREME, tag)
    cdef T* total = scratch(g, s, TOTAL, tag)
    cdef T* nones = scratch(g, s, NONES, tag)
    cdef T* part = scratch(g, s, PART, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    cdef T* less = scratch(g, s, MORE, tag)
    cdef T* e = scratch(g, s, VALUE, tag)
    cdef T* sum = scratch(g, s, LEAST, tag)
    cdef T unit = <T> unit_of(g, tag)
    fill_row(sum, n, <T> 0)
    if done > 0:
        rescale_less_one(g, done, n, s, tag)
    for t in range(taps):
        distances(g, work, w + t * g.pitch, m, n, s)
        less_one(less, e, work, <T> g.p, unit, n)
        add_less_one(part, sum, nones, less, e, w + t * g.pitch, none, n)
    add_row(total, part, n)
    add_row(scratch(g, s, MOMENT, tag), sum, n)


cdef void rescale_less_one(const Plan* g, Py_ssize_t done, Py_ssize_t n, char* s,
                           T tag) noexcept nogil:
    """Sums of f - 1 and of f, relative to the extreme before, become relative to the present one.
    """
    cdef T* work = scratch(g, s, WORK, tag)
    cdef T* less = scratch(g, s, MORE, tag)
    cdef T* e = scratch(g, s, VALUE, tag)
    cdef T unit = <T> unit_of(g, tag)
    distances(g, work, scratch(g, s, BEFORE, tag), scratch(g, s, EXTREME, tag), n, s)
    less_one(less, e, work, <T> g.p, unit, n)
    multiply(scratch(g, s, MOMENT, tag), e, n)
    move_less_one(scratch(g, s, TOTAL, tag), less, scratch(g, s, NONES, tag), <T> done, unit, n)


cdef void rescale(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """Sums relative to the extreme before become relative to the present one."""
    cdef T* m = scratch(g, s, EXTREME, tag)
    cdef T* before = scratch(g, s, BEFORE, tag)
    cdef T* total = scratch(g, s, TOTAL, tag)
    cdef T* moment = scratch(g, s, MOMENT, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    if g.kind == SOFT:
        move_moment(moment, total, m, before, n)
    weigh(g, work, before, m, n, s)
    multiply(total, work, n)
    shrink(moment, work, n)


cdef void extreme_of_parts(T* m, Py_ssize_t parts, Py_ssize_t n, Op op) noexcept nogil:
    """All parts of a window get the most extreme of theirs."""
    cdef Py_ssize_t i = 0, j
    cdef T extreme
    while i < n:
        extreme = m[i]
        for j in range(i + 1, i + parts):
            extreme = pick(extreme, m[j], op)
        for j in range(i, i + parts):
            m[j] = extreme
        i += parts


cdef void sum_of_parts(Any* y, Py_ssize_t parts, Py_ssize_t windows) noexcept nogil:
    """A number for each window, where there was one for each of its parts."""
    cdef Py_ssize_t i, j
    cdef Any total
    for i in range(windows):
        total = 0
        for j in range(parts):
            total += y[i * parts + j]
        y[i] = total


cdef void first_of_parts(T* y, Py_ssize_t parts, Py_ssize_t windows) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(windows):
        y[i] = y[i * parts]


cdef void to_parts(const Plan* g, T* y, Py_ssize_t n) noexcept nogil:
    """Each part gets its window's number."""
    cdef Py_ssize_t i
    for i in range(n - 1, 0, -1):
        y[i] = y[i // g.parts]


cdef void join_parts(const Plan* g, Py_ssize_t n, int32_t* counts, char* s, T tag) noexcept nogil:
    """The sums of parts become those of windows."""
    cdef MaxOp greatest
    cdef MinOp smallest
    cdef Py_ssize_t windows = n // g.parts
    cdef T* m = scratch(g, s, EXTREME, tag)
    cdef T* before = scratch(g, s, BEFORE, tag)
    greatest.tag = smallest.tag = 0
    if g.kind != GEOMETRIC and g.kind != PLAIN:
        memcpy(before, m, UP(n, sizeof(T)) * sizeof(T))
        if takes_least(g):
            extreme_of_parts(m, g.parts, n, smallest)
        else:
            extreme_of_parts(m, g.parts, n, greatest)
        if is_near_one(g):
            rescale_less_one(g, g.taps, n, s, tag)
        else:
            rescale(g, n, s, tag)
        first_of_parts(m, g.parts, windows)
    sum_of_parts(scratch(g, s, TOTAL, tag), g.parts, windows)
    sum_of_parts(scratch(g, s, MOMENT, tag), g.parts, windows)
    sum_of_parts(scratch(g, s, NONES, tag), g.parts, windows)
    sum_of_parts(counts, g.parts, windows)


cdef void finish_values(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """The windows' values."""
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    cdef const T* m = scratch(g, s, EXTREME, tag)
    cdef T* total = scratch(g, s, TOTAL, tag)
    cdef const T* moment = scratch(g, s, MOMENT, tag)
    cdef const T* count = scratch(g, s, COUNT, tag)
    if g.kind == SOFT:
        finish_soft(y, m, total, moment, n)
    elif g.kind == LOGITS:
        finish_mean(y, moment, total, True, n)
    elif g.kind == DETAIL:
        finish_detail(y, moment, total, scratch(g, s, NONES, tag), count,
                      <T> (g.taps * g.parts), n)
    elif g.kind == HARMONIC:
        finish_harmonic(y, m, total, count, n)
    elif g.kind == NORM and isinf(g.p):
        memcpy(y, m, n * sizeof(T))
    elif is_near_one(g):
        finish_near_one(g, n, s, tag)
    else:
        finish_mean(work, total, count, g.mean or g.kind != NORM, n)
        if g.kind == GEOMETRIC:
            exps(y, work, n)
        elif g.kind == NORM:
            inverse_powers(y, work, g.p, n)
            multiply(y, m, n)
        else:
            memcpy(y, work, n * sizeof(T))


cdef void finish_mean(T* restrict y, const T* restrict total, const T* restrict count, bint mean,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = total[i] / (count[i] if mean else <T> 1)


cdef void finish_near_one(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """m + log(mean) / p, or m times the exponential of that."""
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T* mean = scratch(g, s, WORK, tag)
    cdef T* more = scratch(g, s, MORE, tag)
    cdef const T* m = scratch(g, s, EXTREME, tag)
    cdef double unit = unit_of(g, tag)
    finish_less_one(y, mean, scratch(g, s, TOTAL, tag), scratch(g, s, MOMENT, tag),
                    scratch(g, s, NONES, tag), scratch(g, s, COUNT, tag), <T> (g.taps * g.parts),
                    <T> unit, n)
    logs(more, mean, n)
    finish_logarithm(y, mean, more, <T> (g.p / unit), <T> unit, n)
    if g.kind == LOGARITHM:
        add_distance(y, m, n)
        return
    halve(mean, y, n)       # the whole may be too large for an exponential, and the result not
    exps(more, mean, n)
    memcpy(y, m, UP(n, sizeof(T)) * sizeof(T))
    multiply(y, more, n)
    multiply(y, more, n)


cdef void finish_less_one(T* restrict y, T* restrict mean, T* restrict total,
                          const T* restrict sum, const T* restrict nones, const T* restrict count,
                          T taps, T unit, Py_ssize_t n) noexcept nogil:
    """The mean of (f - 1) / unit, that of f, and the sum of f, of which one is 1: unless all are
    infinitely far from 0."""
    cdef Py_ssize_t i
    cdef T less, near, far, inverse = 1 / unit
    for i in range(UP(n, sizeof(T))):
        # Infinite elements, of which f is 0.
        less = total[i] - (nones[i] - (taps - count[i])) * inverse
        total[i] = sum[i] if sum[i] > <T> 0.5 else count[i]
        y[i] = less / count[i]
        near = 1 + unit * y[i]
        far = sum[i] / count[i]
        mean[i] = near if unit * y[i] > <T> -0.5 else far


cdef void finish_logarithm(T* restrict y, const T* restrict mean, const T* restrict logarithm,
                           T part, T unit, Py_ssize_t n) noexcept nogil:
    """log(1 + unit y) / (part * unit), of which the logarithm of the rounded 1 + unit y is known
    (Kahan's way)."""
    cdef Py_ssize_t i
    cdef T exactly, far, inverse = 1 / unit
    for i in range(UP(n, sizeof(T))):
        exactly = y[i] * (logarithm[i] / (mean[i] - 1))
        exactly = y[i] if mean[i] == 1 else exactly
        far = logarithm[i] * inverse
        y[i] = (far if mean[i] < <T> 0.5 else exactly) / part


cdef void add_distance(T* restrict y, const T* restrict m, Py_ssize_t n) noexcept nogil:
    """y + m: m where it is infinite, or a NaN."""
    cdef Py_ssize_t i
    cdef T v
    for i in range(UP(n, sizeof(T))):
        v = y[i] + m[i]
        y[i] = v if m[i] - m[i] == 0 else m[i]


cdef void halve(T* restrict y, const T* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = x[i] * <T> 0.5


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


# --- details --------------------------------------------------------------------------------------
# Weights of an element x are rho(x - s)**p + alpha, rho(d) = sqrt(d**2 + eps**2), relative to m**p
# for the greatest rho, m. What is infinite may be an element or none, as it is in logarithms; where
# it is one, so is s, and the result is NaN.

cdef inline T difference(T x, T s, bint one_sided) noexcept nogil:
    cdef T d = x - s, positive = <T> 0 if d < 0 else d
    return positive if one_sided else d


cdef inline T hypotenuse(T a, T b) noexcept nogil:
    """Of a >= 0 and b >= 0, of any size."""
    cdef T most = a if a > b else b, least = b if a > b else a, q
    most = a if a != a else most
    q = least / most
    q = <T> 0 if most == 0 else q
    q = 1 + q * q
    return most * (sqrtf(q) if T is float else sqrt(q))


cdef void details(T* restrict y, const T* restrict w, const T* restrict middle, T eps,
                  bint one_sided, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        y[i] = hypotenuse(size_of(difference(w[i], middle[i], one_sided)), eps)


cdef void size_differences(const Plan* g, T* y, const T* w, char* s, Py_ssize_t n) noexcept nogil:
    details(y, w, scratch(g, s, MIDDLE, <T> 0), <T> g.eps, g.one_sided, n)


cdef void greatest_difference(T* restrict m, const T* restrict w, const T* restrict middle,
                              bint one_sided, Py_ssize_t n, MaxOp op) noexcept nogil:
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = size_of(difference(w[i], middle[i], one_sided))
        d = <T> 0 if w[i] == <T> F_INF else d
        m[i] = pick(m[i], d, op)


cdef void greatest_detail(T* restrict m, const T* restrict d, T eps, Py_ssize_t n,
                          MaxOp op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(T))):
        m[i] = pick(m[i], hypotenuse(d[i], eps), op)


cdef void add_details(T* restrict total, T* restrict moment, T* restrict nones,
                      const T* restrict power, const T* restrict least, const T* restrict w,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T f, z, one
    for i in range(UP(n, sizeof(T))):
        f = power[i] + least[i]
        z = f * w[i]
        one = <T> 1 if w[i] == <T> F_INF else <T> 0
        total[i] = total[i] + (<T> 0 if w[i] == <T> F_INF else f)
        moment[i] = moment[i] + (<T> 0 if w[i] == <T> F_INF else z)
        nones[i] = nones[i] + one


cdef void absorb_details(const Plan* g, const T* w, Py_ssize_t done, Py_ssize_t taps,
                         Py_ssize_t n, char* s, T tag) noexcept nogil:
    cdef Py_ssize_t t
    cdef T* m = scratch(g, s, EXTREME, tag)
    cdef T* part = scratch(g, s, PART, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    cdef T* more = scratch(g, s, MORE, tag)
    cdef T* power = scratch(g, s, VALUE, tag)
    cdef MaxOp op
    op.tag = 0
    memcpy(scratch(g, s, BEFORE, tag), m, UP(n, sizeof(T)) * sizeof(T))
    fill_row(work, n, <T> 0)
    for t in range(taps):
        greatest_difference(work, w + t * g.pitch, scratch(g, s, MIDDLE, tag), g.one_sided, n, op)
    greatest_detail(m, work, <T> g.eps, n, op)
    if done > 0:
        rescale(g, n, s, tag)
    set_least(g, n, s, tag)
    for t in range(taps):
        size_differences(g, work, w + t * g.pitch, s, n)
        weigh(g, power, work, m, n, s)
        add_details(part, scratch(g, s, MOMENT, tag), scratch(g, s, NONES, tag), power,
                    scratch(g, s, LEAST, tag), w + t * g.pitch, n)
    add_row(scratch(g, s, TOTAL, tag), part, n)


cdef void set_least(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """alpha, relative to m**p."""
    cdef T* least = scratch(g, s, LEAST, tag)
    cdef Py_ssize_t i
    fill_row(least, n, <T> 0)
    if g.alpha > 0:
        powers(least, scratch(g, s, EXTREME, tag), -g.p, n)
        for i in range(UP(n, sizeof(T))):
            least[i] = least[i] * <T> g.alpha


cdef void finish_detail(T* restrict y, const T* restrict moment, const T* restrict total,
                        const T* restrict nones, const T* restrict count, T taps,
                        Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T v
    for i in range(UP(n, sizeof(T))):
        v = moment[i] / total[i]
        y[i] = v if nones[i] == taps - count[i] else <T> D_NAN


cdef void slope_of_detail(T* restrict w, const T* restrict power, const T* restrict rho,
                          const T* restrict middle, const T* restrict least,
                          const T* restrict total, const T* restrict y, T p, bint one_sided,
                          Py_ssize_t n) noexcept nogil:
    """In elements, with the surroundings as they are."""
    cdef Py_ssize_t i
    cdef T z
    for i in range(UP(n, sizeof(T))):
        z = p * power[i] * (difference(w[i], middle[i], one_sided) / rho[i] / rho[i])
        z = (power[i] + least[i] + z * (w[i] - y[i])) / total[i]
        z = <T> 0 if w[i] == <T> F_INF else z
        w[i] = z if y[i] == y[i] else y[i]


cdef void learn_detail(T* restrict part, const T* restrict w, const T* restrict power,
                       const T* restrict rho, const T* restrict logarithm,
                       const T* restrict middle, const T* restrict y, T p, bint one_sided,
                       int learned, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T z
    for i in range(UP(n, sizeof(T))):
        z = 1
        if learned == POWER:
            z = power[i] * logarithm[i]
        elif learned == SURROUNDINGS_OF:
            z = -p * power[i] * (difference(w[i], middle[i], one_sided) / rho[i] / rho[i])
        z = z * (w[i] - y[i])
        z = <T> 0 if w[i] == <T> F_INF else z
        part[i] = part[i] + z


# --- slopes ---------------------------------------------------------------------------------------

cdef void slopes(const Plan* g, T* w, const T* v, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """What a row of elements (of logits) changes in the windows' values, in its place."""
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T* work = scratch(g, s, WORK, tag)
    cdef T* more = scratch(g, s, MORE, tag)
    cdef const T* m = scratch(g, s, EXTREME, tag)
    cdef const T* total = scratch(g, s, TOTAL, tag)
    cdef const T* count = scratch(g, s, COUNT, tag)
    cdef T low = <T> (g.low if g.clamped else D_NAN)     # nothing is below a NaN
    if g.kind == NORM and isinf(g.p):
        slope_of_extreme(w, y, scratch(g, s, MORE, tag), low, n)
    elif g.kind == NORM or g.kind == SMALL_POWER:
        ratios(more, w, y, n)
        powers(work, more, g.p - 1, n)
        slope_of_norm(w, work, y, count, g.mean, <T> (g.low if g.clamped else -F_INF), n)
    elif g.kind == HARMONIC or g.kind == GEOMETRIC:
        slope_of_inverse(w, y, count, g.kind == HARMONIC, low, n)
    elif g.kind == PLAIN:
        fill_row(w, n, <T> 1)
        divide_row(w, count, n)
    elif g.kind == LOGARITHM or g.kind == LOGITS:
        differences(work, w, m, <T> g.p, n)
        exps(w, work, n)
        divide_row(w, total, n)
        if g.by_logits:
            subtract(work, v, y, n)
            multiply(w, work, n)
    elif g.kind == DETAIL:
        size_differences(g, work, w, s, n)
        weigh(g, scratch(g, s, PART, tag), work, m, n, s)
        slope_of_detail(w, scratch(g, s, PART, tag), work, scratch(g, s, MIDDLE, tag),
                        scratch(g, s, LEAST, tag), total, y, <T> g.p, g.one_sided, n)
    else:
        differences(more, w, m, <T> g.p, n)
        exps(work, more, n)
        slope_of_soft(w, work, total, y, <T> g.p, n)


cdef void slope_of_extreme(T* restrict w, const T* restrict y, T* restrict taken, T low,
                           Py_ssize_t n) noexcept nogil:
    """The first of the greatest sizes, unless it became `low`, the least."""
    cdef Py_ssize_t i
    cdef T one, found
    for i in range(UP(n, sizeof(T))):
        found = <T> 1 if size_of(w[i]) == y[i] else <T> 0
        found = found * (1 - taken[i])
        one = <T> 1 if w[i] > 0 else <T> 0
        one = <T> -1 if w[i] < 0 else one
        taken[i] = taken[i] + found
        w[i] = <T> 0 if w[i] <= low else found * one


cdef void slope_of_norm(T* restrict w, const T* restrict power, const T* restrict y,
                        const T* restrict count, bint mean, T low, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T z, one
    for i in range(UP(n, sizeof(T))):
        z = power[i] / (count[i] if mean else <T> 1)
        one = <T> 1 if w[i] > 0 else <T> 0
        one = <T> -1 if w[i] < 0 else one
        z = z * one
        z = z if one != 0 else <T> 0
        z = z if y[i] > 0 else <T> 0
        z = y[i] if y[i] != y[i] else z
        w[i] = z if w[i] > low else <T> 0


cdef void slope_of_inverse(T* restrict w, const T* restrict y, const T* restrict count,
                           bint harmonic, T low, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef T q, z
    for i in range(UP(n, sizeof(T))):
        q = y[i] / w[i]
        z = (q * q if harmonic else q) / count[i]
        z = <T> 0 if w[i] == 0 else z
        w[i] = <T> 0 if w[i] <= low else z


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
    if g.kind == DETAIL:
        size_differences(g, work, w, s, n)
        weigh(g, ratio, work, m, n, s)
        logs(more, work, n)
        learn_detail(part, w, ratio, work, more, scratch(g, s, MIDDLE, tag), y, <T> g.p,
                     g.one_sided, g.learned, n)
    elif g.kind == SOFT:
        differences(more, w, m, <T> g.p, n)
        exps(work, more, n)
        learn_soft(part, work, w, y, n)
    else:
        distances(g, work, w, y, n, s)
        learn_mean(part, work, <T> 0 if g.kind == GEOMETRIC or g.kind == PLAIN else <T> g.p, n)


cdef inline T divergence_of(T d, T p, T inverse) noexcept nogil:
    """(t exp(t) - exp(t) + 1) / p**2, t = p d, near 0 by Taylor's series: it is never negative, so
    sums of it lose no digits."""
    cdef T t = <T> 0 if d == 0 else p * d, e = exp_of(t), near, far
    far = <T> 1 if e == 0 else t * e - (e - 1)
    near = <T> (1 / 518918400.0)
    near = <T> (1 / 43545600.0) + t * near
    near = <T> (1 / 3991680.0) + t * near
    near = <T> (1 / 403200.0) + t * near
    near = <T> (1 / 45360.0) + t * near
    near = <T> (1 / 5760.0) + t * near
    near = <T> (1 / 840.0) + t * near
    near = <T> (1 / 144.0) + t * near
    near = <T> (1 / 30.0) + t * near
    near = <T> 0.125 + t * near
    near = <T> (1 / 3.0) + t * near
    near = d * (<T> 0.5 + t * near) * d
    return near if size_of(t) < <T> 0.25 else far * inverse * inverse


cdef void learn_mean(T* restrict y, const T* restrict d, T p, Py_ssize_t n) noexcept nogil:
    """From distances of elements from the mean, without those that are NaN."""
    cdef Py_ssize_t i
    cdef T v, inverse = 1 / p
    for i in range(UP(n, sizeof(T))):
        v = d[i] if d[i] == d[i] else <T> 0
        y[i] = y[i] + divergence_of(v, p, inverse)


cdef void learn_soft(T* restrict part, const T* restrict e, const T* restrict w,
                     const T* restrict y, Py_ssize_t n) noexcept nogil:
    """Sums of e times the square of w - y."""
    cdef Py_ssize_t i
    cdef T d
    for i in range(UP(n, sizeof(T))):
        d = w[i] - y[i]
        d = <T> 0 if e[i] == 0 else e[i] * (d * d)
        part[i] = part[i] + d


cdef void finish_learning(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    cdef Py_ssize_t i
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef const T* part = scratch(g, s, PART, tag)
    cdef const T* total = scratch(g, s, TOTAL, tag)
    cdef const T* count = scratch(g, s, COUNT, tag)
    cdef T* unit = scratch(g, s, WORK, tag)
    cdef T scale = <T> (2 * g.p) if g.kind == PLAIN else <T> 1
    if g.kind == DETAIL:
        powers(unit, scratch(g, s, EXTREME, tag), -g.p, n)
    for i in range(n):
        if g.kind == PLAIN or g.kind == LOGARITHM:
            y[i] = scale * part[i] / count[i] if y[i] - y[i] == 0 else y[i] - y[i]
        elif g.kind == NORM or g.kind == SMALL_POWER or g.kind == GEOMETRIC:
            y[i] = y[i] * (part[i] / count[i])
        elif g.kind == DETAIL and g.learned == LEAST_WEIGHT:
            y[i] = part[i] * unit[i] / total[i]
        else:
            y[i] = part[i] / total[i]


# --- items ----------------------------------------------------------------------------------------

cdef void mean_lanes(const Plan* g, Py_ssize_t at, Py_ssize_t stop, char* s, T tag) noexcept nogil:
    """Windows `at` to `stop`: their values, slopes, or slopes in p."""
    cdef int32_t* counts = <int32_t*> (s + g.counts_at)
    cdef T* block = <T*> (s + g.box_at)
    cdef T* count = scratch(g, s, COUNT, tag)
    cdef Stretch* list = <Stretch*> (s + g.stretches_at)
    cdef Py_ssize_t stretches = list_stretches(g, at, stop, list), t0, t1, i
    cdef Py_ssize_t n = count_elements(g, list, stretches, counts)
    if n == 0:
        return
    begin(g, n, s, tag)
    if g.kind == DETAIL:
        get_values(g, list, stretches, scratch(g, s, MIDDLE, tag), False)
        if g.parts > 1:
            to_parts(g, scratch(g, s, MIDDLE, tag), n)
    t0 = 0
    while t0 < g.taps:
        t1 = least(t0 + g.together, g.taps)
        bring_inputs(g, list, stretches, t0, t1, False, block, counts, s)
        absorb(g, block, block + g.together * g.pitch, t0, t1 - t0, n, s, tag)
        t0 = t1
    if g.parts > 1:
        join_parts(g, n, counts, s, tag)
    for i in range(n // g.parts):
        count[i] = <T> counts[i]
    finish_values(g, n // g.parts, s, tag)
    if g.task != VALUES_OF:
        look_again(g, list, stretches, n, s, tag)
    if g.task != SLOPES_OF:
        put_results(g, list, stretches, n // g.parts, s, tag)


cdef void bring_inputs(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t t0,
                       Py_ssize_t t1, bint looking_again, T* block, int32_t* counts,
                       char* s) noexcept nogil:
    """A part of the windows' taps; behind them, where these are logits, the elements."""
    cdef T none = nothing(g, looking_again, <T> 0)
    if looking_again:
        counts = <int32_t*> (s + g.places_at)   # they have lost what is masked
    if g.kind != LOGITS:
        bring(g, list, stretches, t0, t1, 0, block, none, counts, s)
        return
    bring(g, list, stretches, t0, t1, g.logits, block, none, counts, s)
    bring(g, list, stretches, t0, t1, 0, block + g.together * g.pitch, <T> 0,
          <int32_t*> (s + g.places_at), s)


cdef void look_again(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t n,
                     char* s, T tag) noexcept nogil:
    """The windows once more, now that their values are known."""
    cdef int32_t* counts = <int32_t*> (s + g.counts_at)
    cdef T* block = <T*> (s + g.box_at)
    cdef const T* elements = block + g.together * g.pitch
    cdef Py_ssize_t t0 = 0, t1, t
    fill_row(scratch(g, s, PART, tag), n, <T> 0)
    fill_row(scratch(g, s, MORE, tag), n, <T> 0)
    if g.task == SLOPES_OF:
        get_values(g, list, stretches, scratch(g, s, GRADIENT, tag), True)
    if g.parts > 1:
        windows_to_parts(g, n, s, tag)
    while t0 < g.taps:
        t1 = least(t0 + g.together, g.taps)
        if g.together < g.taps or g.task == LEARNING_OF:
            bring_inputs(g, list, stretches, t0, t1, True, block, counts, s)
        for t in range(t1 - t0):
            if g.task == SLOPES_OF:
                slopes(g, block + t * g.pitch, elements + t * g.pitch, n, s, tag)
                multiply(block + t * g.pitch, scratch(g, s, GRADIENT, tag), n)
            else:
                learn(g, block + t * g.pitch, n, s, tag)
        if g.task == SLOPES_OF:
            add_back(g, list, stretches, t0, t1, block, s)
        t0 = t1
    if g.task == LEARNING_OF and g.parts > 1:
        parts_to_windows(g, n // g.parts, s, tag)
    if g.task == LEARNING_OF:
        finish_learning(g, n // g.parts, s, tag)


cdef void windows_to_parts(const Plan* g, Py_ssize_t n, char* s, T tag) noexcept nogil:
    """What is known of windows, for each of their parts."""
    to_parts(g, scratch(g, s, VALUE, tag), n)
    to_parts(g, scratch(g, s, EXTREME, tag), n)
    to_parts(g, scratch(g, s, TOTAL, tag), n)
    to_parts(g, scratch(g, s, COUNT, tag), n)
    if g.kind == DETAIL:
        set_least(g, n, s, tag)
    if g.task == SLOPES_OF:
        to_parts(g, scratch(g, s, GRADIENT, tag), n)


cdef void parts_to_windows(const Plan* g, Py_ssize_t windows, char* s, T tag) noexcept nogil:
    """The reverse, with what parts have learnt."""
    first_of_parts(scratch(g, s, VALUE, tag), g.parts, windows)
    first_of_parts(scratch(g, s, TOTAL, tag), g.parts, windows)
    first_of_parts(scratch(g, s, COUNT, tag), g.parts, windows)
    first_of_parts(scratch(g, s, EXTREME, tag), g.parts, windows)
    sum_of_parts(scratch(g, s, PART, tag), g.parts, windows)
    sum_of_parts(scratch(g, s, MOMENT, tag), g.parts, windows)


cdef void put_results(const Plan* g, Stretch* list, Py_ssize_t stretches, Py_ssize_t n,
                      char* s, T tag) noexcept nogil:
    cdef const int32_t* counts = <const int32_t*> (s + g.counts_at)
    cdef T* y = scratch(g, s, VALUE, tag)
    cdef T none = <T> D_NAN if g.task == VALUES_OF and not g.zero_if_empty else <T> 0
    cdef char* result = s + g.result_at
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = y[i] if counts[i] > 0 else none
    from_float(g, result, y, n, <double*> (s + g.wide_at))
    put_values(g, list, stretches, result)


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


# --- mixtures -------------------------------------------------------------------------------------

cdef void gate_piece(T* restrict y, const T* restrict z, const T* restrict top,
                     const T* restrict mean, Py_ssize_t n) noexcept nogil:
    """g * top + (1 - g) * mean with g = 1 / (1 + exp(-z)); what has no share is not there, even if
    it is infinite."""
    cdef T size[1024 + 32]
    cdef T small[1024 + 32]
    cdef Py_ssize_t i
    cdef T gate, rest, v
    for i in range(n):
        size[i] = -size_of(z[i])
    for i in range(n, UP(n, sizeof(T))):
        size[i] = 0
    exps(small, size, n)
    for i in range(n):
        gate = <T> 1 if z[i] >= 0 else small[i]
        gate = gate / (1 + small[i])
        rest = 1 - gate
        v = gate * top[i] + rest * mean[i]
        v = top[i] if gate == 1 else v
        y[i] = mean[i] if gate == 0 else v


cdef void gate_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, T tag) noexcept nogil:
    """Items are pieces of arrays in one piece: x is z, q the maxima, mask the means."""
    cdef Py_ssize_t item, at
    for item in range(lo, hi):
        at = item * PIECES
        gate_piece(<T*> g.y + at, <const T*> g.x + at, <const T*> g.q + at, <const T*> g.mask + at,
                   least(PIECES, g.axis[2].n - at))
