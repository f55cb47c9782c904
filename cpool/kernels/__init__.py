"""The compiled kernels: each unit for each instruction set, of which one is chosen here.

The processor is asked before a module is imported, because even its initialisation uses the
instructions that it was compiled for. The environment variable CPOOL_ISA forces one.

A unit (``extrema.pyx``, ``sums.pyx``, ``products.pyx``, ``positions.pyx``, ``means.pyx``,
``order.pyx``, ``unpooling.pyx``, ``weighted.pyx``) says for which types and operations it compiles
the texts that it includes; ``regions.pyx``, which pools boxes, is a text of its own and includes
the first. From the bottom up these are:

========== =========================================================================
types      the types, and the operations' tags
common     the next nine, which every unit includes
ops        what is done to two elements
halves     16-bit floats
windows    which elements a window reads
moves      rows filled, copied, taken apart and put together
boxes      tiles: which part of the result, and what it reads
elementary exp, log and pow, which ``elementary.h`` computes
lifts      elements made into what is added up, and sums into means
load       a row of any array -> a contiguous row of the type that is folded
store      a row of folded values -> a row of the result
rows       rows folded into rows: the loops that touch every element
reduce     rows to one value each
narrow     rows folded into rows, of elements that are read in their own type
pixels     sums and extrema of few taps in rows of channels, in one pass
halvings   windows of 2 x 2 and 3 x 3, two apart: from rows straight to one
neighbours windows of 3 x 3, one apart: straight, too
threes     these in larger planes
flat       small planes, several at a time
spread     small planes of transposed irregular windows
spans      the same for irregular windows of short rows, in vectors
tiles      sums and extrema, forward and transposed
select     extrema with positions
twos       the same for float32 windows of 2 x 2 and 3 x 3, two apart, in vectors
picks      the same for few taps in rows of channels
scatter    their transpose
unpool     values to positions, and back
words      the same for 32-bit values, in vectors
weighted   weighted sums: along one axis after the other, or of all taps at once
lanes      windows side by side, where a window is no fold of two elements at a time
means      norms, power means and exponentially weighted means of lanes
sampling   an element of each lane, drawn
keys       elements as integers in the same order; one of a rank of a long window
order      order statistics: windows side by side are sorted
squares    medians of 3 x 3 and 5 x 5
nines      the former of long rows: straight, in vectors
sweeps     ranks of bytes in large windows
modes      modes of 2 x 2 and 2 x 2 x 2
========== =========================================================================

A kernel takes items lo to hi (tiles of planes) and scratch memory; it knows no threads, no Python
and no allocation. ``plan.pxd`` has the structs that it is given.
"""

from __future__ import annotations

import importlib
import importlib.util
import os

from cpool.kernels import cpu

#: Which level of processor runs them (``cpu.level``).
INSTRUCTION_SETS = {"baseline": 0, "avx2": 1, "avx512": 2, "avx512_wide": 2}
#: Whose modules they have. "avx512" has AVX-512 for exponentials and their like alone
#: (``elementary.h``), "avx512_wide" vectors of 512 bits everywhere.
FOLDERS = {
    "baseline": "baseline",
    "avx2": "avx2",
    "avx512": "avx2",
    "avx512_wide": "avx512_wide",
}
UNITS = (
    "extrema", "sums", "products", "positions", "means", "order", "unpooling", "regions", "weighted"
)  # fmt: skip


def built() -> list[str]:
    """The instruction sets that this installation has modules for and this processor can run."""
    return [
        name for name, level in INSTRUCTION_SETS.items()
        if level <= cpu.level() and importlib.util.find_spec(f"cpool.kernels.{FOLDERS[name]}")
    ]  # fmt: skip


def _chosen() -> str:
    available = built()
    forced = os.environ.get("CPOOL_ISA", "")
    if not forced:
        gains = cpu.gains_by_wide_vectors()
        return [name for name in available if gains or name != "avx512_wide"][-1]
    if forced not in available:
        raise ImportError(f"CPOOL_ISA must be one of {', '.join(available)} here, got {forced!r}")
    return forced


def load(name: str) -> list[object]:
    """What fills the table of kernels of one instruction set: a function of each unit."""
    folder = f"cpool.kernels.{FOLDERS[name]}"
    return [importlib.import_module(f"{folder}.{unit}").provider for unit in UNITS]


NAME = _chosen()
