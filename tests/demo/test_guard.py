"""Errors as the page tells them, and files from elsewhere that are refused before anything fetches them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import gradio as gr
import pytest
from gradio.utils import get_return_types

from x2vkit.demo.guard import at_home, said, told
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


def test_uploads_and_words_pass():
    values = [{"path": "/tmp/gradio/a.png", "meta": META}, "http://example.com", None, {"a": [1, 2]}]
    assert at_home(values, OWN) == values


def test_an_upload_may_be_named_by_its_address():
    by_address = {"path": OWN[0] + "/tmp/gradio/a%20b.png", "meta": META}
    assert at_home([by_address], OWN) == [{"path": "/tmp/gradio/a b.png", "meta": META}]


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
