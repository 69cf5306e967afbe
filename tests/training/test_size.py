"""A recipe that no memory holds is refused before anything of its model is made."""

from __future__ import annotations

import time

import pytest

from x2vkit import cost
from x2vkit.errors import X2VError
from x2vkit.training.recipe import BUNDLED, load_recipe, recipe_from_dict
from x2vkit.training.size import TASKS, check_recipe

GB = 10**9


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with 16 GB free."""
    monkeypatch.setattr(cost, "available_bytes", lambda: 16 * GB)


@pytest.mark.parametrize("name", sorted(path.stem for path in BUNDLED.glob("*.toml")))
def test_every_bundled_recipe_fits_a_machine_of_16_gb(name):
    check_recipe(load_recipe(name))


def test_every_task_is_looked_at():
    assert {load_recipe(path).task for path in BUNDLED.glob("*.toml")} <= TASKS.keys()


@pytest.mark.parametrize(
    ("name", "model", "engine"),
    [
        ("small", {"width": 10**6, "heads": 4}, {}),
        ("small", {"width": 16384, "depth": 256}, {}),
        ("small", {"width": 2048, "depth": 36}, {}),
        ("small", {}, {"batch": 60_000}),
        ("vae", {"widths": [4096, 4096, 4096]}, {}),
        ("vae", {}, {"batch": 65_536}),
    ],
)
def test_what_no_memory_holds_is_refused_at_once(name, model, engine):
    values = load_recipe(name).to_dict()
    values["model"] |= model
    values["engine"] |= engine
    begin = time.process_time()
    with pytest.raises(X2VError, match="width|GB of memory|parameters"):
        check_recipe(recipe_from_dict(values))
    assert time.process_time() - begin < 2


def test_a_task_that_there_is_none_of_is_told():
    values = load_recipe("vae").to_dict() | {"task": "magic"}
    with pytest.raises(X2VError, match="task is vae, diffusion"):
        check_recipe(recipe_from_dict(values))
