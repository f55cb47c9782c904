"""Memory: nothing is read beyond an array, nothing is written but the result.

Kernels read and write whole blocks, so both ends of every row are where mistakes would be. Arrays
are put against pages that may not be touched, in a process of its own, because a mistake ends it;
and into the middle of larger ones, of which no other byte may change or matter.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import faulthandler
import itertools
import math
import mmap
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from operators import DTYPES, KINDS, function_name, instruction_set, is_floating

import cpool
import cpool.kernels
from cpool import driver

SIDES = ("before", "behind")
fenced = pytest.mark.skipif(os.name != "posix", reason="needs mprotect")


# Calls --------------------------------------------------------------------------------------------


@dataclass
class Call:
    """A form of every operator, on an array of some shape."""

    form: str
    rank: int
    shape: tuple[int, ...]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def function(self, kind: Any) -> Callable[..., Any]:
        return getattr(cpool, function_name(kind, self.form, self.rank))

    def __str__(self) -> str:
        return f"{self.form} {self.shape} {self.arguments} {self.options}"


def sliding(
    shape: tuple[int, ...], rank: int, size: Any, stride: Any = None, **options: Any
) -> Call:
    return Call("sliding", rank, shape, (size, stride), options)


LAST = {"channels_last": True}
SMALL = [
    sliding((203,), 1, 3, 1),
    sliding((101,), 1, 2, 2),
    sliding((103,), 1, 3, 2),
    sliding((203,), 1, 5, 3, padding=2),
    sliding((203,), 1, 37, 1, dilation=3),
    sliding((203,), 1, 9, 11),
    sliding((203,), 1, 200, 1, padding=60),
    sliding((37,), 1, 4, 1, padding=81, padding_mode="wrap"),
    sliding((203, 7), 1, 3, 2, **LAST),
    # Planes of a few bytes: what may be read behind one of them ends in the last ones.
    sliding((9, 7), 1, 3, 1),
    sliding((9, 3, 7), 2, 2, 1),
    sliding((40, 3, 3), 2, 2, 1),
    sliding((40, 2, 5), 2, 2, 2),
    sliding((40, 6, 5), 2, 2, 2),
    sliding((9, 2, 3, 3), 2, 2, 1, **LAST),
    sliding((3, 37, 53), 2, 2, 2),
    sliding((3, 37, 53), 2, 3, 2, padding=1),
    sliding((3, 38, 54), 2, 3, 2, padding=1),
    sliding((2, 9, 8, 12), 2, 3, 2, padding=1),
    sliding((2, 6, 8, 18), 3, 2, 2),
    sliding((3, 37, 53), 2, (1, 5), 1),
    sliding((3, 37, 53), 2, (6, 1), (5, 1)),
    sliding((2, 26, 41), 2, 4, (3, 4), dilation=(1, 2), ceil_mode=True),
    sliding((2, 26, 41), 2, (5, 2), 2, padding="same", padding_mode="mirror"),
    sliding((13, 9, 5), 2, 3, 1, **LAST),
    sliding((13, 9, 67), 2, 2, 2, **LAST),
    sliding((13, 9, 67), 2, (3, 5), 1, padding=1, **LAST),
    sliding((2, 5, 7, 11), 3, 2, 2),
    sliding((5, 7, 11, 3), 3, 3, 2, padding=1, padding_mode="nearest", **LAST),
    Call("adaptive", 1, (203,), (61,)),
    Call("adaptive", 2, (3, 37, 53), ((7, 11),)),
    Call("adaptive", 2, (13, 9, 67), ((5, 4),), LAST),
    Call("global", 0, (3, 5, 7, 29)),
    Call("global", 0, (3, 7, 29, 5), (), LAST),
]  # fmt: skip
#: Enough elements for several tiles and threads.
LARGE = [
    sliding((3, 211, 307), 2, 2, 2),
    sliding((3, 211, 307), 2, 3, 2, padding=1),
    sliding((211, 307), 2, (2, 5), 1),
    sliding((70001,), 1, 3, 1),
    sliding((70001,), 1, 90, 7),
    sliding((5, 3, 6007), 2, 3, 1, **LAST),
    Call("adaptive", 2, (2, 307, 211), ((60, 50),)),
    Call("global", 0, (1, 3, 203, 307)),
]  # fmt: skip


def values(shape: tuple[int, ...], dtype: np.dtype, seed: int = 0) -> np.ndarray:
    """Small whole numbers: sums of them are exact in any order."""
    low, high = 0 if dtype.kind in "bu" else -3, 2 if dtype.kind == "b" else 4
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def as_tuple(y: Any) -> tuple[np.ndarray, ...]:
    return y if isinstance(y, tuple) else (y,)


def assert_same(actual: Any, expected: Any, what: str) -> None:
    for one, other in zip(as_tuple(actual), as_tuple(expected), strict=True):
        assert one.dtype == other.dtype, what
        # 16-bit floats of other packages are compared by their bits: there is no NaN among them.
        equal = one == other if one.dtype.kind != "V" else one.view("u2") == other.view("u2")
        assert np.all(equal), f"{what}: {np.argwhere(~equal)[:4].tolist()} differ"


# Layouts ------------------------------------------------------------------------------------------
# Strides in bytes. What lies between elements belongs to nobody.


def packed(shape: tuple[int, ...], size: int) -> list[int]:
    strides = [size]
    for n in shape[:0:-1]:
        strides.insert(0, strides[0] * n)
    return strides


def gapped(shape: tuple[int, ...], size: int) -> list[int]:
    """Rows, planes and so on with three elements between them."""
    strides = [size]
    for n in shape[:0:-1]:
        strides.insert(0, strides[0] * n + 3 * size)
    return strides


LAYOUTS: dict[str, Callable[[tuple[int, ...], int], list[int]]] = {
    "packed": packed,
    "gapped": gapped,
    "reversed": lambda shape, size: [-stride for stride in packed(shape, size)],
    "Fortran": lambda shape, size: packed(shape[::-1], size)[::-1],
    "every second": lambda shape, size: packed((*shape, 2), size)[:-1],
    "misaligned": lambda shape, size: packed(shape, size + 1),
    "upside down": lambda shape, size: [-gapped(shape, size)[0], *gapped(shape, size)[1:]],
}


def extent(shape: tuple[int, ...], strides: list[int], size: int) -> tuple[int, int]:
    """Bytes before the first element, and bytes from the lowest to the highest."""
    reach = [stride * (n - 1) for n, stride in zip(shape, strides, strict=True)]
    return -sum(r for r in reach if r < 0), sum(abs(r) for r in reach) + size


def view_in(
    buffer: np.ndarray, at: int, shape: tuple[int, ...], dtype: np.dtype, layout: str
) -> np.ndarray:
    """An array whose lowest byte is buffer[at]."""
    strides = LAYOUTS[layout](shape, dtype.itemsize)
    before, _ = extent(shape, strides, dtype.itemsize)
    return np.ndarray(shape, dtype, buffer, at + before, strides)


# Guard pages --------------------------------------------------------------------------------------


class Fence:
    """Memory with a page before and a page behind it that may not be touched."""

    def __init__(self, size: int) -> None:
        page = mmap.PAGESIZE
        self.size = -(-size // page) * page
        memory = mmap.mmap(-1, self.size + 2 * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for address in (start, start + page + self.size):
            if protect(address, page, 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect failed")
        self.bytes = np.frombuffer(memory, np.uint8, self.size, page)

    def array(self, shape: tuple[int, ...], dtype: np.dtype, layout: str, side: str) -> np.ndarray:
        """An array that touches the page on one side; what is between its elements is NaN."""
        _, size = extent(shape, LAYOUTS[layout](shape, dtype.itemsize), dtype.itemsize)
        at = 0 if side == "before" else self.size - size
        self.bytes[at : at + size] = 0xFF
        return view_in(self.bytes, at, shape, dtype, layout)

    def copy(self, x: np.ndarray, layout: str, side: str) -> np.ndarray:
        y = self.array(x.shape, x.dtype, layout, side)
        y[...] = x
        return y


VARIANTS = ["plain", "gradient", "out", "where", "raise"]


@dataclass
class Guarded:
    """A call with its arrays against guard pages, and what else is asked for."""

    call: Call
    dtype: np.dtype
    side: str
    layout: str
    variant: str
    instructions: str
    threads: int = 1


def guarded_calls(kind: Any) -> Iterator[Guarded]:
    """All calls for all types and on both sides, the large ones for some types; everything else
    changes from one to the next."""
    rng = random.Random(0)
    variants = [*VARIANTS, "indices"] if kind.selects else VARIANTS
    for call, dtype, side, layouts in itertools.product(
        SMALL, DTYPES, SIDES, (["packed"], list(LAYOUTS))
    ):
        layout, variant = rng.choice(layouts), rng.choice(variants)
        yield Guarded(call, dtype, side, layout, variant, rng.choice(cpool.kernels.built()))
    large = itertools.product(LARGE, ("float32", "uint8", "float16"), SIDES)
    for (call, name, side), layout in zip(large, itertools.cycle(["packed", *LAYOUTS])):
        variant, instructions = rng.choice(variants), rng.choice(cpool.kernels.built())
        yield Guarded(call, np.dtype(name), side, layout, variant, instructions, rng.choice([2, 3]))


def run_guarded(kind_name: str) -> None:
    """What the process does that is ended by a read or a write outside."""
    faulthandler.enable()
    (kind,) = [kind for kind in KINDS if kind.name == kind_name]
    fences = [Fence(2**22) for _ in range(3)]
    for case in guarded_calls(kind):
        os.write(1, f"{kind.name} {case}\n".encode())
        with instruction_set(case.instructions), cpool.num_threads(case.threads):
            check_guarded(kind, case, fences)
    if kind.selects:
        check_guarded_unpooling(kind, fences)
    if kind.name == "avg":
        for name in cpool.kernels.built():
            with instruction_set(name):
                check_guarded_pixels(fences)


def check_guarded(kind: Any, case: Guarded, fences: list[Fence]) -> None:
    function, arguments, layout, side = (
        case.call.function(kind), case.call.arguments, case.layout, case.side,
    )  # fmt: skip
    x = values(case.call.shape, case.dtype)
    options: dict[str, Any] = dict(case.call.options)
    if case.variant == "indices":
        options["return_indices"] = True
    if case.variant == "raise":
        options["nan_policy"] = "raise"
    if case.variant == "where":
        options["where"] = np.arange(x.size).reshape(x.shape) % 2 == 0
        options["dtype"] = np.float64
    expected = function(x, *arguments, **options)
    inside = fences[0].copy(x, layout, side)
    given = dict(options)
    if case.variant == "where":
        given["where"] = fences[1].copy(options["where"], layout, side)
    if case.variant == "out":
        given["out"] = fences[1].array(expected.shape, expected.dtype, layout, side)
    assert_same(function(inside, *arguments, **given), expected, str(case))
    if case.variant == "gradient":
        _, pullback = cpool.vjp(function, x, *arguments, **options)
        _, pullback_inside = cpool.vjp(function, inside, *arguments, **options)
        dtype = np.dtype(np.float32 if is_floating(case.dtype) else np.float64)
        gy = values(expected.shape, dtype, 1)
        gy_inside = fences[1].copy(gy, layout, side)
        gx = pullback_inside(gy_inside)
        out = fences[2].array(gx.shape, gx.dtype, layout, side)
        assert_same(pullback_inside(gy_inside, out), gx, str(case))
        assert np.allclose(gx.astype(float), pullback(gy).astype(float), rtol=1e-2, atol=1e-5), case
    assert_same(inside, x, f"{case}: x")


def halved_images() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images of several numbers of channels, and their means of 2x2 pixels in the same type."""
    rng = np.random.default_rng(1)
    for dtype, channels in itertools.product(("int8", "uint8", "int16", "uint16"), range(1, 6)):
        limits = np.iinfo(dtype)
        for height, width in [(2, 2), (4, 7), (11, 16), (10, 25), (3, 48), (6, 64), (7, 131)]:
            shape = (2, height, width, channels)
            x = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
            even = x[:, : height // 2 * 2, : width // 2 * 2].astype(int)
            sums = even.reshape(2, height // 2, 2, width // 2, 2, channels).sum(axis=(2, 4))
            yield x, np.rint(sums / 4).astype(dtype)


def check_guarded_pixels(fences: list[Fence]) -> None:
    for (x, expected), layout, side in itertools.product(halved_images(), LAYOUTS, SIDES):
        os.write(1, f"pixels: {x.dtype}, {x.shape}, {layout}, {side}\n".encode())
        inside = fences[0].copy(x, layout, side)
        for place in ("packed", layout):
            out = fences[1].array(expected.shape, expected.dtype, place, side)
            options = {"channels_last": True, "dtype": x.dtype, "out": out}
            assert_same(cpool.avg_pool2d(inside, 2, **options), expected, f"{x.shape} {layout}")


def check_guarded_unpooling(kind: Any, fences: list[Fence]) -> None:
    pool = Call("sliding", 2, ()).function(kind)
    for dtype, layout, side in itertools.product(DTYPES, LAYOUTS, SIDES):
        os.write(1, f"unpooling after {kind.name}: {dtype}, {layout}, {side}\n".encode())
        y, indices = pool(values((3, 38, 54), dtype), 2, return_indices=True)
        expected, pullback = cpool.vjp(cpool.max_unpool2d, y, indices, 2)
        inside = fences[0].copy(y, layout, side), fences[1].copy(indices, layout, side)
        actual, pullback_inside = cpool.vjp(cpool.max_unpool2d, *inside, 2)
        gy = values(expected.shape, np.dtype(float), 1)
        assert_same(actual, expected, f"{dtype} {layout}")
        gx = pullback_inside(fences[2].copy(gy, layout, side))
        assert_same(gx, pullback(gy), f"{dtype} {layout}")
        out = fences[2].array(expected.shape, dtype, layout, side)
        assert_same(cpool.max_unpool2d(*inside, 2, out=out), expected, f"{dtype} {layout}")
        out = fences[0].array(gx.shape, gx.dtype, layout, side)
        assert_same(pullback_inside(gy, out), gx, f"{dtype} {layout}")


def run_alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, timeout=300
    )


@fenced
@pytest.mark.parametrize("side", SIDES)
def test_fences_hold(side):
    """A process that touches a guard page is ended."""
    run = run_alone("touch", side)
    assert run.returncode < 0, run.stdout + run.stderr


@fenced
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_nothing_is_read_or_written_outside(kind):
    """Arrays against pages that may not be touched: all types, layouts and instruction sets."""
    run = run_alone("run", kind)
    last = run.stdout.splitlines()[-1:]
    assert run.returncode == 0, f"exit {run.returncode} in {last}\n{run.stderr[-3000:]}"


# Views in the middle of larger arrays -------------------------------------------------------------

CANARY = 0xA5


def framed(shape: tuple[int, ...], dtype: np.dtype, layout: str, shift: int, fill: Any) -> Any:
    """A buffer full of one byte, and an array in the middle of it."""
    _, size = extent(shape, LAYOUTS[layout](shape, dtype.itemsize), dtype.itemsize)
    buffer = np.full(size + 512 + shift, fill, np.uint8)
    return buffer, view_in(buffer, 256 + shift, shape, dtype, layout)


def assert_frame(buffer: np.ndarray, out: np.ndarray, expected: np.ndarray, what: str) -> None:
    """The array has the values, and all bytes of the buffer that are not its own the canary."""
    assert_same(out, expected, what)
    wanted = np.full_like(buffer, CANARY)
    start = out.__array_interface__["data"][0] - buffer.__array_interface__["data"][0]
    np.ndarray(out.shape, out.dtype, wanted, start, out.strides)[...] = expected
    assert np.array_equal(buffer, wanted), f"{what}: written beside out"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_only_out_is_written(kind, layout):
    shifts = itertools.cycle([0, 8, 16, 24, 3, 32, 40, 1])
    types = [np.dtype(name) for name in ("float32", "float64", "float16", "uint8", "int64")]
    for call, dtype in [*itertools.product(SMALL, types), *((call, types[0]) for call in LARGE)]:
        x = values(call.shape, dtype)
        function = call.function(kind)
        expected = function(x, *call.arguments, **call.options)
        shift = next(shifts)
        buffer, out = framed(expected.shape, expected.dtype, layout, shift, CANARY)
        threads = 3 if call in LARGE else 1
        with cpool.num_threads(threads):
            y = function(x, *call.arguments, **call.options, out=out)
        assert y is out
        assert_frame(buffer, out, expected, f"{call}, {dtype}, shift {shift}, {threads} threads")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_pullback_writes_only_out(kind, layout):
    shifts = itertools.cycle([0, 8, 16, 24, 3, 32, 40, 1])
    types = [np.dtype(name) for name in ("float32", "float64", "float16", "uint8")]
    for call, dtype in [*itertools.product(SMALL, types), *((call, types[0]) for call in LARGE)]:
        x = values(call.shape, dtype)
        y, pullback = cpool.vjp(call.function(kind), x, *call.arguments, **call.options)
        gy = values(y.shape, np.dtype(float), 1)
        expected = pullback(gy)
        buffer, out = framed(expected.shape, expected.dtype, layout, next(shifts), CANARY)
        with cpool.num_threads(3 if call in LARGE else 1):
            assert pullback(gy, out=out) is out
        assert_frame(buffer, out, expected, f"{call}, {dtype}")


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_unpooling_writes_only_out(layout, channels_last):
    shifts = itertools.cycle([0, 8, 3, 16])
    for height, width, name in itertools.product(
        (1, 3, 40), (1, 7, 16), ("uint8", "float32", "float64", "bool")
    ):
        shape = (2, 2 * height, 2 * width, 3) if channels_last else (2, 2 * height, 2 * width)
        options = {"channels_last": channels_last}
        y, indices = cpool.max_pool2d(
            values(shape, np.dtype(name)), 2, return_indices=True, **options
        )
        expected, pullback = cpool.vjp(cpool.max_unpool2d, y, indices, 2, **options)
        buffer, out = framed(shape, y.dtype, layout, next(shifts), CANARY)
        assert cpool.max_unpool2d(y, indices, 2, out=out, **options) is out
        assert_frame(buffer, out, expected, f"{shape} {name}")
        gx = pullback(expected)
        buffer, out = framed(gx.shape, gx.dtype, layout, next(shifts), CANARY)
        assert pullback(expected, out) is out
        assert_frame(buffer, out, gx, f"backward {shape} {name}")


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "name, own",
    [
        ("max_unpool2d", (2,)), ("max_pool2d", (2,)), ("max_pool2d", (3, 2, 1)),
        ("avg_pool2d", (2,)), ("sum_pool2d", (3, 2, 1)), ("adaptive_avg_pool2d", (7,)),
        ("adaptive_max_pool2d", (7,)), ("global_avg_pool", ()), ("global_max_pool", ()),
        ("lp_pool2d", (2, 3, 2)), ("log_sum_exp_pool2d", (2,)), ("median_pool2d", (3, 2)),
        ("stochastic_pool2d", (2,)), ("blur_pool2d", ()),
    ],
)  # fmt: skip
def test_results_are_written_straight(name, own, channels_last):
    """Into a contiguous `out` goes the result itself: there is no other array of its size. Slopes
    of norms and exponentials are made in parts, of 3 MiB with all that these are made of."""
    tracemalloc = pytest.importorskip("tracemalloc")
    planes = (16, 48) if name in ("lp_pool2d", "log_sum_exp_pool2d") else (2, 8)
    shape = (planes[0], 64, 64, planes[1]) if channels_last else (*planes, 64, 64)
    x = values(shape, np.dtype(np.float32), 1)
    options = {"channels_last": True} if channels_last else {}
    inputs = (x,)
    if name == "max_unpool2d":
        inputs = cpool.max_pool2d(x, 2, return_indices=True, **options)
    y, pullback = cpool.vjp(getattr(cpool, name), *inputs, *own, **options)
    gy = np.ones_like(y)
    calls = [(pullback, (gy,), {}, inputs[0])]
    if name == "max_unpool2d":
        calls.append((cpool.max_unpool2d, (*inputs, *own), options, y))
    for function, arguments, given, like in calls:
        out = np.empty_like(like)
        tracemalloc.start()
        try:
            function(*arguments, out=out, **given)
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            function(*arguments, out=out, **given)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak - before < out.nbytes / 4, function


