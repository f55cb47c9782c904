"""What a pooling is, in numbers. The values are cpool's."""

from __future__ import annotations

import numpy as np
from drawing import COLOURS, PADDING, PALE, arrow, canvas, cell, fit, frame, grid

import cpool

IMAGE = np.array([[1.0, 5.0, 2.0, 0.0],
                  [3.0, 4.0, 8.0, 1.0],
                  [0.0, 2.0, 6.0, 6.0],
                  [9.0, 1.0, 3.0, 7.0]])  # fmt: skip


def windows_and_values() -> None:
    """2 x 2 windows side by side: each gives one number, by the maximum and by the mean."""
    _, axes = canvas(6.3, 2.6)
    quarters = np.array(COLOURS[:4], object).reshape(2, 2)
    grid(axes, IMAGE, np.repeat(np.repeat(quarters, 2, 0), 2, 1))
    grid(axes, cpool.max_pool2d(IMAGE, 2), quarters, (6.5, 1))
    grid(axes, cpool.avg_pool2d(IMAGE, 2), quarters, (10.5, 1))
    arrow(axes, 4.4, 2, 6.1, 2)
    for x, text in [(2, "x"), (7.5, "maximum"), (11.5, "mean")]:
        axes.text(x, 0.3 if x == 2 else -0.6, text, ha="center")
    fit(axes)


def stepwise() -> None:
    """One window, step by step: 3 x 3 with stride 1."""
    _, each = canvas(5.2, 6.2, 2, 2)
    values = cpool.max_pool2d(IMAGE, 3, stride=1)
    for step, axes in enumerate(each.flat):
        row, column = divmod(step, 2)
        colours = np.full(IMAGE.shape, PALE, object)
        inside = IMAGE[row : row + 3, column : column + 3]
        colours[row : row + 3, column : column + 3] = "#d6ecf9"
        top = np.unravel_index(inside.argmax(), inside.shape)
        colours[row + top[0], column + top[1]] = COLOURS[1]
        grid(axes, IMAGE, colours)
        frame(axes, column, row, 3, 3, COLOURS[5])
        for place in range(4):
            y, x = divmod(place, 2)
            text = f"{values[y, x]:g}" if place <= step else ""
            cell(axes, 1 + x, 5 + y, text, COLOURS[1] if place == step else PALE)
        axes.text(0.6, -6, "y", ha="center", va="center")
        axes.set_title(f"step {step + 1}", fontsize=10)
        fit(axes)


def padding_is_not_zeros() -> None:
    """Of negative numbers, a maximum over zeros would be the zeros."""
    x = np.array([-3.0, -1.0, -4.0, -2.0])
    _, axes = canvas(6, 2.2)
    for place in (-1, 4):
        cell(axes, place, 0, "", PADDING, linestyle=":")
    grid(axes, x[None])
    true = cpool.max_pool1d(x, 3, stride=1, padding=1)
    zeros = cpool.max_pool1d(np.pad(x, 1), 3, stride=1)
    for row, (values, text) in enumerate([
        (true, "padding does not exist (cpool)"),
        (zeros, "padding taken for zeros"),
    ]):  # fmt: skip
        colours = np.where(values == true, COLOURS[2], COLOURS[6])
        grid(axes, values[None], colours[None], (0, 1.6 + 1.3 * row))
        axes.text(5.4, -2.1 - 1.3 * row, text, va="center")
    axes.text(5.4, -0.5, "x, one place of padding at each end", va="center")
    fit(axes)


def reductions_and_windows() -> None:
    """The same five windows of one axis, five reductions; and the same reduction, other windows."""
    x = np.array([2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0])
    kinds = {
        "sliding(2)": cpool.sliding(2),
        "sliding(3, stride=2)": cpool.sliding(3, stride=2),
        "adaptive(3)": cpool.adaptive(3),
        "whole()": cpool.whole(),
    }
    names = ["max", "mean", "median"]
    _, axes = canvas(6.4, 3.2)
    grid(axes, x[None], at=(4, 0))
    axes.text(3.4, -0.5, "x", va="center", ha="right")
    for column, name in enumerate(names):
        axes.text(2.5 + 5 * column, -1.9, f'"{name}"', ha="center", va="center",
                  color=COLOURS[5], weight="bold")  # fmt: skip
    for row, (text, windows) in enumerate(kinds.items()):
        axes.text(-0.6, -3.1 - 1.5 * row, text, ha="right", va="center", color=COLOURS[6],
                  weight="bold")  # fmt: skip
        for column, name in enumerate(names):
            y = np.atleast_1d(cpool.pool(x, name, windows, axes=0))
            left = 2.5 + 5 * column - len(y) / 2
            for i, value in enumerate(y):
                cell(axes, left + i, 2.6 + 1.5 * row, f"{value:.2g}", "#f3f3f3")
    fit(axes)
