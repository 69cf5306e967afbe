"""Motion compensation between latent frames: where the content of a latent position lies in other frames, and
which point of a subject it shows.

    B batch; F frames; f, h, w latent grid; n = h w positions of a latent frame; 4 frames of a latent frame

Boxes and camera say where everything goes, so the model need not search for what a latent position shows: it
can read the same point of the subject, or of the ground, in another latent frame. That is how video codecs
predict a frame from those beside it, and how the convolutions of conv_stage.py follow what moves. A latent
frame holds four frames, and what moves fast is at four positions in it; so the first latent frame, which
holds one frame and is the sharpest picture of the clip, is read at all four. What rolls or spins is read as
it is rotated, and how far it has rotated since is an input: an ear upside down is other numbers than one
that is upright.

Knows nothing about what the latents hold. Where neither boxes nor camera are given, every latent position
corresponds to itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from x2vkit.axes import TIME_STRIDE, Shape3
from x2vkit.core.raster import CAMERA_ZOOM, MOTION_SCALE, SUBJECTS

BOX_OCTAVES = 2
"""Octaves of sines that encode a point inside a box: half-turns over half a box."""
BOX_FEATURES = SUBJECTS * TIME_STRIDE * (3 + 4 * BOX_OCTAVES)
"""Numbers that encode what points of the subjects a latent position shows in its four frames."""
ANGLE_HARMONICS = 2
"""An angle is encoded by its sine and cosine and those of its double: slopes of a picture come round once in
a full turn, edges and lines twice."""
ANGLE_FEATURES = 2 * ANGLE_HARMONICS
"""Numbers that encode an angle, all 0 where nothing is rotated."""
MARGIN = 0.25
"""A latent position belongs to a box if its middle is inside, or at most so many positions outside."""
MIN_SIZE = 0.05
"""Width and height of a box in latent positions, below which its subject is out of sight."""


@dataclass(frozen=True)
class Correspondence:
    """Where K latent frames find their content in others."""

    weights: Tensor
    """(B, K, m, n): weights with which each of m positions reads the n positions of another latent frame."""
    rotation: Tensor
    """(B, K, m, ANGLE_FEATURES): by how much what it shows is rotated against what it reads."""


@dataclass(frozen=True)
class Correspondences:
    """What a clip's boxes and camera mean to its latent positions."""

    box_features: Tensor
    """(B, f, h, w, BOX_FEATURES): for each subject and frame how much of the latent position its box covers,
    and where in the box that lies, as numbers and as sines."""
    angle_features: Tensor
    """(B, f, h, w, SUBJECTS * 4 * ANGLE_FEATURES): for each subject and frame its angle, times how much of
    the latent position its box covers."""
    previous: Correspondence
    """(K = f - 1, m = n): each latent frame, from the second on, in the one before."""
    next: Correspondence
    """(K = f - 1, m = n): each latent frame but the last, in the one after."""
    first: Correspondence
    """(K = f - 1, m = 4 n): each latent frame from the second on in the first, four times: as a position
    shows it in each of its four frames; row 4 j + k is position j in frame k."""


@dataclass(frozen=True)
class _Poses:
    """Where boxes and camera are at K times, in latent positions from the middle of the upper left one."""

    centre: Tensor
    """(B, K, 2 subjects, 2) x, y"""
    size: Tensor
    """(B, K, 2, 2) width, height"""
    visible: Tensor
    """(B, K, 2) bool"""
    angle: Tensor
    """(B, K, 2) radians, counter-clockwise"""
    camera: Tensor
    """(B, K, 3) camera x, y, log zoom since the first frame"""

    def __getitem__(self, rows: slice) -> _Poses:
        return _Poses(*(part[:, rows] for part in vars(self).values()))


