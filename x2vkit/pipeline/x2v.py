"""Prompt and conditions -> frames: the one place where text encoder, transformer, sampler and VAE meet.

    B clips; F, H, W frames and pixels; C, f, h, w latent grid; S steps

`stream` is the only path: it yields every denoising step, and calling the pipeline is running it to its end.
Knows nothing about traces or files of video; whoever wants a record listens to `stream`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY, LoraBaseMixin
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn import functional as nnf

from x2vkit.axes import Shape3, check_shape, latent_shape
from x2vkit.core.conditions import Conditions, known_frames, resolve
from x2vkit.core.guidance import GuidedVelocity, passes
from x2vkit.core.planner import TRACKS, Plan, Planner
from x2vkit.core.sampler import Step, sample
from x2vkit.core.text import TextEncoder, Words
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.registry import SamplingDefaults, sampling_defaults

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Suffixes of weight files that can run code when they are opened; never loaded."""
LORA_FILE = "pytorch_lora_weights.safetensors"
"""Name of a LoRA's weights in its folder, as diffusers has it."""
OUTPUTS = ("np", "pt", "latent")

Picture: TypeAlias = Image.Image | np.ndarray | Tensor


@dataclass(frozen=True)
class ClipStep(Step):
    """A sampler's Step, with the words that the model read."""

    words: tuple[Words, ...] = ()
    """One entry per clip: ids, words after synonyms, unknown and dropped words."""
    plan: Plan | None = None
    """What the clips were planned to show, where they were planned."""


@dataclass
class X2VOutput(BaseOutput):
    """What a run made."""

    frames: np.ndarray | Tensor
    """uint8 (B, F, H, W, 3) for "np", float (B, 3, F, H, W) in [-1, 1] for "pt", (B, C, f, h, w) for
    "latent".
    """
    fps: int
    """Frames a second."""
    words: tuple[Words, ...]
    """How each prompt was read."""
    plan: Plan | None = None
    """Where the subjects were planned to go, and what the camera was to do; None without a plan."""


