"""What the tests of operators share: cases from the registry, arrays of every kind, comparisons.

Everything loops over `cpool.reductions.REGISTRY`, so an operator is tested by being in it: in all
forms, ranks, data types and layouts, with all options, against the reference and by finite
differences. What has to be known of an operator beyond its record stands in OWN and POSITIVE.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

import cpool
import cpool.kernels
from cpool import driver, reference
from cpool.reductions import REGISTRY
from cpool.reductions.base import Reduction

try:
    import ml_dtypes
except ImportError:
    BFLOAT = None
else:
    BFLOAT = np.dtype(ml_dtypes.bfloat16)

RUN_SLOW = os.environ.get("CPOOL_RUN_SLOW", "") not in ("", "0") or "--run-slow" in sys.argv

#: Operators with folds of their own are tested by everything that loops over KINDS; families whose
#: members share kernels by test_families.py, and by files of their own.
KINDS = [REGISTRY[name] for name in ("max", "min", "sum", "mean")]
FAMILIES = [kind for kind in REGISTRY.values() if kind not in KINDS]
FORMS = ("sliding", "adaptive", "global")
RANKS = (1, 2, 3)
MODES = ("constant", "reflect", "mirror", "nearest", "wrap")
FLOATS = [np.dtype(name) for name in ("float64", "float32", "float16")]
FLOATS += [BFLOAT] if BFLOAT is not None else []
INTEGERS = [np.dtype(name) for name in
            ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")]  # fmt: skip
DTYPES = [*FLOATS, *INTEGERS, np.dtype(bool)]

#: Arguments of an operator's own, each set tried in turn; required ones must be in each.
OWN: dict[str, list[dict[str, Any]]] = {
    "mean": [
        {},
        {"count_include_pad": False},
        {"divisor_override": 3},
        {"divisor_override": -2, "count_include_pad": False},
    ],
    "lp": [{"norm_type": 2}, {"norm_type": 1}, {"norm_type": 3.0}, {"norm_type": 0.5},
           {"norm_type": math.inf}],
    "power_mean": [{}, {"p": 1.5, "eps": 0.25}, {"p": 0}, {"p": -1}],
    "log_sum_exp": [{}, {"r": -2.0}, {"r": 0}, {"r": 10}],
    "soft_mean": [{}, {"beta": -0.5}, {"beta": 0}],
    "quantile": [{"q": 0.5}, {"q": 0.25, "method": "lower"}, {"q": 0.3, "method": "hazen"},
                 {"q": 0.9, "method": "nearest"}, {"q": 0.2, "method": "averaged_inverted_cdf"},
                 {"q": 0.6, "method": "closest_observation"}, {"q": 1, "method": "midpoint"}],
    "rank": [{"rank": 0}, {"rank": -1}, {"rank": 1}],
    "trimmed_mean": [{}, {"cut": 0.25}, {"cut": 0.45}, {"cut": 0}],
    "mode": [{}, {"ties": "first"}, {"ignore": 1}],
    "stochastic": [{"rng": 3}, {"training": False}],
}  # fmt: skip
#: Operators with a gradient for positive numbers only.
POSITIVE: frozenset[str] = frozenset(
    {"geometric_mean", "harmonic_mean", "power_mean", "stochastic"}
)


def fuzz(examples: int) -> hypothesis.settings:
    """The same examples in every run, and twenty times as many where slow tests are run."""
    return hypothesis.settings(
        derandomize=True,
        deadline=None,
        max_examples=examples * 2 if RUN_SLOW else examples,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )


def each_kind(kinds: list[type[Reduction]] | None = None) -> Any:
    """Parametrize a test by operators."""
    import pytest

    return pytest.mark.parametrize("kind", KINDS if kinds is None else kinds, ids=lambda k: k.name)


# Names --------------------------------------------------------------------------------------------


def function_name(kind: type[Reduction], form: str, rank: int) -> str:
    """The named function of an operator; rank 0 is the n-dimensional form."""
    suffix = f"{rank}d" if rank else ""
    return {
        "sliding": f"{kind.function}{suffix}",
        "adaptive": f"adaptive_{kind.function}{suffix}",
        "global": f"global_{kind.function}",
    }[form]


def forms(kind: type[Reduction]) -> list[str]:
    """The forms that an operator has."""
    return [form for form in FORMS if hasattr(cpool, function_name(kind, form, 0))]


def own_arguments(kind: type[Reduction], form: str) -> list[dict[str, Any]]:
    """Sets of arguments that only this operator has, as far as a form takes them."""
    taken = inspect.signature(getattr(cpool, function_name(kind, form, 0))).parameters
    sets = [
        {name: value for name, value in given.items() if name in taken}
        for given in OWN.get(kind.name, [{}])
    ]
    return [given for i, given in enumerate(sets) if given not in sets[:i]]


# Cases --------------------------------------------------------------------------------------------


@dataclass
class Case:
    """A call of a named function of an operator."""

    kind: type[Reduction]
    form: str
    rank: int  # 0: the n-dimensional form, whose options name the axes
    x: np.ndarray
    size: Any = None  # kernel_size or output_size
    options: dict[str, Any] = field(default_factory=dict)
    out: str | None = None  # a layout: give an array of it as `out`

    @property
    def name(self) -> str:
        return function_name(self.kind, self.form, self.rank)

    @property
    def arguments(self) -> tuple[Any, ...]:
        return () if self.form == "global" else (self.size,)

    @property
    def function(self) -> Callable[..., Any]:
        return getattr(cpool, self.name)

    @property
    def dtype(self) -> np.dtype:
        return self.x.dtype.newbyteorder("=")

    @property
    def axes(self) -> tuple[int, ...]:
        """The pooled axes, in the order of the arguments, counted from the end."""
        ndim = self.x.ndim
        given = self.options.get("axes")
        if given is not None:
            given = (given,) if isinstance(given, int) else given
            return tuple(axis % ndim - ndim for axis in given)
        last = bool(self.options.get("channels_last"))
        if self.form == "global":
            return tuple(range((1 if last else 2) - ndim, -1 if last else 0))
        return tuple(range(-self.rank - last, -last))

    @property
    def taps(self) -> int:
        """The most elements that a window has."""
        lengths = [self.x.shape[axis] for axis in self.axes]
        if self.form == "global":
            return math.prod(lengths)
        sizes = per_axis(self.size, len(lengths))
        if self.form == "sliding":
            return math.prod(sizes)
        return math.prod(
            1 if m is None else n // m + 2 for n, m in zip(lengths, sizes, strict=True)
        )

    def call(self, module: ModuleType = cpool, **changes: Any) -> Any:
        x = changes.pop("x", self.x)
        leading, options = self.leading({**self.options, **changes})
        return getattr(module, self.name)(x, *leading, *self.arguments, **options)

    def leading(self, options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The operator's arguments that stand before the windows', and the other options."""
        if self.kind.given == "rng" and not {"rng", "training"} & {*options}:
            options = {**options, "training": False}  # of draws, no part can be compared alone
        names = [name.strip() for name in self.kind.leading.split(",") if name.strip()]
        return [options[name] for name in names], {
            name: value for name, value in options.items() if name not in names
        }

    def vjp(self, **changes: Any) -> tuple[Any, Callable[[Any], np.ndarray]]:
        x = changes.pop("x", self.x)
        leading, options = self.leading({**self.options, **changes})
        return cpool.vjp(self.function, x, *leading, *self.arguments, **options)

    def __str__(self) -> str:
        shown = {
            name: f"<bool {value.shape}>" if isinstance(value, np.ndarray) else value
            for name, value in self.options.items()
        }
        options = "".join(f", {name}={value!r}" for name, value in shown.items())
        sizes = "".join(f", {size!r}" for size in self.arguments)
        x = f"{self.x.dtype}, shape {self.x.shape}, strides {self.x.strides}"
        return f"{self.name}(x{sizes}{options}), x of {x}, out {self.out}"


