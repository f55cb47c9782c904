"""Means with weights that are functions: of a second array, or of the elements themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cpool.reference import pooling

Array = pooling.Array


def lip_pool(x: ArrayLike, logits: ArrayLike, kernel_size: pooling.Ints,
             stride: pooling.Ints | None = None, padding: pooling.Padding = 0,
             dilation: pooling.Ints = 1, ceil_mode: bool = False, **options: Any) -> Array:
    """`avg_pool` with weights exp(logits), of which none may be NaN; parameters as `max_pool`."""
    logits = np.asarray(logits, float)
    weights = np.exp(logits - logits.max(initial=np.finfo(float).min))
    return pooling.avg_pool(x, kernel_size, stride, padding, ceil_mode, dilation=dilation,
                            weights=weights, **options)


lip_pool1d, lip_pool2d, lip_pool3d = pooling._ranked(lip_pool)

__all__ = [name for name in globals() if "pool" in name and name != "pooling"]
