"""What a clip holds besides its words: given frames, boxes, strokes, a mouth, a camera, and a plan.

    B batch; F frames, H, W pixels; C, f, h, w latent grid; N tokens

`Conditions` is what sampler and training pass along. `Conditions.draw` makes control raster and numbers of
human-sized requests (boxes, strokes, openness of a mouth, camera; plain numpy), and is all that does;
`resolve` decides what wins where a plan, boxes, a camera, given frames or a video meet. Zeros everywhere
mean "not given". Knows nothing about where requests come from: the world's ground truth in training, a
user's drawing later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, Shape3, check_shape, latent_shape
from x2vkit.core.raster import (
    CAMERA_CHANNELS,
    CONTROL_CHANNELS,
    MOUTH,
    OPENNESS,
    SUBJECTS,
    box_track,
    camera_track,
    checked_boxes,
    control_raster,
)
from x2vkit.cost import check_memory
from x2vkit.errors import X2VError

if TYPE_CHECKING:
    from x2vkit.core.planner import Plan


@dataclass(frozen=True)
class Conditions:
    """All fields are optional; None is "not given"."""

    known_latents: Tensor | None = None
    """Latents (B, C, f, h, w) that hold the given frames; anything where `known_mask` is False."""
    known_mask: Tensor | None = None
    """(B, f, h, w) bool, True where `known_latents` is given: those tokens have t = 0 and are never
    changed."""
    control: Tensor | None = None
    """Control raster (B, 10, f, h, w)."""
    camera: Tensor | None = None
    """Camera track (B, f, 4)."""
    boxes: Tensor | None = None
    """(B, F, 2, 5): boxes of the first and the second subject in the control raster, as x0, y0, x1, y1, and
    the angle by which what is in them is rotated, in radians, counter-clockwise; all 0 where out of sight or
    not given.
    """

    @classmethod
    def draw(
        cls,
        shape: Shape3,
        boxes: Sequence[ArrayLike | None] = (),
        strokes: Sequence[tuple[ArrayLike, float]] = (),
        mouth: tuple[ArrayLike, ArrayLike] | None = None,
        camera: ArrayLike | None = None,
        angle: ArrayLike | None = None,
    ) -> Conditions:
        """Draw requests for one clip: the only maker of control raster, boxes and camera track.

        Args:
            shape: frames, height, width of the clip; a camera alone needs the frames.
            boxes: of the first and the second subject, each (F, 4) or (4,) as x0, y0, x1, y1; a row of NaN
                is "out of sight", and None is no such subject.
            strokes: (path, radius) pairs, path (K, 2) as x, y, evenly over the clip; radius in
                fractions of min(H, W).
            mouth: (box, openness): where somebody talks, like `boxes`, and how far the mouth is open, (F,)
                from 0 to 1, NaN where it does not talk.
            camera: (F, 3) as x, y (fractions of min(H, W)) and zoom (1 is none).
            angle: (F,) by which the first subject is rotated, in radians, counter-clockwise; NaN counts as 0.

        Returns:
            Conditions of a batch of one, float32; without boxes, strokes and mouth there is no control
            raster, and without camera no camera track.

        Raises:
            X2VError: a wrong shape, numbers that are not finite, a zoom of 0 or less, more than two boxes.
        """
        boxes = _listed("boxes", boxes)
        strokes = [_pair("a stroke", each) for each in _listed("strokes", strokes)]
        mouth = None if mouth is None else _pair("mouth", mouth)
        frames, height, width = _three(shape)
        raster = bool(len(boxes) or len(strokes) or mouth is not None)
        check_shape(frames, *((height, width) if raster else (SPACE_STRIDE, SPACE_STRIDE)), (1, 1, 1))
        cells = CONTROL_CHANNELS * prod(latent_shape(frames, height, width)) * raster
        check_memory(f"a control raster of {shape}", 16 * cells, "use a smaller and shorter clip")
        if len(boxes) > SUBJECTS:
            cure = "draw what else moves with strokes"
            raise X2VError(f"{len(boxes)} boxes", "one box for each of two subjects", cure)
        given = [None if box is None else checked_boxes("box", box, shape[0]) for box in boxes]
        drawn = cls()
        if len(boxes) or len(strokes) or mouth is not None:
            control = torch.from_numpy(control_raster(shape, given, strokes, mouth))[None]
            drawn = cls(control=control, boxes=torch.from_numpy(box_track(shape[0], given, angle))[None])
        if camera is not None:
            drawn = replace(drawn, camera=torch.from_numpy(camera_track(camera, shape[0]))[None])
        return drawn

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Conditions:
        """The same conditions on a device, floats in a dtype."""

        def move(x: Tensor | None) -> Tensor | None:
            return x if x is None else x.to(device, None if x.dtype == torch.bool else dtype)

        return Conditions(*(move(part) for part in vars(self).values()))

    def without_control(self) -> Conditions:
        """The same given frames, with neither boxes, control raster nor camera: the other side of control
        guidance.
        """
        return replace(self, control=None, camera=None, boxes=None)

    @property
    def talks(self) -> bool:
        """Whether a mouth is given in any clip."""
        return self.control is not None and bool(self.control[:, MOUTH].any())

    def with_still_mouth(self) -> Conditions:
        """The same, each clip's mouth as far open all the time as it is on average: the other side of
        guidance of the mouth.
        """
        if self.control is None:
            return self
        control = self.control.clone()
        openness = control[:, OPENNESS:].amax((3, 4)).mean((1, 2))  # (B,): the same all over a mouth's box
        control[:, OPENNESS:] = openness.view(-1, 1, 1, 1, 1) * (control[:, MOUTH, None] > 0)
        return replace(self, control=control)

    def merge(self, other: Conditions) -> Conditions:
        """What both hold. Raises X2VError where both give the same."""
        mine, theirs = vars(self), vars(other)
        if twice := [name for name in mine if mine[name] is not None and theirs[name] is not None]:
            rule = "what comes as an image, as boxes or as conditions is given once"
            raise X2VError(f"{' and '.join(twice)} given twice", rule, "leave one of them out")
        return Conditions(**{name: theirs[name] if mine[name] is None else mine[name] for name in mine})

    def fit(self, batch: int, channels: int, grid: Shape3) -> Conditions:
        """Conditions of one clip, or of as many as the batch has, as those of the batch.

        Args:
            batch: clips B.
            channels: C of the latents.
            grid: (f, h, w) of the latents.

        Raises:
            X2VError: parts that do not fit such latents or each other, or hold numbers that are not finite.
        """
        if self.known_mask is not None and not isinstance(self.known_mask, Tensor):
            got = f"conditions.known_mask of type {type(self.known_mask).__name__}"
            raise X2VError(got, "a mask is a bool tensor", "use known_frames(...)")
        if (self.known_latents is None) != (self.known_mask is None):
            rule = "known_latents and known_mask go together"
            raise X2VError("conditions.known_latents without its mask", rule, "use known_frames(...)")
        if self.known_mask is not None and self.known_mask.dtype != torch.bool:
            got = f"conditions.known_mask of {self.known_mask.dtype}"
            raise X2VError(got, "a mask is bool, True where frames are given", "use known_frames(...)")
        if self.boxes is not None and self.control is None:
            rule = "boxes are numbers of what the control raster shows"
            raise X2VError("conditions.boxes without control", rule, "make both with Conditions.draw(...)")
        f, h, w = grid
        sizes = {
            "known_latents": (channels, f, h, w),
            "known_mask": (f, h, w),
            "control": (CONTROL_CHANNELS, f, h, w),
            "camera": (f, CAMERA_CHANNELS),
            "boxes": (TIME_STRIDE * (f - 1) + 1, SUBJECTS, 5),
        }
        parts = {name: _fitted(name, getattr(self, name), batch, size) for name, size in sizes.items()}
        fitted = Conditions(**parts)
        known = reimpose_known(torch.zeros(()), fitted) if fitted.known_mask is not None else None
        for name, value in {**parts, "known_latents": known}.items():
            if value is not None and not torch.isfinite(value).all():
                got, cure = f"conditions.{name} with nan or inf", "make it with Conditions.draw(...)"
                raise X2VError(got, "every number is finite (0 is not given)", cure)
        return fitted


# -- who wins -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """What happens in one case of `RULES`."""

    drafts: bool
    """Whether a plan is drafted."""
    subjects: str
    """Whose boxes, angle and mouth are drawn: "plan", or "given" (what was given as boxes or raster, if
    anything)."""
    keeps: str = "all"
    """Subjects of a drafted plan that are kept: "all", "boxes" (those that were given as boxes) or "none"."""


RULES: dict[str, Rule] = {
    "plan=False, or no planner": Rule(False, "given"),
    "a plan by hand": Rule(False, "plan"),  # also over boxes, around which it was drafted perhaps
    "a plan by hand and a raster": Rule(False, "given"),  # of that plan, the camera is left
    "a draft and a video": Rule(False, "given"),  # the video shows where everything goes
    "a draft and a raster": Rule(True, "given", "none"),  # the raster says itself where things are
    "a draft and given frames": Rule(True, "plan", "boxes"),  # so do the frames, but for what has a box
    "a draft": Rule(True, "plan"),
}
"""Who decides where subjects go, by what meets. A given camera always wins over a plan's, and a plan is
drafted around given boxes and a given camera, which it keeps as they are."""


def case_of(plan: Plan | bool, given: Conditions, *, boxes: int, video: bool, planner: bool) -> str:
    """The key of `RULES` that holds, with arguments as in `resolve`."""
    raster = given.control is not None and not boxes
    if not isinstance(plan, bool):
        return "a plan by hand and a raster" if raster else "a plan by hand"
    if not plan or not planner:
        return "plan=False, or no planner"
    if video:
        return "a draft and a video"
    if raster:
        return "a draft and a raster"
    return "a draft" if given.known_latents is None else "a draft and given frames"


def resolve(
    plan: Plan | bool,
    given: Conditions,
    shape: Shape3,
    *,
    boxes: int = 0,
    video: bool = False,
    draft: Callable[[], Plan] | None = None,
) -> tuple[Conditions, Plan | None]:
    """Decide what wins, by `RULES`.

    Args:
        plan: made by hand, True for a draft, False for none.
        given: everything else that was given, boxes drawn into it.
        shape: frames, height, width of the clips.
        boxes: how many boxes were given as boxes, not as a raster.
        video: whether a video is given that is made anew.
        draft: drafts plans around the given boxes and camera; None where there is no planner.

    Returns:
        The conditions of the clips, and the plan that went into them, if any: given again by hand it makes
        the same.
    """
    rule = RULES[case_of(plan, given, boxes=boxes, video=video, planner=draft is not None)]
    if isinstance(plan, bool):
        if not rule.drafts or draft is None:
            return given, None
        plan = draft()
        if rule.keeps != "all":
            plan = plan.only(boxes if rule.keeps == "boxes" else 0)
    drawn = plan.conditions(*shape[1:])
    subjects = drawn if rule.subjects == "plan" else given
    camera = drawn.camera if given.camera is None else given.camera
    return replace(given, control=subjects.control, boxes=subjects.boxes, camera=camera), plan


# -- given frames -------------------------------------------------------------------------------------------


def reimpose_known(latents: Tensor, given: Conditions) -> Tensor:
    """Latents with the given frames put back in."""
    if given.known_latents is None or given.known_mask is None:
        return latents
    return torch.where(given.known_mask[:, None], given.known_latents.to(latents.dtype), latents)


def known_frames(latents: Tensor, latent_frames: Sequence[int]) -> Conditions:
    """Conditions that hold the named latent frames of latents (B, C, f, h, w); negative numbers count from
    the end.

    Image-to-video is [0]; extend, loop, connect and in-between are other lists.
    """
    if not isinstance(latents, Tensor) or latents.ndim != 5:
        got = f"known frames of {tuple(getattr(latents, 'shape', ())) or type(latents).__name__}"
        raise X2VError(got, "they are latents (B, C, f, h, w)", "encode frames with the pipeline's vae")
    if strange := [frame for frame in latent_frames if not -latents.shape[2] <= frame < latents.shape[2]]:
        rule = f"there are {latents.shape[2]} latent frames"
        raise X2VError(f"latent frame {strange[0]}", rule, "count from 0, or from -1 at the end")
    mask = torch.zeros(latents.shape[0], *latents.shape[2:], dtype=torch.bool, device=latents.device)
    mask[:, list(latent_frames)] = True
    return Conditions(known_latents=latents, known_mask=mask)


def token_mask(known_mask: Tensor, patch: Shape3) -> Tensor:
    """(B, f, h, w) bool -> (B, N) bool: True where every latent position of a token is known."""
    B, f, h, w = known_mask.shape
    pt, ph, pw = patch
    inside = known_mask.reshape(B, f // pt, pt, h // ph, ph, w // pw, pw)
    return inside.permute(0, 1, 3, 5, 2, 4, 6).reshape(B, -1, pt * ph * pw).all(-1)


def token_levels(t: Tensor, known_mask: Tensor | None, patch: Shape3) -> Tensor:
    """A clip's noise level (B, 1) -> (B, N), 0 on given tokens; (B, 1) as it came when no token is given."""
    if known_mask is None:
        return t
    return t.masked_fill(token_mask(known_mask, patch), 0.0)


