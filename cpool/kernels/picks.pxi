# Extrema with positions of few taps in rows of channels, of float32: values and offsets of a block
# of channels in one pass, in registers, to the results. The general loops of select.pxi take a
# third longer, because they let a NaN win, keep offsets in scratch and go through both again. NaNs
# are only found here: a tile that has any is done over again.
#
# Offsets grow from tap to tap, so that the greatest one of those that beat what was before them is
# the last one's. What beats is packed to bytes before offsets are looked at, if these are bytes:
# four blocks share the instructions.

cdef extern from *:
    """
    typedef struct {
        const float *tap[9];
        int32_t offset[9];
        int count;
        int shared;                 /* 3 x 3 of which windows share the first column */
        Py_ssize_t n, windows;      /* channels */
        Py_ssize_t xp, yp, qp;      /* from window to window; qp: bytes */
        int32_t start, further;     /* positions of windows */
    } cpool_picks;
    #if defined(__AVX2__)
    #define CPOOL_PICKS 1
    CPOOL_INLINE void cpool_look_at_channels(__m256 *nans, const float *x, Py_ssize_t n) {
        Py_ssize_t c;
        for (c = 0; c < n; c += 8) {
            __m256 v = _mm256_loadu_ps(x + (c < n - 8 ? c : n - 8));
            cpool_look_for_nans(nans, v, v);
        }
    }
    /* Whether a tap is looked at for NaNs: not if the window before has done it. */
    CPOOL_INLINE int cpool_is_new(int k, int shared) { return !shared || k % 3 != 0; }

    /* *a becomes the better one; whether that is x. */
    CPOOL_INLINE __m256i cpool_take(__m256 *a, __m256 x, int greatest) {
        __m256i beats = cpool_beats(x, *a, greatest);
        *a = cpool_best(x, *a, greatest);
        return beats;
    }
    /* 32 channels, offsets of bytes. */
    CPOOL_INLINE void cpool_pick_bytes(float *v, char *q, const cpool_picks *g, Py_ssize_t at,
                                       int count, int shared, int greatest, __m256 *nans) {
        const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        const float *x = g->tap[0] + at;
        __m256 a = _mm256_loadu_ps(x), b = _mm256_loadu_ps(x + 8);
        __m256 c = _mm256_loadu_ps(x + 16), d = _mm256_loadu_ps(x + 24);
        __m256i offset = _mm256_set1_epi8((char)g->offset[0]);
        int k;
        if (cpool_is_new(0, shared)) {
            cpool_look_for_nans(nans, a, b);
            cpool_look_for_nans(nans, c, d);
        }
        for (k = 1; k < count; k++) {
            __m256 e, f;
            __m256i first, second, beats, next = _mm256_set1_epi8((char)g->offset[k]);
            x = g->tap[k] + at;
            e = _mm256_loadu_ps(x), f = _mm256_loadu_ps(x + 8);
            first = cpool_take(&a, e, greatest);
            first = _mm256_packs_epi32(first, cpool_take(&b, f, greatest));
            if (cpool_is_new(k, shared)) cpool_look_for_nans(nans, e, f);
            e = _mm256_loadu_ps(x + 16), f = _mm256_loadu_ps(x + 24);
            second = cpool_take(&c, e, greatest);
            second = _mm256_packs_epi32(second, cpool_take(&d, f, greatest));
            if (cpool_is_new(k, shared)) cpool_look_for_nans(nans, e, f);
            beats = _mm256_packs_epi16(first, second);
            offset = _mm256_max_epu8(offset, _mm256_and_si256(beats, next));
        }
        _mm256_storeu_ps(v, a);
        _mm256_storeu_ps(v + 8, b);
        _mm256_storeu_ps(v + 16, c);
        _mm256_storeu_ps(v + 24, d);
        _mm256_storeu_si256((__m256i *)q, _mm256_permutevar8x32_epi32(offset, in_order));
    }
    /* Offsets of a block: bytes, or positions. */
    CPOOL_INLINE void cpool_put_block(char *q, __m256i offset, __m256i start, int size) {
        __m128i low, high;
        if (size == 8) offset = _mm256_add_epi32(offset, start);
        low = _mm256_castsi256_si128(offset);
        high = _mm256_extracti128_si256(offset, 1);
        if (size == 8) {
            _mm256_storeu_si256((__m256i *)q, _mm256_cvtepi32_epi64(low));
            _mm256_storeu_si256((__m256i *)q + 1, _mm256_cvtepi32_epi64(high));
            return;
        }
        low = _mm_packs_epi32(low, high);
        _mm_storel_epi64((__m128i *)q, _mm_packus_epi16(low, low));
    }
    /* 8 or 16 channels: one block or two, which look for NaNs together. */
    CPOOL_INLINE void cpool_pick_blocks(float *v, char *q, const cpool_picks *g, Py_ssize_t at,
                                        __m256i start, int blocks, int count, int shared,
                                        int greatest, int size, __m256 *nans) {
        const int last = 8 * (blocks - 1);
        const float *x = g->tap[0] + at;
        cpool_found a = {_mm256_loadu_ps(x), cpool_number(g->offset[0])}, b = a, c, d;
        int k;
        if (blocks == 2) b.value = _mm256_loadu_ps(x + 8);
        if (cpool_is_new(0, shared)) cpool_look_for_nans(nans, a.value, b.value);
        for (k = 1; k < count; k++) {
            x = g->tap[k] + at;
            c.offset = d.offset = cpool_number(g->offset[k]);
            c.value = _mm256_loadu_ps(x), d.value = _mm256_loadu_ps(x + last);
            a = cpool_better(a, c, greatest);
            if (blocks == 2) b = cpool_better(b, d, greatest);
            if (cpool_is_new(k, shared)) cpool_look_for_nans(nans, c.value, d.value);
        }
        _mm256_storeu_ps(v, a.value);
        cpool_put_block(q, a.offset, start, size);
        if (blocks == 2) {
            _mm256_storeu_ps(v + 8, b.value);
            cpool_put_block(q + 8 * size, b.offset, start, size);
        }
    }
    CPOOL_INLINE Py_ssize_t cpool_least(Py_ssize_t a, Py_ssize_t b) { return a < b ? a : b; }
    /* Large blocks, and then small ones, the last of which may begin in the one before. */
    CPOOL_INLINE int cpool_pick_windows(float *v, char *q, const cpool_picks *picks, int count,
                                        int shared, int greatest, int size) {
        const cpool_picks g = *picks;
        const Py_ssize_t large = size == 1 ? 32 : 16, rest = g.n % large;
        const int again = rest > large / 2 && g.n > large;      /* the rest: as a large one */
        __m256 nans = _mm256_setzero_ps();
        Py_ssize_t c, j;
        int k;
        for (k = 0; shared && k < 9; k += 3) cpool_look_at_channels(&nans, g.tap[k], g.n);
        for (j = 0; j < g.windows; j++) {
            const __m256i start = cpool_number(g.start + (int32_t)j * g.further);
            const Py_ssize_t at = j * g.xp;
            for (c = 0; c < g.n - (again ? 0 : rest); c += large) {
                c = cpool_least(c, g.n - large);
                if (size == 1) cpool_pick_bytes(v + c, q + c, &g, at + c, count, shared, greatest,
                                                &nans);
                else cpool_pick_blocks(v + c, q + 8 * c, &g, at + c, start, 2, count, shared,
                                       greatest, 8, &nans);
            }
            for (; c < g.n; c += 8) {
                c = cpool_least(c, g.n - 8);
                cpool_pick_blocks(v + c, q + size * c, &g, at + c, start, 1, count, shared,
                                  greatest, size, &nans);
            }
            v += g.yp;
            q += g.qp;
        }
        return _mm256_movemask_ps(nans) != 0;
    }
    CPOOL_INLINE int cpool_pick_taps(float *v, char *q, const cpool_picks *g, int greatest,
                                     int size) {
        if (g->shared) return cpool_pick_windows(v, q, g, 9, 1, greatest, size);
        if (g->count == 4) return cpool_pick_windows(v, q, g, 4, 0, greatest, size);
        return cpool_pick_windows(v, q, g, g->count, 0, greatest, size);
    }
    /* Offsets of 1 byte each; 8: positions. */
    static int cpool_pick(float *v, char *q, const cpool_picks *g, int greatest, int size) {
        if (size == 1) return greatest ? cpool_pick_taps(v, q, g, 1, 1)
                                       : cpool_pick_taps(v, q, g, 0, 1);
        return greatest ? cpool_pick_taps(v, q, g, 1, 8) : cpool_pick_taps(v, q, g, 0, 8);
    }
    #else
    #define CPOOL_PICKS 0
    #define cpool_pick(v, q, g, greatest, size) 1
    #endif
    """
    ctypedef struct Picks "cpool_picks":
        const float* tap[9]
        int32_t offset[9]
        int count
        bint shared
        Py_ssize_t n, windows, xp, yp, qp
        int32_t start, further
    bint HAS_PICKS "CPOOL_PICKS"
    bint pick_windows "cpool_pick"(float* v, char* q, const Picks* g, bint greatest,
                                   int size) noexcept nogil


