# Unpooling: contiguous planes of values x and positions q to a result y, and the transpose.
#
# Values are moved, never computed with: what counts is their size, which each loop knows. A plane
# has elements times channels (inner); an item is some channels of one.
#
# Positions may be anything, but mostly each is in the window of its value. Where windows do not
# overlap (g.disjoint) that is looked at for whole vectors of them: each position becomes the number
# of a tap, no position comes twice, and none is outside. One that is elsewhere sends its item the
# long way round, value after value.

from libc.string cimport memcpy, memset

ctypedef fused Word:
    uint8_t
    uint16_t
    uint32_t
    uint64_t

cdef enum:
    STRETCH = 1024      # positions that are looked at at once
    # Distances that no tap has: that of position -1, and another.
    LEFT_OUT = -2147483647 - 1
    NO_TAP = -2147483647


cdef struct Unpool:
    # An item: where its first channel begins.
    const int64_t* q
    char* x
    char* y
    Py_ssize_t nc
    Py_ssize_t values               # of the plane, and elements of its result
    Py_ssize_t elements


cdef void set_item(const Plan* g, Py_ssize_t item, bint transposed, Unpool* u) noexcept nogil:
    cdef Py_ssize_t plane = item // g.tiles[2], c0 = item % g.tiles[2] * g.tile[2], small, large
    u.nc = least(g.tile[2], g.inner - c0)
    u.values = g.axis[0].n * g.axis[1].n * g.axis[2].n
    u.elements = g.axis[0].m * g.axis[1].m * g.axis[2].m
    small = plane * u.values * g.inner + c0
    large = plane * u.elements * g.inner + c0
    u.q = <const int64_t*> g.q2 + small
    u.x = <char*> g.x + (large if transposed else small) * g.x_size
    u.y = g.y + (small if transposed else large) * g.x_size


# --- positions in their windows ------------------------------------------------------------------

cdef struct Names:
    # Taps are numbers from 1. Their distances from a window's first element, four at a time.
    int32_t distances[24]
    int count
    Py_ssize_t plane, row           # elements of the result


cdef void set_names(const Plan* g, Names* names) noexcept nogil:
    cdef Py_ssize_t d, h, w
    cdef int i = 0
    names.row = g.axis[2].m
    names.plane = g.axis[1].m * g.axis[2].m
    for d in range(g.axis[0].kernel):
        for h in range(g.axis[1].kernel):
            for w in range(g.axis[2].kernel):
                names.distances[i] = <int32_t> (d * names.plane + h * names.row + w)
                i += 1
    names.count = i
    while i % 4 != 0:
        names.distances[i] = NO_TAP
        i += 1


cdef bint measure(int32_t* restrict d, const int64_t* restrict q, uint32_t base,
                  Py_ssize_t n) noexcept nogil:
    """How far positions are from `base`; whether all are ints of 32 bits."""
    cdef Py_ssize_t i
    cdef uint64_t wide = 0
    cdef int32_t v
    for i in range(n):
        wide |= <uint64_t> q[i] + 1
        v = <int32_t> q[i]
        d[i] = LEFT_OUT if v == -1 else <int32_t> (<uint32_t> v - base)
    return wide >> 31 == 0


cdef bint measure_row(int32_t* restrict d, const int64_t* restrict q,
                      const uint32_t* restrict origins, uint32_t base, Py_ssize_t n) noexcept nogil:
    """The same for windows with origins of their own."""
    cdef Py_ssize_t i
    cdef uint64_t wide = 0
    cdef int32_t v, distance
    for i in range(n):
        wide |= <uint64_t> q[i] + 1
        v = <int32_t> q[i]
        distance = <int32_t> (<uint32_t> v - base - origins[i])
        d[i] = LEFT_OUT if v == -1 else distance
    return wide >> 31 == 0


cdef void name4(Word* restrict names, const int32_t* restrict d, const int32_t* taps, int32_t first,
                Py_ssize_t n) noexcept nogil:
    """The names of taps first to first + 3; what is none of them keeps its name, or has none."""
    cdef Py_ssize_t i
    cdef int32_t t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3], name
    cdef int32_t keep = -1 if first > 1 else 0
    for i in range(n):
        name = <int32_t> names[i] & keep
        name = first + 3 if d[i] == t3 else name
        name = first + 2 if d[i] == t2 else name
        name = first + 1 if d[i] == t1 else name
        names[i] = <Word> (first if d[i] == t0 else name)