@pytest.mark.parametrize("layout", LAYOUTS)
def test_means_of_pixels_write_only_out(layout):
    for i, (x, expected) in enumerate(halved_images()):
        buffer, out = framed(expected.shape, expected.dtype, layout, (0, 8, 3, 16)[i % 4], CANARY)
        cpool.avg_pool2d(x, 2, channels_last=True, dtype=x.dtype, out=out)
        assert_frame(buffer, out, expected, f"{x.shape} {x.dtype}")


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_unpooling_writes_its_result_alone(monkeypatch, dtype, channels_last):
    """Its results are new arrays: here from the middle of larger ones."""
    buffers = []

    def framed_empty(shape, dtype=float):
        dtype, size = np.dtype(dtype), math.prod(shape)
        buffer = np.full(size * dtype.itemsize + 512, CANARY, np.uint8)
        y = buffer[256:-256].view(dtype).reshape(shape)
        buffers.append((buffer, y))
        return y

    for height, width, size in itertools.product(range(1, 5), range(1, 18), (2, 3)):
        shape = (2, size * height, size * width)
        shape = (*shape, 3) if channels_last else shape
        x = values(shape, np.dtype(dtype))
        options = {"channels_last": channels_last}
        y, indices = cpool.max_pool2d(x, size, return_indices=True, **options)
        with monkeypatch.context() as patch:
            patch.setattr(np, "empty", framed_empty)
            z, pullback = cpool.vjp(cpool.max_unpool2d, y, indices, size, **options)
            pullback(z)
        assert buffers, "results are made in another way"
        for buffer, result in buffers:
            assert_frame(buffer, result, result.copy(), str(shape))
        buffers.clear()


