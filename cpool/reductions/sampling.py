"""An element of each window, drawn at random."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cpool import arrays, lanes
from cpool.draws import Rng, philox
from cpool.reductions.base import (
    Fold,
    Operations,
    Pullback,
    Reduction,
    existing,
    gradient_dtype,
    puts,
    refuse_overlap,
)

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Windows

__all__ = ["Stochastic"]

MAX, ADD = 0, 2
LEAST = 2.0**-960  # a sum of squares below it may have lost some
LARGE, SHRINK = 2.0**960, 2.0**-64  # where sums may overflow, and what keeps them from it


@dataclass(frozen=True)
class Stochastic(Reduction):
    """An element of a window, drawn with probabilities in proportion to the positive elements.

    Parameters
    ----------
    training : bool
        True: draw; `rng` belongs to the call. False: the mean of what would be drawn.

    Examples
    --------
    >>> import cpool
    >>> x = [0.0, 3.0, 1.0, 1.0, -2.0, 6.0, 6.0, 2.0]
    >>> cpool.pool(x, cpool.Stochastic(), cpool.sliding(2), rng=0)
    array([3., 1., 6., 6.])
    >>> cpool.pool(x, cpool.Stochastic(training=False), cpool.sliding(2))
    array([3., 1., 6., 5.])
    """

    training: bool = True

    name: ClassVar[str] = "stochastic"
    function: ClassVar[str] = "stochastic_pool"
    formula: ClassVar[str] = "w drawn with p = max(w, 0) / Σ max(w, 0); or Σ p w"
    summary: ClassVar[str] = "Element of each window, drawn at random."
    result: ClassVar[str] = (
        "With `training` an element of each window, x's dtype; else the mean of what would be "
        "drawn, x's dtype, float64 for integers. NaN if there is one. The gradient goes to the "
        "element that was drawn; else it is that of the mean, whose probabilities depend on x."
    )
    source: ClassVar[str] = (
        "Zeiler, M. D. and Fergus, R. (2013). Stochastic pooling for regularization of deep "
        "convolutional neural networks. ICLR 2013."
    )
    own: ClassVar[tuple[str, ...]] = ("training",)
    own_text: ClassVar[str] = """\
    training : bool
        True: draw, with probabilities p = max(x, 0) / sum(max(x, 0)), the same for all elements
        where that sum is 0. False: the mean of what would be drawn, sum(p * x)."""
    trailing: ClassVar[str] = ", training=True"
    given: ClassVar[str] = "rng"
    given_text: ClassVar[str] = """\
    rng : None, int or numpy.random.Generator
        None: other draws at each call; an int: the same ones; a Generator is advanced once. Each
        window has a number of its own, whatever the memory layout and the number of threads."""
    example_options: ClassVar[str] = ", training=False"

    def __post_init__(self) -> None:
        arrays.flag(self.training, "training")

    @staticmethod
    def definition(window: list[float]) -> float:
        """The mean of what is drawn, in plain Python."""
        chances = [max(x, 0.0) for x in window]
        if not sum(chances):
            return statistics.fmean(window)
        return sum(p * x for p, x in zip(chances, window, strict=True)) / sum(chances)

    def operations(self, taps: int) -> Operations:
        """The positive parts and their sum; then a share of that sum, and where partial sums reach
        it; or the sum of squares, and a quotient."""
        steps = max(taps - 1, 0)
        parts = Operations(comparisons=taps, additions=steps)
        if self.training:
            return parts + Operations(comparisons=steps, additions=steps, multiplications=1)
        return parts + Operations(additions=steps, multiplications=taps, divisions=1)

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        if self.training:
            return None
        each = Operations(comparisons=1, multiplications=1)
        return Fold(each, Operations(additions=2), Operations(divisions=1))

    def forward(self, x: Any, windows: Windows, options: Options, rng: Rng = None) -> np.ndarray:
        x = arrays.as_input(x)
        if self.training:
            return _Draws(x, windows, options, rng).result(options)
        y = lanes.expected(x, windows, options)
        return _Expectation(x, windows, options).result(options) if y is None else y

    def vjp(
        self, x: Any, windows: Windows, options: Options, rng: Rng = None
    ) -> tuple[np.ndarray, Pullback]:
        x = arrays.as_input(x)
        if self.training:
            drawn = _Draws(x, windows, options, rng)
            return drawn.result(options), drawn.gradient()
        y = self.forward(x, windows, options)
        return y, _Expectation(x, windows, options).gradient()


# --- training -------------------------------------------------------------------------------------


class _Draws:
    """The elements drawn, and which taps of their windows they are."""

    def __init__(self, x: np.ndarray, windows: Windows, options: Options, rng: Rng) -> None:
        self.x, self.windows = x, windows
        self.places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        self.taps = _numbers(x.shape, windows, self.places, rng)
        inner = options.replace(dtype=None, out=None)
        self.elements = lanes.draw(x, windows, inner, self.taps)

    def result(self, options: Options) -> np.ndarray:
        refuse_overlap(options.out, self.x)
        y, empty = self.elements, self.taps < 0
        dtype = y.dtype if options.dtype is None else arrays.as_dtype(options.dtype)
        if empty.any() and gradient_dtype(np.empty(0, dtype)) != dtype:
            raise ValueError(
                f"where leaves a window without an element: dtype must be floating, got {dtype}"
            )
        if options.out is not None or dtype != y.dtype:
            y = arrays.converted(y, dtype, options.out)
        if empty.any():
            y[empty] = np.nan
        return y

    def gradient(self) -> Pullback:
        """To the elements drawn: what is kept is their taps, one byte each up to 255."""
        x, windows, places = self.x, self.windows, self.places
        most = int(self.taps.max(initial=0))
        kind = np.uint8 if most < 255 else np.uint16 if most < 65535 else np.int32
        offsets = self.taps.astype(np.int64).astype(kind)
        shape, dtype = x.shape, gradient_dtype(x)

        @puts
        def pullback(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            return arrays.scatter(gy, offsets, windows, *places, shape, dtype, True, out)

        return pullback


def _numbers(shape: tuple[int, ...], windows: Windows, places: Any, rng: Rng) -> np.ndarray:
    """A random number for each element of the result, drawn in row-major order of its axes, those
    that are not pooled first."""
    axes, order = places
    lengths = list(shape)
    for axis, length in zip(axes, arrays.table_of_axes(windows, axes, order, shape), strict=True):
        lengths[axis] = length
    first = [*(axis for axis in range(len(shape)) if axis not in axes), *axes]
    drawn = philox(rng).random([lengths[axis] for axis in first])
    return drawn.transpose(np.argsort(first))


# --- inference ------------------------------------------------------------------------------------


class _Expectation:
    """The mean of what would be drawn: Σ r² / Σ r where r = max(x, 0); the mean where all r are 0.
    In float64, for any elements, with what the gradient needs.
    """

    def __init__(self, x: np.ndarray, windows: Windows, options: Options) -> None:
        self.x, self.windows = x, windows
        self.places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        self.exists = existing(x, options.where, options.nan_policy)
        wide = options.replace(dtype=np.float64, out=None)
        with np.errstate(all="ignore"):
            r = np.maximum(x, 0).astype(np.float64)
            self.total = arrays.fold(ADD, r, windows, wide)
            squares = arrays.fold(ADD, r * r, windows, wide)
            self.y = squares / self.total
        self.flat = self.total == 0
        if self.flat.any():
            means = arrays.fold(ADD, x, windows, wide, mean=True, count_include_pad=False)
            np.copyto(self.y, means, where=self.flat)
        inexact = ~self.flat & ~((squares > LEAST) & (squares < np.inf)) & ~np.isnan(squares)
        if inexact.any():
            np.copyto(self.y, _by_norms(r, windows, wide), where=inexact)

    def result(self, options: Options) -> np.ndarray:
        refuse_overlap(options.out, self.x)
        if self.exists is not None:
            refuse_overlap(options.out, np.asarray(options.where))
            if options.dtype is not None:
                # An integer has no word for the mean of nothing.
                arrays.fold(MAX, self.x, self.windows, options.replace(out=None))
        dtype = gradient_dtype(self.x) if options.dtype is None else options.dtype
        return arrays.converted(self.y, dtype, options.out)

    def gradient(self) -> Pullback:
        """2 r - y over Σ r where r > 0: more of what is large, and more of it to be drawn."""
        x, windows, (axes, order) = self.x, self.windows, self.places
        exists = np.ones(x.shape, bool) if self.exists is None else self.exists
        with np.errstate(all="ignore"):
            positive = exists & (x > 0)
        r = np.where(positive, x, 0).astype(np.float64)
        own = arrays.Options(axes=tuple(axes[order.index(i)] for i in range(len(axes))))
        count = arrays.fold(ADD, exists, windows, own)
        y, total, flat, shape, dtype = self.y, self.total, self.flat, x.shape, gradient_dtype(x)

        def spread(share: np.ndarray) -> np.ndarray:
            return arrays.spread(share, windows, axes, order, shape, np.float64)

        def pullback(gy: Any) -> np.ndarray:
            gy = arrays.checked_gradient(gy, y.shape).astype(np.float64)
            with np.errstate(all="ignore"):
                share = np.where(flat, 0.0, gy / total)
                slopes = 2 * r * spread(share) - spread(np.where(flat, 0.0, share * y))
                gx = np.where(positive, slopes, 0.0)
                if flat.any():
                    means = spread(np.where(flat, gy / np.maximum(count, 1), 0.0))
                    gx += np.where(exists, means, 0.0)
                return gx.astype(dtype)

        return pullback


def _by_norms(r: np.ndarray, windows: Windows, options: Options) -> np.ndarray:
    """Σ r² / Σ r, of which the kernels let no square vanish or overflow."""
    large = np.any((r >= LARGE) & (r < np.inf))
    call = {"x": r * SHRINK if large else r, "windows": windows, "options": options}
    total = lanes.values("norm", p=1.0, **call)
    root = lanes.values("norm", p=2.0, **call)
    with np.errstate(all="ignore"):
        y = root * (root / total) / (SHRINK if large else 1.0)
    np.copyto(y, total, where=(total == 0) | np.isinf(total))
    return y
