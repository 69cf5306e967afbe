"""The laws recover what made the points, and the points are what the logs say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.training import toy_runs
from x2vkit.errors import X2VError
from x2vkit.scaling.fit import (
    fit_data,
    fit_frontier,
    fit_joint,
    fit_power,
    fit_size,
    least_squares,
    predict_largest_compute,
)
from x2vkit.scaling.laws import joint_loss
from x2vkit.scaling.points import Point, fitted, frontier, load_runs
from x2vkit.scaling.report import report


@pytest.fixture
def runs(tmp_path):
    return toy_runs.make_runs(tmp_path / "sweep")


def made(form: str, values: tuple[float, ...], noise: float = 0.0) -> list[Point]:
    """Points of five sizes on a joint law."""
    rng = np.random.default_rng(0)
    points = []
    for N, most in ((1.2e5, 3e12), (2.8e5, 6e12), (7e5, 1.2e13), (1.4e6, 2.4e13), (3.5e6, 4e14)):
        for k in range(6):
            C = most / 2**k
            L = float(joint_loss(form, values, np.array(N), np.array(C / (800 * N)))) * np.exp(
                noise * rng.standard_normal()
            )
            points.append(Point(f"{N:.0f}", f"{N:.0f}", k, int(N), int(C / (800 * N)), C, 0.0, L))
    return points


def test_a_power_law_is_recovered():
    x = np.geomspace(1e11, 1e15, 12)
    law = fit_power(x, 0.2 + 0.15 * (x / 1e13) ** -0.3, draws=0)
    assert law.floor == pytest.approx(0.2, rel=1e-3) and law.power == pytest.approx(0.3, rel=1e-3)
    assert law.scale * (1e13 / law.unit) ** law.power == pytest.approx(0.15, rel=1e-3)
    assert law.r2 > 0.99999 and law(1e17) == pytest.approx(0.2 + 0.15 * 1e4**-0.3, rel=1e-3)


def test_the_interval_holds_the_truth_and_widens_away_from_the_points():
    x = np.geomspace(1e11, 1e14, 14)
    noise = np.exp(0.01 * np.random.default_rng(1).standard_normal(14))
    law = fit_power(x, (0.2 + 0.15 * (x / 1e13) ** -0.3) * noise, draws=100)
    low, high = law.between("power")
    assert low < 0.3 < high
    near, far = (float(np.diff(np.array(law.interval(c)), axis=0)[0]) / float(law(c)) for c in (1e13, 1e18))
    assert 0 < near < far


@pytest.mark.parametrize(
    ("form", "values"),
    [("chinchilla", (0.2, 0.05, 0.3, 0.4, 0.35)), ("kaplan", (0.15, 0.02, 0.5, 0.3, 0.35))],
)
def test_a_joint_law_is_recovered(form, values):
    law = fit_joint(made(form, values), form, draws=0)
    np.testing.assert_allclose(law.values, values, rtol=0.03)
    assert law.r2 > 0.9999 and law.cost == pytest.approx(800, rel=1e-3)
    noisy = fit_joint(made(form, values, 0.003), form, draws=20)
    low, high = noisy.interval(1e6, 1e5)
    assert low <= noisy(1e6, 1e5) <= high and noisy(1e6, 1e5) == pytest.approx(float(law(1e6, 1e5)), rel=0.02)


def test_the_best_size_is_that_of_the_closed_form():
    E, A, B, a, b = values = (0.2, 0.05, 0.3, 0.4, 0.35)
    law = fit_joint(made("chinchilla", values), draws=0)
    A, B = A * 1e6**a, B * 1e3**b  # for N and D themselves; Hoffmann et al. 2022, eq. 4
    size = (a * A / (b * B)) ** (1 / (a + b)) * (1e15 / 800) ** (b / (a + b))
    N, D, L = law.best_size(1e15)
    assert N == pytest.approx(size, rel=0.05) and N * D * law.cost == pytest.approx(1e15)
    assert L == pytest.approx(E + A / N**a + B / D**b, rel=0.01)


def test_the_dearest_run_is_predicted_from_the_cheaper_ones():
    found = predict_largest_compute(made("chinchilla", (0.2, 0.05, 0.3, 0.4, 0.35)), draws=5)
    assert (
        abs(found[0].error) < 0.01
        and found[0].fitted == 24
        and found[0].reach == pytest.approx(4e14 / 2.4e13)
    )
    assert "error" in str(found[0])


def test_laws_leave_out_the_start_of_a_run_and_its_cool_down(tmp_path):
    run = toy_runs.make_run(tmp_path / "192x6", 4e14)
    points = load_runs(run)
    highest = max(p.loss for p in points)
    assert fitted(points) == [p for p in points if p.loss <= 0.9 * highest] != points
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["engine"] |= {"steps": points[-1].step, "cooldown": points[-1].step - points[-2].step}
    (run / "recipe.json").write_text(json.dumps(recipe))
    cooled = [p for p in load_runs(run) if p.cooled]
    assert [p.step for p in cooled] == [points[-1].step]
    assert fitted(load_runs(run))[-1].step == points[-2].step + 1  # evaluated once more, before it cooled


def test_an_outlier_pulls_less_by_huber():
    x = np.arange(10.0)
    y = 3 * x
    y[7] = 100
    slope = lambda huber: least_squares(lambda q: q[..., :1] * x - y, np.array([1.0]), huber)[0][0]  # noqa: E731
    assert slope(0.1) == pytest.approx(3, abs=0.05) and slope(0) > 3.5


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


def test_the_report_names_every_law(runs):
    text = report(load_runs(runs), draws=5)
    for name in ("frontier", "L(D)", "L(N)", "Chinchilla", "Kaplan", "decades", "error"):
        assert name in text
    data = fit_data(load_runs(runs), draws=0)
    assert data.power == pytest.approx(toy_runs.b, rel=0.05)  # one size: E + A / N^a is its floor
    size = fit_size(load_runs(runs))
    assert size.power == pytest.approx(toy_runs.a, rel=0.3)


def test_the_runs_that_ship_span_what_was_promised():
    points = load_runs()
    flops = [p.flops for p in points]
    assert len(points) >= 10 and np.log10(max(flops) / min(flops)) >= 2.5
    assert len({p.size for p in points}) >= 4
