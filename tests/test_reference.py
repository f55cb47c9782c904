"""The reference against PyTorch, against naive loops in plain Python, and against numpy.pad."""

from __future__ import annotations

import decimal
import inspect
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from cpool import reference

NUMPY_MODES = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}
MODES = ["constant", *NUMPY_MODES]
OPERATORS = ["max", "min", "sum", "avg"]
ABSENT = "absent"


def call(form, *args, **kwargs):
    return getattr(reference, form)(*args, **kwargs)


def assert_same(actual, expected):
    """Equal bits in value and type (NaN equals NaN)."""
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected, strict=True)


# The naive definition: one window at a time, one element at a time --------------------------------


def naive_taps(n, kernel, stride, padding, dilation, ceil_mode, mode):
    """For each window of one axis its coordinates; None is padding, ABSENT is beyond it."""
    extent = (kernel - 1) * dilation + 1
    if isinstance(padding, str):
        starts = range(0, n, stride)
        total = max(starts[-1] + extent - n, 0)
        before = total // 2 if padding == "same" else (total + 1) // 2
        after = total - before
        starts = list(starts)
    else:
        before, after = padding
        padded = before + n + after
        starts, start = [], 0
        while start + extent <= padded or (ceil_mode and start - stride + extent < padded):
            starts.append(start)
            start += stride
        if ceil_mode and starts and starts[-1] >= before + n:
            starts.pop()
    if mode == "constant":
        line = [None] * before + list(range(n)) + [None] * after
    else:
        line = np.pad(np.arange(n), (before, after), mode=NUMPY_MODES[mode]).tolist()
    line += [ABSENT] * (extent + stride)
    return [[line[start + tap * dilation] for tap in range(kernel)] for start in starts]


def naive_value(operator, values, padded, count_include_pad=True, divisor_override=None):
    """The value of existing elements beside so many padded ones; None if it has none."""
    total = sum(map(Fraction, values)) if all(map(math.isfinite, values)) else sum(values)
    if operator == "sum":
        return total
    if not values:
        return None
    if operator == "avg":
        count = len(values) + (padded if count_include_pad else 0)
        return total / (count if divisor_override is None else divisor_override)
    if any(math.isnan(value) for value in values):
        return math.nan
    return max(values) if operator == "max" else min(values)


def naive_pool(operator, x, axes, geometry, *, ceil_mode=False, mode="constant", where=None,
               omit=False, **own):
    """Values as an object array, and positions (where max and min have them)."""
    where = np.ones(x.shape, bool) if where is None else np.broadcast_to(where, x.shape)
    pooled = sorted(axes)
    geometry = [geometry[list(axes).index(axis)] for axis in pooled]
    taps = [
        naive_taps(x.shape[axis], *sizes, ceil_mode, mode)
        for axis, sizes in zip(pooled, geometry, strict=True)
    ]
    shape = list(x.shape)
    for axis, windows in zip(pooled, taps, strict=True):
        shape[axis] = len(windows)
    y, positions = np.empty(shape, object), np.empty(shape, np.int64)
    lengths = [x.shape[axis] for axis in pooled]
    for index in np.ndindex(*shape):
        found, padded = [], 0
        windows = [windows[index[axis]] for axis, windows in zip(pooled, taps, strict=True)]
        for place in itertools.product(*windows):
            if ABSENT in place:
                continue
            if None in place:
                padded += 1
                continue
            source = list(index)
            for axis, coordinate in zip(pooled, place, strict=True):
                source[axis] = coordinate
            value = x[tuple(source)].item()
            if where[tuple(source)] and not (omit and math.isnan(value)):
                found.append((value, int(np.ravel_multi_index(place, lengths))))
        value = naive_value(operator, [value for value, _ in found], padded, **own)
        y[index] = value
        positions[index] = next(
            (p for v, p in found if v == value or (v != v and value != value)), -1
        )
    return y, positions


def as_array(y, dtype):
    """Exact values rounded once; None becomes NaN."""
    y = np.array([math.nan if v is None else v for v in y.flat], object).reshape(y.shape)
    return np.array([float(v) for v in y.flat]).reshape(y.shape).astype(dtype)


def fitting_geometry(rng, n, word, ceil_mode, mode):
    """A random kernel, stride, padding (word, if there is one) and dilation for n elements."""
    while True:
        kernel, stride, dilation = (int(v) for v in rng.integers(1, [5, 4, 4]))
        padding = word or tuple(int(v) for v in rng.integers(0, 4, 2))
        sizes = kernel, stride, padding, dilation
        taps = naive_taps(n, *sizes, ceil_mode, mode)
        if taps and all(any(isinstance(t, int) for t in window) for window in taps):
            return sizes


def split(geometry):
    """Keyword arguments from a (kernel, stride, padding, dilation) for each axis."""
    kernel, stride, padding, dilation = zip(*geometry, strict=True)
    padding = padding[0] if isinstance(padding[0], str) else padding
    return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16"])
