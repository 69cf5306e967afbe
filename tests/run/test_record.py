"""A recording changes nothing, keeps what the model really computed, and can be made again bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

from x2vkit import registry
from x2vkit.config import RunRequest
from x2vkit.core.attention import ScaledDotProduct
from x2vkit.core.conditions import Conditions
from x2vkit.errors import X2VError
from x2vkit.run.capture import AttentionCapture
from x2vkit.run.load import load
from x2vkit.run.record import generate, predicted_bytes, record, rerun
from x2vkit.run.versions import weights_hash
from x2vkit.trace import Trace

SIZE = {"num_frames": 5, "height": 32, "width": 48, "steps": 3}
WORDS, TOKENS = 4, 4 + 2 * 2 * 3  # <start> a red ball, and the patches of 5 x 32 x 48


@pytest.fixture
def small(pipeline):
    """Options of a quick run on the tiny pipeline."""
    return {"pipeline": pipeline, "seed": 1, **SIZE}


def test_recorded_equals_unrecorded_bit_for_bit(small, pipeline):
    seed = torch.Generator().manual_seed(1)
    size = {"num_frames": 5, "height": 32, "width": 48, "num_inference_steps": 3}
    plain = pipeline("a red ball", generator=seed, **size).frames[0]
    recorded = record("a red ball", **small)
    np.testing.assert_array_equal(plain, recorded.frames)
    np.testing.assert_array_equal(plain, generate("a red ball", **small).frames)


def test_unguided_is_what_the_words_alone_predict(small):
    """Guided and pred_x0_cond steps begin in the same noise, so at step 0 they can be compared."""
    guided, plain = record("a red ball", **small), record("a red ball", guidance=1.0, **small)
    assert plain.pred_x0_cond is None
    assert guided.pred_x0_cond.shape == guided.pred_x0.shape
    np.testing.assert_allclose(guided.pred_x0_cond[0], plain.pred_x0[0], atol=5e-3)
    assert np.abs(guided.pred_x0_cond[0] - guided.pred_x0[0]).max() > 0.05


def test_given_frames_stay_in_the_unguided_clip(small, clip):
    trace = record("a red ball", image=clip[0], **small)
    np.testing.assert_array_equal(trace.pred_x0_cond[:, :, 0], trace.pred_x0[:, :, 0])
    assert (trace.pred_x0_cond[:, :, 1] != trace.pred_x0[:, :, 1]).mean() > 0.9


def test_a_plan_is_kept_and_made_again(small, planning, tmp_path):
    trace = record("a red ball", **small | {"pipeline": planning})
    out = planning(
        "a red ball",
        generator=torch.Generator().manual_seed(1),
        num_frames=5,
        height=32,
        width=48,
        num_inference_steps=3,
    )
    np.testing.assert_array_equal(trace.plan["boxes"], out.plan.boxes[0])
    np.testing.assert_array_equal(trace.frames, out.frames[0])
    again = rerun(Trace.load(trace.save(tmp_path / "planned.x2v")), pipeline=planning)
    np.testing.assert_array_equal(trace.frames, again.frames)
    assert not record("a red ball", **small).plan
    assert weights_hash(planning) != weights_hash(small["pipeline"])


def test_a_plan_changed_by_hand_is_kept_and_made_again(small, planning, tmp_path):
    options = small | {"pipeline": planning}
    size = (SIZE["num_frames"], SIZE["height"], SIZE["width"])
    plan = planning.draft(["a red ball"], size, generator=torch.Generator().manual_seed(4))
    boxes = plan.boxes.copy()
    boxes[:, :, 0] = (0.1, 0.2, 0.6, 0.9)
    by_hand = replace(plan, boxes=boxes)
    trace = record("a red ball", plan=by_hand, **options)
    for name, track in vars(by_hand).items():
        np.testing.assert_array_equal(trace.plan[name], track[0])
    stream = planning.stream(
        "a red ball", plan=by_hand, generator=torch.Generator().manual_seed(1), num_inference_steps=3,
        **{name: SIZE[name] for name in ("num_frames", "height", "width")},
    )  # fmt: skip
    np.testing.assert_array_equal(trace.frames, planning.decode(list(stream)[-1].next_latents)[0])
    loaded = Trace.load(trace.save(tmp_path / "by-hand.x2v"))
    again = rerun(loaded, pipeline=planning)
    for name in ("frames", "latents", "pred_x0_cond"):
        np.testing.assert_array_equal(getattr(trace, name), getattr(again, name))
    np.testing.assert_array_equal(again.plan["boxes"], trace.plan["boxes"])
    drafted = record("a red ball", **options)
    assert not np.array_equal(drafted.frames, trace.frames)
    with pytest.raises(X2VError, match="a plan of 2 clips"):
        record("a red ball", plan=planning.draft(["a ball", "a dog"], size), **options)


def test_a_run_without_a_plan_and_with_shared_attention_is_made_again(small, planning, tmp_path):
    options = small | {"pipeline": planning, "control_guidance": 2.0, "negative_prompt": "a dog"}
    trace = record("a red ball", plan=False, shared_attention=True, **options)
    assert not trace.plan and trace.request["plan"] is False and trace.request["shared_attention"] is True
    again = rerun(Trace.load(trace.save(tmp_path / "bare.x2v")), pipeline=planning)
    np.testing.assert_array_equal(trace.frames, again.frames)
    assert dict(again.request) == dict(trace.request)


def test_no_hook_stays_behind(small, pipeline):
    record("a red ball", **small)
    assert not pipeline.transformer._forward_hooks
    with pytest.raises(ZeroDivisionError):
        record("a red ball", on_step=lambda step: 1 // 0, **small)
    assert not any(module._forward_pre_hooks for module in pipeline.transformer.modules())
    assert type(pipeline.scheduler).__name__ == "FlowMatchEulerDiscreteScheduler"


@pytest.mark.parametrize("scheduler", ["euler", "heun", "unipc"])
def test_captured_attention_times_values_is_the_layers_output(small, pipeline, scheduler):
    """What the trace says each token looked at, applied to the values, is what the layer gave out."""
    seen = []

    def listen(module, inputs, output):
        seen.append((inputs[2][0].float(), output[0].float()))  # values and output of the pass with the words

    layers = [m for m in pipeline.transformer.modules() if isinstance(m, ScaledDotProduct)]
    handle = layers[1].register_forward_hook(listen)
    try:
        trace = record("a red ball", scheduler=scheduler, **small)
    finally:
        handle.remove()
    assert len(seen) == (5 if scheduler == "heun" else 3)
    for step, call in enumerate([0, 2, 4] if scheduler == "heun" else [0, 1, 2]):
        v, out = seen[call]
        for query in (0, WORDS, TOKENS - 1):
            row = torch.from_numpy(trace.attention(step, 1, query))
            mixed = torch.einsum("ak,akd->ad", row, v)
            torch.testing.assert_close(mixed, out[:, query], atol=2e-3, rtol=2e-3)


def test_the_same_attention_test_fails_on_another_layer(small, pipeline):
    seen = []
    layers = [m for m in pipeline.transformer.modules() if isinstance(m, ScaledDotProduct)]
    handle = layers[0].register_forward_hook(lambda m, i, o: seen.append((i[2][0].float(), o[0].float())))
    trace = record("a red ball", **small)
    handle.remove()
    row = torch.from_numpy(trace.attention(0, 1, WORDS))
    v, out = seen[0]
    assert (torch.einsum("ak,akd->ad", row, v) - out[:, WORDS]).abs().max() > 1e-2


def test_padding_is_never_among_the_tokens(small):
    """A longer negative prompt fills up the batch; the trace holds the prompt's own words only."""
    trace = record("ball", negative_prompt="a red dog bouncing", **small)
    assert trace.words == ("<start>", "ball")
    assert trace.queries[0, 0].shape[1] == trace.keys[0, 0].shape[1] == 2 + 12


