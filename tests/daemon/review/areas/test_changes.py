"""Harm guarded against: a change that is not the one a person asked for, or one by somebody who may only look."""

import json
from pathlib import Path
from typing import Any

import pytest

from reeld.review.bodies import BODY_BYTES_MAX
from reeld_proto import commands as c
from reeld_proto.access import Scope
from reeld_proto.errors import ErrorCode, RequestRejected, TransportError
from reeld_proto.records import MarkerInfo, SessionInfo, SessionState
from tests.support.recorded_client import RecordedClient
from tests.support.review_app import ReviewApp

INFO = SessionInfo(
    session="s 1", name="n", state=SessionState.COMPLETED, started_at="2026-11-27T09:00:00Z", duration_s=9.0, bytes=1
)
ANSWERS = {
    "edit": INFO,
    "clip": c.Derived(session="clip", name="n", duration_s=1.0, bytes=1, new_bytes=0, info=INFO),
    "delete": c.Deleted(session="s 1", freed_bytes=1, shared_bytes=0),
}
CASES: list[tuple[str, dict[str, Any], tuple[str, dict[str, Any]]]] = [
    ("edit", {"name": "new", "note": ""}, ("edit", {"session": "s 1", "name": "new", "note": ""})),
    ("edit", {"add_tags": ["a"], "pinned": False}, ("edit", {"session": "s 1", "add_tags": ["a"], "pinned": False})),
    (
        "markers",
        {"at_s": 2, "text": "here"},
        ("edit", {"session": "s 1", "add_markers": [MarkerInfo(at_s=2.0, text="here")]}),
    ),
    ("clip", {"from_s": 1, "to_s": 2.5}, ("clip", {"session": "s 1", "from_s": 1.0, "to_s": 2.5, "name": ""})),
    ("delete", {}, ("delete", {"session": "s 1"})),
]


@pytest.mark.parametrize(("path", "body", "expected"), CASES)
def test_what_is_sent_is_asked_of_the_daemon_and_nothing_else(
    tmp_path: Path, path: str, body: dict[str, Any], expected: tuple[str, dict[str, Any]]
) -> None:
    client = RecordedClient(ANSWERS)
    with ReviewApp(tmp_path, client) as app:
        status, _ = app.send(f"/api/sessions/s 1/{path}", json.dumps(body))
    assert status == 200
    assert client.asked == [expected]


@pytest.mark.parametrize("path", ["edit", "markers", "clip", "forget", "delete"])
@pytest.mark.parametrize("scopes", [{Scope.READ, Scope.OBSERVE}, {Scope.CONTROL}, set()])
def test_who_may_not_change_is_refused_before_anything_is_asked(tmp_path: Path, path: str, scopes: set[Scope]) -> None:
    client = RecordedClient(ANSWERS)
    with ReviewApp(tmp_path, client, scopes) as app:
        status, answer = app.send(f"/api/sessions/s/{path}", "{}")
    assert (status, answer["error"]) == (403, "denied")
    assert "admin" in answer["message"]
    assert client.asked == []


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ('{"nam": "x"}', 400, "nam"),
        ('{"name": 5}', 400, "name"),
        ("[]", 400, "object"),
        ("{", 400, "cannot be read"),
        (b"\xff\xfe", 400, "cannot be read"),
        ('{"add_tags": "a"}', 400, "add_tags"),
        ('{"name": "' + "x" * BODY_BYTES_MAX + '"}', 413, "bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_fault(
    tmp_path: Path, body: str | bytes, status: int, fault: str
) -> None:
    client = RecordedClient(ANSWERS)
    with ReviewApp(tmp_path, client) as app:
        refused, answer = app.send("/api/sessions/s/edit", body)
    assert refused == status
    assert fault in answer["message"]
    assert client.asked == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", '"1"', "null"])
def test_a_time_that_is_no_number_is_refused(tmp_path: Path, number: str) -> None:
    with ReviewApp(tmp_path, RecordedClient(ANSWERS)) as app:
        assert app.send("/api/sessions/s/clip", f'{{"from_s": {number}, "to_s": 2}}')[0] == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestRejected("no session s", code=ErrorCode.NOT_FOUND), 404),
        (RequestRejected("it is being recorded", code=ErrorCode.WRONG_STATE), 409),
        (RequestRejected("too long"), 400),
        (TransportError("nobody answers"), 503),
    ],
)
def test_what_the_daemon_refuses_is_told_as_it_is(tmp_path: Path, error: Exception, status: int) -> None:
    with ReviewApp(tmp_path, RecordedClient({"delete": error})) as app:
        refused, answer = app.send("/api/sessions/s/delete", "{}")
    assert refused == status
    assert str(error) in answer["message"]


def test_what_was_removed_is_dropped_from_the_browser_too(tmp_path: Path) -> None:
    with ReviewApp(tmp_path, RecordedClient(ANSWERS)) as app:
        assert app.headers_of("/api/sessions/s/delete", "{}")["clear-site-data"] == '"cache"'
        assert "clear-site-data" not in app.headers_of("/api/sessions/s/edit", "{}")
