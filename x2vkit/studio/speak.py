"""A face that says what is heard (as EMO, arXiv 2402.17485, and Pika's lip sync do for photographs).

    sound -> openness of the mouth, frame by frame -> the plan's `mouth` -> the clip, with the sound in it

The plan is drafted from the words as ever, and only its mouth is written over. What the model draws of a
mouth is softer than what it is given, most of all within the four frames of one latent frame, so it is given
more than is asked for (`emphasised`), and guidance of the mouth makes that count. A sound longer than the
model's longest clip is made in parts: each begins with the last frame of the part before it, and the plan
runs on forth and back, so that the face stays where it is and nothing jumps.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from x2vkit.axes import TIME_STRIDE, frames_of
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.media import read_image
from x2vkit.pipeline.inputs import read_image as as_tensor
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import DEFAULT_MODEL, SHAPES
from x2vkit.run.load import chosen
from x2vkit.run.record import generate
from x2vkit.run.request import FPS, request_of, split_options
from x2vkit.studio.checks import checked_run
from x2vkit.studio.direct.boxes import checked_box
from x2vkit.studio.voice import frames_for, heard, openness, source_of_sound
from x2vkit.trace import Trace

PART = SHAPES["long"][0]
"""Frames of the longest clip that the model was trained on."""
SPEAKERS = ("face", "robot")
"""Who has a mouth that the model learnt to move."""
TALKING = ("talking", "speaking")

MOUTH_GUIDANCE = 7.0
"""Guidance of the mouth, unless something else is said."""
WITHIN = 2.0
"""How many times a mouth's changes within a latent frame are made larger: of changes from one latent frame
to the next the model draws about 0.9, of those within one 0.35 (measured, guidance 5).
"""


def speak(
    prompt: str,
    *,
    audio: str | PathLike[str] | tuple[NDArray[Any], float] | None = None,
    text: str | None = None,
    voice: str = "en",
    image: Any = None,
    box: ArrayLike | None = None,
    seed: int = 0,
    pipeline: X2VPipeline | None = None,
    **options: Any,
) -> Trace:
    """A face (or a robot) whose mouth follows a sound; the clip is as long as the sound, which goes with it.

    >>> trace = x2v.speak("a happy yellow face on the grass", text="hello, how are you?")
    >>> x2v.media.write_clip("hello.mp4", trace.frames, trace.fps, sound=trace.sound)

    Args:
        prompt: who speaks, and where. Moods are words ("a sad face"); "talking" is added where it is missing.
        audio: a sound file, or samples and their rate (see `media.read_sound`), up to LONGEST seconds.
        text: what espeak-ng says, in place of audio.
        voice: its language or voice ("en", "de", "en+f3").
        image: the first frame, a face of your own: a path, a PIL image or an array (H, W, 3).
        box: where the face goes, as x0, y0, x1, y1 in fractions; by default it is planned, or found in the
            image, if it is drawn as the world draws faces.
        seed: another seed, another clip.
        pipeline: the model; by default the one that `model=` names.
        **options: those of `generate` (steps, guidance, height, width ...), but for frames and plan, which
            the sound decides.

    Returns:
        The clip with its sound (`Trace.sound`), 1 + 4k frames at 12 a second: the sound's length or up to a
        third of a second more. `plan["mouth"]` is the openness that was asked for.

    Raises:
        X2VError: neither audio nor text, or both; a silent or too long sound; a prompt in which nobody has a
            mouth to move; a picture without a face; what `generate` refuses.
    """
    if twice := sorted({"num_frames", "plan", "boxes", "fps"} & set(options)):
        rule = (
            f"of a clip that speaks, the sound decides the frames and the words the plan, at {FPS} a second"
        )
        raise X2VError(f"{', '.join(twice)} given to speak", rule, "leave it out")
    box = None if box is None else checked_box(box, "box of the face")
    sound = heard(audio, text, voice)
    pipeline = chosen(pipeline, options.get("model", DEFAULT_MODEL))
    said = talking(prompt, pipeline)
    frames = frames_for(sound, FPS)
    own, _ = split_options(options)
    one_part = {"seed": seed, "num_frames": min(frames, PART)}
    request = checked_run(request_of(said, own | one_part), pipeline)
    size = request.height, request.width
    if image is not None:
        image = read_image(image, *size) if isinstance(image, (str, PathLike)) else image
    if image is not None and box is None:
        box = face_in(as_tensor(image, *size)[0])
    plan = _plan(said, frames, size, box, seed, pipeline)
    asked = openness(sound, frames, FPS)
    plan = replace(plan, mouth=emphasised(asked)[None])
    made, start = [], 0
    for end in _ends(frames):
        part = Plan(**{name: track[:, start : end + 1] for name, track in vars(plan).items()})
        part = replace(part, camera=_since_first(part.camera))
        given = {"plan": part, "seed": seed, "num_frames": end + 1 - start}
        how = {"mouth_guidance": MOUTH_GUIDANCE} | options | given
        made.append(generate(said, image=image, pipeline=pipeline, **how))
        image, start = made[-1].frames[-1], end
    return replace(
        _joined(made, {name: track[0] for name, track in vars(replace(plan, mouth=asked[None])).items()}),
        sound=sound,
        made_by={"call": "speak", "prompt": prompt, "seed": seed, **source_of_sound(audio, text, voice)},
    )


def emphasised(asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """The track (F,) that makes the model draw the one that is asked for (F,), both from 0 to 1: changes
    within each latent frame are `WITHIN` times as large, and the whole is brought back into 0 to 1 without
    cutting, which guidance of the mouth makes up for.
    """
    track = asked.copy()
    for i in range(1, (len(asked) - 1) // TIME_STRIDE + 1):
        group = slice(frames_of(i).start, frames_of(i).stop)
        middle = asked[group].mean()
        track[group] = middle + WITHIN * (asked[group] - middle)
    low, high = min(float(track.min()), 0.0), max(float(track.max()), 1.0)
    return np.clip((track - low) / (high - low), 0, 1)


def talking(prompt: str, pipeline: X2VPipeline) -> str:
    """The prompt with somebody in it who talks."""
    if not isinstance(prompt, str):
        raise X2VError(f"prompt={prompt!r:.60}", "a prompt is text", f'use "a happy {SPEAKERS[0]}"')
    words = pipeline.read([prompt])[0].words
    if not set(SPEAKERS) & set(words):
        rule = f"who speaks is a {' or a '.join(SPEAKERS)}: the others have no mouth that moves"
        raise X2VError(f"prompt {prompt!r:.80}", rule, f'say "a {SPEAKERS[0]}", with a mood and a colour')
    return prompt if set(TALKING) & set(words) else f"{prompt.rstrip(' .')}. It is {TALKING[0]}."


def _plan(
    prompt: str,
    frames: int,
    size: tuple[int, int],
    box: ArrayLike | None,
    seed: int,
    pipeline: X2VPipeline,
) -> Plan:
    """Where the face is over all frames: drafted for one part, around its box where one is given, and gone
    through forth and back after it.
    """
    length = min(frames, PART)
    boxes = [] if box is None else [np.asarray(box)]
    generator = torch.Generator().manual_seed(seed)
    plan = pipeline.draft([prompt], (length, *size), boxes=boxes, generator=generator)
    index = length - 1 - np.abs(np.arange(frames) % (2 * length - 2) - (length - 1))
    return Plan(**{name: track[:, index] for name, track in vars(plan).items()})


def face_in(picture: Tensor) -> NDArray[np.float32]:
    """The box (4,) of the face in a picture (3, H, W) in [-1, 1], as the judge sees it.

    Raises:
        X2VError: it sees none.
    """
    pixels = ((picture.permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8)
    reading = Judge.load().read(pixels[None])
    box, seen = reading.boxes[0, 0], reading.values["subject"]
    if not np.isfinite(box).all() or seen not in SPEAKERS:
        rule = "a face is found where it is drawn as the world draws faces"
        cure = "say where it is: box=(x0, y0, x1, y1) in fractions"
        raise X2VError(f"an image in which no face is found ({seen} at best)", rule, cure)
    return box


def _ends(frames: int) -> list[int]:
    """The last frame of each part: parts of about the same length, each beginning where one ended."""
    groups = (frames - 1) // TIME_STRIDE
    parts = -(-groups // ((PART - 1) // TIME_STRIDE))
    return [TIME_STRIDE * (groups * (i + 1) // parts) for i in range(parts)]


def _since_first(camera: NDArray) -> NDArray:
    """A camera (1, F, 3) as seen from its own first frame."""
    moved = camera - camera[:, :1] * (1, 1, 0)
    return moved / (1, 1, camera[0, 0, 2])


def _joined(made: list[Trace], plan: dict[str, NDArray]) -> Trace:
    """Parts that begin where the one before ended, as one clip: a part's first frame, and the latent frame
    that holds it, are the last part's.
    """
    first, *others = made

    def along(name: str, axis: int) -> NDArray:
        parts = [getattr(each, name) for each in others]
        rest = [np.take(part, np.arange(1, part.shape[axis]), axis) for part in parts]
        return np.concatenate([getattr(first, name), *rest], axis)

    request = {**first.request, "num_frames": len(plan["mouth"])}
    guided: dict[str, Any] = {} if first.pred_x0_cond is None else {"pred_x0_cond": along("pred_x0_cond", 2)}
    times = [{name: each.timings[name] for name in first.timings} for each in made]
    return replace(
        first,
        request=request,
        frames=along("frames", 0),
        latents=along("latents", 2),
        pred_x0=along("pred_x0", 2),
        **guided,
        plan=plan,
        inputs={} if others else first.inputs,
        geometry=replace(first.geometry, token_kinds=()),
        timings={name: sum(each[name] for each in times) for name in first.timings},
        flops=sum(each.flops for each in made),
    )
