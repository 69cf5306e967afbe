"""Anything a person types -> sentences of the world, with a line for each word (Sora's use of GPT).

    x2v.expand("a poodle in a red hat strolling through Tokyo", n=3)

What is said is read by `studio.reading` and stays; what is not said is filled in as the world draws it, by a
seed. No second subject is filled in, nothing that is negated, and no combination that no training clip shows:
such a pair comes about only where the text itself says both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.judge.prompts import plain
from x2vkit.studio.checks import check_whole
from x2vkit.studio.phrases import LEFT_OUT, SILENT, Line
from x2vkit.studio.reading import Said, read
from x2vkit.words import split_words
from x2vkit.world import SceneSpec, grammar, is_held_out, sample_spec

MOST = 100
"""Sentences of one prompt."""
MOST_WORDS = 1000
"""Words of a prompt that is read."""
TRIES = 4000
"""Scenes drawn for a sentence before what the world never shows together is let through."""


@dataclass(frozen=True)
class Expansion:
    """What became of a prompt."""

    prompt: str
    sentences: tuple[str, ...]
    """Prompts in the world's words that state everything; each may be given to `generate`."""
    specs: tuple[SceneSpec, ...]
    """The scene of each sentence."""
    lines: tuple[Line, ...]
    """A line for each word of the prompt that says something: kept, understood as, left out."""
    negative_prompt: str = ""
    """What the prompt negates, for `generate`."""
    refused: tuple[tuple[str, str], ...] = ()
    """What a language model wrote and was not taken, each with the reason."""

    @property
    def prompts(self) -> tuple[str, ...]:
        """The sentences with what the prompt negates behind each, to be typed as they are."""
        behind = "".join(f", no {word}" for word in self.negative_prompt.split(", ") if word)
        return tuple(f"{sentence}{behind}" for sentence in self.sentences)

    def __str__(self) -> str:
        parts = [*self.sentences, "", *map(str, self.lines)]
        parts += [f"refused: {text!r} ({why})" for text, why in self.refused]
        return "\n".join(parts)

    def _repr_markdown_(self) -> str:
        rows = [
            f"| {_cell(line.said)} | {line.kind} | {_cell(line.read)} | {line.why} |" for line in self.lines
        ]
        table = "\n".join(["| word | | read as | |", "|---|---|---|---|", *rows])
        return "\n".join([*(f"- {sentence}" for sentence in self.sentences), "", table])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def expand(prompt: str, n: int = 3, seed: int = 0, model: Any = None) -> Expansion:
    """Sentences of the world for a prompt.

    Args:
        prompt: any text.
        n: how many sentences, 1 to 100; fewer where the prompt says everything.
        seed: of what is not said, from 0.
        model: a transformers text-generation pipeline that fills in what is not said; what it writes is read
            back by the same grammar, and taken where it says what the prompt says and nothing that the world
            has not.

    Raises:
        X2VError: an empty prompt, one of more than MOST_WORDS, or n or seed out of range.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise X2VError(f"prompt {prompt!r:.60}", "there is nothing to expand", 'write what to see: "a dog"')
    prompt = "".join(c if c.isprintable() else " " for c in prompt)  # half of a character can't be printed
    if (words := len(split_words(prompt))) > MOST_WORDS:
        raise X2VError(f"a prompt of {words} words", f"at most {MOST_WORDS} are read", "expand a part of it")
    check_whole("n", n, 1, MOST)
    check_whole("seed", seed)
    said = read(prompt)
    specs: list[SceneSpec] = []
    refused: list[tuple[str, str]] = []
    if model is not None:
        for text in _written(model, prompt, n):
            spec, why = check(text, said, len(specs) + seed)
            if spec is None:
                refused.append((text, why))
            elif spec not in specs:
                specs.append(spec)
    rng = np.random.default_rng([seed, crc32(prompt.encode()), 53])
    for _ in range(20 * n):
        if len(specs) >= n:
            break
        spec = fill(said, rng)
        if plain(spec) not in map(plain, specs):
            specs.append(spec)
    lines = tuple(line for line in said.lines if line.said not in SILENT)
    chosen = tuple(specs[:n])
    return Expansion(prompt, tuple(map(plain, chosen)), chosen, lines, said.negative_prompt, tuple(refused))


def fill(said: Said, rng: np.random.Generator) -> SceneSpec:
    """A scene that shows what was said, and is for the rest as the world draws it."""
    spec = SceneSpec()
    for _ in range(TRIES):
        drawn = sample_spec(rng)
        if drawn.subject != said.parts.get("subject", drawn.subject) or drawn.other:
            continue
        spec = _with(drawn, said.parts)
        if _avoids(spec, said) and _usual(spec, said.parts):
            return spec
    return spec


def _with(drawn: SceneSpec, parts: Any) -> SceneSpec:
    """A drawn scene with what was said in its place."""
    names = ("subject", "color", "action", "direction", "scene", "camera", "size", "mood", "behind")
    spec = replace(drawn, **{name: parts[name] for name in names if name in parts})
    if "wearing" in parts:
        own = drawn.wearing[1] if drawn.wearing else drawn.color
        spec = replace(spec, wearing=(parts["wearing"], parts.get("wearing_color", own)))
    if "other" in parts:
        colors = grammar.COLOR_NAMES
        own = colors[(colors.index(spec.color) + 1 + len(drawn.scene)) % len(colors)]
        action = {"chasing": "run", "jumping over": "jump"}.get(parts["relation"], "stand")
        other = (parts["other"], parts.get("other_color", own))
        return replace(
            spec, other=other, relation=parts["relation"], action=action, size="", mood="", behind=""
        )
    spec = replace(spec, behind="") if spec.action not in grammar.DIRECTED else spec
    spec = replace(spec, size="") if spec.action == "grow" and "size" not in parts else spec
    return replace(spec, mood="") if spec.subject != "face" else spec


def _avoids(spec: SceneSpec, said: Said) -> bool:
    """Whether a scene shows nothing that was negated."""
    shown = {
        **spec.to_dict(),
        "wearing": spec.wearing and spec.wearing[0],
        "other": spec.other and spec.other[0],
    }
    return not any(shown.get(name) in words for name, words in said.never.items())


def _usual(spec: SceneSpec, parts: Any) -> bool:
    """Whether the world shows what was filled in; what the text says itself is its own affair."""
    if "subject" not in parts or "action" not in parts:
        can = grammar.CAN[spec.subject]
        if spec.action not in can and spec.action in grammar.DIRECTED + ("talk",):
            return False
    if "mood" in parts and spec.subject != "face":
        return False
    if {"direction", "behind"} & parts.keys() and not spec.other and spec.action not in grammar.DIRECTED:
        return False
    if spec.wearing and spec.wearing[0] == "scarf" and spec.subject in grammar.NO_SCARF:
        if not {"wearing", "subject"} <= parts.keys():
            return False
    return not any(is_held_out(pair) and not said <= parts.keys() for pair, said in _pairs(spec))


def _pairs(spec: SceneSpec) -> Iterator[tuple[SceneSpec, set[str]]]:
    """Each pair of parts that may be held out, as a scene with no other such pair, and which parts it has."""
    cast = [(spec.subject, spec.color, "")]
    cast += [(*spec.other, "other_")] if spec.other else []
    for subject, color, prefix in cast:
        free = next(s for s in grammar.SCENES if s != grammar.HELD_OUT_SCENES[subject])
        paint = next(c for c in grammar.COLOR_NAMES if c != grammar.HELD_OUT_COLORS[subject])
        noun = "other" if prefix else "subject"
        yield SceneSpec(subject, color, scene=free), {noun, f"{prefix}color"}
        yield SceneSpec(subject, paint, scene=spec.scene), {noun, "scene"}


# ------------------------------------------------------------------------------------------ language models
ASK = """Write {n} short descriptions of a video for: "{prompt}"
Keep everything it says. Fill in what it does not say. Use only these words:
one subject: {subjects}; a colour: {colors}; what it does: {moves}; where: {places}.
One a line, as: {example}
"""
EXAMPLE = plain(SceneSpec("dog", "red", "walk", "left", "snow"))


def _written(model: Any, prompt: str, n: int) -> list[str]:
    """The lines that a text-generation pipeline writes for a prompt."""
    moves = sorted({phrase for phrases in grammar.MOVES.values() for phrase in phrases})
    ask = ASK.format(
        n=n, prompt=prompt, subjects=", ".join(grammar.SUBJECTS), colors=", ".join(grammar.COLOR_NAMES),
        moves=", ".join(moves), places=", ".join(phrases[0] for phrases in grammar.PLACES.values()),
        example=EXAMPLE,
    )  # fmt: skip
    try:
        chats = getattr(getattr(model, "tokenizer", None), "chat_template", None) is not None
        asked: Any = [{"role": "user", "content": ask}] if chats else ask
        found = model(asked, max_new_tokens=40 * n + 40, return_full_text=False)
        text = found[0]["generated_text"]
        text = text if isinstance(text, str) else text[-1]["content"]
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        rule = f"it is a transformers text-generation pipeline ({type(error).__name__}: {error})"
        raise X2VError(f"model {type(model).__name__}", rule, 'pipeline("text-generation", …)') from error
    lines = (line.strip().lstrip("0123456789.-*) ").strip().strip('"') for line in text.splitlines())
    return [line for line in lines if line]


def check(text: str, said: Said, seed: int) -> tuple[SceneSpec | None, str]:
    """The scene of a sentence that somebody else wrote, or None and the reason why it is not taken."""
    found = read(text)
    strange = [line.said for line in found.lines if line.kind == LEFT_OUT]
    if strange:
        return None, f"the world does not show {', '.join(strange)}"
    for name, value in said.parts.items():
        if found.parts.get(name) != value:
            return None, f"it does not say {value}"
    if "subject" not in found.parts:
        return None, "it names no subject"
    if "other" in found.parts and "other" not in said.parts:
        return None, f"nobody said {found.parts['other']}"
    spec = fill(replace(found, never=said.never), np.random.default_rng([seed, 59]))
    if not _avoids(spec, said):
        return None, "it shows what the text negates"
    return spec, ""
