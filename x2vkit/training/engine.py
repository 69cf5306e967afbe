"""The training loop, once, for every task.

A `Task` says what is trained, on which batch, and how it is judged. The engine says how: optimisers,
schedule, average, precision, log, checkpoints. Batch k is a pure function of (seed, k) and every step seeds
its own randomness, so a run that is killed at any moment and resumed gives the same numbers as one that never
stopped.

Works in one process or in many (`torchrun --nproc_per_node 2 -m x2vkit train ...`): each takes its slice of
every batch, and the main process alone evaluates, writes and prints.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from tqdm import tqdm

from x2vkit.device import fast_dtype
from x2vkit.errors import X2VError
from x2vkit.processes import on_main, state, whole_batch
from x2vkit.training.checkpoint import check_finite, load_checkpoint, save_checkpoint, write_atomically
from x2vkit.training.identity import resumed_identity, with_new_rows
from x2vkit.training.lock import RunLock
from x2vkit.training.optim import Average, learning_rate, make_optimizers
from x2vkit.training.prefetch import prefetch
from x2vkit.training.schema import Range, read_table
from x2vkit.training.task import Batch, Task


@dataclass
class RunProgress:
    """What a run has done so far."""

    step: Annotated[int, Range(0, 1e12)] = 0
    """Optimiser steps done."""
    samples: Annotated[int, Range(0)] = 0
    """Clips seen."""
    seconds: Annotated[float, Range(0)] = 0.0
    """Time spent in training steps and in waiting for their batches, over all resumes."""
    flops: Annotated[float, Range(0)] = 0.0
    """Floating-point operations spent, by the task's formula."""


