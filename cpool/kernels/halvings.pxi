# Windows of 2x2 or 3x3, two apart: from their rows straight to one. A vector of results needs two
# of each row. Of windows of two, their even elements are the first ones and their odd ones the
# second; of windows of three, the even ones are the middles, the odd ones what is right of these,
# and, one place on, what is left of the next.
#
# Where one vector holds all that a row of windows needs of a row, two rows of windows go together.

cdef extern from *:
    """
    /* Neighbours in vectors of two halves. Between two vectors is the last half of the one and the
       first half of the other: what is before a vector and it give its elements one place on, it
       and what is behind it give them one place back. */
    #if defined(__AVX2__)
    #define CPOOL_PLACES_ON(b, a, size, n) \
        (size == 1 ? _mm256_alignr_epi8(b, a, (n) & 15) \
         : size == 2 ? _mm256_alignr_epi8(b, a, 2 * (n) & 15) \
         : size == 4 ? _mm256_alignr_epi8(b, a, 4 * (n) & 15) \
         : size == 8 ? _mm256_alignr_epi8(b, a, 8 * (n) & 15) : (n) < 0 ? a : b)
    CPOOL_INLINE void cpool_between(void *y, const void *before, const void *after) {
        __m256i a = _mm256_loadu_si256((const __m256i *)before);
        __m256i b = _mm256_loadu_si256((const __m256i *)after);
        _mm256_storeu_si256((__m256i *)y, _mm256_permute2x128_si256(a, b, 0x21));
    }
    CPOOL_INLINE void cpool_halves_on(void *y, const void *before, const void *now, size_t size) {
        __m256i a = _mm256_loadu_si256((const __m256i *)before);
        __m256i b = _mm256_loadu_si256((const __m256i *)now);
        _mm256_storeu_si256((__m256i *)y, CPOOL_PLACES_ON(b, a, size, -1));
    }
    CPOOL_INLINE void cpool_halves_back(void *y, const void *now, const void *after, size_t size) {
        __m256i a = _mm256_loadu_si256((const __m256i *)now);
        __m256i b = _mm256_loadu_si256((const __m256i *)after);
        _mm256_storeu_si256((__m256i *)y, CPOOL_PLACES_ON(b, a, size, 1));
    }
    CPOOL_INLINE void cpool_put_halves(void *y, void *z, const void *x) {
        __m256i v = _mm256_loadu_si256((const __m256i *)x);
        _mm_storeu_si128((__m128i *)y, _mm256_castsi256_si128(v));
        _mm_storeu_si128((__m128i *)z, _mm256_extracti128_si256(v, 1));
    }
    #else
    CPOOL_INLINE void cpool_between(void *y, const void *before, const void *after) {
        memcpy(y, (const char *)before + 16, 16);
        memcpy((char *)y + 16, after, 16);
    }
    CPOOL_INLINE void cpool_halves_on(void *y, const void *before, const void *now, size_t size) {
        size_t i;
        for (i = 0; i < BLOCK; i += 16) {
            memcpy((char *)y + i, (const char *)before + i + 16 - size, size);
            memcpy((char *)y + i + size, (const char *)now + i, 16 - size);
        }
    }
    CPOOL_INLINE void cpool_halves_back(void *y, const void *now, const void *after, size_t size) {
        size_t i;
        for (i = 0; i < BLOCK; i += 16) {
            memcpy((char *)y + i, (const char *)now + i + size, 16 - size);
            memcpy((char *)y + i + 16 - size, (const char *)after + i, size);
        }
    }
    CPOOL_INLINE void cpool_put_halves(void *y, void *z, const void *x) {
        memcpy(y, x, 16);
        memcpy(z, (const char *)x + 16, 16);
    }
    #endif
    """
    void between "cpool_between"(void* y, const void* before, const void* after) noexcept nogil
    void halves_on "cpool_halves_on"(void* y, const void* before, const void* now,
                                     size_t size) noexcept nogil
    void halves_back "cpool_halves_back"(void* y, const void* now, const void* after,
                                         size_t size) noexcept nogil
    void put_halves "cpool_put_halves"(void* y, void* z, const void* x) noexcept nogil


