"""A world that is played: keys steer, four frames a key, and what goes wrong leaves it as it was."""

from __future__ import annotations

import numpy as np
import pytest

import x2vkit as x2v
from x2vkit.errors import X2VError
from x2vkit.studio.backend import StudioBackend
from x2vkit.studio.go_on.steer import Steered, subject_and_scene, without_moves

SHAPE = {"height": 32, "width": 48}


def steered(subject: str = "dog", scene: str = "grass") -> Steered:
    return Steered.standing(subject, scene, np.array([0.3, 0.3, 0.7, 0.8]), 128, 128)


def test_keys_steer():
    one = steered()
    x = [one.press("right")["boxes"][:, 0, 0] for _ in range(3)]
    assert (np.diff(np.concatenate(x)) > 0).all() and one.move("right") == "walking to the right"
    for _ in range(4):
        one.press("left")
    assert one.speed < 0 and one.move("left") == "walking to the left"
    for _ in range(4):
        one.press("stay")
    assert abs(one.speed) < 0.02 and one.move("stay") == "standing still"


def test_what_jumps_falls_by_the_gravity_of_the_place():
    heights = {}
    for scene in ("grass", "space"):
        one = steered(scene=scene)
        one.press("jump")
        assert one.in_air and one.move("stay") == "jumping"
        heights[scene] = one.y
        steps = 0
        while one.in_air:
            one.press("stay")
            steps += 1
        assert one.y == 0 and steps < 8
    assert heights["space"] != heights["grass"]


def test_a_bird_stays_up_and_a_walk_is_kept_in_sight():
    bird = steered("bird")
    bird.press("up"), bird.press("up")
    height = bird.y
    for _ in range(4):
        bird.press("stay")
    assert bird.y >= height > 0.05
    one = steered()
    for _ in range(60):
        track = one.press("right")
    assert 0 < track["boxes"][-1, 0, 0] and track["boxes"][-1, 0, 2] < 1.05 and track["camera"][-1, 0] > 2


def test_words_of_a_world():
    words = ("a", "red", "dog", "walking", "to", "the", "left", "snow")
    assert without_moves(words) == "a red dog snow" and subject_and_scene(words) == ("dog", "snow")


def test_four_frames_a_key_and_one_trace_of_all(pipeline):
    world = x2v.play("a red dog", pipeline=pipeline, seed=2, **SHAPE)
    assert len(world.trace().frames) == 5
    frames = [world.step(key) for key in ("right", "jump", "stay", "left")]
    assert all(part.shape == (4, 32, 48, 3) for part in frames)
    trace = world.trace()
    assert len(trace.frames) == 5 + 16 and np.array_equal(trace.frames[5:9], frames[0])
    assert trace.made_by["keys"] == ["right", "jump", "stay", "left"] and trace.latents.shape[2] == 6
    assert np.allclose(pipeline.decode(_finished(trace))[0], trace.frames, atol=3)  # drawn as they came
    with pytest.raises(X2VError, match=r"x2v\.play\(\.\.\.\) again, with start='a red dog', seed=2, steps"):
        x2v.rerun(trace, pipeline=pipeline)
    other = x2v.play(start="a red dog", pipeline=pipeline, seed=2, **SHAPE)
    other.step("left")
    assert not np.array_equal(other.frames[5:9], frames[0])


def _finished(trace):
    import torch

    return torch.tensor(trace.latents[-1:].astype(np.float32))


def test_a_world_goes_on_from_a_clip(pipeline):
    clip = x2v.generate("a red dog", pipeline=pipeline, num_frames=9, steps=2, plan=_right(9), **SHAPE)
    world = x2v.play(clip, pipeline=pipeline)
    world.step("stay")
    assert np.array_equal(world.frames[:9], clip.frames) and len(world.frames) == 13
    assert np.allclose(world.boxes[9], clip.plan["boxes"][8, 0], atol=0.05)


def _right(frames: int) -> dict:
    boxes = np.full((frames, 2, 4), np.nan, np.float32)
    boxes[:, 0] = (0.2, 0.3, 0.6, 0.8)
    return {"boxes": boxes}


def test_what_stops_a_step_leaves_the_world_as_it_was(pipeline):
    world = x2v.play("a red dog", pipeline=pipeline, **SHAPE)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.step("right", on_step=stop)
    assert len(world.frames) == 5 == len(world.boxes) and not world.keys
    with pytest.raises(X2VError, match="key='fly'"):
        world.step("fly")
    with pytest.raises(X2VError, match="somebody has to be steered"):
        x2v.play("a blue", pipeline=pipeline, **SHAPE)


def test_a_session_plays_and_tells(pipeline):
    told: list = []
    clip = x2v.generate("a red dog", pipeline=pipeline, num_frames=9, steps=2, plan=_right(9), **SHAPE)
    session = StudioBackend(pipelines={"tiny": pipeline}).play(lambda *event: told.append(event), clip)
    session.press("left")
    assert session.wait(60)
    kind, metadata, buffers = told[-1]
    assert kind == "frames" and metadata["size"] == [4, 32, 48, 3] and len(buffers[0]) == 4 * 32 * 48 * 3
    assert metadata["pressed"] == 1 and metadata["seconds"] > 0 and len(metadata["boxes"]) == 4
    session.start("nothing known")
    assert session.wait(60) and told[-1][0] == "problem"
    with pytest.raises(X2VError, match="key="):
        session.press("fire")
    session.close()
