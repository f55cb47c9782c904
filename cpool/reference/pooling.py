"""Sliding, adaptive and global pooling, and unpooling; `max_pool` describes the arguments that all
operators share."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import vectorized_filter

Array = NDArray[Any]
Ints = int | Sequence[int]
Sizes = int | None | Sequence[int | None]
Padding = int | str | Sequence[int | tuple[int, int]]
Axes = int | Sequence[int] | None
Pooled = Array | tuple[Array, NDArray[np.int64]]

# Arguments ----------------------------------------------------------------------------------------


def _checked_dtype(dtype) -> np.dtype:
    dtype = np.dtype(dtype)
    if dtype.char not in "?bBhHiIlLqQefd" and dtype.name != "bfloat16":
        raise TypeError(f"arrays of dtype {dtype} cannot be pooled")
    return dtype.newbyteorder("=")


def _array(x: ArrayLike) -> Array:
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("masked arrays are not accepted: give the data, and where=~mask")
    x = np.asarray(x)
    return x.astype(_checked_dtype(x.dtype), copy=False)


def _is_integer(dtype: np.dtype | None) -> bool:
    return dtype is not None and dtype.kind in "iub"


def _at_least(least: int, value) -> int:
    if operator.index(value) < least:
        raise ValueError(f"expected an integer of at least {least}, got {value}")
    return operator.index(value)


def _per_axis(value, rank: int) -> list:
    values = list(value) if isinstance(value, tuple | list) else [value] * rank
    if len(values) != rank:
        raise ValueError(f"expected one value for each of {rank} pooled axes, got {value!r}")
    return values


def _counts(value: Ints, rank: int) -> list[int]:
    return [_at_least(1, size) for size in _per_axis(value, rank)]


def _paddings(padding: Padding, rank: int) -> list:
    """(before, after) for each axis, or "same" or "same_lower"."""
    if isinstance(padding, str):
        if padding not in ("valid", "same", "same_lower"):
            raise ValueError(f'padding is "valid", "same", "same_lower" or sizes, got {padding!r}')
        return [(0, 0) if padding == "valid" else padding] * rank
    pairs = [p if isinstance(p, tuple | list) else (p, p) for p in _per_axis(padding, rank)]
    return [(_at_least(0, before), _at_least(0, after)) for before, after in pairs]


def _pooled_axes(ndim: int, sizes: Sizes, axes: Axes, channels_last: bool) -> tuple[int, ...]:
    if axes is None:
        end = ndim - bool(channels_last)
        rank = len(sizes) if isinstance(sizes, tuple | list) else end
        axes = range(end - ndim - rank, end - ndim)
    elif channels_last:
        raise ValueError("give either axes or channels_last")
    axes = normalize_axis_tuple(axes, ndim)
    if not 1 <= len(axes) <= 3:
        raise ValueError(f"1 to 3 axes can be pooled, not {len(axes)}: name them with axes=")
    return axes


# Windows: fold(function) gives function(numbers, axis=-1) for each window of each plane -----------

_SOURCES = {
    # The one of n elements that stands at coordinate i.
    "reflect": lambda i, n: np.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n)),
    "mirror": lambda i, n: np.abs((i + n - 1) % max(2 * n - 2, 1) - (n - 1)),
    "nearest": lambda i, n: np.clip(i, 0, n - 1),
    "wrap": lambda i, n: i % n,
}


def _outputs_and_padding(n, extent, stride, padding, ceil_mode) -> tuple[int, int, int]:
    """The number of windows along an axis of n elements, and the padding before and after it."""
    if isinstance(padding, str):
        outputs = -(-n // stride)
        total = max((outputs - 1) * stride + extent - n, 0)
        before = total // 2 if padding == "same" else total - total // 2
        return outputs, before, total - before
    before, after = padding
    steps = before + n + after - extent
    outputs = 1 + (-(-steps // stride) if ceil_mode else steps // stride)
    if ceil_mode and (outputs - 1) * stride >= before + n:
        outputs -= 1  # it would start in the padding after the axis
    if outputs < 1:
        raise ValueError(f"a window of {extent} does not fit into {before + n + after} elements")
    return outputs, before, after


def _sliding(numbers: Array, geometry, *, ceil_mode: bool, padding_mode: str) -> Callable:
    """Windows of (kernel, stride, padding, dilation) along each axis of numbers but the first."""
    if padding_mode not in ("constant", *_SOURCES):
        raise ValueError(f"padding_mode is constant or one of {[*_SOURCES]}, got {padding_mode!r}")
    kernels, strides, paddings, dilations = zip(*geometry, strict=True)
    extents = [(k - 1) * d + 1 for k, d in zip(kernels, dilations, strict=True)]
    padding, beyond, read = [(0, 0)], [(0, 0)], [slice(None)]
    for axis, sizes in enumerate(zip(extents, strides, paddings, strict=True), 1):
        n = numbers.shape[axis]
        outputs, before, after = _outputs_and_padding(n, *sizes, ceil_mode)
        if padding_mode == "constant":
            padding.append((before, after))
        else:
            padding.append((0, 0))
            numbers = numbers.take(_SOURCES[padding_mode](np.arange(-before, n + after), n), axis)
        read.append(slice((outputs - 1) * sizes[1] + sizes[0]))
        beyond.append((0, max(read[-1].stop - (before + n + after), 0)))
    numbers = np.pad(numbers, padding, constant_values=-1)
    numbers = np.pad(numbers, beyond, constant_values=-2)[tuple(read)]

    footprint = np.zeros(extents, bool)
    footprint[tuple(slice(None, None, dilation) for dilation in dilations)] = True
    every = (slice(None), *(slice(None, None, stride) for stride in strides))
    # Some rows at a time: what the windows of one plane hold is no more than 64 MB, or one row.
    row = 8 * prod(extents) * strides[0] * prod(numbers.shape[2:])
    rows = max(2**26 // row, 1) * strides[0]
    how = {"footprint": footprint, "mode": "valid", "axes": tuple(range(1, numbers.ndim)),
           "batch_memory": max(2**26, row)}

    def fold(function, numbers=numbers):
        starts = range(0, numbers.shape[1] - extents[0] + 1, rows)
        parts = [numbers[:, i : i + rows - strides[0] + extents[0]] for i in starts]
        return np.concatenate([vectorized_filter(p, function, **how)[every] for p in parts], axis=1)

    if not fold(lambda numbers, axis: (numbers >= 0).any(axis), numbers[:1]).all():
        raise ValueError(f"a window lies wholly in padding: padding={paddings}, kernel {kernels}")
    return fold


def _adaptive(numbers: Array, output_size) -> Callable:
    """PyTorch's adaptive windows: window i of m is floor(i·n / m) to ceil((i + 1)·n / m)."""
    planes, *shape = numbers.shape
    sizes = [n if m is None else _at_least(1, m) for n, m in zip(shape, output_size, strict=True)]

    def fold(function):
        values = []
        for cell in np.ndindex(*sizes):
            bounds = zip(cell, shape, sizes, strict=True)
            window = (slice(i * n // m, -(-(i + 1) * n // m)) for i, n, m in bounds)
            values.append(function(numbers[:, *window].reshape(planes, -1), axis=-1))
        return np.stack(values, axis=1).reshape(planes, *sizes)

    return fold


# Operators: (elements, dtype or None) -> values, which are present, their dtype, winners' numbers -


@dataclass(frozen=True)
class _Elements:
    """The elements of x one after the other, two absent ones (numbers −2 and −1), the windows."""

    x: Array
    exists: NDArray[np.bool_]
    fold: Callable[..., Array]

    @property
    def wide(self) -> Array:
        """The elements in the type in which they are compared and added up."""
        wide = {"b": np.int64, "i": np.int64, "u": np.uint64}
        return self.x.astype(wide.get(self.x.dtype.kind, np.float64))

    def count(self, exists: NDArray[np.bool_]) -> Array:
        return self.fold(lambda i, axis: exists[i].sum(axis))

    def sum(self, values: Array) -> Array:
        return self.fold(lambda i, axis: np.sum(values[i], axis, where=self.exists[i]))

    def exact_sum(self) -> Array:
        """The sum of integers as Python integers: neither of its halves can overflow."""
        high, low = self.sum(self.wide >> 32), self.sum(self.wide & 0xFFFFFFFF)
        return high.astype(object) * 2**32 + low.astype(object)


def _extremum(elements: _Elements, dtype, *, largest: bool):
    values, exists = elements.wide, elements.exists
    least, most = -np.inf, np.inf
    if _is_integer(values.dtype):
        least, most = np.iinfo(values.dtype).min, np.iinfo(values.dtype).max
    extremum, worst = (np.max, least) if largest else (np.min, most)

    def first_winner(numbers, axis):
        value, there = values[numbers], exists[numbers]
        best = extremum(value, axis, keepdims=True, where=there, initial=worst)
        wins = there & ((value == best) | (value != value))  # where best is NaN, only NaNs do
        winner = np.take_along_axis(numbers, wins.argmax(axis, keepdims=True), axis)
        return np.where(wins.any(axis), winner.squeeze(axis), -1)

    numbers = elements.fold(first_winner)
    return elements.x[numbers], numbers >= 0, elements.x.dtype, numbers


_max = functools.partial(_extremum, largest=True)
_min = functools.partial(_extremum, largest=False)


def _sum(elements: _Elements, dtype):
    if not _is_integer(elements.x.dtype):
        return elements.sum(elements.wide), np.True_, elements.x.dtype, None
    if dtype is None or dtype == elements.wide.dtype:
        return elements.sum(elements.wide), np.True_, elements.wide.dtype, None
    return elements.exact_sum(), np.True_, dtype, None


def _mean(elements: _Elements, dtype, *, count_include_pad=True, divisor_override=None):
    there = elements.count(elements.exists)
    if divisor_override is None:
        counted = np.append(elements.exists[:-1], count_include_pad)  # number −1 is padding
        divisor = np.where(there, elements.count(counted), 1)
    else:
        divisor = np.full(there.shape, operator.index(divisor_override))
        if not divisor.all():
            raise ValueError("divisor_override must not be 0")
    if not _is_integer(elements.x.dtype):
        return elements.sum(elements.wide) / divisor, there > 0, elements.x.dtype, None
    total, divisor = elements.exact_sum() * np.sign(divisor), np.abs(divisor)
    if not _is_integer(dtype):
        return total / divisor, there > 0, np.dtype(float), None
    quotient, double = total // divisor, 2 * (total % divisor)
    up = (double > divisor) | ((double == divisor) & (quotient % 2 == 1))
    return quotient + up, there > 0, dtype, None


def _weighted_mean(elements: _Elements, dtype, *, weights: Array):
    total = elements.sum(weights)
    mean = elements.sum(weights * elements.wide) / np.where(total, total, 1)
    natural = np.dtype(float) if _is_integer(elements.x.dtype) else elements.x.dtype
    return mean, total != 0, natural, None


def _generic(elements: _Elements, dtype, *, function: Callable[..., ArrayLike]):
    def of_what_exists(numbers, axis):
        there = elements.exists[numbers]
        there |= ~there.any(axis, keepdims=True)  # without any: a value that nobody will see
        counts, result = there.sum(axis), np.zeros(numbers.shape[:-1], bool)
        for count in np.unique(counts):
            alike = counts == count
            values = elements.x[numbers[alike][there[alike]]].reshape(-1, count)
            value = np.asarray(function(values, axis=-1))
            result = result.astype(np.result_type(result, value))
            result[alike] = value
        return result

    values = elements.fold(of_what_exists)
    return values, elements.count(elements.exists) > 0, values.dtype, None


# From array to array ------------------------------------------------------------------------------


def _converted(values: Array, dtype: np.dtype) -> Array:
    """The values in dtype; for integers they are rounded half to even, and saturated."""
    if not _is_integer(dtype):
        return (values.astype(float) if values.dtype == object else values).astype(dtype)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)  # a bool cannot be compared with 2**64
    if values.dtype.kind not in "iuO":
        values = np.rint(values.astype(float))
        if np.isnan(values).any():
            raise ValueError(f"a NaN has no value in {dtype}")
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    result = np.where(values <= low, dtype.type(low), dtype.type(high))
    inside = (low < values) & (values < high)
    result[inside] = values[inside].astype(dtype)
    return result


def _pool(x, operate, windows, per_axis, axes, *, nan_policy="propagate", where=None, dtype=None,
          out=None, return_indices=False, keepdims=True, weights=None, beside=None, **own) -> Any:
    """Operate on the windows of x that windows(numbers, per_axis) gives; own is the operator's."""
    given, x = x, _array(x)
    dtype = None if dtype is None else _checked_dtype(dtype)
    if nan_policy not in ("propagate", "omit", "raise"):
        raise ValueError(f'nan_policy is "propagate", "omit" or "raise", got {nan_policy!r}')
    if where is not None and np.asarray(where).dtype != bool:
        raise TypeError("where must be bool")
    if weights is not None and not np.all((np.asarray(weights) >= 0) & np.isfinite(weights)):
        raise ValueError("weights must be finite and not negative")
    # Windows and positions go through the pooled axes in the order that the array has them in.
    axes, per_axis = zip(*sorted(zip(axes, per_axis, strict=True), key=lambda a: a[0]), strict=True)
    last = range(-len(axes), 0)
    shape = np.moveaxis(x, axes, last).shape
    planes, plane = shape[: -len(axes)], shape[-len(axes) :]
    if 0 in plane:
        raise ValueError(f"a pooled axis is empty: axes {axes} of shape {x.shape}")

    def one_after_the_other(array):
        array = np.moveaxis(np.broadcast_to(array, x.shape), axes, last).reshape(-1)
        array = array if x.size else np.ones(prod(plane), array.dtype)  # in place of no plane
        return np.append(array, np.zeros(2, array.dtype))

    values = one_after_the_other(x)
    exists = one_after_the_other(True if where is None else where)
    if weights is not None:
        own["weights"] = one_after_the_other(np.asarray(weights, float))
        exists &= own["weights"] > 0
    if beside is not None:
        own["beside"] = one_after_the_other(beside)
    is_nan = values != values
    if nan_policy == "omit":
        exists &= ~is_nan
    fold = windows(np.arange(values.size - 2).reshape(-1, *plane), per_axis)
    elements = _Elements(values, exists, fold)
    if nan_policy == "raise" and elements.count(exists & is_nan).any():
        raise ValueError("a window of x holds a NaN")

    with np.errstate(all="ignore"):
        y, present, natural, numbers = operate(elements, dtype, **own)
        dtype = natural if dtype is None else dtype
        if not np.all(present) and _is_integer(dtype):
            raise ValueError(f"a window holds no element that exists, and {dtype} has no NaN")
        y = _converted(y, dtype)
        if not np.all(present):
            y[~present] = np.nan

    def like_x(result):
        result = result[: prod(planes)].reshape(*planes, *result.shape[1:])
        result = np.moveaxis(result, last, axes)
        return result if keepdims else result.squeeze(axes)

    y = like_x(y)
    if out is not None:
        if out.shape != y.shape or out.dtype != y.dtype or np.shares_memory(out, given):
            raise ValueError(f"out must be another array, of shape {y.shape} and dtype {y.dtype}")
        out[...] = y
        y = out
    return (y, like_x(np.where(numbers < 0, -1, numbers % prod(plane)))) if return_indices else y


def _slide(x, operate, kernel_size, stride, padding, dilation, ceil_mode, *, axes,
           channels_last=False, padding_mode="constant", **options) -> Any:
    axes = _pooled_axes(np.ndim(x), kernel_size, axes, channels_last)
    kernel, dilation = _counts(kernel_size, len(axes)), _counts(dilation, len(axes))
    stride = kernel if stride is None else _counts(stride, len(axes))
    geometry = zip(kernel, stride, _paddings(padding, len(axes)), dilation, strict=True)
    windows = functools.partial(_sliding, ceil_mode=ceil_mode, padding_mode=padding_mode)
    return _pool(x, operate, windows, geometry, axes, **options)


def _adapt(x, operate, output_size, *, axes, channels_last=False, **options) -> Any:
    axes = _pooled_axes(np.ndim(x), output_size, axes, channels_last)
    return _pool(x, operate, _adaptive, _per_axis(output_size, len(axes)), axes, **options)


def _whole(x, operate, *, axes, channels_last, **options) -> Any:
    if axes is None:
        axes = range(1, np.ndim(x) - 1) if channels_last else range(2, np.ndim(x))
    elif channels_last:
        raise ValueError("give either axes or channels_last")
    axes = normalize_axis_tuple(axes, np.ndim(x))
    if not axes:
        raise ValueError(f"x has {np.ndim(x)} axes: name those to pool with axes=")
    return _pool(x, operate, _adaptive, [1] * len(axes), axes, **options)


# The names ----------------------------------------------------------------------------------------


def max_pool(x: ArrayLike, kernel_size: Ints, stride: Ints | None = None, padding: Padding = 0,
             dilation: Ints = 1, ceil_mode: bool = False, return_indices: bool = False, *,
             axes: Axes = None, **options: Any) -> Pooled:
    """Maximum of each window; the first wins a tie, a NaN wins over numbers.

    Parameters
    ----------
    x : array_like
        Booleans, integers, or floating (of 16 bits, bfloat16 too, to 64).
    kernel_size, stride, dilation : int or tuple of int
        Elements in a window; elements from one window to the next (`kernel_size` by default);
        distance of the elements in a window. One for all pooled axes, or one for each.
    padding : int, tuple of int, tuple of (before, after), "valid", "same" or "same_lower"
        With "same" there are ceil(n / stride) windows, and an odd element comes after the axis
        (with "same_lower" before it).
    ceil_mode : bool
        Keep a last window that reads beyond the padding, unless it starts in the padding.
    return_indices : bool
        Give positions too: flat over the pooled axes of `x`, −1 where nothing exists.
    axes : int or tuple of int, optional
        One to three axes to pool. By default the last ``len(kernel_size)``; all if that is an int.
    **options
        ``channels_last=False``: the last axis of `x` is not pooled. ``padding_mode="constant"``
        (padding does not exist), "reflect" (b a | a b c | c b), "mirror" (c b | a b c | b a),
        "nearest" or "wrap". ``nan_policy="propagate"``, "omit" (a NaN does not exist) or "raise".
        ``where``: bool, broadcast to `x`; what is False does not exist. ``dtype``: of the result;
        integers are rounded half to even and saturated. ``out``: an array for the result.

    Returns
    -------
    ndarray, or ndarray and ndarray of int64
        Values, and positions if asked for. A window in which nothing exists gives NaN.

    Raises
    ------
    ValueError, TypeError
        Also for a window wholly in padding, and for a NaN where an integer belongs.

    Examples
    --------
    >>> from cpool import reference
    >>> reference.max_pool([1, 5, 2, 4], 2, return_indices=True)
    (array([5, 4]), array([1, 3]))
    """
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _slide(x, _max, *sizes, axes=axes, return_indices=return_indices, **options)


def min_pool(x: ArrayLike, kernel_size: Ints, stride: Ints | None = None, padding: Padding = 0,
             dilation: Ints = 1, ceil_mode: bool = False, return_indices: bool = False, *,
             axes: Axes = None, **options: Any) -> Pooled:
    """Minimum of each window; parameters as `max_pool`."""
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _slide(x, _min, *sizes, axes=axes, return_indices=return_indices, **options)


def sum_pool(x: ArrayLike, kernel_size: Ints, stride: Ints | None = None, padding: Padding = 0,
             dilation: Ints = 1, ceil_mode: bool = False, *,
             axes: Axes = None, **options: Any) -> Array:
    """Sum of each window, 0 where nothing exists; parameters as `max_pool`.

    Integers give int64 or uint64, modulo 2⁶⁴.
    """
    return _slide(x, _sum, kernel_size, stride, padding, dilation, ceil_mode, axes=axes, **options)


def avg_pool(x: ArrayLike, kernel_size: Ints, stride: Ints | None = None, padding: Padding = 0,
             ceil_mode: bool = False, count_include_pad: bool = True,
             divisor_override: int | None = None, *, dilation: Ints = 1, axes: Axes = None,
             weights: ArrayLike | None = None, **options: Any) -> Array:
    """Mean of each window, float64 for integers; other parameters as `max_pool`.

    Parameters
    ----------
    count_include_pad : bool
        Whether constant padding counts, as zeros.
    divisor_override : int, optional
        What the sum is divided by, in place of the number of elements.
    weights : array_like, optional
        Not negative, broadcast to `x`: Σwx / Σw. Constant padding has no weight; what has none does
        not exist.
    """
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    own = {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    if weights is not None:
        if divisor_override is not None:
            raise ValueError("give either weights or divisor_override")
        own = {"weights": weights}
    return _slide(x, _mean if weights is None else _weighted_mean, *sizes, axes=axes, **own,
                  **options)


def generic_pool(x: ArrayLike, function: Callable[..., ArrayLike], kernel_size: Ints,
                 stride: Ints | None = None, padding: Padding = 0, dilation: Ints = 1,
                 ceil_mode: bool = False, *, axes: Axes = None, **options: Any) -> Array:
    """Your own function of each window; other parameters as `max_pool`.

    Parameters
    ----------
    function : callable
        ``function(values, axis=-1)`` gets windows, one in each row, and gives a value for each row.
        It sees only what exists, in window order; windows of unlike length come in separate calls.
        Where nothing exists the result is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from cpool import reference
    >>> reference.generic_pool([1.0, 5.0, 2.0, 9.0], np.median, 3, stride=1, padding=1)
    array([3. , 2. , 5. , 5.5])
    """
    if not callable(function):
        raise TypeError(f"function must be a function(values, axis=-1), got {function!r}")
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _slide(x, _generic, *sizes, axes=axes, function=function, **options)


def adaptive_max_pool(x: ArrayLike, output_size: Sizes, return_indices: bool = False, *,
                      axes: Axes = None, **options: Any) -> Pooled:
    """Maxima of `output_size` windows that cover `x` (None: a window for each element)."""
    return _adapt(x, _max, output_size, axes=axes, return_indices=return_indices, **options)


def adaptive_min_pool(x: ArrayLike, output_size: Sizes, return_indices: bool = False, *,
                      axes: Axes = None, **options: Any) -> Pooled:
    """Minima of `output_size` windows that cover `x` (None: a window for each element)."""
    return _adapt(x, _min, output_size, axes=axes, return_indices=return_indices, **options)


def adaptive_sum_pool(x: ArrayLike, output_size: Sizes, *, axes: Axes = None,
                      **options: Any) -> Array:
    """Sums of `output_size` windows that cover `x` (None: a window for each element)."""
    return _adapt(x, _sum, output_size, axes=axes, **options)


def adaptive_avg_pool(x: ArrayLike, output_size: Sizes, *, axes: Axes = None,
                      weights: ArrayLike | None = None, **options: Any) -> Array:
    """Means of `output_size` windows that cover `x` (None: a window for each element)."""
    operate = _mean if weights is None else _weighted_mean
    return _adapt(x, operate, output_size, axes=axes, weights=weights, **options)


def global_max_pool(x: ArrayLike, *, axes: Axes = None, channels_last: bool = False,
                    keepdims: bool = True, **options: Any) -> Pooled:
    """Maximum over `axes`: all but the first two, or with `channels_last` the first and last."""
    return _whole(x, _max, axes=axes, channels_last=channels_last, keepdims=keepdims, **options)


def global_min_pool(x: ArrayLike, *, axes: Axes = None, channels_last: bool = False,
                    keepdims: bool = True, **options: Any) -> Pooled:
    """Minimum over `axes`: all but the first two, or with `channels_last` the first and last."""
    return _whole(x, _min, axes=axes, channels_last=channels_last, keepdims=keepdims, **options)


def global_sum_pool(x: ArrayLike, *, axes: Axes = None, channels_last: bool = False,
                    keepdims: bool = True, **options: Any) -> Array:
    """Sum over `axes`: all but the first two, or with `channels_last` the first and last."""
    return _whole(x, _sum, axes=axes, channels_last=channels_last, keepdims=keepdims, **options)


def global_avg_pool(x: ArrayLike, *, axes: Axes = None, channels_last: bool = False,
                    keepdims: bool = True, weights: ArrayLike | None = None,
                    **options: Any) -> Array:
    """Mean over `axes`: all but the first two, or with `channels_last` the first and last."""
    operate = _mean if weights is None else _weighted_mean
    return _whole(x, operate, axes=axes, channels_last=channels_last, keepdims=keepdims,
                  weights=weights, **options)


def max_unpool(x: ArrayLike, indices: ArrayLike, kernel_size: Ints, stride: Ints | None = None,
               padding: Padding = 0, output_size: Ints | None = None, *, axes: Axes = None,
               channels_last: bool = False) -> Array:
    """Put each value where its index says, among zeros; sizes and `axes` as for `max_pool`.

    Parameters
    ----------
    indices : array_like of int
        Positions as `max_pool` gives them. Of equal ones the last stays; −1 is left out.
    output_size : int or tuple of int, optional
        Sizes of the pooled axes, or of all axes, of the result: less than a stride away from
        ``(n - 1) * stride - padding before and after + kernel_size``, which is the default.
    """
    x, indices = _array(x), np.asarray(indices)
    if indices.dtype.kind not in "iu":
        raise TypeError("indices must be integers")
    axes = _pooled_axes(x.ndim, kernel_size, axes, channels_last)
    kernel = _counts(kernel_size, len(axes))
    stride = kernel if stride is None else _counts(stride, len(axes))
    if padding in ("same", "same_lower"):
        raise ValueError(f'padding "{padding}" does not tell the size: give numbers')
    each = zip(axes, kernel, stride, _paddings(padding, len(axes)), strict=True)
    usual = [(x.shape[axis] - 1) * s - sum(around) + k for axis, k, s, around in each]
    if isinstance(output_size, tuple | list) and len(output_size) == x.ndim != len(axes):
        output_size = [output_size[axis] for axis in axes]
    plane = _counts(usual if output_size is None else output_size, len(axes))
    if any(abs(n - m) >= s for n, m, s in zip(plane, usual, stride, strict=True)):
        raise ValueError(f"output_size {plane} must be less than a stride away from {usual}")
    axes, plane = zip(*sorted(zip(axes, plane, strict=True)), strict=True)
    last = range(-len(axes), 0)
    values, places = (np.moveaxis(array, axes, last) for array in (x, indices))
    if x.shape != indices.shape or 0 in values.shape[-len(axes) :]:
        raise ValueError(f"x and indices must be of one shape: {x.shape}, {indices.shape}")
    y = np.zeros((*values.shape[: -len(axes)], prod(plane)), x.dtype)
    for outer in np.ndindex(*y.shape[:-1]):
        for value, place in zip(values[outer].flat, places[outer].flat, strict=True):
            if not -1 <= place < prod(plane):
                raise ValueError(f"index {place} is outside of {plane}")
            if place != -1:
                y[*outer, place] = value
    return np.moveaxis(y.reshape(*y.shape[:-1], *plane), last, axes)


def _ranked(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The function for 1, 2 and 3 axes: the last ones, or with channels_last those before."""

    def of_rank(rank):
        def ranked(x, *args, channels_last=False, **kwargs):
            end = -1 if channels_last else 0
            return function(x, *args, axes=range(end - rank, end), **kwargs)

        name, signature = function.__name__, inspect.signature(function)
        parameters = [p for p in signature.parameters.values() if p.name != "axes"]
        ranked.__name__ = ranked.__qualname__ = f"{name}{rank}d"
        ranked.__signature__ = signature.replace(parameters=parameters)
        ranked.__doc__ = (
            f"`{name}` over the last {rank} axes, or with ``channels_last=True`` those before the "
            "last one."
        )
        return ranked

    return [of_rank(rank) for rank in (1, 2, 3)]


max_pool1d, max_pool2d, max_pool3d = _ranked(max_pool)
min_pool1d, min_pool2d, min_pool3d = _ranked(min_pool)
sum_pool1d, sum_pool2d, sum_pool3d = _ranked(sum_pool)
avg_pool1d, avg_pool2d, avg_pool3d = _ranked(avg_pool)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = _ranked(adaptive_max_pool)
adaptive_min_pool1d, adaptive_min_pool2d, adaptive_min_pool3d = _ranked(adaptive_min_pool)
adaptive_sum_pool1d, adaptive_sum_pool2d, adaptive_sum_pool3d = _ranked(adaptive_sum_pool)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = _ranked(adaptive_avg_pool)
max_unpool1d, max_unpool2d, max_unpool3d = _ranked(max_unpool)

__all__ = [name for name in globals() if "pool" in name and not name.startswith("_")]
