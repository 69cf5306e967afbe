"""Where a reader is in a view: what a selection may hold, and how linked views follow each other.

A selection comes from Python, from linked views and from the browser, which may send anything.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from x2vkit.errors import X2VError


class Selection(traitlets.Dict):
    """A traitlets.Dict that refuses other things with a sentence."""

    def validate(self, obj: Any, value: Any) -> Any:
        """The value, if it is a dictionary. X2VError if not."""
        if not isinstance(value, dict):
            cure = 'set view.selection = {"frame": 3}'
            raise X2VError(f"selection={value!r:.60}", "a selection is a dictionary", cure)
        return super().validate(obj, value)


@dataclass(frozen=True)
class Rules:
    """What the keys of one view's selection may hold."""

    first: Mapping[str, Any] = field(default_factory=dict)
    """The selection that the view began with: a key's value stays of that kind."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Keys that are whole numbers from 0, with their largest value."""
    choices: Mapping[str, Collection[Any]] = field(default_factory=dict)
    """Keys that are one of several values."""
    blank: Mapping[str, Any] = field(default_factory=dict)
    """Keys that may also hold nothing, and the value that says so."""

    def check(self, wanted: Mapping[str, Any]) -> None:
        """Raise X2VError for a key that there is none of, or a value that its key cannot hold."""
        if strange := sorted(str(key) for key in wanted if key not in self.first):
            rule = f"this view selects {', '.join(sorted(self.first)) or 'nothing'}"
            raise X2VError(f"selection of {', '.join(strange):.60}", rule, "leave it out")
        for key, value in wanted.items():
            if key in self.blank and type(value) is type(self.blank[key]) and value == self.blank[key]:
                continue
            if not self._holds(key, value):
                raise X2VError(f"{key}={value!r:.60}", f"{key} is {self._said(key)}", "stay inside")

    def fitted(self, shared: Mapping[str, Any]) -> dict[str, Any]:
        """Of another view's selection what this one can follow; a shorter clip stays at its last frame."""
        found = {}
        for key, value in shared.items():
            if key in self.limits and isinstance(value, int):
                value = min(value, self.limits[key])
            if key in self.first and (self._holds(key, value) or (key in self.blank and value is None)):
                found[key] = value
        return found

    def _holds(self, key: str, value: Any) -> bool:
        if key in self.limits:
            return _whole(value) and 0 <= value <= self.limits[key]
        if key in self.choices:
            return any(type(value) is type(one) and value == one for one in self.choices[key])
        return _alike(value, self.first[key])

    def _said(self, key: str) -> str:
        if key in self.limits:
            most = self.limits[key]
            return f"a whole number from 0 to {most}" if most >= 0 else "nothing here"
        if key in self.choices:
            several = self.choices[key]
            if isinstance(several, range):
                return f"a whole number from {several[0]} to {several[-1]}"
            return f"one of {', '.join(map(repr, several))}"
        return {bool: "True or False", str: "text", int: "a number", float: "a number"}.get(
            type(self.first[key]), "three whole numbers: frame, row and column"
        )


def _alike(value: Any, first: Any) -> bool:
    """Whether a value is of the kind of another; a point stands where that is None."""
    if first is None:
        return (
            isinstance(value, (list, tuple)) and len(value) == 3 and all(_whole(n) and n >= 0 for n in value)
        )
    if isinstance(first, (bool, str)):
        return type(value) is type(first)
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) < 2**63
        and isfinite(value)
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Selecting(anywidget.AnyWidget):
    """The part of a view that knows where the reader is, and tells the views that it is linked to."""

    selection = Selection().tag(sync=True)
    """Where the reader is: {"step": 3, "frame": 0, ...}. Set some or all of its keys to go there."""
    group = traitlets.Unicode().tag(sync=True)
    """Views of one group follow each other in the browser; see `link`."""

    def _begin_selecting(self) -> None:
        self._rules = Rules()
        self._chosen: dict[str, Any] = {}
        self._linked: weakref.WeakSet[Selecting] = weakref.WeakSet()

    def link(self, *others: Selecting) -> Selecting:
        """Let views follow each other: what is selected in one is selected in all that know such a thing.

        In the browser at once and without the kernel, in the kernel when a choice is made. Returns self.
        """
        views = [self, *others]
        views += [far for view in views for far in view._linked]
        group = uuid4().hex
        for view in dict.fromkeys(views):
            view._linked.update(other for other in views if other is not view)
            view.group = group
        self._relay({"new": self.selection})
        return self

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> dict[str, Any]:
        self._rules.check(wanted := dict(proposal["value"]))
        # The last one that was right, not self.selection: while a message of the browser is taken in, that is
        # the new value already.
        kept = {key: value for key, value in self._chosen.items() if key in self._rules.first}
        self._chosen = {**self._rules.first, **kept, **wanted}
        return dict(self._chosen)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take in what the browser sends. X2VError for a selection that cannot be; the browser hears what
        still holds.
        """
        try:
            if "selection" in sync_data:
                self._check_selection({"value": Selection().validate(self, sync_data["selection"])})
        except X2VError:
            self.send_state("selection")
            raise
        super().set_state(sync_data)

    @traitlets.observe("selection")
    def _relay(self, change: Any) -> None:
        for other in list(self._linked):
            shared = other._rules.fitted(change["new"])
            if any(other.selection[key] != value for key, value in shared.items()):
                other.selection = shared
