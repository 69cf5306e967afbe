"""Asking a model for scenes, and looking at what it makes: the clips on which every figure is counted.

It knows how to ask, with words, boxes, a camera or a mouth, and how to look; it counts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from x2vkit.core.conditions import Conditions
from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS, Judge, Reading
from x2vkit.judge.prompts import plain, target_of
from x2vkit.processes import share
from x2vkit.world import SceneSpec, Truth, World

Shape = tuple[int, int, int]
USUAL: Shape = (17, 128, 128)
MOMENTS = 6
"""Frames of a clip that are kept for the contact sheet."""
APART = 500_009
"""Seeds of real renders that a model is compared with lie so far from those that it is asked for."""


@dataclass(frozen=True)
class SampledClip:
    """One clip as it was asked for and read."""

    spec: SceneSpec
    shape: Shape
    reading: Reading
    first: NDArray[np.uint8]
    """(H, W, 3) its first frame"""
    moments: NDArray[np.uint8]
    """(n, H, W, 3) a few frames, for the sheet"""
    detail: float
    """Energy of its finest detail"""

    @property
    def target(self) -> dict[str, str]:
        """What its words state: attribute -> word."""
        return target_of(self.spec, moving=self.shape[0] > 1)

    @property
    def predicted(self) -> dict[str, str]:
        """What the judge read: attribute -> word."""
        return self.reading.values

    @property
    def height_track(self) -> NDArray[np.float64]:
        """(F,) height of the subject's lower edge."""
        return metrics.heights(self.reading.boxes[:, 0], *self.shape[1:])


@dataclass
class ClipSampler:
    """What the suites share: the judge, the model, and how to ask it."""

    judge: Judge
    pipeline: Any
    """Called as an X2VPipeline; None where only real renders are judged."""
    prompts: int
    seed: int
    options: dict[str, Any]
    """Sampling options of the pipeline."""
    batch: int
    bar: tqdm
    world: World = field(default_factory=World)
    kept: dict[str, tuple[list[SampledClip], list[SampledClip]]] = field(default_factory=dict)

    @property
    def few(self) -> int:
        """Clips of a suite that needs fewer than `prompts`."""
        return max(4, self.prompts // 8)

    def both(
        self, name: str, specs: list[SceneSpec], shape: Shape = USUAL
    ) -> tuple[list[SampledClip], list[SampledClip]]:
        """The model's clips and real renders of the same scenes; made once for each name."""
        if name not in self.kept:
            self.kept[name] = self.made(specs, shape), [clip for clip, _ in self.real(specs, shape)]
        return self.kept[name]

    def real(
        self, specs: list[SceneSpec], shape: Shape = USUAL, seed: int = 0
    ) -> list[tuple[SampledClip, Truth]]:
        """Real renders, each with the truth about it."""

        def one(i: int) -> tuple[SampledClip, Truth]:
            clip = self.world.render(specs[i], self.seed + APART + seed + i, *shape, fps=FPS)
            self.bar.update()
            return self.judged(specs[i], clip.frames), clip.truth

        return share(range(len(specs)), one)

    def made(
        self, specs: list[SceneSpec], shape: Shape = USUAL, words: Sequence[str] = (), **given: Any
    ) -> list[SampledClip]:
        """The model's clips; of many processes each makes some.

        Args:
            specs: the scenes.
            shape: frames, height, width.
            words: prompts in place of the plain ones.
            given: option -> one value a clip.
        """
        if self.pipeline is None:
            return []
        words = words or [plain(spec) for spec in specs]
        frames, height, width = shape
        size = 1 if given else self.batch

        def some(start: int) -> list[SampledClip]:
            rows = range(start, min(start + size, len(specs)))
            made = self.pipeline(
                [words[i] for i in rows],
                num_frames=frames,
                height=height,
                width=width,
                generator=[torch.Generator().manual_seed(1_000_003 * self.seed + i) for i in rows],
                **self.options,
                **{name: values[start] for name, values in given.items()},
            ).frames
            self.bar.update(len(rows))
            return [self.judged(specs[i], np.stack(clip)) for i, clip in zip(rows, made, strict=True)]

        return [clip for part in share(range(0, len(specs), size), some) for clip in part]

    def judged(self, spec: SceneSpec, frames: NDArray[np.uint8]) -> SampledClip:
        """A clip that was made of a scene, as the judge reads it."""
        moments = frames[np.linspace(0, len(frames) - 1, min(MOMENTS, len(frames))).round().astype(int)]
        detail = metrics.fine_detail(frames)
        return SampledClip(
            spec, frames.shape[:3], self.judge.read(frames), frames[0].copy(), moments.copy(), detail
        )


# -- conditions besides words, from the truth of a real render ---------------------------------------------


def recoded(pipeline: Any, pictures: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Pictures as the pipeline's autoencoder gives them back; as they are where it has none."""
    vae = getattr(pipeline, "vae", None)
    if vae is None:
        return pictures
    found = []
    with torch.inference_mode():
        for picture in pictures:
            video = torch.from_numpy(picture).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
            found.append(pipeline.decode(vae.encode_video(video.to(vae.device, vae.dtype)))[0, 0])
    return found


def given_boxes(clip: SampledClip, truth: Truth) -> Conditions:
    """The first subject's true boxes."""
    return _conditions(clip.shape, truth.boxes[:, 0])


def given_mouth(clip: SampledClip, truth: Truth) -> Conditions:
    """The first subject's true boxes, and in them the true openness of its mouth."""
    box, mouth = truth.boxes[:, 0], truth.mouth[:, 0]
    return _conditions(clip.shape, box, mouth)


def given_camera(truth: Truth) -> Conditions:
    """The true way of the camera."""
    return Conditions.draw((len(truth.camera), 0, 0), camera=truth.camera)


def _conditions(shape: Shape, box: NDArray, mouth: NDArray | None = None) -> Conditions:
    return Conditions.draw(shape, boxes=[box], mouth=None if mouth is None else (box, mouth))
