"""Prompt and conditions -> frames: the one place where text encoder, transformer, sampler and VAE meet.

    B clips; F, H, W frames and pixels; C, f, h, w latent grid; T words, D their width; S steps

`stream` is the only path: it yields every denoising step, and calling the pipeline is running it to its end.
Nothing of a run is kept on the pipeline but what callbacks read (state.py), so threads can share one. Knows
nothing about traces or files of video; whoever wants a record listens to `stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeAlias

import diffusers
import numpy as np
import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from x2vkit.axes import Shape3, latent_shape
from x2vkit.core.conditions import Conditions, known_frames, resolve
from x2vkit.core.guidance import GuidedVelocity, passes
from x2vkit.core.lexicon import Words
from x2vkit.core.planner import TRACKS, Plan, Planner, as_plan
from x2vkit.core.sampler import Prediction, sample, steps_run
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import check_generators, check_latents, check_scheduler
from x2vkit.pipeline.codec import ClipCodec
from x2vkit.pipeline.inputs import Pictures, Video, read_image, read_video
from x2vkit.pipeline.limits import check_stream
from x2vkit.pipeline.lora import X2VLoraMixin, lora_scale, scaled
from x2vkit.pipeline.outputs import ClipStep, Frames, X2VPipelineOutput, check_call, to_frames
from x2vkit.pipeline.prompts import PromptReader, join_embeds, prompts_of, spread
from x2vkit.pipeline.saving import SavedPipeline
from x2vkit.pipeline.state import RunState, RunStates
from x2vkit.registry import SamplingDefaults

Callback: TypeAlias = (
    "Callable[[X2VPipeline, int, int, dict[str, Tensor]], dict[str, Any] | None] | PipelineCallback"
)
EMBEDS = ("prompt_embeds", "negative_prompt_embeds")


class X2VPipeline(RunStates, PromptReader, ClipCodec, X2VLoraMixin, SavedPipeline):
    """Text (and frames, boxes, a camera) to video. Load the shipped weights with `x2vkit.load()`."""

    model_cpu_offload_seq = "text_encoder->planner->transformer->vae"
    _optional_components = ["planner"]
    _callback_tensor_inputs = ["latents", "prompt_embeds", "negative_prompt_embeds"]

    vae: VideoVAE
    text_encoder: TextEncoder
    transformer: VideoTransformer
    planner: Planner | None

    def __init__(
        self,
        vae: VideoVAE,
        text_encoder: TextEncoder,
        transformer: VideoTransformer,
        scheduler: Any,
        planner: Planner | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae, text_encoder=text_encoder, transformer=transformer, scheduler=scheduler, planner=planner
        )
        self.sampling = SamplingDefaults()
        self._states, self._lora_words = {}, {}

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        negative_prompt: str | Sequence[str] | None = None,
        image: Pictures | None = None,
        video: Video | None = None,
        strength: float = 0.6,
        boxes: Sequence[np.ndarray] = (),
        conditions: Conditions | None = None,
        num_frames: int = 17,
        height: int = 128,
        width: int = 128,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        control_guidance_scale: float = 1.0,
        mouth_guidance_scale: float = 1.0,
        num_videos_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        plan: Plan | Mapping[str, np.ndarray] | bool = True,
        shared_attention: bool = False,
        fps: int = 12,
        output_type: str = "pil",
        return_dict: bool = True,
        attention_kwargs: dict[str, Any] | None = None,
        callback_on_step_end: Callback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> X2VPipelineOutput | tuple[Frames]:
        """Make one clip per prompt.

        Args:
            prompt: what to show; one text or B of them.
            negative_prompt: what to steer away from; one text or B. Nothing by default.
            image: the clip's first frame, or one for each prompt: a PIL image, or an array of 3 channels,
                uint8 or float in [0, 1] (see `inputs`); scaled and cropped about its centre to fit.
            video: a video to remake, or one for each prompt, of F frames or more; frames as for `image`.
            strength: how much of it is made anew; above 0 (kept) up to 1 (not looked at).
            boxes: where the first and second subject go, (F, 4) or (4,) each as x0, y0, x1, y1 in fractions.
            conditions: the same and more on the latent grid, for one clip or for all.
            num_frames: F, which is 1 + 4k.
            height: H in pixels, a multiple of 16.
            width: W in pixels, a multiple of 16.
            num_inference_steps: denoising steps; by default those of the weights (`sampling.steps`).
            guidance_scale: classifier-free guidance towards the words, the plan and whatever else is given,
                less in detail (`sampling.guidance_ramp`); 1 is none and saves a pass. By default
                `sampling.guidance`.
            control_guidance_scale: guidance towards boxes, strokes and camera once more; 1 is none.
            mouth_guidance_scale: guidance towards the openness of a mouth in time; 1 is none.
            num_videos_per_prompt: clips of each prompt, which lie side by side in the batch.
            generator: source of the noise, or one for each clip.
            latents: the noise itself, (clips, C, f, h, w).
            prompt_embeds: in place of `prompt`, what `encode_prompt` made of it; without words nothing is
                planned.
            negative_prompt_embeds: in place of `negative_prompt`.
            plan: where everything goes (see `draft`), changed by hand perhaps, or the tracks of one clip
                (`Trace.plan`), which count for all; True drafts one, if the model
                has a planner, around the boxes and the camera that are given (beside given frames or a
                control raster, of the camera alone; of a given video, none); False does not.
            shared_attention: the clips of the batch look at each other, to keep one character.
            fps: frames a second, handed on.
            output_type: "pil", "np", "pt" or "latent" (see `X2VPipelineOutput.frames`).
            return_dict: False gives (frames,).
            attention_kwargs: {"scale": how much loaded LoRAs count}.
            callback_on_step_end: called as callback(pipeline, index, timestep, tensors); may return tensors
                to change them, change `pipeline._guidance_scale`, or stop with `pipeline._interrupt = True`.
            callback_on_step_end_tensor_inputs: which tensors it is given: latents, prompt_embeds,
                negative_prompt_embeds.

        Returns:
            The clips, their frame rate, how the prompts were read and the plan.

        Raises:
            X2VError: input that the model cannot work with.
        """
        names = callback_on_step_end_tensor_inputs
        if isinstance(callback_on_step_end, (PipelineCallback, MultiPipelineCallbacks)):
            names = callback_on_step_end.tensor_inputs
        check_call(output_type, fps, names, self._callback_tensor_inputs)
        steps = self.sampling.steps if num_inference_steps is None else num_inference_steps
        guidance_scale = self.sampling.guidance if guidance_scale is None else guidance_scale
        run = self.stream(
            prompt,
            negative_prompt=negative_prompt,
            image=image,
            video=video,
            strength=strength,
            boxes=boxes,
            conditions=conditions,
            num_frames=num_frames,
            height=height,
            width=width,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            control_guidance_scale=control_guidance_scale,
            mouth_guidance_scale=mouth_guidance_scale,
            num_videos_per_prompt=num_videos_per_prompt,
            generator=generator,
            latents=latents,
            prompt_embeds=prompt_embeds,
            negative_prompt_embeds=negative_prompt_embeds,
            plan=plan,
            shared_attention=shared_attention,
            attention_kwargs=attention_kwargs,
        )
        count = steps if video is None else steps_run(steps, strength)
        of_run = {"guidance_scale": guidance_scale, "attention_kwargs": attention_kwargs}
        with self._begin(num_timesteps=count, **of_run) as state, self.progress_bar(total=count) as bar:
            last, final = self._follow(run, state, bar, callback_on_step_end, names)
        check_latents(final, self.transformer.dtype)
        frames = final if output_type == "latent" else to_frames(self.video(final), output_type)
        self.maybe_free_model_hooks()
        if not return_dict:
            return (frames,)
        return X2VPipelineOutput(frames=frames, fps=fps, words=last.words, plan=last.plan)

    @torch.no_grad()
    def stream(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        negative_prompt: str | Sequence[str] | None = None,
        image: Pictures | None = None,
        video: Video | None = None,
        strength: float = 0.6,
        boxes: Sequence[np.ndarray] = (),
        conditions: Conditions | None = None,
        num_frames: int = 17,
        height: int = 128,
        width: int = 128,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        control_guidance_scale: float = 1.0,
        mouth_guidance_scale: float = 1.0,
        num_videos_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        plan: Plan | Mapping[str, np.ndarray] | bool = True,
        shared_attention: bool = False,
        attention_kwargs: Mapping[str, Any] | None = None,
        scheduler: Any = None,
    ) -> Generator[ClipStep, Mapping[str, Any] | None, None]:
        """Yield every denoising step as a ClipStep; the `next_latents` of the last are the clip.

        Closing cancels. A mapping that is sent back changes the steps that follow: `latents` (which take the
        place of `next_latents`), `guidance_scale`, `prompt_embeds`, `negative_prompt_embeds`.

        Args:
            scheduler: which goes from step to step, in place of the pipeline's own. The others: as in the
                call.

        Raises:
            X2VError: input that the model cannot work with.
        """
        plan = as_plan(plan, num_frames)
        steps = self.sampling.steps if num_inference_steps is None else num_inference_steps
        guidance_scale = self.sampling.guidance if guidance_scale is None else guidance_scale
        shape, lora, n = (num_frames, height, width), lora_scale(attention_kwargs), num_videos_per_prompt
        check_scheduler(scheduler := scheduler or self.scheduler)
        check_stream(
            self, shape, steps, prompt=prompt, negative_prompt=negative_prompt, strength=strength,
            boxes=boxes, conditions=conditions, latents=latents, num_videos_per_prompt=n,
            guidance_scale=guidance_scale, control_guidance_scale=control_guidance_scale,
            mouth_guidance_scale=mouth_guidance_scale, shared_attention=shared_attention,
            prompt_embeds=prompt_embeds, negative_prompt_embeds=negative_prompt_embeds,
        )  # fmt: skip
        read = () if prompt is None else self.read(prompts_of(prompt))  # type: ignore[arg-type]
        words = tuple(each for each in read for _ in range(n))
        embeds = self.encode_prompt(
            read or None, negative_prompt, guidance_scale != 1, n, prompt_embeds, negative_prompt_embeds
        )
        B, grid, device = len(embeds[0]), latent_shape(*shape), self._execution_device
        prompts, size = B // n, (B, self.transformer.config.latent_channels, *grid)
        check_generators(generator, B)

        first = start = None
        if image is not None:
            first = spread("image", self._encode(read_image(image, height, width)[:, :, None]), prompts, n)
        given = self._conditions(first, boxes, conditions, shape).fit(B, size[1], grid)
        if video is not None:
            start = spread("video", self._encode(read_video(video, *shape)), prompts, n).expand(size)
        noise = self._noise(size, generator, latents)

        def draft() -> Plan:
            return self.draft(words, shape, boxes, given.camera, generator)

        drafts = draft if words and self.planner is not None else None
        remade = start is not None
        given, drafted = resolve(plan, given, shape, boxes=len(boxes), video=remade, draft=drafts)
        given = given.fit(B, size[1], grid).to(device)
        scales = guidance_scale, control_guidance_scale, mouth_guidance_scale
        guided = self._velocity(*embeds, given, scales, shared_attention, grid)

        def velocity(latents: Tensor, *levels: float) -> Prediction:
            with scaled(self.transformer, lora):
                return guided(latents, *levels)

        last_level, jumps = self.sampling.last_level, self.transformer.config.flow_map
        run = sample(velocity, noise, scheduler, steps, given, start, strength, last_level, generator, jumps)
        step = next(run)
        while step is not None:
            changes = yield ClipStep(
                **vars(step), words=words, plan=drafted, **dict(zip(EMBEDS, embeds, strict=True))
            )
            if changes and set(changes) - {"latents"}:
                scales = changes.get("guidance_scale", scales[0]), *scales[1:]
                embeds = tuple(changes.get(name, own) for name, own in zip(EMBEDS, embeds, strict=True))
                if scales[0] != 1 and embeds[1] is None:
                    embeds = self.encode_prompt(None, negative_prompt, True, n, embeds[0][::n])
                guided = self._velocity(*embeds, given, scales, shared_attention, grid)
            step = _send(run, changes.get("latents") if changes else None)

    def draft(
        self,
        prompts: Sequence[str] | Sequence[Words],
        shape: tuple[int, int, int] = (17, 128, 128),
        boxes: Sequence[np.ndarray | None] = (),
        camera: Tensor | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Plan:
        """Plans of clips of `shape` (frames, height, width): boxes, turn, mouth, camera, from words alone.

        boxes and camera: as in `stream`, kept as they are; a box may be None, which is free.
        Raises X2VError if the model has no planner.
        """
        if self.planner is None:
            raise X2VError("a plan", "this model has no planner", "load one that has: x2vkit.load()")
        words = [self.text_encoder.tokenize(each) if isinstance(each, str) else each for each in prompts]
        size = (len(words), shape[0], TRACKS)
        noise = randn_tensor(size, generator, self._execution_device, torch.float32)
        return self.planner.plan(words, *shape, noise=noise, boxes=boxes, camera=camera)

    def _follow(
        self,
        run: Generator[ClipStep, Mapping[str, Any] | None, None],
        state: RunState,
        bar: Any,
        callback: Callback | None,
        names: Sequence[str],
    ) -> tuple[ClipStep, Tensor]:
        """Run to the end, or to where a callback stops it: the last step, and its latents (B, C, f, h, w)."""
        step = next(run)
        while True:
            state.current_timestep = round(1000 * step.t)
            tensors = {"latents": step.next_latents, **{name: getattr(step, name) for name in EMBEDS}}
            changes: dict[str, Any] = {}
            if callback is not None:
                scale, shown = state.guidance_scale, {name: tensors[name] for name in names}
                answer = callback(self, step.index, state.current_timestep, shown) or {}
                changes = {k: v for k, v in answer.items() if k in tensors and v is not tensors[k]}
                changes |= {"guidance_scale": state.guidance_scale} if state.guidance_scale != scale else {}
            bar.update()
            following = None if state.interrupt else _send(run, changes)
            if following is None:
                run.close()
                return step, changes.get("latents", step.next_latents)
            step = following

    def _noise(self, size: tuple[int, ...], generator: Any, latents: Tensor | None) -> Tensor:
        """The noise that a run starts from: what is given, or drawn."""
        if latents is None:
            return randn_tensor(size, generator, self._execution_device, torch.float32)
        if tuple(latents.shape) != size:
            rule = f"this run's noise is {size}"
            raise X2VError(f"latents of shape {tuple(latents.shape)}", rule, "leave them out to draw some")
        return latents.to(self._execution_device, torch.float32)

    def _conditions(
        self,
        first: Tensor | None,
        boxes: Sequence[np.ndarray],
        extra: Conditions | None,
        shape: tuple[int, int, int],
    ) -> Conditions:
        """Everything given besides words, as one Conditions.

        first: latents (1 or B, C, 1, h, w) of given pictures.
        """
        given = extra or Conditions()
        if first is not None:
            latents = first.new_zeros(*first.shape[:2], *latent_shape(*shape))
            latents[:, :, :1] = first
            given = given.merge(known_frames(latents, [0]))
        return given.merge(Conditions.draw(shape, boxes=boxes))

    def _velocity(
        self,
        prompt_embeds: Tensor,
        negative_prompt_embeds: Tensor | None,
        given: Conditions,
        scales: tuple[float, float, float],
        shared_attention: bool,
        grid: Shape3,
    ) -> GuidedVelocity:
        """The guided velocity as a function of latents and t."""
        needed = passes(*scales[:2], given, scales[2])
        text = join_embeds([negative_prompt_embeds if each.negative else prompt_embeds for each in needed])
        text = text.to(self._execution_device, self.transformer.dtype)  # (passes * B, T, D)
        return GuidedVelocity(
            self.transformer,
            needed,
            text,
            (text != 0).any(-1),
            given,
            grid,
            ramp=self.sampling.guidance_ramp,
            shared_attention=shared_attention,
        )


# diffusers looks for a saved pipeline's class among its own names, and nowhere else: with this line
# `DiffusionPipeline.from_pretrained(folder)` finds it once this module is imported.
diffusers.X2VPipeline = X2VPipeline


def _send(run: Generator[Any, Any, None], value: Any) -> Any:
    """The next item of a generator after sending it a value; None at its end."""
    try:
        return run.send(value)
    except StopIteration:
        return None
