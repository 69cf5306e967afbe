"""What a trace of a foreign pipeline will take, before the run, and what would fit where that is too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from torch import nn

from x2vkit.adapters.calls import attends, within
from x2vkit.adapters.grid import patches
from x2vkit.adapters.sizes import expected_latents, spatial_stride, temporal_stride
from x2vkit.adapters.watch import denoisers
from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.run.capture import NOTHING, AttentionCapture

HEADS, STEPS = 2, 4
"""Heads of the middle block, and steps evenly over the run, that are kept unless something else is said."""
HEADS_NAMED = ("heads", "num_heads", "num_attention_heads", "n_heads")
"""How modules and configs call their number of heads."""
BUDGET_BYTES = 2_000_000_000
"""What a trace of a foreign pipeline may take, unless the caller says otherwise: 50 steps of 81 frames of 480
x 832 are 0.7 GB of latents alone.
"""
USUAL_WORDS, USUAL_HEAD = 512, 128
"""Text tokens of a call, and channels of a head, where nothing says how many there are."""
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
    model = _denoiser(pipe)
    if model is None:
        rule = "it has no transformer or unet, whose denoising could be watched"
        raise X2VError(type(pipe).__name__, rule, "record a pipeline that denoises latents")
    blocks, steps, heads = blocks_of(model), steps_of(call), heads_of(model)
    if attention is SOME:
        attention = _some(steps, len(blocks), heads)
    keep = (attention or NOTHING).resolve(steps, len(blocks), heads)
    if (needed := predicted_bytes(pipe, keep, call)) > budget:
        raise _too_large(pipe, keep, call, needed, budget)
    return keep, blocks


def _denoiser(pipe: Any) -> Any:
    """The first model that denoises, out of what torch.compile wraps around it; None where there is none."""
    model = next(iter(denoisers(pipe).values()), None)
    return getattr(model, "_orig_mod", model)


def steps_of(call: Mapping[str, Any]) -> int:
    """Steps that a call takes, as far as its arguments say."""
    asked = call.get("num_inference_steps")
    return asked if isinstance(asked, int) else USUAL_STEPS


def predicted_bytes(pipe: Any, keep: AttentionCapture, call: Mapping[str, Any]) -> int:
    """Bytes of all arrays in the trace of a call, at most, from configs and arguments alone.

    Each attention module of a block counts as if it read all tokens, cross attention as if it read the words.
    """
    model: Any = _denoiser(pipe)
    channels, f, h, w = expected_latents(pipe, call)
    patch = next(iter(patches(model.config)))
    tokens = prod(Geometry(patch=patch).patch_grid(f, h, w))
    long, side = temporal_stride(pipe) or 1, spatial_stride(pipe) or 1
    steps = steps_of(call)
    latents = (3 * steps + 1) * channels * (f + 1) * h * w
    linear = long * side**2 * 3 * (channels + 1)
    kept = len(keep.steps or ()) * len(keep.heads or ()) * sum(_rows(model, keep, tokens, words_of(call)))
    return 2 * (latents + linear + kept) + f * long * h * w * side**2 * 3 + 4 * (steps + 1)


def words_of(call: Mapping[str, Any]) -> int:
    """Most text tokens of a call."""
    given = [x.shape[1] for name, x in call.items() if "embeds" in name and getattr(x, "ndim", 0) > 2]
    longest = call.get("max_sequence_length")
    return max(given or [longest if isinstance(longest, int) else USUAL_WORDS])


def _rows(model: nn.Module, keep: AttentionCapture, tokens: int, words: int) -> Iterator[int]:
    """Numbers of queries and keys of one head, of each attention module in the chosen blocks."""
    blocks, parts = blocks_of(model), dict(model.named_modules())
    chosen = [blocks[i] for i in keep.layers or ()]
    names = [name for name, part in parts.items() if attends(name, part)]
    inner = [name for name in names if not any(within(other, name) for other in names if other != name)]
    for name in inner:
        if any(within(name, block) for block in chosen):
            size = _head_size(model, parts[name])
            crossing = "cross" in name or name.endswith("attn2")
            yield size * (2 * words + tokens if crossing else 2 * (words + tokens))


def _head_size(model: Any, attention: Any) -> int:
    """Channels of one head."""
    heads = next((x for key in HEADS_NAMED if isinstance(x := getattr(attention, key, None), int)), 0)
    linear = [part.out_features for part in attention.modules() if isinstance(part, nn.Linear)]
    if heads and linear:
        return linear[0] // heads
    stated = model.config.get("attention_head_dim")
    return stated if isinstance(stated, int) else USUAL_HEAD


def _some(steps: int, blocks: int, heads: int) -> AttentionCapture:
    """HEADS heads of the middle block, at STEPS steps."""
    evenly = {round(i * (steps - 1) / (STEPS - 1)) for i in range(STEPS)}
    return AttentionCapture(sorted(evenly), [blocks // 2] if blocks else (), range(min(HEADS, heads)))


def _too_large(
    pipe: Any, keep: AttentionCapture, call: Mapping[str, Any], needed: int, budget: int
) -> X2VError:
    """The refusal, with the largest of some smaller choices that fits."""
    rule = f"the budget is {budget / 1e6:.1f} MB"
    got = f"a trace of {needed / 1e6:.1f} MB"
    for smaller in _smaller(keep):
        size = predicted_bytes(pipe, smaller, call)
        if size <= budget:
            lists = ", ".join(f"{name}={list(value)}" for name, value in vars(smaller).items())
            choice = f"attention=x2vkit.AttentionCapture({lists})" if smaller.layers else "attention=None"
            cure = f"use {choice}, {size / 1e6:.1f} MB, or pass budget_bytes={needed}"
            return X2VError(got, rule, cure)
    return X2VError(got, rule, f"make a smaller or shorter clip, or pass budget_bytes={needed}")


def _smaller(keep: AttentionCapture) -> Iterator[AttentionCapture]:
    """Fewer heads, then fewer steps, then fewer layers, then none."""
    steps, layers, heads = (tuple(getattr(keep, name) or ()) for name in ("steps", "layers", "heads"))
    for few in (HEADS, 1):
        yield AttentionCapture(steps, layers, heads[:few])
    for count in (STEPS, 1):
        evenly = tuple(steps[round(i * (len(steps) - 1) / max(1, count - 1))] for i in range(count) if steps)
        evenly = tuple(sorted(set(evenly)))
        yield AttentionCapture(evenly, layers, heads[:HEADS])
        yield AttentionCapture(evenly, layers[len(layers) // 2 :][:1], heads[:HEADS])
        yield AttentionCapture(evenly, layers[len(layers) // 2 :][:1], heads[:1])
    yield AttentionCapture((), (), ())
