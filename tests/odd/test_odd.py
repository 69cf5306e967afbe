"""2,230 odd inputs: each is taken and right, or refused with a sentence; none is slow, large or a traceback.

X2V_ODD=20000 tries so many, X2V_ODD_SEED=7 others. `python -m tests.odd.run` prints how each kind ended.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.demo.demos import launched, own_folder
from tests.odd.judge import FAULTS, Case, judge
from tests.odd.run import COUNT as ALL
from tests.odd.run import SHARES, all_cases, line
from x2vkit.errors import X2VError

COUNT, SEED = int(os.environ.get("X2V_ODD", str(ALL))), int(os.environ.get("X2V_ODD_SEED", "0"))


@pytest.fixture(scope="module")
def url(pipeline, tmp_path_factory):
    with own_folder(str(tmp_path_factory.mktemp("gradio"))) as folder, launched(pipeline) as running:
        assert folder
        yield running.url


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARES)
def test_every_odd_input_is_taken_and_right_or_refused_with_a_sentence(kind, pipeline, talker, url, tmp_path):
    faults, ends = [], Counter()
    for case in all_cases(SEED, COUNT, pipeline, url, tmp_path, kind, talker):
        outcome = judge(case)
        ends[outcome.end] += 1
        if outcome.end in FAULTS:
            faults.append(line(case, outcome))
    assert not faults, "\n".join(faults[:20])
    assert ends["refused"] and ends["right"] and ends.total() == round(SHARES[kind] * COUNT / ALL)


def test_the_shares_are_of_all():
    assert sum(SHARES.values()) == ALL


def _hold(megabytes: int) -> None:
    assert bytearray(megabytes * 10**6)


def _refuse(got: str) -> None:
    raise X2VError(got, "a rule", "a cure")


@pytest.mark.parametrize(
    ("run", "end"),
    [
        (lambda: None, "right"),
        (lambda: _refuse("this"), "refused"),
        (lambda: _refuse(""), "wrong"),
        (lambda: _refuse("x" * 5000), "wrong"),
        (lambda: {}["missing"], "traceback"),
        (lambda: sum(range(9_000_000)), "slow"),
        (lambda: _hold(400), "large"),
        (lambda: _hold(50_000), "large"),
        (lambda: _hold(0), "wrong"),
    ],
)
def test_each_kind_of_end_is_seen(run, end, monkeypatch):
    monkeypatch.setattr("tests.odd.judge.SECONDS", 0.05 if end == "slow" else 2.0)
    assert judge(Case("x", "y", run)).end == end
