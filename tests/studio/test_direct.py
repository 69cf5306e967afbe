"""Directions are read, kept by the plan, and refused in a sentence where they cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE
from x2vkit.run.record import rerun
from x2vkit.studio.backend import StudioBackend
from x2vkit.studio.direct.beats import beats, pushes
from x2vkit.studio.direct.boxes import SoftBox, SubjectBoxes, read_boxes
from x2vkit.studio.direct.call import direct, plain, read_directions
from x2vkit.studio.direct.camera import MOVES, CameraPath, read_words
from x2vkit.studio.direct.plan import Directions, directed_plan
from x2vkit.studio.direct.soft import inside
from x2vkit.studio.direct.strokes import Stroke, dragged, painted, read_strokes

SHAPE, FPS = (17, 128, 128), 12
LAST = 16 / 12


def clicks(*moments: float, seconds: float = 1.5) -> np.ndarray:
    """A sound that is silent but for a short decaying tone at each moment."""
    sound = np.zeros(round(seconds * SOUND_RATE))
    t = np.arange(2000) / SOUND_RATE
    for moment in moments:
        at = round(moment * SOUND_RATE)
        sound[at : at + 2000] += (0.7 * np.sin(2 * np.pi * 440 * t) * np.exp(-30 * t))[: len(sound) - at]
    return (sound * 32767).astype(np.int16)


# -- camera ------------------------------------------------------------------------------------------------


def test_parts_follow_each_other_and_share_the_clip():
    track = CameraPath.of("pan left, then zoom in", *SHAPE[:1], FPS).track
    half = 0.24 * LAST / 2
    assert track[0] == pytest.approx((0, 0, 1))
    assert track[8] == pytest.approx((-half, 0, 1))
    assert track[-1] == pytest.approx((-half, 0, np.exp(0.22 * LAST / 2)))


def test_degrees_seconds_and_moves_at_once():
    track = CameraPath.of("pan right and up x2 for 0.5 s, then hold", 17, FPS).track
    assert track[6, :2] == pytest.approx((0.24, 0.14))
    assert (track[6:] == track[6]).all()
    slow, fast = (
        CameraPath.of(f"the camera zooms out {how}", 17, FPS).track[-1, 2] for how in ("slowly", "fast")
    )
    assert np.log(fast) == pytest.approx(4 * np.log(slow)) and slow < 1
    as_data = CameraPath.of([{"move": "pan right and pan up", "degree": 2, "seconds": 0.5}], 17, FPS).track
    assert as_data == pytest.approx(track)


def test_a_shake_comes_back_and_a_following_camera_says_whom():
    shake = CameraPath.of("shake", 17, FPS).track
    assert np.abs(shake[:, 0]).max() > 0.015 and np.diff(np.sign(np.diff(shake[:, 0]))).any()
    follow = CameraPath.of("hold for 0.5 s, then follow the cat", 17, FPS, ("dog", "cat"))
    assert follow.subject == 1
    assert follow.follows == pytest.approx([0.0] * 7 + [1.0] * 10)


def test_numbers_are_a_camera_too():
    end = CameraPath.of((0.2, 0, 1.4), 17, FPS).track
    assert end[8] == pytest.approx((0.1, 0, 1.2))
    assert (CameraPath.of(end, 17, FPS).track == end).all()


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ("spiral around", "'spiral'"),
        ("", "camera=''"),
        ("pan", "says no move"),
        ("pan left, then", "before and after 'then'"),
        ("pan left for 0.5 span left for 0.5 s", "said once"),
        ("pan left for -1 s", "more than 0 seconds"),
        ("pan left for nan s", "more than 0 seconds"),
        ("pan left for 1e9 s", "the clip has 1.33 s"),
        ("pan left and right", "cancel"),
        ("static and zoom in", "stands still"),
        ("zoom in x9", "degree 9"),
        ("pan left for 3 s", "the clip has 1.33 s"),
        ("follow the fox", "'fox'"),
        ([{"move": "pan left", "speed": 3}], "a move is"),
        ((1, 2), "shape"),
        ((0, 0, 0), "zoom"),
        (object(), "array of numbers"),
    ],
)
def test_a_camera_that_cannot_be_read_is_refused(camera, said):
    with pytest.raises(X2VError, match=said):
        CameraPath.of(camera, 17, FPS, ("dog",))


def test_every_move_that_there_is_can_be_said():
    assert [read_words(name)[0].kinds for name in MOVES] == [(name,) for name in MOVES]


# -- sound -------------------------------------------------------------------------------------------------


def test_beats_are_found_where_they_are():
    when, strength = beats(clicks(0.2, 0.61, 1.0))
    assert when == pytest.approx((0.2, 0.61, 1.0), abs=0.02)
    assert (strength > 0.9).all()


def test_each_beat_pushes_the_zoom_and_fades():
    zoom = pushes(clicks(0.5), 17, FPS)
    assert zoom[:5] == pytest.approx(np.ones(5))
    assert zoom.argmax() == 6 and zoom[6] > 1.15
    assert (np.diff(zoom[6:]) < 0).all()


def test_silence_and_what_never_sets_in_are_refused():
    with pytest.raises(X2VError, match="silent"):
        beats(np.zeros(1000, np.int16))
    with pytest.raises(X2VError, match="sets in"):
        beats((8000 * np.sin(np.arange(40_000) / 9)).astype(np.int16))


# -- boxes -------------------------------------------------------------------------------------------------


def test_keyframes_move_evenly_and_are_held_at_the_ends():
    first, second = read_boxes(
        {"cat": {0.5: (0, 0.2, 0.2, 0.4), 1: (0.5, 0.2, 0.7, 0.4)}}, ("dog", "cat"), 17, FPS
    )
    assert first.free
    assert second.hard is not None
    assert second.hard[[0, 6, 9, 12, 16], 0] == pytest.approx((0, 0, 0.25, 0.5, 0.5))


def test_soft_boxes_come_as_such_or_as_json():
    soft = SoftBox(0.5, 0, 1, 1, since=0.8)
    for given in (soft, [soft], soft.to_dict(), [plain(soft)]):
        assert read_boxes([given], (), 17, FPS)[0].soft == (soft,)
    assert soft.frames(17, FPS).tolist() == [False] * 10 + [True] * 7


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([(1.2, 0, 1.5, 0.4)], "never in the picture"),
        ([(0.5, 0.2, 0.3, 0.4)], "corners are swapped"),
        ([(10, 20, 60, 90)], "reaches to"),
        ([(0.1, 0.2, 0.1, 0.4)], "larger"),
        ([(0.1, 0.2, 0.5)], "shape"),
        ([(0.1, 0.2, 0.1001, 0.4)], "0.005 or more wide"),
        ([(float("nan"), 0.4, 0.5, 0.8)], "nan.*are finite"),
        ([(float("inf"), 0.4, 0.5, 0.8)], "inf.*are finite"),
        ([{3.0: (0, 0, 1, 1)}], "goes from 0 to 1.33"),
        ([{"soon": (0, 0, 1, 1)}], "by their second"),
        ({"fox": (0, 0, 1, 1)}, "'fox'"),
        ({"second": (0, 0, 1, 1)}, "one subject"),
        ({"dog": (0, 0, 1, 1), "first": (0, 0, 1, 1)}, "twice"),
        ([None] * 3, "3 boxes"),
        ("left", "boxes="),
        ([{"soft": [0, 0, 1]}], "soft box"),
        ([[SoftBox(0, 0, 0.4, 1), SoftBox(0.5, 0, 1, 1)]], "nothing in common"),
        ([SoftBox(0, 0, 1, 1, since=5)], "no frame"),
    ],
)
def test_boxes_that_cannot_be_are_refused(boxes, said):
    with pytest.raises(X2VError, match=said):
        read_boxes(boxes, ("dog",), 17, FPS)


@pytest.mark.parametrize(
    "values", [(0.5, 0, 0.2, 1), (1.1, 0, 2, 1), (0, 0, 1, 1, 2, 1), (0, 0, float("nan"), 1)]
)
def test_soft_boxes_that_cannot_be_are_refused(values):
    with pytest.raises(X2VError, match="soft box"):
        SoftBox(*values)


def test_a_track_is_moved_into_its_regions_and_no_further():
    x = np.linspace(0.1, 0.5, 17)
    track = np.stack([x, np.full(17, 0.4), x + 0.2, np.full(17, 0.7)], 1)
    same, cost = inside(track, [SoftBox(0, 0, 1, 1)], FPS)
    assert cost == 0 and same == pytest.approx(track)
    moved, cost = inside(track, [SoftBox(0.6, 0, 1, 1, since=1.0)], FPS)
    assert cost > 0
    assert (moved[12:, 0] >= 0.6).all() and (moved[12:, 2] <= 1).all()
    assert np.diff(moved, axis=0) == pytest.approx(np.diff(track, axis=0), abs=1e-3)  # shifted as a whole
    both, _ = inside(track, [SoftBox(0, 0, 0.4, 1, until=0.2), SoftBox(0.7, 0.5, 1, 0.75, since=1.2)], FPS)
    assert (
        (both[:3, 2] <= 0.4).all()
        and (both[15:, :2] >= (0.7, 0.5)).all()
        and (both[15:, 2:] <= (1, 0.75)).all()
    )
    assert np.abs(np.diff(both[:, 0], 2)).max() < 0.03  # evenly from one to the other


# -- strokes -----------------------------------------------------------------------------------------------


def test_a_stroke_takes_along_what_it_begins_on():
    stroke = read_strokes([([(0.2, 0.5), (0.6, 0.4)], 0.1)], SHAPE)[0]
    first = np.array([(0.6, 0.4, 0.9, 0.8), (0.1, 0.4, 0.3, 0.6)])
    assert painted([stroke], first, (1, 1), fixed=True) == {1: stroke}
    way = dragged(first[1], stroke)
    assert way[0] == pytest.approx(first[1])
    assert way[-1] == pytest.approx(first[1] + (0.4, -0.1, 0.4, -0.1))
    away = dragged(first[0], stroke)[0]  # it is put under the brush
    assert ((away[:2] + away[2:]) / 2) == pytest.approx((0.2, 0.5))


def test_a_stroke_on_nothing_and_one_too_many_are_refused():
    stroke = Stroke(np.full((17, 2), 0.1), 0.05)
    first = np.array([(0.6, 0.4, 0.9, 0.8), (np.nan,) * 4])
    with pytest.raises(X2VError, match=r"dog at \[0.6, 0.4, 0.9, 0.8\]"):
        painted([stroke], first, (1, 1), fixed=True, names=("dog",))
    with pytest.raises(X2VError, match="one subject"):
        painted([stroke, stroke], first, (1, 1), fixed=False)


@pytest.mark.parametrize(
    ("stroke", "said"),
    [
        ([(0.2, 0.5)], "two or more"),
        (([(-0.2, 0.5), (0.5, 0.5)], 0.1), "begins on the frame"),
        (([(0.2, 0.5), (3, 0.5)], 0.1), "half a frame"),
        (([(0.2, 0.5), (0.5, 0.5)], 0), "radius"),
        (([(0.2, 0.5), (0.5, 0.5)], 1e9), "up to 2"),
        (([(0.2, 0.5), (0.5, 0.5)], float("nan")), "radius nan"),
        ("left", "stroke"),
    ],
)
def test_strokes_that_cannot_be_are_refused(stroke, said):
    with pytest.raises(X2VError, match=said):
        read_strokes([stroke], SHAPE)


# -- plans and clips ---------------------------------------------------------------------------------------


def planned(planning, **asked) -> Plan:
    """The plan of "a red dog" and what is asked of it."""
    directions, _ = read_directions((9, 64, 64), FPS, ("dog",), **asked)
    return directed_plan(planning, "a red dog", (9, 64, 64), FPS, directions, 3)


def test_hard_boxes_and_the_camera_are_kept_as_they_are(planning):
    rows = np.linspace((0, 0.4, 0.3, 0.7), (0.6, 0.4, 0.9, 0.7), 9)
    plan = planned(planning, boxes=[rows], camera="zoom in")
    assert plan.boxes[0, :, 0] == pytest.approx(rows, abs=1e-6)
    assert plan.camera[0] == pytest.approx(CameraPath.of("zoom in", 9, FPS).track, abs=1e-6)


def test_soft_boxes_are_kept_by_the_plan(planning):
    box = planned(planning, boxes=[SoftBox(0.5, 0.1, 0.9, 0.9, since=0.4)]).boxes[0, 5:, 0]
    assert (box[:, :2] >= (0.5, 0.1)).all() and (box[:, 2:] <= 0.9).all()


def test_what_is_not_painted_stays(planning):
    plan = planned(planning, strokes=[([(0.3, 0.5), (0.7, 0.5)], 0.1)])
    way = (plan.boxes[0, :, 0, :2] + plan.boxes[0, :, 0, 2:]) / 2
    assert way[-1] - way[0] == pytest.approx((0.4, 0), abs=1e-5)
    assert (np.ptp(plan.camera[0], axis=0) == 0).all()
    other = plan.boxes[0, :, 1]
    assert np.isnan(other).all() or np.ptp(other, axis=0) == pytest.approx(0, abs=1e-6)


def test_a_plan_given_is_changed_where_asked_and_nowhere_else(planning):
    free = planned(planning)
    rows = np.tile((0.1, 0.2, 0.4, 0.6), (9, 1))
    asked = Directions((SubjectBoxes(rows), SubjectBoxes()))
    plan = directed_plan(planning, "a red dog", (9, 64, 64), FPS, asked, 3, base=free)
    assert plan.boxes[0, :, 0] == pytest.approx(rows)
    for name in ("mouth", "camera", "turn"):
        np.testing.assert_array_equal(getattr(plan, name), getattr(free, name))


def test_a_box_and_a_stroke_for_one_subject_contradict(planning):
    with pytest.raises(X2VError, match="a box and a stroke"):
        planned(planning, boxes=[(0.1, 0.1, 0.5, 0.5)], strokes=[[(0.3, 0.3), (0.7, 0.5)]])
    with pytest.raises(X2VError, match="follows"):
        planned(planning, boxes=[(0.1, 0.1, 0.5, 0.5)], camera="follow the dog")


def test_a_followed_subject_stays_where_it_is(planning):
    free, plan = planned(planning), planned(planning, camera="follow the dog")
    ways = [each.boxes[0, :, 0][:, [0, 2]].mean(1) for each in (free, plan)]
    ways = [way[np.isfinite(way)] for way in ways]  # a made-up planner hides it now and then
    assert len(ways[1]) > 3 and np.ptp(ways[1]) < 1e-5 < np.ptp(ways[0])
    assert np.ptp(plan.camera[0, :, 0]) > 1e-3


def test_a_directed_clip_says_how_it_was_made_and_sounds(planning):
    sound = clicks(0.3, 0.6).astype(np.float32) / 32768
    trace = direct(
        "a red dog", boxes=[SoftBox(0, 0, 0.9, 0.9)], audio=(sound, SOUND_RATE), pipeline=planning,
        steps=1, seed=3, num_frames=9, height=64, width=64,
    )  # fmt: skip
    assert trace.made_by["call"] == "direct"
    assert trace.made_by["boxes"] == [{"soft": [0, 0, 0.9, 0.9], "since": 0.0, "until": None}]
    assert trace.sound is not None and len(trace.sound) == 9 * SOUND_RATE // 12
    assert trace.plan["camera"][4, 2] > 1.1
    again = rerun(trace, pipeline=planning)
    np.testing.assert_array_equal(again.frames, trace.frames)
    assert again.made_by == trace.made_by and np.array_equal(again.sound, trace.sound)
    with pytest.raises(X2VError, match="conditions"):
        direct("a red dog", conditions=None, pipeline=planning)


def test_a_directors_session_plans_makes_reads_back_and_tells_what_cannot_be(planning):
    told = []
    backend = StudioBackend(pipelines={"this model": planning})
    session = backend.directing(lambda kind, metadata, buffers: told.append((kind, metadata)))
    asked = {"prompt": "a red dog", "seed": 3, "steps": 2, "num_frames": 9, "height": 64, "width": 64}
    asked["boxes"] = [{"0": [0, 0.2, 0.4, 0.6], "0.6": [0.5, 0.2, 0.9, 0.6]}, None]
    session.ask(asked, draft=True)
    assert session.wait()
    plan = session.last
    assert plan is not None and plan.trace is None
    session.ask(asked)
    assert session.wait()
    made = session.last
    assert made is not None and made.boxes is not None and made.boxes.shape == (9, 2, 4)
    np.testing.assert_array_equal(made.trace.plan["boxes"], plan.plan["boxes"])
    for wrong in ({"camera": "spiral"}, {"prompt": "blorf the zig"}):
        session.ask({**asked, **wrong})
        assert session.wait()
    session.close()
    assert told[-1][1]["got"] == "prompt='blorf the zig'"
    assert [metadata["loading"] for kind, metadata in told if kind == "busy"] == [True, False, False, False]
    assert [kind for kind, _ in told] == [
        "busy",
        "drafted",
        "busy",
        "step",
        "step",
        "done",
        "busy",
        "problems",
        "busy",
        "problems",
    ]
    assert told[3][1] == {"step": 1, "steps": 2}
    assert set(told[-1][1]) == {"got", "rule", "cure"}
