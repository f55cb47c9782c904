"""Detail-preserving pooling: a mean in which what stands out from the surroundings counts more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays
from cpool.alternatives.blurring import blur_pool
from cpool.alternatives.families import adaptive_family, family, global_form
from cpool.arrays import Options
from cpool.pooling import pool, vjp
from cpool.reductions import Mean
from cpool.reductions.base import (
    Gradients,
    Pullback,
    checked_number,
    existing,
    gradient_dtype,
    refuse_overlap,
)
from cpool.results import stored, wide_dtype
from cpool.windows import Sliding, Windows, sliding

if TYPE_CHECKING:
    from cpool.windows import _Ints, _Padding, _PaddingMode

__all__ = [
    "detail_preserving_pool",
    "detail_preserving_pool1d",
    "detail_preserving_pool2d",
    "detail_preserving_pool3d",
    "adaptive_detail_preserving_pool",
    "adaptive_detail_preserving_pool1d",
    "adaptive_detail_preserving_pool2d",
    "adaptive_detail_preserving_pool3d",
    "global_detail_preserving_pool",
]

Array = NDArray[Any]

_MEAN = Mean(count_include_pad=False)
_BLUR = {"filter_size": 3, "stride": 1, "padding_mode": "mirror"}


# --- taps -----------------------------------------------------------------------------------------


class _Taps:
    """The elements of all windows, tap by tap: arrays of the result's shape, in row-major order of
    the taps; and the way back. Index -1 is a place behind the array, where nothing exists."""

    def __init__(self, x: Array, windows: Windows, places: Any) -> None:
        self.axes, order = places
        self.lengths = [x.shape[axis] for axis in self.axes]
        tables = windows.table([self.lengths[order.index(i)] for i in range(len(order))], -1)
        self.tables = [np.array(tables[i], np.intp) for i in order]
        self.padding = [(0, int(axis in self.axes)) for axis in range(x.ndim)]

    def of(self, x: Array) -> Iterator[Array]:
        return self._taken(np.pad(x, self.padding), 0)

    def _taken(self, x: Array, level: int) -> Iterator[Array]:
        if level == len(self.axes):
            yield x
            return
        for index in self.tables[level].T:
            yield from self._taken(x.take(index, self.axes[level]), level + 1)

    def add_back(self, slopes: Iterator[Array]) -> Array:
        """The transpose: sums of what belongs to each element."""
        padded = self._added(slopes, 0)
        return padded[tuple(slice(0, -1 if after else None) for _, after in self.padding)]

    def _added(self, slopes: Iterator[Array], level: int) -> Array:
        if level == len(self.axes):
            return next(slopes)
        axis, table = self.axes[level], self.tables[level]
        total: Array | None = None
        for index in table.T:
            part = self._added(slopes, level + 1)
            if total is None:
                shape = list(part.shape)
                shape[axis] = self.lengths[level] + 1
                total = np.zeros(shape, part.dtype)
            _add_along(total, index, part, axis)
        assert total is not None
        return total


def _add_along(total: Array, index: Array, part: Array, axis: int) -> None:
    """total[..., index, ...] += part, where an index may come twice."""
    where = (slice(None),) * axis + (index,)
    there = index[index >= 0]
    if len(np.unique(there)) == len(there):
        total[where] += part  # behind the array, where several are -1, nothing is added
    else:
        np.add.at(total, where, part)


# --- the mean -------------------------------------------------------------------------------------


class _Surroundings:
    """What the elements of a window are compared with: the window's mean of the blurred input, of
    what exists. It is linear in x."""

    def __init__(
        self, x: Array, mask: Array | None, windows: Windows, axes: Any, differentiable: bool
    ) -> None:
        blur, mean = {**_BLUR, "axes": axes, "where": mask}, {"axes": axes, "where": mask}
        if not differentiable:
            self.value = pool(blur_pool(x, **blur), _MEAN, windows, **mean)
            return
        blurred, self.of_blur = vjp(blur_pool, x, **blur)
        self.value, self.of_mean = vjp(pool, blurred, _MEAN, windows, **mean)

    def back(self, gy: Array) -> Array:
        return self.of_blur(self.of_mean(gy))


class _Weights:
    """alpha + ρ(d)^λ of differences d, where ρ(d) = √(d² + ε²), or √(max(d, 0)² + ε²)."""

    def __init__(self, alpha: Any, lam: Any, symmetric: Any, eps: Any) -> None:
        at_least_0 = "of at least 0, and finite"
        self.alpha = checked_number(alpha, "alpha", at_least_0, lambda v: 0 <= v < math.inf)
        self.lam = checked_number(lam, "lam", at_least_0, lambda v: 0 <= v < math.inf)
        self.eps = checked_number(
            eps, "eps", "greater than 0, and finite", lambda v: 0 < v < math.inf
        )
        self.symmetric = arrays.flag(symmetric, "symmetric")

    def differences(self, x: Array, surroundings: Array) -> Array:
        d = x - surroundings
        return d if self.symmetric else np.maximum(d, d.dtype.type(0))

    def sizes(self, d: Array) -> Array:
        """ρ"""
        return np.hypot(d, d.dtype.type(self.eps))


class _DetailPreserving(_Weights):
    def forward(self, x: Any, windows: Windows, options: Options) -> Array:
        return _Means(self, arrays.as_input(x), windows, options, False).result(options)

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Array, Pullback]:
        means = _Means(self, arrays.as_input(x), windows, options, True)
        return means.result(options), means.gradients()


class _Means:
    """Σ w x / Σ w of each window. Weights are relative to (the largest ρ)^λ, or to 1 if that is
    more, so that no power of ρ overflows."""

    def __init__(
        self, weights: _Weights, x: Array, windows: Windows, options: Options, differentiable: bool
    ) -> None:
        self.given, self.weights, self.windows = x, weights, windows
        places = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        axes, order = places
        given = tuple(axes[order.index(i)] for i in range(len(axes)))
        dtype = wide_dtype(x, options.dtype)
        where = arrays.as_mask(options.where, x)
        if options.nan_policy != "propagate":
            arrays.fold(0, x, windows, options.replace(dtype=np.float64, out=None))  # may raise
        mask = existing(x, where, options.nan_policy)
        self.x = np.array(x, dtype)
        if mask is not None:
            np.copyto(self.x, 0, where=~mask)
        with np.errstate(all="ignore"):
            self.surroundings = _Surroundings(self.x, mask, windows, given, differentiable)
            self.taps = _Taps(x, windows, places)
            self.mask = np.broadcast_to(True, x.shape) if mask is None else mask
            self._add_up()

    def _each(self) -> Iterator[tuple[Array, Array, Array]]:
        """For each tap: elements, differences, which exist."""
        for x, there in zip(self.taps.of(self.x), self.taps.of(self.mask), strict=True):
            yield x, self.weights.differences(x, self.surroundings.value), there

    def _add_up(self) -> None:
        value = self.surroundings.value
        self.most = np.ones_like(value)
        for _, d, there in self._each():
            np.maximum(self.most, self.weights.sizes(d), out=self.most, where=there)
        self.total, sums = np.zeros_like(value), np.zeros_like(value)
        for x, d, there in self._each():
            w = self._weight(d, there)[0]
            self.total += w
            sums += w * x
        self.y = sums / self.total

    def _weight(self, d: Array, there: Array) -> tuple[Array, Array, Array]:
        """The weights of a tap, their powers of ρ, and ρ."""
        sizes = self.weights.sizes(d)
        power = np.where(there, (sizes / self.most) ** d.dtype.type(self.weights.lam), 0)
        power = power.astype(d.dtype, copy=False)
        return power + there * self._alpha(), power, sizes

    def _alpha(self) -> Array:
        return self.weights.alpha * self.most ** -self.most.dtype.type(self.weights.lam)

    def result(self, options: Options) -> Array:
        dtype = gradient_dtype(self.given) if options.dtype is None else options.dtype
        refuse_overlap(options.out, self.given)
        return stored(self.y, arrays.as_dtype(dtype), options.out)

    def gradients(self) -> Gradients:
        self.y = self.y.copy()  # the result may be the same array
        return Gradients(x=self._by_x, alpha=self._by_alpha, lam=self._by_lam)

    def _shares(self, gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, self.y.shape).astype(self.y.dtype)
        return np.where(self.total > 0, gy / self.total, 0).astype(self.y.dtype, copy=False)

    def _by_x(self, gy: Any) -> Array:
        with np.errstate(all="ignore"):
            shares, lam = self._shares(gy), self.y.dtype.type(self.weights.lam)
            of_surroundings = np.zeros_like(self.y)

            def slopes() -> Iterator[Array]:
                for x, d, there in self._each():
                    w, power, sizes = self._weight(d, there)
                    change = shares * lam * power * (d / sizes / sizes) * (x - self.y)
                    change = np.where(there, change, 0).astype(x.dtype, copy=False)
                    np.subtract(of_surroundings, change, out=of_surroundings)
                    yield np.where(there, shares * w, 0).astype(x.dtype, copy=False) + change

            gx = self.taps.add_back(slopes())
            gx = gx + self.surroundings.back(of_surroundings)
            np.copyto(gx, 0, where=~self.mask)
            return gx.astype(gradient_dtype(self.given))

    def _by_alpha(self, gy: Any) -> float:
        scale = self.most ** -self.most.dtype.type(self.weights.lam)
        return self._learned(gy, lambda d, there: scale)

    def _by_lam(self, gy: Any) -> float:
        def of_tap(d: Array, there: Array) -> Array:
            _, power, sizes = self._weight(d, there)
            return power * np.log(sizes)

        return self._learned(gy, of_tap)

    def _learned(self, gy: Any, of_tap: Callable[[Array, Array], Array]) -> float:
        """What a parameter changes, if it changes weights by of_tap."""
        total = 0.0
        with np.errstate(all="ignore"):
            shares = self._shares(gy)
            for x, d, there in self._each():
                slopes = np.where(there, shares * of_tap(d, there) * (x - self.y), 0)
                total += float(slopes.sum(dtype=np.float64))
        return total


# --- the functions --------------------------------------------------------------------------------


def _detail_preserving_pool(
    x: ArrayLike,
    kernel_size: _Ints,
    stride: _Ints | None = None,
    padding: _Padding = 0,
    dilation: _Ints = 1,
    ceil_mode: bool = False,
    *,
    axes: _Ints | None = None,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "constant",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
    alpha: float = 0.0,
    lam: float = 1.0,
    symmetric: bool = True,
    eps: float = 1e-3,
) -> tuple[_DetailPreserving, Sliding, Options]:
    """Mean in which what stands out counts more, of each window: windows over any 1 to 3 axes [1]_.

    Parameters
    ----------
    x : array_like
        Input of any real type, any strides and byte order; it is not modified.
    kernel_size : int or tuple of int
        Size of a window, in elements, along all pooled axes or along each.
    stride : int or tuple of int, optional
        Distance between windows; None is `kernel_size`.
    padding : int, tuple or {"valid", "same", "same_lower"}
        Elements added on both sides of each axis: an int, or for each axis an int or a
        ``(before, after)`` pair. "same" gives ``ceil(n / stride)`` windows.
    dilation : int or tuple of int
        Distance between the elements of a window.
    ceil_mode : bool
        Keep a last window that is partly outside, unless it would start in the padding after
        the axis.
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the other arguments. None: the last ones, as many
        as those have entries; where they are ints, all axes of x if it has at most 3.
    channels_last : bool
        Pool the axes before the last one instead.
    padding_mode : {"constant", "reflect", "mirror", "nearest", "wrap"}
        What padding is. "constant": it does not exist. The others repeat elements of x, with
        SciPy's names.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, and those beside them that the blur takes it to; it does not
        exist; or it is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A window without any gives NaN where the result is
        floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.
    alpha : float
        What every weight has at least: the greater, the nearer to the mean.
    lam : float
        The power of the differences: 0 is the mean.
    symmetric : bool
        Differences count in both directions; False: only what is greater than its surroundings.
    eps : float
        What rounds the weights off at differences of 0.

    Returns
    -------
    ndarray
        ``sum(w * x) / sum(w)`` of each window, in x's dtype; float64 for integers. The weights are
        ``w = alpha + sqrt(d ** 2 + eps ** 2) ** lam`` of ``d = x - s``, or with
        ``symmetric=False`` of ``d = max(x - s, 0)``, where ``s`` is the mean, over the same window,
        of x blurred by (1, 2, 1) / 4 along each pooled axis (``blur_pool(x, 3, 1)``).

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, the windows do not fit, or one lies wholly in padding.

    See Also
    --------
    lip_pool : Weights that another array says.
    blur_pool : The blur.

    Notes
    -----
    What does not exist is in no blur either: that is the quotient of a blurred x, with zeros
    there, and a blurred mask. `vjp` differentiates by x (through the weights and the blur too), by
    alpha and by lam.

    References
    ----------
    .. [1] Saeedan, F., Weber, N., Goesele, M. and Roth, S. (2018). Detail-preserving pooling in
       deep networks. CVPR 2018, 9108-9116.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([0.0, 0.0, 0.0, 4.0, 0.0, 0.0])
    >>> cpool.detail_preserving_pool(x, 2).round(2)
    array([0. , 2.5, 0. ])
    >>> cpool.detail_preserving_pool(x, 2, lam=0)
    array([0., 2., 0.])
    """
    windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
    options = Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _DetailPreserving(alpha, lam, symmetric, eps), windows, options


_detail_preserving_pool.__name__ = "detail_preserving_pool"
(
    detail_preserving_pool,
    detail_preserving_pool1d,
    detail_preserving_pool2d,
    detail_preserving_pool3d,
) = family(_detail_preserving_pool, lambda rank: "2")
(
    adaptive_detail_preserving_pool,
    adaptive_detail_preserving_pool1d,
    adaptive_detail_preserving_pool2d,
    adaptive_detail_preserving_pool3d,
) = adaptive_family(_detail_preserving_pool, lambda rank: "2")
global_detail_preserving_pool = global_form(_detail_preserving_pool, "")
