"""The page of what each operator can do says what is so."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from operators import each_kind

import cpool
import cpool.reference
from cpool import nn
from cpool.reductions import REGISTRY

FILE = Path(__file__).resolve().parent.parent / "docs" / "capabilities.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cpool_capabilities", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


capabilities = load()
OPERATORS = capabilities._all_operators()
COLUMNS = {column.title: column for column in capabilities.COLUMNS}
MAX, MEAN = OPERATORS["max_pool"], OPERATORS["avg_pool"]

#: What has no meaning for a function (:doc:`/conventions` says why), and so is an error.
MEANINGLESS = {
    "spectral_pool": {"where", "omit"},
    "roi_align": {"where", "omit"},
    "conv": {"where", "omit"},
    "max_unpool": {"where", "omit", "raise", "dtype"},
}


@pytest.fixture(scope="module")
def tables():
    return capabilities.operators(), capabilities.other_functions()


def rows_of(table):
    titles, *rows = table
    return [dict(zip(["name", *titles[1:]], row, strict=True)) for row in rows]


@each_kind(list(REGISTRY.values()))
def test_every_operator_has_every_option(kind):
    """Any reduction with any windows, every option for all: else this is where it shows."""
    op = OPERATORS[kind.function]
    cells = {title: column.cell(op) for title, column in COLUMNS.items()}
    for column in capabilities.LISTS:
        assert cells[column.title] == f"all {len(column.items)}", column.title
    assert cells["positions"] == ("yes" if kind.selects else capabilities.DASH)
    assert cells["gradient"].split(", ") == capabilities._differentiable(op)
    for title in ("layer", "reference", "cost"):
        assert cells[title] == "yes", title


def test_the_tables_have_a_row_for_each_operator(tables):
    first, others = map(rows_of, tables)
    assert [row["name"] for row in first] == [kind.function for kind in REGISTRY.values()]
    functions = {name for op in OPERATORS.values() for name in op.names}
    public = {name for name in cpool.__all__ if hasattr(getattr(cpool, name), "_vjp")}
    assert functions == public - {"pool"}
    assert {row["name"] for row in (*first, *others)} == OPERATORS.keys()
    assert all(int(row["benchmark rows"]) > 0 for row in (*first, *others))
    assert int(first[0]["benchmark rows"]) > 10


def test_every_other_function_does_all_that_it_has(tables):
    """A cell says less than all only of what the function's names and parameters do not have."""
    for cells in rows_of(tables[1]):
        op = OPERATORS[cells["name"]]
        parameters = inspect.signature(getattr(cpool, op.usual)).parameters
        assert cells["types"] == f"all {len(capabilities.TYPES)}"
        assert cells["axes"] == listed(capabilities.AXES, axes_of(op))
        prefixes = {name.partition("_")[0] for name in op.names}
        forms = [form for form in ("adaptive", "global") if form in prefixes]
        assert cells["forms"] == listed(capabilities.FORMS, ["plain", *forms])
        assert cells["windows of pool"] == ("all 5" if op.stem == "mixed_pool" else "–")
        assert cells["padding modes"] == ("all 5" if "padding_mode" in parameters else "–")
        without = MEANINGLESS.get(op.stem, set())
        options = [each for each in capabilities.OPTIONS if each not in without]
        assert cells["options"] == listed(capabilities.OPTIONS, options)
        assert cells["positions"] == ("yes" if "return_indices" in parameters else "–")
        assert cells["layer"] == cells["reference"] == "yes"
        for name in op.names if cells["cost"] != "yes" else []:
            x, given = capabilities._case(name)
            if not capabilities._runs(capabilities._cost, name):
                with pytest.raises(TypeError, match="cost"):
                    cpool.cost(getattr(cpool, name), x.shape, **given)


def axes_of(op):
    ranks = [each for each in "123" if f"{op.stem}{each}d" in op.names]
    if op.stem not in op.names:
        return ranks
    takes_axes = "axes" in inspect.signature(getattr(cpool, op.stem)).parameters
    return [*ranks, "any"] if takes_axes else ["2"]


def listed(items, there):
    return f"all {len(items)}" if list(there) == items else ", ".join(there)


def test_the_gradients_are_those_that_are_promised(tables):
    """Each argument that a pullback knows, of each function."""
    found = {cells["name"]: cells["gradient"] for table in tables for cells in rows_of(table)}
    assert not [name for name, cell in found.items() if "not " in cell]
    beside = {name: cell.removeprefix("x, ") for name, cell in found.items() if cell != "x"}
    assert beside == {
        "avg_pool": "weights",
        "power_mean_pool": "p",
        "log_sum_exp_pool": "r",
        "soft_pool": "beta",
        "mixed_pool": "alpha",
        "gated_pool": "weight, bias",
        "attention_pool": "query",
        "conv": "weight, bias",
        "detail_preserving_pool": "alpha, lam",
        "lip_pool": "logits",
    }


def plus_one(function):
    @functools.wraps(function)  # with its parameters
    def wrong(*args, **options):
        return function(*args, **options) + np.int8(1)

    return wrong


