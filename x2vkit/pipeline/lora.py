"""LoRAs as diffusers' pipelines load, weigh, fuse and save them, for the transformer; safetensors alone.

A LoRA adds a product of two thin matrices, B A, to the weight of a layer (Hu et al. 2021, arXiv 2106.09685).
Everything that only hands on to the model (`set_adapters`, `fuse_lora`, `unload_lora_weights` ...) is
diffusers'.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import torch
from diffusers.loaders import CogVideoXLoraLoaderMixin
from safetensors import SafetensorError
from torch import Tensor, nn

from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import LOAD_ERRORS, PICKLES, pickle_error, refuse_pickles

LORA_FILE = "pytorch_lora_weights.safetensors"
"""Name of a LoRA's weights in its folder, as diffusers has it."""
PREFIX = "transformer."
"""What the names of a LoRA's weights begin with in a file."""
DOWN, UP = ("lora_A", "lora_down", "lora.down"), ("lora_B", "lora_up", "lora.up")
"""How peft, kohya and old diffusers name the two matrices."""
_TURN = RLock()
"""Held while one run's LoRA scale is set in the layers, which all runs share."""


class X2VLoraMixin(CogVideoXLoraLoaderMixin):
    """diffusers' LoRA methods of a pipeline whose `transformer` takes LoRAs."""

    transformer: nn.Module

    @classmethod
    def lora_state_dict(cls, pretrained_model_name_or_path_or_dict: str | Path | dict, **kwargs: Any) -> Any:
        """Weights of a LoRA by name, from a file, a folder, the Hub or a dict (returned as it is).

        Args:
            pretrained_model_name_or_path_or_dict: where they are.
            **kwargs: diffusers': `weight_name`, `subfolder`, `return_lora_metadata`, `token`, ...

        Raises:
            X2VError: a pickle, a file that is not there or no safetensors file, values that are not numbers.
        """
        source = pretrained_model_name_or_path_or_dict
        if not isinstance(source, dict):
            _check_file(Path(source), kwargs)
            source = str(source)
        try:
            answer = super().lora_state_dict(source, **kwargs | {"use_safetensors": True})
        except SafetensorError as error:
            rule = f"it is not a safetensors file ({error})"
            raise X2VError(f"LoRA {source!r}", rule, "save it again") from error
        except LOAD_ERRORS as error:
            reason = str(error).strip().partition("\n")[0]
            raise X2VError(f"LoRA {source!r}", reason, "give the folder of a saved LoRA") from error
        weights = answer[0] if isinstance(answer, tuple) else answer
        if not all(torch.isfinite(value).all() for value in weights.values()):
            raise X2VError(
                f"LoRA {_name(source)}", "it holds values that are not numbers", "train it again, slower"
            )
        return answer

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: str | Path | dict,
        adapter_name: str | None = None,
        hotswap: bool = False,
        low_cpu_mem_usage: bool = True,
        **kwargs: Any,
    ) -> None:
        """Add a LoRA to the transformer.

        Args:
            pretrained_model_name_or_path_or_dict: a safetensors file, a folder or a Hub repository that holds
                one, or the weights by name.
            adapter_name: what to call it from now on; by default `default_0`, `default_1`, ...
            hotswap: put its weights in the place of those of the adapter of that name.
            low_cpu_mem_usage: leave out making random weights first.
            **kwargs: those of `lora_state_dict`.

        Raises:
            X2VError: what `lora_state_dict` refuses, and a LoRA of another model or another size.
        """
        source = pretrained_model_name_or_path_or_dict
        weights, metadata = self.lora_state_dict(source, **kwargs | {"return_lora_metadata": True})
        check_lora(weights, self.transformer, _name(source))
        self.load_lora_into_transformer(
            dict(weights),
            transformer=self.transformer,
            adapter_name=adapter_name,
            metadata=metadata,
            _pipeline=self,
            low_cpu_mem_usage=low_cpu_mem_usage,
            hotswap=hotswap,
        )

    @classmethod
    def save_lora_weights(
        cls,
        save_directory: str | Path,
        transformer_lora_layers: Mapping[str, Tensor] | None = None,
        safe_serialization: bool = True,
        **kwargs: Any,
    ) -> None:
        """Write LoRA layers as training scripts have them, into `pytorch_lora_weights.safetensors`.

        Args:
            save_directory: folder, made if need be.
            transformer_lora_layers: `get_peft_model_state_dict(transformer)`.
            safe_serialization: True; a pickle is refused.
            **kwargs: diffusers': `transformer_lora_adapter_metadata` (with it the LoRA's own strength, alpha,
                is kept; without, it is taken to be the rank), `weight_name`, `is_main_process`,
                `save_function`.

        Raises:
            X2VError: no layers, or `safe_serialization=False`.
        """
        if not safe_serialization:
            raise pickle_error(Path(save_directory) / "pytorch_lora_weights.bin")
        if not transformer_lora_layers:
            cure = (
                "pass transformer_lora_layers=get_peft_model_state_dict(pipe.transformer), or use save_lora"
            )
            raise X2VError("save_lora_weights without layers", "there is nothing to save", cure)
        super().save_lora_weights(save_directory, transformer_lora_layers, **kwargs)

    def save_lora(self, folder: str | Path, adapter_name: str = "default") -> Path:
        """Write a LoRA that the transformer holds, with its settings; returns the file.

        Raises:
            X2VError: there is none of that name.
        """
        from peft import get_peft_model_state_dict

        loaded = getattr(self.transformer, "peft_config", {})
        if adapter_name not in loaded:
            rule = f"the transformer holds {', '.join(loaded) or 'none'}"
            raise X2VError(f"LoRA {adapter_name!r}", rule, "name one of them, or load it first")
        settings = {
            k: list(v) if isinstance(v, set) else v for k, v in loaded[adapter_name].to_dict().items()
        }
        layers = get_peft_model_state_dict(self.transformer, adapter_name=adapter_name)
        self.save_lora_weights(folder, layers, transformer_lora_adapter_metadata=settings)
        return Path(folder) / LORA_FILE

    def save_loras_beside(self, folder: Path) -> None:
        """Write every LoRA that is not fused to `lora/NAME` of a pipeline's folder, and say so."""
        for name in getattr(self.transformer, "peft_config", {}):
            if name not in self.fused_loras:
                file = self.save_lora(folder / "lora" / name, name)
                call = f"load_lora_weights({str(file.parent)!r}) adds it"
                warnings.warn(f"LoRA {name} is saved beside the weights, not in them: {call}", stacklevel=3)


