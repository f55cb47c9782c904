"""All operators side by side: one image, pooled by each, and what that costs."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import cpool
from cpool.cli.demo import load

#: Windows side by side, so large that operators can be told apart.
WINDOW = 8

_DARK, _PALE = "#1b1f24", "#57606a"
_KINDS = ("comparisons", "additions", "multiplications", "divisions", "functions")
#: Same operators with other windows.
_OTHER_WINDOWS = ("adaptive_", "global_")
#: What operators with arguments of their own are given where they have no default.
_OWN = {"norm_type": 2.0, "q": 0.75, "rank": 0, "p": 3.0}


@dataclass(frozen=True)
class Panel:
    """What one operator made of the image."""

    name: str
    summary: str
    pixels: np.ndarray
    costs: list[str]

    @property
    def size(self) -> str:
        """Height and width."""
        return "{} × {}".format(*self.pixels.shape)


@dataclass(frozen=True)
class Comparison:
    """The image, what operators made of it, and which could not be asked."""

    origin: str
    x: np.ndarray
    panels: list[Panel]
    left_out: list[str]

    def report(self) -> str:
        """The operators and their costs, as text in columns."""
        width = max(len(panel.name) for panel in self.panels) + 2
        lines = [f"{self.origin}: {WINDOW} x {WINDOW} windows, stride {WINDOW}", ""]
        for panel in self.panels:
            lines.append(f"{panel.name:<{width}}{panel.size:<12}{'; '.join(panel.costs)}")
        lines += [f"left out: {reason}" for reason in self.left_out]
        return "\n".join(lines)


def run(path: Path | None) -> Comparison:
    """Pool the image at `path`, or matplotlib's photograph, with everything that pools images."""
    origin, x = load(path)
    panels, left_out = [], []
    for name in operators():
        function = getattr(cpool, name)
        try:
            panels.append(_panel(function, x))
        except (TypeError, ValueError) as error:
            left_out.append(f"{name}: {error}")
    return Comparison(origin, x, panels, left_out)


def operators() -> list[str]:
    """Names of the functions that pool two axes; new ones appear by being public."""
    return [
        name
        for name in vars(cpool)
        if re.fullmatch(r"\w+_pool2d", name) and not name.startswith(_OTHER_WINDOWS)
    ]


def _panel(function: Callable[..., Any], x: np.ndarray) -> Panel:
    arguments = _arguments(function, x)
    last = "channels_last" in arguments
    given = x if last else np.moveaxis(x, 2, 0)
    y = function(given, **arguments)
    if not isinstance(y, np.ndarray) or y.ndim != 3:
        raise ValueError("its result is no image")
    summary = re.split(r"[:.]", function.__doc__ or "", maxsplit=1)[0].strip()
    costs = _costs(function, given.shape, arguments)
    return Panel(function.__name__, summary, y if last else np.moveaxis(y, 0, 2), costs)


def _arguments(function: Callable[..., Any], x: np.ndarray) -> dict[str, Any]:
    """Of those that it takes: windows, a seed, and what it cannot do without."""
    windows = {
        "kernel_size": WINDOW,
        "stride": WINDOW,
        "output_size": (x.shape[0] // WINDOW, x.shape[1] // WINDOW),
        "channels_last": True,
        "rng": 0,
    }
    arguments = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        if name in windows:
            arguments[name] = windows[name]
        elif parameter.default is inspect.Parameter.empty:
            if name not in _OWN:
                raise TypeError(f"it needs {name}")
            arguments[name] = _OWN[name]
    return arguments


def _costs(
    function: Callable[..., Any], shape: tuple[int, ...], arguments: dict[str, Any]
) -> list[str]:
    """Operations for each output, and for each byte."""
    try:
        cost = cpool.cost(function, shape, **arguments)
    except TypeError:  # nobody has counted them
        return ["cost not known"]
    outputs = math.prod(cost.output_shape)
    counts = {kind: getattr(cost.formula, kind) / outputs for kind in _KINDS}
    each = [
        f"{count:.3g} {kind.removesuffix('s') if count == 1 else kind}"
        for kind, count in counts.items()
        if count
    ]
    work = " and ".join(each) or "nothing"
    return [f"{work} an output", f"{cost.intensity:.2f} operations a byte"]


# The picture --------------------------------------------------------------------------------------

_SIDE, _GAP, _MARGIN, _HEAD, _ABOVE, _BELOW = 3.0, 0.32, 0.3, 0.3, 0.55, 0.55  # inches


def draw(comparison: Comparison) -> np.ndarray:
    """RGB pixels: the image, then a panel for each operator."""
    height, width = comparison.x.shape[:2]
    up = _SIDE * min(max(height / width, 0.1), 2)
    panels = len(comparison.panels) + 1
    columns = _columns(panels, (up + _ABOVE + _BELOW) / (_SIDE + _GAP))
    rows = -(-panels // columns)
    figure, axes = _grid(rows, columns, up)
    text = f"{WINDOW}×{WINDOW} windows, stride {WINDOW}, pooled by every operator"
    place = (_MARGIN / figure.get_figwidth(), 1 - _MARGIN / figure.get_figheight())
    figure.text(*place, text, size=15, weight="bold", color=_DARK, va="top")
    _show(axes[0], comparison.x, "input", comparison.origin, [])
    for axis, panel in zip(axes[1:], comparison.panels, strict=False):
        pixels, note = _visible(panel.pixels)
        _show(axis, pixels, panel.name, panel.summary, [*panel.costs, note])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _columns(panels: int, ratio: float) -> int:
    """So many that few places stay empty and the sheet is about as wide as a screen."""

    def badness(columns: int) -> float:
        rows = -(-panels // columns)
        return (rows * columns - panels) / panels + abs(math.log(columns / (rows * ratio) / 1.6))

    return min(range(1, panels + 1), key=badness)


def _grid(rows: int, columns: int, up: float) -> tuple[Figure, list[Axes]]:
    """Axes of one size, with room for two lines above each and three below."""
    width = columns * _SIDE + (columns - 1) * _GAP + 2 * _MARGIN
    height = rows * (up + _ABOVE + _BELOW) + _HEAD + 2 * _MARGIN
    figure = Figure(figsize=(width, height), dpi=120)
    axes = []
    for i in range(rows * columns):
        left = _MARGIN + i % columns * (_SIDE + _GAP)
        top = _MARGIN + _HEAD + i // columns * (up + _ABOVE + _BELOW) + _ABOVE
        box = (left / width, 1 - (top + up) / height, _SIDE / width, up / height)
        axis = figure.add_axes(box)
        axis.set_axis_off()
        axis.set_anchor("NW")
        axes.append(axis)
    return figure, axes


def _show(axis: Axes, pixels: np.ndarray, name: str, summary: str, below: list[str]) -> None:
    image = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    axis.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    above = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axis.annotate(name, (0, 1), (0, 19), size=12, weight="bold", color=_DARK, **above)
    axis.annotate(_shortened(summary), (0, 1), (0, 6), size=9.5, color=_PALE, **above)
    text = "\n".join(_shortened(line) for line in below if line)
    axis.annotate(text, (0, 0), (0, -5), size=9, color=_PALE, va="top", **above)


def _shortened(text: str, most: int = 46) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _visible(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """From 0 to 1; what goes beyond is scaled as a whole, and said."""
    low, high = (float(bound) for bound in (pixels.min(), pixels.max()))
    if low >= -1e-6 and high <= 1 + 1e-6:
        return np.clip(pixels, 0, 1), ""
    low = min(low, 0)
    return (pixels - low) / (high - low), f"shown from {low:.3g} to {high:.3g}"
