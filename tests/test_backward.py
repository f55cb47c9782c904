"""Pullbacks: finite differences, the adjoint identity, ties, types, and what a pullback keeps."""

from __future__ import annotations

import gc
import itertools
import math
import weakref

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from operators import (
    DTYPES,
    FAMILIES,
    FLOATS,
    KINDS,
    LAYOUTS,
    MODES,
    OUTPUTS,
    POSITIVE,
    RANKS,
    RUN_SLOW,
    Case,
    assert_bits,
    assert_equal,
    assert_type,
    cases,
    check_backward,
    distinct,
    each_kind,
    epsilon,
    forms,
    fuzz,
    held,
    is_floating,
    lay_out,
    make,
    own_arguments,
    per_axis,
    rounded,
    values_of,
)

import cpool
from cpool import reference

LINEAR = [kind for kind in KINDS if kind.linear]
SELECTING = [kind for kind in KINDS if kind.selects]

# Finite differences -------------------------------------------------------------------------------

SLIDING = [
    {"size": 2},
    {"size": 3, "stride": 1},
    {"size": 3, "stride": 2, "padding": 1},
    {"size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"size": 3, "stride": 2},
    {"size": 3, "stride": 2, "ceil_mode": True},
    {"size": 2, "stride": 3, "ceil_mode": True},
    {"size": 2, "stride": 4},
    {"size": (3, 2, 2), "stride": (1, 2, 1), "padding": ((2, 0), (0, 1), (1, 1))},
    {"size": 3, "stride": 2, "padding": "same"},
    {"size": 2, "stride": 1, "padding": "same_lower"},
    {"size": 2, "stride": 1, "dilation": 2},
    {"size": 3, "stride": 2, "padding": 2, "dilation": (2, 1, 2)},
    {"size": 2, "stride": 2, "dilation": (3, 2, 3)},
    {"size": "plane", "stride": 1, "padding": 2},
    {"size": 2, "stride": 10, "padding": 1},
    *({"size": 3, "stride": 1, "padding": 2, "padding_mode": mode} for mode in MODES[1:]),
    *({"size": (2, 3, 2), "stride": (2, 1, 2), "padding": ((7, 2), (0, 9), (5, 4)),
       "padding_mode": mode, "ceil_mode": True} for mode in MODES[1:]),
    *({"size": 2, "stride": 2, "padding": 3, "dilation": (2, 1, 3), "padding_mode": mode}
      for mode in MODES[1:]),
]  # fmt: skip
ADAPTIVE = [{"size": size} for size in (1, 2, 3, (2, 5, 1), (None, 3, 2), (7, 8, 4))]
EXTRAS = [
    {},
    {"where": True},
    {"nan_policy": "omit"},
    {"channels_last": True},
    {"where": True, "nan_policy": "omit", "channels_last": True},
    {"axes": "backward"},
]
PLANES = {1: (7,), 2: (5, 6), 3: (4, 3, 4)}


def case_of(rng, kind, form, rank, dtype, window, extra) -> Case:
    """A small case whose elements differ by at least 1."""
    plane = PLANES[rank]
    options = {
        name: value[:rank] if isinstance(value, tuple) else value
        for name, value in {**window, **extra}.items()
    }
    size, backward = options.pop("size", None), options.pop("axes", None)
    size = plane if size == "plane" else size
    last = backward or options.get("channels_last")
    shape = (*plane, 2) if last else (2, *plane)
    if backward:
        shape = (*plane[::-1], 2)
        options["axes"] = tuple(range(-2, -2 - rank, -1))
    elif form == "global":
        options["axes"] = tuple(range(rank)) if options.pop("channels_last", 0) else tuple(
            range(1, rank + 1)
        )  # fmt: skip
    x = distinct(rng, shape)
    if kind.name in POSITIVE:
        x = x - x.min() + 1
    if options.get("nan_policy") == "omit" and is_floating(np.dtype(dtype)):
        x[rng.random(shape) < 0.2] = np.nan
    if options.pop("where", None):
        options["where"] = rng.random(shape) < 0.8
    by_axes = form == "global" or "axes" in options
    return Case(kind, form, 0 if by_axes else rank, x.astype(dtype), size, options)


def sets_of_windows(form):
    return {"sliding": SLIDING, "adaptive": ADAPTIVE, "global": [{}, {"keepdims": False}]}[form]


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("form", ["sliding", "adaptive", "global"])
@each_kind()
def test_differences(kind, form, rank):
    """Each option with each form in float64: the gradient is that of the reference."""
    if form not in forms(kind):
        pytest.skip(f"there is no {form} {kind.name}")
    rng = np.random.default_rng([KINDS.index(kind), rank])
    pairs = itertools.cycle(itertools.product(EXTRAS, own_arguments(kind, form)))
    for window in sets_of_windows(form):
        # Neighbours in the cycle share an extra and differ in the operator's own arguments.
        count = 10 if RUN_SLOW else 5 if rank < 3 else 2
        for extra, own in [next(pairs) for _ in range(count)]:
            case = case_of(rng, kind, form, rank, np.float64, {**window, **own}, extra)
            assert check_backward(case), f"refused: {case}"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@each_kind()
def test_differences_in_all_types(kind, dtype):
    rng = np.random.default_rng(DTYPES.index(dtype))
    for form in forms(kind):
        for window in sets_of_windows(form)[:: 1 if RUN_SLOW else 3]:
            case = case_of(rng, kind, form, 2, np.float64, window, {})
            case.x = np.abs(case.x) if dtype.kind in "ub" else case.x
            if dtype.kind in "ub" and not kind.linear:
                case.x = distinct(rng, case.x.shape) + case.x.size // 2
                if dtype.kind == "b":
                    continue  # no distinct values: see the tests of ties
            case.x = case.x.astype(dtype)
            assert check_backward(case)


@each_kind()
@fuzz(100)
@hypothesis.given(data=st.data())
def test_random_gradients(kind, data):
    case = data.draw(cases(kind, gradients=True))
    gy_dtype = data.draw(st.sampled_from([np.dtype(np.float64), *DTYPES]))
    layout = data.draw(st.sampled_from(LAYOUTS))
    if not check_backward(case, gy_dtype, layout, data.draw(st.integers(0, 99))):
        hypothesis.reject()  # refused forward too: another one instead


# The adjoint identity -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, channels_last",
    [
        ((1, 1, 130, 250), False),
        ((2, 40, 50, 3), True),
        ((1, 20, 25, 70), True),
        ((1, 5, 12, 2000), True),
    ],
)
@each_kind(LINEAR)
def test_adjoint(kind, shape, channels_last):
    """⟨A x, gy⟩ = ⟨x, Aᵀ gy⟩, in whole numbers and so without rounding (means: nearly)."""
    rng = np.random.default_rng(8)
    for window in [
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": (5, 2), "stride": (1, 3), "padding": ((4, 0), (1, 1)), "ceil_mode": True},
        {"kernel_size": (2, 9), "stride": (9, 1), "dilation": (3, 1)},
        {"kernel_size": 7, "stride": 1, "padding": 6, "padding_mode": "mirror"},
        {"kernel_size": (2, 3), "stride": (3, 2), "padding": (40, (0, 7)), "padding_mode": "wrap"},
        {"kernel_size": (9, 21), "stride": 1, "padding": "same"},
    ]:
        options = {**window, "channels_last": channels_last}
        x = rng.integers(-9, 10, shape).astype(np.float64)
        u = rng.integers(-9, 10, shape).astype(np.float64)
        _, pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, **options)
        y = getattr(reference, f"{kind.function}2d")(u, **options)
        gy = rng.integers(-9, 10, y.shape).astype(np.float64)
        forward, backward = np.sum(y * gy), np.sum(u * pullback(gy))
        scale = np.sum(np.abs(y * gy)) + 1
        assert abs(forward - backward) <= 1e-13 * scale, (kind.name, options)


