"""What is asked of a model in an evaluation: scenes, said fully and plainly, and what each of them states.

The world's own captions leave parts out at random, as people do; a score would then depend on what was left
out. So an evaluation asks with one plain sentence that states everything, in words that the captions use too,
and a clip is judged on what its sentence states and on nothing else: a camera that stands still, for one, is
not mentioned and not judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from x2vkit.world.grammar import ALWAYS_NIGHT, DIRECTED, PEOPLE, WORN, Actor, SceneSpec, sample_spec

MOVES = {
    "walk": "walking", "run": "running", "jump": "jumping", "bounce": "bouncing", "roll": "rolling",
    "spin": "spinning", "grow": "growing", "fly": "flying", "swim": "swimming", "stand": "standing still",
    "talk": "talking", "blink": "blinking",
}  # fmt: skip
OWN_MOVES = {
    ("car", "walk"): "driving", ("car", "run"): "driving fast", ("boat", "swim"): "sailing", ("eye",
    "stand"): "looking around",
}  # fmt: skip
PLACES = {
    "snow": "in the snow", "grass": "on the grass", "beach": "on the beach", "night": "at night",
    "city": "in the city", "desert": "in the desert", "underwater": "underwater", "space": "in space",
    "neon": "on a neon street",
}  # fmt: skip
TIMES = {"day": "", "night": "at night", "sunset": "at sunset"}
PACES = {"": "", "fast": "fast", "slow": "slowly"}
SHOTS = {"": "", "close-up": "a close up of", "wide": "a wide shot of"}
SIDES = {"left of": "to the left of", "right of": "to the right of"}
NUMBERS = {2: "two", 3: "three"}
PLURALS = {"fish": "fish", "woman": "women", "man": "men", "child": "children", "box": "boxes"}
RANKS = ("", "second ", "third ")
"""What stands before an attribute of each actor of a cast."""


def plain(spec: SceneSpec) -> str:
    """The one sentence that states everything about a scene.

    >>> plain(SceneSpec.of(subject="dog", color="red", action="walk", direction="left", scene="snow"))
    'a red dog walking to the left in the snow'
    """
    first, rest = spec.first, spec.cast[1:]
    if spec.counted:
        who = f"{_counted(spec)} {_move(first)}"
    elif spec.relation in ("chasing", "jumping over", "next to"):
        who = f"{_noun(first)} {spec.relation} {_noun(rest[0])}"
    elif spec.relation in SIDES:
        does = f"{_move(first)} " if first.action != "stand" else ""
        who = f"{_noun(first)} {does}{SIDES[spec.relation]} {_noun(rest[0])}"
    else:
        behind = f" behind a {spec.behind}" if spec.behind else ""
        who = _listed([f"{_noun(actor)} {_move(actor)}" for actor in spec.cast]) + behind
    time = "" if spec.scene in ALWAYS_NIGHT else TIMES[spec.time]
    rain = "in the rain" if spec.weather else ""
    words = " ".join(part for part in (SHOTS[spec.shot], who, PLACES[spec.scene], rain, time) if part)
    return words if spec.camera == "static" else f"{words}, {_view(spec.camera)}"


def _view(camera: str) -> str:
    way, where = camera.split()
    return f"camera {way}s {where}"


def _noun(actor: Actor) -> str:
    """A red dog wearing a blue hat, a woman in a red dress wearing sunglasses."""
    person = actor.subject in PEOPLE
    noun = _a(actor.size, actor.mood, "" if person else actor.color, actor.subject)
    worn = [_a(actor.color, garment(actor))] if person else []
    if actor.wearing:
        item, color = actor.wearing
        worn.append(_a(color, item) if color else item)
    return f"{noun} {'in' if person else 'wearing'} {' and '.join(worn)}" if worn else noun


def _counted(spec: SceneSpec) -> str:
    """Two red balls; two balls, a red one and a green one; two women in red dresses; two women in dresses,
    one in red and one in green.
    """
    first, colors = spec.first, [actor.color for actor in spec.cast]
    plural = PLURALS.get(first.subject, f"{first.subject}s")
    who = " ".join(word for word in (NUMBERS[len(colors)], first.size, first.mood) if word)
    if first.subject in PEOPLE:
        dress = garment(first) + ("es" if garment(first) == "dress" else "s")
        if len(set(colors)) == 1:
            return f"{who} {plural} in {colors[0]} {dress}"
        return f"{who} {plural} in {dress}, {_listed([f'one in {color}' for color in colors])}"
    if len(set(colors)) == 1:
        return f"{who} {colors[0]} {plural}"
    return f"{who} {plural}, {_listed([f'{_a(color)} one' for color in colors])}"


def _listed(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def garment(actor: Actor) -> str:
    """What a person is dressed in, said or not."""
    return actor.garment or WORN[actor.subject][0]


def _move(actor: Actor) -> str:
    move = OWN_MOVES.get((actor.subject, actor.action), MOVES[actor.action])
    move += f" {PACES[actor.pace]}" if actor.pace else ""
    move += f" to the {actor.direction}" if actor.action in DIRECTED else ""
    if actor.then:
        move += f", then {OWN_MOVES.get((actor.subject, actor.then), MOVES[actor.then])}"
    return move


def _a(*words: str) -> str:
    noun = " ".join(word for word in words if word)
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def target_of(spec: SceneSpec, moving: bool = True) -> dict[str, str]:
    """What `plain(spec)` states, in the words that `matching.predicted_of` answers in: attribute -> word.
    Those of the second actor are called second subject, second color ... moving: False for a still.
    """
    target = {"scene": spec.scene}
    if spec.time != "day" and spec.scene not in ALWAYS_NIGHT:
        target["time"] = spec.time
    if spec.weather:
        target["weather"] = spec.weather
    if spec.shot:
        target["shot"] = spec.shot
    for rank, number in zip(RANKS, range(len(spec.cast)), strict=False):
        words = _of_actor(spec, number, moving)
        target |= {f"{rank}{name}": word for name, word in words.items()}
    if len(spec.cast) > 1:
        target["count"] = str(len(spec.cast))
        if not spec.counted and (moving or spec.relation in (*SIDES, "next to")):
            target["relation"] = spec.relation
    if moving and spec.camera != "static":
        target["camera"] = spec.camera
    return target


def _of_actor(spec: SceneSpec, number: int, moving: bool) -> dict[str, str]:
    actor = spec.cast[number]
    words = {"subject": actor.subject, "color": actor.color}
    if actor.subject in PEOPLE:
        words["garment"] = garment(actor)
    if actor.wearing and not spec.counted:
        words["wearing"] = actor.wearing[0]
        if actor.wearing[1]:
            words["wearing_color"] = actor.wearing[1]
    if actor.mood:
        words["mood"] = actor.mood
    said = len(spec.cast) == 1 or spec.relation == "and" or (spec.relation in SIDES and not number)
    if not moving or not said:
        return words
    if actor.then:
        return {**words, "begins": actor.action, "ends": actor.then}
    words["action"] = actor.action
    if actor.action in DIRECTED:
        words["direction"] = actor.direction
    if actor.pace and len(spec.cast) == 1:
        words["pace"] = actor.pace
    return words


def scenes(count: int, seed: int, held_out: bool = False) -> list[SceneSpec]:
    """`count` scenes as the world draws them; scene i does not depend on `count`."""
    return [sample_spec(np.random.default_rng([seed, i, int(held_out), 31]), held_out) for i in range(count)]


def scenes_where(
    count: int, seed: int, fits: Callable[[SceneSpec], object], **changes: object
) -> list[SceneSpec]:
    """`count` trained scenes, drawn by the world until each one fits; then the fields `changes` are set, as
    `SceneSpec.changed` does.
    """
    found: list[SceneSpec] = []
    rng = np.random.default_rng([seed, 37])
    while len(found) < count:
        spec = sample_spec(rng)
        if fits(spec):
            found.append(spec.changed(**changes))
    return found
