"""The only bridge from a running model to a `Trace`: follow the steps, hook the attention, keep numbers.

    S steps; T text and N video tokens, A heads, D channels of a head; C, f, h, w latents; F, H, W pixels

The model knows nothing of this module. A recorded run computes what an unrecorded one does: hooks only look.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from math import isfinite, prod
from pathlib import Path
from time import perf_counter
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import x2vkit
from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, check_shape, latent_shape, token_grid
from x2vkit.config import ModelConfig, RunRequest
from x2vkit.core.attention import MASK_VALUE, ScaledDotProduct
from x2vkit.core.conditions import Conditions
from x2vkit.core.sampler import Step, make_scheduler
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.flops import run_flops
from x2vkit.media import check_fps
from x2vkit.pipeline.inputs import Picture
from x2vkit.pipeline.x2v import X2VPipeline, fast_dtype
from x2vkit.registry import DEFAULT_MODEL, shipped
from x2vkit.trace import Trace
from x2vkit.trace.record import Site

BUDGET_BYTES = 200_000_000
"""What a trace may take, unless the caller says otherwise."""


@dataclass(frozen=True)
class AttentionCapture:
    """Which queries and keys a recording keeps. None is all; negative numbers count from the end."""

    steps: Sequence[int] | None = None
    """Denoising steps, from 0."""
    layers: Sequence[int] | None = None
    """Transformer blocks, from 0."""
    heads: Sequence[int] | None = None
    """Heads of each block, from 0."""

    def resolve(self, steps: int, layers: int, heads: int) -> AttentionCapture:
        """The same choice, spelt out for so many steps, layers and heads. X2VError if one is not there."""
        return AttentionCapture(
            _chosen("steps", self.steps, steps),
            _chosen("layers", self.layers, layers),
            _chosen("heads", self.heads, heads),
        )


NOTHING = AttentionCapture((), (), ())


def load(name: str = DEFAULT_MODEL) -> X2VPipeline:
    """A new pipeline with the weights that ship under `name`, or from a folder that `save_pretrained` wrote.

    Raises X2VError when there are none, or when they are damaged, of another version, or a pickle.
    """
    folder = shipped().get(name, Path(name))
    if not (folder / "model_index.json").is_file():
        names = ", ".join(shipped()) or "none"
        rule = f"no such weights ship with x2vkit (there are: {names}), and no such folder holds any"
        raise X2VError(f"model {name!r}", rule, "give a shipped name, or a folder that save_pretrained wrote")
    parts = {}
    if folder in shipped().values() and not (folder / "vae").is_dir():
        # Models that differ in training compute alone share one autoencoder: its weights ship once.
        parts["vae"] = VideoVAE.from_pretrained(shipped()[DEFAULT_MODEL] / "vae", dtype=fast_dtype())
    shown = diffusers.utils.logging.is_progress_bar_enabled()
    diffusers.utils.logging.disable_progress_bar()  # four small files: its bar would only clutter a notebook
    try:
        return X2VPipeline.from_pretrained(folder, dtype=fast_dtype(), **parts)
    finally:
        if shown:
            diffusers.utils.logging.enable_progress_bar()


def quiet() -> None:
    """Keep diffusers' own progress bars and notes off the terminal, for a program that has its own."""
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()


def generate(prompt: str | RunRequest, **options: Any) -> Trace:
    """Make a clip: `record` without attention. The options are `record`'s.

    >>> trace = x2vkit.generate("a red ball bouncing on the beach", seed=3)
    """
    return record(prompt, **{"attention": None} | options)


