"""Odd values for the demo's named endpoints, over HTTP, as any program can send them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx

from tests.odd.judge import Case
from tests.odd.values import plain, spelt
from x2vkit.errors import X2VError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "generate": {"prompt": "a red ball", "negative_prompt": "", "image": None, "video": None, "strength": 0.6,
                 "shape": "still", "seconds": 0.1, "steps": 1, "guidance": 1.0, "seed": 3, "model": ""},
    "compare": {"prompt": "a red ball", "prompt_b": "", "steps": 1, "steps_b": 1, "guidance": 1.0,
                "guidance_b": 2.0, "model": "", "model_b": "", "shape": "still", "seconds": 0.1, "seed": 0},
    "inspect": {"id": "example:small", "view": "denoise"},
    "models": {},
    "examples": {},
}  # fmt: skip


def calls(rng: random.Random, count: int, url: str) -> Iterator[Case]:
    """Calls of the endpoints with odd, missing and too many values."""
    client = httpx.Client(base_url=f"{url}gradio_api/", timeout=60)
    for _ in range(count):
        endpoint = rng.choice(["generate"] * 5 + ["inspect"] * 3 + ["compare", "models", "examples"])
        values = dict(ARGUMENTS[endpoint])
        for name in rng.sample(list(values), min(len(values), rng.choice((1, 1, 2)))):
            values[name] = plain(rng)
        body: Any = {"data": list(values.values())}
        if rng.random() < 0.08:
            body["data"] = rng.choice((body["data"][:-1], [*body["data"], 1], plain(rng)))
        told = ", ".join(
            f"{name}={spelt(value)}" for name, value in values.items() if value != ARGUMENTS[endpoint][name]
        )
        yield Case("api", f"{endpoint}: {told}", lambda e=endpoint, b=body: _ask(client, e, b))
    client.close()


def _ask(client: httpx.Client, endpoint: str, body: Any) -> None:
    """An answer, or a sentence: what a client of Gradio hears as null or as a bug is neither."""
    text = json.dumps(body).encode()  # with NaN and lone surrogates, as Python's own writer has them
    asked = client.post(f"call/{endpoint}", content=text, headers={"content-type": "application/json"})
    if asked.status_code != 200:
        raise _sentence(asked.text, asked.status_code)
    with client.stream("GET", f"call/{endpoint}/{asked.json()['event_id']}") as stream:
        event = ""
        for line in stream.iter_lines():
            event = line.removeprefix("event: ") if line.startswith("event: ") else event
            if line.startswith("data: ") and event in ("complete", "error"):
                data = json.loads(line.removeprefix("data: "))
                break
    if event == "error":
        raise _sentence(data)
    assert isinstance(data, list) and data, data


def _sentence(told: Any, status: int = 0) -> X2VError:
    """What a client was told, as the error that it is; AssertionError where it says nothing."""
    text = told if isinstance(told, str) else json.dumps(told)
    assert told and len(text) > 15 and "Something broke" not in text, f"{status}: {text[:200]}"
    assert "Traceback" not in text and "Internal Server Error" not in text, text[:200]
    return X2VError("the call", text[:300], "see above")
