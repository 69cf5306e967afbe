"""The tab Create: words in, a clip out; and all that can be set."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from typing import Any, cast

import gradio as gr

from x2vkit.demo import payloads, style
from x2vkit.demo.engine import Engine, examples
from x2vkit.demo.foreign import SIZES
from x2vkit.demo.guard import said
from x2vkit.demo.parts import IDEAS, SHAPE_CHOICES, as_file, following, quiet, seed_field, slider, watched
from x2vkit.demo.payloads import Message
from x2vkit.errors import X2VError
from x2vkit.registry import SHAPES
from x2vkit.run.request import RANDOM_SEED, CheckedRequest, check_number, check_text, own_length


class Create:
    """Words in, a clip out; and all that can be set."""

    def __init__(self, engine: Engine, current: gr.Textbox) -> None:
        self.engine, self.current = engine, current
        own = not engine.models.foreign
        first = payloads.example(examples()[0], False) if own and examples() else None
        with gr.Row(elem_classes="x2v-ask"):
            self.prompt = gr.Textbox(
                label="What happens in the clip?",
                placeholder=IDEAS[0],
                lines=1,
                max_lines=4,
                scale=8,
                min_width=240,
                autofocus=False,
                elem_classes="x2v-prompt",
                elem_id="prompt",
            )
            self.surprise = gr.Button("Surprise me", scale=1, min_width=120, elem_classes="x2v-surprise")
            self.go = gr.Button("Generate", variant="primary", scale=2, min_width=150, elem_classes="x2v-go")
            self.stop = gr.Button("Stop", variant="stop", scale=2, min_width=150, elem_classes="x2v-stop")
        self.words = gr.HTML(
            cast(Any, payloads.palettes(engine)),
            html_template=style.static("words.html"),
            js_on_load=style.script("words", "lib/palette", "lib/expander"),
            visible=own,
        )
        with gr.Row(elem_classes="x2v-work"):
            with gr.Column(scale=7, min_width=320):
                self.stage = gr.HTML(
                    first, html_template=style.static("stage.html"), js_on_load=style.script("stage")
                )
            with gr.Column(scale=5, min_width=320):
                if own and examples():
                    gr.HTML("<h3>Examples, at once</h3>", elem_classes="x2v-heading")
                    cards = [payloads.example(name, False) for name in examples()]
                    self.examples: gr.HTML | None = gr.HTML(
                        cast(Any, cards),
                        html_template=style.static("examples.html"),
                        js_on_load=style.script("examples"),
                    )
                else:
                    self.examples = None
                self._settings(own)

    def _settings(self, own: bool) -> None:
        names = self.engine.models.names()
        with gr.Group(elem_classes="x2v-settings"):
            self.shape = gr.Radio(
                SHAPE_CHOICES, value="square", label="Shape", visible=own, elem_classes="x2v-segments"
            )
            info = "a third of a second at a time"
            self.seconds = slider("seconds", step=0.01, label="Seconds", info=info, visible=own)
            self.sizes = [self._size(name) for name in SIZES]
            usual = self.engine.models.sampling(names[0])
            info = "more is finer, and slower"
            self.steps = slider("steps", usual.steps, step=1, label="Steps", info=info)
            info = "how strictly the words are followed"
            self.guidance = slider("guidance", usual.guidance, step=0.1, label="Guidance", info=info)
            with gr.Row(elem_classes="x2v-seed"):
                self.seed = seed_field(min_width=110, interactive=False)
                self.random = gr.Checkbox(True, label="New each time", min_width=200)
            self.model = gr.Dropdown(names, value=names[0], label="Model", visible=len(names) > 1)
        other = self.engine.models.other
        start = "Start from a picture or a clip" if own else "Start from a picture"
        pictured = own or (other is not None and other.asking.image)
        needed = other is not None and other.asking.image_needed
        with gr.Accordion(start, open=needed, visible=pictured, elem_classes="x2v-start"):
            label = "Picture: the clip's first frame"
            self.image = as_file(gr.Image(label=label, sources=["upload", "clipboard"], height=180))
            label = "Clip: made anew in the words above"
            self.video = as_file(gr.Video(label=label, sources=["upload"], height=180, visible=own))
            label = "How much of the clip is made anew"
            self.strength = slider("strength", step=0.05, label=label, visible=own)
        with gr.Accordion("What to steer away from", open=False, elem_classes="x2v-start"):
            self.negative = gr.Textbox(label="Negative prompt", placeholder="snow", show_label=False)

    @property
    def form(self) -> list[Any]:
        """The fields, in the order of `run`'s arguments."""
        given = [self.prompt, self.negative, self.image, self.video, self.strength, self.shape, self.seconds]
        return [*given, self.steps, self.guidance, self.seed, self.random, self.model, *self.sizes]

    def _size(self, name: str) -> gr.Slider:
        """Frames, height or width by the rules of a pipeline that is not x2vkit's own; hidden for others."""
        other = self.engine.models.other
        said = other.asking.ranges.get(name) if other is not None else None
        label = {"num_frames": "Frames", "height": "Height", "width": "Width"}[name]
        if said is None:
            return gr.Slider(0, 1, value=0, label=label, visible=False)
        info = f"1 + {said.step}k" if name == "num_frames" else f"pixels, in steps of {said.step}"
        return gr.Slider(said.first, said.last, value=said.usual, step=said.step, label=label, info=info)

    def connect(self, queue: dict[str, Any]) -> None:
        """What happens when something is touched."""
        pressed = gr.on(
            [self.go.click, self.prompt.submit],
            said(self.run),
            self.form,
            [self.stage, self.current],
            trigger_mode="once",
            js="(...form) => { window.x2v?.busy(form[0]); return form; }",
            **watched(queue),
        )
        pressed.then(None, None, None, js="() => window.x2v?.idle()", **quiet())
        self.stop.click(
            None, None, None, js="() => window.x2v?.stopped()", cancels=[pressed], api_visibility="private"
        )
        self.surprise.click(lambda: random.choice(IDEAS), None, self.prompt, **quiet())
        gr.on(
            [self.prompt.change, self.model.change],
            self.hints,
            [self.prompt, self.model],
            self.words,
            trigger_mode="multiple",
            **quiet(),
        )
        self.words.expand(self.expand, None, self.words, **quiet())
        self.random.change(lambda on: gr.Number(interactive=not on), self.random, self.seed, **quiet())
        self.shape.change(self.lengths, self.shape, self.seconds, **quiet())
        fields = [self.current, self.prompt, self.negative, self.shape, self.seconds, self.steps]
        fields += [self.guidance, self.seed, self.random, self.model]
        self.stage.recall(self.recall, None, fields, **quiet())
        if self.examples is not None:
            self.examples.pick(self.pick, None, [self.stage, *fields], **quiet())

    def run(self, *form: Any) -> Generator[tuple[Any, Any], None, None]:
        """Make a clip, telling the stage what the model sees on the way."""
        yield payloads.wait("Starting…"), gr.skip()
        try:
            wanted = self.read(*form)
            if wanted.notes:  # before the run, while it can still be stopped
                yield payloads.wait(" · ".join(wanted.notes)), gr.skip()
            run = self.engine.make(wanted)
            key, made = yield from following(run, lambda step: (payloads.step(step), gr.skip()))
            message = payloads.clip(key, made, payloads.film(made), made.trace is not None)
        except X2VError as error:
            yield payloads.trouble(error), gr.skip()
            raise
        yield message, key

    def hints(self, prompt: Any, model: Any) -> Message:
        """How the model reads what is typed; what cannot be read is told once it is run."""
        try:
            models = self.engine.models
            return payloads.reading(models.check(model), prompt, models.reading(model, prompt))
        except X2VError:
            return payloads.unread(prompt)

    def expand(self, event: gr.EventData) -> Message:
        """What becomes of each word, and sentences that the model knows."""
        asked = event._data if isinstance(event._data, dict) else {}
        try:
            prompt, seed = check_text("prompt", asked.get("prompt")), check_number("seed", asked.get("seed"))
            return payloads.expansion(asked["prompt"], self.engine.models.backend.expand(prompt, seed=seed))
        except X2VError as error:
            return payloads.unexpanded(error)

    def lengths(self, shape: str) -> Any:
        """A still and a long clip have a length of their own."""
        return gr.Slider(interactive=shape not in SHAPES or not own_length(shape))

    def read(self, *form: Any) -> CheckedRequest:
        """The form's fields, checked."""
        prompt, negative, image, video, strength, shape, seconds, *rest = form
        steps, guidance, seed, fresh, model, *sizes = rest
        values = {
            "prompt": prompt,
            "negative_prompt": negative,
            "shape": shape,
            "seconds": seconds,
            "steps": steps,
            "guidance": guidance,
            "seed": RANDOM_SEED if fresh else seed,
            "model": model,
        }
        if self.engine.models.foreign:
            values |= dict(zip(SIZES, sizes, strict=True))
        return self.engine.models.read(values, image, video, strength)

    def recall(self, event: gr.EventData) -> Sequence[Any]:
        """An earlier clip is on the stage again: put its settings into the form."""
        settings = event._data.get("settings") or {}
        return [str(event._data.get("id", "")), *self.fields(settings)]

    def pick(self, event: gr.EventData) -> Sequence[Any]:
        """A bundled clip: on the stage with its settings in the form, and nothing computed."""
        name = str(event._data.get("id", "")).removeprefix(payloads.EXAMPLE)
        if name not in examples():
            return [gr.skip()] * 11
        message = payloads.example(name, True)
        return [message, message["id"], *self.fields(message["settings"])]

    def fields(self, settings: Message) -> list[Any]:
        """Settings as values of the form; what is missing or no longer offered stays as it is."""
        names = ("prompt", "negative_prompt", "shape", "seconds", "steps", "guidance", "seed")
        values = [settings.get(name, gr.skip()) for name in names]
        model = settings.get("model")
        return [*values, False, model if model in self.engine.models.names() else gr.skip()]
