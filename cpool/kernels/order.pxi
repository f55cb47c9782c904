# Order statistics of windows side by side (see lanes.pxi), and their slopes.
#
# Windows of few taps: rows of lanes are sorted by a network (Batcher 1968), one exchange of two
# rows after the other. Where all windows of a block are whole, only what leads to the wanted ranks
# is done. What does not exist is behind all that does, so that each lane finds its own rank by its
# own count. Windows of many taps are looked at one by one. Medians of 3 x 3 and 5 x 5: squares.pxi.
#
# Slopes go to the first elements in window order that have the selected keys: as many as were
# selected of them.

cdef enum:
    PAIRED = 9          # taps whose modes are counted pair by pair

cdef struct Picks:
    # Which elements of a sorted window count: from first to last; of two, `share` is the last one's
    Py_ssize_t first, last
    double share


cdef struct Lanes:
    # What is known of some windows: a row of scratch each.
    Py_ssize_t n
    bint whole                  # all have as many elements as taps
    bint alike                  # all have as many elements as the first one
    int32_t* counts
    int32_t* first              # ranks, see Picks
    int32_t* last
    uint8_t* exist
    double* shares
    double* totals


cdef inline char* lane_row(const Plan* g, char* s, Py_ssize_t index) noexcept nogil:
    return s + g.rows_at + index * g.pitch * 8


cdef inline void lanes_in(const Plan* g, char* s, Lanes* l) noexcept nogil:
    l.counts = <int32_t*> (s + g.counts_at)
    l.first = <int32_t*> lane_row(g, s, 0)
    l.last = <int32_t*> lane_row(g, s, 1)
    l.exist = <uint8_t*> lane_row(g, s, 2)
    l.shares = <double*> lane_row(g, s, 3)
    l.totals = <double*> lane_row(g, s, 4)


# --- ranks ----------------------------------------------------------------------------------------

cdef double place_of_quantile(const Plan* g, double n) noexcept nogil:
    """Where a quantile is between the elements 0 to n - 1, before rounding (Hyndman and Fan 1996,
    in whose numbering that is one more)."""
    cdef double q = g.p, a, b
    if g.method == INVERTED_CDF or g.method == AVERAGED_INVERTED_CDF:
        return n * q - 1
    if g.method == CLOSEST_OBSERVATION:
        return n * q - 1 - 0.5
    if g.method == LINEAR or g.method >= LOWER:
        return (n - 1) * q
    a = b = 0
    if g.method == INTERPOLATED_INVERTED_CDF:
        b = 1
    elif g.method == HAZEN:
        a = b = 0.5
    elif g.method == MEDIAN_UNBIASED:
        a = b = 1 / 3.0
    elif g.method == NORMAL_UNBIASED:
        a = b = 3 / 8.0
    return n * q + (a + q * (1 - a - b)) - 1


cdef void picks_of_quantile(const Plan* g, Py_ssize_t n, Picks* p) noexcept nogil:
    cdef double at = place_of_quantile(g, <double> n), below = floor(at), share = at - below
    if g.method == INVERTED_CDF:
        below += share != 0
        share = 0
    elif g.method == AVERAGED_INVERTED_CDF:
        share = 0.5 if share == 0 else 1
    elif g.method == CLOSEST_OBSERVATION:
        below += not (share == 0 and below / 2 != floor(below / 2))
        share = 0
    elif g.method == LOWER:
        share = 0
    elif g.method == HIGHER:
        below, share = ceil(at), 0
    elif g.method == NEAREST:
        below, share = rint(at), 0
    elif g.method == MIDPOINT:
        share = 0.5 if share != 0 else 0
    p.first = most(0, least(<Py_ssize_t> below, n - 1))
    p.last = p.first
    p.share = 0
    if share > 0 and at >= 0 and below < n - 1:
        p.last, p.share = p.first + 1, share
    if p.share == 1:
        p.first, p.share = p.last, 0


cdef bint picks_of(const Plan* g, Py_ssize_t n, Picks* p) noexcept nogil:
    """Which of n elements count; whether any does."""
    p.first = p.last = 0
    p.share = 0
    if n <= 0:
        return False
    if g.kind == QUANTILE:
        picks_of_quantile(g, n, p)
    elif g.kind == RANKED:
        p.first = g.rank if g.rank >= 0 else n + g.rank
        if p.first < 0 or p.first >= n:
            p.first = 0
            return False
        p.last = p.first
    elif g.kind == TRIMMED:
        p.first = <Py_ssize_t> (g.p * <double> n)
        p.last = n - 1 - p.first
    return True


