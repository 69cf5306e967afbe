"""Do boxes, soft boxes, strokes and a camera do what they say?

    F frames

Requests are taken from real renders of scenes, so that each can be kept, and the judge reads these renders,
too: the ceiling. The baseline are clips of the same words and seeds without the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from x2vkit.core.planner import Plan
from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS
from x2vkit.judge.prompts import plain, scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import APART, USUAL, ClipSampler, SampledClip
from x2vkit.judge.suites.common import mean_or_none
from x2vkit.studio.direct.boxes import SoftBox, SubjectBoxes
from x2vkit.studio.direct.camera import MOVES, CameraPath
from x2vkit.studio.direct.plan import Directions, directed_plan
from x2vkit.studio.direct.strokes import Stroke
from x2vkit.world import SceneSpec, Truth

MOST = 60
"""Scenes of a suite."""
SEEN = 0.6
"""Part of a subject that is in sight where its box is compared."""
WITHIN = 0.03
"""Fractions of the frame by which a box that the judge reads may leave a soft one: half a latent cell."""


def _scenes(run: ClipSampler, seed: int, pairs: bool) -> list[SceneSpec]:
    """Scenes that stand still, in plain sight; with or without second subjects."""
    count = min(run.prompts, MOST)
    return scenes_where(
        count, run.seed + seed, lambda s: not s.behind and (pairs or not s.other), camera="static"
    )


def _plans(run: ClipSampler, specs: list[SceneSpec], asked: Sequence[Directions]) -> list[Plan]:
    """A plan of each directed scene; none without a model."""
    if run.pipeline is None:
        return []
    return [
        directed_plan(run.pipeline, plain(spec), USUAL, FPS, directions, 1_000_003 * run.seed + i)
        for i, (spec, directions) in enumerate(zip(specs, asked, strict=True))
    ]


def _both(
    run: ClipSampler, specs: list[SceneSpec], asked: Sequence[Directions]
) -> tuple[list[SampledClip], list[SampledClip]]:
    """The model's clips of directed scenes, and of the same scenes without directions."""
    plans = _plans(run, specs, asked)
    return run.made(specs, plan=plans) if plans else [], run.made(specs)


def boxes(run: ClipSampler) -> Iterator[Figure]:
    """Hard boxes of all subjects of a scene."""
    specs = _scenes(run, 41, pairs=True)
    real = run.real(specs)
    wanted = [_in_sight(truth) for _, truth in real]
    asked = [Directions(boxes=(SubjectBoxes(truth.boxes[:, 0]), _second(truth.boxes))) for _, truth in real]
    made, free = _both(run, specs, asked)

    def overlaps(clips: list[SampledClip]) -> list[NDArray]:
        return [
            np.nan_to_num(metrics.iou(x.reading.boxes[:, i], box[:, i])[np.isfinite(box[:, i, 0])])
            for x, box in zip(clips, wanted, strict=False)
            for i in range(box.shape[1])
            if np.isfinite(box[:, i, 0]).any()
        ]

    found = [overlaps(clips) for clips in ([x for x, _ in real], made, free)]
    meaning = "mean over subjects of the mean intersection over union of the judged with the given box"
    means = [mean_or_none([each.mean() for each in one]) for one in found]
    yield Figure(
        "hard boxes, mIoU", "control", meaning, means[0] or 0.0, means[1], None, len(real), "",
        baseline=means[2], known_as="MagicBench: mIoU",
    )  # fmt: skip
    meaning = "share of the frames in which the judged box overlaps the given one by half or more"
    shares = [mean_or_none(np.concatenate(one) >= 0.5) if one else None for one in found]
    yield Figure(
        "hard boxes, AP at 0.5", "control", meaning, shares[0] or 0.0, shares[1], None, len(real),
        baseline=shares[2], known_as="MagicBench, Boximator: AP@0.5",
    )  # fmt: skip


