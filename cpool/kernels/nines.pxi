# Medians of 3 x 3 elements, one apart, without channels: from four rows straight to two, whose
# windows share two rows. Columns are sorted in registers and moved there, so that memory is waited
# for while something is done: 0.6 to 0.9 of the time of squares.pxi in float32 and float64 (Emerald
# Rapids). Of a vector's columns there is one of the least elements (a), one of the middle ones (b)
# and one of the greatest (c).

cdef extern from *:
    """
    /* The elements `bytes` behind those of a vector, of which the last are in the next one. */
    #if defined(__AVX512BW__)
    #define CPOOL_VECTOR 64
    CPOOL_INLINE void cpool_move_back(void *y, const void *now, const void *next, int bytes) {
        __m512i a = _mm512_loadu_si512(now), b = _mm512_loadu_si512(next), v;
        __m512i quarter = _mm512_alignr_epi64(b, a, 2);
        switch (bytes) {
            case 1: v = _mm512_alignr_epi8(quarter, a, 1); break;
            case 2: v = _mm512_alignr_epi8(quarter, a, 2); break;
            case 4: v = _mm512_alignr_epi32(b, a, 1); break;
            case 8: v = _mm512_alignr_epi64(b, a, 1); break;
            default: v = quarter;
        }
        _mm512_storeu_si512(y, v);
    }
    CPOOL_INLINE void cpool_copy_long(void *y, const void *x) {
        _mm512_storeu_si512(y, _mm512_loadu_si512(x));
    }
    #elif defined(__AVX2__)
    #define CPOOL_VECTOR 32
    CPOOL_INLINE void cpool_move_back(void *y, const void *now, const void *next, int bytes) {
        __m256i a = _mm256_loadu_si256((const __m256i *)now);
        __m256i b = _mm256_loadu_si256((const __m256i *)next), v;
        __m256i half = _mm256_permute2x128_si256(a, b, 0x21);
        switch (bytes) {
            case 1: v = _mm256_alignr_epi8(half, a, 1); break;
            case 2: v = _mm256_alignr_epi8(half, a, 2); break;
            case 4: v = _mm256_alignr_epi8(half, a, 4); break;
            case 8: v = _mm256_alignr_epi8(half, a, 8); break;
            default: v = half;
        }
        _mm256_storeu_si256((__m256i *)y, v);
    }
    CPOOL_INLINE void cpool_copy_long(void *y, const void *x) {
        _mm256_storeu_si256((__m256i *)y, _mm256_loadu_si256((const __m256i *)x));
    }
    #else
    #define CPOOL_VECTOR 16
    CPOOL_INLINE void cpool_move_back(void *y, const void *now, const void *next, int bytes) {
        memcpy(y, (const char *)now + bytes, 16 - bytes);
        memcpy((char *)y + 16 - bytes, next, bytes);
    }
    CPOOL_INLINE void cpool_copy_long(void *y, const void *x) { memcpy(y, x, 16); }
    #endif
    """
    const Py_ssize_t VECTOR "CPOOL_VECTOR"      # bytes
    void move_back "cpool_move_back"(void* y, const void* now, const void* next,
                                     int bytes) noexcept nogil
    void copy_long "cpool_copy_long"(void* y, const void* x) noexcept nogil


