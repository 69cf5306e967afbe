"""A pipeline -> what a page computes with: graphs, weights and a manifest.

    F, H, W frames and pixels; C latent channels; P pixels of a latent position

Nothing of this is kept in the repository: it takes some seconds to make from the weights that are
installed, and a page of somebody's own training is made in the same way.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import x2vkit
from x2vkit.axes import Geometry, Shape3, latent_shape
from x2vkit.core import meanings
from x2vkit.core.lexicon import Lexicon
from x2vkit.core.planner import GROUPS, STEPS
from x2vkit.errors import X2VError
from x2vkit.registry import PAGE_SHAPES, SHAPES
from x2vkit.web.convert import convert
from x2vkit.web.graphs import (
    Stage,
    conditions_stage,
    decode_stage,
    planner_stage,
    step_stage,
    text_stage,
)
from x2vkit.web.patches import patches
from x2vkit.web.recorder import Weights
from x2vkit.web.vendor import NAME, VERSION

FORMAT = 1
"""Of the manifest and the files beside it; a page refuses another."""
READING = "near.json"
"""The file that a page reads prompts with; the rest may come later."""
MOST_STEPS = 20
"""Denoising steps of a page, at most."""


@dataclass(frozen=True)
class PageData:
    """What a page computes with."""

    manifest: Mapping[str, Any]
    """Small JSON: words, sampling, shapes, and under "files" how many bytes each of `files` has."""
    files: Mapping[str, bytes]
    """Name -> bytes: graphs ("step-square.onnx"), weights ("step.weights"), the linear decoder
    ("preview.f32").
    """


def export(
    pipeline: Any, shapes: Sequence[str] = PAGE_SHAPES, model: str = "", weights: str = ""
) -> PageData:
    """The graphs and weights of a pipeline, for so many shapes; the first is the one that a page opens with.

    Args:
        pipeline: an X2VPipeline, with or without a planner; it is left as it is.
        shapes: names of `registry.SHAPES`.
        model: name or folder of the weights, and
        weights: their hash (`run.versions.weights_hash`), for the traces that the page saves.

    Raises:
        X2VError: a part that a page cannot express, or a shape that there is not.
    """
    if strange := [name for name in shapes if name not in SHAPES]:
        raise X2VError(f"shape {strange[0]!r}", f"shapes are {', '.join(SHAPES)}", "leave it out")
    _check(pipeline)
    parts = {
        name: _copy(getattr(pipeline, name)) for name in ("text_encoder", "planner", "transformer", "vae")
    }
    files: dict[str, bytes] = {}
    stages = _stages(parts, {name: SHAPES[name] for name in shapes})
    for name, of_shapes in stages.items():
        kept = Weights(*(part for part in parts.values() if part is not None))
        for suffix, stage in of_shapes.items():
            files[f"{name}{suffix}.onnx"] = convert(stage.run, stage.inputs, kept, name)
        files[f"{name}.weights"] = bytes(kept.data)
    files["preview.f32"] = _preview(parts["vae"])
    files[READING] = _near(parts["text_encoder"].lexicon)
    of: dict[str, Any] = {"model": model, "weights": weights, "engine": f"{NAME} {VERSION}"}
    of["patches"] = patches(parts["transformer"], shapes, model)
    return PageData(_manifest(pipeline, parts, shapes, files) | of, files)


def _check(pipeline: Any) -> None:
    """Raise X2VError for a pipeline that is not made of x2vkit's own parts, or sampled in another way."""
    have = {
        name: type(getattr(pipeline, name, None)).__name__ for name in ("text_encoder", "transformer", "vae")
    }
    wanted = {"text_encoder": "TextEncoder", "transformer": "VideoTransformer", "vae": "VideoVAE"}
    for name, kind in wanted.items():
        if have[name] != kind:
            rule = f"a page knows x2vkit's own {kind}"
            raise X2VError(f"a pipeline whose {name} is a {have[name]}", rule, "load one with x2vkit.load()")
    if pipeline.transformer.config.flow_map:
        cure = "write the page of the model that it was distilled from"
        raise X2VError("a flow map", "a page takes small guided steps", cure)
    scheduler = type(pipeline.scheduler).__name__
    if scheduler != "FlowMatchEulerDiscreteScheduler":
        cure = 'pipeline.scheduler = x2vkit.core.sampler.make_scheduler("euler")'
        raise X2VError(f"a pipeline with {scheduler}", "a page takes Euler steps", cure)


