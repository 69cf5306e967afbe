"""Rendered frames and what they show, as numbers: what the judge's two models learn from.

How a frame's actors are numbered, so that the picture alone tells it: from left to right, by the middle of
what is seen of them; of one who jumps over another, while they overlap, the one who jumps is the first (it
is in front).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from x2vkit.core.vae import VideoVAE
from x2vkit.judge.frame import ACTOR_ATTRIBUTES, CELL, KINDS, LEAST, SCENE_ATTRIBUTES, looked_at
from x2vkit.judge.motion import ACTOR_MOVES, CLIP_MOVES
from x2vkit.training.dataset import to_video
from x2vkit.world import Actor, Clip, SceneSpec, World
from x2vkit.world.grammar import DIRECTED, MOST_ACTORS, PACED, PEOPLE, WORN

IGNORED = -100
"""Label of what is not told."""
UNCLEAR = KINDS
"""Kind of pixel of an actor of whom too little is seen to be numbered."""
SEEN = {"wearing": 0.55, "wearing_color": 0.55, "mood": 0.6, "pose": 0.35, "facing": 0.35}
"""Part of an actor that must be in sight before a frame is asked for an attribute (others: a fifth). Of a
close-up half of it: what is out of sight there are legs."""
OVERLAP = 0.25
"""Part of the narrower one's width in which two overlap, of whom one jumps over the other."""
NOBODY_FACES = ("ball", "box", "eye")
"""Subjects that look the same to both sides."""

Labels = dict[str, np.ndarray]


def is_chosen(spec: SceneSpec, index: int) -> bool:
    """Whether the frame model learns from clip `index`. What is rare and hard (company, people, moods,
    things worn, rain) always, everything else every second time.
    """
    rare = len(spec.cast) > 1 or spec.mood or spec.wearing or spec.weather or spec.subject in PEOPLE
    return bool(rare) or index // 2 % 2 == 0


def chosen_clips(
    world: World, start: int, stop: int, frames: int, shape: tuple[int, int], fps: float
) -> list[Clip]:
    """The clips of these numbers that the frame model learns from, every second a held-out combination."""
    found = []
    for i in range(start, stop):
        if is_chosen(world.spec(i, held_out=i % 2 == 1)[0], i):
            found.append(world.sample(i, frames, *shape, fps=fps, held_out=i % 2 == 1))
    return found


# -- frames --------------------------------------------------------------------------------------------------


def labelled(clips: list[Clip], moments: tuple[int, ...]) -> dict[str, Tensor]:
    """Frames `moments` of each clip with what they show, n in all.

    Returns `frames` uint8 (n, H, W, 3); `kinds` uint8 (n, h, w), `UNCLEAR` where nothing is asked;
    `mirrored` uint8 (n, KINDS + 1), what each kind becomes in a mirror; `there` (n, A), who is there to be
    cut out; `mouth` (n, A) openness, NaN for who does not talk; and int64 labels, `IGNORED` where the
    frame does not tell: (n,) for each of `SCENE_ATTRIBUTES`, (n, A) of `ACTOR_ATTRIBUTES`.
    """
    rows: list[Labels] = []
    for clip in clips:
        for f in moments:
            cells = kind_map(clip.ids[f])
            order, stacked = numbering(clip.spec, cells)
            row = {"frames": clip.frames[f], "kinds": _renumbered(order)[cells]}
            row["mirrored"] = _mirror(len(order), stacked)
            row |= _scene_labels(clip.spec) | _actor_labels(clip, f, order)
            row["there"] = np.array(
                [(cells == i + 1).sum() >= 4 * LEAST for i in order] + [False] * MOST_ACTORS
            )[:MOST_ACTORS]
            rows.append(row)
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]} if rows else {}


