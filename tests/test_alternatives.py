"""Pyramids, blurring, polyphase, spectral, Haar's and attention pooling: against the reference,
finite differences, and PyTorch."""

from __future__ import annotations

import doctest
import functools
import inspect
import itertools
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from operators import BFLOAT, DTYPES, FLOATS, MODES
from scipy import ndimage

import cpool
from cpool import reference
from cpool.alternatives import attention, blurring, polyphase, pyramids, transforms
from cpool.reductions.base import Gradients

MODULES = (pyramids, blurring, polyphase, transforms, attention)
NAMES = [name for module in MODULES for name in module.__all__]

TOLERANCES = {"float64": 1e-12, "float32": 3e-6, "float16": 1e-3, "bfloat16": 8e-3}


@dataclass(frozen=True)
class Case:
    """A call of an operator: its name, the shape of x, the arguments and options."""

    name: str
    shape: tuple[int, ...]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        sizes = [a for a in self.arguments if not isinstance(a, np.ndarray)]
        given = [*map(str, sizes), *(f"{k}={v}" for k, v in self.options.items())]
        return f"{self.name}-{self.shape}-{','.join(given)}".replace(" ", "")

    @property
    def selects(self) -> bool:
        """Whether the result consists of elements of x."""
        mean = self.options.get("reduction") == "mean"
        return self.name.startswith(("spatial", "sppf", "poly")) and not mean

    @property
    def function(self):
        return functools.partial(getattr(cpool, self.name), **self.options)

    def ours(self, x):
        return self.function(x, *self.arguments)

    def theirs(self, x):
        return getattr(reference, self.name)(x, *self.arguments, **self.options)

    def vjp(self, x, **wrt):
        return cpool.vjp(getattr(cpool, self.name), x, *self.arguments, **self.options, **wrt)


LAST = {"channels_last": True}
QUERY = np.random.default_rng(7).normal(size=3)

CASES = [
    Case("spatial_pyramid_pool", (2, 3, 7, 5)),
    Case("spatial_pyramid_pool", (3, 2, 6), ((3, 1),), {"reduction": "mean"}),
    Case("spatial_pyramid_pool", (2, 6, 4, 3), ([2, 5],), {"reduction": "min", **LAST}),
    Case("sppf", (2, 3, 7, 6)),
    Case("sppf", (3, 5, 6), ((2, 3), 2)),
    Case("sppf", (2, 6, 5, 3), (3, 1), LAST),
    *(Case("blur_pool1d", (2, 9), (size, 2)) for size in range(2, 8)),
    *(Case("blur_pool1d", (2, 7), (size, step), {"padding_mode": mode})
      for mode, (size, step) in itertools.product(MODES, [(2, 1), (5, 3), (6, 2), (7, 1)])),
    Case("blur_pool1d", (5, 2, 3), (7, 9), LAST),
    *(Case("blur_pool2d", (2, 6, 7), (size,), {"padding_mode": mode})
      for mode, size in itertools.product(MODES, [3, 4, (2, 7)])),
    Case("blur_pool2d", (2, 3, 6, 5)),
    Case("blur_pool2d", (5, 6, 3), (3, (1, 2)), LAST),
    Case("blur_pool3d", (2, 5, 4, 6), (4, (2, 1, 3))),
    Case("blur_pool3d", (4, 5, 3, 2), ((2, 3, 5),), {"padding_mode": "constant", **LAST}),
    Case("max_blur_pool2d", (2, 3, 7, 6)),
    Case("max_blur_pool2d", (7, 6, 3), (3, 2, 5), {"padding_mode": "reflect", **LAST}),
    Case("max_blur_pool2d", (5, 8), ((1, 2), (1, 3), (2, 4)), {"padding_mode": "constant"}),
    Case("polyphase_pool1d", (8,)),
    Case("polyphase_pool1d", (3, 8), (4,), {"norm_type": 1}),
    Case("polyphase_pool1d", (4, 2, 7), (3,), {"norm_type": np.inf}),
    Case("polyphase_pool1d", (3, 5, 4), (9,), LAST),
    Case("polyphase_pool2d", (6, 4)),
    Case("polyphase_pool2d", (6, 5, 3), (2,), LAST),
    Case("polyphase_pool2d", (4, 2, 6, 9), ((2, 3),), {"norm_type": 3}),
    Case("polyphase_pool2d", (3, 7, 5, 2), (4,), {"norm_type": 0.5, **LAST}),
    *(Case("spectral_pool1d", (2, n), (m,)) for n in (6, 7) for m in range(1, n + 1)),
    Case("spectral_pool1d", (2, 9, 3), (4,), LAST),
    Case("spectral_pool2d", (2, 3, 8, 9), (4,)),
    Case("spectral_pool2d", (7, 6), ((4, None),)),
    Case("spectral_pool2d", (8, 6, 2), ((6, 5),), LAST),
    Case("haar_pool1d", (3, 8)),
    Case("haar_pool1d", (2, 6, 3), (), LAST),
    Case("haar_pool2d", (2, 3, 4, 6)),
    Case("haar_pool2d", (4, 6, 3), (), LAST),
    Case("haar_pool3d", (2, 4, 2, 6)),
    Case("haar_pool3d", (4, 2, 6, 3), (), LAST),
    Case("attention_pool", (2, 3, 5), (QUERY,)),
    Case("attention_pool", (2, 3, 4, 5), (QUERY,)),
    Case("attention_pool", (2, 4, 5, 3), (QUERY,), LAST),
    Case("attention_pool", (5, 3), (QUERY,), {"axes": 0}),
    Case("attention_pool", (4, 3, 5, 2), (QUERY,), {"axes": (-2, 0, 3)}),
]  # fmt: skip
ALL = pytest.mark.parametrize("case", CASES, ids=str)
# One or two of each operator, for what does not depend on the arguments.
SOME = pytest.mark.parametrize(
    "case",
    [case for name in NAMES for case in [c for c in CASES if c.name == name][-2:]],
    ids=str,
)


