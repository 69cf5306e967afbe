"""One place decides dtype and threads: asked of the processor, and never against the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import x2vkit
from x2vkit import device

ROOT = Path(x2vkit.__file__).parents[1]


def answers(code: str, **environ: str) -> str:
    """What `code` prints in a fresh interpreter whose environment says nothing else of threads."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=usual | environ,
        check=True,
    )
    return done.stdout.strip()


SHOW = "import os, x2vkit; print(os.environ.get('GOMP_SPINCOUNT'), os.environ.get('OMP_NUM_THREADS'))"


def test_importing_the_package_bounds_how_long_threads_spin():
    assert answers(SHOW).split()[0] == str(device.SPIN_COUNT)


@pytest.mark.parametrize(
    ("name", "value", "spins"), [("GOMP_SPINCOUNT", "7", "7"), ("OMP_WAIT_POLICY", "passive", "None")]
)
def test_what_the_user_set_stays(name, value, spins):
    assert answers(SHOW, **{name: value}).split()[0] == spins


def test_the_number_of_threads_that_the_user_set_stays(monkeypatch):
    monkeypatch.setattr(device, "allowed_processors", lambda: 1)
    environ = {"OMP_NUM_THREADS": "5"}
    device.configure_threads(environ)
    assert environ["OMP_NUM_THREADS"] == "5"


def test_a_quota_bounds_threads_also_where_torch_is_there_already(monkeypatch):
    before, chosen = torch.get_num_threads(), []
    monkeypatch.setattr(device, "allowed_processors", lambda: 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    environ: dict[str, str] = {}
    device.configure_threads(environ)
    assert environ == {"GOMP_SPINCOUNT": str(device.SPIN_COUNT), "OMP_NUM_THREADS": "1"}
    assert chosen == [1]
    monkeypatch.undo()
    assert torch.get_num_threads() == before


def test_torch_before_x2vkit_breaks_nothing():
    code = "import torch; n = torch.get_num_threads(); import x2vkit; print(n == torch.get_num_threads())"
    assert answers(code) == "True"


@pytest.mark.parametrize(
    ("text", "processors"), [("150000 100000", 2), ("20000 100000", 1), ("max 100000", None), ("", None)]
)
def test_a_quota_of_control_groups_version_2_is_read(tmp_path, monkeypatch, text, processors):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    (tmp_path / "cpu.max").write_text(text)
    assert device.allowed_processors((str(tmp_path / "cpu.max"), str(tmp_path / "none"))) == processors


@pytest.mark.parametrize(("quota", "processors"), [("300000", 3), ("-1", None), ("900000", None)])
def test_a_quota_of_control_groups_version_1_is_read(tmp_path, monkeypatch, quota, processors):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    (tmp_path / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu.cfs_period_us").write_text("100000")
    paths = (str(tmp_path / "none"), str(tmp_path / "cpu.cfs_quota_us"))
    assert device.allowed_processors(paths) == processors


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ({"avx512_bf16": False, "avx512_f": True}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"bf16": True, "neon": True}, torch.bfloat16),
    ],
)
def test_the_processor_is_asked_whether_it_multiplies_bfloat16(monkeypatch, flags, dtype):
    """oneDNN says yes wherever it can emulate it."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    assert device.fast_dtype("cpu") == dtype


@pytest.mark.parametrize(("in_hardware", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_is_asked_too(monkeypatch, in_hardware, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: in_hardware)
    assert device.fast_dtype() == dtype


def test_training_and_sampling_ask_the_same_question():
    users = [path for path in (ROOT / "x2vkit").rglob("*.py") if "_is_mkldnn_bf16" in path.read_text()]
    assert users == [ROOT / "x2vkit" / "device.py"]


def test_garbage_is_not_collected_while_packages_are_imported_and_is_afterwards():
    code = """
import gc, x2vkit
seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
x2vkit.X2VPipeline
print(len(seen) < 10, gc.isenabled(), gc.get_freeze_count())
"""
    assert answers(code) == "True True 0"  # hundreds, were it not for the pause


def test_a_user_who_collects_no_garbage_still_does_not():
    assert device.gc.isenabled()
    device.gc.disable()
    try:
        with device.collection_paused():
            pass
        assert not device.gc.isenabled()
    finally:
        device.gc.enable()


def test_what_a_command_brought_is_not_looked_at_again():
    code = """
import gc
from x2vkit.device import collection_paused
with collection_paused(freeze=True):
    import json
print(gc.isenabled(), gc.get_freeze_count() > 1000)
"""
    assert answers(code) == "True True"


def test_a_gpus_free_memory_counts_what_torch_keeps_for_itself(monkeypatch):
    for name, size in (("mem_get_info", (100, 900)), ("memory_reserved", 70), ("memory_allocated", 30)):
        monkeypatch.setattr(torch.cuda, name, lambda size=size: size)
    assert device.free_gpu_bytes() == 140
