"""The pages say what there is: every public name, and every file of the package."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

import cpool
import cpool.kernels
import cpool.nn
import cpool.reference

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FOLDERS = ["start", "maths", "backward", "alternatives", "reference", "contributing"]
PAGES = sorted(path for folder in FOLDERS for path in (DOCS / folder).glob("*.rst"))
PAGES += [DOCS / f"{name}.rst" for name in ("architecture", "conventions", "performance")]


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_public_name_is_in_the_reference():
    """By the page itself, or by the lists that conf.py makes its tables of."""
    listed = set(re.findall(r"^   (\w+)$", text("reference/index.rst"), re.MULTILINE))
    for module in (cpool.functional, cpool.alternatives, cpool.reductions):
        listed |= set(module.__all__)
    assert set(cpool.__all__) - listed == {"__version__"}
    assert "__version__" in text("reference/index.rst")


def test_all_that_is_reduced_is_a_class():
    """The table of reductions lists classes: nothing else may be public there."""
    assert all(isinstance(getattr(cpool.reductions, n), type) for n in cpool.reductions.__all__)


@pytest.mark.parametrize("folder", ["kernels", "reductions", "alternatives", "reference", "."])
def test_the_architecture_names_every_file(folder):
    page = text("architecture.rst")
    files = [path for path in (ROOT / "cpool" / folder).iterdir() if path.is_file()]
    names = {path.stem for path in files if path.suffix in {".py", ".pyx", ".pxi", ".h"}}
    names -= {"__init__", "__main__"}
    assert names
    assert {name for name in names if not re.search(rf"``({name})(\.\w+)?``", page)} == set()


def test_the_kernels_name_every_text():
    named = re.findall(r"^(\w+) +\S", cpool.kernels.__doc__, re.MULTILINE)
    texts = {path.stem for path in (ROOT / "cpool" / "kernels").glob("*.pxi")}
    assert texts
    assert texts <= set(named)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_every_page_begins_with_what_it_answers(page):
    title = re.search(r"^(.+)\n=+\n", page.read_text(encoding="utf-8"), re.MULTILINE)
    begin = page.read_text(encoding="utf-8")[title.end() : title.end() + 500]
    verb = "answers?|defines?|derives?|has|have|are"
    assert re.search(rf"\bTh(is|ese) pages? ({verb})\b", begin)


def test_without_peers_the_tables_say_so(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    disagreements = importlib.import_module("disagreements")
    try:
        monkeypatch.setattr(disagreements, "installed", lambda library: False)
        for question in disagreements.QUESTIONS:
            own, *others = disagreements.rows(question)
            assert own[0] == "cpool"
            assert not own[2].startswith("not installed")
            libraries = [row for row in others if row[0] != "cpool"]
            assert libraries
            assert all(row[2:] == ("not installed", "") for row in libraries)
        page = disagreements.as_rst()
        assert page.count(".. list-table::") == len(disagreements.QUESTIONS) + 1
        answers = [disagreements.rows(question) for question in disagreements.QUESTIONS]
        title, *overview = disagreements.overview(answers)
        assert {cell for row in overview for cell in row[1:]} == {"", "not installed"}
        assert {len(row) for row in overview} == {len(title)}
    finally:
        sys.modules.pop("disagreements", None)


def test_a_library_that_refuses_is_no_error(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    disagreements = importlib.import_module("disagreements")
    try:
        assert disagreements._result(lambda: 1 // 0) == "refused (ZeroDivisionError)"
        assert disagreements._result(lambda: [1.0, float("nan"), -2.5]) == "1, NaN, −2.5"
    finally:
        sys.modules.pop("disagreements", None)
