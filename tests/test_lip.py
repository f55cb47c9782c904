"""Local importance pooling: against the reference, soft pooling, and finite differences."""

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
    FLOATS,
    LAYOUTS,
    Case,
    assert_between,
    assert_equal,
    assert_type,
    cases,
    epsilon,
    fuzz,
    is_floating,
    lay_out,
    outcome,
    rounded,
    unchanged,
)

import cpool
from cpool import reference

NAMES = ["lip_pool1d", "lip_pool2d", "lip_pool3d", "lip_pool"]
OWN = ("count_include_pad", "divisor_override")


def lip(module, case: Case, logits, **changes):
    """A case of average pooling as one of lip_pool."""
    x = changes.pop("x", case.x)
    function = getattr(module, f"lip_pool{case.rank}d" if case.rank else "lip_pool")
    return function(x, logits, case.size, **{**case.options, **changes})


def without_own(case: Case) -> Case:
    kept = {name: value for name, value in case.options.items() if name not in OWN}
    return replace(case, options=kept)


def some_logits(rng, shape, dtype=np.float64):
    lengths = [n if rng.random() < 0.7 else 1 for n in shape][rng.integers(len(shape)) :]
    logits = rng.normal(size=lengths) * 3
    return np.where(rng.random(lengths) < 0.2, -np.inf, logits).astype(dtype)


# Values -------------------------------------------------------------------------------------------


@fuzz(70)
@hypothesis.given(data=st.data())
def test_random_cases(data):
    """All windows, types, layouts and options, as the reference has them."""
    case = without_own(data.draw(cases(cpool.Mean).filter(lambda case: case.form == "sliding")))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    logits = some_logits(rng, case.x.shape, data.draw(st.sampled_from(FLOATS)))
    logits = lay_out(logits, data.draw(st.sampled_from(LAYOUTS[:-2])))
    expected, refused = outcome(lambda: lip(reference, case, logits))
    with unchanged(case.x, logits, case.options.get("where")):
        actual, error = outcome(lambda: lip(cpool, case, logits))
    assert type(error) is type(refused), f"{case}: {error!r}, not {refused!r}"
    if refused is not None:
        hypothesis.reject()
    wide = lip(reference, case, logits, dtype=np.float64)
    narrow = all(is_floating(d) and d != np.float64 for d in (case.dtype, logits.dtype))
    sizes = np.nan_to_num(np.abs(case.x.astype(float)), posinf=0).max(initial=0)
    off = (case.taps + 8) * 4 * epsilon(np.float32 if narrow else np.float64) * (sizes + 1e-300)
    with np.errstate(all="ignore"):
        low, high = rounded(wide - off, expected.dtype), rounded(wide + off, expected.dtype)
    special = ~np.isfinite(wide)
    low[special] = high[special] = expected[special]
    assert_type(actual, expected.dtype, expected.shape, case)
    assert_between(actual, low, high, case)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_logits_that_are_elements_give_soft_pooling(dtype):
    x = np.random.default_rng(0).normal(size=(3, 9, 10)).astype(dtype)
    y = cpool.lip_pool2d(x, x, 3, 2, 1)
    expected = cpool.soft_pool2d(x, 3, 2, 1)
    assert_type(y, expected.dtype, expected.shape)
    np.testing.assert_allclose(y.astype(float), expected.astype(float), rtol=4 * epsilon(dtype),
                               atol=4 * epsilon(dtype))  # fmt: skip


def test_differences_count_not_sizes():
    """Logits of which no exponential is a number, and windows far apart from each other."""
    x = np.array([1.0, 3.0, 5.0, 9.0])
    logits = np.add(np.log([1.0, 3, 3, 1]), [1e5, 1e5, -1e5, -1e5])
    np.testing.assert_allclose(cpool.lip_pool1d(x, logits, 2), [2.5, 6], rtol=1e-10)
    assert cpool.lip_pool1d(x, [0, 2000, 0, -2000], 2).tolist() == [3, 5]
    assert cpool.lip_pool1d(x, [np.inf, 0, np.inf, np.inf], 2).tolist() == [1, 7]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("last", [False, True])
def test_sums_of_parts_of_the_input(dtype, last):
    """Arrays that are taken in parts; no window, and no bit, depends on what is beside it."""
    rng = np.random.default_rng(0)
    x, logits = rng.normal(size=(2, 5, 36, 120, 40)).astype(dtype)
    call = {"kernel_size": 3, "stride": 2, "padding": 1, "channels_last": last}
    y = cpool.lip_pool2d(x, logits, **call)
    for n in range(len(x)):
        assert_equal(cpool.lip_pool2d(x[n], logits[n], **call), y[n])
    expected = reference.lip_pool2d(x[3:4], logits[3:4], dtype=np.float64, **call)
    np.testing.assert_allclose(y[3:4], expected, rtol=0, atol=40 * epsilon(np.dtype(dtype)))
    turned, turned_logits = (array.transpose(0, 2, 1, 3)[::-1] for array in (x, logits))
    each = [cpool.lip_pool2d(*pair, 3, 2, 1) for pair in zip(turned, turned_logits, strict=True)]
    assert_equal(cpool.lip_pool2d(turned, turned_logits, 3, 2, 1), np.stack(each))


