"""What training compute buys: points of real runs, and the laws fitted through them.

    N parameters, D clips seen, C training FLOPs, L loss on held-out clips

    points = load_runs()        # the runs that ship; load_runs("runs/scale", "runs/mine") reads yours
    law = fit_frontier(points)  # L(C) along the lower envelope, with an irreducible part
    joint = fit_joint(points)   # L(N, D); then joint.best_size(C) is the compute-optimal size
    predict_dearest(points)     # laws fitted without the dearest run: what they say of it, and the truth

The loss is the velocity loss on one fixed set of held-out clips with fixed noise and levels
(`DiffusionTask.evaluate`), so points compare as long as they were made with the same autoencoder.
NumPy alone; knows nothing about torch or any model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError

Array = NDArray[np.float64]
SAMPLING, NOTES = "sampling.json", "notes.json"
"""In the folder of all runs: what sampling costs and gives, and what the clips are of."""
BUNDLED = Path(__file__).parent / "runs"
"""The runs that ship: a folder each, with recipe.json, log.jsonl and what was measured of their snapshots."""
JUDGED, CLIPS = "judged.json", "clips"
"""In a run's folder: {step: {figure: value}}, and step-XXXXXXXX-NAME.webp."""
DRAWS = 200
"""Bootstrap draws of an interval."""
INTERVAL = (5.0, 95.0)
"""Percentiles of the draws that an interval spans."""
HUBER = 1e-3
"""Residuals of log loss above this count linearly (Hoffmann et al. 2022, section 3.3)."""
APART = 1.8
"""Points of one run that are fitted lie at least so far apart in compute, unless they are snapshots."""


PLATEAU = 0.1
"""Every run begins on a plateau, at the loss of the best linear guess (`core.transformer.precondition`).
Points that are not yet so much below the highest loss of all are shown, and no law is fitted to them.
"""
COOLED = 0.1
"""A point whose learning rate had fallen by more than this part in a cool-down is shown and not fitted: the
others did without.
"""


# -- points
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """One checkpoint of one run, judged on the held-out set."""

    run: str
    """Name of its run."""
    size: str
    """Width x depth of the transformer."""
    step: int
    """Optimiser steps."""
    params: int
    """N: weights of transformer and text encoder without the table of words, as Kaplan et al. count them."""
    samples: int
    """D: clips seen (a still is a clip of one frame)."""
    flops: float
    """C: training FLOPs, forward and backward."""
    seconds: float
    """Time spent training."""
    loss: float
    """L: velocity loss on held-out combinations."""
    cooled: bool = False
    """Whether its learning rate was falling to zero; see `COOLED`."""
    figures: dict[str, float] = field(default_factory=dict)
    """What else the evaluation logged: unseen, unseen_t06 ..."""
    judged: dict[str, float] = field(default_factory=dict)
    """What the judge read from clips of this checkpoint: adherence, consistency, physics ..., 0 to 1."""
    ceiling: dict[str, float] = field(default_factory=dict)
    """What the judge reads from real renders of the same scenes."""
    clips: dict[str, Path] = field(default_factory=dict)
    """Name of a prompt -> a WebP of all frames side by side."""

    def value(self, figure: str) -> float:
        """One figure by name ("loss" or any of `figures` and `judged`); NaN where it was not measured."""
        if figure == "loss":
            return self.loss
        return self.judged.get(figure, self.figures.get(figure, float("nan")))


def load_runs(*folders: str | Path, every: bool = False) -> list[Point]:
    """Points of all runs in the folders (each a run or a folder of runs), by run and step; none: those that
    ship.

    every: all evaluations, and not only those about a doubling of compute apart.

    Raises:
        X2VError: a folder with no run in it, or none whose log holds an evaluation.
    """
    places = [Path(folder) for folder in folders] or [BUNDLED]
    found: list[Point] = []
    for place in places:
        runs = (
            [place]
            if _is_run(place)
            else sorted(p.parent for p in place.glob("*/recipe.json") if _is_run(p.parent))
        )
        if not runs:
            rule = "a run's folder holds recipe.json and log.jsonl"
            raise X2VError(
                f"no training run in {place}", rule, "name the --out folder of x2vkit train or scale"
            )
        for run in runs:
            found += _points(run, every)
    if not found:
        cure = "train on until the first evaluation (eval_every steps)"
        raise X2VError(f"runs in {', '.join(map(str, places))}", "their logs hold no evaluation yet", cure)
    return found


