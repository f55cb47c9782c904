# Few taps in rows of channels: one pass over each window, from where its elements lie to the
# result. They are converted, combined, divided and rounded in registers.
#
# Rows of a window are folded first and then its columns, as by the folds of tiles.pxi.

cdef struct Pair:
    char tag

cdef struct Triple:
    char tag

cdef struct Few:
    char tag

# How high and wide windows are. Pair and Triple are known when the code is compiled; Few: up to 3.
ctypedef fused Side:
    Pair
    Triple
    Few

cdef struct OneApart:
    char tag

cdef struct TwoApart:
    char tag

# How far apart windows are that share columns.
ctypedef fused Step:
    OneApart
    TwoApart

cdef enum:
    MANY_BYTES = 256    # of channels, from which 2x2 windows gain by Ordered

# Blocks are of 32 bytes of T.

cdef inline Py_ssize_t bytes_of_block(Form form) noexcept nogil:
    """What a block takes in memory."""
    return 16 if Form is WideHalf or Form is WideBfloat else 32


cdef inline void take_block(T* v, const char* x, Form form) noexcept nogil:
    cdef Py_ssize_t k
    if Form is Plain or Form is Ordered:
        copy_vector(v, x)
    elif Form is Keyed:
        if T is int16_t:
            copy_vector(v, x)
            for k in range(16):
                v[k] = key(v[k], form.infinity, form.nan)
    elif T is float:
        if Form is WideHalf:
            eight_to_floats(v, <const uint16_t*> x)
        else:
            eight_bfloats_to_floats(v, <const uint16_t*> x)


cdef inline void put_block(char* y, T* v, Form form) noexcept nogil:
    """v is overwritten."""
    cdef Py_ssize_t k
    if Form is Plain or Form is Ordered:
        copy_vector(y, v)
    elif Form is Keyed:
        if T is int16_t:
            for k in range(16):
                v[k] = key_to_bits(v[k])
            copy_vector(y, v)
    elif T is float:
        if Form is WideHalf:
            eight_to_halves(<uint16_t*> y, v)
        else:
            eight_to_bfloats(<uint16_t*> y, v)


cdef inline void fold_block(T* v, const T* w, Op op, Form form) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        if Form is Ordered:
            v[k] = pick_with_care(v[k], w[k], op, form)
        else:
            v[k] = pick(v[k], w[k], op)


cdef inline void fold_column(T* v, const char* x, const Py_ssize_t* row, Py_ssize_t high, T* nans,
                             Op op, Form form) noexcept nogil:
    cdef T[32] w
    cdef T[32] z
    take_block(v, x, form)
    if Form is Ordered and high == 1:
        note_unordered(nans, v, v)
    if high > 1:
        take_block(w, x + row[0], form)
        if Form is Ordered:
            note_unordered(nans, v, w)
        fold_block(v, w, op, form)
    if high > 2:
        take_block(z, x + row[1], form)
        if Form is Ordered:
            note_unordered(nans, z, z)
        fold_block(v, z, op, form)


cdef inline void finish_block(char* y, T* v, T by, Op op, Form form) noexcept nogil:
    cdef Py_ssize_t k
    if Op is AddOp:
        for k in range(PER_BLOCK(sizeof(T))):
            v[k] = v[k] / by
    put_block(y, v, form)


cdef bint fold_pixels(char* restrict y, Py_ssize_t yp, const char* restrict x, Py_ssize_t xp,
                      const Py_ssize_t* row, const Py_ssize_t* column, Py_ssize_t n,
                      Py_ssize_t windows, Py_ssize_t high, Py_ssize_t wide, T by, Op op, Form form,
                      Side side) noexcept nogil:
    """Windows xp apart of n bytes of channels each, a block at least; `row` and `column` say how
    far their second and third row and column are from the first. The last block may begin in the
    one before. Gives whether there was a NaN, which Ordered takes for any number."""
    cdef Py_ssize_t i, j, step = bytes_of_block(form)
    cdef T[32] v
    cdef T[32] w
    cdef T[32] nans
    memset(nans, 0, 32)
    if Side is Pair:
        high = wide = 2
    elif Side is Triple:
        high = wide = 3
    for j in range(windows):
        i = 0
        while i < n:
            i = least(i, n - step)
            fold_column(v, x + i, row, high, nans, op, form)
            if wide > 1:
                fold_column(w, x + i + column[0], row, high, nans, op, form)
                fold_block(v, w, op, form)
            if wide > 2:
                fold_column(w, x + i + column[1], row, high, nans, op, form)
                fold_block(v, w, op, form)
            finish_block(y + i, v, by, op, form)
            i += step
        x += xp
        y += yp
    return is_nan_among(nans)


