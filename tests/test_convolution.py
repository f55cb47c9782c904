"""Convolution against the reference and PyTorch, its gradients, types, layouts, blocks, errors."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
from operators import BFLOAT, FLOATS, LAYOUTS, lay_out, unchanged

import cpool
from cpool import reference
from cpool.alternatives import convolution

NAMES = ["conv1d", "conv2d", "conv3d"]
#: x (C, *space), weight, and arguments; each kind of geometry in each rank.
CASES = [
    ((4, 9), (6, 4, 3), {}),
    ((4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "groups": 2}),
    ((3, 10), (3, 1, 4), {"stride": 3, "padding": ((2, 5),), "dilation": 2, "groups": 3}),
    ((3, 10), (9, 1, 2), {"padding": 4, "groups": 3}),
    ((2, 7), (1, 2, 7), {"padding": "same_lower", "stride": 2}),
    ((3, 6, 7), (4, 3, 3, 3), {"padding": 1, "stride": 2}),
    ((3, 6, 7), (4, 3, 1, 1), {}),
    ((4, 6, 7), (4, 2, 1, 1), {"stride": (2, 3), "groups": 2}),
    ((4, 6, 7), (8, 1, 3, 2), {"padding": "same", "dilation": (1, 3), "groups": 4}),
    ((5, 9, 8), (5, 1, 3, 4), {"padding": 2, "stride": (2, 3), "dilation": (3, 1), "groups": 5}),
    ((5, 6, 8), (5, 1, 2, 3), {"padding": "valid", "groups": 5}),
    ((5, 4, 4), (5, 1, 3, 3), {"padding": 7, "dilation": (7, 2), "groups": 5}),
    ((17, 4, 5), (3, 17, 2, 3), {"padding": ((0, 1), (3, 0))}),
    ((1, 5, 6), (1, 1, 1, 1), {"padding": 1, "stride": 4}),
    ((2, 4, 5, 4), (4, 2, 2, 3, 2), {"padding": (1, 0, 2), "stride": (2, 1, 3)}),
    ((4, 4, 5, 6), (4, 1, 3, 2, 2), {"padding": "same", "stride": (1, 2, 2), "groups": 4}),
    ((4, 3, 4, 3), (6, 2, 2, 2, 2), {"padding": 2, "dilation": (1, 2, 3), "groups": 2}),
]
CASE = pytest.mark.parametrize("space, kernel, options", CASES, ids=str)
LAST = pytest.mark.parametrize("channels_last", [False, True])


def name_of(weight):
    return f"conv{weight.ndim - 2}d"


def made(rng, space, kernel, batch=(2,), channels_last=False, dtype=np.float64):
    x = rng.normal(size=(*batch, *space))
    if channels_last:
        x = np.ascontiguousarray(np.moveaxis(x, len(batch), -1))
    weight, bias = rng.normal(size=kernel), rng.normal(size=kernel[0])
    return x.astype(dtype), weight.astype(dtype), bias.astype(dtype)


def convolved(module, x, weight, *args, **options):
    return getattr(module, name_of(np.asarray(weight)))(x, weight, *args, **options)


def differentiated(x, weight, *args, wrt=("x", "weight", "bias"), **options):
    function = getattr(cpool, name_of(weight))
    return cpool.vjp(function, x, weight, *args, wrt=wrt, **options)


@pytest.fixture(params=["as they are", "small"])
def blocks(request, monkeypatch):
    """Blocks of everything at once, and of a few outputs and a few taps each."""
    if request.param == "small":
        for name, value in {"COLUMNS": 500, "LONG": 4, "RUN": 2}.items():
            monkeypatch.setattr(convolution, name, value)


# --- values ---------------------------------------------------------------------------------------


@LAST
@CASE
@pytest.mark.usefixtures("blocks")
def test_values(space, kernel, options, channels_last):
    rng = np.random.default_rng(1)
    for batch, biased in itertools.product([(), (1,), (3,)], [False, True]):
        x, weight, bias = made(rng, space, kernel, batch, channels_last)
        arguments = (x, weight, bias) if biased else (x, weight)
        with unchanged(*arguments):
            y = convolved(cpool, *arguments, channels_last=channels_last, **options)
        expected = convolved(reference, *arguments, channels_last=channels_last, **options)
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)


def known_to_torch(options):
    """It has "same" for stride 1 alone, and no pairs."""
    padding = options.get("padding", 0)
    if isinstance(padding, str):
        return padding == "valid" or (padding == "same" and "stride" not in options)
    return isinstance(padding, int) or isinstance(padding[0], int)


@LAST
@pytest.mark.parametrize(
    "space, kernel, options", [case for case in CASES if known_to_torch(case[2])], ids=str
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_as_torch(space, kernel, options, channels_last):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    x, weight, bias = made(rng, space, kernel, (2,), channels_last)
    first = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if channels_last else x
    theirs = [torch.tensor(a, requires_grad=True) for a in (first, weight, bias)]
    their_y = getattr(torch.nn.functional, name_of(weight))(*theirs, **options)
    gy = rng.normal(size=their_y.shape)
    their_y.backward(torch.tensor(gy))
    if channels_last:
        gy = np.moveaxis(gy, 1, -1)
    y, pullback = differentiated(x, weight, bias, channels_last=channels_last, **options)
    expected = [their_y.detach().numpy(), *(each.grad.numpy() for each in theirs)]
    if channels_last:
        expected[:2] = [np.moveaxis(each, 1, -1) for each in expected[:2]]
    for ours, of_torch in zip([y, *pullback(gy)], expected, strict=True):
        np.testing.assert_allclose(ours, of_torch, rtol=1e-11, atol=1e-11, strict=True)


def test_equal_weights_are_a_mean():
    x = np.random.default_rng(3).normal(size=(2, 5, 9, 11))
    weight = np.full((5, 1, 3, 2), 1 / 6)
    y = cpool.conv2d(x, weight, None, (2, 1), 1, groups=5)
    np.testing.assert_allclose(y, cpool.avg_pool2d(x, (3, 2), (2, 1), 1), rtol=0, atol=1e-14)


def test_windows_in_padding_alone_give_the_bias():
    """Padding holds zeros here, not nothing."""
    y = cpool.conv1d([[1.0, 2.0]], [[[3.0]]], [0.5], padding=2)
    np.testing.assert_array_equal(y, [[0.5, 0.5, 3.5, 6.5, 0.5, 0.5]])
    y = cpool.conv1d([[1.0]], [[[3.0, 4.0]]], [0.5], stride=2**40, padding=2**41, dilation=2**41)
    np.testing.assert_array_equal(y, [[4.5, 0.5, 3.5]])
    y = cpool.conv1d([[2.0]], [[[3.0, 4.0, 5.0]]], [0.5], padding=2**45, dilation=2**45)
    np.testing.assert_array_equal(y, [[8.5]])


@pytest.mark.parametrize("function", NAMES)
def test_a_line_is_a_plane_is_a_volume(function):
    """Axes of length 1 change nothing."""
    rank = int(function[4])
    rng = np.random.default_rng(4)
    x, weight = rng.normal(size=(2, 3, 12)), rng.normal(size=(4, 3, 3))
    deep = (Ellipsis, *[None] * (rank - 1), slice(None))
    stride = (1,) * (rank - 1) + (2,)
    y = getattr(cpool, function)(x[deep], weight[deep], stride=stride)
    expected = reference.conv1d(x, weight, stride=2)[deep]
    np.testing.assert_allclose(y, expected, atol=1e-13, strict=True)


# --- types and layouts ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@CASE
def test_floating_types(space, kernel, options, dtype):
    """16-bit floats are summed as float32 and rounded once."""
    rng = np.random.default_rng(5)
    x, weight, bias = made(rng, space, kernel, dtype=dtype)
    y, pullback = differentiated(x, weight, bias, **options)
    assert y.dtype == dtype
    expected = convolved(reference, *(a.astype(np.float64) for a in (x, weight, bias)), **options)
    eps = float(np.finfo(dtype).eps) if dtype != BFLOAT else 2.0**-7
    bound = eps + 100 * np.finfo(np.promote_types(dtype, np.float32)).eps
    off = np.abs(y.astype(np.float64) - expected)
    assert np.all(off <= bound * (1 + np.abs(expected)))
    gy = np.ones(y.shape, dtype)
    exact = differentiated(*(a.astype(np.float64) for a in (x, weight, bias)), **options)[1](gy)
    for each, wide in zip(pullback(gy), exact, strict=True):
        assert each.dtype == dtype
        assert np.all(np.abs(each.astype(np.float64) - wide) <= 2 * bound * (3 + np.abs(wide)))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "uint64"])
@pytest.mark.parametrize("groups", [1, 4])
def test_integers_give_float64(dtype, groups):
    rng = np.random.default_rng(6)
    x = rng.integers(0, 2 if dtype == "bool" else 100, (2, 4, 5, 6)).astype(dtype)
    weight = rng.integers(-3, 4, (4, 4 // groups, 3, 3))
    y, pullback = differentiated(x, weight, [1, 2, 3, 4], padding=1, groups=groups)
    expected = reference.conv2d(x, weight, [1, 2, 3, 4], padding=1, groups=groups)
    np.testing.assert_array_equal(y, expected, strict=True)
    assert [g.dtype for g in pullback(np.ones(y.shape, np.int8))] == [np.float64] * 3


def test_other_types_of_weights():
    """The result is of x's type, a gradient of the type of what it belongs to."""
    x = np.arange(6, dtype=np.float32).reshape(1, 6)
    weight, bias = np.ones((1, 1, 2), np.float16), np.ones(1, np.float64)
    y, pullback = differentiated(x, weight, bias)
    assert y.dtype == np.float32
    gx, gw, gb = pullback(y.astype(np.float64))
    assert (gx.dtype, gw.dtype, gb.dtype) == (np.float32, np.float16, np.float64)
    np.testing.assert_array_equal(y, [[2, 4, 6, 8, 10]])
    np.testing.assert_array_equal(gw, [[[80, 110]]])
    np.testing.assert_array_equal(gb, [30])


