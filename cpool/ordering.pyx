"""The door to the kernels of order statistics: medians, quantiles, ranks, trimmed means, modes.

A call says which elements of a sorted window count, or that the most frequent one does, and whether
values or slopes are wanted. What it shares with other calls is in `arrays`, what it shares with
other windows side by side in `lanes`.
"""

cimport cython
cimport numpy as cnp

from cpool.arrays cimport (
    Options, clear, cleared, mean_of, nan_policy_of, output, result_shape, run, settled, types,
    windows_of)
from cpool.calls cimport Call
from cpool.driver cimport kernels
from cpool.dtypes cimport empty_like, floating, type_code
from cpool.kernels.plan cimport *
from cpool.lanes cimport place, shape_of, work_of
from cpool.views cimport Pooled, view
from cpool.windows cimport Tables, Windows

import functools

import numpy as np

from cpool.arrays import as_dtype, as_input, as_mask, checked_gradient

cnp.import_array()

cdef enum:
    BLOCK_BYTES = 24576     # of the taps of all lanes: they stay in the fastest cache
    WINDOW_BYTES = 1048576  # of the taps of lanes that are looked at one by one
    TOGETHER = 64           # taps that are looked at at once
    FEWEST = 64             # bytes of lanes: whole vectors
    MOST = 512
    CHANNELS = 64           # that one thread adds slopes to
    STRETCH = 128           # bytes that describe some windows (see kernels/lanes.pxi)
    ROWS = 12               # of scratch (see kernels/order.pxi)
    PAIRED = 9
    BAND = 32               # rows of the result that are made one after the other
    PIECE = 1024            # elements of them
    BESIDE_ROWS = 16        # of small modes (see kernels/modes.pxi)
    SWEPT = 100             # bytes of a window from which on columns are counted
    TALL_BAND = 128
    TALL_PIECE = 512

KINDS = {"quantile": QUANTILE, "rank": RANKED, "trimmed_mean": TRIMMED, "mode": MODE}
METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
)
# Those that give the middle one of an odd number of elements for q = 1/2.
CENTRAL = frozenset(("linear", "lower", "higher", "midpoint", "nearest"))
DISCRETE = frozenset(("inverted_cdf", "closest_observation", "lower", "higher", "nearest"))


# --- networks -------------------------------------------------------------------------------------

cdef Py_ssize_t longest_network(int size) noexcept:
    """Taps up to which sorting rows of elements of a size is faster than looking at windows."""
    return 250 if size == 1 else 192 if size == 2 else 128 if size == 4 else 64


@functools.lru_cache(128)
def network(int taps, tuple wanted):
    """Exchanges that sort rows (Batcher's merge exchange: Knuth 1973, 5.2.2M), of which only what
    leads to the wanted ranks is kept: triples of two rows and 1 for the lesser one, 2 for the
    greater one, 3 for both."""
    needed = set(wanted) if wanted else set(range(taps))
    kept = []
    for a, b in reversed(merge_exchange(taps)):
        what = (1 if a in needed else 0) + (2 if b in needed else 0)
        if what:
            needed.update((a, b))
            kept.append(bytes((a, b, what)))
    return b"".join(reversed(kept))


