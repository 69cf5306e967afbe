"""Watching a pipeline's call from outside: its arguments, its scheduler's steps, its models' forwards.

Nothing of the pipeline is copied or replaced. While watched, the pipeline, its scheduler and its tokenizers
are of subclasses of their own classes that tell what passes through; hooks sit on the denoising models. All
of it is taken away again, whatever ends the watch. One watch at a time: two could not be taken away in any
order.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from threading import Lock, get_ident
from types import new_class
from typing import Any, Protocol

from torch import Tensor, nn

from x2vkit.adapters.asking import refused_call
from x2vkit.errors import X2VError

DENOISERS = ("transformer", "unet")
"""How the components that denoise are named: "transformer", "transformer_2", "unet"."""

WATCHED: dict[int, Any] = {}
"""Pipelines and components that are watched now, by their id."""
LOCK = Lock()

Here = Callable[[], bool]
"""Whether this is the thread that is watched."""


class Watcher(Protocol):
    """Who is told. Each method may raise, which ends the pipeline's call."""

    def begins(self, call: dict[str, Any]) -> None:
        """The pipeline was called, with all arguments by name, defaults too."""

    def ends(self, result: Any) -> None:
        """The call is over, with what it returns."""

    def stepped(self, scheduler: Any, given: dict[str, Any], result: Any) -> None:
        """A scheduler made a step."""

    def forward_begins(self, name: str, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        """A denoising model is about to run."""

    def forward_ends(self, name: str, model: nn.Module, output: Any) -> None:
        """It ran; None if it did not come to its end."""

    def decoded(self, z: Tensor, result: Any) -> None:
        """The VAE decoded."""

    def tokenized_text(self, name: str, text: Any, result: Any) -> None:
        """A tokenizer read texts."""


def denoisers(pipe: Any) -> dict[str, nn.Module]:
    """The models of a pipeline that denoise, by name."""
    parts = {name: getattr(pipe, name, None) for name in pipe.components}
    return {
        name: part
        for name, part in parts.items()
        if name.startswith(DENOISERS) and isinstance(part, nn.Module)
    }


def watching(pipe: Any, watcher: Watcher) -> ExitStack:
    """Tell a watcher all that the pipeline does in this thread, until the stack is closed.

    Raises:
        X2VError: the pipeline, or a component that it shares, is being watched already.
    """
    stack, thread = ExitStack(), get_ident()

    def here() -> bool:
        return get_ident() == thread

    try:
        _claim(stack, pipe)
        _intercept(stack, pipe, "__call__", partial(_call, watcher, here))
        for name, part in pipe.components.items():
            if "scheduler" in name and hasattr(part, "step"):
                _seen(name, part)
                _intercept(stack, part, "step", partial(_step, watcher, here))
            if "tokenizer" in name and callable(part):
                _intercept(stack, part, "__call__", partial(_tokenize, watcher, here, name))
            if name == "vae" and hasattr(part, "decode"):
                _intercept(stack, part, "decode", partial(_decode, watcher, here))
        for name, model in denoisers(pipe).items():
            _hook(stack, name, model, watcher, here)
    except BaseException:
        stack.close()
        raise
    return stack


def _seen(name: str, scheduler: Any) -> None:
    """X2VError where a scheduler's own `step` lies over that of its class, which is what is watched."""
    if "step" in getattr(scheduler, "__dict__", {}):
        rule = "it was replaced on this object, so that the scheduler's steps cannot be seen"
        cure = f"take it off with `del pipe.{name}.step`, or put it into a subclass of the scheduler's class"
        raise X2VError(f"pipe.{name}.step", rule, cure)


def _claim(stack: ExitStack, pipe: Any) -> None:
    """Let nobody else watch a pipeline, nor what is watched of its components, until the stack is closed."""
    watched = ("scheduler", "tokenizer", "vae", *DENOISERS)
    parts = {
        name: part
        for name, part in pipe.components.items()
        if part is not None and any(word in name for word in watched)
    }
    mine = {"": pipe} | parts
    with LOCK:
        for name, part in mine.items():
            if id(part) in WATCHED:
                got = type(pipe).__name__ + (f" with this {name}" if name else "")
                rule = "it is being recorded already, and there is one recording at a time"
                raise X2VError(got, rule, "wait until that one is over, or load a second pipeline")
        ids = {id(part): part for part in mine.values()}
        WATCHED.update(ids)

    def release() -> None:
        with LOCK:
            for key in ids:
                WATCHED.pop(key, None)

    stack.callback(release)


def by_name(function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a call by their names, defaults filled in; those of **kwargs beside them."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    named = dict(bound.arguments)
    for one in inspect.signature(function).parameters.values():
        if one.kind is inspect.Parameter.VAR_KEYWORD:
            named |= named.pop(one.name)
    return named


def _intercept(stack: ExitStack, thing: Any, method: str, told: Callable[..., Any]) -> None:
    """Give one object a class of its own whose `method` goes through `told(run, *args, **kwargs)`.

    Copies of the object, as some pipelines make of their scheduler, are watched with it.
    """
    own = type(thing)
    original = getattr(own, method)

    @functools.wraps(original)
    def replaced(self: Any, *args: Any, **kwargs: Any) -> Any:
        return told(original.__get__(self), *args, **kwargs)

    body = {method: replaced, "__module__": own.__module__, "__qualname__": own.__qualname__}
    thing.__class__ = new_class(own.__name__, (own,), exec_body=lambda space: space.update(body))
    stack.callback(setattr, thing, "__class__", own)


def _call(watcher: Watcher, here: Here, run: Any, *args: Any, **kwargs: Any) -> Any:
    if not here():
        return run(*args, **kwargs)
    try:
        call = by_name(run, args, kwargs)
    except TypeError:
        raise refused_call(run, args, kwargs) from None
    watcher.begins(call)
    result = run(*args, **kwargs)
    watcher.ends(result)
    return result


def _step(watcher: Watcher, here: Here, run: Any, *args: Any, **kwargs: Any) -> Any:
    if not here():
        return run(*args, **kwargs)
    given = by_name(run, args, kwargs)
    given["sample"] = given["sample"].detach().clone()  # schedulers and pipelines may write into it
    result = run(*args, **kwargs)
    watcher.stepped(run.__self__, given, result)
    return result


def _tokenize(watcher: Watcher, here: Here, name: str, run: Any, *args: Any, **kwargs: Any) -> Any:
    result = run(*args, **kwargs)
    if here():
        watcher.tokenized_text(name, args[0] if args else kwargs.get("text"), result)
    return result


def _decode(watcher: Watcher, here: Here, run: Any, z: Tensor, *args: Any, **kwargs: Any) -> Any:
    result = run(z, *args, **kwargs)
    if here():
        watcher.decoded(z, result)
    return result


def _hook(stack: ExitStack, name: str, model: nn.Module, watcher: Watcher, here: Here) -> None:
    def before(_: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if here():
            watcher.forward_begins(name, model, args, kwargs)

    def after(_: nn.Module, args: tuple, output: Any) -> None:
        if here():
            watcher.forward_ends(name, model, output)

    stack.callback(model.register_forward_pre_hook(before, with_kwargs=True).remove)
    stack.callback(model.register_forward_hook(after, always_call=True).remove)
