"""Subsampling without a blur: of all phases of the stride, the one that has most of the signal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays, counting, lanes
from cpool.alternatives.common import (
    counted,
    differentiable,
    per_axis,
    pooled_axes,
    present,
    reads,
    refuse_missing,
    rounded,
    windows_with,
    work_dtype,
)
from cpool.arrays import Options
from cpool.reductions import Lp
from cpool.reductions.base import Operations, Pullback, Work, gradient_dtype
from cpool.results import stored

if TYPE_CHECKING:
    from cpool.windows import _Ints

__all__ = ["polyphase_pool1d", "polyphase_pool2d"]

Array = NDArray[Any]

BLOCK = 2**16  # elements that are float64 at a time, in the second cache
ALONE = 2**10  # elements of an example that are worth being copied for themselves

# Components ---------------------------------------------------------------------------------------


def _components(x: Array, strides: Sequence[int], places: Sequence[int]) -> list[Any]:
    """For each phase, in row-major order, the index of its elements."""
    found = []
    # A phase beyond the axis is one before, once more.
    phases = (min(step, x.shape[axis]) for axis, step in zip(places, strides, strict=True))
    for phase in itertools.product(*map(range, phases)):
        index = [slice(None)] * x.ndim
        for axis, first, step in zip(places, phase, strides, strict=True):
            index[axis] = slice(first, None, step)
        found.append(tuple(index))
    return found


def _continued(x: Array, strides: Sequence[int], places: Sequence[int]) -> Array:
    """x, its pooled axes continued circularly to the next multiple of the stride."""
    for axis, step in zip(places, strides, strict=True):
        n = x.shape[axis]
        if step < n and n % step != 0:
            x = np.take(x, np.arange(n + -n % step) % n, axis)
    return x


def _folded_back(gx: Array, shape: tuple[int, ...], places: Sequence[int]) -> Array:
    """The transpose of `_continued`: the gradient of a repeated element goes to the element."""
    for axis in reversed(places):
        n = shape[axis]
        along = np.moveaxis(gx, axis, 0)
        rest = along[n:]
        along[: len(rest)] += rest
        gx = np.moveaxis(along[:n], 0, axis)
    return gx


def _each(chosen: Array, components: Sequence[Any], alone: bool) -> Iterator[tuple[Any, Any]]:
    """Examples, and the index of the component that was chosen of them: one by one if they are
    long, else those of a component together, which makes copies, but few steps."""
    for number, index in enumerate(components):
        some = np.flatnonzero(chosen == number)
        for n in some if alone else [some]:
            yield n, index


def _gathered(full: Array, components: Sequence[Any], chosen: Array) -> Array:
    """The chosen component of each example."""
    shape = full[components[0]].shape
    y = np.empty(shape, full.dtype.newbyteorder("="))
    for n, index in _each(chosen, components, math.prod(shape[1:]) >= ALONE):
        y[n] = full[index][n]
    return y


def _scattered(
    gy: Array, components: Sequence[Any], chosen: Array, shape: tuple[int, ...], dtype: Any
) -> Array:
    """The transpose."""
    gx = np.zeros(shape, dtype)
    for n, index in _each(chosen, components, math.prod(gy.shape[1:]) >= ALONE):
        gx[index][n] = gy[n]
    return gx


# Norms --------------------------------------------------------------------------------------------


def _sizes(x: Array, norm: float, scale: Array | None, room: Array) -> Array:
    """|x / scale| in float64; |x| for inf, which needs no scale, and x for squares."""
    sizes = room[: x.size].reshape(x.shape)
    np.copyto(sizes, x)
    if norm != 2:
        np.abs(sizes, out=sizes)
    if scale is not None and not np.isinf(norm):
        sizes /= scale.reshape(-1, *[1] * (x.ndim - 1))
    return sizes


def _powers(sizes: Array, kept: int, norm: float) -> Array:
    """The sum of powers (for inf, the maximum) over all axes but the first and the one kept."""
    rest = tuple(axis for axis in range(1, sizes.ndim) if axis != kept)
    if np.isinf(norm):
        return sizes.max(rest)
    if norm == 2:
        axes = range(sizes.ndim)
        return np.einsum(sizes, axes, sizes, axes, [0, kept])
    sizes **= norm
    return sizes.sum(rest)


def _scale(x: Array, norm: float) -> Array | None:
    """The largest element of each example: divided by it, powers of elements neither overflow nor
    vanish. None where squares do not do so in float64."""
    if norm == 2 and gradient_dtype(x).itemsize < 8:
        return None
    rest = tuple(range(1, x.ndim))
    most, least = x.max(rest, initial=0), x.min(rest, initial=0)
    scale = np.maximum(most.astype(np.float64), -least.astype(np.float64))
    scale[~np.isfinite(scale) | (scale == 0)] = 1.0
    return scale


def _blocks(x: Array, kept: int) -> list[tuple[slice, ...]]:
    """Indices of parts of x that stay in the caches, along its first axis, and along the second
    where that is none that is kept."""
    each = max(x.size // max(len(x), 1), 1)
    some = max(BLOCK // each, 1)
    outer = [slice(i, i + some) for i in range(0, len(x), some)]
    if kept == 1 or each <= BLOCK:
        return [(part,) for part in outer]
    step = max(BLOCK * x.shape[1] // each, 1)
    inner = [slice(i, i + step) for i in range(0, x.shape[1], step)]
    return list(itertools.product(outer, inner))


def _along(x: Array, kept: int, norm: float, scale: Array | None) -> Array:
    """`_powers` of x, of all of its parts."""
    total = np.zeros((len(x), x.shape[kept]))
    join, blocks = np.maximum if np.isinf(norm) else np.add, _blocks(x, kept)
    room = np.empty(max((x[block].size for block in blocks), default=0))
    for block in blocks:
        part = _sizes(x[block], norm, None if scale is None else scale[block[0]], room)
        join(total[block[0]], _powers(part, kept, norm), out=total[block[0]])
    return total


def _columns(
    x: Array, strides: Sequence[int], places: Sequence[int], norm: float
) -> Iterator[Array]:
    """For the rows of each phase, what is in each column: sums of powers, or maxima."""
    first, last = places[0], places[-1]
    if norm == 2 and x.dtype == np.float32 and x.flags.c_contiguous and x.flags.aligned:
        rows, step = (x.shape[first], strides[0]) if len(places) == 2 else (1, 1)
        sizes = x.shape[1:first], x.shape[last + 1 :]
        shape = len(x), math.prod(sizes[0]), rows, x.shape[last], math.prod(sizes[1])
        yield from lanes.squares(x, shape, step).swapaxes(0, 1)
        return
    scale = _scale(x, norm)
    for index in _components(x, strides[:-1], places[:-1]):
        yield _along(x[index], last, norm, scale)


def _chosen(x: Array, strides: Sequence[int], places: Sequence[int], norm: float) -> Array:
    """The number of the component with the largest norm, for each index of the first axis."""
    add = np.max if np.isinf(norm) else np.sum
    norms = []
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for columns in _columns(x, strides, places, norm):
            phases = range(min(strides[-1], columns.shape[1]))
            norms += [add(columns[:, j :: strides[-1]], axis=1) for j in phases]
    return np.argmax(norms, axis=0)


def _norm_type(norm_type: Any) -> float:
    if isinstance(norm_type, (bool, np.bool_)) or not isinstance(
        norm_type, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"norm_type must be a number, got {norm_type!r}")
    if not norm_type > 0:
        raise ValueError(f"norm_type must be positive or inf, got {norm_type!r}")
    return float(norm_type)


# The functions ------------------------------------------------------------------------------------


def _batch(x: Array, rank: int) -> Array:
    """x with a first axis for whose indices components are chosen."""
    return x if x.ndim > rank + 1 else x[np.newaxis]


def _polyphase(x: Any, stride: Any, norm_type: Any, options: Options) -> tuple[Array, Pullback]:
    x = arrays.as_input(x)
    norm, rank = _norm_type(norm_type), options.rank
    given = windows_with(1, stride)
    places, order = pooled_axes(x, given, None, options.channels_last, rank)
    strides, mask = per_axis(given.stride, order), present(x, options)
    batch = _batch(x, rank)
    places = tuple(axis + batch.ndim - x.ndim for axis in places)
    components = _components(batch, strides, places)
    full = _continued(batch, strides, places)
    there = None if mask is None else _continued(_batch(mask, rank), strides, places)
    seen = full if there is None else np.where(there, full, full.dtype.type(0))
    chosen = _chosen(seen, strides, places, norm)
    y, kept = _gathered(full, components, chosen), None
    asked = y.dtype if options.dtype is None else arrays.as_dtype(options.dtype)
    if there is not None:
        kept = _gathered(there, components, chosen)
        if not kept.all():
            refuse_missing(asked)
            y = np.where(kept, y, gradient_dtype(y).type(np.nan))
    batched, y_shape = y.shape, y.shape[batch.ndim - x.ndim :]
    full_shape, batch_shape, shape = full.shape, batch.shape, x.shape
    work, dtype = work_dtype(x), gradient_dtype(x)

    def pullback(gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, y_shape).reshape(batched)
        gy = gy if kept is None else np.where(kept, gy, gy.dtype.type(0))
        gx = _scattered(gy, components, chosen, full_shape, work)
        gx = _folded_back(gx, batch_shape, places).reshape(shape)
        return rounded(np.ascontiguousarray(gx), dtype)

    y = stored(y.reshape(y_shape), asked, options.out, x, options.where)
    return y, pullback


def polyphase_pool1d(
    x: ArrayLike,
    stride: _Ints = 2,
    *,
    norm_type: float = 2,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Keep every stride-th element of the last axis, starting where most of the signal is.

    ``y = x[i::stride]``, with the i for which ``‖y‖ = (Σ |y|ᵖ)^(1/p)``, p = `norm_type`, is the
    largest.

    Parameters
    ----------
    x : array_like
        Input (..., W), or with `channels_last` (..., W, C); not modified.
    stride : int
        Number of phases: component i has the elements i, i + stride, i + 2 stride, ...
    norm_type : float
        The p of the l_p norm by which components are compared: positive, or inf.
    channels_last : bool
        Pool the axis before the last one.
    nan_policy : {"propagate", "omit", "raise"}
        A component with a NaN is chosen before all others, a NaN does not exist, or is a
        ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. The others are in no norm; where the chosen component
        has one it is NaN if the result is floating, else that is a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        The component with the largest norm, with ``ceil(W / stride)`` in place of W and x's dtype.
        One choice for each index of the first axis, over all channels; one for the whole of x if
        it has no more than 2 axes.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or the pooled axis is empty.

    See Also
    --------
    polyphase_pool2d : The same along two axes, with notes.

    References
    ----------
    Chaman, A. and Dokmanić, I. (2021). Truly shift-invariant convolutional neural networks.
    CVPR 2021, 3773-3783.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([1, 5, 2, 7, 0, 6])
    >>> cpool.polyphase_pool1d(x)
    array([5, 7, 6])
    >>> cpool.polyphase_pool1d(np.roll(x, 1))
    array([6, 5, 7])
    """
    options = Options(None, channels_last, 1, nan_policy, where, dtype, out)
    return _polyphase(x, stride, norm_type, options)[0]


