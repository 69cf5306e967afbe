"""A world small enough to learn in ten minutes, and training runs in it that go on while a reader reads.

    C training FLOPs, L loss on clips that were never trained on

For lessons 8 and 9. The training is the package's own (`x2vkit.training.Engine`), with a recipe that a laptop
can afford: three subjects in three colours at three places, clips of 9 frames of 64 x 64.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
import time
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from x2vkit.config import ModelConfig
from x2vkit.errors import X2VError
from x2vkit.flops import train_flops
from x2vkit.judge import Judge
from x2vkit.judge.metrics import agreement, share_right
from x2vkit.judge.prompts import plain, target_of
from x2vkit.scaling.points import parameters
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.engine import Engine
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.sweep import Size
from x2vkit.training.tasks import load_vae
from x2vkit.world import Clip, World, caption
from x2vkit.world.grammar import SceneSpec

DOES = {"ball": ("bounce", "roll"), "car": ("walk", "stand"), "dog": ("walk", "jump")}
"""Subject -> what it does in the small world; cars `walk` by driving."""
COLORS, PLACES = ("red", "yellow", "blue"), ("snow", "grass", "desert")
FRAMES, SIDE, WORDS, CLIPS, BATCH = 9, 64, 20, 1200, 16
"""Shape of a clip, text tokens of a prompt, clips to train on, and clips a step."""
TRAINING_ONLY = ("truth", "subject_ids", "loss_weight", "kept_tokens")
"""Parts of a batch that only the losses beside the velocity's read."""
SHARE = "X2VKIT_COURSE_SHARE"
"""Environment variable: the part of every budget that is spent. The tests spend 0.01."""


def share() -> float:
    """The part of every budget of these lessons that is spent: 1, unless X2VKIT_COURSE_SHARE says less."""
    return float(os.environ.get(SHARE, 1))


def budget(whole: int, least: int = 1) -> int:
    """So many steps or clips; that part of them, but `least` or more, where `share` is below 1."""
    return whole if share() == 1 else min(whole, max(least, round(whole * share())))


class SmallWorld:
    """A dataset for training: 108 different scenes, each drawn in endless ways."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.world = seed, World(seed)

    def spec(self, index: int, held_out: bool = False) -> SceneSpec:
        """What clip `index` shows; with `held_out` one of another series, to be measured on."""
        rng = np.random.default_rng([self.seed, index, int(held_out), 5])

        def pick(options: tuple[str, ...]) -> str:
            return options[rng.integers(len(options))]

        subject = pick(tuple(DOES))
        return SceneSpec(subject, pick(COLORS), pick(DOES[subject]), pick(("left", "right")), pick(PLACES))

    def sample(
        self,
        index: int,
        num_frames: int = FRAMES,
        height: int = SIDE,
        width: int = SIDE,
        fps: float = 12,
        *,
        held_out: bool = False,
    ) -> Clip:
        """Clip `index` with its caption and its truth."""
        spec = self.spec(index, held_out)
        place = 1_000_003 * self.seed + 2 * index + held_out
        words = caption(spec, np.random.default_rng(place))
        return replace(self.world.render(spec, place, num_frames, height, width, fps), caption=words)


_ONE_AT_A_TIME = threading.Lock()
"""Two runs side by side would each take more than twice as long."""
PATIENCE = 300.0
"""Seconds that a first step is waited for."""


class _Stopped(Exception):
    """Raised in a run's own thread to end it."""


