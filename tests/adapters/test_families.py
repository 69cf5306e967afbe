"""A row a family: what its record says against what the pipeline did, seen by the tests' own spies.

A heads    D channels of a head    L tokens of the sequence
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from tests.adapters import families, families_joint, families_more, families_split
from tests.adapters.parts import Case
from x2vkit.adapters.diffusers import attach
from x2vkit.adapters.memory import predicted_bytes, resolve
from x2vkit.adapters.sizes import expected_latents
from x2vkit.adapters.watch import by_name
from x2vkit.run.capture import AttentionCapture
from x2vkit.trace import Trace

FAMILIES = families.FAMILIES | families_split.FAMILIES | families_joint.FAMILIES | families_more.FAMILIES
NEAR = {"rtol": 0.03, "atol": 0.03}


class Attention(TorchFunctionMode):
    """Keeps what every call of attention was given and gave."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[dict[str, torch.Tensor]] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention:
            named = dict(zip(("query", "key", "value"), args, strict=False)) | (kwargs or {})
            copies = {name: named[name].detach().clone() for name in ("query", "key", "value")}
            self.calls.append(copies | {"output": result.detach().clone()})
        return result


@dataclass
class Steps:
    """Keeps what the scheduler was given and gave, by a patch of its class's `step`."""

    x0_of: str
    given: list[dict[str, Any]] = field(default_factory=list)

    def patch(self, patcher: pytest.MonkeyPatch, scheduler: Any) -> None:
        original = type(scheduler).step

        def step(this, *args, **kwargs):
            named = inspect.signature(original).bind(this, *args, **kwargs).arguments
            copies = {name: value.clone() for name, value in named.items() if isinstance(value, torch.Tensor)}
            result = original(this, *args, **kwargs)
            after = result[0] if isinstance(result, tuple) else result.prev_sample
            levels = getattr(this, "sigmas", None)
            copies |= {"scheduler": this, "timestep": named["timestep"], "next": after.clone()}
            copies["sigma"] = None if levels is None else levels[this.step_index - 1]
            self.given.append(copies)
            return result

        step.__signature__ = inspect.signature(original)  # pipelines ask it what it takes
        patcher.setattr(type(scheduler), "step", step)

    def x0(self, one: dict[str, Any]) -> torch.Tensor:
        """By the textbook, of what this model is known to predict."""
        x, out, sigma = one["sample"].float(), one["model_output"].float(), one["sigma"]
        if self.x0_of in ("v", "epsilon"):
            alpha = one["scheduler"].alphas_cumprod[int(one["timestep"])]
            a, s = alpha**0.5, (1 - alpha) ** 0.5
            return a * x - s * out if self.x0_of == "v" else (x - s * out) / a
        if self.x0_of == "edm":  # v of a noisy sample x = video + sigma noise
            return x / (sigma**2 + 1) - sigma / (sigma**2 + 1) ** 0.5 * out
        if self.x0_of == "opposite":  # each token has its level, and the scheduler the opposite of a velocity
            return x + one["per_token_timesteps"][..., None] / 1000 * out
        return x + (1 - sigma) * out if self.x0_of == "rising" else x - sigma * out


@dataclass
class Seen:
    """A family's run: alone, recorded, with another prompt, with another seed."""

    case: Case
    alone: Any
    recorded: Any
    trace: Trace
    reworded: Trace
    reseeded: Trace
    steps: Steps
    attention: list[dict[str, torch.Tensor]]
    state: tuple[Any, Any]


def state(pipe: Any) -> dict[str, Any]:
    """What an onlooker could leave behind: classes, attributes, hooks."""
    parts = {name: part for name, part in pipe.components.items() if part is not None}
    modules = [m for part in parts.values() if isinstance(part, torch.nn.Module) for m in part.modules()]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in modules]
    plain = (int, float, str, bool, type(None))
    return {
        "pipeline": (type(pipe), sorted(vars(pipe))),
        "classes": {name: type(part) for name, part in parts.items()},
        "attributes": {
            name: sorted(vars(part)) for name, part in parts.items() if isinstance(part, torch.nn.Module)
        },
        "values": {name: value for name, value in vars(pipe).items() if isinstance(value, plain)},
        "hooks": hooks,
    }


