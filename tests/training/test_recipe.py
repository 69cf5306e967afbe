"""Recipes are read exactly, and what is wrong with one is said."""

from __future__ import annotations

import pytest

from x2vkit.errors import X2VError
from x2vkit.registry import shipped
from x2vkit.training.recipe import BUNDLED, load_recipe, recipe_from_dict

NAMES = sorted(path.stem for path in BUNDLED.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_bundled_recipes_are_valid(name):
    recipe = load_recipe(name)
    assert recipe.engine.steps > 0
    if recipe.task in ("tune", "distill"):
        from x2vkit.training.diffusion.tune import TuneData, start_of
        from x2vkit.training.distill import DistillData

        kind = TuneData if recipe.task == "tune" else DistillData
        assert start_of(recipe, kind) == shipped()["small"]
        return
    if recipe.task == "vae":
        from x2vkit.training.vae import VAEData as Data
    elif recipe.task == "judge-frames":
        from x2vkit.training.judge.frame import FrameData as Data
    elif recipe.task == "judge-motion":
        from x2vkit.training.judge.motion import MotionData as Data
    elif recipe.task == "planner":
        from x2vkit.training.planner import PlannerData as Data
    elif recipe.task == "upscale":
        from x2vkit.training.upscale import UpscaleData as Data
    else:
        assert recipe.task == "diffusion"
        from x2vkit.config import ModelConfig
        from x2vkit.training.diffusion.config import DiffusionData as Data

        ModelConfig(**recipe.model)
    assert recipe.data is not None and Data


def test_the_promised_shapes_are_trained_on():
    shapes = {(b["frames"], b["height"], b["width"]) for b in load_recipe("small").data["buckets"]}
    assert shapes == {(1, 128, 128), (17, 128, 128), (17, 96, 160), (17, 160, 96), (33, 128, 128)}


def test_a_recipe_survives_its_json():
    recipe = load_recipe("small")
    assert recipe_from_dict(recipe.to_dict()) == recipe


def test_the_hash_follows_the_content():
    recipe = load_recipe("tiny")
    assert recipe.with_engine(steps=None) == recipe
    assert recipe.with_engine(steps=7).engine.steps == 7
    assert recipe.with_engine(steps=7).hash != recipe.hash == load_recipe("tiny").hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("task = 'vae'\n[engine]\nsteps = 1\nbatch = 1\nspeed = 2", "speed"),
        ("task = 'vae'\nextra = 1\n[engine]\nsteps = 1\nbatch = 1", "extra"),
        ("task = 'vae'\n[engine]\nbatch = 1", "steps"),
        ("[engine]\nsteps = 1\nbatch = 1", "task"),
        ("task = ", "TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_place(tmp_path, text, told):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(X2VError, match=told):
        load_recipe(path)


def test_an_unknown_name_lists_the_known():
    known = "planner, planner-turn, small, small-detail, small-gpu, small-plan, small-steer, small-turn, "
    known += "small-warp, tiny, tune, upscale, vae"
    with pytest.raises(X2VError, match=known):
        load_recipe("smal")
