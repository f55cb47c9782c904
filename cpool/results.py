"""Results that several kernel calls, or NumPy, made: their type, and where they are put."""

from __future__ import annotations

from typing import Any

import numpy as np

from cpool import arrays
from cpool.reductions.base import gradient_dtype
from cpool.windows import sliding

MAX = 0
_ONE_EACH = sliding(1)


def wide_dtype(x: np.ndarray, dtype: Any) -> np.dtype:
    """What to compute in for a floating result: float32, or float64 where x or `dtype` is."""
    wide = np.dtype(np.float64) if gradient_dtype(x).itemsize == 8 else np.dtype(np.float32)
    asked = None if dtype is None else arrays.as_dtype(dtype)
    return np.dtype(np.float64) if asked == np.float64 else wide


def stored(y: np.ndarray, dtype: Any, out: np.ndarray | None, *inputs: Any) -> np.ndarray:
    """y in another type, rounded and saturated where that is one of integers, or in `out`.

    It goes the way of all results: as the maxima of windows of one element.
    """
    if out is None and y.dtype == dtype:
        return y
    if isinstance(out, np.ndarray):
        for array in inputs:
            if isinstance(array, np.ndarray) and arrays.overlap(out, array):
                raise ValueError(
                    "out must not overlap the input, got an array that shares its memory"
                )
    return arrays.fold(MAX, y, _ONE_EACH, arrays.Options(axes=0, dtype=dtype, out=out))
