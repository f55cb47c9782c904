"""The door to the kernels that take windows side by side: means that are no sums, and draws.

A call says which mean, and whether its values, its slopes or its slopes in the parameter are
wanted; what it shares with other calls is in `arrays`.
"""

cimport numpy as cnp

from cpool.arrays cimport (
    Options, clear, cleared, explain, mean_of, nan_policy_of, output, result_shape, run, settled,
    types, windows_of)
from cpool.calls cimport Call
from cpool cimport driver
from cpool.driver cimport kernels
from cpool.dtypes cimport SIZE, empty_like, floating, type_code
from cpool.kernels.plan cimport *
from cpool.tiling cimport tile
from cpool.views cimport Pooled, are_drawn, swap_slots, view
from cpool.windows cimport Tables, Windows, list_long

import numpy as np

from cpool.arrays import (
    as_dtype, as_input, as_mask, checked_gradient, converted, fold, pooled_axes, spread)
from cpool.parts import Held, cut

cdef extern from "<math.h>" nogil:
    bint isinf(double v)
    double fabs(double v)
    double log2(double v)

cnp.import_array()

cdef enum:
    BLOCK_BYTES = 49152     # of the taps of all lanes: they stay in the fast caches
    TOGETHER = 64           # taps that are looked at at once, and added up before sums are
    FEWEST = 64             # lanes: whole vectors of any type
    LONG = 256              # elements of a window that is taken in parts
    MOST = 512
    CHANNELS = 64           # that one thread adds slopes to
    STRETCH = 128           # bytes that describe some windows (see kernels/lanes.pxi)
    CACHED = 131072         # elements that stay in a processor's caches with what is made of them
    HELD = 16777216         # ... that may be held beside the input
    HELD_BYTES = 3145728    # of all that a part of a gradient is made of
    PIECE = 1024            # elements that are done at a time (kernels/lifts.pxi)
    MIXED = 1024            # elements of an item of mixtures (PIECES in kernels/windows.pxi)
    FACTORS = 40            # of a product, at most: they may have exponents up to 25
    ROWS = 13               # of scratch (see kernels/means.pxi)

KINDS = {
    "norm": NORM, "small_power": SMALL_POWER, "harmonic": HARMONIC, "geometric": GEOMETRIC,
    "logarithm": LOGARITHM, "soft": SOFT, "logits": LOGITS, "plain": PLAIN, "drawn": DRAWN,
    "detail": DETAIL,
}
PARAMETERS = {"p": POWER, "alpha": LEAST_WEIGHT, "surroundings": SURROUNDINGS_OF}


cdef double prepare(Plan* g, Call call, Pooled* pooled, int kind, cnp.ndarray x, Windows windows,
                    Options options, double p, object low) except -1:
    """What forward and backward have in common, up to the view of memory; the taps of a window."""
    cdef int x_code = type_code(x.descr, "x")
    cdef double taps
    clear(g)
    call.tables = Tables.__new__(Tables)
    call.ndim = cnp.PyArray_NDIM(x)
    call.y_code = x_code if floating(x_code) else DOUBLE
    if options.dtype is not None:
        call.y_code = type_code(as_dtype(options.dtype), "dtype")
    windows_of(pooled, windows, x, options, call.tables)
    taps = result_shape(pooled, x, call.shape)
    if taps >= 2147483647.0:
        raise ValueError(f"kernel_size must have less than 2**31 elements, got {taps:.0f}")
    nan_policy_of(g, options.nan_policy, x_code)
    mean_of(g, pooled, False, None, call.tables)
    g.kind = kind
    g.p = p
    g.clamped = low is not None
    g.low = low if g.clamped else 0
    # A sum of logarithms has their absolute error, which is the relative one of the result. A
    # factor that is no float32 would be 0 or infinite.
    # A root of a small power multiplies errors; so does the logarithm of a small mean.
    types(g, x, x_code, DOUBLE if (x_code == DOUBLE or not floating(x_code) or g.kind == GEOMETRIC
                                   or g.kind == SMALL_POWER or (g.kind == NORM and fabs(p) < 0.5)
                                   or call.y_code == DOUBLE or g.kind == LOGARITHM
                                   or (g.kind == SOFT and not is_moderate_factor(p)))
          else FLOAT, call.y_code)
    return taps