@pytest.fixture(scope="module", params=FAMILIES)
def seen(request) -> Seen:
    threads = torch.get_num_threads()
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)  # tiny models: threads would only wait for each other
    request.addfinalizer(lambda: torch.set_grad_enabled(True))
    request.addfinalizer(lambda: torch.set_num_threads(threads))
    case = FAMILIES[request.param]()
    alone = case.run()
    steps, listener, before = Steps(case.x0), Attention(), state(case.pipe)
    with pytest.MonkeyPatch.context() as patcher:
        steps.patch(patcher, case.pipe.scheduler)
        with listener, attach(case.pipe, AttentionCapture()) as recording:
            recorded = case.run()
    after, trace = state(case.pipe), recording.trace
    first = AttentionCapture(steps=[0])
    with attach(case.pipe, first) as recording:
        case.run(**case.other, **case.short)
        reworded = recording.trace
        case.run(seed=1, **case.short)
        reseeded = recording.trace
    return Seen(case, alone, recorded, trace, reworded, reseeded, steps, listener.calls, (before, after))


def clip(result: Any) -> np.ndarray:
    return np.asarray(result.video if hasattr(result, "video") else result.frames)


def test_the_clip_is_the_one_that_the_pipeline_makes_alone(seen):
    assert np.array_equal(clip(seen.recorded), clip(seen.alone))
    frames = clip(seen.alone)
    frames = frames[0] if frames.ndim == 5 else frames
    assert np.abs(seen.trace.frames - 255.0 * frames[: len(seen.trace.frames)]).max() <= 1


def test_the_pipeline_is_left_as_it_was(seen):
    before, after = seen.state
    assert before == after


def test_x0_and_samples_are_those_of_the_scheduler(seen):
    """In whatever layout: the numbers of each step are the scheduler's, sorted."""
    trace, steps = seen.trace, seen.steps.given
    steps = [one for one in steps if one["sample"].shape == steps[0]["sample"].shape]  # not those of sound
    assert trace.steps == len({id(one["sample"]) for one in steps[: trace.steps]})
    for i in range(trace.steps):
        for mine, theirs in (
            (trace.latents[i], steps[i]["sample"]),
            (trace.latents[i + 1], steps[i]["next"]),
            (trace.pred_x0[i], seen.steps.x0(steps[i])),
        ):
            assert holds(theirs[0].float().numpy().ravel(), mine.astype(np.float32).ravel())


def holds(whole: np.ndarray, part: np.ndarray) -> bool:
    """Whether all numbers of `part` are among those of `whole`, to float16."""
    whole = np.sort(whole)
    at = np.searchsorted(whole, part).clip(1, len(whole) - 1)
    nearest = np.minimum(np.abs(whole[at] - part), np.abs(whole[at - 1] - part))
    return bool((nearest <= 2e-3 * (1 + np.abs(part))).all())


def test_noise_falls(seen):
    t = seen.trace.t
    assert t[0] > 0.85 and t[-1] == 0 and (np.diff(t) < 0).all()


def test_guidance_is_taken_apart(seen):
    trace = seen.trace
    assert (trace.pred_x0_cond is not None) == seen.case.conditional
    assert ("guidance" not in {one["what"] for one in trace.coverage["unseen"]}) == seen.case.conditional
    if seen.case.conditional:
        assert not np.array_equal(trace.pred_x0_cond, trace.pred_x0)


def test_tokens_are_told_apart(seen):
    trace, case = seen.trace, seen.case
    assert trace.geometry.token_kinds == case.kinds
    reads = {(layer.queries, layer.keys, layer.within) for layer in trace.layers}
    assert reads == set(case.reads)


def test_text_moves_with_the_prompt_and_video_with_the_noise(seen):
    """Of the first layer that reads each kind: the probe's own answer, found by another experiment."""
    trace, geometry = seen.trace, seen.trace.geometry
    told = set()
    for layer, reads in enumerate(trace.layers):
        keys = [one.keys.get((0, layer)) for one in (trace, seen.reworded, seen.reseeded)]
        places = reads.places("keys", geometry)
        for kind in {"text", "video"} - told:
            mine = np.isin(places, geometry.span(kind))
            if not mine.any() or any(one is None for one in keys) or keys[0].shape != keys[1].shape:
                continue
            told.add(kind)
            by_words, by_noise = (
                np.abs(keys[0][:, mine].astype(float) - other[:, mine]).mean((0, 2)) for other in keys[1:]
            )
            if kind == "text":
                assert (by_words > 1e-3).sum() >= 0.6 * mine.sum() and by_noise.max() < 2e-3
            else:
                assert by_noise.min() > 1e-3
                assert seen.case.pooled or by_words.max() < 2e-3
    assert told == {kind for kind, _ in geometry.token_kinds if kind in ("text", "video")} - unread(trace)


