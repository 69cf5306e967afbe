"""Odd words to the studio from outside Python: its commands, and what the pages of its views may say."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.odd.arguments import BOXES, CAMERAS, STROKES
from tests.odd.judge import Case
from tests.odd.studio import Studio
from tests.odd.values import NUMBERS, TEXTS, plain, spelt
from x2vkit.cli import main
from x2vkit.errors import X2VError
from x2vkit.registry import SamplingDefaults
from x2vkit.studio.direct.session import DirectingSession
from x2vkit.studio.film.session import FilmSession
from x2vkit.studio.go_on.play import play
from x2vkit.studio.go_on.session import PlaySession
from x2vkit.views import Director, Play, Storyboard

FILES = (
    "", ".", "nowhere", "nowhere.toml", "kept.txt", "kept.x2v", "kept.mp4", "empty.mp4", "text.mp4",
    "kept.wav", "film.mp4",
    "no/where.mp4", "/dev/null", "/proc/x.mp4", "x.gif", "x.x2v", "board.toml", "odd.toml", "dir.mp4",
    "x" * 300 + ".mp4",
)  # fmt: skip
SPOKEN = (
    "", " ", "a red dog", "a face", "flurb", "no dog", "a dog runs. a cat jumps", "\udcff", "-1", "--help",
    "dog " * 400,
    *(text for text in TEXTS if "\0" not in text and "\ud800" not in text),
)  # fmt: skip
COUNTS = ("0", "1", "-1", "x", "1.5", "1e9", "nan", "99999999999999999999", "", "True")
LINES = {"boxes": ("0.1,0.1,0.5,0.5", "0.5,0.5,0.1,0.1", "x", "1,2,3", "nan,0,1,1", "0,0,1,1:9,9,10,10",
",,,", "0,0,1,1,1"),
         "strokes": ("0.5,0.5:0.6,0.6", "0.5,0.5", "0.5,0.5:0.6,0.6@0", "0.5,0.5:0.6,0.6@x", ":", "@",
         "9,9:9,9"),
         "camera": (*(move for move in CAMERAS if isinstance(move, str)), "0.2,0,1.3", "0,0,0", "nan,0,1",
         "1,2")}  # fmt: skip
COMMANDS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "generate": ("a red dog", {
        "-o": FILES, "--num-frames": COUNTS, "--width": COUNTS, "--seed": COUNTS, "--fps": COUNTS,
        "--guidance": COUNTS,
        "--boxes": LINES["boxes"], "--strokes": LINES["strokes"], "--camera": LINES["camera"],
        "--plan": FILES,
        "--mouth-guidance": COUNTS, "--control-guidance": COUNTS, "--image": FILES, "--video": FILES,
        "--strength": COUNTS,
        "--negative-prompt": SPOKEN, "--scheduler": ("euler", "none"),
    }),
    "expand": ("a poodle", {"-n": COUNTS, "--seed": COUNTS}),
    "speak": ("a red face", {
        "--text": SPOKEN, "--audio": FILES, "--voice": SPOKEN[:12], "--image": FILES, "-o": FILES,
        "--seed": COUNTS,
        "--guidance": COUNTS,
    }),
    "film": ("a dog runs home", {
        "-o": FILES, "--shots": COUNTS, "--seconds": COUNTS, "--title": SPOKEN, "--seed": COUNTS,
        "--guidance": COUNTS,
        "--folder": FILES, "--sound": FILES,
    }),
    "caption": ("videos", {"-o": FILES}),
    "show": ("kept.mp4", {}),
    "evaluate": ("--studio", {"--only": ("", "x", "boxes,x", ","), "--prompts": ("0", "-1", "x"),
    "--batch": ("0", "x")}),
}  # fmt: skip
"""Command -> its first argument and its flags, with odd values of each."""
FIRST = {"generate": SPOKEN, "expand": SPOKEN, "speak": SPOKEN, "film": SPOKEN + FILES, "caption": FILES,
"show": FILES,
         "evaluate": ("--studio",)}  # fmt: skip
SHORT = {
    "generate": ("--steps", "1", "--num-frames", "5", "--width", "32", "--height", "32"), "speak": ("--steps",
    "1"),
    "film": ("--steps", "1", "--sound", "off", "--shots", "1", "--seconds", "0.4"),
}  # fmt: skip
"""Flags that keep a command short."""


def commands(rng: random.Random, count: int, s: Studio) -> Iterator[Case]:
    """Commands with one or two odd arguments, run in the folder of the studio's files."""
    weights = s.folder / "tiny"
    if not weights.exists():
        s.pipe.save_pretrained(weights)
        (s.folder / "videos").mkdir()
        (s.folder / "dir.mp4").mkdir()
        (s.folder / "odd.toml").write_text("[[shots]]\nwho = 3\n")
        (s.folder / "board.toml").write_text('[[shots]]\nwho = "a red ball"\nseconds = 0.4\n')
    for _ in range(count):
        name = rng.choice(list(COMMANDS))
        first, flags = COMMANDS[name]
        line = [name, rng.choice(FIRST[name]) if rng.random() < 0.3 or not flags else first]
        line += SHORT.get(name, ())
        for flag in rng.sample(list(flags), min(len(flags), rng.choice((1, 1, 2)))):
            line += [flag, rng.choice(flags[flag])]
        if name in ("generate", "speak", "film"):
            line += ["--model", str(weights)]
        told = " ".join(spelt(word) for word in line if word not in SHORT.get(name, ()))
        yield Case("command", told, lambda line=line: _run(line, s.folder))


