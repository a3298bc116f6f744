"""The buffer's sessions and their place on the clock. Harm guarded against: a buffer that shows up among a person's
sessions, and minutes of before a suspend or a restart that are taken for the last ones."""

from pathlib import Path

import pytest

from reeld.store import buffer, rows, sessions
from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.replay_orders import BufferMoment
from reeld_proto.workers import RecordPause
from tests.daemon.store.builders import NS, chunk, creation, finish, gap, land, new_store

HIDDEN, SHOWN = "20261122-170509-aaaa", "20261122-180509-bbbb"


def test_a_part_of_the_buffer_is_shown_to_nobody(tmp_path: Path) -> None:
    with new_store(tmp_path, creation(HIDDEN, buffer=True), creation(SHOWN)) as store:
        reader = StoreReader(store)
        with store.read() as txn:
            assert [record.id for record in buffer.members(txn)] == [HIDDEN]
            assert sessions.load(txn, HIDDEN).buffer
            assert sessions.load_shown(txn, SHOWN).id == SHOWN
        for look in (reader.show, reader.outline):
            look(SHOWN)
            with pytest.raises(RequestRejected) as caught:
                look(HIDDEN)
            assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_session_that_is_gone_is_no_part_of_the_buffer(tmp_path: Path) -> None:
    with new_store(tmp_path, creation(HIDDEN, buffer=True), creation(SHOWN, buffer=True)) as store:
        with store.write() as txn:
            rows.erase(txn, HIDDEN, reason="test", now_wall_ns=1)
            buffer.strike_off(txn, SHOWN)
        with store.write() as txn:
            assert buffer.members(txn) == []
            assert not list(txn.scan(Table.META, b"buffer\0"))


@pytest.mark.parametrize(
    ("started_mono_s", "started_wall_s", "now_mono_s", "now_wall_s", "live", "expected_s"),
    [
        (100, 5100, 400, 5400, False, 100),  # both clocks agree
        (100, 5100, 400, 9000, False, 100 - 3600),  # the machine slept for an hour: it is that much older
        (100, 5100, 400, 9000, True, 100),  # but not what is being recorded
        (100, 5100, 400, 1000, False, 100),  # the civil clock was set back
        (900, 5100, 40, 7000, False, 40 - 1900),  # the machine was started again
    ],
)
def test_what_is_older_by_either_clock_is_older(
    tmp_path: Path,
    started_mono_s: int,
    started_wall_s: int,
    now_mono_s: int,
    now_wall_s: int,
    live: bool,
    expected_s: int,
) -> None:
    order = creation(HIDDEN, buffer=True, started_mono_ns=started_mono_s * NS, started_wall_ns=started_wall_s * NS)
    now = BufferMoment(mono_ns=now_mono_s * NS, wall_ns=now_wall_s * NS, live=HIDDEN if live else "")
    with new_store(tmp_path, order) as store, store.read() as txn:
        stretch = buffer.stretch_of(txn, sessions.load(txn, HIDDEN), now)
        assert stretch.start_mono_ns == expected_s * NS


def test_a_pause_lies_between_media_and_clock(tmp_path: Path) -> None:
    with new_store(tmp_path, creation(SHOWN, started_mono_ns=0, started_wall_ns=0)) as store:
        with store.write() as txn:
            sessions.pause(txn, RecordPause(session=SHOWN, start_ns=10 * NS, end_ns=15 * NS))
        with store.read() as txn:
            now = BufferMoment(mono_ns=99 * NS, wall_ns=99 * NS)
            stretch = buffer.stretch_of(txn, sessions.load(txn, SHOWN), now)
        assert stretch.media_ns(-3 * NS) == -3 * NS
        assert stretch.media_ns(5 * NS) == 5 * NS
        assert stretch.media_ns(12 * NS) == 10 * NS
        assert stretch.media_ns(16 * NS) == 11 * NS
        assert stretch.mono_ns(11 * NS) == 16 * NS


def test_front_is_where_the_last_track_begins_to_be_whole(tmp_path: Path) -> None:
    with new_store(tmp_path, creation(HIDDEN, buffer=True)) as store:
        land(store, gap(0, NS, session=HIDDEN), chunk(NS, 2 * NS, session=HIDDEN))
        with store.write() as txn:
            sessions.finish(txn, finish(2 * NS, HIDDEN))
            # A gap at the front for another reason is no loss to recycling.
            assert buffer.front_ns(txn, sessions.load(txn, HIDDEN)) == 0
