"""A camera's way, from words, from moves as data, or from numbers.

    "pan left, then zoom in slowly"      parts one after the other, each with its degree
    "pan right and zoom in"              at once
    "follow the dog"                     a tracking shot: the subject stays where it is in the frame
    [{"move": "pan left", "seconds": 0.5, "degree": 2}, {"move": "shake"}]
    (0.2, 0, 1.3)                        x, y, zoom at the end;  or (F, 3), of every frame

    F frames

Lengths are in fractions of the frame's shorter side, as in `Conditions.draw`. Knows nothing about models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.config import is_number
from x2vkit.core.raster import camera_track, numbers
from x2vkit.errors import X2VError

MOVES = {
    "static": (0.0, 0.0, 0.0),
    "pan left": (-0.24, 0.0, 0.0),
    "pan right": (0.24, 0.0, 0.0),
    "pan up": (0.0, 0.14, 0.0),
    "pan down": (0.0, -0.14, 0.0),
    "zoom in": (0.0, 0.0, 0.22),
    "zoom out": (0.0, 0.0, -0.22),
}
"""Camera move -> its speed in x, y (fractions of the shorter side) and log zoom a second, as in the world."""
OPPOSITE = {"pan left": "pan right", "pan up": "pan down", "zoom in": "zoom out"}
SHAKE, FOLLOW = "shake", "follow"
SHAKES = ((0.022, 1.3), (0.016, 1.05))
"""Size and rhythm (Hz) of a shake in x and in y: at most one swing in two latent frames, which hold four
frames each, so that the model can draw it."""
DEGREES = (0.1, 4.0)
"""Least and greatest degree of a move; 1 is the world's own speed."""
LONGEST = 400
"""Characters of a camera's words."""

_VERBS = {
    "pan": "pan", "pans": "pan", "panning": "pan", "truck": "pan", "trucks": "pan", "move": "pan",
    "moves": "pan", "moving": "pan", "slide": "pan", "slides": "pan", "tilt": "pan", "tilts": "pan",
    "tilting": "pan", "crane": "pan", "zoom": "zoom", "zooms": "zoom", "zooming": "zoom", "push": "zoom",
    "pushes": "zoom", "pull": "zoom", "pulls": "zoom", "dolly": "zoom",
}  # fmt: skip
_ENDS = {
    "pan": {"left": "left", "right": "right", "up": "up", "down": "down", "leftwards": "left",
            "rightwards": "right", "upwards": "up", "downwards": "down"},
    "zoom": {"in": "in", "out": "out", "closer": "in", "forward": "in", "back": "out", "away": "out"},
}  # fmt: skip
_ALONE = {
    "shake": SHAKE, "shakes": SHAKE, "shaking": SHAKE, "shaky": SHAKE, "handheld": SHAKE, "static": "static",
    "still": "static", "hold": "static", "holds": "static", "stay": "static", "stays": "static",
    "rise": "pan up", "rises": "pan up", "sink": "pan down", "sinks": "pan down",
    "follow": FOLLOW, "follows": FOLLOW, "following": FOLLOW, "track": FOLLOW, "tracks": FOLLOW,
    "tracking": FOLLOW,
}  # fmt: skip
_DEGREES = {
    **dict.fromkeys(("slowly", "slow", "slightly", "gently", "softly", "little", "bit"), 0.5),
    **dict.fromkeys(("fast", "quickly", "quick", "hard", "strongly", "far", "lot"), 2.0),
}
_FILLERS = set("the a an camera to towards toward of shot view it its with first very by".split())
_SAY = ", ".join([*MOVES, SHAKE, "follow the dog"])
RULE = f"a camera's words are {_SAY}; parts follow each other with 'then', degrees are slowly, fast or x1.5"
NUMBER = r"[-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|nan|inf)"
"""How seconds are written, those that cannot be among them."""
TIMED = 'write "pan left for 0.5 s, then zoom in"'
CURE = 'write "pan left, then zoom in slowly"'


@dataclass(frozen=True)
class Move:
    """What a camera does for a while."""

    kinds: tuple[str, ...]
    """Names of `MOVES`, "shake" or "follow", all at once."""
    degree: float = 1.0
    """How strongly; 1 is the world's own speed."""
    seconds: float | None = None
    """How long; None shares what the other moves leave."""
    subject: int = 0
    """Which subject is followed: 0 or 1."""


