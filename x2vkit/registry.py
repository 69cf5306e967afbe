"""Weights by name, the shapes and limits of what can be set, and the defaults that belong to weights: one
table for the command line, the Playground and the demo. Knows nothing about torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from x2vkit.axes import Shape3
from x2vkit.errors import X2VError
from x2vkit.media import write_atomic

WEIGHTS = Path(__file__).parent / "weights"
"""The weights that ship: a folder for each model, and the judge's."""
DEFAULT_MODEL = "small"
"""The weights that are used unless others are named."""

SHAPES: dict[str, Shape3] = {
    "square": (17, 128, 128),
    "wide": (17, 96, 160),
    "tall": (17, 160, 96),
    "still": (1, 128, 128),
    "long": (33, 128, 128),
}
"""Name -> frames, height, width: the shapes that the shipped models were trained on."""
PAGE_SHAPES = ("square", "wide", "tall", "still")
"""Shapes of `x2vkit page`, unless others are named."""

SCHEDULERS = ("euler", "heun", "unipc")
"""Schedulers that a run can name; core/sampler.py makes them."""

LORA_FILE = "pytorch_lora_weights.safetensors"
"""Name of a LoRA's weights in its folder, as diffusers has it."""
SAMPLING_FILE = "sampling.json"
"""Where a folder of weights says how to sample them."""