cdef bint roll_pixels(char* restrict y, Py_ssize_t yp, const char* restrict x,
                      const Py_ssize_t* row, Py_ssize_t column, Py_ssize_t n, Py_ssize_t windows,
                      T by, char* restrict ring, Op op, Form form, Step apart,
                      Side side) noexcept nogil:
    """As fold_pixels, of three columns, one or two apart. What two or three windows share, a folded
    column, is folded once: the last two are kept in the ring."""
    cdef Py_ssize_t i, j, step = bytes_of_block(form), wider = 32 // step, pitch = wider * n
    cdef Py_ssize_t high = 2 if Side is Pair else 3
    cdef char* first = ring
    cdef char* second = ring + pitch
    cdef char* third = ring + 2 * pitch
    cdef T[32] a
    cdef T[32] b
    cdef T[32] c
    cdef T[32] nans
    memset(nans, 0, 32)
    i = 0
    while i < n:
        i = least(i, n - step)
        fold_column(a, x + i, row, high, nans, op, form)
        copy_vector(first + wider * i, a)
        if Step is OneApart:
            fold_column(b, x + i + column, row, high, nans, op, form)
            copy_vector(second + wider * i, b)
        i += step
    for j in range(windows):
        i = 0
        while i < n:
            i = least(i, n - step)
            copy_vector(a, first + wider * i)
            if Step is OneApart:
                copy_vector(b, second + wider * i)
            else:
                fold_column(b, x + i + column, row, high, nans, op, form)
            fold_column(c, x + i + 2 * column, row, high, nans, op, form)
            copy_vector(third + wider * i, c)
            fold_block(a, b, op, form)
            fold_block(a, c, op, form)
            finish_block(y + i, a, by, op, form)
            i += step
        if Step is OneApart:
            first, second, third = second, third, first
            x += column
        else:
            first, third = third, first
            x += 2 * column
        y += yp
    return is_nan_among(nans)


cdef inline void apart(Py_ssize_t* at, Py_ssize_t pitch, Py_ssize_t count) noexcept nogil:
    """Second and third of so many taps; where there are fewer, the last one again."""
    at[0] = pitch * least(1, count - 1)
    at[1] = pitch * least(2, count - 1)