@pytest.mark.filterwarnings("ignore:words the model")
def test_a_trace_holds_the_run(small, pipeline):
    trace = record("a red zebra ball", **small)
    S, C = 3, pipeline.transformer.config.latent_channels
    assert trace.latents.shape == (S + 1, C, 2, 4, 6) and trace.pred_x0.shape == (S, C, 2, 4, 6)
    assert trace.t[0] == 1 and trace.t[-1] == 0 and (np.diff(trace.t) < 0).all()
    assert trace.words == ("<start>", "a", "red", "ball") and trace.unknown == ("zebra",)
    assert trace.grid == (2, 2, 3)
    assert set(trace.captured) == {(s, layer) for s in range(3) for layer in range(2)}
    assert trace.timings["total"] >= trace.timings["denoise"] >= trace.timings["first_step"] > 0
    assert trace.weights == weights_hash(pipeline)
    last = pipeline.decode(torch.from_numpy(trace.latents[-1:].astype(np.float32)))[0]
    assert np.abs(last.astype(int) - trace.frames).max() <= 2  # float16 costs a little


@pytest.mark.parametrize("options", [{}, {"guidance": 1}, {"scheduler": "heun"}, {"negative_prompt": "dog"}])
def test_flops_are_what_torch_counts(small, pipeline, options):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        trace = generate("a red ball", **small, **options)
    with FlopCounterMode(display=False) as vae:
        pipeline.decode(torch.from_numpy(trace.latents[-1:].astype(np.float32)))
    assert trace.flops == pytest.approx(counter.get_total_flops() - vae.get_total_flops(), rel=0.02)


