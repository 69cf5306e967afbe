"""The judge's frame task: batches repeat, mirrors tell the truth, and the loss falls."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from x2vkit.judge.frame import FrameModel
from x2vkit.training.engine import Engine
from x2vkit.training.judge.frame import FrameTask
from x2vkit.training.judge.labels import IGNORED, spoil
from x2vkit.training.judge.pools import rendered
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.world import World

ENGINE = EngineConfig(
    steps=12, batch=8, warmup=2, eval_every=12, sample_grid_every=0, save_every=12, log_every=3
)
SMALL = {"widths": (8, 8, 8), "blocks": 1, "cut_widths": (8, 8), "cut_blocks": (1, 1), "hidden": 16}
FRAMES = Recipe(
    "judge-frames",
    ENGINE,
    model=SMALL,
    data={"rendered": 8, "coded": 2, "shapes": ((128, 128),), "validation": 4},
)


@pytest.fixture(scope="module")
def task(pipeline):
    return FrameTask(FRAMES, pipeline.vae)


def test_a_batch_is_a_function_of_its_step(task):
    torch.manual_seed(0)
    one = task.batch(3)
    torch.manual_seed(0)
    two = task.batch(3)
    assert all(torch.equal(one[name].nan_to_num(-1), two[name].nan_to_num(-1)) for name in one)
    assert one["pixels"].shape == (8, 3, 128, 128) and one["kinds"].shape == (8, 64, 64)
    assert len(one["frame"]) == len(one["kind"]) == len(one["mouth"]) == len(one["subject"])
    assert int(one["frame"].max()) < 8 and 1 <= int(one["kind"].min()) <= int(one["kind"].max()) <= 3
    assert not torch.equal(one["pixels"], task.batch(4)["pixels"])
    assert task.flops(one) > 0


def test_cut_outs_lie_where_their_kind_is(task):
    batch = task.batch(1)
    for frame, kind in zip(batch["frame"], batch["kind"], strict=True):
        assert (batch["kinds"][frame] == kind).sum() >= 24


def test_a_mirrored_pool_is_numbered_from_left_to_right(pipeline):
    pool = rendered(World(1), 12, (64, 64), pipeline.vae.device)
    rows = np.arange(len(pool))
    plain, mirrored = (pool.batch(rows, np.full(len(rows), turned)) for turned in (False, True))
    assert torch.equal(plain["pixels"].flip(-1), mirrored["pixels"])
    known = plain["facing"] != IGNORED
    assert torch.equal(plain["facing"][known], 1 - mirrored["facing"][known])
    for frame, kind, before in zip(mirrored["frame"], mirrored["kind"], plain["kind"], strict=True):
        assert (mirrored["kinds"][frame] == kind).sum() == (plain["kinds"][frame] == before).sum()


def test_spoiled_frames_stay_frames():
    pixels = torch.zeros(8, 3, 32, 32)
    spoiled = spoil(pixels.clone(), np.random.default_rng(0))
    assert spoiled.shape == pixels.shape and spoiled.abs().max() <= 1
    assert not torch.equal(spoiled, pixels)


def test_a_tiny_frame_model_learns(task, tmp_path):
    engine = Engine(task, tmp_path, quiet=True)
    scores = engine.run()
    assert {"subject", "garment", "time", "count", "kinds"} <= scores.keys()
    assert all(0 <= value <= 1 or np.isnan(value) for value in scores.values())
    losses = [json.loads(line).get("loss") for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [loss for loss in losses if loss is not None]
    assert losses[-1] < losses[0]
    engine.export()
    assert (tmp_path / "frame" / "log.jsonl").is_file() and (tmp_path / "frame" / "training.json").is_file()


def test_a_frame_without_anybody_is_read():
    read = FrameModel(**SMALL)(torch.zeros(2, 3, 64, 64))
    assert read["subject"].shape == (2, 3, 16) and read["boxes"].shape == (2, 3, 4)
    assert read["actor_features"].shape == (2, 3, 16)
