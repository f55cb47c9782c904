"""Fractional windows and pooling: PyTorch's windows, the reference, gradients, randomness."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

import cpool
from cpool import fractional, reference
from cpool.alternatives import __all__ as alternatives

NAMES = [
    f"fractional_{kind}_pool{rank}d" for kind, rank in itertools.product(("max", "avg"), (2, 3))
]


def assert_close(a, b, dtype):
    tolerance = {"f2": 1e-2, "f4": 1e-5}.get(dtype, 1e-12)
    np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=tolerance, atol=tolerance)


# --- windows --------------------------------------------------------------------------------------


def starts(n, kernel, count, sample):
    """PyTorch's, in the sample's type."""
    real = type(sample)
    if count == 1:
        return [n - kernel]
    step = real(n - kernel) / real(count - 1)
    first = [int((real(i) + sample) * step) - int(sample * step) for i in range(count - 1)]
    return [*first, n - kernel]


@pytest.mark.parametrize("real", [float, np.float32])
def test_every_overlapping_geometry(real):
    last = float(np.nextafter(real(1), real(0)))
    for n, kernel in itertools.product(range(1, 13), range(1, 6)):
        for count in range(1, n - kernel + 2):
            for sample in (0.0, 0.25, 0.5, 0.7, 0.999, last):
                expected = starts(n, kernel, count, real(sample))
                table = fractional(kernel, count, samples=real(sample)).table((n,))[0]
                if count == n:
                    expected = list(range(n))  # whatever rounding does
                assert table == [list(range(s, s + kernel)) for s in expected]


def test_every_disjoint_geometry():
    for n in range(1, 40):
        for count, sample in itertools.product(range(1, n + 1), (0.0, 0.3, 0.5, 1 - 2**-53)):
            table = fractional(None, count, samples=sample, overlapping=False).table((n,))[0]
            assert [i for window in table for i in window] == list(range(n))
            assert len(table) == count
            assert {len(window) for window in table} <= {n // count, -(-n // count)} or (
                sample > 0.99  # where rounding moved a border
            )
            assert min(map(len, table)) > 0


def test_distances_are_random():
    """Each is floor(a) or ceil(a); here a = 7 / 4, and the first is 1 where u is below 1/7 or from
    4/7 to 5/7."""
    x = np.broadcast_to(np.arange(8.0), (4000, 1, 8))
    firsts = cpool.fractional_max_pool2d(x, 1, (1, 5), rng=2)[:, 0]
    distances = np.diff(firsts, axis=1)
    assert set(distances.ravel()) == {1, 2}
    short = (distances[:, 0] == 1).sum()
    expected, deviation = 4000 * 2 / 7, np.sqrt(4000 * 2 / 7 * 5 / 7)
    assert abs(short - expected) < 4 * deviation
    # All distances, but for the last one, which goes to the end of the axis, are alike.
    assert ((distances[:, :-1] == 1).sum(0) - expected < 4 * deviation).all()


# --- their distribution ---------------------------------------------------------------------------

#: Lengths, kernel size (None: one window after the other) and number of windows of two axes.
DRAWN = [((8, 11), (1, 2), (5, 6)), ((9, 20), (2, 3), (4, 8)), ((11, 7), None, (7, 5))]


def sequence(n, kernel, count, u):
    """First elements of the windows, of an exact u."""
    room, steps = (n, count) if kernel is None else (n - kernel, count - 1)
    a = Fraction(room, steps)
    starts = [math.floor(a * (i + u)) - math.floor(a * u) for i in range(steps)]
    return tuple(starts if kernel is None else [*starts, room])


def chances(n, kernel, count):
    """Each sequence of starts, and the share of [0, 1) whose u give it."""
    a = Fraction(n, count) if kernel is None else Fraction(n - kernel, count - 1)
    # Somewhere in i, a (i + u) is whole, or a u is: u is a multiple of 1 over a's numerator.
    part = Fraction(1, a.numerator)
    found = {}
    for i in range(a.numerator):
        starts = sequence(n, kernel, count, (i + Fraction(1, 2)) * part)
        assert starts == sequence(n, kernel, count, i * part)
        found[starts] = found.get(starts, 0) + part
    assert sum(found.values()) == 1
    assert len(found) > 2
    return found


def p_value(drawn, of):
    """Chi-square: how likely are draws that are further from their chances than these."""
    assert set(drawn) <= set(of)
    counts = np.array([drawn.count(each) for each in of])
    return stats.chisquare(counts, [float(len(drawn) * share) for share in of.values()]).pvalue


def crossed(*each):
    """The chances of what are independent of one another."""
    return {
        tuple(key for key, _ in pairs): math.prod(share for _, share in pairs)
        for pairs in itertools.product(*(of.items() for of in each))
    }


def drawn(kind, lengths, kernel, count, shape, rng):
    """For each plane the starts of its windows along each axis, read from what is pooled: numbers
    that tell where they are."""
    rank = len(lengths)
    places = np.indices(lengths)
    units = 100.0 ** np.arange(rank)
    x = np.broadcast_to(np.tensordot(units, places, 1), (*shape, *lengths))
    reach = np.array([1] * rank if kernel is None else kernel) - 1
    if kernel is None:
        # The minimum is the first element; of fractional_max_pool that of the negative.
        y = -getattr(cpool, f"fractional_{kind}_pool{rank}d")(
            -x, None, count, rng=rng, overlapping=False
        )
    else:
        y = getattr(cpool, f"fractional_{kind}_pool{rank}d")(x, kernel, count, rng=rng)
        y = y - units @ (reach if kind == "max" else reach / 2)
    planes = []
    for plane in y.reshape(-1, *count).round().astype(int):
        digits = [plane // int(unit) % 100 for unit in units]
        planes.append(tuple(
            tuple(np.moveaxis(digit, axis, 0).reshape(count[axis], -1)[:, 0].tolist())
            for axis, digit in enumerate(digits)
        ))  # fmt: skip
    return planes


@pytest.mark.parametrize(
    "kind, lengths, kernel, count",
    [("max", *each) for each in DRAWN] + [("avg", *each) for each in DRAWN[:2]],
)
def test_windows_have_the_chances_that_are_promised(kind, lengths, kernel, count):
    """Chi-square, of a fixed seed: along each axis each sequence is as frequent as its share of
    u's; axes, channels and examples are independent. What is nearly that is told from it."""
    kernels = [None] * 2 if kernel is None else kernel
    each = [chances(*axis) for axis in zip(lengths, kernels, count, strict=True)]
    planes = drawn(kind, lengths, kernel, count, (2000, 2), 12)
    for axis, of in enumerate(each):
        found = [plane[axis] for plane in planes]
        assert p_value(found, of) > 1e-3
        # As if every sequence were as likely, or u were less often large.
        assert p_value(found, dict.fromkeys(of, Fraction(1, len(of)))) < 1e-6
        rng = np.random.default_rng(0)
        size = (lengths[axis], kernels[axis], count[axis])
        skewed = [sequence(*size, Fraction(rng.random() ** 1.5)) for _ in planes]
        assert p_value(skewed, of) < 1e-6
    assert p_value(planes, crossed(*each)) > 1e-3
    for axis, of in enumerate(each):
        found = [plane[axis] for plane in planes]
        between_channels = list(zip(found[::2], found[1::2], strict=True))
        between_examples = list(zip(found[::4], found[2::4], strict=True))
        assert p_value(between_channels, crossed(of, of)) > 1e-3
        assert p_value(between_examples, crossed(of, of)) > 1e-3
        # As if all channels had the same windows.
        assert p_value([(one, one) for one in found], crossed(of, of)) < 1e-6
    shared = [Fraction(u) for u in np.random.default_rng(0).random(len(planes))]
    sizes = list(zip(lengths, kernels, count, strict=True))
    same_of_axes = [tuple(sequence(*size, u) for size in sizes) for u in shared]
    assert p_value(same_of_axes, crossed(*each)) < 1e-6


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_windows_over_three_axes_have_the_chances_that_are_promised(kind):
    lengths, kernel, count = (8, 6, 7), (1, 2, 2), (5, 4, 5)
    each = [chances(*axis) for axis in zip(lengths, kernel, count, strict=True)]
    planes = drawn(kind, lengths, kernel, count, (1500, 2), 3)
    for axis, of in enumerate(each):
        assert p_value([plane[axis] for plane in planes], of) > 1e-3
    for pair in itertools.combinations(range(3), 2):
        found = [tuple(plane[axis] for axis in pair) for plane in planes]
        assert p_value(found, crossed(*(each[axis] for axis in pair))) > 1e-3


