"""Does an edit change what it was asked to, and keep the rest? On real renders, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS
from x2vkit.judge.prompts import scenes_where, target_of
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import APART, USUAL, ClipSampler, recoded
from x2vkit.world import SceneSpec
from x2vkit.world.grammar import COLOR_NAMES, SCENES


@dataclass(frozen=True)
class Edit:
    """One kind of edit, as it is measured."""

    name: str
    after: Callable[[SceneSpec], SceneSpec]
    """What the clip shows then."""
    changes: str
    """The attribute that is different."""
    known_as: str
    """The field's name of such a figure."""
    keeps: bool = True
    """Whether it has an outside that is kept."""


def _next(words: tuple[str, ...], word: str) -> str:
    return words[(words.index(word) + 3) % len(words)]


EDITS = (
    Edit(
        "inpaint",
        lambda s: replace(s, wearing=("hat", _next(COLOR_NAMES, s.wearing[1]))) if s.wearing else s,
        "wearing_color",
        "T2V-CompBench: consistent attribute binding",
    ),
    Edit("backdrop", lambda s: replace(s, scene=_next(SCENES, s.scene)), "scene", "VBench: scene"),
    Edit("recolor", lambda s: replace(s, color=_next(COLOR_NAMES, s.color)), "color", "VBench: color"),
    Edit("restyle", lambda s: replace(s, scene=_next(SCENES, s.scene)), "scene", "VBench: scene", False),
)


def edit(run: ClipSampler) -> Iterator[Figure]:
    """Of each kind of edit: what was asked for, all that the clip is to show, and what is kept outside."""
    specs = scenes_where(
        max(4, run.prompts // 2),
        run.seed,
        lambda s: bool(s.wearing) and not s.other and not s.behind and s.action in ("walk", "stand", "swim"),
        camera="static",
        wearing=("hat", "blue"),
        size="",
    )
    specs = [replace(s, wearing=("hat", COLOR_NAMES[i % len(COLOR_NAMES)])) for i, s in enumerate(specs)]
    clips = [run.world.render(s, run.seed + APART + i, *USUAL, fps=FPS).frames for i, s in enumerate(specs)]
    before = [run.judge.read(clip).values for clip in clips]
    first = [clip[0] for clip in clips]
    again = recoded(run.pipeline, first) if run.pipeline is not None else first
    codec = float(np.mean([metrics.psnr(a, b) for a, b in zip(again, first, strict=True)]))
    for kind in EDITS:
        yield from _measured(run, kind, specs, clips, before, codec)


def _measured(
    run: ClipSampler,
    kind: Edit,
    specs: list[SceneSpec],
    clips: list[Any],
    before: list[dict[str, str]],
    codec: float,
) -> Iterator[Figure]:
    after = [kind.after(spec) for spec in specs]
    targets = [target_of(spec) for spec in after]
    real = [clip.predicted for clip, _ in run.real(after)]
    made, kept = _made(run, kind, after, clips)

    def asked(found: list[dict[str, str]]) -> float | None:
        hits = [f.get(kind.changes) == t[kind.changes] for f, t in zip(found, targets, strict=True) if found]
        return float(np.mean(hits)) if hits else None

    def all_of(found: list[dict[str, str]]) -> float | None:
        hits = [metrics.share_right(t, f) for f, t in zip(found, targets, strict=True) if found]
        return float(np.mean(hits)) if hits else None

    word = kind.changes.replace("_", " ")
    shuffled = metrics.agreement(targets, made or real)[kind.changes].shuffled
    yield Figure(
        f"{kind.name}: new {word}",
        "control",
        f"share of the edited clips in which the {word} is read that was asked for; without: the clips as "
        "they were",
        asked(real) or 0.0,
        asked(made) if made else None,
        shuffled,
        len(specs),
        baseline=asked(before),
        known_as=kind.known_as,
    )
    yield Figure(
        f"{kind.name}: share of it",
        "adherence",
        "mean share of what the edited clip is to show, changed and kept, that is read in it",
        all_of(real) or 0.0,
        all_of(made) if made else None,
        None,
        len(specs),
        baseline=all_of(before),
    )
    if kind.keeps:
        yield Figure(
            f"{kind.name}: outside is kept",
            "control",
            "mean PSNR of the pixels outside the mask (at most 60); ceiling: the autoencoder alone",
            codec,
            float(np.mean(kept)) if kept else None,
            None,
            len(specs),
            "dB",
            known_as="PIE-Bench: background PSNR",
        )


def _made(
    run: ClipSampler, kind: Edit, after: list[SceneSpec], clips: list[Any]
) -> tuple[list[dict[str, str]], list[float]]:
    """What is read in the edited clips, and the PSNR outside their masks."""
    if run.pipeline is None:
        return [], []
    from x2vkit.studio.edit import paint
    from x2vkit.studio.edit.masks import background, mask_of
    from x2vkit.studio.edit.source import source_of

    options = {"steps": run.options["num_inference_steps"], "guidance": run.options["guidance_scale"]}
    found, kept = [], []
    for i, (spec, clip) in enumerate(zip(after, clips, strict=True)):
        how = {"seed": 1_000_003 * run.seed + i, "pipeline": run.pipeline, **options}
        source = source_of(clip)
        item = spec.wearing[1] if spec.wearing else ""
        if kind.name == "inpaint":
            trace, mask = paint.inpaint(clip, "the hat", f"a {item} hat", **how), mask_of(source, "the hat")
        elif kind.name == "backdrop":
            trace, mask = paint.backdrop(clip, spec.scene, **how), background(source)
        elif kind.name == "recolor":
            trace = paint.recolor(clip, source.spec.subject, spec.color, **how)
            mask = mask_of(source, source.spec.subject)
        else:
            trace, mask = paint.restyle(clip, spec.scene, 0.7, **how), np.ones(clip.shape[:3], bool)
        found.append(run.judge.read(trace.frames).values)
        kept += [] if mask.all() else [metrics.psnr(trace.frames[~mask], clip[~mask])]
        run.bar.update()
    return found, kept
