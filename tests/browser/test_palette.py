"""The palette: a word that is chosen goes where a caption would have it. In a real browser, with the small
model's words."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from x2vkit.core.lexicon import Lexicon
from x2vkit.registry import weights_folder
from x2vkit.run.palette import palette
from x2vkit.views import Playground, page
from x2vkit.world.grammar import SceneSpec, caption

SMALL = Lexicon.load(weights_folder("small"))

COMPOSED = [
    # prompt, with | where the caret is; kind; word; what comes of it
    ("", "subject", "dog", "a dog|"),
    ("a dog|", "colour", "orange", "an orange dog|"),
    ("an orange dog|", "subject", "cat", "an orange cat|"),
    ("an orange cat|", "colour", "red", "a red cat|"),
    ("a red cat|", "size", "small", "a small| red cat"),
    ("a red cat|", "garment", "wearing a hat", "a red cat wearing a hat|"),
    ("a red cat wearing a hat|", "colour", "blue", "a red cat wearing a blue hat|"),
    ("a red cat wearing a blue hat|", "garment", "wearing a scarf", "a red cat wearing a scarf|"),
    ("|a red cat with a blue hat in the snow", "colour", "green", "a green cat| with a blue hat in the snow"),
    ("a dog in the snow|", "action", "running", "a dog running| in the snow"),
    ("a puppy runs in the woods|", "place", "on the beach", "a puppy runs on the beach|"),
    ("a puppy runs in the woods|", "action", "spinning", "a puppy spinning| in the woods"),
    ("a dog running in the snow|", "direction", "to the left", "a dog running to the left| in the snow"),
    ("a dog running left|", "direction", "to the right", "a dog running to the right|"),
    ("a dog in space|", "camera", "camera zooms in", "a dog in space, camera zooms in|"),
    ("a dog, zoom in|", "camera", "camera pans left", "a dog, camera pans left|"),
    ("a dog, camera pans left|", "place", "at night", "a dog at night|, camera pans left"),
    ("a dog running in the snow|", "action", "chasing a ball", "a dog chasing a ball| in the snow"),
    ("a dog chasing a red ball|", "colour", "blue", "a dog chasing a blue ball|"),
    ("a dog chasing a red ball|", "action", "jumping", "a dog jumping|"),
    ("my unicorn|", "place", "in the city", "my unicorn in the city|"),
    # chosen once more, it goes again
    ("a dog in the snow, camera zooms in|", "camera", "camera zooms in", "a dog in the snow|"),
    ("an orange dog|", "colour", "orange", "a| dog"),
    ("a dog wearing a blue hat in the snow|", "garment", "wearing a hat", "a dog| in the snow"),
    ("a dog|", "subject", "dog", "a dog|"),
]


@pytest.fixture(scope="module")
def lib(browser):
    """compose(prompt, chip) of the browser's module, and the words that a prompt holds."""
    opened = browser.new_page()
    opened.evaluate(f"() => {{ {page.bundle('lib/compose')}; window.lib = m_lib_compose; }}")
    yield opened
    opened.close()


@pytest.mark.parametrize(("prompt", "kind", "word", "after"), COMPOSED)
def test_a_word_goes_where_a_caption_would_have_it(lib, prompt, kind, word, after):
    chip = {"kind": kind, "text": word}
    given = [prompt.replace("|", ""), max(prompt.find("|"), 0), palette(SMALL), chip]
    made = lib.evaluate(
        "([prompt, caret, palette, chip]) => lib.compose(prompt, caret, palette, chip)", given
    )
    assert made["text"] == after.replace("|", "")
    assert SMALL.knows(made["text"]) or "unicorn" in prompt


def test_the_words_of_every_caption_are_found(lib):
    """The marked words of the world's own captions are those that the caption was made of."""
    import numpy as np

    rng = np.random.default_rng(0)
    scenes = ("snow", "beach", "space")
    specs = [SceneSpec("cat", "red", "spin", "left", scene, "zoom out") for scene in scenes]
    specs.append(SceneSpec("dog", "blue", "run", "right", "city", "pan up", ("hat", "green")))
    for spec in specs * 8:
        text = caption(spec, rng)
        call = "([prompt, palette]) => [...lib.held(prompt, palette)]"
        found = set(lib.evaluate(call, [text, palette(SMALL)]))
        place = palette(SMALL)["phrases"]["place"][spec.scene]
        expected = {spec.subject} | ({"wearing a hat"} if "hat" in text else set())
        expected |= {spec.color} if spec.color in text else set()
        expected |= {place} if any(word in text for word in (place, spec.scene)) else set()
        assert expected <= found, text


def test_clicks_and_keys_write_the_prompt(open_html):
    opened = open_html(Playground().to_html(), width=390)
    prompt, words = opened.page.locator(".x2v-play-prompt"), opened.page.locator(".x2v-palette-word")
    prompt.fill("a dog")
    opened.page.get_by_role("button", name="cat", exact=True).click()
    expect(prompt).to_have_value("a cat")
    cat = words.filter(has_text="cat").first
    expect(cat).to_have_attribute("aria-pressed", "true")
    expect(cat).to_be_focused()
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("Enter")
    expect(prompt).to_have_value("a rabbit")
    assert opened.page.locator(".x2v-palette [tabindex='0']").count() == 1  # one stop of the Tab key
    opened.page.keyboard.press("End")
    opened.page.keyboard.press("Space")
    expect(prompt).to_have_value("a rabbit, camera zooms out")
    box = opened.page.locator(":focus").bounding_box()
    assert box is not None and 0 <= box["x"] and box["x"] + box["width"] <= 390  # scrolled into sight
    scroll, inner = opened.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert scroll <= inner
    opened.fine()


def test_words_of_its_own_are_all_that_a_model_trained_on_captions_shows(lib):
    own = palette(Lexicon(["a", "red", "dog", "jellyfish", "drifting"]))
    assert [word["text"] for group in own["groups"] for word in group["words"]] == ["jellyfish", "drifting"]
    chip = {"kind": "word", "text": "drifting"}
    call = "([prompt, palette, chip]) => lib.compose(prompt, prompt.length, palette, chip).text"
    assert lib.evaluate(call, ["a jellyfish", own, chip]) == "a jellyfish drifting"
    assert lib.evaluate(call, ["a jellyfish drifting", own, chip]) == "a jellyfish"


def test_nothing_is_offered_that_the_model_does_not_know():
    few = palette(Lexicon(["a", "dog", "red", "hat", "wearing"]))
    texts = [word["text"] for group in few["groups"] for word in group["words"]]
    assert texts == ["dog", "red", "wearing a hat"]
