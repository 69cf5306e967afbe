"""Odd values: what people, programs and damaged files put where a number, a text or a file belongs."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

NUMBERS: tuple[Any, ...] = (
    *(-1, 0, 1, 2, 3, 17, 4001, 16384, 50_000, 10**6, 10**9, 2**31, 2**53, 2**63, 10**30, -(10**9)),
    *(0.5, 1.5, -0.25, 1e-320, 1e30, 1e308, -1e308, float("nan"), float("inf"), float("-inf"), 1e9),
)
TEXTS: tuple[Any, ...] = (
    *("", " ", "x", "1", "nan", "-1", "true", "null", "a red ball", "\0", "a\0b", "\ud800", "../../etc"),
    *("/dev/null", "C:\\x", "<b>x</b>", "é" * 40, "\N{CAT FACE}" * 9, "a, b; c", "%s {0} $HOME", "\n\r\t"),
    *("x" * 100_000, "a " * 20_000, "without a hat", "no no no", "(red:1.3)", "'" * 31, "一只红色的猫"),
)
PLAIN: tuple[Any, ...] = (
    *(None, True, False, [], [1], [None], ["a"], [[]], [[1, 2], [3]], {}, {"a": 1}, {"": {}}, [0.5, "x"]),
    *([float("nan")], [[-1] * 4] * 3, {"path": "/etc/hostname"}, [10**9] * 3, [True, 2.5, None]),
)
"""What JSON can say, too."""


def _objects() -> tuple[Any, ...]:
    """What only Python can hand over."""
    import torch

    return (
        *((), (1, 2), {1, 2}, b"x", b"", bytearray(3), object(), print, 1j, range(3), Ellipsis, type),
        *(
            np.zeros(0),
            np.zeros((3, 4)),
            np.float64("nan"),
            np.int64(3),
            np.array(7),
            np.full((5, 4), np.nan),
        ),
        *(
            np.zeros((2, 2), object),
            np.array(["a", "b"]),
            np.zeros((16, 16, 3), np.uint8),
            np.ones((1, 1, 1)),
        ),
        *(np.zeros((2, 16, 16, 3)), np.full((16, 16, 3), np.inf), np.datetime64("2020-01-01")),
        *(torch.zeros(0), torch.zeros(1, 24, 1, 2, 2), torch.full((1, 24, 1, 2, 2), float("nan"))),
        *(torch.zeros(3, dtype=torch.bool), torch.zeros(2, 2, dtype=torch.complex64), torch.Generator()),
    )


def plain(rng: random.Random) -> Any:
    """Anything that JSON, TOML or a page can say."""
    return rng.choice(rng.choice((NUMBERS, TEXTS, PLAIN)))


def anything(rng: random.Random) -> Any:
    """Anything that a Python caller can hand over."""
    return rng.choice(rng.choice((NUMBERS, TEXTS, PLAIN, _objects())))


def spelt(value: Any) -> str:
    """A value as a few characters, for a case's name."""
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"{type(value).__name__}{tuple(shape)} {value.dtype}"
    if isinstance(value, (str, bytes)) and len(value) > 30:
        return f"{type(value).__name__} of {len(value)}, {value[:10]!r}..."
    return ascii(value)[:50]


def damaged(data: bytes, rng: random.Random, reach: int | None = None) -> bytes:
    """A file's bytes, some of them changed, or cut, or with more behind them."""
    way = rng.random()
    if way < 0.25:
        return data[: rng.randrange(len(data) + 1)]
    if way < 0.3:
        return data + rng.randbytes(rng.choice((1, 40)))
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20))):
        changed[rng.randrange(min(reach or len(data), len(data)))] = rng.randrange(256)
    return bytes(changed)
