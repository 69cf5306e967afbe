"""Does a model do what is given besides words: a mouth's track, boxes, a camera, a first frame?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.judge import metrics, sampling
from x2vkit.judge.prompts import plain, scenes_where, talking_faces
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler, SampledClip
from x2vkit.judge.suites.common import agreements, mean_or_none, share_of_it
from x2vkit.world import SceneSpec


def speech(run: ClipSampler) -> Iterator[Figure]:
    """Does a mouth follow a track of openness, and does a face show its mood?"""
    specs = talking_faces(run.few, run.seed)
    real = run.real(specs)
    requested = [truth.mouth[:, 0] for _, truth in real]
    made = run.made(specs, conditions=[sampling.given_mouth(x, truth) for x, truth in real])
    found = [
        [metrics.correlation(x.reading.mouth, t) for x, t in zip(clips, requested, strict=False)]
        for clips in (made, [x for x, _ in real])
    ]
    shown = made or [x for x, _ in real]
    mixed = [metrics.correlation(x.reading.mouth, requested[i - 1]) for i, x in enumerate(shown)]
    meaning = "mean correlation over time of the judged openness of the mouth with the track that was given"
    yield Figure(
        "mouth follows its track",
        "speech and emotion",
        meaning,
        float(np.mean(found[1])),
        mean_or_none(found[0]),
        float(np.mean(mixed)),
        len(real),
        "",
        known_as="Sync-C (SyncNet), here against the track itself",
    )
    specs = scenes_where(run.few, run.seed, lambda s: bool(s.mood) and s.action == "stand")
    for figure in agreements(*run.both("mood", specs), "", mood=True):
        if figure.name == "mood":
            yield figure


def control(run: ClipSampler) -> Iterator[Figure]:
    """Do boxes and a camera track do what they say?"""
    specs = scenes_where(run.few, run.seed, lambda s: not s.other and not s.behind, camera="static")
    real = run.real(specs)
    wanted = [np.where(truth.visible[:, :1] > 0.6, truth.boxes[:, 0], np.nan) for _, truth in real]
    made = run.made(specs, conditions=[sampling.given_boxes(x, truth) for x, truth in real])

    def overlap(clips: list[SampledClip]) -> list[float]:
        found = [
            np.nan_to_num(metrics.iou(x.reading.boxes[:, 0], w)[np.isfinite(w[:, 0])])
            for x, w in zip(clips, wanted, strict=True)
        ]
        return [float(each.mean()) for each in found if len(each)]

    shown = made or [x for x, _ in real]
    meaning = "mean intersection over union of the judged box of the subject with the box that was given"
    chance = mean_or_none(overlap(shown[1:] + shown[:1]))
    yield Figure(
        "box is kept, IoU",
        "control",
        meaning,
        float(np.mean(overlap([x for x, _ in real]))),
        mean_or_none(overlap(made)) if made else None,
        chance,
        len(real),
        "",
        known_as="MagicBench, Boximator: mIoU",
    )

    specs = scenes_where(run.few, run.seed + 1, lambda s: s.camera != "static")
    real = run.real(specs)
    silent = [plain(SceneSpec.from_dict({**s.to_dict(), "camera": "static"})) for s in specs]
    made = run.made(specs, words=silent, conditions=[sampling.given_camera(truth) for _, truth in real])
    targets = [{"camera": s.camera} for s in specs]
    ceiling = metrics.agreement(targets, [x.predicted for x, _ in real])["camera"]
    score = metrics.agreement(targets, [x.predicted for x in made])["camera"] if made else None
    meaning = (
        "share of the clips that show the camera move of a given camera track, which the words do not mention"
    )
    yield Figure(
        "camera track is followed",
        "control",
        meaning,
        ceiling.right,
        score.right if score else None,
        (score or ceiling).shuffled,
        len(real),
        known_as="VBench-2.0: Camera Motion",
    )


def image(run: ClipSampler) -> Iterator[Figure]:
    """From a first frame: is it kept, and are the words still obeyed?"""
    specs = scenes_where(run.few, run.seed, lambda s: not s.other and not s.behind)
    real = run.real(specs)
    given = [x.first for x, _ in real]
    made = run.made(specs, image=given)
    kept = [metrics.psnr(x.first, picture) for x, picture in zip(made, given, strict=False)]
    mixed = [metrics.psnr(x.first, given[i - 1]) for i, x in enumerate(made)]
    best = [
        metrics.psnr(coded, picture)
        for coded, picture in zip(sampling.recoded(run.pipeline, given), given, strict=True)
    ]
    meaning = "mean PSNR of the first frame to the given one; ceiling: what the autoencoder alone keeps of it"
    yield Figure(
        "first frame is kept",
        "control",
        meaning,
        float(np.mean(best)),
        mean_or_none(kept),
        mean_or_none(mixed),
        len(real),
        "dB",
    )
    yield share_of_it(made, [x for x, _ in real], "share of it, from a first frame", "control")
