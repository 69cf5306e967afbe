"""The worked example of tuning: its clips are what the page says, and small cannot read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from x2vkit.core.lexicon import Lexicon
from x2vkit.registry import shipped
from x2vkit.world.dataset import VideoFolder

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "tune.md"


def test_the_example_draws_clips_that_the_model_cannot_read(tmp_path):
    (tmp_path / "jellyfish.py").write_text(PAGE.read_text().split("```python\n")[1].split("```")[0])
    subprocess.run([sys.executable, "jellyfish.py", "mine", "2"], cwd=tmp_path, check=True)
    clips = VideoFolder(tmp_path / "mine")
    reader = Lexicon.load(shipped()["small"])
    unknown = [word for _, caption in clips.rows for word in reader.tokenize(caption).unknown]
    assert unknown == ["pink", "jellyfish", "rising", "deep", "jellyfish", "sinking", "deep"]
    pink = clips.sample(0).frames  # (17, 128, 128, 3)
    bell = (pink[..., 0].astype(int) - pink[..., 2] > 20).sum((1, 2))
    assert bell.min() > 200 and np.ptp(bell) > 40  # it is there in every frame, opens and closes
    where = [np.argwhere(frame[..., 0] > 150)[:, 0].mean() for frame in pink]
    assert where[-1] < where[0] - 5  # and rises
