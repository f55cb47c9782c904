"""Pooling that keeps the low frequencies: of Fourier's spectrum, or of Haar's.

Both are linear and separable. Along one axis the Fourier one is y = P x with

    P[j, i] = (1 / n) Σ_k exp(2πi k (j / m - i / n)),   |k| < m / 2,

and for an even m < n half of each of k = m / 2 and k = -m / 2 more, so that P is real. The
transform of y is a part of that of x, the transform of Pᵀ g that of g with zeros around it.

If n is s m, all rows of P are one row of weights, s places further on from one to the next, round
the end of x: that is a compiled weighted sum, which for a small m is faster than the transforms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays, counting, weighted
from cpool.alternatives.common import (
    checked_policy,
    counted,
    differentiable,
    no_pullback,
    per_axis,
    pooled_axes,
    reads,
    refuse_nan,
    result_dtype,
    rounded,
    work_dtype,
)
from cpool.arrays import Options
from cpool.reductions import Mean, Sum
from cpool.reductions.base import (
    NOTHING,
    Operations,
    Pullback,
    Reduction,
    Work,
    gradient_dtype,
)
from cpool.results import stored, wide_dtype
from cpool.windows import adaptive, sliding

if TYPE_CHECKING:
    from cpool.windows import Sliding, _Sizes

__all__ = [
    "spectral_pool1d",
    "spectral_pool2d",
    "haar_pool1d",
    "haar_pool2d",
    "haar_pool3d",
]

Array = NDArray[Any]

# Fourier ------------------------------------------------------------------------------------------


SHORT = 256  # bytes of a result's line that are sums faster than transforms (measured, AVX2)
LONG = 8192  # ... of a line of the input, whose length is that of the sums


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


def _along_axes(
    transform: Callable[[Array, int, int], Array], x: Array, lengths: dict[int, int]
) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        for axis, length in lengths.items():
            if length != x.shape[axis]:
                x = transform(x, length, axis)
    return x


@dataclass(frozen=True)
class _Sums:
    """Weighted sums along some axes, which is what P is for an n that is a multiple of m."""

    places: tuple[int, ...]
    windows: Sliding
    weights: tuple[Array, ...]

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(range(len(self.places)))

    def of(self, x: Array, dtype: Any, work: Any, out: Any) -> Array:
        return weighted.sums(
            x, self.windows, self.places, self.order, self.weights, dtype, work, out
        )

    def back(self, gy: Any, shape: tuple[int, ...], dtype: Any) -> Array:
        return weighted.sums_transposed(
            gy, self.windows, self.places, self.order, self.weights, shape, dtype
        )


def _as_sums(shape: tuple[int, ...], sizes: dict[int, int], itemsize: int) -> _Sums | None:
    """None where transforms are needed, or faster."""
    changed = {axis: (shape[axis], m) for axis, m in sizes.items() if m != shape[axis]}
    if not changed or any(n % m for n, m in changed.values()):
        return None
    if any(n * itemsize > LONG or m * itemsize > SHORT for n, m in changed.values()):
        return None
    lengths = tuple(n for n, _ in changed.values())
    steps = tuple(n // m for n, m in changed.values())
    beyond = tuple((0, n - step) for n, step in zip(lengths, steps, strict=True))
    windows = sliding(lengths, steps, beyond, padding_mode="wrap")
    return _Sums(tuple(changed), windows, tuple(_row(n, m) for n, m in changed.values()))


@lru_cache(maxsize=64)
def _row(n: int, m: int) -> Array:
    """The first row of P."""
    return _spread(np.eye(1, m)[0], n, 0)


_NO_OMISSION = "each value of a transform needs every element"


def _spectral(x: Any, output_size: Any, options: Options) -> tuple[Array, Pullback]:
    x = arrays.as_input(x)
    sizes = _sizes(x, output_size, options.channels_last, options.rank)
    checked_policy(options.nan_policy, _NO_OMISSION)
    if options.nan_policy == "raise":
        refuse_nan(x)
    shape, natural, work = x.shape, gradient_dtype(x), work_dtype(x)
    wide, dtype = wide_dtype(x, options.dtype), result_dtype(x, options.dtype)
    sums = _as_sums(shape, sizes, wide.itemsize)
    if sums is not None:
        y = sums.of(x, dtype, wide, options.out)
        return y, lambda gy: sums.back(gy, shape, natural)
    y = stored(_along_axes(_cropped, x.astype(wide), sizes), dtype, options.out, x)
    y_shape = y.shape

    def pullback(gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, y_shape).astype(work)
        gx = _along_axes(_spread, gy, {axis: shape[axis] for axis in sizes})
        return rounded(gx, natural)

    return y, pullback


def spectral_pool1d(
    x: ArrayLike,
    output_size: _Sizes,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Keep the low frequencies of the last axis.

    ``Y[k] = X[k] m / n`` for the m frequencies k nearest to 0, with the discrete Fourier transforms
    X of x, of length n, and Y of y, of length m.

    Parameters
    ----------
    x : array_like
        Input (..., W), or with `channels_last` (..., W, C), of any real type; it is not modified.
    output_size : int
        Length of the result, at most W.
    channels_last : bool
        Pool the axis before the last one.
    nan_policy : {"propagate", "raise"}
        A NaN makes its whole line NaN, or is a ValueError. "omit" is one too, because each value
        needs every element.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

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
    options = Options(None, channels_last, 1, nan_policy, None, dtype, out)
    return _spectral(x, output_size, options)[0]


def spectral_pool2d(
    x: ArrayLike,
    output_size: _Sizes,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Keep the low frequencies of the last two axes.

    ``Y[k] = X[k] m / n`` for the m frequencies k nearest to 0 along each axis, with the discrete
    Fourier transforms X of x, of length n, and Y of y, of length m.

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
    nan_policy : {"propagate", "raise"}
        A NaN makes its whole plane NaN, or is a ValueError. "omit" is one too, because each value
        needs every element.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

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

    float32 and 16-bit floats are transformed in float32, all other types in float64, by numpy.fft;
    short results, of lengths that those of x are multiples of, by the same as weighted sums. The
    gradient is the transpose: the spectrum of gy with zeros around it.

    References
    ----------
    Rippel, O., Snoek, J. and Adams, R. P. (2015). Spectral representations for convolutional neural
    networks. NIPS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> wave = np.cos(2 * np.pi * np.arange(8) / 8)
    >>> cpool.spectral_pool2d(2 + np.outer(wave, np.ones(6)), (4, 2)).round(6)
    array([[3., 3.],
           [2., 2.],
           [1., 1.],
           [2., 2.]])
    """
    options = Options(None, channels_last, 2, nan_policy, None, dtype, out)
    return _spectral(x, output_size, options)[0]


