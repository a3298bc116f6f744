import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from msgspec.structs import replace

from reeld.runtime.outbox import Producer
from reeld.store.environment import StoreEnvironment
from reeld.store.intake import ENVELOPE_BYTES_MAX
from reeld.store.queue import BATCH_ITEMS_MAX
from reeld.store.reader import StoreReader
from reeld.store.verify import verify
from reeld_proto import codec
from reeld_proto.commands import Deleted, ErrorReply
from reeld_proto.errors import ErrorCode
from reeld_proto.records import GapReason, SessionInfo, SessionState
from reeld_proto.workers import (
    ChunkCaptured,
    CollectChunks,
    Done,
    ListWorkerSources,
    Progress,
    RecordClockJump,
    RecordMarker,
    RecordPause,
    RecordState,
    RemoveSession,
    ShutDown,
    Trouble,
)
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish
from tests.daemon.store.harness import Bench, bench
from tests.support.wait import until


@pytest.fixture
def runtime() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:  # short: socket paths are limited
        yield Path(folder)


@pytest.fixture
def running(runtime: Path, tmp_path: Path) -> Iterator[Bench]:
    """A store worker with one session."""
    with bench(runtime, tmp_path / "store") as made:
        made.start()
        assert made.order(creation()) == Done()
        yield made


@contextmanager
def producer(made: Bench, name: str = "capture-1", **options: Any) -> Iterator[Producer]:
    opened = Producer(made.context, name=name, ingest=made.endpoints.ingest, commits=made.endpoints.commits, **options)
    try:
        yield opened
    finally:
        opened.close()


def captured(index: int, track: str = "video-1", epoch: int = 1) -> ChunkCaptured:
    message = chunk(index * NS, (index + 1) * NS, track=track, epoch=epoch).message
    assert isinstance(message, ChunkCaptured)
    return message


def shown(store: Path) -> SessionInfo:
    reader = StoreReader.open(store)
    try:
        return reader.show(SESSION)
    finally:
        reader.close()


def clean(store: Path) -> bool:
    opened = StoreEnvironment.open_read(store)
    try:
        return verify(opened, None).ok
    finally:
        opened.close()


@pytest.mark.usefixtures("no_leaks")
def test_chunks_are_acknowledged_and_the_session_is_complete(running: Bench) -> None:
    with producer(running) as video, producer(running, "audio-1") as audio:
        for index in range(20):
            assert video.send(captured(index), os.urandom(50_000), b"init")
            assert audio.send(captured(index, "mix"), os.urandom(5_000), b"init")
        assert video.wait_drained(10)
        assert audio.wait_drained(10)
    for order in (
        RecordPause(session=SESSION, start_ns=NS, end_ns=2 * NS),
        RecordMarker(session=SESSION, media_ns=NS, text="here"),
        RecordState(session=SESSION, state=SessionState.PARTIAL, warning="no microphone"),
        RecordClockJump(session=SESSION, media_ns=NS, wall_ns=NS),
        finish(20 * NS),
        finish(20 * NS),
    ):
        assert running.order(order) == Done()
    running.wait_for(Progress)
    info = shown(running.store)
    assert [track.chunks for track in info.tracks] == [20, 20]
    assert [(each.reason, each.start_s) for each in info.gaps] == [(GapReason.PAUSED, 1.0)] * 2
    assert (info.state, info.warnings) == (SessionState.COMPLETED, ["no microphone"])
    assert clean(running.store)


def test_an_idle_store_says_nothing(running: Bench) -> None:
    # Beside an open session it beats, once a second; without one there is nothing to say.
    assert running.order(finish(0)) == Done()
    running.heard(Progress)
    heard = len(running.telemetry)
    threading.Event().wait(1.6)
    running.heard(Progress)
    assert len(running.telemetry) == heard
    assert running.order(ShutDown()) == Done()
    assert "Traceback" not in running.end()


def test_an_order_that_cannot_be_done_is_answered_with_a_code(running: Bench) -> None:
    answer = running.order(finish(NS, "none"))
    assert isinstance(answer, ErrorReply)
    assert (answer.code, bool(answer.remedy)) == (ErrorCode.NOT_FOUND, True)
    assert running.order(ListWorkerSources()).code == ErrorCode.UNKNOWN_COMMAND


