"""Sum and mean. Both are linear: their pullback is their transpose, a sum over the windows that
cover an element."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cpool import arrays
from cpool.reductions.base import (
    Gradients,
    Operations,
    Pullback,
    Reduction,
    existing,
    gradient_dtype,
    puts,
    refuse_overlap,
    summed_to,
)

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Windows

__all__ = ["Mean", "Sum"]

ADD = 2
_TOTAL = partial(arrays.fold, ADD)


@dataclass(frozen=True)
class Sum(Reduction):
    """Sum of a window.

    Integers are summed as int64 or uint64, modulo 2**64 as NumPy's.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1, 3, 2, 0], cpool.Sum(), cpool.sliding(2))
    array([4, 2])
    """

    name: ClassVar[str] = "sum"
    function: ClassVar[str] = "sum_pool"
    formula: ClassVar[str] = "Σ w"
    summary: ClassVar[str] = "Sum of each window."
    result: ClassVar[str] = (
        "The sum of each window, in x's dtype; int64 or uint64, modulo 2**64, for integers."
    )
    source: ClassVar[str] = (
        "Crow, F. C. (1984). Summed-area tables for texture mapping. SIGGRAPH 84, 207-212. (What "
        "window sums are for; no running sum is used here.)"
    )
    empty: ClassVar[str] = "0"
    linear: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    pair: ClassVar[Operations] = Operations(additions=1)

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return sum(window)

    # The compiled function itself, as for extrema.
    @property
    def forward(self) -> Callable[..., Any]:
        return _TOTAL

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Any, Pullback]:
        x = arrays.as_input(x)
        y = self.forward(x, windows, options)
        return y, self._transpose(x, y.shape, windows, options)

    def _transpose(
        self, x: np.ndarray, y_shape: tuple[int, ...], windows: Windows, options: Options
    ) -> Pullback:
        places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        shape, dtype = x.shape, gradient_dtype(x)
        mask = existing(x, options.where, options.nan_policy)
        divisors, mean = self._divisors(mask, shape, y_shape, windows, places)

        @puts
        def pullback(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            if divisors is not None:
                gy = arrays.checked_gradient(gy, y_shape)
                gy = gy.astype(np.promote_types(gy.dtype, np.float32)) / divisors
            gx = arrays.spread(gy, windows, *places, shape, dtype, out=out, **mean)
            if mask is not None:
                np.copyto(gx, 0, where=~mask)
            return gx

        return pullback

    def _divisors(
        self,
        mask: np.ndarray | None,
        shape: tuple[int, ...],
        y_shape: tuple[int, ...],
        windows: Windows,
        places: tuple[tuple[int, ...], tuple[int, ...]],
    ) -> tuple[np.ndarray | None, dict[str, Any]]:
        """What each window's gradient is divided by: an array, or arguments for the kernels."""
        return None, {}


