"""The Playground's kernel half, with a stand-in for the model: one run at a time, the newest request
first.
"""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from x2vkit.backend import Reading, StepReport
from x2vkit.core.lexicon import Lexicon
from x2vkit.errors import X2VError
from x2vkit.registry import SamplingDefaults
from x2vkit.run.backend import ModelBackend
from x2vkit.run.grid import MAX_CLIPS
from x2vkit.run.history import SIZE
from x2vkit.run.palette import palette
from x2vkit.run.session import Session
from x2vkit.trace import Trace

SEEN = ("red", "blue", "ball")


class FakeBackend:
    """A model of a few words. Its steps can be held, and it counts the runs at one time."""

    def __init__(self, make_trace, steps: int = 3, held: bool = False) -> None:
        self.make_trace, self.steps = make_trace, steps
        self.gate = threading.Event()
        self.started = threading.Semaphore(0)
        self.at_once = self.most_at_once = 0
        self.made: list = []
        if not held:
            self.gate.set()

    def models(self):
        return ("small", "other")

    def palette(self, model):
        return palette(Lexicon(["a", "dog", "red"]))

    def reading(self, model, prompt):
        words = prompt.split()
        return Reading([(word, (word,), ()) if word in SEEN else (word, None, ("ball",)) for word in words])

    def sampling(self, model):
        return SamplingDefaults(steps=20 if model == "small" else 4)

    def preview_decoder(self, model):
        return np.ones((768, 4)), np.zeros(768)

    def generate(self, request, inputs, on_step):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.started.release()
        try:
            if request.seed == 13:
                raise RuntimeError("no luck")
            if request.seed == 14:
                raise X2VError("weights 'small'", "they are damaged", "fetch them again")
            for index in range(self.steps):
                latents = np.full((4, 2, 4, 6), index + 1, np.float32)
                on_step(StepReport(index, self.steps, 1 - index / self.steps, latents))
                assert self.gate.wait(20)
            self.made.append((request, inputs))
            return self.make_trace(request=request.to_dict(), timings={"total": 0.5})
        finally:
            self.at_once -= 1


class Heard(list):
    """Every event, in order: (kind, metadata, buffers)."""

    def __call__(self, kind, metadata, buffers):
        self.append((kind, metadata, buffers))

    def kinds(self, id=None):
        return [kind for kind, metadata, _ in self if id is None or metadata.get("id") == id]

    def of(self, kind):
        return [(metadata, buffers) for k, metadata, buffers in self if k == kind]


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def held(make_trace, heard):
    """A session whose runs stand still in their first step until `backend.gate` is set."""
    session = Session(heard, FakeBackend(make_trace, held=True))
    yield session
    session.close()
    session.backend.gate.set()
    session.wait()


@pytest.fixture
def session(make_trace, heard):
    session = Session(heard, FakeBackend(make_trace))
    yield session
    session.close()
    session.wait()


def ask(session, prompt="red ball", id=1, typed=False, **settings):
    session.ask({"prompt": prompt, **settings}, id=id, typed=typed)


def test_a_request_tells_words_then_previews_then_the_clip(session, heard):
    ask(session, "red flurb", steps=3)
    assert session.wait()
    assert heard.kinds(1) == ["busy", "words", "begin", "preview", "preview", "preview", "done"]
    (words, _), (begin, linear) = heard.of("words")[0], heard.of("begin")[0]
    assert words["spans"][1] == {"word": "flurb", "read": None, "near": ["ball"]}
    assert begin["grid"] == [4, 2, 4, 6] and len(linear[0]) == 768 * 4 * 4 and len(linear[1]) == 768 * 4
    preview, (small, scale) = heard.of("preview")[1]
    numbers = np.frombuffer(small, np.int8).reshape(4, -1) * np.frombuffer(scale, np.float32)[:, None]
    assert preview["step"] == 1 and np.allclose(numbers, 2, atol=0.02)
    (done, (strip,)) = heard.of("done")[0]
    assert done["entry"]["shape"] == [5, 32, 48, 3] and done["entry"]["settings"]["prompt"] == "red flurb"
    assert Image.open(io.BytesIO(strip)).width == 48 * done["entry"]["columns"]


