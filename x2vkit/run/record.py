"""The only bridge from a running model to a `Trace`: follow the steps of `X2VPipeline.stream`, keep numbers.

    S steps; T text and N video tokens, A heads, D channels of a head; C, f, h, w latents; F, H, W pixels

A recorded run computes what an unrecorded one does, and nothing of the pipeline is changed for it: several
threads may record on one pipeline at the same time.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from inspect import signature
from math import prod
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from x2vkit import media
from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, Geometry, check_shape, latent_shape, token_grid
from x2vkit.config import RunRequest
from x2vkit.core.conditions import Conditions
from x2vkit.core.planner import Plan, as_plan
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError
from x2vkit.flops import run_flops
from x2vkit.pipeline.checks import check_kinds, check_latents
from x2vkit.pipeline.inputs import Picture
from x2vkit.pipeline.limits import check_stream, model_config
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.pipeline.x2v import ClipStep, X2VPipeline
from x2vkit.run.capture import ALL, NOTHING, AttentionCapture, Capture, half
from x2vkit.run.edit import Edit, Editing
from x2vkit.run.inputs import as_arguments, as_arrays
from x2vkit.run.load import chosen
from x2vkit.run.request import request_of, validate
from x2vkit.run.scheduler import scheduler_name, scheduler_of
from x2vkit.run.versions import versions, weights_hash
from x2vkit.run.wording import Wording, negative_notes, read_wording
from x2vkit.trace import Trace

BUDGET_BYTES = 200_000_000
"""What a trace may take, unless the caller says otherwise."""
ONE_RUN = ("direct", "shoot", "speak")
"""Calls of the studio that make a clip by one run, whose plan is among the trace's inputs."""
NO_ARGUMENTS = ("call", "own", "seams", "between", "dissolved", "keys", "frames")
"""What `Trace.made_by` tells beside a call's arguments."""
KINDS: dict[str, tuple[Any, str]] = {
    "attention": (AttentionCapture, "an AttentionCapture"),
    "previews": (bool, "True or False"),
    "budget_bytes": ((int, float), "a number of bytes"),
    "on_step": (Callable, "a function of a Step"),
    "edit": (Edit, "an Edit"),
}
"""Argument of `record` -> what it is."""


def generate(prompt: str | RunRequest, **options: Any) -> Trace:
    """Make a clip: `record` without attention. The options are `record`'s.

    >>> trace = x2vkit.generate("a red ball bouncing on the beach", seed=3)
    """
    return record(prompt, **{"attention": None} | options)


