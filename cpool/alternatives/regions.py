"""Regions of interest: boxes of planes, each cut into a grid of bins, and each bin pooled."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cpool import arrays, bins
from cpool.reductions.base import Pullback, gradient_dtype

__all__ = ["roi_align", "roi_pool"]

MOST_SAMPLES = 1024  # of a bin, along each axis, where sampling_ratio says how many
FARTHEST = 2.0**30  # that a box may be away from its image, in elements


def roi_align(
    x: ArrayLike,
    boxes: ArrayLike | Sequence[ArrayLike],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
    *,
    reduction: str = "mean",
    channels_last: bool = False,
) -> np.ndarray:
    """Pool boxes of any size to one size, by samples between the elements.

    Each box is cut into ``output_size`` bins, and each bin sampled at equal distances, with
    bilinear interpolation. The value of a bin is the mean or the maximum of its samples.

    Parameters
    ----------
    x : array_like
        Images of shape (N, C, H, W), of any real type.
    boxes : array_like or list of array_like
        Shape (K, 5): the number of the image, and the box as x1, y1, x2, y2; or a list of N
        arrays of shape (K_i, 4), the boxes of each image. Coordinates are those of the columns (x)
        and rows (y) times 1 / `spatial_scale`. They may lie outside of the image.
    output_size : int or (int, int)
        Bins along the rows and along the columns of a box.
    spatial_scale : float
        What coordinates are multiplied with.
    sampling_ratio : int
        Samples of a bin along each axis, at most 1024; −1 or 0: as many as a bin is long, rounded
        up.
    aligned : bool
        True: an element is a square whose centre is half an element from its corner, as pixels of
        images are. False: coordinates are those of the elements, and boxes are at least one
        element wide and high.
    reduction : {"mean", "max"}
        Of the samples of a bin.
    channels_last : bool
        x has the shape (N, H, W, C).

    Returns
    -------
    ndarray
        Shape (K, C, bins, bins), or (K, bins, bins, C) with `channels_last`, in the order of the
        boxes. Its dtype is x's if that is floating, else float64. Samples more than one element
        outside of the image are 0 and are counted. A bin without samples is 0.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range; if a box is of no image of x, is NaN or infinite, or more
        than 2**30 elements away.

    See Also
    --------
    roi_pool : The maximum of the elements themselves.

    Notes
    -----
    Coordinates are computed in the type of the boxes: float32 for float16 to float32, else float64.
    Differentiable in x.

    References
    ----------
    K. He, G. Gkioxari, P. Dollár and R. Girshick, Mask R-CNN (2017).

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(36.0).reshape(1, 1, 6, 6)
    >>> cpool.roi_align(x, [[0, 1, 1, 5, 3]], (1, 2))
    array([[[[14., 16.]]]])
    >>> cpool.roi_align(x, [[[1, 1, 5, 3]]], (1, 2), aligned=True)
    array([[[[10.5, 12.5]]]])
    """
    x, planes, cut, maximum, last = _align(
        x, boxes, output_size, spatial_scale, sampling_ratio, aligned, reduction, channels_last
    )
    return bins.reduce(planes, cut, last, maximum).astype(gradient_dtype(x), copy=False)


def _roi_align_vjp(
    x: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: Any = 1.0,
    sampling_ratio: Any = -1,
    aligned: Any = False,
    *,
    reduction: Any = "mean",
    channels_last: Any = False,
) -> tuple[np.ndarray, Pullback]:
    x, planes, cut, maximum, last = _align(
        x, boxes, output_size, spatial_scale, sampling_ratio, aligned, reduction, channels_last
    )
    chosen = None
    y = bins.reduce(planes, cut, last, maximum, maximum)
    if maximum:
        y, chosen = y
    y = y.astype(gradient_dtype(x), copy=False)
    return y, _pullback(x, y.shape, cut, last, chosen)


roi_align._vjp = _roi_align_vjp  # type: ignore[attr-defined]


def roi_pool(
    x: ArrayLike,
    boxes: ArrayLike | Sequence[ArrayLike],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    *,
    channels_last: bool = False,
) -> np.ndarray:
    """Pool boxes of any size to one size: the maximum of the elements in each bin.

    Corners of boxes are rounded to elements, half away from zero, and belong to the box. Bins
    are rounded to elements too, outwards, so that neighbours may share some.

    Parameters
    ----------
    x : array_like
        Images of shape (N, C, H, W), of any real type.
    boxes : array_like or list of array_like
        Shape (K, 5): the number of the image, and the box as x1, y1, x2, y2; or a list of N
        arrays of shape (K_i, 4), the boxes of each image. Coordinates are those of the columns (x)
        and rows (y) times 1 / `spatial_scale`. They may lie outside of the image.
    output_size : int or (int, int)
        Bins along the rows and along the columns of a box.
    spatial_scale : float
        What coordinates are multiplied with.
    channels_last : bool
        x has the shape (N, H, W, C).

    Returns
    -------
    ndarray
        Shape (K, C, bins, bins), or (K, bins, bins, C) with `channels_last`, in the order of the
        boxes, and of x's dtype. A bin without elements, because it lies outside of the image, is 0.
        A NaN is larger than everything.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range; if a box is of no image of x, is NaN or infinite, or more
        than 2**30 elements away.

    See Also
    --------
    roi_align : Samples between the elements, without rounding.

    Notes
    -----
    Coordinates are computed in the type of the boxes: float32 for float16 to float32, else float64.
    Differentiable in x; the first of equals in a bin gets its gradient.

    References
    ----------
    R. Girshick, Fast R-CNN (2015).

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(36).reshape(1, 1, 6, 6)
    >>> cpool.roi_pool(x, [[0, 1, 1, 4, 2]], (1, 2))
    array([[[[14, 16]]]])
    """
    x, planes, cut, last = _cover(x, boxes, output_size, spatial_scale, channels_last)
    return bins.reduce(planes, cut, last, True).astype(x.dtype.newbyteorder("="), copy=False)


def _roi_pool_vjp(
    x: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: Any = 1.0,
    *,
    channels_last: Any = False,
) -> tuple[np.ndarray, Pullback]:
    x, planes, cut, last = _cover(x, boxes, output_size, spatial_scale, channels_last)
    y, chosen = bins.reduce(planes, cut, last, True, True)
    y = y.astype(x.dtype.newbyteorder("="), copy=False)
    return y, _pullback(x, y.shape, cut, last, chosen)


roi_pool._vjp = _roi_pool_vjp  # type: ignore[attr-defined]


def _pullback(
    x: np.ndarray, y_shape: tuple[int, ...], cut: bins.Boxes, last: bool, chosen: np.ndarray | None
) -> Pullback:
    shape, dtype = x.shape, gradient_dtype(x)
    summed = np.dtype(np.float64 if dtype == np.float64 else np.float32)

    def pullback(gy: Any) -> np.ndarray:
        gy = _plain(arrays.checked_gradient(gy, y_shape), summed)
        return bins.transpose(gy, cut, shape, last, chosen).astype(dtype, copy=False)

    return pullback


# --- geometry -------------------------------------------------------------------------------------


def _align(
    x: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: Any,
    sampling_ratio: Any,
    aligned: Any,
    reduction: Any,
    channels_last: Any,
) -> tuple[np.ndarray, np.ndarray, bins.Boxes, bool, bool]:
    """x, x as the kernels take it, what its boxes' bins read, whether the maximum, and where the
    channels are."""
    last = arrays.flag(channels_last, "channels_last")
    x, lengths = _images(x, last)
    counts = _output_size(output_size)
    ratio = _sampling_ratio(sampling_ratio)
    half = 0.5 if arrays.flag(aligned, "aligned") else 0.0
    maximum = _is_maximum(reduction)
    image, corners = _boxes(boxes, len(x))
    corners = _scaled(corners, spatial_scale) - corners.dtype.type(half)
    cut = bins.Boxes(image, len(x))
    for axis, (n, count) in enumerate(zip(lengths, counts, strict=True)):
        start, end = corners[:, 1 - axis], corners[:, 3 - axis]
        size = end - start if half else np.maximum(end - start, 1)
        cut.sample(axis, start, size / size.dtype.type(count), n, count, ratio, not maximum)
    single = gradient_dtype(x) != np.float64
    return x, _plain(x, np.dtype("f4" if single else "f8")), cut, maximum, last


def _cover(
    x: Any, boxes: Any, output_size: Any, spatial_scale: Any, channels_last: Any
) -> tuple[np.ndarray, np.ndarray, bins.Boxes, bool]:
    last = arrays.flag(channels_last, "channels_last")
    x, lengths = _images(x, last)
    counts = _output_size(output_size)
    image, corners = _boxes(boxes, len(x))
    real = corners.dtype.type
    corners = _rounded(_scaled(corners, spatial_scale))
    cut = bins.Boxes(image, len(x))
    for axis, (n, count) in enumerate(zip(lengths, counts, strict=True)):
        start, end = corners[:, 1 - axis, None], corners[:, 3 - axis, None]
        size = np.maximum(end - start + 1, 1).astype(real) / real(count)
        number = np.arange(count).astype(real)
        lo = np.floor(number * size).astype(np.int64) + start
        hi = np.ceil((number + 1) * size).astype(np.int64) + start
        cut.cover(axis, np.clip(lo, 0, n), np.clip(hi, 0, n), n)
    if x.dtype.kind in "iu" and x.dtype.itemsize == 8:
        return x, _plain(x, x.dtype.newbyteorder("=")), cut, last
    single = x.dtype.kind not in "biu" and gradient_dtype(x) != np.float64
    return x, _plain(x, np.dtype("f4" if single else "f8")), cut, last


def _scaled(corners: np.ndarray, spatial_scale: Any) -> np.ndarray:
    if isinstance(spatial_scale, (bool, np.bool_)) or not isinstance(spatial_scale, numbers.Real):
        raise TypeError(f"spatial_scale must be a real number, got {spatial_scale!r}")
    if not (math.isfinite(spatial_scale) and spatial_scale > 0):
        raise ValueError(f"spatial_scale must be positive and finite, got {spatial_scale!r}")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scaled = corners * corners.dtype.type(spatial_scale)
    wrong = ~(np.abs(scaled) <= FARTHEST).all(axis=1)
    if wrong.any():
        raise ValueError(
            "boxes must be finite and, times spatial_scale, from -2**30 to 2**30, got "
            f"{corners[wrong][0].tolist()}"
        )
    return scaled


def _rounded(values: np.ndarray) -> np.ndarray:
    """To integers, half away from zero."""
    whole = np.trunc(values)
    return (whole + np.sign(values) * (np.abs(values - whole) >= 0.5)).astype(np.int64)


# --- arguments ------------------------------------------------------------------------------------


def _plain(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Of this type, native and aligned; strides are as they were."""
    return np.require(array.astype(dtype, copy=False), requirements="A")


