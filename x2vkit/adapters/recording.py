"""A run of a foreign pipeline as it goes: steps, forwards and attention, kept until a trace is made of them.

B batch rows    A heads    Q queries    K keys    D channels of a head
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from x2vkit.adapters.base import Support
from x2vkit.adapters.calls import Call, Listener
from x2vkit.adapters.steps import StepReading, close, read_step, some
from x2vkit.adapters.tokens import Baseline, Kinds, Signature, probe
from x2vkit.run.capture import NOTHING, AttentionCapture, half

SiteName = tuple[str, int]
"""A call of attention in every forward: the module's path, and which of its calls; see `Call`."""

KNOWN: WeakKeyDictionary[nn.Module, dict[Signature, Kinds]] = WeakKeyDictionary()
"""What was found out about the tokens of a model, so that it is found out once."""


@dataclass
class Heard:
    """Queries and keys of one call of attention, of the heads that are kept."""

    forward: int
    """Which forward of the step made it."""
    site: SiteName
    signature: Signature
    query: NDArray[np.float16]
    """(B, A, Q, D)"""
    key: NDArray[np.float16]
    """(B, A, K, D)"""
    valid: NDArray[np.bool_] | None
    """(B or 1, K) keys that are read at all."""

    def rows(self, row: int, batch: int) -> Heard | None:
        """What belongs to one row of the model's batch; None where this call is of another row."""
        size = len(self.query)
        if size < batch:  # one call for each sample
            return self if self.site[1] == row else None
        each = size // batch
        part = slice(row * each, (row + 1) * each)
        valid = self.valid if self.valid is None or len(self.valid) == 1 else self.valid[part]
        return Heard(self.forward, self.site, self.signature, self.query[part], self.key[part], valid)


@dataclass
class Forward:
    """One forward of a denoising model."""

    name: str
    model: nn.Module
    args: tuple
    kwargs: dict[str, Any]
    batch: int
    calls: int = 0
    """Calls of attention that were heard."""
    output: Tensor | None = None


@dataclass
class Kept:
    """One step, as numbers."""

    t: float
    next_t: float
    stage: str
    section: int
    sample: NDArray[np.float16]
    pred_x0: NDArray[np.float16] | None
    pred_x0_cond: NDArray[np.float16] | None
    next_sample: NDArray[np.float16]
    sure: bool
    """Whether the pass with the words was found by its numbers, not by habit."""
    forwards: int
    calls: tuple[int, ...]
    """Calls of attention in each forward, -1 where nobody listened."""
    seconds: float


