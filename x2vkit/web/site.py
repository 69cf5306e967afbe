"""`x2vkit page`: the model as one HTML file that opens from disk, or as a folder for any static host.

Both hold the same: the browser code of views/static/web, the engine, and what `export` makes of a pipeline.
In one file all data is inlined, gzipped and in base64; in a folder it lies beside the page, and a service
worker keeps it, so that a second visit needs no network. No page asks any host but its own: its content
policy forbids it.
"""

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from x2vkit.errors import X2VError
from x2vkit.media import check_output, write_atomic
from x2vkit.views.page import MODEL, bundle, constant, css, document, inline_json
from x2vkit.web import MADE, check_folder
from x2vkit.web.export import READING, PageData
from x2vkit.web.vendor import CARD, engine

FILE_BYTES = 24_000_000
"""The largest page of one file: what a mail takes."""
VIEWS = ("denoise", "patches", "attention")
"""Views that open on a clip made in the page."""
LEVEL = 9
TITLE = "x2vkit: a video model in a page"

HOST = """
const state = JSON.parse(document.getElementById("state").textContent);
const values = { ...state, views, worker, buffer: new DataView(new ArrayBuffer(0)), group: "" };
const model = modelOver(values, { save_changes: () => {}, send: () => {} });
const claimed = async () => {
  const { serviceWorker } = navigator;
  if (!state.offline || !serviceWorker) return;
  const changed = new Promise((done) => serviceWorker.addEventListener("controllerchange", done));
  await serviceWorker.register("sw.js");
  const patience = new Promise((done) => setTimeout(done, 1000));
  if (!serviceWorker.controller) await Promise.race([changed, patience]);
};
values.ready = claimed().catch(() => {}); // what is loaded from then on is kept for a visit without network
document.getElementById("opening").remove();
page.render({ model, el: document.getElementById("page") });
window.x2vkitModel = model; // for whoever looks under the bonnet
"""

BODY = """<div id="page"><p id="opening">Opening…</p>
<noscript>This page needs JavaScript: the model runs in it.</noscript></div>
"""

SERVICE_WORKER = """// Keeps the page and its data, so that it opens without a network. {made}
const KEPT = "x2vkit-{id}";
self.addEventListener("install", (event) => {{
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT).then((cache) => cache.add("./")));
}});
self.addEventListener("activate", (event) => {{
  const old = (names) => names.filter((name) => name.startsWith("x2vkit-") && name !== KEPT);
  const clean = caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name))));
  event.waitUntil(clean.then(() => self.clients.claim()));
}});
self.addEventListener("fetch", (event) => {{
  const {{ request }} = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  const answer = async () => {{
    const cache = await caches.open(KEPT);
    if (request.mode === "navigate") {{
      const page = await fetch(request).catch(() => null);
      if (page?.ok) cache.put("./", page.clone());
      return page ?? (await cache.match("./")) ?? Response.error();
    }}
    const kept = await cache.match(request);
    if (kept) return kept;
    const fresh = await fetch(request);
    if (fresh.ok) cache.put(request, fresh.clone());
    return fresh;
  }};
  event.respondWith(answer());
}});
"""


def one_file(data: PageData, path: str | os.PathLike[str], title: str = TITLE) -> Path:
    """Write the page as one .html file.

    Raises:
        X2VError: a path that is no .html, or a page above FILE_BYTES.
    """
    path = check_output(path, (".html",))
    packed = {name: part for name, part in _packed(data).items() if name not in CARD}
    inlined = "".join(
        f'<script type="text/plain" id="file:{name}">{base64.b64encode(part).decode()}</script>\n'
        for name, part in packed.items()
    )
    page = _page(data, packed, title, inlined, offline=False)
    if len(page) > FILE_BYTES:
        rule = f"a page of one file is at most {FILE_BYTES / 1e6:.0f} MB"
        cure = f"name fewer shapes, or write a folder: x2vkit page {path.stem}"
        raise X2VError(f"a page of {len(page) / 1e6:.1f} MB", rule, cure)
    write_atomic(path, page)
    return path


def folder(data: PageData, path: str | os.PathLike[str], title: str = TITLE) -> Path:
    """Write the page as a folder: index.html, sw.js and data/.

    Raises:
        X2VError: what `check_folder` refuses, or a path that cannot be written.
    """
    place = Path(path)
    check_folder(place)
    try:
        (place / "data").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise X2VError(
            str(place), f"a folder cannot be made there ({error.strerror})", "name another"
        ) from error
    packed = _packed(data)
    for name, part in packed.items():
        write_atomic(place / "data" / f"{name}.bin", part)
    worker = SERVICE_WORKER.format(made=MADE, id=data.manifest["id"][:12])
    write_atomic(place / "sw.js", worker.encode())
    write_atomic(place / "index.html", _page(data, packed, title, "", offline=True))
    return place


def _packed(data: PageData) -> dict[str, bytes]:
    """Every file of a page, gzipped, in the order of need: what reading takes, the engine, the rest."""
    own = {name: gzip.compress(part, LEVEL, mtime=0) for name, part in data.files.items()}
    every = {name: packed for name, (packed, _) in engine().items()} | own
    return {name: every[name] for name in sorted(every, key=lambda name: name != READING)}


def _page(data: PageData, packed: Mapping[str, bytes], title: str, inlined: str, offline: bool) -> bytes:
    sizes = {name: size for name, (_, size) in engine().items()} | dict(data.manifest["files"])
    sizes = {name: sizes[name] for name in packed}
    sent = {name: len(part) for name, part in packed.items()}
    manifest = {**data.manifest, "files": sizes, "packed": sent, "inlined": bool(inlined)}
    state: dict[str, Any] = {
        "metadata": {"label": TITLE, "arrays": [], "limits": {"frame": 0}, "manifest": manifest},
        "selection": {"frame": 0},
        "offline": offline,
    }
    page = document(
        title, css("web", *VIEWS), state, _script(), body=BODY, files=inlined,
        scripts=" blob: 'wasm-unsafe-eval'", sources="worker-src blob: 'self'; connect-src 'self' blob:; ",
    )  # fmt: skip
    return page.encode()


def _script() -> str:
    """The page's code: its own modules, those of the views that open inside, and the workers' as a text."""
    names = {name: f"{name}/index" for name in VIEWS}
    table = ", ".join(f"{name}: {constant(module)}.default" for name, module in names.items())
    parts = [
        bundle("web/index", *names.values()),
        f"const page = {constant('web/index')}.default;",
        f"const views = {{ {table} }};",
        f"const worker = {inline_json(bundle('web/worker'))};",
        MODEL + HOST,
    ]
    return "\n".join(parts)
