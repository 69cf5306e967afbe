"""What an adapter is: the Protocol, and how a family of pipelines says what is special about it.

Knows no family and imports no torch: the table of what is supported can be read at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from x2vkit.run.capture import AttentionCapture
    from x2vkit.trace import Trace

VERIFIED, GENERIC, REFUSED = "verified", "generic", "refused"
"""How far a class of pipelines is supported: tested by name; by reading alone; not at all."""


@dataclass(frozen=True)
class Support:
    """What is known of one class of pipelines, by what differs from what can be read off any."""

    pipeline: str
    """The name of the class."""
    level: str = VERIFIED
    """VERIFIED, GENERIC or REFUSED."""
    why: str = ""
    """A sentence: why it is refused, or what a reader should know."""
    layout: str = ""
    """Axes of the latents at the scheduler, without the batch, where reading leaves a choice: "CFHW"; "NC"
    for rows of tokens.
    """
    fps: float = 16.0
    """Frames a second that the model was made for, where the call does not say."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Inputs of the model whose names mislead -> the kind of token that they carry."""
    sectioned: bool = False
    """Whether a clip is made in sections, each decoded on its own."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """What cannot be seen of this family, whatever the run shows: a short name -> a sentence."""


class Recording(Protocol):
    """What `attach` gives: filled as the pipeline runs."""

    @property
    def traces(self) -> tuple[Trace, ...]:
        """A trace for each call of the pipeline, and for each section of a clip made in sections."""

    @property
    def trace(self) -> Trace:
        """The last of them."""


class Adapter(Protocol):
    """How runs of one sort of pipeline become traces."""

    def supports(self, pipe: Any) -> Support:
        """What is known of a pipeline's class."""

    def record(self, prompt: Any, pipe: Any, attention: AttentionCapture | None, **call: Any) -> Trace:
        """Run a pipeline with a prompt and keep how the clip was made."""

    def attach(self, pipe: Any, attention: AttentionCapture | None) -> AbstractContextManager[Recording]:
        """Keep how clips are made by whoever calls the pipeline meanwhile."""
