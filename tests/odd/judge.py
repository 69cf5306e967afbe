"""How one odd input ends, measured: right, refused with a sentence, or one of the faults.

An input may take 2 seconds of this process's time and 300 MB beside what it had. A case that runs on is ended
by an alarm, and one that wants gigabytes by a limit of the address space, so that a fault is counted and does
not end the tests.
"""

from __future__ import annotations

import re
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from x2vkit.errors import X2VError

SECONDS, MEGABYTES = 2.0, 300
"""Most that one input may take."""
ALARM, SPACE = 30, 3 * 2**30
"""Seconds by the clock, and bytes of address space, after which a case is ended."""
FAULTS = ("traceback", "wrong", "slow", "large")
CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass(frozen=True)
class Case:
    """One odd input."""

    kind: str
    """What it is an input of."""
    name: str
    """The input in a few words, for a report."""
    run: Callable[[], object]
    """Hand it over. Comes back if it was accepted and what came of it is right, raises X2VError if it was
    refused, AssertionError if what came of it is wrong."""


@dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    end: str
    """right, refused, or one of FAULTS."""
    told: str = ""
    """The sentence, or the last lines of the traceback."""
    seconds: float = 0.0
    megabytes: float = 0.0


def judge(case: Case) -> Outcome:
    """Run a case."""
    told, before, begin = "", _peak(reset=True), time.process_time()
    try:
        with _bounded(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.run()
        end = "right"
    except X2VError as error:
        end, told = "refused", str(error)
        if not (error.got and error.rule and error.cure) or len(told) > 1500:
            end = "wrong"
    except AssertionError as error:
        end, told = "wrong", _tail(error)
    except (TimeoutError, MemoryError) as error:
        end, told = ("slow" if isinstance(error, TimeoutError) else "large"), _tail(error)
    except Exception as error:
        end, told = "traceback", _tail(error)
    seconds, megabytes = time.process_time() - begin, (_peak() - before) / 1e6
    if end not in FAULTS and seconds > SECONDS:
        end = "slow"
    if end not in FAULTS and megabytes > MEGABYTES:
        end = "large"
    return Outcome(end, told, seconds, megabytes)


def _tail(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return f"{type(error).__name__}: {str(error)[:160]} ({where})"


def _peak(reset: bool = False) -> int:
    """Most bytes that this process has held since the last reset; with reset, what it holds now."""
    if not CLEAR.exists():
        return 0
    if reset:
        CLEAR.write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    return 1024 * int(found[1]) if found else 0


@contextmanager
def _bounded() -> Iterator[None]:
    """An alarm, and a limit of the address space, while a case runs."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"it ran for more than {ALARM} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    found = re.search(r"VmSize:\s+(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    usual = signal.signal(signal.SIGALRM, ring)
    signal.alarm(ALARM)
    if found:
        resource.setrlimit(resource.RLIMIT_AS, (1024 * int(found[1]) + SPACE, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, usual)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
