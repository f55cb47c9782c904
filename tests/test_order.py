"""Order statistics: what is particular to them. Forms and options are in test_families.py."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.ndimage
from operators import (
    BFLOAT,
    DTYPES,
    INTEGERS,
    assert_bits,
    assert_equal,
    is_floating,
    lay_out,
    make,
)

import cpool
from cpool import nn, ordering, reference

FLOATS = [dtype for dtype in DTYPES if is_floating(dtype)]


def everything(x):
    """A mask without effect, which keeps calls from the kernels for whole windows."""
    return np.ones(np.shape(x), bool)


# Against NumPy and SciPy --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ordering.METHODS)
def test_quantiles_are_numpys(method):
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5, 8, 11, 40, 300):
        windows = rng.integers(-50, 50, (3, n))
        for q in (0, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1, 1 / 3):
            expected = np.quantile(windows, q, axis=1, method=method)
            y = cpool.quantile_pool1d(windows, n, q=q, method=method)
            assert y.dtype == (np.int64 if method in ordering.DISCRETE else np.float64)
            np.testing.assert_allclose(y[:, 0], expected, rtol=1e-12, atol=1e-12)


def test_filters_are_scipys():
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 50)).astype(np.float32)
    for size, mode in itertools.product((3, 5, 9, 15), ("reflect", "nearest", "mirror", "wrap")):
        y = cpool.median_pool2d(x, size, 1, "same", padding_mode=mode)
        assert_equal(y, ndimage.median_filter(x, size, mode=mode))
        y = cpool.rank_pool2d(x, size, 1, "same", rank=-3, padding_mode=mode)
        assert_equal(y, ndimage.rank_filter(x, -3, size, mode=mode))


def test_trimmed_means_are_scipys():
    stats = pytest.importorskip("scipy.stats")
    x = np.random.default_rng(2).normal(size=(4, 300))
    for n, cut in itertools.product((1, 3, 10, 60, 300), (0, 0.1, 0.2, 0.25, 0.45)):
        windows = x[:, : 300 // n * n].reshape(-1, n)
        expected = stats.trim_mean(windows, cut, axis=1)
        y = cpool.trimmed_mean_pool1d(windows, n, cut=cut)
        np.testing.assert_allclose(y[:, 0], expected, rtol=1e-12)


def test_integers_of_64_bits_are_exact():
    for dtype in (np.int64, np.uint64):
        high = np.iinfo(dtype).max
        x = np.array([high, high - 1, high - 2, np.iinfo(dtype).min, high], dtype)
        assert cpool.rank_pool1d(x, 5, rank=2).tolist() == [high - 1]
        assert cpool.median_pool1d(x, 5, dtype=dtype).tolist() == [high - 1]
        assert cpool.mode_pool1d(x, 5).tolist() == [high]
        assert cpool.quantile_pool1d(np.tile(x, 60), 300, q=0.5, method="nearest") == [high - 1]


# Medians of squares -------------------------------------------------------------------------------


def test_the_median_of_sorted_columns():
    """All columns of zeros and ones: what sorts these sorts everything (Knuth 1973, 5.3.4)."""
    for k in (3, 5):
        ones = np.array(list(itertools.product(range(k + 1), repeat=k)))
        x = (np.arange(k)[:, None] < ones[:, None, :]).astype(np.uint8)
        y = cpool.rank_pool2d(x, k, 1, rank=k * k // 2)
        assert_equal(y[:, 0, 0], (ones.sum(1) > k * k // 2).astype(np.uint8))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_squares(dtype):
    """In all layouts, with all kinds of padding: as the kernel for any windows gives it."""
    rng = np.random.default_rng(3)
    for shape, last in (((37, 90), False), ((2, 20, 1100), False), ((40, 21, 3), True)):
        x = make(rng, shape, dtype, "plain")
        for k, options in itertools.product((3, 5), (
            {},
            {"padding": "same"},
            {"padding": ((2, 0), (1, 2)), "padding_mode": "nearest"},
            {"padding": ((1, 2), (2, 2)), "padding_mode": "wrap"},
        )):  # fmt: skip
            options = {**options, "stride": 1, "channels_last": last}
            for layout in ("C", "swapped", "moved"):
                laid = lay_out(x, layout)
                y = cpool.median_pool2d(laid, k, **options)
                assert_bits(y, cpool.median_pool2d(x, k, where=everything(x), **options))
            if options.get("padding") == "same":
                continue  # windows in the corners have no such rank
            y = cpool.rank_pool2d(x, k, rank=k * k // 2, **options)
            assert_bits(y, cpool.rank_pool2d(x, k, rank=k * k // 2, where=everything(x), **options))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "uint16", "int16", "int32"])
def test_squares_in_rows_of_any_length(dtype):
    """Whatever part of a vector is left over at their end, in few rows or many, at any address."""
    rng = np.random.default_rng(9)
    size = np.dtype(dtype).itemsize
    options = {"rank": 4, "stride": 1, "padding": 1, "padding_mode": "nearest"}
    for n in {*range(192 // size, 192 // size + 70, 3 if size == 1 else 1)}:
        x = np.zeros((2 + n % 4, n + 3), dtype)[:, n % 3 :][:, :n]
        x[...] = 200 * rng.random(x.shape)
        expected = scipy.ndimage.median_filter(x, 3, mode="nearest")
        assert_equal(cpool.rank_pool2d(x[None], 3, **options)[0], expected)
        if len(x) > 2:
            y = cpool.rank_pool2d(x[None], 3, rank=4, stride=1)[0]
            assert_equal(y, expected[1:-1, 1:-1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nans_in_long_rows(dtype):
    """Wherever they are, also where padding alone reads them."""
    x = np.random.default_rng(10).random((1, 7, 150)).astype(dtype)
    for mode, (h, w) in itertools.product(
        ("nearest", "wrap"), [(0, 0), (0, 149), (3, 70), (6, 1), (6, 149), (5, 148), (1, 128)]
    ):
        spiked = x.copy()
        spiked[0, h, w] = np.nan
        options = {"stride": 1, "padding": 1, "padding_mode": mode}
        assert_equal(
            cpool.median_pool2d(spiked, 3, **options),
            cpool.median_pool2d(spiked, 3, where=everything(x), **options),
        )


def test_squares_are_the_references():
    rng = np.random.default_rng(4)
    for k in (3, 5):
        x = rng.normal(size=(2, 9, 30)).astype(np.float32)
        for mode in ("constant", "reflect", "mirror", "nearest", "wrap"):
            options = {"stride": 1, "padding": k // 2, "padding_mode": mode}
            assert_equal(
                cpool.median_pool2d(x, k, **options), reference.median_pool2d(x, k, **options)
            )


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_special_values_in_squares(dtype):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(50, 60))
    spiked = x.copy()
    spiked[20, 30], spiked[33, 2], spiked[5, 5] = np.nan, -np.inf, np.inf
    zeros = np.where(rng.random(x.shape) < 0.5, 0.0, -0.0)
    for values, k in itertools.product((spiked, zeros), (3, 5)):
        values = values.astype(dtype)
        y = cpool.median_pool2d(values, k, 1, "same", padding_mode="nearest")
        z = cpool.median_pool2d(values, k, 1, "same", padding_mode="nearest",
                                where=everything(x))  # fmt: skip
        assert_bits(y, z)
        assert np.isnan(y.astype(float)).sum() == (k * k if values is not zeros and
                                                   np.isnan(values.astype(float)).any() else 0)


# Windows of many taps -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_windows_that_are_looked_at_one_by_one(dtype):
    rng = np.random.default_rng(6)
    for values, n in itertools.product(("plain", "few"), (65, 131, 255, 600)):
        x = make(rng, (3, 2 * n), dtype, values)
        for rank in (0, 1, n // 2, -2, -1):
            y = cpool.rank_pool1d(x, n, rank=rank)
            ordered = np.sort(x.reshape(3, 2, n).astype(float if is_floating(dtype) else dtype))
            assert_equal(y, ordered[..., rank].astype(dtype))
        mask = rng.random(x.shape) < 0.7
        y = cpool.median_pool1d(x, n, where=mask)
        assert_equal(y, reference.median_pool1d(x, n, where=mask))


def test_narrow_ranges():
    """Elements that differ in their last bits only, and one that is far from all others."""
    rng = np.random.default_rng(7)
    x = 1e15 + rng.integers(0, 5000, 900).astype(np.float64)
    x[17], x[400] = -np.inf, 1e300
    assert cpool.rank_pool1d(x, 900, rank=450)[0] == np.sort(x)[450]
    x = (2**62 + rng.integers(0, 300, 900)).astype(np.int64)
    x[5] = -(2**63)
    assert cpool.rank_pool1d(x, 900, rank=600)[0] == np.sort(x)[600]


def test_networks_sort():
    """All zeros and ones up to 10 rows; beyond that, random ones."""
    rng = np.random.default_rng(8)
    for n in (*range(1, 11), 25, 64, 100):
        lanes = (
            np.array(list(itertools.product((0, 1), repeat=n))).T
            if n <= 10
            else rng.integers(0, 2, (n, 2000))
        )
        rows = list(lanes.astype(int))
        for a, b in ordering.merge_exchange(n):
            rows[a], rows[b] = np.minimum(rows[a], rows[b]), np.maximum(rows[a], rows[b])
        assert_equal(np.array(rows), np.sort(lanes, axis=0).astype(int))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool"])
def test_ranks_of_bytes(dtype):
    """Large windows one apart, whose columns are counted."""
    rng = np.random.default_rng(11)
    for shape, kernel in (((40, 600), (11, 13)), ((2, 140, 30), (15, 15)), ((210, 9), (200, 2))):
        x = make(rng, shape, dtype, "plain")
        for options, q in itertools.product((
            {},
            {"padding": "same"},
            {"padding": ((1, 3), (1, 0))},
            {"padding": ((3, 2), (1, 4)), "padding_mode": "wrap"},
        ), (0, 0.5, 0.9)):  # fmt: skip
            options = {**options, "stride": 1, "method": "lower"}
            y = cpool.quantile_pool2d(x, kernel, q=q, **options)
            assert_bits(y, cpool.quantile_pool2d(x, kernel, q=q, where=everything(x), **options))
        y = cpool.median_pool2d(x, kernel, 1, dtype=np.float32)
        assert_bits(y, cpool.median_pool2d(x, kernel, 1, where=everything(x), dtype=np.float32))


# Modes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*INTEGERS, np.dtype(bool)], ids=str)
@pytest.mark.parametrize("rank", [2, 3])
def test_small_modes(dtype, rank):
    """2 x 2 and 2 x 2 x 2, also where the last windows are not whole."""
    rng = np.random.default_rng(9)
    for layout, values in (("C", "few"), ("Fortran", "special")):
        x = lay_out(make(rng, (2, 4, 5, 23)[-rank - 1 :], dtype, values), layout)
        function, expected = (getattr(m, f"mode_pool{rank}d") for m in (cpool, reference))
        for own in ({}, {"ties": "first"}, {"ignore": 1}, {"ignore": 0, "ties": "first"}):
            for ceil_mode in (False, True):
                y = function(x, 2, ceil_mode=ceil_mode, **own)
                assert_equal(y, expected(x, 2, ceil_mode=ceil_mode, **own))
                assert_bits(y, function(x, 2, ceil_mode=ceil_mode, where=everything(x), **own))


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 13])
def test_modes_of_any_size(kernel):
    rng = np.random.default_rng(10)
    for dtype, ties in itertools.product(DTYPES, ("smallest", "first")):
        x = make(rng, (14, 15), dtype, "few")
        mask = rng.random(x.shape) < 0.6
        for options in ({}, {"ignore": 1}, {"where": mask, "dtype": np.float64}):
            options = {**options, "ties": ties, "stride": 3}
            y = cpool.mode_pool2d(x, kernel, **options)
            assert_equal(y, reference.mode_pool2d(x, kernel, **options))


def test_what_is_ignored():
    x = np.array([0, 0, 3, 0, 0, 0, 2, 1, 1, 0, 2, 2], np.uint32)
    assert cpool.mode_pool1d(x, 3).tolist() == [0, 0, 1, 2]
    assert cpool.mode_pool1d(x, 3, ignore=0).tolist() == [3, 0, 1, 2]
    for same in (0.0, False, np.int8(0), np.float16(0)):
        assert_equal(cpool.mode_pool1d(x, 3, ignore=same), np.array([3, 0, 1, 2], np.uint32))
    for nothing in (-1, 0.3, 2**40, 10**400, -math.inf):
        assert_equal(cpool.mode_pool1d(x / 2, 3, ignore=nothing), cpool.mode_pool1d(x / 2, 3))
    y = cpool.mode_pool1d([math.nan, math.nan, 7.0, math.nan, math.nan, math.nan], 3,
                          ignore=math.nan)  # fmt: skip
    assert_equal(y, np.array([7.0, math.nan]))


@pytest.mark.parametrize(
    "dtype, allowed, wrong",
    [
        ("uint8", "0 to 255", [1.5, 300, -1, math.nan, math.inf, 256, np.int8(-1)]),
        ("int8", "-128 to 127", [128, -129, 0.5, np.float16(0.5), np.uint64(2**63)]),
        ("int64", "-9223372036854775808 to 9223372036854775807", [2**63, 1e19]),
        (">u2", "0 to 65535", [2**16]),
        ("bool", "0 to 1", [2, -1, 0.5]),
    ],
)
def test_what_cannot_be_ignored(dtype, allowed, wrong):
    """What x's type does not have: for a float anything is right, also what it rounds."""
    x = np.ones((4, 4), dtype)
    calls = [
        lambda ignore: cpool.mode_pool2d(x, 2, ignore=ignore),
        lambda ignore: cpool.vjp(cpool.mode_pool2d, x, 2, ignore=ignore),
        lambda ignore: cpool.adaptive_mode_pool2d(x.tolist(), 2, ignore=ignore)
        if dtype == "int64" else cpool.global_mode_pool(x, axes=0, ignore=ignore),
        lambda ignore: cpool.pool(x, cpool.Mode(ignore=ignore), cpool.pyramid((1, 2))),
        lambda ignore: nn.ModePool2d(2, ignore=ignore)(x),
    ]  # fmt: skip
    name = np.dtype(dtype).newbyteorder("=").name
    for ignore, call in itertools.product(wrong, calls):
        with pytest.raises(ValueError, match=f"ignore must be an integer from {allowed} .* {name}"):
            call(ignore)
        with pytest.raises(ValueError, match="ignore is no"):
            reference.mode_pool2d(x, 2, ignore=ignore)
    limits = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for ignore, call in itertools.product(limits, calls):
        call(ignore)
    for ignore in [*wrong, *limits]:
        cpool.mode_pool2d(x.astype("float16"), 2, ignore=ignore)


