"""A store at its quota for a long time. Harm guarded against: a file that grows without end, or a writer that gets
slower with every round, because free pages lie in pieces that fit nothing."""

from pathlib import Path

import pytest

from tests.bench import turnover

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

QUOTA_BYTES = 100_000_000
TURNS = 10


@pytest.mark.parametrize("fifo", [True, False], ids=["the oldest goes", "any goes"])
def test_ten_rounds_neither_bloat_the_file_nor_slow_it_down(tmp_path: Path, *, fifo: bool) -> None:
    turns = turnover.run(tmp_path, QUOTA_BYTES, TURNS, fifo=fifo)
    assert max(turn.file_share for turn in turns) <= 1.3
    # The median of some rounds, because a neighbour on the machine may disturb one.
    early = sorted(turn.cpu_s for turn in turns[1:4])[1]
    late = sorted(turn.cpu_s for turn in turns[-3:])[1]
    assert late <= 1.3 * early
    assert sorted(turn.commit_p99_ms() for turn in turns[1:])[TURNS // 2] <= 10
