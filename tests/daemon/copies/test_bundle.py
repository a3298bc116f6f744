"""Bundles. Harms guarded against: one that lacks something, and one that is not what was written but is believed."""

import io
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from reeld.copies.bundle import read_bundle, write_bundle
from reeld.copies.bundle_format import MAGIC, BundleWriter, Header
from reeld.store import derive, sessions
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at
from reeld.store.records import AutomationEntry, ChunkEntry, ClockState, MarkerEntry, SessionRecord, SoundGraphEntry
from reeld.store.rows import Row, pages_of, read_rows
from reeld.store.transaction import Table, decode
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import SessionState
from reeld_proto.sound_graph import FileNode, SoundGraph
from reeld_proto.store_orders import DeriveSession, SessionPart
from tests.daemon.copies.builders import going_on
from tests.daemon.copies.bundles import bundle_of, read, record
from tests.daemon.store.builders import NS, SESSION, chunk, finish, land

FUZZ_ROUNDS = int(os.environ.get("REELD_FUZZ", "10000"))
"""100,000 take ten seconds."""


@pytest.fixture
def bundle(store: StoreEnvironment, tmp_path: Path) -> bytes:
    record(store)
    return bundle_of(store, tmp_path / "one.reel")


def test_a_bundle_holds_the_session_whole(store: StoreEnvironment, bundle: bytes) -> None:
    content, found = read(bundle)
    with store.read() as txn:
        assert content.rows == list(read_rows(txn, SESSION))
    assert content.header.session == content.record.id == SESSION
    assert all(digest_of(data) == digest for digest, data in found.items())
    assert {b"init", b"sound"} <= set(found.values())
    assert len(found) == 5


def test_what_is_told_of_a_bundle_is_true(store: StoreEnvironment, tmp_path: Path) -> None:
    record(store)
    done = write_bundle(store, SESSION, tmp_path / "one.reel", going_on)
    data = (tmp_path / "one.reel").read_bytes()
    assert (done.chunks, done.bytes, done.duration_s) == (5, len(data), 3.0)
    assert bytes.fromhex(done.sha256) == digest_of(data)
    assert (tmp_path / "one.reel").stat().st_mode & 0o077 == 0


def test_a_session_being_recorded_is_not_bundled(store: StoreEnvironment, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected) as caught:
        write_bundle(store, SESSION, tmp_path / "one.reel", going_on)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert not list(tmp_path.glob("*.reel*"))


