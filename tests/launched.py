"""What the tests of `processes.py` start in several processes: commands of x2vkit one after the other.

    launched.py COMMANDS.json [STEP kill|fail]

COMMANDS.json: a list of the arguments of each. From STEP of the last one on, one process is killed or fails.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from x2vkit.cli import commands
from x2vkit.errors import X2VError
from x2vkit.processes import is_main, taking_part


def run(several: list[list[str]], *end: str) -> None:
    """All commands in this process, or this process's parts of them; `toy DIR` trains the toy of the engine's
    tests, which needs no model. end: where and how the last one ends.
    """
    with taking_part(shared=True):
        for argv in several:
            if end and argv == several[-1]:
                die(int(end[0]), end[1])
            if argv[0] == "toy":
                from tests.training.toy import train

                train(Path(argv[1]))
                continue
            args = commands.parse(argv)
            assert not args.run(args)


def die(at: int, how: str) -> None:
    """Make the second process end in the step after `at`."""
    from x2vkit.training.engine import Engine

    step = Engine._step

    def dying(self: Engine, batches: list) -> dict:
        if self.progress.step >= at and not is_main():
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise X2VError("clip 7", "it is broken", "mend it")
        return step(self, batches)

    Engine._step = dying


if __name__ == "__main__":
    try:
        run(json.loads(Path(sys.argv[1]).read_text()), *sys.argv[2:])
    except X2VError as error:
        print(f"process {os.environ['RANK']} says {error}", file=sys.stderr)
        raise SystemExit(2) from None
