"""Norms and power means: sums of powers, of which a root is taken."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cpool.reductions.base import NOTHING, Fold, MeanOfLanes, Operations, checked_number

__all__ = ["GeometricMean", "HarmonicMean", "Lp", "PowerMean", "RootMeanSquare"]

_COMPARISON, _ADDITION = Operations(comparisons=1), Operations(additions=1)
_PRODUCT, _DIVISION = Operations(multiplications=1), Operations(divisions=1)
_FUNCTION = Operations(functions=1)
_FACTORS = 40  # of a product, at most, that the kernels make (FACTORS in lanes.pyx)


def _power(p: float) -> Operations:
    """|x| to the power p, as a formula has it: the size itself is no operation."""
    simple = {1: NOTHING, 2: _PRODUCT, -1: _DIVISION}
    return NOTHING if math.isinf(p) else simple.get(p, _FUNCTION)


def _root(p: float) -> Operations:
    return NOTHING if math.isinf(p) else {1: NOTHING, -1: _DIVISION}.get(p, _FUNCTION)


def _lifted(fold: Fold, p: float, each: Operations) -> Fold | None:
    """The fold of p-th powers as the kernels do it, where powers of sizes stay in range: a cube is
    made of products (kernels/lifts.pxi)."""
    if not 0.5 <= abs(p) <= 64:
        return None
    return fold._replace(each=each + 2 * _PRODUCT) if p == 3 else fold


def _product_of(taps: int, each: Operations) -> Fold:
    """A geometric mean as the kernels do it: a root of the product, which stays in range for few
    elements; else an exponential of the mean of logarithms."""
    if taps <= _FACTORS:
        return Fold(each, _PRODUCT, _FUNCTION)
    return Fold(each + _FUNCTION, _ADDITION, _DIVISION + _FUNCTION)

_SMALL = 0.5  # below it, sums are of powers less 1: a root multiplies errors by 1 / p


@dataclass(frozen=True)
class Lp(MeanOfLanes):
    """Lp norm of a window: the p-th root of the sum of the p-th powers of the elements' sizes.

    Parameters
    ----------
    p : float
        Greater than 0; infinity gives the largest size.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([3.0, 4.0, 5.0, -12.0], cpool.Lp(2), cpool.sliding(2))
    array([ 5., 13.])
    """

    p: float

    name: ClassVar[str] = "lp"
    function: ClassVar[str] = "lp_pool"
    formula: ClassVar[str] = "(Σ |w|ᵖ)^(1/p)"
    summary: ClassVar[str] = "Lp norm of each window."
    result: ClassVar[str] = (
        "The norm of each window, of the elements that exist: a partial window is not scaled up. "
        "The gradient in an element that is 0 is taken as 0, also where the norm is 0, and where p "
        "is less than 1. x's dtype; float64 for integers."
    )
    source: ClassVar[str] = (
        "Gulcehre, C., Cho, K., Pascanu, R. and Bengio, Y. (2014). Learned-norm pooling for deep "
        "feedforward and recurrent neural networks. ECML PKDD 2014, 530-546."
    )
    empty: ClassVar[str] = "0"
    own: ClassVar[tuple[str, ...]] = ("norm_type",)
    own_text: ClassVar[str] = """\
    norm_type : float
        The power p, greater than 0; infinity gives the largest size."""
    positional: ClassVar[str] = "norm_type, kernel_size, stride=None, ceil_mode=False"
    keywords: ClassVar[str] = "padding=0, dilation=1, "
    required: ClassVar[bool] = True
    leading: ClassVar[str] = "norm_type, "
    example: ClassVar[str] = "2, "
    kind: ClassVar[str] = "norm"

    @property
    def each(self) -> Operations:  # type: ignore[override]
        return _power(self.p)

    @property
    def pair(self) -> Operations:  # type: ignore[override]
        return _COMPARISON if math.isinf(self.p) else _ADDITION

    @property
    def last(self) -> Operations:  # type: ignore[override]
        return _root(self.p)

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        return _lifted(Fold(self.each, self.pair, self.last), self.p, NOTHING)

    def __post_init__(self) -> None:
        checked_number(self.p, "norm_type", "greater than 0", lambda p: p > 0)

    def asked(self) -> dict[str, Any]:
        return {"kind": self.kind, "p": float(self.p)}

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for p = 2, in plain Python."""
        return math.hypot(*window)


@dataclass(frozen=True)
class RootMeanSquare(MeanOfLanes):
    """Root of the mean of a window's squares.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 7.0, 0.0, 0.0], cpool.RootMeanSquare(), cpool.sliding(2))
    array([5., 0.])
    """

    name: ClassVar[str] = "rms"
    function: ClassVar[str] = "rms_pool"
    formula: ClassVar[str] = "√(Σ w² / n)"
    summary: ClassVar[str] = "Root mean square of each window."
    result: ClassVar[str] = (
        "The root of the mean of the squares of each window. x's dtype; float64 for integers. "
        "Where it is 0, its gradient is 0."
    )
    source: ClassVar[str] = (
        "Hyvarinen, A. and Koster, U. (2007). Complex cell pooling and the statistics of natural "
        "images. Network: Computation in Neural Systems 18, 81-100."
    )
    kind: ClassVar[str] = "norm"
    each: ClassVar[Operations] = _PRODUCT
    pair: ClassVar[Operations] = _ADDITION
    last: ClassVar[Operations] = _DIVISION + _FUNCTION

    def asked(self) -> dict[str, Any]:
        return {"kind": self.kind, "p": 2.0, "mean": True}

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return math.sqrt(statistics.fmean(x * x for x in window))


