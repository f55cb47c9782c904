# Windows of 3x3, one apart, without channels: from three rows straight to one. Left and right
# elements are those of a vector and its neighbours, moved by one place. Two rows of windows go
# together, as these share two rows.
#
# Of rows that are no whole vectors, the last vector is read and written as a whole where there is
# slack. Otherwise it begins in the one before: nothing is read but what windows have.

cdef inline void fold_columns(T* upper, T* lower, const T** rows, Py_ssize_t at, T* nans, Op op,
                              Care care) noexcept nogil:
    """Columns of the first three of four rows, and of the last three."""
    cdef const T* a = rows[0] + at
    cdef const T* b = rows[1] + at
    cdef const T* c = rows[2] + at
    cdef const T* d = rows[3] + at
    cdef T[32] v
    cdef T[32] w
    if Care is Ordered:
        note_unordered(nans, b, c)
    if Op is MaxOp or Op is MinOp:
        fold_vectors(v, b, c, op, care)
        fold_vectors(upper, v, a, op, care)
        fold_vectors(lower, v, d, op, care)
    else:       # in the same order for all windows
        fold_vectors(v, a, b, op, care)
        fold_vectors(w, b, c, op, care)
        fold_vectors(upper, v, c, op, care)
        fold_vectors(lower, w, d, op, care)


cdef inline void put_neighbours(T* y, const T* left, const T* now, const T* right, Op op,
                                Care care) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        y[k] = last(pick_with_care(pick_with_care(left[k], now[k], op, care), right[k], op, care),
                    op)


cdef inline void put_between(T* y, const T* before, const T* now, const T* after, Op op,
                             Care care) noexcept nogil:
    """before, after: what is between two vectors."""
    cdef T[32] left
    cdef T[32] right
    halves_on(left, before, now, sizeof(T))
    halves_back(right, now, after, sizeof(T))
    put_neighbours(y, left, now, right, op, care)


cdef inline void put_ends(T* y, T* z, const T* left, const T* left2, const T* now, const T* now2,
                          const T** rows, Py_ssize_t at, bint cut, const T* mask, T* nans, Op op,
                          Care care) noexcept nogil:
    """The last vectors of two rows, at the same place."""
    cdef Py_ssize_t k
    cdef T none = neutral(op, <T> 0)
    cdef T[32] right
    cdef T[32] right2
    if not cut:
        fold_columns(right, right2, rows, at + 1, nans, op, care)
        put_neighbours(z + at, left2, now2, right2, op, care)
        put_neighbours(y + at, left, now, right, op, care)
        return
    between(right, now, now)
    between(right2, now2, now2)
    halves_back(right, now, right, sizeof(T))
    halves_back(right2, now2, right2, sizeof(T))
    for k in range(PER_BLOCK(sizeof(T))):
        right[k] = right[k] if mask[k] != 0 else none
        right2[k] = right2[k] if mask[k] != 0 else none
    put_neighbours(z + at, left2, now2, right2, op, care)
    put_neighbours(y + at, left, now, right, op, care)


cdef inline void neighbour_rows(T* y, T* z, Py_ssize_t n, const T** rows, T first, T second,
                                bint cut, const T* mask, bint slack, T* nans, Op op,
                                Care care) noexcept nogil:
    """Two rows of n results, or one where z is y, which is written last. rows: the first middle in
    each of four; first, second: what is left of them; cut: what is right of the last middle is
    padding, which the mask (see end_mask) replaces; slack: z is where y ends, and a vector's rest
    may be written behind it, and read behind the rows."""
    cdef Py_ssize_t i = 0, k, block = PER_BLOCK(sizeof(T))
    cdef T[32] now
    cdef T[32] now2
    cdef T[32] next
    cdef T[32] next2
    cdef T[32] before
    cdef T[32] before2
    cdef T[32] after
    cdef T[32] after2
    cdef T[32] left
    cdef T[32] left2
    cdef T[32] begin
    for k in range(block):
        before[k] = first
        before2[k] = second
    fold_columns(now, now2, rows, 0, nans, op, care)
    between(before, before, now)
    between(before2, before2, now2)
    while i < (n - block if slack else n - 2 * block + 1):
        fold_columns(next, next2, rows, i + block, nans, op, care)
        between(after, now, next)
        between(after2, now2, next2)
        put_between(z + i, before2, now2, after2, op, care)
        put_between(y + i, before, now, after, op, care)
        copy_vector(before, after)
        copy_vector(now, next)
        copy_vector(before2, after2)
        copy_vector(now2, next2)
        i += block
    halves_on(left, before, now, sizeof(T))
    halves_on(left2, before2, now2, sizeof(T))
    if i + block >= n:
        copy_vector(begin, z)
        put_ends(y, z, left, left2, now, now2, rows, i, cut, mask + block - n + i, nans, op, care)
        if slack and i > 0:
            copy_vector(z, begin)
        return
    fold_columns(next, next2, rows, i + 1, nans, op, care)
    put_neighbours(z + i, left2, now2, next2, op, care)
    put_neighbours(y + i, left, now, next, op, care)
    i = n - block
    fold_columns(before, before2, rows, i - 1, nans, op, care)
    fold_columns(after, after2, rows, i, nans, op, care)
    put_ends(y, z, before, before2, after, after2, rows, i, cut, mask, nans, op, care)


