"""The named endpoints through a real server and gradio_client: right answers, told errors, no leaks."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.demo.demos import launched, wait_until
from x2vkit import media
from x2vkit.config import RunRequest
from x2vkit.demo.models import GIVEN
from x2vkit.run import record as recorder
from x2vkit.trace.about import about as comment_of

SMALL = {"steps": 2, "seconds": 0.1, "seed": 3}


def connect(url: str) -> Client:
    return Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120})


@pytest.fixture(scope="module")
def client(served) -> Client:
    return connect(served.url)


def test_every_endpoint_is_named_and_has_a_manual(client):
    info = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(info) == {"/generate", "/compare", "/inspect", "/models", "/examples"}
    for name, endpoint in info.items():
        assert len(endpoint["description"]) > 20, name
    names = [one["parameter_name"] for one in info["/generate"]["parameters"]]
    assert names[:2] == ["prompt", "negative_prompt"] and {"image", "seed", "model"} <= set(names)


def test_a_clip_is_the_one_that_python_makes(client, pipeline):
    film, about = client.predict(prompt="a red ball", steps=4, seconds=0.4, seed=3, api_name="/generate")
    request = RunRequest(prompt="a red ball", steps=4, num_frames=5, seed=3, model=GIVEN)
    want = recorder.generate(request, pipeline=pipeline)
    assert about["read"] == "a red ball" and about["num_frames"] == 5 and about["took_seconds"] > 0
    assert Path(film).read_bytes() == media.mp4(want.frames, 12, comment_of(want))


def test_steps_stream_while_it_computes(client):
    job = client.submit(prompt="a red ball", steps=12, seconds=1.4, seed=3, api_name="/generate")
    film, about = job.result(60)
    lines = [line for _, line in job.outputs() if "step" in line]
    assert film and about["steps"] == 12
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)
    assert lines and lines[-1]["steps"] == 12


def test_pictures_and_clips_can_be_given(client, tmp_path, clip):
    Image.new("RGB", (300, 200), (250, 40, 40)).save(tmp_path / "red.png")
    media.write_clip(tmp_path / "clip.mp4", clip, 12)
    _, about = client.predict(
        prompt="a ball", image=handle_file(tmp_path / "red.png"), **SMALL, api_name="/generate"
    )
    assert about["num_frames"] == 1
    _, about = client.predict(
        prompt="a ball", video=handle_file(tmp_path / "clip.mp4"), steps=4, seconds=1.4, api_name="/generate"
    )
    assert about["num_frames"] == 9 and "9 frames" in about["notes"][0]


@pytest.mark.parametrize("name", ["/generate", "the page"])
@pytest.mark.parametrize(
    "marks", [{}, {"meta": {"_type": "gradio.FileData"}}, {"url": None, "mime_type": "image/png"}]
)
def test_no_file_of_the_server_is_read_for_a_visitor(served, tmp_path, name, marks):
    """Through the API and through the page's own event; one that exists is refused as a missing one is."""
    Image.new("RGB", (8, 8), (250, 40, 40)).save(tmp_path / "private.png")
    answers = []
    for file in (tmp_path / "private.png", tmp_path / "missing.png"):
        answers.append(refused(served, name, {"path": str(file), **marks}))
    assert all("uploaded" in answer or "not allowed" in answer.lower() for answer in answers), answers
    assert answers[0].replace("private", "missing") == answers[1]


def refused(served, name: str, file: dict) -> str:
    """What a visitor hears who gives a file value of their own making as the picture."""
    config = httpx.get(f"{served.url}config").json()
    inputs: dict
    if name == "the page":
        event = next(one for one in config["dependencies"] if one["api_name"] == "run")
        shown = {one["id"]: one["type"] for one in config["components"]}
        inputs = {"fn_index": event["id"]}
        data = [file if shown[i] == "image" else None for i in event["inputs"]]
    else:
        data = ["a red ball", "", file, None, 0.6, "square", 0.1, 1, 4.0, 3, ""]
        named = {one["api_name"]: one["id"] for one in config["dependencies"]}
        inputs = {"fn_index": named["generate"]}
    joined = httpx.post(
        f"{served.url}gradio_api/queue/join", json={"data": data, "session_hash": "visitor", **inputs}
    )
    if joined.status_code != 200:
        return joined.text
    with httpx.stream(
        "GET", f"{served.url}gradio_api/queue/data", params={"session_hash": "visitor"}, timeout=60
    ) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                told = json.loads(line.removeprefix("data:"))
                if told["msg"] == "process_completed":
                    assert not told["success"], "the file was read"
                    return str(told["output"]["error"])
    raise AssertionError("no answer")


def test_a_clip_can_be_looked_into(client):
    _, about = client.predict(prompt="a red ball", **SMALL | {"seconds": 0.4}, api_name="/generate")
    page, more = client.predict(id=about["id"], view="denoise", api_name="/inspect")
    text = Path(page).read_text()
    assert text.startswith("<!doctype html>") and "a red ball" in text and "default-src 'none'" in text
    assert more["settings"]["seed"] == 3 and "denoise" in more["views"]


