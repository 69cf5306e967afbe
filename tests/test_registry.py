"""Weights, shapes, limits and sampling defaults: one table, read without torch."""

from __future__ import annotations

import json

import pytest

from x2vkit import registry
from x2vkit.axes import check_shape
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.registry import (
    LIMITS,
    LORA_FILE,
    SHAPES,
    SamplingDefaults,
    is_lora,
    lora_base,
    lora_file,
    sampling_defaults,
    shipped,
    weights_folder,
)


def test_every_model_that_ships_says_how_it_is_sampled():
    assert list(shipped())[0] != list(shipped())[-1] == "small"  # cheapest training first
    for folder in shipped().values():
        assert (folder / registry.SAMPLING_FILE).is_file()
        quick = 6 if folder.name == "small" else None
        assert sampling_defaults(folder) == SamplingDefaults(20, 4.0, 0.6, 2.0, 0.3, quick)
    assert sampling_defaults("small") == sampling_defaults(shipped()["small"])


def test_defaults_lie_inside_their_limits_and_shapes_are_shapes():
    for name, limit in LIMITS.items():
        assert limit.low <= limit.default <= limit.high, name
    for shape in SHAPES.values():
        check_shape(*shape)


def test_weights_own_defaults_fill_what_a_request_leaves_open(tmp_path):
    own = SamplingDefaults(steps=6, guidance=1.5)
    own.save(tmp_path)
    assert sampling_defaults(tmp_path) == own
    assert RunRequest().resolve(own).steps == 6 and RunRequest(steps=9).resolve(own).guidance == 1.5
    assert RunRequest(steps=9).resolve(own).steps == 9


def test_where_somebody_waits_a_few_steps_are_the_weights_own_to_say(tmp_path):
    assert SamplingDefaults(quick_steps=6).quick().steps == 6
    assert SamplingDefaults(steps=9).quick().steps == 9
    SamplingDefaults(quick_steps=4).save(tmp_path)
    assert sampling_defaults(tmp_path).quick().steps == 4
    SamplingDefaults().save(tmp_path)
    assert "null" not in (tmp_path / "sampling.json").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{",
        '{"steps": 0}',
        '{"quick_steps": 0}',
        '{"steps": 2.5}',
        '{"shift": NaN}',
        '{"last_level": 1}',
        '{"colour": 1}',
    ],
)
def test_a_damaged_file_of_defaults_is_refused(tmp_path, text):
    (tmp_path / "sampling.json").write_text(text)
    with pytest.raises(X2VError, match="sampling.json"):
        sampling_defaults(tmp_path)


def test_train_flops_come_from_the_files_beside_the_weights(tmp_path):
    assert registry.train_flops(tmp_path) is None
    (tmp_path / "log.jsonl").write_text('{"step": 1, "flops": 2.0}\n{"step": 2, "flops": 3}\n')
    assert registry.train_flops(tmp_path) == 3
    assert all(registry.train_flops(folder) for folder in shipped().values())


def test_a_lora_is_a_name_for_the_model_it_was_trained_on(tmp_path):
    folder, base = tmp_path / "lora", tmp_path / "base"
    for each in (folder, base):
        each.mkdir()
    (base / "model_index.json").write_text("{}")
    SamplingDefaults(guidance=1.5).save(base)
    assert not is_lora(folder) and not is_lora("small")
    (folder / LORA_FILE).touch()
    assert is_lora(folder) and is_lora(folder / LORA_FILE) and lora_file(folder) == folder / LORA_FILE
    assert lora_base(folder) == "small" and weights_folder(folder) == shipped()["small"]
    (folder / "training.json").write_text(json.dumps({"base": str(base)}))
    for name in (folder, folder / LORA_FILE):
        assert weights_folder(name) == base and sampling_defaults(name).guidance == 1.5
    for damaged in ("[]", "{", json.dumps({"base": str(folder)}), json.dumps({"base": 3})):
        (folder / "training.json").write_text(damaged)
        assert lora_base(folder) == "small"


def test_a_recorded_run_is_told_from_weights():
    with pytest.raises(
        X2VError, match=r"an .x2v file holds a recorded run.*open it with x2vkit.Trace.load\('a.x2v'\)"
    ):
        weights_folder("a.x2v")
