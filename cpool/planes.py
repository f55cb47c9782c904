"""Windows that differ from plane to plane: those of `fractional`, whose places are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cpool import arrays
from cpool.draws import Rng, philox
from cpool.reductions.base import Gradients, Pullback, Reduction, gradient_dtype, gradients_by
from cpool.results import stored
from cpool.windows import Fractional, fractional

Index = tuple[Any, ...]


def is_drawn(windows: Any) -> bool:
    """Whether the windows are drawn by the call that pools."""
    return isinstance(windows, Fractional) and windows.samples is None


class Planes:
    """The planes of x, with windows drawn for each.

    A plane is what is pooled: there is one for each index of the other axes, in row-major order.
    Planes with the same samples are pooled in one call, others one by one.
    """

    def __init__(
        self, x: np.ndarray, windows: Fractional, options: arrays.Options, samples: Any, rng: Rng
    ) -> None:
        self.x, self.windows, self.options = x, windows, options
        self.axes, order = arrays.pooled_axes(
            x.ndim, windows, options.axes, options.channels_last, options.rank
        )
        rank = len(self.axes)
        self.last = tuple(range(-rank, 0))
        # The entries of the windows' arguments, as axes of a plane.
        self.given = tuple(order.index(i) - rank for i in range(rank))
        self.lead = tuple(n for axis, n in enumerate(x.shape) if axis not in self.axes)
        if samples is None:
            samples = philox(rng).random((*self.lead, rank))
        self.samples = self._checked(samples, rank)

    def _checked(self, samples: Any, rank: int) -> np.ndarray:
        samples = np.asarray(samples)
        shape = (*self.lead, rank)
        # PyTorch has samples of shape (1, C, 2) for one sample of shape (C, H, W).
        if len(self.lead) == 1 and samples.shape == (1, *shape):
            samples = samples[0]
        if samples.shape != shape:
            raise ValueError(
                f"samples must have the shape {shape}, one number for each pooled axis of each "
                f"plane, got {samples.shape}"
            )
        return samples.reshape(-1, rank)

    def moved(self, array: np.ndarray) -> np.ndarray:
        """A view with the pooled axes last."""
        return np.moveaxis(array, self.axes, self.last)

    def shape_of(self, windows: Fractional) -> tuple[int, ...]:
        """The result's shape."""
        shape = list(self.x.shape)
        lengths = [shape[self.axes[i]] for i in self.given]
        for i, n in zip(self.given, windows.output_shape(lengths), strict=True):
            shape[self.axes[i]] = n
        return tuple(shape)

    def windows_with(self, samples: np.ndarray) -> Fractional:
        w = self.windows
        return fractional(
            w.kernel_size, w.output_size, w.output_ratio, samples=samples,
            overlapping=w.overlapping,
        )  # fmt: skip

    def groups(self) -> list[tuple[Index, np.ndarray]]:
        """Which planes have the same samples: an index of the other axes, and the samples."""
        if len(self.samples) <= 1 or (self.samples == self.samples[0]).all():
            return [((), self.samples[0] if len(self.samples) else np.zeros(len(self.axes)))]
        unique, which = np.unique(self.samples, axis=0, return_inverse=True)
        which = which.reshape(-1)
        if len(unique) == len(which):
            # A view of each plane.
            return [
                (np.unravel_index(plane, self.lead), samples)
                for plane, samples in enumerate(self.samples)
            ]
        return [
            (np.unravel_index(np.flatnonzero(which == i), self.lead), samples)
            for i, samples in enumerate(unique)
        ]

    def pool(
        self, pool: Callable[[np.ndarray, Fractional, arrays.Options], tuple[np.ndarray, ...]]
    ) -> tuple[np.ndarray, ...]:
        """Results of `pool` for all planes, put together."""
        options, groups = self.options, self.groups()
        if len(groups) == 1:
            return pool(self.x, self.windows_with(groups[0][1]), options)
        x, mask = self.moved(self.x), arrays.as_mask(options.where, self.x)
        mask = None if mask is None else self.moved(mask)
        results: tuple[np.ndarray, ...] = ()
        for index, samples in groups:
            there = None if mask is None else mask[index]
            part = arrays.Options(self.given, False, 0, options.nan_policy, there, options.dtype)
            parts = pool(x[index], self.windows_with(samples), part)
            if not results:
                shape = self.shape_of(self.windows)
                results = tuple(np.empty(shape, each.dtype) for each in parts)
                views = [self.moved(each) for each in results]
            for view, each in zip(views, parts, strict=True):
                view[index] = each
        if options.out is not None:
            y = stored(results[0], results[0].dtype, options.out, self.x, options.where)
            results = (y, *results[1:])
        return results


def _pooled(result: Any) -> tuple[np.ndarray, ...]:
    return result if isinstance(result, tuple) else (result,)


def _returned(results: tuple[np.ndarray, ...]) -> Any:
    return results if len(results) > 1 else results[0]


def forward(
    x: Any, reduction: Reduction, windows: Fractional, options: arrays.Options, *own: Any,
    samples: Any = None, rng: Rng = None,
) -> Any:  # fmt: skip
    """A reduction over windows that are drawn for each plane, or given by samples for each.

    own: what its method takes beside windows and options.
    """
    planes = Planes(arrays.as_input(x), windows, options, samples, rng)
    return _returned(planes.pool(lambda *given: _pooled(reduction.forward(*given, *own))))


def vjp(
    x: Any, reduction: Reduction, windows: Fractional, options: arrays.Options, *own: Any,
    samples: Any = None, rng: Rng = None,
) -> tuple[Any, Pullback]:  # fmt: skip
    x = arrays.as_input(x)
    planes = Planes(x, windows, options, samples, rng)
    pullbacks: list[Pullback] = []

    def pool(*given: Any) -> tuple[np.ndarray, ...]:
        result, pullback = reduction.vjp(*given, *own)
        pullbacks.append(pullback)
        return _pooled(result)

    results = planes.pool(pool)
    y_shape, x_shape, dtype = results[0].shape, x.shape, gradient_dtype(x)
    if len(pullbacks) == 1:
        return _returned(results), pullbacks[0]
    indices, moved = [index for index, _ in planes.groups()], planes.moved

    def each(name: str, gy: Any) -> list[tuple[Index, np.ndarray]]:
        gy = moved(arrays.checked_gradient(gy, y_shape))
        return [
            (index, gradients_by(pullback)[name](gy[index]))
            for index, pullback in zip(indices, pullbacks, strict=True)
        ]

    def of_x(gy: Any) -> np.ndarray:
        gx = np.empty(x_shape, dtype)
        view = moved(gx)
        for index, part in each("x", gy):
            view[index] = part
        return gx

    def of_parameter(name: str) -> Pullback:
        # All planes have the same parameters.
        return lambda gy: np.asarray(sum(part for _, part in each(name, gy)))

    others = {name: of_parameter(name) for name in gradients_by(pullbacks[0]) if name != "x"}
    return _returned(results), Gradients(x=of_x, **others)
