"""The named endpoints: what the page does, for programs and MCP clients. Their docstrings are their manual.

    from gradio_client import Client, handle_file
    client = Client("http://127.0.0.1:7860")
    clip, about = client.predict(prompt="a red ball bouncing on the beach", seed=3, api_name="/generate")

Values that are not given are the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Literal

import gradio as gr

from x2vkit.demo import payloads
from x2vkit.demo.engine import Engine, compare_html, examples, view_html, views
from x2vkit.demo.guard import said, uploaded
from x2vkit.demo.made import Made, Progress
from x2vkit.errors import X2VError
from x2vkit.trace import samples

File = gr.FileData
"""A file in Gradio's words: what gradio_client's handle_file makes, and what it downloads. As an argument it
arrives as a dictionary.
"""
Line = dict[str, Any]
ShapeName = Literal["square", "wide", "tall", "still", "long"]


def add_endpoints(engine: Engine, queue: dict[str, Any]) -> None:
    """Name every action. To be called inside a gr.Blocks; queue: how what computes waits its turn."""
    for endpoint in (generate, compare, inspect):
        gr.api(said(endpoint(engine)), api_name=endpoint.__name__, **queue)
    for endpoint in (models, examples_of):
        gr.api(endpoint(engine), api_name=endpoint.__name__.removesuffix("_of"), queue=False)


def generate(engine: Engine) -> Callable[..., Any]:
    """The endpoint /generate."""

    def generate(
        prompt: str,
        negative_prompt: str = "",
        image: File | None = None,
        video: File | None = None,
        strength: float = 0.6,
        shape: ShapeName = "square",
        seconds: float = 1.4,
        steps: int | None = None,
        guidance: float | None = None,
        seed: int = -1,
        model: str = "",
    ) -> Generator[tuple[File | None, Line], None, None]:
        """Make a video clip from words, in about a second, and say how it was made.

        Parameters:
            prompt: what the clip shows, in plain words, like "a dog wearing a blue hat playing in the snow"
            negative_prompt: what to steer away from
            image: a picture that the clip starts from (an uploaded file)
            video: a clip to remake (an uploaded file); not together with image
            strength: how much of the clip given is made anew, 0.1 to 1
            shape: square 128 x 128, wide 160 x 96, tall 96 x 160, still (one frame) or long (2.75 seconds)
            seconds: length, 0.1 to 2.75; still and long have their own
            steps: denoising steps, 1 to 100, more is finer and slower; none is the model's own choice
            guidance: how strictly the words are followed, 1 to 20; none is the model's own choice
            seed: whole number that picks the noise: the same seed makes the same clip; -1 draws one
            model: a name from /models; empty is the usual one
        Returns:
            the clip as an mp4 file; and a dictionary with its id (for /inspect), the prompt as the model read
            it, words that it did not know, and all settings. While it computes: no file, and the step.
        """
        values = {
            "prompt": prompt,
            "negative_prompt": negative_prompt,
            "shape": shape,
            "seconds": seconds,
            "steps": steps,
            "guidance": guidance,
            "seed": seed,
            "model": model,
        }
        wanted = engine.models.read(values, _path(image), _path(video), strength)
        key, made = yield from _following(engine.make(wanted), lambda line: (None, line))
        yield File(**payloads.film(made)), {"id": key, **_about(made)}

    return generate


def compare(engine: Engine) -> Callable[..., Any]:
    """The endpoint /compare."""

    def compare(
        prompt: str,
        prompt_b: str = "",
        steps: int | None = None,
        steps_b: int | None = None,
        guidance: float | None = None,
        guidance_b: float | None = None,
        model: str = "",
        model_b: str = "",
        shape: ShapeName = "square",
        seconds: float = 1.4,
        seed: int = 0,
    ) -> Generator[tuple[File | None, File | None, File | None, Line], None, None]:
        """Make two clips from the same noise with two settings, to see what a setting does.

        Parameters:
            prompt: what the first clip shows
            prompt_b: what the second shows; empty is the same
            steps: denoising steps of the first, 1 to 100; none is the model's own choice
            steps_b: denoising steps of the second
            guidance: how strictly the first follows its words, 1 to 20; none is the model's own choice
            guidance_b: how strictly the second does
            model: a name from /models for the first; empty is the usual one
            model_b: a name from /models for the second
            shape: square, wide, tall, still or long, of both
            seconds: length of both, 0.1 to 2.75
            seed: whole number that picks the noise of both; -1 draws one
        Returns:
            both clips as mp4 files; a page that plays them side by side with their difference, as one HTML
            file that opens offline (nothing, for models that x2vkit cannot look into); and a dictionary with
            the settings of both.
        """
        same = {"shape": shape, "seconds": seconds, "seed": seed}
        first = {"prompt": prompt, "steps": steps, "guidance": guidance, "model": model}
        second = {"prompt": prompt_b or prompt, "steps": steps_b, "guidance": guidance_b, "model": model_b}
        one = engine.models.read(same | first)
        two = engine.models.read(same | second | {"seed": one.request.seed})
        made = yield from _following(engine.compare([one, two]), lambda line: (None, None, None, line))
        html = compare_html(made)
        files = [File(**payloads.film(clip)) for clip in made]
        page = None if html is None else File(**payloads.keep(html.encode(), "compare.html"))
        yield files[0], files[1], page, {"clips": [_about(clip) for clip in made]}

    return compare


def inspect(engine: Engine) -> Callable[..., Any]:
    """The endpoint /inspect."""

    def inspect(id: str, view: str = "denoise") -> Generator[tuple[File | None, Line], None, None]:
        """Look inside a clip: every denoising step, its patches, or its attention, as an interactive page.

        Parameters:
            id: the id that /generate gave, or an id from /examples
            view: denoise, patches or attention
        Returns:
            one HTML file that opens offline; and a dictionary with the clip's settings and all views.
        """
        if not isinstance(id, str):
            raise X2VError("this id", "an id is text", "take it from /generate or /examples")
        if not isinstance(view, str) or view not in views():
            view_html(view, None)  # type: ignore[arg-type]  # says which there are before anything is computed
        trace = yield from _following(engine.record(id, view == "attention"), lambda line: (None, line))
        page = payloads.keep(view_html(view, trace).encode(), f"{view}.html")
        yield File(**page), {"settings": dict(trace.request), "views": list(views())}

    return inspect


def models(engine: Engine) -> Callable[[], list[dict[str, Any]]]:
    """The endpoint /models."""

    def models() -> list[dict[str, Any]]:
        """List the models to choose from, and the floating-point operations of their training, if known."""
        names = engine.models.names()
        return [{"name": name, "train_flops": engine.models.train_flops(name)} for name in names]

    return models


def examples_of(engine: Engine) -> Callable[[], list[dict[str, Any]]]:
    """The endpoint /examples."""

    def examples() -> list[dict[str, Any]]:
        """List the bundled clips, which need no computing, with their ids (for /inspect) and settings."""
        return _bundled() if not engine.models.foreign else []

    return examples


def _bundled() -> list[dict[str, Any]]:
    return [{"id": payloads.EXAMPLE + name, **dict(samples.sample(name).request)} for name in examples()]


def _path(file: Any) -> str | None:
    """The path in a file record; whatever is no upload is refused (`guard.uploaded`)."""
    if not file:
        return None
    return uploaded(file.get("path") if isinstance(file, dict) else getattr(file, "path", None))


def _about(made: Made) -> dict[str, Any]:
    """A clip's settings and how its words were read, as JSON."""
    return {
        **made.request.to_dict(),
        "read": " ".join(made.words),
        "unknown": list(made.unknown),
        "notes": list(made.notes),
        "took_seconds": round(made.seconds, 3),
    }


def _following(
    run: Generator[Progress | None, None, Any], show: Callable[[dict[str, Any]], Any]
) -> Generator[Any, None, Any]:
    """Yield a line on every step, as `show` dresses it, and return what the run returns."""
    line: dict[str, Any] = {"state": "waiting for the model"}
    try:
        while True:
            progress = next(run)
            if progress is not None:
                line = {"state": "denoising", "step": progress.step, "steps": progress.steps}
                line["clip"] = progress.clip
            yield show(line)
    except StopIteration as end:
        return end.value
    finally:
        run.close()
