"""Clips, pictures and sounds on disk and on a page: reading any of them, writing mp4, gif, webp, png.

A clip is uint8 (F, H, W, 3) with its fps beside it. Knows nothing about torch, models or traces.
"""

from __future__ import annotations

from x2vkit.media.clips import (
    DISPLAY_PIXELS,
    WRITERS,
    Frames,
    Writer,
    check_clip,
    check_fps,
    check_output,
    contact_sheet,
    cut_sheet,
    enlarge,
    gif,
    mp4,
    png_sheet,
    square_columns,
    webp,
    write_atomic,
    write_clip,
)
from x2vkit.media.comment import read_comment
from x2vkit.media.film import SOUND_RATE, Sound, encode
from x2vkit.media.path import check_path
from x2vkit.media.picture import MAX_FILE_BYTES, MAX_MEGAPIXELS, check_file, read_image, to_rgb
from x2vkit.media.sound import read_sound
from x2vkit.media.video import VideoInfo, check_video, read_video, video_frames, video_info

__all__ = [
    "DISPLAY_PIXELS",
    "MAX_FILE_BYTES",
    "MAX_MEGAPIXELS",
    "SOUND_RATE",
    "WRITERS",
    "Frames",
    "Sound",
    "VideoInfo",
    "Writer",
    "check_clip",
    "check_file",
    "check_fps",
    "check_output",
    "check_path",
    "check_video",
    "contact_sheet",
    "cut_sheet",
    "encode",
    "enlarge",
    "gif",
    "mp4",
    "png_sheet",
    "read_comment",
    "read_image",
    "read_sound",
    "read_video",
    "square_columns",
    "to_rgb",
    "video_frames",
    "video_info",
    "webp",
    "write_atomic",
    "write_clip",
]
