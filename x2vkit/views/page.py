"""Browser code of the views without a bundler, and one HTML file that opens offline.

A view's ES modules in static/NAME/ are what an editor and a reader see: index.js begins with `import { mount
} from "../lib/mount.js"` and ends with `export default mount(...)`. `bundle` sets each module into a function
of its own, in order of need, and returns one text: anywidget wants one module, and a page under a strict
content policy one script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import posixpath
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from x2vkit.media import check_output, write_atomic

if TYPE_CHECKING:
    from x2vkit.views.base import View

STATIC = Path(__file__).parent / "static"
IMPORT = re.compile(r'^import\s+(?:(\w+)|\{([^}]*)\})\s*from\s*"(\.[^"]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const|let) (\w+))", re.MULTILINE)

PAGE_BYTES = 20_000_000
"""The largest page: what can be sent to somebody, and opens at once."""
BUFFER_BYTES = 14_400_000
"""What its views may send for that: a third is added by base64, and the code of all views takes 0.3 MB."""

MODEL = """
const modelOver = (values, rest) => {
  const listeners = new Map();
  const hear = (event, ...told) => {
    for (const listener of listeners.get(event) ?? []) listener(...told);
  };
  return {
    hear,
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
      hear("change:" + name);
    },
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, listeners.get(event)?.filter((one) => one !== listener)),
    ...rest,
  };
};
"""
"""What a notebook's widget manager gives a view, in few lines: a model over plain values."""
HOST = """
const models = [];
const states = JSON.parse(document.getElementById("state").textContent);
for (const state of states) {
  const el = document.body.appendChild(document.createElement("div"));
  const letters = atob(state.values.buffer);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  state.values.buffer = new DataView(bytes.buffer);
  const model = modelOver(state.values, {
    save_changes: () => tell(),
    // Whoever shows the page in a frame may answer for the kernel.
    send: (message) => parent !== window && parent.postMessage({ x2vSend: message }, "*"),
  });
  window.addEventListener("message", ({ source, data }) => {
    if (source !== parent || parent === window || !data?.x2vHear) return;
    model.hear("msg:custom", data.x2vHear, []);
  });
  views[state.view].render({ model, el });
  models.push(model);
}
// What is selected stands in the address: page.html#step=14&token=3 opens there.
const first = models.map((model) => model.get("selection"));
const read = (text, now) => {
  let value = text;
  try { value = JSON.parse(text); } catch {}
  if (typeof now === "string") return text;
  return value === null || now === null || typeof value === typeof now ? value : now;
};
const follow = () => {
  const asked = [...new URLSearchParams(location.hash.slice(1))];
  for (const [i, model] of models.entries()) {
    const known = asked.filter(([key]) => key in first[i]);
    const change = Object.fromEntries(known.map(([key, text]) => [key, read(text, first[i][key])]));
    if (known.length) model.set("selection", { ...model.get("selection"), ...change });
  }
};
const tell = () => {
  if (window.top !== window) return; // in a frame the address is somebody else's
  const told = new URLSearchParams();
  for (const [i, model] of models.entries())
    for (const [key, value] of Object.entries(model.get("selection")))
      if (JSON.stringify(value) !== JSON.stringify(first[i][key]))
        told.set(key, typeof value === "string" ? value : JSON.stringify(value));
  history.replaceState(null, "", `#${told}`);
};
follow();
window.addEventListener("hashchange", follow);
Object.assign(window, { x2vkitViews: views, x2vkitModels: models }); // for whoever looks under the bonnet
"""
"""Views over the values that are inlined in the page; and its address says where the reader is."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{css}</style>
</head>
<body class="x2v-page">
{body}<script type="application/json" id="state">{state}</script>
<script type="module" async>{script}</script>
{files}</body>
</html>
"""


@cache
def bundle(*names: str) -> str:
    """The modules `names` of static/ (paths without .js) and all they import, as text that leaves each in a
    constant named by `constant`. Raises ValueError where modules import each other in a circle.
    """
    parts: dict[str, str] = {}

    def add(name: str, path: tuple[str, ...] = ()) -> None:
        if name in path:
            raise ValueError(f"modules import each other: {' -> '.join([*path, name])}")
        if name in parts:
            return
        source = (STATIC / f"{name}.js").read_text()
        for _, _, needed in IMPORT.findall(source):
            add(_beside(name, needed), (*path, name))
        parts[name] = f"const {constant(name)} = (() => {{\n{_enclosed(name, source)}}})();\n"

    for name in names:
        add(name)
    return "\n".join(parts.values())