class TrainingRun:
    """A run in the small world that trains in the background; made by `train`."""

    def __init__(self, recipe: Recipe, folder: Path, minutes: float | None) -> None:
        self.recipe, self.folder, self.minutes = recipe, folder, minutes
        self.step, self._error, self._stopping = 0, "", False
        self._engine: Engine | None = None
        self._began = time.perf_counter()
        self._thread = threading.Thread(target=self._run, daemon=True)
        _RUNS.add(self)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    @property
    def params(self) -> int:
        """Parameters N of transformer and text encoder."""
        return parameters(self.recipe.model)

    def log(self) -> list[dict[str, Any]]:
        """What was measured so far, a dict each: step, flops, validation, validation_t06 ..."""
        path = self.folder / "log.jsonl"
        lines = path.read_text().splitlines() if path.is_file() else []
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        return [row for row in rows if "validation" in row]

    def wait(self, seconds: float = 45.0) -> TrainingRun:
        """Wait until it has ended, or for so many seconds; ten times as long where `share` is below 1, since
        such a run has an end that is worth waiting for. Raises X2VError where it failed.
        """
        self._thread.join(seconds if share() == 1 else 10 * seconds)
        if self._error:
            raise X2VError("this run", f"it failed: {self._error}", "start it again in another folder")
        return self

    def stop(self, seconds: float = 10.0) -> TrainingRun:
        """End it after the step that it is at; it keeps a checkpoint, from which `train` goes on."""
        self._stopping = True
        self._thread.join(seconds)
        return self

    def losses(self, batches: int = 6) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Velocity losses (n,) of single clips at random noise levels (n,), by the model as it is now.

        Waits for the first step. Raises X2VError where there is none.
        """
        engine, found = self._ready(), []
        model = engine.averaged()
        for step in range(batches):
            batch = engine.task.batches(10**6 + step)[0]
            clips = {key: value for key, value in batch.items() if key not in TRAINING_ONLY}
            for i in range(len(batch["t"])):
                one = {key: value[i : i + 1] for key, value in clips.items()}
                with torch.no_grad():
                    found.append((float(model(**one)["velocity_loss"]), float(one["t"])))
        losses, levels = np.array(found, np.float32).T
        return losses, levels

    def pipeline(self) -> Any:
        """The model as it is now, as a pipeline that makes clips; waits for the first step.

        Raises X2VError where there is none.
        """
        engine = self._ready()
        task = engine.task
        assert isinstance(task, DiffusionTask)
        pipe = task.make_pipeline(task.vae, engine.averaged())
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def _ready(self) -> Engine:
        until = time.perf_counter() + PATIENCE
        while not self.step and not self.done and time.perf_counter() < until:
            self.wait(0.2)
        self.wait(0)
        if self._engine is None or not self.step:
            raise X2VError("this run", "it is still drawing its clips", "wait a little: run.wait(30)")
        return self._engine

    def __repr__(self) -> str:
        rows, state = self.log(), "has ended" if self.done else "is training"
        loss = f", loss {rows[-1]['validation']:.3f}" if rows else ""
        spent = f"{time.perf_counter() - self._began:.0f} s since it was started"
        return f"{self.folder.name}: {self.params:,} parameters, {state}: step {self.step}{loss}; {spent}"

    def _run(self) -> None:
        with _ONE_AT_A_TIME:
            if not self._stopping:
                self._train()

    def _train(self) -> None:
        try:
            task = DiffusionTask(
                self.recipe, self.folder.parent / "clips", load_vae(None), SmallWorld(), quiet=True
            )
            engine = Engine(task, self.folder, resume=True, quiet=True)
            self._engine = engine
            self.step = engine.progress.step

            def count(step: int) -> None:
                self.step = step
                if self._stopping:
                    raise _Stopped

            engine.on_step = count
            if self.step < self.recipe.engine.steps:
                engine.run(self.minutes)
        except _Stopped:
            engine.save()
        except Exception as error:  # told by `wait`, in the reader's own thread
            self._error = f"{type(error).__name__}: {error}"


_RUNS: weakref.WeakSet[TrainingRun] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Let no thread be at work in torch when the interpreter goes."""
    for run in tuple(_RUNS):
        run.stop(0)
    for run in tuple(_RUNS):
        run.stop()