cdef inline T neutral(Op op, T tag) noexcept nogil:
    """As identity, but -0.0 where elements are added: 0.0 would change -0.0."""
    cdef T none = identity(op, tag)
    return none if Op is MaxOp or Op is MinOp else <T> -none


cdef struct Twos:
    char tag

cdef struct Threes:
    char tag

# What is right of the last middle is padding.
cdef struct CutThrees:
    char tag

# What is right of it may be, which the mask tells. Nothing but results is written.
cdef struct ExactThrees:
    char tag

# Which windows: known when the code is compiled.
ctypedef fused Halving:
    Twos
    Threes
    CutThrees
    ExactThrees


cdef inline void fold_vectors(T* v, const T* a, const T* b, Op op, Care care) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        v[k] = pick_with_care(a[k], b[k], op, care)


cdef inline void halve_row(T* restrict y, Py_ssize_t n, const T* a, const T* b, const T* c,
                           T first, const T* restrict mask, T* nans, Op op, Halving halving,
                           Care care) noexcept nogil:
    """n results. a, b, c: the first element, or middle, in each row of the windows; first: what is
    left of it. The mask tells what exists on the right."""
    cdef Py_ssize_t i, k, block = PER_BLOCK(sizeof(T))
    cdef T none = neutral(op, first)
    cdef T[32] lower
    cdef T[32] upper
    cdef T[32] even
    cdef T[32] odd
    cdef T[32] right
    cdef T[32] before
    cdef T[32] left
    for k in range(block):
        before[k] = first
    i = 0
    while i < n:
        if Care is Ordered:
            note_unordered(nans, a, b)
            note_unordered(nans, a + block, b + block)
        fold_vectors(lower, a, b, op, care)
        fold_vectors(upper, a + block, b + block, op, care)
        if Halving is not Twos:
            if Care is Ordered:
                note_unordered(nans, c, c + block)
            fold_vectors(lower, lower, c, op, care)
            fold_vectors(upper, upper, c + block, op, care)
        deal_two(even, odd, lower, upper, sizeof(T))
        put_back(left, even, sizeof(T))
        put_back(right, odd, sizeof(T))
        if Halving is not Twos:
            between(even, before, right)
            halves_on(even, even, right, sizeof(T))
            copy_vector(before, right)
            fold_vectors(left, even, left, op, care)
        if Halving is CutThrees or Halving is ExactThrees:
            for k in range(block):
                right[k] = right[k] if mask[i + k] != 0 else none
        for k in range(block):
            y[i + k] = last(pick_with_care(left[k], right[k], op, care), op)
        i += block
        a += 2 * block
        b += 2 * block
        c += 2 * block


cdef inline T left_of(const T* a, const T* b, const T* c, bint* nan, Op op,
                      Care care) noexcept nogil:
    """What is left of the first middle of three rows, where there is no padding."""
    cdef T x = (a - 1)[0], y = (b - 1)[0], z = (c - 1)[0]
    if Care is Ordered:
        nan[0] |= x != x or y != y or z != z
    return pick_with_care(pick_with_care(x, y, op, care), z, op, care)


cdef bint halve_planes(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                       Py_ssize_t pitch, Py_ssize_t planes, const T* filler, const T* mask,
                       Op op, Halving halving, Care care) noexcept nogil:
    """Row by row, as whole vectors are written, each over what was too much of the one before.
    Gives whether there was a NaN, which Ordered takes for any number."""
    cdef const Axis* rows = &g.axis[1]
    cdef Py_ssize_t d, h, n = g.axis[2].m, above = rows.before
    cdef Py_ssize_t whole = (rows.n - 1 + above) // 2       # from here on, there is no third row
    cdef bint nan = False
    cdef T first = neutral(op, <T> 0)
    cdef T[32] nans
    cdef const T* a
    cdef const T* b
    cdef const T* c
    memset(nans, 0, 32)
    if Halving is not Twos:
        x += 1 - g.axis[2].before
    for d in range(planes):
        a = x
        for h in range(rows.m):
            b = a + pitch
            c = b
            if Halving is not Twos:
                b = b if rows.n > 1 else filler
                c = b + pitch if above <= h < whole else filler
                if g.axis[2].before == 0:
                    first = left_of(a, b, c, &nan, op, care)
            halve_row(y + h * n, n, a, b, c, first, mask, nans, op, halving, care)
            a += pitch if h < above else 2 * pitch
        y += yp
        x += xp
    return Care is Ordered and (nan or is_nan_among(nans))


