"""Pooling of NumPy arrays, forward and backward, in 1 to 3 dimensions.

A pooling is windows x a reduction: `pool` takes any of both, and the names people know
(`max_pool2d`, `adaptive_avg_pool1d`, `global_max_pool`, ...) are definitions over it.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from importlib.metadata import PackageNotFoundError, version

try:
    # Not `from cpool import`: where it is missing, that says something of circular imports.
    _import_module("cpool.arrays")
except ModuleNotFoundError as _error:
    if _error.name is None or not _error.name.startswith("cpool"):
        raise
    raise ImportError(
        f"cpool's compiled modules are missing from {__path__[0]}: this is a source tree that was "
        "not built. Run `pip install .` in it, and import cpool from another folder."
    ) from _error

from cpool import alternatives, analysis, functional, reductions
from cpool.alternatives import *  # noqa: F403
from cpool.analysis import *  # noqa: F403
from cpool.config import show_config
from cpool.functional import *  # noqa: F403
from cpool.levels import pyramid
from cpool.pooling import pool, vjp
from cpool.reductions import *  # noqa: F403
from cpool.threads import get_num_threads, num_threads, set_num_threads
from cpool.windows import Windows, adaptive, fractional, sliding, whole

try:
    __version__ = version("cpool")
except PackageNotFoundError:
    __version__ = "0+unknown"

__all__ = [
    "Windows",
    "__version__",
    "adaptive",
    "fractional",
    "get_num_threads",
    "num_threads",
    "pool",
    "pyramid",
    "set_num_threads",
    "show_config",
    "sliding",
    "vjp",
    "whole",
]
__all__ += reductions.__all__
__all__ += functional.__all__
__all__ += alternatives.__all__
__all__ += analysis.__all__


def __getattr__(name: str) -> object:
    """`cpool.nn` and `cpool.reference`, which needs SciPy, are imported when they are used."""
    if name in ("nn", "reference"):
        return _import_module(f"cpool.{name}")
    raise AttributeError(f"module 'cpool' has no attribute {name!r}")
