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
        assert {layer for _, layer in trace.captured} == set(recipe.get("attention_layers", ()))
        assert trace is samples.sample(name)


def test_the_first_sample_has_the_attention_of_all_steps_early_and_late():
    trace = samples.sample()
    steps = [{step for step, layer in trace.captured if layer == of} for of in (1, 3, 5)]
    assert steps == [set(range(trace.steps))] * 3


def test_each_is_small():
    assert max(path.stat().st_size for path in samples.FOLDER.glob("*.x2v")) < 5_000_000


def test_a_name_that_is_not_there():
    with pytest.raises(X2VError, match="cat, dog, dog-red"):
        samples.sample("horse")