def test_naive_loops(operator, mode, dtype):
    rng = np.random.default_rng([MODES.index(mode), OPERATORS.index(operator), len(dtype)])
    for trial in range(12):
        ndim = int(rng.integers(1, 5))
        x = rng.integers(-9, 9, rng.integers(1, 7, ndim)).astype(dtype)
        options = {"padding_mode": mode}
        naive = {"mode": mode}
        if x.dtype.kind == "f":
            x[rng.random(x.shape) < 0.1] = np.nan
            x[rng.random(x.shape) < 0.05] = np.inf
            if trial % 3 == 0:
                options["nan_policy"], naive["omit"] = "omit", True
            if trial % 2:
                where = rng.random(x.shape[rng.integers(ndim) :]) < 0.7
                options["where"] = naive["where"] = where
        options["ceil_mode"] = naive["ceil_mode"] = bool(rng.integers(2))
        axes = [int(a) for a in rng.permutation(ndim)[: rng.integers(1, min(ndim, 3) + 1)]]
        word = [None, None, "same", "same_lower"][trial % 4]
        geometry = [
            fitting_geometry(rng, x.shape[axis], word, naive["ceil_mode"], mode) for axis in axes
        ]
        arguments = split(geometry)
        if operator == "avg":
            own = [{}, {"count_include_pad": False}, {"divisor_override": 3}][trial % 3]
            options |= own
            naive |= own
        expected, positions = naive_pool(operator, x, axes, geometry, **naive)
        given = [axis - ndim if trial % 2 else axis for axis in axes]
        before = x.copy()
        if operator in ("max", "min"):
            y, indices = call(
                f"{operator}_pool", x, axes=given, return_indices=True, **arguments, **options
            )
            assert_same(indices, positions)
        else:
            y = call(f"{operator}_pool", x, axes=given, **arguments, **options)
        assert_same(x, before)
        natural = {"sum": np.int64, "avg": np.float64}.get(operator) if dtype == "int16" else None
        expected = as_array(expected, natural or dtype)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(expected.dtype).eps
                                   if expected.dtype.kind == "f" else 0, strict=True)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8", "bool"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_integers_are_exact(operator, dtype):
    rng = np.random.default_rng(5)
    least, most = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    ends = [least, most, most - 1, least + 1, most // 2, most // 2 + 1]
    x = np.array([[ends[i] for i in row] for row in rng.integers(6, size=(7, 8))], dtype)
    geometry = [(3, 2, (1, 2), 1), (2, 1, (0, 1), 2)]
    expected, positions = naive_pool(operator, x, [0, 1], geometry)
    y = call(f"{operator}_pool", x, **split(geometry))
    if operator == "avg":
        assert y.dtype == np.float64
        assert y.tolist() == [[float(v) for v in row] for row in expected]
        y = call("avg_pool", x, dtype=dtype, **split(geometry))
        expected = [[round(v) for v in row] for row in expected]  # a Fraction: half to even
    elif operator == "sum":
        wide = np.dtype("uint64" if dtype == "uint64" else "int64")
        assert y.dtype == wide
        floating = call("sum_pool", x, dtype="float64", **split(geometry))
        assert floating.tolist() == [[float(v) for v in row] for row in expected]
        expected = [[int(v) & (2**64 - 1) for v in row] for row in expected]
        y = y.view(np.uint64)
    else:
        _, indices = call(f"{operator}_pool", x, return_indices=True, **split(geometry))
        assert_same(indices, positions)
    assert y.tolist() == [list(row) for row in expected]


# PyTorch ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def torch_geometry(rng, rank):
    """Geometry that PyTorch takes: padding of no more than half a kernel, no larger window."""
    kernel = rng.integers(1, 5, rank)
    sizes = kernel, rng.integers(1, 5, rank), rng.integers(0, kernel // 2 + 1)
    return [tuple(int(v) for v in size) for size in sizes]


def special_values(rng, shape, dtype):
    x = rng.integers(-4, 5, shape).astype(dtype)  # with many ties
    x[rng.random(shape) < 0.3] = -np.inf
    return x


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_max_as_torch(torch, rank, dtype):
    rng = np.random.default_rng(rank)
    theirs = getattr(torch.nn.functional, f"max_pool{rank}d")
    for trial in range(40):
        kernel, stride, padding = torch_geometry(rng, rank)
        dilation = tuple(int(v) for v in rng.integers(1, 3, rank))
        x = special_values(rng, (2, 2, *rng.integers(7, 12, rank)), dtype)
        sizes = kernel, stride, padding, dilation, bool(trial % 2)
        y, indices = (t.numpy() for t in theirs(torch.from_numpy(x), *sizes, True))
        ours, positions = call(f"max_pool{rank}d", x, *sizes, True)
        assert_same(ours, y)
        assert_same(positions, indices)
        x[rng.random(x.shape) < 0.1] = np.nan
        y = theirs(torch.from_numpy(x), *sizes).numpy()
        assert_same(call(f"max_pool{rank}d", x, *sizes), y)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_avg_as_torch(torch, rank):
    rng = np.random.default_rng(rank)
    theirs = getattr(torch.nn.functional, f"avg_pool{rank}d")
    for trial in range(60):
        kernel, stride, padding = torch_geometry(rng, rank)
        x = rng.standard_normal((2, 2, *rng.integers(5, 10, rank)))
        arguments = [kernel, stride, padding, bool(trial % 2), bool(trial % 3)]
        if rank > 1:
            arguments.append([None, 3, -2][trial % 5 % 3])
        y = theirs(torch.from_numpy(x), *arguments).numpy()
        ours = call(f"avg_pool{rank}d", x, *arguments)
        np.testing.assert_allclose(ours, y, rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_adaptive_as_torch(torch, rank):
    rng = np.random.default_rng(rank)
    functional = torch.nn.functional
    for _ in range(15):
        x = special_values(rng, (2, 3, *rng.integers(1, 9, rank)), "float32")
        size = tuple(None if v == 0 else int(v) for v in rng.integers(rank == 1, 8, rank))
        tensor = torch.from_numpy(x)
        theirs = getattr(functional, f"adaptive_max_pool{rank}d")(tensor, size, True)
        ours = call(f"adaptive_max_pool{rank}d", x, size, True)
        for our, their in zip(ours, theirs, strict=True):
            assert_same(our, their.numpy())
        x = rng.standard_normal(x.shape)
        tensor = torch.from_numpy(x)
        their = getattr(functional, f"adaptive_avg_pool{rank}d")(tensor, size).numpy()
        our = call(f"adaptive_avg_pool{rank}d", x, size)
        np.testing.assert_allclose(our, their, rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpool_as_torch(torch, rank):
    rng = np.random.default_rng(rank)
    theirs = getattr(torch.nn.functional, f"max_unpool{rank}d")
    for _ in range(20):
        kernel, _, padding = torch_geometry(rng, rank)
        x = rng.standard_normal((2, 2, *rng.integers(4, 9, rank)))
        y, indices = call(f"max_pool{rank}d", x, kernel, None, padding, return_indices=True)
        size = x.shape[2:]
        their = theirs(*map(torch.from_numpy, (y, indices)), kernel, None, padding, size).numpy()
        assert_same(call(f"max_unpool{rank}d", y, indices, kernel, None, padding, size), their)
        assert_same(call("max_unpool", y, indices, kernel, None, padding, x.shape), their)
        usual = [(n - 1) * k + k - 2 * p
                 for n, k, p in zip(y.shape[2:], kernel, padding, strict=True)]
        indices %= math.prod(usual)
        distinct = np.unique(indices[0, 0]).size == indices[0, 0].size
        if distinct:
            their = theirs(*map(torch.from_numpy, (y, indices)), kernel, None, padding).numpy()
            assert_same(call(f"max_unpool{rank}d", y, indices, kernel, None, padding), their)


# Windows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", NUMPY_MODES)
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_modes_are_those_of_numpy_pad(mode, n):
    x = np.arange(1, n + 1)
    for padding in itertools.product(range(3 * n + 2), (0, 1, 4 * n)):
        padded = np.pad(x, padding, mode=NUMPY_MODES[mode])
        assert_same(
            reference.max_pool1d(x, 1, padding=(padding,), padding_mode=mode), padded
        )


def test_modes_in_two_dimensions():
    x = np.arange(12).reshape(3, 4)
    for mode in NUMPY_MODES:
        pads = ((5, 1), (0, 9))
        y, indices = reference.max_pool2d(x, 1, 1, pads, 1, False, True, padding_mode=mode)
        assert_same(y, np.pad(x, pads, mode=NUMPY_MODES[mode]))
        assert_same(x.ravel()[indices], y)


def test_the_two_meanings_of_reflect():
    x = np.array([1, 2, 3])
    padding = ((2, 2),)
    y = {m: reference.sum_pool1d(x, 1, padding=padding, padding_mode=m).tolist() for m in MODES[1:]}
    assert y["reflect"] == [2, 1, 1, 2, 3, 3, 2]
    assert y["mirror"] == [3, 2, 1, 2, 3, 2, 1]
    assert y["nearest"] == [1, 1, 1, 2, 3, 3, 3]
    assert y["wrap"] == [2, 3, 1, 2, 3, 1, 2]


def test_same_puts_the_odd_element_at_the_end():
    x = np.array([1, 2, 4, 8])
    assert reference.sum_pool1d(x, 2, 1, "same").tolist() == [3, 6, 12, 8]
    assert reference.sum_pool1d(x, 2, 1, "same_lower").tolist() == [1, 3, 6, 12]
    assert reference.sum_pool1d(x, 2, 1, "valid").tolist() == [3, 6, 12]
    for ceil_mode in (False, True):
        assert reference.sum_pool1d(x, 1, 3, "same", 1, ceil_mode).tolist() == [1, 8]


def test_ceil_mode():
    x = np.arange(1.0, 6.0)
    assert reference.max_pool1d(x, 2, 2).tolist() == [2, 4]
    assert reference.max_pool1d(x, 2, 2, ceil_mode=True).tolist() == [2, 4, 5]
    # A third window would start in the padding.
    assert reference.max_pool1d(x[:4], 2, 3, 1, ceil_mode=True).tolist() == [1, 4]
    assert reference.max_pool1d(x[:4], 2, 2, 1, ceil_mode=True).tolist() == [1, 3, 4]
    assert reference.max_pool1d(x[:4], 3, 3, ((0, 1),), ceil_mode=True).tolist() == [3, 4]
    # Larger than the input: one partial window, or an error.
    assert reference.sum_pool1d(x[:2], 3, 2, ceil_mode=True).tolist() == [3]
    with pytest.raises(ValueError, match="does not fit"):
        reference.sum_pool1d(x[:2], 3, 2)
    # What ceil_mode adds counts in no average, and is no element in any mode.
    assert reference.avg_pool1d(x, 2, ceil_mode=True).tolist() == [1.5, 3.5, 5]
    for mode in MODES:
        y = reference.avg_pool1d(x, 2, ceil_mode=True, padding_mode=mode)
        assert y.tolist() == [1.5, 3.5, 5]


def test_a_window_wholly_in_padding_is_an_error():
    for form in ("max_pool1d", "avg_pool1d", "sum_pool1d"):
        with pytest.raises(ValueError, match="wholly in padding"):
            call(form, np.ones(4), 2, 1, padding=2)
        with pytest.raises(ValueError, match="wholly in padding"):
            call(form, np.ones((0, 4)), 2, 1, padding=2)
        assert call(form, np.ones(4), 2, 1, padding=2, padding_mode="wrap").shape == (7,)
    with pytest.raises(ValueError, match="wholly in padding"):
        reference.max_pool1d(np.ones(1), 2, 1, padding=1, dilation=2)


def test_images_larger_than_a_block():
    x = np.random.default_rng(0).integers(0, 255, (1500, 160, 3), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(x, (7, 7), (0, 1))[::3, ::2]
    assert_same(
        reference.max_pool2d(x, 7, (3, 2), channels_last=True), windows.max(axis=(-2, -1))
    )


def test_adaptive_min_and_sum():
    x = np.random.default_rng(0).integers(-9, 9, (2, 7, 5))
    for size in [(3, 2), (7, None), (9, 1), 4]:
        y, indices = reference.adaptive_min_pool2d(x, size, return_indices=True)
        assert_same(y, -reference.adaptive_max_pool2d(-x, size))
        assert_same(indices, reference.adaptive_max_pool2d(-x, size, return_indices=True)[1])
    y = reference.adaptive_sum_pool2d(x, (3, 2))
    assert y[1, 1, 0] == x[1, 2:5, 0:3].sum()
    assert y.shape == (2, 3, 2)
    assert_same(reference.adaptive_sum_pool(x, 4, axes=1), np.stack(
        [x[:, a:b].sum(1) for a, b in [(0, 2), (1, 4), (3, 6), (5, 7)]], axis=1))


@pytest.mark.parametrize("operator", OPERATORS)
def test_global(operator):
    function = {"avg": np.mean}.get(operator, getattr(np, operator, None))
    x = np.random.default_rng(0).integers(-9, 9, (2, 3, 4, 5, 2, 2))
    for options, axes in [
        ({}, (2, 3, 4, 5)),
        ({"channels_last": True}, (1, 2, 3, 4)),
        ({"axes": -1}, -1),
        ({"axes": (4, 0)}, (0, 4)),
    ]:
        for keepdims in (True, False):
            y = call(f"global_{operator}_pool", x, keepdims=keepdims, **options)
            np.testing.assert_allclose(y, function(x, axis=axes, keepdims=keepdims), strict=True)
    y = call(f"global_{operator}_pool", x[0, 0, 0, 0, 0], axes=0, keepdims=False)
    assert y.shape == ()


def test_channels_last_axes_and_ranks_agree():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 6, 7, 8))
    last = np.moveaxis(x, 1, -1)
    for form, arguments in [
        ("max_pool", ((2, 1, 3), (1, 2, 2))),
        ("avg_pool", ((2, 1, 3), (1, 2, 2))),
        ("adaptive_min_pool", ((2, 1, 3),)),
    ]:
        y = call(f"{form}3d", x, *arguments)
        assert_same(call(form, x, *arguments), y)
        assert_same(call(form, last, *arguments, channels_last=True), np.moveaxis(y, 1, -1))
        assert_same(call(f"{form}3d", last, *arguments, channels_last=True), np.moveaxis(y, 1, -1))
        mixed = [tuple(sizes[i] for i in (2, 0, 1)) for sizes in arguments]
        assert_same(call(form, x, *mixed, axes=(-1, 2, -2)), y)
    plane, indices = reference.max_pool(x[0, 0], 2, return_indices=True)  # an int: all axes
    assert plane.shape == (3, 3, 4)
    assert_same(x[0, 0].ravel()[indices], plane)
    with pytest.raises(ValueError, match="axes="):
        reference.max_pool(x, 2)


# Elements that do not exist -----------------------------------------------------------------------


def test_windows_without_elements():
    x = np.array([1.0, np.nan, 3.0, 4.0])
    where = np.array([False, False, True, False])
    for form in ("max_pool", "min_pool", "avg_pool"):
        np.testing.assert_array_equal(call(form, x, 2, where=where), [np.nan, 3])
    assert reference.sum_pool(x, 2, where=where).tolist() == [0, 3]
    assert reference.max_pool(x, 2, where=where, return_indices=True)[1].tolist() == [-1, 2]
    assert np.isnan(reference.avg_pool(x, 4, where=False))
    assert np.isnan(reference.avg_pool(x[:2], 2, 1, 1, where=[False, True], divisor_override=2)[0])
    whole = np.array([1, 2, 3, 4])
    for form in ("max_pool", "min_pool"):
        with pytest.raises(ValueError, match="no element"):
            call(form, whole, 2, where=where)
        with pytest.raises(ValueError, match="no element"):
            call(form, x, 2, where=where, dtype="int8")
        y = call(form, whole, 2, where=where, dtype="float32")
        assert_same(y, np.array([np.nan, 3], np.float32))
    assert_same(reference.avg_pool(whole, 2, where=where), np.array([np.nan, 3]))
    assert_same(reference.sum_pool(whole, 2, where=where), np.array([0, 3]))
    y, indices = reference.adaptive_max_pool(x, 2, nan_policy="omit", where=where,
                                             return_indices=True)
    np.testing.assert_array_equal(y, [np.nan, 3])
    assert indices.tolist() == [-1, 2]


def test_where_does_not_count_but_padding_does():
    x = np.array([2.0, 4.0, 6.0])
    where = [True, False, True]
    y = reference.avg_pool(x, 3, 1, 1, where=where)
    np.testing.assert_allclose(y, [2 / 2, 8 / 2, 6 / 2])
    y = reference.avg_pool(x, 3, 1, 1, where=where, count_include_pad=False)
    np.testing.assert_allclose(y, [2, 4, 6])


def test_nan_policies():
    x = np.array([[1.0, 2.0, np.nan, 0.0, np.nan]])
    y, indices = reference.max_pool(x, (1, 3), 1, return_indices=True)
    np.testing.assert_array_equal(y, [[np.nan] * 3])
    assert indices.tolist() == [[2, 2, 2]]
    y, indices = reference.min_pool(x, (1, 3), 1, nan_policy="omit", return_indices=True)
    assert y.tolist() == [[1, 0, 0]]
    assert indices.tolist() == [[0, 3, 3]]
    with pytest.raises(ValueError, match="NaN"):
        reference.sum_pool(x, (1, 3), nan_policy="raise")
    # A NaN that no window reads, and one that does not exist.
    assert reference.sum_pool(x, (1, 2), (1, 5), nan_policy="raise").tolist() == [[3]]
    mask = ~np.isnan(x)
    assert reference.sum_pool(x, (1, 5), nan_policy="raise", where=mask).tolist() == [[3]]


def test_padding_never_wins():
    for dtype in ("float32", "int8", "uint8", "bool"):
        worst = {"f": -np.inf, "i": -128}.get(np.dtype(dtype).kind, 0)
        y, indices = reference.max_pool2d(
            np.full((3, 3), worst, dtype), 3, 2, 1, return_indices=True
        )
        assert_same(y, np.full((2, 2), worst, dtype))
        assert indices.tolist() == [[0, 1], [3, 4]]


def test_weights():
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((4, 6)), rng.random((4, 6))
    weights[0] = 0
    y = reference.avg_pool2d(x, 2, 1, 1, weights=weights)
    padded, padded_weights = np.pad(x, 1), np.pad(weights, 1)
    with np.errstate(invalid="ignore"):
        expected = reference.sum_pool2d(padded * padded_weights, 2, 1) / reference.sum_pool2d(
            padded_weights, 2, 1
        )
    np.testing.assert_allclose(y, expected)
    assert np.isnan(y[0]).all()
    assert_same(reference.avg_pool(np.array([1, 2, 9]), 3, weights=[1, 1, 0]), np.array([1.5]))
    with pytest.raises(ValueError, match="negative"):
        reference.avg_pool2d(x, 2, weights=-weights)


def test_generic_pool_sees_what_exists():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 6, 7)).astype(np.float32)
    where = rng.random((6, 7)) < 0.8
    x[0, 2, 3] = np.nan
    seen = set()

    def median(values, axis):
        assert values.dtype == np.float32
        seen.add(values.shape[axis])
        return np.median(values, axis=axis)

    y = reference.generic_pool(
        x, median, (3, 2), 2, 1, ceil_mode=True, where=where, nan_policy="omit"
    )
    assert len(seen) > 2
    for index in np.ndindex(*y.shape):
        plane, i, j = index
        window = np.s_[max(2 * i - 1, 0) : 2 * i + 2, max(2 * j - 1, 0) : 2 * j + 1]
        values = x[plane][window][where[window]]
        np.testing.assert_array_equal(y[index], np.nanmedian(values) if values.size else np.nan)
    nothing = reference.generic_pool(np.arange(4), np.ptp, 2, where=[True, True, False, False],
                                     dtype=float)
    np.testing.assert_array_equal(nothing, [1, np.nan])
    assert_same(reference.generic_pool(np.arange(6), np.ptp, 3, dilation=2), np.array([4]))


# Types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d"])
def test_result_types(dtype):
    x = np.array([[1, 0, 1, 1]], dtype)
    floating = x.dtype.kind == "f"
    sums = x.dtype if floating else np.dtype("u8" if x.dtype.kind == "u" else "i8")
    assert_same(reference.max_pool1d(x, 2), np.array([[1, 1]], x.dtype))
    assert_same(reference.min_pool1d(x, 2), np.array([[0, 1]], x.dtype))
    assert_same(reference.sum_pool1d(x, 2), np.array([[1, 2]], sums))
    assert_same(reference.avg_pool1d(x, 2), np.array([[0.5, 1]], x.dtype if floating else "d"))
    swapped = x.astype(x.dtype.newbyteorder())[:, ::-1]
    y = reference.max_pool1d(swapped, 2)
    assert_same(y, np.array([[1, 1]], x.dtype))
    assert y.dtype.isnative
    assert reference.max_pool1d(x, 2, dtype=">f4").dtype.isnative
    for other in ("int32", "float16", "bool"):
        assert_same(reference.max_pool1d(x, 2, dtype=other), np.array([[1, 1]], other))


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array([1, 2, np.nan, 3, -np.inf, 257], ml_dtypes.bfloat16)
    y, indices = reference.max_pool1d(x, 2, return_indices=True)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y.astype(float), [2, np.nan, 256])
    assert indices.tolist() == [1, 2, 5]
    y = reference.avg_pool1d(x[:2], 2)
    assert y.dtype == x.dtype
    assert y.tolist() == [1.5]
    y = reference.max_pool1d(x, 2, where=[False, False, True, True, True, True])
    assert np.isnan(y[0].astype(float))
    assert reference.sum_pool1d(np.ones(400, ml_dtypes.bfloat16), 400).tolist() == [400]
    assert reference.max_pool1d(np.arange(4), 2, dtype=ml_dtypes.bfloat16).tolist() == [1, 3]
    with pytest.raises(TypeError):
        reference.max_pool1d(np.ones(4, ml_dtypes.float8_e5m2), 2)


