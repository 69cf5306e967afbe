"""What is said of runs side by side: what sets them apart, what they share, whose noise is the same.

Knows nothing about pictures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.trace import Trace
from x2vkit.trace.samples import names
from x2vkit.views.base import TraceLike, as_trace
from x2vkit.views.buffer import Array

MOST_RUNS = 6
SAME_NOISE = 0.02
"""Noise is the same when it differs by less than this share of its largest value: files may keep 8 bits."""


def traces_of(given: Sequence[TraceLike] | None) -> list[Trace]:
    """The traces to compare, read where they are paths. X2VError unless there are 2 to 6."""
    if given is None:
        bundled = names()
        kin = [name for name in bundled if name.startswith("dog")]  # one prompt, and what changes it
        chosen = kin if len(kin) > 1 else list(bundled)
        from x2vkit.trace.samples import sample

        return [sample(name) for name in chosen[:4]]
    if isinstance(given, (Trace, str, os.PathLike)) or not isinstance(given, Sequence):
        rule = "Compare shows several runs side by side"
        raise X2VError(f"one {type(given).__name__}", rule, "pass a list: Compare([first, second])")
    if not 2 <= len(given) <= MOST_RUNS:
        rule = f"Compare shows 2 to {MOST_RUNS} runs"
        raise X2VError(f"{len(given)} runs", rule, "leave some out, or add one")
    return [as_trace(one) for one in given]


def name_of(run: int) -> str:
    """A run's letter: A, B, ..."""
    return "ABCDEF"[run]


def in_step(t: Sequence[Array]) -> tuple[Array, list[NDArray[np.intp]]]:
    """Noise levels (S_i + 1,) of each run -> (the common levels (S,), each run's nearest own steps (S,)).

    The run with the most steps gives the levels; the last entry of each t, where nothing is left to do, does
    not count.
    """
    levels = max((each[:-1] for each in t), key=len)
    return levels, [np.abs(each[:-1, None] - levels).argmin(axis=0) for each in t]


def differences(traces: Sequence[Trace]) -> list[str]:
    """Of each run, what sets it apart from the others, without the prompt: "seed 3  ·  guidance 7"."""
    fields = _fields(traces)
    told = [[said[key] for key in said if len({other[key] for other in fields}) > 1] for said in fields]
    return ["  ·  ".join(filter(None, each)) for each in told]


def shared(traces: Sequence[Trace]) -> list[str]:
    """What is the same in all runs."""
    fields = _fields(traces)
    return [text for key, text in fields[0].items() if text and len({other[key] for other in fields}) == 1]


def _fields(traces: Sequence[Trace]) -> list[dict[str, str]]:
    """What was asked of each run, every field in words, with the same keys for all; "" says nothing."""

    def say(trace: Trace) -> dict[str, str]:
        request, (F, H, W, _) = trace.request, trace.frames.shape
        avoid = request.get("negative_prompt", "")
        control, mouth = (request.get(name, 1) for name in ("control_guidance", "mouth_guidance"))
        return {
            "seed": f"seed {request['seed']}" if "seed" in request else "",
            "guidance": f"guidance {request['guidance']:g}" if "guidance" in request else "",
            "steps": f"{trace.steps} steps",
            "model": f"model {request.get('model', '?')}",
            "scheduler": str(request.get("scheduler", "")),
            "negative_prompt": f"away from “{avoid}”" if avoid else "",
            "control_guidance": f"control guidance {control:g}" if control != 1 else "",
            "mouth_guidance": f"mouth guidance {mouth:g}" if mouth != 1 else "",
            "size": f"{F} frames of {W} × {H}",
            "fps": f"{trace.fps:g} fps",
            "inputs": _inputs(trace.inputs),
        }

    said = [say(trace) for trace in traces]
    exact = [f"{each['model']}, weights {one.weights[:8]}" for each, one in zip(said, traces, strict=True)]
    if len(set(exact)) > len({each["model"] for each in said}):  # one name, other weights
        said = [each | {"model": model} for each, model in zip(said, exact, strict=True)]
    for key, nothing in (("negative_prompt", "no words to avoid"), ("inputs", "words alone")):
        if len({each[key] for each in said}) > 1:
            said = [each | {key: each[key] or nothing} for each in said]
    given = [{name: hash(array.tobytes()) for name, array in trace.inputs.items()} for trace in traces]
    if len({each["inputs"] for each in said}) == 1 and any(one != two for one, two in pairwise(given)):
        said = [each | {"inputs": f"{each['inputs']} {name_of(i)}"} for i, each in enumerate(said)]
    return said


def _inputs(inputs: Mapping[str, Array]) -> str:
    """What was given beside the words."""
    names = sorted({name.partition(".")[0] for name in inputs} - {"strength"})
    return f"with {', '.join(names)}" if names else ""


def marked_prompts(traces: Sequence[Trace]) -> list[list[tuple[str, bool]]]:
    """Each prompt's words, and whether a word is missing in one of the other prompts."""
    split = [trace.prompt.split() for trace in traces]
    everywhere = set.intersection(*(set(words) for words in split))
    return [[(word, word not in everywhere) for word in words] for words in split]


def noise_groups(traces: Sequence[Trace]) -> list[int]:
    """For each run, the first run that starts from the same noise (itself, where none does)."""

    def same(one: Array, other: Array) -> bool:
        if one.shape != other.shape:
            return False
        one, other = one.astype(np.float32), other.astype(np.float32)
        return bool(np.abs(one - other).max() <= SAME_NOISE * np.abs(one).max())

    starts = [trace.latents[0] for trace in traces]
    return [next(j for j, start in enumerate(starts) if same(start, starts[i])) for i in range(len(starts))]


def noise_sentence(traces: Sequence[Trace]) -> str:
    """Whether the runs begin from the same noise, in words."""
    groups = noise_groups(traces)
    firsts = sorted(set(groups))
    kinds = [[name_of(i) for i, group in enumerate(groups) if group == first] for first in firsts]
    if len(kinds) == 1:
        return "All runs start from the same noise: what differs comes from what was asked."
    if len({trace.latents.shape[1:] for trace in traces}) == len(traces):
        return "Their latents have other sizes: these runs cannot start from the same noise."
    if len(kinds) == len(traces):
        return "Every run starts from other noise: the clips would differ even if the same was asked."
    parts = [f"{', '.join(kind[:-1])} and {kind[-1]}" if len(kind) > 1 else kind[0] for kind in kinds]
    together = [part for part, kind in zip(parts, kinds, strict=True) if len(kind) > 1]
    alone = [part for part, kind in zip(parts, kinds, strict=True) if len(kind) == 1]
    other = f"; {', '.join(alone)} from other noise" if alone else ""
    return f"{'; '.join(f'{part} start from the same noise' for part in together)}{other}."
