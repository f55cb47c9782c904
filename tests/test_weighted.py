"""Compiled weighted sums: small integers, so that every sum is exact, against tables of windows."""

from __future__ import annotations

import numpy as np
import pytest

import cpool
from cpool import weighted

LAST = pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])


def table(n, kernel, stride, dilation, before, m):
    """For each tap, a matrix that takes elements to what the windows read."""
    matrices = np.zeros((kernel, m, n))
    for tap, window in np.ndindex(kernel, m):
        at = window * stride + tap * dilation - before
        if 0 <= at < n:
            matrices[tap, window, at] = 1
    return matrices


def along(x, matrices):
    """Each of the last axes of x, multiplied with its matrix."""
    for axis, matrix in enumerate(matrices, start=2):
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x


def sums(x, weights, geometry, transposed=False):
    tables = [table(*axis) for axis in geometry]
    total = 0
    for number, taps in enumerate(np.ndindex(*(len(each) for each in tables))):
        matrices = [each[tap] for each, tap in zip(tables, taps, strict=True)]
        each = along(x, [matrix.T for matrix in matrices] if transposed else matrices)
        total = total + each * weights[number].reshape(-1, *[1] * len(geometry))
    return total + weights[-1].reshape(-1, *[1] * len(geometry))


def random_axis(rng, longest, taps):
    n, kernel, dilation = rng.integers(1, longest), rng.integers(1, taps), rng.integers(1, 4)
    span = (kernel - 1) * dilation + 1
    stride, before, after = rng.choice([1, 2, 3, 9]), rng.integers(0, span + 2), span
    return tuple(map(int, (n, kernel, stride, dilation, before,
                           (n + before + after - span) // stride + 1)))  # fmt: skip


def random_array(rng, shape, dtype, last):
    """Of small integers, in either layout, perhaps turned round."""
    x = rng.integers(-8, 9, shape).astype(dtype)
    if last:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    return x[..., ::-1] if rng.random() < 0.2 else x


@LAST
@pytest.mark.parametrize("seed", range(40))
def test_dense_sums(seed, last):
    rng = np.random.default_rng(seed)
    rank = seed % 3 + 1
    geometry = [random_axis(rng, (150, 30, 8)[rank - 1], (8, 6, 4)[rank - 1]) for _ in range(rank)]
    lengths, counts = zip(*((axis[0], axis[-1]) for axis in geometry), strict=True)
    outer = (int(rng.integers(1, 4)), int(rng.choice([1, 3, 8, 9, 20, 70])))
    dtype = rng.choice(["float64", "float32", ">f4", "float16", "int32"])
    work = np.float64 if dtype in ("float64", "int32") else np.float32
    taps = int(np.prod([axis[1] for axis in geometry]))
    weights = rng.integers(-8, 9, (taps + 1, outer[1] if seed % 4 else 1)).astype(work)
    x = random_array(rng, outer + lengths, dtype, last)
    y = random_array(rng, outer + counts, work, last)
    weighted.dense_sums(x, y, geometry, weights)
    np.testing.assert_array_equal(y, sums(x.astype(float), weights, geometry))
    gy, gx = random_array(rng, y.shape, work, last), random_array(rng, x.shape, work, last)
    weights[-1] = 0
    weighted.dense_sums(gy, gx, geometry, weights, transposed=True)
    np.testing.assert_array_equal(gx, sums(gy.astype(float), weights, geometry, transposed=True))


@LAST
@pytest.mark.parametrize("seed", range(30))
def test_dense_slopes(seed, last):
    rng = np.random.default_rng(seed)
    rank = seed % 2 + 1
    geometry = [random_axis(rng, (150, 40)[rank - 1], (12, 6)[rank - 1]) for _ in range(rank)]
    lengths, counts = zip(*((axis[0], axis[-1]) for axis in geometry), strict=True)
    outer = (int(rng.integers(1, 4)), int(rng.choice([8, 9, 16, 20, 70])))
    work = rng.choice([np.float32, np.float64])
    x = random_array(rng, outer + lengths, work, last)
    gy = random_array(rng, outer + counts, work, last != (rng.random() < 0.2))
    tables = [table(*axis) for axis in geometry]
    expected = []
    for taps in np.ndindex(*(len(each) for each in tables)):
        read = along(x.astype(float), [each[tap] for each, tap in zip(tables, taps, strict=True)])
        expected.append((gy * read).sum((0, *range(2, 2 + rank))))
    for threads in (1, 3):
        with cpool.num_threads(threads):
            slopes = weighted.dense_slopes(x, gy, geometry)
        np.testing.assert_array_equal(slopes, expected)


def test_dense_slopes_that_take_another_way():
    """Few channels, and volumes."""
    x = np.ones((2, 3, 8, 8), np.float32)
    assert weighted.dense_slopes(x, x, [(8, 3, 1, 1, 1, 8)] * 2) is None
    x = np.ones((2, 8, 4, 4, 4), np.float32)
    assert weighted.dense_slopes(x, x, [(4, 3, 1, 1, 1, 4)] * 3) is None
    x = np.ones((0, 8, 4, 4), np.float32)
    assert weighted.dense_slopes(x, x, [(4, 3, 1, 1, 1, 4)] * 2).shape == (9, 8)
    for channels, space in ((3, (9, 9)), (8, (5, 6, 7))):
        x = np.random.default_rng(0).integers(-4, 5, (2, channels, *space)).astype(np.float32)
        function = (cpool.conv2d, cpool.conv3d)[len(space) - 2]
        weight = np.ones((channels, 1, *[3] * len(space)), np.float32)
        y, pullback = cpool.vjp(function, x, weight, groups=channels, wrt="weight")
        first = pullback(np.ones_like(y)).reshape(channels, -1)[:, 0]
        read = x[(..., *[slice(-2)] * len(space))]
        np.testing.assert_array_equal(first, read.sum((0, *range(2, 2 + len(space)))))


@LAST
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "int16"])
def test_slopes_of_many_planes_and_large_ones(dtype, last):
    """Tiles of rows, channels that are no whole number of blocks, any gradient."""
    x = np.random.default_rng(0).integers(-4, 5, (3, 21, 130, 70)).astype(dtype)
    gy = np.random.default_rng(1).integers(-4, 5, (3, 21, 65, 35))
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)))
    expected = [
        (gy * padded[:, :, i : i + 130 : 2, j : j + 70 : 2]).sum((0, 2, 3))
        for i in range(3)
        for j in range(3)
    ]
    if last:
        x, gy = np.moveaxis(x, 1, -1), np.ascontiguousarray(np.moveaxis(gy, 1, -1))
    weight = np.ones((21, 1, 3, 3))
    for each in (x, np.ascontiguousarray(x)):
        _, pullback = cpool.vjp(
            cpool.conv2d, each, weight, None, 2, 1, groups=21, channels_last=last, wrt="weight"
        )
        for gradient in (gy, gy.astype(np.float32), gy.astype(">f8")):
            np.testing.assert_array_equal(pullback(gradient).reshape(21, 9).T, expected)


