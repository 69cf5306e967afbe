"""From calls of attention to the layers of a trace: which tokens each reads, in the order of the geometry.

N video tokens in time, rows, columns    A heads    D channels of a head
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.adapters.grid import Layout
from x2vkit.adapters.recording import Heard, Run, SiteName
from x2vkit.adapters.tokens import DEAD, UNSURE, Kinds, Signature
from x2vkit.axes import TOKEN_KINDS, Geometry, Shape3
from x2vkit.trace.layers import AttentionLayer

Array = NDArray[Any]
SLACK = 6
"""Cells away from a changed one that a UNet's convolutions may move most."""
ORDER = ("text", "padding", "image", "history", "video", "audio")
"""In which order a trace has the kinds of tokens."""


@dataclass(frozen=True)
class Reading:
    """What one call of attention reads, and where its tokens lie in it."""

    layer: AttentionLayer
    queries: Mapping[str, Array]
    """Kind -> places among the call's queries."""
    keys: Mapping[str, Array]
    """Kind -> places among the call's keys."""

    def pick(self, heard: Heard, grid: Shape3) -> tuple[Array, Array]:
        """Queries and keys of a call in the order of the geometry -> (A, tokens, D) each."""
        q = _joined(heard.query, self.layer.within, grid, _repeated(self.queries))
        k = _joined(heard.key, self.layer.within, grid, _repeated(self.keys))
        order = (
            [kind for kind in ORDER if kind in self.queries],
            [kind for kind in ORDER if kind in self.keys],
        )
        return _take(q, self.queries, order[0]), _take(k, self.keys, order[1])


def _repeated(places: Mapping[str, Array]) -> bool:
    """Whether a side holds no video: text that every frame reads alike."""
    return "video" not in places


def _joined(x: Array, within: str, grid: Shape3, repeated: bool) -> Array:
    """(rows, A, n, D) of one clip -> (A, all its tokens, D): frames or places one after the other."""
    if len(x) == 1 or repeated:
        return x[0]
    rows, heads, n, size = x.shape
    if within == "place":
        x = x.transpose(1, 2, 0, 3)  # (A, time, places, D)
        return x.reshape(heads, n * rows, size)
    return x.transpose(1, 0, 2, 3).reshape(heads, rows * n, size)


def _take(x: Array, places: Mapping[str, Array], order: Sequence[str]) -> Array:
    return np.ascontiguousarray(np.concatenate([x[:, places[kind]] for kind in order], 1))


class Unread(Exception):
    """Why a call of attention is not among a trace's layers: a short name, and a sentence."""


