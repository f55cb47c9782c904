# Sums of narrow elements, folded where they lie: the first fold reads the source's type and writes
# the accumulator's, so that nothing is loaded before it. Means of 2x2 windows with stride 2, as
# pyramids of images need them, go straight from two rows to one of the same type: two neighbours
# are read as one number, whose halves are added.

cdef extern from *:
    """
    typedef uint16_t __attribute__((may_alias, aligned(1))) cpool_two_bytes;
    typedef uint32_t __attribute__((may_alias, aligned(1))) cpool_two_shorts;
    """
    ctypedef unsigned short two_bytes "cpool_two_bytes"
    ctypedef unsigned int two_shorts "cpool_two_shorts"

# 16-bit floats: no numbers, so that they are no uint16_t.
cdef struct hfloat:
    uint16_t bits

cdef struct bfloat:
    uint16_t bits

ctypedef fused ShortFloat:
    hfloat
    bfloat

cdef struct Threefold:
    char a, b, c

# How many rows are added up: known when the code is compiled.
ctypedef fused Many:
    Single
    Twofold
    Threefold
    Fourfold

ctypedef fused Source:
    int8_t
    uint8_t
    int16_t
    uint16_t
    hfloat
    bfloat

ctypedef fused Sum:
    int16_t
    int32_t
    float

ctypedef fused Two:
    two_bytes
    two_shorts


cdef inline Sum wide(Source v, Sum tag) noexcept nogil:
    if Source is hfloat:
        return <Sum> half_to_float(v.bits)
    elif Source is bfloat:
        return <Sum> bfloat_to_float(v.bits)
    else:
        return <Sum> v


cdef inline void take_eight(float* y, const ShortFloat* x) noexcept nogil:
    if ShortFloat is hfloat:
        eight_to_floats(y, <const uint16_t*> x)
    else:
        eight_bfloats_to_floats(y, <const uint16_t*> x)


cdef inline void put_eight(ShortFloat* y, const float* x) noexcept nogil:
    if ShortFloat is hfloat:
        eight_to_halves(<uint16_t*> y, x)
    else:
        eight_to_bfloats(<uint16_t*> y, x)


