"""`shoot`: several clips of one character, which stays who it is.

    C, f, h, w latent grid; F frames of a clip

    dog = x2v.Character("a brown dog with a red scarf", seed=3)
    one, two = x2v.shoot(dog, ["the dog walking in the snow", "the dog jumping on the beach"])

Every prompt says the whole description, and where the plan puts the character the clip begins from the
character's own noise: the same numbers at the same place of its box in every clip, and the rest of the
picture from the clip's own seed. What noise decides of a subject, how a hat sits and where a patch lies, is
so decided once (noise is what a flow-matching model turns into detail; ConsiStory, arXiv 2402.03286, shares
it, too). Clips need not be made together, and one that is made again changes no other. What noise leaves
open, above all a garment on somebody who jumps, the judge looks at: a clip in which it reads another kind,
colour or garment than the character's is drawn again, up to TRIES times in all, and the best of them is
kept. Sharing attention as well was measured and made it worse: docs/how-to/studio-film.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from x2vkit.axes import TIME_STRIDE, latent_shape
from x2vkit.config import RunRequest
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run.capture import AttentionCapture
from x2vkit.run.load import chosen
from x2vkit.run.record import record
from x2vkit.run.request import request_of, validate
from x2vkit.studio.character import Character, lexicon
from x2vkit.studio.checks import check_whole, checked_run
from x2vkit.studio.phrases import DETERMINERS
from x2vkit.trace import Trace
from x2vkit.world.grammar import COLOR_NAMES, MOODS, SIZES, SUBJECTS

Cast = Character | Mapping[str, Character] | Sequence[Character]
TRIES = 3
"""How many times a clip is drawn at most, unless something else is said."""
MOST_TRIES = 20
TAKES_APART = 15_485_863
"""Seeds of the takes of one clip lie so far apart."""
CANVAS = 64
"""Rows and columns of a character's own noise: more than any box has."""
BEFORE_A_NOUN = frozenset(DETERMINERS) | {*COLOR_NAMES, *SIZES, *MOODS}


def shoot(
    cast: Cast,
    prompts: Sequence[str],
    *,
    tries: int = TRIES,
    attention: AttentionCapture | None = None,
    pipeline: X2VPipeline | None = None,
    on_step: Callable[[Step], object] | None = None,
    **options: Any,
) -> list[Trace]:
    """Make a clip of each prompt with one cast -> as many Traces.

    Args:
        cast: a Character, or several (a list, or by the words that prompts call them). A prompt speaks of
            one by its noun or name ("the dog", "the dog without its scarf"), and where it speaks of none, it
            goes on about the first one ("jumping in the snow"). One that begins with somebody else ("a cat
            running") is made of them alone, with a warning.
        prompts: what happens in each clip. Clip i has the seed `seed + i`, unless it is drawn again.
        tries: how many times a clip is drawn at most until the judge reads kind, colour and garment as the
            character is described; 1 takes the first. `Trace.request["seed"]` is the one that was taken.
        attention: the queries and keys that each trace keeps, as in `record`; none by default.
        pipeline: the model; by default the one that the options name.
        on_step: called with every Step, of every try.
        **options: of a RunRequest: seed, steps, guidance, num_frames, height, width, model ...

    Raises:
        X2VError: a cast of nobody, no prompts, one that says nothing the model knows, and whatever `record`
            refuses.
    """
    people = members(cast)
    if isinstance(prompts, str) or not isinstance(prompts, Sequence) or not prompts:
        rule = "they are a list, one for each clip"
        raise X2VError(f"prompts={prompts!r:.60}", rule, 'use ["the dog walking", "the dog jumping"]')
    request = request_of("", options)
    usual: dict[str, Any] = {name: 1 for name in ("steps", "guidance") if getattr(request, name) is None}
    validate(replace(request, **usual))
    for number, prompt in enumerate(prompts):
        check_prompt(f"prompts[{number}]", prompt, people)
    asked = [replace(request, prompt=prompt, seed=request.seed + i) for i, prompt in enumerate(prompts)]
    given: dict[str, Any] = {"attention": attention, "pipeline": pipeline, "on_step": on_step}
    given["tries"] = tries
    return [shoot_one(people, each, **given) for each in asked]


