"""The bench's own sums: figures that need no quiet machine."""

from __future__ import annotations

import pytest

from x2vkit.bench import model as bench
from x2vkit.bench.model import Subject
from x2vkit.config import PRESETS


def test_flops_line_holds_for_the_shipped_size():
    line = next(bench.flops_formula(Subject(None, PRESETS["small"], False)))
    assert line.reached


def test_without_weights_the_lines_say_so():
    subject = Subject(None, PRESETS["tiny"], False)
    lines = [*bench.quality(subject), *bench.whole_command(subject)]
    assert all(line.value is None and "no weights" in line.note for line in lines)


def test_training_compares_with_matmul_of_the_same_run(monkeypatch):
    """A machine whose matmul takes as long as a training step of as many FLOPs is used in full."""
    cost = bench.flops.train_flops(PRESETS["tiny"], 17, 128, 128, bench.WORDS, batch=1)
    monkeypatch.setattr(bench, "take_turns", lambda jobs, n: [(2 * cost / bench.MATMUL_FLOPS, 1.0)])
    speed, use = bench.training(Subject(None, PRESETS["tiny"], False), batch=1)
    assert use.value == pytest.approx(50) and speed.value == pytest.approx(bench.MATMUL_FLOPS / cost / 2)
