# Load: a row of any array -> a contiguous row of the type that is folded. Strides, byte order,
# alignment, conversion, masks and NaNs that do not exist end here; folds never hear of them.

ctypedef fused S:
    int8_t
    uint8_t
    int16_t
    uint16_t
    int32_t
    uint32_t
    int64_t
    uint64_t
    float
    double

cdef enum What:
    # What a tile's rows are: the values, or 1 for each element that exists, or 1 for each NaN.
    VALUES, EXISTING, NANS


cdef extern from *:
    """
    #define CPOOL_APART(bytes) do { \
        for (i = 0; i < n; i++) memcpy(y + i * to, x + i * from, bytes); \
    } while (0)
    /* Distances that a compiler knows make vectors. */
    #define CPOOL_NUMBERS(number, at) do { \
        number *restrict numbers = (number *)y; \
        const number *restrict source = (const number *)x; \
        for (i = 0; i < n; i++) numbers[i] = source[at]; \
    } while (0)
    #define CPOOL_ONE_BY_ONE(number) do { \
        if (to == sizeof(number) && from == 2 * to) CPOOL_NUMBERS(number, 2 * i); \
        else if (to == sizeof(number) && from == -to) CPOOL_NUMBERS(number, -i); \
        else CPOOL_APART(sizeof(number)); \
    } while (0)
    typedef uint8_t cpool_bits1;
    typedef uint16_t __attribute__((may_alias, aligned(1))) cpool_bits2;
    typedef uint32_t __attribute__((may_alias, aligned(1))) cpool_bits4;
    typedef uint64_t __attribute__((may_alias, aligned(1))) cpool_bits8;
    /* n elements, `from` bytes apart, to places `to` bytes apart. */
    static void cpool_move_elements(char *restrict y, Py_ssize_t to, const char *restrict x,
                                    Py_ssize_t from, Py_ssize_t n, int size) {
        Py_ssize_t i;
        if (size == 1) CPOOL_ONE_BY_ONE(cpool_bits1);
        else if (size == 2) CPOOL_ONE_BY_ONE(cpool_bits2);
        else if (size == 4) CPOOL_ONE_BY_ONE(cpool_bits4);
        else if (size == 8) CPOOL_ONE_BY_ONE(cpool_bits8);
        else CPOOL_APART(size);
    }
    #define CPOOL_TURN(number, turned) do { \
        for (i = 0; i < n; i++) { \
            number v; \
            memcpy(&v, y + i * sizeof v, sizeof v); \
            v = turned(v); \
            memcpy(y + i * sizeof v, &v, sizeof v); \
        } \
    } while (0)
    /* The other byte order. */
    static void cpool_turn(char *y, Py_ssize_t n, int size) {
        Py_ssize_t i;
        if (size == 2) CPOOL_TURN(uint16_t, __builtin_bswap16);
        else if (size == 4) CPOOL_TURN(uint32_t, __builtin_bswap32);
        else if (size == 8) CPOOL_TURN(uint64_t, __builtin_bswap64);
    }
    """
    void move_elements "cpool_move_elements"(char* y, Py_ssize_t to, const char* x,
                                             Py_ssize_t start, Py_ssize_t n,
                                             int size) noexcept nogil
    void turn "cpool_turn"(char* y, Py_ssize_t n, int size) noexcept nogil


cdef void gather(char* raw, const char* x, Py_ssize_t nw, Py_ssize_t nc, Py_ssize_t sw,
                 Py_ssize_t sc, int size, bint swapped) noexcept nogil:
    """Elements of any stride, alignment and byte order, one after the other."""
    cdef Py_ssize_t w
    if nc > 1 and sw == nc * sc:
        nw, nc, sw = nw * nc, 1, sc
    if nc > 1 and sc != size:
        for w in range(nw):
            move_elements(raw + w * nc * size, size, x + w * sw, sc, nc, size)
    elif sw == nc * size or nw == 1:
        memcpy(raw, x, nw * nc * size)
    elif nc > 1:
        for w in range(nw):
            memcpy(raw + w * nc * size, x + w * sw, nc * size)
    else:
        move_elements(raw, size, x, sw, nw, size)
    if swapped:
        turn(raw, nw * nc, size)