def test_what_can_never_be_stored_is_refused_by_number_and_the_rest_goes_on(running: Bench) -> None:
    refused: list[int] = []
    with producer(running, on_refused=lambda seq, _reason: refused.append(seq)) as sender:
        sender.send(captured(0), b"first", b"init")
        sender.send(captured(1, "no such track"), b"second", b"init")
        sender.send(captured(1), b"third", b"init")
        assert sender.wait_drained(10)
        until(lambda: refused == [2], 5)
    assert shown(running.store).tracks[0].chunks == 2


def test_malformed_bytes_are_counted_and_dropped(running: Bench) -> None:
    # A store that dies of a bad message would take every recording with it.
    push = running.context.socket(zmq.PUSH)
    push.connect(running.endpoints.ingest)
    good = codec.pack(captured(0), seq=1, sender="capture-1")
    bad = [
        [b""],
        [b"\xc1"],
        [os.urandom(300)],
        [good[:-3], b"payload", b"init"],
        [b"x" * (ENVELOPE_BYTES_MAX + 1)],
        [codec.pack(captured(0), seq=1, sender=""), b"payload", b"init"],
        [codec.pack(captured(0), seq=1, sender="x" * 600), b"payload", b"init"],
        [codec.pack(finish(NS), seq=1, sender="capture-1")],
    ]
    for frames in bad:
        push.send_multipart(frames)
    push.close(1000)
    with producer(running) as sender:
        sender.send(captured(0), b"payload", b"init")
        assert sender.wait_drained(10)
    report = running.wait_for(Progress)
    assert report.queues[0].dropped == len(bad)
    assert shown(running.store).tracks[0].chunks == 1
    running.order(ShutDown())
    log = [json.loads(line) for line in running.end().splitlines() if "ingest.malformed" in line]
    assert sum(line["count"] for line in log) == len(bad)
    assert len(log) <= 3, "a flood must not fill the log"


def test_a_chunk_over_the_limit_is_refused_not_stored(running: Bench) -> None:
    with producer(running, limit_bytes=1 << 30) as sender:
        sender.send(captured(0), bytes(codec.PAYLOAD_BYTES_MAX + 1), b"init")
        sender.send(captured(0), b"small", b"init")
        assert sender.wait_drained(20)
    assert shown(running.store).bytes == 5


@pytest.mark.parametrize("round_number", range(3))
def test_a_store_killed_in_the_middle_loses_nothing_and_doubles_nothing(running: Bench, round_number: int) -> None:
    payloads = {index: os.urandom(20_000) for index in range(120)}
    with producer(running) as sender:
        for index in range(60):
            sender.send(captured(index), payloads[index], b"init")
        if round_number:
            until(lambda: sender.statistics().depth < 60 * 20_000 - round_number * 100_000, 10)
        running.kill()
        for index in range(60, 100):
            sender.send(captured(index), payloads[index], b"init")
        running.start(REELD_LIVE_SESSION=SESSION)
        for index in range(100, 120):
            sender.send(captured(index), payloads[index], b"init")
        assert sender.wait_drained(15)
        assert running.order(finish(120 * NS)) == Done()
    info = shown(running.store)
    assert (info.state, info.duration_s, info.tracks[0].chunks) == (SessionState.COMPLETED, 120.0, 120)
    assert [gap.track for gap in info.gaps] == ["mix"]
    reader = StoreReader.open(running.store)
    stored = [reader.chunk(each.chunk) for each in reader.segments(SESSION, "video-1")]
    reader.close()
    assert stored == list(payloads.values())
    assert clean(running.store)


def test_without_a_living_daemon_a_killed_session_is_interrupted(running: Bench) -> None:
    with producer(running) as sender:
        for index in range(5):
            sender.send(captured(index), b"%d" % index, b"init")
        assert sender.wait_drained(10)
    running.kill()
    running.start()
    info = shown(running.store)
    assert (info.state, info.duration_s, info.tracks[0].chunks) == (SessionState.INTERRUPTED, 5.0, 5)
    assert clean(running.store)


