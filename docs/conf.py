"""Configuration of Sphinx: `sphinx-build docs docs/_build/html`, with cpool installed."""

from __future__ import annotations

import inspect
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import cpool
import cpool.alternatives
import cpool.functional
import cpool.nn
import cpool.reductions

sys.path.insert(0, str(Path(__file__).parent))
import capabilities

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

project = "cpool"
author = "The cpool developers"
copyright = f"2026, {author}"
release = version = cpool.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "matplotlib.sphinxext.plot_directive",
    "directives",
]
exclude_patterns = ["_build"]

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say it in words
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

doctest_global_setup = "import numpy as np\nimport cpool\nfrom cpool import nn"

# Pictures are drawn while the pages are read, by docs/pictures.
plot_formats = ["svg"]
plot_html_show_formats = plot_html_show_source_link = False
plot_rcparams = {"font.size": 10, "savefig.bbox": "tight", "savefig.pad_inches": 0.05}
plot_apply_rcparams = True

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Looks names of NumPy and SciPy up on the network, so only where that is wanted.
if os.environ.get("CPOOL_DOCS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
    }

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = f"cpool {release}"
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}

# Pages outside of the folders have no neighbours to list: they are as wide as the window instead.
html_sidebars = {path.stem: [] for path in Path(__file__).parent.glob("*.rst")}
html_sidebars["generated/capabilities"] = []

# The tables of operators, layers and reductions are written from the package, so that a new
# operator needs no change here.
_OPERATOR = re.compile(r"(?:(?:global|adaptive)_)?(?P<stem>\w+?)(?:[123]d)?")


def write_api_tables(app: Sphinx, config: Config) -> None:
    """Write generated/*.rst before Sphinx looks for pages and autosummary for names."""
    folder = Path(app.srcdir, "generated")
    folder.mkdir(exist_ok=True)
    pages = {
        "operators": _page("Operators", "cpool", _by_operator(cpool.functional)),
        "layers": _page("Layers", "cpool.nn", _by_operator(cpool.nn)),
        "alternatives": _page("Alternatives", "cpool", _by_operator(cpool.alternatives)),
        "reductions": _page("Reductions", "cpool", {"": _classes(cpool.reductions)}),
        "capabilities": capabilities.as_rst(),
    }
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        # Written only when changed: Sphinx then rebuilds no page without a reason.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _classes(module: ModuleType) -> list[str]:
    return [name for name in module.__all__ if inspect.isclass(getattr(module, name))]


def _by_operator(module: ModuleType) -> dict[str, list[str]]:
    """The public names of a module by operator: {"max_pool": ["max_pool", "max_pool1d", …]}."""
    groups: dict[str, list[str]] = {}
    for name in module.__all__:
        groups.setdefault(_operator(name), []).append(name)
    return groups


def _operator(name: str) -> str:
    """The operator behind a name: AdaptiveMaxPool2d and adaptive_max_pool2d are max_pool."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    match = _OPERATOR.fullmatch(snake)
    return match["stem"] if match else snake


def _page(title: str, module: str, groups: dict[str, list[str]]) -> str:
    lines = [title, "=" * len(title), "", f".. currentmodule:: {module}", ""]
    for heading, names in groups.items():
        if heading:
            lines += [f"``{heading}``", "-" * (len(heading) + 4), ""]
        lines += [".. autosummary::", "   :toctree: .", "", *(f"   {name}" for name in names), ""]
    return "\n".join(lines)


def setup(app: Sphinx) -> None:
    app.connect("config-inited", write_api_tables)
