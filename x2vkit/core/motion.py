"""Motion compensation between latent frames: where a cell's content lies in other frames, and which spot of a
subject it shows.

    B batch; F frames; f, h, w latent grid; n = h w cells of a latent frame; 4 frames of a latent frame

Boxes and camera say where everything goes, so a cell need not search for what it shows: it can look straight
at the same spot of the subject, or of the ground, in another latent frame. That is how video codecs predict a
frame from those beside it, and how the convolutions of cells.py follow what moves. A latent frame holds four
frames, and what moves fast is at four places in it; so the first latent frame, which holds one frame and is
the sharpest picture of the clip, is looked up at all four. What rolls or spins is looked up as it is turned,
and how far it has turned since is told: an ear upside down is other numbers than one that is upright.

Knows nothing about what the cells hold. Where neither boxes nor camera are given, every cell looks at its own
place.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from x2vkit.axes import TIME_STRIDE, Shape3
from x2vkit.core.conditions import CAMERA_ZOOM, MOTION_SCALE

SUBJECTS = 2
SPOT_WAVES = 2
"""Octaves of sines that tell a spot inside a box: half-turns over half a box."""
SPOT_FEATURES = SUBJECTS * TIME_STRIDE * (3 + 4 * SPOT_WAVES)
"""Numbers that tell what spots of the subjects a cell shows in its four frames."""
TURN_WAVES = 2
"""A turn is told by waves of its angle and of its double: slopes of a picture come round once in a full turn,
edges and lines twice."""
TURN_FEATURES = 2 * TURN_WAVES
"""Numbers that tell a turn, all 0 where nothing is turned."""
EDGE = 0.25
"""A cell belongs to a box if its middle is inside, or at most so many cells outside."""
LEAST = 0.05
"""Cells that a box is wide and tall, below which its subject is out of sight."""


@dataclass(frozen=True)
class Correspondence:
    """Cells of K latent frames that look at those of others."""

    weights: Tensor
    """(B, K, m, n): weights with which each of m cells sees the n cells of another latent frame."""
    turned: Tensor
    """(B, K, m, TURN_FEATURES): by how much what it shows is turned against what it sees."""


@dataclass(frozen=True)
class Correspondences:
    """What a clip's boxes and camera mean to its cells."""

    spots: Tensor
    """(B, f, h, w, SPOT_FEATURES): for each subject and frame how much of the cell its box covers, and where
    in the box the cell lies, as numbers and as sines."""
    turns: Tensor
    """(B, f, h, w, SUBJECTS * 4 * TURN_FEATURES): for each subject and frame how it is turned, by how much of
    the cell its box covers."""
    before: Correspondence
    """(K = f - 1, m = n): each cell of a latent frame, from the second on, at the cells of the one before."""
    after: Correspondence
    """(K = f - 1, m = n): likewise of each but the last, at the one after."""
    first: Correspondence
    """(K = f - 1, m = 4 n): likewise of each from the second on, at the first, four times: as the cell shows
    it in each of its four frames; row 4 j + k is cell j in frame k."""


@dataclass(frozen=True)
class _Moment:
    """Where boxes and camera are at K times, in cells from the middle of the upper left one."""

    centre: Tensor
    """(B, K, 2 subjects, 2) x, y"""
    size: Tensor
    """(B, K, 2, 2) width, height"""
    seen: Tensor
    """(B, K, 2) bool"""
    turn: Tensor
    """(B, K, 2) radians, counter-clockwise"""
    way: Tensor
    """(B, K, 3) camera x, y, log zoom since the first frame"""

    def __getitem__(self, rows: slice) -> _Moment:
        return _Moment(*(part[:, rows] for part in vars(self).values()))


