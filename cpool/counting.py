"""Operations, counted from shapes: by the formula, and as the kernels do them.

`of_pooling` counts those of any reduction over any windows. What is no such pooling says beside its
own code what it takes, in terms of these where it is made of poolings. Arguments are checked by the
code that checks them in a call; where that wants an array it gets a `stand_in`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cpool import arrays
from cpool.arrays import Options
from cpool.levels import Pyramid
from cpool.planes import is_drawn
from cpool.reductions.base import NOTHING, Operations, Reduction, Work
from cpool.reductions.sums import Mean, checked_weights
from cpool.windows import Fractional, Sliding, Windows, fractional, whole

Array = NDArray[Any]
Ints = tuple[int, ...]

_WHOLE = whole()


def stand_in(shape: Sequence[int], dtype: DTypeLike) -> Array:
    """An array of a shape and a type, with memory for one element, whatever the shape is."""
    return np.broadcast_to(np.zeros((), dtype), tuple(shape))


def size_of(array: Any) -> int:
    """Bytes of an array that a call reads beside x, as it is given; 0 for None."""
    return 0 if array is None else np.asarray(array).nbytes


def in_order(first: Work, second: Work) -> Work:
    """What is done with the result of what was done first. Arrays that lie between are counted by
    neither, as they need not be written."""
    return replace(
        second,
        formula=first.formula + second.formula,
        kernels=first.kernels + second.kernels,
        parameters=first.parameters + second.parameters,
        read=first.read + second.read,
        written=first.written + second.written,
    )


def with_more(work: Work, each: Operations, kernels: Operations | None = None) -> Work:
    """With operations more for each output; the kernels' are the same if not said."""
    outputs = prod(work.output_shape)
    return replace(
        work,
        formula=work.formula + outputs * each,
        kernels=work.kernels + outputs * (each if kernels is None else kernels),
    )


def of_whole(x: Array, work: Work, options: Options) -> Work:
    """Of global pooling that does not keep the pooled axes."""
    places, _ = arrays.pooled_axes(
        x.ndim, _WHOLE, options.axes, options.channels_last, options.rank
    )
    shape = tuple(n for axis, n in enumerate(work.output_shape) if axis not in places)
    return replace(work, output_shape=shape)


# Poolings -----------------------------------------------------------------------------------------


def of_pooling(
    x: Array,
    reduction: Reduction,
    windows: Windows,
    options: Options,
    *,
    weights: Any = None,
    return_indices: bool = False,
) -> Work:
    """A reduction over windows of an array with the shape and the type of x."""
    counted: Reduction = reduction
    read = 0 if options.where is None else np.size(options.where)
    if weights is not None:
        given = arrays.as_input(weights, "weights")
        if isinstance(reduction, Mean):
            reduction.refuse_divisor()
        checked_weights(given, x.shape)
        counted, read = _WeightedMean(), read + given.nbytes
    work = of_windows(x, counted, windows, options, return_indices)
    written = 8 * prod(work.output_shape) if return_indices else 0
    dtype = _result_dtype(reduction, x.dtype)
    return replace(work, read=read, written=written, dtype=dtype)


