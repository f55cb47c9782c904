"""Max unpooling: values go back to the positions that max pooling found them at."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cpool import arrays
from cpool.reductions.base import NOTHING, Pullback, Work, gradient_dtype, puts
from cpool.windows import Windows


def forward(x: Any, indices: Any, *arguments: Any) -> np.ndarray:
    return _unpool(x, indices, *arguments)[0]


def vjp(x: Any, indices: Any, *arguments: Any) -> tuple[np.ndarray, Pullback]:
    y, pullback = _unpool(x, indices, *arguments)
    return y, pullback()


def work(
    x: np.ndarray, indices: Any, windows: Windows, output_size: Any, rank: int, axes: Any,
    channels_last: bool, out: Any,
) -> Work:  # fmt: skip
    """Values are moved, and nothing is computed."""
    _checked_indices(indices, x.shape)
    places, order = arrays.pooled_axes(x.ndim, windows, axes, channels_last, rank)
    boxes, _ = _boxes(x.shape, windows, places, order, output_size)
    lengths = dict(zip(places, (length for _, length, _, _ in boxes), strict=True))
    shape = tuple(lengths.get(axis, n) for axis, n in enumerate(x.shape))
    dtype = x.dtype.newbyteorder("=")
    return Work(shape, NOTHING, NOTHING, read=np.asarray(indices).nbytes, dtype=dtype)


def _unpool(
    x: Any,
    indices: Any,
    windows: Windows,
    output_size: Any,
    rank: int,
    axes: Any,
    channels_last: bool,
    out: np.ndarray | None,
) -> tuple[np.ndarray, Callable[[], Pullback]]:
    given = x = arrays.as_input(x)
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    indices = _checked_indices(indices, x.shape)
    places, order = arrays.pooled_axes(x.ndim, windows, axes, channels_last, rank)
    boxes, padded = _boxes(x.shape, windows, places, order, output_size)
    values = tuple(n for n, _, _, _ in boxes)
    lengths = tuple(m for _, m, _, _ in boxes)
    first, count = places[0], len(places)
    if places != tuple(range(first, first + count)):
        first = x.ndim - count
    between = tuple(range(first, first + count))
    rest = [n for axis, n in enumerate(x.shape) if axis not in places]

    def merged(array: np.ndarray) -> np.ndarray:
        """Outer axes as one, pooled axes as one, inner axes as one."""
        moved = np.moveaxis(array, places, between)
        shape = moved.shape
        parts = shape[:first], shape[first : first + count], shape[first + count :]
        return moved.reshape([math.prod(part) for part in parts])

    def flat(array: np.ndarray) -> np.ndarray:
        """The same, contiguous."""
        whole = np.ascontiguousarray(merged(array))
        return whole if whole.flags.aligned else whole.copy()

    def result(
        planes: np.ndarray, positions: np.ndarray, out: np.ndarray | None, transposed: bool
    ) -> np.ndarray:
        """Planes with the values moved, straight in `out` if that lies as the kernels have it."""
        place = np.moveaxis(out, places, between) if out is not None else None
        straight = place is not None and place.flags.c_contiguous and place.flags.aligned
        whole = merged(out) if straight else None
        whole = arrays.unpool(planes, positions, boxes, padded, transposed, whole)
        sizes = values if transposed else lengths
        whole = whole.reshape(*rest[:first], *sizes, *rest[first:])
        if place is None:
            return np.moveaxis(whole, between, places)
        if not straight:
            place[...] = whole
        return out

    if out is not None:
        length_of = dict(zip(places, lengths, strict=True))
        shape = tuple(length_of.get(axis, n) for axis, n in enumerate(x.shape))
        arrays.checked_out(out, shape, x.dtype, (given, indices))
    positions = flat(indices)
    y = result(flat(x), positions, out, False)
    y_shape, dtype = y.shape, gradient_dtype(x)

    # Only the value that was kept at a position gets its gradient.
    def make_pullback() -> Pullback:
        kept = positions.copy() if np.shares_memory(positions, indices) else positions

        @puts
        def pullback(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            gy = arrays.checked_gradient(gy, y_shape)
            return result(flat(gy.astype(dtype, copy=False)), kept, out, True)

        return pullback

    return y, make_pullback


def _checked_indices(indices: Any, shape: tuple[int, ...]) -> np.ndarray:
    arrays.refuse_masked(indices, "indices")
    indices = np.asarray(indices)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"indices must be an array of integers, got {indices.dtype}")
    if indices.shape != shape:
        raise ValueError(f"indices must have x's shape {shape}, got {indices.shape}")
    if indices.dtype == np.uint64 and indices.size and indices.max() > np.iinfo(np.int64).max:
        raise ValueError(f"indices must be -1 or positions inside the result, got {indices.max()}")
    return indices.astype(np.int64, copy=False)


def _boxes(
    shape: tuple[int, ...],
    windows: Windows,
    places: tuple[int, ...],
    order: tuple[int, ...],
    output_size: Any,
) -> tuple[tuple[tuple[int, int, int, int], ...], bool]:
    """Of the pooled axes, in the array's order: length in x and in the result, kernel size and
    stride; and whether there is padding."""
    if isinstance(windows.padding, str):
        raise ValueError(f"padding must be ints for unpooling, got {windows.padding!r}")
    defaults, kernels, strides, padded = [], [], [], False
    for axis, entry in zip(places, order, strict=True):
        if shape[axis] == 0:
            raise ValueError("x must not be empty along a pooled axis, got length 0")
        kernel, stride = _entry(windows.kernel_size, entry), _entry(windows.stride, entry)
        pad = _entry(windows.padding, entry)
        pads = sum(pad) if isinstance(pad, tuple) else 2 * pad
        defaults.append((shape[axis] - 1) * stride + kernel - pads)
        kernels.append(kernel)
        strides.append(stride)
        padded = padded or pad not in (0, (0, 0))
    if output_size is None:
        lengths = tuple(defaults)
        if min(lengths) < 1:
            raise ValueError(
                f"padding must leave a result, got {windows.padding!r}: its size would be {lengths}"
            )
    else:
        lengths = _given_lengths(shape, places, order, output_size)
        least = tuple(max(1, n - s + 1) for n, s in zip(defaults, strides, strict=True))
        most = tuple(n + s - 1 for n, s in zip(defaults, strides, strict=True))
        if not all(lo <= n <= hi for lo, n, hi in zip(least, lengths, most, strict=True)):
            raise ValueError(
                f"output_size must be from {least} to {most} along the pooled axes, "
                f"got {output_size!r}"
            )
    if math.prod(lengths) >= 2**60:
        raise ValueError(f"kernel_size and stride give a result that is too large: {lengths}")
    values = (shape[axis] for axis in places)
    return tuple(zip(values, lengths, kernels, strides, strict=True)), padded


def _given_lengths(
    shape: tuple[int, ...], places: tuple[int, ...], order: tuple[int, ...], output_size: Any
) -> tuple[int, ...]:
    """What output_size says of the pooled axes, in the array's order."""
    sizes = output_size
    if not isinstance(sizes, (tuple, list)):
        sizes = (sizes,) * len(places)
    if any(isinstance(s, bool) or not isinstance(s, (int, np.integer)) for s in sizes):
        raise TypeError(f"output_size must be an int or a tuple of ints, got {output_size!r}")
    if len(sizes) == len(places):
        return tuple(int(sizes[entry]) for entry in order)
    if len(sizes) != len(shape):
        raise ValueError(
            f"output_size must have {len(places)} entries, or x's {len(shape)}, got {output_size!r}"
        )
    if any(sizes[axis] != n for axis, n in enumerate(shape) if axis not in places):
        raise ValueError(
            f"output_size must have x's lengths along axes that are not pooled, got "
            f"{output_size!r} for x of shape {shape}"
        )
    return tuple(int(sizes[axis]) for axis in places)


def _entry(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, tuple) else value
