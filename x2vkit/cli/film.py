"""`x2vkit film`: a storyboard, or an idea in words, as one film with cuts, titles and sound.

x2vkit film "a dog loses its hat and finds it again" -o hat.mp4    # writes hat.toml, too
x2vkit film hat.toml -o hat.mp4                                    # edited: only changed shots are made again
x2vkit film "a rabbit runs home" -o rabbit.toml                    # the storyboard alone, without a model
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from x2vkit.errors import X2VError
from x2vkit.registry import DEFAULT_MODEL, weights_folder

if TYPE_CHECKING:
    from x2vkit.studio.film.board import Storyboard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit film` to a (sub-)parser."""
    add = parser.add_argument
    add("board", help="a storyboard (.toml), or an idea in words")
    add(
        "-o",
        "--output",
        default="film.mp4",
        metavar="FILE",
        help=".mp4, or .toml for the storyboard alone (%(default)s)",
    )
    add("--shots", type=int, metavar="N", help="shots of an idea (as many as it takes)")
    add("--seconds", type=float, metavar="S", help="length of each shot of an idea, 0.4 to 10 (2.75)")
    add("--title", help="of the film; an empty one is none (made of the idea)")
    add("--seed", type=int, help="another seed, another film (0, or the storyboard's)")
    add("--steps", type=int, default=5, help="denoising steps of a shot (%(default)s)")
    add("--guidance", type=float, help="classifier-free guidance scale (the weights' own default)")
    add("--model", default=DEFAULT_MODEL, help="name or folder of the weights (%(default)s)")
    add("--folder", metavar="DIR", help="where shots are kept (beside the film: film-shots)")
    add(
        "--sound",
        default="on",
        metavar="on|off|FILE",
        help="ambience and soft chords, none, or a .wav (%(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit film`. What can be refused is refused before the model loads."""
    from x2vkit import media
    from x2vkit.config import RunRequest
    from x2vkit.studio.film.board import names_file

    path = media.check_output(args.output, (".mp4", ".toml"))
    board = board_of(args)
    for note in board.notes:
        print(f"note: {note}", file=sys.stderr)
    if not names_file(args.board):
        keep_edits(board, path)
    if path.suffix.lower() == ".toml":
        board.save(path)
        print(f"wrote {path}: {len(board.shots)} shots, {board.seconds:.1f} s")
        return
    weights_folder(args.model)
    from x2vkit.studio.film.make import ShotReport, checked_sound, film, shots_folder

    sound: Any = {"on": True, "off": False}.get(args.sound, args.sound)
    checked_sound(board, sound, RunRequest(model=args.model, steps=args.steps, guidance=args.guidance))
    shots_folder(path, args.folder)
    if not names_file(args.board):
        kept = board.save(path.with_suffix(".toml"))
        print(f"wrote {kept}: edit it, and make the film again from it")

    from tqdm import tqdm

    from x2vkit.run.load import quiet

    quiet()
    with tqdm(total=len(board.shots) * args.steps, file=sys.stderr, unit="step") as bar:

        def tell(report: ShotReport) -> None:
            done = report.step + 1 if report.trace is None else report.steps
            bar.set_description(f"shot {report.shot + 1} of {report.shots}")
            bar.update(report.shot * report.steps + done - bar.n)

        made = film(
            board, path, folder=args.folder, sound=sound, steps=args.steps, guidance=args.guidance,
            model=args.model, on_shot=tell,
        )  # fmt: skip
    kept_shots = len(made.traces) - len(made.made)
    print(
        f"made {len(made.made)} shots, {kept_shots} were there; shots and contact sheet lie beside the film"
    )
    print(f"wrote {path}: {len(made.traces)} shots, {made.seconds:.1f} s")


def keep_edits(board: Storyboard, path: Path) -> None:
    """Refuse to write an idea's storyboard over another one: somebody may have edited it."""
    kept = path.with_suffix(".toml")
    if kept.exists() and kept.read_bytes() != board.to_toml().encode():
        raise X2VError(
            f"storyboard {kept.name!r}",
            "it is there already, edited or of another idea, and this idea would be written over it",
            f"make its film (x2vkit film {kept} -o {kept.with_suffix('.mp4')}), or name another file with -o",
        )


def board_of(args: argparse.Namespace) -> Storyboard:
    """The storyboard that is named, or of the idea, with what flags change."""
    from x2vkit.studio.film.board import Storyboard, names_file
    from x2vkit.studio.film.tell import storyboard

    given = {name: getattr(args, name) for name in ("shots", "seconds") if getattr(args, name) is not None}
    if not names_file(args.board):
        return storyboard(args.board, seed=args.seed or 0, title=args.title, **given)
    if given:
        flags = ", ".join(f"--{name}" for name in given)
        raise X2VError(
            flags, "they are for an idea; a storyboard says it itself", f"edit {Path(args.board).name}"
        )
    board = Storyboard.load(args.board)
    board.title = board.title if args.title is None else args.title
    board.seed = board.seed if args.seed is None else args.seed
    board.check()
    return board
