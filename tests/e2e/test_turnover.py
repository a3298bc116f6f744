"""A store at its quota for a long time. Harm guarded against: a file that grows without end, or a writer that gets
slower with every round, because free pages lie in pieces that fit nothing."""

from pathlib import Path

import pytest

from tests.bench import turnover

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

QUOTA_BYTES = 100_000_000
TURNS = 10


@pytest.mark.long
@pytest.mark.parametrize(
    "fifo", [True, pytest.param(False, marks=pytest.mark.long)], ids=["the oldest goes", "any goes"]
)
def test_ten_rounds_neither_bloat_the_file_nor_slow_it_down(tmp_path: Path, *, fifo: bool) -> None:
    turns = turnover.run(tmp_path, QUOTA_BYTES, TURNS, fifo=fifo)
    assert max(turn.file_share for turn in turns) <= 1.3
    # A writer that gets slower is slow in every late round; a neighbour on the machine disturbs some. `make bench` has
    # the worst round.
    early, late = turns[1 : TURNS // 2 + 1], turns[TURNS // 2 + 1 :]
    assert min(turn.cpu_s for turn in late) <= 1.3 * sorted(turn.cpu_s for turn in early)[len(early) // 2]
    assert min(turn.commit_p99_ms() for turn in late) <= 10
