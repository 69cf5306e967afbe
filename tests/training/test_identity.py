"""A run is resumed on what it was trained with: more words and videos may come, nothing else may differ."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.test_cli import RECIPE
from x2vkit.cli import main
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.media import write_clip
from x2vkit.training.checkpoint import load_checkpoint
from x2vkit.training.identity import RunIdentity, with_new_rows

ROWS = {"a": "a zebra running", "b": "a red kite", "c": "a zebra resting"}


def write(folder, rows: dict[str, str]) -> None:
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    for name in rows:
        if not (folder / "videos" / f"{name}.mp4").exists():
            picture = np.full((5, 32, 32, 3), 20 * ord(name[0]) % 250, np.uint8)
            write_clip(folder / "videos" / f"{name}.mp4", picture, 12)
    lines = [f"{name}.mp4,{caption}" for name, caption in rows.items()]
    (folder / "captions.csv").write_text("\n".join(["video,caption", *lines]))


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A run on three videos, two steps of it done, and its words' embeddings."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    VideoVAE(latent_channels=4, widths=(8, 8, 8)).save_pretrained(folder / "vae")
    (folder / "mine.toml").write_text(RECIPE)
    write(folder / "mine", ROWS)
    assert train(folder, "--steps", "2", "--videos", str(folder / "mine")) == 0
    return folder


@pytest.fixture
def run(started, tmp_path):
    """A copy of that run, which a test may change."""
    shutil.copytree(started, tmp_path / "run")
    return tmp_path / "run"


def train(folder, *more: str, recipe: str = "mine.toml") -> int:
    fixed = ["--vae", str(folder / "vae"), "--out", str(folder / "out")]
    return main(["train", str(folder / recipe), *fixed, *more])


def resume(folder, *more: str) -> int:
    return train(folder, "--resume", "--steps", "3", "--videos", str(folder / "mine"), *more)


def embeddings(folder) -> dict[str, torch.Tensor]:
    groups, state = load_checkpoint(folder / "out" / "checkpoints")
    table = groups["model"]["text_encoder.token_embed.weight"]
    assert len(table) == len(state["identity"]["words"])
    return dict(zip(state["identity"]["words"], table, strict=True))


def test_new_words_stand_behind_the_old_ones_whose_embeddings_stay(run):
    before = embeddings(run)
    assert list(before)[-2:] == ["zebra", "kite"]
    # "aardvark" and "apple" sort before every word there is; "b" loses a word, and "d" is a new video.
    write(run / "mine", ROWS | {"b": "a aardvark kite", "d": "apple"})
    assert resume(run) == 0
    after = embeddings(run)
    assert list(after)[: len(before)] == list(before)
    assert list(after)[len(before) :] == ["aardvark", "apple"]
    # One small step: an embedding moves by its learning rate, and a neighbour's would be far away.
    assert all((after[word] - before[word]).abs().max() < 0.1 for word in before)
    assert (after["zebra"] - before["kite"]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda mine: write(mine, {k: ROWS[k] for k in "ab"}), "no longer has"),
        (lambda mine: write(mine, {k: ROWS[k] for k in "bac"}), "stand in another order"),
        (lambda mine: write(mine, ROWS | {"b": "a red zebra"}), "was 'a red kite'"),
        (lambda mine: write(mine, ROWS | {"b": "a kite"}), "was 'a red kite'"),
        (
            lambda mine: shutil.copy(mine / "videos" / "a.mp4", mine / "videos" / "c.mp4"),
            "c.mp4: not the file",
        ),
    ],
)
def test_other_data_is_refused_and_nothing_is_touched(run, capsys, change, told):
    files = {path: path.read_bytes() for path in (run / "out").rglob("*") if path.is_file()}
    change(run / "mine")
    assert resume(run) == 2
    err = capsys.readouterr().err
    assert told in err and ("--init-from" in err or "in the order they had" in err)
    assert files == {path: path.read_bytes() for path in (run / "out").rglob("*") if path.is_file()}


def test_a_run_on_videos_does_not_go_on_with_the_world(run, capsys):
    source = load_checkpoint(run / "out" / "checkpoints")[1]["identity"]["source"]
    files = {path: path.read_bytes() for path in (run / "out").rglob("*") if path.is_file()}
    for option in ("--resume", "--export-only"):
        assert train(run, option, "--steps", "3") == 2
        assert f"add --videos {source}" in capsys.readouterr().err
    assert train(run, "--steps", "3") == 2  # without --resume: before a latent is rendered anew
    assert "already holds a run" in capsys.readouterr().err
    assert files == {path: path.read_bytes() for path in (run / "out").rglob("*") if path.is_file()}


def test_a_run_on_the_world_does_not_go_on_with_videos(run, capsys):
    shutil.rmtree(run / "out")
    assert train(run, "--steps", "1") == 0
    assert resume(run) == 2
    assert "trained on the built-in world" in capsys.readouterr().err


def test_another_autoencoder_or_recipe_is_refused(run, capsys):
    torch.manual_seed(1)
    VideoVAE(latent_channels=4, widths=(8, 8, 8)).save_pretrained(run / "other")
    assert resume(run, "--vae", str(run / "other")) == 2
    assert "another autoencoder" in capsys.readouterr().err
    assert resume(run, "--batch", "3") == 2
    assert "engine.batch is 3, and was 2. give --batch 2 again" in capsys.readouterr().err
    text = (run / "mine.toml").read_text()
    (run / "mine.toml").write_text(text.replace("width = 48", "width = 64"))
    assert resume(run) == 2
    err = capsys.readouterr().err
    assert "model.width is 64, and was 48" in err and "out/recipe.json" in err


@pytest.mark.parametrize(
    ("then", "now", "cure"),
    [
        ({}, {"lora": 8}, "leave --lora out, or train"),
        ({"lora": 8}, {}, "give --lora 8 again, or train"),
        ({"lora": 8}, {"lora": 4, "init_from": "base"}, "give --lora 8 again and leave --init-from out, or"),
        ({"lora": 8}, {"lora": 8, "task": "vae", "init_from": "small"}, "resume with out/recipe.json"),
    ],
)
def test_the_cure_names_the_options_alone_only_where_they_are_all_that_differs(then, now, cure):
    def identity(data: dict) -> RunIdentity:
        data = dict(data)
        return RunIdentity({"task": data.pop("task", "tune"), "data": data})

    with pytest.raises(X2VError, match=cure):
        identity(now).check(identity(then), Path("out"))


def test_rates_may_change_and_the_runs_own_recipe_serves(run):
    text = (run / "mine.toml").read_text()
    (run / "mine.toml").write_text(text.replace("log_every = 1", "log_every = 1\nmuon_lr = 1e-4"))
    assert resume(run) == 0
    fixed = ["--videos", str(run / "mine"), "--resume", "--steps", "4"]
    assert train(run, *fixed, recipe="out/recipe.json") == 0


@pytest.mark.parametrize("recipe", ["planner", "judge-frames", "judge-motion"])
def test_what_needs_exact_truth_does_not_ignore_videos(recipe, started, capsys):
    out = ["--videos", str(started / "mine"), "--out", str(started / recipe)]
    assert main(["train", recipe, *out]) == 2
    err = capsys.readouterr().err
    assert "exact" in err and "x2vkit train tune --videos DIR" in err


def test_there_is_nothing_to_export_before_the_first_checkpoint(tmp_path, started, capsys):
    fixed = ["--vae", str(started / "vae"), "--out", str(tmp_path)]
    assert main(["train", str(started / "mine.toml"), *fixed, "--export-only"]) == 2
    assert "it holds no checkpoint" in capsys.readouterr().err


def test_only_tables_that_grew_get_new_rows():
    fresh = torch.arange(8.0).view(4, 2)
    torch.testing.assert_close(with_new_rows(-fresh[:2], fresh), torch.cat([-fresh[:2], fresh[2:]]))
    for saved in (-fresh, -torch.ones(5, 2), -torch.ones(2, 3)):
        assert with_new_rows(saved, fresh) is saved