def _second(boxes: NDArray) -> SubjectBoxes:
    return SubjectBoxes(boxes[:, 1]) if boxes.shape[1] > 1 else SubjectBoxes()


def _in_sight(truth: Truth) -> NDArray:
    """(F, 1 or 2, 4) true boxes; NaN where too little of a subject is seen."""
    return np.where(truth.visible[..., None] > SEEN, truth.boxes, np.nan)


def soft_boxes(run: ClipSampler) -> Iterator[Figure]:
    """Somewhere in here, by then there: regions that the subject of a real render kept."""
    specs = _scenes(run, 43, pairs=False)
    real = run.real(specs)
    soft = [_kept_by(truth, np.random.default_rng([run.seed, i, 43])) for i, (_, truth) in enumerate(real)]
    asked = [Directions(boxes=(SubjectBoxes(soft=each), SubjectBoxes())) for each in soft]
    made, free = _both(run, specs, asked)

    def kept(clips: list[SampledClip]) -> float | None:
        return mean_or_none([keeps(x.reading.boxes[:, 0], s) for x, s in zip(clips, soft, strict=False)])

    meaning = (
        f"share of the clips whose judged subject keeps all its regions, to within {WITHIN} of the frame"
    )
    yield Figure(
        "soft boxes are kept", "control", meaning, kept([x for x, _ in real]) or 0.0, kept(made), None,
        len(real), baseline=kept(free), known_as="Boximator: soft boxes",
    )  # fmt: skip


def _kept_by(truth: Truth, rng: np.random.Generator) -> tuple[SoftBox, ...]:
    """One to three regions that a true track kept, each in its part of the clip."""
    whole = np.clip(truth.boxes[:, 0], 0, 1)
    last = (len(whole) - 1) / FPS
    parts = [((0.0, 0.35), (0.65, 1.0)), ((0.6, 1.0),), ((0.0, 0.25), (0.4, 0.6), (0.75, 1.0))]
    found = []
    for start, end in parts[rng.integers(len(parts))]:
        rows = whole[int(np.ceil(start * (len(whole) - 1))) : int(end * (len(whole) - 1)) + 1]
        margin = rng.uniform(0.04, 0.1, 4)
        low, high = rows[:, :2].min(0) - margin[:2], rows[:, 2:].max(0) + margin[2:]
        x0, y0, x1, y1 = map(float, (*low, *high))
        found.append(SoftBox(x0, y0, x1, y1, start * last, end * last))
    return tuple(found)


def keeps(track: NDArray, soft: Sequence[SoftBox]) -> bool:
    """Whether judged boxes (F, 4) keep all regions; a subject that is not seen keeps none."""
    for each in soft:
        rows = track[each.frames(len(track), FPS)]
        low, high = each.region[:2], each.region[2:]
        inside = (rows[:, :2] >= np.minimum(np.array(low) - WITHIN, 1)).all(1)
        inside &= (rows[:, 2:] <= np.array(high) + WITHIN).all(1)
        if not inside.all():
            return False
    return True


