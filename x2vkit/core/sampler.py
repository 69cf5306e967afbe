"""From noise to a clip: follow the velocity from noise level 1 down to 0, one yielded `Step` per level.

    B batch; C, f, h, w latent grid; S steps; t noise level in [0, 1]

A clip and its noise lie on a straight line, x_t = (1 - t) video + t noise, so the velocity dx/dt is noise -
video and sampling is the integration of an ordinary differential equation backwards in t (rectified flow,
arXiv 2209.03003). The integration itself is a diffusers flow-matching scheduler's. Cancelling is closing the
generator.

Knows nothing about text, guidance or transformers: a model is any function (latents, t) -> velocity.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, UniPCMultistepScheduler
from torch import Tensor

from x2vkit.core.conditions import Conditions, reimpose_known
from x2vkit.errors import X2VError

SHIFT = 2.0
"""Noise levels are bent towards 1 by t -> s t / (1 + (s - 1) t): layout is decided at high noise, so look
there more.
"""

LAST = 0.3
"""Noise level of the last look: from there the answer is taken as it is. What noise still hides is the finest
detail, and the decoder draws that from its surroundings better than the transformer guesses it cell by cell,
so it is trained on such latents, too (as LTX-Video leaves its last step to its decoder, HaCohen et al. 2024,
arXiv 2501.00103).
"""

SCHEDULERS: dict[str, Callable[[], Any]] = {
    "euler": lambda: FlowMatchEulerDiscreteScheduler(shift=SHIFT),
    "heun": lambda: FlowMatchHeunDiscreteScheduler(shift=SHIFT),
    "unipc": lambda: UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT, final_sigmas_type="zero"
    ),
}
"""euler: one evaluation a step; heun: two, second order; unipc: one, second order from the steps before."""


def make_scheduler(name: str) -> Any:
    """A diffusers flow-matching scheduler by name; raises X2VError for a name that is not in SCHEDULERS."""
    if name not in SCHEDULERS:
        names = ", ".join(SCHEDULERS)
        raise X2VError(f"scheduler {name!r}", f"schedulers are {names}", "use euler unless you compare them")
    return SCHEDULERS[name]()


@dataclass(frozen=True)
class Step:
    """One noise level of one run, as it was when the model had looked at it."""

    index: int
    """0 for the first step."""
    t: float
    """Noise level that the model saw."""
    latents: Tensor
    """(B, C, f, h, w) at level t: what the model saw."""
    velocity: Tensor
    """(B, C, f, h, w): what the model answered, after guidance."""
    pred_x0: Tensor
    """(B, C, f, h, w): the clip as predicted from here, latents - t * velocity."""
    next_t: float
    """Noise level after the step; 0 after the last."""
    next_latents: Tensor
    """(B, C, f, h, w) at `next_t`; after the last step this is the clip."""


def sample(
    model: Callable[[Tensor, float], Tensor],
    noise: Tensor,
    scheduler: Any,
    steps: int,
    given: Conditions | None = None,
    start: Tensor | None = None,
    strength: float = 1.0,
) -> Generator[Step, Tensor | None, None]:
    """Yield one Step per noise level; a tensor that is sent back takes the place of its `next_latents`.

    noise (B, C, f, h, w). given: frames that are put back in after every step. start, strength: begin from
    these latents, mixed with noise, at the level where the last `strength` share of the steps begins (SDEdit,
    arXiv 2108.01073). The scheduler is copied, so runs can be interleaved. Raises X2VError on steps or
    strength out of range.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise X2VError(f"steps={steps!r}", "a run has a whole number of steps, 1 or more", "use 20")
    if not 0 < strength <= 1:
        raise X2VError(
            f"strength={strength}", "strength lies above 0 and up to 1", "use 0.6 to keep the layout"
        )
    given = given or Conditions()
    scheduler = deepcopy(scheduler)
    set_levels(scheduler, steps)
    skipped = steps - max(1, round(steps * strength)) if start is not None else 0
    scheduler.set_begin_index(skipped * scheduler.order)
    levels = [float(sigma) for sigma in scheduler.sigmas]

    def advance(latents: Tensor, velocity: Tensor, evaluation: int) -> Tensor:
        timestep = scheduler.timesteps[evaluation]
        return reimpose_known(scheduler.step(velocity, timestep, latents, return_dict=False)[0], given)

    t = levels[skipped * scheduler.order]
    latents = reimpose_known(noise if start is None else (1 - t) * start + t * noise, given)
    for index in range(steps - skipped):
        evaluation = (skipped + index) * scheduler.order
        t, next_t = levels[evaluation], levels[evaluation + 1]
        velocity = model(latents, t)
        after = advance(latents, velocity, evaluation)
        if scheduler.order == 2 and next_t > 0:  # Heun looks again from where it landed
            after = advance(after, model(after, next_t), evaluation + 1)
        pred_x0 = reimpose_known(latents - t * velocity, given)
        replacement = yield Step(index, t, latents, velocity, pred_x0, next_t, after)
        latents = after if replacement is None else replacement


def set_levels(scheduler: Any, steps: int) -> None:
    """Noise levels from 1 to `LAST`, then 0: evenly spaced before the scheduler's own shift bends them."""
    shift = scheduler.config.get("shift") or scheduler.config.get("flow_shift") or 1.0
    last = LAST / (shift - (shift - 1) * LAST)  # which the shift turns into LAST
    if "sigmas" in inspect.signature(scheduler.set_timesteps).parameters:
        scheduler.set_timesteps(steps, sigmas=np.linspace(1.0, last, steps))
    else:  # the Heun scheduler takes no levels, but spaces its own between these two
        scheduler.sigma_max, scheduler.sigma_min = 1.0, last
        scheduler.set_timesteps(steps)
