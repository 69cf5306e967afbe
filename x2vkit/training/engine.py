"""The training loop, once, for every task.

A `Task` says what is trained, on which batch, and how it is judged. The engine says how: optimisers,
schedule, average, precision, log, checkpoints. Batch k is a pure function of (seed, k) and every step seeds
its own randomness, so a run that is killed at any moment and resumed gives the same numbers as one that never
stopped.

Works in one process or in many (`accelerate launch -m x2vkit train ...`): each process takes its slice of
every batch.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from torch import Tensor, nn
from tqdm import tqdm

from x2vkit.errors import X2VError
from x2vkit.training.checkpoint import load_checkpoint, save_checkpoint, write_atomically
from x2vkit.training.muon import Muon
from x2vkit.training.prefetch import ahead
from x2vkit.training.recipe import EngineConfig, Recipe

Batch = dict[str, Tensor]


class Task(ABC):
    """What is trained. The model's forward takes a batch by keyword and returns scalars, `loss` among
    them.
    """

    recipe: Recipe
    made_ahead = False
    """Whether other processes may make batches: those that keep nothing from one batch to the next."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The module to train, freshly initialised."""

    @abstractmethod
    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """This process's slice of batch `step`: a pure function of (seed, step, rank, world_size)."""

    def batches(self, step: int, rank: int = 0, world_size: int = 1) -> list[Batch]:
        """The batches that one optimiser step learns from together; their losses are averaged."""
        return [self.batch(step, rank, world_size)]

    @abstractmethod
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Scores of the averaged model on fixed clips that training never shows."""

    @abstractmethod
    def flops(self, batch: Batch) -> float:
        """Floating-point operations of one training step on this batch (forward and backward)."""

    def sheet(self, model: nn.Module) -> np.ndarray | None:
        """A picture to look at, uint8 (H, W, 3), or None."""
        return None

    def export(self, model: nn.Module, folder: Path) -> None:  # noqa: B027 - a task may have nothing to write
        """Write the averaged model for use."""


def write_origin(recipe: Recipe, run: Path, target: Path, **more: Any) -> None:
    """Beside exported weights: what made them (training.json), and the log of the run."""
    made = {"recipe": recipe.to_dict(), "hash": recipe.hash, "seed": recipe.seed} | more
    write_atomically(target / "training.json", json.dumps(made, indent=1).encode())
    if (run / "log.jsonl").exists():
        write_atomically(target / "log.jsonl", (run / "log.jsonl").read_bytes())


def bf16_pays(device: torch.device) -> bool:
    """Whether bfloat16 is faster here: on CUDA, and on processors with AVX512-BF16 or AMX."""
    return device.type == "cuda" or (device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def learning_rate(step: int, config: EngineConfig) -> float:
    """Factor on the learning rates at a step: linear warm-up, flat, then down (see `EngineConfig.hold`)."""
    warm = (step + 1) / max(config.warmup, 1)
    if config.hold:
        left = (config.steps - step) / config.cooldown if config.cooldown else 1.0
        return min(warm, (config.hold / max(step + 1, config.hold)) ** 0.5) * min(1.0, left)
    left = (config.steps - step) / max(config.decay * config.steps, 1)
    return min(1.0, warm, left)


def make_optimizers(model: nn.Module, config: EngineConfig) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest.

    Muon replaces a matrix's momentum by the nearest orthogonal matrix, so every direction learns at the same
    pace; its scale is matched to AdamW's (see training/muon.py). A table of embeddings is no linear map, so
    it goes to AdamW.
    """
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    matrices = [p for n, p in trained.items() if p.ndim == 2 and n.endswith("weight") and id(p) not in tables]
    chosen = {id(p) for p in matrices}
    rest = [p for p in trained.values() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:
        optimizers.append(Muon(matrices, config.muon_lr, bf16=bf16_pays(matrices[0].device)))
    if rest:
        optimizers.append(torch.optim.AdamW(rest, lr=config.adam_lr, betas=(0.9, 0.99), weight_decay=0.0))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


class Average:
    """Running average of the weights (EMA); noisy steps cancel, and the average draws better than any one
    step.

    With a `width` the average covers the same part of the run at any step: its weights fall as a power of
    the step, (k / step)^g, where g is chosen so that they spread over `width` of the run (Karras et al. 2024,
    arXiv:2312.02696, section 3).
    """

    def __init__(self, model: nn.Module, decay: float, width: float = 0.0):
        self.decay = decay
        self.power = average_power(width) if width else 0.0
        self.weights = {name: p.detach().clone().float() for name, p in model.state_dict().items()}

    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model; faster in the first steps, which are far from anything worth
        remembering.
        """
        if self.power:
            rate = 1 - (1 - 1 / (step + 1)) ** (self.power + 1)
        else:
            rate = 1 - min(self.decay, (1 + step) / (10 + step))
        now = [p.detach().float() for p in model.state_dict().values()]
        torch._foreach_lerp_(list(self.weights.values()), now, rate)


def average_power(width: float) -> float:
    """The power g whose average spreads over `width` of the run: (g + 1) / ((g + 2)^2 (g + 3)) = width^2."""
    w = width**-2
    return float(np.roots([1, 7, 16 - w, 12 - w]).real.max())


@dataclass
class Progress:
    """What a run has done so far."""

    step: int = 0
    """Optimiser steps done."""
    samples: int = 0
    """Clips seen."""
    seconds: float = 0.0
    """Time spent in training steps and in waiting for their batches, over all resumes."""
    flops: float = 0.0
    """Floating-point operations spent, by the task's formula."""


class Engine:
    """Trains one task into one folder.

    Files in the folder: recipe.json, log.jsonl, checkpoints/, sheets/, and what the task exports.
    """

    def __init__(self, task: Task, out: Path, resume: bool = False, quiet: bool = False):
        """`resume` continues from the newest checkpoint in `out`; without it, a folder with a run in it is
        refused.
        """
        self.task, self.out, self.config, self.quiet = task, out, task.recipe.engine, quiet
        device = PartialState().device
        self.accelerator = Accelerator(mixed_precision="bf16" if bf16_pays(device) else "no")
        torch.manual_seed(task.recipe.seed)
        self.model = task.build().to(device)
        self.average = Average(self.model, self.config.ema, self.config.ema_width)
        optimizers = make_optimizers(self.model, self.config)
        runner = torch.compile(self.model) if self.config.compile else self.model
        self.runner, *self.optimizers = self.accelerator.prepare(runner, *optimizers)
        self.progress = Progress()
        self.log = out / "log.jsonl"
        self.on_step: Callable[[int], object] = lambda step: None
        """Called after every step with the number of steps done."""
        self._open(resume)

    def run(self, minutes: float | None = None) -> dict[str, float]:
        """Train to the recipe's last step, or until `minutes` have passed; returns the last scores."""
        config, scores = self.config, {}
        start = begun = time.perf_counter()
        bar = tqdm(
            total=config.steps, initial=self.progress.step, disable=self.quiet or not self._main, unit="step"
        )
        for batches in self._batches():
            metrics = self._step(batches)
            self.progress.seconds += time.perf_counter() - begun
            step = self.progress.step
            last = step == config.steps
            late = minutes is not None and time.perf_counter() - start > 60 * minutes
            bar.update()
            self.on_step(step)
            if step % config.log_every == 0 or last:
                self._write_log(metrics, bar)
            if step % config.eval_every == 0 or step in config.snapshots or last:
                scores = self._evaluate(bar)
            if step in config.snapshots and self._main:
                self.task.export(self.averaged(), self.out / "snapshots" / f"step-{step:08d}")
            if config.sheet_every and (step % config.sheet_every == 0 or last):
                self._sheet()
            if step % config.save_every == 0 or last or late:
                self.save()
            if late:
                break
            begun = time.perf_counter()
        bar.close()
        return scores

    def averaged(self) -> nn.Module:
        """A copy of the model that holds the averaged weights."""
        model = deepcopy(self.model).eval()
        model.load_state_dict(self.average.weights)
        return model

    def export(self) -> None:
        """Let the task write the averaged model into the run folder."""
        if self._main:
            self.task.export(self.averaged(), self.out)

    def save(self) -> None:
        """Write a checkpoint; the main process alone."""
        if not self._main:
            return
        groups = {
            "model": dict(self.model.state_dict()),
            "average": self.average.weights,
            "optimizer": self._optimizer_tensors(),
        }
        save_checkpoint(
            self.out / "checkpoints", self.progress.step, groups, {"progress": vars(self.progress)}
        )

    @property
    def _main(self) -> bool:
        return self.accelerator.is_main_process

    def _batches(self) -> Iterator[list[Batch]]:
        """The batches of every step to come."""
        rank, world_size = self.accelerator.process_index, self.accelerator.num_processes

        def make(step: int) -> list[Batch]:
            self._seed(step, 0)
            return self.task.batches(step, rank, world_size)

        processes = None if self.task.made_ahead else 0
        return ahead(make, range(self.progress.step, self.config.steps), processes)

    def _seed(self, step: int, use: int) -> None:
        """Seed torch for one of the uses that a step has for chance: 0 for its batches, 1 for the model."""
        torch.manual_seed(hash((self.task.recipe.seed, step, self.accelerator.process_index, use)) % 2**63)

    def _step(self, batches: list[Batch]) -> dict[str, Tensor]:
        """One optimiser step; the metrics as tensors, so that a GPU is not made to wait for them."""
        step, world_size = self.progress.step, self.accelerator.num_processes
        self._seed(step, 1)
        self.model.train()
        metrics: dict[str, Tensor] = {}
        for batch in batches:
            moved = {k: v.to(self.accelerator.device, non_blocking=True) for k, v in batch.items()}
            found = self.runner(**moved)
            self.accelerator.backward(found["loss"] / len(batches))
            for key, value in found.items():
                metrics[key] = metrics.get(key, 0.0) + value.detach() / len(batches)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
        factor = learning_rate(step, self.config)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["peak_lr"]
            optimizer.step()
            optimizer.zero_grad()
        self.average.update(self.model, step)
        done = self.progress
        done.step += 1
        done.samples += sum(len(next(iter(batch.values()))) for batch in batches) * world_size
        done.flops += sum(self.task.flops(batch) for batch in batches) * world_size
        return {**metrics, "gradient_norm": norm}

    def _write_log(self, metrics: dict[str, Tensor], bar: tqdm) -> None:
        values = {key: float(value) for key, value in metrics.items()}
        if not np.isfinite(values["loss"]):
            rule = "training needs a finite loss"
            cure = "resume from the last checkpoint with a lower learning rate"
            raise X2VError(f"loss={values['loss']} at step {self.progress.step}", rule, cure)
        done = self.progress
        rate, flops = done.samples / done.seconds, done.flops / done.seconds
        bar.set_postfix_str(f"loss {values['loss']:.4f}, {rate:.1f} clips/s, {flops / 1e9:.0f} GFLOP/s")
        self._append({**vars(done), "lr": learning_rate(done.step - 1, self.config), **values})

    def _evaluate(self, bar: tqdm) -> dict[str, float]:
        if not self._main:
            return {}
        with torch.inference_mode(), self.accelerator.autocast():
            scores = self.task.evaluate(self.averaged())
        shown = ", ".join(f"{key} {value:.4g}" for key, value in scores.items())
        if not self.quiet:
            bar.write(f"step {self.progress.step}: {shown}")
        self._append({**vars(self.progress), **scores})
        return scores

    def _sheet(self) -> None:
        if not self._main:
            return
        with torch.inference_mode(), self.accelerator.autocast():
            picture = self.task.sheet(self.averaged())
        if picture is not None:
            from PIL import Image

            folder = self.out / "sheets"
            folder.mkdir(exist_ok=True)
            Image.fromarray(picture).save(folder / f"step-{self.progress.step:08d}.png")

    def _append(self, values: dict[str, Any]) -> None:
        if self._main:
            rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in values.items()}
            with self.log.open("a") as file:
                file.write(json.dumps(rounded) + "\n")

    def _open(self, resume: bool) -> None:
        """Start a new run folder, or take up the one that is there."""
        found = load_checkpoint(self.out / "checkpoints")
        if found and not resume:
            cure = "add --resume to continue it, or name another folder"
            raise X2VError(f"--out {self.out}", "this folder already holds a run", cure)
        if found:
            self._restore(*found)
        if self._main:
            self.out.mkdir(parents=True, exist_ok=True)
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            kept = [line for line in lines if _log_step(line) <= self.progress.step]
            write_atomically(self.log, "".join(line + "\n" for line in kept).encode())
            recipe = {**self.task.recipe.to_dict(), "hash": self.task.recipe.hash}
            write_atomically(self.out / "recipe.json", json.dumps(recipe, indent=1).encode())
        self.accelerator.wait_for_everyone()

    def _restore(self, groups: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
        try:
            self.model.load_state_dict(groups["model"])
        except RuntimeError as error:
            cure = "resume with the recipe the run was started with"
            raise X2VError(f"checkpoint in {self.out}", f"it is of another model ({error})", cure) from error
        device = self.accelerator.device
        self.average.weights = {name: groups["average"][name].to(device) for name in self.average.weights}
        self.progress = Progress(**state["progress"])
        for key, value in groups["optimizer"].items():
            index, name, slot = key.split("/")
            # AdamW counts its steps on the processor, wherever the weights are.
            place = "cpu" if value.ndim == 0 else device
            self.optimizers[int(index)].optimizer.state[self._parameters[name]][slot] = value.to(place)

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        names = {id(p): name for name, p in self._parameters.items()}
        return {
            f"{index}/{names[id(p)]}/{slot}": value
            for index, optimizer in enumerate(self.optimizers)
            for p, slots in optimizer.optimizer.state.items()
            for slot, value in slots.items()
        }

    @property
    def _parameters(self) -> dict[str, Tensor]:
        return dict(self.model.named_parameters())


def _log_step(line: str) -> int:
    """The step of a log line; a line cut off by a kill counts as never written."""
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError):
        return 2**62
