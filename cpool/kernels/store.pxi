# Store: a row of folded values -> a row of the result. Divisors, empty windows, conversion,
# rounding, saturation and strides end here.

cdef extern from *:
    """
    /* v / n rounded to nearest, ties to even, exactly; n != 0. */
    static inline cpool_huge cpool_round_divide(cpool_huge v, cpool_huge n) {
        cpool_huge q, r, twice;
        if (n < 0) { v = -v; n = -n; }
        if ((int64_t)v == v && (int64_t)n == n) {  /* one instruction instead of a call */
            q = (int64_t)v / (int64_t)n; r = (int64_t)v % (int64_t)n;
        } else {
            q = v / n; r = v % n;
        }
        if (r < 0) { r += n; q -= 1; }
        twice = 2 * r;
        return q + (twice > n || (twice == n && (q & 1)));
    }
    /* libgcc's conversion of 128 bits took up to 200 ns on Emerald Rapids. */
    static inline double cpool_double_of_huge(cpool_huge v) {
        return (int64_t)v == v ? (double)(int64_t)v : (double)v;
    }
    /* Nearest integer, ties to even: adding 1.5 * 2**52 rounds what is smaller than 2**51. */
    static inline double cpool_round_small(double v) { return (v + 0x1.8p52) - 0x1.8p52; }
    static inline double cpool_rint(double v) {
        return fabs(v) < 0x1p51 ? cpool_round_small(v) : rint(v);
    }
    static inline float cpool_round_float(float v) { return (v + 0x1.8p23f) - 0x1.8p23f; }
    /* Of moderate size: neither v nor 1 / v is subnormal, in single precision either. */
    static inline int cpool_is_power_of_two(double v) {
        int exponent;
        return fabs(frexp(v, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
    }
    static inline void cpool_add_bits(int *to, int bits) {
        __atomic_fetch_or(to, bits, __ATOMIC_RELAXED);
    }
    """
    void add_bits "cpool_add_bits"(int* to, int bits) noexcept nogil
    huge round_divide "cpool_round_divide"(huge v, huge n) noexcept nogil
    double double_of_huge "cpool_double_of_huge"(huge v) noexcept nogil
    double nearest "cpool_rint"(double v) noexcept nogil
    double round_small "cpool_round_small"(double v) noexcept nogil
    float round_float "cpool_round_float"(float v) noexcept nogil
    double fabs(double v) noexcept nogil
    bint is_power_of_two "cpool_is_power_of_two"(double v) noexcept nogil
    const double D_NAN "((double)NAN)"
    const double TWO_63 "0x1p63"
    const double TWO_64 "0x1p64"


cdef inline void fail(const Plan* g, int what) noexcept nogil:
    add_bits(g.failures, what)      # of all threads: what is reported depends on none of them


cdef void scatter_plain(char* y, const char* raw, Py_ssize_t n, Py_ssize_t stride,
                        int size) noexcept nogil:
    """Contiguous elements to places `stride` bytes apart."""
    move_elements(y, stride, raw, size, n, size)


cdef void scatter_row(const Plan* g, const Tile* t, Py_ssize_t h, char* base, const char* raw,
                      const Py_ssize_t* strides, int size) noexcept nogil:
    """Contiguous elements to row h of the result's tile, whatever its strides."""
    cdef Py_ssize_t w, nw = t.w1 - t.w0
    base += (t.d * strides[0] + h * strides[1] + t.w0 * strides[2] + t.c0 * strides[3])
    if is_contiguous(strides, nw, t.nc, size):
        memcpy(base, raw, nw * t.nc * size)
        return
    if t.nc == 1:
        scatter_plain(base, raw, nw, strides[2], size)
        return
    for w in range(nw):
        scatter_plain(base + w * strides[2], raw + w * t.nc * size, t.nc, strides[3], size)


# --- divisors of means ----------------------------------------------------------------------------