def _is_run(folder: Path) -> bool:
    try:
        return (
            json.loads((folder / "recipe.json").read_text())["task"] == "diffusion"
            and (folder / "log.jsonl").is_file()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _points(folder: Path, every: bool) -> list[Point]:
    recipe = json.loads((folder / "recipe.json").read_text())
    model = recipe["model"]
    params = parameters(model)
    judged = json.loads((folder / JUDGED).read_text()) if (folder / JUDGED).is_file() else {}
    stills = recipe.get("data", {}).get("stills_steps", 0)  # a model that has seen no clip is judged on none
    log = {
        line["step"]: line
        for line in _lines(folder / "log.jsonl")
        if "held_out" in line and line["step"] > stills
    }
    engine = recipe["engine"]
    last = engine["steps"] - (1 - COOLED) * engine["cooldown"] if engine.get("cooldown") else float("inf")
    kept = {*engine.get("snapshots", ()), max((step for step in log if step <= last < max(log)), default=0)}
    chosen = sorted(log) if every else _thin(log, kept)
    known = {"step", "samples", "seconds", "flops", "held_out"}
    return [
        Point(
            run=folder.name,
            size=f"{model.get('width', 256)}x{model.get('depth', 6)}",
            step=step,
            params=params,
            samples=log[step]["samples"],
            flops=log[step]["flops"],
            seconds=log[step]["seconds"],
            loss=log[step]["held_out"],
            cooled=step > last,
            figures={k: v for k, v in log[step].items() if k not in known and isinstance(v, float)},
            judged=judged.get(str(step), {}),
            ceiling=judged.get("ceiling", {}) if str(step) in judged else {},
            clips={p.stem.split("-", 2)[2]: p for p in (folder / CLIPS).glob(f"step-{step:08d}-*.webp")},
        )
        for step in chosen
    ]


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    """Lines of a log; one that a kill cut short is left out."""
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _thin(log: dict[int, dict[str, Any]], snapshots: set[int]) -> list[int]:
    """Steps to keep: snapshots and the last, and others only where they lie far from those."""
    steps = sorted(log)
    kept = [step for step in steps if step in snapshots]
    for step in reversed(steps):
        if all(
            max(log[step]["flops"] / log[k]["flops"], log[k]["flops"] / log[step]["flops"]) >= APART
            for k in kept
        ):
            kept.append(step)
    if steps and steps[-1] not in kept and log[steps[-1]]["flops"] > 1.2 * max(log[k]["flops"] for k in kept):
        kept.append(steps[-1])
    return sorted(kept)


def parameters(model: dict[str, Any]) -> int:
    """N of a recipe's `[model]` table."""
    from x2vkit.config import ModelConfig
    from x2vkit.flops import text_parameters, transformer_parameters

    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in model.items()}
    config = ModelConfig(**values)
    return transformer_parameters(config) + text_parameters(config, 0)


def ceilings(points: Sequence[Point]) -> dict[str, float]:
    """What the judge gives real renders: figure -> value, as far as any of the points was judged."""
    found: dict[str, float] = {}
    for point in points:
        found |= point.ceiling
    return found


def frontier(points: Sequence[Point]) -> list[Point]:
    """The lower envelope: points that no cheaper or equally dear one beats, the cheapest first."""
    best, kept = np.inf, []
    for point in sorted(points, key=lambda p: (p.flops, p.loss)):
        if point.loss < best:
            best = point.loss
            kept.append(point)
    return kept


def fitted(points: Sequence[Point]) -> list[Point]:
    """The points that laws are to be fitted to; see `PLATEAU` and `COOLED`."""
    highest = max((p.loss for p in points), default=0.0)
    return [p for p in points if p.loss <= (1 - PLATEAU) * highest and not p.cooled]


