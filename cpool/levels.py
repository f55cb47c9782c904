"""Pyramids: grids of several sizes over the same planes, whose cells are joined to one vector."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from cpool import arrays
from cpool.reductions.base import Gradients, Pullback, Reduction, gradient_dtype, gradients_by
from cpool.results import stored
from cpool.windows import Windows, adaptive

# Windows ------------------------------------------------------------------------------------------


def _levels(levels: Any) -> tuple[int, ...]:
    if not isinstance(levels, (tuple, list)):
        raise TypeError(f"levels must be a tuple of ints, got {levels!r}")
    if not levels:
        raise ValueError("levels must not be empty")
    for level in levels:
        if isinstance(level, (bool, np.bool_)) or not hasattr(type(level), "__index__"):
            raise TypeError(f"levels must be a tuple of ints, got {levels!r}")
        if operator.index(level) < 1:
            raise ValueError(f"levels must be at least 1, got {levels!r}")
    return tuple(map(operator.index, levels))


class Pyramid(Windows):
    """Adaptive windows of several sizes over two axes; made by `pyramid`."""

    __slots__ = ("_each",)
    _each: tuple[int, ...]

    def __init__(self, levels: Any) -> None:
        object.__setattr__(self, "_each", _levels(levels))

    @property
    def levels(self) -> tuple[int, ...]:
        """Cells along each axis of each grid."""
        return self._each

    @property
    def ndim(self) -> int:
        """Number of axes: 2."""
        return 2

    @property
    def grids(self) -> list[Windows]:
        """The windows of each level."""
        return [adaptive((level, level)) for level in self._each]

    def output_shape(self, input_shape: Sequence[Any]) -> tuple[int, ...]:
        """Number of cells of all levels, in place of the two lengths; ``(sum of level ** 2,)``."""
        return (sum(prod(grid.output_shape(input_shape)) for grid in self.grids),)

    def table(self, input_shape: Any, absent: Any = None) -> Any:
        """A pyramid has a table for each level: ``adaptive((level, level)).table(...)``."""
        raise TypeError("windows must be those of one level for a table, got a pyramid")

    def sizes(self, input_shape: Any, count_include_pad: Any = True) -> Any:
        """A pyramid has sizes for each level: ``adaptive((level, level)).sizes(...)``."""
        raise TypeError("windows must be those of one level for their sizes, got a pyramid")

    def _key(self) -> tuple[int, ...]:
        return self._each

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"windows cannot be changed: {name}")

    def __repr__(self) -> str:
        return f"pyramid({self._each})"

    def __reduce__(self) -> tuple[Any, ...]:
        return pyramid, (self._each,)


def pyramid(levels: Sequence[int]) -> Pyramid:
    """Windows of several grids, each of which covers two axes.

    Parameters
    ----------
    levels : tuple of int
        Cells along each axis of each grid: a level l has l × l cells, with the windows of
        `adaptive`.

    Returns
    -------
    Windows
        For `pool`. Its result has the cells joined to the channels, as `spatial_pyramid_pool` lays
        them out: x's shape without the pooled axes, the last of the others C · Σ l² long, for
        level after level, channel by channel, the cells in row-major order; (Σ l²,) where x has
        no other axis.

    Raises
    ------
    TypeError
        If `levels` is no tuple of ints.
    ValueError
        If a level is less than 1, or there is none.

    See Also
    --------
    spatial_pyramid_pool : The function.

    References
    ----------
    He, K., Zhang, X., Ren, S. and Sun, J. (2015). Spatial pyramid pooling in deep convolutional
    networks for visual recognition. IEEE Transactions on Pattern Analysis and Machine Intelligence
    37, 1904-1916.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> windows = cpool.pyramid((1, 2))
    >>> windows.output_shape((224, 224))
    (5,)
    >>> cpool.pool(np.arange(16).reshape(4, 4), "max", windows)
    array([15,  5,  7, 13, 15])
    """
    return Pyramid(levels)


# Pooling ------------------------------------------------------------------------------------------


def _to_row(y: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """Cells at two places of the shape joined to the last of the other axes."""
    y = np.moveaxis(y, places, (-2, -1))
    return y.reshape(*y.shape[:-3], prod(y.shape[-3:]))


def _from_row(row: np.ndarray, shape: tuple[int, ...], places: tuple[int, ...]) -> np.ndarray:
    """The inverse, to cells of a shape."""
    rest = [n for axis, n in enumerate(shape) if axis not in places]
    return np.moveaxis(row.reshape(*rest, *(shape[axis] for axis in places)), (-2, -1), places)


def _places(x: np.ndarray, windows: Pyramid, options: arrays.Options) -> tuple[int, ...]:
    return arrays.pooled_axes(
        x.ndim, windows.grids[0], options.axes, options.channels_last, options.rank
    )[0]


def forward(
    x: Any, reduction: Reduction, windows: Pyramid, options: arrays.Options, *own: Any
) -> np.ndarray:
    """The cells of all levels, joined."""
    x = arrays.as_input(x)
    places, inner = _places(x, windows, options), options.replace(out=None)
    cells = (reduction.forward(x, grid, inner, *own) for grid in windows.grids)
    y = np.concatenate([_to_row(y, places) for y in cells], axis=-1)
    return stored(y, y.dtype, options.out, x, options.where)


def vjp(
    x: Any, reduction: Reduction, windows: Pyramid, options: arrays.Options, *own: Any
) -> tuple[np.ndarray, Pullback]:
    """The same, and the sum of the gradients of all levels."""
    x = arrays.as_input(x)
    places, inner = _places(x, windows, options), options.replace(out=None)
    natural = gradient_dtype(x)
    # Gradients of 16-bit floats are added up in float32.
    wide = x.astype(np.float32) if natural.itemsize < 4 else x
    rows, shapes, pullbacks = [], [], []
    for grid in windows.grids:
        y, pullback = reduction.vjp(wide, grid, inner, *own)
        rows.append(_to_row(y, places))
        shapes.append(y.shape)
        pullbacks.append(gradients_by(pullback))
    y = np.concatenate(rows, axis=-1)
    if options.dtype is None and natural.itemsize < 4:
        y = _rounded(y, natural)
    y_shape, ends = y.shape, np.cumsum([row.shape[-1] for row in rows])[:-1]

    def summed(name: str, gy: Any) -> Any:
        gy = arrays.checked_gradient(gy, y_shape)
        gradient = 0
        for part, shape, by in zip(np.split(gy, ends, axis=-1), shapes, pullbacks, strict=True):
            gradient += by[name](_from_row(part, shape, places))
        return _rounded(gradient, natural) if name == "x" else gradient

    # Also by what the reduction can be differentiated by.
    by = {name: partial(summed, name) for name in pullbacks[0]}
    return stored(y, y.dtype, options.out, x, options.where), Gradients(**by)


def _rounded(array: Any, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)