# Selections: ties, and what an element gets from several windows --------------------------------


def scattered(case, gy):
    """The gradient by the reference's positions: each window's gy to the element that it names."""
    _, positions = case.call(reference, return_indices=True)
    axes = sorted(case.axes)
    last = range(-len(axes), 0)
    shape = np.moveaxis(case.x, axes, last).shape
    expected = np.zeros((math.prod(shape[: -len(axes)]), math.prod(shape[-len(axes) :]) + 1))
    places = np.moveaxis(positions, axes, last).reshape(len(expected), -1)  # -1 is the spare one
    rows = np.arange(len(expected))[:, None]
    np.add.at(expected, (rows, places), np.moveaxis(gy, axes, last).reshape(places.shape))
    return np.moveaxis(expected[:, :-1].reshape(shape), last, axes)


@each_kind(SELECTING)
@fuzz(100)
@hypothesis.given(data=st.data())
def test_ties_go_to_the_first(kind, data):
    """Values that are mostly equal, NaNs and infinities: the gradient goes where the reference
    found the value, and what overlapping windows give adds up."""
    case = data.draw(cases(kind))
    for name in ("return_indices", "dtype", "keepdims"):
        case.options.pop(name, None)
    case.out = None
    if not is_floating(case.dtype):
        case.options["dtype"] = np.float64
    try:
        y, pullback = case.vjp()
    except ValueError:
        hypothesis.reject()
    gy = np.random.default_rng(0).integers(-8, 9, y.shape).astype(np.float64)
    gx = pullback(gy)
    dtype = case.dtype if is_floating(case.dtype) else np.dtype(np.float64)
    assert_equal(gx, rounded(scattered(case, gy), dtype), str(case))


@each_kind(SELECTING)
def test_equal_elements(kind):
    for dtype in DTYPES:
        for shape, kernel in [((4, 6), 2), ((40, 41), 3), ((30, 70), (5, 31))]:
            x = np.ones(shape, dtype)
            y, pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, kernel)
            expected = np.zeros(shape)
            k = per_axis(kernel, 2)
            expected[: y.shape[0] * k[0] : k[0], : y.shape[1] * k[1] : k[1]] = 1
            gx = pullback(np.ones_like(y))
            assert_equal(gx.astype(np.float64), expected)


@each_kind(SELECTING)
def test_nan_gets_the_gradient(kind):
    x = np.array([1.0, np.nan, 2.0, np.nan, -np.inf, np.inf])
    _, pullback = cpool.vjp(getattr(cpool, f"{kind.function}1d"), x, 3, 1)
    assert_bits(pullback(np.array([1.0, 2.0, 4.0, 8.0])), np.array([0.0, 3.0, 0.0, 12.0, 0.0, 0.0]))


@each_kind(SELECTING)
def test_padding_gets_no_gradient(kind):
    """All elements are as bad as padding is, and still the gradient goes to them."""
    for dtype in (np.float64, np.float32, np.float16):
        worst = -np.inf if kind.name == "max" else np.inf
        x = np.full((5, 5), worst, dtype)
        y, pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, 3, 2, 1)
        assert pullback(np.ones_like(y)).sum() == y.size


# Types, shapes, layouts ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@each_kind()
def test_the_gradients_type(kind, dtype):
    """x's if that is floating (in native byte order), else float64; whatever gy's is."""
    x = np.arange(1, 25).reshape(4, 6).astype(dtype)
    expected = dtype if is_floating(dtype) else np.dtype(np.float64)
    for layout, gy_dtype in itertools.product(["C", "swapped"], DTYPES):
        for form in forms(kind):
            options = {"axes": (0, 1)} if form == "global" else {}
            size = None if form == "global" else 2
            case = Case(kind, form, 0 if form == "global" else 2, lay_out(x, layout), size, options)
            y, pullback = case.vjp()
            ones = pullback(np.ones(y.shape, gy_dtype))
            assert_type(ones, expected, x.shape)
            assert_bits(ones, pullback(np.ones(y.shape)))


