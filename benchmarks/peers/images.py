"""Libraries for images, volumes and series: forward only, and mostly on one thread."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import measure
import numpy as np
from measure import Contender
from rows import CHANNELS_FIRST, CHANNELS_LAST, EPSILON, Data, Row, to_channels_first

from peers.base import LeftOutError, find, highest, lowest


class _Images:
    """What these libraries have in common: plain sliding windows, and no threads of their own."""

    role = measure.PEER
    naive = False
    key = name = ""
    #: What it does beside folds.
    others: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.version, self.missing = find(self.key)

    def using(self, threads: int) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        does = row.is_sliding or row.operator in self.others
        if row.backward or row.positions or not does:
            return None
        if row.keeps:
            raise LeftOutError("knows no gradients")
        return self._plain(row, data)

    def _plain(self, row: Row, data: Data) -> Contender | None:
        """Return what there is to time for a row that does no more than pool."""
        raise NotImplementedError

    def _contender(self, call: Callable[[], object],
                   arrays: Callable[[object], np.ndarray]) -> Contender:
        return Contender(self.name, self.role, call, lambda result: (arrays(result),))


def _tiles(row: Row) -> bool:
    """Whether the windows lie side by side and cover the planes."""
    return all(kernel == stride and padding == 0 and n % kernel == 0
               for n, (kernel, stride, padding) in zip(row.shape[2:], row.windows, strict=True))


def _centred(row: Row) -> bool:
    """Whether the windows are centred on each element."""
    return all(stride == 1 and kernel == 2 * padding + 1 for kernel, stride, padding in row.windows)


def _dense(row: Row) -> bool:
    """Whether there is a window at each place that a whole one fits into."""
    return all(stride == 1 and padding == 0 for _, stride, padding in row.windows)


def _pooled_axes(row: Row) -> range:
    first = 1 if row.layout == CHANNELS_LAST else 2
    return range(first, first + row.rank)


def _axes(row: Row, values: Sequence[int], rest: int = 1) -> tuple[int, ...]:
    """Return one entry for each axis of the row's array: the values for the pooled ones."""
    entries = [rest] * (2 + row.rank)
    for axis, value in zip(_pooled_axes(row), values, strict=True):
        entries[axis] = value
    return tuple(entries)


