"""Presets are found, not fixed: they lead to what a made-up trace holds at a known place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.trace import samples
from x2vkit.views import Attention, Denoise, Patches
from x2vkit.views.attention.presets import attention_presets
from x2vkit.views.denoise import step_changes
from x2vkit.views.presets import compare_presets, denoise_presets, patch_presets


def test_the_patch_that_looks_at_a_word_is_found(make_trace):
    """One patch's query is a word's key: no other looks there."""
    trace = make_trace()
    queries = {site: np.zeros_like(array) for site, array in trace.queries.items()}
    keys = {site: np.zeros_like(array) for site, array in trace.keys.items()}
    queries[2, 1][:, len(trace.words) + 7, 0] = 30
    keys[2, 1][:, trace.words.index("ball"), 0] = 30
    found = attention_presets(replace(trace, queries=queries, keys=keys))[0]
    assert found.label == "The patch that looks at “ball”" and "100 %" in found.sentence
    assert found.selection["token"] == 7 and (found.selection["step"], found.selection["layer"]) == (2, 1)
    assert "t1 r0 c1" in found.sentence and found.selection["frame"] == 1  # token 7 of 2 x 2 x 3


def test_what_a_preset_says_is_what_the_view_shows():
    view = Attention()
    first = view.metadata["presets"][0]
    assert all(view.selection[key] == value for key, value in first["selection"].items())  # it opens there
    word = first["label"].split("“")[1].rstrip("”")
    share = view.data()["words"][view.words.index(word)]
    assert f"{100 * share:.0f} %" in first["sentence"] and share > 0.2


def test_the_follower_looks_at_the_subject_more_than_chance():
    trace = samples.sample("dog")
    follower = next(one for one in attention_presets(trace) if "follows" in one.label)
    share, chance = (float(part.split()[-1]) for part in follower.sentence.split(" %")[:2])
    assert share > 2 * chance


def test_attention_too_large_to_look_through_has_no_presets(make_trace, monkeypatch):
    monkeypatch.setattr("x2vkit.views.attention.presets.PAIRS", 10)
    assert attention_presets(make_trace()) == []


def test_steps_are_those_of_the_numbers(make_trace):
    latents = make_trace().pred_x0
    quiet = np.stack([latents[0], latents[0] + np.float16(0.1), latents[0] + np.float16(5)])
    weight = {"preview_weight": np.ones((768, 4), np.float16), "preview_bias": np.zeros(768, np.float16)}
    trace = make_trace(
        pred_x0=quiet,
        pred_x0_cond=quiet + np.arange(3, dtype=np.float16)[:, None, None, None, None],
        **weight,
    )
    found = {one.label: one for one in denoise_presets(trace, step_changes(trace))}
    assert found["The largest change"].selection["step"] == 2
    assert found["What guidance does"].selection == {"step": 2, "beside": "pred_x0_cond"}
    assert "The jump at the end" in found  # the made-up schedule ends at a third of the noise


def test_the_patch_where_most_happens_is_found(make_trace):
    latents = np.zeros_like(make_trace().latents)
    latents[-1, :, 1, 2:4, 2:4] = 1  # patch row 1, column 1 of 2 x 3
    most, least = patch_presets(make_trace(latents=latents))
    assert most.selection["token"] % 6 == 4 and least.selection["token"] % 6 != 4


def test_runs_that_share_no_steps_have_no_presets():
    cat, dog, red = (samples.sample(name) for name in ("cat", "dog", "dog-red"))
    assert compare_presets([cat, dog]) == []
    assert compare_presets([dog, red])[0].selection == {"step": 0, "show": "predicted"}


@pytest.mark.parametrize("view", [Attention, Denoise, Patches])
def test_every_preset_can_be_selected(view):
    shown = view()
    for preset in shown.metadata["presets"]:
        shown.selection = preset["selection"]
        assert all(shown.selection[key] == value for key, value in preset["selection"].items())
