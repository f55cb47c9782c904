"""Arrays a part at a time: where they are cut, and memory that parts have one after the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cpool.arrays import converted


def cut(
    shape: tuple[int, ...], pooled: tuple[int, ...], most: int, beside: int, limit: int = 0
) -> list[tuple[slice, ...]] | None:
    """Indices of parts of an array of at most so many elements, or as few as can be, along axes
    that are not pooled; of those behind pooled ones, `beside` elements at least. None if one would
    have more than `most`, and than `limit`."""
    each, steps = math.prod(shape), list(shape)
    for axis, n in enumerate(shape):
        if each <= most or n == 0:
            break
        if axis not in pooled:
            each //= n
            step = min(n, max(most // each, beside if axis > min(pooled) else 1))
            steps[axis] = math.ceil(n / math.ceil(n / step))
            each *= steps[axis]
    if each > max(most, limit):
        return None
    found: list[tuple[slice, ...]] = [()]
    for n, step in zip(shape, steps, strict=True):
        pieces = [slice(i, i + step) for i in range(0, n, step)] if step < n else [slice(None)]
        found = [(*index, piece) for index in found for piece in pieces]
    return found


class Held:
    """Memory for what parts of an array are made into, which have it one after the other: new
    memory is given by the page, and each costs as much as several folds."""

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.held: dict[int, NDArray[Any]] = {}

    def like(self, which: int, part: NDArray[Any]) -> NDArray[Any]:
        """An array of the layout of another one of the type, which is without gaps."""
        if which not in self.held or self.held[which].size < part.size:
            self.held[which] = np.empty(part.size, self.dtype)
        return np.ndarray(part.shape, self.dtype, self.held[which], strides=part.strides)

    def dense(self, which: int, part: NDArray[Any]) -> NDArray[Any]:
        """An array without gaps of the same numbers: itself, if it is one."""
        made = self.like(which, np.empty_like(part, self.dtype))
        if part.dtype == self.dtype and part.flags.aligned and _alike(part, made):
            return part
        if part.dtype != self.dtype:
            return converted(part, self.dtype, made)
        np.copyto(made, part)
        return made


def _alike(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether arrays of one shape have one layout: no step leads along an axis of one element."""
    return a.strides == b.strides or all(
        n <= 1 or step == other
        for n, step, other in zip(a.shape, a.strides, b.strides, strict=True)
    )
