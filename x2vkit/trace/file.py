"""A trace on disk: one safetensors file, `.x2v`, whose header carries the words and numbers as JSON.

No pickle anywhere: opening a trace from a stranger reads numbers and never runs code.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.media import check_output, write_atomic
from x2vkit.trace.checks import ARRAYS, GROUPS
from x2vkit.trace.differences import Stack
from x2vkit.trace.layers import AttentionLayer
from x2vkit.trace.pictures import EncodedPictures

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

SUFFIX = ".x2v"
FORMAT = "x2vkit.trace"
SCHEMA = 5
"""Raised when a field changes its meaning or its place; a file of another schema is refused."""

TEXTS = ("request", "words", "unknown", "fps", "heads", "geometry", "timings", "flops", "weights", "versions")
"""The fields of a Trace that are JSON; all others are arrays."""
FOREIGN = ("layers", "stages", "sections", "coverage", "made_by")
"""More of them, which a file has only where they are not empty: those of models that are not x2vkit's, and of
what more than one run made.
"""
TUPLES = ("words", "unknown", "heads", "layers", "stages", "sections")
FIELDS = ("request", "geometry", "timings", "versions", "coverage", "made_by")
PICKLES = (b"\x80", b"PK\x03\x04")
"""How pickles begin: plain ones, and the zip files that torch.save writes."""
JSON_HEADER = b"\0\0\0\0{"
"""How safetensors goes on after half of its header's length, which may look like a pickle's start."""


IMAGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("frames", "PNG", {}),
    ("previews", "WEBP", {"quality": 90}),
)
"""What a compact file keeps as one image each: the field, the kind of image, and how it is written."""
STACKS = ("latents", "pred_x0", "pred_x0_cond")
"""What a compact file keeps at 8 bits a number as differences from step to step, as it does queries and keys
(see `differences`): "latents/numbers", "latents/scale" (C,) and "latents/shape"; queries and keys of a layer
under the name of their first place, "queries.0.5/numbers", with "queries.0.5/scale" (A, L), and all steps
that they are of in "queries.0.5/steps". Its frames are one PNG, without loss, and its previews one WebP:
"frames/image" and "frames/shape", and so on.
"""


def save(trace: Trace, path: str | os.PathLike[str], *, compact: bool = False) -> Path:
    """Write a trace; raises X2VError when the path cannot be, before or while writing. Returns the path."""
    path = check_output(path, (SUFFIX,))
    values = {name: getattr(trace, name) for name in TEXTS}
    values |= {name: getattr(trace, name) for name in FOREIGN if getattr(trace, name)}
    header = {name: dict(value) if hasattr(value, "keys") else value for name, value in values.items()}
    header["geometry"] = asdict(trace.geometry)
    if trace.layers:
        header["layers"] = [asdict(layer) for layer in trace.layers]
    metadata = {"format": FORMAT, "schema": str(SCHEMA), "trace": json.dumps(header)}
    arrays = {name: np.ascontiguousarray(array) for name, array in trace.arrays().items()}
    if compact:
        _compact(trace, arrays)
    return write_atomic(path, safetensors.numpy.save(arrays, metadata))


def _compact(trace: Trace, arrays: dict[str, NDArray[Any]]) -> None:
    """Put in place of a trace's arrays what takes less: see STACKS and IMAGES."""

    def stack(name: str, array: NDArray[Any], lead: int) -> None:
        stored = trace.stored(name)
        packed = stored if stored and stored.shape == array.shape else Stack.eight_bits(array, lead)
        arrays[f"{name}/numbers"] = np.frombuffer(packed.data, np.uint8)
        arrays[f"{name}/scale"] = np.asarray(packed.scale)
        arrays[f"{name}/shape"] = np.array(packed.shape)

    for name in STACKS:
        if name in arrays:
            stack(name, arrays.pop(name), 1)
    for sites in trace.stacks():
        for side in ("queries", "keys"):
            names = [f"{side}.{step}.{layer}" for step, layer in sites]
            stack(names[0], np.stack([arrays.pop(name) for name in names]), 2)
            arrays[f"{names[0]}/steps"] = np.array([step for step, _ in sites])
    for name, kind, options in IMAGES:
        if name in arrays:
            image = trace.encoded(name) or EncodedPictures.encode(name, arrays.pop(name), kind, **options)
            arrays.pop(name, None)
            arrays[f"{name}/image"] = np.frombuffer(image.data, np.uint8)
            arrays[f"{name}/shape"] = np.array(image.shape)


def load(path: str | os.PathLike[str], kind: type[Trace]) -> Trace:
    """Read a trace (kind: the class Trace); raises X2VError on a missing, truncated or foreign file, another
    schema, or a pickle.
    """
    name = f"trace {str(path)!r}"
    start = _start(path, name)
    if start.startswith(PICKLES) and start[4:] != JSON_HEADER:
        rule = "this is a pickle, which can run code when it is read, and is never loaded"
        raise X2VError(name, rule, "save it as a trace with Trace.save")
    try:
        with safetensors.safe_open(path, framework="numpy") as opened:
            header = _header(opened.metadata() or {}, name)
            arrays = {key: opened.get_tensor(key) for key in opened.keys()}
        stacks = _stacks(arrays)
        trace = kind(**_fields(header, arrays))
        object.__setattr__(trace, "_stored", MappingProxyType(stacks))
        return trace
    except (safetensors.SafetensorError, OSError) as error:
        raise X2VError(name, f"it is damaged or no trace ({error})", "copy or record it again") from error
    except X2VError as error:
        raise error if error.got == name else X2VError(name, error.rule, error.cure) from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:  # of another kind
        raise X2VError(name, f"its header is damaged ({error!r})", "copy or record it again") from error