@each_kind()
def test_large_gradients_are_not_integers_on_the_way(kind):
    """An int64 gy beyond 2**53 is only rounded, never wrapped or cut."""
    x = np.arange(6.0)
    own = {"divisor_override": 1} if kind.name == "mean" else {}
    _, pullback = cpool.vjp(getattr(cpool, f"{kind.function}1d"), x, 2, **own)
    gx = pullback(np.array([2**62, -(2**62), 2**60 + 2**8], np.int64))
    assert sorted(np.abs(gx))[-1] == 2.0**62
    gx = pullback(np.array([2**63, 2**63 + 2**11, 1], np.uint64))
    assert gx.max() == 2.0**63 + 2**11


@each_kind()
def test_gy_in_every_layout(kind):
    rng = np.random.default_rng(9)
    for form in forms(kind):
        for last in (False, True):
            case = case_of(rng, kind, form, 2, np.float64, sets_of_windows(form)[0],
                           {"channels_last": last})  # fmt: skip
            for layout in LAYOUTS:
                assert check_backward(case, np.float64, layout)
                assert check_backward(case, np.float32, layout)


@each_kind()
def test_large_gradients_are_the_same_in_every_layout(kind):
    """Long rows and several tiles: x and gy of any strides, against contiguous ones."""
    rng = np.random.default_rng(10)
    for shape, kernel, stride, last in [
        ((3, 70, 401), 3, 2, False),
        ((90, 400, 3), (5, 9), (1, 10), True),
        ((2, 30, 33, 40), 2, 2, True),
    ]:
        x = make(rng, shape, np.float32, "few")
        function = getattr(cpool, f"{kind.function}2d")
        y, pullback = cpool.vjp(function, x, kernel, stride, channels_last=last)
        gy = rng.integers(-9, 10, y.shape).astype(np.float32)
        expected = pullback(gy)
        for layout in LAYOUTS[:-2]:
            _, other = cpool.vjp(function, lay_out(x, layout), kernel, stride, channels_last=last)
            for gx in (other(gy), pullback(lay_out(gy, layout)), other(lay_out(gy, layout))):
                if kind.selects or kind.name == "sum":
                    assert_equal(gx, expected)  # sums of whole numbers: no rounding
                else:
                    np.testing.assert_allclose(gx, expected, rtol=1e-5, atol=1e-5)


@each_kind()
def test_gy_of_the_wrong_shape(kind):
    x = np.arange(24.0).reshape(2, 3, 4)
    for options in ({}, {"where": x > 3}, {"nan_policy": "omit"}):
        y, pullback = cpool.vjp(getattr(cpool, f"{kind.function}1d"), x, 2, **options)
        for shape in [(2, 3), (2, 3, 1), (2, 2, 3), (1, 2, 3, 2), ()]:
            with pytest.raises(ValueError, match="gy must have the result's shape"):
                pullback(np.ones(shape))
        with pytest.raises(TypeError, match="gy"):
            pullback(np.ones(y.shape, complex))
        with pytest.raises(TypeError, match="gy"):
            pullback(np.ma.ones(y.shape))


@each_kind()
def test_y_of_vjp_is_the_forward_result(kind):
    """With `out`, too: it is filled and returned."""
    x = np.random.default_rng(0).normal(size=(3, 9, 11)).astype(np.float32)
    function = getattr(cpool, f"{kind.function}2d")
    expected = function(x, 3, 2, 1)
    out = np.empty_like(expected)
    y, pullback = cpool.vjp(function, x, 3, 2, 1, out=out)
    assert y is out
    assert_bits(out, expected)
    before = pullback(np.ones_like(y))
    out[...] = 0
    assert_bits(pullback(np.ones_like(y)), before)
    if kind.selects:
        pair, _ = cpool.vjp(function, x, 3, 2, 1, return_indices=True)
        assert_bits(pair, function(x, 3, 2, 1, return_indices=True))


@each_kind()
def test_pool_has_the_same_gradient(kind):
    x = np.random.default_rng(1).normal(size=(2, 9, 11))
    y, pullback = cpool.vjp(cpool.pool, x, kind.name, cpool.sliding((3, 2), 2, 1))
    named, named_pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, (3, 2), 2, 1)
    assert_bits(y, named)
    gy = np.random.default_rng(2).normal(size=y.shape)
    assert_bits(pullback(gy), named_pullback(gy))
    _, as_tuple = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, (3, 2), 2, 1, wrt=("x",))
    assert_bits(as_tuple(gy), (pullback(gy),))


@each_kind()
def test_no_planes(kind):
    x = np.zeros((0, 3, 4, 4), np.float32)
    for form in forms(kind):
        case = Case(kind, form, 2, x, None if form == "global" else 2)
        y, pullback = case.vjp()
        assert_type(pullback(np.ones_like(values_of(y))), x.dtype, x.shape)


@pytest.mark.parametrize("dtype", [d for d in FLOATS if d.itemsize == 2], ids=str)
@each_kind([kind for kind in KINDS if kind.selects or kind.linear])
def test_sixteen_bit_gradients_add_up_in_thirty_two(kind, dtype):
    """One element in 3001 windows, each with a gradient of 1: 16 bits would stop at 2048 or 256."""
    x = np.zeros(6001, dtype)
    x[3000] = -1 if kind.name == "min" else 1
    own = {"divisor_override": 1} if kind.name == "mean" else {}
    y, pullback = cpool.vjp(getattr(cpool, f"{kind.function}1d"), x, 3001, 1, **own)
    assert y.shape == (3001,)
    for gy_dtype in (dtype, np.dtype(np.float32), np.dtype(np.int8)):
        gx = pullback(np.ones(y.shape, gy_dtype))
        assert gx.dtype == dtype
        assert float(gx[3000]) == float(rounded(np.array(3001.0), dtype))
    third = pullback(np.full(y.shape, 1 / 3))
    assert abs(float(third[3000]) - 3001 / 3) <= 3001 / 3 * epsilon(dtype)


# What a pullback keeps ----------------------------------------------------------------------------


def bytes_held(pullback):
    return sum(array.nbytes for array in held(pullback))


