"""The captions of a folder of videos, in the forms that people have them; a row is read whole or refused.

    captions.csv      video,caption     its videos lie in videos/
    metadata.csv      file_name,text    beside their videos (the form of `datasets`' VideoFolder); also .jsonl
    prompts.txt       a caption a line, and in videos.txt the video of the same line
    cat.txt           beside cat.mp4, in the folder or in videos/

Text is UTF-8, or UTF-16 with its mark. A row stands on one line; a caption with a comma stands in quotes.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from x2vkit.errors import X2VError
from x2vkit.words import split_words

ENDINGS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".gif", ".avi")
"""Of files that count as videos where no list names them."""
LAYOUT = (
    "a folder of videos holds captions.csv (video,caption) and videos/, or metadata.csv or .jsonl "
    "(file_name, text), or prompts.txt and videos.txt, or a .txt beside each video"
)


@dataclass(frozen=True)
class Captions:
    """What a folder says about its videos."""

    base: Path
    """Folder that the names start from."""
    rows: list[tuple[str, str]]
    """(video, caption); the videos need not be there."""
    places: list[str]
    """Where each row stands: "captions.csv, line 3"."""

    @classmethod
    def of(cls, base: Path, found: list[tuple[tuple[str, str], str]]) -> Captions:
        """From rows with their places."""
        return cls(base, [row for row, _ in found], [place for _, place in found])


def read_captions(folder: Path) -> Captions:
    """Every caption of a folder.

    Raises:
        X2VError: there are none, they stand in two forms, or a row cannot be read (with its line).
    """
    have = [name for name in FORMS if (folder / name).is_file()]
    if len(have) > 1:
        got = f"--videos {folder} with {' and '.join(have)}"
        raise X2VError(got, "captions stand in one file", "move the other away")
    if have:
        return FORMS[have[0]](folder, folder / have[0])
    beside = _beside(folder)
    if beside is None:
        raise X2VError(f"--videos {folder}", LAYOUT, f"write {folder / 'captions.csv'}")
    return beside


def read_text(path: Path) -> str:
    """A file of UTF-8, or of UTF-16 with a mark at its beginning. Raises X2VError for any other."""
    data = path.read_bytes()
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _bad(path, line, "the text is not UTF-8", 'save it as "UTF-8"') from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _bad(path, line, "a NUL is no text (UTF-16 without its mark?)", 'save it as "UTF-8"')
    return text


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number, line) of each line that is not blank. Only line ends part lines, not Unicode's separators."""
    numbered = enumerate(re.split(r"\r\n|\r|\n", read_text(path)), start=1)
    return [(number, line) for number, line in numbered if line.strip()]


def _csv(path: Path, video: str, caption: str) -> list[tuple[tuple[str, str], str]]:
    lines = _lines(path)
    columns = _cells(path, *lines[0]) if lines else []
    if not {video, caption} <= set(columns):
        got = f"{path} with the columns {', '.join(columns)[:80] or '(none)'}"
        raise X2VError(
            got, f"its columns are {video} and {caption}", f"make its first line `{video},{caption}`"
        )
    if columns.count(video) > 1 or columns.count(caption) > 1:
        rule = f"{video} and {caption} are each one column"
        raise _bad(path, lines[0][0], rule, "name the others otherwise")
    rows = []
    for number, line in lines[1:]:
        cells = _cells(path, number, line)
        if len(cells) != len(columns):
            rule = f"{len(cells)} columns, where the first line has {len(columns)}"
            raise _bad(path, number, rule, 'put a caption with a comma in quotes: "a cat, asleep"')
        row = dict(zip(columns, cells, strict=True))
        rows.append(_row(path, number, row[video], row[caption]))
    return rows


