"""`x2vkit generate`: make clips from words."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from x2vkit.cli.sheet import write_sheet
from x2vkit.config import RunRequest
from x2vkit.device import collection_paused
from x2vkit.errors import X2VError
from x2vkit.processes import on_main, share, started
from x2vkit.registry import LIMITS, SCHEDULERS, lora_file, sampling_defaults, weights_folder

MEMORY_BYTES = 4_000_000_000
"""A command keeps its run in memory for a moment, so it allows more than a trace's usual budget."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `x2vkit generate`; their defaults are RunRequest's."""
    usual, add = RunRequest(), parser.add_argument
    add(
        "prompt", nargs="*",
        help="what the clip shows, in words; several make a sheet of clips, each with the next seed",
    )  # fmt: skip
    add(
        "--prompts", type=Path, metavar="FILE",
        help="a text file with a prompt a line: each becomes a file of its own, as in clip-000.mp4",
    )  # fmt: skip
    add(
        "-o", "--output", default="clip.mp4", metavar="FILE",
        help=".mp4, .gif, .webp, .png (all frames side by side) or .x2v (the whole run, to look inside)",
    )  # fmt: skip
    add("--negative-prompt", type=str.strip, default=usual.negative_prompt, help="what to steer away from")
    add("--seed", type=int, default=usual.seed, help="another seed, another clip (%(default)s)")
    add("--steps", type=int, help="denoising steps (the weights' own default)")
    add("--guidance", type=float, help="classifier-free guidance scale (the weights' own default)")
    add("--num-frames", type=int, default=usual.num_frames, help="1 + 4k frames (%(default)s)")
    add("--width", type=int, default=usual.width, help="pixels, a multiple of 16 (%(default)s)")
    add("--height", type=int, default=usual.height, help="pixels, a multiple of 16 (%(default)s)")
    add("--fps", type=int, default=usual.fps, help="frames a second when played (%(default)s)")
    add("--scheduler", metavar="NAME", help=f"{', '.join(SCHEDULERS)} (the weights' own)")
    add("--model", default=usual.model, help="name or folder of the weights (%(default)s)")
    add("--lora", nargs="+", default=[], metavar="DIR", help="LoRAs to add, such as `train tune` makes")
    add("--image", metavar="FILE", help="a picture that the clip starts from")
    add("--video", metavar="FILE", help="a clip that is made anew in the words")
    limit = LIMITS["strength"]
    add(
        "--strength", type=float,
        help=f"how much of --video is made anew, {limit.low:g} to {limit.high:g} ({limit.default:g})",
    )  # fmt: skip
    add(
        "--boxes", nargs="+", type=str.strip, metavar="X0,Y0,X1,Y1", default=(),
        help="where the first and the second subject are: fractions of width and height, from the upper "
        "left; several boxes parted by : are gone through",
    )  # fmt: skip
    add(
        "--strokes", nargs="+", type=str.strip, metavar="X,Y:X,Y[@R]", default=(),
        help="paths that what lies there follows; R is their radius, in fractions of the shorter side (0.1)",
    )  # fmt: skip
    add(
        "--camera", type=str.strip, metavar="MOVE",
        help='moves in words ("pan left, then zoom in slowly"), or x,y,zoom at the end of the clip',
    )  # fmt: skip
    add(
        "--plan", metavar="on|off|FILE", default="on",
        help="whether to draft a plan first (%(default)s); or another clip's, from its .x2v or from JSON",
    )  # fmt: skip
    add(
        "--control-guidance", type=float, default=usual.control_guidance, metavar="SCALE",
        help="how strictly boxes, strokes and camera are followed; 1 is no more than words (%(default)s)",
    )  # fmt: skip
    add(
        "--mouth-guidance", type=float, default=usual.mouth_guidance, metavar="SCALE",
        help="how strictly the mouth of somebody who talks follows its plan; 1 is no more than the rest"
        " (%(default)s)",
    )  # fmt: skip
    add("--attention", action="store_true", help="also keep the attention of the run, in an .x2v")
    add("--json", action="store_true", help="print one line of JSON on what was made")


def run(args: argparse.Namespace) -> None:
    """Prompt -> clip on disk. Whatever can be refused is refused before the model loads."""
    from x2vkit import media
    from x2vkit.cli.controls import read_controls
    from x2vkit.run.files import with_files
    from x2vkit.run.request import read_request
    from x2vkit.trace.file import SUFFIX

    path = media.check_output(args.output, (*media.WRITERS, SUFFIX))
    prompts = prompts_of(args)
    if len(args.prompt) > 1 and (path.suffix.lower() == SUFFIX or args.json):
        rule = f"several prompts make one picture or film, not a {SUFFIX} or one line of JSON"
        cure = "give one prompt, or write .png, .mp4, .gif or .webp, or make a file of each with --prompts"
        raise X2VError(f"{len(args.prompt)} prompts", rule, cure)
    values = {field.name: getattr(args, field.name) for field in fields(RunRequest) if field.name in args}
    values["plan"] = args.plan != "off"
    several = [values | {"prompt": prompt, "seed": args.seed + i} for i, prompt in enumerate(prompts)]
    weights_folder(args.model)
    for folder in args.lora:
        if not lora_file(folder).is_file():
            raise X2VError(f"--lora {folder}", "there is no LoRA", "name the folder that `train tune` wrote")
    requests = [read_request(each, [args.model], sampling_defaults) for each in several]
    if args.strength is not None and not args.video:
        raise X2VError(
            "--strength without --video", "it is of a clip made anew", "add --video, or leave it out"
        )
    checked = with_files(requests[0], args.image, args.video, args.strength)
    for note in checked.notes:
        print(f"note: {note}", file=sys.stderr)
    request = checked.request
    shape = (request.num_frames, request.height, request.width)
    given = read_controls(args.boxes, args.strokes, args.camera, args.plan, shape, request.fps)
    inputs = {**checked.inputs, **given}
    if args.attention and path.suffix.lower() != SUFFIX:
        raise X2VError(
            f"--attention and {path.name}", f"a trace ({SUFFIX}) keeps it", f"write -o clip{SUFFIX}"
        )
    if args.video:  # a shorter video makes shorter clips
        requests = [replace(each, num_frames=request.num_frames) for each in requests]

    from tqdm import tqdm

    progress = tqdm(
        total=-(-len(requests) // started()) * request.sampled()[0],  # of this process's share
        desc="loading",
        bar_format="{desc:11}{bar:30} {n}/{total} {elapsed}",
    )
    with progress as bar:
        with collection_paused(freeze=True):
            from x2vkit.core.conditions import Conditions
            from x2vkit.run.capture import ALL
            from x2vkit.run.load import load, quiet
            from x2vkit.run.record import generate as make

            quiet()
            pipeline = load(request.model, args.lora)
        if "conditions" in inputs:
            inputs["conditions"] = Conditions.draw(shape, **inputs["conditions"])
        if args.attention:
            inputs["attention"] = ALL
        bar.set_description("denoising")
        options = {"pipeline": pipeline, "budget_bytes": MEMORY_BYTES, **inputs}

        def one(i: int) -> Any:
            trace = make(requests[i], on_step=lambda step: bar.update(), **options)
            return write_one(trace, numbered(path, i), args.json) if args.prompts else trace

        made = share(range(len(requests)), one)
        bar.set_description("writing")
        if not args.prompts:
            made = on_main(lambda: write_together(made, path, args.json))
        bar.set_description("done")
    print(*made, sep="\n")


def prompts_of(args: argparse.Namespace) -> list[str]:
    """The prompts: given one by one, or the lines of a file."""
    if args.prompts is None and args.prompt:
        return list(args.prompt)
    if args.prompts is None or args.prompt:
        rule = "a clip is asked for in words, or a file of prompts is named, not both"
        raise X2VError("generate", rule, 'write x2vkit generate "a red ball bouncing on the beach"')
    from x2vkit import media

    try:
        lines = media.check_file("--prompts", args.prompts).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        rule = f"it cannot be read ({error})"
        raise X2VError(f"--prompts {args.prompts}", rule, "name a text file in UTF-8") from error
    if found := [line.strip() for line in lines if line.strip()]:
        return found
    raise X2VError(f"--prompts {args.prompts}", "it holds no prompt", "write one a line")


def numbered(path: Path, number: int) -> Path:
    """clip.mp4 -> clip-007.mp4."""
    return path.with_stem(f"{path.stem}-{number:03d}")


def write_one(trace: Any, path: Path, as_json: bool) -> str:
    """Write a trace's clip, or all of it; returns what is to be told."""
    from x2vkit import media
    from x2vkit.trace.about import about
    from x2vkit.trace.file import SUFFIX

    if path.suffix.lower() == SUFFIX:
        trace.save(path)
    else:
        media.write_clip(path, trace.frames, trace.fps, about(trace))
    return report(trace, path, as_json)