def test_integers_need_float64():
    weights = np.ones((2, 1), np.float32)
    with pytest.raises(TypeError, match="added up in float64"):
        weighted.dense_sums(np.ones((1, 1, 3), int), np.ones((1, 1, 3)), [(3, 1, 1, 1, 0, 3)],
                            weights)  # fmt: skip


@LAST
def test_threads_change_no_bit(last):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(3, 40, 61, 53)), rng.normal(size=(40, 1, 3, 5))
    x = np.ascontiguousarray(np.moveaxis(x, 1, -1)) if last else x
    found = []
    for threads in (1, 2, 5):
        with cpool.num_threads(threads):
            for function, args, own in (
                (cpool.conv2d, (weight, None, 2, 1), {"groups": 40}),
                (cpool.blur_pool2d, (5, (2, 3)), {}),
            ):
                y, pullback = cpool.vjp(function, x, *args, **own, channels_last=last)
                found.append((y, pullback(np.cos(y))))
    for results in (found[::2], found[1::2]):
        for y, gx in results[1:]:
            np.testing.assert_array_equal(y, results[0][0])
            np.testing.assert_array_equal(gx, results[0][1])


@LAST
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_planes_do_not_know_each_other(stride, dtype, last):
    """A NaN stays in its plane, and padding is zeros in each, whatever was there before."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 8, 9, 15, 16, 17, 28, 33):
        for kernel, before, after in ((1, 0, 0), (2, 0, 1), (3, 1, 1), (3, 2, 4), (5, 0, 9)):
            m = (n + before + after - kernel) // stride + 1
            if m < 1:
                continue
            x = rng.integers(-8, 9, (2, 9, n, n)).astype(dtype)
            weights = rng.integers(-3, 4, (kernel**2 + 1, 9)).astype(dtype)
            geometry = [(n, kernel, stride, 1, before, m)] * 2
            expected = sums(x, weights, geometry)
            x[0, 4] = x[1, 0] = np.nan
            expected[0, 4] = expected[1, 0] = np.nan
            if last:
                x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
            y = np.empty_like(x, shape=expected.shape)
            weighted.dense_sums(x, y, geometry, weights)
            known = ~np.isnan(expected)
            np.testing.assert_array_equal(y[known], expected[known])
            assert np.isnan(y[0, 4]).any()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ">f4", "uint8"])
@pytest.mark.parametrize(
    "shape, kernel, stride, dilation",
    [
        ((9, 7, 7), (3, 3), 1, 1),  # rows shorter than a vector
        ((16, 1, 8), (1, 3), 2, 1),
        ((11, 90, 61), (3, 3), 2, 1),  # several tiles of rows, and planes that fill no vector
        ((8, 70, 83), (3, 3), 1, (3, 1)),
        ((8, 70, 83), (3, 3), 1, 2),
        ((24, 40, 41), (5, 2), (3, 4), 1),
        ((8, 9, 1025), (3, 3), 2, 1),  # as wide as goes, and wider
        ((8, 9, 1200), (3, 3), 1, 1),
    ],
)
def test_planes_side_by_side(shape, kernel, stride, dilation, dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, (2, *shape)).astype(dtype)
    weight = rng.integers(-4, 5, (shape[0], 1, *kernel)).astype(np.float32)
    bias = rng.integers(-4, 5, shape[0]).astype(np.float32)
    options = {"stride": stride, "padding": (kernel[0] // 2, 1), "dilation": dilation}
    y = cpool.conv2d(x, weight, bias, groups=shape[0], dtype=np.float64, **options)
    each = [
        cpool.conv2d(x[:, [c]], weight[[c]], bias[[c]], dtype=np.float64, **options)
        for c in range(shape[0])
    ]
    np.testing.assert_array_equal(y, np.concatenate(each, axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(3, 3), (5, 4), (1, 7)])
@pytest.mark.parametrize("channels", [8, 13, 32, 40])
def test_layouts_change_no_bit(channels, size, dtype):
    """The order of a sum is that of its taps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, channels, 23, 30)).astype(dtype)
    weight, bias = rng.normal(size=(channels, 1, *size)), rng.normal(size=channels)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    for stride in (1, 2):
        y = cpool.conv2d(x, weight, bias, stride, 2, groups=channels)
        other = cpool.conv2d(last, weight, bias, stride, 2, groups=channels, channels_last=True)
        np.testing.assert_array_equal(np.moveaxis(other, -1, 1), y)
        few = cpool.conv2d(x[:, :3], weight[:3], bias[:3], stride, 2, groups=3)
        np.testing.assert_array_equal(few, y[:, :3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shape", [(9, 7, 7), (8, 14, 14), (3, 33, 65), (16, 20, 48), (12, 31, 16)])
@LAST
def test_nothing_beside_the_result_is_written(last, shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(-8, 9, shape).astype(dtype)
    x = np.ascontiguousarray(np.moveaxis(x, 0, -1)) if last else x
    weight = rng.integers(-4, 5, (shape[0], 1, 3, 3)).astype(dtype)
    windows = [(*axis, 3, stride, 1, 1, (axis[0] - 1) // stride + 1)
               for stride in (1, 2) for axis in zip(shape[1:])]  # fmt: skip
    weights = np.concatenate([weight.reshape(shape[0], 9).T, np.zeros((1, shape[0]))])
    weights = np.ascontiguousarray(weights, np.float64 if dtype == np.float64 else np.float32)
    planes = np.moveaxis(x, -1, 0)[None] if last else x[None]
    for geometry in (windows[:2], windows[2:]):
        counts = [axis[-1] for axis in geometry]
        inside = (*counts, shape[0]) if last else (shape[0], *counts)
        around = np.full(int(np.prod(inside)) + 64, 77, dtype)
        y = around[32:-32].reshape(inside)
        weighted.dense_sums(planes, np.moveaxis(y, -1, 0)[None] if last else y[None], geometry,
                            weights)  # fmt: skip
        assert (around[:32] == 77).all()
        assert (around[-32:] == 77).all()
        blurred = np.full(around.shape, 77, dtype)
        stride = tuple(axis[2] for axis in geometry)
        cpool.blur_pool2d(x, 3, stride, channels_last=last, out=blurred[32:-32].reshape(inside))
        assert (blurred[:32] == 77).all()
        assert (blurred[-32:] == 77).all()
        np.testing.assert_array_equal(
            blurred[32:-32].reshape(inside),
            cpool.blur_pool2d(x, 3, stride, channels_last=last),
        )


def blurred_by_slices(x, size, stride):
    """Along the first two axes, for small integers exactly."""
    weights = np.array([[], [], [1, 1], [1, 2, 1], [], [1, 4, 6, 4, 1]][size]) / 2.0 ** (size - 1)
    for axis in (0, 1):
        pad = [(0, 0)] * x.ndim
        pad[axis] = ((size - 1) // 2, size // 2)
        padded, n = np.pad(x, pad, mode="reflect"), x.shape[axis]
        each = [np.take(padded, range(tap, tap + n, stride), axis) for tap in range(size)]
        x = sum(weight * part for weight, part in zip(weights, each, strict=True))
    return x


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("shape", [(1500, 1501), (700, 1100, 3), (310, 290, 24)])
def test_images_larger_than_the_caches(shape, size):
    x = np.random.default_rng(0).integers(0, 64, shape).astype(np.float32)
    for stride in (2, 3):
        channels = {"channels_last": True} if len(shape) == 3 else {}
        y = cpool.blur_pool2d(x, size, stride, **channels)
        np.testing.assert_array_equal(y, blurred_by_slices(x, size, stride))
    if len(shape) == 3:
        weight = np.ones((shape[-1], 1, 3, 2), np.float32)
        y = cpool.conv2d(x, weight, None, 2, (4, 0), groups=shape[-1], channels_last=True)
        rows = np.pad(x, ((4, 4), (0, 0), (0, 0)))
        rows = sum(rows[tap : tap + shape[0] + 6 : 2] for tap in range(3))
        np.testing.assert_array_equal(y, rows[:, :-1:2] + rows[:, 1::2])
