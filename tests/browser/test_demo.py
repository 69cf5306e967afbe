"""The demo's page in Chromium: from click to playing video, its inside, Stop, phones, and no other host."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.demos import FakePipeline, launched, own_folder, wait_until
from x2vkit.registry import SHAPES

PATIENCE = 60_000
"""Milliseconds that anything may take: the machine may be busy."""
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module", autouse=True)
def gradio_folder(tmp_path_factory) -> Iterator[str]:
    """Gradio's files in a folder of the tests' own."""
    with own_folder(str(tmp_path_factory.mktemp("gradio"))) as folder:
        yield folder


@pytest.fixture(scope="module")
def served(pipeline, gradio_folder) -> Iterator[SimpleNamespace]:
    """The tiny pipeline's page, launched: `.page`, `.url`."""
    with launched(pipeline) as running:
        yield running


@pytest.fixture
def slow() -> FakePipeline:
    """A pipeline of a quarter of a second a step: time to leave in the middle, on slow machines too."""
    return FakePipeline(0.25)


@pytest.fixture
def hold(pipeline) -> Iterator[Callable[[float], None]]:
    """hold(seconds): the tiny pipeline, too quick to be stopped, takes so much longer for each step."""
    with ExitStack() as stack:

        def longer(seconds: float) -> None:
            handle = pipeline.transformer.register_forward_pre_hook(lambda *_: time.sleep(seconds))
            stack.callback(handle.remove)

        yield longer


@pytest.fixture
def serve() -> Iterator[Callable[..., SimpleNamespace]]:
    """serve(pipe, **options) -> a page of its own, closed after those who visit it."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(launched(*args, **options))


@pytest.fixture
def visit(browser: Browser, serve) -> Iterator[Callable[..., Page]]:
    """visit(url, width=1200, dark=False) -> the page, once its stage shows something. Fails at the end if it
    asked another host for anything, or complained."""
    contexts, outside, errors = [], [], []

    def open_(url: str, width: int = 1200, dark: bool = False, ready: str = "[data-shows=clip]") -> Page:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        own = url.rstrip("/")

        def route(request: Any) -> None:
            if request.request.url.startswith((own, "data:", "blob:")):
                request.continue_()
            else:
                outside.append(request.request.url)
                request.abort()

        context.route("**/*", route)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.wait_for_selector(f".x2v-screen{ready}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert outside == []
    assert [error for error in errors if "503" not in error] == []  # 503: the queue is full, on purpose


def ask_for(page: Page, words: str) -> None:
    """Type a prompt and press Generate."""
    page.locator("#prompt textarea").fill(words)
    page.get_by_role("button", name="Generate").click()


def quick(page: Page, steps: int = 3) -> None:
    """Few steps and no new seed, so that runs are short and the same."""
    page.get_by_label("number input for Steps").first.fill(str(steps))
    page.get_by_label("New each time").uncheck()


def under_way(visit: Callable[..., Page], serve: Callable[..., SimpleNamespace], slow: FakePipeline) -> Page:
    """A page whose long run has begun."""
    page = visit(serve(slow).url, ready="")
    page.get_by_label("number input for Steps").first.fill("50")
    ask_for(page, "a ball")
    wait_until(lambda: slow.steps >= 2)
    return page


def stage(page: Page, shows: str) -> None:
    page.wait_for_selector(f".x2v-screen[data-shows={shows}]")


def tab(page: Page, name: str) -> None:
    """Open one of the page's tabs (Gradio keeps a hidden twin of each, to measure)."""
    page.get_by_role("tab", name=name, exact=True).last.click()


def plays(page: Page) -> bool:
    """Whether the video moves."""
    times = [page.evaluate("document.querySelector('.x2v-video').currentTime") for _ in range(2)]
    for _ in range(20):
        page.wait_for_timeout(50)
        times.append(page.evaluate("document.querySelector('.x2v-video').currentTime"))
    return len(set(times)) > 3


def test_a_closed_tab_stops_its_run(visit, serve, slow):
    """First, while no other page is served: beside one, slow machines notice the closing late."""
    page = under_way(visit, serve, slow)
    page.close()
    wait_until(lambda: slow.raised)
    assert slow.steps < 40


