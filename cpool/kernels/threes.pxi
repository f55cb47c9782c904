# Windows of 3x3, one or two apart, of planes too large to be several in a tile: from three rows
# straight to one. Rows of memory are touched in order first, some at a time (see touch_rows).

cdef inline bint are_straight_threes(const Plan* g, const Tile* t, What what,
                                     size_t size) noexcept nogil:
    """Whether the windows of a tile are folded so: a vector of them at least, and, where two apart,
    one element behind a row may be read."""
    return (what == VALUES and g.threes and t.doubtful == NULL and not t.counted
            and t.w1 - t.w0 >= PER_BLOCK(size) and <size_t> target(g, t) % size == 0
            and (t.safe or g.axis[2].stride == 1))


cdef void tile_threes(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    cdef DivideOp divide
    if Op is AddOp and (T is float or T is double):
        if g.y_scaled:
            divide.by = constant_divisor(g)
            fold_threes(g, t, s, divide, tag)
            return
    fold_threes(g, t, s, op, tag)


cdef void fold_threes(const Plan* g, const Tile* t, char* s, Op op, T tag) noexcept nogil:
    cdef const Axis* a = &g.axis[2]
    cdef T* filler = <T*> (s + g.lines_at)
    cdef T* mask = <T*> (s + g.result_at)
    cdef T* y = <T*> target(g, t)
    cdef const T* x = <const T*> place(g, t, t.d, 0) - t.w_lo
    cdef Py_ssize_t n = t.w1 - t.w0, yp = g.ys[1] // <Py_ssize_t> sizeof(T)
    cdef Py_ssize_t pitch = g.xs[1] // <Py_ssize_t> sizeof(T), h = t.h0, rows, fresh = t.h_lo
    if t.h0 == 0 or t.h1 == g.axis[1].m:
        fill(filler, n * a.stride + 2, neutral(op, <T> 0))
    if a.stride == 1:
        neighbours(g, y, yp, x, pitch, t.h0, t.h1, t.w0, t.w1, t.safe, filler + 1, op)
        return
    fill(mask, n, <T> 1)
    mask[n - 1] = <T> (2 * t.w1 - a.before < a.n)
    while h < t.h1:
        rows = least(t.h1 - h, touched_together(g, 2 * g.xs[1]))
        if g.streamed:
            fresh = touch_windows(g, t, h, rows, fresh)
        halve_exactly(g, y, yp, x, pitch, h, h + rows, t.w0, t.w1, filler + 1, mask, op)
        y += rows * yp
        h += rows
