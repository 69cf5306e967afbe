"""How a trace shows itself in a notebook: the clip, looping, under its prompt."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from x2vkit import media

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

DISPLAY_PIXELS = 384
"""The longer side of the clip on the page."""


def html(trace: Trace) -> str:
    """A looping clip titled with the prompt, and below it the words that the model did not know."""
    import mediapy

    _, height, width, _ = trace.frames.shape
    scale = DISPLAY_PIXELS / max(height, width)
    # mediapy writes a title as it comes; a prompt is text from anyone, so it is escaped here
    title = escape(trace.prompt) or "&nbsp;"
    film = media.mp4(trace.frames, trace.fps, sound=trace.sound)
    page = mediapy.html_from_compressed_video(film, round(width * scale), round(height * scale), title=title)
    if trace.unknown:
        words = ", ".join(escape(word) for word in trace.unknown)
        page += f"<div style='color:#a15c00'>Words this model does not know, and did not use: {words}</div>"
    return page
