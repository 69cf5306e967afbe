"""The one `record` and `generate`: x2vkit's own model, with or without a cast, or any diffusers pipeline."""

from __future__ import annotations

from typing import Any

from x2vkit.adapters import diffusers
from x2vkit.adapters.x2v import SOME
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run import record as own
from x2vkit.run.capture import ALL, AttentionCapture
from x2vkit.run.request import request_of, split_options
from x2vkit.studio.cast import Cast, check_prompt, members, shoot_one
from x2vkit.trace import Trace

OWN = ("plan", "latents")
"""What a cast gives a run itself, from where its plan puts it."""


def generate(prompt: str | RunRequest, **options: Any) -> Trace:
    """Make a clip: `record` without attention. The options are `record`'s.

    >>> trace = x2vkit.generate("a red ball bouncing on the beach", seed=3)
    """
    return record(prompt, **{"attention": None} | options)


def record(
    prompt: Any,
    *,
    cast: Cast | None = None,
    pipeline: Any = None,
    attention: AttentionCapture | None | object = SOME,
    **options: Any,
) -> Trace:
    """Make a clip and keep how it was made, by x2vkit's own model or by any diffusers video pipeline.

    >>> trace = x2vkit.record("a dog in the snow", seed=3)
    >>> trace = x2vkit.record("the dog running", cast=x2vkit.Character("a brown dog with a red scarf"))
    >>> trace = x2vkit.record("a cat", pipeline=wan, num_inference_steps=30)

    Args:
        prompt: words, or a whole RunRequest for x2vkit's own model.
        cast: a Character, or several, who stay who they are from clip to clip: the clip that `shoot` makes of
            this prompt alone.
        pipeline: an X2VPipeline, any diffusers video pipeline, or None for the model that ships.
        attention: the queries and keys to keep, None for none. By default all of x2vkit's own model; of
            another, two heads of the middle block at four steps.
        **options: of x2vkit's own model those of `x2vkit.run.record.record`, with a cast all but plan and
            latents; of another pipeline `budget_bytes` and the arguments of its call.

    Raises:
        X2VError: the pipeline cannot work with this input or cannot be recorded, or the trace would be above
            the budget; a cast of nobody, or one with another pipeline, a plan or noise beside it.
    """
    if pipeline is None or isinstance(pipeline, X2VPipeline) or isinstance(prompt, RunRequest):
        keep: Any = ALL if attention is SOME else attention
        if cast is not None:
            return _of_cast(cast, prompt, {"pipeline": pipeline, "attention": keep} | options)
        return own.record(prompt, pipeline=pipeline, attention=keep, **options)
    if cast is not None:
        got = f"a cast with {type(pipeline).__name__}"
        cure = 'describe it in the prompt: "a brown dog with a red scarf running"'
        raise X2VError(got, "a cast is of x2vkit's own model, which plans where it is", cure)
    keep = diffusers.SOME if attention is SOME else attention
    return diffusers.record(prompt, pipeline, attention=keep, **options)


def _of_cast(cast: Cast, prompt: str | RunRequest, options: dict[str, Any]) -> Trace:
    """The clip of a prompt that a cast plays in."""
    people = members(cast)
    if clash := [name for name in OWN if not isinstance(options.get(name), (bool, type(None)))]:
        rule = "a cast's clip begins from its own plan and noise"
        raise X2VError(f"cast and {' and '.join(clash)}", rule, "give one of them")
    own_options, others = split_options(options)
    request = request_of(prompt, own_options)
    check_prompt("prompt", request.prompt, people)
    return shoot_one(people, request, **others)