def test_what_waits_when_the_store_is_told_to_leave_is_stored(running: Bench) -> None:
    count = BATCH_ITEMS_MAX // 2
    with producer(running) as sender:
        for index in range(count):
            sender.send(captured(index), b"%d" % index, b"init")
        until(lambda: sender.statistics().depth == 0 or sender.statistics().depth < count * 10, 10)
        running.order(ShutDown())
        running.end()
        assert sender.statistics().dropped == 0
    info = shown(running.store)
    assert info.tracks[0].chunks > 0
    assert clean(running.store)


needs_mount = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0,
    reason="a small disk can only be mounted by root",
)


@needs_mount
def test_a_full_disk_is_told_and_what_was_held_back_lands_when_there_is_room(runtime: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    script = tmp_path / "on_small_disk.sh"
    # A disk of 40 MB of which a ballast file leaves 20; the test frees it through the mount namespace's /proc root.
    script.write_text(
        f'mount -t tmpfs -o size=40m none "{store}" && head -c 21000000 /dev/zero > "{store}/ballast" && exec "$@"\n'
    )
    with bench(runtime, store) as made:
        made.start("unshare", "-m", "sh", str(script))
        assert made.process is not None
        inside = Path(f"/proc/{made.process.pid}/root") / store.relative_to("/")
        assert made.order(creation()) == Done()
        with producer(made) as sender:
            for index in range(100):
                sender.send(captured(index), os.urandom(300_000), b"init")
            trouble = made.wait_for(Trouble)
            assert trouble.code == ErrorCode.DISK_FULL
            assert sender.statistics().depth > 5_000_000
            (inside / "ballast").unlink()
            assert sender.wait_drained(20), "the store did not write again"
        assert len(made.heard(Trouble)) == 1
        made.order(finish(100 * NS))
        copy = tmp_path / "copy"
        shutil.copytree(inside, copy)
        info = shown(copy)
        assert info.tracks[0].chunks == 100
        assert [gap.track for gap in info.gaps] == ["mix"]
        assert clean(copy)


@needs_mount
def test_on_a_full_disk_what_is_dropped_makes_room_in_the_file(runtime: Path, tmp_path: Path) -> None:
    """Else a recording waits for ever although the budget has dropped an old one: the file itself never shrinks."""
    store = tmp_path / "store"
    store.mkdir()
    script = tmp_path / "on_small_disk.sh"
    script.write_text(f'mount -t tmpfs -o size=60m none "{store}" && exec "$@"\n')
    old = "20261101-080000-aaaa"
    with bench(runtime, store) as made:
        made.start("unshare", "-m", "sh", str(script))
        assert made.process is not None
        inside = Path(f"/proc/{made.process.pid}/root") / store.relative_to("/")
        made.order(creation(old))
        with producer(made, "capture-0") as sender:
            for index in range(100):
                sender.send(replace(captured(index), session=old), os.urandom(300_000), b"init")
            assert sender.wait_drained(20)
        made.order(finish(100 * NS, old))
        made.order(creation())
        with producer(made) as sender:
            free = os.statvfs(inside).f_bavail * os.statvfs(inside).f_frsize
            (inside / "ballast").write_bytes(bytes(free))
            for index in range(60):
                sender.send(captured(index), os.urandom(300_000), b"init")
            assert made.wait_for(Trouble).code == ErrorCode.DISK_FULL
            assert isinstance(made.order(RemoveSession(session=old, reason="test")), Deleted)
            # Even the list of what is free needs room; a short one finds it.
            until(lambda: getattr(made.order(CollectChunks(chunks_max=4)), "complete", False), 10, what="no garbage")
            assert sender.wait_drained(20), "the store did not write again"
        made.order(finish(60 * NS))
        (inside / "ballast").unlink()
        copy = tmp_path / "copy"
        shutil.copytree(inside, copy)
        info = shown(copy)
        assert info.tracks[0].chunks == 60
        assert clean(copy)
