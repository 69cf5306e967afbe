"""What a page knows of patches before there is a clip: the sizes that can be tried, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from x2vkit.axes import Geometry, Shape3, latent_shape
from x2vkit.registry import SHAPES
from x2vkit.views.patches.order import DROP_SEED
from x2vkit.views.patches.tokens import cost, described, named_config, sizes_to_try
from x2vkit.views.patches.view import MOST_DROPPED, NUMBER_BYTES


def patches(transformer: Any, shapes: Sequence[str], model: str) -> dict[str, Any]:
    """What the view of patches says of each shape, as JSON values. model: as a trace names it.

    A size's costs stand at 0, 1 and 2 words: they grow with the square of the sequence, so three are enough.
    """
    config = named_config(model, transformer.config.latent_channels)

    def costs(latents: tuple[int, ...], patch: Shape3) -> dict[str, Any]:
        each = [cost(config, latents, replace(Geometry(), patch=patch), words) for words in range(3)]
        return {**each[0], **{name: [one[name] for one in each] for name in ("attention", "forward")}}

    def of(shape: str) -> dict[str, Any]:
        latent = latent_shape(*SHAPES[shape])
        lengths, sides = sizes_to_try(latent, transformer.patch)
        rows = [
            [costs((config.latent_channels, *latent), (length, *side)) for side in sides]
            for length in lengths
        ]
        return {"lengths": lengths, "sides": sides, "costs": rows}

    said = {"model": described(config), "number_bytes": NUMBER_BYTES, "drop_seed": DROP_SEED}
    return {shape: of(shape) for shape in shapes} | said | {"most_dropped": MOST_DROPPED}
