"""Detail-preserving pooling: against the reference, finite differences, and its limits."""

from __future__ import annotations

import doctest
import inspect
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from operators import (
    DTYPES,
    LAYOUTS,
    MODES,
    Case,
    assert_equal,
    assert_type,
    cases,
    epsilon,
    fuzz,
    is_floating,
    lay_out,
    outcome,
    unchanged,
)

import cpool
from cpool import reference

STEM = "detail_preserving_pool"
NAMES = [f"{STEM}{suffix}" for suffix in ("1d", "2d", "3d", "")]
OWN = [{}, {"alpha": 0.5, "lam": 2.0}, {"symmetric": False, "eps": 0.1}, {"lam": 0.7, "eps": 0.5}]


def detail(module, case: Case, **changes):
    function = getattr(module, STEM + (f"{case.rank}d" if case.rank else ""))
    x = changes.pop("x", case.x)
    return function(x, case.size, **{**case.options, **changes})


def numeric(function, x, gy, step):
    gradient = np.empty(x.shape)
    for index in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        change = np.nan_to_num(function(up) - function(down))
        gradient[index] = np.sum(gy * change) / (2 * step)
    return gradient


# Values -------------------------------------------------------------------------------------------


@fuzz(60)
@hypothesis.given(data=st.data())
def test_random_cases(data):
    """All windows, types, layouts and options; numbers of moderate size."""
    case = data.draw(cases(cpool.Mean).filter(lambda c: c.form == "sliding" and c.taps < 300))
    own = data.draw(st.sampled_from(OWN))
    options = {name: value for name, value in case.options.items()
               if name not in ("count_include_pad", "divisor_override")}  # fmt: skip
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = (rng.integers(0, 2, case.x.shape) if case.dtype.kind == "b"
         else rng.integers(0, 100, case.x.shape)).astype(case.dtype)  # fmt: skip
    if is_floating(case.dtype) and data.draw(st.booleans()):
        x[rng.random(x.shape) < 0.1] = np.nan
    if "dtype" in options:
        options["dtype"] = data.draw(st.sampled_from(["float32", "float64"]))
    x = lay_out(x, data.draw(st.sampled_from(LAYOUTS[:-2])))
    case = replace(case, x=x, options={**options, **own})
    expected, refused = outcome(lambda: detail(reference, case))
    with unchanged(x, options.get("where")):
        actual, error = outcome(lambda: detail(cpool, case))
    assert type(error) is type(refused), f"{case}: {error!r}, not {refused!r}"
    if refused is not None:
        hypothesis.reject()
    assert_type(actual, expected.dtype, expected.shape, case)
    narrow = is_floating(case.dtype) and case.dtype != np.float64
    narrow = narrow and options.get("dtype") != "float64"
    # Near its surroundings, an element's weight is eps and not exact.
    exactly = (1e3 if narrow else 1e4) * epsilon(np.float32 if narrow else np.float64)
    exactly += epsilon(expected.dtype)
    np.testing.assert_allclose(actual.astype(float), expected.astype(float), rtol=exactly,
                               atol=100 * exactly, err_msg=str(case))  # fmt: skip


