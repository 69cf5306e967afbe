"""The latent cache: every training clip rendered and encoded once, then read from disk as the training needs
it.

A `LatentCache` holds clips of one shape: NumPy arrays on disk, read through memory maps, and a text file of
what each clip shows. Captions are not stored but written anew each time a clip is used, so that a clip is
seen under many phrasings. A cache that was interrupted is continued where it stopped; one that belongs to
other weights, or whose first clip is drawn otherwise by now, is made again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, latent_shape
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.processes import on_main
from x2vkit.training.checkpoint import write_atomically
from x2vkit.training.dataset import VideoDataset, to_video
from x2vkit.training.prefetch import prefetch
from x2vkit.training.schema import POSITIVE, Range
from x2vkit.world import SceneSpec, caption

SUBJECTS = 2
"""Subjects that truth is kept for."""
KINDS = 4
"""Kinds of pixel in a clip's id map: background, first subject, second subject, anything else in front."""
CHUNK = 16
"""Clips that are encoded together."""
NOTED = 10.0
"""Seconds between two notes of how far a cache is done."""


Side = Annotated[int, Range(1, 4096)]
"""Frames, or pixels of a side."""


@dataclass(frozen=True)
class Bucket:
    """Clips of one shape."""

    frames: Side
    height: Side
    width: Side
    clips: Annotated[int, Range(1, 1e8)]
    """How many are kept."""
    share: Annotated[float, POSITIVE] = 1.0
    """How often a batch is of this shape, relative to the other buckets."""

    @property
    def positions(self) -> int:
        """Latent positions of a clip."""
        f, h, w = latent_shape(self.frames, self.height, self.width)
        return f * h * w

    @property
    def name(self) -> str:
        """As in 17x128x128."""
        return f"{self.frames}x{self.height}x{self.width}"


class LatentCache:
    """Clips of one shape, read from disk. Every field is a memory map with the clip as its first axis.

    latents (n, C, f, h, w) float16; kinds (n, f, h, w) uint8, the kind that fills of each latent position;
    boxes (n, F, 2, 4), motion (n, F, 2, 2), mouth (n, F, 2), turn (n, F, 2) and camera (n, F, 3) as in the
    world's truth, NaN where nothing is known.
    """

    FIELDS = ("latents", "kinds", "boxes", "motion", "mouth", "turn", "camera")

    def __init__(self, folder: Path):
        """Raises X2VError for files that are cut or missing."""
        try:
            for field in self.FIELDS:
                setattr(self, field, np.load(folder / f"{field}.npy", mmap_mode="r"))
            self._clips = [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]
        except (OSError, ValueError) as error:
            raise _damaged(folder, str(error)) from error
        if any(len(getattr(self, field)) != len(self._clips) for field in self.FIELDS):
            raise _damaged(folder, "its files hold different numbers of clips")

    latents: np.ndarray
    kinds: np.ndarray
    boxes: np.ndarray
    motion: np.ndarray
    mouth: np.ndarray
    turn: np.ndarray
    camera: np.ndarray

    def __len__(self) -> int:
        return len(self._clips)

    def caption(self, index: int, rng: np.random.Generator, camera: bool = True) -> str:
        """One of the ways to ask for clip `index`; camera: whether it may say what the camera does."""
        clip = self._clips[index]
        if clip["spec"] is None:
            return clip["caption"]
        return caption(SceneSpec.from_dict(clip["spec"]), rng, camera)

    def balanced(self, sampling_weight: Mapping[str, float] | None = None) -> np.ndarray:
        """Probabilities (n,) of the clips that make every action equally likely: in the world each subject
        does what it does best more often, so that talking, for one, is rare. sampling_weight: actions that
        are so many times as likely as the others.
        """
        return balanced([(clip["spec"] or {}).get("action", "") for clip in self._clips], sampling_weight)

    def cast(self, index: int) -> tuple[str, str]:
        """First and second subject of clip `index` by name; empty where there is none or it is unknown."""
        spec = self._clips[index]["spec"] or {}
        return spec.get("subject", ""), (spec.get("other") or [""])[0]


def _damaged(folder: Path, reason: str) -> X2VError:
    rule = f"they are cut, or not what this version writes ({reason})"
    return X2VError(f"latents in {folder}", rule, "remove that folder; they are made again")


