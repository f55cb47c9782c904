"""Adaptive and global forms, and options, of what is no record of the registry: against the
reference, the sliding functions, and finite differences."""

from __future__ import annotations

import doctest
import inspect
import itertools

import numpy as np
import pytest
from operators import BFLOAT, DTYPES, FLOATS

import cpool
from cpool import reference
from cpool.alternatives import detail, lip, mixtures

MODULES = {"mixed": mixtures, "lip": lip, "detail_preserving": detail}
STEMS = list(MODULES)
TOLERANCES = {"float64": 1e-12, "float32": 4e-6, "float16": 2e-3, "bfloat16": 1.6e-2}
LEARNED = {"mixed": ["alpha"], "lip": ["logits"], "detail_preserving": ["alpha", "lam"]}


def own_of(stem, rng, shape):
    """What an operator is given beside x."""
    if stem == "lip":
        return {"logits": rng.normal(size=shape[1:])}
    if stem == "mixed":
        return {"alpha": 0.3}
    return {"alpha": 0.2, "lam": 1.5, "symmetric": bool(rng.integers(2))}


def assert_close(y, expected):
    assert y.dtype == expected.dtype
    assert y.shape == expected.shape
    a, b = (array.astype(float) for array in (y, expected))
    scale = np.abs(np.nan_to_num(b)).max(initial=1)
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCES.get(y.dtype.name, 0) * scale)


def numbers(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "iub":
        return rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def slope(function, x, direction, step=1e-6):
    """How the sum of a function's values changes along a direction."""
    up, down = (np.nansum(function(x + sign * step * direction)) for sign in (1, -1))
    return (up - down) / (2 * step)


# --- adaptive and global forms --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("stem", STEMS)
def test_types_as_the_reference(stem, dtype):
    rng = np.random.default_rng(1)
    x = numbers(rng, (2, 3, 7, 5), dtype)
    own = own_of(stem, rng, x.shape)
    for name, given in ((f"adaptive_{stem}_pool2d", {"output_size": (3, 2)}),
                        (f"global_{stem}_pool", {})):  # fmt: skip
        y = getattr(cpool, name)(x, **own, **given)
        assert y.dtype == (dtype if dtype in FLOATS else np.float64)
        assert_close(y, getattr(reference, name)(x, **own, **given))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("stem", STEMS)
def test_adaptive_options_as_the_reference(stem, rank):
    rng = np.random.default_rng(rank)
    name = f"adaptive_{stem}_pool"
    for last, masked, policy in itertools.product([False, True], [False, True],
                                                  ["propagate", "omit"]):
        lengths = tuple(rng.integers(4, 8, rank))
        x = rng.normal(size=(2, *lengths, 3) if last else (2, 3, *lengths))
        x[rng.random(x.shape) < 0.05] = np.nan
        own = own_of(stem, rng, x.shape)
        options = {**own, "channels_last": last, "nan_policy": policy,
                   "where": rng.random(x.shape) < 0.7 if masked else None}  # fmt: skip
        size = tuple(int(rng.integers(1, n)) for n in lengths[1:])
        for output_size in (2, (*size, None)):
            y = getattr(cpool, f"{name}{rank}d")(x, output_size=output_size, **options)
            expected = getattr(reference, f"{name}{rank}d")(x, output_size=output_size, **options)
            assert_close(y, expected)


@pytest.mark.parametrize("stem", STEMS)
def test_axes_as_the_reference(stem):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(4, 3, 6))
    own = own_of(stem, rng, x.shape)
    for name, given in ((f"adaptive_{stem}_pool", {"output_size": (2, 3), "axes": (-1, 0)}),
                        (f"global_{stem}_pool", {"axes": (2, 0)}),
                        (f"global_{stem}_pool", {}),
                        (f"global_{stem}_pool", {"channels_last": True, "keepdims": False}),
                        (f"global_{stem}_pool", {"axes": 1, "keepdims": False})):  # fmt: skip
        y = getattr(cpool, name)(x, **own, **given)
        assert_close(y, getattr(reference, name)(x, **own, **given))


