"""`direct`: words, and where things go, how the camera moves and what it hears -> a Trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from x2vkit import media
from x2vkit.config import RunRequest
from x2vkit.core.lexicon import few
from x2vkit.errors import X2VError
from x2vkit.studio.checks import checked_run
from x2vkit.studio.direct.beats import pushes
from x2vkit.studio.direct.boxes import SoftBox, read_boxes
from x2vkit.studio.direct.camera import CameraPath, Move
from x2vkit.studio.direct.strokes import read_strokes

if TYPE_CHECKING:
    from x2vkit.core.planner import Plan
    from x2vkit.pipeline.x2v import X2VPipeline
    from x2vkit.studio.direct.plan import Directions
    from x2vkit.trace import Trace

LONGEST = 600.0
"""Seconds of a sound that is read; the clip hears its beginning."""
NOBODY = {"<start>", "a", "an", "the"}
"""Words that say nothing alone."""
OTHERS = ("conditions", "video", "strength")
"""Options of `record` that `direct` draws itself, or that say themselves where things go."""


def direct(
    prompt: str | RunRequest,
    *,
    boxes: Any = None,
    strokes: Any = (),
    camera: Any = None,
    audio: Any = None,
    image: Any = None,
    plan: Plan | Mapping[str, Any] | None = None,
    pipeline: X2VPipeline | None = None,
    **options: Any,
) -> Trace:
    """Make a clip and say where things go.

    >>> x2v.direct("a dog in the snow", boxes=[{0: (0, 0.4, 0.3, 0.7), 1: (0.6, 0.4, 0.9, 0.7)}])
    >>> x2v.direct("a cat in the snow", boxes=[x2v.SoftBox(0.5, 0, 1, 1, since=0.8)])
    >>> x2v.direct("a red car in the city", strokes=[([(0.2, 0.6), (0.8, 0.6)], 0.1)])
    >>> x2v.direct("a robot in space", camera="pan left, then zoom in slowly", audio="drums.wav")

    Args:
        prompt: words, or a whole RunRequest.
        boxes: for the first and the second subject of the prompt, as a list or by "first", "second" or noun:
            hard boxes (kept as they are) or soft ones (`SoftBox`); see `studio.direct.boxes`.
        strokes: (path, radius) of what is painted in the first frame and dragged; what is not painted stays,
            the camera too unless one is given.
        camera: words, moves as data, or numbers; see `studio.direct.camera`.
        audio: a sound file, or samples and their rate: its beats push the zoom, and the clip sounds of it.
        image: the first frame; then a stroke begins on something that is in it.
        plan: of another clip (`Trace.plan`), to be changed; by default one is drafted.
        pipeline: the model; by default the one that the request names.
        **options: `x2vkit.record`'s others: seed, steps, guidance, control_guidance, num_frames ...

    Returns:
        A Trace whose `plan` holds everything that was asked for; `made_by` says with what.

    Raises:
        X2VError: boxes, strokes, a camera or a sound that cannot be, or that contradict each other.
    """
    from x2vkit.run.load import chosen
    from x2vkit.run.record import generate
    from x2vkit.run.request import request_of, split_options

    if given := [name for name in OTHERS if name in options]:
        rule = "direct draws boxes, strokes and camera itself, around the words or a first frame"
        raise X2VError(f"{given[0]} for direct", rule, "use x2v.generate for it")
    own, others = split_options(options)
    request = request_of(prompt, own)
    pipeline = chosen(pipeline, request.model)
    request = checked_run(request, pipeline)
    directions = {"boxes": boxes, "strokes": strokes, "camera": camera, "audio": audio}
    if image is not None:
        image = _picture(image, request)
    made, sound = planned(request, pipeline, image=image, plan=plan, **directions)
    trace = generate(request, pipeline=pipeline, plan=made, image=image, **others)
    directions["audio"] = _named(audio)
    kept = {name: plain(value) for name, value in directions.items() if value is not None and len(value)}
    return replace(trace, made_by={"call": "direct", **kept}, sound=sound)


def planned(
    request: RunRequest,
    pipeline: X2VPipeline,
    *,
    image: np.ndarray | None = None,
    plan: Plan | Mapping[str, Any] | None = None,
    **directions: Any,
) -> tuple[Plan, media.Sound | None]:
    """The plan of a directed clip, and what is heard.

    Args:
        request: a checked one.
        pipeline: the model.
        image: the first frame, uint8 (H, W, 3).
        plan: to be changed.
        **directions: boxes, strokes, camera and audio, as in `direct`.

    Raises:
        X2VError: as `direct` does.
    """
    from x2vkit.run.record import wording_of
    from x2vkit.studio.direct.plan import directed_plan, subjects_of

    shape = request.num_frames, request.height, request.width
    said = wording_of(request, pipeline).prompt
    words = pipeline.text_encoder.tokenize(said)
    if words.unknown and not set(words.words) - NOBODY:  # before what such a prompt could contradict
        rule = f"the model knows the words of a prompt, and not {few(words.unknown)}"
        raise X2VError(f"prompt={said!r:.60}", rule, 'say what is seen: "a dog in the snow"')
    subjects = subjects_of(words.words)
    asked, sound = read_directions(shape, request.fps, subjects, **directions)
    base, first = _plan(plan, request.num_frames), None if image is None else _read_boxes(image)
    return directed_plan(pipeline, said, shape, request.fps, asked, request.seed, base, first), sound


def read_directions(
    shape: tuple[int, int, int],
    fps: float,
    subjects: Sequence[str],
    *,
    boxes: Any = None,
    strokes: Any = (),
    camera: Any = None,
    audio: Any = None,
) -> tuple[Directions, media.Sound | None]:
    """What `direct` is given, checked, and what is heard.

    Args:
        shape: frames, height, width.
        fps: frames a second.
        subjects: nouns of the prompt's subjects.
        boxes, strokes, camera, audio: as in `direct`.
    """
    from x2vkit.studio.direct.plan import Directions

    frames = shape[0]
    asked = read_boxes(boxes, subjects, frames, fps)
    path = None if camera is None else CameraPath.of(camera, frames, fps, subjects)
    sound = None
    if audio is not None:
        sound = media.read_sound(audio, LONGEST)[: round(frames / fps * media.SOUND_RATE)]
        path = path or CameraPath(np.tile((0.0, 0.0, 1.0), (frames, 1)), np.zeros(frames))
        track = path.track.copy()
        pushed = pushes(sound, frames, fps)
        track[:, 2] *= pushed / pushed[0]
        path = replace(path, track=track)
    return Directions((asked[0], asked[1]), tuple(read_strokes(strokes, shape)), path), sound


def plain(value: Any) -> Any:
    """Anything `direct` takes, as JSON values that it takes again."""
    if isinstance(value, SoftBox):
        return value.to_dict()
    if isinstance(value, Move):
        move = {"move": " and ".join(value.kinds), "degree": value.degree}
        return move | ({} if value.seconds is None else {"seconds": value.seconds})
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (int, float, np.number)):
        return float(value) if np.isfinite(value) else None
    return value if value is None else str(value)


def _named(audio: Any) -> str | None:
    """What is kept of where a sound came from; the trace has the sound itself."""
    return None if audio is None else Path(audio).name if isinstance(audio, (str, Path)) else "samples"


def _plan(plan: Any, frames: int) -> Plan | None:
    """A plan to change, or None for a draft."""
    if plan is None:
        return None
    from x2vkit.core.planner import as_plan

    read = as_plan(plan, frames)
    if isinstance(read, bool):
        raise X2VError(f"plan={plan!r:.40} for direct", "direct changes a plan", "leave it out to draft one")
    if len(read.boxes) != 1:
        raise X2VError(f"a plan of {len(read.boxes)} clips", "one clip is directed", "give the plan of one")
    return read


def _picture(image: Any, request: RunRequest) -> np.ndarray:
    """A first frame as uint8 (H, W, 3), scaled and cropped to the clip's size."""
    from x2vkit.pipeline.inputs import read_image

    picture = read_image(image, request.height, request.width)[0]
    return ((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().cpu().numpy()


def _read_boxes(picture: np.ndarray) -> np.ndarray:
    """(2, 4) where the judge sees the subjects of a picture."""
    from x2vkit.judge import Judge

    return Judge.load().read(picture[None]).boxes[0]
