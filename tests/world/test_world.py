"""The world keeps its promises: captions can be read, truth is true, physics is physics."""

import json
from collections import Counter

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.world import Actor, SceneSpec, World, caption, captions, gravity, is_held_out, sample_spec, vocabulary
from x2vkit.world import render as R
from x2vkit.world.animate import animate
from x2vkit.world.grammar import ACTIONS, CAMERAS, COLOR_NAMES, GARMENTS, HELD_OUT_COLORS, HELD_OUT_SCENES, MOODS, OCCLUDER, PEOPLE, RELATIONS, SCENES, SHOTS
from x2vkit.world.grammar import SUBJECTS, TIMES, WEATHERS
from x2vkit.world.render import BOX, COLUMNS, ELLIPSE, areas, render

WORLD = World(seed=3)


def spec(**changes: object) -> SceneSpec:
    return SceneSpec.of(**{"subject": "ball", "color": "red", "scene": "city", **changes})


def group(*cast: Actor, relation: str = "and", **around: str) -> SceneSpec:
    return SceneSpec(cast, relation=relation, **around)


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
    with pytest.raises(X2VError, match="num_frames=0.*above zero.*use 33"):
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
    names = {"subject": SUBJECTS, "color": COLOR_NAMES, "action": ACTIONS, "scene": SCENES, "camera": CAMERAS, "time": TIMES, "weather": WEATHERS,
             "shot": SHOTS, "relation": ("", *RELATIONS), "garment": ("", *GARMENTS), "mood": ("", *MOODS), "pace": ("", "fast", "slow")}  # fmt: skip
    for name, options in names.items():
        assert {getattr(s, name) for s in specs} == set(options), name
    assert {s.wearing[0] for s in specs if s.wearing} == {"hat", "scarf", "sunglasses"}
    assert any(s.behind for s in specs) and any(s.then for s in specs)


def test_the_shares_of_singles_pairs_and_numbers():
    rng = np.random.default_rng(1)
    specs = [sample_spec(rng) for _ in range(3000)]
    part = {k: v / 3000 for k, v in Counter("number" if s.counted else len(s.cast) for s in specs).items()}
    assert part[1] == pytest.approx(0.61, abs=0.03)
    assert part[2] == pytest.approx(0.25, abs=0.03)
    assert part["number"] == pytest.approx(0.10, abs=0.02)
    actors = [a for s in specs for a in s.cast]
    assert sum(a.subject in PEOPLE for a in actors) / len(actors) == pytest.approx(0.21, abs=0.04)
    assert sum(s.subject == "eye" for s in specs) / 3000 == pytest.approx(0.03, abs=0.012)
    assert sum(any(a.mood for a in s.cast) for s in specs) / 3000 >= 0.07  # moods are learned from these


def test_a_spec_survives_json():
    rng = np.random.default_rng(2)
    for _ in range(300):
        spec = sample_spec(rng)
        assert SceneSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_a_spec_of_one_actor_is_written_and_changed_in_one_line():
    red = spec(subject="woman", color="red", garment="dress", time="night")
    assert red.cast == (Actor("woman", "red", garment="dress"),) and red.time == "night"
    assert red.changed(color="blue", camera="zoom in") == spec(subject="woman", color="blue", garment="dress", time="night", camera="zoom in")
    assert red.other is None and group(Actor("dog"), Actor("cat", "red")).other == ("cat", "red")


def test_held_out_pairs_are_held_out_for_every_actor():
    assert set(HELD_OUT_COLORS) == set(HELD_OUT_SCENES) == set(SUBJECTS)
    assert is_held_out(group(Actor("ball", "red"), Actor("dog", "purple"), scene="city"))
    assert is_held_out(group(Actor("car", "red"), Actor("ball", "red"), Actor("cat", "red"), scene="beach"))
    assert is_held_out(spec(subject="fish", scene="beach", time="night"))  # no place at night shows one
    assert not is_held_out(spec(subject="fish", scene="beach"))


def wordings(of: SceneSpec, count: int = 40) -> str:
    return " / ".join(captions(of, np.random.default_rng(0), count))


def test_captions_say_what_is_new():
    said = wordings(spec(subject="woman", color="red", garment="dress", action="walk", scene="neon", wearing=("sunglasses", "")))
    assert all(word in said for word in ("in a red dress", "sunglasses", "neon street", "strolling"))
    said = wordings(spec(subject="eye", color="blue", action="blink", shot="close-up", time="sunset", scene="snow", weather="rain"))
    assert all(word in said for word in ("close up of a blue eye", "blinking", "at sunset", "in the rain"))
    assert "walking slowly" in wordings(spec(subject="dog", action="walk", pace="slow"), 80)
    assert "walking, then jumping" in wordings(spec(subject="dog", action="walk", then="jump"), 80)


