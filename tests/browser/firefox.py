"""Debian's Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks.

Playwright drives only a Firefox of its own, and Selenium needs a driver that no package registry has.

    with firefox(folder) as browser:
        tab = browser.tab(1200, 900)
        tab.open("http://127.0.0.1:8000/")
        tab.wait("document.querySelector('h1')")
        tab.evaluate("document.title")
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import websocket

from x2vkit.errors import X2VError

PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": True,  # those that Firefox knows for tests: no updates, no first-run pages
    "services.settings.server": "data:,#quiet",
    "toolkit.telemetry.enabled": False,
}
"""So that it asks nobody for anything."""
PATIENCE = 60.0
"""Seconds until something that does not come is an error."""


class Firefox:
    """A running Firefox: one connection, commands answered in turn, events kept."""

    def __init__(self, address: str) -> None:
        self.socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self.events: list[dict[str, Any]] = []
        """Each log entry and request since the start: {"method": ..., "params": ...}."""
        self.count = 0
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command's result. Raises RuntimeError with Firefox's own words."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            heard = json.loads(self.socket.recv())
            if heard["type"] == "event":
                self.events.append(heard)
            elif heard.get("id") == self.count:
                if heard["type"] == "error":
                    raise RuntimeError(f"{method}: {heard['message']}")
                return heard["result"]

    def tab(self, width: int, height: int) -> Tab:
        """A new tab whose page is so large, in CSS pixels."""
        tab = Tab(self, self.ask("browsingContext.create", type="tab")["context"])
        tab.resize(width, height)
        return tab

    def told(self, method: str) -> list[dict[str, Any]]:
        """What events of a kind said so far."""
        self.ask("session.status")  # whatever was on its way is here now
        return [event["params"] for event in self.events if event["method"] == method]


class Tab:
    """One tab."""

    def __init__(self, browser: Firefox, name: str) -> None:
        self.browser = browser
        self.name = name

    def resize(self, width: int, height: int) -> None:
        """Let the page be so large, in CSS pixels."""
        size = {"width": width, "height": height}
        self.browser.ask("browsingContext.setViewport", context=self.name, viewport=size)

    def open(self, url: str) -> None:
        """Go there, and wait until it has loaded."""
        self.browser.ask("browsingContext.navigate", context=self.name, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """A JavaScript expression's value, by way of JSON; a promise is awaited."""
        source = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        target = {"context": self.name}
        found = self.browser.ask("script.evaluate", expression=source, target=target, awaitPromise=True)
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = monotonic() + PATIENCE
        while not self.evaluate(f"Boolean({expression})"):
            assert monotonic() < end, f"not true in {PATIENCE:.0f} s: {expression}"
            sleep(0.05)

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        options = {"context": self.name, "origin": "document"}
        return base64.b64decode(self.browser.ask("browsingContext.captureScreenshot", **options)["data"])


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A Firefox with an empty profile in a folder. Raises X2VError where there is none."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        cure = "on Debian, apt-get install firefox-esr; elsewhere put a firefox on the PATH"
        raise X2VError("no firefox", "the page is tested in Firefox as well", cure)
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    (folder / "user.js").write_text("".join(lines))
    log = folder / "log.txt"
    command = [path, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield Firefox(_address(process, log) + "/session")
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = monotonic() + PATIENCE
    while process.poll() is None and monotonic() < end:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text()):
            return found[1]
        sleep(0.05)
    raise X2VError("firefox", "it did not start", f"see what it said: {log.read_text()[-500:]!r}")