def record(
    prompt: str | RunRequest,
    *,
    attention: AttentionCapture | None = ALL,
    previews: bool = False,
    budget_bytes: int = BUDGET_BYTES,
    pipeline: X2VPipeline | None = None,
    on_step: Callable[[Step], object] | None = None,
    image: Picture | None = None,
    video: NDArray | Tensor | None = None,
    strength: float = 0.6,
    boxes: Sequence[NDArray] = (),
    conditions: Conditions | None = None,
    plan: Plan | Mapping[str, NDArray] | bool | None = None,
    latents: Tensor | None = None,
    edit: Edit | None = None,
    **options: Any,
) -> Trace:
    """Make a clip and keep how it was made. Takes all that `X2VPipeline.stream` takes, for one clip.

    Args:
        prompt: words, or a whole RunRequest.
        attention: the queries and keys to keep, None for none; of the pass with the words, and of Heun's two
            evaluations of a step the first.
        previews: also decode the clip that every step predicts (slow; see `Trace.preview`).
        budget_bytes: a larger trace is refused before anything is computed (see `predicted_bytes`).
        pipeline: the model; by default the one that the request names.
        on_step: called with every Step.
        image, video, strength, boxes, conditions, latents: as in `X2VPipeline.stream`; the trace keeps them.
        plan: a plan changed by hand (see `X2VPipeline.draft`) or another clip's (`Trace.plan`), which the
            trace keeps; or whether to draft one, by default as the request says.
        edit: heads, layers or words made stronger, weaker or silent, to see what they do; the trace keeps it.
        **options: RunRequest's other fields (seed, steps, guidance, negative_prompt, scheduler, ...). Unless
            one is named, the scheduler is the pipeline's own.

    What the prompt negates ("without a hat") goes into the negative prompt, with a warning; the trace's
    request keeps the prompt as it was typed (see `run.wording`).

    Raises:
        X2VError: an option that there is not (what diffusers calls num_inference_steps is `steps` here); no
            such model or scheduler; a value out of its range; a picture, video, plan or condition that does
            not fit the clip, or holds values that are not numbers; a prompt of which the model knows no word;
            steps, layers or heads to capture or edit that the run has not; a trace above the budget.
    """
    request = request_of(prompt, options, signature(record).parameters)
    pipeline = chosen(pipeline, request.model)
    request = request.resolve(pipeline.sampling)
    plan = plan if plan is None else as_plan(plan, request.num_frames)
    by_hand = plan if isinstance(plan, Plan) else None
    if isinstance(plan, bool):
        request = replace(request, plan=plan)
    validate(request)
    scheduler_of(request, pipeline)  # a name that there is none of is told before anything is read
    request = replace(request, scheduler=request.scheduler or scheduler_name(pipeline))
    check_kinds(
        {"attention": attention, "previews": previews, "budget_bytes": budget_bytes, "on_step": on_step}
        | {"edit": edit},
        KINDS,
    )
    check_stream(
        pipeline, (request.num_frames, request.height, request.width), request.steps, prompt=request.prompt,
        negative_prompt=request.negative_prompt, strength=strength, boxes=boxes, conditions=conditions,
        latents=latents, guidance_scale=request.guidance, control_guidance_scale=request.control_guidance,
        mouth_guidance_scale=request.mouth_guidance,
        shared_attention=request.shared_attention,
    )  # fmt: skip
    size = (request.height, request.width)
    if isinstance(image, (str, os.PathLike)):
        image = media.read_image(image, *size)
    if isinstance(video, (str, os.PathLike)):
        video = media.read_video(video, request.num_frames, *size)
    inputs = as_arrays(image, video, strength, boxes, conditions, by_hand, latents)
    given = as_arguments(inputs)
    keep = (attention or NOTHING).resolve(_steps(request, given), *_layers_heads(pipeline))
    _check_budget(predicted_bytes(request, pipeline, keep, previews), budget_bytes)

    said = wording_of(request, pipeline)
    _tell(said, request, pipeline)
    if edit is not None:
        words = pipeline.text_encoder.tokenize(said.prompt).words
        edit = edit.resolve(words, *_layers_heads(pipeline), _steps(request, given))
        inputs["edit"] = edit.as_array()

    kept, times = _Kept(), [perf_counter()]
    read = _as_read(request, said, pipeline)
    with Capture(pipeline.transformer, keep) as capture, Editing(pipeline.transformer, edit) as editing:
        for step in _steps_of(pipeline, read, given, capture, editing):
            kept.add(step, pipeline.decode(step.pred_x0)[0] if previews else None)
            if on_step is not None:
                on_step(step)
            times.append(perf_counter())
    check_latents(step.next_latents, pipeline.transformer.dtype)
    frames = to_uint8(pipeline.video(step.next_latents))[0]
    times.append(perf_counter())
    return Trace(
        request=request.to_dict(),
        words=step.words[0].words,
        unknown=step.words[0].unknown,
        frames=frames,
        fps=request.fps,
        queries=capture.queries,
        keys=capture.keys,
        heads=tuple(keep.heads or ()),
        geometry=Geometry(patch=pipeline.transformer.patch),
        inputs=inputs,
        plan={name: tracks[0] for name, tracks in vars(step.plan).items()} if step.plan else {},
        preview_weight=half(pipeline.vae.preview_weight),
        preview_bias=half(pipeline.vae.preview_bias),
        timings=_timings(times),
        flops=_flops(pipeline, read, len(kept.t), given, planned=step.plan is not None),
        weights=weights_hash(pipeline),
        versions=versions(pipeline, pipeline.transformer),
        **kept.arrays(step, guided=request.guidance != 1),
    )


