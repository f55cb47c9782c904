"""Operators broken on purpose, in their records: the suite's own checks notice each time.

What is patched here is a record of `cpool.reductions` for the length of one test; there is no
switch for it in the package. The checks are those of test_forward.py and test_backward.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import test_backward
import test_forward
from operators import (
    KINDS,
    Case,
    check_backward,
    check_forward,
    each_kind,
    forms,
    function_name,
    lay_out,
    values_of,
)

import cpool
from cpool.reductions import REGISTRY

FORWARD = {kind: kind.forward for kind in KINDS}
VJP = {kind: kind.vjp for kind in KINDS}


def forward_cases(kind):
    """Some of the grid of test_forward.py, and positions."""
    return [
        case
        for dtype in (np.float64, np.float32, np.int16)
        for case in test_forward.grid(kind, "sliding", 2, np.dtype(dtype))
    ]


def backward_cases(kind):
    """Some of those of test_backward.py."""
    rng = np.random.default_rng(0)
    return [
        test_backward.case_of(rng, kind, "sliding", 2, np.float64, window, extra)
        for window in test_backward.SLIDING
        for extra in test_backward.EXTRAS[::2]
    ]


def turned_down(check, case):
    """Whether a check fails; an error where the reference has a result is red in the suite too."""
    try:
        check(case)
    except (AssertionError, TypeError, ValueError):
        return True
    return False


def noticed(check, cases):
    """Whether at least one case is turned down."""
    return any(turned_down(check, case) for case in cases)


def most_are_noticed(check, cases):
    return sum(turned_down(check, case) for case in cases) > len(cases) / 2


@pytest.fixture
def patch(monkeypatch):
    """Replace a method of an operator's record, in the functions that were made of it too."""

    def replace(kind, method, function):
        monkeypatch.setattr(kind, method, function)
        for form in forms(kind):
            for rank in (0,) if form == "global" else (0, 1, 2, 3):
                named = getattr(cpool, function_name(kind, form, rank))
                named = named if method == "forward" else named._vjp
                assert "run" in named.__globals__
                monkeypatch.setitem(named.__globals__, "run", getattr(kind(), method))

    return replace


@pytest.fixture
def broken(patch):
    """Replace an operator's forward by something else that calls it."""

    def replace(kind, change):
        def forward(self, x, windows, options, *own):
            def unchanged(x, windows, options):
                return FORWARD[kind].__get__(self)(x, windows, options, *own)

            return change(unchanged, x, windows, options)

        patch(kind, "forward", forward)

    return replace


# The checks themselves ----------------------------------------------------------------------------


@each_kind()
def test_whole_operators_pass(kind):
    """Nothing is turned down that is right: otherwise the tests below would show nothing."""
    assert not noticed(check_forward, forward_cases(kind))
    assert not noticed(check_backward, backward_cases(kind))


# Forward ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, other", [("max", "min"), ("min", "max")])
def test_the_other_extremum(name, other, patch):
    def forward(self, x, windows, options, *own):
        return REGISTRY[other]().forward(x, windows, options, *own)

    cases = forward_cases(REGISTRY[name])
    patch(REGISTRY[name], "forward", forward)
    assert most_are_noticed(check_forward, cases)
    with pytest.raises(AssertionError, match=f"{name}_pool"):
        check_forward(cases[0])


def one_element(forward, x, windows, options):
    """The last element of the result is the next number."""
    y = forward(x, windows, options)
    last = values_of(y).reshape(-1)[-1:]
    if last.dtype.kind == "f":
        # Sums have a tolerance: an error of a few additions.
        scale = 1 if isinstance(y, tuple) or windows.kernel_size == 1 else 1e-3
        values_of(y)[(-1,) * values_of(y).ndim] += np.where(np.isfinite(last), scale, 0)[0]
    elif last.size:
        values_of(y)[(-1,) * values_of(y).ndim] ^= 1
    return y


def shifted(forward, x, windows, options):
    """Each window gets its neighbour's value."""
    y = forward(x, windows, options)
    values_of(y)[...] = np.roll(values_of(y), 1, axis=-1)
    return y


def transposed_result(forward, x, windows, options):
    y = forward(x, windows, options.replace(out=None))
    return tuple(a.swapaxes(-1, -2) for a in y) if isinstance(y, tuple) else y.swapaxes(-1, -2)


def wider(forward, x, windows, options):
    """A result of another type."""
    y = forward(x, windows, options.replace(out=None))
    with np.errstate(over="ignore"):
        wide = values_of(y).astype(np.float64 if values_of(y).dtype != np.float64 else np.float32)
    return (wide, *y[1:]) if isinstance(y, tuple) else wide


def not_into_out(forward, x, windows, options):
    """out is left as it was."""
    return forward(x, windows, options.replace(out=None))


def modifies_x(forward, x, windows, options):
    y = forward(x, windows, options)
    if x.flags.writeable and x.size:
        x[(0,) * x.ndim] = 1 if x[(0,) * x.ndim] != 1 else 2
    return y


def without(name, value):
    """An option is taken and ignored."""

    def change(forward, x, windows, options):
        return forward(x, windows, options.replace(**{name: value}))

    change.__name__ = f"without_{name}"
    return change


def with_windows(**changes):
    """A part of the windows' arguments is ignored."""

    def change(forward, x, windows, options):
        arguments = {
            name: getattr(windows, name)
            for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        }
        arguments["padding_mode"] = windows.padding_mode
        return forward(x, cpool.sliding(**{**arguments, **changes}), options)

    change.__name__ = "windows_" + "_".join(changes)
    return change