def test_a_damaged_chunk_or_a_stop_leaves_no_file(store: StoreEnvironment, tmp_path: Path) -> None:
    record(store)
    with pytest.raises(RequestRejected):
        write_bundle(store, SESSION, tmp_path / "one.reel", lambda *_: False)
    with store.write() as txn:
        txn.put(Table.CHUNKS, digest_of(b"init"), b"rotten")
    with pytest.raises(StoreCorrupt):
        write_bundle(store, SESSION, tmp_path / "one.reel", going_on)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data`, changed in one of the ways in which files are."""
    kind = chance.randrange(6)
    at_byte = chance.randrange(len(data))
    if kind == 0:
        return data[:at_byte]
    if kind == 1:
        return data[:at_byte] + bytes([data[at_byte] ^ 1 << chance.randrange(8)]) + data[at_byte + 1 :]
    if kind == 2:
        return data + chance.randbytes(chance.randrange(1, 50))
    length = chance.randrange(1, 60)
    if kind == 3:
        return data[:at_byte] + data[at_byte + length :]
    if kind == 4:
        return data[:at_byte] + chance.randbytes(length) + data[at_byte:]
    other = chance.randrange(len(data))
    return data[:at_byte] + data[other : other + length] + data[at_byte + length :]


def test_no_damaged_bundle_is_believed(bundle: bytes) -> None:
    chance = random.Random(11)
    for number in range(FUZZ_ROUNDS):
        data = mutated(bundle, chance) if number % 10 else MAGIC[: number % 11] + chance.randbytes(number % 300)
        if data == bundle:
            continue
        with pytest.raises(StoreCorrupt):
            read_bundle(io.BytesIO(data), lambda *_: None)


def rewritten(bundle: bytes, change: Callable[[list[Row], dict[bytes, bytes], dict[str, Any]], None]) -> bytes:
    """The bundle with other content, all digests right: as somebody would write it who means harm."""
    content, found = read(bundle)
    rows, header = list(content.rows), {"session": content.header.session, "name": content.header.name}
    change(rows, found, header)
    stream = io.BytesIO()
    writer = BundleWriter(stream, Header(format=2, hash="sha256", made_wall_ns=0, **header))
    for data in found.values():
        writer.chunk(data)
    for page in pages_of(rows):
        writer.page(page)
    writer.end()
    return stream.getvalue()


def edit(rows: list[Row], table: Table, change: Callable[[Any], Any], kind: Any, number: int = 0) -> None:
    """Change one row of a table."""
    index = [at for at, row in enumerate(rows) if row.table is table][number]
    row = rows[index]
    rows[index] = structs.replace(row, value=codec.pack_record(change(decode(row.value, kind))))


def session(**fields: Any) -> Callable[..., None]:
    return lambda rows, *_: edit(rows, Table.SESSIONS, lambda each: structs.replace(each, **fields), SessionRecord)


def entry(**fields: Any) -> Callable[..., None]:
    return lambda rows, *_: edit(rows, Table.TIMELINE, lambda each: structs.replace(each, **fields), ChunkEntry)


def drop(table: Table) -> Callable[..., None]:
    return lambda rows, *_: rows.remove(next(row for row in rows if row.table is table))


LIES: dict[str, Callable[..., None]] = {
    "unfinished": session(end_ns=None),
    "being recorded": session(state=SessionState.ACTIVE),
    "of the buffer": session(buffer=True),
    "another id": session(id="other"),
    "an id that is a path": session(id="a\0b"),
    "no name": session(name=" "),
    "a long name": session(name="x" * 300),
    "a record that is too large": session(tags=["x" * 1000] * 20),
    "longer than its tracks": session(end_ns=4 * NS),
    "in the far future": session(end_ns=2**64 - 1),
    "no tracks": session(tracks=[]),
    "a shorter chunk": entry(end_ns=NS // 2),
    "an overlap": entry(end_ns=NS + 1),
    "a chunk backwards": entry(end_ns=0),
    "another size": entry(size=1),
    "another chunk": entry(chunk=b"x" * 32),
    "a digest of no length": entry(chunk=b""),
    "an absurd shift": entry(shift_ns=2**63),
    "negative frames": entry(frames=-1),
    "other frames": entry(frames=99),
    "an absurd clock": lambda rows, *_: edit(
        rows,
        Table.SESSIONS,
        lambda each: structs.replace(
            each, tracks=[structs.replace(track, clock=ClockState(1, 1, 0, -1, 0, 0)) for track in each.tracks]
        ),
        SessionRecord,
    ),
    "no record": drop(Table.SESSIONS),
    "a hole": drop(Table.GAPS),
    "a chunk that nobody needs": lambda _rows, found, _header: found.__setitem__(b"x", b"surplus"),
    "a chunk less": lambda _rows, found, _header: found.popitem(),
    "a row twice": lambda rows, *_: rows.append(rows[-1]),
    "a key that is none": lambda rows, *_: rows.append(Row(Table.PAUSES, b"x", rows[-1].value)),
    "a row of another track": lambda rows, *_: rows.append(Row(Table.GAPS, at(b"ghost\0", 0), b"\x92\x01\xa6hidden")),
    "a preroll for nothing": lambda rows, *_: rows.append(Row(Table.PREROLL, at(b"mix\0", 7), b"\x91\x90")),
    "a value that is none": lambda rows, *_: rows.append(Row(Table.MARKERS, b"0" * 16, b"\xc1")),
    "an endless text": lambda rows, *_: rows.append(
        Row(Table.MARKERS, b"\0" * 16, codec.pack_record(MarkerEntry("x" * 200_000)))
    ),
    "a voice in no track": lambda rows, *_: rows.append(Row(Table.HEARD, at(b"ghost\0voice\0", 0), b"\x91\x01")),
    "a voice in a picture": lambda rows, *_: rows.append(Row(Table.HEARD, at(b"video-1\0voice\0", 0), b"\x91\x01")),
    "a sound of no kind": lambda rows, *_: rows.append(Row(Table.HEARD, at(b"mix\0song\0", 0), b"\x91\x01")),
    "a voice that ends first": lambda rows, *_: rows.append(Row(Table.HEARD, at(b"mix\0voice\0", 9), b"\x91\x09")),
    "a change without a setting": lambda rows, *_: rows.append(Row(Table.AUTOMATION, b"\0" * 16, b"\x91\xa1x")),
    "a change at no time": lambda rows, *_: rows.append(
        Row(Table.AUTOMATION, b"\xff" * 16, codec.pack_record(AutomationEntry("n", "s", 1.0)))
    ),
    "a change with a key that is none": lambda rows, *_: rows.append(
        Row(Table.AUTOMATION, at(b"", 1), codec.pack_record(AutomationEntry("n", "s", 1.0)))
    ),
    "an endless change": lambda rows, *_: rows.append(
        Row(Table.AUTOMATION, b"\0" * 16, codec.pack_record(AutomationEntry("n", "s", "x" * 50_000)))
    ),
    "an endless graph": lambda rows, *_: rows.append(
        Row(
            Table.SOUND_GRAPHS,
            at(b"", 1),
            codec.pack_record(SoundGraphEntry(SoundGraph(nodes=[FileNode(name="f", path="x" * 50_000)]))),
        )
    ),
    "a graph of no nodes there are": lambda rows, *_: rows.append(
        Row(Table.SOUND_GRAPHS, at(b"", 1), b"\x91\x81\xa5nodes\x91\x82\xa4type\xa4bomb\xa4name\xa1b")
    ),
    "another name in front": lambda _rows, _found, header: header.__setitem__("name", "other"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_bundle_that_makes_no_sense_is_refused(bundle: bytes, lie: str) -> None:
    with pytest.raises(StoreCorrupt):
        read(rewritten(bundle, LIES[lie]))


def test_a_bundle_written_again_with_the_same_content_is_believed(bundle: bytes) -> None:
    read(rewritten(bundle, lambda *_: None))


def test_a_bundle_of_a_newer_reeld_is_refused_with_the_reason(bundle: bytes) -> None:
    newer = bundle[:10] + b"\x00\x02" + bundle[12:]
    with pytest.raises(StoreCorrupt, match="version 2"):
        read(newer)


def test_a_bundle_that_went_through_a_text_transfer_is_told_as_such(bundle: bytes) -> None:
    with pytest.raises(StoreCorrupt, match="text"):
        read(bundle.replace(b"\r\n", b"\n"))


def test_a_session_of_many_rows_is_read_page_by_page(store: StoreEnvironment, tmp_path: Path) -> None:
    ms = NS // 1000
    land(store, *(chunk(number * ms, (number + 1) * ms, seq=number + 1) for number in range(1200)))
    with store.write() as txn:
        sessions.finish(txn, finish(1200 * ms))
    content, found = read(bundle_of(store, tmp_path / "long.reel"))
    assert len(found) == 1201
    assert content.record.tracks[0].chunks == 1200


def test_a_bundle_of_a_clip_can_be_taken_in(store: StoreEnvironment, tmp_path: Path) -> None:
    """Harm: what was cut out of a recording cannot be given to anybody, because it says where it came from."""
    record(store)
    part = SessionPart(session=SESSION, from_ns=NS // 2, to_ns=2 * NS)
    with store.write() as txn:
        order = DeriveSession(session="clip", name="clip", tags=[], parts=[part])
        derive.derive(txn, order, Circumstances(store.path, ()))
    content, _ = read(bundle_of(store, tmp_path / "clip.reel", "clip"))
    tables = {row.table for row in content.rows}
    assert {Table.LINEAGE, Table.HEARD, Table.SOUND_GRAPHS} <= tables
