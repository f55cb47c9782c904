"""A pooling is windows x a reduction: `pool` says it, every named function is one line over it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, levels, planes
from cpool.draws import philox
from cpool.levels import Pyramid
from cpool.reductions import REGISTRY
from cpool.reductions.base import Gradients, Pullback, Reduction, gradients_by, with_memory
from cpool.windows import Windows, whole

_BY_NAME = {name: kind() for name, kind in REGISTRY.items() if not kind.required}
WHOLE = whole()


def as_reduction(reduction: Any) -> Reduction:
    """A reduction, or the one that a name stands for."""
    if isinstance(reduction, Reduction):
        return reduction
    if isinstance(reduction, str):
        if reduction in _BY_NAME:
            return _BY_NAME[reduction]
        if reduction in REGISTRY:
            raise ValueError(
                f"reduction must be an object where it has arguments: "
                f"{REGISTRY[reduction].__name__}(...), got {reduction!r}"
            )
        raise ValueError(f"reduction must be one of {', '.join(_BY_NAME)}, got {reduction!r}")
    if isinstance(reduction, type) and issubclass(reduction, Reduction):
        raise TypeError(f"reduction must be an object: {reduction.__name__}(), not the class")
    if callable(reduction):
        raise TypeError(
            "reduction must be a name or a cpool reduction; for a function of your own there is "
            "cpool.reference.generic_pool"
        )
    raise TypeError(f"reduction must be a name or a cpool reduction, got {reduction!r}")


def _pool(
    method: str, x: Any, reduction: Any, windows: Any, given: dict[str, Any],
    options: arrays.Options,
) -> Any:  # fmt: skip
    """What `pool` and its pullback have in common."""
    reduction = as_reduction(reduction)
    if not isinstance(windows, Windows):
        raise TypeError(
            f"windows must be made by sliding, adaptive, fractional, whole or pyramid, got "
            f"{windows!r}"
        )
    check_given(reduction, windows, given)
    if planes.is_drawn(windows):
        return _pool_drawn(method, x, reduction, windows, given, options)
    own = (given[reduction.given],) if reduction.given else ()
    if isinstance(windows, Pyramid):
        own = (philox(given["rng"]),) if reduction.given == "rng" else own
        return getattr(levels, method)(x, reduction, windows, options, *own)
    return getattr(reduction, method)(x, windows, options, *own)


#: What only some reductions are given with each call, and what is said to all others.
_NOT_GIVEN = {
    "rng": "rng must be None for {}, in which nothing is random, got {!r}",
    "weights": "weights must be None for {}, which is no mean, got {!r}",
}


def check_given(reduction: Reduction, windows: Windows, given: dict[str, Any]) -> None:
    """Raise for what neither the reduction nor the windows take."""
    if planes.is_drawn(windows):
        if given["weights"] is not None:
            raise ValueError(
                f"weights must be None for windows that are drawn, got {given['weights']!r}"
            )
        return
    for name, value in given.items():
        if value is not None and name != reduction.given:
            raise ValueError(_NOT_GIVEN[name].format(reduction.name, value))


def _pool_drawn(
    method: str, x: Any, reduction: Reduction, windows: Any, given: dict[str, Any],
    options: arrays.Options,
) -> Any:  # fmt: skip
    """Over windows that the call draws: one generator for these and what the reduction draws."""
    rng, own = given["rng"], ()
    if reduction.given == "rng":
        rng = philox(rng)
        own = (rng,)
    return getattr(planes, method)(x, reduction, windows, options, *own, rng=rng)


def pool(
    x: ArrayLike,
    reduction: str | Reduction,
    windows: Windows,
    *,
    axes: int | tuple[int, ...] | None = None,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
    weights: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Pool any array with any reduction over any windows.

    Parameters
    ----------
    x : array_like
        Input of any real type, any strides and byte order; it is not modified.
    reduction : str or Reduction
        What a window becomes: ``"max"``, ``"min"``, ``"sum"``, ``"mean"``, or an object such as
        ``cpool.Mean(count_include_pad=False)``.
    windows : Windows
        Where the windows are: made by `sliding`, `adaptive`, `fractional`, `whole` or `pyramid`.
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the windows' arguments; negative ones count from
        the end. None: the last ones, as many as those arguments have entries; where they are ints,
        all axes of x if it has at most 3.
    channels_last : bool
        Pool the axes before the last one instead. Not together with `axes`.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. The others are in no value, count, position or
        gradient. A window without any gives 0 for a sum, NaN where the result is floating, and a
        ValueError where it is not.
    rng : None, int or numpy.random.Generator
        For windows that are drawn (`fractional` without samples) and random reductions only; an
        error for all others. An int gives the same result at each call, a Generator is advanced
        once.
    weights : array_like, optional
        For the mean only, which becomes a weighted one; broadcasts to x. See `avg_pool2d`.
    dtype : dtype, optional
        Type of the result, and of the sums on the way where it is wider. Real numbers become
        integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        The pooled array: x's shape with the pooled axes as long as there are windows (`pyramid`
        says what a pyramid gives). Its dtype is x's, but float64 for means of integers and int64 or
        uint64 for sums of them.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for masked, complex, object and other arrays that cannot
        be pooled.
    ValueError
        If an argument is out of range, or a window lies wholly in padding.

    See Also
    --------
    vjp : The same with gradients.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.arange(16.0).reshape(4, 4)
    >>> cpool.pool(x, "max", cpool.sliding((2, 2)))
    array([[ 5.,  7.],
           [13., 15.]])
    >>> cpool.pool(x, "mean", cpool.adaptive((1, 3)))
    array([[6.5, 7.5, 8.5]])
    """
    options = arrays.Options(axes, channels_last, 0, nan_policy, where, dtype, out)
    return _pool("forward", x, reduction, windows, {"rng": rng, "weights": weights}, options)


