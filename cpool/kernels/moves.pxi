# Rows moved: filled, copied, taken apart and put together.
#
# The contract of all loops over rows, here and in rows.pxi:
#
# * Each loop is a function of its own with `restrict` pointers, runs over whole blocks (UP, DOWN)
#   and selects instead of branching; otherwise gcc leaves it scalar, 10 to 40 times slower.
# * Outputs are scratch rows with at least BLOCK bytes of slack; inputs may be read up to the next
#   whole block, which `fold_run` allows only inside the array (`safe`).
# * The order in which elements are combined depends on the window alone, never on the place of a
#   tile, the instruction set or the number of threads.

from libc.string cimport memcpy, memmove, memset


cdef void fill(Any* y, Py_ssize_t n, Any value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = value


# The row loops run over a block of rows: y rows `yp` elements apart, x rows `xp` apart.

cdef void copy_rows(T* restrict y, Py_ssize_t yp, const T* restrict a, Py_ssize_t xp, Py_ssize_t n,
                    Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = a[i]
        y += yp
        a += xp


cdef void pick_out(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                   const int32_t* restrict places, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    """The elements at the same places of each row."""
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(n):
            y[i] = x[places[i]]
        y += yp
        x += xp


# --- strides along a row: taken apart into phases, put together from phases ---------------------

cdef extern from *:
    """
    #if defined(__AVX2__)
    #include <immintrin.h>
    /* The even and the odd ones of two vectors of groups of `size` bytes, for which compilers take
       a dozen instructions. Both come in the order of the instruction: the second and the
       third quarter are exchanged, which cpool_put_back undoes; not so groups of 16 bytes. */
    CPOOL_INLINE void cpool_deal_two(void *even, void *odd, const void *x, const void *y,
                                     size_t size) {
        __m256i a = _mm256_loadu_si256((const __m256i *)x);
        __m256i b = _mm256_loadu_si256((const __m256i *)y);
        __m256i e, o;
        if (size == 1) {
            __m256i low = _mm256_set1_epi16(0xff);
            e = _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
            o = _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
        } else if (size == 2) {
            __m256i low = _mm256_set1_epi32(0xffff);
            e = _mm256_packus_epi32(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
            o = _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16));
        } else if (size == 4) {
            __m256 p = _mm256_castsi256_ps(a), q = _mm256_castsi256_ps(b);
            e = _mm256_castps_si256(_mm256_shuffle_ps(p, q, 0x88));
            o = _mm256_castps_si256(_mm256_shuffle_ps(p, q, 0xdd));
        } else if (size == 8) {
            __m256d p = _mm256_castsi256_pd(a), q = _mm256_castsi256_pd(b);
            e = _mm256_castpd_si256(_mm256_unpacklo_pd(p, q));
            o = _mm256_castpd_si256(_mm256_unpackhi_pd(p, q));
        } else {
            e = _mm256_permute2x128_si256(a, b, 0x20);
            o = _mm256_permute2x128_si256(a, b, 0x31);
        }
        _mm256_storeu_si256((__m256i *)even, e);
        _mm256_storeu_si256((__m256i *)odd, o);
    }
    CPOOL_INLINE void cpool_put_back(void *y, const void *x, size_t size) {
        __m256i v = _mm256_loadu_si256((const __m256i *)x);
        if (size < 16) v = _mm256_permute4x64_epi64(v, 0xd8);
        _mm256_storeu_si256((__m256i *)y, v);
    }
    CPOOL_INLINE void cpool_copy_vector(void *y, const void *x) {
        _mm256_storeu_si256((__m256i *)y, _mm256_loadu_si256((const __m256i *)x));
    }
    #else
    typedef float __attribute__((vector_size(16), may_alias, aligned(1))) cpool_vector16;
    CPOOL_INLINE void cpool_copy_vector(void *y, const void *x) {
        ((cpool_vector16 *)y)[0] = ((const cpool_vector16 *)x)[0];
        ((cpool_vector16 *)y)[1] = ((const cpool_vector16 *)x)[1];
    }
    #define CPOOL_PART(number) do { \
        for (i = 0; i < BLOCK / sizeof(number); i++) { \
            memcpy((number *)even + i, (const number *)both + 2 * i, sizeof(number)); \
            memcpy((number *)odd + i, (const number *)both + 2 * i + 1, sizeof(number)); \
        } \
    } while (0)
    CPOOL_INLINE void cpool_deal_two(void *even, void *odd, const void *x, const void *y,
                                     size_t size) {
        size_t i;
        char both[2 * BLOCK];
        memcpy(both, x, BLOCK);
        memcpy(both + BLOCK, y, BLOCK);
        if (size == 1) CPOOL_PART(uint8_t);
        else if (size == 2) CPOOL_PART(uint16_t);
        else if (size == 4) CPOOL_PART(uint32_t);
        else if (size == 8) CPOOL_PART(uint64_t);
        else CPOOL_PART(cpool_huge);
    }
    CPOOL_INLINE void cpool_put_back(void *y, const void *x, size_t size) {
        (void)size;
        memcpy(y, x, BLOCK);
    }
    #endif
    CPOOL_INLINE void cpool_deal(void *even, void *odd, const void *x, size_t size) {
        cpool_deal_two(even, odd, x, (const char *)x + BLOCK, size);
    }
    """
    # 32 bytes by vectors, which stay in registers where y is a variable.
    void copy_vector "cpool_copy_vector"(void* y, const void* x) noexcept nogil
    void deal "cpool_deal"(void* even, void* odd, const void* x, size_t size) noexcept nogil
    void deal_two "cpool_deal_two"(void* even, void* odd, const void* x, const void* y,
                                   size_t size) noexcept nogil
    void put_back "cpool_put_back"(void* y, const void* x, size_t size) noexcept nogil


cdef void split2(T* restrict a, T* restrict b, const T* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef T even[32]
    cdef T odd[32]
    while i < DOWN(n, sizeof(T)):
        deal(even, odd, x + 2 * i, sizeof(T))
        put_back(a + i, even, sizeof(T))
        put_back(b + i, odd, sizeof(T))
        i += PER_BLOCK(sizeof(T))


cdef void zip2(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
               Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[2 * i] = a[i]
            y[2 * i + 1] = b[i]
        y += yp
        a += xp
        b += xp


cdef void split(T* phases, Py_ssize_t pitch, const T* x, Py_ssize_t n, Py_ssize_t stride,
                Py_ssize_t unit) noexcept nogil:
    """Phase p gets the groups p, p + stride, p + 2 stride, ... of `unit` elements each.

    n: groups in x, which has slack for 2 blocks."""
    cdef Py_ssize_t p, i, c, groups = (n + stride - 1) // stride
    if stride == 2 and unit == 1:
        split2(phases, phases + pitch, x, UP(groups, sizeof(T)))
        return
    for p in range(stride):
        i = 0
        while p + i * stride < n:
            for c in range(unit):
                phases[p * pitch + i * unit + c] = x[(p + i * stride) * unit + c]
            i += 1


cdef extern from *:
    """
    typedef uint32_t __attribute__((may_alias, aligned(1))) cpool_number4;
    typedef uint64_t __attribute__((may_alias, aligned(1))) cpool_number8;
    /* Groups of up to `whole` bytes, `step` apart, are moved together: whole ones are copied, each
       over what was too much of the one before; two in a turn, which saves a third of the
       instructions. */
    #define CPOOL_MOVE(whole) do { \
        for (; n > 1; n -= 2, y += 2 * unit, x += 2 * step) { \
            memcpy(y, x, whole); \
            memcpy(y + unit, x + step, whole); \
        } \
        if (n > 0) memcpy(y, x, whole); \
    } while (0)
    /* Every second of numbers: vectors. */
    #define CPOOL_SECOND(number) do { \
        number *restrict to = (number *)y; \
        const number *restrict from = (const number *)x; \
        for (i = 0; i < n; i++) to[i] = from[2 * i]; \
    } while (0)
    static void cpool_move_groups(char *y, const char *x, Py_ssize_t n, Py_ssize_t step,
                                  Py_ssize_t unit) {
        Py_ssize_t i;
        if (unit == 4 && step == 8) CPOOL_SECOND(cpool_number4);
        else if (unit == 8 && step == 16) CPOOL_SECOND(cpool_number8);
        else if (unit == 1) CPOOL_MOVE(1);
        else if (unit == 2) CPOOL_MOVE(2);
        else if (unit <= 4) CPOOL_MOVE(4);
        else if (unit <= 8) CPOOL_MOVE(8);
        else if (unit <= 16) CPOOL_MOVE(16);
        else CPOOL_MOVE(32);
    }
    """
    void move_groups "cpool_move_groups"(char* y, const char* x, Py_ssize_t n, Py_ssize_t step,
                                         Py_ssize_t unit) noexcept nogil


cdef void thin_out(T* y, const T* x, Py_ssize_t n, Py_ssize_t step, Py_ssize_t unit) noexcept nogil:
    """n groups of `unit` elements, together less than a block each, of which the first are `step`
    elements apart; y has slack for a block."""
    move_groups(<char*> y, <const char*> x, n, step * sizeof(T), unit * sizeof(T))


cdef void unsplit(T* y, Py_ssize_t yp, const T** phases, Py_ssize_t xp, Py_ssize_t groups,
                  Py_ssize_t stride, Py_ssize_t unit, Py_ssize_t rows) noexcept nogil:
    """The reverse, for a block of rows: y gets `groups` groups of each phase in turn. Of short ones
    whole blocks are copied: what is too much is overwritten by the next."""
    cdef Py_ssize_t p, i, j
    cdef bint few = unit * <Py_ssize_t> sizeof(T) < BLOCK
    cdef const T* a
    cdef const T* b
    if stride == 2 and unit == 1:
        zip2(y, yp, phases[0], phases[1], xp, UP(groups, sizeof(T)), rows)
        return
    for j in range(rows):
        if few and stride == 2:
            a, b = phases[0] + j * xp, phases[1] + j * xp
            for i in range(groups):
                copy_vector(y + 2 * i * unit, a + i * unit)
                copy_vector(y + (2 * i + 1) * unit, b + i * unit)
        else:
            for i in range(groups):
                for p in range(stride):
                    if few:
                        copy_vector(y + (i * stride + p) * unit, phases[p] + j * xp + i * unit)
                    else:
                        memcpy(y + (i * stride + p) * unit, phases[p] + j * xp + i * unit,
                               unit * sizeof(T))
        y += yp
