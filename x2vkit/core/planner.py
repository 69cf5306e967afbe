"""Words -> a plan: where the subjects go, how a mouth opens and what the camera does, frame by frame.

    B clips, F frames, T words, G groups of tracks, R numbers of a frame (`TRACKS`), E width

A clip is planned before it is drawn, as a film is: the tracks of a clip are a few hundred numbers, so a very
small model learns them well, and the video transformer is left with what only it can do, to draw. (Planning
boxes first: LLM-grounded video diffusion, Lian et al. 2023, arXiv 2309.17444; VideoDirectorGPT, Lin et al.
2023, arXiv 2309.15091. Here the planner is a rectified flow like the transformer, over tracks instead of
latents, so one prompt has many plans.)

Lengths are in units of the shorter side of the frame and measured from its middle, so that a plan means the
same in any shape. Knows nothing about latents or pixels: `Plan.conditions` draws a plan onto a latent grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log, pi

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from x2vkit.axes import Shape3
from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.attention import MASK_VALUE, BlockMixin, TransformerBlock
from x2vkit.core.conditions import Conditions, stack
from x2vkit.core.layers import TimestepEmbedder, norm
from x2vkit.core.lexicon import Words
from x2vkit.core.patches import ROTARY_BASE, rotary_cos_sin
from x2vkit.core.raster import MOTION_SCALE
from x2vkit.core.transformer import precondition
from x2vkit.errors import X2VError

GROUPS = {
    "box_a": slice(0, 5), "box_b": slice(5, 10), "mouth": slice(10, 12), "camera": slice(12, 15),
    "turn": slice(15, 17),
}  # fmt: skip
"""Where each kind of track lies in a frame's numbers. A box: in sight (1 or -1), middle x, y, log width, log
height; the mouth of the first subject: talking (1 or -1), openness; the camera: x, y and log zoom since the
first frame; the angle of the first subject: cosine and sine.
"""
TRACKS = 17
TIME_OCTAVES = 4
"""Octaves of sines that tell a frame's time."""
STEPS = 20
"""Denoising steps of a plan."""
GUIDANCE = 2.0
"""Classifier-free guidance of a plan: without it, what bounces falls at two thirds of gravity, and much the
same in space and in the city.
"""
SHAPES: dict[str, tuple[int, ...]] = {"boxes": (2, 4), "mouth": (), "camera": (3,), "turn": ()}
"""Tracks of a plan, and one frame's shape."""


