"""LoRAs as diffusers' pipelines load, weigh, fuse and save them, for the transformer; safetensors alone.

A LoRA adds a product of two thin matrices, B A, to the weight of a layer (Hu et al. 2021, arXiv 2106.09685).
Everything that only hands on to the model (`set_adapters`, `fuse_lora`, `unload_lora_weights` ...) is
diffusers'.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import torch
from diffusers.loaders import CogVideoXLoraLoaderMixin
from safetensors import SafetensorError
from torch import Tensor, nn

from x2vkit.config import is_number
from x2vkit.core.lexicon import LORA_WORDS
from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import LOAD_ERRORS, PICKLES, pickle_error, refuse_pickles
from x2vkit.registry import LORA_FILE

PREFIX = "transformer."
"""What the names of a LoRA's weights begin with in a file."""
DOWN, UP = ("lora_A", "lora_down", "lora.down"), ("lora_B", "lora_up", "lora.up")
"""How peft, kohya and old diffusers name the two matrices."""
_TURN = RLock()
"""Held while one run's LoRA scale is set in the layers, which all runs share."""


class X2VLoraMixin(CogVideoXLoraLoaderMixin):
    """diffusers' LoRA methods of a pipeline whose `transformer` takes LoRAs."""

    transformer: nn.Module
    text_encoder: TextEncoder
    _lora_words: dict[str, dict[str, bool]]
    """Of each LoRA the words that it brought along, and whether the model did not have them."""

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
        """Add a LoRA to the transformer, and the words that it brings along to the text encoder.

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
        weights, words = _without_words(weights)
        check_lora(weights, self.transformer, _name(source))
        check_words(words, self.text_encoder, _name(source))
        before = set(getattr(self.transformer, "peft_config", {}))
        self.load_lora_into_transformer(
            weights,
            transformer=self.transformer,
            adapter_name=adapter_name,
            metadata=metadata,
            _pipeline=self,
            low_cpu_mem_usage=low_cpu_mem_usage,
            hotswap=hotswap,
        )
        new = self.text_encoder.add_words(words)
        for name in set(self.transformer.peft_config) - before:
            self._lora_words[name] = {word: word in new for word in words}

    def unload_lora_weights(self) -> None:
        """Take out all LoRAs, and the words that they brought along."""
        super().unload_lora_weights()
        self.text_encoder.forget_words(
            [word for words in self._lora_words.values() for word, new in words.items() if new]
        )
        self._lora_words.clear()

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

    def save_lora(
        self, folder: str | Path, adapter_name: str = "default", words: Sequence[str] | None = None
    ) -> Path:
        """Write a LoRA that the transformer holds, with its settings; returns the file.

        words: those of the text encoder that go with it; by default what it brought along.

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
        words = list(self._lora_words.get(adapter_name, ())) if words is None else words
        table, id_of = self.text_encoder.token_embed.weight.detach(), self.text_encoder.id_of
        parts = {
            self.transformer_name: layers,
            LORA_WORDS: {word: table[id_of[word]].clone() for word in words},
        }
        self._save_lora_weights(folder, parts, {self.transformer_name: settings})
        return Path(folder) / LORA_FILE

    def save_loras_beside(self, folder: Path) -> None:
        """Write every LoRA that is not fused to `lora/NAME` of a pipeline's folder, and say so."""
        for name in getattr(self.transformer, "peft_config", {}):
            if name not in self.fused_loras:
                file = self.save_lora(folder / "lora" / name, name)
                call = f"load_lora_weights({str(file.parent)!r}) adds it"
                warnings.warn(f"LoRA {name} is saved beside the weights, not in them: {call}", stacklevel=3)