@dataclass
class Run:
    """One call of a pipeline; a `Watcher`."""

    pipe: Any
    keep: AttentionCapture = NOTHING
    blocks: Sequence[str] = ()
    """Paths of the denoising models' blocks, by which `keep.layers` chooses."""
    support: Support = Support("")
    call: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    steps: list[Kept] = field(default_factory=list)
    sites: dict[SiteName, Signature] = field(default_factory=dict)
    """Every call of attention that a forward with the words makes, in order."""
    valid: dict[SiteName, NDArray[np.bool_] | None] = field(default_factory=dict)
    """(K,) keys of each that are read at all; None for all."""
    batch: int = 1
    """Rows of the batch of the forwards with the words."""
    row: int = 0
    """Which of them has the words."""
    heard: dict[tuple[int, SiteName], Heard] = field(default_factory=dict)
    """(step of the run, site) -> what was kept."""
    kinds: dict[Signature, Kinds] = field(default_factory=dict)
    decodings: list[NDArray[np.float32]] = field(default_factory=list)
    """What the VAE was given."""
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    """(F, H, W, 3) what it made of each, where a clip is made in sections."""
    tokenized: list[tuple[str, Any, Any]] = field(default_factory=list)
    """(tokenizer, text, its result)"""
    listener: Listener | None = None
    not_plain: dict[str, None] = field(default_factory=dict)
    """Modules whose rows are not softmax(q k^T): causal, or biased."""
    others: int = 0
    """Steps of other latents than the first: audio."""
    clips: int = 1
    """Clips of one call."""
    compiled: bool = False
    cached: bool = False
    started: float = 0.0
    ended: float = 0.0
    over: bool = False
    stopped: bool = False
    """Whether the pipeline was told to leave out the rest of its steps."""

    @property
    def progress(self) -> str:
        """How far the denoising came: "2 of 30 steps"."""
        count = getattr(self.pipe, "_num_timesteps", None) or self.call.get("num_inference_steps")
        return f"{len(self.steps)} of {count or 'its'} steps"

    # -- what the pipeline tells

    def begins(self, call: dict[str, Any]) -> None:
        self.call, self.started = call, perf_counter()
        self._forwards: list[Forward] = []
        self._pending: list[Heard] = []
        self._fresh: dict[Signature, Baseline] = {}
        self._inside: ExitStack | None = None
        self._probing = False
        self._last = self.started
        self.listener = Listener(self._hear)

    def ends(self, result: Any) -> None:
        self.result, self.ended, self.over = result, perf_counter(), True
        self.stopped = bool(getattr(self.pipe, "_interrupt", False))

    def decoded(self, z: Tensor, result: Any) -> None:
        self.decodings.append(z.detach().float().cpu().numpy())
        made = first_tensor(result)
        if self.support.sectioned and made is not None and made.ndim == 5:
            pictures = ((made[0].float().clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
            self.pictures.append(pictures.permute(1, 2, 3, 0).numpy())

    def forward_begins(self, name: str, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if self._probing:
            return
        self.compiled |= is_compiled(model)
        self.cached |= bool(getattr(model, "is_cache_enabled", False))
        self._forwards.append(Forward(name, model, args, kwargs, _batch(args, kwargs), -1))
        if self._wants_to_listen() and self.listener is not None:
            self._inside = ExitStack()
            self._inside.enter_context(self.listener.hook(model))
            self.listener.start()
            self._inside.enter_context(self.listener)

    def forward_ends(self, name: str, model: nn.Module, output: Any) -> None:
        if self._probing:
            return
        if self._inside is not None:
            self._inside.close()
            self._forwards[-1].calls = self.listener.calls if self.listener else -1
        if output is None or not self._forwards:
            self._inside = None
            return
        forward = self._forwards[-1]
        forward.output = first_tensor(output)
        if self._inside is not None:
            self._inside = None
            self._find_kinds(forward)
        forward.args, forward.kwargs = (), {}

    def stepped(self, scheduler: Any, given: dict[str, Any], result: Any) -> None:
        if self.steps and given["sample"][:1].numel() != self.steps[-1].sample.size:
            self.others += 1
            return
        if self.steps and not self._forwards:  # a second scheduler's step of the same size
            self.others += 1
            return
        reading = read_step(scheduler, given, result)
        self.clips = len(reading.sample)
        forward, row, output = self._with_words(reading)
        index = len(self.steps)
        section = self._section(reading.t)
        for one in self._pending:
            if one.forward == forward and (mine := one.rows(row, self._forwards[forward].batch)):
                name = (one.site[0], 0 if len(one.query) < self._forwards[forward].batch else one.site[1])
                if name not in self.sites:
                    self.sites[name], self.row = one.signature, row
                    self.batch = self._forwards[forward].batch
                    self.valid[name] = None if mine.valid is None else mine.valid[0]
                if self._is_kept(one.site[0]) and self._step_of_section(section) in (self.keep.steps or ()):
                    self.heard[index, name] = mine
        cond = None if output is None else reading.x0_of(output)
        now = perf_counter()
        self.steps.append(
            Kept(
                reading.t,
                reading.next_t,
                self._forwards[forward].name if self._forwards else "",
                section,
                _first(reading.sample),
                None if reading.pred_x0 is None else _first(reading.pred_x0),
                None if cond is None else _first(cond),
                _first(reading.next_sample),
                output is not None,
                len(self._forwards),
                tuple(one.calls for one in self._forwards),
                now - self._last,
            )
        )
        self._last = now
        self._forwards, self._pending = [], []

    def tokenized_text(self, name: str, text: Any, result: Any) -> None:
        self.tokenized.append((name, text, result))

    # -- attention

    def _wants_to_listen(self) -> bool:
        """At every step that is kept, and at the first, to know the model; at all steps under a cache."""
        if self.compiled:
            return False
        return not self.steps or self.cached or self._step_now() in (self.keep.steps or ())

    def _step_now(self) -> int:
        """The step of its section that a forward belongs to."""
        if not self.steps or getattr(self.pipe.scheduler, "step_index", 1) in (None, 0):
            return 0
        return self._step_of_section(self.steps[-1].section)

    def _step_of_section(self, section: int) -> int:
        return sum(step.section == section for step in self.steps)

    def _section(self, t: float) -> int:
        """A clip made in sections starts again from noise for each."""
        if not self.steps:
            return 0
        last = self.steps[-1]
        return last.section + (t > last.t + 1e-4)

    def _is_kept(self, module: str) -> bool:
        chosen = [self.blocks[i] for i in self.keep.layers or ()]
        return any(module == block or module.startswith(block + ".") for block in chosen)

    def _hear(self, call: Call) -> None:
        if not call.plain:
            self.not_plain[call.module] = None
            return
        signature, site = call.signature, (call.module, call.nth)
        forward = self._forwards[-1]
        known = KNOWN.setdefault(forward.model, {})
        if signature in known:
            self.kinds[signature] = known[signature]
        elif signature not in self._fresh:
            self._fresh[signature] = Baseline.of(call)
        kept = self._is_kept(call.module) and self._step_now() in (self.keep.steps or ())
        heads = list(self.keep.heads or ()) if kept else []
        heads = heads if all(head < call.query.shape[1] for head in heads) else []
        valid = None if call.valid is None else call.valid.cpu().numpy()
        query, key = (half(x[:, heads]) for x in (call.query, call.key))
        self._pending.append(Heard(len(self._forwards) - 1, site, signature, query, key, valid))

    def _find_kinds(self, forward: Forward) -> None:
        """Try which tokens of calls that are new stand for what; not under a cache, which would remember."""
        fresh, self._fresh = self._fresh, {}
        if not fresh or self.cached:
            return
        self._probing = True
        try:
            named = self.support.inputs
            found = probe(forward.model, forward.args, forward.kwargs, fresh, named)
        except Exception:  # whatever a model does with changed inputs: the run is not ours to end
            found = {}
        finally:
            self._probing = False
        KNOWN.setdefault(forward.model, {}).update(found)
        self.kinds.update(found)

    def _with_words(self, reading: StepReading) -> tuple[int, int, Tensor | None]:
        """Which forward of a step, and which row of its batch, read the prompt -> with its output.

        Guidance adds a multiple of that one's output and takes a smaller one away of the others: the
        multiples that make up what the scheduler was given tell it. Where outputs are put together otherwise,
        by habit: the first of several forwards, the second row of a batch of two; the output is None.
        """
        goal = reading.output[:1]
        rows: list[tuple[int, int, Tensor]] = []
        for i, one in enumerate(self._forwards):
            for row in range(0, one.batch, max(1, len(reading.output))):
                if (part := _row(one, row, goal)) is not None:
                    rows.append((i, row, part))
        found = multiples([part for *_, part in rows], goal, reading.sample[:1]) if rows else None
        if found is not None:
            forward, row, part = rows[max(range(len(rows)), key=lambda i: abs(found[i]))]
            return forward, row, part if max(found) > 0 else -part  # some schedulers are handed the opposite
        several = len(self._forwards) > 1 or not self._forwards
        return 0, 0 if several else min(1, self._forwards[0].batch - 1), None


def _row(forward: Forward, row: int, goal: Tensor) -> Tensor | None:
    """One row of a model's output as the scheduler has it, without channels that it was not given."""
    output = forward.output
    if output is None:
        return None
    if output.ndim == goal.ndim and len(output) == forward.batch:
        part = output[row : row + 1]
        for axis in range(1, goal.ndim):
            if part.shape[axis] == 2 * goal.shape[axis]:  # learned variance beside the mean
                part = part.narrow(axis, 0, goal.shape[axis])
        return part if part.shape == goal.shape else None
    if output.numel() != forward.batch * goal.numel():
        return None
    part = output.reshape(forward.batch, *output.shape[-4:])[row] if output.ndim > 3 else output
    if goal.ndim == 3 and part.ndim == 4 and part.shape[0] == goal.shape[2]:
        part = part.flatten(1).T
    return part.reshape(goal.shape)


def multiples(parts: list[Tensor], goal: Tensor, sample: Tensor) -> list[float] | None:
    """Numbers c with goal = sum of c x part, a multiple of the sample beside them; None if there are none."""
    columns = [some(part) for part in (*parts, sample)]
    table, wanted = torch.stack(columns, 1), some(goal)  # (n, parts + 1), (n,)
    found = torch.linalg.lstsq(table, wanted[:, None], driver="gelsd").solution[:, 0]
    return found[:-1].tolist() if close(table @ found, wanted) else None


def _first(latents: Tensor) -> NDArray[np.float16]:
    """The latents of the first clip of a batch, without axes in front that hold nothing but it."""
    one = latents[0]
    while one.ndim > 4 and len(one) == 1:
        one = one[0]
    return half(one)


def _batch(args: tuple, kwargs: dict[str, Any]) -> int:
    """Rows of a forward's batch: of its first tensor."""
    given = kwargs.get("hidden_states", kwargs.get("sample", args[0] if args else None))
    first = first_tensor(given)
    return len(first) if first is not None and first.ndim else 1


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor in a model's output, or in a list."""
    value = getattr(value, "sample", value)
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value if isinstance(value, Tensor) else None


def is_compiled(model: nn.Module) -> bool:
    """Whether a model, or a part of it, runs compiled: hooks that are added now would not be called."""
    parts = model.modules()
    return any(
        getattr(part, "_compiled_call_impl", None) is not None or hasattr(part, "_orig_mod") for part in parts
    )
