"""The door to weighted sums over windows: weights that are products of one for each axis, and those
that are given for each tap, of each channel.
"""

cimport numpy as cnp

from cpool.arrays cimport clear, output, readable, result_shape, run, types, windows_on
from cpool.calls cimport Call
from cpool.driver cimport kernels
from cpool.dtypes cimport SIZE, empty_like, floating, type_code
from cpool.kernels.plan cimport *
from cpool.tiling cimport tile_slopes, tile_weighted
from cpool.views cimport Pooled, swap_slots, view
from cpool.windows cimport Tables, Windows, transpose

import numpy as np

from cpool.arrays import gradient_input

cnp.import_array()

cdef enum:
    BLOCK = 32          # bytes of channels that are worth being a row (kernels/weighted.pxi)


cdef int weigh(Plan* g, Pooled* pooled, cnp.ndarray x, cnp.ndarray y, int t_code, object weights,
               double taps) except -1:
    """Fill and run a plan. weights: those of `dense` sums, or None."""
    cdef cnp.ndarray each = None
    if weights is not None:
        first = weights[0].reshape(-1, *[1] * pooled.count)
        each = np.broadcast_to(first, (<object> x).shape)
    types(g, x, type_code(x.descr, "x"), t_code, type_code(y.descr, "dtype"))
    view(g, pooled, x, y, None, None, None, g.dense or g.transposed, each)
    if g.dense and g.inner > 1:
        if g.inner * SIZE[t_code] >= BLOCK and len(first) == 1:
            each = np.repeat(weights, g.inner, axis=1)
            g.gx, g.gs[3] = cnp.PyArray_BYTES(each), SIZE[t_code]
            g.tap_step = cnp.PyArray_STRIDE(each, 0)
        elif g.inner * SIZE[t_code] < BLOCK or g.gs[3] != SIZE[t_code]:
            number_channels(g)
    g.y_plain = g.t_type == g.y_type
    g.in_place = readable(g, x)
    if cnp.PyArray_SIZE(y) > 0:
        tile_weighted(g, kernels.block)
    return run(g, kernels.weigh, cnp.PyArray_SIZE(x) + cnp.PyArray_SIZE(y) * taps)


cdef void number_channels(Plan* g) noexcept:
    """Few channels are planes."""
    cdef int last = g.outer_ndim
    g.outer[last], g.x_outer[last], g.y_outer[last] = g.inner, g.xs[3], g.ys[3]
    g.q_outer[last] = g.q2_outer[last] = g.m_outer[last] = 0
    g.g_outer[last] = g.gs[3]
    g.outer_ndim += 1
    g.planes *= g.inner
    g.inner = 1
    g.xs[3] = g.ys[3] = g.gs[3] = 0
    if g.axis[2].identity and g.axis[2].n == 1:
        swap_slots(g, 1, 2)


cdef double give_weights(Pooled* pooled, tuple weights, tuple order) except -1:
    """Each axis gets its weights; gives the number of multiplications for an element."""
    cdef int i
    cdef cnp.ndarray array
    cdef double count = 0
    for i in range(pooled.count):
        array = weights[order[i]]
        if array.descr.type_num != cnp.NPY_FLOAT64 or cnp.PyArray_SIZE(
                array) != pooled.windows[i].kernel or not cnp.PyArray_IS_C_CONTIGUOUS(array):
            raise ValueError("weights must be contiguous float64 arrays of the windows' lengths")
        pooled.windows[i].weight = <const double*> cnp.PyArray_BYTES(array)
        if pooled.windows[i].weight[0] != 1:
            pooled.windows[i].identity = False
        count += <double> pooled.windows[i].kernel
    return count


def sums(cnp.ndarray x, Windows windows, tuple axes, tuple order, tuple weights, dtype, work,
         out=None):
    """Sums of the elements of regular windows, each times the product of its weights.

    axes: the pooled ones, ascending; order: the entry of the windows' arguments for each; weights:
    a float64 array for each entry; dtype: of the result; work: float32, or float64, which integers
    need. Constant padding is zeros."""
    cdef Call call = Call.__new__(Call)
    cdef Pooled pooled
    cdef cnp.ndarray y
    cdef double taps
    clear(&call.plan)
    call.tables = Tables.__new__(Tables)
    windows_on(&pooled, windows, axes, order, (<object> x).shape, call.tables)
    taps = give_weights(&pooled, weights, order)
    call.ndim, call.y_code = cnp.PyArray_NDIM(x), type_code(np.dtype(dtype), "dtype")
    result_shape(&pooled, x, call.shape)
    y = (empty_like(x, call.shape, call.y_code) if out is None
         else output(out, call, (x,)))
    weigh(&call.plan, &pooled, x, y, DOUBLE if work == np.float64 else FLOAT, None, taps)
    return y


