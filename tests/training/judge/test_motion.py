"""The judge's motion task: tracks find the cast, and a tiny judge goes the whole way to its folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.judge.frame import FrameModel
from x2vkit.judge.motion import INPUTS
from x2vkit.training.engine import Engine
from x2vkit.training.judge.motion import MotionTask, owners
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.world import World
from x2vkit.world.grammar import CAMERAS

ENGINE = EngineConfig(steps=3, batch=6, eval_every=3, sample_grid_every=0, save_every=3)
SMALL = {"widths": (8, 8, 8), "blocks": 1, "cut_widths": (8, 8), "cut_blocks": (1, 1), "hidden": 16}


@pytest.fixture(scope="module")
def task(pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    torch.manual_seed(0)
    FrameModel(**SMALL).save_pretrained(folder / "frame")
    data = {
        "init_from": str(folder),
        "clips": 4,
        "coded_share": 0.4,
        "shapes": ((17, 64, 64),),
        "validation": 2,
    }
    return MotionTask(
        Recipe("judge-motion", ENGINE, model={"width": 12, "depth": 1}, data=data), pipeline.vae
    )


def test_a_batch_holds_windows_of_clips(task):
    torch.manual_seed(0)
    one = task.batch(5)
    torch.manual_seed(0)
    two = task.batch(5)
    assert all(torch.equal(one[name], two[name]) for name in one)
    lengths = {task.batch(step)["flow"].shape[1] for step in range(12)}
    assert min(lengths) == 7 and max(lengths) > 12  # begins and ends are two fifths
    assert {one[name].shape[0] for name in INPUTS} == {6}
    assert one["action"].shape == (6, 3) and one["camera"].shape == (6,)
    assert task.flops(one) > 0


def test_tracks_belong_to_whom_they_lie_on():
    true = np.full((1, 5, 3, 4), np.nan)
    true[0, :, 0], true[0, :, 1] = [0.6, 0.2, 0.9, 0.8], [0.1, 0.2, 0.4, 0.8]
    read = np.full((1, 5, 3, 4), np.nan)
    read[0, :, 0], read[0, 1:, 1] = [0.12, 0.2, 0.4, 0.8], [0.6, 0.25, 0.9, 0.8]
    read[0, :2, 2] = [0.45, 0.0, 0.5, 0.1]
    assert owners(true, read).tolist() == [[1, 0, -1]]


def test_a_tiny_judge_from_recipe_to_reading(task, tmp_path):
    engine = Engine(task, tmp_path, quiet=True)
    scores = engine.run()
    assert {"action", "direction", "pace", "camera", "relation", "begins", "ends"} <= scores.keys()
    engine.export()
    judge = Judge.load(tmp_path / "judge")
    reading = judge.read(World().sample(0, 5, 64, 64).frames)
    assert reading.values["camera"] in CAMERAS
    assert len(reading.actors) == int(reading.values["count"])
    assert (tmp_path / "judge" / "motion" / "training.json").is_file()


def test_needs_a_frame_model(pipeline, tmp_path):
    with pytest.raises(X2VError, match="no trained weights"):
        MotionTask(Recipe("judge-motion", ENGINE, data={"init_from": str(tmp_path)}), pipeline.vae)
