"""The axis legend, and the integer arithmetic between pixels, latent positions and patches.

    B        batch
    F, H, W  frames, height, width in pixels; F = 1 + 4k, so that F = 1 is a still image
    f, h, w  the latent grid: f = 1 + (F - 1) / 4, h = H / 8, w = W / 8; C is its channels
    N        spacetime patches (tokens), row-major in frame, row, column; T is text tokens, L = T + N
    S        denoising steps
    t        noise level in [0, 1]: 1 is pure noise, 0 is the video

So it is for x2vkit's own model, whose first frame has a latent frame of its own (it is causal in time) and
whose later latent frames hold four frames each. `Geometry` does the same for any model's strides and patch.
This module knows nothing about torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from x2vkit.errors import X2VError

TIME_STRIDE = 4
"""Frames in one latent frame of x2vkit's own model (its first holds one frame, standing still)."""
SPACE_STRIDE = 8
"""Pixels along one side of a latent position of x2vkit's own model."""
PATCH = (1, 2, 2)
"""Latent frames, rows and columns in one token, unless a model's config says otherwise."""

TOKEN_KINDS = ("text", "video", "audio", "image", "history", "padding")
"""What a token of the sequence that attention reads can stand for; history: latent frames in front of the
clip, earlier parts of it or a reference; padding: filler that fills up the prompt and is attended to.
"""
LARGEST = 1024
"""Largest stride and largest side of a patch that a model is believed to have."""

Shape3 = tuple[int, int, int]


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


