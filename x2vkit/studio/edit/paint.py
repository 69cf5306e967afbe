"""Making a part of a clip anew: inpaint, backdrop, recolor; and all of it at once: restyle.

    F frames, H, W pixels; C, f, h, w latent grid

What the mask does not reach is encoded and given to the run as known latents, token by token: those tokens
stand at noise level 0 from the first step on, are attended to, and are never changed. In the end the pixels
outside the mask are those of the source, with a soft seam inside it. (Whole-token masks, since a token of
mixed noise levels was never trained on; SDEdit, arXiv 2108.01073, where not all of the mask is forgotten.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as nnf

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE
from x2vkit.core.conditions import Conditions
from x2vkit.core.sampler import check_sampling
from x2vkit.errors import X2VError
from x2vkit.judge.prompts import plain
from x2vkit.media import Frames
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import DEFAULT_MODEL
from x2vkit.run.load import chosen
from x2vkit.run.record import generate
from x2vkit.studio.edit.masks import Mask, background, mask_of, redressed, within
from x2vkit.studio.edit.source import FIRST, SECOND, Source, changed, check_words, grown, source_of
from x2vkit.studio.reading import read
from x2vkit.trace import Trace
from x2vkit.world import SceneSpec
from x2vkit.world.sprites import COLORS

SEAM = 2
"""Pixels inside the mask over which source and new pixels are mixed."""
DECIDED = ("num_frames", "height", "width", "fps", "plan", "boxes", "image", "video", "conditions", "latents")
"""Options of `generate` that the clip itself decides."""
RECOLORED = 0.35
"""Strength with which recoloured pixels are made anew."""


def inpaint(
    clip: Any,
    mask: str | NDArray[np.bool_],
    prompt: str,
    *,
    strength: float = 1.0,
    seed: int = 0,
    pipeline: X2VPipeline | None = None,
    **options: Any,
) -> Trace:
    """Make what lies in a mask anew; the rest is kept.

    >>> red = x2v.inpaint(trace, "the hat", "a red hat")

    Args:
        clip: a Trace, frames uint8 (F, H, W, 3), or a path.
        mask: a word that the clip shows ("the hat", "the dog", "background"; "head" and "neck" are where a
            hat or a scarf goes, "mouth" of a face), which follows the motion; or bool (H, W) or (F, H, W),
            True where the clip may change.
        prompt: what is to be there ("a red hat"), or all that the clip shall show. What it does not say stays
            as it was; a hat under a mask that the prompt does not mention goes, so "" takes a hat away.
        strength: 1 forgets what was in the mask, less keeps some of its layout.
        seed: another seed, another filling.
        pipeline: the model; by default the one that `model=` names.
        **options: those of `generate` (steps, guidance ...).

    Returns:
        The clip; pixels outside the mask are the source's own.

    Raises:
        X2VError: a word that the clip does not show; a mask of another size, of nothing or of everything;
            a prompt of which no word says anything of the world; what is no clip; what `generate` refuses.
    """
    if prompt != "":
        check_words("prompt", prompt)
    source = source_of(clip)
    spec = _asked(source, mask, prompt)
    where = mask_of(source, mask)
    if isinstance(mask, str) and spec.subject != source.spec.subject:  # who is larger needs more room
        boxes = redressed(source.tracks["boxes"][:, 0], source.spec, spec)
        where |= within(boxes, *source.frames.shape[1:3])
    call = {"call": "inpaint", "mask": mask if isinstance(mask, str) else "array", "prompt": prompt}
    return repaint(
        source, where, spec, call, strength=strength, seed=seed, pipeline=pipeline, options=options
    )


def backdrop(
    clip: Any, scene: str, *, seed: int = 0, pipeline: X2VPipeline | None = None, **options: Any
) -> Trace:
    """The same subjects, pixel for pixel, in another place.

    >>> beach = x2v.backdrop(trace, "on the beach")

    Args:
        clip: as in `inpaint`.
        scene: a place of the world, in any words ("the beach", "in Tokyo").
        seed, pipeline, options: as in `inpaint`.

    Raises:
        X2VError: words that name no place; a clip without a subject.
    """
    source = source_of(clip)
    scenes = read(scene).parts if isinstance(scene, str) else {}
    if "scene" not in scenes:
        places = "snow, grass, beach, night, city, desert, underwater, space"
        raise X2VError(f"scene {scene!r:.60}", f"places of the world are {places}", "name one of them")
    if not np.isin(source.kinds, (FIRST, SECOND)).any():
        raise X2VError(
            "a clip without a subject", "a backdrop is changed behind somebody", "use restyle(...)"
        )
    spec = replace(source.spec, scene=scenes["scene"])
    call = {"call": "backdrop", "scene": scene}
    how: dict[str, Any] = {"seed": seed, "pipeline": pipeline, "options": options}
    return repaint(source, background(source), spec, call, seam=1, **how)


def recolor(
    clip: Any,
    thing: str,
    color: str,
    *,
    strength: float = RECOLORED,
    seed: int = 0,
    pipeline: X2VPipeline | None = None,
    **options: Any,
) -> Trace:
    """Give a thing another colour: its pixels are tinted, and then made anew a little, so that they fit.

    >>> red = x2v.recolor(trace, "the dog", "red")

    Args:
        clip: as in `inpaint`.
        thing: a subject or what it wears.
        color: a colour of the world, in any words ("red", "crimson").
        strength: how much of the tinted pixels is made anew, above 0 up to 1.
        seed, pipeline, options: as in `inpaint`.

    Raises:
        X2VError: a thing that the clip does not show, or that has no colour of its own; no colour.
    """
    if not isinstance(thing, str):
        rule = "a thing is named by its word"
        raise X2VError(f"thing={thing!r:.60}", rule, 'use "the dog", or "the hat"')
    source = source_of(clip)
    wanted = read(f"a {color} ball").parts.get("color") if isinstance(color, str) else None
    if wanted is None:
        rule = f"colours of the world are {', '.join(COLORS)}"
        raise X2VError(f"color {color!r:.60}", rule, "name one of them")
    where = mask_of(source, thing)
    spec, old = _colored(source.spec, thing, wanted)
    start = tinted(source.frames, where, COLORS[old], COLORS[wanted])
    call = {"call": "recolor", "thing": thing, "color": color}
    how: dict[str, Any] = {"strength": strength, "seed": seed, "pipeline": pipeline, "options": options}
    return repaint(source, where, spec, call, start=start, **how)


def restyle(
    clip: Any,
    prompt: str,
    strength: float = 0.6,
    *,
    seed: int = 0,
    pipeline: X2VPipeline | None = None,
    **options: Any,
) -> Trace:
    """Make all of a clip anew, as other words say; its motion, and at less strength its layout, stay.

    >>> night = x2v.restyle(trace, "at night", strength=0.7)

    Args:
        clip: as in `inpaint`.
        prompt: what is to be different ("at night", "a white cat"); the rest stays as it was.
        strength: how much is forgotten, above 0 up to 1.
        seed, pipeline, options: as in `inpaint`.

    Raises:
        X2VError: a prompt of which no word says anything of the world; what is no clip; what `generate`
            refuses.
    """
    check_words("prompt", prompt)
    source = source_of(clip)
    spec = changed(source.spec, prompt)
    call = {"call": "restyle", "prompt": prompt}
    how: dict[str, Any] = {"strength": strength, "seed": seed, "pipeline": pipeline, "options": options}
    return repaint(source, None, spec, call, **how)


def repaint(
    source: Source,
    where: Mask | None,
    spec: SceneSpec,
    call: Mapping[str, Any],
    *,
    start: Frames | None = None,
    seam: int = SEAM,
    strength: float = 1.0,
    seed: int = 0,
    pipeline: X2VPipeline | None = None,
    options: Mapping[str, Any] | None = None,
    **tracks: NDArray,
) -> Trace:
    """Make a clip anew where a mask is True.

    Args:
        source: the clip.
        where: (F, H, W) bool; None is everywhere.
        spec: what it shows then.
        call: what `Trace.made_by` tells.
        start: frames to begin from where `strength` is below 1; the source's by default.
        seam: pixels inside the mask over which source and new pixels are mixed.
        strength, seed, pipeline: as in `inpaint`.
        options: those of `generate`.
        **tracks: what is different in the plan.
    """
    options = dict(options or {})
    if twice := sorted(set(DECIDED) & set(options)):
        rule = "size, length and plan of an edit are the clip's own"
        raise X2VError(f"{', '.join(twice)} given to {call['call']}", rule, "leave it out")
    check_sampling(1, strength)
    pipeline = chosen(pipeline, options.get("model", DEFAULT_MODEL))
    boxes = source.tracks["boxes"].copy()
    boxes[:, 0] = redressed(boxes[:, 0], source.spec, spec)
    tracks = {"boxes": boxes} | tracks
    given = source.control(**tracks)
    if where is not None:
        given = given.merge(known_outside(source.frames, where, pipeline))
    if strength < 1:
        options |= {"video": source.frames if start is None else start, "strength": strength}
    frames, height, width = source.frames.shape[:3]
    made = generate(
        plain(spec), pipeline=pipeline, plan=False, conditions=given, seed=seed, num_frames=frames,
        height=height, width=width, **options,
    )  # fmt: skip
    return replace(
        made,
        frames=made.frames if where is None else composed(source.frames, made.frames, where, seam),
        fps=source.fps,
        plan=source.tracks | tracks,
        sound=source.sound,
        made_by={**call, "strength": strength, "seed": seed},
    )


def known_outside(frames: Frames, where: Mask, pipeline: X2VPipeline) -> Conditions:
    """A clip's latents, known in every token that a mask (F, H, W) does not reach in any of its frames."""
    video = torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.no_grad():
        latents = pipeline.vae.encode_video(video.to(pipeline.vae.device, pipeline.vae.dtype)).float().cpu()
    return Conditions(known_latents=latents, known_mask=~reached(where, pipeline.transformer.patch)[None])


