"""Pooling that keeps the low frequencies: of Fourier's spectrum, or of Haar's.

Both are linear and separable. Along one axis the Fourier one is y = P x with

    P[j, i] = (1 / n) Σ_k exp(2πi k (j / m - i / n)),   |k| < m / 2,

and for an even m < n half of each of k = m / 2 and k = -m / 2 more, so that P is real. The
transform of y is a part of that of x, the transform of Pᵀ g that of g with zeros around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cpool import arrays
from cpool.alternatives.common import per_axis, pooled_axes, rounded, work_dtype
from cpool.pooling import pool, vjp
from cpool.reductions.base import Pullback, gradient_dtype
from cpool.windows import adaptive, sliding

if TYPE_CHECKING:
    from cpool.windows import _Sizes

__all__ = [
    "spectral_pool1d",
    "spectral_pool2d",
    "haar_pool1d",
    "haar_pool2d",
    "haar_pool3d",
]

Array = NDArray[Any]

# Fourier ------------------------------------------------------------------------------------------


def _at(index: int, axis: int) -> tuple[Any, ...]:
    """The index of one element along an axis that is counted from the front."""
    return (slice(None),) * axis + (index,)


def _cropped(x: Array, m: int, axis: int) -> Array:
    """P x: the inverse transform of a real array takes the real part at frequency m / 2."""
    # With norm="forward" the division is by n, on the way there, and no other: means are kept.
    spectrum = np.fft.rfft(x, axis=axis, norm="forward")
    return np.fft.irfft(spectrum, m, axis=axis, norm="forward")


def _spread(g: Array, n: int, axis: int) -> Array:
    """Pᵀ g, for an n larger than g's."""
    m = g.shape[axis]
    spectrum = np.fft.rfft(g, axis=axis)
    if m % 2 == 0:
        # It is at m / 2 and at -m / 2 now.
        spectrum[_at(m // 2, axis)] /= 2
    return np.fft.irfft(spectrum, n, axis=axis)


def _sizes(x: Array, output_size: Any, channels_last: Any, rank: int) -> dict[int, int]:
    """The length of the result along each pooled axis."""
    windows = adaptive(output_size)
    places, order = pooled_axes(x, windows, None, channels_last, rank)
    given = per_axis(windows.output_size, order)
    sizes = {}
    for axis, m in zip(places, given, strict=True):
        sizes[axis] = x.shape[axis] if m is None else m
        if sizes[axis] > x.shape[axis]:
            raise ValueError(
                f"output_size must be at most x's size along each pooled axis, "
                f"{tuple(x.shape[axis] for axis in places)}, got {output_size!r}"
            )
    return sizes


def _spectral(
    x: Any, output_size: Any, channels_last: Any, rank: int
) -> tuple[Array, Pullback]:
    x = arrays.as_input(x)
    sizes = _sizes(x, output_size, channels_last, rank)
    shape, dtype, work = x.shape, gradient_dtype(x), work_dtype(x)

    def along_axes(transform: Callable[[Array, int, int], Array], source: Array,
                   lengths: dict[int, int]) -> Array:  # fmt: skip
        result = source.astype(work)
        with np.errstate(invalid="ignore", over="ignore"):
            for axis, length in lengths.items():
                if length != result.shape[axis]:
                    result = transform(result, length, axis)
        return rounded(result, dtype)

    y = along_axes(_cropped, x, sizes)
    y_shape = y.shape

    def pullback(gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, y_shape)
        return along_axes(_spread, gy, {axis: shape[axis] for axis in sizes})

    return y, pullback


def spectral_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False
) -> Array:
    """Keep the low frequencies of the last axis.

    Parameters
    ----------
    x : array_like
        Input (..., W), or with `channels_last` (..., W, C), of any real type; it is not modified.
    output_size : int
        Length of the result, at most W.
    channels_last : bool
        Pool the axis before the last one.

    Returns
    -------
    ndarray
        x's shape with `output_size` in place of W; x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If `output_size` is less than 1 or more than W, or the pooled axis is empty.

    See Also
    --------
    spectral_pool2d : The same along two axes, with notes.

    References
    ----------
    Rippel, O., Snoek, J. and Adams, R. P. (2015). Spectral representations for convolutional neural
    networks. NIPS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = 3 + np.cos(2 * np.pi * np.arange(8) / 8)
    >>> cpool.spectral_pool1d(x, 4).round(6)
    array([4., 3., 2., 3.])
    """
    return _spectral(x, output_size, channels_last, 1)[0]


def spectral_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False
) -> Array:
    """Keep the low frequencies of the last two axes.

    Parameters
    ----------
    x : array_like
        Input (..., H, W), or with `channels_last` (..., H, W, C), of any real type; it is not
        modified.
    output_size : int or tuple of int or None
        Size of the result, one number or one for each axis, at most H and W; None keeps the size
        of an axis.
    channels_last : bool
        Pool the two axes before the last one.

    Returns
    -------
    ndarray
        x's shape with `output_size` in place of H and W; x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If `output_size` is less than 1 or more than x's size, or a pooled axis is empty.

    See Also
    --------
    haar_pool2d : The other low-pass band, of 2 × 2 blocks.

    Notes
    -----
    The discrete Fourier transform of the result is the middle part of that of x, times the ratio
    of the sizes, so that the mean is preserved. An even size has a frequency, its highest, that
    exists once and stands for both signs; it gets the mean of the two of x, along each axis, which
    makes it real. The periodic continuation of x is what is pooled: a step between its first
    and last elements rings at both ends. Every element of the result depends on the whole line
    or plane, so that none is finite if x has a NaN or an infinity.

    float32 and 16-bit floats are transformed in float32, all other types in float64. The gradient
    is the transpose: the spectrum of gy with zeros around it.

    References
    ----------
    Rippel, O., Snoek, J. and Adams, R. P. (2015). Spectral representations for convolutional neural
    networks. NIPS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> wave = np.cos(2 * np.pi * np.arange(8) / 8)
    >>> cpool.spectral_pool2d(1 + np.outer(wave, np.ones(6)), (4, 2)).round(6)
    array([[2., 2.],
           [1., 1.],
           [0., 0.],
           [1., 1.]])
    """
    return _spectral(x, output_size, channels_last, 2)[0]


