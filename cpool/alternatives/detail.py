"""Detail-preserving pooling: a mean in which what stands out from the surroundings counts more."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays, counting, lanes
from cpool.alternatives.blurring import blur_pool
from cpool.alternatives.common import reads
from cpool.alternatives.families import adaptive_family, family, global_form
from cpool.arrays import Options
from cpool.pooling import vjp
from cpool.reductions import Mean
from cpool.reductions.base import (
    Fold,
    Gradients,
    Operations,
    Pullback,
    Reduction,
    Work,
    checked_number,
    existing,
    gradient_dtype,
    refuse_overlap,
)
from cpool.results import wide_dtype
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


class _Weighted(Reduction, listed=False):
    """What a weighted mean takes, once the surroundings are known: x - s, its square and eps², a
    root, a power, and alpha; a product, two sums and their quotient."""

    name = "detail_preserving"
    pair = Operations(additions=2)
    last = Operations(divisions=1)

    def __init__(self, asked: _DetailPreserving) -> None:
        self.each = Operations(  # type: ignore[misc]
            comparisons=0 if asked.symmetric else 1,
            additions=3,
            multiplications=2,
            functions=1 if asked.lam == 1 else 2,
        )

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        return None  # an element has another weight in each window


class _Surroundings:
    """What the elements of a window are compared with: the window's mean of the blurred input, of
    what exists. It is linear in x."""

    def __init__(
        self, x: Array, windows: Windows, options: Options, mask: Array | None, back: bool
    ) -> None:
        blur = {**_BLUR, "axes": options.axes, "where": mask}
        mean = Options(axes=options.axes, where=mask)
        if not back:
            dtype = wide_dtype(x, options.dtype)
            self.value = _MEAN.forward(blur_pool(x, dtype=dtype, **blur), windows, mean)
            return
        blurred, self.of_blur = vjp(blur_pool, x, **blur)
        self.value, self.of_mean = _MEAN.vjp(blurred, windows, mean)

    def back(self, gy: Array) -> Array:
        return self.of_blur(self.of_mean(gy))


class _DetailPreserving:
    """Σ w x / Σ w with w = alpha + ρ(d)^λ of differences d from the surroundings, where
    ρ(d) = √(d² + ε²), or √(max(d, 0)² + ε²): compiled, windows side by side."""

    def __init__(self, alpha: Any, lam: Any, symmetric: Any, eps: Any) -> None:
        at_least_0 = "of at least 0, and finite"
        self.alpha = checked_number(alpha, "alpha", at_least_0, lambda v: 0 <= v < math.inf)
        self.lam = checked_number(lam, "lam", at_least_0, lambda v: 0 <= v < math.inf)
        self.eps = checked_number(
            eps, "eps", "greater than 0, and finite", lambda v: 0 < v < math.inf
        )
        self.symmetric = arrays.flag(symmetric, "symmetric")

    def forward(self, x: Any, windows: Windows, options: Options) -> Array:
        x = arrays.as_input(x)
        options, mask = _checked(x, windows, options)
        call = self._call(x, windows, options, _Surroundings(x, windows, options, mask, False))
        return lanes.values(**call)

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Array, Pullback]:
        x = arrays.as_input(x)
        options, mask = _checked(x, windows, options)
        refuse_overlap(options.out, x)
        dtype = gradient_dtype(x)
        if options.dtype is None:
            options = options.replace(dtype=dtype)
        x = np.array(x, wide_dtype(x, options.dtype))
        held = x if mask is None else np.where(mask, x, x.dtype.type(0))
        surroundings = _Surroundings(held, windows, options, mask, True)
        call = self._call(x, windows, options, surroundings)
        y = lanes.values(**call)
        call["options"] = options.replace(where=mask, nan_policy="propagate", out=None)

        def by_x(gy: Any) -> Array:
            gy = arrays.checked_gradient(gy, y.shape).astype(x.dtype)
            gx = lanes.slopes(gy=gy, dtype=x.dtype, **call)
            with np.errstate(all="ignore"):
                of_surroundings = gy * lanes.changes(parameter="surroundings", **call)
                gx += surroundings.back(of_surroundings.astype(x.dtype))
                if mask is not None:
                    np.copyto(gx, 0, where=~mask)
                return gx.astype(dtype)

        def by(parameter: str) -> Pullback:
            return lambda gy: lanes.learning(gy, parameter=parameter, **call)

        return y, Gradients(x=by_x, alpha=by("alpha"), lam=by("p"))

    def work(self, x: Array, windows: Windows, options: Options) -> Work:
        """A blur at every element, its means over the windows, and the weighted means."""
        inner = options.replace(where=None)
        axes, order = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        given = tuple(axes[order.index(i)] for i in range(len(axes)))
        blur = blur_pool._cost(x, **_BLUR, axes=given)  # type: ignore[attr-defined]
        means = counting.of_pooling(x, _MEAN, windows, inner)
        weighted = counting.of_windows(x, _Weighted(self), windows, options)
        work = counting.in_order(counting.in_order(blur, means), weighted)
        return replace(work, dtype=None, read=counting.size_of(options.where))

    def _call(
        self, x: Array, windows: Windows, options: Options, surroundings: _Surroundings
    ) -> dict[str, Any]:
        detail = surroundings.value, self.alpha, self.eps, self.symmetric
        return {"kind": "detail", "x": x, "windows": windows, "options": options, "p": self.lam,
                "detail": detail}  # fmt: skip


def _checked(x: Array, windows: Windows, options: Options) -> tuple[Options, Array | None]:
    """The call with its axes named, and which elements exist."""
    axes, order = arrays.pooled_axes(
        x.ndim, windows, options.axes, options.channels_last, options.rank
    )
    given = tuple(axes[order.index(i)] for i in range(len(axes)))
    where = arrays.as_mask(options.where, x)
    policy = options.nan_policy
    if policy != "propagate":
        arrays.fold(0, x, windows, options.replace(dtype=np.float64, out=None))  # may raise
    policy = "omit" if policy == "omit" else "propagate"
    options = Options(given, False, 0, policy, where, options.dtype, options.out)
    return options, existing(x, where, policy)


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


def _windows_read(windows: Windows, **_: Any) -> list[Windows]:
    """What elements are compared with is blurred before it is averaged."""
    return [sliding(_BLUR["filter_size"], 1, 1), windows]


for _function in (
    detail_preserving_pool,
    detail_preserving_pool1d,
    detail_preserving_pool2d,
    detail_preserving_pool3d,
    adaptive_detail_preserving_pool,
    adaptive_detail_preserving_pool1d,
    adaptive_detail_preserving_pool2d,
    adaptive_detail_preserving_pool3d,
    global_detail_preserving_pool,
):
    reads(_function, _windows_read)
