"""A demo that runs: the page of the tiny pipeline on a free port, and pipelines that count their steps."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.demo.demos import FakePipeline, launched, own_folder


@pytest.fixture(scope="session", autouse=True)
def gradio_folder(tmp_path_factory) -> Iterator[str]:
    """Gradio's files in a folder of the tests' own."""
    with own_folder(str(tmp_path_factory.mktemp("gradio"))) as folder:
        yield folder


@pytest.fixture(scope="session")
def served(pipeline, gradio_folder) -> Iterator[SimpleNamespace]:
    """The tiny pipeline's page, launched: `.page`, `.url`."""
    with launched(pipeline) as running:
        yield running


@pytest.fixture
def fake() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def slow() -> FakePipeline:
    """A pipeline of a tenth of a second a step: long enough to leave in the middle."""
    return FakePipeline(0.1)
