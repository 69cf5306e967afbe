"""Each figure on tracks and readings whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.judge import metrics
from x2vkit.world import SceneSpec, World

FPS = 24
T = np.arange(33) / FPS


def fall(gravity: float, drop: float = 0.3, loss: float = 0.85, start: float = 0.1) -> np.ndarray:
    """Height of a bouncing thing, step by step in small steps: not the code that is tested."""
    height, speed, out, dt = drop, 0.0, [], 1e-4
    for i in range(int((T[-1] + start) / dt) + 2):
        if i % round(1 / FPS / dt) == 0:
            out.append((i * dt, height))
        speed -= gravity * dt
        height += speed * dt
        if height < 0 and speed < 0:
            height, speed = 0.0, -loss * speed
    when, what = np.array(out).T
    return np.interp(T + start, when, what)


def leap(period: float, gravity: float, ground: float = 0.22, phase: float = 0.3) -> np.ndarray:
    s = np.mod(T + phase, period) - ground
    return np.where(s > 0, 0.5 * gravity * s * (period - ground - s), 0)


@pytest.mark.parametrize("gravity", [0.6, 1.5, 4.0])
def test_a_bouncing_track_gives_back_its_gravity(gravity):
    noise = np.random.default_rng(0).normal(0, 0.002, 33)
    assert metrics.fit_bounce(fall(gravity) + noise + 0.4, FPS) == pytest.approx(gravity, rel=0.15)


def test_what_stays_where_it_is_has_no_gravity():
    assert metrics.fit_bounce(np.full(33, 0.3), FPS) == pytest.approx(0, abs=1e-6)
    assert metrics.relative_error(0.0, 4.0) == 1.0
    assert metrics.relative_error(float("nan"), 4.0) == 1.0
    assert np.isnan(metrics.fit_bounce(np.full(33, np.nan), FPS))


@pytest.mark.parametrize(("period", "gravity"), [(0.9, 4.0), (1.2, 1.5), (0.7, 3.0)])
def test_a_jumping_track_gives_back_its_period_and_gravity(period, gravity):
    noise = np.random.default_rng(1).normal(0, 0.002, 33)
    found = metrics.fit_jump(leap(period, gravity) + noise, FPS)
    assert found[0] == pytest.approx(period, rel=0.06)
    assert found[1] == pytest.approx(gravity, rel=0.15)
    assert np.isnan(metrics.fit_jump(np.zeros(33), FPS)[0])


def test_the_worlds_own_tracks_obey_its_physics():
    for scene in ("grass", "space"):
        clip = World().render(SceneSpec.of(subject="ball", color="red", action="bounce", scene=scene), seed=3)
        found = metrics.fit_bounce(metrics.heights(clip.truth.boxes[:, 0], 128, 128), FPS)
        assert found == pytest.approx(clip.truth.physics["gravity"], rel=0.15)
        clip = World().render(SceneSpec.of(color="red", action="jump", scene=scene), seed=3)
        found, _ = metrics.fit_jump(metrics.heights(clip.truth.boxes[:, 0], 128, 128), FPS)
        exact = 0.1 if scene == "space" else 0.05  # there a clip holds but three quarters of a jump
        assert found == pytest.approx(clip.truth.physics["period"], rel=exact)
        clip = World().render(SceneSpec.of(color="red", action="walk", direction="left", scene=scene), seed=3)
        found = metrics.speed(metrics.places(clip.truth.boxes[:, 0], 128, 128), FPS)
        assert found == pytest.approx(clip.truth.physics["speed"], rel=0.1)


def test_frames_cut_by_the_edge_do_not_bend_a_place():
    boxes = np.zeros((17, 4))
    boxes[:, 0], boxes[:, 2] = 0.1 + 0.05 * np.arange(17), 0.3 + 0.05 * np.arange(17)
    whole = metrics.speed(metrics.places(boxes, 128, 128)[:14], FPS)
    assert whole == pytest.approx(0.05 * FPS)
    assert metrics.places(boxes.clip(0, 1), 128, 128)[:14] == pytest.approx(0.2 + 0.05 * np.arange(14))


def test_agreement_counts_what_is_stated_and_shuffles_exactly():
    target_of = [{"color": "red"}, {"color": "red"}, {"color": "blue"}, {"subject": "dog"}]
    read = [{"color": "red"}, {"color": "blue"}, {"color": "blue"}, {"subject": "cat", "color": "red"}]
    found = metrics.agreement(target_of, read)
    assert found["color"].right == pytest.approx(2 / 3)
    # other clips' readings: clip 0 (red) sees blue, blue; clip 1 (red) red, blue; clip 2 (blue) red, blue
    assert found["color"].shuffled == pytest.approx(2 / 6)
    assert (found["color"].count, found["subject"].right) == (3, 0.0)
    assert metrics.all_right(target_of, read).tolist() == [1, 0, 1, 0]
    assert metrics.share_right({"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == 0.5


def reading(words: list[int], sure: float = 0.95) -> np.ndarray:
    """(F, 4) probabilities: each frame is `sure` of its word."""
    table = np.full((len(words), 4), (1 - sure) / 3)
    table[np.arange(len(words)), words] = sure
    return table


def test_a_clip_changes_when_sure_frames_do():
    assert not metrics.changes(reading([1] * 17))
    assert metrics.changes(reading([1] * 9 + [2] * 8))
    assert not metrics.changes(reading([1] * 16 + [2]))  # one odd frame is no change
    assert not metrics.changes(reading([1] * 9 + [2] * 8, 0.6))  # nobody is sure
    hidden = np.arange(17) < 9
    assert not metrics.changes(reading([1] * 9 + [2] * 8), hidden)


def test_what_was_hidden_returns_the_same_or_not():
    visible = np.array([0.2] * 6 + [0.05] * 4 + [0.2] * 7)
    assert metrics.returns(visible, [reading([1] * 17)]) is True
    assert metrics.returns(visible, [reading([1] * 17), reading([1] * 8 + [3] * 9)]) is False
    assert metrics.returns(np.full(17, 0.2), [reading([1] * 17)]) is None  # nobody was hidden
    assert metrics.returns(np.linspace(0.2, 0.0, 17), [reading([1] * 17)]) is None  # and nobody came back


def test_iou_of_known_boxes():
    a = np.array([[0, 0, 0.5, 0.5], [0, 0, 1, 1], [-1, -1, 0.5, 0.5], [np.nan] * 4])
    b = np.array([[0.25, 0, 0.75, 0.5], [0, 0, 1, 1], [0, 0, 0.5, 0.5], [0, 0, 1, 1]])
    assert metrics.iou(a, b)[:3] == pytest.approx([1 / 3, 1, 1])
    assert np.isnan(metrics.iou(a, b)[3])


def test_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4000, 3))
    assert metrics.frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert metrics.frechet(a, a + [3, 0, 4]) == pytest.approx(25, rel=1e-6)
    assert metrics.frechet(a, 3 * a) == pytest.approx(3 * (3 - 1) ** 2, rel=0.1)  # D (s - 1)^2


def test_principal_directions_have_variance_one():
    rng = np.random.default_rng(0)
    mean, directions = metrics.principal(rng.normal(size=(200, 10)) * np.arange(1, 11), 4)
    coded = (rng.normal(size=(4000, 10)) * np.arange(1, 11) - mean) @ directions
    assert directions.shape == (10, 4)
    assert coded.std(0) == pytest.approx(np.ones(4), rel=0.25)


def test_pictures_and_tracks():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert (metrics.psnr(black, white), metrics.psnr(black, black)) == (0.0, 60.0)
    assert metrics.correlation(T, 3 * T + 1) == pytest.approx(1)
    assert metrics.correlation(T, np.ones(33)) == 0
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))
    smooth = np.broadcast_to(np.arange(32)[None, None, :, None], (2, 32, 32, 3))
    assert metrics.fine_detail(noise) > 1000 > metrics.fine_detail(smooth) == 0
    both = np.concatenate([noise, smooth], 2)  # noise on the left
    left, right = np.tile([[0, 0, 0.4, 1]], (2, 1)), np.tile([[0.6, 0, 1, 1]], (2, 1))
    assert metrics.fine_detail(both, left) > 1000 > metrics.fine_detail(both, right) == 0
    assert np.isnan(metrics.fine_detail(both, np.full((2, 4), np.nan)))


def test_what_moves_changes_and_what_grows_gets_higher():
    still = np.full((5, 8, 8, 3), 100, np.uint8)
    rising = still + np.arange(5, dtype=np.uint8)[:, None, None, None]
    assert (metrics.dynamics(still, FPS), metrics.dynamics(still[:1], FPS)) == (0, 0)
    assert metrics.dynamics(rising, FPS) == pytest.approx(FPS)
    boxes = np.array([[0.4, 0.5 - size, 0.6, 0.5] for size in np.linspace(0.2, 0.4, 10)])
    assert 1.7 < metrics.growth(boxes) < 2
    assert np.isnan(metrics.growth(np.full((10, 4), np.nan)))


def test_diversity_is_the_distance_within_a_group():
    features = np.array([[0.0], [2.0], [10.0], [14.0]])
    assert metrics.spread(features, [0, 0, 1, 1]) == pytest.approx(3)
