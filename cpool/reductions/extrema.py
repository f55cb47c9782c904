"""Maximum and minimum, with or without the positions where they were found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cpool import arrays
from cpool.reductions.base import Operations, Pullback, Reduction, gradient_dtype, puts

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Windows

__all__ = ["Max", "Min"]

_FOLDS = [partial(arrays.fold, operation) for operation in (0, 1)]


@dataclass(frozen=True)
class Extremum(Reduction):
    """Both extrema; which one is a number that the kernels know."""

    operation: ClassVar[int]
    selects: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    pair: ClassVar[Operations] = Operations(comparisons=1)
    positional: ClassVar[str] = Reduction.positional + ", return_indices=False"

    # The compiled function itself: a Python function around it would be a tenth of the time of a
    # call on a small array.
    @property
    def forward(self) -> Callable[..., Any]:
        return _FOLDS[self.operation]

    # The gradient of a window's extremum is 1 for the element that was selected and 0 for all
    # others; what is kept is that element's offset inside the window (one byte up to 256).
    def vjp(
        self, x: Any, windows: Windows, options: Options, return_indices: bool = False
    ) -> tuple[Any, Pullback]:
        x = arrays.as_input(x)
        return_indices = arrays.flag(return_indices, "return_indices")
        y, indices, offsets = arrays.fold(
            self.operation, x, windows, options, return_indices, offsets=True
        )
        where = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        shape, dtype = x.shape, gradient_dtype(x)
        masked = options.where is not None or options.nan_policy == "omit"

        @puts
        def pullback(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            return arrays.scatter(gy, offsets, windows, *where, shape, dtype, masked, out)

        return (y, indices) if return_indices else y, pullback


@dataclass(frozen=True)
class Max(Extremum):
    """Maximum of a window; the first one wins a tie, a NaN wins over everything.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 3.0, 2.0, 0.0], cpool.Max(), cpool.sliding(2))
    array([3., 2.])
    """

    name: ClassVar[str] = "max"
    function: ClassVar[str] = "max_pool"
    formula: ClassVar[str] = "max(w)"
    summary: ClassVar[str] = "Maximum of each window."
    result: ClassVar[str] = (
        "The maximum of each window: the first of equals, and a NaN if there is one. x's dtype."
    )
    source: ClassVar[str] = (
        "Riesenhuber, M. and Poggio, T. (1999). Hierarchical models of object recognition in "
        "cortex. Nature Neuroscience 2, 1019-1025."
    )
    operation: ClassVar[int] = 0

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return max(window)


@dataclass(frozen=True)
class Min(Extremum):
    """Minimum of a window; the first one wins a tie, a NaN wins over everything.

    Examples
    --------
    >>> import cpool
    >>> cpool.pool([1.0, 3.0, 2.0, 0.0], cpool.Min(), cpool.sliding(2))
    array([1., 0.])
    """

    name: ClassVar[str] = "min"
    function: ClassVar[str] = "min_pool"
    formula: ClassVar[str] = "min(w)"
    summary: ClassVar[str] = "Minimum of each window."
    result: ClassVar[str] = (
        "The minimum of each window: the first of equals, and a NaN if there is one. x's dtype."
    )
    source: ClassVar[str] = (
        "Serra, J. (1982). Image Analysis and Mathematical Morphology. Academic Press. (Erosion "
        "by a flat structuring element.)"
    )
    operation: ClassVar[int] = 1

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python."""
        return min(window)
