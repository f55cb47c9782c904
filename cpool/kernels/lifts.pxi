# Means of something that each element is made into: powers, logarithms, exponentials. An element is
# lifted when it is loaded, once, however many windows read it; sums, or means, of what came of it
# are brought back when they are stored. What is between are the folds of sums.
#
# Geometric means are roots of products as long as these stay in range, else exponentials of means
# of logarithms.
#
# Means weighted by exponentials are quotients of two sums. Their weights, and the products of these
# with the elements, are arrays that are made here first, of a part of the input at a time.
#
# Nothing is scaled, so elements must be of moderate size, which is looked at. If one is not, the
# call is done by means.pxi, which divides by the greatest element of each window.

cdef extern from "<math.h>" nogil:
    float fabsf(float v)
    double sqrt(double v)


cdef struct SquareLift:
    int tag

cdef struct CubeLift:
    int tag

cdef struct ReciprocalLift:
    int tag

# What elements are made into by an operation or two: a type, as operations are.
ctypedef fused Lift:
    SquareLift
    CubeLift
    ReciprocalLift

cdef struct Range:
    # Sizes of elements, as far as they have been looked at. Floats are in the order of their bits,
    # and less one, as unsigned numbers, the bits of 0 are the greatest: so a minimum and a maximum
    # are all that it takes.
    int32_t greatest
    uint32_t smallest
    int64_t outside         # of doubles: whether one was too large or too small


cdef inline Range unseen() noexcept nogil:
    cdef Range seen
    seen.greatest, seen.smallest, seen.outside = 0, <uint32_t> -1, 0
    return seen


cdef inline void look_at(Range* seen, Real v, Real lo, Real hi) noexcept nogil:
    cdef double a
    if Real is float:
        see_size(v, &seen.greatest, &seen.smallest)
    else:
        a = fabs(v)
        seen.outside |= ((a < lo) & (a != 0)) | (a > hi)


cdef inline bint is_within(const Range* seen, Real lo, Real hi) noexcept nogil:
    """Whether all sizes were from lo to hi, or 0. Infinities are outside, and NaNs of floats."""
    if Real is float:
        return (seen.greatest <= <int32_t> float_bits(hi)
                and (lo == 0 or seen.smallest >= float_bits(lo) - 1))
    else:
        return not seen.outside


cdef void clamp(Real* restrict y, Real low, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = low if y[i] < low else y[i]


cdef void sizes(Real* restrict y, const Real* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(Real))):
        y[i] = fabsf(x[i]) if Real is float else fabs(x[i])


cdef void times(Real* restrict y, const Real* restrict x, Real by, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(Real))):
        y[i] = x[i] * by


cdef void reciprocals(Real* restrict y, const Real* restrict x, Py_ssize_t n) noexcept nogil:
    """1 / x: of a zero, whatever its sign, infinity."""
    cdef Py_ssize_t i
    cdef Real v
    for i in range(UP(n, sizeof(Real))):
        v = 1 / x[i]
        y[i] = <Real> F_INF if x[i] == 0 else v


cdef bint is_moderate(const Real* x, Real lo, Real hi, Real most, Py_ssize_t n) noexcept nogil:
    """Whether the sizes of all elements are from lo to hi, 0, NaN, or `most`."""
    cdef Py_ssize_t i
    cdef Real a
    cdef int32_t found = 0
    cdef int64_t found_wide = 0
    for i in range(n):
        if Real is float:
            a = fabsf(x[i])
            found |= ((a < lo) & (a != 0)) | ((a > hi) & (a != most))
        else:
            a = fabs(x[i])
            found_wide |= ((a < lo) & (a != 0)) | ((a > hi) & (a != most))
    return not (found or found_wide)


cdef void lift_piece(const Plan* g, Real* y, const Real* x, Py_ssize_t n) noexcept nogil:
    cdef Real work[1024 + 32]
    if g.kind == NORM:
        sizes(work, x, n)
        powers(y, work, g.p, n)
    elif g.kind == GEOMETRIC:
        logs(y, x, n)
    else:
        times(work, x, <Real> g.p, n)
        exps(y, work, n)


cdef bint exps_wide(double* y, const float* x, float by, float lo, float hi,
                    Py_ssize_t n) noexcept nogil:
    """exp(by * x), with the digits of floats near 1 too; whether `is_within` holds for x."""
    cdef Range seen = unseen()
    exps_with_sizes(y, x, by, &seen.greatest, &seen.smallest, n)
    return is_within(&seen, lo, hi)


