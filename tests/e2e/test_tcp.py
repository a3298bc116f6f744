"""A daemon reached over TCP. Harm guarded against: a key that does more than its token, or anything after its end."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from reeld_client import AsyncClient, Client, ErrorCode, RequestRejected, TransportError
from reeld_client.connection import new_keys, read_connection, write_connection
from reeld_proto.commands import Snapshot
from reeld_proto.events import SessionStateChanged
from reeld_proto.records import SessionState
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PATTERN = ("--test-pattern", "320x240", "--display", "none", "--mic", "none", "--system-audio", "none")


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A daemon with a port, without a screen."""
    config = tmp_path_factory.mktemp("tcp") / "config.toml"
    config.write_text('[control]\ntcp = "127.0.0.1:0"\n')
    with Installation({}) as installation:
        installation.start_daemon("--config", str(config))
        yield installation


def made(reel: Installation, path: Path, name: str, *scopes: str) -> Path:
    words = [word for scope in scopes for word in ("--scope", scope)]
    answer = reel.ok("token", "create", "--name", name, *words, "--new-connection", str(path))
    assert answer["connection"] == str(path)
    assert "secret" not in str(answer)
    return path


def denied(reel: Installation, who: str, what: str) -> bool:
    return any(
        (line["who"], line["what"], line["result"]) == (who, what, "denied")
        for line in reel.ok("audit", "--limit", "99")
    )


def test_a_whole_recording_is_driven_over_tcp(reel: Installation, tmp_path: Path) -> None:
    phone = made(reel, tmp_path / "phone.json", "phone", "control", "read")
    with Client(connection=phone) as client, client.events("session") as events:
        assert isinstance(events.receive(5), Snapshot)
        session = reel.ok("--connection", str(phone), "start", *PATTERN)["session"]
        until(lambda: reel.elapsed_s() > 0.5, 10, what="a recording")
        assert client.stop().session == session
        states = []
        while SessionState.COMPLETED not in states:
            event = events.receive(5)
            assert isinstance(event, SessionStateChanged)
            states.append(event.state)
        assert client.export(session, tmp_path / "x.mp4").bytes > 500
        with pytest.raises(RequestRejected) as caught:
            client.delete(session)
        assert caught.value.code is ErrorCode.DENIED
    assert denied(reel, "token:phone", "sessions.delete")


def test_a_key_that_may_only_look_neither_starts_nor_reads(reel: Installation, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncClient(connection=made(reel, tmp_path / "eye.json", "eye", "observe")) as client:
            assert (await client.status()).session is None
            for ask in (client.start(), client.sessions(), client.tokens()):
                with pytest.raises(RequestRejected) as caught:
                    await ask
                assert caught.value.code is ErrorCode.DENIED

    asyncio.run(main())
    assert all(denied(reel, "token:eye", what) for what in ("session.start", "sessions.list", "tokens.list"))


def test_a_revoked_key_ends_at_once_everywhere(reel: Installation, tmp_path: Path) -> None:
    lost = made(reel, tmp_path / "lost.json", "lost", "admin")
    kept = made(reel, tmp_path / "kept.json", "kept", "observe")
    with Client(connection=lost) as thief, thief.events("session") as events:
        assert isinstance(events.receive(5), Snapshot)
        reel.ok("token", "revoke", "lost")
        with pytest.raises(RequestRejected, match="any more"):
            thief.status()
        with pytest.raises(TransportError):
            events.receive(5)
    with pytest.raises(RequestRejected, match="does not accept this key"), Client(connection=lost) as thief:
        thief.status()
    with Client(connection=kept) as client, client.events("session") as events:
        assert isinstance(events.receive(5), Snapshot)
    assert denied(reel, "tcp:revoked", "status")


def test_strangers_and_impostors_are_told_apart(reel: Installation, tmp_path: Path) -> None:
    good = read_connection(made(reel, tmp_path / "good.json", "good", "observe"))
    public, secret = new_keys()
    for name, change, words in (
        ("stranger", {"public_key": public, "secret_key": secret}, "does not accept this key"),
        ("impostor", {"server_key": public}, "not the daemon"),
    ):
        path = tmp_path / f"{name}.json"
        write_connection(path, msgspec.structs.replace(good, **change))
        result = reel.ctl("--connection", str(path), "status")
        assert words in result.json["error"]["message"]
        assert result.code == (8 if name == "stranger" else 3)
    assert denied(reel, "tcp:127.0.0.1", "connect")


def test_a_daemon_without_a_port_makes_no_connection_files(tmp_path: Path) -> None:
    with Installation({}) as plain:
        plain.start_daemon()
        words = ("token", "create", "--name", "x", "--scope", "observe", "--new-connection", str(tmp_path / "x.json"))
        result = plain.ctl(*words)
        assert result.code == 4
        assert "[control]" in result.json["error"]["remedy"]
        assert plain.ok("token", "list") == []
        assert list(tmp_path.iterdir()) == []
