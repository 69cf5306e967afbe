"""What people and programs send: good values pass unchanged, everything else is a message with a rule and a
cure.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from x2vkit.axes import check_shape
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS, SHAPES, SamplingDefaults
from x2vkit.run.grid import cells, values_of
from x2vkit.run.request import (
    FPS,
    MAX_CHARACTERS,
    draw_seed,
    form_of,
    frame_count,
    python_line,
    read_request,
    slug,
    try_request,
    validate,
)

USUAL = RunRequest(prompt="a red ball").resolve(SamplingDefaults())


def test_the_usual_clip():
    assert read_request({"prompt": "  a red\nball\u0000 "}) == USUAL
    assert read_request({"prompt": "  a red\nball\u0000 ", "shape": "square", "seed": 3}) == replace(
        USUAL, seed=3
    )
    assert read_request({"prompt": None}).prompt == ""


def test_what_is_left_open_is_the_weights_own():
    def sampling(model):
        return SamplingDefaults(steps=6, guidance=1.5) if model == "quick" else SamplingDefaults()

    for values in ({}, {"steps": None, "guidance": None}):
        request = read_request({"model": "quick", **values}, ["small", "quick"], sampling)
        assert (request.steps, request.guidance) == (6, 1.5)
    assert read_request({}, ["small", "quick"], sampling).steps == 20
    assert read_request({"model": "quick", "steps": 9}, ["small", "quick"], sampling).steps == 9


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_one_that_models_take(shape):
    request = read_request({"shape": shape, "seconds": 1.4})
    check_shape(request.num_frames, request.height, request.width)
    assert (request.num_frames, request.height, request.width) == SHAPES[shape]
    assert read_request({"shape": shape}) == request


@pytest.mark.parametrize(("seconds", "frames"), [(0.1, 1), (1.4, 17), (17 / FPS, 17), (2.75, 33), (1.1, 13)])
def test_seconds_become_whole_latent_frames(seconds, frames):
    assert frame_count(seconds) == frames
    assert read_request({"seconds": seconds}).num_frames == frames


BAD = [
    ("steps", 0), ("steps", 101), ("steps", 10**12), ("steps", 2.5), ("steps", math.nan), ("steps", "20"),
    ("steps", True), ("guidance", math.nan), ("guidance", math.inf), ("guidance", -1), ("guidance", [4]),
    ("seconds", 7200), ("seconds", -1), ("seconds", math.nan), ("seed", -2), ("seed", 2**64), ("seed", 1.5),
    ("seed", math.nan), ("seed", None), ("seed", "x"), ("shape", "round"), ("shape", ["square"]),
    ("shape", None), ("negative_prompt", 3), ("negative_prompt", "x" * 100_000), ("prompt", "x" *
    (MAX_CHARACTERS + 1)), ("prompt", 7), ("prompt", ["a"]), ("prompt", {"a": 1}), ("model",
    "../../etc/passwd"), ("model", 7), ("colour", "red"), ("fps", 0), ("control_guidance", 1e30),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_values_that_cannot_be_are_told_in_their_place(name, value):
    with pytest.raises(X2VError, match=name) as told:
        read_request({name: value})
    assert told.value.got and told.value.rule and told.value.cure and len(str(told.value)) < 400
    request, wrong = try_request({"prompt": "a ball", name: value})
    assert request is None and (list(wrong) == [name])


def test_all_that_is_wrong_is_told_at_once():
    _, wrong = try_request({"steps": 0, "seed": -1, "prompt": "a ball"})
    assert set(wrong) == {"steps", "seed"}
    _, wrong = try_request({"width": 100})
    assert set(wrong) == {"shape"}


@pytest.mark.parametrize("name", [name for name in LIMITS if name not in ("strength", "seconds")])
def test_the_ends_of_every_range_are_inside(name):
    for end in (LIMITS[name].low, LIMITS[name].high):
        validate(read_request({name: end}))


@pytest.mark.parametrize(
    "bad",
    [
        {"seed": None}, {"seed": "3"}, {"seed": True}, {"seed": 1.5}, {"seed": 2**63}, {"steps": "many"},
        {"steps": None}, {"guidance": None}, {"guidance": "4"}, {"prompt": None}, {"negative_prompt": 3},
        {"plan": "no"}, {"shared_attention": 1}, {"scheduler": 3}, {"num_frames": "17"}, {"fps": math.nan},
    ],
    ids=str,
)  # fmt: skip
def test_python_is_told_too(bad):
    with pytest.raises(X2VError, match=next(iter(bad))):
        validate(replace(USUAL, **bad))


def test_python_may_go_beyond_a_sliders_end():
    validate(replace(USUAL, steps=1000, guidance=0.0, control_guidance=-1.0, seed=2**63 - 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_form_brings_the_request_back(shape):
    wanted = read_request({"prompt": "a ball", "shape": shape, "seed": 9, "negative_prompt": "snow"})
    assert read_request(form_of(wanted)) == wanted


def test_the_line_of_python_makes_the_same_request():
    quick = SamplingDefaults(steps=6)
    for values, sampling in (
        ({"prompt": "a red ball"}, SamplingDefaults()),
        ({"prompt": 'say "hi" \\ näh', "seed": 7, "steps": 9, "guidance": 2.5, "shape": "wide"}, quick),
        ({"prompt": "x", "shape": "still"}, quick),
    ):
        request = read_request(values, sampling=lambda model, sampling=sampling: sampling)
        fake = SimpleNamespace(generate=lambda prompt, **options: RunRequest(prompt=prompt, **options))
        assert eval(python_line(request, sampling), {"x2v": fake}).resolve(sampling) == request
    assert python_line(USUAL, SamplingDefaults()) == 'x2v.generate("a red ball", seed=0)'


def test_a_files_name_is_letters_digits_and_dashes():
    assert slug(replace(USUAL, prompt="Say <b>'hi'</b> ../x!", seed=4)) == "say-b-hi-b-x-4"
    assert slug(replace(USUAL, prompt="")) == "clip-0"


def test_seeds_are_drawn_apart():
    seeds = {draw_seed() for _ in range(5)}
    assert len(seeds) == 5 and all(0 <= seed < 2**32 for seed in seeds)


def test_values_of_a_grid_are_read_as_people_write_them():
    for text in ("0..3", "0-3", "0, 1 2;3,3"):
        assert values_of("seed", text) == [0, 1, 2, 3]
    assert values_of("guidance", "1, 2.5") == [1.0, 2.5]
    assert values_of("prompt", "a red ball; a blue, big ball") == ["a red ball", "a blue, big ball"]
    assert values_of("shape", "square, wide") == ["square", "wide"]
    with pytest.raises(X2VError):
        values_of("seed", "0..999999")


def test_a_grid_is_read_row_by_row():
    columns, rows, found = cells({"prompt": "x"}, ("seed", "1, 2"), ("steps", "3"))
    assert (columns, rows) == ([1, 2], [3])
    assert found == [(0, i, {"prompt": "x", "seed": 1 + i, "steps": 3}) for i in range(2)]