@pytest.mark.parametrize("form", ["sliding", "global", "adaptive"])
@each_kind(SELECTING)
def test_a_selection_keeps_one_byte_for_each_window(kind, form):
    """Offsets in windows of up to 256 elements; two bytes up to 65536; never int64 positions, nor
    the input or the result."""
    if form not in forms(kind):
        pytest.skip(f"there is no {form} {kind.name}")
    x = np.random.default_rng(0).normal(size=(2, 3, 64, 64))
    sizes = {
        "sliding": [(2, 1), (16, 1), ((1, 256), 0), (17, 2), ((2, 129), 0), (64, 2)],
        "adaptive": [(8, 1), (4, 2), (3, 2)],
        "global": [(None, 2)],
    }
    for size, item in sizes[form]:
        source = x if item else np.random.default_rng(0).normal(size=(2, 2, 300))
        item = item or (1 if size == (1, 256) else 2)
        for options in ({}, {"return_indices": True}):
            y, pullback = Case(kind, form, 2, source, size, options).vjp()
            assert 0 < bytes_held(pullback) <= values_of(y).size * item, (size, options)


@each_kind(SELECTING)
def test_offsets_of_masked_windows(kind):
    """One value stands for a window without elements, so that 256 elements need two bytes."""
    x = np.random.default_rng(0).normal(size=(32, 32))
    for kernel, item in [(15, 1), (16, 2)]:
        y, pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, kernel, where=x < 2)
        assert 0 < sum(a.nbytes for a in held(pullback) if a.dtype != bool) <= y.size * item


@each_kind(LINEAR)
def test_a_linear_operator_keeps_nothing(kind):
    x = np.random.default_rng(0).normal(size=(2, 3, 64, 64))
    for form in forms(kind):
        for own in own_arguments(kind, form):
            case = Case(kind, form, 2, x, None if form == "global" else 3, own)
            assert bytes_held(case.vjp()[1]) == 0
    _, pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, 3, where=x > 0)
    assert bytes_held(pullback) <= x.size + 8 * 2 * 3 * 21 * 21


@each_kind()
def test_a_pullback_does_not_keep_the_input_alive(kind):
    """Nor the result: neither is needed for it."""
    for form in forms(kind):
        x = np.random.default_rng(0).normal(size=(2, 3, 8, 8))
        y, pullback = Case(kind, form, 2, x, None if form == "global" else 2).vjp()
        shape, watched = y.shape, [weakref.ref(x), weakref.ref(y)]
        del x, y
        gc.collect()
        if kind.selects or kind.linear:
            assert [ref() for ref in watched] == [None, None]
        assert pullback(np.ones(shape)).shape == (2, 3, 8, 8)


@each_kind()
def test_later_changes_do_not_matter(kind):
    """What the caller does to his arrays afterwards is his business."""
    rng = np.random.default_rng(0)
    for name in ("x", "where"):
        x, where = rng.normal(size=(6, 9)), rng.random((6, 9)) < 0.7
        y, pullback = cpool.vjp(getattr(cpool, f"{kind.function}2d"), x, 3, where=where)
        gy = np.ones_like(y)
        expected = pullback(gy)
        if name == "x":
            x[...] = rng.normal(size=x.shape)
        else:
            where[...] = ~where
        gy_before = gy.copy()
        assert_bits(pullback(gy), expected, f"after a change of {name}")
        assert_bits(gy, gy_before)


# Small planes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("planes", [(), (1, 3), (40, 2)], ids=str)
@pytest.mark.parametrize("size", [6, (5, 1), (1, 5), (9, 4), (3, 17)], ids=str)
@pytest.mark.parametrize("shape", [(20, 20), (9, 33), (9, 17)], ids=str)
def test_adaptive_gradients_of_small_planes(shape, size, planes):
    """Added up window by window."""
    rng = np.random.default_rng(math.prod(planes))
    x = rng.permutation(math.prod((*planes, *shape))).reshape(*planes, *shape).astype(float)
    counts = per_axis(size, 2)
    gy = rng.integers(-9, 10, (*planes, *counts))
    mean, best = np.zeros(x.shape), np.zeros(x.shape)
    for i, j in itertools.product(*map(range, counts)):
        rows, columns = (
            slice(o * n // m, -(-(o + 1) * n // m))
            for o, n, m in zip((i, j), shape, counts, strict=True)
        )
        part, g = x[..., rows, columns], gy[..., i, j, None, None]
        mean[..., rows, columns] += g / math.prod(part.shape[-2:])
        best[..., rows, columns] += g * (part == part.max(axis=(-2, -1), keepdims=True))
    for dtype in (np.float32, np.float64, np.float16):
        _, mean_pullback = cpool.vjp(cpool.adaptive_avg_pool2d, x.astype(dtype), size)
        _, best_pullback = cpool.vjp(cpool.adaptive_max_pool2d, x, size)
        g = gy.astype(dtype)
        spaced = np.zeros((*planes, counts[0], 2 * counts[1] + 1), dtype)[..., 1::2]
        apart = np.zeros((*planes, counts[0], counts[1] + 3), dtype)[..., : counts[1]]
        spaced[...] = apart[...] = g
        for gradient in (g, spaced, apart, np.asfortranarray(g)):
            assert_equal(best_pullback(gradient), best)
            gx = mean_pullback(gradient)
            assert_type(gx, dtype, x.shape)
            assert np.allclose(gx, mean, rtol=4 * epsilon(dtype), atol=36 * epsilon(dtype))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (3, 2), "padding": ((0, 2), (1, 0))},
        {"kernel_size": (1, 5)},
        {"kernel_size": (9, 4), "padding": (4, 1)},
        {"kernel_size": 3, "padding": "same"},
        {"kernel_size": 3, "padding": 1, "count_include_pad": False},
        {"kernel_size": (2, 4), "padding": 1, "divisor_override": 2},
    ],
    ids=str,
)
def test_gradients_of_averages_one_element_apart(options, channels_last):
    """The transpose of windows one element apart is such windows: y and gx are adjoint, exactly."""
    rng = np.random.default_rng(0)
    for shape in [(2, 3, 9, 10), (1, 2, 40, 70), (3, 17, 9, 12)]:
        for dtype in (np.float32, np.float64):
            x = rng.integers(-9, 10, shape).astype(dtype)
            arguments = {"stride": 1, "channels_last": channels_last, **options}
            x = np.moveaxis(x, 1, -1).copy() if channels_last else x
            kernel_size = arguments.pop("kernel_size")
            y, pullback = cpool.vjp(cpool.avg_pool2d, x, kernel_size, **arguments)
            gy = rng.integers(-9, 10, y.shape).astype(dtype)
            gx = pullback(gy)
            assert_type(gx, dtype, x.shape)
            left, right = np.vdot(y.astype(float), gy), np.vdot(x, gx.astype(float))
            bound = 8 * epsilon(dtype) * np.vdot(np.abs(x), np.abs(gx)) + 1e-9
            assert abs(left - right) <= bound
            # One window alone.
            one = np.zeros(y.shape, dtype)
            at = tuple(int(rng.integers(n)) for n in y.shape)
            one[at] = 1
            assert np.isclose(np.vdot(pullback(one), x), y[at], rtol=1e-5, atol=1e-5)