def test_seeds_and_calls_have_the_chances_that_are_promised():
    """The first plane of one seed after the other, and of the calls of one generator."""
    size = (8, 11), (1, 2), (5, 6)
    each = [chances(*axis) for axis in zip(*size, strict=True)]
    rng = np.random.default_rng(1)
    of_seeds = [drawn("max", *size, (1,), seed)[0] for seed in range(2000)]
    of_calls = [drawn("max", *size, (1,), rng)[0] for _ in range(2000)]
    for planes in (of_seeds, of_calls):
        assert p_value(planes, crossed(*each)) > 1e-3
        first = [plane[0] for plane in planes]
        assert p_value(list(zip(first[::2], first[1::2], strict=True)),
                       crossed(each[0], each[0])) > 1e-3  # fmt: skip


def test_float32_samples_are_computed_in_float32():
    """Somewhere the two differ: that is why the type counts."""
    rng = np.random.default_rng(5)
    single = rng.random(20000).astype(np.float32)
    different = 0
    for u in single:
        a = fractional(1, 1000, samples=u).table((9000,))
        b = fractional(1, 1000, samples=float(u)).table((9000,))
        different += a != b
        if different:
            break
    assert different
    assert fractional(1, 3, samples=np.float32(0.5)) != fractional(1, 3, samples=0.5)