def test_a_new_request_stops_the_one_that_runs_and_two_never_run_at_once(held, heard):
    ask(held, id=1)
    assert held.backend.started.acquire(timeout=10)
    for id in (2, 3, 4):
        ask(held, id=id)
    held.backend.gate.set()
    assert held.wait()
    assert "done" not in heard.kinds(1) and "stopped" in heard.kinds(1)
    assert heard.kinds(2) == heard.kinds(3) == []  # never begun
    assert heard.kinds(4)[-1] == "done"
    assert held.backend.most_at_once == 1 and len(held.history) == 1


def test_cancel_stops_between_two_steps(held, heard):
    ask(held)
    assert held.backend.started.acquire(timeout=10)
    held.cancel()
    held.backend.gate.set()
    assert held.wait()
    assert heard.kinds(1).count("preview") == 1 and heard.kinds(1)[-1] == "stopped"
    assert held.history == [] and held.backend.made == []


def test_asking_returns_at_once(held):
    begin = time.perf_counter()
    for id in range(20):
        ask(held, id=id)
    assert time.perf_counter() - begin < 1
    assert sum(t.name == "x2vkit playground" for t in threading.enumerate()) == 1


def test_no_thread_is_left_when_nothing_is_to_do(session):
    ask(session)
    assert session.wait()
    assert not any(t.name == "x2vkit playground" for t in threading.enumerate())


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"seed": -1}, "seed"), ({"seed": "x"}, "seed"), ({"seed": 1.5}, "seed"), ({"steps": 0}, "steps"),
     ({"guidance": float("nan")}, "guidance"), ({"guidance": 99}, "guidance"), ({"shape": "round"}, "shape"),
     ({"model": "huge"}, "model"), ({"image": 5}, "image"), ({"colour": "red"}, "colour")],
)  # fmt: skip
def test_a_wrong_setting_is_told_in_its_place_and_nothing_runs(session, heard, settings, field):
    ask(session, **settings)
    (told, _) = heard.of("problems")[0]
    assert list(told["fields"]) == [field] and set(told["fields"][field]) == {"got", "rule", "cure"}
    assert session.wait() and heard.kinds() == ["problems"]


def test_a_prompt_of_unknown_words_is_told_at_the_prompt(session, heard):
    ask(session, "flurb glorp")
    assert session.wait()
    (told, _) = heard.of("problems")[0]
    assert "none of these words" in told["fields"]["prompt"]["rule"] and session.backend.made == []
    assert heard.kinds() == ["busy", "words", "problems"]  # the words are still shown, struck through


@pytest.mark.parametrize(("seed", "field"), [(13, "run"), (14, "model")])
def test_a_failing_run_is_told_and_the_next_one_works(session, heard, seed, field):
    ask(session, seed=seed, id=1)
    assert session.wait()
    ask(session, id=2)
    assert session.wait()
    assert list(heard.of("problems")[0][0]["fields"]) == [field]
    assert heard.kinds(2)[-1] == "done"


def test_typing_on_replaces_the_clip_of_the_half_typed_prompt(session):
    for prompt in ("red", "red ball"):
        ask(session, prompt, typed=True)
        assert session.wait()
    assert [entry.request.prompt for entry in session.history] == ["red ball"]
    session.star(session.history[0].id, True)
    ask(session, "red ball ball", typed=True)
    assert session.wait()
    ask(session, "blue", typed=True)
    assert session.wait()
    assert [entry.request.prompt for entry in session.history] == ["red ball", "red ball ball", "blue"]


def test_the_same_request_again_keeps_one_clip_and_its_star(session):
    ask(session, seed=1)
    assert session.wait()
    session.star(session.history[0].id, True)
    for seed in (2, 1):
        ask(session, seed=seed)
        assert session.wait()
    assert [(e.request.seed, e.starred) for e in session.history] == [(2, False), (1, True)]


def test_the_history_forgets_the_oldest_without_a_star(session):
    for seed in range(100, 100 + SIZE + 2):
        ask(session, seed=seed)
        assert session.wait()
        if seed == 100:
            session.star(session.history[0].id, True)
    assert len(session.history) == SIZE
    assert [e.request.seed for e in session.history][:2] == [100, 103]
    with pytest.raises(X2VError, match="the history holds"):
        session.entry(1)


