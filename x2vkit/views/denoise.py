"""`Denoise`: noise turning into a clip, step by step.

    S steps; F, H, W frames and pixels; C, f, h, w latents

Pictures of noisy latents, and of what the words alone predict, are drawn in the browser from the latents by
the trace's linear decoder; predicted clips are the run's own previews where it kept them.
"""

from __future__ import annotations

from dataclasses import asdict
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.media import contact_sheet
from x2vkit.trace import Trace
from x2vkit.views.base import (
    Array,
    Content,
    Eight,
    SpriteSheet,
    TraceLike,
    View,
    as_trace,
    check_size,
    geometry_metadata,
    pictures_of,
)
from x2vkit.views.presets import denoise_presets
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
    beside (one of BESIDE).
    """

    _module = "denoise"
    label = "Denoising, step by step"

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        if trace.preview_weight is None or trace.preview_bias is None:
            rule = "this view needs its linear decoder to draw latents, and it kept none"
            raise X2VError("this trace", rule, "record it again with x2vkit.record")
        frames = pictures_of(trace, "frames")
        check_size(trace.latents.size + 2 * trace.pred_x0.size + frames.frames.nbytes)
        arrays: dict[str, Array | Eight | SpriteSheet] = {
            "latents": Eight(trace.latents, 2),
            "pred_x0": Eight(trace.pred_x0, 2),
            "t": trace.t,
            "change": step_changes(trace).astype(np.float32),
            "weight": trace.preview_weight,
            "bias": trace.preview_bias,
            "frames": frames,
        }
        if trace.plan:
            arrays["plan"] = trace.plan["boxes"].astype(np.float32)
        if trace.pred_x0_cond is not None:
            arrays["pred_x0_cond"] = Eight(trace.pred_x0_cond, 2)
        if 0 < previews_bytes(trace) <= PREVIEW_BYTES:
            arrays["previews"] = pictures_of(trace, "previews")
        return Content(
            metadata={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "fps": trace.fps,
                "geometry": geometry_metadata(trace),
                "run": run_line(trace),
                "guidance": trace.request.get("guidance", 1),
                "presets": [asdict(one) for one in denoise_presets(trace, step_changes(trace))],
            },
            arrays=arrays,
            selection={"step": 0, "frame": 0, "beside": "final"},
            limits={"step": trace.steps - 1, "frame": len(trace.frames) - 1},
        )

    def data(self) -> dict[str, Array]:
        """At the selected step and frame: noisy, pred_x0, final and (if recorded) pred_x0_cond, (H, W, 3)
        uint8; change from the step before, (H, W) float32 of 0..255, none at step 0; t, the noise level; and
        (if the run was planned) plan, (2, 4) boxes in fractions of the frame, NaN where there is none.
        """
        step, frame = self.selection["step"], self.selection["frame"]
        seen: dict[str, Array] = {
            "t": self.trace.t[step],
            "noisy": self.trace.picture(self.trace.latents[step])[frame],
            "pred_x0": self.trace.preview(step)[frame],
            "change": self._change(step, frame),
            "final": self.trace.frames[frame],
        }
        if self.trace.plan:
            seen["plan"] = self.trace.plan["boxes"][frame]
        if self.trace.pred_x0_cond is not None:
            seen["pred_x0_cond"] = self.trace.picture(self.trace.pred_x0_cond[step])[frame]
        return seen

    def figure(self) -> Figure:
        """Noisy and predicted pictures of some steps at the selected frame, over the noise schedule."""
        from matplotlib.figure import Figure

        trace, frame = self.trace, self.selection["frame"]
        steps = np.unique(np.linspace(0, trace.steps - 1, COLUMNS).round().astype(int))
        noisy = [trace.picture(trace.latents[step])[frame] for step in steps]
        pred_x0 = [trace.preview(step)[frame] for step in steps]
        edged = np.pad([*noisy, *pred_x0], ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=190)
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
        change = np.sqrt(step_changes(trace) / max(step_changes(trace).max(), 1e-6))
        axes.bar(numbers, 60 * change, color="#c9d0d8", label="change of the prediction (square root)")
        axes.plot(numbers, 100 * trace.t[:-1], "o-", color=PALETTE["blue"], markersize=3, label="noise, %")
        axes.plot(step + 1, 100 * trace.t[step], "o", color=PALETTE["orange"], label=f"step {step + 1}")
        axes.set(xlim=(0.3, trace.steps + 0.7), ylim=(0, 108), xticks=numbers[:: max(1, trace.steps // 20)])
        axes.set_xlabel("denoising step", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper right")
        axes.spines[["top", "right"]].set_visible(False)

    def _change(self, step: int, frame: int) -> NDArray[np.float32]:
        now, before = (self.trace.preview(max(i, 0))[frame].astype(np.float32) for i in (step, step - 1))
        return np.abs(now - before).mean(axis=2)


def previews_bytes(trace: Trace) -> int:
    """Bytes of the kept previews, unpacked; 0 where there are none."""
    previews = trace.encoded("previews") or trace.previews
    return 0 if previews is None else previews.nbytes


def step_changes(trace: Trace) -> NDArray[np.float64]:
    """How far each step moved the predicted clip from the step before: (S,) root mean square over its pixels,
    of 255 levels; 0 at the first.

    The picture is linear in the latents, so |W d|^2 = d^T (W^T W) d needs no picture (before clipping).
    """
    assert trace.preview_weight is not None
    weight = trace.preview_weight.astype(np.float32)
    gram = weight.T @ weight  # (C, C)
    moves = np.diff(trace.pred_x0.astype(np.float32), axis=0, prepend=trace.pred_x0[:1])  # (S, C, f, h, w)
    moves = moves.reshape(*moves.shape[:2], -1)  # (S, C, cells)
    energy = np.einsum("scn,cd,sdn->s", moves, gram, moves, optimize=True)
    return 127.5 * np.sqrt(energy / (moves.shape[2] * len(weight)))


def run_line(trace: Trace) -> str:
    """What was asked of a run, in one line."""
    request, (F, H, W, _) = trace.request, trace.frames.shape
    parts = [f"{trace.steps} steps", f"guidance {request.get('guidance', 1):g}"]
    parts += [f"seed {request.get('seed', 0)}"]
    parts += [str(request["scheduler"])] if "scheduler" in request else []
    latents = prod(trace.latents.shape[2:]) * trace.latents.shape[1]
    return "  ·  ".join([*parts, f"{F} frames of {W} × {H} at {trace.fps:g} fps", f"{latents:,} latents"])