def numbers(shape, dtype=np.float64, seed=0):
    """Distinct enough that no finite difference changes what a maximum selects."""
    rng = np.random.default_rng([seed, *shape])
    x = rng.permutation(math.prod(shape)).reshape(shape) + rng.uniform(-0.3, 0.3, shape)
    x = x - x.mean()
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return x > 0
    if dtype.kind in "iu":
        return np.rint(np.abs(x) if dtype.kind == "u" else x).astype(dtype)
    return (x / 8).astype(dtype)


def assert_close(actual, expected, dtype=None, scale=None):
    dtype = actual.dtype if dtype is None else dtype
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    wide = [array.astype(np.float64) for array in (actual, expected)]
    size = np.abs(wide[1]).max(initial=1.0) if scale is None else scale
    np.testing.assert_allclose(*wide, rtol=0, atol=size * TOLERANCES[np.dtype(dtype).name])


# Values -------------------------------------------------------------------------------------------


def test_every_operator_has_cases():
    assert {case.name for case in CASES} == set(NAMES) - {"blur_pool"}
    assert set(NAMES) <= set(cpool.__all__)
    assert set(NAMES) <= set(reference.__all__)


@ALL
def test_as_the_reference(case):
    x = numbers(case.shape)
    expected = case.theirs(x)
    y = case.ours(x)
    if case.selects:
        np.testing.assert_array_equal(y, expected, strict=True)
    else:
        assert_close(y, expected)
    assert not np.shares_memory(x, y)


@SOME
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_types(case, dtype):
    x = numbers(case.shape, dtype)
    y = case.ours(x)
    if case.selects:
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, case.theirs(x))
    else:
        assert y.dtype == (dtype if dtype in FLOATS else np.float64)
        assert_close(y, case.theirs(x.astype(np.float64)))
    again, pullback = case.vjp(x)
    np.testing.assert_array_equal(again, y, strict=True)
    assert pullback(np.ones(y.shape)).dtype == (dtype if dtype in FLOATS else np.float64)


LAYOUTS = {
    "swapped": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "fortran": np.asfortranarray,
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.ascontiguousarray(np.flip(x))[(slice(None, None, -1),) * x.ndim],
    "list": lambda x: x.tolist(),
}


@SOME
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(case, layout):
    x = numbers(case.shape)
    given = LAYOUTS[layout](x)
    y, pullback = case.vjp(given)
    plain, plain_pullback = case.vjp(x)
    # BLAS may add in another order for another layout.
    assert_close(y, plain)
    assert y.dtype.isnative
    gy = numbers(y.shape, seed=1)
    assert_close(pullback(LAYOUTS[layout](gy)), plain_pullback(gy))


@SOME
def test_inputs_stay_and_pullbacks_do_not_read_them_later(case):
    x = numbers(case.shape)
    kept = x.copy()
    x.flags.writeable = False
    y, pullback = case.vjp(x)
    gy = numbers(y.shape, seed=1)
    expected = pullback(gy)
    gy_kept = gy.copy()
    np.testing.assert_array_equal(x, kept)
    x.flags.writeable = True
    x[...] = 1e9
    y[...] = 1e9
    np.testing.assert_array_equal(pullback(gy), expected)
    np.testing.assert_array_equal(gy, gy_kept)
    assert not np.shares_memory(pullback(gy), gy)
    expected[...] = 1e9
    assert not (pullback(gy) == 1e9).any()


@pytest.mark.parametrize("case", [c for c in CASES if c.name != "attention_pool"], ids=str)
def test_empty_batches(case):
    y, pullback = case.vjp(np.zeros((0, *case.shape), np.float32))
    assert y.shape[0] == 0
    assert y.shape[1:] == case.ours(np.zeros((1, *case.shape))).shape[1:]
    assert y.dtype == np.float32
    assert pullback(y).shape == (0, *case.shape)


def test_empty_batch_of_attention():
    x = np.zeros((0, 3, 4, 5))
    y, pullback = cpool.vjp(cpool.attention_pool, x, QUERY, wrt=("x", "query"))
    assert y.shape == (0, 3)
    gx, gquery = pullback(y)
    assert gx.shape == x.shape
    np.testing.assert_array_equal(gquery, np.zeros(3), strict=True)


# Gradients ----------------------------------------------------------------------------------------


def finite_differences(function, x, gy, step=1e-4):
    """The gradient of the sum of gy * function(x)."""
    gradient = np.empty(x.shape)
    for index in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (gy * (function(up) - function(down))).sum() / (2 * step)
    return gradient


@ALL
def test_gradients(case):
    x = numbers(case.shape)
    y, pullback = case.vjp(x)
    gy = np.random.default_rng(3).normal(size=y.shape)
    gx = pullback(gy)
    np.testing.assert_allclose(gx, finite_differences(case.ours, x, gy), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(pullback(gy), gx)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.name.startswith(("blur", "spectral", "haar"))], ids=str
)
def test_adjoint_of_linear_operators(case):
    """<A x, g> = <x, A' g>, in float32 nearly."""
    for dtype in (np.float64, np.float32):
        x = numbers(case.shape, dtype)
        y, pullback = case.vjp(x)
        gy = numbers(y.shape, dtype, seed=2)
        gx = pullback(gy)
        left, right = (np.vdot(a.astype(float), b.astype(float)) for a, b in [(y, gy), (x, gx)])
        scale = np.linalg.norm(x) * np.linalg.norm(gx)
        assert abs(left - right) <= scale * TOLERANCES[np.dtype(dtype).name]


