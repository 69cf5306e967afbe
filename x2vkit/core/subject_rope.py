"""Positions that go with what is shown: the same spot of a subject, or of the ground, has the same place in
every frame.

    B batch; f, h, w latent grid; n_t, n_h, n_w token grid; N = n_t n_h n_w tokens; A heads; K ways to follow

Attention finds partners by place (the rotary waves of patches.py), and on the screen a place is soon left: a
subject walks on, a camera pans. Where boxes or a camera track are given, it is known beforehand where things
go, so places can be measured from them instead. A token then meets what shows the same spot earlier and later
at the same place, and need not learn to look for it. (The classical cousin is motion compensation in video
codecs; GTA, Miyato et al. 2024, arXiv 2310.10375, gives tokens places in the world, seen by many cameras.)

Of every layer's heads a quarter keeps to the screen, a quarter goes with the camera, and half go with the
subjects inside their boxes and with the camera outside. Where nothing is given, all three are the screen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from x2vkit.axes import Shape3
from x2vkit.core.conditions import BOX_A, BOX_B, CAMERA_ZOOM, MOTION_SCALE
from x2vkit.core.motion import each_of_latent, mean_turn, rotate
from x2vkit.core.patches import positions

SCREEN, CAMERA, SUBJECT = range(3)
"""Ways to follow."""
INSIDE = 0.4
"""A token belongs to a subject if so much of it lies in the subject's box."""
LEAST = 0.5
"""Latent cells that a box covers, below which its subject is out of sight."""


def places(
    grid: Shape3, patch: Shape3, control: Tensor | None, camera: Tensor | None, turn: Tensor | None = None
) -> Tensor:
    """Each token's place (B, K, N, 3) in tokens along time, rows and columns, one for every way to follow.

    grid (n_t, n_h, n_w); control (B, 10, f, h, w) and camera (B, f, 4) as in conditions.py, one of them may
    be None; turn (B, F, 2): angles of what is in the boxes.
    """
    given = control if control is not None else camera
    if given is None:
        raise ValueError("places to follow need a control raster or a camera track")
    screen = positions(grid).to(given.device).expand(len(given), -1, -1)          # (B, N, 3)
    ground = screen if camera is None else _with_camera(screen, grid, patch, camera.float())  # (B, N, 3)
    subject = ground
    if control is not None:
        subject = _with_subjects(screen, ground, grid, patch, control.float(), turn)
    return torch.stack([screen, ground, subject], dim=1)                          # (B, K, N, 3)


def of_heads(heads: int) -> list[int]:
    """Which way each of so many heads follows."""
    quarter = heads // 4
    return [SCREEN] * quarter + [CAMERA] * quarter + [SUBJECT] * (heads - 2 * quarter)


def _with_camera(screen: Tensor, grid: Shape3, patch: Shape3, camera: Tensor) -> Tensor:
    """Places on the ground as the first frame sees it: a pan adds its way, a zoom divides by its factor."""
    n_t, n_h, n_w = grid
    way = camera[..., : CAMERA_ZOOM + 1].cumsum(1) / MOTION_SCALE                 # (B, f, 3): x, y, log zoom
    way = way.unflatten(1, (n_t, patch[0])).mean(2)                               # (B, n_t, 3)
    way = way.repeat_interleave(n_h * n_w, dim=1)                                 # (B, N, 3)
    # A camera moves in fractions of the shorter side, upwards; rows count downwards.
    shorter = min(n_h * patch[1], n_w * patch[2])
    moved = torch.stack([-way[..., 1] * shorter / patch[1], way[..., 0] * shorter / patch[2]], dim=-1)
    middle = screen.new_tensor([(n_h - 1) / 2, (n_w - 1) / 2])
    ground = (screen[..., 1:] - middle) / way[..., 2:].exp() + middle + moved     # (B, N, 2)
    return torch.cat([screen[..., :1], ground], dim=-1)


def _with_subjects(
    screen: Tensor, ground: Tensor, grid: Shape3, patch: Shape3, control: Tensor, turn: Tensor | None
) -> Tensor:
    """Inside a box: places from the box's centre, in its size and upright; as if it stood still at its mean
    centre and size.
    """
    n_t, n_h, n_w = grid
    boxes = control[:, [BOX_A, BOX_B]]                                            # (B, 2, f, h, w)
    boxes = boxes.unflatten(2, (n_t, patch[0])).mean(3)                           # (B, 2, n_t, h, w)
    h, w = boxes.shape[-2:]
    rows = (torch.arange(h, device=boxes.device) + 0.5) / patch[1] - 0.5          # (h,) in tokens
    columns = (torch.arange(w, device=boxes.device) + 0.5) / patch[2] - 0.5       # (w,)
    area = boxes.sum((3, 4))                                                      # (B, 2, n_t) in cells
    seen = (area > LEAST).to(area.dtype)
    across = area.clamp(min=LEAST)
    weighed = [(boxes.sum(4) * rows).sum(3), (boxes.sum(3) * columns).sum(3)]     # (B, 2, n_t) twice
    centre = torch.stack(weighed, dim=-1) / across[..., None]                     # (B, 2, n_t, 2)
    size = across.sqrt()[..., None]                                               # (B, 2, n_t, 1)
    often = seen.sum(2).clamp(min=1)[..., None, None]                             # (B, 2, 1, 1)
    mean_centre = (centre * seen[..., None]).sum(2, keepdim=True) / often         # (B, 2, 1, 2)
    mean_size = (size * seen[..., None]).sum(2, keepdim=True) / often             # (B, 2, 1, 1)

    cells = boxes.unflatten(3, (n_h, patch[1])).unflatten(5, (n_w, patch[2]))
    share = cells.mean((4, 6))                                                    # (B, 2, n_t, n_h, n_w)
    inside = (share > INSIDE) & (seen[..., None, None] > 0)
    place = ground
    for which in (1, 0):  # the first subject stands in front
        step = [each.repeat_interleave(n_h * n_w, dim=1) for each in (centre[:, which], size[:, which])]
        away = (screen[..., 1:] - step[0]) / step[1]                              # (B, N, 2)
        if turn is not None:
            away = _turned_back(away, turn[:, :, which].float(), grid, patch)
        own = away * mean_size[:, which] + mean_centre[:, which]                  # (B, N, 2)
        own = torch.cat([screen[..., :1], own], dim=-1)                           # (B, N, 3)
        place = torch.where(inside[:, which].flatten(1)[..., None], own, place)
    return place


def _turned_back(away: Tensor, turn: Tensor, grid: Shape3, patch: Shape3) -> Tensor:
    """Offsets (B, N, 2) in rows and columns of tokens, turned back by angles (B, F)."""
    n_t, n_h, n_w = grid
    turn = mean_turn(each_of_latent(turn).unflatten(1, (n_t, -1)), 2)             # (B, n_t)
    cells = away.new_tensor(patch[1:])
    back = rotate((away * cells).flip(-1), -turn.repeat_interleave(n_h * n_w, dim=1))
    return back.flip(-1) / cells