def _spectral_ranked(rank: int) -> Callable[..., tuple[Array, Pullback]]:
    def run(x: Any, output_size: Any, **options: Any) -> tuple[Array, Pullback]:
        return _spectral(x, output_size, Options(rank=rank, **options))

    return run


def _transforms(lengths: Sequence[int], lines: int) -> Operations:
    """Of real data, half as many as N / 2 log2 N butterflies of four products and six sums each:
    2.5 N log2 N, as transforms are compared by (Frigo and Johnson 2005)."""
    size = math.prod(lengths)
    depth = size * math.log2(size) * lines
    return Operations(additions=round(1.5 * depth), multiplications=round(depth))


def _spectral_work(x: Array, output_size: Any, channels_last: Any, rank: int, **_: Any) -> Work:
    """By the formula the spectrum of a plane, and the plane of the part that is kept; in fact along
    one axis after the other, or as weighted sums."""
    sizes = _sizes(x, output_size, channels_last, rank)
    shape = tuple(sizes.get(axis, n) for axis, n in enumerate(x.shape))
    changed = {axis: m for axis, m in sizes.items() if m != x.shape[axis]}
    planes = math.prod(x.shape) // math.prod(x.shape[axis] for axis in changed)
    formula = _transforms([x.shape[axis] for axis in changed], planes)
    formula += _transforms(list(changed.values()), planes)
    sums = _as_sums(x.shape, sizes, wide_dtype(x, None).itemsize)
    if sums is not None:
        taps, counts = [x.shape[axis] for axis in changed], list(changed.values())
        separable = counting.of_separable(x.shape, tuple(changed), taps, counts)
        return Work(shape, formula, separable.kernels)
    kernels, current = NOTHING, list(x.shape)
    for axis, m in changed.items():
        lines = math.prod(current) // current[axis]
        kernels += _transforms([current[axis]], lines) + _transforms([m], lines)
        current[axis] = m
    return Work(shape, formula, kernels)


for _rank, _function in enumerate((spectral_pool1d, spectral_pool2d), 1):
    differentiable(_function, _spectral_ranked(_rank))
    counted(_function, partial(_spectral_work, rank=_rank))
    reads(_function, "which reads all elements for each output")
    _function._no_omission = _NO_OMISSION  # type: ignore[attr-defined]

# Haar ---------------------------------------------------------------------------------------------


def _checked_even(x: Any, channels_last: Any, rank: int) -> Array:
    x = arrays.as_input(x)
    places, _ = pooled_axes(x, sliding(2), None, channels_last, rank)
    lengths = tuple(x.shape[axis] for axis in places)
    if any(n % 2 for n in lengths):
        raise ValueError(f"x must have even lengths along the pooled axes, got {lengths}")
    return x


