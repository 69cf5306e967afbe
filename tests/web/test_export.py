"""What a page computes with equals torch, part by part, in onnxruntime; and what it cannot express is
refused.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from tests.web.tiny import pipeline
from x2vkit.config import PRESETS
from x2vkit.core.conditions import Conditions
from x2vkit.core.guidance import GuidedVelocity, passes
from x2vkit.core.planner import GUIDANCE, TRACKS, Plan
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.transformer import VideoTransformer
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import SHAPES
from x2vkit.web.convert import convert
from x2vkit.web.export import PageData, export
from x2vkit.web.recorder import WEIGHTS, Weights


@pytest.fixture(scope="module")
def data() -> PageData:
    return export(pipeline(), ("wide", "still"))


def run(data: PageData, part: str, suffix: str = "", **feeds: np.ndarray) -> dict[str, np.ndarray]:
    """A graph's outputs by name; what it does not read is left out of the feeds."""
    weights = data.files[f"{part}.weights"]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if weights:
        options.add_external_initializers_from_files_in_memory([WEIGHTS], [weights], [len(weights)])
    session = onnxruntime.InferenceSession(data.files[f"{part}{suffix}.onnx"], options)
    names = [one.name for one in session.get_outputs()]
    given = {one.name: np.asarray(feeds[one.name]) for one in session.get_inputs()}
    return {
        name.removeprefix("out_"): value for name, value in zip(names, session.run(names, given), strict=True)
    }


def moving_plan(frames: int) -> Plan:
    """Two subjects that cross, the first of which turns and talks, and a camera that pans and zooms."""
    k = np.linspace(0, 1, frames)[:, None]
    boxes = np.stack(
        [
            np.hstack([0.1 + 0.4 * k, 0.2 + 0 * k, 0.4 + 0.4 * k, 0.7 + 0 * k]),
            np.tile((0.5, 0.3, 0.8, 0.9), (frames, 1)),
        ],
        axis=1,
    )
    camera = np.hstack([0.2 * k, -0.1 * k, 1 + 0.3 * k])
    parts = (boxes, k[:, 0], camera, 2 * k[:, 0])
    return Plan(*(part[None].astype(np.float32) for part in parts))


@pytest.mark.parametrize("shape", ["wide", "still"])
def test_a_guidance_pass_equals_torch(data, shape):
    """Conditions and step together, and the empty side of guidance, whose conditions are zeros."""
    pipe, (frames, height, width) = pipeline(), SHAPES[shape]
    given = moving_plan(frames).conditions(height, width)
    embeds, nothing = pipe.encode_prompt("a red ball bouncing")
    grid = data.manifest["shapes"][shape]["grid"]
    latents, t = torch.randn(1, 4, *grid), 0.65
    needed = passes(4.0, 1.0, given)
    text = torch.cat([embeds, nothing])
    velocity = GuidedVelocity(pipe.transformer, needed, text, (text != 0).any(-1), given, tuple(grid))
    with torch.no_grad():
        wanted = velocity(latents, t)

    found = []
    for ids, conditions in (
        (pipe.text_encoder.tokenize("a red ball bouncing").ids, given),
        ((0,), Conditions(*(None if x is None else torch.zeros_like(x) for x in vars(given).values()))),
    ):
        padded = np.array([[*ids, *[1] * (7 - len(ids))]])
        mask = (padded != 1).astype(np.float32)
        drawn = {name: getattr(conditions, name).numpy() for name in ("control", "camera", "boxes")}
        tables = run(data, "conditions", f"-{shape}", **drawn)
        words = run(data, "text", ids=padded)["text"]
        given_step = {"latents": latents.numpy(), "t": np.float32([[t]]), "text": words, "mask": mask}
        found.append(run(data, "step", f"-{shape}", **given_step, **drawn, **tables)["velocity"])
    np.testing.assert_allclose(found[0], wanted.conditional.numpy(), atol=2e-4)
    np.testing.assert_allclose(found[0] + 3 * (found[0] - found[1]), wanted.guided.numpy(), atol=1e-3)