CHANGES = [
    one_element,
    shifted,
    transposed_result,
    wider,
    not_into_out,
    modifies_x,
    without("where", None),
    without("nan_policy", "propagate"),
    without("dtype", None),
    with_windows(padding=0),
    with_windows(dilation=1),
    with_windows(ceil_mode=False),
    with_windows(padding_mode="constant"),
    with_windows(padding_mode="reflect"),
    with_windows(padding_mode="mirror"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@each_kind()
def test_broken_forward(kind, change, broken):
    cases = forward_cases(kind)
    broken(kind, change)
    assert noticed(check_forward, cases)


@each_kind([kind for kind in KINDS if kind.selects])
def test_broken_positions(kind, broken):
    """The last of equals in place of the first: values stay right."""

    def last_of_equals(forward, x, windows, options):
        y = forward(x, windows, options)
        if isinstance(y, tuple):
            flipped = forward(x[..., ::-1], windows, options)
            return y[0], np.where(y[0] == flipped[0][..., ::-1], y[1] + 1, y[1])
        return y

    cases = forward_cases(kind)
    broken(kind, last_of_equals)
    assert noticed(check_forward, cases)
    plain = [case for case in cases if "return_indices" not in case.options]
    assert not noticed(check_forward, plain)


@each_kind([kind for kind in KINDS if kind.linear])
def test_an_inexact_sum_is_noticed(kind, broken):
    """The error of float32 in float64: outside of the bound."""

    def in_float32(forward, x, windows, options):
        y = forward(x, windows, options)
        with np.errstate(over="ignore"):
            return y.astype(np.float32).astype(y.dtype)

    cases = [case for case in forward_cases(kind) if case.out is None]
    broken(kind, in_float32)
    assert noticed(check_forward, cases)


# Backward -----------------------------------------------------------------------------------------


def scaled(pullback, case):
    return lambda gy: pullback(gy) * (1 + 1e-9)


def misplaced(pullback, case):
    return lambda gy: np.roll(pullback(gy), 1, axis=-1)


def without_overlaps(pullback, case):
    """An element keeps what one window gave it."""

    def gradient(gy):
        total = np.zeros(case.x.shape)
        for index in np.ndindex(gy.shape):
            one = np.zeros(gy.shape)
            one[index] = gy[index]
            part = pullback(one)
            total = np.where(part != 0, part, total)
        return total

    return gradient


def of_another_type(pullback, case):
    return lambda gy: pullback(gy).astype(np.float32)


def once_only(pullback, case):
    """The second call gives less."""
    calls = []

    def gradient(gy):
        calls.append(1)
        return pullback(gy) / len(calls)

    return gradient


def writes_gy(pullback, case):
    def gradient(gy):
        gx = pullback(gy)
        if gy.size:
            gy[(0,) * gy.ndim] += 1
        return gx

    return gradient


def everywhere(pullback, case):
    """Elements that do not exist get some, too."""
    return lambda gy: pullback(gy) + np.where(np.isnan(case.x), 1.0, 0.0)


PULLBACKS = [
    scaled, misplaced, without_overlaps, of_another_type, once_only, writes_gy, everywhere
]  # fmt: skip


@pytest.mark.parametrize("change", PULLBACKS, ids=lambda change: change.__name__)
@each_kind()
def test_broken_pullback(kind, change, patch):
    cases = [case for case in backward_cases(kind) if case.x.size <= 100]
    cases = cases[:: 4 if change is without_overlaps else 1]
    current = []

    def vjp(self, x, windows, options, *own):
        y, pullback = VJP[kind](self, x, windows, options, *own)
        return y, change(pullback, current[0])

    def check(case):
        current[:] = [case]
        check_backward(case)

    patch(kind, "vjp", vjp)
    assert noticed(check, cases)


@each_kind([kind for kind in KINDS if kind.selects])
def test_a_gradient_for_the_other_extremum(kind, patch):
    """Values right, offsets those of the minimum in place of the maximum."""
    other = REGISTRY["min" if kind.name == "max" else "max"]

    def vjp(self, x, windows, options, *own):
        y, _ = VJP[kind](self, x, windows, options, *own)
        return y, VJP[other](other(), x, windows, options, *own)[1]

    cases = backward_cases(kind)
    patch(kind, "vjp", vjp)
    assert most_are_noticed(check_backward, cases)


# What the checks stand on -----------------------------------------------------------------------


def test_layouts_are_what_they_say():
    """Otherwise tests of layouts would test one only."""
    x = np.arange(24.0).reshape(2, 3, 4)
    strides = {name: lay_out(x, name).strides for name in test_forward.LAYOUTS}
    assert strides["C"] == strides["read-only"] == strides["misaligned"] == (96, 32, 8)
    assert strides["Fortran"] == (8, 16, 48)
    assert strides["reversed"] == (-96, -32, -8)
    assert strides["strided"] == (1008, 144, 16)
    assert 0 in strides["repeated"]
    assert strides["overlapping"][1] == strides["overlapping"][2]
    assert not lay_out(x, "misaligned").flags.aligned
    assert not lay_out(x, "read-only").flags.writeable
    assert not lay_out(x, "swapped").dtype.isnative
    assert lay_out(x[:1], "odd ones").strides[0] % 8 != 0
    for name in test_forward.LAYOUTS[:-2]:
        np.testing.assert_array_equal(lay_out(x, name), x)


def test_names_follow_the_registry():
    for kind in KINDS:
        assert function_name(kind, "sliding", 2) == f"{kind.function}2d"
        case = Case(kind, "sliding", 2, np.ones((1, 4, 4)), 2)
        assert case.function is getattr(cpool, f"{kind.function}2d")
