"""The README's tree tells the truth: every folder and module at the package's root, once, with a comment.

Every file stands in the tree on the site, with the first sentence of its docstring: so each has one.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
BESIDE = {"notebooks", "tutorials", "docs", "tests", "findings", ".ci/run", "constraints.txt"}
"""What the tree names beside the package."""
COMMENT = 160
"""The longest first sentence: a line of the site's tree."""


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


def tracked() -> list[str]:
    """Every file that git knows, by its path."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


def test_every_folder_and_every_module_of_the_root_is_in_the_tree_with_a_comment():
    inside = [name.split("/") for name in tracked() if name.startswith("x2vkit/")]
    top = {f"x2vkit/{parts[1]}" for parts in inside if len(parts) > 2 or parts[1].endswith(".py")}
    assert (top | BESIDE) - listed().keys() == set()
    assert [path for path, comment in listed().items() if not comment] == []


def test_nothing_in_the_tree_is_gone():
    assert [path for path in listed() if not (ROOT / path).exists()] == []


def test_every_module_begins_with_a_sentence_for_the_tree_on_the_site():
    bad = {}
    for name in tracked():
        if name.startswith("x2vkit/") and name.endswith(".py"):
            text = ast.get_docstring(ast.parse((ROOT / name).read_text())) or ""
            first = " ".join(text.split("\n\n")[0].split()).split(". ")[0]
            if not 0 < len(first) <= COMMENT:
                bad[name] = len(first)
    assert bad == {}


def test_the_readme_holds_both_commands():
    text = (ROOT / "README.md").read_text()
    for name in ("run", "test"):
        assert re.search(rf"<!-- {name}:begin -->\n```bash\n.+\n```\n<!-- {name}:end -->", text)


def test_the_readme_is_a_door_and_not_a_manual():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_no_pickles_and_nothing_huge_is_tracked():
    for name in tracked():
        assert not name.endswith((".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")), name
        assert (ROOT / name).stat().st_size < 20_000_000, name