def test_half_is_added_up_in_a_wider_type():
    assert reference.sum_pool1d(np.ones(4097, np.float16), 4097).tolist() == [4096]
    assert reference.avg_pool1d(np.full(4, 60000, np.float16), 4).tolist() == [60000]
    assert reference.sum_pool1d(np.full(4, 60000, np.float16), 4, dtype="f4").tolist() == [240000]


def test_rounding_to_integers():
    x = np.array([[0, 1], [1, 2], [2, 3], [-1, 0], [-2, -1], [3, 4]])
    for given in (x, x.astype(np.float32)):
        y = reference.avg_pool1d(given, 2, dtype=np.int8)
        assert_same(y.ravel(), np.array([0, 2, 2, 0, -2, 4], np.int8))
    assert_same(reference.avg_pool1d(x, 2, dtype=bool).ravel(), np.array([0, 1, 1, 0, 0, 1], bool))
    # 2**53 + 1 halves: a double would make these even before they are rounded.
    x = np.array([2**62 + 1, 2**62 + 2, 2**62 + 3, 2**62 + 2])
    assert reference.avg_pool1d(x, 2, dtype="i8").tolist() == [2**62 + 2, 2**62 + 2]
    assert reference.avg_pool1d(x, 4, divisor_override=-4, dtype="i8").tolist() == [-(2**62) - 2]
    floats = np.array([1e300, -1e300, np.inf, -np.inf, 2.5, 3.5, 2.0**63, 2.0**64])
    least, most = -(2**63), 2**63 - 1
    y = reference.max_pool1d(floats, 1, dtype="int64")
    assert y.tolist() == [most, least, most, least, 2, 4, most, most]
    y = reference.max_pool1d(floats, 1, dtype="uint64")
    assert y.tolist() == [2**64 - 1, 0, 2**64 - 1, 0, 2, 4, 2**63, 2**64 - 1]
    assert reference.max_pool1d([-1, 2**40, 7], 1, dtype="uint8").tolist() == [0, 255, 7]
    with pytest.raises(ValueError, match="NaN"):
        reference.max_pool1d([np.nan], 1, dtype="int8")


