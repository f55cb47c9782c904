"""Mixtures of the maximum and the mean of a window, in a proportion that can be learnt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, counting, lanes, weighted
from cpool.alternatives.families import adaptive_family, family, global_form
from cpool.arrays import Options
from cpool.reductions import Max, Mean
from cpool.reductions.base import (
    Gradients,
    Operations,
    Pullback,
    Reduction,
    Work,
    gradient_dtype,
    summed_to,
)
from cpool.reductions.sums import existing
from cpool.results import MAX, stored, wide_dtype
from cpool.windows import Fractional, Sliding, Windows, sliding

if TYPE_CHECKING:
    from cpool.windows import _Ints, _Padding, _PaddingMode

_TOP, _MEAN = Max(), Mean(count_include_pad=False)
_BLOCK = 1 << 21  # bytes of x that are pooled at once: what comes of them stays in the caches


# --- what both have in common ---------------------------------------------------------------------


def _mix(share: np.ndarray, top: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """share * top + (1 - share) * mean; what has no share is not there, even if it is infinite."""
    if share.ndim == 0 and (share == 0 or share == 1):
        return top if share else mean
    with np.errstate(invalid="ignore"):
        y = share * top
        rest = 1 - share
        y += np.multiply(rest, mean, out=rest if rest.shape == mean.shape else None)
    for alone, value in ((1, top), (0, mean)) if share.ndim else ():
        there = share == alone
        if there.any():
            np.copyto(y, value, where=there)
    return y


def _blocks(shape: tuple[int, ...], lead: int, size: int) -> Iterator[tuple[slice, ...]]:
    """Parts of an array, of about _BLOCK bytes, cut along the first `lead` axes."""
    each = size * math.prod(shape[1:])
    if lead == 0 or each * shape[0] <= _BLOCK:
        yield ()
    elif each <= _BLOCK or lead == 1:
        step = max(1, _BLOCK // each)
        for start in range(0, shape[0], step):
            yield (slice(start, start + step),)
    else:
        for start in range(shape[0]):
            for inner in _blocks(shape[1:], lead - 1, size):
                yield (slice(start, start + 1), *inner)


class _Windows:
    """Maxima and means of the windows of x, in the type to compute in, and where they are from."""

    def __init__(self, x: Any, windows: Windows, options: Options, differentiable: bool) -> None:
        self.x = x = arrays.as_input(x)
        self.windows, self.options = windows, options
        self.wide = wide_dtype(x, options.dtype)
        self.places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        inner = options.replace(dtype=self.wide, out=None)
        # Gradients of 16-bit floats are added up in float32.
        narrow = differentiable and gradient_dtype(x).itemsize == 2
        x = x.astype(np.float32) if narrow else x
        if differentiable:
            self.top, self.of_top = _TOP.vjp(x, windows, inner)
            self.mean, self.of_mean = _MEAN.vjp(x, windows, inner)
        else:
            self.top = _TOP.forward(x, windows, inner)
            self.mean = _MEAN.forward(x, windows, inner)

    @property
    def mask(self) -> np.ndarray | None:
        """Which elements exist; None for all."""
        return existing(self.x, self.options.where, self.options.nan_policy)

    def difference(self) -> np.ndarray:
        """Maximum less mean: 0 for a window without elements, whose value does not depend on any
        share."""
        with np.errstate(invalid="ignore"):
            difference = self.top - self.mean
        mask = self.mask
        if mask is not None:
            inner = self.options.replace(where=None, nan_policy="propagate", dtype=None, out=None)
            np.copyto(difference, 0, where=~arrays.fold(MAX, mask, self.windows, inner))
        return difference

    def result(self, y: np.ndarray) -> np.ndarray:
        return _result(y, self.x, self.options)

    def checked(self, gy: Any) -> np.ndarray:
        return arrays.checked_gradient(gy, self.top.shape).astype(self.wide)

    def gradient(self, gy: np.ndarray, share: np.ndarray) -> np.ndarray:
        """In x, of maximum and mean, for given shares."""
        return self.of_top(share * gy) + self.of_mean((1 - share) * gy)


def _result(y: np.ndarray, x: np.ndarray, options: Options) -> np.ndarray:
    natural = gradient_dtype(x)
    dtype = natural if options.dtype is None else arrays.as_dtype(options.dtype)
    return stored(y, dtype, options.out, x, options.where)


class _Forward:
    """What gives the values of windows: block by block, where nothing differs from one to the
    other."""

    def values(self, parts: _Windows) -> np.ndarray:
        raise NotImplementedError

    def is_alike(self, windows: Windows, options: Options) -> bool:
        return options.where is None and not isinstance(windows, Fractional)

    def forward(self, x: Any, windows: Windows, options: Options) -> np.ndarray:
        x = arrays.as_input(x)
        (lead, *_), _ = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        if x.nbytes <= _BLOCK or lead == 0 or not self.is_alike(windows, options):
            parts = _Windows(x, windows, options, False)
            return parts.result(self.values(parts))
        inner, y = options.replace(out=None), None
        for index in _blocks(x.shape, lead, x.itemsize):
            values = self.values(_Windows(x[index], windows, inner, False))
            if y is None:
                y = np.empty((*x.shape[:lead], *values.shape[lead:]), values.dtype)
            y[index] = values
        return _result(y, x, options)


# --- one proportion -------------------------------------------------------------------------------


class _Mixture(_Forward):
    """alpha: an array that broadcasts to the result."""

    def __init__(self, alpha: Any) -> None:
        alpha = arrays.as_input(alpha, "alpha")
        if alpha.dtype.kind == "b":
            raise TypeError("alpha must be a real number or an array of them, got bool")
        if not ((alpha >= 0) & (alpha <= 1)).all():
            raise ValueError(f"alpha must be from 0 to 1, got {alpha.tolist()}")
        self.alpha = alpha

    def _check_share(self, shape: tuple[int, ...]) -> None:
        try:
            if np.broadcast_shapes(self.alpha.shape, shape) != shape:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"alpha must broadcast to the result's shape {shape}, got {self.alpha.shape}"
            ) from None

    def _share(self, parts: _Windows) -> np.ndarray:
        self._check_share(parts.top.shape)
        return self.alpha.astype(parts.wide)

    def work(self, x: np.ndarray, windows: Windows, options: Options) -> Work:
        """Of the mixture; an array of shares is learned, a number is a setting."""
        work = counting.of_pooling(x, Mixed(), windows, options)
        self._check_share(work.output_shape)
        more = self.alpha.size if self.alpha.ndim else 0  # 1 - alpha
        subtractions = Operations(additions=more)
        return replace(
            work, formula=work.formula + subtractions, kernels=work.kernels + subtractions,
            parameters=more,
        )  # fmt: skip

    def is_alike(self, windows: Windows, options: Options) -> bool:
        return self.alpha.ndim == 0 and super().is_alike(windows, options)

    def values(self, parts: _Windows) -> np.ndarray:
        return _mix(self._share(parts), parts.top, parts.mean)

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[np.ndarray, Pullback]:
        parts = _Windows(x, windows, options, True)
        share, difference = self._share(parts), parts.difference()
        dtype, alpha_dtype = gradient_dtype(parts.x), gradient_dtype(self.alpha)

        def of_x(gy: Any) -> np.ndarray:
            return parts.gradient(parts.checked(gy), share).astype(dtype, copy=False)

        def of_alpha(gy: Any) -> np.ndarray:
            products = np.multiply(parts.checked(gy), difference, dtype=np.float64)
            return np.asarray(summed_to(products, share.shape)).astype(alpha_dtype)

        y = parts.result(_mix(share, parts.top, parts.mean))
        return y, Gradients(x=of_x, alpha=of_alpha)


@dataclass(frozen=True)
class Mixed(Reduction, listed=False):
    """alpha times the maximum and 1 - alpha times the mean of a window.

    Parameters
    ----------
    alpha : float
        From 0, the mean, to 1, the maximum. `pool` can be differentiated by it.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 3.0, 2.0, 0.0], cpool.Mixed(0.5), cpool.adaptive(2))
    array([2.5, 1.5])
    """

    alpha: float = 0.5

    name: ClassVar[str] = "mixed"
    parts: ClassVar[tuple[Reduction, ...]] = (_TOP, _MEAN)
    last: ClassVar[Operations] = Operations(additions=1, multiplications=2)

    def __post_init__(self) -> None:
        alpha = _Mixture(self.alpha).alpha
        if alpha.ndim:
            raise TypeError(f"alpha must be a number, got an array of shape {alpha.shape}")
        object.__setattr__(self, "alpha", float(alpha))

    def forward(self, x: Any, windows: Windows, options: Options) -> Any:
        return _Mixture(self.alpha).forward(x, windows, options)

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Any, Pullback]:
        return _Mixture(self.alpha).vjp(x, windows, options)


# --- a proportion for each window -----------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """Windows along one axis. A copy with padding has `source`, -1 for 0; geometries are those of
    `weighted.dense_sums`."""

    kernel: int
    outputs: int
    stride: int
    dilation: int
    source: np.ndarray
    padded: tuple[int, ...]  # geometry on that copy
    direct: tuple[int, ...] | None  # on the elements themselves, if what is beside them is 0


@lru_cache(maxsize=32)
def _lines(windows: Sliding, lengths: tuple[int, ...]) -> list[_Line]:
    """For each entry of the windows' arguments."""
    lines = []
    for entry, table in enumerate(windows.table(lengths, absent=-1)):
        read = np.array(table)
        stride, dilation = (
            value[entry] if isinstance(value, tuple) else value
            for value in (windows.stride, windows.dilation)
        )
        outputs, kernel = read.shape
        at = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation
        source = np.full(at[-1, -1] + 1, -1)
        source[at] = read
        padded = (len(source), kernel, stride, dilation, 0, outputs)
        shifts = np.unique((np.arange(len(source)) - source)[source >= 0])
        direct = (lengths[entry], kernel, stride, dilation, int(shifts[0]), outputs)
        lines.append(
            _Line(
                kernel, outputs, stride, dilation, source, padded,
                direct if len(shifts) == 1 else None,
            )
        )  # fmt: skip
    return lines


