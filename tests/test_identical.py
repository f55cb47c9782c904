"""The same bits from every instruction set, any number of threads, and each repetition; over
layouts too for selections and integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from operators import (
    DTYPES,
    FLOATS,
    INTEGERS,
    LAYOUTS,
    RUN_SLOW,
    Case,
    as_tuple,
    assert_bits,
    assert_equal,
    each_kind,
    forms,
    instruction_set,
    is_floating,
    lay_out,
    make,
    own_arguments,
    values_of,
)

import cpool
import cpool.kernels

THREADS = (1, 2, 3, 7)

#: Odd sizes, planar and with channels last; all but the small ones are worth several threads.
LAST = {"channels_last": True}
SHAPES = {
    "small": [((1, 7, 13), {}), ((3, 5, 7, 3), LAST)],
    "rows": [((2, 151, 251), {}), ((1, 1, 3, 30001), {})],
    "planes": [((37, 2, 31, 29), {}), ((709, 9, 11), {})],
    "channels": [((3, 31, 23, 35), LAST), ((1, 9, 7, 1131), LAST), ((1, 111, 201, 3), LAST)],
}
WINDOWS = [
    {"size": 2},
    {"size": 3, "stride": 2, "padding": 1},
    {"size": 3, "stride": 1, "padding": ((2, 0), (0, 1)), "padding_mode": "mirror"},
    {"size": (2, 5), "stride": (1, 9), "padding": (1, 2), "ceil_mode": True},
    {"size": (3, 7), "stride": 1, "padding": "same", "dilation": (1, 3)},
]


def some_dtypes(where, dtypes=DTYPES):
    """All for small arrays; a third of them, others for each group, for large ones."""
    if where == "small" or RUN_SLOW:
        return dtypes
    return dtypes[list(SHAPES).index(where) % 3 :: 3]


def some_cases(kind, where, dtype, values="special"):
    """Calls of all forms; for each shape a part of the windows, others for other data types."""
    turn = DTYPES.index(np.dtype(dtype))
    rng = np.random.default_rng(turn)
    for shape, options in SHAPES[where]:
        x = make(rng, shape, dtype, values)
        windows = WINDOWS if where == "small" else [WINDOWS[turn % len(WINDOWS)]]
        plane = shape[-3:-1] if options else shape[-2:]
        for window in windows:
            if min(plane) < 7 and "dilation" in window:
                window = WINDOWS[1]
            rest = {name: value for name, value in window.items() if name != "size"}
            own = own_arguments(kind, "sliding")[turn % len(own_arguments(kind, "sliding"))]
            yield Case(kind, "sliding", 2, x, window["size"], {**rest, **options, **own})
        for form in forms(kind):
            if form == "adaptive":
                yield Case(kind, form, 2, x, (2, 3), options)
            elif form == "global":
                axes = (-3, -2) if options else (-2, -1)
                yield Case(kind, form, 0, x, None, {"axes": axes})
        if kind.selects:
            yield Case(kind, "sliding", 2, x, 2, {**options, "return_indices": True})
        mask = rng.random(shape) < 0.9
        floating = {} if is_floating(np.dtype(dtype)) else {"dtype": np.float64}
        yield Case(kind, "sliding", 2, x, 2, {**options, "where": mask, **floating})
        if is_floating(np.dtype(dtype)):
            yield Case(kind, "sliding", 2, x, 3, {**options, "nan_policy": "omit"})


def results(case):
    """Everything that a call gives: values, positions, and a gradient."""
    y, pullback = case.vjp()
    shape = values_of(y).shape
    gy = np.random.default_rng(0).normal(size=shape)
    alone = {"return_indices": False} if "return_indices" in case.options else {}
    return (*as_tuple(y), case.call(**alone), pullback(gy))


def assert_same_bits(case, expected, what, any_nan=False):
    for one, other in zip(results(case), expected, strict=True):
        if any_nan and is_floating(one.dtype):
            one[np.isnan(one)] = other[np.isnan(other)] = np.nan
        assert_bits(one, other, f"{case}, {what}")


@pytest.mark.parametrize("where", SHAPES)
@each_kind()
def test_instruction_sets(kind, where):
    """Each one that is built and that this processor can run gives the same bits."""
    names = cpool.kernels.built()
    if len(names) < 2:
        pytest.skip(f"there is only one instruction set here: {names}")
    for dtype in some_dtypes(where):
        for case in some_cases(kind, where, dtype):
            expected = None
            for name in names:
                with instruction_set(name), cpool.num_threads(1):
                    if expected is None:
                        expected = results(case)
                    else:
                        # Of two NaNs that meet in a sum, the processor passes one on.
                        what = f"{name} beside {names[0]}"
                        assert_same_bits(case, expected, what, any_nan=not kind.selects)


@pytest.mark.parametrize("where", [where for where in SHAPES if where != "small"])
@each_kind()
def test_threads(kind, where):
    """One thread, several, more than there are, and an odd number of them."""
    for dtype in some_dtypes(where)[:: 1 if RUN_SLOW else 3]:
        for case in some_cases(kind, where, dtype):
            with cpool.num_threads(1):
                expected = results(case)
            for count in THREADS[1:]:
                with cpool.num_threads(count):
                    assert_same_bits(case, expected, f"{count} threads")


@each_kind()
def test_repetitions(kind):
    """Whatever else lies in memory by then."""
    for where, dtype in [("small", np.float32), ("small", np.float16), ("rows", np.float32)]:
        for case in some_cases(kind, where, dtype):
            expected = results(case)
            for fill in (0x00, 0xFF):
                waste = np.full(case.x.nbytes + 1000, fill, np.uint8)
                del waste
                assert_same_bits(case, expected, "called again")


@pytest.mark.parametrize("where", ["small", "channels"])
@each_kind()
def test_layouts(kind, where):
    """Values and positions of selections and integers do not depend on strides; float sums may, in
    their last bits."""
    dtypes = some_dtypes(where, DTYPES if kind.selects else INTEGERS)
    for dtype in dtypes[:: 1 if where == "small" or RUN_SLOW else 2]:
        for case in some_cases(kind, where, dtype):
            if is_floating(case.dtype) and "divisor_override" in case.options:
                continue
            expected = as_tuple(case.call())
            for layout in LAYOUTS[1:-2] if where == "small" else ("strided", "moved"):
                again = as_tuple(case.call(x=lay_out(case.x, layout)))
                for one, other in zip(again, expected, strict=True):
                    assert_equal(one, other, f"{case}, {layout}")


@each_kind()
def test_planes_and_channels(kind):
    """The same numbers with channels first and last, and each plane alone."""
    rng = np.random.default_rng(3)
    for dtype in FLOATS if kind.selects else INTEGERS:
        x = make(rng, (5, 41, 53), dtype, "special")
        for size, stride in [(2, None), (3, 2), ((5, 2), (1, 9))]:
            function = getattr(cpool, f"{kind.function}2d")
            y = function(x, size, stride)
            last = function(np.ascontiguousarray(np.moveaxis(x, 0, -1)), size, stride,
                            channels_last=True)  # fmt: skip
            assert_equal(np.moveaxis(last, -1, 0), y)
            for plane, expected in zip(x, y, strict=True):
                assert_equal(function(plane, size, stride), expected)


@each_kind()
def test_every_width(kind):
    """Rows of each length from 1 to 140: whole vectors, parts of them, and the end of memory."""
    names = cpool.kernels.built()
    for dtype, last in itertools.product((np.float32, np.uint8, np.float16), (False, True)):
        for n in range(3, 141, 1 if RUN_SLOW else 2):
            channels = (1, 2, 4)[n // 2 % 3]
            shape = (4, n, channels) if last else (4, n)
            x = make(np.random.default_rng(n), shape, dtype, "few")
            case = Case(kind, "sliding", 2, x, 3 if n % 2 else 2, {"channels_last": last})
            case.options["stride"] = 1 + n % 3
            expected = None
            for name in names:
                with instruction_set(name):
                    if expected is None:
                        expected = results(case)
                    assert_same_bits(case, expected, name)
            # Beside other rows: what follows this one in memory is not part of it.
            wide = np.full((4, n + 40, *shape[2:]), np.array(77).astype(dtype))
            wide[:, :n] = x
            case.x = wide[:, :n]
            for one, other in zip(results(case), expected, strict=True):
                assert_equal(one, other, f"{case}, beside others")