cdef inline void end_mask(T* mask) noexcept nogil:
    """Two vectors, not 0 but for the end of the first."""
    cdef Py_ssize_t k
    for k in range(2 * PER_BLOCK(sizeof(T))):
        mask[k] = 1
    mask[PER_BLOCK(sizeof(T)) - 1] = 0


cdef bint is_nan_in_row(const Plan* g, const T* x, Py_ssize_t pitch, Py_ssize_t row, Py_ssize_t w0,
                        Py_ssize_t w1) noexcept nogil:
    """Whether there is a NaN in what windows w0 to w1 read of a row, if it exists; x: their first
    middle in row 0."""
    cdef Py_ssize_t i
    cdef const Axis* b = &g.axis[2]
    cdef bint found = False
    if 0 <= row < g.axis[1].n:
        x += row * pitch
        for i in range(0 if w0 < b.before else -1, least(w1 - w0 + 1, b.n + b.before - 1 - w0)):
            found |= x[i] != x[i]
    return found


cdef bint neighbour_plane(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t pitch,
                          Py_ssize_t h0, Py_ssize_t h1, Py_ssize_t w0, Py_ssize_t w1, bint slack,
                          const T* filler, Op op, Care care) noexcept nogil:
    """Some rows and columns of a plane's windows. filler: a row that changes nothing, for rows in
    the padding; slack: more than a row may be read. Gives whether there was a NaN, which Ordered
    takes for any number."""
    cdef const Axis* a = &g.axis[1]
    cdef const Axis* b = &g.axis[2]
    cdef Py_ssize_t h = h0, i, middle
    cdef bint nan = False, cut = w1 - b.before + 1 >= b.n
    cdef T first = neutral(op, <T> 0), second = first
    cdef T[32] nans
    cdef T[64] mask
    cdef const T* rows[4]
    memset(nans, 0, 32)
    end_mask(mask)
    slack = slack and yp == w1 - w0
    x += w0 + 1 - b.before
    if Care is Ordered:
        # Other rows are noted where they are the second or third of four.
        nan = (is_nan_in_row(g, x, pitch, h0 - a.before, w0, w1)
               or is_nan_in_row(g, x, pitch, h1 - a.before + 1, w0, w1))
    while h < h1:
        for i in range(4):
            middle = h - a.before + i
            rows[i] = x + middle * pitch if 0 <= middle < a.n else filler
        if w0 - b.before >= 0:
            first = left_of(rows[0], rows[1], rows[2], &nan, op, care)
            second = left_of(rows[1], rows[2], rows[3], &nan, op, care)
        neighbour_rows(y, y + yp if h + 1 < h1 else y, w1 - w0, rows, first, second, cut, mask,
                       slack and h + 2 < h1, nans, op, care)
        y += 2 * yp
        h += 2
    return Care is Ordered and (nan or is_nan_among(nans))


cdef void neighbours(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t pitch,
                     Py_ssize_t h0, Py_ssize_t h1, Py_ssize_t w0, Py_ssize_t w1, bint slack,
                     const T* filler, Op op) noexcept nogil:
    cdef Plain plain = [0]
    cdef Ordered ordered = [0]
    if (T is float or T is double) and (Op is MaxOp or Op is MinOp):
        if not neighbour_plane(g, y, yp, x, pitch, h0, h1, w0, w1, slack, filler, op, ordered):
            return
    neighbour_plane(g, y, yp, x, pitch, h0, h1, w0, w1, slack, filler, op, plain)


cdef void flat_neighbours(const Plan* g, T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp,
                          Py_ssize_t pitch, Py_ssize_t planes, const T* masks,
                          Op op) noexcept nogil:
    """As flat_halvings."""
    cdef Py_ssize_t i, m = g.axis[2].m
    for i in range(planes):
        neighbours(g, y + i * yp, m, x + i * xp, pitch, 0, g.axis[1].m, 0, m, True,
                   masks + UP(m, sizeof(T)) + 1, op)
