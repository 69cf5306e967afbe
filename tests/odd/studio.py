"""Odd calls of the studio: clips, masks, sounds, boxes, cameras, casts and boards that nobody should have."""

from __future__ import annotations

import json
import random
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

import x2vkit as x2v
from tests.conftest import build_trace
from tests.odd.arguments import (
    BOXES,
    CAMERAS,
    GUIDANCE,
    MASKS,
    NAN,
    PATHS,
    PLACES,
    SECONDS,
    SEEDS,
    SHORT,
    SIZES,
    SOUNDS,
    STEPS,
    STRENGTHS,
    STROKES,
    WORDS,
)
from tests.odd.judge import Case
from tests.odd.values import NUMBERS, TEXTS, anything, spelt
from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE, write_clip
from x2vkit.run.record import generate
from x2vkit.trace import Trace
from x2vkit.world import SceneSpec, World

SIZE: dict[str, Any] = {"height": 32, "width": 32}


@dataclass
class Studio:
    """What all cases share."""

    pipe: Any
    """A tiny pipeline with a planner."""
    bare: Any
    """One without, of the same weights."""
    clips: list[Any]
    """Clips, good ones and odd ones."""
    good: Trace
    dressed: Any
    """Frames of a dog with a hat."""
    face: Any
    """Frames of a face."""
    folder: Path


def clips(pipe: Any, folder: Path) -> tuple[Trace, list[Any]]:
    """A good clip of 5 frames and of 32 x 32, and all kinds of others."""
    good = generate("a red ball", pipeline=pipe, num_frames=5, steps=1, seed=3, plan=False, **SIZE)
    small = {"pipeline": pipe, "steps": 1, "num_frames": 5}
    still = generate("a red ball", **small | {"num_frames": 1}, **SIZE)
    wide = generate("a blue dog", height=32, width=48, **small)
    slow = generate("a blue dog", **small | {"fps": 7}, **SIZE)
    nobody = {name: np.full_like(track, np.nan) for name, track in wide.plan.items()}
    sound = np.full(9000, 3000, np.int16)
    for name in ("empty.x2v", "empty.mp4"):
        (folder / name).write_bytes(b"")
    for name in ("text.mp4", "kept.txt"):
        (folder / name).write_text("no clip")
    good.save(folder / "kept.x2v")
    write_clip(folder / "kept.mp4", good.frames, good.fps)
    frames = good.frames
    return good, [
        good, still, wide, slow, Trace.load(folder / "kept.x2v"), *_odd_traces(good, sound=sound),
        *_odd_traces(wide, plan=nobody), *_odd_traces(wide, plan={"boxes": wide.plan["boxes"][:2]}),
        build_trace(),
        frames, frames[:1], frames[:0], frames[:4], frames[:, :17], frames.astype(float), frames[0],
        frames[..., :1],
        np.zeros((5, 32, 32, 4), np.uint8), np.zeros((5, 0, 32, 3), np.uint8), frames[:, ::-1], list(frames),
        {}, None,
        good.latents, [good], (good, good),
        *(str(folder / path) if isinstance(path, str) and "/" not in path else path for path in PATHS),
    ]  # fmt: skip


CHANGES: tuple[dict[str, Any], ...] = (
    {"fps": 1.0}, {"fps": 240.0}, {"weights": ""}, {"words": ()}, {"made_by": {"call": "upscale"}},
    {"request": {}},
    {"request": {"prompt": 3}}, {"coverage": {"pipeline": "WanPipeline"}}, {"steps": 10**9}, {"seed": "x"},
    {"made_by": {"call": "extend", "own": [0, 5]}}, {"model": "none"}, {"fps": NAN}, {"num_frames": 9},
    {"prompt": ""},
    {"scheduler": "none"}, {"guidance": NAN}, {"strange": 1}, {"made_by": {"call": 3}}, {"inputs": {}},
)  # fmt: skip
"""What else a trace may hold; settings are those of its request."""


def _odd_traces(good: Trace, **changes: Any) -> Iterator[Trace]:
    """A trace with some of it changed, or with each of CHANGES; those that a Trace itself refuses, not."""
    names = {one.name for one in fields(Trace)}
    for change in (changes, *CHANGES) if "sound" in changes else (changes,):
        if not set(change) <= names:
            change = {"request": {**good.request, **change}}
        try:
            yield replace(good, **change)
        except X2VError:
            continue