WINDOWS = [
    fractional(2, 3),
    fractional((2, 2), 3),
    fractional(2, (3, 3)),
    fractional(2, output_ratio=0.5),
    fractional(2, output_ratio=(0.5, 0.5)),
    fractional(2, 3, samples=0.25),
    fractional(2, 3, samples=np.float32(0.25)),
    fractional(2, 3, samples=(0.25, 0.25)),
    fractional(2, 3, samples=np.array([0.25, 0.5], np.float32)),
    fractional(None, 3, samples=0.25, overlapping=False),
    fractional(None, 3, overlapping=False),
]


@pytest.mark.parametrize("windows", WINDOWS, ids=repr)
def test_repr_pickle_and_copy(windows):
    copies = [
        eval(repr(windows), {"fractional": fractional, "np": np}),
        pickle.loads(pickle.dumps(windows)),
        copy.copy(windows),
        copy.deepcopy(windows),
    ]
    for other in copies:
        assert other == windows
        assert hash(other) == hash(windows)
        assert repr(other) == repr(windows)


def test_different_ones_are_not_equal():
    assert WINDOWS[1] == WINDOWS[2] == fractional((2, 2), (3, 3))
    assert len(set(WINDOWS)) == len(WINDOWS) - 1


def test_properties():
    windows = fractional((2, 3), output_ratio=0.5, samples=(0.25, 0.5))
    assert windows.kernel_size == (2, 3)
    assert windows.output_size is None
    assert windows.output_ratio == (0.5, 0.5)
    assert windows.samples == (0.25, 0.5)
    assert windows.overlapping is True
    assert windows.ndim == 2
    assert fractional(2, 3).samples is None
    assert fractional(2, 3).output_shape((9, 8)) == (3, 3)
    assert fractional(2, output_ratio=0.7).output_shape((9,)) == (int(9 * 0.7),)
    assert isinstance(fractional(2, 3, samples=np.float32(0.5)).samples, np.float32)


@pytest.mark.parametrize(
    "arguments, options, error, message",
    [
        ((2,), {}, ValueError, "either output_size or output_ratio"),
        ((2, 3, 0.5), {}, ValueError, "either output_size or output_ratio"),
        ((None, 3), {}, TypeError, "kernel_size must be an int"),
        ((2.0, 3), {}, TypeError, "kernel_size must be an int"),
        ((2, 3.0), {}, TypeError, "output_size must be an int"),
        ((2, 0), {}, ValueError, "output_size must be at least 1, got 0"),
        ((2, (3, 3, 3, 3)), {}, ValueError, "output_size must have 1 to 3 entries"),
        (((2, 2), (3, 3, 3)), {}, ValueError, "as many entries"),
        ((2, None, 1.0), {}, ValueError, "output_ratio must be between 0 and 1"),
        ((2, None, 0), {}, ValueError, "output_ratio must be between 0 and 1"),
        ((2, None, float("nan")), {}, ValueError, "output_ratio must be between 0 and 1"),
        ((2, None, "0.5"), {}, TypeError, "output_ratio must be a number"),
        ((2, None, True), {}, TypeError, "output_ratio must be a number"),
        ((2, 3), {"samples": 1.0}, ValueError, "samples must be at least 0 and less than 1"),
        ((2, 3), {"samples": -0.1}, ValueError, "samples must be at least 0 and less than 1"),
        ((2, 3), {"samples": (0.1, 2.0)}, ValueError, "samples must be at least 0"),
        ((2, 3), {"samples": "a"}, TypeError, "samples must be a number"),
        ((2, 3), {"samples": (0.1,) * 4}, ValueError, "samples must have 1 to 3 entries"),
        ((2, 3), {"overlapping": 1}, TypeError, "overlapping must be a bool"),
        ((2, 3), {"overlapping": False}, ValueError, "kernel_size must be None"),
    ],
)
def test_wrong_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        fractional(*arguments, **options)


