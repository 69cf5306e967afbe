"""Imports point one way, by one table for the whole package; and what only looks stays light: it never brings
torch. Each kind of check has a test that shows that it can fail.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import x2vkit

PACKAGE = Path(x2vkit.__file__).parent
LIGHT = (
    *(
        "",
        ".cli",
        ".config",
        ".registry",
        ".errors",
        ".axes",
        ".media",
        ".trace",
        ".world",
        ".lab",
        ".course",
    ),
    *(".views", ".views.base", ".views.compare", ".views.playground"),
)


def brings(code: str, module: str) -> bool:
    """Whether running `code` in a fresh interpreter imports `module`."""
    probe = f"import sys\n{code}\nprint({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().endswith("True")


@pytest.mark.parametrize("module", ["x2vkit" + name for name in LIGHT])
def test_light_modules_do_not_import_torch(module):
    assert not brings(f"import {module}", "torch")


def test_opening_and_showing_a_trace_needs_no_torch(trace, tmp_path):
    path = trace.save(tmp_path / "run.x2v")
    use = f"import x2vkit as x; t = x.Trace.load({str(path)!r}); t.attention(0, 0, 3); t._repr_html_()"
    assert not brings(use, "torch")


def test_looking_at_a_bundled_trace_needs_no_torch():
    assert not brings("import x2vkit; x2vkit.views.Denoise().to_html()", "torch")


def test_opening_the_playground_needs_no_torch():
    assert not brings("import x2vkit; p = x2vkit.views.Playground(); p.to_html(); p.figure()", "torch")


def test_opening_the_storyboard_needs_no_torch():
    assert not brings("import x2vkit; s = x2vkit.views.Storyboard('a dog runs'); s.to_html()", "torch")


def test_reading_a_prompt_needs_no_torch():
    use = "from x2vkit.run.backend import ModelBackend; print(ModelBackend().reading('small', 'a dog').spans)"
    assert not brings(use, "torch")


def test_the_check_above_can_fail():
    assert brings("import x2vkit.core.attention", "torch")


def test_every_public_name_is_there():
    for name in x2vkit.__all__:
        assert getattr(x2vkit, name) is not None
        assert name in dir(x2vkit)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = x2vkit.no_such_name


# -- the arrow ----------------------------------------------------------------------------------------------

BASE = (
    *("errors", "axes", "config", "flops", "cost", "media", "device", "processes", "registry", "backend"),
    "words",
)
MODEL = (*BASE, "world", "core", "pipeline")
ALL = (
    *(*MODEL, "trace", "scaling", "judge", "training", "run", "adapters", "studio", "views", "web", "demo"),
    *("lab", "bench"),
)
ARROW: dict[str, tuple[str, ...]] = {
    "errors": (),
    "axes": ("errors",),
    "media": ("errors", "axes"),
    "registry": ("errors", "axes", "media"),
    "config": ("errors", "axes", "registry"),
    "flops": ("errors", "axes", "config"),
    "cost": ("errors", "axes", "config", "flops"),
    "device": ("errors",),
    "processes": ("errors",),
    "words": (),
    "backend": ("errors", "axes", "media", "registry", "config"),
    "trace": BASE,
    "world": BASE,
    "scaling": BASE,
    "core": BASE,
    "pipeline": (*BASE, "core"),
    "judge": MODEL,
    "training": (*MODEL, "judge", "scaling"),
    "run": (*MODEL, "trace"),
    "adapters": (*MODEL, "trace", "run"),
    "studio": (*MODEL, "trace", "judge", "run", "adapters", "web"),
    "views": (*BASE, "trace", "scaling"),
    "web": (*BASE, "core", "views"),
    "demo": (*BASE, "trace", "scaling", "world", "views", "run", "adapters", "studio", "web"),
    "lab": BASE,
    "course": ALL,
    "bench": ALL,
    "cli": ALL,
    "": (*ALL, "course", "cli"),
    "__main__": ("cli",),
}
"""Every part of the package -> the other parts that its modules may import, as DESIGN.md orders them: what
only looks (`trace`, `scaling`, `views`) knows no model; `run`, `bench` and `cli` bring both together, and
`demo` gets its models from `run` alone.