cdef bint pixels_of_row(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t w0, Py_ssize_t w1,
                        char* ring, T tag, Op op, Form form) noexcept nogil:
    """Windows w0 to w1 of row h, which are alike. An element that is looked at twice changes no
    maximum, so that those which padding cuts are as good as whole ones."""
    cdef Py_ssize_t yp = g.ys[2], column = g.xs[2], xp = g.axis[2].stride * column
    cdef Py_ssize_t n = t.nc * g.x_size, windows = w1 - w0, high, wide
    cdef Py_ssize_t[2] row
    cdef Py_ssize_t[2] columns
    cdef const char* x = t.x + t.d * g.xs[0] + t.c0 * g.xs[3]
    cdef char* y = t.y + t.d * g.ys[0] + h * g.ys[1] + w0 * yp + t.c0 * g.ys[3]
    cdef double by = 1
    cdef bint rolling
    cdef Tile first = t[0]
    cdef Run r
    cdef OneApart one = [0]
    cdef TwoApart two = [0]
    cdef Pair pair = [0]
    cdef Triple triple = [0]
    cdef Few few = [0]
    first.w0, first.w1, first.nc = w0, w0 + 1, 1
    if g.mean:
        divisors(g, &first, t.d, h, &by, NULL)
    taps(&g.axis[1], h, NULL, &r)
    x += r.first * g.xs[1]
    apart(row, g.xs[1], r.count)
    high = r.count if Op is AddOp else g.axis[1].kernel
    taps(&g.axis[2], w0, NULL, &r)
    x += r.first * column
    apart(columns, column, r.count)
    wide = r.count if Op is AddOp else g.axis[2].kernel
    rolling = r.count == 3 and g.axis[2].stride < 3 and windows > 1
    if rolling and high == 3 and g.axis[2].stride == 1:
        return roll_pixels(y, yp, x, row, column, n, windows, <T> by, ring, op, form, one, triple)
    elif rolling and high == 3:
        return roll_pixels(y, yp, x, row, column, n, windows, <T> by, ring, op, form, two, triple)
    elif rolling and high == 2 and g.axis[2].stride == 1:
        return roll_pixels(y, yp, x, row, column, n, windows, <T> by, ring, op, form, one, pair)
    elif rolling and high == 2:
        return roll_pixels(y, yp, x, row, column, n, windows, <T> by, ring, op, form, two, pair)
    elif high == 2 and wide == 2:
        return fold_pixels(y, yp, x, xp, row, columns, n, windows, 2, 2, <T> by, op, form, pair)
    elif high == 3 and wide == 3:
        return fold_pixels(y, yp, x, xp, row, columns, n, windows, 3, 3, <T> by, op, form, triple)
    else:
        return fold_pixels(y, yp, x, xp, row, columns, n, windows, high, wide, <T> by, op, form,
                           few)


cdef void alike(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t w0, Py_ssize_t w1,
                char* ring, T tag, Op op, Form form) noexcept nogil:
    """Such windows. Most rows have no NaN, and comparisons that need not let one win are fewer; to
    look for one takes half a comparison for each element. Of few taps and channels that is no
    gain."""
    cdef Ordered ordered = [0]
    cdef bint many = g.axis[1].kernel == 3 or t.nc * g.x_size >= MANY_BYTES
    if Form is Plain and (T is float or T is double) and (Op is MaxOp or Op is MinOp):
        if many and not pixels_of_row(g, t, h, w0, w1, ring, tag, op, ordered):
            return
    pixels_of_row(g, t, h, w0, w1, ring, tag, op, form)


cdef void pixels_of_tile(const Plan* g, const Tile* t, char* ring, T tag, Op op,
                         Form form) noexcept nogil:
    """Windows that padding cuts, along the rows, are done one by one."""
    cdef Py_ssize_t h, w, first, stop
    full_windows(&g.axis[2], t.w0, t.w1, &first, &stop)
    for h in range(t.h0, t.h1):
        for w in range(t.w0, first):
            alike(g, t, h, w, w + 1, ring, tag, op, form)
        if first < stop:
            alike(g, t, h, first, stop, ring, tag, op, form)
        for w in range(stop, t.w1):
            alike(g, t, h, w, w + 1, ring, tag, op, form)


cdef void pixels(const Plan* g, const Tile* t, char* s, T tag, Op op) noexcept nogil:
    cdef char* ring = s + g.lines_at        # 4 pixels at least, where windows roll
    cdef Plain plain = [0]
    cdef WideHalf half = [0]
    cdef WideBfloat bfloat16 = [0]
    cdef Keyed keyed
    if T is int16_t and (Op is MaxOp or Op is MinOp):
        if g.keyed:
            keyed.infinity, keyed.nan = infinity_of_16(g), g.nan_key
            pixels_of_tile(g, t, ring, tag, op, keyed)
            return
    if T is float and Op is AddOp:
        if g.x_type == HALF:
            pixels_of_tile(g, t, ring, tag, op, half)
            return
        elif g.x_type == BFLOAT:
            pixels_of_tile(g, t, ring, tag, op, bfloat16)
            return
    pixels_of_tile(g, t, ring, tag, op, plain)
