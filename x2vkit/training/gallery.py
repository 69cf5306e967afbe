"""What runs have to show: the same prompts and noise at every snapshot, what the judge reads, what sampling
costs.

`x2vkit scale --ship RUN ...` makes all data that the package carries of its own runs (`scaling/runs`) anew:
recipe and log of each run, clips and judged figures of its snapshots, and the cost of sampling with the best.
What is there already, of the same run, is kept; so it can be stopped, and run again as the runs go on.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from x2vkit.axes import token_grid
from x2vkit.config import ModelConfig, RunRequest
from x2vkit.core.planner import Planner
from x2vkit.errors import X2VError
from x2vkit.flops import run_flops
from x2vkit.judge import evaluate
from x2vkit.media import Frames, write_atomic
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import DEFAULT_MODEL, shipped
from x2vkit.scaling.clips import FPS, GUIDANCE, PROMPTS, SEED, STEPS, decode, encode, trio
from x2vkit.scaling.points import BUNDLED, CLIPS, JUDGED, NOTES, SAMPLING, Point, frontier, load_runs
from x2vkit.scaling.report import report
from x2vkit.training.init_weights import load_component

FINE = 64
"""Steps of the clip that those of fewer steps are compared with."""
SETTINGS: tuple[dict[str, float], ...] = (
    *({"steps": steps, "guidance": 4.0} for steps in (2, 4, 8, 16, 32)),
    *({"steps": 16, "guidance": guidance} for guidance in (1.0, 2.0, 8.0)),
    *({"steps": 16, "guidance": 4.0, "num_frames": f, "height": h, "width": w}
      for f, h, w in ((1, 128, 128), (17, 96, 96), (17, 160, 160), (33, 128, 128))),
)  # fmt: skip
"""What sampling is measured with; 17 frames of 128 x 128 where nothing else is said."""


def ship(runs: Sequence[Path], prompts: int = 48, into: Path = BUNDLED) -> str:
    """Refresh the data of a folder of shown runs from run folders.

    Args:
        runs: folders of runs, or of folders of runs.
        prompts: clips that the judge reads of each snapshot on the frontier, and of each sampler setting; 0
            leaves out what is not judged yet.
        into: the folder of shown runs.

    Returns:
        The report on all points.

    Raises:
        X2VError: no run in these folders.
    """
    into.mkdir(parents=True, exist_ok=True)
    found = [folder for place in runs for folder in _run_folders(place)]
    if not found:
        raise X2VError(
            f"runs {', '.join(map(str, runs))}", "none holds a run", "name folders of x2vkit train or scale"
        )
    for folder in found:
        _copy(folder, into / _size(folder))
    notes = {"prompts": PROMPTS, "seed": SEED, "steps": STEPS, "guidance": GUIDANCE, "fps": FPS}
    write_atomic(into / NOTES, json.dumps(notes).encode())
    places = {(_size(folder), step): pipeline for folder in found for step, pipeline in _snapshots(folder)}
    for point in load_runs(into):
        if (point.size, point.step) in places:
            film(places[point.size, point.step], into / point.size / CLIPS, point.step)
    points = load_runs(into)
    for size, at in dict.fromkeys((p.size, p.step) for p in (*trio(points), *frontier(points)[::-1])):
        if prompts and (size, at) in places:
            judge(places[size, at], into / size / JUDGED, at, prompts)
    largest = max(points, key=lambda p: p.flops)
    for folder in found:
        if _size(folder) == largest.size and (snapshots := _snapshots(folder)):
            step, pipeline = snapshots[-1]
            measure_sampling(pipeline, into / SAMPLING, step, prompts)
    return report(load_runs(into))


def film(
    pipeline: Path | str,
    folder: Path,
    step: int,
    prompts: Mapping[str, str] = PROMPTS,
    load: Callable[[Any], Any] | None = None,
) -> None:
    """Make the clips of one snapshot, those that are not there. load: opens it, if not as a folder's own."""
    missing = {name: text for name, text in prompts.items() if not (folder / _clip_name(step, name)).exists()}
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    pipe = (load or _load)(pipeline)
    for name, text in missing.items():
        frames = sample(pipe, text, STEPS, GUIDANCE)
        write_atomic(folder / _clip_name(step, name), encode(frames))


