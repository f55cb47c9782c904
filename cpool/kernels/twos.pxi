# Extrema with positions of 2x2/2 and 3x3/2 windows of float32: all taps of a vector of windows at
# once, while they are in registers. Row by row through scratch, as select.pxi does it for other
# types and processors, takes two to three times as long where memory does not set the pace. NaNs
# are only found here, not followed: a tile that has any is done over again.

cdef extern from *:
    """
    #if defined(__AVX2__)
    #include <immintrin.h>
    typedef struct { __m256 value, offset; } cpool_found;
    typedef struct { __m256 first, second, third; } cpool_steps;    /* offsets of taps of a row */
    typedef struct {
        Py_ssize_t yp, xp, rows;
        int32_t step, down;         /* what a tap along a row, and down it, adds to an offset */
        int no_first, no_last;      /* the first row of the first window is padding; the last */
    } cpool_twos;

    /* A tie keeps what is there, and so does a NaN. */
    CPOOL_INLINE cpool_found cpool_better(cpool_found a, cpool_found b, int greatest) {
        __m256 beats = greatest ? _mm256_cmp_ps(b.value, a.value, _CMP_GT_OQ)
                                : _mm256_cmp_ps(b.value, a.value, _CMP_LT_OQ);
        a.value = greatest ? _mm256_max_ps(b.value, a.value) : _mm256_min_ps(b.value, a.value);
        a.offset = _mm256_blendv_ps(a.offset, b.offset, beats);
        return a;
    }
    CPOOL_INLINE void cpool_look_for_nans(__m256 *nans, __m256 a, __m256 b) {
        *nans = _mm256_or_ps(*nans, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
    }
    CPOOL_INLINE __m256 cpool_number(int32_t number) {
        return _mm256_castsi256_ps(_mm256_set1_epi32(number));
    }
    CPOOL_INLINE __m256 cpool_plus(__m256 a, __m256 b) {
        return _mm256_castsi256_ps(
            _mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
    }
    /* One row of windows, the first tap at x, in the order of _mm256_shuffle_ps. If the very first
       tap is in the padding, the second one takes its place. */
    CPOOL_INLINE cpool_found cpool_along(const float *x, const cpool_steps *at, int taps,
                                         int bordered, int greatest, __m256 *nans) {
        const __m256i all_but_first = _mm256_setr_epi32(0, -1, -1, -1, -1, -1, -1, -1);
        __m256 p = bordered ? _mm256_maskload_ps(x, all_but_first) : _mm256_loadu_ps(x);
        __m256 q = _mm256_loadu_ps(x + 8);
        cpool_found a = {_mm256_shuffle_ps(p, q, 0x88), at->first};
        cpool_found b = {_mm256_shuffle_ps(p, q, 0xdd), at->second}, c;
        if (bordered) {
            a.value = _mm256_blend_ps(a.value, b.value, 1);
            a.offset = _mm256_blend_ps(a.offset, b.offset, 1);
        }
        if (taps == 2) {
            cpool_look_for_nans(nans, b.value, b.value);
            return cpool_better(a, b, greatest);
        }
        p = _mm256_loadu_ps(x + 1);
        c.value = _mm256_shuffle_ps(p, _mm256_loadu_ps(x + 9), 0xdd);
        c.offset = at->third;
        cpool_look_for_nans(nans, b.value, c.value);
        return cpool_better(cpool_better(a, b, greatest), c, greatest);
    }
    CPOOL_INLINE void cpool_in_order(float *y, __m256 v) {
        __m256d halves = _mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8);
        _mm256_storeu_ps(y, _mm256_castpd_ps(halves));
    }
    /* A vector of windows, row after row: the last row of taps of three is the next ones' first,
       which saves a fourth of the instructions. */
    CPOOL_INLINE void cpool_down(float *v, int32_t *o, const float *x, const cpool_twos *g,
                                 int taps, int bordered, int greatest, __m256 *nans) {
        const __m256 down = cpool_number(g->down), twice = cpool_number(2 * g->down);
        const cpool_steps top = {_mm256_setzero_ps(), cpool_number(g->step),
                                 cpool_number(2 * g->step)};
        const cpool_steps middle = {down, cpool_plus(top.second, down),
                                    cpool_plus(top.third, down)};
        const float *next = x + g->xp;
        cpool_found a, b, c = cpool_along(x, &top, taps, bordered, greatest, nans);
        Py_ssize_t j;
        if (g->no_first) {
            c.offset = cpool_plus(c.offset, down);
            next = x;
        }
        for (j = 0; j < g->rows; j++) {
            a = c;
            b = cpool_along(next, &middle, taps, bordered, greatest, nans);
            if (taps == 2) cpool_look_for_nans(nans, b.value, b.value);
            a = cpool_better(a, b, greatest);
            if (j < g->rows - 1 || (taps == 3 && !g->no_last)) next += g->xp;
            c = cpool_along(next, &top, taps, bordered, greatest, nans);
            if (taps == 3) {
                cpool_look_for_nans(nans, b.value, c.value);
                b.value = c.value;
                b.offset = cpool_plus(c.offset, twice);
                a = cpool_better(a, b, greatest);
            }
            cpool_in_order(v, a.value);
            cpool_in_order((float *)o, a.offset);
            v += g->yp;
            o += g->yp;
            next += g->xp;
        }
    }
    /* The last vector ends with the row, unless it is the first one: nothing is written behind. */
    CPOOL_INLINE int cpool_windows(float *v, int32_t *o, const float *x, const cpool_twos *g,
                                   Py_ssize_t n, int taps, int bordered, int greatest) {
        __m256 nans = _mm256_setzero_ps();
        Py_ssize_t i = 0;
        if (bordered) {
            cpool_down(v, o, x, g, taps, 1, greatest, &nans);
            i = 8;
        }
        for (; i < n; i += 8) {
            if (i > 0 && i > n - 8) i = n - 8;
            cpool_down(v + i, o + i, x + 2 * i, g, taps, 0, greatest, &nans);
        }
        return _mm256_movemask_ps(nans) != 0;
    }
    static int cpool_select_twos(float *v, int32_t *o, const float *x, const cpool_twos *g,
                                 Py_ssize_t n, int taps, int bordered, int greatest) {
        if (taps == 2) return greatest ? cpool_windows(v, o, x, g, n, 2, 0, 1)
                                       : cpool_windows(v, o, x, g, n, 2, 0, 0);
        if (bordered) return greatest ? cpool_windows(v, o, x, g, n, 3, 1, 1)
                                      : cpool_windows(v, o, x, g, n, 3, 1, 0);
        return greatest ? cpool_windows(v, o, x, g, n, 3, 0, 1)
                        : cpool_windows(v, o, x, g, n, 3, 0, 0);
    }
    #define CPOOL_TWOS 1
    #else
    typedef struct {
        Py_ssize_t yp, xp, rows;
        int32_t step, down;
        int no_first, no_last;
    } cpool_twos;
    #define CPOOL_TWOS 0
    #define cpool_select_twos(v, o, x, g, n, taps, bordered, greatest) 1
    #endif
    """
    ctypedef struct Twos "cpool_twos":
        Py_ssize_t yp, xp, rows
        int32_t step, down
        bint no_first, no_last
    bint HAS_TWOS "CPOOL_TWOS"
    bint select_twos "cpool_select_twos"(float* v, int32_t* o, const float* x, const Twos* g,
                                         Py_ssize_t n, int taps, bint bordered,
                                         bint greatest) noexcept nogil


