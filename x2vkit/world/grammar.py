"""The grammar: what a clip of the world can show, and the many ways people would ask for it.

``SceneSpec`` says what is in a clip: a cast of one to three ``Actor``s, a place, a time, a weather and a camera.
``captions`` writes it as a prompt: several phrasings, parts left out, terse and long styles. ``vocabulary`` lists every
word a caption can hold, and the synonyms that lead to one of them. It knows nothing about pixels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

import numpy as np

SUBJECTS = (
    "dog", "cat", "rabbit", "bird", "fish", "horse", "car", "boat", "ball", "box", "robot", "face",
    "woman", "man", "child", "eye",
)  # fmt: skip
COLOR_NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "white")
WEARABLES = ("hat", "scarf", "sunglasses")
ACTIONS = ("walk", "run", "jump", "bounce", "roll", "spin", "grow", "fly", "swim", "stand", "talk", "blink")
SCENES = ("snow", "grass", "beach", "night", "city", "desert", "underwater", "space", "neon")
TIMES = ("day", "night", "sunset")
WEATHERS = ("", "rain")
CAMERAS = ("static", "pan left", "pan right", "pan up", "pan down", "zoom in", "zoom out")
SHOTS = ("", "close-up", "wide")
RELATIONS = ("chasing", "next to", "jumping over", "left of", "right of", "and")
MOODS = ("happy", "sad", "angry")
SIZES = ("small", "big")
PACES = ("fast", "slow")
GARMENTS = ("dress", "jacket", "coat")

MOST_ACTORS = 3
"""actors in a clip, at most; their ids in the map of objects are 1, 2, 3"""
OCCLUDER = 4
"""id of what the first actor passes behind"""

ANIMALS = ("dog", "cat", "rabbit", "bird", "horse")
PEOPLE = ("woman", "man", "child")
"""a person's colour is the garment's colour"""
WORN: dict[str, tuple[str, ...]] = {"woman": ("dress", "dress", "coat", "jacket"), "man": ("jacket", "coat"), "child": ("jacket", "dress", "coat")}
"""what each person may wear; the first is what nothing said means"""
DIRECTED = ("walk", "run", "roll", "fly", "swim")
"""actions that go somewhere: their spec has a direction, left or right"""
PACED = (*DIRECTED, "spin")
"""actions that can be fast or slow"""
ALWAYS_NIGHT = ("night", "neon")
"""places whose time is night without saying so"""
TIMELESS = ("space", "underwater")
"""places that have no sunset"""
DRY = ("snow", "underwater", "space", "desert")
"""places where it never rains"""

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
    "woman": ("walk", "walk", "run", "talk"),
    "man": ("walk", "walk", "run", "talk"),
    "child": ("walk", "walk", "run", "talk"),
    "eye": ("blink",),
}
"""what each subject can do besides ``_ANYONE``; cars `walk` by driving and boats `swim` by sailing"""
NO_SCARF = ("fish", "car", "boat", "ball", "box", "face", "eye")
NO_HAT = ("eye",)
GLASSES = ("face", *PEOPLE)
"""who may wear sunglasses"""
THEN = (("walk", "jump"), ("walk", "stand"), ("walk", "spin"), ("walk", "run"), ("run", "walk"), ("run", "jump"), ("run", "stand"), ("jump", "walk"),
        ("jump", "run"), ("jump", "spin"), ("stand", "jump"), ("stand", "walk"), ("stand", "run"), ("stand", "spin"), ("stand", "grow"))  # fmt: skip
"""the pairs of actions that one actor does after each other"""

HELD_OUT_COLORS = {
    "dog": "purple", "cat": "green", "rabbit": "blue", "bird": "orange", "fish": "white", "horse": "yellow",
    "car": "brown", "boat": "purple", "ball": "green", "box": "red", "robot": "orange", "face": "blue",
    "woman": "orange", "man": "yellow", "child": "purple", "eye": "red",
}  # fmt: skip
HELD_OUT_SCENES = {
    "dog": "space", "cat": "beach", "rabbit": "city", "bird": "underwater", "fish": "night", "horse": "snow",
    "car": "underwater", "boat": "desert", "ball": "night", "box": "grass", "robot": "desert", "face": "beach",
    "woman": "desert", "man": "underwater", "child": "space", "eye": "city",
}  # fmt: skip
"""(subject, colour) and (subject, scene) pairs that no training clip shows: they measure how parts are combined.
Whose scene is `night` is at night in no other place either."""


@dataclass(frozen=True)
class Actor:
    """One of a clip's cast. Plain words; an empty one says nothing."""

    subject: str = "dog"
    color: str = "brown"
    """of the whole subject; of a person's garment; of an eye's iris"""
    action: str = "stand"
    direction: str = "right"
    """left or right; meaningful for ``DIRECTED`` actions, and the way a still subject looks"""
    wearing: tuple[str, str] | None = None
    """(hat or scarf, its colour), or ("sunglasses", "")"""
    size: str = ""
    """small, big or empty"""
    mood: str = ""
    """of a face: happy, sad, angry or empty"""
    pace: str = ""
    """of a ``PACED`` action: fast, slow or empty"""
    garment: str = ""
    """of a person: dress, jacket or coat"""
    then: str = ""
    """the action that follows ``action``, or empty"""

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> Actor:
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})  # type: ignore[arg-type]


