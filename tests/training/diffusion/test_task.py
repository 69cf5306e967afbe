"""Batches drawn from cached latents, and a run from recipe to pipeline."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.tiny_diffusion import CLIP, recipe, task
from x2vkit.core.patches import patchify
from x2vkit.core.raster import BOX_A, CAMERA_GIVEN, MOUTH, OPENNESS, STROKE
from x2vkit.errors import X2VError
from x2vkit.training.diffusion.data import (
    planned_control,
)
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.engine import Engine
from x2vkit.training.latent_cache import LatentCache, fill_latent_cache
from x2vkit.training.prefetch import prefetch
from x2vkit.world import World, is_held_out
from x2vkit.world.grammar import SceneSpec


def test_a_batch_is_a_function_of_the_step_alone(vae, folder):
    one, other = task(vae, folder), task(vae, folder)
    other.batch(0)
    for step in (4, 1):
        left, right = one.batch(step), other.batch(step)
        assert left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)
    assert not torch.equal(one.batch(1)["t"], one.batch(2)["t"][: len(one.batch(1)["t"])])


def test_other_processes_make_the_same_batches_and_clips(vae, folder, tmp_path, monkeypatch):
    drawn = task(vae, folder, token_dropping=0.5)
    for step, made in zip((3, 1, 2), prefetch(drawn.batches, (3, 1, 2), processes=2), strict=True):
        for mine, other in zip(drawn.batches(step), made, strict=True):
            assert mine.keys() == other.keys() and all(torch.equal(mine[key], other[key]) for key in mine)
    monkeypatch.setattr("x2vkit.training.prefetch.workers", lambda: 2)
    cache = fill_latent_cache(tmp_path / "two", World(3), vae, CLIP, quiet=True)
    monkeypatch.undo()
    alone = fill_latent_cache(tmp_path / "alone", World(3), vae, CLIP, quiet=True)
    for field in LatentCache.FIELDS:
        np.testing.assert_array_equal(getattr(cache, field), getattr(alone, field))
    assert cache.caption(7, np.random.default_rng(0)) == alone.caption(7, np.random.default_rng(0))


def test_processes_get_disjoint_halves_of_one_batch(vae, folder):
    drawn = task(vae, folder)
    for step in range(4):
        whole = drawn.batch(step, 0, 1)
        halves = [drawn.batch(step, rank, 2) for rank in (0, 1)]
        assert len(halves[0]["t"]) == len(halves[1]["t"])
        together = torch.cat([half["t"] for half in halves])
        assert set(together.flatten().tolist()) == set(whole["t"].flatten().tolist())


def test_every_bucket_costs_about_the_same(vae, folder):
    """Beside clips, stills get a quarter of it; with tokens left out, more clips fit."""

    def sizes(step: int) -> dict[tuple[int, ...], int]:
        drawn = task(vae, folder, stills_steps=2, token_dropping=0.5)
        return {tuple(batch["latents"].shape[2:]): len(batch["t"]) for batch in drawn.batches(step)}

    assert sizes(0) == sizes(1) == {(1, 4, 6): 12}
    assert sizes(2) == {(1, 4, 6): 3, (3, 4, 6): 4}
    assert sizes(3) == {(1, 4, 6): 3, (3, 4, 6): 8}


def test_background_is_left_out_first(vae, folder):
    """Every token that touches a subject stays as long as there is room for it."""
    batch = task(vae, folder, token_dropping=0.5).batch(1)
    seen = patchify(batch["truth"][:, 1:3], (1, 2, 2)).amax(2) > 0  # (B, N)
    kept = torch.zeros_like(seen).scatter(1, batch["kept_tokens"], True)
    for row, mine in zip(seen, kept, strict=True):
        assert (row & mine).sum() == min(int(row.sum()), 9)
    assert not seen.all()


def test_a_camera_track_is_mostly_dealt_without_words_that_say_the_same(vae, folder):
    drawn = task(vae, folder, camera=1.0, drop_prompt=0.0)
    told = untold = 0
    for step in range(60):
        for ids in drawn.batch(step)["ids"].tolist():
            said = bool({"camera", "pan", "zoom", "zooming"} & {drawn.reader.words[i] for i in ids})
            told, untold = told + said, untold + (not said)
    assert 0 < told < 0.4 * untold


def test_every_action_is_dealt_equally_often(vae, folder):
    probabilities, cache = task(vae, folder).probabilities[0], task(vae, folder).caches[0]
    by_action: dict[str, float] = {}
    for chance, clip in zip(probabilities, cache._clips, strict=True):
        by_action[clip["spec"]["action"]] = by_action.get(clip["spec"]["action"], 0.0) + chance
    assert len(by_action) > 3 and np.ptp(list(by_action.values())) < 1e-9


def test_training_never_shows_a_held_out_combination(vae, folder):

    drawn = task(vae, folder)
    for cache in drawn.caches:
        specs = [SceneSpec.from_dict(clip["spec"]) for clip in cache._clips]
        assert not any(map(is_held_out, specs))
    drawn.fixed("held_out")
    lines = (folder / "held_out" / "clips.jsonl").read_text().splitlines()
    assert all(is_held_out(SceneSpec.from_dict(json.loads(line)["spec"])) for line in lines)


def test_conditions_are_dealt_as_often_as_the_recipe_says(vae, folder):
    drawn = task(vae, folder, known_frames=0.5, control=0.5, camera=0.5, drop_prompt=0.5)
    batches = [drawn.batch(step) for step in range(80)]
    clips = sum(len(batch["t"]) for batch in batches)
    empty = sum((batch["ids"][:, 1] == 1).sum() for batch in batches)
    given = sum((batch["camera"][:, 0, CAMERA_GIVEN] == 1).sum() for batch in batches)
    assert 0.35 < empty / clips < 0.65 and 0.35 < given / clips < 0.65
    assert 0.3 < sum("known" in batch for batch in batches) / 80 < 0.7
    bare = drawn_with = task(vae, folder, known_frames=0, control=0, camera=0, drop_prompt=0)
    batch = bare.batch(0)
    assert "known" not in batch and not batch["control"].any() and not batch["camera"].any()
    assert (drawn_with.batch(0)["ids"][:, 1] != 1).all()


def test_subjects_are_worth_more_than_places_and_faces_most(vae, folder):
    drawn = task(vae, folder, subject_weight=5.0, face_weight=3.0)
    worths = {"face": set(), "else": set(), "place": set()}
    cache = drawn.caches[0]
    for i in range(len(cache)):
        row = drawn._clip(cache, i, np.random.default_rng(0), False)
        kinds = np.asarray(cache.kinds[i])
        for kind, name in ((0, "place"), (1, cache.cast(i)[0]), (2, cache.cast(i)[1])):
            worths[name if name in ("face", "place") else "else"] |= set(
                row["loss_weight"][kinds == kind].tolist()
            )
    assert worths == {"face": {16.0}, "else": {6.0}, "place": {1.0}}


def test_a_run_writes_a_pipeline_that_makes_clips(vae, folder, tmp_path):
    from x2vkit.pipeline.x2v import X2VPipeline

    drawn = task(vae, folder)
    engine = Engine(drawn, tmp_path, quiet=True)
    scores = engine.run()
    assert {"validation", "held_out", "validation_t06", "validation_t94"} <= scores.keys()
    engine.export()
    assert (tmp_path / "pipeline" / "training.json").exists()
    pipe = X2VPipeline.from_pretrained(tmp_path / "pipeline")
    frames = pipe("a red ball", num_frames=5, height=32, width=32, num_inference_steps=2).frames
    assert np.shape(frames) == (1, 5, 32, 32, 3)


def test_the_evaluation_is_the_same_every_time(vae, folder):
    model = task(vae, folder).build()
    with torch.inference_mode():
        assert task(vae, folder).evaluate(model) == task(vae, folder).evaluate(model)


@pytest.mark.parametrize("perceptual_loss", [0.0, 1.0])
def test_the_flops_are_those_that_torch_counts(vae, folder, perceptual_loss):
    from torch.utils.flop_counter import FlopCounterMode

    drawn = task(vae, folder, auxiliary_loss=0, perceptual_loss=perceptual_loss)
    for step in range(3):
        batch = drawn.batch(step)
        model = drawn.build()
        with FlopCounterMode(display=False) as counter:
            model(**batch)["loss"].backward()
        assert drawn.flops(batch) == pytest.approx(counter.get_total_flops(), rel=0.03)


def test_an_autoencoder_of_other_channels_is_refused(vae, folder):
    wrong = replace(recipe(), model=recipe().model | {"latent_channels": 24})
    with pytest.raises(X2VError, match="latent_channels=24"):
        DiffusionTask(wrong, folder, vae, quiet=True)


def test_planned_clips_come_with_everything_that_a_planner_says(vae, folder):
    whole = task(vae, folder, planned=1.0, drop_prompt=0.0)
    batch = whole.batch(0, moving=True)
    assert (batch["camera"][..., CAMERA_GIVEN] == 1).all()
    assert (batch["control"][:, BOX_A].amax((1, 2, 3)) > 0).all() and (batch["control"][:, STROKE] == 0).all()
    assert (task(vae, folder, planned=0.0, camera=0.0, control=0.0).batch(0)["control"] == 0).all()
    cache = whole.caches[0]
    talker = next(i for i in range(len(cache)) if np.nanmax(cache.mouth[i]) > 0)
    control, boxes = planned_control(cache, talker, (3, 4, 6))
    assert control[MOUTH].max() > 0 and control[OPENNESS:].max() > 0.1
    np.testing.assert_array_equal(boxes[..., :4], np.nan_to_num(cache.boxes[talker]))
    np.testing.assert_array_equal(boxes[:, 0, 4], cache.turn[talker][:, 0])
    scores = whole.evaluate(whole.build())
    assert set(scores) > {"validation", "held_out", "planned"}
