"""Latents on disk, the batches drawn from them, and the loss: each checked against what it means."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from x2vkit.core.layers import Conv
from x2vkit.core.patches import patchify
from x2vkit.core.raster import BOX_A, CAMERA_GIVEN, MOUTH, OPENNESS, STROKE
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training.diffusion.data import (
    camera_flow,
    draw_control,
    draw_known_frames,
    latent_truth,
    planned_control,
)
from x2vkit.training.diffusion.losses import PerceptualLoss, best_window
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.engine import Engine
from x2vkit.training.latent_cache import KINDS, Bucket, LatentCache, fill_latent_cache, latent_kinds
from x2vkit.training.noise import stratified_levels
from x2vkit.training.prefetch import prefetch
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.task import Batch
from x2vkit.world import World, is_held_out
from x2vkit.world.grammar import SceneSpec

CLIP, STILL = Bucket(9, 32, 48, clips=20, share=3), Bucket(1, 32, 48, clips=20)


@pytest.fixture(scope="module")
def vae() -> VideoVAE:
    torch.manual_seed(0)
    model = VideoVAE(latent_channels=4, widths=(8, 8, 8)).eval().requires_grad_(False)
    clips = [World(3).sample(i, 9, 32, 48).frames for i in range(8)]
    model.linear.fit(torch.from_numpy(np.stack(clips)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1)
    return model


def recipe(**data) -> Recipe:
    buckets = [vars(CLIP), vars(STILL)]
    model = {"latent_channels": 4, "width": 48, "depth": 2, "heads": 2, "text_width": 32, "text_depth": 1}
    engine = EngineConfig(
        steps=6, batch=4, warmup=2, log_every=1, eval_every=3, sample_grid_every=0, save_every=2, ema=0.9
    )
    return Recipe("diffusion", engine, seed=2, model=model, data={"buckets": buckets, "validation": 4} | data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("latents")


def task(vae, folder, **data) -> DiffusionTask:
    return DiffusionTask(recipe(**data), folder, vae, quiet=True)


def with_noise(batch: Batch) -> Batch:
    """A batch whose noise is given and not drawn."""
    latents = batch["latents"].float()
    return {**batch, "latents": latents, "noise": torch.randn_like(latents)}


# -- the cache


def test_a_cache_holds_what_the_world_shows(vae, tmp_path):
    cache = fill_latent_cache(tmp_path, World(3), vae, CLIP, first=5, quiet=True)
    clip = World(3).sample(5 + 7, 9, 32, 48)
    video = torch.from_numpy(clip.frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    np.testing.assert_allclose(
        cache.latents[7], vae.encode(video)[0], rtol=1e-2, atol=1e-2
    )  # kept in float16
    known = clip.truth.boxes.shape[1]
    np.testing.assert_array_equal(cache.boxes[7][:, :known], clip.truth.boxes)
    np.testing.assert_array_equal(cache.camera[7], clip.truth.camera)
    assert len(cache) == 20 and np.isnan(cache.boxes[7][:, known:]).all()
    captions = {cache.caption(7, np.random.default_rng(seed)) for seed in range(20)}
    assert len(captions) > 3 and all(clip.spec.subject in text for text in captions if "face" not in text)


def test_a_cache_is_filled_once_and_continued_after_a_kill(vae, tmp_path):
    class Counting(World):
        drawn = 0
        limit = 1_000

        def sample(self, *args, **kwargs):
            if self.drawn == self.limit:
                raise KeyboardInterrupt
            self.drawn += 1
            return super().sample(*args, **kwargs)

    World.__name__, Counting.__name__ = "World", "World"
    whole = fill_latent_cache(tmp_path / "whole", World(3), vae, CLIP, quiet=True)
    world = Counting(3)
    world.limit = 18  # in the second chunk of 16
    with pytest.raises(KeyboardInterrupt):
        fill_latent_cache(tmp_path / "broken", world, vae, CLIP, quiet=True)
    world.limit, world.drawn = 1_000, 0
    continued = fill_latent_cache(tmp_path / "broken", world, vae, CLIP, quiet=True)
    assert world.drawn == 1 + 4  # the first clip once more, to see that the world still looks the same
    for field in LatentCache.FIELDS:
        np.testing.assert_array_equal(getattr(whole, field), getattr(continued, field))
    fill_latent_cache(tmp_path / "broken", world, vae, CLIP, quiet=True)
    assert world.drawn == 1 + 4 + 1


def test_latents_of_a_world_that_looks_otherwise_are_made_again(vae, tmp_path, monkeypatch):
    before = np.array(fill_latent_cache(tmp_path, World(3), vae, STILL, quiet=True).latents)
    monkeypatch.setattr(import_module("x2vkit.world.animate"), "EDGE", 4.0)
    after = fill_latent_cache(tmp_path, World(3), vae, STILL, quiet=True)
    assert not np.array_equal(before, after.latents)


def test_latents_of_other_weights_are_made_again(vae, tmp_path):
    before = np.array(fill_latent_cache(tmp_path, World(3), vae, STILL, quiet=True).latents)
    other = VideoVAE(latent_channels=4, widths=(8, 8, 8)).eval().requires_grad_(False)
    other.linear.components.normal_()
    after = fill_latent_cache(tmp_path, World(3), other, STILL, quiet=True)
    assert not np.allclose(before, after.latents)


def test_cell_ids_name_what_fills_most_of_a_cell():
    ids = np.zeros((5, 16, 16), np.uint8)
    ids[0, :8, :8] = 1
    ids[1:4, 8:, 8:] = 2  # three of the four frames of latent frame 1
    ids[4, :8, 8:] = 2  # one of them
    assert latent_kinds(ids).tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 2]]]


def test_cell_truth_says_kind_place_and_motion_of_what_is_there():
    kinds = np.zeros((2, 1, 3), np.uint8)
    kinds[1] = [[1, 2, 0]]
    motion = np.zeros((5, 2, 2), np.float32)
    motion[1:, 0] = (0.01, 0)
    motion[1:, 1] = (0, -0.02)
    boxes = np.full((5, 2, 4), np.nan, np.float32)
    boxes[:, 0] = (0, 0, 1 / 3, 1)  # the first cell, to the hair
    boxes[:, 1] = (1 / 6, 0, 0.5, 0.5)  # its corner is the second cell's middle
    camera = np.array([[0, 0, 1]] * 5, np.float32)
    camera[4, 0] = 0.05  # to the right: what stands still goes left
    given = [each[None] for each in (kinds, boxes, motion, camera)]
    truth = latent_truth(*given)[0]  # (TRUTH, f, h, w)
    assert truth[:KINDS, 1, 0].argmax(0).tolist() == [1, 2, 0]
    np.testing.assert_allclose(truth[KINDS : KINDS + 2, 1, 0].T, [[0, 0], [1, 1], [0, 0]], atol=0.01)
    np.testing.assert_allclose(truth[KINDS + 2 :, 1, 0].T, [[0.4, 0], [0, -0.8], [-0.5 / 3, 0]], atol=1e-6)
    assert not truth[KINDS:, 0].any()
    assert latent_truth(*(each[:, :1] for each in given)).shape == (1, len(truth), 1, 1, 3)  # a still
    unknown = latent_truth(*given[:3], np.full((1, 5, 3), np.nan))[0]
    assert np.isnan(unknown[KINDS + 2 :, 1, 0, 2]).all() and np.isfinite(unknown[:, 1, 0, :2]).all()


@pytest.mark.parametrize("view", ["pan left", "pan down", "zoom in"])
def test_camera_flow_follows_what_stands_on_the_ground(view):
    spec = SceneSpec("box", "red", "stand", scene="grass", camera=view)
    truth = World().render(spec, 3, 17, 96, 160).truth
    centre = (truth.boxes[:, 0, :2] + truth.boxes[:, 0, 2:]) / 2  # (F, 2)
    flow = camera_flow(truth.camera[None, ::4], 96, 160)[0]  # (2, f, h, w)
    at = (centre[3] * (160, 96)).astype(int)
    moved = centre[4] - centre[0]
    np.testing.assert_allclose(flow[:, 1, at[1], at[0]], moved, atol=0.004)
    assert np.abs(moved).max() > 0.008


# -- batches


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


def test_left_out_tokens_change_nothing_but_what_is_asked(vae, folder):
    """All tokens in another order give the same loss; half of them give a loss over that half."""
    drawn = task(vae, folder, control=1.0, camera=1.0)
    model = drawn.build()
    with torch.no_grad():  # what starts at zero would hide differences
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    batch = with_noise(drawn.batch(2))
    count = 3 * 2 * 3
    everything = torch.stack([torch.randperm(count) for _ in batch["t"]])
    with torch.no_grad():
        whole, shuffled = model(**batch), model(**batch, kept_tokens=everything)
        some = model(**batch, kept_tokens=everything[:, :9])
    for name in whole:
        torch.testing.assert_close(whole[name], shuffled[name], rtol=1e-4, atol=1e-5)
    assert abs(some["velocity_loss"] - whole["velocity_loss"]) > 1e-4
    dropped = task(vae, folder, token_dropping=0.5).batch(1)["kept_tokens"]
    assert dropped.shape == (8, 9) and all(len(set(row)) == 9 for row in dropped.tolist())


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
    import json

    drawn = task(vae, folder)
    for cache in drawn.caches:
        specs = [SceneSpec.from_dict(clip["spec"]) for clip in cache._clips]
        assert not any(map(is_held_out, specs))
    drawn._fixed("held_out")
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


def test_a_control_raster_shows_the_truth(vae, tmp_path):
    cache = fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)
    dealt = [draw_control(cache, 0, (3, 4, 6), np.random.default_rng(seed)) for seed in range(60)]
    rasters = [raster for raster, _ in dealt]
    for raster, boxes in dealt:  # the numbers are those of the boxes that are drawn, and of no others
        expected = np.nan_to_num(cache.boxes[0][:, 0]) if raster[BOX_A].any() else 0 * boxes[:, 0, :4]
        np.testing.assert_array_equal(boxes[:, 0, :4], expected)
        assert not boxes[..., 4].any()  # who draws a box does not say how its subject is turned
    boxed = [raster[BOX_A] for raster in rasters if raster[BOX_A].any()]
    stroked = [raster for raster in rasters if raster[STROKE].any()]
    assert 15 < len(boxed) < 55 and 5 < len(stroked) < 50
    x0, y0, x1, y1 = np.clip(cache.boxes[0][0, 0], 0, 1)  # latent frame 0 is frame 0
    covered = boxed[0][0].mean()  # share of the frame
    assert covered == pytest.approx((x1 - x0) * (y1 - y0), abs=0.02)


def test_a_talking_mouth_is_in_the_raster(vae, tmp_path):
    class Talk(World):
        def sample(self, index, *shape, held_out=False):
            return self.render(SceneSpec("face", "yellow", "talk", wearing=None), index, *shape)

    cache = fill_latent_cache(tmp_path, Talk(3), vae, replace(CLIP, clips=1), quiet=True)
    rasters = [draw_control(cache, 0, (3, 4, 6), np.random.default_rng(seed))[0] for seed in range(20)]
    spoken = [raster for raster in rasters if raster[MOUTH].any()]
    assert 8 < len(spoken) < 20
    said = spoken[0][OPENNESS:].max((2, 3)).T.flatten()  # four values for each latent frame
    np.testing.assert_allclose(said[4:], cache.mouth[0][1:, 0], atol=1e-5)
    np.testing.assert_allclose(said[:4], cache.mouth[0][0, 0], atol=1e-5)
    assert said.max() > 0.1


def test_clean_frames_leave_something_to_do():
    rng = np.random.default_rng(0)
    dealt = [draw_known_frames(5, rng) for _ in range(300)]
    assert all(0 < len(set(frames)) < 5 for frames in dealt)
    assert {(0,), (0, 4), (4,), (0, 1)} <= {tuple(frames) for frames in dealt}
    assert draw_known_frames(1, rng) == []
    assert all(0 < len(set(draw_known_frames(2, rng))) < 2 for _ in range(50))


def test_noise_levels_are_spread_and_favour_noise():
    rng = np.random.default_rng(0)
    levels = np.sort(np.stack([stratified_levels(rng, 64, 0.3) for _ in range(50)]), axis=1)
    assert 0 < levels.min() and levels.max() < 1
    assert levels.mean() == pytest.approx(1 / (1 + np.exp(-0.27)), abs=0.01)
    assert levels.std(0)[8:-8].max() < 0.02  # the k-th smallest level of a batch is nearly fixed
    even = np.concatenate([stratified_levels(rng, 64, 3.0, uniform=0.5) for _ in range(200)])
    assert (even < 0.5).mean() == pytest.approx(0.25, abs=0.03)  # half of them, and half of those


def test_some_actions_can_be_dealt_more_often(vae, tmp_path):
    cache = fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)
    actions = [json.loads(line)["spec"]["action"] for line in (tmp_path / "clips.jsonl").open()]
    usual, more = (
        {name: probabilities[[a == name for a in actions]].sum() for name in set(actions)}
        for probabilities in (cache.balanced(), cache.balanced({actions[0]: 3.0}))
    )
    assert len(usual) > 2 and np.ptp(list(usual.values())) < 1e-9
    others = [more[name] for name in usual if name != actions[0]]
    assert np.ptp(others) < 1e-9 and more[actions[0]] == pytest.approx(3 * others[0])


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


# -- training


def test_errors_are_seen_as_the_decoder_sees_them(vae):
    torch.manual_seed(0)
    for layer in vae.decoder.modules():  # untrained blocks add nothing
        if isinstance(layer, Conv):
            torch.nn.init.normal_(layer.weight, std=0.1)
    perceptual_loss = PerceptualLoss(vae, 1.0)
    latents, t = torch.randn(2, 4, 3, 12, 12), torch.tensor([[0.3], [0.9]])
    loss_weight = torch.ones(2, 3, 12, 12)
    loss_weight[:, :, 4:, :8] = 6
    assert [part[0].tolist() for part in best_window(loss_weight)] == [list(range(4, 12)), list(range(8))]
    assert perceptual_loss(latents, latents, t, loss_weight) == 0
    error = 0.1 * torch.randn(4, 3, 12, 12)

    def seen(which: int, rows: slice, columns: slice, scale: float = 1.0) -> float:
        guess = latents.clone()
        guess[which, :, :, rows, columns] += scale * error[:, :, rows, columns]
        return float(perceptual_loss(guess, latents, t, loss_weight))

    inside, outside = (slice(5, 11), slice(1, 7)), (slice(0, 4), slice(8, 12))
    assert seen(0, *inside) > 0 and seen(0, *outside) == 0  # the window that is loss_weight most
    assert seen(1, *inside) == 0  # too noisy
    assert seen(0, *inside, scale=2.0) == pytest.approx(4 * seen(0, *inside), rel=0.3)


def test_an_untrained_model_is_as_wrong_as_a_linear_guess(vae, folder):
    drawn = task(vae, folder, auxiliary_loss=0, subject_weight=0)
    torch.manual_seed(0)
    batch = with_noise(drawn.batch(0))
    loss = drawn.build()(**batch)["loss"]
    level = batch["t"][:, :, None, None, None]
    mixed = torch.lerp(batch["latents"], batch["noise"], level)
    guess = mixed * (2 * level - 1) / ((1 - level) ** 2 + level**2)  # this VAE's channels all latent_std by 1
    truth = (batch["noise"] - batch["latents"] - guess).square().mean(1)
    expected = truth[~batch["known"]].mean() if "known" in batch else truth.mean()
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-3)


def test_given_frames_are_seen_clean_and_left_out_of_the_loss(vae, folder):
    drawn = task(vae, folder, auxiliary_loss=0, known_frames=1.0)
    torch.manual_seed(0)
    batch = with_noise(next(b for b in map(drawn.batch, range(20)) if "known" in b and b["known"].any()))
    model = drawn.build()
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.1)
    loss = model(**batch)["loss"]
    other = {**batch, "noise": torch.where(batch["known"][:, None], 9.0, batch["noise"])}
    torch.testing.assert_close(model(**other)["loss"], loss)  # the noise of a given frame reaches nothing
    moved = {**batch, "latents": torch.where(batch["known"][:, None], 1.0, batch["latents"])}
    assert not torch.allclose(model(**moved)["loss"], loss)  # but what it shows does


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
    assert frames.shape == (1, 5, 32, 32, 3) and frames.dtype == np.uint8


def test_training_goes_on_from_a_smaller_model(vae, folder, tmp_path):
    """Convolutions join a trained transformer without changing its answer; another size is refused."""
    first = Engine(task(vae, folder), tmp_path / "first", quiet=True)
    first.run()
    first.export()
    more = recipe(init_from=str(tmp_path / "first" / "pipeline"))
    larger = DiffusionTask(replace(more, model=more.model | {"conv_width": 8}), folder, vae, quiet=True)
    with torch.inference_mode():
        before = larger.evaluate(first.averaged())
        after = larger.evaluate(larger.build())
    assert after == pytest.approx(before, rel=2e-2)  # the export is bf16
    wider = replace(more, model=more.model | {"width": 64})
    with pytest.raises(X2VError, match="init_from"):
        DiffusionTask(wider, folder, vae, quiet=True).build()
    missing = recipe(init_from=str(tmp_path / "nowhere"))
    with pytest.raises(X2VError, match="nowhere"):
        DiffusionTask(missing, folder, vae, quiet=True).build()


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
