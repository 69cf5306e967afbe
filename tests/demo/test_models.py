"""Which models there are, and that any of them makes the clip it would make without the demo."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from x2vkit import registry
from x2vkit.config import RunRequest
from x2vkit.demo.models import Models, to_frames
from x2vkit.errors import X2VError
from x2vkit.run import record as recorder
from x2vkit.run.request import CheckedRequest


def wanted(model: str, **request: object) -> CheckedRequest:
    usual = {
        "prompt": "a red ball",
        "guidance": 4.0,
        "steps": 4,
        "num_frames": 5,
        "height": 32,
        "width": 32,
        "seed": 3,
    }
    return CheckedRequest(RunRequest(**usual | request, model=model))


def test_own_pipelines_make_what_the_recorder_makes(pipeline):
    all_of = Models(pipeline)
    told = []
    made = all_of.make(wanted(all_of.default), told.append)
    alone = recorder.generate(wanted(all_of.default).request, pipeline=pipeline)
    assert np.array_equal(made.frames, alone.frames)
    assert [(step.step, step.steps) for step in told] == [(i, 4) for i in (1, 2, 3, 4)]
    assert all(step.picture.shape == made.frames.shape and step.picture.dtype == np.uint8 for step in told)
    assert made.words == ("a", "red", "ball") and made.trace is not None


def test_words_nobody_knows_are_told_once(pipeline):
    made = Models(pipeline).make(wanted("this model", prompt="a flurb ball"), lambda step: None)
    assert made.unknown == ("flurb",) and made.notes == ()


def test_the_models_that_ship_are_found_by_themselves(tmp_path, monkeypatch):
    runs = {"small": 9e14, "scaling/base": 1e13, "scaling/32x": 32e13, "scaling/4x": 4e13}
    for name, flops in runs.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model_index.json").write_text("{}")
        (tmp_path / name / "log.jsonl").write_text(f'{{"step": 1}}\n{{"step": 2, "flops": {flops}}}\n')
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    all_of = Models()
    assert all_of.names() == ["small", "base", "4x", "32x"]  # the usual one, then the cheapest first
    assert all_of.train_flops("4x") == 4e13


def test_the_usual_model_is_there():
    assert "small" in Models().names()


def test_a_visitors_values_are_read_and_what_is_open_is_the_models_own(pipeline, monkeypatch):
    monkeypatch.setattr(pipeline, "sampling", registry.SamplingDefaults(steps=6, guidance=1.5))
    models = Models(pipeline)
    request = models.read({"prompt": "a red ball", "model": "", "steps": None, "seed": 3}).request
    assert (request.model, request.steps, request.guidance, request.seed) == ("this model", 6, 1.5, 3)
    assert models.read({"prompt": "a ball", "model": "small"}).request.steps == 20
    assert len({models.read({"seed": -1}).request.seed for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "values", [{"steps": 51.5}, {"seed": -2}, {"seed": None}, {"shape": "round"}, {"model": 7}]
)
def test_a_visitors_wrong_values_are_told(values):
    with pytest.raises(X2VError, match=next(iter(values))):
        Models().read(values)


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "nobody", 7, ["small"]])
def test_a_name_from_outside_opens_nothing_else(name):
    with pytest.raises(X2VError, match="models are"):
        Models().check(name)


def test_any_diffusers_pipeline_runs(fake):
    all_of = Models(fake)
    told = []
    made = all_of.make(wanted(all_of.default), told.append)
    assert all_of.foreign and all_of.names() == ["FakePipeline"]
    assert made.frames.shape == (3, 24, 32, 3) and made.fps == 16 and made.trace is None
    assert [step.step for step in told] == [1, 2, 3, 4] and told[0].picture is None
    again = all_of.make(wanted(all_of.default), told.append)
    other = all_of.make(wanted(all_of.default, seed=4), told.append)
    assert np.array_equal(made.frames, again.frames) and not np.array_equal(made.frames, other.frames)


def test_a_pipeline_without_callbacks_runs_too():
    class Bare:
        def __call__(self, prompt, num_inference_steps=2, generator=None):
            return SimpleNamespace(frames=[[Image.new("RGB", (32, 24), "red")] * 4])

    made = Models(Bare(), fps=8).make(wanted("Bare"), lambda step: None)
    assert made.frames.shape == (4, 24, 32, 3) and made.fps == 8


@pytest.mark.parametrize("pipe", [42, object(), lambda prompt: None, np.zeros(3)])
def test_what_is_no_video_pipeline_is_told(pipe):
    with pytest.raises(X2VError, match="diffusers"):
        Models(pipe)


def test_every_kind_of_frames_becomes_one():
    grey = np.full((2, 4, 6, 3), 0.5, np.float32)
    want = np.full((2, 4, 6, 3), 128, np.uint8)
    tensor = torch.from_numpy(grey).permute(0, 3, 1, 2)[None]
    images = [Image.fromarray(frame) for frame in want]
    for frames in (grey[None], [grey], tensor, tensor.bfloat16(), [images], want[None]):
        assert np.array_equal(to_frames(frames), want)
    with pytest.raises(X2VError, match="a clip is"):
        to_frames(np.zeros((1, 2, 3)))
