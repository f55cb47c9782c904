"""where, nan_policy, dtype and out of the functions that are no `pool`: against the reference, by
finite differences, and what each of them refuses."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
from operators import BFLOAT, FLOATS, unchanged

import cpool
from cpool import nn, reference

RNG = np.random.default_rng(0)
QUERY, WEIGHT = RNG.normal(size=3), RNG.normal(size=(4, 3, 3, 2))
BOXES = [[0, 1, 1, 5, 4], [1, -2, 0, 5, 9], [0, 0.4, 2, 2.2, 2.1], [1, 20, 20, 22, 22]]
LAST = {"channels_last": True}

#: Name, shape of x, arguments behind x.
CALLS = [
    ("sppf", (2, 3, 6, 5), {"kernel_size": 3, "repeats": 2}),
    ("sppf", (2, 6, 5, 3), {"kernel_size": (2, 3), **LAST}),
    ("haar_pool1d", (3, 8), {}),
    ("haar_pool2d", (2, 3, 4, 6), {}),
    ("haar_pool2d", (4, 6, 3), LAST),
    ("haar_pool3d", (2, 4, 2, 6), {}),
    ("polyphase_pool1d", (3, 7), {"stride": 3}),
    ("polyphase_pool2d", (4, 2, 6, 8), {}),
    ("polyphase_pool2d", (4, 7, 6, 3), {"stride": (2, 3), "norm_type": 1.5, **LAST}),
    ("polyphase_pool2d", (6, 8), {"norm_type": np.inf}),
    ("attention_pool", (2, 4, 5, 3), {"query": QUERY, **LAST}),
    ("attention_pool", (5, 3), {"query": QUERY, "axes": 0}),
    ("roi_pool", (2, 3, 6, 8), {"boxes": BOXES, "output_size": (2, 3)}),
    ("roi_pool", (2, 6, 8, 3), {"boxes": BOXES, "output_size": 1, **LAST}),
]
#: Those that need every element.
WHOLE = [
    ("spectral_pool1d", (2, 9), {"output_size": 4}),
    ("spectral_pool2d", (3, 6, 8), {"output_size": (3, None)}),
    ("roi_align", (2, 3, 6, 8), {"boxes": BOXES, "output_size": 2}),
    ("roi_align", (2, 3, 6, 8), {"boxes": BOXES, "output_size": 2, "reduction": "max"}),
    ("conv1d", (2, 3, 9), {"weight": WEIGHT[..., 0], "stride": 2, "padding": 1}),
    ("conv2d", (2, 3, 7, 6), {"weight": WEIGHT, "bias": [1.0, 2.0, 3.0, 4.0]}),
    ("conv2d", (5, 6, 3), {"weight": WEIGHT[:3, :1], "groups": 3, **LAST}),
    ("conv3d", (3, 3, 4, 3), {"weight": WEIGHT[..., None]}),
]


def each(calls):
    ids = [f"{name}-{'x'.join(map(str, shape))}" for name, shape, _ in calls]
    return pytest.mark.parametrize("name, shape, given", calls, ids=ids)


def numbers(shape, dtype, seed=1):
    """Far enough from one another for finite differences, and all over the type's sign."""
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.linspace(-57, 61, int(np.prod(shape)))).reshape(shape)
    dtype = np.dtype(dtype)
    return (np.abs(x) if dtype.kind in "ub" else x).astype(dtype)


def masks(shape):
    rng = np.random.default_rng(2)
    yield from (rng.random(shape) < share for share in (0.9, 0.5, 0.1))
    yield np.zeros(shape, bool)
    yield rng.random(shape[-2:]) < 0.7  # broadcasts


def assert_close(y, expected, size):
    assert y.dtype == expected.dtype
    assert y.shape == expected.shape
    a, b = (array.astype(float) for array in (y, expected))
    wide = {8: 1e-12, 4: 4e-6, 2: 2e-3 if y.dtype == np.float16 else 1.6e-2, 1: 0}[size]
    scale = np.abs(np.nan_to_num(b)).max(initial=1)
    np.testing.assert_allclose(a, b, rtol=0, atol=wide * scale)


