"""Harm guarded against: an export over a file that is there, into a place nobody finds, and a file handed out that is
not an export of this page."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reeld.review.areas import exports
from reeld_proto.access import Scope
from reeld_proto.jobs import JobInfo, JobState
from tests.daemon.review.areas.test_changes import INFO
from tests.support.recorded_client import RecordedClient
from tests.support.review_app import ReviewApp


class Job(SimpleNamespace):
    async def cancel(self) -> Any:
        return self.info


def answers(path: Path, state: JobState = JobState.COMPLETED) -> dict[str, Any]:
    info = JobInfo(id="j-1", command="sessions.export", state=state, path=str(path))
    return {"show": INFO, "export": Job(id="j-1", info=info), "get": Job(id="j-1", info=info)}


def test_an_export_is_a_job_into_the_folder_of_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "videos_folder", lambda: tmp_path)
    client = RecordedClient(answers(tmp_path / "n.mp4"))
    with ReviewApp(tmp_path, client) as app:
        status, answer = app.send("/api/sessions/s/export", json.dumps({"from_s": 1, "tracks": ["mic"]}))
    assert (status, answer["job"]["id"]) == (202, "j-1")
    asked = dict(client.asked)["export"]
    assert asked == {"session": "s", "path": tmp_path / "n.mp4", "from_s": 1.0, "to_s": None, "tracks": ["mic"]}


@pytest.mark.parametrize("path", ["out.mp4", "../out.mp4", "", "/a\0b", "~nobody-of-this-name/x.mp4"])
def test_a_path_that_is_not_absolute_is_refused(tmp_path: Path, path: str) -> None:
    client = RecordedClient(answers(tmp_path))
    with ReviewApp(tmp_path, client) as app:
        status, answer = app.send("/api/sessions/s/export", json.dumps({"path": path}))
    assert (status, answer["error"]) == (400, "invalid-request")
    assert "export" not in dict(client.asked)


def test_only_files_of_exports_that_were_begun_here_are_handed_out(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    client = RecordedClient(answers(file))
    with ReviewApp(tmp_path, client) as app:
        assert app.ask("/api/exports/j-1/film.mp4")[0] == 404
        assert app.send("/api/jobs/j-1/cancel", "{}")[0] == 404
        app.send("/api/sessions/s/export", json.dumps({"path": str(file)}))
        file.write_bytes(b"0123456789")
        status, body, headers = app.ask("/api/exports/j-1/film.mp4")
        assert (status, body) == (200, b"0123456789")
        assert headers["content-disposition"] == 'attachment; filename="film.mp4"'
        assert app.ask("/api/exports/j-1/film.mp4?play=1")[2]["content-disposition"].startswith("inline")
        assert app.ask("/api/exports/j-1/film.mp4", range="bytes=2-4")[:2] == (206, b"234")
        assert app.ask("/api/exports/j-2/film.mp4")[0] == 404
        assert app.json("/api/jobs/j-1")["job"]["state"] == "completed"
        assert app.send("/api/jobs/j-1/cancel", "{}")[0] == 200
        file.unlink()
        assert app.ask("/api/exports/j-1/film.mp4")[0] == 404


def test_a_file_that_is_still_written_is_not_handed_out(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    with ReviewApp(tmp_path, RecordedClient(answers(file, JobState.RUNNING))) as app:
        app.send("/api/sessions/s/export", json.dumps({"path": str(file)}))
        file.write_bytes(b"half")
        assert app.ask("/api/exports/j-1/film.mp4")[0] == 404


def test_no_file_is_replaced_and_no_name_given_to_two_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "videos_folder", lambda: tmp_path)
    there = tmp_path / "there.mp4"
    there.touch()
    client = RecordedClient(answers(there))
    with ReviewApp(tmp_path, client) as app:
        status, answer = app.send("/api/sessions/s/export", json.dumps({"path": str(there)}))
        assert (status, answer["error"]) == (409, "wrong-state")
        for _ in range(2):
            assert app.send("/api/sessions/s/export", "{}")[0] == 202
    paths = [about["path"].name for name, about in client.asked if name == "export"]
    assert paths == ["n.mp4", "n (2).mp4"]


def test_who_may_read_exports_and_who_may_not_does_not(tmp_path: Path) -> None:
    for scopes, status in (({Scope.READ, Scope.OBSERVE}, 202), ({Scope.OBSERVE}, 403)):
        with ReviewApp(tmp_path, RecordedClient(answers(tmp_path)), scopes) as app:
            assert app.send("/api/sessions/s/export", json.dumps({"path": str(tmp_path / "x.mp4")}))[0] == status
