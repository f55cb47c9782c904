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

from libc.string cimport memcpy, memset


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

cdef void split2(T* restrict a, T* restrict b, const T* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(DOWN(n, sizeof(T))):
        a[i] = x[2 * i]
        b[i] = x[2 * i + 1]


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
    """The reverse, for a block of rows: y gets `groups` groups of each phase in turn."""
    cdef Py_ssize_t p, i, j, c
    cdef const T* x
    if stride == 2 and unit == 1:
        zip2(y, yp, phases[0], phases[1], xp, UP(groups, sizeof(T)), rows)
        return
    for j in range(rows):
        for p in range(stride):
            x = phases[p] + j * xp
            for i in range(groups):
                if unit * <Py_ssize_t> sizeof(T) >= BLOCK:
                    memcpy(y + (i * stride + p) * unit, x + i * unit, unit * sizeof(T))
                    continue
                for c in range(unit):
                    y[(i * stride + p) * unit + c] = x[i * unit + c]
        y += yp
