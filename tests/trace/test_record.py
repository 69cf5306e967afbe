"""A trace is frozen, its attention is the softmax it says, and its file is read back exactly or refused."""

from __future__ import annotations

import dataclasses
import json
import pickle
import stat

import numpy as np
import pytest
import safetensors.numpy

from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.trace import Trace
from x2vkit.trace.about import about


def same(a: Trace, b: Trace) -> bool:
    texts = ("words", "unknown", "fps", "heads", "geometry", "flops", "weights")
    maps = ("request", "timings", "versions")
    arrays_a, arrays_b = a.arrays(), b.arrays()
    return (
        all(getattr(a, name) == getattr(b, name) for name in texts)
        and all(dict(getattr(a, name)) == dict(getattr(b, name)) for name in maps)
        and arrays_a.keys() == arrays_b.keys()
        and all(
            arrays_a[name].dtype == arrays_b[name].dtype and np.array_equal(arrays_a[name], arrays_b[name])
            for name in arrays_a
        )
    )


def test_saved_and_loaded_is_the_same(trace, tmp_path):
    path = trace.save(tmp_path / "run.x2v")
    assert same(trace, Trace.load(path))
    assert path.stat().st_size == pytest.approx(trace.nbytes, abs=10_000)


def test_a_call_of_the_studio_and_its_sound_survive_the_file(tmp_path, make_trace):
    sound = np.arange(-500, 500, dtype=np.int16)
    made = make_trace(made_by={"call": "extend", "seconds": 2.5}, sound=sound)
    again = Trace.load(made.save(tmp_path / "made.x2v"))
    assert dict(again.made_by) == {"call": "extend", "seconds": 2.5}
    assert (again.sound == sound).all() and again.sound.dtype == np.int16
    assert json.loads(about(again))["made_by"]["call"] == "extend"
    with pytest.raises(X2VError, match="sound is int16"):
        make_trace(sound=sound / 500)
    with pytest.raises(X2VError, match="made_by is a call"):
        make_trace(made_by={"call": 3})


def test_previews_and_linear_decoder_survive_the_file(tmp_path, make_trace):
    previews = np.zeros((3, 5, 32, 48, 3), np.uint8)
    weight, bias = np.ones((768, 4), np.float16), np.zeros(768, np.float16)
    trace = make_trace(previews=previews, preview_weight=weight, preview_bias=bias)
    assert same(trace, Trace.load(trace.save(tmp_path / "run.x2v")))


def test_a_compact_file_keeps_frames_exactly_and_numbers_to_half_a_256th(make_trace, tmp_path):
    rng = np.random.default_rng(1)
    trace = make_trace(pred_x0_cond=rng.normal(size=(3, 4, 2, 4, 6)).astype(np.float16))
    path = trace.save(tmp_path / "run.x2v", compact=True)
    again = Trace.load(path)
    assert path.stat().st_size < trace.save(tmp_path / "full.x2v").stat().st_size
    np.testing.assert_array_equal(again.frames, trace.frames)
    for name, array in trace.arrays().items():
        got = again.arrays()[name]
        exact = name.split(".")[0] in ("queries", "keys")  # as whole numbers of a scale: see Trace.queries
        assert got.dtype == (np.float32 if exact else array.dtype) and got.shape == array.shape
        field = name.split(".")[0]
        if field in ("latents", "pred_x0", "pred_x0_cond", "queries", "keys"):
            attends = field in (
                "queries",
                "keys",
            )  # a scale a vector there, a channel elsewhere; of all steps
            steps = [getattr(trace, field)[site] for site in trace.captured] if attends else [*array]
            steps = [step for step in steps if step.shape == array.shape[-steps[0].ndim :]]
            magnitude = np.abs(np.stack(steps).astype(np.float32)).max(axis=0)
            largest = magnitude.max(axis=tuple(range(2 if attends else 1, magnitude.ndim)), keepdims=True)
            off = np.abs(got.astype(np.float32) - array.astype(np.float32))
            assert (off <= 0.5 * largest / 127 + 1e-3 * np.abs(array)).all() and off.max() > 0
        else:
            np.testing.assert_array_equal(got, array)


def test_what_a_compact_file_held_is_written_again_as_it_is(make_trace, tmp_path):
    path = make_trace().save(tmp_path / "run.x2v", compact=True)
    once = Trace.load(path)
    assert same(once, Trace.load(once.save(tmp_path / "again.x2v", compact=True)))
    step, layer = once.stacks()[0][0]
    stored = once.stored(f"keys.{step}.{layer}")
    np.testing.assert_array_equal(stored.values()[0], once.keys[step, layer])
    assert once.stored("frames") is None and make_trace().stored("latents") is None


