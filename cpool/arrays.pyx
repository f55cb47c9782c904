"""The only door to the kernels: any array and any windows become a plan, and the plan is run.

Here arguments are checked, data types chosen and results allocated; `views` says how the arrays lie
in memory, `tiling` how the work is cut, `driver` runs it.
"""

cimport numpy as cnp
from libc.string cimport memset

from cpool cimport driver
from cpool.driver cimport kernels
from cpool.dtypes cimport SIZE, empty, floating, native_dtype, type_code, unsigned
from cpool.kernels.plan cimport *
from cpool.tiling cimport has_small_planes, tile
from cpool.views cimport Pooled, view
from cpool.windows cimport Tables, Windows, boolean, fill_sizes, tabulate, transpose

import numpy as np

cnp.import_array()

cdef enum:
    PHASES = 8          # strides up to this are taken apart (kernels/rows.pxi)


# --- inputs ---------------------------------------------------------------------------------------

def as_input(x, name="x"):
    """An array of a type that can be pooled; lists and scalars are converted."""
    refuse_masked(x, name)
    if not isinstance(x, np.ndarray):
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ValueError(f"{name} must be an array or like one: {error}") from None
    type_code(x.dtype, name)
    return x


def refuse_masked(x, name):
    """A masked array is a TypeError: NumPy would drop its mask silently."""
    if isinstance(x, np.ma.MaskedArray):
        advice = "x.data and where=~numpy.ma.getmaskarray(x)" if name == "x" else "an ndarray"
        raise TypeError(f"{name} is a masked array, whose mask would be lost: pass {advice}")


def flag(value, name):
    """An argument that is True or False."""
    return boolean(value, name)


# --- axes ---------------------------------------------------------------------------------------

def pooled_axes(int ndim, Windows windows, axes, channels_last, int rank):
    """The pooled axes of an array, ascending, and for each the entry of the windows it has.

    rank: 1 to 3 for functions whose name says it; 0: as the windows or `axes` say.
    """
    cdef int count, last
    cdef bint channels = boolean(channels_last, "channels_last")
    if axes is not None:
        if channels:
            raise ValueError(f"channels_last and axes cannot both be given, got axes={axes!r}")
        return explicit_axes(ndim, windows, axes)
    count = rank or windows.entries
    last = ndim - (1 if channels else 0)
    if count == 0:
        count = last
        if not 1 <= count <= 3:
            raise ValueError(
                f"axes= must say which 1 to 3 axes are pooled: x has {ndim}, and the windows' "
                f"arguments are the same for any number")
    if last < count:
        raise ValueError(
            f"x must have at least {count + channels} "
            f"{'axis' if count + channels == 1 else 'axes'} to pool {count} of them"
            f"{' before the channels' if channels else ''}, got {ndim}")
    windows.check_axes(count)
    return tuple(range(last - count, last)), tuple(range(count))


def explicit_axes(int ndim, Windows windows, axes):
    given = (axes,) if isinstance(axes, (int, np.integer)) else axes
    if not isinstance(given, (tuple, list)):
        raise TypeError(f"axes must be an int or a tuple of ints, got {axes!r}")
    if not 1 <= len(given) <= 3:
        raise ValueError(f"axes must name 1 to 3 axes, got {axes!r}")
    found = []
    for axis in given:
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise TypeError(f"axes must be an int or a tuple of ints, got {axes!r}")
        if not -ndim <= axis < ndim:
            raise ValueError(
                f"axes must be from {-ndim} to {ndim - 1} for x of {ndim} axes, got {axes!r}")
        found.append(int(axis) % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"axes must not name an axis twice, got {axes!r}")
    windows.check_axes(<int> len(found))
    order = sorted(range(len(found)), key=found.__getitem__)
    return tuple([found[i] for i in order]), tuple(order)


# --- a call ---------------------------------------------------------------------------------------