# Unpooling ----------------------------------------------------------------------------------------


def unpooled(x, indices, count):
    """Planes x[p, n] to y[p, count], one element after the other."""
    y = np.zeros((x.shape[0], count), x.dtype)
    for plane in range(x.shape[0]):
        for value, place in zip(x[plane], indices[plane], strict=True):
            if place >= 0:
                y[plane, place] = value
    return y


def kept(indices):
    """Which values an unpooling keeps: the last of each position."""
    keeps = np.zeros(indices.shape, bool)
    for plane in range(indices.shape[0]):
        last = {int(place): i for i, place in enumerate(indices[plane]) if place >= 0}
        keeps[plane, list(last.values())] = True
    return keeps


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_unpool_all_types(dtype):
    rng = np.random.default_rng(DTYPES.index(dtype))
    for _ in range(5):
        n, count = int(rng.integers(1, 20)), int(rng.integers(1, 8))
        x = make(rng, (3, n), dtype, "special")
        indices = rng.integers(-1, n * count, (3, n))
        y, pullback = cpool.vjp(cpool.max_unpool1d, x, indices, count)
        assert_equal(y, unpooled(x, indices, n * count))
        assert_equal(y, reference.max_unpool1d(x, indices, count))
        gy = rng.integers(-9, 10, y.shape).astype(np.float64)
        gx = pullback(gy)
        expected = np.where(kept(indices), np.take_along_axis(gy, np.maximum(indices, 0), 1), 0)
        assert_equal(gx, expected.astype(dtype if is_floating(dtype) else np.float64))
        assert_bits(pullback(gy), gx)


@fuzz(150)
@hypothesis.given(data=st.data())
def test_unpool_any_geometry(data):
    """Ranks, axes in any order, channels last, output sizes, layouts: as the reference; and the
    adjoint identity where no position is repeated."""
    rank = data.draw(st.sampled_from(RANKS))
    by_axes, last = data.draw(st.booleans()), data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    ndim = rank + data.draw(st.integers(int(last), 2))
    shape = tuple(data.draw(st.integers(1, 6)) for _ in range(ndim))
    kernel = tuple(data.draw(st.integers(1, 3)) for _ in range(rank))
    stride = data.draw(st.sampled_from([None, *itertools.product([1, 2, 3], repeat=rank)]))
    padding = tuple(data.draw(st.integers(0, 1)) for _ in range(rank))
    options = {}
    if by_axes:
        options["axes"] = tuple(data.draw(st.permutations(range(ndim)))[:rank])
    elif last:
        options["channels_last"] = True
    if data.draw(st.booleans()):
        end = ndim - 1 if last and not by_axes else ndim
        places = options.get("axes", range(end - rank, end))
        steps = kernel if stride is None else stride
        usual = [(shape[a] - 1) * s - 2 * p + k
                 for a, s, p, k in zip(places, steps, padding, kernel, strict=True)]  # fmt: skip
        options["output_size"] = tuple(
            max(1, n + data.draw(st.integers(1 - s, s - 1)))
            for n, s in zip(usual, steps, strict=True)
        )
    name = "max_unpool" if by_axes else f"max_unpool{rank}d"
    dtype = data.draw(st.sampled_from(DTYPES))
    x = make(rng, shape, dtype, "plain")
    indices = np.full(shape, -1)
    try:
        result = getattr(reference, name)(x, indices, kernel, stride, padding, **options)
    except ValueError:
        with pytest.raises(ValueError, match=r"padding|output_size"):
            getattr(cpool, name)(x, indices, kernel, stride, padding, **options)
        hypothesis.reject()
    places = options.get("axes")
    if places is None:
        end = ndim - 1 if last else ndim
        places = range(end - rank, end)
    plane = int(np.prod([result.shape[a] for a in places]))
    indices = rng.integers(-1, plane, shape)
    x = lay_out(x, data.draw(st.sampled_from(LAYOUTS)))
    indices = lay_out(indices, data.draw(st.sampled_from(LAYOUTS)))
    expected = getattr(reference, name)(x, indices, kernel, stride, padding, **options)
    y, pullback = cpool.vjp(
        getattr(cpool, name), x, indices, kernel, stride, padding, **options
    )
    assert_equal(y, expected)
    assert_equal(getattr(cpool, name)(x, indices, kernel, stride, padding, **options), expected)
    # What is kept shows where each value of its own number comes out.
    numbers = np.arange(1.0, x.size + 1).reshape(shape)
    where = getattr(reference, name)(numbers, indices, kernel, stride, padding, **options)
    gy = rng.integers(-9, 10, y.shape).astype(np.float64)
    gx = np.zeros(x.size + 1)
    gx[where.astype(int).reshape(-1)] = gy.reshape(-1)
    expected_gx = gx[1:].reshape(shape)
    assert_equal(pullback(gy), expected_gx.astype(dtype if is_floating(dtype) else np.float64))


