"""Harm guarded against: a store that dies of a bad message, or whose log a flood of them fills."""

import hashlib
import os
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.api import IngestItem
from reeld.store.ingest import INIT_BYTES_MAX
from reeld.store.intake import ENVELOPE_BYTES_MAX, BurstLog, decode
from reeld_proto import codec
from reeld_proto.errors import RequestRejected
from reeld_proto.workers import ChunkCaptured
from tests.daemon.store.builders import NS, chunk, finish, gap

CHUNK = codec.pack(chunk(0, NS).message, seq=3, sender="capture-1")
GAP = codec.pack(gap(0, NS).message, seq=4, sender="capture-1")


def read(*frames: bytes) -> IngestItem:
    return decode([memoryview(frame) for frame in frames])


def test_a_chunk_and_a_gap_are_understood() -> None:
    found = read(CHUNK, b"payload", b"init")
    assert (found.producer, found.seq, bytes(found.payload), bytes(found.init)) == ("capture-1", 3, b"payload", b"init")
    assert found.digest == hashlib.sha256(b"payload").digest()
    assert read(GAP).digest == b""
    assert isinstance(found.message, ChunkCaptured)
    assert (read(GAP).seq, read(GAP).payload) == (4, b"")


@pytest.mark.parametrize(
    "frames",
    [
        (),
        (b"",),
        (b"\xc1",),
        (CHUNK, b"payload"),
        (CHUNK, b"payload", b"init", b"more"),
        (CHUNK,) * 1000,
        (GAP, b"payload", b"init"),
        (CHUNK[:-3], b"payload", b"init"),
        (b"x" * (ENVELOPE_BYTES_MAX + 1),),
        (codec.pack(finish(NS), seq=1, sender="capture-1"),),
        (codec.pack(chunk(0, NS).message, seq=1, sender=""), b"payload", b"init"),
        (codec.pack(chunk(0, NS).message, seq=1, sender="x" * 600), b"payload", b"init"),
    ],
)
def test_what_is_no_message_is_rejected(frames: tuple[bytes, ...]) -> None:
    with pytest.raises(RequestRejected):
        read(*frames)


def test_a_chunk_too_large_is_left_without_bytes_so_that_its_producer_is_told() -> None:
    found = read(CHUNK, b"payload", bytes(INIT_BYTES_MAX + 1))
    assert (len(found.payload), len(found.init)) == (0, 0)
    assert len(read(CHUNK, bytes(codec.PAYLOAD_BYTES_MAX + 1), b"init").payload) == 0


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_junk_is_rejected_and_nothing_else(frames: list[bytes]) -> None:
    with pytest.raises(RequestRejected):
        read(*frames)


@given(st.data())
def test_a_message_that_was_cut_is_rejected(data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(CHUNK) - 1))
    with pytest.raises(RequestRejected):
        read(CHUNK[:end], os.urandom(10), b"init")


def logged(entries: list[Any], event: str) -> list[int]:
    return [entry["count"] for entry in entries if entry["event"] == event]


def test_a_flood_is_two_lines_and_a_count() -> None:
    with structlog.testing.capture_logs() as entries:
        log = BurstLog("ingest.malformed")
        for _ in range(1000):
            log.add("bad", frames=1)
        log.flush()
        assert logged(entries, "ingest.malformed") == [1, 999]
        log.flush()
        log.add("bad again")
        assert logged(entries, "ingest.malformed") == [1, 999, 1], "after a pause the first is told at once again"
    assert log.total == 1001
    assert entries[-1]["reason"] == "bad again"


def test_a_flood_that_goes_on_is_one_line_a_turn() -> None:
    with structlog.testing.capture_logs() as entries:
        log = BurstLog("ingest.refused")
        for _ in range(3):
            for _ in range(10):
                log.add("x" * 5000)
            log.flush()
    assert logged(entries, "ingest.refused") == [1, 9, 10, 10]
    assert len(entries[-1]["reason"]) == 200
