# Extrema with positions of 2x2/2 and 3x3/2 windows of float32: all taps of a vector of windows at
# once, while they are in registers. Row by row through scratch, as select.pxi does it for other
# types and processors, takes two to three times as long where memory does not set the pace. NaNs
# are only found here, not followed: a tile that has any is done over again. Offsets go to the
# result in its own type, several planes at a time where these are small.

cdef extern from *:
    """
    #if defined(__AVX2__)
    #include <immintrin.h>
    typedef struct { __m256 value; __m256i offset; } cpool_found;
    typedef struct {
        Py_ssize_t yp, qp, xp, rows;    /* qp: bytes from one row of offsets to the next */
        Py_ssize_t yd, qd, xd, planes;  /* the same for planes */
        int32_t step, down;         /* what a tap along a row, and down it, adds to an offset */
        int32_t start, further;     /* where the first window begins, and those of the next row */
        int no_first, no_last;      /* the first row of the first window is padding; the last */
        int size;                   /* bytes of an offset; 8: of a position */
    } cpool_twos;

    CPOOL_INLINE __m256i cpool_number(int32_t number) { return _mm256_set1_epi32(number); }
    /* Where b beats a: not in a tie, nor where there is a NaN. */
    CPOOL_INLINE __m256i cpool_beats(__m256 b, __m256 a, int greatest) {
        return _mm256_castps_si256(greatest ? _mm256_cmp_ps(b, a, _CMP_GT_OQ)
                                            : _mm256_cmp_ps(b, a, _CMP_LT_OQ));
    }
    CPOOL_INLINE __m256 cpool_best(__m256 b, __m256 a, int greatest) {
        return greatest ? _mm256_max_ps(b, a) : _mm256_min_ps(b, a);
    }
    /* Offsets grow from tap to tap, so that the greatest one of those that beat what was before
       them is the last one's: any port has an `and`, few have a blend. */
    CPOOL_INLINE cpool_found cpool_better(cpool_found a, cpool_found b, int greatest) {
        __m256i beats = cpool_beats(b.value, a.value, greatest);
        a.value = cpool_best(b.value, a.value, greatest);
        a.offset = _mm256_max_epi32(a.offset, _mm256_and_si256(beats, b.offset));
        return a;
    }
    CPOOL_INLINE cpool_found cpool_moved(cpool_found a, __m256i by) {
        a.offset = _mm256_add_epi32(a.offset, by);
        return a;
    }
    CPOOL_INLINE void cpool_look_for_nans(__m256 *nans, __m256 a, __m256 b) {
        *nans = _mm256_or_ps(*nans, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
    }
    /* The first taps of three are the third ones of windows before; but not those of a column. */
    CPOOL_INLINE void cpool_look_at_column(__m256 *nans, const float *x, const cpool_twos *g) {
        Py_ssize_t j, rows = 2 * g->rows + 1 - (g->no_first != 0) - (g->no_last != 0);
        __m256 first;
        for (j = 0; j < rows; j++) {
            first = _mm256_broadcast_ss(x + j * g->xp);
            cpool_look_for_nans(nans, first, first);
        }
    }
    /* One row of windows, the first tap at x, in the order of _mm256_shuffle_ps. If the very first
       tap is in the padding, the second one takes its place. */
    CPOOL_INLINE cpool_found cpool_along(const float *x, int32_t step, int taps, int bordered,
                                         int greatest, __m256 *nans) {
        const __m256i all_but_first = _mm256_setr_epi32(0, -1, -1, -1, -1, -1, -1, -1);
        __m256 p = bordered ? _mm256_maskload_ps(x, all_but_first) : _mm256_loadu_ps(x);
        __m256 q = _mm256_loadu_ps(x + 8), b = _mm256_shuffle_ps(p, q, 0xdd);
        cpool_found a = {_mm256_shuffle_ps(p, q, 0x88), _mm256_setzero_si256()};
        cpool_found c = {b, cpool_number(2 * step)};
        if (bordered) a.value = _mm256_blend_ps(a.value, b, 1);
        if (taps == 2) cpool_look_for_nans(nans, a.value, b);
        a.offset = _mm256_and_si256(cpool_beats(b, a.value, greatest), cpool_number(step));
        if (bordered) {
            const __m256i second = _mm256_setr_epi32(step, 0, 0, 0, 0, 0, 0, 0);
            a.offset = _mm256_or_si256(a.offset, second);
        }
        a.value = cpool_best(b, a.value, greatest);
        if (taps == 3) {
            p = _mm256_loadu_ps(x + 1);
            c.value = _mm256_shuffle_ps(p, _mm256_loadu_ps(x + 9), 0xdd);
            cpool_look_for_nans(nans, b, c.value);
            a = cpool_better(a, c, greatest);
        }
        return a;
    }
    CPOOL_INLINE void cpool_in_order(float *y, __m256 v) {
        __m256d halves = _mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8);
        _mm256_storeu_ps(y, _mm256_castpd_ps(halves));
    }
    /* Offsets in the order of windows: as bytes, as int32 or, counted from `start`, as int64. */
    CPOOL_INLINE void cpool_put_offsets(char *o, __m256i offset, __m256i start, int size) {
        const __m256i none = _mm256_setzero_si256();
        if (size == 8) {
            offset = _mm256_add_epi32(offset, start);
            _mm256_storeu_si256((__m256i *)o, _mm256_unpacklo_epi32(offset, none));
            _mm256_storeu_si256((__m256i *)o + 1, _mm256_unpackhi_epi32(offset, none));
        }
        else if (size == 4) {
            _mm256_storeu_si256((__m256i *)o, _mm256_permute4x64_epi64(offset, 0xd8));
        }
        else {
            const __m256i first = _mm256_set1_epi32(0x0c080400);
            __m256i bytes = _mm256_shuffle_epi8(offset, first);
            __m128i high = _mm256_extracti128_si256(bytes, 1);
            _mm_storel_epi64((__m128i *)o,
                             _mm_unpacklo_epi16(_mm256_castsi256_si128(bytes), high));
        }
    }
    CPOOL_INLINE void cpool_put(float *v, char *o, cpool_found a, __m256i start, int size) {
        cpool_in_order(v, a.value);
        cpool_put_offsets(o, a.offset, start, size);
    }
    /* The last vector ends with the row, unless it is the first one: nothing is written behind. */
    CPOOL_INLINE Py_ssize_t cpool_after(Py_ssize_t i, Py_ssize_t n) {
        return i + 8 < n && i + 8 > n - 8 ? n - 8 : i + 8;
    }
    /* Three rows of taps, in scratch: a vector of windows row after row. The last row of taps is
       the next ones' first, which saves a fourth of the instructions. */
    CPOOL_INLINE void cpool_column(float *v, char *o, const float *x, const cpool_twos *g,
                                   int bordered, int greatest, __m256 *nans) {
        const __m256i down = cpool_number(g->down), twice = cpool_number(2 * g->down);
        cpool_found a, b, c = cpool_along(x, g->step, 3, bordered, greatest, nans);
        Py_ssize_t j;
        if (g->no_first) c = cpool_moved(c, down);
        else x += g->xp;
        for (j = 0; j < g->rows; j++) {
            b = cpool_along(x, g->step, 3, bordered, greatest, nans);
            a = cpool_better(c, cpool_moved(b, down), greatest);
            if (j < g->rows - 1 || !g->no_last) x += g->xp;
            c = cpool_along(x, g->step, 3, bordered, greatest, nans);
            a = cpool_better(a, cpool_moved(c, twice), greatest);
            cpool_put(v, o, a, down, 4);
            v += g->yp;
            o += g->qp;
            x += g->xp;
        }
    }
    CPOOL_INLINE void cpool_columns(float *v, char *o, const float *x, const cpool_twos *g,
                                    Py_ssize_t n, int bordered, int greatest, __m256 *nans) {
        Py_ssize_t i = 0;
        if (bordered) {
            cpool_column(v, o, x, g, 1, greatest, nans);
            i = cpool_after(0, n);
        }
        else {
            cpool_look_at_column(nans, x, g);
        }
        for (; i < n; i = cpool_after(i, n))
            cpool_column(v + i, o + 4 * i, x + 2 * i, g, 0, greatest, nans);
    }
    /* To results: all of a row, then the next one, as they lie in memory; the last row of taps is
       kept. */
    enum { CPOOL_SIDE = 512 };      /* windows side by side */
    /* A vector of windows of three rows, the first of which is at hand, and the last one left
       there: it is the next ones' first. */
    CPOOL_INLINE void cpool_three(float *v, char *o, const float *second, const float *third,
                                  cpool_found *rest, __m256i start, const cpool_twos *g,
                                  int bordered, int greatest, int size, __m256 *nans) {
        const __m256i down = cpool_number(g->down), twice = cpool_number(2 * g->down);
        cpool_found a, b = cpool_along(second, g->step, 3, bordered, greatest, nans);
        a = cpool_better(*rest, cpool_moved(b, down), greatest);
        b = cpool_along(third, g->step, 3, bordered, greatest, nans);
        *rest = b;
        a = cpool_better(a, cpool_moved(b, twice), greatest);
        cpool_put(v, o, a, start, size);
    }
    CPOOL_INLINE void cpool_threes_of(float *v, char *o, const float *x, __m256i start,
                                   const cpool_twos *g, Py_ssize_t n, int bordered, int greatest,
                                   int size, __m256 *nans) {
        const __m256i down = cpool_number(g->down);
        cpool_found rest[CPOOL_SIDE / 8], *c = rest;
        const float *second, *third;
        Py_ssize_t j, i = 0;
        if (bordered) {
            *c++ = cpool_along(x, g->step, 3, 1, greatest, nans);
            i = cpool_after(0, n);
        }
        else {
            cpool_look_at_column(nans, x, g);
        }
        for (; i < n; i = cpool_after(i, n))
            *c++ = cpool_along(x + 2 * i, g->step, 3, 0, greatest, nans);
        if (g->no_first) while (c-- > rest) *c = cpool_moved(*c, down);
        second = g->no_first ? x : x + g->xp;
        for (j = 0; j < g->rows; j++) {
            third = j == g->rows - 1 && g->no_last ? second : second + g->xp;
            c = rest;
            i = 0;
            if (bordered) {
                cpool_three(v, o, second, third, c++, start, g, 1, greatest, size, nans);
                i = cpool_after(0, n);
            }
            for (; i < n; i = cpool_after(i, n))
                cpool_three(v + i, o + size * i, second + 2 * i, third + 2 * i, c++,
                            _mm256_add_epi32(start, cpool_number((int32_t)(2 * i))), g, 0,
                            greatest, size, nans);
            start = _mm256_add_epi32(start, cpool_number(g->further));
            v += g->yp;
            o += g->qp;
            second = third + g->xp;
        }
    }
    CPOOL_INLINE void cpool_threes(float *v, char *o, const float *x, __m256i start,
                                   const cpool_twos *g, Py_ssize_t n, int bordered, int greatest,
                                   int size, __m256 *nans) {
        Py_ssize_t i, some;
        for (i = 0; i < n; i += CPOOL_SIDE) {
            if (i > 0 && i > n - 8) i = n - 8;
            some = n - i < CPOOL_SIDE ? n - i : CPOOL_SIDE;
            cpool_threes_of(v + i, o + size * i, x + 2 * i,
                            _mm256_add_epi32(start, cpool_number((int32_t)(2 * i))), g, some,
                            bordered && i == 0, greatest, size, nans);
        }
    }
    CPOOL_INLINE void cpool_pairs(float *v, char *o, const float *x, __m256i start,
                                  const cpool_twos *g, Py_ssize_t n, int greatest, int size,
                                  __m256 *nans) {
        Py_ssize_t i, j;
        for (j = 0; j < g->rows; j++) {
            for (i = 0; i < n; i = cpool_after(i, n)) {
                cpool_found a, b;
                a = cpool_along(x + 2 * i, g->step, 2, 0, greatest, nans);
                b = cpool_along(x + 2 * i + g->xp, g->step, 2, 0, greatest, nans);
                a = cpool_better(a, cpool_moved(b, cpool_number(g->down)), greatest);
                cpool_put(v + i, o + size * i, a,
                          _mm256_add_epi32(start, cpool_number((int32_t)(2 * i))), size);
            }
            start = _mm256_add_epi32(start, cpool_number(g->further));
            v += g->yp;
            o += g->qp;
            x += 2 * g->xp;
        }
    }
    CPOOL_INLINE int cpool_planes(float *v, char *o, const float *x, const cpool_twos *twos,
                                  Py_ssize_t n, int taps, int bordered, int greatest, int size) {
        const cpool_twos g = *twos;     /* which nothing that is written can be */
        const __m256i shuffled = _mm256_setr_epi32(0, 2, 8, 10, 4, 6, 12, 14);
        const __m256i start = _mm256_add_epi32(cpool_number(g.start), shuffled);
        __m256 nans = _mm256_setzero_ps();
        Py_ssize_t d;
        for (d = 0; d < g.planes; d++) {
            if (taps == 2) cpool_pairs(v, o, x, start, &g, n, greatest, size, &nans);
            else if (size == 4) cpool_columns(v, o, x, &g, n, bordered, greatest, &nans);
            else cpool_threes(v, o, x, start, &g, n, bordered, greatest, size, &nans);
            v += g.yd;
            o += g.qd;
            x += g.xd;
        }
        return _mm256_movemask_ps(nans) != 0;
    }
    CPOOL_INLINE int cpool_extrema(float *v, char *o, const float *x, const cpool_twos *g,
                                   Py_ssize_t n, int taps, int bordered, int greatest, int size) {
        if (taps == 2) return greatest ? cpool_planes(v, o, x, g, n, 2, 0, 1, size)
                                       : cpool_planes(v, o, x, g, n, 2, 0, 0, size);
        return greatest ? cpool_planes(v, o, x, g, n, 3, bordered, 1, size)
                        : cpool_planes(v, o, x, g, n, 3, bordered, 0, size);
    }
    static int cpool_select_twos(float *v, char *o, const float *x, const cpool_twos *g,
                                 Py_ssize_t n, int taps, int bordered, int greatest) {
        if (g->size == 1) return cpool_extrema(v, o, x, g, n, taps, bordered, greatest, 1);
        if (g->size == 8) return cpool_extrema(v, o, x, g, n, taps, bordered, greatest, 8);
        return cpool_extrema(v, o, x, g, n, taps, bordered, greatest, 4);
    }
    #define CPOOL_TWOS 1
    #else
    typedef struct {
        Py_ssize_t yp, qp, xp, rows, yd, qd, xd, planes;
        int32_t step, down, start, further;
        int no_first, no_last, size;
    } cpool_twos;
    #define CPOOL_TWOS 0
    #define cpool_select_twos(v, o, x, g, n, taps, bordered, greatest) 1
    #endif
    """
    ctypedef struct Twos "cpool_twos":
        Py_ssize_t yp, qp, xp, rows, yd, qd, xd, planes
        int32_t step, down, start, further
        bint no_first, no_last
        int size
    bint HAS_TWOS "CPOOL_TWOS"
    bint select_twos "cpool_select_twos"(float* v, char* o, const float* x, const Twos* g,
                                         Py_ssize_t n, int taps, bint bordered,
                                         bint greatest) noexcept nogil


