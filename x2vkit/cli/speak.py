"""`x2vkit speak`: a face that says a text or a sound.

x2vkit speak "a happy yellow face on the grass" --text "hello, how are you?" -o hello.mp4
x2vkit speak "a sad face" --audio song.wav -o song.mp4
"""

from __future__ import annotations

import argparse

from x2vkit.registry import DEFAULT_MODEL, weights_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit speak` to a (sub-)parser."""
    add = parser.add_argument
    add("prompt", help='who speaks, and where: "a happy yellow face on the grass"')
    add("--text", help="what espeak-ng says")
    add("--audio", metavar="FILE", help="a sound in its place: wav, mp3, flac, ogg, m4a, mp4, webm")
    add("--voice", default="en", help="language or voice of espeak-ng (%(default)s)")
    add("--image", metavar="FILE", help="the first frame: a face as the world draws faces")
    add("-o", "--output", default="speech.mp4", metavar="FILE", help=".mp4 or .x2v (%(default)s)")
    add("--seed", type=int, default=0, help="another seed, another clip (%(default)s)")
    add("--steps", type=int, default=6, help="denoising steps (%(default)s)")
    add("--guidance", type=float, help="classifier-free guidance scale (the weights' own default)")
    add("--model", default=DEFAULT_MODEL, help="name or folder of the weights (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit speak`. What can be refused is refused before the model loads."""
    from x2vkit import media
    from x2vkit.registry import sampling_defaults
    from x2vkit.run.request import read_request
    from x2vkit.studio.voice import heard, openness

    path = media.check_output(args.output, (".mp4", ".x2v"))
    weights_folder(args.model)
    values = {name: getattr(args, name) for name in ("prompt", "model", "seed", "steps", "guidance")}
    request = read_request(values, [args.model], sampling_defaults)
    sound = heard(args.audio, args.text, args.voice)
    openness(sound, 5, 12)

    from x2vkit.run.load import quiet
    from x2vkit.studio.speak import speak

    quiet()
    trace = speak(
        request.prompt,
        audio=args.audio,
        text=args.text,
        voice=args.voice,
        image=args.image,
        seed=request.seed,
        steps=request.steps,
        guidance=request.guidance,
        model=args.model,
    )
    if path.suffix.lower() == ".x2v":
        trace.save(path)
    else:
        media.write_clip(path, trace.frames, trace.fps, sound=trace.sound)
    print(f"wrote {path}: {len(trace.frames)} frames, {len(trace.frames) / trace.fps:.1f} s")