cdef void widen(Any* restrict y, const S* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <Any> x[i]


cdef void halves(T* restrict y, const uint16_t* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if T is float:
        halves_to_floats(y, x, n)
    else:
        for i in range(n):
            y[i] = <T> half_to_float(x[i])


cdef void bfloats(T* restrict y, const uint16_t* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <T> bfloat_to_float(x[i])


cdef inline int16_t key(int16_t h, int16_t infinity, int16_t nan) noexcept nogil:
    """A 16-bit float as an integer in the same order: a negative one's magnitude is turned round. A
    NaN, of either sign, is the key that wins."""
    cdef int16_t v = h ^ ((h >> 15) & INT16_MAX)
    return nan if (h & INT16_MAX) > infinity else v


cdef inline int16_t key_to_bits(int16_t v) noexcept nogil:
    """The reverse."""
    return v ^ ((v >> 15) & INT16_MAX)


cdef inline int16_t infinity_of_16(const Plan* g) noexcept nogil:
    return 0x7c00 if g.x_type == HALF else 0x7f80


cdef void keys(int16_t* restrict y, const int16_t* restrict x, int16_t infinity, int16_t nan,
               Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = key(x[i], infinity, nan)


cdef void convert(const Plan* g, T* y, const char* raw, Py_ssize_t n) noexcept nogil:
    """Exactly the conversions that cpool.arrays asks for: none of them loses anything, but the
    lower bits of large integers as doubles."""
    cdef int kind = g.x_type
    if T is float or T is double:
        if kind == HALF:
            halves(y, <const uint16_t*> raw, n)
            return
        elif kind == BFLOAT:
            bfloats(y, <const uint16_t*> raw, n)
            return
    if T is double:
        if kind == FLOAT:
            widen(y, <const float*> raw, n)
            return
        elif kind == INT8:
            widen(y, <const int8_t*> raw, n)
            return
        elif kind == BOOL or kind == UINT8:
            widen(y, <const uint8_t*> raw, n)
            return
        elif kind == INT16:
            widen(y, <const int16_t*> raw, n)
            return
        elif kind == UINT16:
            widen(y, <const uint16_t*> raw, n)
            return
        elif kind == INT32:
            widen(y, <const int32_t*> raw, n)
            return
        elif kind == UINT32:
            widen(y, <const uint32_t*> raw, n)
            return
        elif kind == INT64:
            widen(y, <const int64_t*> raw, n)
            return
        elif kind == UINT64:
            widen(y, <const uint64_t*> raw, n)
            return
    if T is huge:
        if kind == UINT64:
            widen(y, <const uint64_t*> raw, n)
        else:
            widen(y, <const int64_t*> raw, n)
    if T is int16_t:
        if g.keyed:
            keys(y, <const int16_t*> raw, infinity_of_16(g), g.nan_key, n)
            return
    if T is int16_t or T is int32_t or T is uint64_t:
        if kind == INT8:
            widen(y, <const int8_t*> raw, n)
            return
        elif kind == BOOL or kind == UINT8:
            widen(y, <const uint8_t*> raw, n)
            return
    if T is int32_t or T is uint64_t:
        if kind == INT16:
            widen(y, <const int16_t*> raw, n)
            return
        elif kind == UINT16:
            widen(y, <const uint16_t*> raw, n)
            return
    if T is uint64_t:
        if kind == INT32:
            widen(y, <const int32_t*> raw, n)
            return
        elif kind == UINT32:
            widen(y, <const uint32_t*> raw, n)
            return
    if T is not huge:
        memcpy(y, raw, n * sizeof(T))


cdef inline bint is_contiguous(const Py_ssize_t* strides, Py_ssize_t nw, Py_ssize_t nc,
                               Py_ssize_t size) noexcept nogil:
    return (nc == 1 or strides[3] == size) and (nw == 1 or strides[2] == nc * size)


cdef inline const char* plain_row(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h,
                                  char* s) noexcept nogil:
    """The elements of source row (d, h) of a tile, one after the other: in place or gathered."""
    cdef Py_ssize_t nw = t.w_hi - t.w_lo
    cdef const char* x = place(g, t, d, h)
    cdef char* raw = s + g.raw_at
    if not g.x_swapped and is_contiguous(g.xs, nw, t.nc, g.x_size) and (
            <size_t> x % g.x_size == 0):
        return x
    gather(raw, x, nw, t.nc, g.xs[2], g.xs[3], g.x_size, g.x_swapped)
    return raw


cdef void load_plain(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, T* y,
                     char* s) noexcept nogil:
    """Source row (d, h) of a tile, as it is."""
    convert(g, y, plain_row(g, t, d, h, s), (t.w_hi - t.w_lo) * t.nc)


cdef inline void take_up(const Plan* g, T* y, const char* raw, Py_ssize_t n, Op op) noexcept nogil:
    """Elements as they are folded."""
    if Op is AddOp and (T is float or T is double):
        if g.lifted:
            lift(g, y, raw, n)
            return
    if Op is ProductOp and T is double:
        lift_factors(g, y, raw, n)
    else:
        convert(g, y, raw, n)


cdef void take_up_apart(const Plan* g, T* y, const char* x, Py_ssize_t step, Py_ssize_t n,
                        Op op) noexcept nogil:
    """The same for elements `step` bytes apart, of any alignment and byte order."""
    cdef double raw[1024]
    cdef Py_ssize_t part
    if Op is not ProductOp and g.x_type == g.t_type and not g.lifted:
        gather(<char*> y, x, n, 1, step, 0, g.x_size, g.x_swapped)
        return
    while n > 0:
        part = least(n, PIECES)
        gather(<char*> raw, x, part, 1, step, 0, g.x_size, g.x_swapped)
        take_up(g, y, <const char*> raw, part, op)
        x += part * step
        y += part
        n -= part


cdef void mark_nans(uint8_t* restrict flags, const T* restrict x, Py_ssize_t n,
                    bint nans) noexcept nogil:
    """What exists stays so where x is a NaN (nans), or where it is none (not nans)."""
    cdef Py_ssize_t i
    cdef uint8_t wanted = nans
    for i in range(n):
        flags[i] = flags[i] & ((x[i] != x[i]) == wanted)


cdef inline const uint8_t* mask_row(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h,
                                    char* s) noexcept nogil:
    """The mask of a source row, where it lies or gathered: not 0 where an element exists."""
    cdef char* flags = s + g.flags_at
    cdef const char* at = (t.mask + d * g.ms[0] + h * g.ms[1] + t.w_lo * g.ms[2] + t.c0 * g.ms[3])
    if is_contiguous(g.ms, t.w_hi - t.w_lo, t.nc, 1):
        return <const uint8_t*> at
    gather(flags, at, t.w_hi - t.w_lo, t.nc, g.ms[2], g.ms[3], 1, False)
    return <const uint8_t*> flags


cdef void ones(Any* restrict y, const uint8_t* restrict mask, Py_ssize_t n) noexcept nogil:
    """1 where a mask is not 0."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = mask[i] != 0


cdef void load_flags(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, uint8_t* flags,
                     What what, char* s) noexcept nogil:
    """1 for each element of a source row that exists (or, for NANS, that is an existing NaN)."""
    cdef Py_ssize_t n = (t.w_hi - t.w_lo) * t.nc
    cdef char* values = s + g.flags_at + g.line * 1
    if g.mask == NULL:
        fill(flags, n, <uint8_t> 1)
    else:
        ones(flags, mask_row(g, t, d, h, s), n)
    if what == NANS or g.omit_nan:
        if g.t_type == DOUBLE:
            load_plain(g, t, d, h, <double*> values, s)
            mark_nans(flags, <double*> values, n, what == NANS)
        else:
            load_plain(g, t, d, h, <float*> values, s)
            mark_nans(flags, <float*> values, n, what == NANS)


cdef void keep(T* restrict y, const T* restrict x, const uint8_t* restrict flags, T none,
               bint numbers, Py_ssize_t n) noexcept nogil:
    """x where flags (NULL: all) are not 0 and, if `numbers`, it is no NaN."""
    cdef Py_ssize_t i
    cdef T v
    if flags == NULL:
        for i in range(n):
            y[i] = x[i] if x[i] == x[i] else none
    elif numbers:
        for i in range(n):
            v = x[i] if x[i] == x[i] else none
            y[i] = v if flags[i] != 0 else none
    else:
        for i in range(n):
            v = x[i]
            y[i] = v if flags[i] != 0 else none


cdef void take_some(const Plan* g, T* y, const char* raw, const uint8_t* flags, T none,
                    Py_ssize_t n) noexcept nogil:
    """As `convert`, with `none` instead of what does not exist: while memory is waited for, where
    nothing has to be converted."""
    cdef T piece[1024 + 32]
    cdef Py_ssize_t part
    if T is float or T is double:
        if g.lifted:
            lift_some(g, y, raw, flags, n)
            return
    if g.x_type == g.t_type:
        keep(y, <const T*> raw, flags, none, g.omit_nan, n)
        return
    while n > 0:
        part = least(n, PIECES)
        convert(g, piece, raw, part)
        keep(y, piece, flags, none, g.omit_nan, part)
        y += part
        raw += part * g.x_size
        if flags != NULL:
            flags += part
        n -= part


cdef void take_what_exists(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, T* y,
                           const char* raw, Py_ssize_t rows, char* s, Op op) noexcept nogil:
    """Rows h and after it of a tile's source, one after the other: what does not exist changes
    nothing."""
    cdef Py_ssize_t i, n = (t.w_hi - t.w_lo) * t.nc
    cdef T none = identity(op, <T> 0)
    if g.mask == NULL:
        take_some(g, y, raw, NULL, none, rows * n)
    elif g.ms[1] == n and is_contiguous(g.ms, t.w_hi - t.w_lo, t.nc, 1):
        take_some(g, y, raw, mask_row(g, t, d, h, s), none, rows * n)
    else:
        for i in range(rows):
            take_some(g, y + i * n, raw + i * n * g.x_size, mask_row(g, t, d, h + i, s), none, n)


cdef void divide_source(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h,
                        T* y) noexcept nogil:
    """The transpose of a mean: each window's gradient divided by what its mean was divided by."""
    cdef Py_ssize_t w, c
    cdef const Axis* a = &g.axis[0]
    cdef double plane = g.divisor
    cdef T size
    if plane == 0:
        plane = ((a[0].size[d] if a[0].size != NULL else a[0].size0) *
                 (a[1].size[h] if a[1].size != NULL else a[1].size0))
        if a[2].size != NULL:
            for w in range(t.w_lo, t.w_hi):
                size = <T> (plane * a[2].size[w])
                for c in range(t.nc):
                    y[c] = y[c] / size
                y += t.nc
            return
        plane = plane * a[2].size0
    size = <T> plane
    for w in range((t.w_hi - t.w_lo) * t.nc):
        y[w] = y[w] / size


cdef void load(const Plan* g, const Tile* t, Py_ssize_t d, Py_ssize_t h, T* y, What what, char* s,
               Op op) noexcept nogil:
    """Source row (d, h) of a tile, ready to be folded."""
    cdef Py_ssize_t n = (t.w_hi - t.w_lo) * t.nc
    cdef uint8_t* flags = <uint8_t*> (s + g.flags_at)
    if what == EXISTING and not g.omit_nan:
        ones(y, mask_row(g, t, d, h, s), n)
        return
    if what != VALUES:
        load_flags(g, t, d, h, flags, what, s)
        widen(y, flags, n)
        return
    if g.mask != NULL or g.omit_nan:
        take_what_exists(g, t, d, h, y, plain_row(g, t, d, h, s), 1, s, op)
    else:
        take_up(g, y, plain_row(g, t, d, h, s), n, op)
    if T is float or T is double:
        if g.transposed and g.mean:
            divide_source(g, t, d, h, y)


cdef void fill_borders(const Plan* g, const Tile* t, T* line, Py_ssize_t rows, Op op,
                       T tag) noexcept nogil:
    """The padding of lines, whose own elements stand at `left`."""
    cdef const Axis* a = &g.axis[2]
    cdef Py_ssize_t j, i, right = t.left + t.w_hi - t.w_lo
    cdef Py_ssize_t after = (t.width - right) * t.nc
    cdef T none = identity(op, tag)
    if t.width == t.w_hi - t.w_lo:
        return
    for i in range(rows):
        if a.source == NULL or a.transposed:
            for j in range(t.left * t.nc):
                line[j] = none
            for j in range(after):
                line[right * t.nc + j] = none
        else:
            repeat(a, t, line, 0, t.left, none)
            repeat(a, t, line, right, t.width, none)
        line += g.line


cdef void repeat(const Axis* a, const Tile* t, T* line, Py_ssize_t lo, Py_ssize_t hi,
                 T none) noexcept nogil:
    """Positions lo to hi of a line get the elements that they repeat."""
    cdef Py_ssize_t j, c
    for j in range(lo, hi):
        for c in range(t.nc):
            line[j * t.nc + c] = (line[(t.left + a.source[j]) * t.nc + c] if j < a.reach
                                  else none)