def shoot_one(
    people: Mapping[str, Character],
    request: RunRequest,
    *,
    tries: int = TRIES,
    pipeline: X2VPipeline | None = None,
    **given: Any,
) -> Trace:
    """One clip of a cast (of nobody, too: then it is a clip like any other); see `shoot`. given: arguments of
    `record` that no request has.
    """
    check_whole("tries", tries, 1, MOST_TRIES)
    pipeline = chosen(pipeline, request.model)
    given = {"attention": None, "pipeline": pipeline} | given
    lead = spoken_of(people, request.prompt)
    if lead is None:
        return record(request, **given)
    written = checked_run(replace(request, prompt=written_out(people, request.prompt)), pipeline)
    shown = _stated(lead[1], written.prompt)
    takes: list[tuple[int, Trace]] = []
    while len(takes) < tries and (not takes or takes[-1][0]):
        take = replace(written, seed=written.seed + TAKES_APART * len(takes))
        made = record(take, **given, **begun(lead[1], take, pipeline))
        takes.append((_missing(made, shown) if tries > 1 else 0, made))
    trace = min(takes, key=lambda each: each[0])[1]
    cast = {name: asdict(one) for name, one in people.items()}
    return replace(trace, made_by={"call": "shoot", "cast": cast, "prompts": [request.prompt]})


def _stated(who: Character, prompt: str) -> dict[str, str]:
    """What a prompt says of a character: attribute -> word, as the judge reads them. What it does not wear
    this time is not among it.
    """
    said, stated = set(lexicon().tokenize(prompt).words), who.stated()
    worn = stated.get("wearing") in said
    return {name: word for name, word in stated.items() if word in said and (worn or "wearing" not in name)}


def _missing(clip: Trace, shown: dict[str, str]) -> int:
    """How many attributes of a character the judge does not read in a clip."""
    read = Judge.load().read(clip.frames).values
    return sum(read[name] != word for name, word in shown.items())


def check_prompt(name: str, prompt: Any, people: Mapping[str, Character]) -> None:
    """Raise X2VError for a prompt that says nothing; warn where nobody of the cast is in it."""
    cure = f'use "the {next(iter(people.values())).noun} walking in the snow"'
    if not isinstance(prompt, str) or not prompt.strip():
        raise X2VError(f"{name}={prompt!r:.60}", "a prompt says what happens in its clip", cure)
    named = [one for one, who in people.items() if who.mentioned(prompt, one)]
    if not named and not lexicon().tokenize(prompt).words[1:]:
        raise X2VError(f"{name}={prompt!r:.60}", "the model knows no word of it", cure)
    if spoken_of(people, prompt) is None:
        got = f"{name}={prompt!r:.60} speaks of none of the cast ({', '.join(people)})"
        warnings.warn(f"{got}: it is made as it is written", stacklevel=3)


# -- who is spoken of ----------------------------------------------------------------------------------------


def members(cast: Cast) -> dict[str, Character]:
    """A cast by the words that prompts call them. Raises X2VError for a cast of nobody."""
    if isinstance(cast, Character):
        return {cast.noun: cast}
    found: dict[str, Any] = dict(cast) if isinstance(cast, Mapping) else {}
    if isinstance(cast, (list, tuple)) and all(isinstance(one, Character) for one in cast):
        found = {one.noun: one for one in cast}
        if len(found) < len(cast):
            rule = "prompts could not tell two of one noun apart"
            raise X2VError(f"cast={cast!r:.80}", rule, 'name them: {"rex": ..., "fido": ...}')
    named = all(isinstance(name, str) and name.strip() for name in found)
    if not found or not named or not all(isinstance(one, Character) for one in found.values()):
        rule = "a cast is a Character, or several, each by a name"
        raise X2VError(f"cast={cast!r:.60}", rule, 'use x2v.Character("a brown dog with a red scarf")')
    return found


