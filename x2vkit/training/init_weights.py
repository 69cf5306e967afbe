"""Going on from trained weights: the one reader of start weights, for every task.

A model may be larger than the one it goes on from, where more of the same comes in: new words, longer
captions, new channels of the control raster or the camera, new tracks of a plan, new blocks. What was trained
keeps its numbers; new input channels start at zero, so that on old inputs the larger model says what the
smaller one said; new rows start as an untrained model's do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from x2vkit.config import check_format
from x2vkit.core.planner import GROUPS, TRACKS, Planner
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError

Component = TypeVar("Component", bound=ModelMixin)


@dataclass(frozen=True)
class Placement:
    """Where a saved matrix lies in a larger one."""

    rows: Sequence[int] | None = None
    """For each saved row its row here; -1 drops it. None: rows stay as they are."""
    columns: Sequence[int] | None = None
    """For each saved column its column here; all others become zero. None: columns stay as they are."""

    def put(self, saved: Tensor, fresh: Tensor) -> Tensor:
        """The saved numbers in a matrix of the fresh one's size; as they are where they do not fit."""
        if self.columns is not None and saved.ndim == 2 and max(self.columns) < fresh.shape[1]:
            wide = fresh.new_zeros(len(saved), fresh.shape[1])
            wide[:, list(self.columns)] = saved.to(wide)
            saved = wide
        if self.rows is not None and saved.shape[1:] == fresh.shape[1:] and max(self.rows) < len(fresh):
            kept = [i for i, row in enumerate(self.rows) if row >= 0]
            tall = fresh.clone()
            tall[[self.rows[i] for i in kept]] = saved[kept].to(tall)
            saved = tall
        return saved


def init_weights(part: ModelMixin, folder: str | Path) -> None:
    """Give a model the weights of a folder that `save_pretrained` wrote, of its own size or of a smaller one.

    Raises:
        X2VError: no such weights, or weights that this model cannot hold.
    """
    config, saved = read_weights(folder)
    fresh = part.state_dict()
    placements = _placements(part, config)
    for name, value in saved.items():
        if name not in fresh:
            raise _misfit(folder, f"it has no {name}")
        placed = placements.get(name, Placement()).put(value, fresh[name])
        if placed.shape != fresh[name].shape:
            sizes = f"{name} is {tuple(value.shape)} there and {tuple(fresh[name].shape)} here"
            raise _misfit(folder, sizes)
        fresh[name] = placed
    lacking = [name for name in fresh if name not in saved and not _may_be_new(part, name)]
    if lacking:
        raise _misfit(folder, f"{lacking[0]} is not there")
    part.load_state_dict(fresh)


def read_weights(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and weights of one saved model. Raises X2VError where there are none."""
    folder = Path(folder)
    config = read_config(folder)
    try:
        return config, load_file(folder / SAFETENSORS_WEIGHTS_NAME)
    except (OSError, SafetensorError) as error:
        raise _absent(folder, error) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Configuration of one saved model. Raises X2VError where there is none."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise _absent(folder, error) from error
    if "format_version" in config:
        check_format(config["format_version"])
    return dict(config)


def load_component(
    kind: type[Component], folder: str | Path, dtype: torch.dtype = torch.float32
) -> Component:
    """A trained model as it is, in evaluation mode. Raises X2VError where there is none."""
    try:
        (Path(folder) / "config.json").stat()  # before it is taken for a name on the Hub
        part = kind.from_pretrained(folder, torch_dtype=dtype, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise _absent(Path(folder), error) from error
    return nn.Module.to(part, dtype).eval()


def _absent(folder: Path, error: Exception) -> X2VError:
    reason = (str(error).strip().splitlines() or ["unreadable"])[0]
    rule = f"there are no trained weights in this folder ({reason})"
    return X2VError(f"weights {str(folder)!r}", rule, "name one with config.json and safetensors in it")


def _misfit(folder: str | Path, reason: str) -> X2VError:
    rule = f"this recipe's model cannot hold it: {reason}"
    cure = "use the sizes that it was trained with; words, tracks, blocks and control channels may be more"
    return X2VError(f"init_from {str(folder)!r}", rule, cure)


def _may_be_new(part: nn.Module, name: str) -> bool:
    """Whether a parameter may be missing in what training goes on from."""
    if isinstance(part, VideoVAE):
        return name.startswith("decoder.levels.")
    return isinstance(part, VideoTransformer)


def _placements(part: nn.Module, config: dict[str, Any]) -> dict[str, Placement]:
    """What of a model may be larger than it was saved, and how it lies there."""
    if isinstance(part, TextEncoder):
        words = [word for word in config["vocab"] if word not in part.words[:2]]
        rows = [0, 1, *(part.id_of.get(word, -1) for word in words)]  # <start> and <pad> come first
        return {"token_embed.weight": Placement(rows), "pos_embed": Placement(range(config["max_words"] + 1))}
    if isinstance(part, VideoTransformer):
        return _transformer_placements(part, config)
    if isinstance(part, Planner):
        return _planner_placements(part, config)
    return {}


def _transformer_placements(part: VideoTransformer, config: dict[str, Any]) -> dict[str, Placement]:
    """New channels of the raster stand behind the old ones, those of the camera likewise in every frame."""
    pt, ph, pw = part.patch
    controls, cameras = config["control_channels"], config["camera_channels"]
    camera = [frame * part.config.camera_channels + i for frame in range(pt) for i in range(cameras)]
    found = {
        "control_embed.weight": Placement(columns=range(controls * pt * ph * pw)),
        "camera_embed.weight": Placement(columns=camera),
    }
    for name, value in part.named_parameters():
        if name.endswith("box_embed.weight"):  # the raster's channels come last
            others = value.shape[1] - part.config.control_channels
            found[name] = Placement(columns=range(others + controls))
    return found


def _planner_placements(part: Planner, config: dict[str, Any]) -> dict[str, Placement]:
    """The tracks come in four times (now, before, after, given), then which groups of them are given."""
    known = len(config["mean"]) or TRACKS
    groups = sum(group.stop <= known for group in GROUPS.values())
    columns = [each * TRACKS + i for each in range(4) for i in range(known)]
    columns += [4 * TRACKS + i for i in range(groups)]
    return {
        "token_embed.weight": Placement([0, *(part.id_of.get(word, -1) for word in config["words"])]),
        "pos_embed": Placement(range(config["max_words"])),
        "track_embed.weight": Placement(columns=columns),
        "final_linear.weight": Placement(range(known)),
        "final_linear.bias": Placement(range(known)),
    }
