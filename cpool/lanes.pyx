"""The door to the kernels that take windows side by side: means that are no sums, and draws.

A call says which mean, and whether its values, its slopes or its slopes in the parameter are
wanted; what it shares with other calls is in `arrays`.
"""

cimport numpy as cnp

from cpool.arrays cimport (
    Options, clear, explain, mean_of, nan_policy_of, output, result_shape, run, types, windows_of)
from cpool.calls cimport Call
from cpool cimport driver
from cpool.driver cimport kernels
from cpool.dtypes cimport SIZE, empty, floating, type_code
from cpool.kernels.plan cimport *
from cpool.tiling cimport tile
from cpool.views cimport Pooled, swap_slots, view
from cpool.windows cimport Tables, Windows

import numpy as np

from cpool.arrays import as_dtype, as_input, as_mask, checked_gradient

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
    ROWS = 11               # of scratch (see kernels/means.pxi)
    MIXED = 1024            # elements of an item of mixtures (PIECES in kernels/windows.pxi)

KINDS = {
    "norm": NORM, "harmonic": HARMONIC, "geometric": GEOMETRIC, "logarithm": LOGARITHM,
    "soft": SOFT, "logits": LOGITS, "plain": PLAIN, "drawn": DRAWN,
}


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
    # A sum of logarithms has their absolute error, which is the relative one of the result.
    types(g, x, x_code, DOUBLE if (x_code == DOUBLE or not floating(x_code) or g.kind == GEOMETRIC
                                   or call.y_code == DOUBLE) else FLOAT, call.y_code)
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


cdef tuple shape_of(Call call):
    return tuple([call.shape[i] for i in range(call.ndim)])


cdef double work_of(const Plan* g, cnp.ndarray y) noexcept:
    return <double> cnp.PyArray_SIZE(y) * g.taps * g.parts


# --- folds of lifted elements ---------------------------------------------------------------------

cdef bint is_lifted(int kind, double p, int x_code, Options options, mask) noexcept:
    """Whether kernels/lifts.pxi has the mean, and the call asks for nothing special."""
    if mask is not None or options.nan_policy != "propagate" or not floating(x_code):
        return False
    if kind == NORM:
        # A root multiplies what is lost by 1 / p.
        return 0.5 <= fabs(p) <= 64
    if kind == SOFT:
        return options.dtype is None and (x_code == FLOAT or x_code == DOUBLE)
    return kind == HARMONIC or kind == GEOMETRIC or (kind == LOGARITHM and SIZE[x_code] < 8)


cdef double reads(const Pooled* pooled) noexcept:
    """How many windows read an element, on average."""
    cdef int i
    cdef double number = 1
    for i in range(pooled.count):
        number *= <double> pooled.windows[i].kernel * pooled.windows[i].m / pooled.windows[i].n
    return number


cdef void moderate(Plan* g, double taps) noexcept:
    """The sizes of elements with which sums of `taps` of them, and each by itself, are normal
    numbers with all their digits."""
    cdef double bits = 100 if g.t_type == FLOAT else 900, room = log2(taps)
    if g.kind == NORM:
        g.least, g.greatest = 2.0 ** (-bits / fabs(g.p)), 2.0 ** ((bits - room) / fabs(g.p))
    elif g.kind == HARMONIC:
        g.least, g.greatest = 2.0 ** (room - bits), 2.0 ** bits
    elif g.kind == EXPECTED:
        g.least, g.greatest = 2.0 ** (-0.5 * bits), 2.0 ** (0.5 * (bits - room))
    else:
        g.least, g.greatest = 0, 0.5 * bits / fabs(g.p)     # of exponentials
    if g.kind == LOGARITHM:
        # What is lost where exponentials are near 1 is less than what results in float32 lose.
        g.least = 1e-8 / fabs(g.p)