def check_lora(weights: Mapping[str, Tensor], model: nn.Module, name: str) -> None:
    """Raise X2VError for a LoRA of another model, or of the wrong shape.

    What names no LoRA's matrices at all is left to diffusers, which logs that it loads nothing.
    """
    layers = dict(model.named_modules())
    for key, value in weights.items():
        mark = next((mark for mark in (*DOWN, *UP) if f".{mark}" in key), None)
        if mark is None or value.ndim < 2:
            continue
        place, _, _ = key.removeprefix(PREFIX).partition(f".{mark}")
        layer = layers.get(place)
        layer = getattr(layer, "base_layer", layer)
        if not key.startswith(PREFIX) or not isinstance(layer, nn.Linear):
            rule = f"{type(model).__name__} has no layer {key.partition(f'.{mark}')[0]}"
            raise X2VError(f"LoRA {name}", rule, "load a LoRA that was trained on this model")
        axis, size = (1, layer.in_features) if mark in DOWN else (0, layer.out_features)
        if value.shape[axis] != size:
            rule = f"its {key} is {tuple(value.shape)}, and the layer has {size} on axis {axis}"
            raise X2VError(f"LoRA {name}", rule, "load a LoRA that was trained on a model of this size")


def lora_scale(attention_kwargs: Mapping[str, Any] | None) -> float:
    """How much LoRAs count by `attention_kwargs={"scale": ...}`. Raises X2VError for another key."""
    given = dict(attention_kwargs or {})
    scale = given.pop("scale", 1.0)
    if given:
        raise X2VError(f"attention_kwargs {sorted(given)}", "scale is the only one", 'use {"scale": 0.5}')
    return scale


@contextmanager
def scaled(model: nn.Module, scale: float) -> Iterator[None]:
    """A model whose active LoRAs count `scale` times what they do, for one forward pass.

    The layers are shared by all runs, so passes of a model with LoRAs take turns.
    """
    if not getattr(model, "peft_config", None):
        yield
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    with _TURN:
        layers = (
            [module for module in model.modules() if isinstance(module, BaseTunerLayer)] if scale != 1 else []
        )
        before = [dict(layer.scaling) for layer in layers]
        for layer in layers:
            layer.scale_layer(scale)
        try:
            yield
        finally:
            for layer, own in zip(layers, before, strict=True):
                layer.scaling.update(own)


def without_lora(model: Any) -> Any:
    """The model as it is without the layers of its LoRAs (those that were fused stay in the weights)."""
    from accelerate import init_empty_weights

    state = {
        name.replace(".base_layer.", "."): value
        for name, value in model.state_dict().items()
        if ".lora_" not in name
    }
    with init_empty_weights():
        bare = type(model).from_config(model.config)
    bare.load_state_dict(state, assign=True)
    return bare


def _check_file(source: Path, options: Mapping[str, Any]) -> None:
    """Raise X2VError for pickles, and for a path that leads nowhere."""
    folder = source / (options.get("subfolder") or "")
    names = [source.suffix, Path(options.get("weight_name") or "").suffix]
    if any(suffix in PICKLES for suffix in names):
        raise pickle_error(source)
    if source.is_dir():
        refuse_pickles(folder)
    elif not source.exists() and (
        source.is_absolute() or source.suffix == ".safetensors" or len(source.parts) != 2
    ):
        raise X2VError(f"LoRA {str(source)!r}", "there is no such file", "give the folder of a saved LoRA")


def _name(source: Any) -> str:
    return "weights" if isinstance(source, dict) else repr(str(source))
