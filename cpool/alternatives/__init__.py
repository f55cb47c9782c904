"""Pooling beside the sliding, adaptive and global reductions: one module for each kind."""

from __future__ import annotations

from cpool.alternatives import fractional, mixtures, s3
from cpool.alternatives.fractional import *  # noqa: F403
from cpool.alternatives.mixtures import *  # noqa: F403
from cpool.alternatives.s3 import *  # noqa: F403

__all__: list[str] = []
__all__ += fractional.__all__
__all__ += mixtures.__all__
__all__ += s3.__all__
