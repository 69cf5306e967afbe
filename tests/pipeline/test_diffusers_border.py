"""What users of diffusers expect of a pipeline, a test for each habit: what goes in, what comes
out, callbacks, memory, loading.
"""

from __future__ import annotations

import copy
import threading

import diffusers
import imageio
import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from diffusers import (
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from diffusers.callbacks import PipelineCallback
from diffusers.hooks import FasterCacheConfig, FirstBlockCacheConfig
from diffusers.utils import export_to_gif, export_to_video
from PIL import Image

from x2vkit.core.sampler import make_scheduler
from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import check_weights
from x2vkit.pipeline.inputs import read_image, read_video
from x2vkit.pipeline.x2v import X2VPipeline

QUICK = {"num_frames": 5, "height": 32, "width": 48, "num_inference_steps": 2}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clip(pipe, prompt="a dog", output_type="np", **options):
    return pipe(prompt, **QUICK | options, generator=seeded(), output_type=output_type).frames


# -- outputs


def test_every_output_type_shows_the_same_frames(pipeline):
    array, tensor, pictures, latents = (
        clip(pipeline, output_type=kind) for kind in ("np", "pt", "pil", "latent")
    )
    assert array.shape == (1, 5, 32, 48, 3) and array.dtype == np.float32
    assert 0 <= array.min() < 0.4 and 0.6 < array.max() <= 1
    assert tensor.shape == (1, 5, 3, 32, 48)
    np.testing.assert_array_equal(tensor.permute(0, 1, 3, 4, 2).numpy(), array)
    assert isinstance(pictures[0][4], Image.Image)
    np.testing.assert_allclose(np.stack(pictures[0]), array[0] * 255, atol=0.51)
    np.testing.assert_array_equal(pipeline.decode(latents)[0], np.stack(pictures[0]))
    np.testing.assert_array_equal(np.stack(pipeline.numpy_to_pil(array[0])), np.stack(pictures[0]))


def test_pictures_are_the_default_and_a_tuple_can_be_asked_for(pipeline):
    (frames,) = pipeline("a dog", **QUICK, generator=seeded(), return_dict=False)
    np.testing.assert_array_equal(np.stack(frames[0]), np.stack(clip(pipeline, output_type="pil")[0]))


@pytest.mark.parametrize("output_type", ["pil", "np"])
def test_an_exported_video_is_no_negative(pipeline, tmp_path, output_type, monkeypatch):
    ramp = torch.linspace(-1, 0.6, 32).expand(1, 3, 5, 32, 32) * torch.tensor([1, 0.5, 1]).view(1, 3, 1, 1, 1)
    monkeypatch.setattr(pipeline, "_video", lambda latents: ramp)  # video blurs the noise of random weights
    frames = clip(pipeline, output_type=output_type, width=32)[0]
    file = export_to_video(frames, str(tmp_path / "clip.mp4"), fps=8, quality=10)
    again = np.stack(list(imageio.get_reader(file).iter_data())).astype(float)
    made = np.stack(frames) * (1.0 if output_type == "pil" else 255.0)
    assert again.shape == made.shape
    assert np.abs(again - made).mean() < 4


def test_a_gif_has_the_frames(pipeline, tmp_path):
    file = export_to_gif(clip(pipeline, output_type="pil")[0], str(tmp_path / "clip.gif"))
    with Image.open(file) as gif:
        assert gif.n_frames == 5 and gif.size == (48, 32)


# -- noise, prompts and how many


def test_given_latents_are_the_noise(pipeline):
    noise = torch.randn(1, 24, 2, 4, 6, generator=seeded())
    given = pipeline("a dog", **QUICK, latents=noise, output_type="np").frames
    np.testing.assert_array_equal(given, clip(pipeline))
    with pytest.raises(X2VError, match="this run's noise is"):
        pipeline("a dog", **QUICK, latents=noise[:, :, :1])


def test_several_videos_of_a_prompt_lie_side_by_side(pipeline):
    generators = [seeded(seed) for seed in range(4)]
    four = pipeline(
        ["a dog", "a ball"], **QUICK, num_videos_per_prompt=2, generator=generators, output_type="np"
    )
    assert [" ".join(words.words[1:]) for words in four.words] == ["a dog", "a dog", "a ball", "a ball"]
    for i, prompt in enumerate(["a dog", "a dog", "a ball", "a ball"]):
        one = pipeline(prompt, **QUICK, generator=seeded(i), output_type="np").frames
        np.testing.assert_allclose(four.frames[i], one[0], atol=2e-3)
    with pytest.raises(X2VError, match="3 generators: there are 4 clips"):
        pipeline(["a dog", "a ball"], **QUICK, num_videos_per_prompt=2, generator=generators[:3])
    with pytest.raises(X2VError, match="1 generators: there are 2 clips"):
        pipeline(["a dog", "a ball"], **QUICK, generator=generators[:1])


@pytest.mark.parametrize("negative", [None, "blue"])
def test_embeddings_stand_for_prompts_in_a_pipeline_without_text_encoder(pipeline, negative):
    prompts = ["a dog", "a red ball bouncing"]
    reader = X2VPipeline(None, pipeline.text_encoder, None, None)
    embeds, negatives = reader.encode_prompt(prompts, negative)
    drawer = X2VPipeline(pipeline.vae, None, pipeline.transformer, pipeline.scheduler)
    drawer.set_progress_bar_config(disable=True)
    made = drawer(
        prompt_embeds=embeds, negative_prompt_embeds=negatives, **QUICK, generator=seeded(), output_type="np"
    )
    np.testing.assert_array_equal(made.frames, clip(pipeline, prompts, negative_prompt=negative))
    assert made.words == ()
    for strange in ({}, {"prompt": "a dog", "prompt_embeds": embeds}, {"prompt": "a dog"}):
        with pytest.raises(X2VError, match="a prompt"):
            drawer(**strange, **QUICK)


# -- callbacks


def test_callbacks_read_the_run_and_are_given_what_they_ask_for(pipeline):
    seen = []

    def callback(pipe, index, timestep, tensors):
        state = (pipe.num_timesteps, pipe.guidance_scale, pipe.current_timestep, pipe.interrupt)
        seen.append((index, timestep, {name: tuple(value.shape) for name, value in tensors.items()}, *state))
        return tensors

    asked = ["latents", "prompt_embeds", "negative_prompt_embeds"]
    options = {"callback_on_step_end": callback, "callback_on_step_end_tensor_inputs": asked}
    made = clip(pipeline, guidance_scale=3.0, attention_kwargs={"scale": 1.0}, **options)
    np.testing.assert_array_equal(made, clip(pipeline, guidance_scale=3.0))
    shapes = {"latents": (1, 24, 2, 4, 6), "prompt_embeds": (1, 3, 96), "negative_prompt_embeds": (1, 3, 96)}
    assert [row[:2] for row in seen] == [(0, 1000), (1, seen[1][5])] and seen[0][2].keys() == shapes.keys()
    assert seen[0][2]["latents"] == shapes["latents"] and seen[0][3:] == (2, 3.0, 1000, False)
    assert pipeline.current_timestep is None and pipeline.num_timesteps == 2
    with pytest.raises(X2VError, match="a callback can be given latents"):
        clip(pipeline, callback_on_step_end_tensor_inputs=["noise"])


@pytest.mark.parametrize(("begin", "then"), [(3.0, 1.0), (1.0, 3.0), (2.0, 5.0)])
def test_a_callback_that_changes_guidance_changes_the_steps_that_follow(pipeline, begin, then):
    def callback(pipe, index, timestep, tensors):
        pipe._guidance_scale = then

    steps = []
    for scale in (begin, then):
        run = pipeline.stream("a dog", **QUICK, guidance_scale=scale, generator=seeded())
        first = next(run)
        steps.append(run.send({"latents": steps[0] if steps else first.next_latents}).next_latents)
        steps[0] = first.next_latents if len(steps) == 1 else steps[0]
    changed = clip(pipeline, output_type="latent", guidance_scale=begin, callback_on_step_end=callback)
    torch.testing.assert_close(changed, steps[1])
    assert not torch.equal(changed, clip(pipeline, output_type="latent", guidance_scale=begin))


def test_a_callback_can_change_what_is_read(pipeline):
    embeds = pipeline.encode_prompt("a red ball")[0]

    def callback(pipe, index, timestep, tensors):
        return {"prompt_embeds": embeds}

    changed, kept = (clip(pipeline, callback_on_step_end=each) for each in (callback, None))
    assert not np.array_equal(changed, kept)


def test_diffusers_own_callback_classes_are_called(pipeline):
    class Zero(PipelineCallback):
        tensor_inputs = ["latents"]

        def callback_fn(self, pipe, index, timestep, tensors):
            return {"latents": torch.zeros_like(tensors["latents"])}

    assert not clip(
        pipeline, output_type="latent", callback_on_step_end=Zero(cutoff_step_ratio=None, cutoff_step_index=1)
    ).any()


def test_threads_that_share_a_pipeline_get_what_they_would_get_alone(pipeline):
    jobs = [
        {"prompt": "a dog", "guidance_scale": 1.0, "stop": 9},
        {"prompt": "a red ball", "guidance_scale": 3.0, "stop": 1},
        {"prompt": "blue", "guidance_scale": 5.0, "stop": 9},
    ]
    gate = threading.Barrier(len(jobs), timeout=60)

    def run(job, wait) -> tuple[np.ndarray, list[float]]:
        scales = []

        def callback(pipe, index, timestep, tensors):
            scales.append(pipe.guidance_scale)
            pipe._interrupt = index == job["stop"]
            if wait and index < 1:
                gate.wait()

        options = {**QUICK, "num_inference_steps": 4, "guidance_scale": job["guidance_scale"]}
        out = pipeline(
            job["prompt"], **options, generator=seeded(), callback_on_step_end=callback, output_type="np"
        )
        return out.frames, scales

    alone = [run(job, wait=False) for job in jobs]
    together = [None] * len(jobs)

    def work(i: int) -> None:
        together[i] = run(jobs[i], wait=True)

    threads = [threading.Thread(target=work, args=[i]) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (frames, scales), (same, as_alone) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(frames, same)
        assert scales == as_alone


def test_a_stop_button_in_another_thread_stops_the_run(pipeline):
    steps = []

    def callback(pipe, index, timestep, tensors):
        steps.append(index)
        button = threading.Thread(target=lambda: setattr(pipe, "_interrupt", True))
        button.start()
        button.join()

    clip(pipeline, callback_on_step_end=callback)
    assert steps == [0]


def test_a_stream_takes_a_scheduler_of_its_own(pipeline):
    other = list(pipeline.stream("a dog", **QUICK, generator=seeded(), scheduler=make_scheduler("heun")))
    swapped = X2VPipeline(**pipeline.components | {"scheduler": make_scheduler("heun")})
    same = list(swapped.stream("a dog", **QUICK, generator=seeded()))
    assert torch.equal(other[-1].next_latents, same[-1].next_latents)
    assert type(pipeline.scheduler).__name__ == "FlowMatchEulerDiscreteScheduler"


def test_a_pipeline_can_be_copied(pipeline):
    clip(pipeline)
    np.testing.assert_array_equal(clip(copy.deepcopy(pipeline)), clip(pipeline))


# -- pictures and videos that are given

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
FILM = np.random.default_rng(1).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
UNIT = torch.from_numpy(PICTURE).permute(2, 0, 1) / 255
FILM_UNIT = torch.from_numpy(FILM).permute(0, 3, 1, 2) / 255


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(PICTURE),
        Image.fromarray(PICTURE).convert("RGBA"),
        PICTURE,
        PICTURE / 255,
        PICTURE.astype(np.float32) / 255,
        torch.from_numpy(PICTURE),
        torch.from_numpy(PICTURE).permute(2, 0, 1),
        UNIT,
        UNIT * 2 - 1,
        UNIT[None],
        [Image.fromarray(PICTURE)],
        PICTURE[None] / 255,
        (UNIT * 2 - 1).numpy(),
    ],
    ids=lambda value: (
        f"{type(value).__name__} {getattr(value, 'dtype', '')} {tuple(getattr(value, 'shape', ()))}"
    ),
)
def test_an_image_is_read_in_every_form(picture):
    torch.testing.assert_close(read_image(picture, 32, 48), UNIT[None] * 2 - 1)