cdef class Call:
    """A plan together with the memory that it points into."""
    cdef Plan plan
    cdef Tables tables
    cdef int failures
    cdef Pooled pooled

    def __cinit__(self):
        memset(&self.plan, 0, sizeof(Plan))
        self.tables = Tables()
        self.failures = 0

    cdef int windows_of(self, Windows windows, cnp.ndarray x, object axes, object channels_last,
                        int rank) except -1:
        """The windows of a call. What most calls are comes first, without Python objects."""
        cdef int i, last = cnp.PyArray_NDIM(x)
        if axes is None and rank > 0 and (channels_last is False or channels_last is True):
            last -= 1 if channels_last is True else 0
            if last >= rank:
                windows.check_axes(rank)
                self.pooled.count = rank
                for i in range(rank):
                    self.pooled.axes[i] = last - rank + i
                    windows.fill(&self.pooled.windows[i], i,
                                 cnp.PyArray_DIM(x, self.pooled.axes[i]), self.tables)
                return 0
        found, order = pooled_axes(cnp.PyArray_NDIM(x), windows, axes, channels_last, rank)
        return self.windows_on(windows, found, order, (<object> x).shape)

    cdef int windows_on(self, Windows windows, tuple axes, tuple order, object shape) except -1:
        cdef int i
        self.pooled.count = <int> len(axes)
        for i in range(self.pooled.count):
            self.pooled.axes[i] = axes[i]
            windows.fill(&self.pooled.windows[i], order[i], shape[axes[i]], self.tables)
        return 0

    cdef int mean_of(self, bint count_include_pad, object divisor) except -1:
        cdef Plan* g = &self.plan
        cdef int i
        g.mean = True
        if divisor is not None:
            g.divisor = divisor
            if g.divisor == 0:
                raise ValueError("divisor_override must not be 0")
            return 0
        for i in range(self.pooled.count):
            fill_sizes(&self.pooled.windows[i], count_include_pad, self.tables)
        return 0

    cdef int run(self, kernel_t kernel, double work) except -1:
        self.plan.failures = &self.failures
        driver.run(kernel, &self.plan, work)
        if self.failures != 0:
            self.explain()
        return 0

    cdef int explain(self) except -1:
        if self.failures & NAN_READ:
            raise ValueError('x has a NaN in a window, and nan_policy is "raise"')
        if self.failures & EMPTY_WINDOW:
            raise ValueError(
                f"where leaves a window without an element: dtype must be floating, got "
                f"{native_dtype(self.plan.y_type)}")
        if self.failures & NAN_TO_INTEGER:
            raise ValueError(
                f"dtype must be floating where the value of a window is NaN, got "
                f"{native_dtype(self.plan.y_type)}")
        raise ValueError("indices must be -1 or positions inside the result")


cdef object as_mask(object where, cnp.ndarray x):
    if where is None or where is True:
        return None
    refuse_masked(where, "where")
    mask = np.asarray(where)
    if mask.dtype != bool:
        raise TypeError(f"where must be an array of bool, got {mask.dtype}")
    try:
        return np.broadcast_to(mask, (<object> x).shape)
    except ValueError:
        raise ValueError(
            f"where must broadcast to x's shape {(<object> x).shape}, got {mask.shape}") from None


cdef int offset_type(double taps, bint masked) noexcept:
    """The narrowest type for offsets in a window, and for none of them where that can be."""
    if taps <= (255 if masked else 256):
        return UINT8
    return UINT16 if taps <= (65535 if masked else 65536) else INT32


cdef cnp.ndarray output(object out, object shape, cnp.dtype dtype, tuple inputs, str name):
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"{name} must be an ndarray, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{name} must have the result's shape {shape}, got {out.shape}")
    if out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"{name} must have the result's dtype {dtype}, got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError(f"{name} must be writeable, got a read-only array")
    if any([n > 1 and step == 0 for n, step in zip(out.shape, out.strides, strict=True)]):
        raise ValueError(f"{name} must have memory for each value, got strides {out.strides}")
    for x in inputs:
        if x is not None and overlap(out, x):
            raise ValueError(
                f"{name} must not overlap the input, got an array that shares its memory")
    return out


def overlap(a, b):
    """Whether two arrays share memory; where that is too hard to tell, whether they may."""
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=10000)
    except np.exceptions.TooHardError:
        return True


cdef int result_code(int operation, bint mean, int x_code) except -1:
    if floating(x_code) or operation != ADD:
        return x_code
    if mean:
        return DOUBLE
    return UINT64 if unsigned(x_code) and x_code != BOOL else INT64


