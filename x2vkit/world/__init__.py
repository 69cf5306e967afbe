"""The captioned world: a grammar of small films, drawn exactly, so that everything about a clip is known.

>>> clip = World(seed=0).sample(7)
>>> clip.caption, clip.frames.shape        # a prompt and uint8 (17, 128, 128, 3)
>>> clip.truth.boxes                       # (F, subjects, 4), exact

It knows nothing about models and never imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.world.animate import Truth, animate, gravity
from x2vkit.world.grammar import SceneSpec, caption, captions, is_held_out, sample_spec, vocabulary
from x2vkit.world.render import areas
from x2vkit.world.render import render as draw  # the module keeps its own name

__all__ = ["Clip", "SceneSpec", "Truth", "World", "caption", "captions", "gravity", "is_held_out", "sample_spec", "vocabulary"]


@dataclass(frozen=True)
class Clip:
    """A rendered clip with its prompt and the truth about it."""

    frames: np.ndarray
    """uint8 (F, H, W, 3)"""
    fps: float
    caption: str
    spec: SceneSpec
    ids: np.ndarray
    """uint8 (F, H, W): 0 the place, 1 the first subject, 2 the second, 3 what they pass behind"""
    truth: Truth


class World:
    """An endless, indexed set of captioned clips: clip ``i`` of a seed is always the same clip.

    ``seed`` any non-negative integer. Different seeds share no clip.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def spec(self, index: int, held_out: bool = False) -> tuple[SceneSpec, str]:
        """The spec and the caption of clip ``index``, without drawing it."""
        rng = np.random.default_rng([self.seed, index, int(held_out)])
        spec = sample_spec(rng, held_out)
        return spec, caption(spec, rng)

    def sample(self, index: int, num_frames: int = 17, height: int = 128, width: int = 128, fps: float = 12, held_out: bool = False) -> Clip:
        """Clip ``index``; with ``held_out`` one whose combination of parts is never trained on."""
        spec, words = self.spec(index, held_out)
        clip = self.render(spec, self.seed * 1_000_003 + index, num_frames, height, width, fps)
        return replace(clip, caption=words)

    def truth(self, index: int, num_frames: int = 17, height: int = 128, width: int = 128, fps: float = 12, held_out: bool = False) -> tuple[SceneSpec, str, Truth]:
        """Spec, caption and truth of the same clip as ``sample``, without drawing it: what needs pixels, ``visible``, is 1."""
        spec, words = self.spec(index, held_out)
        return spec, words, animate(spec, self.seed * 1_000_003 + index, num_frames, height, width, fps)[2]

    def render(self, spec: SceneSpec, seed: int = 0, num_frames: int = 17, height: int = 128, width: int = 128, fps: float = 12, camera: np.ndarray | None = None, mouth: np.ndarray | None = None) -> Clip:
        """Draw ``spec``. ``seed`` decides what the spec leaves open: positions, phases, how the place is laid out.

        ``camera`` (F, 3), x and y in units of the shorter side and zoom, is the camera's way in place of the spec's move,
        ``mouth`` (F,), 0 to 1, how far the first subject's mouth is open in place of made-up speech.
        Any positive sizes are drawn; a model asks for multiples of 16 and 1 + 4k frames.
        """
        if min(num_frames, height, width) < 1 or fps <= 0:
            got = f"num_frames={num_frames}, height={height}, width={width}, fps={fps}"
            raise X2VError(got, "each is above zero", "use 17, 128, 128 and 12")
        table, subjects, truth = animate(spec, seed, num_frames, height, width, fps, camera, mouth)
        frames, ids = draw(table, height, width)
        rng = np.random.default_rng([seed, 79])
        return Clip(frames, fps, caption(spec, rng), spec, ids, replace(truth, visible=_visible(subjects, ids)))


def _visible(subjects: list[np.ndarray], ids: np.ndarray) -> np.ndarray:
    """(F, O) seen pixels of each subject over those it covers on an endless canvas with nothing in front."""
    seen = [(ids == i + 1).sum((1, 2)) / np.maximum(areas(rows), 1) for i, rows in enumerate(subjects)]
    return np.stack(seen, 1).clip(0, 1).astype(np.float32)
