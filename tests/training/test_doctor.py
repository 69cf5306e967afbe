"""The doctor tells a broken training from a healthy one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training import doctor
from x2vkit.training.noise import validation_levels
from x2vkit.training.recipe import load_recipe

WELL = doctor.Course({"width": 256}, {20: [0.9] * 8, 120: [0.3] * 8})


def course(losses: list[float]) -> doctor.Course:
    return doctor.Course({"width": 256}, {20: [0.9] * 8, 120: losses})


def test_a_run_like_the_healthy_one_is_well():
    text, well = doctor.diagnose(course([0.31] * 8), WELL)
    assert well and "WELL" in text and "NOT" not in text
    assert "colour" in text and text.index("colour") < text.index("layout") < text.index("motion")


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([1.0] * 8, "nothing is learned"),
        ([2.0] * 4 + [0.3] * 4, "little noise"),
        ([0.3] * 4 + [0.9] * 4, "much noise"),
        ([0.7] * 8, "slower"),
    ],
)
def test_what_is_wrong_is_named(losses, told):
    text, well = doctor.diagnose(course(losses), WELL)
    assert not well and told in text and text.count("<- high") == sum(loss > 0.5 for loss in losses)


def test_the_last_step_that_both_have_is_compared():
    text, well = doctor.diagnose(doctor.Course({"width": 256}, {20: [0.9] * 8}), WELL)
    assert well and "After 20 steps" in text
    assert "too early" in doctor.diagnose(doctor.Course({}, {}), WELL)[0]


def test_another_model_is_said_to_be_another():
    other = doctor.Course({"width": 64}, {120: [0.3] * 8})
    assert "compare with care" in doctor.diagnose(other, WELL)[0]


def test_an_autoencoder_recipe_is_refused():
    with pytest.raises(X2VError, match="transformer"):
        doctor.examine(load_recipe("vae"))


def test_the_healthy_run_that_ships_learned_its_clip():
    losses = doctor.healthy().losses
    assert max(losses) == doctor.STEPS and all(
        len(each) == len(validation_levels()) for each in losses.values()
    )
    first, last = losses[min(losses)], losses[max(losses)]
    assert sum(last) < 0.7 * sum(first) and max(last) < 0.8


@pytest.fixture
def quick(monkeypatch):
    """A small model, a small clip, few steps; returns (recipe, autoencoder)."""
    monkeypatch.setattr(doctor, "STEPS", 30)
    monkeypatch.setattr(doctor, "EVERY", 15)
    recipe = load_recipe("tiny")
    bucket = {"frames": 5, "height": 32, "width": 32, "clips": 1}
    model = {"latent_channels": 4, "width": 48, "depth": 2, "heads": 2, "text_width": 32, "text_depth": 1}
    torch.manual_seed(0)
    vae = VideoVAE(latent_channels=4, widths=(8, 8, 8)).eval().requires_grad_(False)
    return replace(recipe, model=model, data={"buckets": [bucket]}), vae


def test_examinations_tell_a_working_learning_rate_from_none(quick, monkeypatch):
    recipe, vae = quick
    good = doctor.overfit(recipe.with_engine(muon_lr=0.01, adam_lr=0.01), vae)
    assert sorted(good.losses) == [15, 30] and sum(good.losses[30]) < sum(good.losses[15])
    monkeypatch.setattr(doctor, "healthy", lambda: good)
    monkeypatch.setattr(doctor, "load_vae", lambda folder: vae)
    with monkeypatch.context() as again:
        again.setattr(doctor, "overfit", lambda *given: good)
        assert doctor.examine(recipe.with_engine(muon_lr=0.01, adam_lr=0.01)) == 0
    assert doctor.examine(recipe.with_engine(muon_lr=1e-7, adam_lr=1e-7)) == 1