@pytest.mark.parametrize("rank", [4, 9, -5])
def test_a_rank_that_no_window_has(rank):
    x = np.arange(16, dtype=np.uint8).reshape(4, 4)
    expected = rf"rank must be from -4 to 3 .* no more elements than 4, .*uint8.*got {rank}"
    for call in (
        lambda: cpool.rank_pool2d(x, 2, rank=rank),
        lambda: cpool.vjp(cpool.rank_pool2d, x, 2, rank=rank),
        lambda: cpool.rank_pool2d(x, 2, rank=rank, where=np.ones(4, bool)),
        lambda: cpool.adaptive_rank_pool2d(x, 2, rank=rank),
        lambda: cpool.rank_pool2d(x.astype(float), 2, rank=rank, dtype="uint8"),
        lambda: cpool.rank_pool(x[:, None], (2, 2), axes=(2, 0), rank=rank),
        lambda: cpool.pool(x, cpool.Rank(rank), cpool.fractional((2, 2), 2, samples=0.5)),
        lambda: cpool.pool(x, cpool.Rank(rank), cpool.fractional((2, 2), 2), rng=0),
        lambda: cpool.pool(x[None], cpool.Rank(rank), cpool.fractional((2, 2), 2), rng=0),
        lambda: cpool.pool(np.stack([x] * 3), cpool.Rank(rank), cpool.fractional((2, 2), 2), rng=0),
    ):
        with pytest.raises(ValueError, match=expected):
            call()
    assert np.isnan(cpool.rank_pool2d(x, 2, rank=rank, dtype="float32")).all()
    with pytest.raises(ValueError, match=r"from -1 to 0 .* than 1,"):
        cpool.rank_pool2d(x, 3, 2, padding=2, rank=rank)
    with pytest.raises(ValueError, match="where leaves a window without an element"):
        cpool.rank_pool2d(x, 2, rank=2, where=x > 1)  # which has some that have three
    with pytest.raises(ValueError, match="kernel_size"):
        cpool.rank_pool2d(x, 5, rank=rank)