def _images(x: Any, last: bool) -> tuple[np.ndarray, tuple[int, int]]:
    """x, and the lengths of its planes."""
    x = arrays.as_input(x)
    layout = "(N, H, W, C)" if last else "(N, C, H, W)"
    if x.ndim != 4:
        raise ValueError(f"x must have the 4 axes {layout}, got shape {x.shape}")
    lengths = x.shape[1:3] if last else x.shape[2:]
    if 0 in lengths:
        raise ValueError(f"x must not be empty along H or W of {layout}, got shape {x.shape}")
    return x, lengths


def _output_size(value: Any) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) for n in pair):
        raise TypeError(f"output_size must be an int or two, got {value!r}")
    if len(pair) != 2:
        raise ValueError(f"output_size must be an int or two, got {value!r}")
    if not all(1 <= n <= FARTHEST for n in pair):
        raise ValueError(f"output_size must be from 1 to 2**30, got {value!r}")
    return int(pair[0]), int(pair[1])


def _sampling_ratio(value: Any) -> int:
    """0 where the boxes say how many samples."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"sampling_ratio must be an int, got {value!r}")
    if not -1 <= value <= MOST_SAMPLES:
        raise ValueError(
            f"sampling_ratio must be -1 or 0, for as many samples as a bin is long, or from 1 to "
            f"{MOST_SAMPLES}, got {value}"
        )
    return max(int(value), 0)


def _is_maximum(reduction: Any) -> bool:
    if not isinstance(reduction, str):
        raise TypeError(f'reduction must be "mean" or "max", got {reduction!r}')
    if reduction not in ("mean", "max"):
        raise ValueError(f'reduction must be "mean" or "max", got {reduction!r}')
    return reduction == "max"


def _boxes(boxes: Any, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The image of each box, int64, and x1, y1, x2, y2, float32 or float64."""
    if _is_list_of_images(boxes):
        return _boxes_of_images(boxes, images)
    table = arrays.as_input(boxes, "boxes")
    if table.size == 0 and table.ndim < 3:
        table = np.zeros((0, 5), table.dtype)
    if table.ndim != 2 or table.shape[1] != 5:
        raise ValueError(
            f"boxes must have the shape (K, 5), or be a list of an array of shape (K_i, 4) for "
            f"each image, got shape {table.shape}"
        )
    image = table[:, 0].astype(np.float64)
    wrong = ~((image >= 0) & (image < images) & (image == np.floor(image)))
    if wrong.any():
        raise ValueError(
            f"boxes must begin with the number of an image of x, an integer from 0 to "
            f"{images - 1}, got {image[wrong][0]:g}"
        )
    return image.astype(np.int64), _real(table[:, 1:])


def _is_list_of_images(boxes: Any) -> bool:
    """Not so is a list of rows of five numbers."""
    if not isinstance(boxes, (list, tuple)) or not boxes:
        return False
    return not all(np.ndim(row) == 1 and len(row) == 5 for row in boxes)


def _boxes_of_images(boxes: Any, images: int) -> tuple[np.ndarray, np.ndarray]:
    if len(boxes) != images:
        raise ValueError(
            f"boxes must be a list of an array for each of {images} images, got {len(boxes)}"
        )
    tables = []
    for i, given in enumerate(boxes):
        table = arrays.as_input(given, f"boxes[{i}]")
        if table.shape == (0,):
            table = np.zeros((0, 4), np.float32)
        if table.ndim != 2 or table.shape[1] != 4:
            raise ValueError(f"boxes[{i}] must have the shape (K_i, 4), got {table.shape}")
        tables.append(_real(table))
    image = np.repeat(np.arange(images), [len(table) for table in tables])
    return image, np.concatenate(tables)


def _real(table: np.ndarray) -> np.ndarray:
    single = table.dtype.kind not in "biu" and gradient_dtype(table) != np.float64
    return table.astype(np.float32 if single else np.float64)
