"""The frozen record of one run, in numbers only. Nothing here imports torch: a page opens it at once."""

from x2vkit.trace.record import Trace

__all__ = ["Trace"]
