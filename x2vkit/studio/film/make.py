"""`film`: a storyboard -> its shots, made and kept in a folder, and the film of them.

    film = x2v.film(board, "hat.mp4")      # shots go to hat-shots/, one .x2v each
    board.shots[2].where = "on the beach"
    film = x2v.film(board, "hat.mp4")      # makes shot 3 alone

Every shot's file is named by a hash of all that makes it: words, cast, seed, size, steps, guidance, weights.
So a film that was stopped goes on where it was, and nothing that was made is ever lost to bad input.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE, Frames, Sound
from x2vkit.registry import DEFAULT_MODEL
from x2vkit.studio.character import Character
from x2vkit.studio.checks import checked_run
from x2vkit.studio.film import edit
from x2vkit.studio.film.board import Shot, Storyboard, names_file
from x2vkit.studio.film.sound import mixed, soundtrack
from x2vkit.studio.film.tell import storyboard as tell
from x2vkit.studio.film.verbs import place_of
from x2vkit.trace import Trace
from x2vkit.trace.file import SUFFIX

STEPS = 5
"""Denoising steps of a shot: with guidance, clips of five show as much of their words as those of eight, and
nearly as much as those of twenty (80, 80 and 84 % show all of it). One fewer than the weights' `quick_steps`:
a sixth takes a pass of 33 frames from 2.2 to 2.6 s of processor time, and a film has many.
"""
ONE_PASS, GOES_ON = 33, 28
"""Frames of a shot that one pass of the model makes, and that each further one adds."""
FORMAT = 1
"""Of the recipe that the hash of a shot names: raised when the same request makes another clip."""
VIEWS = {"pan": "camera pans {}", "zoom": "camera zooms {}"}


@dataclass(frozen=True)
class ShotReport:
    """How far a film is."""

    shot: int
    """From 0: the one that is made."""
    shots: int
    step: int
    """From 0; -1 where the shot was there already."""
    steps: int
    trace: Trace | None = None
    """Of a shot that is ready."""


@dataclass(frozen=True, eq=False)
class Film:
    """A film: its shots as Traces, and what joins them."""

    board: Storyboard
    traces: tuple[Trace, ...]
    """One for each shot; every view opens on them."""
    sound: Sound | None = None
    """(samples,) int16 at `media.SOUND_RATE`."""
    made: tuple[int, ...] = ()
    """Shots, from 0, that were made this time; the others were there already."""
    path: Path | None = None
    """The mp4 that was written."""
    _mp4: list[bytes] = field(default_factory=list, repr=False)

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.traces[0].fps

    @property
    def clips(self) -> list[Frames]:
        """The frames of each shot, uint8 (F, H, W, 3)."""
        return [trace.frames for trace in self.traces]

    @property
    def frames(self) -> Frames:
        """All of the film (F, H, W, 3) uint8, cut and faded, without titles."""
        where = edit.placed(self.board.shots, [len(clip) for clip in self.clips])
        return np.stack(list(edit.joined(self.clips, where, self.board.shots[0].cut == "fade")))

    @property
    def count(self) -> int:
        """Frames of the film."""
        last = edit.placed(self.board.shots, [len(clip) for clip in self.clips])[-1]
        return last.first + last.frames

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.count / self.fps

    @property
    def chapters(self) -> list[tuple[float, str]]:
        """(second at which it begins, what it shows) of each shot."""
        where = edit.placed(self.board.shots, [len(clip) for clip in self.clips])
        return [
            (here.first / self.fps, shot.title or f"{shot.who} {shot.what}".strip())
            for here, shot in zip(where, self.board.shots, strict=True)
        ]

    def mp4(self) -> bytes:
        """The film with titles, sound and chapters, as H.264 in mp4; encoded once."""
        if not self._mp4:
            frames = edit.film_frames(self.clips, self.board.shots, self.board.title, self.fps)
            size = media.enlarge(self.clips[0][:1]).shape[1:3]
            self._mp4.append(
                media.encode(
                    frames, (size[0], size[1]), self.count, self.fps,
                    comment=json.dumps(self.board.to_dict(), ensure_ascii=False), sound=self.sound,
                    title=self.board.title, chapters=self.chapters, preset="veryfast",
                )
            )  # fmt: skip
        return self._mp4[0]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the film as .mp4, or a contact sheet of it as .png. Returns the path."""
        file = media.check_output(path, (".mp4", ".png"))
        if file.suffix.lower() == ".png":
            return media.write_atomic(file, media.png_sheet(self.sheet()[None]))
        return media.write_atomic(file, self.mp4())

    def sheet(self) -> Frames:
        """A contact sheet (Y, X, 3): a row of four moments for each shot."""
        return edit.sheet(self.clips)

    def _repr_html_(self) -> str:
        import base64

        data = base64.b64encode(self.mp4()).decode()
        return f'<video controls width="512" src="data:video/mp4;base64,{data}"></video>'

    def __repr__(self) -> str:
        shots = f"{len(self.traces)} shots, {self.seconds:.1f} s, {len(self.made)} made now"
        return f"Film({self.board.title!r}: {shots})"


