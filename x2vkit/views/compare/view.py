"""`Compare`: two to six runs side by side, in step: what a word, a seed, guidance, training or another model
changes.

    S steps, of each run its own; n runs; F, H, W frames and pixels; C, f, h, w latents

Runs of different step counts stand at the same noise level: the run with the most steps gives the scale, and
each other run shows its step that lies nearest to it. Runs of different frame rates stand at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from x2vkit.views.base import Content, TraceLike, View
from x2vkit.views.buffer import Array
from x2vkit.views.compare.content import content_of, frame_at
from x2vkit.views.compare.paths import latent_paths
from x2vkit.views.compare.told import differences, name_of, noise_sentence, traces_of
from x2vkit.views.shown import shrink_of, smaller
from x2vkit.views.style import PALETTE, colormap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = tuple(PALETTE[name] for name in ("blue", "green", "purple", "red", "grey", "orange"))
"""One colour a run, in their order."""
DIFFERENCE_MOST = 96
"""The difference that is drawn brightest, of 255 levels."""


class Compare(View):
    """Runs side by side: their clips in step, how they differ from one of them, their paths in latent space.

    traces: 2 to 6 traces, or paths of traces; None for bundled ones. They may be of different models, sizes,
    lengths and frame rates. selection: step (0..S-1 of the run with the most steps), frame (a moment of the
    longest run, at the highest frame rate; each run shows its own frame of that time), reference (0..n-1, the
    run that the others are compared with), show (one of SHOW) and path (one of PATHS).
    """

    _module = "compare"
    label = "Runs side by side"

    def prepare(self, traces: Sequence[TraceLike] | None = None) -> Content:
        self.traces = traces_of(traces)
        self.paths = latent_paths(self.traces)
        content = content_of(self.traces, self.paths, self.budget)
        self.own = [run["own"] for run in content.metadata["runs"]]
        return content

    def data(self) -> dict[str, Array]:
        """What is selected, of each run A, B, ...: picture.A (H, W, 3) uint8; difference.A from the
        reference, (H, W) float32 of 0..255, where the sizes agree; path.A (S, 2) or (S + 1, 2), where there
        are paths; and t (n,), the noise level that each run shows.
        """
        reference, show = self.selection["reference"], self.selection["show"]
        pictures = [self._picture(i) for i in range(len(self.traces))]
        seen: dict[str, Array] = {f"picture.{name_of(i)}": picture for i, picture in enumerate(pictures)}
        for i, picture in enumerate(pictures):
            if picture.shape == pictures[reference].shape:
                seen[f"difference.{name_of(i)}"] = _apart(picture, pictures[reference])
        if self.paths:
            points = self.paths[self.selection["path"]].points
            seen |= {f"path.{name_of(i)}": points[i] for i in range(len(points))}
        step = self.selection["step"]
        places = [-1 if show == "final" else own[step] for own in self.own]
        seen["t"] = np.array([trace.t[at] for trace, at in zip(self.traces, places, strict=True)], np.float32)
        return seen

    def figure(self) -> Figure:
        """Each run's picture and its difference from the reference, beside the paths in latent space."""
        from matplotlib.figure import Figure

        count, reference = len(self.traces), self.selection["reference"]
        seen, told = self.data(), differences(self.traces)
        figure = Figure(figsize=(2.1 * count + 4, 4.7))
        # Sides by hand: a layout engine would draw everything twice, and this picture delays the widget.
        wide = 2.1 * count / (2.1 * count + 4)
        pictures = figure.subplots(
            2, count, squeeze=False,
            gridspec_kw={"left": 0.01, "right": wide - 0.01, "top": 0.83, "bottom": 0.05, "wspace": 0.05},
        )  # fmt: skip
        for i in range(count):
            name, (above, below) = name_of(i), pictures[:, i]
            above.imshow(smaller(seen[f"picture.{name}"], shrink_of(self.traces[i])))
            own = "" if len({trace.prompt for trace in self.traces}) == 1 else self.traces[i].prompt
            words = _wrapped(": ".join(filter(None, (name, own, told[i]))))
            above.set_title(words, fontsize=8, color=COLORS[i], weight="bold")
            if i == reference or f"difference.{name}" not in seen:
                why = "the reference" if i == reference else "another size:\nno difference"
                below.set_box_aspect(self.traces[i].frames.shape[1] / self.traces[i].frames.shape[2])
                below.text(0.5, 0.5, why, ha="center", va="center", fontsize=9, transform=below.transAxes)
            else:
                amounts = seen[f"difference.{name}"]
                below.imshow(amounts, cmap=colormap(), vmin=0, vmax=DIFFERENCE_MOST)
                far = f"{amounts.mean():.1f} of 255 from {name_of(reference)}"
                below.set_xlabel(far, fontsize=8, labelpad=2)
            for axes in (above, below):
                axes.set(xticks=[], yticks=[])
        if self.paths:
            left = wide + 0.8 / (2.1 * count + 4)  # room for the numbers beside it
            axes = figure.add_axes((left, 0.12, 0.97 - left, 0.68))
            self._draw_paths(axes)
        prompt = self.traces[0].prompt if len({trace.prompt for trace in self.traces}) == 1 else ""
        title = f"{prompt}  ·  frame {self.selection['frame'] + 1}" if prompt else noise_sentence(self.traces)
        figure.suptitle(title, fontsize=10)
        return figure

    def _draw_paths(self, axes: Axes) -> None:
        kind = self.selection["path"]
        path = self.paths[kind]
        for i, points in enumerate(path.points):
            axes.plot(*points.T, "o-", color=COLORS[i], markersize=2.5, linewidth=1.2)
            axes.annotate(name_of(i), points[-1], color=COLORS[i], weight="bold", fontsize=10,
                          xytext=(4, 2), textcoords="offset points")  # fmt: skip
        axes.set_xlabel(f"main direction, {100 * path.explained[0]:.0f} % of the variance", fontsize=8)
        axes.set_ylabel(f"second, {100 * path.explained[1]:.0f} %", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.margins(0.08)
        axes.set_title(f"paths of the {kind} latents", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)

    def _picture(self, run: int) -> NDArray[np.uint8]:
        """One run at the selection, (H, W, 3)."""
        trace, show = self.traces[run], self.selection["show"]
        frame = frame_at(trace, self.selection["frame"], max(one.fps for one in self.traces))
        if show == "final":
            return trace.frames[frame]
        kept = trace.latents if show == "noisy" else trace.pred_x0
        return trace.linear_picture.frame(kept[self.own[run][self.selection["step"]]], frame)


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean over red, green and blue of how far two pictures lie apart, (H, W) of 0..255."""
    return np.abs(one.astype(np.float32) - other.astype(np.float32)).mean(axis=2)


def _wrapped(text: str, width: int = 26) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width)[:3])
