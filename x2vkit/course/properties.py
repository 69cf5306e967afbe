"""What a check is made of: named properties of the reader's function, and the reader's function itself.

A check is a generator: it calls the function on small inputs and yields `Property` after `Property`; the
first that does not hold ends it.

    def double(fn: Answer) -> Iterator[Property]:
        found = fn(np.array([1.0, 2.0]))
        yield has_shape("as many numbers as before", found, (2,), "do not add the numbers up")
        yield equals("each is twice as large", found, [2.0, 4.0], "multiply by two")
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

import numpy as np

SMALL = 64
"""Most numbers of an array that are shown one by one."""


@dataclass(frozen=True)
class Property:
    """Something that must be true of what a function returns."""

    name: str
    """What must be true, in words."""
    holds: bool
    """Whether it is."""
    hint: str
    """What to think about where it is not."""
    got: str = ""
    """What was found, in words or numbers."""


class Trouble(Exception):
    """The reader's function gave nothing that can be looked at; the message says why, in a sentence."""


class Blank(Trouble):
    """The function is not written yet."""


class Answer:
    """The reader's function, called as itself: errors become sentences, and inputs are remembered."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.shown = ""
        """The last call, with its inputs where they are small."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns. Raises Trouble where it fails, returns nothing or changes its input."""
        self.shown = describe_call(self.fn, args, kwargs)
        before = deepcopy((args, kwargs))
        try:
            result = self.fn(*args, **kwargs)
        except NotImplementedError as error:
            raise unwritten(error, self.fn) from error
        except Exception as error:
            raise Trouble(sentence(error, self.fn)) from error
        if result is Ellipsis:
            raise Blank("nothing is written yet")
        if result is None:
            raise Trouble("it returned nothing (None): is there a `return` with the result?")
        kept = zip([*before[0], *before[1].values()], [*args, *kwargs.values()], strict=True)
        if any(changed(old, new) for old, new in kept):
            raise Trouble(
                "it changed its input in place: make a new array, so that the caller's stays as it was"
            )
        return result


def holds(name: str, condition: Any, hint: str, got: object = "") -> Property:
    """A property that is any condition."""
    return Property(name, bool(condition), hint, "" if isinstance(got, str) and not got else describe(got))


def has_shape(name: str, found: Any, shape: Iterable[int], hint: str) -> Property:
    """The shape of an array or tensor is the one that must be."""
    shape = tuple(shape)
    have = tuple(getattr(found, "shape", np.shape(found)))
    return Property(name, have == shape, hint, f"shape {have}, where {shape} is needed")


def equals(name: str, found: Any, wanted: Any, hint: str, tolerance: float = 1e-5) -> Property:
    """Numbers are those wanted, to `tolerance` (absolute, and relative to the largest wanted)."""
    have, want = as_array(found), as_array(wanted)
    if have.shape != want.shape:
        return Property(name, False, hint, f"shape {have.shape}, where {want.shape} is needed")
    if not want.size:
        return Property(name, True, hint)
    far = np.abs(have.astype(np.float64) - want.astype(np.float64))
    limit = tolerance * max(1.0, float(np.abs(want.astype(np.float64)).max()))
    good = bool((far <= limit).all())  # a NaN is not
    return Property(name, good, hint, "" if good else f"{describe(found)}; off by up to {far.max():.3g}")


def as_array(value: Any) -> np.ndarray:
    """An array of numbers, also of a tensor. Raises Trouble for anything else."""
    value = value.detach().float().cpu().numpy() if hasattr(value, "detach") else value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise Trouble(
            f"{describe(value)} came back, and it is no array: its rows differ in length"
        ) from error
    if array.dtype.kind not in "biuf":
        raise Trouble(f"{describe(value)} came back, where numbers are needed")
    return array


def changed(old: Any, new: Any) -> bool:
    """Whether an array that was handed over is not what it was."""
    if not hasattr(new, "shape") or not hasattr(new, "dtype"):
        return False
    old, new = as_array(old), as_array(new)
    return old.shape != new.shape or not np.array_equal(old, new, equal_nan=old.dtype.kind == "f")


# -- in words -----------------------------------------------------------------------------------------------


def describe(value: Any) -> str:
    """A value on a line or a few: all numbers where they are few, else shape and range."""
    if hasattr(value, "detach"):
        return describe(value.detach().float().cpu().numpy()).replace("array", "tensor", 1)
    if not isinstance(value, np.ndarray):
        text = getattr(value, "__name__", "") if callable(value) else repr(value)
        return text if len(text) <= 300 else f"{text[:300]} …"
    if value.size <= SMALL:
        flat = value.ravel() if value.ndim > 1 and value.size == len(value) else value
        numbers = np.array2string(flat, precision=3, suppress_small=True, separator=", ")
        return f"array {value.shape} {numbers}"
    ends = f", from {value.min():.3g} to {value.max():.3g}" if value.dtype.kind in "iuf" else ""
    return f"array {value.shape} of {value.dtype}{ends}"


def describe_call(fn: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> str:
    """`name(a, b)` with what each argument was, a line each."""
    name = getattr(fn, "__name__", "your function")
    try:
        names = list(inspect.signature(fn).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        names = [f"argument {i + 1}" for i in range(len(args))] + list(kwargs)
    values = [*args, *kwargs.values()]
    lines = [f"{key} = {describe(value)}" for key, value in zip(names, values, strict=False)]
    return "\n".join([f"{name}({', '.join(names)})", *(f"  {line}" for line in lines)])


def sentence(error: Exception, fn: Callable[..., Any]) -> str:
    """What went wrong and in which line of the reader's own code."""
    said = f"{type(error).__name__}: {error}"
    code = getattr(inspect.unwrap(fn), "__code__", None)
    own = [(frame, line) for frame, line in steps(error.__traceback__) if code and own_code(frame, code)]
    if not own:
        return f"calling it failed with {said}"
    frame = next((each for each, _ in reversed(own) if not each.f_code.co_name.startswith("<")), own[0][0])
    line = own[-1][1]  # inside a comprehension or a lambda, it is counted in the function around
    at = line - frame.f_code.co_firstlineno + 1
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    where = f"line {at} of {frame.f_code.co_name}"
    return f"{where}, `{text}`: {said}" if text else f"{where}: {said}"


def unwritten(error: NotImplementedError, fn: Callable[..., Any]) -> Trouble:
    """What to say where a blank was met: the function itself, or another one that it calls."""
    *_, (frame, _) = steps(error.__traceback__)
    code = getattr(inspect.unwrap(fn), "__code__", None)
    if code is None or frame.f_code is code or not own_code(frame, code):
        return Blank("nothing is written yet")
    return Trouble(f"it calls `{frame.f_code.co_name}`, which is not written yet: write that one first")


def steps(traceback: TracebackType | None) -> Iterable[tuple[FrameType, int]]:
    """Frames and lines of a traceback, outermost first."""
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def own_code(frame: FrameType, code: Any) -> bool:
    """Whether a frame is the reader's: the same file or cell, or one of the notebook's other cells."""
    file = frame.f_code.co_filename
    return file == code.co_filename or "ipykernel" in file or file.startswith("<ipython")
