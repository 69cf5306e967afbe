"""What a transformer's recipe says about its data: shapes, conditions, and the weights of its losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DiffusionData:
    """The `[data]` table of a transformer recipe."""

    buckets: Sequence[dict[str, Any]]
    """Shapes to train on; the fields of `latent_cache.Bucket`. The first one sets what a full batch is."""
    stills_steps: int = 0
    """First steps, that see stills only: they cost a fifth of a clip, and what words look like is learned
    there before how things move. From then on every step learns from stills and from clips together: a few
    clips hold too few different words to learn from alone.
    """
    token_dropping: float = 0.0
    """Part of a clip's tokens left out in every second batch of clips, which then holds so many more clips
    (MicroDiT, Sehwag et al. 2024, arXiv:2407.15811). Background goes first: there is most of it, and it is
    learned soonest.
    """
    max_words: int = 24
    """Text tokens of a training prompt; longer captions lose their end, shorter ones are padded."""
    drop_prompt: float = 0.1
    """Part of the clips whose prompt is empty: the unconditional model that guidance needs."""
    known_frames: float = 0.25
    """Part of the batches in which some latent frames are known (a first image, a clip to go on from)."""
    control: float = 0.35
    """Part of the clips with a control raster."""
    camera: float = 0.25
    """Part of the clips with a camera track."""
    planned: float = 0.0
    """Part of the clips that come with all that a planner says (core/planner.py): every subject's boxes, the
    openness of a mouth, and the camera. The two parts above are of the others.
    """
    noise_mean: float = 0.3
    """Mean of the normal behind a still's noise levels; above 0 favours noisy ones. A clip of f latent frames
    shows most things f times, so that more noise is needed to hide them: its mean is higher by log(f) / 3
    (as Esser et al. 2024, section 5.3.2, shift the levels of larger pictures).
    """
    noise_uniform: float = 0.0
    """Part of the noise levels that are drawn uniformly from 0 to 1 instead: sigmoid(normal) hardly ever shows a
    model the low levels, at which detail is drawn.
    """
    auxiliary_loss: float = 0.3
    """Weight of predicting from an inner layer what every token shows (`AuxiliaryHead`; 0: off)."""
    subject_weight: float = 3.0
    """Extra weight of the latent positions that a subject fills: a tenth of the picture, and what viewers look
    at.
    """
    face_weight: float = 1.0
    """Times so much for those of a face: its mood and its mouth are a few pixels each."""
    sampling_weight: Mapping[str, float] = field(default_factory=dict)
    """Actions that are dealt so many times as often as the others: those that are hardest to draw."""
    perceptual_loss: float = 0.0
    """Weight of errors as the decoder sees them (`PerceptualLoss`; 0: off)."""
    init_from: str = ""
    """Folder of a trained pipeline whose text encoder and transformer training starts from; parts of the
    model that it does not have start as they always do. Empty: start from nothing.
    """
    validation: int = 32
    """Validation clips of each kind: new clips, and combinations of parts that are never
    trained on.
    """
