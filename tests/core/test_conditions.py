"""Requests drawn into control raster and numbers: right place, right time, right size; and who wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from x2vkit.core import raster as r
from x2vkit.core.conditions import (
    RULES,
    Conditions,
    case_of,
    known_frames,
    reimpose_known,
    resolve,
    token_levels,
    token_mask,
)
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError

SHAPE = (9, 64, 96)
GRID = (3, 8, 12)
BOX = np.array([0.25, 0.3, 0.8, 0.55])


def raster_of(**requests) -> np.ndarray:
    """The control raster (10, f, h, w) of some requests."""
    return Conditions.draw(SHAPE, **requests).control[0].numpy()


def test_nothing_requested_is_nothing_and_no_subject_is_all_zeros():
    assert all(part is None for part in vars(Conditions.draw(SHAPE)).values())
    raster = raster_of(boxes=[None, None])
    assert raster.shape == (r.CONTROL_CHANNELS, *GRID) and raster.dtype == np.float32 and not raster.any()


def test_a_box_covers_its_area_exactly():
    raster = raster_of(boxes=[BOX])
    assert raster[r.BOX_A].mean((1, 2)) == pytest.approx([0.55 * 0.25] * 3)
    assert raster[r.BOX_A, 0, 3, 4] == 1 and raster[r.BOX_A, 0, 0, 4] == 0 and not raster[r.BOX_B].any()


def test_boxes_are_averaged_over_the_frames_of_a_latent_frame_and_nan_is_out_of_sight():
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (9, 1))
    boxes[0], boxes[3:5] = np.nan, np.nan
    drawn = Conditions.draw(SHAPE, boxes=[None, boxes])
    assert drawn.control[0, r.BOX_B].mean((1, 2)).tolist() == pytest.approx([0, 0.5, 1])
    assert drawn.boxes.shape == (1, 9, 2, 5) and not drawn.boxes[0, :, 0].any()
    np.testing.assert_array_equal(drawn.boxes[0, :, 1, :4], np.nan_to_num(boxes).astype(np.float32))


def test_a_stroke_moves_by_what_it_says():
    path = np.array([[0.25, 0.5], [0.75, 0.5]])
    raster = raster_of(strokes=[(path, 0.2)])
    columns = [np.nonzero(raster[r.STROKE, i].any(0))[0].mean() for i in range(3)]
    moved = np.diff(columns) / 12 * 96 / 64  # in fractions of min(H, W)
    told = [raster[r.STROKE_DX, i].max() / r.MOTION_SCALE for i in range(3)]
    assert told[0] == 0 and told[1:] == pytest.approx(moved, abs=0.1) and not raster[r.STROKE_DY].any()


def test_openness_of_a_mouth_keeps_its_frames():
    raster = raster_of(mouth=([0, 0, 0.5, 1], np.arange(9) / 10))
    inside, outside = raster[r.OPENNESS :, :, 0, 0].T, raster[r.OPENNESS :, :, 0, -1]
    wanted = np.array([[0] * 4, [0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    assert inside == pytest.approx(wanted) and not outside.any()


def test_the_camera_track_adds_up_to_the_path_it_went():
    camera = np.stack([np.linspace(0, 0.8, 9), np.zeros(9), np.geomspace(1, 2, 9)], axis=1)
    track = Conditions.draw(SHAPE, camera=camera).camera[0].numpy()
    means = np.array([camera[[0]].mean(0), camera[1:5].mean(0), camera[5:].mean(0)])
    assert track.shape == (3, 4) and not track[0, :3].any() and (track[:, r.CAMERA_GIVEN] == 1).all()
    assert track[:, 0].sum() / r.MOTION_SCALE == pytest.approx(means[-1, 0] - means[0, 0], rel=1e-5)
    assert track[1, r.CAMERA_ZOOM] == pytest.approx(10 * np.log(2) / 8 * 2.5, rel=1e-5)


CAMERA = np.tile([0.0, 0.0, 1.0], (9, 1))
WRONG = {
    "box of too few rows": ({"boxes": [np.zeros((5, 4))]}, "one row for all"),
    "box with one nan": ({"boxes": [[0.1, np.nan, 0.5, 0.5]]}, "four NaN where"),
    "box with inf": ({"boxes": [[0.1, 0.1, np.inf, 0.5]]}, "finite"),
    "three boxes": ({"boxes": [BOX] * 3}, "two subjects"),
    "stroke of one point": ({"strokes": [([[0.1, 0.1]], 0.1)]}, "two or more points"),
    "stroke with nan": ({"strokes": [([[0.1, 0.1], [np.nan, 0.2]], 0.1)]}, "finite"),
    "stroke without radius": ({"strokes": [([[0.1, 0.1], [0.2, 0.2]], 0.0)]}, "above 0"),
    "mouth wide open": ({"mouth": (BOX, np.full(9, 1.5))}, "from 0"),
    "mouth of other length": ({"mouth": (BOX, np.zeros(5))}, "one row of 1"),
    "camera with nan": ({"camera": np.where(np.arange(9)[:, None] == 3, np.nan, CAMERA)}, "finite"),
    "camera with zoom 0": ({"camera": CAMERA * [1, 1, 0]}, "a factor above 0"),
    "camera of two numbers": ({"camera": CAMERA[:, :2]}, "one row of 3"),
}


@pytest.mark.parametrize("request_, says", WRONG.values(), ids=WRONG)
def test_what_cannot_be_drawn_is_refused(request_, says):
    with pytest.raises(X2VError, match=says):
        Conditions.draw(SHAPE, **request_)


def test_conditions_of_one_clip_serve_a_batch_and_others_are_refused():
    drawn = Conditions.draw(SHAPE, boxes=[BOX], camera=CAMERA)
    fitted = drawn.merge(known_frames(torch.ones(1, 24, *GRID), [0])).fit(2, 24, GRID)
    assert all(len(part) == 2 for part in vars(fitted).values())
    nan = torch.full((1, 24, *GRID), torch.nan)
    free = known_frames(torch.where(torch.arange(3)[:, None, None] == 0, 1.0, nan), [0])
    assert torch.isfinite(free.fit(1, 24, GRID).known_latents[:, :, 0]).all()  # elsewhere it may be anything
    for bad, says in (
        (Conditions(control=drawn.control * torch.nan), "control with nan"),
        (Conditions(camera=drawn.camera * torch.inf), "camera with nan or inf"),
        (replace(drawn, boxes=drawn.boxes + torch.inf), "boxes with nan"),
        (known_frames(nan, [0]), "known_latents with nan"),
        (Conditions(known_latents=nan), "without its mask"),
        (Conditions(known_latents=nan, known_mask=torch.ones(1, *GRID)), "a mask is bool"),
        (Conditions(boxes=drawn.boxes), "boxes without control"),
        (Conditions(control=drawn.control.expand(3, -1, -1, -1, -1)), "B = 1 or 2"),
        (Conditions(camera=drawn.camera[:, :2]), "draw it for this size"),
    ):
        with pytest.raises(X2VError, match=says):
            bad.fit(2, 24, GRID)


def test_what_is_given_twice_is_refused():
    drawn = Conditions.draw(SHAPE, boxes=[BOX])
    with pytest.raises(X2VError, match="control and boxes given twice"):
        drawn.merge(drawn)


# -- who wins -----------------------------------------------------------------------------------------------

CAMERA_ALONE = Conditions.draw(SHAPE, camera=CAMERA + [0.3, 0, 0])
GIVEN = {
    "nothing": (Conditions(), 0, False),
    "boxes": (Conditions.draw(SHAPE, boxes=[BOX]), 1, False),
    "camera": (CAMERA_ALONE, 0, False),
    "boxes and camera": (Conditions.draw(SHAPE, boxes=[BOX]).merge(CAMERA_ALONE), 1, False),
    "raster": (Conditions.draw(SHAPE, strokes=[([[0.1, 0.1], [0.9, 0.9]], 0.2)]), 0, False),
    "frames": (known_frames(torch.zeros(1, 24, *GRID), [0]), 0, False),
    "frames and boxes": (
        known_frames(torch.zeros(1, 24, *GRID), [0]).merge(Conditions.draw(SHAPE, boxes=[BOX])),
        1,
        False,
    ),
    "video": (Conditions(), 0, True),
    "video and boxes": (Conditions.draw(SHAPE, boxes=[BOX]), 1, True),
}
ALL, FIRST, NONE, OWN, NOTHING = "the plan", "the plan's first", "a plan without subjects", "given", "nothing"
TABLE = {  # (plan, given): the case, who decides where subjects go, who decides the camera
    ("draft", "nothing"): ("a draft", ALL, "plan"),
    ("draft", "boxes"): ("a draft", ALL, "plan"),  # drafted around them
    ("draft", "camera"): ("a draft", ALL, "given"),
    ("draft", "boxes and camera"): ("a draft", ALL, "given"),
    ("draft", "raster"): ("a draft and a raster", OWN, "plan"),
    ("draft", "frames"): ("a draft and given frames", NONE, "plan"),
    ("draft", "frames and boxes"): ("a draft and given frames", FIRST, "plan"),
    ("draft", "video"): ("a draft and a video", NOTHING, "nobody"),
    ("draft", "video and boxes"): ("a draft and a video", OWN, "nobody"),
    ("hand", "nothing"): ("a plan by hand", ALL, "plan"),
    ("hand", "boxes"): ("a plan by hand", ALL, "plan"),
    ("hand", "camera"): ("a plan by hand", ALL, "given"),
    ("hand", "boxes and camera"): ("a plan by hand", ALL, "given"),
    ("hand", "raster"): ("a plan by hand and a raster", OWN, "plan"),
    ("hand", "frames"): ("a plan by hand", ALL, "plan"),
    ("hand", "frames and boxes"): ("a plan by hand", ALL, "plan"),
    ("hand", "video"): ("a plan by hand", ALL, "plan"),
    ("hand", "video and boxes"): ("a plan by hand", ALL, "plan"),
    ("none", "nothing"): ("plan=False, or no planner", NOTHING, "nobody"),
    ("none", "boxes"): ("plan=False, or no planner", OWN, "nobody"),
    ("none", "camera"): ("plan=False, or no planner", NOTHING, "given"),
    ("none", "boxes and camera"): ("plan=False, or no planner", OWN, "given"),
    ("none", "raster"): ("plan=False, or no planner", OWN, "nobody"),
    ("none", "frames"): ("plan=False, or no planner", NOTHING, "nobody"),
    ("none", "frames and boxes"): ("plan=False, or no planner", OWN, "nobody"),
    ("none", "video"): ("plan=False, or no planner", NOTHING, "nobody"),
    ("none", "video and boxes"): ("plan=False, or no planner", OWN, "nobody"),
}


def a_plan() -> Plan:
    """Two subjects, the first of which talks and turns, and a camera that goes up."""
    boxes = np.tile(np.array([[0.1, 0.1, 0.4, 0.6], [0.5, 0.5, 0.9, 0.9]], np.float32), (1, 9, 1, 1))
    mouth, turn = np.full((1, 9), 0.5, np.float32), np.full((1, 9), 0.3, np.float32)
    return Plan(boxes, mouth, np.tile(np.array([0, 0.2, 1], np.float32), (1, 9, 1)), turn)


def test_the_table_names_every_case_and_every_pair():
    assert {case for case, *_ in TABLE.values()} == set(RULES)
    assert len(TABLE) == 3 * len(GIVEN)


@pytest.mark.parametrize("planned, what", TABLE, ids=" | ".join)
def test_who_wins(planned, what):
    case, subjects, camera = TABLE[planned, what]
    given, boxes, video = GIVEN[what]
    plan = {"draft": True, "hand": a_plan(), "none": False}[planned]
    options = {"boxes": boxes, "video": video}
    assert case_of(plan, given, **options, planner=True) == case
    found, used = resolve(plan, given, SHAPE, **options, draft=a_plan)
    parts = {ALL: a_plan(), FIRST: a_plan().only(1), NONE: a_plan().only(0)}
    if subjects in parts:
        wanted = parts[subjects].conditions(*SHAPE[1:])
        assert torch.equal(found.control, wanted.control) and torch.equal(found.boxes, wanted.boxes)
    else:
        assert found.control is given.control and found.boxes is given.boxes
        assert (found.control is None) == (subjects == NOTHING)
    owner = {"plan": a_plan().conditions(*SHAPE[1:]).camera, "given": given.camera, "nobody": None}[camera]
    assert found.camera is owner if owner is None else torch.equal(found.camera, owner)
    assert found.known_latents is given.known_latents and found.known_mask is given.known_mask
    assert (used is None) == (camera == "nobody" or planned == "none")
    if used is not None:  # the plan that is kept, given by hand, makes the same again
        again, _ = resolve(used, given, SHAPE, **options, draft=None)
        for one, two in zip(vars(found).values(), vars(again).values(), strict=True):
            assert one is two or torch.equal(one, two)


def test_without_a_planner_nothing_is_drafted():
    found, used = resolve(True, Conditions(), SHAPE)
    assert used is None and found == Conditions()


def test_a_token_is_given_when_all_its_positions_are():
    mask = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    mask[0, 0, :2, :3] = True
    assert token_mask(mask, (1, 2, 2)).nonzero().tolist() == [[0, 0]]
    levels = token_levels(torch.tensor([[0.7]]), mask, (1, 2, 2))[0].tolist()
    assert levels == pytest.approx([0, *[0.7] * 7])
    assert token_levels(torch.tensor([[0.7]]), None, (1, 2, 2)).shape == (1, 1)


def test_given_frames_can_be_any():
    latents = torch.arange(5.0).reshape(1, 1, 5, 1, 1)
    given = known_frames(latents, [0, -1])
    assert reimpose_known(torch.full_like(latents, 9), given).flatten().tolist() == [0, 9, 9, 9, 4]
    assert reimpose_known(latents, Conditions()) is latents
