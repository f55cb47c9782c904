"""S3 pooling: maxima at all places, of which random rows and columns are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, counting
from cpool.alternatives.common import reads
from cpool.alternatives.families import entries, family
from cpool.arrays import Options
from cpool.draws import Rng, philox
from cpool.reductions import Max, Mean
from cpool.reductions.base import Pullback, Work, gradient_dtype
from cpool.reductions.sums import existing
from cpool.results import MAX, stored
from cpool.windows import Sliding, sliding

if TYPE_CHECKING:
    from cpool.windows import _Ints, _PaddingMode

__all__ = ["s3_pool", "s3_pool1d", "s3_pool2d", "s3_pool3d"]

_TOP, _MEAN = Max(), Mean(count_include_pad=False)


def kept(n: int, grid: int, stride: int, generator: np.random.Generator) -> np.ndarray:
    """Places along an axis: of each `grid` neighbours (the last ones may be fewer) one of
    `stride`, rounded up, all subsets of that size with the same probability."""
    cells = -(-n // grid)
    keys = generator.random((cells, grid))
    keys.reshape(-1)[n:] = 2  # beyond the axis: never among the least
    ranks = np.argsort(np.argsort(keys, axis=1), axis=1)
    lengths = np.minimum(grid, n - grid * np.arange(cells))
    return np.flatnonzero(ranks < -(-lengths // stride)[:, None])


class _S3:
    def __init__(self, stride: Any, grid_size: Any, rng: Rng, training: Any) -> None:
        self.stride, self.grid_size, self.rng = stride, grid_size, rng
        self.training = arrays.flag(training, "training")

    def forward(self, x: Any, windows: Sliding, options: Options) -> np.ndarray:
        return self._pooled(arrays.as_input(x), windows, options, False)[0]

    def vjp(self, x: Any, windows: Sliding, options: Options) -> tuple[np.ndarray, Pullback]:
        return self._pooled(arrays.as_input(x), windows, options, True)

    def work(self, x: np.ndarray, windows: Sliding, options: Options) -> Work:
        """Maxima everywhere; to keep some of them is no operation, their means are some."""
        axes, _, strides = zip(*self._cells(x, windows, options), strict=True)
        dense = counting.of_pooling(x, _TOP, windows, options)
        block = sliding(strides, strides, ceil_mode=True)
        mean = counting.of_pooling(x, _MEAN, block, Options(axes=axes))
        if not self.training:
            return counting.in_order(dense, mean)
        return replace(dense, output_shape=mean.output_shape)

    def _cells(
        self, x: np.ndarray, windows: Sliding, options: Options
    ) -> list[tuple[int, int, int]]:
        """The pooled axes, and the grid size and the stride of each."""
        axes, order = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        grid = entries(self.grid_size, "grid_size", len(axes))
        stride = grid if self.stride is None else entries(self.stride, "stride", len(axes))
        if any(g % s for g, s in zip(grid, stride, strict=True)):
            raise ValueError(f"stride must divide grid_size {grid}, got {stride}")
        return [(axis, grid[entry], stride[entry]) for axis, entry in zip(axes, order, strict=True)]

    def _pooled(
        self, x: np.ndarray, windows: Sliding, options: Options, differentiable: bool
    ) -> tuple[np.ndarray, Pullback]:
        run = self._sampled if self.training else self._expected
        return run(x, windows, options, self._cells(x, windows, options), differentiable)

    def _sampled(
        self, x: np.ndarray, windows: Sliding, options: Options, cells: Any, differentiable: bool
    ) -> tuple[np.ndarray, Pullback]:
        inner = options.replace(out=None)
        top, of_top = _dense(x, windows, inner, differentiable)
        generator = philox(self.rng)
        shape, y, places = top.shape, top, []
        for axis, grid, stride in cells:
            places.append(kept(shape[axis], grid, stride, generator))
            y = y.take(places[-1], axis)
        y = stored(y, top.dtype, options.out, x, options.where)
        y_shape = y.shape

        def pullback(gy: Any) -> np.ndarray:
            gy = arrays.checked_gradient(gy, y_shape)
            for (axis, _, _), place in zip(cells, places, strict=True):
                among = np.zeros((*gy.shape[:axis], shape[axis], *gy.shape[axis + 1 :]), gy.dtype)
                among[(slice(None),) * axis + (place,)] = gy
                gy = among
            return of_top(gy)

        return y, pullback

    def _expected(
        self, x: np.ndarray, windows: Sliding, options: Options, cells: Any, differentiable: bool
    ) -> tuple[np.ndarray, Pullback]:
        given, dtype = x, gradient_dtype(x)
        if dtype.itemsize == 2 and differentiable:
            x = x.astype(np.float32)  # gradients are added up in it
        mask = existing(x, options.where, options.nan_policy)
        # Integers cannot say that a window is empty.
        widened = x.dtype.kind in "biu" and mask is not None
        inner = options.replace(out=None, dtype=np.float64 if widened else None)
        top, of_top = _dense(x, windows, inner, differentiable)
        there = None
        if mask is not None:
            # A place whose window is empty is not in the mean.
            there = arrays.fold(
                MAX, mask, windows, inner.replace(where=None, nan_policy="propagate", dtype=None)
            )
        axes, _, strides = zip(*cells, strict=True)
        block = sliding(strides, strides, ceil_mode=True)
        result = dtype if options.dtype is None else options.dtype
        outer = Options(axes, False, 0, "propagate", there, result, None)
        mean, of_mean = _MEAN.vjp(top, block, outer)
        y = stored(mean, mean.dtype, options.out, given, options.where)
        return y, lambda gy: of_top(of_mean(gy)).astype(dtype, copy=False)


def _dense(
    x: np.ndarray, windows: Sliding, options: Options, differentiable: bool
) -> tuple[np.ndarray, Pullback]:
    if differentiable:
        return _TOP.vjp(x, windows, options)
    return _TOP.forward(x, windows, options), lambda gy: gy


def _s3_pool(
    x: ArrayLike,
    kernel_size: _Ints,
    stride: _Ints | None = None,
    *,
    grid_size: _Ints = 2,
    rng: Rng = None,
    training: bool = True,
    dilation: _Ints = 1,
    axes: _Ints | None = None,
    channels_last: bool = False,
    padding_mode: _PaddingMode = "constant",
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Any:
    """Maxima of windows at random rows and columns: windows over any 1 to 3 axes [1]_.

    ``y[i, j] = max(w[r[i], c[j]])``, with the window w around each element, and the rows r and
    columns c that are drawn.

    First the maximum of a window around every element ("same" padding, stride 1); then each axis is
    cut into cells of `grid_size` places, and of each cell ``grid_size / stride`` places are kept,
    drawn without replacement. Rows, and columns, are the same for all planes. A last cell that is
    cut off by the end of the axis keeps its share, rounded up: there are ``ceil(n / stride)``
    results.

    Parameters
    ----------
    x : array_like
        Input of any real type; it is not modified.
    kernel_size : int or tuple of int
        Size of a window, along all pooled axes or along each.
    stride : int or tuple of int, optional
        By how much an axis gets shorter; divides `grid_size`. None is `grid_size`: one row and one
        column of each cell.
    grid_size : int or tuple of int
        Places of a cell: the larger, the more the result is distorted.
    rng : None, int or numpy.random.Generator
        An int gives the same result at each call; a Generator is advanced once.
    training : bool
        False: nothing is drawn; the mean of each `stride` neighbours takes the place of what was.
    dilation : int or tuple of int
        Distance between the elements of a window.
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the other arguments. None: the last ones, as many
        as those have entries; where they are ints, all axes of x if it has at most 3.
    channels_last, padding_mode, nan_policy, where, dtype, out
        As in `max_pool`. Every window must have elements where the result is not floating, also
        those that are not kept.

    Returns
    -------
    ndarray
        In x's dtype; float64 for integers if not `training`.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range.

    References
    ----------
    .. [1] Zhai, S., Wu, H., Kumar, A., Cheng, Y., Lu, Y., Zhang, Z. and Feris, R. (2017). S3Pool:
       pooling with stochastic spatial sampling. CVPR 2017, 4970-4978.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(16.0).reshape(4, 4)
    >>> cpool.s3_pool(x, 1, rng=0)
    array([[ 1.,  3.],
           [13., 15.]])
    >>> cpool.s3_pool(x, 1, training=False)
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    windows = sliding(kernel_size, 1, "same", dilation, False, padding_mode)
    options = Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _S3(stride, grid_size, rng, training), windows, options


_s3_pool.__name__ = "s3_pool"

s3_pool, s3_pool1d, s3_pool2d, s3_pool3d = family(_s3_pool, lambda rank: "2, rng=0")

for _function in (s3_pool, s3_pool1d, s3_pool2d, s3_pool3d):
    reads(_function, "whose places are drawn")
