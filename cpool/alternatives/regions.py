"""Regions of interest: boxes of planes, each cut into a grid of bins, and each bin pooled."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, bins, counting
from cpool.alternatives.common import (
    checked_policy,
    counted,
    differentiable,
    reads,
    result_dtype,
)
from cpool.arrays import Options
from cpool.reductions import Max, Mean
from cpool.reductions.base import (
    NOTHING,
    Operations,
    Pullback,
    Work,
    existing,
    gradient_dtype,
)
from cpool.results import stored, wide_dtype

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
    nan_policy: str = "propagate",
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Pool boxes of any size to one size, by samples between the elements.

    ``y = Σ v / n`` or ``max(v)`` of a bin's n samples, with
    ``v = Σ max(0, 1 - |r - i|) max(0, 1 - |c - j|) x[i, j]`` at row r and column c.

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
    nan_policy : {"propagate", "raise"}
        A NaN makes the bins that read it NaN, or is a ValueError. "omit" is one too, because a
        sample lies between elements and needs all of them.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

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
    options = Options(None, channels_last, 2, nan_policy, None, dtype, out)
    sampling = (boxes, output_size, spatial_scale, sampling_ratio, aligned, reduction)
    return _roi_align(x, *sampling, options)[0]


_NO_OMISSION = "a sample lies between elements and needs all of them"


def _roi_align(
    x: Any, boxes: Any, output_size: Any, spatial_scale: Any, sampling_ratio: Any, aligned: Any,
    reduction: Any, options: Options, numbered: bool = False,
) -> tuple[np.ndarray, Pullback]:  # fmt: skip
    """The result, and its pullback, which needs the maxima numbered."""
    last, maximum = arrays.flag(options.channels_last, "channels_last"), _is_maximum(reduction)
    checked_policy(options.nan_policy, _NO_OMISSION)
    x, lengths = _images(x, last)
    geometry = (output_size, spatial_scale, sampling_ratio, aligned)
    cut = _sampled(boxes, len(x), lengths, *geometry, merged=not maximum)
    planes = _plain(x, wide_dtype(x, options.dtype))
    if options.nan_policy == "raise":
        _refuse_nan(planes, cut, last, maximum)
    chosen = None
    y = bins.reduce(planes, cut, last, maximum, maximum and numbered)
    if maximum and numbered:
        y, chosen = y
    y = stored(y, result_dtype(x, options.dtype), options.out, x)
    return y, _pullback(x, y.shape, cut, last, chosen)


def _roi_align_vjp(
    x: Any, boxes: Any, output_size: Any, spatial_scale: Any, sampling_ratio: Any, aligned: Any,
    reduction: Any, **given: Any,
) -> tuple[np.ndarray, Pullback]:  # fmt: skip
    sampling = (boxes, output_size, spatial_scale, sampling_ratio, aligned, reduction)
    return _roi_align(x, *sampling, Options(rank=2, **given), True)


def _roi_align_work(
    x: np.ndarray, boxes: Any, output_size: Any, spatial_scale: Any, sampling_ratio: Any,
    aligned: Any, reduction: Any, channels_last: Any, **_: Any,
) -> Work:  # fmt: skip
    """Four products and three sums for each sample, inside of the image or not; then the mean or
    the maximum of those of a bin. Their weights, the same for all channels, are left out."""
    last, maximum = arrays.flag(channels_last, "channels_last"), _is_maximum(reduction)
    x, _lengths = _images(x, last)
    counts, ratio = _output_size(output_size), _sampling_ratio(sampling_ratio)
    _image, spans = _spans(boxes, len(x), counts, spatial_scale, aligned)
    grids = [np.full(len(size), ratio) if ratio else np.ceil(size) for _start, size in spans]
    joined = Max() if maximum else Mean()

    def of_bin(samples: int) -> Operations:
        return samples * _INTERPOLATION + joined.operations(samples)

    samples = np.maximum(grids, 0).astype(np.int64).prod(axis=0)
    each = math.prod(counts) * _over_bins(samples, of_bin)
    return _work_of_boxes(x, boxes, (len(samples), *counts), last, each)


def _over_bins(sizes: np.ndarray, of_bin: Callable[[int], Operations]) -> Operations:
    """Those of bins of such sizes, for one channel; bins without elements take nothing."""
    found, times = np.unique(sizes[sizes > 0], return_counts=True)
    each = zip(found.tolist(), times.tolist(), strict=True)
    return sum((number * of_bin(size) for size, number in each), NOTHING)


def _work_of_boxes(
    x: np.ndarray, boxes: Any, bins_of_boxes: tuple[int, ...], last: bool, each: Operations
) -> Work:
    """Of all channels, each of which takes the same."""
    number, *counts = bins_of_boxes
    channels = x.shape[3 if last else 1]
    shape = (number, *counts, channels) if last else (number, channels, *counts)
    given = boxes if _is_list_of_images(boxes) else [boxes]
    read = sum(map(counting.size_of, given))
    return Work(shape, channels * each, channels * each, read=read)


_INTERPOLATION = Operations(additions=3, multiplications=4)

differentiable(roi_align, _roi_align_vjp)
counted(roi_align, _roi_align_work)
reads(roi_align, "which reads the boxes of each call")
roi_align._no_omission = _NO_OMISSION  # type: ignore[attr-defined]


def roi_pool(
    x: ArrayLike,
    boxes: ArrayLike | Sequence[ArrayLike],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Pool boxes of any size to one size: the maximum of the elements in each bin.

    ``y[p, q] = max(x[r + ⌊p h / P⌋ : r + ⌈(p + 1) h / P⌉, c + ⌊q w / Q⌋ : c + ⌈(q + 1) w / Q⌉])``
    for a box of h rows from r on and w columns from c on, and P × Q bins.

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
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its bins NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        Shape (K, C, bins, bins), or (K, bins, bins, C) with `channels_last`, in the order of the
        boxes, and of x's dtype. A bin without elements, because it lies outside of the image or
        none in it exists, is 0. A NaN is larger than everything.

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
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _roi_pool(x, boxes, output_size, spatial_scale, options)[0]


def _roi_pool(
    x: Any, boxes: Any, output_size: Any, spatial_scale: Any, options: Options,
    numbered: bool = False,
) -> tuple[np.ndarray, Pullback]:  # fmt: skip
    """The result, and its pullback, which needs the maxima numbered."""
    last = arrays.flag(options.channels_last, "channels_last")
    checked_policy(options.nan_policy)
    x, lengths = _images(x, last)
    cut = _covered(boxes, len(x), lengths, output_size, spatial_scale)
    planes = _plain(x, _exact_dtype(x))
    mask = existing(x, arrays.as_mask(options.where, x), options.nan_policy)
    if options.nan_policy == "raise":
        _refuse_nan(planes if mask is None else np.where(mask, planes, 0), cut, last, True)
    chosen = None
    if mask is not None:
        y, chosen = _masked(planes, mask, cut, last)
    elif numbered:
        y, chosen = bins.reduce(planes, cut, last, True, True)
    else:
        y = bins.reduce(planes, cut, last, True)
    natural = x.dtype.newbyteorder("=")
    y = stored(
        y, natural if options.dtype is None else arrays.as_dtype(options.dtype), options.out, x,
        options.where,
    )  # fmt: skip
    return y, _pullback(x, y.shape, cut, last, chosen, mask)


def _masked(
    planes: np.ndarray, mask: np.ndarray, cut: bins.Boxes, last: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of the elements that exist, 0 without any, and the numbers of these."""
    integers = planes.dtype.kind in "iu"
    least = np.iinfo(planes.dtype).min if integers else -np.inf
    held = np.where(mask, planes, planes.dtype.type(least))
    y, chosen = bins.reduce(held, cut, last, True, True)
    # Where the maximum is the least value there is, an element that does not exist may have been
    # the first to have it.
    there, first = bins.reduce(_plain(mask, np.dtype(np.float32)), cut, last, True, True)
    chosen = np.where(y == least, first, chosen)
    y[there == 0] = 0
    return y, chosen


