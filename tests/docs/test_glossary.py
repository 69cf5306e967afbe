"""Each term of the glossary is one that `help()` knows, too, where the glossary says."""

from __future__ import annotations

import inspect
import pydoc
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

GLOSSARY = Path(__file__).parents[2] / "docs/glossary.md"


def terms() -> dict[str, str]:
    """Term -> the full name that the glossary says it stands at."""
    entries = re.split(r"^### ", GLOSSARY.read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        term, _, text = entry.partition("\n")
        names = re.findall(r"\[`(x2vkit[\w.]*)`\]\[\]", text)
        assert names, f"{term} names no place in the code"
        found[term] = names[0]
    return found


def look_up(name: str) -> Any:
    """The object of a full name: the longest part that is a module, then its attributes."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"{name} is not there")


def plain(text: str) -> str:
    """Words alone, in lower case; names of code fall into their words."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " ".join(re.findall(r"[a-z0-9é]+", apart.lower()))


def shown_by_help(found: Any) -> str:
    """What `help()` prints of a class or function; of a module its docstring, not all that is in it."""
    return (
        inspect.getdoc(found) or ""
        if inspect.ismodule(found)
        else pydoc.render_doc(found, renderer=pydoc.plaintext)
    )


@pytest.mark.parametrize(("term", "name"), terms().items())
def test_help_of_the_named_object_holds_the_term(term: str, name: str) -> None:
    assert plain(term) in plain(shown_by_help(look_up(name))), f"help({name}) does not say {term!r}"


def test_terms_stand_in_the_order_of_the_alphabet() -> None:
    assert list(terms()) == sorted(terms(), key=str.lower)