@SOME
@pytest.mark.parametrize("dtype", [d for d in FLOATS if d.itemsize == 2], ids=str)
def test_gradients_of_16_bits_are_rounded_once(case, dtype):
    x = numbers(case.shape, dtype)
    y, pullback = case.vjp(x)
    gy = numbers(y.shape, dtype, seed=2)
    gx = pullback(gy)
    wide, wide_pullback = case.vjp(x.astype(np.float32))
    np.testing.assert_array_equal(y, wide.astype(dtype), strict=True)
    expected = wide_pullback(gy.astype(np.float32))
    assert gx.dtype == dtype
    np.testing.assert_array_equal(gx, expected.astype(dtype), strict=True)


@SOME
def test_gradients_of_any_type(case):
    x = numbers(case.shape, np.float32)
    y, pullback = case.vjp(x)
    gy = np.rint(numbers(y.shape, seed=2)).astype(np.int8)
    expected = pullback(gy.astype(np.float64))
    for dtype in ["int8", ">i8", "float32", "float16", *([BFLOAT] if BFLOAT else [])]:
        gx = pullback(gy.astype(dtype))
        assert gx.dtype == np.float32
        np.testing.assert_allclose(gx, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(pullback(gy.tolist()), expected, rtol=0, atol=1e-3)
    shape = re.escape(str(y.shape))
    with pytest.raises(ValueError, match=f"gy must have the result's shape {shape}"):
        pullback(np.ones((*y.shape, 1)))


@pytest.mark.parametrize("case", [c for c in CASES if c.name == "attention_pool"], ids=str)
def test_gradients_by_the_query(case):
    x, query = numbers(case.shape), case.arguments[0]
    y, pullback = case.vjp(x, wrt=("query", "x"))
    gy = np.random.default_rng(3).normal(size=y.shape)
    expected = finite_differences(lambda q: cpool.attention_pool(x, q, **case.options), query, gy)
    gquery, gx = pullback(gy)
    np.testing.assert_allclose(gquery, expected, rtol=0, atol=1e-6)
    _, alone = case.vjp(x)
    np.testing.assert_array_equal(gx, alone(gy))
    assert gquery.dtype == np.float64


def test_attention_gradients_have_the_types_of_what_they_belong_to():
    x = numbers((2, 3, 4), np.float32)
    query = QUERY.astype(np.float16)
    y, pullback = cpool.vjp(cpool.attention_pool, x, query, wrt=("x", "query"))
    query[...] = 0  # after the call: it does not matter
    gx, gquery = pullback(np.ones_like(y))
    assert (y.dtype, gx.dtype, gquery.dtype) == (np.float32, np.float32, np.float16)
    _, other = cpool.vjp(cpool.attention_pool, x, QUERY.astype(np.float16), wrt=("x", "query"))
    np.testing.assert_array_equal(gx, other(np.ones_like(y))[0])
    with pytest.raises(ValueError, match="wrt must be 'x' or 'query'"):
        cpool.vjp(cpool.attention_pool, x, query, wrt="axes")


def test_pyramid_gradients_by_arguments_of_the_reduction():
    @dataclass(frozen=True)
    class Scaled(cpool.Mean):
        """alpha times the mean."""

        alpha: float = 1.0

        def vjp(self, x, windows, options, *given):
            y, by_x = super().vjp(x, windows, options, *given)
            alpha = self.alpha
            by = {"x": lambda gy: by_x(alpha * gy), "alpha": lambda gy: (gy * y).sum()}
            return alpha * y, Gradients(**by)

    x = numbers((2, 3, 4, 5))
    y, pullback = cpool.vjp(
        cpool.spatial_pyramid_pool, x, (1, 3), reduction=Scaled(alpha=2.0), wrt=("x", "alpha")
    )
    mean, mean_pullback = cpool.vjp(cpool.spatial_pyramid_pool, x, (1, 3), reduction="mean")
    gx, galpha = pullback(y)
    np.testing.assert_allclose(y, 2 * mean)
    np.testing.assert_allclose(gx, 2 * mean_pullback(y))
    np.testing.assert_allclose(galpha, (y * mean).sum())


def test_pyramids_that_draw():
    """A seed, a generator that is advanced once, the layer's seed; as `pool` over a pyramid."""
    x = np.random.default_rng(0).random((2, 3, 8, 6))
    given = {"reduction": "stochastic", "levels": (1, 2, 3)}
    y = cpool.spatial_pyramid_pool(x, rng=5, **given)
    again, pullback = cpool.vjp(cpool.spatial_pyramid_pool, x, rng=5, **given)
    by_pool = cpool.pool(x, cpool.Stochastic(), cpool.pyramid((1, 2, 3)), axes=(2, 3), rng=5)
    expected = reference.spatial_pyramid_pool(x, rng=5, **given)
    for other in (again, by_pool, expected):
        np.testing.assert_array_equal(other, y)
    np.testing.assert_allclose((pullback(np.ones_like(y)) * x).sum(), y.sum())
    assert not np.array_equal(cpool.spatial_pyramid_pool(x, rng=6, **given), y)
    last = cpool.spatial_pyramid_pool(np.moveaxis(x, 1, -1), rng=5, channels_last=True, **given)
    theirs = reference.spatial_pyramid_pool(
        np.moveaxis(x, 1, -1), rng=5, channels_last=True, **given
    )
    np.testing.assert_array_equal(last, theirs)

    one, other = np.random.default_rng(1), np.random.default_rng(1)
    first = cpool.spatial_pyramid_pool(x, rng=one, **given)
    np.testing.assert_array_equal(first, reference.spatial_pyramid_pool(x, rng=other, **given))
    assert one.bit_generator.state == other.bit_generator.state
    assert not np.array_equal(cpool.spatial_pyramid_pool(x, rng=one, **given), first)

    layer, same = (cpool.nn.SpatialPyramidPool(rng=5, **given) for _ in range(2))
    calls = [layer(x), layer(x)]
    assert not np.array_equal(*calls)
    np.testing.assert_array_equal([same(x), same(x)], calls)
    for reduction in ("max", cpool.Mean()):
        with pytest.raises(ValueError, match="rng must be None for m"):
            cpool.spatial_pyramid_pool(x, reduction=reduction, rng=5)
    with pytest.raises(TypeError, match="rng must be None, an int or"):
        cpool.spatial_pyramid_pool(x, rng="seed", **given)


# What each operator promises ----------------------------------------------------------------------


def test_pyramid_order():
    """Level, channel, cell."""
    x = np.arange(32.0).reshape(2, 4, 4)
    y = cpool.spatial_pyramid_pool(x, (2, 1), reduction=cpool.Max())
    np.testing.assert_array_equal(y, [5, 7, 13, 15, 21, 23, 29, 31, 15, 31])
    last = cpool.spatial_pyramid_pool(np.moveaxis(x, 0, -1), (2, 1), channels_last=True)
    np.testing.assert_array_equal(last, y)
    assert cpool.spatial_pyramid_pool(np.zeros((5, 0, 4, 4))).shape == (5, 0)


@pytest.mark.parametrize("kernel, repeats", [(3, 2), (5, 3), ((3, 7), 2)])
def test_chained_maxima_are_those_of_large_windows(kernel, repeats):
    x = np.random.default_rng(0).normal(size=(2, 3, 17, 14)).astype(np.float32)
    y = cpool.sppf(x, kernel, repeats)
    assert y.shape == (2, 3 * (repeats + 1), 17, 14)
    sizes = (kernel, kernel) if isinstance(kernel, int) else kernel
    for r in range(repeats + 1):
        large = tuple(r * (k - 1) + 1 for k in sizes)
        expected = cpool.max_pool2d(x, large, 1, "same")
        np.testing.assert_array_equal(y[:, 3 * r : 3 * r + 3], expected)


@pytest.mark.parametrize("kernel, repeats", [(3, 2), (5, 3)])
def test_chained_gradients_are_those_of_large_windows(kernel, repeats):
    """Where no two elements are equal."""
    x = numbers((2, 2, 11, 9))
    y, pullback = cpool.vjp(cpool.sppf, x, kernel, repeats)
    gy = np.random.default_rng(1).normal(size=y.shape)
    expected = gy[:, :2].copy()
    for r in range(1, repeats + 1):
        _, of_large = cpool.vjp(cpool.max_pool2d, x, r * (kernel - 1) + 1, 1, "same")
        expected += of_large(gy[:, 2 * r : 2 * r + 2])
    np.testing.assert_allclose(pullback(gy), expected, rtol=0, atol=1e-12)


def test_nans_of_chained_maxima():
    x = np.array([[[0.0, np.nan, 0.0, 0.0, 0.0]]])
    y = cpool.sppf(x, (1, 3), 2)
    expected = [[0, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
    np.testing.assert_array_equal(np.isnan(y[:, 0]), expected)


@pytest.mark.parametrize("size", range(2, 8))
def test_blur_of_an_impulse_is_pascals_triangle(size):
    x = np.zeros(15)
    x[7] = 2.0 ** (size - 1)
    y = cpool.blur_pool1d(x, size, 1)
    row = [math.comb(size - 1, k) for k in range(size)]
    first = 7 - size // 2  # reads `size // 2` to its right at most
    expected = np.zeros(15)
    expected[first : first + size] = row
    np.testing.assert_array_equal(y, expected)


def test_blur_of_constants():
    """Whatever is read beyond the border, but zeros."""
    x = np.full((5, 6), 3, np.uint8)
    for mode in MODES[1:]:
        np.testing.assert_array_equal(cpool.blur_pool2d(x, 7, padding_mode=mode), 3.0)
    y = cpool.blur_pool2d(x, 3, padding_mode="constant")
    assert (y[0, 0], y[1, 1]) == (3 * 9 / 16, 3.0)


def test_blur_along_any_axes():
    x = numbers((6, 2, 7, 5))
    y = cpool.blur_pool(x, (3, 4), (1, 3), axes=(-1, 0), padding_mode="wrap")
    expected = cpool.blur_pool2d(x.transpose(1, 2, 3, 0), (3, 4), (1, 3), padding_mode="wrap")
    np.testing.assert_allclose(y, expected.transpose(3, 0, 1, 2), atol=1e-12)
    np.testing.assert_array_equal(cpool.blur_pool(x, (3, 3)), cpool.blur_pool2d(x))
    np.testing.assert_array_equal(
        cpool.blur_pool(x, (3, 3), channels_last=True), cpool.blur_pool2d(x, channels_last=True)
    )
    np.testing.assert_array_equal(cpool.blur_pool(x[0], 4), cpool.blur_pool3d(x[0], 4))
    y, pullback = cpool.vjp(cpool.blur_pool, x, 5, 2, axes=2)
    gy = numbers(y.shape, seed=1)
    np.testing.assert_allclose((gy * y).sum(), (pullback(gy) * x).sum())


@pytest.mark.parametrize("channels_last", [False, True])
def test_blur_of_large_arrays(channels_last):
    """Planes of many tiles are what SciPy's correlations make of them, and to the last bit what
    they are alone, or in another place of memory."""
    x = np.random.default_rng(0).normal(size=(2, 3, 490, 361)).astype(np.float32)
    given = np.moveaxis(x, 1, -1) if channels_last else x
    y = cpool.blur_pool2d(given, 4, (2, 3), channels_last=channels_last)
    y = np.moveaxis(y, -1, 1) if channels_last else y
    filtered = x.astype(np.float64)
    for axis in (2, 3):
        filtered = ndimage.correlate1d(filtered, np.array([1, 3, 3, 1]) / 8, axis, mode="mirror",
                                       origin=-1)  # fmt: skip
    np.testing.assert_allclose(y, filtered[:, :, ::2, ::3], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(y[1, 2], cpool.blur_pool2d(x[1, 2].copy(), 4, (2, 3)))
    flat = x.reshape(-1)
    np.testing.assert_array_equal(cpool.blur_pool1d(flat)[:-2], cpool.blur_pool1d(flat[:-4]),
                                  strict=True)  # fmt: skip


def test_blur_keeps_large_numbers():
    largest = np.finfo(np.float16).max
    np.testing.assert_array_equal(cpool.blur_pool2d(np.full((6, 6), largest), 5), largest)
    big = np.full((4, 4), np.finfo(np.float32).max / 4, np.float32)
    np.testing.assert_array_equal(cpool.blur_pool2d(big, 7), big[:2, :2])
    integers = np.full((3, 3), 2**62, np.int64)
    np.testing.assert_array_equal(cpool.blur_pool2d(integers), np.full((2, 2), 2.0**62))


def test_max_blur_changes_less_than_max_under_a_shift():
    x = np.random.default_rng(0).normal(size=(4, 32, 32))
    shifted = np.roll(x, 1, axis=-1)

    def change(function):
        return np.abs(function(x) - function(shifted))[..., 2:-2].mean()

    assert change(cpool.max_blur_pool2d) < 0.7 * change(lambda x: cpool.max_pool2d(x, 2))
    assert cpool.max_blur_pool2d(np.zeros((2, 9, 12)), 3, (2, 5)).shape == (2, 4, 2)


@pytest.mark.parametrize("norm_type", [1, 2, 3.5, np.inf])
@pytest.mark.parametrize("stride", [2, (3, 2)])
def test_polyphase_shifts_with_its_input(stride, norm_type):
    """A circular shift of the input is one of the result, whichever it is, and loses nothing."""
    x = np.random.default_rng(0).normal(size=(3, 2, 12, 8))
    y = cpool.polyphase_pool2d(x, stride, norm_type=norm_type)
    steps = (stride, stride) if isinstance(stride, int) else stride
    for shift in itertools.product(range(4), (0, 1, 5)):
        moved = cpool.polyphase_pool2d(np.roll(x, shift, (2, 3)), stride, norm_type=norm_type)
        for example, expected in zip(moved, y, strict=True):
            # Each example has its own phase: the shift is rounded up or down.
            near = [(s // step, s // step + 1) for s, step in zip(shift, steps, strict=True)]
            rolls = [np.roll(expected, roll, (1, 2)) for roll in itertools.product(*near)]
            assert sum(np.array_equal(example, roll) for roll in rolls) == 1


def test_polyphase_chooses_once_for_all_channels():
    x = np.array([[[0, 3, 0, 3], [2, 0, 2, 0]], [[0, 1, 0, 1], [2, 0, 2, 0]]])
    np.testing.assert_array_equal(
        cpool.polyphase_pool1d(x), [[[3, 3], [0, 0]], [[0, 0], [2, 2]]], strict=True
    )
    np.testing.assert_array_equal(cpool.polyphase_pool1d(x[0]), [[3, 3], [0, 0]])
    np.testing.assert_array_equal(
        cpool.polyphase_pool1d(x.swapaxes(1, 2), channels_last=True).swapaxes(1, 2),
        cpool.polyphase_pool1d(x),
    )
    # Ties, NaN, and norms that would overflow or vanish.
    np.testing.assert_array_equal(cpool.polyphase_pool1d([1, -1, 1, -1]), [1, 1])
    np.testing.assert_array_equal(cpool.polyphase_pool1d([9.0, np.nan, 9.0, 0.0]), [np.nan, 0.0])
    np.testing.assert_array_equal(cpool.polyphase_pool1d([9.0, -np.inf, 9.0, 0.0]), [-np.inf, 0.0])
    for size in (1e300, 1e-300):
        np.testing.assert_array_equal(cpool.polyphase_pool1d([size, 2 * size]), [2 * size])
    lowest = np.iinfo(np.int8).min
    np.testing.assert_array_equal(cpool.polyphase_pool1d(np.array([127, lowest], np.int8)), lowest)


@pytest.mark.parametrize("shape", [(3, 7, 6, 9), (2, 6, 8, 19), (1, 1, 5, 4), (4, 2, 3, 6, 4)])
@pytest.mark.parametrize("stride", [2, 3, (1, 4), 9])
def test_polyphase_of_float32(shape, stride):
    """Squares that are compiled, in all layouts, with ties and NaNs."""
    rng = np.random.default_rng(0)
    plain, ties, bad = (rng.normal(size=shape), rng.integers(-1, 2, shape), rng.normal(size=shape))
    bad[rng.random(shape) < 0.02] = np.nan
    for x in (plain.astype("f4"), ties.astype("f4"), bad.astype("f4")):
        turned = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
        last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        expected = cpool.reference.polyphase_pool2d(x.astype(float), stride)
        for given in (x, turned, x.astype(float)):
            np.testing.assert_array_equal(cpool.polyphase_pool2d(given, stride), expected)
        y = cpool.polyphase_pool2d(last, stride, channels_last=True)
        np.testing.assert_array_equal(np.moveaxis(y, -1, 1), expected)
        rows = x.reshape(len(x), -1, x.shape[-1])
        step = stride if isinstance(stride, int) else stride[1]
        np.testing.assert_array_equal(
            cpool.polyphase_pool1d(rows, step), cpool.polyphase_pool1d(rows.astype(float), step)
        )


def test_polyphase_continues_other_lengths():
    np.testing.assert_array_equal(cpool.polyphase_pool1d([0, 5, 0, 5, 1]), [5, 5, 0])
    y, pullback = cpool.vjp(cpool.polyphase_pool1d, [0.0, 5.0, 0.0, 5.0, 1.0], 2)
    np.testing.assert_array_equal(pullback([1.0, 2.0, 4.0]), [4, 1, 0, 2, 0])
    for stride in (2, 5, 2**60):
        y, pullback = cpool.vjp(cpool.polyphase_pool1d, [3.0, 4.0], stride)
        np.testing.assert_array_equal(y, [4])
        np.testing.assert_array_equal(pullback([7.0]), [0, 7])
        np.testing.assert_array_equal(cpool.blur_pool1d([3.0, 3.0], 3, stride), [3.0])


@pytest.mark.parametrize("n, m", [(12, 5), (12, 6), (11, 4), (11, 11), (12, 12), (8, 1)])
def test_spectral_pooling_keeps_low_frequencies(n, m):
    x = np.random.default_rng(0).normal(size=n)
    y = cpool.spectral_pool1d(x, m)
    assert y.mean() == pytest.approx(x.mean())
    whole, part = np.fft.fft(x) / n, np.fft.fft(y) / m
    for k in range((m + 1) // 2):
        np.testing.assert_allclose([part[k], part[-k]], [whole[k], whole[-k]], atol=1e-12)
    if m % 2 == 0:
        np.testing.assert_allclose(part[m // 2], whole[m // 2].real, atol=1e-12)
    if m == n:
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("m", [4, 8, 128])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_spectral_pooling_as_sums_and_by_transforms(m, dtype):
    """Lengths that are multiples of the result's, short and long, in any layout."""
    x = (numbers((3, 2 * m, 3 * m)) * 9).astype(dtype)
    expected = cpool.reference.spectral_pool2d(x.astype(float), m)
    y, pullback = cpool.vjp(cpool.spectral_pool2d, x, m)
    assert_close(y, expected, np.dtype(dtype) if dtype != "i2" else np.dtype(float))
    last, pullback_last = cpool.vjp(
        cpool.spectral_pool2d, np.moveaxis(x, 0, -1), m, channels_last=True
    )
    assert_close(np.moveaxis(last, -1, 0), expected, y.dtype)
    gy = numbers(y.shape, seed=1)
    gx = pullback(gy)
    assert_close(np.moveaxis(pullback_last(np.moveaxis(gy, 0, -1)), -1, 0), gx, gx.dtype)
    np.testing.assert_allclose(
        np.vdot(gx.astype(float), x.astype(float)), np.vdot(gy, expected),
        rtol=1e-4 if dtype == "f4" else 1e-10,
    )  # fmt: skip


def test_spectral_pooling_of_bad_numbers():
    for bad in (np.nan, np.inf):
        x = np.ones((2, 6))
        x[1, 2] = bad
        y, pullback = cpool.vjp(cpool.spectral_pool1d, x, 4)
        np.testing.assert_allclose(y[0], 1.0, rtol=1e-15)
        assert not np.isfinite(y[1]).any()
        assert not np.isfinite(pullback(y)[1]).any()


def test_haar_bands_are_orthonormal():
    """The pullback is a right inverse, and blocks of equal elements lose nothing."""
    for rank in (1, 2, 3):
        function = getattr(cpool, f"haar_pool{rank}d")
        x = np.random.default_rng(0).normal(size=(3, *[4] * rank))
        y, pullback = cpool.vjp(function, x)
        np.testing.assert_allclose(function(pullback(y)), y, atol=1e-14)
        np.testing.assert_allclose(np.linalg.norm(pullback(y)), np.linalg.norm(y))
        mean = getattr(cpool, f"avg_pool{rank}d")(x, 2)
        np.testing.assert_allclose(y, 2 ** (rank / 2) * mean, atol=1e-14)
    assert np.isinf(cpool.haar_pool2d(np.full((2, 2), 60000, np.float16)))
    assert cpool.haar_pool2d(np.full((2, 2), 20000, np.float16)) == 40000
    assert cpool.haar_pool2d(np.full((2, 2), 200, np.uint8)) == 400


def test_attention_is_a_mean_between_extremes():
    x = numbers((2, 3, 4, 5))
    mean = cpool.global_avg_pool(x, keepdims=False)
    np.testing.assert_allclose(cpool.attention_pool(x, np.zeros(3)), mean, atol=1e-14)
    largest = cpool.attention_pool(x, [0.0, 0.0, 1e4])
    at = x[:, 2].reshape(2, -1).argmax(1)
    np.testing.assert_allclose(largest, x.reshape(2, 3, -1)[[0, 1], :, at])
    # Products are large: exp of them would be infinite.
    np.testing.assert_array_equal(cpool.attention_pool(np.full((1, 2, 3), 1e200), [1e9, 1]), 1e200)
    assert np.isnan(cpool.attention_pool([[1.0, np.inf]], [1.0], axes=1)).all()


# Errors -------------------------------------------------------------------------------------------

X = np.zeros((4, 6, 8))
MASKED, COMPLEX = np.ma.array(X), X.astype(complex)
ERRORS = [
    ("spatial_pyramid_pool", X[0], {}, ValueError, "x must have at least 3 axes"),
    ("spatial_pyramid_pool", X, {"levels": 2}, TypeError, "levels must be a tuple of ints, got 2"),
    ("spatial_pyramid_pool", X, {"levels": ()}, ValueError, "levels must not be empty"),
    ("spatial_pyramid_pool", X, {"levels": (1, 2.0)}, TypeError, "levels must be a tuple of ints"),
    ("spatial_pyramid_pool", X, {"levels": (True,)}, TypeError, "levels must be a tuple of ints"),
    ("spatial_pyramid_pool", X, {"levels": (1, 0)}, ValueError, "levels must be at least 1"),
    ("spatial_pyramid_pool", X, {"reduction": "no"}, ValueError, "reduction must be one of max"),
    ("spatial_pyramid_pool", X[:, :0], {}, ValueError, "must not be empty along a pooled axis"),
    ("spatial_pyramid_pool", X, {"channels_last": 1}, TypeError, "channels_last must be a bool"),
    ("sppf", X[0], {}, ValueError, "x must have at least 3 axes"),
    ("sppf", X, {"kernel_size": 0}, ValueError, "kernel_size must be at least 1, got 0"),
    ("sppf", X, {"kernel_size": 2.0}, TypeError, "kernel_size must be an int"),
    ("sppf", X, {"repeats": 0}, ValueError, "repeats must be at least 1, got 0"),
    ("sppf", X, {"repeats": 1.0}, TypeError, "repeats must be an int, got 1.0"),
    ("sppf", X[:, :0], {}, ValueError, "must not be empty along a pooled axis"),
    ("sppf", X, {"channels_last": None}, TypeError, "channels_last must be a bool"),
    ("blur_pool2d", X, {"filter_size": 8}, ValueError, "filter_size must be from 2 to 7, got 8"),
    ("blur_pool2d", X, {"filter_size": (3, 1)}, ValueError, "filter_size must be from 2 to 7"),
    ("blur_pool2d", X, {"filter_size": 3.0}, TypeError, "filter_size must be an int"),
    ("blur_pool2d", X, {"filter_size": True}, TypeError, "filter_size must be an int"),
    ("blur_pool2d", X, {"filter_size": ()}, ValueError, "filter_size must have 1 to 3 entries"),
    ("blur_pool2d", X, {"filter_size": (3, 3, 3)}, ValueError, "has 3 entries, but 2 axes"),
    ("blur_pool2d", X, {"stride": 0}, ValueError, "stride must be at least 1, got 0"),
    ("blur_pool2d", X, {"stride": None}, TypeError, "stride must be an int"),
    ("blur_pool2d", X, {"stride": (1, 2, 3)}, ValueError, "stride has 3 entries"),
    ("blur_pool2d", X, {"padding_mode": "zeros"}, ValueError, "padding_mode must be"),
    ("blur_pool2d", X[0, 0], {}, ValueError, "x must have at least 2 axes"),
    ("blur_pool2d", X[0], {"channels_last": True}, ValueError, "x must have at least 3 axes"),
    ("blur_pool3d", X[:, :0], {}, ValueError, "must not be empty along a pooled axis"),
    ("blur_pool", X, {"axes": (1, 1)}, ValueError, "axes must not name an axis twice"),
    ("blur_pool", X[None], {}, ValueError, "axes= must say which"),
    ("max_blur_pool2d", X, {"kernel_size": 7}, ValueError, "kernel_size"),
    ("max_blur_pool2d", X, {"filter_size": 9}, ValueError, "filter_size must be from 2 to 7"),
    ("max_blur_pool2d", X, {"stride": 1.5}, TypeError, "stride must be an int"),
    ("polyphase_pool2d", X, {"stride": 0}, ValueError, "stride must be at least 1, got 0"),
    ("polyphase_pool2d", X, {"stride": None}, TypeError, "stride must be an int"),
    ("polyphase_pool2d", X, {"norm_type": 0}, ValueError, "norm_type must be positive or inf"),
    ("polyphase_pool2d", X, {"norm_type": math.nan}, ValueError, "norm_type must be positive"),
    ("polyphase_pool2d", X, {"norm_type": "2"}, TypeError, "norm_type must be a number, got '2'"),
    ("polyphase_pool2d", X[:, :, :0], {}, ValueError, "must not be empty along a pooled axis"),
    ("polyphase_pool1d", X[0, 0], {"channels_last": True}, ValueError, "at least 2 axes"),
    ("spectral_pool1d", X, {"output_size": 9}, ValueError, "output_size must be at most x's size"),
    ("spectral_pool2d", X, {"output_size": (7, 8)}, ValueError, r"\(6, 8\), got \(7, 8\)"),
    ("spectral_pool2d", X, {"output_size": 0}, ValueError, "output_size must be at least 1, got 0"),
    ("spectral_pool2d", X, {"output_size": 2.0}, TypeError, "output_size must be an int"),
    ("spectral_pool2d", X, {"output_size": (1, 1, 1)}, ValueError, "output_size has 3 entries"),
    ("spectral_pool2d", X[:, :0], {"output_size": 1}, ValueError, "must not be empty along a"),
    ("haar_pool2d", X[:, 1:], {}, ValueError, r"x must have even lengths along .*, got \(5, 8\)"),
    ("haar_pool1d", X[:, :, :0], {}, ValueError, "must not be empty along a pooled axis"),
    ("haar_pool1d", X, {"channels_last": 0}, TypeError, "channels_last must be a bool"),
    ("attention_pool", X, {"query": [1.0]}, ValueError, "each of x's 6 channels, got shape"),
    ("attention_pool", X, {"query": [[1.0] * 6]}, ValueError, "query must have one value"),
    ("attention_pool", X, {"query": [1j] * 6}, TypeError, "query"),
    ("attention_pool", X, {"query": [1] * 6, "axes": (0, 1, 2)}, ValueError, "axes must leave"),
    ("attention_pool", X, {"query": [1] * 6, "axes": 3}, ValueError, "axes must be from -3 to 2"),
    ("attention_pool", X[0], {"query": [1] * 6}, ValueError, "axes= must say which"),
    ("attention_pool", X[..., :0], {"query": [1] * 6}, ValueError, "must not be empty along a"),
    ("attention_pool", X, {"query": [1] * 8, "axes": 0, "channels_last": True}, ValueError,
     "channels_last and axes cannot both"),
]  # fmt: skip


@pytest.mark.parametrize("name, x, options, error, message", ERRORS)
def test_errors(name, x, options, error, message):
    function = getattr(cpool, name)
    with pytest.raises(error, match=message):
        function(x, **options)
    with pytest.raises(error, match=message):
        cpool.vjp(function, x, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("x", [MASKED, COMPLEX, X.astype(object), X.astype(str)])
def test_arrays_that_cannot_be_pooled(name, x):
    needed = {"spectral_pool1d": [2], "spectral_pool2d": [2], "attention_pool": [[1.0] * 6]}
    function = getattr(cpool, name)
    with pytest.raises(TypeError, match=r"^x "):
        function(x, *needed.get(name, []))
    with pytest.raises(TypeError, match=r"^x "):
        cpool.vjp(function, x, *needed.get(name, []))


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_texts(name):
    """The pullback takes what the function takes; the text has all that a reader looks for."""
    function = getattr(cpool, name)

    def parameters(f):
        return [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]

    assert parameters(function) == parameters(function._vjp)
    assert all(p.annotation for p in inspect.signature(function).parameters.values())
    for heading in ("Parameters", "Returns", "Raises", "See Also", "References", "Examples"):
        assert f"\n    {heading}\n    {'-' * len(heading)}\n" in function.__doc__
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^    {parameter} : ", function.__doc__, re.MULTILINE)


@pytest.mark.parametrize(
    "module", [attention, blurring, pyramids, transforms], ids=lambda module: module.__name__
)
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


# Peers --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the arrays are small
    yield torch
    torch.set_num_threads(threads)


TORCH_MODES = {
    "mirror": "reflect", "nearest": "replicate", "wrap": "circular", "constant": "constant"
}  # fmt: skip


@pytest.mark.parametrize("mode", TORCH_MODES)
@pytest.mark.parametrize("size", range(2, 8))
def test_blur_as_a_depthwise_convolution(torch, size, mode):
    """Padding once, then conv2d with a group for each channel; values and gradients."""
    channels = 3
    row = torch.tensor([math.comb(size - 1, k) for k in range(size)], dtype=torch.float64)
    kernel = torch.outer(row, row)[None, None] / row.sum() ** 2
    pad = [(size - 1) // 2, math.ceil((size - 1) / 2)] * 2
    for stride, shape in [(2, (8, 9)), (3, (7, 10))]:
        x = torch.from_numpy(numbers((2, channels, *shape))).requires_grad_()
        padded = torch.nn.functional.pad(x, pad, mode=TORCH_MODES[mode])
        kernels = kernel.expand(channels, 1, size, size)
        expected = torch.nn.functional.conv2d(padded, kernels, stride=stride, groups=channels)
        y, pullback = cpool.vjp(
            cpool.blur_pool2d, x.detach().numpy(), size, stride, padding_mode=mode
        )
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=1e-12)
        gy = numbers(y.shape, seed=1)
        expected.backward(torch.from_numpy(gy))
        np.testing.assert_allclose(pullback(gy), x.grad.numpy(), rtol=0, atol=1e-11)


def test_pyramid_as_adaptive_pooling(torch):
    x = torch.from_numpy(numbers((2, 3, 9, 7))).requires_grad_()
    for reduction in ("max", "avg"):
        pool = getattr(torch.nn.functional, f"adaptive_{reduction}_pool2d")
        expected = torch.cat([pool(x, level).flatten(1) for level in (1, 3, 4)], 1)
        y, pullback = cpool.vjp(
            cpool.spatial_pyramid_pool, x.detach().numpy(), (1, 3, 4),
            reduction={"avg": "mean"}.get(reduction, reduction),
        )  # fmt: skip
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=1e-13)
        gy = numbers(y.shape, seed=1)
        x.grad = None
        expected.backward(torch.from_numpy(gy))
        np.testing.assert_allclose(pullback(gy), x.grad.numpy(), rtol=0, atol=1e-12)


def test_attention_as_scaled_dot_product_attention(torch):
    """Keys and values are the positions."""
    x = torch.from_numpy(numbers((2, 3, 4, 5))).requires_grad_()
    query = torch.from_numpy(QUERY.copy()).requires_grad_()
    rows = x.flatten(2).transpose(1, 2)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query.expand(2, 1, 3), rows, rows
    )[:, 0]
    y, pullback = cpool.vjp(
        cpool.attention_pool, x.detach().numpy(), QUERY, wrt=("x", "query")
    )
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=1e-12)
    gy = numbers(y.shape, seed=1)
    expected.backward(torch.from_numpy(gy))
    for ours, theirs in zip(pullback(gy), (x, query), strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=0, atol=1e-11)
