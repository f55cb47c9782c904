# Small planes of irregular windows of float32, in vectors: a window's rows are folded while a row
# of each is in registers, and of what is then folded along the row the windows' values are picked
# while they are. In loops over rows, as flat.pxi has them for other types and processors, most
# instructions are those of loops of two or three turns. Nothing is read or written behind a row
# that is folded to a row: its last vector ends with it.
#
# Transposed, rows of values are made as long as rows of elements first, as in spread.pxi.

cdef extern from *:
    """
    /* Windows side by side in a row that begin within one vector of its elements: where each does,
       counted from `first`, and 8 more if it is a long one. */
    typedef struct {
        int32_t lanes[8];
        Py_ssize_t first, window;
    } cpool_span;
    /* Rows of the result, one after the other, that are made of the same rows. */
    typedef struct {
        Py_ssize_t first, count, times;
    } cpool_band;
    #define CPOOL_ADD 0
    #define CPOOL_MAX 1
    #define CPOOL_MIN 2
    #if defined(__AVX2__)
    #include <immintrin.h>
    #define CPOOL_SPANS 1
    /* As `pick`, `fold_leaf` and `fold2` do it: bits are the same. */
    #define CPOOL_MANY 9
    CPOOL_INLINE __m256 cpool_both(__m256 a, __m256 v, int op) {
        __m256 m;
        if (op == CPOOL_ADD) return _mm256_add_ps(a, v);
        m = op == CPOOL_MAX ? _mm256_max_ps(v, a) : _mm256_min_ps(v, a);
        return _mm256_blendv_ps(m, v, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    }
    typedef struct {
        const float *a, *b, *c, *d;
    } cpool_taps;
    CPOOL_INLINE cpool_taps cpool_four(const float *x, Py_ssize_t step) {
        cpool_taps t = {x, x + step, x + 2 * step, x + 3 * step};
        return t;
    }
    CPOOL_INLINE __m256 cpool_few(const cpool_taps *x, Py_ssize_t i, int count, int op) {
        __m256 a = _mm256_loadu_ps(x->a + i), b;
        if (count == 1) return a;
        a = cpool_both(a, _mm256_loadu_ps(x->b + i), op);
        if (count == 2) return a;
        b = _mm256_loadu_ps(x->c + i);
        if (count == 4) b = cpool_both(b, _mm256_loadu_ps(x->d + i), op);
        return cpool_both(a, b, op);
    }
    CPOOL_INLINE __m256 cpool_many(const float *x, Py_ssize_t step, Py_ssize_t count, int op) {
        cpool_taps t = cpool_four(x, step);
        int four = count > CPOOL_MANY;
        __m256 a;
        if (count % 2 && count > 5 && !four) {
            a = cpool_few(&t, 0, 3, op);
            x = t.d, count -= 3;
        } else {
            a = cpool_few(&t, 0, 4, op);
            x = t.d + step, count -= 4;
        }
        for (; count >= 4 && four; count -= 4, x += 4 * step) {
            t = cpool_four(x, step);
            a = cpool_both(a, cpool_few(&t, 0, 4, op), op);
        }
        for (; count >= 2; count -= 2, x += 2 * step) {
            t = cpool_four(x, step);
            a = cpool_both(a, cpool_few(&t, 0, 2, op), op);
        }
        return count > 0 ? cpool_both(a, _mm256_loadu_ps(x), op) : a;
    }
    /* A plane of rows of n elements from rows `pitch` apart. */
    CPOOL_INLINE void cpool_plane_of_bands(float *y, const float *x, Py_ssize_t pitch,
                                           const cpool_band *band, Py_ssize_t bands, Py_ssize_t n,
                                           int vectors, int op) {
        Py_ssize_t j, last = n - 8;
        __m256 a, b = _mm256_setzero_ps(), c = b, d = b;
        #define CPOOL_BAND(fold) do { \\
            Py_ssize_t i = 0; \\
            a = fold; \\
            if (vectors > 2) i = 8, b = fold; \\
            if (vectors > 3) i = 16, c = fold; \\
            if (vectors > 1) i = last, d = fold; \\
        } while (0)
        for (; bands > 0; bands--, band++) {
            const float *at = x + band->first * pitch;
            cpool_taps t = cpool_four(at, pitch);
            if (band->count == 4) CPOOL_BAND(cpool_few(&t, i, 4, op));
            else if (band->count == 1) CPOOL_BAND(cpool_few(&t, i, 1, op));
            else if (band->count == 2) CPOOL_BAND(cpool_few(&t, i, 2, op));
            else if (band->count == 3) CPOOL_BAND(cpool_few(&t, i, 3, op));
            else CPOOL_BAND(cpool_many(at + i, pitch, band->count, op));
            for (j = band->times; j > 0; j--, y += n) {
                _mm256_storeu_ps(y, a);
                if (vectors > 2) _mm256_storeu_ps(y + 8, b);
                if (vectors > 3) _mm256_storeu_ps(y + 16, c);
                if (vectors > 1) _mm256_storeu_ps(y + last, d);
            }
        }
    }
    CPOOL_INLINE void cpool_bands(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp,
                                  Py_ssize_t pitch, const cpool_band *band, Py_ssize_t bands,
                                  Py_ssize_t n, Py_ssize_t planes, int op) {
        for (; planes > 0; planes--, y += yp, x += xp) {
            if (n > 24) cpool_plane_of_bands(y, x, pitch, band, bands, n, 4, op);
            else if (n > 16) cpool_plane_of_bands(y, x, pitch, band, bands, n, 3, op);
            else if (n > 8) cpool_plane_of_bands(y, x, pitch, band, bands, n, 2, op);
            else cpool_plane_of_bands(y, x, pitch, band, bands, n, 1, op);
        }
    }
    /* Rows of windows, each written over the next one's begin. */
    CPOOL_INLINE void cpool_windows_of(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp,
                                       const cpool_span *span, Py_ssize_t spans, Py_ssize_t rows,
                                       int fewest, int two, int op) {
        const cpool_span *s, *end = span + spans;
        for (; rows > 0; rows--, y += yp, x += xp) {
            for (s = span; s < end; s++) {
                const float *at = x + s->first;
                cpool_taps t = cpool_four(at, 1);
                __m256i lanes = _mm256_loadu_si256((const __m256i *)s->lanes);
                __m256 v = fewest > 4 ? cpool_many(at, 1, fewest, op)
                                      : cpool_few(&t, 0, fewest, op), w;
                if (two) {
                    w = cpool_both(v, _mm256_loadu_ps(at + fewest), op);
                    v = _mm256_permutevar8x32_ps(v, lanes);
                    w = _mm256_permutevar8x32_ps(w, lanes);
                    v = _mm256_blendv_ps(v, w, _mm256_castsi256_ps(_mm256_slli_epi32(lanes, 28)));
                } else {
                    v = _mm256_permutevar8x32_ps(v, lanes);
                }
                _mm256_storeu_ps(y + s->window, v);
            }
        }
    }
    CPOOL_INLINE void cpool_spans(float *y, Py_ssize_t yp, const float *x, Py_ssize_t xp,
                                  const cpool_span *span, Py_ssize_t spans, Py_ssize_t rows,
                                  int fewest, int two, int op) {
        #define CPOOL_FEWEST(count) \\
            if (fewest == count) { \\
                if (two) cpool_windows_of(y, yp, x, xp, span, spans, rows, count, 1, op); \\
                else cpool_windows_of(y, yp, x, xp, span, spans, rows, count, 0, op); \\
            }
        CPOOL_FEWEST(1) else CPOOL_FEWEST(2) else CPOOL_FEWEST(3) else CPOOL_FEWEST(4)
        else if (two) cpool_windows_of(y, yp, x, xp, span, spans, rows, fewest, 1, op);
        else cpool_windows_of(y, yp, x, xp, span, spans, rows, fewest, 0, op);
    }
    #else
    #define CPOOL_SPANS 0
    #define cpool_bands(y, yp, x, xp, pitch, band, bands, n, planes, op) ((void)0)
    #define cpool_spans(y, yp, x, xp, span, spans, rows, fewest, two, op) ((void)0)
    #endif
    """
    ctypedef struct Span "cpool_span":
        int32_t lanes[8]
        Py_ssize_t first, window

    ctypedef struct Band "cpool_band":
        Py_ssize_t first, count, times

    bint HAS_SPANS "CPOOL_SPANS"
    const int ADDED "CPOOL_ADD"
    const int GREATEST "CPOOL_MAX"
    const int LEAST "CPOOL_MIN"
    void fold_bands "cpool_bands"(float* y, Py_ssize_t yp, const float* x, Py_ssize_t xp,
                                  Py_ssize_t pitch, const Band* band, Py_ssize_t bands,
                                  Py_ssize_t n, Py_ssize_t planes, int op) noexcept nogil
    void fold_spans_of "cpool_spans"(float* y, Py_ssize_t yp, const float* x, Py_ssize_t xp,
                                     const Span* span, Py_ssize_t spans, Py_ssize_t rows,
                                     int fewest, bint two, int op) noexcept nogil