def test_limits():
    """The mean for equal weights; the most different element for large powers."""
    x = np.random.default_rng(0).normal(size=(2, 9, 10))
    call = {"kernel_size": 3, "stride": 2, "padding": 1}
    mean = cpool.avg_pool2d(x, **call, count_include_pad=False)
    np.testing.assert_allclose(cpool.detail_preserving_pool2d(x, **call, lam=0), mean, rtol=1e-12)
    np.testing.assert_allclose(
        cpool.detail_preserving_pool2d(x, **call, alpha=1e14), mean, rtol=1e-10
    )
    x = np.array([0.0, 1.0, 9.0, 2.0])
    for dtype in ("float32", "float64"):
        y = cpool.detail_preserving_pool1d(x.astype(dtype) * 1e4, 4, lam=300)
        assert_equal(y, np.array([9e4], dtype))
    x = np.array([0.0, -9.0, 3.0, 0.0])
    high = cpool.detail_preserving_pool1d(x, 4, lam=50, symmetric=False)
    np.testing.assert_allclose(high, [3], rtol=1e-6)
    np.testing.assert_allclose(cpool.detail_preserving_pool1d(x, 4, lam=50), [-9], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_constants_stay(dtype):
    y = cpool.detail_preserving_pool2d(np.ones((5, 6), dtype), 2, 1, 1)
    assert_equal(y, np.ones((6, 7), dtype if is_floating(np.dtype(dtype)) else float))


@pytest.mark.parametrize("own", OWN, ids=str)
@pytest.mark.parametrize("shape, size, axes", [
    ((3, 700), 70, 1), ((2, 700), 700, 1), ((900,), 300, 0), ((2, 30, 40), (30, 40), (1, 2)),
    ((40, 30, 2), (9, 9), (0, 1)),
], ids=str)  # fmt: skip
def test_long_windows(own, shape, size, axes):
    """Windows that are taken in parts, forward and backward."""
    x = np.random.default_rng(0).normal(size=shape)

    def theirs(x, **more):
        return reference.detail_preserving_pool(x, size, axes=axes, **{**own, **more})

    y, pullback = cpool.vjp(cpool.detail_preserving_pool, x, size, axes=axes,
                            wrt=("x", "alpha", "lam"), **own)  # fmt: skip
    np.testing.assert_allclose(y, theirs(x), rtol=1e-11, atol=1e-13)
    assert_equal(cpool.detail_preserving_pool(x, size, axes=axes, **own), y)
    gy = np.random.default_rng(1).normal(size=y.shape)
    gx, by_alpha, by_lam = pullback(gy)
    change = np.random.default_rng(2).normal(size=shape)
    slope = (gy * (theirs(x + 1e-6 * change) - theirs(x - 1e-6 * change))).sum() / 2e-6
    np.testing.assert_allclose((gx * change).sum(), slope, rtol=1e-4, atol=1e-7)
    at = {"alpha": 0.0, "lam": 1.0, **own}
    for name, value in (("alpha", by_alpha), ("lam", by_lam)):
        high, low = (theirs(x, **{name: at[name] + sign * 1e-5}) for sign in (1, -1))
        np.testing.assert_allclose(value, (gy * (high - low)).sum() / 2e-5, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite(symmetric, bad):
    """It makes its windows NaN, whatever does not exist beside it."""
    x = np.arange(12.0)
    x[5] = bad
    call = {"symmetric": symmetric, "padding": 1, "where": np.arange(12) != 4}
    y = cpool.detail_preserving_pool1d(x, 2, **call)
    expected = reference.detail_preserving_pool1d(x, 2, **call)
    assert np.isnan(y[3])
    assert_equal(np.isnan(y), np.isnan(expected))
    narrow = cpool.detail_preserving_pool1d(x.astype("f4"), 2, **call)
    np.testing.assert_allclose(narrow, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_gradients_in_parameters_of_narrow_types(dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 40, 60)).astype(dtype)
    call = {"wrt": ("x", "alpha", "lam"), "eps": 0.1, "lam": 1.5}
    y, pullback = cpool.vjp(cpool.detail_preserving_pool2d, x, 2, **call)
    wide, pullback_wide = cpool.vjp(cpool.detail_preserving_pool2d, x.astype(float), 2, **call)
    gy = rng.normal(size=y.shape)
    np.testing.assert_allclose(y, wide, rtol=0, atol=20 * epsilon(np.dtype(dtype)))
    for one, other in zip(pullback(gy), pullback_wide(gy), strict=True):
        size = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=50 * epsilon(np.dtype(dtype)) * size)


def test_great_powers_of_small_differences():
    x = np.array([0.0, 1e-4, 0.0, -2e-4], "float32")
    y = cpool.detail_preserving_pool1d(x, 4, lam=60, eps=1e-8)
    np.testing.assert_allclose(y, [-2e-4], rtol=1e-5)
    assert cpool.detail_preserving_pool1d(np.ones(4, "float32"), 2, lam=60).tolist() == [1, 1]


def test_threads():
    x = np.random.default_rng(0).normal(size=(9, 70, 90)).astype("float32")
    results = []
    for threads in (1, 3):
        with cpool.num_threads(threads):
            y, pullback = cpool.vjp(cpool.detail_preserving_pool2d, x, 3, 2, 1)
            results.append((y, pullback(y)))
    for one, other in zip(*results, strict=True):
        assert_equal(one, other)


def test_the_definition():
    """One window by hand."""
    x = np.array([[1.0, 2.0], [3.0, 8.0]])
    blurred = np.array([[3.5, 3.5], [3.5, 3.5]])  # mirrored: each has the others beside it
    d = x - blurred.mean()
    w = 0.25 + (d**2 + 0.01) ** 0.75
    y = cpool.detail_preserving_pool2d(x, 2, alpha=0.25, lam=1.5, eps=0.1)
    np.testing.assert_allclose(y, [[(w * x).sum() / w.sum()]], rtol=1e-14)


def test_nans_and_what_does_not_exist():
    x = np.array([1.0, 2, 3, 4, np.nan, 6, 7, 8])
    y = cpool.detail_preserving_pool1d(x, 2)
    assert np.isnan(y).tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match="x has a NaN in a window"):
        cpool.detail_preserving_pool1d(x, 2, nan_policy="raise")
    there = ~np.isnan(x)
    expected = cpool.detail_preserving_pool1d(np.where(there, x, 77), 2, where=there)
    assert_equal(cpool.detail_preserving_pool1d(x, 2, nan_policy="omit"), expected)
    assert expected[2] == pytest.approx(6)
    nothing = cpool.detail_preserving_pool1d(np.ones(4, int), 2, where=[True, True, False, False])
    np.testing.assert_allclose(nothing, [1, np.nan])
    with pytest.raises(ValueError, match="dtype must be floating"):
        cpool.detail_preserving_pool1d([1.0, 2], 2, where=[False, False], dtype=int)
    y, pullback = cpool.vjp(cpool.detail_preserving_pool2d, np.zeros((0, 4, 4)), 2)
    assert y.shape == (0, 2, 2)
    assert pullback(y).shape == (0, 4, 4)


