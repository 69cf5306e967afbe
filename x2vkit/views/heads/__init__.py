"""Every head of a run against the truth: the view, and the scores that it shows."""

from x2vkit.views.heads.view import Heads

__all__ = ["Heads"]
