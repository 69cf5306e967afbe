"""Pictures and videos in every form that users and diffusers' processors have them, as tensors in [-1, 1].

    B clips; F frames; H, W pixels

A picture is a path, a PIL image or an array with 3 channels, which stand last (as in numpy and PIL) or before
height and width (as in torch); a path or a PIL image may hold whatever `x2vkit.media` reads. uint8 goes from
0 to 255. Floats go from 0 to 1, as diffusers has it; where one is below 0 the array is read as going from
-1 to 1, as diffusers reads it, too. Knows nothing about models.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as nnf

from x2vkit import media
from x2vkit.cost import check_memory
from x2vkit.errors import X2VError

Picture: TypeAlias = "Image.Image | np.ndarray | Tensor | str | os.PathLike[str]"
Pictures: TypeAlias = "Picture | Sequence[Picture]"
"""One picture; or one for each clip, as a list or stacked (B, ...)."""
Video: TypeAlias = (
    "str | os.PathLike[str] | np.ndarray | Tensor | Sequence[Picture] | Sequence[Sequence[Picture]]"
)
"""One video: a file, or frames as a list or stacked (F, ...). Or one for each clip: a list of those, or an
array (B, F, ...).
"""


def read_image(image: Pictures, height: int, width: int) -> Tensor:
    """One picture, or one for each clip -> (1 or B, 3, H, W) in [-1, 1], scaled and cropped to fit.

    Raises X2VError for anything that is no picture (see the module's docstring).
    """
    given: Any = image if _is_list(image) else [image]
    given = [media.read_image(each, height, width) if _is_path(each) else each for each in given]
    if not len(given):
        raise _no_picture("image", image)
    pictures = [_frames(each, "image") for each in given]
    return torch.cat([fit(each, height, width) for each in pictures])


def read_video(video: Video, num_frames: int, height: int, width: int) -> Tensor:
    """One video, or one for each clip -> (1 or B, 3, F, H, W) in [-1, 1]: its first F frames, fitted.

    Raises X2VError for anything that is no video, and for one with too few frames.
    """
    if _is_path(video):
        video = media.read_video(video, num_frames, height, width)
    clips = [_clip(each) for each in _videos(video)]
    short = min(len(each) for each in clips)
    if short < num_frames:
        cure = f"ask for num_frames={1 + (short - 1) // 4 * 4} or fewer"
        raise X2VError(f"video of {short} frames", f"num_frames={num_frames} needs as many", cure)
    return torch.stack([fit(each[:num_frames], height, width).transpose(0, 1) for each in clips])


def check_amount(name: str, pictures: Any) -> None:
    """Raise X2VError for an array with larger pictures than are read, or more of them than memory holds."""
    shape = tuple(getattr(pictures, "shape", ()))
    if len(shape) < 3:
        return
    pixels = prod(shape[-3:]) / 3
    if pixels > media.MAX_MEGAPIXELS * 1e6:
        rule = f"a picture has at most {media.MAX_MEGAPIXELS} megapixels"
        raise X2VError(f"{name} of {pixels / 1e6:.0f} megapixels", rule, "make it smaller first")
    check_memory(f"{name} of {shape}", 16 * prod(shape), "make it smaller or shorter first")


def fit(frames: Tensor, height: int, width: int) -> Tensor:
    """(F, 3, H, W) scaled to cover height x width, and cropped about the centre."""
    H, W = frames.shape[2:]
    if (H, W) == (height, width):
        return frames
    scale = max(height / H, width / W)
    size = max(height, round(H * scale)), max(width, round(W * scale))
    frames = nnf.interpolate(frames, size=size, mode="bilinear", antialias=True)
    y, x = (size[0] - height) // 2, (size[1] - width) // 2
    return frames[:, :, y : y + height, x : x + width].clamp(-1, 1)


def _videos(video: Any) -> list[Any]:
    """One video or several, as a list of videos."""
    if not _is_list(video):
        return list(video) if getattr(video, "ndim", 0) == 5 else [video]
    if not len(video):
        raise _no_picture("video", video)
    first = video[0]
    several = _is_list(first) or getattr(first, "ndim", 0) == 4
    return list(video) if several else [video]


def _clip(video: Any) -> Tensor:
    """One video as (F, 3, H, W): a list of pictures, or an array of four axes."""
    if _is_list(video):
        pictures = [_frames(each, "video") for each in video]
        if len({each.shape[2:] for each in pictures}) > 1:
            raise X2VError(
                "video of pictures of several sizes", "its frames have one size", "crop them alike"
            )
        return torch.cat(pictures)
    if getattr(video, "ndim", 0) != 4:
        raise _no_picture("video", video)
    return _frames(video, "video")


def _frames(pictures: Any, name: str) -> Tensor:
    """A picture, or an array of pictures (F, ...) -> (F, 3, H, W) in [-1, 1]."""
    check_amount(name, pictures)
    array = np.array(media.to_rgb(pictures)) if isinstance(pictures, Image.Image) else pictures
    numeric = isinstance(array, np.ndarray) and array.dtype.kind in "buif"
    tensor = torch.from_numpy(np.array(array)) if numeric else array
    if (
        not isinstance(tensor, Tensor)
        or not tensor.numel()
        or tensor.ndim not in (3, 4)
        or 3 not in (tensor.shape[-1], tensor.shape[-3])
    ):
        raise _no_picture(name, pictures)
    usual = -3 if isinstance(array, Tensor) else -1  # where torch and numpy have the channels
    tensor = tensor.movedim(usual if tensor.shape[usual] == 3 else -4 - usual, -3)
    tensor = tensor if tensor.ndim == 4 else tensor[None]
    if tensor.dtype == torch.uint8:
        return tensor.float() / 127.5 - 1
    if not tensor.is_floating_point() or not tensor.abs().max() <= 1:
        raise _no_picture(name, pictures)
    return tensor.float() if tensor.min() < 0 else tensor.float() * 2 - 1


def _is_path(value: Any) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(value, (str, os.PathLike))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _no_picture(name: str, given: Any) -> X2VError:
    kind = getattr(given, "dtype", type(given).__name__)
    got = f"{name} of {tuple(getattr(given, 'shape', ()))} {kind}"
    form = "PIL images, or arrays of F, H, W, 3" if name == "video" else "a PIL image, or an array of H, W, 3"
    rule = f"{name} is {form} (channels last, or before H as in torch), uint8 or float in [0, 1]"
    return X2VError(got, rule, "read it with x2vkit.media")
