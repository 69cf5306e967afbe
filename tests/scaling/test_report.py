"""The report names every law."""

from __future__ import annotations

import pytest

from tests.training import toy_runs
from x2vkit.scaling.fit import (
    fit_data,
    fit_size,
)
from x2vkit.scaling.points import load_runs
from x2vkit.scaling.report import report


def test_the_report_names_every_law(runs):
    text = report(load_runs(runs), draws=5)
    for name in ("frontier", "L(D)", "L(N)", "Chinchilla", "Kaplan", "decades", "error"):
        assert name in text
    data = fit_data(load_runs(runs), draws=0)
    assert data.power == pytest.approx(toy_runs.b, rel=0.05)  # one size: E + A / N^a is its floor
    size = fit_size(load_runs(runs))
    assert size.power == pytest.approx(toy_runs.a, rel=0.3)
