"""`Patches`: the clip as a block of pixels, its latents, and the tokens that a transformer reads.

    F, H, W frames and pixels; C, f, h, w latents; N patches (tokens), P numbers in each

Patches of other sizes than the model's own can be tried: the last one along an axis is filled up with zeros
where the size does not divide the grid. Shuffling and dropping happen in the browser; the same few lines
stand here, so that `data` returns what the reader sees. Knows nothing about attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, Shape3, latent_shape, pixel_shape, token_at, token_box
from x2vkit.config import PRESETS, ModelConfig
from x2vkit.errors import X2VError
from x2vkit.flops import attention_flops, forward_flops
from x2vkit.media import Frames
from x2vkit.trace import Trace
from x2vkit.views.base import Array, Content, Eight, Strip, TraceLike, View, as_trace
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LENGTHS = (1, 2, 4)
"""Patch lengths to try, in latent frames."""
SIDES = ((1, 1), (2, 2), (4, 4), (8, 8))
"""Patch heights and widths to try, in latent cells."""
ORDERS = ("none", "times", "places", "all")
"""What can be shuffled: nothing; whole moments; places, alike at every moment; every patch."""
NUMBER_BYTES = 2
"""Bytes of a latent number, at 16 bits as models keep them."""
MOST_DROPPED = 95
"""Largest share of patches that can be dropped, per cent."""
DROP_SEED = 12345
"""Seed of the order in which patches are dropped."""
DROPPED = 128
"""Grey of a dropped patch in the clip put together again."""


class Patches(View):
    """The clip as a cube of pixels, its latents and its patches; what patches cost, and what order carries.

    trace: a Trace, the path of one, or None for a bundled one. selection: frame (0..F-1); token (0..N-1 of
    the model's own patches, or None) and pixel ([frame, y, x] inside it, or None); row (0..H-1) of the slice
    over time; length and side, indices into `lengths` and `sides`; channel (0..C-1, -1 for three as colours,
    -2 for the linear picture) and colors, what latents and tokens are painted by; order (one of ORDERS),
    shuffle (its seed) and drop (per cent); cut and explode (per cent), how the cubes are drawn.
    """

    _module = "patches"
    label = "Pixels, latents, patches"

    lengths: tuple[int, ...]
    """Patch lengths on offer, in latent frames."""
    sides: tuple[tuple[int, int], ...]
    """Patch heights and widths on offer, in latent cells."""

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        C, f, h, w = trace.latents.shape[1:]
        F, H, W, _ = trace.frames.shape
        if latent_shape(F, H, W) != (f, h, w) or pixel_shape(f, h, w) != (F, H, W):
            rule = "latents of {} x {} x {} cells stand for {} x {} x {} pixels"
            rule = rule.format(f, h, w, *pixel_shape(f, h, w))
            raise X2VError(f"a clip of {F} x {H} x {W} pixels", rule, "record it again")
        own_length, *own_side = trace.patch
        self.lengths = tuple(sorted({n for n in LENGTHS if n <= f} | {own_length}))
        self.sides = tuple(sorted({s for s in SIDES if s[0] <= min(h, w)} | {(own_side[0], own_side[1])}))
        sizes = [[(length, *side) for side in self.sides] for length in self.lengths]

        sources = color_sources(trace)
        arrays: dict[str, Array | Eight | Strip] = {
            "frames": Strip(trace.frames),
            "latents": Eight(trace.latents[-1]),
        }
        if trace.preview_weight is not None:
            arrays["glance"] = glance(trace)
        for i, row in enumerate(sizes):
            for j, patch in enumerate(row):
                for kind in ("patch", "mean", "place"):
                    arrays[f"{kind}.{i}.{j}"] = token_colors(trace, kind, patch)
        for kind, _ in sources:
            if "." in kind:
                arrays[kind] = token_colors(trace, kind, trace.patch)

        config = model_config(trace)
        middle = [n // 2 for n in trace.grid]
        token = (middle[0] * trace.grid[1] + middle[1]) * trace.grid[2] + middle[2]
        own = [self.lengths.index(own_length), self.sides.index((own_side[0], own_side[1]))]
        limits = {"frame": F - 1, "row": H - 1, "length": len(self.lengths) - 1, "side": len(self.sides) - 1}
        return Content(
            facts={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "words": list(trace.words),
                "fps": trace.fps,
                "shape": [F, H, W],
                "latent": [C, f, h, w],
                "lengths": self.lengths,
                "sides": self.sides,
                "own": own,
                "costs": [[cost(config, (f, h, w), size, len(trace.words)) for size in row] for row in sizes],
                "model": f"{config.width} channels, {config.depth} layers",
                "sources": sources,
                "number_bytes": NUMBER_BYTES,
                "drop_seed": DROP_SEED,
            },
            arrays=arrays,
            selection={
                "frame": 0, "token": token, "pixel": None, "row": round(0.6 * H),
                "length": own[0], "side": own[1], "channel": -1, "colors": "patch",
                "order": "none", "shuffle": 0, "drop": 0, "cut": False, "explode": 0,
            },
            limits=limits | {"token": prod(trace.grid) - 1, "drop": MOST_DROPPED, "explode": 100},
        )  # fmt: skip

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
        grid = grid_of(trace.latents.shape[2:], patch)
        order = shuffled(choice["order"], grid, choice["shuffle"])
        kept = kept_tokens(prod(grid), choice["drop"])
        tokens = patch_vectors(trace.latents[-1], patch)
        source = choice["colors"] if "." not in choice["colors"] or patch == trace.patch else "patch"
        numbers = NUMBER_BYTES * np.array([trace.latents[-1].size, tokens.size])
        seen: dict[str, Array] = {
            "tokens": tokens,
            "colors": token_colors(trace, source, patch),
            "grid": np.array(grid),
            "order": order,
            "kept": kept,
            "frame": trace.frames[choice["frame"]],
            "rebuilt": rebuilt(trace.frames, patch, grid, order, kept)[choice["frame"]],
            "slice": trace.frames[:, choice["row"]],
            "bytes": np.array([trace.frames.nbytes, *numbers]),
        }
        if (picked := self._picked()) is not None:
            F, H, W, _ = trace.frames.shape
            box = token_box(token_at(*picked, grid, patch), grid, patch)
            frames = slice(box.frames.start, min(box.frames.stop, F))
            seen["patch"] = trace.frames[frames, box.y0 : min(box.y1, H), box.x0 : min(box.x1, W)]
        return seen

    def _picked(self) -> tuple[int, int, int] | None:
        """The point picked, (frame, y, x): `pixel` while it lies in `token`, else the token's first."""
        token, pixel, grid, patch = (
            self.selection["token"],
            self.selection["pixel"],
            self.trace.grid,
            self.trace.patch,
        )
        if token is None:
            return None
        if pixel is not None and token_at(pixel[0], pixel[1], pixel[2], grid, patch) == token:
            return pixel[0], pixel[1], pixel[2]
        box = token_box(token, grid, patch)
        return box.frames.start, box.y0, box.x0

    def figure(self) -> Figure:
        """The three cubes at the selected patch size, and under them their bytes as areas, to scale."""
        from matplotlib.figure import Figure

        trace, frame, (pt, ph, pw) = self.trace, self.selection["frame"], self.patch
        shape = trace.frames.shape[:3]
        C, f, h, w = trace.latents.shape[1:]
        seen = self.data()
        grid, order = seen["grid"], seen["order"]
        colors = (
            np.where(seen["kept"][:, None], seen["colors"], 228)[order].reshape(*grid, 3).astype(np.uint8)
        )
        bounds = [0, *(1 + TIME_STRIDE * i for i in range(f))]
        bounds_of_tokens = [bounds[min(i, f)] for i in range(0, grid[0] * pt + 1, pt)]
        F, H, W = shape
        blocks = (
            (f"clip: {F} frames of {H} × {W} pixels", trace.frames, range(F + 1), 0.0),
            (f"latents: {f} × {h} × {w} cells of {C} numbers", false_colors(trace.latents[-1]), bounds, 0.0),
            (f"{prod(grid):,} patches of {pt} × {ph} × {pw} cells", colors, bounds_of_tokens, 0.5),
        )
        figure = Figure(figsize=(10, 5.4))
        # Places by hand: a layout engine would draw everything twice, and this picture delays the widget.
        for i, (title, pictures, edges, line) in enumerate(blocks):
            axes = figure.add_axes((0.01 + 0.335 * i, 0.33, 0.31, 0.55))
            axes.set_title(title, fontsize=10)
            draw_cube(axes, pictures, edges, shape, frame, line)
        self._scale(figure.add_axes((0.01, 0.01, 0.98, 0.28)), colors, seen)
        since = f"  ·  from frame {frame + 1} on" if frame else ""
        figure.suptitle(f"{trace.prompt}{since}", fontsize=11)
        return figure

    def _scale(self, axes: Axes, colors: NDArray[np.uint8], seen: dict[str, Array]) -> None:
        """Bytes of clip, latents and tokens as areas: pictures in a row, a clip's frame as wide as 1."""
        trace, (count, numbers) = self.trace, seen["tokens"].shape
        sizes = [int(size) for size in seen["bytes"]]
        whole = sizes[0]
        F, H, W, _ = trace.frames.shape
        tall = H / W
        latents, cells = false_colors(trace.latents[-1]), trace.latents[-1].size
        left, top = 0.0, 0.0
        for pictures, size, text in (
            (trace.frames, whole, f"To scale, in bytes: {F * H * W:,} pixels × 3 colours = {whole:,} bytes"),
            (latents, sizes[1], f"{cells:,} latents × {8 * NUMBER_BYTES} bits\n= {sizes[1]:,} bytes"),
            (colors, sizes[2], f"{count:,} tokens × {numbers:,} numbers\n= {sizes[2]:,} bytes"),
        ):  # fmt: skip
            side = (size / whole * F / len(pictures)) ** 0.5  # of one picture; a frame's is 1
            wide = side * len(pictures)
            box = (left, left + wide, top - side * tall, top)
            axes.imshow(in_a_row(pictures), extent=box, interpolation="nearest")
            if top == 0:
                axes.text(0, 0.15, text, fontsize=9, va="bottom")
                left, top = 0.0, -tall - 0.35
            else:
                axes.text(left + wide + 0.12, top, text, fontsize=9, va="top")
                left += max(wide + 0.34 * F, 0.5 * F)
        axes.set(xlim=(-0.1, max(F, 1) + 0.1), ylim=(-tall - 0.45 - max(tall, 0.9), 0.9), aspect="equal")
        axes.axis("off")


# -- patches and what they cost
# ----------------------------------------------------------------------------------------------------------


def grid_of(latent: Sequence[int], patch: Shape3) -> Shape3:
    """Patches along time, height and width of a latent grid; the last along an axis may be part empty."""
    f, h, w = (ceil(n / p) for n, p in zip(latent, patch, strict=True))
    return f, h, w


def patch_vectors(latents: Array, patch: Shape3) -> NDArray[np.float32]:
    """(C, f, h, w) -> (N, P), filled up with zeros: `core.patches.patchify` in numpy, for any size."""
    (f, h, w), (pt, ph, pw) = grid_of(latents.shape[1:], patch), patch
    fill = [(0, n * p - size) for n, p, size in zip((f, h, w), patch, latents.shape[1:], strict=True)]
    full = np.pad(latents.astype(np.float32), [(0, 0), *fill])
    cells = full.reshape(len(latents), f, pt, h, ph, w, pw).transpose(1, 3, 5, 0, 2, 4, 6)
    return cells.reshape(f * h * w, -1)  # (n_t, n_h, n_w, C, pt, ph, pw)


def model_config(trace: Trace) -> ModelConfig:
    """The size of the model that made a trace, if it is a preset; else of the one that ships."""
    known = PRESETS.get(str(trace.request.get("model")), PRESETS["small"])
    return replace(known, latent_channels=trace.latents.shape[1])


def cost(config: ModelConfig, latent: Shape3, patch: Shape3, words: int) -> dict[str, Any]:
    """What a patch size means for one forward pass: grid, tokens, numbers in each, FLOPs of attention
    (comparing and mixing alone) and of the whole pass; padded says whether a patch is part empty.
    """
    grid = grid_of(latent, patch)
    full: Shape3 = (grid[0] * patch[0], grid[1] * patch[1], grid[2] * patch[2])
    sized = replace(config, patch=patch)
    return {
        "grid": grid,
        "tokens": prod(grid),
        "numbers": config.latent_channels * prod(patch),
        "attention": attention_flops(config, words + prod(grid)),
        "forward": forward_flops(sized, *pixel_shape(*full), words),
        "padded": full != tuple(latent),
    }


# -- colours
# ----------------------------------------------------------------------------------------------------------


def color_sources(trace: Trace) -> list[tuple[str, str]]:
    """What patches can be painted by: (array's name, what it is). Names with a dot are of the model's own
    patch size.
    """
    sources = [
        ("patch", "their latent numbers (PCA)"),
        ("mean", "their mean colour"),
        ("place", "time, row, column"),
    ]
    last = max((step for step, _ in trace.captured), default=0)
    layers = [layer for step, layer in trace.captured if step == last]
    for kind in ("queries", "keys"):
        for layer in layers:
            sources.append((f"{kind}.{last}.{layer}", f"{kind}, layer {layer}, step {last + 1} (PCA)"))
    return sources


def token_colors(trace: Trace, kind: str, patch: Shape3) -> NDArray[np.uint8]:
    """A colour for each patch -> (N, 3). kind: a name of `color_sources`."""
    grid = grid_of(trace.latents.shape[2:], patch)
    if kind == "patch":
        return pca_colors(patch_vectors(weighted(trace), patch))
    if kind == "place":
        places = np.stack(
            np.meshgrid(*(np.linspace(0, 1, n) if n > 1 else [0.5] for n in grid), indexing="ij"), -1
        )
        return np.rint(40 + 200 * places.reshape(-1, 3)).astype(np.uint8)
    if kind == "mean":
        boxes = [token_box(index, grid, patch) for index in range(prod(grid))]
        means = [
            trace.frames[box.frames.start : box.frames.stop, box.y0 : box.y1, box.x0 : box.x1].mean((0, 1, 2))
            for box in boxes
        ]
        return np.rint(means).astype(np.uint8)
    name, step, layer = kind.split(".")
    vectors = getattr(trace, name)[int(step), int(layer)][:, len(trace.words) :]  # (A, N, D)
    return pca_colors(vectors.transpose(1, 0, 2).reshape(vectors.shape[1], -1))


def weighted(trace: Trace) -> NDArray[np.float32]:
    """The last latents, each channel times how far it moves the pixels by the trace's linear decoder, if any
    -> (C, f, h, w): channels that hardly show are stored as large as the others.
    """
    latents = trace.latents[-1].astype(np.float32)
    if trace.preview_weight is None:
        return latents
    return latents * np.linalg.norm(trace.preview_weight.astype(np.float32), axis=0)[:, None, None, None]


def pca_colors(vectors: Array) -> NDArray[np.uint8]:
    """Vectors (N, P) by their first three principal components as red, green, blue -> (N, 3).

    Each component from its 2nd to its 98th percentile, with the sign that makes its largest value positive.
    """
    x = vectors.astype(np.float64)
    x -= x.mean(axis=0)
    if x.shape[1] <= x.shape[0]:
        parts = x @ np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :3]
    else:  # the same from the products of all pairs, where vectors are longer than many
        values, columns = np.linalg.eigh(x @ x.T)
        parts = (columns * np.sqrt(values.clip(0)))[:, ::-1][:, :3]
    parts = np.pad(parts, ((0, 0), (0, 3 - parts.shape[1])))
    parts *= np.where(parts.max(axis=0) >= -parts.min(axis=0), 1, -1)
    low, high = np.percentile(parts, (2, 98), axis=0)
    shades = (parts - low) / np.maximum(high - low, 1e-9)
    return np.rint(255 * np.where(high - low > 1e-9, shades, 0.5).clip(0, 1)).astype(np.uint8)


