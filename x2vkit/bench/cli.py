"""`x2vkit bench`: measure this machine.

`x2vkit bench` prints the table of the model, `x2vkit bench --json` one JSON object, `run_bench()` returns it;
with --pages those of the views and the demo in a browser.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict

import torch

from x2vkit.bench import model
from x2vkit.bench import pages as page_figures
from x2vkit.bench.line import Line
from x2vkit.device import fast_dtype


def run_bench(on_line: Callable[[Line], object] = lambda line: None, pages: bool = False) -> dict:
    """Measure the model, or with `pages` what is seen in a browser; returns {"machine": ..., "lines": [...]}.
    `on_line` hears of each line as it is done. Raises X2VError where there is no browser.
    """
    lines, subject = [], None if pages else model.subject()
    for line in model.figures(subject) if subject else page_figures.figures():
        lines.append(line)
        on_line(line)
    machine = {
        "threads": torch.get_num_threads(),
        "dtype": str(fast_dtype()).removeprefix("torch."),
        "torch": torch.__version__,
        "trained": subject.trained if subject else None,
    }
    return {"machine": machine, "lines": [asdict(line) | {"reached": line.reached} for line in lines]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `x2vkit bench`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pages", action="store_true", help="the views and the demo instead, in Chromium")


def run(args: argparse.Namespace) -> int:
    """Print the table line by line, or JSON at the end. Always exits with 0: a missed target is news, no
    error.
    """
    result = run_bench(lambda line: None if args.json else print(_row(line), flush=True), args.pages)
    if args.json:
        print(json.dumps(result))
    return 0


def _row(line: Line) -> str:
    value = (
        "-" if line.value is None else f"{line.value:.3g}" if abs(line.value) < 100 else f"{line.value:.0f}"
    )
    target = "" if line.target is None else f"{'at most' if line.most else 'at least'} {line.target:g}"
    mark = {True: "ok", False: "MISSED", None: ""}[line.reached]
    return f"{line.name:46}{value:>8} {line.unit:8}{target:14}{mark:8}{line.note}".rstrip()
