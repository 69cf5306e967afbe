"""Odd calls: requests and conditions from Python, and what a page or a program sends."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from tests.odd.judge import Case
from tests.odd.values import anything, plain, spelt
from tests.views.test_playground import FakeBackend
from x2vkit.core.conditions import Conditions, known_frames
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.run.record import generate
from x2vkit.views import Attention, Compare, Denoise, Patches, Playground, Scaling

STILL = {"num_frames": 1, "height": 16, "width": 16}
SETTINGS = (
    "seed", "steps", "guidance", "control_guidance", "num_frames", "height", "width", "fps", "scheduler",
    "plan", "shared_attention", "negative_prompt", "strength", "image", "video", "boxes", "latents", "prompt",
    "previews", "attention", "conditions", "budget_bytes", "edit",
)  # fmt: skip
CALL = (
    "prompt", "negative_prompt", "num_inference_steps", "guidance_scale", "control_guidance_scale", "image",
    "video", "strength", "boxes", "num_frames", "height", "width", "num_videos_per_prompt", "generator",
    "latents", "prompt_embeds", "negative_prompt_embeds", "plan", "fps", "output_type", "conditions",
    "attention_kwargs", "shared_attention", "callback_on_step_end_tensor_inputs",
)  # fmt: skip
WIDE = {"height": 256, "width": 256}
LARGE = (
    {"num_frames": 4001} | WIDE, {"height": 16384, "width": 16384}, {"height": 50_000 * 16},
    {"num_frames": 10**9 * 4 + 1}, {"num_frames": 10**30 * 4 + 1}, {"num_frames": 1025} | WIDE,
    {"height": 2048, "width": 2048, "num_frames": 17}, {"prompt": "a ball " * 10**6},
    {"prompt": "ball" * 10**5}, {"prompt": "zyx " * 2000}, {"negative_prompt": "a ball " * 10**6},
    {"prompt": "without a hat " * 600}, {"image": Image.new("L", (13_000, 13_000))},
    {"image": np.broadcast_to(np.uint8(9), (13_000, 13_000, 3)), "height": 32},
)  # fmt: skip
"""Shapes and prompts that would take gigabytes or minutes."""
NEAR = (
    {"height": 32}, {"num_frames": 5}, {"prompt": "a red flurb"}, {"prompt": ""}, {"plan": False},
    {"negative_prompt": "a dog"}, {"boxes": [[0.1, 0.1, 0.5, 0.5]]}, {"shared_attention": True},
    {"image": np.full((9, 7, 3), 90, np.uint8)},
    {"video": np.full((3, 20, 20, 3), 90, np.uint8), "strength": 1},
)  # fmt: skip
"""Unusual, and right."""
OWN_LARGE = ({"steps": 10**9}, {"steps": 10**6}, {"seed": 2**64})
CALL_LARGE = (
    {"num_inference_steps": 10**9}, {"num_videos_per_prompt": 10**6}, {"prompt": ["a ball"] * 5000},
    {"num_videos_per_prompt": 4000} | WIDE, {"num_videos_per_prompt": 10**30},
)  # fmt: skip


def requests(rng: random.Random, count: int, pipe: Any) -> Iterator[Case]:
    """Calls of `x2v.generate` and of the pipeline with one or two odd arguments."""
    for _ in range(count):
        own = rng.random() < 0.5
        chosen = rng.sample(SETTINGS if own else CALL, rng.choice((1, 1, 1, 2)))
        values = {name: anything(rng) for name in chosen}
        near = rng.random()
        if near < 0.1:
            values = dict(rng.choice(NEAR))
        elif near < 0.3:
            values = dict(rng.choice(LARGE + (OWN_LARGE if own else CALL_LARGE)))
        name = ", ".join(f"{name}={spelt(value)}" for name, value in values.items())
        if own:
            yield Case("request", f"generate: {name}", lambda values=values: _generate(pipe, values))
        else:
            yield Case("request", f"pipe: {name}", lambda values=values: _call(pipe, values))


def _generate(pipe: Any, values: dict[str, Any]) -> None:
    given = STILL | {"steps": 1, "prompt": "a red ball"} | values
    trace = generate(given.pop("prompt"), pipeline=pipe, **given)
    assert trace.frames.shape[1:3] == (given["height"], given["width"]) and trace.frames.dtype == np.uint8
    assert all(np.isfinite(array).all() for array in (trace.latents, trace.pred_x0))


def _call(pipe: Any, values: dict[str, Any]) -> None:
    given = STILL | {"num_inference_steps": 1, "output_type": "np"} | values
    if "prompt_embeds" not in given:
        given = {"prompt": "a red ball"} | given
    frames = pipe(**given).frames
    if isinstance(frames, np.ndarray):
        assert np.isfinite(frames).all() and frames.shape[2:4] == (given["height"], given["width"])


def conditions(rng: random.Random, count: int, pipe: Any) -> Iterator[Case]:
    """Boxes, strokes, mouths, cameras, plans and tensors with odd shapes and numbers."""
    names = ("boxes", "strokes", "mouth", "camera", "angle", "shape", "known", "plan", "tensor")
    for _ in range(count):
        name = rng.choice(names)
        value = _condition(name, rng)
        yield Case("condition", f"{name} {spelt(value)}", _drawer(name, value, pipe))


def _condition(name: str, rng: random.Random) -> Any:
    if rng.random() < 0.5:
        return anything(rng)
    shape = {"boxes": (1, 4), "strokes": (2, 2), "camera": (5, 3), "angle": (5,), "mouth": (4,)}.get(
        name, (5, 4)
    )
    numbers = np.random.default_rng(rng.randrange(9999)).random(shape)
    odd = rng.choice((float("nan"), float("inf"), 0.0, -1.0, 1e30, 1e308, 1e-320, 2.0))
    numbers.ravel()[rng.randrange(numbers.size) :] = odd
    return {"boxes": [numbers[0]], "strokes": [(numbers, odd)], "mouth": (np.sort(numbers), odd)}.get(
        name, numbers
    )


def _drawer(name: str, value: Any, pipe: Any) -> Any:
    import torch

    def run() -> None:
        shape: Any = (5, 16, 32)
        if name == "shape":
            Conditions.draw(value, camera=[0, 0, 1])
            return
        if name in ("known", "tensor"):
            grid = (
                torch.as_tensor(value)
                if isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
                else value
            )
            given = known_frames(grid, [0]) if name == "known" else Conditions(control=grid, camera=grid)
        elif name == "plan":
            track = {"boxes": value, "turn": value, "mouth": value, "camera": value}
            pipe("a ball", num_frames=5, height=16, width=32, num_inference_steps=1, plan=Plan(**track))
            return
        else:
            given = Conditions.draw(shape, **{name: value})
        options = {"num_frames": 5, "height": 16, "width": 32, "num_inference_steps": 1, "output_type": "np"}
        frames = pipe("a ball", conditions=given, **options).frames
        assert np.isfinite(frames).all() and frames.std() > 1e-4

    return run


VIEWS = (Denoise, Patches, Attention, Compare, Scaling)


def selections(rng: random.Random, count: int, trace: Any, play: Any) -> Iterator[Case]:
    """Values of every view's `selection`, from Python and from the browser."""
    views = [kind(trace) for kind in (Denoise, Patches, Attention)] + [
        Compare([trace, trace]),
        Scaling(),
        play,
    ]
    for _ in range(count):
        view, browser = rng.choice(views), rng.random() < 0.5
        keys = list(view.selection)
        some = rng.sample([*keys, "strange", ""], rng.choice((1, 1, 2)))
        value: Any = {key: _selected(view, key, rng) for key in some}
        if rng.random() < 0.1:
            value = anything(rng)
        name = f"{type(view).__name__} {spelt(value)}"
        yield Case("selection", name, lambda view=view, value=value, b=browser: _select(view, value, b))


