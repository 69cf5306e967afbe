"""What tests share: calm threads, and a small made-up trace that no model is needed for."""

from __future__ import annotations

import os
from collections.abc import Callable

# Spinning thread pools on a small machine slow each other far more than twofold. Set before torch loads.
_threads = "2" if os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") == "1" else "1"
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, _threads)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from x2vkit.trace import Trace  # noqa: E402

STEPS, CHANNELS, HEADS, HEAD_DIM = 3, 4, 2, 8
WORDS = ("<start>", "red", "ball")


def build_trace(**changes: object) -> Trace:
    """Random numbers in a Trace's shapes: 5 frames of 32 x 48, 3 steps, attention at two places."""
    rng = np.random.default_rng(0)
    f, h, w = 2, 4, 6
    tokens = len(WORDS) + f * (h // 2) * (w // 2)

    def heads() -> np.ndarray:
        return rng.normal(size=(HEADS, tokens, HEAD_DIM)).astype(np.float16)

    parts: dict = {
        "request": {"prompt": "a red ball <3 & more", "seed": 7, "steps": STEPS},
        "words": WORDS,
        "unknown": ("flurb",),
        "t": np.linspace(1, 0, STEPS + 1, dtype=np.float32),
        "latents": rng.normal(size=(STEPS + 1, CHANNELS, f, h, w)).astype(np.float16),
        "pred_x0": rng.normal(size=(STEPS, CHANNELS, f, h, w)).astype(np.float16),
        "frames": rng.integers(0, 256, (5, 32, 48, 3), dtype=np.uint8),
        "fps": 12,
        "queries": {(0, 0): heads(), (2, 1): heads()},
        "keys": {(0, 0): heads(), (2, 1): heads()},
        "heads": (0, 1),
        "inputs": {"image": rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)},
        "plan": {"boxes": rng.random((5, 2, 4), dtype=np.float32)},
        "timings": {"total": 1.5},
        "flops": 123,
        "weights": "abc",
        "versions": {"x2vkit": "0.1.0"},
    }
    return Trace(**(parts | changes))


@pytest.fixture
def make_trace() -> Callable[..., Trace]:
    """Builds a made-up trace; keyword arguments replace fields."""
    return build_trace


@pytest.fixture
def trace() -> Trace:
    return build_trace()


@pytest.fixture
def clip() -> np.ndarray:
    """9 frames of 48 x 64 in which a bright square moves right."""
    frames = np.full((9, 48, 64, 3), (40, 90, 160), np.uint8)
    for i, frame in enumerate(frames):
        frame[16:32, 4 + 5 * i : 20 + 5 * i] = (250, 220, 60)
    return frames


@pytest.fixture(scope="session")
def pipeline():
    """A tiny pipeline of random weights, the same in every run. Tests that change it put it back."""
    import torch

    from x2vkit.config import PRESETS
    from x2vkit.core.sampler import make_scheduler
    from x2vkit.core.text import TextEncoder
    from x2vkit.core.transformer import VideoTransformer
    from x2vkit.core.vae import VideoVAE
    from x2vkit.pipeline.x2v import X2VPipeline

    torch.manual_seed(0)
    size = PRESETS["tiny"]
    transformer = VideoTransformer.from_model_config(size)
    vae = VideoVAE(latent_channels=size.latent_channels, widths=(16, 16, 16))
    with torch.no_grad():  # parts that start at zero would hide differences
        for parameter in transformer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for parameter in vae.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
        vae.preview_weight.normal_(std=0.1)
    vocabulary = ["a", "red", "blue", "ball", "dog", "bouncing"]
    text = TextEncoder(vocabulary, {"puppy": "dog"}, width=size.text_width, depth=1, max_words=6)
    pipe = X2VPipeline(vae.eval(), text.eval(), transformer.eval(), make_scheduler("euler"))
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="session")
def planning(pipeline):
    """The same pipeline with a tiny planner of random weights."""
    import torch

    from x2vkit.core.planner import Planner
    from x2vkit.pipeline.x2v import X2VPipeline

    torch.manual_seed(1)
    planner = Planner(pipeline.text_encoder.words, width=32, depth=1, heads=2)
    with torch.no_grad():
        for parameter in planner.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    parts = pipeline.vae, pipeline.text_encoder, pipeline.transformer, pipeline.scheduler, planner.eval()
    pipe = X2VPipeline(*parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="session")
def talker(pipeline):
    """The same pipeline with words for faces, and a tiny planner of random weights."""
    import torch

    from x2vkit.core.planner import Planner
    from x2vkit.core.text import TextEncoder
    from x2vkit.pipeline.x2v import X2VPipeline

    torch.manual_seed(2)
    words = "a red face dog talking . it is on the grass".split()
    text = TextEncoder(words, {}, width=pipeline.text_encoder.config.width, depth=1, max_words=12)
    planner = Planner(text.words, width=32, depth=1, heads=2)
    with torch.no_grad():
        for parameter in planner.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    parts = pipeline.vae, text.eval(), pipeline.transformer, pipeline.scheduler, planner.eval()
    pipe = X2VPipeline(*parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="session")
def browser():
    """Chromium, one for all tests of a run: a second one beside it is refused by Playwright in one thread."""
    from x2vkit.bench.pages import chromium

    with chromium() as running:
        yield running
