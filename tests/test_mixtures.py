"""Mixed, gated and S3 pooling: the reference, differences, distributions, errors."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

import cpool
from cpool import reference

ml_dtypes = pytest.importorskip("ml_dtypes")

TOLERANCES = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-6}


def assert_close(y, expected):
    assert y.dtype == expected.dtype
    assert y.shape == expected.shape
    tolerance = TOLERANCES.get(y.dtype.name, 1e-12)
    wide = float if y.dtype.kind not in "iu" else y.dtype
    np.testing.assert_allclose(
        y.astype(wide), expected.astype(wide), rtol=tolerance, atol=tolerance
    )


def random_call(rng, rank):
    """Sizes and options of windows that fit."""
    lengths = rng.integers(4, 8, rank)
    kernel = tuple(map(int, rng.integers(1, 4, rank)))
    options = {
        "stride": None if rng.integers(2) else tuple(map(int, rng.integers(1, 4, rank))),
        "padding": [0, tuple((int(a), int(b)) for a, b in rng.integers(0, 2, (rank, 2))), "same",
                    "same_lower"][rng.integers(4)],
        "dilation": 1 if rng.integers(2) else (1, 2, 1)[:rank],
        "ceil_mode": bool(rng.integers(2)),
        "padding_mode": ["constant", "reflect", "mirror", "nearest", "wrap"][rng.integers(5)],
    }  # fmt: skip
    return lengths, kernel, options


def fits(call):
    """Whether a call has windows at all, none of them wholly in padding."""
    try:
        call()
    except ValueError:
        return False
    return True


def own_of(name, rng, kernel):
    if name == "mixed_pool":
        return {"alpha": float(rng.choice([0, 0.25, 0.7, 1]))}
    return {"weight": rng.standard_normal(kernel) / 4, "bias": float(rng.standard_normal())}


# --- mixed and gated ------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", ["mixed_pool", "gated_pool"])
def test_against_the_reference(name, rank):
    rng = np.random.default_rng(rank)
    dtypes = ["f8", "f4", "f2", ml_dtypes.bfloat16, "i4", "u1", ">f8", "?"]
    done = 0
    for i in range(60):
        lengths, kernel, options = random_call(rng, rank)
        channels_last = bool(rng.integers(2))
        shape = (2, *lengths, 3) if channels_last else (2, 3, *lengths)
        x = (4 * rng.standard_normal(shape)).astype(dtypes[i % len(dtypes)])
        options.update(own_of(name, rng, kernel), channels_last=channels_last)
        if rng.integers(3) == 0 and x.dtype.kind == "f":
            x[rng.random(shape) < 0.1] = np.nan
            options["nan_policy"] = ["propagate", "omit"][rng.integers(2)]
        if rng.integers(3) == 0:
            options["where"] = rng.random(shape) < 0.8
        before = x.copy()
        theirs, ours = getattr(reference, f"{name}{rank}d"), getattr(cpool, f"{name}{rank}d")
        expected = None
        if not fits(lambda: theirs(x, kernel, **options)):  # noqa: B023
            with pytest.raises(ValueError, match=r"padding|kernel_size"):
                ours(x, kernel, **options)
            continue
        expected = theirs(x, kernel, **options)
        assert_close(ours(x, kernel, **options), expected)
        np.testing.assert_array_equal(x, before)
        # The n-dimensional form, axes in any order; and with a pullback.
        axes = np.arange(rank) + (1 if channels_last else 2)
        order = rng.permutation(rank)

        def turned(value, order=order):
            if isinstance(value, tuple):
                return tuple(value[j] for j in order)
            return value.transpose(order) if isinstance(value, np.ndarray) else value

        names = {"stride", "padding", "dilation", "weight"}
        permuted = {k: turned(v) if k in names else v for k, v in options.items()}
        permuted.pop("channels_last")
        given = turned(kernel), {**permuted, "axes": tuple(axes[order])}
        assert_close(getattr(cpool, name)(x, given[0], **given[1]), expected)
        y, _ = cpool.vjp(ours, x, kernel, **options)
        assert_close(y, expected)
        done += 1
    assert done > 30


@pytest.mark.parametrize("name", ["mixed_pool", "gated_pool"])
def test_gradients_against_differences(name):
    rng = np.random.default_rng(9)
    done = 0
    for i in range(30):
        rank = i % 3 + 1
        lengths, kernel, options = random_call(rng, rank)
        lengths = np.minimum(lengths, 5 if rank < 3 else 4)
        channels_last = bool(rng.integers(2))
        shape = (*lengths, 2) if channels_last else (2, *lengths)
        x = rng.permutation(np.prod(shape)).reshape(shape) / 11 - 2
        options.update(channels_last=channels_last)
        if rng.integers(2):
            options["where"] = rng.random(shape) < 0.7
        if rng.integers(3) == 0:
            x[rng.random(shape) < 0.1] = np.nan
            options["nan_policy"] = "omit"
        function = getattr(cpool, f"{name}{rank}d")
        own = own_of(name, rng, kernel)
        if name == "mixed_pool":
            own = {"alpha": rng.uniform(0.2, 0.8)}
        if not fits(lambda: function(x, kernel, **options, **own)):  # noqa: B023
            continue
        y, pullback = cpool.vjp(function, x, kernel, wrt=("x", *own), **options, **own)
        gy = rng.standard_normal(y.shape)
        gradients = pullback(gy)
        arguments = {"x": x, **own}
        for key, gradient in zip(arguments, gradients, strict=True):
            value = np.array(arguments[key], dtype=float)
            assert gradient.shape == value.shape
            assert gradient.dtype == np.float64
            places = list(np.ndindex(*value.shape))
            for index in (places[j] for j in rng.permutation(len(places))[:12]):
                sides = []
                for step in (1e-5, -1e-5):
                    moved = value.copy()
                    moved[index] += step
                    call = {**arguments, key: moved if moved.ndim else float(moved)}
                    sides.append(function(call.pop("x"), kernel, **options, **call))
                change = np.nan_to_num(sides[0] - sides[1]) / 2e-5
                np.testing.assert_allclose(gradient[index], (gy * change).sum(), atol=2e-7)
        done += 1
    assert done > 12


def test_ends_of_the_scale():
    """alpha 1 is max_pool and 0 is avg_pool without its padding, whatever is infinite."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 8, 8))
    x[0, 2, 2], x[1, 3, 5] = np.inf, -np.inf
    top = cpool.max_pool2d(x, 3, 2, 1)
    mean = cpool.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    np.testing.assert_array_equal(cpool.mixed_pool2d(x, 3, 2, 1, alpha=1), top)
    np.testing.assert_array_equal(cpool.mixed_pool2d(x, 3, 2, 1, alpha=0), mean)
    finite = np.nan_to_num(x, posinf=5, neginf=-5)
    gates = {
        1000.0: cpool.max_pool2d(finite, 3, 2),
        -1000.0: cpool.avg_pool2d(finite, 3, 2),
    }
    for bias, expected in gates.items():
        y = cpool.gated_pool2d(finite, 3, 2, weight=np.zeros((3, 3)), bias=bias)
        np.testing.assert_array_equal(y, expected)


