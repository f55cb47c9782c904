"""Operators as curves: what lies between mean and maximum, and what folding saves."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from drawing import COLOURS

import cpool

WINDOW = np.array([1.0, 2.0, 4.0, 7.0])


def between_mean_and_max() -> None:
    """One window of four elements; the parameter goes along the axis."""
    figure, (left, right) = plt.subplots(2, 1, figsize=(5.6, 6), sharey=True)
    powers = np.linspace(-30, 30, 241)
    y = [cpool.power_mean_pool1d(WINDOW, 4, p=p)[0] for p in powers]
    left.plot(powers, y, color=COLOURS[5], label="power mean, p")
    lengths = np.linspace(0.5, 30, 120)
    norms = [cpool.lp_pool1d(WINDOW, p, 4)[0] for p in lengths]
    shown = np.array(norms) < 9
    left.plot(lengths[shown], np.array(norms)[shown], color=COLOURS[6], linestyle="--",
              label="Lp norm, p")  # fmt: skip
    rates = np.linspace(-6, 6, 241)
    right.plot(rates, [cpool.log_sum_exp_pool1d(WINDOW, 4, r=r)[0] for r in rates],
               color=COLOURS[2], label="log-sum-exp, r")  # fmt: skip
    right.plot(rates, [cpool.soft_pool1d(WINDOW, 4, beta=b)[0] for b in rates], color=COLOURS[3],
               label="SoftPool, β")  # fmt: skip
    for axes in (left, right):
        for value, name in [(1, "minimum"), (3.5, "mean"), (3, "median"), (7, "maximum")]:
            axes.axhline(value, color=COLOURS[7], linewidth=0.8, linestyle=":")
            axes.text(1.02, value, name, va="bottom" if name == "mean" else "center",
                      transform=axes.get_yaxis_transform())  # fmt: skip
        axes.set_ylabel("y for (1, 2, 4, 7)")
        axes.legend(loc="lower right", frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_xlabel("p")
    right.set_xlabel("r, β")
    figure.tight_layout()


def steps_for_each_output() -> None:
    """Operations for each output against the length of a square window's side."""
    sides = [2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65]
    shape = (1024, 1024)
    _, axes = plt.subplots(figsize=(5.8, 3.4))
    for name, function, colour in [
        ("maximum", cpool.max_pool2d, COLOURS[5]),
        ("mean", cpool.avg_pool2d, COLOURS[1]),
    ]:
        costs = [cpool.cost(function, shape, k, stride=1, padding="same") for k in sides]
        kernels = [c.kernels.total / 1024**2 for c in costs]
        formula = [c.formula.total / 1024**2 for c in costs]
        axes.loglog(sides, formula, ":", color=colour, label=f"{name}, by the definition")
        axes.loglog(sides, kernels, "o-", color=colour, label=f"{name}, folded", markersize=4)
    axes.set_xlabel("k, for windows of k × k elements at each pixel")
    axes.set_ylabel("operations for each output")
    axes.set_xticks([2, 3, 5, 9, 17, 33, 65], ["2", "3", "5", "9", "17", "33", "65"])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