def _run(line: list[str], folder: Path) -> None:
    """One command: done, or refused with one line on stderr and no file changed that was there."""
    here, out, errors = Path.cwd(), io.StringIO(), io.StringIO()
    kept = {name: (folder / name).read_bytes() for name in ("kept.txt", "kept.x2v", "kept.wav", "board.toml")}
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = main(line)
    except SystemExit as error:  # argparse's own
        code = error.code or 0
    finally:
        os.chdir(here)
        changed = [name for name, data in kept.items() if (folder / name).read_bytes() != data]
        for name in changed:
            (folder / name).write_bytes(kept[name])
    said = errors.getvalue().strip().splitlines()
    assert code == 0 or not changed, f"{changed} written over by a command that was refused"
    assert code in (0, 2), f"exit code {code}"
    if code == 2:
        assert said and "Traceback" not in errors.getvalue(), errors.getvalue()[-200:]
        raise X2VError(said[-1], "see above", "see above")


def messages(rng: random.Random, count: int, s: Studio) -> Iterator[Case]:
    """What browsers may say to Director, Play and Storyboard."""
    backend = SimpleNamespace(
        models=lambda: ("small",),
        sampling=lambda model: SamplingDefaults(steps=1),
        pipeline=lambda model: s.pipe,
        directing=lambda emit: DirectingSession(emit, backend),
        film_session=lambda emit: FilmSession(emit, backend.pipeline, s.folder / "told"),
        play=lambda emit, start, seed=0: PlaySession(emit, _world(s), start, seed),
    )
    views = [Director(s.good, backend=backend), Play(s.good, backend=backend), Storyboard(backend=backend)]
    makers = (_to_director, _to_play, _to_storyboard)
    for view in views:
        view.sent = []
        view.send = lambda content, buffers=None, sent=view.sent: sent.append(content)
    for number in range(count):
        view, message = views[number % 3], makers[number % 3](rng)
        if rng.random() < 0.1:
            message = plain(rng)
        elif rng.random() < 0.1:
            message.pop(rng.choice(list(message)))
        yield Case(
            "told", f"{type(view).__name__} {ascii(message)[:90]}", lambda v=view, m=message: _hear(v, m)
        )
    for view in views:
        view.close()


def _world(s: Studio) -> Any:
    return lambda begin, seed: play(begin, seed=seed, steps=1, height=32, width=32, pipeline=s.pipe)


def _some(pool: tuple[Any, ...], rng: random.Random) -> Any:
    """One of a pool that a page can say, or anything else that it can."""
    value = rng.choice(pool) if rng.random() < 0.7 else plain(rng)
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return None


def _to_director(rng: random.Random) -> dict[str, Any]:
    asked: dict[str, Any] = {"prompt": "a red dog", "seed": 3, "steps": 1}
    pools = {"prompt": TEXTS, "seed": NUMBERS, "steps": (0, 1, "1", None), "model": ("small", "x"),
    "boxes": BOXES,
             "strokes": STROKES, "camera": CAMERAS, "strange": (1,)}  # fmt: skip
    for name in rng.sample(list(pools), rng.choice((1, 2))):
        asked[name] = _some(pools[name], rng)
    return {"kind": rng.choice(("ask", "ask", "ask", "cancel")), "asked": asked, "draft": rng.random() < 0.5}


def _to_play(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(("press", "press", "start"))
    if kind == "start":
        return {
            "kind": kind,
            "prompt": _some(("a dog", "a red dog", *TEXTS), rng),
            "seed": _some((1, *NUMBERS), rng),
        }
    return {"kind": kind, "key": _some(("left", "jump", "stay", "fly", ""), rng)}


def _to_storyboard(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(("tell", "make", "make", "edit", "toml"))
    shot: dict[str, Any] = {"who": "a red dog", "what": "running", "seconds": 0.4}
    board: dict[str, Any] = {"title": "", "shots": [shot], "cast": {}}
    if rng.random() < 0.6:
        names = ("who", "what", "where", "camera", "seconds", "cut", "title", "says", "take", "strange")
        shot[rng.choice(names)] = _some((*TEXTS, *NUMBERS), rng)
    else:
        board[rng.choice(("title", "shots", "cast", "shape", "seed", "notes", "strange"))] = plain(rng)
    return {
        "kind": kind,
        "id": _some((1,), rng),
        "board": board,
        "idea": _some(("a dog runs home", *TEXTS), rng),
    }


def _hear(view: Any, message: Any) -> None:
    """Nothing is raised; what is wrong is told as a sentence, never as a failed run."""
    view.sent.clear()
    view._handle_custom_msg(message, [])
    assert view.session is None or view.session.wait(20)
    json.dumps(view.sent, allow_nan=False)
    problems = [told for told in view.sent if told["kind"] in ("problem", "problems")]
    assert not any("failed" in told["rule"] for told in problems), problems
    if problems:
        raise X2VError(*(problems[0][part] for part in ("got", "rule", "cure")))