def _start(path: str | os.PathLike[str], name: str) -> bytes:
    """The first bytes of a file. X2VError where it is none: a pipe, say, would keep a reader waiting."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no file, but a pipe or a device"
            raise X2VError(name, f"it cannot be opened: this is {kind}", "check the path")
        with open(path, "rb") as file:
            return file.read(9)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        why = getattr(error, "strerror", None) or error
        raise X2VError(name, f"it cannot be opened ({why})", "check the path") from error


def _header(metadata: dict[str, str], name: str) -> str:
    """The JSON of a trace's header. X2VError for another kind of file, and for another schema."""
    if metadata.get("format") != FORMAT:
        raise X2VError(name, "this is safetensors, but no trace", "open what Trace.save wrote")
    if metadata.get("schema") != str(SCHEMA):
        rule = f"it has schema {metadata.get('schema')}, this x2vkit reads {SCHEMA}"
        raise X2VError(name, rule, "open it with the x2vkit that wrote it, or record it again")
    return metadata["trace"]


def _fields(header: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The fields of a trace, of what a file holds."""
    _images(arrays)
    texts = _texts(header)
    fields = _arrays(arrays)
    known = (*ARRAYS, *GROUPS)
    if strange := sorted(set(fields) - set(known)):
        rule = f"it holds {', '.join(strange)[:80]!r}, which no trace has"
        raise X2VError("trace", rule, "open what Trace.save wrote")
    if missing := [field for field in ("t", "latents", "pred_x0", "frames") if field not in fields]:
        raise X2VError("trace", f"it is damaged: {', '.join(missing)} is missing", "copy or record it again")
    return texts | fields


def _stacks(arrays: dict[str, Any]) -> dict[str, Stack]:
    """Put what the stacks of a file hold in their place -> those, by name. X2VError where that cannot be."""
    found = {}
    for key in [key for key in arrays if key.endswith("/numbers")]:
        name, data = key.removesuffix("/numbers"), arrays.pop(key)
        shape, steps = _shape(arrays, name), arrays.pop(f"{name}/steps", np.zeros(0, np.int64))
        scale = arrays.pop(f"{name}/scale", np.zeros((0, 0)))
        kind, _, place = name.partition(".")
        lead = 2 if place else 1
        right = scale.shape == shape[1 : 1 + lead] and scale.ndim == lead and scale.dtype == np.float32
        layer = place.partition(".")[2]
        names = [f"{kind}.{step}.{layer}" for step in steps.tolist()] if place else [name]
        if place:
            right &= shape[:1] == (len(names),) and names[:1] == [name] and bool((np.diff(steps) > 0).all())
        if not right or steps.dtype.kind != "i" or not arrays.keys().isdisjoint(names):
            raise X2VError("trace", f"it is damaged: {key!r} fits no array", "copy or record it again")
        found[name] = Stack(data.tobytes(), shape, np.dtype(np.int8), scale)
        values = found[name].values()
        if place:  # float32: in 16 bits they would no longer be whole numbers of a scale
            arrays |= dict(zip(names, values, strict=True))
        else:
            arrays[name] = values.astype(np.float16)
    return found


def _images(arrays: dict[str, Any]) -> None:
    """Put what the images of a file hold in their place."""
    for key in [key for key in arrays if key.endswith("/image")]:
        name, image = key.removesuffix("/image"), arrays.pop(key)
        arrays[name] = EncodedPictures(name, image.tobytes(), _shape(arrays, name))


def _shape(arrays: dict[str, Any], name: str) -> tuple[int, ...]:
    """The shape that stands beside an array, and is taken out; () where none does."""
    shape = arrays.pop(f"{name}/shape", np.zeros(0))
    return tuple(int(n) for n in shape.ravel()[:8]) if shape.dtype.kind in "iu" else ()


def _texts(header: str) -> dict[str, Any]:
    """The fields of a trace that are JSON."""
    values = json.loads(header)
    names = (*TEXTS, *(name for name in FOREIGN if name in values))
    for name in names:
        if name in TUPLES and not isinstance(values[name], list):
            raise ValueError(f"{name} is no list")
        if name in FIELDS and not isinstance(values[name], dict):
            raise ValueError(f"{name} holds no fields")
    texts = {name: tuple(values[name]) if name in TUPLES else values[name] for name in names}
    if "layers" in texts:
        texts["layers"] = tuple(AttentionLayer(**layer) for layer in texts["layers"])
    return texts | {"geometry": Geometry(**values["geometry"])}


def _arrays(flat: dict[str, Any]) -> dict[str, Any]:
    """Undo `Trace.arrays`: "queries.3.0" -> queries[3, 0]."""
    fields: dict[str, Any] = {name: {} for name in GROUPS}
    for name, array in flat.items():
        kind, _, rest = name.partition(".")
        if kind in ("inputs", "plan", "maps") and rest:
            fields[kind][rest] = array
        elif kind in ("queries", "keys") and rest:
            step, layer = rest.split(".")
            fields[kind][int(step), int(layer)] = array
        elif kind in GROUPS:
            raise ValueError(f"array {name!r} has no place")
        else:
            fields[name] = array
    return fields
