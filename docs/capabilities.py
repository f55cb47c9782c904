"""What each operator can do, found out by running it on tiny arrays.

``python docs/capabilities.py`` prints the tables; conf.py writes them into a page. Nothing here
knows an operator by name: the registry is looped over, and `cpool.alternatives` where it exists.
An entry counts as working only if it runs and agrees with `cpool.reference`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import cpool
import cpool.nn
import cpool.reference
from cpool.reductions import REGISTRY
from cpool.reductions.base import Reduction

Kind = type[Reduction]

TYPES = ["float64", "float32", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32",
         "uint32", "int64", "uint64", "bool"]  # fmt: skip
if importlib.util.find_spec("ml_dtypes") is None:
    TYPES.remove("bfloat16")
MODES = ["constant", "reflect", "mirror", "nearest", "wrap"]
#: What operators with arguments of their own are given where they have no default.
OWN = {"norm_type": 2.0, "q": 0.5, "rank": 0, "p": 3.0}
#: What says that something is not supported, or not right.
FAILURES = (TypeError, ValueError, AssertionError, AttributeError)


@dataclass(frozen=True)
class Column:
    """A question, the things it is asked about, and how to find the answer."""

    title: str
    items: list[str]
    works: Callable[[Kind, str], bool]

    def cell(self, kind: Kind) -> str:
        """Yes or no for one item; of several: all, none, or those that work."""
        good = [item for item in self.items if _runs(self.works, kind, item)]
        if len(self.items) == 1:
            return "yes" if good else "no"
        if len(good) == len(self.items):
            return f"all {len(good)}"
        return ", ".join(good) or "none"


def _runs(works: Callable[[Kind, str], bool], kind: Kind, item: str) -> bool:
    try:
        return bool(works(kind, item))
    except FAILURES:
        return False


# How operators are asked --------------------------------------------------------------------------


@cache
def _values(*shape: int) -> np.ndarray:
    """Between 0.1 and 1, all different."""
    values = np.random.default_rng(0).permutation(np.linspace(0.1, 1, int(np.prod(shape))))
    values.setflags(write=False)
    return values.reshape(shape)


def _own(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function cannot do without, and a seed where it takes one."""
    given = {"rng": 0} if "rng" in inspect.signature(function).parameters else {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in OWN and parameter.default is inspect.Parameter.empty:
            given[name] = OWN[name]
    return given


def _arguments(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[list[Any], dict]:
    """Those by position, with what stands before the sizes, and those by name."""
    own = _own(function)
    leading = [own.pop("norm_type")] if "norm_type" in own else []
    return [*leading, *args], own


def _made(kind: Kind) -> Any:
    """The operator, with what it cannot do without."""
    needed = [name for name in inspect.signature(kind).parameters if name in OWN]
    return kind(**{name: OWN[name] for name in needed})


def _call(name: str, x: np.ndarray, *args: Any, **options: Any) -> np.ndarray:
    function = getattr(cpool, name)
    args, own = _arguments(function, args)
    return function(x, *args, **own, **options)


def _agrees(name: str, x: np.ndarray, *args: Any, **options: Any) -> bool:
    """Whether it runs, and gives what the reference gives where that has it."""
    y = _call(name, x, *args, **options)
    definition = getattr(cpool.reference, name, None)
    if definition is not None:
        args, own = _arguments(getattr(cpool, name), args)
        expected = definition(x, *args, **own, **options)
        _assert_close(y, expected)
    return True


def _assert_close(y: Any, expected: Any) -> None:
    assert y.dtype == expected.dtype
    tolerance = {2: 1e-2, 4: 1e-5}.get(y.dtype.itemsize, 1e-12)
    a, b = (np.asarray(v, np.float64) for v in (y, expected))
    np.testing.assert_allclose(a, b, rtol=tolerance)


def _typed(kind: Kind, name: str) -> bool:
    if name == "bfloat16":
        importlib.import_module("ml_dtypes")  # gives NumPy the name
    x = _values(2, 4, 6)
    return _agrees(f"{kind.function}2d", (x if "float" in name else 9 * x).astype(name), 2)


def _on_axes(kind: Kind, which: str) -> bool:
    x = _values(2, 4, 6, 4)
    if which == "named":
        return _agrees(kind.function, x, (2, 3), axes=(3, 1))
    return _agrees(f"{kind.function}{which}d", x, 2)


def _with_form(kind: Kind, form: str) -> bool:
    if form == "global":
        return _agrees(f"global_{kind.function}", _values(2, 3, 5, 4))
    stem, size = ("adaptive_", (3, 2)) if form == "adaptive" else ("", (2, 3))
    return _agrees(f"{stem}{kind.function}2d", _values(2, 7, 6), size)


#: Windows for `pool` over (7, 6) elements; those that do not exist yet are left out.
WINDOWS = {
    "sliding": ((3, 2),),
    "adaptive": ((3, 2),),
    "whole": (),
    "fractional": (2, (3, 2)),
    "pyramid": ((1, 2),),
}


def _in_pool(kind: Kind, name: str) -> bool:
    windows = getattr(cpool, name)(*WINDOWS[name])
    options = {"axes": (1, 2)}
    if name == "fractional":
        options["rng"] = 0
    return cpool.pool(_values(2, 7, 6), _made(kind), windows, **options) is not None


def _padded(kind: Kind, mode: str) -> bool:
    x = _values(2, 5, 6)
    return _agrees(f"{kind.function}2d", x, 3, stride=2, padding=2, padding_mode=mode)


def _option(kind: Kind, option: str) -> bool:
    x = np.array(_values(2, 4, 6))
    name = f"{kind.function}2d"
    if option == "where":
        return _agrees(name, x, 2, where=x > 0.2)
    if option == "omit":
        x[0, 0, 0] = np.nan
        return _agrees(name, x, 2, nan_policy="omit")
    if option == "raise":
        return _raises_for_nan(name, x)
    if option == "channels_last":
        return _agrees(name, _values(2, 4, 6, 3), 2, channels_last=True)
    if option == "dtype":
        return _agrees(name, x, 2, dtype="float32")
    y = np.full((2, 2, 3), np.nan)
    assert _call(name, x, 2, out=y) is y
    _assert_close(y, _call(name, x, 2))
    return True


def _raises_for_nan(name: str, x: np.ndarray) -> bool:
    _call(name, x, 2, nan_policy="raise")
    x[0, 0, 0] = np.nan
    try:
        _call(name, x, 2, nan_policy="raise")
    except ValueError:
        return True
    return False


def _positions(kind: Kind, _: str) -> bool:
    x = _values(2, 4, 6)
    y, indices = _call(f"{kind.function}2d", x, 2, return_indices=True)
    there = np.take_along_axis(x.reshape(2, -1), indices.reshape(2, -1), 1)
    return bool((there.reshape(y.shape) == y).all())


def _gradient(kind: Kind, _: str) -> bool:
    """The derivative in one direction, by differences."""
    x, direction, step = _values(2, 4, 6), _values(6, 4, 2).reshape(2, 4, 6), 1e-6
    function = getattr(cpool, f"{kind.function}2d")
    args, own = _arguments(function, (2,))
    y, pullback = cpool.vjp(function, x, *args, **own)
    gx = pullback(np.ones_like(y))
    ends = [_call(function.__name__, x + t * direction, 2).sum() for t in (step, -step)]
    slope = (ends[0] - ends[1]) / (2 * step)
    return bool(np.isclose((gx * direction).sum(), slope, rtol=1e-4))


def _layer(kind: Kind, _: str) -> bool:
    function = getattr(cpool, f"{kind.function}2d")
    x, (args, own) = _values(2, 4, 6), _arguments(function, (2,))
    again = dict(own)
    if "rng" in own:  # a layer makes a seed a generator, of which it draws at each call
        own["rng"], again["rng"] = np.random.default_rng(0), np.random.default_rng(0)
    layer = getattr(cpool.nn, layer_name(function.__name__))(*args, **own)
    y = layer(x)
    _assert_close(y, function(x, *args, **again))
    return layer.backward(np.ones_like(y)).shape == x.shape


def _reference(kind: Kind, _: str) -> bool:
    return all(
        hasattr(cpool.reference, name)
        for name in (kind.function, f"adaptive_{kind.function}", f"global_{kind.function}")
        if hasattr(cpool, name)
    )


def _cost(kind: Kind, _: str) -> bool:
    function = getattr(cpool, f"{kind.function}2d")
    args, own = _arguments(function, (2,))
    return cpool.cost(function, (4, 6), *args, **own).formula.total > 0


def layer_name(function_name: str) -> str:
    """max_pool2d is MaxPool2d."""
    return "".join(word[0].upper() + word[1:] for word in function_name.split("_"))


COLUMNS = [
    Column("types", TYPES, _typed),
    Column("axes", ["1", "2", "3", "named"], _on_axes),
    Column("functions", ["sliding", "adaptive", "global"], _with_form),
    Column("windows", [name for name in WINDOWS if hasattr(cpool, name)], _in_pool),
    Column("padding modes", MODES, _padded),
    Column("options", ["where", "omit", "raise", "channels_last", "dtype", "out"], _option),
    Column("positions", [""], _positions),
    Column("gradient", [""], _gradient),
    Column("layer", [""], _layer),
    Column("reference", [""], _reference),
    Column("cost", [""], _cost),
]


# Benchmarks ---------------------------------------------------------------------------------------


@cache
def _benchmark_functions() -> list[str] | None:
    """The function of each row of benchmarks/rows.py, where that lies beside these pages."""
    file = Path(__file__).resolve().parent.parent / "benchmarks" / "rows.py"
    if not file.is_file():
        return None
    spec = importlib.util.spec_from_file_location("cpool_benchmark_rows", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    try:
        spec.loader.exec_module(module)
        return [row.function_name for row in module.ROWS]
    finally:
        del sys.modules[spec.name]


def _stem(name: str) -> str:
    """The operator behind a name."""
    return re.sub(r"^(adaptive|global)_|[123]d$", "", name)


def _benchmarks(stem: str) -> list[str]:
    """A cell: how many rows; no cell where that is not known."""
    functions = _benchmark_functions()
    if functions is None:
        return []
    return [str(sum(_stem(name) == stem for name in functions))]


# Tables -------------------------------------------------------------------------------------------

Table = list[list[str]]


def operators() -> Table:
    """A row for each operator of the registry, after one of titles."""
    titles = ["operator", *(column.title for column in COLUMNS)]
    rows = [
        [kind.function, *(column.cell(kind) for column in COLUMNS), *_benchmarks(kind.function)]
        for kind in REGISTRY.values()
    ]
    return [titles + ["benchmark rows"] * (_benchmark_functions() is not None), *rows]


def other_functions() -> Table:
    """A row for each function of cpool.alternatives; none where there is no such package."""
    module = _alternatives()
    if module is None:
        return []
    groups: dict[str, list[str]] = {}
    for name in module.__all__:
        if inspect.isfunction(getattr(module, name)):
            groups.setdefault(_stem(name), []).append(name)
    titles = ["function", "axes", "gradient", "layer", "reference", "cost", "forms", "options"]
    rows = [_other_row(module, stem, names) for stem, names in groups.items()]
    return [titles + ["benchmark rows"] * (_benchmark_functions() is not None), *rows]


def _alternatives() -> ModuleType | None:
    try:
        return importlib.import_module("cpool.alternatives")
    except ModuleNotFoundError as error:
        if error.name != "cpool.alternatives":
            raise
        return None


#: What a function may take beside what is its own: those of a signature are tried.
_OPTIONS = ["channels_last", "where", "omit", "raise", "dtype", "out"]
#: What it is given where it cannot do without.
_BOXES = [[0, 0, 0, 3, 3], [1, 1, 1, 3, 3]]
_GIVEN: dict[str, Callable[[np.ndarray, int], Any]] = {
    "kernel_size": lambda x, rank: (2,) * rank,
    "filter_size": lambda x, rank: (3,) * rank,
    "output_size": lambda x, rank: 2 if rank == 1 else (2,) * rank,
    "boxes": lambda x, rank: _BOXES,
    "query": lambda x, rank: [0.5, -0.5, 1.0],
    "logits": lambda x, rank: x - 0.5,
    "rng": lambda x, rank: 0,
}


def _sample(name: str, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """x (2, 3, *lengths of 4), and what a function cannot do without."""
    parameters = inspect.signature(getattr(cpool, name)).parameters
    rank = int((re.search(r"([123])d$", name) or "2")[0][0])
    x = np.array(_values(2, 3, *[4] * rank))
    given = {key: make(x, rank) for key, make in _GIVEN.items() if key in parameters}
    if "weight" in parameters:
        taps = (2,) * rank
        given["weight"] = _values(*((3, 3, *taps) if name.startswith("conv") else taps))
    return x, {**given, **options}


def _takes(name: str, option: str) -> bool:
    """Whether an option of a function that is no `pool` does what it says."""
    function, (x, given) = getattr(cpool, name), _sample(name)
    plain = np.array(function(x, **given))
    if option == "channels_last":
        return _takes_channels_last(function, x, given, plain)
    if option == "dtype":
        return function(x, dtype="float32", **given).dtype == np.float32
    if option == "out":
        y = np.full_like(plain, np.nan)
        return function(x, out=y, **given) is y and np.array_equal(y, plain)
    where = (x > 0.15) & (x < 0.9)
    missing = np.where(where, x, np.nan)
    if option == "raise":
        function(x, nan_policy="raise", **given)
        return _refuses(function, missing, nan_policy="raise", **given)
    masked = function(missing, where=where, **given)
    if option == "omit":
        y = function(missing, nan_policy="omit", **given)
        return np.array_equal(y, masked, equal_nan=True)
    same = np.array_equal(function(x, where=where, **given), masked, equal_nan=True)
    return same and not np.array_equal(masked, plain)


def _takes_channels_last(
    function: Callable[..., Any], x: np.ndarray, given: dict[str, Any], plain: np.ndarray
) -> bool:
    if "logits" in given:
        given = {**given, "logits": np.moveaxis(given["logits"], 1, -1)}
    y = function(np.moveaxis(x, 1, -1), channels_last=True, **given)
    y = np.moveaxis(y, -1, 1) if y.ndim == plain.ndim > 2 else y
    return np.allclose(y, plain)


def _refuses(function: Callable[..., Any], *args: Any, **options: Any) -> bool:
    try:
        function(*args, **options)
    except ValueError:
        return True
    return False


def _try(name: str, option: str) -> bool:
    try:
        return _takes(name, option)
    except FAILURES:
        return False


def _other_row(module: ModuleType, stem: str, names: list[str]) -> list[str]:
    functions = [getattr(module, name) for name in names]
    has = {
        "gradient": lambda function: hasattr(function, "_vjp"),
        "layer": lambda function: hasattr(cpool.nn, layer_name(function.__name__)),
        "reference": lambda function: hasattr(cpool.reference, function.__name__),
        "cost": lambda function: hasattr(function, "_cost") or stem == "conv",
    }
    plain = [name for name in names if not re.match("(adaptive|global)_", name)]
    axes = [name[len(stem) :].rstrip("d") or "any" for name in plain]
    forms = [each for each in ("adaptive", "global") if any(map(re.compile(each).match, names))]
    options = [each for each in _OPTIONS if all(_try(name, each) for name in plain)]
    if options == _OPTIONS:
        options = [f"all {len(_OPTIONS)}"]
    return [stem, ", ".join(axes), *(_all(map(test, functions)) for test in has.values()),
            ", ".join(forms) or "none", ", ".join(options) or "none",
            *_benchmarks(stem)]  # fmt: skip


def _all(answers: Iterable[bool]) -> str:
    found = list(answers)
    return "yes" if all(found) else "some" if any(found) else "no"


def explanation() -> list[str]:
    """What "all" is in each column."""
    return [f"{c.title}: {', '.join(c.items)}" for c in COLUMNS if len(c.items) > 1]


def as_text() -> str:
    """Both tables in aligned columns."""
    parts = []
    for table in (operators(), other_functions()):
        if table:
            widths = [max(map(len, column)) for column in zip(*table, strict=True)]
            lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
            parts.append("\n".join(lines))
    return "\n\n".join([*parts, "\n".join(explanation())])


def as_rst() -> str:
    """A page for Sphinx."""
    lines = [
        "What each operator can do",
        "=========================",
        "",
        "This page is written by running each operator on small arrays: what stands here works,",
        "and agrees with :mod:`cpool.reference`. ``python docs/capabilities.py`` prints it.",
        "",
        *_list_table(operators()),
        "Tried were, as far as a cell does not say less:",
        "",
        *(f"* {line}" for line in explanation()),
        "",
    ]
    others = other_functions()
    if others:
        lines += ["Other functions", "---------------", "",
                  "Some have adaptive and global forms. Options are tried, of",
                  f"{', '.join(_OPTIONS)}; one that has no meaning is an error",
                  "(:doc:`/conventions` says which, and why).", "",
                  *_list_table(others)]  # fmt: skip
    return "\n".join(lines)


def _list_table(table: Table) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for i, row in enumerate(table):
        cells = [f"``{row[0]}``" if i else row[0], *row[1:]]
        lines += [f"   {'* -' if j == 0 else '  -'} {cell}" for j, cell in enumerate(cells)]
    return [*lines, ""]


if __name__ == "__main__":
    print(as_text())