def test_each_of_a_pair_is_said_with_its_own_colour_and_action():
    pair = group(Actor("dog", "blue", "run"), Actor("cat", "red", "jump"), scene="snow")
    assert "blue dog running" in wordings(pair) and "red cat jumping" in wordings(pair)


def test_numbers_are_said():
    assert "two red balls" in wordings(group(Actor("ball", "red"), Actor("ball", "red")))
    assert "two balls, a red one and a green one" in wordings(group(Actor("ball", "red"), Actor("ball", "green")))
    assert "three robots" in wordings(group(*[Actor("robot", c) for c in ("red", "blue", "green")]))


def test_no_word_of_the_first_world_is_lost():
    old = """a and angry around at ball beach behind big bigger bird blue boat bouncing box brown camera car cat chasing city clip desert
    dog down driving dunes face fast fish flying getting grass green growing happy hat hopping horse in is it jumping left meadow moon next
    night of on orange out over pan panning pans park parked playing purple rabbit racing red resting right robot rock rolling running sad
    sailing scarf sea seaside slowly small snow soaring space speaking spinning standing stands stars static still street strolling swimming
    talking the there to tree turning under underwater up video walking wearing white winter with yellow zoom zooming zooms"""
    assert set(old.split()) <= set(vocabulary()[0])


def read(prompt: str) -> list[str]:
    """The known words that a prompt is read as, longest phrase first, as a text encoder does."""
    words, synonyms = vocabulary()
    spoken, out, at = prompt.lower().replace("-", " ").replace(",", " ").split(), list[str](), 0
    while at < len(spoken):
        for length in range(min(4, len(spoken) - at), 0, -1):
            phrase = " ".join(spoken[at : at + length])
            if phrase in words or phrase in synonyms:
                out += synonyms.get(phrase, phrase).split() if phrase not in words else [phrase]
                break
        else:
            raise AssertionError(f"{spoken[at]} is not known")
        at += length
    return out


@pytest.mark.parametrize(
    ("prompt", "meant"),
    [
        ("a stylish woman walks down a Tokyo street filled with warm glowing neon", "woman walking neon street"),
        ("a dog wearing a blue hat playing in the snow", "dog blue hat playing snow"),
        ("extreme close up of a blinking eye", "close up eye blinking"),
        ("a lady in a red coat at dusk", "woman red coat sunset"),
        ("a guy jogging on a rainy road", "man running rain street"),
        ("closeup of a kid", "close up child"),
        ("two balls, a red one and a green one", "two red one green"),
        ("a boat on the waves", "boat waves"),
        ("a girl walks, then jumps", "child walking then jumping"),
    ],
)
def test_prompts_as_strangers_type_them_are_understood(prompt, meant):
    assert set(meant.split()) <= set(read(prompt))


@pytest.mark.parametrize("scene", ["grass", "space"])
def test_a_bouncing_ball_falls_with_the_gravity_of_its_place(scene):
    clip = WORLD.render(spec(action="bounce", scene=scene), seed=1, num_frames=241, fps=120)
    y = (128 - clip.truth.boxes[:, 0, 3] * 128) / 128  # height of its lowest point, units
    air = y - y.min() > 0.03
    acceleration = np.diff(y, 2)[air[1:-1]] * 120**2
    assert np.median(acceleration) == pytest.approx(-gravity(scene), rel=0.03)
    assert clip.truth.physics["gravity"] == gravity(scene)


def test_a_bounce_loses_the_energy_that_its_restitution_says():
    clip = WORLD.render(spec(action="bounce", scene="grass"), seed=1, num_frames=521, fps=120)
    y = 1 - clip.truth.boxes[:, 0, 3]
    y = y - y.min()
    tops = [y[i] for i in range(1, 520) if y[i - 1] <= y[i] > y[i + 1] and y[i] > 0.02]
    assert tops[1] / tops[0] == pytest.approx(clip.truth.physics["restitution"] ** 2, rel=0.05)


def test_a_ball_rolls_without_slipping():
    truth = WORLD.render(spec(action="roll")).truth
    x = centre(WORLD.render(spec(action="roll")))[:, 0] / 128
    assert np.allclose(np.diff(truth.turn[:, 0]) * truth.physics["radius"], -np.diff(x), atol=1e-3)


