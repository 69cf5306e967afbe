"""Changing a clip: inpaint, backdrop, recolor, restyle, dub; what lies outside the mask is kept."""

from __future__ import annotations