def rerun(trace: Trace, *, pipeline: X2VPipeline | None = None, **options: Any) -> Trace:
    """Make the same clip again from a trace's request and inputs: the same frames, bit for bit, on one
    machine. A clip that `direct` or `shoot` made is one run too, and so is one that `speak` made in one part.

    Args:
        trace: what `generate` or `record` made, perhaps saved and loaded since.
        pipeline: the model; by default the one that the request names.
        **options: `record`'s, such as `attention=AttentionCapture(...)` to look into a clip that was made
            without.

    Raises:
        X2VError: the weights are not those that made the trace, or a call of the studio made it from more
            than the trace's request and inputs.
    """
    if not isinstance(trace, Trace):
        rule, cure = "a rerun is of a Trace", "load its file first: x2v.Trace.load(path)"
        raise X2VError(f"trace of type {type(trace).__name__}", rule, cure)
    call = trace.made_by.get("call")
    if call and not (call in ONE_RUN and "plan.boxes" in trace.inputs):
        rule = "a rerun is one run from the trace's own request and inputs, and this call did more"
        cure = f"call x2v.{call}(...) again, with {_told(trace)}"
        if call == "film":
            cure = "make the film of its storyboard again, in a new folder"
        if call == "upscale":
            cure = "rerun the clip that was enlarged, and enlarge that: x2v.upscale(...)"
        raise X2VError(f"a trace of {call}", rule, cure)
    request = RunRequest.from_dict(dict(trace.request))
    pipeline = chosen(pipeline, request.model)
    if (have := weights_hash(pipeline)) != trace.weights:
        rule = f"the trace was made by weights {trace.weights[:12] or '(untold)'}"
        raise X2VError(f"weights {have[:12]}", rule, "pass the pipeline that made it, or record a new trace")
    made = record(request, pipeline=pipeline, **{"attention": None} | as_arguments(trace.inputs) | options)
    plan = trace.plan if call == "speak" else made.plan  # whose mouth is given more than is asked for
    return replace(made, made_by=trace.made_by, sound=trace.sound, plan=plan)


def _told(trace: Trace) -> str:
    """The arguments with which a call of the studio made a trace; what it does not keep, as "the same"."""
    given = {name: value for name, value in trace.made_by.items() if name not in NO_ARGUMENTS}
    given |= {name: trace.request[name] for name in ("seed", "steps") if name in trace.request}
    kept = {
        name: isinstance(value, (str, int, float, list)) and value not in ("samples", "array")
        for name, value in given.items()
    }
    said = [f"{name}={value!r:.120}" for name, value in given.items() if kept[name]]
    return ", ".join(said + [f"the same {name}" for name in given if not kept[name]])


