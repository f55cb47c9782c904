"""What the alternatives to pooling have in common: types, axes, and sums of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cpool import arrays
from cpool.reductions.base import gradient_dtype
from cpool.windows import Windows, sliding

if TYPE_CHECKING:
    from cpool.windows import Sliding

T = TypeVar("T")


def work_dtype(x: np.ndarray) -> np.dtype[Any]:
    """What is computed in: float32 for floats of at most 32 bits, float64 for all else."""
    dtype = gradient_dtype(x)
    return np.dtype(np.float32) if dtype.itemsize < 8 else dtype


def widened(x: np.ndarray) -> np.ndarray:
    """16-bit floats as float32, so that gradients of several steps are rounded once."""
    return x.astype(np.float32) if gradient_dtype(x).itemsize < 4 else x


def rounded(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """In another type; what is too large becomes infinite without a word, as in the kernels."""
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def channel_axis(x: np.ndarray, channels_last: Any) -> int:
    """The axis before two pooled ones, or the last; its number is negative."""
    last = arrays.flag(channels_last, "channels_last")
    if x.ndim < 3:
        raise ValueError(f"x must have at least 3 axes, one of them for channels, got {x.ndim}")
    return -1 if last else -3


def pooled_axes(
    x: np.ndarray, windows: Windows, axes: Any, channels_last: Any, rank: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The pooled axes, ascending, and the entry of the arguments for each; none of them empty."""
    places, order = arrays.pooled_axes(x.ndim, windows, axes, channels_last, rank)
    for axis in places:
        if x.shape[axis] == 0:
            raise ValueError("x must not be empty along a pooled axis, got length 0")
    return places, order


def windows_with(kernel_size: Any, stride: Any, padding_mode: str = "constant") -> Sliding:
    """Windows that were checked, of a stride that has to be given."""
    if stride is None:
        raise TypeError("stride must be an int or one int for each axis, got None")
    return sliding(kernel_size, stride, padding_mode=padding_mode)


def per_axis(value: T | Sequence[T], order: Sequence[int]) -> tuple[T, ...]:
    """An argument's value for each pooled axis, in the order that the array has them in."""
    if isinstance(value, (tuple, list)):
        return tuple(value[entry] for entry in order)
    return (value,) * len(order)  # type: ignore[return-value]