def test_escape_stops_a_run_and_a_comparison(visit, serve, slow):
    page = under_way(visit, serve, slow)
    expect(page.locator(".x2v-caption")).to_have_text("a ball")
    page.keyboard.press("Escape")
    expect(page.locator(".x2v-state")).to_have_text("Stopped")
    wait_until(lambda: slow.raised)
    before = slow.steps
    tab(page, "Compare")
    page.get_by_label("What happens in both clips?").fill("a ball")
    page.get_by_role("button", name="Compare the two").click()
    wait_until(lambda: slow.steps >= before + 2)
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    expect(page.get_by_role("button", name="Compare the two")).to_be_hidden()
    stop.click()
    expect(page.locator(".x2v-wait", has_text="Stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Compare the two")).to_be_visible()


def test_words_are_read_and_offered_before_a_run(served, visit):
    """The tiny pipeline knows: a, red, blue, ball, dog, bouncing."""
    page = visit(served.url)
    text, hints = page.locator("#prompt textarea"), page.locator(".x2v-hints li")
    expect(page.locator(".x2v-palette-word")).to_have_text(["dog", "ball", "red", "blue", "bouncing"])
    text.fill("two dogs bouncin")
    expect(hints).to_have_count(3)
    expect(hints.last).to_contain_text("the model cannot count")
    page.get_by_title("Write bouncing instead of bouncin").click()
    expect(text).to_have_value("two dogs bouncing")
    expect(page.locator(".x2v-palette-word[aria-pressed=true]")).to_have_text(["dog", "bouncing"])
    text.fill("a poodle strolling through Tokyo")
    page.get_by_role("button", name="Expand", exact=True).press("Enter")
    lines, takes = page.locator(".x2v-expand-lines li"), page.locator(".x2v-expand-take")
    expect(lines).to_have_text(["poodle understood as dog", "strolling kept", "tokyo understood as city"])
    sentence = takes.first.inner_text()
    assert "dog" in sentence and "city" in sentence
    takes.first.press("Enter")
    expect(text).to_have_value(sentence)
    expect(takes).to_have_count(3)  # another may be taken
    page.get_by_role("button", name="Others", exact=True).click()
    expect(takes.first).not_to_have_text(sentence)
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 1200, "height": 900})
    text.fill("qwertz")
    expect(page.locator(".x2v-expand-found")).to_be_hidden()
    expect(hints).to_have_count(1)
    text.fill("dog " * 4000)  # more than can be read: nothing of the words before stays
    expect(hints).to_have_count(0)
    text.fill("")
    page.get_by_role("button", name="Expand", exact=True).click()
    expect(page.locator(".x2v-expand-status")).to_contain_text("Write something first")
    for word in ("bouncing", "ball", "red"):
        page.get_by_role("button", name=word, exact=True).click()
    expect(text).to_have_value("a red ball bouncing")
    expect(hints).to_have_count(0)
    quick(page, 50)
    page.get_by_role("button", name="Generate").click()
    stage(page, "preview")
    expect(page.locator(".x2v-caption")).to_have_text(
        "a red ball bouncing"
    )  # not the words of the clip before


def test_from_click_to_playing_video(served, visit, hold):
    page = visit(served.url)
    quick(page, 50)
    hold(0.1)  # so that it still runs when the page is looked at
    ask_for(page, "a red flurb ball")
    stage(page, "preview")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator(".x2v-state")).to_have_text(re.compile(r"Step \d+ of 50 · \d+ % noise"))
    stage(page, "video")
    assert plays(page)
    assert page.evaluate("document.querySelector('.x2v-video').loop")
    expect(page.locator(".x2v-caption del")).to_have_text("flurb")
    expect(page.locator(".x2v-details")).to_contain_text("seed 0")
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_text("Save mp4").click()
    assert saved.value.suggested_filename == "a-red-flurb-ball-0.mp4"
    assert saved.value.path().read_bytes()[4:8] == b"ftyp"


def test_examples_are_there_without_computing(served, visit, monkeypatch):
    monkeypatch.setattr(served.page.engine.models, "make", lambda *a, **k: pytest.fail("a model was run"))
    page = visit(served.url)
    cards = page.locator(".x2v-cards button")
    assert cards.count() >= 2
    words = cards.nth(1).inner_text()
    cards.nth(1).click()
    expect(page.locator(".x2v-caption")).to_have_text(words)
    expect(page.locator("#prompt textarea")).to_have_value(words)
    stage(page, "video")
    tab(page, "Look inside")
    expect(page.frame_locator(".x2v-frame iframe").locator(".x2v-prompt").first).to_contain_text(words[:12])


