"""Configuration of Sphinx: `sphinx-build docs docs/_build/html`, with cpool installed."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import sys
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import jinja2
import numpydoc.docscrape_sphinx
import sphinx.ext.autosummary
import sphinx_gallery.scrapers
from jinja2.sandbox import SandboxedEnvironment

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
    "chinese",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "matplotlib.sphinxext.plot_directive",
    "directives",
]
exclude_patterns = ["_build", "questions", "gallery"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the functions of sphinx_gallery_conf cannot be pickled

# English unless -D language=zh_CN says otherwise; a catalogue for each page. docs/README.md says
# how they are kept.
language = "en"
locale_dirs = ["locale"]
gettext_compact = False
gettext_uuid = False
figure_language_filename = "{root}.{language}{ext}"

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say it in words
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


class KeptTemplates(jinja2.BytecodeCache):
    """numpydoc makes an environment, and compiles its template, for each docstring: a fifth of the
    time to build. With this it compiles once."""

    known: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.key in self.known:
            bucket.bytecode_from_string(self.known[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self.known[bucket.key] = bucket.bytecode_to_string()


numpydoc.docscrape_sphinx.SandboxedEnvironment = partial(
    SandboxedEnvironment, bytecode_cache=KeptTemplates()
)

doctest_global_setup = "import numpy as np\nimport cpool\nfrom cpool import nn"

# Pictures are drawn while the pages are read, by docs/pictures.
plot_formats = ["svg"]
plot_html_show_formats = plot_html_show_source_link = False
plot_rcparams = {"font.size": 10, "savefig.bbox": "tight", "savefig.pad_inches": 0.05}
plot_apply_rcparams = True

# Quick: fewer seeds and smaller sizes, which the scripts choose by this variable.
QUICK = os.environ.get("CPOOL_DOCS_QUICK", "0") not in {"", "0"}
SCRIPTS = [name for name in ("questions", "gallery") if Path(__file__).with_name(name).is_dir()]
sphinx_gallery_conf = {
    "examples_dirs": SCRIPTS,
    "gallery_dirs": [f"generated/{name}" for name in SCRIPTS],
    "filename_pattern": r"[\\/]plot_",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib", "figures.use_style"),
    "image_srcset": [] if QUICK else ["2x"],
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_",),  # not what drawing functions return
    "write_computation_times": False,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
}

titles_of = sphinx_gallery.scrapers._matplotlib_fig_titles


def described(figure: Any) -> str:
    """The text that stands for a figure: its label, or the titles in it."""
    return figure.get_label() or titles_of(figure)


sphinx_gallery.scrapers._matplotlib_fig_titles = described

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
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_title = f"cpool {release}"
html_context = {"default_mode": "auto"}  # light or dark, as the system is
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["language-switch", "theme-switcher"],
    "navbar_align": "left",
    "navigation_depth": 1,  # of names there are hundreds
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}

# Pages outside of the folders have no neighbours to list: they are as wide as the window instead.
html_sidebars = {path.stem: [] for path in Path(__file__).parent.glob("*.rst")}
html_sidebars["generated/capabilities"] = []

# Formulas are set by the MathJax that comes with a package, served from the site itself. MathJax
# fetches parts on demand: its fonts, TeX extensions, and what makes formulas accessible.
MATHJAX = "sphinx-mathjax-offline/static/mathjax"
MATHJAX_PARTS = [
    "tex-chtml.js",
    "output/chtml/fonts",
    "input/tex/extensions",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
    "sre/mathmaps/nemeth.json",
]
mathjax_path = "mathjax/tex-chtml.js"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy what pages may ask for, a tenth of the package."""
    if exception is not None or app.builder.format != "html":
        return
    package, _, folder = MATHJAX.partition("/")
    with as_file(files(package) / folder) as source:
        for part in MATHJAX_PARTS:
            target = Path(app.outdir, "_static", "mathjax", part)
            if (source / part).is_dir():
                shutil.copytree(source / part, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / part, target)


def forget_other_mode(app: Sphinx, config: Config) -> None:
    """Run the scripts again when the last build was quick and this one is not, or the reverse.

    sphinx-gallery keeps results as long as the scripts are the same.
    """
    folder = Path(app.srcdir, "generated")
    folder.mkdir(exist_ok=True)
    note, mode = folder / "mode.txt", "quick" if QUICK else "whole"
    if not note.exists() or note.read_text(encoding="utf-8") != mode:
        for name in SCRIPTS:
            shutil.rmtree(folder / name, ignore_errors=True)
        note.write_text(mode, encoding="utf-8")


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


def leave_names_out(app: Sphinx, config: Config) -> None:
    """Pages about single names are not translated; a quick edition in another language has none."""
    if QUICK and config.language != "en":
        config.exclude_patterns.append("generated/cpool*")
        config.autosummary_generate = False
        config.suppress_warnings.append("ref.ref")  # a summary's source is on the name's page
        app.connect("source-read", without_stubs)


def without_stubs(app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = re.sub(r"\n +:toctree: \S+", "", source[0])


_FIGURE = re.compile(r"<img [^>]*sphx-glr-single-img[^>]*>")


def wrap_figures(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Put the figures of scripts into a box, in which they scroll where the window is narrow."""
    if "body" in context:
        context["body"] = _FIGURE.sub(r'<div class="wide">\g<0></div>', context["body"])


def drop_modules_without_source(app: Sphinx) -> list[tuple[str, dict, str]]:
    """viewcode makes no page for a compiled module, but lists it among its pages."""
    modules = getattr(app.env, "_viewcode_modules", {})
    for name in [name for name, entry in modules.items() if not entry]:
        del modules[name]
    return []


def leave_citations_out(app: Sphinx, config: Config) -> None:
    """What a summary cites is told on the page of its name; tables of names have no references."""
    summary = sphinx.ext.autosummary.extract_summary

    def without_citations(doc: list[str], document: Any) -> str:
        return re.sub(r" ?\[[\w-]+\]_", "", summary(doc, document))

    sphinx.ext.autosummary.extract_summary = without_citations


def setup(app: Sphinx) -> None:
    app.connect("config-inited", forget_other_mode)
    app.connect("config-inited", write_api_tables)
    app.connect("config-inited", leave_names_out)
    app.connect("config-inited", leave_citations_out)
    app.connect("html-page-context", wrap_figures)
    app.connect("html-collect-pages", drop_modules_without_source, priority=400)
    app.connect("build-finished", copy_mathjax)