def _roi_pool_vjp(
    x: Any, boxes: Any, output_size: Any, spatial_scale: Any, **given: Any
) -> tuple[np.ndarray, Pullback]:
    options = Options(rank=2, **given)
    return _roi_pool(x, boxes, output_size, spatial_scale, options, True)


def _roi_pool_work(
    x: np.ndarray, boxes: Any, output_size: Any, spatial_scale: Any, channels_last: Any, where: Any,
    **_: Any,
) -> Work:  # fmt: skip
    """Comparisons of the elements in each bin."""
    last = arrays.flag(channels_last, "channels_last")
    x, lengths = _images(x, last)
    counts = _output_size(output_size)
    _image, edges = _edges(boxes, len(x), lengths, counts, spatial_scale)
    rows, columns = (np.maximum(hi - lo, 0) for lo, hi in edges)
    each = _over_bins(rows[:, :, None] * columns[:, None, :], Max().operations)
    work = _work_of_boxes(x, boxes, (len(rows), *counts), last, each)
    read, dtype = work.read + counting.size_of(where), x.dtype.newbyteorder("=")
    return replace(work, read=read, dtype=dtype)


differentiable(roi_pool, _roi_pool_vjp)
counted(roi_pool, _roi_pool_work)
reads(roi_pool, "which reads the boxes of each call")


