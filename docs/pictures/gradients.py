"""Gradients as arrays, with what they come from."""

from __future__ import annotations

import numpy as np
from drawing import COLOURS, PALE, arrow, canvas, fit, grid

import cpool

VALUES = np.array([[3.0, 1.0, 2.0, 0.0, 4.0],
                   [0.0, 8.0, 1.0, 2.0, 1.0],
                   [2.0, 1.0, 5.0, 3.0, 0.0],
                   [1.0, 4.0, 0.0, 9.0, 2.0],
                   [6.0, 2.0, 3.0, 1.0, 7.0]])  # fmt: skip


def _shades(values: np.ndarray) -> np.ndarray:
    """White for 0, then ever more blue."""
    share = np.clip(values / max(values.max(), 1e-9), 0, 1)
    low, high = np.array([1.0, 1.0, 1.0]), np.array([0.34, 0.71, 0.91])
    colours = np.empty(values.shape, object)
    for at in np.ndindex(values.shape):
        colours[at] = tuple(low + share[at] * (high - low))
    return colours


def maximum() -> None:
    y, pullback = cpool.vjp(cpool.max_pool2d, VALUES, 3, stride=1)
    gradient = pullback(np.ones_like(y))
    _, axes = canvas(6.4, 2.2)
    colours = np.full(VALUES.shape, PALE, object)
    colours[gradient > 0] = COLOURS[1]
    grid(axes, VALUES, colours)
    grid(axes, y, COLOURS[1], (7, 1))
    coloured = np.empty(gradient.shape, object)
    for at, colour in np.ndenumerate(_shades(gradient)):
        coloured[at] = colour
    for at in np.ndindex(gradient.shape):
        grid(axes, gradient[at].reshape(1, 1), _one(coloured[at]), (12 + at[1], at[0]))
    arrow(axes, 5.3, 2.5, 6.7, 2.5)
    arrow(axes, 10.3, 2.5, 11.7, 2.5)
    for x, text in [(2.5, "x"), (8.5, "maxima"), (14.5, "gradient of ones")]:
        axes.text(x, 0.3, text, ha="center")
    fit(axes)


def average() -> None:
    zeros = np.zeros((5, 5))
    y, pullback = cpool.vjp(cpool.avg_pool2d, zeros, 3, 2, 1)
    gradient = 9 * pullback(np.ones_like(y))
    covered = sum(pullback(one.reshape(y.shape)) > 0 for one in np.eye(y.size))
    _, axes = canvas(6.4, 2.2)
    grid(axes, np.ones_like(y), COLOURS[1], (0, 1))
    shades = _shades(gradient)
    for at in np.ndindex(gradient.shape):
        grid(axes, gradient[at].reshape(1, 1), _one(shades[at]), (5 + at[1], at[0]))
        grid(axes, covered[at].reshape(1, 1), PALE, (12 + at[1], at[0]), "d")
    arrow(axes, 3.3, 2.5, 4.7, 2.5)
    for x, text in [(1.5, "g"), (7.5, "9 × gradient"), (14.5, "windows that cover it")]:
        axes.text(x, 0.3, text, ha="center")
    fit(axes)


def _one(colour: object) -> np.ndarray:
    """One colour as an array of one object: a tuple of numbers would be an array of them."""
    array = np.empty((1, 1), object)
    array[0, 0] = colour
    return array
