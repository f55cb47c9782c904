# Unpooling of 32-bit values whose positions are in their windows (see unpool.pxi), in vectors: what
# a position is and where its value goes to, or comes from, never leaves registers, which takes half
# to a third of the time. A position that is elsewhere is only found.

cdef extern from *:
    """
    #if defined(__AVX2__)
    #include <immintrin.h>
    #define CPOOL_WORDS 1
    /* How far positions are from `base`, in the order of _mm256_shuffle_ps. */
    CPOOL_INLINE __m256i cpool_distances(const int64_t *q, __m256i base, __m256i *left_out,
                                         __m256i *good) {
        __m256 a = _mm256_loadu_ps((const float *)q), b = _mm256_loadu_ps((const float *)(q + 4));
        __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
        __m256i high = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
        *good = _mm256_and_si256(*good, _mm256_cmpeq_epi32(high, _mm256_srai_epi32(low, 31)));
        *left_out = _mm256_cmpeq_epi32(low, _mm256_set1_epi32(-1));
        return _mm256_sub_epi32(low, base);
    }
    CPOOL_INLINE __m256i cpool_either(__m256i a, __m256i b, __m256i c, __m256i d) {
        return _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
    }
    CPOOL_INLINE __m256i cpool_word(int32_t word) { return _mm256_set1_epi32(word); }
    CPOOL_INLINE __m256i cpool_read(const uint32_t *x) {
        return _mm256_loadu_si256((const __m256i *)x);
    }
    CPOOL_INLINE void cpool_write(uint32_t *y, __m256i v) {
        _mm256_storeu_si256((__m256i *)y, v);
    }
    CPOOL_INLINE __m256i cpool_reorder(__m256i v) { return _mm256_permute4x64_epi64(v, 0xd8); }

    /* 2x2 windows that tile rows of `row` elements: n from a row of values. */
    CPOOL_INLINE void cpool_eight_windows(uint32_t *small, uint32_t *large, const int64_t *q,
                                          Py_ssize_t row, int32_t base, int transposed,
                                          __m256i *good) {
        const __m256i apart = _mm256_setr_epi32(0, 2, 8, 10, 4, 6, 12, 14);
        __m256i left_out, v, t0, t1, t2, t3;
        __m256i d = cpool_distances(q, _mm256_add_epi32(cpool_word(base), apart), &left_out, good);
        t0 = _mm256_cmpeq_epi32(d, cpool_word(0));
        t1 = _mm256_cmpeq_epi32(d, cpool_word(1));
        t2 = _mm256_cmpeq_epi32(d, cpool_word((int32_t)row));
        t3 = _mm256_cmpeq_epi32(d, cpool_word((int32_t)row + 1));
        *good = _mm256_and_si256(*good, _mm256_or_si256(left_out, cpool_either(t0, t1, t2, t3)));
        if (transposed) {
            __m256 a = _mm256_loadu_ps((const float *)large);
            __m256 b = _mm256_loadu_ps((const float *)large + 8);
            __m256 c = _mm256_loadu_ps((const float *)large + row);
            __m256 e = _mm256_loadu_ps((const float *)large + row + 8);
            t0 = _mm256_and_si256(t0, _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)));
            t1 = _mm256_and_si256(t1, _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd)));
            t2 = _mm256_and_si256(t2, _mm256_castps_si256(_mm256_shuffle_ps(c, e, 0x88)));
            t3 = _mm256_and_si256(t3, _mm256_castps_si256(_mm256_shuffle_ps(c, e, 0xdd)));
            cpool_write(small, cpool_reorder(cpool_either(t0, t1, t2, t3)));
            return;
        }
        v = cpool_reorder(cpool_read(small));
        t0 = _mm256_and_si256(t0, v);
        t1 = _mm256_and_si256(t1, v);
        t2 = _mm256_and_si256(t2, v);
        t3 = _mm256_and_si256(t3, v);
        cpool_write(large, _mm256_unpacklo_epi32(t0, t1));
        cpool_write(large + 8, _mm256_unpackhi_epi32(t0, t1));
        cpool_write(large + row, _mm256_unpacklo_epi32(t2, t3));
        cpool_write(large + row + 8, _mm256_unpackhi_epi32(t2, t3));
    }
    /* A plane of them; n >= 8: the last vector of a row ends with it. */
    CPOOL_INLINE int cpool_planes_of_words(uint32_t *small, uint32_t *large, const int64_t *q,
                                           Py_ssize_t rows, Py_ssize_t n, Py_ssize_t row,
                                           int transposed) {
        __m256i good = cpool_word(-1);
        Py_ssize_t h, i;
        for (h = 0; h < rows; h++) {
            for (i = 0; i < n; i += 8) {
                if (i > n - 8) i = n - 8;
                cpool_eight_windows(small + i, large + 2 * i, q + i, row,
                                    (int32_t)(2 * h * row + 2 * i), transposed, &good);
            }
            small += n;
            q += n;
            large += 2 * row;
        }
        return _mm256_movemask_epi8(good) == -1;
    }
    /* A window of nc >= 8 channels: `count` taps, so many elements from the first one. */
    CPOOL_INLINE int cpool_window_of_words(uint32_t *small, uint32_t *large, const int64_t *q,
                                           Py_ssize_t nc, Py_ssize_t inner, int32_t base,
                                           const int32_t *taps, int count, int transposed) {
        __m256i good = cpool_word(-1), left_out, d, v, named, tap;
        Py_ssize_t c;
        int i;
        for (c = 0; c < nc; c += 8) {
            if (c > nc - 8) c = nc - 8;
            d = cpool_distances(q + c, cpool_word(base), &left_out, &good);
            d = cpool_reorder(d);
            named = cpool_reorder(left_out);
            v = transposed ? _mm256_setzero_si256() : cpool_read(small + c);
            for (i = 0; i < count; i++) {
                uint32_t *at = large + taps[i] * inner + c;
                tap = _mm256_cmpeq_epi32(d, cpool_word(taps[i]));
                named = _mm256_or_si256(named, tap);
                if (transposed) v = _mm256_or_si256(v, _mm256_and_si256(tap, cpool_read(at)));
                else cpool_write(at, _mm256_and_si256(tap, v));
            }
            if (transposed) cpool_write(small + c, v);
            good = _mm256_and_si256(good, named);
        }
        return _mm256_movemask_epi8(good) == -1;
    }
    /* The same for four taps, as 2x2 windows have them: what belongs to each stays in registers. */
    CPOOL_INLINE int cpool_window_of_four(uint32_t *small, uint32_t *large, const int64_t *q,
                                          Py_ssize_t nc, Py_ssize_t inner, int32_t base,
                                          const int32_t *taps, int transposed) {
        const __m256i n0 = cpool_word(base + taps[0]), n1 = cpool_word(base + taps[1]);
        const __m256i n2 = cpool_word(base + taps[2]), n3 = cpool_word(base + taps[3]);
        uint32_t *l0 = large + taps[0] * inner, *l1 = large + taps[1] * inner;
        uint32_t *l2 = large + taps[2] * inner, *l3 = large + taps[3] * inner;
        __m256i good = cpool_word(-1), left_out, d, v, t0, t1, t2, t3;
        Py_ssize_t c;
        for (c = 0; c < nc; c += 8) {
            if (c > nc - 8) c = nc - 8;
            d = cpool_reorder(cpool_distances(q + c, _mm256_setzero_si256(), &left_out, &good));
            left_out = cpool_reorder(left_out);
            t0 = _mm256_cmpeq_epi32(d, n0);
            t1 = _mm256_cmpeq_epi32(d, n1);
            t2 = _mm256_cmpeq_epi32(d, n2);
            t3 = _mm256_cmpeq_epi32(d, n3);
            good = _mm256_and_si256(good,
                                    _mm256_or_si256(left_out, cpool_either(t0, t1, t2, t3)));
            if (transposed) {
                t0 = _mm256_and_si256(t0, cpool_read(l0 + c));
                t1 = _mm256_and_si256(t1, cpool_read(l1 + c));
                t2 = _mm256_and_si256(t2, cpool_read(l2 + c));
                t3 = _mm256_and_si256(t3, cpool_read(l3 + c));
                cpool_write(small + c, cpool_either(t0, t1, t2, t3));
                continue;
            }
            v = cpool_read(small + c);
            cpool_write(l0 + c, _mm256_and_si256(t0, v));
            cpool_write(l1 + c, _mm256_and_si256(t1, v));
            cpool_write(l2 + c, _mm256_and_si256(t2, v));
            cpool_write(l3 + c, _mm256_and_si256(t3, v));
        }
        return _mm256_movemask_epi8(good) == -1;
    }
    static int cpool_words_of_plane(void *small, void *large, const int64_t *q, Py_ssize_t rows,
                                    Py_ssize_t n, Py_ssize_t row, int transposed) {
        return transposed ? cpool_planes_of_words(small, large, q, rows, n, row, 1)
                          : cpool_planes_of_words(small, large, q, rows, n, row, 0);
    }
    static int cpool_words_of_window(void *small, void *large, const int64_t *q, Py_ssize_t nc,
                                     Py_ssize_t inner, int32_t base, const int32_t *taps,
                                     int count, int transposed) {
        if (count == 4) return transposed
            ? cpool_window_of_four(small, large, q, nc, inner, base, taps, 1)
            : cpool_window_of_four(small, large, q, nc, inner, base, taps, 0);
        return cpool_window_of_words(small, large, q, nc, inner, base, taps, count, transposed);
    }
    #else
    #define CPOOL_WORDS 0
    #define cpool_words_of_plane(small, large, q, rows, n, row, transposed) 0
    #define cpool_words_of_window(small, large, q, nc, inner, base, taps, count, transposed) 0
    #endif
    """
    bint HAS_WORDS "CPOOL_WORDS"
    bint words_of_plane "cpool_words_of_plane"(
        void* small, void* large, const int64_t* q, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t row,
        bint transposed) noexcept nogil
    bint words_of_window "cpool_words_of_window"(
        void* small, void* large, const int64_t* q, Py_ssize_t nc, Py_ssize_t inner, int32_t base,
        const int32_t* taps, int count, bint transposed) noexcept nogil