def _copy(model: Any) -> Any:
    """The same model in float32 on the CPU, or None."""
    return None if model is None else deepcopy(model).cpu().float().eval()


def _stages(parts: Mapping[str, Any], shapes: Mapping[str, Shape3]) -> dict[str, dict[str, Stage]]:
    """Name of a stage -> what follows it in the names of its graphs -> the stage."""
    words, transformer = parts["text_encoder"].config.max_words, parts["transformer"]
    by_shape = {f"-{name}": shape for name, shape in shapes.items()}
    found: dict[str, dict[str, Stage]] = {"text": {"": text_stage(parts["text_encoder"])}}
    if parts["planner"] is not None:
        lengths = {shape[0] for shape in shapes.values()}
        found["planner"] = {
            f"-{frames}": planner_stage(parts["planner"], frames) for frames in sorted(lengths)
        }
    found["conditions"] = {name: conditions_stage(transformer, shape) for name, shape in by_shape.items()}
    found["step"] = {name: step_stage(transformer, shape, words) for name, shape in by_shape.items()}
    found["decode"] = {name: decode_stage(parts["vae"], shape) for name, shape in by_shape.items()}
    return found


def _preview(vae: Any) -> bytes:
    """The linear decoder: weight (P, C), then bias (P,), float32."""
    pair = (vae.preview_weight, vae.preview_bias)
    return b"".join(each.detach().numpy().astype("<f4").tobytes() for each in pair)


def _near(lexicon: Lexicon) -> bytes:
    """What the model knows near words that it does not know: JSON of "target,target" -> "word word ..."."""
    rows: dict[str, list[str]] = defaultdict(list)
    for word in sorted(meanings.phrases()):
        if " " not in word and not lexicon.knows(word) and (found := lexicon.near(word)):
            rows[",".join(found)].append(word)
    return json.dumps({targets: " ".join(words) for targets, words in rows.items()}).encode()


def _manifest(
    pipeline: Any, parts: Mapping[str, Any], shapes: Sequence[str], files: Mapping[str, bytes]
) -> dict[str, Any]:
    encoder, planner, transformer = parts["text_encoder"], parts["planner"], parts["transformer"]
    lexicon, config = encoder.lexicon, transformer.config
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + files[name])
    return {
        "format": FORMAT,
        "x2vkit": x2vkit.__version__,
        "id": digest.hexdigest(),
        "shapes": {name: {"size": SHAPES[name], "grid": latent_shape(*SHAPES[name])} for name in shapes},
        "sampling": asdict(pipeline.sampling) | {"shift": float(pipeline.scheduler.config.shift)},
        "steps": min(pipeline.sampling.quick().steps, MOST_STEPS),
        "fps": 12,
        "channels": config.latent_channels,
        "layers": config.depth,
        "heads": config.heads,
        "geometry": asdict(Geometry(patch=transformer.patch)),
        "lexicon": {
            "words": lexicon.words,
            "synonyms": lexicon.synonyms,
            "max_words": lexicon.max_words,
            "longest": lexicon.longest_phrase,
        },
        "planner": None if planner is None else _planner(planner),
        "files": {name: len(data) for name, data in files.items()},
    }


def _planner(planner: Any) -> dict[str, Any]:
    return {
        "words": list(planner.id_of),
        "max_words": planner.config.max_words,
        "mean": planner.mean.tolist(),
        "std": planner.std.tolist(),
        "steps": STEPS,
        "groups": {name: [each.start, each.stop] for name, each in GROUPS.items()},
    }
