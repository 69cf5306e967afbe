"""Five questions a view: the answers of docs/concepts/quiz.md are on the screen, word by word.

What stands on a view's screen is what Python sends (its metadata), what its own browser code says, and the
sentences of the terms that it lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from x2vkit import views
from x2vkit.views.page import IMPORT, STATIC

PAGE = (Path(__file__).parents[2] / "docs/concepts/quiz.md").read_text()
TERMS = STATIC / "lib/terms.js"
SAID_BY_ALL = ("lib/code", "lib/story", "lib/prompt", "lib/presets", "lib/notes")
"""Shared modules whose sentences count where a view imports them."""
VIEWS = ("Overview", "Denoise", "Patches", "Attention", "Heads", "Compare", "Scaling", "Playground")
QUESTION = re.compile(r'^\?\?\? question "([^"]+)"\n((?:    .*\n?|\n)+)', re.MULTILINE)


def questions(view: str) -> list[tuple[str, str]]:
    """(question, answer) of one view's section."""
    section = re.search(rf"^## {view}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return QUESTION.findall(section[1]) if section else []


def texts(value: Any) -> Iterator[str]:
    """All strings in some JSON values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from texts(one)


def said(source: str) -> str:
    """JavaScript without comments, its strings that are added up made one."""
    bare = re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)
    bare = re.sub(r"/\*.*?\*/", "", bare, flags=re.DOTALL)
    return re.sub(r"""["`]\s*\+\s*["`]""", "", bare)


def code(folder: str) -> str:
    """The browser code of a view, with that of the shared modules whose words it shows."""
    own = "\n".join(path.read_text() for path in sorted((STATIC / folder).rglob("*.js")))
    shared = {f"lib/{Path(needed).name}" for _, _, needed in IMPORT.findall(own)} & set(SAID_BY_ALL)
    return said("\n".join([own, *((STATIC / f"{name}.js").read_text() for name in sorted(shared))]))


def terms(folder: str) -> str:
    """The sentences behind the terms that a view lists."""
    listed = re.search(r"terms\((?:this\.)?view, \[([^\]]*)\]", code(folder))
    assert listed, f"{folder} lists no terms"
    table = said(TERMS.read_text())
    found = dict(re.findall(r'^  "?([\w ]+?)"?:\s*"([^"]*)",$', table, re.MULTILINE))
    return "\n".join(found[name] for name in re.findall(r'"([^"]+)"', listed[1]))


@pytest.mark.parametrize("name", VIEWS)
def test_every_answer_is_on_the_screen(name):
    asked = questions(name)
    assert len(asked) == 5
    view = getattr(views, name)()
    folder = view._module
    screen = " ".join("\n".join([*texts(dict(view.metadata)), code(folder), terms(folder)]).split())
    for question, answer in asked:
        quoted = re.findall(r"\*\*([^*]+)\*\*", answer)
        missing = [words for words in quoted if " ".join(words.split()) not in screen]
        assert quoted and not missing, f"{question} -> not on the screen: {missing}"
    view.close()
