"""The tab Compare: two settings, or several models, from the same noise."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

import gradio as gr

from x2vkit.demo import payloads, style
from x2vkit.demo.engine import Engine, compare_html
from x2vkit.demo.guard import said
from x2vkit.demo.made import Progress
from x2vkit.demo.parts import IDEAS, SHAPE_CHOICES, following, quiet, seed_field, slider, watched
from x2vkit.demo.payloads import Message
from x2vkit.errors import X2VError
from x2vkit.run.request import CheckedRequest

SAME = "Both begin with the same noise: what differs is the setting alone."
SETTINGS = (
    "What to look for: with few steps shapes stay soft; with little guidance the words are half followed, "
    "and with much the colours glare."
)
COMPUTE = (
    "What to look for, from the least training compute to the most: places and colours are right first, "
    "then the subject keeps one shape from frame to frame, and last come hats, legs and how things move."
)
BEGIN = "(...form) => { document.body.classList.add('x2v-comparing'); return form; }"
END = "() => document.body.classList.remove('x2v-comparing')"
"""What the page does while clips are compared: Stop stands in the place of the buttons that begin."""


class Compare:
    """Two settings, or several models, from the same noise."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        names = by_compute(engine)
        own = not engine.models.foreign
        with gr.Row(elem_classes="x2v-ask"):
            self.prompt = gr.Textbox(
                IDEAS[1] if own else "",
                label="What happens in both clips?",
                scale=8,
                min_width=240,
                max_lines=4,
                elem_classes="x2v-prompt",
            )
            self.shape = gr.Dropdown(
                SHAPE_CHOICES, value="square", label="Shape", scale=1, min_width=110, visible=own
            )
            self.seed = seed_field(scale=1, min_width=130)
        several = "" if len(names) > 1 else "x2v-only"  # one tab alone needs no tabs
        with gr.Tabs(elem_classes=f"x2v-inner {several}"):
            with gr.Tab("Two settings"):
                with gr.Row():
                    self.one = self._side("First", 6, names)
                    self.two = self._side("Second", 20, names)
                self.go = gr.Button("Compare the two", variant="primary", elem_classes="x2v-wide")
                self.stop = gr.Button("Stop", variant="stop", elem_classes="x2v-wide x2v-stop")
                gr.HTML(f"<p>{SETTINGS}</p>", elem_classes="x2v-lookfor")
            with gr.Tab("Training compute", visible=len(names) > 1):
                self.models = gr.CheckboxGroup(
                    [(model_label(engine, name), name) for name in names], value=names[:3], label="Models",
                    info="The same words and the same noise; only what training cost differs.",
                )  # fmt: skip
                self.go_models = gr.Button("Compare the models", variant="primary", elem_classes="x2v-wide")
                self.stop_models = gr.Button("Stop", variant="stop", elem_classes="x2v-wide x2v-stop")
                gr.HTML(f"<p>{COMPUTE}</p>", elem_classes="x2v-lookfor")
        self.frame = gr.HTML(
            cast(Any, {"kind": "empty", "text": SAME}),
            html_template=style.static("inside.html"),
            js_on_load=style.script("inside"),
        )

    def _side(self, label: str, steps: int, names: list[str]) -> list[Any]:
        guidance = self.engine.models.sampling(self.engine.models.default).guidance
        with gr.Column(min_width=280), gr.Group(elem_classes="x2v-side"):
            gr.HTML(f"<h3>{label}</h3>", elem_classes="x2v-heading")
            return [
                gr.Textbox(label="Other words, if any", placeholder="as above", max_lines=3),
                slider("steps", steps, step=1, label="Steps"),
                slider("guidance", guidance, step=0.1, label="Guidance"),
                gr.Dropdown(names, value=self.engine.models.default, label="Model", visible=len(names) > 1),
            ]

    def connect(self, queue: dict[str, Any]) -> None:
        """What happens when something is touched."""
        same = [self.prompt, self.shape, self.seed]
        begun: list[Any] = [
            button.click(said(run), inputs, self.frame, js=BEGIN, trigger_mode="once", **watched(queue))
            for button, run, inputs in (
                (self.go, self.run_settings, [*same, *self.one, *self.two]),
                (self.go_models, self.run_models, [*same, self.models]),
            )
        ]
        for run in begun:
            run.then(None, None, None, js=END, **quiet())
        for stop in (self.stop, self.stop_models):
            stop.click(self.stopped, None, self.frame, cancels=begun, js=END, **quiet())

    def run_settings(self, prompt: Any, shape: Any, seed: Any, *sides: Any) -> Generator[Any, None, None]:
        """Two clips that differ in what the two sides say."""

        def wanted() -> list[CheckedRequest]:
            return [
                self._read(words or prompt, shape, seed, *rest) for words, *rest in (sides[:4], sides[4:])
            ]

        yield from self._run(wanted)

    def run_models(self, prompt: Any, shape: Any, seed: Any, names: Any) -> Generator[Any, None, None]:
        """One clip of each model."""

        def wanted() -> list[CheckedRequest]:
            if not 2 <= len(names) <= 4:
                raise X2VError(f"{len(names)} models", "2 to 4 are compared", "tick so many")
            ordered = [name for name in by_compute(self.engine) if name in names]
            return [self._read(prompt, shape, seed, None, None, name) for name in ordered]

        yield from self._run(wanted)

    def stopped(self) -> Message:
        """Nothing more is made."""
        return {"kind": "empty", "text": "Stopped."}

    def _read(
        self, prompt: Any, shape: Any, seed: Any, steps: Any, guidance: Any, model: Any
    ) -> CheckedRequest:
        values = {"prompt": prompt, "shape": shape, "seed": 0 if seed is None else seed}
        values |= {"steps": steps, "guidance": guidance, "model": model}
        return self.engine.models.read(values)

    def _run(self, wanted: Callable[[], list[CheckedRequest]]) -> Generator[Any, None, None]:
        yield payloads.wait("Starting…")
        try:
            requests = wanted()
            clips: list[Message | None] = [None] * len(requests)

            def show(step: Progress) -> Message:
                if step.picture is not None:
                    title = {"title": payloads.title(requests[step.clip].request)}
                    clips[step.clip] = payloads.sprite_sheet(step.picture, 12, quality=70) | title
                text = f"Clip {step.clip + 1} of {len(requests)}: step {step.step} of {step.steps}"
                return {"kind": "players", "clips": list(clips), "text": text}

            made = yield from following(self.engine.compare(requests), show)
            html = compare_html(made)
            if html is None:
                yield {"kind": "players", "clips": payloads.side_by_side(made), "text": ""}
            else:
                yield {"kind": "view", "page": payloads.page(html, "compare"), "title": "Comparison"}
        except X2VError as error:
            yield payloads.trouble(error)
            raise


def by_compute(engine: Engine) -> list[str]:
    """The models to choose from, least training compute first; those that do not tell come last."""
    cost = {name: engine.models.train_flops(name) for name in engine.models.names()}
    return sorted(cost, key=lambda name: (cost[name] is None, cost[name] or 0.0))


def model_label(engine: Engine, name: str) -> str:
    """A model's name, and what its training cost."""
    flops = engine.models.train_flops(name)
    return name if flops is None else f"{name} · {flops / 1e15:.2g} PFLOPs of training"
