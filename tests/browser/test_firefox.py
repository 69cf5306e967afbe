"""The model in a page, in Firefox: the same clips as Python, from disk and from a folder on a server."""

from __future__ import annotations

import base64
import io
import shutil

import numpy as np
import pytest
from PIL import Image

import x2vkit
from tests.browser.firefox import Tab, firefox
from tests.web.tiny import pipeline
from x2vkit.web.site import one_file

PROMPT = "a red puppy bouncing"
SETTINGS = f"prompt={PROMPT.replace(' ', '+')}&seed=5&steps=2&shape=wide"
FRAMES = """(() => {
  const { frames } = window.x2vkitModel.get("made");
  let letters = "";
  for (let i = 0; i < frames.length; i += 32768)
    letters += String.fromCharCode(...frames.subarray(i, i + 32768));
  return btoa(letters);
})()"""


@pytest.fixture(scope="module")
def trace() -> x2vkit.Trace:
    """What Python makes of it."""
    size = {"num_frames": 17, "height": 96, "width": 160}
    return x2vkit.record(PROMPT, pipeline=pipeline(), seed=5, steps=2, **size)


def frames(tab: Tab) -> np.ndarray:
    """Those of the clip that the page makes next, (F, H, W, 3) uint8."""
    tab.wait("document.querySelector('[data-clips], [data-refused]')")
    assert not tab.evaluate("Boolean(document.querySelector('[data-refused]'))"), said(tab)
    return np.frombuffer(base64.b64decode(tab.evaluate(FRAMES)), np.uint8).reshape(17, 96, 160, 3)


def said(tab: Tab) -> str:
    return tab.evaluate("document.querySelector('.x2v-web-status').textContent")


def test_a_page_in_firefox_makes_the_clips_that_python_makes(data, site, trace, tmp_path):
    one = one_file(data, tmp_path / "one.html").as_uri()
    (tmp_path / "profile").mkdir()
    with firefox(tmp_path / "profile") as browser:
        tab = browser.tab(1200, 900)
        tab.open(f"{one}#{SETTINGS}")
        from_disk = frames(tab)
        assert np.abs(from_disk.astype(int) - trace.frames).max() <= 2  # as in Chromium
        assert "WebAssembly" in said(tab)
        for name in ("denoise-row", "patches-flats", "attention-controls"):
            label = {"d": "every step", "p": "the patches", "a": "attention"}[name[0]]
            button = (
                f"[...document.querySelectorAll('button')].find((b) => b.textContent === 'Look at {label}')"
            )
            tab.evaluate(f"{button}.click()")
            tab.wait(f"document.querySelector('.x2v-web-inside .x2v[data-ready=true] .x2v-{name}')")
        for width in (1200, 390):
            tab.resize(width, 844)
            picture = np.asarray(Image.open(io.BytesIO(tab.picture())).convert("RGB"))
            assert picture.std() > 20 and tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.open(f"{site}#{SETTINGS}")
        assert np.array_equal(frames(tab), from_disk)
        tab.wait("navigator.serviceWorker.controller")  # a second visit needs no network
        told = [entry["text"] for entry in browser.told("log.entryAdded") if entry["level"] != "info"]
        asked = {event["request"]["url"] for event in browser.told("network.beforeRequestSent")}
    assert told == []
    assert any(url.startswith(site) for url in asked)
    assert all(url.startswith((site, one, "blob:", "data:")) for url in asked)


def test_a_missing_firefox_fails_with_its_cure(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(x2vkit.X2VError, match="apt-get install firefox-esr"), firefox(tmp_path):
        pass
