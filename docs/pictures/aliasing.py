"""What a stride does to a wave that gets finer."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from drawing import COLOURS

import cpool


def stripes() -> None:
    t = np.arange(256.0)
    x = np.sin(np.pi * t**2 * 0.25 / 256)  # its frequency grows up to 1/4 of all elements
    rows = [
        ("x, 256 elements", t, x, COLOURS[7]),
        ("every 4th", t[::4], x[::4], COLOURS[6]),
        ("maximum of 4", t[::4] + 1.5, cpool.max_pool1d(x, 4), COLOURS[1]),
        ("mean of 4", t[::4] + 1.5, cpool.avg_pool1d(x, 4), COLOURS[2]),
        ("blur of 7, every 4th", t[::4], cpool.blur_pool1d(x, 7, 4), COLOURS[5]),
    ]
    figure, each = plt.subplots(len(rows), 1, figsize=(6, 5), sharex=True, sharey=True)
    for axes, (name, places, values, colour) in zip(each, rows, strict=True):
        axes.plot(places, values, color=colour, linewidth=1.2)
        axes.axvline(128, color=COLOURS[7], linewidth=0.8, linestyle=":")
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.set_yticks([-1, 0, 1])
        axes.spines[["top", "right"]].set_visible(False)
    each[-1].set_xlabel("place; at the dotted line a wave has 8 elements")
    figure.subplots_adjust(hspace=0.25)