def test_alpha_of_each_channel():
    rng = np.random.default_rng(1)
    x, alpha = rng.standard_normal((2, 3, 6, 6)), np.array([0.1, 0.5, 0.9])[:, None, None]
    y, pullback = cpool.vjp(cpool.mixed_pool2d, x, 2, alpha=alpha, wrt=("x", "alpha"))
    gx, galpha = pullback(np.ones_like(y))
    assert galpha.shape == alpha.shape
    for channel in range(3):
        one, back = cpool.vjp(
            cpool.mixed_pool2d, x[:, channel], 2, alpha=alpha[channel, 0, 0], wrt=("x", "alpha")
        )
        np.testing.assert_array_equal(y[:, channel], one)
        np.testing.assert_array_equal(gx[:, channel], back(np.ones_like(one))[0])
        np.testing.assert_allclose(galpha[channel, 0, 0], back(np.ones_like(one))[1])


def test_mixed_as_a_reduction():
    x = np.random.default_rng(1).standard_normal((2, 3, 7, 6))
    mixed = cpool.Mixed(0.3)
    for windows in (cpool.adaptive((3, 4)), cpool.sliding((3, 3), 2, 1), cpool.whole()):
        options = {"axes": (2, 3)}
        expected = 0.3 * cpool.pool(x, "max", windows, **options)
        expected += 0.7 * cpool.pool(x, cpool.Mean(False), windows, **options)
        y, pullback = cpool.vjp(cpool.pool, x, mixed, windows, wrt="alpha", **options)
        np.testing.assert_allclose(y, expected, rtol=1e-12)
        difference = cpool.pool(x, "max", windows, **options) - cpool.pool(
            x, cpool.Mean(False), windows, **options
        )
        np.testing.assert_allclose(pullback(np.ones_like(y)), difference.sum())
    assert mixed == cpool.Mixed(np.float64(0.3)) == pickle.loads(pickle.dumps(mixed))
    assert hash(mixed) == hash(cpool.Mixed(0.3))
    assert "mixed" not in cpool.reductions.REGISTRY
    with pytest.raises(TypeError, match="alpha must be a number, got an array"):
        cpool.Mixed(np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match=r"alpha must be from 0 to 1, got 1\.5"):
        cpool.Mixed(1.5)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i2"])
