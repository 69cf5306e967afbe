"""Asking a model for scenes, and looking at what it makes: the clips on which every figure is counted.

It knows how to ask, with words, boxes, a camera or a mouth, and how to look; it counts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from x2vkit.core.conditions import Conditions
from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS, Judge, Reading
from x2vkit.judge.matching import matched, predicted_of
from x2vkit.judge.prompts import plain, target_of
from x2vkit.world import SceneSpec, Truth, World

Shape = tuple[int, int, int]
USUAL: Shape = (33, 128, 128)
"""Frames, height and width of a clip where nothing else is measured."""
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
    subject_detail: float
    """The same within the box of the first actor; NaN where it is not there"""
    dynamics: float
    """Mean change of its pixels, levels a second"""

    @property
    def target(self) -> dict[str, str]:
        """What its words state: attribute -> word."""
        return target_of(self.spec, moving=self.shape[0] > 1)

    @cached_property
    def predicted(self) -> dict[str, str]:
        """What the judge read of whom the words mean: attribute -> word."""
        return predicted_of(self.spec, self.reading)

    @cached_property
    def first_actor(self) -> int:
        """Number of the read actor that the first one of the words is."""
        return matched(self.spec, self.reading)[0]

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(F, 4) of the first actor, NaN where it is not seen."""
        return self.reading.boxes[:, self.first_actor]

    @property
    def height_track(self) -> NDArray[np.float64]:
        """(F,) height of the first actor's lower edge."""
        return metrics.heights(self.boxes, *self.shape[1:])

    def shows(self, *names: str) -> bool:
        """Whether everything that the words state of these attributes, of every actor, is shown."""
        stated = {k: v for k, v in self.target.items() if k in names or k.split(" ")[-1] in names}
        return all(self.predicted.get(k) == v for k, v in stated.items())


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
        found: list[tuple[SampledClip, Truth]] = []
        for start in range(0, len(specs), self.batch):
            rows = range(start, min(start + self.batch, len(specs)))
            clips = [self.world.render(specs[i], self.seed + APART + seed + i, *shape, fps=FPS) for i in rows]
            judged = self.judged([specs[i] for i in rows], [clip.frames for clip in clips])
            found += zip(judged, (clip.truth for clip in clips), strict=True)
            self.bar.update(len(rows))
        return found

    def made(
        self, specs: list[SceneSpec], shape: Shape = USUAL, words: Sequence[str] = (), **given: Any
    ) -> list[SampledClip]:
        """The model's clips.

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
        found: list[SampledClip] = []
        size = 1 if given else self.batch
        for start in range(0, len(specs), size):
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
            found += self.judged([specs[i] for i in rows], [np.stack(clip) for clip in made])
            self.bar.update(len(rows))
        return found

    def judged(self, specs: Sequence[SceneSpec], clips: Sequence[NDArray[np.uint8]]) -> list[SampledClip]:
        """Clips of one shape, read together."""
        readings = self.judge.read_all(clips)
        return [_sampled(*each) for each in zip(specs, clips, readings, strict=True)]


def _sampled(spec: SceneSpec, frames: NDArray[np.uint8], reading: Reading) -> SampledClip:
    moments = frames[np.linspace(0, len(frames) - 1, min(MOMENTS, len(frames))).round().astype(int)]
    first = reading.boxes[:, matched(spec, reading)[0]]
    return SampledClip(
        spec=spec,
        shape=frames.shape[:3],
        reading=reading,
        first=frames[0].copy(),
        moments=moments.copy(),
        detail=metrics.fine_detail(frames),
        subject_detail=metrics.fine_detail(frames, first),
        dynamics=metrics.dynamics(frames, FPS),
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
