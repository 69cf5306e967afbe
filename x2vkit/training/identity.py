"""What a run learns from, kept with it: so that it is resumed on the same data or not at all.

A checkpoint carries its run's recipe, the videos and captions it is trained on, its autoencoder, and its
words in the order of their embeddings. Going on may add to these: new words stand behind the old ones, and
new videos behind the old ones. Whatever else differs would make the numbers mean something else, and is
refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training.checkpoint import newest_state
from x2vkit.training.latent_cache import fingerprint
from x2vkit.training.recipe import Recipe
from x2vkit.words import split_words
from x2vkit.world.dataset import VideoFolder

FREE = frozenset(
    "steps muon_lr adam_lr warmup decay hold cooldown max_grad_norm compile log_every eval_every "
    "sample_grid_every save_every snapshots".split()
)
"""Of a recipe's [engine]: how far, how fast and how talkative a run goes on, which may change on the way."""
OPTIONS = {"engine.batch": "--batch", "data.lora": "--lora", "data.init_from": "--init-from"}
"""Of a recipe: what an option of `x2vkit train` sets."""
WORLD = "the built-in world"
"""What a run without `--videos` is trained on."""


@dataclass(frozen=True)
class RunIdentity:
    """What a run is trained with."""

    recipe: dict[str, Any]
    """As `Recipe.to_dict` gives it."""
    words: list[str] = field(default_factory=list)
    """Its vocabulary, in the order of the embeddings; empty where the task reads no words."""
    source: str = WORLD
    """The folder of `--videos`, or the world."""
    videos: list[list[str]] = field(default_factory=list)
    """Of each of its videos the name, a fingerprint of the file, and the caption."""
    vae: str = ""
    """Fingerprint of the autoencoder whose latents it learns; empty where it uses none."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return json.loads(json.dumps(asdict(self)))

    def check(self, earlier: RunIdentity, where: Path) -> None:
        """Raise X2VError unless this run can go on from the checkpoint of an earlier one.

        where: the run's folder, for the message.
        """
        self._check_recipe(earlier, where)
        self._check_source(earlier, where)
        self._check_videos(earlier, where)
        if self.vae != earlier.vae:
            cure = "give the --vae that it was started with, or train into another --out"
            raise X2VError(f"--resume in {where}", "its latents are of another autoencoder", cure)
        if self.words[: len(earlier.words)] != earlier.words:
            rule = "its words stand in another order, and each has an embedding of its own"
            raise X2VError(
                f"--resume in {where}", rule, "take the words from the checkpoint; add new ones last"
            )

    def _check_recipe(self, earlier: RunIdentity, where: Path) -> None:
        then, now = _flat(earlier.recipe), _flat(self.recipe)
        different = [key for key in {**then, **now} if then.get(key) != now.get(key)]
        told = [key for key in different if not (key.startswith("engine.") and key.split(".")[1] in FREE)]
        if told:
            each = "; ".join(f"{key} is {now.get(key)!r}, and was {then.get(key)!r}" for key in told[:3])
            cure = f"resume with {where / 'recipe.json'} as its recipe"
            if all(key in OPTIONS for key in told):
                again = [f"give {OPTIONS[key]} {then[key]} again" for key in told if key in then]
                without = [f"leave {OPTIONS[key]} out" for key in told if key not in then]
                cure = " and ".join([*again, *without])
            raise X2VError(
                f"--resume in {where}", f"the recipe differs: {each}", f"{cure}, or train into another --out"
            )

    def _check_source(self, earlier: RunIdentity, where: Path) -> None:
        ours, theirs = self.source == WORLD, earlier.source == WORLD
        if ours and not theirs:
            rule = f"this run is trained on the videos of {earlier.source}"
            raise X2VError(f"--resume in {where} without --videos", rule, f"add --videos {earlier.source}")
        if theirs and not ours:
            cure = (
                "leave --videos out, or start a run of its own: another --out, and --init-from to go on from"
            )
            rule = f"this run is trained on {WORLD}"
            raise X2VError(f"--resume in {where} with --videos", rule, f"{cure} its pipeline")

    def _check_videos(self, earlier: RunIdentity, where: Path) -> None:
        cure = "put them back as they were, or start a run of its own: another --out, and --init-from"
        cure = f"{cure} {where / 'pipeline'}"
        names, before = [row[0] for row in self.videos], [row[0] for row in earlier.videos]
        gone = [name for name in before if name not in names]
        if gone:
            rule = f"the run is trained on {_some(gone)}, which {self.source} no longer has"
            raise X2VError(f"--resume in {where}", rule, cure)
        if names[: len(before)] != before:
            rule = "its videos stand in another order, so that others would be kept for validation"
            cure = "name them in the order they had, and new ones behind them"
            raise X2VError(f"--resume in {where}", rule, cure)
        both = list(zip(self.videos, earlier.videos, strict=False))
        other = [now[0] for now, then in both if now[1] != then[1]]
        if other:
            raise X2VError(f"--resume in {where}", f"{_some(other)}: not the file that it was", cure)
        known = set(earlier.words)
        for (name, _, caption), (_, _, then_said) in both:
            told = set(split_words(caption)) - set(split_words(then_said))
            if caption != then_said and (not told or told & known):
                rule = f"the caption of {name} is {caption!r}, and was {then_said!r}"
                more = f"{cure}; only words that are new to the run may come in"
                raise X2VError(f"--resume in {where}", rule, more)


def identity_of(
    recipe: Recipe, dataset: Any = None, words: list[str] | None = None, vae: VideoVAE | None = None
) -> RunIdentity:
    """The identity of a run with this recipe, dataset (None: the world), vocabulary and autoencoder."""
    own = isinstance(dataset, VideoFolder)
    videos = [[name, _digest(dataset.base / name), caption] for name, caption in dataset.rows] if own else []
    source = str(dataset.folder) if own else WORLD
    plain = json.loads(json.dumps(recipe.to_dict()))
    return RunIdentity(plain, list(words or ()), source, videos, fingerprint(vae) if vae else "")


def resumed_identity(out: Path, resume: bool) -> RunIdentity | None:
    """The identity of the run in a folder, from its newest checkpoint; None where there is no checkpoint.

    Raises X2VError where it cannot be read, and without `resume` where there is one.
    """
    found = newest_state(out / "checkpoints")
    if found is None:
        return None
    if not resume:
        cure = "add --resume to continue it, or name another folder"
        raise X2VError(f"--out {out}", "this folder already holds a run", cure)
    try:
        return RunIdentity(**found["identity"])
    except (KeyError, TypeError) as error:
        rule = f"its checkpoint does not say what it was trained on ({error})"
        raise X2VError(f"--resume in {out}", rule, "train into another --out") from error


def with_new_rows(saved: Tensor, fresh: Tensor) -> Tensor:
    """A saved table of embeddings with the rows of new words behind it, as the fresh one has them."""
    if saved.ndim != 2 or saved.shape[1:] != fresh.shape[1:] or len(saved) >= len(fresh):
        return saved
    grown = fresh.detach().clone()
    grown[: len(saved)] = saved.to(grown)
    return grown


def _flat(table: dict[str, Any], before: str = "") -> dict[str, Any]:
    """{"engine.steps": 4, ...}"""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat


def _digest(path: Path) -> str:
    """A short hash of a file's size, its beginning and its end: videos may be large."""
    part, size = 1 << 16, path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(part))
        file.seek(max(0, size - part))
        digest.update(file.read(part))
    return digest.hexdigest()[:16]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