@pytest.mark.parametrize(
    "place, name, title, cell",
    [
        (cpool, "max_pool2d", "types", "none"),
        (cpool.reference, "max_pool2d", "types", "none"),
        (cpool, "adaptive_max_pool2d", "forms", "plain, global"),
        (cpool, "max_pool3d", "axes", "1, 2, any"),
        (cpool.reference, "max_pool", "axes", "1, 2, 3"),
        (cpool, "max_pool2d", "padding modes", "none"),
        (cpool.reference, "global_max_pool", "reference", "not global_max_pool"),
        (cpool.reference, "haar_pool2d", "types", "none"),
        (cpool.reference, "haar_pool1d", "reference", "not haar_pool1d"),
        (cpool.reference, "haar_pool2d", "options", "raise"),
        (cpool.reference, "conv2d", "axes", "1, 3"),
        (cpool.reference, "blur_pool2d", "padding modes", "none"),
        (cpool.reference, "roi_align", "axes", "none"),
        (cpool, "max_unpool2d", "types", "none"),
    ],
)
def test_what_is_wrong_is_not_called_right(place, name, title, cell, monkeypatch):
    monkeypatch.setattr(place, name, plus_one(getattr(place, name)))
    op = OPERATORS[capabilities._stem(name)]
    assert COLUMNS[title].cell(op) == cell


def test_what_is_missing_from_the_reference_is_not_called_there(monkeypatch):
    monkeypatch.delattr(cpool.reference, "sppf")
    for title in ("types", "axes", "forms"):
        assert COLUMNS[title].cell(OPERATORS["sppf"]) == "none"
    assert COLUMNS["reference"].cell(OPERATORS["sppf"]) == "no"


_max = cpool.max_pool2d


def test_options_that_are_missing_are_not_called_there(monkeypatch):
    def narrow(x, kernel_size, *, channels_last=False, where=None, dtype=None):
        if where is not None:
            raise ValueError("where must be None")
        return _max(x, kernel_size, channels_last=channels_last)

    only = capabilities.Operator("max_pool", ["max_pool2d"])
    assert COLUMNS["options"].cell(only) == "all 6"
    monkeypatch.setattr(cpool, "max_pool2d", narrow)
    assert COLUMNS["options"].cell(only) == "channels_last"
    assert COLUMNS["positions"].cell(only) == capabilities.DASH


def test_options_that_do_nothing_are_not_called_there(monkeypatch):
    """Not even where the reference ignores them too."""

    def deaf(x, nan_policy="propagate", where=None):
        return cpool.global_max_pool(x, nan_policy="omit")

    monkeypatch.setattr(cpool, "sppf", deaf)
    monkeypatch.setattr(cpool.reference, "sppf", deaf)
    assert COLUMNS["options"].cell(OPERATORS["sppf"]) == "omit"


def test_wrong_positions_are_not_called_right(monkeypatch):
    @functools.wraps(_max)
    def shifted(x, kernel_size, return_indices=False, **options):
        y, indices = _max(x, kernel_size, return_indices=True)
        return y, indices - indices % 2

    assert COLUMNS["positions"].cell(MAX) == "yes"
    monkeypatch.setattr(cpool, "max_pool2d", shifted)
    assert COLUMNS["positions"].cell(MAX) == "no"


def test_wrong_gradients_are_no_gradients(monkeypatch):
    """One of all that an operator has is enough, and another one stays what it is."""
    vjp = cpool.vjp

    def doubled(function, *args, wrt="x", **kwargs):
        y, pullback = vjp(function, *args, wrt=wrt, **kwargs)
        wrong = wrt == "weight" or function.__name__ == "global_avg_pool"
        return y, lambda gy: (1 + wrong) * pullback(gy)

    monkeypatch.setattr(cpool, "vjp", doubled)
    assert COLUMNS["gradient"].cell(MEAN) == "not x, not weights"
    assert COLUMNS["gradient"].cell(OPERATORS["conv"]) == "x, bias, not weight"


def test_wrong_layers_are_no_layers(monkeypatch):
    class Wrong(nn.HaarPool1d):
        def backward(self, gy, out=None):
            return -super().backward(gy)

    monkeypatch.setattr(nn, "HaarPool1d", Wrong)
    assert COLUMNS["layer"].cell(OPERATORS["haar_pool"]) == "not haar_pool1d"
    monkeypatch.delattr(nn, "RoiPool")
    assert COLUMNS["layer"].cell(OPERATORS["roi_pool"]) == "no"


def test_wrong_costs_are_no_costs(monkeypatch):
    cost = cpool.cost
    assert COLUMNS["cost"].cell(MAX) == "yes"

    def of_less(function, shape, *args, **kwargs):
        if function.__name__.startswith("global"):
            shape = shape[1:]
        return cost(function, shape, *args, **kwargs)

    monkeypatch.setattr(cpool, "cost", of_less)
    assert COLUMNS["cost"].cell(MAX) == "not global_max_pool"


def test_the_page_is_a_page(tables, monkeypatch):
    monkeypatch.setattr(capabilities, "operators", lambda: tables[0])
    monkeypatch.setattr(capabilities, "other_functions", lambda: tables[1])
    lines = capabilities.as_rst().splitlines()
    assert set(lines[1]) == {"="}
    assert len(lines[0]) == len(lines[1])
    rows = {line for line in lines if line.startswith("   * - ``")}
    assert rows == {f"   * - ``{name}``" for name in OPERATORS}


def test_it_is_a_command():
    done = subprocess.run([sys.executable, FILE], capture_output=True, text=True, check=True)
    header = done.stdout.splitlines()[0]
    assert header.split()[:3] == ["operator", "types", "axes"]
    assert "padding modes: constant, reflect, mirror, nearest, wrap" in done.stdout


def test_values_are_all_different():
    values = capabilities._values(3, 5, 2)
    assert np.unique(values).size == values.size
