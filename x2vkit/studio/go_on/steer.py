"""Keys -> a plan: where a subject that is steered goes, frame by frame, and the camera with it.

Lengths are in units of the frame's shorter side, times in seconds. What is steered obeys the world's physics:
it takes up speed, and what is in the air falls. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import TIME_STRIDE
from x2vkit.judge.prompts import MOVES, OWN_MOVES
from x2vkit.studio.go_on.carry import MARGIN, in_sight
from x2vkit.world.animate import SPEED, gravity
from x2vkit.world.grammar import SCENES, SUBJECTS

PUSH = 5.0
"""Frames in which a subject takes up another speed."""
FLIGHT = 0.6
"""Seconds that a jump takes on the Earth; elsewhere as its gravity has it."""
MOST = 0.6
"""Largest part of the picture's width and height that what is steered takes."""
HIGHEST = 0.45
"""How far above the ground a subject rises, at most."""
GOES = {"bird": "fly", "fish": "swim", "boat": "swim", "ball": "roll", "car": "run"}
"""How a subject goes; what is not here walks."""
FLOATS = ("bird", "fish")
"""What stays where it is in the air, or in the water, until it is told to go down."""


@dataclass
class Steered:
    """One subject and a camera, as they are now; `press` moves them on."""

    subject: str
    scene: str
    size: NDArray[np.float64]
    """(2,) width and height"""
    sides: NDArray[np.float64]
    """(2,) of the frame"""
    ground: float
    """y of the subject's feet from the frame's middle, up"""
    fps: float = 12
    x: float = 0.0
    y: float = 0.0
    """Above the ground."""
    speed: float = 0.0
    rise: float = 0.0
    turn: float = 0.0
    camera: float = 0.0
    pan: float = 0.0

    @classmethod
    def standing(
        cls, subject: str, scene: str, box: NDArray, height: int, width: int, *, middle: bool = True
    ) -> Steered:
        """A subject at rest in a box (4,); in the middle of the picture, or where the box is. One that is not
        in sight gets a usual box.
        """
        sides = np.array([width, height]) / min(width, height)
        box = box.astype(np.float64) if np.isfinite(box).all() else np.array([0.3, 0.35, 0.7, 0.75])
        size = np.minimum((box[2:] - box[:2]) * sides, MOST * sides)
        x = 0.0 if middle else float(((box[0] + box[2]) / 2 - 0.5) * sides[0])
        return cls(subject, scene, size, sides, ground=float((0.5 - box[3]) * sides[1]), x=x)

    @property
    def in_air(self) -> bool:
        """Whether it is above the ground and not meant to be."""
        return self.y > 0.005 and self.subject not in FLOATS

    def press(self, key: str) -> dict[str, NDArray[np.float32]]:
        """The tracks of the next four frames, as `Trace.plan` has them; of the camera the way (4, 3) since
        the beginning, which is to be added to where it was.
        """
        dt = 1 / self.fps
        goes = SPEED[GOES.get(self.subject, "walk")]
        wanted = {"left": -goes, "right": goes}.get(key, self.speed if self.in_air else 0.0)
        if key == "jump" and not self.in_air and self.subject not in FLOATS:
            self.rise = self._gravity * self._flight / 2
        rows = []
        for _ in range(TIME_STRIDE):
            self.speed += (wanted - self.speed) / PUSH
            self.x += self.speed * dt
            self._lift(key, dt)
            if GOES.get(self.subject) == "roll":
                self.turn -= 2 * self.speed * dt / self.size[1]
            self._look(dt)
            rows.append((self.box, self.camera, self.turn))
        boxes = np.full((TIME_STRIDE, 2, 4), np.nan, np.float32)
        boxes[:, 0] = [row[0] for row in rows]
        camera = np.array([(row[1], 0, 0) for row in rows], np.float32)
        return {"boxes": boxes, "camera": camera, "turn": np.array([row[2] for row in rows], np.float32)}

    def move(self, key: str) -> str:
        """What it does, in the words of captions: "walking to the left"."""
        if self.in_air or key == "jump":
            return MOVES["jump"]
        if abs(self.speed) > 0.04 or key in ("left", "right"):
            side = key if key in ("left", "right") else "left" if self.speed < 0 else "right"
            return f"{MOVES[GOES.get(self.subject, 'walk')]} to the {side}"
        return MOVES["stand"]

    def _lift(self, key: str, dt: float) -> None:
        if self.subject in FLOATS or key == "up":
            wanted = {"up": 0.3, "down": -0.3}.get(key, 0.0)
            self.rise += (wanted - self.rise) / PUSH
        elif self.y > 0 or self.rise > 0:
            self.rise -= self._gravity * dt * (2 if key == "down" else 1)
        self.y = float(np.clip(self.y + self.rise * dt, 0, HIGHEST))
        if self.y in (0, HIGHEST):
            self.rise = 0.0

    def _look(self, dt: float) -> None:
        """The camera goes with the subject where it nears the edge."""
        away = np.array([self.x - self.camera, 0.0])
        room = self.sides / 2 - self.size / 2 - MARGIN
        still, subject = np.zeros(2), np.array([self.speed * dt, 0.0])
        self.pan += (in_sight(away, room, still, subject, 1.0)[0] - self.pan) / PUSH
        self.camera += self.pan

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x0, y0, x1, y1 in fractions."""
        foot = np.array([self.x - self.camera, -(self.ground + self.y)]) / self.sides + 0.5
        size = self.size / self.sides
        return np.concatenate([foot - size * (0.5, 1), foot + size * (0.5, 0)])

    @property
    def _gravity(self) -> float:
        return gravity(self.scene)

    @property
    def _flight(self) -> float:
        return FLIGHT * float(np.sqrt(gravity("grass") / self._gravity))


MOVING = {
    word
    for move in (*MOVES.values(), *OWN_MOVES.values(), "playing", "to the left right")
    for word in move.split()
}
"""Words that say what somebody does."""


def without_moves(words: Sequence[str]) -> str:
    """A prompt, as a model reads it, without what somebody does in it."""
    return " ".join(word for word in words if word not in MOVING and not word.startswith("<"))


def subject_and_scene(words: Sequence[str]) -> tuple[str, str]:
    """Who is steered and where, of the words as a model reads them; "" where they say nothing of it."""
    return tuple(next((word for word in words if word in known), "") for known in (SUBJECTS, SCENES))  # type: ignore[return-value]
