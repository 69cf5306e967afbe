"""Several processes do what one does: two real ones, by torchrun and by accelerate, on a processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.launched import run
from x2vkit import processes
from x2vkit.errors import X2VError
from x2vkit.processes import is_main, on_main, over_all, share, started, state, whole_batch

ROOT = Path(__file__).parents[1]
RECIPE = """
task = "diffusion"
[engine]
steps = {steps}
batch = 5
log_every = 1
eval_every = 4
sample_grid_every = 0
save_every = 4
warmup = 2
hold = {hold}
[model]
latent_channels = 4
width = 32
depth = 2
heads = 2
text_width = 32
text_depth = 1
[data]
validation = 3
planned = 0.3
token_dropping = 0.5
buckets = [
  {{ frames = 5, height = 32, width = 32, clips = 6 }},
  {{ frames = 1, height = 32, width = 32, clips = 6 }},
]
"""
CONFIG = (
    "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nnum_processes: 2\nnum_machines: 1\n"
)
PROMPTS = ("a red ball", "a blue dog bouncing", "a dog")


def train(place: Path, out: str, *more: str) -> list[str]:
    return ["train", str(place / "mine.toml"), "--vae", str(place / "vae"), "--out", str(place / out), *more]


def others(place: Path, out: str) -> list[list[str]]:
    """The commands besides training."""
    sweep = ["--sizes", "16x1", "--flops", "2e8", "--points", "2", "--vae", str(place / "vae")]
    model = ["--model", str(place / "pipeline"), "--steps", "2"]
    asked = ["--prompts", str(place / "prompts.txt"), "--num-frames", "5", "--width", "32", "--height", "32"]
    return [
        ["scale", "--recipe", str(place / "held.toml"), *sweep, "--out", str(place / out / "scale")],
        ["evaluate", *model, "--prompts", "8", "--batch", "3", "--only", "image", "--json"],
        ["generate", *model, *asked, "-o", str(place / out / "clip.webp")],
    ]


def launch(place: Path, several: list[list[str]], *more: str, by: str = "torch.distributed.run"):
    """Run commands in two processes of one thread each; (the finished process, seconds)."""
    script = place / f"{len(list(place.glob('*.json')))}.json"
    script.write_text(json.dumps(several))
    ways = {
        "torch.distributed.run": ["--nproc_per_node", "2", "--master_port", "29517"],
        "accelerate.commands.launch": [
            "--config_file",
            str(place / "two.yaml"),
            "--main_process_port",
            "29518",
        ],
    }
    command = [sys.executable, "-m", by, *ways[by], str(ROOT / "tests" / "launched.py"), str(script), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    return done, time.monotonic() - start


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def assert_same_log(one: Path, two: Path) -> None:
    left, right = log(one), log(two)
    assert [line.keys() for line in left] == [line.keys() for line in right]  # each line once
    for a, b in zip(left, right, strict=True):
        for name in a.keys() - {"seconds"}:
            few = 1e-2 if name == "flops" else 1e-3  # small parts of them do not grow with the batch
            assert b[name] == pytest.approx(a[name], rel=few, abs=1e-3), (a["step"], name)


@pytest.fixture(scope="module")
def place(tmp_path_factory, pipeline):
    """A folder with a small recipe, weights, prompts and a launcher's configuration."""
    from x2vkit.core.vae import VideoVAE

    folder = tmp_path_factory.mktemp("processes")
    torch.manual_seed(0)
    VideoVAE(latent_channels=4, widths=(8, 8, 8)).save_pretrained(folder / "vae")
    pipeline.save_pretrained(folder / "pipeline")
    (folder / "mine.toml").write_text(RECIPE.format(steps=8, hold=0))
    (folder / "held.toml").write_text(RECIPE.format(steps=1, hold=4))
    (folder / "prompts.txt").write_text("\n".join(PROMPTS))
    (folder / "two.yaml").write_text(CONFIG)
    return folder


def test_two_processes_do_what_one_does_and_go_on_after_one_of_them_is_killed(place, capfd):
    run([train(place, "one"), *others(place, "one")])
    alone = capfd.readouterr().out.splitlines()

    done, _ = launch(place, [*others(place, "two"), train(place, "two")], "6", "kill")
    assert done.returncode != 0, done.stderr[-2000:]
    assert max(line["step"] for line in log(place / "two")) == 6, done.stderr[-2000:]
    assert [path.name for path in (place / "two" / "checkpoints").iterdir()] == ["step-00000004"]

    assert_same_log(place / "one" / "scale" / "16x1", place / "two" / "scale" / "16x1")
    ours, theirs = (
        [line for line in out if line.startswith("{")] for out in (alone, done.stdout.splitlines())
    )
    assert len(ours) == len(theirs) == 1
    measured = [json.loads(line)["figures"] for (line,) in (ours, theirs)]
    assert measured[0] == measured[1]
    assert done.stdout.count("wrote ") == len(PROMPTS)
    for i in range(len(PROMPTS)):
        name = f"clip-{i:03d}.webp"
        assert (place / "one" / name).read_bytes() == (place / "two" / name).read_bytes()

    done, _ = launch(place, [train(place, "two", "--resume")], by="accelerate.commands.launch")
    assert done.returncode == 0, done.stderr[-2000:]
    assert_same_log(place / "one", place / "two")
    names = [
        sorted(p.name for p in (place / out).iterdir() if p.name[:4] not in ("clip", "scal"))
        for out in ("one", "two")
    ]
    assert names[0] == names[1]


def test_a_fault_in_one_process_ends_both_with_its_sentence(place):
    done, seconds = launch(place, [["toy", str(place / "fault")]], "2", "fail")
    assert done.returncode != 0 and seconds < 120
    assert "process 1 says clip 7: it is broken. mend it." in done.stderr


# -- one process


def test_one_process_is_the_main_one_and_has_it_all(monkeypatch):
    for name in processes.SIZES:
        monkeypatch.delenv(name, raising=False)
    assert started() == 1 and is_main() and state().num_processes == 1
    assert on_main(lambda: 3) == 3 and share([1, 2], lambda x: 2 * x) == [2, 4]
    with whole_batch():
        assert float(over_all(torch.tensor(4.0), once=1)) == 5


def test_a_state_that_missed_the_others_is_told(monkeypatch):
    state()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(X2VError, match=r"each believes to be alone.*PartialState\(cpu=True\)"):
        state()


def test_parts_of_a_model_are_refused(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(X2VError, match="FSDP.*MULTI_GPU"):
        state()


@pytest.mark.parametrize("names", [("WORLD_SIZE", "RANK"), ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")])
def test_what_is_not_made_for_many_is_the_main_ones(monkeypatch, names):
    for rank in (0, 1):
        monkeypatch.setenv(names[0], "2")
        monkeypatch.setenv(names[1], str(rank))
        with processes.taking_part(shared=False) as mine:
            assert mine == (rank == 0)


def test_a_mean_over_two_is_the_mean_over_the_batch(monkeypatch):
    """Each divides by half of what both have: the mean of both is the mean over all."""
    parts = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0])
    total = sum(len(part) for part in parts)
    monkeypatch.setattr(processes, "_mean_over_processes", lambda own, once: (total + once) / 2 + 0 * own)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with whole_batch():
        means = [part.sum() / over_all(torch.tensor(float(len(part)))) for part in parts]
    assert float(sum(means)) / 2 == float(torch.cat(parts).mean())