@pytest.mark.parametrize(
    "video",
    [
        FILM,
        FILM / 255,
        FILM[None],
        FILM_UNIT,
        FILM_UNIT[None],
        FILM_UNIT * 2 - 1,
        list(FILM_UNIT),
        [FILM_UNIT],
        [FILM / 255],
        list(FILM),
        [Image.fromarray(frame) for frame in FILM],
        [[Image.fromarray(frame) for frame in FILM]],
        (FILM_UNIT * 2 - 1).numpy(),
    ],
    ids=lambda value: (
        f"{type(value).__name__} {getattr(value, 'dtype', '')} {tuple(getattr(value, 'shape', ()))}"
    ),
)
def test_a_video_is_read_in_every_form(video):
    torch.testing.assert_close(read_video(video, 5, 32, 48), FILM_UNIT.transpose(0, 1)[None] * 2 - 1)


@pytest.mark.parametrize(
    "wrong", [None, "dog.png", PICTURE[..., 0], PICTURE / 3.0, PICTURE.astype(int), [], UNIT + 0.5]
)
def test_what_is_no_picture_is_refused(pipeline, wrong):
    if wrong is not None:
        with pytest.raises(X2VError, match="image|picture"):
            clip(pipeline, image=wrong)
    with pytest.raises(X2VError, match="video"):
        read_video(wrong, 5, 32, 48)


