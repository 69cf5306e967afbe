"""Run folders as training leaves them, whose losses follow a known law: for tests of the scaling lab."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from x2vkit.scaling.clips import encode
from x2vkit.scaling.points import parameters

E, A, B, a, b = 0.2, 0.06, 0.45, 0.35, 0.4
"""L(N, D) = E + A / N^a + B / D^b, N in millions and D in thousands."""
COST = 800.0
"""FLOPs for each parameter and clip."""
SIZES = {"48x2": 2e12, "64x3": 4e12, "96x4": 8e12, "192x6": 4e14}
"""Size -> FLOPs."""


def loss(params: float, samples: float) -> float:
    return float(E + A * (params / 1e6) ** -a + B * (samples / 1e3) ** -b)


def make_run(folder: Path, budget: float, points: int = 6, noise: float = 0.0, stills: int = 0) -> Path:
    """A run to a budget with a snapshot at every halving of it, evaluated once more on the way."""
    width, depth = map(int, folder.name.split("x"))
    model = {
        "latent_channels": 24,
        "patch": [1, 2, 2],
        "width": width,
        "depth": depth,
        "heads": 2,
        "text_width": 32,
    }
    params = parameters(model)
    rng = np.random.default_rng(width)
    lines, steps = [], []
    for k in reversed(range(points)):
        flops = budget / 2**k
        samples = flops / (COST * params)
        steps.append(max(1, round(samples / 10)))
        held_out = loss(params, samples) * float(np.exp(noise * rng.standard_normal()))
        at = {"step": steps[-1], "samples": round(samples), "flops": flops, "seconds": flops / 5e10}
        lines.append({**at, "loss": 1.0})
        lines.append(
            {
                **at,
                "validation": 1.1 * held_out,
                "validation_t94": 0.1,
                "validation_t06": 0.9,
                "held_out": held_out,
            }
        )
        if k:
            lines.append({**at, "step": steps[-1] + 1, "samples": round(1.1 * samples), "flops": 1.1 * flops,
                          "validation": 1.0, "held_out": held_out})  # fmt: skip
    folder.mkdir(parents=True)
    recipe = {
        "task": "diffusion",
        "engine": {"snapshots": steps},
        "seed": 1,
        "model": model,
        "data": {"stills_steps": stills},
    }
    (folder / "recipe.json").write_text(json.dumps(recipe))
    (folder / "log.jsonl").write_text(
        "\n".join(map(json.dumps, lines)) + '\n{"step": 9, "hel'
    )  # cut by a kill
    return folder


def make_runs(root: Path, noise: float = 0.0) -> Path:
    """A sweep."""
    for size, budget in SIZES.items():
        make_run(root / size, budget, noise=noise)
    return root


def film(folder: Path, name: str = "dog") -> None:
    """A clip for every snapshot: its brightness is the snapshot's number, its frames grow brighter."""
    (folder / "clips").mkdir()
    for i, step in enumerate(json.loads((folder / "recipe.json").read_text())["engine"]["snapshots"]):
        frames = (
            np.full((17, 128, 128, 3), 20 + 35 * i, np.uint8)
            + np.arange(17, dtype=np.uint8)[:, None, None, None]
        )
        (folder / "clips" / f"step-{step:08d}-{name}.webp").write_bytes(encode(frames))
