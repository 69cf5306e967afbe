"""The tab Film: an idea becomes shots in a table to edit, and the shots one film."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import gradio as gr

from x2vkit.demo import payloads
from x2vkit.demo.engine import Engine
from x2vkit.demo.guard import said
from x2vkit.demo.parts import following, quiet, watched
from x2vkit.errors import X2VError
from x2vkit.run.request import check_text
from x2vkit.run.worker import Task
from x2vkit.studio.character import Character
from x2vkit.studio.film.board import USUAL_SECONDS, Shot, Storyboard
from x2vkit.studio.film.tell import storyboard
from x2vkit.world.grammar import CAMERAS

IDEA = "a dog loses its hat and finds it again"
MOST_SHOTS, MOST_SECONDS = 6, USUAL_SECONDS
"""Of one film on a page that is open to strangers: each shot is one pass of the model."""
KEPT_SHOTS = 60
"""Shots of all visitors that stay, so that an edited film is made again in less time; about 100 MB."""
BEGIN = "(...form) => { document.body.classList.add('x2v-filming'); return form; }"
END = "() => document.body.classList.remove('x2v-filming')"
"""A film that is made has Stop in the place of its button; the page does it, since what a click asks of
Python waits for the film.
"""
STOPPED = "Stopped; what was ready stays ready."
COLUMNS = ("who", "what", "where", "camera", "seconds")
TYPES: list[Any] = ["str", "str", "str", "str", "number"]
ABOUT = (
    f"A row is a shot: touch a cell to change it. At most {MOST_SHOTS} shots of {MOST_SECONDS:g} seconds. "
    f"Camera: {', '.join(CAMERAS)}. “The dog” is whoever is described above; change a word, and only that "
    "shot is made again."
)


class Film:
    """An idea, its shots in a table, and the film."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.shots = tempfile.TemporaryDirectory(prefix="x2vkit-demo-shots-")
        first = storyboard(IDEA)
        with gr.Row(elem_classes="x2v-ask"):
            self.idea = gr.Textbox(
                IDEA, label="What is the film about?", scale=8, min_width=240, max_lines=4,
                elem_classes="x2v-prompt",
            )  # fmt: skip
            self.tell = gr.Button("Write storyboard", scale=2, min_width=150)
        self.lead = gr.Textbox(self._lead(first), label="Who is in it", max_lines=2)
        self.table = gr.Dataframe(
            self._rows(first), headers=list(COLUMNS), datatype=TYPES, label="Shots", type="array",
            column_count=len(COLUMNS), interactive=True, wrap=True,
        )  # fmt: skip
        gr.Markdown(ABOUT, elem_classes="x2v-about")
        self.make = gr.Button("Make film", variant="primary", elem_classes="x2v-wide x2v-film-make")
        self.stop = gr.Button("Stop", variant="stop", elem_classes="x2v-wide x2v-film-stop")
        self.status = gr.Markdown("")
        self.shown = [self.lead, self.table, self.status]
        self.video = gr.Video(
            label="Film", interactive=False, autoplay=True, height=460, elem_classes="x2v-film"
        )

    def connect(self, queue: dict[str, Any]) -> None:
        """What happens when something is touched."""
        gr.on(
            [self.tell.click, self.idea.submit], self.told, self.idea, self.shown, **quiet(),
        )  # fmt: skip
        form = [self.idea, self.lead, self.table]
        shown = [self.status, self.video]
        begun = self.make.click(said(self.run), form, shown, js=BEGIN, trigger_mode="once", **watched(queue))
        begun.then(None, None, None, js=END, **quiet())
        self.stop.click(lambda: STOPPED, None, self.status, cancels=[begun], js=END, **quiet())

    def told(self, idea: Any) -> tuple[Any, Any, str]:
        """An idea as shots; a sentence where it says nothing."""
        try:
            board = storyboard(check_text("idea", idea), seconds=MOST_SECONDS)
        except X2VError as error:
            return gr.skip(), gr.skip(), str(error)
        board.shots = board.shots[:MOST_SHOTS]
        return self._lead(board), self._rows(board), " · ".join(board.notes)

    def told_by_link(self, idea: Any) -> tuple[Any, Any, Any]:
        """The shots of an idea that a link brought; those that a page opens with stay without one."""
        return (gr.skip(), gr.skip(), gr.skip()) if idea == IDEA else self.told(idea)

    def run(self, idea: Any, lead: Any, rows: Any) -> Generator[tuple[Any, Any], None, None]:
        """Make the film, telling how far it is."""
        yield "Starting…", gr.skip()
        if self.engine.models.foreign:
            got = f"a film by {self.engine.models.default}"
            raise X2VError(got, "films are made by x2vkit's own model", "open the demo without a pipeline")
        board = read(idea, lead, rows)

        def work(task: Task[Any, bytes]) -> bytes:
            from x2vkit.studio.film.make import film

            models = self.engine.models
            pipeline = models.backend.pipeline(models.default)
            made = film(
                board, folder=self.shots.name, pipeline=pipeline, model=models.default, on_shot=task.report
            )
            forget(Path(self.shots.name))
            return made.mp4()

        def show(report: Any) -> tuple[str, Any]:
            step = f"step {report.step + 1} of {report.steps}"
            return f"Shot {report.shot + 1} of {report.shots}, {step}", gr.skip()

        data = yield from following(self.engine.worker.stream(work), show)
        yield f"{len(board.shots)} shots, {board.seconds:.1f} s", payloads.keep(data, "film.mp4")["path"]

    @staticmethod
    def _lead(board: Storyboard) -> str:
        return next(iter(board.cast.values())).description

    @staticmethod
    def _rows(board: Storyboard) -> list[list[Any]]:
        return [[getattr(shot, name) for name in COLUMNS] for shot in board.shots]


def read(idea: Any, lead: Any, rows: Any) -> Storyboard:
    """A visitor's form as a storyboard. X2VError for what cannot be, or is more than the page allows."""
    rows = [list(row) for row in rows if any(str(cell or "").strip() for cell in row)]
    if not 1 <= len(rows) <= MOST_SHOTS or any(len(row) != len(COLUMNS) for row in rows):
        rule = f"a film on this page has 1 to {MOST_SHOTS} shots"
        raise X2VError(f"{len(rows)} shots", rule, "remove some, or make it at home: x2vkit film")
    who = Character(check_text("who is in it", lead), 3)
    shots = [Shot(**dict(zip(COLUMNS, map(_cell, row, COLUMNS), strict=True))) for row in rows]
    for number, shot in enumerate(shots, 1):
        shot.check(f"shot {number}")
        if shot.seconds > MOST_SECONDS:
            rule = f"a shot on this page lasts at most {MOST_SECONDS:g} seconds"
            raise X2VError(f"shot {number}: {shot.seconds:g} seconds", rule, "make it shorter")
    shots[0].cut = "fade"
    title = check_text("idea", idea)
    board = Storyboard(title[:60], shots, {who.noun: who})
    board.check()
    return board


def forget(folder: Path) -> None:
    """Keep the newest shots of a folder."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
    for file in files[:-KEPT_SHOTS]:
        file.unlink(missing_ok=True)


def _cell(value: Any, name: str) -> Any:
    if name == "seconds":
        try:
            return float(value)
        except (TypeError, ValueError):
            return value
    return str(value or "").strip() or ("static" if name == "camera" else "")
