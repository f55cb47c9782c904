"""Fractional pooling, plane by plane and window by window."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cpool.reference import pooling

Array = NDArray[Any]
Rng = int | np.random.Generator | None


def fractional_bounds(
    n: int, kernel_size: int | None, count: int, sample: Any
) -> list[tuple[int, int]]:
    """First element of each of `count` windows of an axis, and the element behind its last.

    With a `kernel_size` PyTorch's windows; without one, windows one after the other. Computed in
    the sample's type.
    """
    real = type(sample)
    room, steps = (n, count) if kernel_size is None else (n - kernel_size, count - 1)
    starts = []
    for i in range(count):
        if kernel_size is not None and i == count - 1:
            starts.append(n - kernel_size)
        else:
            step = real(room) / real(steps)
            starts.append(int((real(i) + sample) * step) - int(sample * step))
    if kernel_size is None:
        return list(zip(starts, [*starts[1:], n], strict=True))
    return [(start, start + kernel_size) for start in starts]


def seeded(rng: Rng) -> np.random.Generator:
    """The generator of one call: Philox, with an int for its seed, or a key that was drawn."""
    if isinstance(rng, np.random.Generator):
        key = rng.integers(0, 2**64, size=2, dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key))
    return np.random.Generator(np.random.Philox(rng))


def _fractional(
    x: ArrayLike, mean: bool, rank: int, kernel_size: Any, output_size: Any, output_ratio: Any,
    samples: Any, rng: Rng, overlapping: bool, channels_last: bool, *,
    nan_policy: str = "propagate", where: ArrayLike | None = None, dtype: Any = None,
) -> tuple[Array, NDArray[np.int64]]:  # fmt: skip
    x = pooling._array(x)
    natural = np.dtype(float) if mean and x.dtype.kind in "biu" else x.dtype
    exists = np.broadcast_to(True if where is None else np.asarray(where, bool), x.shape)
    if nan_policy == "omit":
        exists = exists & (x == x)
    if channels_last:
        x, exists = (np.moveaxis(array, -1, -1 - rank) for array in (x, exists))
    lead, lengths = x.shape[:-rank], x.shape[-rank:]

    def per_axis(value: Any) -> Any:
        return value if isinstance(value, tuple | list) else [value] * rank

    if output_size is None:
        ratios = per_axis(output_ratio)
        output_size = [int(n * r) for n, r in zip(lengths, ratios, strict=True)]
    counts, kernel = per_axis(output_size), per_axis(kernel_size if overlapping else None)
    if samples is None:
        samples = seeded(rng).random((*lead, rank))
    elif rank == 2:
        samples = np.asarray(samples)[..., ::-1]  # PyTorch: width, height
    samples = np.asarray(samples).reshape(*lead, rank)
    places = np.arange(np.prod(lengths, dtype=int)).reshape(lengths)
    values = np.zeros((*lead, *counts), float if mean else x.dtype)
    indices = np.full(values.shape, -1)
    for plane in np.ndindex(*lead):
        bounds = [
            fractional_bounds(*each)
            for each in zip(lengths, kernel, counts, samples[plane], strict=True)
        ]
        for cell in itertools.product(*map(range, counts)):
            window = tuple(slice(*bounds[i][o]) for i, o in enumerate(cell))
            there = exists[plane][window]
            elements = x[plane][window][there]
            if nan_policy == "raise" and (elements != elements).any():
                raise ValueError("a window of x holds a NaN")
            if elements.size:
                first = np.argmax(elements)  # NumPy's too is the first NaN, if there is one
                values[plane + cell] = elements.astype(float).mean() if mean else elements[first]
                indices[plane + cell] = places[window][there][first]
    dtype = natural if dtype is None else np.dtype(dtype)
    if (indices < 0).any() and dtype.kind in "biu":
        raise ValueError(f"a window holds no element that exists, and {dtype} has no NaN")
    values = pooling._converted(values, dtype)
    if dtype.kind not in "biu":
        values[indices < 0] = np.nan
    if channels_last:
        values, indices = (np.moveaxis(each, -1 - rank, -1) for each in (values, indices))
    return values, indices


def fractional_max_pool2d(x: ArrayLike, kernel_size: Any, output_size: Any = None,
                          output_ratio: Any = None, return_indices: bool = False,
                          _random_samples: Any = None, *, rng: Rng = None,
                          overlapping: bool = True, channels_last: bool = False,
                          **options: Any) -> Any:
    """Maxima of windows at random distances over the last two axes; `options` as `max_pool`."""
    pooled = _fractional(x, False, 2, kernel_size, output_size, output_ratio, _random_samples,
                         rng, overlapping, channels_last, **options)
    return pooled if return_indices else pooled[0]


def fractional_max_pool3d(x: ArrayLike, kernel_size: Any, output_size: Any = None,
                          output_ratio: Any = None, return_indices: bool = False,
                          _random_samples: Any = None, *, rng: Rng = None,
                          overlapping: bool = True, channels_last: bool = False,
                          **options: Any) -> Any:
    """Maxima of windows at random distances over the last three axes; `options` as `max_pool`."""
    pooled = _fractional(x, False, 3, kernel_size, output_size, output_ratio, _random_samples,
                         rng, overlapping, channels_last, **options)
    return pooled if return_indices else pooled[0]


def fractional_avg_pool2d(x: ArrayLike, kernel_size: Any, output_size: Any = None,
                          output_ratio: Any = None, _random_samples: Any = None, *,
                          rng: Rng = None, overlapping: bool = True,
                          channels_last: bool = False, **options: Any) -> Array:
    """Means of windows at random distances over the last two axes; `options` as `max_pool`."""
    return _fractional(x, True, 2, kernel_size, output_size, output_ratio, _random_samples, rng,
                       overlapping, channels_last, **options)[0]


def fractional_avg_pool3d(x: ArrayLike, kernel_size: Any, output_size: Any = None,
                          output_ratio: Any = None, _random_samples: Any = None, *,
                          rng: Rng = None, overlapping: bool = True,
                          channels_last: bool = False, **options: Any) -> Array:
    """Means of windows at random distances over the last three axes; `options` as `max_pool`."""
    return _fractional(x, True, 3, kernel_size, output_size, output_ratio, _random_samples, rng,
                       overlapping, channels_last, **options)[0]


__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "fractional_avg_pool2d",
    "fractional_avg_pool3d",
]
