"""Pyramids, blurring, polyphase sampling, spectral, Haar's and attention pooling.

`x` is any real array, of which the last axes are pooled, or with ``channels_last=True`` those
before the last one. Floating results are computed in float64 and given back in x's type.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

from cpool.reference import pooling, weighted
from cpool.reference.pooling import max_pool2d

Array = NDArray[Any]
Ints = int | Sequence[int]

__all__ = [
    "spatial_pyramid_pool",
    "sppf",
    "blur_pool",
    "blur_pool1d",
    "blur_pool2d",
    "blur_pool3d",
    "max_blur_pool2d",
    "polyphase_pool1d",
    "polyphase_pool2d",
    "spectral_pool1d",
    "spectral_pool2d",
    "haar_pool1d",
    "haar_pool2d",
    "haar_pool3d",
    "attention_pool",
]

_FUNCTIONS = {"max": np.max, "min": np.min, "sum": np.sum, "mean": np.mean}


def _float_type(x: Array) -> np.dtype:
    return x.dtype if x.dtype.kind == "f" or x.dtype.name == "bfloat16" else np.dtype(float)


def _axes(x: Array, rank: int, channels_last: bool) -> list[int]:
    end = x.ndim - bool(channels_last)
    if end < rank:
        raise ValueError(f"{rank} axes cannot be pooled of {x.ndim}")
    return list(range(end - rank, end))


def _each(value: Any, rank: int) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value] * rank


def spatial_pyramid_pool(x: ArrayLike, levels: Sequence[int] = (1, 2, 4), *,
                         reduction: str | Callable[..., Any] = "max",
                         rng: weighted.Rng = None, channels_last: bool = False,
                         **options: Any) -> Array:
    """Cells of grids of l × l, level by level, channel by channel, row by row.

    `reduction` is "max", "min", "sum", "mean", "stochastic" (whose levels are drawn one after the
    other) or, without `options` (those of `adaptive_max_pool`), a ``function(values, axis=)``.
    """
    if reduction == "stochastic":
        options["rng"] = weighted._generator(rng)
    if options:
        return _joined(x, levels, _ADAPTIVE[reduction], channels_last=channels_last, **options)
    x = np.asarray(x)
    x = np.moveaxis(x, -1, -3) if channels_last else x
    function = _FUNCTIONS.get(reduction, reduction)
    height, width = x.shape[-2:]
    cells = []
    for level in levels:
        of_level = []
        for i, j in itertools.product(range(level), repeat=2):
            rows = slice(i * height // level, -(-(i + 1) * height // level))
            columns = slice(j * width // level, -(-(j + 1) * width // level))
            of_level.append(function(x[..., rows, columns], axis=(-2, -1)))
        of_level = np.stack(of_level, axis=-1)
        cells.append(of_level.reshape(*x.shape[:-3], -1))
    return np.concatenate(cells, axis=-1)


_ADAPTIVE = {"max": pooling.adaptive_max_pool2d, "min": pooling.adaptive_min_pool2d,
             "sum": pooling.adaptive_sum_pool2d, "mean": pooling.adaptive_avg_pool2d,
             "stochastic": weighted.adaptive_stochastic_pool2d}


def _joined(x: ArrayLike, levels: Sequence[int], function: Callable[..., Any], *,
            channels_last: bool, **options: Any) -> Array:
    rows = []
    for level in levels:
        cells = function(x, level, channels_last=channels_last, **options)
        cells = np.moveaxis(cells, -1, -3) if channels_last else cells
        rows.append(cells.reshape(*cells.shape[:-3], -1))
    return np.concatenate(rows, axis=-1)


def sppf(x: ArrayLike, kernel_size: Ints = 5, repeats: int = 3, *,
         channels_last: bool = False, where: ArrayLike | None = None, dtype: Any = None,
         **options: Any) -> Array:
    """x, pooled once, pooled twice, ..., joined along the channels; `options` as `max_pool`."""
    options["dtype"] = np.asarray(x).dtype if dtype is None else dtype
    there = _there(x, where, options.get("nan_policy"))
    levels = [max_pool2d(x, 1, where=where, **options)]
    for _ in range(repeats):
        given = (kernel_size, 1, "same")
        levels.append(max_pool2d(levels[-1], *given, where=there, channels_last=channels_last,
                                 dtype=options["dtype"]))
        there = max_pool2d(there, *given, channels_last=channels_last)
    return np.concatenate(levels, axis=-1 if channels_last else -3)


def _there(x: ArrayLike, where: ArrayLike | None, nan_policy: str | None) -> Array:
    """Which elements exist; a ValueError for a NaN among them, if that is asked for."""
    there = np.broadcast_to(True if where is None else np.asarray(where, bool), np.shape(x))
    nans = there & np.isnan(np.asarray(x).astype(float))
    if nan_policy == "raise" and nans.any():
        raise ValueError("x has a NaN")
    return there & ~nans if nan_policy == "omit" else there


def _result(y: Array, x: Array, dtype: Any) -> Array:
    """In the type that is asked for, else x's, float64 for integers."""
    return pooling._converted(y, _float_type(x) if dtype is None else np.dtype(dtype))


