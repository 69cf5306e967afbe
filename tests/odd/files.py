"""Odd files: traces, weights, recipes, captions and pictures, made from small good ones."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from PIL import Image

from tests.odd.judge import Case
from tests.odd.values import damaged, plain, spelt
from x2vkit import media
from x2vkit.run.load import load
from x2vkit.trace import Trace
from x2vkit.training.recipe import BUNDLED, recipe_from_dict
from x2vkit.training.size import check_recipe
from x2vkit.views import Attention, Denoise, Patches
from x2vkit.world.caption_files import read_captions
from x2vkit.world.dataset import VideoFolder

VIEWS = (Denoise, Patches, Attention)


def traces(rng: random.Random, count: int, good: Path, folder: Path) -> Iterator[Case]:
    """Files of a trace: bytes, fields of the header, whole arrays and their numbers exchanged."""
    both = [_read(path) for path in (good, good.with_suffix(".compact.x2v"))]
    for index in range(count):
        whole, arrays, metadata = rng.choice(both)
        path = folder / f"{index}.x2v"
        way, name = rng.choice(("bytes", "header", "header", "array", "array", "numbers", "claim")), ""
        if way == "bytes":
            path.write_bytes(damaged(whole, rng, rng.choice((None, 2500))))
        else:
            changed, told = dict(arrays), json.loads(metadata["trace"])
            name = _in_header(told, rng) if way == "header" else _in_arrays(changed, way, rng)
            text = json.dumps(told) if rng.random() < 0.97 else "[" * 5000
            _save(changed, path, metadata | {"trace": text})
        yield Case("trace", f"{way} {name}", lambda path=path: _look(path))


def _read(path: Path) -> tuple[bytes, dict[str, np.ndarray], dict[str, str]]:
    with safetensors.safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}
        return path.read_bytes(), arrays, dict(file.metadata())


def _save(arrays: dict[str, np.ndarray], path: Path, metadata: dict[str, str]) -> None:
    safetensors.numpy.save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, path, metadata)


def _in_header(told: dict[str, Any], rng: random.Random) -> str:
    name, value = rng.choice(list(told)), plain(rng)
    if isinstance(value, str) and not value.isprintable() and "\ud800" in value:
        value = "\\ud800"
    if rng.random() < 0.1:
        del told[name]
        return f"{name} is missing"
    if isinstance(told[name], dict) and told[name] and rng.random() < 0.7:
        part = rng.choice(list(told[name]))
        told[name][part] = value
        return f"{name}.{part} = {spelt(value)}"
    told[name] = value
    return f"{name} = {spelt(value)}"


def _in_arrays(arrays: dict[str, np.ndarray], way: str, rng: random.Random) -> str:
    name = rng.choice(list(arrays))
    array = arrays[name]
    if way == "claim" and "frames/image" in arrays:  # a small picture that says it is a huge one
        side = rng.choice((50_000, 13_000, 2_000))
        arrays["frames/image"] = np.frombuffer(png_of(side, side), np.uint8)
        arrays["frames/shape"] = np.array(rng.choice(((1, side, side, 3), (4, side // 2, side // 2, 3))))
        return f"frames of {side} x {side}"
    if way == "numbers":
        number = rng.choice((float("nan"), float("inf"), 6e4, -6e4, 0, 255))
        changed = array.copy()
        if array.dtype.kind == "f" or np.isfinite(number) and abs(number) < 128:
            changed.ravel()[rng.randrange(max(1, array.size)) :] = number
        arrays[name] = changed
        return f"{name} from somewhere on {number}"
    kinds = ("float64", "int32", "bool", "uint16")
    other = rng.choice(
        (
            array[None], array[..., :1], array.ravel()[:0], array.astype(rng.choice(kinds)), array[:1],
            np.zeros((), array.dtype), np.zeros((2,) * 9, array.dtype), None, array.repeat(2, axis=0)
            if array.ndim else array,
        )
    )  # fmt: skip
    if other is None:
        del arrays[name]
        return f"{name} is missing"
    arrays[rng.choice((name, name, name, f"{name}.1", "foreign", "queries.9.9"))] = other
    return f"{name} {other.shape} {other.dtype}"


def _look(path: Path) -> None:
    """Open a trace as its readers do: every view, its numbers, and the trace written again."""
    trace = Trace.load(path)
    assert len(repr(trace)) < 200_000
    for kind in VIEWS:
        view = kind(trace)
        if view.error is None:
            numbers = view.data()
            assert numbers and all(np.asarray(array).dtype.kind != "O" for array in numbers.values())
            assert "NaN" not in json.dumps(dict(view.metadata))
    assert trace.frames.shape == Trace.load(trace.save(path)).frames.shape


def weights(rng: random.Random, count: int, good: Path, folder: Path) -> Iterator[Case]:
    """Folders of weights: configs, tensors, files in each other's place or gone."""
    for index in range(count):
        target = folder / f"weights{index}"
        shutil.copytree(good, target)
        name = _change_weights(target, rng)
        yield Case("weights", name, lambda target=target: _run(target))
        shutil.rmtree(target, ignore_errors=True)