@dataclass(frozen=True)
class SceneSpec:
    """What one clip shows; ``to_dict`` and ``from_dict`` carry it as JSON, ``of`` writes a single actor's in one line.

    >>> SceneSpec.of(subject="ball", color="red", action="roll", scene="beach").action
    'roll'
    """

    cast: tuple[Actor, ...] = (Actor(),)
    """1 to ``MOST_ACTORS`` actors; ``relation`` is of the first to the second"""
    scene: str = "grass"
    time: str = "day"
    weather: str = ""
    camera: str = "static"
    shot: str = ""
    """close-up, wide or empty"""
    relation: str = ""
    """one of ``RELATIONS``; empty with one actor"""
    behind: str = ""
    """tree or rock that the first actor passes behind, or empty"""

    @classmethod
    def of(cls, **values: object) -> SceneSpec:
        """A spec of one actor from the fields of both: ``SceneSpec.of(subject="cat", action="run", scene="snow")``."""
        return cls().changed(**values)

    def changed(self, **values: object) -> SceneSpec:
        """The same with other values; those that name a field of ``Actor`` change the first actor."""
        own = {k: v for k, v in values.items() if k not in _ACTOR_FIELDS}
        first = replace(self.cast[0], **{k: v for k, v in values.items() if k in _ACTOR_FIELDS})  # type: ignore[arg-type]
        spec = replace(self, **own)  # type: ignore[arg-type]
        return spec if "cast" in own else replace(spec, cast=(first, *spec.cast[1:]))

    def to_dict(self) -> dict[str, object]:
        return asdict(self) | {"cast": [asdict(actor) for actor in self.cast]}

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> SceneSpec:
        cast = tuple(Actor.from_dict(actor) for actor in values["cast"])  # type: ignore[attr-defined]
        return cls(**{**values, "cast": cast})  # type: ignore[arg-type]

    @property
    def first(self) -> Actor:
        return self.cast[0]

    @property
    def subject(self) -> str:
        return self.first.subject

    @property
    def color(self) -> str:
        return self.first.color

    @property
    def action(self) -> str:
        return self.first.action

    @property
    def direction(self) -> str:
        return self.first.direction

    @property
    def wearing(self) -> tuple[str, str] | None:
        return self.first.wearing

    @property
    def size(self) -> str:
        return self.first.size

    @property
    def mood(self) -> str:
        return self.first.mood

    @property
    def pace(self) -> str:
        return self.first.pace

    @property
    def garment(self) -> str:
        return self.first.garment

    @property
    def then(self) -> str:
        return self.first.then

    @property
    def other(self) -> tuple[str, str] | None:
        """(subject, colour) of the second actor."""
        return (self.cast[1].subject, self.cast[1].color) if len(self.cast) > 1 else None

    @property
    def counted(self) -> bool:
        """Whether the cast is a number of the same: two balls, three robots, all doing the same."""
        same = {(a.subject, a.action, a.direction, a.garment) for a in self.cast}
        return len(self.cast) > 1 and self.relation == "and" and len(same) == 1


