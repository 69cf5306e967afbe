"""The clip as pixels, latents and patches: the view, its arithmetic, its colours and its static picture."""

from x2vkit.views.patches.view import Patches

__all__ = ["Patches"]
