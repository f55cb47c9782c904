"""Convolution: each output channel is a sum of scipy.signal.correlate over its input channels."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import correlate

from cpool.reference import pooling

Ints = int | Sequence[int]

__all__ = ["conv1d", "conv2d", "conv3d"]


def _per_axis(value: Any, rank: int) -> list:
    values = list(value) if isinstance(value, tuple | list) else [value] * rank
    if len(values) != rank:
        raise ValueError(f"expected one value for each of {rank} axes, got {value!r}")
    return values


def _counts(value: Ints, rank: int) -> list[int]:
    counts = [operator.index(count) for count in _per_axis(value, rank)]
    if min(counts) < 1:
        raise ValueError(f"expected integers of at least 1, got {value!r}")
    return counts


def _pads(padding: Any, n: int, span: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis of n elements, for a kernel that spans so many."""
    if padding == "valid":
        return 0, 0
    if padding in ("same", "same_lower"):
        outputs = -(-n // stride)
        total = max((outputs - 1) * stride + span - n, 0)
        less, more = total // 2, total - total // 2
        return (less, more) if padding == "same" else (more, less)
    before, after = padding if isinstance(padding, tuple | list) else (padding, padding)
    return operator.index(before), operator.index(after)


def _dilated(kernel: NDArray[Any], dilation: list[int]) -> NDArray[Any]:
    """A kernel with zeros between its taps."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=True)]
    wide = np.zeros(spans)
    wide[tuple(slice(None, None, d) for d in dilation)] = kernel
    return wide


def _convolved(x, weight, bias, stride, pads, dilation, groups) -> NDArray[Any]:
    """One (C_in, *space) as (C_out, *outputs)."""
    padded = np.pad(x, [(0, 0), *pads])
    inputs, outputs = weight.shape[1], weight.shape[0] // groups
    steps = tuple(slice(None, None, s) for s in stride)
    channels = []
    for channel, kernels in enumerate(weight):
        first = channel // outputs * inputs
        pairs = zip(padded[first : first + inputs], kernels, strict=True)
        dense = sum(correlate(a, _dilated(b, dilation), "valid", "direct") for a, b in pairs)
        channels.append(dense[steps] + bias[channel])
    return np.stack(channels)


def _conv(rank, x, weight, bias, stride, padding, dilation, groups, channels_last, nan_policy,
          asked, out):
    if nan_policy == "omit":
        raise ValueError("a weight means nothing without its element")
    x, weight = np.asarray(x), np.asarray(weight, dtype=np.float64)
    floating = x.dtype.kind == "f" or x.dtype.name == "bfloat16"
    dtype = x.dtype.newbyteorder("=") if floating else np.dtype(np.float64)
    bias = np.zeros(len(weight)) if bias is None else np.asarray(bias, dtype=np.float64)
    batch = x.reshape(-1, *x.shape[-rank - 1 :]).astype(np.float64)
    if channels_last:
        batch = np.moveaxis(batch, -1, 1)
    space, kernel = batch.shape[2:], weight.shape[2:]
    stride, dilation = _counts(stride, rank), _counts(dilation, rank)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = [
        _pads(*each) for each in zip(_per_axis(padding, rank), space, spans, stride, strict=True)
    ]
    padded = [n + before + after for n, (before, after) in zip(space, pads, strict=True)]
    if any(span > n for span, n in zip(spans, padded, strict=True)):
        raise ValueError(f"a kernel over {spans} elements does not fit into {padded}")
    arguments = (weight, bias, stride, pads, dilation, groups)
    outputs = [(n - span) // s + 1 for n, span, s in zip(padded, spans, stride, strict=True)]
    y = np.empty((len(batch), len(weight), *outputs))
    for n, each in enumerate(batch):
        y[n] = _convolved(each, *arguments)
    if channels_last:
        y = np.moveaxis(y, 1, -1)
    y = y.reshape(*x.shape[: -rank - 1], *y.shape[1:])
    if nan_policy == "raise" and np.isnan(y).any():
        raise ValueError("a window of x holds a NaN")
    y = pooling._converted(y, dtype if asked is None else np.dtype(asked))
    if out is None:
        return y
    out[...] = y
    return out


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: Any = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Convolution along one axis, see `conv2d`."""
    return _conv(1, x, weight, bias, stride, padding, dilation, groups, channels_last, nan_policy,
                 dtype, out)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: Any = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Cross-correlation of (N, C_in, H, W), (C_in, H, W), or the same with channels last, with a
    weight (C_out, C_in / groups, kh, kw), plus a bias (C_out,).

    Zeros are added as `padding` says, and of the results at each place every stride-th is kept.

    >>> import numpy as np
    >>> from cpool.reference import conv2d
    >>> conv2d(np.ones((1, 3, 3)), np.ones((1, 1, 2, 2)), padding=((0, 1), (0, 1)))
    array([[[4., 4., 2.],
            [4., 4., 2.],
            [2., 2., 1.]]])
    """
    return _conv(2, x, weight, bias, stride, padding, dilation, groups, channels_last, nan_policy,
                 dtype, out)


def conv3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: Any = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Convolution along three axes, see `conv2d`."""
    return _conv(3, x, weight, bias, stride, padding, dilation, groups, channels_last, nan_policy,
                 dtype, out)
