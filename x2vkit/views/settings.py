"""What can be set in the Playground: one checked value object, read from what people type.

Knows nothing about models, widgets or browsers.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS, SHAPES, SamplingDefaults
from x2vkit.trace.file import SUFFIX

LONGEST = max(frames for frames, _, _ in SHAPES.values())
USUAL = RunRequest().resolve(SamplingDefaults())
MOST_SEED, MOST_STEPS = int(LIMITS["seed"].high), int(LIMITS["steps"].high)
MOST_GUIDANCE = LIMITS["guidance"].high
MOST_CELLS = 36
"""Clips of a grid."""
IMAGE_BYTES, IMAGE_SIDE = 20_000_000, 256
"""The largest picture that is read, and the longest side that is kept of it."""


@dataclass(frozen=True)
class Settings:
    """What can be set in the Playground."""

    prompt: str = ""
    """What the clip shows."""
    seed: int = USUAL.seed
    """Seed of the noise, 0..2**53 - 1."""
    steps: int = USUAL.steps
    """Denoising steps, 1..100."""
    guidance: float = USUAL.guidance
    """Pull of the words, 1 (none) to 20."""
    shape: str = "square"
    """One of SHAPES."""
    model: str = USUAL.model
    """Name of the weights."""
    image: int | None = None
    """Number of the uploaded picture that the clip starts from."""

    def request(self) -> RunRequest:
        """The same as a RunRequest, which has no picture."""
        same = {name: getattr(self, name) for name in ("prompt", "seed", "steps", "guidance", "model")}
        frames, height, width = SHAPES[self.shape]
        return RunRequest(**same, num_frames=frames, height=height, width=width)

    def line(self) -> str:
        """The line of Python that makes the clip again (`import x2vkit as x2v` before it)."""
        request, usual = self.request().to_dict(), USUAL.to_dict()
        other = [name for name in request if name not in ("prompt", "seed") and request[name] != usual[name]]
        given = [f"{name}={request[name]!r}" for name in ("seed", *other)]
        if self.image is not None:  # a picture does not fit into a line
            return f"x2v.rerun(x2v.Trace.load({json.dumps(f'{self.slug()}{SUFFIX}')}))"
        return f"x2v.generate({json.dumps(self.prompt, ensure_ascii=False)}, {', '.join(given)})"

    def slug(self) -> str:
        """A name for the clip's file."""
        words = re.sub(r"[^a-z0-9]+", "-", self.prompt.lower()).strip("-")[:48].strip("-")
        return f"{words or 'clip'}-{self.seed}"


def read_settings(
    values: Mapping[str, Any], models: Collection[str], images: Collection[int] = ()
) -> tuple[Settings | None, dict[str, X2VError]]:
    """Settings from plain values, or what is wrong with each. models, images: those that there are."""
    choices: dict[str, Collection[Any]] = {"shape": SHAPES, "model": models, "image": (None, *images)}
    wrong: dict[str, X2VError] = {}
    good: dict[str, Any] = {}
    for name, value in values.items():
        try:
            good[name] = _checked(name, value, choices)
        except X2VError as error:
            wrong[name] = error
    return (None, wrong) if wrong else (Settings(**good), {})


def _checked(name: str, value: Any, choices: Mapping[str, Collection[Any]]) -> Any:
    """One setting's value. X2VError when it cannot be."""
    if name == "prompt":
        if not isinstance(value, str):
            raise X2VError(f"prompt={value!r}", "a prompt is text", "use words")
        return " ".join(value.split())
    if name == "seed":
        return _whole(name, value, 0, MOST_SEED)
    if name == "steps":
        return _whole(name, value, 1, MOST_STEPS)
    if name == "guidance":
        number = _number(name, value)
        if not 1 <= number <= MOST_GUIDANCE:
            rule = f"guidance lies between 1 (none) and {MOST_GUIDANCE:g}"
            raise X2VError(f"guidance={value}", rule, f"use {USUAL.guidance:g}")
        return number
    if name not in choices:
        known = ", ".join(field.name for field in fields(Settings))
        raise X2VError(name, f"the settings are {known}", "leave it out")
    if value not in choices[name]:
        have = ", ".join(str(one) for one in choices[name] if one is not None) or "none"
        raise X2VError(f"{name}={value!r}", f"there are: {have}", "choose one of them")
    return value


def values_of(setting: str, text: str) -> list[Any]:
    """The values of one side of a grid, from text: "0, 1, 5" or "0..5"; prompts are parted by ";".

    Raises X2VError when there are none, or when a number is none.
    """
    known = {"prompt": str, "seed": int, "steps": int, "guidance": float, "shape": str, "model": str}
    if setting not in known:
        raise X2VError(f"setting {setting!r}", f"a grid goes over {', '.join(known)}", "choose one of them")
    parts = [part.strip() for part in re.split(r";|\n" if setting == "prompt" else r"[,;\s]+", text)]
    values: list[Any] = []
    for part in filter(None, parts):
        span = re.fullmatch(r"(\d{1,9})(?:\.\.|-)(\d{1,9})", part) if known[setting] is int else None
        if span and int(span[2]) - int(span[1]) < MOST_CELLS:
            values += range(int(span[1]), int(span[2]) + 1)
        else:
            values.append(part if known[setting] is str else _number(setting, part))
    values = [int(v) if known[setting] is int and float(v).is_integer() else v for v in values]
    if not values:
        example = {"prompt": "a red ball; a blue ball", "shape": "square, wide", "model": USUAL.model}
        cure = f"write {example.get(setting, '1, 2, 4')}"
        raise X2VError(f"no values of {setting}", "each side of a grid needs at least one", cure)
    return list(dict.fromkeys(values))


def read_picture(data: bytes) -> NDArray[np.uint8]:
    """An uploaded picture as uint8 (H, W, 3), no side above IMAGE_SIDE. X2VError when it cannot be read."""
    cure = "use a png or jpeg"
    if len(data) > IMAGE_BYTES:
        rule = f"a picture has at most {IMAGE_BYTES / 1e6:.0f} MB"
        raise X2VError(f"a picture of {len(data) / 1e6:.0f} MB", rule, "make it smaller")
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (IMAGE_SIDE, IMAGE_SIDE))
            rgb = image.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise X2VError("the picture", "it cannot be read", cure) from error
    if min(rgb.size) < 8:
        raise X2VError(f"a picture of {rgb.width} x {rgb.height}", "it has at least 8 pixels a side", cure)
    rgb.thumbnail((IMAGE_SIDE, IMAGE_SIDE))
    return np.asarray(rgb)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number):
        raise X2VError(f"{name}={value!r}", f"{name} is a number", "use digits")
    return number


def _whole(name: str, value: Any, low: int, high: int) -> int:
    number = _number(name, value)
    if not number.is_integer() or not low <= number <= high:
        rule = f"{name} is a whole number from {low} to {high}"
        raise X2VError(f"{name}={value}", rule, f"use {getattr(USUAL, name)}")
    return int(number)