# -- laws
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PowerLaw:
    """L(x) = floor + scale (x / unit)^-power."""

    floor: float
    """Loss that no amount of x removes."""
    scale: float
    """What x removes, at x = unit."""
    power: float
    """How fast; above 0."""
    unit: float
    """Geometric mean of the x that it was fitted to."""
    r2: float
    """Part of the variance of log loss that it explains, where it was fitted."""
    draws: tuple[tuple[float, float, float], ...] = ()
    """(floor, scale, power) of the bootstrap."""

    def __call__(self, x: float | Array) -> Array:
        """Loss at x."""
        return _power((self.floor, self.scale, self.power), np.asarray(x, float) / self.unit)

    def interval(self, x: float | Array) -> tuple[Array, Array]:
        """Lower and upper end of the bootstrap interval at x; the law itself where there are no draws."""
        if not self.draws:
            return self(x), self(x)
        low, high = np.percentile(
            [_power(d, np.asarray(x, float) / self.unit) for d in self.draws], INTERVAL, axis=0
        )
        return low, high

    def between(self, name: str) -> tuple[float, float]:
        """The bootstrap interval of floor, scale or power."""
        if not self.draws:
            return getattr(self, name), getattr(self, name)
        column = ("floor", "scale", "power").index(name)
        low, high = np.percentile([d[column] for d in self.draws], INTERVAL)
        return float(low), float(high)


@dataclass(frozen=True)
class JointLaw:
    """L(N, D), in one of the two published forms.

    chinchilla: E + A / N^a + B / D^b (Hoffmann et al. 2022, arXiv:2203.15556, eq. 2, "approach 3").
    kaplan: E + [(A / N)^(a / b) + B / D]^b (Kaplan et al. 2020, arXiv:2001.08361, eq. 1.5, where E is 0).
    """

    form: str
    floor: float
    """E: the irreducible loss."""
    size_scale: float
    """A, for N in millions."""
    data_scale: float
    """B, for D in thousands."""
    size_power: float
    """a"""
    data_power: float
    """b"""
    cost: float
    """FLOPs for each parameter and clip: C = cost N D."""
    r2: float
    """Part of the variance of log loss that it explains."""
    draws: tuple[tuple[float, ...], ...] = ()
    """(E, A, B, a, b) of the bootstrap."""

    @property
    def values(self) -> tuple[float, ...]:
        """E, A, B, a, b."""
        return self.floor, self.size_scale, self.data_scale, self.size_power, self.data_power

    def __call__(self, params: float | Array, samples: float | Array) -> Array:
        """Loss of N parameters after D clips."""
        return _joint(self.form, self.values, np.asarray(params, float), np.asarray(samples, float))

    def interval(self, params: float | Array, samples: float | Array) -> tuple[Array, Array]:
        """Lower and upper end of the bootstrap interval."""
        N, D = np.asarray(params, float), np.asarray(samples, float)
        draws = self.draws or (self.values,)
        low, high = np.percentile([_joint(self.form, d, N, D) for d in draws], INTERVAL, axis=0)
        return low, high

    def best_size(self, flops: float, fine: int = 20001) -> tuple[float, float, float]:
        """(N, D, L) with the least loss that a budget buys: on C = cost N D, found on a fine grid of N."""
        sizes = np.geomspace(1e3, 1e13, fine)
        losses = self(sizes, flops / (self.cost * sizes))
        best = int(losses.argmin())
        return float(sizes[best]), float(flops / (self.cost * sizes[best])), float(losses[best])

    def best_between(self, flops: float) -> tuple[float, float]:
        """The bootstrap interval of the best size at a budget."""
        sizes = np.geomspace(1e3, 1e13, 2001)
        draws = self.draws or (self.values,)
        best = [sizes[_joint(self.form, d, sizes, flops / (self.cost * sizes)).argmin()] for d in draws]
        low, high = np.percentile(best, INTERVAL)
        return float(low), float(high)


@dataclass(frozen=True)
class Prediction:
    """What a law said of a run that it never saw."""

    by: str
    """Which law."""
    fitted: int
    """Points that it was fitted to."""
    reach: float
    """Compute of the predicted point over that of the dearest point fitted."""
    predicted: float
    measured: float
    low: float
    high: float
    """Bootstrap interval of the prediction."""

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return self.predicted / self.measured - 1

    def __str__(self) -> str:
        return (
            f"{self.by}: predicted {self.predicted:.4f} ({self.low:.4f} to {self.high:.4f}), measured "
            f"{self.measured:.4f}, error {100 * self.error:+.1f} %, at {self.reach:.0f}x the compute of the "
            f"{self.fitted} points fitted"
        )