def reached(where: Mask, patch: tuple[int, int, int]) -> Tensor:
    """(F, H, W) bool -> (f, h, w) bool: True on the latent positions of every token that the mask touches."""
    pixels = torch.from_numpy(where.astype(np.float32))
    # the first latent frame holds one frame, the others four each
    pixels = torch.cat([pixels[:1].expand(TIME_STRIDE, -1, -1), pixels[1:]])[None, None]
    pt, ph, pw = patch
    size = (TIME_STRIDE * pt, SPACE_STRIDE * ph, SPACE_STRIDE * pw)
    tokens = nnf.max_pool3d(pixels, size)[0, 0] > 0
    for axis, times in enumerate(patch):
        tokens = tokens.repeat_interleave(times, axis)
    return tokens


def composed(source: Frames, made: Frames, where: Mask, seam: int = SEAM) -> Frames:
    """The source outside a mask (F, H, W), what was made inside, and inside along its edge a mixture."""
    inner = torch.from_numpy(grown(where, -seam)).float()[:, None]
    share = nnf.avg_pool2d(nnf.pad(inner, [seam] * 4, mode="replicate"), 2 * seam + 1, 1)[:, 0, ..., None]
    mixed = source * (1 - share.numpy()) + made * share.numpy()
    return mixed.round().astype(np.uint8)