def blur_pool(x: ArrayLike, filter_size: Ints = 3, stride: Ints = 2, *,
              axes: pooling.Axes = None, channels_last: bool = False, padding_mode: str = "mirror",
              nan_policy: str = "propagate", where: ArrayLike | None = None,
              dtype: Any = None) -> Array:
    """Correlate with a row of Pascal's triangle, then keep every stride-th element.

    What exists is correlated, and divided by the sum of its weights; those of constant padding
    count, but not where there is nothing else.
    """
    x = np.asarray(x)
    sizes = filter_size if isinstance(filter_size, tuple | list) else stride
    axes = pooling._pooled_axes(x.ndim, sizes, axes, channels_last)
    there = np.broadcast_to(True if where is None else np.asarray(where, bool), x.shape)
    sizes = _each(filter_size, len(axes)), _each(stride, len(axes))
    nans = there & np.isnan(x.astype(float))
    if nan_policy == "raise" and _correlated(nans, *sizes, axes, padding_mode).any():
        raise ValueError("a NaN in a window")
    if nan_policy == "omit":
        there = there & ~nans
    sums = _correlated(np.where(there, x.astype(float), 0), *sizes, axes, padding_mode)
    share = _correlated(there, *sizes, axes, padding_mode)
    padding = 1 - _correlated(np.ones(x.shape), *sizes, axes, padding_mode)
    with np.errstate(invalid="ignore"):
        y = np.where(share > 0, sums / np.where(share > 0, share + padding, 1), np.nan)
    return pooling._converted(y, _float_type(x) if dtype is None else np.dtype(dtype))


def _correlated(x: Array, sizes: Any, strides: Any, axes: Any, padding_mode: str) -> Array:
    y = x.astype(float)
    for axis, size, step in zip(axes, sizes, strides, strict=True):
        weights = np.poly1d([0.5, 0.5]) ** (size - 1)
        # SciPy would have the odd element before the centre.
        origin = -1 if size % 2 == 0 else 0
        y = correlate1d(y, weights.coeffs, axis, mode=padding_mode, cval=0.0, origin=origin)
        y = np.moveaxis(np.moveaxis(y, axis, 0)[::step], 0, axis)
    return y


def _blur(rank: int) -> Callable[..., Array]:
    def blurred(x, filter_size=3, stride=2, *, channels_last=False, padding_mode="mirror",
                **options):
        axes = _axes(np.asarray(x), rank, channels_last)
        return blur_pool(x, filter_size, stride, axes=axes, padding_mode=padding_mode, **options)

    blurred.__name__ = blurred.__qualname__ = f"blur_pool{rank}d"
    blurred.__doc__ = f"`blur_pool` over the last {rank} axes, or those before the last one."
    return blurred