def fit_power(
    x: Sequence[float] | Array, loss: Sequence[float] | Array, draws: int = DRAWS, seed: int = 0
) -> PowerLaw:
    """The power law with a floor that is nearest in log loss. x and loss: (n,), n at least 4.

    The interval comes from fits to points drawn with replacement.
    """
    xs, ys = _checked_points(x, loss, 4)
    unit = float(np.exp(np.log(xs).mean()))

    def fit(rows: NDArray[np.int64], starts: list[Array]) -> Array:
        u, y = xs[rows] / unit, ys[rows]
        most = 0.999 * y.min()

        def residuals(q: Array) -> Array:
            return np.log(_power(_natural(q, most), u)) - np.log(y)

        return _best(residuals, starts)

    everything = np.arange(len(xs))
    starts = []
    for part in (0.02, 0.5, 0.9):  # of the least loss, as the floor
        rest = np.log(ys - part * ys.min())
        slope, height = np.polyfit(np.log(xs / unit), rest, 1)
        starts.append(np.array([np.log(part / (1 - part)), height, np.log(max(-slope, 0.01))]))
    whole = fit(everything, starts)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        rows = rng.integers(0, len(xs), len(xs))
        if len(set(xs[rows])) >= 4:
            found.append(tuple(_natural(fit(rows, [whole]), 0.999 * ys[rows].min()).tolist()))
    floor, scale, power = _natural(whole, 0.999 * ys.min()).tolist()
    fitted = _power((floor, scale, power), xs / unit)
    return PowerLaw(floor, scale, power, unit, _r2(fitted, ys), tuple(found))


def fit_frontier(points: Sequence[Point], draws: int = DRAWS) -> PowerLaw:
    """L(C) along the lower envelope."""
    edge = frontier(points)
    return fit_power([p.flops for p in edge], [p.loss for p in edge], draws)


def fit_data(points: Sequence[Point], draws: int = DRAWS) -> PowerLaw:
    """L(D) of the run that saw the most compute."""
    run = _dearest_run(points)
    return fit_power([p.samples for p in run], [p.loss for p in run], draws)


def fit_size(points: Sequence[Point], draws: int = 0) -> PowerLaw:
    """L(N) after the same number of clips, the most that all runs reached; between points by a straight line
    in logarithms.
    """
    runs = list(_runs(points).values())
    least = min(max(p.samples for p in run) for run in runs)
    losses = {}
    for run in runs:
        x, y = np.log([p.samples for p in run]), np.log([p.loss for p in run])
        losses[run[0].params] = float(np.exp(np.interp(np.log(least), x, y)))
    return fit_power(list(losses), list(losses.values()), draws)


def fit_joint(
    points: Sequence[Point], form: str = "chinchilla", draws: int = DRAWS, seed: int = 0
) -> JointLaw:
    """L(N, D) through all points: Huber loss of log residuals, from several starts."""
    if form not in ("chinchilla", "kaplan"):
        raise X2VError(f"form={form!r}", "a joint law is chinchilla or kaplan", "name one of these")
    N, D, L = (np.array([getattr(p, name) for p in points], float) for name in ("params", "samples", "loss"))
    _checked_points(N * D, L, 6)
    if len(set(N)) < 2 or len(set(D)) < 3:
        raise X2VError(
            f"{len(set(N))} sizes", "a law of size and data needs 2 sizes at several times", "add runs"
        )
    cost = float(np.exp(np.mean([np.log(p.flops / (p.params * p.samples)) for p in points])))

    def fit(rows: NDArray[np.int64], starts: list[Array]) -> Array:
        n, d, y = N[rows], D[rows], L[rows]
        most = 0.999 * y.min()

        def residuals(q: Array) -> Array:
            return np.log(_joint(form, _natural(q, most), n, d)) - np.log(y)

        return _best(residuals, starts, HUBER)

    starts = []
    n, d = np.exp(np.log(N / 1e6).mean()), np.exp(np.log(D / 1e3).mean())
    for part in (0.1, 0.6, 0.9):
        for a, b in ((0.3, 0.3), (0.8, 0.3), (0.3, 0.8)):
            rest = (np.median(L) - part * L.min()) / 2
            A, B = rest * n**a, rest * d**b
            if form == "kaplan":
                A, B = (2 * rest) ** (1 / a) * n, (2 * rest) ** (1 / b) * d
            starts.append(np.array([np.log(part / (1 - part)), np.log(A), np.log(B), np.log(a), np.log(b)]))
    everything = np.arange(len(L))
    whole = fit(everything, starts)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        rows = rng.integers(0, len(L), len(L))
        if len(set(N[rows])) > 1 and len(set(D[rows])) > 2:
            found.append(tuple(_natural(fit(rows, [whole]), 0.999 * L[rows].min()).tolist()))
    values = _natural(whole, 0.999 * L.min()).tolist()
    E, A, B, a, b = values
    return JointLaw(form, E, A, B, a, b, cost, _r2(_joint(form, values, N, D), L), tuple(found))


