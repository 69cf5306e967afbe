"""The cutting room: clips and a storyboard -> where each shot lies in the film, and the film's frames.

F, H, W frames and pixels of a clip; frames come one by one, so that a film never lies in memory whole
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from x2vkit import media
from x2vkit.media import Frames
from x2vkit.studio.film.board import Shot

FADE = 6
"""Frames of a cross-fade: half a second."""
TITLE_SECONDS = 2.0
"""That a title is seen."""
TITLE_SIZE = 0.075
"""Height of its letters, in heights of the frame."""


@dataclass(frozen=True)
class Placed:
    """Where a shot lies in the film."""

    first: int
    """Its first frame, from 0."""
    frames: int
    """How many it has."""
    fade: int
    """Frames at its beginning that mix with the end of the shot before."""


def placed(shots: Sequence[Shot], lengths: Sequence[int]) -> list[Placed]:
    """Shots of so many frames one after another; a fade lets two overlap. The first one fades from black."""
    found: list[Placed] = []
    end = 0
    for shot, frames in zip(shots, lengths, strict=True):
        before = found[-1].frames if found else 0
        fade = min(FADE, frames // 2, before // 2) if shot.cut == "fade" else 0
        found.append(Placed(end - fade, frames, fade))
        end += frames - fade
    return found


def joined(clips: Sequence[Frames], where: Sequence[Placed], black: bool) -> Iterator[NDArray[np.uint8]]:
    """The frames of a film (H, W, 3). black: whether it begins out of black."""
    for number, (clip, here) in enumerate(zip(clips, where, strict=True)):
        after = where[number + 1].fade if number + 1 < len(where) else 0
        for i in range(here.frames - after):
            frame = clip[i]
            if i < here.fade:
                frame = _mixed(
                    clips[number - 1][len(clips[number - 1]) - here.fade + i],
                    frame,
                    (i + 1) / (here.fade + 1),
                )
            if number == 0 and black and i < FADE:
                frame = _mixed(np.zeros_like(frame), frame, (i + 1) / (FADE + 1))
            yield frame


def film_frames(
    clips: Sequence[Frames], shots: Sequence[Shot], title: str, fps: float
) -> Iterator[NDArray[np.uint8]]:
    """The same enlarged for players, with titles written over: the film's own, then those of shots."""
    where = placed(shots, [len(clip) for clip in clips])
    titles = {here.first: shot.title for here, shot in zip(where, shots, strict=True) if shot.title}
    if title:
        titles = {0: title, **{first: text for first, text in titles.items() if first}}
    length = round(TITLE_SECONDS * fps)
    for at, frame in enumerate(joined(clips, where, shots[0].cut == "fade")):
        large = media.enlarge(frame[None])[0]
        for first, text in titles.items():
            if first <= at < first + length:
                seen = min(1.0, (at - first + 1) / 4, (first + length - at) / 4)
                large = _titled(large, text, seen)
        yield large


def sheet(clips: Sequence[Frames], moments: int = 4) -> Frames:
    """A contact sheet (Y, X, 3): a row of moments for each shot."""
    rows = [clip[np.linspace(0, len(clip) - 1, moments).round().astype(int)] for clip in clips]
    return media.contact_sheet(np.concatenate(rows), moments)


def _mixed(before: NDArray, after: NDArray, share: float) -> NDArray[np.uint8]:
    return ((1 - share) * before + share * after).round().astype(np.uint8)


def _titled(frame: NDArray[np.uint8], text: str, seen: float) -> NDArray[np.uint8]:
    """A frame with words in its lower third, white on a soft dark edge."""
    letters, shadow = (mask * seen for mask in _letters(text, frame.shape[0], frame.shape[1]))
    dark = frame * (1 - 0.6 * shadow[..., None])
    return (dark + letters[..., None] * (255 - dark)).round().astype(np.uint8)


@lru_cache(maxsize=8)
def _letters(text: str, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of each pixel (H, W) a title's letters cover, and their shadow; long titles are smaller."""
    size = TITLE_SIZE * height
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    while True:
        font = ImageFont.load_default(size)
        x0, y0, x1, y1 = draw.multiline_textbbox((0, 0), text, font, align="center")
        if x1 - x0 <= 0.92 * width or size < 9:
            break
        size *= 0.9
    at = ((width - (x1 - x0)) / 2 - x0, 0.8 * height - (y1 - y0) / 2 - y0)
    draw.multiline_text(at, text, 255, font, align="center")
    soft = picture.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(4))
    return _share(picture), _share(soft)


def _share(mask: Image.Image) -> NDArray[np.float32]:
    return (np.asarray(mask) / 255).astype(np.float32)
