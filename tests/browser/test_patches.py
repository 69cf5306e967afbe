"""`views.Patches` in Chromium: what is marked is what is pointed at, and what is shuffled comes back."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from x2vkit import views
from x2vkit.views.style import PALETTE, token_name

FRAME = 'canvas[aria-label="One frame, cut into patches"]'
LATENT = 'canvas[aria-label="The latent frame that holds it"]'
AGAIN = 'canvas[aria-label="The clip put together again from its patches"]'
CUBES = ".x2v-cube > canvas[role=img]"
ORANGE = [int(PALETTE["orange"][i : i + 2], 16) for i in (1, 3, 5)]


@pytest.fixture
def view():
    return views.Patches()


def point(page, selector: str, x: float, y: float) -> None:
    """Move the pointer to a place in a picture, in shares of its width and height."""
    box = page.page.locator(selector).bounding_box()
    page.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.page.wait_for_timeout(100)


def marked(page, selector: str, index: int = 0) -> list[float]:
    """Left, top, right and bottom of what is orange in an overlay, in shares of its size."""
    return page.page.evaluate(
        """([selector, index, orange]) => {
            const { width, height } = document.querySelectorAll(selector)[index];
            const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(document.querySelectorAll(selector)[index], 0, 0);
            const { data } = copy.getImageData(0, 0, width, height);
            const xs = [], ys = [];
            for (let i = 0; i < width * height; i++) {
                const far = orange.some((value, k) => Math.abs(data[4 * i + k] - value) > 5);
                if (far || data[4 * i + 3] < 200) continue;
                xs.push(i % width);
                ys.push(Math.floor(i / width));
            }
            const ends = (values, size) => [Math.min(...values) / size, (Math.max(...values) + 1) / size];
            const [[left, right], [top, bottom]] = [ends(xs, width), ends(ys, height)];
            return [left, top, right, bottom];
        }""",
        [selector, index, ORANGE],
    )


def pictures(page) -> list[str]:
    """What the three cubes show, as text to compare."""
    return page.page.evaluate(f"[...document.querySelectorAll('{CUBES}')].map((one) => one.toDataURL())")


def test_pointing_at_a_pixel_marks_its_patch_everywhere(open_html, view):
    page = open_html(view.to_html(), 1200, 1800)
    page.slide("frame", 6)
    x, y = 70, 50
    point(page, FRAME, (x + 0.5) / 128, (y + 0.5) / 128)
    token = view.trace.geometry.token_at(6, y, x, view.trace.grid)
    box = view.trace.geometry.token_box(token, view.trace.grid)
    wanted = np.array([box.x0, box.y0, box.x1, box.y1]) / 128
    for picture in (FRAME, LATENT, AGAIN):
        np.testing.assert_allclose(marked(page, picture + " + .x2v-over"), wanted, atol=0.02, err_msg=picture)
    name = token_name(token, view.trace.grid)
    assert page.view.locator(".x2v-tip").inner_text().startswith(f"{name}  ·  token {token + 1} of 320")
    assert page.page.get_by_text(f"{name}: the same 16 × 16 pixels in every frame").is_visible()
    # and the token itself: pointing at its square in the sequence marks the same pixels
    point(page, FRAME, 0.01, 0.01)
    assert marked(page, FRAME + " + .x2v-over")[0] < 0.02
    sequence = 'canvas[aria-label^="All tokens"]'
    per = 64  # one latent frame a line
    wide = page.page.locator(sequence).bounding_box()["width"]
    each = (wide - 24) / per
    point(page, sequence, (22 + (token % per + 0.5) * each) / wide, (token // per + 0.5) / 5)
    np.testing.assert_allclose(marked(page, FRAME + " + .x2v-over"), wanted, atol=0.02)
    page.fine()


def test_pointing_at_a_cube_finds_the_pixel_on_its_front(open_html, view):
    page = open_html(view.to_html(), 1200, 1800)
    front = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures(page)[0].partition(",")[2]))))
    # the front's lower left corner: the lowest row that is drawn, and its first column
    ys, xs = np.nonzero(front[..., 3] > 250)
    bottom, left = ys.max() - 4, xs[ys > ys.max() - 4].min() + 4
    height, width = front.shape[:2]
    point(page, CUBES + " >> nth=0", left / width, bottom / height)
    grid = view.trace.grid
    token = view.trace.geometry.token_at(0, 127, 0, grid)
    assert page.view.locator(".x2v-tip").inner_text().startswith(token_name(token, grid))
    page.fine()


def test_shuffled_and_dropped_is_what_python_says_and_comes_back(open_html, view):
    page = open_html(view.to_html(), 1200, 1800)
    page.slide("frame", 5)
    whole = page.pixels(AGAIN)[..., :3]
    np.testing.assert_array_equal(whole, view.trace.frames[5])
    orders = (("Shuffle all", "all"), ("Shuffle places", "places"), ("Shuffle moments", "times"))
    for seed, (label, order) in enumerate(orders):  # every further shuffle is another
        page.view.get_by_label(label, exact=True).click()
        page.slide("drop", 20)
        page.page.wait_for_timeout(50)
        view.selection = {"frame": 5, "order": order, "drop": 20, "shuffle": seed}
        np.testing.assert_array_equal(page.pixels(AGAIN)[..., :3], view.data()["rebuilt"], err_msg=order)
    assert (page.pixels(AGAIN)[..., :3] != whole).any()
    page.view.get_by_label("Put back").click()
    page.page.wait_for_timeout(50)
    np.testing.assert_array_equal(page.pixels(AGAIN)[..., :3], whole)
    page.fine()


def test_sliders_change_what_they_should(open_html, view):
    page = open_html(view.to_html(), 1200, 1800)
    for key, value, changes in (
        ("frame", 9, (True, True, True)),
        ("explode", 40, (True, True, True)),
        ("side", 2, (True, False, True)),  # the latents stay what they are
        ("drop", 50, (False, False, True)),
        ("row", 20, (False, False, False)),  # marked over the cubes; they are cut only when asked
    ):
        before = pictures(page)
        page.slide(key, value)
        assert tuple(a != b for a, b in zip(before, pictures(page), strict=True)) == changes, key
    assert "80 tokens" in page.view.locator(".x2v-patches-told").inner_text()
    page.view.get_by_label("Cut the cubes").click()
    page.page.wait_for_timeout(50)
    assert pictures(page)[0] != before[0]
    page.fine()


def test_keys_move_the_patch(open_html, view):
    page = open_html(view.to_html(), 1200, 1800)
    _, rows, columns = grid = view.trace.grid
    token = view.selection["token"]
    page.view.focus()
    for key, by in (("d", 1), ("s", columns), ("e", rows * columns)):
        page.page.keyboard.press(key)
        token += by
        page.page.get_by_text(f"{token_name(token, grid)}: the same").wait_for()
    page.fine()


def test_a_click_in_one_view_is_picked_in_a_linked_one(open_html, view):
    view.link(views.Patches())
    page = open_html(views.html([view, *view._linked]), 1200, 1800)
    box = page.page.locator(FRAME).first.bounding_box()
    page.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.1 * box["height"])
    page.page.mouse.move(2, 2)
    page.page.wait_for_timeout(100)
    assert marked(page, FRAME + " + .x2v-over", 1) == pytest.approx((0.875, 0, 1, 0.125), abs=0.02)
    page.fine()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [600, 1000, 1400])
def test_it_fits(open_html, view, width, dark):
    page = open_html(view.to_html(), width, dark=dark)
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = page.page.evaluate(
        """() => [...document.querySelectorAll(".x2v *")].filter((one) => one.checkVisibility()
            && one.getBoundingClientRect().right
                > document.querySelector(".x2v").getBoundingClientRect().right + 1)
            .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    page.fine()