cdef enum:
    BAND = 1536         # bytes of the rows that are read to one after the other


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
                         int32_t* o, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                         Op op) noexcept nogil:
    """Rows lo to hi of the result from the rows of the source, which begin with h_lo. False: there
    are NaNs."""
    cdef const Axis* a = &g.axis[1]
    cdef Py_ssize_t begin = 2 * t.w0 - g.axis[2].before - t.w_lo, band, row
    cdef Twos two
    cdef bint nans = False
    if T is float:
        two.yp, two.xp = yp, xp
        two.step, two.down = <int32_t> g.digit[2], <int32_t> g.digit[1]
        # Rows that share one with the next ones are taken together if they are near each other:
        # long ones have to be read as they lie in memory.
        band = most(1, BAND // (2 * xp * <Py_ssize_t> sizeof(T)))
        while lo < hi:
            row = 2 * lo - a.before
            two.rows = least(band, hi - lo)
            two.no_first = row < 0
            two.no_last = row + 2 * two.rows >= a.n
            nans |= select_twos(v, o, x + (most(0, row) - t.h_lo) * xp + begin, &two, t.w1 - t.w0,
                                <int> a.kernel, begin < 0, Op is MaxOp)
            v += two.rows * yp
            o += two.rows * yp
            lo += two.rows
        return not nans
    else:
        return False
