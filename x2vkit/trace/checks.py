"""Whether the parts of a trace are what they say: a file may come from anyone.

    F, H, W frames and pixels    f, h, w, C latent grid and channels    S steps
    L tokens of the sequence, A heads, D channels of a head

Each rule is a sentence; the first that does not hold is raised. Knows nothing about files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.registry import STRONGEST
from x2vkit.trace.layers import AttentionLayer

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

Rule = tuple[str, bool]
"""A sentence that should be true, and whether it is."""

ARRAYS = (
    *("t", "latents", "pred_x0", "pred_x0_cond", "frames", "previews", "preview_weight", "preview_bias"),
    "sound",
)
"""The fields of a Trace that are one array each."""
GROUPS = ("queries", "keys", "inputs", "plan", "maps")
"""The fields that are several arrays each, in a file under names such as "queries.3.0" or "inputs.image"."""
FASTEST = 1000.0
"""Most frames a second."""
PLAN = {"boxes": (2, 4), "mouth": (), "camera": (3,), "turn": ()}
"""Tracks of a plan, and the shape of one frame of each."""
REQUEST: dict[str, Any] = {
    **dict.fromkeys(("prompt", "negative_prompt", "model", "scheduler"), str),
    **dict.fromkeys(("guidance", "control_guidance", "mouth_guidance", "fps"), (int, float)),
    **dict.fromkeys(("seed", "steps", "num_frames", "height", "width"), int),
}
"""Kinds of what a view reads of a request; other fields are the business of whoever runs it again."""
LIMITS = dict.fromkeys(("guidance", "control_guidance", "mouth_guidance"), STRONGEST) | {"fps": FASTEST}


def check(trace: Trace) -> None:
    """Raise X2VError with the first rule that the parts of a trace break."""
    for part in (_texts, _arrays, _layout, _attention, _extras):  # each relies on those before it
        for rule, holds in part(trace):
            if not holds:
                raise X2VError("trace", f"its parts do not fit: {rule}", "record it again")


def _texts(trace: Trace) -> Iterator[Rule]:
    """Words and numbers of the header."""
    for name in ("words", "unknown"):
        yield f"{name} are texts", all(isinstance(word, str) for word in getattr(trace, name))
    yield "fps is a number above 0", _number(trace.fps) and 0 < trace.fps <= FASTEST
    yield "heads are whole numbers, each once", _heads(trace.heads)
    yield "geometry is a Geometry", isinstance(trace.geometry, Geometry)
    yield "flops is a whole number", _whole(trace.flops)
    yield "weights is a text", isinstance(trace.weights, str)
    yield "timings are seconds by name", _by_name(trace.timings) and all(map(_number, trace.timings.values()))
    versions = _by_name(trace.versions) and all(isinstance(value, str) for value in trace.versions.values())
    yield "versions are texts by name", versions
    yield "request is fields by name", _by_name(trace.request)
    made_by = _by_name(trace.made_by) and isinstance(trace.made_by.get("call", ""), str)
    yield "made_by is a call and its arguments by name", made_by
    for name, kind in REQUEST.items():
        value = trace.request.get(name)
        right = value is None or (isinstance(value, kind) and not isinstance(value, bool))
        if right and name in LIMITS and value is not None:
            right = _number(value) and abs(value) <= LIMITS[name]
        yield f"{name} of the request is {_kind_name(kind)}", right


def _arrays(trace: Trace) -> Iterator[Rule]:
    """Kinds of numbers, and numbers that no run can give."""
    yield "frames are uint8 (F, H, W, 3)", _pictures(trace.frames, 4)
    yield "previews are uint8 (S, F, H, W, 3)", trace.previews is None or _pictures(trace.previews, 5)
    sound = trace.sound
    right = sound is None or (sound.dtype == np.int16 and sound.ndim == 1)
    yield "sound is int16 (samples,)", right
    names = ("t", "latents", "pred_x0", "pred_x0_cond", "preview_weight", "preview_bias")
    floats = {name: getattr(trace, name) for name in names if getattr(trace, name) is not None}
    for kind in ("queries", "keys"):
        floats |= {f"{kind} at {site}": array for site, array in getattr(trace, kind).items()}
    for name, array in floats.items():
        yield f"{name} are floating-point numbers of 16 or 32 bits", array.dtype in (np.float16, np.float32)
        yield f"{name} are finite", bool(np.isfinite(array).all())


def _layout(trace: Trace) -> Iterator[Rule]:
    """Shapes of clip and latents, by the model's geometry."""
    geometry, latents, frames = trace.geometry, trace.latents, trace.frames
    yield "latents are (S + 1, C, f, h, w)", latents.ndim == 5 and latents.shape[0] > 1 and latents.size > 0
    same = trace.pred_x0.shape[1:] == latents.shape[1:] and len(trace.pred_x0) + 1 == len(latents)
    yield "pred_x0 is (S, C, f, h, w) like latents", same
    cond = trace.pred_x0_cond
    yield "pred_x0_cond is (S, C, f, h, w) like pred_x0", cond is None or cond.shape == trace.pred_x0.shape
    yield "t is (S + 1,), noise levels from 0 to 1", _levels(trace.t, len(latents))
    f, h, w = latents.shape[2:]
    size = geometry.pixel_shape(f, h, w)
    rule = f"latents of {f} x {h} x {w} cells stand for {size[0]} x {size[1]} x {size[2]} pixels"
    yield rule, frames.shape[:3] == size
    previews = trace.previews
    expected = (len(trace.pred_x0), *frames.shape)
    yield "previews are (S, F, H, W, 3)", previews is None or previews.shape == expected
    pixels = geometry.temporal_stride * geometry.spatial_stride**2 * 3
    weight, bias = trace.preview_weight, trace.preview_bias
    right = weight is None or weight.shape == (pixels, latents.shape[1])
    yield f"preview_weight is ({pixels}, C), a row for each number of a latent position's pixels", right
    yield f"preview_bias is ({pixels},)", bias is None or bias.shape == (pixels,)
    yield "preview_weight and preview_bias come together", (weight is None) == (bias is None)


