"""Who looks where: the view, how it packs queries and keys, what it reads off them, its static picture."""

from x2vkit.views.attention.view import Attention

__all__ = ["Attention"]
