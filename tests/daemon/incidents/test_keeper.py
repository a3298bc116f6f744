"""Which report is made of what. Harm guarded against: a daemon that died, and nobody is told."""

from pathlib import Path

import pytest

from reeld.incidents.keeper import IncidentKeeper, kind_of
from reeld.supervisor.process import describe_status
from reeld_proto.events import Event, IncidentReported
from reeld_proto.incidents import IncidentKind


class Desk:
    def __init__(self, store: Path) -> None:
        self.events: list[Event] = []
        self.keeper = IncidentKeeper(store, self.events.append, lambda: True)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (describe_status(-9), IncidentKind.KILLED),
        (describe_status(-15), IncidentKind.KILLED),
        (describe_status(-11), IncidentKind.CRASH),
        (describe_status(-6), IncidentKind.CRASH),
        (describe_status(-200), IncidentKind.CRASH),
        (describe_status(1), IncidentKind.CRASH),
        ("track video-1 made no progress for 5 s", IncidentKind.STALL),
        ("did not leave in time", IncidentKind.STALL),
    ],
)
def test_the_kind_follows_from_how_it_ended(reason: str, kind: IncidentKind) -> None:
    assert kind_of(reason) is kind


def test_a_lost_worker_is_kept_with_its_trace_and_told_without(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.keeper.lost("capture-1", "killed by SIGSEGV", ["  x.py:1 in f"])
    desk.keeper.lost("capture-1", "killed by SIGSEGV", [])
    first, second = desk.keeper.shelf.all()
    assert (first.kind, first.worker, first.recording, first.trace) == (
        IncidentKind.CRASH,
        "capture-1",
        True,
        ["  x.py:1 in f"],
    )
    assert first.id != second.id
    told = desk.events[0]
    assert isinstance(told, IncidentReported)
    assert (told.incident.id, told.incident.trace) == (first.id, [])


def test_a_daemon_that_ended_without_stopping_is_found_by_the_next_once(tmp_path: Path) -> None:
    dead = Desk(tmp_path)
    life = dead.keeper.watching_daemon()
    life.__enter__()
    (tmp_path / "incidents" / "reeld.trace").write_text('  File "/x/daemon.py", line 3 in run\n')
    found = Desk(tmp_path)
    with found.keeper.watching_daemon():
        (report,) = found.keeper.shelf.all()
        assert (report.kind, report.worker, report.trace) == (
            IncidentKind.DAEMON_LOST,
            "reeld",
            ["  daemon.py:3 in run"],
        )
        assert len(found.events) == 1
    again = Desk(tmp_path)
    with again.keeper.watching_daemon():
        assert again.events == []
    assert [path.suffix for path in (tmp_path / "incidents").iterdir()] == [".json"]


@pytest.mark.parametrize("mark", [b"", b"{", b"[]", b'{"since": 5}'])
def test_a_damaged_mark_still_says_that_there_was_a_daemon(tmp_path: Path, mark: bytes) -> None:
    (tmp_path / "incidents").mkdir()
    (tmp_path / "incidents" / "running").write_bytes(mark)
    desk = Desk(tmp_path)
    with desk.keeper.watching_daemon():
        assert "without stopping" in desk.keeper.shelf.all()[0].reason


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "incidents").touch()
    desk = Desk(tmp_path)
    with desk.keeper.watching_daemon():
        desk.keeper.lost("w", "exited with status 1", [])
    assert len(desk.events) == 1
