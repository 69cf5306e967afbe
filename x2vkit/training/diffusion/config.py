"""What a transformer's recipe says about its data: shapes, conditions, and the weights of its losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from x2vkit.axes import check_shape
from x2vkit.config import ModelConfig
from x2vkit.errors import X2VError
from x2vkit.flops import text_parameters, transformer_parameters
from x2vkit.training.latent_cache import Bucket
from x2vkit.training.schema import POSITIVE, Part, Range, Weight


@dataclass(frozen=True)
class DiffusionData:
    """The `[data]` table of a transformer recipe."""

    buckets: tuple[Bucket, ...]
    """Shapes to train on. The first one sets what a full batch is."""
    stills_steps: Annotated[int, Range(0, 1e9)] = 0
    """First steps, that see stills only: they cost a fifth of a clip, and what words look like is learned
    there before how things move. From then on every step learns from stills and from clips together: a few
    clips hold too few different words to learn from alone.
    """
    token_dropping: Annotated[float, Range(0, 0.95)] = 0.0
    """Part of a clip's tokens left out in every second batch of clips, which then holds so many more clips
    (MicroDiT, Sehwag et al. 2024, arXiv:2407.15811). Background goes first: there is most of it, and it is
    learned soonest.
    """
    max_words: Annotated[int, Range(2, 1024)] = 24
    """Text tokens of a training prompt; longer captions lose their end, shorter ones are padded."""
    drop_prompt: Part = 0.1
    """Part of the clips whose prompt is empty: the unconditional model that guidance needs."""
    known_frames: Part = 0.25
    """Part of the batches in which some latent frames are known, such as a first image."""
    control: Part = 0.35
    """Part of the clips with a control raster."""
    camera: Part = 0.25
    """Part of the clips with a camera track."""
    planned: Part = 0.0
    """Part of the clips that come with all that a planner says (core/planner.py): every subject's boxes, the
    openness of a mouth, and the camera. The two parts above are of the others.
    """
    noise_mean: Annotated[float, Range(-10, 10)] = 0.3
    """Mean of the normal behind a still's noise levels; above 0 favours noisy ones. A clip of f latent frames
    shows most things f times, so that more noise is needed to hide them: its mean is higher by log(f) / 3
    (as Esser et al. 2024, section 5.3.2, shift the levels of larger pictures).
    """
    noise_uniform: Part = 0.0
    """Part of the noise levels that are drawn uniformly from 0 to 1 instead: sigmoid(normal) hardly ever
    shows a model the low levels, at which detail is drawn.
    """
    auxiliary_loss: Weight = 0.3
    """Weight of predicting from an inner layer what every token shows (`AuxiliaryHead`; 0: off)."""
    subject_weight: Weight = 3.0
    """Extra weight of the latent positions that a subject fills: a tenth of the picture, and what viewers see
    first.
    """
    face_weight: Weight = 1.0
    """Times so much for those of a face: its mood and its mouth are a few pixels each."""
    sampling_weight: Mapping[str, Annotated[float, POSITIVE]] = field(default_factory=dict)
    """Actions that are dealt so many times as often as the others: those that are hardest to draw."""
    perceptual_loss: Weight = 0.0
    """Weight of errors as the decoder sees them (`PerceptualLoss`; 0: off)."""
    init_from: str = ""
    """Folder of a trained pipeline whose text encoder and transformer training starts from; parts of the
    model that it does not have start as they always do. Empty: start from nothing.
    """
    validation: Annotated[int, Range(1, 1e6)] = 32
    """Validation clips of each kind: new clips, and combinations of parts that are never
    trained on.
    """

    def check(self, model: ModelConfig) -> None:
        """Raise X2VError where a model of this size cannot be trained on it."""
        if not self.buckets:
            rule = "training needs at least one shape of clips"
            raise X2VError("[data] buckets = []", rule, "add a [[data.buckets]] table")
        for bucket in self.buckets:
            check_shape(bucket.frames, bucket.height, bucket.width, model.patch)
        if self.max_words > model.max_words + 1:
            rule = f"the text encoder reads at most {model.max_words} words, and a start before them"
            cure = "raise [model] max_words, or lower [data] max_words"
            raise X2VError(f"[data] max_words = {self.max_words}", rule, cure)


MODEL_RANGES = {
    "latent_channels": Range(1, 512),
    "patch": Range(1, 16),
    "width": Range(8, 16384),
    "depth": Range(1, 256),
    "heads": Range(1, 256),
    "mlp_ratio": Range(1, 16),
    "text_width": Range(8, 16384),
    "text_depth": Range(0, 64),
    "max_words": Range(1, 1024),
    "control_channels": Range(1, 256),
    "camera_channels": Range(1, 64),
    "conv_width": Range(0, 4096),
}
"""What a recipe's `[model]` table may say."""
MOST_PARAMETERS = 2e9
"""A larger model would need more memory for its training than any one device has (16 bytes a parameter)."""


def check_size(config: ModelConfig) -> None:
    """Raise X2VError for a model that is too large to be made."""
    count = transformer_parameters(config) + text_parameters(config, 0)
    if count > MOST_PARAMETERS:
        rule = f"a model of {count:.2g} parameters needs {16 * count / 1e9:,.0f} GB to be trained"
        cure = f"use fewer; {MOST_PARAMETERS:.0g} parameters are the most"
        raise X2VError(f"[model] width = {config.width}, depth = {config.depth}", rule, cure)
