"""What a user's captions are told before training."""

from __future__ import annotations

import pytest

from x2vkit.core.lexicon import Lexicon
from x2vkit.training.dataset import tell_long_captions
from x2vkit.world import World
from x2vkit.world.dataset import VideoFolder

LONG = "a red ball " * 3 + "at last"
FORMS = {
    "captions.csv": (f"video,caption\na.mp4,a ball\n\nb.mp4,{LONG}\n", "captions.csv, line 4"),
    "metadata.jsonl": (
        f'{{"file_name": "a.mp4", "text": "a ball"}}\n{{"file_name": "b.mp4", "text": "{LONG}"}}\n',
        "metadata.jsonl, line 2",
    ),
    "prompts.txt": (f"{LONG}\na ball\n", "prompts.txt, line 1"),
    "a.txt": (LONG, "a.txt, line 1"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_caption_that_is_too_long_is_told_with_its_line(tmp_path, name):
    text, place = FORMS[name]
    videos = tmp_path / "videos" if name == "captions.csv" else tmp_path
    videos.mkdir(exist_ok=True)
    for video in ("a.mp4", "b.mp4"):
        (videos / video).write_bytes(b"")
    (tmp_path / name).write_text(text)
    (tmp_path / "videos.txt").write_text("a.mp4\nb.mp4\n")
    if name == "a.txt":
        (tmp_path / "b.txt").write_text("a ball")
    reader = Lexicon(["a", "red", "ball", "at", "last"], max_words=9)
    with pytest.warns(UserWarning) as told:
        tell_long_captions(VideoFolder(tmp_path), reader)
    message = str(told[0].message)
    assert message.startswith("1 of 2 captions have over 9 words")
    assert f"({place}; of the first: 'at last')" in message


def test_captions_that_fit_are_not_spoken_of(recwarn):
    tell_long_captions(World(0), Lexicon(["a"], max_words=1))
    assert not recwarn.list