def both(name, x, **options):
    """What cpool and the reference make of a call: results, or the type of the error."""
    answers = []
    for module in (cpool, reference):
        try:
            answers.append(getattr(module, name)(x, **options))
        except (TypeError, ValueError) as error:
            answers.append(type(error))
    return answers


@each(CALLS)
def test_where_as_the_reference(name, shape, given):
    for dtype in ["f8", "f4", "f2", *([BFLOAT] if BFLOAT else []), "i4", "u1", "?"]:
        x = numbers(shape, dtype)
        for where in masks(shape):
            with unchanged(x, where):
                y, expected = both(name, x, where=where, **given)
            if isinstance(expected, type):
                assert y is expected  # nothing exists, and the result is of integers
                assert x.dtype.kind in "iub"
            else:
                assert_close(y, expected, min(y.dtype.itemsize, 8))


@each(CALLS)
def test_what_does_not_exist_has_no_say(name, shape, given):
    function, x = getattr(cpool, name), numbers(shape, "f8")
    for where in masks(shape):
        y = function(x, where=where, **given)
        other = np.where(where, x, np.nan)
        np.testing.assert_array_equal(function(other, where=where, **given), y)
        np.testing.assert_array_equal(
            function(other, where=where, nan_policy="raise", **given), y)
        np.testing.assert_array_equal(function(other, nan_policy="omit", **given), y)
        assert_close(getattr(reference, name)(other, nan_policy="omit", **given), y, 8)
    for nothing in ({"where": True}, {"where": np.ones(shape, bool)}, {"nan_policy": "omit"}):
        y = function(x, **nothing, **given)
        np.testing.assert_allclose(y, function(x, **given), rtol=1e-15)


@each(CALLS)
def test_gradients_of_what_exists(name, shape, given):
    rng = np.random.default_rng(3)
    function, x = getattr(cpool, name), numbers(shape, "f8") / 30
    for where in masks(shape):
        options = {**given, "where": where.copy()}
        y, pullback = cpool.vjp(function, x, **options)
        np.testing.assert_array_equal(y, function(x, **options))
        options["where"][...] = True  # after the call: it does not matter
        gy = rng.normal(size=y.shape)
        gx = pullback(gy)
        assert gx.dtype == x.dtype
        assert not gx[~np.broadcast_to(where, shape)].any()
        direction, step = rng.normal(size=shape), 1e-6
        up, down = (
            np.nan_to_num(function(x + sign * step * direction, **{**given, "where": where}))
            for sign in (1, -1)
        )
        expected = (gy * (up - down)).sum() / (2 * step)
        np.testing.assert_allclose((gx * direction).sum(), expected, rtol=1e-6, atol=1e-7)
    narrow, pullback = cpool.vjp(function, x.astype(np.float16), where=where, **given)
    assert narrow.dtype == pullback(gy).dtype == np.float16


@each([*CALLS, *WHOLE])
def test_types_of_results(name, shape, given):
    function = getattr(cpool, name)
    for dtype, asked in itertools.product(["f8", "f4", "f2", "i4", "i8"],
                                          ["f8", "f4", "i2", "u1", "?", *FLOATS]):  # fmt: skip
        x = numbers(shape, dtype)
        y = function(x, dtype=asked, **given)
        assert y.dtype == asked
        expected = getattr(reference, name)(x, dtype=asked, **given)
        if y.dtype.kind in "iub":  # which half is rounded where may hang on the last bit
            off = np.abs(y.astype(int) - expected.astype(int))
            assert off.max(initial=0) <= (dtype in ("f4", "f2") or name.startswith("spectral"))
        else:
            size = 4 if dtype in ("f4", "f2") and name.startswith("roi") else y.dtype.itemsize
            assert_close(y, expected, min(size, y.dtype.itemsize))
        again, pullback = cpool.vjp(function, x, dtype=asked, **given)
        np.testing.assert_array_equal(again, y, strict=True)
        gx = pullback(np.ones(y.shape))
        assert gx.dtype == (x.dtype if x.dtype.kind == "f" else np.float64)
    large = function(numbers(shape, "f8") * 1e4, dtype="int8", **given)
    assert {-128, 127} & set(large.reshape(-1).tolist())
    with pytest.raises(ValueError, match="dtype must be floating"):
        function(np.full(shape, np.nan), dtype="int8", **given)


