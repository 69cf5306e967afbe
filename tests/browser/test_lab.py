"""The views in a real JupyterLab: they appear, scrub without the kernel, and leave nothing behind."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_denoise_in_jupyterlab(open_notebook):
    lab = open_notebook(["import x2vkit as x2v\nview = x2v.views.Denoise()\nview"])
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
    # arrow keys move a slider, and letters typed on it reach no command of JupyterLab's
    slider = lab.page.locator("input[data-key=step]")
    slider.focus()
    moves = {"ArrowRight": "5", "ArrowUp": "6", "ArrowLeft": "5", "ArrowDown": "4", "a": "4"}
    for key, value in moves.items():
        slider.press(key)
        expect(slider).to_have_value(value)
    assert lab.page.evaluate("window.jupyterapp.shell.currentWidget.content.model.cells.length") == 1
    lab.fine()


def test_a_reopened_notebook_shows_pictures_and_films(open_notebook, jupyter):
    """Saved, its kernel ended, and opened again: one's own, then as one that JupyterLab does not trust."""
    cells = ["import x2vkit as x2v\nx2v.views.Patches()", "x2v.views.Patches().trace"]
    lab = open_notebook(cells)
    picture = lab.page.locator(".jp-RenderedImage")
    expect(picture).to_have_count(1)
    expect(picture).to_be_hidden()  # a view that lives needs none
    address, root = jupyter
    path = next(path for path in root.glob("*.ipynb") if path.name in lab.page.url)
    lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    lab.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    for trusted in (True, False):
        if not trusted:
            notebook = nbformat.read(path, as_version=4)
            notebook.metadata["by"] = "somebody else"
            nbformat.write(notebook, path)
        lab.page.goto(address.replace("NAME", path.name))
        told = "Error displaying widget: model not found" if trusted else "Patches: Pixels, latents, patches"
        expect(lab.page.get_by_text(told)).to_be_visible(timeout=60_000)
        expect(picture).to_be_visible()
        assert picture.locator("img").evaluate("img => img.naturalWidth") > 300
        lab.wait("document.querySelector('video')?.readyState >= 2")  # not a black box