def judge(
    pipeline: Path | str, path: Path, step: int, prompts: int, load: Callable[[Any], Any] | None = None
) -> None:
    """Let the judge read one snapshot's clips, unless it has; the figures go into a JSON file by step. load:
    as in `film`.
    """
    known = json.loads(path.read_text()) if path.is_file() else {}
    if str(step) in known:
        return
    scores, ceiling = read_figures((load or _load)(pipeline), prompts, STEPS, GUIDANCE)
    known |= {str(step): scores, "ceiling": ceiling}
    write_atomic(path, json.dumps(known, indent=1).encode())


def read_figures(
    pipe: Any,
    prompts: int,
    steps: int,
    guidance: float,
    only: Sequence[str] = ("adherence", "consistency", "physics"),
) -> tuple[dict[str, float], dict[str, float]]:
    """(the model's figures, those of real renders), each 0 .. 1 and the more the better.

    adherence: share of what was asked that is shown; subject, color, scene, action: the same of one thing;
    consistency: 1 - share of clips whose subject or colour changes; physics: 1 - mean error of gravity,
    jumps and speed.
    """
    rows: dict[str, Any] = {
        f.name: f for f in evaluate(pipe, prompts=prompts, steps=steps, guidance=guidance, only=only).figures
    }
    parts: dict[str, tuple[bool, tuple[str, ...]]] = {
        "adherence": (True, ("share of it",)),
        **{name: (True, (name,)) for name in ("subject", "color", "scene", "action")},
        "consistency": (False, ("identity changes", "color changes")),
        "physics": (
            False,
            ("gravity of bouncing, error", "period of jumping, error", "speed of going, error"),
        ),
    }
    found: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for key, (good, names) in parts.items():
        have = [rows[name] for name in names if name in rows]
        if not have:
            continue
        for values, kept in zip(([f.score for f in have], [f.ceiling for f in have]), found, strict=True):
            mean = float(np.mean([np.nan if value is None else value for value in values]))
            if np.isfinite(mean):
                kept[key] = round(mean if good else 1 - mean, 4)
    return found


def measure_sampling(pipeline: Path, path: Path, step: int, prompts: int) -> None:
    """What steps, guidance and tokens cost and give, with one snapshot: seconds, FLOPs, PSNR, adherence.

    psnr: nearness to the clip of FINE steps from the same noise, in dB. Seconds are the faster of two.
    """
    known = json.loads(path.read_text()) if path.is_file() else {}
    rows = known.get("rows", []) if known.get("step") == step else []
    if rows and (not prompts or "adherence" in rows[0]):
        return
    pipe = _load(pipeline)
    rows, fine = [], {}
    for setting in SETTINGS:
        steps, guidance = int(setting["steps"]), setting["guidance"]
        shape: dict[str, Any] = {
            key: int(setting.get(key, usual))
            for key, usual in (("num_frames", 17), ("height", 128), ("width", 128))
        }
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            frames = sample(pipe, PROMPTS["dog"], steps, guidance, **shape)
            seconds.append(time.perf_counter() - start)
        row: dict[str, float] = {
            "steps": steps,
            "guidance": guidance,
            **shape,
            "seconds": round(min(seconds), 3),
        }
        row |= {"tokens": _tokens(pipe, **shape), "flops": _flops(pipe, steps, guidance, **shape)}
        if "num_frames" not in setting:
            if guidance not in fine:
                fine[guidance] = sample(pipe, PROMPTS["dog"], FINE, guidance, **shape).astype(float)
            error = np.square(fine[guidance] - frames).mean()
            row["psnr"] = round(10 * float(np.log10(255**2 / max(error, 1e-9))), 2)
            if prompts:
                row |= read_figures(pipe, max(8, prompts // 2), steps, guidance, ("adherence",))[0]
        rows.append(row)
    write_atomic(path, json.dumps({"step": step, "rows": rows}, indent=1).encode())


def sample(pipe: Any, prompt: str, steps: int, guidance: float, **shape: int) -> Frames:
    """One clip from the noise that all clips start from, (F, H, W, 3)."""
    noise = torch.Generator().manual_seed(SEED)
    made = pipe(prompt, num_inference_steps=steps, guidance_scale=guidance, generator=noise, **shape)
    return np.stack(made.frames[0])


def three_dogs(path: Path, points: Sequence[Point], moments: int = 6) -> Path:
    """The picture of one prompt at three levels of training compute, a row each, as a PNG."""
    chosen = trio(points)
    if not chosen:
        raise X2VError("these runs", "none has clips of its snapshots", "run x2vkit scale --ship first")
    side, gap, head = 192, 6, 34
    font = ImageFont.load_default(size=18)
    sheet = Image.new("RGB", (moments * (side + gap) - gap, len(chosen) * (side + head) + 30), "white")
    draw = ImageDraw.Draw(sheet)
    for row, point in enumerate(chosen):
        frames = decode(point.clips["dog"])
        y = row * (side + head)
        ratio = point.flops / chosen[0].flops
        name = "base compute" if row == 0 else f"{ratio:.0f}x compute"
        draw.text(
            (2, y + 6),
            f"{name}: {point.flops:.1e} FLOPs, {point.params / 1e6:.2g}M parameters, {point.samples:,} clips",
            (20, 24, 32),
            font,
        )
        for column, index in enumerate(np.linspace(0, len(frames) - 1, moments).round().astype(int)):
            picture = Image.fromarray(frames[index]).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * (side + gap), y + head))
    draw.text((2, sheet.height - 26), f'"{PROMPTS["dog"]}", from the same noise', (93, 105, 120), font)
    stream = io.BytesIO()
    sheet.save(stream, "PNG")
    return write_atomic(path, stream.getvalue())


