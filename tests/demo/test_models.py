"""Which models there are, and that any of them makes the clip it would make without the demo."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.adapters.families import wan
from x2vkit import registry
from x2vkit.adapters.base import REFUSED, Support
from x2vkit.adapters.registry import SUPPORTED
from x2vkit.config import RunRequest
from x2vkit.demo.foreign import to_frames
from x2vkit.demo.models import Models
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
    assert models.read({"prompt": "a ball", "model": "small"}).request.steps == 6
    assert models.read({"prompt": "a ball", "model": "base"}).request.steps == 20
    assert len({models.read({"seed": -1}).request.seed for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "values", [{"steps": 51.5}, {"seed": -2}, {"seed": None}, {"shape": "round"}, {"model": 7}]
)
def test_a_visitors_wrong_values_are_told(values):
    with pytest.raises(X2VError, match=next(iter(values))):
        Models().read(values)


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "nobody", 7, ["small"]])
def test_a_name_from_outside_opens_nothing_else(name):
    with pytest.raises(X2VError, match="model is one of"):
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


def small(prompt: str = "a red ball", **values: object) -> dict:
    return {"prompt": prompt, "steps": 2, "seed": 4, "num_frames": 5, "height": 32, "width": 48, **values}


def test_a_real_pipeline_has_pictures_of_its_steps_its_own_rules_and_a_record():
    all_of = Models(wan().pipe)
    assert all_of.sampling("WanPipeline").steps == 50
    with pytest.raises(X2VError, match="num_frames is 1 . k × 4"):
        all_of.read(small(num_frames=6))
    with pytest.raises(X2VError, match="takes none"):
        all_of.read(small(), image="a.png")
    told = []
    made = all_of.make(all_of.read(small()), told.append)
    assert made.frames.shape == (5, 32, 48, 3) and made.trace is not None and made.trace.captured
    alone = wan().pipe(**small_call()).frames[0]
    assert np.array_equal(made.frames, np.rint(alone * 255).astype(np.uint8))  # recorded as it makes alone
    assert [(step.step, step.steps) for step in told] == [(1, 2), (2, 2)]
    assert told[0].picture.shape == (2, 4, 6, 3) and told[0].t > told[1].t  # colours of the latents
    told.clear()
    all_of.make(all_of.read(small(seed=5)), told.append)
    assert told[0].picture.shape == (5, 32, 48, 3)  # by the linear picture of the clip before


def small_call() -> dict:
    generator = torch.Generator("cpu").manual_seed(4)
    size = {"num_frames": 5, "height": 32, "width": 48, "num_inference_steps": 2, "guidance_scale": 5.0}
    return {"prompt": "a red ball", "generator": generator, "output_type": "np", **size}


def test_what_cannot_be_recorded_still_makes_its_clip(monkeypatch):
    refused = Support("WanPipeline", REFUSED, "nobody knows how")
    monkeypatch.setitem(SUPPORTED, "WanPipeline", refused)
    all_of = Models(wan().pipe)
    made = all_of.make(all_of.read(small()), lambda step: None)
    assert made.frames.shape == (5, 32, 48, 3) and made.trace is None
    assert any("nobody knows how" in note for note in made.notes)


def test_stopping_ends_a_recorded_run_and_leaves_the_pipeline_as_it_was():
    pipe = wan().pipe
    kind, scheduler = type(pipe), type(pipe.scheduler)

    def stop(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Models(pipe).make(Models(pipe).read(small()), stop)
    assert type(pipe) is kind and type(pipe.scheduler) is scheduler
