# Windows of 2x2 or 3x3, two apart, of small planes: from their rows straight to one. A vector of
# results needs two of each row. Of windows of two, their even elements are the first ones and their
# odd ones the second; of windows of three, the even ones are the middles, the odd ones what is
# right of these, and, one place on, what is left of the next.

cdef extern from *:
    """
    /* The elements of `now` one place on, the last one of `before` in front of them. */
    #if defined(__AVX2__)
    CPOOL_INLINE void cpool_move_on(void *y, const void *before, const void *now, size_t size) {
        __m256i a = _mm256_loadu_si256((const __m256i *)before);
        __m256i b = _mm256_loadu_si256((const __m256i *)now);
        __m256i t = _mm256_permute2x128_si256(a, b, 0x21);
        if (size == 1) t = _mm256_alignr_epi8(b, t, 15);
        else if (size == 2) t = _mm256_alignr_epi8(b, t, 14);
        else if (size == 4) t = _mm256_alignr_epi8(b, t, 12);
        else if (size == 8) t = _mm256_alignr_epi8(b, t, 8);
        _mm256_storeu_si256((__m256i *)y, t);
    }
    #else
    CPOOL_INLINE void cpool_move_on(void *y, const void *before, const void *now, size_t size) {
        memcpy(y, (const char *)before + BLOCK - size, size);
        memcpy((char *)y + size, now, BLOCK - size);
    }
    #endif
    """
    void move_on "cpool_move_on"(void* y, const void* before, const void* now,
                                 size_t size) noexcept nogil


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

# Which windows: known when the code is compiled.
ctypedef fused Halving:
    Twos
    Threes
    CutThrees


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
            move_on(even, before, right, sizeof(T))
            copy_vector(before, right)
            fold_vectors(left, even, left, op, care)
        if Halving is CutThrees:
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


cdef void halve_with_care(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                          Py_ssize_t pitch, Py_ssize_t planes, const T* filler, const T* mask,
                          Op op, Halving halving) noexcept nogil:
    cdef Plain plain = [0]
    cdef Ordered ordered = [0]
    if (T is float or T is double) and (Op is MaxOp or Op is MinOp):
        if not halve_planes(g, y, yp, x, xp, pitch, planes, filler, mask, op, halving, ordered):
            return
    halve_planes(g, y, yp, x, xp, pitch, planes, filler, mask, op, halving, plain)


cdef void flat_halvings(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                        Py_ssize_t pitch, Py_ssize_t planes, const T* masks, Op op) noexcept nogil:
    """Planes xp apart to planes of results yp apart; rows of x are `pitch` apart."""
    cdef const Axis* w = &g.axis[2]
    cdef const T* filler = masks + UP(w.m, sizeof(T)) + 1
    cdef Twos twos = [0]
    cdef Threes threes = [0]
    cdef CutThrees cut = [0]
    if w.kernel == 2:
        halve_with_care(g, y, yp, x, xp, pitch, planes, filler, masks, op, twos)
    elif 2 * w.m - w.before >= w.n:
        halve_with_care(g, y, yp, x, xp, pitch, planes, filler, masks, op, cut)
    else:
        halve_with_care(g, y, yp, x, xp, pitch, planes, filler, masks, op, threes)


cdef void masks_of_threes(const Axis* a, T* masks, Op op) noexcept nogil:
    """In which windows of three the right element exists; and a row that changes nothing, for rows
    in the padding."""
    cdef Py_ssize_t o, n = UP(a.m, sizeof(T))
    if a.kernel == 2:
        return
    for o in range(n):
        masks[o] = <T> (2 * o + 2 - a.before < a.n)
    for o in range(2 * n + 2):
        masks[n + o] = neutral(op, <T> 0)
