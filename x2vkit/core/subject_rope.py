"""Subject-relative RoPE: the same point of a subject, or of the ground, has the same position in every frame.

    B batch; f, h, w latent grid; n_t, n_h, n_w token grid; N = n_t n_h n_w tokens; A heads; K coordinate
    systems

Attention finds partners by position (the rotary waves of patches.py), and on the screen a position is soon
left: a subject walks on, a camera pans. Where boxes or a camera track are given, it is known beforehand
where things go, so positions can be measured from them instead. A token then meets what shows the same point
earlier and later at the same position, and need not learn to look for it. (The classical cousin is motion
compensation in video codecs; GTA, Miyato et al. 2024, arXiv 2310.10375, gives tokens positions in the world,
seen by many cameras.)

Of every layer's heads a quarter keeps to the screen, a quarter goes with the camera, and half go with the
subjects inside their boxes and with the camera outside. Where nothing is given, all three are the screen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from x2vkit.axes import Shape3
from x2vkit.core.motion import mean_angle, per_frame, rotate
from x2vkit.core.patches import token_positions
from x2vkit.core.raster import BOXES, CAMERA_ZOOM, MOTION_SCALE

SCREEN, CAMERA, SUBJECT = range(3)
"""The coordinate systems."""
INSIDE = 0.4
"""A token belongs to a subject if so much of it lies in the subject's box."""
MIN_AREA = 0.5
"""Latent positions that a box covers, below which its subject is out of sight."""


def relative_positions(
    grid: Shape3, patch: Shape3, control: Tensor | None, camera: Tensor | None, angle: Tensor | None = None
) -> Tensor:
    """Each token's position in every coordinate system.

    Args:
        grid: tokens (n_t, n_h, n_w).
        patch: latent frames, rows and columns in one token.
        control: (B, 10, f, h, w) as in conditions.py, or None.
        camera: (B, f, 4) as in conditions.py, or None where control is given.
        angle: (B, F, O) of what is in the boxes, in radians.

    Returns:
        (B, K, N, 3) in tokens along time, rows and columns.
    """
    given = control if control is not None else camera
    if given is None:
        raise ValueError("relative positions need a control raster or a camera track")
    screen = token_positions(grid).to(given.device).expand(len(given), -1, -1)    # (B, N, 3)
    ground = screen if camera is None else _with_camera(screen, grid, patch, camera.float())  # (B, N, 3)
    subject = ground
    if control is not None:
        subject = _with_subjects(screen, ground, grid, patch, control.float(), angle)
    return torch.stack([screen, ground, subject], dim=1)                          # (B, K, N, 3)


def head_coordinates(heads: int) -> list[int]:
    """The coordinate system of each of so many heads."""
    quarter = heads // 4
    return [SCREEN] * quarter + [CAMERA] * quarter + [SUBJECT] * (heads - 2 * quarter)


def _with_camera(screen: Tensor, grid: Shape3, patch: Shape3, camera: Tensor) -> Tensor:
    """Positions on the ground as the first frame sees it: a pan adds its path, a zoom divides by its
    factor."""
    n_t, n_h, n_w = grid
    path = camera[..., : CAMERA_ZOOM + 1].cumsum(1) / MOTION_SCALE                # (B, f, 3): x, y, log zoom
    path = path.unflatten(1, (n_t, patch[0])).mean(2)                             # (B, n_t, 3)
    path = path.repeat_interleave(n_h * n_w, dim=1)                               # (B, N, 3)
    # A camera moves in fractions of the shorter side, upwards; rows count downwards.
    shorter = min(n_h * patch[1], n_w * patch[2])
    moved = torch.stack([-path[..., 1] * shorter / patch[1], path[..., 0] * shorter / patch[2]], dim=-1)
    middle = screen.new_tensor([(n_h - 1) / 2, (n_w - 1) / 2])
    ground = (screen[..., 1:] - middle) / path[..., 2:].exp() + middle + moved    # (B, N, 2)
    return torch.cat([screen[..., :1], ground], dim=-1)


def _with_subjects(
    screen: Tensor, ground: Tensor, grid: Shape3, patch: Shape3, control: Tensor, angle: Tensor | None
) -> Tensor:
    """Inside a box: positions from the box's centre, in its size and upright; as if it stood still at its
    mean centre and size.
    """
    n_t, n_h, n_w = grid
    boxes = control[:, list(BOXES)]                                               # (B, O, f, h, w)
    boxes = boxes.unflatten(2, (n_t, patch[0])).mean(3)                           # (B, O, n_t, h, w)
    h, w = boxes.shape[-2:]
    rows = (torch.arange(h, device=boxes.device) + 0.5) / patch[1] - 0.5          # (h,) in tokens
    columns = (torch.arange(w, device=boxes.device) + 0.5) / patch[2] - 0.5       # (w,)
    area = boxes.sum((3, 4))                                                      # (B, O, n_t)
    visible = (area > MIN_AREA).to(area.dtype)
    area = area.clamp(min=MIN_AREA)
    moments = [(boxes.sum(4) * rows).sum(3), (boxes.sum(3) * columns).sum(3)]     # (B, O, n_t) twice
    centre = torch.stack(moments, dim=-1) / area[..., None]                       # (B, O, n_t, 2)
    size = area.sqrt()[..., None]                                                 # (B, O, n_t, 1)
    count = visible.sum(2).clamp(min=1)[..., None, None]                          # (B, O, 1, 1)
    mean_centre = (centre * visible[..., None]).sum(2, keepdim=True) / count      # (B, O, 1, 2)
    mean_size = (size * visible[..., None]).sum(2, keepdim=True) / count          # (B, O, 1, 1)

    in_tokens = boxes.unflatten(3, (n_h, patch[1])).unflatten(5, (n_w, patch[2]))
    share = in_tokens.mean((4, 6))                                                # (B, O, n_t, n_h, n_w)
    inside = (share > INSIDE) & (visible[..., None, None] > 0)
    position = ground
    for i in reversed(range(len(BOXES))):  # the first subject stands in front
        of_box = [each.repeat_interleave(n_h * n_w, dim=1) for each in (centre[:, i], size[:, i])]
        away = (screen[..., 1:] - of_box[0]) / of_box[1]                          # (B, N, 2)
        if angle is not None:
            away = _upright(away, angle[:, :, i].float(), grid, patch)
        own = away * mean_size[:, i] + mean_centre[:, i]                          # (B, N, 2)
        own = torch.cat([screen[..., :1], own], dim=-1)                           # (B, N, 3)
        position = torch.where(inside[:, i].flatten(1)[..., None], own, position)
    return position


def _upright(away: Tensor, angle: Tensor, grid: Shape3, patch: Shape3) -> Tensor:
    """Offsets (B, N, 2) in rows and columns of tokens, rotated back by angles (B, F)."""
    n_t, n_h, n_w = grid
    angle = mean_angle(per_frame(angle).unflatten(1, (n_t, -1)), 2)               # (B, n_t)
    sides = away.new_tensor(patch[1:])
    back = rotate((away * sides).flip(-1), -angle.repeat_interleave(n_h * n_w, dim=1))
    return back.flip(-1) / sides
