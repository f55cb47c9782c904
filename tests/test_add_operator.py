"""The worked example of docs/contributing/add_operator.rst runs as it stands there.

Its two files are Python, so that a copy of the installed package that has them needs no compiler.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from shutil import copytree, ignore_patterns

import cpool

PAGE = Path(__file__).resolve().parent.parent / "docs" / "contributing" / "add_operator.rst"
BLOCK = re.compile(
    r"^\.\. code-block:: python\n   :caption: (\S+)\n\n((?:   .*\n|\n)+)", re.MULTILINE
)


def blocks() -> dict[str, str]:
    """The code on the page, by the file that it belongs to."""
    found = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return {name: textwrap.dedent(code).strip() + "\n" for name, code in found}


def insert(file: Path, code: str, before: str) -> None:
    """Code before a line, in a file that may be a link to that of the package."""
    text = file.read_text(encoding="utf-8")
    assert text.count(f"\n{before}") == 1, f"{before} in {file.name}"
    file.unlink()
    file.write_text(text.replace(f"\n{before}", f"\n{code}\n\n{before}"), encoding="utf-8")


def test_the_worked_example_works(tmp_path):
    code = blocks()
    assert list(code) == ["cpool/reductions/sums.py", "cpool/reference/pooling.py",
                          "tests/test_count.py"]  # fmt: skip
    package = tmp_path / "cpool"
    copytree(Path(cpool.__file__).parent, package, copy_function=os.symlink,
             ignore=ignore_patterns("__pycache__", "*.pyc"))  # fmt: skip
    sums = package / "reductions" / "sums.py"
    insert(sums, code["cpool/reductions/sums.py"], "@dataclass(frozen=True)\nclass Mean(Sum):")
    sums.write_text(
        sums.read_text(encoding="utf-8").replace('__all__ = ["Mean"', '__all__ = ["Count", "Mean"'),
        encoding="utf-8",
    )
    insert(package / "reference" / "pooling.py", code["cpool/reference/pooling.py"], "__all__ = [")
    program = f"{code['tests/test_count.py']}\n\ntest_count()\nprint(cpool.__file__)\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == package