The empty name is the package itself, whose public names are loaded on first use; nobody imports those from
inside.
"""
TABLES = ("x2vkit", "x2vkit.course", "x2vkit.judge", "x2vkit.views", "x2vkit.cli.commands")
"""Modules that import by a name that they put together: tables of what is loaded on first use."""


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_by(path: Path, known: set[str], mentioned: bool = True) -> set[str]:
    """Modules of the package that a file imports, at any depth of its code; `<computed>`: a name that is put
    together. mentioned: also what is imported for types alone, or named in a string, which may go to
    `import_module` or to `python -m` later. The package's version is nobody's secret.
    """
    tree = ast.parse(path.read_text())
    if not mentioned:
        tree = _WithoutTypes().visit(tree)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names |= _uses(tree, alias) if alias.name == "x2vkit" else {alias.name}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            inner = {f"{node.module}.{alias.name}" for alias in node.names if alias.name != "__version__"}
            names |= {name if name in known else str(node.module) for name in inner}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= {node.value} if mentioned and "." in node.value else set()
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in ("import_module", "__import__"):
                names.add(str(getattr(node.args[0], "value", "<computed>")))
    return names & {*known, "<computed>"}


class _WithoutTypes(ast.NodeTransformer):
    """Takes away what stands under `if TYPE_CHECKING`."""

    def visit_If(self, node: ast.If) -> Any:
        return None if getattr(node.test, "id", "") == "TYPE_CHECKING" else self.generic_visit(node)


def _uses(tree: ast.AST, alias: ast.alias) -> set[str]:
    """What code takes from the package that it imports as a whole."""
    bound = alias.asname or alias.name
    taken = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _is(n.value, bound)}
    return {"x2vkit"} if taken - {"__version__"} else set()


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def graph(package: Path, mentioned: bool = True) -> dict[str, set[str]]:
    """Every module -> the other modules that it imports."""
    known = modules(package)
    return {name: imported_by(path, set(known), mentioned) - {name} for name, path in known.items()}


def part_of(module: str) -> str:
    """Which row of the table a module belongs to."""
    return (module.split(".") + [""])[1]


def violations(imports: dict[str, set[str]]) -> list[str]:
    """What the table does not allow, a sentence each."""
    found = [f"{name} has no row" for name in imports if part_of(name) not in ARROW]
    for name, targets in imports.items():
        allowed = {part_of(name), *ARROW.get(part_of(name), ())}
        for target in sorted(targets):
            if target == "<computed>":
                found += [f"{name} imports a name that it puts together"] * (name not in TABLES)
            elif part_of(target) not in allowed:
                found.append(f"{name} imports {target}")
    return found


def cycles(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import themselves by way of others; each ring is told once."""
    found, done = [], set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for target in sorted(imports.get(name, ())):
                visit(target, [*way, name])
            done.add(name)

    for name in sorted(imports):
        visit(name, [])
    return found


def test_imports_point_one_way():
    assert violations(graph(PACKAGE)) == []


def test_no_module_imports_itself_by_way_of_others():
    assert cycles(graph(PACKAGE, mentioned=False)) == []


def test_every_row_of_the_arrow_points_to_rows():
    assert {name for allowed in ARROW.values() for name in allowed} <= ARROW.keys()


@pytest.mark.parametrize(
    ("file", "code", "told"),
    [
        ("core/new.py", "def f():\n    from x2vkit import trace\n", "x2vkit.core.new imports x2vkit.trace"),
        ("core/new.py", "from x2vkit.world import World", "x2vkit.core.new imports x2vkit.world"),
        ("run/new.py", "import x2vkit as x2v\nx2v.load()", "x2vkit.run.new imports x2vkit"),
        ("trace/new.py", "load = 'x2vkit.run'", "x2vkit.trace.new imports x2vkit.run"),
        ("views/new.py", "import_module(f'x2vkit.{run}')", "x2vkit.views.new imports a name that it puts"),
        ("drawer/new.py", "", "x2vkit.drawer.new has no row"),
        ("training/a.py", "if TYPE_CHECKING:\n    import x2vkit.run", "x2vkit.training.a imports x2vkit.run"),
    ],
)
def test_the_arrow_can_fail(tmp_path, file, code, told):
    package = tmp_path / "x2vkit"
    for part in ("core", "trace", "world", "run", "views", "training", "drawer"):
        (package / part).mkdir(parents=True)
        (package / part / "__init__.py").touch()
    (package / "drawer" / "__init__.py").unlink()
    (package / "__init__.py").touch()
    assert violations(graph(package)) == []
    (package / file).write_text(code)
    found = violations(graph(package))
    assert len(found) == 1 and found[0].startswith(told)


def test_a_ring_of_modules_is_found():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == ["a -> b -> c -> a"]
