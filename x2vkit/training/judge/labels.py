"""Rendered frames and what they show, as numbers: what the judge's two models learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from x2vkit.core.vae import VideoVAE
from x2vkit.judge.frame import ATTRIBUTES, CELL, looked_at
from x2vkit.judge.motion import MOVES
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.training.dataset import to_video
from x2vkit.world import SceneSpec, World
from x2vkit.world.grammar import DIRECTED

IGNORED = -100
"""Label of what a frame does not tell."""
SEEN = {"wearing": 0.55, "wearing_color": 0.55, "mood": 0.6, "pose": 0.35, "facing": 0.35}
"""Part of the subject that must be in sight before a frame is asked for an attribute (others: a fifth)."""


@dataclass
class Pool:
    """Frames of one shape with their labels."""

    frames: np.ndarray
    """uint8 (n, H, W, 3)"""
    ids: np.ndarray
    """uint8 (n, h, w), one cell of the kind map each"""
    labels: dict[str, np.ndarray]
    """attribute -> int64 (n,), IGNORED where the frame does not tell"""
    mouth: np.ndarray
    """float32 (n,) openness, NaN for what does not talk"""


def choose(world: World, count: int) -> Iterator[tuple[int, bool]]:
    """`count` clips of a world as (index, held out or not). What is rare and hard (pairs, moods, hats,
    scarves) is always taken, everything else every third time.
    """
    i = found = 0
    while found < count:
        spec, _ = world.spec(i, held_out=i % 2 == 1)
        rare = spec.other or spec.mood or spec.wearing
        if rare or i // 2 % 3 == 0:
            yield i, i % 2 == 1
            found += 1
        i += 1


def make_pool(clips: Any, moments: np.ndarray) -> Pool:
    """Frames `moments` of each clip, with what they show. Items are clips, or (clip, other frames of it)."""
    frames, ids, mouth = [], [], []
    labels: dict[str, list[int]] = {name: [] for name in ATTRIBUTES}
    for item in clips:
        clip, shown = item if isinstance(item, tuple) else (item, item.frames)
        for f in moments:
            frames.append(shown[f])
            ids.append(kind_map(clip.ids[f]))
            talks = clip.spec.action == "talk"
            mouth.append(clip.truth.mouth[f, 0] if talks and clip.truth.visible[f, 0] > 0.6 else np.nan)
            for name, label in labels_of(clip.spec, clip.truth.visible[f]).items():
                labels[name].append(label)
    arrays = {name: np.array(values, np.int64) for name, values in labels.items()}
    return Pool(np.stack(frames), np.stack(ids), arrays, np.array(mouth, np.float32))


def labels_of(spec: SceneSpec, visible: Sequence[float]) -> dict[str, int]:
    """What a frame shows, as numbers; IGNORED where it does not tell. visible: (O,) parts in sight."""
    target: dict[str, str] = {
        "subject": spec.subject, "color": spec.color, "scene": spec.scene, "behind": spec.behind or "none",
        "wearing": spec.wearing[0] if spec.wearing else "none",
        "wearing_color": spec.wearing[1] if spec.wearing else "",
        "mood": spec.mood if spec.subject == "face" else "", "pose": spec.action, "facing": spec.direction,
        "other": "none", "other_color": "",
    }  # fmt: skip
    if spec.other:
        target["other"], target["other_color"] = spec.other if visible[1] > 0.2 else ("", "")
    if spec.subject in ("ball", "box"):
        target["facing"] = ""
    labels = {name: ATTRIBUTES[name].index(word) if word else IGNORED for name, word in target.items()}
    for name in ("subject", "color", "wearing", "wearing_color", "mood", "pose", "facing"):
        if visible[0] < SEEN.get(name, 0.2):
            labels[name] = IGNORED
    return labels


def moves_of(spec: SceneSpec) -> dict[str, int]:
    """A clip's motion as numbers; IGNORED for a direction where nothing goes anywhere."""
    goes = spec.action in DIRECTED or spec.relation in ("chasing", "jumping over")
    target = {"action": spec.action, "direction": spec.direction if goes else "", "camera": spec.camera}
    target["relation"] = spec.relation or "none"
    return {name: MOVES[name].index(word) if word else IGNORED for name, word in target.items()}


def kind_map(ids: np.ndarray) -> np.ndarray:
    """Kinds of pixel (H, W) at the resolution of the kind map, the nearest pixel's."""
    h, w = (side // CELL for side in looked_at(*ids.shape))
    rows = ((np.arange(h) + 0.5) * ids.shape[0] / h).astype(int)
    columns = ((np.arange(w) + 0.5) * ids.shape[1] / w).astype(int)
    return ids[rows[:, None], columns]


def recode(vae: VideoVAE, frames: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """A clip as the autoencoder gives it back, with noise (standard deviations) on its latents."""
    with torch.inference_mode():
        latents = vae.encode_video(to_video(frames[None]).to(vae.device, vae.dtype))
        generator = torch.Generator().manual_seed(seed)
        latents = latents + noise * torch.randn(latents.shape, generator=generator).to(latents)
        return to_uint8(vae.decode_latents(latents))[0]


def spoil(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur, noise and tint frames (n, 3, H, W) a little, each differently."""
    n, _, height, width = pixels.shape
    blurred = rng.random(n) < 0.35
    if blurred.any():
        factor = rng.uniform(1.5, 4.0)
        small = nnf.interpolate(
            pixels[blurred], (int(height / factor), int(width / factor)), mode="bilinear", antialias=True
        )
        pixels[blurred] = nnf.interpolate(small, (height, width), mode="bilinear")
    tint = torch.from_numpy(rng.normal(0, 0.035, (n, 3, 1, 1)).astype(np.float32))
    gain = torch.from_numpy(rng.normal(1, 0.05, (n, 1, 1, 1)).astype(np.float32))
    grain = torch.from_numpy((0.08 * rng.random((n, 1, 1, 1)) ** 2).astype(np.float32))
    return (pixels * gain + tint + grain * torch.randn_like(pixels)).clamp(-1, 1)
