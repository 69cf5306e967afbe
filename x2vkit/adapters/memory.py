"""What a trace of a foreign pipeline will take, before the run, and what would fit where that is too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from x2vkit.adapters.calls import attends, within
from x2vkit.adapters.watch import denoisers
from x2vkit.run.capture import NOTHING, AttentionCapture

HEADS, STEPS = 2, 4
"""Heads of the middle block, and steps evenly over the run, that are kept unless something else is said."""
HEADS_NAMED = ("heads", "num_heads", "num_attention_heads", "n_heads")
"""How modules and configs call their number of heads."""
USUAL_STEPS = 50
"""Steps of a call that does not say how many it takes."""
SOME = AttentionCapture((), (), ())
"""Stands for that choice, which depends on the model and the call."""


def blocks_of(model: nn.Module) -> list[str]:
    """Paths of a denoising model's blocks, by which a capture chooses: the parts of its top-level lists that
    hold attention, in the order in which the model has them.
    """
    found = []
    for name, part in model.named_children():
        parts = part.named_children() if isinstance(part, nn.ModuleList) else ()
        found += [f"{name}.{i}" for i, block in parts if any(attends(*one) for one in block.named_modules())]
        if not isinstance(part, nn.ModuleList) and name == "mid_block":
            found.append(name)
    return found


def heads_of(model: Any) -> int:
    """Heads that all attention modules of a model's blocks have, or else those of its config."""
    blocks = blocks_of(model)
    counted = []
    for name, module in model.named_modules():
        if attends(name, module) and any(within(name, block) for block in blocks):
            counted += [value for key in HEADS_NAMED if isinstance(value := getattr(module, key, None), int)]
    stated = [value for key in HEADS_NAMED if isinstance(value := model.config.get(key), int)]
    return min([*counted] or [*stated, 1][:1])


def resolve(
    pipe: Any, attention: AttentionCapture | None, call: Mapping[str, Any], budget: int
) -> tuple[AttentionCapture, list[str]]:
    """A capture spelt out for a call, and the blocks that its layers are.

    Raises:
        X2VError: a step, layer or head is not there, or the trace would be above the budget.
    """
    model = next(iter(denoisers(pipe).values()))
    blocks, asked, heads = blocks_of(model), call.get("num_inference_steps"), heads_of(model)
    steps = asked if isinstance(asked, int) else USUAL_STEPS
    if attention is SOME:
        evenly = {round(i * (steps - 1) / (STEPS - 1)) for i in range(STEPS)}
        attention = AttentionCapture(
            sorted(evenly), [len(blocks) // 2] if blocks else (), range(min(HEADS, heads))
        )
    keep = (attention or NOTHING).resolve(steps, len(blocks), heads)
    return keep, blocks
