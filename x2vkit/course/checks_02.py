"""Lesson 2, compression: what each function must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.course.properties import Answer, Property, equals, has_shape, holds


def psnr(fn: Answer) -> Iterator[Property]:
    """Decibels of the mean squared error of bytes."""
    dark, bright = np.array([[0, 0]], np.uint8), np.array([[255, 255]], np.uint8)
    worst = fn(dark, bright)
    yield equals("black against white is 0 dB", worst, 0, "the error is then as large as the largest value, 255")
    one = fn(np.array([10, 20], np.uint8), np.array([20, 10], np.uint8))
    hint = "10 * log10(255 squared / mean squared error); in bytes 10 - 20 is 246, so make floats first"
    yield equals("10 apart everywhere: 28.13 dB", one, 20 * np.log10(25.5), hint, 1e-4)
    part = fn(np.array([0, 0, 0, 0], np.uint8), np.array([20, 0, 0, 0], np.uint8))
    yield equals("20 apart in one of four is the same", part, one, "square first, then the mean", 1e-4)
    with np.errstate(divide="ignore"):
        same = fn(bright, bright)
    yield holds("equal pictures are infinitely alike", same == np.inf, "an error of 0 needs a line of its own", same)


def blocks_of(fn: Answer) -> Iterator[Property]:
    """Rows of a table, in reading order."""
    picture = np.arange(4 * 6 * 3).reshape(4, 6, 3)
    found = fn(picture, 2)
    yield has_shape("a picture of 4 x 6 has 6 blocks of 2 x 2 x 3", found, (6, 12), "H/side * W/side rows")
    first = picture[:2, :2].ravel()
    hint = "split both axes (H/side, side, W/side, side, 3), and bring the two block axes to the front"
    yield equals("the first row is the block at the upper left", found[0], first, hint)
    yield equals("the second is the one to its right", found[1], picture[:2, 2:4].ravel(), "go row by row")
    yield equals("the last is the one at the lower right", found[-1], picture[2:, 4:].ravel(), hint)
    whole = fn(picture[:, :4], 4)
    yield equals("a block as large as the picture is the picture", whole[0], picture[:, :4].ravel(), "use `side`")


def principal_components(fn: Answer) -> Iterator[Property]:
    """Orthogonal unit directions of falling variance."""
    line = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]])
    result = fn(line, 1)
    yield holds("two things come back", isinstance(result, (tuple, list)) and len(result) == 2, "return mean, components", result)
    mean, components = result
    yield equals("the mean is the mean row", mean, [1.5, 2.5], "the mean over rows, axis 0")
    yield has_shape("a direction is a row", components, (1, 2), "eigh has them as columns: transpose")
    slope = np.asarray(components)[0]
    hint = "subtract the mean before you multiply the table by itself, and take the *largest* eigenvalue, the last"
    yield equals("points on a diagonal have a diagonal direction", slope * np.sign(slope[0]), [0.5**0.5] * 2, hint)
    rows = np.random.default_rng(1).normal(size=(50, 5)) @ np.diag([5.0, 1.0, 3.0, 0.5, 2.0]) + 10
    mean, components = fn(rows, 3)
    found = np.asarray(components)
    yield has_shape("as many as asked for", found, (3, 5), "keep `count` of them")
    yield equals("unit length, and at right angles", found @ found.T, np.eye(3), "eigenvectors, not scaled")
    spread = ((rows - mean) @ found.T).var(axis=0)
    yield holds("the one that varies most comes first", (np.diff(spread) <= 1e-9).all(), "eigh sorts upwards: turn it", spread)
    best = np.linalg.svd(rows - rows.mean(0), compute_uv=False)[:3] ** 2
    yield equals("no three directions hold more", spread.sum() * 50, best.sum(), "are they those of the largest eigenvalues?")


def rebuild(fn: Answer) -> Iterator[Property]:
    """A projection onto the components, around the mean."""
    rows, mean = np.array([[3.0, 5.0], [1.0, 2.0]]), np.array([1.0, 2.0])
    found = fn(rows, mean, np.array([[1.0, 0.0]]))
    yield has_shape("rows stay rows", found, (2, 2), "back to d numbers a row")
    hint = "subtract the mean first, and add it again at the end"
    yield equals("what no direction says becomes the mean", found, [[3, 2], [1, 2]], hint)
    whole = fn(rows, mean, np.eye(2))
    yield equals("with all directions nothing is lost", whole, rows, "code = (rows - mean) @ components.T")
    rng = np.random.default_rng(2)
    rows, directions = rng.normal(size=(4, 6)), np.linalg.qr(rng.normal(size=(6, 2)))[0].T
    once = fn(rows, rows.mean(0), directions)
    yield equals("doing it twice changes nothing more", fn(once, rows.mean(0), directions), once, hint)
    code = (np.asarray(once) - rows.mean(0)) @ directions.T
    yield equals("the code survives", code, (rows - rows.mean(0)) @ directions.T, "code @ components is the way back")


def fold_frames(fn: Answer) -> Iterator[Property]:
    """Groups of four; the first holds one frame, four times."""
    frames = np.arange(10, 19).reshape(9, 1, 1, 1) * np.ones((1, 2, 2, 3), int)
    found = fn(frames)
    yield has_shape("9 frames are 3 groups of 4", found, (3, 4, 2, 2, 3), "repeat the first frame three times more")
    numbers = np.asarray(found)[:, :, 0, 0, 0]
    yield equals("group 0 is the first frame, standing still", numbers[0], [10] * 4, "put copies of it in front")
    yield equals("then come frames 1 to 4, and 5 to 8", numbers[1:], [[11, 12, 13, 14], [15, 16, 17, 18]], "groups in order of time")
    still = fn(frames[:1])
    yield has_shape("a still picture is one group", still, (1, 4, 2, 2, 3), "F = 1 is 1 + 4 * 0")
    later = frames.copy()
    later[5:] = 99
    same = (np.asarray(fn(later))[:2] == np.asarray(found)[:2]).all()
    yield holds("frames 5 to 8 change no earlier group", same, "a group holds only its own frames")


def touched(fn: Answer) -> Iterator[Property]:
    """Tried on encoders whose answer is plain."""
    video = np.linspace(-1, 1, 9).reshape(9, 1) * 0.8

    def by_fours(video: np.ndarray) -> np.ndarray:
        """Means of 1, 4, 4 frames."""
        return np.stack([video[0], video[1:5].mean(0), video[5:9].mean(0)])

    def everything(video: np.ndarray) -> np.ndarray:
        """Three times the mean of all."""
        return np.stack([video.mean(0)] * 3)

    def deaf(video: np.ndarray) -> np.ndarray:
        """Says nothing about the video."""
        return np.zeros((3, 1))

    def running(video: np.ndarray) -> np.ndarray:
        """Sums of all frames so far, at frames 0, 4 and 8."""
        return np.cumsum(video, axis=0)[[0, 4, 8]]

    found = fn(by_fours, video, 6)
    yield holds("where each group is coded alone, frame 6 touches the last", list(found) == [2], "compare each latent frame with its own before", found)
    found = fn(by_fours, video, 0)
    yield holds("and frame 0 the first", list(found) == [0], "change `frame`, not always the same one", found)
    middle = fn(by_fours, video, 4)
    yield holds("frame 4, which is exactly 0 here, touches group 1", list(middle) == [1], "setting a frame to 0 changes nothing if it is 0: add something", middle)
    found = fn(running, video, 3)
    yield holds("where the past is summed, frame 3 touches all later ones", list(found) == [1, 2], "every latent frame that differs", found)
    found = fn(everything, video, 8)
    yield holds("where all is mixed, the last frame touches all", list(found) == [0, 1, 2], "every latent frame that differs", found)
    found = fn(deaf, video, 3)
    yield holds("where nothing is coded, nothing is touched", list(found) == [], "an empty list", found)
