"""What the model costs on this machine: every figure as a ratio to something measured in the same run.

Timings on a busy machine are worth little; ratios whose two sides take turns still hold. Without shipped
weights, speeds are measured on untrained ones (which cost the same), and what needs trained ones is left
empty and says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from x2vkit import flops
from x2vkit.bench.busy import beside_busy_processes
from x2vkit.bench.line import Line, take_turns
from x2vkit.config import PRESETS, ModelConfig, RunRequest
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.device import fast_dtype
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.world import World, vocabulary

PROMPT = "a red dog running on the beach"
WORDS = 12
"""Text tokens of a usual prompt."""
FRESH = 1_000_003
"""Seed of a world that no training has seen."""


@dataclass(frozen=True)
class Subject:
    """The model under measurement."""

    pipeline: X2VPipeline
    config: ModelConfig
    trained: bool

    @property
    def note(self) -> str:
        return "" if self.trained else "untrained weights"


def figures(subject: Subject) -> Iterator[Line]:
    """Every line, measured when it is asked for."""
    speed, use = training(subject)
    yield from (speed, use)
    yield from rendering(speed.value)
    for part in (generating, transformer_step, flops_formula, quality, whole_command):
        yield from part(subject)
    yield beside_busy_processes(subject.pipeline, PROMPT)


def training(subject: Subject, batch: int = 32, repeats: int = 5) -> Iterator[Line]:
    """Forward and backward of text encoder and transformer under autocast, against plain matmul taking turns
    with it.
    """
    config, dtype = subject.config, fast_dtype()
    model, text = _untrained(config)
    latents, noise = torch.randn(batch, config.latent_channels, 5, 16, 16), torch.randn(1)
    ids, t = torch.randint(2, 50, (batch, WORDS)), torch.rand(batch, 1)

    def step() -> None:
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            velocity = model(latents, t, text(ids), ids != 1)
            loss = (velocity.float() - noise).square().mean()
        loss.backward()
        for part in (model, text):
            part.zero_grad(set_to_none=True)

    cost = flops.train_flops(config, 17, 128, 128, WORDS, batch=batch)
    turns = take_turns([step, _matmul(dtype)], repeats)
    use = median(cost / own / (MATMUL_FLOPS / plain) for own, plain in turns)
    seconds = median(own for own, _ in turns)
    yield Line("training", batch / seconds, "clips/s", note=f"17 x 128 x 128, batch {batch}, eager")
    yield Line("training, of the matmul rate", 100 * use, "%", 35.0)


def rendering(train_rate: float | None, clips: int = 200) -> Iterator[Line]:
    """The world's renderer, a clip to a thread, which training must never wait for."""
    world = World(seed=FRESH)
    world.sample(0)  # compiles
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        start = perf_counter()
        list(threads.map(world.sample, range(1, clips + 1)))
        rate = clips / (perf_counter() - start)
    yield Line("rendering", rate, "clips/s", 100.0, note="17 x 128 x 128, or 1 times training")
    if train_rate:
        yield Line("rendering, against training", rate / train_rate, "x", 1.0)


def generating(subject: Subject, repeats: int = 3) -> Iterator[Line]:
    """A clip of 17 x 128 x 128 in 20 steps with guidance, its first preview, and the same FLOPs as plain
    matmul.
    """
    pipe, request = subject.pipeline, RunRequest(prompt=PROMPT, steps=20, guidance=4.0)
    options = {"num_inference_steps": request.steps, "guidance_scale": request.guidance}
    first = []

    def clip() -> None:
        start = perf_counter()
        for step in pipe.stream(PROMPT, **options):
            if step.index == 0:
                pipe.preview(step.pred_x0)
                first.append(perf_counter() - start)
        pipe.decode(step.next_latents)

    words = len(pipe.text_encoder.tokenize(PROMPT).ids)
    cost = flops.run_flops(subject.config, request, words)
    turns = take_turns([clip, _matmul(pipe.transformer.dtype)], repeats)
    seconds = median(own for own, _ in turns)
    use = median(own / (cost / MATMUL_FLOPS * plain) for own, plain in turns)
    yield Line("clip of 20 steps with guidance", seconds, "s", 1.2, most=True, note=subject.note)
    yield Line("the same, against its FLOPs as plain matmul", use, "x", note="VAE not counted in the FLOPs")
    yield Line("first preview", median(first[1:]), "s", 0.2, most=True, note=subject.note)


def transformer_step(subject: Subject, repeats: int = 15) -> Iterator[Line]:
    """One eager step of a guided pair of clips against diffusers' LTX transformer of the same shape, in
    turns. LTX has no convolutions beside its blocks, so here ours goes without them, too.
    """
    from diffusers import LTXVideoTransformer3DModel

    config, dtype = replace(subject.config, conv_width=0), fast_dtype()
    ours = nn.Module.to(_untrained(config)[0], dtype).eval()
    patch = config.latent_channels * 4
    theirs = LTXVideoTransformer3DModel(
        in_channels=patch,
        out_channels=patch,
        num_attention_heads=config.heads,
        attention_head_dim=config.width // config.heads,
        cross_attention_dim=config.width,
        num_layers=config.depth,
        caption_channels=config.text_width,
    )
    theirs = nn.Module.to(theirs, dtype).eval()
    latents, text = (
        torch.randn(2, config.latent_channels, 5, 16, 16),
        torch.randn(2, WORDS, config.text_width),
    )
    tokens, mask, t = (
        torch.randn(2, 320, patch),
        torch.ones(2, WORDS, dtype=torch.bool),
        torch.full((2, 1), 0.5),
    )
    latents, text, tokens = latents.to(dtype), text.to(dtype), tokens.to(dtype)

    def ltx() -> Tensor:
        return theirs(tokens, text, 1000 * t, mask.long(), num_frames=5, height=8, width=8)

    with torch.inference_mode():
        turns = take_turns([lambda: ours(latents, t, text, mask), ltx], repeats)
    ratio = median(other / own for own, other in turns)
    yield Line(
        "transformer step, against diffusers' LTX",
        ratio,
        "x",
        1.4,
        note=f"eager {dtype}".replace("torch.", ""),
    )
    yield Line(
        "transformer step", 1000 * median(own for own, _ in turns), "ms", note="two clips, as guidance needs"
    )


