"""Local importance pooling: a mean whose weights are exponentials of a second array, the logits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, counting, lanes
from cpool.alternatives.families import adaptive_family, family, global_form
from cpool.arrays import Options
from cpool.reductions.base import (
    Gradients,
    Operations,
    Pullback,
    Reduction,
    Work,
    gradient_dtype,
    puts,
    refuse_overlap,
    summed_to,
)
from cpool.windows import Sliding, Windows, sliding

if TYPE_CHECKING:
    from cpool.windows import _Ints, _Padding, _PaddingMode

__all__ = [
    "lip_pool",
    "lip_pool1d",
    "lip_pool2d",
    "lip_pool3d",
    "adaptive_lip_pool",
    "adaptive_lip_pool1d",
    "adaptive_lip_pool2d",
    "adaptive_lip_pool3d",
    "global_lip_pool",
]

ADD = 2


class _Quotient(Reduction, listed=False):
    """What it takes: an exponential and a product for each element, two sums and their quotient."""

    name = "lip"
    each = Operations(multiplications=1, functions=1)
    pair = Operations(additions=2)
    last = Operations(divisions=1)


class _Importance:
    """What a call is once its logits are known."""

    def __init__(self, logits: Any) -> None:
        self.logits = arrays.as_input(logits, "logits")

    def forward(self, x: Any, windows: Windows, options: Options) -> np.ndarray:
        x = arrays.as_input(x)
        return self._values(x, *self._arrays(x, np.asarray), windows, options)[0]

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[np.ndarray, Pullback]:
        x = arrays.as_input(x)
        # Copies: the caller may change both before the pullback reads them.
        wide, logits = self._arrays(x, np.array)
        y, inner = self._values(x, wide, logits, windows, options)
        where = None if inner.where is None else inner.where.copy()
        call = {"kind": "logits", "x": wide, "logits": logits, "windows": windows,
                "options": inner.replace(where=where, out=None)}  # fmt: skip
        dtype, shape, own = gradient_dtype(x), self.logits.shape, gradient_dtype(self.logits)

        @puts
        def by_x(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            return lanes.slopes(gy=gy, dtype=dtype, out=out, **call)

        def by_logits(gy: Any) -> np.ndarray:
            slopes = lanes.slopes(gy=gy, dtype=wide.dtype, by_logits=True, **call)
            return summed_to(slopes, shape).astype(own)

        return y, Gradients(x=by_x, logits=by_logits)

    def work(self, x: np.ndarray, windows: Windows, options: Options) -> Work:
        self._broadcast(x)
        work = counting.of_windows(x, _Quotient(), windows, options)
        return replace(work, read=self.logits.nbytes + counting.size_of(options.where))

    def _broadcast(self, x: np.ndarray) -> np.ndarray:
        try:
            return np.broadcast_to(self.logits, x.shape)
        except ValueError:
            raise ValueError(
                f"logits must broadcast to x's shape {x.shape}, got {self.logits.shape}"
            ) from None

    def _arrays(self, x: np.ndarray, make: Any) -> tuple[np.ndarray, np.ndarray]:
        """x and the logits as the kernels take them: of one type, and one layout."""
        logits = self._broadcast(x)
        narrow = max(gradient_dtype(each).itemsize for each in (x, logits)) < 8
        dtype = np.float32 if narrow else np.float64
        return make(x, dtype, order="C"), make(logits, dtype, order="C")

    def _values(
        self, x: np.ndarray, wide: np.ndarray, logits: np.ndarray, windows: Windows,
        options: Options,
    ) -> tuple[np.ndarray, Options]:  # fmt: skip
        """The result, and the options in which `where` says all that does not exist."""
        refuse_overlap(options.out, x, self.logits)
        dtype = gradient_dtype(x) if options.dtype is None else options.dtype
        y = lanes.quotient(wide, logits, windows, inner := options.replace(dtype=dtype))
        if y is not None:
            return y, inner
        where = _existing(wide, logits, arrays.as_mask(options.where, x), options.nan_policy)
        policy = "propagate" if options.nan_policy == "omit" else options.nan_policy
        inner = options.replace(where=where, nan_policy=policy, dtype=dtype)
        if policy == "raise":
            _refuse_nan(logits, windows, inner)
        return lanes.values("logits", wide, windows, inner, logits=logits), inner


def _existing(
    x: np.ndarray, logits: np.ndarray, mask: np.ndarray | None, nan_policy: Any
) -> np.ndarray | None:
    """Which elements exist: neither masked, nor without weight, nor NaNs that are left out."""
    missing = np.isneginf(logits)
    if nan_policy == "omit":
        missing |= np.isnan(x) | np.isnan(logits)
    if missing.any():
        return ~missing if mask is None else mask & ~missing
    return mask


def _refuse_nan(logits: np.ndarray, windows: Windows, options: Options) -> None:
    nans = np.isnan(logits)
    counting = options.replace(nan_policy="propagate", dtype=None, out=None)
    if nans.any() and arrays.fold(ADD, nans, windows, counting).any():
        raise ValueError('logits has a NaN in a window, and nan_policy is "raise"')


def _lip_pool(
    x: ArrayLike,
    logits: ArrayLike,
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
) -> tuple[_Importance, Sliding, Options]:
    """Mean weighted by exponentials of logits of each window: windows over any 1 to 3 axes [1]_.

    Parameters
    ----------
    x : array_like
        Input of any real type, any strides and byte order; it is not modified.
    logits : array_like
        Logarithms of the weights, of any real type; broadcasts to x. An element whose logit is
        minus infinity does not exist.
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
        What padding is. "constant": it does not exist. The others repeat elements with their
        logits, with SciPy's names.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN, in x or in the logits, makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A window without any gives NaN where the result is
        floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x or the logits.

    Returns
    -------
    ndarray
        ``sum(x * exp(logits)) / sum(exp(logits))`` of each window, in x's dtype; float64 for
        integers. It is computed in float32 if neither x nor the logits are wider.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If an argument is out of range, the windows do not fit, or one lies wholly in padding.

    See Also
    --------
    soft_pool : Where the logits are a multiple of x.
    avg_pool : The same with `weights` in place of their logarithms.

    Notes
    -----
    Exponentials are those of differences from the window's largest logit, so that none overflows;
    where elements and logits are of moderate size, those of the logits, each computed once.
    `vjp` differentiates by x and by the logits.

    References
    ----------
    .. [1] Gao, Z., Wang, L. and Wu, G. (2019). LIP: Local importance-based pooling. ICCV 2019,
       3354-3363.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x, logits = np.array([1.0, 5.0, 2.0, 8.0]), np.log([1, 3, 1, 1])
    >>> cpool.lip_pool(x, logits, 2)
    array([4., 5.])
    >>> y, pullback = cpool.vjp(cpool.lip_pool, x, logits, 2, wrt=("x", "logits"))
    >>> [gradient.round(3).tolist() for gradient in pullback([1.0, 1.0])]
    [[0.25, 0.75, 0.5, 0.5], [-0.75, 0.75, -1.5, 1.5]]
    """
    windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
    options = Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _Importance(logits), windows, options


_lip_pool.__name__ = "lip_pool"


def _example(rank: int) -> str:
    return f"np.ones({(1, *[4] * rank)}), 2"


lip_pool, lip_pool1d, lip_pool2d, lip_pool3d = family(_lip_pool, _example)
adaptive_lip_pool, adaptive_lip_pool1d, adaptive_lip_pool2d, adaptive_lip_pool3d = adaptive_family(
    _lip_pool, _example
)
global_lip_pool = global_form(_lip_pool, "np.zeros((4, 4))")
