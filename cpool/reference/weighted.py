"""Means with weights that are functions: of a second array, or of the elements themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import correlate1d

from cpool.reference import means, pooling

Array = pooling.Array


def lip_pool(x: ArrayLike, logits: ArrayLike, kernel_size: pooling.Ints,
             stride: pooling.Ints | None = None, padding: pooling.Padding = 0,
             dilation: pooling.Ints = 1, ceil_mode: bool = False, **options: Any) -> Array:
    """`avg_pool` with weights exp(logits), of which none may be NaN; parameters as `max_pool`."""
    return pooling.avg_pool(x, kernel_size, stride, padding, ceil_mode, dilation=dilation,
                            weights=_exponentials(logits), **options)


def _exponentials(logits: ArrayLike) -> Array:
    logits = np.asarray(logits, float)
    return np.exp(logits - logits.max(initial=np.finfo(float).min))


def adaptive_lip_pool(x: ArrayLike, logits: ArrayLike, output_size: pooling.Sizes,
                      **options: Any) -> Array:
    """Means of `output_size` windows that cover `x`, see `lip_pool`."""
    return pooling.adaptive_avg_pool(x, output_size, weights=_exponentials(logits), **options)


def global_lip_pool(x: ArrayLike, logits: ArrayLike, **options: Any) -> Array:
    """The mean over `axes`, see `lip_pool`."""
    return pooling.global_avg_pool(x, weights=_exponentials(logits), **options)


lip_pool1d, lip_pool2d, lip_pool3d = pooling._ranked(lip_pool)
adaptive_lip_pool1d, adaptive_lip_pool2d, adaptive_lip_pool3d = pooling._ranked(adaptive_lip_pool)


# Detail-preserving pooling ------------------------------------------------------------------------


def detail_preserving_pool(x: ArrayLike, kernel_size: pooling.Ints,
                           stride: pooling.Ints | None = None, padding: pooling.Padding = 0,
                           dilation: pooling.Ints = 1, ceil_mode: bool = False, *,
                           axes: pooling.Axes = None, channels_last: bool = False,
                           alpha: float = 0.0, lam: float = 1.0, symmetric: bool = True,
                           eps: float = 1e-3, where: ArrayLike | None = None,
                           nan_policy: str = "propagate", **options: Any) -> Array:
    """Σ w x / Σ w with w = alpha + √(d² + eps²)^lam, d = x − s, or max(x − s, 0) if not symmetric.

    s is the mean of the window in x blurred by (1, 2, 1) / 4 along each pooled axis, of what
    exists. Other parameters as `max_pool`.
    """
    pooled = pooling._pooled_axes(np.ndim(x), kernel_size, axes, channels_last)
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    given = {"axes": axes, "channels_last": channels_last}
    mode = {name: options[name] for name in ("padding_mode",) if name in options}

    def check(x, **how):
        pooling.max_pool(x, *sizes, **how, **given, **mode)

    def slide(x, mean, **how):
        return pooling._slide(x, mean, *sizes, **how, **given, **options)

    return _detailed(x, pooled, slide, check, alpha, lam, symmetric, eps, where, nan_policy)


def adaptive_detail_preserving_pool(x: ArrayLike, output_size: pooling.Sizes, *,
                                    axes: pooling.Axes = None, channels_last: bool = False,
                                    alpha: float = 0.0, lam: float = 1.0, symmetric: bool = True,
                                    eps: float = 1e-3, where: ArrayLike | None = None,
                                    nan_policy: str = "propagate", **options: Any) -> Array:
    """Means of `output_size` windows that cover `x`, see `detail_preserving_pool`."""
    pooled = pooling._pooled_axes(np.ndim(x), output_size, axes, channels_last)
    given = {"axes": axes, "channels_last": channels_last}

    def check(x, **how):
        pooling.adaptive_max_pool(x, output_size, **how, **given)

    def adapt(x, mean, **how):
        return pooling._adapt(x, mean, output_size, **how, **given, **options)

    return _detailed(x, pooled, adapt, check, alpha, lam, symmetric, eps, where, nan_policy)


def global_detail_preserving_pool(x: ArrayLike, *, axes: pooling.Axes = None,
                                  channels_last: bool = False, alpha: float = 0.0,
                                  lam: float = 1.0, symmetric: bool = True, eps: float = 1e-3,
                                  where: ArrayLike | None = None, nan_policy: str = "propagate",
                                  **options: Any) -> Array:
    """The mean over `axes`, see `detail_preserving_pool`."""
    pooled = axes
    if axes is None:
        pooled = range(1, np.ndim(x) - 1) if channels_last else range(2, np.ndim(x))
    given = {"axes": axes, "channels_last": channels_last}

    def check(x, **how):
        pooling.global_max_pool(x, **how, **given)

    def whole(x, mean, **how):
        return pooling._whole(x, mean, **how, **given, **options)

    return _detailed(x, np.atleast_1d(pooled), whole, check, alpha, lam, symmetric, eps, where,
                     nan_policy)


def _detailed(x: ArrayLike, pooled: Any, fold: Any, check: Any, alpha: float, lam: float,
              symmetric: bool, eps: float, where: Any, nan_policy: str) -> Array:
    x = pooling._array(x)
    exists = np.broadcast_to(True if where is None else np.asarray(where), x.shape)
    if nan_policy == "omit":
        exists = exists & (x == x)
    if nan_policy == "raise":
        check(x, where=where, nan_policy="raise", dtype=float)

    def blurred(array):
        for axis in pooled:
            array = correlate1d(array.astype(float), [0.25, 0.5, 0.25], axis, mode="mirror")
        return array

    with np.errstate(all="ignore"):
        surroundings = blurred(np.where(exists, x, 0)) / blurred(exists)

    def mean(elements, dtype, *, beside):
        values, near = elements.x.astype(float), beside

        def of_window(numbers, axis):
            value, there = values[numbers], elements.exists[numbers]
            around = np.sum(near[numbers], axis, where=there) / np.sum(there, axis)
            d = value - np.expand_dims(around, axis)
            w = alpha + np.hypot(d if symmetric else np.maximum(d, 0), eps) ** lam
            return np.sum(w * value, axis, where=there) / np.sum(w, axis, where=there)

        present = elements.count(elements.exists) > 0
        natural = elements.x.dtype if elements.x.dtype.kind not in "iub" else np.dtype(float)
        return elements.fold(of_window), present, natural, None

    return fold(x, mean, where=exists, beside=surroundings)


(adaptive_detail_preserving_pool1d, adaptive_detail_preserving_pool2d,
 adaptive_detail_preserving_pool3d) = pooling._ranked(adaptive_detail_preserving_pool)
(detail_preserving_pool1d, detail_preserving_pool2d, detail_preserving_pool3d) = (
    pooling._ranked(detail_preserving_pool)
)


# Stochastic pooling -------------------------------------------------------------------------------


def _generator(rng: int | np.random.Generator | None) -> np.random.Generator:
    """That of one call: Philox, with an int for its seed, or a key that was drawn."""
    if isinstance(rng, np.random.Generator):
        key = rng.integers(0, 2**64, size=2, dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key))
    return np.random.Generator(np.random.Philox(rng))


def _chances(values: Array, there: Array) -> Array:
    """What the elements of each window are drawn in proportion to."""
    most = np.max(values, -1, where=there, initial=-np.inf, keepdims=True)
    positive = np.where(there & (values > 0), values, 0)
    chances = np.where(most >= 2.0**960, positive * 2.0**-64, positive)  # no sum overflows
    chances = np.where(most == np.inf, there & (values == np.inf), chances)
    chances = np.where(most > 0, chances, there)
    return np.where(np.isnan(most), there & np.isnan(values), chances)


def _numbers(elements: Any) -> Array:
    """The numbers of the elements of each window, along a last axis; −2 behind those of short ones.
    """
    taps = int(elements.fold(lambda i, axis: np.full(i.shape[:axis], i.shape[axis])).max())
    row = np.dtype((np.void, 8 * taps))

    def as_one(numbers, axis):
        all_taps = np.full((*numbers.shape[:axis], taps), -2)
        all_taps[..., : numbers.shape[axis]] = numbers
        return all_taps.view(row)[..., 0]

    rows = elements.fold(as_one)
    return np.ascontiguousarray(rows).view(np.int64).reshape(*rows.shape, taps)


def _drawn(elements: Any, dtype: Any, *, rng: Any):
    numbers = _numbers(elements)
    taps = numbers.shape[-1]
    values, there = elements.x[numbers].astype(float), elements.exists[numbers]
    chances = _chances(values, there)
    sums = np.cumsum(chances, -1)
    target = _generator(rng).random(sums.shape[:-1]) * sums[..., -1]
    target = np.where((there & np.isnan(values)).any(-1), 0, target)  # the first NaN
    before = np.concatenate([np.zeros_like(sums[..., :1]), sums[..., :-1]], -1)
    fits = (chances > 0) & (before <= target[..., None])
    last = taps - 1 - fits[..., ::-1].argmax(-1)
    drawn = np.take_along_axis(numbers, last[..., None], -1)[..., 0]
    return elements.x[drawn], there.any(-1), elements.x.dtype, None


def _expected(values: Array, axis: int) -> Array:
    positive = np.where(values < 0, 0, values)
    total = positive.sum(axis)
    mean = np.where(total == 0, values.mean(axis), (positive * positive).sum(axis) / total)
    return np.where(total == np.inf, np.inf, mean)


def _operate(elements: Any, dtype: Any, *, rng: Any, training: bool):
    if training:
        return _drawn(elements, dtype, rng=rng)
    return means._mean(elements, dtype, function=_expected, empty=np.nan)


Rng = int | np.random.Generator | None


def stochastic_pool(x: ArrayLike, kernel_size: pooling.Ints, stride: pooling.Ints | None = None,
                    padding: pooling.Padding = 0, dilation: pooling.Ints = 1,
                    ceil_mode: bool = False, *, axes: pooling.Axes = None, rng: Rng = None,
                    training: bool = True, **options: Any) -> Array:
    """An element of each window, drawn with p = max(x, 0) / Σ max(x, 0), uniformly if that is 0.

    There is a random number u for each element of the result, in row-major order of its axes, those
    that are not pooled first; the element is the first one at which the sum of the chances so far
    exceeds u times the sum of all. ``training=False``: Σ px. Other parameters as `max_pool`.
    """
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return pooling._slide(x, _operate, *sizes, axes=axes, rng=rng, training=training, **options)


def adaptive_stochastic_pool(x: ArrayLike, output_size: pooling.Sizes, *,
                             axes: pooling.Axes = None, rng: Rng = None, training: bool = True,
                             **options: Any) -> Array:
    """An element of each of `output_size` windows that cover `x`, see `stochastic_pool`."""
    return pooling._adapt(x, _operate, output_size, axes=axes, rng=rng, training=training,
                          **options)


def global_stochastic_pool(x: ArrayLike, *, axes: pooling.Axes = None,
                           channels_last: bool = False, rng: Rng = None, training: bool = True,
                           **options: Any) -> Array:
    """An element drawn from `axes`, see `stochastic_pool`."""
    return pooling._whole(x, _operate, axes=axes, channels_last=channels_last, rng=rng,
                          training=training, **options)


stochastic_pool1d, stochastic_pool2d, stochastic_pool3d = pooling._ranked(stochastic_pool)
adaptive_stochastic_pool1d, adaptive_stochastic_pool2d, adaptive_stochastic_pool3d = (
    pooling._ranked(adaptive_stochastic_pool)
)

__all__ = [name for name in globals() if "pool" in name and name[0] != "_" and name != "pooling"]
