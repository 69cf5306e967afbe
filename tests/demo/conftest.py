"""A demo that runs: the page of the tiny pipeline on a free port, and what its computing leaves to be counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from x2vkit.demo import demo


@pytest.fixture(scope="session", autouse=True)
def gradio_folder(tmp_path_factory) -> Iterator[str]:
    """Gradio's files in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("gradio"))
        patch.setenv("GRADIO_TEMP_DIR", folder)
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        yield folder


@pytest.fixture(scope="session")
def served(pipeline, gradio_folder) -> Iterator[Any]:
    """The tiny pipeline's page, launched: `.page`, `.url`."""
    with launched(pipeline) as running:
        yield running


def launched(pipe: Any, **options: Any) -> Any:
    """A launched page as a context: `.page`, `.url`; closed at the end."""
    return _Launched(pipe, options)


class _Launched:
    def __init__(self, pipe: Any, options: dict[str, Any]) -> None:
        launch = options.pop("launch", {})
        self.page = demo(pipe, **options)
        self.page.launch(prevent_thread_lock=True, quiet=True, server_port=None, **launch)
        self.url = self.page.local_url

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close(verbose=False)


class FakePipeline:
    """Called as diffusers' video pipelines are: slow steps, a callback, frames in [0, 1]. Counts its steps."""

    fps = 9

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.steps, self.runs, self.raised = seconds, 0, 0, 0

    def __call__(
        self,
        prompt: str,
        num_inference_steps: int = 5,
        generator: Any = None,
        guidance_scale: float = 1.0,
        callback_on_step_end: Callable[..., dict] | None = None,
    ) -> Any:
        import torch

        self.runs += 1
        noise = torch.rand(1, 3, 3, 24, 32, generator=generator)  # (B, F, 3, H, W)
        for index in range(num_inference_steps):
            time.sleep(self.seconds)
            self.steps += 1
            if callback_on_step_end is not None:
                try:
                    callback_on_step_end(self, index, 0, {"latents": noise})
                except BaseException:
                    self.raised += 1
                    raise
        return SimpleNamespace(frames=noise)


@pytest.fixture
def fake() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def slow() -> FakePipeline:
    """A pipeline of a tenth of a second a step: long enough to leave in the middle."""
    return FakePipeline(0.1)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait until something holds, and fail after a while."""

    def wait(holds: Callable[[], object], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it never came to hold"
            time.sleep(0.02)

    return wait


def picture(width: int = 40, height: int = 30, seed: int = 0) -> np.ndarray:
    """A picture of noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
