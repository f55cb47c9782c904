"""Compiled operators against the reference: a grid, random cases, large planes, exact integers."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from operators import (
    DTYPES,
    FLOATS,
    FORMS,
    INTEGERS,
    KINDS,
    LAYOUTS,
    MODES,
    OUTPUTS,
    RANKS,
    RUN_SLOW,
    Case,
    assert_between,
    assert_equal,
    assert_type,
    cases,
    check_forward,
    each_kind,
    epsilon,
    expectation,
    forms,
    function_name,
    fuzz,
    is_floating,
    lay_out,
    make,
    own_arguments,
    per_axis,
    rounded,
    unchanged,
)

import cpool
from cpool import reference

# A grid -------------------------------------------------------------------------------------------

#: Windows for any number of axes: per-axis arguments are cut to the rank.
SLIDING = [
    {"size": 2},
    {"size": 3, "stride": 2, "padding": 1},
    {"size": (3, 2, 2), "stride": 1, "padding": ((2, 0), (0, 1), (1, 1))},
    {"size": (2, 5, 3), "stride": (3, 2, 1), "padding": (1, 2, 1)},
    {"size": 4, "stride": 3, "padding": "same"},
    {"size": (4, 3, 2), "stride": 1, "padding": "same_lower"},
    {"size": 3, "stride": 2, "padding": "valid", "dilation": 2},
    {"size": 3, "stride": 1, "padding": 2, "dilation": (2, 1, 2)},
    {"size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"size": (2, 4, 3), "stride": (3, 3, 2), "ceil_mode": True},
    {"size": 1, "stride": 1},
    {"size": 1, "stride": 3},
    {"size": "plane", "stride": 1},
    {"size": "plane", "stride": 1, "padding": ((4, 4), (0, 5), (3, 0))},
    {"size": 2, "stride": (9, 10, 9), "padding": 1},
    *({"size": 3, "stride": 1, "padding": 2, "padding_mode": mode} for mode in MODES),
    *({"size": (3, 2, 3), "stride": (2, 3, 1), "padding": ((9, 4), (0, 11), (6, 7)),
       "padding_mode": mode, "ceil_mode": True} for mode in MODES[1:]),
    *({"size": 2, "stride": 2, "padding": (5, 9, 4), "dilation": (3, 1, 2), "padding_mode": mode}
      for mode in MODES[1:]),
]  # fmt: skip
ADAPTIVE = [
    {"size": size} for size in (1, 2, 3, (3, 7, 4), (None, 4, 2), (8, None, 1), (11, 13, 6))
]
#: What goes with any windows; each is tried with each of them for some data type.
EXTRAS = [
    {},
    {"channels_last": True},
    {"axes": "forward"},
    {"axes": "backward"},
    {"nan_policy": "omit"},
    {"where": "some"},
    {"where": "channel"},
    {"dtype": "float64"},
    {"dtype": "float32"},
    {"dtype": "float16"},
    {"dtype": "int8"},
    {"dtype": "uint64"},
    {"dtype": "bool"},
    {"out": "C"},
    {"out": "strided", "nan_policy": "omit", "where": "some"},
    {"out": "Fortran", "channels_last": True},
    {"out": "reversed", "axes": "backward"},
    {"channels_last": True, "where": "some", "dtype": "float64"},
    {"axes": "forward", "nan_policy": "omit", "dtype": "int32"},
]
PLANES = {1: (8,), 2: (8, 9), 3: (5, 6, 4)}


def grid(kind, form, rank, dtype) -> list[Case]:
    """Cases of an operator: windows plain, and with some extra option, which changes from data type
    to data type; with and without positions, with each set of its own arguments. Where slow tests
    are not run, neighbouring data types share the windows, and in 3-D only the extras are tried."""
    windows = {"sliding": SLIDING, "adaptive": ADAPTIVE, "global": [{}, {"keepdims": False}]}[form]
    seed = [KINDS.index(kind), FORMS.index(form), rank, DTYPES.index(dtype)]
    rng = np.random.default_rng(seed)
    turn = sum(seed) * 7
    own = itertools.cycle(own_arguments(kind, form))
    result = []
    for i, window in enumerate(windows):
        if not RUN_SLOW and len(windows) > 2 and (i + sum(seed)) % 2:
            continue
        extra = EXTRAS[(turn + 5 * i) % len(EXTRAS)]
        for more in [extra] if rank == 3 and not RUN_SLOW else [{}, extra]:
            arguments = next(own) if form == "sliding" else own_arguments(kind, form)[0]
            result.append(case_of(rng, kind, form, rank, dtype, {**window, **arguments}, more))
            if kind.selects:
                result.append(replace(result[-1]))
                result[-1].options = {**result[-1].options, "return_indices": True}
    return result


def cut(value, rank):
    return value[:rank] if isinstance(value, tuple) else value


def case_of(rng, kind, form, rank, dtype, window, extra) -> Case:
    plane = PLANES[rank]
    options = {name: cut(value, rank) for name, value in {**window, **extra}.items()}
    size, out = options.pop("size", None), options.pop("out", None)
    size = plane if size == "plane" else size
    axes = options.pop("axes", None)
    last = options.get("channels_last") or axes == "backward"
    shape = (2, *plane, 3) if last else (2, 3, *plane)
    if axes == "backward":
        # From the last pooled axis to the first: so are the arguments, and that is the plane.
        shape = (2, *plane[::-1], 3)
        options["axes"] = tuple(range(-2, -2 - rank, -1))
    elif axes == "forward":
        options["axes"] = tuple(range(2, 2 + rank))
    elif form == "global" and not options.get("channels_last"):
        options["axes"] = tuple(range(-rank, 0))
    if "where" in options:
        masks = {"some": shape, "channel": (2, *[1] * rank, shape[-1])}
        options["where"] = rng.random(masks[options["where"]]) < 0.8
        if form == "adaptive" and not is_floating(dtype):
            options["dtype"] = "float64"  # too many of its small windows are empty
    values = ["plain", "few", "special"][int(rng.integers(3))]
    values = "special" if "nan_policy" in options else values
    if "dtype" in options and np.dtype(options["dtype"]).kind in "iub" and values == "special":
        values = "few"  # a NaN would be an error, as tests of errors show
    x = lay_out(make(rng, shape, dtype, values), LAYOUTS[int(rng.integers(len(LAYOUTS)))])
    by_axes = "axes" in options and form != "global"
    return Case(kind, form, 0 if by_axes else rank, x, size, options, out)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("form", FORMS)
@each_kind()
def test_grid(kind, form, rank, dtype):
    if form not in forms(kind):
        pytest.skip(f"there is no {form} {kind.name}")
    compared = refused = 0
    for case in grid(kind, form, rank, dtype):
        if check_forward(case):
            compared += 1
        else:
            refused += 1
    # Windows that `where` leaves empty cannot be integers; everything else must be a result.
    assert refused <= compared / 2


@each_kind()
def test_every_form_is_there(kind):
    assert set(forms(kind)) >= {"sliding", "global"}
    for form in forms(kind):
        for rank in (0,) if form == "global" else (0, *RANKS):
            name = function_name(kind, form, rank)
            assert name in cpool.functional.__all__
            assert callable(getattr(reference, name)), f"the reference has no {name}"


@pytest.mark.parametrize("layout", LAYOUTS)
@each_kind()
def test_layouts(kind, layout):
    """Every type in every layout, rows long enough that some are folded where they are."""
    rng = np.random.default_rng(LAYOUTS.index(layout))
    forms_of = itertools.cycle([{}, {"channels_last": True}, {"axes": (0, 2)}, {}])
    for dtype, shape in itertools.product(DTYPES, [(3, 40, 1), (1, 2, 7, 70), (4, 90, 5)]):
        x = lay_out(make(rng, shape, dtype, "special"), layout)
        for options in [next(forms_of) for _ in range(3 if RUN_SLOW else 1)]:
            rank = 0 if "axes" in options else 2
            kernel = (2, 1) if shape[-1] < 2 or options == {"axes": (0, 2)} else 2
            sizes = {"stride": 1, "padding": ((1, 0), (0, 0))}
            case = Case(kind, "sliding", rank, x, kernel, {**options, **sizes})
            assert check_forward(case)


@pytest.mark.parametrize("layout", OUTPUTS)
@each_kind()
def test_outputs(kind, layout):
    """`out` of any strides is filled, nothing beside it, and it is returned."""
    rng = np.random.default_rng(list(OUTPUTS).index(layout))
    for dtype in DTYPES:
        x = make(rng, (2, 3, 9, 41), dtype, "few")
        for form in forms(kind):
            size = {"sliding": 3, "adaptive": (4, 7), "global": None}[form]
            for options in ({}, {"channels_last": True}, {"keepdims": False}):
                if form != "global" and "keepdims" in options:
                    continue
                rank = 0 if form == "global" else 2
                if kind.selects:
                    options = {**options, "return_indices": True}
                assert check_forward(Case(kind, form, rank, x, size, options, layout))


@each_kind()
def test_axes_default_to_those_of_the_arguments(kind):
    """A tuple says how many of the last axes are pooled, an int pools all of at most three."""
    rng = np.random.default_rng(0)
    function = getattr(cpool, kind.function)
    own = own_arguments(kind, "sliding")[0]
    x = make(rng, (3, 4, 6, 6), "float32", "few")
    for rank in RANKS:
        expected = getattr(reference, f"{kind.function}{rank}d")
        assert_equal(function(x, (2,) * rank, **own), expected(x, 2, **own))
        plane = x[(0,) * (4 - rank)]
        assert_equal(function(plane, 2, **own), expected(plane, 2, **own))
    with pytest.raises(ValueError, match="axes="):
        function(x, 2, **own)


# Random cases -------------------------------------------------------------------------------------


@each_kind()
@fuzz(150)
@hypothesis.given(data=st.data())
def test_random_cases(kind, data):
    if not check_forward(data.draw(cases(kind))):
        hypothesis.reject()  # both refused it: another one instead


@each_kind()
@fuzz(60)
@hypothesis.given(data=st.data())
def test_lists_and_scalars(kind, data):
    """What is not an array is made one, as NumPy makes it."""
    number = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, width=32))
    x = data.draw(st.lists(number, min_size=3, max_size=9))
    expected = getattr(cpool, kind.function)(np.asarray(x), 2)
    assert_equal(getattr(cpool, kind.function)(x, 2), expected)
    assert_equal(getattr(cpool, kind.function)(tuple(x), 2), expected)


# Large planes: several tiles, strips and threads ------------------------------------------------


def crop(case: Case, blocks) -> tuple[Case, tuple[slice, ...], tuple[slice, ...]]:
    """The case that gives only some windows of another, where they are in its result, and what they
    read. `blocks`: for each axis a first and a last window or index. Padding is constant, and no
    window is beyond it."""
    count = len(case.axes)
    o = case.options
    kernel, dilation = per_axis(case.size, count), per_axis(o.get("dilation", 1), count)
    stride = kernel if o.get("stride") is None else per_axis(o["stride"], count)
    pads = [p if isinstance(p, tuple) else (p, p) for p in per_axis(o.get("padding", 0), count)]
    take = [slice(first, last + 1) for first, last in blocks]
    read = [*take]
    padding = []
    for i, axis in enumerate(case.axes):
        n, (first, last) = case.x.shape[axis], blocks[axis]
        low = first * stride[i] - pads[i][0]
        high = last * stride[i] - pads[i][0] + (kernel[i] - 1) * dilation[i] + 1
        read[axis] = slice(max(low, 0), min(high, n))
        padding.append((max(-low, 0), max(high - n, 0)))
    part = replace(case, x=case.x[tuple(read)], options={**o, "padding": tuple(padding)})
    if o.get("where") is not None:
        part.options["where"] = np.broadcast_to(o["where"], case.x.shape)[tuple(read)]
    return part, tuple(take), tuple(read)


def blocks_of(rng, case: Case, shape):
    """Small boxes of a result: one in each corner, and some anywhere."""
    # So large that the reference has some 10 000 elements to look at.
    length = int(max((4e4 / case.taps) ** (1 / len(shape)), 1))
    lengths = [min(length, 20, n) for n in shape]
    ends = [(0, n - length) for n, length in zip(shape, lengths, strict=True)]
    starts = [*itertools.product(*[ends[axis] for axis in case.axes])]
    for corner in starts:
        begin = [int(rng.integers(n - m + 1)) for n, m in zip(shape, lengths, strict=True)]
        for axis, start in zip(case.axes, corner, strict=True):
            begin[axis] = start
        yield [(i, i + m - 1) for i, m in zip(begin, lengths, strict=True)]
    for _ in range(6):
        begin = [int(rng.integers(n - m + 1)) for n, m in zip(shape, lengths, strict=True)]
        yield [(i, i + m - 1) for i, m in zip(begin, lengths, strict=True)]


def check_blocks(case: Case) -> None:
    """A large result, block by block."""
    with unchanged(case.x):
        y = case.call()
    y, positions = y if isinstance(y, tuple) else (y, None)
    rng = np.random.default_rng(7)
    for blocks in blocks_of(rng, case, y.shape):
        part, take, read = crop(case, blocks)
        low, high, part_positions = expectation(part)
        assert_type(y[take], low.dtype, low.shape, case)
        assert_between(y[take], low, high, f"{case}, windows {blocks}")
        if positions is None:
            continue
        ordered = sorted(case.axes)
        places = np.unravel_index(part_positions, [part.x.shape[axis] for axis in ordered])
        places = [p + read[axis].start for p, axis in zip(places, ordered, strict=True)]
        whole = np.ravel_multi_index(places, [case.x.shape[axis] for axis in ordered])
        assert_equal(positions[take], whole, f"{case}, windows {blocks}: positions")


LARGE = {
    "plane": ((1, 1, 700, 900), 2, [
        {"size": 3, "stride": 2, "padding": 1},
        {"size": 2},
        {"size": 31, "stride": 1, "padding": 15},
        {"size": (101, 31), "stride": (1, 2), "padding": ((50, 3), (0, 30))},
        {"size": (5, 101), "stride": (9, 11), "padding": (2, 50)},
        {"size": (3, 7), "stride": (1, 10), "dilation": (40, 13)},
        {"size": (9, 4), "stride": (3, 1), "dilation": (5, 200), "padding": ((20, 7), (0, 0))},
        {"size": (700, 900), "stride": 1, "padding": (3, 2)},
        {"size": (1, 33), "stride": (1, 1)},
        {"size": (257, 1), "stride": (3, 1)},
    ]),
    "line": ((200000,), 1, [
        {"size": 3, "stride": 2, "padding": 1},
        {"size": 31, "stride": 1, "padding": ((30, 2),)},
        {"size": 101, "stride": 10},
        {"size": 64, "stride": 9, "dilation": 3, "padding": 50},
        {"size": 5, "stride": 1, "dilation": 20000},
        {"size": 200000, "stride": 1, "padding": 2},
    ]),
    "few channels": ((2, 60, 70, 300), 2, [
        {"size": 3, "stride": 2, "padding": 1, "channels_last": True},
        {"size": (31, 5), "stride": (1, 9), "padding": (15, 0), "channels_last": True},
        {"size": 2, "dilation": (7, 30), "stride": 1, "channels_last": True},
    ]),
    "many channels": ((1, 9, 31, 5000), 2, [
        {"size": 2, "channels_last": True},
        {"size": (9, 31), "stride": 1, "padding": ((0, 2), (3, 0)), "channels_last": True},
    ]),
    "three channels": ((1, 300, 400, 3), 2, [
        {"size": (3, 2), "stride": (2, 9), "padding": 1, "channels_last": True},
        {"size": 101, "stride": 1, "padding": 50, "channels_last": True},
    ]),
    "volume": ((1, 2, 40, 50, 60), 3, [
        {"size": 3, "stride": 2, "padding": 1},
        {"size": (2, 31, 3), "stride": (1, 1, 9), "padding": (1, 15, 0), "dilation": (5, 1, 2)},
        {"size": (40, 50, 60), "stride": 1, "padding": 1},
    ]),
}  # fmt: skip


def large_cases(kind, where, dtype):
    rng = np.random.default_rng(1)
    shape, rank, windows = LARGE[where]
    # Values with ties, and large enough that those at hand do not hide an error elsewhere.
    x = (rng.integers(-500, 500, shape) / 4).astype(np.int64 if dtype in INTEGERS else dtype)
    x = x.astype(dtype)
    for window in windows:
        options = {name: value for name, value in window.items() if name != "size"}
        yield Case(kind, "sliding", rank, x, window["size"], options)


@pytest.mark.parametrize("where", LARGE)
@each_kind()
def test_large(kind, where):
    for case in large_cases(kind, where, "float32"):
        check_blocks(case)


@pytest.mark.parametrize("where", LARGE)
@each_kind([kind for kind in KINDS if kind.selects])
def test_large_positions(kind, where):
    for case in large_cases(kind, where, "int16"):
        case.options["return_indices"] = True
        check_blocks(case)


@pytest.mark.slow
@pytest.mark.parametrize("where", LARGE)
@each_kind()
def test_large_of_all_types(kind, where):
    """Each fifth of the windows for each type, another fifth for the next one."""
    for i, dtype in enumerate(DTYPES):
        for case in itertools.islice(large_cases(kind, where, dtype), i % 5, None, 5):
            check_blocks(case)
            case.options["where"] = np.random.default_rng(0).random(case.x.shape) < 0.99
            check_blocks(case)


#: The same for whole results, where NumPy can do it one axis after the other.
SEPARABLE = {"max": np.maximum, "min": np.minimum, "sum": np.add}


@pytest.mark.parametrize("name", SEPARABLE)
@pytest.mark.parametrize(
    "kernel, stride", [((31, 31), (1, 1)), ((101, 3), (2, 9)), ((3, 101), (9, 1))]
)
def test_large_in_full(name, kernel, stride):
    x = np.random.default_rng(0).integers(-1000, 1000, (700, 900)).astype(np.float64)
    expected = x
    for axis, (k, s) in enumerate(zip(kernel, stride, strict=True)):
        windows = np.lib.stride_tricks.sliding_window_view(expected, k, axis)
        every = windows[::s] if axis == 0 else windows[:, ::s]
        expected = SEPARABLE[name].reduce(every, axis=-1)
    function = getattr(cpool, f"{name}_pool2d")
    for dtype in ("float64", "float32", "int32"):  # whole numbers: sums are exact in all of them
        np.testing.assert_array_equal(function(x.astype(dtype), kernel, stride), expected)
        deep = np.stack([-x, x], axis=-1).astype(dtype)
        y = function(deep, kernel, stride, channels_last=True)
        np.testing.assert_array_equal(y[..., 1], expected)


@pytest.mark.parametrize("form", ["adaptive", "global"])
@each_kind()
def test_large_adaptive_and_global(kind, form):
    if form not in forms(kind):
        pytest.skip(f"there is no {form} {kind.name}")
    rng = np.random.default_rng(2)
    sizes = [(1, 1), (7, 5), (1, 11), (13, None)] if form == "adaptive" else [None]
    shapes = [(1, 1, 300, 400), (2, 7, 900, 3)]
    for shape, channels_last in itertools.product(shapes, [False, True]):
        x = (rng.integers(-500, 500, shape) / 4).astype(np.float32)
        for size in sizes:
            options = {"channels_last": channels_last}
            if kind.selects:
                options["return_indices"] = True
            assert check_forward(Case(kind, form, 2, x, size, options))


@pytest.mark.parametrize("special", ["integers", "nans", "infinite"])
@pytest.mark.parametrize("layout", OUTPUTS)
@pytest.mark.parametrize("name", ["max", "min", "sum"])
def test_adaptive_rows_of_a_few_vectors(name, layout, special):
    """As kernels/spans.pxi folds them, and what it leaves to others, against float64: which it
    leaves. Windows of one to many taps, all of a row alike or not."""
    rng = np.random.default_rng(len(name))
    heights = [(1, 1), (5, 3), (20, 6), (40, 3), (67, 2), (3, 7)]
    for width in (7, 8, 9, 15, 16, 17, 20, 24, 25, 31, 32, 33):
        for (height, rows), windows in itertools.product(heights, (1, 4, 6, 9, width - 1, 40)):
            shape = (2, 3, height, width)
            x = rng.integers(-9, 10, shape).astype(np.float32)
            if special == "nans":
                x[rng.random(shape) < 0.05] = np.nan
            elif special == "infinite":
                x[rng.random(shape) < 0.3] = -np.inf if name == "max" else np.inf
            adaptive = cpool.adaptive((rows, windows))
            expected = cpool.pool(x.astype(float), name, adaptive).astype(np.float32)
            given, out = lay_out(x, layout), np.zeros((2, 3, rows, 2 * windows + 1), np.float32)
            assert_equal(cpool.pool(given, name, adaptive), expected)
            assert_equal(cpool.pool(given, name, adaptive, out=out[..., 1::2]), expected)
            assert not out[..., ::2].any()
            if name == "sum":
                gy = rng.integers(-9, 10, expected.shape).astype(np.float32)
                _, pullback = cpool.vjp(cpool.pool, given, name, adaptive)
                _, exact = cpool.vjp(cpool.pool, x.astype(float), name, adaptive)
                assert_equal(pullback(gy), exact(gy.astype(float)).astype(np.float32))


@pytest.mark.parametrize("special", ["integers", "nans"])
@pytest.mark.parametrize("layout", OUTPUTS)
@pytest.mark.parametrize("name", ["max", "min", "sum"])
def test_windows_far_apart_in_small_planes(name, layout, special):
    """Extrema of float32 are folded as those of irregular windows are: against float64."""
    rng = np.random.default_rng(len(layout))
    sizes = [((3, 3), 3), ((7, 7), 7), ((2, 4), (3, 5)), ((5, 4), 3), ((3, 16), (4, 16)),
             ((1, 9), (8, 3))]  # fmt: skip
    for height, width in itertools.product((7, 14, 33), (7, 8, 14, 16, 21, 32, 33)):
        shape = (2, 3, height, width)
        x = rng.integers(-9, 10, shape).astype(np.float32)
        if special == "nans":
            x[rng.random(shape) < 0.05] = np.nan
        for kernel, stride in sizes:
            if (np.array(kernel) > shape[2:]).any():
                continue
            windows = cpool.sliding(kernel, np.broadcast_to(stride, 2).tolist())
            expected = cpool.pool(x.astype(float), name, windows).astype(np.float32)
            assert_equal(cpool.pool(lay_out(x, layout), name, windows), expected)
            given = np.moveaxis(lay_out(x, layout), 1, -1)
            last = cpool.pool(given, name, windows, channels_last=True)
            assert_equal(last, np.moveaxis(expected, 1, -1))


@pytest.mark.parametrize("special", ["ties", "nans", "infinite"])
@pytest.mark.parametrize("layout", ["packed", "view", "reversed", "Fortran"])
@pytest.mark.parametrize("kernel, padding", [(2, 0), (3, 0), (3, 1), (3, (0, 1)), (3, (1, 0))])
@pytest.mark.parametrize("name", ["max", "min"])
def test_positions_of_windows_two_apart(name, kernel, padding, layout, special):
    """As kernels/twos.pxi selects them, and what it leaves to others: float32, any widths."""
    rng = np.random.default_rng(kernel)
    pool, expected = (getattr(module, f"{name}_pool2d") for module in (cpool, reference))
    for height, width in itertools.product((3, 8), (*range(3, 21), 33, 112)):
        shape = (2, 3, height, width)
        x = rng.integers(-2, 3, shape).astype(np.float32)
        if special != "ties":
            rare = rng.random(shape) < (0.02 if special == "nans" else 0.7)
            x[rare] = np.nan if special == "nans" else -np.inf if name == "max" else np.inf
        if layout == "view":
            frame = np.full((2, 3, height + 2, width + 5), np.nan, np.float32)
            frame[..., 1:-1, 2:-3] = x
            x = frame[..., 1:-1, 2:-3]
        elif layout == "reversed":
            x = np.ascontiguousarray(x[..., ::-1, ::-1])[..., ::-1, ::-1]
        elif layout == "Fortran":
            x = np.asfortranarray(x)
        y, indices = pool(x, kernel, 2, padding, return_indices=True)
        values, places = expected(x, kernel, 2, padding, return_indices=True)
        assert_equal(y, values)
        assert_equal(indices, places)
        check_offsets(x, values, places, *cpool.vjp(pool, x, kernel, 2, padding))


def check_offsets(x, values, places, y, pullback):
    """What vjp gives, against values and positions of a plane's elements, channels first."""
    gy = np.random.default_rng(5).integers(1, 9, y.shape).astype(x.dtype)
    expected = np.zeros((*x.shape[:2], math.prod(x.shape[2:])), x.dtype)
    planes = (np.arange(x.shape[0])[:, None, None], np.arange(x.shape[1])[:, None])
    np.add.at(expected, (*planes, places.reshape(*x.shape[:2], -1)),
              gy.reshape(*x.shape[:2], -1))  # fmt: skip
    assert_equal(y, values)
    assert_equal(pullback(gy), expected.reshape(x.shape))


