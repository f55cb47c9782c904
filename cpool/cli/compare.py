"""All operators side by side: one image, pooled by each, and what that costs."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

import cpool
from cpool.cli.demo import load

#: Windows side by side, so large that operators can be told apart.
WINDOW = 8

_DARK, _PALE = "#1b1f24", "#57606a"
_KINDS = ("comparisons", "additions", "multiplications", "divisions", "functions")
#: Same operators with other windows.
_OTHER_WINDOWS = ("adaptive_", "global_")
_REDUCTIONS = cpool.max_pool2d.__module__
#: What is no picture of the image, and why.
_NO_PICTURE = {"max_unpool2d": "it takes maxima back to their places, and pools nothing"}


@dataclass(frozen=True)
class Panel:
    """What one operator made of the image."""

    name: str
    summary: str
    given: str  # its windows, where they are not those of all, and its own arguments
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
            words = "; ".join([*panel.costs, *([panel.given] if panel.given else [])])
            lines.append(f"{panel.name:<{width}}{panel.size:<12}{words}")
        lines += [f"left out: {reason}" for reason in self.left_out]
        return "\n".join(lines)


def run(path: Path | None) -> Comparison:
    """Pool the image at `path`, or matplotlib's photograph, with everything that pools images."""
    origin, x = load(path)
    height, width = (n // WINDOW * WINDOW for n in x.shape[:2])
    if x.shape[:2] != (height, width):
        x, origin = x[:height, :width], f"{origin}, cut to {width} x {height}"
    panels, left_out = [], []
    for name in operators():
        function = getattr(cpool, name)
        try:
            panels.append(_panel(function, x))
        except (TypeError, ValueError) as error:
            left_out.append(f"{name}: {error}")
    return Comparison(origin, x, panels, left_out)


def operators() -> list[str]:
    """Names of the functions that pool two axes, or any; new ones appear by being public. Those of
    one reduction come first: others are made of them."""
    names = [
        name
        for name, function in vars(cpool).items()
        if re.fullmatch(r"\w*(pool|conv)2d", name) or _pools_any_axes(name, function)
        if not name.startswith(_OTHER_WINDOWS)
    ]
    return sorted(names, key=lambda name: getattr(cpool, name).__module__ != _REDUCTIONS)


def _pools_any_axes(name: str, function: Any) -> bool:
    """Whether it is an operator of which there is none for two axes alone; `pool` is all of them,
    and what has one, three or any axes has two as well."""
    several = hasattr(cpool, f"{name}2d") or re.search(r"[123]d$", name)
    return hasattr(function, "_vjp") and not several and name != "pool"


def _panel(function: Callable[..., Any], x: np.ndarray) -> Panel:
    name = function.__name__
    if name in _NO_PICTURE:
        raise ValueError(_NO_PICTURE[name])
    setting = _SETTINGS.get(name, Setting())
    arguments = _arguments(function, x, setting)
    last = "channels_last" in arguments or name == "attention_pool"
    given = setting.arranged(x)
    given = given if last else np.moveaxis(given, 2, 0)
    y = function(given, **arguments)
    if isinstance(y, np.ndarray):
        y = setting.seen(y, x)
    if not isinstance(y, np.ndarray) or y.ndim != 3:
        raise ValueError("its result is no image")
    summary = re.split(r"[:.]", function.__doc__ or "", maxsplit=1)[0].strip()
    costs = _costs(function, given.shape, arguments)
    pixels = y if last else np.moveaxis(y, 0, 2)
    return Panel(name, summary, setting.words, pixels, costs)


def _arguments(function: Callable[..., Any], x: np.ndarray, setting: Setting) -> dict[str, Any]:
    """Of those that it takes: windows, a seed, and its own."""
    common = {
        "kernel_size": WINDOW,
        "stride": WINDOW,
        "output_size": (x.shape[0] // WINDOW, x.shape[1] // WINDOW),
        "channels_last": True,
        "rng": 0,
    }
    own = setting.own(x)
    parameters = inspect.signature(function).parameters
    if "reduction" in parameters:
        del common["rng"]  # it is for reductions that draw
    arguments = {}
    for name, parameter in list(parameters.items())[1:]:
        if name in own:
            arguments[name] = own[name]
        elif name in common and not (name == "channels_last" and "axes" in own):
            arguments[name] = common[name]
        elif parameter.default is inspect.Parameter.empty:
            raise TypeError(f"it needs {name}")
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
        f"{_number(count)} {kind.removesuffix('s') if count == 1 else kind}"
        for kind, count in counts.items()
        if count
    ]
    work = ", ".join([*each[:-2], " and ".join(each[-2:])]) or "nothing"
    return [f"{work} an output", f"{cost.intensity:.2f} operations a byte"]


def _number(count: float) -> str:
    return f"{count:,.0f}" if count >= 100 or count == round(count) else f"{count:.2g}"


# What operators are given -------------------------------------------------------------------------


def _nothing(x: np.ndarray) -> dict[str, Any]:
    return {}


def _itself(x: np.ndarray) -> np.ndarray:
    return x


def _as_it_is(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y


@dataclass(frozen=True)
class Setting:
    """How an operator is asked for a picture, where that is not by windows alone.

    own: its arguments, given the image; words: what they are, for the panel; arranged: how the
    image is handed to it; seen: its result as a picture.
    """

    own: Callable[[np.ndarray], dict[str, Any]] = _nothing
    words: str = ""
    arranged: Callable[[np.ndarray], np.ndarray] = _itself
    seen: Callable[[np.ndarray, np.ndarray], np.ndarray] = _as_it_is


def _always(words: str, **own: Any) -> Setting:
    """Arguments that do not depend on the image."""
    return Setting(lambda x: own, words)


def _binomial(x: np.ndarray) -> dict[str, Any]:
    """Weights of each channel's own, products of a row of Pascal's triangle."""
    row = np.array([math.comb(WINDOW - 1, tap) for tap in range(WINDOW)]) / 2.0 ** (WINDOW - 1)
    channels = x.shape[2]
    weight = np.broadcast_to(np.outer(row, row), (channels, 1, WINDOW, WINDOW))
    return {"weight": weight, "groups": channels}


def _closer(x: np.ndarray) -> dict[str, Any]:
    """More windows than would lie side by side, so that they overlap."""
    return {"output_size": tuple(n // (WINDOW - 1) for n in x.shape[:2])}


def _edge() -> np.ndarray:
    """The right half of a window less the left one."""
    return np.repeat([-1.0, 1.0], WINDOW // 2)[np.newaxis].repeat(WINDOW, axis=0) / WINDOW


def _whole_box(last: int) -> Callable[[np.ndarray], dict[str, Any]]:
    """A box around the image; `last` more than its last element is its end."""
    return lambda x: {"boxes": [[0, 0, 0, x.shape[1] - 1 + last, x.shape[0] - 1 + last]]}


def _batch(x: np.ndarray) -> np.ndarray:
    return x[np.newaxis]


def _first(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y[0]


def _cells(x: np.ndarray) -> np.ndarray:
    """Windows as axes of their own: positions are the axes 1 and 3."""
    height, width, channels = x.shape
    return x.reshape(height // WINDOW, WINDOW, width // WINDOW, WINDOW, channels)


def _last_channels(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y[..., -x.shape[2] :]


_LEVELS = (1, 2, 4, 8, 16)


def _finest(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of a pyramid's vector the last level, whose channels come one after the other."""
    cells = y[-x.shape[2] * _LEVELS[-1] ** 2 :]
    return np.moveaxis(cells.reshape(-1, _LEVELS[-1], _LEVELS[-1]), 0, 2)


_AT_ALL = f"{WINDOW}×{WINDOW} windows at all places"
_APART = f"{WINDOW}×{WINDOW} windows {WINDOW - 2} to {WINDOW} apart"
_ONE_BOX = f"one box around the image, in bins of {WINDOW}×{WINDOW}"

_SETTINGS = {
    "lp_pool2d": _always("p = 2", norm_type=2.0),
    "power_mean_pool2d": _always("p = 3", p=3.0),
    "quantile_pool2d": _always("q = 0.75", q=0.75),
    "rank_pool2d": _always("rank 0", rank=0),
    "mixed_pool2d": _always("alpha = 0.5", alpha=0.5),
    "gated_pool2d": _always("gate: an edge filter, right half less left half", weight=_edge()),
    "lip_pool2d": Setting(lambda x: {"logits": 5 * x}, "logits: 5 times the image"),
    "fractional_max_pool2d": Setting(_closer, _APART),
    "fractional_avg_pool2d": Setting(_closer, _APART),
    "s3_pool2d": _always(f"{_AT_ALL}, one of each {WINDOW}×{WINDOW} kept", grid_size=WINDOW),
    "blur_pool2d": _always(f"7×7 filter, stride {WINDOW}", filter_size=7),
    "max_blur_pool2d": _always(f"{_AT_ALL}, 7×7 filter, stride {WINDOW}", filter_size=7),
    "haar_pool2d": _always("2×2 windows, stride 2"),
    "spectral_pool2d": _always(f"no windows; 1 of {WINDOW} frequencies of each axis"),
    "polyphase_pool2d": _always(f"no windows; 1 of {WINDOW} rows and columns"),
    "conv2d": Setting(_binomial, f"depthwise, {WINDOW}×{WINDOW} binomial weights"),
    "sppf": Setting(
        lambda x: {"kernel_size": 5, "repeats": 3},
        "5×5 windows at all places, 3 times; the last is shown",
        seen=_last_channels,
    ),
    "spatial_pyramid_pool": Setting(
        lambda x: {"levels": _LEVELS},
        f"{', '.join(map(str, _LEVELS))} windows along each axis; the last are shown",
        seen=_finest,
    ),
    "attention_pool": Setting(
        lambda x: {"query": np.full(x.shape[2], 5.0), "axes": (1, 3)},
        "positions: those of a window; query: 5 for each channel",
        arranged=_cells,
    ),
    "roi_align": Setting(_whole_box(1), _ONE_BOX, arranged=_batch, seen=_first),
    "roi_pool": Setting(_whole_box(0), _ONE_BOX, arranged=_batch, seen=_first),
}


# The picture --------------------------------------------------------------------------------------

_HEAD = f"{WINDOW}×{WINDOW} windows, stride {WINDOW}, or what is named, pooled by every operator"
_SIDE, _GAP, _MARGIN, _SPACE, _NEAR = 3.0, 0.32, 0.3, 0.2, 0.06  # inches
_TITLE, _NAME, _TEXT = 15, 12, 9  # points
_LINE = 1.3  # from line to line, in sizes of the type
_NAMED = 0.24  # inches: a name with what letters have below the line
_SPACING = 1.1  # the same, in heights of the letters as matplotlib has them


def draw(comparison: Comparison) -> np.ndarray:
    """RGB pixels: the image, then a panel for each operator."""
    canvas = FigureCanvasAgg(sheet(comparison))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@dataclass(frozen=True)
class _Place:
    """What is drawn at a place of the sheet, in lines that are no wider than it."""

    pixels: np.ndarray
    name: str
    above: list[str]
    below: list[str]


def sheet(comparison: Comparison) -> Figure:
    """The image and the panels, each with its name and words above, and its costs below."""
    height, width = comparison.x.shape[:2]
    places = [_Place(comparison.x, "input", _wrapped(comparison.origin), [])]
    places += map(_place, comparison.panels)
    up = _SIDE * min(max(height / width, 0.1), 2)
    rows = _in_rows(places, up)
    inside = len(rows[0]) * (_SIDE + _GAP) - _GAP
    title = _wrapped(_HEAD, _TITLE, inside, "bold")
    top = _MARGIN + len(title) * _height(_TITLE) + _SPACE
    down = sum(_above(row) + up + _below(row) for row in rows)
    figure = Figure((inside + 2 * _MARGIN, top + down + _MARGIN), dpi=120)
    corner = (_MARGIN / figure.get_figwidth(), 1 - _MARGIN / figure.get_figheight())
    figure.text(*corner, "\n".join(title), size=_TITLE, weight="bold", color=_DARK, va="top")
    for row in rows:
        above = _above(row)
        for column, place in enumerate(row):
            axis = _axes(figure, _MARGIN + column * (_SIDE + _GAP), top + above, up)
            _show(axis, place, (width, height), above)
        top += above + up + _below(row)
    return figure


def _in_rows(places: list[_Place], up: float) -> list[list[_Place]]:
    ratio = (up + _above(places) + _below(places)) / (_SIDE + _GAP)
    columns = _columns(len(places), ratio)
    return [places[i : i + columns] for i in range(0, len(places), columns)]


def _above(places: list[_Place]) -> float:
    """What the names and words of a row take, in inches."""
    lines = max(len(place.above) for place in places)
    return _NAMED + lines * _height(_TEXT) + _NEAR


def _below(places: list[_Place]) -> float:
    lines = max(len(place.below) for place in places)
    return _NEAR + lines * _height(_TEXT) + _SPACE


def _columns(panels: int, ratio: float) -> int:
    """So many that few places stay empty and the sheet is about as wide as a screen."""

    def badness(columns: int) -> float:
        rows = -(-panels // columns)
        return (rows * columns - panels) / panels + abs(math.log(columns / (rows * ratio) / 1.6))

    return min(range(1, panels + 1), key=badness)


def _axes(figure: Figure, left: float, top: float, up: float) -> Axes:
    """Axes at a distance from the left and the top, in inches."""
    width, height = figure.get_size_inches()
    axis = figure.add_axes((left / width, 1 - (top + up) / height, _SIDE / width, up / height))
    axis.set_axis_off()
    axis.set_anchor("NW")
    return axis


def _place(panel: Panel) -> _Place:
    pixels, note = _visible(panel.pixels)
    above = [*_wrapped(panel.summary), *_wrapped(panel.given)]
    below = [line for words in (*panel.costs, note) for line in _wrapped(words)]
    return _Place(pixels, panel.name, above, below)


def _show(axis: Axes, place: _Place, size: tuple[int, int], above: float) -> None:
    """A picture of the form that the image has, whatever its own pixels are, with its name so far
    above it, in inches."""
    image = place.pixels[..., 0] if place.pixels.shape[2] == 1 else place.pixels
    extent = (0, size[0], size[1], 0)
    axis.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
    words = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top"}
    words |= {"linespacing": _SPACING, "parse_math": False}  # a file's name may have dollars
    top = 72 * above
    named = words | {"size": _NAME, "weight": "bold", "color": _DARK, "va": "baseline"}
    axis.annotate(place.name, (0, 1), (0, top - _NAME), **named)
    under = (0, top - 72 * _NAMED)
    axis.annotate("\n".join(place.above), (0, 1), under, size=_TEXT, color=_PALE, **words)
    under = (0, -72 * _NEAR)
    axis.annotate("\n".join(place.below), (0, 0), under, size=_TEXT, color=_PALE, **words)


# Text ---------------------------------------------------------------------------------------------


def _height(size: float) -> float:
    """Of a line, in inches."""
    return size * _LINE / 72


@lru_cache(4096)
def _width(text: str, size: float, weight: str) -> float:
    """In inches, with something for the rounding of letters to pixels."""
    font = FontProperties(size=size, weight=weight)
    return 1.03 * TextToPath().get_text_width_height_descent(text, font, False)[0] / 72


def _wrapped(
    text: str, size: float = _TEXT, width: float = _SIDE, weight: str = "normal"
) -> list[str]:
    """Lines that are no wider; a word that is, is cut where it has to be."""
    lines = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer, size, weight) <= width:
            lines[-1] = longer
            continue
        while _width(word, size, weight) > width:
            end = max(i for i in range(1, len(word)) if _width(word[:i], size, weight) <= width)
            lines.append(word[:end])
            word = word[end:]
        lines.append(word)
    return lines


def _visible(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """From 0 to 1; what goes beyond is scaled as a whole, and said."""
    low, high = (float(bound) for bound in (pixels.min(), pixels.max()))
    if low >= -1e-6 and high <= 1 + 1e-6:
        return np.clip(pixels, 0, 1), ""
    low = min(low, 0)
    return (pixels - low) / (high - low), f"shown from {low:.3g} to {high:.3g}"