class Engine:
    """Trains one task into one folder.

    Files in the folder: recipe.json, log.jsonl, checkpoints/, samples/, and what the task exports.
    """

    def __init__(self, task: Task, out: Path, resume: bool = False, quiet: bool = False):
        """`resume` continues from the newest checkpoint in `out`; without it, a folder with a run in it is
        refused.

        Raises X2VError where another process trains into `out`, or nothing can be written there.
        """
        self.task, self.out, self.config, self.quiet = task, out, task.recipe.engine, quiet
        device = state().device
        bf16 = fast_dtype(device) == torch.bfloat16
        # Stills leave what only clips use without a gradient.
        partly = DistributedDataParallelKwargs(find_unused_parameters=True)
        self.accelerator = Accelerator(mixed_precision="bf16" if bf16 else "no", kwargs_handlers=[partly])
        torch.manual_seed(task.recipe.seed)
        self.model = task.build().to(device)
        self.average = Average(self.model, self.config.ema, self.config.ema_width)
        optimizers = make_optimizers(self.model, self.config)
        runner = torch.compile(self.model) if self.config.compile else self.model
        self.runner, *self.optimizers = self.accelerator.prepare(runner, *optimizers)
        self.progress, self.identity = RunProgress(), task.identity()
        self._steps = threading.RLock()  # held while a step runs: then tensors of the model are half made
        self._uncounted = torch.zeros(2, dtype=torch.float64)  # samples and FLOPs of this process alone
        self.log = out / "log.jsonl"
        self.on_step: Callable[[int], object] = lambda step: None
        """Called after every step with the number of steps done."""
        with self._locked(), self._writing():
            self._open(resume)
        self.accelerator.wait_for_everyone()

    def run(self, minutes: float | None = None) -> dict[str, float]:
        """Train to the recipe's last step, or until `minutes` have passed; returns the last scores.

        Raises X2VError when training diverges (the last good checkpoint stays), or the disk is full.
        """
        with self._locked():
            return self._run(minutes)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The folder is this run's alone; the main process holds it for all."""
        lock = RunLock(self.out)

        def take() -> None:
            with self._writing():
                lock.__enter__()

        on_main(take)
        try:
            yield
        finally:
            lock.__exit__()

    def _run(self, minutes: float | None) -> dict[str, float]:
        config, scores = self.config, {}
        start = time.perf_counter()
        bar = tqdm(
            total=config.steps, initial=self.progress.step, disable=self.quiet or not self._main, unit="step"
        )
        if self.task.evaluate_first and self.progress.step == 0:
            self._evaluate(bar)
        begun = time.perf_counter()
        for batches in self._batches():
            with self._steps:
                metrics = self._step(batches)
            self.progress.seconds += time.perf_counter() - begun
            step = self.progress.step
            last = step == config.steps
            late = minutes is not None and on_main(lambda: time.perf_counter() - start > 60 * minutes)
            bar.update()
            self.on_step(step)
            if step % config.log_every == 0 or last:
                self._write_log(self._over_all(metrics), bar)
            if step % config.eval_every == 0 or step in config.snapshots or last:
                scores = self._evaluate(bar)
            if step in config.snapshots:
                self._export(self.out / "snapshots" / f"step-{step:08d}")
            if config.sample_grid_every and (step % config.sample_grid_every == 0 or last):
                on_main(self._sample_grid)
            if step % config.save_every == 0 or last or late:
                self.save()
            if late:
                break
            begun = time.perf_counter()
        bar.close()
        return scores

    def averaged(self) -> nn.Module:
        """A copy of the model that holds the averaged weights; from any thread, between two steps."""
        with self._steps:
            model = deepcopy(self.model).eval()
            model.load_state_dict(self.average.weights)
        return model

    def export(self) -> None:
        """Let the task write the averaged model into the run folder. Raises X2VError where it diverged."""
        self._export(self.out)

    def _export(self, folder: Path) -> None:
        def export() -> None:
            check_finite(self.average.weights, f"export to {folder}")
            with self._writing():
                self.task.export(self.averaged(), folder)

        on_main(export)

    def save(self) -> None:
        """Write a checkpoint; the main process alone, while the others wait."""
        self._count()
        on_main(self._save)

    def _save(self) -> None:
        groups = {
            "model": dict(self.model.state_dict()),
            "average": self.average.weights,
            "optimizer": self._optimizer_tensors(),
        }
        state = {"progress": vars(self.progress), "identity": self.identity.to_dict()}
        save_checkpoint(self.out / "checkpoints", self.progress.step, groups, state)

    @property
    def _main(self) -> bool:
        return self.accelerator.is_main_process

    def _batches(self) -> Iterator[list[Batch]]:
        """The batches of every step to come."""
        rank, world_size = self.accelerator.process_index, self.accelerator.num_processes

        def make(step: int) -> list[Batch]:
            # The same in every process: it is one batch, of which each has a part.
            torch.manual_seed(hash((self.task.recipe.seed, step)) % 2**63)
            return self.task.batches(step, rank, world_size)

        processes = None if self.task.can_prefetch else 0
        return prefetch(make, range(self.progress.step, self.config.steps), processes)

    def _step(self, batches: list[Batch]) -> dict[str, Tensor]:
        """One optimiser step; the metrics as tensors, so that a GPU is not made to wait for them."""
        step = self.progress.step
        torch.manual_seed(hash((self.task.recipe.seed, step, self.accelerator.process_index, 1)) % 2**63)
        self.model.train()
        metrics: dict[str, Tensor] = {}
        for batch in batches:
            moved = {k: v.to(self.accelerator.device, non_blocking=True) for k, v in batch.items()}
            with whole_batch():
                found = self.runner(**moved)
            self.accelerator.backward(found["loss"] / len(batches))
            for key, value in found.items():
                metrics[key] = metrics.get(key, 0.0) + value.detach() / len(batches)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        factor = learning_rate(step, self.config)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["peak_lr"]
            optimizer.step()
            optimizer.zero_grad()
        self.average.update(self.model, step)
        self.progress.step += 1
        self._uncounted[0] += sum(len(next(iter(batch.values()))) for batch in batches)
        self._uncounted[1] += sum(self.task.flops(batch) for batch in batches)
        return {**metrics, "gradient_norm": norm}

    def _count(self) -> None:
        """Add to the progress what all processes have done since this was last called."""
        found = self._uncounted
        if self.accelerator.num_processes > 1:
            found = self.accelerator.reduce(found.to(self.accelerator.device), "sum")
        self.progress.samples += round(float(found[0]))
        self.progress.flops += float(found[1])
        self._uncounted.zero_()

    def _over_all(self, metrics: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of the whole batch: the mean of what the processes found in their parts."""
        self._count()
        values = torch.stack([torch.as_tensor(value).float() for value in metrics.values()])
        return dict(zip(metrics, self.accelerator.reduce(values, "mean").tolist(), strict=True))

    def _write_log(self, values: dict[str, float], bar: tqdm) -> None:
        if not np.isfinite(values["loss"]):
            rule = "training has diverged: it needs a finite loss; the last checkpoint stays as it is"
            cure = "resume from it with lower muon_lr and adam_lr"
            raise X2VError(f"loss={values['loss']} at step {self.progress.step}", rule, cure)
        done = self.progress
        rate, flops = done.samples / done.seconds, done.flops / done.seconds
        bar.set_postfix_str(f"loss {values['loss']:.4f}, {rate:.1f} clips/s, {flops / 1e9:.0f} GFLOP/s")
        self._append({**vars(done), "lr": learning_rate(done.step - 1, self.config), **values})

    def _evaluate(self, bar: tqdm) -> dict[str, float]:
        self._count()
        return on_main(lambda: self._evaluated(bar))

    def _evaluated(self, bar: tqdm) -> dict[str, float]:
        with torch.inference_mode(), self.accelerator.autocast():
            check_finite(self.average.weights, f"evaluation at step {self.progress.step}")
            scores = self.task.evaluate(self.averaged())
        shown = ", ".join(f"{key} {value:.4g}" for key, value in scores.items())
        if not self.quiet:
            bar.write(f"step {self.progress.step}: {shown}")
        self._append({**vars(self.progress), **scores})
        return scores

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What fails in here because nothing can be written is told in a sentence."""
        try:
            yield
        except OSError as error:
            rule = f"the run folder cannot be written ({error})"
            cure = "free some space, make it writable, or name another folder"
            raise X2VError(f"--out {self.out}", rule, cure) from error

    def _sample_grid(self) -> None:
        with torch.inference_mode(), self.accelerator.autocast():
            picture = self.task.sample_grid(self.averaged())
        if picture is not None:
            from PIL import Image

            folder = self.out / "samples"
            with self._writing():
                folder.mkdir(exist_ok=True)
                Image.fromarray(picture).save(folder / f"step-{self.progress.step:08d}.png")

    def _append(self, values: dict[str, Any]) -> None:
        if self._main:
            rounded = {k: _rounded(v) if isinstance(v, float) else v for k, v in values.items()}
            with self._writing(), self.log.open("a") as file:
                file.write(json.dumps(rounded) + "\n")

    def _open(self, resume: bool) -> None:
        """Start a new run folder, or take up the one that is there."""
        earlier = resumed_identity(self.out, resume)
        if earlier is not None:
            self.identity.check(earlier, self.out)
        found = load_checkpoint(self.out / "checkpoints")
        if found:
            self._restore(*found)
        if self._main:
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            kept = [line for line in lines if _log_step(line) <= self.progress.step]
            write_atomically(self.log, "".join(line + "\n" for line in kept).encode())
            recipe = {**self.task.recipe.to_dict(), "hash": self.task.recipe.hash}
            write_atomically(self.out / "recipe.json", json.dumps(recipe, indent=1).encode())

    def _restore(self, groups: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
        try:
            self.model.load_state_dict(self._with_new_words(groups["model"], self.model.state_dict()))
        except (KeyError, RuntimeError) as error:
            cure = "resume with the recipe the run was started with"
            raise X2VError(f"checkpoint in {self.out}", f"it is of another model ({error})", cure) from error
        try:
            self._restore_rest(groups, state)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            rule = f"its state cannot be read ({type(error).__name__}: {error})"
            cure = "remove the newest folder in checkpoints/, and resume or train again"
            raise X2VError(f"checkpoint in {self.out}", rule, cure) from error

    def _restore_rest(self, groups: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
        """Average, progress and the optimisers' moments."""
        device = self.accelerator.device
        average = self._with_new_words(groups["average"], self.average.weights)
        self.average.weights = {name: average[name].to(device) for name in self.average.weights}
        self.progress = read_table(RunProgress, state["progress"], "state.json progress")
        for key, value in groups["optimizer"].items():
            index, name, slot = key.split("/")
            # AdamW counts its steps on the processor, wherever the weights are.
            place = "cpu" if value.ndim == 0 else device
            if name in self._word_tables:
                value = with_new_rows(value, torch.zeros_like(self._parameters[name]))
            self.optimizers[int(index)].optimizer.state[self._parameters[name]][slot] = value.to(place)

    def _with_new_words(self, saved: dict[str, Tensor], fresh: dict[str, Tensor]) -> dict[str, Tensor]:
        """Saved weights with fresh embeddings behind those of the words that the run had."""
        grown = {name: with_new_rows(saved[name], fresh[name]) for name in self._word_tables if name in saved}
        return saved | grown

    @property
    def _word_tables(self) -> list[str]:
        """Names of the tables that have a row for each word."""
        modules = self.model.named_modules()
        return [f"{name}.weight" for name, module in modules if isinstance(module, nn.Embedding)]

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


def _rounded(value: float) -> float | None:
    """Six digits; None, which JSON knows, for a number that was not measured."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _log_step(line: str) -> int:
    """The step of a log line; a line cut off by a kill counts as never written."""
    try:
        return int(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return 2**62
