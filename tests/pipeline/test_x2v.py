"""The pipeline from words to frames, with small random weights: what is promised to users and what is
refused.
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch

from x2vkit.config import PRESETS
from x2vkit.core.conditions import Conditions
from x2vkit.core.raster import BOX_A, CAMERA_GIVEN
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline

VOCAB = ["a", "red", "blue", "ball", "dog", "bouncing"]
SIZE = {"num_frames": 5, "height": 32, "width": 48}
QUICK = {**SIZE, "num_inference_steps": 3}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def built() -> X2VPipeline:
    torch.manual_seed(0)
    size = PRESETS["tiny"]
    transformer = VideoTransformer.from_model_config(size)
    vae = VideoVAE(latent_channels=size.latent_channels, widths=(16, 16, 16))
    with torch.no_grad():  # parts that start at zero would hide differences
        for p in [*transformer.parameters(), *vae.parameters()]:
            p.add_(0.1 * torch.randn_like(p))
    text = TextEncoder(VOCAB, {"puppy": "dog"}, width=size.text_width, depth=1, max_words=6)
    pipe = X2VPipeline(vae.eval(), text.eval(), transformer.eval(), make_scheduler("euler"))
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def pipe(built):
    yield built
    built.transformer.requires_grad_(True)


def test_a_prompt_becomes_frames(pipe):
    out = pipe("a red ball", **QUICK, generator=seeded(), fps=8)
    assert np.shape(out.frames) == (1, 5, 32, 48, 3) and out.frames[0][0].size == (48, 32) and out.fps == 8
    assert out.words[0].words == ("<start>", "a", "red", "ball")


def test_seed_decides_the_clip(pipe):
    one, again, other = (pipe("a red ball", **QUICK, generator=seeded(s)).frames for s in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_words_change_the_clip_and_synonyms_do_not(pipe):
    red, blue, puppy, dog = (
        pipe(p, **QUICK, generator=seeded()).frames for p in ("red", "blue", "puppy", "dog")
    )
    assert not np.array_equal(red, blue) and np.array_equal(puppy, dog)


def test_a_still_is_a_clip_of_one_frame(pipe):
    assert np.shape(pipe("red", **QUICK | {"num_frames": 1}, generator=seeded()).frames) == (1, 1, 32, 48, 3)


def test_stream_and_call_are_one_path(pipe):
    steps = list(pipe.stream("a dog", **QUICK, generator=seeded()))
    assert [step.index for step in steps] == [0, 1, 2] and steps[0].words[0].words == ("<start>", "a", "dog")
    assert np.array_equal(
        pipe.decode(steps[-1].next_latents), pipe("a dog", **QUICK, generator=seeded()).frames
    )
    assert pipe.preview(steps[0].pred_x0).shape == (1, 5, 32, 48, 3)


def test_closing_a_stream_cancels(pipe, monkeypatch):
    calls = count_calls(pipe, monkeypatch)
    run = pipe.stream("a dog", **QUICK)
    next(run)
    run.close()
    assert len(calls) == 1


def count_calls(pipe, monkeypatch) -> list[int]:
    """Batch sizes of the transformer's calls."""
    calls, forward = [], pipe.transformer.forward
    monkeypatch.setattr(
        pipe.transformer, "forward", lambda x, *a, **k: calls.append(len(x)) or forward(x, *a, **k)
    )
    return calls


def test_guidance_of_one_is_the_conditional_model_alone(pipe, monkeypatch):
    calls = count_calls(pipe, monkeypatch)
    step = next(pipe.stream("a dog", **QUICK, guidance_scale=1.0, generator=seeded()))
    assert calls == [1]
    ids, mask = pipe.text_encoder.batch(["a dog"])
    with torch.no_grad():
        alone = pipe.transformer(
            step.latents, torch.ones(1, 1), pipe.text_encoder(ids), mask, return_dict=False
        )[0]
    torch.testing.assert_close(step.velocity, alone, rtol=1e-4, atol=1e-5)