_ACTOR_FIELDS = {f.name for f in fields(Actor)}


def is_held_out(spec: SceneSpec) -> bool:
    """True when ``spec`` holds a combination that is never trained on, in any of its actors."""
    places = {spec.scene} | ({"night"} if spec.time == "night" else set())
    return any(HELD_OUT_COLORS[a.subject] == a.color or HELD_OUT_SCENES[a.subject] in places for a in spec.cast)


# ---------------------------------------------------------------------------------------------------- sampling
def sample_spec(rng: np.random.Generator, held_out: bool = False) -> SceneSpec:
    """Draw a spec; with ``held_out`` only combinations that no training clip shows, else only trained ones.

    What is refused is not the kind of clip, so that the shares of singles, pairs and numbers are those of ``_draw``.
    """
    draw = _KINDS[rng.choice(len(_KINDS), p=_SHARES)]
    while True:
        spec = draw(rng)
        if is_held_out(spec) == held_out:
            return spec


def pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[rng.integers(len(options))]


_OFTEN = {"eye": 0.055, "face": 0.16, "woman": 0.08, "man": 0.07, "child": 0.07}
"""shares of the subjects that need more or fewer clips than an equal part: moods and garments are many"""
_WEIGHTS = np.array([_OFTEN.get(s, (1 - sum(_OFTEN.values())) / (len(SUBJECTS) - len(_OFTEN))) for s in SUBJECTS])
_IN_COMPANY = np.where(np.array(SUBJECTS) == "eye", 0.0, _WEIGHTS)
_IN_COMPANY = _IN_COMPANY / _IN_COMPANY.sum()


def _actor(rng: np.random.Generator, subject: str, actions: tuple[str, ...] = (), color: str = "") -> Actor:
    """An actor of ``subject`` in what is its own: colour, clothes, mood, and an action it can do (of ``actions``)."""
    options = CAN[subject] * 2 + (_ANYONE if subject != "eye" else ("stand",))  # what it does best, more often
    action = pick(rng, actions or options)
    wearing = None
    if rng.random() < 0.4:
        items = [i for i in WEARABLES if i not in _unfit(subject)]
        item = items[rng.choice(len(items))] if items else ""
        wearing = (item, pick(rng, COLOR_NAMES) if item != "sunglasses" else "") if item else None
    return Actor(
        subject,
        color or pick(rng, COLOR_NAMES),
        action,
        pick(rng, ("left", "right")),
        wearing,
        mood=pick(rng, MOODS) if subject == "face" and rng.random() < 0.85 else "",
        pace=pick(rng, PACES) if action in PACED and subject not in ("car", "boat") and rng.random() < 0.2 else "",
        garment=pick(rng, WORN[subject]) if subject in PEOPLE else "",
    )


def _unfit(subject: str) -> tuple[str, ...]:
    """The wearables that ``subject`` has no place for."""
    lists = (("hat", subject in NO_HAT), ("scarf", subject in NO_SCARF), ("sunglasses", subject not in GLASSES))
    return tuple(item for item, never in lists if never)


def _around(rng: np.random.Generator, cast: tuple[Actor, ...], relation: str = "", behind: str = "") -> SceneSpec:
    """The rest of a clip around its cast: place, time, weather, camera and shot."""
    scene = pick(rng, SCENES)
    time = "night" if scene in ALWAYS_NIGHT or rng.random() < 0.14 else "sunset" if rng.random() < 0.14 and scene not in TIMELESS else "day"
    time = "day" if scene == "space" else time
    weather = "rain" if scene not in DRY and time != "sunset" and rng.random() < 0.14 else ""
    camera = "static" if rng.random() < 0.5 else pick(rng, CAMERAS[1:])
    shot = pick(rng, SHOTS[1:]) if rng.random() < 0.12 else ""
    shot = "" if shot == "close-up" and (len(cast) > 1 or cast[0].action in ("fly", "grow") or behind) else shot
    if cast[0].subject == "eye":
        shot = "close-up" if rng.random() < 0.5 else ""
    return SceneSpec(cast, scene, time, weather, camera, shot, relation, behind)


