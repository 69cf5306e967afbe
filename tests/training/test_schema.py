"""Tables of a recipe: what they may say is said by their types and ranges, and nothing else passes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import pytest

from x2vkit.config import ModelConfig
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training.diffusion.config import MODEL_RANGES, DiffusionData, check_size
from x2vkit.training.diffusion.tune import TuneData
from x2vkit.training.distill import DistillData
from x2vkit.training.judge.frame import FrameData
from x2vkit.training.judge.motion import MotionData
from x2vkit.training.planner import PlannerData, PlannerSize
from x2vkit.training.recipe import BUNDLED, load_recipe, recipe_from_dict
from x2vkit.training.schema import Range, read_arguments, read_table
from x2vkit.training.upscale import UpscaleData
from x2vkit.training.vae import MODEL_RANGES as VAE_RANGES
from x2vkit.training.vae import VAEData

TABLES = {
    "vae": VAEData, "diffusion": DiffusionData, "planner": PlannerData, "judge-frames": FrameData,
    "judge-motion": MotionData, "tune": TuneData, "upscale": UpscaleData, "distill": DistillData,
}  # fmt: skip
ODD: tuple[Any, ...] = (
    *(
        -5,
        0,
        -1,
        2,
        10**12,
        1e30,
        float("inf"),
        float("nan"),
        "",
        "12",
        "small",
        True,
        None,
        [],
        [1],
        [[-1]],
        {},
    ),
    *({"a": 1}, [True], [0.5, "x"], -0.1, 1.5, "../..", b"x", 2**70),
)


@dataclass(frozen=True)
class Toy:
    steps: Annotated[int, Range(1, 10)]
    part: Annotated[float, Range(0, 1)] = 0.5
    sizes: tuple[Annotated[int, Range(1, 9)], ...] = ()
    pair: tuple[int, float] = (1, 0.5)
    inner: dict[str, float] | None = None


def test_what_fits_is_read_in_the_fields_own_types():
    toy = read_table(
        Toy, {"steps": 3, "part": 1, "sizes": [1, 9], "pair": [2, 3], "inner": {"a": 2}}, "[toy]"
    )
    assert toy == Toy(3, 1.0, (1, 9), (2, 3.0), {"a": 2.0})
    assert isinstance(toy.part, float) and isinstance(toy.sizes, tuple) and isinstance(toy.pair[1], float)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"steps": 0}, r"steps = 0: steps is 1 to 10"),
        ({"steps": True}, "steps is a whole number"),
        ({"steps": 2.0}, "steps is a whole number"),
        ({"steps": 1, "part": float("nan")}, "part is a finite number. use 0.5"),
        ({"steps": 1, "part": 2}, "part = 2: part is 0 to 1"),
        ({"steps": 1, "sizes": [1, 10]}, "sizes is .*1 to 9"),
        ({"steps": 1, "sizes": 3}, "sizes is a list"),
        ({"steps": 1, "pair": [1]}, "pair is a list of 2"),
        ({"steps": 1, "inner": {"a": "b"}}, "inner is a number"),
        ({"part": 0.1}, "it needs steps"),
        ({"steps": 1, "stepz": 1}, "stepz: its fields are steps, part"),
        ([1], "a table of named values"),
    ],
)
def test_what_does_not_fit_is_told_with_value_rule_and_cure(values, told):
    with pytest.raises(X2VError, match=told):
        read_table(Toy, values, "[toy]")


def test_arguments_are_checked_as_fields_are():
    assert read_arguments(VideoVAE, {"widths": [8, 8, 8]}, "[model]", VAE_RANGES) == {"widths": (8, 8, 8)}
    for odd in ({"widths": [8, 8]}, {"widths": [0, 8, 8]}, {"latent_noise": "much"}, {"depth": 1}):
        with pytest.raises(X2VError):
            read_arguments(VideoVAE, odd, "[model]", VAE_RANGES)


@pytest.mark.parametrize("name", sorted(path.stem for path in BUNDLED.glob("*.toml")))
def test_every_bundled_recipe_fits(name):
    recipe = load_recipe(name)
    read_table(TABLES[recipe.task], recipe.data, "[data]")


def test_a_model_that_no_device_can_train_is_refused_before_it_is_made():
    with pytest.raises(X2VError, match="GB to be trained"):
        check_size(ModelConfig(width=16384, depth=200, heads=256))
    with pytest.raises(X2VError, match="width = 1000000"):
        read_table(ModelConfig, {"width": 1_000_000}, "[model]", MODEL_RANGES)


@pytest.mark.parametrize("name", ["vae", "small-gpu", "planner", "judge-frames", "judge-motion"])
def test_odd_recipes_are_read_or_refused_with_a_sentence(name):
    """One value of a recipe replaced by something odd: it fits the table, or X2VError says why not."""
    rng = np.random.default_rng(5)
    whole, refused = load_recipe(name).to_dict(), 0
    kinds = {"engine": None, "data": TABLES[whole["task"]], "model": PlannerSize}
    for _ in range(300):
        table = str(rng.choice(["engine", "engine", "data"]))
        fields = asdict(load_recipe(name).engine) if table == "engine" else whole["data"]
        if not fields:
            continue
        field = str(rng.choice(sorted(fields)))
        odd = ODD[int(rng.integers(len(ODD)))]
        values = {**whole, table: {**whole[table], field: odd}}
        try:
            recipe = recipe_from_dict(values)
            if table == "data":
                read_table(kinds["data"], recipe.data, "[data]")
        except X2VError as error:
            refused += 1
            assert str(error).count(":") and len(str(error)) < 400
    assert refused > 150


def test_the_recipes_of_the_report_are_refused():
    whole = load_recipe("small").to_dict()
    for field, odd in {
        "steps": -5,
        "ema": 2,
        "max_grad_norm": float("nan"),
        "muon_lr": 1e30,
        "batch": 0,
    }.items():
        with pytest.raises(X2VError, match=field):
            recipe_from_dict({**whole, "engine": whole["engine"] | {field: odd}})