def test_previews_are_the_models_own(small, pipeline):
    trace = record("a red ball", attention=None, previews=True, **small)
    pred_x0 = torch.from_numpy(trace.pred_x0.astype(np.float32))
    exact = pipeline.decode(pred_x0)
    assert trace.previews.shape == exact.shape == (3, 5, 32, 48, 3)
    assert np.abs(exact.astype(int) - trace.previews).max() <= 2
    rough = generate("a red ball", **small)
    linear = pipeline.preview(pred_x0)
    for step in range(3):
        assert np.abs(rough.preview(step).astype(int) - linear[step]).max() <= 2


def test_rerun_is_the_same_to_the_last_bit(small, pipeline, tmp_path):
    first = generate("a red ball", scheduler="unipc", guidance=2.5, **small)
    loaded = Trace.load(first.save(tmp_path / "run.x2v"))
    again = rerun(loaded, pipeline=pipeline, attention=AttentionCapture(layers=[0]))
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.latents, again.latents)
    assert again.captured == ((0, 0), (1, 0), (2, 0))


def test_rerun_keeps_what_was_given_beside_the_prompt(small, pipeline, tmp_path):
    rng = np.random.default_rng(0)
    given = {
        "image": rng.integers(0, 256, (32, 48, 3), dtype=np.uint8),
        "boxes": [np.array([0.1, 0.1, 0.5, 0.5]), np.array([0.5, 0.5, 0.9, 0.9])],
        "conditions": Conditions(camera=torch.randn(1, 2, 4)),
        "latents": torch.randn(1, pipeline.transformer.config.latent_channels, 2, 4, 6),
    }
    first = generate("a red ball", **given, **small)
    loaded = Trace.load(first.save(tmp_path / "run.x2v"))
    np.testing.assert_array_equal(first.frames, rerun(loaded, pipeline=pipeline).frames)
    assert not np.array_equal(first.frames, generate("a red ball", **small).frames)

    video = rng.integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
    remade = record("a red ball", video=video, strength=0.4, **small)
    assert remade.steps == 1 and remade.captured == ((0, 0), (0, 1))
    np.testing.assert_array_equal(remade.frames, rerun(remade, pipeline=pipeline).frames)
    loaded = Trace.load(remade.save(tmp_path / "remade.x2v"))
    np.testing.assert_array_equal(remade.frames, rerun(loaded, pipeline=pipeline).frames)


def test_rerun_refuses_other_weights(small, pipeline):
    trace = generate("a red ball", **small)
    weight = pipeline.transformer.patch_embed.weight
    with torch.no_grad():
        weight[0, 0] += 1
    try:
        with pytest.raises(X2VError, match="weights"):
            rerun(trace, pipeline=pipeline)
    finally:
        with torch.no_grad():
            weight[0, 0] -= 1


