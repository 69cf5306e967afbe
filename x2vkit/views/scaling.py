"""`Scaling`: loss against training compute, and the clip that each checkpoint makes of the same noise.

    C training FLOPs, N parameters, D clips seen, L held-out loss

Points are real runs (scaling/points.py). Drag along the law: the nearest checkpoint's clip plays. Below it
stand the models that ship (of one's own runs three budgets), what a budget would buy, and what steps,
guidance and tokens cost in sampling.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.scaling.clips import FPS, MODEL_PROMPTS, MODELS, PROMPTS, decode, trio
from x2vkit.scaling.fit import fit_frontier, fit_joint, predict_largest_compute
from x2vkit.scaling.laws import PowerLaw
from x2vkit.scaling.points import (
    BUNDLED,
    NOTES,
    SAMPLING,
    SHIPPED,
    Point,
    by_run,
    ceilings,
    fitted,
    frontier,
    load_runs,
)
from x2vkit.views.base import Content, View
from x2vkit.views.buffer import Array
from x2vkit.views.presets import scaling_presets
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PEAK, USE, PRICE = 989e12, 0.4, 2.5
"""What hours and money are reckoned with: dense bf16 FLOP/s of an NVIDIA H100 (its data sheet), the part of
it that training uses, US dollars an hour.
"""
MONTH = 30 * 24 * 3600
DRAWS = 60
"""Bootstrap draws of the band."""
GRID = 161
"""Points of the law's curve."""
FAR = 1e26
"""Where the extrapolated axis ends, in FLOPs."""
FRAMES = 17
"""Frames of every clip."""
USUAL = {"num_frames": FRAMES, "height": 128, "width": 128, "steps": 16, "guidance": 4}
"""What measurements of sampling vary one setting of."""
COLORS = ("grey", "purple", "green", "red", "blue")
"""Colours of the sizes, the largest last."""

LARGE: tuple[dict[str, Any], ...] = (
    {
        "name": "Seaweed-7B",
        "low": 665_000 * 3600 * PEAK * USE,
        "high": 665_000 * 3600 * PEAK * USE,
        "source": "665,000 H100 hours (ByteDance Seed 2025, arXiv:2504.08685)",
    },
    {
        "name": "Sora",
        "low": 4_200 * MONTH * PEAK * USE,
        "high": 10_500 * MONTH * PEAK * USE,
        "source": "estimated at 4,200 to 10,500 H100 for a month (Factorial Funds 2024, Under The Hood: How "
        "OpenAI's Sora Model Works)",
    },
)
"""Published GPU time of large video models. FLOPs by PEAK and USE above: this view's own assumption."""

FIGURES = {
    "loss": ("held-out loss", "velocity loss on combinations that training never shows"),
    "validation": ("loss on new clips", "velocity loss on new clips of trained combinations"),
    "validation_t94": ("loss at 94 % noise", "velocity loss where layout and motion are decided"),
    "validation_t06": ("loss at 6 % noise", "velocity loss where the last detail is drawn"),
    "adherence": ("adherence", "share of what the words say that clips show"),
    "subject": ("subject right", "share of clips that show the subject asked for"),
    "color": ("colour right", "share of clips that show the colour asked for"),
    "scene": ("place right", "share of clips that show the place asked for"),
    "action": ("action right", "share of clips that show the action asked for"),
    "consistency": ("consistency", "share of clips whose subject and colour stay the same"),
    "physics": ("physics", "1 less the mean error of gravity, jumps and speed"),
}
"""What can stand on the y axis: key -> (name, meaning). Those from adherence on are judged, 0 to 1."""
JUDGED_KEYS = tuple(FIGURES)[4:]