def _cells(path: Path, number: int, line: str) -> list[str]:
    """One line's cells. A quote that is opened and not closed on its line is refused: it would swallow rows."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True, skipinitialspace=True))]
    except csv.Error as error:
        cure = 'write a quote inside a quoted caption twice ("")'
        raise _bad(path, number, f"its quotes do not match ({error})", cure) from error


def _jsonl(path: Path) -> list[tuple[tuple[str, str], str]]:
    rows = []
    for number, line in _lines(path):
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad(
                path, number, "it is no JSON", 'write {"file_name": "a.mp4", "text": "a cat"}'
            ) from error
        values = [row.get(key) for key in ("file_name", "text")] if isinstance(row, dict) else [None]
        if not all(isinstance(value, str) for value in values):
            rule = "a row has file_name and text, both text"
            raise _bad(path, number, rule, 'write {"file_name": "a.mp4", "text": "a cat"}')
        rows.append(_row(path, number, *values))
    return rows


def _listed(folder: Path, path: Path) -> Captions:
    videos = folder / "videos.txt"
    if not videos.is_file():
        raise X2VError(f"--videos {folder}", "beside prompts.txt stands videos.txt", f"write {videos}")
    names, prompts = (_all_lines(file) for file in (videos, path))
    if len(names) != len(prompts):
        got = f"{len(prompts)} lines in {path} and {len(names)} in {videos}"
        raise X2VError(got, "line by line they belong together", "make them as many")
    pairs = zip(names, prompts, strict=True)
    return Captions.of(
        folder, [_row(path, i, video, prompt) for i, (video, prompt) in enumerate(pairs, start=1)]
    )


def _all_lines(path: Path) -> list[str]:
    """Every line but blank ones at the end."""
    return re.split(r"\r\n|\r|\n", read_text(path).rstrip())


def _beside(folder: Path) -> Captions | None:
    """Texts beside their videos, in the folder or in videos/; None where there are none."""
    for base in (folder, folder / "videos"):
        files = sorted(base.iterdir()) if base.is_dir() else []
        videos = [file for file in files if file.suffix.lower() in ENDINGS]
        told = [(video, video.with_suffix(".txt")) for video in videos]
        if not any(text.is_file() for _, text in told):
            continue
        for video, text in told:
            if not text.is_file():
                raise X2VError(f"{video}", f"it has no {text.name} beside it", "write one, or move it away")
        return Captions.of(base, [_row(text, 1, video.name, read_text(text)) for video, text in told])
    return None


def _row(path: Path, number: int, video: str, caption: str) -> tuple[tuple[str, str], str]:
    """A row without spaces at its ends, and where it stands; or an X2VError."""
    video, caption = video.strip(), " ".join(caption.split())
    if not video:
        raise _bad(path, number, "it names no video", "name one, or take the line out")
    if not caption:
        raise _bad(path, number, f"the caption of {video} is empty", "say what is seen, or take the line out")
    if not split_words(caption):
        rule = f"no word can be read in the caption of {video}, {caption[:40]!r}"
        raise _bad(path, number, rule, "say what is seen, or take the line out")
    ways = (PurePosixPath(video), PureWindowsPath(video))
    if any(way.is_absolute() or way.drive or ".." in way.parts for way in ways):
        rule = f"{video!r} leads out of the folder"
        raise _bad(path, number, rule, "name videos inside it, without .. and without a leading /")
    return (video, caption), f"{path.name}, line {number}"


def _bad(path: Path, line: int, rule: str, cure: str) -> X2VError:
    return X2VError(f"{path}, line {line}", rule, cure)


FORMS: dict[str, Callable[[Path, Path], Captions]] = {
    "captions.csv": lambda folder, path: Captions.of(folder / "videos", _csv(path, "video", "caption")),
    "metadata.csv": lambda folder, path: Captions.of(folder, _csv(path, "file_name", "text")),
    "metadata.jsonl": lambda folder, path: Captions.of(folder, _jsonl(path)),
    "prompts.txt": _listed,
}
"""A file of captions -> how it is read."""
