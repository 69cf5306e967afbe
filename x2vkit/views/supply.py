"""`Supply`: how much video there is, how little of it would outnumber Hollywood, and what a made hour costs.

    500 hours a minute are 262.8 million a year; 0.01 % of them is 1.75 times Hollywood's 15,000 hours, not 2

Every number can be moved; each formula stands below, and again in static/supply/sums.js (a test holds the two
to each other). The cost of an hour is that of this model: FLOPs by flops.py, seconds as measured.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from x2vkit.trace.samples import sample
from x2vkit.views.base import Content, View
from x2vkit.views.buffer import Array
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MINUTES = 60 * 24 * 365
"""Of a year."""
CLIP_SECONDS = 1.2
"""To make a clip of 17 frames in 20 steps on 2 cores of an AMD EPYC with AVX512-BF16 (docs/figures.md)."""
PEAK, USE = 989e12, 0.4
"""Dense bf16 FLOP/s of an NVIDIA H100 SXM (its data sheet), and the part of it that is used: assumed."""
GPU_WATTS = 700
"""Of an H100 SXM at most (its data sheet)."""
SOURCES = (
    "500 hours a minute: YouTube's own figure since 2019; other years had others (24 in 2010, 100 in 2013)",
    "15,000 hours, of which 0.01 % of the uploads would be twice as many: Doug Shapiro, The Relentless, "
    "Inevitable March of the Creator Economy (The Mediator). He rounds the year to 300 million hours; "
    "500 hours a minute make 262.8 million, so 1.75 times, and 0.1 % 17.5 times",
    "FLOPs: x2vkit/flops.py, by formula from the model's sizes; seconds: docs/figures.md, on 2 cores",
    "an H100's 989 TFLOP/s (dense bf16) and 700 W: NVIDIA's data sheet; that 40 % of it is used is assumed",
)


@dataclass(frozen=True)
class Settings:
    """What can be moved; whole numbers, as sliders have them."""

    per_minute: int = 500
    """Hours uploaded a minute."""
    share: int = 40
    """Place of the share that competes: 10^(share / 20 - 4) percent, so 40 is 0.01 %."""
    hollywood: int = 150
    """Hundreds of hours that Hollywood makes a year."""
    steps: int = 20
    """Denoising steps of a clip."""
    times: int = 0
    """Place of a larger model's FLOPs: 10^(times / 10) times those of this one."""
    watts: int = 65
    """That the machine draws while it works."""
    price: int = 30
    """US cents for a kWh."""


LIMITS = {
    "per_minute": 2000, "share": 120, "hollywood": 500, "steps": 50, "times": 70, "watts": 1000, "price": 100
}  # fmt: skip
"""The largest value of each setting."""


@dataclass(frozen=True)
class Sums:
    """What follows from the settings."""

    uploaded: float
    """Hours a year."""
    percent: float
    """Of them that compete."""
    competing: float
    """Hours a year that compete."""
    ratio: float
    """Those over Hollywood's."""
    clips: float
    """Clips that make an hour."""
    flops: float
    """FLOPs of an hour."""
    hours: float
    """Hours of work on 2 cores for it."""
    kwh: float
    money: float
    """US dollars of electricity on 2 cores."""
    gpu_hours: float
    """Hours of work on one H100 for it."""
    gpu_money: float
    """US dollars of electricity on an H100."""
    rival_money: float
    """US dollars of electricity on H100s for as many hours as Hollywood makes."""


def sums(settings: Settings, flops_step: float, clip_seconds: float) -> Sums:
    """The arithmetic.

    Args:
        settings: what is assumed.
        flops_step: FLOPs of one denoising step of one clip.
        clip_seconds: length of a clip.
    """
    uploaded = settings.per_minute * MINUTES
    percent = 10 ** (settings.share / 20 - 4)
    competing = uploaded * percent / 100
    hollywood = max(settings.hollywood, 1) * 100
    clips = 3600 / clip_seconds
    times, steps = 10 ** (settings.times / 10), max(settings.steps, 1)
    flops = clips * steps * flops_step * times
    hours = clips * CLIP_SECONDS * steps / 20 * times / 3600
    gpu_hours = flops / (PEAK * USE) / 3600
    dollars = settings.price / 100
    kwh, gpu_kwh = hours * settings.watts / 1000, gpu_hours * GPU_WATTS / 1000
    return Sums(
        uploaded, percent, competing, competing / hollywood, clips, flops, hours, kwh, kwh * dollars,
        gpu_hours, gpu_kwh * dollars, gpu_kwh * dollars * hollywood,
    )  # fmt: skip


class Supply(View):
    """The arithmetic of endless video: uploads against Hollywood, and the cost of a generated hour.

    selection: a whole number for each of `Settings`.
    """

    _module = "supply"
    label = "Supply: how much video, and what an hour of it costs"

    def prepare(self) -> Content:
        trace = sample()
        self.flops_step = float(trace.flops or 0) / trace.steps
        self.clip_seconds = len(trace.frames) / trace.fps
        return Content(
            metadata={
                "flops_step": self.flops_step,
                "clip_seconds": self.clip_seconds,
                "machine": {
                    "clip": CLIP_SECONDS,
                    "peak": PEAK,
                    "use": USE,
                    "watts": GPU_WATTS,
                    "minutes": MINUTES,
                },
                "usual": asdict(Settings()),
                "sources": list(SOURCES),
            },
            selection=asdict(Settings()),
            limits=LIMITS,
        )

    def sums(self) -> Sums:
        """What follows from the settings that are selected."""
        chosen = {name: int(self.selection[name]) for name in LIMITS}
        return sums(Settings(**chosen), self.flops_step, self.clip_seconds)

    def data(self) -> dict[str, Array]:
        """Every number that is shown, by its name in `Sums`."""
        return {name: np.float64(value) for name, value in asdict(self.sums()).items()}  # type: ignore[misc]

    def figure(self) -> Figure:
        """Hours a year on a logarithmic scale: uploaded, competing, Hollywood's."""
        from matplotlib.figure import Figure

        seen = self.sums()
        figure = Figure(figsize=(8, 2.6), layout="constrained")
        axes = figure.subplots()
        rows = {
            "uploaded a year": (seen.uploaded, "blue"),
            f"{seen.percent:.3g} % of it": (seen.competing, "orange"),
            "Hollywood": (self.selection["hollywood"] * 100.0, "green"),
        }
        for y, (name, (hours, color)) in enumerate(rows.items()):
            axes.barh(y, max(hours, 1.0), color=PALETTE[color], alpha=0.8)
            axes.text(max(hours, 1.0) * 1.15, y, f"{hours:,.0f} h", va="center", fontsize=9)
            axes.text(1.15, y, name, va="center", fontsize=9)
        axes.set(xscale="log", xlim=(1, 3e10), yticks=[], ylim=(2.6, -0.6), xlabel="hours a year")
        axes.set_title(f"{seen.ratio:,.2f} times Hollywood", fontsize=11)
        return figure