def _spectral_vjp(rank: int) -> Callable[..., tuple[Array, Pullback]]:
    def with_pullback(
        x: Any, output_size: Any, *, channels_last: Any = False
    ) -> tuple[Array, Pullback]:
        return _spectral(x, output_size, channels_last, rank)

    return with_pullback


spectral_pool1d._vjp = _spectral_vjp(1)  # type: ignore[attr-defined]
spectral_pool2d._vjp = _spectral_vjp(2)  # type: ignore[attr-defined]

# Haar ---------------------------------------------------------------------------------------------


def _checked_even(x: Any, channels_last: Any, rank: int) -> tuple[Array, tuple[int, ...]]:
    x = arrays.as_input(x)
    places, _ = pooled_axes(x, sliding(2), None, channels_last, rank)
    lengths = tuple(x.shape[axis] for axis in places)
    if any(n % 2 for n in lengths):
        raise ValueError(f"x must have even lengths along the pooled axes, got {lengths}")
    return x, places


def _scaled(sums: Array, rank: int, dtype: np.dtype[Any]) -> Array:
    """Sums of 2 ** rank elements as the coefficients of an orthonormal basis."""
    sums *= math.sqrt(0.5**rank)
    return rounded(sums, dtype)


def _haar(x: Any, channels_last: Any, rank: int) -> Array:
    x, places = _checked_even(x, channels_last, rank)
    sums = pool(x, "sum", sliding((2,) * rank), axes=places, dtype=work_dtype(x))
    return _scaled(sums, rank, gradient_dtype(x))