cdef inline bint are_word_rows(const Plan* g) noexcept nogil:
    """Planes of one channel, and 2x2 windows."""
    return (HAS_WORDS and g.inner == 1 and g.axis[2].n >= 8
            and g.axis[0].n == 1 and g.axis[0].kernel == 1
            and g.axis[1].kernel == 2 and g.axis[1].stride == 2
            and g.axis[2].kernel == 2 and g.axis[2].stride == 2)


cdef bint unpool_word_rows(const Plan* g, const Unpool* u, bint transposed) noexcept nogil:
    return words_of_plane(u.y if transposed else u.x, u.x if transposed else u.y, u.q,
                          g.axis[1].n, g.axis[2].n, g.axis[2].m, transposed)


cdef bint unpool_word_channels(const Plan* g, const Unpool* u, const Names* taps,
                               bint transposed) noexcept nogil:
    """At least 8 channels; a window at a time."""
    cdef Py_ssize_t d, h, w, base, inner = g.inner
    cdef uint32_t* small = <uint32_t*> (u.y if transposed else u.x)
    cdef uint32_t* large = <uint32_t*> (u.x if transposed else u.y)
    cdef const int64_t* q = u.q
    for d in range(g.axis[0].n):
        for h in range(g.axis[1].n):
            base = d * g.axis[0].stride * taps.plane + h * g.axis[1].stride * taps.row
            for w in range(g.axis[2].n):
                if not words_of_window(small, large + base * inner, q, u.nc, inner,
                                       <int32_t> base, taps.distances, taps.count, transposed):
                    return False
                base += g.axis[2].stride
                small += inner
                q += inner
    return True
