"""Checkpoints that survive a kill or a full disk at any moment.

A checkpoint is a folder `step-00001234` of safetensors files and one JSON file. It is written under a
temporary name, flushed to the disk, and only then renamed: a folder of that name is always complete. The one
before is removed after that, so at every instant at least one complete checkpoint exists. There is no pickle
anywhere.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.errors import X2VError

Tensors = dict[str, Tensor]


def save_checkpoint(folder: Path, step: int, groups: dict[str, Tensors], state: dict[str, Any]) -> Path:
    """Write one checkpoint and remove the older ones.

    Args:
        folder: where checkpoints live; made when missing.
        step: optimiser steps done.
        groups: file name without suffix -> tensors by name.
        state: JSON values to keep beside them.

    Raises:
        X2VError: a number in it is not finite, or it could not be written (a full disk); the previous
            checkpoint is untouched.
    """
    for tensors in groups.values():
        check_finite(tensors, f"checkpoint at step {step}")
    final = folder / f"step-{step:08d}"
    partial = folder / f".{final.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, tensors in groups.items():
            path = partial / f"{name}.safetensors"
            save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, path)
            _flush(path)
        path = partial / "state.json"
        path.write_text(json.dumps({"format": FORMAT_VERSION, "step": step, **state}, indent=1))
        _flush(path)
        _flush(partial)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(partial, final)
        _flush(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        rule = f"it could not be written ({error}); the previous checkpoint is untouched"
        raise X2VError(f"checkpoint {final}", rule, "free some space and run again with --resume") from error
    for older in _complete(folder):
        if older != final:
            shutil.rmtree(older, ignore_errors=True)
    return final


def check_finite(tensors: Tensors, what: str) -> None:
    """Raise X2VError for a tensor that holds NaN or infinity: weights that diverged are never written."""
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            rule = f"training has diverged: {name} is not finite; what was saved before stays as it is"
            cure = "resume from the last checkpoint with lower muon_lr and adam_lr"
            raise X2VError(what, rule, cure)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensors], dict[str, Any]] | None:
    """The newest complete checkpoint as (groups, state), or None where there is none.

    Raises:
        X2VError: a checkpoint of another format version, or a file that is not safetensors.
    """
    found = _complete(folder)
    if not found:
        return None
    newest = found[-1]
    try:
        state = json.loads((newest / "state.json").read_text())
        check_format(state["format"])
        groups = {path.stem: load_file(path) for path in sorted(newest.glob("*.safetensors"))}
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise _unreadable(newest, error) from error
    return groups, state


def newest_state(folder: Path) -> dict[str, Any] | None:
    """What `load_checkpoint` gives as state, without reading the weights; None where there is no checkpoint.

    Raises X2VError where it cannot be read.
    """
    found = _complete(folder)
    if not found:
        return None
    try:
        state = json.loads((found[-1] / "state.json").read_text())
        check_format(state["format"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _unreadable(found[-1], error) from error
    return dict(state)


def _unreadable(checkpoint: Path, error: Exception) -> X2VError:
    rule = f"a checkpoint is state.json and safetensors files ({error})"
    return X2VError(f"checkpoint {checkpoint}", rule, "remove that folder and train again")


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    _flush(partial)
    os.replace(partial, path)


def _complete(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    found = folder.glob("step-*") if folder.is_dir() else ()
    return sorted(path for path in found if path.name.removeprefix("step-").isdigit())


def _flush(path: Path) -> None:
    """Force a file's bytes, or a folder's names, onto the disk. Only POSIX can open a folder for that."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