def unread(trace: Trace) -> set[str]:
    """Kinds that no layer of a trace has keys of."""
    kept = {kind for layer in trace.layers for kind in layer.keys}
    return {"text", "video"} - kept


def test_attention_times_values_is_the_output(seen):
    """Rows of the trace, over the values of the call that had its keys, give what the call gave."""
    trace = seen.trace
    checked = 0
    for (step, layer), queries in list(trace.queries.items())[:12]:
        keys = trace.keys[step, layer]
        calls = [of_heads(x, trace.heads) for x in seen.attention]
        call = next(x for x in calls if made_of(x["query"], queries) and made_of(x["key"], keys))
        flat = {name: flattened(call[name]) for name in call}
        reads, geometry = trace.reads(layer), trace.geometry
        where = [at(flat["key"], key) for key in keys.swapaxes(0, 1)]
        for place in np.linspace(0, queries.shape[1] - 1, 3).astype(int):
            token = reads.places("queries", geometry)[place]
            row = trace.attention(step, layer, int(token))[:, reads.places("keys", geometry)]  # (A, keys)
            asks = np.flatnonzero(far(flat["query"], queries[:, place]) < 1e-2)  # two rows may ask alike
            answers = np.stack([flat["value"][i] for i in where], 1)  # (A, keys, D)
            assert np.allclose(row.sum(1), 1, atol=1e-5)
            given = np.einsum("ak,akd->ad", row, answers)
            assert any(np.allclose(given, flat["output"][i], **NEAR) for i in asks)
            checked += 1
    assert checked or not trace.layers


def of_heads(call: dict[str, torch.Tensor], heads: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Some heads of a call; keys and values may come in fewer."""
    count = call["query"].shape[1]
    if count <= max(heads):
        return call
    spread = {name: x.repeat_interleave(count // x.shape[1], 1) for name, x in call.items()}
    return {name: x[:, list(heads)] for name, x in spread.items()}


def flattened(x: torch.Tensor) -> np.ndarray:
    """(B, A, n, D) -> (B n, A, D)"""
    return x.float().transpose(1, 2).flatten(0, 1).numpy()


def made_of(x: torch.Tensor, kept: np.ndarray) -> bool:
    """Whether the first and last kept tokens (A, n, D) are among those of a call."""
    if x.shape[1] != kept.shape[0] or x.shape[3] != kept.shape[2]:
        return False
    return all(far(flattened(x), kept[:, i]).min() < 1e-2 for i in (0, -1))


def far(rows: np.ndarray, one: np.ndarray) -> np.ndarray:
    return np.abs(rows - one.astype(np.float32)).max((1, 2))


def at(rows: np.ndarray, one: np.ndarray) -> int:
    return int(far(rows, one).argmin())


def test_coverage_confesses(seen):
    coverage = seen.trace.coverage
    assert coverage["pipeline"] == type(seen.case.pipe).__name__ and coverage["support"] == "verified"
    filler = {"padding"} if "padding" in dict(seen.case.kinds) else set()
    assert {one["what"] for one in coverage["unseen"]} == set(seen.case.unseen) | filler


def test_word_maps_are_means_of_rows(seen):
    trace, text, video = seen.trace, seen.trace.geometry.span("text"), seen.trace.geometry.span("video")
    sites = [
        site
        for site in trace.captured
        if "text" in trace.reads(site[1]).keys and "video" in trace.reads(site[1]).queries
    ]
    assert ("cross" in trace.maps) == bool(sites)
    for token in (0, len(video) // 2) if sites else ():
        rows = [trace.attention(*site, video.start + token)[:, text].mean(0) for site in sites]
        mapped = trace.maps["cross"][0].reshape(len(text), -1)[:, token]
        assert np.allclose(mapped, np.mean(rows, 0), atol=1e-3)


def test_the_size_was_predicted(seen):
    """At most what was said beforehand, and within a small factor of it (attention modules differ)."""
    case = seen.case
    call = by_name(case.pipe.__call__, (), case.call)
    predicted = predicted_bytes(case.pipe, resolve(case.pipe, AttentionCapture(), call, 10**12)[0], call)
    assert seen.trace.nbytes <= 1.05 * predicted or not expected_latents(case.pipe, call)[1]
    assert predicted < 25 * seen.trace.nbytes


def test_the_trace_survives_a_file(seen, tmp_path):
    back = Trace.load(seen.trace.save(tmp_path / "foreign.x2v", compact=True))
    assert back.layers == seen.trace.layers and dict(back.coverage) == dict(seen.trace.coverage)
    assert back.preview(0).shape == seen.trace.frames.shape