@pytest.mark.parametrize("byte", [0xFF, 0x7F, 0x80])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_neighbours_do_not_matter(kind, layout, byte):
    """What lies around x, be it NaNs or extreme numbers, is in no result; and x stays as it is."""
    shifts = itertools.cycle([0, 8, 24, 1])
    types = [np.dtype(name) for name in ("float32", "float16", "int8", "uint64")]
    for call, dtype in zip(SMALL, itertools.cycle(types)):
        x = values(call.shape, dtype)
        function = call.function(kind)
        expected = function(x, *call.arguments, **call.options)
        buffer, inside = framed(x.shape, dtype, layout, next(shifts), byte)
        inside[...] = x
        before = buffer.copy()
        what = f"{call}, {dtype}"
        assert_same(function(inside, *call.arguments, **call.options), expected, what)
        if is_floating(dtype):
            options = {**call.options, "nan_policy": "raise"}
            assert_same(function(inside, *call.arguments, **options), expected, what)
        assert np.array_equal(buffer, before), f"{what}: x or what is around it was written"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_results_side_by_side(kind):
    """Calls from several Python threads, each with several of its own, into neighbouring parts of
    one array."""
    call = sliding((2, 181, 203), 2, 3, 1)
    function = call.function(kind)
    parts = [values(call.shape, np.dtype(np.float32), seed) for seed in range(6)]
    expected = [function(x, *call.arguments) for x in parts]
    planes, rows, columns = expected[0].shape
    whole = np.full((planes, rows, 1 + 6 * (columns + 1)), -77, np.float32)
    places = [whole[:, :, 1 + i * (columns + 1) :][:, :, :columns] for i in range(6)]

    def pool(i: int) -> None:
        with cpool.num_threads(2):
            function(parts[i], *call.arguments, out=places[i])

    with concurrent.futures.ThreadPoolExecutor(6) as executor:
        for _ in range(3):
            whole[...] = -77
            list(executor.map(pool, range(6)))
            for i in range(6):
                assert_same(places[i], expected[i], f"part {i}")
            assert np.all(whole[:, :, :: columns + 1] == -77)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_gradients_of_views(kind):
    """What lies around gy is in no gradient, whatever the windows and the number of threads."""
    for call, layout in itertools.product([*SMALL, *LARGE[:3]], ("packed", "gapped", "reversed")):
        x = values(call.shape, np.dtype(np.float64))
        y, pullback = cpool.vjp(call.function(kind), x, *call.arguments, **call.options)
        gy = values(y.shape, np.dtype(np.float64), 1) * 840
        expected = pullback(gy)
        _, inside = framed(gy.shape, gy.dtype, layout, 8, 0xFF)
        inside[...] = gy
        with cpool.num_threads(3 if math.prod(call.shape) > 65536 else 1):
            actual = pullback(inside)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-9, err_msg=str(call))


