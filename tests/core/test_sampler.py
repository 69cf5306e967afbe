"""The sampler follows any velocity field home, keeps what is given, and stops when it is told."""

from __future__ import annotations

import math

import pytest
import torch

from x2vkit import registry
from x2vkit.core.conditions import known_frames
from x2vkit.core.sampler import SCHEDULERS, Prediction, make_scheduler, sample
from x2vkit.errors import X2VError
from x2vkit.registry import SamplingDefaults

SHAPE = (2, 3, 2, 4, 4)
LAST = SamplingDefaults.last_level


def unguided(velocity):
    """A model without guidance, of a function (latents, t) -> velocity."""
    return lambda latents, t: Prediction(*[velocity(latents, t)] * 2)


def towards(target):
    """The exact velocity field of a world that holds one clip only: every path ends at it."""
    return unguided(lambda latents, t: (latents - target) / t)


@pytest.fixture
def noise():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_an_exact_field_leads_to_its_clip(name, steps, noise):
    target = torch.linspace(-2, 2, noise.numel()).reshape(SHAPE)
    run = list(sample(towards(target), noise, make_scheduler(name), steps))
    assert [step.index for step in run] == list(range(steps))
    torch.testing.assert_close(run[-1].next_latents, target, rtol=1e-4, atol=1e-4)
    for step in run:
        torch.testing.assert_close(step.pred_x0, target, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_levels_fall_from_one_to_zero_and_steps_join(name, noise):
    run = list(sample(towards(noise * 0), noise, make_scheduler(name), 6))
    assert run[0].t == pytest.approx(1, abs=1e-5) and run[-1].next_t == 0
    assert run[-1].t == pytest.approx(LAST, abs=1e-5)
    for one, two in zip(run, run[1:], strict=False):
        assert one.t > one.next_t == two.t
        assert torch.equal(one.next_latents, two.latents)


def test_second_order_solvers_are_closer_on_a_curved_field():
    """dx/dt = x from 1 to LAST takes x to x e^(LAST - 1); Euler's error must shrink by a real solver."""
    x = torch.ones(1, 1, 1, 1, 1, dtype=torch.float64)

    def error(name: str) -> float:
        *_, last = sample(unguided(lambda latents, t: latents), x, make_scheduler(name), 8)
        return abs(last.latents.item() - math.exp(LAST - 1))

    assert error("heun") < 0.5 * error("euler")
    assert error("unipc") < 0.5 * error("euler")


@pytest.mark.parametrize("name", SCHEDULERS)
def test_given_frames_are_never_touched(name, noise):
    clip = torch.ones(SHAPE) * 5
    seen = []

    def velocity(latents, t):
        seen.append(latents[:, :, 0].clone())
        return torch.randn_like(latents)

    run = list(sample(unguided(velocity), noise, make_scheduler(name), 5, given=known_frames(clip, [0])))
    assert all((frame == 5).all() for frame in seen)
    parts = [x for step in run for x in (step.latents, step.pred_x0, step.next_latents)]
    assert all((x[:, :, 0] == 5).all() for x in parts)
    assert (run[-1].next_latents[:, :, 1] != 5).any()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_strength_starts_part_of_the_way_down(name, noise):
    start = torch.full(SHAPE, 3.0)
    whole = list(sample(towards(start), noise, make_scheduler(name), 10))
    run = list(sample(towards(start), noise, make_scheduler(name), 10, start=start, strength=0.4))
    assert [step.t for step in run] == [step.t for step in whole[6:]]
    t = run[0].t
    torch.testing.assert_close(run[0].latents, (1 - t) * start + t * noise)
    torch.testing.assert_close(run[-1].next_latents, start, rtol=1e-4, atol=1e-4)


def test_closing_stops_the_model(noise):
    calls = []
    run = sample(unguided(lambda x, t: calls.append(t) or x), noise, make_scheduler("euler"), 20)
    next(run)
    next(run)
    run.close()
    assert len(calls) == 2 and list(run) == []


def test_two_runs_of_one_scheduler_do_not_meet(noise):
    scheduler = make_scheduler("unipc")
    alone = [step.next_latents for step in sample(unguided(lambda x, t: x * t), noise, scheduler, 4)]
    pair = [sample(unguided(lambda x, t: x * t), noise, scheduler, 4) for _ in range(2)]
    for i, (one, two) in enumerate(zip(*pair, strict=True)):
        assert torch.equal(one.next_latents, alone[i]) and torch.equal(two.next_latents, alone[i])


def test_sent_latents_take_over(noise):
    run = sample(towards(noise * 0), noise, make_scheduler("euler"), 3)
    next(run)
    assert torch.equal(run.send(noise * 7).latents, noise * 7)


@pytest.mark.parametrize(
    "bad",
    [{"steps": 0}, {"steps": -3}, {"steps": 2.5}, {"strength": 0}, {"strength": 1.1}, {"last_level": 1}],
)
def test_refuses(bad, noise):
    with pytest.raises(X2VError, match=next(iter(bad))):
        options = {"steps": 4, "start": noise} | bad
        next(sample(unguided(lambda x, t: x), noise, make_scheduler("euler"), **options))


def test_unknown_scheduler_names_the_known():
    with pytest.raises(X2VError, match="euler, heun, unipc"):
        make_scheduler("ddim")


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_step_carries_both_predictions_and_follows_the_guided_one(name, noise):
    clip, other = noise * 0 + 2, noise * 0 - 1

    def model(latents, t):
        return Prediction(guided=(latents - clip) / t, conditional=(latents - other) / t)

    held = known_frames(noise * 0 + 5, [0])
    run = list(sample(model, noise, make_scheduler(name), 4, given=held))
    for step in run:
        torch.testing.assert_close(step.pred_x0[:, :, 1], clip[:, :, 1], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(step.pred_x0_cond[:, :, 1], other[:, :, 1], rtol=1e-3, atol=1e-3)
        assert (step.pred_x0_cond[:, :, 0] == 5).all()
        torch.testing.assert_close(step.velocity_cond, (step.latents - other) / step.t)
    torch.testing.assert_close(run[-1].next_latents[:, :, 1], clip[:, :, 1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_weights_say_where_the_steps_lie(name, noise):
    ran = {}
    for shift, last in ((1.0, 0.1), (1.0, 0.5), (3.0, 0.1), (3.0, 0.5)):
        run = sample(towards(noise * 0), noise, make_scheduler(name, shift), 5, last_level=last)
        ran[shift, last] = [step.t for step in run]
    assert all(levels[-1] == pytest.approx(last, abs=1e-5) for (_, last), levels in ran.items())
    assert ran[3.0, 0.1][2] > ran[1.0, 0.1][2] == pytest.approx(0.55, abs=1e-5)


def test_every_scheduler_that_can_be_named_is_there():
    assert tuple(SCHEDULERS) == registry.SCHEDULERS


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_flow_map_arrives_in_any_number_of_steps(steps, noise):
    """Along dx/dt = x a path ends at noise / e; Euler's small steps come near it, the exact map is there."""
    asked = []

    def mean_velocity(latents, t, r):
        asked.append((t, r))
        return Prediction(*[latents * (1 - math.exp(r - t)) / (t - r)] * 2)

    run = list(sample(mean_velocity, noise, make_scheduler("euler"), steps, flow_map=True))
    torch.testing.assert_close(run[-1].next_latents, noise / math.e, rtol=1e-5, atol=1e-5)
    assert asked == [(step.t, step.next_t) for step in run] and len(run) == steps
    first = run[0]
    torch.testing.assert_close(first.pred_x0, first.latents - first.t * first.velocity)


@pytest.mark.parametrize("name", ["heun", "unipc"])
def test_a_flow_map_is_followed_by_euler_alone(name, noise):
    with pytest.raises(X2VError, match="flow map.*use euler"):
        next(sample(towards(noise), noise, make_scheduler(name), 2, flow_map=True))
