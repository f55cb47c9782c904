"""Which module may import which, what an import of cpool brings along, and what it says when it
cannot work."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cpool
import cpool.kernels
from cpool.kernels import cpu

SOURCE = Path(__file__).resolve().parent.parent / "cpool"

#: Lowest first: a module imports only from lines above its own, or of its own folder.
ORDER = [
    "kernels",
    "windows",
    "dtypes",
    "views",
    "tiling",
    "threads",
    "driver",
    "calls",
    "arrays",
    "parts",
    "lanes",
    "ordering",
    "draws",
    "bins",
    "weighted",
    "reductions",
    "results",
    "planes",
    "levels",
    "counting",
    "pooling",
    "unpooling",
    "docstrings",
    "functional",
    "alternatives",
    "nn",
    "analysis",
    "config",
]
#: Beside that order: what they may import of cpool, by name.
BESIDE = {
    "reference": {"reference"},
    "cli": {"", "cli", "reference", "nn"},
    "__main__": {"cli"},
}
SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".pxi"}
FILES = sorted(
    path for path in SOURCE.rglob("*") if path.suffix in SUFFIXES and path.parent.name != "build"
)


def name_of(path):
    """cpool/reductions/base.py is reductions.base, cpool/__init__.py is the empty name."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path) for path in FILES}


def imported_modules(path):
    """Names of the modules of cpool that a file imports, wherever in it."""
    found = set()
    for module, names in imports_of(path):
        if module.split(".")[0] != "cpool":
            continue
        inside = module.partition(".")[2]
        for name in names or [""]:
            longer = f"{inside}.{name}".strip(".")
            found.add(longer if name and longer in MODULES else inside)
    return found


