"""Any diffusers video pipeline, recorded: `record` calls it, `attach` looks on while someone else does.

trace = x2vkit.record("a cat", pipeline=pipe, attention=x2vkit.AttentionCapture(layers=[8], heads=[0, 1]))
with x2vkit.attach(pipe) as recording:
pipe("a cat", num_inference_steps=30)
recording.trace
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from x2vkit.adapters.asking import check_steps
from x2vkit.adapters.base import Support
from x2vkit.adapters.build import traces_of
from x2vkit.adapters.memory import BUDGET_BYTES, SOME, resolve
from x2vkit.adapters.recording import Kept, Run
from x2vkit.adapters.registry import support_of
from x2vkit.adapters.watch import watching
from x2vkit.errors import X2VError
from x2vkit.run.capture import AttentionCapture
from x2vkit.trace import Trace

OnStep = Callable[[Kept, Mapping[str, Any]], object]
"""Told of a step as numbers, and of the arguments of the call that it belongs to."""


class Recording:
    """What `attach` keeps of the calls of a pipeline; a `Watcher`.

    What goes wrong with the record is told when a trace is asked for: the pipeline's call goes on.
    """

    def __init__(
        self,
        pipe: Any,
        attention: AttentionCapture | None,
        budget_bytes: int,
        on_step: OnStep | None = None,
    ) -> None:
        _check(pipe, attention, budget_bytes)
        self._on_step = on_step
        self._pipe, self._attention, self._budget = pipe, attention, budget_bytes
        self._support: Support = support_of(pipe)
        self._run: Run | None = None
        self._traces: list[Trace] = []
        self._failure: X2VError | None = None

    @property
    def traces(self) -> tuple[Trace, ...]:
        """A trace for each finished call, and for each section of a clip made in sections.

        Raises:
            X2VError: a call could not be recorded.
        """
        if self._failure is not None:
            raise self._failure
        return tuple(self._traces)

    @property
    def trace(self) -> Trace:
        """The last trace.

        Raises:
            X2VError: there is none, or a call could not be recorded.
        """
        if self._run is not None:
            rule = "no call of the pipeline came to its end meanwhile" if not self.traces else "it has none"
            rule += f": the last call was stopped after {self._run.progress}"
            cure = "let it finish" + ("; `traces` has those of earlier calls" if self.traces else "")
            raise X2VError("recording.trace", rule, cure)
        if not self.traces:
            rule = "no call of the pipeline came to its end meanwhile"
            raise X2VError("recording.trace", rule, "call the pipeline inside `with x2vkit.attach(pipe)`")
        return self.traces[-1]

    # -- what the pipeline tells

    def begins(self, call: dict[str, Any]) -> None:
        """Raises X2VError where the trace of this call would be above the budget."""
        self._run = None
        check_steps(call)
        keep, blocks = resolve(self._pipe, self._attention, call, self._budget)
        self._run = Run(self._pipe, keep, blocks, self._support)
        self._run.begins(call)

    def ends(self, result: Any) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.ends(result)
            try:
                self._traces += traces_of(run, self._support)
            except X2VError as error:  # the clip is made: its maker shall have it
                self._failure = error
            except Exception as error:
                rule = f"its run could not be put together ({error!r})"
                self._failure = X2VError(self._support.pipeline, rule, "record it with attention=None")

    def stepped(self, scheduler: Any, given: dict[str, Any], result: Any) -> None:
        if self._run is None:
            return
        before = len(self._run.steps)
        self._run.stepped(scheduler, given, result)
        if self._on_step is not None and len(self._run.steps) > before:
            self._on_step(self._run.steps[-1], self._run.call)

    def forward_begins(self, name: str, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if self._run is not None:
            self._run.forward_begins(name, model, args, kwargs)

    def forward_ends(self, name: str, model: nn.Module, output: Any) -> None:
        if self._run is not None:
            self._run.forward_ends(name, model, output)

    def decoded(self, z: Tensor, result: Any) -> None:
        if self._run is not None:
            self._run.decoded(z, result)

    def tokenized_text(self, name: str, text: Any, result: Any) -> None:
        if self._run is not None:
            self._run.tokenized_text(name, text, result)


def _check(pipe: Any, attention: Any, budget_bytes: Any) -> None:
    """X2VError where what is to be recorded, or how much of it, is of another sort."""
    if not hasattr(pipe, "components") or not callable(pipe):
        got = f"pipeline={pipe!r}" if isinstance(pipe, str) else f"a {type(pipe).__name__} as pipeline"
        cure = "load one with diffusers.DiffusionPipeline.from_pretrained(...) and give it whole"
        raise X2VError(got, "what is recorded is a diffusers video pipeline, loaded", cure)
    if attention is not None and not isinstance(attention, AttentionCapture):
        cure = "use attention=x2vkit.AttentionCapture() for all, or None for none"
        raise X2VError(f"attention={attention!r}", "it is an AttentionCapture or None", cure)
    number = isinstance(budget_bytes, (int, float)) and not isinstance(budget_bytes, bool)
    if not number or budget_bytes <= 0:
        cure = f"use budget_bytes={BUDGET_BYTES}"
        raise X2VError(f"budget_bytes={budget_bytes!r}", "it is a number of bytes above zero", cure)


@contextmanager
def attach(
    pipe: Any,
    attention: AttentionCapture | None = SOME,
    *,
    budget_bytes: int = BUDGET_BYTES,
    on_step: OnStep | None = None,
) -> Iterator[Recording]:
    """Keep how a pipeline makes clips while you call it yourself, with your own arguments.

    Args:
        pipe: any diffusers video pipeline. It is left as it was, whatever ends the block, and makes what it
            makes alone, bit for bit.
        attention: the queries and keys to keep; None for none. Layers are the blocks of the denoising model.
        budget_bytes: a call whose trace would be larger is refused before it computes anything.
        on_step: told of every step, with the call's arguments; what it raises ends the call.

    Yields:
        The recording: its `trace` is that of the last call, `traces` has all.

    Raises:
        X2VError: the pipeline's class is known not to be recordable.
    """
    recording = Recording(pipe, attention, budget_bytes, on_step)
    with watching(pipe, recording):
        yield recording


def record(
    prompt: Any,
    pipe: Any,
    *,
    attention: AttentionCapture | None = SOME,
    budget_bytes: int = BUDGET_BYTES,
    **call: Any,
) -> Trace:
    """Call a pipeline with a prompt and keep how the clip was made.

    Args:
        prompt: what the pipeline takes as its prompt.
        pipe: any diffusers video pipeline.
        attention, budget_bytes: as for `attach`.
        **call: the pipeline's own arguments.

    Returns:
        The trace of the clip; of one made in sections, that of the last (`attach` gives all).

    Raises:
        X2VError: the pipeline cannot be recorded, or the trace would be above the budget.
    """
    recording = Recording(pipe, attention, budget_bytes)
    with watching(pipe, recording):
        pipe(prompt=prompt, **call)
    return recording.trace
