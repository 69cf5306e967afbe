"""A trace file from anyone is read, or refused with a sentence; never a traceback of another kind."""

from __future__ import annotations

import json
import os
import random
import struct
import zlib

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from x2vkit import views
from x2vkit.errors import X2VError
from x2vkit.trace import Trace
from x2vkit.trace.differences import Stack
from x2vkit.trace.pictures import LARGEST

FLIPS, CUTS, HEADERS = 150, 40, 150
"""How many damaged files of each kind are tried."""


def parts(path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safetensors.safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())


@pytest.fixture(params=[False, True], ids=["full", "compact"])
def saved(request, make_trace, tmp_path):
    previews = np.full((3, 5, 32, 48, 3), 90, np.uint8)
    weight = {"preview_weight": np.ones((768, 4), np.float16), "preview_bias": np.zeros(768, np.float16)}
    return make_trace(previews=previews, **weight).save(tmp_path / "run.x2v", compact=request.param)


def opens(path) -> bool:
    """Whether a file is read; anything but a trace or an X2VError fails the test."""
    try:
        trace = Trace.load(path)
    except X2VError as error:
        assert error.got and error.rule and error.cure
        return False
    assert len(repr(trace)) < 1000
    for name in ("frames", "previews"):  # unpacked when they are asked for
        try:
            getattr(trace, name)
        except X2VError:
            return False
    return True


def test_changed_bytes_and_cut_files(saved):
    rng, whole = random.Random(0), saved.read_bytes()
    for _ in range(FLIPS):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 3, 20))):
            reach = len(data) if rng.random() < 0.5 else 2000  # half of them in the header
            data[rng.randrange(min(reach, len(data)))] = rng.randrange(256)
        saved.write_bytes(data)
        opens(saved)
    for _ in range(CUTS):
        saved.write_bytes(whole[: rng.randrange(len(whole))])
        assert not opens(saved)


WEIRD = (
    None,
    True,
    -1,
    0,
    2**80,
    1e308,
    float("nan"),
    "",
    "x",
    "\x00",
    [],
    [1],
    ["a"],
    [["a", 1]],
    {},
    {"a": 1},
    [[]],
)


def test_any_value_in_any_field_of_the_header(saved):
    rng = random.Random(1)
    arrays, metadata = parts(saved)
    header = json.loads(metadata["trace"])
    for _ in range(HEADERS):
        changed = json.loads(metadata["trace"])
        name = rng.choice(list(header))
        if isinstance(header[name], dict) and header[name] and rng.random() < 0.7:
            changed[name][rng.choice(list(header[name]))] = rng.choice(WEIRD)
        elif rng.random() < 0.2:
            del changed[name]
        else:
            changed[name] = rng.choice(WEIRD)
        safetensors.numpy.save_file(arrays, saved, metadata | {"trace": json.dumps(changed)})
        if opens(saved):
            trace = Trace.load(saved)
            assert isinstance(trace.fps, (int, float)) and all(isinstance(word, str) for word in trace.words)


def test_other_arrays_in_the_place_of_each(saved):
    arrays, metadata = parts(saved)
    for name, array in arrays.items():
        for other in (
            array.astype(np.float64) if array.dtype.kind == "f" else array.astype(np.int16),
            array[..., :1],
            array[None],
            array.reshape(-1)[:0],
            np.zeros((), array.dtype),
        ):
            safetensors.numpy.save_file(arrays | {name: np.ascontiguousarray(other)}, saved, metadata)
            if name != "inputs.image" and "/" not in name:
                assert not opens(saved) or other.shape == array.shape, (name, other.shape)
        safetensors.numpy.save_file(
            {key: value for key, value in arrays.items() if key != name}, saved, metadata
        )
        opens(saved)


@pytest.mark.parametrize(
    "name",
    [
        "foo",
        "queries",
        "queries.1",
        "queries.a.b",
        "queries.0.0.0",
        "keys.9.0",
        "keys.-1.0",
        "inputs",
        "plan.x",
    ],
)
def test_foreign_arrays(saved, name):
    arrays, metadata = parts(saved)
    safetensors.numpy.save_file(arrays | {name: np.zeros((2, 15, 8), np.float16)}, saved, metadata)
    assert not opens(saved)


def test_a_not_a_number_in_the_latents(saved):
    arrays, metadata = parts(saved)
    name = "latents/scale" if "latents/scale" in arrays else "latents"
    broken = arrays[name].copy()
    broken.reshape(-1)[0] = np.nan
    safetensors.numpy.save_file(arrays | {name: broken}, saved, metadata)
    with pytest.raises(X2VError, match="latents are finite"):
        Trace.load(saved)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_a_deeply_nested_header(saved, deep):
    arrays, metadata = parts(saved)
    safetensors.numpy.save_file(arrays, saved, metadata | {"trace": deep})
    assert not opens(saved)


