"""Heads in Chromium: the table's numbers are the scores, and a click opens the attention of that head."""

from __future__ import annotations

import numpy as np

from x2vkit.views import Heads


def test_a_cell_leads_to_its_attention(open_html):
    view = Heads()
    opened = open_html(view.to_html())
    cells = opened.page.locator(".x2v-heads-cell")
    told = np.reshape([int(text) for text in cells.all_inner_texts()], (3, 4, 20))  # layers, heads, steps
    scores = view.data()["spots"].reshape(20, 3, 4).transpose(1, 2, 0)  # steps come first there
    assert np.abs(told - 100 * scores).max() <= 0.51
    opened.page.get_by_label("step 13, layer 2, head 2", exact=True).click()
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("ArrowDown")
    opened.page.wait_for_timeout(100)
    assert "Step 14, layer 2, head 3" in opened.page.locator(".x2v-told").first.inner_text()
    opened.page.keyboard.press("Enter")  # the focus went along, and what is chosen opens
    opened.page.wait_for_selector(".x2v-inside .x2v[data-ready=true]")
    pressed = opened.page.locator(".x2v-inside [aria-pressed=true]").all_inner_texts()
    assert any("head 3" in text for text in pressed)
    opened.page.select_option("select[data-key=measure]", label="the subject's patches, by a word")
    opened.page.wait_for_timeout(200)
    assert "dog" in opened.page.locator(".x2v-told").first.inner_text()
    opened.fine()