def test_the_visit_is_remembered_and_recalled(served, visit):
    page = visit(served.url)
    quick(page)
    for words in ("a red ball", "a blue dog"):
        ask_for(page, words)
        expect(page.locator(".x2v-caption")).to_have_text(words)
    cards = page.locator(".x2v-reel button")
    expect(cards).to_have_count(2)
    cards.nth(1).click()  # the older one
    expect(page.locator(".x2v-caption")).to_have_text("a red ball")
    expect(page.locator("#prompt textarea")).to_have_value("a red ball")
    tab(page, "Look inside")
    expect(page.frame_locator(".x2v-frame iframe").locator("body")).to_contain_text("a red ball")


def test_the_views_are_inside_and_can_reach_nothing(served, visit):
    page = visit(served.url, dark=True)
    quick(page)
    ask_for(page, "a red ball bouncing")
    stage(page, "video")
    page.get_by_role("button", name="Look inside").click()
    frame = page.locator(".x2v-frame iframe")
    expect(frame).to_have_attribute("sandbox", "allow-scripts")
    inside = page.frame_locator(".x2v-frame iframe")
    expect(inside.locator(".x2v[data-ready]")).to_be_visible()
    expect(inside.locator("body")).to_contain_text("a red ball bouncing")
    expect(frame).to_have_attribute("title", "Overview")  # first the whole way, then its parts
    page.locator(".x2v-segments:visible label", has_text="Denoising").click()
    expect(frame).to_have_attribute("title", "Denoising")
    expect(inside.locator(".x2v[data-ready]")).to_be_visible()
    body = inside.locator("body")
    ground = body.evaluate("getComputedStyle(document.querySelector('.x2v')).backgroundColor")
    assert ground != "rgb(255, 255, 255)"  # dark as the page is
    assert body.evaluate("(() => { try { return parent.document } catch { return null } })()") is None
    held = inside.locator("canvas").first.evaluate("c => c.getContext('2d') && c.toDataURL()")
    slider = inside.locator("input[data-key=step]")
    slider.evaluate("s => { s.value = 0; s.dispatchEvent(new Event('input', { bubbles: true })); }")
    page.wait_for_timeout(300)
    assert inside.locator("canvas").first.evaluate("c => c.toDataURL()") != held
    tall = frame.evaluate("f => f.clientHeight")
    assert inside.locator("body").evaluate("b => b.scrollHeight") <= tall + 4  # nothing to scroll twice
    for label in page.locator(".x2v-segments:visible label").all_inner_texts()[2:]:
        page.locator(".x2v-segments:visible label", has_text=label).click()
        expect(frame).to_have_attribute("title", label)
        expect(inside.locator(".x2v[data-ready]").first).to_be_visible()


def test_the_director_asks_the_pages_worker_and_hears_of_it(served, visit):
    page = visit(served.url)
    page.get_by_role("tab", name="Direct").click()
    frame = page.frame_locator(".x2v-frame iframe[title=Director]")
    generate = frame.get_by_role("button", name="Make the clip")
    expect(generate).to_be_enabled()  # it said hello, and was heard
    generate.click()
    expect(frame.get_by_text("this model has no planner")).to_be_visible()  # the tiny one


def test_a_link_fills_the_form_and_opens_its_tab_and_the_address_follows(served, visit, monkeypatch):
    monkeypatch.setattr(served.page.engine.models, "make", lambda *a, **k: pytest.fail("a model was run"))
    page = visit(served.url)
    page.goto(f"{served.url.rstrip('/')}/?prompt=a+red+ball&seed=7&tab=look+inside&view=patches&steps=no")
    frame = page.locator(".x2v-frame iframe")
    expect(frame).to_have_attribute("title", "Patches")
    tab(page, "Scaling")
    scaling = page.frame_locator("iframe[title=Scaling]")
    expect(scaling.locator(".x2v[data-ready]")).to_be_visible()
    expect(scaling.locator(".x2v-scaling-model")).to_have_text(["base", "4x", "small"])
    tab(page, "Create")
    expect(page.locator("#prompt textarea")).to_have_value("a red ball")
    expect(page.get_by_label("Seed")).to_have_value("7")
    expect(page.get_by_label("New each time")).not_to_be_checked()
    cards = page.locator(".x2v-cards button")
    words = cards.nth(1).inner_text()
    cards.nth(1).click()
    stage(page, "video")
    assert page.evaluate("new URL(location.href).searchParams.get('prompt')") == words
    assert page.evaluate("new URL(location.href).searchParams.get('tab')") is None


