"""Places in a trace's attention that are worth seeing first, each with a sentence of its numbers.

A captured heads; N video tokens, L tokens of the sequence
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.trace import Trace
from x2vkit.trace.record import Site
from x2vkit.views.attention.packing import softmax
from x2vkit.views.presets import Floats, Preset
from x2vkit.views.shown import evenly
from x2vkit.views.style import token_name

PAIRS = 60_000_000
"""Pairs of tokens (over sites and heads) that are looked through; above, attention has no presets."""
SMALL_WORDS = frozenset("a an the of in on at to and is with its his her it over under by for from".split())
"""Words that say nothing of a picture."""
BLIND = 0.9
"""Noise level above which a patch shows nothing yet: attention is not looked for there."""
STEPS = 8
"""Captured steps that are looked through, evenly spread: a reader waits for it."""


def content_words(words: Sequence[str]) -> list[int]:
    """Places of the words that say something of a picture."""
    return [i for i, word in enumerate(words) if word.isalpha() and word.lower() not in SMALL_WORDS]


def attention_presets(trace: Trace) -> list[Preset]:
    """The patches that give most to two words; the head that follows the subject; the narrowest and the
    widest head of a step. Empty where attention is too large to look through, or layers read only parts of
    the sequence.
    """
    video, text = trace.geometry.span("video"), trace.geometry.span("text")
    first = trace.queries[trace.captured[0]] if trace.captured else np.zeros((1, 1, 1))
    sites = [site for site in trace.captured if trace.t[site[0]] < BLIND] or list(trace.captured)
    steps = sorted({step for step, _ in sites})
    looked = {steps[i] for i in evenly(len(steps), STEPS)}
    sites = [site for site in sites if site[0] in looked]
    pairs = len(sites) * first.shape[0] * len(video) * trace.geometry.tokens
    if trace.layers or not video or not 0 < pairs <= PAIRS:
        return []
    rows = {site: _rows(trace, site) for site in sites}
    found = _most_to_words(trace, rows) if text else []
    if follower := _follower(trace, rows):
        found.append(follower)
    last = sites[-1]
    return found + _narrow_and_wide(trace, {site: rows[site] for site in sites if site[0] == last[0]})


def _rows(trace: Trace, site: Site) -> Floats:
    """(A, N, L) attention of every patch at a site."""
    video = trace.geometry.span("video")
    return softmax(trace.queries[site][:, video.start : video.stop], trace.keys[site])


def _most_to_words(trace: Trace, rows: Mapping[Site, Floats]) -> list[Preset]:
    """The two words that some patch looks at most, each with that patch."""
    text = trace.geometry.span("text")
    worth = content_words(trace.words)
    columns = [text.start + i for i in worth]
    means = {site: row.mean(axis=0)[:, columns] for site, row in rows.items()}  # (N, words)
    found = []
    for i, index in enumerate(worth):
        site = max(means, key=lambda site: float(means[site][:, i].max()))
        token = int(means[site][:, i].argmax())
        share = float(means[site][token, i])
        told = (
            f"{_at(site)}: patch {_patch(trace, token)} gives {100 * share:.0f} % of its attention to the "
            f"word “{trace.words[index]}”, more than any other patch; an even share is "
            f"{100 / trace.geometry.tokens:.1f} %."
        )
        label = f"The patch that looks at “{trace.words[index]}”"
        found.append((share, Preset(label, told, _place(trace, site, token, None))))
    return [preset for _, preset in sorted(found, key=lambda one: -one[0])[:2]]


def _follower(trace: Trace, rows: Mapping[Site, Floats]) -> Preset | None:
    """The head whose patches inside the subject look at the subject in other latent frames."""
    inside = subject_tokens(trace)
    if inside is None or inside.sum() < 4:
        return None
    n_t = trace.grid[0]
    time = np.arange(inside.size) // (inside.size // n_t)
    video = trace.geometry.span("video")
    pairs = inside[:, None] & inside[None] & (time[:, None] != time[None])  # (N, N)
    best: tuple[float, Site, int, int] | None = None
    for site, row in rows.items():
        mass = (row[:, :, video.start : video.stop] * pairs).sum(axis=2)[:, inside]  # (A, inside)
        head = int(np.argmax(mass.mean(axis=1)))
        token = int(np.flatnonzero(inside)[np.argmax(mass[head])])
        if best is None or mass[head].mean() > best[0]:
            best = (float(mass[head].mean()), site, head, token)
    assert best is not None
    share, site, head, token = best
    chance = 100 * pairs[inside].mean(axis=1).mean() * inside.size / trace.geometry.tokens
    told = (
        f"{_at(site)}, head {trace.heads[head] + 1}: patches of the subject give {100 * share:.0f} % of "
        f"their attention to the subject in other latent frames; {chance:.0f} % if all tokens were alike."
    )
    return Preset("The head that follows the subject", told, _place(trace, site, token, head))


def _narrow_and_wide(trace: Trace, rows: Mapping[Site, Floats]) -> list[Preset]:
    spread = {site: _bits(row) for site, row in rows.items()}  # (A, N) each
    heads = [
        (float(each[head].mean()), site, head) for site, each in spread.items() for head in range(len(each))
    ]
    most = np.log2(trace.geometry.tokens)
    found = []
    for label, (bits, site, head), pick in (
        ("The narrowest head", min(heads), np.argmin),
        ("The widest head", max(heads), np.argmax),
    ):
        told = (
            f"{_at(site)}, head {trace.heads[head] + 1} spreads over {2**bits:.0f} tokens on average: "
            f"{bits:.1f} bits of {most:.1f}."
        )
        token = int(pick(spread[site][head]))
        found.append(Preset(label, told, _place(trace, site, token, head)))
    return found


def _bits(rows: Floats) -> Floats:
    """Entropy of rows (..., L) -> (...)."""
    return -(rows * np.log2(np.maximum(rows, 1e-30))).sum(axis=-1)


def subject_tokens(trace: Trace) -> NDArray[np.bool_] | None:
    """(N,) the video tokens whose middle lies in the first subject's planned box; None without a plan."""
    if "boxes" not in trace.plan:
        return None
    n_t, n_h, n_w = trace.grid
    inside = np.zeros((n_t, n_h, n_w), bool)
    y, x = ((np.arange(count) + 0.5) / count for count in (n_h, n_w))
    for time in range(n_t):
        frames = trace.geometry.token_frames(time)
        x0, y0, x1, y1 = trace.plan["boxes"][min(frames[len(frames) // 2], len(trace.frames) - 1), 0]
        inside[time] = ((y > y0) & (y < y1))[:, None] & ((x > x0) & (x < x1))[None]
    return inside.ravel()


def _at(site: Site) -> str:
    return f"Step {site[0] + 1}, layer {site[1] + 1}"


def _patch(trace: Trace, token: int) -> str:
    return token_name(token, trace.grid)


def _place(trace: Trace, site: Site, token: int, head: int | None) -> dict[str, Any]:
    """Where the Attention view shows a token."""
    _, n_h, n_w = trace.grid
    frame = min(trace.geometry.token_frames(token // (n_h * n_w))[0], len(trace.frames) - 1)
    where = {"step": site[0], "layer": site[1], "head": head, "token": token, "word": None}
    return where | {"frame": frame, "direction": "to"}
