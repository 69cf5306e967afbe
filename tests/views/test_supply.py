"""The arithmetic of endless video, checked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from x2vkit.trace.samples import sample
from x2vkit.views.supply import Settings, Supply, sums


def test_uploads_against_hollywood():
    found = sums(Settings(), 1e10, 17 / 12)
    assert found.uploaded == 500 * 60 * 24 * 365 == 262_800_000
    assert found.competing == pytest.approx(26_280) and found.ratio == pytest.approx(1.752)
    assert sums(replace(Settings(), share=60), 1e10, 1).ratio == pytest.approx(17.52)
    rounded = sums(replace(Settings(), per_minute=571), 1e10, 1)  # close to 300 million a year
    assert rounded.ratio == pytest.approx(2.0, abs=0.01)


def test_the_cost_of_an_hour():
    found = sums(Settings(steps=10, watts=100, price=20), flops_step=1e9, clip_seconds=2.0)
    assert found.clips == 1800 and found.flops == 1800 * 10 * 1e9
    assert found.hours == pytest.approx(1800 * 1.2 / 2 / 3600)  # half the steps, half the time
    assert found.kwh == pytest.approx(0.1 * found.hours) and found.money == pytest.approx(0.2 * found.kwh)
    assert found.gpu_hours == pytest.approx(found.flops / (0.4 * 989e12) / 3600)
    assert found.rival_money == pytest.approx(found.gpu_hours * 0.7 * 0.2 * 15_000)
    larger = sums(Settings(steps=10, times=30), 1e9, 2.0)
    assert larger.flops == pytest.approx(1000 * found.flops)


def test_the_view_stands_on_the_bundled_trace():
    view, trace = Supply(), sample()
    assert view.flops_step * trace.steps == trace.flops and view.clip_seconds == pytest.approx(17 / 12)
    view.selection = {"per_minute": 1000, "share": 0}
    assert view.data()["ratio"] == pytest.approx(2 * 1.752 / 100)
    assert view.figure().axes[0].get_title().startswith("0.04 times")
    with pytest.raises(Exception, match="per_minute"):
        view.selection = {"per_minute": 5000}