_SIGNATURE = inspect.signature(pool)


def _pool_vjp(*args: Any, **kwargs: Any) -> Any:
    try:
        options = _SIGNATURE.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise TypeError(f"pool() {error}") from None
    what = [options.pop(name) for name in ("x", "reduction", "windows")]
    given = {name: options.pop(name, None) for name in _NOT_GIVEN}
    return _pool("vjp", *what, given, arrays.Options(**options))


pool._vjp = _pool_vjp  # type: ignore[attr-defined]


def vjp(
    function: Callable[..., Any],
    x: Any,
    *args: Any,
    wrt: str | tuple[str, ...] = "x",
    **kwargs: Any,
) -> tuple[Any, Callable[..., Any]]:
    """Pool, and get the function that takes gradients back.

    Parameters
    ----------
    function : callable
        `pool` or any pooling function of cpool.
    x : array_like
        Its input.
    *args, **kwargs
        Its other arguments.
    wrt : str or tuple of str
        What to differentiate by. A tuple makes the pullback return a tuple in that order.

    Returns
    -------
    y : ndarray
        What the function returns; with ``return_indices=True`` the tuple (values, indices).
    pullback : callable
        ``pullback(gy, out=None)`` is the gradient in x of the sum of ``gy * y``: an array of x's
        shape, of x's dtype if that is floating, else float64. `gy` has the shape of y (of the
        values, where y is a tuple) and any real dtype. `out` is an ndarray of the gradient's shape
        and dtype to put the gradient in x into; it may not overlap gy. Gradients in other arguments
        are always new arrays. It may be called more than once.

    Raises
    ------
    TypeError
        If the function is not one of cpool's.
    ValueError
        If `wrt` names something that the function cannot be differentiated by.

    Notes
    -----
    The name is that of a vector-Jacobian product: the pullback multiplies gy by the transpose of
    the function's Jacobian matrix without ever forming it (Griewank and Walther, 2008).

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[1.0, 5.0, 2.0, 0.0]])
    >>> y, pullback = cpool.vjp(cpool.max_pool1d, x, kernel_size=2)
    >>> y
    array([[5., 2.]])
    >>> pullback(np.ones_like(y))
    array([[0., 1., 1., 0.]])
    >>> gx = np.empty_like(x)
    >>> pullback(y, out=gx) is gx
    True
    """
    with_pullback = getattr(function, "_vjp", None)
    if with_pullback is None:
        raise TypeError(f"function must be pool or a pooling function of cpool, got {function!r}")
    if not isinstance(wrt, (str, tuple, list)):
        raise TypeError(f"wrt must be the name of an argument or a tuple of names, got {wrt!r}")
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    y, pullback = with_pullback(x, *args, **kwargs)
    by = gradients_by(pullback)
    for name in names:
        if name not in by:
            allowed = " or ".join(map(repr, by))
            raise ValueError(
                f"wrt must be {allowed} for {function.__name__}: it has no other argument to "
                f"differentiate by, got {name!r}"
            )
    by_x = with_memory(by["x"], x)
    if wrt == "x":
        return y, by_x

    def pull(gy: Any, out: np.ndarray | None = None) -> Any:
        if out is not None and "x" not in names:
            raise TypeError(
                f"out must be None for a gradient in {' and '.join(names)}: it is for that in x"
            )
        gradients = tuple(by_x(gy, out) if name == "x" else by[name](gy) for name in names)
        return gradients[0] if isinstance(wrt, str) else gradients

    return y, pull


def pool_whole(
    run: Callable[..., Any], x: Any, options: arrays.Options, keepdims: bool, *own: Any
) -> Any:
    """Global pooling: one window over each plane."""
    x = arrays.as_input(x)
    if arrays.flag(keepdims, "keepdims"):
        return run(x, WHOLE, options, *own)
    axes, _ = arrays.pooled_axes(x.ndim, WHOLE, options.axes, options.channels_last, options.rank)
    out = options.out
    options = options.replace(axes=axes, channels_last=False, out=arrays.with_axes(out, axes))
    return drop_axes(run(x, WHOLE, options, *own), axes, out)


def drop_axes(result: Any, axes: Any, out: np.ndarray | None) -> Any:
    """The result of pooling whole axes without them; a pullback then takes gy without them."""
    if isinstance(result, tuple) and callable(result[1]):
        y, pullback = result
        y = drop_axes(y, axes, out)
        shape = (y[0] if isinstance(y, tuple) else y).shape

        def of_dropped(pullback: Pullback) -> Pullback:
            @functools.wraps(pullback)  # with its mark
            def dropped(gy: Any, *out: np.ndarray) -> np.ndarray:
                return pullback(np.expand_dims(arrays.checked_gradient(gy, shape), axes), *out)

            return dropped

        by = {name: of_dropped(each) for name, each in gradients_by(pullback).items()}
        return y, Gradients(**by)
    if isinstance(result, tuple):
        return drop_axes(result[0], axes, out), np.squeeze(result[1], axes)
    return np.squeeze(result, axes) if out is None else out
