"""`storyboard`: an idea in a sentence or two -> shots, by rules.

1. The idea is cut into events: sentences, what "then", "and" with a verb, "before", "after", "until" join.
2. Of each event: who (a pronoun is whoever acted last), what (a verb, as the world's nearest action), where
   (said, or as before), camera (said, or by its place in the film).
3. Whoever acts is of the cast, with a colour if none was said; what it loses is missing until it is found.
4. One or two events become a film: an establishing shot before them, a closing shot after.

No model writes here, so the same idea is the same film. Knows nothing about torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from x2vkit.config import check_prompt
from x2vkit.errors import X2VError
from x2vkit.studio.character import Character, lexicon
from x2vkit.studio.checks import check_whole
from x2vkit.studio.film.board import MOST_SHOTS, USUAL_SECONDS, Shot, Storyboard
from x2vkit.studio.film.verbs import ACTIONS, FINDS, LOSES, action_of, forms, kind_of, place_of
from x2vkit.world.grammar import (
    CAMERAS,
    COLOR_NAMES,
    HELD_OUT_COLORS,
    HELD_OUT_SCENES,
    SCENES,
    SUBJECTS,
    WEARABLES,
)

STOPS = re.compile(
    r"[.;!?:\n]+\s*|,?\s+(?:and\s+)?(?:then|afterwards?|finally|next|later)\b,?\s*", re.IGNORECASE
)
LEADS = re.compile(
    r"^(?:and|then|afterwards?|finally|next|later|so|but|once upon a time)\b,?\s*", re.IGNORECASE
)
ORDER = re.compile(r",?\s+(before|after|until|while|when|because|but|so)\s+", re.IGNORECASE)
QUOTED = re.compile(r"[\"“](.+?)[\"”]")
SHIFT = 0xE000
CASTING = 3
"""Seed of the first character: of the first eight brown dogs with a red hat the one that looks best."""
PRONOUNS = frozenset("it he she they him her them its his their who".split())
HOMES = {
    "fish": "underwater", "boat": "beach", "bird": "grass", "car": "city", "robot": "city", "face": "city",
}  # fmt: skip
"""Where a subject is unless the idea says; anybody else is on the grass."""
PHRASES = {
    "snow": "in the snow", "grass": "on the grass", "beach": "on the beach", "night": "at night",
    "city": "in the city", "desert": "in the desert", "underwater": "underwater", "space": "in space",
}  # fmt: skip
USUAL_COLORS = {
    "dog": "brown", "cat": "orange", "rabbit": "white", "bird": "blue", "fish": "orange", "horse": "brown",
    "car": "red", "boat": "red", "ball": "red", "box": "blue", "robot": "blue", "face": "yellow",
}  # fmt: skip


@dataclass
class Event:
    """One thing that happens, as it was read."""

    text: str
    who: str = ""
    """A kind of the world, or nothing."""
    what: str = ""
    """In the world's words."""
    where: str = ""
    """A scene of the world, or nothing."""
    camera: str = ""
    other: str = ""
    """Whom it is done to: "a red ball"."""
    loses: bool = False
    finds: bool = False
    says: str = ""


@dataclass
class _Told:
    """What is known so far."""

    cast: dict[str, Character] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    last: str = ""
    where: str = ""
    bare: set[str] = field(default_factory=set)


