"""Times as ratios: functions are run in turn, so that a slow moment of the machine hits them all.

Times belong to the machine that built the pages, so that no page states one. Ratios belong to it
too, but less so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import cpool


def seconds(functions: Mapping[str, Callable[[], Any]], rounds: int = 10,
            least: float = 2e-3) -> dict[str, np.ndarray]:  # fmt: skip
    """The time of a call of each, in each round; a round repeats a call for `least` seconds."""
    found: dict[str, list[float]] = {name: [] for name in functions}
    with cpool.num_threads(1):
        calls = {name: _calls(function, least) for name, function in functions.items()}
        for _ in range(rounds):
            for name, function in functions.items():
                found[name].append(min(_once(function, calls[name]) for _ in range(3)))
    return {name: np.array(times) for name, times in found.items()}


def _once(function: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def _calls(function: Callable[[], Any], least: float) -> int:
    _once(function, 1)
    return max(1, int(least / max(_once(function, 1), 1e-9)))


def ratios(times: Mapping[str, np.ndarray], to: str) -> dict[str, np.ndarray]:
    """Of each round, to the time of one of them in the same round."""
    return {name: each / times[to] for name, each in times.items()}


def middle(values: np.ndarray) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile: one slow round does not move them."""
    low, centre, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float(low), float(centre), float(high)


def spread(values: np.ndarray, digits: int = 2) -> str:
    """The median, and the quartiles."""
    low, centre, high = (f"{value:.{digits}f}" for value in middle(values))
    return f"{centre} ({low} to {high})"
