"""Results that several kernel calls, or NumPy, made: their type, and where they are put."""

from __future__ import annotations

from typing import Any

import numpy as np

from cpool import arrays
from cpool.reductions.base import gradient_dtype, refuse_overlap

MAX = 0


def wide_dtype(x: np.ndarray, dtype: Any) -> np.dtype:
    """What to compute in for a floating result: float32, or float64 where x or `dtype` is."""
    wide = np.dtype(np.float64) if gradient_dtype(x).itemsize == 8 else np.dtype(np.float32)
    asked = None if dtype is None else arrays.as_dtype(dtype)
    return np.dtype(np.float64) if asked == np.float64 else wide


def stored(y: np.ndarray, dtype: Any, out: np.ndarray | None, *inputs: Any) -> np.ndarray:
    """y in another type, rounded and saturated where that is one of integers, or in `out`."""
    if out is None and y.dtype == dtype:
        return y
    refuse_overlap(out, *(each for each in inputs if isinstance(each, np.ndarray)))
    return arrays.converted(y, dtype, out)
