"""The command line: `x2vkit generate | expand | speak | film | look | show | train | evaluate | bench`.

Only the chosen command's modules are imported, when it runs: `x2vkit --help` answers at once, and a bad
argument is told before torch loads. A message for the user goes to stderr, with exit code 2 and no traceback.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

from x2vkit.device import collection_paused
from x2vkit.errors import X2VError
from x2vkit.processes import taking_part

COMMANDS = {
    "generate": "make a clip from words",
    "expand": "turn any words into prompts of the world, with a line for each word",
    "speak": "let a face say a text or a sound; the sound goes into the mp4",
    "film": "make a film of an idea or a storyboard: shots, cuts, titles, sound",
    "look": "run a diffusers video pipeline and keep how its clip was made, to look inside",
    "show": "tell how a file's clip was made: its prompt, seed, plan and weights",
    "caption": "say what a folder's videos show, for training on them",
    "lab": "open the notebooks in JupyterLab, or with --course the lessons",
    "train": "train on the world, or on a folder of videos",
    "scale": "train the same recipe at several sizes; what compute buys",
    "evaluate": "judge a model's clips by the truth, beside the judge's own error",
    "page": "write the model as a web page that needs no Python: one file, or a folder for a static host",
    "demo": "open the page: make clips, look inside, compare; for you, a class or a Space",
    "bench": "measure this machine: speed ratios and FLOPs",
    "world": "render clips of the world that the model learns from",
}
"""Command -> what it does."""
HOME = {
    "generate": "x2vkit.cli.generate",
    "expand": "x2vkit.cli.expand",
    "caption": "x2vkit.cli.caption",
    "film": "x2vkit.cli.film",
    "speak": "x2vkit.cli.speak",
    "look": "x2vkit.cli.look",
    "show": "x2vkit.cli.show",
    "lab": "x2vkit.lab",
    "train": "x2vkit.training.cli",
    "scale": "x2vkit.training.sweep",
    "evaluate": "x2vkit.cli.evaluate",
    "page": "x2vkit.cli.page",
    "demo": "x2vkit.demo.cli",
    "bench": "x2vkit.bench.cli",
    "world": "x2vkit.cli.world",
}
"""Command -> its module, with `add_arguments(parser)` and `run(args)`."""

SHARED = ("generate", "train", "scale", "evaluate")
"""Commands whose work many processes take parts of (`processes.py`)."""
NUMBERS = r"-[.\d]"
MINUS = {
    "--boxes": NUMBERS,
    "--strokes": NUMBERS,
    "--camera": NUMBERS,
    "--negative-prompt": r"-(?!-|[oh]$).",
}
"""Flag -> how its values may begin with a minus, which argparse would take for an option."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 2 bad input, 130 interrupted."""
    try:
        args = parse(list(sys.argv[1:] if argv is None else argv))
        with taking_part(args.command in SHARED) as mine, warnings.catch_warnings():
            tell_notes()
            return (args.run(args) or 0) if mine else 0
    except X2VError as error:
        print(f"x2vkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nx2vkit: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as in `x2vkit ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parse(argv: list[str]) -> argparse.Namespace:
    """Arguments of one command, with `run` set to the function that does it."""
    from x2vkit import __version__

    parser = argparse.ArgumentParser("x2vkit", description="A Sora-style video model, small enough to open.")
    parser.add_argument("--version", action="version", version=f"x2vkit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if word in COMMANDS), None)
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        if name != chosen:
            continue
        with collection_paused():
            module = import_module(HOME[name])
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser.parse_args(minus_hidden(argv))


def minus_hidden(argv: Sequence[str]) -> list[str]:
    """The words, with a space before each value of MINUS; their flags strip it again."""
    flag, found = "", []
    for word in argv:
        hidden = flag in MINUS and re.match(MINUS[flag], word)
        found.append(f" {word}" if hidden else word)
        if word.startswith("-") and not hidden:
            flag = word
        elif flag == "--negative-prompt":  # takes one
            flag = ""
    return found


def tell_notes() -> None:
    """Print what a command warns of, at once and above its progress bar; each note once."""
    told: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if category is UserWarning and str(message) not in told:
            from tqdm import tqdm

            told.add(str(message))
            tqdm.write(f"note: {message}", file=sys.stderr)

    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = cast(Any, show)


if __name__ == "__main__":
    sys.exit(main())
