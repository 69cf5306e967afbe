"""Run folders whose losses follow a known law."""

import pytest

from tests.training import toy_runs


@pytest.fixture
def runs(tmp_path):
    return toy_runs.make_runs(tmp_path / "sweep")