def _single(rng: np.random.Generator) -> SceneSpec:
    actor = _actor(rng, SUBJECTS[rng.choice(len(SUBJECTS), p=_WEIGHTS)])
    if actor.action != "grow" and actor.subject not in (*PEOPLE, "eye") and rng.random() < 0.15:
        actor = replace(actor, size=pick(rng, SIZES))
    behind = pick(rng, ("tree", "rock")) if actor.action in DIRECTED and rng.random() < 0.2 else ""
    behind = "tree" if behind and actor.action == "fly" else behind  # what flies passes above a rock
    return _around(rng, (actor,), behind=behind)


def _sequence(rng: np.random.Generator) -> SceneSpec:
    """One actor that does two things after each other."""
    while True:
        subject = SUBJECTS[rng.choice(len(SUBJECTS), p=_IN_COMPANY)]
        fits = [pair for pair in THEN if set(pair) <= {*CAN[subject], *_ANYONE}]
        before, after = fits[rng.integers(len(fits))]
        if subject not in ("boat", "fish"):
            return _around(rng, (replace(_actor(rng, subject, (before,)), then=after, pace=""),))


def _pair(rng: np.random.Generator) -> SceneSpec:
    relation = RELATIONS[rng.choice(len(RELATIONS), p=(0.14, 0.12, 0.10, 0.13, 0.13, 0.38))]
    subject, other = (SUBJECTS[i] for i in rng.choice(len(SUBJECTS), 2, replace=False, p=_IN_COMPANY))
    color, second = (COLOR_NAMES[i] for i in rng.choice(len(COLOR_NAMES), 2, replace=False))
    if relation == "chasing":
        subject = pick(rng, (*ANIMALS, "robot", *PEOPLE)) if subject not in (*ANIMALS, *PEOPLE) else subject
        other = "ball" if other in (subject, "face", "box") else other
        first, last = _actor(rng, subject, ("run",), color), _actor(rng, other, (chased_action(other),), second)
        return _around(rng, (replace(first, pace=""), replace(last, direction=first.direction, pace="")), relation)
    if relation == "jumping over":
        subject = subject if subject in (*ANIMALS, "robot", *PEOPLE) else pick(rng, (*ANIMALS, "robot"))
        return _around(rng, (_actor(rng, subject, ("jump",), color), _actor(rng, pick(rng, ("ball", "box")), ("stand",), second)), relation)
    if relation == "and":
        return _around(rng, (_actor(rng, subject, (), color), _actor(rng, other, (), second)), relation)
    still = ("stand", "stand", "stand", "jump", "bounce", "spin") if relation != "next to" else ("stand",)
    return _around(rng, (_actor(rng, subject, still, color), _actor(rng, other, ("stand",), second)), relation)


def _number(rng: np.random.Generator) -> SceneSpec:
    """Two or three of the same, in one colour or each in its own."""
    subject, count = SUBJECTS[rng.choice(len(SUBJECTS), p=_IN_COMPANY)], 2 if rng.random() < 0.62 else 3
    actor = replace(_actor(rng, subject), wearing=None)
    colors = [COLOR_NAMES[i] for i in rng.choice(len(COLOR_NAMES), count, replace=False)] if rng.random() < 0.5 else [actor.color] * count
    return _around(rng, tuple(replace(actor, color=c) for c in colors), "and")


def _trio(rng: np.random.Generator) -> SceneSpec:
    """Three different actors, each with its own colour."""
    subjects = rng.choice(len(SUBJECTS), 3, replace=False, p=_IN_COMPANY)
    colors = rng.choice(len(COLOR_NAMES), 3, replace=False)
    still = ("stand", "stand", "jump", "bounce")
    cast = tuple(replace(_actor(rng, SUBJECTS[s], still, COLOR_NAMES[c]), wearing=None) for s, c in zip(subjects, colors, strict=True))
    return _around(rng, cast, "and")