def read(
    site: SiteName,
    signature: Signature,
    kinds: Kinds | None,
    valid: Array | None,
    geometry: Geometry,
    layout: Layout,
    batch: int,
    row: int,
    words: Any,
    slack: int,
) -> Reading:
    """What a call reads.

    Args:
        site: the call.
        kinds: what its tokens stand for, None where that was not tried.
        valid: (K,) keys that are read at all, or None.
        geometry, layout: of the run's latents, with a patch to try.
        batch, row: rows of the model's batch, and which of them read the prompt.
        words: a function: number of text tokens -> a word for each, None for padding; or None.
        slack: cells by which a convolution may spread what is changed.

    Raises:
        Unread: with a short name and a sentence.
    """
    rows, grid = signature[1], geometry.patch_grid(*layout.shape)
    if kinds is None:
        raise Unread("tokens not told apart", "what its tokens stand for was not found out")
    queries, keys = (side[min(row, len(side) - 1)] for side in (kinds.queries, kinds.keys))
    if _all_video(len(queries), len(keys), kinds, geometry, layout):
        queries = keys = ("video",) * len(keys)
    if UNSURE in queries or UNSURE in keys:
        raise Unread("tokens not told apart", "several inputs move its tokens alike")
    each = max(1, rows // batch)
    sides = [_places(queries, valid if queries == keys else None, words), _places(keys, valid, words)]
    within = ""
    if each > 1:
        within = _within(each, sides, kinds, geometry, layout)
        sides = [_spread(side, within, grid) for side in sides]
    for side in sides:
        _check_video(side, grid)
    _check_order(kinds, sides, geometry, layout, within, slack)
    if "video" not in sides[0] and "audio" not in sides[0]:
        raise Unread("text alone", "it reads no video")
    names = [tuple(kind for kind in ORDER if kind in side) for side in sides]
    return Reading(AttentionLayer(site[0], names[0], names[1], within), sides[0], sides[1])


def _places(kinds: Sequence[str], valid: Array | None, words: Any) -> dict[str, Array]:
    """Kind -> places, without tokens that are masked away; text that is filler becomes padding."""
    on = np.ones(len(kinds), bool) if valid is None else np.asarray(valid, bool)
    named = np.array([("padding" if kind == DEAD else kind) for kind in kinds], object)
    text = np.flatnonzero(named == "text")
    spelt = words(len(text)) if len(text) else None
    if spelt is None and len(text):  # perhaps filler that nothing moves is part of the text
        both = np.flatnonzero((named == "text") | (named == "padding"))
        spelt = words(len(both))
        text = both if spelt is not None else text
    if spelt is not None:
        for place, word in zip(text, spelt, strict=True):
            named[place] = "padding" if word is None else "text"
    found = {kind: np.flatnonzero((named == kind) & on) for kind in TOKEN_KINDS}
    return {kind: places for kind, places in found.items() if len(places)}


def _within(
    each: int, sides: Sequence[Mapping[str, Array]], kinds: Kinds, geometry: Geometry, layout: Layout
) -> str:
    """Whether rows of a call are the frames of the clip or its places: by their number, and where that is
    alike by what moved.
    """
    n_t, n_h, n_w = geometry.patch_grid(*layout.shape)
    count, area = len(sides[0].get("video", ())), n_h * n_w
    fits = [name for name, want in (("frame", (n_t, area)), ("place", (area, n_t))) if (each, count) == want]
    if len(fits) == 2:
        rows = [
            (at[0], token // area, token % area) for at, token in _marks(kinds, "query", geometry, layout)
        ]
        fits = [name for name, i in (("frame", 1), ("place", 2)) if rows and all(r[0] == r[i] for r in rows)]
    if len(fits) != 1:
        raise Unread("another grid", f"its {each} x {count} tokens are not the {n_t} x {area} of the latents")
    return fits[0]


def _marks(
    kinds: Kinds, side: str, geometry: Geometry, layout: Layout
) -> Iterator[tuple[tuple[int, int], int]]:
    """((row, token) that moved most, video token that holds the changed element) of each landmark."""
    n_t, n_h, n_w = geometry.patch_grid(*layout.shape)
    for mark in kinds.landmarks:
        where = layout.cell(mark.place, kinds.shape)
        t, y, x = (at // size for at, size in zip(where, geometry.patch, strict=True))
        if (moved := getattr(mark, side)) is not None and 0 <= t < n_t:
            yield moved, (t * n_h + y) * n_w + x


def _spread(side: dict[str, Array], within: str, grid: Shape3) -> dict[str, Array]:
    """Places of all rows together, as `_joined` puts them."""
    if "video" not in side:
        return side
    if set(side) != {"video"}:
        raise Unread("another grid", "its rows read video and other tokens together")
    return {"video": np.arange(prod(grid))}


def _check_video(side: dict[str, Array], grid: Shape3) -> None:
    """Video tokens must be those of the latent grid; more of them in front are a reference frame's."""
    if "video" not in side:
        return
    extra, area = len(side["video"]) - prod(grid), grid[1] * grid[2]
    if extra < 0 or extra % area or (extra and "history" in side):
        rule = f"its {len(side['video'])} video tokens are not the {prod(grid)} of the latents"
        raise Unread("another grid", rule)
    if extra:
        side["history"], side["video"] = side["video"][:extra], side["video"][extra:]


def _check_order(
    kinds: Kinds,
    sides: Sequence[Mapping[str, Array]],
    geometry: Geometry,
    layout: Layout,
    within: str,
    slack: int,
) -> None:
    """Each element of the video input that was changed alone must have moved the token that holds it most;
    by convolutions in front of it, one at most `slack` rows and columns away.
    """
    n_t, n_h, n_w = geometry.patch_grid(*layout.shape)
    name, side = ("query", sides[0]) if "video" in sides[0] else ("key", sides[1])
    for (row, token), want in _marks(kinds, name, geometry, layout) if "video" in side else ():
        if within:
            got = row * n_h * n_w + token if within == "frame" else token * n_h * n_w + row
        else:
            got = int(np.flatnonzero(side["video"] == token)[0]) if token in side["video"] else -1
        here, there = (np.array(np.unravel_index(max(at, 0), (n_t, n_h, n_w))) for at in (got, want))
        far = np.abs(here - there)
        if got < 0 or far[0] or far[1:].max() > slack:
            raise Unread("another order", "its tokens do not lie in the order frame, row, column")


def _all_video(queries: int, keys: int, kinds: Kinds, geometry: Geometry, layout: Layout) -> bool:
    """Whether tokens that several inputs move are the grid's: as many, and each landmark at its place."""
    if not queries == keys == prod(geometry.patch_grid(*layout.shape)):
        return False
    marks = [*_marks(kinds, "query", geometry, layout), *_marks(kinds, "key", geometry, layout)]
    return len(marks) > 2 and all(moved == (0, token) for moved, token in marks)


def agree(readings: Mapping[SiteName, Reading]) -> tuple[dict[str, int], dict[SiteName, str]]:
    """How many tokens of each kind a trace has, and the calls that have another number of one -> why."""
    counts: dict[str, int] = {}
    strange: dict[SiteName, str] = {}
    for site, reading in readings.items():
        mine: dict[str, set[int]] = {}
        for side in (reading.keys, reading.queries):
            for kind, places in side.items():
                mine.setdefault(kind, {counts[kind]} if kind in counts else set()).add(len(places))
        if other := [kind for kind, several in mine.items() if len(several) > 1]:
            numbers = " or ".join(map(str, sorted(mine[other[0]])))
            strange[site] = f"it has another number of {other[0]} tokens: {numbers}"
        else:
            counts |= {kind: min(one) for kind, one in mine.items()}
    return counts, strange


def readings(
    run: Run, geometry: Geometry, layout: Layout, words: Any
) -> tuple[dict[SiteName, Reading], dict[tuple[str, str], list[str]]]:
    """What each call of the run's attention reads, and what is not read: (name, sentence) -> modules."""
    found: dict[SiteName, Reading] = {}
    unread: dict[tuple[str, str], list[str]] = {}
    slack = SLACK if any(step.stage.startswith("unet") for step in run.steps) else 0
    for site, signature in run.sites.items():
        if not any(site[0].startswith(block + ".") or site[0] == block for block in run.blocks):
            continue
        try:
            valid, kinds = run.valid[site], run.kinds.get(signature)
            found[site] = read(
                site, signature, kinds, valid, geometry, layout, run.batch, run.row, words, slack
            )
        except Unread as reason:
            unread.setdefault((reason.args[0], reason.args[1]), []).append(site[0])
    counts, strange = agree(found)
    for site, why in strange.items():
        unread.setdefault(("another number of tokens", why), []).append(site[0])
        del found[site]
    return found, unread


def each_site(run: Run, order: Sequence[SiteName]) -> Iterator[tuple[int, int, Heard]]:
    """(step, layer, what was kept) of the calls that a trace has as layers."""
    index = {site: i for i, site in enumerate(order)}
    for (step, site), heard in run.heard.items():
        if site in index and heard.query.shape[1] == len(run.keep.heads or ()):
            yield step, index[site], heard
