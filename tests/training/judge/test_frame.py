"""The judge's two tasks: batches repeat, labels tell the truth, and a tiny judge goes the whole way to its
folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.judge.frame import ATTRIBUTES
from x2vkit.training.engine import Engine
from x2vkit.training.judge.frame import FrameTask
from x2vkit.training.judge.labels import IGNORED, choose, labels_of, moves_of, spoil
from x2vkit.training.judge.motion import MotionTask
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.world import SceneSpec, World

ENGINE = EngineConfig(steps=2, batch=6, eval_every=2, sample_grid_every=0, save_every=2)
FRAMES = Recipe(
    "judge-frames",
    ENGINE,
    model={"widths": (8, 8, 8), "blocks": 1, "cut_widths": (8, 8), "cut_blocks": (1, 1), "hidden": 16},
    data={"rendered": 8, "coded": 2, "shapes": ((128, 128),), "validation": 4},
)
MOTION = Recipe("judge-motion", ENGINE, model={"features": 24, "width": 16, "depth": 1})


@pytest.fixture(scope="module")
def frame_task(pipeline):
    return FrameTask(FRAMES, pipeline.vae)


def test_a_batch_is_a_function_of_its_step(frame_task):
    torch.manual_seed(0)
    one = frame_task.batch(3)
    torch.manual_seed(0)
    two = frame_task.batch(3)
    assert all(torch.equal(one[name].nan_to_num(-1), two[name].nan_to_num(-1)) for name in one)
    assert one["pixels"].shape == (6, 3, 128, 128) and one["ids"].shape == (6, 64, 64)
    assert not torch.equal(one["pixels"], frame_task.batch(4)["pixels"])
    assert frame_task.flops(one) > 0


def test_labels_tell_what_is_in_sight():
    spec = SceneSpec("face", "red", "stand", "left", "snow", wearing=("hat", "blue"), mood="sad")
    labels = labels_of(spec, [1.0])
    told = {name: ATTRIBUTES[name][label] for name, label in labels.items() if label != IGNORED}
    assert told["subject"] == "face" and told["wearing_color"] == "blue" and told["other"] == "none"
    assert "other_color" not in told
    hidden = labels_of(spec, [0.1])
    assert hidden["subject"] == hidden["mood"] == IGNORED != hidden["scene"]
    pair = SceneSpec("dog", "red", "run", "left", other=("ball", "blue"), relation="chasing")
    assert labels_of(pair, [1.0, 0.0])["other"] == IGNORED


def test_a_direction_belongs_to_what_goes_somewhere():
    assert moves_of(SceneSpec("dog", action="stand"))["direction"] == IGNORED
    assert moves_of(SceneSpec("dog", action="walk", direction="left"))["direction"] == 0


def test_pairs_and_faces_are_chosen_more_often():
    world = World(1)
    chosen = [world.spec(i, odd)[0] for i, odd in choose(world, 150)]
    drawn = [world.spec(i, i % 2 == 1)[0] for i in range(150)]
    assert sum(bool(s.other) for s in chosen) > 1.3 * sum(bool(s.other) for s in drawn)
    assert len(list(choose(world, 7))) == 7


def test_spoiled_frames_stay_frames():
    pixels = torch.zeros(8, 3, 32, 32)
    spoiled = spoil(pixels.clone(), np.random.default_rng(0))
    assert spoiled.shape == pixels.shape and spoiled.abs().max() <= 1
    assert not torch.equal(spoiled, pixels)


def test_a_tiny_judge_from_recipe_to_reading(frame_task, pipeline, tmp_path):
    engine = Engine(frame_task, tmp_path / "frames", quiet=True)
    scores = engine.run()
    assert 0 <= scores["subject"] <= 1
    engine.export()
    data = {
        "init_from": str(tmp_path / "frames"),
        "clips": 3,
        "coded_share": 0.4,
        "shapes": ((9, 64, 64),),
        "validation": 2,
    }
    recipe = Recipe("judge-motion", ENGINE, model=MOTION.model, data=data)
    task = MotionTask(recipe, pipeline.vae)
    task.pool((17, 128, 128), validation=True)
    engine = Engine(task, tmp_path / "motion", quiet=True)
    assert 0 <= engine.run()["camera"] <= 1
    engine.export()
    judge = Judge.load(tmp_path / "motion" / "judge")
    reading = judge.read(World().sample(0, 5, 64, 64).frames)
    assert reading.values["camera"] in (
        "static",
        "pan left",
        "pan right",
        "pan up",
        "pan down",
        "zoom in",
        "zoom out",
    )
    with pytest.raises(X2VError, match="no trained weights"):
        MotionTask(Recipe("judge-motion", ENGINE, data={"init_from": str(tmp_path)}), pipeline.vae)
