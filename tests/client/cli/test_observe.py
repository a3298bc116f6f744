"""`reelctl stats`; `watch` has a file of its own."""

import pytest

from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import Server


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_stats(reelctl: Reelctl) -> None:
    found = reelctl("stats", "--json").json
    assert {"name", "cpu", "rss_bytes", "queues"} <= set(found["workers"][0])
    assert {"id", "frames", "unchanged", "dropped", "bytes", "lag_ms"} <= set(found["tracks"][0])
    shown = reelctl("stats").out
    for expected in ("video-1", "-14 dB", "capture-1", "12 %"):
        assert expected in shown
