# Written by tests/stubs.py.
from typing import Any, Literal, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool.windows import _Ints, _Padding, _PaddingMode, _Pads, _Sizes

_NanPolicy: TypeAlias = Literal["propagate", "omit", "raise"]
_Method: TypeAlias = Literal[
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
]

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
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "lp_pool",
    "adaptive_lp_pool1d",
    "adaptive_lp_pool2d",
    "adaptive_lp_pool3d",
    "adaptive_lp_pool",
    "global_lp_pool",
    "rms_pool1d",
    "rms_pool2d",
    "rms_pool3d",
    "rms_pool",
    "adaptive_rms_pool1d",
    "adaptive_rms_pool2d",
    "adaptive_rms_pool3d",
    "adaptive_rms_pool",
    "global_rms_pool",
    "power_mean_pool1d",
    "power_mean_pool2d",
    "power_mean_pool3d",
    "power_mean_pool",
    "adaptive_power_mean_pool1d",
    "adaptive_power_mean_pool2d",
    "adaptive_power_mean_pool3d",
    "adaptive_power_mean_pool",
    "global_power_mean_pool",
    "geometric_mean_pool1d",
    "geometric_mean_pool2d",
    "geometric_mean_pool3d",
    "geometric_mean_pool",
    "adaptive_geometric_mean_pool1d",
    "adaptive_geometric_mean_pool2d",
    "adaptive_geometric_mean_pool3d",
    "adaptive_geometric_mean_pool",
    "global_geometric_mean_pool",
    "harmonic_mean_pool1d",
    "harmonic_mean_pool2d",
    "harmonic_mean_pool3d",
    "harmonic_mean_pool",
    "adaptive_harmonic_mean_pool1d",
    "adaptive_harmonic_mean_pool2d",
    "adaptive_harmonic_mean_pool3d",
    "adaptive_harmonic_mean_pool",
    "global_harmonic_mean_pool",
    "log_sum_exp_pool1d",
    "log_sum_exp_pool2d",
    "log_sum_exp_pool3d",
    "log_sum_exp_pool",
    "adaptive_log_sum_exp_pool1d",
    "adaptive_log_sum_exp_pool2d",
    "adaptive_log_sum_exp_pool3d",
    "adaptive_log_sum_exp_pool",
    "global_log_sum_exp_pool",
    "soft_pool1d",
    "soft_pool2d",
    "soft_pool3d",
    "soft_pool",
    "adaptive_soft_pool1d",
    "adaptive_soft_pool2d",
    "adaptive_soft_pool3d",
    "adaptive_soft_pool",
    "global_soft_pool",
    "median_pool1d",
    "median_pool2d",
    "median_pool3d",
    "median_pool",
    "adaptive_median_pool1d",
    "adaptive_median_pool2d",
    "adaptive_median_pool3d",
    "adaptive_median_pool",
    "global_median_pool",
    "quantile_pool1d",
    "quantile_pool2d",
    "quantile_pool3d",
    "quantile_pool",
    "adaptive_quantile_pool1d",
    "adaptive_quantile_pool2d",
    "adaptive_quantile_pool3d",
    "adaptive_quantile_pool",
    "global_quantile_pool",
    "rank_pool1d",
    "rank_pool2d",
    "rank_pool3d",
    "rank_pool",
    "adaptive_rank_pool1d",
    "adaptive_rank_pool2d",
    "adaptive_rank_pool3d",
    "adaptive_rank_pool",
    "global_rank_pool",
    "trimmed_mean_pool1d",
    "trimmed_mean_pool2d",
    "trimmed_mean_pool3d",
    "trimmed_mean_pool",
    "adaptive_trimmed_mean_pool1d",
    "adaptive_trimmed_mean_pool2d",
    "adaptive_trimmed_mean_pool3d",
    "adaptive_trimmed_mean_pool",
    "global_trimmed_mean_pool",
    "mode_pool1d",
    "mode_pool2d",
    "mode_pool3d",
    "mode_pool",
    "adaptive_mode_pool1d",
    "adaptive_mode_pool2d",
    "adaptive_mode_pool3d",
    "adaptive_mode_pool",
    "global_mode_pool",
    "stochastic_pool1d",
    "stochastic_pool2d",
    "stochastic_pool3d",
    "stochastic_pool",
    "adaptive_stochastic_pool1d",
    "adaptive_stochastic_pool2d",
    "adaptive_stochastic_pool3d",
    "adaptive_stochastic_pool",
    "global_stochastic_pool",
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
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def avg_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def avg_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def avg_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None, *, dilation: _Ints = 1,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def adaptive_avg_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def global_avg_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
) -> NDArray[Any]: ...
def lp_pool1d(
    x: ArrayLike, norm_type: float, kernel_size: _Ints, stride: _Ints | None = None,
    ceil_mode: bool = False, *, padding: _Padding = 0, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def lp_pool2d(
    x: ArrayLike, norm_type: float, kernel_size: _Ints, stride: _Ints | None = None,
    ceil_mode: bool = False, *, padding: _Padding = 0, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def lp_pool3d(
    x: ArrayLike, norm_type: float, kernel_size: _Ints, stride: _Ints | None = None,
    ceil_mode: bool = False, *, padding: _Padding = 0, dilation: _Ints = 1,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def lp_pool(
    x: ArrayLike, norm_type: float, kernel_size: _Ints, stride: _Ints | None = None,
    ceil_mode: bool = False, *, padding: _Padding = 0, dilation: _Ints = 1,
    axes: _Ints | None = None, channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_lp_pool1d(
    x: ArrayLike, norm_type: float, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_lp_pool2d(
    x: ArrayLike, norm_type: float, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_lp_pool3d(
    x: ArrayLike, norm_type: float, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_lp_pool(
    x: ArrayLike, norm_type: float, output_size: _Sizes, *, axes: _Ints | None = None,
    channels_last: bool = False, nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_lp_pool(
    x: ArrayLike, norm_type: float, *, axes: _Ints | None = None, channels_last: bool = False,
    keepdims: bool = True, nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def rms_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def rms_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def rms_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def rms_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_rms_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_rms_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_rms_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_rms_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_rms_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def power_mean_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    p: float = 3.0, eps: float = 1e-06,
) -> NDArray[Any]: ...
def power_mean_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    p: float = 3.0, eps: float = 1e-06,
) -> NDArray[Any]: ...
def power_mean_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    p: float = 3.0, eps: float = 1e-06,
) -> NDArray[Any]: ...
def power_mean_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, p: float = 3.0,
    eps: float = 1e-06,
) -> NDArray[Any]: ...
def adaptive_power_mean_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, p: float = 3.0,
    eps: float = 1e-06,
) -> NDArray[Any]: ...
def adaptive_power_mean_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, p: float = 3.0,
    eps: float = 1e-06,
) -> NDArray[Any]: ...
def adaptive_power_mean_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, p: float = 3.0,
    eps: float = 1e-06,
) -> NDArray[Any]: ...
def adaptive_power_mean_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, p: float = 3.0,
    eps: float = 1e-06,
) -> NDArray[Any]: ...
def global_power_mean_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, p: float = 3.0,
    eps: float = 1e-06,
) -> NDArray[Any]: ...
def geometric_mean_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def geometric_mean_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def geometric_mean_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def geometric_mean_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_geometric_mean_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_geometric_mean_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_geometric_mean_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_geometric_mean_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_geometric_mean_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def harmonic_mean_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def harmonic_mean_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def harmonic_mean_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def harmonic_mean_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_harmonic_mean_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_harmonic_mean_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_harmonic_mean_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_harmonic_mean_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_harmonic_mean_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def log_sum_exp_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    r: float = 1.0,
) -> NDArray[Any]: ...
def log_sum_exp_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    r: float = 1.0,
) -> NDArray[Any]: ...
def log_sum_exp_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    r: float = 1.0,
) -> NDArray[Any]: ...
def log_sum_exp_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, r: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_log_sum_exp_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, r: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_log_sum_exp_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, r: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_log_sum_exp_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, r: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_log_sum_exp_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, r: float = 1.0,
) -> NDArray[Any]: ...
def global_log_sum_exp_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, r: float = 1.0,
) -> NDArray[Any]: ...
def soft_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    beta: float = 1.0,
) -> NDArray[Any]: ...
def soft_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    beta: float = 1.0,
) -> NDArray[Any]: ...
def soft_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    beta: float = 1.0,
) -> NDArray[Any]: ...
def soft_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, beta: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_soft_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, beta: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_soft_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, beta: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_soft_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, beta: float = 1.0,
) -> NDArray[Any]: ...
def adaptive_soft_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, beta: float = 1.0,
) -> NDArray[Any]: ...
def global_soft_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, beta: float = 1.0,
) -> NDArray[Any]: ...
def median_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def median_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def median_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def median_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_median_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_median_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_median_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def adaptive_median_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def global_median_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def quantile_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    q: float, method: _Method = "linear",
) -> NDArray[Any]: ...
def quantile_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    q: float, method: _Method = "linear",
) -> NDArray[Any]: ...
def quantile_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    q: float, method: _Method = "linear",
) -> NDArray[Any]: ...
def quantile_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, q: float,
    method: _Method = "linear",
) -> NDArray[Any]: ...
def adaptive_quantile_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, q: float,
    method: _Method = "linear",
) -> NDArray[Any]: ...
def adaptive_quantile_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, q: float,
    method: _Method = "linear",
) -> NDArray[Any]: ...
def adaptive_quantile_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, q: float,
    method: _Method = "linear",
) -> NDArray[Any]: ...
def adaptive_quantile_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, q: float,
    method: _Method = "linear",
) -> NDArray[Any]: ...
def global_quantile_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, q: float,
    method: _Method = "linear",
) -> NDArray[Any]: ...
def rank_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    rank: SupportsIndex,
) -> NDArray[Any]: ...
def rank_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    rank: SupportsIndex,
) -> NDArray[Any]: ...
def rank_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    rank: SupportsIndex,
) -> NDArray[Any]: ...
def rank_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, rank: SupportsIndex,
) -> NDArray[Any]: ...
def adaptive_rank_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, rank: SupportsIndex,
) -> NDArray[Any]: ...
def adaptive_rank_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, rank: SupportsIndex,
) -> NDArray[Any]: ...
def adaptive_rank_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, rank: SupportsIndex,
) -> NDArray[Any]: ...
def adaptive_rank_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, rank: SupportsIndex,
) -> NDArray[Any]: ...
def global_rank_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, rank: SupportsIndex,
) -> NDArray[Any]: ...
def trimmed_mean_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    cut: float = 0.1,
) -> NDArray[Any]: ...
def trimmed_mean_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    cut: float = 0.1,
) -> NDArray[Any]: ...
def trimmed_mean_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    cut: float = 0.1,
) -> NDArray[Any]: ...
def trimmed_mean_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, cut: float = 0.1,
) -> NDArray[Any]: ...
def adaptive_trimmed_mean_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, cut: float = 0.1,
) -> NDArray[Any]: ...
def adaptive_trimmed_mean_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, cut: float = 0.1,
) -> NDArray[Any]: ...
def adaptive_trimmed_mean_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, cut: float = 0.1,
) -> NDArray[Any]: ...
def adaptive_trimmed_mean_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, cut: float = 0.1,
) -> NDArray[Any]: ...
def global_trimmed_mean_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, cut: float = 0.1,
) -> NDArray[Any]: ...
def mode_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def mode_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def mode_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def mode_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def adaptive_mode_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def adaptive_mode_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def adaptive_mode_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def adaptive_mode_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def global_mode_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    ties: Literal["smallest", "first"] = "smallest", ignore: float | None = None,
) -> NDArray[Any]: ...
def stochastic_pool1d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    training: bool = True, rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def stochastic_pool2d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    training: bool = True, rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def stochastic_pool3d(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, channels_last: bool = False,
    padding_mode: _PaddingMode = "constant", nan_policy: _NanPolicy = "propagate",
    where: ArrayLike | None = None, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None,
    training: bool = True, rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def stochastic_pool(
    x: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None, padding: _Padding = 0,
    dilation: _Ints = 1, ceil_mode: bool = False, *, axes: _Ints | None = None,
    channels_last: bool = False, padding_mode: _PaddingMode = "constant",
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, training: bool = True,
    rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def adaptive_stochastic_pool1d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, training: bool = True,
    rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def adaptive_stochastic_pool2d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, training: bool = True,
    rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def adaptive_stochastic_pool3d(
    x: ArrayLike, output_size: _Sizes, *, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, training: bool = True,
    rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def adaptive_stochastic_pool(
    x: ArrayLike, output_size: _Sizes, *, axes: _Ints | None = None, channels_last: bool = False,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, training: bool = True,
    rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def global_stochastic_pool(
    x: ArrayLike, *, axes: _Ints | None = None, channels_last: bool = False, keepdims: bool = True,
    nan_policy: _NanPolicy = "propagate", where: ArrayLike | None = None,
    dtype: DTypeLike | None = None, out: NDArray[Any] | None = None, training: bool = True,
    rng: int | np.random.Generator | None = None,
) -> NDArray[Any]: ...
def max_unpool1d(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, channels_last: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def max_unpool2d(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, channels_last: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def max_unpool3d(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, channels_last: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def max_unpool(
    x: ArrayLike, indices: ArrayLike, kernel_size: _Ints, stride: _Ints | None = None,
    padding: _Pads = 0, output_size: _Ints | None = None, *, axes: _Ints | None = None,
    channels_last: bool = False, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
