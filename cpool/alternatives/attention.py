"""Attention pooling: a mean over positions, weighted by how much each answers a query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool import arrays, counting
from cpool.alternatives.common import (
    counted,
    differentiable,
    present,
    reads,
    refuse_missing,
    result_dtype,
    rounded,
)
from cpool.arrays import Options
from cpool.pooling import WHOLE
from cpool.reductions.base import Gradients, Operations, Work, gradient_dtype
from cpool.results import stored, wide_dtype
from cpool.windows import whole

__all__ = ["attention_pool"]

Array = NDArray[Any]

GLOBAL = -1  # a rank: all axes but the first two are positions
BLOCK = 1024  # positions that are added up one after the other


@dataclass(frozen=True)
class _Layout:
    """Which axes of x are what; the channels are the last axis that is no position."""

    shape: tuple[int, ...]
    places: tuple[int, ...]

    @property
    def rest(self) -> list[int]:
        return [axis for axis in range(len(self.shape)) if axis not in self.places]

    @property
    def channels(self) -> int:
        return self.shape[self.rest[-1]]

    @property
    def order(self) -> tuple[int, ...]:
        return (*self.rest[:-1], *self.places, self.rest[-1])

    def rows(self, x: Array) -> Array:
        """x as (..., positions, channels); a view where that can be."""
        moved = x.transpose(self.order)
        positions = math.prod(self.shape[axis] for axis in self.places)
        return moved.reshape(*moved.shape[: -len(self.places) - 1], positions, self.channels)

    def from_rows(self, rows: Array) -> Array:
        """The inverse."""
        moved = rows.reshape([self.shape[axis] for axis in self.order])
        return moved.transpose(np.argsort(self.order))


def _layout(x: Array, axes: Any, channels_last: Any) -> _Layout:
    places, _ = arrays.pooled_axes(x.ndim, WHOLE, axes, channels_last, GLOBAL)
    if len(places) == x.ndim:
        raise ValueError(f"axes must leave an axis for the channels of x, got {axes!r}")
    if 0 in [x.shape[axis] for axis in places]:
        raise ValueError("x must not be empty along a pooled axis, got length 0")
    return _Layout(x.shape, places)


def _checked_query(query: Any, channels: int) -> Array:
    query = arrays.as_input(query, "query")
    if query.shape != (channels,):
        raise ValueError(
            f"query must have one value for each of x's {channels} channels, got shape "
            f"{query.shape}"
        )
    return query


# Not a @ b: for vectors that makes more of threads than of the work, and einsum reads any strides.
def _inner(rows: Array, vectors: Array) -> Array:
    """Of rows (..., l, c) and one vector (c,), or one for each ..., the products (..., l)."""
    return np.einsum("...lc,...c->...l", rows, vectors)


def _weighted(weights: Array, rows: Array) -> Array:
    """The sum over l of weights (..., l) times rows (..., l, c), in blocks, for its rounding."""
    starts = range(0, rows.shape[-2], BLOCK)
    blocks = [slice(start, start + BLOCK) for start in starts]
    parts = [np.einsum("...l,...lc->...c", weights[..., i], rows[..., i, :]) for i in blocks]
    return np.sum(parts, axis=0)


def _softmax(scores: Array, there: Array | None) -> Array:
    """Over the positions that exist; the weight of others is 0."""
    if there is not None:
        scores = np.where(there, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return weights if there is None else np.where(there, weights, weights.dtype.type(0))


def attention_pool(
    x: ArrayLike,
    query: ArrayLike,
    *,
    axes: int | Sequence[int] | None = None,
    channels_last: bool = False,
    nan_policy: str = "propagate",
    where: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
) -> Array:
    """Mean over all positions, weighted by a softmax of their products with a query.

    ``y = Σ w[l] x[l]``, with ``w[l] = exp(s[l]) / Σ exp(s)`` and ``s[l] = ⟨x[l], query⟩ / √C`` for
    the C channels x[l] of position l.

    Parameters
    ----------
    x : array_like
        Input of any real type; it is not modified. The positions are pooled; of the other axes, the
        last has the channels.
    query : array_like
        One value for each channel.
    axes : int or sequence of int, optional
        The 1 to 3 axes of the positions. None: all but the first two.
    channels_last : bool
        The positions are all axes but the first and the last one instead. Not together with `axes`.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes what it is pooled with NaN, its position does not exist, or it is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A position exists if all of its channels do: without
        one there is no product with the query. Where none exists the result is NaN if it is
        floating, else that is a ValueError.
    dtype : dtype, optional
        Type of the result; real numbers become integers rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x.

    Returns
    -------
    ndarray
        x's shape without the positions, so (..., C); x's dtype, float64 for integers.

    Raises
    ------
    TypeError
        If an argument has the wrong type; for arrays that cannot be pooled.
    ValueError
        If `query` does not have one value for each channel, `axes` leaves none for them or is None
        for an x with less than 3 axes, or there is no position.

    See Also
    --------
    global_avg_pool : What a query of zeros gives.

    Notes
    -----
    The largest s is subtracted from all, so that nothing overflows. What is computed is float32 for
    floats of at most 32 bits and float64 for other types; `query` is converted to that.

    It can be differentiated by `x` and by `query`.

    References
    ----------
    Vaswani, A. et al. (2017). Attention is all you need. NIPS 2017. (The scaled product.)

    Ilse, M., Tomczak, J. M. and Welling, M. (2018). Attention-based deep multiple instance
    learning. ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]])  # 3 positions, 2 channels
    >>> cpool.attention_pool(x, [0.0, 0.0], axes=0).round(4)
    array([1.3333, 1.3333])
    >>> cpool.attention_pool(x, [9.0, 9.0], axes=0).round(4)
    array([3., 3.])
    """
    options = Options(axes, channels_last, GLOBAL, nan_policy, where, dtype, out)
    x = arrays.as_input(x)
    return _attention(x, query, _layout(x, axes, channels_last), options)[0]


def _attention(
    x: Array, query: Any, layout: _Layout, options: Options
) -> tuple[Array, Array, Array, Array]:
    """The result, the weights (..., l), x as rows (..., l, c), and query / √C."""
    wide, dtype = wide_dtype(x, options.dtype), result_dtype(x, options.dtype)
    query = _checked_query(query, layout.channels).astype(wide)
    query /= math.sqrt(max(layout.channels, 1))
    mask, there = present(x, options), None
    rows = layout.rows(x).astype(wide, copy=False)
    if mask is not None:
        there = layout.rows(mask).all(-1)
        rows = np.where(there[..., np.newaxis], rows, wide.type(0))
    # Infinities give NaN, as everywhere, without a word.
    with np.errstate(invalid="ignore", over="ignore"):
        weights = _softmax(_inner(rows, query), there)
        y = _weighted(weights, rows)
    if there is not None and not (some := there.any(-1)).all():
        refuse_missing(dtype)
        y[~some] = np.nan
    if options.dtype is None:
        y = rounded(y, dtype)
    return stored(y, dtype, options.out, x, options.where), weights, rows, query


def _attention_vjp(
    x: Any, query: Any, axes: Any, channels_last: Any, **given: Any
) -> tuple[Array, Gradients]:
    options = Options(axes, channels_last, GLOBAL, **given)
    x, query = arrays.as_input(x), arrays.as_input(query, "query")
    layout = _layout(x, axes, channels_last)
    y, weights, rows, scaled = _attention(x, query, layout, options)
    # The caller may change x before a pullback reads it.
    rows = rows.copy() if np.may_share_memory(rows, x) else rows
    y_shape, x_dtype, query_dtype = y.shape, gradient_dtype(x), gradient_dtype(query)

    def checked(gy: Any) -> Array:
        return arrays.checked_gradient(gy, y_shape).astype(rows.dtype)

    def of_scores(gy: Array) -> Array:
        """The gradient in the scores: that of the softmax of which y is the weighted mean."""
        products = _inner(rows, gy)
        return weights * (products - (weights * products).sum(-1, keepdims=True))

    def by_x(gy: Any) -> Array:
        gy = checked(gy)
        with np.errstate(invalid="ignore", over="ignore"):
            gradient = weights[..., np.newaxis] * gy[..., np.newaxis, :]
            gradient += of_scores(gy)[..., np.newaxis] * scaled
            return layout.from_rows(rounded(gradient, x_dtype))

    def by_query(gy: Any) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            each = _weighted(of_scores(checked(gy)), rows)
            total = each.sum(tuple(range(each.ndim - 1)))
            return rounded(total / math.sqrt(max(len(total), 1)), query_dtype)

    return y, Gradients(x=by_x, query=by_query)


def _attention_work(
    x: Array, query: Any, axes: Any, channels_last: Any, where: Any, **_: Any
) -> Work:
    """Scores, their softmax, and the weighted sums of the channels. The query is scaled in place of
    the scores, and the largest of these is subtracted from all."""
    layout = _layout(x, axes, channels_last)
    _checked_query(query, layout.channels)
    positions = math.prod(x.shape[axis] for axis in layout.places)
    shape, channels = tuple(x.shape[axis] for axis in layout.rest), layout.channels
    scores = positions * Operations(additions=max(channels - 1, 0), multiplications=channels)
    softmax = Operations(additions=positions - 1, divisions=positions, functions=positions)
    sums = channels * Operations(additions=positions - 1, multiplications=positions)
    each, batch = scores + softmax + sums, math.prod(shape[:-1])
    largest = Operations(comparisons=positions - 1, additions=positions)
    return Work(
        shape,
        batch * (each + Operations(divisions=positions)),
        batch * (each + largest) + Operations(divisions=channels),
        parameters=channels,
        read=counting.size_of(where),
    )


differentiable(attention_pool, _attention_vjp)
counted(attention_pool, _attention_work)
reads(attention_pool, lambda **_: [whole()])
