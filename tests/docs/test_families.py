"""The page on real models lists what the registry knows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from x2vkit.adapters.registry import SUPPORTED

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_families_is_that_of_the_registry():
    spec = importlib.util.spec_from_file_location("site_hook", DOCS / "hooks" / "site.py")
    assert spec and spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    rows = [line.split("|")[1:4] for line in hook.families().splitlines()[2:]]
    told = {name.strip().strip("`"): (level.strip(), about.strip()) for name, level, about in rows}
    assert {name: level for name, (level, _) in told.items()} == {
        name: one.level for name, one in SUPPORTED.items()
    }
    assert all(told[name][1] and one.why in told[name][1] for name, one in SUPPORTED.items())
    made = hook.on_page_markdown((DOCS / "how-to" / "real-models.md").read_text())
    assert "| `WanPipeline` | verified |" in made and hook.FAMILIES not in made