@each([*CALLS, *WHOLE])
def test_places_of_results(name, shape, given):
    function, x = getattr(cpool, name), numbers(shape, "f4")
    y = function(x, **given)
    for dtype in (None, "f8"):
        out = np.full(y.shape[::-1], 7, dtype or "f4").T
        assert function(x, out=out, dtype=dtype, **given) is out
        np.testing.assert_array_equal(out, function(x, dtype=dtype, **given))
        out[...] = 7
        again, pullback = cpool.vjp(function, x, out=out, dtype=dtype, **given)
        assert again is out
        gx = pullback(np.ones(y.shape))
        out[...] = 7  # the pullback holds no part of it
        np.testing.assert_array_equal(pullback(np.ones(y.shape)), gx)
    memory = np.zeros(x.size + y.size, "f4")
    x_there = memory[: x.size].reshape(shape)
    x_there[...] = x
    for out, error, message in (
        (np.empty((*y.shape, 1), "f4"), ValueError, "out must have the result's shape"),
        (np.empty(y.shape, "f8"), TypeError, "out must have the result's dtype"),
        (memory[x.size - 1 : -1].reshape(y.shape), ValueError, "out must not overlap"),
        (y.tolist(), TypeError, "out must be an ndarray"),
    ):
        with pytest.raises(error, match=message):
            function(x_there, out=out, **given)
    assert function(x_there, out=memory[x.size :].reshape(y.shape), **given).any()


@each([*CALLS, *WHOLE])
def test_places_of_gradients(name, shape, given):
    x = numbers(shape, "f4")
    y, pullback = cpool.vjp(getattr(cpool, name), x, **given)
    gy = numbers(y.shape, "f8", 2)
    expected = pullback(gy)
    for out in (np.full(shape, 7, "f4"), np.full(shape[::-1], 7, "f4").T):
        assert pullback(gy, out=out) is out
        np.testing.assert_array_equal(out, expected)
    for out, error, message in (
        (np.empty((*shape, 1), "f4"), ValueError, "out must have the gradient's shape"),
        (np.empty(shape, "f8"), TypeError, "out must have the gradient's dtype"),
    ):
        with pytest.raises(error, match=message):
            pullback(gy, out=out)
    memory = np.zeros(max(x.size, y.size) + 1, "f4")
    with pytest.raises(ValueError, match="out must not overlap"):
        pullback(memory[: y.size].reshape(y.shape), memory[1 : x.size + 1].reshape(shape))