def test_the_foot_on_the_ground_stays_there():
    """While a foot of a walking person is down, it moves less than a fifth of the body's way."""
    _, (rows,), truth = animate(spec(subject="man", garment="jacket", action="walk", pace="slow"), 0, 97, 128, 128, 24, place=False)
    shoes = np.flatnonzero(np.all(np.abs(rows[0, :, R.R1 : R.B1 + 1] - rows[0, shoe_part(rows), R.R1 : R.B1 + 1]) < 1e-3, axis=1))
    x, y = rows[..., shoes, R.X], rows[..., shoes, R.Y]
    down = y[1:] >= np.maximum(y[1:].max(1, keepdims=True), y.max() - 1.5)
    step, body = np.abs(np.diff(x, axis=0))[down], np.abs(truth.physics["speed"]) * 128 / 24
    assert np.median(step) < 0.45 * body


def shoe_part(rows: np.ndarray) -> int:
    """The part that reaches lowest."""
    return int(rows[0, :, R.Y].argmax())


def points(rows: np.ndarray) -> np.ndarray:
    """(F, P, 5, 2) pixels: the middle and the four ends of every part."""
    c, s = np.cos(rows[..., R.ANGLE]), np.sin(rows[..., R.ANGLE])
    ends = [(u * rows[..., R.RX], v * rows[..., R.RY]) for u, v in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
    return np.stack([np.stack([rows[..., R.X] + c * u - s * v, rows[..., R.Y] + s * u + c * v], -1) for u, v in ends], 2)


@pytest.mark.parametrize("frames", [33, 65])
def test_all_motion_is_calm(frames):
    """About 4 pixels a frame, momentary peaks to 4.5 (a limb's tip once in fifty clips a little more); 6 degrees a frame."""
    rng, peaks = np.random.default_rng(5), []
    for index in range(250):
        one = sample_spec(rng)
        _, subjects, truth = animate(one, index, frames, 128, 128, 24, place=False)
        assert np.degrees(np.abs(np.diff(truth.turn, axis=0)).max()) < 6.5, one
        for rows in subjects:
            at = points(rows)
            way = np.linalg.norm(np.diff(at, axis=0), axis=-1) * ((at > 0) & (at < 128)).all(-1)[1:]
            assert np.degrees(np.abs(np.diff(rows[..., R.ANGLE], axis=0)).max()) < 9.5, one
            peaks.append(way.max())
    assert np.quantile(peaks, 0.9) < 4.2 and np.quantile(peaks, 0.97) < 4.8 and max(peaks) < 5.6


def test_places_are_calm():
    for scene in SCENES:
        for weather in WEATHERS:
            table, subjects, _ = animate(spec(scene=scene, weather=weather), 3, 33, 128, 128, 24)
            place = points(table)
            way = np.linalg.norm(np.diff(place, axis=0), axis=-1)
            assert way[way < 64].max() < 4.5  # what falls out of the picture starts again above it


def test_a_fall_of_a_fifth_lands_calmly():
    assert np.sqrt(2 * gravity("grass") * 0.2) <= 0.85


def test_fast_is_faster_than_slow():
    ways = [np.ptp(centre(WORLD.render(spec(subject="dog", action="walk", pace=pace)))[:, 0]) for pace in ("slow", "", "fast")]
    assert ways[0] < 0.7 * ways[1] and ways[1] < 0.9 * ways[2]


def test_one_action_follows_the_other():
    clip = WORLD.render(spec(subject="dog", action="walk", then="jump", camera="static"), seed=2, num_frames=65)
    x, low = centre(clip)[:, 0], clip.truth.boxes[:, 0, 3] * 128
    switch = int(clip.truth.physics["switch"] * 24)
    assert np.ptp(x[: switch - 6]) > 3 and np.ptp(low[: switch - 6]) < 3  # it walks
    assert np.ptp(low[switch:]) > 8  # it jumps


def test_directions_are_what_the_words_say():
    for direction, sign in (("left", -1), ("right", 1)):
        clip = WORLD.render(spec(subject="dog", action="walk", direction=direction))
        assert np.sign(centre(clip)[-1, 0] - centre(clip)[0, 0]) == sign


def test_boxes_are_tight_around_the_pixels():
    checked = 0
    for index in range(50):
        clip = WORLD.sample(index)
        for frame, actor in np.argwhere(clip.truth.visible > 0.99)[::6]:
            x0, y0, x1, y1 = clip.truth.boxes[frame, actor] * 128
            if min(x0, y0) < 1 or max(x1, y1) > 127:
                continue
            rows, columns = np.nonzero(clip.ids[frame] == actor + 1)
            seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert np.all(np.abs(seen - (x0, y0, x1, y1)) < 4), (clip.caption, seen, (x0, y0, x1, y1))
            checked += 1
    assert checked > 100


def test_the_camera_moves_the_picture_the_other_way():
    still = WORLD.render(spec(subject="box", action="stand"), seed=2)
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
    clip = WORLD.render(spec(subject="rabbit", action="walk", behind="rock"), seed=1, num_frames=65)
    seen = clip.truth.visible[:, 0]
    assert seen[0] > 0.7 and seen.min() < 0.25 and seen[-1] > 0.7
    free = WORLD.render(spec(subject="rabbit", action="walk"), seed=1)
    assert free.truth.visible.min() > 0.97


def test_the_mouth_that_talks_is_in_the_truth_and_in_the_pixels():
    clip = WORLD.render(spec(subject="face", color="yellow", action="talk"), seed=1, num_frames=61)
    openness = clip.truth.mouth[:, 0]
    assert openness.min() < 0.1 and openness.max() > 0.6
    assert np.corrcoef(openness, mouth_pixels(clip).sum((1, 2)))[0, 1] > 0.9


def mouth_pixels(clip) -> np.ndarray:
    """(F, H, W) where the inside of a mouth is seen."""
    return np.all(np.abs(clip.frames.astype(int) - (115, 23, 36)) < 40, axis=-1)


@pytest.mark.parametrize("action", ["stand", "talk"])
def test_a_face_that_talks_keeps_the_mouth_of_its_mood(action):
    """Corners up when happy, down when sad: the mouth's outermost columns are above its middle, or below."""
    bend = {}
    for mood in ("happy", "sad"):
        clip = WORLD.render(spec(subject="face", color="yellow", action=action, mood=mood, scene="snow"), seed=1, num_frames=33)
        bend[mood] = []
        for mouth in mouth_pixels(clip):
            rows, columns = np.nonzero(mouth)
            width = np.ptp(columns)
            outer = np.abs(columns - columns.mean()) > 0.38 * width
            bend[mood].append(rows[outer].mean() - rows[~outer].mean())
    assert max(bend["happy"]) < 0 < min(bend["sad"])  # y goes down


def test_the_lid_of_an_eye_comes_down():
    clip = WORLD.render(spec(subject="eye", color="blue", action="blink", scene="snow"), seed=1, num_frames=65)
    blue = np.all(np.abs(clip.frames.astype(int) - (48, 107, 227)) < 60, axis=-1).sum((1, 2))
    assert blue.max() > 150 and blue.min() < 0.1 * blue.max()


def test_a_close_up_is_near_and_a_wide_shot_far():
    height = {shot: np.diff(WORLD.render(spec(subject="woman", garment="dress", shot=shot)).truth.boxes[0, 0, [1, 3]])[0] for shot in SHOTS}
    assert height["close-up"] > 1.5 * height[""] > 1.5 * 1.3 * height["wide"]


def test_hours_and_rain_change_the_light():
    light = {key: WORLD.render(spec(scene="grass", time=key[0], weather=key[1]), num_frames=1).frames.mean((0, 1, 2)) for key in
             (("day", ""), ("night", ""), ("sunset", ""), ("day", "rain"))}  # fmt: skip
    assert light["night", ""].mean() < 0.5 * light["day", ""].mean()
    assert light["sunset", ""][0] > 1.3 * light["sunset", ""][2] and light["day", ""][0] < light["day", ""][2] + 40
    assert np.ptp(light["day", "rain"]) < np.ptp(light["day", ""])  # greyer


def test_two_subjects_have_two_ids_and_two_boxes():
    clip = WORLD.render(group(Actor("dog", "brown", "run"), Actor("ball", "blue", "roll"), relation="chasing", scene="city"), seed=1)
    assert clip.truth.boxes.shape == (33, 2, 4) and len(clip.truth.physics_of) == 2
    assert {1, 2} <= set(np.unique(clip.ids))
    chaser, chased = clip.truth.boxes[8, :, 0]
    assert chaser < chased  # to the right, the one in front is further right


@pytest.mark.parametrize("relation", ["left of", "right of"])
def test_sides_are_what_the_words_say(relation):
    for seed in range(4):
        boxes = WORLD.render(group(Actor("car", "red"), Actor("man", "blue"), relation=relation), seed, num_frames=5).truth.boxes
        first, second = (boxes[0, :, 0] + boxes[0, :, 2]) / 2
        assert (first < second) == (relation == "left of")


def test_a_group_does_not_hide_each_other():
    rng, seen = np.random.default_rng(4), []
    while len(seen) < 60:
        one = sample_spec(rng)
        if len(one.cast) > 1 and one.relation not in ("chasing", "jumping over"):
            clip = WORLD.render(one.changed(camera="static", shot=""), len(seen), num_frames=33)
            seen.append(float(clip.truth.visible.min()))
    assert np.median(seen) > 0.98 and np.quantile(seen, 0.1) > 0.75 and min(seen) > 0.4


def test_what_passes_in_front_has_its_own_id():
    assert OCCLUDER in np.unique(WORLD.render(spec(subject="rabbit", action="walk", behind="rock")).ids)


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