def test_windows_that_do_not_fit():
    for windows in (fractional(3, 3), fractional(3, 3, samples=0.5)):
        assert windows.output_shape((5,)) == (3,)
        with pytest.raises(ValueError, match="output_size 3 gives more windows than there are"):
            windows.output_shape((4,))
    with pytest.raises(ValueError, match="output_size 4 gives more windows"):
        fractional(None, 4, samples=0.5, overlapping=False).output_shape((3,))
    with pytest.raises(ValueError, match="output_ratio must leave a window"):
        fractional(1, output_ratio=0.2).output_shape((4,))
    with pytest.raises(ValueError, match=r"output_ratio 0\.9 gives more windows"):
        fractional(3, output_ratio=0.9).output_shape((9,))
    with pytest.raises(ValueError, match="samples must be given"):
        fractional(2, 3).table((9,))
    with pytest.raises(ValueError, match="must not be empty"):
        cpool.pool(np.ones((2, 0)), "max", fractional((1,), 1, samples=0.5))
    assert fractional(2**40, 5, samples=0.5).output_shape((2**60,)) == (5,)


# --- any reduction over them ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i2", "u8"])
@pytest.mark.parametrize("reduction", ["max", "min", "sum", "mean"])
def test_one_sample_for_all_planes(reduction, dtype):
    """Windows with gaps, clipped to one, and in all layouts: against slices of x."""
    rng = np.random.default_rng(3)
    function = {"max": np.max, "min": np.min, "sum": np.sum, "mean": np.mean}[reduction]
    for _ in range(40):
        rank = int(rng.integers(1, 4))
        lengths = rng.integers(1, 11, rank)
        overlapping = bool(rng.integers(2))
        kernel = [int(rng.integers(1, n + 1)) for n in lengths]
        count = [
            int(rng.integers(1, (n - k + 1 if overlapping else n) + 1))
            for n, k in zip(lengths, kernel, strict=True)
        ]
        windows = fractional(
            tuple(kernel) if overlapping else None, tuple(count),
            samples=tuple(rng.random(rank)), overlapping=overlapping,
        )  # fmt: skip
        x = rng.integers(0, 50, (2, *lengths, 3)).astype(dtype)
        before = x.copy()
        y = cpool.pool(x, reduction, windows, channels_last=True)
        tables = windows.table(lengths)
        for cell in np.ndindex(*count):
            window = x[(slice(None), *np.ix_(*(t[o] for t, o in zip(tables, cell, strict=True))))]
            value = function(window.astype(float), tuple(range(1, rank + 1)))
            assert_close(y[(slice(None), *cell)], value, dtype)
        moved = np.moveaxis(x, -1, 0)
        np.testing.assert_array_equal(
            cpool.pool(moved, reduction, windows, axes=tuple(range(2, 2 + rank))),
            np.moveaxis(y, -1, 0),
        )
        np.testing.assert_array_equal(x, before)


def test_drawn_windows_with_any_reduction():
    x = np.random.default_rng(0).standard_normal((3, 4, 9, 8))
    windows = fractional((2, 3), (4, 5))
    maximum = cpool.pool(x, "max", windows, rng=7)
    np.testing.assert_array_equal(
        maximum, cpool.fractional_max_pool2d(x, (2, 3), (4, 5), rng=7)
    )
    total = cpool.pool(x, "sum", windows, rng=7)
    mean = cpool.pool(x, cpool.Mean(divisor_override=3), windows, rng=7)
    np.testing.assert_allclose(mean, total / 3)
    mixed = cpool.pool(x, cpool.Mixed(0.25), windows, rng=7)
    np.testing.assert_allclose(mixed, 0.25 * maximum + 0.75 * total / 6)
    y, pullback = cpool.vjp(
        cpool.pool, x, cpool.Mixed(0.25), windows, rng=7, wrt=("x", "alpha")
    )
    np.testing.assert_array_equal(y, mixed)
    gx, galpha = pullback(np.ones_like(y))
    np.testing.assert_allclose(galpha, (maximum - total / 6).sum())
    np.testing.assert_allclose(gx.sum(), y.size)
    with pytest.raises(ValueError, match="rng must be None for max"):
        cpool.pool(x, "max", fractional((2, 3), (4, 5), samples=0.5), rng=7)


def test_axes_in_any_order():
    """Windows follow the axes as given; planes are those of the axes that are left."""
    x = np.random.default_rng(0).standard_normal((9, 3, 8, 2))
    there = cpool.pool(x, "max", fractional((2, 3), (4, 5)), axes=(0, 2), rng=1)
    moved = np.moveaxis(x, (0, 2), (2, 3))
    np.testing.assert_array_equal(
        np.moveaxis(there, (0, 2), (2, 3)),
        cpool.pool(moved, "max", fractional((2, 3), (4, 5)), rng=1),
    )
    assert cpool.pool(x, "max", fractional((2, 3), (4, 5)), axes=(2, 0), rng=1).shape == (
        5, 3, 4, 2
    )  # fmt: skip