def predicted_bytes(
    request: RunRequest,
    pipeline: X2VPipeline,
    attention: AttentionCapture | None = None,
    previews: bool = False,
) -> int:
    """Bytes of all arrays in the trace that such a run makes (without `inputs` and `plan`), from shapes
    alone.
    """
    steps, guidance = request.resolve(pipeline.sampling).sampled()
    frames, height, width = request.num_frames, request.height, request.width
    check_shape(frames, height, width, pipeline.transformer.patch)
    config = pipeline.transformer.config
    layers, heads = _layers_heads(pipeline)
    keep = (attention or NOTHING).resolve(steps, layers, heads)
    latent = config.latent_channels * prod(latent_shape(frames, height, width))
    tokens = len(pipeline.text_encoder.tokenize(wording_of(request, pipeline).prompt).ids)
    tokens += prod(token_grid(frames, height, width, pipeline.transformer.patch))
    places = len(keep.steps or ()) * len(keep.layers or ()) * len(keep.heads or ())
    linear = TIME_STRIDE * SPACE_STRIDE**2 * 3 * (config.latent_channels + 1)
    halves = (2 * steps + 1) * latent + 2 * places * tokens * (config.width // heads) + linear
    halves += steps * latent * (guidance != 1)
    return 2 * halves + 4 * (steps + 1) + frames * height * width * 3 * (1 + steps * previews)


def wording_of(request: RunRequest, pipeline: X2VPipeline) -> Wording:
    """How a request's words go to a model: its own negations moved into the negative prompt."""
    return read_wording(request.prompt, request.negative_prompt, pipeline.text_encoder.lexicon.knows)


def _as_read(request: RunRequest, said: Wording, pipeline: X2VPipeline) -> RunRequest:
    """The request as the model gets it; a flow map, which is not guided, gets no negative prompt."""
    negative = "" if pipeline.transformer.config.flow_map else said.negative_prompt
    return replace(request, prompt=said.prompt, negative_prompt=negative)


def _tell(said: Wording, request: RunRequest, pipeline: X2VPipeline) -> None:
    """Warn of what the words ask for and the run cannot do."""
    notes = list(said.notes)
    if said.negative_prompt and request.sampled()[1] == 1:
        notes.append("guidance is 1, so the negative prompt does nothing")
    else:
        notes += negative_notes(said.negative_prompt, pipeline.text_encoder.lexicon)
    if request.plan and pipeline.planner is not None:
        words = pipeline.text_encoder.tokenize(said.prompt).words
        if new := [word for word in words if word not in pipeline.planner.id_of]:
            notes.append(
                f"the planner has not learned {', '.join(new)}: --plan off (plan=False) leaves it out"
            )
    for note in notes:
        warnings.warn(note, stacklevel=3)


@dataclass
class _Kept:
    """What is kept of every step."""

    t: list[float] = field(default_factory=list)
    latents: list[NDArray] = field(default_factory=list)
    pred_x0: list[NDArray] = field(default_factory=list)
    pred_x0_cond: list[NDArray] = field(default_factory=list)
    previews: list[NDArray] = field(default_factory=list)

    def add(self, step: Step, preview: NDArray | None) -> None:
        self.t.append(step.t)
        for name in ("latents", "pred_x0", "pred_x0_cond"):
            getattr(self, name).append(half(getattr(step, name)[0]))
        if preview is not None:
            self.previews.append(preview)

    def arrays(self, last: Step, guided: bool) -> dict[str, Any]:
        """As fields of a Trace. guided: whether the conditional prediction differs from the guided one."""
        return {
            "t": np.array([*self.t, last.next_t], np.float32),
            "latents": np.stack([*self.latents, half(last.next_latents[0])]),
            "pred_x0": np.stack(self.pred_x0),
            "pred_x0_cond": np.stack(self.pred_x0_cond) if guided else None,
            "previews": np.stack(self.previews) if self.previews else None,
        }


def _steps_of(
    pipeline: X2VPipeline, request: RunRequest, given: dict[str, Any], *hooks: Capture | Editing
) -> Iterator[ClipStep]:
    """The steps of the run, each with its attention captured, or edited."""
    run = pipeline.stream(request.prompt, **{"plan": request.plan} | _call(request, pipeline) | given)
    try:
        while True:
            with ExitStack() as listening:
                for hook in hooks:
                    listening.enter_context(hook.listening())
                step = next(run, None)
            if step is None:
                return
            yield step
            for hook in hooks:
                hook.step = step.index + 1
    finally:
        run.close()


def _call(request: RunRequest, pipeline: X2VPipeline) -> dict[str, Any]:
    """A RunRequest in the words of `X2VPipeline.stream`."""
    return {
        "negative_prompt": request.negative_prompt,
        "num_frames": request.num_frames,
        "height": request.height,
        "width": request.width,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
        "control_guidance_scale": request.control_guidance,
        "mouth_guidance_scale": request.mouth_guidance,
        "generator": torch.Generator("cpu").manual_seed(request.seed),
        "scheduler": scheduler_of(request, pipeline),
        "shared_attention": request.shared_attention,
    }


def _steps(request: RunRequest, given: Mapping[str, Any]) -> int:
    """Steps that a run really takes: remaking a video starts part of the way."""
    steps, _ = request.sampled()
    return max(1, round(steps * given["strength"])) if "video" in given else steps


def _timings(times: Sequence[float]) -> dict[str, float]:
    """Seconds of each stage, from the clock at the start, after every step and after decoding."""
    return {
        "first_step": times[1] - times[0],
        "denoise": times[-2] - times[0],
        "decode": times[-1] - times[-2],
        "total": times[-1] - times[0],
    }


def _flops(
    pipeline: X2VPipeline, request: RunRequest, steps: int, given: Mapping[str, Any], planned: bool
) -> int:
    """Floating-point operations of text and transformer over a run, by `flops.run_flops`. A planner's own, a
    thousandth of that, are left out.
    """
    config = model_config(pipeline)
    prompts = [request.prompt, request.negative_prompt] if request.guidance != 1 else [request.prompt]
    longest = max(len(pipeline.text_encoder.tokenize(prompt).ids) for prompt in prompts)
    conditions = given.get("conditions", Conditions())
    controlled = planned or "boxes" in given
    controlled |= conditions.control is not None or conditions.camera is not None
    scheduler = "heun" if scheduler_of(request, pipeline).order == 2 else None
    return run_flops(config, replace(request, steps=steps, scheduler=scheduler), longest, controlled)


def _layers_heads(pipeline: X2VPipeline) -> tuple[int, int]:
    return pipeline.transformer.config.depth, pipeline.transformer.config.heads


def _check_budget(needed: int, budget: int) -> None:
    if needed > budget:
        rule = f"the budget is {budget / 1e6:.1f} MB"
        cure = f"keep fewer steps, layers or heads, make a smaller clip, or pass budget_bytes={needed}"
        raise X2VError(f"a trace of {needed / 1e6:.1f} MB", rule, cure)
