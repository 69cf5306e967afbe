"""Making things ahead: in order, the same as at once, and only where a GPU would have to wait."""

from __future__ import annotations

import pytest
import torch

from x2vkit.training.prefetch import prefetch, workers


@pytest.mark.parametrize("processes", [0, 2])
def test_things_come_in_the_order_asked_for(processes):
    made = prefetch(lambda i: {"square": torch.tensor(i * i), "name": str(i)}, (3, 1, 2), processes)
    assert [(int(each["square"]), each["name"]) for each in made] == [(9, "3"), (1, "1"), (4, "2")]


def test_nothing_is_made_before_it_is_asked_for_on_a_processor(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    made: list[int] = []
    things = prefetch(made.append, range(5))
    assert made == []
    next(things)
    assert made == [0] and workers() == 0


def test_what_goes_wrong_elsewhere_is_told_here():
    def make(number: int) -> torch.Tensor:
        raise OSError(f"no room for {number}")

    with pytest.raises(OSError, match="no room for 4"):
        list(prefetch(make, [4], processes=1))


def test_runs_on_one_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert workers() == 14
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert workers() == 2
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert workers() == 0