def test_stacks_are_the_places_of_a_layer_in_the_order_of_steps(make_trace):
    rows = np.zeros((2, 15, 8), np.float16)
    held = dict.fromkeys(((2, 1), (0, 1), (1, 0), (1, 1)), rows)
    other = {site: rows if site != (1, 1) else np.zeros((2, 15, 4), np.float16) for site in held}
    assert make_trace(queries=held, keys=held).stacks() == (((1, 0),), ((0, 1), (1, 1), (2, 1)))
    assert make_trace(queries=other, keys=other).stacks() == (((1, 0),), ((1, 1),), ((0, 1), (2, 1)))


def test_a_compact_file_keeps_previews_nearly(make_trace, tmp_path):
    ramp = np.linspace(0, 255, 48).astype(np.uint8)
    previews = np.empty((3, 5, 32, 48, 3), np.uint8)
    previews[:] = ramp[:, None]
    previews += np.arange(15, dtype=np.uint8).reshape(3, 5, 1, 1, 1) * 8  # each picture has its own place
    trace = make_trace(previews=previews.clip(20, 235))
    again = Trace.load(trace.save(tmp_path / "run.x2v", compact=True))
    off = np.abs(again.previews.astype(int) - trace.previews.astype(int))
    assert again.previews.shape == trace.previews.shape and np.median(off) <= 2


def test_any_latents_have_a_picture_and_previews_are_that_of_clean(make_trace):
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(size=(768, 4)).astype(np.float16) * 0.1, np.zeros(768, np.float16)
    trace = make_trace(preview_weight=weight, preview_bias=bias)
    np.testing.assert_array_equal(trace.picture(trace.pred_x0[1]), trace.preview(1))
    assert trace.picture(trace.latents[0]).shape == trace.frames.shape
    assert make_trace().picture(trace.latents[0]).shape == trace.frames.shape  # fitted on the spot
    np.testing.assert_array_equal(trace.preview(2)[4], trace.preview_frame(2, 4))


def test_frozen(trace):
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.fps = 3
    for array in trace.arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(TypeError):
        trace.request["seed"] = 1
    with pytest.raises(TypeError):
        trace.queries[0, 0] = None


def test_making_a_trace_leaves_the_callers_arrays_writable(make_trace):
    mine = np.zeros((5, 32, 48, 3), np.uint8)
    make_trace(frames=mine)
    mine[0] = 1


def test_attention_is_softmax_over_text_and_video(trace):
    q, k = (x.astype(np.float64) for x in (trace.queries[2, 1], trace.keys[2, 1]))
    scores = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(8))
    whole = scores / scores.sum(-1, keepdims=True)
    for query in (0, 5, q.shape[1] - 1):
        row = trace.attention(2, 1, query)
        assert row.shape == (2, 3 + 12)
        np.testing.assert_allclose(row, whole[:, query], atol=1e-6)


@pytest.mark.parametrize("place", [(1, 0, 0), (0, 0, 15), (0, 0, -1)])
def test_attention_that_is_not_there(trace, place):
    with pytest.raises(X2VError):
        trace.attention(*place)


def test_preview_draws_the_linear_picture(trace, make_trace):
    # a decoder that paints channel 0 into the red of every pixel, and nothing else
    weight = np.zeros((4, 8, 8, 3, 4), np.float16)
    weight[..., 0, 0] = 1
    with_map = make_trace(preview_weight=weight.reshape(768, 4), preview_bias=np.zeros(768, np.float16))
    picture = with_map.preview(1)
    assert picture.shape == trace.frames.shape
    cells = trace.pred_x0[1, 0].astype(np.float32).clip(-1, 1)
    expected = np.rint((cells + 1) * 127.5).astype(np.uint8).repeat(8, 1).repeat(8, 2)[[0, 1, 1, 1, 1]]
    np.testing.assert_array_equal(picture[..., 0], expected)
    assert set(np.unique(picture[..., 1:])) <= {127, 128}