def _bases(s: Studio) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Every call with arguments that are right."""
    how = {"pipeline": s.pipe, "steps": 1, "seed": 3}
    on, dressed = {"clip": s.good} | how, {"clip": s.dressed} | how
    return {
        "extend": (
            x2v.extend,
            on | {"seconds": 0.3, "direction": "forward", "follow": True, "guidance": 1.0},
        ),
        "loop": (x2v.loop, on | {"seconds": 0.3}),
        "connect": (x2v.connect, how | {"a": s.good, "b": s.good, "seconds": 0.3, "prompt": "a red ball"}),
        "inbetween": (
            x2v.inbetween,
            how | SIZE | {"first": s.good, "last": s.good, "prompt": "a red ball", "seconds": 0.3},
        ),
        "piecewise": (x2v.piecewise, how | SIZE | {"prompt": "a red ball", "how": "whole", "num_frames": 17}),
        "inpaint": (x2v.inpaint, dressed | {"mask": "background", "prompt": "a red ball", "strength": 0.5}),
        "restyle": (x2v.restyle, dressed | {"prompt": "a red ball", "strength": 0.5}),
        "backdrop": (x2v.backdrop, dressed | {"scene": "the beach"}),
        "recolor": (x2v.recolor, dressed | {"thing": "the dog", "color": "red", "strength": 0.4}),
        "dub": (
            x2v.dub,
            {"clip": s.face} | how | {"audio": (SHORT, SOUND_RATE), "voice": "en", "strength": 1.0},
        ),
        "speak": (
            x2v.speak,
            how | SIZE | {"prompt": "a red face", "audio": (SHORT, SOUND_RATE), "box": None, "image": None},
        ),
        "direct": (
            x2v.direct,
            how
            | SIZE
            | {"prompt": "a red dog", "num_frames": 5, "boxes": None, "strokes": (), "camera": None},
        ),
        "heard": (x2v.direct, how | SIZE | {"prompt": "a red dog", "num_frames": 5, "audio": None}),
        "cast": (
            x2v.record,
            how
            | SIZE
            | {"prompt": "the dog running", "cast": _character("a red dog"), "num_frames": 5, "tries": 1},
        ),
        "shoot": (
            x2v.shoot,
            how
            | SIZE
            | {"cast": _character("a red dog"), "prompts": ["the dog running"], "num_frames": 5, "tries": 1},
        ),
        "Character": (x2v.Character, {"description": "a red dog", "seed": 3}),
        "SoftBox": (x2v.SoftBox, {"x0": 0.1, "y0": 0.1, "x1": 0.5, "y1": 0.5, "since": 0.0, "until": None}),
        "upscale": (x2v.upscale, {"clip": s.good, "factor": 2, "fps": 12, "head": None, "pipeline": s.pipe}),
        "expand": (x2v.expand, {"prompt": "a poodle", "n": 1, "seed": 3, "model": None}),
        "recaption": (x2v.recaption, {"clip": s.good, "fps": None}),
        "storyboard": (
            x2v.storyboard,
            {"idea": "a dog runs home", "shots": 3, "seconds": 1.0, "seed": 3, "title": None},
        ),
        "film": (x2v.film, {"board": _board(), "path": None, "sound": True, "steps": 1, "guidance": 1.0}),
        "play": (_play, how | SIZE | {"start": "a dog", "key": "left", "guidance": 1.0}),
        "rerun": (x2v.rerun, {"trace": s.good, "pipeline": s.pipe}),
    }


def _character(said: str) -> Any:
    return x2v.Character(said, seed=1)


def _board() -> Any:
    return x2v.Storyboard("", [x2v.Shot("a red ball", "bouncing", seconds=0.4)])


def _play(start: Any, key: Any, **options: Any) -> Trace:
    world = x2v.play(start, **options)
    world.step(key)
    return world.trace()


class _Words:
    """What a language model's pipeline may answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self.answer


def _casts() -> tuple[Any, ...]:
    dog, cat = _character("a red dog"), _character("a white cat with a blue hat")
    return (
        [], {}, (), None, "dog", [dog, dog], [dog, cat], {"rex": dog, "tom": cat}, {"": dog}, {3: dog},
        {"a b": dog},
        [dog, None], {"rex": None}, [[dog]], {dog}, x2v.Character, "a red dog", {"the": dog},
        {"x" * 900: dog}, dog, [cat],
    )  # fmt: skip


