"""Speech: the sound decides the frames, the mouth of the plan and what is heard; parts join without a gap."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit import media
from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE
from x2vkit.run.record import rerun
from x2vkit.studio import speak as module
from x2vkit.studio.speak import emphasised, speak
from x2vkit.trace import Trace

SMALL = {"height": 32, "width": 32, "steps": 2}


def sound(seconds: float) -> np.ndarray:
    """Half a second of a tone, half a second of nothing, over and over."""
    t = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return (9000 * np.sin(2 * np.pi * 600 * t) * (t % 1 < 0.5)).astype(np.int16)


def test_the_clip_is_as_long_as_the_sound_and_holds_it(talker, tmp_path):
    heard = sound(1.2)
    trace = speak("a red face", audio=(heard, SOUND_RATE), pipeline=talker, **SMALL)
    assert len(trace.frames) == 17
    assert len(trace.frames) / trace.fps >= 1.2
    assert np.array_equal(trace.sound, heard)
    assert trace.prompt == "a red face. It is talking."
    assert trace.made_by["call"] == "speak"
    assert trace.made_by["prompt"] == "a red face"
    again = Trace.load(trace.save(tmp_path / "t.x2v"))
    assert np.array_equal(again.sound, heard)
    assert again._repr_html_()
    path = media.write_clip(tmp_path / "t.mp4", trace.frames, trace.fps, sound=trace.sound)
    back = media.read_sound(path)
    assert np.corrcoef(back[: len(heard)], heard)[0, 1] > 0.9


def test_the_mouth_opens_with_the_sound(talker):
    trace = speak("a red face talking", audio=(sound(1.3), SOUND_RATE), pipeline=talker, **SMALL)
    assert trace.plan["mouth"][:6].min() > 0.5
    assert trace.plan["mouth"][7:11].max() < 0.05
    assert trace.prompt == "a red face talking"


def test_the_model_is_given_more_of_a_mouth_than_is_asked_for():
    asked = np.array([0.5, 0.2, 0.4, 0.4, 0.2, 0.8, 0.8, 0.6, 0.6], np.float32)
    found = emphasised(asked)
    assert np.allclose(found[1:], [0.1, 0.5, 0.5, 0.1, 0.9, 0.9, 0.5, 0.5])
    wide = emphasised(np.array([0, 0, 0, 1, 1], np.float32))  # would go from -0.5 to 1.5
    assert np.allclose(wide, [0.25, 0, 0, 1, 1])


def test_a_mouth_is_guided_and_a_rerun_does_it_again(talker):
    given = {"audio": (sound(1.3), SOUND_RATE), "pipeline": talker}
    trace = speak("a red face", **given, **SMALL)
    assert trace.request["mouth_guidance"] == module.MOUTH_GUIDANCE
    again = rerun(trace, pipeline=talker)
    assert np.array_equal(again.frames, trace.frames)
    assert np.array_equal(again.plan["mouth"], trace.plan["mouth"])
    plain = speak("a red face", **given, mouth_guidance=1.0, **SMALL)
    assert not np.array_equal(plain.frames, trace.frames)


def test_another_sound_another_mouth_and_nothing_else_of_the_plan(talker):
    heard = sound(1.0)
    one = speak("a red face", audio=(heard, SOUND_RATE), pipeline=talker, **SMALL)
    two = speak("a red face", audio=(np.roll(heard, 9000), SOUND_RATE), pipeline=talker, **SMALL)
    assert np.array_equal(one.plan["boxes"], two.plan["boxes"], equal_nan=True)
    assert not np.array_equal(one.plan["mouth"], two.plan["mouth"])
    assert not np.array_equal(one.frames, two.frames)


def test_long_sounds_are_made_in_parts_that_meet(talker, monkeypatch):
    monkeypatch.setattr(module, "PART", 9)
    starts = []
    real = module.generate
    monkeypatch.setattr(module, "generate", lambda *a, **k: starts.append(k) or real(*a, **k))
    trace = speak("a red face", audio=(sound(2.0), SOUND_RATE), pipeline=talker, **SMALL)
    assert len(trace.frames) == 25
    assert trace.latents.shape[2] == 7
    assert [each["num_frames"] for each in starts] == [9, 9, 9]
    assert np.array_equal(starts[1]["image"], trace.frames[8])
    assert np.array_equal(starts[1]["plan"].mouth[0], emphasised(trace.plan["mouth"])[8:17])
    boxes = trace.plan["boxes"]
    assert np.array_equal(boxes[8 - 3], boxes[8 + 3], equal_nan=True)  # forth and back
    assert np.array_equal(boxes[16 - 3], boxes[16 + 3], equal_nan=True)


def test_a_picture_is_the_first_frame_and_its_face_in_the_box(talker):
    picture = np.full((32, 32, 3), 200, np.uint8)
    with pytest.raises(X2VError, match="no face is found"):
        speak("a red face", audio=(sound(0.4), SOUND_RATE), image=picture, pipeline=talker, **SMALL)
    box = np.array([0.2, 0.3, 0.7, 0.8], np.float32)
    given = {"image": picture, "box": box, "pipeline": talker}
    trace = speak("a red face", audio=(sound(0.4), SOUND_RATE), **given, **SMALL)
    assert np.abs(trace.plan["boxes"][:, 0] - box).max() < 0.01
    assert np.array_equal(trace.inputs["image"], picture)


HEARD = {"audio": (sound(1), SOUND_RATE)}
BAD = {
    "no prompt": ({"prompt": None, **HEARD}, "prompt=None: a prompt is text"),
    "a number as the prompt": ({"prompt": 5, **HEARD}, "prompt=5: a prompt is text"),
    "a word as a box": ({"box": "a", **HEARD}, "array of numbers"),
    "a box inside out": ({"box": (0.8, 0.8, 0.1, 0.1), **HEARD}, "swapped"),
    "a box with NaN": ({"box": (float("nan"), 0, 1, 1), **HEARD}, "nan.*are finite"),
    "neither": ({}, "neither audio nor text"),
    "both": ({"audio": (sound(1), SOUND_RATE), "text": "hello"}, "audio and text"),
    "silent": ({"audio": (np.zeros(9000), SOUND_RATE)}, "silent sound"),
    "an hour": ({"audio": (np.zeros(3600 * 1000), 1000)}, "at most 30 s"),
    "frames": ({"audio": (sound(1), SOUND_RATE), "num_frames": 9}, "num_frames given to speak"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_anything_is_made(talker, name):
    given, rule = dict(BAD[name][0]), BAD[name][1]
    with pytest.raises(X2VError, match=rule):
        speak(given.pop("prompt", "a red face"), pipeline=talker, **given)


def test_who_has_no_mouth_does_not_speak(talker):
    with pytest.raises(X2VError, match="a face or a robot"):
        speak("a red dog", audio=(sound(1), SOUND_RATE), pipeline=talker)


def test_parts_end_where_the_next_begins_and_none_is_too_long():
    for frames in (5, 33, 37, 61, 65, 69, 361):
        ends = module._ends(frames)
        assert ends[-1] == frames - 1
        assert all(0 < b - a <= 32 and (b - a) % 4 == 0 for a, b in zip([0, *ends], ends, strict=False))


def test_a_camera_is_seen_from_each_parts_first_frame():
    camera = np.array([[[0.2, 0.1, 2.0], [0.3, 0.1, 4.0]]])
    assert np.allclose(module._since_first(camera), [[[0, 0, 1], [0.1, 0, 2]]])
