"""The README's tree tells the truth: every module of the package, once, with a comment."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
HIDDEN = ("__pycache__",)


def listed() -> dict[str, str]:
    """Path -> comment, from the README's tree: two spaces a level, folders end in a slash."""
    block = re.search(r"```tree\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block, "README.md has no ```tree block"
    entries: dict[str, str] = {}
    parents: list[str] = []
    for line in block.group(1).splitlines():
        name, _, comment = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [*parents[:depth], name.rstrip("/")]
        path = "/".join(parents)
        assert path not in entries, f"{path} is listed twice"
        entries[path] = comment.strip()
    return entries


def on_disk() -> set[str]:
    """Python files and folders with code of the package, relative to the repository."""
    files = {p for p in (ROOT / "x2vkit").rglob("*.py") if not set(p.parts) & set(HIDDEN)}
    files = {p for p in files if p.name != "__init__.py" or p.parent.name == "x2vkit"}
    return {str(p.relative_to(ROOT)) for p in files}


def test_every_module_is_in_the_tree_with_a_comment():
    tree = listed()
    assert on_disk() - tree.keys() == set()
    bare = [path for path, comment in tree.items() if not comment]
    assert bare == []


def test_nothing_in_the_tree_is_gone():
    assert [path for path in listed() if not (ROOT / path).exists()] == []


def test_the_readme_holds_both_commands():
    text = (ROOT / "README.md").read_text()
    for name in ("run", "test"):
        assert re.search(rf"<!-- {name}:begin -->\n```bash\n.+\n```\n<!-- {name}:end -->", text)


def test_no_pickles_and_nothing_huge_is_tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, done.stdout.split("\0")):
        assert not name.endswith((".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")), name
        path = ROOT / name
        assert not path.exists() or path.stat().st_size < 20_000_000, name