def _boards(folder: Path) -> tuple[Any, ...]:
    shot = x2v.Shot("a red ball", "bouncing", seconds=0.4)
    return (
        "", "a dog runs home", "nowhere.toml", "kept.txt", None, 3, x2v.Storyboard(), x2v.Storyboard("x",
        [shot] * 61),
        x2v.Storyboard("x", [None]), x2v.Storyboard(None, [shot]), x2v.Storyboard("x", [shot], {"a b": None}),
        {},
        x2v.Storyboard("x", [replace(shot, seconds=NAN)]), x2v.Storyboard("x", [replace(shot, who="")]),
        [shot],
        x2v.Storyboard("x", [replace(shot, camera="spin")]), x2v.Storyboard("x", [replace(shot, take="x")]),
        x2v.Storyboard("x", [replace(shot, says="\0" * 9)]), x2v.Storyboard("x", [shot], shape="round"),
        x2v.Storyboard("x", [shot], {"dog": _character("a red dog")}, notes="x"), x2v.Storyboard("x",
        (shot,)),
        x2v.Storyboard("x", [replace(shot, who="zyx qwv")]), x2v.Storyboard("x" * 9999, [shot]), folder,
        folder / "kept.txt",
        x2v.Storyboard("x", [replace(shot, what=3)]), x2v.Storyboard("x", [shot], seed=-1),
        x2v.Storyboard("x", shot),
    )  # fmt: skip


def _pools(s: Studio) -> dict[str, tuple[Any, ...]]:
    """Argument -> odd values of it; where there are none, anything goes."""
    clip, pictures = (
        tuple(s.clips),
        (s.good, s.good.frames[0], "nowhere.png", None, np.zeros((0, 3, 3)), "", 3),
    )
    cuts = (
        "kept.mp4",
        "film.mp4",
        "x.gif",
        "",
        "no/where/film.mp4",
        ".",
        None,
        3,
        "/proc/x.mp4",
        "a\0.mp4",
        "kept.txt",
    )
    return {
        "clip": clip, "a": clip, "b": clip, "trace": clip, "start": (*clip[:26], *WORDS),
        "first": pictures + clip,
        "last": pictures + clip, "image": pictures, "seconds": SECONDS, "prompt": WORDS, "mask": MASKS,
        "scene": PLACES,
        "thing": MASKS[:11] + WORDS, "color": ("", "red", "pink", "transparent", None, 3, "red and blue",
        "the dog"),
        "audio": SOUNDS, "box": tuple(box[0] for box in BOXES if isinstance(box, list) and box),
        "boxes": BOXES,
        "strokes": STROKES, "camera": CAMERAS, "cast": _casts(), "prompts": ([], "a dog", [""], [None],
        ["a cat running"] * 2,
        ["the dog"], ("zyx",), None, [3], {"a": 1}, ["flurb"] * 2), "description": WORDS, "seed": SEEDS,
        "steps": STEPS,
        "guidance": GUIDANCE, "strength": STRENGTHS, "height": SIZES, "width": SIZES, "num_frames": (5, 17, 1,
        0, -3, 4, "5",
        None, True, 10**9, 5.0, NAN), "n": NUMBERS, "model": (None, "none", _Words([]),
        _Words([{"generated_text": "x"}]),
        _Words(None), _Words([{"generated_text": "a red dog running\n" * 9}]),
        _Words([{"generated_text": 3}]), print),
        "idea": (*WORDS, *TEXTS), "shots": NUMBERS, "title": (*WORDS, *TEXTS), "board": _boards(s.folder),
        "path": cuts,
        "folder": cuts, "sound": (True, False, "nowhere.wav", None, "", 3, "kept.txt", "text.mp4", 0, 1),
        "key": ("left", "up", "fly", "", None, 3, ["left"]), "direction": ("forward", "backward", "both", "",
        None, 3),
        "follow": (True, False, None, 1, "no"), "how": ("whole", "groups", "keyframes", "", None, 3),
        "factor": (2, 1, 0, 2.0, "2", None, True, NAN, 10**9), "head": (None, "nowhere", "", ".", 3, b"x",
        s.folder),
        "pipeline": (s.pipe, s.bare, None, "small", 3, print), "fps": (None, 12, 0, -1, NAN, "12", 1e-9,
        10**9, True),
        "tries": (1, 2, 0, -1, 21, "1", None, 1.5, True), "voice": ("en", "", "xx-none", None, 3, "--help",
        "a b", "en+f3"),
        "text": WORDS, "strange": (1,),
    }  # fmt: skip