@dataclass(frozen=True)
class Geometry:
    """How a video model lays a clip out: pixels, latent positions, patches, and the sequence that attention
    reads.

    The default is that of x2vkit's own model. Raises X2VError for values that no model can have.
    """

    temporal_stride: int = TIME_STRIDE
    """Frames in one latent frame."""
    spatial_stride: int = SPACE_STRIDE
    """Pixels along one side of a latent position."""
    patch: Shape3 = PATCH
    """Latent frames, rows and columns in one video token."""
    token_kinds: tuple[tuple[str, int], ...] = ()
    """(kind, count) in the order of the sequence that attention reads, each one of TOKEN_KINDS and there at
    most once: (("text", 11), ("video", 320)). Empty where nothing is known of the sequence.
    """
    causal_first_frame: bool = True
    """Whether the first latent frame holds one frame alone, so that F = 1 + k * temporal_stride; else every
    latent frame holds as many, and F = k * temporal_stride.
    """

    def __post_init__(self) -> None:
        for name in ("temporal_stride", "spatial_stride"):
            if not _whole(getattr(self, name)) or not 1 <= getattr(self, name) <= LARGEST:
                rule = f"{name} is a whole number from 1 to {LARGEST}"
                raise X2VError(f"{name}={getattr(self, name)!r}", rule, "give what the model's config says")
        if not isinstance(self.causal_first_frame, bool):
            got = f"causal_first_frame={self.causal_first_frame!r}"
            raise X2VError(got, "causal_first_frame is True or False", "give what the model's config says")
        object.__setattr__(self, "patch", _patch(self.patch))
        object.__setattr__(self, "token_kinds", _token_kinds(self.token_kinds))

    # -- between pixels and latents

    @property
    def lead(self) -> int:
        """Frames that the first latent frame lacks: 0, or temporal_stride - 1 where it holds one alone."""
        return self.temporal_stride - 1 if self.causal_first_frame else 0

    def latent_shape(self, F: int, H: int, W: int) -> Shape3:
        """(F, H, W) in pixels -> (f, h, w) in latent positions, without what does not fill one."""
        return (F + self.lead) // self.temporal_stride, H // self.spatial_stride, W // self.spatial_stride

    def pixel_shape(self, f: int, h: int, w: int) -> Shape3:
        """(f, h, w) in latent positions -> (F, H, W) in pixels; the inverse of `latent_shape`."""
        return f * self.temporal_stride - self.lead, h * self.spatial_stride, w * self.spatial_stride

    def frames_of(self, latent_frame: int) -> range:
        """The frames that one latent frame holds; causal with stride 4: 0 -> 0..0, 1 -> 1..4, 2 -> 5..8."""
        start = latent_frame * self.temporal_stride - self.lead
        return range(max(start, 0), start + self.temporal_stride)

    def latent_frame_of(self, frame: int) -> int:
        """The latent frame that holds a frame; the inverse of `frames_of`."""
        return (frame + self.lead) // self.temporal_stride

    # -- between latents, pixels and video tokens

    def patch_grid(self, f: int, h: int, w: int) -> Shape3:
        """Patches along time, rows and columns of (f, h, w) latent positions; the last may be part empty."""
        pt, ph, pw = self.patch
        return -(-f // pt), -(-h // ph), -(-w // pw)

    def token_grid(self, F: int, H: int, W: int) -> Shape3:
        """Video tokens along time, rows and columns of a clip of (F, H, W) pixels; their product is N."""
        return self.patch_grid(*self.latent_shape(F, H, W))

    def token_frames(self, time: int) -> range:
        """The frames of one row of tokens in time: those of `patch[0]` latent frames."""
        first = self.frames_of(time * self.patch[0])
        return range(first.start, self.frames_of((time + 1) * self.patch[0] - 1).stop)

    def token_box(self, index: int, grid: Shape3) -> TokenBox:
        """The pixels of video token `index` (0..N-1, row-major) in a grid of tokens (time, rows, columns)."""
        n_t, n_h, n_w = grid
        if not 0 <= index < n_t * n_h * n_w:
            raise X2VError(f"token {index}", f"this clip has {n_t * n_h * n_w} tokens", "count from 0")
        time, row, column = index // (n_h * n_w), index // n_w % n_h, index % n_w
        tall, wide = self.spatial_stride * self.patch[1], self.spatial_stride * self.patch[2]
        return TokenBox(
            self.token_frames(time), row * tall, column * wide, (row + 1) * tall, (column + 1) * wide
        )

    def token_at(self, frame: int, y: int, x: int, grid: Shape3) -> int:
        """The video token that holds pixel (y, x) of a frame; the inverse of `token_box`."""
        time = self.latent_frame_of(frame) // self.patch[0]
        row, column = y // (self.spatial_stride * self.patch[1]), x // (self.spatial_stride * self.patch[2])
        return (time * grid[1] + row) * grid[2] + column

    # -- the sequence that attention reads

    @property
    def tokens(self) -> int:
        """Tokens of the whole sequence, L."""
        return sum(count for _, count in self.token_kinds)

    def span(self, kind: str) -> range:
        """Where the tokens of a kind lie in the sequence; an empty range where there are none."""
        start = 0
        for name, count in self.token_kinds:
            if name == kind:
                return range(start, start + count)
            start += count
        return range(0)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _patch(value: Any) -> Shape3:
    """Latent frames, rows and columns, from a tuple or a list."""
    sides = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(sides) != 3 or not all(_whole(side) and 1 <= side <= LARGEST for side in sides):
        rule = f"a patch is three whole numbers from 1 to {LARGEST}: latent frames, rows and columns"
        raise X2VError(f"patch={value!r}", rule, "give what the model's config says")
    return sides[0], sides[1], sides[2]


def _token_kinds(value: Any) -> tuple[tuple[str, int], ...]:
    """Pairs (kind, count), from tuples or lists."""
    pairs = tuple(tuple(pair) for pair in value if isinstance(pair, (tuple, list)))
    right = len(pairs) == len(value) and all(
        len(pair) == 2 and pair[0] in TOKEN_KINDS and _whole(pair[1]) and pair[1] >= 0 for pair in pairs
    )
    if not right or len({pair[0] for pair in pairs}) < len(pairs):
        rule = f"token_kinds are pairs (kind, count), each kind once and one of {', '.join(TOKEN_KINDS)}"
        raise X2VError(f"token_kinds={value!r}", rule, "give them in the order of the sequence")
    return tuple((kind, count) for kind, count in pairs)


OWN = Geometry()
"""The geometry of x2vkit's own video model, but for its patch, which its config may say otherwise."""


def latent_shape(F: int, H: int, W: int) -> Shape3:
    """(F, H, W) in pixels -> (f, h, w) in latent positions of x2vkit's own model."""
    return OWN.latent_shape(F, H, W)


def pixel_shape(f: int, h: int, w: int) -> Shape3:
    """(f, h, w) in latent positions of x2vkit's own model -> (F, H, W) in pixels; undoes `latent_shape`."""
    return OWN.pixel_shape(f, h, w)


def token_grid(F: int, H: int, W: int, patch: Shape3 = PATCH) -> Shape3:
    """Tokens of x2vkit's own model along time, height and width of (F, H, W) pixels; their product is N."""
    return replace(OWN, patch=patch).token_grid(F, H, W)


def frames_of(latent_frame: int) -> range:
    """The frames that one latent frame of x2vkit's own model holds: 0 -> 0..0, 1 -> 1..4, 2 -> 5..8, ..."""
    return OWN.frames_of(latent_frame)


def latent_frame_of(frame: int) -> int:
    """The latent frame of x2vkit's own model that holds a frame; the inverse of `frames_of`."""
    return OWN.latent_frame_of(frame)


def _near(value: int, step: int, offset: int = 0) -> str:
    """The allowed values around `value` (allowed: offset + k * step, k >= 0 or k >= 1 without offset), as
    words.
    """
    below = offset + (value - offset) // step * step
    smallest = offset or step
    near = [v for v in (below, below + step) if v >= smallest] or [smallest]
    return " or ".join(str(v) for v in near)


def check_shape(F: int, H: int, W: int, patch: Shape3 = PATCH) -> None:
    """Raise X2VError unless a clip of F frames, H x W pixels is of whole latent positions and patches."""
    for name, value in (("num_frames", F), ("height", H), ("width", W)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            said = " ".join(repr(value).split())[:60]
            raise X2VError(f"{name}={said}", f"{name} is a whole number above zero", "use 17, 128 and 128")
    if (F - 1) % TIME_STRIDE:
        cure = f"use {_near(F, TIME_STRIDE, 1)}"
        raise X2VError(f"num_frames={F}", "a clip has 1 + 4k frames (1, 5, 9, 13, 17, ...)", cure)
    for name, value, side in (("height", H, patch[1]), ("width", W, patch[2])):
        step = SPACE_STRIDE * side
        if value % step:
            rule = (
                f"a side is a multiple of {step} pixels ({SPACE_STRIDE} a latent position x {side} a patch)"
            )
            raise X2VError(f"{name}={value}", rule, f"use {_near(value, step)}")
    f = latent_shape(F, H, W)[0]
    if f % patch[0]:
        rule = f"the {f} latent frames must divide by the patch's {patch[0]}"
        raise X2VError(
            f"num_frames={F}", rule, "use another length, or a model whose patch is 1 latent frame long"
        )
