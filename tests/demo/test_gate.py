"""The door of a page that really runs: host names, wrong passwords, uploads, jobs that wait."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import diffusers  # noqa: F401 - a job's first import of it may take longer than a request waits
import httpx
import pytest

from tests.demo.demos import FakePipeline, launched, wait_until
from x2vkit.demo import gate, turns
from x2vkit.demo.gate import Gate, address_of, hostname

WEB = httpx.Client(timeout=60)
OTHER = {"x-forwarded-for": "192.0.2.7"}
"""As a proxy on this machine says that somebody else is asking."""


def status(url: str, host: str) -> int:
    return WEB.get(url, headers={"host": host}).status_code


@pytest.mark.parametrize(
    "host", ["rebound.example", "127.0.0.1.example:7860", "localhost.example", "", "x" * 300]
)
def test_a_foreign_host_name_is_refused_with_a_sentence(served, host):
    answer = WEB.get(served.url, headers={"host": host})
    assert answer.status_code == 403 and "--allow-host" in answer.json()["detail"]


def test_every_address_is_behind_the_gate(served):
    for path in ("gradio_api/info", "gradio_api/upload", "gradio_api/queue/join", "static/x.js", "config"):
        for method in ("GET", "POST"):
            foreign = WEB.request(method, served.url + path, headers={"host": "rebound.example"})
            assert foreign.status_code == 403, path


@pytest.mark.parametrize(
    "host", ["localhost:7860", "LOCALHOST", "127.0.0.1", "192.168.1.20:80", "[::1]:7860"]
)
def test_this_machines_names_and_addresses_are_answered(served, host):
    assert status(served.url, host) == 200


def test_names_that_are_allowed_and_the_share_link_are_answered(fake):
    allow = {"allow_hosts": ["demo.example.org", ".school.example"], "root_path": "https://proxy.example/x2v"}
    with launched(fake, launch=allow) as running:
        for host in ("demo.example.org", "a.school.example:443", "proxy.example"):
            assert status(running.url, host) == 200, host
        assert status(running.url, "other.example.org") == status(running.url, "live.example") == 403
        running.page.share_url = "https://live.example"
        assert status(running.url, "live.example") == 200


def test_any_name_may_be_allowed():
    assert Gate(None, lambda: ["*"]).allows("anything.example")
    assert hostname("https://Demo.Example:8/x") == hostname("demo.example.:90") == "demo.example"


def test_only_what_runs_here_is_believed_about_whom_it_forwards():
    def scope(peer: str) -> dict:
        return {"client": (peer, 1), "headers": [(b"x-forwarded-for", b"198.51.100.1, 192.0.2.7")]}

    assert address_of(scope("127.0.0.1")) == "192.0.2.7"
    assert address_of(scope("203.0.113.9")) == "203.0.113.9"
    assert address_of({"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"?")]}) == "127.0.0.1"


def test_wrong_passwords_have_to_wait_ever_longer(fake, monkeypatch):
    monkeypatch.setattr(gate, "FIRST_WAIT", 0.6)
    with launched(fake, launch={"auth": ("ann", "right")}) as running:

        def login(password: str, **headers: str) -> httpx.Response:
            form = {"username": "ann", "password": password}
            return WEB.post(running.url + "login", data=form, headers=headers)

        assert [login("wrong").status_code for _ in range(gate.TRIES)] == [400] * gate.TRIES
        braked = login("right")
        assert braked.status_code == 429 and int(braked.headers["retry-after"]) == 1
        assert "5 wrong passwords" in braked.json()["detail"]
        assert login("right", **OTHER).status_code == 200, "somebody else does not wait"
        time.sleep(0.7)
        assert login("wrong").status_code == 400
        time.sleep(0.7)
        assert login("right").status_code == 429, "the second wait is twice as long"
        time.sleep(0.6)
        assert login("right").status_code == 200
        assert login("wrong").status_code == 400 and login("right").status_code == 200, "forgotten once right"


@pytest.fixture
def page(fake):
    """A page of its own, whose gate has counted nothing yet."""
    with launched(fake) as running:
        yield running


def upload(page: SimpleNamespace, *sizes: int, **headers: str) -> httpx.Response:
    files = [("files", (f"{i}.txt", bytes(size))) for i, size in enumerate(sizes)]
    return WEB.post(page.url + "gradio_api/upload", files=files, headers=headers)


def test_uploads_have_a_quota_in_files(page, monkeypatch):
    monkeypatch.setattr(gate, "QUOTA_FILES", 3)
    assert len(upload(page, 5, 5).json()) == 2 and upload(page, 5).status_code == 200
    over = upload(page, 5)
    assert over.status_code == 429 and "3 files" in over.json()["detail"]
    assert upload(page, 5, **OTHER).status_code == 200
    monkeypatch.setattr(gate, "QUOTA_SECONDS", 0)
    assert upload(page, 5).status_code == 200, "an hour later it may go on"


def test_uploads_have_a_quota_in_bytes_also_where_nobody_says_how_many_come(page, monkeypatch):
    monkeypatch.setattr(gate, "QUOTA_BYTES", 50_000)
    assert upload(page, 30_000).status_code == 200
    assert upload(page, 30_000).status_code == 429

    def stream():
        yield b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        for _ in range(40):
            yield bytes(1000)
        yield b"\r\n--b--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = WEB.post(page.url + "gradio_api/upload", content=stream(), headers=kind)
    assert answer.status_code == 429 and "MB an hour" in answer.json()["detail"]
    assert upload(page, 10).status_code == 429 and upload(page, 10, **OTHER).status_code == 200
    assert page.page.gate.visitors["127.0.0.1"].uploaded(0)[0] < 72_000, "the rest was never taken in"


def ask(page: SimpleNamespace, session: str | None = None, **headers: str) -> httpx.Response:
    data = ["a red ball", "", None, None, 0.6, "still", 0.1, 10, None, 1, ""]
    body = {"data": data} | ({"session_hash": session} if session else {})
    return WEB.post(page.url + "gradio_api/call/generate", json=body, headers=headers)


def answer(page: SimpleNamespace, event: str, **headers: str) -> tuple[str, object]:
    with WEB.stream("GET", f"{page.url}gradio_api/call/generate/{event}", headers=headers) as stream:
        kind = ""
        for line in stream.iter_lines():
            kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
            if line.startswith("data: ") and kind in ("complete", "error"):
                return kind, json.loads(line.removeprefix("data: "))
    raise AssertionError("no answer")


def test_ten_jobs_that_nobody_listens_to_do_not_make_the_next_visitor_wait(monkeypatch):
    monkeypatch.setattr(turns, "LISTEN_SECONDS", 1000.0)
    slow = FakePipeline(0.2)  # two seconds a clip
    with launched(slow) as page:
        codes = [ask(page).status_code for _ in range(10)]
        assert codes[: turns.WAITING] == [200] * turns.WAITING and 429 in codes
        monkeypatch.setattr(turns, "LISTEN_SECONDS", 0.3)
        asked = ask(page, **OTHER)
        kind, _ = answer(page, asked.json()["event_id"], **OTHER)
        assert kind == "complete" and slow.runs <= 3, "those that nobody listened to were never run"
        wait_until(lambda: not list(turns.jobs(page.page._queue)))


def test_what_is_refused_or_dropped_is_told(monkeypatch):
    monkeypatch.setattr(turns, "LISTEN_SECONDS", 0.2)
    with launched(FakePipeline(0.1)) as page:
        first, second = (ask(page).json()["event_id"] for _ in range(2))
        kind, _ = answer(page, first)
        assert kind == "complete"
        kind, told = answer(page, second)
        assert kind == "complete" or "nobody listened" in str(told)
        for _ in range(turns.WAITING):
            ask(page, "tab")
        assert "may: wait for one" in ask(page, "tab").json()["detail"]


def test_one_address_leaves_places_to_others_however_many_tabs_it_opens():
    with launched(FakePipeline(0.3), max_queue=10) as page:
        codes = [ask(page, f"tab {i}").status_code for i in range(8)]
        assert codes == [200] * 6 + [429] * 2
        assert ask(page, "another", **OTHER).status_code == 200