def film(
    board: Storyboard | str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    sound: bool | str | os.PathLike[str] = True,
    steps: int = STEPS,
    guidance: float | None = None,
    model: str = DEFAULT_MODEL,
    pipeline: Any = None,
    on_shot: Callable[[ShotReport], object] | None = None,
) -> Film:
    """Make a film of a storyboard.

    Args:
        board: a Storyboard, a .toml file of one, or an idea in words (see `storyboard`).
        path: the .mp4 to write; None writes none, and `Film.save` does later.
        folder: where shots are kept. None: beside the film ("hat-shots" of hat.mp4), or without a path in the
            user's cache.
        sound: True for each place's ambience and soft chords, False for none, or a file of sound (see
            `media.read_sound`).
        steps: denoising steps of every shot.
        guidance: classifier-free guidance scale; None is the weights' own.
        model: name or folder of the weights.
        pipeline: the model itself.
        on_shot: called after every step and every shot with a ShotReport; what it raises ends the run, and
            the shots made so far are there the next time.

    Raises:
        X2VError: before anything is made, a storyboard, path, folder or sound that cannot be.
    """
    board = read_board(board)
    file = None if path is None else media.check_output(path, (".mp4",))
    request = RunRequest(model=model, steps=steps, guidance=guidance)
    given = checked_sound(board, sound, request)
    kept = shots_folder(file, folder)
    from x2vkit.run.load import chosen

    pipeline = chosen(pipeline, model)
    requests = [request_of_shot(board, shot, request.resolve(pipeline.sampling)) for shot in board.shots]
    for wanted in requests:
        checked_run(replace(wanted, num_frames=min(wanted.num_frames, ONE_PASS)), pipeline)
    traces, made = [], []
    for number, wanted in enumerate(requests):
        needed = _steps_of(wanted)
        report = _reporter(on_shot, number, len(requests), needed)
        trace, new = _shot(board, wanted, board.shots[number].says.strip(), pipeline, kept, report)
        made += [number] * new
        traces.append(trace)
        if on_shot is not None:
            on_shot(ShotReport(number, len(requests), needed - 1 if new else -1, needed, trace))
    ready = Film(board, tuple(traces), _sound(board, traces, given), tuple(made), file)
    if file is not None:
        ready.save(file)
        media.write_atomic(file.with_suffix(".png"), media.png_sheet(ready.sheet()[None]))
    return ready


def checked_sound(
    board: Storyboard, sound: bool | str | os.PathLike[str], request: RunRequest
) -> bool | Sound:
    """A film's sound, if it can be read. X2VError for that, for a number out of its range, and for words that
    cannot be spoken: all is told before anything is made.
    """
    from x2vkit.run.request import check_number
    from x2vkit.studio.voice import heard

    check_number("steps", request.steps)
    if request.guidance is not None:
        check_number("guidance", request.guidance)
    for says in {shot.says.strip() for shot in board.shots} - {""}:
        heard(None, says)
    return sound if isinstance(sound, bool) else media.read_sound(sound)


def read_board(board: Storyboard | str | os.PathLike[str]) -> Storyboard:
    """A storyboard as it is, from its file, or from an idea; checked, and a copy."""
    if isinstance(board, (str, os.PathLike)):
        return Storyboard.load(board) if names_file(board) else tell(str(board))
    if not isinstance(board, Storyboard):
        rule = "a film is made of a Storyboard, its .toml file, or an idea"
        raise X2VError(f"board={board!r:.60}", rule, 'use x2v.storyboard("a dog loses its hat")')
    board.check()
    return Storyboard.from_dict(board.to_dict())


def shots_folder(file: Path | None, folder: str | os.PathLike[str] | None) -> Path:
    """Where shots are kept, made if need be. X2VError where nothing can be written."""
    if folder is not None:
        place = media.check_path("folder", folder)
    elif file is not None:
        place = file.with_name(f"{file.stem}-shots")
    else:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "x2vkit" / "shots"
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError("it cannot be written")
    except OSError as error:
        rule = f"shots are kept there ({error.strerror or error})"
        raise X2VError(f"folder {str(place)!r}", rule, "give another: folder=...") from error
    return place


def prompt_of(shot: Shot) -> str:
    """A shot as words: "the dog running to the left on the beach, camera zooms in"."""
    kind, _, way = shot.camera.partition(" ")
    view = f", {VIEWS[kind].format(way)}" if kind in VIEWS else ""
    return " ".join(f"{shot.who} {shot.what} {shot.where}".split()) + view


