"""The grammar: what a clip of the world can show, and the many ways people would ask for it.

``SceneSpec`` says what is in a clip. ``captions`` writes it as a prompt: several phrasings, parts left out, terse and
long styles. ``vocabulary`` lists every word a caption can hold, and the synonyms that lead to one of them.
It knows nothing about pixels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

SUBJECTS = ("dog", "cat", "rabbit", "bird", "fish", "horse", "car", "boat", "ball", "box", "robot", "face")
COLOR_NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "white")
WEARABLES = ("hat", "scarf")
ACTIONS = ("walk", "run", "jump", "bounce", "roll", "spin", "grow", "fly", "swim", "stand", "talk")
SCENES = ("snow", "grass", "beach", "night", "city", "desert", "underwater", "space")
CAMERAS = ("static", "pan left", "pan right", "pan up", "pan down", "zoom in", "zoom out")
RELATIONS = ("chasing", "next to", "jumping over")
MOODS = ("happy", "sad", "angry")
SIZES = ("small", "big")

ANIMALS = ("dog", "cat", "rabbit", "bird", "horse")
DIRECTED = ("walk", "run", "roll", "fly", "swim")
"""actions that go somewhere: their spec has a direction, left or right"""

_ANYONE = ("jump", "bounce", "spin", "grow", "stand")
CAN: dict[str, tuple[str, ...]] = {
    "dog": ("walk", "run", "roll", "swim"),
    "cat": ("walk", "run", "roll"),
    "rabbit": ("walk", "run", "roll"),
    "bird": ("walk", "fly"),
    "fish": ("swim",),
    "horse": ("walk", "run"),
    "car": ("walk", "run", "fly"),
    "boat": ("swim",),
    "ball": ("roll",),
    "box": ("fly",),
    "robot": ("walk", "run", "fly", "talk"),
    "face": ("roll", "talk"),
}
"""what each subject can do besides ``_ANYONE``; cars `walk` by driving and boats `swim` by sailing"""
NO_SCARF = ("fish", "car", "boat", "ball", "box", "face")

HELD_OUT_COLORS = {
    "dog": "purple", "cat": "green", "rabbit": "blue", "bird": "orange", "fish": "white", "horse": "yellow",
    "car": "brown", "boat": "purple", "ball": "green", "box": "red", "robot": "orange", "face": "blue",
}  # fmt: skip
HELD_OUT_SCENES = {
    "dog": "space", "cat": "beach", "rabbit": "city", "bird": "underwater", "fish": "night", "horse": "snow",
    "car": "underwater", "boat": "desert", "ball": "night", "box": "grass", "robot": "desert", "face": "beach",
}  # fmt: skip
"""(subject, colour) and (subject, scene) pairs that no training clip shows: they measure how parts are combined"""


@dataclass(frozen=True)
class SceneSpec:
    """What one clip shows. Plain words; ``to_dict`` and ``from_dict`` carry it as JSON."""

    subject: str = "dog"
    color: str = "brown"
    action: str = "stand"
    direction: str = "right"
    """left or right; meaningful for ``DIRECTED`` actions and relations, and the way a still subject looks"""
    scene: str = "grass"
    camera: str = "static"
    wearing: tuple[str, str] | None = None
    """(hat or scarf, its colour)"""
    size: str = ""
    """small, big or empty"""
    mood: str = ""
    """of a face: happy, sad, angry or empty"""
    behind: str = ""
    """tree or rock that the subject passes behind, or empty"""
    other: tuple[str, str] | None = None
    """(subject, colour) of a second subject"""
    relation: str = ""
    """of the first subject to the second"""

    def to_dict(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> SceneSpec:
        fixed = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**fixed)  # type: ignore[arg-type]


def is_held_out(spec: SceneSpec) -> bool:
    """True when ``spec`` holds a combination that is never trained on."""
    cast = [(spec.subject, spec.color)] + ([spec.other] if spec.other else [])
    return any(HELD_OUT_COLORS[s] == c or HELD_OUT_SCENES[s] == spec.scene for s, c in cast)


def sample_spec(rng: np.random.Generator, held_out: bool = False) -> SceneSpec:
    """Draw a spec; with ``held_out`` only combinations that no training clip shows, else only trained ones."""
    while True:
        spec = _draw(rng)
        if is_held_out(spec) == held_out:
            return spec


def _draw(rng: np.random.Generator) -> SceneSpec:
    def pick(options: tuple[str, ...]) -> str:
        return options[rng.integers(len(options))]

    subject, scene = pick(SUBJECTS), pick(SCENES)
    color, direction = pick(COLOR_NAMES), pick(("left", "right"))
    camera = "static" if rng.random() < 0.5 else pick(CAMERAS[1:])
    item = "hat" if subject in NO_SCARF or rng.random() < 0.6 else "scarf"
    wearing = (item, pick(COLOR_NAMES)) if rng.random() < 0.4 else None
    if rng.random() < 0.14:  # two subjects
        relation = pick(RELATIONS)
        actor = pick(ANIMALS + ("robot",)) if relation != "next to" else subject
        other = pick(("ball", "box")) if relation == "jumping over" else pick(tuple(s for s in SUBJECTS if s != actor))
        action = {"chasing": "run", "jumping over": "jump"}.get(relation, "stand")
        if relation == "chasing" and other in ("face", "box"):
            other = "ball"
        colors = tuple(c for c in COLOR_NAMES if c != color)
        wearing = wearing if actor not in NO_SCARF or (wearing and wearing[0] == "hat") else None
        return SceneSpec(actor, color, action, direction, scene, camera, wearing, other=(other, pick(colors)), relation=relation)
    options = CAN[subject] * 2 + _ANYONE  # what it does best, more often
    action = pick(options)
    size = pick(SIZES) if action != "grow" and rng.random() < 0.15 else ""
    mood = pick(MOODS) if subject == "face" and rng.random() < 0.7 else ""
    behind = pick(("tree", "rock")) if action in DIRECTED and rng.random() < 0.2 else ""
    behind = "tree" if behind and action == "fly" else behind  # what flies passes above a rock
    return SceneSpec(subject, color, action, direction, scene, camera, wearing, size, mood, behind)


# ---------------------------------------------------------------------------------------------------- captions
MOVES: dict[str, tuple[str, ...]] = {  # action -> how it is said, as for places and views below
    "walk": ("walking", "walking", "strolling"),
    "run": ("running", "running", "racing"),
    "jump": ("jumping", "jumping up and down", "hopping"),
    "bounce": ("bouncing", "bouncing up and down"),
    "roll": ("rolling", "rolling"),
    "spin": ("spinning", "spinning around", "turning around"),
    "grow": ("growing", "growing bigger", "getting bigger"),
    "fly": ("flying", "flying", "soaring"),
    "swim": ("swimming", "swimming"),
    "stand": ("standing still", "standing", "resting"),
    "talk": ("talking", "speaking"),
}
OWN_MOVES: dict[tuple[str, str], tuple[str, ...]] = {
    ("car", "walk"): ("driving", "driving slowly"),
    ("car", "run"): ("driving fast", "racing"),
    ("car", "stand"): ("parked", "standing still"),
    ("boat", "swim"): ("sailing", "sailing"),
    ("boat", "stand"): ("standing still", "resting"),
}
PLACES: dict[str, tuple[str, ...]] = {
    "snow": ("in the snow", "in the snow", "in winter"),
    "grass": ("on the grass", "in a meadow", "in a park"),
    "beach": ("on the beach", "on the beach", "at the seaside"),
    "night": ("at night", "at night", "under the stars"),
    "city": ("in the city", "in the city", "on the street"),
    "desert": ("in the desert", "in the desert", "on the dunes"),
    "underwater": ("underwater", "underwater", "under the sea"),
    "space": ("in space", "in space", "on the moon"),
}
VIEWS: dict[str, tuple[str, ...]] = {
    "static": ("static camera", "the camera stands still"),
    **{f"pan {d}": (f"camera pans {d}", f"the camera pans {d}", f"pan {d}", f"camera panning {d}") for d in ("left", "right", "up", "down")},
    **{f"zoom {d}": (f"camera zooms {d}", f"the camera zooms {d}", f"zoom {d}", f"zooming {d}") for d in ("in", "out")},
}


def caption(spec: SceneSpec, rng: np.random.Generator, camera: bool = True) -> str:
    """One way in which a person could ask for ``spec``: terse, plain or long, with some parts left out.

    camera: whether it may say what the camera does."""

    def pick(options: tuple[str, ...]) -> str:
        return options[rng.integers(len(options))]

    style = rng.random()
    terse, long = style < 0.18, style > 0.85
    article = "" if terse else "a "
    moves = OWN_MOVES.get((spec.subject, spec.action), MOVES[spec.action])
    if spec.action == "jump" and spec.subject in ANIMALS:
        moves += ("playing",)
    move = pick(moves)
    if spec.action in DIRECTED and rng.random() < 0.75:
        move += f" {spec.direction}" if terse or rng.random() < 0.3 else f" to the {spec.direction}"
    if spec.behind:
        move += f" behind {article}{spec.behind}"

    who = _noun(spec.subject, spec.color if rng.random() < 0.92 else "", spec.size, spec.mood, article)
    if spec.wearing and rng.random() < 0.97:
        item, color = spec.wearing
        who += f" {'with' if rng.random() < 0.3 else 'wearing'} {_noun(item, color, '', '', article)}"
    if spec.other:
        whom = _noun(spec.other[0], spec.other[1] if rng.random() < 0.95 else "", "", "", article)
        move = f"{spec.relation} {whom}"
    elif rng.random() < 0.06:
        move = ""
    place = pick(PLACES[spec.scene]) if rng.random() < 0.93 else ""
    mention = rng.random() < (0.15 if spec.camera == "static" else 0.92)
    view = pick(VIEWS[spec.camera]) if mention and camera else ""

    if terse:
        place = spec.scene if place and spec.scene != "night" else place
        return ", ".join(part for part in (who.strip(), move, place, view) if part)
    if long and move:
        start = pick(("a video of ", "a clip of ", "there is ", ""))
        tail = f" . {view}" if view else ""
        return f"{start}{who} {place} . it is {move}{tail}".replace("  ", " ")
    text = f"{who} {move} {place}".replace("  ", " ").strip()
    return f"{text}, {view}" if view else text


def _noun(subject: str, color: str, size: str, mood: str, article: str) -> str:
    words = " ".join(w for w in (size, mood, color, subject) if w)
    article = "an " if article and words[0] in "aeiou" else article
    return f"{article}{words}"


def captions(spec: SceneSpec, rng: np.random.Generator, count: int = 4) -> list[str]:
    """``count`` different phrasings of ``spec`` (fewer when it has fewer)."""
    found: dict[str, None] = {}
    for _ in range(count * 8):
        found[caption(spec, rng)] = None
        if len(found) == count:
            break
    return list(found)


# -------------------------------------------------------------------------------------------------- vocabulary
SYNONYMS: dict[str, str] = {
    "an": "a", "one": "a", "some": "a", "the": "the", "this": "the", "her": "the", "his": "the", "its": "the",
    "puppy": "dog", "doggy": "dog", "hound": "dog", "dogs": "dog", "corgi": "dog", "poodle": "dog",
    "kitten": "cat", "kitty": "cat", "cats": "cat", "bunny": "rabbit", "hare": "rabbit", "rabbits": "rabbit",
    "pony": "horse", "stallion": "horse", "mare": "horse", "horses": "horse", "duck": "bird", "parrot": "bird",
    "sparrow": "bird", "chick": "bird", "birds": "bird", "robin": "bird", "goldfish": "orange fish", "shark": "fish",
    "automobile": "car", "vehicle": "car", "taxi": "yellow car", "truck": "car", "cars": "car", "ship": "boat",
    "sailboat": "boat", "yacht": "boat", "sphere": "ball", "football": "ball", "balls": "ball", "cube": "box",
    "gift": "box", "present": "box", "crate": "box", "package": "box", "android": "robot", "machine": "robot",
    "droid": "robot", "head": "face", "person": "face", "man": "face", "woman": "face", "emoji": "face", "smiley": "happy face",
    "crimson": "red", "scarlet": "red", "ruby": "red", "golden": "yellow", "gold": "yellow", "azure": "blue", "navy": "blue",
    "cyan": "blue", "turquoise": "blue", "violet": "purple", "magenta": "purple", "lilac": "purple", "lime": "green",
    "emerald": "green", "tan": "brown", "chocolate": "brown", "amber": "orange", "snowy-white": "white", "ivory": "white",
    "cap": "hat", "beanie": "hat", "helmet": "hat", "shawl": "scarf", "muffler": "scarf", "in a hat": "wearing a hat",
    "wears": "wearing", "has": "with", "having": "with", "little": "small", "tiny": "small", "large": "big", "huge": "big",
    "giant": "big", "smiling": "happy", "cheerful": "happy", "joyful": "happy", "unhappy": "sad", "crying": "sad",
    "furious": "angry", "mad": "angry",
    "walks": "walking", "walk": "walking", "strolls": "strolling", "wandering": "walking", "marching": "walking",
    "runs": "running", "run": "running", "sprinting": "running", "dashing": "running", "galloping": "running", "jogging": "running",
    "jumps": "jumping", "jump": "jumping", "leaping": "jumping", "leaps": "jumping", "hops": "hopping", "skipping": "hopping",
    "plays": "playing", "play": "playing", "bounces": "bouncing", "bounce": "bouncing", "rolls": "rolling", "roll": "rolling",
    "tumbling": "rolling", "spins": "spinning", "spin": "spinning", "rotating": "spinning", "twirling": "spinning",
    "turns": "turning", "grows": "growing", "grow": "growing", "inflating": "growing", "larger": "bigger", "flies": "flying", "fly": "flying",
    "gliding": "flying", "swims": "swimming", "swim": "swimming", "diving": "swimming", "floating": "swimming",
    "sails": "sailing", "drives": "driving", "stands": "standing", "stand": "standing", "sitting": "resting", "sits": "resting",
    "waiting": "standing", "sleeping": "resting", "motionless": "still", "talks": "talking", "talk": "talking", "speaks": "speaking",
    "singing": "talking", "saying": "talking", "chases": "chasing", "following": "chasing", "beside": "next to", "near": "next to",
    "leaping over": "jumping over", "jumps over": "jumping over", "past": "behind",
    "snowy": "snow", "snowfield": "snow", "ice": "snow", "field": "meadow", "lawn": "grass", "garden": "park", "forest": "park", "woods": "park",
    "seashore": "seaside", "shore": "seaside", "coast": "seaside", "sand": "beach", "nighttime": "night", "midnight": "night",
    "dark": "night", "moonlight": "night", "town": "city", "downtown": "city", "road": "street", "sahara": "desert", "dune": "dunes",
    "undersea": "underwater", "galaxy": "space", "cosmos": "space", "universe": "space",
    "lunar": "moon", "trees": "tree", "rocks": "rock", "stone": "rock", "boulder": "rock", "movie": "video", "film": "video",
    "pans": "pans", "zooms": "zooms", "leftwards": "left", "rightwards": "right", "upwards": "up", "downwards": "down", "quickly": "fast",
    "closeup": "zoom in", "leftward": "left", "rightward": "right",
}  # fmt: skip


IN_PHRASES: dict[str, str | None] = {
    "sea": None, "under the sea": "under the sea", "under the ocean": "under the sea", "under water": "underwater",
    "in the sea": "underwater", "in the ocean": "underwater", "in the water": "underwater", "by the sea": "at the seaside",
    "near the sea": "at the seaside", "at the sea": "at the seaside", "by the ocean": "at the seaside",
}  # fmt: skip
"""captions have "sea" in "under the sea" alone: taken by itself (None) it would say as little as any other word"""


def vocabulary() -> tuple[list[str], dict[str, str | None]]:
    """Every word that a caption can hold, sorted, and the synonyms (word or phrase -> known words; None: a word that
    is known within phrases alone)."""
    phrases: list[str] = [*SUBJECTS, *COLOR_NAMES, *WEARABLES, *SCENES, *MOODS, *SIZES, *RELATIONS, *CAMERAS]
    for table in (MOVES, OWN_MOVES, PLACES, VIEWS):
        phrases += [p for options in table.values() for p in options]  # type: ignore[attr-defined]
    phrases += ["a video of", "a clip of", "there is", "it is", "with wearing playing behind to the left right tree rock and camera"]
    words = sorted({w for p in phrases for w in p.split()})
    synonyms = {k: v for k, v in SYNONYMS.items() if k != v and k not in words}
    return words, synonyms | IN_PHRASES
