"""Evaluation with made-up models: one that renders the truth scores the ceiling, one that makes noise scores
chance."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from x2vkit.cli.commands import main
from x2vkit.cli.evaluate import NAMES, STUDIO
from x2vkit.errors import X2VError
from x2vkit.judge import Figure, Report, evaluate
from x2vkit.judge.evaluation import SUITES
from x2vkit.judge.prompts import plain, scenes
from x2vkit.judge.report import LIMITS
from x2vkit.judge.sampling import APART
from x2vkit.judge.suites.physics import jump_period, true_speed
from x2vkit.registry import SamplingDefaults
from x2vkit.studio.suites import SUITES as STUDIO_SUITES
from x2vkit.world import SceneSpec, World

PROMPTS = 10


def truthful(prompt, num_frames, height, width, **options):
    """A pipeline that answers each prompt with the very render that the ceiling is measured on."""
    known = {plain(spec): (i, spec) for i, spec in enumerate(scenes(PROMPTS, 0))}
    found = [known[words] for words in prompt]
    clips = [World().render(spec, APART + i, num_frames, height, width).frames for i, spec in found]
    return SimpleNamespace(frames=np.stack(clips))


def noisy(prompt, num_frames, height, width, **options):
    rng = np.random.default_rng(len(prompt[0]))
    return SimpleNamespace(frames=rng.integers(0, 256, (len(prompt), num_frames, height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def truth():
    return evaluate(truthful, prompts=PROMPTS, only=("adherence", "consistency"), name="truth")


def test_the_truth_scores_the_ceiling(truth):
    for figure in truth.figures:
        assert figure.score == figure.ceiling, figure.name
    assert truth["share of it"].score > 0.85
    assert truth["share of it"].chance < 0.5
    assert truth["identity changes"].score <= 1 / PROMPTS


def test_noise_scores_chance():
    report = evaluate(noisy, prompts=PROMPTS, only=("adherence",))
    share = report["share of it"]
    assert share.score == pytest.approx(share.chance, abs=0.2)
    assert share.ceiling > share.score + 0.4
    assert report["all of it"].score == 0


def test_the_report_in_its_three_forms(truth):
    values = json.loads(json.dumps(truth.to_dict()))
    assert values["model"] == "truth"
    row = values["figures"][0]
    assert {"name", "limit", "meaning", "score", "ceiling", "chance", "count", "error"} <= row.keys()
    known = {row["known_as"] for row in values["figures"]}
    assert known >= {"VBench: Color", "T2V-CompBench: Motion Binding"}
    film = Image.open(io.BytesIO(base64.b64decode(values["best"][0]["webp"])))
    assert film.size == (values["best"][0]["moments"] * 128, 128)
    assert "ceiling" in truth.table() and "subject" in truth.table()
    assert truth.markdown().count("\n") == len(truth.figures) + 1
    assert len(truth.meanings().splitlines()) == len(truth.figures)
    sheet = truth.sheet()
    assert sheet.dtype == np.uint8 and sheet.shape[0] > 1000 and sheet.shape[2] == 3
    assert truth.best[0].right >= truth.worst[0].right


def test_a_baseline_has_a_column_where_there_is_one():
    figure = Figure("box", "control", "x", 0.9, 0.8, 0.1, 60, baseline=0.3, known_as="MagicBench: AP")
    report = Report("m", (figure, Figure("plain", "control", "y", 0.9, 0.7)))
    assert report.table().splitlines()[0].endswith("without") and "30.0 %" in report.table()
    assert "| without it |" in report.markdown() and "30.0 %" in report.markdown()
    assert "MagicBench: AP" in report.meanings()
    assert "without" not in Report("m", report.figures[1:]).table()


def test_unmeasured_values_become_null():
    report = Report("m", (Figure("f", "control", "x", float("nan")),))
    assert json.loads(json.dumps(report.to_dict()))["figures"][0]["ceiling"] is None
    assert report.sheet().shape[2] == 3


def test_every_suite_measures_real_renders_and_every_limit_has_a_figure():
    report = evaluate(None, prompts=8)
    assert {figure.limit for figure in report.figures} == set(LIMITS)
    assert len({figure.name for figure in report.figures}) == len(report.figures)
    assert all(figure.score is None and np.isfinite(figure.ceiling) for figure in report.figures)
    assert report.model == "real renders"


def test_the_command_names_the_suites(capsys):
    assert tuple(NAMES) == tuple(SUITES)
    assert tuple(STUDIO) == tuple(STUDIO_SUITES)
    for only in ("beauty", "", ","):
        assert main(["evaluate", "--only", only]) == 2
    assert "adherence" in capsys.readouterr().err
    assert main(["evaluate", "--prompts", "0"]) == 2
    with pytest.raises(X2VError, match="suites are"):
        evaluate(None, only=("beauty",))
    with pytest.raises(X2VError, match="prompts=3"):
        evaluate(None, prompts=3)


def test_the_command_prints_json_and_writes_a_sheet(capsys, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert (
        main(
            [
                "evaluate",
                "--ceiling",
                "--prompts",
                "8",
                "--only",
                "adherence",
                "--json",
                "--sheet",
                str(sheet),
            ]
        )
        == 0
    )
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert {figure["limit"] for figure in figures} == {"adherence"}
    assert sheet.stat().st_size > 10_000


def test_promises_of_the_words_are_the_worlds():
    for scene in ("grass", "space"):
        clip = World().render(SceneSpec("dog", "red", "jump", "right", scene), 1)
        assert jump_period(scene) == pytest.approx(clip.truth.physics["period"])
    for subject, action, direction in (
        ("dog", "walk", "left"),
        ("car", "run", "right"),
        ("boat", "swim", "left"),
    ):
        spec = SceneSpec(subject, "red", action, direction)
        assert true_speed(spec) == pytest.approx(World().render(spec, 1).truth.physics["speed"])


def test_a_model_is_judged_as_its_weights_are_sampled():
    calls = []

    class Sampled:
        sampling = SamplingDefaults(steps=7, guidance=2.5)

        def __call__(self, prompt, num_frames, height, width, **options):
            calls.append((options["num_inference_steps"], options["guidance_scale"]))
            return noisy(prompt, num_frames, height, width)

    assert evaluate(Sampled(), prompts=8, only=("adherence",)).settings["steps"] == 7
    assert set(calls) == {(7, 2.5)}
