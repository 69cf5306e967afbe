"""The door of the page: host names that it answers to, a brake on wrong passwords, a quota for uploads.

A web page elsewhere can point a name of its own at this machine and have a visitor's browser talk to the demo
(DNS rebinding); the browser then sends that foreign name as Host, and is refused. Addresses of numbers cannot
be turned so, and pass. Knows nothing about models.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRIES, FIRST_WAIT, LONGEST_WAIT = 5, 4.0, 600.0
"""Wrong passwords in a row that cost nothing; seconds to wait then, doubled each time, up to the last."""
QUOTA_BYTES, QUOTA_FILES, QUOTA_SECONDS = 500_000_000, 50, 3600
"""What one visitor may upload in so many seconds; files are kept about as long."""
REMEMBERED = 10_000
"""Visitors that are counted; beyond, those that came first are forgotten."""


@dataclass
class Visitor:
    """What is remembered of one address."""

    wrong: int = 0
    """Wrong passwords since the last right one."""
    wait_until: float = 0.0
    """When the next may be tried, by `time.monotonic`."""
    uploads: deque[tuple[float, int, int]] = field(default_factory=deque)
    """(when, bytes, files) of each upload of the last QUOTA_SECONDS."""

    def uploaded(self, now: float) -> tuple[int, int]:
        """Bytes and files of the last QUOTA_SECONDS."""
        while self.uploads and self.uploads[0][0] < now - QUOTA_SECONDS:
            self.uploads.popleft()
        return sum(size for _, size, _ in self.uploads), sum(files for _, _, files in self.uploads)


class Gate:
    """ASGI middleware around the whole page.

    Args:
        app: what it stands before.
        names: host names that are answered to, beside this machine's own; "*" is any. Asked at every request,
            as the share link is known late.
    """

    def __init__(self, app: Any, names: Callable[[], Iterable[str]]) -> None:
        self.app, self.names = app, names
        self.own = own_names()
        self.visitors: dict[str, Visitor] = {}
        self.listening: defaultdict[str, int] = defaultdict(int)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it with a sentence."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        host = header(scope, b"host")
        if not self.allows(host):
            cure = "start it with --allow-host NAME, or launch(allow_hosts=[NAME])"
            return await refuse(
                send, 403, f"host {host[:80]!r}: this page does not answer to that name; {cure}"
            )
        path = scope["path"].rstrip("/")
        if scope.get("method") == "POST" and path.endswith("/login"):
            return await self._login(scope, receive, send)
        if scope.get("method") == "POST" and path.endswith("/upload"):
            return await self._upload(scope, receive, send)
        if scope.get("method") == "GET" and (session := listened(path, scope)):
            return await self._listen(session, scope, receive, send)
        await self.app(scope, receive, send)

    def allows(self, host: str) -> bool:
        """Whether the page answers to a Host header: this machine's names, addresses, or one of `names`."""
        name = hostname(host)
        if name in self.own or is_address(name):
            return True
        allowed = {hostname(one) for one in self.names()} - {""}
        return "*" in allowed or any(
            name == one or (one.startswith(".") and name.endswith(one)) for one in allowed
        )

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A password: after TRIES wrong ones each further try has to wait."""
        visitor, now = self._visitor(scope), time.monotonic()
        if now < visitor.wait_until:
            seconds = int(visitor.wait_until - now) + 1
            told = f"{visitor.wrong} wrong passwords: the next may be tried in {seconds} s"
            return await refuse(send, 429, told, seconds)

        async def watched(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                visitor.wrong = visitor.wrong + 1 if message["status"] == 400 else 0
                if (over := visitor.wrong - TRIES) >= 0:
                    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(over, 20))
                    visitor.wait_until = time.monotonic() + wait
            await send(message)

        await self.app(scope, receive, watched)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Files: counted as they come in, and refused beyond the quota."""
        visitor, now = self._visitor(scope), time.monotonic()
        size, files = visitor.uploaded(now)
        announced = (
            int(header(scope, b"content-length") or 0) if header(scope, b"content-length").isdigit() else 0
        )
        most = f"{QUOTA_FILES} files and {QUOTA_BYTES / 1e6:.0f} MB"
        told = f"a visitor may upload {most} an hour: try again later"
        if files >= QUOTA_FILES or size + announced > QUOTA_BYTES:
            return await refuse(send, 429, told, QUOTA_SECONDS)
        came, begun = [0, 0], False

        def over() -> bool:
            return size + came[0] > QUOTA_BYTES or files + came[1] > QUOTA_FILES

        async def counted() -> MutableMapping[str, Any]:
            message = await receive()
            body = message.get("body", b"")
            came[0], came[1] = came[0] + len(body), came[1] + body.count(b"filename=")
            return {"type": "http.disconnect"} if over() else message

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except Exception:
            if not over():
                raise
            if not begun:
                await refuse(send, 429, told, QUOTA_SECONDS)
        finally:
            visitor.uploads.append((now, came[0], max(1, came[1])))

    async def _listen(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A stream of news: while it is open, somebody waits for the jobs of its session."""
        self.listening[session] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.listening[session] -= 1
            if self.listening[session] <= 0:
                del self.listening[session]

    def _visitor(self, scope: Scope) -> Visitor:
        address = address_of(scope)
        visitor = self.visitors.setdefault(address, Visitor())
        while len(self.visitors) > REMEMBERED:
            del self.visitors[next(iter(self.visitors))]
        return visitor


def own_names() -> set[str]:
    """What this machine is called by itself, and by the service that it runs in."""
    own = socket.gethostname().lower()
    names = {"localhost", own, f"{own}.local", f"{own}.lan"}
    return names | {hostname(os.environ.get("SPACE_HOST", "localhost"))}


def hostname(host: str) -> str:
    """The name in a Host header or an address of the web: lower case, without port, brackets and last dot."""
    try:
        name = urlsplit(host if "://" in host else f"//{host}").hostname or ""
    except ValueError:
        return ""
    return name.lower().rstrip(".")


def is_address(name: str) -> bool:
    """Whether a host is an address of numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def address_of(scope: MutableMapping[str, Any]) -> str:
    """Where a visitor comes from. What runs on this machine (a proxy, the share link's tunnel) is believed
    about whom it forwards.
    """
    peer = (scope.get("client") or ("", 0))[0]
    forwarded = header(scope, b"x-forwarded-for").split(",")[-1].strip()
    local = is_address(peer) and ipaddress.ip_address(peer).is_loopback
    return forwarded if local and is_address(forwarded) else peer


def header(scope: MutableMapping[str, Any], name: bytes) -> str:
    """A header of a request; "" where there is none."""
    return next((value.decode("latin-1") for key, value in scope.get("headers", ()) if key == name), "")


def listened(path: str, scope: Scope) -> str:
    """The session whose news a request asks for, or ""."""
    if path.endswith("/queue/data"):
        return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash", [""])[0]
    parts = path.split("/")
    return parts[-1] if "call" in parts[-4:-2] else ""


async def refuse(send: Send, status: int, told: str, retry_after: int = 0) -> None:
    """Answer a request with a sentence, as JSON of the form that Gradio's clients read."""
    body = json.dumps({"detail": told, "error": told}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_after:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
