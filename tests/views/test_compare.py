"""Compare: what it says of the runs, how it aligns them, and that its plane is the plane of the points."""

from __future__ import annotations

import numpy as np
import pytest

from tests.views.foreign import GEOMETRIES, foreign_trace
from x2vkit.errors import X2VError
from x2vkit.views.compare import Compare
from x2vkit.views.compare.content import frame_at
from x2vkit.views.compare.paths import latent_paths, plane
from x2vkit.views.compare.told import (
    differences,
    in_step,
    marked_prompts,
    noise_groups,
    noise_sentence,
    shared,
)

REQUEST = {"prompt": "a red ball", "seed": 1, "guidance": 4.0, "model": "small", "scheduler": "euler"}


@pytest.fixture
def pair(make_trace):
    rng = np.random.default_rng(1)
    linear = {
        "preview_weight": rng.normal(size=(768, 4)).astype(np.float16),
        "preview_bias": rng.normal(size=768).astype(np.float16),
        "inputs": {},
    }
    one = make_trace(request=REQUEST, **linear)
    other = make_trace(
        request=REQUEST | {"prompt": "a blue ball", "guidance": 1.0},
        pred_x0=np.asarray(one.pred_x0) + 1,
        frames=np.full_like(one.frames, 100),
        **linear,
    )
    return one, other


def test_labels_tell_only_what_differs(make_trace):
    runs = [
        make_trace(request=REQUEST | {"guidance": 1.0}),
        make_trace(request=REQUEST | {"guidance": 7.5, "seed": 2}),
    ]
    assert differences(runs) == ["seed 1  ·  guidance 1", "seed 2  ·  guidance 7.5"]
    assert "3 steps" in shared(runs) and not any("seed" in text for text in shared(runs))


def test_a_start_picture_and_words_to_avoid_are_told(make_trace):
    plain, pictured = (
        make_trace(request=REQUEST, inputs={}),
        make_trace(request=REQUEST | {"negative_prompt": "snow"}),
    )
    told = differences([plain, pictured])
    assert told[0].split("  ·  ") == ["no words to avoid", "words alone"]
    assert told[1].split("  ·  ") == ["away from “snow”", "with image"]


def test_other_weights_under_one_name_are_told(make_trace):
    told = differences(
        [make_trace(request=REQUEST, weights="a" * 64), make_trace(request=REQUEST, weights="b" * 64)]
    )
    assert told == ["model small, weights aaaaaaaa", "model small, weights bbbbbbbb"]


def test_the_words_that_differ_are_marked(pair):
    assert marked_prompts(pair) == [
        [("a", False), ("red", True), ("ball", False)],
        [("a", False), ("blue", True), ("ball", False)],
    ]


def test_same_noise_is_found_through_8_bit_files_and_other_noise_is_told(make_trace, tmp_path, trace):
    compact = type(trace).load(trace.save(tmp_path / "small.x2v", compact=True))
    elsewhere = make_trace(latents=np.asarray(trace.latents) + 1)
    assert noise_groups([trace, compact, elsewhere]) == [0, 0, 2]
    assert noise_sentence([trace, compact]).startswith("All runs start from the same noise")
    said = noise_sentence([trace, compact, elsewhere])
    assert said == "A and B start from the same noise; C from other noise."
    assert noise_sentence([trace, elsewhere]).startswith("Every run starts from other noise")


def test_runs_of_other_step_counts_stand_at_the_same_noise_level():
    long, short = np.linspace(1, 0, 9), np.linspace(1, 0, 5)
    levels, own = in_step([short, long])
    assert np.array_equal(levels, long[:-1])
    assert own[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3] and own[1].tolist() == list(range(8))
    assert np.abs(short[own[0]] - levels).max() <= 0.125


def test_the_plane_keeps_distances_of_points_that_lie_in_one():
    rng = np.random.default_rng(0)
    flat, _ = np.linalg.qr(rng.normal(size=(60, 2)))
    truth = rng.normal(size=(7, 2))
    points = (truth @ flat.T).reshape(7, 3, 20)
    made = plane([points[:3], points[3:]])
    seen = np.concatenate(made.points)
    assert [len(part) for part in made.points] == [3, 4]
    assert sum(made.explained) == pytest.approx(1, abs=1e-5)
    for i in range(7):
        apart = np.linalg.norm(seen - seen[i], axis=1)
        assert apart == pytest.approx(np.linalg.norm(truth - truth[i], axis=1), abs=1e-4)


