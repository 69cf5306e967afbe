"""The real `Backend`: models that ship, folders that `save_pretrained` wrote, and pipelines that somebody
has.

Imports torch only once a model is needed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from x2vkit.backend import Emit, OnStep, Reading, Span, StepReport
from x2vkit.config import RunRequest
from x2vkit.core.lexicon import Lexicon, counts
from x2vkit.media import Frames
from x2vkit.registry import (
    DEFAULT_MODEL,
    SamplingDefaults,
    is_lora,
    lora_file,
    sampling_defaults,
    shipped,
    train_flops,
    weights_folder,
)
from x2vkit.run.palette import palette
from x2vkit.run.session import Session
from x2vkit.run.wording import read_wording
from x2vkit.trace import Trace

KEPT = 4
"""Models that stay in memory."""
ATTENTION_STEPS = 4
"""Steps whose attention `record` keeps, if they fit."""


class ModelBackend:
    """Models by name, each loaded when it is first needed.

    Args:
        folders: weights beside those that ship.
        pipelines: models that are loaded already, by name; they come first.
    """

    def __init__(
        self,
        folders: Sequence[str] = (),
        pipelines: Mapping[str, Any] | None = None,
    ) -> None:
        self._given = dict(pipelines or {})
        self._folders = {name: str(folder) for name, folder in shipped().items()}
        self._folders |= {folder: folder for folder in folders if folder not in self._folders}
        self._loaded: OrderedDict[str, Any] = OrderedDict()
        self._lexicons: dict[str, Lexicon] = {}

    def models(self) -> tuple[str, ...]:
        """The names to choose from: those given, the usual one, then cheapest training first."""
        usual = [DEFAULT_MODEL] if DEFAULT_MODEL in self._folders else []
        return tuple(dict.fromkeys([*self._given, *usual, *self._folders]))

    def sampling(self, model: str) -> SamplingDefaults:
        """How a model is sampled unless a request says otherwise."""
        return self._given[model].sampling if model in self._given else sampling_defaults(self._folder(model))

    def train_flops(self, model: str) -> float | None:
        """Floating-point operations of a model's training, where its folder tells."""
        return None if model in self._given else train_flops(self._folder(model))

    def pipeline(self, model: str) -> Any:
        """The X2VPipeline of a name, loaded if need be."""
        if model in self._given:
            return self._given[model]
        if model not in self._loaded:
            from x2vkit.run import load

            load.quiet()
            self._loaded[model] = load.load(self._folder(model))
        self._loaded.move_to_end(model)
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return self._loaded[model]

    def lexicon(self, model: str) -> Lexicon:
        """The words of a model, which need no weights. Raises X2VError where there is no such model."""
        if model in self._given:
            return self._given[model].text_encoder.lexicon
        if model not in self._lexicons:
            folder = self._folder(model)
            lexicon = Lexicon.load(weights_folder(folder))
            self._lexicons[model] = lexicon.with_lora(lora_file(folder)) if is_lora(folder) else lexicon
        return self._lexicons[model]

    def reading(self, model: str, prompt: str) -> Reading:
        """How a model reads a prompt. Raises X2VError where there is no such model."""
        lexicon = self.lexicon(model)
        wording = read_wording(prompt, known=lexicon.knows)
        spans: list[Span] = [
            (said, read, tuple(lexicon.near(said)) if read is None and not counts(said) else ())
            for said, read in lexicon.spans(wording.prompt)
        ]
        spans += [(said, ("not", *governed.split()), ()) for said, governed in wording.moved]
        cut = lexicon.cut(lexicon.tokenize(wording.prompt))
        return Reading(spans, [*wording.notes, *([cut] if cut else [])])

    def palette(self, model: str) -> dict[str, Any]:
        """What can be asked of a model. Raises X2VError where there is no such model."""
        return palette(self.lexicon(model))

    def preview_decoder(self, model: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """A linear picture of one latent position: weight (4 * 8 * 8 * 3, C) and bias (4 * 8 * 8 * 3,)."""
        vae = self.pipeline(model).vae
        weight, bias = vae.preview_weight, vae.preview_bias
        return weight.detach().float().cpu().numpy(), bias.detach().float().cpu().numpy()

    def preview(self, model: str, pred_x0: NDArray[Any]) -> Frames:
        """The linear picture of latents (C, f, h, w) -> uint8 (F, H, W, 3)."""
        import torch

        pipeline = self.pipeline(model)
        return pipeline.preview(torch.from_numpy(pred_x0)[None].to(pipeline.vae.device))[0]

    def generate(
        self, request: RunRequest, inputs: Mapping[str, Any], on_step: OnStep, **options: Any
    ) -> Trace:
        """Run to the end.

        Args:
            request: what to make, by the model that it names.
            inputs: as in `x2vkit.record`: image, or video and strength, ...
            on_step: called after each step; what it raises ends the run.
            **options: `x2vkit.record`'s others.
        """
        from x2vkit.run.record import generate

        steps = _steps(request.resolve(self.sampling(request.model)), inputs)

        def report(step: Any) -> None:
            on_step(StepReport(step.index, steps, step.t, step.pred_x0[0].float().cpu().numpy()))

        pipeline = self.pipeline(request.model)
        return generate(request, pipeline=pipeline, on_step=report, **inputs, **options)

    def record(
        self, request: RunRequest, inputs: Mapping[str, Any], on_step: OnStep, budget_bytes: int
    ) -> Trace:
        """The same, with the attention of as many steps (up to ATTENTION_STEPS) as fit into a budget."""
        from x2vkit.run.record import AttentionCapture, predicted_bytes

        steps = _steps(request.resolve(self.sampling(request.model)), inputs)
        for count in range(ATTENTION_STEPS, 0, -1):
            keep = AttentionCapture(steps=evenly(steps, count))
            if predicted_bytes(request, self.pipeline(request.model), keep) <= budget_bytes:
                break
        return self.generate(request, inputs, on_step, attention=keep)

    def session(self, emit: Emit) -> Session:
        """A new session of a Playground."""
        return Session(emit, self)

    def _folder(self, model: str) -> str:
        return self._folders.get(model, model)


def is_own(pipe: Any) -> bool:
    """Whether this is x2vkit's pipeline; torch is not imported to find out."""
    return any(kind.__module__ == "x2vkit.pipeline.x2v" for kind in type(pipe).__mro__)


def evenly(steps: int, count: int) -> tuple[int, ...]:
    """`count` steps from the first to the last, evenly."""
    if count == 1:
        return (steps // 2,)
    return tuple(sorted({round(i * (steps - 1) / (count - 1)) for i in range(count)}))


def _steps(request: RunRequest, inputs: Mapping[str, Any]) -> int:
    """Steps that a run really takes: remaking a clip starts part of the way."""
    return max(1, round(request.sampled()[0] * float(inputs.get("strength", 1.0))))
