"""The training loop: the same numbers after a kill, a schedule and an average that do what they say."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import Sine, SineTask, train

from x2vkit.errors import X2VError
from x2vkit.training.checkpoint import load_checkpoint
from x2vkit.training.engine import Engine
from x2vkit.training.optim import Average, average_power, learning_rate, make_optimizers
from x2vkit.training.recipe import EngineConfig


def weights(out: Path) -> dict[str, torch.Tensor]:
    groups, _ = load_checkpoint(out / "checkpoints")
    return {f"{group}.{name}": value for group, tensors in groups.items() for name, value in tensors.items()}


def log(out: Path) -> list[dict]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def assert_same_run(a: Path, b: Path) -> None:
    left, right = weights(a), weights(b)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)
    assert log(a) == log(b)


def test_training_learns_and_lowers_the_error(tmp_path):
    engine = train(
        tmp_path, steps=200, eval_every=100, log_every=50, save_every=100, adam_lr=0.03, muon_lr=0.03
    )
    errors = [line["error"] for line in log(tmp_path) if "error" in line]
    assert len(errors) == 2 and errors[-1] < 0.15  # a constant would be wrong by 0.5
    assert engine.progress.samples == 200 * 8


def test_the_same_numbers_after_a_kill(tmp_path):
    """Killed with SIGKILL twice, between checkpoints, the run ends exactly where an unbroken one does."""
    train(tmp_path / "whole")
    toy = Path(__file__).parent / "toy.py"
    for die_at in ("5", "10"):
        command = [sys.executable, str(toy), str(tmp_path / "broken"), die_at]
        assert subprocess.run(command, cwd=Path(__file__).parents[2], env=_environment()).returncode == -9
    steps = [line["step"] for line in log(tmp_path / "broken")]
    assert max(steps) == 10  # lines after the last checkpoint (9) are there, and will be cut off
    train(tmp_path / "broken", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_stopping_by_time_and_resuming_gives_the_same_numbers(tmp_path):
    train(tmp_path / "whole")
    while len(log_steps(tmp_path / "parts")) < 12:
        Engine(SineTask(), tmp_path / "parts", resume=True, quiet=True).run(minutes=1e-9)  # a step at a time
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def log_steps(out: Path) -> set[int]:
    return {line["step"] for line in log(out)} if (out / "log.jsonl").exists() else set()


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path):
    Engine(SineTask(), tmp_path, quiet=True).run(minutes=1e-9)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 1, "lo')
    train(tmp_path, resume=True)
    assert log_steps(tmp_path) == set(range(1, 13))


def test_a_folder_with_a_run_in_it_is_not_overwritten(tmp_path):
    train(tmp_path)
    before = (tmp_path / "log.jsonl").read_bytes()
    with pytest.raises(X2VError, match="--resume"):
        train(tmp_path)
    assert (tmp_path / "log.jsonl").read_bytes() == before


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    train(tmp_path)

    class Wider(SineTask):
        def build(self):
            model = Sine()
            model.net[0] = torch.nn.Linear(1, 32)
            return model

    with pytest.raises(X2VError, match="another model"):
        Engine(Wider(), tmp_path, resume=True, quiet=True)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    class Broken(SineTask):
        def batch(self, step, rank=0, world_size=1):
            batch = super().batch(step, rank, world_size)
            return {**batch, "y": batch["y"] * float("nan")} if step == 4 else batch

    with pytest.raises(X2VError, match="loss=nan at step 5"):
        Engine(Broken(), tmp_path, quiet=True).run()
    assert all(
        torch.isfinite(value).all() for value in weights(tmp_path).values()
    )  # the checkpoint of step 3


def test_processes_share_a_batch(tmp_path):
    task = SineTask()
    whole = task.batch(3)["x"]
    parts = [task.batch(3, rank, 4)["x"] for rank in range(4)]
    assert sorted(torch.cat(parts).flatten().tolist()) == sorted(whole.flatten().tolist())


def test_learning_rate_warms_up_holds_and_falls_to_zero():
    config = EngineConfig(steps=1000, batch=1, warmup=100, decay=0.4)
    rates = [learning_rate(step, config) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01) and rates[49] == pytest.approx(0.5)
    assert set(rates[99:600]) == {1.0}
    assert rates[800] == pytest.approx(0.5) and rates[-1] == pytest.approx(1 / 400)


def test_matrices_go_to_muon_and_tables_do_not():
    model = torch.nn.ModuleDict({"matrix": torch.nn.Linear(3, 4), "table": torch.nn.Embedding(5, 4)})
    muon, adam = make_optimizers(model, EngineConfig(steps=1, batch=1))
    sets = [{id(p) for group in each.param_groups for p in group["params"]} for each in (muon, adam)]
    assert sets[0] == {id(model["matrix"].weight)}
    assert sets[1] == {id(model["matrix"].bias), id(model["table"].weight)}


def test_the_average_is_the_weighted_mean_of_the_weights():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 2.0)
    average = Average(model, decay=0.9)
    torch.nn.init.constant_(model.weight, 4.0)
    average.update(model, step=10_000)
    assert average.weights["weight"].item() == pytest.approx(0.9 * 2 + 0.1 * 4)
    average.update(model, step=0)  # the first steps are forgotten quickly: 1/10 old, 9/10 new
    assert average.weights["weight"].item() == pytest.approx(0.1 * 2.2 + 0.9 * 4)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}


def test_a_held_rate_falls_with_the_root_of_the_step_and_never_ends():
    config = EngineConfig(steps=100, batch=1, warmup=10, hold=50)
    assert learning_rate(0, config) == 0.1 and learning_rate(30, config) == 1.0
    assert learning_rate(199, config) == pytest.approx(0.5)
    assert learning_rate(4999, config) == pytest.approx(0.1)
    ended = EngineConfig(steps=200, batch=1, warmup=10, hold=50, cooldown=40)
    assert learning_rate(159, ended) == learning_rate(159, config)
    assert learning_rate(180, ended) == pytest.approx(learning_rate(180, config) / 2)
    assert learning_rate(199, ended) == pytest.approx(learning_rate(199, config) / 40)


def test_a_wide_average_covers_the_same_part_of_the_run_at_any_step():
    """Averaging the step itself tells where the average's weight lies: its mean is (g + 1) / (g + 2) of the
    run, and its spread is the width that was asked for.
    """
    power = average_power(0.1)
    model, mean, square = torch.nn.Linear(1, 1, bias=False), [], []
    for steps in (300, 3000):
        average = Average(model, 0.5, 0.1), Average(model, 0.5, 0.1)
        for step in range(steps):
            for k, each in enumerate(average):
                with torch.no_grad():
                    model.weight.fill_(float((step + 1) / steps) ** (k + 1))
                each.update(model, step)
        mean.append(float(average[0].weights["weight"]))
        square.append(float(average[1].weights["weight"]))
    assert mean == pytest.approx([(power + 1) / (power + 2)] * 2, abs=0.01)
    widths = [(s - m * m) ** 0.5 for s, m in zip(square, mean, strict=True)]
    assert widths == pytest.approx([0.1] * 2, abs=0.01)


def test_snapshots_are_judged_and_exported(tmp_path):
    engine = Engine(SineTask(steps=6, snapshots=(2, 5), eval_every=100), tmp_path, quiet=True)
    engine.task.export = lambda model, folder: folder.mkdir(parents=True)
    engine.run()
    kept = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    assert kept == ["step-00000002", "step-00000005"]
    assert [line["step"] for line in log(tmp_path) if "error" in line] == [2, 5, 6]


# -- what goes wrong


class Diverging(SineTask):
    """Its weights are NaN from some step on."""

    def __init__(self, at: int, **engine):
        super().__init__(**engine)
        self.at = at

    def batch(self, step: int, rank: int = 0, world_size: int = 1):
        batch = super().batch(step, rank, world_size)
        return {**batch, "x": batch["x"] * (float("nan") if step >= self.at else 1)}


@pytest.mark.parametrize("log_every", [1, 100])  # found in the loss, or only in what would be written
def test_a_run_that_diverges_ends_in_a_sentence_and_keeps_the_last_good_checkpoint(tmp_path, log_every):
    engine = Engine(Diverging(7, log_every=log_every, eval_every=100), tmp_path, quiet=True)
    with pytest.raises(X2VError, match="training has diverged.*lower muon_lr"):
        engine.run()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000006"]
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())
    with pytest.raises(X2VError, match="export.*not finite"):
        engine.export()
    healed = train(tmp_path, resume=True)
    assert healed.progress.step == 12 and np.isfinite(log(tmp_path)[-1]["error"])


def test_the_largest_rates_that_a_recipe_may_say_end_in_a_sentence_or_in_finite_weights(tmp_path):
    try:
        train(tmp_path, muon_lr=1.0, adam_lr=1.0, max_grad_norm=1e12)
    except X2VError as error:
        assert "diverged" in error.rule
    if (tmp_path / "checkpoints").is_dir():
        assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    """While one process trains, another is refused and changes nothing; after a kill the folder is free."""
    code = """if True:
        import sys, time
        sys.path.insert(0, "tests/training")
        from pathlib import Path
        from toy import SineTask
        from x2vkit.training.engine import Engine

        engine = Engine(SineTask(), Path(sys.argv[1]), quiet=True)
        engine.on_step = lambda step: (print(step, flush=True), time.sleep(600 * (step == 4)))
        engine.run()
    """
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    other = subprocess.Popen(command, cwd=root, env=_environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert any(line.strip() == "4" for line in other.stdout)
        before = (tmp_path / "log.jsonl").read_bytes()
        for resume in (False, True):
            with pytest.raises(X2VError, match=f"process {other.pid} is training into this folder"):
                Engine(SineTask(), tmp_path, resume=resume, quiet=True)
        assert (tmp_path / "log.jsonl").read_bytes() == before
    finally:
        other.kill()
        other.wait()
    assert train(tmp_path, resume=True).progress.step == 12


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(X2VError, match="run folder cannot be written"):
        Engine(SineTask(), tmp_path / "file", quiet=True)
    engine = Engine(SineTask(), tmp_path / "run", quiet=True)

    def refuse(*args, **options):
        raise OSError(30, "Read-only file system")

    engine.log = tmp_path  # a folder: what is appended to it fails as on a folder that turned read-only
    with pytest.raises(X2VError, match="run folder cannot be written.*make it writable"):
        engine.run()
    monkeypatch.setattr("x2vkit.training.checkpoint.save_file", refuse)
    with pytest.raises(X2VError, match="Read-only"):
        engine.save()


@pytest.mark.parametrize(
    "state",
    [
        "[]",
        "{",
        "{}",
        '{"format": 1}',
        '{"format": 1, "progress": {"step": -3}}',
        '{"format": 1, "progress": [1]}',
    ]
    + ['{"format": 99, "progress": {}}', '{"format": 1, "progress": {"step": "x"}}'],
)
def test_a_broken_state_is_told(tmp_path, state):
    train(tmp_path)
    (tmp_path / "checkpoints" / "step-00000012" / "state.json").write_text(state)
    with pytest.raises(X2VError):
        Engine(SineTask(), tmp_path, resume=True, quiet=True)


def test_a_cut_weights_file_is_told(tmp_path):
    train(tmp_path)
    path = tmp_path / "checkpoints" / "step-00000012" / "average.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(X2VError, match="checkpoint"):
        Engine(SineTask(), tmp_path, resume=True, quiet=True)


def test_numbers_that_were_not_measured_are_null_in_the_log(tmp_path):
    class Unmeasured(SineTask):
        def evaluate(self, model):
            return {"error": float("nan")}

    Engine(Unmeasured(), tmp_path, quiet=True).run()
    assert "NaN" not in (tmp_path / "log.jsonl").read_text()


def test_the_averaged_model_can_be_asked_for_while_a_step_runs_in_another_thread(tmp_path):
    engine = Engine(SineTask(steps=2), tmp_path, quiet=True)
    runner, waiting = engine.runner, threading.Event()

    def slow(**batch):
        found = runner(**batch)
        engine.model.half_made = found["loss"] * 1  # what deepcopy refuses: it hangs on a graph
        waiting.set()
        time.sleep(0.2)
        del engine.model.half_made
        return found

    engine.runner = slow
    thread = threading.Thread(target=engine.run)
    thread.start()
    waiting.wait()
    for name, value in engine.averaged().state_dict().items():
        assert value.isfinite().all(), name
    thread.join()
