"""The world keeps its promises: captions can be read, truth is true, physics is physics."""

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.world import SceneSpec, World, caption, captions, gravity, is_held_out, sample_spec, vocabulary
from x2vkit.world.grammar import ACTIONS, CAMERAS, COLOR_NAMES, SCENES, SUBJECTS
from x2vkit.world.render import BOX, COLUMNS, ELLIPSE, areas, render

WORLD = World(seed=3)


def spec(**changes: object) -> SceneSpec:
    return SceneSpec(**{"subject": "ball", "color": "red", "scene": "city", **changes})  # type: ignore[arg-type]


def centre(clip) -> np.ndarray:
    """(F, 2) centre of the first subject in pixels."""
    height, width = clip.frames.shape[1:3]
    boxes = clip.truth.boxes[:, 0]
    return (boxes[:, :2] + boxes[:, 2:]) / 2 * (width, height)


def test_a_clip_is_a_pure_function_of_seed_and_index():
    first, again, other = WORLD.sample(5), World(seed=3).sample(5), World(seed=4).sample(5)
    assert np.array_equal(first.frames, again.frames) and first.caption == again.caption
    assert not np.array_equal(first.frames, other.frames)


@pytest.mark.parametrize("shape", [(1, 128, 128), (5, 48, 64), (33, 64, 64), (9, 96, 160), (9, 160, 96)])
def test_any_size_and_length(shape):
    clip = WORLD.sample(1, *shape)
    assert clip.frames.shape == (*shape, 3) and clip.ids.shape == shape
    assert clip.truth.boxes.shape[0] == shape[0]
    assert clip.frames.std() > 5  # something is drawn


def test_a_clip_without_frames_is_refused():
    with pytest.raises(X2VError, match="num_frames=0.*above zero.*use 17"):
        WORLD.sample(0, num_frames=0)


def test_every_word_of_every_caption_is_known():
    words, synonyms = vocabulary()
    known, rng = set(words) | set(synonyms), np.random.default_rng(0)
    for _ in range(3000):
        text = caption(sample_spec(rng), rng)
        unknown = set(text.replace(",", " ").replace(".", " ").split()) - known
        assert not unknown, (text, unknown)


def test_every_synonym_leads_to_known_words():
    words, synonyms = vocabulary()
    for meaning in synonyms.values():
        assert set((meaning or "").split()) <= set(words) | set(synonyms), meaning


def test_one_spec_is_asked_for_in_many_ways():
    found = captions(spec(subject="dog", action="walk", camera="pan left"), np.random.default_rng(0), 12)
    assert len(found) == 12
    assert len({len(text.split()) for text in found}) >= 4  # terse and long


def test_held_out_combinations_are_never_trained_on():
    rng = np.random.default_rng(0)
    assert not any(is_held_out(sample_spec(rng)) for _ in range(2000))
    assert all(is_held_out(sample_spec(rng, held_out=True)) for _ in range(200))
    assert is_held_out(spec(subject="dog", color="purple"))


def test_the_grammar_reaches_everything():
    rng = np.random.default_rng(0)
    specs = [sample_spec(rng) for _ in range(3000)]
    names = ("subject", "color", "action", "scene", "camera")
    for name, options in zip(names, (SUBJECTS, COLOR_NAMES, ACTIONS, SCENES, CAMERAS), strict=True):
        assert {getattr(s, name) for s in specs} == set(options)
    assert {s.wearing[0] for s in specs if s.wearing} == {"hat", "scarf"}
    assert any(s.behind for s in specs) and any(s.other for s in specs)


@pytest.mark.parametrize("scene", ["grass", "space"])
def test_a_bouncing_ball_falls_with_the_gravity_of_its_place(scene):
    clip = WORLD.render(spec(action="bounce", scene=scene), seed=1, num_frames=161, fps=120)
    y = (128 - clip.truth.boxes[:, 0, 3] * 128) / 128  # height of its lowest point, units
    air = y - y.min() > 0.05
    acceleration = np.diff(y, 2)[air[1:-1]] * 120**2
    assert np.median(acceleration) == pytest.approx(-gravity(scene), rel=0.03)
    assert clip.truth.physics["gravity"] == gravity(scene)


def test_a_bounce_loses_the_energy_that_its_restitution_says():
    clip = WORLD.render(spec(action="bounce", scene="grass"), seed=1, num_frames=401, fps=120)
    y = 1 - clip.truth.boxes[:, 0, 3]
    y = y - y.min()
    tops = [y[i] for i in range(1, 400) if y[i - 1] <= y[i] > y[i + 1] and y[i] > 0.04]
    assert tops[1] / tops[0] == pytest.approx(clip.truth.physics["restitution"] ** 2, rel=0.05)


def test_a_ball_rolls_without_slipping():
    from x2vkit.world.animate import _move

    t = np.arange(17) / 12
    m = _move(spec(action="roll"), "ball", "roll", t, np.random.default_rng(0), 1.0, 0.0)
    assert np.allclose(np.diff(m.turn) * m.physics["radius"], -np.diff(m.x))


