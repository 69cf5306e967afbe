"""What a trace of a foreign pipeline will take, before the run, and what would fit where that is too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from x2vkit.adapters.watch import denoisers
from x2vkit.run.capture import NOTHING, AttentionCapture

HEADS, STEPS = 2, 4
"""Heads of the middle block, and steps evenly over the run, that are kept unless something else is said."""
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
        found += [f"{name}.{i}" for i, block in parts if any(attends(one) for one in block.modules())]
        if not isinstance(part, nn.ModuleList) and name == "mid_block":
            found.append(name)
    return found


def attends(module: nn.Module) -> bool:
    """Whether a module is attention, by its class's name."""
    name = type(module).__name__.lower()
    return "attn" in name or "attention" in name


def heads_of(model: Any) -> int:
    """Heads of a model's attention, by its config."""
    for name in ("num_attention_heads", "attention_head_dim", "num_heads"):
        value = model.config.get(name)
        if isinstance(value, int):
            return value
        if isinstance(value, (tuple, list)) and value:
            return min(value)
    return 1


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