cdef int accumulator(int operation, bint mean, int x_code, int y_code, double taps) except -1:
    """The type in which a window is folded."""
    if operation != ADD:
        return UINT8 if x_code == BOOL else FLOAT if x_code == HALF or x_code == BFLOAT else x_code
    if x_code == DOUBLE or (floating(x_code) and y_code == DOUBLE):
        return DOUBLE
    if floating(x_code):
        return FLOAT
    if SIZE[x_code] <= 2 and taps * (128 << (8 * (SIZE[x_code] - 1))) * (
            2 if unsigned(x_code) else 1) < 2147483648.0:
        return INT32
    if SIZE[x_code] == 8 and (mean or y_code != x_code):
        return HUGE
    return UINT64


cdef bint readable(Plan* g, cnp.ndarray x) except -1:
    """Whether rows of x can be folded where they are."""
    cdef int i
    if g.x_swapped or not cnp.PyArray_ISALIGNED(x):
        return False
    if g.x_type != g.t_type and not (g.x_type == BOOL and g.t_type == UINT8) and not (
            g.x_type == INT64 and g.t_type == UINT64):
        return False
    for i in range(3):
        if g.xs[i] % g.x_size != 0:
            return False
    return ((g.inner == 1 or g.xs[3] == g.x_size) and
            (g.axis[2].n == 1 or g.xs[2] == g.inner * g.x_size))


cdef void types(Plan* g, cnp.ndarray x, int x_code, int t_code, int y_code) noexcept:
    g.x_type, g.t_type, g.y_type = x_code, t_code, y_code
    g.x_size, g.y_size = SIZE[x_code], SIZE[y_code]
    g.x_swapped = not cnp.PyArray_ISNOTSWAPPED(x)


def fold(x, int operation, Windows windows, axes=None, channels_last=False, int rank=0,
         nan_policy="propagate", where=None, dtype=None, out=None, bint mean=False,
         bint count_include_pad=True, divisor=None, bint positions=False, bint offsets=False):
    """Windows of x folded: y, or (y, int64 positions or None, offsets or None).

    operation: 0 max, 1 min, 2 add; mean: add, and divide by the windows' sizes.
    """
    cdef cnp.ndarray array, y
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef int x_code, y_code, natural, i
    cdef double taps = 1, elements = 1
    cdef bint selecting = positions or offsets
    cdef cnp.npy_intp shape[64]
    if not (type(x) is np.ndarray):
        x = as_input(x)
    array = x
    x_code = type_code(x.dtype, "x")
    y_code = result_code(operation, mean, x_code)
    if dtype is not None:
        y_code = type_code(as_dtype(dtype), "dtype")
    call.windows_of(windows, array, axes, channels_last, rank)
    for i in range(call.pooled.count):
        taps *= <double> call.pooled.windows[i].kernel
    mask = as_mask(where, array) if where is not None else None
    if nan_policy != "propagate":
        if not isinstance(nan_policy, str):
            raise TypeError(
                f'nan_policy must be "propagate", "omit" or "raise", got {nan_policy!r}')
        if nan_policy == "omit":
            g.omit_nan = floating(x_code)
        elif nan_policy == "raise":
            g.raise_nan = floating(x_code)
        else:
            raise ValueError(
                f'nan_policy must be "propagate", "omit" or "raise", got {nan_policy!r}')
    if (selecting or mask is not None or nan_policy != "propagate") and taps >= 2147483647.0:
        raise ValueError(
            f"kernel_size must have less than 2**31 elements with return_indices, where or "
            f"nan_policy, got {taps:.0f}")
    if mean:
        call.mean_of(count_include_pad, divisor)
    types(g, array, x_code, accumulator(operation, mean, x_code, y_code, taps), y_code)
    for i in range(cnp.PyArray_NDIM(array)):
        shape[i] = cnp.PyArray_DIM(array, i)
        elements *= <double> shape[i]
    for i in range(call.pooled.count):
        shape[call.pooled.axes[i]] = call.pooled.windows[i].m
    y = empty(cnp.PyArray_NDIM(array), shape, y_code) if out is None else output(
        out, tuple([shape[i] for i in range(cnp.PyArray_NDIM(array))]), native_dtype(y_code),
        (x, mask), "out")
    q2 = empty(cnp.PyArray_NDIM(array), shape, INT64) if positions else None
    q = None
    g.no_offset = -1
    if offsets:
        g.q_type = offset_type(taps, mask is not None or g.omit_nan)
        g.q_size = SIZE[g.q_type]
        q = empty(cnp.PyArray_NDIM(array), shape, g.q_type)
    view(g, &call.pooled, array, y, q, q2, mask, selecting)
    natural = g.t_type
    if operation == ADD and not floating(x_code):
        natural = result_code(operation, mean, x_code) if g.t_type == UINT64 else -1
    elif x_code == BOOL:
        natural = BOOL
    g.y_plain = not mean and y_code == natural and (
        operation == ADD or (mask is None and not g.omit_nan))
    g.y_scaled = (mean and floating(y_code) and y_code == g.t_type and mask is None
                  and not g.omit_nan and has_one_divisor(g))
    g.in_place = readable(g, array) and mask is None and not g.omit_nan
    if cnp.PyArray_SIZE(y) == 0:
        g.items = 0
    else:
        tile(g, kernels.block, selecting, False)
    call.run(kernels.select[operation] if selecting else kernels.fold[operation],
             elements + cnp.PyArray_SIZE(y))
    if selecting:
        return y, q2, q
    return y


