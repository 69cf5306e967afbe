"""The page: Create, Look inside, Compare. Layout and events; what they do stands in engine.py, and how it is
told to the page's scripts in payloads.py.

Events of the page are private; programs use the named endpoints of api.py, which go through the same engine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

import gradio as gr

from x2vkit.demo import api, payloads, style
from x2vkit.demo.engine import Engine, compare_html, examples, view_html, views
from x2vkit.demo.guard import Page, said, told, uploaded
from x2vkit.demo.models import Models, Progress
from x2vkit.demo.payloads import Message
from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS, SHAPES
from x2vkit.run.request import RANDOM_SEED, CheckedRequest, own_length

SHAPE_CHOICES = [(name.capitalize(), name) for name in SHAPES]
EMPTY = "Make a clip first, or choose an example: its inside opens here."
SAME = "Both begin with the same noise: what differs is the setting alone."
IDEAS = (
    "a dog wearing a blue hat playing in the snow",
    "a red ball bouncing on the beach",
    "a white rabbit running left in the grass",
    "a green fish swimming right underwater",
    "an orange cat wearing a red scarf walking in the city",
    "a purple robot dancing in space",
    "a blue car driving right in the desert",
    "a brown horse running left in the grass",
    "a yellow bird flying right at night",
    "a red boat sailing left on the beach",
    "a happy face talking in the city",
    "a blue box spinning in space",
    "a white cat jumping in the snow",
    "a dog chasing a red ball on the beach",
)
"""For whom nothing comes to mind: all in the words of the world that the models learned from."""


def build(pipe: Any = None, *, fps: float | None = None, max_queue: int = 32) -> Page:
    """The page of some model, not yet launched; see `x2vkit.demo.demo`."""
    engine = Engine(Models(pipe, fps))
    queue = {"concurrency_limit": 1, "concurrency_id": "model"}  # one model at a time, whoever asks
    with Page(engine, max_queue) as page:
        gr.HTML(style.HEADER, elem_classes="x2v-top")
        current = gr.Textbox(visible=False)
        with gr.Tabs(selected="create", elem_classes="x2v-tabs") as tabs:
            with gr.Tab("Create", id="create"):
                create = Create(engine, current)
            with gr.Tab("Look inside", id="inside", visible=not engine.models.foreign) as inside_tab:
                inside = Inside(engine, current)
            with gr.Tab("Compare", id="compare"):
                compare = Compare(engine)
        create.connect(queue)
        inside.connect(queue, inside_tab)
        compare.connect(queue)
        go_inside = create.stage.inside(lambda: gr.Tabs(selected="inside"), None, tabs, **quiet())
        inside.follow(go_inside, queue)
        api.add_endpoints(engine, queue)
        page.load(engine.warm, **quiet())
    return page


def quiet() -> dict[str, Any]:
    """How an event runs that computes nothing."""
    return {"api_visibility": "private", "queue": False, "show_progress": "hidden"}


def watched(queue: dict[str, Any]) -> dict[str, Any]:
    """How an event runs that computes."""
    return {"api_visibility": "private", "show_progress": "hidden", **queue}


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
            usual = self.engine.models.sampling(names[0])
            info = "more is finer, and slower"
            self.steps = slider("steps", usual.steps, step=1, label="Steps", info=info)
            info = "how strictly the words are followed"
            self.guidance = slider("guidance", usual.guidance, step=0.1, label="Guidance", info=info)
            with gr.Row(elem_classes="x2v-seed"):
                self.seed = seed_field(min_width=110, interactive=False)
                self.random = gr.Checkbox(True, label="New each time", min_width=200)
            self.model = gr.Dropdown(names, value=names[0], label="Model", visible=len(names) > 1)
        start = "Start from a picture or a clip"
        with gr.Accordion(start, open=False, visible=own, elem_classes="x2v-start"):
            label = "Picture: the clip's first frame"
            self.image = as_file(gr.Image(label=label, sources=["upload", "clipboard"], height=180))
            label = "Clip: made anew in the words above"
            self.video = as_file(gr.Video(label=label, sources=["upload"], height=180))
            label = "How much of the clip is made anew"
            self.strength = slider("strength", step=0.05, label=label)
        with gr.Accordion("What to steer away from", open=False, elem_classes="x2v-start"):
            self.negative = gr.Textbox(label="Negative prompt", placeholder="snow", show_label=False)

    @property
    def form(self) -> list[Any]:
        """The fields, in the order of `run`'s arguments."""
        given = [self.prompt, self.negative, self.image, self.video, self.strength, self.shape, self.seconds]
        return [*given, self.steps, self.guidance, self.seed, self.random, self.model]

    def connect(self, queue: dict[str, Any]) -> None:
        """What happens when something is touched."""
        pressed = gr.on(
            [self.go.click, self.prompt.submit],
            said(self.run),
            self.form,
            [self.stage, self.current],
            trigger_mode="once",
            js="(...form) => { window.x2v?.busy(); return form; }",
            **watched(queue),
        )
        pressed.then(None, None, None, js="() => window.x2v?.idle()", **quiet())
        self.stop.click(
            None, None, None, js="() => window.x2v?.stopped()", cancels=[pressed], api_visibility="private"
        )
        self.surprise.click(lambda: random.choice(IDEAS), None, self.prompt, **quiet())
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
            run = self.engine.make(self.read(*form))
            key, made = yield from following(run, lambda step: (payloads.step(step), gr.skip()))
            message = payloads.clip(key, made, payloads.film(made), made.trace is not None)
        except X2VError as error:
            yield payloads.trouble(error), gr.skip()
            raise
        yield message, key

    def lengths(self, shape: str) -> Any:
        """A still and a long clip have a length of their own."""
        return gr.Slider(interactive=shape not in SHAPES or not own_length(shape))

    def read(self, *form: Any) -> CheckedRequest:
        """The form's fields, checked."""
        prompt, negative, image, video, strength, shape, seconds, steps, guidance, seed, fresh, model = form
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


