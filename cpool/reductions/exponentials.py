"""Exponentially weighted means: between the mean and the maximum."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cpool.reductions.base import (
    NOTHING,
    Fold,
    MeanOfLanes,
    Operations,
    checked_number,
    floating_dtype,
)

__all__ = ["LogSumExp", "SoftMean"]


@dataclass(frozen=True)
class LogSumExp(MeanOfLanes):
    """Logarithm of the mean of exponentials of a window.

    Parameters
    ----------
    r : float
        Any finite number: 0 is the mean; the greater, the nearer to the maximum; below 0, the
        nearer to the minimum.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([0.0, 1.0, 5.0, 5.0], cpool.LogSumExp(10), cpool.sliding(2)).round(3)
    array([0.931, 5.   ])
    """

    r: float = 1.0

    name: ClassVar[str] = "log_sum_exp"
    function: ClassVar[str] = "log_sum_exp_pool"
    formula: ClassVar[str] = "log(Σ exp(r w) / n) / r"
    summary: ClassVar[str] = "Logarithm of the mean of exponentials of each window."
    result: ClassVar[str] = (
        "log(mean(exp(r w))) / r of each window w: between its mean and its extremum. x's dtype; "
        "float64 for integers."
    )
    source: ClassVar[str] = (
        "Pinheiro, P. O. and Collobert, R. (2015). From image-level to pixel-level labeling with "
        "convolutional networks. CVPR 2015, 1713-1721."
    )
    own: ClassVar[tuple[str, ...]] = ("r",)
    own_text: ClassVar[str] = """\
    r : float
        Any finite number; 0 gives the mean. `vjp` differentiates by it."""
    trailing: ClassVar[str] = ", r=1.0"
    kind: ClassVar[str] = "logarithm"
    pair: ClassVar[Operations] = Operations(additions=1)
    learned: ClassVar[str] = "r"

    def __post_init__(self) -> None:
        checked_number(self.r, "r", "that is finite", math.isfinite)

    # r = 0 is the mean.
    @property
    def each(self) -> Operations:  # type: ignore[override]
        return Operations(multiplications=1, functions=1) if self.r else NOTHING

    @property
    def last(self) -> Operations:  # type: ignore[override]
        return Operations(divisions=2, functions=1) if self.r else Operations(divisions=1)

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        # As `lifted` in lanes.pyx has it: float64 needs all digits of exponentials.
        narrow = floating_dtype(dtype) == dtype and dtype.itemsize < 8
        if not self.r or not narrow or reads < 0.5:
            return None
        return Fold(self.each, self.pair, self.last)

    def asked(self) -> dict[str, Any]:
        if not self.r:
            return {"kind": "plain", "p": 0.5}
        return {"kind": self.kind, "p": float(self.r)}

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for r = 1, in plain Python."""
        return math.log(statistics.fmean(math.exp(x - max(window)) for x in window)) + max(window)


@dataclass(frozen=True)
class SoftMean(MeanOfLanes):
    """Mean of a window, weighted by exponentials of its elements (SoftPool).

    Parameters
    ----------
    beta : float
        Any finite number: 0 is the mean; the greater, the nearer to the maximum.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([0.0, 1.0, 5.0, 5.0], cpool.SoftMean(), cpool.sliding(2)).round(3)
    array([0.731, 5.   ])
    """

    beta: float = 1.0

    name: ClassVar[str] = "soft_mean"
    function: ClassVar[str] = "soft_pool"
    formula: ClassVar[str] = "Σ w exp(β w) / Σ exp(β w)"
    summary: ClassVar[str] = "Softmax-weighted mean of each window."
    result: ClassVar[str] = (
        "The mean of each window w weighted by exp(beta w). x's dtype; float64 for integers."
    )
    source: ClassVar[str] = (
        "Stergiou, A., Poppe, R. and Kalliatakis, G. (2021). Refining activation downsampling with "
        "SoftPool. ICCV 2021, 10357-10366."
    )
    own: ClassVar[tuple[str, ...]] = ("beta",)
    own_text: ClassVar[str] = """\
    beta : float
        Any finite number; 0 gives the mean. `vjp` differentiates by it."""
    trailing: ClassVar[str] = ", beta=1.0"
    kind: ClassVar[str] = "soft"
    last: ClassVar[Operations] = Operations(divisions=1)
    learned: ClassVar[str] = "beta"

    def __post_init__(self) -> None:
        checked_number(self.beta, "beta", "that is finite", math.isfinite)

    # A weight is an exponential of a product, and both the weights and what they weigh are added
    # up. beta = 0 is the mean.
    @property
    def each(self) -> Operations:  # type: ignore[override]
        return Operations(multiplications=2, functions=1) if self.beta else NOTHING

    @property
    def pair(self) -> Operations:  # type: ignore[override]
        return Operations(additions=2 if self.beta else 1)

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        # As `quotient_of` in lanes.pyx has it.
        if not 1e-30 < abs(self.beta) < 2.0**40:
            return None
        return Fold(self.each, self.pair, self.last)

    def asked(self) -> dict[str, Any]:
        if not self.beta:
            return {"kind": "plain", "p": 1.0}
        return {"kind": self.kind, "p": float(self.beta)}

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window for beta = 1, in plain Python."""
        weights = [math.exp(x - max(window)) for x in window]
        return sum(x * e for x, e in zip(window, weights, strict=True)) / sum(weights)