cdef inline void fold_high(T* v, const T* x, Py_ssize_t pitch, Py_ssize_t rows, T* nans, Op op,
                           Care care) noexcept nogil:
    """A vector of up to three rows."""
    cdef T[32] w
    cdef T[32] z
    copy_vector(v, x)
    if rows == 1:
        if Care is Ordered:
            note_unordered(nans, v, v)
        return
    copy_vector(w, x + pitch)
    if Care is Ordered:
        note_unordered(nans, v, w)
    fold_vectors(v, v, w, op, care)
    if rows > 2:
        copy_vector(z, x + 2 * pitch)
        if Care is Ordered:
            note_unordered(nans, z, z)
        fold_vectors(v, v, z, op, care)


cdef inline void halve_both(T* y, T* z, const T* lower, const T* upper, const T* mask, Op op,
                            Halving halving, Care care) noexcept nogil:
    """Along two rows: their windows' values, half a vector or less of each. CutThrees have middles
    first, as there is padding before them, Threes do not."""
    cdef Py_ssize_t k
    cdef T none = neutral(op, <T> 0)
    cdef T[32] even
    cdef T[32] odd
    cdef T[32] first
    cdef T[32] second
    cdef T[32] third
    cdef T[32] before
    deal_two(even, odd, lower, upper, sizeof(T))
    put_back(first, even, sizeof(T))
    put_back(second, odd, sizeof(T))
    if Halving is Threes:
        halves_back(third, first, first, sizeof(T))
        fold_vectors(first, first, second, op, care)
        copy_vector(second, third)
    if Halving is CutThrees:
        for k in range(PER_BLOCK(sizeof(T))):
            before[k] = none
        halves_on(third, before, second, sizeof(T))
        for k in range(PER_BLOCK(sizeof(T))):
            second[k] = second[k] if mask[k] != 0 else none
        fold_vectors(first, first, third, op, care)
    for k in range(PER_BLOCK(sizeof(T))):
        first[k] = last(pick_with_care(first[k], second[k], op, care), op)
    put_halves(y, z, first)


cdef bint halve_narrow_planes(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                              Py_ssize_t pitch, Py_ssize_t planes, const T* mask, Op op,
                              Halving halving, Care care) noexcept nogil:
    """As halve_planes, of rows that fit a vector."""
    cdef Py_ssize_t d, h, n = g.axis[2].m, m = g.axis[1].m, below = g.axis[1].n
    cdef Py_ssize_t above = g.axis[1].before, kernel = 2 if Halving is Twos else 3, rows = kernel
    cdef T[32] nans
    cdef T[32] lower
    cdef T[32] upper
    cdef const T* a
    memset(nans, 0, 32)
    for d in range(planes):
        a = x
        h = 0
        while h < m:
            if Halving is not Twos:
                rows = least(kernel, below + above - 2 * h) - (above if h == 0 else 0)
            fold_high(lower, a, pitch, rows, nans, op, care)
            a += 2 * pitch
            if Halving is not Twos and h == 0:
                a -= above * pitch
            if h + 1 < m:
                if Halving is not Twos:
                    rows = least(kernel, below + above - 2 * h - 2)
                fold_high(upper, a, pitch, rows, nans, op, care)
                halve_both(y + h * n, y + (h + 1) * n, lower, upper, mask, op, halving, care)
                a += 2 * pitch
            else:
                halve_both(y + h * n, y + h * n, lower, lower, mask, op, halving, care)
            h += 2
        y += yp
        x += xp
    return Care is Ordered and is_nan_among(nans)


