"""Pyramids as windows: `pool` makes with them what it makes of each level, joined."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import cpool
from cpool import reference

X = np.random.default_rng(0).uniform(1, 2, (2, 3, 7, 5))


def test_pyramids_are_values():
    windows = cpool.pyramid([1, np.int8(3)])
    assert windows == cpool.pyramid((1, 3))
    assert windows != cpool.pyramid((3, 1))
    assert windows != cpool.adaptive((1, 3))
    assert hash(windows) == hash(cpool.pyramid((1, 3)))
    assert repr(windows) == "pyramid((1, 3))"
    assert eval(repr(windows), vars(cpool)) == windows
    for again in (pickle.loads(pickle.dumps(windows)), copy.copy(windows), copy.deepcopy(windows)):
        assert again == windows
        assert again.levels == (1, 3)
    assert isinstance(windows, cpool.Windows)
    assert windows.ndim == 2
    assert windows.output_shape((9, 4)) == (10,)
    for name in ("levels", "_each", "other"):
        with pytest.raises(AttributeError):
            setattr(windows, name, (1,))
    assert windows.levels == (1, 3)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: cpool.pyramid(2), TypeError, "levels must be a tuple of ints, got 2"),
        (lambda: cpool.pyramid((1.0,)), TypeError, "levels must be a tuple of ints"),
        (lambda: cpool.pyramid((True,)), TypeError, "levels must be a tuple of ints"),
        (lambda: cpool.pyramid(()), ValueError, "levels must not be empty"),
        (lambda: cpool.pyramid((1, 0)), ValueError, "levels must be at least 1"),
        (lambda: cpool.pyramid((1,)).output_shape((3,)), ValueError, "2 entries, but 1 axis"),
        (lambda: cpool.pyramid((1,)).table((3, 3)), TypeError, "one level .* got a pyramid"),
        (lambda: cpool.pyramid((1,)).sizes((3, 3)), TypeError, "one level .* got a pyramid"),
        (lambda: cpool.pool(X, "max", cpool.pyramid((1,)), axes=(1, 2, 3)), ValueError, "3 axes"),
        (lambda: cpool.pool(X, "max", cpool.pyramid((1,)), rng=0), ValueError, "rng must be None"),
        (lambda: cpool.pool(X[0, 0, 0], "max", cpool.pyramid((1,))), ValueError, "2 axes to pool"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("options", [{}, {"channels_last": True}, {"axes": (3, 1)}], ids=str)
@pytest.mark.parametrize("reduction", ["max", "mean", "median", cpool.Lp(3), cpool.SoftMean()])
def test_levels_are_joined(reduction, options):
    places = {"channels_last": (1, 2), "axes": (1, 3)}.get(next(iter(options), ""), (2, 3))
    where = np.random.default_rng(1).random(X.shape) < 0.8
    rows, levels = [], (2, 1, 3)
    for level in levels:
        y = cpool.pool(X, reduction, cpool.adaptive((level, level)), where=where, **options)
        rows.append(np.moveaxis(y, places, (-2, -1)).reshape(2, -1))
    y = cpool.pool(X, reduction, cpool.pyramid(levels), where=where, **options)
    np.testing.assert_array_equal(y, np.concatenate(rows, axis=1), strict=True)
    out = np.empty(y.shape[::-1]).T
    given = {**options, "where": where, "out": out}
    again, pullback = cpool.vjp(cpool.pool, X, reduction, cpool.pyramid(levels), **given)
    assert again is out
    np.testing.assert_array_equal(out, y)
    rng = np.random.default_rng(2)
    gy, direction, step = rng.normal(size=y.shape), rng.normal(size=X.shape), 1e-6
    gx = pullback(gy)
    assert not gx[~where].any()
    up, down = (cpool.pool(X + sign * step * direction, reduction, cpool.pyramid(levels),
                           where=where, **options) for sign in (1, -1))  # fmt: skip
    expected = np.nansum(gy * (up - down)) / (2 * step)
    np.testing.assert_allclose((gx * direction).sum(), expected, rtol=1e-5)


def test_as_the_function_and_the_reference():
    for dtype in ("f8", "f4", "f2", "u1"):
        x = (X * 50).astype(dtype)
        y = cpool.pool(x, "max", cpool.pyramid((1, 2, 4)))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, cpool.spatial_pyramid_pool(x), strict=True)
        np.testing.assert_array_equal(y, reference.spatial_pyramid_pool(x), strict=True)
    assert cpool.pool(X, "sum", cpool.pyramid((2,)), dtype="float32").dtype == np.float32


def test_what_is_given_to_each_level():
    weights = np.random.default_rng(3).random(X.shape)
    y, pullback = cpool.vjp(
        cpool.pool, X, "mean", cpool.pyramid((1,)), weights=weights, wrt=("x", "weights"))
    np.testing.assert_allclose(y, np.average(X, (2, 3), weights))
    gx, by_weights = pullback(np.ones_like(y))
    assert gx.shape == by_weights.shape == X.shape
    np.testing.assert_allclose(gx, weights / weights.sum((2, 3), keepdims=True))
    # One generator for all levels: a seed repeats the call, not the draws of the level before.
    drawn = [cpool.pool(X, "stochastic", cpool.pyramid((2, 2)), rng=5) for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert (drawn[0][:, :12] != drawn[0][:, 12:]).any()


def test_a_plane_without_channels():
    y, pullback = cpool.vjp(cpool.pool, np.arange(16.0).reshape(4, 4), "max", cpool.pyramid((1, 2)))
    assert y.tolist() == [15, 5, 7, 13, 15]
    assert pullback([1, 2, 3, 4, 5])[[1, 1, 3, 3], [1, 3, 1, 3]].tolist() == [2, 3, 4, 6]
