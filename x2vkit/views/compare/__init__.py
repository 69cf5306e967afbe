"""Runs side by side: the view, what is said of them, their paths, what travels to the browser."""

from x2vkit.views.compare.view import Compare

__all__ = ["Compare"]
