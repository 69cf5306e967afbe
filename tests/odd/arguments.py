"""Odd arguments of the studio: seconds, words, masks, sounds, boxes, strokes, cameras, paths and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from x2vkit.media import SOUND_RATE

NAN = float("nan")
SECONDS = (0, -1, 1e-9, 0.01, 0.3, 119.99, 10_000, NAN, float("inf"), "4", None, True, [1], 1e308, 0.5j)
WORDS = (
    "", " ", "flurb", "zyx qwv", "the dog", "the moon", "a dog and a cat", "without", "no", "a" * 3000,
    "dog " * 400,
    "\0", "狗", "12", ", , ,", "the dog the dog the dog", "running", "a cat running", None, 3, ["a dog"],
    b"dog",
)  # fmt: skip


def numbers_of(*size: int) -> Any:
    return np.random.default_rng(0).random(size)


MASKS = (
    "", "the hat", "the moon", "background", "mouth", "head", "the dog", "a red hat on the beach", None, 1,
    [[True]],
    np.zeros((32, 32), bool), np.ones((32, 32), bool), np.eye(32, dtype=bool), np.eye(32), np.eye(32,
    dtype=int),
    np.eye(31, dtype=bool), np.zeros((5, 32, 32), bool), np.eye(32, dtype=bool)[None], np.zeros((0, 0), bool),
    np.full((32, 32), np.nan), np.eye(32, dtype=object), np.eye(32, dtype=bool)[None].repeat(5, 0), [["a"],
    [1, 2]],
    np.eye(32, dtype=bool)[..., None],
)  # fmt: skip
SHORT = np.sin(np.arange(4000) / 9) * 0.5
SOUNDS = (
    (np.zeros(0), SOUND_RATE), (np.zeros(1), SOUND_RATE), (np.ones(1), SOUND_RATE), (np.zeros(4000),
    SOUND_RATE),
    (SHORT, SOUND_RATE), (SHORT, 8000), (np.stack([SHORT, SHORT]), SOUND_RATE), (np.stack([SHORT] * 2, 1),
    SOUND_RATE),
    ((SHORT * 127 + 128).astype(np.uint8), 8000), ((SHORT * 127).astype(np.int8), SOUND_RATE), (SHORT * 1e30,
    1000),
    (SHORT, 0), (SHORT, -8000), (SHORT, NAN), (SHORT, "x"), (SHORT, 10**9), (SHORT, 1), (SHORT * NAN,
    SOUND_RATE),
    (np.full(4000, np.inf), SOUND_RATE), (SHORT > 0, SOUND_RATE), (SHORT.astype(complex), 8000), (list(SHORT),
    8000),
    (SHORT,), (SHORT, 8000, 1), SHORT, "", "nowhere.wav", "/dev/null", "/tmp", b"RIFF", 5, [],
    (np.zeros((3, 3, 3)), 8000), (np.array(["a"]), 8000), (SHORT * 1e-9, SOUND_RATE), (np.tile(SHORT, 400),
    SOUND_RATE),
)  # fmt: skip
"""Samples and their rates; what is no sound among them."""
BOXES = (
    [], [None], [None, None], [(0.6, 0.6, 0.2, 0.2)], [(0.1, 0.1, 0.5, 0.5)], [(0.1, 0.1, 0.1, 0.5)], [(5, 5,
    6, 6)],
    [(-3, -3, -2, -2)], [(0, 0, 1, 1)] * 2, [(0, 0, 1, 1)] * 3, (0.1, 0.1, 0.5, 0.5), [(NAN,) * 4], [[0.1,
    0.2, 0.3]],
    {"first": (0.1, 0.1, 0.5, 0.5), "dog": (0.2, 0.2, 0.6, 0.6)}, {"cat": (0.1, 0.1, 0.5, 0.5)}, {0: (0, 0, 1,
    1)},
    [{0: (0.1, 0.1, 0.5, 0.5), 0.3: (0.5, 0.1, 0.9, 0.5)}], [{-1: (0, 0, 1, 1)}], [{9: (0, 0, 1, 1)}], [{}],
    [{"x": (0, 0, 1, 1)}], [{NAN: (0, 0, 1, 1)}], [{None: (0, 0, 1, 1)}], [numbers_of(3, 4)], [numbers_of(500,
    4)],
    [{"soft": [0.5, 0, 1, 1]}], [{"soft": [0.5, 0, 1]}], [{"soft": [0.5, 0, 1, 1], "since": 99}],
    [{"soft": None}],
    [[{"soft": [0, 0, 0.3, 0.3]}, {"soft": [0.6, 0.6, 1, 1]}]], [[{"soft": [0, 0, 1, 1]}] * 40],
    [[1e300] * 4],
    [{"soft": [0.5, 0, 1, 1], "until": -1}], np.zeros((1, 5, 4)), np.zeros((2, 4)), "dog", [("a",) * 4],
    {"first": None},
    [[(0, 0, 1, 1), None]], [{"soft": [0.5, 0, 1, 1], "since": "x"}], [{"soft": "abcd"}], [{1e-9: (0, 0, 1,
    1)}],
)  # fmt: skip
STROKES = (
    [], [[(0.5, 0.5)]], [[]], [[(0.5, 0.5), (0.6, 0.6)]], [([(0.5, 0.5), (0.6, 0.6)], 0)], [([(0.5, 0.5)] * 3,
    -1)],
    [([(0.5, 0.5), (0.6, 0.6)], NAN)], [([(0.5, 0.5), (0.6, 0.6)], "x")], [[(NAN, 0.5), (0.6, 0.6)]], [[(9,
    9), (1, 1)]],
    [[(0.5, 0.5), (50, 60)]], [{"path": [(0.5, 0.5), (0.6, 0.6)]}], [{"path": None}], [{"radius": 1}], [{}],
    [None],
    [[(0.5, 0.5), (0.6, 0.6)]] * 2, [[(0.5, 0.5), (0.6, 0.6)]] * 9, [numbers_of(9000, 2)], [[(0.5,), (0.6,)]],
    "path",
    [numbers_of(2, 3)], {"path": [(0.5, 0.5), (0.6, 0.6)]}, np.zeros((1, 2, 2)), [[(0.5, 0.5), (0.5, 0.5)]],
    3,
    [[((0.5, 0.5), (0.6, 0.6)), 0.1]], [[("a", "b"), ("c", "d")]], [([(0.5, 0.5), (0.6, 0.6)], 1e300)],
    [[[0.5, 0.5], 0.1]],
)  # fmt: skip
CAMERAS = (
    "", " ", "pan left", "pan left and pan right", "pan sideways", "then", ", ,", "follow", "follow the cat",
    "shake",
    "pan left for 0 s", "pan left for nan s", "pan left for 99 s", "zoom in x1e9", "zoom in x0",
    "zoom in " * 60, "x",
    {"move": "pan left"}, {"move": "pan left", "seconds": -1}, {"move": None}, {"move": "pan left",
    "degree": "x"},
    [{"move": "pan left"}] * 50, [{"move": "pan left", "degree": 1e308}], [{}], [], {}, (0.2, 0, 1.3), (0, 0,
    0),
    (NAN, 0, 1), (0, 0, -1), (1e9, 0, 1), (0, 0), 3, True, numbers_of(5, 3), numbers_of(4, 3), np.zeros((5,
    3)), [None],
    [{"move": "pan left"}, "zoom in"], ["pan left"], b"pan left", {"move": "pan left", "strange": 1},
    np.zeros(0), 1.5,
    "follow the second", "follow the dog and pan left", {"move": "pan left", "seconds": True}, (True, False,
    True),
)  # fmt: skip
PATHS = (
    "", "nowhere.x2v", "nowhere.mp4", ".", "/dev/null", "/proc/self/mem", "a\0b.mp4", "x" * 5000, "empty.x2v",
    "empty.mp4", "text.mp4", "kept.x2v", "kept.mp4", "kept.txt", Path("kept.mp4"), Path("nowhere"),
    b"kept.mp4",
)  # fmt: skip
"""In the folder that `clips` fills."""
PLACES = (
    "",
    "the beach",
    "on the moon",
    "a dog",
    "in Tokyo",
    "no snow",
    "flurb",
    None,
    7,
    ["snow"],
    "x" * 9000,
)
SEEDS = (
    0,
    1,
    -1,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    10**30,
    "3",
    None,
    0.5,
    1.0,
    NAN,
    True,
    [1],
    np.int64(3),
    b"1",
)
STEPS = (1, 2, 0, -1, 10**9, 1.0, 1.5, "1", None, True, NAN, [1], np.int64(1))
GUIDANCE = (1, 2.0, 0, -1, NAN, float("inf"), "1", None, True, [1], np.float64(1.5), 1e308)
STRENGTHS = (1, 0.5, 0, -1, 2, NAN, "1", None, True, 1e-9, np.float32(0.5))
SIZES = (32, 16, 0, -16, 17, 10**9, "32", None, 32.0, NAN, True, np.int64(32), 16 * 10**6)
