"""Overview in Chromium: pictures move with the step, every stage opens its view at the same place."""

from __future__ import annotations

import numpy as np

from x2vkit.trace import samples
from x2vkit.views import Attention, Denoise, Overview


def test_a_page_opens_every_view_inside_at_the_same_step(open_html):
    view = Overview(samples.sample("dog"))
    opened = open_html(view.to_html())
    page = opened.page
    assert page.locator(".x2v-over-stage").count() == 8
    opened.slide("step", 6)
    opened.slide("frame", 4)
    view.selection = {"step": 6, "frame": 4}
    drawn = opened.pixels(".x2v-over-stage[data-stage=patches] canvas", 0)[..., :3].astype(float)
    assert np.abs(drawn - view.data()["noisy"]).mean() < 2
    assert "noise" in page.locator(".x2v-told").first.inner_text()
    for stage, title in (("plan", "step by step"), ("patches", "patches"), ("transformer", "Attention")):
        page.locator(f"[data-stage={stage}] .x2v-button").click()
        page.wait_for_selector(".x2v-inside .x2v[data-ready=true]")
        assert title in page.locator(".x2v-inside-head").inner_text()
    page.locator("[data-stage=noise] .x2v-button").click()
    page.wait_for_selector(".x2v-inside .x2v-denoise-row")
    assert "7 of 20" in page.locator(".x2v-inside output").first.inner_text()  # where the outer one is
    page.locator(".x2v-inside-head button").click()
    page.wait_for_selector(".x2v-inside", state="hidden")
    opened.fine()


def test_terms_open_their_sentence(open_html):
    opened = open_html(Overview(samples.sample("cat")).to_html())
    opened.page.get_by_role("button", name="velocity").click()
    assert "noise - video" in opened.page.locator(".x2v-term-told").inner_text()
    opened.page.get_by_role("button", name="velocity").click()
    assert opened.page.locator(".x2v-term-told").is_hidden()
    opened.fine()


def test_in_a_notebook_the_kernel_packs_a_view_when_it_is_asked_for(open_notebook):
    lab = open_notebook(["import x2vkit as x2v", "view = x2v.views.Overview(); view"])
    sent = lab.sent
    lab.slide("step", 3)
    assert lab.sent == sent
    lab.page.locator("[data-stage=patches] .x2v-button").click()
    lab.page.wait_for_selector(".x2v-inside .x2v[data-ready=true]", timeout=60_000)
    lab.fine()


def test_show_me_goes_to_the_place_that_it_names(open_html):
    view = Attention()
    opened = open_html(view.to_html(), reduced_motion="no-preference")
    told = opened.page.locator(".x2v-preset-told")
    assert told.inner_text() == view.metadata["presets"][0]["sentence"]
    opened.page.get_by_role("button", name="The widest head").click()
    widest = view.metadata["presets"][-1]
    assert told.inner_text() == widest["sentence"]
    heads = opened.page.evaluate("window.x2vkitModels[0].get('selection')")
    assert heads["head"] == widest["selection"]["head"] and heads["token"] == widest["selection"]["token"]
    opened.fine()


def test_what_plays_stops_where_show_me_leads(open_html):
    view = Denoise()
    opened = open_html(view.to_html(), reduced_motion="no-preference")  # plays by itself
    opened.page.get_by_role("button", name="Where colours are decided").click()
    opened.page.wait_for_timeout(600)
    step = next(one for one in view.metadata["presets"] if "colours" in one["label"])["selection"]["step"]
    assert opened.page.evaluate("document.querySelector('input[data-key=step]').value") == str(step)
    opened.fine()
