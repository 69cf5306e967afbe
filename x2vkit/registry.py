"""Weights by name: where those that ship lie. Knows nothing about torch."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
"""The weights that ship: a folder for each model, and the judge's."""