def false_colors(latents: Array) -> NDArray[np.uint8]:
    """The first three channels of latents (C, f, h, w) as red, green, blue, 2.5 deviations each way ->
    (f, h, w, 3). As in static/patches.js.
    """
    three = latents[np.arange(3) % len(latents)].astype(np.float32)
    mean, spread = three.mean(axis=(1, 2, 3), keepdims=True), three.std(axis=(1, 2, 3), keepdims=True)
    shades = (three - mean) / np.maximum(5 * spread, 1e-6) + 0.5
    return np.rint(255 * shades.clip(0, 1)).astype(np.uint8).transpose(1, 2, 3, 0)


def glance(trace: Trace) -> NDArray[np.uint8]:
    """The mean colour of each latent cell by the trace's linear decoder -> (f, h, w, 3)."""
    assert trace.preview_weight is not None and trace.preview_bias is not None
    weight = trace.preview_weight.astype(np.float32).reshape(-1, 3, trace.latents.shape[1]).mean(axis=0)
    bias = trace.preview_bias.astype(np.float32).reshape(-1, 3).mean(axis=0)
    values = np.einsum("kc,cfhw->fhwk", weight, trace.latents[-1].astype(np.float32)) + bias
    return np.rint((values.clip(-1, 1) + 1) * 127.5).astype(np.uint8)


