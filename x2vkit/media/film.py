"""Frames one by one -> H.264 in mp4, with sound, title and chapters: a film never lies in memory whole."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.media.comment import clean

Sound = NDArray[np.int16]
"""What is heard with a clip: (samples,), one channel at SOUND_RATE."""
SOUND_RATE = 24_000
"""Samples a second of every sound that goes with a clip."""


def encode(
    pictures: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    count: int,
    fps: float,
    comment: str = "",
    sound: Sound | None = None,
    title: str = "",
    chapters: Sequence[tuple[float, str]] = (),
    preset: str = "fast",
) -> bytes:
    """An mp4 that browsers play from its first byte.

    Args:
        pictures: `count` frames (H, W, 3), uint8, H and W even.
        size: H, W.
        count: how many come.
        fps: frames a second.
        comment: kept in the file.
        sound: cut, or filled with silence, to the film's length; as AAC.
        title: kept in the file.
        chapters: (second at which it begins, title), rising; players list them.
        preset: x264's; "veryfast" takes half the time of "fast" and writes a somewhat larger file.

    Raises:
        X2VError: ffmpeg cannot write it.
    """
    import imageio_ffmpeg

    height, width = size
    options = ["-qp", "20", "-preset", preset, "-movflags", "+faststart"]
    options += ["-metadata", f"comment={clean(comment)}"] if comment else []
    options += ["-metadata", f"title={clean(title)}"] if title else []
    try:
        with tempfile.TemporaryDirectory() as folder:  # mp4 is finished by a seek, so it needs a real file
            path = Path(folder) / "clip.mp4"
            coding = {
                "codec": "libx264",
                "quality": None,
                "output_params": options,
                "ffmpeg_log_level": "error",
            }
            if sound is not None:
                heard = write_wav(Path(folder) / "sound.wav", sound, count / fps)
                coding |= {"audio_path": str(heard), "audio_codec": "aac"}
            film = imageio_ffmpeg.write_frames(path, (width, height), fps=fps, macro_block_size=2, **coding)
            film.send(None)
            try:
                for picture in pictures:
                    film.send(np.ascontiguousarray(picture))
            finally:
                film.close()
            if chapters:
                path = _with_chapters(path, chapters, count / fps)
            return path.read_bytes()
    except (OSError, subprocess.SubprocessError) as error:
        got = f"mp4 of {count} frames of {width} x {height}"
        raise X2VError(got, f"ffmpeg says: {error}", "write .webp instead") from error


def write_wav(path: Path, sound: Sound, seconds: float) -> Path:
    """A sound of so many seconds as a wav file."""
    samples = round(seconds * SOUND_RATE)
    filled = np.pad(sound[:samples], (0, max(0, samples - len(sound)))).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes(filled.tobytes())
    return path


def _with_chapters(path: Path, chapters: Sequence[tuple[float, str]], seconds: float) -> Path:
    """The same film with a list of chapters, nothing coded again."""
    import imageio_ffmpeg

    ends = [*(begin for begin, _ in chapters[1:]), seconds]
    lines = [";FFMETADATA1"]
    for (begin, title), end in zip(chapters, ends, strict=True):
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={round(1000 * begin)}", f"END={round(1000 * end)}"]
        lines.append(f"title={_escaped(clean(title))}")
    listed = path.with_suffix(".txt")
    listed.write_text("\n".join(lines) + "\n", "utf-8")
    out = path.with_name("chapters.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(path), "-i", str(listed)]
    command += ["-map", "0", "-map_metadata", "0", "-map_chapters", "1", "-codec", "copy"]
    command += ["-movflags", "+faststart", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode:
        raise OSError(done.stderr.strip()[:200] or "chapters cannot be written")
    return out


def _escaped(text: str) -> str:
    """A value of ffmpeg's metadata format: what has a meaning there follows a backslash."""
    return "".join(f"\\{c}" if c in "=;#\\\n" else c for c in text)