def test_chosen_steps_layers_and_heads(small):
    trace = record("a red ball", attention=AttentionCapture(steps=[0, -1], layers=[1], heads=[-1]), **small)
    whole = record("a red ball", **small)
    assert trace.captured == ((0, 1), (2, 1)) and trace.heads == (1,)
    assert trace.queries[2, 1].shape[0] == 1
    np.testing.assert_array_equal(trace.queries[2, 1][0], whole.queries[2, 1][1])
    np.testing.assert_allclose(trace.attention(2, 1, 5)[0], whole.attention(2, 1, 5)[1], rtol=1e-6)


@pytest.mark.parametrize("chosen", [{"steps": [3]}, {"layers": [2]}, {"heads": [-3]}])
def test_a_choice_that_is_not_there(small, chosen):
    with pytest.raises(X2VError, match="attention"):
        record("a red ball", attention=AttentionCapture(**chosen), **small)


@pytest.mark.parametrize("attention", [None, AttentionCapture(), AttentionCapture(steps=[1], heads=[0])])
@pytest.mark.parametrize("previews", [False, True])
def test_the_predicted_size_is_the_size(small, pipeline, attention, previews):
    trace = record("a red ball", attention=attention, previews=previews, **small)
    request = RunRequest(prompt="a red ball", seed=1, **SIZE)
    assert predicted_bytes(request, pipeline, attention, previews) == trace.nbytes


def test_above_the_budget_nothing_is_computed(small):
    def never(step):
        raise AssertionError("a step was made")

    with pytest.raises(X2VError, match="budget_bytes=") as refused:
        record("a red ball", budget_bytes=1000, on_step=never, **small)
    needed = int(refused.value.cure.rpartition("=")[2])
    record("a red ball", budget_bytes=needed, **small)


@pytest.mark.parametrize(
    "bad",
    [
        {"fps": 0},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": None},
        {"seed": "3"},
        {"seed": 1.5},
        {"steps": "many"},
        {"strength": "0.5"},
        {"strength": float("nan")},
        {"plan": "no"},
        {"negative_prompt": None},
        {"guidance": float("nan")},
        {"steps": 0},
        {"steps": -3},
        {"num_frames": 4},
        {"width": 40},
        {"scheduler": "ddim"},
        {"model": "nowhere", "pipeline": None},
        {"image": np.zeros((3, 3), np.uint8)},
    ],
    ids=str,
)
def test_bad_input_is_refused(small, bad):
    with pytest.raises(X2VError):
        generate("a red ball", **(small | bad))


def test_unknown_options_and_models():
    with pytest.raises(X2VError, match="option colour"):
        generate("a red ball", colour="red")
    with pytest.raises(X2VError, match="no such weights"):
        generate("a red ball", model="nowhere")


def test_load_finds_shipped_names_and_folders(pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "weights")
    pipeline.save_pretrained(tmp_path / "weights" / "mini")
    pipeline.save_pretrained(tmp_path / "mine")
    shipped, mine = load("mini"), load(str(tmp_path / "mine"))
    assert weights_hash(shipped) == weights_hash(mine)
    assert shipped is not load("mini")
    with pytest.raises(X2VError, match="there are: mini"):
        load("midi")


def test_a_request_that_leaves_steps_open_takes_the_weights_own(small, pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "sampling", registry.SamplingDefaults(steps=2, guidance=1.5))
    left_open = {name: value for name, value in small.items() if name != "steps"}
    trace = generate("a red ball", **left_open)
    assert trace.steps == trace.request["steps"] == 2 and trace.request["guidance"] == 1.5
    assert generate("a red ball", **small).request["steps"] == 3
    pipeline.save_pretrained(tmp_path)
    assert load(str(tmp_path)).sampling == pipeline.sampling


def test_what_a_prompt_negates_is_steered_away_from(small, pipeline):
    with pytest.warns(UserWarning, match="steer away from"):
        told = record("a red ball without a blue ball", **small, guidance=2.0)
    plain = record("a red ball", negative_prompt="blue ball", **small, guidance=2.0)
    np.testing.assert_array_equal(told.frames, plain.frames)
    assert told.prompt == "a red ball without a blue ball" and told.words == plain.words
    assert told.flops == plain.flops
    with pytest.warns(UserWarning):
        np.testing.assert_array_equal(rerun(told, pipeline=pipeline).frames, told.frames)