@pytest.mark.parametrize("last", [False, True])
def test_float64_of_float32(last):
    """It is computed in float64 then, in one way and in the other."""
    x, logits = np.random.default_rng(0).normal(size=(2, 3, 8, 10)).astype("float32")
    for given in (logits, logits * np.float32(100)):
        y = cpool.lip_pool2d(x, given, 2, channels_last=last, dtype="float64")
        wide = x.astype(float), given.astype(float)
        expected = reference.lip_pool2d(*wide, 2, channels_last=last)
        np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13, strict=True)


@pytest.mark.parametrize("dtype, scale", [("float32", 1e38), ("float64", 1e300)])
@pytest.mark.parametrize("spread", [1, 25, 60])
def test_sizes(dtype, scale, spread):
    """Elements near the ends of the type, and logits with which products would be beyond them."""
    rng = np.random.default_rng(0)
    logits = (rng.uniform(-1, 1, (4, 64)) * spread).astype(dtype)
    for factor in (scale, 1.0, 1 / scale):
        x = (rng.uniform(-1, 1, (4, 64)) * factor).astype(dtype)
        x[:, ::5] = 0
        y = cpool.lip_pool1d(x, logits, 4)
        expected = reference.lip_pool1d(x / factor, logits, 4, dtype=np.float64) * factor
        exactly = factor * 200 * epsilon(np.dtype(dtype))
        np.testing.assert_allclose(y, expected, rtol=0, atol=exactly)
    x[0, 0] = np.inf
    assert cpool.lip_pool1d(x, logits, 4)[0, 0] == np.inf


def test_what_has_no_weight_does_not_exist():
    x = np.array([np.nan, 3.0, np.inf, 5.0, np.nan, np.inf])
    logits = np.array([-np.inf, 0, -np.inf, 2, -np.inf, -np.inf])
    assert_equal(cpool.lip_pool1d(x, logits, 2), np.array([3, 5, np.nan]))
    with pytest.raises(ValueError, match=r"dtype must be floating .*, got int16"):
        cpool.lip_pool1d(x, logits, 2, dtype="int16")


def test_nans():
    x, logits = np.array([np.nan, 1.0, 2.0, 4.0]), np.array([0.0, 0.0, np.nan, 0.0])
    assert np.isnan(cpool.lip_pool1d(x, logits, 2)).all()
    assert cpool.lip_pool1d(x, logits, 2, nan_policy="omit").tolist() == [1, 4]
    where = np.array([False, True, False, True])
    for policy in ("propagate", "omit", "raise"):
        assert cpool.lip_pool1d(x, logits, 2, nan_policy=policy, where=where).tolist() == [1, 4]
    with pytest.raises(ValueError, match="x has a NaN in a window"):
        cpool.lip_pool1d(x, 0, 2, nan_policy="raise")
    with pytest.raises(ValueError, match="logits has a NaN in a window"):
        cpool.lip_pool1d([1.0] * 4, logits, 2, nan_policy="raise")
    assert cpool.lip_pool1d([1.0] * 4, logits, 2, 3, nan_policy="raise").tolist() == [1]
    with pytest.raises(ValueError, match="nan_policy"):
        cpool.lip_pool1d(x, logits, 2, nan_policy="drop")


@pytest.mark.parametrize("x_dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_types(x_dtype, dtype):
    """The result has x's type, whatever that of the logits; and so has the gradient."""
    x = np.random.default_rng(0).integers(0, 2, (2, 8)).astype(x_dtype)
    logits = np.random.default_rng(1).integers(-3, 3, (2, 8)).astype(dtype)
    y, pullback = cpool.vjp(cpool.lip_pool1d, x, logits, 2, wrt=("x", "logits"))
    natural = x.dtype if is_floating(x.dtype) else np.dtype(float)
    assert_type(y, natural, (2, 4))
    expected = reference.lip_pool1d(x, logits, 2, dtype=np.float64)
    np.testing.assert_allclose(y.astype(float), expected, rtol=4 * max(epsilon(natural), 1e-7))
    gx, gl = pullback(np.ones(y.shape, "int8"))
    assert_type(gx, natural, x.shape)
    assert_type(gl, logits.dtype if logits.dtype.kind == "f" else np.dtype(float), x.shape)


def test_out():
    x, logits = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("float32")
    expected = cpool.lip_pool2d(x, logits, 2)
    out = np.empty((4, 4, 3), "float32").transpose(2, 0, 1)
    assert cpool.lip_pool2d(x, logits, 2, out=out) is out
    assert_equal(out, expected)
    for array in (x, logits):
        with pytest.raises(ValueError, match="out must not overlap the input"):
            cpool.lip_pool2d(x, logits, 2, out=array[:, :4, :4])
    with pytest.raises(TypeError, match="out must have the result's dtype"):
        cpool.lip_pool2d(x, logits, 2, out=out.astype(float))


def test_threads():
    x, logits = np.random.default_rng(0).normal(size=(2, 5, 120, 131)).astype("float32")
    call = {"kernel_size": 3, "stride": 2, "padding": 1}
    with cpool.num_threads(1):
        y, pullback = cpool.vjp(cpool.lip_pool2d, x, logits, wrt=("x", "logits"), **call)
        gradients = pullback(y)
    with cpool.num_threads(3):
        again, pullback = cpool.vjp(cpool.lip_pool2d, x, logits, wrt=("x", "logits"), **call)
        assert_equal(again, y)
        for one, other in zip(pullback(y), gradients, strict=True):
            assert_equal(one, other)


def test_empty_batches():
    x = np.zeros((0, 6, 6))
    y, pullback = cpool.vjp(cpool.lip_pool2d, x, np.ones((6, 6)), 2, wrt=("x", "logits"))
    assert y.shape == (0, 3, 3)
    gx, gl = pullback(y)
    assert gx.shape == (0, 6, 6)
    assert_equal(gl, np.zeros((6, 6)))


# Errors, names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "logits, error, message",
    [
        (np.ones(3), ValueError, r"logits must broadcast to x's shape \(2, 4\), got \(3,\)"),
        (np.ones((3, 2, 4)), ValueError, "logits must broadcast"),
        (np.ma.ones(4), TypeError, "logits is a masked array"),
        ([1j] * 4, TypeError, "logits"),
        (None, TypeError, "logits"),
    ],
)
def test_errors(logits, error, message):
    with pytest.raises(error, match=message):
        cpool.lip_pool1d(np.ones((2, 4)), logits, 2)
    with pytest.raises(error, match=message):
        cpool.vjp(cpool.lip_pool1d, np.ones((2, 4)), logits, 2)


