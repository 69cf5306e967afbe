"""What all views share: packing that keeps its promise, messages in place of tracebacks, linking, pages."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import traitlets
from matplotlib.figure import Figure
from PIL import Image

from x2vkit import views
from x2vkit.errors import X2VError
from x2vkit.trace import samples
from x2vkit.views import buffer, display, page, style
from x2vkit.views.base import Content, View, as_trace
from x2vkit.views.buffer import ALIGN, Eight, SpriteSheet, pack


class Plain(View):
    """A view without a browser side: for what Python does."""

    label = "Plain"

    def prepare(
        self, trace: Any = None, selection: dict | None = None, limits: dict | None = None
    ) -> Content:
        self.trace = as_trace(trace)
        start = {"step": 2, "frame": 0} if selection is None else selection
        return Content(
            {"prompt": self.trace.prompt}, {"t": self.trace.t}, start, limits or {"step": 9, "frame": 16}
        )

    def figure(self) -> Figure:
        figure = Figure(figsize=(2, 1))
        figure.subplots().plot(self.trace.t)
        return figure


def unpacked(entries: list[dict], buffer: bytes) -> dict[str, np.ndarray]:
    """`pack` undone by its own description alone."""
    out = {}
    for entry in entries:
        part = buffer[entry["offset"] : entry["offset"] + entry["bytes"]]
        if entry["dtype"] == "image":
            out[entry["name"]] = np.asarray(Image.open(io.BytesIO(part)).convert("RGB"))
            continue
        array = np.frombuffer(part, entry["dtype"]).reshape(entry["shape"])
        if "scale" in entry:
            offset, count = entry["scale"]
            scale = np.frombuffer(buffer, "<f4", count, offset)
            array = (array.reshape(count, -1) * scale[:, None]).reshape(entry["shape"])
        out[entry["name"]] = array
    return out


def test_packing_is_exact_but_where_it_says_otherwise():
    rng = np.random.default_rng(0)
    plain = {
        "half": rng.normal(size=(3, 5)).astype(np.float16),
        "full": rng.normal(size=7).astype(np.float32),
        "bytes": rng.integers(0, 256, (2, 3, 3), dtype=np.uint8),
        "yes": np.array([True, False]),
        "whole": np.arange(-3, 3),
    }
    small = rng.normal(size=(4, 6, 50)) * 10.0 ** rng.integers(-3, 3, (4, 6, 1))
    entries, buffer = pack({**plain, "small": Eight(small, 2)})
    again = unpacked(entries, buffer)
    for name, array in plain.items():
        np.testing.assert_array_equal(again[name], array)
    off = np.abs(again["small"] - small).max(axis=2) / np.abs(small).max(axis=2)
    assert off.max() <= 1 / 254 + 1e-6
    assert all(entry["offset"] % ALIGN == 0 for entry in entries)


def test_small_strips_lose_nothing_and_large_ones_little(clip):
    entries, buffer = pack({"clip": SpriteSheet(clip)})
    assert entries[0]["mime"] == "image/webp"
    columns = entries[0]["columns"]
    sheet = unpacked(entries, buffer)["clip"]
    for i, frame in enumerate(clip):
        y, x = i // columns * 48, i % columns * 64
        np.testing.assert_array_equal(sheet[y : y + 48, x : x + 64], frame)
    entries, buffer = pack({"clip": SpriteSheet(clip, quality=90)})
    off = np.abs(unpacked(entries, buffer)["clip"][:48, :64].astype(int) - clip[0])
    assert entries[0]["mime"] == "image/jpeg" and off.mean() < 3


def test_what_a_browser_has_no_array_for_is_refused():
    with pytest.raises(TypeError, match="complex"):
        pack({"z": np.zeros(2, complex)})


def test_metadata_cannot_be_overwritten_unseen():
    class Clashing(Plain):
        def prepare(self, *_: Any, **__: Any) -> Content:
            return Content({"choices": {"shape": ["wide"]}})

    with pytest.raises(ValueError, match="choices"):
        Clashing()


def test_a_wrong_trace_is_said_in_the_widgets_place(tmp_path):
    broken = tmp_path / "broken.x2v"
    broken.write_bytes(b"not a trace")
    for wrong in (3, broken, tmp_path / "none.x2v"):
        view = Plain(wrong)
        assert isinstance(view.error, X2VError)
        assert view.metadata["error"]["cure"] == view.error.cure
        assert str(view.error) in view._repr_mimebundle_()["text/plain"]
        with pytest.raises(X2VError):
            view.to_html()


def test_a_huge_trace_is_refused_with_the_cure(make_trace, monkeypatch):
    monkeypatch.setattr(buffer, "LIMIT_BYTES", 10)
    view = Plain(make_trace())
    assert "record fewer steps" in view.metadata["error"]["cure"]


def test_nothing_given_is_the_bundled_trace(make_trace, tmp_path):
    assert Plain().trace is samples.sample()
    trace = make_trace()
    assert Plain(trace).trace is trace
    path = trace.save(tmp_path / "run.x2v")
    assert Plain(str(path)).trace.prompt == Plain(path).trace.prompt == trace.prompt


def test_selection_takes_a_part_and_refuses_what_is_not_there():
    view = Plain()
    view.selection = {"frame": 3}
    assert view.selection == {"step": 2, "frame": 3}
    for wrong, message in (({"step": 10}, "0 to 9"), ({"step": 1.5}, "whole"), ({"head": 1}, "frame, step")):
        with pytest.raises((X2VError, traitlets.TraitError), match=message):
            view.selection = wrong
    assert view.selection == {"step": 2, "frame": 3}


def test_other_content_takes_the_place_of_the_old(make_trace):
    view = Plain()
    view.show(Content({"prompt": "new"}, {"x": np.zeros(3, np.float32)}, {"head": 0}, {"head": 3}))
    assert view.selection == {"head": 0} and view.metadata["prompt"] == "new"
    assert [entry["name"] for entry in view.metadata["arrays"]] == ["x"] and len(view.buffer) == 16


def test_linked_views_share_what_both_know():
    a = Plain()
    b = Plain(selection={"step": 0, "head": 1}, limits={"step": 5, "head": 3})
    c = Plain(selection={"head": 0}, limits={"head": 3})
    a.link(b)
    assert a.group == b.group != ""
    assert b.selection == {"step": 2, "head": 1}
    a.selection = {"step": 4, "frame": 7}
    assert b.selection == {"step": 4, "head": 1}
    b.link(c)
    b.selection = {"head": 2, "step": 1}
    assert c.selection == {"head": 2} and a.selection == {"step": 1, "frame": 7}
    assert a.group == b.group == c.group
    a.selection = {"step": 9}  # b is shorter and stays at its last
    assert b.selection["step"] == 5


def test_the_notebook_keeps_a_small_picture():
    bundle = Plain()._repr_mimebundle_()
    png = base64.b64decode(bundle["image/png"])
    assert Image.open(io.BytesIO(png)).size == (144, 72) and len(png) < 100_000


def test_colab_is_told_where_the_script_is_that_shows_widgets(monkeypatch):
    asked, sent = [], []
    colab = SimpleNamespace(
        enable_custom_widget_manager=lambda: asked.append(1),
        _widgets=SimpleNamespace(_installed_url="https://host/manager.js"),
    )
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(output=colab))
    monkeypatch.setitem(sys.modules, "google.colab.output", colab)
    monkeypatch.setattr("IPython.display.display", lambda data, **options: sent.append((data, options)))
    Plain()._ipython_display_()
    ((data, options),) = sent  # one output: Colab takes the picture in it where the widget is gone
    assert asked and {display.WIDGET, "image/png"} <= data.keys()
    told = options["metadata"][display.WIDGET]["colab"]["custom_widget_manager"]
    assert told == {"url": "https://host/manager.js"}


def test_behind_a_widget_its_picture_is_an_output_of_its_own(monkeypatch):
    png = Plain()._png()
    live, sent = {display.WIDGET: {"model_id": "1"}, "text/plain": "Plain"}, []
    monkeypatch.delenv("VSCODE_PID", raising=False)
    display.outputs(live, lambda: png, sent.append)
    assert sent[0] == live and display.WIDGET not in sent[1]
    kept = Image.open(io.BytesIO(base64.b64decode(sent[1]["image/png"]))).convert("RGB")
    drawn = Image.open(io.BytesIO(png)).convert("RGB")
    assert kept.size == (drawn.width, drawn.height + display.CAPTION_PIXELS)
    assert np.abs(np.asarray(kept, int)[: drawn.height] - np.asarray(drawn, int)).mean() < 3
    # where there is no widget, and in VS Code, which looks for another format itself, there is one output
    for bundle, editor in (({"text/plain": "Plain"}, ""), (live, "1")):
        sent.clear()
        if editor:
            monkeypatch.setenv("VSCODE_PID", editor)
        display.outputs(bundle, lambda: png, sent.append)
        assert sent == [{**bundle, "image/png": base64.b64encode(png).decode()}]


def test_modules_are_bundled_in_order_of_need_and_once(tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    (tmp_path / "top").mkdir()
    (tmp_path / "lib" / "deep.js").write_text("export const one = 1;\nconst two = 2;\n")
    mid = 'import { one as uno } from "./deep.js";\nexport function add() { return uno; }\n'
    (tmp_path / "lib" / "mid.js").write_text(mid)
    top = 'import { add } from "../lib/mid.js";\nimport {\n  one,\n} from "../lib/deep.js";\nconst two = 3;\n'
    top += "export default { render() { return add() + one + two; } };\n"
    (tmp_path / "top" / "index.js").write_text(top)
    (tmp_path / "twice.js").write_text('import whole from "./top/index.js";\nexport default whole;\n')
    monkeypatch.setattr(page, "STATIC", tmp_path)
    page.bundle.cache_clear()
    text, again = page.bundle("top/index"), page.bundle("twice")
    page.bundle.cache_clear()
    assert [*re.findall(r"const m_(\w+) =", text)] == ["lib_deep", "lib_mid", "top_index"]
    assert "import" not in text and "export" not in text
    assert "const { one: uno } = m_lib_deep" in text and "return { default: whole }" in text
    assert "const {default: whole} = m_top_index" in again


def test_modules_that_import_each_other_are_refused(tmp_path, monkeypatch):
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.js").write_text(
            f'import {{ {other} }} from "./{other}.js";\nexport const {one} = 1;\n'
        )
    monkeypatch.setattr(page, "STATIC", tmp_path)
    page.bundle.cache_clear()
    with pytest.raises(ValueError, match="a -> b -> a"):
        page.bundle("a")
    page.bundle.cache_clear()


def test_a_page_holds_no_prompt_that_could_end_its_script(make_trace):
    from x2vkit.views import Denoise

    weight = {"preview_weight": np.ones((768, 4), np.float16), "preview_bias": np.ones(768, np.float16)}
    html = Denoise(make_trace(request={"prompt": "</script><script>alert(1)</script>"}, **weight)).to_html()
    assert html.count("<script") == 2 == html.count("</script>")
    state = re.search(r'id="state">(.*?)</script>', html, re.DOTALL)
    assert json.loads(state[1])[0]["values"]["metadata"]["prompt"].startswith("</script>")
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", html.replace(state[1], "")).replace(
        "http-equiv", ""
    )


def test_to_html_writes_a_file_and_refuses_another_suffix(tmp_path):
    from x2vkit.views import Denoise

    view = Denoise()
    path, html = tmp_path / "view.html", view.to_html(title="<b>")
    assert view.to_html(str(path), title="<b>") == path
    assert path.read_text() == html and "<title>&lt;b&gt;</title>" in html
    assert len(html) < 5_000_000
    with pytest.raises(X2VError, match=r"\.html"):
        view.to_html(tmp_path / "view.txt")


@pytest.mark.parametrize("name", ["Attention", "Compare", "Denoise", "Patches", "Scaling"])
def test_what_cannot_be_shown_cannot_be_read(name, tmp_path):
    """The sentence that stands in the view's place, wherever the view is read."""
    view = getattr(views, name)([tmp_path / "none.x2v"] if name == "Compare" else tmp_path / "none.x2v")
    assert view.error is not None
    for read in (view.data, view.figure, view.to_html):
        with pytest.raises(X2VError, match=re.escape(view.error.got)):
            read()


def test_one_look_in_python_and_in_the_browser():
    source = (page.STATIC / "lib" / "colors.js").read_text()
    sheet = (page.STATIC / "lib" / "style.css").read_text()
    for name, color in style.PALETTE.items():
        assert f'{name}: "{color}"' in source and f"--x2v-{name}: {color}" in sheet
    for name in ("HEAT", "SIGNED"):
        stops = re.search(rf"export const {name} = \[(.*?)\]", source, re.DOTALL)[1]
        assert tuple(re.findall(r"#\w{6}", stops)) == getattr(style, name)


def test_patches_are_named_by_place():
    assert style.token_name(5 * 64 + 2 * 8 + 3, (6, 8, 8)) == style.patch_name(5, 2, 3) == "t5 r2 c3"
