"""The only door to the kernels: any array and any windows become a plan, and the plan is run.

Here arguments are checked, data types chosen and results allocated; `views` says how the arrays lie
in memory, `tiling` how the work is cut, `driver` runs it.
"""

cimport cython
cimport numpy as cnp
from cpython.ref cimport PyObject
from libc.stdint cimport INT32_MAX, uint16_t
from libc.string cimport memset

from cpool cimport driver
from cpool.calls cimport AXES, Call, Key, keep, put, put_back, put_hashed, take
from cpool.driver cimport kernels
from cpool.dtypes cimport (
    SIZE, empty_like, floating, native_dtype, type_code, type_number, unsigned)
from cpool.kernels.plan cimport *
from cpool.tiling cimport has_small_planes, tile, tile_unpooling
from cpool.views cimport Pooled, bring_together, view
from cpool.windows cimport (
    Tables, Windows, boolean, fill_sizes, list_long, list_windows, tabulate, transpose)

import numpy as np

from cpool.windows import sliding as _sliding

cnp.import_array()

cdef enum:
    PHASES = 8          # strides up to this are taken apart (kernels/rows.pxi)
    GLOBAL = -1         # a rank: all axes but the first two are pooled


# --- inputs ---------------------------------------------------------------------------------------

def as_input(x, name="x"):
    """An array of a type that can be pooled; lists and scalars are converted."""
    if not cnp.PyArray_CheckExact(x):
        refuse_masked(x, name)
    if not cnp.PyArray_Check(x):
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ValueError(f"{name} must be an array or like one: {error}") from None
    type_code((<cnp.ndarray> x).descr, name)
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

    rank: 1 to 3 for functions whose name says it; GLOBAL: all axes but the first two, or the first
    and the last; 0: as the windows or `axes` say.
    """
    cdef int count, last
    cdef bint channels = boolean(channels_last, "channels_last")
    if axes is not None:
        if channels:
            raise ValueError(f"channels_last and axes cannot both be given, got axes={axes!r}")
        return explicit_axes(ndim, windows, axes)
    if rank == GLOBAL and not 3 <= ndim <= 5:
        raise ValueError(
            f"axes= must say which 1 to 3 axes are pooled: x has {ndim}, of which all but "
            f"{'the first and the last' if channels else 'the first two'} would be")
    count = ndim - 2 if rank == GLOBAL else rank or windows.entries
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

@cython.final
@cython.freelist(8)
@cython.no_gc           # it lives as long as a call
cdef class Options:
    """What a call says beside its input and its windows. Checked where it is used."""
    def __cinit__(self, axes=None, channels_last=False, int rank=0, nan_policy="propagate",
                  where=None, dtype=None, out=None):
        self.axes, self.channels_last, self.rank = axes, channels_last, rank
        self.nan_policy, self.where, self.dtype, self.out = nan_policy, where, dtype, out

    def replace(self, **changes):
        """The same but for some."""
        values = {
            "axes": self.axes, "channels_last": self.channels_last, "rank": self.rank,
            "nan_policy": self.nan_policy, "where": self.where, "dtype": self.dtype,
            "out": self.out,
        }
        return Options(**{**values, **changes})


# What a plan has before and behind its outer axes. Variables, because gcc makes a `rep stos` of a
# memset of a constant size, which takes longer to start than the library's memset to run.
cdef Plan _plan
cdef size_t BEFORE_OUTER = <char*> &_plan.outer - <char*> &_plan
cdef size_t BEHIND_OUTER = <char*> (&_plan + 1) - <char*> &_plan.apart


cdef void clear(Plan* g) noexcept:
    """Zero a plan but for its outer axes, most of its 4 kB, of which `view` enters those there
    are."""
    memset(g, 0, BEFORE_OUTER)
    memset(&g.apart, 0, BEHIND_OUTER)
    g.parts = 1


cdef int windows_of(Pooled* pooled, Windows windows, cnp.ndarray x, Options options,
                    Tables tables) except -1:
    """The windows of a call. What most calls are comes first, without Python objects."""
    cdef int i, rank = options.rank, last = cnp.PyArray_NDIM(x)
    cdef object channels_last = options.channels_last
    if options.axes is None and rank > 0 and (channels_last is False or channels_last is True):
        last -= 1 if channels_last is True else 0
        if last >= rank:
            windows.check_axes(rank)
            pooled.count = rank
            for i in range(rank):
                pooled.axes[i] = last - rank + i
                windows.fill(&pooled.windows[i], i, cnp.PyArray_DIM(x, pooled.axes[i]), tables)
            return 0
    found, order = pooled_axes(cnp.PyArray_NDIM(x), windows, options.axes, channels_last, rank)
    return windows_on(pooled, windows, found, order, (<object> x).shape, tables)


cdef int windows_on(Pooled* pooled, Windows windows, tuple axes, tuple order, object shape,
                    Tables tables) except -1:
    cdef int i
    pooled.count = <int> len(axes)
    for i in range(pooled.count):
        pooled.axes[i] = axes[i]
        windows.fill(&pooled.windows[i], order[i], shape[axes[i]], tables)
    return 0


cdef int mean_of(Plan* g, Pooled* pooled, bint count_include_pad, object divisor,
                 Tables tables) except -1:
    cdef int i
    g.mean = True
    if divisor is not None:
        g.divisor = divisor
        if g.divisor == 0:
            raise ValueError("divisor_override must not be 0")
        return 0
    for i in range(pooled.count):
        fill_sizes(&pooled.windows[i], count_include_pad, tables)
    return 0


cdef int run(Plan* g, kernel_t kernel, double work) except -1:
    cdef int failures = 0
    g.failures = &failures
    driver.run(kernel, g, work)
    if failures != 0:
        explain(failures, g.y_type)
    return 0


cdef int explain(int failures, int y_type) except -1:
    if failures & NAN_READ:
        raise ValueError('x has a NaN in a window, and nan_policy is "raise"')
    if failures & EMPTY_WINDOW:
        raise ValueError(
            f"where leaves a window without an element: dtype must be floating, got "
            f"{native_dtype(y_type)}")
    if failures & NAN_TO_INTEGER:
        raise ValueError(
            f"dtype must be floating where the value of a window is NaN, got "
            f"{native_dtype(y_type)}")
    raise ValueError("indices must be -1 or positions inside the result")


def as_mask(where, x):
    """`where` as an array of bool of x's shape; None if all elements exist."""
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