cdef inline bint are_twos(const Plan* g) noexcept nogil:
    """Whether windows are such, and all but the first tap of a row, and the first and the last of a
    column, are inside."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    return (HAS_TWOS and g.t_type == FLOAT and g.inner == 1 and g.axis[0].identity
            and a.kernel == b.kernel and 2 <= b.kernel <= 3
            and is_halving(a, a.kernel, a.before) and is_halving(b, b.kernel, b.before)
            and a.before <= a.kernel - 2 and b.before <= b.kernel - 2
            and 2 * (a.m - 1) - a.before + 2 <= a.n
            and 2 * (b.m - 1) - b.before + b.kernel <= b.n)


cdef bint select_at_twos(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi, T* v,
                         void* o, const T* x, Twos* two, Op op) noexcept nogil:
    """Rows lo to hi of the result from the rows of the source, which begin with h_lo. `two`: how
    far rows and planes are apart, and what is written. False: there are NaNs."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t begin = 2 * t.w0 - g.axis[2].before - t.w_lo, row
    cdef Py_ssize_t d = 0 if g.depth > 1 else t.d       # D may number planes
    if T is float:
        two.step, two.down = <int32_t> g.digit[2], <int32_t> g.digit[1]
        two.further = <int32_t> (2 * g.plane_shape[2])
        row = 2 * lo - a.before
        two.rows, two.no_first, two.no_last = hi - lo, row < 0, row + 2 * (hi - lo) >= a.n
        two.start = <int32_t> ((d * g.plane_shape[1] + row) * g.plane_shape[2]
                               + origin(&g.axis[2], t.w0))
        x += (most(0, row) - t.h_lo) * two.xp + begin
        return hi == lo or not select_twos(v, <char*> o, x, two, t.w1 - t.w0, <int> a.kernel,
                                           begin < 0, Op is MaxOp)
    else:
        return False


