"""Other users of the machine. Harm guarded against: somebody else who steers a recorder, listens to it, or reads what
was recorded, also where a folder was opened by mistake."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import stranger
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(stranger.missing()), reason=stranger.missing()),
]
PATTERN = ("--test-pattern", "320x240", "--display", "none", "--mic", "none", "--system-audio", "none")


@pytest.fixture(scope="module")
def reel() -> Iterator[Installation]:
    """A daemon that has recorded, made a token and a key of its own, and works under the most careless umask."""
    before = os.umask(0)
    try:
        with Installation({}) as installation:
            config = installation.store.parent / "config.toml"
            config.write_text('[control]\ntcp = "127.0.0.1:0"\n')
            installation.start_daemon("--config", str(config))
            installation.ok("token", "create", "--name", "t", "--scope", "admin")
            installation.ok("start", *PATTERN)
            until(lambda: installation.elapsed_s() > 0.5, 10, what="a recording")
            installation.ok("stop")
            # The folder around both is the test's; in it a stranger may look.
            installation.store.parent.chmod(0o755)
            yield installation
    finally:
        os.umask(before)


def files(reel: Installation) -> list[Path]:
    return [path for path in (*reel.runtime.rglob("*"), *reel.store.rglob("*")) if path.is_file()]


def sockets(reel: Installation) -> list[Path]:
    return sorted(reel.runtime.glob("*.sock"))


def test_a_stranger_neither_enters_nor_connects_nor_reads(reel: Installation) -> None:
    assert {path.name for path in sockets(reel)} >= {"control.sock", "events.sock", "workers.sock", "ingest.sock"}
    assert {path.name for path in files(reel)} >= {"data.mdb", "tokens.json", "curve.key", "audit.log"}
    assert not stranger.can_list(reel.runtime)
    assert not stranger.can_list(reel.store)
    assert not any(stranger.can_connect(path) for path in sockets(reel))
    assert not any(stranger.can_read(path) or stranger.can_write(path) for path in files(reel))


def test_a_folder_that_somebody_opened_lets_nobody_in_all_the_same(reel: Installation) -> None:
    try:
        for folder in (reel.runtime, reel.store):
            folder.chmod(0o777)
        assert stranger.can_list(reel.runtime), "the folder was not opened, and the test would show nothing"
        assert not any(stranger.can_connect(path) for path in sockets(reel))
        seen = [path.name for path in files(reel) if stranger.can_read(path) or stranger.can_write(path)]
        assert seen == []
    finally:
        for folder in (reel.runtime, reel.store):
            folder.chmod(0o700)


def test_a_stranger_whom_the_file_system_lets_in_is_refused_by_the_daemon_and_written_down(reel: Installation) -> None:
    """Here the sockets were opened, too: what is left is what the kernel tells of who connects."""
    control = reel.runtime / "control.sock"
    before = len(reel.ok("audit", "--limit", "999"))
    try:
        reel.runtime.chmod(0o755)
        control.chmod(0o666)
        answer = stranger.ask(control)
        assert b"belongs to another user" in answer
    finally:
        control.chmod(0o600)
        reel.runtime.chmod(0o700)
    line = reel.ok("audit", "--limit", "999")[before]
    assert (line["who"], line["what"], line["result"], line["uid"]) == (
        f"user:{stranger.UID}",
        "status",
        "denied",
        stranger.UID,
    )


def test_the_next_daemon_closes_what_was_open() -> None:
    with Installation({}) as installation:
        for folder in (installation.runtime, installation.store):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
        installation.start_daemon()
        assert {path.stat().st_mode & 0o777 for path in (installation.runtime, installation.store)} == {0o700}
