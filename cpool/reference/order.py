"""Order statistics: each window's value in terms of NumPy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from cpool.reference import pooling

Array = pooling.Array

_SELECTING = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")


def _real(values: Array) -> Array:
    """Elements as numbers that NumPy sorts and adds up: 16-bit floats are not."""
    return values if values.dtype.kind in "iub" else values.astype(float)


def _take(values: Array, rank: int) -> Array:
    """The elements of a rank, or NaN, which is sorted behind all others, where there is one."""
    ordered = np.sort(_real(values), axis=-1)
    last = ordered[..., -1]
    return np.where(last != last, last, ordered[..., rank])


def _median(values: Array, axis: int) -> Array:
    return np.median(_real(values), axis)


def _quantile(values: Array, axis: int, q: float, method: str = "linear") -> Array:
    """The place of the quantile is that among the numbers 0, 1, ..., n - 1."""
    place = float(np.quantile(np.arange(values.shape[-1], dtype=float), q, method=method))
    low, share = int(place), place % 1
    if method in _SELECTING or share == 0:
        y = _take(values, low)
        return y if method in _SELECTING else y.astype(float)
    low, high = _take(values, low).astype(float), _take(values, low + 1).astype(float)
    return np.where(low == high, low, (1 - share) * low + share * high)


def _rank(values: Array, axis: int, rank: int) -> Array:
    return _take(values, rank)


def _trimmed_mean(values: Array, axis: int, cut: float = 0.1) -> Array:
    count = values.shape[-1]
    out = int(cut * count)
    mean = np.sort(_real(values), -1)[..., out : count - out].mean(-1)
    return np.where((values != values).any(-1), np.nan, mean)


def _mode(values: Array, axis: int, ties: str = "smallest", ignore: float | None = None) -> Array:
    if ignore is not None and values.dtype.kind in "iub" and not _holds(values.dtype, ignore):
        raise ValueError(f"ignore is no {values.dtype}: {ignore}")
    numbers = _real(values)  # of 16-bit floats too, NumPy then finds the unique ones
    chosen = [_mode_of(window, ties, ignore) for window in numbers]
    return np.take_along_axis(values, np.array(chosen, int)[:, None], -1)[:, 0]


def _holds(dtype: np.dtype, value: float) -> bool:
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return low <= float(value) <= high and low <= int(value) <= high and int(value) == value


def _mode_of(window: Array, ties: str, ignore: float | None) -> int:
    """Where the first element is that equals the most frequent one."""
    unique, first, counts = np.unique(window, return_index=True, return_counts=True)
    if ignore is not None and len(unique) > 1:
        counts[(unique == ignore) | ((unique != unique) & (ignore != ignore))] = 0
    best = np.flatnonzero(counts == counts.max())
    return first[best].min() if ties == "first" else first[best[0]]


def _order(elements: Any, dtype: Any, *, function: Callable[..., Array],
           selects: Callable[..., bool], **own: Any):
    """An operator (see `pooling`) of a function of windows."""
    kept = elements.x.dtype
    natural = kept if kept.kind not in "iub" or selects(**own) else np.dtype(float)
    missing = np.zeros((), bool)
    if "rank" in own:
        count, rank = elements.count(elements.exists), own["rank"]
        missing = (count <= rank) | (count < -rank)

    def of(values, axis):
        if "rank" in own and not -values.shape[-1] <= own["rank"] < values.shape[-1]:
            return values[..., 0]
        return function(values, axis, **own)

    values, present, _, _ = pooling._generic(elements, dtype, function=of)
    return values, present & ~missing, natural, None


def _named(stem: str, function: Callable[..., Array],
           selects: Callable[..., bool] = lambda **own: False) -> dict[str, Any]:
    """The sliding, adaptive and global functions of an operator, for all ranks."""
    operate = functools.partial(_order, function=function, selects=selects)
    own = list(inspect.signature(function).parameters)[2:]

    def sliding(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, *, axes=None,
                **options):
        return pooling._slide(x, operate, kernel_size, stride, padding, dilation, ceil_mode,
                              axes=axes, **options)

    def adaptive(x, output_size, *, axes=None, **options):
        return pooling._adapt(x, operate, output_size, axes=axes, **options)

    def whole(x, *, axes=None, channels_last=False, **options):
        return pooling._whole(x, operate, axes=axes, channels_last=channels_last, **options)

    names = {}
    for form, prefix in ((sliding, ""), (adaptive, "adaptive_"), (whole, "global_")):
        form.__name__ = form.__qualname__ = f"{prefix}{stem}"
        form.__doc__ = f"`{stem}` ({', '.join(own) or 'no arguments of its own'}), see `max_pool`."
        names[form.__name__] = form
        ranked = pooling._ranked(form) if form is not whole else []
        names |= {each.__name__: each for each in ranked}
    return names


def _always(**own: Any) -> bool:
    return True


def _by_method(q: float, method: str = "linear") -> bool:
    return method in _SELECTING


_NAMES = {
    **_named("median_pool", _median),
    **_named("quantile_pool", _quantile, _by_method),
    **_named("rank_pool", _rank, _always),
    **_named("trimmed_mean_pool", _trimmed_mean),
    **_named("mode_pool", _mode, _always),
}

globals().update(_NAMES)
__all__ = list(_NAMES)
