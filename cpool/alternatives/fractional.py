"""Fractional pooling: windows at random distances, drawn for each plane."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, counting, planes
from cpool.alternatives.common import reads
from cpool.alternatives.families import family
from cpool.arrays import Options
from cpool.draws import Rng
from cpool.reductions import Max, Mean
from cpool.reductions.base import Pullback, Reduction, Work
from cpool.windows import Fractional, fractional

if TYPE_CHECKING:
    from cpool.windows import _Ints, _Numbers

__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "fractional_avg_pool2d",
    "fractional_avg_pool3d",
]


class _Fractional:
    """A reduction over drawn windows. own: what its methods take beside windows and options."""

    def __init__(self, reduction: Reduction, rng: Rng, samples: Any, *own: Any) -> None:
        if rng is not None and samples is not None:
            raise ValueError(f"rng must be None where _random_samples are given, got {rng!r}")
        self.reduction, self.rng, self.own = reduction, rng, own
        self.samples = None if samples is None else arrays.as_input(samples, "_random_samples")

    def _given(self, options: Options) -> dict[str, Any]:
        samples = self.samples
        if samples is not None and samples.ndim and options.rank == 2:
            samples = samples[..., ::-1]  # PyTorch's are of width and height, in this order
        return {"samples": samples, "rng": self.rng}

    def forward(self, x: Any, windows: Fractional, options: Options) -> Any:
        given = self._given(options)
        return planes.forward(x, self.reduction, windows, options, *self.own, **given)

    def work(self, x: np.ndarray, windows: Fractional, options: Options) -> Work:
        """That of folds does not depend on the samples: see `counting`."""
        samples = self._given(options)["samples"]
        if samples is not None:
            planes.check_samples(x, windows, options, samples)
        indices = self.own[0] if self.own else False
        work = counting.of_pooling(
            x, self.reduction, windows, options,
            return_indices=arrays.flag(indices, "return_indices"),
        )  # fmt: skip
        return replace(work, read=work.read + counting.size_of(self.samples))

    def vjp(self, x: Any, windows: Fractional, options: Options) -> tuple[Any, Pullback]:
        given = self._given(options)
        return planes.vjp(x, self.reduction, windows, options, *self.own, **given)


def _fractional_max_pool(
    x: ArrayLike,
    kernel_size: _Ints | None,
    output_size: _Ints | None = None,
    output_ratio: _Numbers | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
    *,
    rng: Rng = None,
    overlapping: bool = True,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Any:
    """Maximum of windows at random distances: windows over any 1 to 3 axes [1]_.

    ``y[i] = max(x[s : s + k])`` along each axis, with ``s = ⌊a (i + u)⌋ - ⌊a u⌋``,
    ``a = (n - k) / (m - 1)`` and u uniform in [0, 1), for n elements, m windows and `kernel_size`
    k; the last window begins at n - k.

    Axes shrink by any factor, not only by whole numbers. Each plane, of one index of all axes that
    are not pooled, has windows of its own, along each axis drawn as `fractional` says.

    Parameters
    ----------
    x : array_like
        Input of any real type; it is not modified.
    kernel_size : int, tuple of int or None
        Size of a window along all pooled axes or along each; None with ``overlapping=False``.
    output_size : int or tuple of int, optional
        Number of windows along all pooled axes or along each.
    output_ratio : float or tuple of float, optional
        The same as a share of the axes, between 0 and 1. Either this or `output_size` is given.
    return_indices : bool
        Return ``(values, indices)``, the indices int64 and flat over the pooled axes of x; -1 for a
        window without an existing element.
    _random_samples : array_like, optional
        Numbers in [0, 1) that say where windows are, as PyTorch's function takes them: of x's
        leading axes and one axis more, with 2 samples (of width and height, in this order) or 3
        (of depth, height and width). In float32 the windows are PyTorch's to the last.
    rng : None, int or numpy.random.Generator
        An int gives the same windows at each call; a Generator is advanced once. Which windows a
        plane has does not depend on `channels_last`.
    overlapping : bool
        False: each window ends where the next one begins.
    channels_last : bool
        Pool the axes before the last one instead.
    nan_policy, where, dtype, out
        As in `max_pool`.

    Returns
    -------
    ndarray, or ndarray and ndarray of int64
        In x's dtype.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range: the windows of an axis begin at different elements, so that
        ``output_size + kernel_size - 1`` must be no more than there are.

    See Also
    --------
    fractional : The windows, for any reduction and any number of axes.

    References
    ----------
    .. [1] Graham, B. (2014). Fractional max-pooling. arXiv:1412.6071.

    Examples
    --------
    """
    windows = fractional(kernel_size, output_size, output_ratio, overlapping=overlapping)
    options = Options(None, channels_last, 0, nan_policy, where, dtype, out)
    return _Fractional(Max(), rng, _random_samples, return_indices), windows, options


def _fractional_avg_pool(
    x: ArrayLike,
    kernel_size: _Ints | None,
    output_size: _Ints | None = None,
    output_ratio: _Numbers | None = None,
    _random_samples: ArrayLike | None = None,
    *,
    rng: Rng = None,
    overlapping: bool = True,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Any:
    windows = fractional(kernel_size, output_size, output_ratio, overlapping=overlapping)
    options = Options(None, channels_last, 0, nan_policy, where, dtype, out)
    return _Fractional(Mean(), rng, _random_samples), windows, options


_INDICES = """\
    return_indices : bool
        Return ``(values, indices)``, the indices int64 and flat over the pooled axes of x; -1 for a
        window without an existing element.
"""
_fractional_avg_pool.__doc__ = (
    _fractional_max_pool.__doc__.replace(_INDICES, "")
    .replace("Maximum of windows", "Mean of windows")
    .replace("y[i] = max(", "y[i] = mean(")
    .replace("    ndarray, or ndarray and ndarray of int64\n", "    ndarray\n")
    .replace("In x's dtype.", "In x's dtype; float64 for integers.")
)
_fractional_max_pool.__name__ = "fractional_max_pool"
_fractional_avg_pool.__name__ = "fractional_avg_pool"

fractional_max_pool2d, fractional_max_pool3d = family(
    _fractional_max_pool, lambda rank: "2, output_size=2, rng=0", (2, 3)
)
fractional_avg_pool2d, fractional_avg_pool3d = family(
    _fractional_avg_pool, lambda rank: "2, output_ratio=0.5, rng=0", (2, 3)
)

for _function in (
    fractional_max_pool2d, fractional_max_pool3d, fractional_avg_pool2d, fractional_avg_pool3d
):  # fmt: skip
    reads(_function, "whose windows are drawn")