@pytest.mark.parametrize("kernel, padding", [(2, 0), (3, 0), (3, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 131, 5), (1, 2, 5, 1031), (1, 2, 3, 8301), (2, 2, 4, 16)])
def test_positions_of_windows_two_apart_in_rows_of_any_length(shape, kernel, padding):
    """More windows than are kept of a row, more than a tile has, and narrow planes."""
    rng = np.random.default_rng(6)
    for special in (False, True):
        x = rng.integers(-9, 10, shape).astype(np.float32)
        if special:
            x[rng.random(shape) < 0.001] = np.nan
        values, places = reference.max_pool2d(x, kernel, 2, padding, return_indices=True)
        y, indices = cpool.max_pool2d(x, kernel, 2, padding, return_indices=True)
        assert_equal(y, values)
        assert_equal(indices, places)
        check_offsets(x, values, places, *cpool.vjp(cpool.max_pool2d, x, kernel, 2, padding))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "int64"])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("name", ["max", "min", "sum", "avg"])
@pytest.mark.parametrize("stride", [1, 2])
def test_windows_of_three_in_planes(name, padding, stride, dtype):
    """As kernels/threes.pxi folds them: rows of any length, results that lie in a larger array, of
    which nothing else is written, and a NaN in any row. Sums are of whole numbers."""
    rng = np.random.default_rng(11)
    pool, expected = (getattr(module, f"{name}_pool2d") for module in (cpool, reference))
    widths = (3, 8, 24, 31, 48, 50, 57, 113, 300, 2100)
    for height, width in [*itertools.product((3, 4, 7, 40), widths), (4, 17001), (900, 1300)]:
        x = rng.integers(-60, 61, (2, 2, height, width)).astype(dtype)
        if height == 900:           # more than caches hold
            x = x[:1]
        for special in (False, True) if dtype.startswith("float") else (False,):
            if special:
                n = len(x) * 2
                rows = np.arange(n), rng.integers(0, height, n), rng.integers(0, width, n)
                x.reshape(n, height, width)[rows] = np.nan
            values = expected(x, 3, stride, padding)
            assert_equal(pool(x, 3, stride, padding), values)
            frame = np.full((*values.shape[:-1], values.shape[-1] + 3), 77, values.dtype)
            pool(x, 3, stride, padding, out=frame[..., :-3])
            assert_equal(frame[..., :-3], values)
            assert (frame[..., -3:] == 77).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["max", "min"])