def predict_dearest(points: Sequence[Point], draws: int = DRAWS) -> list[Prediction]:
    """Laws fitted without the dearest run (all its points held out) say its last loss.

    One by each joint form, and one by the frontier of the cheaper runs carried on to its compute. Runs of
    the same size are held out together.
    """
    if not points:
        raise X2VError("no points", "a law needs some to be fitted to", "train longer")
    held = _dearest_run(points)[-1]
    cheap = [p for p in points if p.params != held.params]
    if not cheap:
        raise X2VError(
            "runs of one size", "a law over sizes needs others to be fitted to", "train some: x2vkit scale"
        )
    reach = held.flops / max(p.flops for p in cheap)
    found = []
    for form, name in (("chinchilla", "L(N, D) of Chinchilla"), ("kaplan", "L(N, D) of Kaplan et al.")):
        law = fit_joint(cheap, form, draws)
        low, high = law.interval(held.params, held.samples)
        says = float(law(held.params, held.samples))
        found.append(Prediction(name, len(cheap), reach, says, held.loss, float(low), float(high)))
    edge = fit_frontier(cheap, draws)
    low, high = edge.interval(held.flops)
    says = float(edge(held.flops))
    found.append(
        Prediction(
            "L(C) of the frontier", len(frontier(cheap)), reach, says, held.loss, float(low), float(high)
        )
    )
    return found


def report(points: Sequence[Point], draws: int = DRAWS) -> str:
    """All points and laws as text."""
    lines = [f"{'run':14} {'N':>11} {'D':>9} {'C':>9} {'loss':>8}"]
    lines += [f"{p.run:14} {p.params:11,} {p.samples:9,} {p.flops:9.2e} {p.loss:8.4f}" for p in points]
    flops = [p.flops for p in points]
    lines.append(
        f"{len(points)} points over {np.log10(max(flops) / min(flops)):.2f} decades of training compute"
    )
    use = fitted(points)
    lines.append(f"laws are fitted to {len(use)}: beyond the plateau of a run's start, before any cool-down")
    laws: list[tuple[str, Callable[[], str]]] = [
        ("L(C), frontier", lambda: _say(fit_frontier(use, draws), "C")),
        ("L(D), dearest run", lambda: _say(fit_data(use, draws), "D")),
        ("L(N), same clips", lambda: _say(fit_size(use), "N")),
        ("L(N, D), Chinchilla", lambda: _say_joint(fit_joint(use, "chinchilla", draws), max(flops))),
        ("L(N, D), Kaplan", lambda: _say_joint(fit_joint(use, "kaplan", draws), max(flops))),
        ("dearest run predicted", lambda: "\n".join(map(str, predict_dearest(use, draws)))),
    ]
    for name, say in laws:
        try:
            lines.append(f"{name}: {say()}")
        except X2VError as error:
            lines.append(f"{name}: {error}")
    return "\n".join(lines)


def _say(law: PowerLaw, x: str) -> str:
    (a, b), (c, d) = law.between("power"), law.between("floor")
    return (
        f"{law.floor:.4f} + {law.scale:.4f} ({x} / {law.unit:.3g})^-{law.power:.3f}, R2 {law.r2:.4f}; "
        f"power {a:.3f} to {b:.3f}, floor {c:.4f} to {d:.4f}"
    )


def _say_joint(law: JointLaw, flops: float) -> str:
    E, A, B, a, b = law.values
    size, samples, loss = law.best_size(flops)
    low, high = law.best_between(flops)
    return (
        f"E {E:.4f}, A {A:.4f} at 1M, B {B:.4f} at 1k clips, powers {a:.3f} and {b:.3f}, R2 {law.r2:.4f}; "
        f"best at {flops:.2g} FLOPs: {size / 1e6:.2f}M parameters ({low / 1e6:.2f}M to {high / 1e6:.2f}M), "
        f"{samples:,.0f} clips, "
        f"loss {loss:.4f}"
    )