def test_frames_that_came_out_go_in_again(pipeline):
    for kind in ("np", "pt", "pil"):
        made = clip(pipeline, output_type=kind)
        again = read_video(made, 5, 32, 48)
        torch.testing.assert_close(again, read_video(clip(pipeline), 5, 32, 48), atol=0.005, rtol=0)


def test_each_prompt_can_have_its_own_image_and_video(pipeline):
    pictures = [PICTURE, 255 - PICTURE]
    prompts = ["a dog", "a ball"]
    run = {**QUICK, "num_videos_per_prompt": 2}
    step = next(pipeline.stream(prompts, **run, image=pictures, generator=seeded()))
    for i, picture in enumerate(pictures):
        alone = next(pipeline.stream("a dog", **QUICK, image=picture)).latents[0, :, 0]
        for row in (2 * i, 2 * i + 1):
            torch.testing.assert_close(step.latents[row, :, 0], alone)
    films = next(pipeline.stream(prompts, **run, video=[FILM, 255 - FILM], strength=0.5, generator=seeded()))
    assert not torch.allclose(films.latents[0], films.latents[2])
    with pytest.raises(X2VError, match="3 clips: there are 2 prompts"):
        next(pipeline.stream(prompts, **run, image=[PICTURE] * 3))


# -- memory and precision


