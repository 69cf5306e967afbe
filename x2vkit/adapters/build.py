"""The traces of a finished run: one for each section of the clip.

S steps    C, f, h, w latents    F, H, W pixels    N video tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.adapters.base import Support
from x2vkit.adapters.coverage import Note, coverage, note, padding_notes
from x2vkit.adapters.grid import Layout, find_geometry, find_layout, frames_of, patches
from x2vkit.adapters.layers import ORDER, Reading, each_site, readings
from x2vkit.adapters.maps import word_maps
from x2vkit.adapters.recording import Kept, Run, SiteName
from x2vkit.adapters.sizes import expected_latents, frames_a_second, spatial_stride, temporal_stride
from x2vkit.adapters.watch import denoisers
from x2vkit.adapters.words import read_words
from x2vkit.axes import Geometry, Shape3
from x2vkit.errors import X2VError
from x2vkit.run.versions import versions
from x2vkit.trace import Trace
from x2vkit.trace.linear import fit_preview

Array = NDArray[Any]
GREY = 128
"""What pictures are made of where the call returned none."""


def traces_of(run: Run, support: Support) -> tuple[Trace, ...]:
    """Every section of a run as a trace, in the order in which they were made.

    Raises:
        X2VError: the run made no steps, or its latents cannot be told apart.
    """
    if not run.steps:
        rule = "its scheduler made no step that could be seen"
        raise X2VError(
            f"this call of {support.pipeline}", rule, "let it denoise, with the pipeline's own scheduler"
        )
    sections = sorted({step.section for step in run.steps})
    return tuple(_trace(run, support, section, len(sections)) for section in sections)


def _trace(run: Run, support: Support, section: int, sections: int) -> Trace:
    notes: list[Note] = []
    if sections > 1:
        said = f"This is section {section + 1} of {sections} of the clip; each has a trace of its own."
        notes.append(note("other sections", said))
    first = next(i for i, step in enumerate(run.steps) if step.section == section)
    steps = [step for step in run.steps if step.section == section]
    layout = _layout(run, support, steps, section, sections)
    frames, geometry, real = _clip(run, layout, section, sections, notes)
    model = _model(run, steps)
    patch, found = _readings(run, layout, model, notes)
    geometry = replace(geometry, patch=patch)
    grid = geometry.patch_grid(*layout.shape)
    words, kinds = _words_and_kinds(run, found, grid)
    geometry = replace(geometry, token_kinds=kinds)
    order = list(found)
    kept = {
        (step - first, layer): found[order[layer]].pick(heard, grid)
        for step, layer, heard in each_site(run, order)
        if first <= step < first + len(steps)
    }
    notes += padding_notes(kept, [found[site].layer for site in order], geometry)
    last = layout.arrange(steps[-1].next_sample)
    picture = fit_preview(last, frames, geometry) if real else None
    return Trace(
        request=_request(run, support),
        words=words,
        unknown=(),
        t=np.array([*(step.t for step in steps), steps[-1].next_t], np.float32),
        latents=np.stack([*(layout.arrange(step.sample) for step in steps), last]),
        pred_x0=np.stack([layout.arrange(_x0(step)) for step in steps]),
        pred_x0_cond=_conditional(layout, steps),
        frames=frames,
        fps=frames_a_second(run.call, support),
        queries={site: pair[0] for site, pair in kept.items()},
        keys={site: pair[1] for site, pair in kept.items()},
        heads=tuple(run.keep.heads or ()) if kept else (),
        geometry=geometry,
        layers=tuple(found[site].layer for site in order),
        maps=word_maps(kept, [found[site].layer for site in order], geometry, grid),
        stages=tuple(step.stage for step in steps) if len({step.stage for step in run.steps}) > 1 else (),
        sections=(section,) * len(steps) if sections > 1 else (),
        preview_weight=None if picture is None else picture.weight.astype(np.float16),
        preview_bias=None if picture is None else picture.bias.astype(np.float16),
        timings=_timings(run, steps),
        versions=versions(run.pipe, model),
        coverage=coverage(support, run, notes),
    )


def _x0(step: Kept) -> Array:
    return step.next_sample if step.pred_x0 is None else step.pred_x0


def _conditional(layout: Layout, steps: Sequence[Kept]) -> Array | None:
    """What the words alone would make, where guidance made something else of it."""
    each = [step.pred_x0_cond for step in steps]
    if (
        any(one is None for one in each)
        or all(step.forwards == 1 and step.calls for step in steps)
        and not _guided(steps)
    ):
        return None
    return np.stack([layout.arrange(one) for one in each if one is not None])


def _guided(steps: Sequence[Kept]) -> bool:
    pairs = [(step.pred_x0, step.pred_x0_cond) for step in steps]
    return any(a is not None and b is not None and not np.array_equal(a, b) for a, b in pairs)


def _layout(run: Run, support: Support, steps: Sequence[Kept], section: int, sections: int) -> Layout:
    last = steps[-1].next_sample.astype(np.float32)
    decoded = _decoded(run, section, sections)
    return find_layout(last, decoded, expected_latents(run.pipe, run.call), support.layout)


def _decoded(run: Run, section: int, sections: int) -> Array | None:
    """(C, f, h, w) what the VAE decoded of one section."""
    made = run.decodings
    if not made:
        return None
    if made[0].ndim == 4:  # pictures one by one, or a few at a time
        return np.concatenate(made).transpose(1, 0, 2, 3)
    if len(made) == sections:
        return made[section][0]
    return made[-1][0] if sections == 1 else None


def _clip(
    run: Run, layout: Layout, section: int, sections: int, notes: list[Note]
) -> tuple[NDArray[np.uint8], Geometry, bool]:
    """The pictures that a section's latents stand for, the strides between them, whether they are real."""
    stride = temporal_stride(run.pipe)
    frames = frames_of(run.result, run.call.get("output_type"))
    if sections > 1:
        frames = run.pictures[section] if len(run.pictures) == sections else None
        if frames is not None and layout.offset and stride:  # behind others, each latent frame has as many
            start = (layout.offset - 1) * stride + 1
            frames = frames[start : start + layout.shape[0] * stride]
    if frames is None:
        geometry = Geometry(stride or 1, spatial_stride(run.pipe) or 1, (1, 1, 1), (), (stride or 1) > 1)
        notes.append(note("no pictures", "The call returned latents: the clip of this record is grey."))
        return np.full((*geometry.pixel_shape(*layout.shape), 3), GREY, np.uint8), geometry, False
    geometry, held = find_geometry(layout.shape, frames.shape[:3], stride)
    if held < len(frames) and sections == 1:
        said = f"The call returned {len(frames)} frames; its latents stand for the first {held}."
        notes.append(note("more frames", said))
    return frames[:held], geometry, True