cdef inline void note_nans(Q* nans, const Q* x, const Q* y) noexcept nogil:
    cdef Py_ssize_t k
    if Q is float or Q is double:
        for k in range(VECTOR // <Py_ssize_t> sizeof(Q)):
            nans[k] = <Q> F_NAN if isunordered(x[k], y[k]) else nans[k]


cdef inline bint are_nans(const Q* nans) noexcept nogil:
    cdef Py_ssize_t k
    cdef bint found = False
    for k in range(VECTOR // <Py_ssize_t> sizeof(Q)):
        found |= nans[k] != nans[k]
    return found


cdef inline void sort_columns_of_two(Q* a, Q* b, Q* c, Q* a2, Q* b2, Q* c2, const Q** rows,
                                     Py_ssize_t at, Q* nans) noexcept nogil:
    """The columns of the first three of four rows, and those of the last three; NaNs of the last
    two rows are noted."""
    cdef Py_ssize_t k
    cdef const Q* x0 = rows[0] + at
    cdef const Q* x1 = rows[1] + at
    cdef const Q* x2 = rows[2] + at
    cdef const Q* x3 = rows[3] + at
    cdef Q low, high, v
    note_nans(nans, x2, x3)
    for k in range(VECTOR // <Py_ssize_t> sizeof(Q)):
        low, high = lesser(x1[k], x2[k]), greater(x1[k], x2[k])
        v = greater(low, x0[k])
        a[k], b[k], c[k] = lesser(low, x0[k]), lesser(v, high), greater(v, high)
        v = lesser(high, x3[k])
        a2[k], b2[k], c2[k] = lesser(low, v), greater(low, v), greater(high, x3[k])


cdef inline void put_medians_of_three(Q* y, const Q* a0, const Q* b0, const Q* c0, const Q* a1,
                                      const Q* b1, const Q* c1, const Q* a2, const Q* b2,
                                      const Q* c2) noexcept nogil:
    """Of three blocks of columns."""
    cdef Py_ssize_t k
    cdef Q zero = 0         # -0.0 becomes 0.0, as in keys
    for k in range(VECTOR // <Py_ssize_t> sizeof(Q)):
        y[k] = middle(greater(greater(a0[k], a1[k]), a2[k]), middle(b0[k], b1[k], b2[k]),
                      lesser(lesser(c0[k], c1[k]), c2[k])) + zero


cdef inline void move_columns(Q* one, Q* two, const Q* now, const Q* next) noexcept nogil:
    """By a place, and by two."""
    move_back(one, now, next, sizeof(Q))
    move_back(two, now, next, 2 * sizeof(Q))


cdef inline void put_medians_between(Q* y, const Q* a0, const Q* b0, const Q* c0, const Q* a,
                                     const Q* b, const Q* c) noexcept nogil:
    """Of the columns of a block and the two behind it."""
    cdef Q[64] a1
    cdef Q[64] b1
    cdef Q[64] c1
    cdef Q[64] a2
    cdef Q[64] b2
    cdef Q[64] c2
    move_columns(a1, a2, a0, a)
    move_columns(b1, b2, b0, b)
    move_columns(c1, c2, c0, c)
    put_medians_of_three(y, a0, b0, c0, a1, b1, c1, a2, b2, c2)


cdef bint two_rows_of_medians(Q* y, Q* z, Py_ssize_t n, const Q** rows) noexcept nogil:
    """n medians each, a block at least: y of the first three rows, z, written first, of the last
    three. Whether there is a NaN in the last two rows."""
    cdef Py_ssize_t i = 0, block = VECTOR // <Py_ssize_t> sizeof(Q)
    cdef Q[64] nans
    cdef Q[64] a
    cdef Q[64] b
    cdef Q[64] c
    cdef Q[64] a2
    cdef Q[64] b2
    cdef Q[64] c2
    cdef Q[64] next_a
    cdef Q[64] next_b
    cdef Q[64] next_c
    cdef Q[64] next_a2
    cdef Q[64] next_b2
    cdef Q[64] next_c2
    memset(nans, 0, VECTOR)
    sort_columns_of_two(a, b, c, a2, b2, c2, rows, 0, nans)
    while i + 2 * block <= n + 2:
        sort_columns_of_two(next_a, next_b, next_c, next_a2, next_b2, next_c2, rows, i + block,
                            nans)
        put_medians_between(z + i, a2, b2, c2, next_a2, next_b2, next_c2)
        put_medians_between(y + i, a, b, c, next_a, next_b, next_c)
        copy_long(a, next_a)
        copy_long(b, next_b)
        copy_long(c, next_c)
        copy_long(a2, next_a2)
        copy_long(b2, next_b2)
        copy_long(c2, next_c2)
        i += block
    if i + block < n:
        last_medians(y, z, rows, i, nans)
    last_medians(y, z, rows, n - block, nans)
    return are_nans(nans)


cdef void last_medians(Q* y, Q* z, const Q** rows, Py_ssize_t at, Q* nans) noexcept nogil:
    """A block of each, at a place behind which no whole block needs to be: of columns that are
    sorted three times."""
    cdef Q[192] a
    cdef Q[192] b
    cdef Q[192] c
    cdef Q[192] a2
    cdef Q[192] b2
    cdef Q[192] c2
    cdef Py_ssize_t j
    for j in range(3):
        sort_columns_of_two(a + 64 * j, b + 64 * j, c + 64 * j, a2 + 64 * j, b2 + 64 * j,
                            c2 + 64 * j, rows, at + j, nans)
    put_medians_of_three(z + at, a2, b2, c2, a2 + 64, b2 + 64, c2 + 64, a2 + 128, b2 + 128,
                         c2 + 128)
    put_medians_of_three(y + at, a, b, c, a + 64, b + 64, c + 64, a + 128, b + 128, c + 128)


cdef inline Q median_of_nine(const Q** rows, const Py_ssize_t* at, bint* nan) noexcept nogil:
    """Of three places of three rows."""
    cdef Q[9] v
    cdef Py_ssize_t i, j
    for j in range(3):
        for i in range(3):
            v[3 * j + i] = rows[i][at[j]]
            nan[0] |= v[3 * j + i] != v[3 * j + i]
    for i in range(3):
        j = 3 * i
        v[j], v[j + 1] = lesser(v[j], v[j + 1]), greater(v[j], v[j + 1])
        v[j + 1], v[j + 2] = lesser(v[j + 1], v[j + 2]), greater(v[j + 1], v[j + 2])
        v[j], v[j + 1] = lesser(v[j], v[j + 1]), greater(v[j], v[j + 1])
    return middle(greater(greater(v[0], v[3]), v[6]), middle(v[1], v[4], v[7]),
                  lesser(lesser(v[2], v[5]), v[8])) + <Q> 0


cdef bint edge_medians(const Plan* g, Q* y, Q* z, Py_ssize_t w0, Py_ssize_t w1, const Q** rows,
                       Py_ssize_t first) noexcept nogil:
    """Windows w0 to w1 of two rows, which read padding; y, z: the first of each; rows begin at
    place `first` of the input."""
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t w, j
    cdef Py_ssize_t[3] at
    cdef bint nan = False
    for w in range(w0, w1):
        for j in range(3):
            at[j] = (b.source[w + j] if b.source != NULL else w + j - b.before) - first
        z[w - w0] = median_of_nine(rows + 1, at, &nan)
        y[w - w0] = median_of_nine(rows, at, &nan)
    return nan


cdef bint are_straight_nines(const Plan* g, const Piece* p, const Stretch* r, Py_ssize_t lo,
                             Py_ssize_t hi, Q tag) noexcept nogil:
    """Whether places lo to hi of a piece are read, and results put, where they lie: enough of them,
    and with instructions that move vectors."""
    cdef Py_ssize_t size = sizeof(Q)
    return (g.square == 3 and g.inner == 1 and p.hb > p.ha
            and VECTOR > 16 and (hi - lo - 2) * size >= 192
            and is_native(g, tag) and not g.x_swapped and g.y_type == g.x_type
            and g.xs[2] == size and g.xs[1] % size == 0 and <size_t> r.x % size == 0
            and g.ys[2] == size and g.ys[1] % size == 0 and <size_t> r.y % size == 0)


cdef bint straight_nines(const Plan* g, const Piece* p, const Stretch* r, Py_ssize_t lo,
                         Py_ssize_t hi, Q tag) noexcept nogil:
    """The medians of a piece that no padding cuts, of which those of places lo to hi lie in rows;
    whether there was a NaN."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t h = p.ha, i, row, last = p.hb + 1, first = lo - g.axis[2].before
    cdef const Q* rows[4]
    cdef Q* y
    cdef Q* z
    cdef bint nan = False
    while h < p.hb:
        for i in range(4):
            row = least(h + i, last)
            row = a.source[row] if a.source != NULL else row - a.before
            rows[i] = <const Q*> (r.x + row * g.xs[1]) + first
        if h == p.ha:
            nan = is_nan_row(g, rows[0], hi - lo) or is_nan_row(g, rows[1], hi - lo)
        y = <Q*> (r.y + h * g.ys[1]) + p.wa
        z = y if h + 1 == p.hb else <Q*> (r.y + (h + 1) * g.ys[1]) + p.wa
        nan |= two_rows_of_medians(y + lo - p.wa, z + lo - p.wa, hi - lo - 2, rows)
        nan |= edge_medians(g, y, z, p.wa, lo, rows, first)
        nan |= edge_medians(g, y + hi - 2 - p.wa, z + hi - 2 - p.wa, hi - 2, p.wb, rows, first)
        h += 2
    return nan
