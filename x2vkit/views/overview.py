"""`Overview`: the whole way from words to a clip in one picture, each stage with this run's own numbers.

    S steps; F, H, W frames and pixels; C, f, h, w latents; N patches, L tokens of the sequence

Every stage opens into its view, inside this one and at the same step and frame. In a notebook the kernel
packs that view when it is first asked for; an exported page holds all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from x2vkit.trace import Trace
from x2vkit.views.attention import Attention
from x2vkit.views.base import Content, TraceLike, View, as_trace, geometry_metadata, notes_metadata
from x2vkit.views.buffer import Array, Eight, Packable
from x2vkit.views.denoise import Denoise, run_line, step_changes
from x2vkit.views.opening import Opening
from x2vkit.views.patches import Patches
from x2vkit.views.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Overview(Opening):
    """Words, plan, noise, patches, transformer, latents, decoder, clip: one run's whole way, alive.

    trace: a Trace, the path of one, or None for a bundled one. selection: step (0..S-1), frame (0..F-1) and
    inside ("" or a key of `inside`), the view that is open below.
    """

    _module = "overview"
    _parts = ("denoise", "patches", "attention")
    inside: ClassVar[Mapping[str, type[View]]] = dict(zip(_parts, (Denoise, Patches, Attention), strict=True))
    label = "From words to a clip"

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        return self._content({"step": 0, "frame": 0, "inside": ""})

    def data(self) -> dict[str, Array]:
        """At the selected step and frame: noisy, pred_x0, rough (the last latents by a linear map) and final,
        (H, W, 3) uint8; latents, (C, h, w) of the last step at the frame's latent frame; t, the noise level.
        """
        trace, step, frame = self.trace, self.selection["step"], self.selection["frame"]
        return {
            "t": trace.t[step],
            "noisy": trace.linear_picture.frame(trace.latents[step], frame),
            "pred_x0": trace.preview_frame(step, frame),
            "latents": trace.latents[-1][:, trace.geometry.latent_frame_of(frame)],
            "rough": trace.linear_picture.frame(trace.latents[-1], frame),
            "final": trace.frames[frame],
        }

    def figure(self) -> Figure:
        """The stages from left to right and top to bottom, at the selected step and frame."""
        from matplotlib.figure import Figure

        seen, told = self.data(), {stage["key"]: stage for stage in stages(self.trace)}
        pictures = {
            "noise": self.trace.linear_picture.frame(self.trace.latents[0], self.selection["frame"]),
            "patches": seen["noisy"],
            "transformer": seen["pred_x0"],
            "latents": channel_tiles(seen["latents"]),
            "decoder": seen["rough"],
            "clip": seen["final"],
        }
        figure = Figure(figsize=(10, 6.2), layout="constrained")
        grid = figure.subplots(2, 4).ravel()
        for axes, (key, stage) in zip(grid, told.items(), strict=False):
            axes.set_title(stage["title"], fontsize=10, fontweight="bold")
            axes.set_xlabel("\n".join(stage["numbers"]), fontsize=8)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color("#d5dbe3")
            if key in pictures:
                axes.imshow(pictures[key], interpolation="nearest")
            elif key == "words":
                _write(axes, self.trace)
            else:
                _boxes(axes, self.trace, self.selection["frame"])
        for axes in grid[len(told) :]:
            axes.axis("off")
        figure.suptitle(self.trace.prompt, fontsize=12)
        return figure

    def _content(self, selection: Mapping[str, Any]) -> Content:
        trace = self.trace
        shown = Shown(trace, self._share)
        latents, kept = shown.latents(["latents", "pred_x0"], share=0.5)
        arrays: dict[str, Packable] = {
            **latents,
            "last": Eight(shown.drawn(trace.latents[-1]), 1),
            "channels": Eight(trace.latents[-1]),
            "t": trace.t,
            "change": step_changes(trace).astype(np.float32),
            "frames": shown.frames(),
        }
        if trace.plan:
            arrays["plan"] = trace.plan["boxes"].astype(np.float32)
        return Content(
            metadata={
                "prompt": trace.prompt,
                "words": list(trace.words),
                "unknown": list(trace.unknown),
                "fps": trace.fps,
                "geometry": geometry_metadata(shown.geometry),
                "kept": kept,
                **notes_metadata(trace, shown.left_out),
                "grid": list(trace.grid),
                "run": run_line(trace),
                "stages": stages(trace),
            },
            arrays=arrays,
            selection=dict(selection),
            limits={"step": trace.steps - 1, "frame": len(trace.frames) - 1},
        )


def stages(trace: Trace) -> list[dict[str, Any]]:
    """The stages in order: key, title, numbers (two lines: how much it is, what it cost), and the view that
    `opens`, or "".
    """
    C, f, h, w = trace.latents.shape[1:]
    F, H, W, _ = trace.frames.shape
    grid, patch = (" × ".join(map(str, sides)) for sides in (trace.grid, trace.geometry.patch))
    tokens, latents, pixels = trace.geometry.tokens, C * f * h * w, F * H * W * 3
    unknown = f"{len(trace.unknown)} not known" if trace.unknown else "all of them known"
    boxes = f"{_subjects(trace)} × {F} frame{'s' * (F > 1)} × 4 sides"
    guidance = f"{trace.steps} steps, guidance {float(trace.request.get('guidance', 1)):g}"
    work = f"{trace.flops / 1e9:,.0f} GFLOP" if trace.flops else ""
    seed = f"seed {trace.request.get('seed', 0)}"
    squeezed = f"1 for every {pixels / latents:.0f} of the clip"
    denoised = "  ·  ".join(filter(None, [work, _seconds(trace, "denoise")]))
    length = f"{F / trace.fps:.1f} s at {trace.fps:g} fps"
    found = [
        _stage("words", "Words", f"{len(trace.words)} text tokens", unknown, "attention"),
        _stage("plan", "Plan", boxes, "made before a pixel is", "denoise") if trace.plan else None,
        _stage("noise", "Noise", f"{C} × {f} × {h} × {w} = {latents:,}", seed, "denoise"),
        _stage(
            "patches", "Patches", f"{grid} of {patch}", f"{tokens:,} tokens, {tokens**2:,} pairs", "patches"
        ),
        _stage("transformer", f"Transformer × {trace.steps}", guidance, denoised, "attention"),
        _stage("latents", "Latents", f"{latents:,} numbers", squeezed, "denoise"),
        _stage("decoder", "Decoder", f"{latents:,} → {pixels:,}", _seconds(trace, "decode"), "patches"),
        _stage("clip", "Clip", f"{F} × {H} × {W} × 3 = {pixels:,}", length, ""),
    ]
    return [stage for stage in found if stage]


def _stage(key: str, title: str, size: str, cost: str, opens: str) -> dict[str, Any]:
    return {"key": key, "title": title, "numbers": [line for line in (size, cost) if line], "opens": opens}


def _subjects(trace: Trace) -> str:
    count = int(np.isfinite(trace.plan["boxes"][:, :, 0]).any(axis=0).sum()) if trace.plan else 0
    return "1 subject" if count == 1 else f"{count} subjects"


def channel_tiles(latents: Array) -> Array:
    """(C, h, w) latents -> grey tiles beside each other, (rows * h, columns * w) uint8; 128 is zero."""
    C, h, w = latents.shape
    columns = int(np.ceil(np.sqrt(C)))
    rows = -(-C // columns)
    tiles = np.zeros((rows * columns, h, w), np.float32)
    tiles[:C] = latents
    grey = np.clip(128 + 42 * tiles, 0, 255).astype(np.uint8)
    return (
        grey.reshape(rows, columns, h, w)
        .swapaxes(1, 2)
        .reshape(rows * h, columns * w)[..., None]
        .repeat(3, -1)
    )


def _seconds(trace: Trace, stage: str) -> str:
    return f"{trace.timings[stage]:.2f} s" if stage in trace.timings else ""


def _write(axes: Axes, trace: Trace) -> None:
    """The text tokens, one a line."""
    words = trace.words[:12]
    for i, word in enumerate(words):
        axes.text(0.5, 1 - (i + 0.7) / (len(words) + 0.4), word, ha="center", va="center", fontsize=9)


def _boxes(axes: Axes, trace: Trace, frame: int) -> None:
    """The plan's boxes of every frame, those of the selected one on top."""
    from matplotlib.patches import Rectangle

    axes.set(xlim=(0, 1), ylim=(1, 0), aspect=trace.frames.shape[1] / trace.frames.shape[2])
    for i, boxes in enumerate(trace.plan["boxes"]):
        for (x0, y0, x1, y1), colour in zip(boxes, ("#1f66c7", "#e07b22"), strict=False):
            if np.isfinite(x0):
                box = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=colour)
                box.set(linewidth=2 if i == frame else 0.8, alpha=1 if i == frame else 0.3)
                axes.add_patch(box)
