"""The compiled kernels: one module for each instruction set, of which one is chosen here.

The processor is asked before a module is imported, because even its initialisation uses the
instructions that it was compiled for. The environment variable CPOOL_ISA forces one.
"""

from __future__ import annotations

import importlib
import importlib.util
import os

from cpool.kernels import cpu

INSTRUCTION_SETS = ("baseline", "avx2", "avx512")


def built() -> list[str]:
    """The instruction sets that this installation has modules for and this processor can run."""
    names = INSTRUCTION_SETS[: cpu.level() + 1]
    return [name for name in names if importlib.util.find_spec(f"cpool.kernels.{name}")]


def _chosen() -> str:
    available = built()
    forced = os.environ.get("CPOOL_ISA", "")
    if not forced:
        return available[-1]
    if forced not in available:
        raise ImportError(f"CPOOL_ISA must be one of {', '.join(available)} here, got {forced!r}")
    return forced


def load(name: str) -> object:
    """The table of kernels of one instruction set, as a capsule."""
    return importlib.import_module(f"cpool.kernels.{name}").kernels


NAME = _chosen()
