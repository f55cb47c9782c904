"""What is called pooling and is no reduction over a table of windows."""

from __future__ import annotations

from cpool.alternatives import regions
from cpool.alternatives.regions import *  # noqa: F403

__all__: list[str] = []
__all__ += regions.__all__
