"""Direct: say where things go, drag them, move the camera (Boximator, Motion Brush, Director Mode).

`direct` makes a plan of what is asked (`plan`): `boxes`, `strokes`, a `camera` and a sound's `beats`. Then it
has the model draw that.
"""

from __future__ import annotations

from x2vkit.studio.direct.boxes import SoftBox
from x2vkit.studio.direct.call import direct

__all__ = ["SoftBox", "direct"]