@dataclass(frozen=True)
class Plan:
    """What B clips are to show, besides how it looks."""

    boxes: NDArray[np.float32]
    """(B, F, 2, 4): x0, y0, x1, y1 of the first and second subject in fractions; NaN where out of sight."""
    mouth: NDArray[np.float32]
    """(B, F): openness of the first subject's mouth from 0 to 1; NaN where it does not talk."""
    camera: NDArray[np.float32]
    """(B, F, 3): x, y in fractions of the shorter side and zoom, since the first frame (0, 0, 1)."""
    turn: NDArray[np.float32]
    """(B, F): angle by which the first subject is rotated, in radians, counter-clockwise."""

    @classmethod
    def of_truth(cls, boxes: NDArray, mouth: NDArray, camera: NDArray, turn: NDArray) -> Plan:
        """The plan of one clip that shows just this: boxes (F, 1 or 2, 4), mouth (F,), camera (F, 3) and turn
        (F,) as the world's truth has them.
        """
        two = np.full((1, len(boxes), 2, 4), np.nan, np.float32)
        two[0, :, : boxes.shape[1]] = boxes
        talks = np.nanmax(mouth, initial=0) > 0
        openness = np.where(talks, mouth, np.nan)[None]
        tracks = (openness, camera[None], turn[None])
        return cls(two, *(each.astype(np.float32) for each in tracks))

    @classmethod
    def of_tracks(cls, tracks: Mapping[str, ArrayLike]) -> Plan:
        """The plan of one clip from tracks as `Trace.plan` has them (SHAPES); a missing one says nothing.

        Raises:
            X2VError: tracks of another name or shape, of different lengths, or none.
        """
        given = {name: _track(name, track) for name, track in tracks.items()}
        frames = {len(track) for track in given.values() if track.ndim}
        fitting = all(track.shape[1:] == SHAPES.get(name) for name, track in given.items())
        if len(frames) != 1 or not fitting:
            got = ", ".join(f"{name} {track.shape}" for name, track in given.items()) or "nothing"
            rule = "a plan is boxes (F, 2, 4), mouth (F,), camera (F, 3) and turn (F,), or some of them"
            raise X2VError(f"a plan of {got}", rule, "take another clip's trace.plan, or pipe.draft(...)")
        F = frames.pop()
        none = {"boxes": np.full((F, 2, 4), np.nan), "mouth": np.full(F, np.nan), "turn": np.zeros(F)}
        none["camera"] = np.tile((0.0, 0.0, 1.0), (F, 1))
        return cls(**{name: given.get(name, empty)[None].astype(np.float32) for name, empty in none.items()})

    def check(self) -> None:
        """Raise X2VError for tracks that do not fit SHAPES, or hold no numbers."""
        for name, track in vars(self).items():
            numbers = isinstance(track, np.ndarray) and track.dtype.kind == "f" and track.size
            if not numbers or track.shape != (*np.shape(self.boxes)[:2], *SHAPES[name]):
                rule = f"it is an array (B, F, {str(SHAPES[name])[1:-1]}) of floats"
                raise X2VError(f"plan.{name} {track!r:.60}", rule, "change what pipe.draft(...) gave")

    def only(self, subjects: int) -> Plan:
        """The same plan with so many subjects (0 to 2): without any, the camera's alone."""
        boxes = self.boxes.copy()
        boxes[:, :, subjects:] = np.nan
        if subjects:
            return replace(self, boxes=boxes)
        return Plan(boxes, np.full_like(self.mouth, np.nan), self.camera, np.zeros_like(self.turn))

    def conditions(self, height: int, width: int) -> Conditions:
        """The plan as control raster, boxes and camera track of clips of this size in pixels."""
        self.check()
        shape = (self.boxes.shape[1], height, width)
        clips = zip(self.boxes, self.mouth, self.camera, self.turn, strict=True)
        drawn = [_drawn(shape, *clip) for clip in clips]
        names = ("control", "camera", "boxes")
        return Conditions(
            **{name: stack([getattr(one, name) for one in drawn], torch.float32) for name in names}
        )


def as_plan(plan: Plan | Mapping[str, ArrayLike] | bool, num_frames: int) -> Plan | bool:
    """A plan for clips of so many frames: as it is, from a trace's tracks (none at all is False), or whether
    to draft one.

    Raises:
        X2VError: a plan of another length, or something else.
    """
    if isinstance(plan, Mapping):
        plan = Plan.of_tracks(plan) if plan else False
    if isinstance(plan, bool):
        return plan
    if not isinstance(plan, Plan):
        rule = "a plan is True, False, a Plan, or the tracks of one (trace.plan)"
        raise X2VError(f"plan={plan!r}"[:80], rule, "use True to draft one")
    plan.check()
    if (length := plan.boxes.shape[1]) != num_frames:
        cure = f"use num_frames={length}, or draft one for {num_frames}: pipe.draft([prompt], (F, H, W))"
        raise X2VError(f"a plan of {length} frames", f"the clip has {num_frames}", cure)
    return plan


