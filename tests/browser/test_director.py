"""The Director in a real browser: what is drawn on the picture becomes a line of Python and a request."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from x2vkit.views import Director


def drag(page, start, end, steps=4):
    """Drag over the picture, between points in fractions of it."""
    box = page.locator(".x2v-dir-draw").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=steps)
    page.mouse.up()


def test_boxes_regions_strokes_and_the_plan_are_drawn_with_mouse_and_keys(open_html):
    view = Director()
    opened = open_html(view.to_html(), width=390, height=1400)
    page = opened.page
    line = page.locator(".x2v-code")
    expect(page.get_by_text("No kernel here")).to_be_visible()
    assert line.input_value().startswith(f'x2v.direct("{view.trace.prompt}", seed=')
    scroll, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert scroll <= inner
    assert page.locator("rect.x2v-dir-planned").count() == 1
    assert page.locator("rect.x2v-dir-read").count() == 1

    x0, y0, x1, y1 = view.trace.plan["boxes"][0, 0].tolist()  # the plan is dragged to the right as a whole
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    drag(page, middle, (middle[0] + 0.1, middle[1]))
    expect(page.get_by_text("plan moved at 0.00 s")).to_be_visible()
    first = re.search(r'boxes=\{"first": \{0: \(([^)]*)\)', line.input_value())
    assert first is not None
    found = [float(edge) for edge in first[1].split(", ")]
    assert max(abs(a - b) for a, b in zip(found, (x0 + 0.1, y0, x1 + 0.1, y1), strict=True)) < 0.01

    page.get_by_role("button", name="Region.").click()
    page.get_by_role("button", name="Draw for the second subject").click()
    drag(page, (0.5, 0.1), (0.95, 0.9))
    expect(line).to_have_value(re.compile(re.escape('"second": x2v.SoftBox(0.5, 0.1, 0.95, 0.9)')))

    page.get_by_role("button", name="Brush.").click()
    drag(page, (0.2, 0.5), (0.7, 0.4))
    expect(line).to_have_value(re.compile(r"strokes=\[\(\[\(0\.2, 0\.5\),.*\(0\.7, 0\.4\)\], 0\.1\)\]"))

    page.get_by_label("Camera", exact=True).fill("pan left, then zoom in")
    page.get_by_label("Camera", exact=True).press("Tab")
    expect(line).to_have_value(re.compile('camera="pan left, then zoom in"'))

    for taken in ("Take back: plan moved", "Take back: region", "Take back: stroke"):
        page.get_by_role("button", name=taken).click()
    expect(line).not_to_have_value(re.compile("boxes|strokes"))

    page.get_by_role("button", name="Box.").click()  # the same by keys: begin, two steps, end
    canvas = page.locator(".x2v-dir-draw")
    canvas.focus()
    for key in ("Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        canvas.press(key)
    expect(line).to_have_value(re.compile(re.escape('"second": (0.5, 0.5, 0.6, 0.6)')))

    seed, problem = page.get_by_label("Seed", exact=True), page.get_by_role("alert")
    for odd in ("-1", "99999999999999999999", "1.5"):
        seed.fill(odd)
        seed.press("Tab")
        expect(problem).to_contain_text("is a whole number from 0 to")
        expect(line).to_have_value(re.compile(f"seed={view.selection['seed']},"))
    seed.fill("7")
    seed.press("Tab")
    expect(problem).to_be_hidden()
    expect(line).to_have_value(re.compile("seed=7,"))

    def strokes(place):  # what the legend shows is what is drawn
        style = "e => [getComputedStyle(e).stroke, getComputedStyle(e).strokeDasharray]"
        return page.locator(place).first.evaluate(style)

    for kind in ("planned", "read"):
        assert strokes(f".x2v-dir-legend .x2v-dir-{kind}") == strokes(f".x2v-dir-draw rect.x2v-dir-{kind}")
    opened.fine()
