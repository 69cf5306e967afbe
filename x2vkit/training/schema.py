"""Tables of a recipe, read by the types and ranges that their dataclasses state.

A field says what it may be where it is declared: `steps: Annotated[int, Range(1, 1e9)]`. Whoever writes a
recipe is told the value, the rule and the cure before anything is rendered or trained.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from math import inf, isfinite
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from x2vkit.errors import X2VError

Table = TypeVar("Table")


@dataclass(frozen=True)
class Range:
    """What a number may be, both ends allowed; of a sequence, each of its numbers."""

    low: float
    high: float = inf

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if self.high == inf:
            return f"at least {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


Part = Annotated[float, Range(0, 1)]
"""A share of something."""
Weight = Annotated[float, Range(0, 1000)]
"""How much a term counts; 0 is off."""
Count = Annotated[int, Range(1, 1e9)]
"""How many of something there must be."""
POSITIVE = Range(1e-12, 1e12)
"""Above zero."""


def read_table(
    kind: type[Table], values: Any, where: str, ranges: Mapping[str, Range] | None = None
) -> Table:
    """A dataclass from a table of plain values.

    Args:
        kind: the dataclass.
        values: field -> value, as TOML and JSON give them.
        where: what the table is called in messages.
        ranges: of fields whose class states none.

    Raises:
        X2VError: a field that there is none of, one that is missing, of another type, or out of its range.
    """
    defaults: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        made = field.default is MISSING and field.default_factory is not MISSING
        defaults[field.name] = None if made else field.default
    return kind(**_checked(defaults, get_type_hints(kind, include_extras=True), values, where, ranges or {}))


def read_arguments(
    function: Callable[..., Any], values: Any, where: str, ranges: Mapping[str, Range] | None = None
) -> dict[str, Any]:
    """Keyword arguments of a function or class, checked as `read_table` checks fields."""
    made = function.__init__ if inspect.isclass(function) else function
    parameters = inspect.signature(made).parameters.values()
    defaults = {
        p.name: MISSING if p.default is p.empty else p.default for p in parameters if p.name != "self"
    }
    hints = get_type_hints(made, include_extras=True)
    return _checked(defaults, hints, values, where, ranges or {})


def _checked(
    defaults: dict[str, Any], hints: dict[str, Any], values: Any, where: str, ranges: Mapping[str, Range]
) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise X2VError(f"{where} = {values!r}", "it is a table of named values", "write it as a table")
    strange = sorted(str(name) for name in set(values) - set(defaults))
    if strange:
        known = f"its fields are {', '.join(defaults)}"
        raise X2VError(f"{where}: {', '.join(strange)}", known, "rename or remove it")
    missing = [name for name, default in defaults.items() if default is MISSING and name not in values]
    if missing:
        raise X2VError(where, f"it needs {', '.join(missing)}", "add the missing field")
    found = {}
    for name, value in values.items():
        hint = Annotated[hints[name], ranges[name]] if name in ranges else hints[name]
        try:
            found[name] = _converted(value, hint, f"{where} {name}")
        except _Unfit as error:
            default = defaults[name]
            cure = "correct it" if default is MISSING or default is None else f"use {default!r}"
            raise X2VError(f"{where}: {name} = {_short(value)}", f"{name} is {error}", cure) from None
    return found


class _Unfit(Exception):
    """A value is not what its type and range say; the message says what they are."""


def _converted(value: Any, hint: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        return _in_range(_converted(value, args[0], where), [a for a in args[1:] if isinstance(a, Range)])
    if origin is Literal:
        if value not in args:
            raise _Unfit(f"one of {', '.join(map(str, args))}")
        return value
    if origin in (Union, types.UnionType):
        return _first(value, args, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return value if isinstance(value, hint) else read_table(hint, value, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(value, args, where)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _sequence(value, origin, args, where)
    return _plain(value, hint)


def _plain(value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not isfinite(value):
            raise _Unfit("a finite number")
        return float(value)
    if kind is type(None) and value is None or type(value) is kind:
        return value
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    raise _Unfit(names.get(kind, str(kind)))


def _in_range(value: Any, ranges: list[Range]) -> Any:
    for number in value if isinstance(value, tuple) else (value,):
        for limits in ranges:
            if isinstance(number, (int, float)) and number not in limits:
                raise _Unfit(f"{limits}" if not isinstance(value, tuple) else f"of numbers {limits}")
    return value


def _first(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    """By the first of several types that fits."""
    told = []
    for kind in kinds:
        try:
            return _converted(value, kind, where)
        except _Unfit as error:
            told.append(str(error))
    raise _Unfit(" or ".join(told))


def _mapping(value: Any, args: tuple[Any, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _Unfit("a table of named values")
    return {key: _converted(one, args[1], f"{where}.{key}") for key, one in value.items()}


def _sequence(value: Any, origin: type, args: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _Unfit("a list")
    if origin is tuple and args[-1] is not Ellipsis:
        if len(value) != len(args):
            raise _Unfit(f"a list of {len(args)}")
        return tuple(
            _converted(v, kind, f"{where}[{i}]") for i, (v, kind) in enumerate(zip(value, args, strict=True))
        )
    return tuple(_converted(one, args[0], f"{where}[{i}]") for i, one in enumerate(value))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
