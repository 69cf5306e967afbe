"""Clips that go on: longer, round in a loop, joined, filled in between, whole or piecewise, or played.

All of it is one model filling windows (windows.py) of latent frames of which some are known, by one plan for
the whole (carry.py, path.py).
"""

from __future__ import annotations
