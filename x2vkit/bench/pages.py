"""Measure what a reader waits for: the views' pages and the demo, in a real Chromium.

`x2vkit bench --pages` prints the table. Needs what the tests need (`pip install -e ".[dev]"` and a Chromium).
From the input event, as the browser stamps it, to the end of the frame that shows its effect: the wait for
the next frame is in the figure.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any

from x2vkit.bench import web
from x2vkit.bench.line import Line, take_turns
from x2vkit.errors import X2VError

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
CLIENTS, REQUESTS = 20, 3
"""Clients of the demo at once, and requests of each."""
LISTEN = """kind => {
    window.waits = [];
    addEventListener(kind, (event) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.waits.push(performance.now() - event.timeStamp);
        port2.postMessage(0);
    }), true);
}"""
"""Notes for every event of a kind how long it took until the frame after it was painted."""


def figures() -> Iterator[Line]:
    """Every line, measured when it is asked for. Raises X2VError without a Chromium or Playwright."""
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        yield from _views(browser, Path(folder))
        yield from web.figures(browser, Path(folder))
        yield from _capture()
        yield from _playground()
        yield from _demo(browser)


@contextmanager
def chromium() -> Iterator[Any]:
    """A Chromium that asks nobody for anything, through Playwright. Raises X2VError where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        cure = "pip install playwright and, on Debian, apt-get install chromium"
        raise X2VError("x2vkit bench --pages", "pages are measured in Chromium, through Playwright", cure)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield browser
        browser.close()


# -- the views


def _views(browser: Any, folder: Path) -> Iterator[Line]:
    """Exported pages of every view on its bundled trace: size, scrubbing, clicking."""
    from x2vkit import views

    names = ("Denoise", "Patches", "Attention", "Compare", "Playground", "Scaling")
    sizes = {}
    for name in names:
        (folder / f"{name}.html").write_text(getattr(views, name)().to_html())
        sizes[name] = (folder / f"{name}.html").stat().st_size / 1e6
    largest = max(sizes, key=lambda name: sizes[name])
    yield Line("largest exported page", sizes[largest], "MB", 5.0, most=True, note=largest)
    whole = len(views.Overview().to_html()) / 1e6
    yield Line("exported Overview, three views inside", whole, "MB", 9.0, most=True)

    requests: list[str] = []
    page = _open(browser, folder / "Denoise.html", requests)
    waits = _drag(page, "step")
    yield Line("Denoise, slider to paint, median", median(waits), "ms", 16.0, most=True, note=_of(waits))
    yield Line("Denoise, slider to paint, worst", max(waits), "ms", 33.0, most=True)
    page.close()

    page = _open(browser, folder / "Attention.html", requests)
    waits = _click(page, ".x2v-attention-stage")
    yield Line("Attention, click to heat map, median", median(waits), "ms", 30.0, most=True, note=_of(waits))
    page.close()

    yield from _large(browser, folder, requests)
    page = _open(browser, folder / "Scaling.html", requests)
    page.wait_for_timeout(1500)  # clips unpack a few milliseconds apart
    waits = _drag(page, "point")
    yield Line("Scaling, along the law to paint, worst", max(waits), "ms", 33.0, most=True, note=_of(waits))
    page.close()
    yield Line("requests of these pages", float(len(requests)), "", 0.0, most=True)

    seconds = []
    for _ in range(3):
        start = perf_counter()
        script = "from x2vkit.views import Denoise; import sys; v = Denoise(); v._repr_mimebundle_(); "
        subprocess.run(
            [sys.executable, "-c", script + "sys.exit('torch' in sys.modules)"],
            check=True,
            capture_output=True,
        )
        page = _open(browser, folder / "Denoise.html", requests)
        seconds.append(perf_counter() - start)
        page.close()
    note = "a new Python makes the view without torch, and a new tab paints it"
    yield Line("bundled trace to first paint", median(seconds), "s", 2.0, most=True, note=note)


def _large(browser: Any, folder: Path, requests: list[str]) -> Iterator[Line]:
    """Attention of a grid of real size: two heads of 64 channels over 32,760 patches, at one place."""
    from x2vkit.bench.large import large_trace
    from x2vkit.views import Attention

    path = folder / "Large.html"
    Attention(large_trace()).to_html(path)
    yield Line("page of 32,760 tokens", path.stat().st_size / 1e6, "MB", 20.0, most=True)
    page = _open(browser, path, requests)
    waits = _click(page, ".x2v-attention-stage")
    name = "Attention of 32,760 tokens, click to heat"
    yield Line(name, median(waits), "ms", 50.0, most=True, note=_of(waits))
    page.close()


