"""Enlarging a clip: what comes out fits its trace, and what cannot be enlarged is told."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
import torch

from x2vkit.core.upscaler import Upscaler, bicubic
from x2vkit.errors import X2VError
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.studio.upscale import encoded, upscale
from x2vkit.trace import Trace
from x2vkit.world import World


@pytest.fixture(scope="module")
def head(pipeline, tmp_path_factory):
    """The folder of a head that draws what the pipeline's decoder draws, by bicubic interpolation."""
    made = Upscaler(
        widths=(*pipeline.vae.config.widths, 8), depths=(0, *pipeline.vae.config.decoder_depths[1:])
    )
    made.start_from(pipeline.vae)
    folder = tmp_path_factory.mktemp("head")
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return World(2).sample(3, 5, 32, 48).frames


@pytest.fixture
def trace(pipeline, make_trace, frames) -> Trace:
    """A run whose frames are what its latents draw."""
    latents = encoded(frames, 12, pipeline.vae).latents
    drawn = pipeline.decode(torch.tensor(latents[-1:]).float())[0]
    channels = pipeline.vae.config.latent_channels
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(768, channels)), rng.normal(size=768)
    return make_trace(
        latents=np.concatenate([latents, latents]),
        pred_x0=np.concatenate([latents, latents[:1]]),
        frames=drawn,
        preview_weight=(0.1 * weight).astype(np.float16),
        preview_bias=(0.1 * bias).astype(np.float16),
        made_by={"call": "extend", "seconds": 2},
    )


def small(large: np.ndarray) -> np.ndarray:
    """A clip at half its size: the mean of each 2 x 2 pixels."""
    frames, height, width, _ = large.shape
    return large.reshape(frames, height // 2, 2, width // 2, 2, 3).mean(axis=(2, 4))


def test_a_clip_is_itself_when_it_is_made_small_again_and_sharper_than_by_interpolation(pipeline):
    truth, given = (World(2).sample(3, 5, side, side).frames for side in (128, 64))
    large = upscale(given, pipeline=pipeline).frames
    assert np.abs(small(large) - given).mean() < 1
    video = torch.tensor(given).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    plain = to_uint8(bicubic(video).clamp(-1, 1))[0]
    errors = [np.square(made.astype(float) - truth).mean() for made in (large, plain)]
    assert errors[0] < 0.95 * errors[1]


def test_a_head_draws_a_trace_from_its_latents_and_it_stays_the_run_that_it_is(
    pipeline, trace, head, tmp_path
):
    large = upscale(trace, head=head, pipeline=pipeline)
    latents = torch.tensor(trace.latents[-1:]).float()
    with torch.no_grad():
        expected = to_uint8(bicubic(pipeline.vae.decode_latents(latents)).clamp(-1, 1))[0]
    assert np.abs(large.frames.astype(int) - expected).max() <= 1
    assert large.frames.shape == (5, 64, 96, 3)
    assert large.geometry == replace(trace.geometry, spatial_stride=16)
    call = {"call": "upscale", "factor": 2, "head": str(head)}
    assert large.made_by == call | {"clip": {"call": "extend", "seconds": 2}}
    assert large.grid == trace.grid and large.captured == trace.captured
    box, small = (each.geometry.token_box(7, each.grid) for each in (large, trace))
    assert (box.y0, box.x1) == (2 * small.y0, 2 * small.x1)
    np.testing.assert_array_equal(large.preview(1)[:, ::2, ::2], trace.preview(1))
    again = Trace.load(large.save(tmp_path / "large.x2v"))
    np.testing.assert_array_equal(again.frames, large.frames)
    assert again.geometry == large.geometry


@pytest.mark.parametrize("drawn", [False, True])
def test_frames_are_encoded_and_what_they_say_is_kept(pipeline, frames, head, drawn):
    large = upscale(frames, fps=8, head=head if drawn else None, pipeline=pipeline)
    assert large.fps == 8 and large.steps == 1 and large.request["height"] == 32
    shrunk = large.frames.reshape(5, 32, 2, 48, 2, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - frames).mean() < 4  # an untrained autoencoder alone is far off
    assert (
        np.abs(pipeline.decode(torch.tensor(large.latents[-1:]).float())[0] - frames.astype(int)).mean() > 20
    )


def test_a_clip_that_was_changed_after_it_was_decoded_is_enlarged_as_it_is(pipeline, trace, head):
    painted = trace.frames.copy()
    painted[:, 8:24, 8:24] = (255, 0, 255)
    large = upscale(replace(trace, frames=painted), head=head, pipeline=pipeline)
    assert np.abs(large.frames[:, 24:40, 24:40].astype(int) - (255, 0, 255)).mean() < 8


def test_a_file_is_read_at_its_size_cut_to_whole_latents(pipeline, tmp_path):
    pictures = World(2).sample(3, 7, 40, 50).frames
    with av.open(str(tmp_path / "clip.mkv"), "w") as film:
        stream = film.add_stream("ffv1", rate=12)
        stream.height, stream.width, stream.pix_fmt = 40, 50, "bgr0"
        for picture in pictures:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="bgr0")))
        film.mux(stream.encode(None))
    large = upscale(tmp_path / "clip.mkv", pipeline=pipeline)
    assert large.frames.shape == (5, 64, 96, 3)
    shrunk = large.frames[:, :, 16:80].mean(axis=(0, 1, 2))
    assert np.abs(shrunk - pictures[:5].mean(axis=(0, 1, 2))).max() < 12


@pytest.mark.parametrize(
    ("given", "options", "told"),
    [
        ("frames", {"factor": 3}, "factor=3: clips are drawn 2 times as large. use 2"),
        ("frames", {"factor": True}, "factor=True"),
        ("large", {}, "at most 192 pixels a side"),
        ("four", {}, "num_frames=4"),
        ("floats", {}, "a clip is uint8"),
        ("other", {}, r"a trace of WanPipeline: .* upscale\(trace.frames\)"),
        ("twice", {}, "enlarged already"),
        ("frames", {"head": "nowhere"}, "there is no trained head in this folder"),
        ("missing.mp4", {}, "there is no such file"),
        ("frames", {"head": 5}, "head=5: a head is the folder"),
        (None, {}, "a clip of type NoneType: a clip is a Trace"),
        (7, {}, "a clip is a Trace"),
    ],
)
def test_what_cannot_be_enlarged_is_told(pipeline, trace, frames, make_trace, given, options, told):
    clips = {
        "frames": lambda: frames,
        "large": lambda: np.zeros((5, 256, 256, 3), np.uint8),
        "four": lambda: frames[:4],
        "floats": lambda: frames / 255,
        "other": lambda: make_trace(coverage={"pipeline": "WanPipeline"}),
        "twice": lambda: upscale(trace, pipeline=pipeline),
    }
    with pytest.raises(X2VError, match=told):
        upscale(clips[given]() if given in clips else given, pipeline=pipeline, **options)


def test_a_head_of_another_decoder_is_told(pipeline, frames, tmp_path):
    Upscaler(widths=(24, 8, 8, 8), depths=(0, 0, 0)).save_pretrained(tmp_path)
    with pytest.raises(X2VError, match="it reads 24 features, and the decoder has 16"):
        upscale(frames, head=tmp_path, pipeline=pipeline)