def _result_dtype(reduction: Reduction, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """By asking, with elements enough for any rank among them."""
    return reduction.forward(np.ones(4096, dtype), _WHOLE, Options(axes=0)).dtype


class _WeightedMean(Reduction, listed=False):
    """Products with the weights, and two sums."""

    name = "weighted mean"
    each = Operations(multiplications=1)
    pair = Operations(additions=2)
    last = Operations(divisions=1)


def of_windows(
    x: Array, reduction: Reduction, windows: Windows, options: Options, selecting: bool = False
) -> Work:
    """The same of a record that says what it takes, but need not be able to do it."""
    if isinstance(windows, Pyramid):
        return _of_levels(x, reduction, windows, options)
    places, order = arrays.pooled_axes(
        x.ndim, windows, options.axes, options.channels_last, options.rank
    )
    axes = _axes(x.shape, _placed(windows, len(places)), places, order)
    lengths = dict(zip(places, (axis.windows for axis in axes), strict=True))
    output_shape = tuple(lengths.get(axis, n) for axis, n in enumerate(x.shape))
    planes = prod(n for axis, n in enumerate(x.shape) if axis not in places)
    plane = _Plane(axes, prod(x.shape[places[-1] + 1 :]), x.dtype, selecting)
    try:
        formula = plane.formula(reduction)
    except NotImplementedError:
        raise TypeError(f"the cost of {reduction.name!r} is not known") from None
    return Work(output_shape, planes * formula, planes * plane.kernels(reduction))


def _of_levels(x: Array, reduction: Reduction, levels: Pyramid, options: Options) -> Work:
    """That of all levels; their cells are joined to the last of the other axes."""
    formula = kernels = NOTHING
    for grid in levels.grids:
        work = of_windows(x, reduction, grid, options)
        formula, kernels = formula + work.formula, kernels + work.kernels
    places, _ = arrays.pooled_axes(
        x.ndim, levels.grids[0], options.axes, options.channels_last, options.rank
    )
    cells = levels.output_shape([x.shape[axis] for axis in places])
    *rest, last = [n for axis, n in enumerate(x.shape) if axis not in places] or [1]
    return Work((*rest, last * cells[0]), formula, kernels)


def _placed(windows: Windows, rank: int) -> Windows:
    """Windows that a call draws, at samples of 1/2. For what folds it does not matter where they
    are: those that overlap are of one size, and the others share all elements."""
    if not is_drawn(windows):
        return windows
    assert isinstance(windows, Fractional)
    return fractional(
        windows.kernel_size, windows.output_size, windows.output_ratio, samples=(0.5,) * rank,
        overlapping=windows.overlapping,
    )  # fmt: skip


@dataclass(frozen=True)
class _Axis:
    """A pooled axis: its length, the sizes of its windows, and what they are if all are alike."""

    length: int
    sizes: list[int]
    kernel: int = 0  # 0: not all alike
    stride: int = 1
    dilation: int = 1

    @property
    def windows(self) -> int:
        return len(self.sizes)

    @property
    def steps(self) -> int:
        """Combinations of two, window by window."""
        return sum(self.sizes) - self.windows


def _axes(shape: Ints, windows: Windows, places: Ints, order: Ints) -> list[_Axis]:
    """The pooled axes in the order of the array."""
    lengths = dict(zip(order, (shape[axis] for axis in places), strict=True))
    given = [lengths[i] for i in range(len(places))]
    sizes = windows.sizes(given, False)
    if not isinstance(windows, Sliding):
        return [_Axis(given[i], sizes[i]) for i in order]
    names = ("kernel_size", "stride", "dilation")
    alike = [_per_axis(getattr(windows, name), len(given)) for name in names]
    return [_Axis(given[i], sizes[i], *(each[i] for each in alike)) for i in order]


def _per_axis(value: Any, rank: int) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value] * rank


@dataclass(frozen=True)
class _Plane:
    """What is done on one plane."""

    axes: list[_Axis]
    inner: int  # elements that lie closer in memory than the last pooled axis
    dtype: np.dtype[Any]
    selecting: bool  # with positions

    @property
    def outputs(self) -> int:
        return prod(axis.windows for axis in self.axes)

    def _over_windows(self, count: Callable[[Ints], Operations]) -> Operations:
        """Those of one size are counted once."""
        total = NOTHING
        for combination in itertools.product(*(Counter(axis.sizes).items() for axis in self.axes)):
            sizes, times = zip(*combination, strict=True)
            total += prod(times) * count(sizes)
        return total

    def formula(self, reduction: Reduction) -> Operations:
        return self._over_windows(lambda sizes: reduction.operations(prod(sizes)))

    def kernels(self, reduction: Reduction) -> Operations:
        if reduction.parts:
            parts = (self.kernels(part) for part in reduction.parts)
            return sum(parts, self.outputs * reduction.last)
        inputs = prod(axis.length for axis in self.axes)
        most = prod(max(axis.sizes, default=0) for axis in self.axes)
        reads = prod(sum(axis.sizes) for axis in self.axes) / max(inputs, 1)
        fold = reduction.folded(most, self.dtype, reads)
        if fold is None:
            dense = all(axis.kernel and axis.stride == axis.dilation == 1 for axis in self.axes)
            return self._over_windows(lambda sizes: reduction.by_window(sizes, self.dtype, dense))
        if self.selecting:
            steps = _selecting(self.axes)
        else:
            sums = fold.pair.comparisons == 0
            steps = _folding(self.axes, sums, self.inner, self.dtype.itemsize)
        return inputs * fold.each + steps * fold.pair + self.outputs * fold.last