def spoken_of(people: Mapping[str, Character], prompt: str) -> tuple[str, Character] | None:
    """Whom a prompt is about: who is named first, by name or noun. Where none is, the first of the cast, and
    nobody where the prompt begins with somebody else ("a red ball bouncing").
    """
    if not people:
        return None
    words = prompt.lower().replace(",", " ").split()
    places = {
        name: min((words.index(one) for one in (name.lower(), who.noun) if one in words), default=len(words))
        for name, who in people.items()
    }
    first = min(places, key=lambda name: places[name])
    named = places[first] < len(words) or any(who.mentioned(prompt, name) for name, who in people.items())
    return None if not named and _begins_with_another(prompt, people) else (first, people[first])


def _begins_with_another(prompt: str, people: Mapping[str, Character]) -> bool:
    """Whether nothing but articles and adjectives stands before a subject of another kind than the cast's."""
    known = lexicon().tokenize(prompt).words[1:]
    first = next((word for word in known if word not in BEFORE_A_NOUN), "")
    return first in SUBJECTS and first not in {who.stated().get("subject") for who in people.values()}


def written_out(people: Mapping[str, Character], prompt: str) -> str:
    """A prompt with whom it is about, and the others of the cast that it names, described."""
    lead = spoken_of(people, prompt)
    if lead is None:
        return prompt
    found = lead[1].written_out(prompt, lead[0])
    for name, who in people.items():
        if who is not lead[1] and any(f"the {one}" in found.lower() for one in (name.lower(), who.noun)):
            found = who.written_out(found, name)
    return found


# -- the noise of a character --------------------------------------------------------------------------------


def begun(who: Character, request: RunRequest, pipeline: X2VPipeline) -> dict[str, Any]:
    """The noise and the plan that a clip of a character begins from, as arguments of `record`; none without
    a plan, which says where it is.
    """
    if not request.plan or pipeline.planner is None:
        return {}
    shape = (request.num_frames, request.height, request.width)
    generator = torch.Generator("cpu").manual_seed(request.seed)
    size = (1, pipeline.transformer.config.latent_channels, *latent_shape(*shape))
    noise = torch.randn(size, generator=generator)
    plan = pipeline.draft([request.prompt], shape, generator=generator)
    return {"plan": plan, "latents": with_own_noise(noise, plan.boxes[0, :, 0], who.seed)}


def with_own_noise(noise: Tensor, boxes: NDArray, seed: int) -> Tensor:
    """Noise (1, C, f, h, w) with a character's own in the latent positions of its boxes (F, 4).

    Each latent frame has a canvas of its own, laid about the middle of the box: what a clip begins from is
    still independent normal numbers.
    """
    found, (C, f, h, w) = noise.clone(), noise.shape[1:]
    for frame in range(f):
        box = boxes[min(max(0, TIME_STRIDE * frame - TIME_STRIDE // 2), len(boxes) - 1)]
        if not np.isfinite(box).all():
            continue
        generator = torch.Generator("cpu").manual_seed((seed * 1_000_003 + frame) % 2**63)
        canvas = torch.randn((C, CANVAS, CANVAS), generator=generator)
        x0, y0, x1, y1 = np.clip(box, 0, 1) * (w, h, w, h)
        rows, columns = slice(int(y0), int(np.ceil(y1))), slice(int(x0), int(np.ceil(x1)))
        top = CANVAS // 2 - round((box[1] + box[3]) / 2 * h)
        left = CANVAS // 2 - round((box[0] + box[2]) / 2 * w)
        found[0, :, frame, rows, columns] = _cut(canvas, rows, columns, top, left)
    return found


def _cut(canvas: Tensor, rows: slice, columns: slice, top: int, left: int) -> Tensor:
    """The part of a canvas that lies over these rows and columns of a picture; it repeats beyond its edge."""
    ys = (torch.arange(rows.start, rows.stop) + top) % CANVAS
    xs = (torch.arange(columns.start, columns.stop) + left) % CANVAS
    return canvas[:, ys[:, None], xs]