def _model(run: Run, steps: Sequence[Kept]) -> Any:
    models = denoisers(run.pipe)
    return models.get(steps[-1].stage, next(iter(models.values())))


def _readings(
    run: Run, layout: Layout, model: Any, notes: list[Note]
) -> tuple[Shape3, dict[SiteName, Reading]]:
    """The patch with which the calls of attention make sense, and what each reads.

    The patch is the one of the config's possible ones whose tokens are those that were counted.
    """
    wanted = list(dict.fromkeys(patches(model.config)))
    tried = []
    for patch in wanted:
        found, unread = readings(run, Geometry(patch=patch), layout, lambda n: _words(run, n))
        tried.append((sum("video" in one.queries for one in found.values()), found, unread, patch))
        if tried[-1][0] and not any(name in ("another grid", "another order") for name, _ in unread):
            break
    _, found, unread, patch = max(tried, key=lambda one: one[0])
    if run.keep.layers and not run.compiled:
        for (what, why), modules in unread.items():
            notes.append(note(what, f"The attention of these modules is not in this record: {why}.", modules))
    return patch, found


def _words(run: Run, places: int) -> list[str | None] | None:
    prompt = run.call.get("prompt")
    prompt = prompt[0] if isinstance(prompt, (list, tuple)) and prompt else prompt
    return read_words(run.pipe, run.tokenized, prompt, places) if isinstance(prompt, str) else None


def _words_and_kinds(
    run: Run, found: dict[SiteName, Reading], grid: Shape3
) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """A word for each text token, and how many tokens there are of each kind, in order."""
    counts: dict[str, int] = {"video": prod(grid)}
    for reading in found.values():
        for side in (reading.keys, reading.queries):
            counts |= {kind: len(places) for kind, places in side.items()}
    kinds = tuple((kind, counts[kind]) for kind in ORDER if counts.get(kind))
    text = counts.get("text", 0)
    for places in (text, text + counts.get("padding", 0)):
        if text and (spelt := _words(run, places)) and len(real := [word for word in spelt if word]) == text:
            return tuple(real), kinds
    return tuple(f"token {i}" for i in range(text)), kinds


def _request(run: Run, support: Support) -> dict[str, Any]:
    """What was asked, in the words of a request of x2vkit's own: prompt, guidance, steps, sizes."""
    call = run.call
    texts = {name: call.get(name) for name in ("prompt", "negative_prompt")}
    texts = {name: one[0] if isinstance(one, (list, tuple)) and one else one for name, one in texts.items()}
    asked: dict[str, Any] = {name: one if isinstance(one, str) else "" for name, one in texts.items()}
    asked["model"] = str(getattr(run.pipe, "_name_or_path", "") or support.pipeline)
    asked["steps"] = len(run.steps)
    for name, own in (
        ("guidance", "guidance_scale"),
        ("num_frames", "num_frames"),
        ("height", "height"),
        ("width", "width"),
    ):
        value = call.get(own)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            asked[name] = value if name == "guidance" else int(value)
    return asked


def _timings(run: Run, steps: Sequence[Kept]) -> dict[str, float]:
    """Seconds of each stage, as `run.record` names them."""
    denoise = sum(step.seconds for step in steps)
    return {"first_step": steps[0].seconds, "denoise": denoise, "total": run.ended - run.started}
