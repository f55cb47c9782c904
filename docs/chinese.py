"""Search in the Chinese edition, with nothing to install.

Chinese is written without spaces, and Sphinx finds its words only where a dictionary is installed.
Here each pair of neighbouring characters is a term, in the index and in what is looked for: a page
is found when it holds all pairs of a phrase.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sphinx.search.zh import SearchChinese

if TYPE_CHECKING:
    from sphinx.application import Sphinx

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


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(SearchPairs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
