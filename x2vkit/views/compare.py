"""`Compare`: two to six runs side by side, in step: what a word, a seed, guidance or training changes.

    S steps, of each run its own; n runs; F, H, W frames and pixels; C, f, h, w latents

Runs of different step counts stand at the same noise level: the run with the most steps gives the scale, and
each other run shows its step that lies nearest to it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.trace import Trace
from x2vkit.trace.samples import names
from x2vkit.views.base import Array, Content, Eight, SpriteSheet, TraceLike, View, as_trace, geometry_metadata
from x2vkit.views.presets import compare_presets
from x2vkit.views.style import PALETTE, colormap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_RUNS = 6
SHOW = ("final", "predicted", "noisy")
"""What the pictures show: the finished clips, what the selected step predicts, or what the model sees."""
PATHS = ("noisy", "pred_x0")
"""Which latents the paths are drawn through: those the model sees, or those it predicts."""
COLORS = tuple(PALETTE[name] for name in ("blue", "green", "purple", "red", "grey", "orange"))
"""One colour a run, in their order."""
DIFFERENCE_MOST = 96
"""The difference that is drawn brightest, of 255 levels."""
STRAIGHT = 0.03
"""How far latents may lie from the straight step, of their largest value: files may keep 8 bits."""
SAME_NOISE = 0.02
"""Noise is the same when it differs by less than this share of its largest value: files may keep 8 bits."""


class Compare(View):
    """Runs side by side: their clips in step, how they differ from one of them, their paths in latent space.

    traces: 2 to 6 traces, or paths of traces; None for bundled ones. selection: step (0..S-1 of the run with
    the most steps), frame (0..F-1 of the longest), reference (0..n-1, the run that the others are compared
    with), show (one of SHOW) and path (one of PATHS).
    """

    _module = "compare"
    label = "Runs side by side"

    def prepare(self, traces: Sequence[TraceLike] | None = None) -> Content:
        self.traces = traces_of(traces)
        self.levels, self.own = in_step([trace.t for trace in self.traces])
        self.paths = latent_paths(self.traces)
        return content_of(self.traces, self.paths)

    def data(self) -> dict[str, Array]:
        """What is selected, of each run A, B, ...: picture.A (H, W, 3) uint8; difference.A from the
        reference, (H, W) float32 of 0..255, where the sizes agree; path.A (S, 2) or (S + 1, 2), where there
        are paths; and t (n,), the noise level that each run shows.
        """
        reference, show = self.selection["reference"], self.selection["show"]
        pictures = [self._picture(i) for i in range(len(self.traces))]
        seen: dict[str, Array] = {f"picture.{name_of(i)}": picture for i, picture in enumerate(pictures)}
        for i, picture in enumerate(pictures):
            if picture.shape == pictures[reference].shape:
                seen[f"difference.{name_of(i)}"] = _apart(picture, pictures[reference])
        if self.paths:
            points = self.paths[self.selection["path"]].points
            seen |= {f"path.{name_of(i)}": points[i] for i in range(len(points))}
        step = self.selection["step"]
        places = [-1 if show == "final" else own[step] for own in self.own]
        seen["t"] = np.array([trace.t[at] for trace, at in zip(self.traces, places, strict=True)], np.float32)
        return seen

    def figure(self) -> Figure:
        """Each run's picture and its difference from the reference, beside the paths in latent space."""
        from matplotlib.figure import Figure

        count, reference = len(self.traces), self.selection["reference"]
        seen, told = self.data(), differences(self.traces)
        figure = Figure(figsize=(2.1 * count + 4, 4.7))
        # Sides by hand: a layout engine would draw everything twice, and this picture delays the widget.
        wide = 2.1 * count / (2.1 * count + 4)
        pictures = figure.subplots(
            2, count, squeeze=False,
            gridspec_kw={"left": 0.01, "right": wide - 0.01, "top": 0.83, "bottom": 0.05, "wspace": 0.05},
        )  # fmt: skip
        for i in range(count):
            name, (above, below) = name_of(i), pictures[:, i]
            above.imshow(seen[f"picture.{name}"])
            own = "" if len({trace.prompt for trace in self.traces}) == 1 else self.traces[i].prompt
            words = _wrapped(": ".join(filter(None, (name, own, told[i]))))
            above.set_title(words, fontsize=8, color=COLORS[i], weight="bold")
            if i == reference or f"difference.{name}" not in seen:
                why = "the reference" if i == reference else "another size:\nno difference"
                below.set_box_aspect(self.traces[i].frames.shape[1] / self.traces[i].frames.shape[2])
                below.text(0.5, 0.5, why, ha="center", va="center", fontsize=9, transform=below.transAxes)
            else:
                amounts = seen[f"difference.{name}"]
                below.imshow(amounts, cmap=colormap(), vmin=0, vmax=DIFFERENCE_MOST)
                far = f"{amounts.mean():.1f} of 255 from {name_of(reference)}"
                below.set_xlabel(far, fontsize=8, labelpad=2)
            for axes in (above, below):
                axes.set(xticks=[], yticks=[])
        if self.paths:
            left = wide + 0.8 / (2.1 * count + 4)  # room for the numbers beside it
            axes = figure.add_axes((left, 0.12, 0.97 - left, 0.68))
            self._draw_paths(axes)
        prompt = self.traces[0].prompt if len({trace.prompt for trace in self.traces}) == 1 else ""
        title = f"{prompt}  ·  frame {self.selection['frame'] + 1}" if prompt else noise_sentence(self.traces)
        figure.suptitle(title, fontsize=10)
        return figure

    def _draw_paths(self, axes: Axes) -> None:
        kind = self.selection["path"]
        path = self.paths[kind]
        for i, points in enumerate(path.points):
            axes.plot(*points.T, "o-", color=COLORS[i], markersize=2.5, linewidth=1.2)
            axes.annotate(name_of(i), points[-1], color=COLORS[i], weight="bold", fontsize=10,
                          xytext=(4, 2), textcoords="offset points")  # fmt: skip
        axes.set_xlabel(f"main direction, {100 * path.explained[0]:.0f} % of the variance", fontsize=8)
        axes.set_ylabel(f"second, {100 * path.explained[1]:.0f} %", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.margins(0.08)
        axes.set_title(f"paths of the {kind} latents", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)

    def _picture(self, run: int) -> NDArray[np.uint8]:
        """One run at the selection, (H, W, 3)."""
        trace, show = self.traces[run], self.selection["show"]
        frame = min(self.selection["frame"], len(trace.frames) - 1)
        if show == "final":
            return trace.frames[frame]
        kept = trace.latents if show == "noisy" else trace.pred_x0
        return trace.picture(kept[self.own[run][self.selection["step"]]])[frame]


def content_of(traces: Sequence[Trace], paths: Mapping[str, Paths]) -> Content:
    """All that the browser needs of the runs."""
    levels, own = in_step([trace.t for trace in traces])
    drawn = all(trace.preview_weight is not None for trace in traces)
    noise = noise_groups(traces)
    arrays: dict[str, Array | Eight | SpriteSheet] = {"levels": levels.astype(np.float32)}
    for i, trace in enumerate(traces):
        arrays |= {f"frames.{i}": SpriteSheet(trace.frames, quality=90), f"t.{i}": trace.t}
        arrays |= {f"{kind}.{i}": path.points[i] for kind, path in paths.items()}
        if drawn:
            assert trace.preview_weight is not None and trace.preview_bias is not None
            arrays |= {f"pred_x0.{i}": Eight(trace.pred_x0, 2), f"start.{noise[i]}": trace.latents[0]}
            arrays |= {f"weight.{i}": trace.preview_weight, f"bias.{i}": trace.preview_bias}
            if not straight(trace):  # else the browser makes them
                arrays[f"latents.{i}"] = Eight(trace.latents, 2)
    told = differences(traces)
    marked = marked_prompts(traces)
    runs = [
        {
            "name": name_of(i),
            "label": told[i],
            "prompt": marked[i],
            "unknown": list(trace.unknown),
            "size": list(trace.frames.shape[:3]),
            "own": own[i].tolist(),
            "noise": noise[i],
            "geometry": geometry_metadata(trace),
        }
        for i, trace in enumerate(traces)
    ]
    same = len({trace.prompt for trace in traces}) == 1
    return Content(
        metadata={
            "runs": runs,
            "prompt": traces[0].prompt if same else None,
            "shared": "  ·  ".join(shared(traces)),
            "noise": noise_sentence(traces),
            "explained": {kind: path.explained for kind, path in paths.items()},
            "show": list(SHOW) if drawn else ["final"],
            "fps": max(trace.fps for trace in traces),
            "presets": [asdict(one) for one in compare_presets(traces)],
        },
        arrays=arrays,
        selection={
            "step": len(levels) - 1,
            "frame": 0,
            "reference": 0,
            "show": "final",
            "path": "noisy",
        },
        limits={
            "step": len(levels) - 1,
            "frame": max(len(trace.frames) for trace in traces) - 1,
            "reference": len(traces) - 1,
        },
    )


def straight(trace: Trace) -> bool:
    """Whether every step went straight from the latents towards the prediction, as Euler's does: x' = (t'/t)
    x + (1 - t'/t) pred_x0. Then noise and predictions say all latents, to the 8 bits that they are sent with.
    """
    x, x0 = trace.latents.astype(np.float32), trace.pred_x0.astype(np.float32)
    keep = (trace.t[1:-1] / np.maximum(trace.t[:-2], 1e-9))[:, None, None, None, None]
    off = np.abs(keep * x[:-2] + (1 - keep) * x0[:-1] - x[1:-1]).max(initial=0)
    return bool(off <= STRAIGHT * np.abs(x).max())


# -- what is said of the runs
# ----------------------------------------------------------------------------------------------------------


def traces_of(given: Sequence[TraceLike] | None) -> list[Trace]:
    """The traces to compare, read where they are paths. X2VError unless there are 2 to 6."""
    if given is None:
        bundled = names()
        kin = [name for name in bundled if name.startswith("dog")]  # one prompt, and what changes it
        chosen = kin if len(kin) > 1 else list(bundled)
        from x2vkit.trace.samples import sample

        return [sample(name) for name in chosen[:4]]
    if isinstance(given, (Trace, str, os.PathLike)) or not isinstance(given, Sequence):
        rule = "Compare shows several runs side by side"
        raise X2VError(f"one {type(given).__name__}", rule, "pass a list: Compare([first, second])")
    if not 2 <= len(given) <= MOST_RUNS:
        rule = f"Compare shows 2 to {MOST_RUNS} runs"
        raise X2VError(f"{len(given)} runs", rule, "leave some out, or add one")
    return [as_trace(one) for one in given]


def name_of(run: int) -> str:
    """A run's letter: A, B, ..."""
    return "ABCDEF"[run]


def in_step(t: Sequence[Array]) -> tuple[Array, list[NDArray[np.intp]]]:
    """Noise levels (S_i + 1,) of each run -> (the common levels (S,), each run's nearest own steps (S,)).

    The run with the most steps gives the levels; the last entry of each t, where nothing is left to do, does
    not count.
    """
    levels = max((each[:-1] for each in t), key=len)
    return levels, [np.abs(each[:-1, None] - levels).argmin(axis=0) for each in t]


def differences(traces: Sequence[Trace]) -> list[str]:
    """Of each run, what sets it apart from the others, without the prompt: "seed 3  ·  guidance 7"."""
    fields = _fields(traces)
    told = [[said[key] for key in said if len({other[key] for other in fields}) > 1] for said in fields]
    return ["  ·  ".join(filter(None, each)) for each in told]


def shared(traces: Sequence[Trace]) -> list[str]:
    """What is the same in all runs."""
    fields = _fields(traces)
    return [text for key, text in fields[0].items() if text and len({other[key] for other in fields}) == 1]


def _fields(traces: Sequence[Trace]) -> list[dict[str, str]]:
    """What was asked of each run, every field in words, with the same keys for all; "" says nothing."""

    def say(trace: Trace) -> dict[str, str]:
        request, (F, H, W, _) = trace.request, trace.frames.shape
        avoid = request.get("negative_prompt", "")
        control = request.get("control_guidance", 1)
        return {
            "seed": f"seed {request.get('seed', 0)}",
            "guidance": f"guidance {request.get('guidance', 1):g}",
            "steps": f"{trace.steps} steps",
            "model": f"model {request.get('model', '?')}",
            "scheduler": f"{request.get('scheduler', 'euler')}",
            "negative_prompt": f"away from “{avoid}”" if avoid else "",
            "control_guidance": f"control guidance {control:g}" if control != 1 else "",
            "size": f"{F} frames of {W} × {H}",
            "fps": f"{trace.fps:g} fps",
            "inputs": _inputs(trace.inputs),
        }

    said = [say(trace) for trace in traces]
    exact = [f"{each['model']}, weights {one.weights[:8]}" for each, one in zip(said, traces, strict=True)]
    if len(set(exact)) > len({each["model"] for each in said}):  # one name, other weights
        said = [each | {"model": model} for each, model in zip(said, exact, strict=True)]
    for key, nothing in (("negative_prompt", "no words to avoid"), ("inputs", "words alone")):
        if len({each[key] for each in said}) > 1:
            said = [each | {key: each[key] or nothing} for each in said]
    given = [{name: hash(array.tobytes()) for name, array in trace.inputs.items()} for trace in traces]
    if len({each["inputs"] for each in said}) == 1 and any(one != two for one, two in pairwise(given)):
        said = [each | {"inputs": f"{each['inputs']} {name_of(i)}"} for i, each in enumerate(said)]
    return said


def _inputs(inputs: Mapping[str, Array]) -> str:
    """What was given beside the words."""
    names = sorted({name.partition(".")[0] for name in inputs} - {"strength"})
    return f"with {', '.join(names)}" if names else ""


def marked_prompts(traces: Sequence[Trace]) -> list[list[tuple[str, bool]]]:
    """Each prompt's words, and whether a word is missing in one of the other prompts."""
    split = [trace.prompt.split() for trace in traces]
    everywhere = set.intersection(*(set(words) for words in split))
    return [[(word, word not in everywhere) for word in words] for words in split]


def noise_groups(traces: Sequence[Trace]) -> list[int]:
    """For each run, the first run that starts from the same noise (itself, where none does)."""

    def same(one: Array, other: Array) -> bool:
        if one.shape != other.shape:
            return False
        one, other = one.astype(np.float32), other.astype(np.float32)
        return bool(np.abs(one - other).max() <= SAME_NOISE * np.abs(one).max())

    starts = [trace.latents[0] for trace in traces]
    return [next(j for j, start in enumerate(starts) if same(start, starts[i])) for i in range(len(starts))]


def noise_sentence(traces: Sequence[Trace]) -> str:
    """Whether the runs begin from the same noise, in words."""
    groups = noise_groups(traces)
    firsts = sorted(set(groups))
    kinds = [[name_of(i) for i, group in enumerate(groups) if group == first] for first in firsts]
    if len(kinds) == 1:
        return "All runs start from the same noise: what differs comes from what was asked."
    if len(kinds) == len(traces):
        return "Every run starts from other noise: the clips would differ even if the same was asked."
    parts = [f"{', '.join(kind[:-1])} and {kind[-1]}" if len(kind) > 1 else kind[0] for kind in kinds]
    together = [part for part, kind in zip(parts, kinds, strict=True) if len(kind) > 1]
    alone = [part for part, kind in zip(parts, kinds, strict=True) if len(kind) == 1]
    other = f"; {', '.join(alone)} from other noise" if alone else ""
    return f"{'; '.join(f'{part} start from the same noise' for part in together)}{other}."


# -- paths
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paths:
    """The paths of all runs in one plane."""

    points: list[NDArray[np.float32]]
    """Of each run (points, 2): one point a step."""
    explained: tuple[float, float]
    """The share of all points' variance along the two directions."""


def latent_paths(traces: Sequence[Trace]) -> dict[str, Paths]:
    """Paths through the noisy (S + 1 points) and predicted latents (S points); none where the runs share no
    latent space: other sizes, or another autoencoder.
    """
    first = traces[0]
    for other in traces[1:]:
        if other.latents.shape[1:] != first.latents.shape[1:]:
            return {}
        one, two = first.preview_weight, other.preview_weight
        if one is not None and two is not None and not np.array_equal(one, two):
            return {}
    return {
        "noisy": plane([trace.latents for trace in traces]),
        "pred_x0": plane([trace.pred_x0 for trace in traces]),
    }


def plane(runs: Sequence[Array]) -> Paths:
    """Points of each run (points, ...) seen along the two directions in which all of them spread most.

    Principal components by the Gram matrix of the few points (K x K), not the covariance of their many
    numbers (D x D): X X^T = U L U^T gives the coordinates U sqrt(L).
    """
    counts = [len(run) for run in runs]
    points = np.concatenate([run.reshape(len(run), prod(run.shape[1:])) for run in runs]).astype(np.float32)
    points -= points.mean(axis=0)  #                                                  (K, D)
    values, vectors = np.linalg.eigh((points @ points.T).astype(np.float64))  #       (K,), (K, K)
    values = values.clip(0)
    axes = vectors[:, [-1, -2]] * np.sqrt(values[[-1, -2]])  #                        (K, 2)
    ends = np.cumsum(counts) - 1
    # The signs are free: let clips lie to the right of the noise, and above it.
    axes *= np.where((axes[ends] - axes[0]).sum(axis=0) < 0, -1, 1)
    total = max(float(values.sum()), 1e-12)
    split = np.split(axes.astype(np.float32), ends[:-1] + 1)
    return Paths(split, (float(values[-1] / total), float(values[-2] / total)))


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean over red, green and blue of how far two pictures lie apart, (H, W) of 0..255."""
    return np.abs(one.astype(np.float32) - other.astype(np.float32)).mean(axis=2)


def _wrapped(text: str, width: int = 26) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width)[:3])