@pytest.mark.parametrize(
    "changes",
    [
        {"frames": np.zeros((5, 32, 48, 3), np.float32)},
        {"frames": np.zeros((5, 64, 48, 3), np.uint8)},
        {"frames": np.zeros((0, 32, 48, 3), np.uint8)},
        {"t": np.zeros(3, np.float32)},
        {"t": np.linspace(2, 0, 4, dtype=np.float32)},
        {"latents": np.full((4, 4, 2, 4, 6), np.nan, np.float16)},
        {"latents": np.zeros((4, 4, 2, 4, 6), np.int8)},
        {"fps": "12"},
        {"fps": float("nan")},
        {"geometry": Geometry(token_kinds=(("text", 3), ("video", 99)))},
        {"geometry": Geometry(temporal_stride=8)},
        {"preview_weight": np.zeros((768, 4), np.float16)},
        {"preview_weight": np.zeros((8, 4), np.float16), "preview_bias": np.zeros(8, np.float16)},
        {"plan": {"boxes": np.zeros((4, 2, 4), np.float32)}},
        {"plan": {"path": np.zeros((5, 2), np.float32)}},
        {"request": {"guidance": "much"}},
        {"timings": {"total": "long"}},
        {"pred_x0": np.zeros((3, 5, 2, 4, 6))},
        {"previews": np.zeros((3, 5, 32, 32, 3), np.uint8)},
        {"words": ("<start>",)},
        {"heads": (0,)},
        {"keys": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_parts_that_do_not_fit_are_refused(changes, make_trace):
    with pytest.raises(X2VError, match="do not fit"):
        make_trace(**changes)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_refused_and_never_run(tmp_path):
    bomb = tmp_path / "run.x2v"
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        bomb.write_bytes(pickle.dumps(Bomb(tmp_path / "boom"), protocol))
        with pytest.raises(X2VError, match="pickle"):
            Trace.load(bomb)
    bomb.write_bytes(pickle.dumps(Bomb(tmp_path / "boom"), 0))  # text pickles look like any damaged file
    with pytest.raises(X2VError):
        Trace.load(bomb)
    assert not (tmp_path / "boom").exists()


def test_a_torch_pickle_is_refused(tmp_path):
    import torch

    torch.save({"a": torch.ones(3)}, tmp_path / "run.x2v")
    with pytest.raises(X2VError, match="pickle"):
        Trace.load(tmp_path / "run.x2v")


@pytest.mark.parametrize("keep", [0, 3, 8, 100, 5000, -1])
def test_truncated(trace, tmp_path, keep):
    path = trace.save(tmp_path / "run.x2v")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(X2VError, match="damaged"):
        Trace.load(path)


def rewrite(path, **metadata):
    """The same arrays under other metadata."""
    with safetensors.safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata() | metadata
    safetensors.numpy.save_file(arrays, path, metadata)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"schema": "99"}, "schema 99"),
        ({"format": "weights"}, "no trace"),
        ({"trace": "{"}, "header is damaged"),
        ({"trace": "[]"}, "header is damaged"),
        ({"trace": json.dumps({"request": {}})}, "header is damaged"),
    ],
)
def test_another_version_or_a_foreign_file(trace, tmp_path, metadata, message):
    path = trace.save(tmp_path / "run.x2v")
    rewrite(path, **metadata)
    with pytest.raises(X2VError, match=message):
        Trace.load(path)


def test_a_file_that_is_not_there_and_one_that_is_a_folder(tmp_path):
    for path in (tmp_path / "no.x2v", tmp_path):
        with pytest.raises(X2VError, match="cannot be opened"):
            Trace.load(path)


def test_save_refuses_what_cannot_be(trace, tmp_path):
    for path in (tmp_path / "run.bin", tmp_path / "no" / "run.x2v"):
        with pytest.raises(X2VError):
            trace.save(path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_keeps_the_older_file(trace, tmp_path, monkeypatch):
    path = trace.save(tmp_path / "run.x2v")
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(X2VError, match="No space left"):
        trace.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.x2v"]


def test_a_saved_file_is_readable_by_others(trace, tmp_path):
    assert trace.save(tmp_path / "run.x2v").stat().st_mode & stat.S_IROTH


def test_shows_itself_as_a_looping_clip_with_escaped_words(make_trace):
    trace = make_trace(request={"prompt": "<script>alert(1)</script>"}, unknown=("<b>x</b>",))
    page = trace._repr_html_()
    # the video's own src: JupyterLab empties that of a <source>
    assert '<video src="data:video/mp4;base64,' in page and " loop" in page
    assert '<img src="data:image/webp;base64,' in page[: page.index("</video>")]
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert "5 frames of 32 x 48" in repr(trace)
