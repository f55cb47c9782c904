"""Mixed, gated and S3 pooling, from the maxima and means of the reference."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cpool.reference import pooling
from cpool.reference.fractional import Rng, seeded

Array = NDArray[Any]

_NUMPY_MODES = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}


def _natural(x: ArrayLike) -> np.dtype:
    dtype = np.asarray(x).dtype
    return np.dtype(float) if dtype.kind in "biu" else dtype.newbyteorder("=")


def _mixture(x: ArrayLike, share: Any, sizes: Any, dtype: Any, options: Any) -> Array:
    kernel_size, stride, padding, dilation, ceil_mode = sizes
    top = pooling.max_pool(x, *sizes, dtype=float, **options)
    mean = pooling.avg_pool(x, kernel_size, stride, padding, ceil_mode, False,
                            dilation=dilation, dtype=float, **options)
    return _mixed(x, share, top, mean, dtype)


def _mixed(x: ArrayLike, share: Any, top: Array, mean: Array, dtype: Any) -> Array:
    with np.errstate(invalid="ignore"):
        y = np.where(share == 1, top, np.where(share == 0, mean, share * top + (1 - share) * mean))
    return pooling._converted(y, _natural(x) if dtype is None else np.dtype(dtype))


def mixed_pool(x: ArrayLike, kernel_size: Any, stride: Any = None, padding: Any = 0,
               dilation: Any = 1, ceil_mode: bool = False, *, alpha: ArrayLike = 0.5,
               axes: Any = None, dtype: Any = None, **options: Any) -> Array:
    """alpha times the maximum and 1 - alpha times the mean; other parameters as `max_pool`."""
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _mixture(x, np.asarray(alpha), sizes, dtype, {**options, "axes": axes})


def adaptive_mixed_pool(x: ArrayLike, output_size: Any, *, alpha: ArrayLike = 0.5,
                        axes: Any = None, dtype: Any = None, **options: Any) -> Array:
    """The mixture of each of `output_size` windows that cover `x`, see `mixed_pool`."""
    given = {**options, "axes": axes, "dtype": float}
    top = pooling.adaptive_max_pool(x, output_size, **given)
    return _mixed(x, np.asarray(alpha), top, pooling.adaptive_avg_pool(x, output_size, **given),
                  dtype)


def global_mixed_pool(x: ArrayLike, *, alpha: ArrayLike = 0.5, axes: Any = None,
                      channels_last: bool = False, dtype: Any = None, **options: Any) -> Array:
    """The mixture over `axes`, see `mixed_pool`."""
    given = {**options, "axes": axes, "channels_last": channels_last, "dtype": float}
    top, mean = pooling.global_max_pool(x, **given), pooling.global_avg_pool(x, **given)
    return _mixed(x, np.asarray(alpha), top, mean, dtype)


def gated_pool(x: ArrayLike, kernel_size: Any, stride: Any = None, padding: Any = 0,
               dilation: Any = 1, ceil_mode: bool = False, *, weight: ArrayLike, bias: float = 0,
               axes: Any = None, dtype: Any = None, **options: Any) -> Array:
    """As `mixed_pool`, with the logistic function of ``sum(weight * window) + bias`` for alpha."""
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    z = _products(np.asarray(x), np.asarray(weight), sizes, axes, **options) + bias
    with np.errstate(invalid="ignore"):
        gate = np.exp(-np.logaddexp(0, -z))
    return _mixture(x, gate, sizes, dtype, {**options, "axes": axes})


def _products(x: Array, weight: Array, sizes: Any, axes: Any, *, channels_last: bool = False,
              padding_mode: str = "constant", nan_policy: str = "propagate", where: Any = None,
              out: Any = None) -> Array:
    """The sum of weight times each window; what does not exist is 0."""
    kernel_size, stride, padding, dilation, ceil_mode = sizes
    axes = pooling._pooled_axes(x.ndim, kernel_size, axes, channels_last)
    rank = len(axes)
    x = x.astype(float)
    if where is not None:
        x = np.where(where, x, 0)
    if nan_policy == "omit":
        x = np.nan_to_num(x, nan=0, posinf=np.inf, neginf=-np.inf)
    kernel, dilation = pooling._counts(kernel_size, rank), pooling._counts(dilation, rank)
    stride = kernel if stride is None else pooling._counts(stride, rank)
    x = np.moveaxis(x, axes, range(-rank, 0))
    outputs = []
    for i, pad in enumerate(pooling._paddings(padding, rank)):
        reach = (kernel[i] - 1) * dilation[i] + 1
        count, before, after = pooling._outputs_and_padding(
            x.shape[i - rank], reach, stride[i], pad, ceil_mode
        )
        outputs.append(count)
        around, beyond = [(0, 0)] * x.ndim, [(0, 0)] * x.ndim
        around[i - rank], beyond[i - rank] = (before, after), (0, reach)
        mode = _NUMPY_MODES.get(padding_mode, "constant")
        x = np.pad(np.pad(x, around, mode), beyond)
    y = np.empty((*x.shape[:-rank], *outputs))
    last = tuple(range(-rank, 0))
    for cell in itertools.product(*map(range, outputs)):
        window = tuple(
            slice(o * s, o * s + (k - 1) * d + 1, d)
            for o, s, k, d in zip(cell, stride, kernel, dilation, strict=True)
        )
        y[(..., *cell)] = (weight * x[(..., *window)]).sum(last)
    return np.moveaxis(y, last, axes)


def s3_pool(x: ArrayLike, kernel_size: Any, stride: Any = None, *, grid_size: Any = 2,
            rng: Rng = None, training: bool = True, dilation: Any = 1, axes: Any = None,
            channels_last: bool = False, **options: Any) -> Array:
    """Maxima at stride 1, of which random rows and columns of each cell of the grid are kept."""
    y = pooling.max_pool(x, kernel_size, 1, "same", dilation, axes=axes,
                         channels_last=channels_last, **options)
    axes = pooling._pooled_axes(y.ndim, kernel_size, axes, channels_last)
    grids = pooling._counts(grid_size, len(axes))
    strides = grids if stride is None else pooling._counts(stride, len(axes))
    generator = seeded(rng)
    if not training:
        return pooling.avg_pool(y, tuple(strides), ceil_mode=True, axes=axes)
    for axis, grid, step in sorted(zip(axes, grids, strides, strict=True)):
        n = y.shape[axis]
        kept: list[int] = []
        for first, keys in zip(range(0, n, grid), generator.random((-(-n // grid), grid)),
                               strict=True):  # fmt: skip
            cell = range(first, min(first + grid, n))
            share = -(-len(cell) // step)
            kept += sorted(sorted(cell, key=lambda i: keys[i - first])[:share])
        y = y.take(kept, axis)
    return y


mixed_pool1d, mixed_pool2d, mixed_pool3d = pooling._ranked(mixed_pool)
adaptive_mixed_pool1d, adaptive_mixed_pool2d, adaptive_mixed_pool3d = (
    pooling._ranked(adaptive_mixed_pool)
)
gated_pool1d, gated_pool2d, gated_pool3d = pooling._ranked(gated_pool)
s3_pool1d, s3_pool2d, s3_pool3d = pooling._ranked(s3_pool)

__all__ = [name for name in globals() if "pool" in name and name not in ("pooling",)]
