"""All points and laws of some runs, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.scaling.fit import DRAWS, fit_data, fit_frontier, fit_joint, fit_size, predict_largest_compute
from x2vkit.scaling.laws import JointLaw, PowerLaw
from x2vkit.scaling.points import Point, fitted


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
        ("L(D), largest-compute run", lambda: _say(fit_data(use, draws), "D")),
        ("L(N), same clips", lambda: _say(fit_size(use), "N")),
        ("L(N, D), Chinchilla", lambda: _say_joint(fit_joint(use, "chinchilla", draws), max(flops))),
        ("L(N, D), Kaplan", lambda: _say_joint(fit_joint(use, "kaplan", draws), max(flops))),
        ("largest-compute run predicted", lambda: "\n".join(map(str, predict_largest_compute(use, draws)))),
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