def _run_folders(place: Path) -> Iterable[Path]:
    if (place / "recipe.json").is_file():
        return [place]
    return sorted(path.parent for path in place.glob("*/recipe.json"))


def _size(folder: Path) -> str:
    model = json.loads((folder / "recipe.json").read_text())["model"]
    return f"{model['width']}x{model['depth']}"


def _snapshots(folder: Path) -> list[tuple[int, Path]]:
    """(step, pipeline folder) of all snapshots, the first one first."""
    found = sorted((folder / "snapshots").glob("step-*/pipeline/model_index.json"))
    return [(int(path.parent.parent.name.removeprefix("step-")), path.parent) for path in found]


def _copy(folder: Path, target: Path) -> None:
    """Recipe and log; what was made of another run that stood here goes."""
    log = (folder / "log.jsonl").read_text()
    if (target / "log.jsonl").is_file() and (target / "log.jsonl").read_text()[:2000] != log[:2000]:
        shutil.rmtree(target)
    target.mkdir(parents=True, exist_ok=True)
    write_atomic(target / "log.jsonl", log.encode())
    write_atomic(target / "recipe.json", (folder / "recipe.json").read_bytes())


def _clip_name(step: int, name: str) -> str:
    return f"step-{step:08d}-{name}.webp"


def _load(pipeline: Path | str) -> Any:
    """A snapshot as a pipeline, which plans with the planner that ships where it was taught plans."""
    pipe = X2VPipeline.from_pretrained(pipeline)
    recipe = Path(pipeline).parents[2] / "recipe.json"  # runs/NAME/snapshots/step-X/pipeline
    if pipe.planner is None and json.loads(recipe.read_text())["data"].get("planned"):
        pipe.register_modules(planner=load_component(Planner, shipped()[DEFAULT_MODEL] / "planner"))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _flops(pipe: Any, steps: int, guidance: float, **shape: int) -> float:
    """Floating-point operations of a clip that is planned where the pipeline can plan."""
    video, text = pipe.transformer.config, pipe.text_encoder.config
    names = {field.name for field in fields(ModelConfig)} & set(video)
    size = {name: video[name] for name in names} | {"patch": pipe.transformer.patch}
    config = ModelConfig(**size | {"text_depth": text.depth, "max_words": text.max_words})
    request = replace(RunRequest(PROMPTS["dog"], steps=steps, guidance=guidance), **shape)  # type: ignore[arg-type]
    words = len(pipe.text_encoder.tokenize(request.prompt).ids)
    return float(run_flops(config, request, words, pipe.planner is not None))


def _tokens(pipe: Any, num_frames: int, height: int, width: int) -> int:
    return prod(token_grid(num_frames, height, width, tuple(pipe.transformer.config.patch)))
