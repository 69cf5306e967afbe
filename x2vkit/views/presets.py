"""What is worth seeing first: places found by computation on a trace, each with a sentence of its numbers.

    S steps; C, f, h, w latents

A view puts `[asdict(preset) for preset in …]` into its metadata under "presets"; the browser makes buttons of
them (static/lib/presets.js). Nothing here is fixed: another trace gets other places, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.trace import Trace

Floats = NDArray[np.float32]
NEAR = 0.2
"""What is left of a difference when it counts as decided."""


@dataclass(frozen=True)
class Preset:
    """One place to go."""

    label: str
    """On its button."""
    sentence: str
    """What is seen there, with its numbers."""
    selection: Mapping[str, Any]
    """Where to go."""


def denoise_presets(trace: Trace, change: NDArray[np.floating]) -> list[Preset]:
    """The largest change, the step that decides the colours, what guidance does, and the jump at the end.

    change: (S,) how far each step moved the prediction, of 255.
    """
    t = 100 * trace.t
    most = int(np.argmax(change))
    found = [
        Preset(
            "The largest change",
            f"Step {most + 1} moves the prediction by {change[most]:.0f} of 255 on average, more than any "
            f"other; the noise is at {t[most]:.0f} %.",
            {"step": most, "beside": "final"},
        )
    ]
    if (step := _colours_decided(trace)) is not None:
        found.append(
            Preset(
                "Where colours are decided",
                f"From step {step + 1} on ({t[step]:.0f} % noise) the colours of large areas differ by less "
                f"than {100 * NEAR:.0f} % of what they differed at first from those of the finished clip.",
                {"step": step, "beside": "final"},
            )
        )
    if trace.pred_x0_cond is not None:
        step = int(np.argmax(_apart(trace.pred_x0, trace.pred_x0_cond)))
        scale = trace.request.get("guidance", 1)
        found.append(
            Preset(
                "What guidance does",
                f"At step {step + 1} guidance {scale:g} changes the prediction most. Beside it: what the "
                "words alone would have predicted.",
                {"step": step, "beside": "pred_x0_cond"},
            )
        )
    last = trace.steps - 1
    if trace.t[last] > 0.05:
        told = (
            f"The last step starts at {t[last]:.0f} % noise and ends at {t[last + 1]:.0f} %: it jumps to the "
            "prediction."
        )
        found.append(Preset("The jump at the end", told, {"step": last, "beside": "final"}))
    return found


def patch_presets(trace: Trace) -> list[Preset]:
    """The patch that moves most and the one that stands still, over their row of the clip."""
    latents = trace.latents[-1].astype(np.float32)
    if latents.shape[1] < 2:
        return []
    moved = np.square(np.diff(latents, axis=1)).mean(axis=(0, 1))  # (h, w)
    _, ph, pw = trace.geometry.patch
    n_t, n_h, n_w = trace.grid
    whole = np.zeros((n_h * ph, n_w * pw), np.float32)
    whole[: moved.shape[0], : moved.shape[1]] = moved
    moved = whole.reshape(n_h, ph, n_w, pw).mean(axis=(1, 3)).ravel()
    middle, frame = n_t // 2 * n_h * n_w, min(trace.geometry.token_frames(n_t // 2)[0], len(trace.frames) - 1)
    most, least = int(np.argmax(moved)), int(np.argmin(moved))
    ratio = moved[most] / max(float(moved[least]), 1e-9)
    return [
        Preset(
            "Where most happens",
            f"In row {most // n_w}, column {most % n_w} the latents change {_times(ratio)} as much from one "
            "latent frame to the next as where the clip stands still.",
            {"token": middle + most, "frame": frame, "pixel": None},
        ),
        Preset(
            "Where nothing happens",
            f"In row {least // n_w}, column {least % n_w} each frame repeats the last. These patches cost as "
            "much as any other.",
            {"token": middle + least, "frame": frame, "pixel": None},
        ),
    ]


def scaling_presets(
    points: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]]
) -> list[Preset]:
    """The cheapest and the dearest checkpoint, and the first whose clips show half of what they are asked."""
    places = sorted(range(len(points)), key=lambda i: points[i]["flops"])
    cheap, rich = places[0], places[-1]
    ratio = points[rich]["flops"] / points[cheap]["flops"]
    losses = [points[i]["values"]["loss"] for i in (cheap, rich)]
    least = f"{_power(points[cheap]['flops'])} FLOPs: the loss is {losses[0]:.3f}, and the clip a blur."
    most = f"{ratio:,.0f} times the compute: the loss falls to {losses[1]:.3f}."
    found = [
        Preset("The smallest budget", least, {"point": cheap, "figure": "loss"}),
        Preset("The largest budget", most, {"point": rich, "figure": "loss"}),
    ]
    if any(figure["key"] == "adherence" for figure in figures):
        half = [i for i in places if points[i]["values"].get("adherence", 0) >= 0.5]
        if half:
            told = (
                f"At {_power(points[half[0]]['flops'])} FLOPs half of what prompts ask for is on the screen "
                "for the first time, as the judge reads it."
            )
            found.insert(1, Preset("Half of the words", told, {"point": half[0], "figure": "adherence"}))
    return found


def compare_presets(traces: Sequence[Trace]) -> list[Preset]:
    """The step at which the runs part, and their shared beginning, where they share steps and latents."""
    first = traces[0]
    same = all(trace.pred_x0.shape == first.pred_x0.shape for trace in traces)
    if len(traces) < 2 or not same or not all(np.array_equal(trace.t, first.t) for trace in traces):
        return []
    apart = [_apart(trace.pred_x0, first.pred_x0) for trace in traces[1:]]
    distance = np.sqrt(np.mean(apart, axis=0))  # (S,)
    if not distance[-1]:
        return []
    closest = int(np.argmin(distance))
    share = 100 * distance[0] / distance[-1]
    found = [
        Preset(
            "The first prediction",
            f"After one look at the noise the predictions already differ by {share:.0f} % of what the last "
            "ones differ by.",
            {"step": 0, "show": "predicted"},
        ),
    ]
    if 0 < closest < len(distance) - 1:
        told = (
            f"At step {closest + 1} ({100 * first.t[closest]:.0f} % noise) the predictions differ least: by "
            f"{100 * distance[closest] / distance[-1]:.0f} % of what the last ones do."
        )
        found.append(Preset("Where they are closest", told, {"step": closest, "show": "predicted"}))
    return found


# -- what is looked for


def _colours_decided(trace: Trace) -> int | None:
    """The first step from which coarse colours stay within NEAR of their first distance to the last ones."""
    frame = len(trace.frames) // 2
    coarse = np.stack([_coarse(trace.linear_picture.frame(latents, frame)) for latents in trace.pred_x0])
    distance = np.sqrt(np.square(coarse - coarse[-1]).mean(axis=(1, 2, 3)))
    late = np.flatnonzero(distance > NEAR * max(distance[0], 1e-6))
    return int(late[-1]) + 1 if len(late) and late[-1] + 1 < trace.steps else None


def _apart(one: Floats, other: Floats) -> Floats:
    """(S,) Mean squares of how far latents lie apart, a step at a time: all of a large run are gigabytes."""
    pairs = zip(one, other, strict=True)
    return np.array([np.square(a.astype(np.float32) - b.astype(np.float32)).mean() for a, b in pairs])


def _coarse(picture: NDArray[np.uint8]) -> Floats:
    """(H, W, 3) -> means over an eighth of the picture, (8, 8, 3)."""
    H, W = (side // 8 * 8 for side in picture.shape[:2])
    return picture[:H, :W].reshape(8, H // 8, 8, W // 8, 3).mean(axis=(1, 3), dtype=np.float32)


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio < 1000 else "more than a thousand times"


def _power(value: float) -> str:
    """1.3 × 10¹¹"""
    exponent = int(np.floor(np.log10(value)))
    raised = str(exponent).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    return f"{value / 10**exponent:.1f} × 10{raised}"
