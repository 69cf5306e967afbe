"""Videos kept on disk at the size they are trained at, so that a cut is read and not decoded.

A cut out of a video is decoded from the keyframe before it, which may lie ten seconds back: of 1080p that is
up to a second and a half of work, again for every cut. So once cuts have decoded about as much of a video as
there is of it, all of it is decoded once, scaled frame by frame, and what comes out is kept uncompressed in a
temporary folder until the program ends. The pixels are those that the cut alone would have.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.media import Frames, read_video, video_frames

MAX_BYTES = 4_000_000_000
"""Of all copies; 20 s at 128 x 128 and 12 frames a second take 12 MB. What is beyond is cut by decoding."""
BACK = 10.0
"""Seconds of a video that a cut decodes, at worst: encoders set a keyframe every 250 frames or so."""


class SmallCopies:
    """Cuts of videos, from copies of them where that is cheaper."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="x2vkit-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._cuts: Counter[Path] = Counter()
        self._without: set[Path] = set()

    def cut(
        self, video: Path, seconds: float, first: int, num_frames: int, height: int, width: int, fps: float
    ) -> Frames:
        """Frames `first`, `first + 1` ... of a video read at `fps` -> uint8 (F, H, W, 3); fewer at its end.

        Args:
            video: the file.
            seconds: its length.
            first: number of the first frame, counted at `fps`.
            num_frames: how many at most.
            height, width: pixels to fill, as in `read_video`.
            fps: frames a second.

        Raises:
            X2VError: what `read_video` raises.
        """
        key = sha256(repr((video, height, width, fps)).encode()).hexdigest()[:24]
        copy = self.folder / f"{key}.rgb"
        if not copy.exists() and not self._made(copy, video, seconds, height, width, fps):
            return read_video(video, num_frames, height, width, fps, first / fps)
        size = 3 * height * width
        found = np.fromfile(copy, np.uint8, num_frames * size, offset=first * size)
        if not len(found):
            raise X2VError(f"video {video.name!r}", f"it has no frame at {first / fps:g} s", "shorten the cut")
        return found.reshape(-1, height, width, 3)

    def _made(self, copy: Path, video: Path, seconds: float, height: int, width: int, fps: float) -> bool:
        """Make a copy where that is worth it, and can be done."""
        self._cuts[copy] += 1
        if copy in self._without or self._cuts[copy] * BACK < seconds:
            return False
        used = sum(file.stat().st_size for file in self.folder.iterdir())
        partial = Path(tempfile.mkstemp(dir=self.folder)[1])
        try:
            if used + (seconds * fps + 1) * 3 * height * width > MAX_BYTES:
                raise OSError("no room")
            with partial.open("wb") as file:
                for frame in video_frames(video, height, width, fps):
                    file.write(frame.tobytes())
            partial.replace(copy)  # in one step: other processes see all of it or nothing
        except (OSError, X2VError):  # no room, or broken somewhere: the cuts before that can be read
            partial.unlink()
            self._without.add(copy)
            return False
        return True
