"""What a record did not see, in sentences: `Trace.coverage`.

    {"pipeline": "WanPipeline", "support": "verified", "why": "",
     "unseen": [{"what": "attention not heard", "said": "...", "where": ["blocks.0-29.attn1"]}]}

`what` is a short name that stays the same, `said` a sentence for people, `where` modules or steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.adapters.base import Support
from x2vkit.adapters.recording import Run
from x2vkit.adapters.watch import denoisers
from x2vkit.axes import Geometry
from x2vkit.trace.layers import AttentionLayer
from x2vkit.trace.record import Site

Note = dict[str, Any]
Array = NDArray[Any]
ROWS = 16
"""Rows of a layer that are looked at for filler."""
LEAST_SHARE = 0.01
"""Share of attention on filler that is worth a word."""


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
        said = (
            "The model runs compiled, where its modules cannot be listened to: no attention was kept. Record "
            "before compiling to keep it."
        )
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
        if run.keep.layers:
            name = next(iter(denoisers(run.pipe)), "transformer")
            end = end.rstrip(".") + f". Switch it off, pipe.{name}.disable_cache(), to keep attention."
        yield note("cache", said + end, [f"step {i}" for i in fewer])
    if run.stopped:
        yield note("stopped early", f"The call was stopped after {run.progress}.")
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


def padding_notes(
    kept: Mapping[Site, tuple[Array, Array]], layers: Sequence[AttentionLayer], geometry: Geometry
) -> Iterable[Note]:
    """How much of the video's attention goes to filler that is not masked away, by some of its rows."""
    shares: dict[str, list[float]] = {}
    padding = geometry.span("padding")
    for (_, layer), (q, k) in kept.items():
        reads = layers[layer]
        filler = np.isin(reads.places("keys", geometry), padding)
        asks = np.flatnonzero(np.isin(reads.places("queries", geometry), geometry.span("video")))
        if filler.any() and len(asks):
            some = q[:, asks[:: max(1, len(asks) // ROWS)]].astype(np.float32)
            scores = some @ k.astype(np.float32).swapaxes(1, 2) * q.shape[2] ** -0.5  # (A, rows, keys)
            rows = np.exp(scores - scores.max(-1, keepdims=True))
            share = rows[..., filler].sum() / rows.sum()
            shares.setdefault(reads.name, []).append(float(share))
    if shares and (mean := float(np.mean([np.mean(each) for each in shares.values()]))) > LEAST_SHARE:
        said = (
            f"{len(padding)} filler tokens behind the words are not masked away: {mean:.0%} of the video's "
            "attention in these modules goes to them, and not to words."
        )
        yield note("padding", said, shares)
