"""Arrays a part at a time: where they are cut, and memory that parts have one after the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cpool.arrays import converted

Index = tuple[slice, ...]


def cut(
    shape: tuple[int, ...],
    pooled: tuple[int, ...],
    tiled: dict[int, int],
    most: int,
    beside: int,
    limit: int = 0,
) -> list[tuple[Index, Index]] | None:
    """Indices of parts of an array of at most so many elements, or as few as can be, and of their
    results. None if a part would have more than `most`, and than `limit`.

    Cut are axes that are not pooled (into `beside` elements at least, if they are behind pooled
    ones), and those that windows tile from their first element on, which `tiled` gives the sizes
    of."""
    each, steps = math.prod(shape), list(shape)
    for axis, n in enumerate(shape):
        if each <= most or n == 0:
            break
        unit = 1 if axis not in pooled else tiled.get(axis, n)
        fewest = beside if axis not in pooled and axis > min(pooled) else unit
        each //= n
        step = min(n, max(most // each // unit * unit, fewest))
        pieces = math.ceil(n / step)
        steps[axis] = math.ceil(n / pieces / unit) * unit
        each *= min(n, steps[axis])
    if each > max(most, limit):
        return None
    found: list[tuple[Index, Index]] = [((), ())]
    for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
        pairs = _pieces(n, step, tiled.get(axis, n) if axis in pooled else 1)
        found = [((*one, x), (*other, y)) for one, other in found for x, y in pairs]
    return found


def _pieces(n: int, step: int, unit: int) -> list[tuple[slice, slice]]:
    """Of an axis of n elements, `step` at a time, and of its results: one for each `unit`. What is
    left over behind the last belongs to it."""
    if step >= n:
        return [(slice(None), slice(None))]
    at = [0, *range(step, n // unit * unit, step), None]
    inner = [i if i is None else i // unit for i in at]
    return [*zip(map(slice, at, at[1:]), map(slice, inner, inner[1:]), strict=True)]


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

    def dense(
        self, which: int, part: NDArray[Any], mask: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """An array without gaps of the same numbers: itself, if it is one; 0 where they are not."""
        made = self.like(which, np.empty_like(part, self.dtype))
        alike = part.dtype == self.dtype and part.flags.aligned and _alike(part, made)
        if alike and mask is None:
            return part
        if part.dtype != self.dtype:
            converted(part, self.dtype, made)
        else:
            np.copyto(made, part)
        if mask is not None:
            # A product with 0 may be a NaN, and copying here and there takes several times as long.
            bits = np.dtype(f"i{self.dtype.itemsize}")
            made.view(bits)[...] &= -mask.astype(bits)
        return made


def _alike(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether arrays of one shape have one layout: no step leads along an axis of one element."""
    return a.strides == b.strides or all(
        n <= 1 or step == other
        for n, step, other in zip(a.shape, a.strides, b.strides, strict=True)
    )