blur_pool1d, blur_pool2d, blur_pool3d = map(_blur, (1, 2, 3))


def max_blur_pool2d(x: ArrayLike, kernel_size: Ints = 2, stride: Ints = 2, filter_size: Ints = 3, *,
                    channels_last: bool = False, padding_mode: str = "mirror",
                    nan_policy: str = "propagate", where: ArrayLike | None = None,
                    dtype: Any = None) -> Array:
    """The maximum of every window, blurred, of which every stride-th is kept."""
    x = np.asarray(x)
    there = np.broadcast_to(True if where is None else np.asarray(where, bool), x.shape)
    if nan_policy == "omit":
        there = there & ~np.isnan(x.astype(float))
    given = {"channels_last": channels_last}
    maxima = max_pool2d(x, kernel_size, 1, where=where, nan_policy=nan_policy, dtype=float, **given)
    some = max_pool2d(there, kernel_size, 1, **given)
    return blur_pool2d(maxima, filter_size, stride, padding_mode=padding_mode, where=some,
                       dtype=_float_type(x) if dtype is None else dtype, **given)



def _polyphase(x: Array, there: Array, stride: Ints, norm_type: float,
               axes: Sequence[int]) -> tuple[Array, Array]:
    """The component of the largest norm of one example, and what exists of it."""
    strides = _each(stride, len(axes))
    for axis, step in zip(axes, strides, strict=True):
        missing = [(0, 0)] * x.ndim
        missing[axis] = (0, -x.shape[axis] % step)
        x, there = (np.pad(array, missing, mode="wrap") for array in (x, there))
    best, largest = None, -1.0
    for phase in itertools.product(*map(range, strides)):
        index = [slice(None)] * x.ndim
        for axis, first, step in zip(axes, phase, strides, strict=True):
            index[axis] = slice(first, None, step)
        component, exists = x[tuple(index)], there[tuple(index)]
        norm = np.linalg.norm(component[exists].astype(float).ravel(), norm_type)
        if norm > largest or (np.isnan(norm) and not np.isnan(largest)):
            best, largest = (component, exists), norm
    return best


def polyphase_pool1d(x: ArrayLike, stride: Ints = 2, *, norm_type: float = 2,
                     channels_last: bool = False, **options: Any) -> Array:
    """Every stride-th element, from the start that has the largest norm over all channels.

    What does not exist (`where`, `nan_policy`) is in no norm, and NaN.
    """
    return _polyphase_batch(np.asarray(x), stride, norm_type, channels_last, 1, **options)


def polyphase_pool2d(x: ArrayLike, stride: Ints = 2, *, norm_type: float = 2,
                     channels_last: bool = False, **options: Any) -> Array:
    """Every stride-th row and column, from the start that has the largest norm."""
    return _polyphase_batch(np.asarray(x), stride, norm_type, channels_last, 2, **options)


def _polyphase_batch(x, stride, norm_type, channels_last, rank, *, nan_policy="propagate",
                     where=None, dtype=None):
    there = _there(x, where, nan_policy)
    single = x.ndim <= rank + 1
    pairs = [(x, there)] if single else zip(x, there, strict=True)
    axes = _axes(x if single else x[0], rank, channels_last)
    chosen = [_polyphase(*pair, stride, norm_type, axes) for pair in pairs]
    y, exists = (np.stack(arrays) for arrays in zip(*chosen, strict=True))
    if not exists.all():
        y = np.where(exists, y, _float_type(y).type(np.nan))
    y = pooling._converted(y, x.dtype.newbyteorder("=") if dtype is None else np.dtype(dtype))
    return y[0] if single else y