def test_out():
    x = np.random.default_rng(0).normal(size=(2, 6, 6)).astype("float32")
    out = np.zeros((3, 3, 2), "float32").transpose(2, 0, 1)
    assert cpool.detail_preserving_pool2d(x, 2, out=out) is out
    assert_equal(out, cpool.detail_preserving_pool2d(x, 2))
    with pytest.raises(ValueError, match="out must not overlap"):
        cpool.detail_preserving_pool2d(x, 2, out=x[:, :3, :3])


@pytest.mark.parametrize("given, error, message", [
    ({"alpha": -1}, ValueError, "alpha must be a number of at least 0"),
    ({"alpha": "1"}, TypeError, "alpha must be a number"),
    ({"lam": np.inf}, ValueError, "lam must be a number of at least 0"),
    ({"lam": None}, TypeError, "lam must be a number"),
    ({"eps": 0}, ValueError, "eps must be a number greater than 0"),
    ({"eps": True}, TypeError, "eps must be a number"),
    ({"symmetric": 1}, TypeError, "symmetric must be"),
    ({"nan_policy": "drop"}, ValueError, "nan_policy must be"),
    ({"where": [1, 0, 1]}, TypeError, "where must be"),
    ({"stride": 0}, ValueError, "stride must be"),
])  # fmt: skip
def test_errors(given, error, message):
    for call in (cpool.detail_preserving_pool1d,
                 lambda *args, **kwargs: cpool.vjp(cpool.detail_preserving_pool1d, *args,
                                                   **kwargs)):  # fmt: skip
        with pytest.raises(error, match=message):
            call([1.0, 2.0, 3.0], 2, **given)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    function = getattr(cpool, name)
    assert function.__name__ == name
    assert name in cpool.__all__
    assert callable(getattr(reference, name))
    assert ("axes" in inspect.signature(function).parameters) == (name == STEM)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    assert runner.run(parser.get_doctest(function.__doc__, {}, name, None, None)).failed == 0
    assert runner.tries > 0