def imports_of(path):
    """Pairs of a module's name and the names taken from it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".py", ".pyi"}:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"a relative import in {path}"
                yield node.module, [alias.name for alias in node.names]
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, []
        return
    for line in text.splitlines():
        if match := re.match(r"\s*from\s+([\w.]+)\s+c?import\s+(.+)", line):
            names = match[2].split("#")[0].strip("() ").split(",")
            yield match[1], [name.split(" as ")[0].strip() for name in names]
        elif match := re.match(r"\s*c?import\s+([\w., ]+)", line):
            for name in match[1].split(","):
                yield name.split(" as ")[0].strip(), []
        elif match := re.match(r"\s*include\s+[\"']([\w./]+)[\"']", line):
            target = (path.parent / match[1]).resolve()
            if not target.is_file():
                target = (SOURCE / match[1]).resolve()
            yield f"cpool.{name_of(target)}", []


def test_the_files_are_found():
    assert {"", "windows", "arrays", "kernels.plan", "reductions.base", "functional"} <= MODULES
    assert imported_modules(SOURCE / "windows.pxd") == {"kernels.plan"}
    assert imported_modules(SOURCE / "arrays.pyx") == {
        "kernels.plan", "calls", "dtypes", "views", "tiling", "driver", "windows"
    }  # fmt: skip
    assert {"kernels.plan", "kernels.windows", "dtypes"} == imported_modules(SOURCE / "tiling.pyx")
    assert imported_modules(SOURCE / "pooling.py") == {
        "arrays", "draws", "levels", "planes", "reductions", "reductions.base", "windows"
    }  # fmt: skip


def test_every_module_has_a_place():
    """A new one gets it in ORDER, where the next reader sees it."""
    tops = {module.split(".")[0] for module in MODULES}
    assert tops - {""} == {*ORDER, *BESIDE}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path):
    name, imported = name_of(path), imported_modules(path)
    top = name.split(".")[0]
    if top in BESIDE:
        assert {other.split(".")[0] for other in imported} <= BESIDE[top]
    elif top != "":
        # The package itself holds everything; only its version is read, when it is asked for.
        allowed = {*ORDER[: ORDER.index(top) + 1], *([""] if top == "config" else [])}
        assert {other.split(".")[0] for other in imported} <= allowed


def test_families_of_reductions_do_not_know_each_other():
    """Each stands on base alone; only the registry knows all of them."""
    for path in FILES:
        folder, _, name = name_of(path).partition(".")
        if folder == "reductions" and name:
            imported = {m for m in imported_modules(path) if m.split(".")[0] == "reductions"}
            assert imported <= {"reductions.base"} - {f"reductions.{name}"}, path


def test_the_public_package_is_all_that_the_command_line_uses():
    """So that whatever it does, a user of the package can do."""
    for path in sorted((SOURCE / "cli").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id == "cpool":
                assert node.attr in cpool.__all__ or node.attr in ("nn", "reference"), (
                    f"{path.name} uses cpool.{node.attr}"
                )


def test_the_reference_shares_nothing():
    imported = {
        module for path in SOURCE.glob("reference/*.py") for module, _ in imports_of(path)
    }
    inside = {module for module in imported if module.startswith("cpool.reference")}
    assert "cpool" not in {module.split(".")[0] for module in imported - inside}
    assert {"numpy", "scipy.ndimage"} <= imported


# --- importing ------------------------------------------------------------------------------------


def run(code, folder, **environment):
    """A fresh interpreter, in a folder that is searched first."""
    variables = {**os.environ, "PYTHONSAFEPATH": None, **environment}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


OPTIONAL = [
    "scipy",
    "matplotlib",
    "click",
    "PIL",
    "ml_dtypes",
    "torch",
    "onnxruntime",
    "hypothesis",
]


@pytest.mark.parametrize("module", ["cpool", "cpool.nn"])
def test_importing_brings_nothing_optional(module, tmp_path):
    code = (
        f"import sys, {module}\n"
        f"print(*sorted({{name.split('.')[0] for name in sys.modules}} & {set(OPTIONAL)}))"
    )
    done = run(code, tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_pooling_brings_nothing_optional(tmp_path):
    """Nor does a call, for types that need nothing else."""
    code = (
        "import sys, numpy, cpool\n"
        "y, pullback = cpool.vjp(cpool.max_pool2d, numpy.ones((4, 4), 'f4'), 2)\n"
        "pullback(y), cpool.avg_pool2d(numpy.ones((4, 4), 'f2'), 2), cpool.show_config()\n"
        f"assert not {{name.split('.')[0] for name in sys.modules}} & {set(OPTIONAL)}"
    )
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_layers_and_the_reference_are_imported_when_they_are_used(tmp_path):
    code = (
        "import sys, cpool\n"
        "assert not {'cpool.nn', 'cpool.reference'} & set(sys.modules)\n"
        "cpool.receptive_field([cpool.nn.MaxPool2d(3)])\n"
        "assert 'cpool.nn' in sys.modules"
    )
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["nonsense", "AVX2", "avx1024", "cpu", "plan", " "])
def test_unknown_instruction_set(name, tmp_path):
    done = run("import cpool", tmp_path, CPOOL_ISA=name)
    allowed = ", ".join(cpool.kernels.built())
    assert done.returncode == 1
    message = f"ImportError: CPOOL_ISA must be one of {allowed} here, got {name!r}"
    assert done.stderr.splitlines()[-1] == message


@pytest.mark.parametrize("name", cpool.kernels.built())
def test_forced_instruction_set(name, tmp_path):
    code = "import cpool; print(cpool.show_config(mode='dict')['instruction_set'])"
    assert run(code, tmp_path, CPOOL_ISA=name).stdout.strip() == name


def test_the_best_instruction_set_is_the_default(tmp_path):
    code = "import cpool; print(cpool.show_config(mode='dict')['instruction_set'])"
    best = cpool.kernels.built()[-1]
    if best == "avx512_wide" and not cpu.gains_by_wide_vectors():
        best = "avx512"
    for value in (None, ""):
        assert run(code, tmp_path, CPOOL_ISA=value).stdout.strip() == best


def copy_python_files(folder):
    shutil.copytree(
        SOURCE,
        folder / "cpool",
        ignore=lambda _, names: [name for name in names if "." in name and name[-3:] != ".py"],
    )


def test_unbuilt_source_tree(tmp_path):
    copy_python_files(tmp_path)
    # What names an installed cpool for the tests is not what this is about.
    done = run("import cpool", tmp_path, CPOOL_ISA=None)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith(f"ImportError: cpool's compiled modules are missing from {tmp_path}")
    assert "this is a source tree that was not built" in message
    assert "pip install ." in message
    assert "circular" not in done.stderr


def test_other_missing_modules_are_not_mistaken_for_it(tmp_path):
    """Such as NumPy: that error says all."""
    copy_python_files(tmp_path)
    (tmp_path / "cpool/arrays.py").write_text("import a_module_that_is_nowhere\n")
    done = run("import cpool", tmp_path)
    expected = "ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"
    assert done.stderr.splitlines()[-1] == expected