@pytest.mark.parametrize("stem", STEMS)
def test_windows_side_by_side_are_those_of_the_sliding_functions(stem):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 3, 6, 8)).astype(np.float32)
    own = own_of(stem, rng, x.shape)
    sliding = getattr(cpool, f"{stem}_pool2d")
    adaptive = getattr(cpool, f"adaptive_{stem}_pool2d")
    whole = getattr(cpool, f"global_{stem}_pool")
    assert_close(adaptive(x, output_size=(3, 2), **own), sliding(x, kernel_size=(2, 4), **own))
    assert_close(whole(x, **own), sliding(x, kernel_size=(6, 8), **own))
    y, pullback = cpool.vjp(adaptive, x, output_size=(3, 2), **own)
    _, expected = cpool.vjp(sliding, x, kernel_size=(2, 4), **own)
    assert_close(pullback(y), expected(y))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("form", ["adaptive", "global"])
@pytest.mark.parametrize("stem", STEMS)
def test_gradients(stem, form, masked):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 3, 5, 4))
    own = own_of(stem, rng, x.shape)
    where = rng.random(x.shape) < 0.8 if masked else None
    given = {**own, "where": where, **({"output_size": (3, 2)} if form == "adaptive" else
                                       {"keepdims": False})}  # fmt: skip
    function = getattr(cpool, f"{form}_{stem}_pool" + ("2d" if form == "adaptive" else ""))
    y, pullback = cpool.vjp(function, x, wrt=("x", *LEARNED[stem]), **given)
    np.testing.assert_array_equal(y, function(x, **given))
    gy = np.ones_like(y)
    gx, *by_own = pullback(gy)
    direction = rng.normal(size=x.shape)
    expected = slope(lambda v: function(v, **given), x, direction)
    np.testing.assert_allclose((gx * direction).sum(), expected, rtol=1e-6)
    if masked:
        assert not gx[~where].any()
    for name, gradient in zip(LEARNED[stem], by_own, strict=True):
        along = rng.normal(size=np.shape(own[name]))
        expected = slope(lambda v, name=name: function(x, **{**given, name: v}),
                         np.asarray(own[name], float)[()], along[()])  # fmt: skip
        np.testing.assert_allclose((gradient * along).sum(), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        pullback(gy[None])


@pytest.mark.parametrize("stem", STEMS)
def test_out_and_dtype(stem):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 3, 6, 4)) * 10
    own = own_of(stem, rng, x.shape)
    for name, given in ((f"adaptive_{stem}_pool2d", {"output_size": 2}),
                        (f"global_{stem}_pool", {}),
                        (f"global_{stem}_pool", {"keepdims": False})):  # fmt: skip
        function = getattr(cpool, name)
        plain = function(x, **own, **given)
        out = np.empty(plain.shape[::-1], np.float32).T
        assert function(x, **own, **given, dtype="float32", out=out) is out
        np.testing.assert_allclose(out, plain, rtol=1e-6)
        with pytest.raises(ValueError, match="out must"):
            function(x, **own, **given, out=np.empty((9, 9)))


