"""A character's clips begin from its own noise where it is, and from their own everywhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from x2vkit import AttentionCapture, Character, X2VError, record, rerun, shoot
from x2vkit.studio import cast as module
from x2vkit.studio.cast import members, spoken_of, with_own_noise, written_out

DOG = Character("a red dog", 5)


@pytest.fixture(autouse=True)
def content(monkeypatch):
    """A judge that is content with every clip, so that each is drawn once."""
    monkeypatch.setattr(module, "_missing", lambda clip, shown: 0)


def boxes(x0, y0, frames=5):
    return np.tile(np.array([x0, y0, x0 + 0.25, y0 + 0.5], np.float32), (frames, 1))


def test_the_same_noise_lies_in_the_box_wherever_it_is():
    one, two = (torch.randn(1, 4, 2, 16, 16, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    left, right = with_own_noise(one, boxes(0.0, 0.25), 5), with_own_noise(two, boxes(0.5, 0.25), 5)
    assert torch.equal(left[..., 4:12, 0:4], right[..., 4:12, 8:12])
    assert torch.equal(left[..., 4:], one[..., 4:]) and torch.equal(right[..., :8], two[..., :8])
    assert not torch.equal(left[:, :, 0], left[:, :, 1])  # each latent frame has its own
    other = with_own_noise(one, boxes(0.0, 0.25), 6)
    assert not torch.equal(left[..., 4:12, 0:4], other[..., 4:12, 0:4])


def test_the_noise_stays_normal_and_an_absent_subject_changes_nothing():
    noise = torch.randn(1, 24, 5, 16, 16, generator=torch.Generator().manual_seed(3))
    own = with_own_noise(noise, np.tile(np.array([0, 0, 1, 1], np.float32), (17, 1)), 9)
    assert abs(float(own.mean())) < 0.03 and abs(float(own.std()) - 1) < 0.03
    assert torch.equal(with_own_noise(noise, np.full((17, 4), np.nan), 9), noise)


def test_each_prompt_is_a_trace_that_says_how_it_was_made(planning):
    options = {"num_frames": 5, "height": 32, "width": 32, "steps": 2}
    one, two = shoot(DOG, ["the dog bouncing", "it"], pipeline=planning, seed=4, **options)
    assert (one.prompt, two.prompt) == ("a red dog bouncing", "a red dog")
    assert (one.request["seed"], two.request["seed"]) == (4, 5)
    assert one.made_by["call"] == "shoot" and one.made_by["cast"]["dog"]["seed"] == 5
    assert one.plan and "latents" in one.inputs and not one.queries
    options |= {"attention": AttentionCapture(), "seed": 4}
    seen = shoot(DOG, ["the dog bouncing"], pipeline=planning, **options)[0]
    assert seen.queries and np.array_equal(rerun(seen, pipeline=planning).frames, one.frames)
    again = shoot(DOG, ["the dog bouncing"], pipeline=planning, **options)[0]
    assert np.array_equal(again.frames, one.frames)


def test_a_recorded_run_of_a_cast_is_the_clip_that_shoot_makes(planning):
    options = {"num_frames": 5, "height": 32, "width": 32, "steps": 2, "seed": 4, "pipeline": planning}
    shot = shoot(DOG, ["the dog bouncing"], **options)[0]
    clip = record("the dog bouncing", cast=DOG, previews=True, **options)
    assert np.array_equal(clip.frames, shot.frames) and clip.made_by == shot.made_by
    assert clip.queries and clip.previews is not None
    again = rerun(clip, pipeline=planning, attention=AttentionCapture(steps=(1,)))
    assert np.array_equal(again.frames, clip.frames) and {step for step, _ in again.queries} == {1}
    with pytest.raises(X2VError, match="cast and plan: a cast's clip begins from its own"):
        record("the dog bouncing", cast=DOG, plan=shot.plan, pipeline=planning)
    with pytest.raises(X2VError, match="prompt='qwertz'.*knows no word"):
        record("qwertz", cast=DOG, pipeline=planning)
    with pytest.raises(X2VError, match="a cast with dict"):
        record("the dog", cast=DOG, pipeline={})
    with pytest.raises(X2VError, match="a cast is a Character"):
        record("the dog", cast=[], pipeline=planning)


def test_without_a_planner_a_rerun_says_what_to_call(planning):
    options = {"num_frames": 5, "height": 32, "width": 32, "steps": 2}
    (clip,) = shoot(DOG, ["the dog bouncing"], pipeline=planning, **options)
    bare = replace(clip, inputs={name: x for name, x in clip.inputs.items() if not name.startswith("plan")})
    with pytest.raises(
        X2VError, match=r"x2v\.shoot.* again, with prompts=\['the dog bouncing'\], seed=0, steps=2"
    ):
        rerun(bare, pipeline=planning)


def test_a_clip_that_shows_somebody_else_is_drawn_again(planning, monkeypatch):
    options = {"num_frames": 5, "height": 32, "width": 32, "steps": 1, "pipeline": planning}
    seen: list[int] = []
    wrong = [2, 1, 2]

    def missing(clip, shown):
        seen.append(clip.request["seed"])
        return wrong[len(seen) - 1]

    monkeypatch.setattr(module, "_missing", missing)
    one = shoot(DOG, ["the dog bouncing"], seed=4, **options)[0]
    assert seen == [4, 4 + module.TAKES_APART, 4 + 2 * module.TAKES_APART]
    assert one.request["seed"] == seen[1]  # of the three, the one that lacks least
    assert np.array_equal(rerun(one, pipeline=planning).frames, one.frames)
    seen.clear()
    wrong[:] = [0]
    assert shoot(DOG, ["the dog bouncing"], seed=4, **options)[0].request["seed"] == 4
    assert len(seen) == 1
    first = shoot(DOG, ["the dog bouncing"], seed=4, tries=1, **options)[0]
    assert len(seen) == 1 and first.request["seed"] == 4  # nobody looks
    with pytest.raises(X2VError, match="tries=0"):
        shoot(DOG, ["the dog bouncing"], tries=0, **options)


def test_only_what_a_prompt_says_of_a_character_is_looked_for():
    rex = Character("a brown dog with a red scarf")
    whole = {"subject": "dog", "color": "brown", "wearing": "scarf", "wearing_color": "red"}
    assert module._stated(rex, rex.written_out("the dog walking")) == whole
    assert module._stated(rex, rex.written_out("the dog without its scarf walking")) == {
        "subject": "dog", "color": "brown",
    }  # fmt: skip


def test_two_of_a_cast_are_told_apart():
    people = members({"rex": Character("a red dog"), "tom": Character("a blue cat")})
    assert spoken_of(people, "a story of tom and rex")[0] == "tom"
    assert written_out(people, "rex chasing the cat") == "a red dog chasing a blue cat"
    assert spoken_of(people, "running")[0] == "rex"
    assert spoken_of(people, "chasing a red ball")[0] == "rex"
    assert spoken_of(people, "a small red ball bouncing") is None


def test_a_prompt_about_somebody_else_is_made_as_it_is_and_told(planning):
    options = {"num_frames": 5, "height": 32, "width": 32, "steps": 1}
    with pytest.warns(UserWarning, match="speaks of none of the cast"):
        trace = shoot(DOG, ["a red ball bouncing"], pipeline=planning, **options)[0]
    assert trace.prompt == "a red ball bouncing"


@pytest.mark.parametrize(
    ("cast", "prompts", "said"),
    [
        ([], ["x"], "a cast is a Character"),
        (None, ["x"], "a cast is a Character"),
        ({"dog": "a dog"}, ["x"], "a cast is a Character"),
        ([DOG, Character("a blue dog")], ["x"], "could not tell two of one noun apart"),
        (DOG, [], "a list, one for each clip"),
        (DOG, "the dog", "a list, one for each clip"),
        (DOG, ["it", None], r"prompts\[1\]=None"),
        (DOG, [5], r"prompts\[0\]=5"),
        (DOG, [" "], "says what happens"),
        (DOG, ["\N{DOG FACE}"], "knows no word"),
        (DOG, ["qwertz"], "knows no word"),
    ],
)
def test_nobody_and_nothing_are_refused(pipeline, cast, prompts, said):
    with pytest.raises(X2VError, match=said):
        shoot(cast, prompts, pipeline=pipeline)


def test_an_option_that_cannot_be_is_told_before_anything_is_made(pipeline):
    with pytest.raises(X2VError, match="steps=-3"):
        shoot(DOG, ["the dog"], pipeline=pipeline, steps=-3)
    with pytest.raises(X2VError, match="option stepz"):
        shoot(DOG, ["the dog"], pipeline=pipeline, stepz=3)
