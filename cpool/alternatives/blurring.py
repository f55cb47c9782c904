"""Subsampling of what was blurred first.

A binomial filter has the weights of a row of Pascal's triangle, over a power of two. Along several
axes its weights are products, so that windows are summed up along one axis after the other, by the
compiled weighted sums, and its gradient is their transpose.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays, counting, weighted
from cpool.alternatives.common import (
    counted,
    per_axis,
    pooled_axes,
    reads,
    rounded,
    widened,
    windows_with,
)
from cpool.arrays import Options
from cpool.functional import max_pool2d
from cpool.pooling import pool, vjp
from cpool.reductions import Max
from cpool.reductions.base import Pullback, Work, existing, gradient_dtype, puts
from cpool.results import stored, wide_dtype
from cpool.windows import sliding

if TYPE_CHECKING:
    from cpool.windows import Sliding, Windows, _Ints, _PaddingMode

__all__ = [
    "blur_pool1d",
    "blur_pool2d",
    "blur_pool3d",
    "blur_pool",
    "max_blur_pool2d",
]

Array = NDArray[Any]

LEAST, MOST = 2, 7  # taps of a filter

# Blurring -----------------------------------------------------------------------------------------


def _filter_sizes(filter_size: Any) -> int | tuple[int, ...]:
    """The argument, checked: ints from 2 to 7."""
    several = isinstance(filter_size, (tuple, list))
    sizes = []
    for size in filter_size if several else (filter_size,):
        if isinstance(size, (bool, np.bool_)) or not hasattr(type(size), "__index__"):
            raise TypeError(f"filter_size must be an int or one for each axis, got {filter_size!r}")
        if not LEAST <= operator.index(size) <= MOST:
            raise ValueError(f"filter_size must be from {LEAST} to {MOST}, got {filter_size!r}")
        sizes.append(operator.index(size))
    if several and not 1 <= len(sizes) <= 3:
        raise ValueError(f"filter_size must have 1 to 3 entries, got {filter_size!r}")
    return tuple(sizes) if several else sizes[0]


@dataclass(frozen=True)
class _Blur:
    """Windows on some axes, the weights of each, and the types to compute in and of the result."""

    windows: Sliding
    weights: tuple[Array, ...]
    places: tuple[int, ...]
    work: np.dtype[Any]
    dtype: np.dtype[Any]

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(range(len(self.places)))

    def of(self, x: Array, out: Array | None = None) -> Array:
        return weighted.sums(
            x, self.windows, self.places, self.order, self.weights, self.dtype, self.work, out
        )

    def pullback(self, x: Array) -> Pullback:
        shape, dtype = x.shape, gradient_dtype(x)

        @puts
        def pullback(gy: Any, out: Array | None = None) -> Array:
            return weighted.sums_transposed(
                gy, self.windows, self.places, self.order, self.weights, shape, dtype, out
            )

        return pullback

    def to(self, dtype: Any) -> _Blur:
        """The same with a result of this type."""
        return replace(self, dtype=np.dtype(dtype))


@cache
def _binomial(size: int) -> Array:
    return np.array([comb(size - 1, tap) for tap in range(size)]) / 2.0 ** (size - 1)


def _checked_blur(
    x: Array, filter_size: Any, stride: Any, padding_mode: Any, options: Options
) -> _Blur:
    """With a result in the type to compute in; (f - 1) // 2 of a filter's padding come first."""
    filter_size = _filter_sizes(filter_size)
    # Checks the stride and the mode, and that their entries are as many as the filter's.
    given = windows_with(filter_size, stride, padding_mode)
    places, order = pooled_axes(x, given, options.axes, options.channels_last, options.rank)
    sizes, wide = per_axis(filter_size, order), wide_dtype(x, options.dtype)
    padding = tuple(((size - 1) // 2, size // 2) for size in sizes)
    windows = sliding(sizes, per_axis(given.stride, order), padding, padding_mode=padding_mode)
    return _Blur(windows, tuple(map(_binomial, sizes)), places, wide, wide)


def _present(x: Array, options: Options) -> Array | None:
    """Which elements exist, None for all; checks `nan_policy`."""
    if options.nan_policy != "propagate":
        pool([1.0], "max", _ONE, nan_policy=options.nan_policy)
    return existing(x, arrays.as_mask(options.where, x), options.nan_policy)


_ONE = sliding(1)


def _refuse_nan(x: Array, mask: Array | None, blur: _Blur) -> None:
    if gradient_dtype(x) != x.dtype.newbyteorder("="):
        return
    nans = np.isnan(x) if mask is None else np.isnan(x) & mask
    if nans.any() and blur.of(nans).any():
        raise ValueError('x has a NaN in a window, and nan_policy is "raise"')


def _weights_of(mask: Array, blur: _Blur) -> Array:
    """What each window's filter has of elements that exist: with "constant" padding of zeros too,
    but NaN where nothing else exists. Exact, as a sum of powers of two."""
    share = blur.of(mask)
    total = share + (1 - blur.of(np.ones(mask.shape, bool)))
    return np.where(share > 0, total, share.dtype.type(np.nan))


def _blur(
    x: Any, filter_size: Any, stride: Any, padding_mode: Any, options: Options,
    differentiable: bool = False,
) -> tuple[Array, Pullback]:  # fmt: skip
    """The result, and its pullback if that is asked for."""
    x = arrays.as_input(x)
    blur = _checked_blur(x, filter_size, stride, padding_mode, options)
    dtype = gradient_dtype(x) if options.dtype is None else arrays.as_dtype(options.dtype)
    mask = _present(x, options)
    if options.nan_policy == "raise":
        _refuse_nan(x, mask, blur)
    if mask is None:
        blur = blur.to(dtype)
        back = blur.pullback(x) if differentiable else _no_pullback
        return blur.of(x, options.out), back
    weights = _weights_of(mask, blur)
    held = np.where(mask, x, x.dtype.type(0))
    spread = blur.pullback(held) if differentiable else _no_pullback
    with np.errstate(invalid="ignore"):
        y = stored(blur.of(held) / weights, dtype, options.out, x, options.where)
    divisors = np.where(np.isnan(weights), np.inf, weights)
    shape = y.shape

    def pullback(gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, shape)
        gx = spread(gy.astype(divisors.dtype) / divisors)
        return np.where(mask, gx, gx.dtype.type(0))

    return y, pullback


def _no_pullback(gy: Any) -> Array:
    raise NotImplementedError


def blur_pool(
    x: ArrayLike,
    filter_size: _Ints = 3,
    stride: _Ints = 2,
    *,
    axes: int | Sequence[int] | None = None,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "mirror",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Blur with a binomial filter, then subsample, along any 1 to 3 axes.

    ``y[i] = Σ C(f - 1, t) x[s i + t - (f - 1) // 2] / 2 ** (f - 1)``, along one axis after the
    other, with the f taps t of the filter, binomial coefficients C and the stride s.

    Parameters
    ----------
    x : array_like
        Input of any real type, any strides and byte order; it is not modified.
    filter_size : int or tuple of int
        Taps of the filter, from 2 to 7: 3 is (1, 2, 1) / 4. One number, or one for each axis.
    stride : int or tuple of int
        Every stride-th blurred element is kept.
    axes : int or sequence of int, optional
        The axes to pool, in the order of the other arguments. None: the last ones, as many as these
        have entries; where they are ints, all axes of x if it has at most 3.
    channels_last : bool
        Pool the axes before the last one instead. Not together with `axes`.
    padding_mode : {"mirror", "reflect", "nearest", "wrap", "constant"}
        What the filter reads beyond the border, with SciPy's names: ``dcb|abcd|cba``,
        ``cba|abcd|dcb``, ``aaa|abcd|ddd``, ``bcd|abcd|abc``; with "constant" it reads zeros, so
        that the result gets darker there.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. The weights of the others are those of the rest, in
        proportion. A window without any gives NaN where the result is floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        x's shape with the pooled axes of length ``ceil(n / stride)``; x's dtype, float64 for
        integers. There are ``(filter_size - 1) // 2`` elements of padding before an axis, and
        ``filter_size // 2`` after it.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or a pooled axis is empty.

    See Also
    --------
    max_blur_pool2d : A maximum before the blur.
    polyphase_pool2d : Consistent under circular shifts without any blur.

    Notes
    -----
    16-bit floats are added up in float32, integers in float64. The gradient of a 16-bit float is
    rounded once.

    References
    ----------
    Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019.

    Examples
    --------
    >>> import cpool
    >>> cpool.blur_pool([0.0, 0.0, 4.0, 0.0, 0.0, 8.0])
    array([0., 2., 2.])
    >>> cpool.blur_pool([[0, 4], [0, 8]], 2, (1, 2), axes=(0, 1), padding_mode="constant")
    array([[3.],
           [2.]])
    """
    options = Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _blur(x, filter_size, stride, padding_mode, options)[0]


def blur_pool1d(
    x: ArrayLike,
    filter_size: _Ints = 3,
    stride: _Ints = 2,
    *,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "mirror",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Blur with a binomial filter, then subsample, along the last axis.

    ``y[i] = Σ C(f - 1, t) x[s i + t - (f - 1) // 2] / 2 ** (f - 1)``, with the f taps t of the
    filter, binomial coefficients C and the stride s.

    Parameters
    ----------
    x : array_like
        Input (..., W), or with `channels_last` (..., W, C); not modified.
    filter_size : int
        Taps of the filter, from 2 to 7.
    stride : int
        Every stride-th blurred element is kept.
    channels_last : bool
        Pool the axis before the last one.
    padding_mode : {"mirror", "reflect", "nearest", "wrap", "constant"}
        What the filter reads beyond the border, as in `blur_pool`; with "constant", zeros.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. See `blur_pool`.
    dtype : dtype, optional
        Type of the result.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into.

    Returns
    -------
    ndarray
        x's shape with ``ceil(W / stride)`` in place of W; x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or the pooled axis is empty.

    See Also
    --------
    blur_pool : The same along any axes, with notes.

    References
    ----------
    Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019.

    Examples
    --------
    >>> import cpool
    >>> cpool.blur_pool1d([0.0, 0.0, 4.0, 0.0, 0.0, 8.0])
    array([0., 2., 2.])
    """
    options = Options(None, channels_last, 1, nan_policy, where, dtype, out)
    return _blur(x, filter_size, stride, padding_mode, options)[0]


def blur_pool2d(
    x: ArrayLike,
    filter_size: _Ints = 3,
    stride: _Ints = 2,
    *,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "mirror",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Blur with a binomial filter, then subsample, along the last two axes.

    ``y[i] = Σ C(f - 1, t) x[s i + t - (f - 1) // 2] / 2 ** (f - 1)``, along one axis after the
    other, with the f taps t of the filter, binomial coefficients C and the stride s.

    Parameters
    ----------
    x : array_like
        Input (..., H, W), or with `channels_last` (..., H, W, C); not modified.
    filter_size : int or tuple of int
        Taps of the filter, from 2 to 7; one number, or one for each axis.
    stride : int or tuple of int
        Every stride-th blurred element is kept.
    channels_last : bool
        Pool the two axes before the last one.
    padding_mode : {"mirror", "reflect", "nearest", "wrap", "constant"}
        What the filter reads beyond the border, as in `blur_pool`; with "constant", zeros.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. See `blur_pool`.
    dtype : dtype, optional
        Type of the result.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into.

    Returns
    -------
    ndarray
        x's shape with ``ceil(H / stride)`` and ``ceil(W / stride)`` in place of H and W; x's dtype,
        float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or a pooled axis is empty.

    See Also
    --------
    blur_pool : The same along any axes, with notes.

    References
    ----------
    Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.zeros((4, 4), np.float32)
    >>> x[2, 2] = 16
    >>> cpool.blur_pool2d(x)
    array([[0., 0.],
           [0., 4.]], dtype=float32)
    """
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _blur(x, filter_size, stride, padding_mode, options)[0]


def blur_pool3d(
    x: ArrayLike,
    filter_size: _Ints = 3,
    stride: _Ints = 2,
    *,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "mirror",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Blur with a binomial filter, then subsample, along the last three axes.

    ``y[i] = Σ C(f - 1, t) x[s i + t - (f - 1) // 2] / 2 ** (f - 1)``, along one axis after the
    other, with the f taps t of the filter, binomial coefficients C and the stride s.

    Parameters
    ----------
    x : array_like
        Input (..., D, H, W), or with `channels_last` (..., D, H, W, C); not modified.
    filter_size : int or tuple of int
        Taps of the filter, from 2 to 7; one number, or one for each axis.
    stride : int or tuple of int
        Every stride-th blurred element is kept.
    channels_last : bool
        Pool the three axes before the last one.
    padding_mode : {"mirror", "reflect", "nearest", "wrap", "constant"}
        What the filter reads beyond the border, as in `blur_pool`; with "constant", zeros.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. See `blur_pool`.
    dtype : dtype, optional
        Type of the result.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into.

    Returns
    -------
    ndarray
        x's shape with ``ceil(n / stride)`` for each n of D, H and W; x's dtype, float64 for
        integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or a pooled axis is empty.

    See Also
    --------
    blur_pool : The same along any axes, with notes.

    References
    ----------
    Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> cpool.blur_pool3d(np.ones((5, 8, 8)), 5, (1, 2, 4)).shape
    (5, 4, 2)
    """
    options = Options(None, channels_last, 3, nan_policy, where, dtype, out)
    return _blur(x, filter_size, stride, padding_mode, options)[0]


def _with_pullback(function: Callable[..., Any], rank: int) -> Callable[..., Any]:
    signature = inspect.signature(function)

    def with_pullback(*args: Any, **kwargs: Any) -> tuple[Array, Pullback]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        filtering = [given.pop(name) for name in ("x", "filter_size", "stride", "padding_mode")]
        return _blur(*filtering, Options(**given, rank=rank), True)

    with_pullback.__signature__ = signature  # type: ignore[attr-defined]
    return with_pullback


def _blur_work(
    x: Array, filter_size: Any, stride: Any, padding_mode: Any, rank: int, **given: Any
) -> Work:
    """The filter's weights are products of one for each axis."""
    options = Options(rank=rank, **given)
    blur = _checked_blur(x, filter_size, stride, padding_mode, options)
    taps = tuple(len(weights) for weights in blur.weights)
    counts = blur.windows.output_shape([x.shape[axis] for axis in blur.places])
    work = counting.of_separable(x.shape, blur.places, taps, counts)
    return replace(work, read=counting.size_of(options.where))


def _windows(
    filter_size: Any, stride: Any, rank: int, axes: Any = None, **_: Any
) -> list[Windows]:
    """Those of the filter, on as many axes as are known."""
    sizes = _filter_sizes(filter_size)
    if not isinstance(sizes, tuple):
        sizes = (sizes,) * (rank or len(axes if isinstance(axes, tuple) else (0,)))
    return [sliding(sizes, stride, tuple(((size - 1) // 2, size // 2) for size in sizes))]


for _rank, _function in enumerate((blur_pool, blur_pool1d, blur_pool2d, blur_pool3d)):
    _function._vjp = _with_pullback(_function, _rank)  # type: ignore[attr-defined]
    counted(_function, partial(_blur_work, rank=_rank))
    reads(_function, partial(_windows, rank=_rank))


# Maximum, then blur -------------------------------------------------------------------------------


def max_blur_pool2d(
    x: ArrayLike,
    kernel_size: _Ints = 2,
    stride: _Ints = 2,
    filter_size: _Ints = 3,
    *,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "mirror",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Maximum of every window, then blur and subsample.

    ``y = blur(m)``, of `blur_pool2d`, with ``m[i, j] = max(x[i : i + k, j : j + k])`` for the
    `kernel_size` k.

    Max pooling with a stride is a maximum of every window, of which some are kept. Here the maxima
    are blurred before that, so that a small shift of the input changes little.

    Parameters
    ----------
    x : array_like
        Input (..., H, W), or with `channels_last` (..., H, W, C); not modified.
    kernel_size : int or tuple of int
        Size of the windows of the maximum, which has stride 1 and no padding.
    stride : int or tuple of int
        Every stride-th blurred maximum is kept.
    filter_size : int or tuple of int
        Taps of the binomial filter, from 2 to 7.
    channels_last : bool
        Pool the two axes before the last one.
    padding_mode : {"mirror", "reflect", "nearest", "wrap", "constant"}
        What the filter reads beyond the border of the maxima, as in `blur_pool`; with "constant",
        zeros.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A maximum of nothing does not exist
        for the blur.
    dtype : dtype, optional
        Type of the result.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into.

    Returns
    -------
    ndarray
        x's shape with ``ceil((n - kernel_size + 1) / stride)`` for each n of H and W: for 2 and 2,
        the half of H and W. x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or a window does not fit into x.

    See Also
    --------
    blur_pool2d : Without the maximum.

    Notes
    -----
    The gradient is that of the blur, brought to the first maximum of each window.

    References
    ----------
    Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.zeros((1, 8))
    >>> x[0, 3] = 4.0
    >>> cpool.max_blur_pool2d(x, (1, 2), (1, 2))
    array([[0., 3., 1., 0.]])
    >>> cpool.max_pool2d(x, (1, 2))
    array([[0., 4., 0., 0.]])
    """
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _max_blur(x, kernel_size, (filter_size, stride, padding_mode), options, False)[0]


def _max_blur(
    x: Any, kernel_size: Any, filtering: tuple[Any, ...], options: Options, differentiable: bool
) -> tuple[Array, Pullback]:
    x = arrays.as_input(x)
    dtype, mask = gradient_dtype(x), _present(x, options)
    wide = widened(x) if differentiable else x
    # Integers cannot say that a window is empty.
    made = np.float64 if mask is not None and x.dtype.kind in "biu" else None
    given = {"channels_last": options.channels_last, "where": mask,
             "nan_policy": "raise" if options.nan_policy == "raise" else "propagate"}  # fmt: skip
    there, scatter = None, _no_pullback
    if mask is not None:
        there = max_pool2d(mask, kernel_size, 1, channels_last=options.channels_last)
    if differentiable:
        maxima, scatter = vjp(max_pool2d, wide, kernel_size, 1, dtype=made, **given)
    else:
        maxima = max_pool2d(wide, kernel_size, 1, dtype=made, **given)
    asked = dtype if options.dtype is None else options.dtype
    outer = options.replace(where=there, nan_policy="propagate", dtype=asked, out=None)
    y, spread = _blur(maxima, *filtering, outer, differentiable)

    def pullback(gy: Any) -> Array:
        return rounded(scatter(spread(gy)), dtype)

    return stored(y, y.dtype, options.out, x, options.where), pullback


def _max_blur_vjp(
    x: Any, kernel_size: Any = 2, stride: Any = 2, filter_size: Any = 3, *,
    channels_last: Any = False, padding_mode: Any = "mirror", nan_policy: Any = "propagate",
    where: Any = None, dtype: Any = None, out: Any = None,
) -> tuple[Array, Pullback]:  # fmt: skip
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _max_blur(x, kernel_size, (filter_size, stride, padding_mode), options, True)


def _max_blur_work(
    x: Array, kernel_size: Any, stride: Any, filter_size: Any, padding_mode: Any,
    channels_last: Any, where: Any, **_: Any,
) -> Work:  # fmt: skip
    """A maximum at each place, and the blur of these."""
    options = Options(channels_last=channels_last, rank=2, where=where)
    maxima = counting.of_pooling(x, Max(), sliding(kernel_size, 1), options)
    made = counting.stand_in(maxima.output_shape, gradient_dtype(x))
    given = {"channels_last": channels_last, "nan_policy": "propagate"}
    blur = _blur_work(made, filter_size, stride, padding_mode, 2, **given)
    return counting.in_order(maxima, blur)


max_blur_pool2d._vjp = _max_blur_vjp  # type: ignore[attr-defined]
counted(max_blur_pool2d, _max_blur_work)
reads(
    max_blur_pool2d,
    lambda kernel_size, **given: [sliding(kernel_size, 1), *_windows(rank=2, **given)],
)