def test_sizes_that_are_said_to_be_huge(saved, make_trace, tmp_path):
    header = json.dumps({"latents": {"dtype": "F16", "shape": [2**40], "data_offsets": [0, 2**41]}}).encode()
    for length in (len(header), 2**40, 2**63 - 1):
        saved.write_bytes(struct.pack("<Q", length) + header)
        assert not opens(saved)
    compact = make_trace().save(tmp_path / "small.x2v", compact=True)
    arrays, metadata = parts(compact)
    for shape in (
        [10**9, 4, 4, 3],
        [1, 10**5, 10**5, 3],
        [-1, 32, 48, 3],
        [0, 32, 48, 3],
        [2, 32, 48, 3],
        [2**62] * 3 + [3],
    ):
        assert np.prod([float(n) for n in shape]) > LARGEST or min(shape) < 5
        safetensors.numpy.save_file(arrays | {"frames/shape": np.array(shape)}, compact, metadata)
        assert not opens(compact), shape


def test_an_image_that_unpacks_to_more_than_it_says(make_trace, tmp_path):
    import io

    from PIL import Image

    compact = make_trace().save(tmp_path / "small.x2v", compact=True)
    arrays, metadata = parts(compact)
    stream = io.BytesIO()
    Image.new("RGB", (6000, 6000)).save(stream, "PNG")  # a small file of a hundred megabytes
    bomb = np.frombuffer(stream.getvalue(), np.uint8)
    safetensors.numpy.save_file(arrays | {"frames/image": bomb}, compact, metadata)
    with pytest.raises(X2VError, match="holds no"):
        Trace.load(compact)


def test_numbers_that_are_not_what_they_say(make_trace, tmp_path):
    compact = make_trace().save(tmp_path / "small.x2v", compact=True)
    arrays, metadata = parts(compact)
    shape, steps, first = (
        arrays["latents/shape"],
        arrays["queries.0.0/steps"],
        np.zeros((2, 15, 8), np.float16),
    )
    zeros = np.frombuffer(zlib.compress(bytes(300_000_000), 1), np.uint8)  # a few bytes of many megabytes
    for changed in (
        {"latents/shape": shape * 2},
        {"latents/shape": shape[:0]},
        {"latents/shape": np.array([2**40, *shape[1:]])},
        {
            "latents/numbers": zeros,
            "latents/shape": np.array([300_000_000 // np.prod(shape[1:]), *shape[1:]]),
        },
        {"latents/numbers": arrays["latents/numbers"][:-9]},
        {"queries.0.0/steps": steps + 1},
        {"queries.0.0/steps": steps.repeat(2)},
        {"queries.0.0/steps": steps[:0]},
        {"queries.0.0/steps": steps.astype(np.float32)},
        {"queries.0.0": first},
        {
            "queries.0.0/steps": steps[:0],
            "queries.0.0/shape": np.array([0, *arrays["queries.0.0/shape"][1:]]),
        },
        {"queries.0.0/scale": arrays["queries.0.0/scale"][:, 0]},
        {"latents/numbers": np.append(arrays["latents/numbers"], np.uint8(7))},
        {"latents/numbers": arrays["latents/numbers"][:-1]},
    ):
        safetensors.numpy.save_file(arrays | changed, compact, metadata)
        assert not opens(compact), changed.keys()


def test_a_layer_that_lies_in_two_pieces_is_shown_and_written_again_whole(make_trace, tmp_path):
    rng = np.random.default_rng(0)
    held = {(step, 0): rng.normal(0, 0.1, (2, 15, 8)).astype(np.float16) for step in range(3)}
    path = make_trace(queries=held, keys=held).save(tmp_path / "run.x2v", compact=True)
    arrays, metadata = parts(path)
    for side in ("queries", "keys"):  # the last step by itself
        whole = Stack(arrays[f"{side}.0.0/numbers"].tobytes(), (3, 2, 15, 8), np.dtype(np.int8))
        for first, numbers in ((0, whole.numbers()[:2]), (2, whole.numbers()[2:])):
            name = f"{side}.{first}.0"
            arrays[f"{name}/numbers"] = np.frombuffer(Stack.of(numbers).data, np.uint8)
            arrays[f"{name}/scale"] = arrays[f"{side}.0.0/scale"]
            arrays[f"{name}/shape"] = np.array(numbers.shape)
            arrays[f"{name}/steps"] = np.arange(first, first + len(numbers))
    safetensors.numpy.save_file(arrays, path, metadata)
    trace = Trace.load(path)
    sent = views.Attention(trace).packed.arrays["keys.0"].numbers()
    assert len(sent) == 3 and sorted(trace.keys) == sorted(held)
    again = Trace.load(trace.save(tmp_path / "again.x2v", compact=True))
    for site in held:
        np.testing.assert_allclose(again.keys[site], trace.keys[site], atol=1e-6)


def test_a_pipe_a_device_and_a_strange_path(tmp_path):
    pipe = tmp_path / "pipe.x2v"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/null", "/dev/zero", tmp_path, "no\x00where.x2v", ""):
        with pytest.raises(X2VError, match="cannot be opened"):
            Trace.load(path)