def test_a_link_fills_direct_and_film_too(served, visit):
    page = visit(served.url)
    page.goto(f"{served.url.rstrip('/')}/?prompt=a+poodle+in+Tokyo&seed=7&tab=film")
    expect(page.get_by_label("What is the film about?")).to_have_value("a poodle in Tokyo")
    expect(page.get_by_label("Who is in it")).to_have_value("a brown dog")
    tab(page, "Direct")
    frame = page.frame_locator(".x2v-frame iframe[title=Director]")
    expect(frame.get_by_label("Prompt", exact=True)).to_have_value("a poodle in Tokyo")
    expect(frame.get_by_label("Seed", exact=True)).to_have_value("7")


def test_stop_stops_at_once(visit, serve, slow):
    page = under_way(visit, serve, slow)
    page.get_by_role("button", name="Stop").click()
    at = slow.steps
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    expect(page.locator(".x2v-state")).to_have_text("Stopped")
    wait_until(lambda: slow.raised)
    assert slow.steps <= at + 6  # the wish has to get there through a busy machine: 0.25 s a step
    page.get_by_label("number input for Steps").first.fill("2")
    ask_for(page, "a ball")
    stage(page, "video")


def test_a_film_can_be_stopped_while_it_is_made(served, visit, hold):
    page = visit(served.url)
    hold(0.5)
    tab(page, "Film")
    make, stop = page.get_by_role("button", name="Make film"), page.locator(".x2v-film-stop")
    expect(page.locator(".x2v-film")).to_be_hidden()  # nothing is there to be seen yet
    expect(stop).to_be_hidden()
    make.click()
    expect(page.get_by_text(re.compile(r"Shot 1 of 4, step \d of 5"))).to_be_visible()
    expect(make).to_be_hidden()
    stop.click()
    expect(page.get_by_text("Stopped; what was ready stays ready.")).to_be_visible()
    expect(make).to_be_visible()