def _haar_vjp(x: Any, channels_last: Any, rank: int) -> tuple[Array, Pullback]:
    x, places = _checked_even(x, channels_last, rank)
    work, dtype = work_dtype(x), gradient_dtype(x)
    sums, transpose = vjp(pool, x, "sum", sliding((2,) * rank), axes=places, dtype=work)
    y_shape = sums.shape

    def pullback(gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, y_shape)
        return transpose(_scaled(gy.astype(work), rank, work))

    return _scaled(sums, rank, dtype), pullback


def haar_pool1d(x: ArrayLike, *, channels_last: bool = False) -> Array:
    """Low-pass band of Haar's wavelet transform along the last axis.

    Parameters
    ----------
    x : array_like
        Input (..., W), or with `channels_last` (..., W, C), of any real type; W even. It is not
        modified.
    channels_last : bool
        Pool the axis before the last one.

    Returns
    -------
    ndarray
        x's shape with W / 2 in place of W: (a + b) / √2 of each two neighbours. x's dtype,
        float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If the pooled axis is empty or of odd length.

    See Also
    --------
    haar_pool2d : The same along two axes, with notes.

    References
    ----------
    Williams, T. and Li, R. (2018). Wavelet pooling for convolutional neural networks. ICLR 2018.

    Examples
    --------
    >>> import cpool
    >>> cpool.haar_pool1d([3.0, 4.0, -1.0, 1.0]).round(6)
    array([4.949747, 0.      ])
    """
    return _haar(x, channels_last, 1)


def haar_pool2d(x: ArrayLike, *, channels_last: bool = False) -> Array:
    """Low-pass band of Haar's wavelet transform along the last two axes.

    Parameters
    ----------
    x : array_like
        Input (..., H, W), or with `channels_last` (..., H, W, C), of any real type; H and W even.
        It is not modified.
    channels_last : bool
        Pool the two axes before the last one.

    Returns
    -------
    ndarray
        x's shape with H / 2 and W / 2 in place of H and W: the sum of each block of 2 × 2, divided
        by 2. x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If a pooled axis is empty or of odd length.

    See Also
    --------
    avg_pool2d : The mean of the block: half of this.

    Notes
    -----
    The basis is orthonormal: the low-pass band and the three others, which are dropped, have
    together the sum of squares that x has. The gradient is the transpose, which is the inverse
    transform with the other bands 0.

    References
    ----------
    Williams, T. and Li, R. (2018). Wavelet pooling for convolutional neural networks. ICLR 2018.

    Examples
    --------
    >>> import cpool
    >>> cpool.haar_pool2d([[1, 2, 5, 5], [3, 4, 5, 5]])
    array([[ 5., 10.]])
    """
    return _haar(x, channels_last, 2)


def haar_pool3d(x: ArrayLike, *, channels_last: bool = False) -> Array:
    """Low-pass band of Haar's wavelet transform along the last three axes.

    Parameters
    ----------
    x : array_like
        Input (..., D, H, W), or with `channels_last` (..., D, H, W, C), of any real type; D, H and
        W even. It is not modified.
    channels_last : bool
        Pool the three axes before the last one.

    Returns
    -------
    ndarray
        x's shape with the half of each of D, H and W: the sum of each block of 2 × 2 × 2, divided
        by 2 √2. x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If a pooled axis is empty or of odd length.

    See Also
    --------
    haar_pool2d : The same along two axes, with notes.

    References
    ----------
    Williams, T. and Li, R. (2018). Wavelet pooling for convolutional neural networks. ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> cpool.haar_pool3d(np.ones((2, 2, 4))).round(6)
    array([[[2.828427, 2.828427]]])
    """
    return _haar(x, channels_last, 3)


def _haar_ranked_vjp(rank: int) -> Callable[..., tuple[Array, Pullback]]:
    def with_pullback(x: Any, *, channels_last: Any = False) -> tuple[Array, Pullback]:
        return _haar_vjp(x, channels_last, rank)

    return with_pullback


for _rank, _function in enumerate((haar_pool1d, haar_pool2d, haar_pool3d), 1):
    _function._vjp = _haar_ranked_vjp(_rank)  # type: ignore[attr-defined]
