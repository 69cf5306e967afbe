"""`x2vkit train` from the outside: a run from start to weights, and what it refuses."""

from __future__ import annotations

import imageio_ffmpeg
import mediapy
import numpy as np
import pytest
import torch

from x2vkit.cli import main
from x2vkit.core.vae import VideoVAE

RECIPE = """
task = "diffusion"
[engine]
steps = 4
batch = 2
log_every = 1
eval_every = 4
sample_grid_every = 0
save_every = 2
[model]
latent_channels = 4
width = 48
depth = 2
heads = 2
text_width = 32
text_depth = 1
[data]
validation = 2
[[data.buckets]]
frames = 5
height = 32
width = 32
clips = 4
"""


@pytest.fixture
def paths(tmp_path):
    """A small recipe and an untrained autoencoder on disk."""
    torch.manual_seed(0)
    VideoVAE(latent_channels=4, widths=(8, 8, 8)).save_pretrained(tmp_path / "vae")
    (tmp_path / "mine.toml").write_text(RECIPE)
    return tmp_path


def train(paths, *more: str) -> int:
    fixed = ["--vae", str(paths / "vae"), "--out", str(paths / "out")]
    return main(["train", str(paths / "mine.toml"), *fixed, *more])


def test_a_run_goes_from_recipe_to_weights(paths):
    assert train(paths) == 0
    assert {"checkpoints", "latents", "pipeline", "log.jsonl", "recipe.json"} <= {
        path.name for path in (paths / "out").iterdir()
    }
    assert train(paths) == 2  # the folder holds a run
    assert train(paths, "--resume", "--steps", "6") == 0  # and can be made longer


def test_export_only_writes_the_weights_of_the_checkpoint(paths):
    assert train(paths, "--minutes", "0.0000001") == 0
    (paths / "out" / "pipeline" / "model_index.json").unlink()
    assert train(paths, "--export-only") == 0
    assert (paths / "out" / "pipeline" / "model_index.json").exists()


def test_a_folder_of_videos_stands_in_the_worlds_place(paths, capsys):
    mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
    videos = paths / "mine" / "videos"
    videos.mkdir(parents=True)
    for i in range(2):
        mediapy.write_video(videos / f"{i}.mp4", np.full((12, 40, 40, 3), 100 * i, np.uint8), fps=12)
    (videos / "broken.mp4").write_bytes(b"no video")
    text = "video,caption\n0.mp4,a zeppelin\nbroken.mp4,nothing\n1.mp4,a red wall\n"
    (paths / "mine" / "captions.csv").write_text(text)
    assert train(paths, "--videos", str(paths / "mine")) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "broken.mp4" in line]
    assert len(notes) == 1 and notes[0].startswith("note: broken.mp4 cannot be read")
    from x2vkit.core.text import TextEncoder

    reader = TextEncoder.from_pretrained(paths / "out" / "pipeline" / "text_encoder")
    assert "zeppelin" in reader.tokenize("a zeppelin").words  # the captions' own words are learned


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--steps", "0"], "--steps 0"),
        (["--minutes", "-1"], "--minutes -1"),
        (["--vae", "/nowhere"], "/nowhere"),
        (["--videos", "/nowhere"], "captions.csv"),
        (["--resume"], "it holds no checkpoint"),
    ],
)
def test_bad_input_is_told_in_a_line(paths, capsys, arguments, told):
    assert train(paths, *arguments) == 2
    err = capsys.readouterr().err
    assert told in err and len(err.strip().splitlines()) == 1


def test_an_unknown_recipe_lists_the_known(capsys):
    assert main(["train", "nothing"]) == 2
    known = "planner, planner-turn, small, small-detail, small-gpu, small-plan, small-steer, small-turn, "
    known += "small-warp, tiny, tune, upscale, vae"
    assert known in capsys.readouterr().err
