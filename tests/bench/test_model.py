"""The bench's own sums: what counts as reached, and figures that need no quiet machine."""

from __future__ import annotations

import argparse
import json

import pytest
import torch

from x2vkit.bench import cli, pages
from x2vkit.bench import model as bench
from x2vkit.bench.line import Line, take_turns
from x2vkit.bench.model import Subject
from x2vkit.config import PRESETS
from x2vkit.errors import X2VError


@pytest.mark.parametrize(
    ("value", "target", "most", "reached"),
    [(2.0, 1.4, False, True), (1.0, 1.4, False, False), (1.0, 1.2, True, True), (3, 1.2, True, False)]
    + [(None, 1.0, False, None), (1.0, None, False, None)],
)
def test_reached(value, target, most, reached):
    assert Line("x", value, "s", target, most).reached is reached


def test_rows_say_what_was_missed_and_what_is_not_known():
    assert "MISSED" in cli._row(Line("x", 3.0, "s", 1.0, most=True))
    assert " - " in cli._row(Line("x", None, "s", 1.0, note="no weights")) and "MISSED" not in cli._row(
        Line("x", None, "s", 1.0)
    )


def test_jobs_take_turns_and_the_first_round_is_not_counted():
    seen = []
    times = take_turns([lambda: seen.append("a"), lambda: seen.append("b")], 2)
    assert seen == list("ababab") and len(times) == 2


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


def test_json_is_one_object_and_torch_stays_as_it_was(monkeypatch, capsys):
    monkeypatch.setattr(bench, "subject", lambda: Subject(None, PRESETS["tiny"], False))
    for name, count in (("training", 2), ("rendering", 1), ("generating", 1), ("transformer_step", 1)):
        monkeypatch.setattr(bench, name, lambda *_, n=count: iter([Line("one", 1.0, "x", 1.0)] * n))
    assert cli.run(argparse.Namespace(json=True, pages=False)) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["machine"]["threads"] == torch.get_num_threads() and result["lines"][0]["reached"] is True


def test_pages_need_a_browser_and_say_so(monkeypatch):
    monkeypatch.setattr(pages.shutil, "which", lambda name: None)
    with pytest.raises(X2VError, match="apt-get install chromium"):
        cli.run_bench(pages=True)