def test_guidance_is_linear_in_its_scales(pipe, monkeypatch):
    boxes = [np.array([0.1, 0.1, 0.6, 0.9])]

    def velocity(prompt: str, text: float, control: float, boxes=boxes):
        options = {"guidance_scale": text, "control_guidance_scale": control, "boxes": boxes}
        return next(pipe.stream(prompt, **QUICK, **options, generator=seeded())).velocity

    cond = velocity("a dog", 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nothing = velocity("", 1, 1, boxes=[])
    no_control = velocity("a dog", 1, 1, boxes=[])
    assert (cond - nothing).abs().max() > 1e-3 and (cond - no_control).abs().max() > 1e-3
    calls = count_calls(pipe, monkeypatch)
    both = velocity("a dog", 3, 2)
    assert calls == [3]
    torch.testing.assert_close(both, cond + 2 * (cond - nothing) + (cond - no_control), rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:the prompt is empty")
def test_guidance_pulls_less_in_detail(pipe):
    video = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
    options = {**QUICK, "num_inference_steps": 4, "video": video, "strength": 0.25}

    def look(prompt: str, scale: float):
        return next(pipe.stream(prompt, **options, guidance_scale=scale, generator=seeded()))

    words, nothing, pulled = look("a dog", 1), look("", 1), look("a dog", 3)
    assert 0 < words.t < pipe.sampling.guidance_ramp
    difference = 2 * words.t / pipe.sampling.guidance_ramp * (words.velocity - nothing.velocity)
    torch.testing.assert_close(pulled.velocity, words.velocity + difference, rtol=1e-3, atol=1e-4)


def test_control_scale_without_control_costs_nothing(pipe, monkeypatch):
    calls = count_calls(pipe, monkeypatch)
    next(pipe.stream("a dog", **QUICK, control_guidance_scale=5.0))
    assert calls == [2]


def test_negative_prompt_equal_to_prompt_cancels_guidance(pipe):
    options = {**QUICK, "output_type": "pt"}
    plain = pipe("a dog", guidance_scale=1.0, generator=seeded(), **options).frames
    same = pipe("a dog", negative_prompt="a dog", guidance_scale=7.0, generator=seeded(), **options).frames
    torch.testing.assert_close(plain, same, rtol=1e-2, atol=1e-2)


def test_an_image_is_the_first_latent_frame_throughout(pipe):
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    video = torch.from_numpy(image).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
    with torch.no_grad():
        first = pipe.vae.encode_video(video)
    for step in pipe.stream("a dog", **QUICK, image=image):
        torch.testing.assert_close(step.next_latents[:, :, :1], first)


def test_an_image_of_another_size_is_cropped_about_its_centre(pipe):
    wide = np.zeros((64, 200, 3), np.uint8)
    wide[:, 48:152] = 255  # the middle 64 x 96 is what fills 32 x 48
    white = np.full((32, 48, 3), 255, np.uint8)
    one, two = (next(pipe.stream("dog", **QUICK, image=i, generator=seeded())).latents for i in (wide, white))
    torch.testing.assert_close(one, two, atol=0.05, rtol=0.05)


def test_video_is_kept_more_at_less_strength(pipe):
    video = np.random.default_rng(1).integers(0, 256, (7, 32, 48, 3), dtype=np.uint8)
    options = {**SIZE, "video": video, "num_inference_steps": 10, "generator": seeded()}
    weak, strong = (list(pipe.stream("dog", strength=s, **options)) for s in (0.2, 0.9))
    assert (len(weak), len(strong)) == (2, 9) and weak[0].t < strong[0].t


def test_consistency_runs_each_look_by_itself(pipe, monkeypatch):
    calls = count_calls(pipe, monkeypatch)
    out = pipe(["a dog", "a red ball"], **QUICK | {"num_inference_steps": 1}, shared_attention=True)
    assert calls == [2, 2] and len(out.frames) == 2


def test_a_batch_equals_its_clips_one_by_one(pipe):
    both = pipe(
        ["a dog", "a red ball bouncing"], **QUICK, generator=[seeded(3), seeded(4)], output_type="latent"
    ).frames
    for i, prompt in enumerate(["a dog", "a red ball bouncing"]):
        alone = pipe(prompt, **QUICK, generator=seeded(3 + i), output_type="latent").frames
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-3, atol=1e-3)


# -- plans


def test_a_clip_is_drawn_as_it_was_planned(planning, monkeypatch):
    seen, forward = [], planning.transformer.forward
    monkeypatch.setattr(planning.transformer, "forward", lambda *a, **k: seen.append(k) or forward(*a, **k))
    out = planning("a red ball", **QUICK, generator=seeded())
    expected = out.plan.conditions(32, 48)
    control, camera = seen[0]["control"], seen[0]["camera"]
    torch.testing.assert_close(control[:1], expected.control)
    torch.testing.assert_close(camera[:1], expected.camera)
    assert camera[0, :, CAMERA_GIVEN].min() == 1
    assert not control[1].any() and not camera[1].any()  # the look without the words has no plan either
    again = planning("a red ball", **QUICK, generator=seeded())
    assert np.array_equal(out.frames, again.frames)
    assert not np.array_equal(out.plan.boxes, planning("a red ball", **QUICK, generator=seeded(1)).plan.boxes)


def test_a_plan_can_be_changed_or_left_out(planning, pipeline):
    plan = planning.draft(["a red ball"], (5, 32, 48), generator=seeded())
    plan.boxes[:, :, 0] = [0.5, 0.25, 1.0, 0.75]
    moved = planning("a red ball", **QUICK, generator=seeded(), plan=plan)
    np.testing.assert_array_equal(moved.plan.boxes, plan.boxes)
    bare = planning("a red ball", **QUICK, generator=seeded(), plan=False)
    assert bare.plan is None and not np.array_equal(moved.frames, bare.frames)
    assert np.array_equal(bare.frames, pipeline("a red ball", **QUICK, generator=seeded()).frames)
    with pytest.raises(X2VError, match="no planner"):
        pipeline.draft(["a red ball"])


def test_what_is_given_is_planned_around_or_not_planned_at_all(planning):
    box, track = np.array([0.2, 0.2, 0.6, 0.9]), torch.zeros(1, 2, 4)
    track[..., CAMERA_GIVEN] = 1
    out = planning("a ball", **QUICK, boxes=[box], conditions=Conditions(camera=track), generator=seeded())
    np.testing.assert_allclose(out.plan.boxes[0, :, 0], np.broadcast_to(box, (5, 4)), atol=1e-5)
    np.testing.assert_allclose(out.plan.camera[0], np.broadcast_to([0, 0, 1], (5, 3)), atol=1e-5)
    picture = np.zeros((32, 48, 3), np.uint8)
    drawn = Conditions.draw((5, 32, 48), boxes=[box]).control
    for given in ({"image": picture}, {"conditions": Conditions(control=drawn)}):
        plan = planning("a ball", **QUICK, **given, generator=seeded()).plan
        assert np.isnan(plan.boxes).all() and np.isfinite(plan.camera).all()
    film = np.zeros((5, 32, 48, 3), np.uint8)
    assert planning("a ball", **QUICK, video=film, generator=seeded()).plan is None


def test_a_given_raster_is_drawn_along_while_the_camera_is_planned(planning, monkeypatch):
    seen, forward = [], planning.transformer.forward
    monkeypatch.setattr(planning.transformer, "forward", lambda *a, **k: seen.append(k) or forward(*a, **k))
    drawn = Conditions.draw((5, 32, 48), boxes=[[0.2, 0.2, 0.6, 0.9]]).control
    out = planning("a ball", **QUICK, conditions=Conditions(control=drawn), generator=seeded())
    assert torch.equal(seen[0]["control"][:1], drawn) and drawn[:, BOX_A].sum() > 0
    torch.testing.assert_close(seen[0]["camera"][:1], out.plan.conditions(32, 48).camera)
    assert seen[0]["boxes"] is None  # not those of the plan, which the raster does not show


def test_boxes_reach_the_model_as_a_raster_and_as_numbers(planning, monkeypatch):
    seen, forward = [], planning.transformer.forward
    monkeypatch.setattr(planning.transformer, "forward", lambda *a, **k: seen.append(k) or forward(*a, **k))
    box = np.array([0.2, 0.2, 0.6, 0.9], np.float32)
    for plan in (True, False):
        seen.clear()
        planning("a ball", **QUICK, boxes=[box], plan=plan, generator=seeded())
        words, without = seen[0]["boxes"]  # the look without words has no boxes either
        torch.testing.assert_close(words[:, 0, :4], torch.from_numpy(box).expand(5, 4))
        assert bool(words[:, 0, 4].any()) == plan  # the planner says how it is turned
        assert not without.any() and seen[0]["control"][0, BOX_A].any() and not seen[0]["control"][1].any()


def test_a_saved_planner_plans_the_same(planning, tmp_path):
    planning.save_pretrained(tmp_path)
    again = X2VPipeline.from_pretrained(tmp_path, dtype=torch.float32)
    one, two = (p("a dog", **QUICK, generator=seeded()) for p in (planning, again))
    np.testing.assert_allclose(one.plan.boxes, two.plan.boxes, rtol=1e-4, atol=1e-5)
    frames = [np.stack(each.frames[0]).astype(int) for each in (one, two)]
    np.testing.assert_allclose(*frames, atol=1)  # rounded otherwise


def test_callback_sees_and_changes_latents_and_can_stop(pipe):
    seen = []

    def callback(p, i, t, kwargs):
        seen.append((i, t))
        p._interrupt = i == 1
        return {"latents": kwargs["latents"] * 0 + i}

    out = pipe("dog", **QUICK, callback_on_step_end=callback, output_type="latent")
    assert [i for i, _ in seen] == [0, 1] and seen[0][1] == 1000 and (out.frames == 1).all()


def test_saved_and_loaded_makes_the_same_clip(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    again = X2VPipeline.from_pretrained(tmp_path, dtype=torch.float32)
    again.set_progress_bar_config(disable=True)
    one, two = (p("a dog", **QUICK, generator=seeded()).frames for p in (pipe, again))
    assert np.array_equal(one, two)
    assert not list(tmp_path.rglob("*.bin"))


def test_lora_changes_the_clip_survives_a_save_and_unloads(built, tmp_path):
    from peft import LoraConfig

    def clip() -> np.ndarray:
        return built("a dog", **QUICK, generator=seeded()).frames

    plain = clip()
    built.transformer.add_adapter(LoraConfig(r=2, target_modules=["qkv"], init_lora_weights=False), "style")
    styled = clip()
    file = built.save_lora(tmp_path, "style")
    built.unload_lora_weights()
    assert np.array_equal(clip(), plain) and not np.array_equal(styled, plain)
    built.load_lora_weights(tmp_path, "again")
    styled_again = clip()
    built.unload_lora_weights()
    assert np.array_equal(styled_again, styled)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(X2VError, match="not a safetensors file"):
        built.load_lora_weights(tmp_path)


@pytest.mark.parametrize(
    ("prompt", "options", "says"),
    [
        ("bouncng", {}, "bouncing"),
        ("zzzz qqqq", {}, "knows none of these words"),
        (None, {}, "prompt is text"),
        ([], {}, "prompt is text"),
        ("dog", {"num_frames": 6}, "use 5 or 9"),
        ("dog", {"height": 40}, "use 32 or 48"),
        ("dog", {"width": 0}, "width=0"),
        ("dog", {"num_inference_steps": 0}, "steps=0"),
        ("dog", {"num_inference_steps": -1}, "steps=-1"),
        ("dog", {"num_videos_per_prompt": 0}, "num_videos_per_prompt=0"),
        ("dog", {"output_type": "gif"}, "pil, np, pt, latent"),
        ("dog", {"fps": 0}, "fps=0"),
        ("dog", {"image": np.zeros((32, 48))}, "image is a PIL"),
        ("dog", {"image": np.full((3, 32, 48), 7.0)}, "image is a PIL"),
        ("dog", {"video": np.zeros((3, 32, 48, 3), np.uint8)}, "num_frames=1"),
        ("dog", {"video": np.zeros((5, 32, 48, 3), np.uint8), "strength": 0.0}, "strength=0.0"),
        ("dog", {"conditions": Conditions(control=torch.zeros(1, 10, 9, 4, 6))}, "conditions.control"),
        ("dog", {"conditions": Conditions(known_latents=torch.zeros(1, 24, 2, 4, 6))}, "known_mask"),
        ("dog", {"generator": 3}, "torch.Generator"),
        ("dog", {"boxes": [[10, 10, 40, 40]]}, "fractions of the frame"),
        ("dog", {"boxes": [[0.5, 0.5, 0.2, 0.2]]}, "upper left corner"),
        (["dog", "ball"], {"negative_prompt": ["red"] * 3}, "3 negative prompts"),
    ],
)
def test_bad_input_gives_value_rule_and_cure(pipe, prompt, options, says):
    with pytest.raises(X2VError, match=says):
        pipe(prompt, **QUICK | options)


@pytest.mark.parametrize(
    ("prompt", "says"), [("", "empty"), ("a flurb dog", "flurb"), ("a red ball bouncing a blue dog", "dog")]
)
def test_what_a_prompt_loses_is_told(pipe, prompt, says):
    with pytest.warns(UserWarning, match=says):
        next(pipe.stream(prompt, **QUICK))


@pytest.fixture
def saved(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    return tmp_path


def weights(folder):
    return folder / "transformer" / "diffusion_pytorch_model.safetensors"


def test_pickles_are_refused(saved):
    weights(saved).rename(weights(saved).with_suffix(".bin"))
    with pytest.raises(X2VError, match="pickle"):
        X2VPipeline.from_pretrained(saved)


def test_truncated_weights_are_refused(saved):
    weights(saved).write_bytes(weights(saved).read_bytes()[:-1000])
    with pytest.raises(X2VError, match="weights"):
        X2VPipeline.from_pretrained(saved)


def test_nan_weights_are_refused(saved):
    from safetensors.torch import load_file, save_file

    state = load_file(weights(saved))
    state["blocks.0.up.weight"][3, 3] = torch.nan
    save_file(state, weights(saved), metadata={"format": "pt"})
    with pytest.raises(X2VError, match="blocks.0.up.weight"):
        X2VPipeline.from_pretrained(saved)


def test_missing_weights_are_refused(saved):
    from safetensors.torch import load_file, save_file

    state = load_file(weights(saved))
    del state["blocks.0.up.weight"]
    save_file(state, weights(saved), metadata={"format": "pt"})
    with pytest.raises(X2VError, match="weights"):
        X2VPipeline.from_pretrained(saved)


def test_another_format_is_refused(saved):
    file = saved / "transformer" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format_version": 2}))
    with pytest.raises(X2VError, match="checkpoint format 2"):
        X2VPipeline.from_pretrained(saved)


def test_a_folder_without_weights_is_told(tmp_path):
    with pytest.raises(X2VError, match="does not hold"):
        X2VPipeline.from_pretrained(tmp_path)
