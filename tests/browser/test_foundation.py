"""What every view does in the browser: offline, cleaned-up, messages, links, themes, Python's numbers."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from x2vkit.trace import samples
from x2vkit.trace.differences import Stack
from x2vkit.views import Denoise, html, page
from x2vkit.views.buffer import Eight, pack
from x2vkit.views.style import HEAT, colormap

LIB = tuple(f"lib/{path.stem}" for path in sorted((page.STATIC / "lib").glob("*.js")))
PROBE = """
<!doctype html><meta charset="utf-8"><body><script type="module">
SCRIPT
window.common = Object.assign({}, MODULES);
</script>
"""


@pytest.fixture
def common(open_html, browser, tmp_path):
    """A page with what views share in lib/, as `window.common`."""
    path = tmp_path / "common.html"
    path.write_text(
        PROBE.replace("SCRIPT", page.bundle(*LIB)).replace("MODULES", ", ".join(map(page.constant, LIB)))
    )
    tab = browser.new_page()
    tab.goto(path.as_uri())
    tab.wait_for_function("window.common")
    yield tab
    tab.close()


def test_numbers_arrive_as_they_were_packed(common):
    rng = np.random.default_rng(0)
    halves = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, 1e-4, np.inf, -np.inf], np.float16)
    small = rng.normal(size=(3, 2, 10)).astype(np.float32)
    whole = rng.integers(-32768, 32767, (4, 5, 2)).astype(np.int16)  # differences wrap around
    arrays = {"halves": halves, "ints": np.arange(-2, 3, dtype=np.int32), "small": Eight(small, 2)}
    arrays |= {"whole": Stack.of(whole), "steps": Stack.eight_bits(small)}
    entries, buffer = pack(arrays)
    # the bytes begin at an odd place, as they do inside a message from the kernel
    got = common.evaluate(
        """async ([entries, bytes]) => {
            const all = new Uint8Array([7, 7, 7, ...bytes]);
            const { arrays, shapes } = await common.unpack(entries, new DataView(all.buffer, 3));
            const texts = Object.entries(arrays).map(([name, values]) => [name, [...values].map(String)]);
            return [Object.fromEntries(texts), shapes];
        }""",
        [entries, list(buffer)],
    )
    values = {name: np.array([float(x) for x in numbers]) for name, numbers in got[0].items()}
    np.testing.assert_array_equal(values["halves"], halves.astype(float))
    np.testing.assert_array_equal(values["ints"], arrays["ints"])
    np.testing.assert_allclose(values["small"].reshape(small.shape), small, atol=np.abs(small).max() / 250)
    np.testing.assert_array_equal(values["whole"], whole.ravel())
    np.testing.assert_allclose(values["steps"].reshape(small.shape), small, atol=np.abs(small).max() / 250)
    assert got[1]["small"] == got[1]["steps"] == [3, 2, 10]


def test_names_and_colours_are_those_of_python(common):
    from x2vkit.axes import Geometry
    from x2vkit.views.style import token_name

    names = common.evaluate("[...Array(60).keys()].map((i) => common.tokenName(i, [3, 4, 5]))")
    assert names == [token_name(i, (3, 4, 5)) for i in range(60)]
    for geometry in (Geometry(), Geometry(8, 32, (2, 1, 1), (("video", 5), ("text", 3)), False)):
        got = common.evaluate(
            """(given) => {
                const geometry = new common.Geometry(given), count = [...Array(17).keys()];
                return {
                    latent: count.map((frame) => geometry.latentFrameOf(frame)),
                    frames: count.map((i) => geometry.framesOf(i)),
                    token: count.map((i) => geometry.tokenFrames(i)),
                    text: geometry.span("text"),
                };
            }""",
            asdict(geometry),
        )
        assert got["latent"] == [geometry.latent_frame_of(frame) for frame in range(17)]
        for name, ranges in (("frames", geometry.frames_of), ("token", geometry.token_frames)):
            assert got[name] == [[ranges(i)[0], ranges(i)[-1]] for i in range(17)]
        assert range(*got["text"]) == geometry.span("text")
    drawn = common.evaluate("[...Array(101).keys()].map((i) => common.heat(i / 100))")
    np.testing.assert_allclose(drawn, 255 * colormap(HEAT)(np.linspace(0, 1, 101))[:, :3], atol=3)


def test_latents_are_painted_as_python_paints_them(common, make_trace):
    rng = np.random.default_rng(1)
    weight = (rng.normal(size=(768, 4)) * 0.2).astype(np.float16)
    trace = make_trace(preview_weight=weight, preview_bias=rng.normal(size=768).astype(np.float16) * 0.1)
    for frame in (0, 1, 4):
        pixels = common.evaluate(
            """([weight, bias, latents, frame, geometry]) => {
                const [W, b, z] = [weight, bias, [9, ...latents]].map((values) => Float32Array.from(values));
                const painter = new common.LatentPainter(W, b, [4, 2, 4, 6], new common.Geometry(geometry));
                const image = new ImageData(painter.width, painter.height);
                common.LatentPainter.pixels(painter.floats(z, 1, frame), image);
                return [...image.data];
            }""",
            [
                *(x.astype(float).ravel().tolist() for x in (weight, trace.preview_bias, trace.latents[1])),
                frame,
                asdict(trace.geometry),
            ],
        )
        drawn = np.array(pixels).reshape(32, 48, 4)[..., :3]
        assert np.abs(drawn - trace.picture(trace.latents[1])[frame].astype(int)).max() <= 1


def test_a_page_opens_offline_asks_for_nothing_and_moves(open_html):
    opened = open_html(Denoise().to_html())
    before = opened.pixels()
    opened.slide("step", 3)
    assert (opened.pixels() != before).mean() > 0.3
    opened.fine()


def test_a_pages_address_says_where_the_reader_is(open_html):
    opened = open_html(Denoise().to_html())
    place = "[...document.querySelectorAll('[data-key]')].map((one) => `${one.dataset.key} ${one.value}`)"
    opened.page.evaluate("location.hash = '#step=4&frame=999&beside=nonsense&other=1'")
    opened.wait("document.querySelector('[data-key=step]').value === '4'")
    assert {"step 4", "frame 16", "beside 0"} == set(opened.page.evaluate(place))
    opened.slide("step", 7)
    opened.page.locator("[data-key=step]").dispatch_event("change")
    assert opened.page.evaluate("location.hash") == "#step=7&frame=16"
    opened.page.reload()
    opened.wait("document.querySelector('[data-key=step]')?.value === '7'")
    opened.fine()


def test_the_policy_forbids_what_it_should(open_html):
    opened = open_html(Denoise().to_html())
    tried = opened.page.evaluate(
        """async () => {
            const said = [];
            const attempts = [() => fetch("data:,x"), () => import("data:text/javascript,")];
            for (const attempt of attempts) {
                try { await attempt(); said.push("allowed"); } catch { said.push("refused"); }
            }
            const script = document.createElement("script");
            script.textContent = "window.intruder = true";
            document.body.append(script);
            return [...said, window.intruder ? "allowed" : "refused"];
        }"""
    )
    assert tried == ["refused"] * 3


def test_a_view_that_ends_leaves_nothing_behind(open_html):
    """Rendered again and again, as a cell that is run again: each ending takes listeners and motion."""
    opened = open_html(Denoise().to_html(), reduced_motion="no-preference")  # plays by itself
    left = opened.page.evaluate(
        """async () => {
            const first = window.x2vkitModels[0], listening = new Map();
            const model = {
                get: first.get, set() {}, save_changes() {},
                on: (event, listener) => listening.set(listener, event),
                off: (event, listener) => listening.delete(listener),
            };
            const el = document.body.appendChild(document.createElement("div"));
            const wait = (ms) => new Promise((go) => setTimeout(go, ms));
            const ends = [];
            for (let i = 0; i < 3; i++) {
                const end = window.x2vkitViews.denoise.render({ model, el });
                const root = el.lastElementChild;
                while (i < 2 && !root.dataset.ready) await wait(20); // the third ends while it is built
                end();
                const draws = Number(root.dataset.draws ?? 0);
                for (const slider of root.querySelectorAll("input")) {
                    slider.value = "1";
                    slider.dispatchEvent(new Event("input"));
                }
                root.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
                root.querySelector("button")?.click();
                await wait(500);
                ends.push([Number(root.dataset.draws ?? 0) - draws, el.children.length, listening.size]);
            }
            return ends;
        }"""
    )
    assert left == [[0, 0, 0]] * 3


def test_a_wrong_trace_is_said_in_the_widgets_place(open_html, tmp_path, monkeypatch):
    view = Denoise(tmp_path / "none.x2v")
    monkeypatch.setattr(view, "error", None)  # as in a notebook, where the widget itself is shown
    opened = open_html(view.to_html())
    text = opened.view.inner_text()
    assert "cannot be opened" in text and "What to do: check the path." in text
    assert opened.page.locator("[role=alert]").count() == 1
    opened.fine()


def test_a_message_gives_way_to_content_that_comes_later(open_html, tmp_path, monkeypatch):
    wrong, right = Denoise(tmp_path / "none.x2v"), Denoise()
    monkeypatch.setattr(wrong, "error", None)
    opened = open_html(html([wrong, right]))
    opened.page.evaluate(
        """() => {
            const [bad, good] = window.x2vkitModels;
            for (const name of ["buffer", "selection", "metadata"]) bad.set(name, good.get(name));
        }"""
    )
    opened.wait("document.querySelectorAll('.x2v[data-ready]').length === 2")
    assert opened.page.locator("[role=alert]").count() == 0
    opened.fine()


def test_linked_views_follow_each_other_in_the_page(open_html):
    a, b, c = Denoise(samples.sample("cat")), Denoise(), Denoise()
    a.link(b)
    opened = open_html(html([a, b, c]))
    values = "[...document.querySelectorAll('input[data-key=step]')].map((slider) => slider.value)"
    assert opened.page.evaluate(values) == ["0", "0", "0"]
    opened.slide("step", 2)
    opened.page.wait_for_timeout(200)
    assert opened.page.evaluate(values) == ["2", "2", "0"]
    opened.fine()


def test_of_linked_views_one_plays_and_the_others_follow(open_html):
    a, b = Denoise(samples.sample("cat")), Denoise()
    a.link(b)
    opened = open_html(html([a, b]))
    for i in (0, 1):
        opened.page.get_by_role("button", name="Play frames").nth(0).click()
        if i == 0:  # the first player is now named Pause, so this starts the second
            opened.wait("Number(document.querySelectorAll('input[data-key=frame]')[1].value) > 2")
    playing = "[...document.querySelectorAll('button')].filter((b) => b.ariaLabel === 'Pause frames').length"
    opened.wait(f"{playing} === 1", 10)
    opened.page.wait_for_timeout(500)
    assert opened.page.evaluate(playing) == 1
    opened.fine()


def test_light_dark_and_every_width_hold_the_whole_view(open_html):
    for width in (600, 1000, 1400):
        shades = []
        for dark in (False, True):
            opened = open_html(Denoise().to_html(), width=width, dark=dark)
            box = opened.view.bounding_box()
            assert 0.9 * width < box["width"] <= width
            wide = "document.documentElement.scrollWidth"
            assert opened.page.evaluate(wide) <= width
            shades.append(opened.screenshot()[2, 2].mean())
        assert shades[0] > 200 and shades[1] < 60


def test_a_view_draws_inside_a_shadow_root(open_html):
    opened = open_html(Denoise().to_html())
    opened.page.evaluate(
        """() => {
            const host = document.body.appendChild(document.createElement("div"));
            const root = host.attachShadow({ mode: "open" });
            const el = root.appendChild(document.createElement("div"));
            window.x2vkitViews.denoise.render({ model: window.x2vkitModels[0], el });
            window.shadow = root;
        }"""
    )
    opened.wait("window.shadow.querySelector('.x2v[data-ready]')")
    assert opened.page.evaluate("window.shadow.querySelectorAll('canvas').length") == 4
    opened.fine()


def test_every_view_speaks_to_a_screen_reader_and_takes_keys(open_html):
    opened = open_html(Denoise().to_html())
    assert opened.view.get_attribute("aria-label") == Denoise.label
    unnamed = opened.page.evaluate(
        """() => {
            const told = (e) => e.ariaLabel || e.getAttribute("aria-labelledby") || e.labels?.length;
            const all = ["button", "input", "select", "canvas", "svg"].map((tag) => `.x2v ${tag}`).join();
            return [...document.querySelectorAll(all)].filter((e) => !told(e)).length;
        }"""
    )
    assert unnamed == 0
    opened.view.focus()
    opened.page.keyboard.press("ArrowUp")
    opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_timeout(100)
    state = opened.page.evaluate(
        "[...document.querySelectorAll('input[data-key]')].map((e) => [e.dataset.key, e.value])"
    )
    assert dict(state) == {"step": "1", "frame": "1"}