@dataclass(frozen=True)
class Mean(Sum):
    """Mean of a window.

    Parameters
    ----------
    count_include_pad : bool
        Whether constant padding counts as zeros.
    divisor_override : int, optional
        Divide by this number instead of the number of elements.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 3.0, 2.0, 0.0], cpool.Mean(), cpool.sliding(2))
    array([2., 1.])
    """

    count_include_pad: bool = True
    divisor_override: int | None = None

    name: ClassVar[str] = "mean"
    function: ClassVar[str] = "avg_pool"
    formula: ClassVar[str] = "Σ w / n"
    summary: ClassVar[str] = "Mean of each window."
    result: ClassVar[str] = "The mean of each window, in x's dtype; float64 for integers."
    source: ClassVar[str] = (
        "LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-based learning "
        "applied to document recognition. Proceedings of the IEEE 86, 2278-2324."
    )
    empty: ClassVar[str] = Reduction.empty
    padding: ClassVar[str] = "zeros, which count or not: `count_include_pad`"
    last: ClassVar[Operations] = Operations(divisions=1)
    own: ClassVar[tuple[str, ...]] = ("count_include_pad", "divisor_override")
    own_text: ClassVar[str] = """\
    count_include_pad : bool
        Count constant padding as zeros.
    divisor_override : int, optional
        Divide by this number instead of the number of elements; not 0."""
    positional: ClassVar[str] = (
        "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, "
        "divisor_override=None"
    )
    keywords: ClassVar[str] = "dilation=1, "
    given: ClassVar[str] = "weights"
    given_text: ClassVar[str] = """\
    weights : array_like, optional
        Finite numbers that are not negative; broadcasts to x. The result is the weighted mean
        ``sum(weights * x) / sum(weights)`` of what exists. An element of weight 0 does not exist,
        nor does padding, and `divisor_override` must be None. `vjp` differentiates by it."""

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return statistics.fmean(window)

    def __post_init__(self) -> None:
        if not isinstance(self.count_include_pad, (bool, np.bool_)):
            raise TypeError(f"count_include_pad must be a bool, got {self.count_include_pad!r}")
        if self.divisor_override is None:
            return
        if isinstance(self.divisor_override, bool):
            raise TypeError(
                f"divisor_override must be an int or None, got {self.divisor_override!r}"
            )
        try:
            divisor = operator.index(self.divisor_override)
        except TypeError:
            raise TypeError(
                f"divisor_override must be an int or None, got {self.divisor_override!r}"
            ) from None
        if divisor == 0 or abs(divisor) >= 2**53:
            raise ValueError(f"divisor_override must not be 0 nor beyond 2**53, got {divisor}")

    def forward(self, x: Any, windows: Windows, options: Options, weights: Any = None) -> Any:
        if weights is not None:
            return self._weighted(x, windows, options, weights).result(options)
        # By position, all of them: a dictionary of them takes longer than a small mean.
        return arrays.fold(
            ADD, x, windows, options, False, False, True, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def vjp(
        self, x: Any, windows: Windows, options: Options, weights: Any = None
    ) -> tuple[Any, Pullback]:
        if weights is None:
            return super().vjp(x, windows, options)
        weighted = self._weighted(x, windows, options, weights)
        return weighted.result(options), weighted.gradients()

    def _weighted(
        self, x: Any, windows: Windows, options: Options, weights: Any
    ) -> WeightedMean:
        self.refuse_divisor()
        return WeightedMean(arrays.as_input(x), windows, options, weights)

    def refuse_divisor(self) -> None:
        """What is said where weights are given."""
        if self.divisor_override is not None:
            raise ValueError(
                f"divisor_override must be None where weights are given, got "
                f"{self.divisor_override}"
            )

    def _kernel_arguments(self) -> dict[str, Any]:
        return {
            "mean": True,
            "count_include_pad": self.count_include_pad,
            "divisor": self.divisor_override,
        }

    def _divisors(
        self,
        mask: np.ndarray | None,
        shape: tuple[int, ...],
        y_shape: tuple[int, ...],
        windows: Windows,
        places: tuple[tuple[int, ...], tuple[int, ...]],
    ) -> tuple[np.ndarray | None, dict[str, Any]]:
        if mask is None or self.divisor_override is not None:
            return None, self._kernel_arguments()
        axes, order = places
        given = tuple(axes[order.index(i)] for i in range(len(axes)))
        counts = arrays.fold(ADD, mask, windows, arrays.Options(axes=given))
        lengths = [shape[axis] for axis in given]
        padding = self._table(windows, lengths, self.count_include_pad) - self._table(
            windows, lengths, False
        )
        place = [1] * len(shape)
        for i, axis in enumerate(axes):
            place[axis] = padding.shape[order[i]]
        padding = padding.transpose(order).reshape(place)
        return np.maximum(counts + padding, 1).astype(np.float64), {}

    def _table(self, windows: Windows, lengths: list[int], count_include_pad: bool) -> np.ndarray:
        """Sizes of all windows of a plane, axes in the order of the windows' arguments."""
        sizes = windows.sizes(lengths, count_include_pad)
        return reduce(np.multiply.outer, [np.array(s, dtype=np.int64) for s in sizes])


# Weights ------------------------------------------------------------------------------------------


class WeightedMean:
    """Σ w x / Σ w of each window: two sums, in float64, so that no product of what are 32 bits at
    most overflows or vanishes."""

    def __init__(self, x: np.ndarray, windows: Windows, options: Options, weights: Any) -> None:
        given = arrays.as_input(weights, "weights")
        self.weights_shape, self.weights_dtype = given.shape, gradient_dtype(given)
        self.x, self.windows = x, windows
        self.places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        arrays.as_mask(options.where, x)  # says what is wrong with it
        self.exists = existing(x, options.where, options.nan_policy)
        weights = checked_weights(given, x.shape)
        self.weights = weights if self.exists is None else np.where(self.exists, weights, 0.0)
        axes, order = self.places
        own = arrays.Options(axes=tuple(axes[order.index(i)] for i in range(len(axes))))
        self.total = _TOTAL(self._along_windows(), windows, own)
        with np.errstate(all="ignore"):
            policy = "propagate" if options.nan_policy == "omit" else options.nan_policy
            sums = _TOTAL(self._product(), windows, own.replace(nan_policy=policy))
            self.mean = sums / self.total

    def _along_windows(self) -> np.ndarray:
        """The weights, as long as x where windows are; where they repeat elsewhere, once."""
        axes, shape = self.places[0], self.x.shape
        lengths = [shape[i] if i in axes else n for i, n in enumerate(self.weights.shape)]
        return np.broadcast_to(self.weights, lengths)

    def _product(self) -> np.ndarray:
        """w x; 0 where w is, even if x is NaN or infinite."""
        there = self.weights > 0
        if there.all():
            return np.multiply(self.x, self.weights, dtype=np.float64)
        product = np.zeros_like(self.x, dtype=np.float64)
        return np.multiply(self.x, self.weights, out=product, where=there, dtype=np.float64)

    def result(self, options: Options) -> np.ndarray:
        """The means in the type and the array that are asked for."""
        dtype = gradient_dtype(self.x)
        if options.dtype is not None:
            dtype = arrays.as_dtype(options.dtype)
        if not np.all(self.total) and gradient_dtype(np.empty(0, dtype)) != dtype:
            raise ValueError(
                f"weights leave a window without any: dtype must be floating, got {dtype}"
            )
        refuse_overlap(options.out, self.x)
        if options.out is None and dtype == np.float64:
            return self.mean
        return arrays.converted(self.mean, dtype, options.out)

    def gradients(self) -> Gradients:
        """Of x and of the weights."""
        # The caller may change x, and the result, before the pullback reads them.
        self.x, self.mean = self.x.copy(), self.mean.copy()
        return Gradients(x=self._by_x, weights=self._by_weights)

    def _spread(self, gy: Any, times: Any) -> np.ndarray:
        """What windows with weights give to their elements of what they get, over Σ w."""
        gy = arrays.checked_gradient(gy, self.mean.shape).astype(np.float64)
        share = np.where(self.total > 0, gy / self.total * times, 0.0)
        return arrays.spread(share, self.windows, *self.places, self.x.shape, np.float64)

    def _by_x(self, gy: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            gx = self._spread(gy, 1.0) * self.weights
            np.copyto(gx, 0.0, where=self.weights == 0)
            return gx.astype(gradient_dtype(self.x))

    def _by_weights(self, gy: Any) -> np.ndarray:
        exists = np.isfinite(self.x) | (self.weights > 0)
        if self.exists is not None:
            exists &= self.exists
        with np.errstate(all="ignore"):
            slopes = self._spread(gy, 1.0) * self.x - self._spread(gy, self.mean)
            slopes = np.where(exists, slopes, 0.0)
            return summed_to(slopes, self.weights_shape).astype(self.weights_dtype)


def checked_weights(weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """As float64, with as many axes as x."""
    fits = weights.ndim <= len(shape) and all(
        n in (1, m) for n, m in zip(weights.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(f"weights must broadcast to x's shape {shape}, got {weights.shape}")
    wide = weights.astype(np.float64)
    wrong = ~((wide >= 0) & (wide < np.inf))
    if wrong.any():
        raise ValueError(f"weights must be finite and not negative, got {wide[wrong][0]}")
    return wide.reshape((1,) * (len(shape) - weights.ndim) + weights.shape)
