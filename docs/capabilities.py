"""What each operator can do, found out by running it on tiny arrays.

``python docs/capabilities.py`` prints the tables; conf.py writes them into a page. Nothing here
knows an operator by name: those of the registry are one table, what `cpool.functional` and
`cpool.alternatives` have beside them is another, and both are asked the same. What a function
cannot do without it is given by the names of its parameters. An entry counts as working only if it
runs and agrees with `cpool.reference`, or, for gradients, with differences.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import cpool
import cpool.nn
import cpool.reference
from cpool import alternatives, functional
from cpool.reductions import REGISTRY
from cpool.reductions.base import Reduction, gradients_by

Given = dict[str, Any]

TYPES = ["float64", "float32", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32",
         "uint32", "int64", "uint64", "bool"]  # fmt: skip
if importlib.util.find_spec("ml_dtypes") is None:
    TYPES.remove("bfloat16")
AXES = ["1", "2", "3", "any"]
FORMS = ["plain", "adaptive", "global"]
MODES = ["constant", "reflect", "mirror", "nearest", "wrap"]
OPTIONS = ["where", "omit", "raise", "channels_last", "dtype", "out"]
#: Windows for `pool` over (4, 6) elements; those that do not exist are left out.
WINDOWS = {
    "sliding": ((3, 2),),
    "adaptive": ((3, 2),),
    "whole": (),
    "fractional": (2, (3, 2)),
    "pyramid": ((1, 2),),
}
#: In a cell: the question has no meaning for the operator.
DASH = "–"
#: What says that something is not supported, or not right.
FAILURES = (TypeError, ValueError, AssertionError, AttributeError, NotImplementedError)


# Operators and how they are called ----------------------------------------------------------------


@dataclass(frozen=True)
class Operator:
    """What is called max_pool, and the functions of that name: max_pool1d, adaptive_max_pool."""

    stem: str
    names: list[str] = field(default_factory=list)

    @property
    def usual(self) -> str:
        """The function over two axes."""
        return f"{self.stem}2d" if f"{self.stem}2d" in self.names else self.stem

    @property
    def plain(self) -> list[str]:
        """Names without the forms."""
        return [name for name in self.names if name.startswith(self.stem)]

    @property
    def kind(self) -> type[Reduction] | None:
        """The reduction that `pool` takes for it, if there is one."""
        classes = [kind for kind in vars(cpool).values() if inspect.isclass(kind)]
        for kind in classes:
            names = getattr(kind, "function", None), f"{getattr(kind, 'name', None)}_pool"
            if issubclass(kind, Reduction) and self.stem in names:
                return kind
        return None

    @property
    def takes_axes(self) -> bool:
        return self.stem in self.names and "axes" in _parameters(self.stem)

    def takes(self, parameter: str) -> bool:
        return parameter in _parameters(self.usual)


def _all_operators() -> dict[str, Operator]:
    """Of the registry and beside it, by name."""
    found: dict[str, Operator] = {}
    for module in (functional, alternatives):
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                stem = _stem(name)
                found.setdefault(stem, Operator(stem)).names.append(name)
    return found


def _stem(name: str) -> str:
    """The operator behind a name."""
    return re.sub(r"^(adaptive|global)_|[123]d$", "", name)


def _parameters(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(cpool, name)).parameters)


@cache
def _values(*shape: int) -> np.ndarray:
    """Between 0.1 and 1, all different."""
    values = np.random.default_rng(0).permutation(np.linspace(0.1, 1, int(np.prod(shape))))
    values.setflags(write=False)
    return values.reshape(shape)


#: Sizes of the windows along the pooled axes.
_SIZES = (2, 3, 2)


def _indices(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Positions in what has so many windows as x has elements."""
    sizes = _SIZES[: len(axes)]
    shape = list(x.shape)
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] *= size
    return cpool.max_pool(_values(*shape), sizes, axes=axes, return_indices=True)[1]


