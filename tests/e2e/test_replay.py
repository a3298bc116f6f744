"""The rolling buffer with real workers. Harms guarded against: a replay that is not of the last seconds, a person's
start that waits for the buffer, a buffer that grows, one that records in a person's pause."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reeld.store.environment import StoreEnvironment
from reeld.store.keys import session_prefix
from reeld.store.records import ChunkEntry, NoteEntry, SessionRecord
from reeld.store.transaction import Table, decode
from reeld_client import Client
from reeld_proto.records import BufferInfo
from tests.e2e.conftest import Stage
from tests.support import media
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
KEEP_S = 9.0
SHORT_S = 6.0
TRACKS = 4
"""One picture, and the mix with the sounds it is of."""


@pytest.fixture
def buffered(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Iterator[Installation]:
    """A warm daemon with a buffer of nine seconds, or so many as the test says."""
    config = tmp_path / "config.toml"
    config.write_text(f"[replay]\nminutes = {getattr(request, 'param', KEEP_S) / 60}\ndisplays = ['LEFT']\n")
    with Installation(stage.desk.env) as installation:
        installation.start_daemon("--config", str(config))
        yield installation


def buffer(installation: Installation) -> BufferInfo:
    found = installation.ask(Client.status).buffer
    assert found is not None
    return found


def wait_held(installation: Installation, held_s: float) -> None:
    until(lambda: buffer(installation).held_s >= held_s, 60, what=f"{held_s} s in the buffer", every_s=0.05)


def digests(installation: Installation, session: str) -> set[bytes]:
    store = StoreEnvironment.open_read(installation.store)
    try:
        with store.read() as txn:
            return {decode(value, ChunkEntry).chunk for _, value in txn.scan(Table.TIMELINE, session_prefix(session))}
    finally:
        store.close()


def buffer_chunks(installation: Installation) -> int:
    """Timeline entries of all sessions of the buffer."""
    store = StoreEnvironment.open_read(installation.store)
    try:
        with store.read() as txn:
            records = [decode(value, SessionRecord) for _, value in txn.scan(Table.SESSIONS)]
            return sum(track.chunks for record in records if record.buffer for track in record.tracks)
    finally:
        store.close()


@pytest.mark.long
def test_what_is_saved_shows_the_last_seconds_and_overlapping_saves_share_their_bytes(
    buffered: Installation, tmp_path: Path
) -> None:
    wait_held(buffered, 7)
    asked_ms = time.monotonic_ns() / 1e6
    first = buffered.ok("replay", "save", "--last", "6s", "--name", "six")
    second = buffered.ok("replay", "save", "--last", "0:05")
    assert first["took_ms"] < 1000  # a bound for a machine that does ten other things; the benchmark has the real one
    assert 4 < first["duration_s"] <= 6
    path = tmp_path / "six.mp4"
    buffered.ok("export", first["session"], "-o", str(path))
    assert media.streams(path) == ["video", "audio", "audio", "audio"]
    stamps = [look.stamp_ms for look in media.looks(path) if look.stamp_ms is not None]
    assert stamps == sorted(stamps)
    # reelctl itself takes some hundred milliseconds before it asks.
    assert asked_ms - 1500 < stamps[-1] < asked_ms + 2500
    assert stamps[-1] - stamps[0] == pytest.approx(first["duration_s"] * 1000, abs=500)
    shared = digests(buffered, first["session"]) & digests(buffered, second["session"])
    assert len(shared) > 10
    listed = [one["session"] for one in buffered.ok("sessions")]
    assert set(listed) == {first["session"], second["session"]}
    shown = buffered.ok("show", first["session"])
    assert buffered.ctl("show", shown["origins"][0]).code == 5
    assert buffered.ctl("export", shown["origins"][0], "-o", str(path)).code == 5
    assert buffered.ok("verify")["ok"]


@pytest.mark.long
@pytest.mark.parametrize("buffered", [120.0], indirect=True)
def test_a_person_takes_over_pauses_and_gives_back_and_one_replay_spans_all_of_it(
    buffered: Installation, tmp_path: Path
) -> None:
    wait_held(buffered, 4)
    started = buffered.ok("start", "--name", "mine")
    assert buffered.ok("status")["session"]["name"] == "mine"
    assert not buffered.ok("status")["buffer"]["recording"]
    time.sleep(2)  # the passing of time is what is tested
    buffered.ok("pause")
    before = buffer_chunks(buffered)
    time.sleep(2)
    assert buffer_chunks(buffered) <= before
    buffered.ok("resume")
    time.sleep(1)
    assert buffered.ok("stop")["state"] == "completed"
    until(lambda: buffer(buffered).recording, 20, what="a buffer that is back", every_s=0.05)
    time.sleep(2)
    saved = buffered.ok("replay", "save", "--last", "1m")
    shown = buffered.ok("show", saved["session"])
    assert started["session"] in shown["origins"]
    assert len(shown["origins"]) == 3
    assert [gap["reason"] for gap in shown["gaps"]].count("paused") == len(shown["tracks"])
    assert "were recorded" in saved["warnings"][0]
    path = tmp_path / "all.mp4"
    until(
        lambda: buffered.ask(lambda client: client.show(saved["session"])).state == "completed",
        10,
        what="a whole session",
        every_s=0.05,
    )
    buffered.ok("export", saved["session"], "-o", str(path))
    assert media.duration_s(path) == pytest.approx(saved["duration_s"], abs=0.3)
    assert buffered.ok("verify")["ok"]


@pytest.mark.long
@pytest.mark.parametrize("buffered", [SHORT_S], indirect=True)
def test_the_buffer_recycles_itself_and_never_grows_past_its_size(buffered: Installation) -> None:
    wait_held(buffered, SHORT_S)
    counts = []
    end = time.monotonic() + 1.7 * SHORT_S
    while time.monotonic() < end:
        counts.append(buffer_chunks(buffered))
        time.sleep(0.5)
    # A track with a chunk a second, three with one every 0.68 s; kept up to 8 s, from a key frame on.
    assert max(counts) < (SHORT_S + 2 + 10) * (1.6 + 3 / 0.68)
    assert max(counts[len(counts) // 2 :]) <= 1.3 * max(counts[: len(counts) // 2])
    assert buffered.ok("verify")["ok"]


@pytest.mark.long
def test_the_buffer_survives_a_restart_of_the_daemon_and_goes_when_it_is_not_allowed_any_more(
    buffered: Installation, tmp_path: Path
) -> None:
    wait_held(buffered, 4)
    assert buffered.stop_daemon() == 0
    buffered.start_daemon("--config", str(tmp_path / "config.toml"))
    saved = buffered.ok("replay", "save", "--last", "9s")
    assert saved["duration_s"] > 1
    buffered.stop_daemon()
    buffered.start_daemon()
    until(lambda: buffer_chunks(buffered) == 0, 20, what="an empty buffer")
    refused = buffered.ctl("replay", "save", "--last", "1")
    assert refused.code == 4
    assert "[replay]" in refused.out + refused.err
    assert [one["session"] for one in buffered.ok("sessions")] == [saved["session"]]
    assert buffered.ok("verify")["ok"]


FREED_BYTES = 20_000_000
KEPT_BYTES = 60_000_000
"""So much that copying it takes longer than from one commit of the buffer to the next."""


@pytest.mark.long
def test_the_file_shrinks_while_the_buffer_goes_on_and_nothing_of_it_is_lost(
    buffered: Installation, tmp_path: Path
) -> None:
    # With a buffer there is never a moment without commits: the file would stay as large as it ever was.
    buffered.stop_daemon()
    with closing(StoreEnvironment.open_write(buffered.store)) as store:
        with store.write() as txn:
            txn.put(Table.NOTES, b"freed", bytes(FREED_BYTES))
            txn.put_record(Table.NOTES, b"kept", NoteEntry("k" * KEPT_BYTES))
        with store.write() as txn:
            txn.delete(Table.NOTES, b"freed")
    buffered.start_daemon("--config", str(tmp_path / "config.toml"))
    wait_held(buffered, 5)
    assert (buffered.store / "data.mdb").stat().st_size > FREED_BYTES + KEPT_BYTES

    def caught_up() -> bool:
        compacted = buffered.ctl("upkeep", "run", "compact")
        assert compacted.code == 0, compacted.err
        return "compact.caught_up" in buffered.log

    until(caught_up, 60, what="a copy during which something was recorded")
    assert (buffered.store / "data.mdb").stat().st_size < FREED_BYTES / 2 + KEPT_BYTES
    time.sleep(3)  # the passing of time is what is recorded
    replay = buffered.ok("replay", "save", "--last", "8")["session"]
    shown = buffered.ok("show", replay)
    assert not {gap["reason"] for gap in shown["gaps"]} & {"dropped", "worker-restart", "disk-full"}, shown["gaps"]
    assert shown["duration_s"] > 7
    assert buffered.ok("verify")["ok"]