def _inside(row: Row) -> tuple[slice, ...]:
    """Return the part of a filtered array whose windows lie wholly inside."""
    index = [slice(None)] * (2 + row.rank)
    for axis, kernel in zip(_pooled_axes(row), row.kernel, strict=True):
        index[axis] = slice(kernel // 2, row.shape[2 + axis - _pooled_axes(row)[0]] - kernel // 2)
    return tuple(index)


# --- OpenCV --------------------------------------------------------------------------------------

class OpenCv(_Images):
    """OpenCV: filters (dilate, erode, boxFilter, medianBlur); resize and pyrDown for halving."""

    key = "opencv"
    name = "OpenCV"
    others = frozenset({"median", "blur"})

    #: It takes one image at a time: with more, a loop in Python is what is measured.
    MOST_IMAGES = 16
    MOST_CHANNELS = 128

    def __init__(self) -> None:
        self.version, self.missing = find("cv2")

    @contextlib.contextmanager
    def using(self, threads: int) -> Iterator[None]:
        import cv2

        before = cv2.getNumThreads()
        cv2.setNumThreads(threads)
        try:
            yield
        finally:
            cv2.setNumThreads(before)

    def _plain(self, row: Row, data: Data) -> Contender | None:
        x = data.x(row.layout)
        if row.rank == 1 and _dense(row) and row.layout == CHANNELS_FIRST:
            # The series are the rows of one image.
            function = _cv_filter(row, (row.kernel[0], 1))
            images, inside = [x.reshape(-1, row.shape[2])], _inside(row)
            return self._loop(images, function, lambda y: y[0].reshape(row.shape)[inside])
        if row.rank != 2:
            return None
        if row.operator == "blur":
            if (*row.kernel, *row.stride) != (5, 5, 2, 2):
                return None
            images, shape = _cv_images(row, x)
            function = _cv_pyramid()
        elif _centred(row):
            # The median repeats the border, whatever it is told.
            if row.operator == "median" and row.arguments.get("padding_mode") != "nearest":
                return None
            images, shape = _cv_images(row, x)
            function = _cv_filter(row, row.kernel[::-1])
        elif _tiles(row) and row.reduction == "avg":
            images, shape = _cv_images(row, x, joined=True)
            function = _cv_resize(row)
        else:
            return None
        return self._loop(images, function, lambda y: to_channels_first(
            np.stack(y).reshape(shape), row.layout))

    def _loop(self, images: Sequence[np.ndarray], function: Callable[..., np.ndarray],
              arrays: Callable[[list[np.ndarray]], np.ndarray]) -> Contender:
        if len(images) > self.MOST_IMAGES:
            raise LeftOutError(f"takes one image at a time, here are more than {self.MOST_IMAGES}")
        if images[0].shape[2:] > (self.MOST_CHANNELS,):
            raise LeftOutError(f"its images have no more than {self.MOST_CHANNELS} channels")
        places = [np.zeros_like(function(image)) for image in images]
        pairs = list(zip(images, places, strict=True))
        return self._contender(lambda: [function(image, dst=place) for image, place in pairs],
                               arrays)


def _cv_images(row: Row, x: np.ndarray, *,
               joined: bool = False) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """Return the images in an array, and the shape of the array that the results make.

    Planes may be joined to one high image where no window reaches from one into the next.
    """
    height, width = row.output_shape[2:]
    if row.layout == CHANNELS_LAST:
        return list(x), (row.shape[0], height, width, row.shape[1])
    if joined:
        return [x.reshape(-1, row.shape[3])], row.output_shape
    return list(x.reshape(-1, *row.shape[2:])), row.output_shape


def _cv_filter(row: Row, size: tuple[int, int]) -> Callable[..., np.ndarray]:
    import cv2

    if row.reduction == "median":
        return functools.partial(cv2.medianBlur, ksize=size[0])
    if row.reduction in {"max", "min"}:
        element = cv2.getStructuringElement(cv2.MORPH_RECT, size)
        # What lies outside is never chosen, as in cpool.
        function = cv2.dilate if row.reduction == "max" else cv2.erode
        return functools.partial(function, kernel=element)
    return functools.partial(cv2.boxFilter, ddepth=-1, ksize=size, borderType=cv2.BORDER_CONSTANT,
                             normalize=row.reduction == "avg")


def _cv_pyramid() -> Callable[..., np.ndarray]:
    """Return the binomial blur of 5 taps, whose borders are mirrored, with every other pixel."""
    import cv2

    return cv2.pyrDown


def _cv_resize(row: Row) -> Callable[..., np.ndarray]:
    import cv2

    scales = {"fx": 1 / row.kernel[1], "fy": 1 / row.kernel[0]}
    return functools.partial(cv2.resize, dsize=None, interpolation=cv2.INTER_AREA, **scales)


# --- scikit-image, SciPy -------------------------------------------------------------------------

class ScikitImage(_Images):
    """scikit-image: block_reduce."""

    key = "skimage"
    name = "scikit-image"
    others = frozenset({"median"})

    def _plain(self, row: Row, data: Data) -> Contender | None:
        from skimage import measure as regions

        if not _tiles(row):
            return None
        x, size = data.x(row.layout), _axes(row, row.kernel)
        function = np.mean if row.reduction == "avg" else getattr(np, row.reduction)
        call = functools.partial(regions.block_reduce, x, size, function)
        return self._contender(call, lambda y: to_channels_first(y, row.layout))


class SciPy(_Images):
    """SciPy: the filters of ndimage, and the statistics of windows side by side."""

    key = "scipy"
    name = "SciPy"
    others = frozenset({"median", "rank", "trimmed_mean", "mode"})

    #: It takes some ten microseconds for each mode.
    MOST_MODES = 10_000

    def _plain(self, row: Row, data: Data) -> Contender | None:
        from scipy import ndimage

        if row.operator in {"trimmed_mean", "mode"}:
            return self._statistic(row, data)
        if row.reduction == "sum" or not (_centred(row) or _dense(row)):
            return None
        if row.operator in self.others:
            return self._ordered(row, data)
        x, size = data.x(row.layout), _axes(row, row.kernel)
        function, outside = {
            "max": (ndimage.maximum_filter, lowest(row.dtype)),
            "min": (ndimage.minimum_filter, highest(row.dtype)),
            "avg": (ndimage.uniform_filter, 0),
        }[row.reduction]
        inside = _inside(row) if _dense(row) else ()
        call = functools.partial(function, x, size, mode="constant", cval=outside,
                                 output=np.zeros_like(x))
        return self._contender(call, lambda y: to_channels_first(y[inside], row.layout))


    def _ordered(self, row: Row, data: Data) -> Contender | None:
        """Return the call for a median or a rank around each element."""
        from scipy import ndimage

        # What lies outside exists in its filters.
        if row.arguments.get("padding_mode") != "nearest":
            return None
        x, options = data.x(row.layout), {"mode": "nearest", "size": _axes(row, row.kernel)}
        options["output"] = np.zeros_like(x)
        function = ndimage.median_filter
        if row.operator == "rank":
            function, options["rank"] = ndimage.rank_filter, row.arguments["rank"]
        return self._contender(functools.partial(function, x, **options),
                               lambda y: to_channels_first(y, row.layout))

    def _statistic(self, row: Row, data: Data) -> Contender:
        """Return the call for a statistic of the elements of each window."""
        from scipy import stats

        windows = _windows_of(row, data)
        if row.operator == "trimmed_mean":
            return self._contender(
                lambda: stats.trim_mean(windows(), row.arguments["cut"], axis=-1),
                lambda y: to_channels_first(y, row.layout))
        if row.arguments.get("ties") == "first":
            raise LeftOutError("takes the least of the most frequent")
        if math.prod(row.output_shape) > self.MOST_MODES:
            raise LeftOutError(f"tens of microseconds for each mode, here are more than "
                               f"{self.MOST_MODES}")
        return self._contender(lambda: stats.mode(windows(), axis=-1).mode,
                               lambda y: to_channels_first(y, row.layout))


def _windows_of(row: Row, data: Data) -> Callable[[], np.ndarray]:
    """Return what makes an array of windows, their elements along its last axis."""
    if any(row.padding):
        raise LeftOutError("views of windows know no padding")
    x, axes = data.x(row.layout), tuple(_pooled_axes(row))
    view = np.lib.stride_tricks.sliding_window_view(x, row.kernel, axes)
    index = tuple(slice(None, None, step) for step in _axes(row, row.stride))
    return lambda: view[index].reshape(*view[index].shape[: x.ndim], -1)


# --- tinybrain, bottleneck -----------------------------------------------------------------------

class TinyBrain(_Images):
    """tinybrain: halving of images and volumes, of labels too."""

    key = name = "tinybrain"
    others = frozenset({"mode"})

    def _plain(self, row: Row, data: Data) -> Contender | None:
        import tinybrain

        if not _tiles(row) or row.reduction not in {"max", "avg", "mode"} or row.rank == 1:
            return None
        if set(row.kernel) != {2}:
            return None
        # It wants the fastest axis first; planes may follow one another along a last axis.
        x = data.x(CHANNELS_FIRST).reshape(-1, *row.shape[2:]).T
        if row.reduction == "mode" and row.rank == 3 and x.shape[-1] > 1:
            raise LeftOutError("takes the modes of one volume at a time")
        function = {"avg": tinybrain.downsample_with_averaging,
                    "max": tinybrain.downsample_with_max_pooling,
                    "mode": tinybrain.downsample_segmentation}[row.reduction]
        factor = (*row.kernel, 1)
        made = self._contender(functools.partial(function, x, factor),
                               lambda y: y[0].T.reshape(row.output_shape))
        if row.reduction == "mode" and row.rank == 2:
            return replace(made, region=_decided(row, data))
        return made


def _decided(row: Row, data: Data) -> np.ndarray:
    """Return which blocks of 2x2 have one most frequent label: of others it takes any."""
    x = data.x(CHANNELS_FIRST)
    parts = [x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
    # Of four elements, so many pairs are equal if two labels, or four, are as frequent.
    pairs = sum((a == b).astype(np.uint8) for a, b in itertools.combinations(parts, 2))
    return (pairs != 2) & (pairs != 0)


class Bottleneck(_Images):
    """bottleneck: moving windows over series."""

    key = name = "bottleneck"

    def _plain(self, row: Row, data: Data) -> Contender | None:
        import bottleneck

        if row.rank != 1 or not _dense(row) or row.layout != CHANNELS_FIRST:
            return None
        name = "mean" if row.reduction == "avg" else row.reduction
        function = getattr(bottleneck, f"move_{name}")
        window = row.kernel[0]
        # Its windows end at each element: the first whole one ends at window - 1.
        made = self._contender(functools.partial(function, data.x(CHANNELS_FIRST), window),
                               lambda y: y[..., window - 1:])
        if row.reduction in {"max", "min"}:
            return made
        # Its running sum, kept in the type of the data, drifts along the series.
        drift = EPSILON.get(row.dtype, 0.0) * math.sqrt(row.shape[2])
        return replace(made, slack=drift)


# --- NumPy ---------------------------------------------------------------------------------------

class NumPySlices(_Images):
    """NumPy alone: one strided slice for each element of a window, folded into the result.

    For order statistics a view of all windows.
    """

    key, name = "numpy", "NumPy slices"
    others = frozenset({"median", "quantile"})

    #: Beyond, nobody would write it.
    MOST_TAPS = 32

    def _plain(self, row: Row, data: Data) -> Contender | None:
        if any(row.padding):
            raise LeftOutError("slices know no padding")
        if row.taps > self.MOST_TAPS:
            raise LeftOutError(f"one pass for each of more than {self.MOST_TAPS} elements")
        if row.operator in self.others:
            windows, q = _windows_of(row, data), row.arguments.get("q", 0.5)
            return self._contender(lambda: np.quantile(windows(), q, axis=-1),
                                   lambda y: to_channels_first(y, row.layout))
        x = data.x(row.layout)
        slices = [x[index] for index in _slices(row)]
        fold, wide, finish = _fold_of(row)
        place = np.zeros(slices[0].shape, wide)

        def call() -> np.ndarray:
            fold(slices[0], slices[1], out=place, dtype=wide)
            for each in slices[2:]:
                fold(place, each, out=place, dtype=wide)
            return finish(place)

        return self._contender(call, lambda y: to_channels_first(y, row.layout))


def _slices(row: Row) -> Iterator[tuple[slice, ...]]:
    """Yield one index for each element of a window: what it is in all windows."""
    for offsets in itertools.product(*map(range, row.kernel)):
        index = [slice(None)] * (2 + row.rank)
        for axis, start, stride, count in zip(_pooled_axes(row), offsets, row.stride,
                                              row.output_shape[2:], strict=True):
            index[axis] = slice(start, start + (count - 1) * stride + 1, stride)
        yield tuple(index)


def _fold_of(row: Row) -> tuple[np.ufunc, np.dtype, Callable[[np.ndarray], np.ndarray]]:
    """Return what folds the slices, in which type, and what makes the result of it."""
    kind = np.dtype(row.dtype)
    if row.reduction in {"max", "min"}:
        return np.maximum if row.reduction == "max" else np.minimum, kind, lambda y: y
    if kind.kind not in "iu":
        scale = kind.type(1 / row.taps)
        return np.add, kind, (lambda y: y) if row.reduction == "sum" else (lambda y: y * scale)
    if row.reduction == "sum":
        return np.add, np.dtype(f"{kind.kind}8"), lambda y: y
    # Twice as wide: enough for the few elements of a window.
    wide = np.dtype(f"{kind.kind}{2 * kind.itemsize}")
    half, count = wide.type(row.taps // 2), wide.type(row.taps)
    return np.add, wide, lambda y: ((y + half) // count).astype(row.result_dtype)