def per_axis(value: Any, count: int) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value] * count


# Arrays -------------------------------------------------------------------------------------------


def make(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, values: str) -> np.ndarray:
    """Random values: "plain", "few" (many ties), or "special" (the ends of the type, NaN, ...)."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        if values == "few":
            return rng.integers(max(low, -2), 3, shape, dtype)
        x = rng.integers(low, high, shape, dtype, endpoint=True)
        if values == "special":
            ends = np.array([low, high, 0, 1, high - 1, low + 1], dtype)
            x = np.where(rng.random(shape) < 0.6, rng.choice(ends, shape), x)
        return x.astype(dtype)
    if values == "few":
        return rng.integers(-2, 3, shape).astype(dtype)
    x = rng.normal(size=shape).astype(dtype)
    if values == "special":
        info = ml_dtypes.finfo(dtype) if dtype == BFLOAT else np.finfo(dtype)
        # Not so large that what is added up overflows on the way.
        large = float(info.max) / (1 if dtype.itemsize == 2 and dtype != BFLOAT else 4096)
        special = [math.nan, math.inf, -math.inf, -0.0, 0.0, large, -large,
                   float(info.smallest_subnormal), -3 * float(info.smallest_subnormal),
                   float(info.tiny)]  # fmt: skip
        kept = rng.random(shape) < rng.choice([0.1, 0.5, 0.9])
        x = np.where(kept, x, rng.choice(np.array(special), shape).astype(dtype))
    return np.asarray(x, dtype)


def distinct(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = float) -> np.ndarray:
    """Different whole numbers, of both signs, in random order."""
    size = math.prod(shape)
    return (rng.permutation(size) - size // 2).reshape(shape).astype(dtype)


def _strided(x: np.ndarray) -> np.ndarray:
    buffer = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    return buffer[(..., *(slice(1, 2 * n + 1, 2) for n in x.shape))]


def _misaligned(x: np.ndarray) -> np.ndarray:
    return np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)


def _moved(x: np.ndarray) -> np.ndarray:
    order = np.roll(np.arange(x.ndim), 1)
    return np.empty([x.shape[axis] for axis in order], x.dtype).transpose(np.argsort(order))


def _reversed(x: np.ndarray) -> np.ndarray:
    return np.empty_like(x, order="C")[(..., *[slice(None, None, -1)] * x.ndim)]


def _odd_ones(x: np.ndarray) -> np.ndarray:
    """Strides of axes of length 1 mean nothing: here they point anywhere."""
    view = np.empty_like(x, order="C")
    strides = [10**6 + 3 if n == 1 else s for n, s in zip(x.shape, view.strides, strict=True)]
    return np.lib.stride_tricks.as_strided(view, x.shape, strides)


#: Layouts that can be written: from an array to an empty one of its shape and type.
OUTPUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": lambda x: np.empty_like(x, order="C"),
    "Fortran": lambda x: np.empty_like(x, order="F"),
    "reversed": _reversed,
    "strided": _strided,
    "moved": _moved,
    "misaligned": _misaligned,
    "odd ones": _odd_ones,
}


def _repeated(x: np.ndarray) -> np.ndarray:
    """Every second axis repeats its first element: strides of 0."""
    return np.broadcast_to(x[tuple(slice(0, 1 if i % 2 else None) for i in range(x.ndim))], x.shape)


def _overlapping(x: np.ndarray) -> np.ndarray:
    """Rows that share all elements but one."""
    if x.ndim < 2 or x.size == 0:
        return x
    line = np.resize(x, x.shape[-2] + x.shape[-1] - 1)
    rows = np.lib.stride_tricks.sliding_window_view(line, x.shape[-1])
    return np.broadcast_to(rows, x.shape)


def _read_only(x: np.ndarray) -> np.ndarray:
    x = np.array(x, order="C")  # a scalar too becomes an array
    x.flags.writeable = False
    return x


def _swapped(x: np.ndarray) -> np.ndarray:
    return x if x.dtype == BFLOAT else x.astype(x.dtype.newbyteorder("S"))


#: Layouts to read; the last ones have other values.
LAYOUTS = [*OUTPUTS, "read-only", "swapped", "repeated", "overlapping"]


def lay_out(x: np.ndarray, layout: str) -> np.ndarray:
    if layout in OUTPUTS:
        y = OUTPUTS[layout](x)
        y[...] = x
        return y
    change = {"read-only": _read_only, "swapped": _swapped, "repeated": _repeated,
              "overlapping": _overlapping}  # fmt: skip
    return change[layout](x)


def owner(x: np.ndarray) -> np.ndarray:
    """The array whose memory x is a view of."""
    base = x.base
    while base is not None:
        x = base if isinstance(base, np.ndarray) else x
        base = getattr(base, "base", None)  # as_strided puts an object of its own in between
    return x


def memory_of(x: np.ndarray) -> np.ndarray:
    """All bytes that x is a view of, as a writable array of them."""
    whole = owner(x)
    return (whole if whole.flags.c_contiguous else whole.T).reshape(-1).view(np.uint8)


@contextlib.contextmanager
def unchanged(*inputs: Any) -> Iterator[None]:
    """No byte of these arrays, nor of what they are views of, is written inside."""
    watched = [owner(x) for x in inputs if isinstance(x, np.ndarray)]
    before = [x.tobytes() for x in watched]
    yield
    for x, bytes_before in zip(watched, before, strict=True):
        assert x.tobytes() == bytes_before, "an input was modified"


# Comparisons --------------------------------------------------------------------------------------


def plain(x: np.ndarray) -> np.ndarray:
    """16-bit floats as float32, which holds them and can be compared."""
    return x.astype(np.float32) if x.dtype in (BFLOAT, np.float16) else x


def is_floating(dtype: np.dtype) -> bool:
    return dtype.kind == "f" or dtype == BFLOAT


def assert_type(actual: Any, dtype: np.dtype, shape: tuple[int, ...], what: Any = "") -> None:
    assert isinstance(actual, np.ndarray), f"{what}: not an array but {type(actual)}"
    assert actual.dtype == dtype, f"{what}: {actual.dtype}, not {dtype}"
    assert actual.dtype.isnative, f"{what}: not in native byte order"
    assert actual.shape == shape, f"{what}: shape {actual.shape}, not {shape}"


def assert_equal(actual: np.ndarray, expected: np.ndarray, what: Any = "") -> None:
    """The same type, shape and values; a NaN equals a NaN, and +0.0 equals -0.0."""
    assert_type(actual, expected.dtype, expected.shape, what)
    assert_between(actual, expected, expected, what)


def assert_between(actual: np.ndarray, low: np.ndarray, high: np.ndarray, what: Any = "") -> None:
    """Elements are between bounds of their own type, or NaN where both bounds are."""
    actual, low, high = plain(actual), plain(low), plain(high)
    good = (low <= actual) & (actual <= high)
    good |= (low != low) & (high != high) & (actual != actual)
    if not good.all():
        places = np.argwhere(~good)
        lines = [
            f"  at {tuple(map(int, at))}: {actual[tuple(at)]!r}, "
            f"expected {low[tuple(at)]!r} to {high[tuple(at)]!r}"
            for at in places[:5]
        ]
        raise AssertionError("\n".join([f"{what}: {len(places)} of {good.size} differ", *lines]))


def assert_bits(actual: Any, expected: Any, what: Any = "") -> None:
    """The same bits, in one array or in tuples of them."""
    if isinstance(expected, tuple):
        for one, other in zip(actual, expected, strict=True):
            assert_bits(one, other, what)
        return
    assert actual.dtype == expected.dtype, what
    assert actual.shape == expected.shape, what
    if actual.tobytes() != expected.tobytes():
        assert_equal(actual, expected, what)
        raise AssertionError(f"{what}: equal values, but other bits")


def epsilon(dtype: Any) -> float:
    return float(ml_dtypes.finfo(dtype).eps if dtype == BFLOAT else np.finfo(dtype).eps)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Real numbers in a type: to nearest, half to even, in one step; integers are saturated."""
    values = np.asarray(values, np.float64)
    if is_floating(dtype):
        with np.errstate(all="ignore"):
            if dtype == BFLOAT:  # ml_dtypes goes through float32, and so rounds twice
                quantum = np.ldexp(1.0, np.maximum(np.frexp(values)[1], -125) - 8)
                values = np.where(np.isfinite(values), np.rint(values / quantum) * quantum, values)
            return values.astype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = [
        min(max(int(v), low), high) if math.isfinite(v) else high if v > 0 else low
        for v in np.rint(values).flat
    ]
    return np.array(whole, dtype).reshape(values.shape)


