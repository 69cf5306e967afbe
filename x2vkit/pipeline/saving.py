"""Writing a pipeline to a folder and reading it again: safetensors alone, checked as it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from x2vkit.pipeline.checks import check_claims, check_weights, loading, pickle_error, refuse_pickles
from x2vkit.pipeline.lora import without_lora
from x2vkit.registry import SamplingDefaults, sampling_defaults


class SavedPipeline(DiffusionPipeline):
    """A pipeline of x2vkit's parts that is saved and loaded."""

    sampling: SamplingDefaults

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> SavedPipeline:
        """Load a pipeline written by `save_pretrained`, in float32 unless `dtype` says otherwise.

        Args:
            pretrained_model_name_or_path: a folder, or a repository on the Hub.
            **kwargs: diffusers': `dtype`, `variant`, components by name, `quantization_config`, ...

        Raises:
            X2VError: pickles (only safetensors are read), weights that are broken, incomplete or not numbers,
                and a
                checkpoint of another format.
        """
        source = str(pretrained_model_name_or_path)
        for folder in (path for path in Path(source).glob("*") if path.is_dir()):
            refuse_pickles(folder)
            check_claims(folder)
        with loading(source, kwargs.get("variant")):
            pipe = super().from_pretrained(source, **kwargs | {"use_safetensors": True})
        for name in ("vae", "text_encoder", "transformer", "planner"):
            if getattr(pipe, name) is not None:
                check_weights(getattr(pipe, name), f"{source}/{name}")
        pipe.sampling = sampling_defaults(source)
        return pipe

    def save_pretrained(
        self, save_directory: str | Path, safe_serialization: bool = True, **kwargs: Any
    ) -> None:
        """Write the pipeline to a folder, as diffusers does, and beside it how it is sampled.

        LoRAs that the transformer holds go into `lora/NAME` beside the weights, which are saved without them.

        Args:
            save_directory: folder, made if need be.
            safe_serialization: True; pickles are refused.
            **kwargs: diffusers': `variant`, `max_shard_size`, `push_to_hub`, ...

        Raises:
            X2VError: `safe_serialization=False`.
        """
        if not safe_serialization:
            raise pickle_error(save_directory)
        if getattr(self.transformer, "peft_config", None):
            bare = type(self)(**self.components | {"transformer": without_lora(self.transformer)})
            super(SavedPipeline, bare).save_pretrained(save_directory, **kwargs)
            self.save_loras_beside(Path(save_directory))
        else:
            super().save_pretrained(save_directory, **kwargs)
        self.sampling.save(save_directory)
