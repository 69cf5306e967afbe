"""The backend of views and demo: models, and what the studio does with them.

Each method brings its module, and torch, when it is first called.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from x2vkit.backend import Emit
from x2vkit.registry import PAGE_SHAPES
from x2vkit.run.backend import ModelBackend
from x2vkit.studio.go_on.session import PlaySession

if TYPE_CHECKING:
    from x2vkit.studio.direct.session import DirectingSession
    from x2vkit.studio.film.session import FilmSession


class StudioBackend(ModelBackend):
    """`ModelBackend` with the studio's calls, for the views that need them."""

    def directing(self, emit: Emit) -> DirectingSession:
        """A new session of a Director."""
        from x2vkit.studio.direct.session import DirectingSession

        return DirectingSession(emit, self)

    def expand(self, prompt: str, n: int = 3, seed: int = 0) -> dict[str, Any]:
        """What becomes of a prompt's words, and n sentences of the world to take instead, as JSON values."""
        from x2vkit.studio.expand import expand

        found = expand(prompt, n, seed)
        return {"sentences": list(found.prompts), "lines": [asdict(line) for line in found.lines]}

    def play(self, emit: Emit, start: Any, seed: int = 0) -> PlaySession:
        """A session of a Play view, which begins with a clip or a prompt."""

        def make(begin: Any, seed: int) -> Any:
            from x2vkit.studio.go_on.play import play

            return play(begin, seed=seed, pipeline=self.pipeline(self.models()[0]))

        return PlaySession(emit, make, start, seed)

    def page(
        self,
        model: str,
        path: str | os.PathLike[str],
        *,
        shapes: Sequence[str] = PAGE_SHAPES,
        title: str | None = None,
    ) -> Path:
        """Write a model as a page that makes clips itself: one .html file, or a folder for a static host.

        shapes: names of `registry.SHAPES`, the first at first. Raises X2VError for what cannot be written.
        """
        from x2vkit.run.versions import weights_hash
        from x2vkit.web.write import check_page, write_page

        path = check_page(path, "a live page")
        pipeline = self.pipeline(model)
        named: dict[str, Any] = {} if title is None else {"title": title}
        return write_page(pipeline, path, shapes, model, weights_hash(pipeline), **named)

    def film_session(self, emit: Emit, folder: str | Path | None = None) -> FilmSession:
        """A new session that makes films. folder: where shots are kept; None ends with the session."""
        from x2vkit.studio.film.session import FilmSession

        return FilmSession(emit, self.pipeline, folder)
