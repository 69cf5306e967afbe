"""`x2vkit lab`: notebooks reach the reader's folder, and what the reader changed is never lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from x2vkit import lab
from x2vkit.cli.commands import main
from x2vkit.errors import X2VError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Two notebooks in the package's place."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("start-here", "compare"):
        (folder / f"{name}.ipynb").write_text(f"{name} 1")
    monkeypatch.setattr(lab, "notebooks", lambda course: {path.name: path for path in folder.glob("*.ipynb")})
    return folder


def test_a_changed_notebook_stays_and_an_untouched_one_is_brought_up_to_date(shipped, tmp_path):
    mine = tmp_path / "new" / "mine"
    assert lab.copy_notebooks(mine) == (2, [])
    assert lab.copy_notebooks(mine) == (0, [])
    (mine / "compare.ipynb").write_text("my own thoughts")
    for name in ("start-here", "compare"):
        (shipped / f"{name}.ipynb").write_text(f"{name} 2")
    assert lab.copy_notebooks(mine) == (1, ["compare.ipynb"])
    assert (mine / "start-here.ipynb").read_text() == "start-here 2"
    assert (mine / "compare.ipynb").read_text() == "my own thoughts"


def test_a_file_that_was_there_before_is_the_readers(shipped, tmp_path):
    (tmp_path / "start-here.ipynb").write_text("from elsewhere")
    assert lab.copy_notebooks(tmp_path) == (1, ["start-here.ipynb"])


@pytest.mark.parametrize("notes", ["", "[]", "{"])
def test_broken_notes_lose_nothing(shipped, tmp_path, notes):
    lab.copy_notebooks(tmp_path)
    (tmp_path / lab.NOTES).write_text(notes)
    (tmp_path / "compare.ipynb").write_text("my own thoughts")
    assert lab.copy_notebooks(tmp_path) == (0, ["compare.ipynb"])
    assert json.loads((tmp_path / lab.NOTES).read_text()).keys() == {"start-here.ipynb"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(X2VError, match="cannot be made"):
        lab.copy_notebooks(tmp_path / "file" / "inside")


def test_the_command_copies_and_opens_the_tour(shipped, tmp_path, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(lab, "serve", lambda command: started.append(command) or 0)
    monkeypatch.setattr(lab, "find_spec", lambda name: True)
    folder = str(tmp_path / "mine")
    assert main(["lab", "--folder", folder, "--", "--no-browser"]) == 0
    tour = os.path.join(folder, "start-here.ipynb")
    assert started == [[sys.executable, "-m", "jupyterlab", tour, "--no-browser"]]
    assert "2 notebooks copied" in capsys.readouterr().out
    assert main(["lab", "--folder", folder, "--copy-only"]) == 0 and len(started) == 1


def test_without_jupyterlab_the_cure_is_told_and_nothing_is_copied(shipped, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert main(["lab", "--folder", str(tmp_path / "mine")]) == 2
    assert 'pip install "x2vkit[lab]"' in capsys.readouterr().err and not (tmp_path / "mine").exists()


def test_the_real_notebooks_are_found():
    assert {lab.TOUR, "compare.ipynb", "playground.ipynb"} <= lab.notebooks().keys()


def test_the_course_comes_with_its_solutions_and_a_lesson_that_was_worked_on_stays(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    command = ["lab", "--course", "--copy-only"]
    assert main(command) == 0
    mine = tmp_path / lab.COURSE_FOLDER
    assert (mine / lab.FIRST_LESSON).exists() and (mine / "solutions/01-clip.py").exists()
    (mine / lab.FIRST_LESSON).write_text("my answers")
    capsys.readouterr()
    assert main(command) == 0
    assert (mine / lab.FIRST_LESSON).read_text() == "my answers"
    assert f"0 files copied; kept as you left them: {lab.FIRST_LESSON}" in capsys.readouterr().out


def test_the_notebooks_ship_in_the_wheel():
    import tomllib

    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["force-include"] == {
        "notebooks": "x2vkit/notebooks",
        "tutorials": "x2vkit/tutorials",
    }
    # a wheel can be built from the source archive too
    assert {"/notebooks", "/tutorials"} <= set(build["sdist"]["include"])


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_terminated_lab_ends_its_server():
    server = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    code = f"import sys; from x2vkit.lab import serve; serve([sys.executable, '-c', {server!r}])"
    pipe = {"stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen([sys.executable, "-c", code], **pipe) as lab_process:
        child = int(lab_process.stdout.readline())
        lab_process.send_signal(signal.SIGTERM)
        lab_process.wait(30)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
