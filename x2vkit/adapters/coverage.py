"""What a record did not see, in sentences: `Trace.coverage`.

    {"pipeline": "WanPipeline", "support": "verified", "why": "",
     "unseen": [{"what": "attention not heard", "said": "...", "where": ["blocks.0-29.attn1"]}]}

`what` is a short name that stays the same, `said` a sentence for people, `where` modules or steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from x2vkit.adapters.base import Support
from x2vkit.adapters.recording import Run

Note = dict[str, Any]


def coverage(support: Support, run: Run, more: Iterable[Note]) -> dict[str, Any]:
    """All that is known to be missing from a record of a run."""
    unseen = [note(what, said) for what, said in support.unseen.items()]
    unseen += [*_attention(run), *_passes(run), *_numbers(run), *more]
    return {"pipeline": support.pipeline, "support": support.level, "why": support.why, "unseen": unseen}


def note(what: str, said: str, where: Iterable[str] = ()) -> Note:
    """One thing that was not seen; modules that differ by their numbers alone are told once."""
    return {"what": what, "said": said, "where": folded(where)}


def folded(names: Iterable[str]) -> list[str]:
    """Paths of modules, with numbers that run through a range put together: "blocks.0-29.attn1"."""
    groups: dict[str, list[tuple[int, ...]]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "#", name), []).append(tuple(map(int, re.findall(r"\d+", name))))
    told = []
    for pattern, numbers in groups.items():
        for column in zip(*numbers, strict=True):
            low, high = min(column), max(column)
            pattern = pattern.replace("#", str(low) if low == high else f"{low}-{high}", 1)
        told.append(pattern)
    return told


def _attention(run: Run) -> Iterable[Note]:
    listener = run.listener
    if run.compiled:
        said = "The model runs compiled, where its modules cannot be listened to: no attention was kept."
        yield note("compiled", said)
    elif run.keep.layers and listener is not None and listener.silent:
        said = (
            "These attention modules ran without scaled_dot_product_attention (linear attention, or by "
            "hand): where their tokens looked is not in this record."
        )
        yield note("attention not heard", said, listener.silent)
    if run.not_plain:
        said = "Each token of these modules reads other keys, or scores are shifted: their rows are not kept."
        yield note("masked by token", said, run.not_plain)


def _passes(run: Run) -> Iterable[Note]:
    counts = [calls for step in run.steps for calls in step.calls if calls >= 0]
    if run.cached:
        said = "A cache skips parts of the model: which tokens stand for what could not be tried out"
        fewer = [str(i) for i, step in enumerate(run.steps) if any(0 <= n < max(counts) for n in step.calls)]
        end = (
            f", and {len(fewer)} of {len(run.steps)} steps made less attention than the fullest."
            if fewer
            else "."
        )
        yield note("cache", said + end, [f"step {i}" for i in fewer])
    if any(not step.sure for step in run.steps):
        said = (
            "The passes of guidance are not put together as a sum: which of them read the prompt is taken by "
            "diffusers' habit, and pred_x0 without guidance is not kept."
        )
        yield note("guidance", said)
    if run.clips > 1:
        yield note("other clips", f"The call made {run.clips} clips; this is the first.")
    if run.others:
        said = f"{run.others} scheduler steps of other latents (audio, say) are not in this record."
        yield note("other latents", said)


def _numbers(run: Run) -> Iterable[Note]:
    missing = [str(i) for i, step in enumerate(run.steps) if step.pred_x0 is None]
    if missing:
        said = (
            "The scheduler does not say what it takes the finished clip to be: pred_x0 shows the next sample."
        )
        yield note("pred_x0", said, [f"step {i}" for i in missing])
