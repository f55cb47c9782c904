"""The picture of the demonstration: the photograph above, one detail of it below."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import cpool
from cpool.cli.demo import OVERLAPPING, TILES, Demo

_TILE = TILES["kernel_size"]
_DARK, _PALE, _MARK, _GRID = "#1b1f24", "#57606a", "#ff4d2e", "#39b6ff"
_GREY = {"cmap": "gray", "vmin": 0, "vmax": 1}

Crop = tuple[slice, slice]


def draw(demo: Demo) -> np.ndarray:
    """RGB pixels: input, pooled images, positions of the maxima, gradients on one colour map."""
    figure, axes, bar = _panels(demo.x.shape[0] / demo.x.shape[1])
    crop = _busiest_crop(demo.x)
    _draw_images(axes[0], demo, crop)
    _draw_positions(axes[1, 0], demo, crop)
    _draw_gradients(axes[1, 1:], bar, demo, crop)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _panels(ratio: float) -> tuple[Figure, np.ndarray, Axes]:
    """Two rows of three panels, as high as the photograph needs them, and room for a colour bar."""
    side, gap, title, below, margin = 4.2, 0.3, 0.65, 0.9, 0.25  # inches
    up = side * min(max(ratio, 0.3), 2)
    width, height = 3 * side + 2 * gap + 2 * margin, 2 * up + 2 * title + below + margin
    figure = Figure(figsize=(width, height), dpi=120)
    across = {"left": margin / width, "right": 1 - margin / width, "wspace": gap / side}
    down = {"bottom": below / height, "top": 1 - (margin + title) / height, "hspace": title / up}
    axes = figure.subplots(2, 3, gridspec_kw=across | down)
    for axis in axes.flat:
        axis.set_axis_off()
        axis.set_anchor("NW")
    left, bottom = (margin + side + gap) / width, (below - 0.36) / height
    return figure, axes, figure.add_axes((left, bottom, (2 * side + gap) / width, 0.16 / height))


def _title(axis: Axes, name: str, meaning: str) -> None:
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    place |= {"parse_math": False}  # a file's name may have dollars
    axis.annotate(name, (0, 1), (0, 22), fontsize=13, weight="bold", color=_DARK, **place)
    axis.annotate(meaning, (0, 1), (0, 6), fontsize=10.5, color=_PALE, **place)


def _busiest_crop(x: np.ndarray) -> Crop:
    """About 100 tiles, roughly in the photograph's proportions, where neighbours differ most."""
    ratio = math.sqrt(x.shape[0] / x.shape[1])
    wanted = round(10 * ratio), round(10 / ratio)
    size = [min(max(n, 2), side // _TILE) * _TILE for n, side in zip(wanted, x.shape, strict=False)]
    grey = x.mean(axis=2)
    near = {"kernel_size": 3, "stride": 1, "padding": 1}
    contrast = cpool.max_pool2d(grey, **near) - cpool.min_pool2d(grey, **near)
    busy = cpool.avg_pool2d(contrast, tuple(size), _TILE)
    top, left = (int(tile) * _TILE for tile in np.unravel_index(busy.argmax(), busy.shape))
    return slice(top, top + size[0]), slice(left, left + size[1])


def _draw_images(axes: np.ndarray, demo: Demo, crop: Crop) -> None:
    for axis, image in zip(axes, (demo.x, demo.max_tiles, demo.avg_tiles), strict=True):
        axis.imshow(image[..., 0] if image.shape[2] == 1 else image, **_GREY)
    top, left = (side.start - 0.5 for side in crop)
    height, width = (side.stop - side.start for side in crop)
    axes[0].add_patch(Rectangle((left, top), width, height, fill=False, ec=_MARK, lw=2))
    size = "{} × {}".format(*demo.x.shape)
    _title(axes[0], "Input", f"{size} pixels; the box is what the row below shows")
    size = "{} × {}".format(*demo.max_tiles.shape)
    for axis, name, what in (axes[1], "max", "maximum"), (axes[2], "avg", "mean"):
        title = f"{name}_pool2d {_TILE}×{_TILE}, stride {_TILE}"
        _title(axis, title, f"{size}: the {what} of each window and channel")


def _draw_positions(axis: Axes, demo: Demo, crop: Crop) -> None:
    channel = demo.x.shape[2] // 2  # green, or grey
    detail = demo.x[crop][..., channel]
    axis.imshow(detail, **_GREY)
    height, width = detail.shape
    axis.hlines(np.arange(0, height + 1, _TILE) - 0.5, -0.5, width - 0.5, _GRID, lw=0.7)
    axis.vlines(np.arange(0, width + 1, _TILE) - 0.5, -0.5, height - 0.5, _GRID, lw=0.7)
    tiles = tuple(slice(side.start // _TILE, side.stop // _TILE) for side in crop)
    i, j = np.divmod(demo.positions[tiles][..., channel].ravel(), demo.x.shape[1])
    for y, x in zip(i - crop[0].start - 0.5, j - crop[1].start - 0.5, strict=True):
        axis.add_patch(Rectangle((x, y), 1, 1, fc=_MARK, ec="white", lw=0.6))
    colour = " of the green channel" if channel else ""
    _title(axis, "Positions of the maxima", f"one pixel in each {_TILE}×{_TILE} window{colour}")


def _draw_gradients(axes: np.ndarray, bar: Axes, demo: Demo, crop: Crop) -> None:
    gradients = demo.max_gradient, demo.avg_gradient
    details = [gradient[crop][..., demo.x.shape[2] // 2] for gradient in gradients]
    top = max(float(detail.max()) for detail in details)
    norm = PowerNorm(0.35, vmin=0, vmax=top or 1)  # a mean's share is a ninth of a maximum's
    kernel, stride = OVERLAPPING["kernel_size"], OVERLAPPING["stride"]
    names = ("max", "all to its maximum"), ("avg", "each pixel a ninth")
    for axis, detail, (name, share) in zip(axes, details, names, strict=True):
        image = axis.imshow(detail, "magma", norm)
        title = f"Gradient of {name}_pool2d {kernel}×{kernel}, stride {stride}"
        _title(axis, title, f"a window gives {share}; overlaps add up")
    bar.figure.colorbar(image, cax=bar, orientation="horizontal")
    bar.set_xlabel("gradient of ½ Σ y² in each pixel", color=_PALE)
    bar.tick_params(labelsize=9, colors=_PALE)
