# Rows to rows: the loops that touch every element. Contract:
#
# * Each loop is a function of its own with `restrict` pointers, runs over whole blocks (UP, DOWN)
#   and selects instead of branching; otherwise gcc leaves it scalar, 10 to 40 times slower.
# * Outputs are scratch rows with at least BLOCK bytes of slack; inputs may be read up to the next
#   whole block, which `fold_run` allows only inside the array (`safe`).
# * The order in which elements are combined depends on the window alone, never on the place of a
#   tile, the instruction set or the number of threads.

from libc.string cimport memcpy


cdef void fill(T* y, Py_ssize_t n, T value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = value


cdef void fold2(T* restrict y, const T* restrict a, const T* restrict b, Py_ssize_t n,
                Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(a[i], b[i], op)


cdef void fold3(T* restrict y, const T* restrict a, const T* restrict b, const T* restrict c,
                Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(pick(a[i], b[i], op), c[i], op)


cdef void fold4(T* restrict y, const T* restrict a, const T* restrict b, const T* restrict c,
                const T* restrict d, Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(pick(a[i], b[i], op), pick(c[i], d[i], op), op)


cdef void more1(T* restrict y, const T* restrict a, Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(y[i], a[i], op)


cdef void more2(T* restrict y, const T* restrict a, const T* restrict b, Py_ssize_t n,
                Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(y[i], pick(a[i], b[i], op), op)


cdef void more4(T* restrict y, const T* restrict a, const T* restrict b, const T* restrict c,
                const T* restrict d, Py_ssize_t n, Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(y[i], pick(pick(a[i], b[i], op), pick(c[i], d[i], op), op), op)


cdef void fold_leaf(T* y, const T** rows, Py_ssize_t count, Py_ssize_t n, Op op) noexcept nogil:
    """y = rows[0] op rows[1] op ...; n is a whole number of blocks."""
    cdef Py_ssize_t i
    if count == 1:
        memcpy(y, rows[0], n * sizeof(T))
        return
    elif count == 2:
        fold2(y, rows[0], rows[1], n, op)
        return
    elif count == 3:
        fold3(y, rows[0], rows[1], rows[2], n, op)
        return
    fold4(y, rows[0], rows[1], rows[2], rows[3], n, op)
    i = 4
    while i + 4 <= count:
        more4(y, rows[i], rows[i + 1], rows[i + 2], rows[i + 3], n, op)
        i += 4
    if i + 2 <= count:
        more2(y, rows[i], rows[i + 1], n, op)
        i += 2
    if i < count:
        more1(y, rows[i], n, op)


cdef void fold_tail(T* y, const T** rows, Py_ssize_t count, Py_ssize_t n, Op op) noexcept nogil:
    """The same for less than a block of elements, of which not one more may be read."""
    cdef char copies[32 * 64]           # LEAF blocks
    cdef const T* inside[32]
    cdef Py_ssize_t i
    for i in range(count):
        inside[i] = <T*> (copies + i * BLOCK)
        memcpy(<T*> inside[i], rows[i], n * sizeof(T))
    fold_leaf(y, inside, count, UP(n, sizeof(T)), op)


cdef void fold_part(T* y, const T* x, const Run* r, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t n,
                    bint safe, T* levels, Py_ssize_t pitch, Op op) noexcept nogil:
    """Rows lo to hi of a run. `levels`: one scratch row for each time that the run is halved."""
    cdef const T* rows[32]
    cdef Py_ssize_t i, middle, whole
    if hi - lo > LEAF:
        middle = lo + (hi - lo + 1) // 2
        fold_part(y, x, r, lo, middle, n, safe, levels, pitch, op)
        fold_part(levels, x, r, middle, hi, n, safe, levels + pitch, pitch, op)
        more1(y, levels, UP(n, sizeof(T)), op)
        return
    for i in range(lo, hi):
        rows[i - lo] = x + address(r, i)
    if safe:
        fold_leaf(y, rows, hi - lo, UP(n, sizeof(T)), op)
        return
    whole = DOWN(n, sizeof(T))
    if whole > 0:
        fold_leaf(y, rows, hi - lo, whole, op)
    if whole < n:
        for i in range(hi - lo):
            rows[i] += whole
        fold_tail(y + whole, rows, hi - lo, n - whole, op)


cdef void fold_run(T* y, const T* x, const Run* r, Py_ssize_t n, bint safe, T* levels,
                   Py_ssize_t pitch, Op op) noexcept nogil:
    """y[i] = x[address(0) + i] op x[address(1) + i] op ..., i < n; y has slack."""
    cdef T none = 0
    if r.count <= 0:
        fill(y, n, identity(op, none))
    else:
        fold_part(y, x, r, 0, r.count, n, safe, levels, pitch, op)


# --- strides along a row: taken apart into phases, put together from phases ---------------------

cdef void split2(T* restrict a, T* restrict b, const T* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        a[i] = x[2 * i]
        b[i] = x[2 * i + 1]


cdef void zip2(T* restrict y, const T* restrict a, const T* restrict b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[2 * i] = a[i]
        y[2 * i + 1] = b[i]


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


cdef void unsplit(T* y, const T* phases, Py_ssize_t pitch, Py_ssize_t groups, Py_ssize_t stride,
                  Py_ssize_t unit) noexcept nogil:
    """The reverse: y gets `groups` groups of each phase in turn."""
    cdef Py_ssize_t p, i, c
    if stride == 2 and unit == 1:
        zip2(y, phases, phases + pitch, UP(groups, sizeof(T)))
        return
    for p in range(stride):
        for i in range(groups):
            for c in range(unit):
                y[(i * stride + p) * unit + c] = phases[p * pitch + i * unit + c]


# --- a window of one row to one value -----------------------------------------------------------

cdef T fold_lanes(const T* x, Py_ssize_t n, Op op) noexcept nogil:
    """n >= 2 * LANES elements to one, in LANES partial results."""
    cdef T lanes[16]
    cdef Py_ssize_t i, j
    for j in range(LANES):
        lanes[j] = x[j]
    i = LANES
    while i + LANES <= n:
        for j in range(LANES):
            lanes[j] = pick(lanes[j], x[i + j], op)
        i += LANES
    j = 0
    while i < n:
        lanes[j] = pick(lanes[j], x[i], op)
        i += 1
        j += 1
    i = LANES // 2
    while i > 0:
        for j in range(i):
            lanes[j] = pick(lanes[j], lanes[j + i], op)
        i = i // 2
    return lanes[0]


cdef T fold_span(const T* x, Py_ssize_t n, Op op) noexcept nogil:
    """x[0] op x[1] op ... x[n - 1]; long spans are halved, as above."""
    cdef T value
    cdef Py_ssize_t i, half
    if n > LANES * 64:
        half = (n // 2) & ~(<Py_ssize_t> LANES - 1)
        return pick(fold_span(x, half, op), fold_span(x + half, n - half, op), op)
    if n >= 2 * LANES:
        return fold_lanes(x, n, op)
    value = x[0]
    for i in range(1, n):
        value = pick(value, x[i], op)
    return value


cdef void fold_each(T* y, const T* x, const Run* r, Py_ssize_t n, Op op) noexcept nogil:
    """fold_run for a few elements only."""
    cdef Py_ssize_t c, i
    cdef T value
    for c in range(n):
        value = identity(op, y[0]) if r.count <= 0 else x[address(r, 0) + c]
        for i in range(1, r.count):
            value = pick(value, x[address(r, i) + c], op)
        y[c] = value


# --- 2x2 windows with stride 2, from two rows straight to one -------------------------------------

cdef void quads(T* restrict y, const T* restrict a, const T* restrict b, Py_ssize_t n,
                Op op) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        y[i] = pick(pick(a[2 * i], b[2 * i], op), pick(a[2 * i + 1], b[2 * i + 1], op), op)