def test_a_still_and_odd_patches_draw_too(open_html, make_trace):
    rng = np.random.default_rng(0)
    still = make_trace(
        frames=rng.integers(0, 256, (1, 32, 48, 3), dtype=np.uint8),
        latents=rng.normal(size=(4, 4, 1, 4, 6)).astype(np.float16),
        pred_x0=rng.normal(size=(3, 4, 1, 4, 6)).astype(np.float16),
        queries={}, keys={}, inputs={}, plan={},
    )  # fmt: skip
    both = [views.Patches(still), views.Patches(make_trace())]
    for one in both:
        one.selection = {"side": 2, "order": "all", "explode": 50, "drop": 20}
    page = open_html(views.html(both), 900)
    for i, one in enumerate(both):
        np.testing.assert_array_equal(page.pixels(AGAIN, i)[..., :3], one.data()["rebuilt"])
    page.fine()


@pytest.mark.slow
def test_scrubbing_in_jupyterlab_asks_nothing_of_the_kernel(open_notebook):
    lab = open_notebook(["import x2vkit as x2v\nview = x2v.views.Patches()\nview"])
    before, cubes = lab.sent, pictures(lab)
    for key, values in (
        ("frame", range(1, 17)),
        ("explode", range(5, 60, 5)),
        ("side", (0, 2)),
        ("row", (9,)),
    ):
        for value in values:
            lab.slide(key, value)
    point(lab, FRAME, 0.3, 0.3)
    assert lab.sent == before and all(a != b for a, b in zip(cubes, pictures(lab), strict=True))
    lab.page.locator("input[data-key=side]").dispatch_event("change")  # let go
    assert lab.run("print(view.patch, view.selection['row'])").strip() == "(1, 4, 4) 9"
    lab.fine()
