"""Several poolings of one input, joined: spatial pyramids, and the fast one of YOLO."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays, counting
from cpool.alternatives.common import (
    channel_axis,
    counted,
    differentiable,
    present,
    reads,
    refuse_missing,
    rounded,
    widened,
)
from cpool.arrays import Options
from cpool.draws import Rng
from cpool.functional import max_pool2d
from cpool.levels import pyramid
from cpool.pooling import as_reduction, check_given, pool, vjp
from cpool.reductions import Max
from cpool.reductions.base import Pullback, Reduction, Work, gradient_dtype
from cpool.results import stored
from cpool.windows import sliding

if TYPE_CHECKING:
    from cpool.windows import Windows, _Ints

__all__ = ["spatial_pyramid_pool", "sppf"]

Array = NDArray[Any]

# Spatial pyramid ----------------------------------------------------------------------------------


def spatial_pyramid_pool(
    x: ArrayLike,
    levels: Sequence[int] = (1, 2, 4),
    *,
    reduction: str | Reduction = "max",
    rng: Rng = None,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Pool into grids of several sizes, and join all cells to one vector of a fixed length.

    ``max(x[⌊i H / l⌋ : ⌈(i + 1) H / l⌉, ⌊j W / l⌋ : ⌈(j + 1) W / l⌉])`` is cell (i, j) of level l,
    or another reduction of the same elements.

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
    rng : None, int or numpy.random.Generator
        For a reduction that draws ("stochastic") only: an int gives the same result at each call, a
        Generator is advanced once. Levels are drawn one after the other.
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
        If a level is less than 1 or there is none, x has less than 3 axes, a pooled axis is empty,
        or `rng` is given where nothing is drawn.

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
    channel_axis(x, channels_last)  # there is one
    return pool(
        x, reduction, pyramid(levels), channels_last=channels_last, nan_policy=nan_policy,
        where=where, rng=rng, dtype=dtype, out=out,
    )  # fmt: skip


def _spatial_pyramid_vjp(
    x: Any, levels: Any, reduction: Any, channels_last: Any, **options: Any
) -> tuple[Array, Pullback]:
    x = arrays.as_input(x)
    channel_axis(x, channels_last)
    return pool._vjp(  # type: ignore[attr-defined]
        x, reduction, pyramid(levels), channels_last=channels_last, **options
    )


def _spatial_pyramid_work(
    x: Array, levels: Any, reduction: Any, rng: Any, channels_last: Any, where: Any, **_: Any
) -> Work:
    channel_axis(x, channels_last)
    options, windows = Options(channels_last=channels_last, where=where), pyramid(levels)
    reduction = as_reduction(reduction)
    check_given(reduction, windows, {"rng": rng})
    return counting.of_pooling(x, reduction, windows, options)


differentiable(spatial_pyramid_pool, _spatial_pyramid_vjp)
counted(spatial_pyramid_pool, _spatial_pyramid_work)
reads(spatial_pyramid_pool, "whose cells differ in size")

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

    ``y = (x, m(x), m(m(x)), ...)`` with ``m(x)[i] = max(x[i - (k - 1) // 2 : i + k // 2 + 1])``
    along each axis, for the `kernel_size` k.

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


def _sppf_windows(kernel_size: Any, repeats: int, **_: Any) -> list[Windows]:
    sizes = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    return [sliding(sizes, 1, "same")] * repeats


def _sppf_work(
    x: Array, kernel_size: Any, repeats: Any, channels_last: Any, where: Any, **_: Any
) -> Work:
    """The chained maxima. Joining them is no operation."""
    times, axis = _repeats(repeats), channel_axis(x, channels_last)
    options = Options(channels_last=channels_last, rank=2, where=where)
    one = counting.of_pooling(x, Max(), sliding(kernel_size, 1, "same"), options)
    shape = list(one.output_shape)
    shape[axis] *= 1 + times
    return replace(
        one, output_shape=tuple(shape), formula=times * one.formula, kernels=times * one.kernels
    )


differentiable(sppf, _sppf_vjp)
counted(sppf, _sppf_work)
reads(sppf, _sppf_windows)
