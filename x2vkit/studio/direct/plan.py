"""Directions -> a plan: boxes, strokes and a camera as constraints that the planner drafts around.

    F frames; n drafts

What is hard is given to the planner, which fills in the rest (see `pipeline.draft`). For soft boxes several
plans are drafted, and the one that keeps them best is changed by as little as may be; strokes take along what
the draft has under them. Then the rest is drafted once more around what has become fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from x2vkit.axes import Shape3
from x2vkit.core.conditions import Conditions
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.studio.direct.boxes import ORDER, SubjectBoxes
from x2vkit.studio.direct.camera import CameraPath
from x2vkit.studio.direct.soft import inside
from x2vkit.studio.direct.strokes import Stroke, dragged, painted

DRAFTS = 24
"""Plans among which soft boxes choose."""
CAMERA_WORDS = {"camera", "pans", "zooms", "panning", "zooming", "pan", "zoom"}
"""A prompt that says one of these moves the camera itself."""
Box = NDArray[np.float64]


@dataclass(frozen=True)
class Directions:
    """What is asked of a clip besides its words."""

    boxes: tuple[SubjectBoxes, SubjectBoxes] = (SubjectBoxes(), SubjectBoxes())
    """Of the first and the second subject."""
    strokes: tuple[Stroke, ...] = ()
    """What is dragged."""
    camera: CameraPath | None = None
    """The camera's way; None leaves it to the words, and beside strokes it stands still."""


@dataclass(frozen=True)
class Drafting:
    """How the planner is asked for one clip."""

    pipeline: Any
    """An X2VPipeline with a planner."""
    words: Any
    """The prompt as the model reads it (`core.lexicon.Words`)."""
    shape: Shape3
    """frames, height, width."""
    seed: int
    camera: NDArray | None
    """(F, 3), kept as it is."""

    def __call__(self, boxes: Sequence[Box | None], count: int = 1) -> Plan:
        """So many plans around boxes."""
        given = None
        if self.camera is not None:
            given = Conditions.draw((self.shape[0], 0, 0), camera=self.camera).camera
            given = None if given is None else given.expand(count, -1, -1)
        generator = torch.Generator("cpu").manual_seed(self.seed)
        return self.pipeline.draft([self.words] * count, self.shape, boxes, given, generator)


def directed_plan(
    pipeline: Any,
    prompt: str,
    shape: Shape3,
    fps: float,
    directions: Directions,
    seed: int,
    base: Plan | None = None,
    first: NDArray | None = None,
) -> Plan:
    """The plan of one clip that does as directed.

    Args:
        pipeline: an X2VPipeline with a planner.
        prompt: as the model is to read it.
        shape: frames, height, width.
        fps: frames a second.
        directions: what is asked.
        seed: of the drafts.
        base: a plan of one clip to change, in place of a draft.
        first: (2, 4) boxes of the subjects in a first frame that is given; then what has no box is left to
            that picture.

    Raises:
        X2VError: directions that contradict each other or the picture; a model without a planner.
    """
    words = pipeline.text_encoder.tokenize(prompt)
    track = _camera_track(directions, words.words, shape[0])
    draft = Drafting(pipeline, words, shape, seed, track)
    given: list[Box | None] = [each.hard for each in directions.boxes]
    soft = any(each.soft for each in directions.boxes)
    if base is None:
        plan = draft(given, DRAFTS if soft else 1)
    else:
        plan = replace(base, boxes=_over(base.boxes, given))
    fixed = list(given)
    if soft:
        plan = _kept_softly(plan, directions, fixed, fps)
    if directions.strokes:
        names = [word for word in words.words if word in _subjects()]
        _drag(plan, directions, fixed, shape, first, names)
    if base is None and any(new is not old for new, old in zip(fixed, given, strict=True)):
        plan = draft(fixed)
    plan = replace(plan, boxes=_over(plan.boxes, fixed))
    if track is not None:
        plan = replace(plan, camera=track[None].astype(np.float32))
    if first is not None:
        plan = _of_picture(plan, fixed)
    camera = directions.camera
    return plan if camera is None or not camera.follows.any() else _followed(plan, directions, shape)


def subjects_of(words: Sequence[str]) -> list[str]:
    """Nouns of the subjects that a prompt names, in order, of those of the world."""
    return list(dict.fromkeys(word for word in words if word in _subjects()))


