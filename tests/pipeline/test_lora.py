"""LoRAs on a pipeline, in every way that diffusers' users load, weigh, fuse and save them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from x2vkit.core.lexicon import LORA_WORDS, Lexicon
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import LORA_FILE
from x2vkit.run.record import record, rerun
from x2vkit.run.versions import weights_hash

QUICK = {"num_frames": 5, "height": 32, "width": 48, "num_inference_steps": 2, "output_type": "np"}


def clip(pipe, **options):
    return pipe("a dog", **QUICK, **options, generator=torch.Generator().manual_seed(0)).frames


@pytest.fixture
def pipe(pipeline):
    own = copy.deepcopy(pipeline)
    own.set_progress_bar_config(disable=True)
    return own


def add(pipe, name: str, seed: int = 0, rank: int = 2, alpha: int = 2) -> None:
    torch.manual_seed(seed)
    settings = LoraConfig(r=rank, lora_alpha=alpha, target_modules=["qkv", "up"], init_lora_weights=False)
    pipe.transformer.add_adapter(settings, name)


def layers(pipe, name: str) -> dict:
    return get_peft_model_state_dict(pipe.transformer, adapter_name=name)


@pytest.fixture
def saved(pipe, tmp_path):
    """A pipeline without a LoRA, a folder with one as training scripts save it, and the clip it makes."""
    add(pipe, "default")
    styled = clip(pipe)
    X2VPipeline.save_lora_weights(save_directory=tmp_path, transformer_lora_layers=layers(pipe, "default"))
    pipe.unload_lora_weights()
    assert not np.array_equal(clip(pipe), styled)
    return pipe, tmp_path, styled


def test_it_loads_from_a_folder_a_file_a_subfolder_and_a_dict(saved):
    pipe, folder, styled = saved
    (folder / "deep").mkdir()
    (folder / LORA_FILE).rename(folder / "deep" / "mine.safetensors")
    file = folder / "deep" / "mine.safetensors"
    for source, options in (
        (file.parent, {}),
        (file, {}),
        (str(folder), {"subfolder": "deep", "weight_name": "mine.safetensors"}),
        (load_file(file), {}),
    ):
        pipe.load_lora_weights(source, **options)
        np.testing.assert_array_equal(clip(pipe), styled)
        pipe.unload_lora_weights()


def test_a_second_lora_needs_no_name(saved):
    pipe, folder, _ = saved
    pipe.load_lora_weights(folder)
    pipe.load_lora_weights(folder)
    assert pipe.get_list_adapters() == {"transformer": ["default_0", "default_1"]}
    pipe.set_adapters(["default_0", "default_1"], [0.5, 0.5])
    both = clip(pipe)
    pipe.set_adapters("default_1")
    np.testing.assert_allclose(both, clip(pipe), atol=1e-4)


def test_fused_without_arguments_it_is_in_the_weights(saved):
    pipe, folder, styled = saved
    plain = clip(pipe)
    pipe.load_lora_weights(folder)
    pipe.fuse_lora()
    np.testing.assert_allclose(clip(pipe), styled, atol=1e-4)
    pipe.unfuse_lora()
    pipe.disable_lora()
    np.testing.assert_allclose(clip(pipe), plain, atol=1e-4)


def test_scale_counts_for_one_call_and_leaves_weights_as_they_were(saved):
    pipe, folder, _ = saved
    plain = clip(pipe)
    pipe.load_lora_weights(folder, adapter_name="style")
    pipe.set_adapters("style", 0.5)
    half = clip(pipe)
    np.testing.assert_allclose(clip(pipe, attention_kwargs={"scale": 0.0}), plain, atol=1e-5)
    np.testing.assert_array_equal(clip(pipe), half)
    pipe.set_adapters("style", 0.25)
    np.testing.assert_allclose(clip(pipe, attention_kwargs={"scale": 2.0}), half, atol=1e-5)
    with pytest.raises(X2VError, match="scale is the only one"):
        clip(pipe, attention_kwargs={"gligen": 1})


def test_alpha_and_rank_survive_a_save(pipe, tmp_path):
    add(pipe, "strong", rank=2, alpha=8)
    strong = clip(pipe)
    pipe.save_lora(tmp_path, "strong")
    pipe.unload_lora_weights()
    pipe.load_lora_weights(tmp_path)
    np.testing.assert_array_equal(clip(pipe), strong)
    with pytest.raises(X2VError, match="the transformer holds default_0"):
        pipe.save_lora(tmp_path, "weak")


def test_a_saved_pipeline_has_its_loras_beside_it(pipe, tmp_path):
    plain = clip(pipe)
    add(pipe, "one", seed=1)
    add(pipe, "two", seed=2)
    pipe.set_adapters("two")
    styled = clip(pipe)
    with pytest.warns(UserWarning, match="saved beside the weights"):
        pipe.save_pretrained(tmp_path)
    np.testing.assert_array_equal(clip(pipe), styled)
    again = X2VPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    np.testing.assert_array_equal(clip(again), plain)
    again.load_lora_weights(tmp_path / "lora" / "two")
    np.testing.assert_array_equal(clip(again), styled)


def test_a_fused_lora_is_saved_in_the_weights(pipe, tmp_path):
    add(pipe, "one")
    pipe.fuse_lora()
    pipe.save_pretrained(tmp_path)
    again = X2VPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    np.testing.assert_allclose(clip(again), clip(pipe), atol=1e-5)
    assert not (tmp_path / "lora").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda key, value: (key.replace("transformer.", "diffusion_model."), value),
            "has no layer diffusion_model",
        ),
        (lambda key, value: (key.replace("attention.qkv", "attn1.to_q"), value), "has no layer .*attn1.to_q"),
        (
            lambda key, value: (key, value.repeat(1, 2) if "lora_A" in key else value),
            "the layer has 48 on axis 1",
        ),
        (lambda key, value: (key, value.repeat(2, 1) if "lora_B" in key else value), "on axis 0"),
        (lambda key, value: (key, value * torch.nan), "not numbers"),
    ],
)
def test_a_lora_of_another_model_is_refused_and_leaves_nothing(saved, change, says):
    pipe, folder, _ = saved
    weights = dict(change(key, value) for key, value in load_file(folder / LORA_FILE).items())
    plain = clip(pipe)
    with pytest.raises(X2VError, match=says):
        pipe.load_lora_weights(weights)
    save_file({key: value.contiguous() for key, value in weights.items()}, folder / LORA_FILE)
    with pytest.raises(X2VError, match=says):
        pipe.load_lora_weights(folder)
    assert not getattr(pipe.transformer, "peft_config", None)
    np.testing.assert_array_equal(clip(pipe), plain)


def test_pickles_and_missing_files_are_refused(pipe, tmp_path):
    add(pipe, "default")
    with pytest.raises(X2VError, match="a pickle"):
        X2VPipeline.save_lora_weights(tmp_path, layers(pipe, "default"), safe_serialization=False)
    with pytest.raises(X2VError, match="nothing to save"):
        X2VPipeline.save_lora_weights(tmp_path)
    (tmp_path / "pytorch_lora_weights.bin").write_bytes(b"never opened")
    for source in (tmp_path, tmp_path / "pytorch_lora_weights.bin"):
        with pytest.raises(X2VError, match="a pickle"):
            pipe.load_lora_weights(source)
    with pytest.raises(X2VError, match="no such file"):
        pipe.load_lora_weights(tmp_path / "nothing" / "here.safetensors")


def test_words_go_with_a_lora_and_leave_with_it(pipe, tmp_path):
    plain, words = clip(pipe), list(pipe.text_encoder.words)
    add(pipe, "style")
    rows = {"comet": torch.full((32,), 0.7), "dog": torch.ones(32)}
    assert pipe.text_encoder.add_words(rows) == ["comet"]  # a word that is there keeps its own
    styled = pipe("a comet", **QUICK, generator=torch.Generator().manual_seed(0)).frames
    pipe.save_lora(tmp_path / "style", "style", words=["comet"])
    pipe.unload_lora_weights()
    pipe.text_encoder.forget_words(["comet"])
    pipe.load_lora_weights(tmp_path / "style", adapter_name="mine")
    again = pipe("a comet", **QUICK, generator=torch.Generator().manual_seed(0)).frames
    np.testing.assert_array_equal(again, styled)
    with pytest.warns(UserWarning, match="saved beside"):
        pipe.save_pretrained(tmp_path / "whole")
    whole = X2VPipeline.from_pretrained(tmp_path / "whole")
    whole.load_lora_weights(tmp_path / "whole" / "lora" / "mine")
    whole.set_progress_bar_config(disable=True)
    again = whole("a comet", **QUICK, generator=torch.Generator().manual_seed(0)).frames
    np.testing.assert_array_equal(again, styled)
    whole.unload_lora_weights()
    assert "comet" in whole.text_encoder.id_of  # it was saved with the model
    lexicon = Lexicon(words, {"puppy": "dog"}).with_lora(tmp_path / "style" / LORA_FILE)
    assert lexicon.words == pipe.text_encoder.words and lexicon.knows("a comet a puppy")
    pipe.unload_lora_weights()
    assert pipe.text_encoder.words == words == list(pipe.text_encoder.config.vocab)
    np.testing.assert_array_equal(clip(pipe), plain)


def test_words_of_another_size_are_refused_and_other_numbers_are_told(saved):
    pipe, folder, _ = saved
    weights = load_file(folder / LORA_FILE)
    with pytest.raises(X2VError, match=r"its embedding of 'comet' is \(8,\), and the model's are \(32,\)"):
        pipe.load_lora_weights(weights | {f"{LORA_WORDS}.comet": torch.ones(8)})
    assert "comet" not in pipe.text_encoder.id_of and not getattr(pipe.transformer, "peft_config", None)
    with pytest.warns(UserWarning, match="keeps its own embeddings of dog"):
        pipe.load_lora_weights(weights | {f"{LORA_WORDS}.dog": torch.ones(32)})


def test_what_is_no_whole_lora_is_refused(saved):
    pipe, folder, _ = saved
    weights = load_file(folder / LORA_FILE)
    up = next(key for key in weights if "lora_B" in key)
    for broken, says in (
        ({"something.else": torch.ones(2, 2)}, "it holds no LoRA"),
        ({}, "it holds no LoRA"),
        ({key: value for key, value in weights.items() if key != up}, "do not belong together"),
        (weights | {up: torch.ones(len(weights[up]), 3)}, "do not belong together"),
    ):
        with pytest.raises(X2VError, match=says):
            pipe.load_lora_weights(broken)
    assert not getattr(pipe.transformer, "peft_config", None)


def test_the_hash_of_weights_sees_adapters_and_their_scale(saved):
    pipe, folder, _ = saved
    plain = weights_hash(pipe)
    pipe.load_lora_weights(folder, adapter_name="style")
    full = weights_hash(pipe)
    pipe.set_adapters("style", 0.5)
    half = weights_hash(pipe)
    pipe.disable_lora()
    assert weights_hash(pipe) == plain  # as it draws
    pipe.enable_lora()
    assert weights_hash(pipe) == half and len({plain, full, half}) == 3
    pipe.set_adapters("style", 0.0)
    assert weights_hash(pipe) == plain
    pipe.set_adapters("style", 1.0)
    pipe.fuse_lora()
    assert weights_hash(pipe) not in (plain, half)
    pipe.unfuse_lora()
    pipe.unload_lora_weights()
    pipe.load_lora_weights(folder, adapter_name="other name")
    trace = record("a dog", pipeline=pipe, num_frames=5, height=32, width=48, steps=2)
    pipe.set_adapters("other name", 0.9)
    with pytest.raises(X2VError, match="the trace was made by weights"):
        rerun(trace, pipeline=pipe)
    pipe.set_adapters("other name", 1.0)
    np.testing.assert_array_equal(rerun(trace, pipeline=pipe).frames, trace.frames)
