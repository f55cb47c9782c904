"""The documentation site: it builds, its links lead somewhere, and it works in a browser.

CPOOL_DOCS_HTML names the folder of a site that has been built; without it the site is built here,
which takes minutes, so these tests are slow then. What needs a browser is left out where there is
no Chromium, or no playwright to drive it.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
BUILT = os.environ.get("CPOOL_DOCS_HTML")
EXTRA = [
    "matplotlib",
    "numpydoc",
    "pydata_sphinx_theme",
    "skimage",
    "sklearn",
    "sphinx",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery",
]
MISSING = [name for name in EXTRA if importlib.util.find_spec(name) is None]
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=f"the extra docs: no {', '.join(MISSING)}")]
if not BUILT:
    pytestmark.append(pytest.mark.slow)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the English site; with the Chinese one in zh/ if it was built before."""
    if BUILT:
        return Path(BUILT).resolve(strict=True)
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("_build", "generated"))
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "auto"]
    result = subprocess.run(
        [*command, "docs", "html"],
        cwd=folder,
        env=os.environ | {"CPOOL_DOCS_QUICK": "1", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "html"


# Links --------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page can be linked by, what it links to, what it loads, and how it is read aloud."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.levels: list[int] = []
        self.descriptions: list[str | None] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.update(given[key] for key in ("id", "name") if given.get(key))
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "img":
            self.descriptions.append(given.get("alt"))
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        elif tag in {"img", "script", "source", "object", "iframe"}:
            self.loads.update(given[key] for key in ("src", "data") if given.get(key))
            several = (given.get("srcset") or "").split(",")
            self.loads.update(part.split()[0] for part in several if part)
        elif tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loads.add(given["href"])


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    paths = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    return {path: Page(path) for path in paths}


def _target(site: Path, page: Path, link: str) -> Path | None:
    """The file of a link within the site; None if it leads out, or to an edition not built, or to
    what a quick one does not have."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    other = site / "zh"
    if path.is_relative_to(other) and not path.is_file():
        about_one = path.name.startswith("cpool.") or "_modules" in path.parts
        return None if about_one or not other.is_dir() else path
    return path


def test_there_are_pages(pages: dict[Path, Page]) -> None:
    """So that none of the loops below loops over nothing."""
    assert len(pages) > 100
    assert sum(len(page.links) for page in pages.values()) > 1000


def test_links(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            target, fragment = _target(site, path, link), unquote(urldefrag(link).fragment)
            if target is None:
                continue
            known = pages[target].anchors if target in pages else set()
            if not target.is_file() or (fragment and fragment not in known):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_loads(site: Path, pages: dict[Path, Page]) -> None:
    """Pictures, scripts and styles are files of the site."""
    broken = []
    for path, page in pages.items():
        for load in page.loads:
            target = _target(site, path, load)
            if load.startswith("data:"):
                continue
            if target is None or not target.is_file() or target.stat().st_size == 0:
                broken.append(f"{path.relative_to(site)}: {load}")
    assert broken == []


def test_headings(site: Path, pages: dict[Path, Page]) -> None:
    """Each page begins with one heading of the first level, and none skips a level."""
    wrong = {}
    for path, page in pages.items():
        steps = zip([0, *page.levels], page.levels, strict=False)
        if page.levels.count(1) > 1 or any(level > last + 1 for last, level in steps):
            wrong[str(path.relative_to(site))] = page.levels
    assert wrong == {}


def test_pictures_are_described(site: Path, pages: dict[Path, Page]) -> None:
    """In words, not by the name of a script; small pictures beside their title have none."""
    wrong = [
        f"{path.relative_to(site)}: {text}"
        for path, page in pages.items()
        for text in page.descriptions
        if text is None or re.match(r"plot \d", text)
    ]
    assert wrong == []
    assert sum(bool(text) for page in pages.values() for text in page.descriptions) > 20


class Words(HTMLParser):
    """The texts of an article's paragraphs, headings and cells, without code and formulas."""

    TEXTS = ("p", "h1", "h2", "h3", "li", "td", "th", "dt", "figcaption")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[tuple[str, bool]] = []  # tags that are open, and whether they are left out
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"img", "br", "hr", "input", "meta", "link", "source", "wbr", "col"}:
            return
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        beside = tag in {"code", "pre", "script", "style"} or "math" in classes
        self.open.append((tag, beside))
        if tag in self.TEXTS:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        while any(each == tag for each, _ in self.open) and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        if "article" in tags and self.texts and not any(beside for _, beside in self.open):
            self.texts[-1] += data


HAN = r"[\u3400-\u9fff]"
ENGLISH = r"\b(the|of|and|is|are|to|in|for|with|by|on)\b"


def test_the_chinese_edition_is_chinese(site: Path) -> None:
    """No sentence of its five sections is left in English, but titles of papers."""
    if not (site / "zh").is_dir():
        pytest.skip("no Chinese edition was built")
    folders = ("start", "maths", "backward", "alternatives", "generated/questions")
    paths = [path for folder in folders for path in (site / "zh" / folder).glob("*.html")]
    assert len(paths) > 30
    left = []
    for path in paths:
        for text in Words(path).texts:
            chinese, paper = re.search(HAN, text), re.search(r"\((19|20)\d\d\)", text)
            if re.search(ENGLISH, text) and not chinese and not paper:
                left.append(f"{path.relative_to(site)}: {text.strip()}")
    assert left == []


# In a browser -------------------------------------------------------------------------------------

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

#: Waits until formulas are set and pictures loaded, then tells what is wrong with either.
INSPECT = r"""
async () => {
  if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
  const pictures = [...document.querySelectorAll("img")];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => null)));
  const formulas = [...document.querySelectorAll(".math")].filter((f) => !f.closest("pre"));
  const backslash = (f) => f.querySelector("mjx-c.mjx-c5C") || /\\[(\[a-z]/.test(f.innerText);
  const raw = (f) => !f.querySelector("mjx-container") || backslash(f);
  return {
    formulas: formulas.length,
    raw: formulas.filter(raw).map((f) => f.innerText),
    errors: [...document.querySelectorAll("mjx-merror")].map((e) => e.parentElement.innerText),
    pictures: pictures.length,
    empty: pictures.filter((picture) => !picture.naturalWidth).map((picture) => picture.src),
  };
}
"""
#: What of the text sticks out of the window and cannot be scrolled into it.
OVERFLOW = """
() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const reachable = (e) => {
    for (; e && e.tagName !== "ARTICLE"; e = e.parentElement) if (scrolls(e)) return true;
    return false;
  };
  const kinds = "h1, h2, h3, p, dt, li, pre, img, td, .math";
  const texts = document.querySelectorAll(`article :is(${kinds})`);
  const out = [...texts].filter((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    const right = Math.max(range.getBoundingClientRect().right, e.getBoundingClientRect().right);
    return right > width + 1 && !reachable(e) && !e.querySelector("pre, table, mjx-container");
  });
  const wide = document.documentElement.scrollWidth > width + 1 ? ["the page scrolls"] : [];
  return [...wide, ...out.slice(0, 3).map((e) => e.outerHTML.slice(0, 120))];
}
"""

#: Texts that hardly differ from their ground, and pictures that have none.
CONTRAST = r"""
() => {
  const parsed = (text) => {
    const numbers = text.match(/[\d.]+/g).map(Number);
    const [r, g, b, a] = text.startsWith("color(") ? numbers.map((n) => n * 255) : numbers;
    return [[r, g, b], a === undefined ? 1 : text.startsWith("color(") ? a / 255 : a];
  };
  const ground = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) {
      const [colour, alpha] = parsed(getComputedStyle(e).backgroundColor);
      layers.push([colour, alpha]);
      if (alpha === 1) break;
    }
    return layers.reverse().reduce(
      (below, [colour, alpha]) => below.map((v, i) => v * (1 - alpha) + colour[i] * alpha),
      [255, 255, 255],
    );
  };
  const light = (colour) => {
    const linear = colour.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const found = new Map();
  for (const e of document.querySelectorAll("article *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility() || e.closest("mjx-assistive-mml, .headerlink")) continue;
    const [text, behind] = [parsed(getComputedStyle(e).color)[0], ground(e)];
    const [low, high] = [light(text), light(behind)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.set(`${text} on ${behind}`, `${ratio.toFixed(2)}: ${e.outerHTML}`);
  }
  const clear = (e) => parsed(getComputedStyle(e).backgroundColor)[1] < 1;
  const dark = document.documentElement.dataset.theme === "dark";
  const bare = [...document.querySelectorAll("article img")].filter((e) => dark && clear(e));
  return [...found].map(([colours, text]) => `${colours}, ${text.slice(0, 120)}`)
    .concat(bare.map((e) => e.outerHTML.slice(0, 120)));
}
"""


@dataclass
class Visit:
    """What a browser found on a page."""

    found: dict[str, Any] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)
    overflow: list[Any] = field(default_factory=list)
    unreadable: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Browser:
    """A Chromium that can reach the site and nothing else."""

    context: Any
    address: str
    outside: list[str] = field(default_factory=list)

    def visit(self, path: str) -> Visit:
        """Once more where a page did not load in time, as on a machine that is busy."""
        from playwright.sync_api import TimeoutError as TooSlow

        try:
            return self._visit(path)
        except TooSlow:
            return self._visit(path)

    def _visit(self, path: str) -> Visit:
        visit = Visit()
        page = self.context.new_page()
        page.on("console", lambda m: m.type == "error" and visit.console.append(m.text))
        page.on("pageerror", lambda error: visit.console.append(str(error)))
        page.on("requestfailed", lambda r: visit.console.append(f"{r.url}: {r.failure}"))
        page.set_viewport_size(DESKTOP)
        page.goto(self.address + path)
        visit.found = page.evaluate(INSPECT)
        page.add_style_tag(content="* { transition: none !important; }")
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_selector(f"html[data-theme={theme}]")
            visit.unreadable[theme] = page.evaluate(CONTRAST)
        page.set_viewport_size(PHONE)
        visit.overflow = page.evaluate(OVERFLOW)
        page.close()
        return visit


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a page with formulas asks for more than 5 files at once

    def handle_error(self, *_: Any) -> None:
        """A page that is closed may leave a request unanswered."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(address: str) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                 "--disable-background-networking", "--disable-component-update"]  # fmt: skip
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        result = Browser(chromium.new_context(), address)
        result.context.set_default_timeout(60_000)

        def only_the_site(route: Any) -> None:
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                result.outside.append(route.request.url)
                route.abort()

        result.context.route("**/*", only_the_site)
        yield result
        chromium.close()


@pytest.fixture(scope="session")
def visits(site: Path, pages: dict[Path, Page], browser: Browser) -> dict[str, Visit]:
    """Every page that is not about one public name, and some of those; some of the Chinese."""
    names = [path.relative_to(site).as_posix() for path in pages]
    names = [name for name in names if "_modules" not in name]
    about_one = [name for name in names if "/cpool." in name]
    others = [name for name in names if name not in about_one]
    chinese = [name for name in others if name.startswith("zh/")]
    chosen = [name for name in others if name not in chinese] + chinese[::10] + about_one[::100]
    return {name: browser.visit(name) for name in chosen}


def test_formulas(visits: dict[str, Visit]) -> None:
    assert sum(visit.found["formulas"] for visit in visits.values()) > 50
    wrong = {name: visit.found["raw"] + visit.found["errors"] for name, visit in visits.items()}
    assert {name: texts for name, texts in wrong.items() if texts} == {}


def test_pictures(visits: dict[str, Visit]) -> None:
    assert sum(visit.found["pictures"] for visit in visits.values()) > 20
    assert {name: v.found["empty"] for name, v in visits.items() if v.found["empty"]} == {}


def test_console(visits: dict[str, Visit]) -> None:
    assert {name: v.console for name, v in visits.items() if v.console} == {}


def test_nothing_leaves_the_machine(visits: dict[str, Visit], browser: Browser) -> None:
    assert visits
    assert browser.outside == []


def test_fits_a_phone(visits: dict[str, Visit]) -> None:
    """What is wider than a phone scrolls within itself."""
    assert {name: v.overflow for name, v in visits.items() if v.overflow} == {}


def test_both_themes_can_be_read(visits: dict[str, Visit]) -> None:
    """Text has a contrast of 4.5 to 1 (WCAG 2, level AA), and pictures a ground, light and dark."""
    wrong = {name: v.unreadable for name, v in visits.items() if any(v.unreadable.values())}
    assert wrong == {}


def _search(browser: Browser, folder: str, words: str) -> list[str]:
    page = browser.context.new_page()
    page.goto(f"{browser.address}{folder}search.html?q={words}")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "all => all.map((a) => a.pathname)")
    page.close()
    return found


def test_search(browser: Browser) -> None:
    found = _search(browser, "", "ceil_mode")
    assert any("maths" in path or "conventions" in path for path in found), found
    assert not browser.outside


def test_both_languages(site: Path, browser: Browser) -> None:
    """Each page of one edition leads to the same page of the other, and back."""
    if not (site / "zh").is_dir():
        pytest.skip("no Chinese edition was built")
    page = browser.context.new_page()
    for name in ("index.html", "maths/index.html", "generated/operators.html"):
        page.goto(browser.address + name)
        page.click("header .language-switch")
        assert page.url == f"{browser.address}zh/{name}"
        assert page.get_attribute("html", "lang").startswith("zh")
        page.click("header .language-switch")
        assert page.url == browser.address + name
        assert page.get_attribute("html", "lang") == "en"
    page.close()


def test_chinese_search(site: Path, browser: Browser) -> None:
    """What is typed is split as what is indexed, and is found."""
    if not (site / "zh").is_dir():
        pytest.skip("no Chinese edition was built")
    chinese = pytest.importorskip("sphinx.search.zh")
    assert chinese
    sys.path.insert(0, str(DOCS))
    try:
        from chinese import SearchPairs
    finally:
        sys.path.remove(str(DOCS))
    text = "最大池化 (ceil_mode=True) 的梯度, 和"
    expected = sorted(SearchPairs({}).split(text))
    page = browser.context.new_page()
    page.goto(f"{browser.address}zh/search.html")
    assert sorted(page.evaluate(f"splitQuery({json.dumps(text)})")) == expected
    page.close()
    assert _search(browser, "zh/", "ceil_mode")
