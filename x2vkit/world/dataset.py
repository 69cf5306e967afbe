"""A folder of the user's own captioned videos, in the world's place.

    mine/captions.csv     a header line `video,caption`, then one line a video: `cat.mp4,a cat on a chair`
    mine/videos/cat.mp4   mp4, mov, webm, mkv, gif or avi

or captions in another form that people have (`caption_files`). Clips are cut, scaled and cropped to the asked
size and rate; no video is kept in memory, small copies of them are on disk (`small_copies`). They have frames and a caption, and no truth. A video that
cannot be read is named in a warning and left out; the run goes on.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.media import video_info
from x2vkit.words import split_words
from x2vkit.world.caption_files import Captions, read_captions
from x2vkit.world.small_copies import SmallCopies

HELD_OUT_EVERY = 10
"""Of so many videos, one is kept for evaluation and never trained on (none, where there are fewer)."""


@dataclass(frozen=True)
class FolderClip:
    """A cut of a user's video. Has the fields of the world's `Clip`; what nobody knows is None."""

    frames: np.ndarray
    """uint8 (F, H, W, 3)"""
    fps: float
    caption: str
    spec: None = None
    ids: None = None
    truth: None = None


class VideoFolder:
    """An indexed set of clips, cut from the videos of a folder: clip `i` is always the same clip."""

    def __init__(self, folder: str | Path) -> None:
        """Raises X2VError when the folder holds no captions, or captions of no video that is there."""
        self.folder = Path(folder)
        captions = read_captions(self.folder)
        self.base, self.rows = captions.base, _present(captions)
        self.places = dict(zip(captions.rows, captions.places, strict=True))
        """Row -> where it stands."""
        self.name = f"{self.folder.name} {_digest(self.base, self.rows)}"
        self._seconds = lru_cache(maxsize=None)(self._length)
        self._copies = SmallCopies()

    @property
    def words(self) -> list[str]:
        """Every word of the captions once, in order of arrival: new captions add words behind the others."""
        found = (word for _, caption in self.rows for word in split_words(caption))
        return list(dict.fromkeys(found))

    def sample(
        self,
        index: int,
        num_frames: int = 17,
        height: int = 128,
        width: int = 128,
        fps: float = 12,
        held_out: bool = False,
    ) -> FolderClip:
        """Clip `index`: a random cut of one of the videos; with `held_out`, of one that is kept for
        evaluation.

        A video shorter than the clip stands still at its end. Raises X2VError when no video can be read.
        """
        rng = np.random.default_rng([index, int(held_out)])
        rows = self._part(held_out)
        for offset in range(len(rows)):
            video, caption = rows[(index + offset) % len(rows)]
            cut = self._cut(video, num_frames, height, width, fps, rng.random())
            if cut is not None:
                return FolderClip(cut, fps, caption)
        rule = "none of its videos can be read"
        raise X2VError(f"--videos {self.folder}", rule, "use complete mp4, mov, webm, mkv, gif or avi files")

    def _part(self, held_out: bool) -> list[tuple[str, str]]:
        """The rows to train on, or those kept for evaluation. A small folder serves as both."""
        if len(self.rows) < HELD_OUT_EVERY:
            return self.rows
        return [
            row for i, row in enumerate(self.rows) if (i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1) == held_out
        ]

    def _length(self, video: str) -> float | None:
        """Seconds of a video; None, with a warning, if it is broken."""
        try:
            return video_info(self.base / video).seconds
        except (X2VError, OSError) as error:
            reason = error.rule if isinstance(error, X2VError) else str(error)
            warnings.warn(f"{video} cannot be read and is left out ({reason})", stacklevel=3)
            return None

    def _cut(
        self, video: str, num_frames: int, height: int, width: int, fps: float, place: float
    ) -> np.ndarray | None:
        """`num_frames` frames at `fps`, starting at `place` (0 .. 1) of where a cut can start, held at the
        video's end; None if the video is broken.
        """
        seconds = self._seconds(video)
        if seconds is None:
            return None
        first = int(place * (1 + int(max(0.0, seconds * fps - num_frames))))
        try:
            frames = self._copies.cut(self.base / video, seconds, first, num_frames, height, width, fps)
        except (X2VError, OSError) as error:
            reason = error.rule if isinstance(error, X2VError) else str(error)
            warnings.warn(f"{video} cannot be read at {first / fps:.1f} s ({reason})", stacklevel=3)
            return None
        return np.concatenate([frames, np.repeat(frames[-1:], num_frames - len(frames), 0)])


def _present(captions: Captions) -> list[tuple[str, str]]:
    """The rows whose video is there; the others are named in one warning."""
    missing = {video for video, _ in captions.rows if not (captions.base / video).is_file()}
    if missing:
        warnings.warn(f"left out, not in {captions.base}: {', '.join(sorted(missing))}", stacklevel=3)
    rows = [row for row in captions.rows if row[0] not in missing]
    if not rows:
        rule = "none of the captions' videos is there"
        raise X2VError(f"--videos {captions.base}", rule, f"put them in {captions.base}")
    return rows


def _digest(base: Path, rows: list[tuple[str, str]]) -> str:
    """Changes when a caption or the size of a video does."""
    text = repr([(video, caption, (base / video).stat().st_size) for video, caption in rows])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