cdef void lay_side_by_side(Plan* g) noexcept:
    """A window over all of W would be one lane. Where it is short, lanes are the rows, which are
    planes; a long one becomes `parts` windows of elements `parts` apart. The first of equal
    extremes need not be in the first part, and draws go through a window in order."""
    cdef Axis* w = &g.axis[2]
    if g.inner > 1 or w.m != 1 or w.start == NULL or w.count[0] != w.n:
        return
    if w.n < LONG:
        if g.axis[1].identity and g.axis[1].m > 1:
            swap_slots(g, 1, 2)
        return
    if g.kind == DRAWN or (g.kind == NORM and isinf(g.p)):
        return
    g.parts = FEWEST
    w.m = g.parts
    w.kernel = (w.n + g.parts - 1) // g.parts
    w.dilation = g.parts
    w.stride = 1
    w.before = 0
    w.start = w.count = w.origin = NULL


cdef void place_lanes(Plan* g) noexcept:
    """How many windows and taps are looked at at once, and where each thread's scratch is."""
    cdef Py_ssize_t size = SIZE[g.t_type], at = 0, blocks, longest
    cdef int i
    lay_side_by_side(g)
    g.taps = g.axis[0].kernel * g.axis[1].kernel * g.axis[2].kernel
    g.together = min(g.taps, TOGETHER)
    g.lanes = BLOCK_BYTES // (g.together * size) // FEWEST * FEWEST
    g.lanes = max(FEWEST, min(MOST, g.lanes))
    g.pitch = g.lanes + 64 // size      # no two rows at the same place of the cache
    g.channels = 1 if g.inner == 1 else min(g.inner, CHANNELS if g.task == SLOPES_OF else MOST)
    blocks = g.planes * ((g.inner + g.channels - 1) // g.channels)
    g.items = blocks
    if g.task != SLOPES_OF:
        for i in range(3):
            g.items *= g.axis[i].m
        g.items = (g.items * g.channels + g.lanes - 1) // g.lanes
    longest = max(g.lanes, g.together)
    g.box_at = place(&at, (2 if g.kind == LOGITS else 1) * g.together * g.pitch * size)
    g.rows_at = place(&at, ROWS * g.pitch * size)
    g.counts_at = place(&at, g.lanes * 4)
    g.raw_at = place(&at, longest * 8)
    g.lines_at = place(&at, longest * 8)
    g.flags_at = place(&at, longest)
    g.entries_at = place(&at, longest * 8)
    g.result_at = place(&at, g.lanes * 8)
    g.wide_at = place(&at, g.lanes * 8)
    g.places_at = place(&at, g.lanes * 4)
    g.stretches_at = place(&at, g.lanes * STRETCH)
    g.scratch = at


cdef Py_ssize_t place(Py_ssize_t* at, Py_ssize_t size) noexcept:
    cdef Py_ssize_t here = at[0]
    at[0] += (size + 127) // 64 * 64
    return here


cdef cnp.ndarray surroundings_of(Plan* g, Call call, object detail):
    """What DETAIL compares with, in the type that it is computed in: an array for `view`'s q. The
    other arguments go to the plan."""
    if detail is None:
        return None
    surroundings, g.alpha, g.eps, symmetric = detail
    g.one_sided = not symmetric
    if (<object> surroundings).shape != shape_of(call):
        raise ValueError(f"surroundings must be of the result's shape {shape_of(call)}")
    return np.asarray(surroundings, np.float64 if g.t_type == DOUBLE else np.float32)


cdef tuple shape_of(Call call):
    return tuple([call.shape[i] for i in range(call.ndim)])


cdef double work_of(const Plan* g, cnp.ndarray y) noexcept:
    return <double> cnp.PyArray_SIZE(y) * g.taps * g.parts


# --- folds of lifted elements ---------------------------------------------------------------------

cdef bint is_lifted(int kind, double p, int x_code, bint some) noexcept:
    """Whether kernels/lifts.pxi has the mean, of all elements or of some."""
    if kind == NORM:
        # A root multiplies what is lost by 1 / p.
        return 0.5 <= fabs(p) <= 64
    # A NaN that is omitted is none that a negative element's logarithm is.
    return kind == HARMONIC or (kind == GEOMETRIC and not some) or (
        kind == LOGARITHM and floating(x_code) and SIZE[x_code] < 8)


cdef cnp.ndarray values_of_sums(int kind, cnp.ndarray array, object mask, Windows windows,
                                Options options, double p, object low, bint mean):
    """What `lifted` gives, the fastest way first."""
    cdef cnp.ndarray found = None
    if not is_lifted(kind, p, type_code(array.descr, "x"),
                     mask is not None or options.nan_policy != "propagate"):
        return None
    if kind == GEOMETRIC:
        found = lifted(GEOMETRIC, array, None, windows, options, p, low, mean, PRODUCT)
    if found is None:
        found = lifted(kind, array, mask, windows, options, p, low, mean)
    return found


cdef double reads(const Pooled* pooled) noexcept:
    """How many windows read an element, on average."""
    cdef int i
    cdef double number = 1
    for i in range(pooled.count):
        number *= <double> pooled.windows[i].kernel * pooled.windows[i].m / pooled.windows[i].n
    return number


cdef void moderate(Plan* g, double taps) noexcept:
    """The sizes of elements, or of logits, with which sums of `taps` of them, and each by itself,
    are normal numbers with all their digits (for SOFT and LOGITS with elements of the sizes that
    kernels/lifts.pxi takes)."""
    cdef double bits = 100 if g.t_type == FLOAT else 900, room = log2(taps)
    if g.kind == GEOMETRIC:
        g.greatest = 2.0 ** (1000 / taps)
        g.least = 1 / g.greatest
    elif g.kind == NORM:
        g.least, g.greatest = 2.0 ** (-bits / fabs(g.p)), 2.0 ** ((bits - room) / fabs(g.p))
    elif g.kind == HARMONIC:
        g.least, g.greatest = 2.0 ** (room - bits), 2.0 ** bits
    elif g.kind == EXPECTED:
        g.least, g.greatest = 2.0 ** (-0.5 * bits), 2.0 ** (0.5 * (bits - room))
    elif g.kind == SOFT:
        g.greatest = 450 if g.t_type == DOUBLE else 50
    elif g.kind == LOGITS:
        # Exponents of 2 up to 43 or 430, where those of elements may be 70 or 500.
        g.greatest = 300 if g.t_type == DOUBLE else 30
    else:
        g.greatest = 0.5 * bits / fabs(g.p)
        # What is lost where exponentials are near 1 is less than what results in float32 lose.
        g.least = 1e-8 / fabs(g.p)


cdef cnp.ndarray lifted(int kind, cnp.ndarray array, object mask, Windows windows,
                        Options options, double p, object low, bint mean, int operation=ADD):
    """The means, or None if there are elements with which they cannot be computed so, or if it
    would take longer: many exponentials for each window are less than two for each element, in
    float64. Geometric means are sums of logarithms, or roots of products."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef int failures = 0, i
    cdef cnp.ndarray y
    cdef double taps = prepare(g, call, &pooled, kind, array, windows, options, p, low)
    g.lifted = True
    for i in range(pooled.count):
        list_long(&pooled.windows[i], call.tables)
    g.mean = mean or kind == HARMONIC or kind == GEOMETRIC or kind == LOGARITHM
    if kind == LOGARITHM:
        types(g, array, g.x_type, DOUBLE, call.y_code)
    if kind == LOGARITHM and reads(&pooled) < (0.5 if has_narrow_exponentials(g) else 2):
        return None
    if operation == PRODUCT and taps > FACTORS:
        return None
    moderate(g, taps)
    y = empty_like(array, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array, mask))
    view(g, &pooled, array, y, None, None, mask, False)
    g.count = kernels.count
    if cnp.PyArray_SIZE(y) > 0:
        tile(g, kernels.block, False, False)
    g.failures = &failures
    driver.run(kernels.fold[operation], g, <double> cnp.PyArray_SIZE(array) + cnp.PyArray_SIZE(y))
    if failures & IMMODERATE:
        return None
    if failures != 0:
        explain(failures, g.y_type)
    return y


# --- quotients of sums ----------------------------------------------------------------------------

cdef bint lift(Plan* g, Task task, cnp.ndarray x, cnp.ndarray y, object moved,
               object weights) except -1:
    """What kernels/lifts.pxi makes of x in y and in weights, or does to y with what moved has, all
    of x's layout; whether all numbers are of a size for that."""
    cdef int failures = 0
    g.task = task
    g.x, g.y = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(y)
    g.q = NULL if moved is None else cnp.PyArray_BYTES(moved)
    g.gx = NULL if weights is None else cnp.PyArray_BYTES(weights)
    g.window = cnp.PyArray_SIZE(x)
    g.items = (g.window + PIECE - 1) // PIECE
    g.failures = &failures
    driver.run(kernels.lift, g, 4.0 * g.window)
    return failures == 0


cdef list parts_of(cnp.ndarray x, const Pooled* pooled, Py_ssize_t most, Py_ssize_t beside,
                   Py_ssize_t limit=0):
    """Where x, and the result, are cut: see parts.py."""
    cdef const Axis* a
    cdef int i
    cdef dict tiled = {}
    for i in range(pooled.count):
        a = &pooled.windows[i]
        if (a.start == NULL and a.source == NULL and a.kernel == a.stride and a.dilation == 1
                and a.before == 0 and a.reach == a.n):
            tiled[pooled.axes[i]] = a.kernel
    axes = tuple([pooled.axes[i] for i in range(pooled.count)])
    return cut((<object> x).shape, axes, tiled, most, beside, limit)


cdef object quotient_of(int kind, cnp.ndarray x, object logits, Windows windows, Options options,
                        double p):
    """Means with weights, as quotients of sums; None if there are elements with which they cannot
    be computed so, or more is asked for. Logits have x's type."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef cnp.ndarray some, beside, products, weights
    moderate(g, prepare(g, call, &pooled, kind, x, windows, options, p, None))
    if not floating(call.y_code) or options.nan_policy == "raise" or are_drawn(&pooled):
        return None
    # With others, an element times p may be no number, or its product with its weight lose digits.
    if kind == SOFT and not 1e-30 < fabs(p) < 2.0 ** 40:
        return None
    if kind == LOGITS and (options.nan_policy != "propagate" or options.where is not None):
        return None
    parts = parts_of(x, &pooled, CACHED, cnp.PyArray_SIZE(x), HELD)
    if parts is None and kind != EXPECTED:
        return None
    mask = as_mask(options.where, x)
    number = np.float64 if g.t_type == DOUBLE else np.float32
    y = empty_like(x, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (x, logits, mask))
    inner = options.replace(dtype=None, out=None, where=None)
    held = Held(number)
    for index, result in (parts or [((), ())]) if cnp.PyArray_SIZE(y) > 0 else ():
        some = held.dense(2, x[index], None if mask is None else mask[index])
        beside = some
        if logits is not None:
            beside = np.asarray(logits[index], number)
            if beside.strides != some.strides:
                some, beside = np.ascontiguousarray(some), np.ascontiguousarray(beside)
        products, weights = held.like(0, some), held.like(1, some)
        if not lift(g, VALUES_OF, some, products, beside, weights):
            return None
        there = inner if mask is None else inner.replace(where=mask[index])
        if g.y_type == g.t_type:
            means_of(kind, some, products, weights, windows, there, y[result])
        else:
            some = means_of(kind, some, products, weights, windows, there, None)
            converted(some, y.dtype, y[result])
    return y


cdef object means_of(int kind, cnp.ndarray x, cnp.ndarray products, cnp.ndarray weights,
                     Windows windows, Options options, out):
    """Those of a part. Where no element is above 0, each is as likely as the others."""
    sums = fold(ADD, products, windows, options.replace(out=out))
    total = fold(ADD, weights, windows, options)
    if kind == EXPECTED:
        flat = (total == 0).astype((<object> total).dtype)
        if flat.any():
            # Arithmetic is several times as fast as copying here and there.
            means = fold(ADD, x, windows, options, mean=True, count_include_pad=False)
            sums += means * flat
            total += flat
    with np.errstate(invalid="ignore"):
        np.divide(sums, total, out=sums)
    return sums


def quotient(cnp.ndarray x, object logits, Windows windows, Options options, double p=1.0):
    """Means weighted by exponentials of p times the logits (None: x itself), or None: see
    `quotient_of`."""
    return quotient_of(SOFT if logits is None else LOGITS, x, logits, windows, options, p)


# --- slopes of sums of lifted elements ------------------------------------------------------------

cdef bint have_slopes(int kind, double p, int x_code) noexcept:
    """Whether kernels/lifts.pxi has the slopes of a mean in its elements."""
    if kind == SOFT or kind == LOGARITHM:
        return 1e-30 < fabs(p) < 2.0 ** 40
    return is_lifted(kind, p, x_code, False) and (kind != NORM or p >= 1)


cdef object slopes_of_sums(int kind, cnp.ndarray x, Windows windows, Options options, object gy,
                           object dtype, double p, object low, bint mean, object out):
    """The gradient in x, a part of x at a time, or None if there are elements with which it cannot
    be computed so, or more is asked for. gy is of the result's shape."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef bint exponential = kind == SOFT or kind == LOGARITHM
    cdef int x_code = type_code(x.descr, "x")
    cdef cnp.ndarray some, y
    cdef object given, share, moved = None, weights = None, held
    if options.where is not None or not have_slopes(kind, p, x_code):
        return None
    if kind == NORM and p > 4:      # powers of values have errors that grow with p
        options = options.replace(dtype=np.float64)
    options = options.replace(nan_policy="propagate")
    moderate(g, prepare(g, call, &pooled, SOFT if exponential else kind, x, windows, options, p,
                        low))
    places = pooled_axes(x.ndim, windows, options.axes, options.channels_last, options.rank)
    number = np.float64 if g.t_type == DOUBLE else np.float32
    # Few channels are copied slowly, which pays where windows overlap.
    beside = 1 if reads(&pooled) >= 2 else 16 if exponential else cnp.PyArray_SIZE(x)
    parts = parts_of(x, &pooled, HELD_BYTES // (SIZE[g.t_type] * (6 if exponential else 4)),
                     beside)
    if parts is None or are_drawn(&pooled):
        return None
    # Values of floats in double precision would be no better for it.
    narrow = not exponential and g.x_type != DOUBLE and g.y_type != DOUBLE
    inner = options.replace(dtype=np.float32 if narrow else number)
    mean = mean or kind == HARMONIC or kind == GEOMETRIC
    gx = np.empty_like(x, dtype) if out is None else out
    held = Held(number)
    for index, result in parts if cnp.PyArray_SIZE(x) > 0 else ():
        some = held.dense(0, x[index])
        shape = (<object> some).shape
        place = gx[index]
        straight = (place.dtype == number and place.strides == (<object> some).strides
                    and place.flags.aligned)
        given = place if straight else held.like(1, some)
        if exponential:
            # The products are needed before what is given, or moved.
            moved, weights = held.like(2, some) if kind == SOFT else given, held.like(3, some)
            g.kind = SOFT
            if not lift(g, VALUES_OF, some, moved, some, weights):
                return None
            g.kind = kind
            y = fold(ADD, weights, windows, inner)
        else:
            y = values_of_sums(kind, x[index], None, windows, inner, p, low, mean)
            if y is None:
                return None
            y = (<object> y).astype(number, copy=False)
        share = np.empty_like(y)
        np.copyto(share, gy[result], casting="same_kind")
        if not lift(g, SHARES_OF, y, share, None, None):
            return None
        spread(share, windows, *places, shape, number, mean, False, out=given)
        if kind == SOFT:
            np.divide(fold(ADD, moved, windows, inner), y, out=y)
            share *= y
            spread(share, windows, *places, shape, number, out=moved)
        if not lift(g, SLOPES_OF, some, given, moved if kind == SOFT else None, weights):
            return None
        if not straight:
            np.copyto(place, given, casting="same_kind")
    return gx


# --- squares --------------------------------------------------------------------------------------

def squares(cnp.ndarray x, tuple shape, Py_ssize_t step):
    """Sums of squares in float64, (N, min(step, H), W), of a contiguous array of float32, seen as
    (N, K, H, W, C): over K, C, and every step-th H."""
    cdef Plan plan
    cdef Plan* g = &plan
    cdef int failures = 0, i
    if type_code(x.descr, "x") != FLOAT or not cnp.PyArray_ISCARRAY_RO(x):
        raise TypeError("x must be a contiguous array of float32")
    if len(shape) != 5 or np.prod(shape, dtype=object) != x.size or step < 1:
        raise ValueError(f"shape must have 5 entries and {x.size} elements, got {shape}")
    clear(g)
    y = np.empty((shape[0], min(step, shape[2]), shape[3]))
    g.x, g.y, g.kind = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(y), NORM
    for i in range(3):
        g.axis[i].n = shape[i + 1]
    g.inner, g.axis[1].stride, g.items = shape[4], step, shape[0]
    g.failures = &failures
    driver.run(kernels.lift, g, <double> cnp.PyArray_SIZE(x))
    return y


# --- means of windows side by side ----------------------------------------------------------------

def values(str kind, x, Windows windows, Options options, double p=1.0, low=None, bint mean=False,
           bint zero_if_empty=False, logits=None, detail=None):
    """The means of windows. low: elements below it become it; mean: a norm's sum is divided by the
    number of elements; logits: an array of x's shape and dtype, both contiguous; detail: what
    elements are compared with, of the result's shape, alpha, eps, whether that is symmetric."""
    cdef cnp.ndarray array = as_input(x), y
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    mask = as_mask(options.where, array)
    found = None
    if kind == "soft":
        found = quotient(array, None, windows, options, p)
    else:
        found = values_of_sums(KINDS[kind], array, mask, windows, options, p, low, mean)
    if found is not None:
        return found
    prepare(g, call, &pooled, KINDS[kind], array, windows, options, p, low)
    g.task, g.mean, g.zero_if_empty = VALUES_OF, mean, zero_if_empty
    y = empty_like(array, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array, mask, logits))
    surroundings = surroundings_of(g, call, detail)     # kept until the kernels have read them
    view(g, &pooled, array, y, surroundings, None, mask, False)
    if logits is not None:
        g.logits = cnp.PyArray_BYTES(logits) - cnp.PyArray_BYTES(array)
    place_lanes(g)
    run(g, kernels.means, work_of(g, y))
    return y


