"""Work that a launcher spreads over processes: who is there, who writes, and what each has its share of.

    torchrun --nproc_per_node 2 -m x2vkit train small
    accelerate launch --config_file two.yaml -m x2vkit evaluate

Everything here holds for one process, too, where it costs nothing. It knows nothing of training: accelerate's
`PartialState` says who is there, and is made here alone, since whoever asks it first decides for all. On a
processor a bare `PartialState()` tells every process that it is the only one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from x2vkit.errors import X2VError

if TYPE_CHECKING:
    from accelerate import PartialState
    from torch import Tensor

T = TypeVar("T")

SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
"""Where launchers (torchrun and accelerate, three kinds of MPI) say how many processes they started, and
which of them this one is.
"""
LONGEST = timedelta(days=2)
"""What the others wait for at most while the main process evaluates, or encodes a data set."""
PATIENCE = 5.0
"""Seconds in which the main process can tell a fault that all met, before another one tells it, too."""
LOST = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
"""What torch's errors speak of when another process is gone."""


def started() -> int:
    """How many processes the launcher says it started; 1 without one. Needs no torch."""
    return max(1, *(_number(name, 1) for name in SIZES))


def is_main() -> bool:
    """Whether this process is the one that writes and prints. Needs no torch."""
    return started() == 1 or max(_number(name, 0) for name in RANKS) == 0


def state() -> PartialState:
    """Who is there: accelerate's singleton, made so that it counts every process.

    Raises:
        X2VError: it was made before, in a way that missed the others; or each process is to hold a part of
            the model.
    """
    for name in ("FSDP", "DEEPSPEED", "MEGATRON_LM"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            rule = "every process of x2vkit holds the whole model (DDP); its models are small"
            raise X2VError(f"accelerate with {name}", rule, "set distributed_type: MULTI_GPU in its config")
    import torch
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    count = started()
    kind = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    alone_on_cpu = kind is None or kind.type == "mps"  # Apple's GPUs cannot talk to each other
    cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or (count > 1 and alone_on_cpu)
    found = PartialState(cpu=cpu, **({"timeout": LONGEST} if count > 1 else {}))
    if found.num_processes != count:
        got = f"accelerate's state of {found.num_processes} process{'es' * (found.num_processes > 1)}"
        rule = f"{count} processes were started, and each believes to be alone"
        cure = "call PartialState(cpu=True) on a processor, or nothing of accelerate before x2vkit"
        raise X2VError(got, rule, cure)
    return found


_alone = False
"""Whether the main process works while the others wait: what it calls then is not theirs to take part in."""


def on_main(make: Callable[[], T]) -> T:
    """What the main process makes, for all of them; the others wait. Its X2VError is everybody's."""
    if started() == 1 or _alone:
        return make()
    here = state()
    from accelerate.utils import broadcast_object_list

    made: list[Any] = [None, None]
    if here.is_main_process:
        try:
            with _others_waiting():
                made[0] = make()
        except X2VError as error:
            made[1] = error
    broadcast_object_list(made)
    if made[1] is not None:
        raise made[1] if here.is_main_process else _Told(made[1].got, made[1].rule, made[1].cure)
    return made[0]


class _Told(X2VError):
    """A fault of the main process, which tells it: the others only end with it."""


@contextmanager
def _others_waiting() -> Iterator[None]:
    global _alone
    _alone = True
    try:
        yield
    finally:
        _alone = False


def share(items: Sequence[Any], make: Callable[[Any], T]) -> list[T]:
    """What is made of each item, in order, for all processes; each makes its share.

    Every P-th item is a process's own, so that a run of long ones is not all for one of them, as it would be
    in the contiguous parts of accelerate's `split_between_processes`.
    """
    if started() == 1 or _alone:
        return [make(item) for item in items]
    here = state()
    from accelerate.utils import gather_object

    own = range(here.process_index, len(items), here.num_processes)
    pairs = gather_object([(i, make(items[i])) for i in own])
    return [made for _, made in sorted(pairs, key=lambda pair: pair[0])]


# -- a mean over a batch that lies in several processes ------------------------------------------------------

_whole = False


@contextmanager
def whole_batch() -> Iterator[None]:
    """In here `over_all` counts what all processes have of a batch, and each of them has to ask it."""
    global _whole
    _whole = started() > 1
    try:
        yield
    finally:
        _whole = False


def over_all(total: Tensor, once: float = 0.0) -> Tensor:
    """What a process's sum is divided by, so that the mean over processes is the mean over the whole batch.

    Gradients are averaged over processes, each counting alike. A process that divides by what it has itself
    gives its clips more weight the fewer it has; divided by this, all clips weigh as they do in one process.

    Args:
        total: weights, or a number of elements, that this process has; any shape.
        once: what is added to the sum over all.

    Returns:
        (sum over processes + once) / their number, inside `whole_batch`; elsewhere total + once.
    """
    return _mean_over_processes(total, once) if _whole else total + once


def _mean_over_processes(total: Tensor, once: float) -> Tensor:
    import torch
    from accelerate.utils import reduce

    @torch.compiler.disable
    def mean() -> Tensor:
        return reduce(total.detach().float(), "mean") + once / state().num_processes

    return mean()


# -- a command in many processes -----------------------------------------------------------------------------


@contextmanager
def taking_part(shared: bool) -> Iterator[bool]:
    """What a command runs in: True where this process has a part in it.

    Only the main process prints. A fault in one of them ends all, with its sentence: whoever loses another
    ends with X2VError, and launchers end the rest.

    Args:
        shared: whether the command is made for many processes; else the main process runs it alone.
    """
    if started() == 1 or not shared:
        yield is_main()
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # every process would tell what torch advises
    try:
        here = state()
        with _quiet(here):
            yield True
        here.destroy_process_group()
    except _Told:
        raise SystemExit(2) from None
    except X2VError:
        if not is_main():
            time.sleep(PATIENCE)
        raise
    except RuntimeError as error:
        if not any(word in str(error).lower() for word in LOST):
            raise
        rule = "another process has ended, so this one cannot go on"
        cure = "see what that one said; a training run goes on from its last checkpoint with --resume"
        raise X2VError(f"process {here.process_index} of {here.num_processes}", rule, cure) from error


@contextmanager
def _quiet(here: PartialState) -> Iterator[None]:
    """Lines, bars and warnings of the main process alone. What ends another one is told after this."""
    if here.is_main_process:
        import torch

        threads = torch.get_num_threads()
        each = f"{threads} thread{'s' * (threads > 1)} each" if here.device.type == "cpu" else here.backend
        print(f"x2vkit: {here.num_processes} processes, {each}", file=sys.stderr)
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else default
