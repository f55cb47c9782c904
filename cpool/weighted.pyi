"""What the compiled door to weighted sums has for modules of Python."""

from typing import Any

import numpy as np

from cpool.windows import Windows

def sums(
    x: np.ndarray,
    windows: Windows,
    axes: tuple[int, ...],
    order: tuple[int, ...],
    weights: tuple[np.ndarray, ...],
    dtype: Any,
    work: Any,
    out: np.ndarray | None = None,
) -> np.ndarray: ...
def sums_transposed(
    gy: Any,
    windows: Windows,
    axes: tuple[int, ...],
    order: tuple[int, ...],
    weights: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
    dtype: Any,
    out: np.ndarray | None = None,
) -> np.ndarray: ...
def dense_sums(
    x: np.ndarray,
    y: np.ndarray,
    geometry: list[tuple[int, ...]],
    weights: np.ndarray,
    transposed: bool = False,
) -> None: ...
def dense_slopes(
    x: np.ndarray, gy: np.ndarray, geometry: list[tuple[int, ...]]
) -> np.ndarray | None: ...
