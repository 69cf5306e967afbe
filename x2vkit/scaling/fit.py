"""Laws through points: fits by least squares with bootstrap intervals, and how well one law foresaw.

points = load_runs()             # the runs that ship; load_runs("runs/scale", "runs/mine") reads yours
law = fit_frontier(points)       # L(C) along the lower envelope, with an irreducible part
joint = fit_joint(points)        # L(N, D); then joint.best_size(C) is the compute-optimal size
predict_largest_compute(points)  # laws fitted without the largest-compute run: what they say, and the truth
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.scaling.laws import Array, JointLaw, LawPrediction, PowerLaw, joint_loss, power_loss
from x2vkit.scaling.points import Point, by_run, frontier, largest_compute_run

DRAWS = 200
"""Bootstrap draws of an interval."""
HUBER = 1e-3
"""Residuals of log loss above this count linearly (Hoffmann et al. 2022, section 3.3)."""


def fit_power(
    x: Sequence[float] | Array, loss: Sequence[float] | Array, draws: int = DRAWS, seed: int = 0
) -> PowerLaw:
    """The power law with a floor that is nearest in log loss.

    Args:
        x: (n,) compute, data or size; at least 4 different ones.
        loss: (n,).
        draws: fits to points drawn with replacement, from which the interval comes.
        seed: of the draws.

    Raises:
        X2VError: too few points.
    """
    xs, ys = _checked_points(x, loss, 4)
    unit = float(np.exp(np.log(xs).mean()))

    def fit(rows: NDArray[np.int64], starts: list[Array]) -> Array:
        u, y = xs[rows] / unit, ys[rows]
        most = 0.999 * y.min()

        def residuals(q: Array) -> Array:
            return np.log(power_loss(_natural(q, most), u)) - np.log(y)

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
    fitted = power_loss((floor, scale, power), xs / unit)
    return PowerLaw(floor, scale, power, unit, _r2(fitted, ys), tuple(found))


def fit_frontier(points: Sequence[Point], draws: int = DRAWS) -> PowerLaw:
    """L(C) along the lower envelope."""
    edge = frontier(points)
    return fit_power([p.flops for p in edge], [p.loss for p in edge], draws)


def fit_data(points: Sequence[Point], draws: int = DRAWS) -> PowerLaw:
    """L(D) of the run that saw the most compute."""
    run = largest_compute_run(points)
    return fit_power([p.samples for p in run], [p.loss for p in run], draws)


def fit_size(points: Sequence[Point], draws: int = 0) -> PowerLaw:
    """L(N) after the same number of clips, the most that all runs reached; between points by a straight line
    in logarithms.
    """
    runs = list(by_run(points).values())
    least = min(max(p.samples for p in run) for run in runs)
    losses = {}
    for run in runs:
        x, y = np.log([p.samples for p in run]), np.log([p.loss for p in run])
        losses[run[0].params] = float(np.exp(np.interp(np.log(least), x, y)))
    return fit_power(list(losses), list(losses.values()), draws)


def fit_joint(
    points: Sequence[Point], form: str = "chinchilla", draws: int = DRAWS, seed: int = 0
) -> JointLaw:
    """L(N, D) through all points: Huber loss of log residuals, from several starts.

    Args:
        points: of 2 sizes and 3 times at least.
        form: "chinchilla" or "kaplan", see `JointLaw`.
        draws: fits to points drawn with replacement, from which the interval comes.
        seed: of the draws.

    Raises:
        X2VError: another form, or too few points.
    """
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
            return np.log(joint_loss(form, _natural(q, most), n, d)) - np.log(y)

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
    return JointLaw(form, E, A, B, a, b, cost, _r2(joint_loss(form, values, N, D), L), tuple(found))


def predict_largest_compute(points: Sequence[Point], draws: int = DRAWS) -> list[LawPrediction]:
    """Laws fitted without the largest-compute run (all its points held out) say its last loss.

    One by each joint form, and one by the frontier of the cheaper runs carried on to its compute. Runs of
    the same size are held out together.
    """
    if not points:
        raise X2VError("no points", "a law needs some to be fitted to", "train longer")
    held = largest_compute_run(points)[-1]
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
        found.append(LawPrediction(name, len(cheap), reach, says, held.loss, float(low), float(high)))
    edge = fit_frontier(cheap, draws)
    low, high = edge.interval(held.flops)
    says = float(edge(held.flops))
    found.append(
        LawPrediction(
            "L(C) of the frontier", len(frontier(cheap)), reach, says, held.loss, float(low), float(high)
        )
    )
    return found


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


def _best(residuals: Callable[[Array], Array], starts: list[Array], huber: float = 0.0) -> Array:
    """The best of the fits from all starts."""
    fits = [least_squares(residuals, start, huber) for start in starts]
    return min(fits, key=lambda fit: fit[1])[0]


def least_squares(
    residuals: Callable[[Array], Array], start: Array, huber: float = 0.0, steps: int = 100
) -> tuple[Array, float]:
    """Levenberg and Marquardt's method with differences for derivatives.

    Args:
        residuals: (..., parameters) -> (..., n).
        start: (parameters,).
        huber: size of a residual above which it counts linearly, by weights made anew each step; 0 is plain
            squares.
        steps: at most.

    Returns:
        Parameters and loss.
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
