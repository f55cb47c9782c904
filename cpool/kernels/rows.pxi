# Rows folded into rows: the loops that touch every element. Their contract is in moves.pxi.

cdef void fold2(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = last(pick(a[i], b[i], op), op)
        y += yp
        a += xp
        b += xp


cdef void fold3(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                const T* restrict c, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = last(pick(pick(a[i], b[i], op), c[i], op), op)
        y += yp
        a += xp
        b += xp
        c += xp


cdef void fold4(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                const T* restrict c, const T* restrict d, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = last(pick(pick(a[i], b[i], op), pick(c[i], d[i], op), op), op)
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp


cdef void fold5(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                const T* restrict c, const T* restrict d, const T* restrict e, Py_ssize_t xp,
                Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = pick(pick(a[i], b[i], op), pick(c[i], d[i], op), op)
            y[i] = last(pick(v, e[i], op), op)
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp
        e += xp


cdef void more1(T* restrict y, Py_ssize_t yp, const T* restrict a, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = pick(y[i], a[i], op)
        y += yp
        a += xp


cdef void more2(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = pick(y[i], pick(a[i], b[i], op), op)
        y += yp
        a += xp
        b += xp


cdef void more4(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                const T* restrict c, const T* restrict d, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            y[i] = pick(y[i], pick(pick(a[i], b[i], op), pick(c[i], d[i], op), op), op)
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp


# A block's elements in a small array, which the compiler keeps in registers.

cdef inline void begin_block(T* v, const T** taps, Py_ssize_t at, bint odd, Op op) noexcept nogil:
    cdef const T* a = taps[0] + at
    cdef const T* b = taps[1] + at
    cdef const T* c = taps[2] + at
    cdef const T* d = taps[3] + at
    cdef Py_ssize_t k
    if odd:
        for k in range(PER_BLOCK(sizeof(T))):
            v[k] = pick(pick(a[k], b[k], op), c[k], op)
    else:
        for k in range(PER_BLOCK(sizeof(T))):
            v[k] = pick(pick(a[k], b[k], op), pick(c[k], d[k], op), op)


cdef inline void pick_pair(T* v, const T* a, const T* b, Op op) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        v[k] = pick(v[k], pick(a[k], b[k], op), op)


cdef inline void put_many(T* y, const T* v, const T* a, const T* b, Op op) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(PER_BLOCK(sizeof(T))):
        y[k] = last(pick(v[k], pick(a[k], b[k], op), op), op)


cdef void fold_many(T* restrict y, Py_ssize_t yp, const T** taps, Py_ssize_t count, Py_ssize_t xp,
                    Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    """More than five taps, combined in registers: the first three or four, then pairs."""
    cdef T v[32]
    cdef T w[32]
    cdef const T* a
    cdef const T* b
    cdef Py_ssize_t i, j, t, at = 0, size = PER_BLOCK(sizeof(T))
    cdef bint odd = count % 2 != 0
    for j in range(rows):
        i = 0
        while i + 2 * size <= n:
            begin_block(v, taps, at + i, odd, op)
            begin_block(w, taps, at + i + size, odd, op)
            for t in range(3 if odd else 4, count - 2, 2):
                a = taps[t] + at + i
                b = taps[t + 1] + at + i
                pick_pair(v, a, b, op)
                pick_pair(w, a + size, b + size, op)
            a = taps[count - 2] + at + i
            b = taps[count - 1] + at + i
            put_many(y + i, v, a, b, op)
            put_many(y + i + size, w, a + size, b + size, op)
            i += 2 * size
        if i < n:
            begin_block(v, taps, at + i, odd, op)
            for t in range(3 if odd else 4, count - 2, 2):
                pick_pair(v, taps[t] + at + i, taps[t + 1] + at + i, op)
            put_many(y + i, v, taps[count - 2] + at + i, taps[count - 1] + at + i, op)
        y += yp
        at += xp


cdef void fold_leaf(T* y, Py_ssize_t yp, const T** taps, Py_ssize_t count, Py_ssize_t xp,
                    Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    """Each row of y = taps[0] op taps[1] op ...; n is a whole number of blocks. Many rows that are
    read in turn are in each other's way in the caches (in registers, 49 rows of 8 KiB took 4 times
    as long), so these are folded four by four."""
    cdef Py_ssize_t i
    if count == 1:
        copy_rows(y, yp, taps[0], xp, n, rows)
    elif count == 2:
        fold2(y, yp, taps[0], taps[1], xp, n, rows, op)
    elif count == 3:
        fold3(y, yp, taps[0], taps[1], taps[2], xp, n, rows, op)
    elif count == 4:
        fold4(y, yp, taps[0], taps[1], taps[2], taps[3], xp, n, rows, op)
    elif count == 5:
        fold5(y, yp, taps[0], taps[1], taps[2], taps[3], taps[4], xp, n, rows, op)
    elif count <= MANY:
        fold_many(y, yp, taps, count, xp, n, rows, op)
    else:
        fold4(y, yp, taps[0], taps[1], taps[2], taps[3], xp, n, rows, op)
        i = 4
        while i + 4 <= count:
            more4(y, yp, taps[i], taps[i + 1], taps[i + 2], taps[i + 3], xp, n, rows, op)
            i += 4
        if i + 2 <= count:
            more2(y, yp, taps[i], taps[i + 1], xp, n, rows, op)
            i += 2
        if i < count:
            more1(y, yp, taps[i], xp, n, rows, op)


cdef void fold_tail(T* y, const T** taps, Py_ssize_t count, Py_ssize_t n, Op op) noexcept nogil:
    """One row of less than a block of elements, of which not one more may be read."""
    cdef char copies[32 * 64]           # LEAF blocks
    cdef const T* inside[32]
    cdef Py_ssize_t i
    for i in range(count):
        inside[i] = <T*> (copies + i * BLOCK)
        memcpy(<T*> inside[i], taps[i], n * sizeof(T))
    fold_leaf(y, 0, inside, count, 0, UP(n, sizeof(T)), 1, op)


cdef void fold_taps(T* y, Py_ssize_t yp, const T** taps, Py_ssize_t count, Py_ssize_t xp,
                    Py_ssize_t n, Py_ssize_t rows, bint safe, Op op) noexcept nogil:
    """Each of a block of rows of y = taps[0] op taps[1] op ..., the taps moving on by xp. Rows of y
    may be closer than whole blocks: each is finished before the next one begins over its slack."""
    cdef Py_ssize_t i, j, whole = DOWN(n, sizeof(T))
    if safe and (count <= MANY or rows == 1 or yp >= UP(n, sizeof(T))):
        fold_leaf(y, yp, taps, count, xp, UP(n, sizeof(T)), rows, op)
        return
    for j in range(rows):
        if safe:
            fold_leaf(y, 0, taps, count, 0, UP(n, sizeof(T)), 1, op)
        elif whole > 0:
            fold_leaf(y, 0, taps, count, 0, whole, 1, op)
        if not safe and whole < n:
            for i in range(count):
                taps[i] += whole
            fold_tail(y + whole, taps, count, n - whole, op)
            for i in range(count):
                taps[i] -= whole
        for i in range(count):
            taps[i] += xp
        y += yp


cdef void fold_part(T* y, const T* x, const Run* r, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t far,
                    Py_ssize_t n, bint safe, T* levels, Py_ssize_t pitch, Op op) noexcept nogil:
    """Taps lo to hi of a run and, beside them, as many that are `far` behind, as far as there are
    any. `levels`: one scratch row for each time that the run is halved."""
    cdef const T* taps[32]
    cdef Py_ssize_t i, middle, count = 0
    if hi - lo > LEAF // 2:
        middle = lo + (hi - lo + 1) // 2
        fold_part(y, x, r, lo, middle, far, n, safe, levels, pitch, op)
        fold_part(levels, x, r, middle, hi, far, n, safe, levels + pitch, pitch, op)
        more1(y, 0, levels, 0, UP(n, sizeof(T)), 1, op)
        return
    for i in range(lo, hi):
        taps[count] = x + address(r, i)
        count += 1
        if far + i < r.count:
            taps[count] = x + address(r, far + i)
            count += 1
    fold_taps(y, 0, taps, count, 0, n, 1, safe, op)


cdef void fold_run(T* y, const T* x, const Run* r, Py_ssize_t n, bint safe, T* levels,
                   Py_ssize_t pitch, Op op) noexcept nogil:
    """y[i] = x[address(0) + i] op x[address(1) + i] op ..., i < n; y has slack. The halves of long
    runs are read side by side, as those of long rows are."""
    cdef Py_ssize_t half = (r.count + 1) // 2
    cdef T none = 0
    if r.count <= 0:
        fill(y, n, identity(op, none))
    else:
        fold_part(y, x, r, 0, half, half, n, safe, levels, pitch, op)


cdef void fold_rows(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, const Run* r, Py_ssize_t n,
                    Py_ssize_t rows, bint safe, T* levels, Py_ssize_t pitch, Op op) noexcept nogil:
    """fold_run for each of a block of rows, x moving on by xp from one to the next."""
    cdef const T* taps[32]
    cdef Py_ssize_t i
    if 0 < r.count <= LEAF:
        for i in range(r.count):
            taps[i] = x + address(r, i)
        fold_taps(y, yp, taps, r.count, xp, n, rows, safe, op)
        return
    for i in range(rows):
        fold_run(y + i * yp, x + i * xp, r, n, safe, levels, pitch, op)


cdef void fold_box(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, const Run* planes,
                   const Run* r, Py_ssize_t n, Py_ssize_t rows, bint safe, Op op) noexcept nogil:
    """As fold_rows, with the rows of several planes: LEAF taps at most."""
    cdef const T* taps[32]
    cdef Py_ssize_t i, j
    for i in range(planes.count):
        for j in range(r.count):
            taps[i * r.count + j] = x + address(planes, i) + address(r, j)
    if planes.count > 0 and r.count > 0:
        fold_taps(y, yp, taps, planes.count * r.count, xp, n, rows, safe, op)


# --- taps that do not exist everywhere ----------------------------------------------------------
# A mask is a row as long as y's, the same for all rows of a block: not 0 where the tap exists.

cdef void masked1(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict ma,
                  Py_ssize_t xp, T none, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = a[i]
            y[i] = v if ma[i] != 0 else none
        y += yp
        a += xp


cdef void masked2(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                  const T* restrict mb, Py_ssize_t xp, T none, Py_ssize_t n, Py_ssize_t rows,
                  Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = b[i]
            v = v if mb[i] != 0 else none
            y[i] = last(pick(a[i], v, op), op)
        y += yp
        a += xp
        b += xp


cdef void masked3(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                  const T* restrict mb, const T* restrict c, const T* restrict mc, Py_ssize_t xp,
                  T none, Py_ssize_t n, Py_ssize_t rows, Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v, w
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = b[i]
            v = v if mb[i] != 0 else none
            w = c[i]
            w = w if mc[i] != 0 else none
            y[i] = last(pick(pick(a[i], v, op), w, op), op)
        y += yp
        a += xp
        b += xp
        c += xp


cdef void masked5(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                  const T* restrict mb, const T* restrict c, const T* restrict mc,
                  const T* restrict d, const T* restrict md, const T* restrict e,
                  const T* restrict me, Py_ssize_t xp, T none, Py_ssize_t n, Py_ssize_t rows,
                  Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v, w
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = b[i]
            v = v if mb[i] != 0 else none
            w = c[i]
            w = w if mc[i] != 0 else none
            v = pick(pick(a[i], v, op), w, op)
            w = d[i]
            w = w if md[i] != 0 else none
            v = pick(v, w, op)
            w = e[i]
            w = w if me[i] != 0 else none
            y[i] = last(pick(v, w, op), op)
        y += yp
        a += xp
        b += xp
        c += xp
        d += xp
        e += xp


cdef void masked_threes(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                        const T* restrict first, const T* restrict third, T none, Py_ssize_t n,
                        Py_ssize_t rows, Op op) noexcept nogil:
    """Windows of three with stride 2, of which the middle one exists everywhere. The masks are in
    the order of `deal`."""
    cdef Py_ssize_t i, j, k
    cdef T even[32]
    cdef T odd[32]
    cdef T next[32]
    cdef T unused[32]
    cdef T v, w
    for j in range(rows):
        i = 0
        while i < DOWN(n, sizeof(T)):
            deal(even, odd, x + 2 * i, sizeof(T))
            deal(next, unused, x + 2 * i + 2, sizeof(T))
            for k in range(PER_BLOCK(sizeof(T))):
                v = even[k]
                v = v if first[i + k] != 0 else none
                w = next[k]
                w = w if third[i + k] != 0 else none
                even[k] = last(pick(pick(v, odd[k], op), w, op), op)
            put_back(y + i, even, sizeof(T))
            i += PER_BLOCK(sizeof(T))
        y += yp
        x += xp


cdef void more_masked(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict ma,
                      Py_ssize_t xp, T none, Py_ssize_t n, Py_ssize_t rows,
                      Op op) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef T v
    for j in range(rows):
        for i in range(DOWN(n, sizeof(T))):
            v = a[i]
            v = v if ma[i] != 0 else none
            y[i] = pick(y[i], v, op)
        y += yp
        a += xp


cdef inline bint is_one_pass(Py_ssize_t count, Py_ssize_t plain) noexcept nogil:
    """Whether fold_masked goes over y once only."""
    return (plain == count and count <= MANY) or (plain == 1 and (count <= 3 or count == 5))


cdef void fold_masked(T* y, Py_ssize_t yp, const T** taps, const T** masks, Py_ssize_t count,
                      Py_ssize_t plain, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                      Op op) noexcept nogil:
    """Each row of y = taps[0] op taps[1] op ...; the first `plain` taps exist everywhere. Where
    it takes several passes, rows of y are whole blocks apart."""
    cdef Py_ssize_t i = plain
    cdef T none = identity(op, <T> 0)
    if plain == 0:
        masked1(y, yp, taps[0], masks[0], xp, none, n, rows)
        i = 1
    elif plain == 1 and count == 2:
        masked2(y, yp, taps[0], taps[1], masks[1], xp, none, n, rows, op)
        i = 2
    elif plain == 1 and count == 5:
        masked5(y, yp, taps[0], taps[1], masks[1], taps[2], masks[2], taps[3], masks[3], taps[4],
                masks[4], xp, none, n, rows, op)
        i = 5
    elif plain == 1 and count > 2:
        masked3(y, yp, taps[0], taps[1], masks[1], taps[2], masks[2], xp, none, n, rows, op)
        i = 3
    else:
        fold_leaf(y, yp, taps, plain, xp, n, rows, op)
    while i < count:
        more_masked(y, yp, taps[i], masks[i], xp, none, n, rows, op)
        i += 1


# --- many taps, one step apart ------------------------------------------------------------------
# Windows four times as long from four windows, up to a part of a window of k taps; then that from
# the longest that fit. So it takes some four times log4(k) steps.

cdef void slide(T* y, Py_ssize_t yp, const T* x, Py_ssize_t taps_count, Py_ssize_t step,
                Py_ssize_t n, Py_ssize_t rows, T* levels, Py_ssize_t size, Py_ssize_t pitch,
                Op op) noexcept nogil:
    """Each row of y = x op (x + step) op ... op (x + (taps_count - 1) * step), more than
    SLIDING taps.

    levels: scratch of `size` elements for each length but the first (see `slides`); two are enough
    where only the longest is used in the end. Rows of x and of these are `pitch` apart."""
    cdef const T* taps[64]
    cdef const T* lengths[20]           # windows of 1, 4, 16 ... taps
    cdef T* to
    cdef Py_ssize_t level = 0, m = 1, done = 0, count = 0
    # A comparison is three instructions, so more passes with fewer of them are less.
    cdef Py_ssize_t fewest = 4 if Op is MaxOp or Op is MinOp else 8
    lengths[0] = x
    while fewest * m < taps_count:
        to = levels + (level % 2 if Op is MaxOp or Op is MinOp else level) * size
        lengths[level + 1] = to
        fold_four(to, lengths[level], m * step, pitch,
                  UP(n + (taps_count - 4 * m) * step, sizeof(T)), rows, op)
        level += 1
        m = 4 * m
    while done < taps_count:
        if done + m <= taps_count:
            taps[count] = lengths[level] + done * step
            done += m
            count += 1
        elif Op is MaxOp or Op is MinOp:
            taps[count] = lengths[level] + (taps_count - m) * step      # these may overlap
            done = taps_count
            count += 1
        else:
            level -= 1
            m = m // 4
    n = UP(n, sizeof(T))
    if count > 5:
        fold_many(y, yp, taps, count, pitch, n, rows, op)
    else:
        fold_leaf(y, yp, taps, count, pitch, n, rows, op)


cdef void fold_four(T* y, const T* x, Py_ssize_t step, Py_ssize_t pitch, Py_ssize_t n,
                    Py_ssize_t rows, Op op) noexcept nogil:
    """Of what is folded on, nothing is divided yet."""
    cdef AddOp add
    if Op is DivideOp:
        fold4(y, pitch, x, x + step, x + 2 * step, x + 3 * step, pitch, n, rows, add)
    else:
        fold4(y, pitch, x, x + step, x + 2 * step, x + 3 * step, pitch, n, rows, op)


cdef void sweep(T* restrict y, T* restrict prefix, const T* restrict x, const T* restrict suffix,
                Py_ssize_t n, Op op) noexcept nogil:
    """prefix op= x; y = suffix op prefix."""
    cdef Py_ssize_t i
    cdef T v
    for i in range(DOWN(n, sizeof(T))):
        v = pick(prefix[i], x[i], op)
        prefix[i] = v
        y[i] = pick(suffix[i], v, op)


cdef void fold_pieces(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, Py_ssize_t step,
                      Py_ssize_t apart, Py_ssize_t taps, Py_ssize_t n, Py_ssize_t unit,
                      Py_ssize_t rows, Op op) noexcept nogil:
    """n windows, `step` elements from one to the next, of two or three pieces of `unit` elements,
    less than a block, `apart` from each other. Blocks are written, each over what was too much of
    the one before; of the last ones what is wanted."""
    cdef Py_ssize_t i, j, k
    cdef const T* z
    cdef T[32] v
    cdef T[32] w
    for j in range(rows):
        for i in range(n):
            z = x + i * step
            copy_vector(v, z)
            copy_vector(w, z + apart)
            for k in range(PER_BLOCK(sizeof(T))):
                v[k] = pick(v[k], w[k], op)
            if taps == 3:
                copy_vector(w, z + 2 * apart)
                for k in range(PER_BLOCK(sizeof(T))):
                    v[k] = pick(v[k], w[k], op)
            for k in range(PER_BLOCK(sizeof(T))):
                v[k] = last(v[k], op)
            if (n - i) * unit >= PER_BLOCK(sizeof(T)):
                copy_vector(y + i * unit, v)
            else:
                for k in range(unit):
                    y[i * unit + k] = v[k]
        y += yp
        x += xp


cdef void fold_each(T* y, const T* x, const Run* r, Py_ssize_t n, Op op) noexcept nogil:
    """fold_run for a few elements only."""
    cdef Py_ssize_t c, i
    cdef T value
    for c in range(n):
        value = identity(op, y[0]) if r.count <= 0 else x[address(r, 0) + c]
        for i in range(1, r.count):
            value = pick(value, x[address(r, i) + c], op)
        y[c] = value


# --- windows with stride 2, without taking rows apart -------------------------------------------

# Elements come singly, or in groups: the channels of a pixel. How many are in a group is known when
# the code is compiled, as operations are.

cdef struct Single:
    char a

cdef struct Twofold:
    char a, b

cdef struct Fourfold:
    char a, b, c, d

ctypedef fused Group:
    Single
    Twofold
    Fourfold


cdef inline bint are_groups(Py_ssize_t nc, Py_ssize_t size) noexcept nogil:
    """Whether so many channels of `size` bytes are: half a vector at most."""
    return nc == 1 or ((nc == 2 or nc == 4) and nc * size <= 16)


cdef void group_pairs(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                      Py_ssize_t n, Py_ssize_t rows, Op op, Group group) noexcept nogil:
    cdef Py_ssize_t i, j, k
    cdef T even[32]
    cdef T odd[32]
    for j in range(rows):
        i = 0
        while i < DOWN(n, sizeof(T)):
            deal(even, odd, x + 2 * i, sizeof(Group) * sizeof(T))
            for k in range(PER_BLOCK(sizeof(T))):
                even[k] = last(pick(even[k], odd[k], op), op)
            put_back(y + i, even, sizeof(Group) * sizeof(T))
            i += PER_BLOCK(sizeof(T))
        y += yp
        x += xp


cdef void group_threes(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                       Py_ssize_t n, Py_ssize_t rows, Op op, Group group) noexcept nogil:
    cdef Py_ssize_t i, j, k
    cdef T even[32]
    cdef T odd[32]
    cdef T next[32]
    cdef T unused[32]
    for j in range(rows):
        i = 0
        while i < DOWN(n, sizeof(T)):
            deal(even, odd, x + 2 * i, sizeof(Group) * sizeof(T))
            deal(next, unused, x + 2 * i + 2 * <Py_ssize_t> sizeof(Group),
                 sizeof(Group) * sizeof(T))
            for k in range(PER_BLOCK(sizeof(T))):
                even[k] = last(pick(pick(even[k], odd[k], op), next[k], op), op)
            put_back(y + i, even, sizeof(Group) * sizeof(T))
            i += PER_BLOCK(sizeof(T))
        y += yp
        x += xp


cdef void group_quads(T* restrict y, Py_ssize_t yp, const T* restrict a, const T* restrict b,
                      Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows, Op op,
                      Group group) noexcept nogil:
    cdef Py_ssize_t i, j, k
    cdef T both[64]
    cdef T even[32]
    cdef T odd[32]
    for j in range(rows):
        i = 0
        while i < DOWN(n, sizeof(T)):
            for k in range(2 * PER_BLOCK(sizeof(T))):
                both[k] = pick(a[2 * i + k], b[2 * i + k], op)
            deal(even, odd, both, sizeof(Group) * sizeof(T))
            for k in range(PER_BLOCK(sizeof(T))):
                even[k] = last(pick(even[k], odd[k], op), op)
            put_back(y + i, even, sizeof(Group) * sizeof(T))
            i += PER_BLOCK(sizeof(T))
        y += yp
        a += xp
        b += xp


cdef void pairs(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                Py_ssize_t nc, Op op) noexcept nogil:
    """Windows of two groups of nc elements; n elements of the result, in whole blocks."""
    cdef Single single = [0]
    cdef Twofold two = [0, 0]
    cdef Fourfold four = [0, 0, 0, 0]
    if nc == 1:
        group_pairs(y, yp, x, xp, n, rows, op, single)
    elif nc == 2:
        group_pairs(y, yp, x, xp, n, rows, op, two)
    else:
        group_pairs(y, yp, x, xp, n, rows, op, four)


cdef void threes(T* y, Py_ssize_t yp, const T* x, Py_ssize_t xp, Py_ssize_t n, Py_ssize_t rows,
                 Py_ssize_t nc, Op op) noexcept nogil:
    cdef Single single = [0]
    cdef Twofold two = [0, 0]
    cdef Fourfold four = [0, 0, 0, 0]
    if nc == 1:
        group_threes(y, yp, x, xp, n, rows, op, single)
    elif nc == 2:
        group_threes(y, yp, x, xp, n, rows, op, two)
    else:
        group_threes(y, yp, x, xp, n, rows, op, four)


cdef void quads(T* y, Py_ssize_t yp, const T* a, const T* b, Py_ssize_t xp, Py_ssize_t n,
                Py_ssize_t rows, Py_ssize_t nc, Op op) noexcept nogil:
    """2x2 windows, from two rows straight to one."""
    cdef Single single = [0]
    cdef Twofold two = [0, 0]
    cdef Fourfold four = [0, 0, 0, 0]
    if nc == 1:
        group_quads(y, yp, a, b, xp, n, rows, op, single)
    elif nc == 2:
        group_quads(y, yp, a, b, xp, n, rows, op, two)
    else:
        group_quads(y, yp, a, b, xp, n, rows, op, four)


cdef void narrow_quads(T* y, Py_ssize_t m, const T* x, Py_ssize_t xp, Py_ssize_t rows, T* lines,
                       T* rest, Py_ssize_t nc, Op op) noexcept nogil:
    """The same where rows of m elements, which follow each other in y, are half a block or less:
    along the row all of them are one row. lines: room for 2 m elements of each; rest: a block."""
    cdef Py_ssize_t n = rows * m, whole = DOWN(n, sizeof(T))
    fold2(lines, 2 * m, x, x + xp, 2 * xp, UP(2 * m, sizeof(T)), rows, op)
    pairs(y, 0, lines, 0, whole, 1, nc, op)
    if whole < n:
        pairs(rest, 0, lines + 2 * whole, 0, UP(n - whole, sizeof(T)), 1, nc, op)
        memcpy(y + whole, rest, (n - whole) * sizeof(T))


cdef void spread_pairs(T* restrict y, Py_ssize_t yp, const T* restrict x, Py_ssize_t xp,
                       Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    """2x2/2 transposed: two rows of y from each row of x. A row may be written over the next one's
    begin."""
    cdef Py_ssize_t i, j, k
    for j in range(rows):
        for k in range(2):
            for i in range(DOWN(n, sizeof(T))):
                y[2 * i] = x[i]
                y[2 * i + 1] = x[i]
            y += yp
        x += xp
