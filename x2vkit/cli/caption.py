"""`x2vkit caption`: a folder's videos, each with what the judge reads in it, as captions for training."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

from x2vkit.errors import X2VError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit caption` to a (sub-)parser."""
    add = parser.add_argument
    add("folder", type=Path, help="holds videos, or a folder videos/ of them")
    add(
        "-o", "--output", type=Path, metavar="FILE",
        help="a new .csv (captions.csv of videos/, metadata.csv of videos beside it: as `train` reads them)",
    )  # fmt: skip
    add("--short", action="store_true", help="who does what, where, and no more")


def run(args: argparse.Namespace) -> int:
    """Run `x2vkit caption`. What can be refused is refused before the judge loads.

    Returns the exit code: 1 where a video could not be read, which is left out and told.
    """
    from x2vkit import media

    inner = media.check_path("folder", args.folder) / "videos"
    base = inner if inner.is_dir() else args.folder
    usual = args.folder / ("captions.csv" if base == inner else "metadata.csv")
    path = media.check_path("-o", args.output or usual)
    if path.suffix.lower() != ".csv" or path.exists():
        raise X2VError(f"-o {path}", "captions go into a new .csv", "give another name with -o")
    from x2vkit.world.caption_files import ENDINGS

    if not base.is_dir():
        raise X2VError(f"{args.folder}", "it is no folder", "name a folder of videos")
    videos = sorted(file for file in base.iterdir() if file.suffix.lower() in ENDINGS)
    if not videos:
        raise X2VError(f"{args.folder}", f"there is no video in it ({', '.join(ENDINGS)})", "put some there")
    from x2vkit.judge import Judge
    from x2vkit.studio.recaption import recaption

    judge = Judge.load()
    media.check_output(path, (".csv",))
    text, bad = io.StringIO(), 0
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("video", "caption") if path.name != "metadata.csv" else ("file_name", "text"))
    for video in videos:
        try:
            found = recaption(video, judge=judge)
        except X2VError as error:
            bad += 1
            print(f"left out {video.name}: {error}", file=sys.stderr)
            continue
        caption = found.short if args.short else found.long
        rows.writerow((video.name, caption))
        print(f"{video.name}: {caption}")
    if bad == len(videos):
        raise X2VError(f"{args.folder}", "none of its videos can be read", "see the lines above")
    media.write_atomic(path, text.getvalue().encode())
    print(f"wrote {path}" + (f" without {bad} of {len(videos)} videos" if bad else ""))
    return 1 if bad else 0
