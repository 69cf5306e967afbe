"""Pixels, latent positions and tokens: every pixel lies in exactly one token, and bad sizes say the cure."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from x2vkit import axes
from x2vkit.config import ModelConfig, RunRequest
from x2vkit.errors import X2VError


@pytest.mark.parametrize("shape", [(17, 128, 128), (1, 16, 32), (33, 96, 160)])
def test_latent_and_pixel_shapes_are_inverse(shape):
    assert axes.pixel_shape(*axes.latent_shape(*shape)) == shape


def test_the_default_clip_has_320_tokens():
    assert axes.latent_shape(17, 128, 128) == (5, 16, 16) and axes.token_grid(17, 128, 128) == (5, 8, 8)


def test_each_frame_lies_in_one_latent_frame():
    assert [list(axes.frames_of(i)) for i in range(3)] == [[0], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert all(frame in axes.frames_of(axes.latent_frame_of(frame)) for frame in range(40))


@pytest.mark.parametrize("patch", [(1, 2, 2), (2, 1, 3)])
def test_token_boxes_tile_the_clip_exactly_once(patch):
    F, H, W = 13, 32, 48
    geometry, seen = axes.Geometry(patch=patch), np.zeros((F, H, W), int)
    grid = geometry.token_grid(F, H, W)
    assert grid == axes.token_grid(F, H, W, patch)
    for token in range(grid[0] * grid[1] * grid[2]):
        box = geometry.token_box(token, grid)
        seen[box.frames.start : box.frames.stop, box.y0 : box.y1, box.x0 : box.x1] += 1
        assert geometry.token_at(box.frames[-1], box.y1 - 1, box.x0, grid) == token
    assert (seen == 1).all()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("temporal", "spatial"), [(4, 8), (8, 32), (1, 8), (6, 8)])
def test_any_models_strides_tile_the_clip(temporal, spatial, causal):
    geometry = axes.Geometry(temporal, spatial, (1, 1, 1), causal_first_frame=causal)
    latent = (3, 2, 4)
    F, H, W = geometry.pixel_shape(*latent)
    assert geometry.latent_shape(F, H, W) == latent == geometry.token_grid(F, H, W)
    assert F == (1 + 2 * temporal if causal else 3 * temporal)
    frames = [frame for i in range(3) for frame in geometry.frames_of(i)]
    assert frames == list(range(F))
    assert [geometry.latent_frame_of(frame) for frame in frames] == sorted(
        i for i in range(3) for _ in geometry.frames_of(i)
    )
    for token in range(3 * 2 * 4):
        box = geometry.token_box(token, latent)
        for frame in (box.frames[0], box.frames[-1]):
            assert geometry.token_at(frame, box.y0, box.x1 - 1, latent) == token


def test_a_sequence_says_where_its_kinds_lie():
    geometry = axes.Geometry(token_kinds=[["video", 6], ["text", 3], ["audio", 2]])
    assert geometry.tokens == 11 and geometry.token_kinds[0] == ("video", 6)
    assert geometry.span("video") == range(0, 6) and geometry.span("text") == range(6, 9)
    assert geometry.span("audio") == range(9, 11) and len(geometry.span("image")) == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temporal_stride": 0}, "temporal_stride=0"),
        ({"spatial_stride": 8.0}, "spatial_stride=8.0"),
        ({"spatial_stride": 10**9}, "from 1 to 1024"),
        ({"patch": (1, 2)}, "three whole numbers"),
        ({"patch": "122"}, "three whole numbers"),
        ({"causal_first_frame": 1}, "True or False"),
        ({"token_kinds": (("words", 3),)}, "one of text, video"),
        ({"token_kinds": (("text", 3), ("text", 3))}, "each kind once"),
        ({"token_kinds": (("text", -1),)}, "pairs"),
    ],
)
def test_a_geometry_that_no_model_has_is_refused(values, message):
    with pytest.raises(X2VError, match=message):
        axes.Geometry(**values)


@pytest.mark.parametrize(
    ("shape", "cure"),
    [
        ((16, 128, 128), "num_frames=16: a clip has 1 + 4k frames (1, 5, 9, 13, 17, ...). use 13 or 17."),
        ((17, 100, 128), "use 96 or 112"),
        ((17, 128, 8), "use 16"),
        ((0, 128, 128), "num_frames=0"),
        ((17, -16, 128), "height=-16"),
        ((17.0, 128, 128), "num_frames=17.0"),
        ((True, 128, 128), "num_frames=True"),
    ],
)
def test_bad_sizes_say_what_to_do(shape, cure):
    with pytest.raises(X2VError) as error:
        axes.check_shape(*shape)
    assert cure in str(error.value)


def test_patches_longer_than_a_latent_frame_must_divide_the_clip():
    axes.check_shape(13, 32, 32, (2, 2, 2))
    with pytest.raises(X2VError, match="latent frames"):
        axes.check_shape(17, 32, 32, (2, 2, 2))


def test_an_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(X2VError("a=1", "a is 2", "use 2")))
    assert str(error) == "a=1: a is 2. use 2." and error.cure == "use 2"


def test_run_spec_round_trip_and_strangers():
    request = RunRequest(prompt="a dog", steps=7)
    assert RunRequest.from_dict(request.to_dict()) == request
    with pytest.raises(X2VError, match="colour"):
        RunRequest.from_dict({"colour": "red"})


def test_heads_must_fit_the_width():
    with pytest.raises(X2VError, match="multiple of 8"):
        ModelConfig(width=100, heads=4)
