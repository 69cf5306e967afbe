"""A text that a file of a clip carries: how it was made, where players and file managers look for comments.

png   an iTXt chunk "Comment"
gif   a comment extension
webp  XMP, dc:description
mp4   the comment of its metadata
"""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image, UnidentifiedImageError

from x2vkit.errors import X2VError
from x2vkit.media.path import check_path

KEY = "Comment"
MAX_CHARACTERS = 20_000
"""A longer comment is cut: mp4's goes through a command line."""
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>'
    "</x:xmpmeta>"
)


def clean(comment: str) -> str:
    """A comment on one line that every container takes."""
    kept = "".join(c if c.isprintable() else " " for c in comment[:MAX_CHARACTERS])
    return kept.encode("utf-8", "replace").decode()


def as_xmp(comment: str) -> bytes:
    """A comment as an XMP packet."""
    return _XMP.format(escape(comment)).encode()


def read_comment(path: str | os.PathLike[str]) -> str:
    """The comment of an mp4, gif, webp or png; "" where it carries none.

    Raises:
        X2VError: there is no such file, or it is none of these.
    """
    path = check_path("file", path)
    got = f"file {path.name!r}"
    if not path.is_file():
        raise X2VError(got, "there is no such file", "check the path")
    try:
        if path.suffix.lower() == ".mp4":
            return _film_comment(path)
        with Image.open(path) as image:
            info = image.info
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
    ) as error:
        raise X2VError(got, "it cannot be read", "use an mp4, gif, webp, png or x2v") from error
    if "xmp" in info:
        said = info["xmp"].decode("utf-8", "replace") if isinstance(info["xmp"], bytes) else str(info["xmp"])
        found = re.search(r"<rdf:li[^>]*>(.*?)</rdf:li>", said, re.DOTALL)
        return unescape(found[1]) if found else ""
    comment = info.get(KEY, info.get("comment", ""))
    return comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)


def _film_comment(path: Path) -> str:
    import av

    with av.open(str(path), format="mp4") as film:
        return film.metadata.get("comment", "")
