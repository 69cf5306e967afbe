"""Which scheduler a run goes by, and what a trace calls it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from x2vkit.config import RunRequest
from x2vkit.core.sampler import SCHEDULERS, make_scheduler
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline


def scheduler_of(request: RunRequest, pipeline: X2VPipeline) -> Any:
    """The scheduler that a request names; the pipeline's own where it names none, or that one.

    Raises:
        X2VError: there is none of that name, or a trace was made with one that this pipeline has not.
    """
    name, own = request.scheduler, scheduler_name(pipeline)
    if name is None or name == own:
        return pipeline.scheduler
    if "(" in name:
        cure = "set pipeline.scheduler to such a one, or choose another"
        raise X2VError(f"scheduler {name}", f"this pipeline's own is {own}", cure)
    return make_scheduler(name, pipeline.sampling.shift)


def scheduler_name(pipeline: X2VPipeline) -> str:
    """A pipeline's own scheduler: a name of `SCHEDULERS` where it is that, else its class and settings."""
    scheduler = pipeline.scheduler
    for name in SCHEDULERS:
        named = make_scheduler(name, pipeline.sampling.shift)
        if type(named) is type(scheduler) and _settings(named) == _settings(scheduler):
            return name
    usual = inspect.signature(type(scheduler).__init__).parameters
    settings = _settings(scheduler)
    own = [f"{key}={settings[key]!r}" for key in sorted(settings) if settings[key] != usual[key].default]
    return f"{type(scheduler).__name__}({', '.join(own)})"


def _settings(scheduler: Any) -> Mapping[str, Any]:
    """What a scheduler was made with, without what diffusers keeps beside it."""
    known = inspect.signature(type(scheduler).__init__).parameters
    return {key: value for key, value in scheduler.config.items() if key in known}
