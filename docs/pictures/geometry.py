"""Windows, drawn from the tables that the kernels are given."""

from __future__ import annotations

import numpy as np
from drawing import COLOURS, PADDING, PALE, canvas, cell, fit, rows_of_windows

import cpool


def stride() -> None:
    _, each = canvas(4, 5, 2)
    for axes, step in zip(each, (1, 2), strict=True):
        rows_of_windows(axes, cpool.sliding(3, stride=step), 7)
        axes.set_title(f"sliding(3, stride={step}), 7 elements", fontsize=10)


def padding() -> None:
    _, each = canvas(4.5, 4.5, 2)
    rows_of_windows(each[0], cpool.sliding(3, stride=2, padding=1), 6, 1, 1)
    each[0].set_title("padding=1", fontsize=10)
    rows_of_windows(each[1], cpool.sliding(3, stride=2, padding=((2, 0),)), 6, 2, 0)
    each[1].set_title("padding=((2, 0),)", fontsize=10)


def ceil_mode() -> None:
    _, each = canvas(4, 7.5, 3)
    rows_of_windows(each[0], cpool.sliding(3, stride=2), 6)
    each[0].set_title("sliding(3, stride=2)", fontsize=10)
    rows_of_windows(each[1], cpool.sliding(3, stride=2, ceil_mode=True), 6)
    each[1].set_title("ceil_mode=True", fontsize=10)
    windows = cpool.sliding(2, stride=3, padding=1, ceil_mode=True)
    rows_of_windows(each[2], windows, 5, 1, 1)
    each[2].set_title("sliding(2, 3, padding=1, ceil_mode=True):\n"
                      "a third window would begin in the padding", fontsize=10)  # fmt: skip


def same() -> None:
    _, each = canvas(5, 5.4, 2)
    rows_of_windows(each[0], cpool.sliding(4, stride=2, padding="same"), 7, 1, 2)
    each[0].set_title('sliding(4, stride=2, padding="same")', fontsize=10)
    rows_of_windows(each[1], cpool.sliding(4, stride=2, padding="same_lower"), 7, 2, 1)
    each[1].set_title('padding="same_lower"', fontsize=10)


def dilation() -> None:
    _, each = canvas(5.5, 5.2, 2)
    rows_of_windows(each[0], cpool.sliding(3, stride=1, dilation=2), 8)
    each[0].set_title("sliding(3, stride=1, dilation=2)", fontsize=10)
    rows_of_windows(each[1], cpool.sliding(3, stride=2, padding=2, dilation=2), 8, 2, 2)
    each[1].set_title("sliding(3, stride=2, padding=2, dilation=2)", fontsize=10)


def adaptive() -> None:
    _, each = canvas(5, 4.8, 2)
    rows_of_windows(each[0], cpool.adaptive(4), 8)
    each[0].set_title("adaptive(4), 8 elements", fontsize=10)
    rows_of_windows(each[1], cpool.adaptive(4), 10)
    each[1].set_title("adaptive(4), 10 elements: neighbours overlap", fontsize=10)


def fractional() -> None:
    _, each = canvas(4.2, 5.4, 2)
    rows_of_windows(each[0], cpool.fractional(2, output_size=5, samples=0.4), 8)
    each[0].set_title("fractional(2, output_size=5)", fontsize=10)
    windows = cpool.fractional(None, output_size=5, samples=0.4, overlapping=False)
    rows_of_windows(each[1], windows, 8)
    each[1].set_title("overlapping=False", fontsize=10)


def padding_modes() -> None:
    """Four elements with five places of padding on either side."""
    _, axes = canvas(6, 2.6)
    for row, mode in enumerate(["nearest", "reflect", "mirror", "wrap"]):
        windows = cpool.sliding(1, 1, 5, padding_mode=mode)
        read = [window[0] for window in windows.table((4,))[0]]
        for place, element in enumerate(read):
            inside = 5 <= place < 9
            cell(axes, place, 1.2 * row, "abcd"[element], COLOURS[element], linestyle="-",
                 alpha=1.0 if inside else 0.35)  # fmt: skip
        axes.text(-0.4, -1.2 * row - 0.5, f'"{mode}"', ha="right", va="center")
    row = 4.8
    for place in range(14):
        if 5 <= place < 9:
            cell(axes, place, row, "abcd"[place - 5], COLOURS[place - 5])
        else:
            cell(axes, place, row, "", PADDING, linestyle=":")
    axes.text(-0.4, -row - 0.5, '"constant"', ha="right", va="center")
    fit(axes)


def two_axes() -> None:
    """A window of two axes is the product of two of one axis."""
    windows = cpool.sliding((3, 2), stride=(2, 2), padding=(1, 0))
    rows, columns = windows.table((5, 6))
    _, each = canvas(6.4, 2, 1, len(rows[:3]))
    for o, axes in enumerate(np.ravel(each)):
        for i in range(5):
            for j in range(6):
                inside = i in rows[o] and j in columns[1]
                cell(axes, j, i, 6 * i + j, COLOURS[o] if inside else PALE)
        axes.set_title(f"window ({o}, 1)", fontsize=10)
        fit(axes)
