"""How far a sum of floats may be from the exact one, and that nothing drifts.

The bound. Each element of a window is added once, in a tree: no sum runs on from window to window.
So if no element goes through more than L additions, the computed sum of a window w is

    |computed - exact| <= L u / (1 - L u) * sum(|w|),    u = eps / 2,

eps being that of the type which sums are made in: float64 for float64, float32 for the other
floats (Higham 1993; additions are exact where they underflow). L is the number of additions on the
longest path. Along an axis of a window with k elements it is at most

    d(k) = min(k - 1, 58 + log2(k)):

rows are added four at a time up to 32 of them (10 additions), elements of one row in 16 partial
sums up to 1024 of them (67 additions), and longer runs are halved, with one more addition for each
time. The axes come one after the other, so L is the sum of d(k) over them, and for a window of n
elements along a axes never more than

    L = min(n - 1, 58 a + log2(n)),

which holds too where two axes that continue each other in memory are added up as one. There are
three exceptions. A row of more than 65536 elements that is one window and is not read in place
(16-bit types, strides, `where`) is added up in pieces of 16384, which count as one axis more:
58 (a + 1). And an axis counts k - 1, so that only L = n - 1 holds, if it is that of rows of windows
one row apart that have more than 6 of them, or the last pooled one of windows more than 8 elements
apart with dilation or with channels of less than 32 bytes, or the
first of three that are not read in place.

A mean has two more roundings, of the divisor and of the quotient. A result of 16 bits is then
rounded once more, to nearest.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operators import (
    FLOATS,
    RUN_SLOW,
    accumulator,
    assert_between,
    assert_bits,
    epsilon,
    fuzz,
    lay_out,
    rounded,
)

import cpool

FUNCTIONS = {"sum_pool": 0, "avg_pool": 2}  # and their roundings beside the additions


def longest_path(elements, axes=1):
    """L of a window, without the exceptions."""
    return min(elements - 1, 58 * axes + math.ceil(math.log2(elements)))


def relative_bound(roundings, dtype):
    u = epsilon(accumulator(dtype, dtype)) / 2
    return roundings * u / (1 - roundings * u)


def exact_sums(windows, count):
    """The sums of windows, one in each row, and of their absolute values."""
    windows = windows.reshape(count, -1).astype(np.float64)
    return [np.array([math.fsum(w) for w in rows]) for rows in (windows, np.abs(windows))]


def assert_sums(y, windows, path, dtype, function="sum_pool", divisor=1):
    """Results are within the bound of the sums of windows, divided by the divisor of a mean."""
    exact, sizes = exact_sums(windows, y.size) if isinstance(windows, np.ndarray) else windows
    exact, sizes = exact / divisor, sizes / divisor
    # What fsum and the division above round is one more, and one in the bound itself.
    off = relative_bound(path + FUNCTIONS[function] + 4, dtype) * sizes
    off += float(np.finfo(np.float32).smallest_subnormal)  # a quotient may underflow
    low, high = rounded(exact - off, dtype), rounded(exact + off, dtype)
    assert_between(y.reshape(-1), low, high, f"{function}, {path} additions, {dtype}")


def tenths(rng, n):
    """All the same: every rounding goes in one direction."""
    return np.full(n, 0.1)


def cancelling(rng, n):
    """Opposite numbers far from each other: a sum that is next to nothing beside them."""
    half = rng.normal(size=n // 2) * 100
    return np.concatenate([half, rng.normal(size=n - 2 * (n // 2)), -rng.permutation(half)])


def one_large(rng, n):
    """A first number of which a running sum would lose all the others."""
    return np.concatenate([[2.0**12], np.full(n - 1, 2.0**-13)])


def all_scales(rng, n):
    return rng.normal(size=n) * 2.0 ** rng.integers(-12, 12, n)


def ascending(rng, n):
    return np.sort(np.abs(rng.normal(size=n)))


DATA = [tenths, cancelling, one_large, all_scales, ascending]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("data", DATA)
def test_windows_of_a_row(data, dtype):
    """Windows of a few to some thousand elements, with every way to go along a row."""
    rng = np.random.default_rng(1)
    for kernel in (2, 9, 31, 33, 101, 1000, 4097):
        for stride in (1, 2, 3, 8, 9, 50):
            x = data(rng, kernel + 3 * stride).astype(dtype)
            windows = np.lib.stride_tricks.sliding_window_view(x, kernel)[::stride]
            exact = exact_sums(windows, len(windows))
            for layout in ("C", "strided", "reversed"):
                x_of_it = lay_out(x, layout)
                y = cpool.sum_pool1d(x_of_it, kernel, stride)
                assert_sums(y, exact, longest_path(kernel), dtype)
                y = cpool.avg_pool1d(x_of_it, kernel, stride)
                assert_sums(y, exact, longest_path(kernel), dtype, "avg_pool", kernel)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("channels", [0, 1, 3, 8, 19])
def test_windows_of_a_plane(channels, data, dtype):
    """Channels first (0 of them) and last, windows from 3 x 3 to 101 x 31."""
    rng = np.random.default_rng(2)
    for kernel, stride in [((3, 3), (1, 1)), ((31, 31), (2, 1)), ((101, 31), (1, 2)),
                           ((7, 101), (1, 8)), ((1, 64), (1, 3)), ((64, 1), (2, 2))]:  # fmt: skip
        shape = [k + 2 * s for k, s in zip(kernel, stride, strict=True)]
        x = data(rng, math.prod(shape) * max(channels, 1)).astype(dtype)
        x = x.reshape(*shape, channels) if channels else x.reshape(shape)
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel, (0, 1))
        windows = windows[:: stride[0], :: stride[1]]
        path = longest_path(math.prod(kernel), 2)
        y = cpool.sum_pool2d(x, kernel, stride, channels_last=bool(channels))
        exact = exact_sums(windows, y.size)
        assert_sums(y, exact, path, dtype)
        y = cpool.avg_pool2d(x, kernel, stride, channels_last=bool(channels))
        assert_sums(y, exact, path, dtype, "avg_pool", math.prod(kernel))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("data", DATA if RUN_SLOW else [tenths, one_large])
@pytest.mark.parametrize("shape", [(10**6,), (1000, 1001), (100, 100, 101), (250000, 4)], ids=str)
def test_whole_arrays(shape, data, dtype):
    """A million elements: in one window, whose rows continue each other in memory or do not, or in
    one for each channel."""
    whole = data(np.random.default_rng(3), math.prod(shape)).astype(dtype).reshape(shape)
    last = shape[-1] == 4
    axes = tuple(range(whole.ndim - last))
    parts = [whole[..., :-1], np.asfortranarray(whole)[..., :-1]]
    for x in [whole] if last or whole.ndim == 1 else parts:
        exact = exact_sums(x.reshape(-1, 4).T, 4) if last else exact_sums(x, 1)
        count = x.size // exact[0].size
        path = longest_path(count, len(axes) + 1)
        assert_sums(cpool.global_sum_pool(x, axes=axes), exact, path, dtype)
        assert_sums(cpool.global_avg_pool(x, axes=axes), exact, path, dtype, "avg_pool", count)


def test_the_bound_has_teeth():
    """A running sum in float32 of a million tenths is far outside of it."""
    x = tenths(None, 10**6).astype(np.float32)
    running = np.cumsum(x, dtype=np.float32)[-1:]
    with pytest.raises(AssertionError, match="1 of 1 differ"):
        assert_sums(running, x[None], longest_path(x.size), np.dtype(np.float32))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("data", DATA)
def test_the_exceptions(data, dtype):
    """Pieces of rows; and one addition after the other: still each element once."""
    rng = np.random.default_rng(4)
    kernel, stride = 500, 9
    for channels, dilation in [(1, 2), (3, 1), (3, 3)]:
        extent = (kernel - 1) * dilation + 1
        x = data(rng, (extent + 2 * stride) * channels).astype(dtype).reshape(-1, channels)
        y = cpool.sum_pool1d(x, kernel, stride, dilation=dilation, channels_last=True)
        windows = np.lib.stride_tricks.sliding_window_view(x, extent, 0)[::stride, :, ::dilation]
        assert_sums(y, windows, kernel - 1, dtype)
    x = data(rng, 2 * 300001).astype(dtype)[::2]
    exact, path = exact_sums(x, 1), longest_path(x.size, 2)
    assert_sums(cpool.global_sum_pool(x, axes=0), exact, path, dtype)
    y = cpool.global_sum_pool(np.ascontiguousarray(x), axes=0, where=np.ones(x.shape, bool))
    assert_sums(y, exact, path, dtype)
    x = data(rng, 300 * 4 * 6).astype(dtype).reshape(300, 4, 6)[:, ::2, ::2]
    y = cpool.global_sum_pool(x, axes=(0, 1, 2))
    assert_sums(y, x.reshape(1, -1), x.size - 1, dtype)
    y = cpool.sum_pool3d(x, (299, 2, 3), 1, where=np.ones(x.shape, bool))
    windows = np.lib.stride_tricks.sliding_window_view(x, (299, 2, 3))
    assert_sums(y, windows, 299 * 6 - 1, dtype)


@fuzz(300)
@given(
    values=st.lists(st.floats(width=32, min_value=-(2.0**60), max_value=2.0**60), min_size=1),
    kernel=st.integers(1, 50),
    stride=st.integers(1, 12),
    channels=st.integers(1, 9),
    repeats=st.integers(1, 5),
)
def test_random_sums(values, kernel, stride, channels, repeats):
    """Any numbers, against fractions."""
    line = np.tile(np.array(values, np.float32), repeats)
    kernel = min(kernel, line.size)
    x = np.repeat(line[:, None], channels, axis=1)
    y = cpool.sum_pool1d(x, kernel, stride, channels_last=True)
    windows = np.lib.stride_tricks.sliding_window_view(line, kernel)[::stride]
    bound = Fraction(relative_bound(kernel - 1, np.dtype(np.float32)))
    for row, window in zip(y, windows, strict=True):
        window = [Fraction(float(v)) for v in window]
        for value in row:
            assert abs(Fraction(float(value)) - sum(window)) <= bound * sum(map(abs, window))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_drifts_along_a_row(function, dtype):
    """Windows behind a huge number are the same bits as if it had not been there."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=200000).astype(dtype)
    spiked = x.copy()
    spiked[[1000, 150000]] = 6e4 if dtype == np.float16 else 1e30
    for kernel, stride in [(3, 1), (9, 2), (101, 1), (100, 7), (1000, 11), (40, 40)]:
        plain = getattr(cpool, f"{function}1d")(x, kernel, stride)
        y = getattr(cpool, f"{function}1d")(spiked, kernel, stride)
        starts = np.arange(plain.size) * stride
        hit = np.zeros(plain.size, bool)
        for spike in (1000, 150000):
            hit |= (starts <= spike) & (spike < starts + kernel)
        assert 0 < hit.sum() < plain.size
        assert_bits(y[~hit], plain[~hit])
        some = rng.integers(0, plain.size, 50)
        windows = np.lib.stride_tricks.sliding_window_view(spiked, kernel)[::stride][some]
        divisor = kernel if function == "avg_pool" else 1
        assert_sums(y[some], windows, longest_path(kernel), dtype, function, divisor)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_drifts_down_the_columns(function):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3000, 40)).astype(np.float32)
    spiked = x.copy()
    spiked[10] = 1e30
    for last in (False, True):
        plain, y = (
            getattr(cpool, f"{function}2d")(
                np.stack([a, a], axis=-1) if last else a, (31, 3), 1, channels_last=last
            )
            for a in (x, spiked)
        )
        assert_bits(y[11:], plain[11:])


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_are_sums_too(function, dtype):
    """What an element gets from many windows has the same bound: here from up to 1000."""
    kernel, n = 1000, 3000
    for data in DATA:
        gy = data(np.random.default_rng(7), n - kernel + 1).astype(dtype)
        for layout in ("C", "reversed"):
            x = lay_out(np.zeros(n, dtype), layout)
            _, pullback = cpool.vjp(getattr(cpool, f"{function}1d"), x, kernel, 1)
            gx = pullback(gy)
            padded = np.concatenate([np.zeros(kernel - 1), gy, np.zeros(kernel - 1)])
            windows = np.lib.stride_tricks.sliding_window_view(padded, kernel)
            some = np.r_[0, 1, kernel, n // 2, n - 1]
            # A mean's gradient is divided before it is added: no more roundings than after.
            divisor = kernel if function == "avg_pool" else 1
            assert_sums(gx[some], windows[some], longest_path(kernel), dtype, function, divisor)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_sixteen_bits_are_added_in_thirty_two(dtype):
    """5000 ones are 5000, where a sum in 16 bits would stop at 2048 or 256."""
    ones = np.ones((5000, 2), dtype)
    expected = rounded(np.full((1, 2), 5000.0), dtype)
    assert_bits(cpool.sum_pool1d(ones, 5000, channels_last=True), expected)
    assert_bits(cpool.global_sum_pool(ones, axes=0), expected)
    assert_bits(cpool.global_avg_pool(ones, axes=0), np.ones((1, 2), dtype))


def test_dtype_is_the_accumulators():
    """A wider dtype adds up in it; a narrower one is only for the result."""
    x = np.full(2**16, 0.1, np.float32)
    exact = math.fsum(x.astype(float))
    y = cpool.global_sum_pool(x, axes=0, dtype=np.float64)[0]
    assert abs(y - exact) <= relative_bound(longest_path(x.size), np.dtype(float)) * exact
    x = np.concatenate([np.full(1000, 1e-3), [1e8], np.full(1000, 1e-3), [-1e8]])
    y = cpool.global_sum_pool(x, axes=0, dtype=np.float32)[0]
    assert abs(float(y) - 2.0) < 1e-5
