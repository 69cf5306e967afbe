"""What a clip of the latent cache is turned into for training: conditions drawn from its truth, and the truth
of every latent position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, Shape3
from x2vkit.core.conditions import Conditions
from x2vkit.core.planner import Plan
from x2vkit.training.latent_cache import KINDS, LatentCache
from x2vkit.training.latent_cache import SUBJECTS as SUBJECTS_KEPT

TRUTH = KINDS + 4
"""Numbers that say what a latent position shows: its kind, where in the subject's box it lies, its motion."""


def draw_known_frames(frames: int, rng: np.random.Generator) -> list[int]:
    """Latent frames to give to a clip of `frames`: the first (an image), or what extending, looping and
    filling need.
    """
    if frames == 1:
        return []
    kind = rng.choice(["image", "start", "end", "ends", "any"], p=[0.5, 0.15, 0.1, 0.1, 0.15])
    count = int(rng.integers(1, frames))
    any_frames = rng.permutation(frames)[:count]
    chosen: dict[str, Sequence[int]] = {
        "image": [0],
        "start": range(count),
        "end": range(frames - count, frames),
        "ends": [0, frames - 1] if frames > 2 else [0],
        "any": any_frames.tolist(),
    }
    return [int(i) for i in chosen[str(kind)]]


def draw_control(
    cache: LatentCache, index: int, grid: Shape3, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A control raster and its boxes from the truth, with boxes, strokes and mouths each left out at
    random.
    """
    boxes = np.array(cache.boxes[index])  # (F, O, 4)
    frames = len(boxes)
    known = [o for o in range(boxes.shape[1]) if np.isfinite(boxes[:, o]).any()]
    requests: dict[str, Any] = {"boxes": [None] * SUBJECTS_KEPT}
    for o in known:
        if rng.random() < 0.6:
            requests["boxes"][o] = boxes[:, o]
    seen = [o for o in known if np.isfinite(boxes[:, o]).all()]
    requests["strokes"] = [_stroke(boxes[:, o], grid) for o in seen if frames > 1 and rng.random() < 0.4]
    talks = [o for o in known if np.nanmax(cache.mouth[index][:, o], initial=0) > 0]
    if talks and rng.random() < 0.8:
        requests["mouth"] = boxes[:, talks[0]], cache.mouth[index][:, talks[0]].copy()
    drawn = Conditions.draw((frames, grid[1] * SPACE_STRIDE, grid[2] * SPACE_STRIDE), **requests)
    return _array(drawn.control), _array(drawn.boxes)


def draw_camera(camera: np.ndarray) -> np.ndarray:
    """A clip's camera (F, 3) as x, y, zoom -> its track (f, 4)."""
    return _array(Conditions.draw((len(camera), 0, 0), camera=camera).camera)


def _array(drawn: Tensor | None) -> np.ndarray:
    """One clip's part of conditions."""
    assert drawn is not None
    return drawn[0].numpy()


def planned_control(cache: LatentCache, index: int, grid: Shape3) -> tuple[np.ndarray, np.ndarray]:
    """Control raster and boxes of a whole plan: the boxes of all subjects, how they are turned, and a mouth that
    talks.
    """
    tracks = (cache.boxes, cache.mouth, cache.camera, cache.turn)
    boxes, mouth, camera, turn = (np.array(each[index]) for each in tracks)
    plan = Plan.of_truth(boxes, mouth[:, 0], camera, turn)
    drawn = plan.conditions(grid[1] * SPACE_STRIDE, grid[2] * SPACE_STRIDE)
    return _array(drawn.control), _array(drawn.boxes)


def _stroke(box: np.ndarray, grid: Shape3) -> tuple[np.ndarray, float]:
    """The path of a box's centre, as wide as a third of the box."""
    path = (box[:, :2] + box[:, 2:]) / 2
    sides = (box[:, 2:] - box[:, :2]).mean(0) * (grid[2], grid[1]) / min(grid[1], grid[2])
    return path, float(sides.min()) / 3


def latent_truth(kinds: np.ndarray, boxes: np.ndarray, motion: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """What every latent position shows, for `AuxiliaryHead`.

    kinds (B, f, h, w); per frame: boxes (B, F, 2, 4) and motion (B, F, 2, 2) of the subjects, camera (B, F,
    3) -> (B, TRUTH, f, h, w): a 1 for its kind; where in its subject's box it lies, x and y from -1 to 1; how
    far it moves in the latent frame, x and y in tenths of the frame, which for the background is the camera's
    doing (`camera_flow`). The second is 0 where no subject is, motions NaN where the camera is unknown.
    """
    B, f, h, w = kinds.shape
    kind = np.eye(KINDS, dtype=np.float32)[kinds].transpose(0, 4, 1, 2, 3)  #         (B, KINDS, f, h, w)
    steps = motion[:, 1:].reshape(B, f - 1, TIME_STRIDE, SUBJECTS_KEPT, 2).sum(2)  #  (B, f - 1, 2, 2)
    later = boxes[:, 1:].reshape(B, f - 1, TIME_STRIDE, SUBJECTS_KEPT, 4).mean(2)
    middles = np.concatenate([boxes[:, :1], later], axis=1)  #                        (B, f, 2, 4)
    rows, columns = np.meshgrid((np.arange(h) + 0.5) / h, (np.arange(w) + 0.5) / w, indexing="ij")
    found = np.zeros((B, 2, f, h, w), np.float32)
    moves = 10 * camera_flow(camera[:, ::TIME_STRIDE], h, w)
    for subject in range(SUBJECTS_KEPT):
        left, top, right, bottom = np.moveaxis(middles[:, :, subject], 2, 0)[..., None, None]
        across, down = (columns - left) / (right - left + 1e-3), (rows - top) / (bottom - top + 1e-3)
        moved = np.concatenate([np.zeros((B, 1, 2), np.float32), 10 * steps[:, :, subject]], axis=1)
        mine = (kinds == subject + 1)[:, None]
        found = np.where(mine, np.stack([2 * across - 1, 2 * down - 1], axis=1), found)
        moves = np.where(mine, np.nan_to_num(moved).transpose(0, 2, 1)[..., None, None], moves)
    places = np.nan_to_num(found).clip(-3, 3)
    return np.concatenate([kind, places, moves.clip(-3, 3)], axis=1).astype(np.float32)


def camera_flow(camera: np.ndarray, h: int, w: int) -> np.ndarray:
    """Where a moving camera makes what stands still at the subject's distance go: since the latent frame
    before, in fractions of the frame.

    camera (B, f, 3): x, y in units of the shorter side and zoom (`world.Truth`) -> (B, 2, f, h, w), x and y.
    """
    shorter = min(h, w)
    before = np.concatenate([camera[:, :1], camera[:, :-1]], axis=1)
    zoom, grown = camera[..., 2], camera[..., 2] / before[..., 2] - 1  #              (B, f)
    pan = (camera[..., :2] - before[..., :2]) * zoom[..., None] * (-shorter / w, shorter / h)
    rows, columns = np.meshgrid((np.arange(h) + 0.5) / h - 0.5, (np.arange(w) + 0.5) / w - 0.5, indexing="ij")
    across = grown[..., None, None] * columns + pan[..., 0, None, None]
    down = grown[..., None, None] * rows + pan[..., 1, None, None]
    return np.stack([across, down], axis=1)