cdef bint halve_some(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                     Py_ssize_t pitch, Py_ssize_t planes, const T* filler, const T* mask, Op op,
                     Halving halving, Care care) noexcept nogil:
    if is_narrow(&g.axis[2], sizeof(T)):
        return halve_narrow_planes(g, y, yp, x, xp, pitch, planes, mask, op, halving, care)
    return halve_planes(g, y, yp, x, xp, pitch, planes, filler, mask, op, halving, care)


cdef void halve_with_care(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                          Py_ssize_t pitch, Py_ssize_t planes, const T* filler, const T* mask,
                          Op op, Halving halving) noexcept nogil:
    cdef Plain plain = [0]
    cdef Ordered ordered = [0]
    if (T is float or T is double) and (Op is MaxOp or Op is MinOp):
        if not halve_some(g, y, yp, x, xp, pitch, planes, filler, mask, op, halving, ordered):
            return
    halve_some(g, y, yp, x, xp, pitch, planes, filler, mask, op, halving, plain)


cdef void flat_halvings(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                        Py_ssize_t pitch, Py_ssize_t planes, const T* masks, Op op) noexcept nogil:
    """Planes xp apart to planes of results yp apart; rows of x are `pitch` apart."""
    cdef const Axis* w = &g.axis[2]
    cdef const T* filler = masks + UP(w.m, sizeof(T)) + 1
    cdef bint narrow = is_narrow(w, sizeof(T))
    cdef Twos twos = [0]
    cdef Threes threes = [0]
    cdef CutThrees cut = [0]
    if w.kernel == 2:
        halve_with_care(g, y, yp, x, xp, pitch, planes, filler, masks, op, twos)
    elif w.before == 1 if narrow else 2 * w.m - w.before >= w.n:
        halve_with_care(g, y, yp, x, xp, pitch, planes, filler, masks, op, cut)
    else:
        halve_with_care(g, y, yp, x, xp, pitch, planes, filler, masks, op, threes)


cdef void masks_of_threes(const Axis* a, T* masks, Op op) noexcept nogil:
    """In which windows of three the right element exists, in both halves of a vector where two rows
    go together; and a row that changes nothing, for rows in the padding."""
    cdef Py_ssize_t o, at, n = UP(a.m, sizeof(T)), half = PER_BLOCK(sizeof(T)) // 2
    if a.kernel == 2:
        return
    for o in range(n):
        at = o % half if is_narrow(a, sizeof(T)) else o
        masks[o] = <T> (a.stride * at + 2 - a.before < a.n)
    for o in range(2 * n + 2):
        masks[n + o] = neutral(op, <T> 0)


cdef inline void rows_of_three(const Axis* a, const T** rows, const T* x, Py_ssize_t pitch,
                               Py_ssize_t h, const T* filler) noexcept nogil:
    """What row h of windows two apart is folded from; x: row 0; filler: for rows in the padding,
    which are the last here."""
    cdef Py_ssize_t above = a.before, row = most(0, 2 * h - above)
    rows[0] = x + row * pitch
    rows[1] = rows[0] + pitch if a.n > 1 else filler
    rows[2] = rows[1] + pitch if 2 * h >= above and row + 2 < a.n else filler


cdef bint halve_strip(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t pitch,
                      Py_ssize_t h0, Py_ssize_t h1, Py_ssize_t w0, Py_ssize_t w1, const T* filler,
                      const T* mask, Op op, Halving halving, Care care) noexcept nogil:
    """Some rows and columns of a plane's windows, a vector or more: the last vector of a row begins
    in the one before. One element behind a row is read. Gives whether there was a NaN, which
    Ordered takes for any number."""
    cdef Py_ssize_t h, at, part, block = PER_BLOCK(sizeof(T)), last = w1 - w0 - block
    cdef bint nan = False, padded = w0 == 0 and g.axis[2].before > 0
    cdef T first
    cdef T[32] nans
    cdef const T* rows[3]
    memset(nans, 0, 32)
    x += 2 * w0 + 1 - g.axis[2].before
    for h in range(h0, h1):
        rows_of_three(&g.axis[1], rows, x, pitch, h, filler)
        first = neutral(op, <T> 0)
        if not padded:
            first = left_of(rows[0], rows[1], rows[2], &nan, op, care)
        for part in range(2):       # all whole vectors, and the last
            at = 2 * part * last
            if at > 0:
                first = left_of(rows[0] + at, rows[1] + at, rows[2] + at, &nan, op, care)
            halve_row(y + part * last, block if part == 1 else UP(last, sizeof(T)), rows[0] + at,
                      rows[1] + at, rows[2] + at, first, mask + part * last, nans, op, halving,
                      care)
        y += yp
    return Care is Ordered and (nan or is_nan_among(nans))