cdef inline bint has_one_divisor(const Plan* g) noexcept:
    """Whether all windows' sums are divided by the same."""
    return g.divisor != 0 or (
        g.axis[0].size == NULL and g.axis[1].size == NULL and g.axis[2].size == NULL)


def as_dtype(dtype):
    try:
        result = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"dtype must be a data type, got {dtype!r}") from None
    return result.newbyteorder("=")


def checked_gradient(gy, shape):
    """gy as an array of the right shape."""
    gy = as_input(gy, "gy")
    if gy.shape != shape:
        raise ValueError(f"gy must have the result's shape {shape}, got {gy.shape}")
    return gy


def gradient_input(gy, shape, t_code_double):
    """gy as an array of float16 to float64 of the right shape."""
    gy = checked_gradient(gy, shape)
    if gy.dtype.kind in "biu" or (
            gy.dtype.kind == "f" and gy.dtype.itemsize == 8 and not t_code_double):
        gy = gy.astype(np.float64 if t_code_double else np.float32)
    return gy


def spread(gy, Windows windows, tuple axes, tuple order, tuple shape, dtype, bint mean=False,
           bint count_include_pad=True, divisor=None):
    """The transpose of a sum (or a mean) over windows: each element gets what its windows got."""
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef cnp.ndarray array, gx
    call.windows_on(windows, axes, order, shape)
    expected = list(shape)
    for i in range(call.pooled.count):
        expected[call.pooled.axes[i]] = call.pooled.windows[i].m
    gy = gradient_input(gy, tuple(expected), code == DOUBLE)
    array = gy
    if mean:
        call.mean_of(count_include_pad, divisor)
    for i in range(call.pooled.count):
        transpose(&call.pooled.windows[i], call.tables)
    g.transposed = True
    types(g, array, type_code(gy.dtype, "gy"), DOUBLE if code == DOUBLE else FLOAT, code)
    gx = np.empty(shape, dtype)
    view(g, &call.pooled, array, gx, None, None, None, False)
    if has_small_planes(g) and not g.constant:
        tabulate(&g.axis[1], &g.axis[2], call.tables)
    g.y_plain = g.t_type == code
    g.in_place = readable(g, array) and not mean
    if cnp.PyArray_SIZE(gx) > 0:
        tile(g, kernels.block, False, False)
    call.run(kernels.fold[<int> ADD], <double> cnp.PyArray_SIZE(gx) + cnp.PyArray_SIZE(array))
    return gx


cdef bint is_gathered(const Plan* g) noexcept:
    """Windows for which the transposed selection goes tap by tap: regular, constant padding, so
    few elements that comparing an offset with each costs less than following it."""
    cdef int i
    cdef double elements = 1
    for i in range(3):
        elements *= <double> g.axis[i].kernel
        if (g.axis[i].start != NULL or g.axis[i].source != NULL or g.axis[i].stride > PHASES
                or g.axis[i].dilation > PHASES):
            return False
    return elements <= 36


