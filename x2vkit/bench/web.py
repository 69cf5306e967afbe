"""Measure the model's own page: its size, how soon it is ready, and its clip beside the same clip in Python.

Part of `x2vkit bench --pages`. The page computes in WebAssembly on two workers, Python in float32 on as many
threads as torch takes; both make the same clip, in turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from x2vkit.bench.line import Line

PROMPT = "a dog wearing a blue hat playing in the snow"
TURNS = 3
TIMES = {4: 5.0, 20: 6.0}
"""Steps -> how many times as long as Python the page may take."""


def figures(browser: Any, folder: Path) -> Iterator[Line]:
    """The page's lines. Takes a minute."""
    import torch

    from x2vkit.run.load import load, quiet
    from x2vkit.web.export import export
    from x2vkit.web.site import one_file

    quiet()
    pipe = load()
    path = one_file(export(pipe), folder / "page.html")
    yield Line("page of one file, size", path.stat().st_size / 1e6, "MB", 24.0, most=True)
    page = browser.new_page()
    page.goto(f"{path.as_uri()}#steps=1")
    page.wait_for_selector("[data-clips]", state="attached", timeout=120_000)
    reads, loaded = (float(page.get_attribute(".x2v", f"data-{name}")) for name in ("reads", "loaded"))
    note = f"the model is there after {loaded:.1f} s"
    yield Line("page of one file, open to ready to type", reads, "s", 3.0, most=True, note=note)
    pipe.to(torch.float32)
    for steps, target in TIMES.items():
        turns = [(_in_page(page, steps, seed), _in_python(pipe, steps, seed)) for seed in range(TURNS)]
        theirs, ours = (median(column) for column in zip(*turns, strict=True))
        note = f"{theirs:.1f} s against {ours:.1f} s"
        yield Line(
            f"page, clip of {steps} steps against Python", theirs / ours, "x", target, most=True, note=note
        )
    first = median(_key_to_preview(page) for _ in range(TURNS))
    yield Line("page, key to first preview", first, "s", 0.5, most=True)
    page.close()


def _in_page(page: Any, steps: int, seed: int) -> float:
    """Seconds of a clip."""
    page.evaluate("window.x2vkitModel.set('made', null)")
    page.evaluate(f"location.hash = '#prompt={PROMPT.replace(' ', '+')}&seed={seed}&steps={steps}'")
    return _made(page)["total"]


def _key_to_preview(page: Any) -> float:
    """Seconds from a key in the prompt to the first preview, of which a part waits for another key."""
    page.evaluate("window.x2vkitModel.set('made', null)")
    page.locator("textarea").press_sequentially("d")
    return _made(page)["first"]


def _made(page: Any) -> dict[str, float]:
    """Wait for a clip -> the seconds that its parts took."""
    while not page.evaluate("!!window.x2vkitModel.get('made')"):  # its policy refuses Playwright's own way
        page.wait_for_timeout(20)
    return page.evaluate("window.x2vkitModel.get('made').seconds")


def _in_python(pipe: Any, steps: int, seed: int) -> float:
    """Seconds of the same clip."""
    import torch

    start = perf_counter()
    pipe(PROMPT, num_inference_steps=steps, generator=torch.Generator().manual_seed(seed), output_type="np")
    return perf_counter() - start
