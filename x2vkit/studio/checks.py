"""What the studio's words and numbers may be, before anything is made."""

from __future__ import annotations

from typing import Any

from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS


def check_whole(name: str, value: Any, low: int = 0, high: int = int(LIMITS["seed"].high)) -> None:
    """Raise X2VError for what is no whole number from low to high; by default what a seed may be."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        rule = f"it is a whole number from {low} to {high}"
        raise X2VError(f"{name}={value!r:.60}", rule, f"use {low}")


def checked_run(request: RunRequest, pipeline: Any) -> RunRequest:
    """A request with the weights' own defaults in it.

    Raises:
        X2VError: a value out of its range, or a run that needs more memory or time than there is: all is told
            before anything is planned or read.
    """
    from x2vkit.pipeline.limits import check_cost
    from x2vkit.run.request import validate

    request = request.resolve(pipeline.sampling)
    validate(request)
    shape = request.num_frames, request.height, request.width
    mouth = request.mouth_guidance
    check_cost(pipeline, shape, *request.sampled(), request.control_guidance, mouth_guidance=mouth)
    return request
