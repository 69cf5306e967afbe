"""What a prompt asks for that the model cannot hear: negation, numbers, weights, "a ... and a ...".

    read_wording("a red dog without a hat")    # prompt "a red dog", negative_prompt "hat", and a note

The model was taught captions that say what is there. A "not" among them would be left out and the hat be
drawn; so what a negation governs goes into the negative prompt. What has no such cure is told in a note.
Pure text: of a model it is given a `Lexicon` at most; a word that the model itself has learnt is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from x2vkit.core.lexicon import Lexicon, counts, few

WORD = r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\W_]+)*"
TOKEN = re.compile(rf"{WORD}|[^\w\s]")
WEIGHT = re.compile(r"\(\s*([^():]*[^():\s])\s*:\s*\d*\.?\d+\s*\)")
"""As other tools write emphasis: (red:1.3)."""

NEGATORS = {"no", "not", "without", "never", "cannot", "neither", "minus", "lacking"}
WITHOUT = re.compile(r"\bw/o\b|\bfree of\b|\bdevoid of\b", re.IGNORECASE)
"""Other ways to write "without"."""
ARTICLES = set("a an the any some this that these those its his her their".split())
PREPOSITIONS = set("in on at near by behind under over to into onto from of".split())
HAVING = set(
    "with wearing wear wears having have has being be is are was show showing shows do does did can".split()
)
JOINTS = {"or", "nor"}
BEFORE = HAVING | PREPOSITIONS | {"and", "but", "that", "who", "which", ","}
"""Words that only led to the negation, and go with it: "a dog (with) no hat"."""
FUNCTION = ARTICLES | PREPOSITIONS | HAVING | JOINTS | NEGATORS | {"and", "but", "then", "while", "it", "who"}
ADJECTIVES = set(
    "red orange yellow green blue purple brown white black grey gray pink gold golden dark bright"
    " crimson scarlet azure navy cyan turquoise violet magenta lilac lime emerald tan amber ivory"
    " small big little tiny large huge giant tall short happy sad angry smiling cheerful old young"
    " new".split()
)
NOT_SUBJECTS = set(
    "hat hats scarf cap beanie helmet shawl muffler tie coat tree rock stone camera smile tail sky"
    " sun moon".split()
)
"""What may stand after "and a" beside a subject, being none."""


@dataclass(frozen=True)
class Wording:
    """A prompt as it goes to the model."""

    prompt: str
    """What is to be seen; as typed, where nothing had to be moved."""
    negative_prompt: str
    """What to steer away from: what was given, then what the prompt's negations govern."""
    moved: tuple[tuple[str, str], ...] = ()
    """Each negation: the part of the prompt, what it governs ("without a hat", "hat")."""
    notes: tuple[str, ...] = ()
    """What was moved, and what the model cannot show, a sentence each."""


def read_wording(
    prompt: str, negative_prompt: str = "", known: Callable[[str], bool] = lambda word: False
) -> Wording:
    """Take apart what a prompt says there should not be from what it says there should.

    Args:
        prompt: as typed.
        negative_prompt: as typed.
        known: whether the model itself knows one of these words; then the word is left to it.
    """
    plain = WITHOUT.sub("without", WEIGHT.sub(r"\1", prompt))
    notes = [
        f'weights like "{weight[0]}" are not understood: the words count, the number does not'
        for weight in WEIGHT.finditer(prompt)
    ]
    kept, moved = _negations(plain, known)
    for said, governed in moved:
        notes.append(f'"{said}" is read as: steer away from "{governed}" (the negative prompt)')
    negative = ", ".join(part for part in (negative_prompt, *(governed for _, governed in moved)) if part)
    return Wording(kept, negative, moved, (*notes, *_numbers(kept, known), *_pairs(kept, known)))