def _steps(x: Array, options: Options) -> tuple[Reduction, float, Options]:
    """The reduction of each block that is compiled, what its result is multiplied with, and its
    options.

    A block is 2 ** (rank / 2) times its mean, also of what exists of it. In two dimensions that is
    half of the sum: a mean that divides by 2.
    """
    rank = options.rank
    floating = gradient_dtype(x) == x.dtype.newbyteorder("=")
    masked = options.where is not None or (options.nan_policy == "omit" and floating)
    if rank == 2 and not masked:
        return _HALF, 1.0, options.replace(dtype=result_dtype(x, options.dtype))
    inner = options.replace(dtype=wide_dtype(x, options.dtype), out=None)
    return (_MEAN, 2.0 ** (rank / 2), inner) if masked else (_SUM, 2.0 ** (-rank / 2), inner)


_SUM, _MEAN, _HALF = Sum(), Mean(), Mean(divisor_override=2)


def _haar(x: Any, options: Options, with_pullback: bool = False) -> tuple[Array, Pullback]:
    """The result, and its pullback if that is asked for."""
    x = _checked_even(x, options.channels_last, options.rank)
    windows = sliding((2,) * options.rank)
    reduction, factor, inner = _steps(x, options)
    if with_pullback:
        y, spread = reduction.vjp(x, windows, inner)
    else:
        y, spread = reduction.forward(x, windows, inner), no_pullback
    if factor == 1:
        return y, spread
    work, y_shape = y.dtype, y.shape
    y *= factor
    y = stored(y, result_dtype(x, options.dtype), options.out, x, options.where)

    def pullback(gy: Any) -> Array:
        gy = arrays.checked_gradient(gy, y_shape).astype(work)
        gy *= factor
        return spread(gy)

    return y, pullback


def haar_pool1d(
    x: ArrayLike,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Low-pass band of Haar's wavelet transform along the last axis.

    ``y[i] = (x[2 i] + x[2 i + 1]) / √2``

    Parameters
    ----------
    x : array_like
        Input (..., W), or with `channels_last` (..., W, C), of any real type; W even. It is not
        modified.
    channels_last : bool
        Pool the axis before the last one.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its block NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A block is √2 times the mean of its elements that
        exist; without any it is NaN where the result is floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

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
    options = Options(None, channels_last, 1, nan_policy, where, dtype, out)
    return _haar(x, options)[0]


def haar_pool2d(
    x: ArrayLike,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Low-pass band of Haar's wavelet transform along the last two axes.

    ``y = Σ w / 2`` of the elements w of each block of 2 × 2.

    Parameters
    ----------
    x : array_like
        Input (..., H, W), or with `channels_last` (..., H, W, C), of any real type; H and W even.
        It is not modified.
    channels_last : bool
        Pool the two axes before the last one.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its block NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A block is 2 times the mean of its elements that
        exist; without any it is NaN where the result is floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

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
    options = Options(None, channels_last, 2, nan_policy, where, dtype, out)
    return _haar(x, options)[0]


def haar_pool3d(
    x: ArrayLike,
    *,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Low-pass band of Haar's wavelet transform along the last three axes.

    ``y = Σ w / √8`` of the elements w of each block of 2 × 2 × 2.

    Parameters
    ----------
    x : array_like
        Input (..., D, H, W), or with `channels_last` (..., D, H, W, C), of any real type; D, H and
        W even. It is not modified.
    channels_last : bool
        Pool the three axes before the last one.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its block NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A block is 2 √2 times the mean of its elements that
        exist; without any it is NaN where the result is floating, else a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

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
    options = Options(None, channels_last, 3, nan_policy, where, dtype, out)
    return _haar(x, options)[0]


def _haar_ranked(rank: int) -> Callable[..., tuple[Array, Pullback]]:
    def run(x: Any, **options: Any) -> tuple[Array, Pullback]:
        return _haar(x, Options(rank=rank, **options), True)

    return run


def _haar_work(x: Array, channels_last: Any, where: Any, rank: int, **_: Any) -> Work:
    """The sum of each block over 2 ** (rank / 2), which is a product where that is no integer."""
    options = Options(channels_last=channels_last, rank=rank, where=where)
    _checked_even(x, channels_last, rank)
    sums = counting.of_pooling(x, _SUM, sliding((2,) * rank), options)
    divided = Operations(divisions=1)
    work = counting.with_more(sums, divided, divided if rank == 2 else _FACTOR)
    return replace(work, dtype=gradient_dtype(x))


_FACTOR = Operations(multiplications=1)

for _rank, _function in enumerate((haar_pool1d, haar_pool2d, haar_pool3d), 1):
    differentiable(_function, _haar_ranked(_rank))
    counted(_function, partial(_haar_work, rank=_rank))
    reads(_function, partial(lambda rank, **_: [sliding((2,) * rank)], _rank))