def _change_weights(target: Path, rng: random.Random) -> str:
    component = target / rng.choice(("vae", "text_encoder", "transformer"))
    config, tensors = component / "config.json", next(component.glob("*.safetensors"))
    way = rng.choice(("config", "config", "config", "tensor", "bytes", "index", "sampling", "gone", "other"))
    if way == "config":
        values = json.loads(config.read_text())
        key = rng.choice([key for key in values if not key.startswith("_class")])
        inner = isinstance(values[key], list) and values[key] and rng.random() < 0.5
        value = rng.choice((plain(rng), rng.choice((1024, 2048, 4096, 100_000, 10**6))))
        if inner:
            values[key][0] = value
        else:
            values[key] = value
        config.write_text(json.dumps(values))
        return f"{component.name}/config.json {key} = {spelt(value)}"
    if way == "tensor":
        arrays = safetensors.numpy.load_file(tensors)
        key = rng.choice(list(arrays))
        change = rng.choice(("nan", "huge", "shape", "gone", "zeros"))
        if change == "gone":
            del arrays[key]
        else:
            arrays[key] = {
                "nan": np.full_like(arrays[key], np.nan), "huge": np.full_like(arrays[key], 3e38),
                "shape": arrays[key][None], "zeros": np.zeros_like(arrays[key]),
            }[change]  # fmt: skip
        _save(arrays, tensors, {"format": "pt"})
        return f"{component.name} {key} {change}"
    if way == "bytes":
        file = rng.choice((tensors, config, target / "model_index.json"))
        file.write_bytes(damaged(file.read_bytes(), rng, 3000))
        return f"{file.name} of {component.name} damaged"
    if way in ("index", "sampling"):
        file = target / ("model_index.json" if way == "index" else "sampling.json")
        values = json.loads(file.read_text())
        values[rng.choice(list(values))] = value = plain(rng)
        file.write_text(json.dumps(values))
        return f"{file.name} with {spelt(value)}"
    file = rng.choice((tensors, config, target / "model_index.json", target / "sampling.json"))
    file.unlink()
    if way == "other":
        kind = rng.choice(("folder", "pipe", "pickle", "empty"))
        if kind == "folder":
            file.mkdir()
        elif kind == "pipe":
            os.mkfifo(file)
        elif kind == "pickle":
            (component / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04N.")
        else:
            file.touch()
        return f"{file.name} of {component.name} is a {kind}"
    return f"{file.name} of {component.name} is gone"


def _run(folder: Path) -> None:
    """Load weights and make a still of them."""
    pipe = load(str(folder))
    pipe.set_progress_bar_config(disable=True)
    frames = pipe("a ball", num_frames=1, height=16, width=16, num_inference_steps=1, output_type="np").frames
    assert frames.shape == (1, 1, 16, 16, 3) and np.isfinite(frames).all()


def recipes(rng: random.Random, count: int) -> Iterator[Case]:
    """The bundled recipes with one or two values exchanged, put in or taken out."""
    whole = [tomllib.loads(path.read_text()) for path in sorted(BUNDLED.glob("*.toml"))]
    for _ in range(count):
        values = json.loads(json.dumps(rng.choice(whole)))
        name = ", ".join(_in_recipe(values, rng) for _ in range(rng.choice((1, 1, 2))))
        yield Case("recipe", name, lambda values=values: check_recipe(recipe_from_dict(values)))


def _in_recipe(values: dict[str, Any], rng: random.Random) -> str:
    table = values
    if rng.random() < 0.9 and (tables := [one for one in values.values() if isinstance(one, dict)]):
        table = rng.choice(tables)
    key, value = rng.choice([*table, "strange"]), plain(rng)
    if isinstance(table.get(key), list) and table[key] and rng.random() < 0.5:
        inner = table[key][0]
        if isinstance(inner, dict):
            inner[rng.choice([*inner, "strange"])] = value
        else:
            table[key][0] = value
    elif rng.random() < 0.1:
        table.pop(key, None)
        return f"{key} is missing"
    else:
        table[key] = value
    return f"{key} = {spelt(value)}"


ROWS = (
    "cat.mp4,a cat", "cat.mp4,a cat, asleep", 'cat.mp4,"a cat, asleep"', 'cat.mp4,"a cat', "../cat.mp4,a cat",
    "/etc/hostname,a cat", "C:\\cat.mp4,a cat", "cat.mp4,", ",a cat", "cat.mp4", "", "cat.mp4,a\0cat",
    "cat.mp4,un chat à l'eau", "cat.mp4 , 'a' cat", "cat.mp4," + "cat " * 20_000, ",,,,", '"""',
    "a/../b.mp4,x", "no.mp4,nothing", '{"file_name": "cat.mp4", "text": "a cat"}', '{"file_name": 3}',
    "[" * 3000, "null",
)  # fmt: skip
HEADS = ("video,caption", "file_name,text", "caption,video", "", "video", 'video,"caption', "video,caption,x")
NAMES = ("captions.csv", "metadata.csv", "metadata.jsonl", "prompts.txt", "videos.txt", "cat.txt")


def captions(rng: random.Random, count: int, folder: Path) -> Iterator[Case]:
    """Folders of videos with captions in odd rows, encodings and files."""
    for index in range(count):
        mine = folder / f"captions{index}"
        (mine / "videos").mkdir(parents=True)
        for place in (mine, mine / "videos"):
            (place / "cat.mp4").write_bytes(b"a video")
        name = rng.choice(NAMES)
        lines = [rng.choice(HEADS)] * rng.choice((0, 1, 1)) + rng.choices(ROWS, k=rng.randrange(4))
        text = rng.choice(("\n", "\r\n", "\r")).join(lines)
        how = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"))
        data = text.encode(how, "replace")
        if rng.random() < 0.2 and data:
            data = damaged(data, rng)
        (mine / name).write_bytes(data)
        if rng.random() < 0.1:
            (mine / name).unlink()
            os.mkfifo(mine / name) if rng.random() < 0.5 else (mine / name).mkdir()
        yield Case("captions", f"{name} {how} {lines!r:.80}", lambda mine=mine: _captions(mine))


def _captions(folder: Path) -> None:
    rows = read_captions(folder).rows
    assert all(
        video and caption and ".." not in video and not video.startswith("/") for video, caption in rows
    )
    assert VideoFolder(folder).words


def pictures(rng: random.Random, count: int, folder: Path) -> Iterator[Case]:
    """Files and objects that stand where a picture is meant."""
    good = [_picture(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")]
    for index in range(count):
        way = rng.choice(("bytes", "bytes", "bytes", "claims", "mode", "path", "video", "kind"))
        source: Any = damaged(rng.choice(good), rng, rng.choice((None, 60)))
        size = rng.choice(((None, None), (128, 128), (16, 1600), (0, 5), (-1, 16), ("x", 3)))
        if way == "claims":
            source = png_of(*rng.choice(((50_000, 50_000), (13_000, 13_000), (1, 1), (0, 9), (7, 10**6))))
        elif way == "mode":
            mode = rng.choice(("1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"))
            source = Image.new(mode, rng.choice(((16, 16), (9, 900), (1, 1))))
        elif way == "kind":
            source = plain(rng)
        elif way in ("path", "video"):
            source = folder / f"picture{index}.{rng.choice(('png', 'mp4', 'gif', 'svg', 'txt'))}"
            rng.choice((source.mkdir, source.touch, lambda path=source: os.mkfifo(path), lambda: None))()
        yield Case("picture", f"{way} {spelt(source)} {size}", _reader(source, *size, video=way == "video"))


def _reader(source: Any, height: Any, width: Any, video: bool) -> Any:
    def read() -> None:
        if video:
            media.read_comment(source)
            media.read_video(source, 5, 16, 16)
            return
        array = media.read_image(source, height, width, longest=256)
        assert array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8 and array.size
        assert height is None or array.shape[:2] == (height, width)

    return read


def _picture(kind: str) -> bytes:
    stream = io.BytesIO()
    shades = np.arange(24 * 32 * 3, dtype=np.uint32).reshape(24, 32, 3) % 251
    Image.fromarray(shades.astype(np.uint8)).save(stream, kind)
    return stream.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A small file that says it is a PNG of this size, and holds no more than its first bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
