"""`x2vkit look`: from a pipeline's folder to a trace that opens where there is no torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.adapters.families import wan
from x2vkit.adapters.asking import Range, asking_of
from x2vkit.cli.commands import main
from x2vkit.errors import X2VError
from x2vkit.trace import Trace


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny pipeline on disk."""
    path = tmp_path_factory.mktemp("wan")
    wan().pipe.save_pretrained(path)
    return path


SIZE = ["--steps", "2", "--num-frames", "5", "--height", "32", "--width", "48", "--guidance", "1"]


def test_a_folder_becomes_a_trace_and_the_trace_a_page_without_torch(folder, tmp_path, capsys):
    path = tmp_path / "cat.x2v"
    asked = [
        "look",
        "--pipeline",
        str(folder),
        "--prompt",
        "a red ball",
        "-o",
        str(path),
        *SIZE,
        "--seed",
        "4",
    ]
    assert main([*asked, "--attention-steps", "0", "--layers", "0", "--heads", "1", "--compact"]) == 0
    said = capsys.readouterr().out
    assert "5 frames of 48 x 32, 2 steps on cpu" in said and "attention of 1 heads at" in said
    trace = Trace.load(path)
    assert (
        trace.prompt == "a red ball" and trace.heads == (1,) and {step for step, _ in trace.captured} == {0}
    )
    look = "; ".join(
        (
            "import sys, x2vkit as x",
            f"t = x.Trace.load({str(path)!r})",
            "v = [x.views.Denoise(t), x.views.Patches(t), x.views.Attention(t), x.views.Compare([t, t])]",
            f"x.views.html(v, {str(tmp_path / 'page.html')!r})",
            "[one.data() for one in v]",
            "print('torch' in sys.modules)",
        )
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
    assert 100_000 < (tmp_path / "page.html").stat().st_size < 5_000_000


def test_what_cannot_be_is_told_before_anything_loads(folder, tmp_path, capsys):
    for wrong, told in (
        (["--pipeline", str(tmp_path), "--prompt", "a"], "nothing is downloaded"),
        (["--pipeline", str(folder), "--prompt", "a", "-o", "clip.mp4"], ".x2v"),
        (["--pipeline", str(folder), "--prompt", "a", "--image", str(tmp_path / "no.png")], "no.png"),
    ):
        assert main(["look", *wrong]) == 2
        assert told in capsys.readouterr().err


def test_a_pipelines_rules_are_read_from_it():
    asking = asking_of(wan().pipe)
    assert asking.steps == 50 and asking.guidance == 5.0 and not asking.image
    assert asking.ranges["num_frames"] == Range(81, 1, 4, 321)
    assert asking.ranges["height"] == Range(480, 16, 16, 960)
    call = asking.call({"prompt": "a", "steps": 3, "num_frames": 9, "guidance": None, "height": 64})
    assert call == {"prompt": "a", "num_inference_steps": 3, "num_frames": 9, "height": 64}
    with pytest.raises(X2VError, match="use 9 or 13"):
        asking.call({"num_frames": 10})
    with pytest.raises(X2VError, match="takes no image"):
        asking.call({"image": np.zeros(3)})
    with pytest.raises(X2VError, match="diffusers video pipeline"):
        asking_of(lambda prompt: None)


def test_a_pipeline_that_starts_from_a_picture_says_so():
    class Pictured:
        def __call__(self, image, prompt=None, frames=17, num_inference_steps=2, generator=None):
            """As image-to-video pipelines are called."""

    asking = asking_of(Pictured())
    assert asking.image and asking.image_needed and asking.frames_name == "frames"
    assert asking.call({"image": 1, "num_frames": 7}) == {"image": 1, "frames": 7}
    with pytest.raises(X2VError, match="give a picture"):
        asking.call({"prompt": "a"})