def test_windows_of_two_in_planes_of_short_floats(name, dtype):
    """As kernels/halvings.pxi folds them: rows of any length, results in a larger array, of
    which nothing else is written; NaNs of either sign, infinities and zeros."""
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    rng = np.random.default_rng(13)
    pool, expected = (getattr(module, f"{name}_pool2d") for module in (cpool, reference))
    shapes = (2, 6000), (31, 601), (40, 513), (111, 96), (112, 112), (1001, 34), (3000, 5)
    for height, width in shapes:
        x = rng.normal(size=(2, 2, height, width)).astype(dtype)
        for value in (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0):
            x[rng.random(x.shape) < 0.03] = value
        for there in (x, x[..., ::-1, :], x[1:, :1], x[..., 1:]):
            values = expected(there, 2)
            assert_equal(pool(there, 2), values)
            frame = np.full((*values.shape[:-1], values.shape[-1] + 3), 77, values.dtype)
            pool(there, 2, out=frame[..., :-3])
            assert_equal(frame[..., :-3], values)
            assert (frame[..., -3:] == 77).all()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kernel", [(1, 2, 2), (1, 3, 3), (2, 2, 2), (3, 3, 1)])
def test_positions_in_volumes_of_rows(kernel, last):
    """Planes of a volume are selected from as others, but positions are those of the volume."""
    rng = np.random.default_rng(7)
    stride, padding = [min(k, 2) for k in kernel], [k // 3 for k in kernel]
    for special in (False, True):
        x = rng.integers(-9, 10, (2, 33, 4, 7, 18)).astype(np.float32)
        if special:
            x[rng.random(x.shape) < 0.001] = np.nan
        expected = reference.max_pool3d(x, kernel, stride, padding, return_indices=True)
        check_both(cpool.max_pool3d, x, expected, (kernel, stride, padding), last)


def check_both(pool, x, expected, arguments, last=True):
    """Positions, and offsets as vjp keeps them, of an array whose channels may come last."""

    def moved(array, source, target):
        return np.ascontiguousarray(np.moveaxis(array, source, target)) if last else array

    given, options = moved(x, 1, -1), {"channels_last": last}
    y, indices = pool(given, *arguments, return_indices=True, **options)
    assert_equal(moved(y, -1, 1), expected[0])
    assert_equal(moved(indices, -1, 1), expected[1])
    y, pullback = cpool.vjp(pool, given, *arguments, **options)
    check_offsets(x, *expected, moved(y, -1, 1),
                  lambda gy: moved(pullback(moved(gy, 1, -1)), -1, 1))  # fmt: skip


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("channels", [8, 11, 16, 17, 31, 32, 33, 40, 55, 64])
def test_positions_in_rows_of_channels(channels, name):
    """As kernels/picks.pxi selects them, and what it leaves to others: any channels."""
    rng = np.random.default_rng(channels)
    pool, expected = (getattr(module, f"{name}_pool2d") for module in (cpool, reference))
    for kernel, stride, padding in (
        (2, 2, 0), (2, 1, 0), (3, 2, 1), (3, 2, 0), (3, 1, 1), (3, 3, 0), ((1, 3), 1, 0),
        ((3, 1), 2, 0), ((2, 3), 2, (1, 1)),
    ):  # fmt: skip
        for special in ("ties", "nans", "infinite"):
            x = rng.integers(-2, 3, (2, channels, 7, 10)).astype(np.float32)
            if special != "ties":
                rare = rng.random(x.shape) < (0.01 if special == "nans" else 0.7)
                x[rare] = np.nan if special == "nans" else -np.inf if name == "max" else np.inf
            found = expected(x, kernel, stride, padding, return_indices=True)
            check_both(pool, x, found, (kernel, stride, padding))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kernel, stride, padding", [(2, 2, 0), (3, 2, 1), (3, 2, 0), (3, 1, 1)])
def test_one_nan_is_found_wherever_it_is(kernel, stride, padding, last):
    """Paths that do not follow a NaN must see it: one in each place of a plane in turn."""
    rng = np.random.default_rng(8)
    x = rng.integers(-2, 3, (1, 33, 5, 20)).astype(np.float32)
    for number in range(100):
        one = x.copy()
        one[0, number % 33, number // 20, number % 20] = np.nan
        expected = reference.max_pool2d(one, kernel, stride, padding, return_indices=True)
        check_both(cpool.max_pool2d, one, expected, (kernel, stride, padding), last)


@each_kind()
def test_kernels_up_to_the_plane(kind):
    """Every kernel of one axis up to the whole plane, long before and behind it."""
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 16, 33, 65):
        x = rng.integers(-9, 9, (2, n)).astype(np.float32)
        for k in range(1, n + 1):
            for stride, padding in ((1, 0), (1, k - 1), (min(k, 9), k // 2)):
                options = {"stride": stride, "padding": padding}
                assert check_forward(Case(kind, "sliding", 1, x, k, options))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int16"])
@each_kind()
def test_few_channels_with_stride_two(kind, dtype, channels):
    """As images have them: windows two apart, with and without borders, in rows of any length."""
    rng = np.random.default_rng(channels)
    for width, kernel, padding in itertools.product((4, 7, 8, 15, 16, 33, 64), (2, 3), (0, 1)):
        x = rng.integers(0, 50, (2, 7, width, channels)).astype(dtype)
        options = {"stride": 2, "padding": padding, "channels_last": True}
        assert check_forward(Case(kind, "sliding", 2, x, kernel, options))


@pytest.mark.parametrize(
    "dtype, channels",
    [("float32", 3), ("float32", 5), ("float32", 7), ("float64", 3), ("float16", 9),
     ("float16", 15), ("int16", 11), ("uint8", 17), ("uint8", 31), ("int32", 6)],
)  # fmt: skip
@each_kind()
def test_pixels_of_more_than_half_a_vector(kind, dtype, channels):
    """Windows of two and three of them; nothing is written behind the result."""
    rng = np.random.default_rng(channels)
    function = getattr(cpool, function_name(kind, "sliding", 2))
    for width, kernel, stride, padding in itertools.product((5, 16, 33), (2, 3), (2, 3), (0, 1)):
        x = rng.integers(0, 50, (2, 7, width, channels)).astype(dtype)
        options = {"stride": stride, "padding": padding, "channels_last": True}
        assert check_forward(Case(kind, "sliding", 2, x, kernel, options))
        y = function(x, kernel, **options)
        room = np.full(y.size + 32, 7, y.dtype)
        out = room[: y.size].reshape(y.shape)
        assert_equal(function(x, kernel, out=out, **options), y)
        assert (room[y.size :] == 7).all()


@pytest.mark.parametrize("divisor", [None, 1, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_means_as_sums_divided(dtype, divisor):
    """Sums that are divided while they are folded are as if they were divided afterwards."""
    rng = np.random.default_rng(4)
    for shape, kernel, stride, padding in (
        ((3, 5, 28, 28), 3, 2, 1), ((3, 5, 28, 28), 3, 1, 1), ((3, 5, 7, 7), 3, 2, 1),
        ((3, 5, 7, 7), 2, 2, 0), ((1, 2, 64, 130), 2, 2, 0), ((1, 2, 64, 130), (1, 4), (1, 1), 0),
        ((1, 2, 64, 130), 3, 2, 1), ((2, 30, 30, 4), 2, 2, 0), ((2, 9, 9, 40), 3, 2, 1),
    ):
        last = shape[-1] < shape[-2] or shape[-1] == 40
        x = rng.standard_normal(shape).astype(dtype)
        options = {"stride": stride, "padding": padding, "channels_last": last}
        sums = cpool.sum_pool2d(x, kernel, **options)
        means = cpool.avg_pool2d(x, kernel, divisor_override=divisor, **options)
        by = np.prod(np.broadcast_to(kernel, 2)) if divisor is None else divisor
        np.testing.assert_array_equal(means, sums / np.array(by, dtype))


@pytest.mark.parametrize("shape", [(2800, 28, 28), (44000, 7, 7), (190, 112, 112)], ids=str)
@each_kind([kind for kind in KINDS if kind.selects or kind.linear])
def test_planes_of_large_arrays_are_as_alone(kind, shape):
    """The next planes are fetched while some are folded, where there are many."""
    x = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    assert x.nbytes > 8 << 20
    pool = getattr(cpool, f"{kind.function}2d")
    parts = [pool(part, 3, 2, 1) for part in np.array_split(x, 19)]
    assert_equal(pool(x, 3, 2, 1), np.concatenate(parts))


@pytest.mark.parametrize("dtype", ["float16", "uint8", "int32", "float64"])
@each_kind([kind for kind in KINDS if kind.selects or kind.linear])
def test_rows_of_large_arrays_are_as_alone(kind, dtype):
    """Rows are read before they are folded, as long as any are left."""
    rng = np.random.default_rng(7)
    shape = ((9 << 20) // (101 * 97 * np.dtype(dtype).itemsize) + 1, 101, 97)
    x = rng.integers(0, 99, shape).astype(dtype)
    assert x.nbytes > 8 << 20
    pool = getattr(cpool, f"{kind.function}2d")
    for kernel, stride, padding, dilation in (
        (2, 2, 0, 1), (3, 2, 1, 1), ((5, 2), (3, 1), (2, 0), 1), (3, 2, 1, (7, 2)),
        ((4, 3), 2, 1, 1),
    ):  # fmt: skip
        options = {"padding": padding, "dilation": dilation, "ceil_mode": kernel == 2}
        parts = [pool(part, kernel, stride, **options) for part in np.array_split(x, 19)]
        assert_equal(pool(x, kernel, stride, **options), np.concatenate(parts))
        turned = x[:, ::-1]
        parts = [pool(part, kernel, stride, **options) for part in np.array_split(turned, 19)]
        assert_equal(pool(turned, kernel, stride, **options), np.concatenate(parts))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@each_kind([kind for kind in KINDS if kind.selects or kind.linear])
def test_volumes_of_large_arrays_are_as_alone(kind, dtype):
    rng = np.random.default_rng(8)
    shape = ((9 << 20) // (6 * 59 * 61 * np.dtype(dtype).itemsize) + 1, 6, 59, 61)
    x = rng.integers(0, 99, shape).astype(dtype)
    assert x.nbytes > 8 << 20
    pool = getattr(cpool, f"{kind.function}3d")
    for kernel, stride, padding in (
        (2, 2, 0), (3, 2, 1), ((2, 2, 3), (1, 2, 2), (1, 0, 1)), ((6, 6, 2), (1, 2, 2), 0)
    ):  # fmt: skip
        parts = [pool(part, kernel, stride, padding) for part in np.array_split(x, 19)]
        assert_equal(pool(x, kernel, stride, padding), np.concatenate(parts))


@pytest.mark.parametrize("channels", [8, 20, 24, 136, 203])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_means_of_rows_of_channels(dtype, channels):
    """The same bits as rows added one by one, then columns, then the division: in windows that
    padding cuts, in any place of memory, of any numbers."""
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    wide = np.float64 if dtype == "float64" else np.float32
    rng = np.random.default_rng(channels)
    x = (rng.standard_normal((2, 9, 11, channels)) * 8).astype(dtype)
    x[0, 2, 3, 5], x[1, 4, 4, 1], x[1, 8, 10, 7] = np.inf, np.nan, -np.inf
    for high, broad, stride, padding, dilation in itertools.product(
        (1, 2, 3), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)
    ):
        if 2 * padding > min(high, broad):
            continue
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
        padded, there = np.pad(x.astype(wide), around), np.pad(np.ones_like(x, wide), around)
        sums, counts = (
            added(
                [added([a[:, i * dilation :, j * dilation :] for i in range(high)])
                 for j in range(broad)]
            )[:, : 9 + 2 * padding - (high - 1) * dilation : stride,
              : 11 + 2 * padding - (broad - 1) * dilation : stride]
            for a in (padded, there)
        )  # fmt: skip
        options["channels_last"] = True
        place = np.full((2, *sums.shape[1:3], channels + 3), 7).astype(dtype)
        for mean, by in (
            (cpool.avg_pool2d(x, (high, broad), **options), high * broad),
            (cpool.avg_pool2d(x, (high, broad), count_include_pad=False, **options), counts),
            (cpool.avg_pool2d(x, (high, broad), divisor_override=7, **options), 7),
            (cpool.sum_pool2d(x, (high, broad), **options), 1),
            (cpool.avg_pool2d(x[:, :, ::-1][:, :, ::-1], (high, broad), out=place[..., 1:-2],
                              **options), high * broad),
        ):  # fmt: skip
            np.testing.assert_array_equal(
                mean.astype(wide), (sums / np.asarray(by, wide)).astype(dtype).astype(wide)
            )
        assert (place[..., 0] == 7).all()
        assert (place[..., -2:] == 7).all()


@pytest.mark.parametrize("channels", [8, 20, 37, 64, 203])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint16",
                                   "int32", "uint64"])  # fmt: skip
@pytest.mark.parametrize("special", [False, True])
def test_maxima_of_rows_of_channels(dtype, channels, special):
    """The same as np.maximum of all taps, wherever a NaN stands and wherever padding cuts."""
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(channels)
    x = (rng.standard_normal((1, 9, 11, channels)) * 60).astype(dtype)
    floating = np.dtype(dtype).kind not in "iu"
    if special and floating:
        for number in (np.inf, -np.inf, np.nan, -np.nan, np.nan):
            x[tuple(rng.integers(0, n, 25) for n in x.shape)] = number
    for kernel, stride, padding in itertools.product(
        (2, 3, (1, 3), (3, 1), (2, 3)), (1, 2, 3), (0, 1, ((0, 1), (1, 0)))
    ):
        if padding and 1 in np.atleast_1d(kernel):
            continue
        options = {"stride": stride, "padding": padding, "channels_last": True}
        place = np.full((1, 13, 13, channels + 3), 7).astype(dtype)
        wide = x.astype(np.float64) if floating else x
        for name, pick in (("max", np.maximum), ("min", np.minimum)):
            function = getattr(cpool, f"{name}_pool2d")
            expected = extremes(wide, kernel, stride, padding, pick)
            out = place[:, : expected.shape[1], : expected.shape[2], 1:-2]
            for y in (function(x, kernel, **options),
                      function(x[:, :, ::-1][:, :, ::-1], kernel, out=out, **options)):
                np.testing.assert_array_equal(y.astype(expected.dtype), expected)
        assert (place[..., 0] == 7).all()
        assert (place[..., -2:] == 7).all()


@pytest.mark.parametrize("kernel", [(1, 2), (1, 3), (2, 1), (3, 1), (2, 2), (3, 3)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_nan_among_rows_of_channels_from_memory(kernel, stride):
    """In arrays that no cache holds, windows of one row or column go another way."""
    x = np.zeros((2, 130, 131, 64), np.float32)
    assert x.nbytes > 2**23
    for place in ((0, 5, 7, 3), (0, 40, 8, 63), (1, 90, 120, 17), (1, 90, 127, 30)):
        x[place] = np.nan
    expected = extremes(x, kernel, stride, 0, np.maximum)
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(
        cpool.max_pool2d(x, kernel, stride, channels_last=True), expected
    )
    np.testing.assert_array_equal(
        cpool.min_pool2d(x, kernel, stride, channels_last=True), expected
    )


@pytest.mark.parametrize("width", [3, 4, 5, 7, 8, 9, 11, 14, 15, 16, 17, 20, 28, 31, 33, 56, 57])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint16", "int32"])
@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("kernel", [2, 3])
def test_small_planes_of_windows_two_apart(dtype, width, special, kernel):
    """Wherever a NaN stands and wherever padding cuts: in each plane of a few, of any height."""
    floating = np.dtype(dtype).kind == "f"
    rng = np.random.default_rng(width)
    for height, padding in itertools.product(
        (1, 2, 5, 14, 17), (0, 1, ((0, 1), (1, 0)), ((1, 0), (0, 1)))
    ):
        if height + 2 * (padding == 1) + (padding not in (0, 1)) < kernel:
            continue
        x = (rng.standard_normal((67, height, width)) * 60).astype(dtype)
        if special and floating:
            for number in (np.inf, -np.inf, np.nan, -np.nan):
                x[tuple(rng.integers(0, n, 7) for n in x.shape)] = number
        options = {"stride": 2, "padding": padding}
        wide = (x.astype(np.float64) if floating else x)[..., None]
        for name, pick in (("max", np.maximum), ("min", np.minimum)):
            expected = extremes(wide, kernel, 2, padding, pick)[..., 0]
            y = getattr(cpool, f"{name}_pool2d")(x, kernel, **options)
            np.testing.assert_array_equal(y.astype(expected.dtype), expected)
        for mean in (cpool.sum_pool2d, cpool.avg_pool2d):
            many = np.ascontiguousarray(np.broadcast_to(x[..., None], (*x.shape, 16)))
            last = mean(many, kernel, channels_last=True, **options)[..., 0]
            assert_equal(mean(x, kernel, **options), last)
        for turned in (x[:, ::-1], x[::-1], np.broadcast_to(x[:, :1], x.shape)):
            y = cpool.max_pool2d(turned, kernel, **options)
            assert_equal(y, cpool.max_pool2d(turned.copy(), kernel, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [31, 32, 49, 127, 128, 160, 1024, 1025, 2064, 12544])
def test_a_nan_anywhere_in_a_long_window(dtype, size):
    """Halves of long windows, their lanes, and what is left over, each look for it."""
    x = np.random.default_rng(size).standard_normal((3, size)).astype(dtype)
    places = sorted({0, 1, 15, 16, size // 2 - 1, size // 2, size - size % 16 - 1, size - 1})
    for name, pick in (("max", np.max), ("min", np.min)):
        function = getattr(cpool, f"global_{name}_pool")
        np.testing.assert_array_equal(function(x, axes=1)[:, 0], pick(x, axis=1))
        for place in places:
            broken = x.copy()
            broken[1, place] = np.nan
            expected = np.where([False, True, False], np.nan, pick(x, axis=1))
            np.testing.assert_array_equal(function(broken, axes=1)[:, 0], expected)


def extremes(x, kernel, stride, padding, pick):
    """By numpy, channels last: taps that do not exist are those that do, again."""
    kernels = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    pads = padding if isinstance(padding, tuple) else ((padding, padding),) * 2
    for axis, (size, (before, after)) in enumerate(zip(kernels, pads, strict=True), 1):
        count = (x.shape[axis] + before + after - size) // stride + 1
        parts = []
        for window in range(count):
            first = window * stride - before
            stop = min(first + size, x.shape[axis])
            part = x.take(range(max(first, 0), stop), axis)
            parts.append(pick.reduce(part, axis, keepdims=True))
        x = np.concatenate(parts, axis)
    return x


def added(rows):
    """One after the other, as far as all of them go."""
    high, broad = (min(row.shape[axis] for row in rows) for axis in (1, 2))
    total = rows[0][:, :high, :broad]
    for row in rows[1:]:
        total = total + row[:, :high, :broad]
    return total


@pytest.mark.parametrize("channels", [1, 2, 3, 16])
@pytest.mark.parametrize("kernel, stride", [(3, 1), (7, 1), (8, 1), (16, 1), (31, 1), (64, 1),
                                            (101, 1), (1100, 1), (2500, 1), (33, 2), (101, 3),
                                            (300, 8), (2500, 2)])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
def test_windows_close_to_each_other_along_long_rows(dtype, kernel, stride, channels):
    """Rows of several tiles, and windows longer than a tile would be without them."""
    least = 0 if dtype == "uint8" else -99
    x = np.random.default_rng(6).integers(least, 99, (6000, channels)).astype(dtype)
    x = np.stack([x, x[::-1]])
    totals = np.cumsum(x, axis=1, dtype=np.float64)
    totals = np.concatenate([np.zeros((2, 1, channels)), totals], axis=1)
    sums = (totals[:, kernel:] - totals[:, :-kernel])[:, ::stride]
    maxima = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=1)[:, ::stride].max(axis=-1)
    for given, size, step, ndim in [(x, kernel, stride, 1), (x[None], (1, kernel), (1, stride), 2)]:
        pools = {name: getattr(cpool, f"{name}_pool{ndim}d") for name in ("sum", "avg", "max")}
        options = {"stride": step, "channels_last": True}
        expected = sums.reshape(given.shape[:-2] + sums.shape[1:])
        assert_equal(pools["sum"](given, size, dtype="float64", **options), expected)
        assert_equal(pools["max"](given, size, **options), maxima.reshape(expected.shape))
        if dtype.startswith("float"):
            means = expected.astype(dtype) / np.array(kernel, dtype)
            assert_equal(pools["avg"](given, size, **options), means)


# Exact integers -----------------------------------------------------------------------------------


def windows_of(x, kernel):
    return [[int(v) for v in row] for row in np.lib.stride_tricks.sliding_window_view(x, kernel)]


def extreme(rng, dtype, size=200):
    info = np.iinfo(dtype)
    ends = np.array([info.min, info.max, info.max - 1, info.min + 1, 0, 1, info.max // 2], dtype)
    anything = rng.integers(info.min, info.max, size, dtype, endpoint=True)
    return np.where(rng.random(size) < 0.7, rng.choice(ends, size), anything).astype(dtype)


def wrapped(value, dtype):
    """Modulo 2**64, as int64 and uint64 are."""
    value %= 2**64
    return value - 2**64 if dtype.kind == "i" and value >= 2**63 else value


def saturated(value, dtype):
    return min(max(value, int(np.iinfo(dtype).min)), int(np.iinfo(dtype).max))


def rounded_quotient(total, divisor, dtype):
    # round() of a Fraction goes to the even one of two nearest integers.
    return saturated(round(Fraction(total, divisor)), dtype)


@pytest.mark.parametrize("kernel", [1, 2, 3, 8, 31, 101])
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_are_exact(dtype, kernel):
    """Beyond 2**53 too, in max, min, sum and rounded mean: against Python's integers."""
    x = extreme(np.random.default_rng(kernel), dtype)
    windows = windows_of(x, kernel)
    assert cpool.max_pool1d(x, kernel, 1).tolist() == [max(w) for w in windows]
    assert cpool.min_pool1d(x, kernel, 1).tolist() == [min(w) for w in windows]
    sums = cpool.sum_pool1d(x, kernel, 1)
    assert sums.dtype == (np.uint64 if dtype.kind == "u" else np.int64)
    assert sums.tolist() == [wrapped(sum(w), dtype) for w in windows]
    for target in (np.dtype(np.int64), np.dtype(np.uint64), dtype):
        means = cpool.avg_pool1d(x, kernel, 1, dtype=target)
        assert means.tolist() == [rounded_quotient(sum(w), kernel, target) for w in windows]
        means = cpool.avg_pool1d(x, kernel, 1, divisor_override=-7, dtype=target)
        assert means.tolist() == [rounded_quotient(sum(w), -7, target) for w in windows]
    narrow = cpool.sum_pool1d(x, kernel, 1, dtype=np.int8)
    assert narrow.tolist() == [saturated(sum(w), np.int8) for w in windows]


@pytest.mark.parametrize("divisor", [*(2**shift for shift in range(1, 14)), 3, 1000, 2**24 + 1])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_narrow_means_of_the_largest_sums(dtype, divisor):
    """Sums and half a divisor together leave a narrow accumulator."""
    dtype = np.dtype(dtype)
    for value in (np.iinfo(dtype).min, np.iinfo(dtype).max):
        for kernel in (125, 126, 127, 128, 129):
            x = np.full(kernel, value, dtype)
            mean = cpool.avg_pool1d(x, kernel, divisor_override=divisor, dtype=dtype)
            assert mean.tolist() == [rounded_quotient(kernel * int(value), divisor, dtype)]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_are_exact_in_other_layouts(dtype):
    x = extreme(np.random.default_rng(5), np.dtype(dtype), 600).reshape(20, 30)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 4))[::2, ::3].reshape(10 - 1, -1, 12)
    expected = [[round(Fraction(sum(map(int, w)), 12)) for w in row] for row in windows]
    sums = [[wrapped(sum(map(int, w)), np.dtype(dtype)) for w in row] for row in windows]
    for layout in LAYOUTS[:-2]:
        view = lay_out(x, layout)
        assert cpool.avg_pool2d(view, (3, 4), (2, 3), dtype=dtype).tolist() == expected
        assert cpool.sum_pool2d(view, (3, 4), (2, 3)).tolist() == sums
    tall = np.repeat(x[..., None], 3, axis=-1)
    y = cpool.avg_pool2d(tall, (3, 4), (2, 3), dtype=dtype, channels_last=True)
    assert y[..., 1].tolist() == expected


@pytest.mark.parametrize("divisor", [1, 2, 3, 6, 1000, -4, 2**31 - 1])
@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("power", [31, 51, 52, 53, 62])
def test_means_of_sums_that_double_precision_just_holds(power, dtype, divisor):
    """Sums about 2**52 are divided in one way or another; each row, and each value by itself."""
    near = [sign * 2**power + offset for sign in (1, -1) for offset in range(-9, 10)]
    x = np.array([v for v in near if dtype == "int64" or v >= 0], dtype)
    means = cpool.avg_pool1d(x, 1, divisor_override=divisor, dtype=dtype)
    expected = [rounded_quotient(int(v), divisor, dtype) for v in x]
    assert means.tolist() == expected
    alone = [cpool.avg_pool1d(x[i : i + 1], 1, divisor_override=divisor, dtype=dtype)[0]
             for i in range(x.size)]  # fmt: skip
    assert alone == expected


def test_long_sums_of_small_integers_do_not_overflow_on_the_way():
    for dtype in INTEGERS:
        high, low = np.iinfo(dtype).max, np.iinfo(dtype).min
        for value in (high, low):
            x = np.full(70000, value, dtype)
            total = cpool.global_sum_pool(x, axes=0)
            assert total.tolist() == [wrapped(70000 * int(value), dtype)]
            assert cpool.global_avg_pool(x, axes=0, dtype=dtype).tolist() == [value]


def test_integer_means_round_half_to_even():
    x = np.array([0, 1, 1, 2, 2, 3, -1, 0, -1, -2, -2, -3, 1, 1, 1, 2], np.int64)
    expected = [0, 2, 2, 0, -2, -2, 1, 2]
    for dtype in ("int8", "int16", "int32", "int64"):
        y = cpool.avg_pool1d(x.astype(dtype), 2, dtype=dtype)
        assert_equal(y, np.array(expected, dtype))
        as_floats = cpool.avg_pool1d(x.astype(np.float32), 2, dtype=dtype)
        assert_equal(as_floats, np.array(expected, dtype))


def test_an_image_pyramid_does_not_drift():
    """Six times halved, the mean of random images is what it was. Each rounding to uint8 is off by
    0, 1/4 or 1/2 to either side, with a standard deviation of sqrt(3/32); so the mean of n pixels
    of a level gets an error of sqrt(3/32 / n). Rounding down would lose 3/8 at each level, rounding
    halves up would add 1/8."""
    images = np.random.default_rng(0).integers(0, 256, (48, 512, 512), dtype=np.uint8)
    start, level, variance = images.mean(), images, 0.0
    for _ in range(6):
        level = cpool.avg_pool2d(level, 2, dtype=np.uint8)
        variance += 3 / 32 / level.size
    assert level.shape == (48, 8, 8)
    assert abs(level.mean() - start) < 5 * math.sqrt(variance) < 0.05


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_means_of_every_sum(dtype):
    """Every sum of four bytes, and as many sums of 16 bits, divided by whatever there are loops
    for: rounded half to even, and saturated."""
    limits = np.iinfo(dtype)
    sums = np.unique(np.linspace(4 * limits.min, 4 * limits.max, 1021).astype(int))
    x = np.stack([(sums + i) // 4 for i in range(4)]).astype(dtype)
    assert (x.sum(axis=0, dtype=int) == sums).all()

    def rounded(divisor):
        return np.clip(np.rint(sums / divisor), limits.min, limits.max)

    square = x.T.reshape(-1, 2, 2).swapaxes(0, 1).reshape(2, -1)
    np.testing.assert_array_equal(cpool.avg_pool2d(square, 2, dtype=dtype)[0], rounded(4))
    for channels in (2, 3, 4, 5):
        pixels = np.stack([np.roll(square, 2 * c, axis=1) for c in range(channels)], axis=-1)
        y = cpool.avg_pool2d(pixels, 2, channels_last=True, dtype=dtype)[0]
        for c in range(channels):
            np.testing.assert_array_equal(y[:, c], np.roll(rounded(4), c), err_msg=str(c))
    for divisor in (*range(-3, 0), *range(1, 135), 255, 256, 1024):
        for axes in ((0,), (0, 1)):
            kernel = (4, 1)[: len(axes)]
            options = {"axes": axes, "divisor_override": divisor, "dtype": dtype}
            y = cpool.avg_pool(x, kernel, **options)
            np.testing.assert_array_equal(y[0], rounded(divisor), err_msg=str(divisor))
        y = cpool.avg_pool2d(square, 2, divisor_override=divisor, dtype=dtype)
        np.testing.assert_array_equal(y[0], rounded(divisor), err_msg=str(divisor))


# Infinities and NaNs ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("special", [math.inf, -math.inf, math.nan])
@each_kind([kind for kind in KINDS if kind.linear])
def test_infinities_and_nans_stay_in_their_windows(kind, special, dtype):
    """One of them changes the windows that hold it and not a bit of any other."""
    rng = np.random.default_rng(0)
    for shape, kernel, stride, channels_last in [
        ((50, 300), (3, 31), (1, 1), False),
        ((50, 300), (31, 3), (1, 2), False),
        ((90, 40, 3), (5, 12), (2, 9), True),
        ((30, 40, 19), (5, 3), (1, 3), True),
    ]:
        x = rng.normal(size=shape).astype(dtype)
        spiked = x.copy()
        spiked[20, 30] = special
        function = getattr(cpool, f"{kind.function}2d")
        plain = function(x, kernel, stride, channels_last=channels_last)
        y = function(spiked, kernel, stride, channels_last=channels_last)
        mark = np.zeros(shape)
        mark[20, 30] = 1
        hit = reference.max_pool2d(mark, kernel, stride, channels_last=channels_last) > 0
        assert hit.any()
        assert y[~hit].tobytes() == plain[~hit].tobytes()
        np.testing.assert_array_equal(y[hit].astype(np.float64), special)


@each_kind([kind for kind in KINDS if kind.linear])
def test_opposite_infinities_are_nan(kind):
    x = np.array([1.0, math.inf, 2.0, 3.0, -math.inf, 1.0, 1.0])
    y = getattr(cpool, f"{kind.function}1d")(x, 4, 1)
    np.testing.assert_array_equal(y, [math.inf, math.nan, -math.inf, -math.inf])


@pytest.mark.parametrize("policy", ["propagate", "omit", "raise"])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@each_kind([kind for kind in KINDS if kind.selects or kind.linear])
def test_infinities_are_not_nothing(kind, dtype, channels_last, policy):
    """Windows of infinities only, beside windows of nothing."""
    rng = np.random.default_rng(2)
    values = [-math.inf, -math.inf, math.inf, 1.0, 2.0]
    x = rng.choice([*values, math.nan] if policy == "omit" else values, (3, 20, 23)).astype(dtype)
    where = rng.random(x.shape) < 0.5
    for kernel, padding in (((2, 2), 0), ((3, 3), 1), ((1, 4), 0)):
        options = {"padding": padding, "channels_last": channels_last, "nan_policy": policy}
        for mask in (where, where[:1], None):
            function, expected = (getattr(m, f"{kind.function}2d") for m in (cpool, reference))
            y, z = (f(x, kernel, **options, where=mask) for f in (function, expected))
            np.testing.assert_allclose(y.astype(np.float64), z.astype(np.float64), rtol=0.01)


# Rounding to integers -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", [*INTEGERS, np.dtype(bool)], ids=str)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@each_kind([kind for kind in KINDS if kind.selects or kind.linear])
def test_real_numbers_to_integers(kind, dtype, target):
    """Half to even, exactly, and saturated, infinities too."""
    low, high = (0, 1) if target.kind == "b" else (np.iinfo(target).min, np.iinfo(target).max)
    halves = np.arange(-40, 40) / 4
    ends = [float(end) + step for end in (low, high) for step in (-1.5, -1, -0.5, 0, 0.5, 1, 1.5)]
    far = [-math.inf, math.inf, 2.0**62, -(2.0**62), 2.0**64, 1e30, -1e30, 2.0**53 + 2, 0.0, -0.0]
    x = np.concatenate([halves, ends, far])
    with np.errstate(over="ignore"):
        x = x.astype(dtype)
    y = getattr(cpool, f"{kind.function}1d")(x, 1, dtype=target)
    assert_equal(y, rounded(x.astype(np.float64), target))
    with pytest.raises(ValueError, match="NaN"):
        getattr(cpool, f"{kind.function}1d")(np.append(x, np.nan).astype(dtype), 1, dtype=target)


@pytest.mark.parametrize("target", FLOATS, ids=str)
@each_kind([kind for kind in KINDS if kind.selects])
def test_narrowing_rounds_once(kind, target):
    """float64 to 16 bits as if in one step: values close to the middle of two results."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000) * 10.0 ** rng.integers(-9, 5, 2000)
    x = x.astype(target).astype(np.float64)
    near = np.concatenate([x, np.nextafter(x, np.inf)])
    if target != np.float64:
        middle = x * (1 + epsilon(target) / 2)
        near = np.concatenate([near, middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)])
    y = getattr(cpool, f"{kind.function}1d")(near, 1, dtype=target)
    assert_equal(y, rounded(near, target))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "shape", [(2, 40, 64, 3), (1, 37, 41, 4), (3, 1000, 2), (2, 6, 8, 20, 3), (5, 9, 7, 16)]
)
@each_kind()
def test_whole_planes_of_few_channels(kind, shape, dtype):
    """Windows that are cut into rows of several elements, if their sizes have divisors."""
    rng = np.random.default_rng(len(shape))
    x = rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
    axes = tuple(range(1, len(shape) - 1))
    for options in ({}, {"where": rng.random(shape) < 0.5}):
        check_forward(Case(kind, "global", 0, x, None, {"axes": axes, **options}))
