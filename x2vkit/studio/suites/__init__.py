"""`x2vkit evaluate --studio`: how well each system of the studio works, beside the judge's ceiling and the
same scenes without it.

A suite is a function of a ClipSampler that yields Figures, as those of `x2vkit.judge.suites`.
"""

from __future__ import annotations

from x2vkit.judge.evaluation import Suite
from x2vkit.studio.suites.cast import cast
from x2vkit.studio.suites.direct import boxes, camera, soft_boxes, strokes
from x2vkit.studio.suites.edit import edit
from x2vkit.studio.suites.expand import expand
from x2vkit.studio.suites.go_on import extend, loop_connect, strategies
from x2vkit.studio.suites.speech import speech
from x2vkit.studio.suites.upscale import upscale

SUITES: dict[str, Suite] = {
    suite.__name__: suite
    for suite in (
        boxes,
        camera,
        cast,
        edit,
        expand,
        extend,
        loop_connect,
        soft_boxes,
        speech,
        strategies,
        strokes,
        upscale,
    )
}
"""Name -> what measures it."""