@dataclass(frozen=True)
class CameraPath:
    """Where the camera goes."""

    track: NDArray[np.float64]
    """(F, 3): x, y and zoom since the first frame, without what following adds."""
    follows: NDArray[np.float64]
    """(F,): by how much of its way the subject is followed since the first frame, as a weight a frame."""
    subject: int = 0
    """Which subject is followed."""

    @classmethod
    def of(cls, camera: Any, frames: int, fps: float, subjects: Sequence[str] = ()) -> CameraPath:
        """A camera in any of the forms above.

        Args:
            camera: words, moves or numbers.
            frames: F.
            fps: frames a second.
            subjects: nouns of the first and second subject, which "follow the ..." may name.

        Raises:
            X2VError: words that cannot be read, moves that cancel or do not fit the clip, odd numbers.
        """
        if isinstance(camera, str):
            return _moved(read_words(camera, subjects), frames, fps)
        if isinstance(camera, Mapping):
            camera = [camera]
        if isinstance(camera, (list, tuple)) and camera and isinstance(camera[0], (Mapping, Move)):
            return _moved([_move_of(each, subjects) for each in camera], frames, fps)
        return cls(_numbered(camera, frames), np.zeros(frames))


def read_words(text: str, subjects: Sequence[str] = ()) -> list[Move]:
    """The moves that words ask for, in order. Raises X2VError for words that cannot be read."""
    if not text.strip() or len(text) > LONGEST:
        got = f"camera={text.strip()[:60]!r}" + "..." * (len(text) > LONGEST)
        raise X2VError(got, f"{RULE}, in 1 to {LONGEST} characters", CURE)
    parts = re.split(r"\s*(?:[,;]?\s*\b(?:and\s+)?then\b|[,;])\s*", text.lower().strip(" ."))
    if not all(parts):
        raise X2VError(f"camera={text[:80]!r}", "before and after 'then' or a comma is a move", CURE)
    return [_part(part, text, subjects) for part in parts]


def _part(part: str, text: str, subjects: Sequence[str]) -> Move:
    """One part of a camera's words."""
    seconds = None
    if found := re.search(rf"\bfor\s+({NUMBER})\s*(?:s|sec|seconds?)(?!\w)", part):
        seconds, part = float(found[1]), part.replace(found[0], " ", 1)
    if found := re.search(r"\bfor\b.*", part):
        rule = "a time is said once in a part, as 'for 0.5 s'"
        raise X2VError(f"camera={text[:80]!r}: {found[0].strip()!r}", rule, TIMED)
    degree, verb, subject = 1.0, "", 0
    if found := re.search(r"(?:\bx\s*(\d+(?:\.\d+)?)|\b(\d+(?:\.\d+)?)\s*x)\b", part):
        degree, part = float(found[1] or found[2]), part.replace(found[0], " ")
    kinds: list[str] = []
    for word in re.findall(r"[^\s+&]+", part):
        if word in _ALONE:
            kinds.append(_ALONE[word])
        elif word in _VERBS:
            verb = _VERBS[word]
        elif verb and word in _ENDS[verb]:
            kinds.append(f"{verb} {_ENDS[verb][word]}")
        elif word in _DEGREES:
            degree *= _DEGREES[word]
        elif FOLLOW in kinds and word in (*subjects, "second"):
            subject = 1 if word == "second" else subjects.index(word)
        elif word not in _FILLERS and word not in ("and", "while"):
            raise X2VError(f"camera={text[:80]!r}: {word!r}", RULE, CURE)
    if not kinds:
        raise X2VError(f"camera={text[:80]!r}: {part.strip()!r} says no move", RULE, CURE)
    return _checked(Move(tuple(dict.fromkeys(kinds)), degree, seconds, subject))