def test_nans_equal_one_another():
    x = np.array([math.nan, 1.0, -math.nan, 2.0, 1.0, math.nan, math.nan, 2.0])
    assert_equal(cpool.mode_pool1d(x, 4), np.array([math.nan, math.nan]))
    assert_equal(cpool.mode_pool1d([1.0, math.nan, 1.0, math.nan], 4), np.array([1.0]))
    assert cpool.mode_pool1d([-0.0, 0.0, 1.0], 3).tolist() == [0.0]


# What does not exist ------------------------------------------------------------------------------


def test_ranks_that_a_window_does_not_have():
    """It is as if nothing were there: NaN, or a ValueError."""
    x = np.arange(6.0)
    y = cpool.rank_pool1d(x, 3, rank=2, padding=1)
    assert_equal(y, np.array([math.nan, 4.0]))
    assert_equal(cpool.rank_pool1d(x, 3, rank=-3, padding=1), np.array([math.nan, 2.0]))
    with pytest.raises(ValueError, match="no more elements than 2, as int64 has no NaN"):
        cpool.rank_pool1d(x.astype(int), 3, rank=2, padding=1)
    _, pullback = cpool.vjp(cpool.rank_pool1d, x, 3, rank=2, padding=1)
    assert pullback([1.0, 2.0]).tolist() == [0, 0, 0, 0, 2, 0]