cdef cnp.ndarray output(object given, Call call, tuple inputs, str what="result"):
    """`out`, if the result of a call can be put into it. What is quick to see comes first."""
    cdef cnp.ndarray out
    cdef int i
    cdef bint fits, spread = True
    if not cnp.PyArray_CheckExact(given) and (
            not isinstance(given, np.ndarray) or isinstance(given, np.ma.MaskedArray)):
        raise TypeError(f"out must be an ndarray, got {type(given).__name__}")
    out = given
    fits = cnp.PyArray_NDIM(out) == call.ndim
    for i in range(call.ndim if fits else 0):
        fits = fits and cnp.PyArray_DIM(out, i) == call.shape[i]
        spread = spread and (call.shape[i] <= 1 or cnp.PyArray_STRIDE(out, i) != 0)
    if not fits:
        shape = tuple([call.shape[i] for i in range(call.ndim)])
        raise ValueError(f"out must have the {what}'s shape {shape}, got {given.shape}")
    if type_number(call.y_code) != out.descr.type_num or not cnp.PyArray_ISNOTSWAPPED(out):
        dtype = native_dtype(call.y_code)
        if given.dtype != dtype or not given.dtype.isnative:
            raise TypeError(f"out must have the {what}'s dtype {dtype}, got {given.dtype}")
    if not cnp.PyArray_ISWRITEABLE(out):
        raise ValueError("out must be writeable, got a read-only array")
    if not spread and cnp.PyArray_SIZE(out) > 0:
        raise ValueError(f"out must have memory for each value, got strides {given.strides}")
    for x in inputs:
        if x is not None and overlap(out, x):
            raise ValueError(
                "out must not overlap the input, got an array that shares its memory")
    return out


