"""Any diffusers video pipeline in the demo: its own sizes and rules, a picture of every step, and its trace.

C, f, h, w latents; F, H, W frames and pixels

The run is recorded as it goes, since a large model takes minutes: nobody should wait twice to look inside.
What cannot be recorded still makes its clip, and says why there is nothing to look into. Imports torch when
it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.demo.made import Made, Progress, Report
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.registry import LIMITS, SamplingDefaults
from x2vkit.run.request import CheckedRequest, read_request

if TYPE_CHECKING:
    from x2vkit.adapters.asking import Asking
    from x2vkit.config import RunRequest
    from x2vkit.trace import Trace
    from x2vkit.trace.linear import LinearPicture

FPS = 16
"""Frames a second of a clip, where neither pipeline nor caller says anything."""
TRACE_BYTES = 1_000_000_000
"""What the record of one clip may take; above that it is made without attention, and else not at all."""
PREVIEW_SIDE = 192
"""Pixels of the longer side of a step's picture, about."""
SIZES = ("num_frames", "height", "width")


class Foreign:
    """One pipeline that is not x2vkit's own. X2VError for what is no diffusers video pipeline."""

    def __init__(self, pipe: Any, fps: float | None = None) -> None:
        from x2vkit.adapters.asking import asking_of

        self.pipe, self.fps, self.name = pipe, fps, type(pipe).__name__
        self.asking: Asking = asking_of(pipe)
        """What can be said to it."""
        self.linear: LinearPicture | None = None
        """A linear picture of its latents, once a clip was decoded."""

    def sampling(self) -> SamplingDefaults:
        """Its usual steps and guidance, as far as the page's sliders go."""
        usual = SamplingDefaults()
        steps, guidance = self.asking.steps or usual.steps, self.asking.guidance or usual.guidance
        return replace(
            usual,
            steps=int(min(steps, LIMITS["steps"].high)),
            guidance=float(min(max(guidance, 1.0), LIMITS["guidance"].high)),
        )

    def read(self, values: Mapping[str, Any], image: Any, video: Any) -> CheckedRequest:
        """A visitor's values and the path of an uploaded picture, checked by the pipeline's own rules."""
        if video:
            rule = "other models than x2vkit's start from words, or from a picture where they take one"
            raise X2VError("a clip to start from", rule, "take it away")
        known = {name: value for name, value in values.items() if name not in (*SIZES, "shape", "seconds")}
        request = read_request({**known, "shape": "square"}, [self.name], lambda model: self.sampling())
        sizes: dict[str, Any] = {}
        for name, said in self.asking.ranges.items():
            value = values.get(name)
            sizes[name] = said.usual if value is None else said.check(name, int(value))
        inputs: dict[str, Any] = {}
        if image:
            if not self.asking.image:
                raise X2VError("a picture to start from", f"{self.name} takes none", "take it away")
            inputs["image"] = media.read_image(image, sizes.get("height"), sizes.get("width"))
        return CheckedRequest(replace(request, **sizes), inputs)

    def make(self, wanted: CheckedRequest, report: Report) -> Made:
        """A clip, with its trace where it can be recorded."""
        call, begin = self._call(wanted), perf_counter()
        told, notes = [0], list(wanted.notes)

        def counted(progress: Progress) -> None:
            told[0] += 1
            report(progress)

        for attempt in (self._recorded, self._without_attention, self._alone):
            try:
                output, trace, why = attempt(call, counted)
                break
            except X2VError as error:  # refused before anything was computed
                if told[0] or attempt == self._alone:
                    raise
                notes.append(f"not recorded in full: {error.rule}")
        notes += [why] if why else []
        frames = trace.frames if trace is not None else to_frames(output.frames)
        fps = self.fps or getattr(output, "fps", None) or (trace.fps if trace is not None else FPS)
        if trace is not None:
            self.linear = _small(trace)
        return Made(
            request=replace(
                wanted.request, num_frames=len(frames), height=frames.shape[1], width=frames.shape[2]
            ),
            frames=frames,
            fps=float(fps),
            seconds=perf_counter() - begin,
            notes=tuple(dict.fromkeys(notes)),
            trace=trace,
        )

    # -- running it

    def _call(self, wanted: CheckedRequest) -> dict[str, Any]:
        import torch
        from PIL import Image

        request = wanted.request
        steps, guidance = request.sampled()
        settings: dict[str, Any] = {name: getattr(request, name) for name in SIZES}
        settings |= {"prompt": request.prompt, "negative_prompt": request.negative_prompt}
        settings |= {"steps": steps, "guidance": guidance}
        known = self.asking.known
        optional = {"prompt": "prompt", "negative_prompt": "negative_prompt", "guidance": "guidance_scale"}
        left = {name for name, said in optional.items() if said not in known}
        left |= {name for name in SIZES if name not in self.asking.ranges}
        settings = {name: value for name, value in settings.items() if name not in left}
        if "image" in wanted.inputs:
            settings["image"] = Image.fromarray(wanted.inputs["image"])
        generator = torch.Generator("cpu").manual_seed(request.seed)
        call = {"generator": generator, **self.asking.call(settings)}
        return call | (
            {"prompt": request.prompt} if "prompt" in known else {}
        )  # empty, too: it has no default

    def _recorded(self, call: dict[str, Any], report: Report) -> tuple[Any, Trace | None, str]:
        from x2vkit.adapters.diffusers import SOME

        return self._record(call, report, SOME)

    def _without_attention(self, call: dict[str, Any], report: Report) -> tuple[Any, Trace | None, str]:
        return self._record(call, report, None)

    def _record(self, call: dict[str, Any], report: Report, attention: Any) -> tuple[Any, Trace | None, str]:
        """The output, its trace or None, and why there is none."""
        if not hasattr(self.pipe, "components"):
            return self._alone(call, report)
        from x2vkit.adapters.diffusers import attach

        steps, done = call["num_inference_steps"], [0]

        def on_step(step: Any, arguments: Mapping[str, Any]) -> None:
            done[0] += 1
            report(Progress(min(done[0], steps), steps, step.t, self._picture(step, arguments)))

        with attach(self.pipe, attention, budget_bytes=TRACE_BYTES, on_step=on_step) as recording:
            output = self.pipe(**call)
        try:
            return output, recording.trace, ""
        except X2VError as error:
            return output, None, f"this clip cannot be looked into: {error.rule}"

    def _alone(self, call: dict[str, Any], report: Report) -> tuple[Any, None, str]:
        """The pipeline by itself, with its own callback where it has one."""
        steps = call["num_inference_steps"]

        def on_step(_: Any, index: int, timestep: Any, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
            report(Progress(index + 1, steps))
            return {}

        watched = {"callback_on_step_end": on_step} if "callback_on_step_end" in self.asking.known else {}
        return self.pipe(**call, **watched), None, ""

    def _picture(self, step: Any, arguments: Mapping[str, Any]) -> Frames | None:
        """What a step takes the clip to be: by the linear picture of an earlier clip, else three channels as
        colours, at the latents' own size; None where nothing says how the latents lie.
        """
        from x2vkit.adapters.grid import find_layout
        from x2vkit.adapters.registry import support_of
        from x2vkit.adapters.sizes import expected_latents
        from x2vkit.views.patches.colors import false_colors

        latents = step.next_sample if step.pred_x0 is None else step.pred_x0
        try:
            expected = expected_latents(self.pipe, arguments)
            latents = find_layout(latents, None, expected, support_of(self.pipe).layout).arrange(latents)
        except (X2VError, ZeroDivisionError):
            return None
        if self.linear is not None and self.linear.weight.shape[1] == len(latents):
            return self.linear.draw(latents)
        return false_colors(latents)


def _sized(request: RunRequest, frames: Frames) -> RunRequest:
    """A request with the size that the clip came out with."""
    count, height, width, _ = frames.shape
    return replace(request, num_frames=count, height=height, width=width)


def _small(trace: Trace) -> LinearPicture:
    """A trace's linear picture, for pictures of PREVIEW_SIDE pixels."""
    linear = trace.linear_picture
    stride, longest = linear.geometry.spatial_stride, max(trace.frames.shape[1:3])
    fitting = (by for by in range(1, stride + 1) if stride % by == 0 and longest // by <= PREVIEW_SIDE)
    return linear.shrunk(next(fitting, stride))


def to_frames(frames: Any) -> Frames:
    """The first clip of a diffusers output -> uint8 (F, H, W, 3).

    It may be lists of PIL images, an array (B, F, H, W, 3) or a tensor (B, F, 3, H, W), in [0, 1] or uint8.
    """
    if hasattr(frames, "detach"):
        frames = frames.detach().float().cpu().numpy() if frames.is_floating_point() else frames.cpu().numpy()
    clip = frames[0]
    if isinstance(clip, (list, tuple)):
        clip = np.stack([np.asarray(frame) for frame in clip])
    array: NDArray[Any] = np.asarray(clip)
    if array.ndim == 4 and array.shape[-1] != 3 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.dtype != np.uint8:
        array = np.rint(np.nan_to_num(array.astype(np.float32)).clip(0, 1) * 255).astype(np.uint8)
    if array.ndim != 4 or array.shape[-1] != 3 or not len(array):
        raise X2VError(f"frames of shape {array.shape}", "a clip is (F, H, W, 3)", "use output_type='np'")
    return np.ascontiguousarray(array)