@dataclass(frozen=True)
class PowerMean(MeanOfLanes):
    """Power mean of a window (GeM pooling): the p-th root of the mean of p-th powers.

    Parameters
    ----------
    p : float
        Any power: 1 is the mean, 2 the root mean square, 0 the geometric mean, -1 the harmonic
        mean, infinity the maximum and minus infinity the minimum.
    eps : float
        Smaller elements are taken as this number, which is greater than 0.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 7.0, 2.0, 8.0], cpool.PowerMean(2), cpool.sliding(2)).round(3)
    array([5.   , 5.831])
    """

    p: float = 3.0
    eps: float = 1e-6

    name: ClassVar[str] = "power_mean"
    function: ClassVar[str] = "power_mean_pool"
    formula: ClassVar[str] = "(Σ max(w, eps)ᵖ / n)^(1/p)"
    summary: ClassVar[str] = "Power mean of each window."
    result: ClassVar[str] = (
        "The p-th root of the mean of p-th powers of each window. x's dtype; float64 for integers."
    )
    source: ClassVar[str] = (
        "Radenovic, F., Tolias, G. and Chum, O. (2019). Fine-tuning CNN image retrieval with no "
        "human annotation. IEEE Transactions on Pattern Analysis and Machine Intelligence 41, "
        "1655-1668."
    )
    own: ClassVar[tuple[str, ...]] = ("p", "eps")
    own_text: ClassVar[str] = """\
    p : float
        The power; 0 gives the geometric mean, infinities the extrema. `vjp` differentiates by it.
    eps : float
        Smaller elements are taken as this number, which is greater than 0; they have no gradient.
    """
    trailing: ClassVar[str] = ", p=3.0, eps=1e-6"
    kind: ClassVar[str] = "norm"
    learned: ClassVar[str] = "p"

    # Elements are compared with eps; then it is the mean of a power, a product, or an extremum.
    @property
    def each(self) -> Operations:  # type: ignore[override]
        return _COMPARISON + (_power(self.p) if self.p else NOTHING)

    @property
    def pair(self) -> Operations:  # type: ignore[override]
        return _COMPARISON if math.isinf(self.p) else _ADDITION if self.p else _PRODUCT

    @property
    def last(self) -> Operations:  # type: ignore[override]
        if math.isinf(self.p):
            return NOTHING
        return _DIVISION + _root(self.p) if self.p else _FUNCTION

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        if not self.p:
            return _product_of(taps, _COMPARISON)
        return _lifted(Fold(self.each, self.pair, self.last), self.p, _COMPARISON)

    def __post_init__(self) -> None:
        checked_number(self.p, "p", "that is not NaN", lambda p: not math.isnan(p))
        checked_number(self.eps, "eps", "greater than 0 and finite", lambda e: 0 < e < math.inf)

    def asked(self) -> dict[str, Any]:
        kind = self.kind if abs(self.p) >= _SMALL else "small_power" if self.p else "geometric"
        return {"kind": kind, "p": float(self.p), "low": float(self.eps), "mean": True}

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for p = 3, in plain Python."""
        return statistics.fmean(max(x, 1e-6) ** 3 for x in window) ** (1 / 3)


@dataclass(frozen=True)
class GeometricMean(MeanOfLanes):
    """Geometric mean of a window: the n-th root of the product of its n elements.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 4.0, 2.0, 8.0], cpool.GeometricMean(), cpool.sliding(2))
    array([2., 4.])
    """

    name: ClassVar[str] = "geometric_mean"
    function: ClassVar[str] = "geometric_mean_pool"
    formula: ClassVar[str] = "(Π w)^(1/n)"
    summary: ClassVar[str] = "Geometric mean of each window."
    result: ClassVar[str] = (
        "The n-th root of the product of each window's elements: 0 where one of them is 0, NaN "
        "where one is negative, as scipy.stats.gmean. Where it is 0, the gradient is taken as 0 in "
        "all elements of the window, even if there is one only. x's dtype; float64 for integers."
    )
    source: ClassVar[str] = (
        "Hardy, G. H., Littlewood, J. E. and Polya, G. (1934). Inequalities. Cambridge University "
        "Press."
    )
    kind: ClassVar[str] = "geometric"
    pair: ClassVar[Operations] = _PRODUCT
    last: ClassVar[Operations] = _FUNCTION

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        return _product_of(taps, NOTHING)

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return math.prod(window) ** (1 / len(window))


@dataclass(frozen=True)
class HarmonicMean(MeanOfLanes):
    """Harmonic mean of a window: one over the mean of one over its elements.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 3.0, 2.0, 6.0], cpool.HarmonicMean(), cpool.sliding(2))
    array([1.5, 3. ])
    """

    name: ClassVar[str] = "harmonic_mean"
    function: ClassVar[str] = "harmonic_mean_pool"
    formula: ClassVar[str] = "n / Σ (1 / w)"
    summary: ClassVar[str] = "Harmonic mean of each window."
    result: ClassVar[str] = (
        "One over the mean of one over the elements of each window: 0 where one of them is 0. "
        "Then the gradient is taken as 0 in all elements of the window, even if there is only "
        "one. x's dtype; float64 for integers."
    )
    source: ClassVar[str] = (
        "Hardy, G. H., Littlewood, J. E. and Polya, G. (1934). Inequalities. Cambridge University "
        "Press."
    )
    kind: ClassVar[str] = "harmonic"
    each: ClassVar[Operations] = _DIVISION
    pair: ClassVar[Operations] = _ADDITION
    last: ClassVar[Operations] = _DIVISION

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        return Fold(_DIVISION, _ADDITION, 2 * _DIVISION)  # one over the mean

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return 0.0 if 0 in window else len(window) / sum(1 / x for x in window)
