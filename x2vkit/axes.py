"""The axis legend, and the integer arithmetic between pixels, latent positions and patches.

    B        batch
    F, H, W  frames, height, width in pixels; F = 1 + 4k, so that F = 1 is a still image
    f, h, w  the latent grid: f = 1 + (F - 1) / 4, h = H / 8, w = W / 8; C is its channels
    N        spacetime patches (tokens), row-major in frame, row, column; T is text tokens, L = T + N
    S        denoising steps
    t        noise level in [0, 1]: 1 is pure noise, 0 is the video

The first frame has a latent frame of its own (the video model is causal in time); each later latent frame
holds four frames. This module knows nothing about torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from x2vkit.errors import X2VError

TIME_STRIDE = 4
"""Frames in one latent frame (the first latent frame holds one frame, standing still)."""
SPACE_STRIDE = 8
"""Pixels along one side of a latent cell."""
PATCH = (1, 2, 2)
"""Latent frames, rows and columns in one token, unless a model's config says otherwise."""

Shape3 = tuple[int, int, int]


def _near(value: int, step: int, offset: int = 0) -> str:
    """The allowed values around `value` (allowed: offset + k * step, k >= 0 or k >= 1 without offset), as
    words.
    """
    below = offset + (value - offset) // step * step
    smallest = offset or step
    near = [v for v in (below, below + step) if v >= smallest] or [smallest]
    return " or ".join(str(v) for v in near)


def check_shape(F: int, H: int, W: int, patch: Shape3 = PATCH) -> None:
    """Raise X2VError unless a clip of F frames, H x W pixels falls into whole latent cells and whole patches.
    """
    for name, value in (("num_frames", F), ("height", H), ("width", W)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise X2VError(f"{name}={value!r}", f"{name} is a whole number above zero", "use 17, 128 and 128")
    if (F - 1) % TIME_STRIDE:
        cure = f"use {_near(F, TIME_STRIDE, 1)}"
        raise X2VError(f"num_frames={F}", "a clip has 1 + 4k frames (1, 5, 9, 13, 17, ...)", cure)
    for name, value, side in (("height", H, patch[1]), ("width", W, patch[2])):
        step = SPACE_STRIDE * side
        if value % step:
            rule = f"a side is a multiple of {step} pixels ({SPACE_STRIDE} a latent cell x {side} a patch)"
            raise X2VError(f"{name}={value}", rule, f"use {_near(value, step)}")
    f = latent_shape(F, H, W)[0]
    if f % patch[0]:
        rule = f"the {f} latent frames must divide by the patch's {patch[0]}"
        raise X2VError(
            f"num_frames={F}", rule, "use another length, or a model whose patch is 1 latent frame long"
        )


def latent_shape(F: int, H: int, W: int) -> Shape3:
    """(F, H, W) in pixels -> (f, h, w) in latent cells."""
    return 1 + (F - 1) // TIME_STRIDE, H // SPACE_STRIDE, W // SPACE_STRIDE


def pixel_shape(f: int, h: int, w: int) -> Shape3:
    """(f, h, w) in latent cells -> (F, H, W) in pixels; the inverse of `latent_shape`."""
    return 1 + (f - 1) * TIME_STRIDE, h * SPACE_STRIDE, w * SPACE_STRIDE


def token_grid(F: int, H: int, W: int, patch: Shape3 = PATCH) -> Shape3:
    """Tokens along time, height and width of a clip of (F, H, W) pixels; their product is N."""
    f, h, w = latent_shape(F, H, W)
    return f // patch[0], h // patch[1], w // patch[2]


def frames_of(latent_frame: int) -> range:
    """The frames that one latent frame holds: 0 -> 0..0, 1 -> 1..4, 2 -> 5..8, ..."""
    if latent_frame == 0:
        return range(0, 1)
    last = latent_frame * TIME_STRIDE
    return range(last - TIME_STRIDE + 1, last + 1)


def latent_frame_of(frame: int) -> int:
    """The latent frame that holds a frame; the inverse of `frames_of`."""
    return (frame + TIME_STRIDE - 1) // TIME_STRIDE


@dataclass(frozen=True)
class TokenBox:
    """The pixels that one token stands for."""

    frames: range
    """Frames, as a range."""
    y0: int
    """Top row, in pixels."""
    x0: int
    """Left column, in pixels."""
    y1: int
    """One past the bottom row, in pixels."""
    x1: int
    """One past the right column, in pixels."""


def token_box(index: int, grid: Shape3, patch: Shape3 = PATCH) -> TokenBox:
    """The pixels of token `index` (0..N-1, row-major) in a grid of tokens (time, rows, columns)."""
    n_t, n_h, n_w = grid
    if not 0 <= index < n_t * n_h * n_w:
        raise X2VError(f"token {index}", f"this clip has {n_t * n_h * n_w} tokens", "count from 0")
    time, row, column = index // (n_h * n_w), index // n_w % n_h, index % n_w
    first, last = time * patch[0], (time + 1) * patch[0] - 1
    tall, wide = SPACE_STRIDE * patch[1], SPACE_STRIDE * patch[2]
    frames = range(frames_of(first).start, frames_of(last).stop)
    return TokenBox(frames, row * tall, column * wide, (row + 1) * tall, (column + 1) * wide)


def token_at(frame: int, y: int, x: int, grid: Shape3, patch: Shape3 = PATCH) -> int:
    """The token that holds pixel (y, x) of a frame; the inverse of `token_box`."""
    time = latent_frame_of(frame) // patch[0]
    row, column = y // (SPACE_STRIDE * patch[1]), x // (SPACE_STRIDE * patch[2])
    return (time * grid[1] + row) * grid[2] + column
