"""What tests of the demo share, here and in tests/browser: a launched page, a pipeline that counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from x2vkit.demo import demo


@contextmanager
def own_folder(folder: str) -> Iterator[str]:
    """Gradio's files in a folder of the tests' own, and nothing counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", folder)
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        yield folder


@contextmanager
def launched(pipe: Any, launch: dict[str, Any] | None = None, **options: Any) -> Iterator[SimpleNamespace]:
    """A launched page: `.page`, `.url`; closed at the end."""
    page = demo(pipe, **options)
    page.launch(prevent_thread_lock=True, quiet=True, **launch or {})
    try:
        yield SimpleNamespace(page=page, url=page.local_url)
    finally:
        page.close(verbose=False)


def wait_until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds, and fail after a while."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


class FakePipeline:
    """Called as diffusers' video pipelines are: steps, a callback, frames in [0, 1]. Counts its steps."""

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