def _open(browser: Any, path: Path, requests: list[str]) -> Any:
    """The page, painted for the first time."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.on(
        "request",
        lambda r: requests.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None,
    )
    page.goto(path.as_uri())
    end = monotonic() + 60
    while not page.evaluate("document.querySelector('.x2v')?.dataset.ready"):
        if monotonic() > end:
            raise X2VError(str(path), "the view did not come up within a minute", "open the page and look")
    return page


def _drag(page: Any, key: str) -> list[float]:
    """Milliseconds from each of some sixty movements of a slider's thumb to its frame."""
    slider = page.locator(f"input[data-key={key}]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.wait_for_timeout(300)
    page.evaluate(LISTEN, "input")
    x, y = box["x"] + 8, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(61):
        page.mouse.move(x + (box["width"] - 16) * (i if i <= 30 else 60 - i) / 30, y)
        page.wait_for_timeout(30)
    page.mouse.up()
    return page.evaluate("window.waits")


def _click(page: Any, selector: str) -> list[float]:
    """Milliseconds from each of 21 clicks to the frame that shows their effect."""
    stage = page.locator(selector).first
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.evaluate(LISTEN, "pointerdown")
    for i in range(21):
        page.mouse.click(box["x"] + ((3 * i % 8) + 0.5) * box["width"] / 8, box["y"] + 0.4 * box["height"])
        page.wait_for_timeout(80)
    return page.evaluate("window.waits")


def _of(waits: list[float]) -> str:
    return f"{len(waits)} inputs, {min(waits):.1f} to {max(waits):.1f} ms"


# -- recording, and the Playground's half in the kernel


def _capture() -> Iterator[Line]:
    """Recording the attention of all layers at four steps, against none, in turns."""
    from x2vkit.run.capture import AttentionCapture
    from x2vkit.run.record import record

    kept = AttentionCapture(steps=(0, 6, 12, 19))
    prompt = "a red dog running on the beach"
    turns = take_turns([lambda: record(prompt, attention=kept), lambda: record(prompt, attention=None)], 5)
    overhead = 100 * (median(own / plain for own, plain in turns) - 1)
    yield Line("capture of attention, overhead", overhead, "%", 10.0, most=True, note="all layers at 4 steps")


def _playground() -> Iterator[Line]:
    """From a change to the first preview, once a model is loaded, with the time that typing may pause."""
    from x2vkit.backend import default_backend
    from x2vkit.views import page

    typing = re.search(r"TYPING = (\d+)", (page.STATIC / "playground" / "workbench.js").read_text())
    pause = float(typing.group(1)) / 1000 if typing else 0.0
    seconds: list[float] = []
    backend = default_backend()
    for i in range(6):
        heard: list[float] = []
        session = backend.session(
            lambda kind, *_, heard=heard: heard.append(perf_counter()) if kind == "preview" else None
        )
        start = perf_counter()
        session.ask({"prompt": "a red ball on the beach", "seed": i}, id=i)
        session.wait()
        seconds.append(heard[0] - start + pause)
    note = f"{pause:.2f} s of it waits for the next key"
    yield Line("Playground, key to first preview", median(seconds[1:]), "s", 0.5, most=True, note=note)


# -- the demo


def _demo(browser: Any) -> Iterator[Line]:
    """The command, its page, a click, and twenty clients at once."""
    import psutil

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    outside: list[str] = []
    start = perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "x2vkit", "demo", "--port", str(port)], stdout=subprocess.DEVNULL
    )
    try:
        _answers(port, server)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on(
            "request",
            lambda r: outside.append(r.url) if not r.url.startswith((url, "data:", "blob:")) else None,
        )
        page.goto(url)
        page.wait_for_selector(".x2v-screen[data-shows=clip]", timeout=60_000)
        page.get_by_role("button", name="Generate").wait_for(timeout=60_000)
        yield Line("demo, command to usable page", perf_counter() - start, "s", 8.0, most=True)
        waits = [_generate(page) for _ in range(4)]
        yield Line(
            "demo, Generate to first preview",
            median(waits[1:]),
            "s",
            0.6,
            most=True,
            note=f"the first one {waits[0]:.2f} s",
        )
        page.close()
        process = psutil.Process(server.pid)
        _crowd(url, 1)
        before = process.memory_info().rss
        began = perf_counter()
        right, refused, wrong = _crowd(url, REQUESTS)
        took = perf_counter() - began
        note = f"of {CLIENTS * REQUESTS}: {right} right, {refused} told of a full queue; {took:.0f} s"
        yield Line("demo, wrong or hung of a crowd", float(wrong), "", 0.0, most=True, note=note)
        growth = 100 * (process.memory_info().rss / before - 1)
        yield Line(
            "demo, memory after the crowd",
            growth,
            "%",
            10.0,
            most=True,
            note=f"more than {before / 1e9:.2f} GB",
        )
        yield Line("demo, requests to other hosts", float(len(outside)), "", 0.0, most=True)
    finally:
        server.terminate()
        server.wait(30)


def _answers(port: int, server: subprocess.Popen) -> None:
    end = monotonic() + 120
    while server.poll() is None and monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            sleep(0.02)
    raise X2VError("x2vkit demo", "its page did not come up", "start it by hand and read what it says")


def _generate(page: Any) -> float:
    """Seconds from a click on Generate to the first preview; then waits for the clip."""
    page.evaluate(
        """() => {
            const screen = document.querySelector(".x2v-screen");
            window.first = null;
            let start = null;
            addEventListener("click", (event) => (start ??= event.timeStamp), { capture: true, once: true });
            const look = () => {
                if (start !== null && screen.isConnected && screen.dataset.shows === "preview") {
                    window.first = performance.now() - start;
                } else setTimeout(look, 5);
            };
            look();
        }"""
    )
    page.get_by_role("button", name="Generate").click()
    page.wait_for_function("window.first !== null", timeout=60_000)
    page.wait_for_selector(".x2v-screen[data-shows=video]", timeout=120_000)
    return page.evaluate("window.first") / 1000


def _crowd(url: str, requests: int) -> tuple[int, int, int]:
    """CLIENTS at once, so many requests each -> how many were right, refused in words, wrong or hung."""
    from gradio_client import Client

    def visit(number: int) -> list[str]:
        client, found = Client(url, verbose=False, download_files=False), []
        for i in range(requests):
            prompt = f"a red ball, clip {number}"
            try:
                job = client.submit(prompt=prompt, steps=2, seconds=0.4, seed=i, api_name="/generate")
                _, about = job.result(timeout=120)
                found.append("right" if (about["prompt"], about["seed"]) == (prompt, i) else "wrong")
            except Exception as error:
                found.append("refused" if "queue is full" in str(error).lower() else "wrong")
        return found

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [word for found in pool.map(visit, range(CLIENTS)) for word in found]
    return answers.count("right"), answers.count("refused"), answers.count("wrong")