cdef inline bint select_scratched(const Plan* g, const Tile* t, Py_ssize_t lo, Py_ssize_t hi,
                                  Py_ssize_t planes, T* v, int32_t* o, Py_ssize_t yp, const T* x,
                                  Py_ssize_t xp, Op op) noexcept nogil:
    """The same to scratch, with int32 offsets; planes are close to each other."""
    cdef Twos two
    two.yp, two.qp, two.xp, two.planes, two.size = yp, 4 * yp, xp, planes, 4
    two.yd = (hi - lo) * yp
    two.qd, two.xd = 4 * two.yd, (t.h_hi - t.h_lo) * xp
    return select_at_twos(g, t, lo, hi, v, o, x, &two, op)


cdef inline bint are_straight_twos(const Plan* g, const Tile* t) noexcept nogil:
    """Whether all that such windows give goes straight to the results. Rows have whole vectors:
    nothing is written behind them."""
    cdef Py_ssize_t m = t.w1 - t.w0
    if not (are_twos(g) and m >= 8 and g.y_plain
            and g.ys[0] % g.y_size == 0 and g.ys[1] % g.y_size == 0
            and is_contiguous(g.ys, m, 1, g.y_size) and <size_t> target(g, t) % g.y_size == 0):
        return False
    if g.q2 == NULL:
        return g.q != NULL and g.q_size == 1 and is_contiguous(g.qs, m, 1, 1)
    return (g.q == NULL and g.distances and are_short(g)
            and is_contiguous(g.q2s, m, 1, sizeof(int64_t)))


cdef inline bint are_scratched_twos(const Plan* g, const Tile* t) noexcept nogil:
    """Others. Where those are done in another way, they have NaNs, and need not be looked at again.
    """
    return are_twos(g) and not are_straight_twos(g, t)
