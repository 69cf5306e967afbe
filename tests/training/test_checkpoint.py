"""A checkpoint is whole or not there; a failed write leaves the one before."""

from __future__ import annotations

import json

import pytest
import torch

from x2vkit.errors import X2VError
from x2vkit.training import checkpoint
from x2vkit.training.checkpoint import load_checkpoint, save_checkpoint, write_atomically


def save(folder, step: int):
    groups = {"model": {"w": torch.full((3,), float(step))}, "optimizer": {"m": torch.zeros(2, 2)}}
    return save_checkpoint(folder, step, groups, {"note": f"after {step}"})


def test_what_was_saved_is_loaded(tmp_path):
    save(tmp_path, 7)
    groups, state = load_checkpoint(tmp_path)
    assert torch.equal(groups["model"]["w"], torch.full((3,), 7.0)) and set(groups) == {"model", "optimizer"}
    assert state["step"] == 7 and state["note"] == "after 7"


def test_only_the_newest_stays(tmp_path):
    for step in (1, 2, 10):
        save(tmp_path, step)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000010"]


def test_no_checkpoint_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "nothing") is None


@pytest.mark.parametrize("broken", ["save_file", "_flush", "replace"])
def test_a_full_disk_keeps_the_previous(tmp_path, monkeypatch, broken):
    """Whichever call fails, the checkpoint before is untouched, nothing half-written is left, and the error
    says so.
    """
    save(tmp_path, 1)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    target = checkpoint.os if broken == "replace" else checkpoint
    with monkeypatch.context() as patch, pytest.raises(X2VError, match="No space left.*previous checkpoint"):
        patch.setattr(target, broken, full)
        save(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    groups, state = load_checkpoint(tmp_path)
    assert state["step"] == 1 and torch.equal(groups["model"]["w"], torch.ones(3))
    save(tmp_path, 3)
    assert load_checkpoint(tmp_path)[1]["step"] == 3


def test_a_half_written_checkpoint_is_not_seen(tmp_path):
    """What a kill leaves behind before the rename has another name."""
    save(tmp_path, 1)
    partial = tmp_path / ".step-00000002.partial"
    partial.mkdir()
    (partial / "model.safetensors").write_bytes(b"half")
    assert load_checkpoint(tmp_path)[1]["step"] == 1
    save(tmp_path, 2)
    assert not partial.exists() and load_checkpoint(tmp_path)[1]["step"] == 2


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    path = save(tmp_path, 1) / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 999}))
    with pytest.raises(X2VError, match="999"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x80\x04pickle"])
def test_weights_that_are_no_safetensors_are_refused(tmp_path, content):
    (save(tmp_path, 1) / "model.safetensors").write_bytes(content)
    with pytest.raises(X2VError, match="safetensors"):
        load_checkpoint(tmp_path)


def test_truncated_weights_are_refused(tmp_path):
    path = save(tmp_path, 1) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(X2VError):
        load_checkpoint(tmp_path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "note.json"
    write_atomically(path, b"old")

    def cut(*args):
        raise OSError("power cut")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="power cut"):
        patch.setattr(checkpoint.os, "replace", cut)
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