def tinted(
    frames: Frames, where: Mask, old: tuple[float, float, float], new: tuple[float, float, float]
) -> Frames:
    """Frames with one colour (RGB from 0 to 1) in a mask (F, H, W) changed to another: each pixel as far as
    it is a lighter or darker shade of it.
    """
    pixels = frames[where] / 255.0  #                                                        (n, 3)
    a, b = np.array(old), np.array(new)
    shade = pixels.mean(1, keepdims=True) / max(a.mean(), 1e-3)
    near = np.exp(-((np.abs(pixels - shade * a).max(1, keepdims=True) / 0.16) ** 2))
    near *= np.clip(shade / 0.35, 0, 1) ** 2  # black is no shade of a colour
    changed_ = frames.copy()
    target = np.clip(shade, 0, 1.4) * b
    changed_[where] = (255 * np.clip(pixels + near * (target - shade * a), 0, 1)).round().astype(np.uint8)
    return changed_


def _asked(source: Source, mask: Any, prompt: str) -> SceneSpec:
    """What a clip shows with the mask filled as asked: clothes under a mask by word that the prompt does not
    mention go.
    """
    spec = source.spec
    if isinstance(mask, str) and "wearing" in read(mask).parts and "wearing" not in read(prompt).parts:
        spec = replace(spec, wearing=None)
    return changed(spec, prompt)


def _colored(spec: SceneSpec, thing: str, color: str) -> tuple[SceneSpec, str]:
    """A scene with a thing of another colour, and the thing's old one."""
    said = read(thing).parts
    if "wearing" in said and spec.wearing:
        return replace(spec, wearing=(spec.wearing[0], color)), spec.wearing[1]
    if spec.other and said.get("subject") == spec.other[0] != spec.subject:
        return replace(spec, other=(spec.other[0], color)), spec.other[1]
    if said.get("subject") == spec.subject:
        return replace(spec, color=color), spec.color
    rule = "a subject has a colour, and so has what it wears"
    raise X2VError(f"thing {thing!r:.60}", rule, "name one of these, or use inpaint(...)")
