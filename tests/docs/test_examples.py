"""What the pages tell a reader to type works.

Python is run, page by page; shell lines are read by the commands' own parsers.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from x2vkit.cli.commands import parse

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("how-to/*.md"), *DOCS.glob("concepts/*.md")])
LEFT_OUT = re.compile(r"<!-- not run: .+ -->\n$")


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """(Line, text) of each block of a page, but for those that a comment before them takes out."""
    text, found = page.read_text(), []
    for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if not LEFT_OUT.search(text[: match.start()]):
            found.append((text[: match.start()].count("\n") + 2, match.group(1)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem
)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for line, text in blocks(page, "python"):
        exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)  # numbered as in the page


@pytest.mark.parametrize("page", [*PAGES, DOCS.parent / "README.md"], ids=lambda page: page.stem)
def test_the_shell_lines_of_a_page_are_understood(page: Path) -> None:
    for _, text in blocks(page, "bash"):
        for command in re.split(r"\n|&&", text):
            words = shlex.split(command, comments=True)
            if "-m" in words:  # torchrun ... -m x2vkit train ...
                words = words[words.index("-m") + 1 :]
            if words and words[0].endswith("x2vkit") and words[1:] != ["--version"]:
                parse(words[1:])  # SystemExit with the parser's own message where it is not
