"""Training the judge on rendered clips: its eye on single frames, then its sense of motion on what the eye
reads.

Many of the clips go through the autoencoder, with noise on their latents, and all frames are blurred, noised
and tinted a little and half of them mirrored: it shall know what is there, not how it was drawn. Held-out
combinations are shown as often as all others, for a judge must read what a model was never taught.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.judge.frame import (
    ATTRIBUTES,
    CELL,
    CUT,
    WHERE,
    WHO,
    FrameModel,
    boxes_of,
    cut_out,
    looked_at,
    to_pixels,
)
from x2vkit.judge.judge import look
from x2vkit.judge.motion import MOVES, MotionModel, describe
from x2vkit.training.engine import Batch, Task
from x2vkit.training.recipe import Recipe
from x2vkit.training.vae import EVALUATION_SEED, to_video
from x2vkit.world import SceneSpec, World
from x2vkit.world.grammar import DIRECTED

IGNORED = -100
"""Label of what a frame does not tell."""
SEEN = {"wearing": 0.55, "wearing_color": 0.55, "mood": 0.6, "pose": 0.35, "facing": 0.35}
"""Part of the subject that must be in sight before a frame is asked for an attribute (others: a fifth)."""
RARE = {"mood": 8, "wearing": 2, "wearing_color": 2, "other": 2, "other_color": 2}
"""Weights in the loss of what few frames tell (others: 1)."""


@dataclass(frozen=True)
class FrameData:
    """The `[data]` table of a judge-frames recipe."""

    rendered: int = 24000
    """Clips rendered for training; three moments of each are kept."""
    coded: int = 2500
    """Clips that go through the autoencoder; two frames of each are kept."""
    latent_noise: float = 0.5
    """Largest noise on their latents, in standard deviations."""
    coded_share: float = 0.3
    """Part of a batch that comes from these."""
    shapes: tuple[tuple[int, int], ...] = ((128, 128),) * 4 + ((96, 160), (160, 96))
    """Heights and widths, in turn."""
    unseen: int = 200
    """Clips for evaluation, of a seed that training never uses."""


@dataclass
class Pool:
    """Frames of one shape with their labels."""

    frames: np.ndarray
    """uint8 (n, H, W, 3)"""
    ids: np.ndarray
    """uint8 (n, h, w), one cell of the kind map each"""
    labels: dict[str, np.ndarray]
    """attribute -> int64 (n,), IGNORED where the frame does not tell"""
    mouth: np.ndarray
    """float32 (n,) openness, NaN for what does not talk"""


class FrameModule(nn.Module):
    """A FrameModel whose forward returns the loss.

    The first network sees half of the frames, the second the cut-outs of all. Those are taken at the true
    boxes, moved, scaled and turned a little; their mask is the predicted one in the first half and the true
    one in the other. Every second face is turned any way: a smile upside down is no frown.
    """

    def __init__(self, reader: FrameModel):
        super().__init__()
        self.reader = reader

    def forward(self, pixels: Tensor, ids: Tensor, mouth: Tensor, **labels: Tensor) -> dict[str, Tensor]:
        """pixels (n, 3, H, W); ids (n, H/2, W/2) int64; mouth (n,), NaN where unknown; labels int64 (n,)."""
        n, half, losses = len(pixels), (len(pixels) + 1) // 2, {}
        place = self.reader.place(pixels[:half])
        area = nnf.cross_entropy(place["kinds"].float(), ids[:half])
        for name in WHERE:
            losses[name] = _cross_entropy(place[name], labels[name][:half])
        guessed = place["kinds"].detach().float().softmax(1)
        turn = 0.3 * torch.randn(n, device=pixels.device)
        whirled = (labels["mood"] >= 0) & (torch.rand_like(turn) < 0.5)
        turn = torch.where(whirled, pi * (2 * torch.rand_like(turn) - 1), turn)
        for name in ("pose", "facing"):  # cannot be told of what was turned any way
            labels[name] = labels[name].masked_fill(whirled, IGNORED)
        cuts, rows = [], []
        for kind in (1, 2):
            there = (ids == kind).flatten(1).sum(1) >= 24
            true = (ids == kind).float()
            mask = torch.cat([guessed[:, kind], true[half:]])
            cuts.append(cut_out(pixels[there], mask[there], _shaken(boxes_of(true[there])), turn[there]))
            rows.append(there)
        read = self.reader.who(torch.cat(cuts))
        count = len(cuts[0])
        for name in WHO:
            losses[name] = _cross_entropy(read[name][:count], labels[name][rows[0]])
        for name, own in (("other", "subject"), ("other_color", "color")):
            want = labels[name][rows[1]]
            want = torch.where(want > 0, want - 1, IGNORED) if name == "other" else want
            losses[name] = _cross_entropy(read[own][count:], want)
        wanted = mouth[rows[0]]
        known = wanted.isfinite()
        spoken = nnf.binary_cross_entropy_with_logits(
            read["mouth"][:count], wanted.nan_to_num(0), weight=known.float(), reduction="sum"
        )
        total = (sum(RARE.get(name, 1) * loss for name, loss in losses.items()) + 4 * spoken) / n + 4 * area
        right = (read["subject"][:count].argmax(1) == labels["subject"][rows[0]]).float().mean()
        return {"loss": total, "area": area, "mouth": spoken / n, "subject_right": right}


def _cross_entropy(logits: Tensor, want: Tensor) -> Tensor:
    return nnf.cross_entropy(logits, want, ignore_index=IGNORED, reduction="sum")


def _shaken(boxes: Tensor) -> Tensor:
    """Boxes (n, 4), each side moved by a few percent of its length: a judge's boxes are not exact either."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return boxes + 0.06 * size * torch.randn_like(boxes)


