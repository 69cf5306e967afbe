"""Classifier-free guidance (CFG): several passes of the transformer over one clip, and what is made of them.

    B clips; G passes; C, f, h, w latent grid; T text tokens, D text width

    v = v_cond + (guidance - 1) (v_cond - v_negative) + (control_guidance - 1) (v_cond - v_without_control)
      + (mouth_guidance - 1) (v_cond - v_still_mouth)

The classifier-free guidance of arXiv 2207.12598 with a scale for each condition (as arXiv 2211.09800). The
plan goes with the words that it came from: a pass without them that kept it would leave nothing to push a
camera, which shows in few pixels, off the spot.

A still mouth is open as far as the mouth is on average over the clip. What a mouth does is all detail, so its
guidance weighs the same at every noise level.

A flow map learned the velocity that its teacher was guided to: it has one pass, and more are refused.

Knows nothing about how prompts become text tokens (text.py), nor about steps (sampler.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from x2vkit.core.conditions import Conditions, stack, token_levels
from x2vkit.core.sampler import Prediction
from x2vkit.core.transformer import VideoTransformer
from x2vkit.errors import X2VError
from x2vkit.registry import SamplingDefaults


@dataclass(frozen=True)
class Pass:
    """One evaluation of the transformer on all clips; steps x passes is the number of function evaluations
    (NFE).
    """

    weight: float
    """CFG weight of (v_cond - v of this pass); 0 for the conditional pass itself."""
    negative: bool = False
    """Reads the negative prompt in place of the prompt."""
    control: bool = True
    """Reads boxes, control raster and camera."""
    mouth: bool = True
    """Reads how the mouth opens and closes, not only how far on average."""


def passes(
    guidance: float, control_guidance: float, given: Conditions, mouth_guidance: float = 1.0
) -> tuple[Pass, ...]:
    """The passes that these guidance scales need, the conditional one first; a scale of 1 saves its pass."""
    found = [Pass(weight=0.0)]
    if guidance != 1:
        found.append(Pass(guidance - 1, negative=True, control=False))
    if control_guidance != 1 and (given.control is not None or given.camera is not None):
        found.append(Pass(control_guidance - 1, control=False))
    if mouth_guidance != 1 and given.talks:
        found.append(Pass(mouth_guidance - 1, mouth=False))
    return tuple(found)


def _read(one: Pass, given: Conditions) -> Conditions:
    """What a pass reads of the conditions."""
    given = given if one.control else given.without_control()
    return given if one.mouth else given.with_still_mouth()


class GuidedVelocity:
    """The guided velocity as a function of latents and noise level: what `sampler.sample` is handed."""

    def __init__(
        self,
        transformer: VideoTransformer,
        passes: Sequence[Pass],
        text: Tensor,
        text_mask: Tensor,
        given: Conditions,
        latent_shape: tuple[int, int, int],
        *,
        ramp: float = SamplingDefaults.guidance_ramp,
        shared_attention: bool = False,
    ) -> None:
        """Work out once what stays the same in every step.

        Args:
            transformer: predicts the velocity of a batch.
            passes: as made by `passes`.
            text: (G * B, T, D), the text tokens of each pass's clips, in the order of the passes.
            text_mask: (G * B, T) bool, True on real words.
            given: conditions of the B clips.
            latent_shape: (f, h, w).
            ramp: noise level below which guidance weighs less.
            shared_attention: every clip also attends to the other clips of its pass.

        Raises:
            X2VError: more than one pass of a flow map.
        """
        if transformer.config.flow_map and len(passes) > 1:
            raise guided_twice("guidance")
        self.transformer, self.passes, self.given, self.ramp = transformer, passes, given, ramp
        self.shared_attention = shared_attention
        if transformer.is_cache_enabled:  # what an earlier run kept is of another clip
            transformer._reset_stateful_cache()
        B, dtype = len(text) // len(passes), transformer.dtype
        read = [_read(each, given) for each in passes]
        inputs: dict[str, Tensor | None] = {
            "camera": stack([each.camera for each in read], dtype),
            "boxes": stack([each.boxes for each in read], torch.float32),
            "control": stack([each.control for each in read], dtype),
        }
        # One batch is fastest; but clips that share attention must not see those of another pass.
        whole = len(text)
        size = B if shared_attention else whole
        self.groups = [slice(start, start + size) for start in range(0, whole, size)]
        self.inputs: list[dict[str, Any]] = []
        for rows in self.groups:
            part: dict[str, Any] = {
                name: None if value is None else value[rows] for name, value in inputs.items()
            }
            part["precomputed"] = transformer.precompute(
                latent_shape, text.shape[1], **part, device=text.device, dtype=dtype
            )
            self.inputs.append(part | {"text": text[rows], "text_mask": text_mask[rows]})

    def __call__(self, latents: Tensor, t: float, next_t: float | None = None) -> Prediction:
        """Latents (B, C, f, h, w) at noise level t -> guided and conditional velocity; of a flow map, told
        the next level, the mean velocity on the way there.
        """
        count, levels = len(self.passes), self._levels(latents, t)
        arrival = None if next_t is None else self._levels(latents, next_t)
        x = latents.to(self.transformer.dtype).repeat(count, 1, 1, 1, 1)
        found = [
            self._predict(
                f"group {i}", x[rows], levels[rows], r=None if arrival is None else arrival[rows], **part
            )
            for i, (rows, part) in enumerate(zip(self.groups, self.inputs, strict=True))
        ]
        conditional, *others = torch.cat(found).float().chunk(count)
        ramp = min(1.0, t / self.ramp)
        guided = conditional
        for one, other in zip(self.passes[1:], others, strict=True):
            guided = guided + (ramp if one.mouth else 1.0) * (one.weight * (conditional - other))
        return Prediction(guided, conditional)

    def _levels(self, latents: Tensor, t: float) -> Tensor:
        """Noise level t of every pass's clips, (G * B, 1 or N): 0 on known tokens."""
        levels = latents.new_full((len(latents), 1), t)
        levels = token_levels(levels, self.given.known_mask, self.transformer.patch)
        return levels.repeat(len(self.passes), 1)

    def _predict(self, name: str, x: Tensor, levels: Tensor, **inputs: Any) -> Tensor:
        """One group's velocity; a cache keeps each group's blocks apart."""
        cached = self.transformer.is_cache_enabled
        with self.transformer.cache_context(name) if cached else nullcontext():
            inputs |= {"shared_attention": self.shared_attention, "return_dict": False}
            return self.transformer(x, levels, **inputs)[0]


def guided_twice(setting: str, cure: str = "use 1") -> X2VError:
    """What is said of a setting that would guide a flow map again, such as "guidance=4"."""
    rule = "this model is a flow map: it learned its guidance, and a second pass would guide it twice"
    return X2VError(setting, rule, f"{cure}, or take the model that it was distilled from")
