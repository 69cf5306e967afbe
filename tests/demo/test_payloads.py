"""What the page's scripts are told: true pictures, small messages, and a view's page that stays locked."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from x2vkit.config import RunRequest
from x2vkit.demo import payloads
from x2vkit.demo.made import Made, Progress
from x2vkit.errors import X2VError


def opened(message: payloads.Message) -> np.ndarray:
    """A sprite sheet's frames, as the page cuts them."""
    kind, data = message["sheet"].split(",", 1)
    assert kind == "data:image/jpeg;base64"
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    return sheet.reshape(message["frames"], -1, *sheet.shape[1:])


@pytest.fixture
def made(clip) -> Made:
    request = RunRequest(prompt='a <b>"dog"</b> & </script>', seed=5, steps=20, guidance=4.0)
    return Made(request, clip, 12, 0.8, ("dog",), ("b",), ("a note",))


def test_a_sprite_sheet_holds_the_frames_in_order(clip):
    message = payloads.sprite_sheet(clip, 12)
    frames = opened(message)
    assert frames.shape == clip.shape and (message["width"], message["height"]) == (64, 48)
    assert np.abs(frames.astype(int) - clip).mean() < 6


def test_large_clips_make_small_sheets():
    message = payloads.sprite_sheet(np.zeros((81, 480, 832, 3), np.uint8), 16)
    assert len(message["sheet"]) < 100_000 and message["frames"] <= payloads.SHEET_FRAMES
    assert message["frames"] / message["fps"] == pytest.approx(81 / 16)  # as long as the clip
    assert (message["width"], message["height"]) == (832, 480)


def test_messages_are_json_and_small(made, gradio_folder):
    message = payloads.clip("id", made, payloads.film(made), inside=True)
    assert len(json.dumps(message)) < 60_000
    assert message["prompt"] == made.request.prompt and message["metadata"][0] == "seed 5"
    step = payloads.step(Progress(3, 20, 0.7, made.frames))
    assert (step["step"], step["steps"], step["noise"]) == (3, 20, 70)
    assert payloads.step(Progress(3, 20))["noise"] is None
    json.dumps([step, payloads.trouble(X2VError("a", "b", "c"))])


def test_films_are_files_that_a_browser_plays(made, gradio_folder):
    record = payloads.film(made)
    path = Path(record["path"])
    assert path.is_relative_to(gradio_folder)
    assert path.read_bytes()[4:8] == b"ftyp"
    assert re.fullmatch(r"[a-z0-9-]+\.mp4", path.name)
    assert payloads.film(made) == record  # the same clip is kept once


def test_examples_cost_nothing_but_reading(monkeypatch):
    message = payloads.example("dog", False)
    assert message["example"] and message["inside"] and message["film"] is None
    assert message["settings"]["prompt"] == message["prompt"]


def test_a_views_page_may_run_one_script_more_and_nothing_else(made):
    import x2vkit.views

    page = x2vkit.views.Denoise().to_html()
    telling = payloads.telling(page)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', telling)
    assert policy and policy[1].startswith("default-src 'none'")
    assert policy[1].count("sha256-") == 2 and "unsafe" not in policy[1].split("style-src")[0]
    assert telling.count("<script") == page.count("<script") + 1
    assert telling.endswith("</script></body>\n</html>\n")
