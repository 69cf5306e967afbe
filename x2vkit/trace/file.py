"""A trace on disk: one safetensors file, `.x2v`, whose header carries the words and numbers as JSON.

No pickle anywhere: opening a trace from a stranger reads numbers and never runs code.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from PIL import Image

from x2vkit.errors import X2VError
from x2vkit.media import check_output, contact_sheet, cut_sheet, square_columns, write_atomic

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

SUFFIX = ".x2v"
FORMAT = "x2vkit.trace"
SCHEMA = 3
"""Raised when a field changes its meaning; a file of another schema is refused."""

TEXTS = ("request", "words", "unknown", "fps", "heads", "patch", "timings", "flops", "weights", "versions")
"""The fields of a Trace that are JSON; all others are arrays."""
TUPLES = ("words", "unknown", "heads", "patch")
PICKLES = (b"\x80", b"PK\x03\x04")
"""How pickles begin: plain ones, and the zip files that torch.save writes."""


PREVIEW_QUALITY = 90
"""Of the WebP that holds a compact file's previews."""
EIGHT_BITS = ("latents", "pred_x0", "pred_x0_cond", "queries", "keys")
"""What a compact file keeps at 8 bits a number, each array with its scales beside it as "NAME/scale". Its
frames are one PNG, without loss, and its previews one WebP: "frames/image" and "frames/shape", and so on.
"""


def save(trace: Trace, path: str | os.PathLike[str], *, compact: bool = False) -> Path:
    """Write a trace; raises X2VError when the path cannot be, before or while writing. Returns the path."""
    path = check_output(path, (SUFFIX,))
    values = {name: getattr(trace, name) for name in TEXTS}
    header = {name: dict(value) if hasattr(value, "keys") else value for name, value in values.items()}
    metadata = {"format": FORMAT, "schema": str(SCHEMA), "trace": json.dumps(header)}
    arrays = {name: np.ascontiguousarray(array) for name, array in trace.arrays().items()}
    if compact:
        for name in [name for name in arrays if name.partition(".")[0] in EIGHT_BITS]:
            arrays[name], arrays[f"{name}/scale"] = eight_bits(arrays[name], 2)
        _shrink(arrays, "frames", "PNG")
        if "previews" in arrays:
            _shrink(arrays, "previews", "WEBP", quality=PREVIEW_QUALITY)
    return write_atomic(path, safetensors.numpy.save(arrays, metadata))


def load(path: str | os.PathLike[str]) -> Trace:
    """Read a trace; raises X2VError on a missing, truncated or foreign file, another schema, or a pickle."""
    from x2vkit.trace.record import Trace

    name = f"trace {str(path)!r}"
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise X2VError(name, f"it cannot be opened ({error.strerror})", "check the path") from error
    if start.startswith(PICKLES):
        rule = "this is a pickle, which can run code when it is read, and is never loaded"
        raise X2VError(name, rule, "save it as a trace with Trace.save")
    try:
        with safetensors.safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise X2VError(name, "this is safetensors, but no trace", "open what Trace.save wrote")
            if metadata.get("schema") != str(SCHEMA):
                rule = f"it has schema {metadata.get('schema')}, this x2vkit reads {SCHEMA}"
                raise X2VError(name, rule, "open it with the x2vkit that wrote it, or record it again")
            arrays = {key: opened.get_tensor(key) for key in opened.keys()}
        _expand(arrays)
        return Trace(**_texts(metadata["trace"]), **_arrays(arrays))
    except (safetensors.SafetensorError, OSError) as error:
        raise X2VError(name, f"it is damaged or no trace ({error})", "copy or record it again") from error
    except (KeyError, TypeError, AttributeError) as error:  # a field is missing or of another kind
        raise X2VError(name, f"its header is damaged ({error!r})", "copy or record it again") from error
    except X2VError as error:
        raise error if error.got == name else X2VError(name, error.rule, error.cure) from error
    except ValueError as error:
        raise X2VError(name, f"its header is damaged ({error})", "copy or record it again") from error


def eight_bits(array: NDArray[Any], lead: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Numbers as int8 times a scale: one scale for each index of the first `lead` axes -> (int8, scale).

    No number is off by more than half a scale, which is the largest magnitude under that index / 127.
    """
    rows = array.astype(np.float32)
    inner = tuple(range(lead, array.ndim))
    scale = np.maximum(np.abs(rows).max(axis=inner, initial=0), 1e-12) / 127
    return np.rint(rows / np.expand_dims(scale, inner)).astype(np.int8), scale.astype(np.float32)


def full_bits(small: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo `eight_bits`, to half a scale."""
    return small.astype(np.float32) * np.expand_dims(scale, tuple(range(scale.ndim, small.ndim)))


def _shrink(arrays: dict[str, NDArray[Any]], name: str, kind: str, **options: Any) -> None:
    """Put pictures (..., H, W, 3) as one image file in the place of their numbers."""
    pictures = arrays.pop(name)
    sheet = contact_sheet(pictures.reshape(-1, *pictures.shape[-3:]), gap=0)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, kind, **options)
    arrays[f"{name}/image"] = np.frombuffer(stream.getvalue(), np.uint8)
    arrays[f"{name}/shape"] = np.array(pictures.shape)


def _expand(arrays: dict[str, NDArray[Any]]) -> None:
    """Undo in place what `compact` did to the arrays of a file."""
    for key in [key for key in arrays if key.endswith("/scale")]:
        name, scale = key.removesuffix("/scale"), arrays.pop(key)
        arrays[name] = full_bits(arrays[name], scale).astype(np.float16)
    for key in [key for key in arrays if key.endswith("/image")]:
        name = key.removesuffix("/image")
        shape = arrays.pop(f"{name}/shape")
        count = int(np.prod(shape[:-3]))
        with Image.open(io.BytesIO(arrays.pop(key).tobytes())) as image:
            sheet = np.asarray(image.convert("RGB"))
        columns = square_columns(count, int(shape[-3]), int(shape[-2]))
        arrays[name] = cut_sheet(sheet, count, columns).reshape(shape)


def _texts(header: str) -> dict[str, Any]:
    values = json.loads(header)
    return {name: tuple(values[name]) if name in TUPLES else values[name] for name in TEXTS}


def _arrays(flat: dict[str, Any]) -> dict[str, Any]:
    """Undo `Trace.arrays`: "queries.3.0" -> queries[3, 0]."""
    fields: dict[str, Any] = {"queries": {}, "keys": {}, "inputs": {}, "plan": {}}
    for name, array in flat.items():
        kind, _, rest = name.partition(".")
        if kind in ("inputs", "plan"):
            fields[kind][rest] = array
        elif rest:
            step, layer = rest.split(".")
            fields[kind][int(step), int(layer)] = array
        else:
            fields[name] = array
    return fields
