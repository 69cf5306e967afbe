"""What the Playground's page says is taken, or answered with a sentence; never with a traceback."""

from __future__ import annotations

import pytest

from tests.odd.calls import playground
from x2vkit.errors import X2VError
from x2vkit.views.messages import KINDS, check_message

GOOD = {
    "hello": {}, "ask": {"settings": {}, "id": 1, "typed": False}, "cancel": {}, "warm": {"model": "small"},
    "image": {"image": 1}, "star": {"entry": 0, "starred": True}, "export": {"entry": 0, "suffix": ".gif"},
    "grid": {"settings": {}, "across": ["seed", "1"], "down": ["steps", "2"]}, "stop_grid": {},
    "compare": {"entries": [0, 0]}, "inside": {"entry": 0}, "expand": {"prompt": "a dog", "seed": 0},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_message_passes_and_each_missing_or_odd_part_is_named(kind):
    message = {"kind": kind, **GOOD[kind]}
    assert check_message(message, [b"x"]) == message
    for name in GOOD[kind]:
        with pytest.raises(X2VError, match=f"without {name}"):
            check_message({key: value for key, value in message.items() if key != name}, [b"x"])
        with pytest.raises(X2VError, match=f"{name} is"):
            check_message(message | {name: {"odd": []} if name != "settings" else []}, [b"x"])


@pytest.mark.parametrize("odd", [None, 3, [], "ask", {}, {"kind": 3}, {"kind": ["ask"]}, {"kind": "ask"}])
def test_what_is_no_message_is_answered(trace, odd):
    play = playground(trace)
    play._handle_custom_msg(odd, [])
    [(told, _)] = play.sent
    assert told["kind"] == "problems" and "message" in told["fields"]["run"]["got"]
    play.close()


def test_a_kind_that_only_a_newer_page_knows_is_passed_over():
    assert check_message({"kind": "who knows"}, []) == {}


def test_a_picture_comes_with_its_bytes():
    with pytest.raises(X2VError, match="without bytes"):
        check_message({"kind": "image", "image": 1}, [])


def test_only_models_that_there_are_get_warm(trace, monkeypatch):
    play, loaded = playground(trace), []
    monkeypatch.setattr(play.session.backend, "preview_decoder", loaded.append)
    for model in ("/somewhere/else", "small"):
        play._handle_custom_msg({"kind": "warm", "model": model}, [])
        assert play.session.wait()
    assert loaded == ["small"], "a folder that a page names is never loaded"
    play.close()