class _Taps:
    """What each tap of sliding windows reads, in numbers of a type; 0 stands for what does not
    exist."""

    def __init__(self, x: np.ndarray, windows: Sliding, places: Any, dtype: np.dtype) -> None:
        self.axes, self.order = places
        self.x, self.shape, self.dtype = x, x.shape, dtype
        lengths = [0] * len(self.axes)
        for axis, entry in zip(self.axes, self.order, strict=True):
            lengths[entry] = x.shape[axis]
        by_entry = _lines(windows, tuple(lengths))
        self.kernel = tuple(line.kernel for line in by_entry)
        self.lines = [by_entry[entry] for entry in self.order]  # of each axis
        self.geometry = [line.padded for line in self.lines]

    @cached_property
    def padded(self) -> np.ndarray:
        """A copy of x with its padding."""
        x = self.x.astype(self.dtype)
        for axis, line in zip(self.axes, self.lines, strict=True):
            x = np.take(x, np.maximum(line.source, 0), axis)
            x[(slice(None),) * axis + (line.source < 0,)] = 0
        return x

    def view(self, padded: np.ndarray, tap: tuple[int, ...]) -> np.ndarray:
        """The elements of all windows at a tap, whose numbers are in the order of the windows'
        arguments."""
        index = [slice(None)] * padded.ndim
        for axis, entry, line in zip(self.axes, self.order, self.lines, strict=True):
            first = tap[entry] * line.dilation
            index[axis] = slice(first, first + (line.outputs - 1) * line.stride + 1, line.stride)
        return padded[tuple(index)]

    def weighted(self, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """The inner product of weight and each window, plus bias."""
        shape = list(self.shape)
        for axis, line in zip(self.axes, self.lines, strict=True):
            shape[axis] = line.outputs
        total = np.empty(shape, weight.dtype)
        direct = [line.direct for line in self.lines]
        if all(direct):
            self._sums(self.x, total, direct, weight, bias)
        else:
            self._sums(self.padded, total, self.geometry, weight, bias)
        return total

    def _sums(
        self, x: np.ndarray, y: np.ndarray, geometry: list[Any], weight: np.ndarray, last: Any,
        transposed: bool = False,
    ) -> None:  # fmt: skip
        """Weighted sums of x into y; transposed, of what is given for each window."""
        by_tap = np.append(weight.transpose(self.order), last).astype(y.dtype).reshape(-1, 1)
        axes = tuple(range(-len(self.axes), 0))
        x, y = (np.moveaxis(a, self.axes, axes)[np.newaxis] for a in (x, y))
        weighted.dense_sums(x, y, geometry, by_tap, transposed)

    def of_weight(self, gz: np.ndarray) -> np.ndarray:
        """The gradient in the weights, given that in the products."""
        result = np.empty(self.kernel)
        for tap in np.ndindex(*self.kernel):
            products = np.multiply(gz, self.view(self.padded, tap), dtype=np.float64)
            result[tap] = products.sum()
        return result

    def of_x(self, gz: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The gradient in x: places of the padding give theirs to what was read there."""
        shape = list(self.shape)
        for axis, line in zip(self.axes, self.lines, strict=True):
            shape[axis] = len(line.source)
        gx = np.empty(shape, gz.dtype)
        self._sums(gz, gx, self.geometry, weight, 0, transposed=True)
        for axis, line in zip(self.axes, self.lines, strict=True):
            source = line.source
            read = np.flatnonzero(source >= 0)
            moved = np.moveaxis(gx, axis, 0)
            back = np.zeros((self.shape[axis], *moved.shape[1:]), gx.dtype)
            if len(np.unique(source[read])) == len(read):
                back[source[read]] = moved[read]
            else:
                np.add.at(back, source[read], moved[read])
            gx = np.moveaxis(back, 0, axis)
        return gx


class _Gated(_Forward):
    """weight: an array with an element for each tap; bias: a number."""

    def __init__(self, weight: Any, bias: Any) -> None:
        self.weight, self.bias = arrays.as_input(weight, "weight"), arrays.as_input(bias, "bias")
        if self.bias.ndim:
            raise TypeError(f"bias must be a number, got an array of shape {self.bias.shape}")
        for name, array in (("weight", self.weight), ("bias", self.bias)):
            if array.dtype.kind == "b":
                raise TypeError(f"{name} must be real, got bool")

    def _products(self, parts: _Windows) -> tuple[_Taps, np.ndarray | None, np.ndarray, np.ndarray]:
        """Taps, mask, weights, and what the gates are made of."""
        mask, x = parts.mask, parts.x
        if mask is not None:
            x = np.where(mask, x, np.zeros((), x.dtype))
        taps = _Taps(x, parts.windows, parts.places, parts.wide)
        self._check_weight(taps)
        weight = self.weight.astype(parts.wide)
        with np.errstate(invalid="ignore", over="ignore"):
            return taps, mask, weight, taps.weighted(weight, self.bias.astype(parts.wide))

    def _check_weight(self, taps: _Taps) -> None:
        if self.weight.shape != taps.kernel:
            raise ValueError(
                f"weight must have an element for each tap, the shape {taps.kernel}, got "
                f"{self.weight.shape}"
            )

    def work(self, x: np.ndarray, windows: Sliding, options: Options) -> Work:
        """Of the mixture, of 1 - g, and of the gates: sums of products, and 1 / (1 + exp(-z))."""
        mixed = counting.of_pooling(x, Mixed(), windows, options)
        places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        self._check_weight(_Taps(x, windows, places, x.dtype))
        more = Operations(additions=3, divisions=1, functions=1)  # the bias, 1 +, 1 - g
        gates = counting.of_products(mixed.output_shape, self.weight.size, more)
        work = counting.in_order(gates, mixed)
        return replace(work, parameters=self.weight.size + 1)

    def _mixed(self, z: np.ndarray, parts: _Windows) -> np.ndarray:
        return lanes.gated(*map(np.ascontiguousarray, (z, parts.top, parts.mean)))

    def values(self, parts: _Windows) -> np.ndarray:
        return self._mixed(self._products(parts)[3], parts)

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[np.ndarray, Pullback]:
        parts = _Windows(x, windows, options, True)
        taps, mask, weight, z = self._products(parts)
        y = parts.result(self._mixed(z, parts))
        small = np.exp(-np.abs(z))
        gate = np.where(z >= 0, 1, small) / (1 + small)
        slope = small / (1 + small) ** 2
        slope *= parts.difference()
        dtype = gradient_dtype(parts.x)
        weight_dtype, bias_dtype = gradient_dtype(self.weight), gradient_dtype(self.bias)

        def of_x(gy: Any) -> np.ndarray:
            gy = parts.checked(gy)
            through = taps.of_x(gy * slope, weight)
            if mask is not None:
                np.copyto(through, 0, where=~mask)
            return (parts.gradient(gy, gate) + through).astype(dtype, copy=False)

        def of_weight(gy: Any) -> np.ndarray:
            return taps.of_weight(parts.checked(gy) * slope).astype(weight_dtype)

        def of_bias(gy: Any) -> np.ndarray:
            return np.asarray((parts.checked(gy) * slope).sum(dtype=np.float64)).astype(bias_dtype)

        return y, Gradients(x=of_x, weight=of_weight, bias=of_bias)


# --- names ----------------------------------------------------------------------------------------


def _mixed_pool(
    x: ArrayLike,
    kernel_size: _Ints,
    stride: _Ints | None = None,
    padding: _Padding = 0,
    dilation: _Ints = 1,
    ceil_mode: bool = False,
    *,
    alpha: ArrayLike = 0.5,
    axes: _Ints | None = None,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "constant",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Any:
    """Maximum and mean, in one proportion, of each window: windows over any 1 to 3 axes [1]_.

    ``alpha * max(w) + (1 - alpha) * mean(w)``

    Parameters
    ----------
    x : array_like
        Input of any real type; it is not modified.
    kernel_size, stride, padding, dilation, ceil_mode
        Of the windows, as in `max_pool`.
    alpha : float or array_like
        From 0, the mean, to 1, the maximum: one number, or an array that broadcasts to the result
        (one for each channel, say). The function can be differentiated by it.
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the other arguments. None: the last ones, as many
        as those have entries; where they are ints, all axes of x if it has at most 3.
    channels_last, padding_mode, nan_policy, where, dtype, out
        As in `max_pool`. Constant padding does not exist, for the mean neither.

    Returns
    -------
    ndarray
        In x's dtype; float64 for integers. 16-bit floats are computed in float32.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, or the windows do not fit.

    See Also
    --------
    gated_pool : A proportion for each window.
    Mixed : The same as a reduction, for any windows.

    References
    ----------
    .. [1] Lee, C.-Y., Gallagher, P. W. and Tu, Z. (2016). Generalizing pooling functions in
       convolutional neural networks: mixed, gated, and tree. AISTATS 2016, 464-472.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[1.0, 3.0], [2.0, 6.0]])
    >>> cpool.mixed_pool(x, 2, alpha=0.5)
    array([[4.5]])
    >>> y, pullback = cpool.vjp(cpool.mixed_pool, x, 2, alpha=0.5, wrt=("x", "alpha"))
    >>> pullback(y)
    (array([[0.5625, 0.5625],
           [0.5625, 2.8125]]), array(13.5))
    """
    windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
    options = Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _Mixture(alpha), windows, options


def _gated_pool(
    x: ArrayLike,
    kernel_size: _Ints,
    stride: _Ints | None = None,
    padding: _Padding = 0,
    dilation: _Ints = 1,
    ceil_mode: bool = False,
    *,
    weight: ArrayLike,
    bias: float = 0.0,
    axes: _Ints | None = None,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "constant",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Any:
    """Maximum and mean of each window in its own proportion: windows over any 1 to 3 axes [1]_.

    ``g * max(w) + (1 - g) * mean(w)`` with ``g = 1 / (1 + exp(-(sum(weight * w) + bias)))``

    Parameters
    ----------
    x : array_like
        Input of any real type; it is not modified.
    kernel_size, stride, padding, dilation, ceil_mode
        Of the windows, as in `max_pool`.
    weight : array_like
        One number for each tap of a window: as many axes as are pooled, as long as `kernel_size`
        says, in its order. The function can be differentiated by it.
    bias : float
        Another number to learn.
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the other arguments. None: the last ones, as many
        as those have entries; where they are ints, all axes of x if it has at most 3.
    channels_last, padding_mode, nan_policy, where, dtype, out
        As in `max_pool`. What does not exist (constant padding, what `where` excludes, omitted
        NaNs) is 0 in the sum of the gate.

    Returns
    -------
    ndarray
        In x's dtype; float64 for integers. 16-bit floats are computed in float32.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, or the windows do not fit.

    See Also
    --------
    mixed_pool : One proportion for all windows.

    References
    ----------
    .. [1] Lee, C.-Y., Gallagher, P. W. and Tu, Z. (2016). Generalizing pooling functions in
       convolutional neural networks: mixed, gated, and tree. AISTATS 2016, 464-472.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[1.0, 3.0], [2.0, 6.0]])
    >>> cpool.gated_pool(x, 2, weight=np.zeros((2, 2)))  # the gate is 1 / 2
    array([[4.5]])
    >>> cpool.gated_pool(x, 2, weight=np.ones((2, 2)), bias=-12.0)
    array([[4.5]])
    """
    windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
    options = Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _Gated(weight, bias), windows, options


_mixed_pool.__name__, _gated_pool.__name__ = "mixed_pool", "gated_pool"

mixed_pool, mixed_pool1d, mixed_pool2d, mixed_pool3d = family(
    _mixed_pool, lambda rank: "2, alpha=0.25"
)
(
    adaptive_mixed_pool,
    adaptive_mixed_pool1d,
    adaptive_mixed_pool2d,
    adaptive_mixed_pool3d,
) = adaptive_family(_mixed_pool, lambda rank: "2, alpha=0.25")
global_mixed_pool = global_form(_mixed_pool, "alpha=0.25")
gated_pool, gated_pool1d, gated_pool2d, gated_pool3d = family(
    _gated_pool, lambda rank: f"2, weight=np.zeros({(2,) * rank})"
)

__all__ = [
    "Mixed",
    "mixed_pool",
    "mixed_pool1d",
    "mixed_pool2d",
    "mixed_pool3d",
    "adaptive_mixed_pool",
    "adaptive_mixed_pool1d",
    "adaptive_mixed_pool2d",
    "adaptive_mixed_pool3d",
    "global_mixed_pool",
    "gated_pool",
    "gated_pool1d",
    "gated_pool2d",
    "gated_pool3d",
]