cdef inline void add_block(Real* v, const Real* w) noexcept nogil:
    """8 floats or 4 doubles."""
    cdef Py_ssize_t k
    for k in range(<Py_ssize_t> (32 // sizeof(Real))):
        v[k] = v[k] + w[k]


# These loops stop where the row does if nothing behind it may be read (n is no whole number of
# blocks then).

cdef inline void wide_block(float* v, const ShortFloat* a, const ShortFloat* b,
                            const ShortFloat* c, const ShortFloat* d, Many many) noexcept nogil:
    cdef float w[8]
    cdef float z[8]
    take_eight(v, a)
    if Many is not Single:
        take_eight(w, b)
        add_block(v, w)
    if Many is Threefold or Many is Fourfold:
        take_eight(w, c)
        if Many is Fourfold:
            take_eight(z, d)
            add_block(w, z)
        add_block(v, w)


cdef void wide_floats(float* restrict y, Py_ssize_t yp, const ShortFloat** at, Py_ssize_t xp,
                      Py_ssize_t n, Py_ssize_t rows, Many many) noexcept nogil:
    """Sums of one to four rows, by blocks: compilers do not know the instructions for halves."""
    cdef Py_ssize_t i, j, k, whole = n & ~(<Py_ssize_t> 7), count = <Py_ssize_t> sizeof(Many)
    cdef ShortFloat rest[4][8]
    cdef const ShortFloat* a = at[0]
    cdef const ShortFloat* b = at[1 % count]
    cdef const ShortFloat* c = at[2 % count]
    cdef const ShortFloat* d = at[3 % count]
    cdef float v[8]
    for j in range(rows):
        i = 0
        while i < whole:
            wide_block(v, a + i, b + i, c + i, d + i, many)
            copy_vector(y + i, v)
            i += 8
        if whole < n:
            for k in range(count):
                memcpy(rest[k], at[k] + j * xp + whole, (n - whole) * sizeof(ShortFloat))
            wide_block(v, rest[0], rest[1], rest[2], rest[3], many)
            memcpy(y + whole, v, (n - whole) * sizeof(float))
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp


cdef void wide_rows(float* y, Py_ssize_t yp, const ShortFloat** at, Py_ssize_t count,
                    Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Single one = [0]
    cdef Twofold two = [0, 0]
    cdef Threefold three = [0, 0, 0]
    cdef Fourfold four = [0, 0, 0, 0]
    if count == 1:
        wide_floats(y, yp, at, xp, n, rows, one)
    elif count == 2:
        wide_floats(y, yp, at, xp, n, rows, two)
    elif count == 3:
        wide_floats(y, yp, at, xp, n, rows, three)
    else:
        wide_floats(y, yp, at, xp, n, rows, four)


cdef void wide1(Sum* restrict y, Py_ssize_t yp, const Source* restrict a, Py_ssize_t xp,
                Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(n):
            y[i] = wide(a[i], <Sum> 0)
        y += yp
        a += xp


cdef void wide2(Sum* restrict y, Py_ssize_t yp, const Source* restrict a,
                const Source* restrict b, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(n):
            y[i] = <Sum> (wide(a[i], <Sum> 0) + wide(b[i], <Sum> 0))
        y += yp
        a += xp
        b += xp


cdef void wide3(Sum* restrict y, Py_ssize_t yp, const Source* restrict a,
                const Source* restrict b, const Source* restrict c, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(n):
            y[i] = <Sum> (<Sum> (wide(a[i], <Sum> 0) + wide(b[i], <Sum> 0))
                          + wide(c[i], <Sum> 0))
        y += yp
        a += xp
        b += xp
        c += xp


cdef void wide4(Sum* restrict y, Py_ssize_t yp, const Source* restrict a,
                const Source* restrict b, const Source* restrict c, const Source* restrict d,
                Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(n):
            y[i] = <Sum> (<Sum> (wide(a[i], <Sum> 0) + wide(b[i], <Sum> 0))
                          + <Sum> (wide(c[i], <Sum> 0) + wide(d[i], <Sum> 0)))
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp


cdef void widen_lines(const Plan* g, const Tile* t, Sum* lines, const Source* x,
                      char* s) noexcept nogil:
    """As fold_heights; the planes of a window are folded together with its rows."""
    cdef Py_ssize_t* entries = <Py_ssize_t*> (s + g.entries_at)
    cdef Py_ssize_t h, i, j, count, rows, first, stop, n = (t.w_hi - t.w_lo) * t.nc
    cdef Py_ssize_t pitch = g.xs[1] // <Py_ssize_t> sizeof(Source)
    cdef Py_ssize_t xp = g.axis[1].stride * pitch, end = UP(n, sizeof(Source)) if t.safe else n
    cdef Py_ssize_t fresh = t.h_lo, together = touched_together(
        g, 2 * g.axis[1].stride * g.xs[1])      # they become twice as many bytes, or more
    cdef const Source* at[4]        # WIDENED
    cdef Sum* y = lines
    cdef Run r, planes
    taps(&g.axis[0], t.d, entries, &planes)
    planes.pitch = g.xs[0] // <Py_ssize_t> sizeof(Source)
    full_windows(&g.axis[1], t.h0, t.h1, &first, &stop)
    h = t.h0
    while h < t.h1:
        taps(&g.axis[1], h, entries, &r)
        r.pitch = pitch
        rows = least(stop - h, together) if first <= h < stop else 1
        if g.streamed:
            fresh = touch_windows(g, t, h, rows, fresh)
        count = 0
        for i in range(planes.count):
            for j in range(r.count):
                at[count] = x + address(&planes, i) + address(&r, j)
                count += 1
        if count == 0:
            fill(y, n, <Sum> 0)
        elif Source is hfloat or Source is bfloat:
            if Sum is float:
                wide_rows(y, g.line, at, count, xp, end, rows)
        elif count == 1:
            wide1(y, g.line, at[0], xp, end, rows)
        elif count == 2:
            wide2(y, g.line, at[0], at[1], xp, end, rows)
        elif count == 3:
            wide3(y, g.line, at[0], at[1], at[2], xp, end, rows)
        else:
            wide4(y, g.line, at[0], at[1], at[2], at[3], xp, end, rows)
        y += rows * g.line
        h += rows


cdef void widen_heights(const Plan* g, const Tile* t, T* lines, char* s) noexcept nogil:
    """The rows of each window folded, from where they lie into lines."""
    cdef const char* x = place(g, t, 0, 0)
    if T is int16_t:
        if g.x_type == INT8:
            widen_lines(g, t, lines, <const int8_t*> x, s)
        else:
            widen_lines(g, t, lines, <const uint8_t*> x, s)
    elif T is int32_t:
        if g.x_type == INT16:
            widen_lines(g, t, lines, <const int16_t*> x, s)
        else:
            widen_lines(g, t, lines, <const uint16_t*> x, s)
    elif T is float:
        if g.x_type == HALF:
            widen_lines(g, t, lines, <const hfloat*> x, s)
        else:
            widen_lines(g, t, lines, <const bfloat*> x, s)


# --- 2x2 with stride 2 ----------------------------------------------------------------------------

cdef extern from *:
    """
    #if defined(__AVX2__)
    /* Two neighbouring elements of a channel come to lie side by side, and one instruction adds
       them up. Half a vector has the pixels of an even number of windows: 12 bytes where they are
       three elements each, 16 otherwise. `order` says which byte goes where. */
    CPOOL_INLINE __m256i cpool_pixel_order(int channels, int size) {
        signed char order[32];
        int i, element, half = 16 / size;
        for (i = 0; i < 32; i++) {
            element = i % 16 / size;
            order[i] = (signed char)((element / 2 % channels + element / 2 / channels * 2 * channels
                                      + element % 2 * channels) * size + i % size);
            if (element >= half / (2 * channels) * 2 * channels) order[i] = -1;
        }
        return _mm256_loadu_si256((const __m256i *)order);
    }
    CPOOL_INLINE __m256i cpool_pixel_pairs(const char *x, Py_ssize_t step, __m256i order, int size,
                                           int is_signed) {
        __m256i one = _mm256_set1_epi8(1), v = _mm256_castsi128_si256(
            _mm_loadu_si128((const __m128i *)x));
        v = _mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i *)(x + 2 * step)), 1);
        v = _mm256_shuffle_epi8(v, order);
        if (size == 1) return is_signed ? _mm256_maddubs_epi16(one, v)
                                        : _mm256_maddubs_epi16(v, one);
        if (!is_signed) v = _mm256_xor_si256(v, _mm256_set1_epi16(-0x8000));
        return _mm256_madd_epi16(v, _mm256_set1_epi16(1));
    }
    CPOOL_INLINE __m256i cpool_pixel_means(const char *a, const char *b, Py_ssize_t step,
                                           __m256i order, int size, int is_signed) {
        __m256i v = cpool_pixel_pairs(a, step, order, size, is_signed), odd;
        __m256i w = cpool_pixel_pairs(b, step, order, size, is_signed);
        if (size == 1) {
            v = _mm256_add_epi16(v, w);
            odd = _mm256_and_si256(_mm256_srli_epi16(v, 2), _mm256_set1_epi16(1));
            v = _mm256_add_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(1)), odd);
            return _mm256_srai_epi16(v, 2);
        }
        v = _mm256_add_epi32(v, w);
        odd = _mm256_and_si256(_mm256_srli_epi32(v, 2), _mm256_set1_epi32(1));
        v = _mm256_add_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(1)), odd);
        return _mm256_srai_epi32(v, 2);
    }
    CPOOL_INLINE void cpool_pixels(char *y, Py_ssize_t yp, const char *x, Py_ssize_t xp,
                                   Py_ssize_t bytes, Py_ssize_t rows, int channels, int size,
                                   int is_signed) {
        Py_ssize_t i, j, step = channels == 3 ? 12 : 16;
        __m256i p, q, order = cpool_pixel_order(channels, size);
        __m256i together = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1));
        for (j = 0; j < rows; j++, y += yp, x += 2 * xp) {
            const char *a = x;
            for (i = 0; i < bytes; i += 2 * step, a += 4 * step) {
                p = cpool_pixel_means(a, a + xp, step, order, size, is_signed);
                q = cpool_pixel_means(a + step, a + step + xp, step, order, size, is_signed);
                if (size == 1) p = is_signed ? _mm256_packs_epi16(p, q) : _mm256_packus_epi16(p, q);
                else p = _mm256_packs_epi32(p, q);
                if (size == 2 && !is_signed) p = _mm256_xor_si256(p, _mm256_set1_epi16(-0x8000));
                if (channels == 3) p = _mm256_shuffle_epi8(p, together);
                _mm_storeu_si128((__m128i *)(y + i), _mm256_castsi256_si128(p));
                _mm_storeu_si128((__m128i *)(y + i + step), _mm256_extracti128_si256(p, 1));
            }
        }
    }
    #define CPOOL_PIXELS(number, is_signed) cpool_pixels( \
        y, yp, x, xp, bytes, rows, channels, sizeof(number), is_signed)
    #else
    #define CPOOL_PIXELS(number, is_signed) do { \
        Py_ssize_t i, j, c, n = channels; \
        for (j = 0; j < rows; j++, y += yp, x += 2 * xp) { \
            number *to = (number *)y; \
            const number *a = (const number *)x, *b = (const number *)(x + xp); \
            for (i = 0; i < bytes / (Py_ssize_t)sizeof(number); i += n, a += 2 * n, b += 2 * n) \
                for (c = 0; c < n; c++) { \
                    int v = a[c] + a[n + c] + b[c] + b[n + c]; \
                    to[i + c] = (number)((v + 1 + (v >> 2 & 1)) >> 2); \
                } \
        } \
    } while (0)
    #endif
    static void cpool_mean_pixels(char *y, Py_ssize_t yp, const char *x, Py_ssize_t xp,
                                  Py_ssize_t bytes, Py_ssize_t rows, int channels, int size,
                                  int is_signed) {
        if (size == 1 && is_signed) CPOOL_PIXELS(int8_t, 1);
        else if (size == 1) CPOOL_PIXELS(uint8_t, 0);
        else if (is_signed) CPOOL_PIXELS(int16_t, 1);
        else CPOOL_PIXELS(uint16_t, 0);
    }
    """
    # Rows of `bytes` of the result, rounded half to even, each from two rows of x, xp apart: pixels
    # of 2 to 4 channels. Less than a block more may be written, and two more read.
    void mean_pixels "cpool_mean_pixels"(char* y, Py_ssize_t yp, const char* x, Py_ssize_t xp,
                                         Py_ssize_t bytes, Py_ssize_t rows, int channels, int size,
                                         bint is_signed) noexcept nogil


cdef void mean_quads(Narrow* restrict y, Py_ssize_t yp, const Two* restrict a,
                     const Two* restrict b, Py_ssize_t xp, Py_ssize_t n,
                     Py_ssize_t rows) noexcept nogil:
    """Rounded half to even. Signed elements are moved up by half of what there are, which is even,
    and their means down again."""
    cdef Py_ssize_t i, j
    cdef int half = 4 * sizeof(Two)
    cdef Two v, p, q, flip = 0, low = <Two> ((<Two> 1 << half) - 1)
    if Narrow is int8_t:
        flip = <Two> 0x8080
    elif Narrow is int16_t:
        flip = <Two> 0x80008000
    for j in range(rows):
        for i in range(DOWN(n, sizeof(Narrow))):
            p = a[i] ^ flip
            q = b[i] ^ flip
            v = <Two> (<Two> ((p & low) + (p >> half)) + <Two> ((q & low) + (q >> half)))
            v = <Two> (<Two> (v + 1 + ((v >> 2) & 1)) >> 2)
            y[i] = <Narrow> (v ^ (flip & low))
        y += yp
        a += xp
        b += xp


cdef void mean_bfloats(uint16_t* restrict y, Py_ssize_t yp, const two_shorts* restrict a,
                       const two_shorts* restrict b, Py_ssize_t xp, Py_ssize_t n,
                       Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef float v, w
    for j in range(rows):
        for i in range(DOWN(n, sizeof(uint16_t))):
            v = (bfloat_to_float(<uint16_t> (a[i] & 0xffff))
                 + bfloat_to_float(<uint16_t> (b[i] & 0xffff)))
            w = bfloat_to_float(<uint16_t> (a[i] >> 16)) + bfloat_to_float(<uint16_t> (b[i] >> 16))
            y[i] = float_to_bfloat((v + w) * 0.25)
        y += yp
        a += xp
        b += xp


cdef inline void add_halves(float* v, const uint16_t* a, const uint16_t* b) noexcept nogil:
    """Eight sums."""
    cdef Py_ssize_t k
    cdef float[8] w
    eight_to_floats(v, a)
    eight_to_floats(w, b)
    for k in range(8):
        v[k] = v[k] + w[k]


cdef void mean_halves(uint16_t* restrict y, Py_ssize_t yp, const uint16_t* restrict a,
                      const uint16_t* restrict b, Py_ssize_t xp, Py_ssize_t n,
                      Py_ssize_t rows) noexcept nogil:
    """Eight results at a time."""
    cdef Py_ssize_t i, j, k
    cdef float[8] lower
    cdef float[8] upper
    cdef float[8] even
    cdef float[8] odd
    for j in range(rows):
        i = 0
        while i < DOWN(n, sizeof(uint16_t)):
            add_halves(lower, a + 2 * i, b + 2 * i)
            add_halves(upper, a + 2 * i + 8, b + 2 * i + 8)
            deal_two(even, odd, lower, upper, sizeof(float))
            for k in range(8):
                odd[k] = (even[k] + odd[k]) * <float> 0.25
            put_back(even, odd, sizeof(float))
            eight_to_halves(y + i, even)
            i += 8
        y += yp
        a += xp
        b += xp


cdef void mean_rows(const Plan* g, char* y, const char* x, Py_ssize_t n,
                    Py_ssize_t rows) noexcept nogil:
    """rows of n windows, in whole blocks, from twice as many rows of x."""
    cdef const char* b = x + g.xs[1]
    cdef Py_ssize_t xp = g.xs[1] // g.x_size        # of two rows, counted in twos
    cdef Py_ssize_t yp = g.ys[1] // g.y_size
    if g.inner > 1:
        mean_pixels(y, g.ys[1], x, g.xs[1], n * g.inner * g.y_size, rows, <int> g.inner, g.x_size,
                    g.x_type == INT8 or g.x_type == INT16)
        return
    n = UP(n, g.y_size)
    if g.x_type == INT8:
        mean_quads(<int8_t*> y, yp, <const two_bytes*> x, <const two_bytes*> b, xp, n, rows)
    elif g.x_type == UINT8:
        mean_quads(<uint8_t*> y, yp, <const two_bytes*> x, <const two_bytes*> b, xp, n, rows)
    elif g.x_type == INT16:
        mean_quads(<int16_t*> y, yp, <const two_shorts*> x, <const two_shorts*> b, xp, n, rows)
    elif g.x_type == UINT16:
        mean_quads(<uint16_t*> y, yp, <const two_shorts*> x, <const two_shorts*> b, xp, n, rows)
    elif g.x_type == HALF:
        mean_halves(<uint16_t*> y, yp, <const uint16_t*> x, <const uint16_t*> b, 2 * xp, n, rows)
    else:
        mean_bfloats(<uint16_t*> y, yp, <const two_shorts*> x, <const two_shorts*> b, xp, n, rows)