def test_large_inputs_are_pooled_in_parts(dtype, channels_last):
    """What is done part by part is what is done at once to each index of the first axis."""
    rng = np.random.default_rng(2)
    x = (8 * rng.standard_normal((5, 24, 130, 131))).astype(dtype)
    weight = rng.standard_normal((3, 2))
    options = {"channels_last": channels_last}
    for call in (
        lambda x: cpool.gated_pool2d(x, (3, 2), 2, 1, weight=weight, bias=0.5, **options),
        lambda x: cpool.mixed_pool2d(x, 3, 2, 1, alpha=0.3, **options),
    ):
        y = call(x)
        np.testing.assert_array_equal(y, np.stack([call(each) for each in x]))
        with cpool.num_threads(2):
            np.testing.assert_array_equal(call(x), y)


def test_types_of_results_and_gradients():
    rng = np.random.default_rng(2)
    x, weight = rng.integers(-9, 9, (3, 8, 8)), rng.standard_normal((2, 2))
    for dtype in ("f2", "f4", "f8", "i8", "u2"):
        array = np.abs(x).astype(dtype) if dtype == "u2" else x.astype(dtype)
        floating = array.dtype.kind == "f"
        for name, own in (("mixed_pool2d", {"alpha": 0.4}), ("gated_pool2d", {"weight": weight})):
            y, pullback = cpool.vjp(getattr(cpool, name), array, 2, **own)
            assert y.dtype == (array.dtype if floating else np.float64)
            assert pullback(y).dtype == y.dtype
            integer = getattr(cpool, name)(array, 2, dtype="i2", **own)
            wide = getattr(cpool, name)(array, 2, dtype="f8", **own)
            np.testing.assert_array_equal(integer, np.rint(wide).astype("i2"))
    _, pullback = cpool.vjp(
        cpool.gated_pool2d, x.astype("f4"), 2, weight=weight.astype("f4"), bias=np.float32(1),
        wrt=("weight", "bias"),
    )  # fmt: skip
    assert [g.dtype for g in pullback(np.ones((3, 4, 4)))] == [np.float32, np.float32]
    # Sums of many 16-bit gradients do not get stuck.
    half = np.ones((1, 64), np.float16)
    _, pullback = cpool.vjp(cpool.mixed_pool1d, half, 64, 1, 63, alpha=0.0)
    _, exact = cpool.vjp(cpool.mixed_pool1d, half.astype(float), 64, 1, 63, alpha=0.0)
    np.testing.assert_allclose(
        pullback(np.ones((1, 127))), exact(np.ones((1, 127))), rtol=1e-3
    )


