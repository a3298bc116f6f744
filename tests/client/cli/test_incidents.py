"""`reelctl incidents`. Harm guarded against: a crash that a person cannot read about."""

import pytest

from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.incidents import Incident, IncidentKind
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

INCIDENT = Incident(
    id="20261126-01-capture-1",
    at="2026-11-26T17:43:32.762+00:00",
    kind=IncidentKind.CRASH,
    worker="capture-1",
    reason="killed by SIGSEGV",
    version="0.1.0",
    recording=True,
    trace=["current thread", "  recorder.py:306 in _watch"],
)


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    fake.answers.update(
        incidents_list=c.IncidentList(incidents=[INCIDENT]),
        incidents_show=c.IncidentDetail(incident=INCIDENT),
        incidents_clear=c.IncidentList(incidents=[INCIDENT]),
    )


def test_a_report_is_listed_shown_and_removed(reelctl: Reelctl, fake: FakeReeld) -> None:
    listed = reelctl("incidents", "list").out
    assert INCIDENT.id in listed
    assert "SIGSEGV" in listed
    shown = reelctl("incidents", "show", INCIDENT.id).out
    assert "recorder.py:306 in _watch" in shown
    assert "while recording" in shown
    assert reelctl("incidents", "show", INCIDENT.id, "--json").json["trace"] == INCIDENT.trace
    assert [each["id"] for each in reelctl("incidents", "clear", "--json").json] == [INCIDENT.id]
    fake.answers["incidents_list"] = c.IncidentList(incidents=[])
    assert reelctl("incidents", "list").out.strip() == "no incidents"


def test_an_unknown_report_is_named(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["incidents_show"] = RequestRejected("there is no incident x", code=ErrorCode.NOT_FOUND)
    assert reelctl("incidents", "show", "x").code == 5