@pytest.fixture
def copied(planning):
    """A pipeline whose parts a test may change."""
    pipe = copy.deepcopy(planning)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def test_sequential_offload_makes_the_same_clip(planning, copied):
    for name in (
        "text_encoder",
        "planner",
        "transformer",
        "vae",
    ):  # enable_sequential_cpu_offload, on a processor
        part = getattr(copied, name)
        cpu_offload(part, "cpu", offload_buffers=len(part._parameters) > 0)
    assert copied.transformer.device.type == "meta" and copied._execution_device.type == "cpu"
    options = {"image": PICTURE, "boxes": [np.array([0.1, 0.1, 0.6, 0.9])]}
    for _ in range(2):
        np.testing.assert_array_equal(clip(copied, **options), clip(planning, **options))


def test_model_offload_moves_every_part_when_it_is_used(planning, copied, monkeypatch):
    copied.enable_model_cpu_offload(device="cpu")
    moved = []
    for name in ("text_encoder", "planner", "transformer", "vae"):
        hook = getattr(copied, name)._hf_hook
        inner = hook.pre_forward
        monkeypatch.setattr(
            hook, "pre_forward", lambda *a, name=name, inner=inner, **k: moved.append(name) or inner(*a, **k)
        )
    np.testing.assert_array_equal(clip(copied), clip(planning))
    assert list(dict.fromkeys(moved)) == ["text_encoder", "planner", "transformer", "vae"]


def test_slices_and_tiles_of_the_autoencoder_make_the_same_clips(planning, copied):
    options = {"prompt": ["a dog", "a ball"], "width": 96, "image": PICTURE}
    whole = clip(planning, **options)
    copied.enable_vae_slicing()
    copied.enable_vae_tiling()
    assert copied.vae.use_slicing and copied.vae.use_tiling
    copied.vae.tile_size = 4, 4
    np.testing.assert_allclose(clip(copied, **options), whole, atol=1e-5)
    copied.disable_vae_slicing()
    copied.disable_vae_tiling()
    assert not copied.vae.use_slicing and not copied.vae.use_tiling


def test_a_cache_skips_blocks_and_leaves_with_disable_cache(planning, copied, monkeypatch):
    calls, forward = [], copied.transformer.blocks[1].forward
    monkeypatch.setattr(
        copied.transformer.blocks[1], "forward", lambda *a, **k: calls.append(1) or forward(*a, **k)
    )
    whole = clip(copied, num_inference_steps=6)
    assert len(calls) == 6
    copied.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.5))
    for _ in range(2):  # nothing of the first run stays for the second
        calls.clear()
        cached = clip(copied, num_inference_steps=6)
        assert 1 <= len(calls) < 6 and 0 < np.abs(cached - whole).mean() < 0.1
    copied.transformer.disable_cache()
    np.testing.assert_array_equal(clip(copied, num_inference_steps=6), whole)
    with pytest.raises(X2VError, match="use FirstBlockCacheConfig"):
        copied.transformer.enable_cache(FasterCacheConfig())


