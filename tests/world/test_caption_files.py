"""Captions in the forms that people have them: no text is lost, and a bad row is named with its line."""

from __future__ import annotations

import json

import pytest

from x2vkit.errors import X2VError
from x2vkit.world.caption_files import read_captions


def written(folder, name, data):
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


@pytest.mark.parametrize(
    ("line", "caption"),
    [
        ('a.mp4,"a cat, asleep"', "a cat, asleep"),
        ('a.mp4, "a cat, asleep"', "a cat, asleep"),
        ('a.mp4,"a ""red"" cat"', 'a "red" cat'),
        ('a.mp4,a 5" disk', 'a 5" disk'),
        ("a.mp4,  l'eau \u2028 claire ", "l'eau claire"),
    ],
)
def test_a_row_is_read_whole(tmp_path, line, caption):
    folder = written(tmp_path, "captions.csv", f"video,caption\n\n{line}\nb.mp4,a dog\n")
    assert read_captions(folder).rows == [("a.mp4", caption), ("b.mp4", "a dog")]


@pytest.mark.parametrize(
    "line",
    [
        *("a.mp4,a cat, asleep", 'a.mp4,"a cat', 'a.mp4,"a cat" asleep', "a.mp4,", "a.mp4,  ", ",a cat"),
        "a.mp4", "a.mp4,!!!", "a.mp4,🙂",
        "../a.mp4,a cat", "/etc/a.mp4,a cat", "C:\\a.mp4,a cat", "x\\..\\a.mp4,a cat",
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_with_its_line(tmp_path, line):
    folder = written(tmp_path, "captions.csv", f'video,caption\nb.mp4,a dog\n{line}\nc.mp4,a "hat"\n')
    with pytest.raises(X2VError, match="line 3"):
        read_captions(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(tmp_path, encoding):
    folder = written(tmp_path, "captions.csv", "video,caption\na.mp4,un café\n".encode(encoding))
    if encoding in ("cp1252", "utf-16-le"):
        with pytest.raises(X2VError, match="UTF-8"):
            read_captions(folder)
    else:
        assert read_captions(folder).rows == [("a.mp4", "un café")]


def test_the_forms_of_other_tools(tmp_path):
    rows = [("a.mp4", "a cat, asleep"), ("sub/b.mp4", "a dog")]
    csv, jsonl, lists, beside = (tmp_path / name for name in ("csv", "jsonl", "lists", "beside"))
    for folder in (csv, jsonl, lists, beside):
        folder.mkdir()
    written(csv, "metadata.csv", 'file_name,text,source\na.mp4,"a cat, asleep",x\nsub/b.mp4,a dog,\n')
    lines = [json.dumps({"file_name": name, "text": text, "more": 1}) for name, text in rows]
    written(jsonl, "metadata.jsonl", "\n".join(lines))
    written(written(lists, "prompts.txt", "a cat, asleep\na dog\n"), "videos.txt", "a.mp4\nsub/b.mp4\n")
    for folder in (csv, jsonl, lists):
        assert read_captions(folder).rows == rows and read_captions(folder).base == folder
    for name in ("a.mp4", "b.MOV"):
        written(beside, name, b"x")
    written(written(beside, "a.txt", "a cat,\nasleep"), "b.txt", "a dog")
    assert read_captions(beside).rows == [("a.mp4", "a cat, asleep"), ("b.MOV", "a dog")]
    (beside / "b.txt").unlink()
    with pytest.raises(X2VError, match=r"b\.txt"):
        read_captions(beside)


def test_lists_of_unlike_length_and_two_forms_are_refused(tmp_path):
    written(written(tmp_path, "prompts.txt", "a cat\na dog\n"), "videos.txt", "a.mp4\n")
    with pytest.raises(X2VError, match="2 lines"):
        read_captions(tmp_path)
    written(tmp_path, "captions.csv", "video,caption\na.mp4,a cat\n")
    with pytest.raises(X2VError, match="one file"):
        read_captions(tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"file_name": "a.mp4"}', '{"file_name": "a.mp4", "text": 7}'])
def test_a_bad_line_of_json_is_refused(tmp_path, line):
    written(tmp_path, "metadata.jsonl", f'{{"file_name": "a.mp4", "text": "x"}}\n{line}\n')
    with pytest.raises(X2VError, match="line 2"):
        read_captions(tmp_path)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    folder = written(tmp_path, "captions.csv", "video,caption,caption\na.mp4,a cat,a dog\n")
    with pytest.raises(X2VError, match="each one column"):
        read_captions(folder)