def links(latent_shape: Shape3, boxes: Tensor, camera: Tensor, dtype: torch.dtype) -> Correspondences:
    """boxes (B, F, 2, 5) in fractions and radians, all 0 where out of sight or not given; camera (B, f, 4) as
    in conditions.py, zeros where not given.
    """
    f, h, w = latent_shape
    boxes, camera = boxes.float(), camera.float()
    each = each_of_latent(boxes)                                                  # (B, 4 f, 2, 5)
    scale = boxes.new_tensor([w, h])
    centre = (each[..., :2] + each[..., 2:4]) / 2 * scale - 0.5                   # (B, 4 f, 2, 2)
    size = (each[..., 2:4] - each[..., :2]) * scale                               # (B, 4 f, 2, 2)
    seen = size.amin(3) > LEAST                                                   # (B, 4 f, 2)

    way = camera[..., : CAMERA_ZOOM + 1].cumsum(1) / MOTION_SCALE                 # (B, f, 3)
    # From the first frame to the middle of the next four are 2.5 frames, between the other middles 4.
    apart = torch.tensor([1.0, 2.5] + [4.0] * (f - 2), device=boxes.device)[:f, None]
    pace = camera[..., : CAMERA_ZOOM + 1] / MOTION_SCALE / apart                  # (B, f, 3) a frame
    off = torch.arange(TIME_STRIDE, device=boxes.device) - (TIME_STRIDE - 1) / 2  # (4,) frames
    ways = (way[:, :, None] + pace[:, :, None] * off[:, None]).flatten(1, 2)      # (B, 4 f, 3)
    moments = _Moment(centre, size, seen, each[..., 4], ways)
    middles = _middles(moments, way)

    cells = _cells(h, w, boxes.device)                                            # (n, 2)
    rest, four = slice(1, None), slice(TIME_STRIDE, None)
    first = _look(cells, moments[four], moments[:1], (h, w), dtype)               # K = 4 (f - 1), m = n
    each_cell = (
        part.unflatten(1, (f - 1, TIME_STRIDE)).transpose(2, 3).flatten(2, 3) for part in vars(first).values()
    )
    spots, turns = _spots(cells, moments, (h, w))
    return Correspondences(
        spots=spots.to(dtype),
        turns=turns.to(dtype),
        before=_look(cells, middles[rest], middles[:-1], (h, w), dtype),
        after=_look(cells, middles[:-1], middles[rest], (h, w), dtype),
        first=Correspondence(*each_cell),
    )


def _middles(moments: _Moment, way: Tensor) -> _Moment:
    """The mean place and size in every latent frame, over the frames in which a subject is seen."""
    seen = moments.seen.unflatten(1, (-1, TIME_STRIDE))                           # (B, f, 4, 2)
    weight = seen[..., None].float() / seen.sum(2, keepdim=True)[..., None].clamp(min=1)
    centre, size = (
        (part.unflatten(1, (-1, TIME_STRIDE)) * weight).sum(2) for part in (moments.centre, moments.size)
    )
    turn = mean_turn(moments.turn.unflatten(1, (-1, TIME_STRIDE)), 2)
    return _Moment(centre, size, seen.any(2), turn, way)


def each_of_latent(x: Tensor) -> Tensor:
    """What is known of frames (B, F, ...) as four rows for each latent frame (B, 4 f, ...): the first latent
    frame holds the first frame alone.
    """
    return torch.cat([x[:, :1]] * (TIME_STRIDE - 1) + [x], dim=1)


