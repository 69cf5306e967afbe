"""The small world of lessons 8 and 9, and its training runs in the background."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.course import practice
from x2vkit.errors import X2VError


def test_a_clip_of_the_small_world_is_always_the_same_and_shows_its_spec():
    world = practice.SmallWorld(3)
    first, again, held = world.sample(5), practice.SmallWorld(3).sample(5), world.sample(5, held_out=True)
    assert (first.frames == again.frames).all() and first.caption == again.caption
    assert first.frames.shape == (practice.FRAMES, practice.SIDE, practice.SIDE, 3)
    assert first.frames.shape == held.frames.shape and (first.frames != held.frames).any()
    specs = [world.spec(i) for i in range(200)]
    assert {spec.subject for spec in specs} == set(practice.DOES)
    assert all(spec.action in practice.DOES[spec.subject] and spec.scene in practice.PLACES for spec in specs)


def test_a_budget_is_whole_unless_the_environment_says_less(monkeypatch):
    monkeypatch.delenv(practice.SHARE, raising=False)
    assert practice.budget(200, 20) == 200 and practice.share() == 1
    monkeypatch.setenv(practice.SHARE, "0.01")
    assert practice.budget(200) == 2 and practice.budget(200, 20) == 20 and practice.budget(2, 20) == 2


def test_a_run_trains_in_the_background_and_is_taken_up_again(monkeypatch, tmp_path):
    monkeypatch.setenv(practice.SHARE, "0.01")
    run = practice.train("mine", "32x2", flops=1e9, folder=tmp_path)
    assert run.pipeline() is not None and run.step > 0  # waited for the first step
    run.wait(120)
    log = run.log()
    assert run.done and run.step == 4 and [row["step"] for row in log] == [2, 4]
    assert log[-1]["flops"] == pytest.approx(4 * practice.step_flops("32x2"), rel=0.15)
    losses, levels = run.losses(1)
    assert losses.shape == levels.shape == (practice.BATCH,) and np.isfinite(losses).all()
    assert "has ended: step 4" in repr(run)
    again = practice.train("mine", "32x2", flops=1e9, folder=tmp_path).wait(120)
    assert again.done and again.step == 4 and again.log() == log  # nothing is left to do
    found = practice.grade(again.pipeline(), count=2)
    assert 0 <= found.adherence <= 1 and found.ceiling > 0.5 and len(found.clips) == len(found.prompts) == 2
    assert "real renders" in repr(found)


def test_a_run_that_is_stopped_keeps_what_it_has_learned(monkeypatch, tmp_path):
    monkeypatch.setenv(practice.SHARE, "0.01")
    run = practice.train("long", "32x2", minutes=1000, folder=tmp_path)
    run.pipeline()
    assert run.stop(60).done
    stopped = run.step
    again = practice.train("long", "32x2", minutes=0.01, folder=tmp_path).wait(60)
    assert again.done and again.step > stopped >= 1


def test_a_run_without_an_end_or_with_two_is_refused(tmp_path):
    for ends in ({}, {"minutes": 1.0, "flops": 1e9}):
        with pytest.raises(X2VError, match="give one of the two"):
            practice.train("mine", folder=tmp_path, **ends)


def test_a_run_that_fails_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(practice, "load_vae", lambda folder: 1 / 0)
    run = practice.train("mine", flops=1e9, folder=tmp_path)
    with pytest.raises(X2VError, match="ZeroDivisionError"):
        run.wait(60)