def test_two_settings_are_compared(client):
    one, two, page, about = client.predict(
        prompt="a red ball", steps=2, steps_b=3, seconds=0.4, seed=3, api_name="/compare"
    )
    first, second = about["clips"]
    assert (first["steps"], second["steps"]) == (2, 3) and first["seed"] == second["seed"] == 3
    assert Path(one).stat().st_size and Path(two).stat().st_size
    assert page is None or "default-src 'none'" in Path(page).read_text()


def test_models_and_examples_are_listed(client):
    names = [model["name"] for model in client.predict(api_name="/models")]
    assert names[0] == "this model" and "small" in names
    bundled = client.predict(api_name="/examples")
    assert {"id", "prompt", "seed"} <= set(bundled[0])
    page, _ = client.predict(id=bundled[0]["id"], api_name="/inspect")
    assert "<!doctype html>" in Path(page).read_text()[:20]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps"), ({"steps": 10**9}, "steps"), ({"steps": "many"}, "steps"),
        ({"guidance": -4}, "guidance"), ({"guidance": 1e30}, "guidance"), ({"seconds": 7200}, "seconds"),
        ({"seed": -5}, "seed"), ({"seed": 2**70}, "seed"), ({"shape": "round"}, "shape"),
        ({"model": "../../etc/passwd"}, "model is one of"), ({"model": "nobody"}, "model is one of"),
        ({"prompt": "x" * 100_000}, "characters"), ({"prompt": ["a"]}, "prompt"), ({"prompt": None}, ""),
        ({"prompt": "<script>alert(1)</script> zork"}, "none of these words"),
        ({"image": "/etc/passwd"}, "uploaded"), ({"strength": 7}, "strength"), ({"video": 3}, "uploaded"),
    ],
)  # fmt: skip
def test_wrong_values_are_told(client, wrong, message):
    given = {"prompt": "a red ball", **SMALL} | wrong
    if wrong == {"prompt": None}:  # no words are a wish too
        assert client.predict(**given, api_name="/generate")[0]
        return
    with pytest.raises(AppError, match=message) as told:
        client.predict(**given, api_name="/generate")
    assert "<" not in str(told.value) and len(str(told.value)) < 400


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(served, value):
    data = json.dumps(["a red ball", "", None, None, 0.6, "square", "?", 2, 4.0, 3, ""]).replace('"?"', value)
    headers = {"Content-Type": "application/json"}
    body = f'{{"data": {data}}}'
    answer = httpx.post(f"{served.url}gradio_api/call/generate", content=body, headers=headers, timeout=30)
    if answer.status_code == 200:
        event = answer.json()["event_id"]
        answer = httpx.get(f"{served.url}gradio_api/call/generate/{event}", timeout=30)
        assert "event: error" in answer.text and "seconds" in answer.text
    else:
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize("name", ["empty", "text"])
def test_files_that_cannot_be_read_are_told(client, tmp_path, kind, name):
    path = tmp_path / f"{name}.{'png' if kind == 'image' else 'mp4'}"
    path.write_text("" if name == "empty" else "no picture at all")
    with pytest.raises(AppError, match=path.name) as told:
        client.predict(prompt="a ball", **{kind: handle_file(path)}, **SMALL, api_name="/generate")
    assert str(tmp_path) not in str(told.value) and "/gradio/" not in str(told.value)


def call(url: str, name: str, data: list) -> str:
    """An endpoint without gradio_client's help; the events as text."""
    event = httpx.post(f"{url}gradio_api/call/{name}", json={"data": data}, timeout=30).json()["event_id"]
    return httpx.get(f"{url}gradio_api/call/{name}/{event}", timeout=60).text


@pytest.mark.parametrize(
    "where", ["/etc/passwd", __file__, "../../../etc/passwd", "http://example.com/a.png"]
)
def test_a_path_in_a_file_record_reads_nothing(served, where):
    record = {"path": where, "meta": {"_type": "gradio.FileData"}}
    said = call(served.url, "generate", ["a ball", "", record, None, 0.6, "square", 0.1, 2, 4.0, 3, ""])
    assert "event: error" in said and "root:" not in said


