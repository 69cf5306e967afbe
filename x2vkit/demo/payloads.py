"""Payloads for the page's scripts: clips, previews and troubles as small JSON messages. See static/*.js.

A moving picture travels as a sprite sheet: its frames on top of each other in one JPEG, which a canvas
plays. Files (the mp4, a view's page) travel as Gradio's file records, which it turns into addresses for the
page.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from x2vkit import media
from x2vkit.backend import Reading
from x2vkit.config import RunRequest
from x2vkit.demo.engine import EXAMPLE, Engine, cache_folder
from x2vkit.demo.made import Made, Progress
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.run.request import form_of, slug
from x2vkit.trace import samples
from x2vkit.trace.about import about

Message = dict[str, Any]

SHEET_PIXELS, SHEET_FRAMES = 192, 33
"""A sprite sheet's frames are no larger, and no more."""

REPORT = (
    "new ResizeObserver(() => parent.postMessage({ x2vHeight: document.body.scrollHeight + 2 }, '*'))"
    ".observe(document.body);"
)
"""Told by a view's page inside the demo, which cannot look into the frame itself."""


def wait(text: str) -> Message:
    """Nothing to see yet."""
    return {"kind": "wait", "text": text}


def trouble(error: X2VError) -> Message:
    """What was given, the rule, the cure."""
    return {"kind": "trouble", **error.parts}


def palettes(engine: Engine) -> Message:
    """What can be asked of each model, and which one is chosen at first; nothing of a foreign one."""
    names = [] if engine.models.foreign else engine.models.names()
    each = {name: engine.models.backend.palette(name) for name in names}
    kept = list({repr(one): one for one in each.values()}.values())
    places = {name: kept.index(one) for name, one in each.items()}
    return {"kind": "palettes", "palettes": kept, "palette_of": places, "model": engine.models.default}


def reading(model: str, prompt: str, read: Reading) -> Message:
    """How a model reads the words that are typed."""
    return {"kind": "reading", "model": model, "prompt": prompt, **read.to_dict()}


def unread(prompt: Any) -> Message:
    """Words that cannot be read: those of before say nothing about them."""
    return {"kind": "unread", "prompt": prompt}


def expansion(prompt: str, found: Mapping[str, Any]) -> Message:
    """What a prompt expands to (see `backend.ExpandBackend`)."""
    return {"kind": "expansion", **found, "prompt": prompt}


def unexpanded(error: X2VError) -> Message:
    """What cannot be expanded, in a sentence."""
    return {"kind": "unexpanded", "text": str(error)}


def step(progress: Progress) -> Message:
    """One denoising step, with its preview where there is one."""
    message: Message = {"kind": "step", "step": progress.step, "steps": progress.steps}
    message["noise"] = None if progress.t is None else round(100 * progress.t)
    if progress.picture is not None:
        message |= sprite_sheet(progress.picture, 12, quality=70)
    return message


def clip(key: str, made: Made, film: Mapping[str, Any] | None, inside: bool) -> Message:
    """A finished clip. film: `film()` of it, or None; inside: whether x2vkit can look into it."""
    request = made.request
    numbers = [
        f"seed {request.seed}",
        f"{request.steps} steps",
        f"guidance {request.guidance:g}",
        request.model,
    ]
    if made.seconds:
        numbers.append(f"{made.seconds:.1f} s")
    return {
        "kind": "clip",
        "id": key,
        "prompt": request.prompt,
        "unknown": list(made.unknown),
        "metadata": numbers,
        "notes": list(made.notes),
        "settings": form_of(request),
        "film": film,
        "example": key.startswith(EXAMPLE),
        "inside": inside,
        **sprite_sheet(made.frames, made.fps),
    }


@cache
def example(name: str, with_film: bool) -> Message:
    """A bundled clip as a message, with or without its mp4 (which costs a tenth of a second, once)."""
    trace = samples.sample(name)
    request = RunRequest.from_dict(dict(trace.request))
    made = Made(request, trace.frames, trace.fps, 0.0, trace.words[1:], trace.unknown)
    return clip(EXAMPLE + name, made, film(made) if with_film else None, inside=True)


def sprite_sheet(frames: Frames, fps: float, quality: int = 88) -> Message:
    """A clip as `sheet` (a data URL), `frames`, `fps`, and `width`, `height` of the clip itself in pixels."""
    chosen = frames[:: -(-len(frames) // SHEET_FRAMES)]
    count, height, width, _ = chosen.shape
    sheet = Image.fromarray(chosen.reshape(count * height, width, 3))
    if (shrink := max(height, width) / SHEET_PIXELS) > 1:
        sheet = sheet.resize((round(width / shrink), count * round(height / shrink)))
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=quality)
    data = base64.b64encode(stream.getvalue()).decode()
    rate = fps * count / len(frames)
    size = {"frames": count, "fps": rate, "width": width, "height": height}
    return {"sheet": f"data:image/jpeg;base64,{data}", **size}


def film(made: Made) -> Message:
    """A clip as an mp4 in Gradio's folder, named by its prompt."""
    comment = about(made.trace) if made.trace else ""
    return keep(media.mp4(made.frames, made.fps, comment), f"{slug(made.request)}.mp4")


def page(html: str, name: str) -> Message:
    """A view's page in Gradio's folder."""
    return keep(telling(html).encode(), f"{name}.html")


def keep(data: bytes, name: str) -> Message:
    """Bytes as a file in Gradio's folder -> its file record. The same bytes are kept once."""
    folder = cache_folder() / hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = media.write_atomic(folder / name, data)
    return record(path)


def record(path: Path) -> Message:
    """A file in Gradio's words."""
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def telling(html: str) -> str:
    """A view's page that also tells its height: one more script, allowed by digest in its own policy."""
    digest = base64.b64encode(hashlib.sha256(REPORT.encode()).digest()).decode()
    html = html.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    head, _, rest = html.rpartition("</body>")
    return f"{head}<script>{REPORT}</script></body>{rest}"


def side_by_side(made: list[Made]) -> list[Message]:
    """Clips in step, for where there is no view to compare them."""
    return [sprite_sheet(one.frames, one.fps) | {"title": title(one.request)} for one in made]


def title(request: RunRequest) -> str:
    """A clip's settings in a line."""
    numbers = f"{request.steps} steps · guidance {request.guidance:g} · seed {request.seed}"
    return f"{request.prompt} · {request.model} · {numbers}"