def sums_transposed(gy, Windows windows, tuple axes, tuple order, tuple weights, tuple shape,
                    dtype, out=None):
    """The gradient, in an array of this shape and floating type, of the sum of gy times `sums`; in
    `out`, which was checked, if that is given."""
    cdef Tables tables = Tables.__new__(Tables)
    cdef Plan plan
    cdef Pooled pooled
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef double taps
    clear(&plan)
    windows_on(&pooled, windows, axes, order, shape, tables)
    taps = give_weights(&pooled, weights, order)
    expected = list(shape)
    for i in range(pooled.count):
        expected[axes[i]] = pooled.windows[i].m
        transpose(&pooled.windows[i], tables)
    gy = gradient_input(gy, tuple(expected), code == DOUBLE)
    gx = np.empty_like(gy, dtype, shape=shape) if out is None else out
    plan.transposed = True
    weigh(&plan, &pooled, gy, gx, DOUBLE if code == DOUBLE else FLOAT, None, taps)
    return gx


cdef int fill_axis(Axis* a, tuple geometry, bint transposed, Tables tables) except -1:
    """Windows that may lie in the padding, of zeros: what `geometry` says, as a convolution has it.
    """
    a.n, a.kernel, a.stride, a.dilation, a.before, a.m = geometry
    a.reach = max(a.before + a.n, (a.m - 1) * a.stride + (a.kernel - 1) * a.dilation + 1)
    a.transposed = False
    a.source = a.images = a.image0 = a.start = a.count = a.origin = NULL
    a.drawn = NULL
    a.size = a.exist = a.weight = NULL
    a.size0 = a.exist0 = 1
    a.identity = a.kernel == 1 and a.stride == 1 and a.before == 0 and a.m == a.n
    if transposed:
        transpose(a, tables)
    return 0


def dense_sums(cnp.ndarray x, cnp.ndarray y, list geometry, cnp.ndarray weights,
               bint transposed=False):
    """Sums over windows along the last axes, into y, with weights of their own for each index of
    the axis before these, or one for all; or their transpose, from x = gy to y = gx.

    geometry: for each axis (n, kernel, stride, dilation, before, m), n elements and m windows;
    weights: (taps + 1, channels or 1), contiguous, float32 or float64, which sums are made in; the
    last row is added to the sums."""
    cdef Tables tables = Tables.__new__(Tables)
    cdef Plan plan
    cdef Pooled pooled
    cdef int i, rank = <int> len(geometry), code = type_code(weights.descr, "weight")
    cdef int x_code = type_code(x.descr, "x")
    cdef Plan* g = &plan
    clear(g)
    pooled.count = rank
    for i in range(rank):
        pooled.axes[i] = cnp.PyArray_NDIM(x) - rank + i
        fill_axis(&pooled.windows[i], geometry[i], transposed, tables)
    if code == FLOAT and not floating(x_code) and x_code != BOOL and x_code != UINT8:
        raise TypeError("integers are added up in float64")
    g.dense, g.transposed = True, transposed
    g.window = cnp.PyArray_DIM(weights, 0) - 1
    g.tap_step = cnp.PyArray_STRIDE(weights, 0)
    weigh(g, &pooled, x, y, code, weights, <double> g.window)


def dense_slopes(cnp.ndarray x, cnp.ndarray gy, list geometry):
    """The gradient of `dense_sums` in weights that each channel has of its own, as float64 of shape
    (taps, channels), from x and gy, both float32 or both float64, native and aligned; None where
    kernels do not go that way."""
    cdef Tables tables = Tables.__new__(Tables)
    cdef Plan plan
    cdef Pooled pooled
    cdef Plan* g = &plan
    cdef int i, rank = <int> len(geometry), code = type_code(x.descr, "x")
    cdef cnp.ndarray each, slopes
    clear(g)
    pooled.count = rank
    g.window = 1
    for i in range(rank):
        pooled.axes[i] = cnp.PyArray_NDIM(x) - rank + i
        fill_axis(&pooled.windows[i], geometry[i], False, tables)
        g.window *= pooled.windows[i].kernel
    channels = x.shape[cnp.PyArray_NDIM(x) - rank - 1]
    slopes = np.zeros((g.window, channels))
    if cnp.PyArray_SIZE(x) == 0:
        return slopes
    g.dense, g.task = True, LEARNING_OF
    types(g, x, code, code, code)
    each = np.broadcast_to(np.empty((channels, *[1] * rank), x.dtype), (<object> x).shape)
    view(g, &pooled, x, gy, None, None, None, True, each)
    if g.inner > 1:
        number_channels(g)
    g.gx, g.tap_step = cnp.PyArray_BYTES(slopes), cnp.PyArray_STRIDE(slopes, 0)
    for i in range(g.outer_ndim - 1):
        if g.g_outer[i] != 0:
            return None
    i = g.outer_ndim - 1
    g.in_place = i >= 0 and (g.xs[2] == g.x_size or g.x_outer[i] == g.x_size)
    if not tile_slopes(g, kernels.block):
        return None
    run(g, kernels.weigh, cnp.PyArray_SIZE(x) + cnp.PyArray_SIZE(gy) * <double> g.window)
    return slopes
