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
SETTINGS = f"prompt={PROMPT.replace(' ', '+')}&seed=5&steps=2&shape="
SHAPES = {"wide": (17, 96, 160), "still": (1, 128, 128)}
FRAMES = """(() => {
  const { frames } = window.x2vkitModel.get("made");
  let letters = "";
  for (let i = 0; i < frames.length; i += 32768)
    letters += String.fromCharCode(...frames.subarray(i, i + 32768));
  return btoa(letters);
})()"""


def in_python(shape: str) -> np.ndarray:
    """The frames that Python makes of it, (F, H, W, 3) uint8."""
    size = dict(zip(("num_frames", "height", "width"), SHAPES[shape], strict=True))
    return x2vkit.record(PROMPT, pipeline=pipeline(), seed=5, steps=2, **size).frames.astype(int)


def frames(tab: Tab, shape: str) -> np.ndarray:
    """Those of the clip that the page makes next, (F, H, W, 3) uint8."""
    tab.wait("document.querySelector('[data-clips], [data-refused]')")
    assert not tab.evaluate("Boolean(document.querySelector('[data-refused]'))"), said(tab)
    return np.frombuffer(base64.b64decode(tab.evaluate(FRAMES)), np.uint8).reshape(*SHAPES[shape], 3)


def said(tab: Tab) -> str:
    return tab.evaluate("document.querySelector('.x2v-web-status').textContent")


def test_a_page_in_firefox_makes_the_clips_that_python_makes(data, site, tmp_path):
    one = one_file(data, tmp_path / "one.html").as_uri()
    (tmp_path / "profile").mkdir()
    with firefox(tmp_path / "profile") as browser:
        tab = browser.tab(1200, 900)
        tab.open(f"{one}#{SETTINGS}wide")
        from_disk = frames(tab, "wide")
        assert np.abs(from_disk - in_python("wide")).max() <= 2  # as in Chromium
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
        tab.open(f"{site}#{SETTINGS}wide")
        assert np.array_equal(frames(tab, "wide"), from_disk)
        tab.open(f"{site}?again#{SETTINGS}still")
        assert np.abs(frames(tab, "still") - in_python("still")).max() <= 2
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
