"""Bad input: the right error, a message that names the argument, what it was and what is allowed,
and no argument modified."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from operators import KINDS

import cpool
from cpool import Mean, adaptive, pool, sliding, vjp, whole
from cpool.reductions import REGISTRY

NAMES = re.escape(", ".join(name for name, kind in REGISTRY.items() if not kind.required))
SELECTING = [kind for kind in KINDS if kind.selects]
every_operator = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_selection = pytest.mark.parametrize("kind", SELECTING, ids=lambda kind: kind.name)

REAL = r"a real type \(bool, int8 to uint64, float16, bfloat16, float32, float64\)"


def image(dtype=np.float64):
    return np.arange(20).reshape(4, 5).astype(dtype)


def function_of(kind, suffix="2d", form=""):
    return getattr(cpool, f"{form}{kind.function}{suffix}")


def named(value):
    """For the names of tests: a function without its address, which differs from run to run."""
    return getattr(value, "__qualname__", repr(value))


def says(name, allowed, got):
    """The shape of most messages; `allowed` is a pattern, `got` the value."""
    return rf"^{name} must {allowed}.*, got {re.escape(str(got))}$"


def assert_refused(error, message, function, *args, **kwargs):
    """The function raises exactly that, and leaves the arrays that it got as they were."""
    arrays = [
        a for a in (*args, *kwargs.values()) if isinstance(a, np.ndarray) and a.dtype != object
    ]
    before = [(a.tobytes(), a.shape, a.strides, a.dtype, a.flags.writeable) for a in arrays]
    with pytest.raises(error, match=message) as caught:
        function(*args, **kwargs)
    assert type(caught.value) is error
    assert before == [(a.tobytes(), a.shape, a.strides, a.dtype, a.flags.writeable) for a in arrays]


def assert_refused_both_ways(error, message, function, x, *args, **kwargs):
    """By the function itself, and where its pullback is asked for."""
    assert_refused(error, message, function, x, *args, **kwargs)
    assert_refused(error, message, vjp, function, x, *args, **kwargs)


# --- windows --------------------------------------------------------------------------------------

LEAST = [
    ("kernel_size", 0, 1),
    ("kernel_size", -1, 1),
    ("stride", 0, 1),
    ("stride", -3, 1),
    ("padding", -1, 0),
    ("dilation", 0, 1),
    ("dilation", -2, 1),
]


@every_operator
@pytest.mark.parametrize("name, value, least", LEAST)
def test_too_small(kind, name, value, least):
    message = says(name, f"be at least {least}", value)
    for argument in (value, (1, value), [value, 1], np.int64(value)):
        arguments = {"kernel_size": 2, name: argument}
        assert_refused_both_ways(ValueError, message, function_of(kind), image(), **arguments)
    with pytest.raises(ValueError, match=message):
        sliding(**{"kernel_size": 2, name: value})


def test_too_small_in_a_pair():
    for pads in (((0, -1), 0), ((-1, 0), (0, 0)), [0, [-1, 3]]):
        message = says("padding", "be at least 0", -1)
        assert_refused_both_ways(ValueError, message, cpool.max_pool2d, image(), 2, padding=pads)


@every_operator
@pytest.mark.parametrize("value", [2.0, "2", True, None, np.float32(2), {2}, np.array([2, 2])])
def test_not_an_int(kind, value):
    message = says("kernel_size", "be an int or one int for each axis", repr(value))
    assert_refused_both_ways(TypeError, message, function_of(kind), image(), value)
    assert_refused_both_ways(TypeError, message, function_of(kind), image(), (2, value))
    if value is not None:
        message = says("stride", "be an int or one int for each axis", repr(value))
        assert_refused_both_ways(TypeError, message, function_of(kind), image(), 2, value)


LENGTHS = [
    ("kernel_size", (2,), "^kernel_size has 1 entry, but 2 axes are pooled$"),
    ("kernel_size", (2, 2, 2), "^kernel_size has 3 entries, but 2 axes are pooled$"),
    ("stride", (1,), "^stride has 1 entry, but 2 axes are pooled$"),
    ("padding", (1, 1, 1), "^padding has 3 entries, but 2 axes are pooled$"),
    ("padding", ((1, 0),), "^padding has 1 entry, but 2 axes are pooled$"),
    ("dilation", [1], "^dilation has 1 entry, but 2 axes are pooled$"),
    ("kernel_size", (), says("kernel_size", "have 1 to 3 entries", "()")),
    ("stride", (1, 1, 1, 1), says("stride", "have 1 to 3 entries", "(1, 1, 1, 1)")),
    ("padding", (1, 1, 1, 1), says("padding", "have 1 to 3 entries", "(1, 1, 1, 1)")),
    ("padding", (1, (1,)), says("padding", r"have a \(before, after\) pair or an int", (1, (1,)))),
    ("padding", (1, (1, 1, 1)), says("padding", r"have a \(before, after\)", (1, (1, 1, 1)))),
    ("padding", "full", says("padding", 'be ints, "valid", "same" or "same_lower"', "'full'")),
    ("padding", "SAME", says("padding", 'be ints, "valid", "same" or "same_lower"', "'SAME'")),
    ("padding_mode", "edge", says("padding_mode", "be one of constant, reflect,", "'edge'")),
]


@every_operator
@pytest.mark.parametrize("name, value, message", LENGTHS)
def test_wrong_length_or_name(kind, name, value, message):
    arguments = {"kernel_size": 2, name: value}
    assert_refused_both_ways(ValueError, message, function_of(kind), image(), **arguments)


def test_lengths_that_disagree():
    message = "^padding must have as many entries as kernel_size, one for each axis: got 3 and 2$"
    with pytest.raises(ValueError, match=message):
        sliding((2, 2), padding=(1, 1, 1))
    message = "^dilation must have as many entries as stride, one for each axis: got 1 and 2$"
    with pytest.raises(ValueError, match=message):
        sliding(2, (1, 1), dilation=(2,))


@every_operator
def test_a_pair_for_one_axis_is_written_in_a_tuple(kind):
    message = r"^padding has 2 entries, but 1 axis is pooled; .* written \(\(before, after\),\)$"
    function = function_of(kind, "1d")
    assert_refused_both_ways(ValueError, message, function, image(), 3, padding=(2, 1))
    assert function(image(), 3, 1, padding=((2, 1),)).shape == (4, 6)


@every_operator
@pytest.mark.parametrize(
    "name, value, allowed",
    [
        ("padding", 1.5, "be an int or one int for each axis"),
        ("padding", None, "be an int or one int for each axis"),
        ("padding_mode", None, "be a str"),
        ("padding_mode", b"wrap", "be a str"),
        ("ceil_mode", 1, "be a bool"),
        ("ceil_mode", None, "be a bool"),
        ("ceil_mode", "yes", "be a bool"),
        ("channels_last", 1, "be a bool"),
        ("channels_last", "no", "be a bool"),
        ("channels_last", None, "be a bool"),
    ],
)
def test_wrong_type_of_option(kind, name, value, allowed):
    message = says(name, allowed, repr(value))
    arguments = {"kernel_size": 2, name: value}
    assert_refused_both_ways(TypeError, message, function_of(kind), image()[None], **arguments)


@every_operator
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernel_size": 6}, r"^kernel_size 6 .* over 6 elements, .* has: 4 and padding \(0, 0\)$"),
        (
            {"kernel_size": (2, 6)},
            r"^kernel_size 6 .* the padded axis has: 5 and padding \(0, 0\)$",
        ),
        ({"kernel_size": 8, "padding": 1}, r"^kernel_size 8 .* has: 4 and padding \(1, 1\)$"),
        (
            {"kernel_size": 3, "dilation": 4},
            r"^kernel_size 3 with dilation 4 reaches over 9 elements, more than .* has: 4 and",
        ),
        ({"kernel_size": 8, "stride": 2, "ceil_mode": True}, r"^kernel_size 8 .* has: 4 and"),
    ],
)
def test_kernel_larger_than_the_padded_input(kind, arguments, message):
    assert_refused_both_ways(ValueError, message, function_of(kind), image(), **arguments)


@every_operator
@pytest.mark.parametrize(
    "arguments, facts",
    [
        ({"kernel_size": 2, "padding": 2}, "kernel_size 2, stride 2, dilation 1, padding (2, 2)"),
        (
            {"kernel_size": 3, "stride": 1, "padding": (0, (0, 3))},
            "kernel_size 3, stride 1, dilation 1, padding (0, 3) on an axis of length 5",
        ),
        (
            # The whole axis lies between two taps.
            {"kernel_size": 2, "dilation": 10, "padding": 8},
            "kernel_size 2, stride 2, dilation 10, padding (8, 8) on an axis of length 4",
        ),
    ],
)
def test_window_wholly_in_padding(kind, arguments, facts):
    message = rf"^padding is so large .* wholly in it: {re.escape(facts)}.* use less padding or"
    assert_refused_both_ways(ValueError, message, function_of(kind), image(), **arguments)
    function_of(kind)(image(), **arguments, padding_mode="wrap")


@every_operator
@pytest.mark.parametrize(
    "value, error, allowed",
    [
        (0, ValueError, "be at least 1"),
        (-1, ValueError, "be at least 1"),
        (2.0, TypeError, "be an int or one int for each axis"),
        (True, TypeError, "be an int or one int for each axis"),
        ("2", TypeError, "be an int or one int for each axis"),
    ],
)
def test_output_size(kind, value, error, allowed):
    function = function_of(kind, form="adaptive_")
    message = says("output_size", allowed, repr(value))
    assert_refused_both_ways(error, message, function, image(), value)
    assert_refused_both_ways(error, message, function, image(), (None, value))
    message = "^output_size has 3 entries, but 2 axes are pooled$"
    assert_refused_both_ways(ValueError, message, function, image(), (1, 2, 3))
    message = says("output_size", "have 1 to 3 entries", "()")
    assert_refused_both_ways(ValueError, message, function, image(), ())


# --- axes -----------------------------------------------------------------------------------------


@every_operator
@pytest.mark.parametrize(
    "suffix, shape, message",
    [
        ("1d", (), says("x", "have at least 1 axis to pool 1 of them", 0)),
        ("2d", (5,), says("x", "have at least 2 axes to pool 2 of them", 1)),
        ("3d", (5, 5), says("x", "have at least 3 axes to pool 3 of them", 2)),
        ("", (), r"^axes= must say which 1 to 3 axes are pooled: x has 0,"),
        ("", (1, 1, 2, 2), r"^axes= must say which 1 to 3 axes are pooled: x has 4,"),
    ],
)
def test_too_few_axes(kind, suffix, shape, message):
    x = np.zeros(shape)
    assert_refused_both_ways(ValueError, message, function_of(kind, suffix), x, 2)
    assert_refused_both_ways(ValueError, message, function_of(kind, suffix, "adaptive_"), x, 2)


@every_operator
def test_too_few_axes_before_the_channels(kind):
    message = says("x", "have at least 3 axes to pool 2 of them before the channels", 2)
    options = {"channels_last": True}
    assert_refused_both_ways(ValueError, message, function_of(kind), image(), 2, **options)
    message = says("x", "have at least 3 axes", 2)
    x, windows = image(), sliding((2, 2))
    assert_refused_both_ways(ValueError, message, pool, x, kind(), windows, channels_last=True)


AXES = [
    ((0, 0), ValueError, "not name an axis twice"),
    ((0, -2), ValueError, "not name an axis twice"),
    (2, ValueError, "be from -2 to 1 for x of 2 axes"),
    ((0, 2), ValueError, "be from -2 to 1 for x of 2 axes"),
    ((-3,), ValueError, "be from -2 to 1 for x of 2 axes"),
    (2**70, ValueError, "be from -2 to 1 for x of 2 axes"),
    ((), ValueError, "name 1 to 3 axes"),
    ((0, 1, 0, 1), ValueError, "name 1 to 3 axes"),
    (1.0, TypeError, "be an int or a tuple of ints"),
    ("0", TypeError, "be an int or a tuple of ints"),
    (True, TypeError, "be an int or a tuple of ints"),
    ((0, 1.0), TypeError, "be an int or a tuple of ints"),
    ((True, 0), TypeError, "be an int or a tuple of ints"),
    ({0, 1}, TypeError, "be an int or a tuple of ints"),
]


@every_operator
@pytest.mark.parametrize("axes, error, allowed", AXES)
def test_axes(kind, axes, error, allowed):
    message, x = says("axes", allowed, repr(axes)), image()
    assert_refused_both_ways(error, message, function_of(kind, ""), x, 2, axes=axes)
    assert_refused_both_ways(error, message, function_of(kind, "", "adaptive_"), x, 2, axes=axes)
    assert_refused_both_ways(error, message, function_of(kind, "", "global_"), x, axes=axes)
    assert_refused_both_ways(error, message, pool, x, kind.name, whole(), axes=axes)


@every_operator
def test_axes_of_another_number_than_the_entries(kind):
    message = "^kernel_size has 2 entries, but 1 axis is pooled$"
    function = function_of(kind, "")
    assert_refused_both_ways(ValueError, message, function, image(), (2, 2), axes=1)


@every_operator
def test_axes_with_channels_last(kind):
    message = "^channels_last and axes cannot both be given, got axes=1$"
    options = {"axes": 1, "channels_last": True}
    function = function_of(kind, "")
    assert_refused_both_ways(ValueError, message, function, image(), 2, **options)
    function = function_of(kind, "", "global_")
    assert_refused_both_ways(ValueError, message, function, image(), **options)
    windows = sliding(2)
    assert_refused_both_ways(ValueError, message, pool, image(), kind.name, windows, **options)


@every_operator
def test_axes_are_for_names_without_a_number(kind):
    for function in (function_of(kind), function_of(kind, form="adaptive_")):
        message = rf"^{function.__name__}\(\) got an unexpected keyword argument 'axes'$"
        assert_refused_both_ways(TypeError, message, function, image(), 2, axes=(0, 1))


@every_operator
@pytest.mark.parametrize("ndim", [0, 1, 2, 6])
def test_global_pooling_without_axes(kind, ndim):
    message = rf"^axes= must say which 1 to 3 axes are pooled: x has {ndim}, of which all but"
    function = function_of(kind, "", "global_")
    assert_refused_both_ways(ValueError, message, function, np.zeros((1,) * ndim))


# --- x --------------------------------------------------------------------------------------------

NOT_REAL = ["complex64", "complex128", "clongdouble", "longdouble", "U3", "S3", "M8[s]", "m8[s]"]
NOT_REAL += ["V4", "f4,i4"]


@every_operator
@pytest.mark.parametrize("dtype", NOT_REAL)
def test_arrays_that_are_not_real(kind, dtype):
    x = np.zeros((4, 4), dtype)
    message = says("x", f"be of {REAL}", x.dtype)
    assert_refused_both_ways(TypeError, message, function_of(kind), x, 2)
    assert_refused_both_ways(TypeError, message, function_of(kind, "", "global_"), x, axes=0)
    assert_refused_both_ways(TypeError, message, pool, x, kind.name, adaptive(1))


@pytest.mark.parametrize("x", [None, [[None, 1]], [[2**70, 1]], np.zeros((4, 4), object)], ids=repr)
def test_objects(x):
    message = says("x", f"be of {REAL}", "object")
    assert_refused_both_ways(TypeError, message, cpool.max_pool2d, x, 1)
    assert_refused_both_ways(TypeError, message, cpool.global_avg_pool, x, axes=0)


def test_nested_lists_of_other_types():
    message = says("x", f"be of {REAL}", "<U1")
    assert_refused_both_ways(TypeError, message, cpool.max_pool2d, [["a", "b"]], 1)
    message = says("x", f"be of {REAL}", "complex128")
    assert_refused_both_ways(TypeError, message, cpool.avg_pool2d, [[1j, 2.0]], 1)
    message = "^x must be an array or like one: .*inhomogeneous"
    assert_refused_both_ways(ValueError, message, cpool.sum_pool2d, [[1, 2], [3]], 1)


@every_operator
def test_masked_arrays(kind):
    x = np.ma.masked_less(image(), 3)
    advice = re.escape("pass x.data and where=~numpy.ma.getmaskarray(x)")
    message = rf"^x is a masked array, whose mask would be lost: {advice}$"
    assert_refused_both_ways(TypeError, message, function_of(kind), x, 2)
    assert_refused_both_ways(TypeError, message, function_of(kind, form="adaptive_"), x, 2)
    assert_refused_both_ways(TypeError, message, function_of(kind, "", "global_"), x, axes=1)
    assert_refused_both_ways(TypeError, message, pool, x, kind.name, whole())
    # What it advises does what numpy.ma does.
    y = function_of(kind)(x.data, 2, where=~np.ma.getmaskarray(x))
    np.testing.assert_array_equal(y[1], function_of(kind)(image(), 2)[1])


@every_operator
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3), (2, 3, 0), (0, 0, 0)])
def test_empty_pooled_axis(kind, shape):
    message = r"^x must not be empty along a pooled axis, got length 0$"
    x = np.zeros(shape)
    for options in ({}, {"padding": "same"}, {"padding": 1}, {"ceil_mode": True}):
        assert_refused_both_ways(ValueError, message, function_of(kind), x, 3, **options)
    assert_refused_both_ways(ValueError, message, function_of(kind, form="adaptive_"), x, 1)
    assert_refused_both_ways(
        ValueError, message, function_of(kind, "", "global_"), x, axes=(-2, -1)
    )


@every_operator
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i4", "u1", "?"])
def test_empty_batch_works(kind, dtype):
    natural = function_of(kind)(np.ones((1, 4, 5), dtype), 2).dtype
    gradient = dtype if np.dtype(dtype).kind == "f" else "f8"
    for shape, options in (
        ((0, 4, 5), {}),
        ((3, 0, 4, 5), {}),
        ((0, 4, 5, 2), {"channels_last": True}),
        ((2, 4, 5, 0), {"channels_last": True}),
        ((0, 4, 5), {"where": np.ones((4, 5), bool), "nan_policy": "omit"}),
        ((0, 4, 5), {"padding": 1, "padding_mode": "mirror"}),
    ):
        x = np.zeros(shape, dtype)
        expected = function_of(kind)(
            np.ones((1, 4, 5), dtype), 2, **options | {"channels_last": False}
        )
        lengths = iter(expected.shape[1:])
        y, pullback = vjp(function_of(kind), x, 2, **options)
        assert y.shape == tuple(next(lengths) if n in (4, 5) else n for n in shape)
        assert y.dtype == natural
        assert y.shape == function_of(kind)(x, 2, **options).shape
        gx = pullback(np.zeros(y.shape))
        assert gx.shape == shape
        assert gx.dtype == gradient
        wrong = (1, *y.shape[1:]) if shape[0] == 0 else (*y.shape[:-1], 1)
        assert_refused(ValueError, r"^gy must have the result's shape", pullback, np.zeros(wrong))
    # The geometry is checked all the same.
    message = r"^kernel_size 7 .* has: 4"
    assert_refused_both_ways(ValueError, message, function_of(kind), np.zeros((0, 4, 5), dtype), 7)


@every_selection
def test_empty_batch_with_indices(kind):
    y, indices = function_of(kind)(np.zeros((0, 4, 4)), 2, return_indices=True)
    assert (y.shape, y.dtype) == ((0, 2, 2), np.float64)
    assert (indices.shape, indices.dtype) == ((0, 2, 2), np.int64)
    assert cpool.max_unpool2d(y, indices, 2).shape == (0, 4, 4)
    z, pullback = vjp(cpool.max_unpool2d, y, indices, 2)
    assert pullback(z).shape == (0, 2, 2)


# --- out ------------------------------------------------------------------------------------------


@every_operator
@pytest.mark.parametrize(
    "out, error, message",
    [
        (np.zeros((2, 3)), ValueError, says("out", r"have the result's shape \(2, 2\)", (2, 3))),
        (np.zeros(4), ValueError, says("out", r"have the result's shape \(2, 2\)", (4,))),
        (np.zeros((2, 2, 1)), ValueError, says("out", r"have the result's shape", (2, 2, 1))),
        (np.zeros((2, 2), "f4"), TypeError, says("out", "have .* dtype float64", "float32")),
        (np.zeros((2, 2), int), TypeError, says("out", "have .* dtype float64", "int64")),
        (np.zeros((2, 2), ">f8"), TypeError, says("out", "have .* dtype float64", ">f8")),
        ([[0.0, 0.0], [0.0, 0.0]], TypeError, says("out", "be an ndarray", "list")),
        (3.0, TypeError, says("out", "be an ndarray", "float")),
        (np.ma.zeros((2, 2)), TypeError, says("out", "be an ndarray", "MaskedArray")),
    ],
)
def test_out_of_another_kind(kind, out, error, message):
    assert_refused_both_ways(error, message, function_of(kind), image(), 2, out=out)
    assert_refused_both_ways(
        error, message, function_of(kind, form="adaptive_"), image(), 2, out=out
    )
    assert_refused_both_ways(error, message, pool, image(), kind.name, sliding(2), out=out)


@every_operator
def test_out_that_cannot_be_written(kind):
    out = np.zeros((2, 2))
    out.flags.writeable = False
    message = says("out", "be writeable", "a read-only array")
    assert_refused_both_ways(ValueError, message, function_of(kind), image(), 2, out=out)
    message = says("out", "have memory for each value", "strides (0, 8)")
    out = np.lib.stride_tricks.as_strided(np.zeros(2), (2, 2), (0, 8))
    assert_refused_both_ways(ValueError, message, function_of(kind), image(), 2, out=out)


@every_operator
def test_out_of_nothing(kind):
    out = np.zeros((0, 2, 2))  # its strides may be 0
    assert function_of(kind)(np.zeros((0, 4, 4)), 2, out=out) is out


@every_operator
def test_out_that_overlaps(kind):
    memory = np.arange(60.0)
    x = memory[10:30].reshape(4, 5)
    message = says("out", "not overlap the input", "an array that shares its memory")
    for out in (x[:2, :2], x[2:, 3:], x[::-2, ::-3], memory[27:31].reshape(2, 2), memory[8:14:2]):
        out = out if out.shape == (2, 2) else np.lib.stride_tricks.as_strided(out, (2, 2), (8, 16))
        assert_refused_both_ways(ValueError, message, function_of(kind), x, 2, out=out)
    beside = memory[30:34].reshape(2, 2)
    assert function_of(kind)(x, 2, out=beside) is beside
    np.testing.assert_array_equal(beside, function_of(kind)(x.copy(), 2))


def of_one_element(name):
    """What takes an array and `out` and gives an array of that shape: a pullback, of which kernels
    or NumPy make the gradient, or an unpooling."""
    x, indices = np.arange(1.0, 5).reshape(2, 2), np.arange(4).reshape(2, 2)
    if name == "max_unpool2d":
        return lambda gy, out: cpool.max_unpool2d(gy, indices, 1, out=out), "result"
    arguments = {"spectral_pool2d": (2,), "max_unpool2d backward": (indices, 1)}.get(name, (1,))
    _, pullback = vjp(getattr(cpool, name.partition(" ")[0]), x, *arguments)
    return pullback, "gradient"


@pytest.mark.parametrize(
    "name",
    ["max_unpool2d", "max_unpool2d backward", "max_pool2d", "sum_pool2d", "rms_pool2d",
     "median_pool2d", "spectral_pool2d", "mixed_pool2d"],
)  # fmt: skip
def test_out_of_pullbacks_and_unpooling(name):
    function, what = of_one_element(name)
    memory = np.arange(1.0, 20)
    gy = memory[2:6].reshape(2, 2)
    read_only = np.zeros((2, 2))
    read_only.flags.writeable = False
    repeated = np.lib.stride_tricks.as_strided(np.zeros(2), (2, 2), (0, 8))
    for out, error, message in (
        (np.zeros((2, 3)), ValueError, says("out", rf"have the {what}'s shape \(2, 2\)", (2, 3))),
        (np.zeros(4), ValueError, says("out", rf"have the {what}'s shape \(2, 2\)", (4,))),
        (np.zeros((2, 2), "f4"), TypeError, says("out", f"have the {what}'s dtype", "float32")),
        (np.zeros((2, 2), ">f8"), TypeError, says("out", f"have the {what}'s dtype", ">f8")),
        (np.ma.zeros((2, 2)), TypeError, says("out", "be an ndarray", "MaskedArray")),
        ([[0.0, 0.0]], TypeError, says("out", "be an ndarray", "list")),
        (read_only, ValueError, says("out", "be writeable", "a read-only array")),
        (repeated, ValueError, says("out", "have memory for each value", "strides (0, 8)")),
        (gy, ValueError, says("out", "not overlap", "an array that shares its memory")),
        (memory[5:9].reshape(2, 2), ValueError, says("out", "not overlap", "an array that shares "
                                                     "its memory")),
    ):  # fmt: skip
        assert_refused(error, message, function, gy, out)
    expected, beside = function(gy.copy(), None), memory[6:10].reshape(2, 2)
    assert function(gy, beside) is beside
    np.testing.assert_array_equal(beside, expected)


def test_out_of_unpooling_that_overlaps_indices():
    indices = np.arange(4).reshape(2, 2)
    message = says("out", "not overlap the input", "an array that shares its memory")
    for out in (indices, indices[::-1]):
        x = np.arange(4).reshape(2, 2)
        assert_refused_both_ways(ValueError, message, cpool.max_unpool2d, x, indices, 1, out=out)


def test_out_of_gradients_in_more_than_x():
    """It is for the gradient in x, wherever that is asked for, and for nothing else."""
    x, weights = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    _, pullback = vjp(cpool.avg_pool1d, x, 3, weights=weights, wrt=("weights", "x"))
    expected = pullback([[1.0], [2.0]])
    out = np.empty((2, 3))
    by_weights, by_x = pullback([[1.0], [2.0]], out=out)
    assert by_x is out
    np.testing.assert_array_equal(by_x, expected[1])
    np.testing.assert_array_equal(by_weights, expected[0])
    assert_refused(
        TypeError, "^out must be an ndarray, got tuple$", pullback, np.ones((2, 1)), (None, out)
    )
    for wrt in ("weights", ("weights",)):
        _, pullback = vjp(cpool.avg_pool1d, x, 3, weights=weights, wrt=wrt)
        message = "^out must be None for a gradient in weights: it is for that in x$"
        assert_refused(TypeError, message, pullback, np.ones((2, 1)), out)


def test_out_that_overlaps_where():
    where = np.ones((4, 5), bool)
    message = says("out", "not overlap the input", "an array that shares its memory")
    out = where[:2, :2]
    x = image(bool)
    assert_refused_both_ways(ValueError, message, cpool.max_pool2d, x, 2, where=where, out=out)


def test_out_between_the_elements_of_x():
    """Interleaved arrays share a block of memory and no element: allowed."""
    memory = np.arange(40.0)
    x, out = memory[::2].reshape(4, 5), memory[1:8:2].reshape(2, 2)
    np.testing.assert_array_equal(cpool.max_pool2d(x, 2, out=out), cpool.max_pool2d(x.copy(), 2))


# --- options --------------------------------------------------------------------------------------


@every_operator
@pytest.mark.parametrize(
    "value, error",
    [("skip", ValueError), ("OMIT", ValueError), (None, TypeError), (1, TypeError)],
)
def test_nan_policy(kind, value, error):
    message = says("nan_policy", 'be "propagate", "omit" or "raise"', repr(value))
    options = {"nan_policy": value}
    assert_refused_both_ways(error, message, function_of(kind), image(), 2, **options)
    assert_refused_both_ways(error, message, function_of(kind), image(int), 2, **options)
    assert_refused_both_ways(
        error, message, function_of(kind, form="adaptive_"), image(), 2, **options
    )
    assert_refused_both_ways(error, message, pool, image(), kind.name, whole(), **options)


@every_operator
def test_unexpected_keywords(kind):
    for prefix, args in (("", (2,)), ("adaptive_", (2,)), ("global_", ())):
        for suffix in ("",) if prefix == "global_" else ("1d", "2d", "3d", ""):
            function = function_of(kind, suffix, prefix)
            name = f"{prefix}{kind.function}{suffix}"
            for option in ("kernel", "mode", "output_padding"):
                message = rf"^{name}\(\) got an unexpected keyword argument '{option}'"
                options = {option: 1}
                assert_refused_both_ways(TypeError, message, function, image(), *args, **options)
    message = r"^pool\(\) got an unexpected keyword argument 'stride'"
    assert_refused_both_ways(TypeError, message, pool, image(), kind.name, whole(), stride=2)


@pytest.mark.parametrize(
    "name, option",
    [
        ("avg_pool2d", "return_indices"),
        ("sum_pool2d", "return_indices"),
        ("max_pool2d", "count_include_pad"),
        ("sum_pool2d", "divisor_override"),
        ("adaptive_max_pool2d", "padding"),
        ("adaptive_avg_pool2d", "count_include_pad"),
        ("max_unpool2d", "dilation"),
    ],
)
def test_options_of_other_operators(name, option):
    message = rf"^{name}\(\) got an unexpected keyword argument '{option}'"
    function = getattr(cpool, name)
    arguments = (np.zeros((4, 5), int), 2) if "unpool" in name else (2,)
    assert_refused_both_ways(TypeError, message, function, image(), *arguments, **{option: 1})


@every_operator
@pytest.mark.parametrize(
    "where, error, message",
    [
        (1, TypeError, says("where", "be an array of bool", "int64")),
        ("yes", TypeError, says("where", "be an array of bool", "<U3")),
        (np.ones((4, 5)), TypeError, says("where", "be an array of bool", "float64")),
        (np.ones((4, 5), "u1"), TypeError, says("where", "be an array of bool", "uint8")),
        ([True, None, True, True, True], TypeError, says("where", "be an array of bool", "object")),
        (
            np.ones(4, bool),
            ValueError,
            says("where", r"broadcast to x's shape \(4, 5\)", (4,)),
        ),
        (
            np.ones((2, 4, 5), bool),
            ValueError,
            says("where", r"broadcast to x's shape \(4, 5\)", (2, 4, 5)),
        ),
        (np.ma.ones((4, 5), bool), TypeError, "^where is a masked array, .* pass an ndarray$"),
    ],
)
def test_where(kind, where, error, message):
    assert_refused_both_ways(error, message, function_of(kind), image(), 2, where=where)
    assert_refused_both_ways(
        error, message, function_of(kind, "", "global_"), image(), axes=0, where=where
    )
    assert_refused_both_ways(error, message, pool, image(), kind.name, adaptive(2), where=where)


@every_operator
@pytest.mark.parametrize(
    "dtype, message",
    [
        ("float33", says("dtype", "be a data type", "'float33'")),
        (3, says("dtype", "be a data type", 3)),
        (np.floating, says("dtype", "be a data type", np.floating)),
        ({"a": 1}, says("dtype", "be a data type", {"a": 1})),
        ("c8", says("dtype", f"be of {REAL}", "complex64")),
        (complex, says("dtype", f"be of {REAL}", "complex128")),
        (object, says("dtype", f"be of {REAL}", "object")),
        ("longdouble", says("dtype", f"be of {REAL}", np.dtype("longdouble"))),
        ("U3", says("dtype", f"be of {REAL}", "<U3")),
        ("M8[s]", says("dtype", f"be of {REAL}", "datetime64[s]")),
        ("f4,f4", says("dtype", f"be of {REAL}", np.dtype("f4,f4"))),
    ],
)
def test_dtype(kind, dtype, message):
    assert_refused_both_ways(TypeError, message, function_of(kind), image(), 2, dtype=dtype)
    assert_refused_both_ways(TypeError, message, pool, image(), kind.name, whole(), dtype=dtype)


def test_dtype_and_out_that_disagree():
    message = says("out", "have the result's dtype float32", "float64")
    options = {"dtype": "f4", "out": np.zeros((2, 2))}
    assert_refused_both_ways(TypeError, message, cpool.avg_pool2d, image(), 2, **options)


@every_selection
@pytest.mark.parametrize("value", [1, 0, None, "yes", np.array([True])], ids=repr)
def test_return_indices(kind, value):
    message, options = says("return_indices", "be a bool", repr(value)), {"return_indices": value}
    assert_refused_both_ways(TypeError, message, function_of(kind), image(), 2, **options)
    assert_refused_both_ways(
        TypeError, message, function_of(kind, form="adaptive_"), image(), 2, **options
    )
    function = function_of(kind, "", "global_")
    assert_refused_both_ways(TypeError, message, function, image(), axes=0, **options)
    for flag in (True, np.True_):
        assert isinstance(function_of(kind)(image(), 2, return_indices=flag), tuple)
    for flag in (False, np.False_):
        assert isinstance(function_of(kind)(image(), 2, return_indices=flag), np.ndarray)


@every_operator
@pytest.mark.parametrize("value", [1, 0, None, "yes"])
def test_keepdims(kind, value):
    message = says("keepdims", "be a bool", repr(value))
    function = function_of(kind, "", "global_")
    assert_refused_both_ways(TypeError, message, function, image(), axes=0, keepdims=value)


MEAN = [
    ("divisor_override", 0, ValueError, "not be 0 nor beyond 2"),
    ("divisor_override", np.int64(0), ValueError, "not be 0 nor beyond 2"),
    ("divisor_override", 2**53, ValueError, "not be 0 nor beyond 2"),
    ("divisor_override", -(10**30), ValueError, "not be 0 nor beyond 2"),
    ("divisor_override", True, TypeError, "be an int or None"),
    ("divisor_override", np.True_, TypeError, "be an int or None"),
    ("divisor_override", 1.5, TypeError, "be an int or None"),
    ("divisor_override", 4.0, TypeError, "be an int or None"),
    ("divisor_override", "4", TypeError, "be an int or None"),
    ("count_include_pad", 2, TypeError, "be a bool"),
    ("count_include_pad", 0, TypeError, "be a bool"),
    ("count_include_pad", None, TypeError, "be a bool"),
    ("count_include_pad", "no", TypeError, "be a bool"),
]


@pytest.mark.parametrize("name, value, error, allowed", MEAN)
def test_arguments_of_means(name, value, error, allowed):
    message = says(name, allowed, value if error is ValueError else repr(value))
    options = {name: value}
    for suffix in ("1d", "2d", ""):
        function = getattr(cpool, f"avg_pool{suffix}")
        assert_refused_both_ways(error, message, function, image(), 2, **options)
    assert_refused(error, message, Mean, **options)
    if name == "count_include_pad":
        assert_refused(error, message, sliding(2).sizes, (4, 5), **options)


# --- NaN, and windows without an element ----------------------------------------------------------


def with_nan(*index):
    x = image()
    x[index] = np.nan
    return x


@every_operator
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8"])
def test_nan_that_a_window_reads(kind, dtype):
    message = r'^x has a NaN in a window, and nan_policy is "raise"$'
    x, options = with_nan(1, 1).astype(dtype), {"nan_policy": "raise"}
    assert_refused_both_ways(ValueError, message, function_of(kind), x, 2, **options)
    assert_refused_both_ways(
        ValueError, message, function_of(kind, form="adaptive_"), x, 2, **options
    )
    function = function_of(kind, "", "global_")
    assert_refused_both_ways(ValueError, message, function, x, axes=0, **options)
    assert_refused_both_ways(ValueError, message, pool, x, kind(), sliding(3, 1, 1), **options)
    if kind.selects:
        options["return_indices"] = True
        assert_refused_both_ways(ValueError, message, function_of(kind), x, 2, **options)


@every_operator
@pytest.mark.parametrize(
    "index, arguments",
    [
        ((0, 4), {"kernel_size": 2}),  # behind the last window
        ((1, 1), {"kernel_size": 2, "dilation": 2, "stride": 2}),  # between taps
        ((2, 3), {"kernel_size": 2, "stride": 3}),  # between windows
        ((0, 0), {"kernel_size": 2, "where": ~np.isnan(with_nan(0, 0))}),  # does not exist
    ],
)
def test_nan_in_a_gap_is_fine(kind, index, arguments):
    x = with_nan(*index)
    y, pullback = vjp(function_of(kind), x, nan_policy="raise", **arguments)
    assert not np.isnan(y).any()
    x[index] = 0
    np.testing.assert_array_equal(y, function_of(kind)(x, **arguments))
    assert pullback(np.ones_like(y))[index] == 0


def test_nan_policy_raise_with_integers():
    assert cpool.max_pool2d(image(int), 2, nan_policy="raise").tolist() == [[6, 8], [16, 18]]


@every_operator
@pytest.mark.parametrize("dtype", ["i1", "u8", "?"])
def test_nan_to_integer(kind, dtype):
    message = says("dtype", "be floating where the value of a window is NaN", np.dtype(dtype))
    x = with_nan(1, 1)
    assert_refused_both_ways(ValueError, message, function_of(kind), x, 2, dtype=dtype)
    x = with_nan(slice(0, 2), slice(0, 2))
    if kind.empty != "0":
        options = {"dtype": dtype, "nan_policy": "omit"}
        assert_refused_both_ways(ValueError, message, function_of(kind), x, 2, **options)
    assert function_of(kind)(with_nan(1, 1), 2, dtype=dtype, nan_policy="omit").dtype == dtype


@every_operator
@pytest.mark.parametrize("dtype", ["i4", "u1", "?"])
def test_window_without_an_element(kind, dtype):
    where = image() > 6
    x, natural = image(dtype), function_of(kind)(image(dtype), 2).dtype
    if kind.empty == "0":
        assert function_of(kind)(x, 2, where=where)[0, 0] == 0
    elif natural.kind == "f":
        assert np.isnan(function_of(kind)(x, 2, where=where)[0, 0])
    else:
        message = rf"^where leaves a window without .*: dtype must be floating, got {natural}$"
        assert_refused_both_ways(ValueError, message, function_of(kind), x, 2, where=where)
        y = function_of(kind)(x, 2, where=where, dtype="f4")
        assert np.isnan(y[0, 0])


# --- pool and vjp ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reduction, error, message",
    [
        ("maximum", ValueError, says("reduction", f"be one of {NAMES}", "'maximum'")),
        ("Max", ValueError, says("reduction", f"be one of {NAMES}", "'Max'")),
        (b"max", TypeError, says("reduction", "be a name or a cpool reduction", "b'max'")),
        (3, TypeError, says("reduction", "be a name or a cpool reduction", 3)),
        (None, TypeError, says("reduction", "be a name or a cpool reduction", None)),
        (cpool.Max, TypeError, r"^reduction must be an object: Max\(\), not the class$"),
        (np.max, TypeError, r"^reduction must be a name .* cpool\.reference\.generic_pool$"),
        (
            lambda w: w[0],
            TypeError,
            r"^reduction must be a name .* cpool\.reference\.generic_pool$",
        ),
    ],
)
def test_reduction(reduction, error, message):
    assert_refused_both_ways(error, message, pool, image(), reduction, sliding(2))


@every_operator
@pytest.mark.parametrize("windows", [2, (2, 2), "same", None, sliding, cpool.Windows], ids=named)
def test_windows(kind, windows):
    allowed = "be made by sliding, adaptive, fractional, whole or pyramid"
    message = says("windows", allowed, repr(windows))
    assert_refused_both_ways(TypeError, message, pool, image(), kind.name, windows)


@every_operator
@pytest.mark.parametrize("rng", [0, 1, np.random.default_rng(0)], ids=["0", "1", "Generator"])
def test_rng(kind, rng):
    message = says("rng", f"be None for {kind.name}, in which nothing is random", repr(rng))
    assert_refused_both_ways(ValueError, message, pool, image(), kind.name, sliding(2), rng=rng)


@pytest.mark.parametrize("function", [np.max, max, None, "max_pool2d", vjp, sliding, 3], ids=named)
def test_vjp_of_something_else(function):
    message = says("function", "be pool or a pooling function of cpool", repr(function))
    assert_refused(TypeError, message, vjp, function, image(), 2)


@every_operator
def test_wrt(kind):
    function = function_of(kind)
    allowed = f"be 'x' for {function.__name__}: it has no other argument to differentiate by"
    for wrt, named in (("y", "'y'"), (("x", "kernel_size"), "'kernel_size'"), (["p"], "'p'")):
        assert_refused(ValueError, says("wrt", allowed, named), vjp, function, image(), 2, wrt=wrt)
    allowed = "be the name of an argument or a tuple of names"
    for wrt in (None, 3, {"x"}):
        assert_refused(
            TypeError, says("wrt", allowed, repr(wrt)), vjp, function, image(), 2, wrt=wrt
        )


PULLBACKS = [
    ("2d", "", (2,), {}),
    ("2d", "", (2,), {"where": image() != 3}),
    ("2d", "", (2,), {"padding": "same", "padding_mode": "reflect"}),
    ("2d", "adaptive_", (2,), {}),
    ("", "global_", (), {"axes": (0, 1)}),
    ("", "global_", (), {"axes": 0, "keepdims": False}),
]


@every_operator
@pytest.mark.parametrize("suffix, form, args, options", PULLBACKS)
def test_gradients_of_another_kind(kind, suffix, form, args, options):
    x = image()
    y, pullback = vjp(function_of(kind, suffix, form), x, *args, **options)
    for gy in (np.ones((*y.shape, 1)), np.ones((1, *y.shape)), np.ones((7, 3)), 1.0):
        message = says("gy", rf"have the result's shape {re.escape(str(y.shape))}", np.shape(gy))
        assert_refused(ValueError, message, pullback, gy)
    for dtype in ("complex64", "longdouble", "U3", "M8[s]", object):
        gy = np.zeros(y.shape, dtype)
        assert_refused(TypeError, says("gy", f"be of {REAL}", gy.dtype), pullback, gy)
    assert_refused(TypeError, says("gy", f"be of {REAL}", "object"), pullback, None)
    message = "^gy is a masked array, whose mask would be lost: pass an ndarray$"
    assert_refused(TypeError, message, pullback, np.ma.ones(y.shape))
    # None of that has hurt the pullback, and any real type is taken.
    expected = pullback(np.ones(y.shape))
    for dtype in ("f4", "f2", ">f8", "i8", "u1", "?"):
        np.testing.assert_array_equal(pullback(np.ones(y.shape, dtype)), expected)
    np.testing.assert_array_equal(pullback(np.ones(y.shape).tolist()), expected)


@every_operator
def test_a_pullback_does_not_read_its_arguments_again(kind):
    x, where, gy = image(), image() != 3, np.arange(4.0).reshape(2, 2)
    expected = vjp(function_of(kind), x.copy(), 2, where=where.copy())[1](gy)
    y, pullback = vjp(function_of(kind), x, 2, where=where)
    x[:], where[:], y[:] = np.nan, False, np.nan
    np.testing.assert_array_equal(pullback(gy), expected)


# --- max unpooling --------------------------------------------------------------------------------


def pooled(dtype=np.float64):
    return cpool.max_pool2d(np.arange(16).reshape(4, 4).astype(dtype), 2, return_indices=True)


@pytest.mark.parametrize("index", [16, -2, 10**6, 2**31, 2**32 + 5, 2**62, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("dtype", ["f8", "u1", "?"])
def test_unpool_index_out_of_range(index, dtype):
    values, indices = pooled(dtype)
    indices[1, 0] = index
    message = says("indices", "be -1 or positions inside the result, 0 to 15", index)
    assert_refused_both_ways(ValueError, message, cpool.max_unpool2d, values, indices, 2)
    rest = values[None].repeat(70, 0), indices[None].repeat(70, 0)
    assert_refused_both_ways(ValueError, message, cpool.max_unpool2d, *rest, 2)


@pytest.mark.parametrize("index", [2**63, 2**64 - 1])
def test_unpool_index_beyond_int64(index):
    values, indices = pooled()
    indices = indices.astype(np.uint64)
    indices[0, 0] = index
    message = says("indices", "be -1 or positions inside the result", index)
    assert_refused_both_ways(ValueError, message, cpool.max_unpool2d, values, indices, 2)


def test_unpool_leaves_minus_one_out():
    values, indices = pooled()
    expected = cpool.max_unpool2d(values, indices, 2)
    expected[indices[0, 0] // 4, indices[0, 0] % 4] = 0
    indices[0, 0] = -1
    y, pullback = vjp(cpool.max_unpool2d, values, indices, 2)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(pullback(np.ones((4, 4))), [[0, 1], [1, 1]])


def test_unpool_pullback_keeps_its_indices():
    """Changed after the call, they could point anywhere."""
    for values, indices in (pooled(), [a[None] for a in pooled()]):
        y, pullback = vjp(cpool.max_unpool2d, values, indices, 2)
        gy = np.arange(16.0).reshape(y.shape)
        expected = pullback(gy)
        indices[...] = 2**40
        np.testing.assert_array_equal(pullback(gy), expected)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda i: i.astype(float), TypeError, says("indices", "be .* integers", "float64")),
        (lambda i: i.astype(bool), TypeError, says("indices", "be .* integers", "bool")),
        (lambda i: i.astype(object), TypeError, says("indices", "be .* integers", "object")),
        (lambda i: None, TypeError, says("indices", "be .* integers", "object")),
        (lambda i: i[:1], ValueError, says("indices", r"have x's shape \(2, 2\)", (1, 2))),
        (lambda i: i.ravel(), ValueError, says("indices", r"have x's shape \(2, 2\)", (4,))),
        (lambda i: i[None], ValueError, says("indices", "have x's shape", (1, 2, 2))),
        (np.ma.array, TypeError, "^indices is a masked array, .* pass an ndarray$"),
    ],
)
def test_unpool_indices_of_another_kind(change, error, message):
    values, indices = pooled()
    assert_refused_both_ways(error, message, cpool.max_unpool2d, values, change(indices), 2)


@pytest.mark.parametrize(
    "size, error, allowed",
    [
        ((6, 4), ValueError, r"be from \(3, 3\) to \(5, 5\) along the pooled axes"),
        ((4, 2), ValueError, r"be from \(3, 3\) to \(5, 5\) along the pooled axes"),
        ((-4, 4), ValueError, r"be from \(3, 3\) to \(5, 5\) along the pooled axes"),
        (2**63, ValueError, r"be from \(3, 3\) to \(5, 5\) along the pooled axes"),
        ((4,), ValueError, "have 2 entries, or x's 2"),
        ((4, 4, 4), ValueError, "have 2 entries, or x's 2"),
        (4.0, TypeError, "be an int or a tuple of ints"),
        ((4, 4.0), TypeError, "be an int or a tuple of ints"),
        ((True, 4), TypeError, "be an int or a tuple of ints"),
        ("44", TypeError, "be an int or a tuple of ints"),
    ],
)
def test_unpool_output_size(size, error, allowed):
    message = says("output_size", allowed, repr(size))
    values, indices = pooled()
    unpool = cpool.max_unpool2d
    assert_refused_both_ways(error, message, unpool, values, indices, 2, output_size=size)


def test_unpool_output_size_of_the_whole_array():
    values, indices = (a[None] for a in pooled())
    for size in (5, (5, 5), (1, 5, 5), [1, 5, 5], (np.int64(5), 5)):
        assert cpool.max_unpool2d(values, indices, 2, output_size=size).shape == (1, 5, 5)
    message = says("output_size", "have x's lengths along axes that are not pooled", "(2, 5, 5)")
    message = message.replace("$", r" for x of shape \(1, 2, 2\)$")
    size = (2, 5, 5)
    unpool = cpool.max_unpool2d
    assert_refused_both_ways(ValueError, message, unpool, values, indices, 2, output_size=size)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"kernel_size": 0}, ValueError, says("kernel_size", "be at least 1", 0)),
        ({"kernel_size": 2.0}, TypeError, says("kernel_size", "be an int", 2.0)),
        ({"kernel_size": 2, "stride": 0}, ValueError, says("stride", "be at least 1", 0)),
        ({"kernel_size": 2, "padding": "same"}, ValueError, says("padding", "be ints", "'same'")),
        ({"kernel_size": 2, "padding": 2}, ValueError, "^padding must leave a result, got 2: its"),
        (
            {"kernel_size": 2, "axes": (0, 1)},
            TypeError,
            r"^max_unpool2d\(\) got .* argument 'axes'$",
        ),
        ({"kernel_size": 2, "channels_last": 1}, TypeError, says("channels_last", "be a bool", 1)),
        ({"kernel_size": 2**61, "stride": 1}, ValueError, "^kernel_size and stride give .* large"),
        ({"kernel_size": 2, "stride": 2**61}, ValueError, "^kernel_size and stride give .* large"),
        ({"kernel_size": 2**40}, ValueError, "^kernel_size and stride give .* large"),
    ],
)
def test_unpool_arguments(arguments, error, message):
    assert_refused_both_ways(error, message, cpool.max_unpool2d, *pooled(), **arguments)


def test_unpool_x():
    values, indices = pooled()
    message = says("x", f"be of {REAL}", "complex128")
    assert_refused_both_ways(TypeError, message, cpool.max_unpool2d, values + 1j, indices, 2)
    message = "^x is a masked array, whose mask would be lost: pass x.data and where="
    assert_refused_both_ways(
        TypeError, message, cpool.max_unpool2d, np.ma.array(values), indices, 2
    )
    message = says("x", "have at least 2 axes to pool 2 of them", 1)
    assert_refused_both_ways(ValueError, message, cpool.max_unpool2d, values[0], indices[0], 2)
    message = "^x must not be empty along a pooled axis, got length 0$"
    empty = values[:0], indices[:0]
    assert_refused_both_ways(ValueError, message, cpool.max_unpool2d, *empty, 2)
    _, pullback = vjp(cpool.max_unpool2d, values, indices, 2)
    message = says("gy", r"have the result's shape \(4, 4\)", (4, 5))
    assert_refused(ValueError, message, pullback, np.ones((4, 5)))
    message = says("gy", f"be of {REAL}", "complex128")
    assert_refused(TypeError, message, pullback, np.ones((4, 4)) * 1j)


# --- sizes that no machine has --------------------------------------------------------------------

# In a process of its own, whose memory is limited: an allocation that succeeds here by overcommit
# would otherwise be paid for later. Each call must be refused with a clear error or be right.
HUGE = """
    import itertools, resource, sys
    import numpy as np
    import cpool

    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**31, used + 2**31))
    counts = {}

    def attempt(function, *args, right=None, **kwargs):
        try:
            y = function(*args, **kwargs)
        except (ValueError, MemoryError) as error:
            assert str(error), (function, kwargs)
            kind = type(error).__name__
        else:
            kind = "served"
            assert right is None or np.all(y == right), (function, args[1:], kwargs, y)
        counts[kind] = counts.get(kind, 0) + 1

    x = np.arange(20.0).reshape(4, 5)
    whole, first = x.max(1, keepdims=True), x[:, 1:2]
    sizes = 2**31 - 1, 2**31, 2**32, 2**40, 2**53, 2**60, 2**61, 2**62 - 1, 2**62, 2**63 - 1, 2**64
    for n in sizes:
        for dtype in ("f8", "f4", "u1"):
            for options in (
                dict(kernel_size=n, ceil_mode=True, right=whole),
                dict(kernel_size=n, padding=n // 2, stride=n, right=None),
                dict(kernel_size=n, padding="same", right=whole),
                dict(kernel_size=n, padding="same_lower", padding_mode="wrap", right=whole),
                dict(kernel_size=2, stride=n, right=first),
                dict(kernel_size=2, stride=n, ceil_mode=True, right=first),
                dict(kernel_size=2, padding=n),
                dict(kernel_size=2, padding=((0, n),)),
                dict(kernel_size=2, padding=n, stride=n, padding_mode="reflect"),
                dict(kernel_size=2, padding=((n, 0),), stride=n, padding_mode="mirror"),
                dict(kernel_size=2, dilation=n),
                dict(kernel_size=3, dilation=n, ceil_mode=True),
                dict(kernel_size=3, dilation=n, padding="same"),
                dict(kernel_size=n, dilation=n, padding=n, stride=n),
            ):
                attempt(cpool.max_pool1d, x.astype(dtype), **options)
                options.pop("right", None)
                attempt(cpool.avg_pool1d, x.astype(dtype), **options)
                attempt(cpool.max_pool1d, x.astype(dtype), return_indices=True, **options)
                attempt(cpool.vjp, cpool.max_pool1d, x.astype(dtype), **options)
                attempt(cpool.vjp, cpool.sum_pool1d, x.astype(dtype), nan_policy="omit", **options)
                attempt(cpool.max_pool2d, x.astype(dtype), **options)
            # At 2**31 a result of n values would be within a machine's reach.
            if n > 2**32:
                attempt(cpool.adaptive_max_pool1d, x.astype(dtype), n)
                attempt(cpool.max_unpool1d, x, x.astype(int), n)
                attempt(cpool.max_unpool1d, x, x.astype(int), 2, n)

    # Arrays longer than memory: broadcast ones.
    for n, dtype in itertools.product((2**40, 2**48, 2**59, 2**61, 2**62 - 1), ("u1", "i8")):
        if n * np.dtype(dtype).itemsize >= 2**63:
            continue
        x = np.broadcast_to(np.ones((), dtype), (n,))
        for options in (
            dict(kernel_size=1, stride=n // 2),
            dict(kernel_size=3, stride=n // 4),
            dict(kernel_size=3, stride=n // 4, padding=1),
            dict(kernel_size=2, stride=n // 3, dilation=n // 7),
            dict(kernel_size=2, stride=1),
            dict(kernel_size=n),
            dict(kernel_size=3, stride=n // 2, padding="same", padding_mode="wrap"),
            dict(kernel_size=3, stride=n - 3, padding=((0, 2**62 - n - 2),)),
        ):
            attempt(cpool.max_pool1d, x, right=1, **options)
            attempt(cpool.min_pool1d, x, return_indices=True, **options)
            if options["kernel_size"] == 1 or options.get("padding") != 1:
                attempt(cpool.avg_pool1d, x, right=1, count_include_pad=False, **options)
            attempt(cpool.vjp, cpool.avg_pool1d, x, **options)
        attempt(cpool.adaptive_max_pool1d, x, 3, right=1)
        attempt(cpool.global_sum_pool, x, axes=0, right=n)
        side = 2 ** (n.bit_length() // 2 - 1)
        square = np.broadcast_to(np.ones((), dtype), (1, side, side))
        attempt(cpool.max_pool2d, square, 2, side // 2, right=1)
        last = (side // 2) * (side + 1)
        largest = lambda: cpool.max_pool2d(square, 2, side // 2, return_indices=True)[1].max()
        attempt(largest, right=last)
    print(counts)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory, and /proc")
def test_huge_sizes_are_refused_or_served(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HUGE)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "2"},  # not the stacks of as many as there are cores
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = eval(done.stdout)
    assert all(counts[kind] > 50 for kind in ("ValueError", "MemoryError", "served")), counts


def test_indices_need_windows_that_can_be_counted():
    message = says("kernel_size", r"have less than 2\*\*31 elements with return_indices", 2**31)
    for options in ({"return_indices": True}, {"nan_policy": "omit"}, {"where": image() > 0}):
        assert_refused(
            ValueError, message, cpool.max_pool1d, image(), 2**31, padding="same", **options
        )


# --- threads and configuration --------------------------------------------------------------------


@pytest.mark.parametrize(
    "set_them", [cpool.set_num_threads, lambda n: cpool.num_threads(n).__enter__()]
)
@pytest.mark.parametrize(
    "n, error, allowed",
    [
        (0, ValueError, "be from 1 to 1024"),
        (-1, ValueError, "be from 1 to 1024"),
        (1025, ValueError, "be from 1 to 1024"),
        (2**70, ValueError, "be from 1 to 1024"),
        (1.5, TypeError, "be an int"),
        (2.0, TypeError, "be an int"),
        (True, TypeError, "be an int"),
        (np.True_, TypeError, "be an int"),
        (np.array([2]), TypeError, "be an int"),
        (np.array(2.0), TypeError, "be an int"),
        ("2", TypeError, "be an int"),
    ],
)
def test_number_of_threads(set_them, n, error, allowed):
    before = cpool.get_num_threads()
    got = n if error is ValueError else repr(n)
    assert_refused(error, says("n", allowed, got), set_them, n)
    assert cpool.get_num_threads() == before


@pytest.mark.parametrize(
    "mode, error", [("print", ValueError), ("", ValueError), (None, TypeError), (1, TypeError)]
)
def test_show_config(mode, error, capsys):
    message = says("mode", 'be "stdout" or "dict"', repr(mode))
    assert_refused(error, message, cpool.show_config, mode=mode)
    assert capsys.readouterr().out == ""
