"""Every notebook runs from top to bottom in a new kernel, and shows a picture where no widget can be.

`python tests/test_notebooks.py [NAME ...]` runs notebooks and writes what they show into them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

HOME = Path(__file__).parents[1]
NOTEBOOKS = sorted((HOME / "notebooks").glob("*.ipynb"))
LARGEST = 1_500_000
"""Bytes of a notebook with its outputs: pictures, and no widget's state."""
WIDGET = "application/vnd.jupyter.widget-view+json"


def run(path: Path) -> nbformat.NotebookNode:
    """A notebook with what its cells show now, in a kernel that finds the package of this checkout."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,
        store_widget_state=False,  # megabytes of numbers that running the cell brings back
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    return notebook


def write(path: Path) -> None:
    """Run a notebook and keep its pictures and words; a reader without a kernel has no widget to look up."""
    notebook = run(path)
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)  # when it ran is no news
        if "outputs" in cell:  # behind each widget stands its picture, an output of its own
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path):
    notebook = run(path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]  # an error has raised by now
    assert any(WIDGET in output.get("data", {}) for output in outputs)
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_pictures_where_no_widget_can_be(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in each for each in data) and not any(WIDGET in each for each in data)
    assert path.stat().st_size < LARGEST


if __name__ == "__main__":
    for name in sys.argv[1:] or [path.stem for path in NOTEBOOKS]:
        write(HOME / "notebooks" / f"{name}.ipynb")
