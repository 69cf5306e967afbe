"""All odd inputs of a seed, in their shares: `python -m tests.odd.run --seed 0` prints how they end."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import build_trace
from tests.odd import calls, files, served, studio, told
from tests.odd.judge import FAULTS, Case, Outcome, judge

SHARES = {
    "trace": 340, "weights": 160, "recipe": 300, "captions": 200, "picture": 200, "message": 170,
    "selection": 170, "condition": 150, "request": 230, "api": 80, "studio": 120, "told": 60, "command": 50,
}  # fmt: skip
"""Inputs of each kind, if COUNT are tried."""
COUNT = 2230


def good_trace() -> Any:
    """The trace that is damaged, with all that a view may draw."""
    linear = {"preview_weight": np.ones((768, 4), np.float16), "preview_bias": np.zeros(768, np.float16)}
    return build_trace(previews=np.full((3, 5, 32, 48, 3), 90, np.uint8), **linear)


def all_cases(
    seed: int, count: int, pipe: Any, url: str, folder: Path, only: str = "", talker: Any = None
) -> Iterator[Case]:
    """`count` inputs over all kinds; talker is a pipeline that plans, and has words for faces."""
    trace = good_trace()
    pipe.save_pretrained(good := folder / "good")
    kept = trace.save(folder / "good.x2v")
    trace.save(folder / "good.compact.x2v", compact=True)
    plays = [calls.playground(trace) for _ in range(2)]
    kept_studio: list[studio.Studio] = []

    def shared() -> studio.Studio:
        if not kept_studio:
            kept_studio.append(studio.studio(talker, pipe, folder))
        return kept_studio[0]

    makers: dict[str, Callable[[random.Random, int], Iterator[Case]]] = {
        "trace": lambda rng, n: files.traces(rng, n, kept, folder),
        "weights": lambda rng, n: files.weights(rng, n, good, folder),
        "recipe": files.recipes,
        "captions": lambda rng, n: files.captions(rng, n, folder),
        "picture": lambda rng, n: files.pictures(rng, n, folder),
        "message": lambda rng, n: calls.messages(rng, n, plays[0]),
        "selection": lambda rng, n: calls.selections(rng, n, trace, plays[1]),
        "condition": lambda rng, n: calls.conditions(rng, n, pipe),
        "request": lambda rng, n: calls.requests(rng, n, pipe),
        "api": lambda rng, n: served.calls(rng, n, url),
        "studio": lambda rng, n: studio.calls(rng, n, shared()),
        "told": lambda rng, n: told.messages(rng, n, shared()),
        "command": lambda rng, n: told.commands(rng, n, shared()),
    }
    for kind, share in SHARES.items():
        if only in ("", kind):
            yield from makers[kind](random.Random(f"{seed} {kind}"), round(share * count / COUNT))
    for play in plays:
        play.close()


def main() -> int:
    """Judge them all and print how many of each kind ended how, and every fault."""
    from tests.conftest import pipeline, talker
    from tests.demo.demos import launched, own_folder

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="one kind")
    parser.add_argument("--all", action="store_true", help="print what was refused, too")
    args = parser.parse_args()
    pipe, ends, seconds = pipeline.__wrapped__(), Counter(), Counter()
    speaks = talker.__wrapped__(pipe)
    with tempfile.TemporaryDirectory() as folder, own_folder(folder), launched(pipe) as running:
        for case in all_cases(args.seed, args.count, pipe, running.url, Path(folder), args.only, speaks):
            outcome = judge(case)
            ends[case.kind, outcome.end] += 1
            seconds[case.kind] += outcome.seconds
            if outcome.end in FAULTS or args.all:
                print(line(case, outcome), flush=True)
    for kind in SHARES:
        counts = {end: ends[kind, end] for end in ("right", "refused", *FAULTS) if ends[kind, end]}
        print(f"{kind:10} {seconds[kind]:6.1f} s  {counts}")
    total = Counter()
    for (_, end), number in ends.items():
        total[end] += number
    print(f"of {total.total()}: {dict(total)}")
    return int(any(total[end] for end in FAULTS))


def line(case: Case, outcome: Outcome) -> str:
    """One case and how it ended."""
    size = f"{outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB"
    return f"{outcome.end:9} {case.kind}: {case.name}  ->  {outcome.told[:300]} ({size})"


if __name__ == "__main__":
    sys.exit(main())
