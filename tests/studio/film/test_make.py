"""A film's shots are made once, kept, and joined; only what changed is made again."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from x2vkit import Shot, Storyboard, Trace, X2VError, film
from x2vkit.studio.film import make


def board(**changes):
    shots = [Shot("a red ball", seconds=0.4), Shot("a blue ball", "bouncing", seconds=0.8, cut="fade")]
    return Storyboard(**{"title": "Two balls", "shots": shots} | changes)


def make_film(pipeline, folder, one=None, **options):
    return film(one or board(), folder=folder, pipeline=pipeline, steps=2, **options)


def test_only_what_changed_is_made_again(pipeline, tmp_path):
    first = make_film(pipeline, tmp_path)
    assert first.made == (0, 1)
    assert make_film(pipeline, tmp_path).made == ()
    assert make_film(pipeline, tmp_path, board(shots=board().shots[::-1])).made == ()  # reordered
    changed = board()
    changed.shots[1].take = 1
    again = make_film(pipeline, tmp_path, changed)
    assert again.made == (1,)
    assert np.array_equal(again.traces[0].frames, first.traces[0].frames)
    assert not np.array_equal(again.traces[1].frames, first.traces[1].frames)


def test_a_film_that_was_stopped_goes_on(pipeline, tmp_path):
    def stop(report):
        if report.shot == 1 and report.step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_film(pipeline, tmp_path, on_shot=stop)
    assert make_film(pipeline, tmp_path).made == (1,)


def test_words_are_heard_over_who_has_no_mouth(pipeline, tmp_path):
    spoken = board(shots=[Shot("a red ball", seconds=0.8, says="hello")])
    made = make_film(pipeline, tmp_path, spoken, sound=False)
    assert made.traces[0].sound is not None and np.abs(made.sound[:9600].astype(int)).max() > 1000
    silent = make_film(pipeline, tmp_path, board(shots=[Shot("a red ball", seconds=0.8)]), sound=False)
    assert silent.made == (0,) and silent.sound is None


def test_a_damaged_shot_is_made_again(pipeline, tmp_path):
    make_film(pipeline, tmp_path)
    file = next(tmp_path.glob("a-red*"))
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.warns(UserWarning, match="is made again"):
        assert make_film(pipeline, tmp_path).made == (0,)
    assert Trace.load(file).prompt == "a red ball"


def test_the_film_is_its_shots_with_a_fade_between(pipeline, tmp_path):
    made = make_film(pipeline, tmp_path)
    a, b = made.clips
    assert (len(a), len(b), made.count, len(made.frames)) == (5, 13, 16, 16)  # two frames overlap
    assert np.array_equal(made.frames[:3], a[:3])
    assert np.array_equal(made.frames[5:], b[2:])
    mixed = (2 * a[3].astype(float) + b[0]) / 3
    assert np.abs(made.frames[3] - mixed).max() <= 1
    assert [round(12 * second) for second, _ in made.chapters] == [0, 3]


def test_the_file_holds_sound_titles_and_chapters(pipeline, tmp_path):
    path = tmp_path / "balls.mp4"
    made = film(board(), path, pipeline=pipeline, steps=2)
    with av.open(str(path)) as opened:
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
        chapters = opened.chapters()
        assert opened.metadata["title"] == "Two balls" and len(opened.streams.audio) == 1
    assert len(frames) == 16 and frames[0].shape == (512, 512, 3)
    assert [chapter["metadata"]["title"] for chapter in chapters] == ["a red ball", "a blue ball bouncing"]
    with av.open(io.BytesIO(film_without_title(made))) as opened:
        plain = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    lower = np.abs(frames[5][380:440].astype(float) - plain[5][380:440]).mean()
    upper = np.abs(frames[5][:200].astype(float) - plain[5][:200]).mean()
    assert lower > 3 * upper + 1
    assert path.with_suffix(".png").exists() and len(list((tmp_path / "balls-shots").iterdir())) == 2
    assert Storyboard.from_dict(make.json.loads(metadata(path))) == board()


def film_without_title(made):
    return make.Film(board(title=""), made.traces, made.sound).mp4()


def metadata(path):
    with av.open(str(path)) as opened:
        return opened.metadata["comment"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"one": board(shots=[Shot("x")] * 500)}, "at most 60"),
        ({"one": 3}, "Storyboard"),
        ({"one": ""}, "idea"),
        ({"one": "no-such.toml"}, "no such file"),
        ({"path": "no/such/folder.mp4"}, "does not exist"),
        ({"path": "film.avi"}, "suffix"),
        ({"sound": "no.wav"}, "no.wav"),
        ({"steps": 0}, "steps=0"),
        ({"guidance": float("nan")}, "guidance=nan"),
        ({"folder": "/proc/film"}, "shots are kept there"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(pipeline, tmp_path, options, said):
    given = {"board": board(), "folder": tmp_path, "pipeline": pipeline} | options
    given["board"] = given.pop("one", given["board"])
    with pytest.raises(X2VError, match=said):
        film(**given)
    assert not list(tmp_path.glob("*"))
