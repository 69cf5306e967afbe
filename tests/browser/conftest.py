"""A real Chromium for the views: exported pages from disk with no network, and notebooks in JupyterLab.

A missing Chromium is a failure, not a skip: on Debian, `apt-get install chromium`.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests of a run."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "the views are tested in Chromium, and none is installed: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield chromium
        chromium.close()


@dataclass
class Opened:
    """An open page, with everything it complained about or asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions."""
    requests: list[str] = field(default_factory=list)
    """URLs asked for, except the page's own file."""

    @property
    def view(self) -> Locator:
        """The first view of the page."""
        return self.page.locator(".x2v").first

    def slide(self, key: str, value: int) -> None:
        """Move the slider over `key` as a finger does: input, not yet let go. Returns when it is painted."""
        self.page.evaluate(
            """async ([key, value]) => {
                const slider = document.querySelector(`input[data-key=${key}]`);
                const root = slider.closest(".x2v"), before = root.dataset.draws;
                if (slider.value === String(value)) return;
                slider.value = value;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                while (root.dataset.draws === before) await new Promise(requestAnimationFrame);
            }""",
            [key, value],
        )

    def pixels(self, selector: str = "canvas", index: int = 0) -> np.ndarray:
        """What a canvas holds, (H, W, 4) uint8, in its own pixels."""
        size, values = self.page.evaluate(
            """([selector, index]) => {
                const canvas = document.querySelectorAll(selector)[index];
                const { width, height } = canvas;
                const options = { willReadFrequently: true };  // else Chromium warns
                const copy = new OffscreenCanvas(width, height).getContext("2d", options);
                copy.drawImage(canvas, 0, 0);
                const data = copy.getImageData(0, 0, width, height).data;
                return [[height, width], Array.from(data)];
            }""",
            [selector, index],
        )
        return np.array(values, np.uint8).reshape(*size, 4)

    def screenshot(self, path: str | Path | None = None) -> np.ndarray:
        """What a reader sees, (H, W, 3) uint8, the whole page."""
        data = self.page.screenshot(full_page=True, path=path)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def fine(self) -> None:
        """Fail if anything was complained about or asked for."""
        assert self.errors == [] and self.requests == []


@pytest.fixture
def open_html(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """open_html(html, width=1000, dark=False) -> Opened: the page from disk, network blocked, views ready."""
    contexts: list[BrowserContext] = []

    def open_(html: str, width: int = 1000, height: int = 900, dark: bool = False, **options: Any) -> Opened:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html)
        scheme = {"color_scheme": "dark" if dark else "light", "reduced_motion": "reduce"}
        context = browser.new_context(viewport={"width": width, "height": height}, **(scheme | options))
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda m: opened.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        own = path.as_uri()
        page.on("request", lambda r: opened.requests.append(r.url) if _outside(r.url, own) else None)
        page.goto(own)
        page.wait_for_function(
            "[...document.querySelectorAll('.x2v')].some(e => e) && "
            "[...document.querySelectorAll('.x2v')].every(e => e.dataset.ready || e.dataset.error)"
        )
        return opened

    yield open_
    for context in contexts:
        context.close()


def _outside(url: str, own: str) -> bool:
    return url.partition("#")[0] != own and not url.startswith(("blob:", "data:"))