@pytest.mark.parametrize(
    "where", ["/etc/passwd", "/etc/hostname", __file__, "pyproject.toml", "../README.md", "%2e%2e/README.md"]
)
def test_no_file_of_this_machine_can_be_fetched(served, where):
    for form in (f"gradio_api/file={where}", f"file={where}", f"static/{where}", f"assets/{where}"):
        answer = httpx.get(served.url + form, follow_redirects=True, timeout=30)
        assert answer.status_code in (403, 404, 405), form


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a/../../b.png", "<b>x</b>.png"])
def test_a_path_in_a_file_name_stays_a_name(served, gradio_folder, name):
    answer = httpx.post(f"{served.url}gradio_api/upload", files={"files": (name, b"no picture")}, timeout=30)
    path = Path(answer.json()[0])
    assert path.is_relative_to(gradio_folder) and path.resolve() == path
    record = {"path": str(path), "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    said = call(served.url, "generate", ["a ball", "", record, None, 0.6, "square", 0.1, 2, 4.0, 3, ""])
    assert "cannot be read as a picture" in said and "<b>" not in said


def test_an_upload_may_be_named_by_its_address_but_nothing_else(served, tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    with (tmp_path / "red.png").open("rb") as file:
        path = httpx.post(f"{served.url}gradio_api/upload", files={"files": file}, timeout=30).json()[0]
    for where, event in ((path, "complete"), ("/etc/passwd", "error")):
        record = {"path": f"{served.url}gradio_api/file={where}", "meta": {"_type": "gradio.FileData"}}
        data = ["a ball", "", record, None, 0.6, "square", 0.1, 2, 4.0, 3, ""]
        assert f"event: {event}" in call(served.url, "generate", data)


def test_stopping_stops_within_a_step(slow):
    with launched(slow) as running:
        client = connect(running.url)
        job = client.submit(prompt="a ball", steps=50, api_name="/generate")
        wait_until(lambda: slow.steps >= 2)
        job.cancel()
        at = slow.steps
        wait_until(lambda: slow.raised)
        time.sleep(0.4)
        assert slow.steps <= at + 2  # one is over by the time that the wish arrives
        assert client.predict(prompt="a ball", steps=1, api_name="/generate")[0]  # and the next one runs


def test_a_client_that_is_gone_costs_a_step(slow):
    with launched(slow) as running:
        url = f"{running.url}gradio_api/call/generate"
        data = ["a ball", "", None, None, 0.6, "square", 0.1, 50, 4.0, 3, ""]
        event = httpx.post(url, json={"data": data}, timeout=30).json()["event_id"]
        with httpx.stream("GET", f"{url}/{event}", timeout=30) as answer:
            lines = answer.iter_lines()
            wait_until(lambda: next(lines) is not None and slow.steps >= 2)
        at = slow.steps
        wait_until(lambda: slow.raised)
        assert slow.steps <= at + 2


def test_a_full_queue_says_so(slow):
    with launched(slow, max_queue=1) as running:
        clients = [connect(running.url) for _ in range(4)]
        jobs = [client.submit(prompt="a ball", steps=8, api_name="/generate") for client in clients]
        told = [str(job.exception(60)) for job in jobs if job.exception(60)]
        assert 0 < len(told) < 4
        assert all("queue is full" in message.lower() for message in told), told


@pytest.mark.slow
def test_twenty_clients_at_once(served, pipeline):
    """Each answered rightly or refused in words; none hung; memory as before."""
    prompts = ["a red ball", "a blue ball"]
    want = []
    for i, prompt in enumerate(prompts):
        request = RunRequest(prompt=prompt, steps=2, num_frames=5, seed=i, model=GIVEN)
        made = recorder.generate(request, pipeline=pipeline)
        want.append(media.mp4(made.frames, request.fps, comment_of(made)))
    right, refused, wrong = [], [], []

    def visit(i: int) -> None:
        """One clip of one visitor: gradio_client may lose the second of a session while its stream closes."""
        asked = {"prompt": prompts[i], "steps": 2, "seconds": 0.4, "seed": i}
        try:
            job = connect(served.url).submit(**asked, api_name="/generate")
            film, about = job.result(timeout=200)
        except Exception as error:
            refused.append(f"{type(error).__name__}: {error}")
            return
        same = Path(film).read_bytes() == want[i] and about["prompt"] == prompts[i]
        (right if same else wrong).append(i)

    def all_at_once() -> int:
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(visit, [0, 1] * 10))
        return process.memory_info().rss

    process = psutil.Process()
    before, after = all_at_once(), all_at_once()
    print(f"{len(right)} right, {len(refused)} refused, memory x {after / before:.3f}")
    assert not wrong
    said = ("queue is full", "too many requests")  # by the queue, and by the door: one visitor's share of it
    assert all(any(each in message.lower() for each in said) for message in refused), set(refused)
    assert len(right) + len(refused) == 40 and len(right) > 10
    assert after < 1.1 * before
    assert threading.active_count() < 200


def test_a_password_is_asked_for(fake):
    with launched(fake, launch={"auth": ("ann", "secret")}) as running:
        assert httpx.get(f"{running.url}config", timeout=30).status_code == 401
        client = Client(running.url, auth=("ann", "secret"), verbose=False, analytics_enabled=False)
        assert client.predict(prompt="a ball", steps=1, api_name="/generate")[1]["model"] == "FakePipeline"


def test_other_pipelines_have_the_same_endpoints(fake):
    with launched(fake) as running:
        client = connect(running.url)
        film, about = client.predict(prompt="a ball", steps=3, seed=1, api_name="/generate")
        assert Path(film).stat().st_size and about["model"] == "FakePipeline"
        assert client.predict(prompt="a", steps=1, steps_b=2, api_name="/compare")[2] is None
        with pytest.raises(AppError, match="could be recorded"):
            client.predict(id=about["id"], api_name="/inspect")
