"""Several poolings of one input, joined: spatial pyramids, and the fast one of YOLO."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays
from cpool.alternatives.common import (
    channel_axis,
    differentiable,
    present,
    refuse_missing,
    rounded,
    widened,
)
from cpool.arrays import Options
from cpool.functional import max_pool2d
from cpool.pooling import pool, vjp
from cpool.reductions.base import Gradients, Pullback, Reduction, gradient_dtype, gradients_by
from cpool.results import stored
from cpool.windows import adaptive

if TYPE_CHECKING:
    from cpool.windows import _Ints

__all__ = ["spatial_pyramid_pool", "sppf"]

Array = NDArray[Any]

# Spatial pyramid ----------------------------------------------------------------------------------


def _levels(levels: Any) -> tuple[int, ...]:
    if not isinstance(levels, (tuple, list)):
        raise TypeError(f"levels must be a tuple of ints, got {levels!r}")
    if not levels:
        raise ValueError("levels must not be empty")
    for level in levels:
        if isinstance(level, (bool, np.bool_)) or not hasattr(type(level), "__index__"):
            raise TypeError(f"levels must be a tuple of ints, got {levels!r}")
        if operator.index(level) < 1:
            raise ValueError(f"levels must be at least 1, got {levels!r}")
    return tuple(map(operator.index, levels))


def _to_row(y: Array, channels_last: bool) -> Array:
    """Cells (..., C, l, l), or (..., l, l, C), as (..., C l l)."""
    y = np.moveaxis(y, -1, -3) if channels_last else y
    return y.reshape(*y.shape[:-3], y.shape[-3] * y.shape[-2] * y.shape[-1])


def _from_row(row: Array, shape: tuple[int, ...], channels_last: bool) -> Array:
    """The inverse, to cells of a shape."""
    if not channels_last:
        return row.reshape(shape)
    return np.moveaxis(row.reshape(*shape[:-3], shape[-1], *shape[-3:-1]), -3, -1)


def spatial_pyramid_pool(
    x: ArrayLike,
    levels: Sequence[int] = (1, 2, 4),
    *,
    reduction: str | Reduction = "max",
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Pool into grids of several sizes, and join all cells to one vector of a fixed length.

    Parameters
    ----------
    x : array_like
        Input (..., C, H, W), or with `channels_last` (..., H, W, C), of any real type; it is not
        modified.
    levels : tuple of int
        Cells along each axis of each grid: a level l has l × l cells, with the windows of adaptive
        pooling.
    reduction : str or Reduction
        What becomes of a cell: any that `pool` takes.
    channels_last : bool
        The channels are the last axis. The result is the same.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its cells NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A cell without any is what the reduction says: NaN
        for a maximum where the result is floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        (..., C · Σ l²): level after level in the order given, within a level channel by channel,
        and of each channel the cells in row-major order. The dtype is that of the reduction: x's
        for the maximum.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If a level is less than 1 or there is none, x has less than 3 axes, or a pooled axis is
        empty.

    See Also
    --------
    pool : One level.
    sppf : Pyramid of windows that keeps the size.

    Notes
    -----
    The gradient is the sum of the gradients of the levels.

    References
    ----------
    He, K., Zhang, X., Ren, S. and Sun, J. (2015). Spatial pyramid pooling in deep convolutional
    networks for visual recognition. IEEE Transactions on Pattern Analysis and Machine Intelligence
    37, 1904-1916.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(16).reshape(1, 4, 4)
    >>> cpool.spatial_pyramid_pool(x, (1, 2))
    array([15,  5,  7, 13, 15])
    """
    x = arrays.as_input(x)
    last = channel_axis(x, channels_last) == -1
    options = {"channels_last": channels_last, "nan_policy": nan_policy, "where": where,
               "dtype": dtype}  # fmt: skip
    cells = (pool(x, reduction, adaptive((each, each)), **options) for each in _levels(levels))
    y = np.concatenate([_to_row(y, last) for y in cells], axis=-1)
    return stored(y, y.dtype, out, x, where)


def _spatial_pyramid_vjp(
    x: Any, levels: Any = (1, 2, 4), *, reduction: Any = "max", channels_last: Any = False,
    nan_policy: Any = "propagate", where: Any = None, dtype: Any = None, out: Any = None,
) -> tuple[Array, Pullback]:  # fmt: skip
    x = arrays.as_input(x)
    last = channel_axis(x, channels_last) == -1
    rows, shapes, pullbacks = [], [], []
    for level in _levels(levels):
        windows = adaptive((level, level))
        y, pullback = pool._vjp(  # type: ignore[attr-defined]
            widened(x), reduction, windows, channels_last=channels_last, nan_policy=nan_policy,
            where=where, dtype=dtype,
        )  # fmt: skip
        rows.append(_to_row(y, last))
        shapes.append(y.shape)
        pullbacks.append(gradients_by(pullback))
    y = np.concatenate(rows, axis=-1)
    natural, y_shape = gradient_dtype(x), y.shape
    if dtype is None and natural.itemsize < 4:
        y = rounded(y, natural)
    ends = np.cumsum([row.shape[-1] for row in rows])[:-1]

    def summed(name: str, gy: Any) -> Any:
        gy = arrays.checked_gradient(gy, y_shape)
        gradient = 0
        for part, shape, by in zip(np.split(gy, ends, axis=-1), shapes, pullbacks, strict=True):
            gradient += by[name](_from_row(part, shape, last))
        return rounded(gradient, natural) if name == "x" else gradient

    # Also by what the reduction can be differentiated by.
    by = {name: partial(summed, name) for name in pullbacks[0]}
    return stored(y, y.dtype, out, x, where), Gradients(**by)


