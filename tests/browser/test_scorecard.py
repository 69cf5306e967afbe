"""Scorecard and Supply in Chromium, from exported pages: limits are chosen, sliders reckon as Python does."""

from __future__ import annotations

import json

import pytest

from x2vkit.views import Scorecard, Supply, page
from x2vkit.views.supply import LIMITS, Settings, sums

REPORT = {
    "model": "mine",
    "figures": [
        {"name": "color", "limit": "adherence", "meaning": "what is read", "score": 0.5, "ceiling": 0.9,
         "chance": 0.1, "baseline": 0.2, "unit": "%", "error": 0.04, "count": 9, "known_as": "VBench: Color"},
        {"name": "<b>gravity", "limit": "physics", "meaning": "x", "score": 0.1, "ceiling": 0.05, "unit": "%",
         "less_is_better": True},
    ],
}  # fmt: skip


def test_a_scorecard_shows_limits_and_meanings(open_html):
    opened = open_html(Scorecard(REPORT).to_html())
    view = opened.page
    assert view.locator(".x2v-score-row:visible").count() == 2
    assert "50.0 % ± 4" in view.locator(".x2v-score-row").first.inner_text()
    assert view.locator(".x2v-score-name").nth(1).inner_text().startswith("<b>gravity")
    bar = view.locator(".x2v-score-bar").first.bounding_box()
    ceiling = view.locator(".x2v-score-bar .x2v-score-ceiling").first.bounding_box()
    assert (ceiling["x"] - bar["x"]) / bar["width"] == pytest.approx(0.9, abs=0.02)
    view.locator("summary").first.click()
    told = view.locator(".x2v-score-row p").first.inner_text()
    assert "What is read" in told and "VBench: Color" in told
    view.get_by_role("button", name="Show physics").click()
    view.wait_for_timeout(100)
    assert view.locator(".x2v-score-row:visible").count() == 1
    view.set_viewport_size({"width": 390, "height": 800})
    assert view.evaluate("document.documentElement.scrollWidth") <= 390
    opened.fine()


def test_the_browser_reckons_as_python_does(open_html):
    supply = Supply()
    opened = open_html(supply.to_html())
    opened.slide("share", 60)
    assert "17.52 times Hollywood" in opened.page.locator(".x2v-told").inner_text()
    opened.page.get_by_role("button", name="As it was").click()
    opened.page.wait_for_timeout(100)
    assert "1.75 times Hollywood" in opened.page.locator(".x2v-told").inner_text()
    opened.fine()
    code = page.bundle("supply/sums")
    for part in (0, 0.3, 1):
        chosen = {name: round(part * most) for name, most in LIMITS.items()}
        metadata = json.dumps(dict(supply.metadata))
        call = f"{page.constant('supply/sums')}.sums({json.dumps(chosen)}, {metadata})"
        found = opened.page.evaluate(f"() => {{ {code}\nreturn {call}; }}")
        expected = sums(Settings(**chosen), supply.flops_step, supply.clip_seconds)
        for name, value in vars(expected).items():
            assert found[name] == pytest.approx(value), name
