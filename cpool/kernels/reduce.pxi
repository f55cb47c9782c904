# Rows to one value each: windows that are a span of elements. Partial results, and the halves of
# long spans, are combined in an order that depends on the length alone.

cdef extern from "processor.h":
    bint is_two_streams "cpool_two_streams"() noexcept nogil


# Most spans have no NaN: extrema are folded as if there were none, and a span where one was found
# is folded again with NaNs in mind. Half a comparison for each element tells, which is no gain for
# spans of few vectors.

cdef inline void no_nans(T* nans) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        nans[k] = 0


cdef inline void note_lanes(T* nans, const T* x, Care care) noexcept nogil:
    """LANES elements, half of them with the other half."""
    cdef Py_ssize_t i = 0
    if Care is Ordered:
        while i < LANES:
            note_unordered(nans, x + i, x + i + PER_BLOCK(sizeof(T)))
            i += 2 * PER_BLOCK(sizeof(T))


cdef T fold_lanes(const T* x, Py_ssize_t n, bint* nan, Op op, Care care) noexcept nogil:
    """n >= 2 * LANES elements to one, in LANES partial results; what is left over comes last, by
    itself: writing single lanes between whole vectors stalls."""
    cdef T lanes[16]
    cdef T nans[32]
    cdef T rest, value
    cdef Py_ssize_t i, j, whole = n & ~(<Py_ssize_t> LANES - 1)
    no_nans(nans)
    note_lanes(nans, x, care)
    note_lanes(nans, x + LANES, care)
    for j in range(LANES):
        lanes[j] = pick_with_care(x[j], x[LANES + j], op, care)
    i = 2 * LANES
    while i < whole:
        note_lanes(nans, x + i, care)
        for j in range(LANES):
            lanes[j] = pick_with_care(lanes[j], x[i + j], op, care)
        i += LANES
    value = fold_vector(lanes, op, care)
    if Care is Ordered:
        nan[0] |= is_nan_among(nans)
    if whole == n:
        return value
    rest = x[whole]
    for i in range(whole + 1, n):
        rest = pick(rest, x[i], op)
    if Care is Ordered:
        nan[0] |= rest != rest
    return pick(value, rest, op)


cdef inline T fold_vector(T* lanes, Op op, Care care) noexcept nogil:
    """LANES elements to one."""
    cdef Py_ssize_t j
    for j in range(8):
        lanes[j] = pick_with_care(lanes[j], lanes[j + 8], op, care)
    for j in range(4):
        lanes[j] = pick_with_care(lanes[j], lanes[j + 4], op, care)
    return pick_with_care(pick_with_care(lanes[0], lanes[2], op, care),
                          pick_with_care(lanes[1], lanes[3], op, care), op, care)