def test_out():
    x = np.arange(8.0)
    buffer = np.zeros(8)
    y = reference.max_pool1d(x, 2, out=buffer[::2])
    assert y.base is buffer
    assert buffer.tolist() == [1, 0, 3, 0, 5, 0, 7, 0]
    for out in (np.zeros(3), np.zeros(4, "f4"), x[:4]):
        with pytest.raises(ValueError, match="out"):
            reference.max_pool1d(x, 2, out=out)


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_planes(operator):
    x = np.empty((0, 3, 4, 6), np.float32)
    assert_same(call(f"{operator}_pool2d", x, 2), np.empty((0, 3, 2, 3), np.float32))
    assert_same(call(f"adaptive_{operator}_pool2d", x, 1), np.empty((0, 3, 1, 1), np.float32))
    assert_same(call(f"global_{operator}_pool", x, keepdims=False), np.empty((0, 3), np.float32))
    with pytest.raises(ValueError, match="empty"):
        call(f"{operator}_pool", x, 1, axes=0)


def test_any_strides():
    x = np.random.default_rng(0).standard_normal((5, 6, 7))
    view = np.broadcast_to(x[::-1, ::2].transpose(2, 0, 1), (2, 7, 5, 3))
    view.flags.writeable = False
    y = reference.max_pool2d(view, 2, return_indices=True)
    for ours, copied in zip(y, reference.max_pool2d(view.copy(), 2, return_indices=True),
                            strict=True):
        assert_same(ours, copied)


