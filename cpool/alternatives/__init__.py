"""Alternatives to pooling by one window and one reduction."""

from __future__ import annotations

from cpool.alternatives import convolution
from cpool.alternatives.convolution import *  # noqa: F403

__all__: list[str] = []
__all__ += convolution.__all__