spatial_pyramid_pool._vjp = _spatial_pyramid_vjp  # type: ignore[attr-defined]

# SPPF ---------------------------------------------------------------------------------------------


def _repeats(repeats: Any) -> int:
    if isinstance(repeats, (bool, np.bool_)) or not hasattr(type(repeats), "__index__"):
        raise TypeError(f"repeats must be an int, got {repeats!r}")
    if operator.index(repeats) < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats!r}")
    return operator.index(repeats)


def _native(x: Array) -> Array:
    return x.astype(x.dtype.newbyteorder("="), copy=False)


def sppf(
    x: ArrayLike,
    kernel_size: _Ints = 5,
    repeats: int = 3,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Maxima over larger and larger windows, joined along the channels with the input.

    The input is max pooled with stride 1 and as much padding as keeps its size, the result again,
    and so on. With an odd kernel size k, r poolings one after the other are one with windows of
    r (k - 1) + 1: for the defaults 5, 9 and 13.

    Parameters
    ----------
    x : array_like
        Input (..., C, H, W), or with `channels_last` (..., H, W, C), of any real type; it is not
        modified.
    kernel_size : int or tuple of int
        Size of the windows. The odd element of padding of an even one is at the end.
    repeats : int
        How many times to pool.
    channels_last : bool
        The channels are the last axis, also of the result.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. One that does not is NaN in the part of the result
        that is x, and so is a window without any; where the result is not floating that is a
        ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        (..., (1 + repeats) C, H, W), or (..., H, W, (1 + repeats) C), of x's dtype: x, then pooled
        once, twice, ...

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, x has less than 3 axes, or a pooled axis is empty.

    See Also
    --------
    spatial_pyramid_pool : Pyramid of a fixed length.

    Notes
    -----
    The gradient goes back through the poolings one by one, to the first maximum of each window.
    Where the maximum of a large window is attained more than once it may thus go to another one of
    these than that of pooling with the large window.

    References
    ----------
    He, K., Zhang, X., Ren, S. and Sun, J. (2015). Spatial pyramid pooling in deep convolutional
    networks for visual recognition. IEEE Transactions on Pattern Analysis and Machine Intelligence
    37, 1904-1916.

    Jocher, G. (2020). YOLOv5 by Ultralytics. doi:10.5281/zenodo.3908559. (The chained form.)

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[[0, 1, 0, 0, 2, 0]]])
    >>> cpool.sppf(x, (1, 3), 2)
    array([[[0, 1, 0, 0, 2, 0]],
    <BLANKLINE>
           [[1, 1, 1, 2, 2, 2]],
    <BLANKLINE>
           [[1, 1, 2, 2, 2, 2]]])
    """
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _sppf(x, kernel_size, repeats, options)[0]


def _sppf(
    x: Any, kernel_size: Any, repeats: Any, options: Options, with_pullback: bool = False
) -> tuple[Array, Pullback]:
    """The result, and its pullback if that is asked for: level after level."""
    x = arrays.as_input(x)
    last, repeats = options.channels_last, _repeats(repeats)
    axis, mask = channel_axis(x, last), present(x, options)
    natural, dtype = x.dtype.newbyteorder("="), gradient_dtype(x)
    asked = natural if options.dtype is None else arrays.as_dtype(options.dtype)
    level = _native(widened(x) if with_pullback else x)
    there = mask
    if mask is not None:
        refuse_missing(asked)
        level = np.where(mask, level, gradient_dtype(level).type(np.nan))
    levels, pullbacks = [level], []
    for _ in range(repeats):
        window = (levels[-1], kernel_size, 1, "same")
        given = {"channels_last": last, "where": there}
        if with_pullback:
            y, pullback = vjp(max_pool2d, *window, **given)
            pullbacks.append(pullback)
        else:
            y = max_pool2d(*window, **given)
        if there is not None:
            there = max_pool2d(there, *window[1:], channels_last=last)
        levels.append(y)
    y = np.concatenate(levels, axis=axis)
    if options.dtype is None:
        y = y.astype(natural, copy=False)
    y_shape = y.shape

    def pullback_of_all(gy: Any) -> Array:
        parts = np.split(arrays.checked_gradient(gy, y_shape), len(pullbacks) + 1, axis=axis)
        gradient = parts.pop()
        for pullback in reversed(pullbacks):
            gradient = pullback(gradient)
            gradient += parts.pop()
        return rounded(gradient if mask is None else np.where(mask, gradient, 0), dtype)

    return stored(y, asked, options.out, x, options.where), pullback_of_all


def _sppf_vjp(
    x: Any, kernel_size: Any, repeats: Any, **options: Any
) -> tuple[Array, Pullback]:
    return _sppf(x, kernel_size, repeats, Options(rank=2, **options), True)


differentiable(sppf, _sppf_vjp)
