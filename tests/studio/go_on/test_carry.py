"""A plan that goes on keeps speed, size and rhythm, and the subject in sight."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.core.planner import Plan
from x2vkit.studio.go_on.carry import carry_on, rebased
from x2vkit.studio.go_on.path import lap, leading
from x2vkit.world import SceneSpec, World

SIZE = (128, 128)
MINUTE = 720


def plan_of(action: str, camera: str = "static", subject: str = "dog") -> Plan:
    truth = (
        World().render(SceneSpec(subject, "red", action, "right", "snow", camera), 3, 17, *SIZE, fps=12).truth
    )
    return Plan.of_truth(truth.boxes, truth.mouth[:, 0], truth.camera, truth.turn[:, 0])


def middles(plan: Plan) -> np.ndarray:
    box = plan.boxes[0, :, 0]
    return (box[:, :2] + box[:, 2:]) / 2


@pytest.mark.parametrize("action", ["walk", "jump", "bounce", "fly", "grow", "roll", "stand"])
@pytest.mark.parametrize("camera", ["static", "pan left", "zoom in"])
def test_a_minute_later_the_subject_is_whole_and_in_sight(action, camera):
    subject = "ball" if action in ("bounce", "roll") else "bird" if action == "fly" else "dog"
    plan = plan_of(action, camera, subject)
    longer = carry_on(plan, 0, MINUTE, *SIZE)
    assert longer.boxes.shape[1] == 17 + MINUTE
    for name, track in vars(plan).items():
        assert np.array_equal(getattr(longer, name)[:, :17], track, equal_nan=True), name
    box = longer.boxes[0, 100:, 0]
    assert np.isfinite(box).all()
    assert box[:, 0].min() > -0.1 and box[:, 2].max() < 1.1
    assert 0.15 < (box[:, 3] - box[:, 1]).min() and (box[:, 3] - box[:, 1]).max() < 0.95


def test_a_walk_keeps_its_speed_over_the_ground_and_its_size():
    longer = carry_on(plan_of("walk"), 0, MINUTE, *SIZE)
    ground = middles(longer)[:, 0] + longer.camera[0, :, 0]
    before, after = (
        np.polyfit(np.arange(17), ground[:17], 1)[0],
        np.polyfit(np.arange(600), ground[-600:], 1)[0],
    )
    assert after == pytest.approx(before, rel=0.05)
    tall = longer.boxes[0, :, 0, 3] - longer.boxes[0, :, 0, 1]
    assert np.ptp(tall[17:]) < 1.5 * np.ptp(tall[:17]) + 0.02


def test_a_jump_comes_again_without_a_step():
    plan = plan_of("jump")
    heights = middles(carry_on(plan, 0, 120, *SIZE))[:, 1]
    steps = np.abs(np.diff(heights))
    assert steps[16:20].max() <= 1.1 * steps[:16].max()
    assert heights[60:].min() == pytest.approx(heights[:17].min(), abs=0.03)
    assert heights[60:].max() == pytest.approx(heights[:17].max(), abs=0.03)


def test_without_following_the_camera_stays():
    longer = carry_on(plan_of("walk"), 0, 60, *SIZE, follow=False)
    assert np.allclose(longer.camera[0], longer.camera[0, 0])
    assert np.isnan(longer.boxes[0, -1, 0]).all()


def test_before_is_after_in_the_mirror_of_time():
    plan = plan_of("walk")
    earlier = carry_on(plan, 40, 0, *SIZE)
    assert np.allclose(earlier.boxes[0, 40:], plan.boxes[0], equal_nan=True)
    assert np.allclose(earlier.camera[0, 0], (0, 0, 1))
    ground = middles(earlier)[:, 0] + earlier.camera[0, :, 0]
    assert (np.diff(ground) > 0).mean() > 0.9  # it came from the left


def test_a_part_of_a_plan_begins_at_no_camera():
    part = rebased(carry_on(plan_of("stand", "pan right"), 0, 20, *SIZE), 10, 20)
    assert part.boxes.shape[1] == 10 and np.allclose(part.camera[0, 0], (0, 0, 1))


def test_a_walk_goes_round_the_picture_at_its_own_speed():
    plan = plan_of("walk")
    round_, frames = lap(plan, *SIZE)
    assert round_ and frames > 20
    whole = leading(plan, plan, frames, round_=True, back=True)
    x = middles(whole)[:, 0]
    steps = np.diff(x)
    ahead = steps[np.isfinite(steps) & (steps > -0.5)]
    assert ahead.min() > 0 and np.median(ahead) == pytest.approx(
        np.median(np.diff(middles(plan)[:, 0])), rel=0.2
    )
    assert np.isnan(x).any()  # out of sight on the way


def test_what_stays_is_led_back_without_a_step():
    plan = plan_of("jump")
    assert not lap(plan, *SIZE)[0]
    whole = leading(plan, plan, 16, back=True)
    heights = middles(whole)[:, 1]
    assert np.abs(np.diff(heights[15:35])).max() < 1.5 * np.abs(np.diff(heights[:17])).max()
    assert np.allclose(whole.camera[0], whole.camera[0, 0], atol=1e-6)
