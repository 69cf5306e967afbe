"""What can be asked of a model, as a palette of words to click: from the world's grammar and its vocabulary.

Subjects, colours, garments, actions, places and camera moves, as far as the model knows them. A model with
words of its own was trained on somebody's captions, and what it can show is not known: its palette holds
those words alone. How a word goes into a prompt stands in views/static/lib/compose.js.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from x2vkit.core.lexicon import Lexicon
from x2vkit.run.wording import FUNCTION
from x2vkit.world.grammar import (
    COLOR_NAMES,
    IN_PHRASES,
    MOODS,
    MOVES,
    OWN_MOVES,
    PLACES,
    RELATIONS,
    SIZES,
    SUBJECTS,
    SYNONYMS,
    VIEWS,
    WEARABLES,
    vocabulary,
)

SHOWN = 150
"""Words of a model's own that are shown."""
ORDER = ("size", "mood", "colour", "subject", "garment", "action", "direction", "behind", "place", "camera")
"""Kinds in the order of a caption."""
SIDES = {f"to the {side}": side for side in ("left", "right")}
OTHERS = dict(zip(RELATIONS, ("ball", "cat", "box"), strict=True))
"""Relation -> who is offered with it."""
GROUPS: dict[str, dict[str, Iterable[str]]] = {
    "Who": {"subject": SUBJECTS, "size": SIZES, "mood": MOODS},
    "Colour": {"colour": COLOR_NAMES},
    "Wearing": {"garment": [f"wearing a {item}" for item in WEARABLES]},
    "Doing": {
        "action": [*(ways[0] for ways in MOVES.values()), *(f"{way} a {who}" for way, who in OTHERS.items())],
        "direction": SIDES,
        "behind": ["behind a tree", "behind a rock"],
    },
    "Where": {"place": [ways[0] for ways in PLACES.values()]},
    "Camera": {"camera": [ways[0] for ways in VIEWS.values()]},
}
"""Group -> kind -> what is offered, as it stands in a prompt."""
LEADS = {
    "garment": "wearing wears with in has having a an the",
    "place": "in on at under by near the a",
    "camera": "the a",
    "direction": "to the",
}
"""Kind -> words before a phrase that belong to it."""


def palette(lexicon: Lexicon) -> dict[str, Any]:
    """The palette of a model, as JSON values.

    Returns:
        groups: each a `name` and `words`, {text, kind, label}, where the label is what a page shows; none,
            where the model knows nothing of the world.
        order: kinds as in a caption.
        phrases: kind -> what a prompt may say -> the word of the palette that it means.
        leads: kind -> words before such a phrase that belong to it.
        tails: phrases that a noun follows ("chasing a red ball") -> the kind of the noun.
    """
    known = set(vocabulary()[0])
    own = [word for word in lexicon.words[2:] if word not in known and word not in FUNCTION]
    if own:
        words = [{"text": word, "kind": "word", "label": word} for word in own[:SHOWN]]
        empty: dict[str, Any] = {"order": [], "phrases": {}, "leads": {}, "tails": {}}
        return {"groups": [{"name": "Words of its captions", "words": words}], **empty}
    offered = {
        name: [
            {"text": text, "kind": kind, "label": text.removeprefix("wearing ").removeprefix("camera ")}
            for kind, texts in kinds.items()
            for text in texts
            if lexicon.knows(text)
        ]
        for name, kinds in GROUPS.items()
    }
    return {
        "groups": [{"name": name, "words": words} for name, words in offered.items() if words],
        "order": ORDER,
        "phrases": phrases(),
        "leads": {kind: words.split() for kind, words in LEADS.items()},
        "tails": {**dict.fromkeys(RELATIONS, "subject"), "behind": "thing"},
    }


def phrases() -> dict[str, dict[str, str]]:
    """Kind -> every way to say one of its words -> that word."""
    ways = {way: MOVES[action][0] for action, said in MOVES.items() for way in said}
    own = {way: MOVES[action][0] for (_, action), said in OWN_MOVES.items() for way in said}
    ways = own | ways  # "racing" is running, of a car too
    places = {way: said[0] for said in PLACES.values() for way in said}
    places |= {way.split()[-1]: place for way, place in places.items()}
    del places["sea"]  # which the world has "under the sea" alone
    return {
        "size": _with_synonyms(dict(zip(SIZES, SIZES, strict=True))),
        "mood": _with_synonyms(dict(zip(MOODS, MOODS, strict=True))),
        "colour": _with_synonyms(dict(zip(COLOR_NAMES, COLOR_NAMES, strict=True))),
        "subject": _with_synonyms(dict(zip(SUBJECTS, SUBJECTS, strict=True)), last=True),
        "thing": _with_synonyms({"tree": "tree", "rock": "rock"}),
        "garment": _with_synonyms({item: f"wearing a {item}" for item in WEARABLES}),
        "action": _with_synonyms(ways | {way: way for way in RELATIONS}),
        "direction": _with_synonyms({side: text for text, side in SIDES.items()}),
        "behind": _with_synonyms({"behind": "behind"}),
        "place": _with_synonyms(places),
        "camera": _with_synonyms({way: said[0] for said in VIEWS.values() for way in said}),
    }


def _with_synonyms(ways: Mapping[str, str], last: bool = False) -> dict[str, str]:
    """Ways to say something, and their synonyms; last: of a synonym of several words the last one counts."""
    read: dict[str, str | None] = {**SYNONYMS, **IN_PHRASES}
    meant = {key: target.split()[-1] if last else target for key, target in read.items() if target}
    return {**{key: ways[target] for key, target in meant.items() if target in ways}, **ways}
