"""The one place that decides on which numbers and with how many threads this machine computes, and how torch
is brought in.

Sampling, training, judge and bench ask here. Importing this brings no torch: `configure_threads` must run
before torch is there.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SPIN_COUNT = 20_000
"""How often a thread of libgomp looks whether the others are done before it sleeps.

A clip has thousands of barriers. By default a thread spins 300,000 times (some 5 ms) at each; while another
program holds a core, the thread that all wait for waits in turn for the spinners, and a clip takes 37 times
as long beside two busy processes. With 2,000 to 40,000 spins it takes 2.2 to 2.6 times as long, and alone as
long as ever; with 1,000, or OMP_WAIT_POLICY=passive, it is 10 to 30 % slower alone (measured on 2 cores).
"""
USERS_OWN = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
"""Settings of a user that say how threads wait: where one is set, it stays."""
QUOTAS = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
"""Where Linux says how much processor time a container may take: in cgroups version 2, and 1."""


def configure_threads(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let threads wait briefly, and be no more than the processors that this process may use.

    `import x2vkit` calls it, so the command line, notebooks, the demo and a Space have it. What the user set
    is never overridden. Where torch was imported first, how threads wait is decided already and only their
    number can change. The number depends on the machine alone and never on its load: a clip is the same bit
    for bit only with the same number of threads.

    Args:
        environ: the environment to set defaults in; processes started from here inherit it.
    """
    if not any(name in environ for name in USERS_OWN):
        environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    threads = allowed_processors()
    if "OMP_NUM_THREADS" in environ or threads is None:
        return
    environ["OMP_NUM_THREADS"] = str(threads)
    if (torch := sys.modules.get("torch")) and torch.get_num_threads() > threads:
        torch.set_num_threads(threads)


@contextmanager
def collection_paused(freeze: bool = False) -> Iterator[None]:
    """No garbage collection while large packages are imported: it looks at the same hundreds of thousands of
    objects again and again, which takes a third of the time.

    Args:
        freeze: never look at what is there again afterwards, which saves a process most of the second that
            it takes to end: for a command that is about to, not for a session with garbage of its own.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if freeze:
            gc.freeze()
        if enabled:
            gc.enable()


def allowed_processors(quotas: tuple[str, str] = QUOTAS) -> int | None:
    """Processors that a container's quota amounts to, rounded up, where they are fewer than there are.

    OpenMP heeds a process's affinity but no quota: with 64 threads on a quota of 2 processors, a container
    stands still most of the time.

    Returns:
        Their number, at least 1; None where nothing limits this process further than its affinity.
    """
    limit = _quota(*map(Path, quotas))
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return None if limit is None or ceil(limit) >= there else max(1, ceil(limit))


def fast_dtype(device: torch.device | str | None = None) -> torch.dtype:
    """bfloat16 where hardware multiplies it, else float32: for the weights that sample and for training.

    Args:
        device: where the work is done; None for a GPU where there is one, else the processor.

    Returns:
        torch.bfloat16 on GPUs since NVIDIA's Ampere and on processors with AVX512_BF16, AMX or Arm's bf16;
        elsewhere, also where it would only be emulated, torch.float32.
    """
    import torch

    kind = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")).type
    if kind == "cuda":
        multiplies = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        multiplies = kind == "cpu" and _processor_has_bf16()
    return torch.bfloat16 if multiplies else torch.float32


def free_gpu_bytes() -> int:
    """Bytes of a GPU's memory that this process can still have, with what torch keeps for later."""
    import torch

    return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


def _processor_has_bf16() -> bool:
    """oneDNN also calls bf16 supported where it only emulates it, slowly: ask the processor itself."""
    import torch

    if not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    has = torch.cpu.get_capabilities()
    return any(has.get(flag, False) for flag in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))


def _quota(version_2: Path, version_1: Path) -> float | None:
    """Processors' worth of time that the control group may take; None where nothing limits it."""
    try:
        if version_2.is_file():
            quota, period = version_2.read_text().split()
        else:
            quota = version_1.read_text()
            period = version_1.with_name("cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no control group, or "max"
        return None
