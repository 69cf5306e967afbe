"""Edits with a tiny model of random weights: outside the mask all is kept, to the pixel and the token."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit import media
from x2vkit.errors import X2VError
from x2vkit.judge import metrics
from x2vkit.media import SOUND_RATE
from x2vkit.studio.edit import paint
from x2vkit.studio.edit.dub import dub
from x2vkit.studio.edit.masks import mask_of
from x2vkit.studio.edit.paint import backdrop, inpaint, recolor, restyle
from x2vkit.studio.edit.source import grown, source_of
from x2vkit.studio.speak import MOUTH_GUIDANCE, emphasised
from x2vkit.studio.voice import openness
from x2vkit.trace import Trace
from x2vkit.world import SceneSpec, World
from x2vkit.world.sprites import COLORS

SPEC = SceneSpec("dog", "red", "stand", "right", "grass", wearing=("hat", "blue"))
FACE = SceneSpec("face", "yellow", "stand", "right", "snow", mood="happy")


@pytest.fixture(scope="module")
def clip():
    return World().render(SPEC, 4, 5, 64, 64, fps=12).frames


@pytest.fixture
def how(pipeline):
    return {"pipeline": pipeline, "steps": 2}


def test_inpaint_changes_the_mask_and_keeps_the_rest(clip, how, tmp_path):
    mask = mask_of(source_of(clip), "the hat")
    trace = inpaint(clip, "the hat", "a red hat", **how)
    assert np.array_equal(trace.frames[~mask], clip[~mask])
    assert not np.array_equal(trace.frames[mask], clip[mask])
    assert trace.prompt == "a red dog wearing a red hat standing still on the grass"
    assert trace.made_by["call"] == "inpaint"
    assert trace.made_by["mask"] == "the hat"
    again = Trace.load(trace.save(tmp_path / "t.x2v"))
    assert again.made_by == trace.made_by
    assert again._repr_html_()
    assert np.array_equal(inpaint(again, "the hat", "a red hat", **how).frames[~mask], clip[~mask])


def test_latents_outside_are_the_sources_own_in_every_step(clip, how, pipeline):
    mask = np.zeros((5, 64, 64), bool)
    mask[3, 20, 20] = True
    trace = inpaint(clip, mask, "a blue dog", **how)
    known = paint.known_outside(clip, mask, pipeline)
    changes = ~known.known_mask[0].numpy()
    assert changes.sum() == 4  # one token of the second latent frame: 2 x 2 positions
    assert changes[1, 2:4, 2:4].all()
    latents = known.known_latents[0].numpy()
    for step in trace.latents:
        assert np.abs(step - latents)[:, ~changes].max() < 0.01
    assert np.abs(trace.latents[-1] - latents)[:, changes].max() > 0.01


def test_what_is_forgotten_less_stays_nearer(clip, how):
    mask = mask_of(source_of(clip), "the dog")
    near, far = (inpaint(clip, mask, "a blue dog", strength=s, **how | {"steps": 10}) for s in (0.1, 1.0))
    assert metrics.psnr(near.frames[mask], clip[mask]) > metrics.psnr(far.frames[mask], clip[mask])


def test_clothes_under_a_mask_that_are_not_mentioned_go_and_the_box_with_them(clip, how):
    trace = inpaint(clip, "the hat", "a dog", **how)
    assert trace.prompt == "a red dog standing still on the grass"
    before = source_of(clip).tracks["boxes"][:, 0]
    assert (trace.plan["boxes"][:, 0, 1] > before[:, 1] + 0.05).all()  # its top is lower
    assert np.abs(trace.plan["boxes"][:, 0, 3] - before[:, 3]).max() < 0.01


def test_a_backdrop_keeps_the_subject(clip, how):
    truth = World().render(SPEC, 4, 5, 64, 64, fps=12).ids == 1
    trace = backdrop(clip, "at the seaside", **how)
    assert trace.prompt.endswith("on the beach")
    same = (trace.frames == clip).all(-1)
    assert same[grown(truth, -3)].mean() > 0.98  # its edge is mixed
    assert same[~truth].mean() < 0.2


def test_recolor_tints_the_shades_of_a_colour_alone(clip, how):
    mask = np.ones((5, 64, 64), bool)
    tinted = paint.tinted(clip, mask, COLORS["red"], COLORS["blue"])
    red, green, _ = np.moveaxis(clip.astype(int), -1, 0)
    grass, dog = green > red + 40, (red > 180) & (green < 90)
    assert np.abs(tinted.astype(int) - clip)[grass].max() < 20
    assert (tinted[dog][:, 2] > tinted[dog][:, 0]).mean() > 0.9
    trace = recolor(clip, "the dog", "azure", **how)
    assert trace.prompt.startswith("a blue dog wearing a blue hat")
    trace = recolor(clip, "the cap", "white", **how)
    assert trace.prompt.startswith("a red dog wearing a white hat")


def test_restyle_begins_from_the_clip(clip, how, tmp_path):
    trace = restyle(clip, "at night", 0.5, **how | {"steps": 4})
    assert trace.prompt == "a red dog wearing a blue hat standing still at night"
    assert len(trace.t) == 3
    assert np.array_equal(trace.inputs["video"], clip)
    path = media.write_clip(tmp_path / "c.mp4", clip, 12)
    assert restyle(path, "at night", 0.5, **how).frames.shape == (5, 128, 128, 3)


def test_dub_moves_the_mouth_and_nothing_else(how):
    clip = World().render(FACE, 4, 5, 64, 64, fps=12).frames
    mask = mask_of(source_of(clip), "mouth")
    t = np.arange(round(5 / 12 * SOUND_RATE)) / SOUND_RATE
    sound = (9000 * np.sin(2 * np.pi * 600 * t) * (t < 0.2)).astype(np.int16)
    trace = dub(clip, (sound, SOUND_RATE), **how)
    assert np.array_equal(trace.frames[~mask], clip[~mask])
    assert not np.array_equal(trace.frames[mask], clip[mask])
    assert np.array_equal(trace.plan["mouth"], openness(sound, 5, 12))
    assert trace.request["mouth_guidance"] == MOUTH_GUIDANCE > 1
    track, used = trace.plan["mouth"], trace.inputs["conditions.control"]
    asked, more = (source_of(clip).control(mouth=each).control for each in (track, emphasised(track)))
    assert np.abs(used - more.numpy()).max() < 0.02 < np.abs(used - asked.numpy()).max()  # as in `speak`
    assert dub(clip, (sound, SOUND_RATE), mouth_guidance=1, **how).request["mouth_guidance"] == 1
    assert "talking" in trace.prompt
    assert np.array_equal(trace.sound, sound)
    assert np.array_equal(inpaint(trace, "mouth", "a face", **how).sound, sound)  # an edit keeps the sound
    with pytest.raises(X2VError, match="the clip has 0.42 s"):
        dub(clip, (np.tile(sound, 2), SOUND_RATE), **how)
    with pytest.raises(X2VError, match="silent"):
        dub(clip, (sound * 0, SOUND_RATE), **how)


BAD = {
    "a prompt of None": (lambda c, **h: inpaint(c, "the hat", None, **h), "prompt=None: prompt is text"),
    "a prompt of 5": (lambda c, **h: inpaint(c, "the hat", 5, **h), "prompt=5: prompt is text"),
    "a prompt of no word": (lambda c, **h: inpaint(c, "the hat", "qwertz", **h), "none of its words"),
    "a style of None": (lambda c, **h: restyle(c, None, **h), "prompt=None: prompt is text"),
    "an empty style": (lambda c, **h: restyle(c, "", **h), "none of its words"),
    "a style of no word": (lambda c, **h: restyle(c, "asdf qwer", **h), "none of its words"),
    "a mask of None": (lambda c, **h: inpaint(c, None, "a hat", **h), "mask=None.*say what changes"),
    "no clip": (lambda c, **o: restyle(7, "at night", **o), "a clip is a Trace"),
    "floats": (lambda c, **o: restyle(c / 255, "at night", **o), "uint8"),
    "6 frames": (lambda c, **o: restyle(np.concatenate([c, c[:1]]), "at night", **o), "1 \\+ 4k frames"),
    "no place": (lambda c, **o: backdrop(c, "qwertz", **o), "places of the world"),
    "no colour": (lambda c, **o: recolor(c, "the dog", "loud", **o), "colours of the world"),
    "no such thing": (lambda c, **o: recolor(c, "the cat", "red", **o), "the clip shows"),
    "no colour of its own": (lambda c, **o: recolor(c, "background", "red", **o), "a subject has a colour"),
    "strength 2": (lambda c, **o: inpaint(c, "the hat", "a hat", strength=2, **o), "strength"),
    "a plan": (lambda c, **o: inpaint(c, "the hat", "a hat", plan=False, **o), "plan given to inpaint"),
    "no face": (lambda c, **o: dub(c, (np.ones(999), 1000), **o), "a clip without a face"),
    "no such option": (lambda c, **o: restyle(c, "at night", cfg=3, **o), "did you mean guidance"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_a_sentence(clip, how, name):
    call, rule = BAD[name]
    with pytest.raises(X2VError, match=rule):
        call(clip, **how)


def test_tokens_are_those_that_a_mask_touches_in_any_of_their_frames():
    mask = np.zeros((5, 32, 32), bool)
    mask[0, 0, 0] = mask[4, 31, 31] = True
    tokens = paint.reached(mask, (1, 2, 2))
    assert tokens.shape == (2, 4, 4)
    assert torch.equal(tokens.nonzero()[:4], torch.tensor([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]))
    assert tokens[1, 2:, 2:].all()
    assert tokens.sum() == 8