@pytest.mark.parametrize("layout", LAYOUTS)
@LAST
@pytest.mark.parametrize("groups", [1, 3])
def test_layouts(layout, channels_last, groups):
    rng = np.random.default_rng(7)
    for dtype in (np.float32, np.float16, np.int32):
        x = rng.integers(-9, 10, (2, 6, 7, 3) if channels_last else (2, 3, 6, 7)).astype(dtype)
        weight = lay_out(rng.integers(-2, 3, (3, 3 // groups, 2, 3)).astype(np.float32), layout)
        x = lay_out(x, layout)
        options = {"padding": 1, "stride": 2, "groups": groups, "channels_last": channels_last}
        with unchanged(x, weight):
            y, pullback = differentiated(x, weight, wrt=("x", "weight"), **options)
        np.testing.assert_array_equal(y, reference.conv2d(x, weight, **options), strict=True)
        gy = lay_out(rng.integers(-2, 3, y.shape).astype(np.float32), layout)
        plain = differentiated(
            np.array(x, np.float64), np.array(weight), wrt=("x", "weight"), **options
        )[1](np.array(gy))
        with unchanged(gy):
            for each, expected in zip(pullback(gy), plain, strict=True):
                np.testing.assert_array_equal(each, expected)


def test_lists():
    y, pullback = cpool.vjp(cpool.conv1d, [[1, 2, 4]], [[[1, -1]]])
    assert (y.tolist(), pullback([[1, 1]]).tolist()) == ([[-1.0, -2.0]], [[1.0, 0.0, -1.0]])


@LAST
@pytest.mark.parametrize("groups", [1, 4])
def test_empty_batch(channels_last, groups):
    x = np.zeros((0, 5, 6, 4) if channels_last else (0, 4, 5, 6), np.float32)
    weight = np.ones((8, 4 // groups, 3, 3), np.float32)
    y, pullback = differentiated(x, weight, np.ones(8), groups=groups, channels_last=channels_last)
    assert y.shape == ((0, 3, 4, 8) if channels_last else (0, 8, 3, 4))
    gx, gw, gb = pullback(y)
    assert (gx.shape, gx.dtype) == (x.shape, x.dtype)
    assert gw.shape == weight.shape
    assert not gw.any()
    assert not gb.any()


def test_what_overflows_is_infinite():
    """And no warning, which would be an error here."""
    big = np.full((1, 1, 4), 6e4, np.float16)
    assert np.isinf(cpool.conv1d(big, big[..., :2])).all()
    assert np.isinf(cpool.conv1d(np.ones((1, 2), np.float32), [[[1e300]]])).all()
    x = np.array([[np.inf, 1, 2, np.nan]])
    for weight in (np.ones((1, 1, 2)), np.ones((2, 1, 2))):
        y = cpool.conv1d(x, weight)
        np.testing.assert_array_equal(y, [[np.inf, 3, np.nan]] * len(weight))


# --- gradients ------------------------------------------------------------------------------------


def assert_slopes(function, a, gradient, places):
    """Central differences: exact but for rounding, as a convolution is linear in each argument."""
    flat = a.reshape(-1)
    for i in places:
        before = flat[i]
        flat[i] = before + 1
        above = function()
        flat[i] = before - 1
        slope = (above - function()) / 2
        flat[i] = before
        np.testing.assert_allclose(gradient.reshape(-1)[i], slope, rtol=1e-9, atol=1e-9)


@LAST
@CASE
@pytest.mark.usefixtures("blocks")
def test_finite_differences(space, kernel, options, channels_last):
    rng = np.random.default_rng(8)
    x, weight, bias = made(rng, space, kernel, (), channels_last)
    options = {"channels_last": channels_last, **options}
    y, pullback = differentiated(x, weight, bias, **options)
    gy = rng.normal(size=y.shape)

    def total():
        return np.vdot(gy, convolved(cpool, x, weight, bias, **options))

    for a, gradient in zip((x, weight, bias), pullback(gy), strict=True):
        assert gradient.shape == a.shape
        assert_slopes(total, a, gradient, rng.permutation(a.size)[:8])


@LAST
@CASE
@pytest.mark.usefixtures("blocks")
def test_gradients_are_transposes(space, kernel, options, channels_last):
    """<conv(x, w), gy> = <x, gx> = <w, gw>, for a batch."""
    rng = np.random.default_rng(9)
    x, weight, _ = made(rng, space, kernel, (3,), channels_last)
    options = {"channels_last": channels_last, "wrt": ("x", "weight"), **options}
    y, pullback = differentiated(x, weight, **options)
    gy = rng.normal(size=y.shape)
    gx, gw = pullback(gy)
    np.testing.assert_allclose(np.vdot(x, gx), np.vdot(y, gy), rtol=1e-9)
    np.testing.assert_allclose(np.vdot(weight, gw), np.vdot(y, gy), rtol=1e-9)


@pytest.mark.parametrize("groups", [1, 3])
def test_a_pullback_is_its_own(groups):
    """It gives the same again, whatever becomes of what it was made of and of what it gave."""
    rng = np.random.default_rng(10)
    x, weight, bias = made(rng, (3, 6, 6), (3, 3 // groups, 3, 3))
    y, pullback = differentiated(x, weight, bias, groups=groups)
    gy = rng.normal(size=y.shape)
    expected = [each.copy() for each in pullback(gy)]
    for a in (x, weight, bias, y, *pullback(gy)):
        a[...] = np.nan
    for again, before in zip(pullback(gy), expected, strict=True):
        np.testing.assert_array_equal(again, before)


def test_gradients_that_do_not_fit():
    x, weight = np.ones((1, 4)), np.ones((1, 1, 2))
    for wrt in ("x", "weight", "bias"):
        _, pullback = cpool.vjp(cpool.conv1d, x, weight, [1.0], wrt=wrt)
        with pytest.raises(ValueError, match=r"gy must have the result's shape \(1, 3\)"):
            pullback(np.ones((1, 4)))
    with pytest.raises(ValueError, match="wrt must be 'x' or 'weight' for conv1d"):
        cpool.vjp(cpool.conv1d, x, weight, wrt="bias")


# --- arguments ------------------------------------------------------------------------------------

X, W = np.ones((2, 4, 5, 5)), np.ones((6, 4, 3, 3))


@pytest.mark.parametrize(
    "error, change, message",
    [
        (ValueError, {"x": X[0, 0]}, "x must be .* got shape"),
        (ValueError, {"x": X[None]}, "4 or 3 axes, got shape"),
        (ValueError, {"x": X[..., :0]}, "x must not be empty along a convolved axis"),
        (ValueError, {"weight": W[0]}, "weight must be .* 4 axes, got shape"),
        (ValueError, {"weight": W[:0]}, "weight must not be empty"),
        (ValueError, {"weight": W[:, :3]}, "C_in / groups = 4 / 1 = 4 channels"),
        (ValueError, {"groups": 2}, "C_in / groups = 4 / 2 = 2 channels"),
        (ValueError, {"groups": 4, "weight": W[:, :1]}, "groups must divide .* 4 and 6, got 4"),
        (ValueError, {"groups": 0}, "groups must be at least 1, got 0"),
        (TypeError, {"groups": 1.0}, "groups must be an int, got 1.0"),
        (TypeError, {"groups": True}, "groups must be an int, got True"),
        (ValueError, {"bias": np.ones(4)}, "bias must have .* 6 output channels, got shape"),
        (ValueError, {"bias": 1.0}, "bias must have"),
        (TypeError, {"stride": None}, "stride must be an int"),
        (TypeError, {"stride": 2.0}, "stride must be an int"),
        (ValueError, {"stride": 0}, "stride must be at least 1, got 0"),
        (ValueError, {"stride": (1, 1, 1)}, "stride must have as many entries"),
        (ValueError, {"dilation": 0}, "dilation must be at least 1"),
        (ValueError, {"dilation": 3}, "3 taps along an axis, .* reach over 7 .* has: 5"),
        (ValueError, {"padding": -1}, "padding must be at least 0"),
        (ValueError, {"padding": "full"}, "padding must be"),
        (ValueError, {"padding": ((1, 2),)}, "padding must have as many entries"),
        (TypeError, {"channels_last": 1}, "channels_last must be a bool"),
        (TypeError, {"x": X.astype(complex)}, "x must be of a real type"),
        (TypeError, {"weight": W.astype(complex)}, "weight must be of a real type"),
        (TypeError, {"weight": W.astype(object)}, "weight must be of a real type"),
        (TypeError, {"bias": ["a"] * 6}, "bias must be of a real type"),
        (TypeError, {"x": np.ma.array(X)}, "x is a masked array"),
        (TypeError, {"weight": np.ma.array(W)}, "weight is a masked array"),
    ],
)
def test_errors(error, change, message):
    arguments = {"x": X, "weight": W, **change}
    with pytest.raises(error, match=message):
        cpool.conv2d(**arguments)
    with pytest.raises(error, match=message):
        cpool.vjp(cpool.conv2d, arguments.pop("x"), **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    """Those of the reference, and of what `vjp` calls."""
    function = getattr(cpool, name)
    theirs = inspect.signature(getattr(reference, name)).parameters
    for other in (theirs, inspect.signature(function._vjp).parameters):
        ours = inspect.signature(function).parameters
        assert [(p.name, p.default, p.kind) for p in ours.values()] == [
            (p.name, p.default, p.kind) for p in other.values()
        ]
    assert name in cpool.__all__
    with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected keyword"):
        cpool.vjp(function, X, W, stripe=1)


def test_memory_of_columns_is_bounded():
    """However large the kernel and the input."""
    tracemalloc = pytest.importorskip("tracemalloc")
    x, weight = np.ones((4, 150, 150), np.float32), np.ones((4, 4, 21, 21), np.float32)
    tracemalloc.start()
    try:
        y = cpool.conv2d(x, weight, stride=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert y.max() == 4 * 21 * 21
    assert peak < y.nbytes + 2 * convolution.COLUMNS
