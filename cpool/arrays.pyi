from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool.windows import Windows

def as_input(x: ArrayLike, name: str = "x") -> NDArray[Any]: ...
def refuse_masked(x: object, name: str) -> None: ...
def flag(value: object, name: str) -> bool: ...
def pooled_axes(
    ndim: int,
    windows: Windows,
    axes: SupportsIndex | tuple[SupportsIndex, ...] | list[int] | None,
    channels_last: bool,
    rank: int,
) -> tuple[tuple[int, ...], tuple[int, ...]]: ...
def explicit_axes(
    ndim: int, windows: Windows, axes: SupportsIndex | tuple[SupportsIndex, ...] | list[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]: ...
def as_mask(where: ArrayLike | None, x: NDArray[Any]) -> NDArray[np.bool_] | None: ...
def overlap(a: NDArray[Any], b: NDArray[Any]) -> bool: ...
def checked_out(
    out: NDArray[Any],
    shape: tuple[int, ...],
    dtype: DTypeLike,
    inputs: tuple[NDArray[Any], ...],
    what: str = "result",
) -> NDArray[Any]: ...

class Options:
    axes: Any
    channels_last: Any
    rank: int
    nan_policy: Any
    where: Any
    dtype: Any
    out: Any
    def __init__(
        self,
        axes: SupportsIndex | tuple[SupportsIndex, ...] | list[int] | None = None,
        channels_last: bool = False,
        rank: int = 0,
        nan_policy: str = "propagate",
        where: ArrayLike | None = None,
        dtype: DTypeLike | None = None,
        out: NDArray[Any] | None = None,
    ) -> None: ...
    def replace(self, **changes: Any) -> Options: ...

# y; with return_indices (y, positions); with offsets (y, positions or None, offsets).
def fold(
    operation: int,
    x: ArrayLike,
    windows: Windows,
    options: Options,
    return_indices: bool = False,
    offsets: bool = False,
    mean: bool = False,
    count_include_pad: bool = True,
    divisor: SupportsIndex | None = None,
) -> Any: ...
def converted(
    values: NDArray[Any], dtype: DTypeLike, out: NDArray[Any] | None = None
) -> NDArray[Any]: ...
def as_dtype(dtype: DTypeLike | None) -> np.dtype[Any]: ...
def checked_gradient(gy: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]: ...
def gradient_input(
    gy: ArrayLike, shape: tuple[int, ...], t_code_double: bool
) -> NDArray[Any]: ...
def spread(
    gy: ArrayLike,
    windows: Windows,
    axes: tuple[int, ...],
    order: tuple[int, ...],
    shape: tuple[int, ...],
    dtype: DTypeLike,
    mean: bool = False,
    count_include_pad: bool = True,
    divisor: SupportsIndex | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def scatter(
    gy: ArrayLike,
    offsets: NDArray[Any],
    windows: Windows,
    axes: tuple[int, ...],
    order: tuple[int, ...],
    shape: tuple[int, ...],
    dtype: DTypeLike,
    masked: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def unpool(
    x: NDArray[Any],
    indices: NDArray[np.int64],
    axes: tuple[tuple[int, int, int, int], ...],
    padded: bool,
    transposed: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def table_of_axes(
    windows: Windows, axes: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[int, ...]: ...
def with_axes(
    out: NDArray[Any] | None, axes: SupportsIndex | tuple[SupportsIndex, ...] | list[int]
) -> NDArray[Any] | None: ...
