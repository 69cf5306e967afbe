"""What would come out black, flat or wrecked is told; what weights claim is asked before they are made."""

from __future__ import annotations

import json
import os
import time
from copy import deepcopy

import numpy as np
import pytest
import torch

from x2vkit.core.conditions import Conditions, known_frames
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import WRECKED, check_latents, check_video
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run.record import generate

STILL = {"num_frames": 1, "height": 32, "width": 32}
NAN, INF = float("nan"), float("inf")


def run(pipe, **given):
    return pipe("a red ball", **{**STILL, "num_inference_steps": 1, "output_type": "np", **given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"guidance_scale": NAN}, "guidance_scale=nan"),
        ({"guidance_scale": INF}, "guidance_scale=inf"),
        ({"control_guidance_scale": NAN}, "control_guidance_scale=nan"),
        ({"guidance_scale": 1e6}, "latents are .* times as large"),
        ({"latents": torch.full((1, 24, 1, 4, 4), NAN)}, "latents with nan or inf"),
        ({"latents": torch.ones(1, 24, 1, 4, 4, dtype=torch.int64)}, "floating-point"),
        ({"conditions": Conditions(control=torch.full((1, 10, 1, 4, 4), NAN))}, "control with nan"),
        ({"conditions": Conditions(camera=torch.full((1, 1, 4), INF))}, "camera with nan"),
        ({"conditions": known_frames(torch.full((1, 24, 1, 4, 4), NAN), [0])}, "known_latents with nan"),
        ({"boxes": [[NAN, 0, 1, 1]]}, "nan or inf among numbers"),
        ({"image": np.full((32, 32, 3), NAN, np.float32)}, "image of"),
        ({"video": np.full((1, 32, 32, 3), INF, np.float32)}, "video of"),
        ({"plan": {"camera": [[0, 0, NAN]]}}, "camera with nan"),
        ({"plan": {"camera": [[0, 0, 0]]}}, "zoom of 0"),
        ({"plan": {"camera": [[0, 0, -2]]}}, "zoom of -2"),
        ({"plan": {"turn": [INF]}}, "angle with inf"),
        ({"plan": {"mouth": [5.0], "boxes": np.full((1, 2, 4), 0.5)}}, "openness"),
    ],
    ids=str,
)
def test_numbers_that_would_make_a_black_or_wrecked_clip_are_told(pipeline, given, said):
    with pytest.raises(X2VError, match=said):
        run(pipeline, **given)


@pytest.mark.parametrize("zoom", [0, -1, NAN, INF, 1e-300, 1e30])
def test_a_zoom_that_is_none_is_told(zoom):
    with pytest.raises(X2VError, match="camera"):
        Conditions.draw((5, 32, 32), camera=[0, 0, zoom])


def test_a_plan_of_odd_tracks_is_told(pipeline):
    plan = Plan.of_tracks({"camera": [[0, 0, 1.0]]})
    for name in ("boxes", "mouth", "camera", "turn"):
        for odd in (None, np.zeros(3), np.zeros((1, 1), object), "x"):
            with pytest.raises(X2VError, match=f"plan.{name}"):
                run(pipeline, plan=Plan(**vars(plan) | {name: odd}))


def wrecked(pipeline, change):
    """The pipeline with one of its parts changed."""
    pipe = X2VPipeline(**{name: deepcopy(part) for name, part in pipeline.components.items()})
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        change(pipe)
    return pipe


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda pipe: pipe.transformer.final_layer.linear.weight.mul_(1e6), "times as large"),
        (lambda pipe: pipe.transformer.final_layer.linear.weight.fill_(NAN), "left its range"),
        (lambda pipe: pipe.vae.decoder.conv_out.weight.zero_(), "one colour"),
    ],
)
def test_finite_but_wrecked_weights_are_told_by_the_call_and_by_generate(pipeline, change, said):
    pipe = wrecked(pipeline, change)
    if "colour" in said:
        with torch.no_grad():
            pipe.vae.preview_weight.zero_(), pipe.vae.preview_bias.zero_(), pipe.vae.linear.mean.zero_()
            for parameter in pipe.vae.parameters():
                parameter.zero_()
    with pytest.raises(X2VError, match=said):
        run(pipe)
    with pytest.raises(X2VError, match=said):
        generate("a red ball", pipeline=pipe, steps=1, plan=False, **STILL)


def test_what_a_model_makes_passes(pipeline):
    check_latents(torch.randn(2, 24, 5, 4, 4) * WRECKED / 2, torch.float32)
    video = torch.full((1, 3, 5, 8, 8), 0.2)
    with pytest.raises(X2VError, match="one colour"):
        check_video(video)
    video[0, 1, 3, 2, 2] += 0.01
    check_video(video)
    assert run(pipeline).frames.std() > 0


@pytest.fixture
def saved(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("part", ["vae", "text_encoder", "transformer"])
@pytest.mark.parametrize("version", [2, "1", True, None])
def test_every_component_of_another_format_is_refused(saved, part, version):
    change_config(saved / part, format_version=version)
    with pytest.raises(X2VError, match="checkpoint format"):
        X2VPipeline.from_pretrained(saved)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("transformer", {"width": 10**6, "heads": 2}),
        ("transformer", {"width": 2048}),
        ("transformer", {"depth": 5_000}),
        ("transformer", {"latent_channels": 10**5}),
        ("text_encoder", {"width": 4096}),
        ("text_encoder", {"max_words": 10**7}),
        ("vae", {"widths": [10**6, 16, 16]}),
        ("vae", {"decoder_depths": [2, 9_000, 1]}),
    ],
    ids=str,
)
def test_weights_that_claim_to_be_huge_are_refused_before_they_are_made(saved, part, values):
    change_config(saved / part, **values)
    begin = time.process_time()
    with pytest.raises(X2VError, match=f"{part}.*asks for .* numbers.*its file holds"):
        X2VPipeline.from_pretrained(saved)
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize("name", ["config.json", "diffusion_pytorch_model.safetensors", "model_index.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_a_pipe_or_a_folder_in_a_files_place_is_told(saved, name, make):
    path = saved / name if name == "model_index.json" else saved / "vae" / name
    path.unlink()
    make(path)
    with pytest.raises(X2VError):
        X2VPipeline.from_pretrained(saved)


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("conditions", "x"),
        ("boxes", 3),
        ("plan", "x"),
        ("shared_attention", 1),
        ("num_videos_per_prompt", 0),
        ("num_videos_per_prompt", "2"),
        ("attention_kwargs", 3),
        ("attention_kwargs", {"scale": NAN}),
        ("prompt_embeds", "x"),
        ("negative_prompt_embeds", torch.ones(1, 2, 3)),
        ("negative_prompt", 3),
        ("strength", None),
        ("fps", "fast"),
        ("output_type", ["np"]),
        ("callback_on_step_end_tensor_inputs", 3),
    ],
    ids=str,
)
def test_an_argument_of_another_kind_is_named(pipeline, name, odd):
    with pytest.raises(X2VError) as told:
        run(pipeline, **{name: odd})
    assert name.removesuffix("_per_prompt").split("_")[0] in told.value.got