def storyboard(
    idea: str,
    shots: int | None = None,
    seconds: float = USUAL_SECONDS,
    seed: int = 0,
    title: str | None = None,
) -> Storyboard:
    """A film from an idea, as plain data that one edits.

    >>> x2v.storyboard("a dog loses its hat and finds it again").shots[1].who
    'the dog without its hat'

    Args:
        idea: a sentence or a few.
        shots: how many, at least one for each event; None is as many as it takes to begin and to end.
        seconds: length of each, from 0.4 to 10.
        seed: another seed, other colours where none are said, and other clips.
        title: of the film; None makes one of the idea, "" is none.

    Raises:
        X2VError: an idea that says nothing, or shots, seconds or seed out of their range.
    """
    check_prompt(idea, "idea")
    if not re.search(r"[^\W_]", idea):
        rule = "an idea says who does what, in a sentence or two"
        raise X2VError(f"idea={idea!r:.60}", rule, 'use "a dog loses its hat and finds it again"')
    if shots is not None:
        check_whole("shots", shots, 1, MOST_SHOTS)
    Shot(who="x", seconds=seconds).check("storyboard")
    check_whole("seed", seed)
    told = _Told()
    events = [read_event(clause, told) for clause in clauses(idea)][:MOST_SHOTS]
    events = [event for event in events if event.who or event.what] or [Event(idea)]
    _cast(events, idea, told, seed)
    made = _whole([_shot(event, told) for event in events], events, told, shots)
    for shot in made:
        shot.seconds = seconds
    board = Storyboard(
        _title(idea) if title is None else title, made, told.cast, seed=seed, notes=list(told.notes)
    )
    board.check()
    return board


# -- the idea in events --------------------------------------------------------------------------------------


def clauses(idea: str) -> list[str]:
    """The parts of an idea that each tell one event, in the order in which they happen.

    >>> clauses("Before it rains, a cat runs home and a bird sings.")
    ['a cat runs home', 'a bird sings', 'it rains']
    """
    found: list[str] = []
    idea = QUOTED.sub(lambda quote: _shifted(quote[0], SHIFT), idea)  # what is spoken is not cut
    for sentence in (LEADS.sub("", part.strip(" ,")) for part in STOPS.split(idea)):
        found += _in_order(sentence)
    parts = [part for one in found for part in _joined(one)]
    return [_shifted(part, -SHIFT) for part in parts if re.search(r"[^\W_]", part)]


def _shifted(text: str, by: int) -> str:
    """Characters in and out of the private-use area, where they are no words and no marks."""
    moved = range(SHIFT, SHIFT + 0x1800) if by < 0 else range(0x1800)
    return "".join(chr(ord(c) + by) if ord(c) in moved else c for c in text)


def _in_order(sentence: str) -> list[str]:
    """Clauses by time: "A after B" as B, A; "before B, A" as A, B."""
    leading = re.match(r"(before|after|until|while|when|because)\s+(.*?),\s*(.*)", sentence, re.IGNORECASE)
    if leading:
        first, second = leading[2], leading[3]
        return [second, first] if leading[1].lower() in ("before", "until") else [first, second]
    parts = ORDER.split(sentence, maxsplit=1)
    if len(parts) == 1 or not _has_verb(parts[2]):
        return [sentence]
    swaps = parts[1].lower() in ("after", "when", "because")
    return [parts[2], parts[0]] if swaps else [parts[0], parts[2]]


def _joined(sentence: str) -> list[str]:
    """A sentence cut at each "and" and comma that a verb follows, itself or after a subject."""
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", sentence)
    found = parts[:1]
    for part, joint in zip(parts[1:], re.findall(r"\s*,\s*(?:and\s+)?|\s+and\s+", sentence), strict=True):
        if _has_verb(part) and _has_verb(found[-1]):
            found.append(part)
        else:
            found[-1] += joint + part
    return found