# Unpooling ----------------------------------------------------------------------------------------


def test_unpool():
    x = np.array([[5, 6, 7]], np.int8)
    indices = np.array([[4, -1, 4]])
    assert_same(reference.max_unpool1d(x, indices, 2), np.array([[0, 0, 0, 0, 7, 0]], np.int8))
    x = np.random.default_rng(0).standard_normal((2, 4, 6, 3))
    y, indices = reference.max_pool2d(x, 2, return_indices=True, channels_last=True)
    back = reference.max_unpool2d(y, indices, 2, channels_last=True)
    assert_same(back, np.where(np.isin(x, y), x, 0))
    y, indices = reference.max_pool(x, (2, 3), axes=(2, 1), return_indices=True, ceil_mode=True)
    back = reference.max_unpool(y, indices, (2, 3), output_size=(6, 4), axes=(2, 1))
    assert_same(back, np.where(np.isin(x, y), x, 0))
    for bad in (-2, 6):
        with pytest.raises(ValueError, match="outside"):
            reference.max_unpool1d([[1, 2, 3]], [[0, bad, 1]], 2)
    with pytest.raises(TypeError, match="integers"):
        reference.max_unpool1d([[1, 2]], [[0.0, 1.0]], 2)
    with pytest.raises(ValueError, match="output_size"):
        reference.max_unpool1d([[1, 2]], [[0, 1]], 2, output_size=6)
    with pytest.raises(ValueError, match="shape"):
        reference.max_unpool1d([[1, 2]], [[0]], 2)