cdef bint all_named(const Word* restrict names, const int32_t* restrict d,
                    Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t lost = 0
    for i in range(n):
        lost |= <int32_t> (names[i] == 0) & <int32_t> (d[i] != LEFT_OUT)
    return lost == 0


cdef bint name_taps(Word* names, const int32_t* d, const Names* taps, Py_ssize_t n) noexcept nogil:
    """The names of taps at these distances, 0 for what is left out; False if there are others."""
    cdef int first = 0
    while first < taps.count:
        name4(names, d, taps.distances + first, first + 1, n)
        first += 4
    return all_named(names, d, n)


cdef void put(Word* restrict y, const Word* restrict x, const Word* restrict names, Word name,
              Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef Word v
    for i in range(n):
        v = x[i]
        y[i] = v if names[i] == name else 0


cdef void take(Word* restrict y, const Word* restrict x, const Word* restrict names, Word name,
               Py_ssize_t n) noexcept nogil:
    """Name after name, from 1."""
    cdef Py_ssize_t i
    cdef Word v, w, keep = 0 if name == 1 else <Word> -1
    for i in range(n):
        v, w = x[i], y[i] & keep
        y[i] = v if names[i] == name else w


cdef void put_pairs(Word* restrict y, Py_ssize_t yp, const Word* restrict x,
                    const Word* restrict names, Py_ssize_t xp, Py_ssize_t taps, Word first,
                    Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    """Windows of two elements along the row: `taps` rows of y from each row of x. A row may be
    written over the next one's begin."""
    cdef Py_ssize_t i, j, k
    cdef Word name, v
    for j in range(rows):
        name = first
        for k in range(taps):
            for i in range(DOWN(n, sizeof(Word))):
                v = x[i]
                y[2 * i] = v if names[i] == name else 0
                y[2 * i + 1] = v if names[i] == <Word> (name + 1) else 0
            y += yp
            name += 2
        x += xp
        names += xp


cdef void pairs_of(const Plan* g, const Unpool* u, const Names* taps, Py_ssize_t d, Py_ssize_t h,
                   Py_ssize_t rows, Py_ssize_t w, Py_ssize_t n, const Word* names, char* s,
                   Word tag) noexcept nogil:
    """Windows w to w + n of some rows, which tile the result. The last rows of a plane, behind
    which nothing may be written, go through scratch."""
    cdef Py_ssize_t k, j, straight = 0, high = g.axis[1].kernel, wide = UP(n, sizeof(Word))
    cdef Py_ssize_t width = g.axis[2].n, left = g.axis[1].n * width - h * width
    cdef Py_ssize_t first = (d * g.axis[1].n + h) * width + w, at
    cdef Word* x = <Word*> u.x + first
    cdef Word* y
    cdef Word* one = <Word*> (s + g.rows_at)
    cdef Word* z = <Word*> (s + g.result_at)
    if n == wide:
        straight = rows
    elif n == width:
        # Both what is read and what is written behind row j ends in the plane.
        straight = most(0, least(rows, (left - wide + width) // width))
    for k in range(g.axis[0].kernel):
        y = <Word*> u.y + (d * g.axis[0].kernel + k) * taps.plane + h * high * taps.row + 2 * w
        put_pairs(y, taps.row, x, names, width, high, <Word> (2 * high * k + 1), wide, straight)
        for j in range(straight, rows):
            memcpy(one, x + j * width, n * sizeof(Word))
            put_pairs(z, 2 * wide, one, names + j * n, 0, high, <Word> (2 * high * k + 1), wide, 1)
            for at in range(high):
                memcpy(y + (j * high + at) * taps.row, z + at * 2 * wide, 2 * n * sizeof(Word))


cdef void gather_places(Word* restrict y, const Word* restrict x, const int64_t* restrict q,
                        Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t at
    for i in range(n):
        at = q[i]
        y[i] = x[at if at > 0 else 0] & <Word> ~(at >> 63)


cdef inline Py_ssize_t rows_at_once(const Plan* g) noexcept nogil:
    return least(g.axis[1].n, most(1, STRETCH // g.axis[2].n))


cdef void set_origins(const Plan* g, const Names* taps, char* s) noexcept nogil:
    cdef Py_ssize_t i, j, n = least(g.axis[2].n, STRETCH)
    cdef uint32_t* origins = <uint32_t*> (s + g.places_at)
    for j in range(rows_at_once(g)):
        for i in range(n):
            origins[j * n + i] = <uint32_t> (j * g.axis[1].stride * taps.row + i * g.axis[2].stride)


cdef bint unpool_rows(const Plan* g, const Unpool* u, const Names* taps, bint transposed, char* s,
                      Word tag) noexcept nogil:
    """A plane of one channel, some rows of windows at a time. False: not all positions are in their
    windows."""
    cdef Py_ssize_t width = g.axis[2].n, height = g.axis[1].n, d, h, w, i, j
    cdef Py_ssize_t rows = rows_at_once(g), n = least(width, STRETCH), count, first
    cdef int32_t* distances = <int32_t*> (s + g.lines_at)
    cdef uint32_t* origins = <uint32_t*> (s + g.places_at)
    cdef Word* names = <Word*> (s + g.flags_at)
    cdef uint32_t base
    for d in range(g.axis[0].n):
        h = w = 0
        while h < height:
            j = least(rows, height - h)
            i = least(n, width - w)
            count = i * j
            first = (d * height + h) * width + w
            base = <uint32_t> (d * g.axis[0].stride * taps.plane
                               + h * g.axis[1].stride * taps.row + w * g.axis[2].stride)
            if not measure_row(distances, u.q + first, origins, base, count):
                return False
            if not name_taps(names, distances, taps, count):
                return False
            if transposed:
                gather_places(<Word*> u.y + first, <Word*> u.x, u.q + first, count)
            else:
                pairs_of(g, u, taps, d, h, j, w, i, names, s, tag)
            w += n
            if w >= width:
                h, w = h + rows, 0
    return True


cdef bint unpool_channels(const Plan* g, const Unpool* u, const Names* taps, bint transposed,
                          char* s, Word tag) noexcept nogil:
    """The same for rows of channels, window by window."""
    cdef Py_ssize_t d, h, w, at = 0, base, inner = g.inner
    cdef int32_t* distances = <int32_t*> (s + g.lines_at)
    cdef Word* names = <Word*> (s + g.flags_at)
    cdef Word* x
    cdef Word* y
    cdef int i
    for d in range(g.axis[0].n):
        for h in range(g.axis[1].n):
            base = d * g.axis[0].stride * taps.plane + h * g.axis[1].stride * taps.row
            for w in range(g.axis[2].n):
                if not measure(distances, u.q + at * inner, <uint32_t> base, u.nc):
                    return False
                if not name_taps(names, distances, taps, u.nc):
                    return False
                x, y = <Word*> u.x, <Word*> u.y
                if transposed:
                    y += at * inner
                    for i in range(taps.count):
                        take(y, x + (base + taps.distances[i]) * inner, names, <Word> (i + 1), u.nc)
                else:
                    x += at * inner
                    for i in range(taps.count):
                        put(y + (base + taps.distances[i]) * inner, x, names, <Word> (i + 1), u.nc)
                base += g.axis[2].stride
                at += 1
    return True


# --- any positions --------------------------------------------------------------------------------

cdef bint are_places(const int64_t* restrict q, Py_ssize_t n, int64_t count,
                     bint* all_exist) noexcept nogil:
    """Whether positions are -1 or less than `count`, and whether none is -1."""
    cdef Py_ssize_t i
    cdef int64_t none = 0, outside = 0
    for i in range(n):
        none |= q[i]
        outside |= <int64_t> (<uint64_t> q[i] + 1)
        outside |= <int64_t> (<uint64_t> count - 1 - <uint64_t> (q[i] & ~(q[i] >> 63)))
    all_exist[0] = none >= 0
    return outside >= 0


cdef bint unpool_any(const Plan* g, const Unpool* u, char* s, Word tag) noexcept nogil:
    """y[q[i]] = x[i], the last of equals; everything else in y is 0. False: a position outside."""
    cdef Py_ssize_t i, j, n, inner = g.inner
    cdef const int64_t* q = u.q
    cdef const Word* x = <const Word*> u.x
    cdef Word* y = <Word*> u.y
    cdef bint all_exist
    if inner > 1:
        for i in range(u.elements):
            memset(y + i * inner, 0, u.nc * sizeof(Word))
        for i in range(u.values):
            for j in range(u.nc):
                if <uint64_t> q[j] < <uint64_t> u.elements:
                    y[q[j] * inner + j] = x[j]
                elif q[j] != -1:
                    return False
            q += inner
            x += inner
        return True
    memset(y, 0, u.elements * sizeof(Word))
    i = 0
    while i < u.values:
        n = least(STRETCH, u.values - i)
        if not are_places(q, n, u.elements, &all_exist):
            return False
        if all_exist:
            for j in range(n):
                y[q[j]] = x[j]
        else:
            for j in range(n):
                if q[j] >= 0:
                    y[q[j]] = x[j]
        q += n
        x += n
        i += n
    return True


cdef bint unpool_any_transposed(const Plan* g, Unpool* u, char* s, Word tag) noexcept nogil:
    """As many channels at a time as there are owners for."""
    cdef Py_ssize_t left = u.nc
    while left > 0:
        u.nc = least(g.channels, left)
        if not unpool_owned(g, u, s, tag):
            return False
        left -= u.nc
        u.q += u.nc
        u.x += u.nc * sizeof(Word)
        u.y += u.nc * sizeof(Word)
    return True


cdef bint unpool_owned(const Plan* g, const Unpool* u, char* s, Word tag) noexcept nogil:
    """y[i] = x[q[i]] for the last i of each position, else 0: each becomes its position's owner,
    and who still is afterwards gets the value. No branches: nobody can tell who that is."""
    cdef Py_ssize_t i, j, inner = g.inner, nc = u.nc, at
    cdef const int64_t* q = u.q
    cdef const Word* x = <const Word*> u.x
    cdef Word* y = <Word*> u.y
    cdef int32_t* owners = <int32_t*> (s + g.entries_at)
    memset(owners, -1, nc * sizeof(int32_t))
    if inner == 1:
        for i in range(u.values):
            if <uint64_t> q[i] < <uint64_t> u.elements:
                owners[q[i]] = <int32_t> i
            elif q[i] != -1:
                return False
        for i in range(u.values):
            at = q[i] if q[i] > 0 else 0
            y[i] = x[at] & <Word> -<Word> (
                (at == q[i]) & (owners[at] == <int32_t> i))
        return True
    for i in range(u.values):
        for j in range(nc):
            if <uint64_t> q[j] < <uint64_t> u.elements:
                owners[q[j] * nc + j] = <int32_t> i
            elif q[j] != -1:
                return False
        q += inner
    q = u.q
    for i in range(u.values):
        for j in range(nc):
            at = q[j] if q[j] > 0 else 0
            y[j] = x[at * inner + j] & <Word> -<Word> (
                (at == q[j]) & (owners[at * nc + j] == <int32_t> i))
        q += inner
        y += inner
    return True


include "words.pxi"


# --- items ----------------------------------------------------------------------------------------

cdef inline bint tiles_result(const Axis* a) noexcept nogil:
    return a.kernel == a.stride and a.m == a.n * a.stride


cdef void unpool_planes(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, bint transposed, char* s,
                        Word tag) noexcept nogil:
    cdef Py_ssize_t item
    cdef Unpool u
    cdef Names taps
    cdef bint by_rows = False, by_channels = False, done
    cdef bint whole = (tiles_result(&g.axis[0]) and tiles_result(&g.axis[1])
                       and tiles_result(&g.axis[2]))
    if g.disjoint:
        set_names(g, &taps)
        set_origins(g, &taps, s)
        by_channels = g.inner > 1 and (transposed or whole)
        # Short words are put to their places as fast as they are made into pairs.
        by_rows = g.inner == 1 and (transposed or (whole and g.axis[2].kernel == 2
                                                   and sizeof(Word) >= 4))
    for item in range(lo, hi):
        set_item(g, item, transposed, &u)
        done = False
        if sizeof(Word) == 4 and by_rows and are_word_rows(g):
            done = unpool_word_rows(g, &u, transposed)
        elif sizeof(Word) == 4 and HAS_WORDS and by_channels and u.nc >= 8:
            done = unpool_word_channels(g, &u, &taps, transposed)
        elif by_rows:
            done = unpool_rows(g, &u, &taps, transposed, s, tag)
        elif by_channels:
            done = unpool_channels(g, &u, &taps, transposed, s, tag)
        if not done:
            if transposed:
                done = unpool_any_transposed(g, &u, s, tag)
            else:
                done = unpool_any(g, &u, s, tag)
        if not done:
            fail(g, BAD_INDEX)
            return


cdef void unpool_sizes(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, bint transposed,
                       char* s) noexcept nogil:
    if g.x_size == 1:
        unpool_planes(g, lo, hi, transposed, s, <uint8_t> 0)
    elif g.x_size == 2:
        unpool_planes(g, lo, hi, transposed, s, <uint16_t> 0)
    elif g.x_size == 4:
        unpool_planes(g, lo, hi, transposed, s, <uint32_t> 0)
    else:
        unpool_planes(g, lo, hi, transposed, s, <uint64_t> 0)


cdef void unpool_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s) noexcept nogil:
    unpool_sizes(g, lo, hi, False, s)


cdef void unpool_transposed_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi,
                                  char* s) noexcept nogil:
    unpool_sizes(g, lo, hi, True, s)