def test_errors_of_windows_and_where():
    x = np.ones((2, 4))
    with pytest.raises(ValueError, match="kernel_size"):
        cpool.lip_pool1d(x, x, 0)
    with pytest.raises(TypeError, match="where must be an array of bool"):
        cpool.lip_pool1d(x, x, 2, where=[1, 0, 1, 1])
    with pytest.raises(TypeError, match=r"lip_pool2d\(\) got an unexpected .*'axes'"):
        cpool.lip_pool2d(x, x, 2, axes=(0, 1))
    with pytest.raises(ValueError, match="x must have at least 3 axes to pool 3"):
        cpool.lip_pool3d(x, x, 2)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    function = getattr(cpool, name)
    assert function.__name__ == name
    assert name in cpool.__all__
    assert callable(getattr(reference, name))
    assert ("axes" in inspect.signature(function).parameters) == (name == "lip_pool")
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    assert runner.run(parser.get_doctest(function.__doc__, {}, name, None, None)).failed == 0
    assert runner.tries > 0


# Gradients ----------------------------------------------------------------------------------------


def numeric(function, array, gy, step=1e-6):
    gradient = np.empty(array.shape)
    for index in np.ndindex(*array.shape):
        up, down = array.copy(), array.copy()
        up[index] += step
        down[index] -= step
        change = np.nan_to_num(function(up)) - np.nan_to_num(function(down))
        gradient[index] = np.sum(gy * change) / (2 * step)
    return gradient


@fuzz(15)
@hypothesis.given(data=st.data())
def test_gradients(data):
    """By x and by the logits, by central differences of the reference."""
    drawn = cases(cpool.Mean, gradients=True).filter(lambda case: case.form == "sliding")
    case = without_own(data.draw(drawn))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    case.options.pop("dtype", None)
    x = np.asarray(case.x, float) / 8
    logits = some_logits(rng, x.shape)
    y, refused = outcome(lambda: lip(reference, case, logits, x=x))
    if refused is not None:
        hypothesis.reject()
    function = cpool.lip_pool if case.rank == 0 else getattr(cpool, f"lip_pool{case.rank}d")
    _, pullback = cpool.vjp(function, x, logits, case.size, wrt=("x", "logits"), **case.options)
    gy = rng.normal(size=y.shape)
    gx, gl = pullback(gy)
    size = np.nan_to_num(np.abs(x)).max(initial=1)
    expected = numeric(lambda v: lip(reference, case, v, x=x), logits, gy)
    expected = np.where(logits == -np.inf, 0, expected)
    np.testing.assert_allclose(gl, expected, rtol=0, atol=1e-7 * size * x.size)
    expected = numeric(lambda v: lip(reference, case, logits, x=np.where(np.isnan(x), x, v)),
                       np.nan_to_num(x), gy, 0.25)  # fmt: skip
    np.testing.assert_allclose(gx, expected, rtol=0, atol=1e-10 * size)


def test_a_pullback_does_not_depend_on_what_is_changed_later():
    rng = np.random.default_rng(0)
    x, logits, where = rng.random((3, 8)), rng.random((3, 8)), rng.random((3, 8)) < 0.8
    y, pullback = cpool.vjp(cpool.lip_pool1d, x, logits, 2, where=where, wrt=("x", "logits"))
    before = pullback(np.ones(y.shape))
    for array in (x, logits, y):
        array[...] = -1
    where[...] = True
    for one, other in zip(pullback(np.ones(y.shape)), before, strict=True):
        assert_equal(one, other)
