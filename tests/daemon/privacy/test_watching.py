import asyncio

import pytest
from structlog.testing import capture_logs

from reeld.privacy.lock_dbus import DBusLockWatch
from reeld.privacy.watching import NoLockWatch, lock_watch


def test_the_platform_decides_how_the_lock_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(lock_watch(), DBusLockWatch)
    monkeypatch.setattr("sys.platform", "darwin")
    assert isinstance(lock_watch(), NoLockWatch)


def test_where_nothing_is_built_it_says_so_and_ends_nothing() -> None:
    """Harm: the daemon stops because the lock cannot be watched, or a person believes that it is."""

    async def scene() -> None:
        with capture_logs() as logs:
            watching = asyncio.ensure_future(NoLockWatch().serve(lambda _locked, _at_ns: None))
            await asyncio.sleep(0)
            assert not watching.done()
            watching.cancel()
        assert "not built" in logs[0]["reason"]

    asyncio.run(scene())