REDUCTIONS = [
    cpool.Max(), cpool.Sum(), cpool.Mean(), cpool.Lp(3), cpool.RootMeanSquare(),
    cpool.PowerMean(2), cpool.PowerMean(0.3), cpool.GeometricMean(), cpool.HarmonicMean(),
    cpool.LogSumExp(0.7), cpool.SoftMean(), cpool.Median(), cpool.TrimmedMean(0.2),
    cpool.Mixed(0.3),
]  # fmt: skip


def assert_apart(x, reduction, windows, **options):
    """Values and gradients are those of each example of a batch by itself."""
    y, pullback = cpool.vjp(cpool.pool, x, reduction, windows, **options)
    gy = np.random.default_rng(1).normal(size=y.shape)
    gx = pullback(gy)
    for i in range(len(x)):
        one, back = cpool.vjp(cpool.pool, x[i : i + 1], reduction, windows, **options)
        np.testing.assert_allclose(y[i : i + 1], one, rtol=1e-12)
        np.testing.assert_allclose(gx[i : i + 1], back(gy[i : i + 1]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=repr)
@pytest.mark.parametrize("shape, axes, kernel", [
    ((2, 2, 2), 1, 2), ((3, 5, 4), 1, 5), ((8, 7, 64), 1, 7), ((4, 3, 6, 1), (2, 3), (6, 1)),
    ((4, 6, 1, 5), (1, 2), (6, 1)), ((3, 2, 1, 4, 1), (2, 3, 4), (1, 4, 1)), ((5, 4), 1, 4),
    ((3, 2, 4, 5), (2, 3), (4, 5)), ((6, 5, 3), 2, 3),
], ids=str)  # fmt: skip
def test_windows_that_span_an_axis(reduction, shape, axes, kernel):
    """One for each plane: no plane has another one's gradient."""
    x = np.random.default_rng(0).uniform(0.5, 2, shape)
    for padding in (0, "valid", "same"):
        assert_apart(x, reduction, cpool.sliding(kernel, padding=padding), axes=axes)


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=repr)
@pytest.mark.parametrize("mode", ["constant", "reflect", "nearest", "wrap"])
def test_padding_that_no_window_reads(reduction, mode):
    """A row that is pooled by windows of one element, and padded behind, where ceil_mode leaves the
    window out that would read it."""
    rng = np.random.default_rng(2)
    for shape, axes, kernel, padding in [
        ((100, 1, 9), (1, 2), (1, 3), ((0, 1), (1, 1))),
        ((30, 1, 9, 2), (1, 2), (1, 3), ((0, 1), (1, 1))),
        ((20, 2, 1, 1, 7), (2, 3, 4), (1, 1, 2), ((0, 1), (0, 1), (0, 1))),
        ((9, 5, 8), (1, 2), (1, 2), ((0, 1), (1, 0))),
    ]:
        windows = cpool.sliding(kernel, 1, padding, ceil_mode=True, padding_mode=mode)
        assert_apart(rng.uniform(0.5, 2, shape), reduction, windows, axes=axes)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 6, 10), (1, 2, 5, 7, 9), (2, 2, 2, 9, 16)], ids=str)
def test_selected_from_pairs_of_planes(name, shape):
    """2x2x2 windows, two apart, that cover all planes or leave the last one out."""
    rng = np.random.default_rng(shape[-1])
    x = make(rng, shape, np.dtype("float32"), "few")
    y, pullback = cpool.vjp(getattr(cpool, f"{name}_pool3d"), x, 2)
    _, indices = getattr(reference, f"{name}_pool3d")(x, 2, return_indices=True)
    gy = rng.integers(1, 99, y.shape).astype(np.float32)
    gx = reference.max_unpool3d(gy, indices, 2, output_size=shape[2:])
    assert_bits(pullback(gy), gx)


@pytest.mark.parametrize("channels", [8, 16, 24, 7])
@pytest.mark.parametrize("size", [2, (3, 1), (2, 4)])
@pytest.mark.parametrize("rest", [0, 1])
def test_means_of_channels_back_to_their_windows(channels, size, rest):
    """Each element gets what its only window got, or nothing behind the last one."""
    high, wide = size if isinstance(size, tuple) else (size, size)
    shape = (2, 9 * high + rest, 5 * wide + rest, channels)
    x = np.zeros(shape, np.float32)
    y, pullback = cpool.vjp(cpool.avg_pool2d, x, size, channels_last=True)
    gy = np.random.default_rng(channels).integers(-99, 99, y.shape).astype(np.float32)
    gx = np.zeros(shape, np.float32)
    each = (gy / np.float32(high * wide)).repeat(high, 1).repeat(wide, 2)
    gx[:, : each.shape[1], : each.shape[2]] = each
    assert_bits(pullback(gy), gx)


UNPOOLED = [
    # shape of x, channels last or not, kernel size, stride, output size
    ((3, 2, 5, 7), 2, None, None),
    ((2, 1, 1, 1), 2, None, None),
    ((1, 1, 8, 16), 2, None, None),
    ((2, 3, 4, 13), 2, None, None),
    ((2, 1, 3, 9), 2, None, (7, 19)),
    ((1, 1, 3, 1500), 2, None, None),
    ((1, 1, 1500, 3), (1, 2), None, None),
    ((2, 3, 4, 5), 3, None, None),
    ((2, 3, 4, 5), 2, 3, None),
    ((2, 3, 4, 5), 2, None, (9, 11)),
    ((2, 3, 4, 5), (3, 1), (3, 2), None),
    ((2, 2, 5, 4), 5, None, None),
    ((2, 3, 4), 2, None, None),
    ((1, 1, 2050), 2, None, None),
    ((1, 2, 3, 4, 5), 2, None, None),
    ((1, 2, 3, 2, 9), (1, 3, 2), None, None),
]