class FrameTask(Task):
    """Read single frames."""

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        self.recipe, self.data, self.vae = recipe, FrameData(**recipe.data), vae
        self._pools: dict[tuple[Any, ...], Pool] = {}
        self._flops: dict[tuple[int, ...], float] = {}

    def build(self) -> nn.Module:
        return FrameModule(FrameModel(**self.recipe.model))

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        rng = np.random.default_rng((self.recipe.seed, step))
        height, width = self.data.shapes[step % len(self.data.shapes)]
        count = max(2, round(self.recipe.engine.batch * 128 * 128 / np.prod(looked_at(height, width))))
        coded = round(self.data.coded_share * count)
        parts = [
            self._draw(rng, self.pool((height, width), "coded"), coded),
            self._draw(rng, self.pool((height, width), "rendered"), count - coded),
        ]
        order = torch.from_numpy(rng.permutation(count))[rank::world_size]
        batch = {key: torch.cat([part[key] for part in parts])[order] for key in parts[0]}
        batch["pixels"] = spoil(batch["pixels"], rng)
        return batch

    def flops(self, batch: Batch) -> float:
        shape = tuple(batch["pixels"].shape)
        if shape not in self._flops:
            with torch.device("meta"):
                reader, pixels = FrameModel(**self.recipe.model), torch.empty(shape)
                cuts = torch.empty(shape[0], 4, CUT, CUT)
            with FlopCounterMode(display=False) as counter:
                reader.place(pixels[: shape[0] // 2]), reader.who(cuts)
            self._flops[shape] = 3.0 * counter.get_total_flops()
        return self._flops[shape]

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of unseen frames read right, for each attribute."""
        pool = self.pool((128, 128), "unseen")
        right: dict[str, list[Tensor]] = {name: [] for name in ATTRIBUTES}
        kinds = []
        for start in range(0, len(pool.frames), 64):
            rows = slice(start, start + 64)
            read = model.reader(to_pixels(pool.frames[rows]))
            for name in ATTRIBUTES:
                want = torch.from_numpy(pool.labels[name][rows])
                right[name].append((read[name].argmax(1) == want)[want >= 0])
            kinds.append(
                (read["kinds"].argmax(1) == torch.from_numpy(pool.ids[rows])).float().flatten(1).mean(1)
            )
        scores = {name: float(torch.cat(parts).float().mean()) for name, parts in right.items()}
        return {**scores, "kinds": float(torch.cat(kinds).mean())}

    def export(self, model: nn.Module, folder: Path) -> None:
        """Save the reader in fp16 as `folder`/reader."""
        nn.Module.to(model.reader, torch.float16).save_pretrained(folder / "reader")

    def pool(self, shape: tuple[int, int], kind: str) -> Pool:
        """Frames of one shape, rendered once: "rendered", "coded" or "unseen"."""
        if (shape, kind) not in self._pools:
            share = sum(tuple(each) == shape for each in self.data.shapes) / len(self.data.shapes)
            make = {"rendered": self._rendered, "coded": self._coded, "unseen": self._unseen}[kind]
            self._pools[shape, kind] = make(shape, share)
        return self._pools[shape, kind]

    def _rendered(self, shape: tuple[int, int], share: float) -> Pool:
        """Three moments of each clip, spread over the time that a clip of 17 frames lasts."""
        world = World(self.recipe.seed)
        chosen = choose(world, round(share * self.data.rendered))
        return make_pool(
            (world.sample(i, 3, *shape, fps=1.5, held_out=odd) for i, odd in chosen), np.arange(3)
        )

    def _coded(self, shape: tuple[int, int], share: float) -> Pool:
        world, rng = World(self.recipe.seed + 1), np.random.default_rng(self.recipe.seed)

        def clips() -> Any:
            for i, odd in choose(world, round(share * self.data.coded)):
                clip = world.sample(i, 5, *shape, fps=3 + 9 * (i % 4 > 0), held_out=odd)
                noise = self.data.latent_noise * rng.random() ** 2
                yield clip, recode(self.vae, clip.frames, noise, seed=i)

        return make_pool(clips(), np.array([0, 3]))

    def _unseen(self, shape: tuple[int, int], share: float) -> Pool:
        world = World(EVALUATION_SEED)
        clips = (world.sample(i, 3, *shape, fps=1.5, held_out=i % 2 == 1) for i in range(self.data.unseen))
        return make_pool(clips, np.arange(3))

    def _draw(self, rng: np.random.Generator, pool: Pool, count: int) -> Batch:
        rows = rng.integers(0, len(pool.frames), count)
        labels = {name: torch.from_numpy(values[rows]) for name, values in pool.labels.items()}
        ids = torch.from_numpy(pool.ids[rows].astype(np.int64))
        pixels, mirrored = to_pixels(pool.frames[rows]), torch.from_numpy(rng.random(count) < 0.5)
        mirrored &= labels["other"] <= 0  # of two that stand side by side the first is the left one
        pixels[mirrored], ids[mirrored] = pixels[mirrored].flip(-1), ids[mirrored].flip(-1)
        faces = labels["facing"]
        labels["facing"] = torch.where(mirrored & (faces >= 0), 1 - faces, faces)
        return {
            "pixels": pixels,
            "ids": ids,
            "mouth": torch.from_numpy(pool.mouth[rows]),
            **labels,
        }


# -- motion --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MotionData:
    """The `[data]` table of a judge-motion recipe."""

    start: str = "runs/judge-frames"
    """Folder of the run that trained the eye."""
    clips: int = 7200
    """Clips read for training."""
    coded_share: float = 0.3
    """Part of them that goes through the autoencoder, with noise on its latents as in `FrameData`."""
    latent_noise: float = 0.4
    """Largest noise on these latents, in standard deviations."""
    shapes: tuple[tuple[int, int, int], ...] = ((17, 128, 128),) * 6 + (
        (17, 96, 160),
        (17, 160, 96),
        (33, 128, 128),
    )
    """Frames, heights and widths, in turn."""
    noise: float = 0.1
    """Noise on what the eye read, in its own units."""
    unseen: int = 150
    """Clips for evaluation, of a seed that training never uses."""


class MotionModule(nn.Module):
    """A MotionModel whose forward returns the loss."""

    def __init__(self, motion: MotionModel):
        super().__init__()
        self.motion = motion

    def forward(
        self, features: Tensor, told: Tensor, flow: Tensor, track: Tensor, **labels: Tensor
    ) -> dict[str, Tensor]:
        """The inputs of MotionModel; labels int64 (n,) for each of `MOVES`."""
        read = self.motion(features, told, flow, track)
        losses = {
            name: nnf.cross_entropy(read[name], want, ignore_index=IGNORED) for name, want in labels.items()
        }
        return {"loss": sum(losses.values(), torch.zeros(())), **losses}


class MotionTask(Task):
    """Read motion from what a trained eye reads."""

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        """Raises X2VError where `[data] start` holds no eye."""
        self.recipe, self.data, self.vae = recipe, MotionData(**recipe.data), vae
        folder = Path(self.data.start) / "reader"
        if not (folder / "config.json").is_file():
            cure = "run `x2vkit train judge-frames` first, and name its folder"
            raise X2VError(
                f"[data] start = {self.data.start!r}", "there is no trained eye in this folder", cure
            )
        self.eye = nn.Module.float(FrameModel.from_pretrained(folder)).eval()
        self._pools: dict[tuple[Any, ...], Batch] = {}

    def build(self) -> nn.Module:
        return MotionModule(MotionModel(**self.recipe.model))

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        rng = np.random.default_rng((self.recipe.seed, step))
        frames, height, width = self.data.shapes[step % len(self.data.shapes)]
        pool = self.pool((frames, height, width), unseen=False)
        rows = torch.from_numpy(
            rng.integers(0, len(pool["flow"]), self.recipe.engine.batch)[rank::world_size]
        )
        batch = {name: values[rows] for name, values in pool.items()}
        first = int(rng.integers(0, 5))  # a clip may start and end a little later or sooner
        last = frames - int(rng.integers(0, 5 - first))
        for name in DESCRIBED:
            batch[name] = batch[name][:, first:last]
            scale = {"track": 0.1, "told": 0.5}.get(name, 1.0) * self.data.noise
            batch[name] = batch[name] + scale * rng.random() * torch.randn_like(batch[name])
        return batch

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of unseen clips read right, for each of `MOVES`."""
        pool = self.pool((17, 128, 128), unseen=True)
        read = model.motion(*(pool[name] for name in DESCRIBED))
        known = {name: pool[name] >= 0 for name in MOVES}
        right = {name: (read[name].argmax(1) == pool[name])[known[name]] for name in MOVES}
        return {name: float(values.float().mean()) for name, values in right.items()}

    def flops(self, batch: Batch) -> float:
        weights = sum(p.numel() for p in MotionModel(**self.recipe.model).parameters())
        return 6.0 * weights * batch["flow"].shape[0] * batch["flow"].shape[1]

    def export(self, model: nn.Module, folder: Path) -> None:
        """Save the whole judge in fp16 as `folder`/judge: the eye and the sense of motion."""
        for part, name in ((self.eye, "reader"), (model.motion, "motion")):
            nn.Module.to(deepcopy(part), torch.float16).save_pretrained(folder / "judge" / name)

    def pool(self, shape: tuple[int, int, int], unseen: bool) -> Batch:
        """Descriptions of clips of one shape and their labels, read once."""
        if (shape, unseen) not in self._pools:
            share = sum(tuple(each) == shape for each in self.data.shapes) / len(self.data.shapes)
            count = self.data.unseen if unseen else round(share * self.data.clips)
            world, rng = (
                World(EVALUATION_SEED if unseen else self.recipe.seed),
                np.random.default_rng(self.recipe.seed),
            )
            rows = []
            for i in tqdm(range(count), desc=f"reading {'x'.join(map(str, shape))}", unit="clip"):
                clip = world.sample(i, *shape, held_out=i % 2 == 1)
                frames = clip.frames
                if not unseen and rng.random() < self.data.coded_share:
                    frames = recode(self.vae, frames, self.data.latent_noise * rng.random() ** 2, seed=i)
                said = {name: torch.tensor(label) for name, label in moves_of(clip.spec).items()}
                rows.append({**describe(*look(self.eye, frames)), **said})
            self._pools[shape, unseen] = {
                name: torch.stack([row[name] for row in rows]).clone() for name in rows[0]
            }
        return self._pools[shape, unseen]


DESCRIBED = ("features", "told", "flow", "track")
"""MotionModel's inputs, in order."""


def moves_of(spec: SceneSpec) -> dict[str, int]:
    """A clip's motion as numbers; IGNORED for a direction where nothing goes anywhere."""
    goes = spec.action in DIRECTED or spec.relation in ("chasing", "jumping over")
    said = {"action": spec.action, "direction": spec.direction if goes else "", "camera": spec.camera}
    said["relation"] = spec.relation or "none"
    return {name: MOVES[name].index(word) if word else IGNORED for name, word in said.items()}


# -- frames and their labels ---------------------------------------------------------------------------------


def choose(world: World, count: int) -> Iterator[tuple[int, bool]]:
    """`count` clips of a world as (index, held out or not). What is rare and hard (pairs, moods, hats,
    scarves) is always taken, everything else every third time.
    """
    i = found = 0
    while found < count:
        spec, _ = world.spec(i, held_out=i % 2 == 1)
        rare = spec.other or spec.mood or spec.wearing
        if rare or i // 2 % 3 == 0:
            yield i, i % 2 == 1
            found += 1
        i += 1


def make_pool(clips: Any, moments: np.ndarray) -> Pool:
    """Frames `moments` of each clip, with what they show. Items are clips, or (clip, other frames of it)."""
    frames, ids, mouth = [], [], []
    labels: dict[str, list[int]] = {name: [] for name in ATTRIBUTES}
    for item in clips:
        clip, shown = item if isinstance(item, tuple) else (item, item.frames)
        for f in moments:
            frames.append(shown[f])
            ids.append(cells(clip.ids[f]))
            talks = clip.spec.action == "talk"
            mouth.append(clip.truth.mouth[f, 0] if talks and clip.truth.visible[f, 0] > 0.6 else np.nan)
            for name, label in labels_of(clip.spec, clip.truth.visible[f]).items():
                labels[name].append(label)
    arrays = {name: np.array(values, np.int64) for name, values in labels.items()}
    return Pool(np.stack(frames), np.stack(ids), arrays, np.array(mouth, np.float32))


def labels_of(spec: SceneSpec, visible: Sequence[float]) -> dict[str, int]:
    """What a frame shows, as numbers; IGNORED where it does not tell. visible: (O,) parts in sight."""
    said: dict[str, str] = {
        "subject": spec.subject, "color": spec.color, "scene": spec.scene, "behind": spec.behind or "none",
        "wearing": spec.wearing[0] if spec.wearing else "none",
        "wearing_color": spec.wearing[1] if spec.wearing else "",
        "mood": spec.mood if spec.subject == "face" else "", "pose": spec.action, "facing": spec.direction,
        "other": "none", "other_color": "",
    }  # fmt: skip
    if spec.other:
        said["other"], said["other_color"] = spec.other if visible[1] > 0.2 else ("", "")
    if spec.subject in ("ball", "box"):
        said["facing"] = ""
    labels = {name: ATTRIBUTES[name].index(word) if word else IGNORED for name, word in said.items()}
    for name in ("subject", "color", "wearing", "wearing_color", "mood", "pose", "facing"):
        if visible[0] < SEEN.get(name, 0.2):
            labels[name] = IGNORED
    return labels


def cells(ids: np.ndarray) -> np.ndarray:
    """Kinds of pixel (H, W) at the resolution of the kind map, the nearest pixel's."""
    h, w = (side // CELL for side in looked_at(*ids.shape))
    rows = ((np.arange(h) + 0.5) * ids.shape[0] / h).astype(int)
    columns = ((np.arange(w) + 0.5) * ids.shape[1] / w).astype(int)
    return ids[rows[:, None], columns]


def recode(vae: VideoVAE, frames: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """A clip as the autoencoder gives it back, with noise (standard deviations) on its latents."""
    with torch.inference_mode():
        latents = vae.encode(to_video(frames[None]).to(vae.device, vae.dtype))
        generator = torch.Generator().manual_seed(seed)
        latents = latents + noise * torch.randn(latents.shape, generator=generator).to(latents)
        video = vae.decode(latents).float().clamp(-1, 1)[0]
    return ((video.permute(1, 2, 3, 0) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def spoil(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur, noise and tint frames (n, 3, H, W) a little, each differently."""
    n, _, height, width = pixels.shape
    blurred = rng.random(n) < 0.35
    if blurred.any():
        factor = rng.uniform(1.5, 4.0)
        small = nnf.interpolate(
            pixels[blurred], (int(height / factor), int(width / factor)), mode="bilinear", antialias=True
        )
        pixels[blurred] = nnf.interpolate(small, (height, width), mode="bilinear")
    tint = torch.from_numpy(rng.normal(0, 0.035, (n, 3, 1, 1)).astype(np.float32))
    gain = torch.from_numpy(rng.normal(1, 0.05, (n, 1, 1, 1)).astype(np.float32))
    grain = torch.from_numpy((0.08 * rng.random((n, 1, 1, 1)) ** 2).astype(np.float32))
    return (pixels * gain + tint + grain * torch.randn_like(pixels)).clamp(-1, 1)