def write_together(traces: Sequence[Any], path: Path, as_json: bool) -> list[str]:
    """Write the clip of a trace, or a sheet of those of several; returns what is to be told."""
    from x2vkit.trace.about import about

    if len(traces) == 1:
        return [write_one(traces[0], path, as_json)]
    said = f"[{', '.join(map(about, traces))}]"
    write_sheet(path, [trace.frames for trace in traces], traces[0].fps, said)
    first, last = (trace.request["seed"] for trace in (traces[0], traces[-1]))
    return [f"wrote {path}: {len(traces)} clips, seeds {first} to {last}"]


def report(trace: Any, path: Path, as_json: bool) -> str:
    """What was made and what the model read: for people, or one line of JSON."""
    read = " ".join(trace.words[1:])
    frames, height, width, _ = trace.frames.shape
    if as_json:
        made = {"output": str(path), "read": read, "unknown": list(trace.unknown), **trace.request}
        made |= {"seconds": dict(trace.timings), "flops": trace.flops, "weights": trace.weights}
        return json.dumps(made)
    seconds = trace.timings.get("total", 0.0)
    size = f"{frames} frames of {width} x {height} at {trace.fps:g} fps"
    return f"read: {read or '(nothing: the empty prompt)'}\nwrote {path}: {size}, in {seconds:.1f} s"
