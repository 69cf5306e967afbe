"""Verbs, places and subjects of stories as the world's nearest: what a film shows of "hurries", "to the sea"
and "a poodle". Words are read as `expand` reads them; stories have verbs beside ("loses", "meets").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from x2vkit.studio.character import lexicon
from x2vkit.studio.reading import read
from x2vkit.world.grammar import MOVES

ACTIONS = frozenset(
    "walking strolling running racing jumping hopping bouncing rolling spinning turning growing flying"
    " soaring swimming standing resting talking speaking driving sailing chasing playing parked".split()
)
"""Words of captions that say what is done."""
_STORY = {
    "standing still": (
        "wait see watch look sleep rest stop lose drop forget miss think dream wonder "
        "hide wake sit stare listen notice cry eat drink read find get catch reach"
    ),
    "walking": (
        "go come leave arrive wander travel enter search seek return stroll hike explore "
        "visit follow cross carry bring walk pass sneak climb move start"
    ),
    "running": "hurry rush flee escape race dash run gallop sprint speed charge",
    "jumping": "celebrate cheer jump leap hop dance play win laugh",
    "spinning": "spin turn twirl rotate whirl",
    "growing": "grow inflate swell",
    "flying": "fly soar glide take off rise hover land fall",
    "swimming": "swim dive sink",
    "rolling": "roll tumble slide slip",
    "bouncing": "bounce",
    "talking": "talk speak say sing tell shout whisper ask answer greet call",
    "chasing": "chase hunt pursue",
    "driving": "drive",
    "sailing": "sail",
    "next to": "meet join hug kiss help befriend love",
}
_IRREGULAR = dict(
    pair.split(":")
    for pair in (
        "ran:run went:go came:come lost:lose found:find got:get flew:fly swam:swim saw:see met:meet "
        "said:say told:tell sang:sing left:leave fell:fall caught:catch won:win slept:sleep woke:wake "
        "sat:sit hid:hide stood:stand spoke:speak drove:drive grew:grow brought:bring sought:seek "
        "dreamt:dream fled:flee sank:sink rose:rise slid:slide ate:eat drank:drink forgot:forget "
        "thought:think leapt:leap dove:dive"
    ).split()
)
_OF = {stem: action for action, stems in _STORY.items() for stem in stems.split()}
LOSES = frozenset("lose drop forget miss".split())
FINDS = frozenset("find get catch".split())
NOT_VERBS = frozenset("left play home back it its red".split())


def action_of(word: str) -> str:
    """What the world shows of a verb ("hurried" -> "running"); nothing for a word that is none.

    >>> action_of("loses"), action_of("hat")
    ('standing still', '')
    """
    read = [one for one in lexicon().tokenize(word).words[1:] if one in ACTIONS]
    if read and word not in NOT_VERBS:
        plain = {"standing": "standing still", "resting": "standing still", "parked": "standing still",
                 "strolling": "walking", "racing": "running", "hopping": "jumping", "turning": "spinning",
                 "soaring": "flying", "speaking": "talking", "playing": "jumping"}  # fmt: skip
        return plain.get(read[0], read[0])
    if word in NOT_VERBS:
        return ""
    if story := next((_OF[form] for form in forms(word) if form in _OF), ""):
        return story
    parts = understood(word)
    return MOVES[parts["action"]][0] if parts.keys() == {"action"} else ""


@cache
def understood(word: str) -> Mapping[str, str]:
    """What a word says in the world's terms, as `expand` reads it."""
    return read(word).parts


def place_of(text: str) -> str:
    """The scene of the world that a text names, as `expand` reads it; else nothing."""
    return read(text).parts.get("scene", "")


def kind_of(word: str) -> str:
    """The subject of the world that a word names, as `expand` reads it; else nothing.

    >>> kind_of("poodle"), kind_of("king"), kind_of("hat")
    ('dog', 'face', '')
    """
    return understood(word).get("subject", "")


def forms(word: str) -> list[str]:
    """A verb's possible stems: "hurried" -> hurry, "stopping" -> stop, "goes" -> go."""
    forms = [word, _IRREGULAR.get(word, word)]
    for ending in ("s", "es", "ed", "d", "ing"):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word.removesuffix(ending)
            forms += [stem, f"{stem}e"] if ending == "ing" else [stem]
            if len(stem) > 2 and stem[-1] == stem[-2]:
                forms.append(stem[:-1])
            if stem.endswith("i"):
                forms.append(f"{stem[:-1]}y")
    return forms