def expected(x, Windows windows, Options options):
    """What is drawn on average in proportion to the elements above 0: the sum of their squares over
    their sum, or the mean of a window without any. None if an element is so large or so small that
    its square would lose digits, or more is asked for."""
    return quotient_of(EXPECTED, as_input(x), None, windows, options, 1.0)


def gated(cnp.ndarray z, cnp.ndarray top, cnp.ndarray mean):
    """Mixtures of maxima and means, each in the proportion 1 / (1 + exp(-z)): arrays of one shape
    and type, float32 or float64, in C order."""
    cdef Plan plan
    cdef Plan* g = &plan
    cdef int code = type_code(z.descr, "z")
    cdef cnp.ndarray y
    cdef object each
    shape, dtype = (<object> z).shape, (<object> z).dtype
    y = np.empty(shape, dtype)
    for each in (z, top, mean):
        if (each.shape != shape or each.dtype != dtype or not each.flags.c_contiguous
                or code not in (FLOAT, DOUBLE)):
            raise ValueError("z, top and mean must be alike, float32 or float64, and in C order")
    clear(g)
    types(g, z, code, code, code)
    g.kind = GATED
    g.x, g.y = cnp.PyArray_BYTES(z), cnp.PyArray_BYTES(y)
    g.q, g.mask = cnp.PyArray_BYTES(top), cnp.PyArray_BYTES(mean)
    g.axis[2].n = cnp.PyArray_SIZE(z)
    g.items = (g.axis[2].n + MIXED - 1) // MIXED
    g.scratch = 64
    run(g, kernels.means, 4.0 * cnp.PyArray_SIZE(z))
    return y


