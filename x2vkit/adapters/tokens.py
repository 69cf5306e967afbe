"""Which tokens stand for what, found by trying: change one input of the model, and see which tokens move.

The forward that the pipeline just made is made again as far as needed, once for each kind of input, with that
input changed. What the change moves is of its kind; what nothing moves is filler. Nothing of the run is
touched: the inputs are copies, the noise has a generator of its own, and what the model says is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from x2vkit.adapters.calls import Call, Listener
from x2vkit.adapters.watch import by_name

AMOUNT = 0.5
"""How much inputs are changed: x becomes x (1 + AMOUNT noise), so that zeros, which are filler, stay."""
LEAST = 1e-3
"""Tokens that move by less than this part of their size do not move: rounding."""
MARGIN = 1.3
"""How much more one kind of input must move a token than any other, for it to be of that kind."""
DEAD = "dead"
"""Kind of tokens that nothing moves."""
UNSURE = "unsure"
"""Kind of tokens that several kinds of inputs move alike."""
NO_TOKENS = ("mask", "ids", "pool", "freq", "rope", "rotary", "indices", "guidance", "time", "scale", "fps")
"""Parts of the names of inputs that carry no tokens, or are added to all of them."""
LANDMARKS = 2
"""Single elements of the video input that are changed to see where their token lies."""

Signature = tuple[str, int, int, int]


def kind_of_input(name: str, named: Mapping[str, str]) -> str | None:
    """What an input of a forward carries, by its name: a kind of token, or None for all that is no tokens.

    named: names that mislead -> kinds.
    """
    words = name.lower()
    if name in named or words == "input_ids":
        return named.get(name, "text")
    if any(part in words for part in NO_TOKENS):
        return None
    if "image" in words or "clip" in words or "id_" in words:
        return "image"
    if "history" in words or "clean" in words:
        return "history"
    if "encoder" in words or "text" in words or "prompt" in words or "caption" in words:
        return "text"
    if "audio" in words or "sound" in words:
        return "audio"
    return "video" if "hidden" in words or words in ("sample", "x", "latents", "vision_tokens") else None


@dataclass(frozen=True)
class Landmark:
    """One element of the video input that was changed alone, and the tokens that it moved most."""

    place: int
    """Of the element, in the flat input of one batch row."""
    query: tuple[int, int] | None
    """(row of the call, of those that belong to one batch row of the model; token)"""
    key: tuple[int, int] | None


@dataclass(frozen=True)
class Kinds:
    """What the tokens of one kind of call stand for."""

    queries: tuple[tuple[str, ...], ...]
    """For each row of the model's batch, a kind for each query; DEAD and UNSURE are kinds, too."""
    keys: tuple[tuple[str, ...], ...]
    landmarks: tuple[Landmark, ...] = ()
    shape: tuple[int, ...] = ()
    """Of the video input, without its batch."""


class _Enough(Exception):
    """The probe has heard what it wants."""


@dataclass
class Baseline:
    """One head of a call as the run itself made it."""

    call: tuple[str, int]
    order: int
    query: Tensor
    """(B, Q, D)"""
    key: Tensor
    """(B, K, D)"""

    @classmethod
    def of(cls, call: Call) -> Baseline:
        return cls((call.module, call.nth), call.order, call.query[:, 0].clone(), call.key[:, 0].clone())


def inputs_by_kind(
    model: nn.Module, args: tuple, kwargs: dict[str, Any], named: Mapping[str, str]
) -> dict[str, list[str]]:
    """Kinds of token -> names of the inputs that carry them, of those that hold numbers."""
    found: dict[str, list[str]] = {}
    for name, value in by_name(model.forward, args, kwargs).items():
        kind = kind_of_input(name, named)
        if kind and (_numbers(value) or name == "input_ids"):
            found.setdefault(kind, []).append(name)
    return found


@torch.no_grad()
def probe(
    model: nn.Module,
    args: tuple,
    kwargs: dict[str, Any],
    wanted: Mapping[Signature, Baseline],
    named: Mapping[str, str],
) -> dict[Signature, Kinds]:
    """Tell the tokens of calls apart.

    wanted: what the run itself made of them, with the same inputs; named: as for `kind_of_input`.
    """
    given = by_name(model.forward, args, kwargs)
    moved: dict[str, dict[Signature, tuple[Tensor, Tensor]]] = {}
    for kind, names in inputs_by_kind(model, args, kwargs, named).items():
        fill = kind == "history"  # of a clip's first section it is nothing yet
        changed = {name: _changed(given[name], seed, fill) for seed, name in enumerate(names)}
        moved[kind] = _movements(model, args, kwargs, changed, wanted)
    video = inputs_by_kind(model, args, kwargs, named).get("video", [])[:1]
    marks = _landmarks(model, args, kwargs, given, video, wanted)
    shape = tuple(given[video[0]].shape) if video and isinstance(given[video[0]], Tensor) else (1,)
    found = {}
    for signature in wanted:
        if all(signature in each for each in moved.values()):
            pairs = {kind: moved[kind][signature] for kind in moved}
            queries, keys = (_rows({kind: pair[i] for kind, pair in pairs.items()}, shape[0]) for i in (0, 1))
            found[signature] = Kinds(queries, keys, tuple(marks.get(signature, ())), shape[1:])
    return found


