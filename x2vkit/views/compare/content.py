"""What of several runs travels to the browser, and which moment of each stands beside which.

S steps, of each run its own; n runs; F, H, W frames and pixels; C, f, h, w latents
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import ceil

import numpy as np

from x2vkit.trace import Trace
from x2vkit.views.base import Content, geometry_metadata, notes_metadata
from x2vkit.views.buffer import Packable
from x2vkit.views.compare.paths import Paths
from x2vkit.views.compare.told import (
    differences,
    in_step,
    marked_prompts,
    name_of,
    noise_groups,
    noise_sentence,
    shared,
)
from x2vkit.views.presets import compare_presets
from x2vkit.views.shown import Shown, nearest_of, trace_shape

SHOW = ("final", "predicted", "noisy")
"""What the pictures show: the finished clips, what the selected step predicts, or what the model sees."""
STRAIGHT = 0.03
"""How far latents may lie from the straight step, of their largest value: files may keep 8 bits."""


def content_of(traces: Sequence[Trace], paths: Mapping[str, Paths], budget: int) -> Content:
    """All that the browser needs of the runs, each with its part of so many bytes."""
    levels, own = in_step([trace.t for trace in traces])
    noise, fps = noise_groups(traces), max(trace.fps for trace in traces)
    arrays: dict[str, Packable] = {"levels": levels.astype(np.float32)}
    told, marked, left_out = differences(traces), marked_prompts(traces), []
    runs = []
    for i, trace in enumerate(traces):
        shown = Shown(trace, budget // len(traces))
        more, kept = packed(shown, i, noise[i])
        arrays |= more | {f"path.{kind}.{i}": path.points[i] for kind, path in paths.items()}
        left_out += [f"{name_of(i)}: {one}" for one in shown.left_out]
        run = {
            "name": name_of(i),
            "label": told[i],
            "prompt": marked[i],
            "unknown": list(trace.unknown),
            "size": list(shown.size),
            "clip": list(trace_shape(trace)),
            "rate": trace.fps / fps,
            "kept": kept,
            "own": [kept[nearest_of(kept, int(step))] for step in own[i]],
            "noise": noise[i],
            "geometry": geometry_metadata(shown.geometry),
            **notes_metadata(trace, ()),
        }
        runs.append(run)
    unseen = [f"{run['name']}: {' '.join(run['unseen'])}" for run in runs if run["unseen"]]
    same = len({trace.prompt for trace in traces}) == 1
    return Content(
        metadata={
            "runs": runs,
            "prompt": traces[0].prompt if same else None,
            "shared": "  ·  ".join(shared(traces)),
            "noise": noise_sentence(traces),
            "explained": {kind: path.explained for kind, path in paths.items()},
            "show": list(SHOW),
            "fps": fps,
            "presets": [asdict(one) for one in compare_presets(traces)],
            "unseen": unseen,
            "left_out": left_out,
        },
        arrays=arrays,
        selection={
            "step": len(levels) - 1,
            "frame": 0,
            "reference": 0,
            "show": "final",
            "path": "noisy",
        },
        limits={"step": len(levels) - 1, "frame": moments(traces) - 1, "reference": len(traces) - 1},
        choices={"show": SHOW, "path": ("noisy", "pred_x0")},
    )


def packed(shown: Shown, run: int, noise: int) -> tuple[dict[str, Packable], list[int]]:
    """One run's arrays, and the steps that are among them. Noisy latents that follow from the noise and the
    predictions are left to the browser, where those are sent as they are.
    """
    trace, short = shown.trace, straight(shown.trace)
    if short and not shown.fits(["pred_x0"]):
        short = False
    latents, kept = shown.latents(["pred_x0"] if short else ["pred_x0", "latents"])
    arrays: dict[str, Packable] = {f"{name}.{run}": one for name, one in latents.items()}
    if short:
        arrays[f"start.{noise}"] = trace.latents[0]
    return arrays | {f"frames.{run}": shown.frames(quality=90), f"t.{run}": trace.t}, kept


def straight(trace: Trace) -> bool:
    """Whether every step went straight from the latents towards the prediction, as Euler's does: x' = (t'/t)
    x + (1 - t'/t) pred_x0. Then noise and predictions say all latents, to the 8 bits that they are sent with.
    """
    most = float(np.abs(trace.latents).max())
    for step in range(trace.steps - 1):
        x, x0, after = trace.latents[step], trace.pred_x0[step], trace.latents[step + 1]
        keep = trace.t[step + 1] / max(trace.t[step], 1e-9)
        straight_on = keep * x.astype(np.float32) + (1 - keep) * x0.astype(np.float32)
        if np.abs(straight_on - after.astype(np.float32)).max() > STRAIGHT * most:
            return False
    return True


def frame_at(trace: Trace, moment: int, fps: float) -> int:
    """The frame that a run shows at a moment, counted at `fps` a second: its last one once it is over."""
    return min(int(moment * trace.fps / fps + 1e-6), trace_shape(trace)[0] - 1)


def moments(traces: Sequence[Trace]) -> int:
    """How many moments the longest run lasts, at the highest frame rate."""
    fps = max(trace.fps for trace in traces)
    return max(ceil((trace_shape(trace)[0] - 1) * fps / trace.fps - 1e-6) for trace in traces) + 1
