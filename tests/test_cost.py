"""What a run takes is predicted: near the truth, and what cannot be is refused with what would fit."""

from __future__ import annotations

import ctypes
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from x2vkit import cost
from x2vkit.config import PRESETS
from x2vkit.core.conditions import Conditions
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.transformer import VideoTransformer
from x2vkit.cost import RunSize, available_bytes, check_run, run_bytes, run_seconds
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run.record import generate, record

SMALL = replace(PRESETS["small"], subject_rope=True)
"""The size of the model that ships."""
GB = 10**9
USUAL = RunSize(SMALL, 17, 128, 128)
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def held(run) -> int:
    """Most bytes that a call held beside what was there; what earlier tests freed is given back first."""
    ctypes.CDLL(None).malloc_trim(0)
    CLEAR.write_text("5")
    sizes = []
    for name in ("VmRSS", "VmHWM"):
        if name == "VmHWM":
            run()
        sizes.append(1024 * int(re.search(rf"{name}:\s+(\d+)", STATUS.read_text())[1]))
    return sizes[1] - sizes[0]


@pytest.mark.parametrize(
    ("model", "shape", "moves"),
    [
        (PRESETS["tiny"], (1, 640, 640), False),
        (replace(PRESETS["tiny"], conv_width=24, subject_rope=True), (9, 288, 288), True),
    ],
    ids=["attention", "matches"],
)
def test_the_prediction_lies_above_what_a_run_holds_and_below_four_times_that(model, shape, moves, pipeline):
    transformer = VideoTransformer.from_model_config(model).eval()
    pipe = X2VPipeline(pipeline.vae, pipeline.text_encoder, transformer, make_scheduler("euler"))
    pipe.set_progress_bar_config(disable=True)
    camera = np.tile([0, 0, 1.0], (shape[0], 1)) + np.linspace(0, 0.1, shape[0])[:, None]
    given = Conditions.draw(shape, boxes=[[0.1, 0.1, 0.6, 0.6]], camera=camera) if moves else None
    size = dict(zip(("num_frames", "height", "width"), shape, strict=True))

    def run() -> None:
        for _ in pipe.stream("a ball", **size, num_inference_steps=1, conditions=given):
            pass

    real = held(run)
    predicted = run_bytes(RunSize(model, *shape, steps=1, moves=moves))
    assert real > 50e6 and 0.9 * real < predicted < 4 * real


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"height": 16384, "width": 16384}, r"GB of memory.*height=\d+ and width=\d+"),
        ({"num_frames": 4001}, r"num_frames=\d+"),
        ({"steps": 9_999, "num_frames": 97}, r"hours.*steps=\d+"),
        ({"clips": 4_000}, r"\d+ clips at a time"),
        ({"steps": 10**9}, "no machine takes more than 10,000"),
        ({"num_frames": 10**40 + 1}, "a number of 41 digits"),
    ],
)
def test_what_cannot_be_is_refused_at_once_with_what_would_fit(change, said, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    begin = time.process_time()
    with pytest.raises(X2VError, match=said) as refused:
        check_run(size := replace(USUAL, **change), 16 * GB)
    assert time.process_time() - begin < 0.2
    for frames in re.findall(r"num_frames=(\d+)", refused.value.cure):
        check_run(fitting := replace(size, num_frames=int(frames)), 16 * GB)
        with pytest.raises(X2VError):
            check_run(replace(fitting, num_frames=int(frames) + 4), 16 * GB)
    for height, width in re.findall(r"height=(\d+) and width=(\d+)", refused.value.cure):
        check_run(replace(size, height=int(height), width=int(width)), 16 * GB)
    for steps in re.findall(r"steps=(\d+)", refused.value.cure):
        check_run(replace(size, steps=int(steps)), 16 * GB)


def test_what_people_make_fits_a_small_machine():
    for shape in [(17, 128, 128), (33, 128, 128), (1, 512, 512), (33, 256, 256), (17, 96, 160)]:
        check_run(RunSize(SMALL, *shape, clips=4), 8 * GB)
    with pytest.raises(X2VError, match=r"takes?|needs|of memory"):
        check_run(USUAL, 10**6)


@pytest.mark.parametrize(
    "more", [{"clips": 3}, {"passes": 3}, {"height": 256}, {"num_frames": 33}, {"words": 99}]
)
def test_more_takes_more(more):
    larger = replace(USUAL, **more)
    assert run_bytes(larger) > run_bytes(USUAL) and run_seconds(larger) > run_seconds(USUAL)


def test_a_gpu_holds_no_square_of_scores_and_clips_that_see_each_other_hold_more():
    long = replace(USUAL, num_frames=1601, model=PRESETS["tiny"])
    assert run_bytes(replace(long, device="cuda")) < run_bytes(long) / 2
    assert run_bytes(replace(long, clips=3, shared=True)) > 2 * run_bytes(replace(long, clips=3))


def test_a_run_may_take_longer_where_somebody_says_so(monkeypatch):
    size = replace(USUAL, steps=9_000, num_frames=97)
    with pytest.raises(X2VError, match="hours"):
        check_run(size, 16 * GB)
    monkeypatch.setattr(cost.BUDGET, "seconds", 1e6)
    check_run(size, 16 * GB)


def test_a_containers_limit_counts_where_it_is_less(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "CONTROL_GROUP", tmp_path)
    machine = available_bytes()
    assert machine > 10**7
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 300000\nfile 5\n")
    assert available_bytes() == 5_000_000 - 2_000_000 + 300_000
    (tmp_path / "memory.max").write_text("max\n")
    assert abs(available_bytes() - machine) < 2 * GB


@pytest.mark.parametrize(
    "values",
    [
        {"height": 16384, "width": 16384},
        {"num_frames": 4001},
        {"num_inference_steps": 10**9},
        {"num_videos_per_prompt": 10**6},
        {"prompt": "a ball " * 10**6},
    ],
    ids=str,
)
def test_python_callers_are_refused_at_once_too(values, pipeline):
    given = {"prompt": "a ball"} | values
    begin = time.process_time()
    with pytest.raises(X2VError):
        pipeline(**given)
    own = {{"num_inference_steps": "steps"}.get(name, name): value for name, value in given.items()}
    if "num_videos_per_prompt" not in own:
        for make in (generate, record):
            with pytest.raises(X2VError):
                make(pipeline=pipeline, **own)
    assert time.process_time() - begin < 0.5