def test_runs_of_other_sizes_or_autoencoders_share_no_paths(pair, make_trace):
    latents, frames = np.zeros((4, 4, 2, 2, 4), np.float16), np.zeros((5, 16, 32, 3), np.uint8)
    smaller = make_trace(latents=latents, pred_x0=latents[1:], frames=frames, queries={}, keys={})
    other = make_trace(preview_weight=np.zeros((768, 4), np.float16), preview_bias=np.zeros(768, np.float16))
    assert set(latent_paths(pair)) == {"noisy", "pred_x0"}
    assert latent_paths([pair[0], smaller]) == {} and latent_paths([pair[0], other]) == {}


def test_data_is_what_is_seen(pair):
    view = Compare(pair)
    assert view.error is None and view.selection["step"] == 2
    seen = view.data()
    assert np.array_equal(seen["picture.A"], pair[0].frames[0]) and seen["t"].tolist() == [0, 0]
    apart = np.abs(pair[0].frames[0].astype(float) - 100).mean(axis=2)
    assert seen["difference.B"] == pytest.approx(apart, abs=1e-3) and not seen["difference.A"].any()
    view.selection = {"show": "predicted", "step": 1, "frame": 3, "reference": 1, "path": "pred_x0"}
    seen = view.data()
    assert np.array_equal(seen["picture.B"], pair[1].picture(pair[1].pred_x0[1])[3])
    assert not seen["difference.B"].any() and len(seen["path.A"]) == 3
    assert seen["t"] == pytest.approx([2 / 3, 2 / 3])
    with pytest.raises(X2VError, match="reference is a whole number from 0 to 1"):
        view.selection = {"reference": 2}


def test_a_clip_of_another_size_is_shown_without_a_difference(pair, make_trace):
    latents, frames = np.zeros((4, 4, 2, 2, 2), np.float16), np.zeros((5, 16, 16, 3), np.uint8)
    small = make_trace(latents=latents, pred_x0=latents[1:], frames=frames, queries={}, keys={})
    view = Compare([pair[0], small])
    assert "difference.B" not in view.data()
    view.figure()


def test_runs_of_other_models_stand_at_the_same_time_each_at_its_own_rate(pair):
    slow = foreign_trace(GEOMETRIES["not causal"], fps=pair[0].fps / 2)  # 24 frames, for twice as long
    view = Compare([pair[0], slow])
    assert view.metadata["fps"] == pair[0].fps and view.metadata["limits"]["frame"] == 46
    assert [frame_at(slow, moment, pair[0].fps) for moment in (0, 1, 2, 9, 99)] == [0, 0, 1, 4, 23]
    view.selection = {"frame": 9}
    seen = view.data()
    assert np.array_equal(seen["picture.A"], pair[0].frames[-1])  # over by then
    assert np.array_equal(seen["picture.B"], slow.frames[4])
    assert view.paths == {} and "other sizes" in view.metadata["noise"]


def test_the_picture_is_drawn_for_every_choice(pair):
    view = Compare([*pair, pair[0]])
    for show in ("final", "predicted", "noisy"):
        view.selection = {"show": show, "step": 0, "path": "pred_x0"}
        assert len(view.figure().axes) == 7


def test_bundled_runs_open_without_an_argument():
    view = Compare()
    assert view.error is None and len(view.metadata["runs"]) >= 2
    assert "same noise" in view.metadata["noise"]


@pytest.mark.parametrize("wrong", [[], ["x"] * 7, 5, "one.x2v"])
def test_a_wrong_number_of_runs_is_told_in_the_widgets_place(wrong):
    view = Compare(wrong)
    assert view.error is not None and view.metadata["error"]["cure"]
    with pytest.raises(X2VError):
        view.to_html()


def test_one_trace_alone_and_a_missing_file_are_refused(trace):
    assert "pass a list" in str(Compare(trace).error)
    assert "cannot be opened" in str(Compare([trace, "nowhere.x2v"]).error)