def test_a_grid_fills_and_a_prompt_goes_before_it(held, heard):
    held.grid({"prompt": "red ball"}, ("seed", "1..2"), ("guidance", "1, 4"))
    assert held.backend.started.acquire(timeout=10)
    ask(held, "blue ball", id="person")
    held.backend.gate.set()
    assert held.wait()
    kinds = [kind for kind in heard.kinds() if kind in ("grid", "cell", "done", "grid_done")]
    assert kinds == ["grid", "done", "cell", "cell", "cell", "cell", "grid_done"]
    cells = [(f["row"], f["column"], f["settings"]) for f, _ in heard.of("cell")]
    places = [(row, column, made["seed"], made["guidance"]) for row, column, made in cells]
    assert places == [(0, 0, 1, 1.0), (0, 1, 2, 1.0), (1, 0, 1, 4.0), (1, 1, 2, 4.0)]
    assert held.backend.most_at_once == 1 and len(held.history) == 1


def test_a_grid_can_be_stopped(held, heard):
    held.grid({"prompt": "red ball"}, ("seed", "1..6"), ("steps", "1..6"))
    assert held.backend.started.acquire(timeout=10)
    held.stop_grid()
    held.backend.gate.set()
    assert held.wait()
    assert heard.of("cell") == [] and heard.kinds()[-1] == "stopped"


@pytest.mark.parametrize(
    ("across", "down", "says"),
    [
        (("seed", "0..6"), ("steps", "1..6"), f"at most {MAX_CLIPS}"),
        (("seed", ""), ("steps", "1"), "at least one"),
        (("seed", "1"), ("seed", "2"), "two settings"),
        (("seed", "x"), ("steps", "1"), "is a number"),
        (("steps", "0"), ("seed", "1"), "whole number from 1"),
        (("fps", "1"), ("seed", "1"), "goes over"),
    ],
)
def test_a_wrong_grid_is_told_before_anything_runs(session, heard, across, down, says):
    session.grid({"prompt": "red"}, across, down)
    assert heard.kinds() == ["problems"] and says in str(heard.of("problems")[0][0]["fields"]["grid"])


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".png", ".x2v"])
def test_a_clip_is_exported(session, heard, suffix, tmp_path):
    ask(session, "red ball!", seed=5)
    session.wait()
    session.export(session.history[0].id, suffix)
    assert session.wait()
    facts, (data,) = heard.of("file")[0]
    assert facts["name"] == f"red-ball-5{suffix}" and len(data) > 100
    if suffix == ".x2v":
        path = tmp_path / facts["name"]
        path.write_bytes(data)
        assert np.array_equal(Trace.load(path).frames, session.history[0].trace.frames)


def test_the_export_of_a_clip_that_is_gone_is_told(session, heard):
    session.export(99, ".gif")
    assert session.wait()
    assert heard.kinds() == ["problems"]


def test_a_start_picture_reaches_the_run(session, heard):
    stream = io.BytesIO()
    Image.new("RGBA", (600, 300), (255, 0, 0, 255)).save(stream, "PNG")
    session.image(1, stream.getvalue())
    ask(session, image=1)
    assert session.wait()
    picture = session.backend.made[0][1]["image"]
    assert picture.shape == (128, 256, 3) and (picture == (255, 0, 0)).all()
    assert session.history[0].line == 'x2v.rerun(x2v.Trace.load("red-ball-0.x2v"))'


@pytest.mark.parametrize("data", [b"", b"no picture", b"x" * 20_000_001])
def test_a_broken_picture_is_told(session, heard, data):
    session.image(1, data)
    assert list(heard.of("problems")[0][0]["fields"]) == ["image"]


def test_settings_that_are_not_given_are_the_models_own(session, heard):
    for id, model in enumerate(("small", "other")):
        ask(session, model=model, id=id)
        assert session.wait()
    assert [entry.request.steps for entry in session.history] == [20, 4]
    assert [entry.line for entry in session.history] == [
        'x2v.generate("red ball", seed=0)',
        "x2v.generate(\"red ball\", seed=0, model='other')",
    ]


def test_what_can_be_set_is_the_registrys_table(session):
    choices = session.choices()
    assert choices["most"] == {"steps": 100, "guidance": 20.0, "seed": 2**53 - 1}
    assert choices["usual"]["steps"] == 20 and choices["models"] == ["small", "other"]


def test_the_shipped_models_are_found_without_torch():
    assert ModelBackend().models()[0] == "small"


def test_an_unknown_folder_of_weights_is_told_at_the_model(heard):
    session = Session(heard, ModelBackend(folders=["nowhere"]))
    session.ask({"prompt": "a red ball", "model": "nowhere"}, id=1)
    assert session.wait(120)
    assert "model" in heard.of("problems")[0][0]["fields"]
