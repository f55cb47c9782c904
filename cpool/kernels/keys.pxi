# Keys: an element of any type as an integer of its size, in the same order, so that four types
# serve all. A NaN of either sign is the greatest key, +0.0 and -0.0 are one. What does not exist is
# the greatest key too: it comes behind all that does, and counts tell it from an element.

cdef inline K greatest_key(K tag) noexcept nogil:
    cdef MinOp smallest
    smallest.tag = 0
    return identity(smallest, tag)


cdef inline K least_key(K tag) noexcept nogil:
    cdef MaxOp greatest
    greatest.tag = 0
    return identity(greatest, tag)


cdef void keys_of_floats(K* restrict y, const K* restrict x, K infinity,
                         Py_ssize_t n) noexcept nogil:
    """A negative number's magnitude is turned round; -0.0, which becomes -1, is 0."""
    cdef Py_ssize_t i
    cdef K h, v, zero = 0, most = greatest_key(zero)
    for i in range(n):
        h = x[i]
        v = h ^ ((h >> (8 * sizeof(K) - 1)) & most)
        v = zero if v == -1 else v
        y[i] = most if (h & most) > infinity else v


cdef void floats_of_keys(K* restrict y, const K* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef K most = greatest_key(<K> 0)
    for i in range(n):
        y[i] = x[i] ^ ((x[i] >> (8 * sizeof(K) - 1)) & most)


cdef void flip(K* restrict y, const K* restrict x, Py_ssize_t n) noexcept nogil:
    """Numbers with a sign to those without, and back: the upper bit is turned round."""
    cdef Py_ssize_t i
    cdef K upper = <K> (<uint64_t> 1 << (8 * sizeof(K) - 1))
    for i in range(n):
        y[i] = x[i] ^ upper


cdef inline K infinity_of(const Plan* g, K tag) noexcept nogil:
    """The magnitude beyond which there are NaNs."""
    if K is int16_t:
        return infinity_of_16(g)
    elif K is int32_t:
        return 0x7f800000
    elif K is int64_t:
        return 0x7ff0000000000000
    else:
        return 0


cdef inline bint is_flipped(const Plan* g, K tag) noexcept nogil:
    if K is uint8_t:
        return g.x_type == INT8
    else:
        return is_unsigned(g.x_type)


cdef void to_keys(const Plan* g, K* y, const char* x, Py_ssize_t n) noexcept nogil:
    if is_floating(g.x_type):
        keys_of_floats(y, <const K*> x, infinity_of(g, <K> 0), n)
    elif is_flipped(g, <K> 0):
        flip(y, <const K*> x, n)
    else:
        memcpy(y, x, n * sizeof(K))


cdef void to_elements(const Plan* g, char* y, const K* x, Py_ssize_t n) noexcept nogil:
    """The reverse."""
    if is_floating(g.x_type):
        floats_of_keys(<K*> y, x, n)
    elif is_flipped(g, <K> 0):
        flip(<K*> y, x, n)
    else:
        memcpy(y, x, n * sizeof(K))


cdef void as_numbers(const Plan* g, T* y, const char* raw, Py_ssize_t n) noexcept nogil:
    """Elements as `read` gives them: keys; where only NaNs are looked for, floats."""
    if T is float or T is double:
        if is_floating(g.x_type):
            convert(g, y, raw, n)
        else:
            fill(y, n, <T> 0)
    else:
        to_keys(g, y, raw, n)


cdef void to_doubles(const Plan* g, double* y, const K* x, Py_ssize_t n, char* raw) noexcept nogil:
    """The numbers that keys stand for."""
    cdef int kind = g.x_type
    to_elements(g, raw, x, n)
    if is_floating(kind):
        if kind == DOUBLE:
            memcpy(y, raw, n * sizeof(double))
        else:
            convert(g, y, raw, n)
    elif kind == INT8:
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
    else:
        widen(y, <const uint64_t*> raw, n)


cdef void elements_to_result(const Plan* g, char* y, const K* x, const uint8_t* exist,
                             Py_ssize_t n, char* s) noexcept nogil:
    """Selected elements in the result's type; what does not exist (exist: NULL if all does) is
    NaN."""
    cdef char* raw = s + g.raw_at
    cdef double* wide = <double*> (s + g.wide_at)
    cdef huge* exact = <huge*> wide
    if g.y_type == g.x_type:
        to_elements(g, y, x, n)
        return
    if K is int64_t:
        if not is_floating(g.x_type) and not is_floating(g.y_type):
            to_elements(g, raw, x, n)
            if g.x_type == INT64:
                widen(exact, <const int64_t*> raw, n)
            else:
                widen(exact, <const uint64_t*> raw, n)
            from_huge(g, y, exact, n)
            return
    to_doubles(g, wide, x, n, raw)
    doubles_to_result(g, y, wide, exist, n)


cdef void doubles_to_result(const Plan* g, char* y, double* wide, const uint8_t* exist,
                            Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n if exist != NULL else 0):
        wide[i] = wide[i] if exist[i] != 0 else D_NAN
    from_double(g, y, wide, n)


# --- one window -----------------------------------------------------------------------------------

cdef void extremes_of(const K* restrict x, Py_ssize_t n, K* lo, K* hi) noexcept nogil:
    cdef Py_ssize_t i
    cdef K least_one = x[0], most_one = x[0]
    for i in range(n):
        least_one = x[i] if x[i] < least_one else least_one
        most_one = x[i] if x[i] > most_one else most_one
    lo[0], hi[0] = least_one, most_one


cdef Py_ssize_t keys_up_to(const K* restrict x, Py_ssize_t n, K limit) noexcept nogil:
    cdef Py_ssize_t i, count = 0
    for i in range(n):
        count += x[i] <= limit
    return count


cdef K least_above(const K* restrict x, Py_ssize_t n, K limit) noexcept nogil:
    cdef Py_ssize_t i
    cdef K v, most = greatest_key(limit)
    for i in range(n):
        v = x[i] if x[i] > limit else most
        most = v if v < most else most
    return most


cdef enum:
    BUCKETS = 256
    FEW = 24        # elements that are sorted by insertion


cdef K ranked_of_few(const K* x, Py_ssize_t n, Py_ssize_t rank) noexcept nogil:
    cdef K[24] few
    cdef K v
    cdef Py_ssize_t i, j
    for i in range(n):
        v = x[i]
        j = i
        while j > 0 and few[j - 1] > v:
            few[j] = few[j - 1]
            j -= 1
        few[j] = v
    return few[rank]


cdef K ranked(const K* x, Py_ssize_t n, Py_ssize_t rank, K* rest) noexcept nogil:
    """The element of a rank, 0 the least. Elements are counted in buckets of equal widths between
    the least and the greatest; only those of one bucket are looked at again (rest: room for them).
    Each turn takes 8 bits from their distance, so there are 8 turns at most."""
    cdef int32_t[256] count
    cdef Py_ssize_t i, kept, bucket
    cdef K lo, hi
    cdef int shift
    while True:
        if n <= FEW:
            return ranked_of_few(x, n, rank)
        extremes_of(x, n, &lo, &hi)
        if lo == hi:
            return lo
        shift = shift_for(<uint64_t> hi - <uint64_t> lo)
        memset(count, 0, sizeof(count))
        for i in range(n):
            count[(<uint64_t> x[i] - <uint64_t> lo) >> shift] += 1
        bucket = 0
        while rank >= count[bucket]:
            rank -= count[bucket]
            bucket += 1
        if shift == 0:
            return <K> (<uint64_t> lo + <uint64_t> bucket)
        kept = 0
        for i in range(n):
            rest[kept] = x[i]
            kept += <Py_ssize_t> ((<uint64_t> x[i] - <uint64_t> lo) >> shift) == bucket
        x, n = rest, kept


cdef inline int shift_for(uint64_t width) noexcept nogil:
    """How far a width is shifted to leave 8 bits."""
    cdef int shift = 0
    while width >> shift >= BUCKETS:
        shift += 1
    return shift
