"""Reductions: what a window becomes. One module for each family.

`REGISTRY` holds one class for each operator. Everything that exists once for each operator (names,
layers, reference tests, gradient checks, benchmark rows, tables of the documentation) loops over
it.
"""

from __future__ import annotations

from cpool.reductions import exponentials, extrema, norms, order, sampling, sums
from cpool.reductions.base import REGISTRY as REGISTRY
from cpool.reductions.exponentials import *  # noqa: F403
from cpool.reductions.extrema import *  # noqa: F403
from cpool.reductions.norms import *  # noqa: F403
from cpool.reductions.order import *  # noqa: F403
from cpool.reductions.sampling import *  # noqa: F403
from cpool.reductions.sums import *  # noqa: F403

# In this order they stand in tables.
for _family in (extrema, sums, norms, exponentials, order, sampling):
    for _name, _kind in list(REGISTRY.items()):
        if _kind.__module__ == _family.__name__:
            REGISTRY[_name] = REGISTRY.pop(_name)

__all__: list[str] = []
__all__ += extrema.__all__
__all__ += sums.__all__
__all__ += norms.__all__
__all__ += exponentials.__all__
__all__ += order.__all__
__all__ += sampling.__all__