cdef bint all_equal(const int32_t* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t first = x[0], differ = 0
    for i in range(n):
        differ |= x[i] ^ first
    return differ == 0


cdef void settle_ranks(const Plan* g, Lanes* l) noexcept nogil:
    """Which elements of each window count."""
    cdef Py_ssize_t i
    cdef Picks p
    cdef bint there = picks_of(g, l.counts[0], &p)
    l.alike = all_equal(l.counts, l.n)
    l.whole = l.alike and l.counts[0] == g.taps
    if l.alike:
        fill(l.first, l.n, <int32_t> p.first)
        fill(l.last, l.n, <int32_t> p.last)
        fill(l.shares, l.n, p.share)
        fill(l.exist, l.n, <uint8_t> there)
        return
    for i in range(l.n):
        if i > 0 and l.counts[i] != l.counts[i - 1]:
            there = picks_of(g, l.counts[i], &p)
        l.first[i] = <int32_t> p.first
        l.last[i] = <int32_t> p.last
        l.shares[i] = p.share
        l.exist[i] = there


# --- rows -----------------------------------------------------------------------------------------

cdef void exchange(K* restrict a, K* restrict b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef K x, y
    for i in range(UP(n, sizeof(K))):
        x, y = a[i], b[i]
        a[i] = x if x < y else y
        b[i] = y if x < y else x


cdef void keep_lesser(K* restrict a, const K* restrict b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(K))):
        a[i] = a[i] if a[i] < b[i] else b[i]


cdef void keep_greater(K* restrict a, const K* restrict b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(K))):
        a[i] = b[i] if a[i] < b[i] else a[i]


cdef void sort_rows(const Plan* g, K* block, bint whole, Py_ssize_t n) noexcept nogil:
    """Exchanges of rows, or of what of them is needed."""
    cdef const unsigned char* e = g.network if whole else g.sorting
    cdef Py_ssize_t k
    cdef K* a
    cdef K* b
    for k in range(g.exchanges if whole else g.sort_steps):
        a, b = block + e[0] * g.pitch, block + e[1] * g.pitch
        if e[2] == 3:
            exchange(a, b, n)
        elif e[2] == 1:
            keep_lesser(a, b, n)
        else:
            keep_greater(b, a, n)
        e += 3


cdef void pick_lanes(K* restrict y, const K* restrict block, Py_ssize_t pitch,
                     const int32_t* restrict rows, Py_ssize_t n) noexcept nogil:
    """Of each lane the element of its own row."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = block[rows[i] * pitch + i]


cdef void choose_nans(K* restrict y, const K* restrict last, K nan, Py_ssize_t n) noexcept nogil:
    """NaNs where the last existing element is one."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = nan if last[i] == nan else y[i]


cdef void mix(double* restrict y, const double* restrict a, const double* restrict b,
              const double* restrict share, Py_ssize_t n) noexcept nogil:
    """Between a and b; what has no share has no part, even if it is infinite."""
    cdef Py_ssize_t i
    cdef double m
    for i in range(n):
        m = (1 - share[i]) * a[i] + share[i] * b[i]
        m = a[i] if share[i] == 0 else m
        y[i] = a[i] if a[i] == b[i] else m