def constant(name: str) -> str:
    """Where `bundle` leaves a module: lib/view -> m_lib_view."""
    return "m_" + name.replace("/", "_")


def _beside(name: str, needed: str) -> str:
    """The name of a module imported by its relative path: attention/index, ../lib/view -> lib/view."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), needed))


def _enclosed(name: str, source: str) -> str:
    """A module as the body of a function that returns what it exports."""

    def imported(match: re.Match[str]) -> str:
        names = f"default: {match[1]}" if match[1] else match[2].replace(" as ", ": ")
        return f"const {{{names}}} = {constant(_beside(name, match[3]))};\n"

    source = IMPORT.sub(imported, source)
    exports = [found[1] for found in EXPORT.findall(source)]
    source = EXPORT.sub(r"\1", source).replace("\nexport default ", "\nconst whole = ")
    exports += ["default: whole"] if "\nconst whole = " in source else []
    return f"{source}\nreturn {{ {', '.join(exports)} }};\n"


@cache
def esm(view: str) -> str:
    """One ES module for anywidget."""
    name = f"{view}/index"
    return f"{bundle(name)}\nexport default {constant(name)}.default;\n"


@cache
def css(*views: str) -> str:
    """The style sheet that views share, and those of the views that have one of their own."""
    files = [STATIC / name / "style.css" for name in dict.fromkeys(("lib", *views))]
    return "\n".join(file.read_text() for file in files if file.exists())


def html(
    views: View | Sequence[View], path: str | os.PathLike[str] | None = None, title: str | None = None
) -> str:
    """One or several views as one HTML page that opens offline from disk; linked views stay linked.

    path: also write it there (.html). title: the page's name, by default the first view's label. No request
    to any host can leave the page: its content policy forbids it. A page is kept below PAGE_BYTES: large
    views leave more out than in a notebook, and say what. Raises the X2VError that a view shows.
    """
    views = [views] if not isinstance(views, Sequence) else list(views)
    views = [view.fitted(BUFFER_BYTES // len(views)) for view in views]
    for view in views:
        if view.error is not None:
            raise view.error
        view._complete()
    names = sorted({view._module for view in views})
    states = [{"view": view._module, "values": _values(view)} for view in views]
    modules = [f"{name}/index" for name in names]
    table = ", ".join(f"{name}: {constant(f'{name}/index')}.default" for name in names)
    script = f"{bundle(*modules)}\nconst views = {{ {table} }};\n{MODEL}{HOST}"
    styles = css(*names, *(part for view in views for part in view._parts))
    page = document(title or views[0].label, styles, states, script)
    if path is not None:
        write_atomic(check_output(path, (".html",)), page.encode())
    return page


def document(
    title: str,
    styles: str,
    state: Any,
    script: str,
    *,
    body: str = "",
    files: str = "",
    scripts: str = "",
    sources: str = "",
) -> str:
    """A page of one script that its content policy knows by its hash, so that it asks no host.

    Args:
        title: plain text.
        styles: CSS.
        state: JSON values; the script finds them in the element "state".
        script: a module.
        body: HTML before the state.
        files: HTML after the script, which does not wait for it.
        scripts: what else may run, and `sources`, further directives: in the policy's own words.
    """
    script = script.replace("</script", "<\\/script")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'{scripts}; {sources}style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    fill = {"policy": policy, "title": escape(title), "css": styles, "state": inline_json(state)}
    return PAGE.format(**fill, body=body, files=files, script=script)


def inline_json(value: Any) -> str:
    """JSON that can stand in a script element: "<" stands only inside strings, and no prompt can end it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _values(view: View) -> dict[str, object]:
    """What a view's browser side reads, as JSON."""
    buffer = base64.b64encode(view.buffer).decode()
    return {"metadata": view.metadata, "selection": view.selection, "group": view.group, "buffer": buffer}
