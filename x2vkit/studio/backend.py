"""The backend of views and demo: models, and what the studio does with them.

Each method brings its module, and torch, when it is first called.
"""

from __future__ import annotations

from x2vkit.run.backend import ModelBackend


class StudioBackend(ModelBackend):
    """`ModelBackend` with the studio's calls, for the views that need them."""