cdef inline Real lifted(Real v, Lift kind) noexcept nogil:
    if Lift is SquareLift:
        return v * v
    elif Lift is CubeLift:
        return (v * v) * (fabsf(v) if Real is float else fabs(v))
    else:
        return 1 / (v + <Real> 0)       # of either zero infinity


cdef bint lift_row(Real* restrict y, const Real* restrict x, Real low, Real lo, Real hi,
                   Py_ssize_t n, Lift kind) noexcept nogil:
    """Elements, or `low` if they are below it, lifted; whether `is_within` holds for these. One
    loop, in which memory is waited for while something is done."""
    cdef Py_ssize_t i
    cdef Real v
    cdef Range seen = unseen()
    for i in range(n):
        v = x[i]
        v = low if v < low else v
        look_at(&seen, v, lo, hi)
        y[i] = lifted(v, kind)
    return is_within(&seen, lo, hi)


cdef inline bint has_row(const Plan* g) noexcept nogil:
    """Whether `lift_at_once` has the kind."""
    return g.kind == HARMONIC or (g.kind == NORM and (g.p == 2 or g.p == 3))


cdef bint lift_at_once(const Plan* g, Real* y, const Real* x, Py_ssize_t n) noexcept nogil:
    cdef SquareLift square
    cdef CubeLift cube
    cdef ReciprocalLift reciprocal
    cdef Real low = <Real> (g.low if g.clamped else -F_INF)
    cdef Real lo = <Real> g.least, hi = <Real> g.greatest
    square.tag = cube.tag = reciprocal.tag = 0
    if g.kind == HARMONIC:
        return lift_row(y, x, low, lo, hi, n, reciprocal)
    if g.p == 2:
        return lift_row(y, x, low, lo, hi, n, square)
    return lift_row(y, x, low, lo, hi, n, cube)


cdef void lift_with_care(const Plan* g, Real* y, Real* x, Real most, bint done,
                         Py_ssize_t n) noexcept nogil:
    """PIECES elements at most, of which x has slack for a block; `done`: y is there already, and
    maybe there are only NaNs, or infinities that result in infinities."""
    cdef Py_ssize_t i
    for i in range(n, UP(n, sizeof(Real))):
        x[i] = 1
    if g.clamped:
        clamp(x, <Real> g.low, n)
    if g.kind != GEOMETRIC and not is_moderate(x, <Real> g.least, <Real> g.greatest, most, n):
        fail(g, IMMODERATE)
    if not done:
        lift_piece(g, y, x, n)


cdef void lift_numbers(const Plan* g, Real* y, const Real* x, Real* scratch,
                       Py_ssize_t n) noexcept nogil:
    """PIECES elements at most, in a type that has all of them; `scratch` may be x."""
    cdef Real most = <Real> F_INF if g.kind == NORM else <Real> D_NAN   # a result as well
    cdef bint done = has_row(g)
    if done and lift_at_once(g, y, x, n):
        return
    if x != scratch:
        memcpy(scratch, x, n * sizeof(Real))
    lift_with_care(g, y, scratch, most, done, n)


cdef void lift_narrow(const Plan* g, double* y, const float* x, float* scratch,
                      Py_ssize_t n) noexcept nogil:
    """As `lift_numbers`, with exponentials in float32 that have all digits near 1."""
    if exps_wide(y, x, <float> g.p, <float> g.least, <float> g.greatest, n):
        return
    if x != scratch:
        memcpy(scratch, x, n * sizeof(float))
    lift_with_care(g, <float*> NULL, scratch, <float> D_NAN, True, n)


cdef void lift(const Plan* g, Real* y, const char* raw, Py_ssize_t n) noexcept nogil:
    """Elements of x, one after the other, as they are added up. y has slack for a block."""
    cdef Real x[1024 + 32]
    cdef float narrow[1024 + 32]
    cdef const char* numbers
    cdef Py_ssize_t part
    while n > 0:
        part = least(n, PIECES)
        numbers = raw
        if Real is double and has_narrow_exponentials(g):
            if g.x_type != FLOAT:
                convert(g, narrow, raw, part)
                numbers = <const char*> narrow
            lift_narrow(g, <double*> y, <const float*> numbers, narrow, part)
        else:
            if g.x_type != g.t_type:
                convert(g, x, raw, part)
                numbers = <const char*> x
            lift_numbers(g, y, <const Real*> numbers, x, part)
        y += part
        raw += part * g.x_size
        n -= part


