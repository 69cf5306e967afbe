"""`View`: what all views share. Python packs numbers once; from then on the browser does everything.

How to write a view, `x2vkit/views/shades.py` (its browser half: see the top of static/lib/mount.js):

    class Shades(View):
        \"\"\"How bright each frame is.\"\"\"

        _module = "shades"                     # static/shades/index.js, and static/shades/style.css if there
        label = "Brightness"                                # what a screen reader and the page's title say

        def prepare(self, trace: TraceLike = None) -> Content:
            self.trace = as_trace(trace)                    # None -> the bundled one; a path -> loaded
            shades = self.trace.frames.mean(axis=(1, 2, 3))
            return Content(
                metadata={"prompt": self.trace.prompt},        # small JSON, view.metadata in JS
                arrays={"shades": shades.astype(np.float32),           # view.arrays.shades, a typed array
                        "frames": SpriteSheet(self.trace.frames)},     # await view.image("frames")
                selection={"frame": 0},                     # where the reader is; two-way
                limits={"frame": len(shades) - 1},          # 0..limit, checked on both sides
            )

        def data(self) -> dict[str, Array]:                 # what you see now, as numpy, in full precision
            return {"frame": self.trace.frames[self.selection["frame"]]}

        def figure(self) -> Figure:                         # the static picture, also shown on GitHub
            figure = Figure(figsize=(8, 3), layout="constrained")      # matplotlib.figure, never pyplot
            ...
            return figure

Rules. An X2VError raised by `prepare` becomes a message in the widget's place; `to_html` raises it.
`Eight(array, lead)` sends numbers at 8 bits (half of float16), where a picture is all that they make, and
`Stack.eight_bits(array)` those of all steps as differences from step to step, a fourth of that.
`selection` holds what is worth telling the kernel; the browser changes it freely and commits it once a slider
is let go, so scrubbing sends no message. `View.show(content)` puts other content into a view on the page.
Keys mean the same in all views, so that linked views agree:
step (0..S-1), frame (0..F-1), token (video token 0..N-1), word (text token 0..T-1), layer, head.
Knows nothing about torch or any model.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar, overload

import numpy as np
import traitlets
from PIL import Image

from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.trace import Trace
from x2vkit.trace.samples import sample
from x2vkit.views import buffer, display, page
from x2vkit.views.buffer import Array, Packable, SpriteSheet, pack
from x2vkit.views.selection import Rules, Selecting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TraceLike: TypeAlias = "Trace | str | os.PathLike[str] | None"
Seen = TypeVar("Seen")

MOST_PLACES = 3
"""Modules or steps that are named beside what was not seen."""
KEPT_PICTURE = "picture.png"
"""The static picture of a view on what is bundled, beside its browser code; see pictures.py."""


@dataclass(frozen=True)
class Content:
    """What a view shows: all that its browser side will ever read."""

    metadata: Mapping[str, Any]
    """Names, labels and small numbers, as JSON values."""
    arrays: Mapping[str, Packable] = field(default_factory=dict)
    """Everything large."""
    selection: Mapping[str, Any] = field(default_factory=dict)
    """Where the reader is at first; its keys never change."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Keys of `selection` that are whole numbers, with their largest value; the smallest is 0."""
    choices: Mapping[str, Collection[Any]] = field(default_factory=dict)
    """Keys of `selection` that are one of several values."""
    blank: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `selection` that may hold nothing, and the value that says so (None, or "")."""


class View(Selecting):
    """The base of all views; see the top of this module for how to write one.

    A saved notebook holds a picture of each view for readers without its kernel, and not the view itself. To
    keep that, export it with `to_html`; or turn on "Settings > Save Widget State Automatically" in JupyterLab
    before saving (some megabytes a view), for pages that nbconvert makes.
    """

    _module: ClassVar[str] = ""
    _parts: ClassVar[tuple[str, ...]] = ()
    """Modules of other views that open inside this one."""
    label: ClassVar[str] = ""
    """A few words for a screen reader and the page's title."""

    metadata = traitlets.Dict().tag(sync=True)
    """Names, labels, small numbers, and under "arrays" how `buffer` is packed (see `pack`)."""
    buffer = traitlets.Bytes().tag(sync=True)
    """All arrays, packed."""

    error: X2VError | None = None
    """Why nothing can be shown, or None."""

    def __init_subclass__(cls, **options: Any) -> None:
        if cls.__dict__.get("_module"):  # not the nameless subclass that anywidget makes for its own traits
            cls._esm, cls._css = page.esm(cls._module), page.css(cls._module, *cls._parts)
        for name in ("data", "figure"):
            if name in cls.__dict__:
                setattr(cls, name, _shows(cls.__dict__[name]))
        super().__init_subclass__(**options)

    def __init__(self, *args: Any, budget: int | None = None, **options: Any) -> None:
        """budget: bytes that may be sent to the browser; what is above it is left out, and said to be."""
        self.budget = buffer.LIMIT_BYTES if budget is None else budget
        self._made_of: tuple[tuple[Any, ...], dict[str, Any]] | None = (args, options)
        self._begin_selecting()
        self._bundled = not args and not any(value is not None for value in options.values())
        try:
            values = self._values(self.prepare(*args, **options))
        except X2VError as error:
            self.error = error
            values = {"metadata": {"error": error.parts, "label": self.label, "arrays": []}}
        self._first: Mapping[str, Any] = values.get("selection", {})
        super().__init__(**values, layout={"width": "100%"})

    # -- what a view is made of

    def prepare(self, *args: Any, **options: Any) -> Content:
        """Read what the constructor was given and say what to show, or raise X2VError."""
        raise NotImplementedError

    def data(self) -> dict[str, Array]:
        """What is seen now, as numpy arrays by name. Raises the X2VError that the view shows."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """What is seen now, as a matplotlib figure. Raises the X2VError that the view shows."""
        raise NotImplementedError

    def _complete(self) -> None:
        """Pack what a page without a kernel could not ask for; called before a view is exported."""

    # -- what every view can do

    def show(self, content: Content) -> None:
        """Put other content into the view that is already on the page. X2VError above `LIMIT_BYTES`."""
        values = self._values(content)
        self._bundled, self._made_of = False, None
        with self.hold_sync():
            self.error = None
            for name, value in values.items():
                self.set_trait(name, value)

    @overload
    def to_html(self, path: None = None, title: str | None = None) -> str: ...

    @overload
    def to_html(self, path: str | os.PathLike[str], title: str | None = None) -> Path: ...

    def to_html(self, path: str | os.PathLike[str] | None = None, title: str | None = None) -> str | Path:
        """The view as one HTML page that opens offline; or written to a path (.html), which is returned.

        title: the page's name, by default the view's label. Raises the X2VError that the view shows.
        """
        text = page.html(self, path, title)
        return text if path is None else Path(path)

    def fitted(self, budget: int) -> View:
        """This view where it sends no more than so many bytes, else another one of the same that leaves more
        out and stands at the same place.
        """
        if len(self.buffer) <= budget or self._made_of is None:
            return self
        args, options = self._made_of
        other = type(self)(*args, **options, budget=budget)
        if other.error is None:
            other.selection, other.group = other._rules.fitted(self.selection), self.group
        return other

    def close(self) -> None:
        """Close the widget and what lays it out, so that nothing of it stays behind in the kernel."""
        layout = self._trait_values.get("layout")
        super().close()
        if layout is not None:
            layout.close()

    def _values(self, content: Content) -> dict[str, Any]:
        """Content as the values of this view's traits."""
        manifest, buffer = pack(content.arrays)
        self._rules = Rules(content.selection, content.limits, content.choices, content.blank)
        nothing = content.blank
        choices = {
            key: [*values, *([nothing[key]] if key in nothing else [])]
            for key, values in content.choices.items()
        }
        own = {"label": self.label, "limits": dict(content.limits), "choices": choices, "arrays": manifest}
        if taken := sorted(own.keys() & content.metadata.keys()):
            raise ValueError(f"metadata {taken} of {type(self).__name__}: View writes these names itself")
        metadata = {**content.metadata, **own}
        return {"metadata": metadata, "buffer": buffer, "selection": dict(content.selection)}

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        """The live widget, and beside it a PNG for where no widget can be: GitHub, PDF, an email."""
        data = self._formats(**options)
        return data if self.error is not None else {**data, "image/png": display.encoded(self._png())}

    def _ipython_display_(self) -> None:
        """Show the view, and leave its picture where a reader without this kernel finds it (display.py)."""
        from IPython.display import display as publish

        if self.error is not None:
            publish(self._formats(), raw=True)
        else:
            hints = self._hints()
            display.outputs(self._formats(), self._png, lambda data: publish(data, metadata=hints, raw=True))

    def _formats(self, **options: Any) -> dict[str, Any]:
        """What a notebook holds of the view, its picture apart."""
        data: dict[str, Any] = {}
        if self.comm is not None:  # outside a notebook there is no widget to show
            bundle = super()._repr_mimebundle_(**options)
            data |= (bundle[0] if isinstance(bundle, tuple) else bundle) or {}
        named = f"{type(self).__name__}: {self.label}"
        return data | {"text/plain": named if self.error is None else str(self.error)}

    def _hints(self) -> dict[str, Any]:
        """What a notebook must know of the widget beside its name: Colab, where its script is."""
        bundle = super()._repr_mimebundle_() if self.comm is not None else None
        return bundle[1] if isinstance(bundle, tuple) else {}

    def _png(self) -> bytes:
        """The static picture: of what is bundled the one that was kept, for drawing it takes a second."""
        kept = page.STATIC / self._module / KEPT_PICTURE
        if self._bundled and self.selection == self._first and kept.is_file():
            return kept.read_bytes()
        return self.draw_png()

    def draw_png(self) -> bytes:
        """The static picture, small: few colours, 72 dots an inch."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(self.figure())
        canvas.figure.set_dpi(72)
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        stream = io.BytesIO()
        picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(stream, "PNG")
        return stream.getvalue()


def _shows(read: Callable[[View], Seen]) -> Callable[[View], Seen]:
    """What reads a view, so that it raises the view's error where there is nothing to read."""

    @wraps(read)
    def reading(view: View) -> Seen:
        if view.error is not None:
            raise view.error
        return read(view)

    return reading


