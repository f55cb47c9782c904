# 16-bit floats: to float and back, rounded to nearest, ties to even. Branch-free, so that loops
# over them are vectorised on any instruction set; the same bits as hardware conversion.

cdef extern from *:
    """
    static inline float cpool_as_float(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
    static inline uint32_t cpool_as_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

    /* IEEE 754 binary16. Moving the exponent and mantissa up by 13 bits gives the value times
       2**-112, subnormals included; infinities and NaNs get their exponent by hand, and NaNs are
       made quiet, as processors do. */
    static inline float cpool_half_to_float(uint16_t h) {
        uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13;
        uint32_t finite = cpool_as_bits(cpool_as_float(magnitude) * 0x1p112f);
        uint32_t special = magnitude | (magnitude > 0x0f800000u ? 0x7fc00000u : 0x7f800000u);
        uint32_t bits = magnitude >= 0x0f800000u ? special : finite;
        return cpool_as_float(bits | ((uint32_t)(h & 0x8000u) << 16));
    }
    /* Subnormals: adding 0.5 leaves the float's last bit worth 2**-24, the unit of a subnormal
       half, so that the addition rounds. */
    static inline uint16_t cpool_float_to_half(float f) {
        uint32_t bits = cpool_as_bits(f), x = bits & 0x7fffffffu;
        uint32_t normal = (x + 0xfffu + ((x >> 13) & 1u) - 0x38000000u) >> 13;
        uint32_t tiny = cpool_as_bits(cpool_as_float(x) + 0.5f) - 0x3f000000u;
        uint32_t nan = 0x7e00u | ((x >> 13) & 0x1ffu);
        uint32_t h = x < 0x38800000u ? tiny : normal;
        h = x >= 0x47800000u ? 0x7c00u : h;
        h = x > 0x7f800000u ? nan : h;
        return (uint16_t)(h | ((bits >> 16) & 0x8000u));
    }
    /* Rows of them, by the processor where it has instructions for it. */
    #if defined(__F16C__)
    #include <immintrin.h>
    #endif
    CPOOL_INLINE void cpool_eight_to_floats(float *y, const uint16_t *x) {
    #if defined(__F16C__)
        _mm256_storeu_ps(y, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)x)));
    #else
        for (int i = 0; i < 8; i++) y[i] = cpool_half_to_float(x[i]);
    #endif
    }
    CPOOL_INLINE void cpool_eight_to_halves(uint16_t *y, const float *x) {
    #if defined(__F16C__)
        _mm_storeu_si128((__m128i *)y, _mm256_cvtps_ph(_mm256_loadu_ps(x),
                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    #else
        for (int i = 0; i < 8; i++) y[i] = cpool_float_to_half(x[i]);
    #endif
    }
    static void cpool_halves_to_floats(float *y, const uint16_t *x, Py_ssize_t n) {
        Py_ssize_t i = 0;
        for (; i + 8 <= n; i += 8) cpool_eight_to_floats(y + i, x + i);
        for (; i < n; i++) y[i] = cpool_half_to_float(x[i]);
    }
    static void cpool_floats_to_halves(uint16_t *y, const float *x, Py_ssize_t n) {
        Py_ssize_t i = 0;
        for (; i + 8 <= n; i += 8) cpool_eight_to_halves(y + i, x + i);
        for (; i < n; i++) y[i] = cpool_float_to_half(x[i]);
    }
    /* bfloat16 is the upper half of a float. */
    static inline float cpool_bfloat_to_float(uint16_t h) {
        return cpool_as_float((uint32_t)h << 16);
    }
    static inline uint16_t cpool_float_to_bfloat(float f) {
        uint32_t x = cpool_as_bits(f);
        uint32_t rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
        uint32_t nan = (x >> 16) | 0x40u;
        return (uint16_t)((x & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
    }
    CPOOL_INLINE void cpool_eight_bfloats_to_floats(float *y, const uint16_t *x) {
    #if defined(__AVX2__)
        __m256i v = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)x));
        _mm256_storeu_ps(y, _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)));
    #else
        for (int i = 0; i < 8; i++) y[i] = cpool_bfloat_to_float(x[i]);
    #endif
    }
    CPOOL_INLINE void cpool_eight_to_bfloats(uint16_t *y, const float *x) {
    #if defined(__AVX2__)
        __m256 f = _mm256_loadu_ps(x);
        __m256i v = _mm256_castps_si256(f), high = _mm256_srli_epi32(v, 16);
        __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
        __m256i nan = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
        v = _mm256_add_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(0x7fff)), odd);
        v = _mm256_blendv_epi8(_mm256_srli_epi32(v, 16), nan,
                               _mm256_castps_si256(_mm256_cmp_ps(f, f, _CMP_UNORD_Q)));
        v = _mm256_permute4x64_epi64(_mm256_packus_epi32(v, v), 0xd8);
        _mm_storeu_si128((__m128i *)y, _mm256_castsi256_si128(v));
    #else
        for (int i = 0; i < 8; i++) y[i] = cpool_float_to_bfloat(x[i]);
    #endif
    }
    /* Rounded to odd, a float on the way from double to 16 bits does not round twice
       (Boldo & Melquiond 2008). */
    static inline float cpool_round_to_odd(double d) {
        float f = (float)d;
        uint32_t bits = cpool_as_bits(f);
        if (f != f || (double)f == d) return f;
        if (fabs((double)f) > fabs(d)) bits -= 1;
        return cpool_as_float(bits | 1u);
    }
    """
    float half_to_float "cpool_half_to_float"(uint16_t h) noexcept nogil
    uint16_t float_to_half "cpool_float_to_half"(float f) noexcept nogil
    void eight_to_floats "cpool_eight_to_floats"(float* y, const uint16_t* x) noexcept nogil
    void eight_to_halves "cpool_eight_to_halves"(uint16_t* y, const float* x) noexcept nogil
    void halves_to_floats "cpool_halves_to_floats"(float* y, const uint16_t* x,
                                                   Py_ssize_t n) noexcept nogil
    void floats_to_halves "cpool_floats_to_halves"(uint16_t* y, const float* x,
                                                   Py_ssize_t n) noexcept nogil
    void eight_bfloats_to_floats "cpool_eight_bfloats_to_floats"(float* y,
                                                                 const uint16_t* x) noexcept nogil
    void eight_to_bfloats "cpool_eight_to_bfloats"(uint16_t* y, const float* x) noexcept nogil
    float bfloat_to_float "cpool_bfloat_to_float"(uint16_t h) noexcept nogil
    uint16_t float_to_bfloat "cpool_float_to_bfloat"(float f) noexcept nogil
    float round_to_odd "cpool_round_to_odd"(double d) noexcept nogil
