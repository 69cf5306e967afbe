"""The tasks by name, with what a run needs besides its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from x2vkit.core.vae import VideoVAE
from x2vkit.device import fast_dtype
from x2vkit.errors import X2VError
from x2vkit.registry import WEIGHTS
from x2vkit.training.identity import RunIdentity, identity_of, resumed_identity
from x2vkit.training.init_weights import load_component
from x2vkit.training.latent_cache import fingerprint
from x2vkit.training.recipe import Recipe
from x2vkit.training.size import check_recipe
from x2vkit.training.task import Task
from x2vkit.world.dataset import VideoFolder

NEEDS_TRUTH = {
    "planner": "a planner learns the exact boxes, camera and mouth of every frame",
    "judge-frames": "the judge learns what is exactly where in every frame",
    "judge-motion": "the judge learns how everything exactly moves",
    "upscale": "the truth of a clip at twice the size is a drawing of the same scene",
}
"""Tasks that cannot be trained on videos of one's own, and why."""


@dataclass(frozen=True)
class Inputs:
    """What a run reads; None is the default of each."""

    vae: Path | None = None
    """Folder of a trained autoencoder (default: the one that ships, or that of the weights to go on from)."""
    cache: Path | None = None
    """Folder of the latent cache (default: latents/ in the run's folder)."""
    videos: Path | None = None
    """Folder of the user's own captioned videos (default: the world)."""


def make_task(recipe: Recipe, out: Path, inputs: Inputs | None = None, resume: bool = False) -> Task:
    """The task that a recipe names.

    Raises X2VError for a recipe that cannot be trained here, an input that is not there or does not belong to
    the task, and for a run in `out` that these cannot resume: before anything in `out` is changed.

    resume: whether a run that is in `out` goes on.
    """
    inputs = inputs or Inputs()
    check_recipe(recipe)
    earlier = resumed_identity(out, resume)
    if recipe.task in NEEDS_TRUTH and inputs.videos is not None:
        rule = f"{NEEDS_TRUTH[recipe.task]}, which videos of one's own do not tell"
        cure = "leave --videos out, and train a model on them: x2vkit train tune --videos DIR"
        raise X2VError(f"--videos with a {recipe.task} recipe", rule, cure)
    dataset = None if inputs.videos is None else VideoFolder(inputs.videos)
    if recipe.task == "vae":
        from x2vkit.training.vae import VAETask

        _check(identity_of(recipe, dataset), earlier, out)
        return VAETask(recipe, dataset)
    if recipe.task == "diffusion":
        return _diffusion(recipe, out, inputs, dataset, earlier)
    if recipe.task == "distill":
        return _distill(recipe, out, inputs, dataset, earlier)
    if recipe.task == "tune":
        return _tune(recipe, out, inputs, dataset, earlier)
    if recipe.task == "planner":
        from x2vkit.training.planner import PlannerTask

        return PlannerTask(recipe)
    if recipe.task == "upscale":
        return _upscale(recipe, out, inputs, earlier)
    from x2vkit.training.judge.frame import FrameTask
    from x2vkit.training.judge.motion import MotionTask

    kind = FrameTask if recipe.task == "judge-frames" else MotionTask
    return kind(recipe, load_vae(inputs.vae))


def _diffusion(
    recipe: Recipe, out: Path, inputs: Inputs, dataset: VideoFolder | None, earlier: RunIdentity | None
) -> Task:
    from x2vkit.training.dataset import vocabulary_of, world_dataset
    from x2vkit.training.diffusion.task import DiffusionTask

    vae = load_vae(inputs.vae)
    words = earlier.words if earlier else []
    _check(identity_of(recipe, dataset, words, vae), earlier, out)
    vocabulary = vocabulary_of(dataset or world_dataset(recipe.seed), words)
    return DiffusionTask(recipe, inputs.cache or out / "latents", vae, dataset, vocabulary=vocabulary)


def _tune(
    recipe: Recipe, out: Path, inputs: Inputs, dataset: VideoFolder | None, earlier: RunIdentity | None
) -> Task:
    from x2vkit.training.diffusion.tune import TuneTask, grown_vocabulary, start_of

    start = start_of(recipe)
    vae = _vae_of(start, inputs.vae)
    words = earlier.words if earlier else []
    _check(identity_of(recipe, dataset, words, vae), earlier, out)
    if dataset is None:
        rule = "it tunes a model to clips of your own"
        raise X2VError("train tune without --videos", rule, "add --videos DIR")
    vocabulary = grown_vocabulary(start, dataset, words)
    return TuneTask(recipe, inputs.cache or out / "latents", vae, dataset, vocabulary=vocabulary)


def _distill(
    recipe: Recipe, out: Path, inputs: Inputs, dataset: VideoFolder | None, earlier: RunIdentity | None
) -> Task:
    from x2vkit.training.diffusion.tune import start_of
    from x2vkit.training.distill import DistillData, DistillTask

    vae = _vae_of(start_of(recipe, DistillData), inputs.vae)
    _check(identity_of(recipe, dataset, earlier.words if earlier else [], vae), earlier, out)
    return DistillTask(recipe, inputs.cache or out / "latents", vae, dataset)


def _vae_of(start: Path, given: Path | None) -> VideoVAE:
    """The autoencoder of weights that training starts from. X2VError for another one that is given."""
    vae = load_vae(start / "vae" if (start / "vae").is_dir() else None)
    if given is None:
        return vae
    named = load_vae(given)
    if fingerprint(named) != fingerprint(vae):
        rule = "the weights to start from were trained on the latents of another autoencoder"
        raise X2VError(f"--vae {given}", rule, "leave --vae out")
    return named


def _upscale(recipe: Recipe, out: Path, inputs: Inputs, earlier: RunIdentity | None) -> Task:
    from x2vkit.training.upscale import UpscaleTask

    vae = load_vae(inputs.vae)
    _check(identity_of(recipe, vae=vae), earlier, out)
    return UpscaleTask(recipe, vae)


def _check(now: RunIdentity, earlier: RunIdentity | None, out: Path) -> None:
    if earlier is not None:
        now.check(earlier, out)


def load_vae(folder: Path | None) -> VideoVAE:
    """A trained autoencoder (None: the one that ships) where and in the dtype that is fastest here."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return load_component(VideoVAE, folder or WEIGHTS / "small" / "vae", fast_dtype(device)).to(device)