# Scratch ------------------------------------------------------------------------------------------

#: What was far more than a MiB: windows of very many elements, and rows of very few.
LONG = [
    Call("global", 0, (1, 1, 1024, 1024)),
    Call("global", 0, (2, 300000, 3), (), LAST),
    Call("adaptive", 1, (1, 1000000), (2,)),
    Call("adaptive", 1, (1, 1000000), (7,)),
    Call("adaptive", 1, (100000, 4), (2,), LAST),
    Call("adaptive", 2, (1, 50000, 20), ((2, 14),)),
    sliding((1, 1000000), 1, 300000, 300000),
    sliding((1, 1000000), 1, 3, 2, padding=1),
    sliding((200000, 3), 1, 9, 1, **LAST),
    sliding((200000, 3), 1, 1, 1, **LAST),
    sliding((2000, 2000), 2, 300, 300),
    sliding((3000, 8), 2, 3, 1),
    sliding((2, 28, 28, 192), 2, 3, 2, padding=1, **LAST),
    sliding((2, 64, 112, 112), 2, 3, 2, padding=1),
    sliding((2, 64, 112, 112), 2, 2, 2),
]  # fmt: skip
MEBIBYTE = 1 << 20


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("call", LONG, ids=str)
def test_scratch(call, kind):
    """At most a MiB for each thread, whatever the windows, the type, and what does not exist."""
    function = call.function(kind)
    for dtype in DTYPES:
        x = values(call.shape, dtype)
        driver.take_largest_scratch()
        function(x, *call.arguments, **call.options)
        if is_floating(dtype):
            for option in ({"nan_policy": "omit"}, {"where": np.ones(x.shape, bool)}):
                function(x, *call.arguments, **call.options, **option)
        assert 0 < driver.take_largest_scratch() <= MEBIBYTE, f"{call}, {dtype}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_scratch_of_gradients(kind):
    """No more than three, where rows of channels are taken apart into phases."""
    calls = [
        sliding((8, 28, 28, 192), 2, 3, 2, padding=1, **LAST),
        sliding((2, 112, 112, 64), 2, 3, 2, padding=1, **LAST),
        sliding((2, 64, 64, 256), 2, 3, 1, **LAST),
        sliding((8, 64, 28, 28), 2, 3, 2, padding=1),
    ]
    for call, dtype in itertools.product(calls, (np.float32, np.float64)):
        x = values(call.shape, np.dtype(dtype))
        y, pullback = cpool.vjp(call.function(kind), x, *call.arguments, **call.options)
        driver.take_largest_scratch()
        pullback(np.ones_like(y))
        assert 0 < driver.take_largest_scratch() <= 3 * MEBIBYTE, f"{call}, {dtype}"


if __name__ == "__main__":
    if sys.argv[1] == "touch":
        fence = Fence(100)
        place = fence.bytes.ctypes.data - 1 if sys.argv[2] == "before" else None
        ctypes.string_at(place or fence.bytes.ctypes.data + fence.size, 1)
    else:
        run_guarded(sys.argv[2])
