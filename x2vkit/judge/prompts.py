"""What is asked of a model in an evaluation: scenes, said fully and plainly, and what each of them states.

The world's own captions leave parts out at random, as people do; a score would then depend on what was left
out. So an evaluation asks with one plain sentence that states everything, in words that the captions use too,
and a clip is judged on what its sentence states and on nothing else: a camera that stands still, for one, is
not mentioned and not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from x2vkit.world.grammar import DIRECTED, SceneSpec, sample_spec

MOVES = {
    "walk": "walking", "run": "running", "jump": "jumping", "bounce": "bouncing", "roll": "rolling",
    "spin": "spinning", "grow": "growing", "fly": "flying", "swim": "swimming", "stand": "standing still",
    "talk": "talking",
}  # fmt: skip
OWN_MOVES = {("car", "walk"): "driving", ("car", "run"): "driving fast", ("boat", "swim"): "sailing"}
PLACES = {
    "snow": "in the snow", "grass": "on the grass", "beach": "on the beach", "night": "at night",
    "city": "in the city", "desert": "in the desert", "underwater": "underwater", "space": "in space",
}  # fmt: skip
VIEWS = {
    "pan left": "camera pans left", "pan right": "camera pans right", "pan up": "camera pans up",
    "pan down": "camera pans down", "zoom in": "camera zooms in", "zoom out": "camera zooms out",
}  # fmt: skip


def plain(spec: SceneSpec) -> str:
    """The one sentence that states everything about a scene.

    >>> plain(SceneSpec("dog", "red", "walk", "left", "snow", "zoom in", ("hat", "blue")))
    'a red dog wearing a blue hat walking to the left in the snow, camera zooms in'
    """
    who = _a(spec.size, spec.mood, spec.color, spec.subject)
    if spec.wearing:
        item, color = spec.wearing
        who += f" wearing {_a(color, item)}"
    if spec.other:
        move = f"{spec.relation} {_a(spec.other[1], spec.other[0])}"
    else:
        move = OWN_MOVES.get((spec.subject, spec.action), MOVES[spec.action])
        move += f" to the {spec.direction}" if spec.action in DIRECTED else ""
        move += f" behind a {spec.behind}" if spec.behind else ""
    view = f", {VIEWS[spec.camera]}" if spec.camera != "static" else ""
    return f"{who} {move} {PLACES[spec.scene]}{view}"


def _a(*words: str) -> str:
    noun = " ".join(word for word in words if word)
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def target_of(spec: SceneSpec, moving: bool = True) -> dict[str, str]:
    """What `plain(spec)` states, in the words of a `Reading`: attribute -> word. moving: False for a
    still."""
    target = {"subject": spec.subject, "color": spec.color, "scene": spec.scene}
    if spec.wearing:
        target["wearing"], target["wearing_color"] = spec.wearing
    if spec.mood and spec.action != "talk":
        target["mood"] = spec.mood
    if spec.other:
        target["other"], target["other_color"] = spec.other
    if not moving:
        return target
    if spec.other:
        target["relation"] = spec.relation
    else:
        target["action"] = spec.action
        if spec.action in DIRECTED:
            target["direction"] = spec.direction
    if spec.camera != "static":
        target["camera"] = spec.camera
    return target


def scenes(count: int, seed: int, held_out: bool = False) -> list[SceneSpec]:
    """`count` scenes as the world draws them; scene i does not depend on `count`."""
    return [sample_spec(np.random.default_rng([seed, i, int(held_out), 31]), held_out) for i in range(count)]


def scenes_where(
    count: int, seed: int, fits: Callable[[SceneSpec], bool], **changes: object
) -> list[SceneSpec]:
    """`count` trained scenes, drawn by the world until each one fits; then the fields `changes` are set."""
    found: list[SceneSpec] = []
    rng = np.random.default_rng([seed, 37])
    while len(found) < count:
        spec = sample_spec(rng)
        if fits(spec):
            found.append(replace(spec, **changes))  # type: ignore[arg-type]
    return found


def talking_faces(count: int, seed: int) -> list[SceneSpec]:
    """`count` trained scenes of one face that talks, before a camera that stands."""
    return scenes_where(
        count, seed, lambda s: s.action == "talk" and s.subject == "face" and not s.other, camera="static"
    )
