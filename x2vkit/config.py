"""Frozen configuration: the size of a model (`ModelConfig`, `PRESETS`) and the request of one run
(`RunRequest`).

Knows nothing about torch, so that a trace can carry a RunRequest and a page can read it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from x2vkit.errors import X2VError

if TYPE_CHECKING:
    from x2vkit.registry import SamplingDefaults

FORMAT_VERSION = 1
"""Version of the checkpoint format: raised when saved weights of one version cannot be read as another's."""
MAX_PROMPT = 10_000
"""Characters of a text that is read as a prompt or a caption at all: a model reads a few dozen words."""


def check_format(version: int) -> None:
    """Raise X2VError unless saved weights are of the format that this version reads."""
    if version != FORMAT_VERSION or isinstance(version, bool):
        rule = f"this x2vkit reads checkpoint format {FORMAT_VERSION}"
        cure = "use the x2vkit version that wrote it, or train again"
        raise X2VError(f"checkpoint format {version!r:.40}", rule, cure)


def is_number(value: object) -> bool:
    """Whether a value is a finite number of Python's own (numpy's floats are), and not True or False."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= 1e300 and isfinite(value)


def check_prompt(text: str, name: str = "prompt") -> str:
    """The text. X2VError for what is no text, and for one of over MAX_PROMPT characters."""
    if not isinstance(text, str):
        raise X2VError(f"{name}={text!r:.60}", f"{name} is text", 'use "a dog in the snow"')
    if len(text) > MAX_PROMPT:
        rule = f"{name} has at most {MAX_PROMPT:,}, and a model reads a few dozen words"
        raise X2VError(f"{name} of {len(text):,} characters", rule, "say it in a sentence or two")
    return text


@dataclass(frozen=True)
class ModelConfig:
    """The size of a video transformer and its text encoder; width x depth is the one dial."""

    latent_channels: int = 24
    """Channels C of the VAE's latent grid."""
    patch: tuple[int, int, int] = (1, 2, 2)
    """Latent frames, rows, columns in one token."""
    width: int = 256
    """Channels of a token inside the transformer."""
    depth: int = 6
    """Transformer blocks."""
    heads: int = 4
    """Attention heads; width / heads is the head's size, a multiple of 8."""
    mlp_ratio: int = 4
    """Hidden width of the MLP, in widths."""
    text_width: int = 128
    """Channels of a text token."""
    text_depth: int = 2
    """Blocks of the text encoder."""
    max_words: int = 32
    """Longest prompt in words; longer prompts lose their end, with a warning."""
    control_channels: int = 10
    """Channels of the control raster (core/raster.py)."""
    camera_channels: int = 4
    """Channels of the camera track (core/raster.py)."""
    conv_width: int = 0
    """Channels of the convolutions on the latent grid beside the blocks (core/conv_stage.py); 0 is none."""
    subject_rope: bool = False
    """Whether positions go with the subjects and the camera that are given (core/subject_rope.py)."""

    def __post_init__(self) -> None:
        if self.width % self.heads or (self.width // self.heads) % 8:
            rule = "width / heads must be a multiple of 8 (rotary positions pair channels on three axes)"
            raise X2VError(f"width={self.width}, heads={self.heads}", rule, "use 256 and 4")


PRESETS: dict[str, ModelConfig] = {
    "tiny": ModelConfig(width=48, depth=2, heads=2, text_width=32, text_depth=1),
    "small": ModelConfig(width=192, depth=6, heads=4, conv_width=96),
}
"""tiny (about 0.1M parameters) is for tests; small (about 4M) is what ships."""


@dataclass(frozen=True)
class RunRequest:
    """Everything that is words or numbers in one run: with its inputs enough to run it again."""

    prompt: str = ""
    """The words as the user gave them."""
    negative_prompt: str = ""
    """What guidance steers away from; empty is the unconditional model."""
    seed: int = 0
    """Seed of the noise."""
    steps: int | None = None
    """Denoising steps S; None is the weights' own default (see `registry.sampling_defaults`)."""
    guidance: float | None = None
    """Classifier-free guidance scale of the words and of what is planned or given with them; 1 is none, None
    the weights' own default.
    """
    control_guidance: float = 1.0
    """Guidance scale of control raster and camera once more, by a pass of its own; 1 is none."""
    mouth_guidance: float = 1.0
    """Guidance scale of a mouth's openness in time, by a pass of its own where somebody talks; 1 is none."""
    num_frames: int = 17
    """Frames F = 1 + 4k."""
    height: int = 128
    """Pixels, a multiple of 16."""
    width: int = 128
    """Pixels, a multiple of 16."""
    fps: int = 12
    """Frames a second, for playing; the model was trained at 12."""
    scheduler: str | None = None
    """euler, heun or unipc (see core/sampler.py); None is the pipeline's own."""
    model: str = "small"
    """Name or path of the weights."""
    plan: bool = True
    """Whether a planner, where the model has one, drafts where everything goes."""
    shared_attention: bool = False
    """Whether the clips of one batch attend to each other, to keep one character."""

    def resolve(self, sampling: SamplingDefaults) -> RunRequest:
        """The same with nothing left open: steps and guidance that are None become those of the weights.
        Scales become Python's own floats, whatever numbers they were.
        """
        steps = sampling.steps if self.steps is None else self.steps
        guidance = sampling.guidance if self.guidance is None else self.guidance
        scales = {"guidance": guidance, "control_guidance": self.control_guidance}
        scales |= {"mouth_guidance": self.mouth_guidance}
        own: dict[str, Any] = {name: float(value) for name, value in scales.items() if is_number(value)}
        return replace(self, steps=steps, **{**scales, **own})

    def sampled(self) -> tuple[int, float]:
        """Steps and guidance of a request that leaves neither open (see `resolve`); X2VError of another."""
        if self.steps is None or self.guidance is None:
            cure = "call its resolve(sampling_defaults(model))"
            raise X2VError("a request", "it leaves steps or guidance to the weights", cure)
        return self.steps, self.guidance

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunRequest:
        """From `to_dict`'s output; raises X2VError on a field that this version does not know."""
        known = [field.name for field in fields(cls)]
        strange = sorted(set(values) - set(known))
        if strange:
            got = f"run field {', '.join(strange)}"
            raise X2VError(
                got, f"a run has the fields {', '.join(known)}", "read it with the version that wrote it"
            )
        return cls(**values)