def _selected(view: Any, key: str, rng: random.Random) -> Any:
    if key in view.selection and rng.random() < 0.25:
        return view.selection[key]
    limit = view.metadata.get("limits", {}).get(key)
    if limit is not None and rng.random() < 0.4:
        return rng.choice((0, limit, limit + 1, -1, limit / 2, str(limit), True, None))
    return plain(rng)


def _select(view: Any, value: Any, browser: bool) -> None:
    usual = dict(view.selection)
    try:
        if browser:
            view.set_state({"selection": value})
        else:
            view.selection = value
        numbers = view.data()
        assert all(np.asarray(array).dtype.kind != "O" for array in numbers.values())
        json.dumps(view.selection, allow_nan=False)
    finally:
        view.selection = usual


KINDS = {
    "ask": ("settings", "id", "typed"), "warm": ("model",), "image": ("image",), "star": ("entry", "starred"),
    "export": ("entry", "suffix"), "grid": ("settings", "across", "down"), "compare": ("entries",),
    "cancel": (), "stop_grid": (), "hello": (),
}  # fmt: skip


def messages(rng: random.Random, count: int, play: Any) -> Iterator[Case]:
    """What a browser may send to a Playground: parts odd, missing, or too many."""
    for _ in range(count):
        kind = rng.choice(list(KINDS))
        message: Any = {"kind": kind, **{part: _part(part, rng) for part in KINDS[kind]}}
        if rng.random() < 0.25:
            message.pop(rng.choice(list(message)))
        if rng.random() < 0.15:
            message[rng.choice(["kind", "id", "strange"])] = plain(rng)
        if rng.random() < 0.05:
            message = plain(rng)
        buffers = rng.choice(
            ([], [memoryview(b"")], [memoryview(b"\x89PNG\r\n")], [memoryview(bytes(300))] * 3)
        )
        yield Case("message", ascii(message)[:90], lambda m=message, b=buffers: _hear(play, m, b))


def _part(part: str, rng: random.Random) -> Any:
    if rng.random() < 0.5:
        return plain(rng)
    names = ("prompt", "seed", "steps", "guidance", "shape", "model", "image", "strange")
    return {
        "settings": {name: plain(rng) for name in rng.sample(names, rng.randrange(3))},
        "across": ["seed", "1..3"],
        "down": [rng.choice(("steps", "seed", "x")), rng.choice(("1", "1..9999", "x"))],
        "entry": 0, "entries": [0, 0], "suffix": ".gif", "model": "small",
    }.get(part, 1)  # fmt: skip


def _hear(play: Any, message: Any, buffers: list[memoryview]) -> None:
    """Send a message: nothing is raised, and what is wrong is told in `problems`, never as a failed run."""
    play.sent.clear()
    play._handle_custom_msg(message, buffers)
    assert play.session.wait(20)
    json.dumps([told for told, _ in play.sent], allow_nan=False)
    problems = [
        part for told, _ in play.sent if told["kind"] == "problems" for part in told["fields"].values()
    ]
    assert not any("it failed (" in part["rule"] for part in problems), problems
    if problems:
        raise X2VError(**problems[0])


def playground(trace: Any) -> Any:
    """A Playground whose messages to the browser are kept in `sent`."""
    play = Playground(backend=FakeBackend(lambda **changes: trace))
    play.sent = []
    play.send = lambda content, buffers=None: play.sent.append((content, buffers))
    return play