# --- the folds: kernels/tiles.pxi, rows.pxi and select.pxi, and their limits ---

_SLIDING_TAPS = 6  # windows not far apart with more taps than this are made of shorter ones
_TALL = 6  # rows of windows one row apart: with more than this they are swept
_LEAF = 32  # taps that one loop combines
_PHASES = 8  # strides up to this: along the row a window is folded at every place
_BLOCK = 32  # bytes of a row of channels that is folded as one


def _folding(axes: list[_Axis], sums: bool, inner: int, itemsize: int) -> int:
    """Combinations of two for a plane: planes, then rows, then along the row."""
    *others, along = axes
    passes = [axis.steps for axis in others]
    tall = bool(others) and _is_tall(others[-1])
    if tall:
        passes[-1] = 3 * others[-1].windows
    passes.append(_along(along, sums, inner, itemsize))
    total = 0
    if len(axes) == 3 and not tall and itemsize >= 4 and _is_stacked(*others):
        depth, height = others
        taps = sum(depth.sizes) * sum(height.sizes)
        total = (taps - depth.windows * height.windows) * along.length
        passes[:2] = [0, 0]
    for i, steps in enumerate(passes):
        done = prod(axis.windows for axis in axes[:i])
        total += done * steps * prod(axis.length for axis in axes[i + 1 :])
    return total


def _is_tall(axis: _Axis) -> bool:
    return axis.kernel > _TALL and axis.stride == 1 and axis.dilation == 1 and axis.windows > 1


def _is_stacked(depth: _Axis, height: _Axis) -> bool:
    return 0 < depth.kernel * height.kernel <= _LEAF and depth.kernel > 1


def _along(axis: _Axis, sums: bool, inner: int, itemsize: int) -> int:
    """The fold along the row, of whose padding the row has copies."""
    if axis.kernel == 0:
        return axis.steps
    places, narrow = axis.windows, inner * itemsize < _BLOCK
    if 2 < axis.stride <= _PHASES and narrow:
        places = (axis.windows - 1) * axis.stride + 1
    if axis.kernel <= _SLIDING_TAPS or axis.windows == 1:
        return places * (axis.kernel - 1)
    if axis.stride == 1 or (axis.stride <= _PHASES and axis.kernel > 16 * axis.stride and narrow):
        return ((axis.windows - 1) * axis.stride + 1) * _slide(axis.kernel, sums)
    return places * (axis.kernel - 1)


def _slide(taps: int, sums: bool) -> int:
    """Windows four times as long from four; sums may not overlap, so they have a remainder."""
    length, steps, parts = 1, 0, 0
    while (8 if sums else 4) * length < taps:
        steps += 3
        length *= 4
    if not sums:
        return steps + -(-taps // length) - 1
    while taps > 0:
        parts += taps // length
        taps %= length
        length //= 4
    return steps + parts - 1


def _selecting(axes: list[_Axis]) -> int:
    """With positions: along the row, then rows, then planes."""
    total = 0
    for i, axis in enumerate(axes):
        done = prod(later.windows for later in axes[i + 1 :])
        total += prod(earlier.length for earlier in axes[:i]) * axis.steps * done
    return total


# Weighted sums ------------------------------------------------------------------------------------


def of_products(output_shape: Ints, taps: int, more: Operations = NOTHING) -> Work:
    """Sums of products with one weight for each tap. No window is shorter: padding counts."""
    each = Operations(additions=max(taps - 1, 0), multiplications=taps) + more
    work = prod(output_shape) * each
    return Work(output_shape, work, work)


def of_separable(shape: Ints, places: Ints, taps: Sequence[int], windows: Sequence[int]) -> Work:
    """Sums whose weights are products of one for each axis: by the formula one for each tap; the
    kernels go along one axis after the other (kernels/weighted.pxi)."""
    passes, current = NOTHING, list(shape)
    for axis, kernel, count in zip(places, taps, windows, strict=True):
        current[axis] = count
        passes += prod(current) * Operations(additions=kernel - 1, multiplications=kernel)
    return replace(of_products(tuple(current), prod(taps)), kernels=passes)
