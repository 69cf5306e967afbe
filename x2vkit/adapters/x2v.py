"""The one `record` and `attach`: x2vkit's own pipeline goes to `run.record`, any other to `diffusers`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from x2vkit.adapters import diffusers
from x2vkit.adapters.base import Recording
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run import record as own
from x2vkit.run.capture import ALL, AttentionCapture
from x2vkit.trace import Trace

SOME = object()
"""Attention that is kept unless something is said: all of x2vkit's own model, little of others."""


def record(
    prompt: Any, *, pipeline: Any = None, attention: AttentionCapture | None | object = SOME, **options: Any
) -> Trace:
    """Make a clip and keep how it was made, by x2vkit's own model or by any diffusers video pipeline.

    >>> trace = x2vkit.record("a dog in the snow", seed=3)
    >>> trace = x2vkit.record("a cat", pipeline=wan, num_inference_steps=30)

    Args:
        prompt: words, or a whole RunRequest for x2vkit's own model.
        pipeline: an X2VPipeline, any diffusers video pipeline, or None for the model that ships.
        attention: the queries and keys to keep, None for none. By default all of x2vkit's own model; of
            another, two heads of the middle block at four steps.
        **options: of x2vkit's own model those of `x2vkit.run.record.record`; of another pipeline
            `budget_bytes` and the arguments of its call.

    Raises:
        X2VError: the pipeline cannot work with this input or cannot be recorded, or the trace would be above
            the budget.
    """
    if pipeline is None or isinstance(pipeline, X2VPipeline) or isinstance(prompt, RunRequest):
        keep = ALL if attention is SOME else attention
        return own.record(prompt, pipeline=pipeline, attention=keep, **options)  # type: ignore[arg-type]
    keep = diffusers.SOME if attention is SOME else attention
    return diffusers.record(prompt, pipeline, attention=keep, **options)  # type: ignore[arg-type]


def attach(
    pipe: Any, attention: AttentionCapture | None | object = SOME, **options: Any
) -> AbstractContextManager[Recording]:
    """Keep how a diffusers video pipeline makes clips while you call it yourself.

    >>> with x2vkit.attach(pipe) as recording:
    ...     pipe("a cat", num_inference_steps=30)
    >>> recording.trace

    Args:
        pipe: any diffusers video pipeline; afterwards it is as it was, whatever ended the block, and the clip
            is bit for bit the one that it makes alone.
        attention: as in `record`.
        **options: `budget_bytes`, as in `record`.

    Raises:
        X2VError: the pipeline cannot be recorded, or is x2vkit's own, which `record` takes.
    """
    if isinstance(pipe, X2VPipeline):
        raise X2VError(
            "attach(X2VPipeline)", "x2vkit's own pipeline is recorded by calling it", "use x2vkit.record"
        )
    keep = diffusers.SOME if attention is SOME else attention
    return diffusers.attach(pipe, keep, **options)  # type: ignore[arg-type]
