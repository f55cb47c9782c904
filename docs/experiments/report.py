"""How results are told: means with errors, comparisons on equal seeds, tables, plots with bars.

Error bars are standard errors of the mean over the seeds everywhere. Two variants are compared seed
by seed; a difference is called clear if a paired t-test gives less than 5 % for it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from scipy import stats

#: Colours that are told apart with any kind of colour vision (Okabe and Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def mean(values: Any) -> float:
    return float(np.mean(values))


def error(values: Any) -> float:
    """The standard error of the mean."""
    values = np.asarray(values, float)
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def told(values: Any, digits: int = 2) -> str:
    """Mean and standard error."""
    return f"{mean(values):.{digits}f} ± {error(values):.{digits}f}"


def is_clear(a: Any, b: Any) -> bool:
    """Whether a paired t-test leaves less than 5 % for the difference to be chance."""
    differences = np.asarray(a, float) - np.asarray(b, float)
    if np.ptp(differences) == 0:
        return bool(differences[0])
    return bool(stats.ttest_1samp(differences, 0).pvalue < 0.05)


def against(a: Any, b: Any) -> tuple[str, str]:
    """Two cells: the difference seed by seed, and whether it is clear."""
    return f"{mean(np.subtract(a, b)):+.2f} ± {error(np.subtract(a, b)):.2f}", (
        "yes" if is_clear(a, b) else "no"
    )


def compared(a: Any, b: Any) -> str:
    """In a line: the difference seed by seed, how often it is positive, whether it is clear."""
    differences = np.subtract(a, b)
    return (
        f"{mean(differences):+.2f} ± {error(differences):.2f} points, positive in "
        f"{np.sum(differences > 0)} of {len(differences)} seeds, "
        f"{'clear' if is_clear(a, b) else 'not clear'}"
    )


class Table:
    """Rows under a head; prints as text, and is a table on a page."""

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.head, self.rows = list(head), [[str(cell) for cell in row] for row in rows]

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (self.head, *self.rows)
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(cells: list[str], tag: str) -> str:
            aligned = ["left", *["right"] * (len(cells) - 1)]
            scope = ' scope="col"' if tag == "th" else ""
            return "".join(
                f'<{tag}{scope} style="text-align: {side}; white-space: nowrap">{text}</{tag}>'
                for text, side in zip(map(html.escape, cells), aligned, strict=True)
            )

        body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in self.rows)
        return (
            '<div class="pst-scrollable-table-container"><table class="table">'
            f"<thead><tr>{line(self.head, 'th')}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def dots(ax: Axes, results: Mapping[str, Any], label: str, colour: str = COLOURS[0]) -> None:
    """One dot with a bar for each name, the first on top, and every seed as a small grey one."""
    places = np.arange(len(results))[::-1]
    for place, values in zip(places, results.values(), strict=True):
        ax.plot(values, np.full(len(values), place), ".", color="0.7", markersize=4)
    means, errors = (list(map(f, results.values())) for f in (mean, error))
    ax.errorbar(means, places, xerr=errors, fmt="o", color=colour, capsize=3, markersize=5)
    ax.set_yticks(places, list(results))
    ax.set_xlabel(label)
    ax.grid(axis="x", alpha=0.3)


def lines(ax: Axes, x: Any, results: Mapping[str, Sequence[Any]], **options: Any) -> None:
    """A line with bars for each name: at each x the values of all seeds."""
    for i, (name, values) in enumerate(results.items()):
        means, errors = ([f(each) for each in values] for f in (mean, error))
        style = {"color": COLOURS[i % 7], "marker": MARKERS[i % 7]} | options
        ax.errorbar(x, means, yerr=errors, label=name, capsize=3, markersize=5, **style)
    ax.grid(alpha=0.3)


def figure(alt: str, columns: int = 1, width: float = 7.0, height: float = 3.4) -> tuple[Any, Any]:
    """A figure of some panels side by side, and what it shows, for those who do not see it."""
    fig, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained")
    fig.set_label(alt)
    return fig, axes
