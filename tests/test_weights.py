"""Weighted means: against the reference, the mean that they generalise, and finite differences."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from operators import (
    DTYPES,
    FLOATS,
    LAYOUTS,
    assert_between,
    assert_equal,
    assert_type,
    cases,
    fuzz,
    is_floating,
    lay_out,
    outcome,
    rounded,
    unchanged,
)

import cpool
from cpool import nn, reference

RANKED = [f"{form}avg_pool{suffix}" for form in ("", "adaptive_")
          for suffix in ("1d", "2d", "3d", "")]  # fmt: skip
NAMES = [*RANKED, "global_avg_pool"]


def some_weights(rng, shape, zeros=0.3):
    """Positive numbers and zeros, repeated along some axes, with leading axes left out."""
    lengths = [n if rng.random() < 0.6 else 1 for n in shape][rng.integers(len(shape)) :]
    weights = rng.random(lengths)
    return np.where(rng.random(lengths) < zeros, 0.0, weights)


def numeric(function, array, gy, step=1e-6):
    """The gradient of the sum of gy * function(array)."""
    gradient = np.empty(array.shape)
    for index in np.ndindex(*array.shape):
        up, down = array.copy(), array.copy()
        up[index] += step
        down[index] -= step
        change = np.nan_to_num(function(up)) - np.nan_to_num(function(down))
        gradient[index] = np.sum(gy * change) / (2 * step)
    return gradient


# Values -------------------------------------------------------------------------------------------


@fuzz(250)
@hypothesis.given(data=st.data())
def test_random_cases(data):
    """All forms, windows, types, layouts and options, as the reference has them."""
    case = data.draw(cases(cpool.Mean))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = some_weights(rng, case.x.shape, data.draw(st.sampled_from([0.0, 0.3])))
    weights = lay_out(weights, data.draw(st.sampled_from(LAYOUTS[:-2])))
    options = {**case.options, "weights": weights}
    options.pop("divisor_override", None)
    for name in ("count_include_pad",):
        if case.form != "sliding":
            options.pop(name, None)
    case = replace(case, options=options)
    expected, refused = outcome(lambda: case.call(reference))
    with unchanged(case.x, weights, options.get("where")):
        actual, error = outcome(case.call)
    assert type(error) is type(refused), f"{case}: {error!r}, not {refused!r}"
    if refused is not None:
        hypothesis.reject()
    wide = case.call(reference, dtype=np.float64)
    sizes = np.nan_to_num(np.abs(case.x.astype(float)), posinf=0).max(initial=0)
    off = (case.taps + 5) * 2.0**-52 * (sizes + 1e-300)
    with np.errstate(all="ignore"):
        low, high = rounded(wide - off, expected.dtype), rounded(wide + off, expected.dtype)
    special = ~np.isfinite(wide)
    low[special] = high[special] = expected[special]
    assert_type(actual, expected.dtype, expected.shape, case)
    assert_between(actual, low, high, case)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_equal_weights_give_the_mean(dtype):
    x = np.random.default_rng(1).integers(0, 100, (2, 3, 9, 8)).astype(dtype)
    options = {"stride": 2, "padding": 1, "count_include_pad": False}
    y = cpool.avg_pool2d(x, 3, weights=0.5, **options)
    assert_equal(y, cpool.avg_pool2d(x, 3, **options))


def test_padding_has_no_weight():
    """Whatever count_include_pad says; padding of other kinds repeats the weight too."""
    x, weights = np.array([2.0, 4.0, 8.0]), np.array([1.0, 3.0, 1.0])
    for include in (False, True):
        y = cpool.avg_pool1d(x, 2, 2, 1, count_include_pad=include, weights=weights)
        assert y.tolist() == [2.0, 5.0]
    y = cpool.avg_pool1d(x, 3, 3, 1, padding_mode="nearest", weights=weights)
    assert y.tolist() == [16 / 5]


def test_what_has_no_weight_does_not_exist():
    x = np.array([np.nan, 3.0, np.inf, 5.0, 7.0, np.nan])
    weights = np.array([0, 2, 0, 1, 4, 0])
    assert cpool.avg_pool1d(x, 2, weights=weights).tolist() == [3, 5, 7]
    assert cpool.avg_pool1d(x, 2, weights=weights, nan_policy="raise").tolist() == [3, 5, 7]
    where = np.array([True, False, True, True, True, True])
    y = cpool.avg_pool1d(x, 2, weights=weights, where=where)
    assert_equal(y, np.array([np.nan, 5, 7]))
    assert np.isnan(cpool.avg_pool1d([np.nan, 1.0], 2, weights=[1, 1]))
    assert cpool.avg_pool1d([np.nan, 1.0], 2, weights=[1, 1], nan_policy="omit") == 1
    with pytest.raises(ValueError, match='x has a NaN in a window, and nan_policy is "raise"'):
        cpool.avg_pool1d([np.nan, 1.0], 2, weights=[1, 1], nan_policy="raise")


def test_windows_without_weight_are_empty():
    x = np.array([1, 3, 5, 7])
    assert_equal(cpool.avg_pool1d(x, 2, weights=[0, 0, 1, 0]), np.array([np.nan, 5.0]))
    with pytest.raises(ValueError, match=r"weights leave a window without any: .*got int32"):
        cpool.avg_pool1d(x, 2, weights=[0, 0, 1, 0], dtype="int32")
    _, pullback = cpool.vjp(cpool.avg_pool1d, x, 2, weights=[0, 0, 1, 0], wrt=("x", "weights"))
    gx, gw = pullback(np.array([5.0, 2.0]))
    assert gx.tolist() == [0, 0, 2, 0]
    assert gw.tolist() == [0, 0, 0, 4]


def test_products_of_floats_neither_overflow_nor_vanish():
    x = np.array([3e38, 2e38, 1e-38, 3e-38], np.float32)
    y = cpool.avg_pool1d(x, 2, weights=np.array([1e30, 1e30, 1e-30, 1e-30], np.float32))
    assert_equal(y, np.array([2.5e38, 2e-38], np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_out(dtype):
    x = np.random.default_rng(0).integers(-9, 9, (2, 6, 6)).astype("float32")
    weights = 1 + np.arange(6.0)
    expected = cpool.avg_pool2d(x, 2, weights=weights, dtype=dtype)
    out = np.zeros((3, 3, 2), dtype).transpose(2, 0, 1)
    assert cpool.avg_pool2d(x, 2, weights=weights, dtype=dtype, out=out) is out
    assert_equal(out, expected)
    out = np.zeros((2,), dtype)
    again = cpool.global_avg_pool(x, axes=(1, 2), keepdims=False, weights=weights, dtype=dtype,
                                  out=out)  # fmt: skip
    assert again is out
    assert_equal(out, cpool.adaptive_avg_pool2d(x, 1, weights=weights, dtype=dtype)[:, 0, 0])
    with pytest.raises(ValueError, match="out must not overlap the input"):
        cpool.avg_pool2d(x, 2, weights=weights, out=x[:, :3, :3])
    with pytest.raises(ValueError, match="out must have the result's shape"):
        cpool.avg_pool2d(x, 2, weights=weights, out=np.zeros((2, 3, 4), "float32"))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_empty_batches(dtype):
    x = np.zeros((0, 3, 6, 6), dtype)
    y, pullback = cpool.vjp(cpool.avg_pool2d, x, 2, weights=np.ones((6, 6)))
    assert_type(y, x.dtype if is_floating(x.dtype) else np.dtype(float), (0, 3, 3, 3))
    assert pullback(y).shape == x.shape
    with pytest.raises(ValueError, match="x must"):
        cpool.avg_pool2d(np.zeros((2, 0, 6), dtype), 2, weights=1)


def test_pool_takes_weights():
    x, weights = np.arange(12.0).reshape(3, 4), np.arange(4) + 1
    expected = cpool.avg_pool1d(x, 2, weights=weights)
    windows = cpool.sliding((2,))
    assert_equal(cpool.pool(x, "mean", windows, weights=weights), expected)
    y, pullback = cpool.vjp(cpool.pool, x, "mean", windows, weights=weights, wrt="weights")
    assert_equal(y, expected)
    _, expected = cpool.vjp(cpool.avg_pool1d, x, 2, weights=weights, wrt="weights")
    assert_equal(pullback(y), expected(y))
    with pytest.raises(ValueError, match="weights must be None for max, which is no mean"):
        cpool.pool(x, "max", windows, weights=weights)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weights, error, message",
    [
        ([1, -1, 1, 1], ValueError, "weights must be finite and not negative, got -1.0"),
        ([1, np.nan, 1, 1], ValueError, "weights must be finite and not negative, got nan"),
        ([1, np.inf, 1, 1], ValueError, "weights must be finite and not negative, got inf"),
        ([1, 1, 1], ValueError, r"weights must broadcast to x's shape \(2, 4\), got \(3,\)"),
        (np.ones((3, 2, 4)), ValueError, r"weights must broadcast to .*got \(3, 2, 4\)"),
        (np.ones((1, 2, 4)), ValueError, r"weights must broadcast to .*got \(1, 2, 4\)"),
        (np.ma.ones(4), TypeError, "weights is a masked array"),
        ([1j, 1, 1, 1], TypeError, "weights"),
        ("heavy", TypeError, "weights"),
    ],
)
def test_errors(weights, error, message):
    x = np.ones((2, 4))
    with pytest.raises(error, match=message):
        cpool.avg_pool1d(x, 2, weights=weights)
    with pytest.raises(error, match=message):
        cpool.vjp(cpool.avg_pool1d, x, 2, weights=weights)


def test_divisor_and_weights():
    with pytest.raises(ValueError, match="divisor_override must be None where weights are given"):
        cpool.avg_pool1d([1.0, 2.0], 2, divisor_override=2, weights=[1, 1])


def test_where_is_checked():
    with pytest.raises(TypeError, match="where must be an array of bool"):
        cpool.avg_pool1d([1.0, 2.0], 2, weights=1, where=[1, 0])
    with pytest.raises(ValueError, match="where must broadcast"):
        cpool.avg_pool1d([1.0, 2.0], 2, weights=1, where=[True] * 3)
    with pytest.raises(ValueError, match="nan_policy"):
        cpool.avg_pool1d([1.0, 2.0], 2, weights=1, nan_policy="ignore")


def test_no_gradient_by_weights_without_them():
    with pytest.raises(ValueError, match="wrt must be 'x' for avg_pool1d"):
        cpool.vjp(cpool.avg_pool1d, [1.0, 2.0], 2, wrt="weights")


# Gradients ----------------------------------------------------------------------------------------


@fuzz(40)
@hypothesis.given(data=st.data())
def test_gradients(data):
    """By x and by weights, by central differences of the reference."""
    case = data.draw(cases(cpool.Mean, gradients=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    options = {name: value for name, value in case.options.items()
               if name not in ("divisor_override", "dtype")}  # fmt: skip
    weights = some_weights(rng, case.x.shape, 0.0) + 0.1
    x = case.x.astype(float)
    case = replace(case, x=x, options={**options, "weights": weights})
    y, refused = outcome(lambda: case.call(reference))
    if refused is not None:
        hypothesis.reject()
    _, pullback = case.vjp(wrt=("x", "weights"))
    gy = rng.normal(size=y.shape)
    gx, gw = pullback(gy)
    finite = np.nan_to_num(np.abs(x)).max(initial=1)
    expected = numeric(lambda w: case.call(reference, weights=w), weights, gy)
    np.testing.assert_allclose(gw, expected, rtol=0, atol=1e-7 * finite * x.size)
    expected = numeric(lambda v: case.call(reference, x=np.where(np.isnan(x), x, v)),
                       np.nan_to_num(x), gy, 0.25)  # fmt: skip
    np.testing.assert_allclose(gx, expected, rtol=0, atol=1e-10 * finite)


def test_the_gradient_by_weights_of_0_is_that_from_above():
    x, weights = np.array([1.0, 4.0, 7.0]), np.array([2.0, 0.0, 1.0])
    y, pullback = cpool.vjp(cpool.avg_pool1d, x, 3, weights=weights, wrt="weights")
    assert y.tolist() == [3.0]
    np.testing.assert_allclose(pullback([1.0]), (x - 3) / 3, rtol=1e-15)
    x[1] = np.nan
    _, pullback = cpool.vjp(cpool.avg_pool1d, x, 3, weights=weights, wrt="weights")
    np.testing.assert_allclose(pullback([1.0]), [-2 / 3, 0, 4 / 3], rtol=1e-15)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_types_of_gradients(dtype):
    x, weights = np.ones((2, 4), dtype), np.ones((1, 4), "float32")
    y, pullback = cpool.vjp(cpool.avg_pool1d, x, 2, weights=weights, wrt=("x", "weights"))
    gx, gw = pullback(np.ones(y.shape, "int8"))
    assert_equal(gx, np.full(x.shape, 0.5, dtype))
    assert_equal(gw, np.zeros((1, 4), "float32"))
    _, pullback = cpool.vjp(cpool.avg_pool1d, x.astype(int), 2, weights=[1, 1, 1, 1],
                            wrt=("x", "weights"))  # fmt: skip
    assert [each.dtype for each in pullback(y)] == [np.float64] * 2
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        pullback(np.ones((2, 3)))


def test_a_pullback_does_not_depend_on_what_is_changed_later():
    rng = np.random.default_rng(0)
    x, weights, where = rng.random((3, 8)), rng.random(8), rng.random((3, 8)) < 0.8
    y, pullback = cpool.vjp(
        cpool.avg_pool1d, x, 2, weights=weights, where=where, wrt=("x", "weights")
    )
    before = pullback(np.ones(y.shape))
    for array in (x, weights, y):
        array[...] = -1
    where[...] = True
    for one, other in zip(pullback(np.ones(y.shape)), before, strict=True):
        assert_equal(one, other)


# Layers, layouts ----------------------------------------------------------------------------------


def test_layers_take_weights_at_each_call():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(2, 3, 6, 6)), rng.random((6, 6))
    for layer, function in (
        (nn.AvgPool2d(2), lambda x, **given: cpool.avg_pool2d(x, 2, **given)),
        (nn.AdaptiveAvgPool2d(3), lambda x, **given: cpool.adaptive_avg_pool2d(x, 3, **given)),
        (nn.GlobalAvgPool(), cpool.global_avg_pool),
    ):
        y = layer(x, weights=weights)
        assert_equal(y, function(x, weights=weights))
        heavy = layer.backward(y)
        assert_equal(layer(x), function(x))
        assert not np.array_equal(layer.backward(y), heavy)
    with pytest.raises(TypeError, match="weights"):
        nn.AvgPool2d(2, weights=weights)


@pytest.mark.parametrize("layout", LAYOUTS[:-2])
def test_layouts(layout):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 7, 8)).astype("float32")
    weights = rng.random((3, 7, 8)).astype("float32")
    expected = reference.avg_pool2d(x, 3, 2, 1, weights=weights)
    with unchanged(x, weights):
        y = cpool.avg_pool2d(lay_out(x, layout), 3, 2, 1, weights=lay_out(weights, layout))
    np.testing.assert_allclose(y, expected, rtol=2e-7, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_mean_has_weights(name):
    size = () if name.startswith("global") else (2,)
    axes = {} if name[-1] == "d" else {"axes": (-1, -2)}
    x = np.random.default_rng(0).random((2, 4, 6, 8))
    weights = np.arange(8.0)
    expected = getattr(reference, name)(x, *size, weights=weights, **axes)
    y = getattr(cpool, name)(x, *size, weights=weights, **axes)
    np.testing.assert_allclose(y, expected, rtol=1e-14, strict=True)
