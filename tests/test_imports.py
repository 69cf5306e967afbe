"""What only looks stays light: these modules never bring torch, and core never learns of traces.

Each check runs in a fresh interpreter, and a second test shows that the check can fail.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import x2vkit

PACKAGE = Path(x2vkit.__file__).parent
LIGHT = (
    *("", ".cli", ".config", ".registry", ".errors", ".axes", ".media", ".trace", ".world", ".lab"),
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


def test_the_check_above_can_fail():
    assert brings("import x2vkit.core.attention", "torch")


def test_every_public_name_is_there():
    for name in x2vkit.__all__:
        assert getattr(x2vkit, name) is not None
        assert name in dir(x2vkit)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = x2vkit.no_such_name


def imported_by(path: Path) -> set[str]:
    """Modules of x2vkit that a file imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.startswith("x2vkit")}


# folder or file -> what it must not know. The arrow of imports points one way.
FORBIDDEN = {
    "config.py": ("judge", "core", "world", "pipeline", "training", "run", "trace", "cli"),
    "axes.py": ("judge", "core", "world", "pipeline", "training", "run", "trace", "cli"),
    "flops.py": ("judge", "core", "world", "pipeline", "training", "run", "trace", "cli"),
    "world": ("judge", "core", "pipeline", "training", "run", "trace", "cli"),
    "core": ("judge", "world", "pipeline", "training", "run", "trace", "cli"),
    "pipeline": ("judge", "training", "run", "trace", "cli"),
    "training": ("run", "trace", "cli"),
    "trace": ("core", "pipeline", "training", "run", "views", "cli"),
    "run": ("judge", "cli"),
    "judge": ("training", "trace"),
    "views": ("core", "pipeline", "training", "cli"),
}


# The points and laws of runs that ship are numbers alone, which a view may read.
ALLOWED = {"views": "x2vkit.scaling.laws"}


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_point_one_way(part):
    root = PACKAGE / part
    for path in [root] if root.suffix else sorted(root.rglob("*.py")):
        for name in imported_by(path):
            if part in ALLOWED and name.startswith(ALLOWED[part]):
                continue
            part_of_package = name.split(".")[1] if "." in name else ""
            assert part_of_package not in FORBIDDEN[part], (path, name)


def test_the_arrow_is_read_from_the_code(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from x2vkit import trace\n")
    assert "x2vkit.trace" in imported_by(file)