def balanced(kinds: Sequence[str], sampling_weight: Mapping[str, float] | None = None) -> np.ndarray:
    """Probabilities (n,) that make every kind equally likely.

    Args:
        kinds: (n,) names.
        sampling_weight: kinds that are so many times as likely as the others.
    """
    counts, times = Counter(kinds), sampling_weight or {}
    probabilities = np.array([times.get(kind, 1) / counts[kind] for kind in kinds])
    return probabilities / probabilities.sum()


def fill_latent_cache(
    folder: Path,
    dataset: VideoDataset,
    vae: VideoVAE,
    bucket: Bucket,
    first: int = 0,
    held_out: bool = False,
    quiet: bool = False,
) -> LatentCache:
    """Render and encode clips of a dataset, unless the folder has them already. Of many processes the main
    one does, and the others wait.

    Args:
        folder: where they are kept.
        dataset: what is rendered.
        vae: what encodes it.
        bucket: shape and number of the clips.
        first: number of the first clip.
        held_out: whether they show combinations that are never trained on.
        quiet: whether no progress is shown.

    Raises:
        X2VError: the disk is full (what is done stays, and the next call goes on from there), or files that
            are there are cut.
    """
    on_main(lambda: _fill_where_needed(folder, dataset, vae, bucket, first, held_out, quiet))
    return LatentCache(folder)


def _fill_where_needed(
    folder: Path,
    dataset: VideoDataset,
    vae: VideoVAE,
    bucket: Bucket,
    first: int,
    held_out: bool,
    quiet: bool,
) -> None:
    identity = {"bucket": {**asdict(bucket), "share": 1.0}, "first": first, "held_out": held_out}
    shape = (bucket.frames, bucket.height, bucket.width)
    sample = hashlib.sha256(dataset.sample(first, *shape, held_out=held_out).frames.tobytes())
    identity |= {"vae": fingerprint(vae), "dataset": dataset_name(dataset), "sample": sample.hexdigest()[:16]}
    identity |= {"fields": list(LatentCache.FIELDS)}
    done = _done(folder, identity)
    if done < bucket.clips:
        try:
            _fill(folder, dataset, vae, bucket, first, held_out, identity, done, quiet)
        except ValueError as error:  # a memory map that is longer than its file
            raise _damaged(folder, str(error)) from error
        except OSError as error:
            rule = f"it could not be written ({error}); what is done stays"
            raise X2VError(
                f"latents in {folder}", rule, "free some space and run the same command again"
            ) from error


