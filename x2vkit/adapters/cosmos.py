"""Cosmos 2.5 and Cosmos 3, whose words read each other in order only."""

from x2vkit.adapters.base import Support

SUPPORT = (
    Support("Cosmos2_5_PredictBasePipeline", layout="CFHW", fps=16),
    Support("Cosmos3OmniPipeline", layout="CFHW", fps=24),
)
