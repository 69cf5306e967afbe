"""`Storyboard`: what a film is to show, as plain data that one edits, and as a TOML file.

    board = x2v.storyboard("a dog loses its hat and finds it again")
    board.shots[1].where = "on the beach"
    board.shots[2].take += 1                     # another clip of the same shot
    board.save("hat.toml")                       # Storyboard.load("hat.toml")

Knows nothing about torch or any model.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from x2vkit.axes import TIME_STRIDE
from x2vkit.config import RunRequest, is_number
from x2vkit.errors import X2VError
from x2vkit.media import check_file, check_output, write_atomic
from x2vkit.registry import SHAPES
from x2vkit.studio.character import Character
from x2vkit.studio.checks import check_whole
from x2vkit.world.grammar import CAMERAS

MOST_SHOTS = 60
"""Of one film."""
SECONDS = (0.4, 10.0)
"""Length of a shot, shortest and longest."""
USUAL_SECONDS = 2.75
"""Length of a shot that says none: one pass of the model."""
MOST_TEXT = 200
"""Characters of one field."""
CUTS = ("cut", "fade")
"""How a shot begins: at once, or out of the shot before."""
SIZES = ("square", "wide", "tall")
"""Shapes that a film can have, by their names in `registry.SHAPES`."""


@dataclass
class Shot:
    """One shot of a film."""

    who: str = ""
    """Who is in it: somebody of the cast by name ("the dog", "the dog without its hat"), or anybody else."""
    what: str = ""
    """What happens: "walking to the right", "chasing a red ball"."""
    where: str = ""
    """"in the snow", "at night" ..."""
    camera: str = "static"
    """static, pan left, right, up, down, zoom in or out."""
    seconds: float = USUAL_SECONDS
    """Length, from 0.4 to 10."""
    cut: str = "cut"
    """How it begins: "cut", or "fade" out of the shot before."""
    title: str = ""
    """Words that are written over its beginning."""
    says: str = ""
    """Words that are spoken in it: by a face or a robot with its mouth, and then the shot is as long as they
    are; over anybody else they are heard.
    """
    take: int = 0
    """Another take is another clip of the same words."""

    @property
    def frames(self) -> int:
        """Its frames F = 1 + 4k, at least as long as its seconds."""
        return 1 + TIME_STRIDE * max(1, -(-round(self.seconds * RunRequest.fps - 1) // TIME_STRIDE))

    def check(self, name: str = "shot") -> None:
        """Raise X2VError for the first field that cannot be. name: what the message calls it."""
        for one in ("who", "what", "where", "title", "says"):
            _text(f"{name}.{one}", getattr(self, one))
        if not self.who.strip():
            raise X2VError(f"{name} without who", "a shot shows somebody", 'write who = "a brown dog"')
        for one, allowed in (("camera", CAMERAS), ("cut", CUTS)):
            if getattr(self, one) not in allowed:
                got = f"{name}.{one}={getattr(self, one)!r:.60}"
                raise X2VError(got, f"{one} is {', '.join(allowed)}", f'write "{allowed[0]}"')
        low, high = SECONDS
        if not is_number(self.seconds) or not low <= self.seconds <= high:
            rule = f"a shot lasts {low:g} to {high:g} seconds"
            raise X2VError(f"{name}.seconds={self.seconds!r:.60}", rule, f"write {USUAL_SECONDS}")
        check_whole(f"{name}.take", self.take)


@dataclass
class Storyboard:
    """A film to be made: its cast and its shots."""

    title: str = ""
    """Of the film: written over its beginning, and the title in its file."""
    shots: list[Shot] = field(default_factory=list)
    """In the order of the film."""
    cast: dict[str, Character] = field(default_factory=dict)
    """Who carries over from shot to shot: the word that shots call them by -> who that is."""
    shape: str = "square"
    """square, wide or tall (`registry.SHAPES`)."""
    seed: int = 0
    """Another seed, another film of the same shots."""
    notes: list[str] = field(default_factory=list)
    """What was not said or cannot be shown, and what stands in its place, a sentence each."""

    @property
    def seconds(self) -> float:
        """Length of the film."""
        return sum(shot.frames for shot in self.shots) / RunRequest.fps

    def check(self) -> None:
        """Raise X2VError for the first thing that cannot be made."""
        if not isinstance(self.shots, list) or not self.shots:
            raise X2VError("a storyboard without shots", "a film has at least one", "add a Shot(...)")
        if len(self.shots) > MOST_SHOTS:
            cure = "make several films, and join them with ffmpeg"
            raise X2VError(
                f"a storyboard of {len(self.shots)} shots", f"a film has at most {MOST_SHOTS}", cure
            )
        for number, shot in enumerate(self.shots, 1):
            if not isinstance(shot, Shot):
                raise X2VError(
                    f"shot {number}: {shot!r:.60}", "a shot is a Shot", "use Shot(who=..., what=...)"
                )
            shot.check(f"shot {number}")
        _text("title", self.title)
        if self.shape not in SIZES:
            raise X2VError(f"shape={self.shape!r:.60}", f"a film is {', '.join(SIZES)}", 'write "square"')
        check_whole("seed", self.seed)
        if not isinstance(self.notes, list) or not all(isinstance(note, str) for note in self.notes):
            rule = "notes are a list of sentences"
            raise X2VError(f"notes={self.notes!r:.60}", rule, 'write ["..."], or leave them out')
        if not isinstance(self.cast, dict):
            rule = "a cast is a dict of name -> Character"
            raise X2VError(f"cast={self.cast!r:.60}", rule, 'use {"dog": Character("a brown dog")}')
        for name, one in self.cast.items():
            if not re.fullmatch(r"[\w-]{1,40}", str(name)) or not isinstance(one, Character):
                rule = "each of a cast is a word that shots use, and a Character"
                raise X2VError(f"cast {name!r:.60}: {one!r:.60}", rule, 'use "dog": Character("a brown dog")')

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its frames in pixels."""
        return SHAPES[self.shape][1:]

    # -- as plain values and TOML

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Storyboard:
        """From `to_dict`'s output, or as much of it as somebody wrote; what is missing is usual.

        Raises:
            X2VError: a key that there is not, or a value that cannot be.
        """
        values = dict(_table("a storyboard", values, cls))
        shots = values.pop("shots", [])
        if not isinstance(shots, (list, tuple)):
            raise X2VError(f"shots={shots!r:.60}", "shots are a list", "write [[shots]] before each shot")
        cast = values.pop("cast", {})
        if not isinstance(cast, Mapping):
            rule = "a cast is a table of names"
            raise X2VError(f"cast={cast!r:.60}", rule, 'write [cast.dog] and description = "..."')
        board = cls(**values)
        board.shots = [Shot(**_table(f"shot {i}", one, Shot)) for i, one in enumerate(shots, 1)]
        board.cast = {name: Character(**_table(f"cast.{name}", one, Character)) for name, one in cast.items()}
        board.check()
        return board

    def to_toml(self) -> str:
        """As a TOML file that one edits; fields that are as usual are left out of shots."""
        lines = [_pair("title", self.title), _pair("shape", self.shape), _pair("seed", self.seed)]
        lines += [_pair("notes", self.notes)] if self.notes else []
        for name, one in self.cast.items():
            lines += ["", f"[cast.{name}]", *(_pair(k, v) for k, v in asdict(one).items())]
        for shot in self.shots:
            usual = Shot()
            shown = {
                name: value
                for name, value in asdict(shot).items()
                if name in ("who", "what", "where", "camera", "seconds") or value != getattr(usual, name)
            }
            lines += ["", "[[shots]]", *(_pair(name, value) for name, value in shown.items())]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str, name: str = "a storyboard") -> Storyboard:
        """From TOML. Raises X2VError for what is none, with the name that it has, and as `from_dict`."""
        try:
            return cls.from_dict(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            rule = f"it is no TOML ({error})"
            raise X2VError(name, rule, "compare it with what storyboard(...).to_toml() writes") from error

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a .toml file, all of it or nothing. Returns the path."""
        self.check()
        return write_atomic(check_output(path, (".toml",)), self.to_toml().encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Storyboard:
        """From a .toml file. Raises X2VError for what cannot be read, and as `from_toml`."""
        file = check_file("storyboard", path)
        try:
            return cls.from_toml(file.read_text("utf-8"), f"storyboard {str(path)!r:.200}")
        except (OSError, UnicodeDecodeError) as error:
            rule = f"it cannot be read ({error})"
            raise X2VError(f"storyboard {str(path)!r:.200}", rule, "name a TOML file in UTF-8") from error


def names_file(board: str | os.PathLike[str]) -> bool:
    """Whether a storyboard's file is named, and no idea in words.

    Raises:
        X2VError: what looks like a path (it has a slash or a suffix, or exists) and is no .toml file.
    """
    text = str(board)
    if isinstance(board, os.PathLike) or text.lower().endswith(".toml"):
        return True
    looks = re.search(r"\.[a-z][a-z0-9]{1,4}$", text, re.IGNORECASE) or re.fullmatch(r"\S*[/\\]\S*", text)
    try:
        there = bool(text.strip()) and Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or a NUL
        there = False
    if looks or there:
        rule = "it is there, but it is no storyboard (.toml)" if there else "no such file"
        raise X2VError(f"board {text!r:.200}", rule, 'name a .toml file, or write an idea: "a dog runs home"')
    return False


def _table(name: str, values: Any, kind: type) -> Mapping[str, Any]:
    """A table with keys of a dataclass alone."""
    if not isinstance(values, Mapping):
        raise X2VError(f"{name}={values!r:.60}", f"{name} is a table", "write name = value lines")
    known = [one.name for one in fields(kind)]
    if strange := [str(key) for key in values if key not in known]:
        rule = f"{name} has the keys {', '.join(known)}"
        raise X2VError(f"{name}: {', '.join(strange)[:80]}", rule, "correct or remove it")
    return values


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str) or len(value) > MOST_TEXT or not value.replace("\n", " ").isprintable():
        rule = f"it is text of at most {MOST_TEXT} characters"
        raise X2VError(f"{name}={value!r:.60}", rule, "say it in a few words")


def _pair(name: str, value: Any) -> str:
    """A line of TOML; strings and lists of strings are written as JSON writes them, which TOML reads."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
