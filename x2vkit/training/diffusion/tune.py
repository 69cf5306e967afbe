"""Tuning a trained model to a folder of the user's own clips.

Each step learns from a batch of them and from one of the world, so that what the model could do stays
(experience replay, Rolnick et al. 2019, arXiv:1811.11682). Words that it does not know get new embeddings
behind the old ones. All weights are trained, or with `lora` thin matrices beside them (Hu et al. 2021,
arXiv:2106.09685) and the embeddings of the new words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from peft import LoraConfig
from torch import nn

from x2vkit.config import ModelConfig
from x2vkit.core.lexicon import Lexicon
from x2vkit.core.planner import Planner
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.registry import is_lora, sampling_defaults, weights_folder
from x2vkit.training.dataset import Vocabulary, to_video
from x2vkit.training.diffusion.config import DiffusionData
from x2vkit.training.diffusion.evaluate import level_losses
from x2vkit.training.diffusion.module import DiffusionModule
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.init_weights import load_component, read_config
from x2vkit.training.latent_cache import fingerprint
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Range, read_table
from x2vkit.training.task import Batch, write_origin
from x2vkit.training.vae import psnr
from x2vkit.world.dataset import VideoFolder

LOW_PSNR = 26.0
"""dB below which an autoencoder's clips are visibly not the user's (of the world's it makes 30)."""
CHECKED = 8
"""Clips that the autoencoder is checked on."""


@dataclass(frozen=True)
class TuneData(DiffusionData):
    """The `[data]` table of a recipe that tunes; its buckets are the shapes of the user's own clips."""

    replay: Annotated[int, Range(0, 1e7)] = 400
    """Clips of the world of each shape that stand beside the user's own, a batch for a batch; 0: none."""
    lora: Annotated[int, Range(0, 256)] = 0
    """Rank of a LoRA that is trained in place of the weights; 0: the weights are."""


class TuneTask(DiffusionTask):
    """Denoise the user's clips, and the world's beside them."""

    data: TuneData
    dataset: VideoFolder
    evaluate_first = True

    def __init__(
        self,
        recipe: Recipe,
        cache_folder: Path,
        vae: VideoVAE,
        dataset: VideoFolder,
        quiet: bool = False,
        vocabulary: Vocabulary | None = None,
    ):
        """As a DiffusionTask; the vocabulary defaults to the trained model's with the captions' new words.

        new_words are those of embeddings that are new; learned also has those that the model knew within
        phrases alone.
        """
        self.start = start_of(recipe)
        vocabulary = vocabulary or grown_vocabulary(self.start, dataset)
        super().__init__(recipe, cache_folder, vae, dataset, quiet, vocabulary)
        text = read_config(self.start / "text_encoder")
        known = Lexicon(text["vocab"], text["synonyms"])
        self.new_words = [word for word in self.reader.words if word not in known.id_of]
        read = self.reader.lexicon.knows
        self.learned = [word for word in self.reader.words[2:] if read(word) and not known.knows(word)]
        self.replay = self._replay(cache_folder / "world") if self.data.replay else None

    def read_data(self, recipe: Recipe) -> TuneData:
        """The recipe's `[data]`. Raises X2VError for what it may not hold."""
        return read_table(TuneData, recipe.data, "[data]")

    def read_model(self, recipe: Recipe) -> ModelConfig:
        """The size of the model that training starts from."""
        return model_of(self.start)

    def build(self) -> nn.Module:
        """The trained model, with embeddings for new words; with `lora` they and the LoRA alone learn."""
        model = super().build()
        if self.data.lora:
            add_lora(model, self.data.lora, len(self.new_words))
        return model

    def batches(self, step: int, rank: int = 0, world_size: int = 1) -> list[Batch]:
        """A batch of the user's clips, and one of the world's."""
        own = super().batches(step, rank, world_size)
        return own + (self.replay.batches(step, rank, world_size) if self.replay else [])

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Velocity loss of clips kept for it: the user's (`validation`) and the world's (`world`)."""
        scores = super().evaluate(model)
        if self.replay:
            scores["world"] = float(np.mean(level_losses(model, self.replay.fixed("validation"))))
        return scores

    def notes(self) -> list[str]:
        """How well the autoencoder draws the user's clips, and which words are new."""
        db = self.autoencoder_psnr()
        told = [f"autoencoder: {db:.1f} dB on your clips (30 on the world); no clip gets better than that"]
        if db < LOW_PSNR:
            told.append(
                f"warning: below {LOW_PSNR:.0f} dB your clips come out blurred however long this trains. Use "
                "larger, calmer subjects, or train an autoencoder and a model of your own: x2vkit train vae "
                "--videos DIR, then x2vkit train small --videos DIR --vae runs/vae/vae"
            )
        if self.learned:
            told.append(f"new words: {', '.join(self.learned)}")
            if (self.start / "planner").is_dir():
                told.append(
                    "the planner stays as it is and has not learned them: without a plan (--plan off) clips "
                    "look most like yours"
                )
        return told

    def autoencoder_psnr(self) -> float:
        """Mean PSNR in dB of the user's clips after encoding and decoding them."""
        bucket, found = self.buckets[0], []
        for index in range(min(CHECKED, len(self.dataset.rows))):
            clip = self.dataset.sample(index, bucket.frames, bucket.height, bucket.width).frames
            video = to_video(clip[None]).to(self.vae.device)
            with torch.inference_mode():
                made = self.vae.decode_latents(self.vae.encode_video(video.to(self.vae.dtype))).float()
            found.append(float(psnr((made.clamp(-1, 1) - video).square())))
        return float(np.mean(found))

    def report(self, log: Path) -> list[str]:
        """What tuning changed, from the run's log: losses on clips that it never trained on."""
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        scores = [row for row in rows if "validation" in row]
        told = []
        for name, what in (("validation", "your clips"), ("world", "the world")):
            known = [row[name] for row in scores if row.get(name) is not None]
            if known:
                change = 100 * (known[-1] / known[0] - 1)
                told.append(f"held-out loss, {what}: {known[0]:.4f} -> {known[-1]:.4f} ({change:+.0f} %)")
        return told

    def make_pipeline(self, vae: VideoVAE, model: nn.Module) -> Any:
        """With the planner and the sampling defaults of the weights that training starts from."""
        return beside(super().make_pipeline(vae, model), self.start)

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write `folder`/pipeline, everything needed to make clips; or of a LoRA `folder`/lora, it alone."""
        if not self.data.lora:
            super().export(model, folder)
            return
        pipe, target = self.make_pipeline(self.vae, model), folder / "lora"
        pipe.save_lora(target, words=self.learned)
        base = {"base": self.data.init_from, "vae": fingerprint(self.vae)}
        write_origin(self.recipe, folder, target, **base, dataset=type(self.dataset).__name__)

    def _replay(self, folder: Path) -> DiffusionTask:
        """The world in the same shapes and words."""
        buckets = [asdict(replace(bucket, clips=self.data.replay)) for bucket in self.buckets]
        known = {field.name for field in fields(DiffusionData)}
        data = {key: value for key, value in self.recipe.data.items() if key in known}
        recipe = replace(self.recipe, model=asdict(self.config), data=data | {"buckets": buckets})
        return DiffusionTask(recipe, folder, self.vae, None, self.quiet, self.vocabulary)


def start_of(recipe: Recipe, data: type[DiffusionData] = TuneData) -> Path:
    """The folder of the weights that a recipe tunes, or by its `[data]` of another kind distills. Raises
    X2VError where there are none, and for a flow map: what it learned is not what these losses teach.
    """
    name = read_table(data, recipe.data, "[data]").init_from
    if is_lora(name):
        rule = f"a LoRA is no whole model to {recipe.task}"
        cure = f"{recipe.task} the weights that it was trained on, or a pipeline"
        raise X2VError(f"init_from {name!r}", rule, cure)
    start = weights_folder(name)
    if read_config(start / "transformer").get("flow_map"):
        rule = f"it is a flow map, and a model to {recipe.task} is one that is followed in small steps"
        raise X2VError(f"init_from {name!r}", rule, "name the model that it was distilled from")
    return start


def beside(pipe: Any, start: Path) -> Any:
    """A pipeline with the planner and the sampling defaults of the weights that training starts from."""
    if (start / "planner").is_dir():
        pipe.register_modules(planner=load_component(Planner, start / "planner", torch.bfloat16))
    pipe.sampling = sampling_defaults(start)
    return pipe


def grown_vocabulary(start: Path, dataset: VideoFolder, known: Sequence[str] = ()) -> Vocabulary:
    """The words of a trained model, and behind them those of captions that it cannot read.

    known: the words of a run that is resumed, in place of the model's.
    """
    config = read_config(start / "text_encoder")
    words, synonyms = list(known or config["vocab"]), config["synonyms"]
    reader = Lexicon(words, synonyms)
    new = [word for _, caption in dataset.rows for word in reader.tokenize(caption).unknown]
    synonyms = {key: value for key, value in synonyms.items() if key not in new}
    return list(dict.fromkeys([*words, *new])), synonyms


def model_of(start: Path) -> ModelConfig:
    """The size of a trained model."""
    video, text = read_config(start / "transformer"), read_config(start / "text_encoder")
    sizes = {field.name: video[field.name] for field in fields(ModelConfig) if field.name in video}
    sizes |= {"text_width": text["width"], "text_depth": text["depth"], "max_words": text["max_words"]}
    return ModelConfig(**sizes | {"patch": tuple(video["patch"])})


def add_lora(model: DiffusionModule, rank: int, new_words: int) -> None:
    """Put a LoRA beside the matrices of the transformer's blocks, and let it and the last `new_words`
    embeddings alone learn.
    """
    model.requires_grad_(False)
    layers = [
        name
        for name, module in model.transformer.named_modules()
        if name.startswith("blocks.") and isinstance(module, nn.Linear)
    ]
    model.transformer.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=layers), "default")
    if new_words:
        table = model.text_encoder.token_embed.weight
        table.requires_grad_(True)
        is_new = torch.arange(len(table))[:, None] >= len(table) - new_words
        table.register_hook(lambda gradient: gradient * is_new.to(gradient.device))