def _weight(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return _values(*_SIZES[: len(axes)])


def _filters(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """For two output channels."""
    return _values(2, x.shape[1], *_SIZES[: len(axes)])


#: Arguments by their names, of x and the pooled axes.
GIVEN: dict[str, Callable[[np.ndarray, tuple[int, ...]], Any]] = {
    "kernel_size": lambda x, axes: _SIZES[: len(axes)],
    "filter_size": lambda x, axes: (3,) * len(axes),
    "output_size": lambda x, axes: (3, 2, 2)[: len(axes)],
    "output_ratio": lambda x, axes: 0.5,
    "norm_type": lambda x, axes: 2.0,
    "p": lambda x, axes: 3.0,
    "q": lambda x, axes: 0.5,
    "rank": lambda x, axes: 0,
    "rng": lambda x, axes: 0,
    "boxes": lambda x, axes: [[0, 0, 0, 3, 3], [1, 1, 1, 3, 3]],
    "query": lambda x, axes: np.array([0.5, -0.5, 1.0]),
    "logits": lambda x, axes: x - 0.5,
    "indices": _indices,
    "weight": _weight,
    "filters": _filters,
    "weights": lambda x, axes: 1.5 - x,
    "bias": lambda x, axes: np.array([0.5, -0.25]),
}
#: What is given though a function could do without.
_ALWAYS = ("rng", "output_ratio", "filter_size")
#: What is None by default, and can be differentiated by.
_MORE = ("weights", "bias")


def _case(name: str, axes: tuple[int, ...] = (), more: tuple[str, ...] = ()) -> tuple[Any, Given]:
    """x, and what a function cannot do without: over x's last axes, or over those named."""
    parameters, given = _parameters(name), {}
    if axes:
        x, given["axes"] = np.array(_values(2, 6, 3, 4)), axes
    else:
        rank = int((re.search(r"([123])d$", name) or "2")[0][0])
        x, axes = np.array(_values(2, 3, *(4, 6, 4)[:rank])), tuple(range(-rank, 0))
    for key, parameter in list(parameters.items())[1:]:
        without = parameter.default
        wanted = _ALWAYS if without is not None else (*_ALWAYS, *more)
        if key == "rng" and "reduction" in parameters:
            continue  # it is for reductions that draw, which the default is not
        if without is inspect.Parameter.empty or key in wanted:
            # A weight is a number for each tap, but in a convolution, which has groups, filters.
            made = "filters" if key == "weight" and "groups" in parameters else key
            given[key] = GIVEN[made](x, axes)
    return x, given


def _call(name: str, x: np.ndarray, given: Given, **options: Any) -> Any:
    return getattr(cpool, name)(x, **given, **options)


def _expected(name: str, x: np.ndarray, given: Given, **options: Any) -> Any:
    return getattr(cpool.reference, name)(x, **given, **options)


def _agrees(name: str, x: np.ndarray, given: Given, **options: Any) -> bool:
    """Whether it runs, and gives what the reference gives."""
    _assert_close(_call(name, x, given, **options), _expected(name, x, given, **options))
    return True


def _assert_close(y: Any, expected: Any) -> None:
    assert y.dtype == expected.dtype
    tolerance = {2: 1e-2, 4: 1e-5}.get(y.dtype.itemsize, 1e-12)
    a, b = (np.asarray(v, np.float64) for v in (y, expected))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance / 10)


# Questions ----------------------------------------------------------------------------------------


def _typed(op: Operator, dtype: str) -> bool:
    if dtype == "bfloat16":
        importlib.import_module("ml_dtypes")  # gives NumPy the name
    x, given = _case(op.usual)
    x = x > 0.5 if dtype == "bool" else (x if "float" in dtype else 9 * x).astype(dtype)
    return _agrees(op.usual, x, given)


def _on_axes(op: Operator, which: str) -> bool:
    """A function without a number and without `axes` is one over two."""
    if which == "any":
        return op.takes_axes and _agrees(op.stem, *_case(op.stem, axes=(3, 1)))
    name = f"{op.stem}{which}d"
    if name not in op.names and which == "2" and not op.takes_axes:
        name = op.stem
    return _agrees(name, *_case(name))


def _in_form(op: Operator, form: str) -> bool:
    names = {"plain": op.usual, "global": f"global_{op.stem}"}
    name = names.get(form, f"adaptive_{op.stem}2d")
    return _agrees(name, *_case(name))


def _in_pool(op: Operator, name: str) -> bool:
    windows = getattr(cpool, name)(*WINDOWS[name])
    options = {"rng": 0} if name == "fractional" else {}
    x, own = _values(2, 3, 4, 6), {}
    for key, parameter in inspect.signature(op.kind).parameters.items():
        if parameter.default is inspect.Parameter.empty:
            own[key] = GIVEN[key](x, (2, 3))
    y = cpool.pool(x, op.kind(**own), windows, axes=(2, 3), **options)
    return bool(np.isfinite(y).all())


def _padded(op: Operator, mode: str) -> bool:
    x, given = _case(op.usual)
    if op.takes("padding"):
        given |= {"stride": 2, "padding": (1, 2)}
    return _agrees(op.usual, x, given, padding_mode=mode)


def _option(op: Operator, option: str) -> bool:
    return all(_with_option(name, option) for name in op.plain)


def _with_option(name: str, option: str) -> bool:
    """Whether an option makes of a function what it makes of the reference, and something else."""
    x, given = _case(name)
    plain = _call(name, x, given)
    if option == "channels_last":
        # What has x's shape has its channels where x has them.
        moved = {key: _channels_last(value, x.shape) for key, value in given.items()}
        return _agrees(name, _channels_last(x, x.shape), moved, channels_last=True)
    if option == "dtype":
        return _agrees(name, x, given, dtype="float32")
    if option == "out":
        y = np.full_like(plain, np.nan)
        assert _call(name, x, given, out=y) is y
        _assert_close(y, _expected(name, x, given))
        return True
    exists = (x > 0.15) & (x < 0.9)
    if option == "where":
        done = {"where": exists}
    else:
        x = np.where(exists, x, np.nan)
        done = {"nan_policy": option}
    if option == "raise":
        return _refuses(name, x, given, done)
    _agrees(name, x, given, **done)
    return not np.array_equal(_call(name, x, given, **done), plain)


def _channels_last(value: Any, shape: tuple[int, ...]) -> Any:
    return np.moveaxis(value, 1, -1) if np.shape(value) == shape else value


def _refuses(name: str, with_nan: np.ndarray, given: Given, done: Given) -> bool:
    _call(name, np.nan_to_num(with_nan), given, **done)
    try:
        _call(name, with_nan, given, **done)
    except ValueError:
        return True
    return False


def _positions(op: Operator, _: str) -> bool:
    x, given = _case(op.usual)
    y, indices = _call(op.usual, x, given, return_indices=True)
    there = np.take_along_axis(x.reshape(2, 3, -1), indices.reshape(2, 3, -1), 2)
    return bool((there.reshape(y.shape) == y).all())


def _differentiable(op: Operator) -> list[str]:
    """The arguments that some pullback knows."""
    found: dict[str, None] = {}
    for name in op.names:
        try:
            x, given = _case(name, more=_MORE)
            found |= dict.fromkeys(gradients_by(getattr(cpool, name)._vjp(x, **given)[1]))
        except FAILURES:
            found["x"] = None
    return list(found)


def _gradient(op: Operator, by: str) -> bool:
    return all(_is_slope(name, by) for name in op.names)


def _is_slope(name: str, by: str) -> bool:
    """The derivative in one direction, by differences."""
    x, given = _case(name, more=(by,))
    there = {"x": x, **given}.get(by)
    if there is None:  # a default may be the least that is allowed: not so what is beside it
        there = _parameters(name)[by].default + 0.25
    there = np.asarray(there, float)
    direction, step = 0.5 - _values(1, *there.shape)[0], 1e-6

    def along(t: float) -> Given:
        moved = there + t * direction
        return {"x": x, **given, by: moved if moved.ndim else float(moved)}

    y, pullback = cpool.vjp(getattr(cpool, name), wrt=by, **along(0))
    gy = _values(*y.shape)
    ends = [(gy * getattr(cpool, name)(**along(t))).sum() for t in (step, -step)]
    slope = (ends[0] - ends[1]) / (2 * step)
    return bool(np.isclose((pullback(gy) * direction).sum(), slope, rtol=1e-4, atol=1e-8))


def _layer(name: str) -> bool:
    """Result and gradients are the function's."""
    kind = getattr(cpool.nn, layer_name(name))
    x, given = _case(name)
    own = [key for key in given if key in inspect.signature(kind).parameters]

    def with_seed() -> Given:
        # A layer makes a seed a generator, of which it draws at each call.
        return given | ({"rng": np.random.default_rng(0)} if "rng" in given else {})

    first = with_seed()
    layer = kind(**{key: first[key] for key in own})
    y = layer(x, **{key: value for key, value in given.items() if key not in own})
    expected, pullback = getattr(cpool, name)._vjp(x, **with_seed())
    by, gy = gradients_by(pullback), _values(*y.shape)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(layer.backward(gy), by.pop("x")(gy))
    assert layer.grads.keys() == by.keys()
    return all(np.array_equal(layer.grads[key], by[key](gy)) for key in by)


def layer_name(function_name: str) -> str:
    """max_pool2d is MaxPool2d."""
    return "".join(word[0].upper() + word[1:] for word in function_name.split("_"))


def _reference(name: str) -> bool:
    return _agrees(name, *_case(name))


def _cost(name: str) -> bool:
    x, given = _case(name)
    y = _call(name, x, given)
    cost = cpool.cost(getattr(cpool, name), x.shape, dtype=x.dtype, **given)
    return (cost.output_shape, cost.bytes_written) == (y.shape, y.nbytes)


# Columns ------------------------------------------------------------------------------------------


def _runs(works: Callable[..., bool], *asked: Any) -> bool:
    try:
        return bool(works(*asked))
    except FAILURES:
        return False


@dataclass(frozen=True)
class Column:
    """A question, the things it is asked about, and how to find the answer."""

    title: str
    items: list[str]
    works: Callable[[Operator, str], bool]
    applies: Callable[[Operator], bool] = lambda op: True

    def cell(self, op: Operator) -> str:
        """Yes or no for one item; of several: all, or those that work."""
        if not self.applies(op):
            return DASH
        good = [item for item in self.items if _runs(self.works, op, item)]
        if len(self.items) == 1:
            return "yes" if good else "no"
        if len(good) == len(self.items):
            return f"all {len(good)}"
        return ", ".join(good) or "none"


@dataclass(frozen=True)
class EachFunction:
    """A question that is asked of each function of an operator."""

    title: str
    works: Callable[[str], bool]

    def cell(self, op: Operator) -> str:
        """Yes, no, or those of which it is not so."""
        bad = [name for name in op.names if not _runs(self.works, name)]
        if not bad:
            return "yes"
        return "no" if bad == op.names else f"not {', '.join(bad)}"


class Gradients:
    """What an operator can be differentiated by."""

    title = "gradient"

    def cell(self, op: Operator) -> str:
        good, bad = [], []
        for by in _differentiable(op):
            (good if _runs(_gradient, op, by) else bad).append(by)
        return ", ".join(good + [f"not {by}" for by in bad])


class Benchmarks:
    """How many rows of the benchmarks are of an operator."""

    title = "benchmark rows"

    def cell(self, op: Operator) -> str:
        return str(sum(_stem(name) == op.stem for name in _benchmark_functions() or []))


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


def _takes(parameter: str) -> Callable[[Operator], bool]:
    return lambda op: op.takes(parameter)


COLUMNS = [
    Column("types", TYPES, _typed),
    Column("axes", AXES, _on_axes),
    Column("forms", FORMS, _in_form),
    Column("windows of pool", [name for name in WINDOWS if hasattr(cpool, name)], _in_pool,
           lambda op: op.kind is not None),
    Column("padding modes", MODES, _padded, _takes("padding_mode")),
    Column("options", OPTIONS, _option),
    Column("positions", [""], _positions, _takes("return_indices")),
    Gradients(),
    EachFunction("layer", _layer),
    EachFunction("reference", _reference),
    EachFunction("cost", _cost),
    *([Benchmarks()] if _benchmark_functions() is not None else []),
]  # fmt: skip
#: Those that are asked about more than one thing.
LISTS = [column for column in COLUMNS if len(getattr(column, "items", [])) > 1]


# Tables -------------------------------------------------------------------------------------------

Table = list[list[str]]


def operators() -> Table:
    """A row for each operator of the registry, after one of titles."""
    return _table("operator", [op for stem, op in _all_operators().items() if stem in _REGISTERED])


def other_functions() -> Table:
    """The same of what is beside the registry."""
    others = [op for stem, op in _all_operators().items() if stem not in _REGISTERED]
    return _table("function", others)


_REGISTERED = [kind.function for kind in REGISTRY.values()]


def _table(first: str, rows: list[Operator]) -> Table:
    titles = [first, *(column.title for column in COLUMNS)]
    return [titles, *([op.stem, *(column.cell(op) for column in COLUMNS)] for op in rows)]


def explanation() -> list[str]:
    """What "all" is in each column, and what the others say."""
    return [
        *(f"{column.title}: {', '.join(column.items)}" for column in LISTS),
        "gradient: what it can be differentiated by, as differences confirm",
        f"{DASH}: there is no such argument, or no such reduction for pool",
    ]


def as_text() -> str:
    """Both tables in aligned columns."""
    parts = []
    for table in (operators(), other_functions()):
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
        "and agrees with :mod:`cpool.reference`, gradients with differences, layers with their",
        "functions. ``python docs/capabilities.py`` prints it.",
        "",
        *_list_table(operators()),
        "Tried were, as far as a cell does not say less:",
        "",
        *(f"* {line}" for line in explanation()),
        "",
        "Other functions",
        "---------------",
        "",
        "The same was tried of these. Forms and ranks are those that exist; an option that has no",
        "meaning is an error (:doc:`/conventions` says which, and why).",
        "",
        *_list_table(other_functions()),
    ]
    return "\n".join(lines)


def _list_table(table: Table) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for i, row in enumerate(table):
        cells = [f"``{row[0]}``" if i else row[0], *row[1:]]
        lines += [f"   {'* -' if j == 0 else '  -'} {cell}" for j, cell in enumerate(cells)]
    return [*lines, ""]


if __name__ == "__main__":
    print(as_text())
