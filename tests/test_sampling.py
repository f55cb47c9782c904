"""Stochastic pooling: the distribution of what is drawn, the same draws as the reference whatever
the layout, threads or instruction set, gradients, and layers."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from operators import (
    DTYPES,
    FLOATS,
    LAYOUTS,
    MODES,
    assert_bits,
    assert_equal,
    cases,
    fuzz,
    instruction_set,
    is_floating,
    lay_out,
    make,
    outcome,
    unchanged,
)
from scipy import stats

import cpool
import cpool.kernels
from cpool import nn, reference

LAST = {"channels_last": True}


# What is drawn ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "window",
    [[1, 2, 3, 4], [0, 5, 0, 1], [-3, 2, -1, 2], [0, 0, 0, 0], [-1, -2, -3, 0], [7, 1e-3, 1, 1]],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_distribution(window, dtype):
    """Chi-square, of fixed seeds: 40000 windows that hold the same."""
    x = np.array(window, dtype)
    many = np.tile(x, 40000)
    y, pullback = cpool.vjp(cpool.stochastic_pool1d, many, 4, rng=5)
    drawn = pullback(np.ones(y.shape)).reshape(-1, 4)
    assert (drawn.sum(axis=1) == 1).all()
    assert_equal(y, many.reshape(-1, 4)[drawn == 1])
    counts = drawn.astype(float).sum(axis=0)
    positive = np.maximum(x.astype(float), 0)
    p = positive / positive.sum() if positive.sum() > 0 else np.full(4, 0.25)
    assert not counts[p == 0].any()
    assert stats.chisquare(counts[p > 0], 40000 * p[p > 0]).pvalue > 1e-3


def test_neighbours_are_independent():
    """Draws of windows that share elements, and of neighbouring planes."""
    x = np.ones((2, 30001))
    x[:, ::2] = 0.5  # so that it can be seen which one was drawn
    y = cpool.stochastic_pool1d(x, 2, stride=1, rng=1)
    of_greater = y == 1
    for one, other in ((of_greater[0, 1:], of_greater[0, :-1]), (of_greater[0], of_greater[1])):
        table = [[np.sum((one == a) & (other == b)) for a in (True, False)] for b in (True, False)]
        assert stats.chi2_contingency(table).pvalue > 1e-3
    assert abs(of_greater.mean() - 2 / 3) < 0.01


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_exists(dtype):
    """Nothing else is drawn, even where all that exists is below 0; alone it always is."""
    rng = np.random.default_rng(2)
    x = make(rng, (40, 60), dtype, "few")
    where = rng.random(x.shape) < 0.5
    y, pullback = cpool.vjp(cpool.stochastic_pool2d, x, 3, 2, 1, rng=0, where=where,
                            dtype="float64")  # fmt: skip
    gx = pullback(np.ones(y.shape))
    assert not gx[~where].any()
    assert gx.astype(float).sum() == np.count_nonzero(~np.isnan(y))
    single = np.zeros(x.shape, bool)
    single[1::4, 2::4] = True
    y = cpool.stochastic_pool2d(x, 4, rng=0, where=single)
    assert_equal(y, x[1::4, 2::4])


# As the reference ---------------------------------------------------------------------------------


@fuzz(150)
@hypothesis.given(data=st.data())
def test_random_cases(data):
    """All forms, windows, types, values, layouts and options: the same elements."""
    case = replace(data.draw(cases(cpool.Max)), kind=cpool.Stochastic)
    case.options.pop("return_indices", None)
    case.options["rng"] = data.draw(st.integers(0, 2**70))
    if is_floating(case.dtype) and data.draw(st.booleans()):
        case.x = case.x * case.dtype.type(-1)  # windows without positive elements too
    expected, refused = outcome(lambda: case.call(reference))
    with unchanged(case.x, case.options.get("where")):
        actual, error = outcome(case.call)
    assert type(error) is type(refused), f"{case}: {error!r}, not {refused!r}"
    if refused is not None:
        hypothesis.reject()
    assert_equal(actual, expected, case)


@pytest.mark.parametrize(
    "shape, size", [((2, 20, 21), (9, 10)), ((3, 200), 150), ((4, 2, 300), 65)]
)
def test_windows_of_many_taps(shape, size):
    x = np.random.default_rng(0).normal(size=shape)
    name = "stochastic_pool2d" if isinstance(size, tuple) else "stochastic_pool1d"
    for options in ({}, {"nan_policy": "omit"}):
        x[..., 3] = np.nan if options else x[..., 3]
        call = {"kernel_size": size, "stride": 3, "rng": 4, **options}
        assert_equal(getattr(cpool, name)(x, **call), getattr(reference, name)(x, **call))
    axes = tuple(range(x.ndim))
    options = {"axes": axes, "rng": 1, "nan_policy": "omit"}
    assert_equal(cpool.global_stochastic_pool(x, **options),
                 reference.global_stochastic_pool(x, **options))  # fmt: skip


def test_large_sizes_and_small_ones():
    """No sum overflows; infinities share what there is; of NaNs the first one is taken."""
    most, least = np.finfo(float).max, np.finfo(float).smallest_subnormal
    x = np.array([most, most, most, 0, least, 0, 1.0, np.inf, 3.0, np.inf, -np.inf, 5.0])
    drawn = {tuple(cpool.stochastic_pool1d(x, 3, rng=seed)) for seed in range(20)}
    assert {each[0] for each in drawn} == {most}
    assert {each[1] for each in drawn} == {least}
    assert {each[2] for each in drawn} == {np.inf}
    assert {each[3] for each in drawn} == {np.inf}
    x = np.array([1.0, np.inf, np.inf, np.nan, np.nan, 1.0])
    seen = set()
    for seed in range(20):
        y, pullback = cpool.vjp(cpool.stochastic_pool1d, x, 3, rng=seed)
        assert_equal(y, np.array([np.inf, np.nan]))
        gx = pullback([1.0, 1.0])
        assert gx[3:].tolist() == [1, 0, 0]
        seen.add(tuple(gx[:3]))
    assert seen == {(0, 1, 0), (0, 0, 1)}
    y = cpool.stochastic_pool1d([-np.inf, -np.inf, -1.0, -np.inf], 2, rng=0)
    assert set(y) <= {-np.inf, -1.0}


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_are_exact(dtype):
    x = np.iinfo(dtype).max - np.arange(24, dtype=dtype)
    y, pullback = cpool.vjp(cpool.stochastic_pool1d, x, 4, rng=0)
    assert y.dtype == dtype
    assert_equal(y, x[pullback(np.ones(6)) == 1])
    assert_equal(cpool.stochastic_pool1d(x, 4, rng=0, dtype="uint64"), y.astype("uint64"))


def test_empty_windows():
    x, where = np.arange(1, 5), np.array([False, False, True, False])
    with pytest.raises(ValueError, match=r"where leaves a window without .*got int64"):
        cpool.stochastic_pool1d(x, 2, where=where)
    y, pullback = cpool.vjp(cpool.stochastic_pool1d, x, 2, where=where, dtype="float32")
    assert_equal(y, np.array([np.nan, 3], "float32"))
    assert pullback([5.0, 7.0]).tolist() == [0, 0, 7, 0]
    x = np.array([np.nan, np.nan, 2.0, np.nan])
    assert_equal(cpool.stochastic_pool1d(x, 2, nan_policy="omit"), np.array([np.nan, 2]))
    with pytest.raises(ValueError, match="x has a NaN in a window"):
        cpool.stochastic_pool1d(x, 2, nan_policy="raise")
    for training in (True, False):
        y, pullback = cpool.vjp(cpool.stochastic_pool2d, np.zeros((0, 3, 6, 6)), 2,
                                training=training)  # fmt: skip
        assert y.shape == (0, 3, 3, 3)
        assert pullback(y).shape == (0, 3, 6, 6)


def test_out():
    x = np.random.default_rng(0).normal(size=(2, 6, 6)).astype("float32")
    for options in ({"rng": 1}, {"training": False}):
        out = np.zeros((3, 3, 2), "float32").transpose(2, 0, 1)
        assert cpool.stochastic_pool2d(x, 2, out=out, **options) is out
        assert_equal(out, cpool.stochastic_pool2d(x, 2, **options))
        with pytest.raises(ValueError, match="out must not overlap"):
            cpool.stochastic_pool2d(x, 2, out=x[:, :3, :3], **options)


# Random numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS[:-2])
def test_layouts(layout, dtype):
    x = np.random.default_rng(0).normal(size=(2, 3, 9, 10)).astype(dtype)
    call = {"kernel_size": 3, "stride": 2, "padding": 1, "rng": 7}
    y, pullback = cpool.vjp(cpool.stochastic_pool2d, x, **call)
    gx = pullback(np.ones(y.shape))
    last = np.moveaxis(x, 1, -1)
    for given, options, back in (
        (lay_out(x, layout), {}, lambda a: a),
        (lay_out(last, layout), LAST, lambda a: np.moveaxis(a, -1, 1)),
    ):
        z, pullback = cpool.vjp(cpool.stochastic_pool2d, given, **call, **options)
        assert_equal(back(z), y)
        assert_equal(back(pullback(np.ones(z.shape))), gx)
    z = cpool.stochastic_pool(lay_out(last, layout), (3, 3), 2, 1, axes=(-2, 1), rng=7)
    assert_equal(np.moveaxis(z, -1, 1), y)


@pytest.mark.parametrize("options", [{}, LAST], ids=["first", "last"])
def test_threads_and_instruction_sets(options):
    x = np.random.default_rng(0).normal(size=(4, 16, 40, 41)).astype("float32")
    results = []
    for name in cpool.kernels.built():
        for threads in (1, 2, 5):
            with instruction_set(name), cpool.num_threads(threads):
                y, pullback = cpool.vjp(cpool.stochastic_pool2d, x, 3, 2, rng=0, **options)
                results.append((y, pullback(np.ones(y.shape))))
    for each in results[1:]:
        assert_bits(each, results[0])


def test_seeds():
    x = np.random.default_rng(0).random((3, 50, 50))

    def draw(rng):
        return cpool.stochastic_pool2d(x, 2, rng=rng)

    assert_bits(draw(3), draw(3))
    assert_bits(draw(np.uint8(3)), draw(3))
    assert not np.array_equal(draw(3), draw(4))
    assert not np.array_equal(draw(None), draw(None))
    one, other = (np.random.default_rng(1) for _ in range(2))
    first, second = draw(one), draw(one)
    assert not np.array_equal(first, second)
    assert_bits(draw(other), first)
    assert_bits(draw(other), second)
    # It is advanced the same, whatever was pooled.
    one, other = (np.random.default_rng(1) for _ in range(2))
    cpool.stochastic_pool1d([1.0, 2.0], 2, rng=one)
    draw(other)
    assert one.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize("rng", [True, 1.5, "seed", -1, np.random.RandomState(0)], ids=str)
def test_what_is_no_seed(rng):
    error = ValueError if isinstance(rng, int) and rng is not True else TypeError
    for call in (
        lambda: cpool.stochastic_pool1d([1.0, 2.0], 2, rng=rng),
        lambda: cpool.vjp(cpool.stochastic_pool1d, [1.0, 2.0], 2, rng=rng),
        lambda: nn.StochasticPool1d(2, rng=rng),
    ):
        with pytest.raises(error, match="rng must"):
            call()


def test_training_is_a_bool():
    with pytest.raises(TypeError, match="training must be"):
        cpool.stochastic_pool1d([1.0, 2.0], 2, training=1)
    with pytest.raises(TypeError, match="training must be"):
        cpool.Stochastic("no")


# Gradients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["sliding", "adaptive", "global"])
def test_gradients_of_draws(form, mode):
    """What a window gets, goes to the element that it gave: in distinct numbers one can tell."""
    rng = np.random.default_rng(3)
    x = rng.permutation(2 * 3 * 7 * 9).reshape(2, 3, 7, 9) - 100.0
    function, arguments = {
        "sliding": (cpool.stochastic_pool2d, {"kernel_size": 3, "stride": 2, "padding": 1,
                                              "padding_mode": mode}),
        "adaptive": (cpool.adaptive_stochastic_pool2d, {"output_size": (3, 4)}),
        "global": (cpool.global_stochastic_pool, {"keepdims": mode == "wrap"}),
    }[form]  # fmt: skip
    for options in ({}, {"where": rng.random(x.shape) < 0.8}):
        y, pullback = cpool.vjp(function, x, rng=2, **arguments, **options)
        gy = rng.normal(size=y.shape)
        sums = dict.fromkeys(x.ravel(), 0.0)
        for value, slope in zip(y.ravel(), gy.ravel(), strict=True):
            sums[value] += slope
        expected = np.array([sums[value] for value in x.ravel()]).reshape(x.shape)
        np.testing.assert_allclose(pullback(gy), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("extra", [{}, {"padding": 1}, {"padding": 1, "padding_mode": "mirror"},
                                   {"nan_policy": "omit"}, {"where": "some"}], ids=str)  # fmt: skip
@pytest.mark.parametrize("positive", [0.0, 0.3, 1.0])
def test_gradients_of_inference(positive, extra):
    """Of windows with and without positive elements: by differences of the reference."""
    rng = np.random.default_rng(4)
    shape = (2, 5, 6)
    x = rng.uniform(0.2, 2, shape) * np.where(rng.random(shape) < positive, 1, -1)
    options = dict(extra)
    if "where" in options:
        options["where"] = rng.random(shape) < 0.6
    if "nan_policy" in options:
        x[rng.random(shape) < 0.2] = np.nan

    def pooled(x):
        return reference.stochastic_pool2d(x, 2, 1, training=False, **options)

    y, pullback = cpool.vjp(cpool.stochastic_pool2d, x, 2, 1, training=False, **options)
    np.testing.assert_allclose(y, pooled(x), rtol=1e-14)
    gy = rng.normal(size=y.shape)
    expected = np.zeros(shape)
    for index in np.ndindex(shape):
        up, down = x.copy(), x.copy()
        up[index] += 1e-6
        down[index] -= 1e-6
        expected[index] = np.sum(gy * np.nan_to_num(pooled(up) - pooled(down))) / 2e-6
    np.testing.assert_allclose(pullback(gy), expected, rtol=0, atol=1e-8)


def test_inference_is_the_mean_of_many_draws():
    x = np.random.default_rng(0).normal(size=(8, 8))
    draws = [cpool.stochastic_pool2d(x, 4, rng=seed) for seed in range(4000)]
    expected = cpool.stochastic_pool2d(x, 4, training=False)
    spread = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(np.mean(draws, axis=0) - expected) < 4.5 * spread)


def test_inference_of_all_sizes():
    least = np.finfo(float).smallest_subnormal
    x = np.array([3e-200, 3e-200, 0, least, 0, least, -3, -np.inf, np.inf, 1, -1, -3.0])
    y = cpool.stochastic_pool1d(x, 2, training=False)
    np.testing.assert_allclose(y, [3e-200, least, least, -np.inf, np.inf, -2], rtol=1e-14)
    x = np.array([1e300, 1e300, 1.7e308, 1.7e308, 5, 5, -1e300, -1e300])
    y = cpool.stochastic_pool1d(x, 2, training=False)
    np.testing.assert_allclose(y, [1e300, 1.7e308, 5, -1e300], rtol=1e-14)
    assert cpool.stochastic_pool1d([3, 0, 1, 1], 2, training=False).tolist() == [3, 1]


@pytest.mark.parametrize("scale", [1, 1e-30, 1e30, 3e-42])
@pytest.mark.parametrize("kernel", [2, 7, 400, 5000])
def test_inference_in_float32(kernel, scale):
    """Squares of elements that are small or large, windows that are taken in parts."""
    x = (scale * np.random.default_rng(0).normal(size=(7, 5000))).astype("f4")
    x[2] = -np.abs(x[2])
    x[3, ::5] = 0
    w = x[:, : 5000 // kernel * kernel].reshape(7, -1, kernel).astype(float)
    r = np.maximum(w, 0)
    with np.errstate(invalid="ignore"):
        expected = (r * r).sum(-1) / r.sum(-1)
    expected = np.where(r.sum(-1) == 0, w.mean(-1), expected)
    y = cpool.stochastic_pool1d(x, kernel, training=False)
    np.testing.assert_allclose(y, expected, rtol=2e-6, atol=1.5e-45)
    with cpool.num_threads(2):
        np.testing.assert_array_equal(cpool.stochastic_pool1d(x, kernel, training=False), y)


def test_a_pullback_does_not_depend_on_what_is_changed_later():
    for training in (True, False):
        x = np.random.default_rng(0).normal(size=(3, 8))
        where = np.random.default_rng(1).random((3, 8)) < 0.8
        y, pullback = cpool.vjp(
            cpool.stochastic_pool1d, x, 2, where=where, rng=0, training=training
        )
        before = pullback(np.ones(y.shape))
        x[...] = y[...] = -1
        where[...] = True
        assert_equal(pullback(np.ones((3, 4))), before)


# Pool, layers -------------------------------------------------------------------------------------


def test_pool():
    x = np.random.default_rng(0).random((2, 8, 8))
    expected = cpool.stochastic_pool2d(x, 2, rng=5)
    for reduction in ("stochastic", cpool.Stochastic()):
        assert_equal(cpool.pool(x, reduction, cpool.sliding((2, 2)), rng=5), expected)
        y, _ = cpool.vjp(cpool.pool, x, reduction, cpool.sliding((2, 2)), rng=5)
        assert_equal(y, expected)


def test_windows_that_are_drawn_too():
    """One seed for both; planes differ in windows and in what is drawn of them."""
    x = np.tile(np.random.default_rng(0).random((40, 40)), (3, 1, 1))
    windows = cpool.fractional((3, 3), output_ratio=0.7)
    y, pullback = cpool.vjp(cpool.pool, x, "stochastic", windows, rng=5)
    assert_equal(cpool.pool(x, "stochastic", windows, rng=5), y)
    assert np.isin(y, x).all()
    assert not np.array_equal(y[0], y[1])
    assert pullback(np.ones(y.shape)).sum() == y.size
    with pytest.raises(ValueError, match="weights must be None for windows that are drawn"):
        cpool.pool(x, "mean", windows, rng=5, weights=x)


def test_layers():
    x = np.random.default_rng(0).random((2, 3, 20, 20))
    layer, same = nn.StochasticPool2d(2, rng=5), nn.StochasticPool2d(2, rng=5)
    first, second = layer(x), layer(x)
    assert not np.array_equal(first, second)
    assert_bits((same(x), same(x)), (first, second))
    assert layer == same
    assert repr(layer) == "StochasticPool2d(kernel_size=2, rng=5)"
    for again in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert again == layer
        assert_bits(again(x), first)
    gx = layer.backward(np.ones(second.shape))
    np.testing.assert_allclose((gx * x).sum(), second.sum(), rtol=1e-12)
    assert not np.array_equal(nn.StochasticPool2d(2)(x), nn.StochasticPool2d(2)(x))
    calm = nn.StochasticPool2d(2, training=False)
    assert_equal(calm(x), cpool.stochastic_pool2d(x, 2, training=False))


def test_layers_of_a_generator():
    """It is advanced by each call, and by others that have it."""
    x = np.random.default_rng(0).random((2, 3, 20, 20))
    rng = np.random.default_rng(1)
    layer, other = nn.StochasticPool2d(2, rng=rng), nn.AdaptiveStochasticPool2d(10, rng=rng)
    drawn = [layer(x), other(x), layer(x)]
    rng = np.random.default_rng(1)
    for y in drawn:
        assert_equal(y, cpool.stochastic_pool2d(x, 2, rng=rng))
