"""One denoising step, read where the pipeline hands it to its scheduler.

    x sample before the step    o what the model predicted, guided    s noise level

Models predict velocity, noise or the video, with time running either way. Only the scheduler knows which, so
nothing here asks the model: x0 is what the scheduler itself took the clip to be, or one jump of the
scheduler's own step from this level to its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 2e-2
"""How far a formula may lie from what the scheduler did, relative to the size of the numbers: bfloat16's."""

SOME = 100_000
"""Numbers of a tensor that are compared where all would cost time."""


@dataclass(frozen=True)
class StepReading:
    """One call of a scheduler's `step`, in the layout of the pipeline's own latents."""

    t: float
    """Noise level before the step, from 1 (noise) to 0 (video)."""
    next_t: float
    """Noise level after it."""
    sample: Tensor
    """The noisy latents x."""
    output: Tensor
    """What the scheduler was handed as the model's prediction o."""
    next_sample: Tensor
    """What the scheduler made of them."""
    pred_x0: Tensor | None
    """What the step takes the finished latents to be; None where the scheduler does not say."""
    slope: tuple[float, float | Tensor] | None
    """(a, b) with pred_x0 = a x + b o, None where it is not so: with it, x0 of any other prediction. b may
    differ by token.
    """

    def x0_of(self, output: Tensor) -> Tensor | None:
        """What another prediction of the same step takes the finished latents to be."""
        if self.slope is None or output.shape != self.sample.shape:
            return None
        return self.slope[0] * self.sample.float() + self.slope[1] * output.float()


def read_step(scheduler: Any, given: dict[str, Any], result: Any) -> StepReading:
    """Read a finished call of `step`. given: its arguments by name, with the sample as it was before."""
    sample, output = given["sample"], given["model_output"]
    parts = result if isinstance(result, tuple) else (result.prev_sample,)
    t, next_t = _levels(scheduler, given)
    x0 = _own_x0(scheduler, result, sample)
    slope = None if x0 is None else fit(x0, sample, output)
    if x0 is None and (jump := _jump(scheduler, given, parts[0])) is not None:
        x0 = sample.float() + jump * output.float()
        slope = (1.0, jump)
    return StepReading(t, next_t, sample, output, parts[0], x0, slope)


def fit(target: Tensor, first: Tensor, second: Tensor) -> tuple[float, float] | None:
    """(a, b) with target = a first + b second, or None where no such numbers are near."""
    rows = torch.stack([some(first), some(second)], 1)  # (n, 2)
    goal = some(target)
    normal = rows.T @ rows + 1e-12 * torch.eye(2, dtype=rows.dtype, device=rows.device)
    found = torch.linalg.solve(normal, rows.T @ goal)
    if close(rows @ found, goal):
        return float(found[0]), float(found[1])
    return None


def close(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal to rounding."""
    one, other = some(one), some(other)
    return bool((one - other).abs().mean() <= TOLERANCE * other.abs().mean() + 1e-6)


def some(x: Tensor) -> Tensor:
    """Up to SOME numbers of a tensor, evenly spread, as float64 on the CPU."""
    flat = x.detach().flatten()
    return flat[:: max(1, len(flat) // SOME)].double().cpu()


def _own_x0(scheduler: Any, result: Any, sample: Tensor) -> Tensor | None:
    """The x0 that the scheduler computed itself, where it gives or keeps it."""
    given = getattr(result, "pred_original_sample", None)
    if isinstance(result, tuple) and len(result) > 1:
        given = result[1]
    if given is None and _keeps_x0(scheduler):
        given = scheduler.model_outputs[-1]
    right = isinstance(given, Tensor) and given.shape == sample.shape
    return given if right else None


def _keeps_x0(scheduler: Any) -> bool:
    """Whether the scheduler's list of earlier outputs holds x0: multistep solvers that work on it."""
    if not getattr(scheduler, "model_outputs", None):
        return False
    algorithm = str(getattr(scheduler.config, "algorithm_type", ""))
    return bool(getattr(scheduler, "predict_x0", False)) or "++" in algorithm


def _jump(scheduler: Any, given: dict[str, Any], after: Tensor) -> Tensor | None:
    """s_last - s of an Euler step, which x + (s_last - s) o takes to the end; None where it was none.

    The step itself is the witness: it must be x + (s_next - s) o. Levels may rise or fall, and may differ by
    token, where the scheduler counts backwards.
    """
    sample, output = given["sample"].float(), given["model_output"].float()
    tokens, index = given.get("per_token_timesteps"), _index(scheduler)
    if tokens is not None:
        level = tokens.float()[..., None] / scheduler.config.num_train_timesteps
        lower = scheduler.sigmas.to(level)[:, None, None, None]
        reached = (lower * (lower < level[None] - 1e-6)).amax(0)
        return level if close(after.float(), sample + (level - reached) * output) else None
    if index is None:
        return None
    sigmas = scheduler.sigmas.to(sample)
    here, there = sigmas[index], sigmas[index + 1]
    return sigmas[-1] - here if close(after.float(), sample + (there - here) * output) else None


def _index(scheduler: Any) -> int | None:
    """Which step was just made, from 0, where the scheduler counts."""
    index = getattr(scheduler, "step_index", None)
    sigmas = getattr(scheduler, "sigmas", None)
    return index - 1 if index and sigmas is not None and index < len(sigmas) else None


def _levels(scheduler: Any, given: dict[str, Any]) -> tuple[float, float]:
    """Noise levels before and after a step, as the part of the standard deviation that is noise."""
    index = _index(scheduler)
    if index is not None:
        here, there, last = (float(scheduler.sigmas[i]) for i in (index, index + 1, -1))
        if is_flow(scheduler):
            return min(abs(here - last), 1.0), min(abs(there - last), 1.0)
        return here / (1 + here**2) ** 0.5, there / (1 + there**2) ** 0.5
    alphas = getattr(scheduler, "alphas_cumprod", None)
    timestep = float(torch.as_tensor(given["timestep"]).flatten()[0])
    if alphas is None:
        return min(max(timestep / scheduler.config.get("num_train_timesteps", 1000), 0.0), 1.0), 0.0
    later = [float(t) for t in scheduler.timesteps if float(t) < timestep]
    levels = [max(0.0, 1 - float(alphas[int(t)])) ** 0.5 for t in (timestep, *later[:1])]
    return levels[0], (levels[1] if later else 0.0)


def is_flow(scheduler: Any) -> bool:
    """Whether levels are a flow's, where the noisy sample is (1 - s) video + s noise."""
    config = scheduler.config
    named = "Flow" in type(scheduler).__name__ or config.get("prediction_type") == "flow_prediction"
    return named or bool(config.get("use_flow_sigmas"))
