"""Wan and what grew from it: self attention over the video, cross attention to words and their filler."""

from x2vkit.adapters.base import REFUSED, Support

BY_FRAME = (
    "each latent frame has a scheduler and a noise level of its own, so that a step of the clip has no one t"
)
SUPPORT = (
    Support("WanPipeline", layout="CFHW", fps=16),
    Support("WanImageToVideoPipeline", layout="CFHW", fps=16),
    Support("WanVACEPipeline", layout="CFHW", fps=16),
    Support("LucyEditPipeline", layout="CFHW", fps=24),
    Support("SkyReelsV2Pipeline", layout="CFHW", fps=24),
    Support("SkyReelsV2DiffusionForcingPipeline", REFUSED, BY_FRAME),
    Support("SkyReelsV2DiffusionForcingImageToVideoPipeline", REFUSED, BY_FRAME),
    Support("SkyReelsV2DiffusionForcingVideoToVideoPipeline", REFUSED, BY_FRAME),
    Support("ChronoEditPipeline", layout="CFHW", fps=16),
    Support("AnyFlowPipeline", layout="FCHW", fps=16),
    Support("WanAnimatePipeline", layout="CFHW", fps=16, sectioned=True),
    Support("HeliosPipeline", layout="CFHW", fps=24, sectioned=True),
    Support("HeliosPyramidPipeline", REFUSED, "its steps work on grids of several sizes"),
)