def checked_out(out, tuple shape, dtype, tuple inputs, str what="result"):
    """`out`, if what has this shape and type and is made of these arrays can be put into it."""
    cdef Call call = Call.__new__(Call)
    cdef int i
    call.ndim, call.y_code = <int> len(shape), type_code(np.dtype(dtype), "dtype")
    for i in range(call.ndim):
        call.shape[i] = shape[i]
    return output(out, call, inputs, what)


cdef cnp.ndarray cleared(object out, cnp.ndarray x, object dtype):
    """Zeros to add slopes in x to: in `out`, if they can be added up there."""
    if out is None or out.dtype != dtype or not out.flags.aligned:
        if cnp.PyArray_IS_C_CONTIGUOUS(x):
            return np.zeros((<object> x).shape, dtype)      # of which no page is touched yet
        return np.zeros_like(x, dtype)
    out.fill(0)
    return out


cdef object settled(cnp.ndarray gx, object dtype, object out):
    """Slopes that were added up, in their type, or in `out`."""
    if out is None:
        return (<object> gx).astype(dtype, copy=False)
    if gx is not out:
        np.copyto(out, gx, casting="same_kind")
    return out


cdef bint lie_apart(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether one array ends before the other one begins: np.may_share_memory says the same, but
    to call it is a good part of a small call with `out`."""
    cdef const char* begin[2]
    cdef const char* end[2]
    bounds(a, &begin[0], &end[0])
    bounds(b, &begin[1], &end[1])
    return end[0] <= begin[1] or end[1] <= begin[0]


cdef void bounds(cnp.ndarray a, const char** begin, const char** end) noexcept:
    """The bytes between which the elements of an array lie."""
    cdef Py_ssize_t reach
    cdef int i
    begin[0] = end[0] = cnp.PyArray_BYTES(a)
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIM(a, i) == 0:
            return
    for i in range(cnp.PyArray_NDIM(a)):
        reach = (cnp.PyArray_DIM(a, i) - 1) * cnp.PyArray_STRIDE(a, i)
        if reach < 0:
            begin[0] += reach
        else:
            end[0] += reach
    end[0] += cnp.PyArray_ITEMSIZE(a)


def overlap(a, b):
    """Whether two arrays share memory; where that is too hard to tell, whether they may."""
    if lie_apart(a, b):
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


cdef int accumulator(int operation, bint mean, bint selecting, int x_code, int y_code,
                     double taps) except -1:
    """The type in which a window is folded."""
    if selecting and SIZE[x_code] < 4 and not floating(x_code):
        return INT32        # as wide as the offsets
    if operation != ADD:
        return UINT8 if x_code == BOOL else FLOAT if x_code == HALF or x_code == BFLOAT else x_code
    if x_code == DOUBLE or (floating(x_code) and y_code == DOUBLE):
        return DOUBLE
    if floating(x_code):
        return FLOAT
    if SIZE[x_code] == 1 and taps < 128:
        return INT16
    if SIZE[x_code] <= 2 and taps * (128 << (8 * (SIZE[x_code] - 1))) * (
            2 if unsigned(x_code) else 1) < 2147483648.0:
        return INT32
    if SIZE[x_code] == 8 and (mean or y_code != x_code):
        return HUGE
    return UINT64


cdef void fold_as_keys(Plan* g, int operation) noexcept:
    """Extrema of 16-bit floats in their own type are those of integers in the same order."""
    if (g.x_type == HALF or g.x_type == BFLOAT) and g.y_type == g.x_type:
        g.t_type = INT16
        g.keyed = True
        g.nan_key = 32767 if operation == MAX else -32768


cdef bint readable(Plan* g, cnp.ndarray x) except -1:
    """Whether rows of x can be folded where they are."""
    if g.x_type != g.t_type and not (g.x_type == BOOL and g.t_type == UINT8) and not (
            g.x_type == INT64 and g.t_type == UINT64):
        return False
    return in_rows(g, x)


cdef bint widens(const Plan* g) noexcept:
    """Whether kernels/narrow.pxi reads this type."""
    if g.x_type == HALF or g.x_type == BFLOAT:
        return g.t_type == FLOAT
    return not floating(g.x_type) and (g.x_size == 1 and g.t_type == INT16
                                       or g.x_size == 2 and g.t_type == INT32)


cdef bint in_rows(Plan* g, cnp.ndarray x) noexcept:
    """Whether x consists of rows that kernels can read."""
    cdef int i
    if g.x_swapped or not cnp.PyArray_ISALIGNED(x):
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


cdef double result_shape(const Pooled* pooled, cnp.ndarray x, cnp.npy_intp* shape) noexcept:
    """The shape of x with its pooled axes as long as there are windows; gives the taps of one."""
    cdef int i
    cdef double taps = 1
    for i in range(cnp.PyArray_NDIM(x)):
        shape[i] = cnp.PyArray_DIM(x, i)
    for i in range(pooled.count):
        shape[pooled.axes[i]] = pooled.windows[i].m
        taps *= <double> pooled.windows[i].kernel
    return taps


cdef int nan_policy_of(Plan* g, object policy, int x_code) except -1:
    if not isinstance(policy, str):
        raise TypeError(f'nan_policy must be "propagate", "omit" or "raise", got {policy!r}')
    if policy == "omit":
        g.omit_nan = floating(x_code)
    elif policy == "raise":
        g.raise_nan = floating(x_code)
    elif policy != "propagate":
        raise ValueError(f'nan_policy must be "propagate", "omit" or "raise", got {policy!r}')
    return 0


cdef bint stored_plainly(const Plan* g, int operation, bint masked) noexcept:
    """Whether what is folded is the result, in the result's type."""
    cdef int natural = g.t_type
    if operation == ADD and not floating(g.x_type):
        natural = result_code(operation, g.mean, g.x_type) if g.t_type == UINT64 else -1
    elif g.x_type == BOOL and g.t_type == UINT8:
        natural = BOOL
    return not g.mean and g.y_type == natural and (
        operation == ADD or floating(g.t_type) or not (masked or g.omit_nan))


cdef uint16_t factor_of(const Plan* g, double taps) noexcept:
    """What multiplies sums of bytes to means of bytes: 2**16 / divisor, rounded up. That is exact
    if v * (divisor * factor - 2**16) is less than 2**16 for the largest v."""
    cdef double divisor = constant_divisor(g) if g.mean and divisor_is_constant(g) else 0
    cdef int by, factor
    cdef bint exact
    if (g.t_type != INT16 or g.x_type == BOOL or g.x_type != g.y_type or divisor < taps
            or divisor < 2 or divisor > 127):
        return 0
    by = <int> divisor
    factor = (65535 + by) // by
    exact = (255 * by + by // 2) * (by * factor - 65536) < 65536
    return factor if by == divisor and exact else 0


cdef int describe(Key* key, int flags, cnp.ndarray x, Windows windows, Options options,
                  object divisor, kernel_t kernel) except -1:
    """What the plan of a fold depends on."""
    cdef int i, ndim = cnp.PyArray_NDIM(x)
    cdef cnp.dtype dtype = x.descr
    cdef const cnp.npy_intp* strides = NULL
    key.count = 0
    key.hash = 0
    if ndim > AXES or (options.where is not None and options.where is not True):
        return 0
    if options.out is not None:
        if not cnp.PyArray_Check(options.out) or cnp.PyArray_NDIM(options.out) != ndim:
            return 0
        strides = cnp.PyArray_STRIDES(options.out)
    put_hashed(key, <Py_ssize_t> <PyObject*> windows)
    put_hashed(key, flags << 2 | (options.out is not None) << 1 | cnp.PyArray_ISALIGNED(x))
    for i in range(ndim):
        put_hashed(key, cnp.PyArray_DIM(x, i))
        put(key, cnp.PyArray_STRIDE(x, i))
    for i in range(ndim if strides != NULL else 0):
        put(key, strides[i])
    put(key, <Py_ssize_t> kernel)
    put(key, <Py_ssize_t> <PyObject*> dtype)
    put(key, <Py_ssize_t> <PyObject*> divisor)
    put(key, <Py_ssize_t> <PyObject*> options.axes)
    put(key, <Py_ssize_t> <PyObject*> options.channels_last)
    put(key, <Py_ssize_t> <PyObject*> options.nan_policy)
    put(key, <Py_ssize_t> <PyObject*> options.dtype)
    return 0


def fold(int operation, x, Windows windows, Options options, return_indices=False,
         bint offsets=False, bint mean=False, bint count_include_pad=True, divisor=None):
    """Windows of x folded: y or, with return_indices, (y, int64 positions). With offsets, what the
    pullback of a selection needs: (y, positions or None, offsets).

    operation: 0 max, 1 min, 2 add; mean: add, and divide by the windows' sizes.
    """
    cdef bint positions = boolean(return_indices, "return_indices")
    cdef bint selecting = positions or offsets, masked, plain_nan, known, direct
    cdef cnp.ndarray array, y
    cdef Pooled pooled
    cdef Key key
    cdef Call call
    cdef Plan* g
    cdef kernel_t kernel = kernels.select[operation] if selecting else kernels.fold[operation]
    cdef int x_code, i
    cdef double taps
    array = x if cnp.PyArray_CheckExact(x) else as_input(x)
    describe(&key, (options.rank + 1) << 8 | operation << 4 | mean << 3 | count_include_pad << 2
             | positions << 1 | offsets, array, windows, options, divisor, kernel)
    call = take(&key, &known)
    g = &call.plan
    mask = None
    if not known:
        clear(g)
        call.tables = Tables.__new__(Tables)
        call.kernel = kernel
        call.ndim = cnp.PyArray_NDIM(array)
        x_code = type_code(array.descr, "x")
        call.y_code = result_code(operation, mean, x_code)
        if options.dtype is not None:
            call.y_code = type_code(as_dtype(options.dtype), "dtype")
        windows_of(&pooled, windows, array, options, call.tables)
        taps = result_shape(&pooled, array, call.shape)
        mask = as_mask(options.where, array)
        masked = mask is not None
        plain_nan = options.nan_policy == "propagate"
        if not plain_nan:
            nan_policy_of(g, options.nan_policy, x_code)
        if (selecting or masked or not plain_nan) and taps >= 2147483647.0:
            raise ValueError(
                f"kernel_size must have less than 2**31 elements with return_indices, where or "
                f"nan_policy, got {taps:.0f}")
        if mean:
            mean_of(g, &pooled, count_include_pad, divisor, call.tables)
        types(g, array, x_code,
              accumulator(operation, mean, selecting, x_code, call.y_code, taps), call.y_code)
        for i in range(pooled.count):
            list_long(&pooled.windows[i], call.tables)
        if operation != ADD and not selecting and not masked and plain_nan:
            fold_as_keys(g, operation)
            if are_far_apart(g, &pooled, array):
                list_windows(&pooled.windows[0], call.tables)
                list_windows(&pooled.windows[1], call.tables)
        g.no_offset = -1
        if offsets:
            g.q_type = offset_type(taps, masked or g.omit_nan)
            g.q_size = SIZE[g.q_type]
    y = empty_like(array, call.shape, call.y_code) if options.out is None else output(
        options.out, call, (array, mask))
    q2 = empty_like(array, call.shape, INT64) if positions else None
    q = empty_like(array, call.shape, g.q_type) if offsets else None
    if known:
        g.x, g.y = cnp.PyArray_BYTES(array), cnp.PyArray_BYTES(y)
        g.x_end = g.x + call.reach
        g.q = cnp.PyArray_BYTES(q) if offsets else NULL
        g.q2 = cnp.PyArray_BYTES(q2) if positions else NULL
    else:
        view(g, &pooled, array, y, q, q2, mask, selecting)
        bring_together(g)
        if selecting:
            count_offsets(g, not offsets)
        g.count = kernels.count
        g.y_plain = stored_plainly(g, operation, masked)
        g.factor = factor_of(g, taps)
        g.y_scaled = (mean and floating(call.y_code) and call.y_code == g.t_type and not masked
                      and not g.omit_nan and divisor_is_constant(g))
        g.in_place = readable(g, array) and not masked and not g.omit_nan
        direct = not selecting and not masked and plain_nan and in_rows(g, array)
        g.widened = direct and operation == ADD and g.x_size <= 2 and widens(g)
        g.halved = direct and (g.widened or g.keyed)
        g.pixelwise = (direct and call.y_code == x_code
                       and (operation == MAX or operation == MIN
                            or operation == ADD and floating(x_code)))
        if cnp.PyArray_SIZE(y) > 0:
            tile(g, kernels.block, selecting, False)
        call.reach = g.x_end - g.x
        call.work = <double> cnp.PyArray_SIZE(array) + cnp.PyArray_SIZE(y)
    run(g, kernel, call.work)
    if known:
        put_back(call)
    else:
        if g.apart > 0:
            key.count = 0       # planes have windows of their own, which are not met again
        keep(call, &key, (windows, array.descr, divisor, options.axes, options.channels_last,
                          options.nan_policy, options.dtype))
    if offsets:
        return y, q2, q
    return (y, q2) if positions else y


cdef bint are_far_apart(const Plan* g, const Pooled* pooled, cnp.ndarray x) noexcept:
    """Whether windows are three apart or more, in small planes of float32: folded as irregular ones
    (kernels/spans.pxi) they take 0.25 to 0.8 of the time. Sums would be added up in another order.
    """
    cdef int i
    cdef const Axis* a
    if pooled.count != 2 or g.t_type != FLOAT or pooled.windows[1].n < 8:
        return False
    for i in range(2):
        a = &pooled.windows[i]
        if (a.start != NULL or a.source != NULL or a.drawn != NULL or a.dilation != 1
                or a.before != 0 or a.stride <= 2 or a.kernel > SPAN_TAPS or a.m < 2
                or a.n > SPAN_ROW or (a.m - 1) * a.stride + a.kernel > a.n):
            return False
    return cnp.PyArray_STRIDE(x, pooled.axes[1]) == cnp.PyArray_ITEMSIZE(x)


cdef void count_offsets(Plan* g, bint distances) noexcept:
    """What a tap counts for in an offset: digits of its number, or its distance in the plane, if
    that is possible: taps at equal distances, and not too far from each other."""
    cdef int i
    cdef double reach = 0
    g.digit[2] = 1
    for i in range(1, -1, -1):
        g.digit[i] = g.digit[i + 1] * g.axis[i + 1].kernel
    if not distances:
        return
    for i in range(3):
        if g.axis[i].source != NULL:
            return
        reach = reach * <double> g.plane_shape[i] + (
            <double> (g.axis[i].kernel - 1) * <double> g.axis[i].dilation)
    if reach >= 2147483647.0:
        return
    g.distances = True
    g.digit[2] = g.axis[2].dilation
    g.digit[1] = g.axis[1].dilation * g.plane_shape[2]
    g.digit[0] = g.axis[0].dilation * g.plane_shape[2] * g.plane_shape[1]


def converted(values, dtype, out=None):
    """In another type, as results are: rounded to nearest, half to even, and saturated; in `out`,
    if that is given. A NaN that becomes an integer is a ValueError. They go the way of all results:
    as the maxima of windows of one element."""
    longest = max(range(values.ndim), key=values.shape.__getitem__)
    return fold(MAX, values, _EACH, Options(axes=longest, dtype=dtype, out=out))


_EACH = _sliding(1)


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


cdef bint turns(const Pooled* pooled, const Plan* g) noexcept:
    """Windows one element apart: those that cover an element are such windows too. Means have to
    be divided by one number, because there the sum comes first."""
    cdef const Axis* a
    cdef int i
    for i in range(pooled.count):
        a = &pooled.windows[i]
        if (a.start != NULL or a.source != NULL or a.stride != 1 or a.dilation != 1
                or a.before >= a.kernel or (g.mean and g.divisor == 0 and a.size != NULL)):
            return False
    return True


cdef void turn(Axis* a) noexcept:
    """The windows of values that cover each element."""
    a.n, a.m = a.m, a.n
    a.before = a.kernel - 1 - a.before
    a.reach = a.m + a.kernel - 1
    a.exist = NULL


def spread(gy, Windows windows, tuple axes, tuple order, tuple shape, dtype, bint mean=False,
           bint count_include_pad=True, divisor=None, out=None):
    """The transpose of a sum (or a mean) over windows: each element gets what its windows got, in
    `out`, which was checked, if that is given."""
    cdef Tables tables = Tables.__new__(Tables)
    cdef Plan plan
    cdef Pooled pooled
    cdef Plan* g = &plan
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef cnp.ndarray array, gx
    clear(g)
    windows_on(&pooled, windows, axes, order, shape, tables)
    expected = list(shape)
    for i in range(pooled.count):
        expected[pooled.axes[i]] = pooled.windows[i].m
    gy = gradient_input(gy, tuple(expected), code == DOUBLE)
    array = gy
    if mean:
        mean_of(g, &pooled, count_include_pad, divisor, tables)
    g.transposed = not turns(&pooled, g)
    for i in range(pooled.count):
        if g.transposed:
            transpose(&pooled.windows[i], tables)
        else:
            turn(&pooled.windows[i])
    types(g, array, type_code(gy.dtype, "gy"), DOUBLE if code == DOUBLE else FLOAT, code)
    gx = np.empty_like(array, dtype, shape=shape) if out is None else out
    view(g, &pooled, array, gx, None, None, None, False)
    bring_together(g)
    if g.transposed and has_small_planes(g) and not g.constant:
        tabulate(&g.axis[1], &g.axis[2], tables)
    g.count = kernels.count
    g.y_plain = g.t_type == code and (g.transposed or not mean)
    g.y_scaled = g.t_type == code and not g.transposed and mean
    g.in_place = readable(g, array) and not (g.transposed and mean)
    if cnp.PyArray_SIZE(gx) > 0:
        tile(g, kernels.block, False, False)
    run(g, kernels.fold[<int> ADD], <double> cnp.PyArray_SIZE(gx) + cnp.PyArray_SIZE(array))
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
            bint masked=False, out=None):
    """The transpose of a selection: each window's gradient goes to the element it selected; in
    `out`, as for `spread`."""
    cdef Tables tables = Tables.__new__(Tables)
    cdef Plan plan
    cdef Pooled pooled
    cdef Plan* g = &plan
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef cnp.ndarray array, gx
    gy = gradient_input(gy, (<object> offsets).shape, code == DOUBLE)
    array = gy
    clear(g)
    windows_on(&pooled, windows, axes, order, shape, tables)
    for i in range(pooled.count):
        transpose(&pooled.windows[i], tables)
    g.transposed = True
    types(g, array, type_code(gy.dtype, "gy"), DOUBLE if code == DOUBLE else FLOAT, code)
    g.q_size = <int> (<object> offsets).itemsize
    g.q_type = UINT8 if g.q_size == 1 else UINT16 if g.q_size == 2 else INT32
    g.no_offset = -1
    if masked:
        g.no_offset = 255 if g.q_size == 1 else 65535 if g.q_size == 2 else -1
    gx = np.empty_like(array, dtype, shape=shape) if out is None else out
    view(g, &pooled, array, gx, offsets, None, None, True)
    bring_together(g)
    g.y_plain = g.t_type == code
    g.in_place = readable(g, array)
    g.gathered = is_gathered(g)
    if cnp.PyArray_SIZE(gx) > 0:
        tile(g, kernels.block, False, True)
    run(g, kernels.scatter, <double> cnp.PyArray_SIZE(gx) + cnp.PyArray_SIZE(array))
    return gx


def unpool(cnp.ndarray x, cnp.ndarray indices, tuple axes, bint padded, bint transposed=False,
           out=None):
    """Contiguous planes x[outer, values, inner] to y[outer, elements, inner] by int64 positions, or
    the transpose: planes x to y of indices' shape. For each pooled axis: its values and elements,
    and the windows that positions are likely to be in. out: such planes, which become y."""
    cdef Plan plan
    cdef Plan* g = &plan
    cdef tuple shape = (<object> x).shape
    cdef cnp.ndarray y
    cdef Py_ssize_t elements = 1, values = 1
    cdef object n, m, kernel, stride
    cdef int i
    clear(g)
    g.disjoint = not padded
    for i in range(3):
        g.axis[i].n = g.axis[i].m = g.axis[i].kernel = g.axis[i].stride = 1
    for i, (n, m, kernel, stride) in enumerate(axes, 3 - len(axes)):
        g.axis[i].n, g.axis[i].m = n, m
        values, elements = values * g.axis[i].n, elements * g.axis[i].m
        if kernel <= stride and (n - 1) * stride + kernel <= m:
            g.axis[i].kernel, g.axis[i].stride = kernel, stride
        else:
            g.disjoint = False
    # The kernels fill planes with zeros, but only those that something is put into.
    make = np.empty if cnp.PyArray_SIZE(x) > 0 else np.zeros
    wanted = (<object> indices).shape if transposed else (shape[0], elements, shape[2])
    y = make(wanted, (<object> x).dtype) if out is None else out
    g.x, g.y, g.q2 = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(y), cnp.PyArray_BYTES(indices)
    g.x_size = <int> (<object> x).dtype.itemsize
    g.inner = shape[2]
    if transposed and values > INT32_MAX:
        raise ValueError(f"indices must have at most {INT32_MAX} elements in each plane for a "
                         f"gradient, got {values}")
    tile_unpooling(g, shape[0], transposed)
    try:
        run(g, kernels.unpool_transposed if transposed else kernels.unpool,
            <double> cnp.PyArray_SIZE(x) + cnp.PyArray_SIZE(y))
    except ValueError:
        wrong = (<object> indices)[np.less(indices, -1) | np.greater_equal(indices, elements)]
        raise ValueError(
            f"indices must be -1 or positions inside the result, 0 to {elements - 1}, "
            f"got {wrong[0]}") from None
    return y


def table_of_axes(Windows windows, tuple axes, tuple order, tuple shape):
    """Lengths of the result along the pooled axes."""
    cdef Tables tables = Tables.__new__(Tables)
    cdef Pooled pooled
    windows_on(&pooled, windows, axes, order, shape, tables)
    return tuple([pooled.windows[i].m for i in range(pooled.count)])


def with_axes(out, axes):
    """A view of `out` with axes of length 1 where pooled ones were dropped."""
    if out is None:
        return None
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
    return np.expand_dims(out, axes)
