"""The Play view in a real browser: exported without a kernel, and played in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from x2vkit.views import Play


def test_an_exported_page_shows_what_was_played_and_presses_nothing(open_html):
    view = Play()
    opened = open_html(view.to_html(), width=600)
    expect(opened.page.get_by_text("This is a recording. Open it in a notebook")).to_be_visible()
    for name in ("left", "Time goes on", "New world"):
        assert opened.page.get_by_role("button", name=name, exact=True).is_disabled()
    assert opened.page.get_by_label("Who is where").is_disabled()
    expect(opened.page.get_by_text("frame 37 of 37")).to_be_visible()  # it played to the end by itself
    last = opened.pixels("canvas")
    opened.page.get_by_role("button", name="Plan's box").click()
    unboxed = opened.pixels("canvas")
    assert (unboxed != last).any()
    opened.page.get_by_role("button", name="Watch all of it").click()
    assert (opened.pixels("canvas") != unboxed).any()
    scroll, inner = opened.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert scroll <= inner
    opened.fine()


@pytest.mark.slow
def test_keys_make_frames_in_jupyterlab(open_notebook):
    lab = open_notebook(["import x2vkit as x2v\nplay = x2v.views.Play()\nplay"])
    assert "False" in lab.run("import sys; print('torch' in sys.modules)")  # nothing has run yet
    left = lab.page.get_by_role("button", name="left", exact=True)
    expect(left).to_be_enabled()
    lab.page.locator(".x2v").focus()
    lab.page.keyboard.press("ArrowLeft")
    expect(lab.page.get_by_text("The model is being loaded")).to_be_visible()
    lab.wait("document.querySelector('.x2v').textContent.includes('of 9')", 180)  # five, and four
    left.click()
    lab.wait("document.querySelector('.x2v').textContent.includes('of 13')")
    assert "['left', 'left']" in lab.run("print(play.world.keys)")
    lab.fine()