def _move_of(value: Mapping[str, Any] | Move, subjects: Sequence[str]) -> Move:
    """A move as data: {"move": words, "degree": number, "seconds": number}."""
    if isinstance(value, Move):
        return _checked(value)
    words = value.get("move")
    if not isinstance(words, str) or set(value) - {"move", "degree", "seconds"}:
        rule = 'a move is {"move": "pan left"}, perhaps with "degree" and "seconds"'
        raise X2VError(f"camera={value!r:.80}", rule, CURE)
    read = read_words(words, subjects)
    if len(read) != 1:
        raise X2VError(f"move {words!r:.60}", "each entry is one move", "make an entry of each")
    degree, seconds = value.get("degree", read[0].degree), value.get("seconds", read[0].seconds)
    return _checked(Move(read[0].kinds, degree, seconds, read[0].subject))


def _checked(move: Move) -> Move:
    """A move that can be made."""
    if not is_number(move.degree) or not DEGREES[0] <= move.degree <= DEGREES[1]:
        rule = f"a degree is {DEGREES[0]:g} to {DEGREES[1]:g}; 1 is the world's own speed"
        raise X2VError(f"degree {move.degree!r:.60} of {' and '.join(move.kinds)}", rule, "use 1")
    if move.seconds is not None and (not is_number(move.seconds) or move.seconds <= 0):
        rule = "a move lasts more than 0 seconds"
        raise X2VError(f"{' and '.join(move.kinds)} for {move.seconds!r:.60} s", rule, "leave it out")
    for one, other in OPPOSITE.items():
        if one in move.kinds and other in move.kinds:
            got = f"camera {one} and {other} at once"
            raise X2VError(got, "at once they cancel", f'write "{one}, then {other}"')
    if "static" in move.kinds and len(move.kinds) > 1:
        others = [kind for kind in move.kinds if kind != "static"]
        got, cure = f"camera static and {others[0]} at once", f'write "static, then {others[0]}"'
        raise X2VError(got, "what stands still does not move", cure)
    return move


def _moved(moves: Sequence[Move], frames: int, fps: float) -> CameraPath:
    """Moves one after the other over a clip; what comes after the last one stands still."""
    whole = (frames - 1) / fps
    said = sum(move.seconds or 0 for move in moves)
    open_ = sum(move.seconds is None for move in moves)
    if said > whole + 1e-6 or (open_ and said >= whole > 0):
        got, rule = f"camera moves of {said:g} s", f"the clip has {whole:.3g} s"
        raise X2VError(got, rule, "leave the seconds out: then moves share the clip evenly")
    ends = np.cumsum([(whole - said) / open_ if m.seconds is None else m.seconds for m in moves])
    t = np.arange(frames) / fps
    track, follows = np.zeros((frames, 3)), np.zeros(frames)
    followed = [move.subject for move in moves if FOLLOW in move.kinds]
    if len(set(followed)) > 1:
        raise X2VError("a camera that follows both subjects", "it follows one of them", "name one")
    for move, start, end in zip(moves, [0.0, *ends[:-1]], ends, strict=True):
        run = np.clip(t - start, 0, end - start)  # seconds of this move that are over
        for kind in move.kinds:
            track += move.degree * np.outer(run, MOVES.get(kind, (0.0, 0.0, 0.0)))
            if kind == SHAKE:
                for axis, (size, rhythm) in enumerate(SHAKES):
                    track[:, axis] += move.degree * size * np.sin(2 * np.pi * rhythm * run)
            elif kind == FOLLOW:
                follows += np.diff(run, prepend=0.0) * fps
    track[:, 2] = np.exp(track[:, 2])
    return CameraPath(track, follows.clip(0, 1), followed[0] if followed else 0)


def _numbered(camera: Any, frames: int) -> NDArray[np.float64]:
    """x, y, zoom of every frame, (K, 3) evenly over the clip, or (3,) at its end."""
    values = numbers("camera", camera)
    if values.shape == (3,):
        values = np.stack([np.array((0.0, 0.0, 1.0)), values])
    if values.ndim != 2 or values.shape[1] != 3 or len(values) < 2:
        rule = "numbers of a camera are x, y, zoom at the end, or a row of them for each frame"
        raise X2VError(f"camera of shape {values.shape}", rule, CURE)
    when = np.linspace(0, len(values) - 1, frames)
    track = np.stack([np.interp(when, np.arange(len(values)), column) for column in values.T], 1)
    camera_track(track, frames)
    return track
