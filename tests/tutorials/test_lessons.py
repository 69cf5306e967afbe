"""Every lesson has the form that readers rely on, and runs from its first cell to its last when it is solved.

`python tests/tutorials/test_lessons.py [NN ...]` runs lessons and makes their pictures for the site again.
"""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lessons

from x2vkit.course import LESSONS, Report, exercises
from x2vkit.views import View

PROSE_IN_A_ROW = 3
EXERCISES = 4
PICTURE_BYTES = 60_000
BY_NUMBER = {path.stem[:2]: path for path in lessons.LESSONS}
each_lesson = pytest.mark.parametrize("path", lessons.LESSONS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def still(monkeypatch, tmp_path):
    """No window opens, nothing is written beside the tests, and a hundredth of each training is enough."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("X2VKIT_COURSE_SHARE", "0.01")
    matplotlib.use("Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_the_table_of_lessons_is_that_of_the_notebooks():
    assert [lesson.name for lesson in LESSONS] == [path.stem for path in lessons.LESSONS]
    for lesson, path in zip(LESSONS, lessons.LESSONS, strict=True):
        assert lesson.title == lessons.site.title(path).partition(". ")[2]
        blanks = [lessons.site.exercise(text) for kind, _, text in lessons.site.cells(path) if kind == "code"]
        assert [name for name in blanks if name] == list(lesson.exercises)
        assert len(lesson.exercises) >= EXERCISES


@each_lesson
def test_a_notebook_is_clean_and_has_the_form_of_the_course(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code), (
        "clear its outputs before it is kept"
    )
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert "install -q --find-links . x2vkit" in code[0].source and code[0].id == "install"
    trees = [ast.parse(cell.source) for cell in code]  # no magics: VS Code, Colab and marimo run them, too
    assert not imported(trees) & {"jupyterlab", "ipywidgets", "notebook", "google"}
    kinds = "".join("c" if cell.cell_type == "code" else "p" for cell in notebook.cells)
    assert "p" * (PROSE_IN_A_ROW + 1) not in kinds
    assert any("x2v.views." in cell.source for cell in code)
    for cell in code:
        if name := lessons.site.exercise(cell.source):
            last = cell.source.splitlines()[-1]
            assert last == f'x2v.check("{path.stem[:2]}.{name}", {name})'
    assert not any("$" in cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def imported(trees: list[ast.Module]) -> set[str]:
    """The packages that cells import."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@each_lesson
def test_a_solved_lesson_runs_and_every_check_passes(path):
    shown = [value for _, value in lessons.run(path)]
    reports = [value for value in shown if isinstance(value, Report)]
    assert [str(report) for report in reports if not report.passed] == []
    wanted = [name for name in exercises() if name.startswith(path.stem[:2])]
    assert [report.exercise for report in reports] == wanted
    assert any(isinstance(value, View) for value in shown)


@each_lesson
def test_the_pictures_on_the_site_are_of_cells_that_there_are(path):
    names = {name for _, name, _ in lessons.site.cells(path)}
    pictures = list(lessons.site.PICTURES.glob(f"{path.stem}.*"))
    assert pictures and {picture.name.split(".")[1] for picture in pictures} <= names
    assert all(picture.stat().st_size < PICTURE_BYTES for picture in pictures)


# -- the site's pictures ----------------------------------------------------------------------------------


def write_pictures(path: Path) -> None:
    """Run a solved lesson and keep what each cell draws."""
    from matplotlib import pyplot

    lessons.site.PICTURES.mkdir(exist_ok=True)
    for old in lessons.site.PICTURES.glob(f"{path.stem}.*"):
        old.unlink()
    for name, value in lessons.run(path):
        if data := drawn(value):
            (lessons.site.PICTURES / f"{path.stem}.{name}.webp").write_bytes(data)
        pyplot.close("all")


def drawn(value: Any) -> bytes:
    """What a cell shows, as a WebP: a clip, or the last figure; empty where it shows neither."""
    from IPython.display import Image
    from matplotlib import pyplot
    from PIL import Image as picture

    held = io.BytesIO()
    if isinstance(value, Image):
        film = picture.open(io.BytesIO(value.data))
        for quality in (60, 40, 25):  # as good as may be kept
            held = io.BytesIO()
            film.save(
                held, "webp", save_all=True, quality=quality, duration=film.info["duration"], loop=0, method=6
            )
            if held.tell() < PICTURE_BYTES:
                break
    elif pyplot.get_fignums():
        pyplot.gcf().savefig(held, format="webp", dpi=110, bbox_inches="tight", pil_kwargs={"quality": 80})
    return held.getvalue()


if __name__ == "__main__":
    matplotlib.use("Agg")
    for number in sys.argv[1:] or BY_NUMBER:
        write_pictures(BY_NUMBER[number])