def _track(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """A track as numbers, NaN for None. X2VError for what holds others, or rows of unequal length."""
    try:
        return np.asarray(values, np.float32)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        rule = "it is an array of numbers, None where nothing is known"
        raise X2VError(f"plan.{name}={values!r:.60}", rule, "give one, or leave it out") from error


def _drawn(shape: Shape3, boxes: NDArray, mouth: NDArray, camera: NDArray, turn: NDArray) -> Conditions:
    """One clip's plan; a mouth belongs to the first subject."""
    talks = np.isfinite(boxes[:, 0]).any() and np.isfinite(mouth).any()
    pair = (boxes[:, 0], mouth) if talks else None
    return Conditions.draw(shape, boxes=[boxes[:, 0], boxes[:, 1]], mouth=pair, camera=camera, angle=turn)


class Planner(BlockMixin, ModelMixin, ConfigMixin):
    """Velocity (noise - tracks) of a noisy plan, as a function of the words and of tracks that are given.

    Built to do nothing at first, as the video transformer is.

    Args:
        words: known words; others are not read.
        width: channels E of a token.
        depth: blocks.
        heads: attention heads of a block.
        max_words: longest prompt in words.
        mean: of each of the R numbers over the training data; empty: 0.
        std: standard deviation of each, likewise; empty: 1.
        format_version: of the saved weights.
    """

    config_name = "config.json"
    _no_split_modules = ["TransformerBlock"]
    _repeated_blocks = ["TransformerBlock"]

    @register_to_config
    def __init__(
        self,
        words: Sequence[str],
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        max_words: int = 32,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        format_version: int = FORMAT_VERSION,
    ) -> None:
        super().__init__()
        check_format(format_version)
        self.id_of = {word: i + 1 for i, word in enumerate(words)}  # 0 fills up
        self.mean = torch.tensor(list(mean) or [0.0] * TRACKS)  # no buffers: they stay float32
        self.std = torch.tensor(list(std) or [1.0] * TRACKS)
        self.token_embed = nn.Embedding(len(words) + 1, width)
        self.pos_embed = nn.Parameter(torch.zeros(max_words, width))
        self.track_embed = nn.Linear(4 * TRACKS + len(GROUPS), width)
        self.time_embed = nn.Linear(4 * TIME_OCTAVES + 1, width, bias=False)
        self.t_embedder = TimestepEmbedder(width, layers=1)
        self.adaln = nn.Linear(width, 6 * width, bias=False)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, 4) for _ in range(depth))
        self.final_linear = nn.Linear(width, TRACKS)
        nn.init.normal_(self.pos_embed, std=0.1)
        for layer in (self.adaln, self.final_linear):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.final_linear.bias)

    def forward(
        self, tracks: Tensor, t: Tensor, ids: Tensor, given: Tensor, known: Tensor, aspect: Tensor
    ) -> Tensor:
        """Predict the velocity.

        Args:
            tracks: normalised noisy tracks (B, F, R).
            t: noise level (B, 1).
            ids: (B, T), 0 where there is no word.
            given: tracks that are known, normalised, (B, F, R).
            known: 1 for the groups that are, (B, G).
            aspect: log of width over height, (B, 1).

        Returns:
            (B, F, R).
        """
        B, F, T = len(tracks), tracks.shape[1], ids.shape[1]
        groups = each_number(known)  #                                                      (B, 1, R)
        c_in, c_skip, c_out = precondition(t, tracks.new_ones(TRACKS))  #                (B, 1, R) three times
        c_in, c_skip, c_out = (each.to(tracks.dtype) for each in (c_in, c_skip, c_out))
        now = tracks * c_in  #                                                              (B, F, R)
        before = torch.cat([now[:, :1], now[:, :-1]], dim=1)  # with its neighbours a frame shows how fast
        after = torch.cat([now[:, 1:], now[:, -1:]], dim=1)  #  things go
        inputs = [now, before, after, given * groups, known[:, None].expand(-1, F, -1)]
        times = _time_features(F, tracks.device).to(tracks.dtype).expand(B, -1, -1)
        times = torch.cat([times, aspect[:, None].expand(-1, F, -1)], dim=2)  #         (B, F, ...)
        x = self.track_embed(torch.cat(inputs, 2)) + self.time_embed(times)  #                    (B, F, E)
        x = torch.cat([self.token_embed(ids) + self.pos_embed[:T], x], dim=1)  #            (B, T + F, E)
        padding = nn.functional.pad(ids == 0, (0, F))[:, None, None]  #                      (B, 1, 1, T + F)
        bias = torch.zeros_like(padding, dtype=x.dtype).masked_fill(padding, MASK_VALUE)
        modulation = self.adaln(self.t_embedder(t, x.dtype)).unflatten(2, (6, -1))  #       (B, 1, 6, E)
        rotary = _rotary(F, T, self.config.width // self.config.heads, x.device, x.dtype)
        for block in self.blocks:
            x = self._block(block, x, modulation, rotary, bias)  #                          (B, T + F, E)
        return self.final_linear(norm(x[:, T:])) * c_out + tracks * c_skip  #                     (B, F, R)

    @torch.inference_mode()
    def plan(
        self,
        words: Sequence[Words],
        num_frames: int,
        height: int,
        width: int,
        noise: Tensor,
        boxes: Sequence[NDArray | None] = (),
        camera: Tensor | None = None,
        steps: int = STEPS,
    ) -> Plan:
        """Draft one plan for each prompt.

        Args:
            words: the prompts.
            num_frames: F.
            height: pixels.
            width: pixels.
            noise: (B, F, R); the planner works where it lies.
            boxes: (F, 4) or (4,) of the first and second subject, kept as they are in every plan; or None.
            camera: a camera track (B, f, 4) as in conditions.py, likewise.
            steps: denoising steps.
        """
        device = noise.device  # offloaded weights say nothing about where to work
        ids = self.read(words).to(device)
        no_words = torch.zeros_like(ids)
        given_tracks = np.zeros((len(words), num_frames, TRACKS), np.float32)
        known = torch.zeros(len(words), len(GROUPS))
        for name, box in zip(("box_a", "box_b"), boxes, strict=False):
            if box is None:
                continue
            box = np.broadcast_to(np.asarray(box, np.float32), (num_frames, 4))
            given_tracks[:, :, GROUPS[name]] = box_tracks(box, height, width)
            known[:, list(GROUPS).index(name)] = 1
        if camera is not None:
            paths = [_camera_path(each, num_frames) for each in camera.float().cpu().numpy()]
            given_tracks[:, :, GROUPS["camera"]] = paths
            known[:, list(GROUPS).index("camera")] = 1
        given = (torch.from_numpy(given_tracks) - self.mean) / self.std
        aspect = torch.full((len(words), 1), log(width / height))
        fixed = [each.to(device, self.dtype) for each in (given, known, aspect)]

        x, levels = noise.float().cpu(), torch.linspace(1, 0, steps + 1).tolist()
        for t, after in zip(levels, levels[1:], strict=False):
            level = torch.full((len(words), 1), t, device=device)
            now = x.to(device, self.dtype)
            conditional, unconditional = (
                self(now, level, each, *fixed).float().cpu() for each in (ids, no_words)
            )
            x = x + (after - t) * (unconditional + GUIDANCE * (conditional - unconditional))
        x = torch.where(each_number(known) > 0, given, x)
        return plan_of((x * self.std + self.mean).numpy(), height, width)

    def read(self, words: Sequence[Words]) -> Tensor:
        """Prompts as ids (B, T); 0 fills up."""
        rows = [[self.id_of[w] for w in each.words if w in self.id_of] for each in words]
        rows = [row[: self.config.max_words] for row in rows]
        longest = max(1, max(len(row) for row in rows))
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows])