def merge_exchange(int taps):
    """Pairs of rows of which the first is to become the lesser one."""
    pairs = []
    top = 1 << max(taps - 1, 1).bit_length() - 1
    p = top
    while p > 0 and taps > 1:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(taps - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return pairs


# --- calls ----------------------------------------------------------------------------------------

@cython.final
cdef class Order:
    """Which order statistic: checked by the record that makes it."""
    cdef readonly str kind
    cdef readonly double p          # q of a quantile, the cut of a trimmed mean
    cdef readonly str method
    cdef readonly Py_ssize_t rank
    cdef readonly bint first_wins
    cdef readonly object ignored
    cdef readonly bint selecting    # values are elements, so results have x's type

    def __cinit__(self, str kind, double p=0.5, str method="linear", Py_ssize_t rank=0,
                  bint first_wins=False, ignored=None):
        self.kind, self.p, self.method, self.rank = kind, p, method, rank
        self.first_wins, self.ignored = first_wins, ignored
        self.selecting = kind in ("rank", "mode") or (kind == "quantile" and method in DISCRETE)


cdef int prepare(Plan* g, Call call, Pooled* pooled, Order order, cnp.ndarray x, Windows windows,
                 Options options) except -1:
    """What forward and backward have in common, up to the view of memory."""
    cdef int x_code = type_code(x.descr, "x")
    cdef double taps
    clear(g)
    call.tables = Tables.__new__(Tables)
    call.ndim = cnp.PyArray_NDIM(x)
    call.y_code = x_code if floating(x_code) or order.selecting else DOUBLE
    if options.dtype is not None:
        call.y_code = type_code(as_dtype(options.dtype), "dtype")
    windows_of(pooled, windows, x, options, call.tables)
    taps = result_shape(pooled, x, call.shape)
    if taps >= 1073741824.0:
        raise ValueError(f"kernel_size must have less than 2**30 elements, got {taps:.0f}")
    nan_policy_of(g, options.nan_policy, x_code)
    mean_of(g, pooled, False, None, call.tables)
    g.kind = KINDS[order.kind]
    g.p = order.p
    g.method = METHODS.index(order.method)
    g.rank = order.rank
    g.selecting, g.first_wins = order.selecting, order.first_wins
    types(g, x, x_code, FLOAT if floating(x_code) and x_code != DOUBLE else DOUBLE, call.y_code)
    ignore(g, x, order.ignored)
    return 0


cdef int ignore(Plan* g, cnp.ndarray x, object value) except -1:
    """The bytes of an element of x that equals a value, if there can be one."""
    if value is None:
        return 0
    dtype = (<object> x).dtype.newbyteorder("=")
    element = np.zeros(8 // dtype.itemsize, dtype)
    with np.errstate(all="ignore"):
        try:
            element[0] = value
        except (OverflowError, ValueError):     # no element of this type equals it
            return 0
    if floating(g.x_type):
        if np.isinf(element[0]) and not np.isinf(value):
            return 0
    elif element[0].item() != value:
        return 0
    g.ignoring = True
    g.ignored = int(element.view(np.int64)[0])
    return 0


cdef tuple wanted_ranks(const Plan* g, Order order):
    """Ranks of whole windows that values depend on; an empty tuple: all of them."""
    cdef Py_ssize_t n = g.taps
    if g.kind == RANKED:
        ranks = [0]
        if -n <= order.rank < n:
            ranks = [order.rank + (n if order.rank < 0 else 0)]
    elif g.kind == QUANTILE:
        # As many as are near it: which ones count, the kernel says.
        middle = int(order.p * (n - 1))
        ranks = range(max(middle - 1, 0), min(middle + 3, n))
        if order.p == 0.5 and order.method == "linear":
            ranks = range((n - 1) // 2, n // 2 + 1)
    else:
        return ()
    return tuple(sorted({*ranks, n - 1} if floating(g.x_type) else {*ranks}))


cdef bint is_square(const Plan* g, Order order):
    """Whether medians of 3 x 3 or 5 x 5 elements are wanted (kernels/squares.pxi)."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t middle = g.taps // 2
    return (g.task == VALUES_OF and g.mask == NULL and not g.omit_nan and not g.raise_nan
            and (w.kernel == 3 or w.kernel == 5) and g.taps == w.kernel * w.kernel
            and h.kernel == w.kernel and h.stride == 1 and w.stride == 1
            and h.dilation == 1 and w.dilation == 1 and h.start == NULL and w.start == NULL
            and g.axis[0].m == 1 and g.axis[0].n == 1 and g.inner <= PIECE
            and (g.kind == RANKED and (order.rank == middle or order.rank == middle - g.taps)
                 or g.kind == QUANTILE and order.p == 0.5 and order.method in CENTRAL))


cdef bint is_tall(const Plan* g, Order order):
    """Whether an element of one rank is wanted of many bytes (kernels/sweeps.pxi)."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    return (g.x_size == 1 and g.task == VALUES_OF and g.mask == NULL and g.taps >= SWEPT
            and g.taps == h.kernel * w.kernel and g.taps < 32768 and h.kernel < 256
            and h.stride == 1 and w.stride == 1 and h.dilation == 1 and w.dilation == 1
            and h.start == NULL and w.start == NULL and g.axis[0].m == 1 and g.axis[0].n == 1
            and g.inner == 1 and h.m > 1 and g.planes > 0
            and (g.kind == RANKED and -g.taps <= order.rank < g.taps
                 or g.kind == QUANTILE and (order.selecting or order.p == 0.5
                                            and order.method == "linear" and g.taps % 2 == 1)))


cdef bint is_small_mode(const Plan* g, cnp.ndarray x, cnp.ndarray y):
    """Whether modes of 2 x 2 or 2 x 2 x 2 integers are wanted (kernels/modes.pxi), which lie in
    rows."""
    cdef const Axis* a
    cdef int i
    for i in range(3):
        a = &g.axis[i]
        if (a.kernel > 2 or a.stride != a.kernel or a.dilation != 1 or a.before != 0
                or a.start != NULL or a.source != NULL or g.xs[i] % g.x_size != 0
                or g.ys[i] % g.x_size != 0):
            return False
    return (g.kind == MODE and g.task == VALUES_OF and g.mask == NULL and not floating(g.x_type)
            and g.axis[1].kernel == 2 and g.axis[2].kernel == 2 and g.inner == 1
            and g.y_type == g.x_type and not g.x_swapped and cnp.PyArray_ISALIGNED(x)
            and cnp.PyArray_ISALIGNED(y) and g.xs[2] == g.x_size)


cdef tuple place_lanes(Plan* g, Order order, cnp.ndarray x, cnp.ndarray y):
    """How many windows and taps are looked at at once, and where each thread's scratch is; gives
    what the plan has addresses of."""
    cdef Py_ssize_t size = g.x_size, at = 0, blocks, longest, rows, table = 16
    cdef int i
    cdef bytes pruned = b"", whole = b""
    g.taps = g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    g.together = min(g.taps, TOGETHER)
    if g.taps <= longest_network(g.x_size) and not (g.kind == MODE and g.taps > 128):
        pruned, whole = network(g.taps, wanted_ranks(g, order)), network(g.taps, ())
        g.network, g.sorting = pruned, whole
        g.exchanges, g.sort_steps = len(pruned) // 3, max(len(whole) // 3, 1)
        if not len(whole):
            g.sorting = g.network = b"\0\0\3"       # one tap, put in order with itself
            g.exchanges = 1
        g.lanes = BLOCK_BYTES // (g.taps * size) // FEWEST * FEWEST
        g.lanes = max(FEWEST, min(MOST, g.lanes))
        g.pitch = g.lanes + 64 // size      # no two rows at the same place of the cache
    else:
        g.lanes = g.pitch = max(1, min(32, WINDOW_BYTES // (g.taps * size)))
    g.channels = 1 if g.inner == 1 else min(g.inner, CHANNELS if g.task == SLOPES_OF else MOST)
    blocks = g.planes * ((g.inner + g.channels - 1) // g.channels)
    g.items = blocks
    if g.task != SLOPES_OF:
        for i in range(3):
            g.items *= g.axis[i].m
        g.items = (g.items * g.channels + g.lanes - 1) // g.lanes
    if is_square(g, order):
        g.square = g.axis[2].kernel
        g.band, g.piece = BAND, max(1, PIECE // g.inner)
        g.line = ((g.piece + g.square - 1) * g.inner + 191) // 64 * 64
    g.tall = not g.square and is_tall(g, order)
    if g.tall:
        g.band, g.piece = TALL_BAND, TALL_PIECE
        g.line = (g.piece + g.axis[2].kernel) * 288     # bytes of the counts of columns
    if g.square or g.tall:
        g.items = g.planes * ((g.axis[1].m + g.band - 1) // g.band)
        g.items *= (g.axis[2].m + g.piece - 1) // g.piece
    g.small_mode = is_small_mode(g, x, y)
    if g.small_mode:
        g.band, g.line = BAND, g.axis[2].m + 16
        g.items = (g.planes * g.axis[0].m * g.axis[1].m + BAND - 1) // BAND
    while g.kind == MODE and table < 2 * g.taps:
        table *= 2
    rows = g.square + 1 if g.square else BESIDE_ROWS if g.small_mode else 1
    longest = max(g.lanes, g.together, g.piece + g.axis[2].kernel if g.tall
                  else g.line if g.square else 0)
    g.box_at = place(&at, max(g.taps * g.pitch, g.square * g.line) * size)
    g.keys_at = place(&at, max((g.taps if g.kind == MODE else g.together) * g.pitch,
                               longest if g.tall else g.square * g.line) * size)
    g.columns_at = place(&at, rows * g.line * size)
    g.slopes_at = place(&at, g.together * g.pitch * 8 if g.task == SLOPES_OF else 0)
    g.spare_at = place(&at, max(2 * (g.taps + 64), PAIRED * g.pitch, longest) * size)
    g.levels_at = place(&at, table * 12 + g.taps * 4 if g.kind == MODE else 0)
    g.rows_at = place(&at, ROWS * g.pitch * 8)
    g.counts_at = place(&at, g.pitch * 4)
    g.raw_at = place(&at, longest * 8)
    g.lines_at = place(&at, longest * 8)
    g.flags_at = place(&at, longest)
    g.entries_at = place(&at, longest * 8)
    g.result_at = place(&at, longest * 8)
    g.wide_at = place(&at, longest * 16)
    g.places_at = place(&at, g.lanes * 4)
    g.stretches_at = place(&at, g.lanes * STRETCH)
    g.scratch = at
    return pruned, whole


def values(Order order, x, Windows windows, Options options):
    """An order statistic of each window."""
    cdef cnp.ndarray array = as_input(x), y
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    mask = as_mask(options.where, array)
    prepare(g, call, &pooled, order, array, windows, options)
    g.task = VALUES_OF
    y = empty_like(array, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array, mask))
    # The first of equally frequent elements is the first in the order of the array's axes.
    view(g, &pooled, array, y, None, None, mask, order.first_wins)
    call.held = place_lanes(g, order, array, y)
    run(g, kernels.order, work_of(g, y))
    return y


def slopes(Order order, cnp.ndarray x, Windows windows, Options options, gy, dtype, out=None):
    """The gradient in x of the sum of gy times the order statistics."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef cnp.ndarray gx
    prepare(g, call, &pooled, order, x, windows, options)
    g.task, g.raise_nan = SLOPES_OF, False
    number = np.float64 if g.t_type == DOUBLE else np.float32
    gy = checked_gradient(gy, shape_of(call)).astype(number, copy=False)
    gx = cleared(out, x, number)
    view(g, &pooled, x, gy, gy, None, as_mask(options.where, x), True, gx)
    call.held = place_lanes(g, order, x, gy)
    run(g, kernels.order, work_of(g, gy))
    return settled(gx, dtype, out)
