"""Compare in Chromium: from its exported page, offline, it shows what its numbers say."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from x2vkit.views import Compare


@pytest.fixture
def three(make_trace):
    """Runs of 3, 3 and 6 steps from one noise, with Euler's own latents."""
    rng = np.random.default_rng(2)
    linear = {
        "preview_weight": (0.3 * rng.normal(size=(768, 4))).astype(np.float16),
        "preview_bias": (0.1 * rng.normal(size=768)).astype(np.float16),
        "inputs": {},
    }
    noise = rng.normal(size=(4, 2, 4, 6))
    ramp = np.arange(48)[:, None]

    def run(steps: int, **request: object):
        t = np.linspace(1, 0, steps + 1)
        pred_x0, latents = rng.normal(size=(steps, *noise.shape)), [noise]
        for k in range(steps):
            latents.append(latents[-1] * t[k + 1] / t[k] + pred_x0[k] * (1 - t[k + 1] / t[k]))
        return make_trace(
            request={"prompt": "a red ball", "seed": 0, "scheduler": "euler"} | request,
            t=t.astype(np.float32),
            latents=np.float16(latents),
            pred_x0=np.float16(pred_x0),
            frames=(rng.integers(0, 200, (5, 1, 1, 3)) + ramp).repeat(32, 1).astype(np.uint8),
            queries={},
            keys={},
            **linear,
        )

    return [run(3), run(3, prompt="a blue <b>ball</b>"), run(6, guidance=2.0)]


def seen(opened, index: int) -> np.ndarray:
    return opened.pixels("canvas", index)[..., :3].astype(int)


def test_the_page_shows_what_data_says(open_html, three):
    view = Compare(three)
    opened = open_html(view.to_html())
    for choice, show in enumerate(("final", "predicted", "noisy")):
        opened.page.select_option("select[data-key=show]", str(choice))
        for step, frame in ((0, 0), (3, 4), (5, 2)):
            opened.slide("frame", frame)
            if show != "final":
                opened.slide("step", step)
                view.selection = {"step": step}
            view.selection = {"frame": frame, "show": show}
            truth = view.data()
            for i, name in enumerate("ABC"):
                off = np.abs(seen(opened, 2 * i) - truth[f"picture.{name}"].astype(int))
                assert off.max() <= 4, (show, step, frame, name)  # 8 bits a latent
    opened.fine()


def test_moving_the_step_leaves_the_finished_clips(open_html, three):
    opened = open_html(Compare(three).to_html())
    before = [seen(opened, i) for i in (0, 2, 4)]
    opened.slide("step", 2)
    expect(opened.page.locator("select[data-key=show]")).to_have_value("1")
    assert all((seen(opened, i) != was).any() for i, was in zip((0, 2, 4), before, strict=True))
    captions = opened.page.locator(".x2v-compare-card figure:first-of-type figcaption").all_inner_texts()
    assert captions == ["step 2 of 3, noise 67 %"] * 2 + ["step 3 of 6, noise 67 %"]
    opened.fine()


def test_keys_choose_the_reference_and_the_map_follows(open_html, three):
    opened = open_html(Compare(three).to_html())
    cards = opened.page.locator(".x2v-compare-card")
    assert cards.nth(0).locator("button").get_attribute("aria-pressed") == "true"
    opened.view.focus()
    opened.page.keyboard.press("2")
    expect(cards.nth(1).locator("button")).to_have_attribute("aria-pressed", "true")
    assert cards.nth(1).locator(".x2v-compare-over").is_visible()
    assert not cards.nth(0).locator(".x2v-compare-over").is_visible()
    apart = np.abs(three[0].frames[0].astype(float) - three[1].frames[0]).mean()
    told = re.search(r"from B: ([\d.]+) of 255", cards.nth(0).inner_text())
    assert told and float(told[1]) == pytest.approx(apart, abs=1)
    opened.page.keyboard.press("ArrowRight")
    expect(opened.page.locator("input[data-key=frame]")).to_have_value("1")
    opened.fine()


def test_clicking_a_point_of_a_path_goes_there(open_html, three):
    view = Compare(three)
    opened = open_html(view.to_html())
    assert opened.page.locator(".x2v-paths polyline").count() == 3
    dots = opened.page.locator(".x2v-paths circle[r='3']")
    assert dots.count() == 4 + 4 + 7
    dots.nth(4 + 4 + 3).click()  # run C's fourth point
    expect(opened.page.locator("input[data-key=step]")).to_have_value("3")
    # A point of a noisy path shows noisy pictures.
    expect(opened.page.locator("select[data-key=show]")).to_have_value("2")
    opened.fine()


def test_prompts_show_what_differs_and_stay_text(open_html, three):
    opened = open_html(Compare(three).to_html())
    bold = opened.page.locator(".x2v-compare-prompt strong").all_inner_texts()
    assert bold == ["red", "ball", "blue", "<b>ball</b>", "red", "ball"]
    opened.fine()


def test_the_bundled_runs_fit_on_a_small_page(open_html):
    html = Compare().to_html()
    assert len(html) < 5_000_000
    for width in (600, 1400):
        opened = open_html(html, width=width)
        wide = opened.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        opened.fine()


@pytest.mark.slow
def test_scrubbing_in_jupyterlab_sends_the_kernel_nothing(open_notebook):
    lab = open_notebook(["import x2vkit as x2v\nview = x2v.views.Compare()\nview"])
    before, sent = lab.pixels("canvas", 0), lab.sent
    for key, last in (("step", 19), ("frame", 16)):
        for value in [*range(last), 7]:
            lab.slide(key, value)
    assert lab.sent == sent
    assert (lab.pixels("canvas", 0) != before).any()
    lab.page.locator("input[data-key=step]").dispatch_event("change")
    seen = lab.run("print(view.selection['step'], view.selection['frame'], view.selection['show'])")
    assert seen.strip() == "7 7 predicted" and lab.sent > sent
    lab.fine()