class X2VPipeline(DiffusionPipeline, LoraBaseMixin):
    """Text (and frames, boxes, a camera) to video. Load the shipped weights with `x2vkit.load()`."""

    model_cpu_offload_seq = "planner->text_encoder->transformer->vae"
    _lora_loadable_modules = ["transformer"]
    _optional_components = ["planner"]

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
        self._interrupt = False
        self.sampling = SamplingDefaults()

    # -- making clips
    # --------------------------------------------------------------------------------------------

    def __call__(
        self,
        prompt: str | Sequence[str],
        *,
        num_frames: int = 17,
        fps: int = 12,
        num_inference_steps: int = 20,
        output_type: str = "np",
        callback_on_step_end: Callable[[X2VPipeline, int, int, dict[str, Tensor]], dict | None] | None = None,
        **options: Any,
    ) -> X2VOutput:
        """Make one clip per prompt. `options` are those of `stream`.

        callback_on_step_end(pipeline, index, timestep, {"latents": ...}) may return {"latents": ...} to
        change them, or set `pipeline._interrupt = True` to stop after the step (both as in diffusers). Raises
        X2VError on input that the model cannot work with.
        """
        if output_type not in OUTPUTS:
            raise X2VError(
                f"output_type={output_type!r}", f"outputs are {', '.join(OUTPUTS)}", "use np for uint8 frames"
            )
        if isinstance(fps, bool) or not fps > 0:
            raise X2VError(f"fps={fps!r}", "frames a second are above zero", "use 12")
        self._interrupt = False
        run = self.stream(prompt, num_frames=num_frames, num_inference_steps=num_inference_steps, **options)
        step = last = next(run)
        with self.progress_bar(total=num_inference_steps) as bar:
            while step is not None:
                bar.update()
                last, changed = step, None
                if callback_on_step_end is not None:
                    kwargs = {"latents": step.next_latents}
                    kwargs = callback_on_step_end(self, step.index, round(1000 * step.t), kwargs) or {}
                    changed = kwargs.get("latents")
                final = step.next_latents if changed is None else changed
                step = None if self._interrupt else _send(run, changed)
        run.close()
        frames = {"np": self.decode, "pt": self._video, "latent": lambda latents: latents}[output_type](final)
        self.maybe_free_model_hooks()
        return X2VOutput(frames=frames, fps=fps, words=last.words, plan=last.plan)

    @torch.inference_mode()
    def stream(
        self,
        prompt: str | Sequence[str],
        *,
        negative_prompt: str | Sequence[str] = "",
        image: Picture | None = None,
        video: np.ndarray | Tensor | None = None,
        strength: float = 0.6,
        boxes: Sequence[np.ndarray] = (),
        conditions: Conditions | None = None,
        num_frames: int = 17,
        height: int = 128,
        width: int = 128,
        num_inference_steps: int = 20,
        guidance_scale: float = 4.0,
        control_guidance_scale: float = 1.0,
        consistency: bool = False,
        plan: Plan | bool = True,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Generator[ClipStep, Tensor | None, None]:
        """Yield every denoising step as a ClipStep; the last one's `next_latents` are the clip. Closing
        cancels.

        image: the clip's first frame (uint8 (H, W, 3), a PIL image, or float (3, H, W) in [-1, 1]; scaled and
        cropped about its centre to fit). video: uint8 (F, H, W, 3) or float (3, F, H, W), remade from
        `strength` (0: kept, 1: not looked at). boxes: where the first and second subject go, (F, 4) or (4,)
        each as x0, y0, x1, y1 in fractions. conditions: the same and more on the latent grid, for one clip or
        for all B. guidance_scale pulls towards the words, the plan and whatever else is given,
        control_guidance_scale towards boxes, strokes and camera once more (both less in detail: `SamplingDefaults.guidance_ramp`); 1
        is no pull, and only then is its extra pass saved. consistency: the clips of the batch look at each
        other, to keep one character. plan: where everything goes (see `draft`), changed by hand perhaps; True
        drafts one, if the model has a planner, around the boxes and the camera that are given (beside given
        frames or a control raster, of the camera alone; of a given video, none); False does not.
        """
        prompts: list[str] = list(prompt) if isinstance(prompt, (list, tuple)) else [prompt]  # type: ignore[list-item]
        check_shape(num_frames, height, width, self.transformer.patch)
        words = self.read(prompts)
        B, device = len(prompts), self._execution_device
        grid = latent_shape(num_frames, height, width)

        size = (B, self.transformer.config.latent_channels, *grid)
        given = self._conditions(image, boxes, conditions, (num_frames, height, width)).fit(B, size[1], grid)
        start = None
        if video is not None:
            start = self._encode(_video_input(video, num_frames, height, width)).expand(B, -1, -1, -1, -1)
        noise = randn_tensor(size, generator, device, torch.float32)

        def draft() -> Plan:
            return self.draft(words, (num_frames, height, width), boxes, given.camera, generator)

        given, drafted = resolve(
            plan,
            given,
            (num_frames, height, width),
            boxes=len(boxes),
            video=start is not None,
            draft=None if self.planner is None else draft,
        )
        given = given.fit(B, size[1], grid).to(device)
        scales = guidance_scale, control_guidance_scale
        velocity = self._velocity(words, negative_prompt, given, scales, consistency, grid)

        last_level = self.sampling.last_level
        run = sample(velocity, noise, self.scheduler, num_inference_steps, given, start, strength, last_level)
        step = next(run)
        while step is not None:
            changed = yield ClipStep(**vars(step), words=words, plan=drafted)
            step = _send(run, changed)

    def draft(
        self,
        prompts: Sequence[str] | Sequence[Words],
        shape: tuple[int, int, int] = (17, 128, 128),
        boxes: Sequence[np.ndarray] = (),
        camera: Tensor | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Plan:
        """Plans of clips of `shape` (frames, height, width): boxes, turn, mouth, camera, from words alone.

        boxes and camera: as in `stream`, kept as they are. Raises X2VError if the model has no planner.
        """
        if self.planner is None:
            raise X2VError("a plan", "this model has no planner", "load one that has: x2vkit.load()")
        words = [self.text_encoder.tokenize(each) if isinstance(each, str) else each for each in prompts]
        size = (len(words), shape[0], TRACKS)
        noise = randn_tensor(size, generator, self._execution_device, torch.float32)
        return self.planner.plan(words, *shape, noise=noise, boxes=boxes, camera=camera)

    def read(self, prompts: Sequence[str]) -> tuple[Words, ...]:
        """How the model reads prompts. Warns about what it cannot use; X2VError when nothing of a prompt is
        left.
        """
        if not prompts or not all(isinstance(prompt, str) for prompt in prompts):
            raise X2VError(
                f"prompt={prompts!r}", "a prompt is text, or a list of texts", 'use "a dog in the snow"'
            )
        rows = tuple(self.text_encoder.tokenize(prompt) for prompt in prompts)
        for row in rows:
            if row.unknown and len(row.words) == 1:
                near = [
                    f"{word} -> {', '.join(close)}"
                    for word in row.unknown
                    if (close := self.text_encoder.near(word))
                ]
                cure = f"near words: {'; '.join(near)}" if near else "try: a red ball bouncing on the beach"
                raise X2VError(
                    f"prompt of {', '.join(row.unknown)}", "the model knows none of these words", cure
                )
            if row.unknown:
                warnings.warn(
                    f"words the model does not know, left out: {', '.join(row.unknown)}", stacklevel=3
                )
            if row.dropped:
                limit = self.text_encoder.config.max_words
                warnings.warn(
                    f"a prompt has at most {limit} words, left out: {', '.join(row.dropped)}", stacklevel=3
                )
            if len(row.words) == 1 and not row.unknown:
                warnings.warn("the prompt is empty: the clip shows whatever the model likes", stacklevel=3)
        return rows

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents (B, C, f, h, w) -> frames uint8 (B, F, H, W, 3)."""
        return _to_uint8(self._video(latents))

    @torch.inference_mode()
    def preview(self, latents: Tensor) -> np.ndarray:
        """The same at almost no cost, by one linear map per latent cell: rough colours and shapes."""
        return _to_uint8(self.vae.preview(latents.to(self.vae.dtype)))

    @torch.inference_mode()
    def _video(self, latents: Tensor) -> Tensor:
        return self.vae.decode(latents.to(self.vae.dtype)).float().clamp(-1, 1)

    def _encode(self, video: Tensor) -> Tensor:
        return self.vae.encode(video.to(self.vae.device, self.vae.dtype)).float()

    def _conditions(
        self,
        image: Picture | None,
        boxes: Sequence[np.ndarray],
        extra: Conditions | None,
        shape: tuple[int, int, int],
    ) -> Conditions:
        """Everything given besides words, as one Conditions."""
        given = extra or Conditions()
        if image is not None:
            first = self._encode(_fit(_as_float(image, "image", 3)[:, None], *shape[1:])[None])
            latents = first.new_zeros(1, first.shape[1], *latent_shape(*shape))
            latents[:, :, :1] = first
            given = given.merge(known_frames(latents, [0]))
        return given.merge(Conditions.draw(shape, boxes=boxes))

    def _velocity(
        self,
        words: Sequence[Words],
        negative_prompt: str | Sequence[str],
        given: Conditions,
        scales: tuple[float, float],
        consistency: bool,
        grid: Shape3,
    ) -> GuidedVelocity:
        """The guided velocity as a function of latents and t."""
        B, device = len(words), self._execution_device
        negatives = [negative_prompt] * B if isinstance(negative_prompt, str) else list(negative_prompt)
        if len(negatives) != B:
            raise X2VError(
                f"{len(negatives)} negative prompts", f"there are {B} prompts", "give one, or one for each"
            )
        needed = passes(*scales, given)
        texts: list[str | Words] = []
        for each in needed:
            texts += negatives if each.negative else words
        ids, mask = self.text_encoder.batch(texts)
        text = self.text_encoder(ids).to(device, self.transformer.dtype)
        return GuidedVelocity(
            self.transformer,
            needed,
            text,
            mask.to(device),
            given,
            grid,
            ramp=self.sampling.guidance_ramp,
            shared_attention=consistency,
        )

    # -- weights
    # -------------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> X2VPipeline:
        """Load a pipeline written by `save_pretrained`, in `fast_dtype()` unless `dtype` says otherwise.

        Only safetensors are read. Raises X2VError for pickles, weights that are broken, incomplete or not
        numbers, and a checkpoint of another format.
        """
        source = str(pretrained_model_name_or_path)
        for folder in (path for path in Path(source).glob("*") if path.is_dir()):
            _refuse_pickles(folder)
        if "torch_dtype" not in options:
            options.setdefault("dtype", fast_dtype())
        usual_dtype = torch.get_default_dtype()
        try:
            pipe = super().from_pretrained(source, **options | {"use_safetensors": True})
        except X2VError:
            raise
        except (
            OSError,
            ValueError,
            RuntimeError,
            KeyError,
            TypeError,
            AttributeError,
            SafetensorError,
        ) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            rule = f"it does not hold the weights of an x2vkit pipeline ({reason})"
            raise X2VError(f"weights {source!r}", rule, "train them, or fetch them again") from error
        finally:
            torch.set_default_dtype(usual_dtype)  # diffusers leaves its own behind when a load fails
        for name in ("vae", "text_encoder", "transformer", "planner"):
            if getattr(pipe, name) is not None:
                check_weights(getattr(pipe, name), f"{source}/{name}")
        pipe.sampling = sampling_defaults(source)
        return pipe

    def save_pretrained(self, save_directory: str | Path, *args: Any, **options: Any) -> None:
        """Write the pipeline to a folder, as diffusers does, and beside it how it is sampled."""
        super().save_pretrained(save_directory, *args, **options)
        self.sampling.save(save_directory)

    def load_lora_weights(
        self, source: str | Path, adapter_name: str = "default", weight_name: str = LORA_FILE
    ) -> None:
        """Add a LoRA to the transformer from a safetensors file, or a folder that holds `weight_name`."""
        path = Path(source)
        path = path / weight_name if path.is_dir() else path
        if path.suffix in PICKLES:
            raise _pickle_error(path)
        if not path.is_file():
            _refuse_pickles(path.parent)
            raise X2VError(f"LoRA {str(path)!r}", "there is no such file", "give the folder of a saved LoRA")
        try:
            with safe_open(path, "pt") as file:
                weights = {name: file.get_tensor(name) for name in file.keys()}
                settings = json.loads((file.metadata() or {}).get(LORA_ADAPTER_METADATA_KEY, "null"))
        except (SafetensorError, json.JSONDecodeError) as error:
            raise X2VError(
                f"LoRA {str(path)!r}", f"it is not a safetensors file ({error})", "save it again"
            ) from error
        if not all(torch.isfinite(value).all() for value in weights.values()):
            raise X2VError(
                f"LoRA {str(path)!r}", "it holds values that are not numbers", "train it again, slower"
            )
        self.transformer.load_lora_adapter(
            weights, prefix="transformer", adapter_name=adapter_name, metadata=settings
        )

    def save_lora_weights(self, folder: str | Path, adapter_name: str = "default") -> Path:
        """Write one of the transformer's LoRAs as safetensors into a folder; returns the file."""
        from peft import get_peft_model_state_dict

        weights = get_peft_model_state_dict(self.transformer, adapter_name=adapter_name)
        settings = self.transformer.peft_config[adapter_name].to_dict()
        settings = {
            name: list(value) if isinstance(value, set) else value for name, value in settings.items()
        }
        self._save_lora_weights(
            folder, {"transformer": weights}, {"transformer": settings}, weight_name=LORA_FILE
        )
        return Path(folder) / LORA_FILE


def fast_dtype() -> torch.dtype:
    """bfloat16 where this machine multiplies it in hardware (GPU, AVX512_BF16, AMX), else float32."""
    if torch.cuda.is_available():
        return torch.bfloat16
    capable = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if capable and _cpu_has_bf16() else torch.float32


def check_weights(model: torch.nn.Module, name: str) -> None:
    """Raise X2VError when a weight is missing or is not a finite number."""
    for key, value in model.state_dict().items():
        if value.is_meta:
            raise X2VError(f"weights {name!r}", f"{key} is missing", "fetch or train them again")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise X2VError(
                f"weights {name!r}", f"{key} holds values that are not numbers", "use an older checkpoint"
            )


def _cpu_has_bf16() -> bool:
    """oneDNN also calls bf16 supported where it only emulates it, slowly: ask the processor itself."""
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(flag, False) for flag in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))