def scatter(gy, cnp.ndarray offsets, Windows windows, tuple axes, tuple order, tuple shape, dtype,
            bint masked=False):
    """The transpose of a selection: each window's gradient goes to the element it selected."""
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef cnp.ndarray array, gx
    gy = gradient_input(gy, (<object> offsets).shape, code == DOUBLE)
    array = gy
    call.windows_on(windows, axes, order, shape)
    for i in range(call.pooled.count):
        transpose(&call.pooled.windows[i], call.tables)
    g.transposed = True
    types(g, array, type_code(gy.dtype, "gy"), DOUBLE if code == DOUBLE else FLOAT, code)
    g.q_size = <int> (<object> offsets).itemsize
    g.q_type = UINT8 if g.q_size == 1 else UINT16 if g.q_size == 2 else INT32
    g.no_offset = -1
    if masked:
        g.no_offset = 255 if g.q_size == 1 else 65535 if g.q_size == 2 else -1
    gx = np.empty(shape, dtype)
    view(g, &call.pooled, array, gx, offsets, None, None, True)
    g.y_plain = g.t_type == code
    g.in_place = False
    g.gathered = is_gathered(g)
    if cnp.PyArray_SIZE(gx) > 0:
        tile(g, kernels.block, False, True)
    call.run(kernels.scatter, <double> cnp.PyArray_SIZE(gx) + cnp.PyArray_SIZE(array))
    return gx


def unpool(cnp.ndarray x, cnp.ndarray indices, Py_ssize_t elements, bint transposed=False):
    """Contiguous planes x[..., n] to y[..., elements] by int64 positions, or the transpose: planes
    x[..., n] to y of indices' shape."""
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef tuple shape = (<object> x).shape
    cdef cnp.ndarray y
    if transposed:
        y = np.empty((<object> indices).shape, (<object> x).dtype)
    else:
        y = np.empty(shape[:len(shape) - 1] + (elements,), (<object> x).dtype)
    g.x, g.y, g.q2 = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(y), cnp.PyArray_BYTES(indices)
    g.x_size = <int> (<object> x).dtype.itemsize
    g.axis[2].n = shape[len(shape) - 1]
    g.axis[2].m = (<object> y).shape[len(shape) - 1]
    g.items = cnp.PyArray_SIZE(x) // g.axis[2].n if g.axis[2].n > 0 else 0
    g.scratch = g.axis[2].n * 8 if transposed else 64
    try:
        call.run(kernels.unpool_transposed if transposed else kernels.unpool,
                 <double> cnp.PyArray_SIZE(x) + cnp.PyArray_SIZE(y))
    except ValueError:
        wrong = (<object> indices)[np.less(indices, -1) | np.greater_equal(indices, elements)]
        raise ValueError(
            f"indices must be -1 or positions inside the result, 0 to {elements - 1}, "
            f"got {wrong[0]}") from None
    return y


def table_of_axes(Windows windows, tuple axes, tuple order, tuple shape):
    """Lengths of the result along the pooled axes."""
    cdef Call call = Call()
    call.windows_on(windows, axes, order, shape)
    return tuple([call.pooled.windows[i].m for i in range(call.pooled.count)])


def global_axes(int ndim, axes, channels_last):
    """The axes that global pooling pools."""
    cdef bint channels = boolean(channels_last, "channels_last")
    if axes is not None:
        if channels:
            raise ValueError(f"channels_last and axes cannot both be given, got axes={axes!r}")
        return axes
    if not 3 <= ndim <= 5:
        raise ValueError(
            f"axes= must say which 1 to 3 axes are pooled: x has {ndim}, of which all but "
            f"{'the first and the last' if channels else 'the first two'} would be")
    return tuple(range(1, ndim - 1)) if channels else tuple(range(2, ndim))


def with_axes(out, axes):
    """A view of `out` with axes of length 1 where pooled ones were dropped."""
    if out is None:
        return None
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
    return np.expand_dims(out, axes)