@each([*CALLS, *WHOLE])
def test_nan_that_raises(name, shape, given):
    function, x = getattr(cpool, name), numbers(shape, "f4")
    x[...] += 100
    np.testing.assert_array_equal(
        function(x, nan_policy="raise", **given), function(x, **given), strict=True)
    whole = numbers(shape, "i4")
    np.testing.assert_array_equal(
        function(whole, nan_policy="raise", **given), function(whole, **given), strict=True)
    middle = tuple(n // 2 for n in shape)
    x[middle] = np.nan
    for call in (function, lambda *a, **o: cpool.vjp(function, *a, **o)):
        with pytest.raises(ValueError, match='NaN in a window, and nan_policy is "raise"'):
            call(x, nan_policy="raise", **given)
        with pytest.raises(ValueError, match="nan_policy must be"):
            call(x, nan_policy="drop", **given)
        with pytest.raises(TypeError, match="nan_policy must be"):
            call(x, nan_policy=1, **given)
    assert np.isnan(function(x, **given)).any()


def test_nan_that_nobody_reads():
    x = np.zeros((1, 1, 7, 8))
    x[..., 2, :] = x[..., 5] = np.nan
    weight = np.ones((1, 1, 2, 2))
    y = cpool.conv2d(x, weight, stride=(3, 3), nan_policy="raise")
    assert not y.any()
    with pytest.raises(ValueError, match="NaN"):
        cpool.conv2d(x, weight, stride=(2, 3), nan_policy="raise")
    for function in (cpool.roi_align, cpool.roi_pool):
        assert not function(x, [[0, 0, 3, 4, 5]], 2, nan_policy="raise").any()
        with pytest.raises(ValueError, match="NaN"):
            function(x, [[0, 0, 1, 4, 5]], 2, nan_policy="raise")


@each(WHOLE)
def test_what_needs_every_element(name, shape, given):
    """There is no `where`, and "omit" is an error with its reason: in the layer too."""
    function, x = getattr(cpool, name), np.ones(shape)
    for call in (function, lambda *a, **o: cpool.vjp(function, *a, **o)):
        with pytest.raises(ValueError, match=r'"propagate" or "raise", got "omit": .*element'):
            call(x, nan_policy="omit", **given)
        with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected keyword.*where"):
            call(x, where=np.ones(shape, bool), **given)
    layer = getattr(nn, "".join(part.capitalize() for part in name.split("_")))
    own = {key: value for key, value in given.items() if key != "boxes"}
    with pytest.raises(ValueError, match=r'got "omit": .*element'):
        layer(nan_policy="omit", **own)


@each([*CALLS, *WHOLE])
def test_layers_take_the_options(name, shape, given):
    x = numbers(shape, "f4")
    layer = getattr(nn, "".join(part.capitalize() for part in name.split("_")))
    own = {key: value for key, value in given.items() if key != "boxes"}
    boxes = {key: value for key, value in given.items() if key == "boxes"}
    called = {"where": x < 30} if (name, shape, given) in CALLS else {}
    y = getattr(cpool, name)(x, dtype="float64", **called, **given)
    out = np.empty_like(y)
    made = layer(dtype="float64", nan_policy="raise", **own)
    assert made(x, **boxes, out=out, **called) is out
    np.testing.assert_array_equal(out, y)
    assert made.backward(y).shape == shape
    assert made.nan_policy == "raise"


@each(CALLS)
def test_masks_that_do_not_fit(name, shape, given):
    function, x = getattr(cpool, name), np.ones(shape)
    with pytest.raises(ValueError, match="where must broadcast"):
        function(x, where=np.ones((9, 9), bool), **given)
    with pytest.raises(TypeError, match="where must be an array of bool"):
        function(x, where=np.ones(shape), **given)


# --- one by one -----------------------------------------------------------------------------------


def test_masked_blocks_by_hand():
    x = np.array([[1.0, 3.0, 9.0, 9.0], [8.0, 9.0, 9.0, 9.0]])
    where = np.array([[True, True, False, False], [True, False, False, False]])
    # Twice the mean of 1, 3 and 8; nothing.
    np.testing.assert_array_equal(cpool.haar_pool2d(x, where=where), [[8, np.nan]])
    with pytest.raises(ValueError, match="dtype must be floating"):
        cpool.haar_pool2d(x, where=where, dtype="int8")


def test_chained_maxima_of_what_exists_are_those_of_a_large_window():
    rng = np.random.default_rng(4)
    x, where = rng.normal(size=(2, 9, 11)), rng.random((2, 9, 11)) < 0.1
    levels = cpool.sppf(x, 3, 3, where=where).reshape(4, 2, 9, 11)
    np.testing.assert_array_equal(levels[0], np.where(where, x, np.nan))
    for repeats in (1, 2, 3):
        k = 2 * repeats + 1
        expected = cpool.max_pool2d(x, k, 1, "same", where=where)
        np.testing.assert_array_equal(levels[repeats], expected)


def test_missing_elements_of_integers():
    x, where = np.arange(16).reshape(1, 4, 4), np.ones((4, 4), bool)
    np.testing.assert_array_equal(cpool.sppf(x, where=where), cpool.sppf(x), strict=True)
    where[3, 3] = False
    message = "where leaves a window without an element: dtype must be floating, got int64"
    with pytest.raises(ValueError, match=message):
        cpool.sppf(x, where=where)
    assert np.nanmax(cpool.sppf(x, where=where, dtype="float32")) == 14
    # The component of 15 is not chosen any more, and one that is whole has no error.
    assert cpool.polyphase_pool2d(x, where=where).tolist() == [[[4, 6], [12, 14]]]
    where[3, 0] = False
    with pytest.raises(ValueError, match=message):
        cpool.polyphase_pool2d(x, where=where)
    y = cpool.polyphase_pool2d(x, where=where, dtype="float64")
    np.testing.assert_array_equal(y, [[[4, 6], [np.nan, 14]]])


def test_a_position_exists_with_all_of_its_channels():
    x = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    y = cpool.attention_pool(x, [0.0, 0.0], axes=0, nan_policy="omit")
    np.testing.assert_array_equal(y, [3, 4])
    with pytest.raises(ValueError, match="dtype must be floating, got int8"):
        cpool.attention_pool(x, [0, 0], axes=0, where=[[True, False]] * 3, dtype="int8")


def test_the_least_values_of_boxes():
    """What does not exist is not mistaken for what is as small as can be."""
    for dtype, least in (("f8", -np.inf), ("i8", -(2**63)), ("u8", 0), ("i4", -(2**31))):
        x = np.full((1, 1, 2, 3), least, dtype)
        where = np.array([[False, False, True], [False, False, False]])
        boxes = [[0, 0, 0, 2, 1], [0, 0, 0, 1, 1]]
        y, pullback = cpool.vjp(cpool.roi_pool, x, boxes, 1, where=where)
        assert y.dtype == dtype
        assert y.reshape(-1).tolist() == [least, 0]
        np.testing.assert_array_equal(pullback(np.ones(y.shape))[0, 0], where)


def test_the_phase_is_that_of_the_largest_norm():
    """Blocks, examples one by one and together, and squares that do not fit into float64."""
    rng = np.random.default_rng(5)
    for shape in [(3, 40, 30, 34), (200, 2, 6), (2, 3, 5, 4)]:
        for dtype, scale in (("f4", 1e30), ("f8", 1e250), ("f8", 1e-250), ("f2", 1)):
            x = (rng.normal(size=shape) * scale).astype(dtype)
            name = f"polyphase_pool{min(len(shape) - 2, 2)}d"
            y, pullback = cpool.vjp(getattr(cpool, name), x)
            expected = getattr(reference, name)(x / x.dtype.type(scale)) * x.dtype.type(scale)
            np.testing.assert_allclose(y, expected, rtol=1e-3)
            np.testing.assert_array_equal(pullback(y).max(), y.max())


@pytest.mark.parametrize("name", sorted({name for name, *_ in [*CALLS, *WHOLE]}))
def test_texts(name):
    """Every option is described, and pullbacks take the same arguments."""
    function = getattr(cpool, name)
    parameters = inspect.signature(function).parameters
    assert inspect.signature(function._vjp) == inspect.signature(function)
    for parameter in parameters:
        assert f"\n    {parameter} : " in function.__doc__, parameter
    options = ["channels_last", "nan_policy", "where", "dtype", "out"]
    if name in {each for each, *_ in WHOLE}:
        options.remove("where")
    assert list(parameters)[-len(options) :] == options