def as_trace(given: TraceLike) -> Trace:
    """A trace, the path of one, or None for the bundled one. Raises X2VError for anything else."""
    if given is None:
        return sample()
    if isinstance(given, Trace):
        return given
    if isinstance(given, (str, Path, os.PathLike)):
        return Trace.load(given)
    cure = "pass x2vkit.record(...), the path of an .x2v file, or nothing for a bundled trace"
    raise X2VError(f"a {type(given).__name__}", "a view shows a Trace", cure)


def geometry_metadata(geometry: Geometry) -> dict[str, Any]:
    """A geometry for the browser, as `Geometry` in static/lib/geometry.js reads it."""
    return asdict(geometry)


def notes_metadata(trace: Trace, left_out: Sequence[str]) -> dict[str, Any]:
    """What the recording did not see, and what of it a page leaves out, for static/lib/notes.js."""
    unseen = []
    for one in trace.coverage.get("unseen", ()):
        where = [str(place) for place in one.get("where", ())]
        more = f" and {len(where) - MOST_PLACES} more" if len(where) > MOST_PLACES else ""
        places = f" ({', '.join(where[:MOST_PLACES])}{more})" if where else ""
        unseen.append(f"{one['said']}{places}")
    return {"unseen": unseen, "left_out": list(left_out)}


def pictures_of(trace: Trace, name: str) -> SpriteSheet:
    """`frames` or `previews` of a trace without loss, or as the image of the file they came from."""
    return SpriteSheet(trace.encoded(name) or getattr(trace, name))
