"""Errors as the page tells them, and files from elsewhere that are refused before anything fetches them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.utils import get_return_types

from x2vkit.demo.guard import at_home, said, told, uploaded
from x2vkit.errors import X2VError

META = {"_type": "gradio.FileData"}
OWN = ("http://127.0.0.1:7860/gradio_api/file=",)


@pytest.mark.parametrize(
    "value",
    [
        {"path": "http://example.com/a.png", "meta": META},
        [1, {"image": {"path": "https://169.254.169.254/latest", "meta": META}}],
        {"path": "file:///etc/passwd", "meta": META},
        {"path": OWN[0] + "http://example.com/a.png", "meta": META},
    ],
)
def test_a_file_from_elsewhere_is_refused(value):
    with pytest.raises(gr.Error, match="never fetched"):
        at_home([value], OWN)


@pytest.fixture
def upload(gradio_folder) -> Path:
    """A file that came in through the page."""
    file = Path(gradio_folder) / "a b.png"
    file.write_bytes(b"an upload")
    return file


@pytest.fixture
def outside(tmp_path) -> Path:
    """A harmless file beside the upload folder."""
    file = tmp_path / "note.txt"
    file.write_text("nobody uploaded this")
    return file


def test_uploads_and_words_pass(upload):
    values = [{"path": str(upload), "meta": META}, "http://example.com", None, {"a": [1, 2]}]
    assert at_home(values, OWN) == values


def test_an_upload_may_be_named_by_its_address(upload):
    by_address = {"path": OWN[0] + str(upload).replace(" ", "%20"), "meta": META}
    assert at_home([by_address], OWN) == [{"path": str(upload), "meta": META}]


FORMS = {
    "marked": lambda path: {"path": path, "meta": META},
    "unmarked": lambda path: {"path": path},
    "nested": lambda path: {"image": [{"path": path}]},
    "by address": lambda path: {"path": OWN[0] + path},
    "around a corner": lambda path: {"path": f"{gradio_upload_folder()}/../{'../' * 40}{path}"},
}


def gradio_upload_folder() -> str:
    from gradio.utils import get_upload_folder

    return get_upload_folder()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_nobody_uploaded_is_refused_whatever_its_form(form, outside):
    answers = []
    for path in (outside, outside.with_name("there is no such file.txt")):
        with pytest.raises(gr.Error, match="uploaded, not named") as refused:
            at_home([FORMS[form](str(path))], OWN)
        answers.append(refused.value.message)
    assert answers[0] == answers[1], "a visitor must not learn which files exist"


@pytest.mark.parametrize("value", [None, 7, "", "a\0b", ["/etc"], {"path": "x"}, "x" * 10_000, "."])
def test_what_is_no_path_is_no_upload(value):
    with pytest.raises(X2VError, match="uploaded, not named"):
        uploaded(value)


def test_a_link_in_the_upload_folder_does_not_lead_out(upload, outside):
    link = upload.with_name("link.png")
    link.symlink_to(outside)
    with pytest.raises(X2VError, match="uploaded, not named"):
        uploaded(str(link))
    assert uploaded(str(upload)) == str(upload.resolve())
    link.unlink()


def test_an_error_is_text_and_never_html():
    error = told(X2VError("prompt '<img src=x onerror=alert(1)>'", "it is too <b>bold</b>", "use less"))
    assert "<" not in error.message and "too &lt;b&gt;bold" in error.message


def test_a_bug_is_told_to_the_terminal_alone(capsys):
    error = told(KeyError("/secret/path"))
    assert "secret" not in error.message and "/secret/path" in capsys.readouterr().err


def test_a_generator_keeps_its_manual_and_tells_what_it_yields():
    def run(a: int, b: str = "x") -> Generator[tuple[int, str], None, None]:
        """The manual."""
        yield a, b
        raise X2VError("a", "it ends", "stop")

    wrapped: Any = said(run)
    assert wrapped.__doc__ == "The manual." and get_return_types(wrapped) == [int, str]
    made = wrapped(1)
    assert next(made) == (1, "x")
    with pytest.raises(gr.Error, match="it ends"):
        next(made)
