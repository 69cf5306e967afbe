"""`x2vkit look`: run a diffusers video pipeline from a folder, and keep how its clip was made in one file.

Made for a machine with a GPU; the file then opens on any other, without torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from x2vkit.errors import X2VError

DTYPES = ("bfloat16", "float16", "float32")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit look` to a (sub-)parser."""
    add = parser.add_argument
    add(
        "--pipeline",
        required=True,
        metavar="DIR",
        help="a folder that save_pretrained wrote, or a download of one",
    )
    add("--prompt", required=True, help="what the clip shows, in words")
    add("-o", "--output", default="trace.x2v", metavar="FILE", help=".x2v: the whole run (%(default)s)")
    add("--html", metavar="FILE", help="also a page of the views that opens offline (.html)")
    add("--negative-prompt", type=str.strip, default="", help="what to steer away from")
    add("--image", metavar="FILE", help="a start picture, for pipelines that take one")
    add("--seed", type=int, default=0, help="another seed, another clip (%(default)s)")
    add("--steps", type=int, help="denoising steps (the pipeline's own default, as all below)")
    add("--guidance", type=float, help="classifier-free guidance scale")
    add("--num-frames", type=int, help="frames of the clip")
    add("--width", type=int, help="pixels")
    add("--height", type=int, help="pixels")
    add(
        "--attention-steps",
        type=int,
        nargs="*",
        metavar="N",
        help="steps whose attention is kept, from 0 (four)",
    )
    add(
        "--layers",
        type=int,
        nargs="*",
        metavar="N",
        help="blocks whose attention is kept, from 0 (the middle one)",
    )
    add("--heads", type=int, nargs="*", metavar="N", help="heads of them, from 0 (two)")
    add("--budget", type=float, metavar="MB", help="a larger trace is refused at once (2000)")
    add(
        "--dtype",
        choices=DTYPES,
        help="numbers that the models compute with (bfloat16 on a GPU, else float32)",
    )
    add("--device", help="cuda, mps or cpu (the best that there is)")
    add("--offload", action="store_true", help="keep on the GPU only what computes: for small GPUs")
    add(
        "--compact",
        action="store_true",
        help="half of the file or less: latents, queries and keys at 8 bits a number",
    )


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit look`. What can be refused is refused before the models load."""
    from x2vkit import media
    from x2vkit.trace.file import SUFFIX

    path = media.check_output(args.output, (SUFFIX,))
    page = media.check_output(args.html, (".html",)) if args.html else None
    folder = check_folder(args.pipeline)
    picture = media.read_image(args.image) if args.image else None

    from x2vkit.adapters.asking import asking_of
    from x2vkit.adapters.x2v import attach

    pipe, device = load(folder, args)
    call = asking_of(pipe).call(settings(args, picture))
    with attach(pipe, **attention(args)) as recording:
        pipe(generator=_generator(args.seed), **call)
    trace = recording.trace
    trace.save(path, compact=args.compact)
    report(trace, path, device)
    if page is not None:
        from x2vkit import views

        views.html([views.Denoise(trace), *([views.Attention(trace)] if trace.captured else [])], page)
        print(f"wrote {page}")


def check_folder(name: str) -> Path:
    """A pipeline's folder. X2VError for anything else: nothing is downloaded here."""
    folder = Path(name).expanduser()
    if not (folder / "model_index.json").is_file():
        rule = "a pipeline is a folder with a model_index.json; nothing is downloaded here"
        raise X2VError(f"--pipeline {name}", rule, "download it first (hf download), and give its folder")
    return folder


def settings(args: argparse.Namespace, picture: Any) -> dict[str, Any]:
    """The arguments as x2vkit's settings; None where nothing was said."""
    names = ("prompt", "negative_prompt", "steps", "guidance", "num_frames", "height", "width")
    given = {name: getattr(args, name) for name in names}
    if picture is not None:
        from PIL import Image

        given["image"] = Image.fromarray(picture)
    return given


def attention(args: argparse.Namespace) -> dict[str, Any]:
    """What to keep, as `attach` takes it: its own choice where nothing was said."""
    budget = {} if args.budget is None else {"budget_bytes": round(1e6 * args.budget)}
    chosen = {"steps": args.attention_steps, "layers": args.layers, "heads": args.heads}
    if all(value is None for value in chosen.values()):
        return budget
    from x2vkit.run.capture import AttentionCapture

    return {"attention": AttentionCapture(**chosen), **budget}


def load(folder: Path, args: argparse.Namespace) -> tuple[Any, str]:
    """The pipeline, where it shall compute, and the name of that device."""
    import torch
    from diffusers import DiffusionPipeline

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    device = args.device or ("cuda" if cuda else "mps" if mps else "cpu")
    dtype = getattr(torch, args.dtype or ("float32" if device == "cpu" else "bfloat16"))
    try:
        pipe = DiffusionPipeline.from_pretrained(folder, dtype=dtype, local_files_only=True)
        if args.offload and device != "cpu":
            pipe.enable_model_cpu_offload(device=device)
        else:
            pipe.to(device)
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        raise X2VError(
            f"--pipeline {folder}", f"it cannot be loaded: {error}", "load it in Python first"
        ) from error
    return pipe, device


def report(trace: Any, path: Path, device: str) -> None:
    """What was kept and what was not seen, in words."""
    frames, height, width, _ = trace.frames.shape
    size = path.stat().st_size / 1e6
    print(
        f"wrote {path}: {frames} frames of {width} x {height}, {trace.steps} steps on {device}, {size:.0f} MB"
    )
    places = len(trace.captured)
    print(f"attention of {len(trace.heads)} heads at {places} places" if places else "no attention was kept")
    for one in trace.coverage.get("unseen", ()):
        print(f"not seen: {one['said']}")
    page = str(path.with_suffix(".html"))
    view = "Attention" if places else "Denoise"
    look = f"import x2vkit; x2vkit.views.{view}({str(path)!r}).to_html({page!r})"
    print(f'look, on any machine: python -c "{look}"')


def _generator(seed: int) -> Any:
    import torch

    return torch.Generator("cpu").manual_seed(seed)
