"""`Patches`: the clip as a block of pixels, its latents, and the tokens that a transformer reads.

    F, H, W frames and pixels; C, f, h, w latents; N patches (tokens), P numbers in each

Patches of other sizes than the model's own can be tried: the last one along an axis is filled up with zeros
where the size does not divide the grid. Shuffling and dropping happen in the browser; the same few lines
stand in order.py, so that `data` returns what the reader sees. Knows nothing about attention.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from x2vkit.axes import Shape3
from x2vkit.errors import X2VError
from x2vkit.views.base import Content, TraceLike, View, as_trace, geometry_metadata, notes_metadata
from x2vkit.views.buffer import Array, Eight, Packable
from x2vkit.views.patches.colors import cell_colors, color_sources, glance, token_colors
from x2vkit.views.patches.order import DROP_SEED, ORDERS, kept_tokens, rebuilt, shuffled
from x2vkit.views.patches.tokens import cost, described, model_config, patch_vectors, sizes_to_try
from x2vkit.views.presets import patch_presets
from x2vkit.views.shown import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBER_BYTES = 2
"""Bytes of a latent number, at 16 bits as models keep them."""
MOST_DROPPED = 95
"""Largest share of patches that can be dropped, per cent."""


class Patches(View):
    """The clip as a cube of pixels, its latents and its patches; what patches cost, and what order carries.

    trace: a Trace, the path of one, or None for a bundled one. selection: frame (0..F-1); token (0..N-1 of
    the model's own patches, or None) and pixel ([frame, y, x] inside it, or None); row of the slice over
    time, both in pixels of the pictures, `shrink` times smaller than the clip's; length and side, indices
    into `lengths` and `sides`; channel (0..C-1, -1 for three as colours, -2 for the linear picture) and
    colors, what latents and tokens are painted by; order (one of ORDERS), shuffle (its seed) and drop (per
    cent); cut and explode (per cent), how the cubes are drawn.
    """

    _module = "patches"
    label = "Pixels, latents, patches"

    lengths: tuple[int, ...]
    """Patch lengths on offer, in latent frames."""
    sides: tuple[tuple[int, int], ...]
    """Patch heights and widths on offer, in latent positions."""
    shrink: int
    """How many times smaller the sides of pictures are than the clip's."""

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        C, f, h, w = trace.latents.shape[1:]
        shown = Shown(trace, self.budget)
        F, H, W = shown.size
        geometry, self.shrink = trace.geometry, shown.shrink
        own_length, *own_side = geometry.patch
        self.lengths, self.sides = sizes_to_try((f, h, w), geometry.patch)
        sizes = [[(length, *side) for side in self.sides] for length in self.lengths]

        sources, cells = color_sources(trace), cell_colors(trace.frames, geometry, (f, h, w))
        arrays: dict[str, Packable] = {
            "frames": shown.frames(),
            "latents": Eight(trace.latents[-1]),
            "glance": glance(trace),
        }
        for i, row in enumerate(sizes):
            for j, patch in enumerate(row):
                for kind in ("patch", "mean", "place"):
                    arrays[f"{kind}.{i}.{j}"] = token_colors(trace, kind, patch, cells)
        for kind, _ in sources:
            if "." in kind:
                arrays[kind] = token_colors(trace, kind, geometry.patch)

        config, others = model_config(trace), geometry.tokens - prod(trace.grid)

        def cost_of(patch: Shape3) -> dict[str, Any]:
            return cost(config, (C, f, h, w), replace(geometry, patch=patch), others)

        middle = [n // 2 for n in trace.grid]
        token = (middle[0] * trace.grid[1] + middle[1]) * trace.grid[2] + middle[2]
        own = [self.lengths.index(own_length), self.sides.index((own_side[0], own_side[1]))]
        limits = {"frame": F - 1, "row": H - 1, "length": len(self.lengths) - 1, "side": len(self.sides) - 1}
        return Content(
            metadata={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "words": list(trace.words) if geometry.span("text") else [],
                "fps": trace.fps,
                "shape": [F, H, W],
                "latent": [C, f, h, w],
                "lengths": self.lengths,
                "sides": self.sides,
                "own": own,
                "geometry": geometry_metadata(shown.geometry),
                "shrink": self.shrink,
                **notes_metadata(trace, shown.left_out),
                "others": others,
                "costs": [[cost_of(size) for size in row] for row in sizes],
                "model": described(config) if config else "",
                "sources": sources,
                "number_bytes": NUMBER_BYTES,
                "drop_seed": DROP_SEED,
                "presets": [asdict(one) for one in patch_presets(trace)],
            },
            arrays=arrays,
            selection={
                "frame": 0, "token": token, "pixel": None, "row": round(0.6 * H),
                "length": own[0], "side": own[1], "channel": -1, "colors": "patch",
                "order": "none", "shuffle": 0, "drop": 0, "cut": False, "explode": 0,
            },
            limits=limits | {"token": prod(trace.grid) - 1, "drop": MOST_DROPPED, "explode": 100},
            choices={"order": ORDERS, "colors": [kind for kind, _ in sources], "channel": range(-1, C)},
            blank={"token": None, "pixel": None},
        )  # fmt: skip

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> dict[str, Any]:
        pixel, shape = proposal["value"].get("pixel"), self.trace.frames.shape[:3]
        counts = (
            isinstance(pixel, (list, tuple)) and len(pixel) == 3 and all(isinstance(n, int) for n in pixel)
        )
        if counts and not all(n < most for n, most in zip(pixel, shape, strict=True)):
            rule = f"the clip has {' x '.join(map(str, shape))} pixels"
            raise X2VError(f"pixel={pixel}", rule, "count each from 0")
        return super()._check_selection(proposal)

    @property
    def patch(self) -> Shape3:
        """The selected patch size: latent frames, rows and columns."""
        return self.lengths[self.selection["length"]], *self.sides[self.selection["side"]]

    def data(self) -> dict[str, Array]:
        """What is seen now. N and P are those of the selected patch size.

        tokens (N, P) float32, the numbers in each patch; colors (N, 3) uint8, what they are painted; grid
        (3,); order (N,), which token stands in each place; kept (N,) bool, False for a dropped token; frame
        and rebuilt (H, W, 3) uint8, as recorded and as put together again; slice (F, W, 3) uint8, the row
        over time; bytes (3,), of pixels, latents and tokens; patch (frames, height, width, 3) uint8, the
        pixels of the picked patch, if one is picked.
        """
        choice, trace, patch = self.selection, self.trace, self.patch
        geometry = replace(trace.geometry, patch=patch)
        grid = geometry.patch_grid(*trace.latents.shape[2:])
        order = shuffled(choice["order"], grid, choice["shuffle"])
        kept = kept_tokens(prod(grid), choice["drop"])
        tokens = patch_vectors(trace.latents[-1], patch)
        source = choice["colors"] if "." not in choice["colors"] or patch == trace.geometry.patch else "patch"
        numbers = NUMBER_BYTES * np.array([trace.latents[-1].size, tokens.size])
        seen: dict[str, Array] = {
            "tokens": tokens,
            "colors": token_colors(trace, source, patch),
            "grid": np.array(grid),
            "order": order,
            "kept": kept,
            "frame": trace.frames[choice["frame"]],
            "rebuilt": rebuilt(trace.frames, geometry, grid, order, kept)[choice["frame"]],
            "slice": trace.frames[:, choice["row"] * self.shrink + self.shrink // 2],
            "bytes": np.array([trace.frames.nbytes, *numbers]),
        }
        if (picked := self._picked()) is not None:
            F, H, W, _ = trace.frames.shape
            box = geometry.token_box(geometry.token_at(*picked, grid), grid)
            frames = slice(box.frames.start, min(box.frames.stop, F))
            seen["patch"] = trace.frames[frames, box.y0 : min(box.y1, H), box.x0 : min(box.x1, W)]
        return seen

    def _picked(self) -> tuple[int, int, int] | None:
        """The point picked, (frame, y, x): `pixel` while it lies in `token`, else the token's first."""
        token, pixel = self.selection["token"], self.selection["pixel"]
        grid, geometry = self.trace.grid, self.trace.geometry
        if token is None:
            return None
        if pixel is not None:
            point = (pixel[0], pixel[1] * self.shrink, pixel[2] * self.shrink)
            if geometry.token_at(*point, grid) == token:
                return point
        box = geometry.token_box(token, grid)
        return box.frames.start, box.y0, box.x0

    def figure(self) -> Figure:
        """The three cubes at the selected patch size, and under them their bytes as areas, to scale."""
        from x2vkit.views.patches.figure import draw

        return draw(self.trace, self.patch, self.selection["frame"], self.data())