def find_correspondences(
    latent_shape: Shape3, boxes: Tensor, camera: Tensor, dtype: torch.dtype
) -> Correspondences:
    """Where every latent position finds its content in other latent frames.

    Args:
        latent_shape: (f, h, w).
        boxes: (B, F, 2, 5) in fractions and radians, all 0 where out of sight or not given.
        camera: (B, f, 4) as in conditions.py, zeros where not given.
        dtype: of the result.
    """
    f, h, w = latent_shape
    boxes, camera = per_frame(boxes.float()), camera.float()  #                     (B, 4 f, 2, 5)
    scale = boxes.new_tensor([w, h])
    centre = (boxes[..., :2] + boxes[..., 2:4]) / 2 * scale - 0.5  #                (B, 4 f, 2, 2)
    size = (boxes[..., 2:4] - boxes[..., :2]) * scale  #                            (B, 4 f, 2, 2)
    visible = size.amin(3) > MIN_SIZE  #                                            (B, 4 f, 2)

    path = camera[..., : CAMERA_ZOOM + 1].cumsum(1) / MOTION_SCALE  #               (B, f, 3)
    # From the first frame to the middle of the next four are 2.5 frames, between the other middles 4.
    apart = torch.tensor([1.0, 2.5] + [4.0] * (f - 2), device=boxes.device)[:f, None]
    speed = camera[..., : CAMERA_ZOOM + 1] / MOTION_SCALE / apart  #                (B, f, 3) a frame
    offset = torch.arange(TIME_STRIDE, device=boxes.device) - (TIME_STRIDE - 1) / 2  # (4,) frames
    paths = (path[:, :, None] + speed[:, :, None] * offset[:, None]).flatten(1, 2)  # (B, 4 f, 3)
    poses = _Poses(centre, size, visible, boxes[..., 4], paths)
    means = _mean_poses(poses, path)

    centres = _centres(h, w, boxes.device)  #                                       (n, 2)
    rest, four = slice(1, None), slice(TIME_STRIDE, None)
    first = _match(centres, poses[four], poses[:1], (h, w), dtype)  #               K = 4 (f - 1), m = n
    by_position = (
        part.unflatten(1, (f - 1, TIME_STRIDE)).transpose(2, 3).flatten(2, 3) for part in vars(first).values()
    )
    box_features, angle_features = _features(centres, poses, (h, w))
    return Correspondences(
        box_features=box_features.to(dtype),
        angle_features=angle_features.to(dtype),
        previous=_match(centres, means[rest], means[:-1], (h, w), dtype),
        next=_match(centres, means[:-1], means[rest], (h, w), dtype),
        first=Correspondence(*by_position),
    )


def _mean_poses(poses: _Poses, path: Tensor) -> _Poses:
    """Mean centre, size and angle in every latent frame, over the frames in which a subject is visible."""
    visible = poses.visible.unflatten(1, (-1, TIME_STRIDE))  #                      (B, f, 4, 2)
    weight = visible[..., None].float() / visible.sum(2, keepdim=True)[..., None].clamp(min=1)
    centre, size = (
        (part.unflatten(1, (-1, TIME_STRIDE)) * weight).sum(2) for part in (poses.centre, poses.size)
    )
    angle = mean_angle(poses.angle.unflatten(1, (-1, TIME_STRIDE)), 2)
    return _Poses(centre, size, visible.any(2), angle, path)


def per_frame(x: Tensor) -> Tensor:
    """What is known of frames (B, F, ...) as four rows for each latent frame (B, 4 f, ...): the first latent
    frame holds the first frame alone.
    """
    return torch.cat([x[:, :1]] * (TIME_STRIDE - 1) + [x], dim=1)


