"""Plans: what they hold, what is kept, and what the words decide."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import x2vkit as x2v
from x2vkit.core.conditions import Conditions
from x2vkit.core.planner import TRACKS, Plan, Planner, plan_of, tracks_of
from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError
from x2vkit.judge.metrics import fit_bounce, heights
from x2vkit.world import SceneSpec, World
from x2vkit.world.animate import gravity

SPECS = {
    "two, wide": (SceneSpec("dog", action="run", other=("ball", "red"), relation="chasing"), 96, 160),
    "talking": (SceneSpec("face", action="talk"), 128, 128),
    "leaving, tall": (SceneSpec("car", action="run", camera="pan left"), 160, 96),
    "zoom": (SceneSpec("box", action="grow", camera="zoom in"), 128, 128),
    "turning": (SceneSpec("dog", action="spin"), 128, 128),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_plan_says_what_its_tracks_were_made_of(name):
    spec, height, width = SPECS[name]
    truth = World().render(spec, 5, 17, height, width).truth
    tracks = tracks_of(truth.boxes, truth.mouth[:, 0], truth.camera, truth.turn[:, 0], height, width)
    plan = plan_of(tracks[None], height, width)
    for i in range(truth.boxes.shape[1]):
        np.testing.assert_allclose(plan.boxes[0, :, i], truth.boxes[:, i], atol=1e-5)
    assert np.isfinite(plan.boxes[0, :, 1]).any() == (truth.boxes.shape[1] == 2)
    assert np.isfinite(plan.mouth[0]).all() == (spec.action == "talk")
    turned = np.mod(plan.turn[0] - truth.turn[:, 0] + np.pi, 2 * np.pi) - np.pi
    np.testing.assert_allclose(turned, 0, atol=1e-5)
    drawn = plan.conditions(height, width)
    np.testing.assert_array_equal(drawn.boxes[0, :, 0, 4], plan.turn[0])
    mouth = (truth.boxes[:, 0], truth.mouth[:, 0]) if spec.action == "talk" else None
    given = {"boxes": list(truth.boxes.transpose(1, 0, 2)), "mouth": mouth, "camera": truth.camera}
    expected = Conditions.draw((17, height, width), **given)
    np.testing.assert_allclose(drawn.control[0], expected.control[0], atol=1e-4)
    np.testing.assert_allclose(drawn.camera[0, :, :2], expected.camera[0, :, :2], atol=1e-4)
    assert drawn.control.dtype == drawn.camera.dtype == torch.float32


@pytest.fixture(scope="module")
def planner() -> Planner:
    torch.manual_seed(0)
    model = Planner(["<start>", "<pad>", "a", "dog"], width=32, depth=1, heads=2, mean=[0.1] * TRACKS).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def read(*prompts):
    text = TextEncoder(["a", "dog"], width=8, depth=0)
    return [text.tokenize(prompt) for prompt in prompts]


def track_of(camera: np.ndarray) -> torch.Tensor:
    return Conditions.draw((len(camera), 64, 64), camera=camera).camera


def test_what_is_given_is_kept_and_the_rest_is_planned(planner):
    box = np.stack([np.linspace(0.1, 0.6, 9), np.full(9, 0.3), np.linspace(0.3, 0.8, 9), np.full(9, 0.7)], 1)
    box[6:] = np.nan
    truth = World().render(SceneSpec(camera="pan left"), 0, 9, 64, 64).truth
    track = track_of(truth.camera).expand(2, -1, -1)
    noise = torch.randn(2, 9, TRACKS)
    free = planner.plan(read("a dog", "a"), 9, 64, 64, noise)
    plan = planner.plan(read("a dog", "a"), 9, 64, 64, noise, boxes=[box], camera=track)
    for i in range(2):
        np.testing.assert_allclose(plan.boxes[i, :, 0], box, atol=1e-5)
        np.testing.assert_allclose(track_of(plan.camera[i])[0, 2:], track[i, 2:], atol=0.02)
    assert not np.allclose(free.camera, plan.camera) and free.boxes.shape == (2, 9, 2, 4)


def test_plans_of_a_batch_do_not_depend_on_each_other(planner):
    noise = torch.randn(2, 5, TRACKS)
    both = planner.plan(read("a", "a dog"), 5, 64, 64, noise)
    alone = planner.plan(read("a dog"), 5, 64, 64, noise[1:])
    np.testing.assert_allclose(both.camera[1], alone.camera[0], atol=1e-4)


def test_an_untrained_planner_saves_and_loads(planner, tmp_path):
    planner.save_pretrained(tmp_path)
    again = Planner.from_pretrained(tmp_path)
    noise = torch.randn(1, 5, TRACKS)
    one, two = (p.plan(read("a dog"), 5, 64, 64, noise) for p in (planner, again))
    assert all(torch.equal(a, b) for a, b in zip(planner.parameters(), again.parameters(), strict=True))
    # a matmul may round otherwise where weights lie otherwise in memory
    np.testing.assert_allclose(one.boxes, two.boxes, rtol=1e-4, atol=1e-5)


# -- the planner that ships


@pytest.fixture(scope="module")
def shipped():
    return x2v.load()


def draft(shipped, prompt: str, count: int = 10, **options):
    generators = [torch.Generator().manual_seed(i) for i in range(count)]
    return shipped.draft([prompt] * count, generator=generators, **options)


def middles(plan) -> np.ndarray:
    """(B, F, 2) of the first subject."""
    return (plan.boxes[:, :, 0, :2] + plan.boxes[:, :, 0, 2:]) / 2


def test_the_words_decide_which_way_things_go(shipped):
    pans = (("pan left", 0, -1), ("pan right", 0, 1), ("pan up", 1, 1), ("pan down", 1, -1))
    for words, axis, sign in pans:
        plan = draft(shipped, f"a red ball standing still on the beach, {words}")
        moved = sign * plan.camera[:, -1, axis]
        assert np.quantile(moved, 0.1) > 0.1, words
    zoomed = draft(shipped, "a red ball standing still on the beach, zoom in").camera[:, -1, 2]
    assert np.quantile(zoomed, 0.1) > 1.2
    still = draft(shipped, "a red ball standing still on the beach").camera
    assert np.quantile(np.abs(still[:, -1, :2]).max(1), 0.9) < 0.05
    for words, sign in (("left", -1), ("right", 1)):
        way = middles(draft(shipped, f"a brown dog walking {words} in the snow"))[:, :, 0]
        assert np.quantile(sign * (way[:, -1] - way[:, 0]), 0.1) > 0.1
    alone = draft(shipped, "a brown dog walking left in the snow").boxes[:, :, 1]
    assert np.isnan(alone).all((1, 2)).mean() > 0.9
    two = draft(shipped, "a brown dog chasing a red ball in the snow").boxes[:, :, 1]
    assert np.isfinite(two).any((1, 2)).mean() > 0.9
    assert np.isfinite(draft(shipped, "a happy yellow face talking at night").mouth).all(1).mean() > 0.9


def test_what_bounces_comes_down_and_rises_again(shipped):
    """And what stands does not."""

    def turns(words: str) -> np.ndarray:
        low = draft(shipped, f"a red ball {words} in the city").boxes[:, :, 0, 3]  # its lower edge
        falls = np.diff(low, axis=1) > 0
        return (falls[:, :-1] & ~falls[:, 1:] & (low[:, 1:-1] - low.min(1, keepdims=True) > 0.08)).sum(1)

    assert (turns("bouncing") > 0).mean() > 0.9
    assert (turns("standing still") > 0).mean() < 0.1


def test_what_bounces_falls_as_gravity_says_on_earth_and_in_space(shipped):
    for place in ("in the city", "in space"):
        boxes = draft(shipped, f"a red ball bouncing {place}").boxes[:, :, 0]
        found = [fit_bounce(heights(box, 128, 128), 12) for box in boxes]
        assert 0.75 < np.median(found) / gravity(place.split()[-1]) < 1.3, place


def test_a_given_box_decides_where_the_subject_goes(shipped):
    box = np.array([0.6, 0.4, 0.9, 0.8])
    plan = draft(shipped, "a brown dog standing still in the snow", 2, boxes=[box])
    np.testing.assert_allclose(plan.boxes[:, :, 0], np.broadcast_to(box, (2, 17, 4)), atol=1e-5)


def test_a_plan_of_tracks_leaves_the_others_out():
    boxes = np.full((5, 2, 4), 0.5, np.float32)
    plan = Plan.of_tracks({"boxes": boxes.tolist(), "mouth": [None] * 5})
    np.testing.assert_array_equal(plan.boxes[0], boxes)
    assert np.isnan(plan.mouth).all() and (plan.turn == 0).all() and (plan.camera == (0, 0, 1)).all()
    assert plan.conditions(32, 48).control is not None
    for wrong in ({}, {"boxes": boxes[:, :, :3]}, {"boxes": boxes, "turn": np.zeros(4)}, {"box": boxes}):
        with pytest.raises(X2VError, match="a plan is boxes"):
            Plan.of_tracks(wrong)