@pytest.mark.parametrize("name", ["mixed_pool2d", "gated_pool2d", "s3_pool2d"])
def test_out_and_empty_batches(name):
    own = {
        "mixed_pool2d": {"alpha": 0.5}, "gated_pool2d": {"weight": np.ones((2, 2))},
        "s3_pool2d": {"rng": 1},
    }[name]  # fmt: skip
    function = getattr(cpool, name)
    x = np.random.default_rng(2).standard_normal((3, 8, 8))
    y, out = function(x, 2, **own), np.empty((4, 4, 3)).transpose(2, 0, 1)
    assert function(x, 2, out=out, **own) is out
    np.testing.assert_array_equal(out, y)
    empty, pullback = cpool.vjp(function, x[:0], 2, **own)
    assert empty.shape == (0, 4, 4)
    assert pullback(empty).shape == (0, 8, 8)
    with pytest.raises(ValueError, match="out must not overlap the input"):
        function(x, 2, out=x[:, :4, :4], **own)
    with pytest.raises(ValueError, match="out must have the result's shape"):
        function(x, 2, out=np.empty((3, 4, 5)), **own)
    with pytest.raises(TypeError, match="out must have the result's dtype"):
        function(x, 2, out=np.empty((3, 4, 4), "f4"), **own)
    with pytest.raises(TypeError, match="out must be an ndarray"):
        function(x, 2, out=[], **own)
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        cpool.vjp(function, x, 2, **own)[1](np.ones((3, 4, 5)))
    # What it needs, a pullback keeps.
    given, where = x.copy(), np.random.default_rng(3).random(x.shape) < 0.8
    y, pullback = cpool.vjp(function, given, 2, where=where, **own)
    before = pullback(np.ones_like(y))
    given[:], where[:] = 0, True
    np.testing.assert_array_equal(pullback(np.ones_like(y)), before)


X = np.ones((2, 6, 6))


@pytest.mark.parametrize(
    "name, options, error, message",
    [
        ("mixed_pool2d", {"alpha": -0.1}, ValueError, r"alpha must be from 0 to 1, got -0\.1"),
        ("mixed_pool2d", {"alpha": np.nan}, ValueError, "alpha must be from 0 to 1, got nan"),
        ("mixed_pool2d", {"alpha": "1"}, TypeError, "alpha"),
        ("mixed_pool2d", {"alpha": True}, TypeError, "alpha must be a real number"),
        ("mixed_pool2d", {"alpha": 1j}, TypeError, "alpha"),
        ("mixed_pool2d", {"alpha": [0.5] * 4}, ValueError, "alpha must broadcast to the result"),
        ("mixed_pool2d", {"alpha": np.full((4, 2, 3, 3), 0.5)}, ValueError, "alpha must broadc"),
        ("mixed_pool2d", {"axes": 0}, TypeError, r"mixed_pool2d\(\) got an unexpected keyword"),
        ("mixed_pool2d", {"padding": 9}, ValueError, "padding is so large"),
        ("mixed_pool2d", {"nan_policy": "x"}, ValueError, "nan_policy must be"),
        ("mixed_pool2d", {"where": 1}, TypeError, "where must be an array of bool"),
        ("gated_pool2d", {}, TypeError, r"gated_pool2d\(\) missing a required argument: 'weight'"),
        ("gated_pool2d", {"weight": np.ones(4)}, ValueError, r"each tap, the shape \(2, 2\), got"),
        ("gated_pool2d", {"weight": np.ones((2, 2), bool)}, TypeError, "weight must be real"),
        ("gated_pool2d", {"weight": np.ones((2, 2), complex)}, TypeError, "weight"),
        ("gated_pool2d", {"weight": np.ones((2, 2)), "bias": [1]}, TypeError, "bias must be a nu"),
        ("gated_pool2d", {"weight": np.ones((2, 2)), "bias": True}, TypeError, "bias must be real"),
        ("s3_pool2d", {"grid_size": 0}, ValueError, "grid_size must be at least 1, got 0"),
        ("s3_pool2d", {"grid_size": 2.0}, TypeError, "grid_size must be an int"),
        ("s3_pool2d", {"grid_size": (2, True)}, TypeError, "grid_size must be an int"),
        ("s3_pool2d", {"grid_size": (2, 2, 2)}, ValueError, "grid_size must have an entry for"),
        ("s3_pool2d", {"grid_size": 4, "stride": 3}, ValueError, "stride must divide grid_size"),
        ("s3_pool2d", {"stride": 0}, ValueError, "stride must be at least 1"),
        ("s3_pool2d", {"rng": 0.5}, TypeError, "rng must be None, an int or"),
        ("s3_pool2d", {"training": 1}, TypeError, "training must be a bool"),
        ("s3_pool2d", {"padding": 1}, TypeError, "unexpected keyword argument 'padding'"),
    ],
)  # fmt: skip
def test_errors(name, options, error, message):
    for call in (getattr(cpool, name), lambda *a, **k: cpool.vjp(getattr(cpool, name), *a, **k)):
        with pytest.raises(error, match=message):
            call(X, 2, **options)