def slopes(str kind, cnp.ndarray x, Windows windows, Options options, gy, dtype, double p=1.0,
           low=None, bint mean=False, logits=None, bint by_logits=False, detail=None, out=None):
    """The gradient in x (or in the logits) of the sum of gy times the means; what details are
    compared with stays as it is."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef cnp.ndarray gx
    prepare(g, call, &pooled, KINDS[kind], x, windows, options, p, low)
    g.task, g.mean, g.by_logits, g.raise_nan = SLOPES_OF, mean, by_logits, False
    number = np.float64 if g.t_type == DOUBLE else np.float32
    gy = checked_gradient(gy, shape_of(call))
    if gy.dtype not in (np.float32, np.float64):
        gy = gy.astype(number)
    found = slopes_of_sums(g.kind, x, windows, options, gy, dtype, p, low, mean, out)
    if found is not None:
        return found
    gy = gy.astype(number, copy=False)
    gx = cleared(out, x, number)
    surroundings = surroundings_of(g, call, detail)
    view(g, &pooled, x, gy, surroundings, None, as_mask(options.where, x), False, gx)
    if logits is not None:
        g.logits = cnp.PyArray_BYTES(logits) - cnp.PyArray_BYTES(x)
    place_lanes(g)
    run(g, kernels.means, work_of(g, gy))
    return settled(gx, dtype, out)


def changes(str kind, cnp.ndarray x, Windows windows, Options options, double p=1.0, low=None,
            bint mean=False, detail=None, str parameter="p"):
    """The slope of each window's mean in a parameter."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    prepare(g, call, &pooled, KINDS[kind], x, windows, options, p, low)
    g.task, g.mean, g.raise_nan, g.learned = LEARNING_OF, mean, False, PARAMETERS[parameter]
    types(g, x, type_code(x.descr, "x"), DOUBLE, DOUBLE)
    y = empty_like(x, call.shape, DOUBLE)
    surroundings = surroundings_of(g, call, detail)
    view(g, &pooled, x, y, surroundings, None, as_mask(options.where, x), False)
    place_lanes(g)
    run(g, kernels.means, work_of(g, y))
    return y


