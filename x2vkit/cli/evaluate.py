"""`x2vkit evaluate`: the command that measures a model against the world it learned."""

from __future__ import annotations

import argparse
import json

from x2vkit.errors import X2VError
from x2vkit.processes import is_main
from x2vkit.registry import DEFAULT_MODEL, sampling_defaults, weights_folder

NAMES = "adherence heldout consistency permanence physics distance shapes length speech control image".split()
"""The suites, as in judge/evaluation.py (a test compares them), known here without loading torch."""
STUDIO: list[str] = [
    *("boxes", "camera", "cast", "edit", "expand"),
    *("extend", "loop_connect", "soft_boxes", "speech", "strategies", "strokes", "upscale"),
]
"""Those of the studio, as in studio/suites (a test compares them, too)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit evaluate` to a (sub-)parser."""
    add = parser.add_argument
    add("--model", default=DEFAULT_MODEL, help="name or folder of the weights (%(default)s)")
    add("--prompts", type=int, default=300, help="clips for the figures of adherence (%(default)s)")
    add("--seed", type=int, default=0, help="another seed, other prompts and clips (%(default)s)")
    add("--steps", type=int, help="denoising steps (the weights' own default)")
    add("--guidance", type=float, help="classifier-free guidance scale (the weights' own default)")
    add("--studio", action="store_true", help="measure the studio: direct, speak, keep, edit, go on ...")
    both = f"some of: {', '.join(NAMES)}; with --studio: {', '.join(STUDIO)}"
    add("--only", metavar="A,B", help=both)
    add("--ceiling", action="store_true", help="judge real renders only: what the judge itself gets wrong")
    add("--batch", type=int, default=8, help="clips made side by side (%(default)s)")
    add("--sheet", metavar="FILE", help="write the best and the worst clips with their prompts (.png)")
    add("--markdown", action="store_true", help="print the table in Markdown")
    add("--meanings", action="store_true", help="print how each figure is defined, too")
    add("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run `x2vkit evaluate`; returns the exit code. Raises X2VError on bad input, before anything is
    loaded."""
    only = tuple(name for name in (args.only or "").split(",") if name)
    names = STUDIO if args.studio else NAMES
    if args.only is not None and not only:
        raise X2VError(f"--only {args.only!r}", f"there are: {', '.join(names)}", "name some of these")
    if strange := sorted(set(only) - set(names)):
        raise X2VError(f"--only {','.join(strange)}", f"there are: {', '.join(names)}", "name some of these")
    for name in ("prompts", "batch"):
        if getattr(args, name) < 1:
            raise X2VError(f"--{name} {getattr(args, name)}", f"--{name} is above zero", "leave it out")
    from x2vkit import media
    from x2vkit.run.request import read_request

    values = {name: getattr(args, name) for name in ("model", "seed", "steps", "guidance")}
    if not args.ceiling:
        weights_folder(args.model)
    request = read_request(values, [args.model], sampling_defaults)
    steps, guidance = request.sampled()
    sheet = media.check_output(args.sheet, (".png",)) if args.sheet else None
    from x2vkit.judge.evaluation import SUITES, evaluate

    suites = SUITES
    if args.studio:
        from x2vkit.studio.suites import SUITES as suites
    pipeline = None
    if not args.ceiling:
        from x2vkit.run.load import load, quiet

        quiet()
        pipeline = load(args.model)
    report = evaluate(
        pipeline,
        prompts=args.prompts,
        seed=request.seed,
        steps=steps,
        guidance=guidance,
        only=only,
        suites=suites,
        name="" if args.ceiling else args.model,
        batch=args.batch,
        progress=True,
    )
    if sheet is not None and is_main():
        media.write_atomic(sheet, media.png_sheet(report.sheet()[None]))
    if args.json:
        print(json.dumps(report.to_dict()))
        return 0
    print(report.markdown() if args.markdown else report.table())
    if args.meanings:
        print(f"\n{report.meanings()}")
    if sheet is not None:
        print(f"wrote {sheet}")
    return 0