def _fill(
    folder: Path,
    dataset: VideoDataset,
    vae: VideoVAE,
    bucket: Bucket,
    first: int,
    held_out: bool,
    identity: dict[str, Any],
    done: int,
    quiet: bool,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = _open_arrays(folder, bucket, vae.config.latent_channels, fresh=done == 0)
    notes = folder / "clips.jsonl"
    lines = notes.read_text().splitlines()[:done] if done else []
    shape = (bucket.frames, bucket.height, bucket.width)

    def make(start: int) -> tuple[Tensor, dict[str, Tensor], list[str]]:
        rows = range(start, min(start + CHUNK, bucket.clips))
        clips = [dataset.sample(first + row, *shape, held_out=held_out) for row in rows]
        truths = [truth_of(clip) for clip in clips]
        truth = {name: torch.from_numpy(np.stack([each[name] for each in truths])) for name in truths[0]}
        frames = torch.from_numpy(np.stack([clip.frames for clip in clips]))
        return frames, truth, [json.dumps(_note(clip)) for clip in clips]

    def note() -> None:
        for array in arrays.values():
            array.flush()
        write_atomically(notes, "".join(line + "\n" for line in lines).encode())
        write_atomically(folder / "cache.json", json.dumps({**identity, "done": len(lines)}).encode())

    bar = tqdm(total=bucket.clips, initial=done, desc=f"clips {bucket.name}", unit="clip", disable=quiet)
    noted = time.monotonic()
    try:
        for frames, truth, noted_clips in prefetch(make, range(done, bucket.clips, CHUNK)):
            rows = slice(len(lines), len(lines) + len(noted_clips))
            arrays["latents"][rows] = encode(vae, frames)
            for field, values in truth.items():
                arrays[field][rows] = values.numpy()
            lines += noted_clips
            bar.update(len(noted_clips))
            if time.monotonic() - noted > NOTED:
                note()
                noted = time.monotonic()
    finally:
        note()
    bar.close()


def encode(vae: VideoVAE, frames: Tensor) -> np.ndarray:
    """uint8 (B, F, H, W, 3) -> normalised latents (B, C, f, h, w) float16."""
    with torch.inference_mode():
        latents = vae.encode_video(to_video(frames.to(vae.device)).to(vae.dtype))
    return latents.float().cpu().numpy().astype(np.float16)


def truth_of(clip: Any) -> dict[str, np.ndarray]:
    """A clip's truth in a cache's fields, for up to two subjects; NaN, and kind 0, where it has none."""
    frames, height, width = clip.frames.shape[:3]
    sizes = {"boxes": (SUBJECTS, 4), "motion": (SUBJECTS, 2), "mouth": (SUBJECTS,), "turn": (SUBJECTS,)}
    sizes["camera"] = (3,)
    fields = {name: np.full((frames, *size), np.nan, np.float32) for name, size in sizes.items()}
    fields["kinds"] = np.zeros(latent_shape(frames, height, width), np.uint8)
    if clip.truth is None:
        return fields
    known = min(clip.truth.boxes.shape[1], SUBJECTS)
    for name in ("boxes", "motion", "mouth", "turn"):
        fields[name][:, :known] = getattr(clip.truth, name)[:, :known]
    fields["camera"][:] = clip.truth.camera
    fields["kinds"] = latent_kinds(clip.ids)
    return fields


def latent_kinds(ids: np.ndarray) -> np.ndarray:
    """The kind that fills of each latent position: uint8 (F, H, W) -> (f, h, w)."""
    padded = np.concatenate([ids[:1]] * (TIME_STRIDE - 1) + [ids]).clip(max=KINDS - 1)
    f, h, w = latent_shape(*ids.shape)
    positions = padded.reshape(f, TIME_STRIDE, h, SPACE_STRIDE, w, SPACE_STRIDE)
    counts = np.stack([(positions == kind).sum((1, 3, 5)) for kind in range(KINDS)])
    return counts.argmax(0).astype(np.uint8)


def fingerprint(vae: VideoVAE) -> str:
    """A short hash of what makes an autoencoder's latents, so that two are never confused.

    The decoder is left out: it can be trained further while the latents stay what they are.
    """
    digest = hashlib.sha256()
    for name, value in sorted(vae.state_dict().items()):
        if name.startswith(("encoder.", "linear.", "latents_")):
            digest.update(name.encode())
            digest.update(value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def dataset_name(dataset: VideoDataset) -> str:
    """What tells one source of clips from another."""
    return f"{type(dataset).__name__} {getattr(dataset, 'name', getattr(dataset, 'seed', ''))}"


def _note(clip: Any) -> dict[str, Any]:
    """What clips.jsonl keeps of a clip."""
    spec = None if clip.spec is None else clip.spec.to_dict()
    return {"spec": spec, "caption": clip.caption}


def _done(folder: Path, identity: dict[str, Any]) -> int:
    """Clips that a cache already holds; 0 when it holds something else."""
    try:
        found = json.loads((folder / "cache.json").read_text())
    except (OSError, json.JSONDecodeError):
        return 0
    done = found.pop("done", 0)
    return done if found == identity else 0


def _open_arrays(folder: Path, bucket: Bucket, channels: int, fresh: bool) -> dict[str, np.memmap]:
    f, h, w = latent_shape(bucket.frames, bucket.height, bucket.width)
    n, frames = bucket.clips, bucket.frames
    layout: dict[str, tuple[type, tuple[int, ...]]] = {
        "latents": (np.float16, (n, channels, f, h, w)),
        "kinds": (np.uint8, (n, f, h, w)),
        "boxes": (np.float32, (n, frames, SUBJECTS, 4)),
        "motion": (np.float32, (n, frames, SUBJECTS, 2)),
        "mouth": (np.float32, (n, frames, SUBJECTS)),
        "turn": (np.float32, (n, frames, SUBJECTS)),
        "camera": (np.float32, (n, frames, 3)),
    }
    open_one: Callable[..., np.memmap] = np.lib.format.open_memmap
    if fresh:
        return {
            k: open_one(folder / f"{k}.npy", "w+", dtype=dtype, shape=shape)
            for k, (dtype, shape) in layout.items()
        }
    return {k: open_one(folder / f"{k}.npy", "r+") for k in layout}