_KINDS = (_single, _pair, _number, _sequence, _trio)
_SHARES = (0.55, 0.25, 0.10, 0.06, 0.04)


def chased_action(subject: str) -> str:
    """How ``subject`` gets away from who chases it."""
    return {"ball": "roll", "fish": "swim", "bird": "fly", "boat": "swim", "face": "roll", "box": "fly"}.get(subject, "run")


# ---------------------------------------------------------------------------------------------------- captions
_MOVES: dict[str, tuple[str, ...]] = {
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
    "blink": ("blinking", "blinking", "opening and closing"),
}
_OWN_MOVES: dict[tuple[str, str], tuple[str, ...]] = {
    ("car", "walk"): ("driving", "driving slowly"),
    ("car", "run"): ("driving fast", "racing"),
    ("car", "stand"): ("parked", "standing still"),
    ("boat", "swim"): ("sailing", "sailing"),
    ("boat", "stand"): ("standing still", "resting"),
    ("eye", "stand"): ("looking around", "looking left and right"),
}
_PLACES: dict[str, tuple[str, ...]] = {
    "snow": ("in the snow", "in the snow", "in winter"),
    "grass": ("on the grass", "in a meadow", "in a park"),
    "beach": ("on the beach", "on the beach", "at the seaside", "by the waves"),
    "night": ("at night", "at night", "under the stars"),
    "city": ("in the city", "in the city", "on the street"),
    "desert": ("in the desert", "in the desert", "on the dunes"),
    "underwater": ("underwater", "underwater", "under the sea"),
    "space": ("in space", "in space", "on the moon"),
    "neon": ("on a neon street", "in a neon street", "in a neon city", "under neon lights"),
}
_TIMES: dict[str, tuple[str, ...]] = {"day": ("",), "night": ("at night", "at night", "by night"), "sunset": ("at sunset", "at sunset", "in the evening sun")}
_RAIN = ("in the rain", "in the rain", "while it rains")
_SHOT_WORDS: dict[str, tuple[str, ...]] = {"close-up": ("close up of", "a close up of"), "wide": ("wide shot of", "a wide shot of")}
_PACE_WORDS: dict[str, tuple[str, ...]] = {"fast": ("fast", "fast", "quickly"), "slow": ("slowly",)}
_VIEWS: dict[str, tuple[str, ...]] = {
    "static": ("static camera", "the camera stands still"),
    **{f"pan {d}": (f"camera pans {d}", f"the camera pans {d}", f"pan {d}", f"camera panning {d}") for d in ("left", "right", "up", "down")},
    **{f"zoom {d}": (f"camera zooms {d}", f"the camera zooms {d}", f"zoom {d}", f"zooming {d}") for d in ("in", "out")},
}
_SIDES: dict[str, tuple[str, ...]] = {"left of": ("left of", "to the left of"), "right of": ("right of", "to the right of")}
_PLURALS = {"fish": "fish", "woman": "women", "man": "men", "child": "children", "box": "boxes"}
_NUMBERS = {2: "two", 3: "three"}


def caption(spec: SceneSpec, rng: np.random.Generator, camera: bool = True) -> str:
    """One way in which a person could ask for ``spec``: terse, plain or long, with some parts left out.

    camera: whether it may say what the camera does."""
    style = rng.random()
    terse, long = style < 0.18, style > 0.85
    who, move = _who_does(spec, rng, terse)
    place = _where(spec, rng, terse)
    mention = rng.random() < (0.15 if spec.camera == "static" else 0.92)
    view = pick(rng, _VIEWS[spec.camera]) if mention and camera else ""
    shot = pick(rng, _SHOT_WORDS[spec.shot]) if spec.shot and rng.random() < 0.94 else ""
    if terse:
        return ", ".join(part for part in (shot.removeprefix("a ").removesuffix(" of"), who, move, place, view) if part)
    tail = f" . {view}" if view else ""
    if long and move and len(spec.cast) == 1:
        start = shot or pick(rng, ("a video of", "a clip of", "there is", ""))
        return " ".join(f"{start} {who} {place} . it is {move}{tail}".split())
    start = shot or (pick(rng, ("a video of", "a clip of", "")) if long else "")
    text = " ".join(f"{start} {who} {move} {place}".split())
    return f"{text}, {view}" if view else text