cdef void fold_beside(T* values, const T* x, const T* y, Py_ssize_t n, bint* nan, Op op,
                      Care care) noexcept nogil:
    """fold_forward for two spans, side by side. The first halves first, by name: a C compiler may
    evaluate arguments from the last one, and memory read backwards comes slowly."""
    cdef T lanes[16]
    cdef T other[16]
    cdef T rest[2]
    cdef T nans[32]
    cdef Py_ssize_t i, j, half = (n // 2) & ~(<Py_ssize_t> LANES - 1)
    if n > LANES * 64:
        fold_beside(values, x, y, half, nan, op, care)
        fold_beside(rest, x + half, y + half, n - half, nan, op, care)
        for j in range(2):
            values[j] = pick_with_care(values[j], rest[j], op, care)
        return
    no_nans(nans)
    i = 0
    while i < 2 * LANES:
        note_lanes(nans, x + i, care)
        note_lanes(nans, y + i, care)
        i += LANES
    for j in range(LANES):
        lanes[j] = pick_with_care(x[j], x[LANES + j], op, care)
    for j in range(LANES):
        other[j] = pick_with_care(y[j], y[LANES + j], op, care)
    while i < n:
        note_lanes(nans, x + i, care)
        for j in range(LANES):
            lanes[j] = pick_with_care(lanes[j], x[i + j], op, care)
        note_lanes(nans, y + i, care)
        for j in range(LANES):
            other[j] = pick_with_care(other[j], y[i + j], op, care)
        i += LANES
    if Care is Ordered:
        nan[0] |= is_nan_among(nans)
    values[0] = fold_vector(lanes, op, care)
    values[1] = fold_vector(other, op, care)


cdef T fold_forward(const T* x, Py_ssize_t n, bint* nan, Op op, Care care) noexcept nogil:
    """n elements, a multiple of LANES and at least twice it, halved down to what lanes add up
    well."""
    cdef Py_ssize_t half = (n // 2) & ~(<Py_ssize_t> LANES - 1)
    cdef T value
    if n > LANES * 64:
        value = fold_forward(x, half, nan, op, care)
        return pick_with_care(value, fold_forward(x + half, n - half, nan, op, care), op, care)
    return fold_lanes(x, n, nan, op, care)


cdef T fold_halves(const T* x, Py_ssize_t half, bint* nan, Op op, Care care) noexcept nogil:
    """2 * half elements: two streams of memory, where these come faster than one."""
    cdef T values[2]
    if is_two_streams():
        fold_beside(values, x, x + half, half, nan, op, care)
    else:
        values[0] = fold_forward(x, half, nan, op, care)
        values[1] = fold_forward(x + half, half, nan, op, care)
    return pick_with_care(values[0], values[1], op, care)


cdef inline T fold_long_span(const T* x, Py_ssize_t n, bint* nan, Op op, Care care) noexcept nogil:
    """n >= 2 * LANES elements."""
    cdef Py_ssize_t half = (n // 2) & ~(<Py_ssize_t> LANES - 1)
    cdef T value
    if n <= LANES * 64:
        return fold_lanes(x, n, nan, op, care)
    value = fold_halves(x, half, nan, op, care)
    if n > 2 * half:
        value = pick_with_care(value, fold_few(x + 2 * half, n - 2 * half, nan, op, care), op,
                               care)
    return value


cdef inline T fold_few(const T* x, Py_ssize_t n, bint* nan, Op op, Care care) noexcept nogil:
    """1 to 2 * LANES elements."""
    cdef T value = x[0]
    cdef Py_ssize_t i
    for i in range(1, n):
        value = pick(value, x[i], op)
    if Care is Ordered:
        nan[0] |= value != value
    return value


cdef inline T fold_span(const T* x, Py_ssize_t n, Op op) noexcept nogil:
    """x[0] op x[1] op ... x[n - 1]."""
    cdef bint nan = False
    cdef T value
    cdef Plain plain
    cdef Ordered ordered
    if n < 2 * LANES:
        return fold_few(x, n, &nan, op, plain)
    if (T is float or T is double) and (Op is MaxOp or Op is MinOp) and n >= 8 * LANES:
        value = fold_long_span(x, n, &nan, op, ordered)
        if not nan:
            return value
    return fold_long_span(x, n, &nan, op, plain)


cdef void fold_spans(T* z, Py_ssize_t zp, const T* x, Py_ssize_t xp, Py_ssize_t n,
                     Py_ssize_t rows, bint safe, T* scratch, Op op) noexcept nogil:
    """fold_span for each of a block of rows, to z[0], z[zp], ... Rows of few vectors go together:
    each to as many partial results as a vector's lanes or more, then all neighbours in pairs.

    scratch: two times 8 KiB and slack."""
    cdef Py_ssize_t i, part, lanes = most(LANES, BLOCK // <Py_ssize_t> sizeof(T))
    cdef Py_ssize_t room = 8192 // (lanes * <Py_ssize_t> sizeof(T))
    cdef T* other = scratch + (8192 + 256) // sizeof(T)
    cdef const T* end
    if n >= 2 * LANES:
        # Two streams here too (0.8 of the time on Zen 3, 7x7 from main memory).
        part = rows // 2 if is_two_streams() else 0
        for i in range(part):
            z[i * zp] = fold_span(x + i * xp, n, op)
            z[(part + i) * zp] = fold_span(x + (part + i) * xp, n, op)
        for i in range(2 * part, rows):
            z[i * zp] = fold_span(x + i * xp, n, op)
        return
    while rows > 0:
        part = least(rows, room)
        fold_to_lanes(scratch, lanes, x, xp, n, part, safe, op)
        end = halve_lanes(scratch, other, lanes, part, op)
        for i in range(part):
            z[i * zp] = end[i]
        x += part * xp
        z += part * zp
        rows -= part


cdef void fold_to_lanes(T* y, Py_ssize_t lanes, const T* x, Py_ssize_t xp, Py_ssize_t n,
                        Py_ssize_t rows, bint safe, Op op) noexcept nogil:
    cdef const T* taps[32]
    cdef T mask[32]
    cdef T copy[32]
    cdef T none = identity(op, <T> 0)
    cdef Py_ssize_t i, whole = n // lanes, rest = n % lanes
    for i in range(lanes):
        mask[i] = <T> (i < rest)
        copy[i] = none
    for i in range(whole):
        taps[i] = x + i * lanes
    if whole > 0:
        fold_leaf(y, lanes, taps, whole, xp, lanes, rows, op)
    if rest == 0:
        return
    x += whole * lanes
    if safe and whole > 0:
        more_masked(y, lanes, x, mask, xp, none, lanes, rows, op)
    elif safe:
        masked1(y, lanes, x, mask, xp, none, lanes, rows)
    for i in range(0 if safe else rows):
        memcpy(copy, x + i * xp, rest * sizeof(T))
        if whole > 0:
            more1(y + i * lanes, 0, copy, 0, lanes, 1, op)
        else:
            copy_rows(y + i * lanes, 0, copy, 0, lanes, 1)


cdef const T* halve_lanes(T* x, T* y, Py_ssize_t lanes, Py_ssize_t rows, Op op) noexcept nogil:
    """Rows of so many partial results -> one value each."""
    while lanes > 1:
        lanes = lanes // 2
        pairs(y, 0, x, 0, UP(rows * lanes, sizeof(T)), 1, 1, op)
        x, y = y, x
    return x
