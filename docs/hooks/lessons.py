"""The course as pages of the site, made from tutorials/ while it is built: prose, code, pictures, solutions.

mkdocs calls `on_config` and `on_files`. A picture of what a cell shows lies under docs/course/ by the name of
the lesson and the id of the cell; `python tests/tutorials/test_lessons.py NN` makes a lesson's again.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "tutorials"
PICTURES = ROOT / "docs/course"
LIVE = re.compile(r"x2v\.views\.(Denoise|Patches|Attention|Compare|Scaling)\(\)")
BLANK = "raise NotImplementedError"
LESSON_LINK = re.compile(r"\]\((\d\d-[\w-]+)\.ipynb\)")


def on_config(config: Any) -> Any:
    """Put the lessons into the navigation."""
    pages = [{title(path): f"course/{path.stem}.md"} for path in lessons()]
    for section in config["nav"]:
        if "Course" in section:
            section["Course"] = ["course/index.md", *pages]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add a page a lesson, and their table of contents."""
    made = {f"course/{path.stem}.md": page(path) for path in lessons()}
    for path, content in (made | {"course/index.md": index_page()}).items():
        files.append(File.generated(config, path, content=content))
    return files


@cache
def lessons() -> tuple[Path, ...]:
    """The notebooks, in order."""
    return tuple(sorted(TUTORIALS.glob("[0-9][0-9]-*.ipynb")))


@cache
def cells(path: Path) -> tuple[tuple[str, str, str], ...]:
    """(Kind, id, text) of each cell of a notebook."""
    found = json.loads(path.read_text())["cells"]
    return tuple((cell["cell_type"], cell["id"], "".join(cell["source"])) for cell in found)


def title(path: Path) -> str:
    """The heading of a lesson: "1. A clip is numbers"."""
    return cells(path)[0][2].splitlines()[0].removeprefix("# ")


@cache
def solutions(path: Path) -> dict[str, str]:
    """Function -> its source, from the file of solutions that belongs to a notebook."""
    source = (path.parent / "solutions" / f"{path.stem}.py").read_text()
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in nodes}


def exercise(code: str) -> str | None:
    """The name of the function that a cell leaves blank, or None."""
    return re.findall(r"^def (\w+)", code, re.MULTILINE)[-1] if BLANK in code else None


def page(path: Path) -> str:
    """A lesson as markdown."""
    parts = []
    for kind, name, text in cells(path):
        if kind == "markdown":
            parts += [LESSON_LINK.sub(r"](\1.md)", text), ""]
        elif name == "install":
            parts += [opening(path), "", fenced(text), ""]
        else:
            parts += [fenced(text), "", *shown(path, name, text), *solved(path, text)]
    return "\n".join(parts)


def opening(path: Path) -> str:
    """How to work on a lesson rather than read it."""
    return "\n".join([
        '!!! tip "This page is for reading"',
        f"    The lesson is a notebook: `x2vkit lab --course` puts `{path.name}` into a folder of yours, and",
        "    the checks below each exercise answer there.",
    ])  # fmt: skip


def shown(path: Path, name: str, text: str) -> list[str]:
    """The picture of what a cell shows, and the live view where it opens one."""
    picture = PICTURES / f"{path.stem}.{name}.webp"
    lines = [f"![What the cell shows]({picture.name}){{ loading=lazy }}\n"] * picture.exists()
    lines += [f"[Open the view](../live/{view.lower()}.html)\n" for view in LIVE.findall(text)]
    return lines


def solved(path: Path, text: str) -> list[str]:
    """A solution, folded."""
    name = exercise(text)
    if name is None:
        return []
    body = fenced(solutions(path)[name]).splitlines()
    return ['??? success "One solution"', *(f"    {line}" for line in body), ""]


def fenced(text: str) -> str:
    """Python, as a block."""
    return f"```python\n{text}\n```"


def index_page() -> str:
    """The table of contents."""
    rows = [f"| [{title(path)}]({path.stem}.md) | {summary(path)} |" for path in lessons()]
    return "\n".join([
        "# The course: from a pixel to Sora", "",
        "Lessons that build a video model, piece by piece: toy numbers first, the naive way in ten lines,",
        "then the package's own, and a test that both agree. Each takes 20 to 45 minutes if you know",
        "Python and a little numpy. No GPU, and no network once the package is installed.", "",
        "```bash", "x2vkit lab --course", "```", "",
        "puts the notebooks into `./x2vkit-course` and opens the first; what you change there is never",
        "written over. Exercises are functions to fill in, and `x2v.check` says which property of yours",
        "fails, on which small input; `x2v.check()` shows how far you are,",
        "`x2v.check('03')` in one lesson.", "",
        "| lesson | you write |", "|---|---|", *rows, "",
    ])  # fmt: skip


def summary(path: Path) -> str:
    """The functions that a lesson asks for."""
    found = [exercise(text) for kind, _, text in cells(path) if kind == "code"]
    return ", ".join(f"`{name}`" for name in found if name)