def polyphase_pool2d(
    x: ArrayLike,
    stride: _Ints = 2,
    *,
    norm_type: float = 2,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Keep every stride-th row and column, starting where most of the signal is.

    ``y = x[i::stride, j::stride]``, with the i and j for which ``‖y‖ = (Σ |y|ᵖ)^(1/p)``,
    p = `norm_type`, is the largest.

    Parameters
    ----------
    x : array_like
        Input (..., H, W), or with `channels_last` (..., H, W, C); not modified.
    stride : int or tuple of int
        Number of phases along each axis: component (i, j) has the rows i, i + stride, ... and the
        columns j, j + stride, ...
    norm_type : float
        The p of the l_p norm by which components are compared: positive, or inf.
    channels_last : bool
        Pool the two axes before the last one.
    nan_policy : {"propagate", "omit", "raise"}
        A component with a NaN is chosen before all others, a NaN does not exist, or is a
        ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. The others are in no norm; where the chosen component
        has one it is NaN if the result is floating, else that is a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        The component with the largest norm, with ``ceil(H / stride)`` and ``ceil(W / stride)`` in
        place of H and W, and x's dtype. One choice for each index of the first axis, over all
        channels; one for the whole of x if it has no more than 3 axes.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, or a pooled axis is empty.

    See Also
    --------
    blur_pool2d : Blurs instead of choosing.

    Notes
    -----
    If the input is shifted circularly, so is the result: the components are the same, in another
    order. That holds for lengths that are multiples of the stride. Others are continued circularly
    to the next multiple, and it holds nearly.

    Of components with equal norms the first in row-major order is chosen, and of those with a NaN
    the first. The gradient goes to the elements of the chosen component; the choice itself has
    none.

    References
    ----------
    Chaman, A. and Dokmanić, I. (2021). Truly shift-invariant convolutional neural networks.
    CVPR 2021, 3773-3783.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[0, 1, 0, 2], [5, 0, 6, 0], [0, 3, 0, 4], [7, 0, 8, 0]])
    >>> cpool.polyphase_pool2d(x)
    array([[5, 6],
           [7, 8]])
    >>> cpool.polyphase_pool2d(np.roll(x, 1, axis=1))
    array([[5, 6],
           [7, 8]])
    """
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _polyphase(x, stride, norm_type, options)[0]


def _ranked(rank: int) -> Callable[..., tuple[Array, Pullback]]:
    def run(x: Any, stride: Any, norm_type: Any, **given: Any) -> tuple[Array, Pullback]:
        return _polyphase(x, stride, norm_type, Options(rank=rank, **given))

    return run


def _work(
    x: Array, stride: Any, norm_type: Any, channels_last: Any, where: Any, rank: int, **_: Any
) -> Work:
    """The norms of the components of each example, and which of them is the largest."""
    norm, given = _norm_type(norm_type), windows_with(1, stride)
    places, order = pooled_axes(x, given, None, channels_last, rank)
    shape, phases = list(x.shape), 1
    for axis, step in zip(places, per_axis(given.stride, order), strict=True):
        step = min(step, x.shape[axis])
        shape[axis], phases = -(-x.shape[axis] // step), phases * step
    examples = x.shape[0] if x.ndim > rank + 1 else 1
    size = math.prod(shape) // max(examples, 1)
    formula, kernels = (
        examples * (phases * norms + Operations(comparisons=phases - 1))
        for norms in (Lp(norm).operations(size), _power_sums(norm, size, x))
    )
    dtype = x.dtype.newbyteorder("=")
    return Work(tuple(shape), formula, kernels, read=counting.size_of(where), dtype=dtype)


def _power_sums(norm: float, size: int, x: Array) -> Operations:
    """In place of a norm: no root is taken, but where powers may overflow elements are compared
    with the largest and the least one, and divided by what that gives."""
    norms = Lp(norm)
    sums = replace(norms.operations(size), functions=size * norms.each.functions)
    if norm == 2 and gradient_dtype(x).itemsize < 8:
        return sums
    return sums + size * Operations(comparisons=2, divisions=0 if math.isinf(norm) else 1)


for _rank, _function in enumerate((polyphase_pool1d, polyphase_pool2d), 1):
    differentiable(_function, _ranked(_rank))
    counted(_function, partial(_work, rank=_rank))
    reads(_function, "whose phase depends on all elements")
