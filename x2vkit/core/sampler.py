"""From noise to a clip: follow the velocity from noise level 1 down to 0, one yielded `Step` per level.

    B batch; C, f, h, w latent grid; S steps; t noise level in [0, 1]

A clip and its noise lie on a straight line, x_t = (1 - t) video + t noise, so the velocity dx/dt is noise -
video and sampling is the integration of an ordinary differential equation backwards in t (rectified flow,
arXiv 2209.03003). The integration itself is a diffusers flow-matching scheduler's. Cancelling is closing the
generator.

Where the steps lie belongs to the weights (`registry.SamplingDefaults`). Levels are bent towards 1 by t ->
shift t / (1 + (shift - 1) t): layout is decided at high noise, so more steps are spent there. From
`last_level` on pred_x0 is taken as it is: what noise still hides is the finest detail, and the decoder draws
that from its surroundings better than the transformer does position by position, so it is trained on such
latents, too (as LTX-Video leaves its last step to its decoder, HaCohen et al. 2024, arXiv 2501.00103).

A flow map predicts the mean velocity on the way to the next level in place of the velocity of now, so that
one Euler step is the whole way there, however long (training/distill.py). It is told both levels, as they
lie here: bent once.

Knows nothing about text, guidance or transformers: a model is any function (latents, t) -> Prediction, and a
flow map any function (latents, t, next_t) -> Prediction.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, UniPCMultistepScheduler
from torch import Tensor

from x2vkit.config import is_number
from x2vkit.core.conditions import Conditions, reimpose_known
from x2vkit.errors import X2VError
from x2vkit.registry import SamplingDefaults

SCHEDULERS: dict[str, Callable[[float], Any]] = {
    "euler": lambda shift: FlowMatchEulerDiscreteScheduler(shift=shift),
    "heun": lambda shift: FlowMatchHeunDiscreteScheduler(shift=shift),
    "unipc": lambda shift: UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift, final_sigmas_type="zero"
    ),
}
"""euler: one evaluation a step; heun: two, second order; unipc: one, second order from the steps before."""


def make_scheduler(name: str, shift: float = SamplingDefaults.shift) -> Any:
    """A diffusers flow-matching scheduler by name; raises X2VError for a name that is not in SCHEDULERS."""
    if name not in SCHEDULERS:
        names = ", ".join(SCHEDULERS)
        raise X2VError(f"scheduler {name!r}", f"schedulers are {names}", "use euler unless you compare them")
    return SCHEDULERS[name](shift)


@dataclass(frozen=True)
class Prediction:
    """What a model makes of noisy latents; without guidance both are the same."""

    guided: Tensor
    """(B, C, f, h, w) velocity to follow."""
    conditional: Tensor
    """(B, C, f, h, w) velocity predicted from the prompt and all conditions alone."""


@dataclass(frozen=True)
class Step:
    """One noise level of one run."""

    index: int
    """0 for the first step."""
    t: float
    """Noise level that the model saw."""
    latents: Tensor
    """(B, C, f, h, w) at level t: what the model saw."""
    velocity: Tensor
    """(B, C, f, h, w): the guided prediction."""
    velocity_cond: Tensor
    """(B, C, f, h, w): the conditional prediction, before guidance."""
    pred_x0: Tensor
    """(B, C, f, h, w): the clip as predicted from here, latents - t * velocity, with given frames
    re-imposed. Of a flow map that goes straight on with the mean velocity of its one step; where the map
    itself would arrive at 0 is another question, and another evaluation."""
    pred_x0_cond: Tensor
    """(B, C, f, h, w): the same by the conditional prediction."""
    next_t: float
    """Noise level after the step; 0 after the last."""
    next_latents: Tensor
    """(B, C, f, h, w) at `next_t`; after the last step this is the clip."""


def sample(
    model: Callable[..., Prediction],
    noise: Tensor,
    scheduler: Any,
    steps: int,
    given: Conditions | None = None,
    start: Tensor | None = None,
    strength: float = 1.0,
    last_level: float = SamplingDefaults.last_level,
    generator: Any = None,
    flow_map: bool = False,
) -> Generator[Step, Tensor | None, None]:
    """Yield one Step per noise level; a tensor that is sent back takes the place of its `next_latents`.

    Args:
        model: predicts the velocity.
        noise: (B, C, f, h, w).
        scheduler: a diffusers flow-matching scheduler. It is copied, so runs can be interleaved.
        steps: S, 1 or more.
        given: frames that are re-imposed after every step.
        start: latents to begin from, mixed with noise, at the level where the last `strength` share of the
            steps begins (SDEdit, arXiv 2108.01073).
        strength: above 0 and up to 1.
        last_level: noise level of the last step.
        generator: source of the noise that a stochastic scheduler adds; None is torch's own.
        flow_map: whether the model is one, and is told the next level, too.

    Raises:
        X2VError: steps, strength or last_level out of range; a flow map with another scheduler than Euler's.
    """
    check_sampling(steps, strength, last_level)
    if flow_map:
        check_jumps(scheduler)
    given = given or Conditions()
    scheduler = deepcopy(scheduler)
    set_levels(scheduler, steps, last_level)
    skipped = steps - steps_run(steps, strength) if start is not None else 0
    scheduler.set_begin_index(skipped * scheduler.order)
    levels = [float(sigma) for sigma in scheduler.sigmas]

    draws = "generator" in inspect.signature(scheduler.step).parameters
    chance = {"generator": generator} if draws and isinstance(generator, torch.Generator) else {}

    def advance(latents: Tensor, velocity: Tensor, evaluation: int) -> Tensor:
        timestep = scheduler.timesteps[evaluation]
        after = scheduler.step(velocity, timestep, latents, return_dict=False, **chance)[0]
        return reimpose_known(after, given)

    t = levels[skipped * scheduler.order]
    latents = reimpose_known(noise if start is None else (1 - t) * start + t * noise, given)
    for index in range(steps - skipped):
        evaluation = (skipped + index) * scheduler.order
        t, next_t = levels[evaluation], levels[evaluation + 1]
        predicted = model(latents, t, next_t) if flow_map else model(latents, t)
        velocity, velocity_cond = predicted.guided, predicted.conditional
        after = advance(latents, velocity, evaluation)
        if scheduler.order == 2 and next_t > 0:  # Heun evaluates again where it landed
            after = advance(after, model(after, next_t).guided, evaluation + 1)
        pred_x0, pred_x0_cond = (
            reimpose_known(latents - t * each, given) for each in (velocity, velocity_cond)
        )
        replacement = yield Step(
            index, t, latents, velocity, velocity_cond, pred_x0, pred_x0_cond, next_t, after
        )
        latents = after if replacement is None else replacement


def steps_run(steps: int, strength: float) -> int:
    """Steps that are really taken where a video is remade: the last `strength` share of them."""
    check_sampling(steps, strength)
    return max(1, round(steps * strength))


def set_levels(scheduler: Any, steps: int, last_level: float = SamplingDefaults.last_level) -> None:
    """Noise levels from 1 to `last_level`, then 0: evenly spaced before the scheduler's own shift bends
    them. A scheduler that takes no levels keeps to its own.
    """
    shift = scheduler.config.get("shift") or scheduler.config.get("flow_shift") or 1.0
    last = last_level / (shift - (shift - 1) * last_level)  # which the shift turns into last_level
    if "sigmas" in inspect.signature(scheduler.set_timesteps).parameters:
        scheduler.set_timesteps(steps, sigmas=np.linspace(1.0, last, steps))
    else:
        if isinstance(scheduler, FlowMatchHeunDiscreteScheduler):  # which spaces its own between these two
            scheduler.sigma_max, scheduler.sigma_min = 1.0, last
        scheduler.set_timesteps(steps)


def check_sampling(steps: int, strength: float, last_level: float = SamplingDefaults.last_level) -> None:
    """Raise X2VError for steps, a strength or a last level out of range (see `sample`)."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise X2VError(f"steps={steps!r:.60}", "a run has a whole number of steps, 1 or more", "use 20")
    if not is_number(strength) or not 0 < strength <= 1:
        rule = "strength lies above 0 and up to 1"
        raise X2VError(f"strength={strength!r:.60}", rule, "use 0.6 to keep the layout")
    if not 0 < last_level < 1:
        raise X2VError(f"last_level={last_level}", "the last noise level lies between 0 and 1", "use 0.3")


def check_jumps(scheduler: Any) -> None:
    """Raise X2VError for a scheduler that makes more of a flow map's mean velocity than one straight step."""
    if not isinstance(scheduler, FlowMatchEulerDiscreteScheduler) or scheduler.config.stochastic_sampling:
        rule = "this model is a flow map: its one evaluation is the whole way to the next level"
        raise X2VError(f"scheduler {type(scheduler).__name__}", rule, "use euler")
