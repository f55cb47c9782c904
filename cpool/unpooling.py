"""Max unpooling: values go back to the positions that max pooling found them at."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cpool import arrays
from cpool.reductions.base import Pullback, gradient_dtype
from cpool.windows import Windows


def run_forward(x: Any, indices: Any, *arguments: Any) -> np.ndarray:
    return _unpool(x, indices, *arguments)[0]


def run_vjp(x: Any, indices: Any, *arguments: Any) -> tuple[np.ndarray, Pullback]:
    y, pullback = _unpool(x, indices, *arguments)
    return y, pullback()


def _unpool(
    x: Any,
    indices: Any,
    windows: Windows,
    output_size: Any,
    rank: int,
    axes: Any,
    channels_last: bool,
) -> tuple[np.ndarray, Callable[[], Pullback]]:
    x = arrays.as_input(x)
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    indices = _checked_indices(indices, x.shape)
    places, order = arrays.pooled_axes(x.ndim, windows, axes, channels_last, rank)
    lengths = _output_lengths(x.shape, windows, places, order, output_size)
    count = len(places)
    ends = tuple(range(x.ndim - count, x.ndim))

    def flat(array: np.ndarray) -> np.ndarray:
        """Pooled axes last and as one, contiguous."""
        moved = np.moveaxis(array, places, ends)
        return np.ascontiguousarray(moved.reshape(*moved.shape[: x.ndim - count], -1))

    def shaped(array: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
        return np.moveaxis(array.reshape(*array.shape[:-1], *sizes), ends, places)

    positions = flat(indices)
    y = shaped(arrays.unpool(flat(x), positions, math.prod(lengths)), lengths)
    sizes = tuple(x.shape[axis] for axis in places)
    dtype = gradient_dtype(x)

    # Only the value that was kept at a position gets its gradient.
    def make_pullback() -> Pullback:
        kept = positions.copy() if np.shares_memory(positions, indices) else positions

        def pullback(gy: Any) -> np.ndarray:
            gy = arrays.as_input(gy, "gy")
            if gy.shape != y.shape:
                raise ValueError(f"gy must have the result's shape {y.shape}, got {gy.shape}")
            return shaped(arrays.unpool(flat(gy.astype(dtype)), kept, 0, True), sizes)

        return pullback

    return y, make_pullback


def _checked_indices(indices: Any, shape: tuple[int, ...]) -> np.ndarray:
    indices = np.asarray(indices)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"indices must be an array of integers, got {indices.dtype}")
    if indices.shape != shape:
        raise ValueError(f"indices must have x's shape {shape}, got {indices.shape}")
    if indices.dtype == np.uint64 and indices.size and indices.max() > np.iinfo(np.int64).max:
        raise ValueError("indices must be -1 or positions inside the output")
    return indices.astype(np.int64, copy=False)


def _output_lengths(
    shape: tuple[int, ...],
    windows: Windows,
    places: tuple[int, ...],
    order: tuple[int, ...],
    output_size: Any,
) -> tuple[int, ...]:
    """Lengths of the pooled axes of the result, in the array's order."""
    if isinstance(windows.padding, str):
        raise ValueError(f"padding must be ints for unpooling, got {windows.padding!r}")
    least, most = [], []
    for axis, entry in zip(places, order, strict=True):
        kernel, stride = _entry(windows.kernel_size, entry), _entry(windows.stride, entry)
        pad = _entry(windows.padding, entry)
        pads = sum(pad) if isinstance(pad, tuple) else 2 * pad
        length = (shape[axis] - 1) * stride + kernel - pads
        least.append(length if output_size is None else max(1, length - stride + 1))
        most.append(length if output_size is None else length + stride - 1)
    if output_size is None:
        if min(least) < 1:
            raise ValueError(f"padding leaves no output: its size would be {tuple(least)}")
        return tuple(least)
    sizes = (output_size,) if isinstance(output_size, (int, np.integer)) else tuple(output_size)
    if len(sizes) == len(shape):
        given = [sizes[axis] for axis in places]
    elif len(sizes) == len(places):
        given = [sizes[entry] for entry in order]
    else:
        raise ValueError(
            f"output_size must have {len(places)} entries, or x's {len(shape)}, got {output_size!r}"
        )
    for size, lo, hi in zip(given, least, most, strict=True):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
            raise TypeError(f"output_size must be ints, got {output_size!r}")
        if not lo <= size <= hi:
            raise ValueError(
                f"output_size must be from {least} to {most} along the pooled axes, got {given}"
            )
    return tuple(int(size) for size in given)


def _entry(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, tuple) else value