def kind_map(ids: np.ndarray) -> np.ndarray:
    """Kinds of pixel (H, W) at the resolution of the kind map, the nearest pixel's."""
    h, w = (side // CELL for side in looked_at(*ids.shape))
    rows = ((np.arange(h) + 0.5) * ids.shape[0] / h).astype(int)
    columns = ((np.arange(w) + 0.5) * ids.shape[1] / w).astype(int)
    return ids[rows[:, None], columns]


def numbering(spec: SceneSpec, cells: np.ndarray) -> tuple[list[int], bool]:
    """The actors of a frame as the judge numbers them, by their places in the cast, and whether one of
    them is above another (then a mirror does not change their order). cells (h, w) of the kind map.
    """
    masks = [cells == i + 1 for i in range(len(spec.cast))]
    seen = [i for i, mask in enumerate(masks) if mask.sum() >= LEAST]
    middle = {i: np.average(np.arange(cells.shape[1]), weights=masks[i].sum(0)) for i in seen}
    if spec.relation == "jumping over" and len(seen) == 2:
        low, high = zip(*(np.flatnonzero(masks[i].any(0))[[0, -1]] for i in seen), strict=True)
        if min(high) - max(low) >= OVERLAP * min(b - a for a, b in zip(low, high, strict=True)):
            return seen, True
    return sorted(seen, key=middle.__getitem__), False


def _renumbered(order: list[int]) -> np.ndarray:
    """Id of the world -> kind."""
    table = np.full(KINDS, UNCLEAR, np.uint8)
    table[0], table[-1] = 0, KINDS - 1
    for kind, i in enumerate(order, 1):
        table[i + 1] = kind
    return table


def _mirror(count: int, stacked: bool) -> np.ndarray:
    table = np.arange(KINDS + 1, dtype=np.uint8)
    if not stacked:
        table[1 : count + 1] = np.arange(count, 0, -1)
    return table


def _scene_labels(spec: SceneSpec) -> Labels:
    target = {
        "scene": spec.scene,
        "time": spec.time,
        "weather": spec.weather or "none",
        "shot": spec.shot or "none",
        "behind": spec.behind or "none",
    }
    return {name: np.array(SCENE_ATTRIBUTES[name].index(word)) for name, word in target.items()}


def _actor_labels(clip: Clip, f: int, order: list[int]) -> Labels:
    """Labels of the actors of a frame in the judge's order."""
    labels = {name: np.full(MOST_ACTORS, IGNORED, np.int64) for name in ACTOR_ATTRIBUTES}
    labels["mouth"] = np.full(MOST_ACTORS, np.nan, np.float32)
    easy = 0.5 if clip.spec.shot == "close-up" else 1.0
    for k, i in enumerate(order):
        actor, visible = clip.spec.cast[i], clip.truth.visible[f, i]
        for name, word in looks_of(clip.spec, i).items():
            if word and visible >= easy * SEEN.get(name, 0.2):
                labels[name][k] = ACTOR_ATTRIBUTES[name].index(word)
        if actor.action == "talk" and not actor.then and visible > easy * 0.6:
            labels["mouth"][k] = clip.truth.mouth[f, i]
    return labels


def looks_of(spec: SceneSpec, number: int) -> dict[str, str]:
    """What frames show of an actor of the cast: attribute -> word, empty where they do not tell."""
    actor = spec.cast[number]
    item, tone = actor.wearing or ("none", "")
    return {
        "subject": actor.subject,
        "color": actor.color,
        "wearing": item,
        "wearing_color": tone,
        "garment": garment_of(actor),
        "mood": actor.mood,
        "pose": "" if actor.then else actor.action,
        "facing": "" if actor.subject in NOBODY_FACES else _facing(spec, number),
    }


def garment_of(actor: Actor) -> str:
    """What an actor is dressed in: of people a garment, said or not."""
    return actor.garment or WORN.get(actor.subject, ("none",))[0]


def _facing(spec: SceneSpec, number: int) -> str:
    """Where an actor looks: two that stand beside each other look at each other."""
    if spec.relation not in ("next to", "left of", "right of"):
        return spec.cast[number].direction
    if spec.relation == "next to":
        return ""  # either may stand on the left
    return "right" if (number == 0) == (spec.relation == "left of") else "left"


# -- motion --------------------------------------------------------------------------------------------------


def moves_of(spec: SceneSpec) -> Labels:
    """A clip's motion as numbers: () for each of `CLIP_MOVES`; (A,) in the order of the cast for each of
    `ACTOR_MOVES`, and `begins` and `ends`, what is done first and last. `IGNORED` where nothing tells.
    """
    labels = {name: np.full(MOST_ACTORS, IGNORED, np.int64) for name in (*ACTOR_MOVES, "begins", "ends")}
    for i, actor in enumerate(spec.cast):
        target = {"begins": actor.action, "ends": actor.then or actor.action}
        target["action"] = "" if actor.then else actor.action
        goes = {actor.action, actor.then} & set(DIRECTED) or (spec.relation == "jumping over" and i == 0)
        target["direction"] = actor.direction if goes else ""
        paced = actor.action in PACED and not actor.then and len(spec.cast) == 1
        target["pace"] = (actor.pace or "usual") if paced else ""
        for name, word in target.items():
            words = ACTOR_MOVES["action" if name in ("begins", "ends") else name]
            labels[name][i] = words.index(word) if word else IGNORED
    labels["camera"] = np.array(CLIP_MOVES["camera"].index(spec.camera))
    relation = relation_of(spec)
    labels["relation"] = np.array(CLIP_MOVES["relation"].index(relation) if relation else IGNORED)
    return labels


def relation_of(spec: SceneSpec) -> str:
    """How the actors of a clip stand to each other; empty where a picture cannot tell it: two that go the
    same way look like one chasing the other.
    """
    if spec.relation in ("", "chasing", "jumping over"):
        return spec.relation or "none"
    same_way = all(a.action in DIRECTED for a in spec.cast) and len({a.direction for a in spec.cast}) == 1
    return "" if same_way and len(spec.cast) == 2 else "beside"


# -- pictures that are not quite right -----------------------------------------------------------------------


def recode(vae: VideoVAE, frames: Tensor, noise: float, seed: int) -> Tensor:
    """Clips uint8 (n, F, H, W, 3) as the autoencoder gives them back, on its device; on the latents of
    each clip noise of its own strength, up to `noise` standard deviations, mostly little.
    """
    with torch.inference_mode():
        latents = vae.encode_video(to_video(frames.to(vae.device)).to(vae.dtype))
        generator = torch.Generator().manual_seed(seed)
        strength = noise * torch.rand(len(frames), 1, 1, 1, 1, generator=generator) ** 2
        latents = latents + (strength * torch.randn(latents.shape, generator=generator)).to(latents)
        video = vae.decode_latents(latents).float().clamp(-1, 1)
    return ((video.permute(0, 2, 3, 4, 1) + 1) * 127.5).round().to(torch.uint8)


def to_device(values: np.ndarray, device: torch.device) -> Tensor:
    """An array on the device; a GPU is not waited for."""
    return torch.from_numpy(values).to(device, non_blocking=True)


def spoil(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur, noise and tint frames (n, 3, H, W) a little, each differently."""
    n, _, height, width = pixels.shape

    def chance(values: np.ndarray) -> Tensor:
        return to_device(values.astype(np.float32), pixels.device).reshape(n, -1, 1, 1)

    blurred = rng.permutation(n)[: round(0.35 * n)]
    if len(blurred):
        rows, factor = to_device(blurred, pixels.device), rng.uniform(1.5, 4.0)
        size = (int(height / factor), int(width / factor))
        small = nnf.interpolate(pixels[rows], size, mode="bilinear", antialias=True)
        pixels = pixels.index_copy(0, rows, nnf.interpolate(small, (height, width), mode="bilinear"))
    tint = chance(rng.normal(0, 0.035, (n, 3)))
    gain, grain = chance(rng.normal(1, 0.05, n)), chance(0.08 * rng.random(n) ** 2)
    return (pixels * gain + tint + grain * torch.randn_like(pixels)).clamp(-1, 1)
