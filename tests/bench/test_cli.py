"""The table and the JSON of `x2vkit bench`."""

from __future__ import annotations

import argparse
import json

import pytest
import torch

from x2vkit.bench import cli, pages
from x2vkit.bench import model as bench
from x2vkit.bench.line import Line
from x2vkit.bench.model import Subject
from x2vkit.config import PRESETS
from x2vkit.errors import X2VError


def test_rows_say_what_was_missed_and_what_is_not_known():
    assert "MISSED" in cli._row(Line("x", 3.0, "s", 1.0, most=True))
    assert " - " in cli._row(Line("x", None, "s", 1.0, note="no weights")) and "MISSED" not in cli._row(
        Line("x", None, "s", 1.0)
    )


def test_json_is_one_object_and_torch_stays_as_it_was(monkeypatch, capsys):
    monkeypatch.setattr(bench, "subject", lambda: Subject(None, PRESETS["tiny"], False))
    for name, count in (("training", 2), ("rendering", 1), ("generating", 1), ("transformer_step", 1)):
        monkeypatch.setattr(bench, name, lambda *_, n=count: iter([Line("one", 1.0, "x", 1.0)] * n))
    monkeypatch.setattr(bench, "beside_busy_processes", lambda *_: Line("one", 1.0, "x", 1.0))
    assert cli.run(argparse.Namespace(json=True, pages=False)) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["machine"]["threads"] == torch.get_num_threads() and result["lines"][0]["reached"] is True


def test_pages_need_a_browser_and_say_so(monkeypatch):
    monkeypatch.setattr(pages.shutil, "which", lambda name: None)
    with pytest.raises(X2VError, match="apt-get install chromium"):
        cli.run_bench(pages=True)