def flops_formula(subject: Subject) -> Iterator[Line]:
    """The formula of flops.py against torch's counter, for the model that ships."""
    from torch.utils.flop_counter import FlopCounterMode

    model, text = _untrained(subject.config)
    ids = torch.zeros(1, WORDS, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(
            torch.zeros(1, subject.config.latent_channels, 5, 16, 16), torch.zeros(1, 1), text(ids), ids != 1
        )
    predicted = flops.forward_flops(subject.config, 17, 128, 128, WORDS)
    predicted += flops.text_flops(subject.config, WORDS)
    off = 100 * abs(predicted / counter.get_total_flops() - 1)
    yield Line("FLOPs formula, off torch's counter by", off, "%", 2.0, most=True)


def quality(subject: Subject, clips: int = 24) -> Iterator[Line]:
    """What the VAE loses on clips nobody has seen, and whether a still is the first frame of its clip."""
    if not subject.trained:
        yield Line(
            "VAE on fresh renders", None, "dB", 31.0, note="no weights: train some, or see x2vkit train"
        )
        return
    world, vae, errors, still = World(seed=FRESH), subject.pipeline.vae, [], 0.0
    for index in range(clips):
        frames = torch.from_numpy(world.sample(index).frames).permute(3, 0, 1, 2)[None]
        video = (frames.float() / 127.5 - 1).to(vae.dtype)
        with torch.inference_mode():
            latents = vae.encode_video(video)
            back, alone = vae.decode_latents(latents), vae.decode_latents(latents[:, :, :1])
        errors.append((back.float().clamp(-1, 1) - video.float()).square().mean().item() / 4)
        still = max(still, 127.5 * (alone - back[:, :, :1]).abs().max().item())
    psnr = float(np.mean([-10 * np.log10(error) for error in errors]))
    yield Line("VAE on fresh renders", psnr, "dB", 31.0, note=f"mean PSNR of {clips} clips")
    yield Line("first frame alone, off the clip's by", still, "of 255", 1.0, most=True)


def whole_command(subject: Subject) -> Iterator[Line]:
    """`x2vkit generate` as a user starts it: seconds with all imports, and its peak memory."""
    if not subject.trained:
        note = "no weights to load"
        yield Line("whole command", None, "s", 7.0, most=True, note=note)
        yield Line("peak memory", None, "GB", 1.5, most=True, note=note)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "x2vkit", "generate", PROMPT, "-o", str(Path(folder) / "clip.mp4")]
        script = (
            "import resource, subprocess, sys; done = subprocess.run([sys.executable, *sys.argv[1:]], "
            "stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode); "
            "print(done.stderr[-300:], file=sys.stderr)"
        )
        start = perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script, *command], capture_output=True, text=True, check=False
        )
        seconds = perf_counter() - start
    peak, code = (int(word) for word in done.stdout.split())
    if code:
        note = done.stderr.strip().splitlines()[-1]
        yield Line("whole command", None, "s", 7.0, most=True, note=note)
        return
    scale = 1e9 if sys.platform == "darwin" else 1e6  # ru_maxrss is in bytes there, in kilobytes elsewhere
    yield Line("whole command", seconds, "s", 7.0, most=True, note="x2vkit generate, imports included")
    yield Line("peak memory", peak / scale, "GB", 1.5, most=True, note="of that command")


MATMUL_SIDE = 2048
MATMUL_FLOPS = 2 * MATMUL_SIDE**3


def _matmul(dtype: torch.dtype) -> Callable[[], Tensor]:
    """One square matmul of MATMUL_FLOPS: what this machine can do at best."""
    a, b = (torch.randn(MATMUL_SIDE, MATMUL_SIDE).to(dtype) for _ in range(2))
    return lambda: a @ b


def _untrained(config: ModelConfig) -> tuple[VideoTransformer, TextEncoder]:
    words, synonyms = vocabulary()
    text = TextEncoder(words, synonyms, config.text_width, config.text_depth, config.max_words)
    return VideoTransformer.from_model_config(config), text


def subject() -> Subject:
    """The shipped model, or an untrained one of its size."""
    from x2vkit.run.load import load

    try:
        pipe, trained = load(), True
        names = ModelConfig.__dataclass_fields__
        config = ModelConfig(
            **{k: v for k, v in pipe.transformer.config.items() if k in names}
            | {
                "patch": pipe.transformer.patch,
                "text_depth": pipe.text_encoder.config.depth,
                "max_words": pipe.text_encoder.config.max_words,
            }
        )
    except X2VError:
        config, trained = PRESETS["small"], False
        model, text = _untrained(config)
        vae = VideoVAE(latent_channels=config.latent_channels)
        pipe = X2VPipeline(vae.eval(), text.eval(), model.eval(), make_scheduler("euler"))
        for part in (vae, text, model):
            nn.Module.to(part, fast_dtype())
    return Subject(pipe, config, trained)