def record(
    prompt: str | RunRequest,
    *,
    attention: AttentionCapture | None = AttentionCapture(),
    previews: bool = False,
    budget_bytes: int = BUDGET_BYTES,
    pipeline: X2VPipeline | None = None,
    on_step: Callable[[Step], object] | None = None,
    image: Picture | None = None,
    video: NDArray | Tensor | None = None,
    strength: float = 0.6,
    boxes: Sequence[NDArray] = (),
    conditions: Conditions | None = None,
    **options: Any,
) -> Trace:
    """Make a clip and keep how it was made.

    prompt: words, or a whole RunRequest. options: RunRequest's other fields (seed, steps, guidance, ...).
    attention: the queries and keys to keep, None for none; of the pass with the words, and of Heun's two
    looks the first. previews: also decode the clip that every step predicts (slow; see `Trace.preview`).
    budget_bytes: a larger trace is refused before anything is computed (see `predicted_bytes`).
    pipeline: the model; by default the one that the request names. on_step: called with every Step.
    image, video, strength, boxes, conditions: as in `X2VPipeline.stream`, for one clip; the trace keeps them.

    Raises X2VError on input that the model cannot work with, and above the budget.
    """
    request = _request(prompt, options)
    pipeline = pipeline or _kept(request.model)
    request = request.resolve(pipeline.sampling)
    inputs = _inputs(image, video, strength, boxes, conditions)
    given = _given(inputs)
    keep = (attention or NOTHING).resolve(_steps(request, given), *_layers_heads(pipeline))
    _check_budget(predicted_bytes(request, pipeline, keep, previews), budget_bytes)

    t, latents, pred_x0, pred_x0_cond, pictures, times = [], [], [], [], [], [perf_counter()]
    scheduler = make_scheduler(request.scheduler)
    with _Hooks(pipeline.transformer, keep) as hooks:
        for step in pipeline.stream(request.prompt, scheduler=scheduler, **_call(request), **given):
            t.append(step.t)
            latents.append(_half(step.latents[0]))
            pred_x0.append(_half(step.pred_x0[0]))
            if request.guidance != 1:
                pred_x0_cond.append(_half(_unguided(step, hooks.answer)))
            if previews:
                pictures.append(pipeline.decode(step.pred_x0)[0])
            if on_step is not None:
                on_step(step)
            times.append(perf_counter())
            hooks.step = step.index + 1
    frames = pipeline.decode(step.next_latents)[0]
    times.append(perf_counter())

    return Trace(
        request=request.to_dict(),
        words=step.words[0].words,
        unknown=step.words[0].unknown,
        t=np.array([*t, step.next_t], np.float32),
        latents=np.stack([*latents, _half(step.next_latents[0])]),
        pred_x0=np.stack(pred_x0),
        frames=frames,
        fps=request.fps,
        queries=hooks.queries,
        keys=hooks.keys,
        heads=tuple(keep.heads or ()),
        patch=pipeline.transformer.patch,
        inputs=inputs,
        plan={name: tracks[0] for name, tracks in vars(step.plan).items()} if step.plan else {},
        pred_x0_cond=np.stack(pred_x0_cond) if pred_x0_cond else None,
        previews=np.stack(pictures) if previews else None,
        preview_weight=_half(pipeline.vae.preview_weight),
        preview_bias=_half(pipeline.vae.preview_bias),
        timings={
            "first_step": times[1] - times[0],
            "denoise": times[-2] - times[0],
            "decode": times[-1] - times[-2],
            "total": times[-1] - times[0],
        },
        flops=_flops(pipeline, request, len(t), given, planned=step.plan is not None),
        weights=weights_hash(pipeline),
        versions=_versions(pipeline),
    )


def rerun(trace: Trace, *, pipeline: X2VPipeline | None = None, **options: Any) -> Trace:
    """Make the same clip again from a trace's request and inputs: the same frames, bit for bit, on one machine.

    options: `record`'s, such as `attention=AttentionCapture(...)` to look into a clip that was made without.
    Raises X2VError when the weights are not those that made the trace.
    """
    request = RunRequest.from_dict(dict(trace.request))
    pipeline = pipeline or _kept(request.model)
    if (have := weights_hash(pipeline)) != trace.weights:
        rule = f"the trace was made by weights {trace.weights[:12]}"
        raise X2VError(f"weights {have[:12]}", rule, "pass the pipeline that made it, or record a new trace")
    return record(request, pipeline=pipeline, **{"attention": None} | _given(trace.inputs) | options)