def test_a_negation_that_does_nothing_is_told(small):
    with pytest.warns(UserWarning, match="guidance is 1"):
        record("a red ball without a blue ball", guidance=1.0, **small)
    with pytest.warns(UserWarning, match="does not know flurb"):
        record("a red ball without a flurb", guidance=2.0, **small)


def test_words_beyond_the_longest_prompt_are_told(small):
    """The tiny pipeline reads six words."""
    with pytest.warns(UserWarning, match="^a prompt has at most 6 words, left out: blue, ball$"):
        record("a red ball bouncing a red blue ball", **small)
    with pytest.warns(UserWarning, match="^negative prompt: a prompt has at most 6 words, left out: dog$"):
        record("a red ball", negative_prompt="a red ball a blue ball dog", guidance=2.0, **small)


def test_a_pipelines_own_scheduler_makes_the_clip(small, pipeline, monkeypatch, tmp_path):
    usual = record("a red ball", **small)
    assert usual.request["scheduler"] == "euler"
    monkeypatch.setattr(pipeline, "scheduler", FlowMatchEulerDiscreteScheduler(shift=6.0))
    size = {"num_frames": 5, "height": 32, "width": 48, "num_inference_steps": 3}
    plain = pipeline("a red ball", generator=torch.Generator().manual_seed(1), **size).frames[0]
    swapped = record("a red ball", **small)
    np.testing.assert_array_equal(swapped.frames, plain)
    assert (swapped.t != usual.t).any()
    np.testing.assert_array_equal(record("a red ball", scheduler="euler", **small).t, usual.t)
    kept = Trace.load(swapped.save(tmp_path / "swapped.x2v"))
    np.testing.assert_array_equal(rerun(kept, pipeline=pipeline).frames, plain)
    monkeypatch.undo()
    with pytest.raises(
        X2VError, match=r"FlowMatchEulerDiscreteScheduler\(shift=6.0\): this pipeline's own is"
    ):
        rerun(kept, pipeline=pipeline)


def test_the_flops_of_a_swapped_second_order_scheduler(small, pipeline, monkeypatch):
    named = generate("a red ball", scheduler="heun", **small).flops
    monkeypatch.setattr(pipeline, "scheduler", FlowMatchHeunDiscreteScheduler(shift=3.0))
    assert generate("a red ball", **small).flops == named


@pytest.mark.parametrize(
    ("option", "meant"),
    [("num_inference_steps", "steps"), ("guidance_scale", "guidance"), ("sede", "seed"), ("images", "image")],
)
def test_an_option_of_another_name_is_told_the_right_one(small, option, meant):
    with pytest.raises(X2VError, match=rf"option {option}: .* did you mean {meant}\.$"):
        record("a red ball", **small, **{option: 3})


def test_a_scheduler_that_there_is_not_is_refused_before_weights_are_read(monkeypatch):
    monkeypatch.setattr("x2vkit.run.load.loaded", lambda name: pytest.fail("read the weights"))
    with pytest.raises(X2VError, match="scheduler is one of euler, heun, unipc"):
        generate("a red ball", scheduler="ddim")


def test_the_plan_of_a_trace_is_given_to_another_run(small, planning):
    options = small | {"pipeline": planning}
    first = record("a red ball", **options)
    again = record("a red ball", **options, plan=first.plan)
    np.testing.assert_array_equal(again.frames, first.frames)
    np.testing.assert_array_equal(again.inputs["plan.camera"][0], first.plan["camera"])
    unplanned = record("a red ball", **options, plan=False)
    np.testing.assert_array_equal(
        record("a red ball", **options, plan=unplanned.plan).frames, unplanned.frames
    )


def test_a_plan_of_another_length_says_what_fits(small, planning):
    plan = planning.draft(["a red ball"], (9, 32, 48))
    for given in (plan, {"boxes": plan.boxes[0]}):
        with pytest.raises(X2VError, match="a plan of 9 frames: the clip has 5. use num_frames=9"):
            record("a red ball", **small | {"pipeline": planning}, plan=given)