def mean_angle(angle: Tensor, axis: int) -> Tensor:
    """The mean of angles along an axis: that of their directions."""
    return torch.atan2(angle.sin().mean(axis), angle.cos().mean(axis))


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Offsets x, y (..., 2) on the screen, where y counts down, rotated counter-clockwise by angles (...)."""
    sin, cos = angle.sin(), angle.cos()
    return torch.stack([cos * x[..., 0] + sin * x[..., 1], cos * x[..., 1] - sin * x[..., 0]], dim=-1)


def encode_angle(angle: Tensor) -> Tensor:
    """Angles (...) as numbers (..., ANGLE_FEATURES): the cosines, less 1, and sines of their multiples."""
    multiples = angle[..., None] * torch.arange(1, ANGLE_HARMONICS + 1, device=angle.device)
    return torch.cat([multiples.cos() - 1, multiples.sin()], dim=-1)


def _upright(size: Tensor, angle: Tensor) -> Tensor:
    """About the size (..., 2) of what fills a box of a size when it is rotated: exact for quarter turns."""
    lies = angle.sin().square()[..., None]
    return size * (1 - lies) + size.flip(-1) * lies


def _relative_size(size: Tensor, angle: Tensor, other: Tensor, other_angle: Tensor) -> Tensor:
    """How much wider and taller (..., 2) a subject is in another box, by its own two sides.

    For quarter turns exact. Between them a box does not tell the sides apart; but its diagonal is that of the
    subject, if that is an ellipse, however it is rotated.
    """
    sides = _upright(other, other_angle) / _upright(size, angle).clamp(min=MIN_SIZE)
    diagonals = other.norm(dim=-1, keepdim=True) / size.norm(dim=-1, keepdim=True).clamp(min=MIN_SIZE)
    askew = torch.maximum((2 * angle).sin().square(), (2 * other_angle).sin().square())[..., None]
    return torch.lerp(sides, diagonals, askew)


def _centres(h: int, w: int, device: torch.device) -> Tensor:
    """The middles (n, 2) of all latent positions as x, y."""
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2).float().to(device)


def _match(
    centres: Tensor, target: _Poses, source: _Poses, size: tuple[int, int], dtype: torch.dtype
) -> Correspondence:
    """Where the content of each target position lies at the source's time; K times against K others, or one.

    Between positions it mixes the nearest four (bilinear); outside the frame there is nothing to read.
    """
    h, w = size
    middle = centres.new_tensor([(w - 1) / 2, (h - 1) / 2])

    def shift(path: Tensor) -> Tensor:  # a camera moves in fractions of the shorter side, upwards
        return torch.stack([path[..., 0], -path[..., 1]], dim=-1)[:, :, None] * min(h, w)  # (B, K, 1, 2)

    def zoom(path: Tensor) -> Tensor:
        return path[:, :, None, 2:].exp()  #                                        (B, K, 1, 1)

    ground = (centres - middle) / zoom(target.camera) + shift(target.camera)  #     (B, K, n, 2)
    found = (ground - shift(source.camera)) * zoom(source.camera) + middle  #       (B, K, n, 2)
    readable = torch.ones_like(found[..., 0], dtype=torch.bool)  #                  (B, K, n)
    rotation = torch.zeros_like(found[..., 0])  #                                   (B, K, n)
    for i in reversed(range(SUBJECTS)):  # the first subject stands in front
        centre, extent = target.centre[:, :, i, None], target.size[:, :, i, None]
        inside = ((centres - centre).abs() <= extent / 2 + MARGIN).all(3) & target.visible[:, :, i, None]
        angles = target.angle[:, :, i, None], source.angle[:, :, i, None]
        larger = _relative_size(extent, angles[0], source.size[:, :, i, None], angles[1])
        own = rotate(rotate(centres - centre, -angles[0]) * larger, angles[1])
        own = own + source.centre[:, :, i, None]  #                                 (B, K, n, 2)
        found = torch.where(inside[..., None], own, found)
        readable = (inside & source.visible[:, :, i, None]) | (~inside & readable)
        rotation = torch.where(inside, angles[0] - angles[1], rotation)
    across = _tent(found[..., 0], w) * readable[..., None]  #                       (B, K, n, w)
    down = _tent(found[..., 1], h)  #                                               (B, K, n, h)
    weights = (down.to(dtype)[..., :, None] * across.to(dtype)[..., None, :]).flatten(3)
    return Correspondence(weights, encode_angle(rotation).to(dtype))


def _tent(position: Tensor, count: int) -> Tensor:
    """Weights of linear interpolation: positions (...) -> (..., count)."""
    return (1 - (position[..., None] - torch.arange(count, device=position.device)).abs()).clamp(min=0)


def _features(centres: Tensor, poses: _Poses, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Box and angle features as in `Correspondences`."""
    h, w = size
    away = centres - poses.centre[:, :, :, None]  #                                 (B, 4 f, 2, n, 2)
    half = poses.size[:, :, :, None] / 2  #                                         (B, 4 f, 2, 1, 2)
    # A latent position reaches from -1/2 to 1/2 about its middle, a box from -half to half about its own.
    overlap = torch.minimum(half, away + 0.5) - torch.maximum(-half, away - 0.5)  # (B, 4 f, 2, n, 2)
    covered = overlap.clamp(0, 1).prod(4, keepdim=True) * poses.visible[..., None, None]
    angle = poses.angle[:, :, :, None]  #                                           (B, 4 f, 2, 1)
    upright = rotate(away, -angle) / _upright(half, angle).clamp(min=MIN_SIZE)
    point = upright.clamp(-1.5, 1.5)  #                                             -1 to 1 in the box
    phase = point[..., None] * pi * 2.0 ** torch.arange(BOX_OCTAVES, device=centres.device)
    sines = [phase.sin().flatten(4), phase.cos().flatten(4)]
    box = torch.cat([torch.ones_like(covered), point, *sines], dim=4) * covered  #  (B, 4 f, 2, n, 11)
    angles = encode_angle(angle) * covered  #                                       (B, 4 f, 2, n, 4)

    def by_position(x: Tensor) -> Tensor:  # (B, 4 f, 2, n, c) -> (B, f, h, w, 2 * 4 * c)
        return x.unflatten(1, (-1, TIME_STRIDE)).permute(0, 1, 4, 3, 2, 5).flatten(3).unflatten(2, (h, w))

    return by_position(box), by_position(angles)
