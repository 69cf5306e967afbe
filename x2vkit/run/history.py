"""The clips that a Playground made: the newest, those with a star, and one for each request."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from x2vkit import media
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.run.request import form_of, short
from x2vkit.trace import Trace

SIZE = 24
"""Clips kept; beyond that the oldest without a star goes."""
FIELDS = ("prompt", "seed", "steps", "guidance", "shape", "model")
"""What can be set in a Playground, besides the picture that the clip starts from."""
SHEET_QUALITY = 88
"""JPEG quality of a clip's frames."""


@dataclass(frozen=True)
class Entry:
    """A clip of the history."""

    id: int
    """Its number, from 0 in order of making."""
    request: RunRequest
    """What it was made from."""
    line: str
    """The line of Python that makes it again."""
    trace: Trace
    """The whole run."""
    sheet: bytes
    """All frames in one image file."""
    packing: Mapping[str, Any]
    """How `sheet` is laid out: shape, columns, mime."""
    image: int | None = None
    """Number of the uploaded picture that it starts from."""
    starred: bool = False
    """Starred clips stay."""
    typed: bool = False
    """Made while typing: a longer prompt takes its place."""

    @property
    def settings(self) -> dict[str, Any]:
        """The request as the Playground's settings."""
        return settings_of(self.request, self.image)

    def metadata(self) -> dict[str, Any]:
        """All but the pictures, as JSON values."""
        return {
            "id": self.id,
            "settings": self.settings,
            "line": self.line,
            "unknown": list(self.trace.unknown),
            "fps": self.trace.fps,
            "seconds": round(self.trace.timings.get("total", 0.0), 2),
            "starred": self.starred,
            **self.packing,
        }


class History:
    """Entries, oldest first, for many threads."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._lock = threading.Lock()
        self._next = 0

    def add(
        self, request: RunRequest, image: int | None, line: str, trace: Trace, typed: bool = False
    ) -> Entry:
        """Put a clip in, in the place of one that it goes on from or repeats -> its entry."""
        sheet, packing = packed(trace)
        with self._lock:
            starred = False
            if (old := self._replaced(request, image, typed)) is not None:
                self.entries.remove(old)
                starred = old.starred
            entry = Entry(self._next, request, line, trace, sheet, packing, image, starred, typed)
            self._next += 1
            self.entries.append(entry)
            while len(self.entries) > SIZE:
                plain = [one for one in self.entries[:-1] if not one.starred]
                self.entries.remove(plain[0] if plain else self.entries[0])
        return entry

    def star(self, id: int, starred: bool) -> None:
        """Keep a clip, or no longer."""
        with self._lock:
            self.entries = [replace(e, starred=starred) if e.id == id else e for e in self.entries]

    def get(self, id: int) -> Entry:
        """A clip by its number. X2VError when it is not there."""
        for one in self.entries:
            if one.id == id:
                return one
        have = ", ".join(str(one.id) for one in self.entries) or "none"
        raise X2VError(f"clip {short(id)}", f"the history holds {have}", "use one of them")

    def _replaced(self, request: RunRequest, image: int | None, typed: bool) -> Entry | None:
        """The clip whose place a new one takes: the same request, or the last one, if typing went on from
        it.
        """
        for one in self.entries:
            if (one.request, one.image) == (request, image):
                return one
        last = self.entries[-1] if self.entries else None
        if not typed or last is None or not last.typed or last.starred:
            return None
        before, now = last.request.prompt, request.prompt
        goes_on = before.startswith(now) or now.startswith(before)
        same = (replace(last.request, prompt=now), last.image) == (request, image)
        return last if goes_on and same else None


def settings_of(request: RunRequest, image: int | None) -> dict[str, Any]:
    """A request as the Playground's settings, JSON values."""
    form = form_of(request)
    return {name: form[name] for name in FIELDS} | {"image": image}


def packed(trace: Trace) -> tuple[bytes, dict[str, Any]]:
    """A trace's clip as one image file -> (its bytes, its shape, columns and mime)."""
    columns = media.square_columns(*trace.frames.shape[:3])
    sheet = Image.fromarray(media.contact_sheet(trace.frames, columns, gap=0))
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=SHEET_QUALITY, subsampling=0)
    packing = {"shape": list(trace.frames.shape), "columns": columns, "mime": "image/jpeg"}
    return stream.getvalue(), packing