def accumulator(x: np.dtype, result: np.dtype) -> np.dtype:
    """The floating type that sums are made in."""
    wide = x == np.float64 or result == np.float64 or x.kind in "iub"
    return np.dtype(np.float64 if wide else np.float32)


def magnitude(case: Case) -> np.ndarray:
    """What a linear operator makes of the absolute values: the sums that errors are relative to."""
    changes: dict[str, Any] = {"x": np.abs(case.x.astype(np.float64)), "dtype": np.float64}
    if case.options.get("divisor_override") is not None:
        changes["divisor_override"] = abs(case.options["divisor_override"])
    return case.call(reference, **changes)


def margin(case: Case, wide: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """How far from the exact value, which `wide` nearly is, a result may be before it is rounded to
    its type. Sums: an error for each addition (test_sums.py has the whole story)."""
    if case.kind.selects or (case.kind.linear and not is_floating(case.dtype)):
        # Exact; but integers of 64 bits become float64 on the way to other floating types.
        far = case.x.itemsize == 8 and not is_floating(case.dtype)
        return (2.0**-51 if far else 0.0) * np.abs(wide)
    size = accumulator(case.dtype, dtype)
    if case.kind.linear:
        sums = magnitude(case)
        assert np.all(~np.isfinite(wide) | (sums < np.finfo(size).max / 2)), "sums may overflow"
    else:
        # A sum of logarithms has their absolute error, which is the relative one of the result.
        logarithms = 750 if "geometric" in case.kind.name or case.options.get("p") == 0 else 1
        sums = np.abs(wide) * logarithms
        sums += np.abs(case.x[np.isfinite(case.x)], dtype=float).max(initial=0)
    return (case.taps + 3) * (epsilon(size) + 2.0**-52) * sums + np.finfo(size).smallest_subnormal


def expectation(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The least and the largest values that are right, and positions if they are asked for."""
    expected = case.call(reference)
    expected, positions = expected if isinstance(expected, tuple) else (expected, None)
    dtype = expected.dtype
    if dtype == case.dtype and case.kind.selects:
        return expected, expected, positions
    if not is_floating(case.dtype) and not is_floating(dtype):
        return expected, expected, positions
    wide = reference_in_double(case)
    with np.errstate(all="ignore"):
        off = margin(case, wide, dtype)
        low, high = rounded(wide - off, dtype), rounded(wide + off, dtype)
    special = ~np.isfinite(wide)
    low[special] = high[special] = expected[special]
    return low, high, positions


def reference_in_double(case: Case) -> np.ndarray:
    changes = {"return_indices": False} if "return_indices" in case.options else {}
    return case.call(reference, dtype=np.float64, **changes)


def outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except (TypeError, ValueError) as error:
        return None, error


def check_forward(case: Case) -> bool:
    """The result of a call is the reference's; False where both refuse it, for the same reason."""
    expected, refused = outcome(lambda: expectation(case))
    if refused is not None:
        with unchanged(case.x, case.options.get("where")):
            _, error = outcome(case.call)
        assert type(error) is type(refused), f"{case}: {error!r}, not {refused!r}"
        return False
    low, high, positions = expected
    changes, before = {}, None
    if case.out is not None:
        out = changes["out"] = OUTPUTS[case.out](low)
        memory_of(out)[...] = 0xA5
        before = memory_of(out).copy()
    with unchanged(case.x, case.options.get("where")):
        actual = case.call(**changes)
    if positions is not None:
        actual, actual_positions = actual
        assert_equal(actual_positions, positions, f"{case}: positions")
    if case.out is not None:
        assert actual is changes["out"], f"{case}: out was not returned"
        check_frame(case, changes["out"], before)
    assert_type(actual, low.dtype, low.shape, case)
    assert_between(actual, low, high, case)
    return True


def check_frame(case: Case, out: np.ndarray, before: np.ndarray) -> None:
    """Only out's own elements were written, nothing between or beside them."""
    memory = memory_of(out)
    start = out.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    np.ndarray(out.shape, out.dtype, before, start, out.strides)[...] = out
    assert np.array_equal(memory, before), f"{case}: written beside out"


# Gradients ----------------------------------------------------------------------------------------


def values_of(y: Any) -> np.ndarray:
    return y[0] if isinstance(y, tuple) else y


def jacobian(case: Case, step: float | None = None) -> np.ndarray:
    """The derivative of each element of y (last axis) by each of x (first axis), by central
    differences of the reference in float64."""
    x = case.x.astype(np.float64)
    if case.kind.linear:
        x = np.where(np.isnan(x), x, 0.0)  # the same everywhere, but here nothing cancels
    if step is None:
        # A power of two that is less than the distance of whole numbers: no rounding.
        step = 0.25 if case.kind.linear or case.kind.selects else 1e-6
    steps = step * np.eye(x.size).reshape(x.size, *x.shape)
    options = {**case.options, "axes": case.axes}
    for name in ("channels_last", "return_indices", "dtype"):
        options.pop(name, None)
    if options.get("where") is not None:
        options["where"] = np.broadcast_to(options["where"], x.shape)
    many = replace(case, x=np.concatenate([x + steps, x - steps]), rank=0, options=options)
    if "rng" in options:  # the same draws for each of them
        calls = [many.call(reference, x=each) for each in many.x]
        y = np.reshape(calls, (2 * x.size, -1))
    else:
        y = many.call(reference).reshape(2 * x.size, -1)
    # A window without anything is NaN on both sides: nothing that it depends on.
    return np.nan_to_num((y[: x.size] - y[x.size :]) / (2 * step), nan=0.0)


def assert_gradient(case: Case, gx: np.ndarray, gy: np.ndarray) -> None:
    """gx is the gradient by differences, as exactly as sums in its accumulator can be."""
    dtype = case.dtype if is_floating(case.dtype) else np.dtype(np.float64)
    assert_type(gx, dtype, case.x.shape, f"{case}: gradient")
    slopes, gy = jacobian(case), gy.astype(np.float64).reshape(-1)
    expected = (slopes @ gy).reshape(gx.shape)
    if case.kind.linear or case.kind.selects:
        terms = np.count_nonzero(slopes, axis=1) + 3
        off = (terms * (np.abs(slopes) @ np.abs(gy))).reshape(gx.shape)
        off *= epsilon(accumulator(dtype, dtype)) + 2.0**-52
    else:
        off = 1e-6 * (1 + np.abs(expected))
    assert_between(gx, rounded(expected - off, dtype), rounded(expected + off, dtype), case)


def check_backward(
    case: Case, gy_dtype: Any = np.float64, gy_layout: str = "C", seed: int = 0
) -> bool:
    """y and the gradient of a call, twice, the second time into memory; False where the call is
    refused."""
    expected, refused = outcome(case.call)
    if refused is not None:
        _, error = outcome(case.vjp)
        assert type(error) is type(refused), f"{case}: vjp {error!r}, not {refused!r}"
        return False
    with unchanged(case.x, case.options.get("where")):
        y, pullback = case.vjp()
    for one, other in zip(as_tuple(y), as_tuple(expected), strict=True):
        assert_equal(one, other, f"{case}: y of vjp")
    rng = np.random.default_rng(seed)
    shape = values_of(y).shape
    gy_dtype = np.dtype(gy_dtype)
    gy = rng.integers(-9 if is_floating(gy_dtype) or gy_dtype.kind == "i" else 0, 10, shape)
    gy = gy / 4 if is_floating(gy_dtype) else gy // 5 if gy_dtype.kind == "b" else gy
    gy = gy.astype(gy_dtype)
    gy = lay_out(gy, gy_layout)
    with unchanged(gy, case.x):
        gx = pullback(gy)
    assert_gradient(case, gx, gy)
    assert_bits(pullback(gy), gx, f"{case}: called again")
    assert not np.shares_memory(pullback(gy), gx)
    layout = list(OUTPUTS)[seed % len(OUTPUTS)]
    out = OUTPUTS[layout](gx)
    with unchanged(gy, case.x):
        assert pullback(gy, out=out) is out
    assert_bits(out, gx, f"{case}: into memory, {layout}")
    return True


def as_tuple(y: Any) -> tuple[np.ndarray, ...]:
    return y if isinstance(y, tuple) else (y,)


def held(function: Any) -> list[np.ndarray]:
    """The arrays (those that own memory) that a function keeps alive."""
    found: dict[int, np.ndarray] = {}
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            found[id(owner(thing))] = owner(thing)
        elif isinstance(thing, functools.partial):
            waiting += [thing.func, *thing.args, *thing.keywords.values()]
        elif isinstance(thing, tuple | list | set):
            waiting += thing
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif inspect.ismethod(thing):
            waiting += [thing.__self__, thing.__func__]
        elif inspect.isfunction(thing):
            waiting += [cell.cell_contents for cell in thing.__closure__ or ()]
            waiting += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        elif hasattr(thing, "__dict__") and not isinstance(thing, type | ModuleType):
            waiting += vars(thing).values()
    return list(found.values())


# Instruction sets ---------------------------------------------------------------------------------


@contextlib.contextmanager
def instruction_set(name: str) -> Iterator[None]:
    before = driver.ISA
    driver.use_instruction_set(name)
    try:
        yield
    finally:
        driver.use_instruction_set(before)


# Random cases -------------------------------------------------------------------------------------


def _maybe_tuple(draw: Any, rank: int, strategy: st.SearchStrategy[Any]) -> Any:
    if draw(st.booleans()):
        return draw(strategy)
    return tuple(draw(strategy) for _ in range(rank))


def _sizes(usual: int, rare: int) -> st.SearchStrategy[int]:
    """Mostly small numbers, now and then a large one."""
    small = st.integers(1, usual)
    return st.one_of(small, small, small, small, st.integers(1, rare))


@st.composite
def shapes(draw: Any, rank: int, channels_last: bool, tiny: bool) -> tuple[int, ...]:
    usual = {1: 12, 2: 6, 3: 3}[rank] if tiny else {1: 40, 2: 12, 3: 7}[rank]
    rare = {1: 30, 2: 9, 3: 5}[rank] if tiny else {1: 300, 2: 70, 3: 12}[rank]
    lead = draw(st.lists(st.integers(1, 2 if tiny else 3), max_size=1 if tiny else 2))
    plane = [draw(_sizes(usual, rare)) for _ in range(rank)]
    widths = [1, 2, 3] if tiny else [1, 2, 3, 5, 8, 17, 33]
    return (*lead, *plane, *([draw(st.sampled_from(widths))] if channels_last else []))


@st.composite
def paddings(draw: Any, rank: int) -> Any:
    pair = st.tuples(st.integers(0, 4), st.integers(0, 4))
    return draw(
        st.one_of(
            st.just(0),
            st.sampled_from(["same", "same_lower", "valid"]),
            st.integers(0, 3),
            st.tuples(*[st.integers(0, 3)] * rank).filter(lambda p: rank > 1 or len(p) != 2),
            st.tuples(*[pair] * rank),
        )
    )


@st.composite
def cases(draw: Any, kind: type[Reduction], gradients: bool = False) -> Case:
    """Any call of an operator; with `gradients` a small one, of distinct values."""
    form = draw(st.sampled_from(["sliding", *forms(kind)]))
    rank = draw(st.sampled_from(RANKS))
    by_axes = form == "global" or draw(st.booleans())
    channels_last = draw(st.booleans())
    shape = draw(shapes(rank, channels_last, gradients))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    options: dict[str, Any] = dict(draw(st.sampled_from(own_arguments(kind, form))))
    if by_axes:
        places = draw(st.permutations(range(len(shape))))[:rank]
        options["axes"] = tuple(
            place - len(shape) if draw(st.booleans()) else place for place in places
        )
    elif channels_last:
        options["channels_last"] = True
    size = None
    if form == "sliding":
        size = _maybe_tuple(draw, rank, _sizes(4, 5 if gradients else 40))
        options["stride"] = _maybe_tuple(draw, rank, _sizes(3, 12)) if draw(st.booleans()) else None
        options["padding"] = draw(paddings(rank))
        options["padding_mode"] = draw(st.sampled_from(["constant", "constant", *MODES]))
        options["dilation"] = _maybe_tuple(draw, rank, st.sampled_from([1, 1, 2, 3]))
        options["ceil_mode"] = draw(st.booleans())
    elif form == "adaptive":
        size = _maybe_tuple(draw, rank, st.one_of(st.integers(1, 9), st.none()))
    else:
        options["keepdims"] = draw(st.booleans())
    if kind.selects and draw(st.booleans()):
        options["return_indices"] = True
    dtype = draw(st.sampled_from(DTYPES))
    if gradients:
        x = distinct(rng, shape, np.float64)
        if kind.name in POSITIVE:
            x = x - x.min() + 1
        dtype = draw(st.sampled_from(gradient_dtypes(x)))
        x = x.astype(dtype)
        if draw(st.booleans()):
            options["dtype"] = draw(st.sampled_from(FLOATS))
        policies = ["propagate", "omit"]
    else:
        x = make(rng, shape, dtype, draw(st.sampled_from(["plain", "few", "special"])))
        if kind.name in POSITIVE:
            x = np.abs(x) if is_floating(x.dtype) else np.maximum(x, x.dtype.type(0))
        policies = ["propagate", "propagate", "omit", "raise"]
        if draw(st.sampled_from([False, False, False, True])):
            options["dtype"] = draw(st.sampled_from(DTYPES))
    options["nan_policy"] = draw(st.sampled_from(policies))
    if gradients and options["nan_policy"] == "omit" and is_floating(x.dtype):
        x[rng.random(shape) < 0.2] = np.nan
    if draw(st.sampled_from([False, False, True])):
        mask_shape = [n if draw(st.booleans()) else 1 for n in shape]
        options["where"] = rng.random(mask_shape) < draw(st.sampled_from([0.3, 0.7, 0.95]))
    x = lay_out(x, draw(st.sampled_from(LAYOUTS[: -2 if gradients else None])))
    out = None if gradients else draw(st.sampled_from([None, None, *OUTPUTS]))
    return Case(kind, form, 0 if by_axes else rank, x, size, options, out)


def gradient_dtypes(x: np.ndarray) -> list[np.dtype]:
    """The types that hold the whole numbers of x apart."""
    span = max(-float(x.min()), float(x.max()))
    limits = {np.dtype(np.float16): 2048, BFLOAT: 256, np.dtype(np.int8): 127}
    candidates = [np.dtype(np.float64), *FLOATS, np.dtype(np.int32), np.dtype(np.int8)]
    return [dtype for dtype in candidates if span <= limits.get(dtype, 2**24)]
