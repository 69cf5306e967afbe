"""The one `attach`, which sends x2vkit's own pipeline to `record`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from x2vkit.adapters import diffusers
from x2vkit.adapters.base import Recording
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run.capture import AttentionCapture

SOME = object()
"""Attention that is kept unless something is said: all of x2vkit's own model, little of others."""


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
        attention: as in `x2vkit.record`.
        **options: `budget_bytes`, as in `x2vkit.record`.

    Raises:
        X2VError: the pipeline cannot be recorded, or is x2vkit's own, which `record` takes.
    """
    if isinstance(pipe, X2VPipeline):
        raise X2VError(
            "attach(X2VPipeline)", "x2vkit's own pipeline is recorded by calling it", "use x2vkit.record"
        )
    keep = diffusers.SOME if attention is SOME else attention
    return diffusers.attach(pipe, keep, **options)  # type: ignore[arg-type]
