"""Bundled traces open at once, hold what the views need, and stay small."""

from __future__ import annotations

import pytest

from x2vkit.errors import X2VError
from x2vkit.run.samples import RECIPES
from x2vkit.trace import samples


def test_every_recipe_is_there_and_opens():
    assert set(samples.names()) == set(RECIPES)
    for name, recipe in RECIPES.items():
        trace = samples.sample(name)
        assert trace.prompt == recipe["prompt"]
        assert trace.preview_weight is not None
        assert (trace.pred_x0_cond is not None) == (recipe.get("guidance") != 1)
        assert {step for step, _ in trace.captured} == set(recipe.get("attention_steps", ()))
        assert trace is samples.sample(name)


def test_the_first_sample_has_the_attention_of_all_layers_at_each_step():
    trace = samples.sample()
    layers = [{layer for at, layer in trace.captured if at == step} for step in (0, 6, 13)]
    assert layers[0] == layers[1] == layers[2] == set(range(len(layers[0])))


def test_all_together_are_small():
    assert sum(path.stat().st_size for path in samples.FOLDER.glob("*.x2v")) < 12_500_000


def test_a_name_that_is_not_there():
    with pytest.raises(X2VError, match="cat, dog, dog-red"):
        samples.sample("horse")