# Gradients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [{"lam": 1.0, "eps": 0.3}, {"alpha": 0.4, "lam": 2.5, "eps": 0.2},
                                 {"symmetric": False, "eps": 0.4}, {"lam": 0, "alpha": 1}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("extra", [{}, {"padding": 1, "stride": 1}, {"nan_policy": "omit"},
                                   {"where": "some", "stride": 1},
                                   *({"padding": 1, "padding_mode": mode} for mode in MODES[1:]),
                                   {"dilation": 2, "ceil_mode": True}], ids=str)  # fmt: skip
def test_gradients(own, extra):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 4, 5))
    options = {**own, **extra}
    if "where" in options:
        options["where"] = rng.random(x.shape) < 0.7
    if "nan_policy" in options:
        x[rng.random(x.shape) < 0.2] = np.nan
    y, pullback = cpool.vjp(
        cpool.detail_preserving_pool2d, x, 2, wrt=("x", "alpha", "lam"), **options
    )
    gy = rng.normal(size=y.shape)
    gx, by_alpha, by_lam = pullback(gy)

    def pooled(x, **changes):
        return reference.detail_preserving_pool2d(x, 2, **{**options, **changes})

    np.testing.assert_allclose(y, pooled(x), rtol=1e-11)
    np.testing.assert_allclose(gx, numeric(pooled, x, gy, 1e-6), rtol=0, atol=2e-8)
    for name, value in (("alpha", by_alpha), ("lam", by_lam)):
        at = {"alpha": 0.0, "lam": 1.0, **own}[name]
        step = 1e-6
        change = np.nan_to_num(pooled(x, **{name: at + step}) - pooled(x, **{name: at - step}))
        np.testing.assert_allclose(value, (gy * change).sum() / (2 * step), rtol=0, atol=1e-7)


@pytest.mark.parametrize("rank, shape", [(1, (3, 9)), (3, (1, 3, 4, 5))])
def test_gradients_of_other_ranks(rank, shape):
    rng = np.random.default_rng(2)
    x = rng.normal(size=shape)
    function = getattr(cpool, f"{STEM}{rank}d")
    y, pullback = cpool.vjp(function, x, 2, 1, eps=0.2)
    gy = rng.normal(size=y.shape)
    expected = numeric(
        lambda x: getattr(reference, f"{STEM}{rank}d")(x, 2, 1, eps=0.2), x, gy, 1e-6
    )
    np.testing.assert_allclose(pullback(gy), expected, rtol=0, atol=2e-8)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_types_of_gradients(dtype):
    x = np.random.default_rng(0).integers(0, 2, (2, 8)).astype(dtype)
    y, pullback = cpool.vjp(cpool.detail_preserving_pool1d, x, 2, wrt=("x", "alpha", "lam"))
    gx, by_alpha, by_lam = pullback(np.ones(y.shape, "int8"))
    natural = x.dtype if is_floating(x.dtype) else np.dtype(float)
    assert_type(gx, natural, x.shape)
    assert isinstance(by_alpha, float)
    assert isinstance(by_lam, float)
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        pullback(np.ones((2, 3)))


def test_a_pullback_does_not_depend_on_what_is_changed_later():
    rng = np.random.default_rng(0)
    x, where = rng.random((3, 8)), rng.random((3, 8)) < 0.8
    y, pullback = cpool.vjp(cpool.detail_preserving_pool1d, x, 2, where=where)
    before = pullback(np.ones(y.shape))
    x[...] = y[...] = -1
    where[...] = True
    assert_equal(pullback(np.ones((3, 4))), before)