def predicted_bytes(
    request: RunRequest, pipeline: X2VPipeline, attention: AttentionCapture | None = None, previews: bool = False
) -> int:
    """Bytes of all arrays in the trace that such a run makes (without `inputs` and `plan`), from shapes
    alone.
    """
    request = request.resolve(pipeline.sampling)
    check_shape(request.num_frames, request.height, request.width, pipeline.transformer.patch)
    config = pipeline.transformer.config
    layers, heads = _layers_heads(pipeline)
    keep = (attention or NOTHING).resolve(request.steps, layers, heads)
    pixels = request.num_frames * request.height * request.width * 3
    cells = config.latent_channels * prod(latent_shape(request.num_frames, request.height, request.width))
    tokens = len(pipeline.text_encoder.tokenize(request.prompt).ids)
    tokens += prod(token_grid(request.num_frames, request.height, request.width, pipeline.transformer.patch))
    places = len(keep.steps or ()) * len(keep.layers or ()) * len(keep.heads or ())
    linear = TIME_STRIDE * SPACE_STRIDE**2 * 3 * (config.latent_channels + 1)
    halves = (2 * request.steps + 1) * cells + 2 * places * tokens * (config.width // heads) + linear
    halves += request.steps * cells * (request.guidance != 1)
    return 2 * halves + 4 * (request.steps + 1) + pixels * (1 + request.steps * previews)


def weights_hash(pipeline: X2VPipeline) -> str:
    """SHA-256 over the names and bytes of all weights, in hexadecimal."""
    digest = hashlib.sha256()
    parts = (pipeline.text_encoder, pipeline.transformer, pipeline.vae, pipeline.planner)
    for part in (each for each in parts if each is not None):
        for name, value in part.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _unguided(step: Step, answer: Tensor) -> Tensor:
    """The pred_x0 latents (C, f, h, w) that the pass with the words alone predicts: latents - t * velocity.

    answer: that pass's velocity (C, f, h, w). Given frames, which `pred_x0` holds as they are, stay.
    """
    latents, pred_x0 = step.latents[0], step.pred_x0[0]
    return torch.where(pred_x0 == latents, pred_x0, latents - step.t * answer.to(latents))


class _Hooks:
    """Hooks on a transformer and its `ScaledDotProduct` while in a `with`; they only look. `step` is set from outside.

    Keeps the chosen queries and keys, and as `answer` what the step's first pass (with the words) said.
    """

    def __init__(self, transformer: nn.Module, keep: AttentionCapture) -> None:
        self.step = 0
        self.queries: dict[Site, NDArray] = {}
        self.keys: dict[Site, NDArray] = {}
        self.keep = keep
        self.transformer = transformer
        self.layers = [module for module in transformer.modules() if isinstance(module, ScaledDotProduct)]
        self.answered = -1

    def __enter__(self) -> _Hooks:
        chosen = self.keep.layers or ()
        self.handles = [self.layers[i].register_forward_pre_hook(self._listener(i)) for i in chosen]
        self.handles.append(self.transformer.register_forward_hook(self._hear))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _hear(self, _: nn.Module, __: tuple[Any, ...], answer: Tensor) -> None:
        if self.answered != self.step:  # later passes of a step are Heun's second look, or without the words
            self.answered, self.answer = self.step, answer[0].detach()

    def _listener(self, layer: int) -> Callable[[nn.Module, tuple[Tensor | None, ...]], None]:
        heads = list(self.keep.heads or ())

        def listen(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            site = (self.step, layer)
            if self.step not in (self.keep.steps or ()) or site in self.queries:
                return
            q, k, bias = inputs[0], inputs[1], inputs[3] if len(inputs) > 3 else None
            # Row 0 is the pass with the words. Tokens that only fill up the batch are none of its words.
            real = slice(None) if bias is None else bias[0, 0, 0] > MASK_VALUE / 2
            self.queries[site], self.keys[site] = (_half(x[0, heads][:, real]) for x in (q, k))

        return listen


@cache
def _kept(name: str) -> X2VPipeline:
    """The pipeline that `generate` and `record` use for a model name, loaded once."""
    return load(name)


def _request(prompt: str | RunRequest, options: Mapping[str, Any]) -> RunRequest:
    base = prompt if isinstance(prompt, RunRequest) else RunRequest(prompt=prompt)
    known = [field.name for field in fields(RunRequest)]
    if strange := sorted(set(options) - set(known)):
        rule = f"a run has the options {', '.join(known)}"
        raise X2VError(f"option {', '.join(strange)}", rule, "leave it out")
    request = replace(base, **options)
    check_shape(request.num_frames, request.height, request.width)
    check_fps(request.fps)
    if not 0 <= request.seed < 2**63:
        raise X2VError(f"seed={request.seed}", "a seed is a whole number from 0 to 2**63 - 1", "use 0")
    for name in ("guidance", "control_guidance"):
        if not isfinite(getattr(request, name) or 0):
            got = f"{name}={getattr(request, name)}"
            raise X2VError(got, "guidance is a finite number", "use 4.0, or 1 for none")
    if request.steps is not None and request.steps < 1:
        raise X2VError(f"steps={request.steps}", "a run has 1 step or more", "use 20")
    return request


def _call(request: RunRequest) -> dict[str, Any]:
    """A RunRequest in the words of `X2VPipeline.stream`."""
    return {
        "negative_prompt": request.negative_prompt,
        "num_frames": request.num_frames,
        "height": request.height,
        "width": request.width,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
        "control_guidance_scale": request.control_guidance,
        "generator": torch.Generator("cpu").manual_seed(request.seed),
        "plan": request.plan,
        "shared_attention": request.shared_attention,
    }


def _inputs(
    image: Picture | None,
    video: NDArray | Tensor | None,
    strength: float,
    boxes: Sequence[NDArray],
    conditions: Conditions | None,
) -> dict[str, NDArray]:
    """What was given beside the prompt, as named arrays; the inverse of `_given`."""
    named: dict[str, Any] = {"image": image, "video": video}
    named |= {"strength": strength} if video is not None else {}
    named |= {f"boxes.{i}": box for i, box in enumerate(boxes)}
    named |= {f"conditions.{name}": value for name, value in vars(conditions or Conditions()).items()}
    return {name: _as_array(value) for name, value in named.items() if value is not None}


def _given(inputs: Mapping[str, NDArray]) -> dict[str, Any]:
    """Named arrays as the arguments of `X2VPipeline.stream`."""
    given: dict[str, Any] = {name: inputs[name] for name in ("image", "video") if name in inputs}
    if "strength" in inputs:
        given["strength"] = float(inputs["strength"])
    if boxes := [inputs[name] for name in sorted(inputs) if name.startswith("boxes.")]:
        given["boxes"] = boxes
    grids = {name.partition(".")[2]: inputs[name] for name in inputs if name.startswith("conditions.")}
    if grids:
        given["conditions"] = Conditions(**{name: torch.tensor(grid) for name, grid in grids.items()})
    return given


def _as_array(value: Any) -> NDArray:
    if isinstance(value, Image.Image):
        value = value.convert("RGB")
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    return np.array(value)


def _steps(request: RunRequest, given: Mapping[str, Any]) -> int:
    """Steps that a run really takes: remaking a video starts part of the way."""
    return max(1, round(request.steps * given["strength"])) if "video" in given else request.steps


def _flops(
    pipeline: X2VPipeline, request: RunRequest, steps: int, given: Mapping[str, Any], planned: bool
) -> int:
    """Floating-point operations of text and transformer over a run, by `flops.run_flops`. A planner's own, a
    thousandth of that, are left out.
    """
    video, text = pipeline.transformer.config, pipeline.text_encoder.config
    names = {field.name for field in fields(ModelConfig)} & set(video)
    size = {name: video[name] for name in names} | {"patch": pipeline.transformer.patch}
    config = ModelConfig(**size | {"text_depth": text.depth, "max_words": text.max_words})
    prompts = [request.prompt, request.negative_prompt] if request.guidance != 1 else [request.prompt]
    longest = max(len(pipeline.text_encoder.tokenize(prompt).ids) for prompt in prompts)
    conditions = given.get("conditions", Conditions())
    controlled = planned or "boxes" in given
    controlled |= conditions.control is not None or conditions.camera is not None
    return run_flops(config, replace(request, steps=steps), longest, controlled)


def _layers_heads(pipeline: X2VPipeline) -> tuple[int, int]:
    return pipeline.transformer.config.depth, pipeline.transformer.config.heads


def _chosen(name: str, wanted: Sequence[int] | None, count: int) -> tuple[int, ...]:
    if wanted is None:
        return tuple(range(count))
    if strange := [i for i in wanted if not -count <= i < count]:
        got = f"attention {name} {strange}"
        raise X2VError(got, f"this run has {count} {name}", f"use 0 to {count - 1}")
    return tuple(sorted({i % count for i in wanted}))


def _check_budget(needed: int, budget: int) -> None:
    if needed > budget:
        rule = f"the budget is {budget / 1e6:.1f} MB"
        cure = f"keep fewer steps, layers or heads, make a smaller clip, or pass budget_bytes={needed}"
        raise X2VError(f"a trace of {needed / 1e6:.1f} MB", rule, cure)


def _half(x: Tensor) -> NDArray[np.float16]:
    """A tensor as float16: exact for bfloat16 values of ordinary size, as queries and keys are."""
    return x.detach().to("cpu", torch.float16).numpy()


def _versions(pipeline: X2VPipeline) -> dict[str, str]:
    """What the bits of a result depend on besides request, inputs and weights."""
    return {
        "x2vkit": x2vkit.__version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "dtype": str(pipeline.transformer.dtype).removeprefix("torch."),
        "device": str(pipeline.device),
        "threads": str(torch.get_num_threads()),
        "machine": platform.machine(),
    }