# Names and errors ---------------------------------------------------------------------------------


def test_names_and_signatures():
    assert {"max_pool", "adaptive_avg_pool3d", "global_min_pool", "max_unpool2d"} <= set(
        reference.__all__
    )
    for name in reference.__all__:
        function = getattr(reference, name)
        assert function.__name__ == name
        assert function.__doc__
    for name in reference.pooling.__all__:
        function = getattr(reference, name)
        assert ("axes" in inspect.signature(function).parameters) == (not name.endswith("d"))
    positional = list(inspect.signature(reference.max_pool2d).parameters)[:7]
    assert positional == [
        "x", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"
    ]
    with pytest.raises(TypeError):
        reference.max_pool2d(np.ones((2, 2)), 2, axes=(0, 1))


X = np.ones((4, 4))


@pytest.mark.parametrize(
    "error, arguments, options",
    [
        (ValueError, (X, 0), {}),
        (TypeError, (X, 2.0), {}),
        (TypeError, (X, "2"), {}),
        (ValueError, (X, 2, 0), {}),
        (ValueError, (X, 2, 1, -1), {}),
        (ValueError, (X, 2, 1, ((0, -1), 0)), {}),
        (ValueError, (X, 2, 1, "SAME"), {}),
        (ValueError, (X, 2, 1, 0, 0), {}),
        (ValueError, (X, (2, 2, 2)), {}),
        (ValueError, (X, (2, 2), (1,)), {}),
        (ValueError, (X[0], 2, 1, (2, 1)), {}),
        (ValueError, (X, 5), {}),
        (ValueError, (X, 2), {"axes": (0, 0)}),
        (ValueError, (X, 2), {"axes": 2}),
        (ValueError, (X, 2), {"axes": 0, "channels_last": True}),
        (ValueError, (X, 2), {"padding_mode": "symmetric"}),
        (ValueError, (X, 2), {"nan_policy": "ignore"}),
        (TypeError, (X, 2), {"where": [1, 0, 1, 0]}),
        (ValueError, (X, 2), {"where": [True, False]}),
        (TypeError, (X, 2), {"unknown": 1}),
        (TypeError, (X, 2), {"dtype": complex}),
        (TypeError, (X.astype(complex), 2), {}),
        (TypeError, (X.astype(object), 2), {}),
        (TypeError, (X.astype(str), 2), {}),
        (TypeError, (X.astype("M8[s]"), 2), {}),
        (TypeError, (X.astype(np.longdouble), 2), {}),
        (TypeError, (np.ma.masked_array(X), 2), {}),
    ],
)
def test_errors(error, arguments, options):
    for form in ("max_pool", "sum_pool"):
        with pytest.raises(error):
            call(form, *arguments, **options)