def test_wrt_of_what_there_is():
    with pytest.raises(ValueError, match="wrt must be 'x' or 'alpha' for mixed_pool2d"):
        cpool.vjp(cpool.mixed_pool2d, X, 2, wrt="weight")


# --- S3 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("training", [True, False])
def test_s3_against_the_reference(rank, training):
    rng = np.random.default_rng(4)
    for i in range(40):
        lengths = rng.integers(1, 9, rank)
        channels_last = bool(rng.integers(2))
        shape = (2, *lengths, 3) if channels_last else (2, 3, *lengths)
        x = rng.integers(0, 50, shape).astype(["f8", "f4", "f2", "i2"][i % 4])
        stride = tuple(map(int, rng.integers(1, 4, rank)))
        factor = tuple(map(int, rng.integers(1, 3, rank)))
        options = {
            "grid_size": tuple(s * f for s, f in zip(stride, factor, strict=True)),
            "stride": None if rng.integers(3) == 0 else stride,
            "channels_last": channels_last,
            "training": training,
            "rng": int(rng.integers(99)),
            "padding_mode": ["constant", "wrap"][rng.integers(2)],
        }
        name, kernel = f"s3_pool{rank}d", tuple(map(int, rng.integers(1, 4, rank)))
        expected = getattr(reference, name)(x, kernel, **options)
        y = getattr(cpool, name)(x, kernel, **options)
        assert_close(y, expected)
        step = options["stride"] or options["grid_size"]
        assert [y.shape[j + (1 if channels_last else 2)] for j in range(rank)] == [
            -(-n // s) for n, s in zip(lengths, step, strict=True)
        ]
        again, pullback = cpool.vjp(getattr(cpool, name), x, kernel, **options)
        assert_close(again, expected)
        np.testing.assert_allclose(
            pullback(np.ones(y.shape)).astype(float).sum(), y.size, rtol=2e-3
        )


@pytest.mark.parametrize("training", [True, False])
def test_s3_gradients_against_differences(training):
    rng = np.random.default_rng(5)
    x = rng.permutation(2 * 7 * 6).reshape(2, 7, 6) / 3
    where = rng.random(x.shape) < 0.5
    options = {"grid_size": 4, "stride": 2, "rng": 3, "training": training, "where": where}
    y, pullback = cpool.vjp(cpool.s3_pool2d, x, (3, 2), **options)
    gy = np.where(np.isnan(y), 0, rng.standard_normal(y.shape))
    gx = pullback(gy)
    assert gx.any()
    for index in np.ndindex(*x.shape):
        high, low = x.copy(), x.copy()
        high[index] += 1e-6
        low[index] -= 1e-6
        change = cpool.s3_pool2d(high, (3, 2), **options) - cpool.s3_pool2d(low, (3, 2), **options)
        expected = (gy * np.nan_to_num(change)).sum() / 2e-6
        np.testing.assert_allclose(gx[index], expected, atol=1e-7)


def chi_square(counts, expected):
    return ((counts - expected) ** 2 / expected).sum()


@pytest.mark.parametrize("grid, stride", [(2, 2), (4, 4), (5, 5), (4, 2), (6, 2)])
def test_s3_choices_are_uniform(grid, stride):
    """Every subset of a cell with the same probability, cells and axes independent: the 99.9 %
    quantiles of chi-square are passed (the seeds are fixed)."""
    share = grid // stride
    subsets = list(itertools.combinations(range(grid), share))
    rows, columns = np.meshgrid(np.arange(2 * grid), np.arange(grid), indexing="ij")
    x = np.stack([rows, columns]).astype(float)
    draws = 2000
    found = np.zeros((3, len(subsets)))
    joint = np.zeros((len(subsets), len(subsets)))
    for seed in range(draws):
        y = cpool.s3_pool2d(x, 1, stride, grid_size=grid, rng=seed)
        first = subsets.index(tuple(y[0, :share, 0]))
        second = subsets.index(tuple(y[0, share:, 0] - grid))
        third = subsets.index(tuple(y[1, 0]))
        for i, each in enumerate((first, second, third)):
            found[i, each] += 1
        joint[first, third] += 1
    degrees = len(subsets) - 1
    # Wilson and Hilferty's approximation of the quantile.
    def quantile(n):
        return n * (1 - 2 / (9 * n) + 3.09 * np.sqrt(2 / (9 * n))) ** 3

    for counts in found:
        assert chi_square(counts, draws / len(subsets)) < quantile(degrees)
    together = chi_square(joint, draws / len(subsets) ** 2)
    assert together < quantile(len(subsets) ** 2 - 1)


def test_s3_of_what_is_cut_off():
    """A last cell of r elements keeps r / stride, rounded up; with one left, that one."""
    for seed in range(20):
        y = cpool.s3_pool1d(np.arange(9.0), 1, grid_size=4, rng=seed)
        assert y.shape == (3,)
        assert y[2] == 8
        y = cpool.s3_pool1d(np.arange(7.0), 1, 2, grid_size=4, rng=seed)
        assert y.shape == (4,)
        assert (np.diff(y) > 0).all()
        assert (y[2:] >= 4).all()


def test_s3_generators():
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 15))

    def pooled(rng, **options):
        return cpool.s3_pool2d(x, 3, rng=rng, **options)

    np.testing.assert_array_equal(pooled(3), pooled(np.uint8(3)))
    assert not np.array_equal(pooled(3), pooled(4))
    assert not np.array_equal(pooled(None), pooled(None))
    one, other = np.random.default_rng(9), np.random.default_rng(9)
    first, second = pooled(one), pooled(one)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, pooled(other))
    last = cpool.s3_pool2d(np.moveaxis(x, 1, -1), 3, rng=3, channels_last=True)
    np.testing.assert_array_equal(np.moveaxis(last, -1, 1), pooled(3))
    for threads in (1, 2):
        with cpool.num_threads(threads):
            np.testing.assert_array_equal(pooled(3), np.moveaxis(last, -1, 1))
    # The same rows and columns in all planes.
    rows = np.broadcast_to(x[0, 0], x.shape)
    y = cpool.s3_pool2d(rows, 1, rng=3)
    np.testing.assert_array_equal(y, np.broadcast_to(y[0, 0], y.shape))
    swapped = cpool.s3_pool(x, (3, 3), axes=(-1, -2), rng=3)
    np.testing.assert_array_equal(swapped, pooled(3))
    mean = cpool.avg_pool2d(cpool.max_pool2d(x, 3, 1, 1), 2, ceil_mode=True)
    np.testing.assert_allclose(pooled(None, training=False), mean)


def test_s3_expected_over_what_exists():
    """An empty window takes no part in the mean; integers give float64 there."""
    x = np.arange(16).reshape(4, 4)
    where = np.ones((4, 4), bool)
    where[:2, :2] = False
    where[1, 1] = True
    y = cpool.s3_pool2d(x, 1, training=False, where=where)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, [[5, 4.5], [10.5, 12.5]])
    assert cpool.s3_pool2d(x, 1, rng=0).dtype == x.dtype
    with pytest.raises(ValueError, match="where leaves a window without an element"):
        cpool.s3_pool2d(x, 1, rng=0, where=where)
    where[:2, :2] = False
    assert np.isnan(cpool.s3_pool2d(x, 1, training=False, where=where)[0, 0])


def test_names():
    for stem in ("mixed_pool", "gated_pool", "s3_pool"):
        for suffix in ("", "1d", "2d", "3d"):
            function = getattr(cpool, stem + suffix)
            assert function.__name__ == stem + suffix
            assert stem + suffix in cpool.__all__
            assert f"cpool.{stem}{suffix}(" in function.__doc__
            assert ("axes : int" in function.__doc__) == (not suffix)
            assert pickle.loads(pickle.dumps(function)) is function
