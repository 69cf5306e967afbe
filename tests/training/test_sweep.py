"""`x2vkit scale` trains what it says: sizes, rates, budgets, and goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.training.toy import SineTask
from x2vkit.cli import commands as cli
from x2vkit.errors import X2VError
from x2vkit.registry import WEIGHTS
from x2vkit.training.recipe import EngineConfig, Recipe, load_recipe
from x2vkit.training.sweep import FLOPS, SIZES, Size, costs, planned, run_sweep, sweep_point

BASE = Recipe(
    "toy", EngineConfig(steps=1, batch=8, hold=4, warmup=2, log_every=1), seed=5, model={"width": 64}
)


def make(recipe, out):
    task = SineTask()
    task.recipe = recipe
    return task


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_sizes_make_models():
    from x2vkit.config import ModelConfig

    for text in ("48x2", "64x3", "96x4", "128x5", "192x6", "256x8", "384x12"):
        size = Size.parse(text)
        assert str(size) == text and ModelConfig(**size.model()).width == size.width
    assert Size.parse("192x6").model() == {k: load_recipe("small").model[k] for k in Size(192, 6).model()}
    for text in ("big", "50x2", "64x0", "64"):
        with pytest.raises(X2VError, match="WIDTHxDEPTH"):
            Size.parse(text)


def test_rates_fall_with_the_root_of_the_width():
    base = load_recipe("small")
    smaller = sweep_point(base, Size(48, 2))
    assert smaller.engine.muon_lr == pytest.approx(2 * base.engine.muon_lr)
    assert smaller.data == base.data and smaller.seed == base.seed
    assert sweep_point(base, Size(192, 6)).engine == replace(base.engine, cooldown=0)


def test_a_ladder_is_built_as_the_model_that_ships():
    base = load_recipe("ladder")
    assert base.model == json.loads((WEIGHTS / "small" / "training.json").read_text())["recipe"]["model"]
    assert [str(Size.parse(size)) for size in SIZES][-1] == f"{base.model['width']}x{base.model['depth']}"
    assert len(SIZES) == len(FLOPS) and list(FLOPS) == sorted(FLOPS)


def test_convolutions_shrink_with_the_width():
    base = load_recipe("small-turn")
    assert sweep_point(base, Size(192, 6)).model == base.model
    smaller = sweep_point(base, Size(48, 2))
    assert smaller.model["conv_width"] == 24 and smaller.model["subject_rope"]
    assert "conv_width" not in sweep_point(load_recipe("small"), Size(48, 2)).model


def test_snapshots_lie_a_doubling_of_compute_apart():
    assert planned(1600, 2.0, 2.0, 0, points=4) == (100, 200, 400, 800)
    assert planned(1600, 1.0, 2.0, 100, points=3) == (250, 450, 850)  # 100 cheap steps first


def test_a_ladder_is_climbed_in_rounds_and_continued(tmp_path):
    sizes = [Size(16, 1), Size(32, 1)]
    cost = costs(make(BASE, tmp_path))[1]
    run_sweep(BASE, sizes, [8 * cost, 16 * cost], tmp_path, make, points=3, rounds=2, quiet=True)
    for size, steps in zip(sizes, ([2, 4, 8], [4, 8, 16]), strict=True):
        lines = log(tmp_path / str(size))
        assert [line["step"] for line in lines if "error" in line] == steps
        assert lines[-1]["flops"] == steps[-1] * cost
    before = log(tmp_path / "16x1")
    run_sweep(BASE, sizes[:1], [16 * cost], tmp_path, make, points=3, rounds=1, quiet=True)
    after = log(tmp_path / "16x1")
    assert after[: len(before)] == before and after[-1]["step"] == 16


def test_a_larger_budget_asks_a_run_for_nothing_but_more_steps(tmp_path):
    """Its stills were reckoned from the budget that it was begun with, and it goes on with these."""
    base = replace(BASE, data={"stills_steps": 1000})

    def strict(recipe, out):
        if (out / "recipe.json").is_file():
            assert json.loads((out / "recipe.json").read_text())["data"] == recipe.data
        return make(recipe, out)

    cost = costs(make(BASE, tmp_path))[1]
    for budget, steps in ((64, 64), (128, 128)):
        run_sweep(base, [Size(16, 1)], [budget * cost], tmp_path, strict, points=2, rounds=1, quiet=True)
        assert log(tmp_path / "16x1")[-1]["step"] == steps
    assert json.loads((tmp_path / "16x1" / "recipe.json").read_text())["data"] == {"stills_steps": 2}


def test_a_rate_that_ends_is_no_ladder(tmp_path):
    with pytest.raises(X2VError, match="hold"):
        run_sweep(
            replace(BASE, engine=replace(BASE.engine, hold=0)),
            [Size(16, 1)],
            [1e5],
            tmp_path,
            make,
            quiet=True,
        )


def test_bad_input_is_told_before_anything_is_read(capsys):
    assert cli.main(["scale", "--sizes", "64x3", "96x4", "--flops", "1e12", "2e12", "3e12"]) == 2
    for odd in (["--flops", "nan"], ["--flops", "inf"], ["--flops", "-1"], ["--points", "0"]):
        assert cli.main(["scale", *odd]) == 2
    assert cli.main(["scale", "--sizes", "tall"]) == 2
    assert cli.main(["scale", "--report", "nowhere"]) == 2
    assert "no training run" in capsys.readouterr().err
