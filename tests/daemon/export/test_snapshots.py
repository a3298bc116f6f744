"""Snapshots as files, and what cuts leave of them. Harms guarded against: files that overwrite each other, half a file
in somebody's folder, and a picture of a forgotten range that still can be opened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.export.remux import export
from reeld.export.snapshots import name_of, write_snapshots
from reeld.store import sessions, verify
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.stills import snapshots_of
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.snapshots import SnapshotInfo
from reeld_proto.store_orders import RemoveSession
from reeld_proto.workers import RunExport, RunSnapshots
from tests.daemon.export.cutting import carry_out, derive, forget, redact
from tests.daemon.store.builders import NS, SESSION, creation, finish, land, new_store, still

TRACK = "snapshots-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """A hundred seconds: `desk`, from 40 s on `letter`, from 70 s on `desk` again, which stays past 90 s."""
    with new_store(tmp_path / "store", creation(tracks=(TRACK,))) as opened:
        land(
            opened,
            still(0, 30 * NS, b"desk"),
            still(30 * NS, 40 * NS, b"desk", taken_ns=0, frames=0),
            still(40 * NS, 70 * NS, b"letter"),
            still(70 * NS, 90 * NS, b"desk", taken_ns=0, frames=0),
            still(90 * NS, 100 * NS, b"desk", taken_ns=0, frames=0),
        )
        with opened.write() as txn:
            sessions.finish(txn, finish(100 * NS))
        yield opened


def order(store: StoreEnvironment, folder: Path, session: str = SESSION) -> RunSnapshots:
    return RunSnapshots(store=str(store.path), session=session, folder=str(folder))


def on_view(store: StoreEnvironment, session: str = SESSION) -> list[tuple[float, float, str]]:
    """(from, to, picture or reason) over the whole track."""
    reader = StoreReader(store)
    found = [(s.start_ns / NS, s.end_ns / NS, reader.chunk(s.chunk).decode()) for s in reader.segments(session, TRACK)]
    found += [(gap.start_ns / NS, gap.end_ns / NS, str(gap.reason)) for gap in reader.gaps(session, TRACK)]
    return sorted(found)


def check(store: StoreEnvironment) -> None:
    assert verify.verify(store, None).faults == []


def pictures_held(store: StoreEnvironment) -> set[bytes]:
    """What can still be opened by whoever looks into the store: referred to by anything."""
    with store.read() as txn:
        garbage = {key for key, _ in txn.scan(Table.GARBAGE)}
        return {value for key, value in txn.scan(Table.CHUNKS) if key not in garbage} & {b"desk", b"letter"}


def test_each_picture_is_written_once_under_a_name_that_sorts_by_time(store: StoreEnvironment, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    seen: list[tuple[float, float]] = []

    def progress(done: float, total: float) -> bool:
        seen.append((done, total))
        return True

    found = write_snapshots(StoreReader(store), order(store, folder), progress).snapshots
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "00h00m00.000s-snapshots-1.png": b"desk",
        "00h00m40.000s-snapshots-1.png": b"letter",
    }
    assert [(each.at_s, each.duplicate_of, Path(each.file or "").name) for each in found] == [
        (0, None, "00h00m00.000s-snapshots-1.png"),
        (40, None, "00h00m40.000s-snapshots-1.png"),
        (70, 0, "00h00m00.000s-snapshots-1.png"),
    ]
    assert seen == [(1, 2), (2, 2)]
    assert write_snapshots(StoreReader(store), order(store, folder)).snapshots == found


def test_names_go_on_after_an_hour() -> None:
    info = SnapshotInfo(
        at_s=3723.4566, width=1, height=1, bytes=1, hash="", duplicate_of=None, track="snapshots-2", format="webp"
    )
    assert name_of(info) == "01h02m03.457s-snapshots-2.webp"


def test_a_folder_that_cannot_be_made_or_is_a_file_is_told_before_anything_is_written(
    store: StoreEnvironment, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    for folder, code in ((tmp_path / "a" / "b", ErrorCode.NOT_FOUND), (tmp_path / "file", ErrorCode.INVALID_REQUEST)):
        with pytest.raises(RequestRejected) as caught:
            write_snapshots(StoreReader(store), order(store, folder))
        assert caught.value.code is code
    assert (tmp_path / "file").read_text() == "mine"


def test_one_who_stops_it_keeps_whole_files_only(store: StoreEnvironment, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected) as caught:
        write_snapshots(StoreReader(store), order(store, tmp_path / "out"), lambda done, _all: done < 1)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"desk"]


def test_a_damaged_picture_is_left_out_and_the_others_written(store: StoreEnvironment, tmp_path: Path) -> None:
    digest = snapshots_of(StoreReader(store), SESSION)[0].chunk
    with store.write() as txn:
        txn.put(Table.CHUNKS, digest, b"rotten")
    found = write_snapshots(StoreReader(store), order(store, tmp_path / "out")).snapshots
    assert [each.file is None for each in found] == [True, False, True]
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"letter"]


def test_a_film_of_snapshots_is_refused_with_the_command_that_writes_them(
    store: StoreEnvironment, tmp_path: Path
) -> None:
    wanted = RunExport(
        store=str(store.path), session=SESSION, path=str(tmp_path / "x.mp4"), from_s=None, to_s=None, tracks=[TRACK]
    )
    with pytest.raises(RequestRejected, match="snapshots") as caught:
        export(StoreReader(store), wanted)
    assert "reelctl snapshots" in caught.value.remedy
    assert not (tmp_path / "x.mp4").exists()


def test_a_clip_shows_what_was_on_view_at_its_start(store: StoreEnvironment) -> None:
    derive(store, "clip", (SESSION, 35, 45))
    assert on_view(store, "clip") == [(0, 5, "desk"), (5, 10, "letter")]
    assert [each.info.at_s for each in snapshots_of(StoreReader(store), "clip")] == [0, 5]
    derive(store, "merged", (SESSION, 0, 10), ("clip", 0, None))
    assert on_view(store, "merged") == [(0, 10, "desk"), (10, 15, "desk"), (15, 20, "letter")]
    assert len(snapshots_of(StoreReader(store), "merged")) == 2
    check(store)


def test_a_range_after_a_picture_was_taken_ends_its_time_on_view(store: StoreEnvironment) -> None:
    redact(store, SESSION, 20, 25, "redacted")
    assert on_view(store, "redacted")[:3] == [(0, 20, "desk"), (20, 25, "forgotten"), (25, 35, "desk")]
    forget(store, SESSION, 20, 25)
    assert on_view(store)[:3] == [(0, 20, "desk"), (20, 30, "forgotten"), (30, 40, "desk")]
    assert pictures_held(store) == {b"desk", b"letter"}
    check(store)


def test_nothing_of_a_picture_taken_in_the_range_survives_anywhere(store: StoreEnvironment) -> None:
    derive(store, "later", (SESSION, 50, 60))  # shows the letter, which was taken before its range
    receipt = forget(store, SESSION, 39.5, 41)
    assert on_view(store) == [
        (0, 30, "desk"),
        (30, 39.5, "desk"),
        (39.5, 70, "forgotten"),
        (70, 90, "desk"),
        (90, 100, "desk"),
    ]
    assert on_view(store, "later") == [(0, 10, "forgotten")]
    assert pictures_held(store) == {b"desk"}
    assert sorted(receipt.sessions) == sorted([SESSION, "later"])
    assert receipt.kept == []
    check(store)
    assert forget(store, SESSION, 39.5, 41) == receipt


def test_a_picture_that_came_back_goes_with_the_first(store: StoreEnvironment) -> None:
    forget(store, SESSION, 0, 1)
    assert on_view(store) == [(0, 40, "forgotten"), (40, 70, "letter"), (70, 100, "forgotten")]
    assert pictures_held(store) == {b"letter"}
    check(store)


def test_a_redacted_session_holds_no_picture_of_the_range_when_the_original_is_gone(store: StoreEnvironment) -> None:
    redact(store, SESSION, 45, 50, "redacted")
    carry_out(store, RemoveSession(session=SESSION, reason="test"))
    assert on_view(store, "redacted") == [
        (0, 30, "desk"),
        (30, 40, "desk"),
        (40, 45, "letter"),
        (45, 65, GapReason.FORGOTTEN),
        (65, 85, "desk"),
        (85, 95, "desk"),
    ]
    redact(store, "redacted", 39, 42, "again")
    carry_out(store, RemoveSession(session="redacted", reason="test"))
    assert pictures_held(store) == {b"desk"}
    check(store)
