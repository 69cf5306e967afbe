"""Plain values from anywhere -> a checked `RunRequest`: one reading for command line, Playground and demo.

A page limits its sliders, a program that calls limits nothing: numbers may be missing, NaN or a million, a
name a list. Whatever passes here is safe to compute; anything else is an X2VError with the value, the rule
and a cure. `registry.LIMITS` is the one table of what may be. Knows nothing about pages, models or torch.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from x2vkit.axes import TIME_STRIDE, check_shape
from x2vkit.config import RunRequest, check_prompt, is_number
from x2vkit.cost import MOST_STEPS
from x2vkit.errors import X2VError
from x2vkit.media import check_fps
from x2vkit.registry import DEFAULT_MODEL, LIMITS, SCHEDULERS, SHAPES, STRONGEST, SamplingDefaults

MAX_CHARACTERS = 1_000
"""Of a prompt."""
FPS = RunRequest.fps
"""Frames a second that x2vkit's own models were trained at."""
RANDOM_SEED = -1
"""Stands for a seed that is drawn (`draw_seed`)."""
OPTIONAL = ("steps", "guidance", "scheduler")
"""Settings that may be None: the weights' own default."""


@dataclass(frozen=True)
class CheckedRequest:
    """A run that can be made: what a front end hands to a backend."""

    request: RunRequest
    """Everything that is words or numbers, nothing of it left open."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """As in `x2vkit.record`: `image` uint8 (H, W, 3), or `video` uint8 (F, H, W, 3) and its `strength`."""
    notes: tuple[str, ...] = ()
    """What was changed, in words."""


def read_request(
    values: Mapping[str, Any],
    models: Sequence[str] = (DEFAULT_MODEL,),
    sampling: Callable[[str], SamplingDefaults] = lambda model: SamplingDefaults(),
) -> RunRequest:
    """A request from plain values. What is missing is the default, of the weights where they have one.

    Args:
        values: RunRequest's fields; or, in the place of frames, height and width, `shape` (a name in SHAPES)
            and `seconds`, which a shape of its own length (still, long) passes over.
        models: the names to choose from; the first one is meant where none is given.
        sampling: how each model is sampled by default.

    Raises:
        X2VError: the first value that cannot be.
    """
    request, wrong = try_request(values, models, sampling)
    if request is None:
        raise next(iter(wrong.values()))
    return request


def try_request(
    values: Mapping[str, Any],
    models: Sequence[str] = (DEFAULT_MODEL,),
    sampling: Callable[[str], SamplingDefaults] = lambda model: SamplingDefaults(),
) -> tuple[RunRequest | None, dict[str, X2VError]]:
    """`read_request` for a form: the request, or None and what is wrong with each setting, by its name."""
    good: dict[str, Any] = {}
    wrong: dict[str, X2VError] = {}
    for name, value in values.items():
        try:
            good[name] = _read(name, value, models)
        except X2VError as error:
            wrong[name] = error
    if wrong:
        return None, wrong
    if "shape" in good or "seconds" in good:
        good |= _size(good.pop("shape", "square"), good.pop("seconds", None))
    request = RunRequest(**{"model": models[0] if models else DEFAULT_MODEL} | good)
    try:
        check_shape(request.num_frames, request.height, request.width)
    except X2VError as error:
        return None, {"shape": error}
    return request.resolve(sampling(request.model)), {}


def validate(request: RunRequest) -> None:
    """Raise X2VError unless a request can be run. Python may go beyond a slider's end, but not beyond
    sense.
    """
    check_shape(request.num_frames, request.height, request.width)
    check_fps(request.fps)
    check_scheduler_name(request.scheduler)
    for name in ("prompt", "negative_prompt", "model"):
        if not isinstance(value := getattr(request, name), str):
            raise X2VError(f"{name}={short(value)}", f"{name} is text", f"use {getattr(RunRequest, name)!r}")
    for name in ("prompt", "negative_prompt"):
        check_prompt(getattr(request, name), name)
    for name in ("plan", "shared_attention"):
        if not isinstance(value := getattr(request, name), bool):
            cure = f"use {getattr(RunRequest, name)}"
            raise X2VError(f"{name}={short(value)}", f"{name} is True or False", cure)
    for name in ("seed", "steps"):
        low = LIMITS[name].low
        high = 2**63 - 1 if name == "seed" else MOST_STEPS  # torch takes larger seeds than a browser counts
        value = getattr(request, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            rule = f"{name} is a whole number from {low} to {high}"
            raise X2VError(f"{name}={short(value)}", rule, f"use {LIMITS[name].default}")
    for name in ("guidance", "control_guidance", "mouth_guidance"):
        if not is_number(value := getattr(request, name)) or abs(value) > STRONGEST:
            rule = f"{name} is a finite number, and at most {STRONGEST:,.0f}"
            cure = f"use {LIMITS[name].default:g}, or 1 for none"
            raise X2VError(f"{name}={short(value)}", rule, cure)


CALLED = {
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "cfg": "guidance",
    "control_guidance_scale": "control_guidance",
    "mouth_guidance_scale": "mouth_guidance",
    "generator": "seed",
    "frames": "num_frames",
    "size": "height and width",
}
"""What options are called in diffusers and elsewhere -> what they are called in a RunRequest."""


def request_of(
    prompt: str | RunRequest, options: Mapping[str, Any], others: Collection[str] = ()
) -> RunRequest:
    """A prompt, or a whole request, with some of its fields changed.

    Args:
        prompt: words, or a request.
        options: fields of a RunRequest, by name.
        others: further names that may have been meant by one that there is not.

    Raises:
        X2VError: an option or a scheduler that there is not.
    """
    base = prompt if isinstance(prompt, RunRequest) else RunRequest(prompt=prompt)
    known = [one.name for one in fields(RunRequest)]
    if strange := sorted(set(options) - set(known)):
        near = [CALLED.get(name) or _nearest(name, [*known, *others]) for name in strange]
        meant = ", ".join(filter(None, near))
        cure = f"did you mean {meant}" if meant else "leave it out"
        raise X2VError(f"option {', '.join(strange)}", f"a run has the options {', '.join(known)}", cure)
    request = replace(base, **options)
    check_scheduler_name(request.scheduler)
    return request


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options that are fields of a RunRequest, for `request_of`, and the others."""
    known = {one.name for one in fields(RunRequest)}
    own = {name: value for name, value in options.items() if name in known}
    return own, {name: value for name, value in options.items() if name not in known}


