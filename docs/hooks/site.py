"""What the site makes of the package while it is built: reference pages, the tree of files, live views.

mkdocs calls `on_config`, `on_files` and `on_page_markdown`. Everything is read from the sources, so nothing
here goes stale: a new module appears in the tree and in the reference by itself. Only the live views
and the table of families import x2vkit (never torch).
"""

from __future__ import annotations

import ast
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PACKAGE = "x2vkit"
LIVE = {
    "overview": "Overview",
    "denoise": "Denoise",
    "patches": "Patches",
    "attention": "Attention",
    "heads": "Heads",
    "compare": "Compare",
    "scaling": "Scaling",
    "scorecard": "Scorecard",
    "supply": "Supply",
}
"""Page under live/ -> the view that it holds, on its bundled trace."""


def on_config(config: Any) -> Any:
    """Put the reference pages into the navigation."""
    pages = [{title: f"reference/{name}.md"} for name, (title, _) in reference().items()]
    for section in config["nav"]:
        if "Reference" in section:
            section["Reference"] = ["reference/index.md", *pages]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what is made: the reference, the tree, the live views and the package's own logo."""
    made = {"reference/index.md": index_page()}
    made |= {
        f"reference/{name}.md": module_page(title, modules) for name, (title, modules) in reference().items()
    }
    made |= {f"live/{name}.html": live(view) for name, view in LIVE.items()}
    made["favicon.svg"] = (ROOT / PACKAGE / "demo/static/favicon.svg").read_text()
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


FAMILIES = "<!-- families -->"
"""Where a page has the table of pipelines whose class is known."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table of families where a page asks for it."""
    return markdown.replace(FAMILIES, families())


def families() -> str:
    """Every pipeline that adapters/ knows by its class: how far, and what a reader should know of it."""
    own_checkout()
    from x2vkit.adapters.registry import FAMILIES as KNOWN

    rows = []
    for family in KNOWN:
        about = summary(family.__name__)
        rows += [f"| `{one.pipeline}` | {one.level} | {one.why or about} |" for one in family.SUPPORT]
    return "\n".join(["| pipeline | how far | what to know |", "|---|---|---|", *rows])


def own_checkout() -> None:
    """Let imports find this checkout, whatever is installed."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))


@cache
def modules() -> tuple[str, ...]:
    """Every public module by its full name, packages before what they hold, in the order of the alphabet."""
    paths = sorted(
        (ROOT / PACKAGE).rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path)
    )
    names = [path.relative_to(ROOT).with_suffix("").parts for path in paths]
    names = [parts[:-1] if parts[-1] == "__init__" else parts for parts in names]
    return tuple(".".join(parts) for parts in names if not any(part.startswith("_") for part in parts))


@cache
def reference() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Page -> (its title, its modules): a page a folder, and one for the modules at the root."""
    root = tuple(name for name in modules() if name.count(".") == 1 and not is_package(name))
    pages = {"base": (f"{PACKAGE}: sizes, axes, errors", root)}
    for folder in (name for name in modules() if name.count(".") == 1 and is_package(name)):
        held = tuple(name for name in modules() if name == folder or name.startswith(f"{folder}."))
        pages[folder.partition(".")[2]] = (folder, held)
    return pages


def is_package(name: str) -> bool:
    """Whether a module is a folder."""
    return (ROOT / Path(*name.split(".")) / "__init__.py").is_file()


@cache
def summary(name: str) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    path = ROOT / Path(*name.split("."))
    source = path / "__init__.py" if is_package(name) else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text())) or ""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".:")


def public_names() -> dict[str, str]:
    """What `import x2vkit as x2v` offers -> its full name, from the imports that a type checker sees."""
    tree = ast.parse((ROOT / PACKAGE / "__init__.py").read_text())
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "__future__"
    ]
    pairs = {alias.name: f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    return {name: full for name, full in sorted(pairs.items()) if full.startswith(PACKAGE)}


def tree() -> str:
    """Every module with what it is, as nested lines: the whole package on a page."""
    lines = []
    for name in modules():
        *folders, last = name.split(".")
        label = f"{last}/" if is_package(name) else f"{last}.py"
        lines.append(f"{'  ' * len(folders)}{label:<{24 - 2 * len(folders)}} {summary(name)}")
    return "\n".join(lines)


def index_page() -> str:
    """The reference's first page: the public names, and the tree of all files."""
    rows = [f"| [`x2v.{name}`][{full}] | `{full}` |" for name, full in public_names().items() if shown(full)]
    return "\n".join([
        "# Reference", "",
        "Made from the docstrings: `help()` shows the same in Python. Importing `x2vkit` is instant; each",
        "name brings its module, and torch where it needs it, when it is used.", "",
        "```python", "import x2vkit as x2v", "```", "",
        "| name | where it lives |", "|---|---|", *rows, "",
        "## What is where", "",
        "Imports point one way; `tests/test_imports.py` holds the order.", "",
        "```text", tree(), "```", "",
    ])  # fmt: skip


def shown(full: str) -> bool:
    """Whether the reference has an entry of this name: a function or class, not a folder of the same name."""
    return full not in modules()


def module_page(title: str, held: tuple[str, ...]) -> str:
    """A page of the reference: the docstrings of some modules, one after the other."""
    parts = [f"# {title}", ""]
    for name in held:
        parts += [f"::: {name}", "    options:"]
        parts += [f"      members: {'true' if defines(name) else 'false'}"] if is_package(name) else []
        parts += [f"      show_root_heading: {'false' if name == title else 'true'}", ""]
    return "\n".join(parts)


def defines(name: str) -> bool:
    """Whether a package's __init__.py itself defines functions or classes."""
    tree = ast.parse((ROOT / Path(*name.split(".")) / "__init__.py").read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in tree.body)


@cache
def live(view: str) -> str:
    """A view on its bundled trace as one page that needs nothing else."""
    own_checkout()
    from x2vkit import views

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "view.html"
        getattr(views, view)().to_html(path)
        return path.read_text()
