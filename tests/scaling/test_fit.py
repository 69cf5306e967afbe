"""The fits recover the laws that made the points."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.scaling.fit import (
    fit_joint,
    fit_power,
    least_squares,
    predict_largest_compute,
)
from x2vkit.scaling.laws import joint_loss
from x2vkit.scaling.points import Point


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


def test_an_outlier_pulls_less_by_huber():
    x = np.arange(10.0)
    y = 3 * x
    y[7] = 100
    slope = lambda huber: least_squares(lambda q: q[..., :1] * x - y, np.array([1.0]), huber)[0][0]  # noqa: E731
    assert slope(0.1) == pytest.approx(3, abs=0.05) and slope(0) > 3.5