def strokes(run: ClipSampler) -> Iterator[Figure]:
    """A subject is dragged; what is not painted stays."""
    specs = _scenes(run, 47, pairs=False)
    specs = [replace(spec, action="stand" if spec.action == "talk" else spec.action) for spec in specs]
    real = run.real(specs)
    asked = [Directions(strokes=(_stroke([run.seed, i, 47]),)) for i in range(len(specs))]
    plans = _plans(run, specs, asked)
    made, free = run.made(specs, plan=plans) if plans else [], run.made(specs)
    wanted = [np.clip(plan.boxes[0, :, 0], 0, 1) for plan in plans]
    true = [np.clip(truth.boxes[:, 0], 0, 1) for _, truth in real]
    groups = ([x for x, _ in real], made, free)
    ways = [
        mean_or_none([_off(x, way) for x, way in zip(clips, where, strict=False)])
        for clips, where in zip(groups, (true, wanted, wanted), strict=True)
    ]
    meaning = "mean distance of the middle of the judged box from its way along the stroke, of the diagonal"
    yield Figure(
        "stroke, error of the way", "control", meaning, ways[0] or 0.0, ways[1], None, len(real), "%", True,
        baseline=ways[2], known_as="MotionCtrl: ObjMC",
    )  # fmt: skip
    calm = [mean_or_none([_speed(x) for x in clips]) for clips in groups]
    meaning = (
        "mean speed of the surroundings, which are not painted, of the shorter side in a second: every "
        "tremble from frame to frame is summed"
    )
    yield Figure(
        "stroke, motion outside the brush", "control", meaning, calm[0] or 0.0, calm[1], None, len(real), "%",
        True, baseline=calm[2],
    )  # fmt: skip
    gone = [mean_or_none([_drift(x) for x in clips]) for clips in groups]
    meaning = "how far the surroundings are at the end from where they began, of the shorter side a second"
    yield Figure(
        "stroke, drift outside the brush", "control", meaning, gone[0] or 0.0, gone[1], None, len(real), "%",
        True, baseline=gone[2],
    )  # fmt: skip


def _stroke(seed: list[int]) -> Stroke:
    """A way with one bend, over at least a fifth of the frame."""
    rng = np.random.default_rng(seed)
    start = rng.uniform((0.25, 0.4), (0.75, 0.65))
    end = start
    while np.hypot(*(end - start)) < 0.2:
        end = rng.uniform((0.2, 0.35), (0.8, 0.7))
    bend = (start + end) / 2 + rng.uniform(-0.08, 0.08, 2)
    when, places = np.linspace(0, 2, USUAL[0]), np.stack([start, bend, end])
    return Stroke(np.stack([np.interp(when, np.arange(3), axis) for axis in places.T], 1), 0.1)


def _off(clip: SampledClip, wanted: NDArray) -> float:
    """Mean distance of middles of boxes (F, 4), of the diagonal; a subject that is not seen is off by 1."""
    middles = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (clip.reading.boxes[:, 0], wanted)]
    away = np.linalg.norm(middles[0] - middles[1], axis=1) / np.sqrt(2)
    return float(np.nan_to_num(away[np.isfinite(wanted[:, 0])], nan=1.0).mean())


def _speed(clip: SampledClip) -> float:
    """Mean speed of the surroundings, of the shorter side in a second."""
    return float(np.linalg.norm(np.diff(clip.reading.camera[:, :2], axis=0), axis=1).mean() * FPS)


def _drift(clip: SampledClip) -> float:
    """Way of the surroundings from the first frame to the last, of the shorter side in a second."""
    way = clip.reading.camera[-1, :2] - clip.reading.camera[0, :2]
    return float(np.linalg.norm(way) / (clip.shape[0] - 1) * FPS)


def camera(run: ClipSampler) -> Iterator[Figure]:
    """Moves that the words do not mention: single ones, and two of them one after the other."""
    count = min(run.prompts, MOST)
    specs = scenes_where(count, run.seed + 53, lambda s: s.camera != "static" and not s.behind)
    real = run.real(specs)
    asked = [Directions(camera=CameraPath.of(s.camera, USUAL[0], FPS)) for s in specs]
    silent = [replace(s, camera="static") for s in specs]
    words = [plain(s) for s in silent]
    plans = _plans(run, silent, asked)
    made, free = run.made(specs, words=words, plan=plans) if plans else [], run.made(specs, words=words)
    groups = ([x for x, _ in real], made, free)
    right = [mean_or_none([x.predicted["camera"] == x.spec.camera for x in clips]) for clips in groups]
    meaning = "share of the clips that show the move that was asked for and that the words do not mention"
    yield Figure(
        "camera moves", "control", meaning, right[0] or 0.0, right[1], None, len(real), baseline=right[2],
        known_as="VBench-2.0: Camera Motion",
    )  # fmt: skip
    tracks = [each.camera.track for each in asked if each.camera is not None]
    yield from _errors(groups, tracks, len(real))
    yield from _two_moves(run)