def mean_turn(turn: Tensor, axis: int) -> Tensor:
    """The mean of angles along an axis: that of their directions."""
    return torch.atan2(turn.sin().mean(axis), turn.cos().mean(axis))


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Offsets x, y (..., 2) on the screen, where y counts down, turned counter-clockwise by angles (...)."""
    sin, cos = turn.sin(), turn.cos()
    return torch.stack([cos * x[..., 0] + sin * x[..., 1], cos * x[..., 1] - sin * x[..., 0]], dim=-1)


def waves_of(turn: Tensor) -> Tensor:
    """Angles (...) as numbers (..., TURN_FEATURES): the cosines, less 1, and sines of their multiples."""
    angle = turn[..., None] * torch.arange(1, TURN_WAVES + 1, device=turn.device)
    return torch.cat([angle.cos() - 1, angle.sin()], dim=-1)


def _upright(size: Tensor, turn: Tensor) -> Tensor:
    """About the size (..., 2) of what fills a box of a size when it is turned: exact for quarter turns."""
    lies = turn.sin().square()[..., None]
    return size * (1 - lies) + size.flip(-1) * lies


def _grown(size: Tensor, turn: Tensor, other: Tensor, other_turn: Tensor) -> Tensor:
    """How much wider and taller (..., 2) a subject is in another box, by its own two sides.

    For quarter turns exact. Between them a box does not tell the sides apart; but its diagonal is that of the
    subject, if that is an ellipse, however it is turned.
    """
    sides = _upright(other, other_turn) / _upright(size, turn).clamp(min=LEAST)
    diagonals = other.norm(dim=-1, keepdim=True) / size.norm(dim=-1, keepdim=True).clamp(min=LEAST)
    askew = torch.maximum((2 * turn).sin().square(), (2 * other_turn).sin().square())[..., None]
    return torch.lerp(sides, diagonals, askew)


def _cells(h: int, w: int, device: torch.device) -> Tensor:
    """The middles (n, 2) of all cells as x, y."""
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2).float().to(device)


def _look(cells: Tensor, here: _Moment, there: _Moment, size: tuple[int, int], dtype: torch.dtype) -> Correspondence:
    """What each cell sees where its content lies at another time; K times against K others, or against one.
    Between cells it mixes the nearest four (bilinear); out of the frame it sees nothing.
    """
    h, w = size
    middle = cells.new_tensor([(w - 1) / 2, (h - 1) / 2])

    def shift(way: Tensor) -> Tensor:  # a camera moves in fractions of the shorter side, upwards
        return torch.stack([way[..., 0], -way[..., 1]], dim=-1)[:, :, None] * min(h, w)  # (B, K, 1, 2)

    def zoom(way: Tensor) -> Tensor:
        return way[:, :, None, 2:].exp()                                          # (B, K, 1, 1)

    ground = (cells - middle) / zoom(here.way) + shift(here.way)                  # (B, K, n, 2)
    place = (ground - shift(there.way)) * zoom(there.way) + middle                # (B, K, n, 2)
    sees = torch.ones_like(place[..., 0], dtype=torch.bool)                       # (B, K, n)
    turned = torch.zeros_like(place[..., 0])                                      # (B, K, n)
    for which in reversed(range(SUBJECTS)):  # the first subject stands in front
        centre, extent = here.centre[:, :, which, None], here.size[:, :, which, None]
        inside = ((cells - centre).abs() <= extent / 2 + EDGE).all(3) & here.seen[:, :, which, None]
        turns = here.turn[:, :, which, None], there.turn[:, :, which, None]
        grown = _grown(extent, turns[0], there.size[:, :, which, None], turns[1])
        own = rotate(rotate(cells - centre, -turns[0]) * grown, turns[1])
        own = own + there.centre[:, :, which, None]                               # (B, K, n, 2)
        place = torch.where(inside[..., None], own, place)
        sees = torch.where(inside, there.seen[:, :, which, None], sees)
        turned = torch.where(inside, turns[0] - turns[1], turned)
    across = _tent(place[..., 0], w) * sees[..., None]                            # (B, K, n, w)
    down = _tent(place[..., 1], h)                                                # (B, K, n, h)
    weights = (down.to(dtype)[..., :, None] * across.to(dtype)[..., None, :]).flatten(3)
    return Correspondence(weights, waves_of(turned).to(dtype))


def _tent(place: Tensor, count: int) -> Tensor:
    """Weights of linear interpolation: places (...) -> (..., count)."""
    return (1 - (place[..., None] - torch.arange(count, device=place.device)).abs()).clamp(min=0)


def _spots(cells: Tensor, moments: _Moment, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Spots and turns as in `Correspondences`."""
    h, w = size
    away = cells - moments.centre[:, :, :, None]                                  # (B, 4 f, 2, n, 2)
    half = moments.size[:, :, :, None] / 2                                        # (B, 4 f, 2, 1, 2)
    # A cell reaches from -1/2 to 1/2 about its middle, a box from -half to half about its own.
    overlap = torch.minimum(half, away + 0.5) - torch.maximum(-half, away - 0.5)  # (B, 4 f, 2, n, 2)
    covered = overlap.clamp(0, 1).prod(4, keepdim=True) * moments.seen[..., None, None]
    turn = moments.turn[:, :, :, None]                                            # (B, 4 f, 2, 1)
    upright = rotate(away, -turn) / _upright(half, turn).clamp(min=LEAST)
    spot = upright.clamp(-1.5, 1.5)                                               # -1 to 1 in the box
    angle = spot[..., None] * pi * 2.0 ** torch.arange(SPOT_WAVES, device=cells.device)
    waves = [angle.sin().flatten(4), angle.cos().flatten(4)]
    told = torch.cat([torch.ones_like(covered), spot, *waves], dim=4) * covered   # (B, 4 f, 2, n, 11)
    turns = waves_of(turn) * covered                                              # (B, 4 f, 2, n, 4)

    def of_cells(x: Tensor) -> Tensor:  # (B, 4 f, 2, n, c) -> (B, f, h, w, 2 * 4 * c)
        return x.unflatten(1, (-1, TIME_STRIDE)).permute(0, 1, 4, 3, 2, 5).flatten(3).unflatten(2, (h, w))

    return of_cells(told), of_cells(turns)