cdef struct Spans:
    # Those of a row, and the bands of a column.
    Py_ssize_t bands, count
    Py_ssize_t fewest, longest      # taps along the row
    Span* each
    Band band[1]


cdef inline bint are_spans(const Plan* g, Py_ssize_t n, Op op, T tag) noexcept nogil:
    """Whether windows are irregular, not too long, and rows of n elements a few vectors."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t fewest, longest
    if T is float and (Op is AddOp or Op is MaxOp or Op is MinOp):
        if not HAS_SPANS or a.start == NULL or b.start == NULL or n < 8 or n > SPAN_ROW:
            return False
        run_lengths(a, &fewest, &longest)
        if fewest <= 0 or longest > LEAF:
            return False
        run_lengths(b, &fewest, &longest)
        return 0 < fewest <= SPAN_TAPS and longest <= fewest + 1
    else:
        return False


cdef const Spans* spans_of(const Plan* g, Py_ssize_t n, char* s, Op op, T tag) noexcept nogil:
    """They, where rows that are folded to rows have n elements; or NULL."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Spans* spans = <Spans*> (s + g.masks_at)
    cdef Band* band = spans.band - 1
    cdef Py_ssize_t o, i = 0
    cdef Span* span
    if not are_spans(g, n, op, tag):
        return NULL
    for o in range(a.m):
        if o == 0 or a.start[o] != band.first or a.count[o] != band.count:
            band += 1
            band.first, band.count, band.times = a.start[o], a.count[o], 0
        band.times += 1
    spans.bands = band + 1 - spans.band
    spans.each = span = <Span*> (band + 1)
    span -= 1
    run_lengths(b, &spans.fewest, &spans.longest)
    for o in range(b.m):
        if o == 0 or i == 8 or b.start[o] - span.first >= 8:
            span += 1
            i = 0
            memset(span, 0, sizeof(Span))
            span.first, span.window = b.start[o], o
        span.lanes[i] = <int32_t> (b.start[o] - span.first
                                   + (8 if b.count[o] > spans.fewest else 0))
        i += 1
    spans.count = span + 1 - spans.each
    return spans


cdef inline int number_of(Op op) noexcept nogil:
    return GREATEST if Op is MaxOp else LEAST if Op is MinOp else ADDED


cdef void span_heights(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, Py_ssize_t pitch,
                       const Spans* spans, Py_ssize_t n, Py_ssize_t planes, Op op) noexcept nogil:
    """The rows of each window folded: rows of n elements, one after the other."""
    if T is float:
        fold_bands(y, yp, x, xp, pitch, spans.band, spans.bands, n, planes, number_of(op))


cdef void span_widths(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, const Spans* spans,
                      Py_ssize_t rows, Op op) noexcept nogil:
    """The windows of rows that are xp apart."""
    if T is float:
        fold_spans_of(y, yp, x, xp, spans.each, spans.count, rows, <int> spans.fewest,
                      spans.longest > spans.fewest, number_of(op))
