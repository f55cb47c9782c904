"""What the alternatives to pooling have in common: types, axes, and sums of gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cpool import arrays
from cpool.pooling import pool
from cpool.reductions.base import Pullback, Work, existing, gradient_dtype
from cpool.windows import Windows, sliding, whole

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Sliding

T = TypeVar("T")

# Types --------------------------------------------------------------------------------------------


def work_dtype(x: np.ndarray) -> np.dtype[Any]:
    """What is computed in: float32 for floats of at most 32 bits, float64 for all else."""
    dtype = gradient_dtype(x)
    return np.dtype(np.float32) if dtype.itemsize < 8 else dtype


def widened(x: np.ndarray) -> np.ndarray:
    """16-bit floats as float32, so that gradients of several steps are rounded once."""
    return x.astype(np.float32) if gradient_dtype(x).itemsize < 4 else x


def rounded(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """In another type; what is too large becomes infinite without a word, as in the kernels."""
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def result_dtype(x: np.ndarray, dtype: Any) -> np.dtype[Any]:
    """What is asked for, else what floating results have."""
    return gradient_dtype(x) if dtype is None else arrays.as_dtype(dtype)


# Elements that do not exist -----------------------------------------------------------------------


def checked_policy(nan_policy: Any, no_omission: str = "") -> None:
    """Raise for what no operator knows, and for "omit" where there is a reason against it."""
    if nan_policy != "propagate":
        pool([1.0], "max", whole(), nan_policy=nan_policy)
    if nan_policy == "omit" and no_omission:
        raise ValueError(f'nan_policy must be "propagate" or "raise", got "omit": {no_omission}')


def refuse_nan(x: np.ndarray, mask: np.ndarray | None = None) -> None:
    """What `nan_policy="raise"` says of an x all of which is read, or that part of it which
    exists."""
    if gradient_dtype(x) != x.dtype.newbyteorder("="):
        return
    nans = np.isnan(x) if mask is None else np.isnan(x) & mask
    if nans.any():
        raise ValueError('x has a NaN in a window, and nan_policy is "raise"')


def present(x: np.ndarray, options: Options) -> np.ndarray | None:
    """Which elements of an x all of which is read exist, None for all; checks `nan_policy`."""
    checked_policy(options.nan_policy)
    mask = existing(x, arrays.as_mask(options.where, x), options.nan_policy)
    if options.nan_policy == "raise":
        refuse_nan(x, mask)
    return None if mask is None or mask.all() else mask


def refuse_missing(dtype: np.dtype[Any]) -> None:
    """What the kernels say of a window without an element, which is NaN."""
    if dtype.kind in "biu":
        raise ValueError(
            f"where leaves a window without an element: dtype must be floating, got {dtype}"
        )


# Pullbacks ----------------------------------------------------------------------------------------


def no_pullback(gy: Any) -> np.ndarray:
    """In place of a pullback that is not asked for."""
    raise NotImplementedError


def differentiable(
    function: Callable[..., Any], run: Callable[..., tuple[np.ndarray, Pullback]]
) -> None:
    """Give a function its pullback: run takes all of its arguments by name."""
    function._vjp = _by_name(function, run)  # type: ignore[attr-defined]


def counted(function: Callable[..., Any], work: Callable[..., Work]) -> None:
    """Tell `cpool.cost` what a function takes: work takes all of its arguments by name, and of x
    only the shape and the type mean something."""
    function._cost = _by_name(function, work)  # type: ignore[attr-defined]


def reads(function: Callable[..., Any], windows: Callable[..., list[Windows]] | str) -> None:
    """Tell `cpool.receptive_field` which windows lead from x to an output, one after the other: a
    function of those that a layer's arguments make, and of these; or, in words, why there are none.
    """
    function._reads = windows  # type: ignore[attr-defined]


def _by_name(function: Callable[..., Any], run: Callable[..., T]) -> Callable[..., T]:
    """What takes arguments as the function does, and gives them to run by name."""
    signature = inspect.signature(function)
    name = function.__name__

    def named(*args: Any, **kwargs: Any) -> T:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        bound.apply_defaults()
        return run(**bound.arguments)

    named.__name__ = named.__qualname__ = name
    named.__signature__ = signature  # type: ignore[attr-defined]
    return named


# Axes ---------------------------------------------------------------------------------------------


def channel_axis(x: np.ndarray, channels_last: Any) -> int:
    """The axis before two pooled ones, or the last; its number is negative."""
    last = arrays.flag(channels_last, "channels_last")
    if x.ndim < 3:
        raise ValueError(f"x must have at least 3 axes, one of them for channels, got {x.ndim}")
    return -1 if last else -3


def pooled_axes(
    x: np.ndarray, windows: Windows, axes: Any, channels_last: Any, rank: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The pooled axes, ascending, and the entry of the arguments for each; none of them empty."""
    places, order = arrays.pooled_axes(x.ndim, windows, axes, channels_last, rank)
    for axis in places:
        if x.shape[axis] == 0:
            raise ValueError("x must not be empty along a pooled axis, got length 0")
    return places, order


def windows_with(kernel_size: Any, stride: Any, padding_mode: str = "constant") -> Sliding:
    """Windows that were checked, of a stride that has to be given."""
    if stride is None:
        raise TypeError("stride must be an int or one int for each axis, got None")
    return sliding(kernel_size, stride, padding_mode=padding_mode)


def per_axis(value: T | Sequence[T], order: Sequence[int]) -> tuple[T, ...]:
    """An argument's value for each pooled axis, in the order that the array has them in."""
    if isinstance(value, (tuple, list)):
        return tuple(value[entry] for entry in order)
    return (value,) * len(order)  # type: ignore[return-value]
