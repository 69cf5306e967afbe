"""The Storyboard in Chromium: cards are edited, moved and removed, and the film plays, with no kernel."""

from __future__ import annotations

from x2vkit.views import Storyboard

FIELDS = "[...document.querySelectorAll('.x2v-film-card [data-field=what]')].map((one) => one.value)"


def test_cards_and_film(open_html):
    view = Storyboard()
    page = open_html(view.to_html(), width=390)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    what = [shot["what"] for shot in view.board["shots"]]
    assert page.page.evaluate(FIELDS) == what
    page.wait("document.querySelector('video').readyState >= 2")
    assert abs(page.page.evaluate("document.querySelector('video').duration") - 10.5) < 0.3
    page.page.get_by_label("Play from shot 3").click()
    page.wait("document.querySelector('video').currentTime >= 5")

    page.page.get_by_label("Move shot 2 earlier").click()
    assert page.page.evaluate(FIELDS) == [what[1], what[0], *what[2:]]
    assert page.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move shot 1 later"
    page.page.get_by_label("Move shot 1 later").press("Enter")  # by keys, too
    assert page.page.evaluate(FIELDS) == what

    card = page.page.locator(".x2v-film-card").nth(1)
    assert card.get_attribute("data-old") == "false"
    card.locator("[data-field=where]").fill("in the snow")
    assert card.get_attribute("data-old") == "true"
    page.page.get_by_label("Remove shot 4").click()
    assert page.page.evaluate(FIELDS) == what[:3]
    page.page.get_by_label("Add a shot").click()
    assert page.page.evaluate(FIELDS) == [*what[:3], what[2]]
    assert page.page.get_by_role("status").inner_text() == "4 shots, 11.0 s"
    assert page.page.get_by_role("button", name="Make film").is_disabled()
    page.wait("!document.querySelector('.x2v-film-note').hidden")
    page.fine()
