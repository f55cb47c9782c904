# Windows of 3x3, two apart, of small planes: from three rows straight to one. A vector of results
# needs two of each row; their even elements are the middles of windows, their odd ones what is
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


cdef struct Whole:
    char tag

cdef struct CutOff:
    char tag

# Whether what is right of the last window's middle is padding: known when the code is compiled.
ctypedef fused End:
    Whole
    CutOff


cdef inline void fold_three_rows(T* v, const T* a, const T* b, const T* c, Op op,
                                 Care care) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        v[k] = pick_with_care(pick_with_care(a[k], b[k], op, care), c[k], op, care)


cdef inline void note_unordered(T* nans, const T* a, const T* b) noexcept nogil:
    """One comparison tells whether one of two elements is a NaN."""
    cdef Py_ssize_t k
    if T is float or T is double:
        for k in range(PER_BLOCK(sizeof(T))):
            nans[k] = <T> D_NAN if isunordered(a[k], b[k]) else nans[k]


cdef inline void row_of_threes(T* restrict y, Py_ssize_t n, const T* a, const T* b, const T* c,
                               T first, const T* restrict mask, T* nans, Op op, End end,
                               Care care) noexcept nogil:
    """n results. a, b, c: the first middle in each of three rows; first: what is left of it. Where
    End is CutOff, the mask tells what exists on the right."""
    cdef Py_ssize_t i, k, block = PER_BLOCK(sizeof(T))
    cdef T none = neutral(op, first)
    cdef T[32] lower
    cdef T[32] upper
    cdef T[32] even
    cdef T[32] odd
    cdef T[32] middle
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
            note_unordered(nans, c, c + block)
        fold_three_rows(lower, a, b, c, op, care)
        fold_three_rows(upper, a + block, b + block, c + block, op, care)
        deal_two(even, odd, lower, upper, sizeof(T))
        put_back(middle, even, sizeof(T))
        put_back(right, odd, sizeof(T))
        move_on(left, before, right, sizeof(T))
        copy_vector(before, right)
        if End is CutOff:
            for k in range(block):
                right[k] = right[k] if mask[i + k] != 0 else none
        for k in range(block):
            left[k] = pick_with_care(left[k], middle[k], op, care)
        for k in range(block):
            y[i + k] = last(pick_with_care(left[k], right[k], op, care), op)
        i += block
        a += 2 * block
        b += 2 * block
        c += 2 * block


cdef bint planes_of_threes(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                           Py_ssize_t pitch, Py_ssize_t planes, const T* filler, const T* mask,
                           Op op, End end, Care care) noexcept nogil:
    """Row by row, as whole blocks are written, each over what was too much of the one before.
    Gives whether there was a NaN, which Ordered takes for any number."""
    cdef const Axis* rows = &g.axis[1]
    cdef Py_ssize_t d, h, at, n = g.axis[2].m
    cdef bint padded = g.axis[2].before == 1, found = False
    cdef T first = neutral(op, <T> 0)
    cdef T[32] nans
    cdef const T* a
    cdef const T* b
    cdef const T* c
    memset(nans, 0, 32)
    x += 1 - g.axis[2].before
    for d in range(planes):
        for h in range(rows.m):
            at = 2 * h - rows.before
            a = x + most(at, 0) * pitch
            b = a + pitch if rows.n > 1 else filler
            c = b + pitch if 0 <= at < rows.n - 2 else filler
            if not padded:
                first = pick_with_care(pick_with_care(a[-1], b[-1], op, care), c[-1], op, care)
                found |= a[-1] != a[-1] or b[-1] != b[-1] or c[-1] != c[-1]
            row_of_threes(y + h * n, n, a, b, c, first, mask, nans, op, end, care)
        y += yp
        x += xp
    return Care is Ordered and (found or is_nan_among(nans))


cdef void flat_threes(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                      Py_ssize_t pitch, Py_ssize_t planes, const T* masks, Op op) noexcept nogil:
    """Planes xp apart to planes of results yp apart; rows of x are `pitch` apart."""
    cdef const Axis* b = &g.axis[2]
    cdef const T* filler = masks + UP(b.m, sizeof(T)) + 1
    cdef Whole whole = [0]
    cdef CutOff short = [0]
    cdef Plain plain = [0]
    cdef Ordered ordered = [0]
    cdef bint cut = 2 * b.m - b.before >= b.n, care = True
    if (T is float or T is double) and (Op is MaxOp or Op is MinOp):
        if cut:
            care = planes_of_threes(g, y, yp, x, xp, pitch, planes, filler, masks, op, short,
                                    ordered)
        else:
            care = planes_of_threes(g, y, yp, x, xp, pitch, planes, filler, masks, op, whole,
                                    ordered)
    if care and cut:
        planes_of_threes(g, y, yp, x, xp, pitch, planes, filler, masks, op, short, plain)
    elif care:
        planes_of_threes(g, y, yp, x, xp, pitch, planes, filler, masks, op, whole, plain)


cdef void masks_of_threes(const Axis* a, T* masks, Op op) noexcept nogil:
    """In which windows the right element exists; and a row that changes nothing, for rows in the
    padding."""
    cdef Py_ssize_t o, n = UP(a.m, sizeof(T))
    for o in range(n):
        masks[o] = <T> (2 * o + 2 - a.before < a.n)
    for o in range(2 * n + 2):
        masks[n + o] = neutral(op, <T> 0)
