"""Convolution with a stride: pooling whose weights are learned.

Arrays are seen as (N, groups, channels of a group, *space), whatever their layout. The result is
made in one of two ways:

(a) The elements that the windows of a block of outputs read become the columns of a matrix
    ("im2col": Chellapilla, Puri and Simard 2006), some taps of the kernel at a time, so that
    columns never take more than a few MiB, and BLAS multiplies them with the weights.
(b) Where each group has one input and one output channel ("depthwise") matrices would have one
    row. There the compiled weighted sums make the result and the gradients.

What a tap reads of a block is a slice of the input, and the slice of those outputs for which it
lies inside of the input. The same slices take gradients back, so that nothing is ever padded.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, counting, weighted
from cpool.alternatives.common import (
    checked_policy,
    counted,
    differentiable,
    reads,
    refuse_nan,
    result_dtype,
)
from cpool.arrays import Options
from cpool.pooling import pool
from cpool.reductions.base import NOTHING, Gradients, Operations, Work, gradient_dtype
from cpool.results import stored, wide_dtype
from cpool.windows import Windows, sliding, whole

__all__ = ["conv1d", "conv2d", "conv3d"]

COLUMNS = 8 << 20  # bytes of columns at a time: with less, two threads wait for each other
NEAR = 1024  # elements that are read even if most are padding
LONG = 512  # columns with which a matrix product runs at full speed
RUN = 16  # channels that are worth being copied as a run


# Places, counted from the first, and the elements that are there.
_Read = tuple[slice, slice]


# --- geometry -------------------------------------------------------------------------------------


class _Axis(NamedTuple):
    """Windows along an axis: tap t of output o is element o * stride + t * dilation - before."""

    n: int
    kernel: int
    stride: int
    dilation: int
    before: int
    m: int

    @property
    def identity(self) -> bool:
        """Whether each output reads the element of its own number."""
        return self.kernel == self.stride == 1 and self.before == 0 and self.m == self.n

    def reads(self, outputs: slice) -> list[_Read | None]:
        """What each tap reads for these outputs, which are counted from the first of them."""
        base = outputs.start * self.stride - self.before
        count = outputs.stop - outputs.start
        return [self.inside(base + tap * self.dilation, count) for tap in range(self.kernel)]

    def read(self) -> np.ndarray:
        """Which elements some tap of some output reads."""
        read = np.zeros(self.n, bool)
        for each in self.reads(slice(0, self.m)):
            if each is not None:
                read[each[1]] = True
        return read

    def inside(self, first: int, count: int) -> _Read | None:
        """Those of `count` places, a stride apart and the first at element `first`, that are
        elements, and these; None if there are none."""
        start = max(0, -(first // self.stride))
        last = min(count - 1, (self.n - 1 - first) // self.stride)
        if start > last:
            return None
        at = first + start * self.stride
        elements = slice(at, first + last * self.stride + 1, self.stride)
        return slice(start, last + 1), elements


def _axis(n: int, kernel: int, stride: int, dilation: int, padding: Any) -> _Axis:
    span = (kernel - 1) * dilation + 1
    if n < 1:
        raise ValueError(f"x must not be empty along a convolved axis, got length {n}")
    if isinstance(padding, str):
        m = -(-n // stride)
        total = max((m - 1) * stride + span - n, 0)
        return _Axis(n, kernel, stride, dilation, (total + (padding != "same")) // 2, m)
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    m = (n + before + after - span) // stride + 1
    if m < 1:
        raise ValueError(
            f"weight has {kernel} taps along an axis, which with dilation {dilation} reach over "
            f"{span} elements, more than the padded axis has: {n} and padding ({before}, {after})"
        )
    return _Axis(n, kernel, stride, dilation, before, m)


def _is_near(axis: _Axis) -> bool:
    """Whether what windows reach over is not mostly padding, which the compiled sums read too."""
    return (axis.m - 1) * axis.stride + (axis.kernel - 1) * axis.dilation < 4 * axis.n + NEAR


def _blocks(lengths: tuple[int, ...], room: int) -> Iterator[tuple[slice, ...]]:
    """Boxes of at most `room` places, or one, of nearly the same size; last axes first."""
    ranges: list[list[slice]] = []
    for n in reversed(lengths):
        count = max(1, -(-n // max(room, 1)))
        step = max(1, -(-n // count))
        ranges.insert(0, [slice(i, min(i + step, n)) for i in range(0, n, step)])
        room //= step
    return itertools.product(*ranges)


def _size(box: Sequence[slice]) -> tuple[int, ...]:
    return tuple(part.stop - part.start for part in box)


def _count(box: Sequence[slice]) -> int:
    return prod(_size(box))


class _Tap(NamedTuple):
    """Where a tap has elements in a block; without any, slices are None."""

    places: tuple[slice, ...] | None
    elements: tuple[slice, ...] | None


def _crossed(reads: list[list[_Read | None]]) -> list[_Tap]:
    """What taps read along each axis, together, in row-major order."""
    taps = []
    for each in itertools.product(*reads):
        inside = [read for read in each if read is not None]
        if len(inside) < len(each):
            taps.append(_Tap(None, None))
        else:
            places, elements = zip(*inside, strict=True)
            taps.append(_Tap(places, elements))
    return taps


def _box(taps: list[_Tap]) -> list[slice] | None:
    """The elements between the first and the last that taps read."""
    read = [tap.elements for tap in taps if tap.elements is not None]
    if not read:
        return None
    return [
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*read, strict=True)
    ]


def _moved(tap: _Tap, box: list[slice]) -> _Tap:
    """A tap whose elements are counted from the beginning of a box."""
    if tap.elements is None:
        return tap
    moved = [
        slice(part.start - edge.start, part.stop - edge.start, part.step)
        for part, edge in zip(tap.elements, box, strict=True)
    ]
    return tap._replace(elements=tuple(moved))


# --- arguments ------------------------------------------------------------------------------------


def _group_count(groups: Any) -> int:
    try:
        count = None if isinstance(groups, (bool, np.bool_)) else operator.index(groups)
    except TypeError:
        count = None
    if count is None:
        raise TypeError(f"groups must be an int, got {groups!r}")
    if count < 1:
        raise ValueError(f"groups must be at least 1, got {count}")
    return count


def _check_shapes(
    rank: int, x: np.ndarray, weight: np.ndarray, groups: int, channels_last: bool
) -> None:
    space = "*space, C" if channels_last else "C, *space"
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"x must be (N, {space}) or ({space}) with {rank} convolved "
            f"{'axis' if rank == 1 else 'axes'}: {rank + 2} or {rank + 1} axes, got shape {x.shape}"
        )
    if weight.ndim != rank + 2:
        raise ValueError(
            f"weight must be (C_out, C_in / groups, *kernel): {rank + 2} axes, got shape "
            f"{weight.shape}"
        )
    if 0 in weight.shape:
        raise ValueError(f"weight must not be empty, got shape {weight.shape}")
    channels = x.shape[-1 if channels_last else -rank - 1]
    if channels % groups or weight.shape[0] % groups:
        raise ValueError(
            f"groups must divide the channels of x and of the result, which are {channels} and "
            f"{weight.shape[0]}, got {groups}"
        )
    if channels != groups * weight.shape[1]:
        raise ValueError(
            f"weight must have C_in / groups = {channels} / {groups} = {channels // groups} "
            f"channels on its second axis for x of shape {x.shape}, got shape {weight.shape}"
        )


def _checked_bias(bias: Any, channels: int) -> np.ndarray | None:
    if bias is None:
        return None
    bias = arrays.as_input(bias, "bias")
    if bias.shape != (channels,):
        raise ValueError(
            f"bias must have one value for each of the {channels} output channels, got shape "
            f"{bias.shape}"
        )
    return bias


# --- a convolution --------------------------------------------------------------------------------


#: What overflows is infinite, without a warning, as in the compiled poolings.
_SILENT = np.errstate(all="ignore")


class _Convolution:
    """One call, its arguments checked. Subclasses say how a block of outputs is computed."""

    @_SILENT
    def __init__(
        self, x: np.ndarray, weight: np.ndarray, axes: list[_Axis], groups: int, options: Options
    ) -> None:
        self.axes, self.groups, self.channels_last = axes, groups, options.channels_last
        self.x_shape, self.weight_shape = x.shape, weight.shape
        self.dtype, self.weight_dtype = gradient_dtype(x), gradient_dtype(weight)
        self.compute = wide_dtype(x, options.dtype)
        self.x = self._grouped(x)
        self.inputs, self.outputs = weight.shape[1], weight.shape[0] // groups
        self.taps = prod(weight.shape[2:])
        by_tap = weight.reshape(groups, self.outputs, self.inputs, self.taps).swapaxes(2, 3)
        # (groups, outputs, taps, inputs): a copy, whatever it was.
        self.weight = np.array(by_tap, self.compute, order="C")

    @property
    def y_shape(self) -> tuple[int, ...]:
        space = tuple(axis.m for axis in self.axes)
        batch = self.x_shape[: -len(space) - 1]
        channels = self.weight_shape[0]
        return (*batch, *space, channels) if self.channels_last else (*batch, channels, *space)

    @_SILENT
    def forward(self, bias: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
        """The result, in a floating type that is not wider than what it is computed in."""
        y = np.empty(self.y_shape, dtype)
        y_grouped = self._grouped(y)
        if bias is None:
            bias = np.zeros(self.weight_shape[0])
        bias = bias.astype(self.compute).reshape(self.groups, -1, *[1] * len(self.axes))
        for block in self.blocks():
            values = self.values(block)
            np.add(values, bias[block[1]], out=y_grouped[_of(block)], casting="unsafe")
        return y

    @_SILENT
    def gradient_in_x(self, gy: Any) -> np.ndarray:
        gy = self._grouped(arrays.checked_gradient(gy, self.y_shape))
        gx = np.zeros(self.x_shape, self.compute)
        gx_grouped = self._grouped(gx)
        for block in self.blocks():
            self.add_to_inputs(gx_grouped[block[:2]], gy[_of(block)], block)
        return gx.astype(self.dtype, copy=False)

    @_SILENT
    def gradient_in_weight(self, gy: Any) -> np.ndarray:
        gy = self._grouped(arrays.checked_gradient(gy, self.y_shape))
        gw = np.zeros_like(self.weight)
        for block in self.blocks():
            self.add_to_weights(gw[block[1]], gy[_of(block)], block)
        return gw.swapaxes(2, 3).reshape(self.weight_shape).astype(self.weight_dtype)

    @_SILENT
    def gradient_in_bias(self, gy: Any, dtype: np.dtype) -> np.ndarray:
        gy = self._grouped(arrays.checked_gradient(gy, self.y_shape))
        space = tuple(range(3, gy.ndim))
        sums = pool(gy, "sum", whole(), axes=space, dtype=np.float64)
        return sums.sum(axis=0).reshape(-1).astype(dtype)

    def refuse_nan(self) -> None:
        """Raise for a NaN in what windows read: a stride may leave elements out."""
        read = [axis.read() for axis in self.axes]
        everything = all(each.all() for each in read)
        refuse_nan(self.x if everything else self.x[(..., *np.ix_(*read))])

    def blocks(self) -> Iterator[tuple[slice, ...]]:
        """Boxes (N, groups, *space) of outputs."""
        raise NotImplementedError

    def values(self, block: tuple[slice, ...]) -> np.ndarray:
        """The outputs (N, groups, outputs, *space) of a block, without bias."""
        raise NotImplementedError

    def add_to_inputs(self, gx: np.ndarray, gy: np.ndarray, block: tuple[slice, ...]) -> None:
        """Take the gradient of a block's outputs to the inputs of its part of the batch."""
        raise NotImplementedError

    def add_to_weights(self, gw: np.ndarray, gy: np.ndarray, block: tuple[slice, ...]) -> None:
        """Take the gradient of a block's outputs to the weights of its groups."""
        raise NotImplementedError

    def _grouped(self, a: np.ndarray) -> np.ndarray:
        """An array in the caller's layout as a view (N, groups, channels of a group, *space)."""
        if a.ndim == len(self.axes) + 1:
            a = a[None]
        if self.channels_last:
            a = a.transpose(0, -1, *range(1, a.ndim - 1))
        return a.reshape(a.shape[0], self.groups, a.shape[1] // self.groups, *a.shape[2:])

    @property
    def _runs(self) -> bool:
        """Whether the channels of an element are copied as a run."""
        return self.channels_last and self.inputs >= RUN

    def _taps(self, block: tuple[slice, ...]) -> list[_Tap]:
        parts = zip(self.axes, block[2:], strict=True)
        return _crossed([axis.reads(part) for axis, part in parts])

    def _input(self, block: tuple[slice, ...]) -> tuple[np.ndarray, list[_Tap]]:
        """An array, and where the taps of a block are in it. What they read is converted, and put
        into rows, once and not for each tap."""
        x, taps = self.x[block[:2]], self._taps(block)
        if x.dtype == self.compute and (self._runs or x.strides[-1] == x.itemsize):
            return x, taps
        box = _box(taps)
        if box is None or _count(box) > len(taps) * _count(block[2:]):
            return x, taps  # they lie so far apart that it is less to take each for itself
        return x[(..., *box)].astype(self.compute, order="C"), [_moved(tap, box) for tap in taps]


class _ByColumns(_Convolution):
    """Weights times columns, one for each output, of what it reads."""

    def blocks(self) -> Iterator[tuple[slice, ...]]:
        room = COLUMNS // self.compute.itemsize // self.groups
        long = min(LONG, room // max(self.inputs, self.outputs))
        room = max(room // max(self.inputs * self.taps, self.outputs), long)
        lengths = (self.x.shape[0], *(axis.m for axis in self.axes))
        groups = slice(0, self.groups)
        return ((batch, groups, *space) for batch, *space in _blocks(lengths, room))

    def values(self, block: tuple[slice, ...]) -> np.ndarray:
        y, view = self._matrix((self.outputs,), block, self.channels_last)
        for i, (some, columns) in enumerate(self._columns(block)):
            if i == 0:
                np.matmul(self._weights(some), columns, out=y)
            else:
                y += self._weights(some) @ columns
        return view

    def add_to_inputs(self, gx: np.ndarray, gy: np.ndarray, block: tuple[slice, ...]) -> None:
        gy_matrix = self._gradients(gy, block)
        taps = self._taps(block)
        for some in self._parts(block):
            each = taps[some]
            columns, view = self._matrix((len(each), self.inputs), block, self._runs)
            np.matmul(self._weights(some).swapaxes(1, 2), gy_matrix, out=columns)
            for i, tap in enumerate(each):
                if tap.elements is not None:
                    gx[(..., *tap.elements)] += view[:, :, i][(..., *tap.places)]

    def add_to_weights(self, gw: np.ndarray, gy: np.ndarray, block: tuple[slice, ...]) -> None:
        gy_matrix = self._gradients(gy, block)
        for some, columns in self._columns(block):
            product = gy_matrix @ columns.swapaxes(1, 2)
            gw[:, :, some] += product.reshape(*gw.shape[:2], -1, self.inputs)

    def _weights(self, some: slice) -> np.ndarray:
        return self.weight[:, :, some].reshape(self.groups, self.outputs, -1)

    def _gradients(self, gy: np.ndarray, block: tuple[slice, ...]) -> np.ndarray:
        matrix, view = self._matrix((self.outputs,), block, self.channels_last)
        np.copyto(view, gy, casting="unsafe")
        return matrix

    def _matrix(
        self, rows: tuple[int, ...], block: tuple[slice, ...], inner: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """An empty matrix (groups, rows, outputs of a block) and its view (N, groups, *rows,
        *space). Inner: rows lie closest in memory, which to BLAS is a transposed matrix."""
        n, groups, *space = _size(block)
        if not inner:
            matrix = np.empty((groups, prod(rows), n * prod(space)), self.compute)
            view = matrix.reshape(groups, *rows, n, *space)
            return matrix, np.moveaxis(view, 1 + len(rows), 0)
        matrix = np.empty((n * prod(space), groups, prod(rows)), self.compute)
        view = matrix.reshape(n, *space, groups, *rows)
        last = range(-len(space), 0)
        return matrix.transpose(1, 2, 0), np.moveaxis(view, range(1, 1 + len(space)), last)

    def _parts(self, block: tuple[slice, ...]) -> list[slice]:
        """Taps whose columns are made together."""
        each = self.compute.itemsize * self.inputs * _count(block)
        return [part for (part,) in _blocks((self.taps,), COLUMNS // each)]

    def _columns(self, block: tuple[slice, ...]) -> Iterator[tuple[slice, np.ndarray]]:
        """Some taps, and the matrix (groups, taps and inputs, outputs) of what they read."""
        if self.x.dtype == self.compute and all(axis.identity for axis in self.axes):
            x = np.moveaxis(self.x[_of(block)], 0, 2)
            yield slice(0, 1), x.reshape(self.groups, self.inputs, -1)  # mostly a view
            return
        x, taps = self._input(block)
        for some in self._parts(block):
            each = taps[some]
            columns, view = self._matrix((len(each), self.inputs), block, self._runs)
            for i, tap in enumerate(each):
                _clear_outside(view[:, :, i], tap)
                _fill(view[:, :, i], x, tap)
            yield some, columns


class _Depthwise(_ByColumns):
    """Groups of one channel: sums over windows, with weights of their own for each channel."""

    @_SILENT
    def forward(self, bias: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
        y = np.empty(self.y_shape, dtype)
        self._sums(self.x, self._grouped(y), bias)
        return y

    @_SILENT
    def gradient_in_x(self, gy: Any) -> np.ndarray:
        gy = arrays.gradient_input(gy, self.y_shape, self.compute == np.float64)
        gx = np.empty(self.x_shape, self.dtype)
        self._sums(self._grouped(gy), self._grouped(gx), transposed=True)
        return gx

    @_SILENT
    def gradient_in_weight(self, gy: Any) -> np.ndarray:
        gy = arrays.checked_gradient(gy, self.y_shape)
        pair = [np.require(a[:, :, 0], self.compute, "A") for a in (self.x, self._grouped(gy))]
        slopes = weighted.dense_slopes(*pair, [tuple(axis) for axis in self.axes])
        if slopes is None:
            return super().gradient_in_weight(gy)
        return slopes.T.reshape(self.weight_shape).astype(self.weight_dtype)

    def _sums(
        self, x: np.ndarray, y: np.ndarray, bias: np.ndarray | None = None, transposed: bool = False
    ) -> None:
        weights = np.zeros((self.taps + 1, self.groups), self.compute)
        weights[:-1] = self.weight[:, 0, :, 0].T
        if bias is not None:
            weights[-1] = bias
        windows = [tuple(axis) for axis in self.axes]
        weighted.dense_sums(x[:, :, 0], y[:, :, 0], windows, weights, transposed)


def _of(block: tuple[slice, ...]) -> tuple[slice, ...]:
    """A block, with all channels of its groups."""
    return (*block[:2], slice(None), *block[2:])


def _clear_outside(places: np.ndarray, tap: _Tap) -> None:
    """Put zeros where a tap reads nothing."""
    if tap.places is None:
        places[...] = 0
        return
    for axis, part in enumerate(tap.places, start=-len(tap.places)):
        beside = (slice(None),) * (-axis - 1)
        if part.start > 0:
            places[(..., slice(part.start), *beside)] = 0
        if part.stop < places.shape[axis]:
            places[(..., slice(part.stop, None), *beside)] = 0


def _fill(places: np.ndarray, x: np.ndarray, tap: _Tap) -> None:
    """Put what a tap reads where it reads it."""
    if tap.elements is not None:
        inside = places[(..., *tap.places)]
        np.copyto(inside, x[(..., *tap.elements)], casting="unsafe")


_NO_OMISSION = "a weight means nothing without its element"


def _axes(
    rank: int, x: np.ndarray, weight: np.ndarray, stride: Any, padding: Any, dilation: Any,
    groups: int, channels_last: bool,
) -> list[_Axis]:  # fmt: skip
    """The windows along each axis, of arguments that fit each other."""
    _check_shapes(rank, x, weight, groups, channels_last)
    if stride is None:
        raise TypeError("stride must be an int or one int for each axis, got None")
    windows: Any = sliding(weight.shape[2:], stride, padding, dilation)  # which checks them
    pads = windows.padding if isinstance(windows.padding, tuple) else (windows.padding,) * rank
    space = x.shape[-rank - 1 : -1] if channels_last else x.shape[-rank:]
    of_axes = zip(space, weight.shape[2:], windows.stride, windows.dilation, pads, strict=True)
    return [_axis(*of_axis) for of_axis in of_axes]


def _arguments(
    rank: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: Any, options: Options,
) -> tuple[_Convolution, np.ndarray | None]:  # fmt: skip
    x, weight = arrays.as_input(x), arrays.as_input(weight, "weight")
    last, groups = arrays.flag(options.channels_last, "channels_last"), _group_count(groups)
    checked_policy(options.nan_policy, _NO_OMISSION)
    axes = _axes(rank, x, weight, stride, padding, dilation, groups, last)
    depthwise = weight.shape[1] == 1 and weight.shape[0] == groups and all(map(_is_near, axes))
    call = (_Depthwise if depthwise else _ByColumns)(x, weight, axes, groups, options)
    if options.nan_policy == "raise":
        call.refuse_nan()
    return call, _checked_bias(bias, weight.shape[0])


def _result(
    call: _Convolution, x: Any, weight: Any, bias: np.ndarray | None, options: Options
) -> np.ndarray:
    plain = options.dtype is None
    dtype = call.dtype if plain else result_dtype(call.x, options.dtype)
    # Of types that sums are not made in, float16 too, `stored` makes what is asked for.
    y = call.forward(bias, dtype if plain else call.compute)
    return stored(y, dtype, options.out, x, weight, bias)


def _conv(rank: int, *args: Any, options: Options) -> np.ndarray:
    call, bias = _arguments(rank, *args, options)
    return _result(call, *args[:2], bias, options)


def _conv_vjp(rank: int, *args: Any, options: Options) -> tuple[np.ndarray, Gradients]:
    call, bias = _arguments(rank, *args, options)
    y = _result(call, *args[:2], bias, options)
    call.x = call.x.copy(order="K")  # the caller may change it
    by: dict[str, Callable[[Any], np.ndarray]] = {
        "x": call.gradient_in_x, "weight": call.gradient_in_weight
    }  # fmt: skip
    if bias is not None:
        by["bias"] = partial(call.gradient_in_bias, dtype=gradient_dtype(bias))
    return y, Gradients(**by)


# --- the functions --------------------------------------------------------------------------------


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[Any, ...] | str = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolution along one axis with learned weights: a cross-correlation, as PyTorch's.

    ``y[n, o, i] = bias[o] + Σ weight[o, c, t] x[n, c, s i + d t - p]``, over the input channels c
    of o's group and the taps t; s is the stride, d the dilation, p the padding before the axis.

    Parameters
    ----------
    x : array_like
        ``(N, C_in, L)`` or ``(C_in, L)``, of any real type; it is not modified.
    weight : array_like
        ``(C_out, C_in / groups, k)``, of any real type, in either layout of x.
    bias : array_like, optional
        ``(C_out,)``, added to the result.
    stride : int or tuple of int
        Distance between windows.
    padding : int, tuple or {"valid", "same", "same_lower"}
        Zeros added on both sides of each axis: an int, or for each axis an int or a
        ``(before, after)`` pair. "same" gives ``ceil(n / stride)`` outputs, the odd zero at the
        end, "same_lower" at the beginning.
    dilation : int or tuple of int
        Distance between the taps of the kernel.
    groups : int
        Input and output channels are divided into as many groups, and each output reads its own
        group alone. ``groups=C_in`` is depthwise.
    channels_last : bool
        x is ``(N, L, C_in)`` or ``(L, C_in)``, and so is the result.
    nan_policy : {"propagate", "raise"}
        A NaN in x makes its windows NaN, or is a ValueError. "omit" is one too, because a weight
        means nothing without its element.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap the
        inputs.

    Returns
    -------
    ndarray
        x's shape with C_out channels and an output for each window, of x's dtype; float64 for
        integers. Products are summed in float64 where the result is float64, else in float32, to
        which weight and bias are converted.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array is masked, complex or not of numbers.
    ValueError
        If an argument is out of range, or the shapes do not fit one another.

    See Also
    --------
    avg_pool1d : The same with equal weights, each channel for itself.

    Notes
    -----
    `vjp` differentiates by x, weight and bias. The matrix products are NumPy's: they use as many
    threads as its BLAS does, not those of `set_num_threads`, and a BLAS may round differently from
    machine to machine.

    References
    ----------
    .. [1] Springenberg, J. T., Dosovitskiy, A., Brox, T. and Riedmiller, M. (2014). Striving for
           simplicity: the all convolutional net. arXiv:1412.6806.
    .. [2] Chellapilla, K., Puri, S. and Simard, P. (2006). High performance convolutional neural
           networks for document processing. Tenth International Workshop on Frontiers in
           Handwriting Recognition.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(6.0).reshape(1, 6)
    >>> cpool.conv1d(x, [[[1.0, 1.0]]], stride=2)
    array([[1., 5., 9.]])
    """
    options = Options(None, channels_last, 1, nan_policy, None, dtype, out)
    return _conv(1, x, weight, bias, stride, padding, dilation, groups, options=options)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[Any, ...] | str = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolution along two axes with learned weights: a cross-correlation, as PyTorch's.

    ``y[n, o, i, j] = bias[o] + Σ weight[o, c, t, u] x[n, c, s i + d t - p, s j + d u - p]``, over
    the input channels c of o's group and the taps (t, u); s is the stride, d the dilation, p the
    padding before each axis.

    Parameters
    ----------
    x : array_like
        ``(N, C_in, H, W)`` or ``(C_in, H, W)``, of any real type; it is not modified.
    weight : array_like
        ``(C_out, C_in / groups, kh, kw)``, of any real type, in either layout of x.
    bias : array_like, optional
        ``(C_out,)``, added to the result.
    stride : int or tuple of int
        Distance between windows.
    padding : int, tuple or {"valid", "same", "same_lower"}
        Zeros added on both sides of each axis: an int, or for each axis an int or a
        ``(before, after)`` pair. "same" gives ``ceil(n / stride)`` outputs, the odd zero at the
        end, "same_lower" at the beginning.
    dilation : int or tuple of int
        Distance between the taps of the kernel.
    groups : int
        Input and output channels are divided into as many groups, and each output reads its own
        group alone. ``groups=C_in`` is depthwise.
    channels_last : bool
        x is ``(N, H, W, C_in)`` or ``(H, W, C_in)``, and so is the result.
    nan_policy : {"propagate", "raise"}
        A NaN in x makes its windows NaN, or is a ValueError. "omit" is one too, because a weight
        means nothing without its element.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap the
        inputs.

    Returns
    -------
    ndarray
        x's shape with C_out channels and an output for each window, of x's dtype; float64 for
        integers. Products are summed in float64 where the result is float64, else in float32, to
        which weight and bias are converted.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array is masked, complex or not of numbers.
    ValueError
        If an argument is out of range, or the shapes do not fit one another.

    See Also
    --------
    avg_pool2d : The same with equal weights, each channel for itself.

    Notes
    -----
    `vjp` differentiates by x, weight and bias. The matrix products are NumPy's: they use as many
    threads as its BLAS does, not those of `set_num_threads`, and a BLAS may round differently from
    machine to machine.

    References
    ----------
    .. [1] Springenberg, J. T., Dosovitskiy, A., Brox, T. and Riedmiller, M. (2014). Striving for
           simplicity: the all convolutional net. arXiv:1412.6806.
    .. [2] Chellapilla, K., Puri, S. and Simard, P. (2006). High performance convolutional neural
           networks for document processing. Tenth International Workshop on Frontiers in
           Handwriting Recognition.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(16.0).reshape(1, 4, 4)
    >>> weight = np.full((1, 1, 2, 2), 0.25)  # a mean
    >>> cpool.conv2d(x, weight, stride=2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    >>> y, pullback = cpool.vjp(cpool.conv2d, x, weight, wrt="weight", stride=2)
    >>> pullback(np.ones_like(y))
    array([[[[20., 24.],
             [36., 40.]]]])
    """
    options = Options(None, channels_last, 2, nan_policy, None, dtype, out)
    return _conv(2, x, weight, bias, stride, padding, dilation, groups, options=options)


def conv3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[Any, ...] | str = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolution along three axes with learned weights: a cross-correlation, as PyTorch's.

    ``y[n, o, i] = bias[o] + Σ weight[o, c, t] x[n, c, s i + d t - p]``, over the input channels c
    of o's group and the taps t, where i and t have three numbers each; s is the stride, d the
    dilation, p the padding before each axis.

    Parameters
    ----------
    x : array_like
        ``(N, C_in, D, H, W)`` or ``(C_in, D, H, W)``, of any real type; it is not modified.
    weight : array_like
        ``(C_out, C_in / groups, kd, kh, kw)``, of any real type, in either layout of x.
    bias : array_like, optional
        ``(C_out,)``, added to the result.
    stride : int or tuple of int
        Distance between windows.
    padding : int, tuple or {"valid", "same", "same_lower"}
        Zeros added on both sides of each axis: an int, or for each axis an int or a
        ``(before, after)`` pair. "same" gives ``ceil(n / stride)`` outputs, the odd zero at the
        end, "same_lower" at the beginning.
    dilation : int or tuple of int
        Distance between the taps of the kernel.
    groups : int
        Input and output channels are divided into as many groups, and each output reads its own
        group alone. ``groups=C_in`` is depthwise.
    channels_last : bool
        x is ``(N, D, H, W, C_in)`` or ``(D, H, W, C_in)``, and so is the result.
    nan_policy : {"propagate", "raise"}
        A NaN in x makes its windows NaN, or is a ValueError. "omit" is one too, because a weight
        means nothing without its element.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap the
        inputs.

    Returns
    -------
    ndarray
        x's shape with C_out channels and an output for each window, of x's dtype; float64 for
        integers. Products are summed in float64 where the result is float64, else in float32, to
        which weight and bias are converted.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array is masked, complex or not of numbers.
    ValueError
        If an argument is out of range, or the shapes do not fit one another.

    See Also
    --------
    avg_pool3d : The same with equal weights, each channel for itself.

    Notes
    -----
    `vjp` differentiates by x, weight and bias. The matrix products are NumPy's: they use as many
    threads as its BLAS does, not those of `set_num_threads`, and a BLAS may round differently from
    machine to machine.

    References
    ----------
    .. [1] Springenberg, J. T., Dosovitskiy, A., Brox, T. and Riedmiller, M. (2014). Striving for
           simplicity: the all convolutional net. arXiv:1412.6806.
    .. [2] Chellapilla, K., Puri, S. and Simard, P. (2006). High performance convolutional neural
           networks for document processing. Tenth International Workshop on Frontiers in
           Handwriting Recognition.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.ones((1, 4, 4, 4))
    >>> cpool.conv3d(x, np.ones((2, 1, 2, 2, 2)), bias=[0.0, 1.0], stride=4)
    array([[[[8.]]],
    <BLANKLINE>
    <BLANKLINE>
           [[[9.]]]])
    """
    options = Options(None, channels_last, 3, nan_policy, None, dtype, out)
    return _conv(3, x, weight, bias, stride, padding, dilation, groups, options=options)


def _ranked(rank: int) -> Callable[..., tuple[np.ndarray, Gradients]]:
    def run(
        x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any,
        **given: Any,
    ) -> tuple[np.ndarray, Gradients]:  # fmt: skip
        options = Options(rank=rank, **given)
        return _conv_vjp(rank, x, weight, bias, stride, padding, dilation, groups, options=options)

    return run


def _work(
    x: np.ndarray, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any,
    channels_last: Any, rank: int, **_: Any,
) -> Work:  # fmt: skip
    """One multiplication for each tap and channel of a group, whatever lies in the padding."""
    weight = arrays.as_input(weight, "weight")
    last, groups = arrays.flag(channels_last, "channels_last"), _group_count(groups)
    axes = _axes(rank, x, weight, stride, padding, dilation, groups, last)
    bias = _checked_bias(bias, weight.shape[0])
    space, batch = [axis.m for axis in axes], x.shape[: -rank - 1]
    channels = weight.shape[0]
    shape = (*batch, *space, channels) if last else (*batch, channels, *space)
    more = NOTHING if bias is None else Operations(additions=1)
    work = counting.of_products(shape, prod(weight.shape[1:]), more)
    return replace(work, parameters=weight.size + (0 if bias is None else bias.size))


def _windows(weight: Any, stride: Any, padding: Any, dilation: Any, **_: Any) -> list[Windows]:
    return [sliding(np.shape(weight)[2:], stride, padding, dilation)]


for _rank, _function in enumerate((conv1d, conv2d, conv3d), start=1):
    differentiable(_function, _ranked(_rank))
    counted(_function, partial(_work, rank=_rank))
    reads(_function, _windows)
    _function._no_omission = _NO_OMISSION  # type: ignore[attr-defined]
