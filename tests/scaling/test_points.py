"""Points are what the logs say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.training import toy_runs
from x2vkit.errors import X2VError
from x2vkit.scaling import points as points_module
from x2vkit.scaling.fit import fit_frontier, fit_joint, predict_largest_compute
from x2vkit.scaling.points import PLATEAU, SHIPPED, fitted, frontier, load_runs


def test_laws_leave_out_the_start_of_a_run_and_its_cool_down(tmp_path):
    run = toy_runs.make_run(tmp_path / "192x6", 4e14)
    points = load_runs(run)
    highest = max(p.loss for p in points)
    assert fitted(points) == [p for p in points if p.loss <= (1 - PLATEAU) * highest] != points
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["engine"] |= {"steps": points[-1].step, "cooldown": points[-1].step - points[-2].step}
    (run / "recipe.json").write_text(json.dumps(recipe))
    cooled = [p for p in load_runs(run) if p.cooled]
    assert [p.step for p in cooled] == [points[-1].step]
    assert fitted(load_runs(run))[-1].step == points[-2].step + 1  # evaluated once more, before it cooled


def test_runs_are_read_from_their_logs(runs):
    points = load_runs(runs)
    assert [p.run for p in points[::6]] == sorted(toy_runs.SIZES)
    assert len(points) == 24 and len(load_runs(runs, every=True)) == 44  # snapshots, and all evaluations
    largest = max(points, key=lambda p: p.flops)
    assert largest.size == "192x6" and largest.flops == 4e14 and 2.9e6 < largest.params < 3.6e6
    assert largest.loss == pytest.approx(toy_runs.loss(largest.params, largest.samples), rel=1e-3)
    assert largest.value("validation") == pytest.approx(1.1 * largest.loss) and np.isnan(
        largest.value("adherence")
    )
    assert len(load_runs(runs / "48x2", runs / "192x6")) == 12


def test_a_model_that_saw_no_clip_is_no_point(tmp_path):
    run = toy_runs.make_run(tmp_path / "48x2", 2e12)
    steps = json.loads((run / "recipe.json").read_text())["engine"]["snapshots"]
    late = toy_runs.make_run(tmp_path / "late" / "48x2", 2e12, stills=steps[2])
    assert [p.step for p in load_runs(late)][0] > steps[2]


def test_judged_figures_and_clips_belong_to_their_step(runs):
    folder = runs / "96x4"
    toy_runs.film(folder)
    step = load_runs(folder)[3].step
    (folder / "judged.json").write_text(
        json.dumps({str(step): {"adherence": 0.7}, "ceiling": {"adherence": 0.9}})
    )
    points = load_runs(folder)
    assert [p.judged.get("adherence") for p in points] == [None, None, None, 0.7, None, None]
    assert all(set(p.clips) == {"dog"} for p in points) and points[3].ceiling == {"adherence": 0.9}


def test_what_holds_no_run_is_said(tmp_path, runs):
    with pytest.raises(X2VError, match="no training run"):
        load_runs(tmp_path / "nothing")
    (runs / "48x2" / "log.jsonl").write_text('{"step": 20, "loss": 1.0}\n')
    with pytest.raises(X2VError, match="no evaluation"):
        load_runs(runs / "48x2")
    with pytest.raises(X2VError, match="different points"):
        fit_frontier(load_runs(runs / "64x3")[:2])
    with pytest.raises(X2VError, match="one size"):
        predict_largest_compute(load_runs(runs / "64x3"))


def test_the_frontier_falls_and_lies_below_all(runs):
    points = load_runs(runs)
    edge = frontier(points)
    assert all(a.loss > b.loss and a.flops < b.flops for a, b in zip(edge, edge[1:], strict=False))
    assert all(any(q.flops <= p.flops and q.loss <= p.loss for q in edge) for p in points)


def test_the_runs_that_ship_span_what_was_promised():
    points = load_runs()
    flops = [p.flops for p in points]
    assert len(points) >= 10 and np.log10(max(flops) / min(flops)) >= 2.5
    assert len({p.size for p in points}) == 5
    assert fit_frontier(fitted(points), draws=0).r2 > 0.98
    joint = {p.by: p.error for p in predict_largest_compute(fitted(points), draws=0) if "L(N, D)" in p.by}
    assert len(joint) == 2 and max(map(abs, joint.values())) < 0.03


def test_the_start_is_cut_where_the_smaller_sizes_foretell_each_other_best(monkeypatch):
    smaller = [p for p in load_runs() if p.size != "192x6"]  # the run that laws are tried on has no say
    errors = {}
    for cut in (0.05, 0.1, 0.15, 0.2, 0.25):
        monkeypatch.setattr(points_module, "PLATEAU", cut)
        told = predict_largest_compute(fitted(smaller), draws=0)
        errors[cut] = float(np.mean([abs(one.error) for one in told]))
    assert min(errors, key=errors.__getitem__) == PLATEAU, errors


def test_the_default_model_lies_where_the_law_of_its_family_leads():
    points = fitted(load_runs())
    small = load_runs(SHIPPED / "small")[-1]
    assert small.flops > 60 * max(p.flops for p in points)
    for low, high in (
        fit_frontier(points, 50).interval(small.flops),
        fit_joint(points, "chinchilla", 50).interval(small.params, small.samples),
    ):
        assert low < small.loss < high