# -- batches ------------------------------------------------------------------------------------------------


def stack(parts: Sequence[Tensor | None], dtype: torch.dtype) -> Tensor | None:
    """Concatenate over the batch; None counts as zeros where another part is there, and all None is None."""
    like = next((part for part in parts if part is not None), None)
    if like is None:
        return None
    return torch.cat([torch.zeros_like(like) if part is None else part for part in parts]).to(dtype)


def _listed(name: str, values: Any) -> Any:
    """A list, or an array's rows. X2VError for anything else."""
    if not isinstance(values, (list, tuple)) and not (isinstance(values, np.ndarray) and values.ndim > 1):
        raise X2VError(f"{name}={repr(values):.60}", f"{name} are a list", f"give {name}=[...]")
    return values


def _pair(name: str, values: Any) -> tuple[Any, Any]:
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        rule = f"{name} is a pair: where it is, and a number or numbers"
        raise X2VError(f"{name} {repr(values):.60}", rule, "see Conditions.draw")
    return values[0], values[1]


def _three(shape: Any) -> Shape3:
    if not isinstance(shape, (list, tuple)) or len(shape) != 3:
        rule = "a shape is frames, height and width"
        raise X2VError(f"shape={repr(shape):.60}", rule, "use (17, 128, 128)")
    return shape[0], shape[1], shape[2]


def _fitted(name: str, value: Any, batch: int, size: tuple[int, ...]) -> Tensor | None:
    if value is None:
        return None
    if not isinstance(value, Tensor) or value.is_complex():
        got = f"conditions.{name} of type {type(value).__name__}"
        raise X2VError(got, "it is a tensor of numbers", "make it with Conditions.draw(...)")
    if not value.ndim or value.shape[0] not in (1, batch) or tuple(value.shape[1:]) != size:
        rule = f"this run needs {('B', *size)} with B = 1 or {batch}".replace("'", "")
        raise X2VError(f"conditions.{name} of shape {tuple(value.shape)}", rule, "draw it for this size")
    return value.expand(batch, *size)
