"""What the exercises of lesson 11 must hold: boxes, cameras, and where attention finds a subject."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.core.conditions import Conditions
from x2vkit.core.raster import occupancy
from x2vkit.course.properties import Answer, Property, equals, has_shape, holds
from x2vkit.judge import metrics
from x2vkit.trace.samples import sample


def box_path(fn: Answer) -> Iterator[Property]:
    """start, end (4,), frames -> (frames, 4): a box that goes in a straight line at a steady pace."""
    start, end = np.array([0.0, 0.5, 0.2, 0.9]), np.array([0.8, 0.5, 1.0, 0.9])
    found = fn(start, end, 17)
    yield has_shape("a row for each frame", found, (17, 4), "frames rows of x0, y0, x1, y1")
    yield equals("it begins at the start", found[0], start, "the first frame is the start itself")
    yield equals("it ends at the end", found[-1], end, "17 frames have 16 steps between them")
    steps = np.diff(np.asarray(found), axis=0)
    yield equals("every step is as long", steps, np.tile(steps[:1], (16, 1)), "what share of the way is done at frame k?")
    single = fn(start, end, 1)
    yield equals("a still is the start alone", single, start[None], "one frame has no way to go: it is the start")


def covered(fn: Answer) -> Iterator[Property]:
    """box (4,), h, w -> (h, w): the share of each cell that the box covers."""
    found = fn(np.array([0.25, 0.5, 0.75, 1.0]), 2, 4)
    yield has_shape("a number for each cell", found, (2, 4), "h rows of w columns")
    yield equals("a box on whole cells", found, [[0, 0, 0, 0], [0, 1, 1, 0]], "x counts columns, y counts rows")
    found = fn(np.array([0.125, 0.0, 0.5, 0.25]), 2, 4)
    hint = "along one side: from where to where do box and cell overlap, and what part of the cell is that?"
    yield equals("cells that are covered in part", found, [[0.25, 0.5, 0, 0], [0, 0, 0, 0]], hint)
    found = fn(np.array([-0.5, -0.5, 0.25, 2.0]), 2, 4)
    yield equals("a box that leaves the frame", found, [[1, 0, 0, 0], [1, 0, 0, 0]], "what lies outside covers no cell")
    rng = np.random.default_rng(0)
    box = np.concatenate([rng.uniform(0, 0.5, 2), rng.uniform(0.5, 1, 2)])
    wanted = occupancy(box[None], 16, 16)[0]
    yield equals("the same as the package's raster on a random box", fn(box, 16, 16), wanted, hint)


def iou(fn: Answer) -> Iterator[Property]:
    """a, b (4,) -> intersection over union."""
    a = np.array([0.0, 0.0, 0.5, 0.5])
    yield equals("a box with itself: 1", fn(a, a), 1.0, "the intersection is the box, and so is the union")
    hint = "area of what both share, divided by the area that at least one covers"
    yield equals("half of it: 0.5", fn(a, np.array([0.0, 0.0, 0.5, 0.25])), 0.5, hint)
    hint = "the union is a + b - intersection: count what both share once"
    yield equals("moved by half its width: 1/3", fn(a, a + [0.25, 0, 0.25, 0]), 1 / 3, hint)
    hint = "where the sides do not meet the overlap is 0, not negative (two negative sides make a positive area)"
    yield equals("apart on both sides: 0", fn(a, a + 0.5 + 0.1), 0.0, hint)
    sideways = fn(a, a + [0.6, 0.2, 0.6, 0.2])
    yield equals("beside each other: 0 as well", sideways, 0.0, hint)
    rng = np.random.default_rng(0)
    low, size = rng.uniform(0, 0.5, (10, 2, 2)), rng.uniform(0.1, 0.5, (10, 2, 2))
    boxes = np.concatenate([low, low + size], axis=2)
    wanted = metrics.iou(boxes[:, 0], boxes[:, 1])
    yield equals("the same as the judge's on random boxes", [fn(p, q) for p, q in boxes], wanted, hint)


def camera_track(fn: Answer) -> Iterator[Property]:
    """frames, right, zoom -> (frames, 3): x, y, zoom of a camera that moves evenly."""
    found = fn(17, 0.4, 2.0)
    yield has_shape("x, y and zoom of each frame", found, (17, 3), "three columns")
    yield equals("it begins at 0, 0 and zoom 1", found[0], [0, 0, 1], "0, 0 and 1 are no move at all")
    yield equals("it ends 0.4 to the right, twice as close", found[-1], [0.4, 0, 2], "the last frame is the whole move")
    yield equals("the middle frame is half the way", found[8][:2], [0.2, 0.0], "x goes in even steps")
    hint = "a steady zoom multiplies by the same factor each frame: which one, applied 16 times, gives 2?"
    yield equals("and half the zoom: the root of 2", found[8][2], 2**0.5, hint)
    moves = Conditions.draw((17, 128, 128), camera=np.asarray(found, float)).camera
    assert moves is not None
    late = moves[0, 2:, :3]
    yield equals("the model is told the same move in each latent frame", late, late[:1].expand_as(late), hint, 1e-4)


def share_inside(fn: Answer) -> Iterator[Property]:
    """weights (A, T + N), inside (N,) bool, words T -> (A,): of what goes to patches, the share inside."""
    weights = np.array([[0.5, 0.2, 0.2, 0.1], [0.0, 0.0, 0.5, 0.5]])
    inside = np.array([True, True, False])
    found = fn(weights, inside, 1)
    yield has_shape("a share for each head", found, (2,), "sum over the keys, not over the heads")
    hint = "leave the words out (the first T columns), and divide by what all patches get"
    yield equals("0.4 of 0.5, and 0.5 of 1", found, [0.8, 0.5], hint)
    everywhere = fn(weights, np.ones(3, bool), 1)
    yield equals("everything is inside: 1", everywhere, [1, 1], hint)
    trace = sample("dog")
    step, layer = trace.captured[-1]
    T = len(trace.words)
    row = trace.attention(step, layer, 1)
    inside = np.arange(row.shape[1] - T) % 3 == 0
    wanted = row[:, T:][:, inside].sum(1) / row[:, T:].sum(1)
    yield equals("on a real row of the bundled dog", fn(row, inside, T), wanted, hint)
    area = float(inside.mean())
    even = fn(np.full((1, T + len(inside)), 1 / (T + len(inside))), inside, T)
    yield holds("a head that looks everywhere alike gives the area", abs(float(even[0]) - area) < 1e-6, hint, even)
