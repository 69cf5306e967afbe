"""The model in a page, in Chromium: the same clips as Python, from disk and from a folder, with the network
cut.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

import x2vkit
from tests.run.test_wording import NEGATIONS
from tests.web.test_export import moving_plan
from tests.web.tiny import pipeline
from x2vkit.core.lexicon import NUMBERS, Lexicon
from x2vkit.core.planner import Plan, plan_of
from x2vkit.core.sampler import make_scheduler, set_levels
from x2vkit.registry import weights_folder
from x2vkit.run import wording
from x2vkit.views.page import bundle, css
from x2vkit.web.export import PageData, export
from x2vkit.web.site import folder, one_file

PROMPT = "a red puppy bouncing flurb, not blue"
CLIP = {"seed": 5, "steps": 3}


def made(page: Any, count: int = 1) -> None:
    """Wait for a clip."""
    page.wait_for_selector(f"[data-clips='{count}'], [data-refused]", state="attached", timeout=60_000)
    assert not page.locator("[data-refused]").count(), page.inner_text(".x2v-web-status")


def array(page: Any, expression: str) -> np.ndarray:
    """A typed array of the page."""
    text = page.evaluate(f"JSON.stringify(Array.from({expression}, (x) => (Number.isNaN(x) ? null : x)))")
    return np.array([np.nan if x is None else x for x in json.loads(text)])


def test_one_file_from_disk_makes_the_clip_that_python_makes(browser, data, tmp_path):
    path = one_file(data, tmp_path / "one.html")
    context = browser.new_context(offline=True)
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: asked.append(r.url) if r.url.startswith("http") else None)
    page.goto(f"{path.as_uri()}#prompt={PROMPT.replace(' ', '+')}&seed=5&steps=3&shape=constructor")
    made(page)  # in the first shape, for there is none of that name
    with pytest.warns(UserWarning, match="flurb|steer away"):
        trace = x2vkit.record(PROMPT, pipeline=pipeline(), num_frames=17, height=96, width=160, **CLIP)
    run = "window.x2vkitModel.get('made')"
    frames = array(page, f"{run}.frames").reshape(trace.frames.shape)
    assert np.abs(frames - trace.frames).max() <= 2
    assert page.evaluate(f"{run}.reading.words") == list(trace.words)
    assert page.evaluate(f"{run}.reading.unknown") == ["flurb"]
    np.testing.assert_allclose(array(page, f"{run}.t"), trace.t, atol=1e-6)
    for name in ("boxes", "camera", "turn"):
        found = array(page, f"{run}.plan.{name}").reshape(trace.plan[name].shape)
        np.testing.assert_allclose(found, trace.plan[name], atol=1e-3)
    for name, count in (("latents", 4), ("pred_x0", 3), ("pred_x0_cond", 3)):
        each = [array(page, f"{run}.{name}[{i}]") for i in range(count)]
        whole = np.stack(each).reshape(getattr(trace, name).shape)
        np.testing.assert_allclose(whole, getattr(trace, name).astype(float), atol=0.03)
    for step, layer in ((0, 0), (2, 1)):
        keys = array(page, f"{run}.keys.get('{step}.{layer}')").reshape(trace.keys[step, layer].shape)
        np.testing.assert_allclose(keys, trace.keys[step, layer].astype(float), atol=0.03)

    for name, part in (
        ("Look at every step", "denoise-row"),
        ("Look at the patches", "patches-flats"),
        ("Look at attention", "attention-controls"),
    ):
        page.get_by_role("button", name=name).click()
        page.wait_for_selector(f".x2v-web-inside .x2v[data-ready=true] .x2v-{part}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the run (.x2v)").click()
    saved = x2vkit.Trace.load(download.value.path().rename(tmp_path / "saved.x2v"))
    assert saved.prompt == PROMPT and saved.words == trace.words and saved.captured == trace.captured
    assert np.array_equal(saved.frames, frames)
    the_saved_video_opens(page, len(frames), tmp_path)
    np.testing.assert_allclose(saved.latents.astype(float), trace.latents.astype(float), atol=0.03)
    np.testing.assert_allclose(saved.attention(2, 1, 9), trace.attention(2, 1, 9), atol=0.02)
    assert "flurb" in page.inner_text(".x2v-web-unknown")
    page.get_by_role("button", name="Keep it beside the next").click()
    page.locator(".x2v-web-line input[type=range]").fill("1")
    page.locator("textarea").fill("a blue ball " * 10_000)  # 120,000 characters
    assert "first 2,000 characters" in page.inner_text(".x2v-web-words")
    page.locator("textarea").fill("a blue ball")  # what was begun before is cancelled
    made(page, 2)
    assert page.evaluate(f"{run}.asked.prompt") == "a blue ball"
    assert page.inner_text(".x2v-web-beside figcaption").startswith(f"kept: “{PROMPT}”, seed 5")
    odd_input_is_answered(page)
    two_prompts_are_compared(page)
    escape_stops_from_anywhere(page)
    assert errors == [] and asked == []
    context.close()


def escape_stops_from_anywhere(page: Any) -> None:
    """Though nothing on the page has the focus."""
    clips = page.get_attribute(".x2v", "data-clips")
    page.evaluate("""async () => {
        const asked = new Promise((done) => addEventListener("hashchange", done, { once: true }));
        location.hash = "#prompt=a+ball&steps=20";
        await asked;
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }""")
    page.get_by_text("Stopped.").wait_for()
    page.wait_for_timeout(300)
    assert page.get_attribute(".x2v", "data-clips") == clips


def the_saved_video_opens(page: Any, frames: int, folder: Path) -> None:
    """The clip three times over."""
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Save the clip").click()
    name = download.value.suggested_filename
    assert name.startswith("a-red-puppy-bouncing-flurb") and name.endswith((".mp4", ".webm"))
    with av.open(str(download.value.path().rename(folder / name))) as file:
        assert sum(1 for _ in file.decode(video=0)) == 3 * frames


def two_prompts_are_compared(page: Any) -> None:
    """On a page whose third clip is "a blue dog" of one step."""
    run, other = (f"window.x2vkitModel.get('{name}')" for name in ("made", "second"))
    page.get_by_role("button", name="Compare two prompts").press("Enter")
    second = page.locator(".x2v-web-second textarea")
    assert second.input_value() == "a blue dog" and second.evaluate("(it) => it === document.activeElement")
    second.fill("a red dog without a ball")
    assert "without a ball → steers away from ball" in page.inner_text(".x2v-web-second .x2v-web-away")
    page.wait_for_selector("[data-seconds='1']", state="attached", timeout=60_000)
    assert page.get_attribute(".x2v", "data-clips") == "3"  # the first stands
    assert page.evaluate(f"{other}.asked.prompt") == "a red dog without a ball"
    assert page.evaluate(f"{other}.reading.words.join(' ')") == "<start> a red dog"
    noises = [array(page, f"{one}.latents[0]") for one in (run, other)]
    assert np.array_equal(*noises)
    assert not np.array_equal(*(array(page, f"{one}.frames") for one in (run, other)))
    assert "second=a+red+dog+without+a+ball" in page.url
    words = second.input_value()
    second.fill("flurb")
    page.get_by_text("One clip: why there is no second one").wait_for()
    assert page.locator(".x2v-web-pictures canvas").last.is_hidden()  # the clip of other words is gone
    second.fill(words)
    page.wait_for_selector("[data-seconds='2']", state="attached", timeout=60_000)
    page.get_by_role("button", name="Swap the two").click()
    page.wait_for_selector("[data-seconds='3']", state="attached", timeout=60_000)
    assert page.evaluate(f"{run}.asked.prompt") == "a red dog without a ball"
    assert page.evaluate(f"{other}.asked.prompt") == "a blue dog"
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Compare two prompts").click()
    assert not page.locator(".x2v-web-second textarea").count()


def odd_input_is_answered(page: Any) -> None:
    """On a page that made two clips, the last of "a blue ball" with seed 5."""
    caption = page.locator(".x2v-web-stage figcaption")
    assert caption.inner_text() == "“a blue ball”, seed 5"
    for nonsense in ("\N{DOG FACE}", "flurb"):
        page.locator("textarea").fill(nonsense)
        page.locator("textarea").press("Enter")
        page.get_by_text("The model knows no word of this prompt").wait_for(timeout=5_000)
        assert caption.inner_text() == "of the older prompt: “a blue ball”, seed 5"
        assert page.locator(".x2v-web-older canvas").count() == 1
    seed, rule = page.locator(".x2v-web-seed"), page.locator(".x2v-web-rule")
    for wrong in ("99999999999999999999", "1.5", "-1"):
        seed.fill(wrong)
        seed.press("Tab")
        assert rule.inner_text().startswith(
            f"“{wrong}” is no seed: a seed is a whole number from 0 to 2⁵³ − 1"
        )
        assert rule.inner_text().endswith("5 stays.") and seed.input_value() == "5"
    assert page.get_attribute(".x2v", "data-clips") == "2"  # none of it made a clip
    seed.fill(str(2**53 - 1))
    page.locator("textarea").fill("a blue dog")
    page.get_by_role("button", name="Make clip", exact=True).click()
    made(page, 3)
    assert caption.inner_text() == f"“a blue dog”, seed {2**53 - 1}"
    assert rule.is_hidden() and not page.locator(".x2v-web-older").count()


def test_it_opens_on_a_light_stage_and_makes_the_first_clip(browser, site):
    context = browser.new_context(service_workers="block", color_scheme="light")
    page = context.new_page()
    held: list[Any] = []
    page.route("**/data/preview.f32.bin*", lambda route: held.append(route))
    page.goto(f"{site}#steps=1")
    cover = page.locator(".x2v-web-wait")
    cover.get_by_text("Loading the model").wait_for(timeout=20_000)
    picture = Image.open(io.BytesIO(cover.screenshot())).convert("L")
    assert np.median(np.asarray(picture)) > 200
    assert page.get_by_role("button", name="Make clip", exact=True).is_disabled()
    assert page.locator(".x2v-player").is_hidden()
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    made(page)
    assert page.evaluate("window.x2vkitModel.get('made').asked.prompt") == page.input_value("textarea") != ""
    assert cover.is_hidden() and page.locator(".x2v-player").is_visible()
    context.close()


def test_a_folder_opens_again_without_a_network(browser, site):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}#prompt=a+ball&steps=1&shape=still")
    made(page)
    context.set_offline(True)
    page.reload()
    made(page)
    assert page.evaluate("window.x2vkitModel.get('made').frames.length") == 128 * 128 * 3
    context.close()


def test_a_card_that_does_not_prove_itself_is_left_alone(browser, site):
    """This machine has no card, so one that the page is told of fails when it is tried."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.add_init_script(
        "Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => ({ info: {} }) } });"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2].partition(".bin")[0]))
    page.goto(f"{site}#prompt=a+ball&steps=1&shape=still")
    made(page)
    assert {"gpu.mjs", "gpu.wasm"} < set(
        asked
    ) and "engine.wasm" not in asked  # it computes without a card too
    assert "(WebAssembly, " in page.inner_text(".x2v-web-status")
    pipe = pipeline()
    frames = pipe(
        "a ball", num_inference_steps=1, num_frames=1, generator=torch.Generator().manual_seed(0)
    ).frames[0]
    found = array(page, "window.x2vkitModel.get('made').frames").reshape(np.asarray(frames).shape)
    assert np.abs(found - frames).max() <= 2
    context.close()