cdef inline bint are_picked(const Plan* g, const Tile* t) noexcept nogil:
    """Whether all that windows give goes to the results, and there is a large block of bytes."""
    if not (HAS_PICKS and g.t_type == FLOAT and t.nc >= 8 and g.y_plain
            and g.ys[3] == g.y_size and g.ys[1] % g.y_size == 0 and g.ys[2] % g.y_size == 0
            and <size_t> target(g, t) % g.y_size == 0):
        return False
    if g.q2 == NULL:
        return g.q != NULL and g.q_size == 1 and g.qs[3] == 1 and t.nc >= 32
    return g.q == NULL and g.distances and are_short(g) and g.q2s[3] == sizeof(int64_t)


cdef bint pick_alike(const Plan* g, const Tile* t, const Run* rd, const Run* rh, Py_ssize_t h,
                     Py_ssize_t w, Py_ssize_t count, const T* x, Op op) noexcept nogil:
    """`count` windows of row h that differ in nothing but their place. True: there are NaNs."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t i, j, k, at, offset, nc = t.nc, size = sizeof(T), taken = 0
    cdef bint wide = g.q2 != NULL
    cdef char* y = target(g, t) + (h - t.h0) * g.ys[1] + (w - t.w0) * g.ys[2]
    cdef char* q
    cdef Picks p
    cdef Run rw
    if T is float:
        taps(a, w, NULL, &rw)
        for i in range(rd.count):
            for j in range(rh.count):
                at = address(rd, i) + address(rh, j) + (rw.first - t.w_lo) * nc
                offset = ((rd.tap + i) * g.digit[0] + (rh.tap + j) * g.digit[1]
                          + rw.tap * g.digit[2])
                for k in range(rw.count):
                    p.tap[taken] = x + at + k * rw.step * nc
                    p.offset[taken] = <int32_t> (offset + k * g.digit[2])
                    taken += 1
        p.count, p.n, p.windows = <int> taken, nc, count
        p.shared = (taken == 9 and rw.count == 3 and count > 1 and a.dilation == 1
                    and a.stride <= 2)
        p.xp, p.yp = a.stride * nc, g.ys[2] // size
        if wide:
            q, p.qp = positions_at(g, t) + (h - t.h0) * g.q2s[1] + (w - t.w0) * g.q2s[2], g.q2s[2]
        else:
            q, p.qp = offsets_at(g, t) + (h - t.h0) * g.qs[1] + (w - t.w0) * g.qs[2], g.qs[2]
        p.start = <int32_t> ((origin(&g.axis[0], t.d) * g.plane_shape[1] + origin(&g.axis[1], h))
                             * g.plane_shape[2] + origin(a, w))
        p.further = <int32_t> a.stride
        return pick_windows(<float*> y, q, &p, Op is MaxOp, 8 if wide else 1)
    else:
        return True