def test_more_errors():
    with pytest.raises(TypeError, match="where="):
        reference.max_pool2d(np.ma.masked_array(X), 2)
    with pytest.raises(TypeError, match="where must be bool"):
        reference.max_pool2d(X, 2, where=1)
    with pytest.raises(ValueError, match="divisor_override"):
        reference.avg_pool2d(X, 2, divisor_override=0)
    with pytest.raises(ValueError, match="at least 1"):
        reference.adaptive_max_pool2d(X, 0)
    with pytest.raises(TypeError):
        reference.adaptive_max_pool2d(X, 2.0)
    with pytest.raises(ValueError, match="axes="):
        reference.global_max_pool(X)
    for swapped in (3, "max", None, np.ones(2)):
        with pytest.raises(TypeError, match=r"function must be a function\(values, axis=-1\), got"):
            reference.generic_pool(X, swapped, np.median)
    with pytest.raises(ValueError):  # noqa: PT011
        reference.max_pool3d(X, 2)


# Means that lose digits in the obvious formula ----------------------------------------------------

POWERS = [sign * 10.0**e for e in (-300, -100, -20, -16, -12, -8, -4, -2, 0, 1, 2, 3)
          for sign in (1, -1)]  # fmt: skip
WINDOWS = [
    [2.0, 8.0],
    [3.0, 3.0, 3.0],
    [1e300, 1e-300],
    [1e300, 1e300],
    [1e-300, 2e-300, 5e-300],
    [1.0, 1 + 2**-52],
    [1e300, 1.0, 1e-300, 7.0],
    [0.1, 0.5, 0.7, 1.3, 2.9],
]
#: More digits than a power of 1e-300 takes away.
DIGITS = decimal.Context(prec=640, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_power_means_near_every_power(window):
    logs = [DIGITS.ln(decimal.Decimal(each)) for each in window]
    with decimal.localcontext(DIGITS):
        for p in map(decimal.Decimal, POWERS):
            mean = sum((p * log).exp() for log in logs) / len(logs)
            expected = float((mean.ln() / p).exp())
            y = reference.power_mean_pool1d(window, len(window), p=float(p), eps=5e-324)
            np.testing.assert_allclose(y, [expected], rtol=3e-16)


@pytest.mark.parametrize("window", [*WINDOWS, [-1e300, 1e300], [-5.0, 5.0], [-1e3, 700.0]], ids=str)
def test_log_sum_exp_near_every_r(window):
    """Where elements cancel, what is left has the digits that the greatest of them leaves."""
    with decimal.localcontext(DIGITS):
        for r in map(decimal.Decimal, POWERS):
            products = [r * decimal.Decimal(each) for each in window]
            most = max(products)
            mean = sum((each - most).exp() for each in products) / len(window)
            expected = float((most + mean.ln()) / r)
            y = reference.log_sum_exp_pool1d(window, len(window), r=float(r))
            size = np.abs(window).max()
            np.testing.assert_allclose(y, [expected], rtol=3e-16, atol=1e-18 * size)


@pytest.mark.parametrize("window", [*WINDOWS, [0.0, 0.0], [0.0, -8.0], [-2.0, 8.0]], ids=str)
def test_norms_of_every_power(window):
    with decimal.localcontext(DIGITS):
        for p in map(decimal.Decimal, (1e-2, 0.5, 1, 2, 3, 100, 1e5, 1e300)):
            sizes = [abs(decimal.Decimal(each)) for each in window if each]
            most = max(sizes, default=decimal.Decimal(0))
            total = sum((size / most) ** p for size in sizes)
            expected = float(most * (total.ln() / p).exp()) if sizes else 0.0
            y = reference.lp_pool1d(window, float(p), len(window))
            np.testing.assert_allclose(y, [expected], rtol=3e-16)
    np.testing.assert_array_equal(
        reference.lp_pool1d([2.0, np.inf, 2.0, np.nan, 3.0, 4.0], 1e5, 2), [np.inf, np.nan, 4]
    )


def test_infinities_of_power_means():
    x = [np.inf, 2.0, np.inf, np.inf, np.nan, np.inf]
    for p in (1e-300, 0.5, 1e3):
        y = reference.power_mean_pool1d(x, 2, p=p)
        np.testing.assert_array_equal(y, [np.inf, np.inf, np.nan])
        y = reference.power_mean_pool1d(x, 2, p=-p)
        np.testing.assert_array_equal(y[1:], [np.inf, np.nan])
    np.testing.assert_allclose(reference.power_mean_pool1d(x, 2, p=-1)[0], 4.0)
    x = [-np.inf, 2.0, np.inf, 2.0, -np.inf, np.inf]
    for r in (1e-300, 1.0, 1e3):
        np.testing.assert_array_equal(
            reference.log_sum_exp_pool1d(x, 2, r=r)[1:], [np.inf, np.inf]
        )
        np.testing.assert_array_equal(
            reference.log_sum_exp_pool1d(x, 2, r=-r)[[0, 2]], [-np.inf, -np.inf]
        )
