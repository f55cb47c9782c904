"""Reductions: what a window becomes. One module for each family.

`REGISTRY` holds one class for each operator; everything that exists once for each operator (names,
layers, reference tests, gradient checks, benchmark rows, tables in the documentation) loops over it.
"""

from __future__ import annotations

from cpool.reductions.base import Reduction
from cpool.reductions.extrema import Max, Min
from cpool.reductions.sums import Mean, Sum

__all__ = ["Max", "Mean", "Min", "Sum"]

REGISTRY: dict[str, type[Reduction]] = {kind.name: kind for kind in (Max, Min, Sum, Mean)}