def check_scheduler_name(name: Any) -> None:
    """One of SCHEDULERS, None for the pipeline's own, or what `run.scheduler` calls one that has no name."""
    if name is not None and not (isinstance(name, str) and "(" in name):
        check_choice("scheduler", name, SCHEDULERS)


def _nearest(name: str, known: Sequence[str]) -> str:
    return next(iter(get_close_matches(name, known, n=1, cutoff=0.75)), "")


def check_text(name: str, value: Any) -> str:
    """Words on one line, at most MAX_CHARACTERS of them; None is no words."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise X2VError(f"{name}={short(value)}", f"{name} is text", 'use "a dog in the snow"')
    if len(value) > MAX_CHARACTERS:
        rule = f"{name} has at most {MAX_CHARACTERS:,}"
        raise X2VError(f"{name} of {len(value):,} characters", rule, "say it in a sentence or two")
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def check_number(name: str, value: Any) -> Any:
    """A number inside the range that LIMITS has for a setting, ends included."""
    limit = LIMITS[name]
    good = is_number(value) and limit.low <= value <= limit.high and (not limit.whole or value == int(value))
    if not good:
        kind = "whole number" if limit.whole else "number"
        rule = f"{name} is a {kind} from {limit.low:g} to {_spell(limit.high)}"
        raise X2VError(f"{name}={short(value)}", rule, f"use {limit.default:.3g}")
    return int(value) if limit.whole else float(value)


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """One of several names. Nothing else is ever looked up or opened."""
    if not isinstance(value, str) or value not in choices:
        have = ", ".join(map(str, choices)) or "none"
        raise X2VError(f"{name}={short(value)}", f"{name} is one of {have}", "choose one of them")
    return value


def frame_count(seconds: float) -> int:
    """Seconds -> the nearest 1 + 4k frames."""
    return 1 + TIME_STRIDE * max(0, round((seconds * FPS - 1) / TIME_STRIDE))


def own_length(shape: str) -> bool:
    """Whether a shape has a length of its own, whatever the seconds say."""
    return SHAPES[shape][0] != SHAPES["square"][0]


def draw_seed() -> int:
    """A seed at random, short enough to be read out."""
    return secrets.randbelow(2**32)


def form_of(request: RunRequest) -> dict[str, Any]:
    """A request as the fields of a form: `read_request` of them is the request again."""
    size = (request.height, request.width)
    fitting = [name for name, shape in SHAPES.items() if shape[1:] == size]
    own = [name for name in fitting if own_length(name) and SHAPES[name][0] == request.num_frames]
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "shape": (own or fitting or ["square"])[0],
        "seconds": max(
            LIMITS["seconds"].low, min(round(request.num_frames / request.fps, 2), LIMITS["seconds"].high)
        ),
        "steps": request.steps,
        "guidance": request.guidance,
        "seed": request.seed,
        "model": request.model,
    }


def python_line(request: RunRequest, sampling: SamplingDefaults) -> str:
    """The line of Python that makes the clip again (`import x2vkit as x2v` before it)."""
    usual = RunRequest().resolve(sampling).to_dict()
    values = request.to_dict()
    other = [name for name in values if name not in ("prompt", "seed") and values[name] != usual[name]]
    given = [f"{name}={values[name]!r}" for name in ("seed", *other)]
    return f"x2v.generate({json.dumps(request.prompt, ensure_ascii=False)}, {', '.join(given)})"


def slug(request: RunRequest) -> str:
    """A file's name out of a prompt and a seed: letters, digits and dashes."""
    words = re.sub(r"[^a-z0-9]+", "-", request.prompt.lower()).strip("-")[:48].strip("-")
    return f"{words or 'clip'}-{request.seed}"


def short(value: Any, length: int = 60) -> str:
    """Any value as a few characters, to quote it back."""
    said = repr(value)
    return said if len(said) <= length else f"{said[: length - 1]}…"


def _read(name: str, value: Any, models: Sequence[str]) -> Any:
    """One setting's value. X2VError when it cannot be."""
    if value is None and name in OPTIONAL:
        return None
    if name in ("prompt", "negative_prompt"):
        return check_text(name, value)
    if name in LIMITS and name != "strength":
        return check_number(name, value)
    if name in (choices := {"shape": SHAPES, "model": models, "scheduler": SCHEDULERS}):
        return check_choice(name, value, choices[name])
    if name not in (known := [one.name for one in fields(RunRequest)]):
        raise X2VError(
            short(name), f"the settings are {', '.join([*known, 'shape', 'seconds'])}", "leave it out"
        )
    return value


def _size(shape: str, seconds: float | None) -> dict[str, int]:
    frames, height, width = SHAPES[shape]
    if seconds is not None and not own_length(shape):
        frames = frame_count(seconds)
    return {"num_frames": frames, "height": height, "width": width}


def _spell(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.3g}"
