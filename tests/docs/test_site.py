"""The site as a reader gets it: links lead somewhere, nothing comes from elsewhere, everything is there."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

LOADED = {
    **dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src"),
    "object": "data",
    "use": "href",
}
"""Attributes whose address a browser fetches by itself."""
RELS = {
    "stylesheet",
    "icon",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "modulepreload",
    "manifest",
}
"""The same for <link>."""


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort an element's addresses."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and LOADED[tag] in found:
            self.loads.append(found[LOADED[tag]])
        if tag == "link" and RELS & set(found.get("rel", "").split()):
            self.loads.append(found.get("href", ""))
        self.loads += re.findall(r"url\(([^)]*)\)", found.get("style", ""))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every page but the live views, which are tested as exported views are."""
    return {path: Page(path) for path in site.rglob("*.html") if path.parent.name != "live"}


def remote(address: str) -> bool:
    """Whether an address names a host."""
    return bool(urlsplit(address.strip("\"' ")).netloc)


def test_no_page_loads_anything_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    assert {(path.name, each) for path, page in pages.items() for each in page.loads if remote(each)} == set()
    for style in site.rglob("*.css"):
        asked = re.findall(r"url\(([^)]*)\)|@import\s+[\"']([^\"']*)", style.read_text())
        assert [each for pair in asked for each in pair if remote(each)] == [], style


def test_every_link_leads_to_a_page_and_an_anchor_of_it(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if (
                parts.scheme or parts.netloc or path.name == "404.html"
            ):  # a 404's links begin at the host's root
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            held = pages[target].anchors if target in pages else {unquote(parts.fragment)}
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in held):
                broken.append((str(path.relative_to(site)), link))
    assert broken == []


def test_the_reference_holds_every_public_module_and_class(pages: dict[Path, Page]) -> None:
    held = set().union(*(page.anchors for path, page in pages.items() if path.parent.name == "reference"))
    missing = []
    for path in sorted((ROOT / "x2vkit").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name != "x2vkit" and not any(part.startswith("_") for part in name.split(".")):
            classes = re.findall(r"^class ([A-Z]\w*)", path.read_text(), re.MULTILINE)
            missing += [each for each in (name, *(f"{name}.{kind}" for kind in classes)) if each not in held]
    assert missing == []


def test_the_search_finds_every_term_of_the_glossary(site: Path) -> None:
    terms = re.findall(r"^### (.+)$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    entries = json.loads((site / "search/search_index.json").read_text())["docs"]
    titles = {entry["title"].lower() for entry in entries if entry["location"].startswith("glossary.html#")}
    assert [term for term in terms if term.lower() not in titles] == []


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site behind a server of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_open_in_a_browser_ask_nobody_and_fit(browser: Browser, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    for name in ("index.html", "concepts/attention.html", "glossary.html", "reference/core.html"):
        page.goto(address + name, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    page.keyboard.press("/")  # opens the search, wide or narrow
    page.locator(".md-search__input").press_sequentially("guidance ramp")  # the page hears keys
    first = page.locator(".md-search-result__link").first
    first.wait_for()
    assert "glossary.html" in str(first.get_attribute("href"))
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    page.close()