# -- tracks: a plan as numbers that a model can learn --------------------------------------------------------


def tracks_of(
    boxes: NDArray, mouth: NDArray, camera: NDArray, turn: NDArray, height: int, width: int
) -> NDArray[np.float32]:
    """One clip's truth as tracks (F, R).

    boxes (F, 1 or 2, 4) in fractions, NaN where out of sight; mouth (F,) openness, all 0 where nobody talks;
    camera (F, 3) as x, y, zoom; turn (F,) in radians.
    """
    frames = len(camera)
    tracks = np.zeros((frames, TRACKS), np.float32)
    tracks[:, [GROUPS["box_b"].start, GROUPS["mouth"].start]] = -1
    for i, name in enumerate(("box_a", "box_b")[: boxes.shape[1]]):
        tracks[:, GROUPS[name]] = box_tracks(boxes[:, i], height, width)
    if mouth.max() > 0:
        tracks[:, GROUPS["mouth"]] = np.stack([np.ones(frames), mouth], 1)
    path = np.concatenate([camera[:, :2], np.log(camera[:, 2:])], 1)
    tracks[:, GROUPS["camera"]] = path - path[:1]
    tracks[:, GROUPS["turn"]] = np.stack([np.cos(turn), np.sin(turn)], 1)
    return tracks