class Scaling(View):
    """Training compute against what it buys, with the clips of every checkpoint.

    runs: folders of your own runs (`x2vkit train`, `x2vkit scale`), shown with those that ship; bundled=False
    leaves those out. selection: point (0..n-1, by compute), frame, prompt, figure (a key of FIGURES), far
    (Sora-sized compute too), budget (log10 of FLOPs).
    """

    _module = "scaling"
    label = "Scaling: what training compute buys"

    def prepare(self, runs: Sequence[str | Path] | str | Path | None = None, bundled: bool = True) -> Content:
        own = [runs] if isinstance(runs, (str, Path)) else list(runs or ())
        folders = [*([BUNDLED] if bundled else []), *own]
        if not folders:
            raise X2VError(
                "no runs", "this view shows runs", "pass runs=['runs/mine'], or leave bundled at True"
            )
        sweep = load_runs(*folders)  # what laws are fitted to
        apart = load_runs(SHIPPED) if bundled else []
        self.points = sorted([*sweep, *apart], key=lambda p: p.flops)
        self.law = _law(sweep)
        self.models = _models(self.points) if bundled else {}
        self.trio = list(self.models.values()) if len(self.models) > 1 else trio(self.points)
        place = {id(point): i for i, point in enumerate(self.points)}
        flops = [p.flops for p in self.points]
        largest = max(sweep, key=lambda p: p.flops)
        notes = _json(BUNDLED / NOTES)
        clip_bytes, clips = _clips(self.points)
        points, figures = [_point_metadata(p) for p in self.points], self._figures()
        return Content(
            metadata={
                "points": points,
                "clips": clips,
                "prompts": {**(MODEL_PROMPTS if self.models else {}), **notes.get("prompts", PROMPTS)},
                "fps": notes.get("fps", FPS),
                "figures": figures,
                "presets": [asdict(one) for one in scaling_presets(points, figures)],
                "frontier": [place[id(p)] for p in frontier(sweep)],
                "law": _law_metadata(self.law, flops),
                "joint": _joint_metadata(sweep),
                "predictions": _predictions(sweep),
                "trio": [place[id(p)] for p in self.trio],
                "models": {name: place[id(p)] for name, p in self.models.items()},
                "apart": sorted(place[id(p)] for p in apart),
                "reached": max((p.flops for p in fitted(sweep)), default=largest.flops),
                "colors": size_colors(self.points),
                "rate": largest.flops / max(largest.seconds, 1e-9),
                "machine": {"peak": PEAK, "use": USE, "price": PRICE},
                "large": [dict(one) for one in LARGE],
                "sampling": {"rows": _json(BUNDLED / SAMPLING).get("rows", []), "usual": USUAL},
            },
            arrays={"clips": clip_bytes},
            selection={
                "point": place[id(self.trio[-1])] if self.trio else len(self.points) - 1,
                "frame": 0,
                "prompt": next(iter(MODEL_PROMPTS if self.models else PROMPTS)),
                "figure": "adherence" if any(one["key"] == "adherence" for one in figures) else "loss",
                "far": False,
                "budget": round(float(np.log10(flops[-1])) + 1, 2),
            },
            limits={"point": len(self.points) - 1, "frame": FRAMES - 1},
            choices={"figure": FIGURES, "prompt": (*PROMPTS, *MODEL_PROMPTS)},
        )

    def _figures(self) -> list[dict[str, Any]]:
        """What can be chosen for the y axis: figures that at least two points have."""
        real = ceilings(self.points)
        return [
            {
                "key": key,
                "name": name,
                "meaning": meaning,
                "judged": key in JUDGED_KEYS,
                "ceiling": real.get(key),
            }
            for key, (name, meaning) in FIGURES.items()
            if np.isfinite([p.value(key) for p in self.points]).sum() > 1
        ]

    def data(self) -> dict[str, Array]:
        """All points as arrays (n,): flops, params, samples, loss and the selected figure; index of the
        selected point; its clip (F, H, W, 3) uint8 where there is one.
        """
        names = ("flops", "params", "samples", "loss")
        seen: dict[str, Array] = {name: np.array([getattr(p, name) for p in self.points]) for name in names}
        figure, point = self.selection["figure"], self.points[self.selection["point"]]
        seen[figure] = np.array([p.value(figure) for p in self.points])
        seen["point"] = np.array(self.selection["point"])
        if self.selection["prompt"] in point.clips:
            seen["clip"] = decode(point.clips[self.selection["prompt"]])
        return seen

    def figure(self) -> Figure:
        """The law and its points beside the same clip of the models that ship, or of three budgets."""
        from matplotlib.figure import Figure

        shown = [p for p in self.trio if self.selection["prompt"] in p.clips]
        figure = Figure(figsize=(10, 4.6))
        axes = figure.add_axes((0.06, 0.12, 0.5 if shown else 0.92, 0.82))
        flops = np.array([p.flops for p in self.points])
        if self.law:
            x = np.geomspace(flops.min() / 1.5, flops.max() * 4, 100)
            axes.fill_between(x, *self.law.interval(x), color=PALETTE["blue"], alpha=0.15, linewidth=0)
            axes.plot(x, self.law(x), "--", color=PALETTE["blue"], linewidth=1.2, label="law of the frontier")
        colors = size_colors(self.points)
        for run in by_run(self.points).values():
            line: dict[str, Any] = {
                "color": PALETTE[colors[run[0].size]],
                "markersize": 4,
                "linewidth": 1,
                "label": None if run[0] in self.models.values() else _millions(run[0].params),
            }
            axes.plot([p.flops for p in run], [p.loss for p in run], "o-", **line)
        for name, p in self.models.items():
            axes.annotate(name, (p.flops, p.loss), (5, 4), textcoords="offset points", weight="bold", size=8)
        axes.set(xscale="log", yscale="log", xlabel="training compute, FLOPs", ylabel="held-out loss")
        axes.yaxis.set_major_formatter("{x:.2f}")
        axes.yaxis.set_minor_formatter("{x:.2f}")
        axes.tick_params(labelsize=8, which="both")
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        for row, point in enumerate(shown):
            frames = decode(point.clips[self.selection["prompt"]])
            panel = figure.add_axes((0.59, 0.67 - 0.32 * row, 0.4, 0.27))
            panel.imshow(np.concatenate(list(frames[[0, len(frames) // 2, -1]]), axis=1))
            name = next((name for name, one in self.models.items() if one is point), "")
            ratio = compute_name(point, shown[0])
            told = [name] * bool(name) + [ratio] * (not name or point is not shown[0])
            panel.set_title(": ".join(told), fontsize=9, pad=3)
            panel.axis("off")
        return figure


def compute_name(point: Point, base: Point) -> str:
    """As in "base compute" or "8.1x compute": the exact ratio to the base."""
    ratio = point.flops / base.flops
    return "base compute" if point is base else f"{ratio:.3g}x compute"


def _models(points: Sequence[Point]) -> dict[str, Point]:
    """The models that ship, by name, as far as they are among the points."""
    places = {(point.run, point.step): point for point in points if point.clips}
    return {name: places[where] for name, where in MODELS.items() if where in places}


def size_colors(points: Sequence[Point]) -> dict[str, str]:
    """A colour of the palette for each size, the largest blue; sizes in order of parameters."""
    sizes = [size for size, _ in sorted({p.size: p.params for p in points}.items(), key=lambda item: item[1])]
    return {size: COLORS[(i - len(sizes)) % len(COLORS)] for i, size in enumerate(sizes)}


def _millions(params: int) -> str:
    return f"{params / 1e6:.2g}M parameters"


def _law(points: Sequence[Point]) -> PowerLaw | None:
    """The frontier's law, or None where there are too few points for one."""
    try:
        return fit_frontier(fitted(points), DRAWS)
    except X2VError:
        return None


def _law_metadata(law: PowerLaw | None, flops: Sequence[float]) -> dict[str, Any] | None:
    """The law as a curve from below the cheapest point to FAR, and its numbers."""
    if law is None:
        return None
    x = np.geomspace(min(flops) / 3, FAR, GRID)
    low, high = law.interval(x)
    curve = {"x": x, "y": law(x), "low": low, "high": high}
    numbers = {"floor": law.floor, "scale": law.scale, "power": law.power, "unit": law.unit, "r2": law.r2}
    between = {name: list(law.between(name)) for name in ("power", "floor")}
    return {**{name: _short(values) for name, values in curve.items()}, **numbers, "between": between}


def _joint_metadata(points: Sequence[Point]) -> dict[str, Any] | None:
    """The best size at every budget by the joint law of Chinchilla."""
    try:
        law = fit_joint(fitted(points), draws=0)
    except X2VError:
        return None
    budgets = np.geomspace(1e10, FAR, 65)
    best = np.array([law.best_size(c, fine=2001) for c in budgets])
    columns = {name: _short(best[:, i]) for i, name in enumerate(("params", "samples", "loss"))}
    return {"x": _short(budgets), **columns, "values": list(law.values), "r2": law.r2}


def _predictions(points: Sequence[Point]) -> list[dict[str, Any]]:
    try:
        found = predict_largest_compute(fitted(points), draws=0)
    except X2VError:
        return []
    return [{**asdict(one), "error": one.error} for one in found]


def _point_metadata(point: Point) -> dict[str, Any]:
    names = ("run", "size", "step", "params", "samples", "flops", "seconds")
    values = {key: point.value(key) for key in FIGURES}
    kept = {key: value for key, value in values.items() if np.isfinite(value)}
    return {**{name: getattr(point, name) for name in names}, "values": kept, "ceiling": point.ceiling}


def _clips(points: Sequence[Point]) -> tuple[Array, list[dict[str, list[int]]]]:
    """All clips as they are on disk, end to end -> (bytes, for each point: prompt -> [first byte, bytes])."""
    parts, places, length = [], [], 0
    for point in points:
        place = {}
        for name, path in point.clips.items():
            parts.append(path.read_bytes())
            place[name] = [length, len(parts[-1])]
            length += len(parts[-1])
        places.append(place)
    return np.frombuffer(b"".join(parts), np.uint8), places


def _short(values: Array) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}