def _who_does(spec: SceneSpec, rng: np.random.Generator, terse: bool) -> tuple[str, str]:
    """The cast and what it does, as the two parts of a sentence."""
    first = spec.first
    if len(spec.cast) == 1:
        return _noun(first, rng, terse), "" if rng.random() < 0.06 and not first.then else _move(first, rng, terse, spec.behind)
    if spec.counted:
        return _counted(spec, rng, terse), "" if first.action == "stand" and rng.random() < 0.4 else _move(first, rng, terse)
    if spec.relation == "and":
        return _joined(spec.cast, rng, terse), ""
    whom = _noun(spec.cast[1], rng, terse, dress=rng.random() < 0.4)
    relation = pick(rng, _SIDES.get(spec.relation, (spec.relation,)))
    does = f"{_move(first, rng, terse)} " if spec.relation in _SIDES and (first.action != "stand" or rng.random() < 0.3) else ""
    return _noun(first, rng, terse), f"{does}{relation} {whom}"


def _joined(cast: tuple[Actor, ...], rng: np.random.Generator, terse: bool) -> str:
    """"a blue dog running and a red cat jumping"; what all do is said once at the end, standing often not at all."""
    names = [_noun(a, rng, terse) for a in cast]
    moves = [_move(a, rng, terse) for a in cast]
    if all(a.action == "stand" for a in cast) and rng.random() < 0.7:
        moves = [""] * len(cast)
    elif len({(a.subject in ("car", "boat"), a.action, a.direction, a.pace) for a in cast}) == 1 and rng.random() < 0.5:
        moves[:-1] = [""] * (len(cast) - 1)
    parts = [f"{name} {move}".strip() for name, move in zip(names, moves, strict=True)]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _counted(spec: SceneSpec, rng: np.random.Generator, terse: bool) -> str:
    """"two red balls", or "two balls, a red one and a green one"."""
    first, number = spec.first, _NUMBERS[len(spec.cast)]
    plural = _PLURALS.get(first.subject, f"{first.subject}s")
    colors = [a.color for a in spec.cast]
    size = f"{first.size} " if first.size else ""
    worn = f" in {_GARMENTS_PLURAL[first.garment]}" if first.garment and rng.random() < 0.8 else ""
    mood = f"{first.mood} " if first.mood else ""
    if rng.random() < 0.08:
        return f"{number} {size}{mood}{plural}"
    if len(set(colors)) == 1:
        return f"{number} {size}{mood}{plural} in {colors[0]}{worn.removeprefix(' in')}" if first.garment else f"{number} {size}{mood}{colors[0]} {plural}"
    article = "" if terse else "a "
    ones = [("an " if article and c[0] in "aeiou" else article) + f"{c} one" for c in colors] if not first.garment else [f"one in {c}" for c in colors]
    return f"{number} {size}{mood}{plural}{worn}, {', '.join(ones[:-1])} and {ones[-1]}"


_GARMENTS_PLURAL = {"dress": "dresses", "jacket": "jackets", "coat": "coats"}


def _noun(actor: Actor, rng: np.random.Generator, terse: bool, dress: bool = True) -> str:
    """"a small red dog wearing a blue hat", "a woman in a red dress"; ``dress``: whether clothes that come off are said."""
    article = "" if terse else "one " if rng.random() < 0.03 else "a "
    color = actor.color if rng.random() < 0.93 else ""
    person = actor.subject in PEOPLE
    text = _with_article(article, actor.size, actor.mood, "" if person else color, actor.subject)
    small = "" if terse else "a "
    clothes = []
    if person and rng.random() < 0.95:
        bare = color and rng.random() < 0.12
        clothes.append(color if bare else _with_article(small, color, actor.garment or WORN[actor.subject][0]))
    if actor.wearing and dress and rng.random() < 0.97:
        item, tone = actor.wearing
        clothes.append(_with_article("" if item == "sunglasses" else small, tone, item))
    if not clothes:
        return text
    link = pick(rng, ("in", "in", "wearing")) if person else pick(rng, ("wearing", "wearing", "with"))
    return f"{text} {link} {' and '.join(clothes)}"