cdef void divisors(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, double* y,
                   const int32_t* counts) noexcept nogil:
    """What each element of row h is divided by: the size of its window, or what exists of that and
    the padding."""
    cdef Py_ssize_t w, nc = t.nc, n = t.w1 - t.w0
    cdef const Axis* a = &g.axis[0]
    cdef double plane, existing
    if g.divisor != 0:
        fill(y, n * nc, g.divisor)
        return
    if counts != NULL and divisor_is_constant(g) and existing_is_constant(g):
        add_counts(y, counts, constant_padding(g), n * nc)
        return
    plane = ((a[0].size[d] if a[0].size != NULL else a[0].size0) *
             (a[1].size[h] if a[1].size != NULL else a[1].size0))
    existing = ((a[0].exist[d] if a[0].exist != NULL else a[0].exist0) *
                (a[1].exist[h] if a[1].exist != NULL else a[1].exist0))
    fill(y, n, <double> 0)
    add_sizes(y, a[2].size, a[2].size0, plane, t.w0, n)
    if counts != NULL:
        add_sizes(y, a[2].exist, a[2].exist0, -existing, t.w0, n)
    over_channels(y, counts, n, nc)


cdef void add_sizes(double* restrict y, const double* size, double same, double plane,
                    Py_ssize_t first, Py_ssize_t n) noexcept nogil:
    """`plane` times the sizes of n windows along an axis; NULL: all have the same."""
    cdef Py_ssize_t w
    if size == NULL:
        for w in range(n):
            y[w] = y[w] + plane * same
    else:
        for w in range(n):
            y[w] = y[w] + plane * size[first + w]


cdef void over_channels(double* y, const int32_t* counts, Py_ssize_t n,
                        Py_ssize_t nc) noexcept nogil:
    """A number for each of n windows becomes one for each of their channels, with the counts (NULL:
    none) added: in place, from the last window on."""
    cdef Py_ssize_t w
    if nc == 1 and counts != NULL:
        for w in range(n):
            y[w] = y[w] + counts[w]
    w = n if nc > 1 else 0
    while w > 0:
        w -= 1
        if counts == NULL:
            fill(y + w * nc, nc, y[w])
        else:
            add_counts(y + w * nc, counts + w * nc, y[w], nc)