def _attention(trace: Trace) -> Iterator[Rule]:
    """Queries, keys, and what their tokens are."""
    geometry, tokens = trace.geometry, prod(trace.grid)
    video, text = len(geometry.span("video")), len(geometry.span("text"))
    yield f"the latents are cut into {tokens} patches, each a video token of the geometry", video == tokens
    yield "a word for each text token", not text or text == len(trace.words)
    yield "queries and keys stand at the same places", trace.queries.keys() == trace.keys.keys()
    yield "layers are AttentionLayer", all(isinstance(layer, AttentionLayer) for layer in trace.layers)
    last = len(trace.layers) or float("inf")
    for site, array in trace.queries.items():
        step, layer = site
        right = 0 <= step < trace.steps and 0 <= layer < last
        yield "queries are of steps 0..S-1 and of layers from 0, as many as `layers` names", right
        for side, each in (("queries", array), ("keys", trace.keys[site])):
            held = (len(trace.heads), len(trace.reads(layer).places(side, geometry)), array.shape[-1])
            right = each.ndim == 3 and each.shape == held and 0 not in held
            yield f"{side} are (A, T + N, D), or of the kinds that their layer names", right


def _extras(trace: Trace) -> Iterator[Rule]:
    """Inputs and plan."""
    for name, array in trace.inputs.items():
        yield f"input {name} holds numbers", array.dtype.kind in "biuf"
    for name, track in trace.plan.items():
        right = name in PLAN and track.shape == (trace.frames.shape[0], *PLAN[name])
        shape = ", ".join(("F", *map(str, PLAN.get(name, ()))))
        yield f"a plan has the tracks {', '.join(PLAN)}; {name} is ({shape})", right
        yield f"{name} of the plan holds numbers", track.dtype.kind == "f"
    yield "a plan has boxes", not trace.plan or "boxes" in trace.plan
    for name, array in trace.maps.items():
        right = array.ndim == 5 and array.shape[0] in (1, trace.steps) and array.shape[2:] == trace.grid
        yield f"map {name} is (1 or S, T, time, rows, columns)", right and array.shape[1] == len(trace.words)
        yield (
            f"map {name} is float16 and finite",
            array.dtype == np.float16 and bool(np.isfinite(array).all()),
        )
    for name in ("stages", "sections"):
        yield f"{name} are one a step, or none", len(getattr(trace, name)) in (0, trace.steps)
    yield "stages are texts", all(isinstance(stage, str) for stage in trace.stages)
    yield "sections are whole numbers", all(_whole(section) and section >= 0 for section in trace.sections)
    yield "coverage lists what was not seen, each with a sentence", _coverage(trace.coverage)


def _coverage(coverage: Mapping[Any, Any]) -> bool:
    """Whether a coverage has its fields: all of them are texts and lists that a view can show."""
    unseen = coverage.get("unseen", [])
    return (
        _by_name(coverage)
        and all(isinstance(coverage.get(name, ""), str) for name in ("pipeline", "support"))
        and isinstance(unseen, (list, tuple))
        and all(isinstance(one, Mapping) and isinstance(one.get("said"), str) for one in unseen)
        and all(isinstance(one.get("what"), str) for one in unseen)
        and all(isinstance(one.get("where", []), (list, tuple)) for one in unseen)
        and all(isinstance(place, str) for one in unseen for place in one.get("where", []))
    )


def _pictures(array: Any, axes: int) -> bool:
    return array.dtype == np.uint8 and array.ndim == axes and array.shape[-1] == 3 and array.size > 0


def _levels(t: Any, count: int) -> bool:
    return t.shape == (count,) and bool((t >= 0).all()) and bool((t <= 1).all())


def _heads(heads: Any) -> bool:
    return all(_whole(head) and head >= 0 for head in heads) and len(set(heads)) == len(heads)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and isfinite(value)
    )


def _by_name(values: Mapping[Any, Any]) -> bool:
    return all(isinstance(name, str) for name in values)


def _kind_name(kind: Any) -> str:
    return {str: "a text", int: "a whole number"}.get(kind, "a number")
