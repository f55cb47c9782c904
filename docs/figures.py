"""The look of the figures, and the pictures that several scripts show."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe & Ito (2008): eight colours that are told apart with any kind of colour vision.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"]

STYLE = {
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.titlesize": 12,
    "font.size": 9,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 1.5,
}


def use_style(gallery_conf: dict[str, Any] | None = None, script: str | None = None) -> None:
    """Set the style; sphinx-gallery calls this before each script."""
    plt.rcParams.update(STYLE)


def show(ax: Axes, picture: np.ndarray, title: str = "", **options: Any) -> None:
    """A picture without axes, under its title."""
    ax.imshow(picture, **options)
    ax.set_title(title)
    ax.set_axis_off()


def pictures(
    items: dict[str, np.ndarray], columns: int, size: float = 2.2, **options: Any
) -> Figure:
    """Pictures in a grid, each under its title."""
    rows = -(-len(items) // columns)
    height, width = next(iter(items.values())).shape[:2]
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * size, rows * (size * height / width + 0.3)), squeeze=False
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (title, picture) in zip(axes.flat, items.items(), strict=False):
        show(ax, picture, title, **options)
    return figure