cdef void add_counts(double* restrict y, const int32_t* restrict counts, double padding,
                     Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = counts[i] + padding


cdef inline bint existing_is_constant(const Plan* g) noexcept nogil:
    return g.axis[0].exist == NULL and g.axis[1].exist == NULL and g.axis[2].exist == NULL


cdef inline double constant_padding(const Plan* g) noexcept nogil:
    """How much of what a mean is divided by is padding, if that is the same for all windows."""
    return (g.axis[0].size0 * g.axis[1].size0 * g.axis[2].size0
            - g.axis[0].exist0 * g.axis[1].exist0 * g.axis[2].exist0)


cdef void divide(T* restrict z, const double* restrict by, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        z[i] = z[i] / <T> by[i]


cdef void scale(T* restrict z, T by, Py_ssize_t n) noexcept nogil:
    """z / by; a power of two has an exact reciprocal, and a product is several times faster."""
    cdef Py_ssize_t i
    cdef T factor = 1 / by
    if is_power_of_two(by):
        for i in range(n):
            z[i] = z[i] * factor
    else:
        for i in range(n):
            z[i] = z[i] / by


# --- conversion -----------------------------------------------------------------------------------

cdef bint cast_double(S* restrict y, const double* restrict x, Py_ssize_t n) noexcept nogil:
    """Rounded half to even and saturated; whether there was a NaN that S has no word for."""
    cdef Py_ssize_t i
    cdef double v, lo, hi
    cdef bint bad = False
    if S is float or S is double:
        for i in range(n):
            y[i] = <S> x[i]
        return False
    elif S is int64_t or S is uint64_t:
        for i in range(n):
            v = nearest(x[i])
            bad |= v != v
            if S is int64_t:
                y[i] = INT64_MAX if v >= TWO_63 else INT64_MIN if not v > -TWO_63 else <S> v
            else:
                y[i] = UINT64_MAX if v >= TWO_64 else 0 if not v > 0 else <S> v
        return bad
    else:
        lo = <double> limit_low(<S> 0)
        hi = <double> limit_high(<S> 0)
        for i in range(n):
            v = x[i]
            bad |= v != v
            v = v if v < hi else hi
            v = v if v > lo else lo
            if S is uint32_t:
                y[i] = <S> <int64_t> round_small(v)
            else:
                y[i] = <S> <int32_t> round_small(v)
        return bad


cdef inline S limit_low(S tag) noexcept nogil:
    if S is int8_t:
        return INT8_MIN
    elif S is int16_t:
        return INT16_MIN
    elif S is int32_t:
        return INT32_MIN
    elif S is int64_t:
        return INT64_MIN
    else:
        return 0


cdef inline S limit_high(S tag) noexcept nogil:
    if S is int8_t:
        return INT8_MAX
    elif S is int16_t:
        return INT16_MAX
    elif S is int32_t:
        return INT32_MAX
    elif S is int64_t:
        return INT64_MAX
    elif S is uint8_t:
        return UINT8_MAX
    elif S is uint16_t:
        return UINT16_MAX
    elif S is uint32_t:
        return UINT32_MAX
    elif S is uint64_t:
        return UINT64_MAX
    else:
        return 0


cdef void cast_huge(S* restrict y, const huge* restrict x, Py_ssize_t n) noexcept nogil:
    """Integers to integers, saturated."""
    cdef Py_ssize_t i
    cdef huge lo = <huge> limit_low(<S> 0), hi = <huge> limit_high(<S> 0), v
    for i in range(n):
        v = x[i]
        v = v if v < hi else hi
        v = v if v > lo else lo
        y[i] = <S> v


cdef void from_double(const Plan* g, char* y, const double* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint bad = False
    if g.y_type == DOUBLE:
        memcpy(y, x, n * sizeof(double))
    elif g.y_type == FLOAT:
        cast_double(<float*> y, x, n)
    elif g.y_type == HALF:
        for i in range(n):
            (<uint16_t*> y)[i] = float_to_half(round_to_odd(x[i]))
    elif g.y_type == BFLOAT:
        for i in range(n):
            (<uint16_t*> y)[i] = float_to_bfloat(round_to_odd(x[i]))
    elif g.y_type == BOOL:
        bad = cast_double(<uint8_t*> y, x, n)
        for i in range(n):
            y[i] = (<uint8_t*> y)[i] != 0
    elif g.y_type == INT8:
        bad = cast_double(<int8_t*> y, x, n)
    elif g.y_type == UINT8:
        bad = cast_double(<uint8_t*> y, x, n)
    elif g.y_type == INT16:
        bad = cast_double(<int16_t*> y, x, n)
    elif g.y_type == UINT16:
        bad = cast_double(<uint16_t*> y, x, n)
    elif g.y_type == INT32:
        bad = cast_double(<int32_t*> y, x, n)
    elif g.y_type == UINT32:
        bad = cast_double(<uint32_t*> y, x, n)
    elif g.y_type == INT64:
        bad = cast_double(<int64_t*> y, x, n)
    else:
        bad = cast_double(<uint64_t*> y, x, n)
    if bad:
        fail(g, NAN_TO_INTEGER)


cdef void from_huge(const Plan* g, char* y, const huge* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if g.y_type == BOOL:
        for i in range(n):
            y[i] = x[i] > 0
    elif g.y_type == INT8:
        cast_huge(<int8_t*> y, x, n)
    elif g.y_type == UINT8:
        cast_huge(<uint8_t*> y, x, n)
    elif g.y_type == INT16:
        cast_huge(<int16_t*> y, x, n)
    elif g.y_type == UINT16:
        cast_huge(<uint16_t*> y, x, n)
    elif g.y_type == INT32:
        cast_huge(<int32_t*> y, x, n)
    elif g.y_type == UINT32:
        cast_huge(<uint32_t*> y, x, n)
    elif g.y_type == INT64:
        cast_huge(<int64_t*> y, x, n)
    else:
        cast_huge(<uint64_t*> y, x, n)


cdef inline bint is_floating(int kind) noexcept nogil:
    return kind == HALF or kind == BFLOAT or kind == FLOAT or kind == DOUBLE


cdef void from_float(const Plan* g, char* y, const T* z, Py_ssize_t n, double* wide) noexcept nogil:
    """A row of floats, finished, in the result's type."""
    cdef Py_ssize_t i
    if T is float:
        if g.y_type == FLOAT:
            memcpy(y, z, n * sizeof(float))
            return
        elif g.y_type == HALF:
            floats_to_halves(<uint16_t*> y, z, n)
            return
        elif g.y_type == BFLOAT:
            for i in range(n):
                (<uint16_t*> y)[i] = float_to_bfloat(z[i])
            return
    if T is double:
        from_double(g, y, z, n)
    else:
        for i in range(n):
            wide[i] = <double> z[i]
        from_double(g, y, wide, n)


cdef void finish_float(const Plan* g, char* y, T* z, Py_ssize_t n, const double* by,
                       const int32_t* counts, double* wide, Op op) noexcept nogil:
    cdef Py_ssize_t i
    cdef T none
    # Where the last fold has divided them already, the operation says so.
    if Op is ProductOp and T is double:
        take_roots(g, z, by, n)
    elif g.mean and not g.transposed and Op is not DivideOp:
        if by == NULL:
            scale(z, <T> constant_divisor(g), n)
        else:
            divide(z, by, n)
    if Op is AddOp and (T is float or T is double):
        if g.lifted:
            bring_back(g, z, n)
    if counts != NULL and (g.mean or Op is not AddOp):
        none = <T> D_NAN
        for i in range(n):
            z[i] = z[i] if counts[i] > 0 else none
    from_float(g, y, z, n, wide)


cdef void quotients(const Plan* g, double* restrict wide, const T* restrict z,
                    const double* restrict by, Py_ssize_t n) noexcept nogil:
    """What is to be rounded: sums divided (by: NULL if all are divided by the same), or values."""
    cdef Py_ssize_t i
    cdef bint is_signed = not is_unsigned(g.x_type)
    for i in range(n):
        if T is uint64_t:
            wide[i] = <double> <int64_t> z[i] if is_signed else <double> z[i]
        elif T is huge:
            wide[i] = double_of_huge(z[i])
        else:
            wide[i] = <double> z[i]
    if by != NULL:
        divide(wide, by, n)
    elif g.mean:
        scale(wide, constant_divisor(g), n)


ctypedef fused Narrow:
    int8_t
    uint8_t
    int16_t
    uint16_t

ctypedef fused Total:
    int16_t
    int32_t


cdef void round_shift(Narrow* restrict y, const Total* restrict z, int shift,
                      Py_ssize_t n) noexcept nogil:
    """z / 2**shift, rounded half to even and saturated. 0 < shift < 10: a sum of 127 elements of 8
    bits, and half of 2**shift, are together less than 2**15."""
    cdef Py_ssize_t i
    cdef Total v, half = <Total> ((1 << (shift - 1)) - 1)
    cdef int32_t q, lo = limit_low(<Narrow> 0), hi = limit_high(<Narrow> 0)
    for i in range(n):
        v = z[i]
        v = <Total> (<Total> (v + half + ((v >> shift) & 1)) >> shift)
        q = v
        q = q if q < hi else hi
        q = q if q > lo else lo
        y[i] = <Narrow> q


cdef void round_multiple(Narrow* restrict y, const int16_t* restrict z, uint16_t by,
                         uint16_t factor, Py_ssize_t n) noexcept nogil:
    """z / by, rounded half to even, in 16 bits (see Plan.factor). Signed sums are moved up by 128
    for each element, which is even, so that all are positive."""
    cdef Py_ssize_t i
    cdef uint16_t v, q, back, half, none = 0
    cdef uint16_t up = by // 2, odd = 1 - by % 2, down = 0
    if Narrow is int8_t:
        up = <uint16_t> (up + 128 * by)
        down = 128
    for i in range(n):
        v = <uint16_t> (z[i] + up)
        q = <uint16_t> ((<uint32_t> v * <uint32_t> factor) >> 16)
        back = <uint16_t> (q * by)
        half = <uint16_t> (q & odd)
        half = half if back == v else none      # it was rounded up
        y[i] = <Narrow> (q - half - down)


cdef void round_product(Narrow* restrict y, const int32_t* restrict z, float by,
                        Py_ssize_t n) noexcept nogil:
    """z / by, rounded to nearest: by is odd and less than 64, so that a quotient of 16 bits is no
    half and farther from one than a float's product is wrong."""
    cdef Py_ssize_t i
    cdef float factor = 1 / by
    for i in range(n):
        y[i] = <Narrow> <int32_t> round_float(<float> z[i] * factor)


cdef inline bint is_product(const Plan* g, double by) noexcept nogil:
    cdef double taps = <double> g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    return g.x_type == g.y_type and taps <= by and by < 64 and <int> by == by and <int> by % 2 == 1


cdef void round_quotient(Narrow* restrict y, const Total* restrict z, float by,
                         Py_ssize_t n) noexcept nogil:
    """z / by, rounded half to even and saturated. |z| < 2**23, |by| > 1: a float's quotient is then
    on the right side of every half, and adding 1.5 * 2**23 rounds it."""
    cdef Py_ssize_t i
    cdef float v
    cdef int32_t q, lo = limit_low(<Narrow> 0), hi = limit_high(<Narrow> 0)
    for i in range(n):
        v = <float> z[i] / by
        q = <int32_t> round_float(v)
        q = q if q < hi else hi
        q = q if q > lo else lo
        y[i] = <Narrow> q


cdef void mean_narrow(const Plan* g, Narrow* y, const Total* z, Py_ssize_t n) noexcept nogil:
    cdef double by = constant_divisor(g)
    cdef int shift = 0
    if Total is int16_t and (Narrow is int8_t or Narrow is uint8_t):
        if g.factor != 0:
            round_multiple(y, z, <uint16_t> by, g.factor, n)
            return
    if Total is int32_t and (Narrow is int16_t or Narrow is uint16_t):
        if is_product(g, by):
            round_product(y, z, <float> by, n)
            return
    if is_power_of_two(by) and by > 1 and by < 1024:
        while (1 << shift) < by:
            shift += 1
        round_shift(y, z, shift, n)
    else:
        round_quotient(y, z, <float> by, n)


cdef inline bint is_narrow_mean(const Plan* g, const double* by,
                                const int32_t* counts) noexcept nogil:
    """Means of few 8- or 16-bit integers as such integers, all divided by the same."""
    cdef double taps = <double> g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    return (g.mean and by == NULL and counts == NULL and g.x_size <= 2 and taps < 128
            and fabs(constant_divisor(g)) > 1
            and (g.y_type == INT8 or g.y_type == UINT8 or g.y_type == INT16
                 or g.y_type == UINT16))


cdef void shorten(Narrow* restrict y, const int32_t* restrict z, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <Narrow> z[i]


cdef void narrowed(const Plan* g, char* y, const int32_t* z, Py_ssize_t n) noexcept nogil:
    """8- and 16-bit integers that were selected from as 32-bit ones."""
    if g.y_type == INT8:
        shorten(<int8_t*> y, z, n)
    elif g.y_type == INT16:
        shorten(<int16_t*> y, z, n)
    elif g.y_type == UINT16:
        shorten(<uint16_t*> y, z, n)
    else:
        shorten(<uint8_t*> y, z, n)


cdef void unkey(int16_t* restrict y, const int16_t* restrict z, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = key_to_bits(z[i])


cdef bint are_divisible(const Plan* g, const T* z, Py_ssize_t n) noexcept nogil:
    """Whether sums are less than 2**52. Then a quotient by an integer that is not half an odd
    integer is further from one than rounding in double precision can move it."""
    cdef Py_ssize_t i
    cdef uint64_t bits = 0
    cdef uint64_t least_sum = <uint64_t> 0 if is_unsigned(g.x_type) else <uint64_t> 1 << 52
    cdef bint large = False
    if T is uint64_t:
        for i in range(n):
            bits |= z[i] + least_sum
        return bits >> (52 if least_sum == 0 else 53) == 0
    elif T is huge:
        for i in range(n):
            large |= (z[i] + (<huge> 1 << 52)) >> 53 != 0
        return not large
    else:
        return True


cdef void finish_integer(const Plan* g, char* y, T* z, Py_ssize_t n, const double* by,
                         const int32_t* counts, double* wide, Op op) noexcept nogil:
    cdef Py_ssize_t i
    cdef huge* exact = <huge*> wide
    cdef bint empty = False
    if T is int16_t:
        if g.keyed:
            unkey(<int16_t*> y, z, n)
            return
    if (T is int16_t or T is int32_t) and Op is AddOp:
        if is_narrow_mean(g, by, counts):
            if g.y_type == INT8:
                mean_narrow(g, <int8_t*> y, z, n)
            elif g.y_type == UINT8:
                mean_narrow(g, <uint8_t*> y, z, n)
            elif g.y_type == INT16:
                mean_narrow(g, <int16_t*> y, z, n)
            else:
                mean_narrow(g, <uint16_t*> y, z, n)
            return
        if not g.mean and g.y_type == (UINT64 if is_unsigned(g.x_type) and g.x_type != BOOL
                                       else INT64):
            widen(<int64_t*> y, z, n)
            return
    if counts != NULL and (g.mean or Op is not AddOp):
        for i in range(n):
            empty |= counts[i] == 0
        if empty and not is_floating(g.y_type):
            fail(g, EMPTY_WINDOW)
            return
    if T is int32_t and Op is not AddOp:
        if g.y_type == g.x_type and g.y_size < 4:
            narrowed(g, y, z, n)
            return
    if is_floating(g.y_type) or g.mean and are_divisible(g, z, n):
        if g.y_type == DOUBLE and not empty:
            quotients(g, <double*> y, z, by, n)
            return
        quotients(g, wide, z, by, n)
        if empty:
            for i in range(n):
                wide[i] = wide[i] if counts[i] > 0 else D_NAN
        from_double(g, y, wide, n)
        return
    for i in range(n):
        exact[i] = signed_huge(g, z[i])
    if g.mean:
        for i in range(n):
            exact[i] = round_divide(exact[i],
                                    <huge> (constant_divisor(g) if by == NULL else by[i]))
    from_huge(g, y, exact, n)


cdef inline huge signed_huge(const Plan* g, T v) noexcept nogil:
    """Sums of integers are kept modulo 2**64 in an unsigned type; this gives them their sign."""
    if T is uint64_t:
        return <huge> v if is_unsigned(g.x_type) else <huge> <int64_t> v
    else:
        return <huge> v


cdef inline bint is_unsigned(int kind) noexcept nogil:
    return (kind == UINT64 or kind == UINT32 or kind == UINT16 or kind == UINT8 or kind == BOOL)


cdef void finish(const Plan* g, char* y, T* z, Py_ssize_t n, const double* by,
                 const int32_t* counts, char* wide, Op op) noexcept nogil:
    """n folded values -> the result's: divided, in its type, NaN where nothing exists.

    by: what each is divided by; NULL: all by constant_divisor, if at all. counts: existing elements
    of each; NULL: enough. y is aligned, wide has 16 bytes for each. z may be overwritten."""
    if g.y_plain and counts == NULL:
        memcpy(y, z, n * g.y_size)
    elif T is float or T is double:
        finish_float(g, y, z, n, by, counts, <double*> wide, op)
    else:
        finish_integer(g, y, z, n, by, counts, <double*> wide, op)


cdef void store(const Plan* g, const Tile* t, Py_ssize_t h, T* z, const int32_t* counts, char* s,
                Op op) noexcept nogil:
    """A row of folded values, finished, to row h of the result. z may be overwritten."""
    cdef double* by = NULL
    cdef char* raw = s + g.raw_at
    cdef char* y = target(g, t) + (h - t.h0) * g.ys[1]
    cdef Py_ssize_t nw = t.w1 - t.w0
    if g.y_plain and counts == NULL:
        scatter_row(g, t, h, t.y, <char*> z, g.ys, g.y_size)
        return
    if g.mean and not g.transposed and (counts != NULL or not divisor_is_constant(g)):
        by = <double*> (s + g.wide_at) + 2 * g.row
        divisors(g, t, t.d, h, by, counts)
    if is_contiguous(g.ys, nw, t.nc, g.y_size) and <size_t> y % g.y_size == 0:
        finish(g, y, z, nw * t.nc, by, counts, s + g.wide_at, op)
        return
    finish(g, raw, z, nw * t.nc, by, counts, s + g.wide_at, op)
    scatter_row(g, t, h, t.y, raw, g.ys, g.y_size)


cdef void store_column(const Plan* g, T* z, Py_ssize_t n, char* y, char* s,
                       Op op) noexcept nogil:
    """n values to as many rows of the result, one to each."""
    cdef Py_ssize_t i
    cdef char* raw = s + g.raw_at
    finish(g, raw, z, n, NULL, NULL, s + g.wide_at, op)
    if g.ys[1] == g.y_size:
        memcpy(y, raw, n * g.y_size)
        return
    for i in range(n):
        memcpy(y + i * g.ys[1], raw + i * g.y_size, g.y_size)


cdef inline void scale_straight(const Plan* g, T* y, Py_ssize_t n) noexcept nogil:
    """Sums that were written to the result become means."""
    if T is float or T is double:
        if g.y_scaled:
            scale(y, <T> constant_divisor(g), n)
