"""What people do with clips: direct, speak, keep, edit, go on, enlarge, tell as a film, play.

Each module turns a brief into runs of the one small model and returns Traces, so that every view opens on
what was made. What needs a model is imported when it is used; `suites` measures what each system does.
"""

from __future__ import annotations
