"""Where something is in a clip, by its word: the mask that an edit works in.

    F frames, H, W pixels

Subjects and place come from the judge's map of what each pixel belongs to. What a subject wears, its head,
neck and mouth lie where the world's sprites have them, in the subject's box. A mask follows the motion, frame
by frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.studio.edit.source import FIRST, IN_FRONT, SECOND, Source, grown
from x2vkit.studio.reading import read
from x2vkit.world import SceneSpec
from x2vkit.world.render import ELLIPSE
from x2vkit.world.sprites import SPRITES, Part, hat_parts, scarf_parts

Mask = NDArray[np.bool_]
Extent = tuple[float, float, float, float]
"""Left, bottom, right, top in units of a sprite: x to the right of its middle, y above its feet."""
PLACE = ("background", "backdrop", "place", "scene", "surroundings")
"""Words for all that is no subject."""
PARTS = ("head", "neck", "mouth")
"""Parts of a subject that have a place of their own."""
MOUTH: Extent = (-0.21, 0.03, 0.21, 0.40)
"""Where a face's mouth is, smiling, frowning or talking (`world.sprites`); a robot's is found likewise."""
ROBOT_MOUTH: Extent = (-0.17, 0.58, 0.17, 0.72)
EDGE = 2
"""Pixels by which a mask reaches over the edge of what it covers: an edge is a pixel or two wide."""


def mask_of(source: Source, mask: Any) -> Mask:
    """A word or an array as a mask (F, H, W), True where the clip may change.

    Args:
        source: the clip.
        mask: a word ("the hat", "the dog", "background", "mouth"), or bool (H, W) or (F, H, W).

    Raises:
        X2VError: what the clip does not show; a mask of another size or kind, of nothing or of everything.
    """
    found = by_word(source, mask) if isinstance(mask, str) else _given(source, mask)
    said = repr(mask) if isinstance(mask, str) else "a mask"
    if not found.any():
        raise X2VError(f"{said} of no pixel", "a mask is True where something changes", "mark a part")
    if found.all():
        rule = "what lies outside the mask is kept, and this one leaves nothing outside"
        raise X2VError(f"{said} of every pixel", rule, "mark a part, or remake all of it: restyle(...)")
    return found


def _given(source: Source, mask: Any) -> Mask:
    try:
        array = np.asarray(mask)
    except ValueError:  # rows of several lengths
        array = np.zeros(0)
    if array.ndim < 2:
        cure = 'say what changes: "the hat", "background"'
        raise X2VError(f"mask={mask!r:.60}", "a mask is a word or an array of bool", cure)
    if array.dtype != bool:
        got = f"a mask of {array.dtype} {array.shape}"
        raise X2VError(got, "a mask is a word or an array of bool", "use mask > 0")
    shape = source.frames.shape[:3]
    if array.shape not in (shape, shape[1:]):
        rule = f"the clip is {shape[0]} frames of {shape[1]} x {shape[2]}"
        cure = f"give {shape[1:]}, or {shape} to follow what moves"
        raise X2VError(f"a mask of {array.shape}", rule, cure)
    return np.array(np.broadcast_to(array, shape))


def by_word(source: Source, word: str) -> Mask:
    """Where the clip shows what a word says (F, H, W). X2VError for what it does not show."""
    spec, tokens = source.spec, set(word.lower().split())
    if tokens & set(PLACE):
        return background(source)
    if part := next((name for name in PARTS if name in tokens), ""):
        if part == "mouth" and spec.subject not in ("face", "robot"):
            raise _unseen(word, spec)
        return _part(source, part)
    said = read(word).parts
    if "wearing" in said and spec.wearing and spec.wearing[0] == said["wearing"]:
        return _part(source, said["wearing"])
    if "subject" in said and "wearing" not in said:
        for kind, name in ((FIRST, spec.subject), (SECOND, spec.other[0] if spec.other else "")):
            if said["subject"] == name:
                return grown(source.kinds == kind, EDGE)
    if said.get("behind") and said["behind"] == spec.behind:
        return grown(source.kinds == IN_FRONT, EDGE)
    if said.get("scene") == spec.scene and "subject" not in said:
        return background(source)
    raise _unseen(word, spec)


def background(source: Source) -> Mask:
    """All that belongs to no subject (F, H, W), and the subjects' own edge, in which their surroundings show;
    thin parts (a mast, a tail) are kept whole.
    """
    subjects = (source.kinds == FIRST) | (source.kinds == SECOND)
    core = grown(subjects, -EDGE)
    return ~(core | (subjects & ~grown(core, EDGE + 1)))


def _unseen(word: str, spec: SceneSpec) -> X2VError:
    shown = [spec.subject, spec.wearing and spec.wearing[0], spec.other and spec.other[0], spec.behind]
    have = ", ".join(f"the {name}" for name in shown if name)
    return X2VError(f"mask {word!r:.60}", f"the clip shows {have}, and the background", "name one of these")


def _part(source: Source, name: str) -> Mask:
    """What a subject wears, or a part of it, in each frame (F, H, W)."""
    boxes = part_boxes(source.tracks["boxes"][:, 0], source.spec, name)
    inside = within(boxes, *source.frames.shape[1:3])
    # what hangs into the part's box from the place is left alone
    return inside if name in ("head", "neck") else inside & grown(source.kinds == FIRST, 3 * EDGE)


def within(boxes: NDArray, height: int, width: int) -> Mask:
    """The pixels (F, H, W) inside boxes (F, 4); none where a box is NaN."""
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    x0, y0, x1, y1 = np.nan_to_num(boxes, nan=-1.0).T[..., None]
    return ((y >= y0) & (y <= y1))[:, :, None] & ((x >= x0) & (x <= x1))[:, None, :]


def part_boxes(boxes: NDArray, spec: SceneSpec, name: str) -> NDArray:
    """Boxes of a subject (F, 4) -> those of what it wears, or of a part of it (F, 4); NaN stays."""
    x0, y0, x1, y1 = boxes.T
    left, low, right, top = extent(spec)
    a, b, c, d = _where(spec, name)
    if spec.direction == "left":
        left, right, a, c = -right, -left, -c, -a
    wide, tall = (x1 - x0) / (right - left), (y1 - y0) / (top - low)
    return np.stack([x0 + (a - left) * wide, y0 + (top - d) * tall, x0 + (c - left) * wide,
                     y0 + (top - b) * tall], 1)  # fmt: skip


def redressed(boxes: NDArray, before: SceneSpec, after: SceneSpec) -> NDArray:
    """Boxes of a subject (F, 4) as they are with other clothes, or another subject of the same height: its
    feet and its middle stay.
    """
    x0, y0, x1, y1 = boxes.T
    old, new = extent(before), extent(after)
    grow = SPRITES[after.subject].height / SPRITES[before.subject].height
    side = -1 if before.direction == "left" else 1
    wide, tall = (x1 - x0) / (old[2] - old[0]), (y1 - y0) / (old[3] - old[1])
    middle, feet = (x0 + x1) / 2 - side * (old[0] + old[2]) / 2 * wide, y1 + old[1] * tall
    wide, tall = wide * grow, tall * grow
    ends = [middle + side * new[i] * wide for i in (0, 2)]
    return np.stack([np.minimum(*ends), feet - new[3] * tall, np.maximum(*ends), feet - new[1] * tall], 1)


def extent(spec: SceneSpec) -> Extent:
    """What a subject fills with all that it wears."""
    worn = spec.wearing[0] if spec.wearing else ""
    sprite = SPRITES[spec.subject]
    parts = [part for part in sprite.parts if part.joint not in ("mouth", "smile", "frown")]
    if worn == "hat" or (worn == "scarf" and sprite.scarf):
        parts += worn_parts(spec.subject, worn)
    return _around(parts)


def worn_parts(subject: str, name: str) -> list[Part]:
    """The parts of a hat or a scarf, where the subject wears it."""
    sprite = SPRITES[subject]
    if name == "hat":
        return list(hat_parts(*sprite.hat))
    return list(scarf_parts(*(sprite.scarf or sprite.hat)))


def _where(spec: SceneSpec, name: str) -> Extent:
    if name == "mouth":
        return MOUTH if spec.subject == "face" else ROBOT_MOUTH
    x0, y0, x1, y1 = _around(worn_parts(spec.subject, {"head": "hat", "neck": "scarf"}.get(name, name)))
    return x0 - 0.05, y0 - 0.03, x1 + 0.05, y1 + 0.06


def _around(parts: list[Part]) -> Extent:
    """What parts fill together."""
    angle = np.radians([part.angle for part in parts])
    cos, sin = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    x, y, rx, ry = np.array([(part.x, part.y, part.rx, part.ry) for part in parts]).T
    round_ = np.array([part.kind == ELLIPSE for part in parts])
    wide = np.where(round_, np.hypot(rx * cos, ry * sin), rx * cos + ry * sin)
    tall = np.where(round_, np.hypot(rx * sin, ry * cos), rx * sin + ry * cos)
    ends = (x - wide).min(), (y - tall).min(), (x + wide).max(), (y + tall).max()
    return tuple(float(end) for end in ends)  # type: ignore[return-value]
