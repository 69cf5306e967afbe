"""Lesson 3, spacetime patches: what each function must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from x2vkit.axes import token_grid
from x2vkit.core import patches
from x2vkit.core.attention import apply_rotary_emb
from x2vkit.course.properties import Answer, Property, equals, has_shape, holds

TOY = np.arange(32).reshape(1, 2, 4, 4)


def patchify(fn: Answer) -> Iterator[Property]:
    """Shapes, order, and equality with the package."""
    found = fn(TOY, (1, 2, 2))
    yield has_shape("2 frames of 4 x 4 are 8 patches of (1, 2, 2), 4 numbers each", found, (8, 4), "one row a patch")
    yield equals("the first holds the upper left corner", found[0], [0, 1, 4, 5], "split rows and columns in two axes each before you reorder")
    yield equals("the second lies to its right", found[1], [2, 3, 6, 7], "columns run fastest")
    yield equals("the third lies below the first", found[2], [8, 9, 12, 13], "then rows")
    yield equals("the fifth begins the second frame", found[4], [16, 17, 20, 21], "time runs slowest")
    long = fn(TOY, (2, 4, 4))
    yield equals("one patch can hold everything", long, TOY.reshape(1, 32), "a patch may be several frames long")
    two = np.stack([TOY[0], -TOY[0]])
    yield equals("in a patch the channel counts slowest", fn(two, (1, 2, 2))[1], [2, 3, 6, 7, -2, -3, -6, -7], "order inside a patch: C, frames, rows, columns")
    latents = np.random.default_rng(0).normal(size=(3, 4, 4, 6)).astype(np.float32)
    want = patches.patchify(torch.from_numpy(latents)[None], (2, 2, 3))[0]
    yield equals("random latents, patch (2, 2, 3): as core.patches.patchify", fn(latents, (2, 2, 3)), want, "are pt, ph and pw mixed up somewhere?")


def unpatchify(fn: Answer) -> Iterator[Property]:
    """The inverse of cutting."""
    tokens = np.array([[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]])
    found = fn(tokens, (1, 2, 2), (1, 1, 4, 4))
    yield has_shape("4 tokens become (1, 1, 4, 4)", found, (1, 1, 4, 4), "shape is (C, f, h, w)")
    hint = "reshape to (f/pt, h/ph, w/pw, C, pt, ph, pw), then put each axis beside its own"
    yield equals("rows lie where they were", found[0, 0], np.arange(16).reshape(4, 4), hint)
    for shape, patch in (((3, 4, 4, 6), (2, 2, 3)), ((2, 1, 2, 2), (1, 1, 1))):
        latents = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        cut = patches.patchify(torch.from_numpy(latents)[None], patch)[0].numpy()
        yield equals(f"{shape} cut by {patch} comes back exactly", fn(cut, patch, shape), latents, hint)


def place_of(fn: Answer) -> Iterator[Property]:
    """Row-major counting."""
    grid = (2, 3, 4)
    first = fn(0, grid)
    yield has_shape("a place is three numbers", first, (3,), "return time, row, column")
    yield equals("token 0 is at (0, 0, 0)", first, [0, 0, 0], "count from 0")
    yield equals("token 3 ends the first row", fn(3, grid), [0, 0, 3], "columns run fastest: index % columns")
    yield equals("token 4 begins the second row", fn(4, grid), [0, 1, 0], "rows: index // columns, then % rows")
    yield equals("token 12 begins the second moment", fn(12, grid), [1, 0, 0], "a moment holds rows * columns tokens")
    every = [tuple(int(each) for each in fn(index, grid)) for index in range(24)]
    yield holds("24 tokens have 24 places, in order", every == list(np.ndindex(grid)), "one of the three is off somewhere", every[-1])


def count_tokens(fn: Answer) -> Iterator[Property]:
    """By formula, against axes.token_grid."""
    still = fn(1, 16, 16, (1, 2, 2))
    yield equals("a still of 16 x 16 pixels is 1 token", still, 1, "1 latent frame, 2 x 2 positions, one patch")
    pair = fn(5, 16, 16, (1, 2, 2))
    yield equals("5 frames are 2 latent frames", pair, 2, "1 + (F - 1) / 4: the first frame has one of its own")
    own = fn(17, 128, 128, (1, 2, 2))
    yield equals("x2vkit's own clip is 320 tokens", own, 320, "5 x 8 x 8")
    fine = fn(17, 128, 128, (1, 1, 1))
    yield equals("patches of one position: four times as many", fine, 1280, "divide by the patch, side by side")
    for frames, height, width, patch in ((33, 96, 160, (1, 2, 2)), (13, 128, 64, (2, 4, 2))):
        want = np.prod(token_grid(frames, height, width, patch))
        yield equals(f"{(frames, height, width)} by {patch}: as axes.token_grid", fn(frames, height, width, patch), want, "height with ph, width with pw, latent frames with pt")
    yield holds("the count is a whole number", isinstance(own, (int, np.integer)), "use // and not /", type(own))


def shuffle_times(fn: Answer) -> Iterator[Property]:
    """Moments move, places stay."""
    tokens = np.arange(12).reshape(12, 1) * 10
    grid = (3, 2, 2)
    same = fn(tokens, grid, [0, 1, 2])
    yield has_shape("as many tokens as before", same, (12, 1), "back to (N, P)")
    yield equals("in the old order nothing changes", same, tokens, "look at the axes of your reshape: times first")
    turned = np.ravel(fn(tokens, grid, [2, 1, 0]))
    yield equals("backwards: the last moment comes first, its places in order", turned[:4], [80, 90, 100, 110], "reorder the axis of time alone")
    moved = np.ravel(fn(tokens, grid, [2, 0, 1]))
    yield equals("moment order[i] stands at moment i", moved, [80, 90, 100, 110, 0, 10, 20, 30, 40, 50, 60, 70], "not the other way: tokens[order], not the inverse")


def rotate(fn: Answer) -> Iterator[Property]:
    """Length, relative positions, and equality with the package."""
    x = np.array([[1.0, 0.0, 0.0, 0.0]])
    yield equals("an angle of 0 changes nothing", fn(x, np.zeros((1, 2))), x, "cos 0 is 1, and sin 0 is 0")
    quarter = fn(x, np.array([[np.pi / 2, 0.0]]))
    yield equals("a quarter turn moves number 0 to its partner, number 2", quarter, [[0, 0, 1, 0]], "pairs are (0, 2) and (1, 3), and b takes + a sin")
    other = fn(np.array([[0.0, 0.0, 1.0, 0.0]]), np.array([[np.pi / 2, 0.0]]))
    yield equals("and number 2 to minus number 0", other, [[-1, 0, 0, 0]], "a takes - b sin")
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 1, 8))
    waves = np.array([[1.0, 0.3, 0.1, 0.03]])
    length = np.linalg.norm(fn(q, 5 * waves))
    yield equals("turning keeps the length", length, np.linalg.norm(q), "cos and sin of the same angle for both")
    near = (fn(q, 2 * waves) * fn(k, 5 * waves)).sum()
    far = (fn(q, 12 * waves) * fn(k, 15 * waves)).sum()
    yield equals("places 2 and 5 compare as 12 and 15 do", near, far, "only the difference of the angles may count")
    x, angles = rng.normal(size=(5, 8)), rng.normal(size=(5, 4))
    cos, sin = (torch.from_numpy(np.concatenate(pair, 1)) for pair in ((np.cos(angles),) * 2, (-np.sin(angles), np.sin(angles))))
    yield equals("random numbers: as core.attention.apply_rotary_emb", fn(x, angles), apply_rotary_emb(torch.from_numpy(x), cos, sin), "each row by its own angles")