def notes_on(prompt: str, negative_prompt: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Everything about a prompt that its reader should know before the run, a sentence each: what is moved,
    what the model cannot show, which words it does not know, and which are too many.
    """
    wording = read_wording(prompt, negative_prompt, lexicon.knows)
    words = lexicon.tokenize(wording.prompt)
    unknown = [
        f'"{word}" is not known and left out' + (f" (known: {', '.join(near)})" if near else "")
        for word in dict.fromkeys(words.unknown)
        if not counts(word)
        for near in [lexicon.near(word)]
    ]
    notes = [*unknown, *wording.notes, lexicon.cut(words), *negative_notes(wording.negative_prompt, lexicon)]
    return tuple(filter(None, notes))


def negative_notes(negative_prompt: str, lexicon: Lexicon) -> list[str]:
    """What of a negative prompt the model cannot use."""
    words = lexicon.tokenize(negative_prompt)
    unknown = few(words.unknown)
    notes = [f"the model does not know {unknown}, and cannot avoid it" if unknown else "", lexicon.cut(words)]
    return [f"negative prompt: {note}" for note in notes if note]


def _negations(prompt: str, known: Callable[[str], bool]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The prompt without its negations, and each with what it governs."""
    tokens = list(TOKEN.finditer(prompt))
    words = [token[0].lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") for token in tokens]
    kept, moved, at, done = "", [], 0, 0  # done: characters of the prompt that are dealt with
    while at < len(words):
        negates = words[at] in NEGATORS or words[at].endswith("n't")
        parts, after = _governed(words, at + 1) if negates and not known(words[at]) else ([], at)
        if not parts:
            at += 1
            continue
        first = at
        while first and tokens[first - 1].start() >= done and words[first - 1] in BEFORE:
            first -= 1
        kept += prompt[done : tokens[first].start()]
        end = tokens[after - 1].end()
        moved.append((prompt[tokens[at].start() : end], ", ".join(parts)))
        if after < len(words) and words[after] == "but":  # "not a dog but a cat"
            end, after = tokens[after].end(), after + 1
        done, at = end, after
    if not moved:
        return prompt, ()
    kept = re.sub(r"\s+([,.;])", r"\1", " ".join((kept + prompt[done:]).split()))
    return kept.strip(" ,;:.&"), tuple(moved)


def _governed(words: list[str], at: int) -> tuple[list[str], int]:
    """The noun phrases from a word on that a negation governs, without articles; and the word after them."""
    parts: list[list[str]] = []
    after = at
    while True:
        while at < len(words) and words[at] in ARTICLES | PREPOSITIONS | HAVING:
            at += 1
        part: list[str] = []
        while at < len(words) and words[at] in ADJECTIVES:
            part.append(words[at])
            at += 1
        noun = at < len(words) and words[at] not in FUNCTION and re.fullmatch(WORD, words[at])
        if noun and not (part and words[at].endswith("ing")):  # "not red, running": no noun follows
            part.append(words[at])
            at += 1
        if not part:
            break
        parts.append(part)
        after = at
        if at < len(words) and words[at] == "," and at + 1 < len(words) and words[at + 1] in JOINTS:
            at += 1
        if at == len(words) or words[at] not in JOINTS:
            break
        at += 1
    if parts and parts[-1][-1] not in ADJECTIVES:  # "no red or blue hat" is of hats, twice
        parts = [part if part[-1] not in ADJECTIVES else [*part, parts[-1][-1]] for part in parts]
    return [" ".join(part) for part in parts], after


def _numbers(prompt: str, known: Callable[[str], bool]) -> list[str]:
    """A note on numbers above one."""
    words = [word for word in re.findall(WORD, prompt.lower()) if counts(word)]
    strange = [word for word in dict.fromkeys(words) if not known(word)]
    said = ", ".join(f'"{word}"' for word in strange)
    return [f"the model cannot count: {said} is left out, and it shows one"] if strange else []


def _pairs(prompt: str, known: Callable[[str], bool]) -> list[str]:
    """A note on each second subject that "and" brings."""
    adjectives = "|".join(sorted(ADJECTIVES))
    found = re.findall(rf"\w\W+(and (?:an?|another|one) (?:(?:{adjectives}) )*({WORD}))", prompt.lower())
    return [
        f'"{said}": the model was not taught two subjects with "and", and may mix them or leave one out; '
        f'say what they do, as in "a dog chasing a cat" or "next to a cat"'
        for said, noun in found
        if noun not in NOT_SUBJECTS
    ]