def check_lora(weights: Mapping[str, Tensor], model: nn.Module, name: str) -> None:
    """Raise X2VError for a LoRA of another model, or of the wrong shape, and for what is none."""
    layers, ranks = dict(model.named_modules()), dict[str, dict[int, int]]()
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
        ranks.setdefault(place, {})[axis] = value.shape[1 - axis]
    if not ranks:
        raise X2VError(f"LoRA {name}", "it holds no LoRA of a transformer", "give the folder of a saved LoRA")
    for place, both in ranks.items():
        if len(both) < 2 or both[0] != both[1]:
            rule = f"its two matrices for {place} do not belong together (ranks {sorted(both.values())})"
            raise X2VError(f"LoRA {name}", rule, "save it again, whole")


def check_words(words: Mapping[str, Tensor], encoder: TextEncoder, name: str) -> None:
    """Raise X2VError where embeddings (D,) of words have another size than a text encoder's; warn of words
    that it knows already by other numbers.
    """
    table = encoder.token_embed.weight
    for word, row in words.items():
        if row.shape != table.shape[1:]:
            wanted = tuple(table.shape[1:])
            rule = f"its embedding of {word!r} is {tuple(row.shape)}, and the model's are {wanted}"
            raise X2VError(f"LoRA {name}", rule, "load a LoRA that was trained on a model of this size")
    known = [word for word in words if word in encoder.id_of]
    other = [
        word
        for word in known
        if not torch.allclose(table[encoder.id_of[word]].float().cpu(), words[word].float(), atol=0.02)
    ]
    if other:
        warnings.warn(f"LoRA {name}: the model keeps its own embeddings of {', '.join(other)}", stacklevel=3)


def lora_scale(attention_kwargs: Mapping[str, Any] | None) -> float:
    """How much LoRAs count by `attention_kwargs={"scale": ...}`. Raises X2VError for another key."""
    given = {} if attention_kwargs is None else attention_kwargs
    scale = given.get("scale", 1.0) if isinstance(given, Mapping) else None
    if not is_number(scale) or len(given) > ("scale" in given):
        rule = "it is a mapping; scale is the only one of its keys, a number"
        raise X2VError(f"attention_kwargs={attention_kwargs!r:.80}", rule, 'use {"scale": 0.5}')
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


def lora_scales(model: nn.Module) -> dict[str, dict[str, float]]:
    """Layer -> adapter -> how much it counts, for the LoRAs that are switched on and not fused."""
    if not getattr(model, "peft_config", None):
        return {}
    from peft.tuners.tuners_utils import BaseTunerLayer

    with _TURN:  # no other run's scale is in the layers
        layers = [
            (name, each)
            for name, each in model.named_modules()
            if isinstance(each, BaseTunerLayer) and not each.disable_adapters
        ]
        found = {
            name: {
                adapter: float(each.scaling[adapter])
                for adapter in each.active_adapters
                if each.scaling.get(adapter) and adapter not in each.merged_adapters
            }
            for name, each in layers
        }
    return {name: scales for name, scales in found.items() if scales}


def counted_weights(model: nn.Module, scales: Mapping[str, Mapping[str, float]]) -> dict[str, Tensor]:
    """Weights by name, those of LoRAs only where `lora_scales` has them; other names as without LoRAs."""
    kept = {}
    for name, value in model.state_dict().items():
        layer, mark, rest = name.partition(".lora_")
        if not mark or rest.split(".")[1] in scales.get(layer, ()):
            kept[name.replace(".base_layer.", ".")] = value
    return kept


def without_lora(model: Any) -> Any:
    """The model as it is without the layers of its LoRAs (those that were fused stay in the weights)."""
    from accelerate import init_empty_weights

    state = counted_weights(model, {})
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


def _without_words(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights of a LoRA proper, and the embeddings of the words that it brings along."""
    start = f"{LORA_WORDS}."
    words = {key.removeprefix(start): value for key, value in weights.items() if key.startswith(start)}
    return {key: value for key, value in weights.items() if not key.startswith(start)}, words


def _name(source: Any) -> str:
    return "weights" if isinstance(source, dict) else repr(str(source))
