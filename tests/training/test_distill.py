"""The flow map: what it is taught, that it learns it, and that what is exported makes clips in few steps."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from x2vkit.errors import X2VError
from x2vkit.run.load import load
from x2vkit.run.record import record, rerun
from x2vkit.training import distill
from x2vkit.training.distill import DistillTask, draw_levels, wide
from x2vkit.training.engine import Engine
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.tasks import make_task

LAST = 0.3


@pytest.fixture(scope="module")
def start(planning, tmp_path_factory):
    """A folder of weights with a planner, that are sampled in their own way."""
    folder = tmp_path_factory.mktemp("start")
    planning.save_pretrained(folder)
    own = {"steps": 6, "guidance": 3.0, "guidance_ramp": 0.5, "shift": 1.5, "last_level": LAST}
    (folder / "sampling.json").write_text(json.dumps(own))
    return folder


def recipe(start, **data) -> Recipe:
    engine = EngineConfig(
        steps=4, batch=4, warmup=1, muon_lr=1e-3, adam_lr=1e-3, log_every=1, eval_every=4,
        sample_grid_every=0, save_every=2, ema=0.1,
    )  # fmt: skip
    bucket = {"frames": 5, "height": 32, "width": 32, "clips": 8}
    usual = {"init_from": str(start), "buckets": [bucket], "validation": 2, "planned": 0.5, "max_words": 7}
    return Recipe("distill", engine, seed=3, data=usual | {"known_frames": 0.0} | data)


@pytest.fixture(scope="module")
def latents(tmp_path_factory):
    return tmp_path_factory.mktemp("latents")


def task(start, latents, pipeline, **data) -> DistillTask:
    return DistillTask(recipe(start, **data), latents, pipeline.vae, quiet=True)


def test_the_target_is_the_mean_velocity_that_autograd_finds(start, latents, pipeline, monkeypatch):
    """u = v - (t - r) du/dt, with the derivative along the teacher's path by forward differentiation."""
    monkeypatch.setattr(distill, "EPSILON", 1e-4)
    made = task(start, latents, pipeline)
    model, batch = made.build().double(), made.batch(0)
    batch = {name: each.double() if each.is_floating_point() else each for name, each in batch.items()}
    batch["t"] = torch.tensor([[0.9], [0.7], [0.5], [LAST]], dtype=torch.float64)
    batch["r"] = torch.tensor([[0.4], [0.7], [0.0], [0.0]], dtype=torch.float64)
    t, r = batch["t"], batch["r"]
    told = {name: batch[name] for name in ("control", "camera", "boxes")}
    texts, masks = model.read(batch["ids"])
    x = torch.lerp(batch["latents"], batch["noise"], wide(t))
    model.teacher.transformer.double()
    velocity = model.teacher.velocity(x, t, t, texts, masks, told)
    found = model._target(x, velocity, t, r, None, texts[0], masks[0], told)

    def u(clip, level):
        return model.transformer(clip, level, texts[0], masks[0], **told, r=r, return_dict=False)[0]

    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        _, slope = torch.func.jvp(u, (x, t), (velocity, torch.ones_like(t)))
    needs = wide(((r < t) & (t > LAST)).double())
    expected = velocity - needs * wide(t - r) * slope
    for row in (0, 2):
        assert (found - expected)[row].norm() < 0.02 * (expected - velocity)[row].norm()
    assert torch.equal(found[1], velocity[1]) and torch.equal(found[3], velocity[3])


def test_the_teacher_is_followed_where_the_default_sampler_goes(start, latents, pipeline):
    from x2vkit.core.conditions import Conditions
    from x2vkit.core.guidance import GuidedVelocity, passes

    made = task(start, latents, pipeline, planned=1.0)
    model, batch = made.build(), made.batch(0)
    told = {name: batch[name] for name in ("control", "camera", "boxes")}
    assert told["control"].any() and told["boxes"].any()
    (text, free), masks = model.read(batch["ids"])
    for level in (0.9, 0.35):  # above and below the ramp
        t = torch.full((4, 1), level)
        found = model.teacher.velocity(batch["noise"], t, t, (text, free), masks, told)
        given, grid = Conditions(**told), batch["latents"].shape[2:]
        needed = passes(3.0, 1.0, given)
        sampler = GuidedVelocity(
            model.teacher.transformer,
            needed,
            torch.cat([text, free]),
            torch.cat(masks),
            given,
            grid,
            ramp=0.5,
        )
        torch.testing.assert_close(found, sampler(batch["noise"], level).guided, rtol=1e-4, atol=1e-4)


def test_levels_are_those_that_the_sampler_asks_for():
    t, r = draw_levels(np.random.default_rng(0), torch.linspace(0, 1, 400)[:, None], LAST)
    same, to_clip = r == t, r == 0
    assert same.float().mean() == 0.5 and to_clip.float().mean() == 0.25
    assert ((r <= t) & (t >= LAST) & (t <= 1)).all() and ((r >= LAST) | to_clip).all()
    assert 0.05 < (t == 1).float().mean() < 0.2
    assert 20 <= (to_clip & (t == LAST)).sum() <= 30  # a quarter of a quarter: the last step of a run


def test_given_frames_stay_where_they_are_and_count_nothing(start, latents, pipeline):
    made = task(start, latents, pipeline, known_frames=1.0)
    model, batch = made.build(), made.batch(0)
    assert batch["known"].any()
    first = model(**batch)["loss"]
    other = torch.where(batch["known"][:, None], torch.full_like(batch["noise"], 9.0), batch["noise"])
    assert torch.equal(model(**batch | {"noise": other})["loss"], first)