def test_float16_makes_much_the_same_clip(planning, copied):
    copied.to(torch.float16)
    half, full = clip(copied), clip(planning, plan=copied.draft(["a dog"], (5, 32, 48), generator=seeded()))
    assert np.isfinite(half).all() and full.std() > 0.02
    assert np.abs(clip(copied, plan=False) - clip(planning, plan=False)).mean() < 0.02


def test_a_clip_that_is_not_a_number_is_told_of(pipeline):
    def spoil(pipe, index, timestep, tensors):
        return {"latents": torch.full_like(tensors["latents"], torch.nan)}

    with pytest.raises(X2VError, match="a clip in float32: .* use bfloat16 or float32"):
        clip(pipeline, callback_on_step_end=spoil)


def test_weights_of_a_quantised_model_are_not_refused(copied):
    class Quantised(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function is torch.isfinite:
                raise NotImplementedError("isfinite of a quantised tensor")
            return super().__torch_function__(function, types, args, kwargs or {})

    layer = copied.transformer.blocks[0].up
    layer.weight = torch.nn.Parameter(layer.weight.detach().as_subclass(Quantised), requires_grad=False)
    check_weights(copied.transformer, "transformer")
    layer.bias.data[0] = torch.nan
    with pytest.raises(X2VError, match="blocks.0.up.bias"):
        check_weights(copied.transformer, "transformer")


# -- schedulers, and folders


def test_a_scheduler_of_another_kind_is_told_which_flags_it_needs(pipeline):
    config = pipeline.scheduler.config
    for scheduler, says in (
        (UniPCMultistepScheduler.from_config(config), "use_flow_sigmas=True"),
        (EulerDiscreteScheduler.from_config(config), "use FlowMatchEulerDiscreteScheduler"),
    ):
        with pytest.raises(X2VError, match=says):
            next(pipeline.stream("a dog", **QUICK, scheduler=scheduler))
    flags = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 2.0}
    told = UniPCMultistepScheduler.from_config(config, **flags)
    last = [
        list(pipeline.stream("a dog", **QUICK, generator=seeded(), scheduler=each))[-1].next_latents
        for each in (told, make_scheduler("unipc"))
    ]
    torch.testing.assert_close(*last)


def test_diffusers_own_loader_finds_the_pipeline(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    again = DiffusionPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert isinstance(again, X2VPipeline) and diffusers.X2VPipeline is X2VPipeline
    np.testing.assert_array_equal(clip(again), clip(pipeline))


def test_weights_load_in_float32_unless_told_otherwise(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    assert X2VPipeline.from_pretrained(tmp_path).transformer.dtype == torch.float32
    assert X2VPipeline.from_pretrained(tmp_path, dtype=torch.bfloat16).vae.dtype == torch.bfloat16


def test_a_missing_variant_keeps_diffusers_reason(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    with pytest.raises(X2VError, match="You are trying to load the model files of the `variant=fp16`"):
        X2VPipeline.from_pretrained(tmp_path, variant="fp16")
    pipeline.save_pretrained(tmp_path / "half", variant="fp16")
    again = X2VPipeline.from_pretrained(tmp_path / "half", variant="fp16")
    for one, two in zip(again.transformer.parameters(), pipeline.transformer.parameters(), strict=True):
        assert torch.equal(one, two)


def test_pickles_are_not_written(pipeline, tmp_path):
    with pytest.raises(X2VError, match="a pickle"):
        pipeline.save_pretrained(tmp_path, safe_serialization=False)


def test_the_signature_is_written_out(pipeline):
    import inspect

    names = inspect.signature(pipeline.__call__).parameters
    assert not any(each.kind is each.VAR_KEYWORD for each in names.values())
    assert {"image", "video", "strength", "boxes", "conditions", "plan", "shared_attention"} <= set(names)
    documented = X2VPipeline.__call__.__doc__
    assert all(f"            {name}: " in documented for name in names)


def test_a_stochastic_scheduler_draws_from_the_generator(pipeline):
    """The same seed is the same clip, whatever torch's own generator has been used for."""
    scheduler = FlowMatchEulerDiscreteScheduler(shift=2.0, stochastic_sampling=True)
    made = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        run = pipeline.stream("a dog", num_frames=5, height=32, width=32, num_inference_steps=3,
                              scheduler=scheduler, generator=seeded(4))  # fmt: skip
        *_, last = run
        made.append(last.next_latents)
    torch.testing.assert_close(made[0], made[1], rtol=0, atol=0)