class Inside:
    """The notebook's views on the clip that is on the stage."""

    def __init__(self, engine: Engine, current: gr.Textbox) -> None:
        self.engine, self.current = engine, current
        self.shown = gr.Textbox(visible=False)
        choices = [(label, name) for name, label in views().items()]
        self.view = gr.Radio(
            choices, value=choices[0][1] if choices else None, show_label=False, container=False,
            elem_classes="x2v-segments",
        )  # fmt: skip
        self.frame = gr.HTML(
            cast(Any, {"kind": "empty", "text": EMPTY}),
            html_template=style.static("inside.html"),
            js_on_load=style.script("inside"),
        )

    def connect(self, queue: dict[str, Any], tab: gr.Tab) -> None:
        """The view opens when its tab does, and when another view is chosen."""
        for event in (tab.select, self.view.change):
            self._open(event, queue)

    def follow(self, dependency: Any, queue: dict[str, Any]) -> None:
        """Open the view after another event."""
        self._open(dependency.then, queue)

    def _open(self, event: Callable[..., Any], queue: dict[str, Any]) -> None:
        inputs, outputs = [self.current, self.view, self.shown], [self.frame, self.shown]
        event(said(self.run), inputs, outputs, trigger_mode="always_last", **watched(queue))

    def run(self, key: str, view: str, shown: str) -> Generator[tuple[Any, Any], None, None]:
        """Record the clip, if that was not done, and put the view's page into the frame."""
        key = key or (payloads.EXAMPLE + examples()[0] if examples() else "")
        if shown == f"{key} {view}":
            return
        if not key:
            yield {"kind": "empty", "text": EMPTY}, gr.skip()
            return
        yield payloads.wait("Recording every step of this clip…"), gr.skip()
        try:
            trace = yield from following(
                self.engine.record(key, view == "attention"), lambda step: (recording(step), gr.skip())
            )
            page = payloads.page(view_html(view, trace), view)
        except X2VError as error:
            yield payloads.trouble(error), gr.skip()
            raise
        yield {"kind": "view", "page": page, "title": views()[view]}, f"{key} {view}"


class Compare:
    """Two settings, or several models, from the same noise."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        names = engine.models.names()
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
            with gr.Tab("Training compute", visible=len(names) > 1):
                self.models = gr.CheckboxGroup(
                    [(model_label(engine, name), name) for name in names], value=names[:3], label="Models",
                    info="The same words and the same noise; only what training cost differs.",
                )  # fmt: skip
                self.go_models = gr.Button("Compare the models", variant="primary", elem_classes="x2v-wide")
        self.frame = gr.HTML(
            cast(Any, {"kind": "empty", "text": SAME}),
            html_template=style.static("inside.html"),
            js_on_load=style.script("inside"),
        )

    def _side(self, label: str, steps: int, names: list[str]) -> list[Any]:
        guidance = self.engine.models.sampling(names[0]).guidance
        with gr.Column(min_width=280), gr.Group(elem_classes="x2v-side"):
            gr.HTML(f"<h3>{label}</h3>", elem_classes="x2v-heading")
            return [
                gr.Textbox(label="Other words, if any", placeholder="as above", max_lines=3),
                slider("steps", steps, step=1, label="Steps"),
                slider("guidance", guidance, step=0.1, label="Guidance"),
                gr.Dropdown(names, value=names[0], label="Model", visible=len(names) > 1),
            ]

    def connect(self, queue: dict[str, Any]) -> None:
        """What happens when something is touched."""
        same = [self.prompt, self.shape, self.seed]
        self.go.click(said(self.run_settings), [*same, *self.one, *self.two], self.frame, **watched(queue))
        self.go_models.click(said(self.run_models), [*same, self.models], self.frame, **watched(queue))

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
            return [self._read(prompt, shape, seed, None, None, name) for name in names]

        yield from self._run(wanted)

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


def as_file(component: Any) -> Any:
    """An upload as its path, untouched: whether it can be read is checked in
    run/files.py, with a message to read.

    Not as a subclass: Gradio writes a .pyi file beside every module that has one.
    """

    def preprocess(payload: Any) -> str | None:
        if payload is None:
            return None
        try:
            return uploaded(getattr(payload, "path", None))
        except X2VError as error:
            raise told(error) from error

    component.preprocess = preprocess
    return component


def seed_field(**options: Any) -> gr.Number:
    """Where a seed is typed."""
    limit = LIMITS["seed"]
    return gr.Number(0, label="Seed", precision=0, minimum=limit.low, maximum=limit.high, **options)


def slider(name: str, value: float | None = None, **options: Any) -> gr.Slider:
    """A slider over the range that a setting has."""
    limit = LIMITS[name]
    value = round(limit.default, 2) if value is None else value
    return gr.Slider(limit.low, limit.high, value=value, **options)


def following(
    run: Generator[Progress | None, None, Any], show: Callable[[Progress], Any]
) -> Generator[Any, None, Any]:
    """Yield what `show` makes of every step, or that nothing is new; return what the run returns."""
    try:
        while True:
            progress = next(run)
            yield gr.skip() if progress is None else show(progress)
    except StopIteration as end:
        return end.value
    finally:
        run.close()


def recording(step: Progress) -> Message:
    """How far a recording is."""
    return payloads.wait(f"Recording step {step.step} of {step.steps}…")


def model_label(engine: Engine, name: str) -> str:
    """A model's name, and what its training cost."""
    flops = engine.models.train_flops(name)
    return name if flops is None else f"{name} · {flops / 1e15:.2g} PFLOPs of training"