@pytest.mark.parametrize("name", ["median", "trimmed_mean", "mode"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_empty_batches(name, dtype):
    x = np.zeros((0, 4, 6, 6), dtype)
    y, pullback = cpool.vjp(getattr(cpool, f"{name}_pool2d"), x, 3)
    assert y.shape == (0, 4, 2, 2)
    assert pullback(np.zeros(y.shape)).shape == x.shape


def test_greatest_elements_beside_nothing():
    """What does not exist is sorted behind the greatest element, and is none."""
    for dtype in DTYPES:
        most = True if dtype.kind == "b" else np.inf
        most = np.iinfo(dtype).max if dtype.kind in "iu" else most
        x = np.full(8, most, dtype)
        where = np.array([0, 1, 1, 0, 1, 0, 0, 0], bool)
        for function in (cpool.median_pool1d, cpool.mode_pool1d, cpool.trimmed_mean_pool1d):
            y, pullback = cpool.vjp(function, x, 4, where=where, dtype=np.float64)
            assert y.tolist() == [float(most)] * 2
            gx = pullback([2.0, 4.0]).astype(float)
            shared = [0, 2, 0] if function is cpool.mode_pool1d else [0, 1, 1]
            assert gx.tolist() == [*shared, 0, 4, 0, 0, 0]


# Gradients ----------------------------------------------------------------------------------------


def gradient(function, x, *args, **kwargs):
    y, pullback = cpool.vjp(function, np.array(x, float), *args, **kwargs)
    return pullback(np.ones_like(y)).tolist()


def test_the_middle_two_share():
    assert gradient(cpool.median_pool1d, [3, 1, 9, 2], 4) == [0.5, 0, 0, 0.5]
    assert gradient(cpool.median_pool1d, [1, 1], 2) == [0.5, 0.5]
    assert gradient(cpool.median_pool1d, [1, 0, 1, 5], 4) == [0.5, 0, 0.5, 0]
    assert gradient(cpool.quantile_pool1d, [5, 0, 1, 3], 4, q=0.25) == [0, 0.25, 0.75, 0]
    assert gradient(cpool.median_pool1d, [2, 2, 2], 3) == [1, 0, 0]


def test_equals_at_the_cut():
    """Of three equals of which one is cut off, the first two have a part in the mean."""
    assert gradient(cpool.trimmed_mean_pool1d, [1, 1, 1, 4], 4, cut=0.25) == [0.5, 0.5, 0, 0]
    assert gradient(cpool.trimmed_mean_pool1d, [9, 1, 5, 9], 4, cut=0.25) == [0.5, 0, 0.5, 0]
    assert gradient(cpool.trimmed_mean_pool1d, [7] * 4, 4, cut=0.25) == [0.5, 0.5, 0, 0]


def test_the_first_nan_gets_the_gradient():
    x = [1, math.nan, 2, math.nan]
    for function in (cpool.median_pool1d, cpool.trimmed_mean_pool1d):
        assert gradient(function, x, 4) == [0, 1, 0, 0]
    assert gradient(cpool.mode_pool1d, x, 4) == [0, 1, 0, 0]
    assert gradient(cpool.median_pool1d, x, 4, nan_policy="omit") == [0.5, 0, 0.5, 0]


def test_window_order_is_that_of_the_axes():
    """Also where another axis lies closer in memory."""
    x = np.array([[1.0, 2.0], [2.0, 1.0]])
    for order in "CF":
        laid = np.asarray(x, order=order)
        assert cpool.mode_pool2d(laid, 2, ties="first").tolist() == [[1.0]]
        _, pullback = cpool.vjp(cpool.rank_pool2d, laid, 2, rank=-1)
        assert pullback([[1.0]]).tolist() == [[0, 1], [0, 0]]


# Arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make_it, error, match",
    [
        (lambda: cpool.Quantile(1.5), ValueError, "q must be a number from 0 to 1, got 1.5"),
        (lambda: cpool.Quantile("a"), TypeError, "q must be"),
        (lambda: cpool.Quantile(math.nan), ValueError, "q must be"),
        (lambda: cpool.Quantile(0.5, "middle"), ValueError, "method must be one of inverted_cdf"),
        (lambda: cpool.Quantile(0.5, 3), TypeError, "method must be"),
        (lambda: cpool.Rank(1.0), TypeError, "rank must be an int, got 1.0"),
        (lambda: cpool.Rank(True), TypeError, "rank must be"),
        (lambda: cpool.Rank(2**40), ValueError, "rank must be"),
        (lambda: cpool.TrimmedMean(0.5), ValueError, "cut must be a number from 0"),
        (lambda: cpool.TrimmedMean(None), TypeError, "cut must be"),
        (lambda: cpool.Mode("last"), ValueError, "ties must be"),
        (lambda: cpool.Mode(1), TypeError, "ties must be"),
        (lambda: cpool.Mode(ignore="0"), TypeError, "ignore must be a number or None"),
    ],
)
def test_errors(make_it, error, match):
    with pytest.raises(error, match=match):
        make_it()


def test_inputs_are_kept():
    """A pullback does not see what happens to x or to the mask afterwards."""
    x, where = np.arange(8.0), np.arange(8) != 2
    y, pullback = cpool.vjp(cpool.median_pool1d, x, 4, where=where)
    before = pullback(np.ones_like(y))
    x[:], where[:] = 0, True
    assert_bits(pullback(np.ones_like(y)), before)


@pytest.mark.skipif(BFLOAT is None, reason="ml_dtypes is not installed")
def test_gradients_of_narrow_floats_add_up():
    for dtype in (np.float16, BFLOAT):
        x = np.ones(3000, dtype)
        _, pullback = cpool.vjp(cpool.rank_pool1d, x, 1, rank=0)
        assert pullback(np.ones(3000)).astype(float).sum() == 3000
        _, pullback = cpool.vjp(cpool.rank_pool1d, x[:1], 1, 1, rank=0, padding=600,
                                padding_mode="nearest")  # fmt: skip
        assert float(pullback(np.ones(1201))[0]) == float(np.asarray(1201.0).astype(dtype))