def _subjects() -> tuple[str, ...]:
    from x2vkit.world.grammar import SUBJECTS

    return SUBJECTS


def _camera_track(directions: Directions, words: Sequence[str], frames: int) -> NDArray | None:
    """The camera that is given to the planner: (F, 3), or None where it decides."""
    if directions.camera is not None:
        return directions.camera.track
    if directions.strokes and not CAMERA_WORDS & set(words):
        return np.tile((0.0, 0.0, 1.0), (frames, 1))
    return None


def _over(boxes: NDArray, given: Sequence[Box | None]) -> NDArray[np.float32]:
    """Boxes (n, F, 2, 4) with those that are given in their places."""
    found = np.array(boxes, np.float32)
    for i, box in enumerate(given):
        if box is not None:
            found[:, :, i] = box
    return found


def _kept_softly(plans: Plan, directions: Directions, fixed: list[Box | None], fps: float) -> Plan:
    """Of several plans the one that keeps the soft boxes best; its changed tracks go into `fixed`."""
    asked = {i: each.soft for i, each in enumerate(directions.boxes) if each.soft}
    moved = [{i: inside(boxes[:, i], soft, fps) for i, soft in asked.items()} for boxes in plans.boxes]
    best = int(np.argmin([sum(cost for _, cost in each.values()) for each in moved]))
    for i, (track, cost) in moved[best].items():
        if cost > 0:
            fixed[i] = track
    return Plan(*(tracks[best : best + 1] for tracks in vars(plans).values()))


def _drag(
    plan: Plan,
    directions: Directions,
    fixed: list[Box | None],
    shape: Shape3,
    first: NDArray | None,
    names: Sequence[str],
) -> None:
    """Boxes of what strokes take along, and of what stays, into `fixed`."""
    frames, height, width = shape
    side = min(height, width)
    there = np.array(_over(plan.boxes, fixed)[0, 0] if first is None else first, np.float64)
    sides = (width / side, height / side)
    for i, stroke in painted(directions.strokes, there, sides, first is not None, names).items():
        if not directions.boxes[i].free:
            got = f"a box and a stroke for the {ORDER[i]} subject"
            raise X2VError(got, "one of them says where it goes", "leave one out")
        fixed[i] = dragged(there[i], stroke)
    for i, box in enumerate(there):
        if fixed[i] is None and directions.boxes[i].free and np.isfinite(box).all():
            fixed[i] = np.tile(box, (frames, 1))


def _of_picture(plan: Plan, fixed: Sequence[Box | None]) -> Plan:
    """A plan beside a first frame: what has no box is where the picture shows it."""
    boxes = plan.boxes.copy()
    for i, box in enumerate(fixed):
        if box is None:
            boxes[:, :, i] = np.nan
    if fixed[0] is not None:
        return replace(plan, boxes=boxes)
    return replace(plan, boxes=boxes, mouth=np.full_like(plan.mouth, np.nan), turn=np.zeros_like(plan.turn))


def _followed(plan: Plan, directions: Directions, shape: Shape3) -> Plan:
    """A tracking shot: the camera goes sideways with a subject, which then stays where it is."""
    camera = directions.camera
    assert camera is not None
    asked = directions.boxes[camera.subject]
    if asked.hard is not None or directions.strokes:
        got = f"a camera that follows the {ORDER[camera.subject]} subject, whose way is given"
        rule = "boxes and strokes say where things are in the frame, and so does following"
        raise X2VError(got, rule, "leave the box or the following out")
    box = plan.boxes[0, :, camera.subject]
    if not np.isfinite(box).any():
        got = f"a camera that follows the {ORDER[camera.subject]} subject"
        raise X2VError(got, "there is none in the plan", "name it in the prompt")
    middle = (box[:, 0] + box[:, 2]) / 2
    seen = np.flatnonzero(np.isfinite(middle))
    way = np.diff(np.interp(np.arange(len(middle)), seen, middle[seen]), prepend=middle[seen[0]])
    way = np.cumsum(way * camera.follows)  # in fractions of the width
    boxes, track = plan.boxes.copy(), plan.camera.copy()
    boxes[0, :, :, [0, 2]] -= way.astype(np.float32)[:, None]
    track[0, :, 0] += way * shape[2] / min(shape[1:]) / track[0, :, 2]
    return replace(plan, boxes=boxes, camera=track)