def _errors(groups: tuple[list[SampledClip], ...], tracks: list[NDArray], count: int) -> Iterator[Figure]:
    """How far the camera is from its track."""
    ways = [mean_or_none([_apart(x, t)[0] for x, t in zip(clips, tracks, strict=False)]) for clips in groups]
    meaning = "mean distance of the camera's read way from the asked one over the frames, of the shorter side"
    yield Figure(
        "camera, error of the way", "control", meaning, ways[0] or 0.0, ways[1], None, count, "%", True,
        baseline=ways[2], known_as="MotionCtrl: TransErr",
    )  # fmt: skip
    zooms = [mean_or_none([_apart(x, t)[1] for x, t in zip(clips, tracks, strict=False)]) for clips in groups]
    meaning = "mean difference of log zoom, read and asked, over the frames"
    yield Figure(
        "camera, error of the zoom", "control", meaning, zooms[0] or 0.0, zooms[1], None, count, "%", True,
        baseline=zooms[2], known_as="ZoomErr",
    )  # fmt: skip


def _apart(clip: SampledClip, track: NDArray) -> tuple[float, float]:
    """Mean error of the way, and of log zoom, over the frames."""
    read = clip.reading.camera
    way = np.linalg.norm(read[:, :2] - (track[:, :2] - track[:1, :2]), axis=1).mean()
    zoom = np.abs(np.log(read[:, 2]) - np.log(track[:, 2] / track[0, 2])).mean()
    return float(way), float(zoom)


def _two_moves(run: ClipSampler) -> Iterator[Figure]:
    """Two moves, one after the other: each half of the clip shows its own."""
    count = max(8, min(run.prompts, MOST) // 2)
    specs = scenes_where(count, run.seed + 59, lambda s: not s.behind and not s.other, camera="static")
    rng = np.random.default_rng([run.seed, 59])
    moves = [rng.permutation([name for name in MOVES if name != "static"])[:2] for _ in specs]
    paths = [CameraPath.of(f"{a}, then {b}", USUAL[0], FPS) for a, b in moves]
    real = [
        run.judged(
            spec, run.world.render(spec, run.seed + APART + i, *USUAL, fps=FPS, camera=_centred(p)).frames
        )
        for i, (spec, p) in enumerate(zip(specs, paths, strict=True))
    ]
    made, free = _both(run, specs, [Directions(camera=path) for path in paths])
    groups = (real, made, free)
    right = [mean_or_none([_halves(x, m) for x, m in zip(c, moves, strict=False)]) for c in groups]
    meaning = "share of the halves of clips that show their own move of two, as the surroundings move most"
    yield Figure(
        "camera, two moves in a row", "control", meaning, right[0] or 0.0, right[1], None, len(real),
        baseline=right[2], known_as="VBench-2.0: Complex Camera Motion",
    )  # fmt: skip


def _centred(path: CameraPath) -> NDArray:
    """A camera's way with its mean in the middle of the place."""
    track = path.track.copy()
    track[:, :2] -= track[:, :2].mean(0)
    return track


def _halves(clip: SampledClip, moves: Iterable[str]) -> float:
    """Share of the two halves in which the nearest single move is the one that was asked for."""
    track = clip.reading.camera
    way = np.concatenate([track[:, :2], np.log(track[:, 2:])], 1)
    half = len(way) // 2
    shown = [way[half] - way[0], way[-1] - way[half]]
    speeds = np.array(list(MOVES.values())) * half / FPS
    return float(
        np.mean(
            [
                list(MOVES)[int(np.linalg.norm(speeds - each, axis=1).argmin())] == move
                for each, move in zip(shown, moves, strict=True)
            ]
        )
    )
