# Sums and means of few taps in rows of channels, of floats: one pass over each window, from where
# its elements lie to the result. They are converted, added, divided and rounded in registers.
#
# Rows of a window are added first and then its columns, as by the folds of tiles.pxi.

ctypedef fused Element:
    hfloat
    bfloat
    float
    double

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

# Blocks are of 8 floats or 4 doubles.

cdef inline void take_block(Real* v, const Element* x) noexcept nogil:
    if Element is hfloat or Element is bfloat:
        if Real is float:
            take_eight(v, x)
    else:
        copy_vector(v, x)


cdef inline void put_block(Element* y, const Real* v) noexcept nogil:
    if Element is hfloat or Element is bfloat:
        if Real is float:
            put_eight(y, v)
    else:
        copy_vector(y, v)


cdef inline void take_column(Real* v, const Element* x, Py_ssize_t row,
                             Py_ssize_t high) noexcept nogil:
    cdef Real w[8]
    take_block(v, x)
    if high > 1:
        take_block(w, x + row)
        add_block(v, w)
    if high > 2:
        take_block(w, x + 2 * row)
        add_block(v, w)


cdef void fold_pixels(Element* restrict y, Py_ssize_t yp, const Element* restrict x,
                      Py_ssize_t xp, Py_ssize_t row, Py_ssize_t column, Py_ssize_t n,
                      Py_ssize_t windows, Py_ssize_t high, Py_ssize_t wide, Real by,
                      Side side) noexcept nogil:
    """Windows xp apart of n channels each; their taps are `row` and `column` apart."""
    cdef Py_ssize_t i, j, k
    cdef Real v[8]
    cdef Real w[8]
    if Side is Pair:
        high = wide = 2
    elif Side is Triple:
        high = wide = 3
    for j in range(windows):
        i = 0
        while i < n:
            take_column(v, x + i, row, high)
            if wide > 1:
                take_column(w, x + i + column, row, high)
                add_block(v, w)
            if wide > 2:
                take_column(w, x + i + 2 * column, row, high)
                add_block(v, w)
            for k in range(<Py_ssize_t> (32 // sizeof(Real))):
                v[k] = v[k] / by
            put_block(y + i, v)
            i += <Py_ssize_t> (32 // sizeof(Real))
        x += xp
        y += yp


cdef void pixels_of_row(const Plan* g, const Tile* t, Py_ssize_t h, Py_ssize_t w0, Py_ssize_t w1,
                        const Element* x, Real zero) noexcept nogil:
    """Windows w0 to w1 of row h, which are alike."""
    cdef Py_ssize_t size = sizeof(Element), xp = g.axis[2].stride * g.xs[2] // size
    cdef Py_ssize_t row = g.xs[1] // size, column = g.xs[2] // size, yp = g.ys[2] // size
    cdef Element* y = <Element*> (t.y + t.d * g.ys[0] + h * g.ys[1] + w0 * g.ys[2] + t.c0 * size)
    cdef double by = 1
    cdef Tile first = t[0]
    cdef Run high, wide
    cdef Pair pair = [0]
    cdef Triple triple = [0]
    cdef Few few = [0]
    first.w0, first.w1, first.nc = w0, w0 + 1, 1
    if g.mean:
        divisors(g, &first, t.d, h, &by, NULL)
    taps(&g.axis[1], h, NULL, &high)
    taps(&g.axis[2], w0, NULL, &wide)
    x += (high.first * g.xs[1] + wide.first * g.xs[2]) // size
    if high.count == 2 and wide.count == 2:
        fold_pixels(y, yp, x, xp, row, column, t.nc, w1 - w0, 2, 2, <Real> by, pair)
    elif high.count == 3 and wide.count == 3:
        fold_pixels(y, yp, x, xp, row, column, t.nc, w1 - w0, 3, 3, <Real> by, triple)
    else:
        fold_pixels(y, yp, x, xp, row, column, t.nc, w1 - w0, high.count, wide.count, <Real> by,
                    few)


cdef void pixels_of_tile(const Plan* g, const Tile* t, const Element* x, Real zero) noexcept nogil:
    """Windows that padding cuts, along the rows, are done one by one."""
    cdef Py_ssize_t h, w, first, stop
    full_windows(&g.axis[2], t.w0, t.w1, &first, &stop)
    for h in range(t.h0, t.h1):
        for w in range(t.w0, first):
            pixels_of_row(g, t, h, w, w + 1, x, zero)
        if first < stop:
            pixels_of_row(g, t, h, first, stop, x, zero)
        for w in range(stop, t.w1):
            pixels_of_row(g, t, h, w, w + 1, x, zero)


cdef void pixels(const Plan* g, const Tile* t, T tag) noexcept nogil:
    cdef const char* x = t.x + t.d * g.xs[0] + t.c0 * g.xs[3]
    if T is double:
        pixels_of_tile(g, t, <const double*> x, <double> 0)
    elif T is float:
        if g.x_type == HALF:
            pixels_of_tile(g, t, <const hfloat*> x, <float> 0)
        elif g.x_type == BFLOAT:
            pixels_of_tile(g, t, <const bfloat*> x, <float> 0)
        else:
            pixels_of_tile(g, t, <const float*> x, <float> 0)
