"""The views in a real JupyterLab: they appear, scrub without the kernel, and leave nothing behind."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_denoise_in_jupyterlab(open_notebook):
    lab = open_notebook(["import x2vkit as x2v\nview = x2v.views.Denoise()\nview"])
    lab.page.screenshot(path="/tmp/lab.png")
    before = lab.sent
    seen = [lab.pixels("canvas", 0)]
    for step in range(19):
        lab.slide("step", step)
    for frame in range(1, 17):
        lab.slide("frame", frame)
    assert lab.sent == before
    assert (lab.pixels("canvas", 0) != seen[0]).any()
    # letting go tells the kernel where the reader is
    lab.page.locator("input[data-key=step]").dispatch_event("change")
    assert lab.run("print(view.selection)").strip() == "{'step': 18, 'frame': 16, 'beside': 'final'}"
    assert lab.sent > before
    # and what Python selects is seen
    lab.run("view.selection = {'step': 4}")
    lab.wait("document.querySelector('input[data-key=step]').value === '4'")
    lab.fine()