def test_a_flow_map_comes_nearer_to_its_teacher_and_is_resumed(start, latents, pipeline, tmp_path):
    made = task(start, latents, pipeline)
    made.recipe = replace(
        made.recipe, engine=replace(made.recipe.engine, steps=40, eval_every=40, save_every=20)
    )
    whole = Engine(made, tmp_path / "whole", quiet=True)
    scores = whole.run()
    rows = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    before = next(row for row in rows if "gap_1" in row)
    assert before["step"] == 0 and set(scores) == {"gap_1", "gap_2", "gap_4"}
    assert scores["gap_1"] < 0.9 * before["gap_1"] and scores["gap_4"] < 0.9 * before["gap_4"]
    assert scores["gap_4"] < scores["gap_1"]


@pytest.fixture(scope="module")
def flow(start, latents, pipeline, tmp_path_factory):
    """A flow map that was exported, taught for two steps and no more, and resumed for two."""
    folder, made = tmp_path_factory.mktemp("run"), task(start, latents, pipeline)
    Engine(made, folder, quiet=True).run(minutes=1e-9)
    resumed = Engine(task(start, latents, pipeline), folder, resume=True, quiet=True)
    assert resumed.progress.step == 1
    resumed.run()
    resumed.export()
    return folder


def test_a_run_that_stopped_goes_on_to_the_same_weights(start, latents, pipeline, flow, tmp_path):
    whole = Engine(task(start, latents, pipeline), tmp_path, quiet=True)
    whole.run()
    whole.export()
    one, other = (load(str(folder / "pipeline")).transformer.state_dict() for folder in (flow, tmp_path))
    assert all(torch.equal(one[name], other[name]) for name in one)
    taught = load(str(start)).transformer.state_dict()
    assert any(not torch.equal(one[name], taught[name]) for name in one)


def test_what_is_exported_makes_clips_in_one_step_and_in_four(flow):
    pipe = load(str(flow / "pipeline"))
    pipe.set_progress_bar_config(disable=True)
    assert pipe.transformer.config.flow_map and pipe.planner is not None
    assert (pipe.sampling.steps, pipe.sampling.guidance, pipe.sampling.last_level) == (4, 1.0, LAST)
    seen = []
    hook = pipe.transformer.register_forward_pre_hook(
        lambda part, args, kwargs: seen.append((float(args[1]), float(kwargs["r"]))),
        with_kwargs=True,
    )
    size = {"num_frames": 5, "height": 32, "width": 32}
    trace = record("a red ball bouncing", pipeline=pipe, **size)
    hook.remove()
    levels = trace.t.tolist()
    np.testing.assert_allclose(seen, list(pairwise(levels)), atol=1e-6)  # one pass each
    even = np.linspace(1, LAST / (1.5 - 0.5 * LAST), 4)
    assert levels == pytest.approx([*(1.5 * even / (1 + 0.5 * even)), 0], abs=1e-6)  # bent once
    assert trace.steps == 4 and trace.request["guidance"] == 1 and trace.pred_x0_cond is None
    again = rerun(trace, pipeline=pipe)
    np.testing.assert_array_equal(again.frames, trace.frames)
    single = record("a red ball bouncing", pipeline=pipe, steps=1, **size)
    assert single.t.tolist() == [1, 0]
    np.testing.assert_array_equal(single.latents[-1], single.pred_x0[-1])


@pytest.mark.parametrize(
    "options",
    [{"guidance": 4.0}, {"control_guidance": 2.0}, {"mouth_guidance": 2.0}, {"negative_prompt": "a dog"}],
)
def test_a_flow_map_is_never_guided_again(flow, options):
    pipe = load(str(flow / "pipeline"))
    with pytest.raises(X2VError, match="flow map.*distilled from"):
        record("a red ball", pipeline=pipe, **options)


def test_a_flow_map_jumps_by_euler_and_negations_are_told(flow):
    pipe = load(str(flow / "pipeline"))
    size = {"num_frames": 5, "height": 32, "width": 32, "steps": 1}
    with pytest.raises(X2VError, match="use euler"):
        record("a red ball", pipeline=pipe, scheduler="heun", **size)
    with pytest.warns(UserWarning, match="negative prompt does nothing"):
        record("a ball, not red", pipeline=pipe, **size)


def test_a_flow_map_is_no_teacher(flow, tmp_path, pipeline):
    for kind in ("distill", "tune"):
        with pytest.raises(X2VError, match="is a flow map"):
            make_task(replace(recipe(flow / "pipeline"), task=kind), tmp_path)


def test_the_bundled_recipe_is_of_the_shipped_weights():
    from x2vkit.training.recipe import load_recipe
    from x2vkit.training.size import check_recipe

    bundled = load_recipe("distill")
    check_recipe(bundled)
    assert bundled.data["init_from"] == "small"
    with pytest.raises(X2VError, match="one loss"):
        check_recipe(bundled.with_data(token_dropping=0.5))


def test_every_view_of_a_trace_opens_on_a_flow_map(flow):
    from x2vkit import views
    from x2vkit.run.capture import AttentionCapture

    pipe = load(str(flow / "pipeline"))
    trace = record(
        "a red ball", pipeline=pipe, attention=AttentionCapture(), num_frames=5, height=32, width=32
    )
    for view in (views.Denoise, views.Patches, views.Attention, views.Heads, views.Overview, views.Director):
        assert view(trace).error is None and "<html" in view(trace).to_html()
    assert views.Compare([trace, trace]).error is None