def one_by_one(x, reduction, windows, samples, gy, where=None, **options):
    """Values and gradients of planes along the first two axes, a call for each."""
    y, gx = np.empty_like(gy), np.empty_like(x)
    for plane in np.ndindex(*x.shape[:2]):
        own = fractional(
            windows.kernel_size, windows.output_size, samples=samples[plane],
            overlapping=windows.overlapping,
        )  # fmt: skip
        there = None if where is None else where[plane]
        y[plane], pullback = cpool.vjp(
            cpool.pool, x[plane], reduction, own, where=there, **options
        )
        gx[plane] = pullback(gy[plane])
    return y, gx


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("windows", [fractional((2, 3), (5, 4)), fractional(
    None, (5, 4), overlapping=False), fractional((1, 4), (3, 9)), fractional((9, 1), (1, 12)),
])  # fmt: skip
@pytest.mark.parametrize(
    "reduction",
    ["max", "min", "mean", "sum", "median", cpool.Lp(3), cpool.LogSumExp(), cpool.Mixed(0.3)],
)
def test_each_plane_has_windows_of_its_own(reduction, windows, channels_last, monkeypatch):
    """More planes than are copied together, and some that are left; masks, and NaNs."""
    rng = np.random.default_rng(5)
    x, samples = rng.standard_normal((2, 37, 9, 12)), rng.random((2, 37, 2))
    gy = rng.standard_normal((2, 37, *windows.output_size))
    hole = np.where(rng.random(x.shape) < 0.03, np.nan, x)
    monkeypatch.setattr("cpool.planes.philox", lambda rng: Given(samples))
    for given, options in (
        (x, {}),
        (x, {"where": rng.random(x.shape) < 0.9}),
        (hole, {"nan_policy": "omit"}),
    ):
        expected = one_by_one(given, reduction, windows, samples, gy, **options)
        axes = (2, 3)
        if channels_last:
            given = np.moveaxis(np.ascontiguousarray(np.moveaxis(given, 1, -1)), -1, 1)
        for threads in (1, 2):
            with cpool.num_threads(threads):
                y, pullback = cpool.vjp(
                    cpool.pool, given, reduction, windows, axes=axes, **options
                )
                actual = y, pullback(gy)
            for one, other in zip(actual, expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reduction", [cpool.SoftMean(), cpool.Stochastic(training=False)])
def test_each_plane_of_a_large_array(reduction, monkeypatch):
    """Of arrays that means with weights take a part at a time."""
    rng = np.random.default_rng(5)
    windows = fractional((2, 2), (13, 13))
    x, samples = rng.standard_normal((2, 90, 30, 30)), rng.random((2, 90, 2))
    gy = rng.standard_normal((2, 90, 13, 13))
    monkeypatch.setattr("cpool.planes.philox", lambda rng: Given(samples))
    y, pullback = cpool.vjp(cpool.pool, x, reduction, windows, axes=(2, 3))
    expected = one_by_one(x, reduction, windows, samples, gy)
    for one, other in zip((y, pullback(gy)), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


class Given:
    """In place of a generator: numbers that are known."""

    def __init__(self, samples):
        self.samples = samples

    def random(self, shape):
        return self.samples.reshape(shape)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i2", "u1", "i8"])
def test_positions_of_each_plane(dtype):
    """Of planes of one tile and of many, of rows too long to be selected at each element, in all
    layouts, with ties: against windows that are looked through."""
    rng = np.random.default_rng(6)
    for shape, kernel, count, overlapping in (
        ((2, 19, 13, 14), (2, 3), (7, 6), True),
        ((2, 19, 13, 14), None, (5, 9), False),
        ((1, 2, 300, 41), (3, 2), (120, 30), True),
        ((1, 2, 5, 4000), (2, 2), (3, 2500), True),
        ((1, 2, 4, 900), (2, 12), (3, 70), True),
    ):
        x = rng.integers(0, 6, shape).astype(dtype)
        samples = rng.random((*shape[:2], 2))
        windows = fractional(kernel, count, overlapping=overlapping)
        expected = np.empty((*shape[:2], *count), np.int64)
        for plane in np.ndindex(*shape[:2]):
            own = fractional(kernel, count, samples=samples[plane], overlapping=overlapping)
            rows, columns = own.table(shape[2:])
            for i, j in np.ndindex(*count):
                window = x[plane][np.ix_(rows[i], columns[j])]
                at = np.unravel_index(np.argmax(window), window.shape)
                expected[(*plane, i, j)] = rows[i][at[0]] * shape[3] + columns[j][at[1]]
        call = cpool.fractional_max_pool2d
        given = {"return_indices": True, "_random_samples": samples[..., ::-1]}
        y, found = call(x, kernel, count, overlapping=windows.overlapping, **given)
        np.testing.assert_array_equal(found, expected)
        values = np.take_along_axis(x.reshape(*shape[:2], -1), found.reshape(*shape[:2], -1), 2)
        np.testing.assert_array_equal(y, values.reshape(y.shape))
        last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        y_last, found = call(
            last, kernel, count, overlapping=overlapping, channels_last=True, **given
        )
        np.testing.assert_array_equal(np.moveaxis(found, -1, 1), expected)
        np.testing.assert_array_equal(np.moveaxis(y_last, -1, 1), y)


def test_planes_with_equal_samples_are_pooled_together():
    x = np.random.default_rng(0).standard_normal((6, 9, 9))
    samples = np.array([0.1, 0.7, 0.1, 0.4, 0.7, 0.1])[:, None] * [1, 0.5]
    y, pullback = cpool.vjp(cpool.fractional_max_pool2d, x, 2, 4, _random_samples=samples)
    gy = np.random.default_rng(1).standard_normal(y.shape)
    gx = pullback(gy)
    for plane in range(6):
        one, back = cpool.vjp(
            cpool.fractional_max_pool2d, x[plane], 2, 4, _random_samples=samples[plane]
        )
        np.testing.assert_array_equal(y[plane], one)
        np.testing.assert_array_equal(gx[plane], back(gy[plane]))


# --- PyTorch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_values_and_indices_are_those_of_pytorch(rank, dtype):
    torch = pytest.importorskip("torch")
    name = f"fractional_max_pool{rank}d"
    theirs, ours = getattr(torch.nn.functional, name), getattr(cpool, name)
    rng = np.random.default_rng(4)
    for _ in range(80):
        kernel = tuple(map(int, rng.integers(1, 4, rank)))
        lengths = [int(rng.integers(k + 1, 14)) for k in kernel]
        count = tuple(
            int(rng.integers(1, n - k + 1)) for n, k in zip(lengths, kernel, strict=True)
        )
        lead = tuple(rng.integers(1, 4, 2 - rng.integers(2)))
        x = rng.standard_normal((*lead, *lengths)).astype(dtype)
        if rng.random() < 0.3:
            x[rng.random(x.shape) < 0.05] = np.nan
        samples = rng.random((*([1] if len(lead) == 1 else []), *lead, rank)).astype(dtype)
        values, indices = ours(
            x, kernel, count, return_indices=True, _random_samples=samples
        )
        expected = theirs(
            torch.tensor(x), kernel, count, return_indices=True,
            _random_samples=torch.tensor(samples),
        )  # fmt: skip
        np.testing.assert_array_equal(values, expected[0].numpy())
        # Of several NaNs the first is found here, the last one there.
        theirs_at = np.where(np.isnan(values), indices, expected[1].numpy())
        np.testing.assert_array_equal(indices, theirs_at)


def test_gradients_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x, samples = rng.standard_normal((2, 3, 11, 9)), rng.random((2, 3, 2))
    tensor = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.fractional_max_pool2d(
        tensor, 2, output_ratio=(0.6, 0.6), _random_samples=torch.tensor(samples)
    )
    gy = rng.standard_normal(tuple(expected.shape))
    expected.backward(torch.tensor(gy))
    y, pullback = cpool.vjp(
        cpool.fractional_max_pool2d, x, 2, output_ratio=0.6, _random_samples=samples
    )
    np.testing.assert_array_equal(y, expected.detach().numpy())
    np.testing.assert_allclose(pullback(gy), tensor.grad.numpy(), rtol=1e-12)


# --- the functions --------------------------------------------------------------------------------


def layouts(x):
    yield x
    yield x.astype(x.dtype.newbyteorder())
    yield np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    yield np.asfortranarray(x)
    yield x.tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i4"])
def test_against_the_reference(name, dtype):
    rank = int(name[-2])
    rng = np.random.default_rng(6)
    ours, theirs = getattr(cpool, name), getattr(reference, name)
    calls = [
        ((2,), {"output_size": 3}),
        (((3, 2, 1)[:rank],), {"output_size": (2, 4, 3)[:rank]}),
        ((2,), {"output_ratio": 0.55}),
        ((1,), {"output_ratio": (0.3, 0.6, 0.9)[:rank]}),
        ((None,), {"output_size": 4, "overlapping": False}),
        ((None,), {"output_ratio": 0.7, "overlapping": False}),
    ]
    for arguments, options in calls:
        for lead, channels_last in [((), False), ((2,), False), ((2, 3), False), ((2,), True)]:
            shape = (*lead, *(7, 6, 5)[:rank], *([3] if channels_last else []))
            x = rng.integers(-40, 40, shape).astype(dtype)
            seed = int(rng.integers(100))
            given = {**options, "channels_last": channels_last, "rng": seed}
            expected = theirs(x, *arguments, **given)
            for array in layouts(x) if len(lead) == 2 and dtype == "f8" else [x]:
                y = ours(array, *arguments, **given)
                assert y.dtype == expected.dtype
                assert_close(y, expected, dtype)
            if "max" in name:
                y, indices = ours(x, *arguments, return_indices=True, **given)
                expected = theirs(x, *arguments, return_indices=True, **given)
                np.testing.assert_array_equal(y, expected[0])
                np.testing.assert_array_equal(indices, expected[1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("overlapping", [True, False])
def test_gradients_against_differences(name, overlapping):
    rank = int(name[-2])
    rng = np.random.default_rng(8)
    shape = {2: (2, 5, 6), 3: (2, 3, 4, 4)}[rank]
    x = rng.permutation(np.prod(shape)).reshape(shape) / 7
    where = rng.random(shape) < 0.8
    arguments = (2 if overlapping else None, (2, 3, 3)[-rank:])
    options = {"rng": 5, "overlapping": overlapping, "where": where}
    function = getattr(cpool, name)
    y, pullback = cpool.vjp(function, x, *arguments, **options)
    gy = np.where(np.isnan(y), 0, rng.standard_normal(y.shape))
    gx, step = pullback(gy), 1e-6
    for index in np.ndindex(*x.shape):
        high, low = x.copy(), x.copy()
        high[index] += step
        low[index] -= step
        change = function(high, *arguments, **options) - function(low, *arguments, **options)
        expected = (gy * np.nan_to_num(change)).sum() / (2 * step)
        np.testing.assert_allclose(gx[index], expected, atol=1e-6)


def test_generators():
    x = np.random.default_rng(0).standard_normal((4, 5, 20, 21)).astype("f4")
    call = cpool.fractional_max_pool2d

    def pooled(rng):
        return call(x, 2, output_ratio=0.71, rng=rng)

    np.testing.assert_array_equal(pooled(3), pooled(3))
    np.testing.assert_array_equal(pooled(3), pooled(np.int8(3)))
    assert not np.array_equal(pooled(3), pooled(4))
    assert not np.array_equal(pooled(None), pooled(None))
    one, other = np.random.default_rng(9), np.random.default_rng(9)
    first, second = pooled(one), pooled(one)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, pooled(other))
    # Advanced once, and by the same amount whatever the shape.
    call(x[0, 0], 2, 3, rng=other)
    assert one.integers(2**60) == other.integers(2**60)
    # Planes are told apart, and are the same ones channels last.
    same = np.broadcast_to(x[0, 0], x.shape)
    planes = call(same, 2, output_ratio=0.71, rng=3).reshape(20, -1)
    assert len(np.unique(planes, axis=0)) > 10
    last = call(np.moveaxis(x, 1, -1), 2, output_ratio=0.71, rng=3, channels_last=True)
    np.testing.assert_array_equal(np.moveaxis(last, -1, 1), pooled(3))
    for threads in (1, 2, 3):
        with cpool.num_threads(threads):
            np.testing.assert_array_equal(pooled(3), planes_of(x))
    y, _ = cpool.vjp(call, x, 2, output_ratio=0.71, rng=3)
    np.testing.assert_array_equal(y, pooled(3))


def planes_of(x):
    """The same, from the numbers that numpy.random.Philox draws."""
    samples = np.random.Generator(np.random.Philox(3)).random((*x.shape[:2], 2))
    return cpool.fractional_max_pool2d(
        x, 2, output_ratio=0.71, _random_samples=samples[..., ::-1]
    )


def test_options():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 4, 9, 9))
    call = cpool.fractional_max_pool2d
    plain = call(x, 2, 4, rng=0)
    out = np.empty(plain.shape)
    assert call(x, 2, 4, rng=0, out=out) is out
    np.testing.assert_array_equal(out, plain)
    rounded = call(10 * x, 2, 4, rng=0, dtype=np.int8)
    np.testing.assert_array_equal(rounded, np.rint(10 * plain).astype(np.int8))
    hole = x.copy()
    hole[0, 0, 3:6, 3:6] = np.nan
    omitted = call(hole, 2, 4, rng=0, nan_policy="omit")
    np.testing.assert_array_equal(omitted, call(x, 2, 4, rng=0, where=~np.isnan(hole)))
    assert np.isnan(call(hole, 2, 4, rng=0)).sum() > np.isnan(omitted).sum()
    with pytest.raises(ValueError, match="has a NaN"):
        call(hole, 2, 4, rng=0, nan_policy="raise")
    empty = call(np.empty((0, 4, 9, 9), "f4"), 2, 4, return_indices=True)
    assert [(each.shape, each.dtype) for each in empty] == [
        ((0, 4, 4, 4), np.float32), ((0, 4, 4, 4), np.int64)
    ]  # fmt: skip
    y, pullback = cpool.vjp(call, np.empty((0, 4, 9, 9), "f4"), 2, 4)
    assert pullback(y).shape == (0, 4, 9, 9)
    _, pullback = cpool.vjp(call, x.astype("f2"), 2, 4, rng=0)
    assert pullback(plain).dtype == np.float16
    _, pullback = cpool.vjp(call, x.astype("i2"), 2, 4, rng=0)
    assert pullback(plain).dtype == np.float64


def test_a_pullback_keeps_what_it_needs():
    rng = np.random.default_rng(1)
    x, samples = rng.standard_normal((3, 9, 9)), rng.random((3, 2))
    where = rng.random(x.shape) < 0.8
    calls = [cpool.fractional_max_pool2d, cpool.fractional_avg_pool2d]
    for call in calls:
        given, seen, mask = x.copy(), samples.copy(), where.copy()
        y, pullback = cpool.vjp(call, given, 2, 4, _random_samples=seen, where=mask)
        first = pullback(np.ones_like(y))
        given[:], seen[:], mask[:] = 0, 0, True
        np.testing.assert_array_equal(pullback(np.ones_like(y)), first)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"_random_samples": np.zeros((2, 3, 3))}, ValueError, r"must have the shape \(2, 3, 2\)"),
        ({"_random_samples": np.zeros(2)}, ValueError, r"must have the shape \(2, 3, 2\)"),
        ({"_random_samples": np.ones((2, 3, 2))}, ValueError, "samples must be at least 0"),
        ({"_random_samples": np.zeros((2, 3, 2), complex)}, TypeError, "complex"),
        ({"_random_samples": np.zeros((2, 3, 2)), "rng": 1}, ValueError, "rng must be None"),
        ({"rng": 1.5}, TypeError, "rng must be None, an int or a numpy.random.Generator"),
        ({"rng": True}, TypeError, "rng must be None, an int or a numpy.random.Generator"),
        ({"rng": -1}, ValueError, "rng must not be negative"),
        ({"rng": np.random.RandomState(0)}, TypeError, "rng must be None, an int"),
        ({"return_indices": 1}, TypeError, "return_indices must be a bool"),
        ({"channels_last": 1}, TypeError, "channels_last must be a bool"),
        ({"axes": (0, 1)}, TypeError, r"fractional_max_pool2d\(\) got an unexpected keyword"),
        ({"where": np.ones(9)}, TypeError, "where must be an array of bool"),
        ({"where": np.ones(5, bool)}, ValueError, "where must broadcast"),
        ({"out": np.empty((2, 3, 4, 5))}, ValueError, "out must have the result's shape"),
        ({"out": np.empty((2, 3, 4, 4), "f4")}, TypeError, "out must have the result's dtype"),
        ({"nan_policy": "none"}, ValueError, "nan_policy must be"),
        ({"output_ratio": 0.5}, ValueError, "either output_size or output_ratio"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        cpool.fractional_max_pool2d(np.ones((2, 3, 9, 9)), 2, 4, **options)


def test_out_may_not_overlap():
    x = np.ones((2, 3, 9, 9))
    with pytest.raises(ValueError, match="out must not overlap"):
        cpool.fractional_max_pool2d(x, 2, 4, out=x[:, :, :4, :4])
    x = np.ones((1, 1, 9, 9))
    with pytest.raises(ValueError, match="out must not overlap"):
        cpool.fractional_max_pool2d(x, 2, 4, out=x[:, :, :4, :4])


def test_gradients_are_checked():
    _, pullback = cpool.vjp(cpool.fractional_avg_pool2d, np.ones((2, 3, 9, 9)), 2, 4)
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        pullback(np.ones((2, 3, 4, 5)))


def test_names():
    assert set(NAMES) <= set(alternatives) <= set(cpool.__all__)
    for name in NAMES:
        function = getattr(cpool, name)
        assert function.__name__ == name
        assert "References" in function.__doc__
        assert pickle.loads(pickle.dumps(function)) is function
