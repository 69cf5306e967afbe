"""What a judge learns from, made once and kept where it is trained: frames with labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from x2vkit.core.vae import VideoVAE
from x2vkit.judge.frame import ACTOR_ATTRIBUTES, SCENE_ATTRIBUTES, to_pixels
from x2vkit.training.judge.labels import IGNORED, UNCLEAR, chosen_clips, labelled, recode, to_device
from x2vkit.training.prefetch import prefetch
from x2vkit.training.task import Batch
from x2vkit.world import Clip, World

CHUNK = 24
"""Numbers of clips that are looked through together."""
TOGETHER = 64
"""Clips that go through the autoencoder together."""
SPAN = 1.5
"""Frames a second of three moments that are spread over the time that a clip of 33 frames lasts."""


@dataclass(frozen=True)
class Pool:
    """Labelled frames of one shape; the fields of `labelled` on the device, and `there` on the processor
    too, so that nothing waits for the device when a batch is drawn.
    """

    values: dict[str, Tensor]
    there: np.ndarray
    """bool (n, A)"""

    def __len__(self) -> int:
        return len(self.there)

    def draw(self, rng: np.random.Generator, count: int) -> Batch:
        """`count` of the frames, half of them mirrored: what `FrameModule` takes."""
        rows = rng.integers(0, len(self), count)
        return self.batch(rows, rng.random(count) < 0.5)

    def batch(self, rows: np.ndarray, mirrored: np.ndarray) -> Batch:
        """The frames `rows` (n,) as `FrameModule` takes them, some of them mirrored (n,)."""
        device = self.values["frames"].device
        frame, actor = (to_device(each, device) for each in self.there[rows].nonzero())
        at, turned = to_device(rows, device), to_device(mirrored, device)
        taken = {name: values[at] for name, values in self.values.items()}
        pixels, kinds, mirror = to_pixels(taken["frames"]), taken["kinds"].long(), taken["mirrored"].long()
        flipped = mirror.gather(1, kinds.flip(-1).flatten(1)).view_as(kinds)
        wide = turned[:, None, None]
        kinds = torch.where(wide, flipped, kinds)
        pixels = torch.where(wide[..., None], pixels.flip(-1), pixels)
        kind = torch.where(turned[frame], mirror[frame, actor + 1], actor + 1)
        labels = {name: taken[name] for name in SCENE_ATTRIBUTES}
        labels |= {name: taken[name][frame, actor] for name in ACTOR_ATTRIBUTES}
        faces = labels["facing"]
        labels["facing"] = torch.where(turned[frame] & (faces >= 0), 1 - faces, faces)
        kinds = kinds.masked_fill(kinds == UNCLEAR, IGNORED)
        mouth = taken["mouth"][frame, actor]
        return {"pixels": pixels, "kinds": kinds, "frame": frame, "kind": kind, "mouth": mouth, **labels}


def joined(batches: list[Batch]) -> Batch:
    """Several batches as one."""
    before = np.cumsum([0, *(len(batch["pixels"]) for batch in batches)])
    moved = [{**batch, "frame": batch["frame"] + int(n)} for batch, n in zip(batches, before, strict=False)]
    return {name: torch.cat([batch[name] for batch in moved]) for name in moved[0]}


def rendered(world: World, count: int, shape: tuple[int, int], device: torch.device) -> Pool:
    """Three moments of each of `count` clips."""

    def make(chunk: int) -> dict[str, Tensor]:
        start = chunk * CHUNK
        return labelled(chosen_clips(world, start, start + CHUNK, 3, shape, SPAN), (0, 1, 2))

    return _pool(make, 3 * count, f"frames {shape[0]} x {shape[1]}", device)


def coded(world: World, count: int, shape: tuple[int, int], vae: VideoVAE, noise: float) -> Pool:
    """Two frames of each of `count` clips that went through the autoencoder."""

    def make(chunk: int) -> dict[str, Tensor]:
        start = chunk * CHUNK
        clips = chosen_clips(world, start, start + CHUNK, 5, shape, fps=6 if chunk % 4 == 0 else 24)
        return {"clips": _stacked(clips, shape), **labelled(clips, (0, 3))}

    def through(found: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
        clips = found.pop("clips")
        if not len(clips):
            return found
        parts = [recode(vae, part, noise, seed) for part in clips.split(TOGETHER)]
        return {**found, "frames": torch.cat(parts)[:, [0, 3]].flatten(0, 1)}

    return _pool(make, 2 * count, f"coded frames {shape[0]} x {shape[1]}", vae.device, through)


def _stacked(clips: list[Clip], shape: tuple[int, int]) -> Tensor:
    if not clips:
        return torch.zeros(0, 5, *shape, 3, dtype=torch.uint8)
    return torch.from_numpy(np.stack([clip.frames for clip in clips]))


def _pool(
    make: Callable[[int], dict[str, Tensor]],
    count: int,
    title: str,
    device: torch.device,
    through: Callable[[dict[str, Tensor], int], dict[str, Tensor]] | None = None,
) -> Pool:
    """`count` frames of what `make` yields of one chunk after the other."""
    parts: list[dict[str, Tensor]] = []
    done = 0
    with tqdm(total=count, desc=title, unit="frame", disable=count < 1000) as bar:
        for number, found in enumerate(prefetch(make, range(10**9))):
            found = through(found, number) if through else found
            if not found:
                continue
            parts.append({name: values.to(device, non_blocking=True) for name, values in found.items()})
            bar.update(len(found["there"]))
            done += len(found["there"])
            if done >= count:
                break
    values: dict[str, Any] = {}
    for name in list(parts[0]):
        values[name] = torch.cat([part.pop(name) for part in parts])[:count].clone()
    return Pool(values, values["there"].cpu().numpy())
