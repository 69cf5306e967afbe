"""How a trace shows itself in a notebook: the clip, looping, under its prompt."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from x2vkit import media

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

DISPLAY_PIXELS = 384
"""The longer side of the clip on the page."""


def html(trace: Trace) -> str:
    """A looping clip titled with the prompt, and below it the words that the model did not know.

    The film is the video's own `src`, which JupyterLab leaves to notebooks that it does not trust (that of a
    <source> it takes away); a reader that knows no video shows the picture inside.
    """
    F, height, width, _ = trace.frames.shape
    scale = DISPLAY_PIXELS / max(height, width)
    size = f'width="{round(width * scale)}" height="{round(height * scale)}"'
    film = _url("video/mp4", media.mp4(trace.frames, trace.fps, sound=trace.sound))
    still = _url("image/webp", media.webp(trace.frames[F // 2 :][:1], trace.fps))
    prompt = escape(trace.prompt)
    page = (
        f'<figure style="margin:0"><figcaption>{prompt or "&nbsp;"}</figcaption>'
        f'<video src="{film}" poster="{still}" {size} controls loop autoplay muted>'
        f'<img src="{still}" {size} alt="{prompt}"></video></figure>'
    )
    if trace.unknown:
        words = ", ".join(escape(word) for word in trace.unknown)
        page += f"<div style='color:#a15c00'>Words this model does not know, and did not use: {words}</div>"
    return page


def _url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