def _has_verb(text: str) -> bool:
    return any(action_of(word) for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


# -- one event -----------------------------------------------------------------------------------------------


def read_event(text: str, told: _Told | None = None) -> Event:
    """What one clause tells, in the world's words; what it has not goes into the notes."""
    told = told or _Told()
    event = Event(text)
    quoted = QUOTED.search(text)
    if quoted:
        event.says, text = quoted[1][:100], text.replace(quoted[0], " ")
    words = _words(text)
    verb_at, action = next(((i, action_of(w)) for i, w in enumerate(words) if action_of(w)), (len(words), ""))
    verb = words[verb_at] if action else ""
    event.loses, event.finds = verb_is(verb, LOSES), verb_is(verb, FINDS)
    kinds = _kinds(words, told)
    before = [kind for at, kind in kinds if at <= verb_at]
    after = [kind for at, kind in kinds if at > verb_at]
    event.who = before[0] if before else ""
    if not event.who and not action and after:
        event.who = after.pop(0)
    event.where = place_of(text)
    event.camera = next((one for one in CAMERAS[1:] if set(one.split()) <= set(_read(text).split())), "")
    if after and after[0] != event.who and not event.loses:
        event.other = _noun_phrase(text, after[0])
    event.what = _doing(event, action, words)
    if action and not _known_verb(verb, action):
        told.notes[f'"{verb}" is shown as {event.what.split(" to the ")[0]}'] = None
    return event


def verb_is(verb: str, stems: frozenset[str]) -> bool:
    """Whether a word is a form of one of these verbs."""
    return any(form in stems for form in forms(verb))


def _known_verb(verb: str, action: str) -> bool:
    """Whether a verb is the world's own, or a form of it ("ran")."""
    return any(word in ACTIONS for word in _read(verb).split()) or any(
        action.startswith(form) or form.startswith(action.removesuffix("ing"))
        for form in forms(verb)
        if len(form) > 2
    )


def _doing(event: Event, action: str, words: list[str]) -> str:
    """What happens, in the words of captions."""
    if event.other and action == "chasing":
        return f"chasing {event.other}"
    if event.other and action == "jumping" and "over" in words:
        return f"jumping over {event.other}"
    if event.other:
        return f"next to {event.other}"
    if action in ("walking", "running", "flying", "swimming", "rolling", "driving", "sailing"):
        side = "left" if {"left", "back", "home", "away", "returns", "return"} & set(words) else "right"
        return f"{action} to the {side}"
    return action


def _kinds(words: list[str], told: _Told) -> list[tuple[int, str]]:
    """(place, kind of the world) of every subject that is named."""
    found = []
    for at, word in enumerate(words):
        if not (kind := kind_of(word)):
            continue
        if kind not in _read(word).split():
            if action_of(word) or word in PRONOUNS:
                continue
            told.notes[f'"{word}" is shown as a {kind}'] = None
        found.append((at, kind))
    return found


def _noun_phrase(text: str, kind: str) -> str:
    """The noun phrase "a red ball" out of "the dog chases a small red ball"."""
    words = _words(text)
    at = next(i for i, word in enumerate(words) if kind_of(word) == kind)
    own = [_read(word) for word in words[max(0, at - 2) : at]]
    color = next((word for word in own if word in COLOR_NAMES), USUAL_COLORS[kind])
    return _a(f"{color} {kind}")


def _read(text: str) -> str:
    return " ".join(lexicon().tokenize(text).words[1:])


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


# -- the cast ------------------------------------------------------------------------------------------------


def _cast(events: list[Event], idea: str, told: _Told, seed: int) -> None:
    """Give every event a subject, and each subject a description."""
    rng = np.random.default_rng([seed, 7])
    named = [event.who for event in events if event.who]
    if not named:
        told.notes[
            f"nobody whom the world knows is named, so a dog plays (it knows {', '.join(SUBJECTS)})"
        ] = None
        named = ["dog"]
    last = named[0]
    for event in events:
        event.who = last = event.who or last
    for number, kind in enumerate(dict.fromkeys(named)):
        said = _description(kind, idea, events, told, rng)
        told.cast[kind] = Character(said, CASTING + 10 * seed + number)


def _description(kind: str, idea: str, events: list[Event], told: _Told, rng: np.random.Generator) -> str:
    """Who it is: what the idea says before and after its first mention, and a colour in any case."""
    words = _words(idea)
    at = next((i for i, word in enumerate(words) if kind_of(word) == kind), 0)
    before = [word for w in words[max(0, at - 3) : at] for word in _read(w).split()]
    color = next((word for word in before if word in COLOR_NAMES), "")
    color = color or _unsaid_color(kind, rng)
    extra = " ".join(word for word in before if word in ("small", "big", "happy", "sad", "angry"))
    said = _a(" ".join(part for part in (extra, color, kind) if part))
    mine = [event for event in events if event.who == kind]
    item = _worn(" . ".join(event.text for event in mine))
    if not item:
        return said
    garment, worn_color = item
    worn_color = worn_color or str(rng.choice([one for one in COLOR_NAMES if one != color]))
    return f"{said} wearing {_a(f'{worn_color} {garment}')}"


def _unsaid_color(kind: str, rng: np.random.Generator) -> str:
    usual = USUAL_COLORS[kind]
    return usual if usual != HELD_OUT_COLORS[kind] else str(rng.choice(COLOR_NAMES))


def _worn(text: str) -> tuple[str, str] | None:
    """The first garment that is spoken of, and its colour if one is said."""
    words = _words(text)
    for at, word in enumerate(words):
        garment = next((one for one in _read(word).split() if one in WEARABLES), "")
        if garment:
            color = next(
                (w for each in words[max(0, at - 2) : at] for w in _read(each).split() if w in COLOR_NAMES),
                "",
            )
            return garment, color
    return None


# -- shots ---------------------------------------------------------------------------------------------------


def _shot(event: Event, told: _Told) -> Shot:
    """One event as a shot; what it changes counts from here on."""
    who = event.who
    told.where = event.where or told.where or _home(who)
    if event.loses:
        told.bare.add(who)
    if event.finds:  # seen from near
        told.bare.discard(who)
        event.camera = event.camera or "zoom in"
    what = event.what or "standing still"
    return Shot(_called(who, told), what, PHRASES[told.where], event.camera or "static", says=event.says)


def _called(who: str, told: _Told) -> str:
    worn = _worn(told.cast[who].description) if who in told.cast else None
    return f"the {who} without its {worn[0]}" if who in told.bare and worn else f"the {who}"


def _home(who: str) -> str:
    place = HOMES.get(who, "grass")
    return place if HELD_OUT_SCENES[who] != place else next(s for s in SCENES if s != HELD_OUT_SCENES[who])


def _whole(made: list[Shot], events: list[Event], told: _Told, count: int | None) -> list[Shot]:
    """A beginning and an end where the events have none, and further looks until there are `count` shots."""
    first, last = events[0].who, events[-1].who
    lost = first in {event.who for event in events if event.loses}
    if len(made) < 3 and count != 1 and (count is None or count > len(made)):
        moves = (
            "swimming to the right"
            if first in ("fish", "boat")
            else "walking to the right"
            if lost
            else "standing still"
        )
        made = [Shot(f"the {first}", moves, made[0].where, "static" if lost else "zoom in"), *made]
    if len(made) < 4 and (count is None or count > len(made)):
        ends = "swimming to the right" if last in ("fish", "boat") else "standing still"
        made = [*made, Shot(_called(last, told), ends, made[-1].where, "zoom out", cut="fade")]
    at = 0
    while count is not None and len(made) < count:
        shot = made[at % len(made)]
        look = "zoom in" if shot.camera == "static" else "static"
        made.insert(at % len(made) + 1, Shot(shot.who, shot.what, shot.where, look, take=shot.take + 1))
        at += 2
    made[0].cut = "fade"
    return made


def _title(idea: str) -> str:
    """The idea as a title: its first event, of at most 40 characters."""
    words = clauses(idea)[0].strip(" .").split() if clauses(idea) else []
    title = ""
    for word in words:
        if len(title) + len(word) > 40:
            return f"{title} …"
        title = f"{title} {word}".strip()
    return title[:1].upper() + title[1:]