def _landmarks(
    model: nn.Module,
    args: tuple,
    kwargs: dict[str, Any],
    given: dict[str, Any],
    names: list[str],
    wanted: Mapping[Signature, Baseline],
) -> dict[Signature, list[Landmark]]:
    """Change single elements of the video input of the last batch row: the keys that move most."""
    marks: dict[Signature, list[Landmark]] = {}
    if not names or not isinstance(given[names[0]], Tensor):
        return marks
    x = given[names[0]]
    for place in torch.randint(x[-1].numel(), (LANDMARKS,), generator=_seeded(1)).tolist():
        one = x.clone(memory_format=torch.contiguous_format)
        one[-1].view(-1)[place] += 4 * x.std()
        moved = _movements(model, args, kwargs, {names[0]: one}, wanted)
        for signature, sides in moved.items():
            found = [_most(side, len(x)) for side in sides]
            marks.setdefault(signature, []).append(Landmark(place, *found))
    return marks


def _movements(
    model: nn.Module,
    args: tuple,
    kwargs: dict[str, Any],
    changed: dict[str, Any],
    wanted: Mapping[Signature, Baseline],
) -> dict[Signature, tuple[Tensor, Tensor]]:
    """How far each query and key moves, relative to its size, with some inputs changed -> (B, Q), (B, K)."""
    heard: dict[Signature, tuple[Tensor, Tensor]] = {}
    left = {one.call: signature for signature, one in wanted.items()}

    def hear(call: Call) -> None:
        signature = left.pop((call.module, call.nth), None)
        if signature is not None and call.signature == signature:
            before = wanted[signature]
            pair = _moved(before.query, call.query[:, 0]), _moved(before.key, call.key[:, 0])
            heard[signature] = pair
        if not left:
            raise _Enough

    listener = Listener(hear)
    names = list(by_name(model.forward, args, kwargs))[: len(args)]
    again = tuple(changed.get(name, value) for name, value in zip(names, args, strict=False))
    with listener.hook(model), listener:
        listener.start()
        try:
            model(*again, **kwargs | {name: x for name, x in changed.items() if name not in names})
        except _Enough:
            pass
    return heard


def _most(moved: Tensor, batch: int) -> tuple[int, int] | None:
    """(B, n) -> (row of the clip's own, token) that moved most; None where nothing did."""
    if float(moved.max()) <= LEAST:
        return None
    row, token = divmod(int(moved.argmax()), moved.shape[1])
    return row % max(1, len(moved) // batch), token


def _moved(before: Tensor, after: Tensor) -> Tensor:
    """(B, n, D) twice -> (B, n) on the CPU."""
    far = (after.float() - before.float()).abs().mean(2)
    return (far / (before.float().abs().mean(2) + 1e-6)).cpu()


def _rows(moved: dict[str, Tensor], batch: int) -> tuple[tuple[str, ...], ...]:
    """(B, n) for each kind -> kinds of the n tokens of each row of the model's batch."""
    rows = len(next(iter(moved.values())))
    each = max(1, rows // batch)
    parts = range(0, rows, each)
    return tuple(_kinds({kind: x[i : i + each].amax(0) for kind, x in moved.items()}) for i in parts)


def _kinds(moved: dict[str, Tensor]) -> tuple[str, ...]:
    """The kind whose inputs move each token most."""
    names = list(moved)
    table = torch.stack([moved[name] for name in names])  # (kinds, n)
    best = table.sort(0, descending=True)
    kinds = []
    for i in range(table.shape[1]):
        most, second = float(best.values[0, i]), float(best.values[1, i]) if len(names) > 1 else 0.0
        sure = most > MARGIN * second
        kinds.append(DEAD if most <= LEAST else names[int(best.indices[0, i])] if sure else UNSURE)
    return tuple(kinds)


def _numbers(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_numbers(one) for one in value)
    return isinstance(value, Tensor) and value.is_floating_point() and value.ndim > 1


def _changed(value: Any, seed: int, fill: bool = False) -> Any:
    """The same with its numbers changed, as deep as they lie. fill: zeros, too."""
    if isinstance(value, (list, tuple)):
        return type(value)(_changed(one, seed + i, fill) for i, one in enumerate(value))
    if isinstance(value, Tensor) and not value.is_floating_point():
        known = value.unique()  # each id becomes the next of those that there are
        return known[(torch.searchsorted(known, value) + 1) % len(known)]
    if not _numbers(value):
        return value
    noise = torch.randn(value.shape, generator=_seeded(seed)).to(value)
    return value + AMOUNT * noise if fill else value * (1 + AMOUNT * noise)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)
