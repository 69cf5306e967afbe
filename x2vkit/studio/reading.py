"""A prompt as anybody writes it -> what it says in the world's terms, with a line for each word.

    read("a poodle in a red hat strolling through Tokyo").parts
    # {"subject": "dog", "wearing": "hat", "wearing_color": "red", "action": "walk", "scene": "city"}

A grammar of a few rules and no model: the longest known phrase first; colours belong to the noun after them;
the first noun that can be a subject is the subject; a second one counts where "and", "next to", "chasing" or
"jumping over" brings it. What a word means comes from the world's own words (`world.grammar`), then from the
tables of meanings. What is negated is read apart (`run.wording`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from unicodedata import category

from x2vkit.core import meanings
from x2vkit.core.lexicon import counts
from x2vkit.run.wording import read_wording
from x2vkit.studio.phrases import (
    DETERMINERS,
    JOINTS,
    KEPT,
    LEFT_OUT,
    QUICK,
    SILENT,
    UNDERSTOOD,
    WORN,
    Line,
    Role,
    capitals,
    lexicon,
    roles,
)
from x2vkit.words import split_words
from x2vkit.world import grammar

OBJECT = "one subject at a time: this one only stands with it"
ADJECTIVAL = ("subject", "wearing", "color", "size", "mood", "unknown")
"""What may follow a word that only describes it."""


@dataclass(frozen=True)
class Said:
    """What a prompt says."""

    parts: Mapping[str, str]
    """As fields of a scene: subject, color, action, direction, scene, camera, wearing, wearing_color, size,
    mood, behind, other, other_color, relation.
    """
    never: Mapping[str, frozenset[str]]
    """Of such fields the words that must not be: what the prompt negates."""
    lines: tuple[Line, ...]
    """A line for each word, in order."""
    negative_prompt: str = ""
    """What the prompt negates, for `generate`."""


def read(prompt: str) -> Said:
    """Read a prompt. Any text can be read; what says nothing in the world is left out and told."""
    wording = read_wording(prompt)
    reader = _Reader(capitals(wording.prompt))
    reader.all(split_words(wording.prompt))
    never: dict[str, set[str]] = {}
    lines = reader.finish()
    for said, governed in wording.moved:
        inner = _Reader()
        inner.all(split_words(governed))
        inner.finish()
        for name, word in inner.parts.items():
            if not (name == "color" and inner.parts.keys() & {"subject", "wearing"}):
                never.setdefault(name, set()).add(word)
        still = bool({"move", "moving"} & {*split_words(governed)})  # what does not move stands
        if still:
            reader.parts.setdefault("action", "stand")
        known = "standing" if still else ", ".join(f"no {word}" for word in inner.parts.values())
        kind = UNDERSTOOD if known else LEFT_OUT
        why = "never filled in, and in the negative prompt" if known else "the world has no such thing anyway"
        lines.append(Line(said, kind, known, why))
    lines += [Line(said, LEFT_OUT, why="it is no word") for said in _pictures(wording.prompt)]
    kept = {name: frozenset(words - {reader.parts.get(name)}) for name, words in never.items()}
    return Said(reader.parts, kept, tuple(lines), wording.negative_prompt)


def _pictures(text: str) -> list[str]:
    """Emoji and other symbols that stand for words, each run as it is written."""
    kinds = {"So", "Sk", "Cf", "Mn"}  # with their skin tones and joiners
    runs = ("".join(run) for drawn, run in groupby(text, lambda one: category(one) in kinds) if drawn)
    return [run for run in runs if any(category(one) == "So" for one in run)]


@dataclass
class _Noun:
    """A subject that was read, and what is said about it."""

    value: str
    line: int
    by: str
    """What brought it: empty, a relation, "and", or the preposition before it."""
    about: dict[str, tuple[str, int]] = field(default_factory=dict)


@dataclass
class _Reader:
    """Reads words in order; `parts` and `lines` are what it found."""

    capitals: frozenset[str] = frozenset()  # words that were written with a capital
    parts: dict[str, str] = field(default_factory=dict)
    at: dict[str, list[int]] = field(default_factory=dict)  # lines of a part
    lines: list[Line] = field(default_factory=list)
    nouns: list[_Noun] = field(default_factory=list)
    waiting: list[tuple[str, str, int]] = field(default_factory=list)  # adjectives: role, value, line
    described: dict[int, list[tuple[str, str, int]]] = field(default_factory=dict)  # of lines left out
    places: tuple[tuple[str, ...], int] = ((), -1)  # what the place may be, and its line
    relation: tuple[str, int] = ("", -1)
    before: deque[str] = field(default_factory=lambda: deque(maxlen=8))  # words since the last noun or verb

    def all(self, tokens: list[str]) -> None:
        """Read every word."""
        at = 0
        while at < len(tokens):
            for length in range(min(meanings.LONGEST + 1, len(tokens) - at), 0, -1):
                if self._phrase(tokens[at : at + length]):
                    break
            else:
                length = 1
                self._unknown(tokens[at], tokens[at + 1 : at + 2])
            at += length

    def _phrase(self, tokens: list[str]) -> bool:
        """Take a phrase if it says something."""
        said = " ".join(tokens)
        for options, kind, read in self._readings(said):
            for option in self._ordered(options):
                if all(self._fits(name, said) for name, _ in option):
                    self.lines.append(Line(said, kind, read[options.index(option)]))
                    alternatives = [o[0][1] for o in options if len(o) == 1 and o[0][0] == option[0][0]]
                    for name, value in option:
                        self._take(name, value, alternatives)
                    return True
        if len(tokens) == 1 and said in SILENT:
            self.lines.append(Line(said, KEPT))
            self.before.append(said)
            if said in JOINTS and self.nouns:  # "a woman crying in the city"
                self._predicate(self.nouns[-1])
            return True
        return False

    def _readings(self, said: str) -> list[tuple[list[tuple[Role, ...]], str, list[str]]]:
        """The ways to read a phrase, the world's own first: (options, kind, what each is read as)."""
        table = roles()
        if said in table:
            return [([table[said]], KEPT, [said])]
        found = []
        spans = lexicon().spans(said)
        if len(spans) == 1 and spans[0][1]:
            words = spans[0][1]
            whole = table.get(" ".join(words))
            option = whole or tuple(role for word in words for role in table.get(word, ()))
            if option:
                kind = KEPT if said == " ".join(words) else UNDERSTOOD
                found.append(([option], kind, [" ".join(words)]))
        plain = all(word in table for word in said.split())  # "a blue cat" is no catfish
        meant = [target for target in meanings.targets(said) if target in table and not plain]
        called = self.lines[-1] if self.lines else Line("", KEPT)  # "Marilyn" of "Marilyn Monroe"
        person = called.kind == LEFT_OUT and called.said in self.capitals
        if (said in self.capitals and not person) or self._led_by_joint():
            meant += [target for target in meanings.place(said) if target not in meant]
        if meant:
            found.append(([table[target] for target in meant], UNDERSTOOD, meant))
        return found

    def _ordered(self, options: list[tuple[Role, ...]]) -> list[tuple[Role, ...]]:
        """What a word may be, likeliest first: after "in" a place, before that somebody."""
        placed = bool(self.nouns) or (bool(self.before) and self.before[-1] in JOINTS) or self._led_by_joint()
        first = "scene" if placed else "subject"
        return sorted(options, key=lambda option: option[0][0] != first)

    def _led_by_joint(self) -> bool:
        last = next((w for w in reversed(self.before) if w not in DETERMINERS), "")
        return last in JOINTS - {"of"}

    def _fits(self, name: str, said: str) -> bool:
        """Whether a word may play a role where it stands."""
        led = bool({*self.before} & {*DETERMINERS, *JOINTS, "and", "with"}) or bool(self.waiting)
        if name == "subject":
            after = bool(self.nouns) and self.nouns[-1].line == len(self.lines) - 1  # "a robot dog"
            return not self.nouns or led or bool(self.relation[0]) or (after and not said.endswith("s"))
        if name in ("action", "relation"):
            verbal = said.endswith(("ing", "s", "ed")) or bool(self.nouns) or said in roles()
            named = bool(self.before) and self.before[-1] in DETERMINERS and not said.endswith("ing")
            return verbal and not named
        if name == "behind":
            return bool({"behind", "past"} & {*self.before})
        if name == "wearing":
            return said in roles() or lexicon().knows(said) or bool({*self.before} & WORN)
        return True

    def _unknown(self, word: str, after: list[str]) -> None:
        """A word that says nothing here."""
        why = "the world shows one of each" if counts(word) else "the world has no such thing"
        self.lines.append(Line(word, LEFT_OUT, why=why))
        noun = _Reader().peek(after[0]) if after else "end"
        acts = noun == "unknown" and after[0].endswith("ing")  # "an alien waving"
        if not acts and noun in ADJECTIVAL:
            return
        if not word.endswith("ly"):  # adjectives of a noun that is not there
            self._drop([line for *_, line in self.waiting], f"said of {word}")
            self.described[len(self.lines) - 1] = list(self.waiting)
            self.waiting.clear()
        joined = "and" in self.before
        self.before.clear()
        self.before.extend(["and"] * joined)

    def peek(self, word: str) -> str:
        """What a word alone would be: its role, "silent", or "unknown"."""
        if word in SILENT:
            return "silent"
        found = self._readings(word)
        return found[0][0][0][0][0] if found else "unknown"

    def _drop(self, lines: list[int], why: str) -> None:
        for at in lines:
            if self.lines[at].kind != LEFT_OUT:
                self.lines[at] = Line(self.lines[at].said, LEFT_OUT, why=why)

    # ------------------------------------------------------------------------------------------ what is taken
    def _take(self, name: str, value: str, alternatives: list[str]) -> None:
        line = len(self.lines) - 1
        if name in ("color", "size", "mood"):
            self.waiting.append((name, value, line))
            return
        if name == "subject":
            self._subject(value, line)
        elif name == "wearing":
            self._worn(value, line)
        elif name == "scene":
            self._place(tuple(alternatives) or (value,), line)
        elif name == "relation":
            self.relation = (value, line)
        elif self.parts.setdefault(name, value) != value:
            self._drop([line], f"one at a time: {self.parts[name]}")
        else:
            self.at.setdefault(name, []).append(line)
        self.before.clear()

    def _subject(self, value: str, line: int) -> None:
        last = self.nouns[-1] if self.nouns else None
        if last is not None and last.line == line - 1 and not self.before and not self.waiting:  # "robot dog"
            if last.value != value:
                self._drop([last.line], f"said of {value}")
            last.value, last.line = value, line
            return
        by = self.relation[0] or next((w for w in reversed(self.before) if w in JOINTS | {"and", "with"}), "")
        noun = _Noun(value, line, by if self.nouns or not self.relation[0] else "")
        noun.about = {name: (word, at) for name, word, at in self.waiting}
        self.waiting.clear()
        self.nouns.append(noun)

    def _worn(self, value: str, line: int) -> None:
        if "wearing" in self.parts:
            self._drop([line], "one thing is worn at a time")
        else:
            self.parts["wearing"] = value
            for name, word, at in self.waiting:
                if name == "color":
                    self.parts["wearing_color"] = word
                else:
                    self._drop([at], f"a {value} has no {name} in the world")
        self.waiting.clear()

    def _place(self, options: tuple[str, ...], line: int) -> None:
        if self.lines[line].said.split()[0] not in JOINTS:  # "a happy city", and not "happy, in the city"
            self._drop([at for *_, at in self.waiting], "a place has its own looks")
            self.waiting.clear()
        elif self.nouns:
            self._predicate(self.nouns[-1])
        if self.places[0]:
            self._drop([line], "one place at a time")
        else:
            self.places = (options, line)

    # ------------------------------------------------------------------------------------------ put together
    def finish(self) -> list[Line]:
        """Put together what was read; the lines."""
        main = self.nouns[0] if self.nouns else None
        if main is not None:
            self._predicate(main)
        if main is not None:
            self.parts["subject"] = main.value
            for name, (value, line) in main.about.items():
                self._about(name, value, line)
            self._other(self.nouns[1:])
        elif self.relation[0]:
            self._drop([self.relation[1]], "it is not said who")
        else:
            self._stand_in()
        for name, value, line in self.waiting:
            self._about(name, value, line)
        self._where()
        self._how()
        return self.lines

    def _predicate(self, noun: _Noun) -> None:
        """Adjectives that no noun follows: "the ball is red"."""
        for name, value, line in self.waiting:
            noun.about.setdefault(name, (value, line))
        self.waiting.clear()

    def _stand_in(self) -> None:
        """For a subject that the world has not, the nearest."""
        for at, line in enumerate(self.lines):
            close = [word for word in meanings.near(line.said) if word in grammar.SUBJECTS]
            if line.kind == LEFT_OUT and close:
                self.parts["subject"] = close[0]
                self.lines[at] = replace(line, why=f"the world has no such thing; a {close[0]} stands in")
                for name, value, told in self.described.get(at, []):
                    self.lines[told] = Line(self.lines[told].said, KEPT)
                    self._about(name, value, told)
                return

    def _about(self, name: str, value: str, line: int) -> None:
        if name == "mood" and self.parts.get("subject", "face") != "face":
            self._drop([line], "only a face shows a mood")
        else:
            self.parts.setdefault(name, value)

    def _other(self, rest: list[_Noun]) -> None:
        """The second subject, where something joins it to the first."""
        relation, at = self.relation
        joined = next((noun for noun in rest if noun.by == relation), None) if relation else None
        moving = self.parts.get("action", "stand") != "stand"
        if joined is None and not moving:
            joined = next((noun for noun in rest if noun.by == "and"), None)
            relation = "next to" if joined else ""
        if joined is not None:
            self.parts |= {"other": joined.value, "relation": relation}
            if "color" in joined.about:
                self.parts["other_color"] = joined.about["color"][0]
            self._unsay("action", f"two are shown {relation} each other")
        elif self.relation[0]:
            alone = {"chasing": "run", "jumping over": "jump"}.get(self.relation[0], "")
            if alone and "action" not in self.parts:
                self.parts["action"] = alone
                why = "it is not known whom"
                self.lines[at] = replace(self.lines[at], kind=UNDERSTOOD, read=alone, why=why)
            else:
                self._drop([at], "it is not said whom")
        for noun in rest:
            if noun is not joined:
                why = "two together only stand, chase or jump over: here the movement counts"
                self._drop([noun.line], why if noun.by == "and" and moving else OBJECT)
                self._drop([line for _, line in noun.about.values()], f"said of {noun.value}")

    def _unsay(self, name: str, why: str) -> None:
        if name in self.parts:
            fits = self.parts.get("relation") == "chasing" and self.parts[name] == "run"
            if not fits and self.parts[name] != "stand":
                self._drop(self.at.get(name, []), why)
            del self.parts[name]

    def _where(self) -> None:
        """The place, of those it may be, by who is there."""
        options, line = self.places
        if not options:
            return
        wet = self.parts.get("subject") == "fish" or self.parts.get("action") == "swim"
        afloat = self.parts.get("subject") == "boat"
        order = [s for s in ("underwater",) if wet and not afloat] + [s for s in ("beach",) if afloat]
        self.parts["scene"] = next((s for s in order if s in options), options[0])
        if self.lines[line].kind == UNDERSTOOD:
            self.lines[line] = replace(self.lines[line], read=self.parts["scene"])

    def _how(self) -> None:
        """What only some can do, and what has no sense without it."""
        action = self.parts.get("action")
        if action in ("walk", "run") and self.parts.get("subject") in ("boat", "fish"):
            action = self.parts["action"] = "swim"
            read = "sailing" if self.parts["subject"] == "boat" else "swimming"
            for at in self.at.get("action", []):
                self.lines[at] = replace(self.lines[at], kind=UNDERSTOOD, read=read)
        quick = [at for at, line in enumerate(self.lines) if line.said in QUICK]
        if action == "walk" and quick:
            self.parts["action"] = "run"
            self.lines[quick[0]] = Line(self.lines[quick[0]].said, UNDERSTOOD, "running")
        stays = (action is not None and action not in grammar.DIRECTED) or "other" in self.parts
        for name, why in (("behind", "passes behind it"), ("direction", "has a direction")):
            if stays and self.parts.pop(name, ""):
                self._drop(self.at[name], f"only what goes somewhere {why}")
