"""`Trace`: everything that one run of a video model produced, frozen, as numpy arrays.

    F, H, W frames and pixels    f, h, w, C latent grid and channels    S steps
    T text tokens (words after <start>), N video tokens (row-major in f, h, w), L all tokens of the sequence
    A heads, D channels of a head

A trace carries the geometry of the model that made it and knows nothing else of it: every view reads it
alone, and it outlives the weights.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry, Shape3
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.trace.checks import ARRAYS, GROUPS, check
from x2vkit.trace.differences import Stack
from x2vkit.trace.layers import AttentionLayer
from x2vkit.trace.linear import LinearPicture, fit_preview
from x2vkit.trace.pictures import EncodedPictures

Array = NDArray[Any]
Site = tuple[int, int]
"""Where attention was captured: (step, layer), both from 0."""


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One run, kept. `x2vkit.generate` and `x2vkit.record` make it, `save` and `load` keep it.

    All arrays are read-only. Raises X2VError when the parts do not fit each other.
    """

    request: Mapping[str, Any]
    """What was asked, as `RunRequest.to_dict()`: with `inputs` enough to run it again."""
    words: tuple[str, ...]
    """The T text tokens as the model read them; of x2vkit's own the first is <start>."""
    unknown: tuple[str, ...]
    """Words of the prompt that the model does not know and never saw."""
    t: Array
    """(S + 1,) float32 noise levels, from 1 (noise) to 0 (video)."""
    latents: Array
    """(S + 1, C, f, h, w) float16: the noisy latents before each step, and the last ones."""
    pred_x0: Array
    """(S, C, f, h, w) float16: what each step takes the finished latents to be."""
    frames: Frames
    """(F, H, W, 3) uint8: the clip."""
    fps: float
    """Frames a second."""
    queries: Mapping[Site, Array] = field(default_factory=dict)
    """(step, layer) -> (A, L, D) queries after norm and rotation; tokens as in `geometry.token_kinds`, of the
    kinds that the layer's entry in `layers` names. float16; float32 where they come from a compact file.
    """
    keys: Mapping[Site, Array] = field(default_factory=dict)
    """(step, layer) -> (A, L, D) keys, likewise, after norm and rotation; tokens as those of `queries`, or of
    other kinds where the layer's entry says so.
    """
    heads: tuple[int, ...] = ()
    """Which of the layer's heads the A captured ones are."""
    geometry: Geometry = Geometry()
    """Strides, patch and sequence of the model. Without `token_kinds` the T words come first, then the video.
    """
    layers: tuple[AttentionLayer, ...] = ()
    """What each layer of `queries` and `keys` reads; empty where every layer reads the whole sequence."""
    stages: tuple[str, ...] = ()
    """(S,) The model that each step ran through ("transformer", "transformer_2"); empty where there is one.
    """
    sections: tuple[int, ...] = ()
    """(S,) The section of the clip, from 0, that each step worked on; empty where a run makes a clip at once.
    """
    maps: Mapping[str, Array] = field(default_factory=dict)
    """Where each word goes, pooled over the kept heads, layers and perhaps steps: name ("cross") ->
    (S', T, time, rows, columns) float16 over the grid of video tokens; S' is S, or 1 for all steps together.
    """
    coverage: Mapping[str, Any] = field(default_factory=dict)
    """What the record saw of the model and what it did not, as JSON values; empty for x2vkit's own model, of
    which it sees all. "pipeline": the class; "support": "verified" or "generic"; "unseen": a list of
    {"what": a short name, "said": a sentence for people, "where": [modules or steps]}; see
    `adapters.coverage`.
    """
    inputs: Mapping[str, Array] = field(default_factory=dict)
    """Pictures and tracks that were given beside the prompt, by the name of their argument."""
    plan: Mapping[str, Array] = field(default_factory=dict)
    """What the run was planned to show, or empty: "boxes" (F, 2, 4) of the first and second subject as x0,
    y0, x1, y1 in fractions of the frame, NaN where out of sight; "mouth" (F,), openness from 0 to 1, NaN
    where nobody talks; "camera" (F, 3), x, y in fractions of the shorter side and zoom, since the first
    frame; "turn" (F,), angle of the first subject in radians, counter-clockwise.
    """
    made_by: Mapping[str, Any] = field(default_factory=dict)
    """The call of the studio that put the clip together, as JSON values: "call" ("extend") and its arguments;
    empty where one run of the model made it.
    """
    sound: Array | None = None
    """(samples,) int16 at `media.SOUND_RATE` samples a second, one channel: what is heard with the clip."""
    pred_x0_cond: Array | None = None
    """(S, C, f, h, w) float16: `pred_x0` as the words alone would have it, at guidance 1; None where the
    run was not guided.
    """
    previews: Array | None = field(default_factory=lambda: None)
    """(S, F, H, W, 3) uint8 pictures of `pred_x0`, where the run kept them; `preview` does without."""
    preview_weight: Array | None = None
    """(P, C) float16: a linear picture of one latent position; see `preview`. P is temporal stride x spatial
    stride x spatial stride x 3 colours, as `geometry` has them. None: fitted on the clip when it is needed.
    """
    preview_bias: Array | None = None
    """(P,) float16."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage of the run."""
    flops: int = 0
    """Floating-point operations of text and transformer over the run, by formula (2 a multiply-add)."""
    weights: str = ""
    """SHA-256 of all weights, in hexadecimal: two traces with equal hashes come from one model."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the programs that made it. The same frames bit for bit are promised for the same ones."""

    def __post_init__(self) -> None:
        for name in ("request", "timings", "versions", "coverage", "made_by"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in GROUPS:
            arrays = {key: _frozen(value) for key, value in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(arrays))
        for name in ARRAYS:
            value = getattr(self, name)
            whole = value is None or isinstance(value, EncodedPictures)
            object.__setattr__(self, name, value if whole else _frozen(value))
        if not self.geometry.token_kinds and self.latents.ndim == 5:
            kinds = (("text", len(self.words)), ("video", prod(self.grid)))
            object.__setattr__(self, "geometry", replace(self.geometry, token_kinds=kinds))
        check(self)
        encoded = {name: value for name, value in vars(self).items() if isinstance(value, EncodedPictures)}
        object.__setattr__(self, "_encoded", MappingProxyType(encoded))
        object.__setattr__(self, "_stored", MappingProxyType({}))
        for name in encoded:  # from now on __getattr__ is asked for them
            object.__delattr__(self, name)

    def __getattr__(self, name: str) -> Any:
        """Pictures that a file holds as an image, unpacked when they are first looked at."""
        image = vars(self).get("_encoded", {}).get(name)
        if image is None:
            raise AttributeError(f"a Trace has no {name!r}")
        object.__setattr__(self, name, _frozen(image.decode()))
        return vars(self)[name]

    def _packed(self, name: str) -> Any:
        """A field as it is, pictures that nobody has looked at still packed."""
        return vars(self)["_encoded"].get(name) if name not in vars(self) else vars(self)[name]

    def encoded(self, name: str) -> EncodedPictures | None:
        """The image that `frames` or `previews` were read from, or None where they came as numbers."""
        return vars(self)["_encoded"].get(name)

    def stored(self, name: str) -> Stack | None:
        """How a compact file holds an array of all steps ("latents"), or the queries or keys of one of
        `stacks` by its first place ("keys.0.5"); None where this trace comes from no such file.
        """
        return vars(self)["_stored"].get(name)

    @property
    def prompt(self) -> str:
        """The prompt as it was given."""
        return str(self.request.get("prompt", ""))

    @property
    def steps(self) -> int:
        """Denoising steps S."""
        return len(self.pred_x0)

    @property
    def grid(self) -> Shape3:
        """Video tokens along time, height and width; their product is N."""
        f, h, w = self.latents.shape[2:]
        return self.geometry.patch_grid(f, h, w)

    @property
    def captured(self) -> tuple[Site, ...]:
        """The (step, layer) pairs whose attention was kept, in order."""
        return tuple(sorted(self.queries))

    def stacks(self) -> tuple[tuple[Site, ...], ...]:
        """`captured` by layers, each in the order of steps; queries and keys of a stack are of one shape."""
        found: dict[Any, list[Site]] = {}
        for site in self.captured:
            shapes = self.queries[site].shape, self.keys[site].shape
            found.setdefault((site[1], shapes), []).append(site)
        return tuple(tuple(found[key]) for key in sorted(found))

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, which is about the size of the file."""
        single = [self._packed(name) for name in ARRAYS]
        groups = [array for name in GROUPS for array in getattr(self, name).values()]
        return sum(array.nbytes for array in [*single, *groups] if array is not None)

    def arrays(self) -> dict[str, Array]:
        """Every array by a flat name, as the file stores them ("queries.3.0" is step 3, layer 0)."""
        flat = {name: getattr(self, name) for name in ARRAYS if getattr(self, name) is not None}
        for kind in ("queries", "keys"):
            flat |= {f"{kind}.{step}.{layer}": array for (step, layer), array in getattr(self, kind).items()}
        for kind in ("inputs", "plan", "maps"):
            flat |= {f"{kind}.{name}": array for name, array in getattr(self, kind).items()}
        return flat

    def attention(self, step: int, layer: int, query: int) -> NDArray[np.float32]:
        """Where one token looked: softmax(q k^T / sqrt(D)) over all keys -> (A, L), rows summing to 1.

        query: a token's place in the sequence, 0..L-1: `geometry.span` says where words and video begin, and
        `geometry.token_box` which pixels a video token holds; by x2vkit's own model 0..T-1 are `words`, and T
        + i is video token i. One row at a time, never the square of all pairs. Tokens that the layer does not
        read get 0. Raises X2VError where nothing was captured.
        """
        if (step, layer) not in self.queries:
            have = ", ".join(map(str, self.captured[:6])) + (" ..." if len(self.captured) > 6 else "")
            rule = f"this trace holds (step, layer) {have}" if have else "this trace holds no attention"
            got = f"attention at step {step}, layer {layer}"
            raise X2VError(got, rule, "record it with x2vkit.record(..., attention=...)")
        if not 0 <= query < self.geometry.tokens:
            kinds = " and ".join(f"{count} {kind}" for kind, count in self.geometry.token_kinds)
            rule = f"this trace has {kinds} tokens, in this order"
            raise X2VError(f"token {query}", rule, "count from 0")
        q, k, reads = self.queries[step, layer], self.keys[step, layer], self.reads(layer)
        held = np.flatnonzero(reads.places("queries", self.geometry) == query)
        if not len(held):
            rule = f"{reads.name} holds queries of {', '.join(reads.queries)} tokens"
            raise X2VError(f"token {query}", rule, "ask for one of them, or another layer")
        row = q[:, held[0]].astype(np.float32)[:, None, :]  # (A, 1, D)
        scores = (row @ k.astype(np.float32).swapaxes(1, 2))[:, 0] * q.shape[2] ** -0.5  # (A, keys held)
        scores = np.where(reads.seen(query, self.grid, self.geometry), scores, -np.inf)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        rows = np.zeros((len(q), self.geometry.tokens), np.float32)
        rows[:, reads.places("keys", self.geometry)] = scores / scores.sum(axis=1, keepdims=True)
        return rows

    def reads(self, layer: int) -> AttentionLayer:
        """What one layer reads: its entry in `layers`, or the whole sequence."""
        return self.layers[layer] if self.layers else AttentionLayer(f"layer {layer}")

    def preview(self, step: int) -> Frames:
        """What the clip is taken to be at one step (0..S-1), as a picture -> (F, H, W, 3) uint8.

        A kept preview where there is one; else a rough picture of `pred_x0` (see `picture`). Raises X2VError
        for a step that there is not.
        """
        if not 0 <= step < self.steps:
            raise X2VError(f"step {step}", f"this trace has {self.steps} steps", "count from 0")
        if self.previews is not None:
            return self.previews[step]
        return self.picture(self.pred_x0[step])

    def preview_frame(self, step: int, frame: int) -> Frames:
        """One frame of `preview(step)` without the others -> (H, W, 3) uint8."""
        if self.previews is not None:
            return self.previews[step, frame]
        return self.linear_picture.frame(self.pred_x0[step], frame)

    def picture(self, latents: Array) -> Frames:
        """A rough picture of any latents (C, f, h, w) of this run, noisy ones too -> (F, H, W, 3) uint8.

        One linear map from a latent position to its pixels: `linear_picture`.
        """
        return self.linear_picture.draw(latents)

    @property
    def linear_picture(self) -> LinearPicture:
        """The linear decoder that `picture` draws with: the one that was recorded, or a fit of the last
        latents to the clip, made when it is first needed.
        """
        kept = vars(self).get("_linear_picture")
        if kept is None:
            if self.preview_weight is None or self.preview_bias is None:
                kept = fit_preview(self.latents[-1], self.frames, self.geometry)
            else:
                weight, bias = (x.astype(np.float32) for x in (self.preview_weight, self.preview_bias))
                kept = LinearPicture(weight, bias, self.geometry)
            object.__setattr__(self, "_linear_picture", kept)
        return kept

    def save(self, path: str | os.PathLike[str], *, compact: bool = False) -> Path:
        """Write one .x2v file (safetensors with a JSON header), all of it or nothing. Returns the path.

        compact: half of the size or less, an eighth where attention of all steps is kept: latents, queries
        and keys at 8 bits a number, as differences from step to step (see `trace.differences`), and previews
        with some loss; frames stay exact.
        """
        from x2vkit.trace import file

        return file.save(self, path, compact=compact)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Open a file that `save` wrote; raises X2VError on anything else, never runs code from a file."""
        from x2vkit.trace import file

        return file.load(path, cls)

    def _repr_html_(self) -> str:
        from x2vkit.trace import show

        return show.html(self)

    def __repr__(self) -> str:
        frames, height, width, _ = self._packed("frames").shape
        attention = f", attention at {len(self.captured)} places" if self.captured else ""
        clip = f"{frames} frames of {height} x {width} at {self.fps:g} fps"
        return f"Trace({self.prompt!r}: {clip}, {self.steps} steps{attention}, {self.nbytes / 1e6:.1f} MB)"


def _frozen(value: Array) -> Array:
    """The same numbers as a read-only array; the caller's own array stays as it is."""
    array = np.asarray(value).view()
    array.setflags(write=False)
    return array