def _refuse_pickles(folder: Path) -> None:
    pickles = [path for path in folder.glob("*") if path.suffix in PICKLES]
    if pickles and not list(folder.glob("*.safetensors")):
        raise _pickle_error(pickles[0])


def _pickle_error(path: Path) -> X2VError:
    return X2VError(
        f"weights {str(path)!r}", "a pickle can run code and is never opened", "convert it to safetensors"
    )


def _send(run: Generator[Any, Any, None], value: Tensor | None) -> Any:
    """The next item of a generator after sending it a value; None at its end."""
    try:
        return run.send(value)
    except StopIteration:
        return None


def _as_float(picture: Any, name: str, ndim: int) -> Tensor:
    """uint8 (..., H, W, 3), or float (3, ..., H, W) in [-1, 1], with `ndim` axes -> the latter."""
    if isinstance(picture, Image.Image):
        picture = np.asarray(picture.convert("RGB"))
    if isinstance(picture, np.ndarray):
        picture = torch.from_numpy(np.ascontiguousarray(picture))
    if isinstance(picture, Tensor) and picture.ndim == ndim:
        if picture.dtype == torch.uint8 and picture.shape[-1] == 3:
            return picture.movedim(-1, 0).float() / 127.5 - 1
        if picture.is_floating_point() and picture.shape[0] == 3 and picture.abs().max() <= 1:
            return picture.float()
    kind = getattr(picture, "dtype", type(picture).__name__)
    got = f"{name} of {tuple(getattr(picture, 'shape', ()))} {kind}"
    shape = "F, H, W, 3" if ndim == 4 else "H, W, 3"
    rule = f"{name} is uint8 ({shape}), or float with its 3 channels first, in [-1, 1]"
    raise X2VError(got, rule, "read it with x2vkit.media")


