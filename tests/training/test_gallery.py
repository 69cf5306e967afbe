"""What is shipped of runs: their logs, clips of the same noise, figures; kept while the run is the same."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.training import toy_runs
from x2vkit.errors import X2VError
from x2vkit.judge import Figure
from x2vkit.scaling.clips import PROMPTS, SEED, decode, encode, trio
from x2vkit.scaling.points import load_runs
from x2vkit.training import gallery


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A sweep with snapshots, and a pipeline that draws grey clips; its calls are counted."""
    runs = toy_runs.make_runs(tmp_path / "runs")
    for run in runs.iterdir():
        for step in json.loads((run / "recipe.json").read_text())["engine"]["snapshots"]:
            folder = run / "snapshots" / f"step-{step:08d}" / "pipeline"
            folder.mkdir(parents=True)
            (folder / "model_index.json").write_text("{}")
    calls = []

    def pipe(prompt, **options):
        calls.append((prompt, options["generator"].initial_seed()))
        return SimpleNamespace(frames=np.full((1, 17, 128, 128, 3), 90, np.uint8))

    monkeypatch.setattr(gallery, "_load", lambda folder: pipe)
    monkeypatch.setattr(gallery, "measure_sampling", lambda *args: None)
    return SimpleNamespace(runs=runs, into=tmp_path / "shipped", calls=calls)


def test_a_clip_is_kept_in_one_picture(tmp_path):
    frames = np.zeros((17, 32, 32, 3), np.uint8) + np.arange(17, dtype=np.uint8)[:, None, None, None] * 12
    (tmp_path / "a.webp").write_bytes(encode(frames))
    again = decode(tmp_path / "a.webp")
    assert again.shape == frames.shape and np.abs(again.astype(int) - frames).mean() < 3


def test_shipping_films_every_snapshot_once(made):
    text = gallery.ship([made.runs], prompts=0, into=made.into)
    assert "24 points" in text and "error" in text
    points = load_runs(made.into)
    assert len(points) == 24 and all(set(p.clips) == set(PROMPTS) for p in points)
    assert len(made.calls) == 48 and {seed for _, seed in made.calls} == {SEED}
    gallery.ship([made.runs / "48x2", made.runs / "96x4"], prompts=0, into=made.into)
    assert len(made.calls) == 48


def test_another_run_of_the_same_size_is_filmed_anew(made):
    gallery.ship([made.runs / "48x2"], prompts=0, into=made.into)
    log = made.runs / "48x2" / "log.jsonl"
    log.write_text(log.read_text().replace('"loss": 1.0', '"loss": 2.0'))
    gallery.ship([made.runs / "48x2"], prompts=0, into=made.into)
    assert len(made.calls) == 24


def test_the_judge_is_asked_once_a_snapshot(made, monkeypatch):
    asked = []
    monkeypatch.setattr(
        gallery, "read_figures", lambda *args: asked.append(args) or ({"adherence": 0.5}, {"adherence": 0.9})
    )
    for _ in range(2):
        gallery.ship([made.runs / "96x4"], prompts=8, into=made.into)
    assert len(asked) == 6
    assert all(p.judged == {"adherence": 0.5} for p in load_runs(made.into))


def test_three_levels_of_compute(made, tmp_path):
    gallery.ship([made.runs], prompts=0, into=made.into)
    points = load_runs(made.into)
    base, four, last = trio(points)
    assert {p.size for p in (base, four, last)} == {"192x6"}
    assert last.flops / base.flops == pytest.approx(32) and four.flops / base.flops == pytest.approx(4)
    picture = Image.open(gallery.three_dogs(tmp_path / "dogs.png", points))
    assert picture.width > 1000 and picture.height > 600
    with pytest.raises(X2VError, match="clips"):
        gallery.three_dogs(tmp_path / "none.png", load_runs(made.runs))


def test_base_compute_may_be_of_a_smaller_model(made):
    gallery.ship([made.runs], prompts=0, into=made.into)
    late = [p for p in load_runs(made.into) if p.size != "192x6" or p.flops > 1e14]
    chosen = trio(late)
    assert chosen[-1].size == "192x6" and len(chosen) < 3 or chosen[0].size != "192x6"


def test_figures_are_the_more_the_better(monkeypatch):
    rows = [
        ("share of it", 0.6, 0.95),
        ("subject", 0.7, 1.0),
        ("identity changes", 0.2, 0.0),
        ("color changes", 0.4, 0.0),
    ]
    figures = [Figure(name, "adherence", "", ceiling, score) for name, score, ceiling in rows]
    monkeypatch.setattr(gallery, "evaluate", lambda *args, **options: SimpleNamespace(figures=figures))
    scores, ceiling = gallery.read_figures(None, 8, 20, 4.0)
    assert scores == {"adherence": 0.6, "subject": 0.7, "consistency": 0.7}
    assert ceiling["consistency"] == 1.0
