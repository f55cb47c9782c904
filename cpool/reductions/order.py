"""Order statistics: which elements of a sorted window count; the most frequent element."""

from __future__ import annotations

import math
import operator
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cpool import arrays, ordering
from cpool.ordering import METHODS, Order
from cpool.reductions.base import (
    NOTHING,
    Operations,
    Pullback,
    Reduction,
    checked_number,
    floating_dtype,
    gradient_dtype,
    puts,
)

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Windows

__all__ = ["Median", "Mode", "Quantile", "Rank", "TrimmedMean"]

# Limits of the networks, and what goes other ways (ordering.pyx): taps by bytes of an element,
# medians of sorted columns (kernels/squares.pxi; nines.pxi takes 17), and taps of histograms of
# columns.
_LONGEST = {1: 250, 2: 192, 4: 128, 8: 64}
_SQUARES = {(3, 3): 18, (5, 5): 106}
_SWEPT = 100
_PAIRED, _COUNTED = 9, 128  # taps of modes


@dataclass(frozen=True)
class OrderStatistic(Reduction):
    """What is asked of `cpool.ordering`."""

    def order(self) -> Order:
        """Which order statistic."""
        raise NotImplementedError

    def picked(self, taps: int) -> Operations:
        """What is made of the elements that count, once they are in order."""
        return NOTHING

    def wanted(self, taps: int) -> tuple[int, ...]:
        """Ranks of a whole window that a network leads to; none: all."""
        return ()

    def is_middle(self, taps: int) -> bool:
        """Whether the one that counts is the middle one, of an odd number."""
        return self.wanted(taps) == (taps // 2,)

    def operations(self, taps: int) -> Operations:
        """Elements are sorted, by binary insertion or by merging: both take at most the logarithms
        of 1 to n, rounded up (Knuth 1998, 5.3.1)."""
        digits = max(taps - 1, 0).bit_length()
        return Operations(comparisons=taps * digits - 2**digits + 1) + self.picked(taps)

    def by_window(self, sizes: tuple[int, ...], dtype: np.dtype[Any], dense: bool) -> Operations:
        """Windows of few taps are sorted by networks: a minimum and a maximum for each exchange,
        or the one of them that is needed."""
        taps = math.prod(sizes)
        swept = dense and dtype.itemsize == 1 and taps >= _SWEPT
        if taps > _LONGEST[dtype.itemsize] or swept:
            return self.operations(taps)
        ranks = self.wanted(taps)
        if dense and sizes in _SQUARES and self.is_middle(taps):
            return Operations(comparisons=_SQUARES[sizes])
        if ranks and floating_dtype(dtype) == dtype:
            ranks = tuple(sorted({*ranks, taps - 1}))  # where a NaN is
        exchanges = ordering.network(taps, ranks)[2::3]
        return Operations(comparisons=sum(map(int.bit_count, exchanges))) + self.picked(taps)

    def forward(self, x: Any, windows: Windows, options: Options) -> Any:
        return ordering.values(self.order(), x, windows, options)

    # Kept is a copy of x: where its elements are, is found again.
    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Any, Pullback]:
        x = arrays.as_input(x)
        y = self.forward(x, windows, options)
        where = None if options.where is None else np.array(options.where)
        order, kept, dtype = self.order(), x.copy(), gradient_dtype(x)
        options = options.replace(where=where, out=None)

        @puts
        def pullback(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            return ordering.slopes(order, kept, windows, options, gy, dtype, out)

        return y, pullback


@dataclass(frozen=True)
class Median(OrderStatistic):
    """Median of a window: the middle element, or the mean of the two in the middle.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([3.0, 1.0, 9.0, 2.0, 2.0, 5.0], cpool.Median(), cpool.sliding(3))
    array([3., 2.])
    """

    name: ClassVar[str] = "median"
    function: ClassVar[str] = "median_pool"
    formula: ClassVar[str] = "(w₍⌈n/2⌉₎ + w₍⌊n/2⌋₊₁₎) / 2"
    summary: ClassVar[str] = "Median of each window."
    result: ClassVar[str] = (
        "The median of each window, as numpy.median: of an even number of elements the mean of the "
        "two in the middle, which share the gradient; among equals the first ones get it. x's "
        "dtype; float64 for integers (`rank_pool` keeps them)."
    )
    source: ClassVar[str] = (
        "Tukey, J. W. (1977). Exploratory Data Analysis. Addison-Wesley. (Running medians.)"
    )

    def order(self) -> Order:
        return Order("quantile", 0.5, "linear")

    def picked(self, taps: int) -> Operations:
        return NOTHING if taps % 2 else Operations(additions=1, divisions=1)

    def wanted(self, taps: int) -> tuple[int, ...]:
        return tuple(range((taps - 1) // 2, taps // 2 + 1))

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return statistics.median(window)


@dataclass(frozen=True)
class Quantile(OrderStatistic):
    """Quantile of a window.

    Parameters
    ----------
    q : float
        From 0 (the minimum) to 1 (the maximum).
    method : str
        How the quantile is found between two elements: one of NumPy's thirteen names.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([3, 1, 9, 2, 2, 5], cpool.Quantile(0.25), cpool.sliding(3))
    array([2., 2.])
    >>> cpool.pool([3, 1, 9, 2, 2, 5], cpool.Quantile(0.25, "lower"), cpool.sliding(3))
    array([1, 2])
    """

    q: float
    method: str = "linear"

    name: ClassVar[str] = "quantile"
    function: ClassVar[str] = "quantile_pool"
    formula: ClassVar[str] = "(1 - γ) w₍ⱼ₎ + γ w₍ⱼ₊₁₎, j + γ = 1 + (n - 1) q"
    summary: ClassVar[str] = "Quantile of each window."
    result: ClassVar[str] = (
        "The quantile of each window, as numpy.quantile. Two elements share the gradient by their "
        "weights; among equals the first ones get it. x's dtype with a method that selects an "
        "element (inverted_cdf, closest_observation, lower, higher, nearest); otherwise that of "
        "floating x, and float64 for integers."
    )
    source: ClassVar[str] = (
        "Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. The American "
        "Statistician 50, 361-365."
    )
    own: ClassVar[tuple[str, ...]] = ("q", "method")
    own_text: ClassVar[str] = """\
    q : float
        From 0 (the minimum) to 1 (the maximum).
    method : str
        How the quantile is found between two elements: "inverted_cdf", "averaged_inverted_cdf",
        "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
        "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint" or "nearest"."""
    required: ClassVar[bool] = True
    trailing: ClassVar[str] = ', q, method="linear"'
    example_options: ClassVar[str] = ", q=0.25"

    def __post_init__(self) -> None:
        checked_number(self.q, "q", "from 0 to 1", lambda q: 0 <= q <= 1)
        if not isinstance(self.method, str):
            raise TypeError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")

    def order(self) -> Order:
        return Order("quantile", float(self.q), self.method)

    def picked(self, taps: int) -> Operations:
        """A mean of two elements, weighted, where the place is between them."""
        between = self.method != "linear" or (taps - 1) * self.q % 1
        if self.order().selecting or not between:
            return NOTHING
        return Operations(additions=1, multiplications=2)

    def is_middle(self, taps: int) -> bool:
        return self.q == 0.5 and self.method in ordering.CENTRAL

    def wanted(self, taps: int) -> tuple[int, ...]:
        if self.q == 0.5 and self.method == "linear":
            return tuple(range((taps - 1) // 2, taps // 2 + 1))
        middle = int(self.q * (taps - 1))
        return tuple(range(max(middle - 1, 0), min(middle + 3, taps)))

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for q = 1 / 4, in plain Python."""
        ordered, place = sorted(window), (len(window) - 1) / 4
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        return low + (high - low) * (place % 1)


@dataclass(frozen=True)
class Rank(OrderStatistic):
    """Element of a window with a given rank.

    Parameters
    ----------
    rank : int
        0 is the least element, 1 the next one, -1 the greatest.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([3, 1, 9, 2, 2, 5], cpool.Rank(1), cpool.sliding(3))
    array([3, 2])
    """

    rank: int

    name: ClassVar[str] = "rank"
    function: ClassVar[str] = "rank_pool"
    formula: ClassVar[str] = "w₍ᵣ₊₁₎"
    summary: ClassVar[str] = "Element of a given rank of each window."
    result: ClassVar[str] = (
        "The element of that rank among those that exist, as scipy.ndimage.rank_filter; a window "
        "of fewer elements is as one without any. The first of equals gets the gradient. x's dtype."
    )
    source: ClassVar[str] = (
        "Heygster, G. (1982). Rank filters in digital image processing. Computer Graphics and "
        "Image Processing 19, 148-164."
    )
    own: ClassVar[tuple[str, ...]] = ("rank",)
    own_text: ClassVar[str] = """\
    rank : int
        0 is the least element that exists, 1 the next one; negative from the end: -1 the greatest.
        """
    required: ClassVar[bool] = True
    trailing: ClassVar[str] = ", rank"
    example_options: ClassVar[str] = ", rank=0"

    def __post_init__(self) -> None:
        if isinstance(self.rank, (bool, np.bool_)) or not hasattr(self.rank, "__index__"):
            raise TypeError(f"rank must be an int, got {self.rank!r}")
        if not -(2**31) < operator.index(self.rank) < 2**31:
            raise ValueError(f"rank must be between -2**31 and 2**31, got {self.rank!r}")

    def order(self) -> Order:
        return Order("rank", rank=operator.index(self.rank))

    def wanted(self, taps: int) -> tuple[int, ...]:
        rank = operator.index(self.rank)
        return (rank % taps if -taps <= rank < taps else 0,)

    def forward(self, x: Any, windows: Windows, options: Options) -> Any:
        try:
            return super().forward(x, windows, options)
        except ValueError:
            self._explain(arrays.as_input(x), windows, options)
            raise

    def _explain(self, x: np.ndarray, windows: Windows, options: Options) -> None:
        """Where there is no NaN to stand for it: that a window cannot have such an element,
        whatever exists of it."""
        dtype = x.dtype if options.dtype is None else arrays.as_dtype(options.dtype)
        needed = self.rank + 1 if self.rank >= 0 else -self.rank
        if dtype.kind in "biu" and needed > (least := _smallest(x, windows, options)):
            raise ValueError(
                f"rank must be from {-least} to {least - 1} where a window has no more elements "
                f"than {least}, as {dtype.newbyteorder('=')} has no NaN, got {self.rank}"
            ) from None

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for rank 0, in plain Python."""
        return min(window)


@dataclass(frozen=True)
class TrimmedMean(OrderStatistic):
    """Mean of a window without its least and its greatest elements.

    Parameters
    ----------
    cut : float
        The share of the elements that is left out at each end, rounded down to whole ones: from 0
        to less than 1/2.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([3.0, 1.0, 9.0, 2.0, 5.0], cpool.TrimmedMean(0.2), cpool.whole()).round(3)
    array([3.333])
    """

    cut: float = 0.1

    name: ClassVar[str] = "trimmed_mean"
    function: ClassVar[str] = "trimmed_mean_pool"
    formula: ClassVar[str] = "Σ w₍ᵢ₎ / (n - 2c), c < i ≤ n - c, c = ⌊cut n⌋"
    summary: ClassVar[str] = "Trimmed mean of each window."
    result: ClassVar[str] = (
        "The mean of what is left of each window, as scipy.stats.trim_mean. These elements share "
        "the gradient; of equals of which some are left out, the first ones get it. x's dtype; "
        "float64 for integers."
    )
    source: ClassVar[str] = (
        "Bednar, J. B. and Watt, T. L. (1984). Alpha-trimmed means and their relationship to "
        "median filters. IEEE Transactions on Acoustics, Speech, and Signal Processing 32, 145-153."
    )
    own: ClassVar[tuple[str, ...]] = ("cut",)
    own_text: ClassVar[str] = """\
    cut : float
        The share of the elements that is left out at each end, rounded down to whole ones: from 0
        to less than 1/2."""
    trailing: ClassVar[str] = ", cut=0.1"

    def __post_init__(self) -> None:
        checked_number(self.cut, "cut", "from 0 to less than 1/2", lambda cut: 0 <= cut < 0.5)

    def order(self) -> Order:
        return Order("trimmed_mean", float(self.cut))

    def picked(self, taps: int) -> Operations:
        left = taps - 2 * int(self.cut * taps)
        return Operations(additions=max(left - 1, 0), divisions=1)

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for a cut of 1 / 10, in plain Python."""
        cut = len(window) // 10
        return statistics.fmean(sorted(window)[cut : len(window) - cut])


@dataclass(frozen=True)
class Mode(OrderStatistic):
    """Most frequent element of a window.

    Parameters
    ----------
    ties : {"smallest", "first"}
        Which of equally frequent elements: the least, or the first one in the window.
    ignore : number, optional
        An element that is chosen only where there is no other, such as the label of the background.
        One that an integer x cannot hold is a ValueError when x is pooled.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([7, 0, 7, 0, 5, 0], cpool.Mode(), cpool.sliding(3))
    array([7, 0])
    >>> cpool.pool([7, 0, 7, 0, 5, 0], cpool.Mode(ignore=0), cpool.sliding(3))
    array([7, 5])
    """

    ties: str = "smallest"
    ignore: float | None = None

    name: ClassVar[str] = "mode"
    function: ClassVar[str] = "mode_pool"
    formula: ClassVar[str] = "argmaxᵥ |{i : wᵢ = v}|"
    summary: ClassVar[str] = "Most frequent element of each window."
    result: ClassVar[str] = (
        "The most frequent element of each window; NaNs equal one another and are greater than all "
        "numbers. The first element that equals it gets the gradient, as that of an extremum: "
        "small changes of the others change nothing. x's dtype."
    )
    source: ClassVar[str] = (
        "Davies, E. R. (1988). On the noise suppression and image enhancement characteristics of "
        "the median, truncated median and mode filters. Pattern Recognition Letters 7, 87-97."
    )
    own: ClassVar[tuple[str, ...]] = ("ties", "ignore")
    own_text: ClassVar[str] = """\
    ties : {{"smallest", "first"}}
        Which of equally frequent elements: the least, or the first one in the window.
    ignore : number, optional
        An element that is chosen only where there is no other, such as the label of the background;
        where x is not floating, one that x's dtype has.
        """
    trailing: ClassVar[str] = ', ties="smallest", ignore=None'

    def __post_init__(self) -> None:
        if not isinstance(self.ties, str):
            raise TypeError(f'ties must be "smallest" or "first", got {self.ties!r}')
        if self.ties not in ("smallest", "first"):
            raise ValueError(f'ties must be "smallest" or "first", got {self.ties!r}')
        numbers = (int, float, np.bool_, np.integer, np.floating)
        if self.ignore is not None and not isinstance(self.ignore, numbers):
            raise TypeError(f"ignore must be a number or None, got {self.ignore!r}")

    def forward(self, x: Any, windows: Windows, options: Options) -> Any:
        if self.ignore is not None:
            x = arrays.as_input(x)
            _check_ignored(self.ignore, x.dtype.newbyteorder("="))
        return super().forward(x, windows, options)

    def order(self) -> Order:
        return Order("mode", first_wins=self.ties == "first", ignored=self.ignore)

    def picked(self, taps: int) -> Operations:
        """Runs of equal elements: each is compared with the one before it, counted, and its count
        compared with the longest run's."""
        steps = max(taps - 1, 0)
        return Operations(comparisons=2 * steps, additions=steps)

    def by_window(self, sizes: tuple[int, ...], dtype: np.dtype[Any], dense: bool) -> Operations:
        """Few taps are compared pair by pair; many, or where the first wins, are looked up."""
        taps = math.prod(sizes)
        if taps <= _PAIRED:
            pairs = taps * (taps - 1) // 2
            return Operations(comparisons=pairs + 3 * (taps - 1), additions=2 * pairs)
        if self.ties == "first" or taps > _COUNTED:
            return self.operations(taps)
        return super().by_window(sizes, dtype, False)

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return max(sorted(window), key=window.count)


def _smallest(x: np.ndarray, windows: Windows, options: Options) -> int:
    """Number of elements of the smallest window."""
    places, order = arrays.pooled_axes(
        x.ndim, windows, options.axes, options.channels_last, options.rank
    )
    lengths = [x.shape[axis] for _, axis in sorted(zip(order, places, strict=True))]
    return math.prod(min(sizes) for sizes in windows.sizes(lengths, False))


def _check_ignored(value: Any, dtype: np.dtype[Any]) -> None:
    """Raise for what no element can be: without a word it would be as if nothing were ignored."""
    if dtype.kind not in "biu":
        return
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    number = value.item() if isinstance(value, np.generic) else value
    if not (least <= number <= most and number == int(number)):
        raise ValueError(
            f"ignore must be an integer from {least} to {most} for x of dtype {dtype}, got "
            f"{value!r}"
        )
