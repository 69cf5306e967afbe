"""`x2vkit world`: render clips of the world that the model learns from."""

from __future__ import annotations

import argparse

from x2vkit.cli.sheet import write_sheet
from x2vkit.errors import X2VError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `x2vkit world`."""
    add = parser.add_argument
    add("-o", "--output", default="world.png", metavar="FILE", help=".png, .mp4, .gif or .webp")
    add("--count", type=int, default=12, help="clips (%(default)s)")
    add("--seed", type=int, default=0, help="seed of the world (%(default)s)")
    add("--held-out", action="store_true", help="combinations that training never shows")
    add("--num-frames", type=int, default=17, help="1 + 4k frames (%(default)s)")
    add("--width", type=int, default=128, help="pixels (%(default)s)")
    add("--height", type=int, default=128, help="pixels (%(default)s)")
    add("--fps", type=int, default=12, help="frames a second (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Render clips of the world: side by side and moving, or as a png with a row of moments a clip."""
    from x2vkit import media
    from x2vkit.axes import check_shape

    path = media.check_output(args.output)
    check_shape(args.num_frames, args.height, args.width)
    if args.count < 1:
        raise X2VError(f"count={args.count}", "a sheet shows at least one clip", "use 12")

    from x2vkit.world import World

    source = World(seed=args.seed)
    shape = (args.num_frames, args.height, args.width)
    clips = [source.sample(i, *shape, fps=args.fps, held_out=args.held_out) for i in range(args.count)]
    for i, clip in enumerate(clips):
        print(f"{i:3d}  {clip.caption}")
    write_sheet(path, [clip.frames for clip in clips], args.fps)
    print(f"wrote {path}")