cdef void halve_exactly(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t pitch,
                        Py_ssize_t h0, Py_ssize_t h1, Py_ssize_t w0, Py_ssize_t w1,
                        const T* filler, const T* mask, Op op) noexcept nogil:
    cdef Plain plain = [0]
    cdef Ordered ordered = [0]
    cdef ExactThrees exact = [0]
    if (T is float or T is double) and (Op is MaxOp or Op is MinOp):
        if not halve_strip(g, y, yp, x, pitch, h0, h1, w0, w1, filler, mask, op, exact, ordered):
            return
    halve_strip(g, y, yp, x, pitch, h0, h1, w0, w1, filler, mask, op, exact, plain)


# --- elements of 16 bits or less ------------------------------------------------------------------

cdef void halve_keys(const Plan* g, int16_t* restrict y, const int16_t* restrict x, Py_ssize_t n,
                     Py_ssize_t rows, Op op) noexcept nogil:
    """Extrema of 16-bit floats, whose keys are made and undone in registers (see load.pxi)."""
    cdef Py_ssize_t i, j, k, xp = g.xs[1] // 2
    cdef int16_t infinity = infinity_of_16(g), nan = g.nan_key
    cdef int16_t[32] v
    cdef int16_t[16] even
    cdef int16_t[16] odd
    for j in range(rows):
        i = 0
        while i < n:
            for k in range(32):
                v[k] = pick(key(x[2 * i + k], infinity, nan), key(x[xp + 2 * i + k], infinity, nan),
                            op)
            deal_two(even, odd, v, v + 16, sizeof(int16_t))
            for k in range(16):
                even[k] = key_to_bits(pick(even[k], odd[k], op))
            put_back(y + i, even, sizeof(int16_t))
            i += 16
        y += g.ys[1] // 2
        x += 2 * xp


cdef inline void halves_of_rows(const Plan* g, char* y, const char* x, Py_ssize_t n,
                                Py_ssize_t rows, Op op) noexcept nogil:
    if Op is MaxOp or Op is MinOp:
        halve_keys(g, <int16_t*> y, <const int16_t*> x, n, rows, op)
    else:
        mean_rows(g, y, x, n, rows)


cdef void halve(const Plan* g, const Tile* t, char* s, Op op) noexcept nogil:
    """A tile of 2x2 windows. Whole blocks are written, so where rows do not end with one, what is
    behind each must be a later row of the same tile; the last ones take a way round."""
    cdef Py_ssize_t h, m = t.w1 - t.w0, bytes = m * g.inner * g.y_size, rows = t.h1 - t.h0
    cdef Py_ssize_t straight = 0, some
    cdef bint ahead = g.streamed and asks_ahead()
    cdef char* y = target(g, t)
    cdef char* last = s + g.result_at
    cdef const char* x = place(g, t, t.d, 2 * t.h0)
    if g.inner != 3 and bytes == UP(bytes, 1):
        straight = rows
    elif m == g.axis[2].m and g.ys[1] == bytes:
        straight = most(0, rows - 1 - BLOCK // bytes)
    h = 0
    while h < straight:
        some = least(touched_together(g, 2 * g.xs[1]) if ahead else straight, straight - h)
        if ahead:
            touch_rows(x + 2 * h * g.xs[1], g.xs[1], 2 * m * g.inner * g.x_size, 2 * some)
        halves_of_rows(g, y + h * g.ys[1], x + 2 * h * g.xs[1], m, some, op)
        h += some
    for h in range(straight, rows):
        halves_of_rows(g, last, x + 2 * h * g.xs[1], m, 1, op)
        memcpy(y + h * g.ys[1], last, bytes)
