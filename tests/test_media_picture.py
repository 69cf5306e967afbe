"""Odd pictures come out as a viewer shows them, or are refused with a sentence."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from PIL import Image

from x2vkit.errors import X2VError
from x2vkit.media import read_image, to_rgb


def saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def ramp(dtype, top) -> np.ndarray:
    """16 x 16 in rising brightness: row i is i / 15 of `top`."""
    return np.repeat((np.arange(16)[:, None] / 15 * top).astype(dtype), 16, axis=1)


WANT = np.round(np.arange(16) * 17)


@pytest.mark.parametrize(
    "image",
    [
        saved(Image.fromarray(ramp(np.uint16, 65535))),
        saved(Image.fromarray(ramp(np.int32, 65535)), "TIFF"),
        saved(Image.fromarray(ramp(np.float32, 1)), "TIFF"),
        saved(Image.fromarray(ramp(np.float32, 255)), "TIFF"),
        Image.fromarray(ramp(np.int32, 255)),
        Image.fromarray(ramp(np.uint8, 255)),
    ],
)
def test_grey_of_any_depth_keeps_its_steps(image):
    seen = read_image(image)
    assert seen.shape == (16, 16, 3) and np.ptp(seen, axis=2).max() == 0
    assert np.abs(seen[:, 4, 0] - WANT).max() <= 1


@pytest.mark.parametrize("top", [1e6, np.nan, -5])
def test_brightness_that_nobody_can_tell_is_refused(top):
    with pytest.raises(X2VError, match="grey goes from"):
        read_image(Image.fromarray(np.full((16, 16), top, np.float32)))


def test_each_exif_orientation_is_upright(tmp_path):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24], upright[:16, 24:], upright[16:, :24] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.swapaxes(0, 1),
        6: np.rot90(upright), 7: np.rot90(upright, 2).swapaxes(0, 1), 8: np.rot90(upright, -1),
    }  # fmt: skip
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = saved(Image.fromarray(np.ascontiguousarray(pixels)), exif=exif)
        assert np.array_equal(read_image(data), upright), orientation


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_hidden_colour_stays_hidden(mode):
    rgba = np.full((16, 16, 4), 255, np.uint8)
    rgba[:8, :, 3] = 0
    image = Image.fromarray(rgba).convert("RGBA" if mode == "P" else mode)
    if mode == "P":
        indices = np.repeat(np.array([[0], [1]], np.uint8), 8, axis=0).repeat(16, axis=1)
        image = Image.frombytes("P", (16, 16), indices.tobytes())
        image.putpalette([10, 200, 10, 255, 255, 255])
        data = saved(image, transparency=0)
    else:
        data = saved(image)
    seen = read_image(data, fill=(0, 0, 255))
    assert seen[2, 2].tolist() == [0, 0, 255] and seen[12, 2].tolist() == [255, 255, 255]
    half = np.full((16, 16, 4), (255, 0, 0, 128), np.uint8)
    assert np.abs(read_image(saved(Image.fromarray(half)))[0, 0].astype(int) - (255, 127, 127)).max() <= 1


def test_cmyk_and_palette_have_their_colours():
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(read_image(saved(red, "JPEG", quality=100))[8, 8].astype(int) - (255, 0, 0)).max() < 8
    palette = Image.new("RGB", (16, 16), (12, 200, 99)).quantize(4)
    assert read_image(saved(palette))[8, 8].tolist() == [12, 200, 99]


def test_of_an_animation_the_first_picture_is_taken_and_that_is_said():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    said: list[str] = []
    seen = read_image(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), say=said.append)
    assert seen[8, 8].tolist() == [255, 0, 0] and "first picture" in said[0]


def test_a_fifo_is_refused_and_an_image_of_pil_is_left_as_it_was(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(X2VError, match="no ordinary file"):
        read_image(tmp_path / "a.png")
    image = Image.new("RGBA", (64, 64), (1, 2, 3, 0))
    assert read_image(image, 16, 16).shape == (16, 16, 3) and image.size == (64, 64)
    assert to_rgb(image).getpixel((0, 0)) == (255, 255, 255)


def test_the_pipeline_reads_files_and_pil_images_as_they_are_shown(tmp_path):
    from x2vkit.pipeline.inputs import read_image as as_tensor

    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(pixels), exif=exif))
    for given in (tmp_path / "a.png", Image.open(tmp_path / "a.png")):
        seen = as_tensor(given, 16, 16)
        assert seen.shape == (1, 3, 16, 16) and seen[0, :, 0].max() == -1 and seen[0, :, -1].min() == 1
