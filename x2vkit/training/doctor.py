"""`x2vkit train --doctor`: is my training broken?

A model that works can learn one clip by heart in a minute or two; one that cannot will not learn many. The
doctor makes your recipe do that and compares the loss at each noise level with a healthy run's, which ships
as healthy.json (`python -m x2vkit.training.doctor` makes it anew). Where the loss stays high says what to
look at.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.processes import on_main
from x2vkit.training.diffusion.evaluate import level_losses
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.engine import Engine
from x2vkit.training.noise import validation_levels
from x2vkit.training.recipe import Recipe, load_recipe
from x2vkit.training.task import Batch
from x2vkit.training.tasks import load_vae

HEALTHY = Path(__file__).parent / "healthy.json"
STEPS, BATCH, EVERY = 120, 4, 20
"""Steps of the examination, clips a step, and steps between two measurements."""
MARGIN, SLACK = 1.5, 0.05
"""A loss up to MARGIN times the healthy one plus SLACK is well."""
EXPECT = """\
What to expect of a long run, in this order:
  colour   the place's colours and a blob in the subject's, while the loss at t > 0.8 falls
  layout   ground, sky and a subject of about the right size, as the loss at t = 0.4 to 0.8 follows
  shape    legs, wheels, hats: the loss below t = 0.4, last and slowest
  motion   first all frames alike, then drifting, then walking; look at samples/, not at the loss
A loss that moves by under 1 % an hour can still draw visibly better clips; only the sheets show it."""


@dataclass(frozen=True)
class Course:
    """How a run learned one clip."""

    model: dict[str, Any]
    """The recipe's [model] table."""
    losses: dict[int, list[float]]
    """Step -> velocity loss at each of `validation_levels()`."""


class OneClip(DiffusionTask):
    """Learn one clip by heart; evaluated on that clip, with noise it was never trained on."""

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Velocity loss of the one clip, level by level."""
        losses = level_losses(model, self._examination())
        return {f"level_{i}": loss for i, loss in enumerate(losses)}

    def _examination(self) -> Batch:
        rng = np.random.default_rng(0)
        batch = self._clips(self.caches[0], np.zeros(BATCH, int), rng.integers(0, 2**31, BATCH), False)
        return {
            key: value for key, value in batch.items() if key not in ("truth", "subject_ids", "loss_weight")
        }


def examine(recipe: Recipe, vae: Path | None = None, minutes: float | None = None) -> int:
    """Run the examination and print what was found. Returns 0 when training is well, 1 when not.

    Raises X2VError when the recipe is not a transformer's, or no autoencoder is there.
    """
    if recipe.task != "diffusion":
        cure = "name a transformer's recipe, as in `x2vkit train --doctor small`"
        raise X2VError(
            f"recipe of task {recipe.task}", "the doctor examines the training of a transformer", cure
        )
    print("Learning one clip by heart: a model that cannot do this will learn nothing else.")
    try:
        mine = overfit(recipe, load_vae(vae), minutes)
    except X2VError as error:
        if "finite" not in error.rule:
            raise
        print(f"NOT WELL: {error}")
        return 1
    text, well = diagnose(mine, healthy())
    print(text)
    return 0 if well else 1


def overfit(recipe: Recipe, vae: VideoVAE, minutes: float | None = None) -> Course:
    """Train on one clip of the recipe's first shape, without conditions, and measure as it goes; many
    processes do it together, in the main one's folder.
    """
    bucket = {**recipe.data["buckets"][0], "clips": 1, "share": 1.0}
    plain = {
        "drop_prompt": 0.0,
        "known_frames": 0.0,
        "control": 0.0,
        "camera": 0.0,
        "auxiliary_loss": 0.0,
    }
    recipe = replace(recipe, data={**recipe.data, **plain, "buckets": [bucket]})
    recipe = recipe.with_engine(
        steps=STEPS, batch=BATCH, warmup=10, hold=0, ema=0.8, ema_width=0.0, snapshots=(), compile=False,
        log_every=10, eval_every=EVERY,
        sample_grid_every=0, save_every=STEPS,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        out = Path(on_main(lambda: folder))
        engine = Engine(OneClip(recipe, out / "latents", vae, quiet=True), out, quiet=True)
        with tqdm(total=STEPS, unit="step") as bar:
            engine.on_step = lambda step: bar.update()
            engine.run(minutes)
        lines = on_main(lambda: [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()])
    count = len(validation_levels())
    losses = {line["step"]: [line[f"level_{i}"] for i in range(count)] for line in lines if "level_0" in line}
    return Course(recipe.model, losses)


def diagnose(mine: Course, well: Course) -> tuple[str, bool]:
    """What a course says beside a healthy one: (text to print, whether it is well)."""
    shared = sorted(mine.losses.keys() & well.losses.keys())
    if not shared:
        return f"Stopped before step {EVERY}: too early to say. Give it more --minutes.", True
    step = shared[-1]
    rows = list(zip(validation_levels(), mine.losses[step], well.losses[step], strict=True))
    high = [t for t, loss, good in rows if loss > MARGIN * good + SLACK]
    lines = [f"After {step} steps: velocity loss by noise level (1 is pure noise)", "     t   yours  healthy"]
    lines += [
        f"  {t:.2f}  {loss:6.3f}   {good:6.3f}  {'<- high' if t in high else ''}" for t, loss, good in rows
    ]
    if mine.model != well.model:
        lines.append("The healthy run is of the model in small.toml; yours is another, so compare with care.")
    lines.append(_verdict(rows, high))
    return "\n".join([*lines, "", EXPECT]), not high


def healthy() -> Course:
    """The healthy run that ships. Raises X2VError when the file is not there."""
    if not HEALTHY.is_file():
        raise X2VError(
            str(HEALTHY), "the doctor compares with this file", "make it: python -m x2vkit.training.doctor"
        )
    values = json.loads(HEALTHY.read_text())
    return Course(values["model"], {int(step): losses for step, losses in values["losses"].items()})


def record(vae: Path | None = None) -> None:
    """Make healthy.json by examining the small recipe."""
    course = overfit(load_recipe("small"), load_vae(vae))
    rounded = {step: [round(loss, 4) for loss in losses] for step, losses in course.losses.items()}
    HEALTHY.write_text(json.dumps({"model": course.model, "losses": rounded}, indent=1) + "\n")


def _verdict(rows: list[tuple[float, float, float]], high: list[float]) -> str:
    """One sentence on where the loss is high."""
    if not high:
        return "WELL: it learns one clip as fast as the healthy run, at every noise level."
    if min(loss for _, loss, _ in rows) > 0.8:
        return (
            "NOT WELL: nothing is learned. Is the learning rate near zero or far too high, are weights "
            "frozen, is gradient_norm in log.jsonl zero?"
        )
    if all(t < 0.5 for t in high):
        return (
            "NOT WELL: it fails where there is little noise. Are latents of mean 0 and deviation 1, made by "
            "the autoencoder that decodes them, and patches put back in the order they were cut?"
        )
    if all(t > 0.5 for t in high):
        return (
            "NOT WELL: it fails where there is much noise. Do the words reach the model, does it know the "
            "noise level t, has every token its position?"
        )
    return "NOT WELL: it learns, but slower than the healthy run. Try the learning rates of small.toml."


if __name__ == "__main__":
    import sys

    torch.manual_seed(0)
    record(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
