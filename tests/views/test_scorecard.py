"""The scorecard shows reports as they were measured, and refuses what is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.judge.report import LIMITS, Figure, Report, Shown
from x2vkit.views import scorecard
from x2vkit.views.scorecard import MOMENTS, Scorecard


def report() -> Report:
    figures = (
        Figure(
            "box is kept, IoU", "control", "overlap", 0.9, 0.8, 0.1, 60, "", baseline=0.3, known_as="mIoU"
        ),
        Figure("color", "adherence", "read", 1.0, 0.98, 0.1, 100),
        Figure("wearing", "adherence", "read", 0.98, 0.5, 0.1, 100),
        Figure("identity changes", "consistency", "changes", 0.02, 0.03, None, 100, "%", True),
        Figure("strange", "physics", "x", float("nan")),
    )
    red = np.full((3, 96, 64, 3), (250, 10, 10), np.uint8)
    best = (Shown("a red box", 1.0, (), red),)
    worst = (Shown("a dog", 0.5, ("action: run",), 255 - red),)
    return Report("mine", figures, {"prompts": 100, "steps": 6, "seed": 0}, 1.0, best, worst)


def test_figures_stand_under_their_limit_with_what_they_are_read_against(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(report().to_dict()))
    card = Scorecard(str(path))
    rows = {row["name"]: row for row in card.figures}
    assert [row["limit"] for row in card.figures] == sorted(
        (r["limit"] for r in card.figures), key=LIMITS.index
    )
    assert rows["color"]["at_ceiling"] and rows["identity changes"]["at_ceiling"]
    assert not rows["wearing"]["at_ceiling"] and rows["strange"]["at_ceiling"] is None
    assert (rows["box is kept, IoU"]["baseline"], rows["box is kept, IoU"]["known_as"]) == (0.3, "mIoU")
    counts = {one["name"]: (one["at_ceiling"], one["of"]) for one in card.metadata["questions"]}
    assert counts["adherence"] == (1, 2) and counts["physics"] == (0, 0)
    assert card.metadata["reports"] == [{"model": "mine", "how": "100 prompts, 6 steps, seed 0"}]
    card.selection = {"limit": "adherence"}
    assert card.data()["score"].tolist() == [0.98, 0.5] and np.isnan(card.data()["baseline"]).all()
    assert len(card.figure().axes[0].get_yticklabels()) == 2


def test_clips_come_along():
    card = Scorecard(report())
    assert [(clip["kind"], clip["wrong"]) for clip in card.metadata["clips"]] == [
        ("best", []),
        ("worst", ["action: run"]),
    ]
    _, pictures = scorecard._clips(card.reports)
    assert pictures.shape == (2 * MOMENTS, 128, 128, 3)
    assert np.abs(pictures[0].mean((0, 1)) - (250, 10, 10)).max() < 8  # webp is nearly the same
    assert np.abs(pictures[-1].mean((0, 1)) - (5, 245, 245)).max() < 8


def test_several_reports_are_shown_together():
    own = Report("studio", (Figure("sync", "speech and emotion", "x", 1.0, 0.9),))
    card = Scorecard(report(), own.to_dict())
    assert {row["report"] for row in card.figures} == {0, 1} and len(card.metadata["reports"]) == 2


def test_the_shipped_report_is_of_the_shipped_weights_and_has_every_limit():
    card = Scorecard()
    assert {row["limit"] for row in card.figures} == set(LIMITS) == set(scorecard.LIMITS)
    assert all(row["score"] is not None and row["meaning"] for row in card.figures)
    assert card.metadata["reports"][0]["model"] == "small"
    assert sum(bool(row["known_as"]) for row in card.figures) > 12


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("none.json", "none.json"),
        (3, "an int|a int"),
        ({}, "no figures"),
        ({"figures": []}, "no figures"),
        ({"figures": [3]}, "no figures"),
        ({"figures": [{}] * 600}, "600 figures"),
        ({"reports": []}, "no figures"),
    ],
)
def test_what_is_no_report_is_refused(given, told):
    with pytest.raises(X2VError, match=told):
        Scorecard(given).to_html()


def test_odd_values_are_shown_as_nothing():
    odd = {"name": 3, "limit": "control", "score": "high", "ceiling": True, "error": None, "unit": None}
    clip = {"webp": "!!", "moments": "x"}
    card = Scorecard({"model": None, "settings": [], "figures": [odd], "best": [clip, 3], "worst": 4})
    assert card.error is None and card.figures[0]["score"] is None and not card.metadata["clips"]
    assert card.figure() and card.to_html()
