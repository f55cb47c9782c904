"""What all tests share: which cpool is under test, and which tests are slow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# How long an example takes depends on what else the machine does. Everything else stays as
# hypothesis chose it: where CI is set, examples are the same in every run.
hypothesis.settings.register_profile("cpool", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("cpool")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-slow",
        action="store_true",
        help="run the tests marked slow too (the same as CPOOL_RUN_SLOW=1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Stop at once, with one clear line, where there is no compiled cpool to be tested."""
    try:
        import cpool  # noqa: F401
    except ImportError as error:
        raise pytest.UsageError(_why_no_cpool(error)) from None


def pytest_report_header(config: pytest.Config) -> list[str]:
    import cpool

    folder = Path(cpool.__file__).resolve().parent
    how = "the source tree, built in place" if folder == ROOT / "cpool" else "installed"
    facts = [
        f"{key}: {value}"
        for key, value in cpool.show_config(mode="dict").items()
        if isinstance(value, bool | int | float | str)
    ]
    return [f"cpool {cpool.__version__} ({how}): {folder}", f"cpool {', '.join(facts)}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = os.environ.get("CPOOL_RUN_SLOW", "") not in ("", "0")
    if wanted or config.getoption("run_slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --run-slow or CPOOL_RUN_SLOW=1")
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(skip)


def _why_no_cpool(error: ImportError) -> str:
    advice = 'install it with: pip install ".[test]"'
    if any(Path(entry or ".").resolve() == ROOT for entry in sys.path):
        advice = (
            f"{ROOT} is on sys.path and its uncompiled cpool/ comes before an installed one; "
            f"call `pytest`, not `python -m pytest`, and leave PYTHONPATH alone. "
            f"If cpool is not installed, {advice}"
        )
    return f"cpool cannot be imported ({error}); {advice}"
