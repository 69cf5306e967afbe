"""Heads are measured against the plan: one made to follow the subject finds it, a blind one by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.trace import samples
from x2vkit.views import Heads
from x2vkit.views.heads.scores import inside_subject, spots, spots_by_chance, spots_by_staying, words_found

WORDS = 3
GRID = (3, 4, 8)


@pytest.fixture
def moving(make_trace):
    """9 frames of 64 x 128; a subject of two by two patches goes three patches to the right each latent
    frame, in the end half out of the picture. Head 0 looks at the same spot, head 1 at all tokens alike.
    """
    f, rows, columns = GRID
    boxes = np.full((9, 2, 4), np.nan, np.float32)
    for frame in range(9):
        x = (1 + 3 * ((frame + 3) // 4)) / columns
        boxes[frame, 0] = [x, 1 / rows, x + 2 / columns, 3 / rows]
    N, D = f * rows * columns, 100
    keys = np.zeros((2, WORDS + N, D), np.float32)
    keys[0, WORDS:, :N] = np.eye(N)  # a channel of its own for each patch
    queries = np.zeros_like(keys)
    time, row, column = np.unravel_index(np.arange(N), GRID)
    for token in range(N):
        for other in range(f):
            at = column[token] + 3 * (other - time[token])
            if 0 <= at < columns:
                queries[0, WORDS + token, (other * rows + row[token]) * columns + at] = 80
    keys[1, 2] = 0  # head 1: a word that the subject's patches look at
    trace = make_trace(
        latents=np.zeros((4, 4, 3, 8, 16), np.float16), pred_x0=np.zeros((3, 4, 3, 8, 16), np.float16),
        frames=np.zeros((9, 64, 128, 3), np.uint8), plan={"boxes": boxes},
        queries={(1, 0): queries.astype(np.float16)}, keys={(1, 0): keys.astype(np.float16)},
        geometry=Geometry(token_kinds=(("text", WORDS), ("video", N))), inputs={},
    )  # fmt: skip
    return trace


def test_a_head_that_follows_finds_every_spot(moving):
    view = Heads(moving)
    found, blind = view.data()["spots"][0]
    assert found == 1 and blind < 0.3
    where = spots(moving)
    assert inside_subject(moving).sum() == len(where.tokens) == 10  # the last half out
    assert spots_by_staying(moving, where) == 0  # it moves further than a patch
    assert 0.1 < spots_by_chance(moving, where) < 9 / 32 + 1e-6
    assert (view.selection["step"], view.selection["layer"], view.selection["head"]) == (1, 0, 0)


def test_spots_move_with_the_box(moving):
    where = spots(moving)
    token = where.tokens[0]
    assert np.unravel_index(token, GRID) == (0, 1, 1)
    np.testing.assert_allclose(where.targets[0], [[1, 1], [1, 4], [1, 7]], atol=1e-5)


def test_a_word_that_only_the_subject_looks_at_tells_it_from_the_rest(moving):
    inside = np.flatnonzero(inside_subject(moving))
    queries, keys = (np.array(group[1, 0], np.float32) for group in (moving.queries, moving.keys))
    keys[1, 2, 0] = 10
    queries[1, WORDS + inside, 0] = 10
    trace = replace(
        moving, queries={(1, 0): queries.astype(np.float16)}, keys={(1, 0): keys.astype(np.float16)}
    )
    area = words_found(trace, (1, 0))
    assert area[1, 2] == 1 and Heads(trace).selection["word"] == 2


def test_the_bundled_run_has_heads_that_follow():
    view = Heads()
    seen = view.data()
    assert seen["spots"].max() > 0.8 > 3 * view.chance and seen["words"].shape == (60, 4, 11)
    assert view.trace.words[view.selection["word"]] in ("dog", "hat")


@pytest.mark.parametrize("change", [{"plan": {}}, {"queries": {}, "keys": {}, "heads": ()}])
def test_what_cannot_be_measured_says_why(change):
    view = Heads(replace(samples.sample("dog"), **change))
    assert isinstance(view.error, X2VError) and "this trace" in str(view.error)


def test_a_still_has_no_other_frames_to_be_measured_by(moving):
    plan = {"boxes": moving.plan["boxes"][:1]}
    still = replace(
        moving, latents=moving.latents[:, :, :1], pred_x0=moving.pred_x0[:, :, :1], frames=moving.frames[:1],
        plan=plan, queries={}, keys={}, geometry=replace(moving.geometry, token_kinds=()),
    )  # fmt: skip
    rows = {(1, 0): np.zeros((2, still.geometry.tokens, 8), np.float16)}
    assert "it has one" in str(Heads(replace(still, queries=rows, keys=rows)).error)


def test_a_measure_that_there_is_not_is_refused():
    with pytest.raises(X2VError, match="measure='beauty'"):
        Heads().selection = {"measure": "beauty"}


def test_a_view_that_cannot_measure_exports_its_own_reason(make_trace):
    with pytest.raises(X2VError, match="no attention"):
        Heads(make_trace(queries={}, keys={}, heads=())).to_html()