def _runs(points: Sequence[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda p: p.flops):
        found.setdefault(point.run, []).append(point)
    return found


def _dearest_run(points: Sequence[Point]) -> list[Point]:
    return max(_runs(points).values(), key=lambda run: run[-1].flops)


def _power(values: Sequence[float] | Array, u: Array) -> Array:
    """values (..., 3), u (n,) -> (..., n)."""
    floor, scale, power = _columns(values)
    return np.asarray(floor + scale * u**-power)


def _joint(form: str, values: Sequence[float] | Array, N: Array, D: Array) -> Array:
    """values (..., 5), N and D (n,) -> (..., n)."""
    E, A, B, a, b = _columns(values)
    n, d = N / 1e6, D / 1e3
    with np.errstate(over="ignore", divide="ignore"):  # the search may stray to where a loss is infinite
        if form == "chinchilla":
            return np.asarray(E + A * n**-a + B * d**-b)
        inner = np.logaddexp(a / b * (np.log(A) - np.log(n)), np.log(B) - np.log(d))
        return np.asarray(E + np.exp(b * inner))


def _columns(values: Sequence[float] | Array) -> Array:
    """One number each, or (..., k) -> k arrays (..., 1)."""
    array = np.asarray(values, float)
    return array if array.ndim == 1 else np.moveaxis(array, -1, 0)[..., None]


def _natural(q: Array, most: float) -> Array:
    """Free numbers (..., k) -> (floor in 0 .. most, everything else above 0)."""
    return np.concatenate([most / (1 + np.exp(-q[..., :1])), np.exp(q[..., 1:])], axis=-1)


def _checked_points(
    x: Sequence[float] | Array, loss: Sequence[float] | Array, least: int
) -> tuple[Array, Array]:
    xs, ys = np.asarray(x, float), np.asarray(loss, float)
    if len(set(xs.tolist())) < least:
        rule = f"this fit needs at least {least}"
        raise X2VError(
            f"{len(set(xs.tolist()))} different points", rule, "train on, or add runs: x2vkit scale"
        )
    return xs, ys


def _r2(fitted: Array, measured: Array) -> float:
    """Coefficient of determination in log loss."""
    y = np.log(measured)
    return float(1 - np.square(np.log(fitted) - y).sum() / max(np.square(y - y.mean()).sum(), 1e-300))


# -- least squares
# ----------------------------------------------------------------------------------------------------------


def _best(residuals: Callable[[Array], Array], starts: list[Array], huber: float = 0.0) -> Array:
    """The best of the fits from all starts."""
    fits = [least_squares(residuals, start, huber) for start in starts]
    return min(fits, key=lambda fit: fit[1])[0]


def least_squares(
    residuals: Callable[[Array], Array], start: Array, huber: float = 0.0, steps: int = 100
) -> tuple[Array, float]:
    """Levenberg and Marquardt's method with differences for derivatives -> (parameters, loss).

    residuals: (..., parameters) -> (..., n). huber: size of a residual above which it counts linearly, by
    weights made anew each step; 0 is plain squares.
    """
    q, damping = np.asarray(start, float).copy(), 1e-2
    r = residuals(q)
    loss = _huber(r, huber)
    for _ in range(steps):
        weights = np.ones_like(r) if not huber else np.minimum(1.0, huber / np.maximum(np.abs(r), 1e-300))
        shifts = 1e-6 * np.eye(len(q))
        J = ((residuals(q + shifts) - residuals(q - shifts)) / 2e-6).T  # (n, parameters)
        slope, bend = J.T @ (weights * r), J.T @ (weights[:, None] * J)
        better = False
        while damping < 1e8:
            move = np.linalg.solve(
                bend + damping * (np.diag(bend.diagonal()) + 1e-12 * np.eye(len(q))), -slope
            )
            trial = np.clip(q + np.clip(move, -2, 2), -30, 30)
            r_trial = residuals(trial)
            loss_trial = _huber(r_trial, huber)
            if np.isfinite(loss_trial) and loss_trial < loss:
                better = loss - loss_trial > 1e-8 * loss
                q, r, loss, damping = trial, r_trial, loss_trial, max(damping / 3, 1e-9)
                break
            damping *= 4
        if not better:
            break
    return q, loss


def _huber(r: Array, delta: float) -> float:
    if not delta:
        return float(np.square(r).sum() / 2)
    size = np.abs(r)
    return float(np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).sum())
