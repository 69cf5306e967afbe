"""Lesson 1, a clip is numbers: what each function must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.course.properties import Answer, Property, equals, has_shape, holds


def count_numbers(fn: Answer) -> Iterator[Property]:
    """Frames x height x width x colours, with a whole number of frames."""
    one = fn(1, 1, 2, 3)
    yield holds(
        "one frame of 2 x 3 pixels in colour is 18 numbers", one == 18, "rows x columns x 3 colours", one
    )
    grey = fn(1, 1, 2, 3, 1)
    yield holds("in grey it is 6", grey == 6, "use `colors`, not always 3", grey)
    long = fn(2, 5, 2, 3)
    yield holds(
        "2 seconds at 5 frames a second are 10 frames", long == 180, "seconds times fps are frames", long
    )
    odd = fn(17 / 12, 12, 1, 1, 1)
    yield holds(
        "17/12 seconds at 12 a second are 17 frames", odd == 17, "17/12 * 12 is not 17 in floats: round", odd
    )
    yield holds(
        "the count is an int", isinstance(odd, (int, np.integer)), "`round` of a float is an int", type(odd)
    )


def to_signed(fn: Answer) -> Iterator[Property]:
    """A straight line from 0..255 to -1..1."""
    ends = fn(np.array([0, 255], np.uint8))
    yield equals(
        "0 becomes -1, and 255 becomes 1", ends, [-1, 1], "scale to a range of 2, then move it down by 1"
    )
    ramp = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
    found = fn(ramp)
    yield has_shape("the shape stays", found, (2, 3), "work on the whole array at once")
    steps = np.diff(np.asarray(found).ravel())
    yield equals(
        "equal steps stay equal",
        steps,
        [0.4] * 5,
        "bytes wrap around at 256: make floats before you subtract",
    )
    kind = np.asarray(found).dtype.kind
    yield holds(
        "numbers are floats", kind == "f", "divide, or use astype(np.float32)", np.asarray(found).dtype
    )


def to_bytes(fn: Answer) -> Iterator[Property]:
    """The way back: rounded, clipped, uint8."""
    found = fn(np.array([-1.0, 1.0]))
    yield equals(
        "-1 becomes 0, and 1 becomes 255", found, [0, 255], "undo the two steps of to_signed, last first"
    )
    yield holds("numbers are uint8", np.asarray(found).dtype == np.uint8, "end with astype(np.uint8)", found)
    beyond = fn(np.array([-1.5, 1.03, 3.0]))
    yield equals("what lies outside stays at the end", beyond, [0, 255, 255], "clip before you make bytes")
    near = fn(np.array([0.3 / 127.5 - 1, 0.7 / 127.5 - 1]))
    yield equals(
        "each becomes the nearest byte", near, [0, 1], "astype cuts off what follows the point: round first"
    )
    every = np.arange(256, dtype=np.uint8)
    back = fn(every / 127.5 - 1)
    yield equals(
        "every byte survives there and back", back, every, "the two ways are not each other's inverse"
    )


def resample(fn: Answer) -> Iterator[Property]:
    """The frame that was on screen at each new frame's time."""
    clip = np.arange(6).reshape(6, 1, 1)
    yield equals(
        "at the same rate nothing changes", fn(clip, 12, 12), clip, "new frame k is old frame k here"
    )
    half = fn(clip, 12, 6)
    yield has_shape(
        "at half the rate there are half as many frames", half, (3, 1, 1), "seconds stay: F / fps"
    )
    yield equals(
        "at half the rate every second frame is left", half, clip[::2], "the time of frame k is k / new_fps"
    )
    twice = fn(clip[:2], 6, 12)
    yield equals(
        "at twice the rate each is shown twice", np.ravel(twice), [0, 0, 1, 1], "a frame stays until the next"
    )
    uneven = fn(clip, 6, 4)
    hint = "time k / 4 falls into old frame k / 4 * 6: cut off what follows the point, do not round"
    yield equals("at 4 of 6 a second: what was on screen then", np.ravel(uneven), [0, 1, 3, 4], hint)
    color = np.random.default_rng(0).integers(0, 256, (4, 2, 3, 3), np.uint8)
    yield has_shape(
        "pictures keep their shape", fn(color, 12, 6), (2, 2, 3, 3), "choose along the first axis alone"
    )


def box_of(fn: Answer) -> Iterator[Property]:
    """Left, top, right, bottom, in fractions."""
    ids = np.zeros((4, 8), np.uint8)
    ids[1:3, 2:7] = 1
    found = fn(ids)
    yield has_shape("there are four numbers", found, (4,), "return x0, y0, x1, y1")
    x = np.asarray(found, float)[[0, 2]]
    hint = "x counts columns, the second axis; divide by the width, and end behind the last pixel"
    yield equals("columns 2 to 6 of 8 are x from 0.25 to 0.875", x, [0.25, 0.875], hint)
    y = np.asarray(found, float)[[1, 3]]
    yield equals("rows 1 to 2 of 4 are y from 0.25 to 0.75", y, [0.25, 0.75], "divide rows by the height")
    ids[0, 0] = 2
    second = fn(ids, 2)
    yield equals("the other subject has its own box", second, [0, 0, 0.125, 0.25], "use `which`")
    tall = fn(np.array([[0], [1]], np.uint8))
    yield equals("in a frame of 2 x 1 pixels: the lower half", tall, [0, 0.5, 1, 1], "take width and height from ids.shape")
    none = np.asarray(fn(ids, 3), float)
    yield holds(
        "nothing in sight is four NaN", none.shape == (4,) and np.isnan(none).all(), "ask for it first", none
    )


def acceleration(fn: Answer) -> Iterator[Property]:
    """Second differences, in seconds."""
    still = fn(np.array([3.0, 3.0, 3.0, 3.0]), 12)
    yield has_shape(
        "4 positions have 2 accelerations", still, (2,), "a difference is one shorter; take it twice"
    )
    even = fn(np.array([0.0, 1.0, 2.0, 3.0]), 12)
    yield equals("even motion has none", even, [0, 0], "the change of the way, not the way")
    falling = fn(np.array([0.0, 1.0, 4.0, 9.0]), 1)
    yield equals("ways 1, 3, 5 at 1 a second: 2", falling, [2, 2], "the later way minus the one before")
    fast = fn(np.array([0.0, 1.0, 4.0, 9.0]), 10)
    yield equals(
        "the same at 10 a second: 200", fast, [200, 200], "times fps once for the speed, and once more"
    )