EXTRA = {
    "dub": ("text",), "speak": ("text", "voice", "boxes", "num_frames"), "direct": ("image", "plan", "video"),
    "film": ("folder", "model"), "cast": ("plan", "boxes", "image"), "inpaint": ("num_frames", "video"),
}  # fmt: skip
"""Call -> further arguments that it may be given."""


def calls(rng: random.Random, count: int, s: Studio) -> Iterator[Case]:
    """Calls with one or two odd arguments."""
    bases, pools = _bases(s), _pools(s)
    too_long = (4001, 16384, 50_000)  # of a side: clips that are made, and take long
    for number in range(count):
        call, given = bases[name := list(bases)[number % len(bases)]]
        given = dict(given)
        names = [*given, *EXTRA.get(name, ()), "strange"]
        chosen = rng.sample(names[:-1], rng.choice((1, 1, 2))) if rng.random() < 0.97 else ["strange"]
        for one in chosen:
            given[one] = rng.choice(pools[one]) if one in pools and rng.random() < 0.8 else anything(rng)
            if isinstance(given[one], int) and given[one] in too_long:
                given[one] = 10**9
            if name == "film" and one in ("path", "folder") and isinstance(given[one], str):
                given[one] = s.folder / given[one] if "\0" not in given[one] else given[one]
        if name == "film":
            given = {"pipeline": s.pipe, "folder": s.folder / "shots"} | given
        told = ", ".join(f"{one}={spelt(given[one])}" for one in chosen)
        yield Case("studio", f"{name}: {told}", lambda call=call, given=given: _call(call, given, s))


def _call(call: Callable[..., Any], given: dict[str, Any], s: Studio) -> None:
    """Call, and look at what came of it: whole clips whose file can be read again, and nothing else lost."""
    kept = {path: path.read_bytes() for path in (s.folder / "kept.txt", s.folder / "kept.x2v")}
    try:
        made = call(**given)
    except TypeError as error:  # a name that no function has is Python's own affair
        if "unexpected keyword argument 'strange'" not in str(error):
            raise
        made = None
    finally:
        assert all(path.read_bytes() == data for path, data in kept.items()), "a file was written over"
        assert np.isfinite(s.good.latents).all() and s.good.frames.shape == (5, 32, 32, 3)
    for trace in made if isinstance(made, list) else made.traces if isinstance(made, x2v.Film) else [made]:
        if isinstance(trace, Trace):
            _whole(trace, s.folder)


def _whole(trace: Trace, folder: Path) -> None:
    """A trace that can be saved, loaded and looked at."""
    assert trace.frames.dtype == np.uint8 and trace.frames.ndim == 4 and len(trace.frames)
    assert np.isfinite(trace.latents).all() and np.isfinite(trace.pred_x0).all()
    f = trace.latents.shape[2]
    assert len(trace.frames) == 1 + 4 * (f - 1), (len(trace.frames), f)
    assert all(len(track) == len(trace.frames) for track in trace.plan.values()), "a plan of other frames"
    json.dumps(dict(trace.made_by), allow_nan=False)
    assert trace.sound is None or (trace.sound.dtype == np.int16 and trace.sound.ndim == 1)
    again = Trace.load(trace.save(folder / "made.x2v", compact=True))
    assert again.frames.shape == trace.frames.shape and again.made_by == trace.made_by


def studio(pipe: Any, bare: Any, folder: Path) -> Studio:
    """What the cases share, its files in a folder."""
    good, others = clips(pipe, folder)
    with wave.open(str(folder / "kept.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(range(256)) * 8)
    face = (
        World()
        .render(SceneSpec("face", "yellow", "stand", "right", "snow", mood="happy"), 4, 5, 64, 64)
        .frames
    )
    dog = World().render(SceneSpec("dog", "red", wearing=("hat", "blue")), 4, 5, 64, 64).frames
    return Studio(pipe, bare, [*others, face, dog], good, dog, face, folder)