def request_of_shot(board: Storyboard, shot: Shot, usual: RunRequest) -> RunRequest:
    """What is asked of the model. A shot's seed comes from its words and its take alone, so it stays the same
    clip wherever in the film it stands.
    """
    height, width = board.size
    prompt = prompt_of(shot)
    seed = int(_hash([board.seed, prompt, shot.take])[:12], 16)
    return replace(usual, prompt=prompt, seed=seed, num_frames=shot.frames, height=height, width=width)


def shot_file(people: dict[str, Character], request: RunRequest, says: str, weights: str) -> str:
    """Name of the file of a shot: words to read, then a hash of all that makes it."""
    cast = {name: asdict(one) for name, one in people.items()}
    asked = {name: value for name, value in request.to_dict().items() if name != "model"}
    words = re.sub(r"[^a-z0-9]+", "-", request.prompt.lower()).strip("-")[:40].strip("-")
    return f"{words}-{_hash([FORMAT, cast, asked, says, weights])[:16]}{SUFFIX}"


def _hash(values: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _shot(
    board: Storyboard, request: RunRequest, says: str, pipeline: Any, folder: Path, report: Any
) -> tuple[Trace, bool]:
    """A shot's trace, and whether it had to be made."""
    from x2vkit.run.versions import weights_hash
    from x2vkit.studio.cast import spoken_of

    lead = spoken_of(board.cast, request.prompt)
    named = [one for one in board.cast if lead and (one == lead[0] or one.lower() in request.prompt.lower())]
    people = {name: board.cast[name] for name in named}
    file = folder / shot_file(people, request, says, weights_hash(pipeline))
    if file.is_file():
        try:
            return Trace.load(file), False
        except X2VError as error:  # half a disk, another version: it is made again
            warnings.warn(f"{file.name} cannot be read and is made again ({error})", stacklevel=4)
    trace = _made(people, request, says, pipeline, report)
    trace.save(file, compact=True)
    return Trace.load(file), True


def _made(people: dict[str, Character], request: RunRequest, says: str, pipeline: Any, report: Any) -> Trace:
    """A new shot: one pass of the model, and what is longer than that goes on from it. Who has a mouth that
    moves says its words; of anybody else they are heard.
    """
    from x2vkit.studio.cast import shoot_one, written_out
    from x2vkit.studio.go_on.extend import extend
    from x2vkit.studio.speak import SPEAKERS, speak
    from x2vkit.studio.voice import heard

    words = written_out(people, request.prompt)
    if says and set(SPEAKERS) & set(pipeline.read([words])[0].words):
        asked = {name: getattr(request, name) for name in ("seed", "steps", "guidance", "height", "width")}
        return speak(words, text=says, pipeline=pipeline, on_step=report, **asked)
    if says:
        silent = _made(people, request, "", pipeline, report)
        return replace(silent, sound=heard(None, says))
    first = min(request.num_frames, ONE_PASS)
    one = replace(request, num_frames=first)
    trace = shoot_one(people, one, tries=1, pipeline=pipeline, on_step=report)  # another take is the user's
    if request.num_frames == first:
        return trace
    more = extend(trace, (request.num_frames - first) / request.fps, pipeline=pipeline, on_step=report)
    return replace(more, made_by={**trace.made_by, "call": "film", "frames": request.num_frames})


def _reporter(on_shot: Any, number: int, shots: int, steps: int) -> Any:
    """Tells each step; those of a shot of several passes are counted on."""
    if on_shot is None:
        return None
    done = count()
    return lambda step: on_shot(ShotReport(number, shots, min(next(done), steps - 1), steps))


def _steps_of(request: RunRequest) -> int:
    """Steps of all passes of a shot."""
    steps, _ = request.sampled()
    longer = max(0, request.num_frames - ONE_PASS)
    return steps * (1 + -(-longer // GOES_ON))


def _sound(board: Storyboard, traces: Sequence[Trace], given: bool | Sound) -> Sound | None:
    """What is heard: ambience and music or a given sound, and over it what shots say themselves."""
    fps = traces[0].fps
    where = edit.placed(board.shots, [len(trace.frames) for trace in traces])
    spoken = [
        (here.first / fps, trace.sound)
        for here, trace in zip(where, traces, strict=True)
        if trace.sound is not None
    ]
    if given is False and not spoken:
        return None
    seconds = [(here.frames - after.fade) / fps for here, after in zip(where, where[1:], strict=False)]
    seconds.append(where[-1].frames / fps)
    if isinstance(given, np.ndarray):
        track: NDArray[np.int16] = given
    elif given:
        track = soundtrack([place_of(prompt_of(shot)) for shot in board.shots], seconds, board.seed)
    else:
        track = np.zeros(round(sum(seconds) * SOUND_RATE), np.int16)
    return mixed(track, spoken)