def test_a_plans_velocity_equals_torch(data):
    planner = pipeline().planner
    tracks, given, known = (
        torch.randn(1, 17, TRACKS),
        torch.randn(1, 17, TRACKS),
        torch.tensor([[1.0, 0, 0, 1, 0]]),
    )
    ids, t, aspect = torch.tensor([[2, 3, 0, 0, 0, 0]]), torch.tensor([[0.4]]), torch.tensor([[0.5]])
    with torch.no_grad():
        with_words, without = (
            planner(tracks, t, each, given, known, aspect) for each in (ids, torch.zeros_like(ids))
        )
    feeds = {"tracks": tracks, "t": t, "ids": ids, "given": given, "known": known, "aspect": aspect}
    found = run(data, "planner", "-17", **{name: value.numpy() for name, value in feeds.items()})
    wanted = without + GUIDANCE * (with_words - without)
    np.testing.assert_allclose(found["velocity"], wanted.numpy(), atol=1e-4)


def test_decoded_frames_equal_torch(data):
    pipe = pipeline()
    latents = torch.randn(1, 4, *data.manifest["shapes"]["wide"]["grid"])
    frames = run(data, "decode", "-wide", latents=latents.numpy())["frames"]
    assert np.abs(frames.astype(int) - pipe.decode(latents)[0]).max() <= 1


def test_the_manifest_says_what_the_files_are(data):
    assert data.manifest["files"] == {name: len(part) for name, part in data.files.items()}
    assert data.manifest["planner"]["words"] == list(pipeline().planner.id_of)
    assert data.manifest["steps"] <= pipeline().sampling.steps
    assert set(data.manifest["shapes"]) == {"wide", "still"}


def test_weights_are_kept_once_and_at_half_size():
    square, both = (
        export(pipeline(), shapes).files["step.weights"] for shapes in (("square",), ("square", "still"))
    )
    count = sum(parameter.numel() for parameter in pipeline().transformer.parameters())
    assert 1.5 * count < len(square) == len(both) < 2.1 * count


def test_what_a_page_cannot_express_is_refused_by_name():
    whole = pipeline()
    parts = (whole.vae, whole.text_encoder, whole.transformer)
    with pytest.raises(X2VError, match="FlowMatchHeun.*Euler"):
        export(X2VPipeline(*parts, make_scheduler("heun"), whole.planner))
    flow = VideoTransformer.from_model_config(PRESETS["tiny"], flow_map=True)
    with pytest.raises(X2VError, match="flow map.*guided steps"):
        export(X2VPipeline(*parts[:2], flow, whole.scheduler, whole.planner))
    with pytest.raises(X2VError, match="shape 'round'"):
        export(whole, ("round",))
    with pytest.raises(X2VError, match="whose text_encoder is a NoneType"):
        export(X2VPipeline(whole.vae, None, whole.transformer, whole.scheduler))
    with pytest.raises(X2VError, match="the decode of this pipeline.*aten.erfinv"):
        convert(lambda x: {"y": x.erfinv()}, {"x": torch.rand(2)}, Weights(), "decode")


def test_the_graphs_of_a_pipeline_do_not_change_it():
    before = [parameter.clone() for parameter in pipeline().transformer.parameters()]
    export(pipeline(), ("still",))
    after = pipeline().transformer.parameters()
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("angle", [0.0, 1.0, 2.5, -2.5, np.pi / 2, -np.pi / 2, 3.0])
def test_a_graphs_angles_are_those_of_torch(angle):
    """ONNX has no atan2."""
    y, x = torch.tensor([np.sin(angle), 0.0]), torch.tensor([np.cos(angle), 0.0])
    graph = convert(
        lambda y, x: {"a": torch.atan2(y, x)}, {"y": y.float(), "x": x.float()}, Weights(), "angles"
    )
    session = onnxruntime.InferenceSession(graph)
    found = session.run(None, {"y": y.float().numpy(), "x": x.float().numpy()})[0]
    np.testing.assert_allclose(found, torch.atan2(y, x).numpy(), atol=1e-6)