# -- order: the same lines stand in static/patches.js
# ----------------------------------------------------------------------------------------------------------


def permutation(count: int, seed: int) -> NDArray[np.int64]:
    """0..count-1 in an order that Python and the browser agree on: Fisher and Yates' shuffle with Marsaglia's
    xorshift ("Xorshift RNGs", 2003) of 32 bits.
    """
    state = (seed * 2654435761 + 1013904223) % 2**32 or 1
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        j = state % (i + 1)
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def shuffled(order: str, grid: Shape3, seed: int) -> NDArray[np.int64]:
    """Which token stands in each place -> (N,), a permutation. order: one of ORDERS."""
    time, place, count = grid[0], grid[1] * grid[2], prod(grid)
    tokens = np.arange(count).reshape(time, place)
    if order == "times":
        return tokens[permutation(time, seed)].reshape(-1)
    if order == "places":
        return tokens[:, permutation(place, seed)].reshape(-1)
    return permutation(count, seed) if order == "all" else tokens.reshape(-1)


def kept_tokens(count: int, drop: int) -> NDArray[np.bool_]:
    """Which tokens are left when `drop` per cent are dropped -> (N,); the same go first at any share."""
    kept = np.ones(count, bool)
    kept[permutation(count, DROP_SEED)[: count * drop // 100]] = False
    return kept


def rebuilt(frames: Frames, patch: Shape3, grid: Shape3, order: Array, kept: Array) -> Frames:
    """The clip with token order[i] in place i, and grey where it was dropped -> (F, H, W, 3).

    Every latent frame holds four moments; the first holds one frame, standing still. A patch moved to the
    first shows its last moment there, and the first patch stands still wherever it goes.
    """
    F, H, W, _ = frames.shape
    tall, wide, long = SPACE_STRIDE * patch[1], SPACE_STRIDE * patch[2], TIME_STRIDE * patch[0]
    # The clip with every latent frame four frames long, and every patch whole.
    times = (np.arange(grid[0] * long) - (TIME_STRIDE - 1)).clip(0, F - 1)
    whole = np.pad(frames, ((0, 0), (0, grid[1] * tall - H), (0, grid[2] * wide - W), (0, 0)), mode="edge")[
        times
    ]
    parts = whole.reshape(grid[0], long, grid[1], tall, grid[2], wide, 3).transpose(0, 2, 4, 1, 3, 5, 6)
    parts = parts.reshape(prod(grid), long, tall, wide, 3)[order]
    parts[~kept[order]] = DROPPED
    back = parts.reshape(*grid, long, tall, wide, 3).transpose(0, 3, 1, 4, 2, 5, 6).reshape(whole.shape)
    return back[TIME_STRIDE - 1 : TIME_STRIDE - 1 + F, :H, :W]


# -- the static picture
# ----------------------------------------------------------------------------------------------------------


def in_a_row(pictures: Frames) -> Frames:
    """Pictures (n, H, W, 3) side by side, each enlarged to 96 pixels or more, with white between them."""
    by = max(1, 96 // pictures.shape[2])
    large = pictures.repeat(by, axis=1).repeat(by, axis=2)
    edged = np.pad(large, ((0, 0), (0, 0), (0, max(1, large.shape[2] // 24)), (0, 0)), constant_values=255)
    return edged.transpose(1, 0, 2, 3).reshape(edged.shape[1], -1, 3)


def draw_cube(
    axes: Axes, pictures: Frames, edges: Sequence[int], shape: tuple[int, int, int], frame: int, line: float
) -> None:
    """A block of spacetime, seen from the front, the top and the right; time goes back.

    pictures: (n, rows, columns, 3) uint8, of which picture i holds frames edges[i]..edges[i + 1] of a clip of
    `shape` (F, H, W); what lies before `frame` is taken off. line: width of the lines between cells.
    """
    from matplotlib.transforms import Affine2D

    F, H, W = shape
    first = max(i for i in range(len(pictures)) if edges[i] <= frame)
    start = edges[first]
    back, up = 0.55 * W / F, 0.36 * W / F  # of one frame
    x, y, depth = start * back, start * up, F - start
    widths = np.diff(np.minimum(edges, F))[first:]
    top = np.repeat(pictures[first:, 0], widths, axis=0)[::-1]  # (depth, columns, 3), the last on top
    side = np.repeat(pictures[first:, :, -1], widths, axis=0).transpose(1, 0, 2)  # (rows, depth, 3)
    faces = (
        (pictures[first], (0, W, 0, H), Affine2D().translate(x, y)),
        (top * 0.94 + 15, (0, W, 0, depth), Affine2D.from_values(1, 0, back, up, x, y + H)),
        (side * 0.72, (0, depth, 0, H), Affine2D.from_values(back, up, 0, 1, x + W, y)),
    )
    for face, extent, place in faces:
        picture = axes.imshow(face.astype(np.uint8), extent=extent, interpolation="nearest")
        picture.set_transform(place + axes.transData)
    if line:
        depths = np.array([edge - start for edge in edges[first:] if edge <= F])
        across, down = np.linspace(0, W, pictures.shape[2] + 1), np.linspace(0, H, pictures.shape[1] + 1)
        rulings: tuple[tuple[Array, Array], ...] = ((across, down), (across, depths), (depths, down))
        for (_, (_, right, _, high), place), (xs, ys) in zip(faces, rulings, strict=True):
            where = place + axes.transData
            axes.vlines(xs, 0, high, color="white", linewidth=line, transform=where)
            axes.hlines(ys, 0, right, color="white", linewidth=line, transform=where)
    whole_x, whole_y = F * back, F * up
    ghost = [
        (0, 0),
        (0, H),
        (whole_x, H + whole_y),
        (whole_x + W, H + whole_y),
        (whole_x + W, whole_y),
        (W, 0),
        (0, 0),
    ]
    axes.plot(*zip(*ghost, strict=True), color=PALETTE["grey"], linewidth=0.8)
    axes.text(W + whole_x / 2 + 0.03 * W, whole_y / 2, "time", fontsize=8, color=PALETTE["grey"], va="top")
    axes.set(xlim=(-2, W + whole_x + 2), ylim=(-2, H + whole_y + 2), aspect="equal")
    axes.axis("off")