cdef void lift_some(const Plan* g, Real* y, const char* raw, const uint8_t* flags,
                    Py_ssize_t n) noexcept nogil:
    """As `lift`, with 0 instead of what does not exist (see `keep`), in place of which something
    moderate is lifted."""
    cdef Real[1024 + 32] x
    cdef Real[1024 + 32] some
    cdef float narrow[1024 + 32]
    cdef Py_ssize_t part
    cdef Real moderate = 1 if g.kind == HARMONIC else 0
    while n > 0:
        part = least(n, PIECES)
        convert(g, x, raw, part)
        keep(some, x, flags, moderate, g.omit_nan, part)
        if Real is double and has_narrow_exponentials(g):
            to_floats(narrow, <const double*> some, part)
            lift_narrow(g, <double*> y, narrow, narrow, part)
        else:
            lift_numbers(g, y, some, some, part)
        keep_where(y, x, flags, g.omit_nan, part)
        y += part
        raw += part * g.x_size
        if flags != NULL:
            flags += part
        n -= part


cdef void to_floats(float* restrict y, const double* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> x[i]


cdef void keep_where(Real* restrict y, const Real* restrict x, const uint8_t* restrict flags,
                     bint numbers, Py_ssize_t n) noexcept nogil:
    """y where flags (NULL: all) are not 0 and, if `numbers`, x is no NaN; else 0."""
    cdef Py_ssize_t i
    cdef Real v
    for i in range(n if numbers else 0):
        y[i] = y[i] if x[i] == x[i] else <Real> 0
    for i in range(n if flags != NULL else 0):
        v = y[i]
        y[i] = v if flags[i] != 0 else <Real> 0


cdef void bring_back(const Plan* g, Real* z, Py_ssize_t n) noexcept nogil:
    """The results of sums or means, in scratch, which has slack behind them."""
    cdef Real y[1024 + 32]
    cdef Py_ssize_t i, part
    if Real is double:
        if has_narrow_exponentials(g):
            logs_wide(z, 1 / <double> <float> g.p, n)
            return
    while n > 0:
        part = least(n, PIECES)
        if g.kind == NORM and g.p == 3:
            cube_roots(y, z, part)
        elif g.kind == NORM:
            inverse_powers(y, z, g.p, part)
        elif g.kind == HARMONIC:
            reciprocals(y, z, part)
        elif g.kind == GEOMETRIC:
            exps(y, z, part)
        else:
            logs(y, z, part)
            for i in range(part):
                y[i] = y[i] / <Real> g.p
        memcpy(z, y, part * sizeof(Real))
        z += part
        n -= part


cdef inline bint is_given_up(const Plan* g) noexcept nogil:
    """Whether an element was found with which the call goes the other way."""
    return g.lifted and g.failures[0] & IMMODERATE


# --- factors --------------------------------------------------------------------------------------

cdef bint take_factors(double* restrict y, const Real* restrict x, Real lo, Real hi,
                       Py_ssize_t n) noexcept nogil:
    """Whether all elements, which are copied, are from lo to hi, 0, or NaN."""
    cdef Py_ssize_t i
    cdef int32_t found = 0
    cdef int64_t found_wide = 0
    for i in range(n):
        if Real is float:
            found |= ((x[i] < lo) | (x[i] > hi)) & (x[i] != 0)
        else:
            found_wide |= ((x[i] < lo) | (x[i] > hi)) & (x[i] != 0)
        y[i] = x[i]
    return not (found or found_wide)


cdef void lift_factors(const Plan* g, double* y, const char* raw, Py_ssize_t n) noexcept nogil:
    """Elements of x, as they are multiplied: doubles, the product of which neither overflows nor
    underflows."""
    cdef double x[1024]
    cdef Py_ssize_t part
    cdef bint fit
    while n > 0:
        part = least(n, PIECES)
        if g.x_type == FLOAT and not g.clamped:
            fit = take_factors(y, <const float*> raw, <float> g.least, <float> g.greatest, part)
        else:
            convert(g, x, raw, part)
            if g.clamped:
                clamp(x, g.low, part)
            fit = take_factors(y, x, g.least, g.greatest, part)
        if not fit:
            fail(g, IMMODERATE)
        y += part
        raw += part * g.x_size
        n -= part


cdef void roots(double* restrict y, const double* restrict x, double k, bint narrow,
                Py_ssize_t n) noexcept nogil:
    """All the k-th; narrow: with the digits of floats. Square roots are the fastest."""
    cdef Py_ssize_t i
    cdef double inverse = 1 / k
    n = UP(n, sizeof(double))
    if k == 1:
        memcpy(y, x, n * sizeof(double))
    elif k == 2:
        for i in range(n):
            y[i] = sqrt(x[i])
    elif k == 4:
        for i in range(n):
            y[i] = sqrt(sqrt(x[i]))
    elif k == 8:
        for i in range(n):
            y[i] = sqrt(sqrt(sqrt(x[i])))
    elif narrow:
        roots_narrow(y, x, inverse, n)
    else:
        roots_double(y, x, k, n)


cdef void take_roots(const Plan* g, double* z, const double* by, Py_ssize_t n) noexcept nogil:
    """Products, in scratch, become means, of `by` elements each; NULL: of as many as all windows
    have."""
    cdef double y[1024 + 32]
    cdef Py_ssize_t part
    cdef bint narrow = g.y_type != DOUBLE
    while n > 0:
        part = least(n, PIECES)
        if by == NULL:
            roots(y, z, constant_divisor(g), narrow, part)
        else:
            if narrow:
                roots_of_narrow(y, z, by, part)
            else:
                roots_of_double(y, z, by, part)
            by += part
        memcpy(z, y, part * sizeof(double))
        z += part
        n -= part


# --- weights that are exponentials ----------------------------------------------------------------

cdef bint weigh_row(Real* restrict products, Real* restrict weights, const Real* restrict x,
                    const Real* restrict logits, Real p, Real lo, Real hi, Real most,
                    Py_ssize_t n) noexcept nogil:
    """exp(p * logits), and that times x; whether `is_within` holds for x, with lo and hi, and for
    p * logits, with 0 and `most`."""
    cdef Py_ssize_t i
    cdef Real v, e
    cdef Range seen = unseen(), seen_logits = unseen()
    for i in range(n):
        v = logits[i] * p
        look_at(&seen_logits, v, <Real> 0, most)
        look_at(&seen, x[i], lo, hi)
        e = exp_moderate(v)
        weights[i] = e
        products[i] = e * x[i]
    return is_within(&seen, lo, hi) and is_within(&seen_logits, <Real> 0, most)


cdef bint square_row(Real* restrict products, Real* restrict weights, const Real* restrict x,
                     Real lo, Real hi, Py_ssize_t n) noexcept nogil:
    """x where it is above 0, else 0, and the squares of that; whether `is_within` holds for x."""
    cdef Py_ssize_t i
    cdef Real r
    cdef Range seen = unseen()
    for i in range(n):
        look_at(&seen, x[i], lo, hi)
        r = <Real> 0 if x[i] < 0 else x[i]
        weights[i] = r
        products[i] = r * r
    return is_within(&seen, lo, hi)


cdef void weigh_piece(const Plan* g, Real* products, Real* weights, const Real* x,
                      const Real* logits, Py_ssize_t n) noexcept nogil:
    """PIECES elements at most. No sum may overflow, and no product lose digits; if logits are
    elements, small ones do not. What is not within the bounds may be NaN or, as an element with a
    weight of its own, infinite."""
    cdef Real scaled[1024]
    cdef Real lo = <Real> g.least, hi = <Real> g.greatest, p = <Real> g.p
    cdef Py_ssize_t i
    if g.kind == EXPECTED:
        if not square_row(products, weights, x, lo, hi, n):
            if not is_moderate(x, lo, hi, <Real> D_NAN, n):
                fail(g, IMMODERATE)
        return
    # Weights of elements by themselves have exponents of 2 up to 72 or 649.
    if g.kind == SOFT:
        lo, hi = 0, <Real> (2.0 ** 43 if Real is float else 2.0 ** 330)
    else:
        hi = <Real> (2.0 ** 70 if Real is float else 2.0 ** 500)
        lo = 1 / hi
    if weigh_row(products, weights, x, logits, p, lo, hi, <Real> g.greatest, n):
        return
    for i in range(n):
        scaled[i] = logits[i] * p
    if not (is_moderate(x, lo, hi, <Real> F_INF, n)
            and is_moderate(scaled, <Real> 0, <Real> g.greatest, <Real> D_NAN, n)):
        fail(g, IMMODERATE)


cdef void make_weights(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, Real tag) noexcept nogil:
    """Items are pieces of contiguous arrays of `window` elements: x, logits at q, products to y,
    weights to gx."""
    cdef Py_ssize_t item, at
    for item in range(lo, hi):
        at = item * PIECES
        weigh_piece(g, <Real*> g.y + at, <Real*> g.gx + at, <const Real*> g.x + at,
                    <const Real*> g.q + at, least(PIECES, g.window - at))


# --- slopes ---------------------------------------------------------------------------------------
# The slope of a mean in an element is a product: what the window has to give, its share, and what
# the element makes of it. So shares are added up over the windows of each element, as the pullback
# of a sum does it, and then multiplied. Formulas: docs/backward/norms.rst. Numbers of another size
# than they may have, and NaNs, go the other way, as elements do.

cdef bint are_moderate(const Real* x, Py_ssize_t n) noexcept nogil:
    """Whether all are 0, or neither they nor a product of two is too large or too small."""
    cdef Py_ssize_t i
    cdef Real a, hi = <Real> (2.0 ** 60 if Real is float else 2.0 ** 450), lo = 1 / hi
    cdef int32_t fine = 1
    cdef int64_t fine_wide = 1
    for i in range(n):
        if Real is float:
            a = fabsf(x[i])
            fine &= ((a >= lo) & (a <= hi)) | (a == 0)
        else:
            a = fabs(x[i])
            fine_wide &= ((a >= lo) & (a <= hi)) | (a == 0)
    return fine and fine_wide


cdef bint share_piece(const Plan* g, Real* share, const Real* y, Py_ssize_t n) noexcept nogil:
    """Gradients become shares; y: values of norms and means, or sums of exponentials."""
    cdef Py_ssize_t i
    cdef Real[1024 + 32] copy
    cdef Real[1024 + 32] power
    cdef Real v
    if g.kind == NORM:
        memcpy(copy, y, n * sizeof(Real))
        for i in range(n, UP(n, sizeof(Real))):
            copy[i] = 1
        powers(power, copy, g.p - 1, n)
        for i in range(n):
            v = share[i] / power[i]
            share[i] = <Real> 0 if y[i] == 0 else v
    elif g.kind == HARMONIC:
        for i in range(n):
            share[i] = share[i] * (y[i] * y[i])
    elif g.kind == GEOMETRIC:
        for i in range(n):
            share[i] = share[i] * y[i]
    else:
        for i in range(n):
            share[i] = share[i] / y[i]
    return are_moderate(share, n)


cdef void slopes_of_powers(Real* restrict slope, const Real* restrict power,
                           const Real* restrict x, Real low, Py_ssize_t n) noexcept nogil:
    """Powers of sizes, with their signs; those of elements that are not above `low` are 0."""
    cdef Py_ssize_t i
    cdef Real v
    for i in range(n):
        v = -power[i] if x[i] < 0 else power[i]
        v = <Real> 0 if x[i] == 0 else v
        slope[i] = v if x[i] > low else <Real> 0


cdef void slopes_of_inverses(Real* restrict slope, const Real* restrict x, bint squared,
                             Real low, Py_ssize_t n) noexcept nogil:
    """0 of what became `low`, the least; nothing is below a NaN."""
    cdef Py_ssize_t i
    cdef Real v
    for i in range(n):
        v = 1 / (x[i] * x[i] if squared else x[i])
        v = <Real> 0 if x[i] == 0 else v
        slope[i] = <Real> 0 if x[i] <= low else v


cdef void multiply_above(Real* restrict gx, const Real* restrict x, Real low,
                         Py_ssize_t n) noexcept nogil:
    """Times elements, which are the slopes of their squares, or 0 if they are not above `low`."""
    cdef Py_ssize_t i
    cdef Real v
    for i in range(n):
        v = x[i]
        gx[i] = gx[i] * (v if v > low else <Real> 0)


cdef bint multiply_piece(const Plan* g, Real* gx, const Real* x, Py_ssize_t n) noexcept nogil:
    """Sums of shares, times what elements make of them."""
    cdef Py_ssize_t i
    cdef Real[1024 + 32] copy
    cdef Real[1024 + 32] power
    cdef Real[1024] slope
    if g.kind == NORM and g.p == 2:
        multiply_above(gx, x, <Real> (g.low if g.clamped else -F_INF), n)
        return are_moderate(x, n)
    if g.kind == NORM:
        sizes_of_some(copy, x, n)
        powers(power, copy, g.p - 1, n)
        slopes_of_powers(slope, power, x, <Real> (g.low if g.clamped else -F_INF), n)
    else:
        slopes_of_inverses(slope, x, g.kind == HARMONIC, <Real> (g.low if g.clamped else D_NAN), n)
    for i in range(n):
        gx[i] = gx[i] * slope[i]
    return are_moderate(slope, n) and are_moderate(x, n)


cdef void sizes_of_some(Real* y, const Real* x, Py_ssize_t n) noexcept nogil:
    """Of n elements, behind which nothing may be read."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = fabsf(x[i]) if Real is float else fabs(x[i])
    for i in range(n, UP(n, sizeof(Real))):
        y[i] = 1


cdef bint multiply_exponentials(Real* restrict gx, const Real* restrict x,
                                const Real* restrict weights, const Real* restrict moved, Real p,
                                Py_ssize_t n) noexcept nogil:
    """Sums of shares times weights; moved: sums of shares times values, where these move with the
    weights, or NULL. Whether no weight is NaN: one that no window reads has no gradient."""
    cdef Py_ssize_t i
    cdef int32_t nans = 0
    cdef int64_t nans_wide = 0
    for i in range(n):
        if Real is float:
            nans |= weights[i] != weights[i]
        else:
            nans_wide |= weights[i] != weights[i]
    if moved == NULL:
        for i in range(n):
            gx[i] = gx[i] * weights[i]
    else:
        for i in range(n):
            gx[i] = weights[i] * (gx[i] + p * (x[i] * gx[i] - moved[i]))
    return not (nans or nans_wide)


cdef void make_slopes(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, Real tag) noexcept nogil:
    """Items are pieces of contiguous arrays of `window` elements. SHARES_OF: values x, gradients y.
    SLOPES_OF: elements x, sums of shares y, and for exponentials weights gx, `moved` q."""
    cdef const Real* moved = <const Real*> g.q
    cdef Py_ssize_t item, at, n
    cdef bint fine = True
    for item in range(lo, hi):
        at = item * PIECES
        n = least(PIECES, g.window - at)
        if g.task == SHARES_OF:
            fine = share_piece(g, <Real*> g.y + at, <const Real*> g.x + at, n)
        elif g.gx != NULL:
            fine = multiply_exponentials(
                <Real*> g.y + at, <const Real*> g.x + at, <const Real*> g.gx + at,
                moved + at if moved != NULL else NULL, <Real> g.p, n)
        else:
            fine = multiply_piece(g, <Real*> g.y + at, <const Real*> g.x + at, n)
        if not fine:
            fail(g, IMMODERATE)


# --- squares --------------------------------------------------------------------------------------

cdef void add_squares(double* restrict y, const float* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = y[i] + <double> x[i] * x[i]


cdef double sum_of_squares(const float* x, Py_ssize_t n) noexcept nogil:
    """In eight sums, so that the order of additions is the same for any length of vectors."""
    cdef double part[8]
    cdef Py_ssize_t i = 0, k
    for k in range(8):
        part[k] = 0
    while i + 8 <= n:
        for k in range(8):
            part[k] = part[k] + <double> x[i + k] * x[i + k]
        i += 8
    for k in range(n - i):
        part[k] = part[k] + <double> x[i + k] * x[i + k]
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]))


cdef void add_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """Items are arrays D x H x W x inner, one behind the other: squares are added up over D, inner,
    and rows of H that are `stride` apart. Those of floats are exact, and none is too large."""
    cdef Py_ssize_t item, d, h, w, rows = g.axis[1].n, n = g.axis[2].n
    cdef Py_ssize_t step = g.axis[1].stride, kept = least(step, rows)
    cdef const float* x = <const float*> g.x + lo * g.axis[0].n * rows * n * g.inner
    cdef double* y
    for item in range(lo, hi):
        y = <double*> g.y + item * kept * n
        fill(y, kept * n, <double> 0)
        for d in range(g.axis[0].n):
            for h in range(rows):
                y = <double*> g.y + (item * kept + h % step) * n
                if g.inner == 1:
                    add_squares(y, x, n)
                for w in range(n if g.inner > 1 else 0):
                    y[w] = y[w] + sum_of_squares(x + w * g.inner, g.inner)
                x += n * g.inner
