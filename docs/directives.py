"""Directives of these pages: pieces of cpool's own source, and tables made at build time."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import disagreements
from docutils import nodes
from sphinx.directives.code import LiteralInclude
from sphinx.util.docutils import SphinxDirective

import cpool

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGE = Path(cpool.__file__).parent


class FromCpool(LiteralInclude):
    """``literalinclude`` of a file of the package that is imported, wherever that is installed.

    The pages may be built far from the source tree, whose kernels come with the package.
    """

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        self.arguments[0] = "/" + os.path.relpath(PACKAGE / name, self.env.srcdir)
        self.options.setdefault("language", "python" if name.endswith(".py") else "cython")
        self.options.setdefault("caption", f"cpool/{name}")
        return super().run()


@functools.cache
def answers() -> str:
    """Asked for once, before pages are read: libraries with threads hang in the processes that read
    them, which are forks."""
    return disagreements.as_rst()


class Disagreements(SphinxDirective):
    """The table of what installed libraries make of the same input."""

    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(disagreements.__file__)
        return self.parse_text_to_nodes(answers())


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("from-cpool", FromCpool)
    app.add_directive("disagreements", Disagreements)
    app.connect("builder-inited", lambda app: answers() and None, priority=100)
    return {"parallel_read_safe": True}
