"""Whom of a clip is meant by whom of a prompt: the cast of a scene, held against the actors that were read.

Pictures have no first and second: of "a blue dog and a red cat" either may stand on the left. So each
actor that was asked for is given the read one that agrees best with it, in the assignment that agrees best
as a whole, and it is judged against that one alone. In how far two stand to each other as asked follows
from the boxes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from x2vkit.judge.judge import Reading
from x2vkit.judge.prompts import RANKS, target_of
from x2vkit.judge.tracks import best_order
from x2vkit.world import SceneSpec
from x2vkit.world.grammar import MOST_ACTORS

AGREEING = {"subject": 4.0, "color": 2.0, "garment": 1.0, "wearing": 1.0, "action": 1.0, "mood": 1.0}
"""What it says of two that they are the same one if they agree in an attribute (others: a half)."""
OF_ACTORS = (*AGREEING, "wearing_color", "direction", "pace", "begins", "ends")
"""All that is read of an actor."""
NEAR = 0.30
"""Widest gap, in units of the frame's shorter side, between two that are next to each other."""


def matched(spec: SceneSpec, reading: Reading) -> tuple[int, ...]:
    """For each actor of the cast the number of the read one that is meant; numbers from
    `len(reading.actors)` on are nobody.
    """
    if len(spec.cast) == 1:
        return (0,)
    target = target_of(spec)
    score = np.zeros((len(spec.cast), MOST_ACTORS))
    for i, rank in enumerate(RANKS[: len(spec.cast)]):
        own = {name: target[rank + name] for name in OF_ACTORS if rank + name in target}
        for k, words in enumerate(reading.actors):
            agreed = sum(AGREEING.get(name, 0.5) for name, word in own.items() if words.get(name) == word)
            score[i, k] = 1 + agreed  # anybody is better than nobody
    return best_order(score)


def predicted_of(spec: SceneSpec, reading: Reading) -> dict[str, str]:
    """What was read, in the names of `target_of(spec)`: attribute -> word; `none` of who is not there."""
    order = matched(spec, reading)
    nobody = dict.fromkeys(OF_ACTORS, "none")
    predicted = {name: word for name, word in reading.values.items() if name not in OF_ACTORS}
    for rank, k in zip(RANKS, order, strict=False):
        words = reading.actors[k] if k < len(reading.actors) else nobody
        predicted |= {f"{rank}{name}": word for name, word in words.items()}
    if spec.relation:
        predicted["relation"] = relation_of(spec, reading, order)
    return predicted


def relation_of(spec: SceneSpec, reading: Reading, order: tuple[int, ...]) -> str:
    """How the first actor of the cast stands to the second, as far as it is asked for: one of the world's
    relations, or none.

    Left of and right of are told by the boxes' middles, next to by the gap between them, chasing by who goes
    behind, jumping over by who rises; that two chase or jump at all is what the motion model reads.
    """
    if len(order) < 2 or max(order) >= len(reading.actors):
        return "none"
    if spec.relation == "and":
        return "and"
    one, two = (reading.boxes[:, k] for k in order[:2])
    both = np.isfinite(one[:, 0]) & np.isfinite(two[:, 0])
    if not both.any():
        return "none"
    one, two = one[both], two[both]
    side = float((_middle(one) - _middle(two)).mean())
    if spec.relation in ("left of", "right of"):
        return "left of" if side < 0 else "right of"
    if spec.relation == "next to":
        gap = np.maximum(one[:, 0] - two[:, 2], two[:, 0] - one[:, 2]).mean()
        return "next to" if gap < NEAR and abs(side) > 0.05 else "none"
    if spec.relation == "chasing":
        way = reading.actors[order[0]].get("direction", "right")
        behind = side < 0 if way == "right" else side > 0
        return "chasing" if behind and reading.values.get("relation") == "chasing" else "none"
    rises = [float(np.ptp(boxes[:, 3])) for boxes in (one, two)]
    jumps = rises[0] >= rises[1] and reading.values.get("relation") == "jumping over"
    return "jumping over" if jumps else "none"


def _middle(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    return (boxes[:, 0] + boxes[:, 2]) / 2
