"""Scaling shows the runs it was given: their numbers, their clips, their law."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.training import toy_runs
from x2vkit.registry import WEIGHTS
from x2vkit.scaling.clips import MODEL_PROMPTS, MODELS
from x2vkit.scaling.points import BUNDLED
from x2vkit.views.scaling import FIGURES, LARGE, Scaling, size_colors


@pytest.fixture
def runs(tmp_path):
    root = toy_runs.make_runs(tmp_path / "ladder", noise=0.002)
    for size in toy_runs.SIZES:
        toy_runs.film(root / size)
    return root


def test_the_view_holds_points_law_and_clips(runs):
    view = Scaling(runs=runs, bundled=False)
    metadata = view.metadata
    assert len(metadata["points"]) == 24 and metadata["law"]["r2"] > 0.98
    flops = [p["flops"] for p in metadata["points"]]
    assert flops == sorted(flops)
    ratios = [flops[i] / flops[metadata["trio"][0]] for i in metadata["trio"]]
    np.testing.assert_allclose(ratios, [1, 4, 32])
    assert [one["key"] for one in metadata["figures"]] == [
        "loss",
        "validation",
        "validation_t94",
        "validation_t06",
    ]
    assert metadata["predictions"][0]["by"].startswith("L(N, D)")
    assert len(metadata["clips"]) == 24 and all("dog" in clips for clips in metadata["clips"])


def test_data_is_what_is_seen(runs):
    view = Scaling(runs=[runs], bundled=False)
    view.selection = {"point": 3, "figure": "validation"}
    seen = view.data()
    assert seen["clip"].shape == (17, 128, 128, 3) and seen["point"] == 3
    np.testing.assert_allclose(seen["validation"], 1.1 * seen["loss"], rtol=1e-5)
    assert seen["flops"].shape == (24,)


def test_judged_figures_can_be_chosen_once_they_are_there(runs):
    for size in toy_runs.SIZES:
        steps = json.loads((runs / size / "recipe.json").read_text())["engine"]["snapshots"]
        judged = {str(step): {"adherence": 0.1 + 0.01 * i} for i, step in enumerate(steps)}
        (runs / size / "judged.json").write_text(json.dumps({**judged, "ceiling": {"adherence": 0.95}}))
    figures = {one["key"]: one for one in Scaling(runs=runs, bundled=False).metadata["figures"]}
    assert figures["adherence"]["judged"] and figures["adherence"]["ceiling"] == 0.95


def test_one_short_run_is_shown_without_a_law(tmp_path):
    run = toy_runs.make_run(tmp_path / "64x3", 4e12, points=2)
    view = Scaling(runs=run, bundled=False)
    assert (
        view.metadata["law"] is None and view.metadata["joint"] is None and view.metadata["predictions"] == []
    )
    assert view.error is None and len(view.figure().axes) == 1


def test_a_folder_without_runs_is_told_in_the_views_place(tmp_path):
    assert "no training run" in Scaling(runs=tmp_path).error.got
    assert Scaling(bundled=False).error is not None


def test_with_nothing_it_opens_on_the_runs_that_ship():
    view = Scaling()
    assert view.error is None and len(view.metadata["points"]) >= 10
    assert view.metadata["sampling"] and len(view.buffer) < 3_000_000
    assert len(view.to_html()) < 5_000_000


def test_the_models_that_ship_are_named_and_stand_apart_from_the_law():
    view = Scaling()
    metadata, points = view.metadata, view.metadata["points"]
    assert list(metadata["models"]) == ["base", "4x", "small"] == list(MODELS)
    assert metadata["trio"] == list(metadata["models"].values())
    for name, index in metadata["models"].items():
        trained = json.loads((WEIGHTS / name / "log.jsonl").read_text().splitlines()[-1])
        assert points[index]["flops"] == trained["flops"]
        assert set(MODEL_PROMPTS) <= set(metadata["clips"][index])
    small = metadata["models"]["small"]
    assert metadata["apart"] == metadata["trio"] and points[small]["values"]["adherence"] > 0.9
    alone = Scaling(runs=BUNDLED, bundled=False).metadata  # the same laws as without it
    assert metadata["law"]["power"] == alone["law"]["power"] and metadata["joint"] == alone["joint"]
    assert metadata["predictions"] == alone["predictions"]
    assert metadata["reached"] == alone["reached"] < points[small]["flops"] / 10
    assert metadata["rate"] == alone["rate"] and alone["models"] == {}


def test_the_figure_shows_the_law_and_three_clips(runs):
    figure = Scaling(runs=runs, bundled=False).figure()
    plot, *clips = figure.axes
    assert plot.get_xscale() == "log" and len(clips) == 3
    assert [panel.get_title() for panel in clips] == ["base compute", "4x compute", "32x compute"]


def test_every_size_has_its_colour_and_every_estimate_its_source(runs):
    colors = size_colors(Scaling(runs=runs, bundled=False).points)
    assert list(colors)[-1] == "192x6" and colors["192x6"] == "blue" and len(set(colors.values())) == 4
    assert all(one["source"] and 1e22 < one["low"] <= one["high"] < 1e26 for one in LARGE)
    assert all(name and meaning for name, meaning in FIGURES.values())


def test_looking_at_runs_needs_no_torch(runs):
    look = f"x2vkit.views.Scaling(runs={str(runs)!r}, bundled=False).to_html()"
    code = f"import sys, x2vkit; {look}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
