"""Idea to film: a storyboard as plain data, its shots made and kept, cut into one film with sound.

`board.py` is the data, `tell.py` writes it from an idea, `make.py` makes the shots, `edit.py` joins them,
`sound.py` is what is heard.
"""

from __future__ import annotations