@pytest.mark.parametrize("strays", ["none", "left_out", "twice"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("case", UNPOOLED, ids=str)
def test_unpool_of_positions_in_their_windows(case, last, strays):
    """Positions that are not looked at one by one, and those that are: one is not in its window."""
    shape, kernel, stride, size = case
    rank = len(shape) - 2
    if last:
        shape = (shape[0], *shape[2:], (17, 5, 300)[shape[-1] % 3] if rank < 3 else 19)
    places = range(1, 1 + rank) if last else range(2, 2 + rank)
    kernels = kernel if isinstance(kernel, tuple) else (kernel,) * rank
    strides = kernels if stride is None else stride
    strides = strides if isinstance(strides, tuple) else (strides,) * rank
    lengths = size or [
        (shape[a] - 1) * s + k for a, k, s in zip(places, kernels, strides, strict=True)
    ]
    rng = np.random.default_rng(len(shape))
    indices = np.zeros(shape, np.int64)
    for a, k, s, n in zip(places, kernels, strides, lengths, strict=True):
        along = np.arange(shape[a]).reshape(-1, *(1,) * (len(shape) - 1 - a)) * s
        indices = indices * n + along + rng.integers(0, k, shape)
    if strays == "left_out":
        indices[rng.random(shape) < 0.2] = -1
    elif strays == "twice":
        indices.reshape(-1)[-1] = indices.reshape(-1)[0]
        indices.reshape(-1)[indices.size // 2] = 0
    name = f"max_unpool{rank}d"
    options = {"output_size": size, "channels_last": last}
    numbers = np.arange(1.0, indices.size + 1).reshape(shape)
    where = getattr(reference, name)(numbers, indices, kernel, stride, **options)
    for dtype in ("uint8", "float16", "float32", ">f4", "float64"):
        x = make(rng, shape, np.dtype(dtype), "special")
        y, pullback = cpool.vjp(getattr(cpool, name), x, indices, kernel, stride, **options)
        assert_equal(y, getattr(reference, name)(x, indices, kernel, stride, **options))
        assert_bits(y, np.concatenate([[0], x.reshape(-1)])[where.astype(int)].astype(y.dtype))
        gy = rng.integers(-99, 100, y.shape).astype(np.float64)
        gx = np.zeros(x.size + 1)
        gx[where.astype(int).reshape(-1)] = gy.reshape(-1)
        assert_equal(pullback(gy), gx[1:].reshape(shape).astype(pullback(gy).dtype))
    for outside in (math.prod(lengths), -2, 2**32, 2**32 - 1, 2**63 - 1, -(2**63)):
        wrong = indices.copy()
        wrong.reshape(-1)[-1] = outside
        with pytest.raises(ValueError, match="indices must be -1 or positions inside the result"):
            getattr(cpool, name)(x, wrong, kernel, stride, **options)


def test_unpool_is_the_way_back():
    """Pooled and unpooled, maxima stand where they were; and the gradient of one is the other."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(2, 3, 12, 15)).astype(np.float32)
    y, indices = cpool.max_pool2d(x, 3, return_indices=True)
    back = cpool.max_unpool2d(y, indices, 3)
    assert_equal(back, np.where(back != 0, x, 0))
    assert np.count_nonzero(back) == y.size
    _, pool_pullback = cpool.vjp(cpool.max_pool2d, x, 3)
    assert_equal(pool_pullback(y), back)
    _, unpool_pullback = cpool.vjp(cpool.max_unpool2d, y, indices, 3)
    assert_equal(unpool_pullback(x), y)


def test_the_last_of_equal_indices_wins():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    indices = np.array([[1, 1, 1], [0, -1, 0]])
    y, pullback = cpool.vjp(cpool.max_unpool1d, x, indices, 2)
    assert y.tolist() == [[0, 3, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0]]
    gx = pullback(np.arange(1.0, 13).reshape(2, 6))
    assert gx.tolist() == [[0, 0, 2], [0, 0, 7]]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 4, 300), (300, 3, 1, 4)])
@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (2, 3), (1, 3), (0, 2)])
def test_unpooling_along_any_axes(shape, axes):
    """Channels before, between or behind the pooled axes, with positions that come twice."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=shape).astype(np.float32)
    pooled = shape[axes[0]] * shape[axes[1]]
    indices = rng.integers(-1, 4 * pooled, shape)
    y, pullback = cpool.vjp(cpool.max_unpool, x, indices, 2, axes=axes)
    gy = rng.normal(size=y.shape).astype(np.float32)

    def last(array):
        return np.moveaxis(array, axes, (2, 3))

    expected, expected_pullback = cpool.vjp(cpool.max_unpool2d, last(x), last(indices), 2)
    assert_bits(last(y), expected)
    assert_bits(last(pullback(gy)), expected_pullback(last(gy)))
    planes, ends = last(x).reshape(-1, pooled), last(indices).reshape(-1, pooled)
    results = expected.reshape(len(planes), -1)
    for plane, positions, result in zip(planes, ends, results, strict=True):
        one = np.zeros(result.size, np.float32)
        for value, position in zip(plane, positions, strict=True):
            if position >= 0:
                one[position] = value
        assert_bits(result, one)


@pytest.mark.parametrize("axes", [(0, 1), (2, 3), (1, 3), (3, 0)])
def test_unpooling_into_memory(axes):
    """Of any layout, with positions that come twice or nowhere."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    indices = rng.integers(-1, 4 * x.shape[axes[0]] * x.shape[axes[1]], x.shape)
    expected, pullback = cpool.vjp(cpool.max_unpool, x, indices, 2, axes=axes)
    gy = rng.normal(size=expected.shape)
    gx = pullback(gy)
    for order in itertools.permutations(range(4)):

        def memory(like, order=order):
            lengths = [like.shape[axis] for axis in order]
            return np.full(lengths, np.nan, np.float32).transpose(np.argsort(order))

        out = memory(expected)
        assert cpool.max_unpool(x, indices, 2, axes=axes, out=out) is out
        assert_bits(out, expected)
        out = memory(gx)
        assert pullback(gy, out) is out
        assert_bits(out, gx)


def test_unpooling_of_nothing_into_memory():
    out = np.empty((0, 4, 4))
    nothing = np.empty((0, 2, 2))
    y, pullback = cpool.vjp(cpool.max_unpool2d, nothing, nothing.astype(int), 2, out=out)
    assert y is out
    assert pullback(out, nothing) is nothing


@each_kind([*KINDS, *FAMILIES])
def test_gradients_into_memory(kind):
    """Of all operators, forms and floating types, into memory of any layout: the same bits."""
    rng = np.random.default_rng(3)
    for form in forms(kind):
        windows = itertools.cycle(sets_of_windows(form))
        pairs = itertools.product(own_arguments(kind, form), FLOATS, [{}, {"where": True}])
        for own, dtype, extra in pairs:
            case = case_of(rng, kind, form, 2, dtype, {**next(windows), **own}, extra)
            y, pullback = case.vjp()
            gy = rng.normal(size=y.shape)
            with np.errstate(all="ignore"):
                expected = pullback(gy)
                for layout, empty in OUTPUTS.items():
                    out = empty(expected)
                    assert pullback(gy, out=out) is out
                    assert_bits(out, expected, f"{case}: {layout}")


def test_an_unpooling_keeps_positions_alone():
    rng = np.random.default_rng(0)
    x, indices = rng.normal(size=(4, 5, 6, 6)), rng.integers(-1, 144, (4, 5, 6, 6))
    y, pullback = cpool.vjp(cpool.max_unpool2d, x, indices, 2)
    gy = rng.normal(size=y.shape)
    expected = pullback(gy)
    assert 0 < bytes_held(pullback) <= indices.nbytes
    watched = [weakref.ref(x), weakref.ref(y)]
    indices[...] = 0
    del x, y
    gc.collect()
    assert [ref() for ref in watched] == [None, None]
    assert_bits(pullback(gy), expected)
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        pullback(gy[..., :-1])


@pytest.mark.parametrize("bad", [-2, 12, 2**40, -(2**63)])
def test_indices_outside_are_an_error(bad):
    """Never a write outside, in a large array neither."""
    x = np.ones((2, 6))
    indices = np.zeros((2, 6), np.int64)
    indices[1, 3] = bad
    with pytest.raises(ValueError, match="indices"):
        cpool.max_unpool1d(x, indices, 2)
    large = np.zeros((64, 6000), np.int64)
    large[63, 5999] = 12000 if bad == 12 else bad
    with pytest.raises(ValueError, match="indices"):
        cpool.max_unpool1d(np.ones(large.shape), large, 2)


@pytest.mark.parametrize("windows", [3, 2])
@pytest.mark.parametrize("kernel", [1500, 400_000])
def test_windows_of_very_many_elements(windows, kernel):
    """Side by side, each gives its elements the same; adaptive ones that do not fill them equally
    overlap by one."""
    n = windows * kernel + 1
    gy = np.arange(1.0, windows + 1)
    _, pullback = cpool.vjp(cpool.sum_pool1d, np.zeros(n), kernel)
    assert np.array_equal(pullback(gy), np.append(np.repeat(gy, kernel), 0))
    _, pullback = cpool.vjp(cpool.adaptive_sum_pool1d, np.zeros(n), windows)
    expected = np.zeros(n)
    for i in range(windows):
        expected[i * n // windows : -(-(i + 1) * n // windows)] += gy[i]
    assert np.array_equal(pullback(gy), expected)


def added_up(gy, positions, x):
    """Each gradient at its window's position in the plane of x, (N, C, H, W)."""
    planes = x.shape[0] * x.shape[1]
    gx = np.zeros((planes, x[0, 0].size), x.dtype)
    at = (np.arange(planes)[:, None], positions.reshape(planes, -1))
    np.add.at(gx, at, gy.reshape(planes, -1))
    return gx.reshape(x.shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("padding, ceil_mode", [(0, False), (0, True), (1, False), (1, True)])
def test_threes_two_apart(padding, ceil_mode, dtype):
    """Whatever the size of planes: windows fill them, reach beyond them or leave the last elements
    out, and small planes are several to a tile."""
    rng = np.random.default_rng(0)
    for height, width in itertools.product((3, 4, 7, 8, 13), (3, 4, 5, 8, 27, 28, 56, 1031)):
        x = rng.integers(0, 4, (3, 5, height, width)).astype(dtype)
        options = {"stride": 2, "padding": padding, "ceil_mode": ceil_mode}
        _, positions = reference.max_pool2d(x, 3, **options, return_indices=True)
        _, pullback = cpool.vjp(cpool.max_pool2d, x, 3, **options)
        gy = rng.integers(1, 9, positions.shape).astype(dtype)
        assert np.array_equal(pullback(gy), added_up(gy, positions, x)), x.shape


@pytest.mark.parametrize("channels", [1, 3, 8, 24])
@pytest.mark.parametrize("kernel, dilation", [(1, 1), (2, 1), (3, 1), (5, 1), (2, 3), (3, 2)])
def test_rows_of_which_windows_leave_out_the_end(kernel, dilation, channels):
    """With and without padding, elements behind the last window: they get nothing, and what the
    next row's windows selected is not theirs."""
    rng = np.random.default_rng(kernel)
    for stride, padding, width in itertools.product((1, 2, 3), (0, 1), (13, 29, 60)):
        if 2 * padding > (kernel - 1) * dilation + 1:
            continue
        shape = (2, 11, width, channels)
        for dtype in (np.float32, np.float64):
            x = rng.integers(0, 4, shape).astype(dtype)
            options = {
                "stride": stride, "padding": padding, "dilation": dilation, "channels_last": True,
            }  # fmt: skip
            _, positions = reference.max_pool2d(x, kernel, **options, return_indices=True)
            _, pullback = cpool.vjp(cpool.max_pool2d, x, kernel, **options)
            gy = rng.integers(1, 9, positions.shape).astype(dtype)
            expected = added_up(*(np.moveaxis(a, -1, 1) for a in (gy, positions, x)))
            gx = np.moveaxis(pullback(gy), -1, 1)
            assert np.array_equal(gx, expected), (stride, padding, width)
