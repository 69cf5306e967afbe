"""The Playground in a real browser: exported without a kernel, and alive in JupyterLab."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from x2vkit.views import Playground


def test_an_exported_page_shows_the_history_and_asks_for_nothing(open_html):
    view = Playground()
    first = view.history[0]
    html = view.to_html()
    assert len(html) < 5_000_000
    opened = open_html(html)
    expect(opened.page.get_by_text("No kernel answers")).to_be_visible()
    expect(opened.page.get_by_text('Playground().to_html("page.html", live=True)')).to_be_visible()
    assert opened.page.locator(".x2v-play-prompt").input_value() == first.request.prompt
    assert opened.page.locator("[data-key=seed]").is_disabled()
    assert opened.page.locator(".x2v-code").input_value() == first.line
    before = opened.pixels("canvas", 0)
    opened.slide("frame", 8)
    assert (opened.pixels("canvas", 0) != before).any()
    opened.page.locator(".x2v-play-prompt").fill("typed into the void")  # no harm, and it stays
    expect(opened.page.locator(".x2v-play-prompt")).to_have_value("typed into the void")
    opened.fine()


def test_the_page_fits(open_html):
    html = Playground().to_html()
    for width in (600, 1400):
        opened = open_html(html, width=width)
        scroll, inner = opened.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert scroll <= inner
        opened.fine()


ASKED = "[(e.request.prompt, e.request.seed) for e in play.history]"


@pytest.mark.slow
def test_typing_in_jupyterlab_streams_previews_and_typing_on_cancels(open_notebook):
    lab = open_notebook(["import x2vkit as x2v\nplay = x2v.views.Playground()\nplay"])
    page, prompt = lab.page, lab.page.locator(".x2v-play-prompt")
    assert "False" in lab.run("import sys; print('torch' in sys.modules)")  # nothing has run yet
    expect(lab.page.locator(".x2v-play-note")).to_be_hidden()

    def asked() -> list:
        return json.loads(lab.run(f"import json; print(json.dumps({ASKED}))"))

    def previews() -> int:
        return int(page.evaluate("document.querySelector('.x2v').dataset.previews ?? 0"))

    # A prompt is typed: the model loads, previews stream in, the clip joins the history.
    prompt.fill("")
    prompt.press_sequentially("a red ball on the beach", delay=20)
    lab.wait("document.querySelectorAll('.x2v-play-card').length === 2", 180)
    assert previews() >= 10
    assert asked()[-1] == ["a red ball on the beach", 0]
    read = page.locator(".x2v-play-words li").all_inner_texts()
    assert read[:3] == ["a", "red", "ball"]

    # Typing on stops the run: of three seeds in quick succession only the last becomes a clip.
    dice = page.get_by_role("button", name="Another seed, at random")
    seen = previews()
    for _ in range(3):
        dice.click()
        lab.wait(f"Number(document.querySelector('.x2v').dataset.previews) > {seen}")
        seen = previews()
    lab.wait("document.querySelectorAll('.x2v-play-card').length === 3")
    assert len(asked()) == 3

    # Any words become sentences of the world, and one of them the prompt.
    prompt.fill("a poodle strolling through Tokyo")
    page.get_by_role("button", name="Expand", exact=True).press("Enter")
    expect(page.locator(".x2v-expand-lines li").first).to_have_text(
        "poodle understood as dog", timeout=20_000
    )
    taken = page.locator(".x2v-expand-take").first
    taken.press("Enter")
    expect(prompt).to_have_value(taken.inner_text())

    # Bad input is told in its place, and the words stay.
    prompt.fill("flurb glorp")
    problem = page.locator("[data-field=prompt]")
    expect(problem).to_contain_text("knows none of these words", timeout=20_000)
    expect(prompt).to_have_value("flurb glorp")
    assert page.locator(".x2v-play-words del").count() == 2
    page.locator("#" + page.locator("[data-key=seed]").get_attribute("id")).fill("-3")
    expect(page.locator("[data-field=seed]")).to_contain_text("whole number", timeout=20_000)

    # Back to a clip: its words and its seed come back; two of them side by side; a star stays.
    page.locator(".x2v-play-open").last.click()
    expect(prompt).to_have_value(re.compile("^a dog"))  # a view paints in the browser's next frame
    expect(page.locator("[data-key=seed]")).to_have_value("0")
    star = page.locator(".x2v-play-card .x2v-button").first
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    assert lab.run("print([e.starred for e in play.history][-1])").strip() == "True"
    for i in range(2):
        page.locator(".x2v-play-card input[type=checkbox]").nth(i).check()
    page.get_by_role("button", name="Compare the chosen clips").click()
    expect(page.locator(".x2v-compare-card")).to_have_count(2, timeout=20_000)

    # The clip leaves as a file.
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the clip as gif").click()
    assert download.value.suggested_filename.endswith("-0.gif")
    lab.fine()