def _low_frequencies(n: int, m: int) -> Array:
    """The matrix (m, n) that takes the frequencies up to m / 2 and scales by m / n."""
    place, source = np.arange(m)[:, None] / m, np.arange(n) / n
    matrix = np.zeros((m, n))
    for k in range(-(m // 2), m // 2 + 1):
        # The highest frequency of an even size is there with either sign: a half of each.
        half = 0.5 if 2 * abs(k) == m else 1.0
        there, back = np.exp(-2j * np.pi * k * source), np.exp(2j * np.pi * k * place)
        matrix += half * (back * there).real
    return matrix / n


def _spectral(x: ArrayLike, output_size: Any, channels_last: bool, rank: int, *,
              nan_policy: str = "propagate", dtype: Any = None) -> Array:
    if nan_policy == "omit":
        raise ValueError("a transform needs every element")
    _there(x, None, nan_policy)
    x = np.asarray(x)
    y = x.astype(float)
    for axis, m in zip(_axes(x, rank, channels_last), _each(output_size, rank), strict=True):
        m = x.shape[axis] if m is None else m
        y = np.moveaxis(np.moveaxis(y, axis, -1) @ _low_frequencies(x.shape[axis], m).T, -1, axis)
    return _result(y, x, dtype)


def spectral_pool1d(x: ArrayLike, output_size: Ints, *, channels_last: bool = False,
                    **options: Any) -> Array:
    """The low frequencies of the last axis."""
    return _spectral(x, output_size, channels_last, 1, **options)


def spectral_pool2d(x: ArrayLike, output_size: Ints, *, channels_last: bool = False,
                    **options: Any) -> Array:
    """The low frequencies of the last two axes."""
    return _spectral(x, output_size, channels_last, 2, **options)


def _haar(rank: int) -> Callable[..., Array]:
    def haar(x, *, channels_last=False, nan_policy="propagate", where=None, dtype=None):
        there, x = _there(x, where, nan_policy), np.asarray(x)
        sums, counts = np.where(there, x.astype(float), 0), there.astype(float)
        for axis in _axes(x, rank, channels_last):
            sums, counts = (_neighbours(array, axis) for array in (sums, counts))
        with np.errstate(invalid="ignore"):
            # What exists stands for the block: √2 times the mean along each axis.
            return _result(sums / counts * 2 ** (rank / 2), x, dtype)

    haar.__name__ = haar.__qualname__ = f"haar_pool{rank}d"
    haar.__doc__ = f"(a + b) / √2 of neighbours, along each of {rank} axes."
    return haar


def _neighbours(x: Array, axis: int) -> Array:
    """Sums of two."""
    lines = np.moveaxis(x, axis, 0)
    return np.moveaxis(lines[::2] + lines[1::2], 0, axis)


haar_pool1d, haar_pool2d, haar_pool3d = map(_haar, (1, 2, 3))


def attention_pool(x: ArrayLike, query: ArrayLike, *, axes: Ints | None = None,
                   channels_last: bool = False, nan_policy: str = "propagate",
                   where: ArrayLike | None = None, dtype: Any = None) -> Array:
    """Σ w x over the positions, w = softmax(x·query / √channels); the channels come last.

    A position of which some channel does not exist does not exist.
    """
    there = _there(x, where, nan_policy)
    x, query = np.asarray(x), np.asarray(query, dtype=float)
    if axes is None:
        axes = range(1, x.ndim - 1) if channels_last else range(2, x.ndim)
    axes = [axis % x.ndim for axis in ([axes] if isinstance(axes, int) else axes)]
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    order = (*rest[:-1], *axes, rest[-1])
    rows, there = x.astype(float).transpose(order), there.transpose(order)
    y = np.full([x.shape[axis] for axis in rest], np.nan)
    for outer in np.ndindex(*y.shape[:-1]):
        exists = there[outer].reshape(-1, len(query)).all(axis=1)
        example = rows[outer].reshape(-1, len(query))[exists]
        if len(example):
            scores = example @ query / np.sqrt(len(query))
            weights = np.exp(scores - scores.max())
            y[outer] = weights @ example / weights.sum()
    return _result(y, x, dtype)