def box_tracks(box: NDArray, height: int, width: int) -> NDArray[np.float32]:
    """Boxes (F, 4) in fractions -> (F, 5); while out of sight a box stays where it was seen nearest in
    time.
    """
    sides = np.array([width, height]) / min(width, height)
    seen = np.isfinite(box[:, 0])
    if not seen.any():
        return np.array([[-1, 0, 0, 0, 0]] * len(box), np.float32)
    frames = np.arange(len(box))
    nearest = np.abs(frames[:, None] - frames[seen][None]).argmin(1)
    box = box[seen][nearest]
    size = np.maximum((box[:, 2:] - box[:, :2]) * sides, 1e-3)
    middle = ((box[:, :2] + box[:, 2:]) / 2 - 0.5) * sides
    return np.concatenate([np.where(seen, 1, -1)[:, None], middle, np.log(size)], 1).astype(np.float32)


def plan_of(tracks: NDArray, height: int, width: int) -> Plan:
    """Tracks (B, F, R) -> the plan that they encode; the inverse of `tracks_of`."""
    sides = np.array([width, height], np.float32) / min(width, height)
    boxes = []
    for name in ("box_a", "box_b"):
        sight, middle, size = np.split(tracks[:, :, GROUPS[name]], [1, 3], axis=2)
        half, middle = np.exp(np.clip(size, -7, 2)) / sides / 2, middle / sides + 0.5
        boxes.append(np.where(sight > 0, np.concatenate([middle - half, middle + half], 2), np.nan))
    talks = tracks[:, :, GROUPS["mouth"].start].mean(1, keepdims=True) > 0  #              (B, 1)
    mouth = np.where(talks, tracks[:, :, GROUPS["mouth"].start + 1].clip(0, 1), np.nan)
    camera = tracks[:, :, GROUPS["camera"]]
    camera = np.concatenate([camera[..., :2], np.exp(np.clip(camera[..., 2:], -3, 3))], 2)
    cos, sin = np.moveaxis(tracks[:, :, GROUPS["turn"]], 2, 0)
    made = (np.stack(boxes, 2), mouth, camera, np.arctan2(sin, cos))
    return Plan(*(each.astype(np.float32) for each in made))


def _camera_path(track: NDArray, num_frames: int) -> NDArray:
    """A camera track (f, 4) -> x, y, log zoom (F, 3) since the first frame, straight between the middles of
    latent frames and on to the end.
    """
    path = np.cumsum(track[:, :3], 0) / MOTION_SCALE
    middles = [0.0, *(4 * i - 1.5 for i in range(1, len(track)))]
    if len(path) > 1:
        left = (num_frames - 1 - middles[-1]) / (middles[-1] - middles[-2])
        path = np.concatenate([path, path[-1:] + left * (path[-1:] - path[-2:-1])])
        middles.append(num_frames - 1)
    return np.stack([np.interp(np.arange(num_frames), middles, each) for each in path.T], 1)


def each_number(groups: Tensor) -> Tensor:
    """One value for each group of tracks (B, G) -> the same for each of its numbers (B, 1, R)."""
    sizes = torch.tensor([each.stop - each.start for each in GROUPS.values()], device=groups.device)
    return groups.repeat_interleave(sizes, dim=1)[:, None]


def _time_features(frames: int, device: torch.device) -> Tensor:
    """Sines and cosines (F, 4 TIME_OCTAVES) of a frame's time since the start, and of its part of the
    clip.
    """
    k = torch.arange(frames, device=device, dtype=torch.float32)
    times = torch.stack([k / 32, k / max(frames - 1, 1)], 1)  #                             (F, 2)
    angle = (times[:, :, None] * pi * 2.0 ** torch.arange(TIME_OCTAVES, device=device)).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], 1)


def _rotary(
    frames: int, words: int, head_dim: int, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosines and sines that rotate queries and keys of frames by their time, and those of words not."""
    pairs = head_dim // 2
    waves = ROTARY_BASE ** -(torch.arange(pairs, dtype=torch.float32, device=device) / pairs)
    return rotary_cos_sin(torch.arange(frames, device=device)[:, None] * waves, words, device, dtype)
