"""Regions of interest: boxes of planes, bin by bin."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from cpool.reference import pooling

__all__ = ["roi_align", "roi_pool"]

Array = NDArray[Any]
Box = tuple[int, Array]


def _each_box(boxes: ArrayLike | Sequence[ArrayLike]) -> list[Box]:
    """(number of the image, x1 y1 x2 y2), in float32 if the boxes are, else in float64."""
    if isinstance(boxes, list | tuple) and not all(np.shape(row) == (5,) for row in boxes):
        pairs = [(i, row) for i, rows in enumerate(boxes) for row in np.asarray(rows)]
        corners = [np.asarray(rows) for rows in boxes if len(rows)]
    else:
        pairs = [(int(row[0]), row[1:]) for row in np.asarray(boxes).reshape(-1, 5)]
        corners = [np.asarray(boxes)]
    single = all(c.dtype.name in ("float16", "bfloat16", "float32") for c in corners)
    real = np.float32 if single else np.float64
    return [(i, np.asarray(row).astype(real)) for i, row in pairs]


def _pair(output_size: int | Sequence[int]) -> tuple[int, int]:
    sizes = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    rows, columns = (operator.index(size) for size in sizes)
    return rows, columns


def _planes(x: ArrayLike, channels_last: bool) -> Array:
    """(N, C, H, W)"""
    x = np.asarray(x)
    return np.moveaxis(x, 3, 1) if channels_last else x


def _is_float(x: Array) -> bool:
    return x.dtype.kind == "f" or x.dtype.name == "bfloat16"


def roi_align(
    x: ArrayLike,
    boxes: ArrayLike | Sequence[ArrayLike],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
    *,
    reduction: str = "mean",
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: Any = None,
) -> Array:
    """Boxes (K, 5), or a list of (K_i, 4), cut into bins, which are the mean or the maximum of
    samples that are interpolated linearly between elements."""
    if nan_policy == "omit":
        raise ValueError("a sample lies between elements and needs all of them")
    x, counts = _planes(x, channels_last), _pair(output_size)
    function = {"mean": np.mean, "max": np.max}[reduction]
    found = [(image, _samples(corners, spatial_scale, counts, sampling_ratio, aligned))
             for image, corners in _each_box(boxes)]  # fmt: skip
    y = np.zeros((len(found), x.shape[1], *counts))
    for k, (image, (rows, columns)) in enumerate(found):
        for p, q in np.ndindex(*counts):
            if rows[p].size and columns[q].size:
                samples = _interpolated(x[image], rows[p], columns[q])
                y[k, :, p, q] = function(samples, axis=(1, 2))
    if nan_policy == "raise" and np.isnan(y).any():
        raise ValueError("a bin of x reads a NaN")
    natural = x.dtype.newbyteorder("=") if _is_float(x) else np.float64
    y = pooling._converted(y, np.dtype(natural if dtype is None else dtype))
    return np.moveaxis(y, 1, 3) if channels_last else y


def _samples(corners, scale, counts, ratio, aligned) -> Iterator[list[Array]]:
    """The places of the samples of each bin, along the rows and along the columns."""
    real = corners.dtype.type
    x1, y1, x2, y2 = corners * real(scale) - real(0.5 if aligned else 0)
    for start, end, count in ((y1, y2, counts[0]), (x1, x2, counts[1])):
        length = end - start if aligned else max(end - start, real(1))
        size = length / real(count)
        n = ratio if ratio > 0 else max(math.ceil(size), 0)
        each = (np.arange(n).astype(real) + real(0.5)) * size / real(n or 1)
        yield [start + real(p) * size + each for p in range(count)]


def _interpolated(planes: Array, rows: Array, columns: Array) -> Array:
    """Samples of (C, H, W) at rows x columns; 0 where they are more than one element outside."""
    c, h, w = planes.shape
    down, across = rows.astype(float), columns.astype(float)
    inside = np.outer((down >= -1) & (down <= h), (across >= -1) & (across <= w))
    each = (np.arange(c), np.clip(down, 0, h - 1), np.clip(across, 0, w - 1))
    places = np.meshgrid(*each, indexing="ij")
    return np.where(inside, map_coordinates(planes.astype(float), places, order=1), 0.0)


def roi_pool(
    x: ArrayLike,
    boxes: ArrayLike | Sequence[ArrayLike],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: Any = None,
) -> Array:
    """Boxes (K, 5), or a list of (K_i, 4), rounded to elements and cut into bins of elements, of
    which the maximum is taken; 0 for a bin without any that exists."""
    exists = np.broadcast_to(True if where is None else np.asarray(where, bool), np.shape(x))
    if nan_policy == "omit":
        exists = exists & ~np.isnan(np.asarray(x).astype(float))
    exists = _planes(exists, channels_last)
    x, counts = _planes(x, channels_last), _pair(output_size)
    found = [(image, _elements(corners, spatial_scale, counts, x.shape[2:]))
             for image, corners in _each_box(boxes)]  # fmt: skip
    y = np.zeros((len(found), x.shape[1], *counts), x.dtype.newbyteorder("="))
    for k, (image, (rows, columns)) in enumerate(found):
        for p, q in np.ndindex(*counts):
            values, there = (a[image][:, rows[p], columns[q]] for a in (x, exists))
            for c, (some, of_some) in enumerate(zip(values, there, strict=True)):
                if of_some.any():
                    y[k, c, p, q] = some[of_some].max()
    if nan_policy == "raise" and np.isnan(y.astype(float)).any():
        raise ValueError("a bin of x reads a NaN")
    y = pooling._converted(y, y.dtype if dtype is None else np.dtype(dtype))
    return np.moveaxis(y, 1, 3) if channels_last else y


def _elements(corners, scale, counts, lengths) -> Iterator[list[slice]]:
    """The rows of each bin, and the columns."""
    real = corners.dtype.type
    x1, y1, x2, y2 = (_round(value) for value in corners * real(scale))
    for start, end, count, n in ((y1, y2, counts[0], lengths[0]), (x1, x2, counts[1], lengths[1])):
        size = real(max(end - start + 1, 1)) / real(count)
        bounds = [(math.floor(real(p) * size), math.ceil(real(p + 1) * size)) for p in range(count)]
        yield [slice(*np.clip([start + lo, start + hi], 0, n)) for lo, hi in bounds]


def _round(value) -> int:
    """Half away from zero."""
    whole, rest = int(value), float(value) - int(value)
    return whole + (rest >= 0.5) - (rest <= -0.5)
