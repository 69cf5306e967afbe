"""Does `expand` read what people write? 200 prompts, labelled by hand before the reader was made.

free_prompts.tsv has a prompt a line, then: its subject, place and action (in the world's words; alternatives
parted by |, "-" where it says none), words that every sentence must hold (parted by +), words that none may
hold, and words that the world has nothing for. Every second line, from the first, served to make the reader;
the others are measured here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from x2vkit.judge.prompts import plain
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler
from x2vkit.run.wording import read_wording
from x2vkit.studio.expand import Expansion, fill
from x2vkit.studio.expand import expand as expanded
from x2vkit.studio.phrases import KEPT, lexicon
from x2vkit.studio.reading import read
from x2vkit.world import SceneSpec, World

CAPTIONS = 200
"""Captions of the world that are read back for the ceiling."""


@dataclass(frozen=True)
class FreePrompt:
    """A prompt and what a person says that it says."""

    text: str
    subject: tuple[str, ...]
    scene: tuple[str, ...]
    action: tuple[str, ...]
    """Any of these is right; "-" stands for any at all."""
    also: tuple[str, ...]
    """Words that each sentence must hold."""
    absent: tuple[str, ...]
    """Words that none may hold."""
    unknown: tuple[str, ...]
    """Words that must be told as left out, or as read otherwise."""

    def wrong(self, spec: SceneSpec) -> list[str]:
        """What a scene has wrong: subject, scene, action, also, absent."""
        words = [*plain(spec).split(), spec.subject, spec.relation or spec.action]
        checks = {
            "subject": "-" in self.subject or spec.subject in self.subject,
            "scene": "-" in self.scene or spec.scene in self.scene,
            "action": "-" in self.action or (spec.relation or spec.action) in self.action,
            "also": all(word in plain(spec) for word in self.also),
            "absent": not {*self.absent} & {*words},
        }
        return [name for name, right in checks.items() if not right]

    def unnamed(self, found: Expansion) -> list[str]:
        """Unknown words that the lines pass over in silence."""
        told = {word for line in found.lines if line.kind != KEPT for word in line.said.split()}
        return [word for word in self.unknown if word.lower() not in told]


def free_prompts() -> tuple[FreePrompt, ...]:
    """All of them, in the file's order."""
    text = files(__package__).joinpath("free_prompts.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return tuple(
        FreePrompt(row[0], *map(_cell, row[1:4], "|||"), *map(_cell, row[4:], "+  ")) for row in rows
    )


def _cell(text: str, mark: str) -> tuple[str, ...]:
    return () if text == "-" and mark != "|" else tuple(text.split(mark))


def expand(run: ClipSampler) -> Iterator[Figure]:
    """Of people's prompts: are subject, place and action right, with nothing against the text?"""
    chosen = free_prompts()[1::2]
    found = [expanded(one.text, n=2, seed=run.seed) for one in chosen]
    right = [not any(map(one.wrong, each.specs)) for one, each in zip(chosen, found, strict=True)]
    alone = [not one.wrong(_by_model_alone(one.text, run.seed)) for one in chosen]
    meaning = (
        "share of free prompts whose expansions show the subject, place and action that they name, and "
        "nothing against them; ceiling: the world's own captions read back; without: the words "
        "that the model knows"
    )
    yield Figure(
        "free prompts right", "adherence", meaning, _read_back(run.seed), float(np.mean(right)),
        count=len(chosen), baseline=float(np.mean(alone)),
    )  # fmt: skip
    missing = [len(one.unnamed(each)) for one, each in zip(chosen, found, strict=True)]
    unknown = sum(len(one.unknown) for one in chosen)
    meaning = "of the words for which the world has nothing, the share that a line names"
    yield Figure("unknown words named", "adherence", meaning, 1.0, 1 - sum(missing) / unknown, count=unknown)


def _by_model_alone(text: str, seed: int) -> SceneSpec:
    """A scene of the words of a prompt that the model knows by itself."""
    known = lexicon().tokenize(read_wording(text).prompt).words[1:]
    return fill(read(" ".join(known)), np.random.default_rng([seed, 61]))


def _read_back(seed: int) -> float:
    """Share of the world's captions of which every part is read as it was meant."""
    right = 0
    for i in range(CAPTIONS):
        spec, words = World(seed).spec(i)
        true = {**spec.to_dict(), "wearing": spec.wearing and spec.wearing[0]}
        true |= {"wearing_color": spec.wearing and spec.wearing[1]}
        true |= dict(zip(("other", "other_color"), spec.other or ("", ""), strict=True))
        parts = read(words).parts
        right += "subject" in parts and all(true[name] == value for name, value in parts.items())
    return right / CAPTIONS