def test_a_card_must_agree_and_be_twice_as_quick(modules):
    call = """async ([values, milliseconds]) => {
      const after = (ms, x) => async () => {
        await new Promise((done) => setTimeout(done, ms));
        if (x === null) throw new Error("no card");
        return Float32Array.from(x);
      };
      return m_web_card.provesItself(after(200, [1, 2]), after(milliseconds, values));
    }"""
    cases = [
        ([1.001, 2], 20, True),
        ([1.1, 2], 20, False),
        ([1, 2], 180, False),
        ([1], 20, False),
        (None, 1, False),
    ]
    assert [modules.evaluate(call, [values, ms]) for values, ms, _ in cases] == [right for *_, right in cases]
    assert not modules.evaluate("m_web_card.provesItself(async () => [1], async () => [NaN])")


@pytest.mark.parametrize("fault", ["cut", "gone", "version", "old browser", "no SIMD", "half a page"])
def test_what_is_wrong_is_said_in_a_sentence(browser, site, data, fault, tmp_path):
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    if fault == "half a page":
        whole = one_file(data, tmp_path / "one.html").read_bytes()
        (tmp_path / "half.html").write_bytes(whole[: len(whole) // 2])
        site = (tmp_path / "half.html").as_uri()
    if fault == "no SIMD":
        page.add_init_script("WebAssembly.validate = () => false")
    if fault == "old browser":
        page.add_init_script("delete globalThis.DecompressionStream")
    if fault == "version":
        page.route(
            site, lambda route: route.fulfill(body=route.fetch().text().replace('"format":1', '"format":9'))
        )
    if fault in ("cut", "gone"):
        answer = {"body": b"\x1f\x8b\x08\x00"} if fault == "cut" else {"status": 404}
        page.route("**/data/preview.f32.bin*", lambda route: route.fulfill(**answer))
    page.goto(site)
    page.wait_for_selector("[data-refused]", state="attached", timeout=30_000)
    said = {
        "cut": "preview.f32 is damaged or cut short",
        "gone": "preview.f32 could not be loaded",
        "version": "of version 9, and the page reads version 1",
        "old browser": "use a newer one",
        "no SIMD": "no WebAssembly with SIMD",
        "half a page": "cut short",
    }
    assert said[fault] in page.inner_text(".x2v-web-status")
    context.close()


@pytest.fixture(scope="module")
def modules(browser, tmp_path_factory) -> Iterator[Any]:
    """The page's modules alone, as constants of an empty page."""
    names = ("card", "random", "words", "plan", "levels", "patches", "wording", "boxes", "video")
    path = tmp_path_factory.mktemp("modules") / "page.html"
    source = bundle(*(f"web/{name}" for name in names), "lib/unpack")
    path.write_text(f"<meta charset=utf-8><style>{css('web')}</style><script>{source}</script>")
    page = browser.new_page()
    page.goto(path.as_uri())
    yield page
    page.close()


def test_noise_is_torchs_bit_for_bit(modules):
    counts = [*range(1, 40), 100, 1000, 30720]
    for seed in (0, 1234, 2**31, 2**33 + 5):
        generator = torch.Generator().manual_seed(seed)
        wanted = [
            torch.randn(n, generator=generator).numpy().view(np.int32).sum(dtype=np.int64) for n in counts
        ]
        call = f"const g = new m_web_random.Generator({seed});"
        total = "new Int32Array(g.normal(n).buffer).reduce((a, b) => a + b, 0)"
        assert modules.evaluate(f"(() => {{ {call} return {counts}.map((n) => {total}) }})()") == wanted


def test_prompts_are_read_as_python_reads_them(modules):
    for lexicon in (pipeline().text_encoder.lexicon, Lexicon.load(weights_folder("small"))):
        table = {
            "words": lexicon.words, "synonyms": lexicon.synonyms, "max_words": lexicon.max_words,
            "longest": lexicon.longest_phrase,
        }  # fmt: skip
        prompts = [
            *(
                "a dog's blue hat",
                "Puppies JUMPING in the snow!!",
                "please, a RED ball",
                "l’eau 中文 カナ x-ray_3",
            ),
            *("a cat under the sea", "sea", "", "wolves' foxes boxes", "''quoted'' dog", "a dog " * 30),
        ]
        for prompt in prompts:
            read = lexicon.tokenize(prompt)
            found = modules.evaluate("([t, p]) => new m_web_words.Lexicon(t).read(p)", [table, prompt])
            assert found["words"] == list(read.words) and found["ids"] == list(read.ids), prompt
            assert found["unknown"] == list(read.unknown) and found["dropped"] == list(read.dropped), prompt


PATCHES = """async ([asked, reading, size, manifest, given, python]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const held = (rows) => new Map(Object.entries(rows).map(([site, text]) => [site, floats(text)]));
  const [queries, keys, frames] = [held(given.queries), held(given.keys), bytes(given.frames)];
  const made = { asked, reading, size, latents: [floats(given.latents)], frames, queries, keys };
  const preview = { weight: floats(given.weight), bias: floats(given.bias) };
  const { metadata, selection, buffer } = await m_web_patches.patches(made, { manifest, preview });
  const [mine, theirs] = [
    await m_lib_unpack.unpack(metadata.arrays, buffer),
    await m_lib_unpack.unpack(python.arrays, new DataView(bytes(python.buffer).buffer)),
  ];
  const names = Object.keys(theirs.arrays).filter((name) => name !== "frames");
  const off = names.map((name) => {
    const [a, b] = [mine.arrays[name], theirs.arrays[name]];
    const worst = (most, x, i) => Math.max(most, Math.abs(x - b[i]));
    return [name, a.length === b.length ? a.reduce(worst, 0) : 999];
  });
  return { metadata, selection, off: Object.fromEntries(off), count: Object.keys(mine.arrays).length };
}"""


def text_of(values: Any, kind: str = "<f4") -> str:
    """Numbers as base64."""
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()


def test_a_clips_patches_are_what_pythons_view_shows(modules, data):
    pipe = pipeline()
    trace = x2vkit.record("a red dog", pipeline=pipe, num_frames=17, height=96, width=160, seed=1, steps=2)
    view = x2vkit.views.Patches(trace)
    held = {
        side: {f"{step}.{layer}": text_of(rows) for (step, layer), rows in getattr(trace, side).items()}
        for side in ("queries", "keys")
    }
    linear = {"weight": text_of(pipe.vae.preview_weight), "bias": text_of(pipe.vae.preview_bias)}
    given = {"latents": text_of(trace.latents[-1]), "frames": text_of(trace.frames, "u1"), **linear, **held}
    asked = {"prompt": "a red dog", "shape": "wide", "steps": 2, "seed": 1, "guidance": 4}
    size = {"frames": 17, "height": 96, "width": 160, "grid": [5, 12, 20]}
    reading = {"words": trace.words, "unknown": []}
    python = {"arrays": view.metadata["arrays"], "buffer": base64.b64encode(view.buffer).decode()}
    found = modules.evaluate(PATCHES, [asked, reading, size, dict(data.manifest), given, python])
    told = json.loads(json.dumps(view.metadata))
    for name in told.keys() - {"arrays", "presets", "choices"}:
        assert found["metadata"][name] == told[name], name
    assert found["selection"] == view.selection
    assert found["count"] == len(python["arrays"]) > 20
    off = found["off"]
    assert off.pop("latents") <= np.abs(trace.latents[-1]).max() / 200
    assert max(off.values()) <= 2, off  # of 255 levels


def test_what_a_prompt_negates_is_read_as_python_reads_it(modules):
    """Every word of Python's lists, too: the page has lists of its own."""
    lexicon = Lexicon.load(weights_folder("small"))
    table = {
        "words": lexicon.words, "synonyms": lexicon.synonyms, "max_words": lexicon.max_words,
        "longest": lexicon.longest_phrase,
    }  # fmt: skip
    each = sorted(wording.FUNCTION | wording.BEFORE | wording.ADJECTIVES | wording.NOT_SUBJECTS | NUMBERS)
    frames = (
        "a dog {} no {} hat or {} tail but a cat",
        "a dog {} a ball",
        "a cat and a {}, red",
        "{} two {}",
    )
    prompts = [frame.replace("{}", word) for word in each for frame in frames]
    prompts += [
        *NEGATIONS,
        "a (red:1.3) dog free of hats, devoid of snow, 3 balls",
        "no",
        "a  dog ,  in snow_x",
    ]
    found = modules.evaluate(
        "([t, each]) => { const l = new m_web_words.Lexicon(t);"
        " return each.map((p) => m_web_wording.readWording(p, l)) }",
        [table, prompts],
    )
    for prompt, got in zip(prompts, found, strict=True):
        read = wording.read_wording(prompt, known=lexicon.knows)
        assert (got["prompt"], got["negative"]) == (read.prompt, read.negative_prompt), prompt
        assert [tuple(pair) for pair in got["moved"]] == list(read.moved), prompt
        assert got["notes"] == list(read.notes), prompt


@pytest.mark.parametrize(("frames", "height", "width"), [(17, 96, 160), (1, 128, 128)])
def test_a_plan_means_the_same_on_the_grid(modules, frames, height, width):
    planner = export(pipeline(), ("still",)).manifest["planner"]
    size = {
        "frames": frames,
        "height": height,
        "width": width,
        "grid": [(frames + 3) // 4, height // 8, width // 8],
    }
    tracks = np.random.default_rng(0).normal(size=(1, frames, 17)).astype(np.float32)
    tracks[..., [3, 4, 8, 9]] -= 1  # boxes of a usual size
    wanted = plan_of(tracks, height, width)
    drawn = "return [p, m_web_plan.draw(p, size)]"
    call = f"([x, groups, size]) => {{ const p = m_web_plan.planOf(x, groups, size); {drawn} }}"
    _check(modules.evaluate(call, [tracks.ravel().tolist(), planner["groups"], size]), wanted, height, width)


def test_who_talks_and_turns_is_drawn(modules):
    plan = moving_plan(17)
    size = {"frames": 17, "height": 128, "width": 128, "grid": [5, 16, 16]}
    given = {name: track[0].ravel().tolist() for name, track in vars(plan).items()}
    whole = "const p = Object.fromEntries(Object.entries(x).map(([k, v]) => [k, Float32Array.from(v)]));"
    call = f"([x, size]) => {{ {whole} return [p, m_web_plan.draw(p, size)] }}"
    _check(modules.evaluate(call, [given, size]), plan, 128, 128)


def _check(found: Any, plan: Plan, height: int, width: int) -> None:
    conditions = plan.conditions(height, width)
    for name, track in vars(plan).items():
        np.testing.assert_allclose(np.array(found[0][name], float), track.ravel(), atol=2e-6)
    for name in ("control", "camera", "boxes"):
        wanted = getattr(conditions, name).numpy().ravel()
        np.testing.assert_allclose(np.array(found[1][name], float), wanted, atol=2e-5)


VIDEO = """async ([text, size]) => {
  const frames = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const { blob } = await m_web_video.video({ frames, size, asked: { prompt: "a bar" } }, 12);
  const reader = new FileReader();
  await new Promise((done) => { reader.onload = done; reader.readAsDataURL(blob) });
  return reader.result.split(",")[1];
}"""


def test_a_video_shows_each_frame_once_and_in_order(modules):
    """A bar that grows by 24 columns a frame."""
    frames = np.zeros((5, 96, 128, 3), np.uint8)
    for i, frame in enumerate(frames):
        frame[:, : 24 * (i + 1)] = 220
    size = {"frames": 5, "height": 96, "width": 128}
    data = base64.b64decode(modules.evaluate(VIDEO, [text_of(frames, "u1"), size]))
    with av.open(io.BytesIO(data)) as file:
        shown = [frame.to_ndarray(format="rgb24")[144, :, 1] > 110 for frame in file.decode(video=0)]
    assert [round(row.sum() / 72) - 1 for row in shown] == [*range(5)] * 3


BOXES = """(boxes) => {
  const place = document.body.appendChild(document.createElement("div"));
  place.id = "place";
  place.style.cssText = "position: absolute; left: 100px; top: 50px; width: 400px; height: 200px;";
  const listen = (part, kind, act) => part.addEventListener(kind, act);
  const player = { playing: true, pause() { this.playing = false }, play() { this.playing = true } };
  const view = { listen, selection: { frame: 1 } };
  const told = { moved: 0, player };
  const shown = (plan) => { told.plan = plan; over.draw(plan, 1) };
  const over = new m_web_boxes.Boxes(view, place, player, { shown, moved: () => told.moved++ });
  const plan = { boxes: Float32Array.from(boxes, (x) => x ?? NaN) };
  window.told = told;
  window.over = over;
  shown(plan);
  return [...document.querySelectorAll("#place svg")].map((svg) => svg.getBoundingClientRect().width)[0];
}"""


def test_a_box_is_moved_and_resized_by_mouse_finger_and_keys(modules):
    """Two frames: in the second the first subject is twice as large; the second subject is never seen."""
    nowhere = [None] * 4
    start = [0.1, 0.2, 0.3, 0.4, *nowhere, 0.2, 0.2, 0.6, 0.6, *nowhere]
    assert modules.evaluate(BOXES, start) == 400

    def boxes() -> np.ndarray:
        return array(modules, "told.plan.boxes").reshape(2, 2, 4)

    def right(wanted: list[list[float]], times: int) -> None:
        np.testing.assert_allclose(boxes()[:, 0], wanted, atol=1e-6)
        assert np.isnan(boxes()[:, 1]).all()
        assert modules.evaluate("[told.moved, told.player.playing]") == [times, True]

    mouse, x, y = modules.mouse, 100 + 0.6 * 400, 50 + 0.6 * 200  # its lower right corner
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 80, y - 40)  # 0.4 + 0.2 wide, 0.4 - 0.2 tall
    assert modules.evaluate("told.player.playing") is False
    mouse.up()
    right([[0.1, 0.2, 0.4, 0.3], [0.2, 0.2, 0.8, 0.4]], 1)
    touch = modules.context.new_cdp_session(modules)
    x, y = 100 + 0.2 * 400, 50 + 0.2 * 200  # its upper left corner
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 120, "y": y - 20}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    right([[0.25, 0.15, 0.4, 0.3], [0.5, 0.1, 0.8, 0.4]], 2)
    rect = modules.locator("#place rect").first
    rect.press("ArrowRight")
    right([[0.3125, 0.15, 0.4625, 0.3], [0.5625, 0.1, 0.8625, 0.4]], 3)
    rect.press("Shift+ArrowDown")  # a sixteenth taller than 0.3 in the frame that is shown, about its middle
    tall = 0.3 + 1 / 16
    right(
        [
            [0.3125, 0.225 - tall / 4, 0.4625, 0.225 + tall / 4],
            [0.5625, 0.25 - tall / 2, 0.8625, 0.25 + tall / 2],
        ],
        4,
    )
    for _ in range(9):
        rect.press("Shift+ArrowLeft")
    assert np.isclose(np.ptp(boxes()[1, 0, ::2]), 1 / 16)  # and no smaller
    modules.evaluate("over.draw(null, 1)")
    assert not rect.is_visible() and not modules.locator(".x2v-web-grip").first.is_visible()


def test_noise_levels_are_the_schedulers(modules):
    for steps in (1, 2, 6, 20):
        scheduler = make_scheduler("euler", 2.0)
        set_levels(scheduler, steps, 0.3)
        found = modules.evaluate(f"m_web_levels.noiseLevels({steps}, {{ shift: 2, last_level: 0.3 }})")
        np.testing.assert_allclose(found, [float(x) for x in scheduler.sigmas], atol=1e-7)


def test_the_path_of_the_page_is_checked(tmp_path):
    nothing = PageData({}, {})
    with pytest.raises(x2vkit.X2VError, match=r"\.html"):
        one_file(nothing, tmp_path / "page.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(x2vkit.X2VError, match="a folder cannot be made"):
        folder(nothing, tmp_path / "file")