def test_a_full_queue_says_so_on_the_page(visit, serve, slow):
    running = serve(slow, max_queue=1)
    pages = [visit(running.url, ready="") for _ in range(3)]
    for i, page in enumerate(pages):
        page.get_by_label("number input for Steps").first.fill("50")
        ask_for(page, "a ball")
        wait_until(lambda: slow.steps >= 1)
        page.wait_for_timeout(300 + 300 * i)
    expect(pages[2].get_by_test_id("toast-body")).to_contain_text("busy")
    expect(pages[2].get_by_role("button", name="Generate")).to_be_visible()
    expect(pages[1].get_by_role("button", name="Stop")).to_be_visible()  # waits for its turn
    for page in pages[:2]:
        page.get_by_role("button", name="Stop").click()


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(served, visit, dark):
    page = visit(served.url, width=390, dark=dark)
    for name in ("Create", "Compare", "Look inside"):
        if page.get_by_role("tab", name=name, exact=True).last.is_visible():
            tab(page, name)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    tab(page, "Create")
    screen = page.locator(".x2v-screen").bounding_box()
    assert screen and screen["width"] > 340
    parts = ("#prompt", ".x2v-screen", ".x2v-settings")
    order = [page.locator(name).first.bounding_box()["y"] for name in parts]
    assert order == sorted(order)  # words, clip, settings: nothing stands between asking and seeing
    small = page.evaluate(
        """[...document.querySelectorAll(
             '.x2v-ask button, .x2v-stage button, .x2v-stage a, .x2v-examples button, .x2v-segments label')]
           .filter(e => e.offsetParent && e.getBoundingClientRect().height < 30)
           .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert small == []  # a finger is wide


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_their_ground(served, visit, dark):
    """Contrast of the page's own text, by WCAG 2: 4.5 to 1."""
    page = visit(served.url, dark=dark)
    page.evaluate("document.querySelector('.x2v-details').append('x')")

    def luminance(colour: str) -> float:
        rgb = np.array([float(x) for x in re.findall(r"[\d.]+", colour)[:3]]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for selector in (".x2v-header p", ".x2v-caption", ".x2v-details span", ".x2v-cards span", ".x2v-go"):
        page.wait_for_selector(selector, state="attached")
        ink, ground = page.evaluate(
            """selector => {
                let e = document.querySelector(selector);
                const ink = getComputedStyle(e).color;
                const ground = (one) => getComputedStyle(one).backgroundColor;
                while (e.parentElement && ground(e) === "rgba(0, 0, 0, 0)") e = e.parentElement;
                return [ink, ground(e)];
            }""",
            selector,
        )
        light, deep = sorted((luminance(ink) + 0.05, luminance(ground) + 0.05), reverse=True)
        assert light / deep >= 4.5, (selector, ink, ground)


def test_html_in_a_prompt_stays_text(served, visit):
    page = visit(served.url)
    quick(page)
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    evil = "a red ball <img src=x onerror=alert(1)><script>alert(2)</script>"
    ask_for(page, evil)
    stage(page, "video")
    expect(page.locator(".x2v-caption")).to_have_text(evil)
    assert page.locator(".x2v-caption img, .x2v-caption script, .x2v-reel img").count() == 0
    page.get_by_role("button", name="Look inside").click()
    expect(page.frame_locator(".x2v-frame iframe").locator(".x2v[data-ready]")).to_be_visible()
    assert page.frame_locator(".x2v-frame iframe").locator("img[onerror]").count() == 0


@pytest.mark.parametrize(
    ("words", "rule"),
    [("<img src=x onerror=alert(1)> zork", "none of these words"), ("x" * 100_000, "at most 1,000")],
)
def test_what_cannot_be_is_told_on_the_page(served, visit, words, rule):
    page = visit(served.url)
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    ask_for(page, words)
    expect(page.locator(".x2v-trouble")).to_contain_text(rule)
    expect(page.get_by_test_id("toast-body")).to_contain_text(rule)
    assert page.locator("[onerror]").count() == 0
    expect(page.get_by_role("button", name="Generate")).to_be_visible()


def test_a_file_that_is_no_picture_is_told_on_the_page(served, visit, tmp_path):
    (tmp_path / "notes.png").write_text("no picture at all")
    page = visit(served.url)
    page.get_by_text("Start from a picture or a clip").click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "notes.png")
    page.wait_for_timeout(1500)
    ask_for(page, "a red ball")
    expect(page.locator(".x2v-trouble")).to_contain_text("cannot be read as a picture")


def test_two_settings_side_by_side(served, visit):
    page = visit(served.url)
    tab(page, "Compare")
    page.locator(".x2v-prompt:visible textarea").fill("a red ball bouncing")
    page.get_by_label("number input for Steps").nth(1).fill("2")
    page.get_by_label("number input for Steps").nth(2).fill("3")
    page.get_by_role("button", name="Compare the two").click()
    inside = page.frame_locator(".x2v-frame:visible iframe")
    expect(inside.locator(".x2v[data-ready]")).to_be_visible()
    expect(inside.locator("body")).to_contain_text("a red ball bouncing")
    assert inside.locator("canvas").count() >= 2


def test_another_model_has_a_page_too(visit, serve):
    running = serve(FakePipeline())
    page = visit(running.url, ready="")
    expect(page.get_by_text("Start from a picture or a clip")).to_be_hidden()
    page.get_by_label("number input for Steps").first.fill("2")
    ask_for(page, "anything at all")
    stage(page, "video")
    expect(page.locator(".x2v-details")).to_contain_text("FakePipeline")
    expect(page.locator(".x2v-tools >> text=Look inside")).to_be_hidden()
    tab(page, "Compare")
    page.get_by_role("button", name="Compare the two").click()
    expect(page.locator(".x2v-players canvas")).to_have_count(2)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_stage_takes_every_shape(served, visit, shape):
    page = visit(served.url)
    quick(page, 2)
    page.locator(".x2v-settings label", has_text=shape.capitalize()).click()
    ask_for(page, "a red ball")
    expect(page.locator(".x2v-caption")).to_have_text("a red ball")
    stage(page, "clip" if shape == "still" else "video")
    box = page.locator(".x2v-screen").bounding_box()
    assert box and box["height"] <= 0.73 * 900
    wide = SHAPES[shape][2] / SHAPES[shape][1]
    if wide > 1:
        assert box["width"] / box["height"] == pytest.approx(wide, rel=0.03)
