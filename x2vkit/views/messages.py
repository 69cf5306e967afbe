"""What the pages of Playground, Director and Play may say to the kernel: kinds of messages, or a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from x2vkit.errors import X2VError


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_text, value))


Check = tuple[Callable[[Any], bool], str]
"""Whether a value will do, and what it is in words."""
SETTINGS: Check = (
    lambda value: isinstance(value, dict) and (value.get("image") is None or _whole(value["image"])),
    "settings by name, its image the number of an upload",
)
NUMBER: Check = (_whole, "a whole number")
TEXT: Check = (_text, "text")
SWITCH: Check = (lambda value: isinstance(value, bool), "true or false")
SIDE: Check = (_texts, "a setting's name and its values, as text")
NAME: Check = (lambda value: value is None or _whole(value) or _text(value), "a number or text")
NUMBERS: Check = (
    lambda value: isinstance(value, list) and all(map(_whole, value)),
    "a list of whole numbers",
)

KINDS: dict[str, dict[str, Check]] = {
    "hello": {},
    "ask": {"settings": SETTINGS, "id": NAME, "typed": SWITCH},
    "cancel": {},
    "warm": {"model": TEXT},
    "image": {"image": NUMBER},
    "star": {"entry": NUMBER, "starred": SWITCH},
    "export": {"entry": NUMBER, "suffix": TEXT},
    "grid": {"settings": SETTINGS, "across": SIDE, "down": SIDE},
    "stop_grid": {},
    "compare": {"entries": NUMBERS},
    "inside": {"entry": NUMBER},
    "expand": {"prompt": TEXT, "seed": NUMBER},
}
"""Kind of the Playground's messages -> its parts; an image comes with its bytes as a buffer."""
DIRECTOR: dict[str, dict[str, Check]] = {
    "hello": {},
    "ask": {"asked": (lambda value: isinstance(value, dict), "a request by name"), "draft": SWITCH},
    "cancel": {},
}
"""Kind of the Director's messages -> its parts."""


PLAY: dict[str, dict[str, Check]] = {
    "hello": {},
    "press": {"key": TEXT},
    "start": {"prompt": TEXT, "seed": NUMBER},
    "cancel": {},
}
"""Kind of Play's messages -> its parts."""


def check_message(
    message: Any, buffers: Sequence[Any], kinds: Mapping[str, Mapping[str, Check]] = KINDS
) -> Mapping[str, Any]:
    """The message; one of a kind that there is none of passes, as {}: a newer page may say more.

    Raises:
        X2VError: a part is missing or of another kind.
    """
    if not isinstance(message, dict) or not isinstance(kind := message.get("kind"), str):
        rule = "a message is an object with a kind"
        raise X2VError(f"message {message!r:.60}", rule, "load the page again")
    for name, (holds, said) in kinds.get(kind, {}).items():
        if name not in message:
            raise X2VError(
                f"message {kind!r} without {name}", f"it has {name}: {said}", "load the page again"
            )
        if not holds(message[name]):
            got = f"message {kind!r} with {name}={message[name]!r:.60}"
            raise X2VError(got, f"{name} is {said}", "load the page again")
    if kind == "image" and not buffers:
        raise X2VError("message 'image' without bytes", "a picture comes with its file", "upload it again")
    return message if kind in kinds else {}
