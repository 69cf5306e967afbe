"""Denoise in Chromium: the pictures are the trace's, the heat lies where the numbers say, and it is quick."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.trace import samples
from x2vkit.views import Denoise
from x2vkit.views.style import colormap

NOISY, GUESS, CHANGE, BESIDE = range(4)


@pytest.fixture
def cat():
    """The bundled trace without previews: all of its pictures come from latents."""
    return Denoise(samples.sample("cat"))


def near(drawn: np.ndarray, wanted: np.ndarray, levels: float) -> bool:
    """Whether two pictures differ by at most so many of 255 levels on average."""
    return float(np.abs(drawn[..., :3].astype(float) - wanted).mean()) <= levels


def test_the_pictures_are_those_of_data(open_html, cat):
    opened = open_html(cat.to_html())
    for step, frame in ((9, 0), (4, 6), (0, 16)):
        opened.slide("step", step)
        opened.slide("frame", frame)
        cat.selection = {"step": step, "frame": frame}
        seen = cat.data()
        assert near(opened.pixels(index=NOISY), seen["noisy"], 2)  # 8 bits a latent cost so much
        assert near(opened.pixels(index=GUESS), seen["pred_x0"], 2)
        assert near(opened.pixels(index=BESIDE), seen["final"], 0)
        heat = 255 * colormap()(np.clip(seen["change"] / 96, 0, 1))[..., :3]
        assert near(opened.pixels(index=CHANGE), heat, 6)
    opened.fine()


def test_kept_previews_are_shown_as_they_are(open_html):
    view = Denoise()
    opened = open_html(view.to_html())
    opened.slide("step", 7)
    opened.slide("frame", 5)
    assert near(opened.pixels(index=GUESS), view.trace.previews[7, 5], 4)
    assert "decoded" in opened.page.locator("figcaption").nth(GUESS).inner_text()


def test_without_guidance_stands_beside_the_guess(open_html, cat):
    opened = open_html(cat.to_html())
    opened.slide("step", 2)
    opened.page.select_option("select[data-key=beside]", label="Without guidance")
    cat.selection = {"step": 2, "beside": "pred_x0_cond"}
    opened.page.wait_for_timeout(200)
    assert near(opened.pixels(index=BESIDE), cat.data()["pred_x0_cond"], 2)
    opened.page.select_option("select[data-key=beside]", label="What guidance changes")
    opened.page.wait_for_timeout(200)
    off = np.abs(cat.data()["pred_x0"].astype(float) - cat.data()["pred_x0_cond"]).mean(axis=2)
    assert near(opened.pixels(index=BESIDE), 255 * colormap()(np.clip(off / 96, 0, 1))[..., :3], 6)


def test_a_click_on_the_curve_goes_there_and_is_kept(open_html, cat):
    opened = open_html(cat.to_html())
    point = opened.page.locator("svg circle.x2v-curve-dot").nth(3).bounding_box()
    opened.page.mouse.click(point["x"] + 2, point["y"] + 2)
    opened.wait("document.querySelector('input[data-key=step]').value === '3'")
    assert opened.page.evaluate("window.x2vkitModels[0].get('selection').step") == 3


def test_scrubbing_is_not_kept_until_it_is_let_go(open_html, cat):
    opened = open_html(cat.to_html())
    opened.slide("step", 5)
    assert opened.page.evaluate("window.x2vkitModels[0].get('selection').step") == 0
    opened.page.locator("input[data-key=step]").dispatch_event("change")
    assert opened.page.evaluate("window.x2vkitModels[0].get('selection').step") == 5


def test_it_plays_round_and_stops(open_html, cat):
    opened = open_html(cat.to_html())
    frame = "Number(document.querySelector('input[data-key=frame]').value)"
    opened.page.select_option("select[aria-label='Speed of frames']", "2")
    opened.page.get_by_role("button", name="Play frames").click()
    opened.wait(f"{frame} > 8")
    opened.wait(f"{frame} < 6")  # round again
    opened.page.get_by_role("button", name="Pause frames").click()
    opened.page.wait_for_timeout(200)  # the last frame that was due is still painted
    stopped = opened.page.evaluate(frame)
    opened.page.wait_for_timeout(400)
    assert opened.page.evaluate(frame) == stopped
    assert opened.page.evaluate("window.x2vkitModels[0].get('selection').frame") == stopped


def test_words_that_the_model_did_not_know_are_struck_through(open_html, make_trace):
    weight = {"preview_weight": np.ones((768, 4), np.float16), "preview_bias": np.ones(768, np.float16)}
    trace = make_trace(request={"prompt": "a red Flurb, <b>bold</b>"}, unknown=("flurb",), **weight)
    opened = open_html(Denoise(trace).to_html())
    assert opened.page.locator(".x2v-prompt").inner_text() == "a red Flurb, <b>bold</b>"
    assert opened.page.locator("del").all_inner_texts() == ["Flurb,"]


def test_a_step_is_drawn_well_within_a_frame_of_the_screen(open_html):
    """The drawing itself; whatever else the machine does may disturb three quarters of the times."""
    opened = open_html(Denoise().to_html())
    times = opened.page.evaluate(
        """async () => {
            const real = window.requestAnimationFrame.bind(window), times = [];
            window.requestAnimationFrame = (draw) => real((now) => {
                const start = performance.now();
                draw(now);
                times.push(performance.now() - start);
            });
            const slider = document.querySelector("input[data-key=step]");
            for (let i = 0; i < 40; i++) {
                slider.value = (7 * i) % 20;
                slider.dispatchEvent(new Event("input"));
                await new Promise((go) => real(() => setTimeout(go, 0)));
            }
            return times.sort((a, b) => a - b);
        }"""
    )
    assert len(times) >= 20
    assert times[len(times) // 4] < 16, times
