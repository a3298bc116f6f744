"""Reports of a whole daemon. Harm guarded against: a report that is not made, or one that names what was recorded."""

import os
import signal
from collections.abc import Iterator

import pytest

from reeld_proto.commands import (
    GetStatus,
    IncidentDetail,
    IncidentList,
    ListIncidents,
    SessionStarted,
    ShowIncident,
    StartSession,
    Status,
)
from reeld_proto.incidents import Incident, IncidentKind
from tests.support.fake_house import FakeHouse
from tests.support.wait import until


@pytest.fixture
def house() -> Iterator[FakeHouse]:
    with FakeHouse() as house:
        yield house


def incidents(house: FakeHouse) -> list[Incident]:
    found: list[Incident] = house.must(ListIncidents(), IncidentList).incidents
    return found


def serving(house: FakeHouse, role: str) -> int:
    workers = house.must(GetStatus(), Status).workers
    found = next(worker for worker in workers if worker.name.startswith(role) and "standby" not in worker.name)
    return int(found.pid)


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGSEGV, IncidentKind.CRASH), (signal.SIGKILL, IncidentKind.KILLED)]
)
def test_a_worker_that_dies_while_recording_is_reported(
    house: FakeHouse, number: signal.Signals, kind: IncidentKind
) -> None:
    house.start()
    house.must(StartSession(name="my secret project"), SessionStarted)
    os.kill(serving(house, "capture"), number)
    (found,) = until(lambda: incidents(house), 10, what="a report")
    assert (found.kind, found.recording, found.reason) == (kind, True, f"killed by {number.name}")
    whole = house.must(ShowIncident(id=found.id), IncidentDetail).incident
    assert bool(whole.trace) is (number is signal.SIGSEGV)
    assert "secret" not in repr(whole)
    house.stop()


def test_a_worker_that_stalls_tells_where_it_hangs(house: FakeHouse) -> None:
    house.environment = {"FAKE_CAPTURE": "stall:1"}
    house.start()
    house.must(StartSession(), SessionStarted)
    (found,) = until(lambda: incidents(house), 20, what="a report")
    assert found.kind is IncidentKind.STALL
    whole = house.must(ShowIncident(id=found.id), IncidentDetail).incident
    assert any("worker.py" in line and "run" in line for line in whole.trace), whole.trace
    house.stop()


def test_a_daemon_that_is_killed_is_reported_by_the_next_and_a_clean_end_is_not(house: FakeHouse) -> None:
    house.start()
    assert house.daemon is not None
    house.daemon.kill()
    house.daemon.wait()
    house.start()
    assert [each.kind for each in incidents(house)] == [IncidentKind.DAEMON_LOST]
    house.stop()
    house.start()
    assert len(incidents(house)) == 1
    house.stop()
