"""Training a planner: what it is shown, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.core.planner import GROUPS, Planner, tracks_of
from x2vkit.errors import X2VError
from x2vkit.training.engine import Engine
from x2vkit.training.planner import PlannerTask
from x2vkit.training.recipe import EngineConfig, Recipe, load_recipe
from x2vkit.world import World, is_held_out


def task(**data) -> PlannerTask:
    engine = EngineConfig(
        steps=120,
        batch=32,
        warmup=5,
        log_every=20,
        eval_every=60,
        sample_grid_every=0,
        save_every=120,
        ema=0.9,
    )
    clips = [[9, 64, 64, 60], [5, 64, 96, 20]]
    model = {"width": 32, "depth": 2, "heads": 2}
    recipe = Recipe("planner", engine, seed=4, model=model, data={"clips": clips, "validation": 16} | data)
    return PlannerTask(recipe)


def test_it_learns_from_the_worlds_own_truth():
    clips = task().shapes[1]
    clip = World(4).sample(2_000_003, 5, 64, 96)
    truth = clip.truth
    expected = tracks_of(truth.boxes, truth.mouth[:, 0], truth.camera, truth.turn[:, 0], 64, 96)
    np.testing.assert_allclose(clips.tracks[3], expected, atol=1e-6)
    assert not is_held_out(clip.spec)


def test_a_batch_is_decided_by_its_step_and_divides_among_processes():
    whole, again = task().batch(3), task().batch(3)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    halves = [task().batch(3, rank, 2) for rank in range(2)]
    assert torch.equal(whole["noise"][1::2], halves[1]["noise"])


def test_given_tracks_cost_nothing():
    """What is given is not asked for, however wrong the planner would be about it."""
    model = task().build()
    batch = task().batch(0)
    batch["known"] = torch.zeros_like(batch["known"])
    batch["known"][:, list(GROUPS).index("camera")] = 1
    wrong = dict(batch, noise=batch["noise"].clone())
    wrong["noise"][:, :, GROUPS["camera"]] += 100
    model.planner.track_embed.weight.data.zero_()  # so that it does not look at them either
    loss = [float(model(**each)["loss"]) for each in (batch, wrong)]
    assert np.isclose(*loss, rtol=1e-5)


def test_it_learns_and_writes_a_planner(tmp_path):
    engine = Engine(task(), tmp_path, quiet=True)
    before = task().evaluate(engine.model)["validation"]
    after = engine.run()["validation"]
    engine.export()
    assert after < 0.8 * before
    planner = Planner.from_pretrained(tmp_path / "planner")
    assert planner.config.width == 32 and (tmp_path / "planner" / "log.jsonl").is_file()


def test_it_goes_on_from_a_planner_of_fewer_tracks(tmp_path, monkeypatch):
    """What an older planner says of the tracks it knows stays; it says nothing yet of the others."""
    known, words = GROUPS["turn"].start, task().reader.words
    batch = task().batch(0)
    groups = {name: place for name, place in GROUPS.items() if name != "turn"}
    with monkeypatch.context() as older:
        older.setattr("x2vkit.core.planner.TRACKS", known)
        older.setattr("x2vkit.core.planner.GROUPS", groups)
        torch.manual_seed(0)
        shape = {"width": 32, "depth": 2, "heads": 2, "max_words": 25}
        old = Planner(words, mean=[0.2] * known, std=[1.5] * known, **shape)
        for weights in old.parameters():
            weights.data += 0.1 * torch.randn_like(weights)
        old.save_pretrained(tmp_path)
        t, ids, aspect = batch["t"], batch["ids"], batch["aspect"]
        given, flags = batch["tracks"][..., :known], batch["known"][:, : len(groups)]
        expected = old(given, t, ids, given, flags, aspect)
    new = task(init_from=str(tmp_path)).build().planner
    found = new(batch["tracks"], t, ids, batch["tracks"], batch["known"], aspect)
    torch.testing.assert_close(found[..., :known], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(new.config.mean[:known], 0.2, rtol=1e-6)
    np.testing.assert_allclose(new.config.std[:known], 1.5, rtol=1e-6)
    assert not new.final_linear.weight[known:].any()
    with pytest.raises(X2VError, match="no trained weights"):
        task(init_from=str(tmp_path / "elsewhere")).build()
    other = Planner(words, mean=[0.2] * known, std=[1.5] * known, **(shape | {"width": 16}))
    other.save_pretrained(tmp_path / "narrow")
    with pytest.raises(X2VError, match="narrow.*cannot hold it"):
        task(init_from=str(tmp_path / "narrow")).build()


def test_the_shipped_recipe_is_of_the_shipped_size():
    recipe = load_recipe("planner")
    assert recipe.task == "planner" and recipe.model["width"] == 64