def train(
    name: str,
    size: str = "96x3",
    *,
    minutes: float | None = None,
    flops: float | None = None,
    folder: str | Path = "runs",
) -> TrainingRun:
    """Train a model of the small world in the background; a run of this name that is there goes on.

    Args:
        name: of the run; its log and its checkpoints go to `folder`/`name`.
        size: width x depth of the transformer.
        minutes: how long it trains; None is as long as `flops` last.
        flops: training compute after which it ends.
        folder: of all runs, which share their clips.

    Raises:
        X2VError: no size, or neither minutes nor flops.
    """
    if (minutes is None) == (flops is None):
        raise X2VError("a run", "it ends after so many minutes or so many flops", "give one of the two")
    steps = 10**6 if flops is None else max(4, round(share() * flops / step_flops(size)))
    every = max(2, steps // 8) if flops else max(4, round(100 * share()))
    recipe = recipe_of(size).with_engine(steps=steps, eval_every=every)
    return TrainingRun(recipe, Path(folder) / name, None if minutes is None else share() * minutes)


def recipe_of(size: str) -> Recipe:
    """The recipe of all runs in the small world, for one size (as "96x3")."""
    engine = EngineConfig(
        steps=10**6, batch=BATCH, warmup=30, hold=600, ema_width=0.1, sample_grid_every=0, save_every=10**6
    )
    clips = budget(CLIPS, 24)
    data: dict[str, Any] = {
        "known_frames": 0.0,
        "control": 0.0,
        "camera": 0.0,
        "noise_mean": 0.0,
        "max_words": WORDS,
    }
    data |= {"validation": budget(16, 4)}
    data |= {"buckets": [{"frames": FRAMES, "height": SIDE, "width": SIDE, "clips": clips}]}
    return Recipe("diffusion", engine, 1, {"latent_channels": 24, **Size.parse(size).model()}, data)


def step_flops(size: str) -> float:
    """Training FLOPs of one step of a size."""
    config = ModelConfig(**recipe_of(size).model)
    return float(train_flops(config, FRAMES, SIDE, SIDE, WORDS, batch=BATCH, control=True, camera=True))


@dataclass(frozen=True)
class Grade:
    """What the judge says of a model's clips of the small world."""

    adherence: float
    """Mean share of what the words ask for that is read, 0 to 1."""
    chance: float
    """The same with every clip held against the other clips' words."""
    ceiling: float
    """The same for real renders of the same scenes: what the judge can read at all."""
    parts: dict[str, float]
    """Attribute -> share of the clips that state it and show it."""
    prompts: tuple[str, ...]
    """What was asked for."""
    clips: tuple[NDArray[np.uint8], ...]
    """What was made, each (F, H, W, 3)."""

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {value:.0%}" for name, value in self.parts.items())
        beside = f"guessing {self.chance:.0%}, real renders {self.ceiling:.0%}"
        return f"adherence {self.adherence:.0%} ({beside}): {parts}"


def grade(pipeline: Any, count: int = 24, side: int = SIDE, frames: int = FRAMES, steps: int = 20) -> Grade:
    """Ask a model for scenes of the small world that it was not trained on, and let the judge read its clips.

    Args:
        pipeline: of a `TrainingRun`, or any `x2vkit.load(...)`.
        count: clips.
        side: height and width; the models that ship were trained at 128.
        frames: of a clip; theirs are of 17.
        steps: denoising steps.
    """
    count, steps = budget(count, 2), budget(steps, 2)
    if hasattr(pipeline, "set_progress_bar_config"):
        pipeline.set_progress_bar_config(disable=True)
    world, judge = SmallWorld(1), Judge.load()
    specs = [world.spec(i, held_out=True) for i in range(count)]
    prompts = tuple(plain(spec) for spec in specs)
    clips: list[NDArray[np.uint8]] = []
    for first in range(0, count, 8):
        noise = torch.Generator().manual_seed(first)
        found = pipeline(
            list(prompts[first : first + 8]),
            num_frames=frames,
            height=side,
            width=side,
            num_inference_steps=steps,
            generator=noise,
            output_type="np",
        ).frames
        clips += [np.rint(255 * np.asarray(clip)).astype(np.uint8) for clip in found]
    asked = [target_of(spec) for spec in specs]
    read = [judge.read(clip).values for clip in clips]
    real = [
        judge.read(world.sample(i, frames, side, side, held_out=True).frames).values for i in range(count)
    ]
    table = agreement(asked, read)
    return Grade(
        _mean(asked, read),
        float(np.mean([_mean(asked, read[k:] + read[:k]) for k in range(1, count)])),
        _mean(asked, real),
        {name: each.right for name, each in table.items()},
        prompts,
        tuple(clips),
    )


def _mean(asked: list[dict[str, str]], read: list[dict[str, str]]) -> float:
    return float(np.mean([share_right(a, b) for a, b in zip(asked, read, strict=True)]))
