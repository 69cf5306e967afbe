"""What the page does, without the page: the same clip again when looked into, and stops that stop."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from tests.adapters.families import wan
from tests.demo.demos import wait_until
from x2vkit.config import RunRequest
from x2vkit.demo import engine as engine_module
from x2vkit.demo.compare import by_compute
from x2vkit.demo.engine import EXAMPLE, Engine, Recent, compare_html, examples, view_html, views
from x2vkit.demo.models import Models
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.run import record as recorder
from x2vkit.run.backend import evenly
from x2vkit.run.request import CheckedRequest
from x2vkit.trace import samples


def wanted(**request: object) -> CheckedRequest:
    usual = {
        "prompt": "a red ball",
        "guidance": 4.0,
        "steps": 3,
        "num_frames": 5,
        "height": 32,
        "width": 48,
        "seed": 3,
    }
    return CheckedRequest(RunRequest(**usual | {"model": "this model"} | request))


def finish(run):
    """What a run returns."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value


@pytest.fixture
def engine(pipeline):
    made = Engine(Models(pipeline))
    yield made
    made.close()


def test_looking_inside_shows_the_clip_that_was_made(engine):
    key, made = finish(engine.make(wanted()))
    trace = finish(engine.record(key))
    assert np.array_equal(trace.frames, made.frames)
    assert {step for step, _ in trace.captured} == {0, 1, 2}
    assert finish(engine.record(key)) is trace  # at hand the second time


def test_a_clip_from_a_picture_is_looked_into_with_its_picture(engine):
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    key, made = finish(engine.make(CheckedRequest(wanted().request, {"image": image})))
    assert np.array_equal(finish(engine.record(key)).frames, made.frames)


def test_bundled_clips_open_without_a_model(engine, monkeypatch):
    monkeypatch.setattr(engine.models, "make", lambda *a, **k: pytest.fail("a model was run"))
    for name in examples():
        assert finish(engine.record(EXAMPLE + name)) is samples.sample(name)


def test_a_bundled_clip_without_attention_is_recorded_anew(engine):
    bare = [name for name in samples.names() if not samples.sample(name).captured]
    trace = finish(engine.record(EXAMPLE + bare[0], attention=True))
    assert trace.captured and trace.prompt == samples.sample(bare[0]).prompt


def test_ids_that_are_not_remembered_are_told(engine):
    for key in ("", "nothing", "../../etc/passwd", EXAMPLE + "../../secret"):
        with pytest.raises(X2VError):
            finish(engine.record(key))


def test_memory_ends(engine, monkeypatch):
    shelf = Recent(3)
    for i in range(10):
        shelf.put(str(i), i)
    shelf.get("7")
    shelf.put("10", 10)
    assert [shelf.get(str(i)) for i in range(11)] == [None] * 7 + [7, None, 9, 10]


def test_a_long_clip_is_recorded_within_its_budget(engine, monkeypatch):
    key, _ = finish(engine.make(wanted(steps=6)))
    for steps in (1, 2, 3):
        keep = recorder.AttentionCapture(steps=range(steps))
        budget = recorder.predicted_bytes(
            wanted(steps=6).request, engine.models.backend.pipeline("this model"), keep
        )
        monkeypatch.setattr(engine_module, "RECORD_BYTES", budget)
        engine._traces = Recent(1)  # forget the recording, not the clip
        trace = finish(engine.record(key))
        assert len({step for step, _ in trace.captured}) == steps


def test_two_settings_begin_with_the_same_noise(engine):
    one, two = finish(engine.compare([wanted(), wanted(guidance=1.5)]))
    assert np.array_equal(one.trace.latents[0], two.trace.latents[0])
    assert not np.array_equal(one.trace.latents[-1], two.trace.latents[-1])


def test_comparing_tells_which_clip_is_being_made(engine):
    steps = [step for step in engine.compare([wanted(steps=2), wanted(steps=2)]) if step is not None]
    assert steps[-1].clip == 1 and {step.steps for step in steps} == {2}


def test_closing_stops_within_a_step(slow):
    engine = Engine(Models(slow))
    run = engine.make(wanted(steps=40, model=engine.models.default))
    while next(run) is None:
        pass
    run.close()
    at = slow.steps
    wait_until(lambda: slow.raised)
    time.sleep(0.3)
    assert slow.steps <= at + 1 and slow.raised == 1
    engine.close()


def test_other_pipelines_are_looked_into_where_they_were_recorded(fake):
    engine = Engine(Models(fake))
    key, made = finish(engine.make(wanted(model=engine.models.default)))
    assert made.frames.shape == (3, 24, 32, 3)
    with pytest.raises(X2VError, match="could be recorded"):
        finish(engine.record(key))
    assert compare_html(finish(engine.compare([wanted(model=engine.models.default)] * 2))) is None
    engine.close()


def test_a_real_pipelines_record_is_there_at_once():
    engine = Engine(Models(wan().pipe))
    request = engine.models.read({"prompt": "a", "steps": 2, "num_frames": 5, "height": 32, "width": 48})
    key, made = finish(engine.make(request))
    assert finish(engine.record(key, attention=True)) is made.trace  # nothing runs again
    assert len(view_html("attention", made.trace)) > 100_000  # which raises what a view cannot show
    engine.close()


def test_steps_to_keep_are_spread_evenly():
    assert evenly(20, 4) == (0, 6, 13, 19)
    assert evenly(2, 4) == (0, 1)
    assert evenly(9, 1) == (4,)


def test_views_are_the_notebooks_own_pages(engine):
    import x2vkit.views

    assert list(views())[0] == "overview"
    trace = samples.sample("dog")
    assert view_html("denoise", trace) == x2vkit.views.Denoise(trace).to_html()


def test_a_view_that_is_not_there_yet_is_not_offered(monkeypatch):
    monkeypatch.setitem(engine_module.VIEWS, "hologram", ("Hologram", "Hologram"))
    assert "hologram" not in views()
    for name in ("hologram", "../page", 3, None):
        with pytest.raises(X2VError, match="views are overview"):
            view_html(name, samples.sample("dog"))


def test_examples_are_the_bundled_clips_that_the_judge_reads_best():
    """By the share of what their words say that the judge reads, and how surely; each wording once."""
    said = {
        "cat": {"subject": "cat", "color": "red", "action": "jump", "scene": "beach"},
        "dog": {
            "subject": "dog",
            "wearing": "hat",
            "wearing_color": "blue",
            "action": "jump",
            "scene": "snow",
        },
    }
    said["dog-red"] = said["dog"] | {"wearing_color": "red"}
    said["dog-unguided"] = said["dog"]

    def sure(name):
        reading = Judge.load().read(np.array(samples.sample(name).frames))
        right = [reading.values[key] == word for key, word in said[name].items()]
        return np.mean([reading.confidence[key] * ok for key, ok in zip(said[name], right, strict=True)])

    best = {}
    for name in sorted(samples.names(), key=sure, reverse=True):
        best.setdefault(samples.sample(name).prompt, name)
    assert examples() == list(best.values())


def test_models_stand_in_the_order_of_their_training_compute():
    cost = {"large": 3e15, "mine": None, "small": 1e14, "middle": 1e15}
    models = SimpleNamespace(names=lambda: list(cost), train_flops=cost.get)
    assert by_compute(SimpleNamespace(models=models)) == ["small", "middle", "large", "mine"]