@dataclass(frozen=True)
class SamplingDefaults:
    """How weights are sampled unless a run says otherwise; saved beside them as `sampling.json`."""

    steps: int = 20
    """Denoising steps."""
    guidance: float = 4.0
    """Classifier-free guidance scale; 1 is none."""
    guidance_ramp: float = 0.6
    """Noise level below which guidance weighs less, in proportion, and at 0 not at all. It makes what words
    change several times as large: plain shapes and colours where layout is decided, but specks where detail
    is. (Guidance pays in a limited interval of noise levels: Kynkäänniemi et al. 2024, arXiv 2404.07724.)
    """
    shift: float = 2.0
    """Noise levels are bent towards 1 by t -> s t / (1 + (s - 1) t)."""
    last_level: float = 0.3
    """Noise level of the last step; from there the prediction is taken as it is."""
    quick_steps: int | None = None
    """Denoising steps where somebody waits (Playground, demo): as few as nobody sees; None is `steps`."""

    def quick(self) -> SamplingDefaults:
        """The same with the steps of where somebody waits."""
        return replace(self, steps=self.quick_steps or self.steps)

    def __post_init__(self) -> None:
        values = asdict(self)
        if self.quick_steps is None:
            values.pop("quick_steps")
        for name, value in values.items():
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
            if not good or value <= 0 or (name.endswith("steps") and not isinstance(value, int)):
                rule = f"{name} is a {'whole number' if name == 'steps' else 'number'} above 0"
                raise X2VError(
                    f"{SAMPLING_FILE}: {name}={value!r:.60}", rule, f"use {getattr(type(self), name)}"
                )
        if self.last_level >= 1:
            rule = "the last step's noise level lies below 1"
            raise X2VError(f"{SAMPLING_FILE}: last_level={self.last_level}", rule, "use 0.3")

    def save(self, folder: str | Path) -> Path:
        """Write `sampling.json` into a folder of weights; returns its path."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        data = json.dumps(values, indent=2) + "\n"
        return write_atomic(Path(folder) / SAMPLING_FILE, data.encode())


@dataclass(frozen=True)
class Limit:
    """What one setting may be."""

    low: float
    """Smallest value, allowed."""
    high: float
    """Largest value, allowed."""
    default: float
    """What it is unless it is set; of steps and guidance, weights may have their own
    (`sampling_defaults`).
    """
    whole: bool = False
    """Whether it is a whole number."""


STRONGEST = 1e6
"""Scale of guidance, to either side of 0, that a program may give: far beyond sense."""
LIMITS: dict[str, Limit] = {
    "seed": Limit(0, 2**53 - 1, 0, whole=True),
    "steps": Limit(1, 100, SamplingDefaults.steps, whole=True),
    "guidance": Limit(1.0, 20.0, SamplingDefaults.guidance),
    "control_guidance": Limit(1.0, 20.0, 1.0),
    "mouth_guidance": Limit(1.0, 20.0, 1.0),
    "strength": Limit(0.1, 1.0, 0.6),
    "seconds": Limit(0.1, SHAPES["long"][0] / 12, SHAPES["square"][0] / 12),
    "fps": Limit(1, 120, 12, whole=True),
}
"""Setting -> its range in every front end. Seeds end where a browser and JSON stop to count exactly."""


def shipped() -> dict[str, Path]:
    """Name -> folder of every model in the package, such as `small`; cheapest training first.

    Whatever holds a model_index.json, at any depth, appears by itself; its name is its own folder's.
    """
    folders = sorted(path.parent for path in WEIGHTS.rglob("model_index.json"))
    folders.sort(key=lambda folder: train_flops(folder) or 0)
    named: dict[str, Path] = {}
    for folder in folders:
        named[folder.name if folder.name not in named else folder.relative_to(WEIGHTS).as_posix()] = folder
    return named


def weights_folder(name: str | Path) -> Path:
    """The folder of a shipped name, or the folder that is named, if it holds a pipeline's weights; of a LoRA,
    that of the weights it was trained on.

    Raises X2VError where there are none.
    """
    if Path(name).suffix == ".x2v":
        rule = "an .x2v file holds a recorded run, no weights"
        raise X2VError(f"model {str(name)!r}", rule, f"open it with x2vkit.Trace.load({str(name)!r})")
    have, name = shipped(), lora_base(name) if is_lora(name) else name
    folder = have.get(str(name), Path(name))
    if not (folder / "model_index.json").is_file():
        names = ", ".join(have) or "none"
        rule = f"no such weights ship with x2vkit (there are: {names}), and no such folder holds any"
        cure = "give a shipped name, or a folder that save_pretrained wrote"
        raise X2VError(f"model {str(name)!r}", rule, cure)
    return folder


def is_lora(name: str | Path) -> bool:
    """Whether this is the folder of a saved LoRA, or its file."""
    path = Path(name)
    return str(name) not in shipped() and (path.suffix == ".safetensors" or (path / LORA_FILE).is_file())


def lora_file(name: str | Path) -> Path:
    """The file of a LoRA from its folder, or from itself."""
    return Path(name) / LORA_FILE if Path(name).is_dir() else Path(name)


def lora_base(name: str | Path) -> str:
    """The model that a LoRA was trained on: what the training.json beside it says, or else the usual one."""
    try:
        base = json.loads((lora_file(name).parent / "training.json").read_text())["base"]
    except (OSError, ValueError, TypeError, KeyError):
        return DEFAULT_MODEL
    return base if isinstance(base, str) and not is_lora(base) else DEFAULT_MODEL


def train_flops(folder: str | Path) -> float | None:
    """Floating-point operations of a model's training, from the files beside its weights; None if untold."""
    for name in ("training.json", "log.jsonl") if str(folder) else ():
        if not (Path(folder) / name).is_file():
            continue
        try:
            text = (Path(folder) / name).read_text()
            rows = [json.loads(text)] if name.endswith(".json") else map(json.loads, text.splitlines())
            told = [float(row["flops"]) for row in rows if isinstance(row, dict) and "flops" in row]
        except (OSError, ValueError):
            continue
        if told:
            return max(told)
    return None


def sampling_defaults(folder: str | Path) -> SamplingDefaults:
    """How the weights in a folder (or shipped under a name) are sampled; the usual way where it says nothing.

    Raises X2VError for a `sampling.json` that cannot be read.
    """
    name = lora_base(folder) if is_lora(folder) else folder
    path = Path(shipped().get(str(name), name)) / SAMPLING_FILE
    if not path.is_file():
        return SamplingDefaults()
    try:
        values: Any = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError) as error:
        rule = f"it is a JSON object of numbers ({error})"
        raise X2VError(str(path), rule, "fetch the weights again, or delete the file") from error
    known = [field.name for field in fields(SamplingDefaults)]
    if strange := sorted(set(values) - set(known)):
        cure = "use the x2vkit version that wrote it"
        raise X2VError(f"{path}: {', '.join(strange)}", f"it has the fields {', '.join(known)}", cure)
    return SamplingDefaults(**values)