cdef void add_doubles(double* restrict y, const double* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = y[i] + x[i]


cdef void add_between(double* restrict y, const double* restrict x, const int32_t* restrict first,
                      const int32_t* restrict last, int32_t at, Py_ssize_t n) noexcept nogil:
    """What is from first to last."""
    cdef Py_ssize_t i
    cdef double v
    for i in range(n):
        v = x[i] if first[i] <= at else 0
        v = v if at <= last[i] else 0
        y[i] = y[i] + v


cdef void divide_totals(double* restrict y, const int32_t* restrict first,
                        const int32_t* restrict last, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = y[i] / <double> (last[i] - first[i] + 1)


# --- bringing -------------------------------------------------------------------------------------

cdef void bring_all(const Plan* g, Stretch* list, Py_ssize_t stretches, K* block, K none,
                    int32_t* counts, char* s) noexcept nogil:
    cdef Py_ssize_t t0 = 0, t1
    while t0 < g.taps:
        t1 = least(t0 + g.together, g.taps)
        bring(g, list, stretches, t0, t1, 0, block + t0 * g.pitch, none, counts, s)
        t0 = t1


cdef const K* window_of(const Plan* g, const K* block, Py_ssize_t lane, K* copy) noexcept nogil:
    """The taps of one lane, one after the other."""
    cdef Py_ssize_t t
    if g.pitch == 1:
        return block
    for t in range(g.taps):
        copy[t] = block[t * g.pitch + lane]
    return copy


# --- values ---------------------------------------------------------------------------------------

cdef void select_by_rows(const Plan* g, K* block, Lanes* l, K* low, K* high,
                         char* s) noexcept nogil:
    """The selected keys of each lane; of trimmed means, the totals too."""
    cdef K nan = greatest_key(<K> 0)
    cdef K* last = <K*> (s + g.spare_at)
    cdef Py_ssize_t i
    sort_rows(g, block, l.whole, l.n)
    if g.kind == TRIMMED:
        total_of_rows(g, block, l, s)
    pick_ranks(g, block, l, l.first, low)
    pick_ranks(g, block, l, l.last, high)
    if is_floating(g.x_type) and not g.omit_nan:
        if l.alike:
            memcpy(last, block + most(0, l.counts[0] - 1) * g.pitch, l.n * sizeof(K))
        else:
            for i in range(l.n):
                last[i] = block[most(0, l.counts[i] - 1) * g.pitch + i]
        choose_nans(low, last, nan, l.n)
        choose_nans(high, last, nan, l.n)


cdef void pick_ranks(const Plan* g, const K* block, const Lanes* l, const int32_t* ranks,
                     K* y) noexcept nogil:
    if l.alike:
        memcpy(y, block + ranks[0] * g.pitch, l.n * sizeof(K))
    else:
        pick_lanes(y, block, g.pitch, ranks, l.n)


cdef void total_of_rows(const Plan* g, const K* block, Lanes* l, char* s) noexcept nogil:
    cdef double* wide = <double*> (s + g.wide_at)
    cdef Py_ssize_t t
    fill(l.totals, l.n, <double> 0)
    for t in range(l.first[0] if l.alike else 0, l.last[0] + 1 if l.alike else g.taps):
        to_doubles(g, wide, block + t * g.pitch, l.n, s + g.raw_at)
        if l.alike:
            add_doubles(l.totals, wide, l.n)
        else:
            add_between(l.totals, wide, l.first, l.last, <int32_t> t, l.n)


cdef void select_by_windows(const Plan* g, const K* block, Lanes* l, K* low, K* high,
                            char* s) noexcept nogil:
    """The same, one lane after the other."""
    cdef K nan = greatest_key(<K> 0)
    cdef K* copy = <K*> (s + g.spare_at)
    cdef K* rest = copy + g.taps + 64
    cdef const K* x
    cdef Py_ssize_t i, below
    for i in range(l.n):
        x = window_of(g, block, i, copy)
        low[i] = ranked(x, g.taps, l.first[i], rest)
        high[i] = low[i]
        if l.last[i] > l.first[i]:
            if l.last[i] >= keys_up_to(x, g.taps, low[i]):
                high[i] = (least_above(x, g.taps, low[i]) if l.last[i] == l.first[i] + 1
                           else ranked(x, g.taps, l.last[i], rest))
        if is_floating(g.x_type) and not g.omit_nan:
            if g.taps - keys_up_to(x, g.taps, <K> (nan - 1)) > g.taps - l.counts[i]:
                low[i] = high[i] = nan
        if g.kind == TRIMMED:
            l.totals[i] = total_between(g, x, low[i], high[i], l.first[i], l.last[i], s)


cdef double total_between(const Plan* g, const K* x, K low, K high, Py_ssize_t first,
                          Py_ssize_t last, char* s) noexcept nogil:
    """The sum of the elements of ranks first to last, whose keys are from low to high."""
    cdef double[2] ends
    cdef K[2] keys
    cdef double total = 0, part
    cdef double* wide = <double*> (s + g.wide_at)
    cdef Py_ssize_t t = 0, i, k, above = keys_up_to(x, g.taps, low), below
    keys[0], keys[1] = low, high
    to_doubles(g, ends, keys, 2, s + g.raw_at)
    if low == high:
        return ends[0] * <double> (last - first + 1)
    below = keys_up_to(x, g.taps, <K> (high - 1))
    while t < g.taps:
        k = least(g.together, g.taps - t)
        to_doubles(g, wide, x + t, k, s + g.raw_at)
        part = 0
        for i in range(k):
            part += wide[i] if low < x[t + i] and x[t + i] < high else 0
        total += part
        t += k
    return total + ends[0] * <double> (above - first) + ends[1] * <double> (last + 1 - below)


cdef void put_selected(const Plan* g, Stretch* list, Py_ssize_t stretches, const Lanes* l,
                       const K* low, const K* high, char* s) noexcept nogil:
    """The windows' values to the result."""
    cdef double* a = <double*> (s + g.wide_at)
    cdef double* b = <double*> lane_row(g, s, 5)
    cdef char* result = s + g.result_at
    cdef Py_ssize_t i
    cdef int missing = 0, mixed = 0
    cdef const uint8_t* exist = NULL
    cdef K* least_row = <K*> low
    for i in range(l.n):
        missing |= l.exist[i] == 0
        mixed |= l.last[i] != l.first[i]
    if missing and not is_floating(g.y_type):
        fail(g, EMPTY_WINDOW)
        return
    if missing:
        exist = l.exist
    if g.kind != TRIMMED and (g.selecting or not mixed or g.kind == MODE):
        for i in range(l.n if missing else 0):
            least_row[i] = low[i] if l.exist[i] != 0 else greatest_key(<K> 0)
        elements_to_result(g, result, low, exist, l.n, s)
        put_values(g, list, stretches, result)
        return
    if g.kind == TRIMMED:
        divide_totals(l.totals, l.first, l.last, l.n)
        if is_floating(g.x_type):
            for i in range(l.n):
                l.totals[i] = D_NAN if low[i] == greatest_key(<K> 0) else l.totals[i]
        doubles_to_result(g, result, l.totals, exist, l.n)
    else:
        to_doubles(g, b, high, l.n, s + g.raw_at)
        to_doubles(g, a, low, l.n, s + g.raw_at)
        mix(l.totals, a, b, l.shares, l.n)
        doubles_to_result(g, result, l.totals, exist, l.n)
    put_values(g, list, stretches, result)


# --- modes ----------------------------------------------------------------------------------------

cdef void count_pair(K* restrict ca, K* restrict cb, const K* restrict a, const K* restrict b,
                     Py_ssize_t n) noexcept nogil:
    """One more for both where they are equal."""
    cdef Py_ssize_t i
    cdef K same
    for i in range(UP(n, sizeof(K))):
        same = <K> 1 if a[i] == b[i] else <K> 0
        ca[i] = ca[i] + same
        cb[i] = cb[i] + same


cdef void forget(K* restrict count, const K* restrict a, K ignored, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(UP(n, sizeof(K))):
        count[i] = <K> 0 if a[i] == ignored else count[i]


cdef void prefer(K* restrict best, K* restrict most_often, const K* restrict a,
                 const K* restrict count, bint first_wins, Py_ssize_t n) noexcept nogil:
    """What is more frequent, or as frequent and less."""
    cdef Py_ssize_t i
    cdef K tie, better, x, y, zero = 0, one = 1
    for i in range(UP(n, sizeof(K))):
        x, y = best[i], a[i]
        tie = one if y < x else zero
        tie = zero if first_wins else tie
        better = tie if count[i] == most_often[i] else zero
        better = one if count[i] > most_often[i] else better
        best[i] = y if better != zero else x
        most_often[i] = count[i] if better != zero else most_often[i]


cdef void mode_by_pairs(const Plan* g, const K* block, K ignored, Py_ssize_t n, K* y,
                        char* s) noexcept nogil:
    """Modes of whole windows of at most PAIRED taps."""
    cdef K* counts = <K*> (s + g.spare_at)
    cdef Py_ssize_t t, u
    for t in range(g.taps):
        fill(counts + t * g.pitch, UP(n, sizeof(K)), <K> 1)
    for t in range(g.taps):
        for u in range(t):
            count_pair(counts + t * g.pitch, counts + u * g.pitch, block + t * g.pitch,
                       block + u * g.pitch, n)
    for t in range(g.taps if g.ignoring else 0):
        forget(counts + t * g.pitch, block + t * g.pitch, ignored, n)
    memcpy(y, block, UP(n, sizeof(K)) * sizeof(K))
    for t in range(1, g.taps):
        prefer(y, counts, block + t * g.pitch, counts + t * g.pitch, g.first_wins, n)


cdef void lengthen(int32_t* restrict run, int32_t* restrict longest, K* restrict y,
                   const K* restrict x, const K* restrict before, const int32_t* restrict counts,
                   int32_t t, Py_ssize_t n) noexcept nogil:
    """Row t of sorted windows: runs of equal elements."""
    cdef Py_ssize_t i
    cdef int32_t r
    for i in range(n):
        r = run[i] + 1 if x[i] == before[i] else 1
        r = r if t < counts[i] else 0
        run[i] = r
        y[i] = x[i] if r > longest[i] else y[i]
        longest[i] = r if r > longest[i] else longest[i]


cdef void shorten_runs(int32_t* restrict run, const K* restrict x, K ignored,
                       Py_ssize_t n) noexcept nogil:
    """Runs of what is ignored do not count: they are less than 1 at their end."""
    cdef Py_ssize_t i
    for i in range(n):
        run[i] = -2147483647 if x[i] == ignored else run[i]


cdef void mode_by_rows(const Plan* g, K* block, K ignored, Lanes* l, K* y, char* s) noexcept nogil:
    """The least mode is that of the first of the longest runs of a sorted window."""
    cdef int32_t* run = l.first
    cdef int32_t* longest = l.last
    cdef Py_ssize_t t
    sort_rows(g, block, False, l.n)
    fill(run, l.n, <int32_t> 0)
    fill(longest, l.n, <int32_t> 0)
    memcpy(y, block, l.n * sizeof(K))
    for t in range(g.taps):
        if g.ignoring:
            shorten_runs(run, block + t * g.pitch, ignored, l.n)
        lengthen(run, longest, y, block + t * g.pitch, block + most(0, t - 1) * g.pitch, l.counts,
                 <int32_t> t, l.n)


cdef K mode_of_window(const Plan* g, const K* x, const K* again, K ignored, Py_ssize_t pitch,
                      char* table) noexcept nogil:
    """The mode of a window whose elements are `pitch` apart; what differs `again`, where nothing is
    another key, does not exist. Keys are counted in a table, by open addressing (Knuth 1973)."""
    cdef int bits = table_bits(g.taps)
    cdef Py_ssize_t size = <Py_ssize_t> 1 << bits, t, at, used = 0, best = -1
    cdef K* keys = <K*> table
    cdef int32_t* counts = <int32_t*> (table + size * 8)
    cdef int32_t* slots = counts + size
    cdef K v, last = ignored
    memset(counts, 0, size * 4)
    at = -1
    for t in range(g.taps):
        v = x[t * pitch]
        if again[t * pitch] != v or (g.ignoring and v == ignored):
            continue
        if at < 0 or v != last:
            at = <Py_ssize_t> ((<uint64_t> v * <uint64_t> 0x9E3779B97F4A7C15) >> (64 - bits))
            while counts[at] > 0 and keys[at] != v:
                at = (at + 1) & (size - 1)
        if counts[at] == 0:
            keys[at] = v
            slots[used] = <int32_t> at
            used += 1
        counts[at] += 1
        last = v
    for t in range(used):
        at = slots[t]
        if best < 0 or counts[at] > counts[best] or (
                counts[at] == counts[best] and not g.first_wins and keys[at] < keys[best]):
            best = at
    return keys[best] if best >= 0 else ignored


cdef inline int table_bits(Py_ssize_t taps) noexcept nogil:
    cdef int bits = 4
    while (<Py_ssize_t> 1 << bits) < 2 * taps:
        bits += 1
    return bits


cdef void modes(const Plan* g, Stretch* list, Py_ssize_t stretches, Lanes* l, K* block, K* y,
                char* s) noexcept nogil:
    cdef K ignored = 0
    cdef K* again = block
    cdef Py_ssize_t i
    if g.ignoring:
        to_keys(g, &ignored, <const char*> &g.ignored, 1)
    if l.whole and g.taps <= PAIRED:
        mode_by_pairs(g, block, ignored, l.n, y, s)
    elif g.sort_steps > 0 and not g.first_wins:
        mode_by_rows(g, block, ignored, l, y, s)
    else:
        if not l.whole:
            again = <K*> (s + g.keys_at)
            bring_all(g, list, stretches, again, least_key(<K> 0), <int32_t*> (s + g.places_at), s)
        for i in range(l.n):
            y[i] = mode_of_window(g, block + i, again + i, ignored, g.pitch, s + g.levels_at)
    fill(l.first, l.n, <int32_t> 0)
    fill(l.last, l.n, <int32_t> 0)
    fill(l.shares, l.n, <double> 0)


# --- slopes ---------------------------------------------------------------------------------------

cdef struct Selection:
    # Rows of scratch: what was selected, and how many of these keys are still to be found.
    const void* low
    const void* high
    int32_t* lows
    int32_t* highs
    double* low_share           # gy times the share of each
    double* high_share
    double* inner_share         # ... of what is between


cdef void find_selected(double* restrict z, const K* restrict x, const K* restrict again,
                        const K* restrict low, const K* restrict high, int32_t* restrict lows,
                        int32_t* restrict highs, const double* restrict low_share,
                        const double* restrict high_share, const double* restrict inner_share,
                        Py_ssize_t n) noexcept nogil:
    """The slopes of a row of taps. A lane finds as many of the least selected key, and then of the
    greatest, as it is to find."""
    cdef Py_ssize_t i
    cdef int32_t is_low, is_high, here
    cdef double v
    for i in range(n):
        here = 1 if x[i] == again[i] else 0
        is_low = here if x[i] == low[i] else 0
        is_low = is_low if lows[i] > 0 else 0
        lows[i] = lows[i] - is_low
        is_high = here if x[i] == high[i] else 0
        is_high = is_high if highs[i] > 0 else 0
        is_high = 0 if is_low != 0 else is_high
        highs[i] = highs[i] - is_high
        here = here if x[i] > low[i] else 0
        here = here if x[i] < high[i] else 0
        v = inner_share[i] if here != 0 else 0
        v = low_share[i] if is_low != 0 else v
        z[i] = high_share[i] if is_high != 0 else v


cdef void count_selected(int32_t* restrict lows, int32_t* restrict highs, const K* restrict x,
                         const K* restrict low, const K* restrict high,
                         Py_ssize_t n) noexcept nogil:
    """Elements up to the least selected key, and below the greatest."""
    cdef Py_ssize_t i
    for i in range(n):
        lows[i] = lows[i] + (1 if x[i] <= low[i] else 0)
        highs[i] = highs[i] + (1 if x[i] < high[i] else 0)


cdef void shares_of_ranks(const Plan* g, const Lanes* l, const K* low, Selection* c) noexcept nogil:
    """What each selected element gets, and how many of equal keys get it."""
    cdef Py_ssize_t i
    cdef double gy, share
    for i in range(l.n):
        gy = c.inner_share[i] if l.exist[i] != 0 else 0
        share = 0 if is_floating(g.x_type) and low[i] == greatest_key(<K> 0) else l.shares[i]
        c.lows[i], c.highs[i] = 1, l.last[i] - l.first[i]
        c.low_share[i] = gy * (1 - share)
        c.high_share[i] = gy * share
        c.inner_share[i] = 0


cdef void shares_of_trimmed(const Plan* g, const Lanes* l, const K* low, const K* high,
                            Selection* c) noexcept nogil:
    """The same where all from first to last count, whose keys were counted."""
    cdef Py_ssize_t i
    cdef double share
    cdef int32_t wanted
    cdef bint nan = False
    for i in range(l.n):
        wanted = l.last[i] - l.first[i] + 1
        nan = is_floating(g.x_type) and low[i] == greatest_key(<K> 0)
        share = c.inner_share[i] / <double> wanted if l.exist[i] != 0 else 0
        c.lows[i] = c.lows[i] - l.first[i]
        c.highs[i] = l.last[i] + 1 - c.highs[i]
        if low[i] == high[i]:
            c.lows[i], c.highs[i] = wanted, 0
        if nan:
            c.lows[i], c.highs[i] = 1, 0
            share = c.inner_share[i]
        c.low_share[i] = c.high_share[i] = c.inner_share[i] = share


cdef void narrow_row(R* restrict y, const double* restrict x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <R> x[i]


cdef void add_slopes(const Plan* g, Stretch* list, Py_ssize_t stretches, const Lanes* l,
                     K* block, const K* low, const K* high, char* s, R tag) noexcept nogil:
    """Each window's gradient to the elements that were selected."""
    cdef Py_ssize_t t0, t1, t, i
    cdef int32_t* unused = <int32_t*> (s + g.places_at)
    cdef K* again = block
    cdef R* slopes = <R*> (s + g.slopes_at)
    cdef R* gy = <R*> (s + g.result_at)
    cdef double* row = <double*> (s + g.wide_at)
    cdef bint turn
    cdef Selection c
    c.lows = <int32_t*> lane_row(g, s, 5)
    c.highs = <int32_t*> lane_row(g, s, 6)
    c.low_share = <double*> lane_row(g, s, 7)
    c.high_share = <double*> lane_row(g, s, 8)
    c.inner_share = <double*> lane_row(g, s, 9)
    get_values(g, list, stretches, gy, False)
    for i in range(l.n):
        c.inner_share[i] = <double> gy[i]
    fill(c.lows, l.n, <int32_t> 0)
    fill(c.highs, l.n, <int32_t> 0)
    if g.kind != TRIMMED:
        shares_of_ranks(g, l, low, &c)
    for turn in range(g.kind != TRIMMED, 2):
        t0 = 0
        while t0 < g.taps:
            t1 = least(t0 + g.together, g.taps)
            bring(g, list, stretches, t0, t1, 0, block, greatest_key(<K> 0), unused, s)
            if turn == 0:
                for t in range(t1 - t0):
                    count_selected(c.lows, c.highs, block + t * g.pitch, low, high, l.n)
                t0 = t1
                continue
            if not l.whole:
                again = <K*> (s + g.keys_at)
                bring(g, list, stretches, t0, t1, 0, again, least_key(<K> 0), unused, s)
            for t in range(t1 - t0):
                find_selected(row, block + t * g.pitch, again + t * g.pitch, low, high, c.lows,
                              c.highs, c.low_share, c.high_share, c.inner_share, l.n)
                narrow_row(slopes + t * g.pitch, row, l.n)
            add_back(g, list, stretches, t0, t1, slopes, s)
            t0 = t1
        if turn == 0:
            shares_of_trimmed(g, l, low, high, &c)


# --- items ----------------------------------------------------------------------------------------

cdef void order_windows(const Plan* g, Stretch* list, Py_ssize_t stretches, char* s,
                        K tag) noexcept nogil:
    """Some windows: their values, or their slopes."""
    cdef Lanes l
    cdef K* block = <K*> (s + g.box_at)
    cdef K* low = <K*> lane_row(g, s, 10)
    cdef K* high = <K*> lane_row(g, s, 11)
    lanes_in(g, s, &l)
    l.n = count_elements(g, list, stretches, l.counts)
    if l.n == 0:
        return
    bring_all(g, list, stretches, block, greatest_key(tag), l.counts, s)
    settle_ranks(g, &l)
    if g.kind == MODE:
        modes(g, list, stretches, &l, block, low, s)
        memcpy(high, low, l.n * sizeof(K))
    elif g.sort_steps > 0:
        select_by_rows(g, block, &l, low, high, s)
    else:
        select_by_windows(g, block, &l, low, high, s)
    if g.task == VALUES_OF:
        put_selected(g, list, stretches, &l, low, high, s)
    elif g.t_type == DOUBLE:
        add_slopes(g, list, stretches, &l, block, low, high, s, <double> 0)
    else:
        add_slopes(g, list, stretches, &l, block, low, high, s, <float> 0)


cdef void order_numbers(const Plan* g, Py_ssize_t at, Py_ssize_t stop, char* s,
                        K tag) noexcept nogil:
    """Windows `at` to `stop`."""
    cdef Stretch* list = <Stretch*> (s + g.stretches_at)
    cdef Py_ssize_t to
    while at < stop:
        to = least(at + g.lanes, stop)
        order_windows(g, list, list_stretches(g, at, to, list), s, tag)
        at = to


cdef void order_items(const Plan* g, Py_ssize_t lo, Py_ssize_t hi, char* s, K tag) noexcept nogil:
    """Items are blocks of windows; where slopes are added up, planes, which no two threads share;
    of medians of squares and of ranks of bytes, pieces of the result."""
    cdef Py_ssize_t item, size = g.lanes
    cdef Py_ssize_t last = g.planes * ceil_div(g.inner, g.channels) * windows_of_block(g)
    if g.task == SLOPES_OF:
        size = windows_of_block(g)
    for item in range(lo, hi):
        if g.square > 0:
            square_any(g, item, s)
        elif g.tall:
            sweep_item(g, item, s)
        else:
            order_numbers(g, item * size, least((item + 1) * size, last), s, tag)
