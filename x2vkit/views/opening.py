"""`Opening`: a view in which other views of the same trace open, at the same place.

In a notebook the kernel packs a view when it is first asked for; an exported page, which has no kernel to
ask, holds all of them. Either way the browser finds them in this view's own buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import traitlets

from x2vkit.trace import Trace
from x2vkit.views.base import Content, View
from x2vkit.views.buffer import ALIGN, check_size


class Opening(View):
    """A view whose selection has `inside`: "" or the name of the view that is open below it.

    A subclass sets `trace` and says in `_content` what it shows itself.
    """

    inside: ClassVar[Mapping[str, type[View]]] = {}
    """What opens inside, by the name that the selection has for it; its modules are `_parts`."""
    trace: Trace

    def __init__(self, *args: Any, **options: Any) -> None:
        self._opened: dict[str, View] = {}
        super().__init__(*args, **options)

    def fitted(self, budget: int) -> View:
        """This view with all that opens inside, within so many bytes."""
        if self.error is not None:
            return self
        self._complete()
        if len(self.buffer) <= budget:
            return self
        other = type(self)(self.trace, budget=budget)
        other.selection, other.group = self.selection, self.group
        return other

    @property
    def _share(self) -> int:
        """Bytes that this view and each that opens inside may send."""
        return self.budget // (len(self.inside) + 1)

    def _content(self, selection: Mapping[str, Any]) -> Content:
        """What the view shows, at a selection."""
        raise NotImplementedError

    def _complete(self) -> None:
        self._open(*self.inside)

    @traitlets.observe("selection")
    def _on_inside(self, change: Any) -> None:
        if name := change["new"].get("inside"):
            self._open(name)

    def _open(self, *names: str) -> None:
        """Put views' content beside this one's own. What cannot be shown says why, in its place."""
        if new := [name for name in names if name not in self._opened]:
            self._opened |= {name: self.inside[name](self.trace, budget=self._share) for name in new}
            self.show(self._content(self.selection))

    def _values(self, content: Content) -> dict[str, Any]:
        """This view's own traits, and behind its arrays those of the views that are open inside."""
        content = replace(content, choices={**content.choices, "inside": ("", *self.inside)})
        values = super()._values(content)
        packed = Packed(values["metadata"]["arrays"], values["buffer"])
        inside = {
            name: {"metadata": packed.take(view.metadata, view.buffer), "selection": view.selection}
            for name, view in self._opened.items()
        }
        check_size(len(packed.buffer))
        return values | {"buffer": bytes(packed.buffer), "metadata": {**values["metadata"], "inside": inside}}

    def close(self) -> None:
        """Close the widget and those that were packed into it."""
        for view in self._opened.values():
            view.close()
        super().close()


class Packed:
    """Several views' arrays in one buffer; what two of them hold alike is there once."""

    def __init__(self, entries: list[dict[str, Any]], buffer: bytes) -> None:
        self.buffer = bytearray(buffer)
        self._known: dict[bytes, int] = {}
        for entry in entries:
            self._known[buffer[entry["offset"] :][: entry["bytes"]]] = entry["offset"]

    def take(self, metadata: Mapping[str, Any], buffer: bytes) -> dict[str, Any]:
        """A view's metadata, its arrays where they lie in this buffer."""
        return {**metadata, "arrays": [self._entry(entry, buffer) for entry in metadata.get("arrays", ())]}

    def _entry(self, entry: Mapping[str, Any], buffer: bytes) -> dict[str, Any]:
        moved = {**entry, "offset": self._place(buffer[entry["offset"] :][: entry["bytes"]])}
        if "scale" in entry:
            start, count = entry["scale"]
            moved["scale"] = [self._place(buffer[start:][: 4 * count]), count]
        return moved

    def _place(self, data: bytes) -> int:
        if data not in self._known:
            self._known[data] = len(self.buffer)
            self.buffer += data + bytes(-len(data) % ALIGN)
        return self._known[data]
