"""What counts as reached, and timing in turns."""

from __future__ import annotations

import pytest

from x2vkit.bench.line import Line, take_turns


@pytest.mark.parametrize(
    ("value", "target", "most", "reached"),
    [(2.0, 1.4, False, True), (1.0, 1.4, False, False), (1.0, 1.2, True, True), (3, 1.2, True, False)]
    + [(None, 1.0, False, None), (1.0, None, False, None)],
)
def test_reached(value, target, most, reached):
    assert Line("x", value, "s", target, most).reached is reached


def test_jobs_take_turns_and_the_first_round_is_not_counted():
    seen = []
    times = take_turns([lambda: seen.append("a"), lambda: seen.append("b")], 2)
    assert seen == list("ababab") and len(times) == 2
