# Written by tests/stubs.py.
from typing import Any, Literal, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool.windows import _Ints, _Padding, _PaddingMode, _Pads, _Sizes

_NanPolicy: TypeAlias = Literal["propagate", "omit", "raise"]

__all__ = [
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_pool",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "adaptive_max_pool",
    "global_max_pool",
    "min_pool1d",
    "min_pool2d",
    "min_pool3d",
    "min_pool",
    "adaptive_min_pool1d",
    "adaptive_min_pool2d",
    "adaptive_min_pool3d",
    "adaptive_min_pool",
    "global_min_pool",
    "sum_pool1d",
    "sum_pool2d",
    "sum_pool3d",
    "sum_pool",
    "adaptive_sum_pool1d",
    "adaptive_sum_pool2d",
    "adaptive_sum_pool3d",
    "adaptive_sum_pool",
    "global_sum_pool",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "avg_pool",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_avg_pool",
    "global_avg_pool",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "max_unpool",
]

@overload
def max_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def max_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def max_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True],
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True],
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True],
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    axes: _Ints | None = None, channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_max_pool(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True], axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *, axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_max_pool(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def global_max_pool(
    x: ArrayLike, *, return_indices: Literal[False] = False, axes: _Ints | None = None,
    channels_last: bool = False, keepdims: bool = True, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def global_max_pool(
    x: ArrayLike, *, return_indices: Literal[True], axes: _Ints | None = None,
    channels_last: bool = False, keepdims: bool = True, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def global_max_pool(
    x: ArrayLike, *, return_indices: bool, axes: _Ints | None = None, channels_last: bool = False,
    keepdims: bool = True, nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def min_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def min_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def min_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def min_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None, padding: _Padding, dilation: _Ints,
    ceil_mode: bool, return_indices: Literal[True], *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def min_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, return_indices: bool,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool1d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_min_pool1d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True],
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool1d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool1d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool2d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_min_pool2d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True],
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool2d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool2d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool3d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_min_pool3d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True],
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool3d(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool3d(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[False] = False, *,
    axes: _Ints | None = None, channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def adaptive_min_pool(
    x: ArrayLike, output_size: _Sizes, *, return_indices: Literal[True], axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool(
    x: ArrayLike, output_size: _Sizes, return_indices: Literal[True], *, axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def adaptive_min_pool(
    x: ArrayLike, output_size: _Sizes, *, return_indices: bool, axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def global_min_pool(
    x: ArrayLike, *, return_indices: Literal[False] = False, axes: _Ints | None = None,
    channels_last: bool = False, keepdims: bool = True, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
@overload
def global_min_pool(
    x: ArrayLike, *, return_indices: Literal[True], axes: _Ints | None = None,
    channels_last: bool = False, keepdims: bool = True, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...
@overload
def global_min_pool(
    x: ArrayLike, *, return_indices: bool, axes: _Ints | None = None, channels_last: bool = False,
    keepdims: bool = True, nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...
def sum_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def sum_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def sum_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def sum_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_sum_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_sum_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_sum_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_sum_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_sum_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def avg_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def avg_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def avg_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def avg_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_avg_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def max_unpool1d(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, channels_last: bool = False,
) -> NDArray[Any]: ...
def max_unpool2d(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, channels_last: bool = False,
) -> NDArray[Any]: ...
def max_unpool3d(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, channels_last: bool = False,
) -> NDArray[Any]: ...
def max_unpool(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, axes: _Ints | None = None,
    channels_last: bool = False,
) -> NDArray[Any]: ...
