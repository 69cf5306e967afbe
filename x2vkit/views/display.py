"""How a view stands in a notebook's file, so that a reader without its kernel sees more than an error.

A notebook keeps a widget's name, not the widget. Where its kernel is gone, VS Code, Colab, GitHub and
nbconvert take the picture that stands beside it in the same output; JupyterLab and Notebook 7 say "model not
found" and look no further. So there the picture is an output of its own behind the widget's, and the style
sheet of a view that lives hides it (static/lib/style.css).
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image, ImageDraw, ImageFont

WIDGET = "application/vnd.jupyter.widget-view+json"
CAPTION = "A picture of this view, kept in the notebook. Run the cell and it lives: sliders, clicks, keys."
CAPTION_PIXELS = 22
"""Height of the strip that says so."""

Publish = Callable[[Mapping[str, Any]], None]


def looks_further() -> bool:
    """Whether this notebook's front end shows another format of an output whose widget it does not know."""
    return "VSCODE_PID" in os.environ or "google.colab" in sys.modules


def outputs(bundle: Mapping[str, Any], picture: Callable[[], bytes], publish: Publish) -> None:
    """Publish a view's formats, and its PNG: beside a widget as an output of its own, behind it.

    bundle: all formats but the picture. picture: draws it, in up to a second; the widget is there first.
    """
    if WIDGET not in bundle or looks_further():
        publish({**bundle, "image/png": encoded(picture())})
        return
    publish(bundle)
    publish({"text/plain": CAPTION, "image/png": encoded(captioned(picture()))})


def encoded(png: bytes) -> str:
    """A picture as a notebook holds it."""
    return base64.b64encode(png).decode()


def captioned(png: bytes) -> bytes:
    """The picture over a line that says what it is."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    whole = Image.new("RGB", (image.width, image.height + CAPTION_PIXELS), "white")
    whole.paste(image)
    place = (8, image.height + CAPTION_PIXELS // 2)
    ImageDraw.Draw(whole).text(place, CAPTION, "#5d6978", ImageFont.load_default(12), anchor="lm")
    stream = io.BytesIO()
    whole.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(stream, "PNG")
    return stream.getvalue()