def test_directions_are_what_the_words_say():
    for direction, sign in (("left", -1), ("right", 1)):
        clip = WORLD.render(spec(subject="dog", action="walk", direction=direction))
        assert np.sign(centre(clip)[-1, 0] - centre(clip)[0, 0]) == sign


def test_boxes_are_tight_around_the_pixels():
    checked = 0
    for index in range(60):
        clip = WORLD.sample(index)
        if clip.spec.behind or clip.spec.other:
            continue
        for frame in range(0, 17, 4):
            x0, y0, x1, y1 = clip.truth.boxes[frame, 0] * 128
            if min(x0, y0) < 1 or max(x1, y1) > 127:
                continue
            rows, columns = np.nonzero(clip.ids[frame] == 1)
            seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert np.all(np.abs(seen - (x0, y0, x1, y1)) < 4), (clip.caption, seen, (x0, y0, x1, y1))
            checked += 1
    assert checked > 50


def test_the_camera_moves_the_picture_the_other_way():
    still = WORLD.render(spec(subject="box", action="stand"), seed=2)
    track = np.linspace(0, 1, 17)
    talking = WORLD.render(spec(subject="face", action="talk"), seed=2, mouth=track)
    assert np.allclose(talking.truth.mouth[:, 0], track)
    moved = WORLD.render(spec(subject="box", action="stand", camera="pan right"), seed=2)
    shift = centre(moved)[:, 0] - centre(still)[:, 0]
    assert np.allclose(shift, -128 * moved.truth.camera[:, 0], atol=0.5)
    assert moved.truth.camera[-1, 0] > moved.truth.camera[0, 0]
    zoomed = WORLD.render(spec(subject="box", action="stand", camera="zoom in"), seed=2)
    width, zoom = np.diff(zoomed.truth.boxes[:, 0, [0, 2]])[:, 0], zoomed.truth.camera[:, 2]
    assert width[-1] / width[0] == pytest.approx(zoom[-1] / zoom[0], rel=0.02)


def test_far_layers_move_less():
    from x2vkit.world.animate import _to_screen

    table = np.zeros((2, 2, len(COLUMNS)), np.float32)
    camera = np.array([[0, 0, 1], [0.1, 0, 1]], np.float32)
    x = _to_screen(table, np.array([0.2, 1.0]), camera, 128, 128)[..., 1]
    assert np.allclose(x[1] - x[0], [-0.2 * 12.8, -12.8], atol=1e-4)


def test_what_walks_behind_a_rock_is_hidden_and_comes_out_again():
    clip = WORLD.render(spec(subject="rabbit", action="walk", behind="rock"), seed=1, num_frames=33)
    seen = clip.truth.visible[:, 0]
    assert seen[0] > 0.7 and seen.min() < 0.25 and seen[-1] > 0.7
    free = WORLD.render(spec(subject="rabbit", action="walk"), seed=1)
    assert free.truth.visible.min() > 0.97


def test_the_mouth_that_talks_is_in_the_truth_and_in_the_pixels():
    clip = WORLD.render(spec(subject="face", color="yellow", action="talk"), seed=1, num_frames=61)
    openness = clip.truth.mouth[:, 0]
    assert openness.min() < 0.1 and openness.max() > 0.6
    dark = np.all(np.abs(clip.frames.astype(int) - (115, 23, 36)) < 40, axis=-1).sum((1, 2))
    assert np.corrcoef(openness, dark)[0, 1] > 0.9


def test_two_subjects_have_two_ids_and_two_boxes():
    clip = WORLD.render(spec(subject="dog", action="run", other=("ball", "blue"), relation="chasing"), seed=1)
    assert clip.truth.boxes.shape == (17, 2, 4)
    assert {1, 2} <= set(np.unique(clip.ids))
    chaser, chased = clip.truth.boxes[8, :, 0]
    assert chaser < chased  # to the right, the one in front is further right


def one(kind: int, **values: float) -> np.ndarray:
    plain = {"kind": kind, "top": -1, "bottom": 1, "alpha": 1, "soft": 1, "r1": 1, "r2": 1, "id": 1}
    row = dict.fromkeys(COLUMNS, 0.0) | plain | values
    return np.array([[list(row.values())]], np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_shapes_have_the_area_of_their_formula(angle):
    ellipse = one(ELLIPSE, x=32, y=32, rx=20, ry=9, angle=angle)
    box = one(BOX, x=32, y=32, rx=20, ry=9, angle=angle)
    for table, area in ((ellipse, np.pi * 20 * 9), (box, 4 * 20 * 9)):
        frames, ids = render(table, 64, 64)
        assert frames[..., 0].sum() / 255 == pytest.approx(area, rel=0.01)
        assert (ids == 1).sum() == pytest.approx(area, rel=0.03)
        assert areas(table)[0] == (ids == 1).sum()


def test_edges_move_smoothly_between_pixels():
    tables = [one(BOX, x=16 + d, y=16, rx=4, ry=4) for d in np.linspace(0, 1, 9)]
    light = [float(render(table, 32, 32)[0][0, 16, 20, 0]) for table in tables]
    assert np.all(np.diff(light) > 0) and light[0] < 5 and light[-1] > 250
