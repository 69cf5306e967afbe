"""`Denoise`: noise turning into a clip, step by step."""

from __future__ import annotations

from matplotlib.figure import Figure

from x2vkit.errors import X2VError
from x2vkit.views.base import Array, Content, Eight, TraceLike, View, as_trace


class Denoise(View):
    """Scrub the denoising steps and frames of one run."""

    _module = "denoise"
    label = "Denoising, step by step"

    def open(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        if trace.preview_weight is None or trace.preview_bias is None:
            rule = "this view needs its linear decoder to draw latents, and it kept none"
            raise X2VError("this trace", rule, "record it again")
        return Content(
            facts={"prompt": trace.prompt, "unknown": list(trace.unknown), "fps": trace.fps},
            arrays={
                "latents": Eight(trace.latents, 2),
                "clean": Eight(trace.clean, 2),
                "t": trace.t,
                "weight": trace.preview_weight,
                "bias": trace.preview_bias,
            },
            selection={"step": trace.steps - 1, "frame": 0},
            limits={"step": trace.steps - 1, "frame": len(trace.frames) - 1},
        )

    def data(self) -> dict[str, Array]:
        step, frame = self.selection["step"], self.selection["frame"]
        return {"clean": self.trace.picture(self.trace.clean[step])[frame]}

    def figure(self) -> Figure:
        figure = Figure(figsize=(4, 4))
        axes = figure.subplots()
        axes.imshow(self.data()["clean"])
        return figure
