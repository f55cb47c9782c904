"""The page of what each operator can do says what is so."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from operators import each_kind

import cpool
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
COLUMNS = {column.title: column for column in capabilities.COLUMNS}


@each_kind(list(REGISTRY.values()))
def test_every_operator_has_every_option(kind):
    """Any reduction with any windows, every option for all: else this is where it shows."""
    cells = {title: column.cell(kind) for title, column in COLUMNS.items()}
    for title, column in COLUMNS.items():
        if len(column.items) > 1:
            assert cells[title] == f"all {len(column.items)}", title
    assert cells["positions"] == ("yes" if kind.selects else "no")
    for title in ("gradient", "layer", "reference", "cost"):
        assert cells[title] == "yes", title


def test_the_tables_have_a_row_for_each_operator():
    titles, *rows = capabilities.operators()
    assert [row[0] for row in rows] == [kind.function for kind in REGISTRY.values()]
    assert {len(row) for row in rows} == {len(titles)}
    assert titles[-1] == "benchmark rows"
    assert all(int(row[-1]) > 0 for row in rows)
    assert all(int(row[-1]) > 0 for row in capabilities.other_functions()[1:])
    assert int(next(row[-1] for row in rows if row[0] == "max_pool")) > 10
    for table in (capabilities.other_functions(), [titles, *rows]):
        assert len({len(row) for row in table}) <= 1


@pytest.mark.parametrize(
    "name, broken, title, cell",
    [
        ("max_pool2d", lambda x, *a, **o: _max(x, *a, **o) + 1, "types", "none"),
        ("global_max_pool", lambda x, **o: _max(x, 2), "functions", "sliding, adaptive"),
        ("max_pool3d", lambda x, *a, **o: 0, "axes", "1, 2, named"),
    ],
)
def test_what_is_wrong_is_not_called_right(name, broken, title, cell, monkeypatch):
    monkeypatch.setattr(cpool, name, broken)
    assert COLUMNS[title].cell(cpool.Max) == cell


_max = cpool.max_pool2d


def test_options_that_are_missing_are_not_called_there(monkeypatch):
    def narrow(x, kernel_size, *, channels_last=False, where=None, dtype=None):
        if where is not None:
            raise ValueError("where must be None")
        return _max(x, kernel_size, channels_last=channels_last)

    monkeypatch.setattr(cpool, "max_pool2d", narrow)
    assert COLUMNS["options"].cell(cpool.Max) == "channels_last"
    assert COLUMNS["positions"].cell(cpool.Max) == "no"


def test_wrong_gradients_are_no_gradients(monkeypatch):
    def doubled(function, x, *args, **kwargs):
        y, pullback = vjp(function, x, *args, **kwargs)
        return y, lambda gy: 2 * pullback(gy)

    vjp = cpool.vjp
    assert COLUMNS["gradient"].cell(cpool.Mean) == "yes"
    monkeypatch.setattr(cpool, "vjp", doubled)
    assert COLUMNS["gradient"].cell(cpool.Mean) == "no"


def test_functions_beside_the_registry_are_listed(monkeypatch):
    module = ModuleType("cpool.alternatives")

    def blur_pool2d(x):
        return x

    def roi_align(x, channels_last=False, where=None, dtype=None):
        return x  # where and dtype are taken and ignored

    blur_pool2d._vjp = blur_pool2d._cost = None
    module.blur_pool1d = module.blur_pool2d = blur_pool2d
    module.roi_align = roi_align
    module.adaptive_blur_pool = blur_pool2d
    module.__all__ = ["blur_pool1d", "blur_pool2d", "adaptive_blur_pool", "roi_align"]
    for name in module.__all__:
        monkeypatch.setattr(cpool, name, getattr(module, name), raising=False)
    monkeypatch.setitem(sys.modules, "cpool.alternatives", module)
    titles, blur, roi = capabilities.other_functions()
    assert titles[:6] == ["function", "axes", "gradient", "layer", "reference", "cost"]
    assert blur[:3] == ["blur_pool", "1, 2", "yes"]
    assert titles[6:8] == ["forms", "options"]
    assert blur[5:8] == ["yes", "adaptive", "none"]
    assert roi[:3] == ["roi_align", "any", "no"]
    assert roi[5:8] == ["no", "none", "channels_last"]


def test_every_other_function_has_every_option_that_means_something():
    titles, *rows = capabilities.other_functions()
    for row in rows:
        cell = row[titles.index("options")]
        whole = row[0] in ("spectral_pool", "roi_align", "conv")
        assert cell == ("channels_last, raise, dtype, out" if whole else "all 6"), row[0]
        assert row[2:5] == ["yes"] * 3, row[0]


def test_no_such_package_no_such_table(monkeypatch):
    monkeypatch.setitem(sys.modules, "cpool.alternatives", None)  # an import of it fails
    assert capabilities.other_functions() == []


def test_the_page_is_a_page():
    lines = capabilities.as_rst().splitlines()
    assert set(lines[1]) == {"="}
    assert len(lines[0]) == len(lines[1])
    rows = [line for line in lines if line.startswith("   * - ``")]
    assert {f"   * - ``{kind.function}``" for kind in REGISTRY.values()} <= set(rows)


def test_it_is_a_command():
    done = subprocess.run([sys.executable, FILE], capture_output=True, text=True, check=True)
    header = done.stdout.splitlines()[0]
    assert header.split()[:3] == ["operator", "types", "axes"]
    assert "padding modes: constant, reflect, mirror, nearest, wrap" in done.stdout


def test_values_are_all_different():
    values = capabilities._values(3, 5, 2)
    assert np.unique(values).size == values.size
