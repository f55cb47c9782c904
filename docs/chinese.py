"""Search in the Chinese edition, with nothing to install, and its tables of results.

Chinese is written without spaces, and Sphinx finds its words only where a dictionary is installed.
Here each pair of neighbouring characters is a term, in the index and in what is looked for: a page
is found when it holds all pairs of a phrase.

The scripts of the questions run once, for both editions. What their tables say in words, and what
their figures show, is put into the edition's language by the catalogue ``results.po``.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.search.zh import SearchChinese

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

LATIN = re.compile(r"[A-Za-z0-9_]+")
HAN = re.compile(r"[\u3400-\u9fff]+")


class SearchPairs(SearchChinese):
    """Latin words as in English, and pairs of Chinese characters."""

    # Sphinx calls the script's stemmer by this name, and the one of Chinese is the English one.
    language_name = "English"
    # The same as split(), for the words that are typed into the browser's search field.
    js_splitter_code = r"""
function splitQuery(query) {
  const pairs = (run) =>
    run.length === 1 ? [run] : Array.from({length: run.length - 1}, (_, i) => run.slice(i, i + 2));
  return [
    ...(query.match(/[A-Za-z0-9_]+/g) || []),
    ...(query.match(/[\u3400-\u9fff]+/g) || []).flatMap(pairs),
  ];
}
"""

    def split(self, input: str) -> list[str]:
        latin = LATIN.findall(input)
        self.latin_terms.update(latin)
        return latin + [
            run[i : i + 2] for run in HAN.findall(input) for i in range(max(len(run) - 1, 1))
        ]


#: A cell of a table, the words that stand for a picture, and how long a script took.
RESULT = re.compile(r"(<t[hd]\b[^>]*>|:alt: |\n *(?=\*\*Total))([^<\n]+)")
NUMBER = re.compile(r"\d+")


def in_words(text: str, translated: Callable[[str], str]) -> str:
    """A text by the catalogue, where the numbers in it are {}; as it is if that has none."""
    pattern = NUMBER.sub("{}", text)
    found = translated(pattern)
    return text if found == pattern else found.format(*NUMBER.findall(text))


def translate_results(app: Sphinx, docname: str, source: list[str]) -> None:
    if not docname.startswith("generated/questions/"):
        return
    folders = [Path(app.confdir, name) for name in app.config.locale_dirs]
    catalogue = gettext.translation("results", folders[0], [app.config.language], fallback=True)
    source[0] = RESULT.sub(lambda m: m[1] + in_words(m[2], catalogue.gettext), source[0])


def name_menu(app: Sphinx, config: Config) -> None:
    """The theme has no translation of this one."""
    if config.language == "zh_CN":
        config.html_theme_options["header_dropdown_text"] = "更多"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(SearchPairs)
    app.connect("config-inited", name_menu)
    app.connect("source-read", translate_results)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