# --- what both have in common ---------------------------------------------------------------------


def _refuse_nan(planes: np.ndarray, cut: bins.Boxes, last: bool, maximum: bool) -> None:
    """Raise if some bin reads a NaN."""
    nans = planes != planes
    if not nans.any():
        return
    y = bins.reduce(np.where(nans, planes, planes.dtype.type(0)), cut, last, maximum)
    if (y != y).any():
        raise ValueError('x has a NaN in a window, and nan_policy is "raise"')


def _pullback(
    x: np.ndarray, y_shape: tuple[int, ...], cut: bins.Boxes, last: bool,
    chosen: np.ndarray | None, mask: np.ndarray | None = None,
) -> Pullback:  # fmt: skip
    shape, dtype = x.shape, gradient_dtype(x)
    summed = np.dtype(np.float64 if dtype == np.float64 else np.float32)

    def pullback(gy: Any) -> np.ndarray:
        gy = _plain(arrays.checked_gradient(gy, y_shape), summed)
        gx = bins.transpose(gy, cut, shape, last, chosen)
        if mask is not None:  # bins without elements name one that does not exist
            gx = np.where(mask, gx, summed.type(0))
        return gx.astype(dtype, copy=False)

    return pullback


# --- geometry -------------------------------------------------------------------------------------


def _sampled(
    boxes: Any, images: int, lengths: tuple[int, int], output_size: Any, spatial_scale: Any,
    sampling_ratio: Any, aligned: Any, merged: bool,
) -> bins.Boxes:  # fmt: skip
    """What bins read that are sampled between elements."""
    counts = _output_size(output_size)
    ratio = _sampling_ratio(sampling_ratio)
    image, spans = _spans(boxes, images, counts, spatial_scale, aligned)
    cut = bins.Boxes(image, images)
    for axis, (n, count) in enumerate(zip(lengths, counts, strict=True)):
        cut.sample(axis, *spans[axis], n, count, ratio, merged)
    return cut


def _spans(
    boxes: Any, images: int, counts: tuple[int, int], spatial_scale: Any, aligned: Any
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """The image of each box; along each axis where it starts, and how long its bins are."""
    half = 0.5 if arrays.flag(aligned, "aligned") else 0.0
    image, corners = _boxes(boxes, images)
    corners = _scaled(corners, spatial_scale) - corners.dtype.type(half)
    spans = []
    for axis, count in enumerate(counts):
        start, end = corners[:, 1 - axis], corners[:, 3 - axis]
        size = end - start if half else np.maximum(end - start, 1)
        spans.append((start, size / size.dtype.type(count)))
    return image, spans


def _covered(
    boxes: Any, images: int, lengths: tuple[int, int], output_size: Any, spatial_scale: Any
) -> bins.Boxes:
    """What bins read whose corners are rounded to elements."""
    counts = _output_size(output_size)
    image, edges = _edges(boxes, images, lengths, counts, spatial_scale)
    cut = bins.Boxes(image, images)
    for axis, n in enumerate(lengths):
        cut.cover(axis, *edges[axis], n)
    return cut


def _edges(
    boxes: Any, images: int, lengths: tuple[int, int], counts: tuple[int, int], spatial_scale: Any
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """The image of each box; along each axis the first element of each of its bins, and the one
    behind the last."""
    image, corners = _boxes(boxes, images)
    real = corners.dtype.type
    corners = _rounded(_scaled(corners, spatial_scale))
    edges = []
    for axis, (n, count) in enumerate(zip(lengths, counts, strict=True)):
        start, end = corners[:, 1 - axis, None], corners[:, 3 - axis, None]
        size = np.maximum(end - start + 1, 1).astype(real) / real(count)
        number = np.arange(count).astype(real)
        lo = np.floor(number * size).astype(np.int64) + start
        hi = np.ceil((number + 1) * size).astype(np.int64) + start
        edges.append((np.clip(lo, 0, n), np.clip(hi, 0, n)))
    return image, edges


def _exact_dtype(x: np.ndarray) -> np.dtype:
    """What the kernels take that has all values of x."""
    if x.dtype.kind in "iu" and x.dtype.itemsize == 8:
        return x.dtype.newbyteorder("=")
    single = x.dtype.kind not in "biu" and gradient_dtype(x) != np.float64
    return np.dtype(np.float32 if single else np.float64)


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
