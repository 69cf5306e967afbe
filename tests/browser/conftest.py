"""A real Chromium for the views: exported pages from disk with no network, and notebooks in JupyterLab.

    def test_page(open_html):                              def test_lab(open_notebook):
        page = open_html(Denoise().to_html())                  lab = open_notebook(["import x2vkit", ...])
        page.slide("step", 3)                                  sent = lab.sent
        page.pixels("canvas", 0)                               lab.slide("step", 3)
        page.fine()                                            assert lab.sent == sent; lab.fine()

A missing Chromium is a failure, not a skip: on Debian, `apt-get install chromium`.
"""

from __future__ import annotations

import base64
import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocket


@pytest.fixture(scope="session")
def data() -> Any:
    """What a page of a tiny pipeline holds, PageData."""
    from tests.web.tiny import pipeline
    from x2vkit.web.export import export

    return export(pipeline(), ("wide", "still"))


@pytest.fixture(scope="session")
def site(data: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That page as a folder on a server; its address."""
    from x2vkit.web.site import folder

    place = folder(data, tmp_path_factory.mktemp("site") / "page")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(place)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@dataclass
class Opened:
    """An open page, with everything it complained about or asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions."""
    requests: list[str] = field(default_factory=list)
    """URLs asked for, except the page's own file."""

    @property
    def view(self) -> Locator:
        """The first view of the page."""
        return self.page.locator(".x2v").first

    def wait(self, expression: str, seconds: float = 60) -> None:
        """Wait until a JavaScript expression is true. (A page's policy refuses Playwright's own way.)"""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"not true after {seconds} s: {expression}; errors: {self.errors}"
            self.page.wait_for_timeout(20)

    def slide(self, key: str, value: int) -> None:
        """Move the slider over `key` as a finger does: input, not yet let go. Returns when it is painted."""
        self.page.evaluate(
            """async ([key, value]) => {
                const slider = document.querySelector(`input[data-key=${key}]`);
                const root = slider.closest(".x2v"), before = root.dataset.draws;
                if (slider.value === String(value)) return;
                slider.value = value;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                const late = performance.now() + 30_000;
                while (root.dataset.draws === before) {
                    if (performance.now() > late) throw new Error(`${key} ${value}: not drawn in 30 s`);
                    await new Promise(requestAnimationFrame);
                }
            }""",
            [key, value],
        )

    def pixels(self, selector: str = "canvas", index: int = 0) -> np.ndarray:
        """What a canvas holds, (H, W, 4) uint8, in its own pixels."""
        size, values = self.page.evaluate(
            """([selector, index]) => {
                const canvas = document.querySelectorAll(selector)[index];
                const { width, height } = canvas;
                const options = { willReadFrequently: true };  // else Chromium warns
                const copy = new OffscreenCanvas(width, height).getContext("2d", options);
                copy.drawImage(canvas, 0, 0);
                const data = copy.getImageData(0, 0, width, height).data;
                const parts = [];  // as text: a list of numbers takes Playwright seconds
                for (let i = 0; i < data.length; i += 32768)
                    parts.push(String.fromCharCode(...data.subarray(i, i + 32768)));
                return [[height, width], btoa(parts.join(""))];
            }""",
            [selector, index],
        )
        return np.frombuffer(base64.b64decode(values), np.uint8).reshape(*size, 4)

    def screenshot(self, path: str | Path | None = None) -> np.ndarray:
        """What a reader sees, (H, W, 3) uint8, the whole page."""
        data = self.page.screenshot(full_page=True, path=path)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def fine(self) -> None:
        """Fail if anything was complained about or asked for."""
        assert self.errors == [] and self.requests == []


@pytest.fixture
def open_html(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """open_html(html, width=1000, dark=False) -> Opened: the page from disk, network blocked, views ready."""
    contexts: list[BrowserContext] = []

    def open_(html: str, width: int = 1000, height: int = 900, dark: bool = False, **options: Any) -> Opened:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html)
        scheme = {"color_scheme": "dark" if dark else "light", "reduced_motion": "reduce"}
        context = browser.new_context(viewport={"width": width, "height": height}, **(scheme | options))
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda m: opened.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        own = path.as_uri()
        page.on("request", lambda r: opened.requests.append(r.url) if _outside(r.url, own) else None)
        page.goto(own)
        opened.wait(
            "document.querySelectorAll('.x2v').length > 0 && "
            "[...document.querySelectorAll('.x2v')].every(e => e.dataset.ready || e.dataset.error)"
        )
        return opened

    yield open_
    for context in contexts:
        context.close()


@dataclass
class Lab(Opened):
    """A notebook in JupyterLab, all its cells run."""

    frames: list[str] = field(default_factory=list)
    """What the browser sent to the kernel, one entry a websocket frame."""

    @property
    def sent(self) -> int:
        """Messages from the browser to the kernel so far."""
        return len(self.frames)

    def run(self, code: str) -> str:
        """Run code in the notebook's kernel and return what it prints; for asking what the kernel knows."""
        return self.page.evaluate(
            """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let text = "";
                future.onIOPub = (m) => {
                    if (m.header.msg_type === "stream") text += m.content.text;
                    if (m.header.msg_type === "error") text += m.content.traceback.join("\\n");
                };
                const late = new Promise((_, fail) => setTimeout(fail, 120_000, Error("no answer in 120 s")));
                await Promise.race([future.done, late]);
                return text;
            }""",
            code,
        )


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A JupyterLab of our own on a free port -> (its address with a token, its folder)."""
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "notebooks"
    root.mkdir()
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "PYTHONPATH": Path(__file__).parents[2],
    }
    token = secrets.token_hex(16)
    options = [f"--ServerApp.root_dir={root}", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--ip=127.0.0.1", f"--IdentityProvider.token={token}", "--allow-root", "--no-browser"]
    options += ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"]
    log = (home / "log.txt").open("w")
    command = [sys.executable, "-m", "jupyterlab", *options]
    env = os.environ | {name: str(path) for name, path in places.items()}
    server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=root)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            assert server.poll() is None, (home / "log.txt").read_text()
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"{address}/lab/tree/NAME?token={token}&reset", root
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


@pytest.fixture
def open_notebook(browser: Browser, jupyter: tuple[str, Path]) -> Iterator[Callable[..., Lab]]:
    """open_notebook(cells or path, width=1200, views=1) -> Lab: open in JupyterLab, every cell run, no error.

    cells: the code of each cell, or the path of an .ipynb, which is copied. views: how many to wait for.
    """
    contexts: list[BrowserContext] = []
    address, root = jupyter

    def open_(cells: list[str] | Path, width: int = 1200, height: int = 1200, views: int = 1) -> Lab:
        name = f"notebook{secrets.token_hex(4)}.ipynb"
        if isinstance(cells, Path):
            shutil.copy(cells, root / name)
        else:
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
            notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
            nbformat.write(notebook, root / name)
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        lab = Lab(page)
        host = address.split("/lab")[0]

        def listen(ws: WebSocket) -> None:
            if "/api/kernels/" in ws.url:
                ws.on("framesent", lambda data: lab.frames.append(str(data)[:200]))

        page.on("console", lambda m: lab.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: lab.errors.append(str(error)))
        page.on(
            "request", lambda r: lab.requests.append(r.url) if _outside(r.url, host, prefix=True) else None
        )
        page.on("websocket", listen)
        page.set_default_timeout(120_000)
        page.goto(address.replace("NAME", name))
        current = "window.jupyterapp?.shell.currentWidget"
        lab.wait(f"{current}?.sessionContext?.session?.kernel?.status === 'idle'", 180)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        cells = f"[...{current}.content.model.cells].filter((cell) => cell.type === 'code')"
        errors = f"{cells}.flatMap((c) => c.outputs.toJSON()).filter((o) => o.output_type === 'error')"
        empty, ran = "!c.sharedModel.source.trim()", "(c.executionCount && c.executionState === 'idle')"
        done = f"{cells}.every((c) => {empty} || {ran})"
        lab.wait(f"{done} || {errors}.length > 0", 300)
        assert page.evaluate(f"{errors}.map((error) => error.evalue)") == []
        lab.wait(f"document.querySelectorAll('.x2v[data-ready], .x2v[data-error]').length >= {views}")
        return lab

    yield open_
    for context in contexts:
        for page in context.pages:
            page.evaluate("window.jupyterapp?.shell.currentWidget?.sessionContext.shutdown()")
        context.close()


def _outside(url: str, own: str, prefix: bool = False) -> bool:
    if prefix and url.startswith(own):
        return False
    return url.partition("#")[0] != own and not url.startswith(("blob:", "data:"))
