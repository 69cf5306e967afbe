"""Running lessons without a kernel: all cells in one namespace, with the solutions in the blanks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).parents[2]


def load(path: Path) -> ModuleType:
    """A Python file as a module."""
    spec = spec_from_file_location(path.stem.replace("-", "_"), path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


site = load(ROOT / "docs/hooks/lessons.py")
LESSONS: tuple[Path, ...] = site.lessons()


def solved(path: Path, code: str) -> str:
    """A cell with its blank function replaced by the solution's."""
    name = site.exercise(code)
    if name is None:
        return code
    nodes = [node for node in ast.parse(code).body if getattr(node, "name", None) == name]
    blank = ast.get_source_segment(code, nodes[0])
    assert blank
    return code.replace(blank, site.solutions(path)[name])


def run(path: Path) -> Iterator[tuple[str, Any]]:
    """(Cell id, value of its last line) of each code cell of a solved lesson, run one after the other."""
    names: dict[str, Any] = {"__name__": "lesson"}
    for kind, name, text in site.cells(path):
        if kind == "code":
            yield name, run_cell(f"{path.stem}, cell {name}", solved(path, text), names)


def run_cell(where: str, text: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last line; as in IPython, a semicolon behind it hides it."""
    body = ast.parse(TransformerManager().transform_cell(text), where).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), where, "exec"), names)
    value = eval(compile(ast.Expression(last.value), where, "eval"), names) if last else None
    return None if text.rstrip().endswith(";") else value
