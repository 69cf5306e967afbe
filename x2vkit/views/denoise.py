"""`Denoise`: noise turning into a clip, step by step.

    S steps; F, H, W frames and pixels; C, f, h, w latents

Pictures of noisy latents, and of what the words alone predict, are drawn in the browser from the latents by
the trace's linear decoder; predicted clips are the run's own previews where it kept them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from x2vkit.media import contact_sheet
from x2vkit.trace import Trace
from x2vkit.trace.edits import told
from x2vkit.views.base import (
    Content,
    TraceLike,
    View,
    as_trace,
    geometry_metadata,
    notes_metadata,
    pictures_of,
)
from x2vkit.views.buffer import Array, Packable, SpriteSheet
from x2vkit.views.presets import denoise_presets
from x2vkit.views.shown import Shown, nearest_of, shrink_of, smaller
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BESIDE = ("final", "pred_x0_cond", "guidance")
"""What can stand beside the prediction: the finished clip, the prediction without guidance, what guidance
changes.
"""
PREVIEW_BYTES = 40_000_000
"""Previews larger than this, unpacked, stay out; the browser draws the predictions from latents instead."""
COLUMNS = 6
"""Steps in the static picture."""


class Denoise(View):
    """Scrub the steps and frames of one run: noisy latents, the predicted clip, what each step changed.

    trace: a Trace, the path of one, or None for a bundled one. selection: step (0..S-1), frame (0..F-1) and
    beside (one of BESIDE). Of a run too large for a page, a step that is not in it shows the nearest that
    is.
    """

    _module = "denoise"
    label = "Denoising, step by step"

    kept: list[int]
    """The steps that were sent."""
    changes: NDArray[np.float64]
    """(S,) How far each step moved the prediction; see `step_changes`."""

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        shown = Shown(trace, self.budget)
        names = ["latents", "pred_x0", *(["pred_x0_cond"] if trace.pred_x0_cond is not None else [])]
        latents, self.kept = shown.latents(names)
        self.changes = step_changes(trace)
        arrays: dict[str, Packable] = {
            **latents,
            "t": trace.t,
            "change": self.changes.astype(np.float32),
            "frames": shown.frames(),
        }
        if trace.plan:
            arrays["plan"] = trace.plan["boxes"].astype(np.float32)
        if (previews := previews_of(shown, self.kept)) is not None:
            arrays["previews"] = previews
        return Content(
            metadata={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "fps": trace.fps,
                "geometry": geometry_metadata(shown.geometry),
                "kept": self.kept,
                "decoder": shown.decoder,
                "run": run_line(trace),
                **notes_metadata(trace, shown.left_out),
                "guidance": trace.request.get("guidance", 1),
                "presets": [asdict(one) for one in denoise_presets(trace, self.changes)],
            },
            arrays=arrays,
            selection={"step": 0, "frame": 0, "beside": "final"},
            limits={"step": trace.steps - 1, "frame": len(trace.frames) - 1},
            choices={"beside": BESIDE},
        )

    def data(self) -> dict[str, Array]:
        """At the selected step (of those in `kept` the nearest) and frame: noisy, pred_x0, final and (if
        recorded) pred_x0_cond, (H, W, 3) uint8; change from the step before in `kept`, (H, W) float32 of
        0..255, none at the first; t, the noise level; and (if the run was planned) plan, (2, 4) boxes in
        fractions of the frame, NaN where there is none.
        """
        frame, place = self.selection["frame"], nearest_of(self.kept, self.selection["step"])
        step, before = self.kept[place], self.kept[max(place - 1, 0)]
        seen: dict[str, Array] = {
            "t": self.trace.t[step],
            "noisy": self.trace.linear_picture.frame(self.trace.latents[step], frame),
            "pred_x0": self.trace.preview_frame(step, frame),
            "change": self._change(step, before, frame),
            "final": self.trace.frames[frame],
        }
        if self.trace.plan:
            seen["plan"] = self.trace.plan["boxes"][frame]
        if self.trace.pred_x0_cond is not None:
            seen["pred_x0_cond"] = self.trace.linear_picture.frame(self.trace.pred_x0_cond[step], frame)
        return seen

    def figure(self) -> Figure:
        """Noisy and predicted pictures of some steps at the selected frame, over the noise schedule."""
        from matplotlib.figure import Figure

        trace, frame = self.trace, self.selection["frame"]
        steps = np.unique(np.linspace(0, trace.steps - 1, COLUMNS).round().astype(int))
        noisy = [trace.linear_picture.frame(trace.latents[step], frame) for step in steps]
        pred_x0 = [trace.preview_frame(step, frame) for step in steps]
        small = smaller(np.stack([*noisy, *pred_x0]), shrink_of(trace))
        edged = np.pad(small, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=190)
        gap = 4
        sheet = contact_sheet(edged, len(steps), gap)
        figure = Figure(figsize=(10, 5.6))
        top, bottom = figure.subplots(2, 1, height_ratios=(3, 1))
        # Sides by hand: a layout engine would draw everything twice, and this picture delays the widget.
        figure.subplots_adjust(left=0.06, right=0.99, top=0.88, bottom=0.1, hspace=0.06)
        top.imshow(sheet, interpolation="nearest")
        _, height, width, _ = edged.shape
        for column, step in enumerate(steps):
            name = f"step {step + 1}, noise {100 * trace.t[step]:.0f} %"
            top.text(column * (width + gap) + width / 2, -6, name, ha="center", va="bottom", fontsize=9)
        for row, name in enumerate(("noisy", "predicted")):
            place = row * (height + gap) + height / 2
            top.text(-6, place, name, ha="right", va="center", fontsize=9, rotation="vertical")
        top.axis("off")
        self._schedule(bottom)
        figure.suptitle(f"{trace.prompt}  ·  frame {frame + 1} of {len(trace.frames)}", fontsize=11)
        return figure

    def _schedule(self, axes: Axes) -> None:
        """Noise level and change of each step."""
        trace, step = self.trace, self.selection["step"]
        numbers = np.arange(1, trace.steps + 1)
        change = np.sqrt(self.changes / max(self.changes.max(), 1e-6))
        axes.bar(numbers, 60 * change, color="#c9d0d8", label="change of the prediction (square root)")
        axes.plot(numbers, 100 * trace.t[:-1], "o-", color=PALETTE["blue"], markersize=3, label="noise, %")
        axes.plot(step + 1, 100 * trace.t[step], "o", color=PALETTE["orange"], label=f"step {step + 1}")
        axes.set(xlim=(0.3, trace.steps + 0.7), ylim=(0, 108), xticks=numbers[:: max(1, trace.steps // 20)])
        axes.set_xlabel("denoising step", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper right")
        axes.spines[["top", "right"]].set_visible(False)

    def _change(self, step: int, before: int, frame: int) -> NDArray[np.float32]:
        one, two = (self.trace.preview_frame(i, frame).astype(np.float32) for i in (step, before))
        return np.abs(one - two).mean(axis=2)


def previews_of(shown: Shown, kept: Sequence[int]) -> SpriteSheet | None:
    """The decoded predictions of the steps that are sent, as large as the clip's pictures; None where there
    are none, or too many.
    """
    trace = shown.trace
    if trace.encoded("previews") is None and trace.previews is None:
        return None
    if len(kept) * prod(shown.size) * 3 > min(PREVIEW_BYTES, shown.room):
        shown.left_out.append("the decoded clips of all steps; predictions are drawn by the linear decoder")
        return None
    if shown.shrink == 1 and len(kept) == trace.steps:
        return pictures_of(trace, "previews")
    return SpriteSheet(smaller(np.asarray(trace.previews)[list(kept)], shown.shrink), 85)


def step_changes(trace: Trace) -> NDArray[np.float64]:
    """How far each step moved the predicted clip from the step before: (S,) root mean square over its pixels,
    of 255 levels; 0 at the first.

    The picture is linear in the latents, so |W d|^2 = d^T (W^T W) d needs no picture (before clipping).
    """
    weight = trace.linear_picture.weight
    gram = weight.T @ weight  # (C, C)
    energies = [0.0]
    for before, now in pairwise(trace.pred_x0):  # one pair at a time: all of them are gigabytes in large runs
        move = (now.astype(np.float32) - before.astype(np.float32)).reshape(len(gram), -1)  # (C, cells)
        energies.append(float((move * (gram @ move)).sum()))
    return 127.5 * np.sqrt(np.array(energies) / (prod(trace.latents.shape[2:]) * len(weight)))


def run_line(trace: Trace) -> str:
    """What was asked of a run, in one line."""
    request, (F, H, W, _) = trace.request, trace.frames.shape
    parts = [f"{trace.steps} steps"]
    parts += [f"guidance {request['guidance']:g}"] if "guidance" in request else []
    parts += [f"seed {request['seed']}"] if "seed" in request else []
    parts += [str(request["scheduler"])] if "scheduler" in request else []
    parts += [f"edited: {told(trace.inputs['edit'], trace.words)}"] if "edit" in trace.inputs else []
    latents = prod(trace.latents.shape[2:]) * trace.latents.shape[1]
    return "  ·  ".join([*parts, f"{F} frames of {W} × {H} at {trace.fps:g} fps", f"{latents:,} latents"])
