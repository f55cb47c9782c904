"""What the pictures have in common: cells with numbers, rows of windows, colours.

Colours are told apart with defective colour vision too (Okabe and Ito 2008), and every picture
has a white ground, which stays in dark mode.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, Rectangle

COLOURS = ["#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00", "#999999"]
INK, PALE, PADDING = "#111111", "#ffffff", "#dddddd"


def ink_on(colour: Any) -> str:
    """Dark or white, whichever has more contrast with a colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return INK if np.dot(linear, (0.2126, 0.7152, 0.0722)) > 0.2 else PALE


def canvas(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """Axes without frames, in which one unit is as long along x as along y.

    In inches; pictures of up to about 6 can still be read on a phone.
    """
    room = {"hspace": 0.45} if rows > 2 else {}
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), gridspec_kw=room)
    for each in np.ravel(axes):
        each.set_aspect("equal")
        each.axis("off")
    return figure, axes


def cell(
    axes: Any, x: float, y: float, text: object = "", colour: str = PALE, **kwargs: Any
) -> None:
    """A unit square whose upper left corner is (x, -y)."""
    box = {"linewidth": 1, "edgecolor": INK, "linestyle": "-"} | kwargs
    axes.add_patch(Rectangle((x, -y - 1), 1, 1, facecolor=colour, **box))
    small = {"fontsize": 8} if len(str(text)) > 3 else {}
    axes.text(x + 0.5, -y - 0.5, str(text), ha="center", va="center", color=ink_on(colour), **small)


def grid(axes: Any, values: np.ndarray, colours: Any = PALE, at: tuple[float, float] = (0, 0),
         form: str = "g") -> None:  # fmt: skip
    """An array of two axes as cells; a colour for all, or an array of them."""
    colours = np.broadcast_to(colours, values.shape)
    for row, column in np.ndindex(values.shape):
        text = format(values[row, column], form)
        cell(axes, at[0] + column, at[1] + row, text.replace("-", "−"), colours[row, column])
    fit(axes)


def frame(axes: Any, x: float, y: float, width: float, height: float, colour: str) -> None:
    """A thick border round cells."""
    axes.add_patch(Rectangle((x, -y - height), width, height, fill=False, edgecolor=colour,
                             linewidth=3, zorder=3))  # fmt: skip


def arrow(axes: Any, x0: float, y0: float, x1: float, y1: float, text: str = "") -> None:
    axes.annotate("", (x1, -y1), (x0, -y0), arrowprops={"arrowstyle": "->", "color": INK})
    axes.text((x0 + x1) / 2, -(y0 + y1) / 2 + 0.25, text, ha="center", va="bottom", color=INK)


def fit(axes: Any) -> None:
    axes.autoscale_view()


def rows_of_windows(axes: Any, windows: Any, n: int, before: int = 0, after: int = 0) -> None:
    """An axis of n elements with its padding, and under it what each window of a table reads.

    Taps that read nothing are drawn empty where the window's stride puts them.
    """
    for i in range(-before, n + after):
        inside = 0 <= i < n
        cell(axes, i, 0, i if inside else "", PALE if inside else PADDING,
             linestyle="-" if inside else ":")  # fmt: skip
    for row, places in enumerate(places_of(windows, n)):
        colour = COLOURS[row % len(COLOURS)]
        for place, element in places:
            bar(axes, place, row + 1.25, "" if element is None else element, colour)
        axes.text(-before - 0.6, -row - 1.7, f"$y_{{{row}}}$", ha="right", va="center")
    fit(axes)


def bar(axes: Any, x: float, y: float, text: object, colour: str) -> None:
    empty = text == ""
    axes.add_patch(FancyBboxPatch((x + 0.12, -y - 0.82), 0.76, 0.64, linewidth=1,
                                  boxstyle="round,pad=0,rounding_size=0.15", edgecolor=colour,
                                  facecolor=PALE if empty else colour,
                                  linestyle=":" if empty else "-"))  # fmt: skip
    ink = INK if empty else ink_on(colour)
    axes.text(x + 0.5, -y - 0.5, str(text), ha="center", va="center", color=ink, fontsize=9)


def places_of(windows: Any, n: int) -> Iterable[list[tuple[int, int | None]]]:
    """Of each window, where its taps stand and which elements they read (None: none)."""
    table = windows.table((n,), absent=-1)[0]
    sliding = hasattr(windows, "stride")
    for o, elements in enumerate(table):
        places = list(elements)
        if sliding:
            stride, dilation = _one(windows.stride), _one(windows.dilation)
            start = o * stride - _before(windows, n)
            places = [start + t * dilation for t in range(len(elements))]
        pairs = zip(places, elements, strict=True)
        yield [(p, None if e < 0 else e) for p, e in pairs if sliding or e >= 0]


def _one(value: Any) -> int:
    """The number of the first axis, and of that before it."""
    while isinstance(value, tuple):
        value = value[0]
    return value


def _before(windows: Any, n: int) -> int:
    """Padding before the axis, which of "same" the first window tells."""
    if isinstance(windows.padding, str):
        first = windows.table((n,), absent=-1)[0][0]
        return next(t for t, element in enumerate(first) if element >= 0) * _one(windows.dilation)
    return _one(windows.padding)