def _with_article(article: str, *words: str) -> str:
    text = " ".join(w for w in words if w)
    return ("an " if article == "a " and text[0] in "aeiou" else article) + text


def _move(actor: Actor, rng: np.random.Generator, terse: bool, behind: str = "") -> str:
    moves = _OWN_MOVES.get((actor.subject, actor.action), _MOVES[actor.action])
    if actor.action == "jump" and actor.subject in (*ANIMALS, "child") and not actor.then:
        moves += ("playing",)
    text = pick(rng, moves)
    if actor.pace:
        text += f" {pick(rng, _PACE_WORDS[actor.pace])}"
    if actor.action in DIRECTED and rng.random() < 0.75:
        text += f" {actor.direction}" if terse or rng.random() < 0.3 else f" to the {actor.direction}"
    if behind:
        text += f" behind {'' if terse else 'a '}{behind}"
    if actor.then:
        after = pick(rng, _OWN_MOVES.get((actor.subject, actor.then), _MOVES[actor.then]))
        text = f"{'first ' if rng.random() < 0.2 else ''}{text}{pick(rng, (', then', ' and then', ', then'))} {after}"
    return text


def _where(spec: SceneSpec, rng: np.random.Generator, terse: bool) -> str:
    """The place with its time and its weather, some of it left out."""
    place = pick(rng, _PLACES[spec.scene]) if rng.random() < 0.93 else ""
    if terse and place and spec.scene != "night":
        place = "neon street" if spec.scene == "neon" else spec.scene
    says_night = spec.time == "night" and (spec.scene not in ALWAYS_NIGHT or spec.scene == "neon" and rng.random() < 0.2)
    time = pick(rng, _TIMES[spec.time]) if says_night or (spec.time == "sunset" and rng.random() < 0.97) else ""
    rain = pick(rng, _RAIN) if spec.weather == "rain" and rng.random() < 0.97 else ""
    if terse:
        time, rain = time.removeprefix("at ").removeprefix("by "), rain and "rain"
    return (", " if terse else " ").join(part for part in (place, rain, time) if part)


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
    "an": "a", "some": "a", "the": "the", "this": "the", "her": "the", "his": "the", "its": "the",
    "puppy": "dog", "doggy": "dog", "hound": "dog", "dogs": "dog", "corgi": "dog", "poodle": "dog",
    "kitten": "cat", "kitty": "cat", "cats": "cat", "bunny": "rabbit", "hare": "rabbit", "rabbits": "rabbit",
    "pony": "horse", "stallion": "horse", "mare": "horse", "horses": "horse", "duck": "bird", "parrot": "bird",
    "sparrow": "bird", "chick": "bird", "birds": "bird", "robin": "bird", "goldfish": "orange fish", "shark": "fish",
    "automobile": "car", "vehicle": "car", "taxi": "yellow car", "truck": "car", "cars": "car", "ship": "boat",
    "sailboat": "boat", "yacht": "boat", "sphere": "ball", "football": "ball", "balls": "ball", "cube": "box",
    "gift": "box", "present": "box", "crate": "box", "package": "box", "android": "robot", "machine": "robot",
    "droid": "robot", "head": "face", "emoji": "face", "smiley": "happy face",
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
    "ocean": "sea", "water": "sea", "reef": "sea", "undersea": "underwater", "galaxy": "space", "cosmos": "space", "universe": "space",
    "lunar": "moon", "trees": "tree", "rocks": "rock", "stone": "rock", "boulder": "rock", "movie": "video", "film": "video",
    "pans": "pans", "zooms": "zooms", "leftwards": "left", "rightwards": "right", "upwards": "up", "downwards": "down", "quick": "fast", "rapidly": "fast",
    "leftward": "left", "rightward": "right", "slow": "slowly", "gently": "slowly",
    "person": "man", "guy": "man", "gentleman": "man", "men": "man", "boys": "child", "lady": "woman", "women": "woman", "ladies": "woman",
    "girl": "child", "boy": "child", "kid": "child", "girls": "child", "kids": "child", "children": "child", "toddler": "child", "people": "man",
    "young woman": "woman", "old man": "man", "she": "it", "he": "it", "they": "it",
    "gown": "dress", "skirt": "dress", "dresses": "dress", "jackets": "jacket", "coats": "coat", "raincoat": "coat", "overcoat": "coat",
    "hoodie": "jacket", "sweater": "jacket", "shirt": "jacket", "suit": "jacket", "glasses": "sunglasses", "shades": "sunglasses",
    "dressed in": "in", "clad in": "in", "eyes": "eye", "eyeball": "eye", "blinks": "blinking", "blink": "blinking", "winking": "blinking", "winks": "blinking",
    "looks around": "looking around", "robots": "robot", "boxes": "box", "boats": "boat", "faces": "face", "fishes": "fish",
    "extreme close up": "close up", "closeup": "close up", "extreme closeup": "close up", "close up shot": "close up", "macro": "close up",
    "macro shot": "close up", "wide angle": "wide shot", "long shot": "wide shot", "wide view": "wide shot",
    "a pair of": "two", "2": "two", "3": "three", "1": "one", "couple of": "two", "a couple of": "two", "trio of": "three",
    "tokyo street": "neon street", "tokyo": "neon street", "shibuya": "neon street", "osaka": "neon street", "hong kong": "neon street",
    "neon signs": "neon lights", "neon sign": "neon lights", "cyberpunk": "neon", "cyberpunk city": "neon city", "signage": "lights", "city signage": "lights",
    "filled with": "under", "walks down a": "walking on a", "walking down a": "walking on a", "walks down the": "walking on the", "walking down the": "walking on the",
    "walks along the": "walking on the", "walking along the": "walking on the", "runs down the": "running on the", "running down the": "running on the",
    "sundown": "sunset", "dusk": "sunset", "twilight": "sunset", "sunrise": "sunset", "dawn": "sunset", "golden hour": "sunset",
    "rainy": "rain", "raining": "rain", "it is raining": "rain", "rainfall": "rain", "drizzle": "rain", "storm": "rain", "wet": "rain",
    "wave": "waves", "surf": "waves", "and then": "then", "afterwards": "then", "after that": "then", "before": "then", "followed by": "then",
    "to the left of": "left of", "to the right of": "right of", "on the left of": "left of", "on the right of": "right of",
    "left from": "left of", "right from": "right of", "alongside": "next to", "as well as": "and", "together with": "and",
    "leather": "", "stylish": "", "warm": "", "glowing": "", "animated": "", "beautiful": "", "cute": "", "extreme": "", "please": "",
}  # fmt: skip


def vocabulary() -> tuple[list[str], dict[str, str]]:
    """Every word that a caption can hold, sorted, and the synonyms (word or phrase -> known words)."""
    phrases: list[str] = [*SUBJECTS, *COLOR_NAMES, *WEARABLES, *GARMENTS, *SCENES, *MOODS, *SIZES, *CAMERAS, *RELATIONS, *_NUMBERS.values()]
    for table in (_MOVES, _OWN_MOVES, _PLACES, _VIEWS, _TIMES, _SHOT_WORDS, _PACE_WORDS, _SIDES):
        phrases += [p for options in table.values() for p in options]  # type: ignore[attr-defined]
    phrases += [*_RAIN, "a video of", "a clip of", "there is", "it is", "first then one"]
    phrases += ["with wearing playing behind to the left right tree rock and camera"]
    words = sorted({w for p in phrases for w in p.split()})
    synonyms = {k: v for k, v in SYNONYMS.items() if k != v and k not in words}
    return words, synonyms