def _fit(video: Tensor, height: int, width: int) -> Tensor:
    """(3, F, H, W) scaled to cover height x width, and cropped about the centre."""
    H, W = video.shape[2:]
    if (H, W) == (height, width):
        return video
    scale = max(height / H, width / W)
    size = max(height, round(H * scale)), max(width, round(W * scale))
    frames = nnf.interpolate(video.transpose(0, 1), size=size, mode="bilinear", antialias=True)
    y, x = (size[0] - height) // 2, (size[1] - width) // 2
    return frames[:, :, y : y + height, x : x + width].transpose(0, 1).clamp(-1, 1)


def _video_input(video: np.ndarray | Tensor, num_frames: int, height: int, width: int) -> Tensor:
    """A user's video as (1, 3, F, H, W): its first F frames, fitted."""
    frames = _as_float(video, "video", 4)
    if frames.shape[1] < num_frames:
        cure = f"ask for num_frames={1 + (frames.shape[1] - 1) // 4 * 4} or fewer"
        raise X2VError(f"video of {frames.shape[1]} frames", f"num_frames={num_frames} needs as many", cure)
    return _fit(frames[:, :num_frames], height, width)[None]


def _to_uint8(video: Tensor) -> np.ndarray:
    """(B, 3, F, H, W) in [-1, 1] -> uint8 (B, F, H, W, 3)."""
    scaled = (video.float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().to(torch.uint8).permute(0, 2, 3, 4, 1).contiguous().cpu().numpy()
