"""The browser's code stays readable: short functions, files and lines, modules that import along one arrow.

`tsc` checks the types of the same files (see jsconfig.json); here is what needs no tool.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from x2vkit.views.page import IMPORT, STATIC

FILES = sorted(STATIC.rglob("*.js"))
FUNCTION_LINES, FILE_LINES, COLUMNS = 120, 280, 120
OPENS = re.compile(
    r"^(\s*)(?:export (?:default )?)?(?:(?:async )?function\*? (\w+)"
    r"|(?:static |async |get |set |\*)*(\w+)\((?:.*\) \{)?$"
    r"|const (\w+) = (?:async )?(?:\([^)]*\)|\w+) =>|default mount\()"
)
"""A line that begins a function, method or arrow function of a name, as prettier sets it."""
CONTROL = {"if", "for", "while", "switch", "catch"}


def functions(source: str) -> list[tuple[str, int]]:
    """(name, lines) of every function: prettier closes each with a line of the same indent."""
    lines, found = source.splitlines(), []
    for start, line in enumerate(lines):
        match = OPENS.match(line)
        name = match and next((name for name in match.groups()[1:] if name), "default")
        if not match or name in CONTROL or not line.rstrip().endswith(("{", "(", "=>")):
            continue
        closing = re.compile(rf"^{match[1]}[}})\]]")
        end = next((i for i in range(start + 1, len(lines)) if closing.match(lines[i])), start)
        found.append((name, end - start + 1))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(STATIC)))
def test_files_functions_and_lines_are_short(path):
    source = path.read_text()
    lines = source.splitlines()
    assert len(lines) <= FILE_LINES
    assert [line for line in lines if len(line) > COLUMNS] == []
    assert [(name, count) for name, count in functions(source) if count > FUNCTION_LINES] == []
    assert source.startswith("// @ts-check\n/**"), "a module says what it is"


def test_the_check_of_functions_can_fail():
    body = "\n".join(["  let a = 1;"] * 130)
    for opening in ("function long(a, b) {", "export async function* long() {", "const long = (a) => {"):
        assert functions(f"{opening}\n{body}\n}}\n") == [("long", 132)]
    method = "\n".join(["    let a = 1;"] * 125)
    source = (
        f"class A {{\n  async draw(\n    a,\n  ) {{\n{method}\n  }}\n  short() {{\n    return 1;\n  }}\n}}\n"
    )
    assert ("short", 3) in functions(source)
    assert functions(f"export default mount(async (view) => {{\n{body}\n}});\n") == [("default", 132)]


INSIDE = {
    "heads": ("attention",),
    "playground": ("compare", "overview"),
    "overview": ("attention", "denoise", "patches"),
}
"""Views that open inside another."""


def test_views_share_lib_alone():
    """lib imports lib; a view imports lib, itself and what opens inside it."""
    for path in FILES:
        room = path.relative_to(STATIC).parts[0]
        for _, _, needed in IMPORT.findall(path.read_text()):
            other = (path.parent / needed).resolve().relative_to(STATIC.resolve()).parts[0]
            assert other in (room, "lib", *INSIDE.get(room, ())), (path, needed)


def test_no_stride_of_one_model_is_written_into_the_browsers_code():
    source = "\n".join(path.read_text() for path in FILES)
    assert "TIME_STRIDE" not in source and "SPACE_STRIDE" not in source
    assert not re.search(r"temporal_stride\s*[:=]\s*\d|spatial_stride\s*[:=]\s*\d", source)


def test_what_tsc_checks_is_not_in_the_wheel():
    root = Path(__file__).parents[2]
    assert (root / "jsconfig.json").is_file() and not (STATIC / "jsconfig.json").exists()


def test_terms_say_what_the_glossary_says():
    """Every "?" of a view has the glossary's own sentence."""
    glossary = (Path(__file__).parents[2] / "docs/glossary.md").read_text()
    written = {}
    for entry in re.split(r"^### ", glossary, flags=re.MULTILINE)[1:]:
        term, _, text = entry.partition("\n")
        text = re.sub(r"\s*See\s+\[[^]]*\]\([^)]*\)\.", "", text.split("*Code:*")[0])
        written[term] = " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).split())
    source = (STATIC / "lib/terms.js").read_text()
    table = source[source.index("export const TERMS") : source.index("\n};")]
    told = {}
    for name, quoted, texts in re.findall(
        r'^  (?:(\w+)|"([^"]*)"):((?:\s*"(?:[^"\\]|\\.)*"(?: \+)?)+)', table, re.M
    ):
        told[name or quoted] = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', texts))
    assert len(told) > 20 and told == {name: written[name] for name in told}
    for path in STATIC.glob("*/index.js"):
        for names in re.findall(r"terms\(view, \[([^]]*)\]", path.read_text()):
            assert set(re.findall(r'"([^"]+)"', names)) <= set(told), path
