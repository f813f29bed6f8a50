"""Ten runs that are killed at any time end like those that are left alone; see repeat.py."""

import pytest
from kills.repeat import repeat


@pytest.mark.slow
def test_ten_killed_runs_end_as_if_nobody_had_killed_them():
    results = list(repeat(10, seed=0))
    assert len(results) == 10
    assert [result for result in results if result[2]] == []
    assert any(phases for _, phases, _ in results)