@pytest.mark.parametrize("stem", STEMS)
def test_errors(stem):
    x = np.ones((1, 1, 4, 4))
    own = {"logits": np.zeros((4, 4))} if stem == "lip" else {}
    adaptive = getattr(cpool, f"adaptive_{stem}_pool2d")
    whole = getattr(cpool, f"global_{stem}_pool")
    x[0, 0, 1, 1] = np.nan
    for call, error, message in (
        (lambda: adaptive(x, **own, output_size=0), ValueError, "output_size"),
        (lambda: adaptive(x, **own), TypeError, f"adaptive_{stem}_pool2d.*output_size"),
        (lambda: adaptive(x, **own, output_size=2, padding=1), TypeError, "padding"),
        (lambda: adaptive(x, **own, output_size=2, nan_policy="raise"), ValueError, "NaN"),
        (lambda: whole(x, **own, nan_policy="drop"), ValueError, "nan_policy must be"),
        (lambda: whole(x, **own, kernel_size=2), TypeError, f"global_{stem}_pool.*kernel_size"),
        (lambda: whole(x, **own, axes=1, channels_last=True), ValueError, "channels_last"),
        (lambda: whole(x, **own, keepdims=1), TypeError, "keepdims must be a bool"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_gates_have_no_windows_of_other_sizes():
    """A weight for each tap: there is no adaptive form, and nobody finds one by accident."""
    assert not hasattr(cpool, "adaptive_gated_pool2d")
    with pytest.raises(ValueError, match="weight must have an element for each tap"):
        cpool.gated_pool2d(np.ones((1, 4, 4)), 2, weight=np.ones((3, 3)))


NAMES = [f"{form}_{stem}_pool{rank}" for stem in STEMS for form, ranks in
         (("adaptive", ("", "1d", "2d", "3d")), ("global", ("",))) for rank in ranks]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_texts(name):
    function = getattr(cpool, name)
    assert name in cpool.__all__
    assert function.__name__ == function._vjp.__name__ == name
    assert inspect.signature(function) == inspect.signature(function._vjp)
    assert name in reference.__all__
    text = function.__doc__
    assert "padding_mode" not in text
    for heading in ("Parameters", "Returns", "Raises", "See Also", "References", "Examples"):
        assert f"\n    {heading}\n    {'-' * len(heading)}\n" in text
    for parameter in inspect.signature(function).parameters:
        assert f"\n    {parameter} : " in text, parameter
    assert ("output_size" in text) == name.startswith("adaptive")
    assert ("one window over it" in text.splitlines()[0]) == name.startswith("global")
    assert max(map(len, text.splitlines()[1:])) <= 100
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


# --- options of blurring --------------------------------------------------------------------------

BLURS = [
    ("blur_pool1d", (3, 9), {"filter_size": 4}),
    ("blur_pool2d", (2, 7, 6), {"filter_size": (3, 5)}),
    ("blur_pool2d", (7, 6, 2), {"channels_last": True, "stride": (1, 3)}),
    ("blur_pool3d", (2, 5, 4, 6), {"filter_size": 2}),
    ("max_blur_pool2d", (2, 7, 6), {}),
    ("max_blur_pool2d", (7, 8, 2), {"kernel_size": 3, "filter_size": 5, "channels_last": True}),
]
MODES = ["mirror", "constant", "wrap"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name, shape, given", BLURS)
def test_masked_blurs_as_the_reference(name, shape, given, mode):
    rng = np.random.default_rng(6)
    for dtype, chance in itertools.product(["f8", "f4", "f2", "i4", "u1", "?"], [0.9, 0.5, 0.1]):
        x = numbers(rng, shape, dtype)
        options = {**given, "padding_mode": mode, "where": rng.random(shape) < chance}
        y = getattr(cpool, name)(x, **options)
        assert_close(y, getattr(reference, name)(x, **options))
    # What does not exist has no say, whatever it is.
    x = rng.normal(size=shape)
    other = np.where(options["where"], x, np.nan)
    first, second = (getattr(cpool, name)(each, **options) for each in (x, other))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, getattr(cpool, name)(
        other, **{**options, "where": None, "nan_policy": "omit"}))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name, shape, given", BLURS)
def test_a_mask_of_everything_changes_nothing(name, shape, given, mode):
    x = np.random.default_rng(7).normal(size=shape)
    function = getattr(cpool, name)
    plain = function(x, padding_mode=mode, **given)
    np.testing.assert_array_equal(function(x, padding_mode=mode, where=True, **given), plain)
    np.testing.assert_array_equal(
        function(x, padding_mode=mode, nan_policy="omit", **given), plain)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name, shape, given", BLURS)
def test_gradients_of_masked_blurs(name, shape, given, mode):
    rng = np.random.default_rng(8)
    x, where = rng.normal(size=shape), rng.random(shape) < 0.6
    options = {**given, "padding_mode": mode, "where": where}
    function = getattr(cpool, name)
    y, pullback = cpool.vjp(function, x, **options)
    np.testing.assert_array_equal(y, function(x, **options))
    gx = pullback(np.ones_like(y))
    assert gx.dtype == x.dtype
    assert not gx[~where].any()
    direction = rng.normal(size=shape)
    expected = slope(lambda v: function(v, **options), x, direction)
    np.testing.assert_allclose((gx * direction).sum(), expected, rtol=1e-6)
    kept = where.copy()
    where[:] = True  # after the call: it does not matter
    np.testing.assert_array_equal(pullback(np.ones_like(y)), gx)
    narrow = x.astype(np.float16)
    _, pullback = cpool.vjp(function, narrow, **{**options, "where": kept})
    assert pullback(np.ones_like(y)).dtype == np.float16


@pytest.mark.parametrize("name, shape, given", BLURS)
def test_types_and_places_of_blurs(name, shape, given):
    rng = np.random.default_rng(9)
    function = getattr(cpool, name)
    x = rng.normal(size=shape).astype(np.float32) * 100
    where = rng.random(shape) < 0.9
    for mask in (None, where):
        wide = function(x, where=mask, dtype="float64", **given)
        assert wide.dtype == np.float64
        np.testing.assert_allclose(
            wide, function(x.astype(np.float64), where=mask, **given), rtol=1e-12, atol=1e-12)
        out = np.full(wide.shape[::-1], 7, np.float32).T
        assert function(x, where=mask, out=out, **given) is out
        np.testing.assert_array_equal(out, function(x, where=mask, **given))
        y, _ = cpool.vjp(function, x, where=mask, out=out, **given)
        assert y is out
    whole = function(x, dtype="int8", **given)
    expected = np.clip(np.rint(function(x, dtype="float64", **given)), -128, 127)
    np.testing.assert_array_equal(whole, expected.astype(np.int8))
    if BFLOAT is not None:
        assert function(x, dtype=BFLOAT, **given).dtype == BFLOAT


@pytest.mark.parametrize("name", ["blur_pool2d", "max_blur_pool2d"])
def test_errors_of_blurs(name):
    function = getattr(cpool, name)
    x = np.ones((1, 6, 6))
    nan = x.copy()
    nan[0, 2, 2] = np.nan
    nothing = np.zeros(x.shape, bool)
    assert np.isnan(function(x, where=nothing)).all()
    seen = function(nan, where=~np.isnan(nan), nan_policy="raise")
    np.testing.assert_array_equal(seen, np.ones(seen.shape))
    for options, error, message in (
        ({"nan_policy": "raise", "x": nan}, ValueError, "x has a NaN in a window"),
        ({"nan_policy": "drop"}, ValueError, "nan_policy must be"),
        ({"nan_policy": 1}, TypeError, "nan_policy must be"),
        ({"where": nothing, "dtype": "int8"}, ValueError, "NaN"),
        ({"where": np.ones((2, 2), bool)}, ValueError, "where"),
        ({"where": np.ones(x.shape)}, TypeError, "where"),
        ({"dtype": "complex64"}, TypeError, "dtype must be of a real type"),
        ({"out": np.ones((1, 2, 2))}, ValueError, "out must"),
        ({"out": np.ones((1, 3, 3), np.float32)}, (TypeError, ValueError), "out must"),
        ({"out": x[:, :3, :3]}, ValueError, "out must not overlap"),
    ):
        with pytest.raises(error, match=message):
            function(**{"x": x, **options})


def test_a_nan_that_no_window_reads():
    x = np.array([1.0, 2.0, np.nan, 3.0, 4.0, 5.0, 6.0])
    assert cpool.blur_pool1d(x, 2, 4, nan_policy="raise").tolist() == [1.5, 4.5]
    with pytest.raises(ValueError, match="NaN"):
        cpool.blur_pool1d(x, 2, 2, nan_policy="raise")


def test_a_masked_blur_by_hand():
    x, where = np.array([4.0, 8.0, 100.0, 2.0]), np.array([True, True, False, True])
    # (4 · 2 + 8 · 2) / 4 with a mirror; (8 + 2) / 2 beside what is missing.
    assert cpool.blur_pool1d(x, 3, 2, where=where).tolist() == [6, 5]
    # Zeros of the padding count: (4 · 2 + 8 + 0) / 4.
    assert cpool.blur_pool1d(x, 3, 2, where=where, padding_mode="constant").tolist() == [4, 5]


# --- options of spatial pyramids ------------------------------------------------------------------


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("reduction", ["max", "min", "sum", "mean"])
def test_masked_pyramids_as_the_reference(reduction, last):
    rng = np.random.default_rng(10)
    for dtype in ["f8", "f4", "f2", "i4", "u1"]:
        x = numbers(rng, (2, 6, 7, 3) if last else (2, 3, 6, 7), dtype)
        where = rng.random(x.shape) < 0.6
        if x.dtype.kind in "iu":
            where[...] |= np.indices(x.shape).sum(0) % 2 == 0  # something in each cell
        options = {"reduction": reduction, "channels_last": last, "where": where}
        if x.dtype.kind == "f":
            x[rng.random(x.shape) < 0.1] = np.nan
            options["nan_policy"] = "omit"
        y = cpool.spatial_pyramid_pool(x, (3, 1), **options)
        assert_close(y, reference.spatial_pyramid_pool(x, (3, 1), **options))
        again, _ = cpool.vjp(cpool.spatial_pyramid_pool, x, (3, 1), **options)
        np.testing.assert_array_equal(again, y, strict=True)
        wide = cpool.spatial_pyramid_pool(x, (3, 1), dtype="float64", **options)
        assert_close(wide, reference.spatial_pyramid_pool(x, (3, 1), dtype="float64", **options))
        out = np.empty((y.shape[1], y.shape[0]), y.dtype).T
        assert cpool.spatial_pyramid_pool(x, (3, 1), out=out, **options) is out
        np.testing.assert_array_equal(out, y)
        y, _ = cpool.vjp(cpool.spatial_pyramid_pool, x, (3, 1), out=out, **options)
        assert y is out


@pytest.mark.parametrize("reduction", ["max", "mean", cpool.PowerMean(2.0, 0.01)])
def test_gradients_of_masked_pyramids(reduction):
    rng = np.random.default_rng(11)
    x, where = rng.uniform(1, 2, (2, 3, 6, 5)), rng.random((6, 5)) < 0.7
    options = {"reduction": reduction, "where": where}
    y, pullback = cpool.vjp(cpool.spatial_pyramid_pool, x, (1, 2), **options)
    gx = pullback(np.ones_like(y))
    assert not gx[..., ~where].any()
    direction = rng.normal(size=x.shape)
    expected = slope(lambda v: cpool.spatial_pyramid_pool(v, (1, 2), **options), x, direction)
    np.testing.assert_allclose((gx * direction).sum(), expected, rtol=1e-6)


def test_errors_of_pyramids():
    x = np.ones((2, 4, 4))
    x[0, 0, 0] = np.nan
    for options, error, message in (
        ({"nan_policy": "raise"}, ValueError, "NaN in a window"),
        ({"nan_policy": "drop"}, ValueError, "nan_policy must be"),
        ({"where": np.zeros((4, 4), bool), "dtype": "int8"}, ValueError, "NaN|element"),
        ({"out": np.ones(3)}, ValueError, "out must"),
        ({"out": x.reshape(-1)[:2]}, ValueError, "out must not overlap"),
    ):
        with pytest.raises(error, match=message):
            cpool.spatial_pyramid_pool(x, (1,), **options)


# Where results lie --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
@pytest.mark.parametrize("name", ["max", "avg", "median", "rms", "soft", "blur"])
def test_results_lie_in_memory_as_inputs_do(name, order):
    """As those of NumPy's functions: in the order of strides; gradients of folds as those of
    results."""
    rng = np.random.default_rng(0)
    shape = np.array((2, 3, 10, 12))
    x = rng.normal(size=shape[list(order)]).transpose(np.argsort(order))
    function = getattr(cpool, f"{name}_pool2d")
    y, pullback = cpool.vjp(function, x, 3)
    assert y.strides == np.empty_like(x, shape=y.shape).strides
    expected, plain = cpool.vjp(function, np.ascontiguousarray(x), 3)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)
    gy = np.empty_like(y)
    gy[...] = rng.normal(size=y.shape)
    gx = pullback(gy)
    if name in ("max", "avg", "blur"):
        assert gx.strides == np.empty_like(y, shape=x.shape).strides
    np.testing.assert_allclose(gx, plain(np.ascontiguousarray(gy)), rtol=1e-12, atol=1e-12)


def test_positions_lie_in_memory_as_values_do():
    x = np.asfortranarray(np.random.default_rng(0).normal(size=(2, 3, 10, 12)))
    y, positions = cpool.max_pool2d(x, 3, return_indices=True)
    assert y.flags.f_contiguous
    assert positions.flags.f_contiguous
    assert np.array_equal(positions, cpool.max_pool2d(x.copy("C"), 3, return_indices=True)[1])