cdef cnp.ndarray lifted(int kind, cnp.ndarray array, Windows windows, Options options, double p,
                        object low, bint mean):
    """The means, or None if there are elements with which they cannot be computed so, or if it
    would take longer: many exponentials for each window are less than two for each element."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef int failures = 0
    cdef cnp.ndarray y
    cdef double taps = prepare(g, call, &pooled, kind, array, windows, options, p, low)
    g.lifted = True
    g.mean = mean or kind == HARMONIC or kind == GEOMETRIC or kind == LOGARITHM
    if kind == LOGARITHM:
        types(g, array, g.x_type, DOUBLE, call.y_code)
    if (kind == LOGARITHM or kind == SOFT) and reads(&pooled) < 2:
        return None
    moderate(g, taps)
    y = empty(call.ndim, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array,))
    view(g, &pooled, array, y, None, None, None, False)
    g.count = kernels.count
    if cnp.PyArray_SIZE(y) > 0:
        tile(g, kernels.block, False, False)
    g.failures = &failures
    driver.run(kernels.fold[<int> ADD], g, <double> cnp.PyArray_SIZE(array) + cnp.PyArray_SIZE(y))
    if failures & IMMODERATE:
        return None
    if failures != 0:
        explain(failures, g.y_type)
    if kind == SOFT:
        weights = lifted(LOGITS, array, windows, options.replace(out=None), p, low, mean)
        np.divide(y, weights, out=y)
    return y


# --- means of windows side by side ----------------------------------------------------------------

def values(str kind, x, Windows windows, Options options, double p=1.0, low=None, bint mean=False,
           bint zero_if_empty=False, logits=None):
    """The means of windows. low: elements below it become it; mean: a norm's sum is divided by the
    number of elements; logits: an array of x's shape and dtype, both contiguous."""
    cdef cnp.ndarray array = as_input(x), y
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    mask = as_mask(options.where, array)
    if logits is None and is_lifted(KINDS[kind], p, type_code(array.descr, "x"), options, mask):
        y = lifted(KINDS[kind], array, windows, options, p, low, mean)
        if y is not None:
            return y
    prepare(g, call, &pooled, KINDS[kind], array, windows, options, p, low)
    g.task, g.mean, g.zero_if_empty = VALUES_OF, mean, zero_if_empty
    y = empty(call.ndim, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array, mask, logits))
    view(g, &pooled, array, y, None, None, mask, False)
    if logits is not None:
        g.logits = cnp.PyArray_BYTES(logits) - cnp.PyArray_BYTES(array)
    place_lanes(g)
    run(g, kernels.means, work_of(g, y))
    return y


def expected(x, Windows windows, Options options):
    """What is drawn on average in proportion to the elements above 0: the sum of their squares over
    their sum, or the mean of a window without any. None if an element is so large or so small that
    its square would lose digits."""
    cdef cnp.ndarray array = as_input(x), y
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef int failures = 0
    mask = as_mask(options.where, array)
    moderate(g, prepare(g, call, &pooled, EXPECTED, array, windows, options, 1.0, None))
    g.task = VALUES_OF
    y = empty(call.ndim, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array, mask))
    view(g, &pooled, array, y, None, None, mask, False)
    place_lanes(g)
    g.failures = &failures
    driver.run(kernels.means, g, work_of(g, y))
    if failures & IMMODERATE:
        return None
    if failures != 0:
        explain(failures, g.y_type)
    return y


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
           low=None, bint mean=False, logits=None, bint by_logits=False):
    """The gradient in x (or in the logits) of the sum of gy times the means."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    cdef cnp.ndarray gx
    prepare(g, call, &pooled, KINDS[kind], x, windows, options, p, low)
    g.task, g.mean, g.by_logits, g.raise_nan = SLOPES_OF, mean, by_logits, False
    number = np.float64 if g.t_type == DOUBLE else np.float32
    gy = checked_gradient(gy, shape_of(call)).astype(number, copy=False)
    gx = np.zeros((<object> x).shape, number)
    view(g, &pooled, x, gy, gy, None, as_mask(options.where, x), False, gx)
    if logits is not None:
        g.logits = cnp.PyArray_BYTES(logits) - cnp.PyArray_BYTES(x)
    place_lanes(g)
    run(g, kernels.means, work_of(g, gy))
    return gx.astype(dtype, copy=False)


def learning(str kind, cnp.ndarray x, Windows windows, Options options, gy, double p=1.0, low=None,
             bint mean=False):
    """The derivative in p of the sum of gy times the means."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef Plan* g = &call.plan
    prepare(g, call, &pooled, KINDS[kind], x, windows, options, p, low)
    g.task, g.mean, g.raise_nan = LEARNING_OF, mean, False
    types(g, x, type_code(x.descr, "x"), DOUBLE, DOUBLE)
    gy = checked_gradient(gy, shape_of(call))
    y = empty(call.ndim, call.shape, DOUBLE)
    view(g, &pooled, x, y, None, None, as_mask(options.where, x), False)
    place_lanes(g)
    run(g, kernels.means, work_of(g, y))
    return float(np.vdot(gy.astype(np.float64), y))


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
    y = empty(call.ndim, call.shape, call.y_code)
    view(g, &pooled, array, y, places, None, mask, True)
    place_lanes(g)
    run(g, kernels.means, work_of(g, y))
    return y