def learning(gy, **call):
    """The derivative in a parameter of the sum of gy times the means."""
    y = changes(**call)
    return float(np.vdot(checked_gradient(gy, y.shape).astype(np.float64), y))


def draw(x, Windows windows, Options options, cnp.ndarray places):
    """An element of each window, in x's type, drawn in proportion to its size.

    places: an array of the result's shape, any strides. Each number says where in the window's
    probabilities, laid end to end, the element is; it becomes that element's tap, -1 for a window
    without any (of which the value is 0)."""
    cdef cnp.ndarray array = as_input(x), y
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    mask = as_mask(options.where, array)
    # Of negative elements only that they are there matters; what is not there is -infinity.
    prepare(g, call, &pooled, DRAWN, array, windows, options, 1.0, -1.0)
    call.y_code = type_code(array.descr, "x")
    types(g, array, call.y_code, DOUBLE, call.y_code)
    g.task = VALUES_OF
    if (<object> places).shape != shape_of(call) or (<object> places).dtype != np.float64:
        raise ValueError(f"places must be float64, of the result's shape {shape_of(call)}")
    y = empty_like(array, call.shape, call.y_code)
    view(g, &pooled, array, y, places, None, mask, True)
    place_lanes(g)
    run(g, kernels.means, work_of(g, y))
    return y
